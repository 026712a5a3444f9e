"""A graph of Values as a picture that notebooks show and files keep.

    cards   what is shown          engines   where it stands          svg   how it looks          graph   how it gets out

Large graphs are folded: ``folding`` and ``folded`` take the place of ``cards`` and ``svg``. Either picture is a snapshot.

In a notebook it is an image with the SVG in its address, which is shown even where scripts are not
trusted, and a small script that puts the live SVG (tooltips, text that can be selected) in the image's place where they are.
A ``Value`` does not draw itself: showing a loss must not walk its whole graph.
"""

import base64
import hashlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import final

from autograd.labels import plain_name
from viz import rendering, svg
from viz.cards import Card, Cards
from viz.layout import Layout
from viz.notation import number

MAX_NODES = 150
_TOLD = 24  # cards that the text for screen readers lists one by one
_displays = itertools.count(1)

# Every image under the id is swapped: a notebook that was run in two sessions may hold the same id twice.
_SCRIPT = """\
(function(){{document.querySelectorAll('[id="{id}"]>img').forEach(function(image){{
var bytes=Uint8Array.from(atob(image.src.split(",")[1]),function(c){{return c.charCodeAt(0)}});
var live=new DOMParser().parseFromString(new TextDecoder().decode(bytes),"image/svg+xml").documentElement;
if(live.nodeName==="svg")image.replaceWith(document.importNode(live,true));}});}})();"""


class Picture(ABC):
    """A drawing that a notebook shows and ``save`` keeps."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What is drawn, in a few words."""

    @property
    @abstractmethod
    def description(self) -> str:
        """The picture in words, as a screen reader says it."""

    @abstractmethod
    def to_svg(self) -> str:
        """The picture as an SVG document; equal graphs give equal bytes."""

    @property
    @abstractmethod
    def source(self) -> str:
        """The same cards and edges as a DOT text, for Graphviz's own renderers."""

    def _repr_html_(self) -> str:
        picture = self.to_svg().encode()
        identity = f"chalkgrad-{hashlib.sha256(picture).hexdigest()[:8]}-{next(_displays)}"
        return (
            f'<div id="{identity}" style="overflow-x:auto"><img src="data:image/svg+xml;base64,'
            f'{base64.b64encode(picture).decode()}" alt="{svg.escaped(self.description)}"></div>\n'
            f"<script>{_SCRIPT.format(id=identity)}</script>"
        )

    def to_html(self) -> str:
        """The picture in a page that needs no other file."""
        title = svg.escaped(self.title)
        head = f'<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
        return f"{head}<body>\n{self.to_svg()}</body>\n</html>\n"

    def save(self, path: str | Path) -> Path:
        """Write the picture to ``path`` as its ending says, ``.svg``, ``.html``, ``.png``, ``.pdf`` or ``.dot``, and return the path.

        The HTML page needs no other file. PNG and PDF need the extra ``pictures`` (ImportError without it). ValueError for any
        other ending.
        """
        path = Path(path)
        writer = _WRITERS.get(path.suffix.lower())
        if writer is None:
            raise ValueError(f"a picture is saved as {', '.join(_WRITERS)}; got {path.name!r}")
        path.write_bytes(writer(self))
        return path


@final
class Graph(Picture):
    """A drawn graph of Values, as it was when it was drawn. Made by ``draw``."""

    def __init__(self, cards: Cards, layout: Layout, rankdir: str, engine: str) -> None:
        self.cards = cards
        self.layout = layout
        self.rankdir = rankdir
        self.engine = engine

    def __repr__(self) -> str:
        count, edges = len(self.cards.cards), len(self.cards.edges)
        return (
            f"<Graph of {', '.join(self._root_names())}: {count} card{'s' * (count != 1)}, "
            f"{edges} edge{'s' * (edges != 1)}, placed by {self.engine}>"
        )

    @property
    def title(self) -> str:
        return ", ".join(self._root_names())

    @property
    def description(self) -> str:
        cards = self.cards.cards
        told = "; ".join(_told(i, card) for i, card in enumerate(cards[:_TOLD]))
        more = f"; and {len(cards) - _TOLD} more" if len(cards) > _TOLD else ""
        return f"Computation graph of {', '.join(self._root_names())} with {len(cards)} values. {told}{more}."

    @property
    def source(self) -> str:
        lines = [
            "digraph {",
            f"  rankdir={self.rankdir};",
            '  node [shape=box, style="rounded,filled", fillcolor=white, fontname="DejaVu Sans", fontsize=11];',
            *(f"  n{i} [label={quoted(_lines_of(card))}];" for i, card in enumerate(self.cards.cards)),
            *(f"  n{e.start} -> n{e.end}{f' [label={quoted([plain_name(e.role)])}]' * bool(e.role)};" for e in self.cards.edges),
            "}\n",
        ]
        return "\n".join(lines)

    def to_svg(self) -> str:
        return svg.write(self.cards, self.layout, self.description)

    def _root_names(self) -> list[str]:
        return [card.name(i) for i, card in enumerate(self.cards.cards) if card.is_root]


def _told(index: int, card: Card) -> str:
    said = f"{card.name(index)} = {card.formula}" if card.formula else card.name(index)
    return f"{said} = {number(card.data)}, gradient {number(card.grad)}"


def _lines_of(card: Card) -> list[str]:
    head = " = ".join(text for text in (plain_name(card.label), card.caption) if text)
    return [*([head] if head else []), number(card.data), f"∂ {number(card.grad)}"]


def quoted(lines: list[str]) -> str:
    """Lines of text as one DOT string."""
    clean = (svg.dot_text(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(clean) + '"'


_WRITERS: dict[str, Callable[[Picture], bytes]] = {
    ".svg": lambda graph: graph.to_svg().encode(),
    ".html": lambda graph: graph.to_html().encode(),
    ".png": lambda graph: rendering.png(graph.to_svg(), svg.printable(graph.description)),
    ".pdf": lambda graph: rendering.pdf(graph.to_svg(), svg.printable(graph.description)),
    ".dot": lambda graph: graph.source.encode(),
}
