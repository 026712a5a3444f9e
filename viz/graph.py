"""``draw``: a graph of Values as a picture that notebooks show and files keep.

    cards   what is shown          engines   where it stands          svg   how it looks          graph   how it gets out

A ``Graph`` is a snapshot. In a notebook it is an image with the SVG in its address, which is shown even where scripts are not
trusted, and a small script that puts the live SVG (tooltips, text that can be selected) in the image's place where they are.
A ``Value`` does not draw itself: showing a loss must not walk its whole graph.
"""

import base64
import hashlib
import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import final

from autograd import Value
from viz import svg
from viz.cards import Card, Cards, cards_of, number
from viz.engines import EngineFailed, place, run_dot, run_pygraphviz
from viz.layout import Layout

MAX_NODES = 150
_TOLD = 24  # cards that the text for screen readers lists one by one
_displays = itertools.count(1)

# Every image under the id is swapped: a notebook that was run in two sessions may hold the same id twice.
_SCRIPT = """\
(function(){{document.querySelectorAll('[id="{id}"]>img').forEach(function(image){{
var bytes=Uint8Array.from(atob(image.src.split(",")[1]),function(c){{return c.charCodeAt(0)}});
var live=new DOMParser().parseFromString(new TextDecoder().decode(bytes),"image/svg+xml").documentElement;
if(live.nodeName==="svg")image.replaceWith(document.importNode(live,true));}});}})();"""


def draw(
    root: Value | Iterable[Value], *, rankdir: str = "LR", engine: str = "auto", max_nodes: int | None = MAX_NODES
) -> "Graph":
    """A picture of everything that ``root``, one Value or several, was computed from.

    Each Value is a card ``label = op / data / ∂ grad``; numbers written in the expression stand in the op (``× 2``). ``rankdir``
    is ``"LR"`` (left to right) or ``"TB"`` (top to bottom). ``engine`` places the cards: ``"dot"``, ``"pygraphviz"``,
    ``"builtin"`` (the same bytes on every machine) or ``"auto"``, the first of these that there is.
    ValueError when there are more than ``max_nodes`` cards (None: no limit), saying how to narrow the picture.

    >>> from autograd import Value
    >>> x = Value(3.0, label="x")
    >>> draw(x * x, engine="builtin")
    <Graph of v1: 2 cards, 2 edges, placed by builtin>
    """
    cards = cards_of(root, max_nodes)
    layout, placed_by = place([svg.size_of(card) for card in cards.cards], cards.links, rankdir, engine)
    return Graph(cards, layout, rankdir, placed_by)


@final
class Graph:
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

    def _repr_html_(self) -> str:
        picture = self.to_svg().encode()
        identity = f"chalkgrad-{hashlib.sha256(picture).hexdigest()[:8]}-{next(_displays)}"
        return (
            f'<div id="{identity}" style="overflow-x:auto"><img src="data:image/svg+xml;base64,'
            f'{base64.b64encode(picture).decode()}" alt="{svg.escaped(self.description)}"></div>\n'
            f"<script>{_SCRIPT.format(id=identity)}</script>"
        )

    @property
    def description(self) -> str:
        """The graph in words, as a screen reader says it."""
        cards = self.cards.cards
        told = "; ".join(_told(i, card) for i, card in enumerate(cards[:_TOLD]))
        more = f"; and {len(cards) - _TOLD} more" if len(cards) > _TOLD else ""
        return f"Computation graph of {', '.join(self._root_names())} with {len(cards)} values. {told}{more}."

    @property
    def source(self) -> str:
        """The same cards and edges as a DOT text, for Graphviz's own renderers."""
        lines = [
            "digraph {",
            f"  rankdir={self.rankdir};",
            '  node [shape=box, style="rounded,filled", fillcolor=white, fontname="DejaVu Sans", fontsize=11];',
            *(f"  n{i} [label={_quoted(_lines_of(card))}];" for i, card in enumerate(self.cards.cards)),
            *(f"  n{e.start} -> n{e.end}{f' [label={_quoted([e.role])}]' * bool(e.role)};" for e in self.cards.edges),
            "}\n",
        ]
        return "\n".join(lines)

    def to_svg(self) -> str:
        """The picture as an SVG document; equal graphs give equal bytes."""
        return svg.write(self.cards, self.layout, self.description)

    def save(self, path: str | Path) -> Path:
        """Write the picture to ``path`` as its ending says, ``.svg``, ``.html``, ``.png`` or ``.dot``, and return the path.

        The HTML page needs no other file. PNG is drawn by Graphviz (``dot`` or pygraphviz; RuntimeError without one) from
        ``source``. ValueError for any other ending.
        """
        path = Path(path)
        writer = _WRITERS.get(path.suffix.lower())
        if writer is None:
            raise ValueError(f"a picture is saved as {', '.join(_WRITERS)}; got {path.name!r}")
        path.write_bytes(writer(self))
        return path

    def _root_names(self) -> list[str]:
        return [card.name(i) for i, card in enumerate(self.cards.cards) if card.is_root]


def _told(index: int, card: Card) -> str:
    said = f"{card.name(index)} = {card.formula}" if card.formula else card.name(index)
    return f"{said} = {number(card.data)}, gradient {number(card.grad)}"


def _lines_of(card: Card) -> list[str]:
    head = " = ".join(text for text in (card.label, card.caption) if text)
    return [*([head] if head else []), number(card.data), f"∂ {number(card.grad)}"]


def _quoted(lines: list[str]) -> str:
    """Lines as one DOT string."""
    clean = (svg.dot_text(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(clean) + '"'


def _html(graph: Graph) -> bytes:
    title = svg.escaped(", ".join(graph._root_names()))
    head = f'<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
    return f"{head}<body>\n{graph.to_svg()}</body>\n</html>\n".encode()


def _png(graph: Graph) -> bytes:
    for run in (run_dot, run_pygraphviz):
        try:
            return run(graph.source, "png")
        except (ImportError, OSError, EngineFailed):
            continue
    raise RuntimeError(
        "a PNG is drawn by Graphviz, and neither the program dot nor the package pygraphviz works here: "
        'pip install "chalkgrad[graphviz]", or save as .svg'
    )


_WRITERS: dict[str, Callable[[Graph], bytes]] = {
    ".svg": lambda graph: graph.to_svg().encode(),
    ".html": _html,
    ".png": _png,
    ".dot": lambda graph: graph.source.encode(),
}
