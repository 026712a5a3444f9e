"""``animate``: the backward pass as an SVG that plays by itself, inside ``<img>`` too, where no script runs.

The moving layer lies over the still picture: covers over the gradients that have not arrived yet, rings, travelling dashes, and the
chain rule below, each switched on and off (``moving``).
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import final

from autograd import Value
from autograd.ops import positive_number
from viz import moving, page, svg
from viz.cards import Card
from viz.engines import place
from viz.graph import MAX_NODES, Graph
from viz.layout import Point
from viz.living import drawn, engine_trace, living
from viz.notation import number
from viz.story import Told, backward_story

_LINE, _SIZE = 22.0, 14.0
_MOST_LINES = 4  # of one push that are shown; the rest are counted
_REST = 2  # steps that the finished picture stays


def animate(root: Value, *, seconds: float = 2.0, rankdir: str = "LR", engine: str = "auto") -> "Animation":
    """The backward pass of ``root`` as a picture that plays by itself, over and over, ``seconds`` for each card's push.

    It plays wherever an SVG is shown, in a README on the web or a notebook nobody trusts, and stands still for readers who prefer
    reduced motion. ``rankdir`` and ``engine`` are those of ``draw``. TypeError and ValueError as from ``explore``, and ValueError
    unless ``seconds`` is above 0.

    >>> from autograd import Value
    >>> w, x = Value(-3.0, label="w"), Value(2.0, label="x")
    >>> animate(w * x)
    <animation of the backward pass of v2: 3 cards, 1 push>
    """
    seconds = positive_number(seconds, "seconds")
    graph = drawn(root, MAX_NODES)
    alive = living(graph, [engine_trace(graph)])
    layout, placed_by = place([svg.size_of(card) for card in graph.cards.cards], graph.cards.links, rankdir, engine)
    return Animation(Graph(alive.cards(0), layout, rankdir, placed_by), backward_story(alive), seconds)


@final
class Animation:
    """A backward pass that plays by itself. Made by ``animate``."""

    def __init__(self, still: Graph, story: Sequence[Told], seconds: float) -> None:
        self.still = still
        self.story = tuple(story)
        self.seconds = seconds

    def __repr__(self) -> str:
        cards, pushes = self.still.cards.cards, len(self.story)
        name = cards[-1].name(len(cards) - 1)
        return f"<animation of the backward pass of {name}: {len(cards)} cards, {pushes} push{'es' * (pushes != 1)}>"

    def _repr_html_(self) -> str:
        return page.image(self.to_svg(), self.still.description)

    def to_svg(self) -> str:
        """The moving picture as an SVG document; equal graphs give equal bytes."""
        lines = [_shown(told) for told in self.story]
        width = max(svg.width_of(line, _SIZE) for told in lines for line in told)
        room = (width, _LINE * max(map(len, lines)) + 10.0)
        film = _Film(self.still, len(self.story) + 1 + _REST, self.seconds)
        above = moving.layer([*film.covers(self.story), *film.pushes(self.story, lines)])
        return svg.write(self.still.cards, self.still.layout, self.still.description, above, room, moving.STYLE)

    def save(self, path: str | Path) -> Path:
        """Write the SVG to ``path``, which ends in ``.svg``, and return the path; ValueError for another ending."""
        return page.saved(path, "an animation", {".svg": self.to_svg})


def _shown(told: Told) -> list[str]:
    """The lines of a push that have room below the picture."""
    if len(told.lines) <= _MOST_LINES:
        return list(told.lines)
    return [*told.lines[: _MOST_LINES - 1], f"… and {len(told.lines) - _MOST_LINES + 1} more"]


@final
class _Film:
    """The moving layer over a still picture. Step 0 shows the start ∂E/∂E = 1, step i the i-th push, the last ones everything."""

    def __init__(self, still: Graph, steps: int, seconds: float) -> None:
        self.cards, self.layout = still.cards, still.layout
        self.steps, self.seconds = steps, seconds

    def covers(self, story: Sequence[Told]) -> Iterator[str]:
        """Over each gradient what it is before the pass is over: 0 at first, then what has arrived."""
        for i, (card, centre) in enumerate(zip(self.cards.cards, self.layout.centres, strict=True)):
            course = [(0, None if i < len(self.cards.cards) - 1 else 1.0)]
            course += [(step, told.gradients[i]) for step, told in enumerate(story, 1)]
            changes = [course[0], *(now for before, now in pairwise(course) if now[1] != before[1])]
            for (start, gradient), (end, _) in pairwise(changes):
                yield self._during(start, end, _cover(card, centre, gradient))

    def pushes(self, story: Sequence[Told], lines: Sequence[Sequence[str]]) -> Iterator[str]:
        """Each push: a ring around the card, its edges, the cards that receive, and the words."""
        for step, (told, said) in enumerate(zip(story, lines, strict=True), 1):
            touched = dict.fromkeys(self.cards.edges[edge].start for edge in told.edges)
            shapes = [*map(self._tint, touched), self._ring(told.card), *map(self._way, told.edges), *self._words(said)]
            yield self._during(step, step + 1, "".join(shapes))

    def _during(self, start: int, end: int, content: str) -> str:
        return moving.during(start, end, self.steps, self.seconds, content)

    def _box(self, card: int) -> str:
        (x, y), (width, height) = self.layout.centres[card], svg.size_of(self.cards.cards[card])
        return f'x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.1f}" rx="8"'

    def _ring(self, card: int) -> str:
        return f'<rect {self._box(card)} fill="none" stroke="{svg.PURPLE}" stroke-width="3"/>'

    def _tint(self, card: int) -> str:
        return f'<rect {self._box(card)} fill="{svg.PURPLE}" fill-opacity="0.1"/>'

    def _way(self, edge: int) -> str:
        start, *rest = (f"{x:.1f} {y:.1f}" for x, y in self.layout.routes[edge])
        travel = '<animate attributeName="stroke-dashoffset" values="0;20" dur="1s" repeatCount="indefinite"/>'
        return (
            f'<path d="M{start}C{" ".join(rest)}" fill="none" stroke="{svg.PURPLE}" stroke-width="3" '
            f'stroke-dasharray="6 4">{travel}</path>'
        )

    def _words(self, lines: Sequence[str]) -> Iterator[str]:
        for k, line in enumerate(lines):
            y = self.layout.height + 10.0 + _LINE * (k + 0.7)
            yield f'<text x="0" y="{y:.1f}" font-size="{_SIZE:g}" fill="{svg.INK}">{svg.escaped(line)}</text>'


def _cover(card: Card, centre: Point, gradient: float | None) -> str:
    """What hides the final gradient of a card and says what it is so far."""
    (x, y), (width, height) = centre, svg.size_of(card)
    fill = svg.LEAF_FILL if card.is_leaf else svg.CARD_FILL
    purple = svg.PURPLE if gradient else svg.FAINT_PURPLE
    said = number(0.0 if gradient is None else gradient)
    line = y + height / 2 - 9.0
    return (
        f'<rect x="{x - width / 2 + 11:.1f}" y="{line - 12:.1f}" width="{width - 16:.1f}" height="16" fill="{fill}"/>'
        f'<text x="{x:.1f}" y="{line:.1f}" font-size="12" fill="{purple}" text-anchor="middle">∂ {said}</text>'
    )
