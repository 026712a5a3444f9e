"""A folded graph as a picture: one card per group, with a strip of its data and one of its gradients.

Glossary::

    strip     a row of cells, one per number; of more than 32 numbers each cell is the mean of some, of samples the mean over them
    spy       the small square on an edge that shows which numbers of two groups are connected

Like a ``Graph`` it is a snapshot of texts and numbers. In a page its cards open (``inside``, ``scripts/folded.js``).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autograd import Value
from autograd.compiler.recording import collector_resting
from autograd.labels import plain_name
from viz import page, svg
from viz.engines import ask, dot_starting, place
from viz.folding import Rule, folded
from viz.graph import Picture, quoted
from viz.groups import Group, Groups
from viz.implied import common_label, head_labels
from viz.inside import inside
from viz.layout import Layout, Point, Size, on_curve
from viz.normal_form import NormalForm
from viz.notation import number
from viz.ties import Samples, Tie, places_in, samples_of, tie

MOST_CARDS = 60
SCRIPTS = ("numbers.js", "elements.js", "tables.js", "folded.js")
CELLS = 32
_LONGEST = 40  # characters of a card's head
_WIDTH, _HEIGHT, _NOTE = 172.0, 86.0, 14.0
_STRIP = 9.0
_SHADES = 5
_SPY = 16.0  # side of a spy picture in pixels
Numbers = npt.NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True)
class GroupCard:
    """What the card of a group shows. ``values`` is how many Values it stands for, ``per_cell`` how many numbers a cell is the mean of."""

    head: str
    note: str
    count: int
    values: int
    data: tuple[float, ...]
    grads: tuple[float, ...]
    data_range: tuple[float, float]
    grad_range: tuple[float, float]
    per_cell: int
    is_leaf: bool
    is_root: bool


def folded_graph(roots: Sequence[Value], fold: "str | Rule", rankdir: str, engine: str) -> "FoldedGraph":
    """The folded picture of everything that some Values were computed from; ``fold`` as in ``draw``."""
    with dot_starting(engine), collector_resting():
        form = _normal_form(roots)
        groups = folded(form, fold, MOST_CARDS)
        samples = samples_of(form, groups)
        sizes, letters = _values_in(form, groups), _letters(form, groups)
        labels = head_labels(form)
        cards = [_card(form, group, samples, sizes[k], labels, letters.get(k, "")) for k, group in groups.items()]
        index = {k: i for i, k in enumerate(groups)}
        sizes_of_cards = [size_of(card) for card in cards]
        links = [(index[source], index[k]) for k, group in groups.items() for source in group.entries]
        ask(sizes_of_cards, links, rankdir)
        places = places_in(form, groups)
        ties = [tie(form, groups, places, source, k) for k, group in groups.items() for source in group.entries]
        form.let_go()
        layout, placed_by = place(sizes_of_cards, links, rankdir, engine)
    held = cache(partial(inside, form, groups, samples, labels, letters))
    return FoldedGraph(tuple(cards), tuple(zip(links, ties, strict=True)), layout, rankdir, placed_by, _names(roots), held)


def _normal_form(roots: Sequence[Value]) -> NormalForm:
    try:
        return NormalForm(roots)
    except TypeError as error:  # an op made by hand
        raise TypeError(f"a graph as large as this is folded by the compiler's normal form, but {error}") from error


def _names(roots: Sequence[Value]) -> str:
    return ", ".join(str(v.label) or "the result" for v in roots)


def _values_in(form: NormalForm, groups: Groups) -> dict[int, int]:
    """How many Values each group stands for, those inside its heads included."""
    labels = np.zeros(len(form.values), np.int64)
    for k, group in groups.items():
        labels[group.parts] = k
    sizes = np.bincount(labels[form.drawn_with], np.bincount(form.heads, minlength=len(labels)), max(groups) + 1)
    return {k: int(sizes[k]) for k in groups}


def _letters(form: NormalForm, groups: Groups) -> dict[int, str]:
    """What the forms of their consumers call groups of leaves: w, x or b."""
    found: dict[int, str] = {}
    for group in groups.values():
        for source, edges in group.entries.items():
            if not groups[source].form and any(["w·x" in piece.form for piece in group.pieces]):
                sides = form.sides[edges]
                found.setdefault(source, {0: "w", 1: "x", 2: "b"}.get(int(sides[0]), "") if (sides == sides[0]).all() else "")
    return found


def _card(form: NormalForm, group: Group, repeats: Samples, values: int, labels: dict[int, str], letter: str) -> GroupCard:
    data, grads, samples = form.data[group.members], form.grads[group.members], repeats.of(group.members)
    each = group.count // samples
    name = group.form if not group.title or " × " in group.title else group.title
    label = common_label([labels.get(i, "") for i in group.members.tolist()] if labels else [""], most=1 if group.form else 2)
    said = " = ".join(text for text in (label, name) if text) or letter or "numbers"
    notes = (
        [group.form] if group.form and name is group.title else [group.title] if group.title and name is not group.title else []
    )
    if samples > 1:
        notes.append(f"{samples:,} samples")
    cells, grad_cells = _cells(data, samples), _cells(grads, samples)
    return GroupCard(
        head=_shortened(f"{each:,} × {said}" if each > 1 else said),
        note=" · ".join(notes),
        count=group.count,
        values=values,
        data=tuple(cells.tolist()),
        grads=tuple(grad_cells.tolist()),
        data_range=_range(data),
        grad_range=_range(grads),
        per_cell=-(-group.count // len(cells)),
        is_leaf=not group.form,
        is_root=bool(form.is_root[group.members].any()),
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _range(xs: Numbers) -> tuple[float, float]:
    return float(xs.min()), float(xs.max())


def _cells(xs: Numbers, samples: int) -> Numbers:
    """The numbers of a strip: of several numbers in each sample their means over the samples."""
    units = xs.reshape(samples, -1).mean(axis=0) if samples < len(xs) else xs
    if len(units) <= CELLS:
        return units
    edges = np.arange(CELLS) * len(units) // CELLS
    means: Numbers = np.add.reduceat(units, edges) / np.diff(np.append(edges, len(units)))
    return means


# --- The picture ---------------------------------------------------------------------------------------------------------------


def size_of(card: GroupCard) -> Size:
    """The width and height of a card in pixels."""
    widest = max(svg.width_of(card.head, 13.0) * 1.1, svg.width_of(card.note, 10.5))
    return float(round(max(_WIDTH, widest + 26.0))), _HEIGHT + _NOTE * bool(card.note)


@final
class FoldedGraph(Picture):
    """A drawn graph of Values with many of them to a card. Made by ``draw``."""

    def __init__(
        self,
        cards: tuple[GroupCard, ...],
        ties: tuple[tuple[tuple[int, int], Tie], ...],
        layout: Layout,
        rankdir: str,
        engine: str,
        names: str,
        inside: Callable[[], dict[str, Any]],
    ) -> None:
        self.cards = cards
        self.ties = ties
        self.layout = layout
        self.rankdir = rankdir
        self.engine = engine
        self._names = names
        self._inside = inside

    def __repr__(self) -> str:
        total = sum(card.values for card in self.cards)
        return f"<FoldedGraph of {self._names}: {total:,} values in {len(self.cards)} cards, placed by {self.engine}>"

    @property
    def title(self) -> str:
        return self._names

    @property
    def description(self) -> str:
        total = sum(card.values for card in self.cards)
        told = "; ".join(
            f"{plain_name(card.head)}{f' ({card.note})' if card.note else ''}: {_between(card.data_range)}" for card in self.cards
        )
        return f"Computation graph of {self._names}, {total:,} values folded into {len(self.cards)} groups. {told}."

    @property
    def source(self) -> str:
        lines = [
            "digraph {",
            f"  rankdir={self.rankdir};",
            '  node [shape=box, style="rounded,filled", fillcolor=white, fontname="DejaVu Sans", fontsize=11];',
            *(f"  n{i} [label={quoted([plain_name(c.head), _between(c.data_range)])}];" for i, c in enumerate(self.cards)),
            *(f"  n{start} -> n{end} [label={quoted([t.name])}];" for (start, end), t in self.ties),
            "}\n",
        ]
        return "\n".join(lines)

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script reads; see ``inside``."""
        heads = [card.head for card in self.cards]
        ties = [[*ends, tie.name, tie.edges] for ends, tie in self.ties]
        return {"heads": list(map(plain_name, heads)), "ties": ties, "is_down": self.rankdir == "TB", **self._inside()}

    @property
    def script(self) -> str:
        """What makes the cards open: a script that defines ``start(host, stills)``."""
        start = f"const start=(host,stills)=>folded(host,stills,{page.literal(self.data)});"
        return page.script(*SCRIPTS) + start

    def _repr_html_(self) -> str:
        return page.notebook_output([self.to_svg()], [self.description], self.script)

    def to_html(self) -> str:
        """The picture in a page that needs no other file, whose cards open on a click or a key; equal graphs give equal bytes."""
        return page.page(self.title, [svg.said_once(self.to_svg())], self.script)

    def to_svg(self) -> str:
        drawn = [_drawn(card, centre) for card, centre in zip(self.cards, self.layout.centres, strict=True)]
        spies = [_spy(tie, centre) for (_, tie), centre in zip(self.ties, _side_by_side(self.layout.routes), strict=True)]
        return svg.document(self.layout, self.description, [*map(svg.curve, self.layout.routes), *drawn, *spies])


def _between(ends: tuple[float, float]) -> str:
    low, high = map(number, ends)
    return low if low == high else f"{low} … {high}"


def _drawn(card: GroupCard, centre: Point) -> str:
    width, height = size_of(card)
    left, top = centre[0] - width / 2, centre[1] - height / 2
    x, inner = left + 13.0, width - 26.0
    low = top + _NOTE * bool(card.note)
    cell = inner / len(card.data)
    lefts = [f"M{x + i * cell:.1f}" for i in range(len(card.data))]
    parts = [
        "<g>",
        f"<title>{_tooltip(card)}</title>",
        svg.frame(left, top, width, height, is_leaf=card.is_leaf, is_root=card.is_root),
        svg.line(centre[0], top + 19.0, 13.0, svg.INK, card.head, bold=True),
        *([svg.line(centre[0], top + 34.0, 10.5, svg.GREY, card.note)] if card.note else []),
        *_strip(card.data, lefts, x, low + 27.0, inner, svg.BLUE, svg.ORANGE),
        svg.line(centre[0], low + 47.0, 10.5, svg.INK, _between(card.data_range)),
        *_strip(card.grads, lefts, x, low + 53.0, inner, svg.PURPLE, svg.PURPLE),
        svg.line(centre[0], low + 74.0, 10.5, svg.PURPLE, f"∂ {_between(card.grad_range)}"),
        "</g>",
    ]
    return "\n".join(parts)


def _tooltip(card: GroupCard) -> str:
    said = [card.head, card.note] if card.note else [card.head]
    cells = f"each cell is the mean of {card.per_cell} numbers" if card.per_cell > 1 else "one cell for each number"
    (low, high), (least, most) = card.data_range, card.grad_range
    numbers = [
        f"{card.values:,} values, {card.count:,} numbers shown; {cells}",
        f"data {low!r} … {high!r}",
        f"gradient {least!r} … {most!r}",
    ]
    return "\n".join([*map(svg.escaped, said), *numbers])


def _strip(xs: Sequence[float], lefts: Sequence[str], x: float, y: float, width: float, above: str, below: str) -> Iterator[str]:
    """Cells side by side, as strong in colour as their numbers are far from 0; nan and inf are grey. ``lefts`` are where they begin."""
    box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_STRIP:g}"'
    yield f'<rect {box} fill="#ffffff" stroke="{svg.OUTLINE}" stroke-width="0.6"/>'
    infinity = float("inf")
    largest = max([size for size in map(abs, xs) if size < infinity], default=0.0)
    shades: dict[tuple[str, int], list[str]] = {}
    for left, v in zip(lefts, xs, strict=True):
        size = abs(v)
        if not size < infinity:
            shades.setdefault((svg.GREY, _SHADES), []).append(left)
        elif largest and (shade := round(size / largest * _SHADES)):
            shades.setdefault((above if v > 0 else below, shade), []).append(left)
    cell = width / len(xs)
    shape = f" {y:.1f}h{cell:.1f}v{_STRIP:g}h{-cell:.1f}z"
    for (colour, shade), cells in shades.items():
        yield f'<path d="{shape.join(cells)}{shape}" fill="{colour}" fill-opacity="{shade / _SHADES:g}"/>'


def _side_by_side(routes: Sequence[Sequence[Point]]) -> list[Point]:
    """Where on its edge each spy picture stands: in the middle of the last swing, or nearby if another one is there."""
    taken: list[Point] = []
    for route in routes:
        last = svg.swings(route)[1]
        choices = (on_curve(route, last + part) for part in (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8))
        free = (p for p in choices if all([max(abs(p[0] - x), abs(p[1] - y)) >= _SPY + 4.0 for x, y in taken]))
        taken.append(next(free, None) or on_curve(route, last + 0.5))
    return taken


def _spy(tie: Tie, centre: Point) -> str:
    """A small square on the edge: rows are the numbers of the first group, columns those of the second."""
    x, y, side = centre[0] - _SPY / 2, centre[1] - _SPY / 2, _SPY
    height, width = side / tie.rows, side / tie.columns
    across = [f"M{x + column * width:.1f} " for column in range(tie.columns)]
    cell = f"h{width:.3g}v{height:.3g}h{-width:.3g}z"
    down = [f"{y + row * height:.1f}{cell}" for row in range(tie.rows)]
    cells = "".join([across[column] + down[row] for row, column in tie.spy])
    return (
        f"<g><title>{svg.escaped(tie.name)}\n{tie.edges:,} edges</title>"
        f'<rect x="{x - 2:.1f}" y="{y - 2:.1f}" width="{side + 4:g}" height="{side + 4:g}" rx="2.5" fill="#ffffff" '
        f'stroke="{svg.OUTLINE}" stroke-width="0.8"/><path d="{cells}" fill="{svg.GREY}"/></g>'
    )
