"""``explore``: a graph as a living picture, whose numbers can be dragged and whose backward pass can be stepped through.

    living    what is computed, and what is said about it        svg, engines    how the still picture looks, and where things stand
    scripts/living.js   what moves                               page            how it gets out

No kernel, server or package is needed to look at it: the compiler prints the graph, its adjoints and every contribution as one
JavaScript function, which computes the same bits as Python but for the last ones of functions such as tanh.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import final

from autograd import Value
from autograd.ops import listed, positive_number
from viz import page, svg
from viz.cards import Cards
from viz.engines import place
from viz.graph import MAX_NODES, Graph
from viz.living import Drawn, Living, drawn, engine_trace, living, naive_trace

_INPUTS = ("x", "y", "t")
SCRIPTS = ("numbers.js", "elements.js", "rate.js", "story.js", "living.js")


def explore(
    root: Value, *, trainable: Iterable[Value] | None = None, lr: float = 0.05, rankdir: str = "LR", engine: str = "auto"
) -> "LivingPicture":
    """A living picture of everything that ``root`` was computed from.

    Every leaf is a number to drag, with the mouse, a finger or the arrow keys; a double click types one. "One step downhill" and
    "play" subtract ``lr`` times its gradient from each Value in ``trainable``: by default from all leaves but those with a label
    that begins with x, y or t, as inputs and targets have on a blackboard (from all if no other is left). Buttons, a slider and
    keys step through the forward pass, card by card, and the backward pass in the engine's own order.
    ``rankdir`` and ``engine`` are those of ``draw``. TypeError for anything but a Value, or for an op with a hand-written backward;
    ValueError for a leaf alone, more than 150 cards, an ``lr`` that is not above 0, or something in ``trainable`` that is no leaf
    below ``root``.

    >>> from autograd import Value
    >>> w, x = Value(-3.0, label="w"), Value(2.0, label="x")
    >>> explore((w * x - 1) ** 2)
    <living picture of v4: 5 cards, moves w>
    """
    graph = drawn(root, MAX_NODES)
    moved = _trainable(graph, trainable)
    return LivingPicture(living(graph, [engine_trace(graph)]), moved, positive_number(lr, "lr"), ("",), rankdir, engine)


def explain_order(root: Value, *, rankdir: str = "LR", engine: str = "auto") -> "LivingPicture":
    """Two living pictures side by side: the backward pass in topological order, and one that goes wrong.

    In the second each card hands its derivative on as soon as the first contribution has reached it. ValueError if that gives the
    same gradients, as it does where no computed value is used twice.

    >>> from autograd import Value
    >>> x = Value(2.0, label="x")
    >>> a = x * x
    >>> explain_order(a + a * x)
    <living picture of v3: 4 cards, moves x>
    """
    graph = drawn(root, MAX_NODES)
    right = engine_trace(graph)
    for last_first in (False, True):
        both = living(graph, [right, naive_trace(graph, last_first)])
        if both.cards(0) != both.cards(1):
            titles = ("in topological order", "as soon as something arrives")
            return LivingPicture(both, _trainable(graph, None), None, titles, rankdir, engine)
    raise ValueError(
        "any order gives the right gradients here; explain_order needs an expression that uses a computed value twice, "
        "such as a = x * x; E = a * x + a"
    )


def _trainable(graph: Drawn, chosen: Iterable[Value] | None) -> tuple[int, ...]:
    """Which of the leaves are moved downhill, as places among the leaves."""
    leaves = [graph.values[i] for i in graph.leaves]
    if chosen is None:
        free = [k for k, leaf in enumerate(leaves) if not str(leaf.label).startswith(_INPUTS) and not leaf.is_constant]
        return tuple(free or range(len(leaves)))
    place_of = {leaf: k for k, leaf in enumerate(leaves)}
    wanted = listed(chosen, "trainable")
    for value in wanted:
        if not isinstance(value, Value):
            raise TypeError(f"trainable needs Values, got {type(value).__name__}")
        if value not in place_of:
            known = ", ".join(str(leaf.label) for leaf in leaves if leaf.label)
            raise ValueError(
                f"trainable holds {value!r}, which is no leaf of this picture; its labelled leaves are {known or 'none'}"
            )
    return tuple(dict.fromkeys(place_of[value] for value in wanted))


def _still(graph: Graph) -> str:
    """The picture without tooltips, which an image does not show and the script writes anew."""
    return re.sub(r"<title>[^<]*</title>\n", "", graph.to_svg())


@final
class LivingPicture:
    """A picture to drag and to step through, as it was when it was made. Made by ``explore`` and ``explain_order``."""

    def __init__(
        self, alive: Living, trainable: tuple[int, ...], lr: float | None, titles: tuple[str, ...], rankdir: str, engine: str
    ) -> None:
        from autograd.compiler.targets.javascript import javascript

        cards = alive.graph.cards
        layout, placed_by = place([svg.size_of(card) for card in cards.cards], cards.links, rankdir, engine)
        self.stills = [Graph(alive.cards(i), layout, rankdir, placed_by) for i in range(len(titles))]
        self.data = alive.page_data(trainable, lr, titles)
        self._compute = javascript(alive.program, "compute")

    def __repr__(self) -> str:
        names, inputs = self.data["names"], self.data["inputs"]
        moved = ", ".join(names[inputs[k]] for k in self.data["trainable"])
        cards: Cards = self.stills[0].cards
        root = cards.cards[-1].name(len(cards.cards) - 1)
        return f"<living picture of {root}: {len(cards.cards)} cards, moves {moved}>"

    def _repr_html_(self) -> str:
        return page.notebook_output(self.stills_as_svg, [g.description for g in self.stills], self.script)

    @property
    def javascript(self) -> str:
        """The program of the picture: a function of the leaves' numbers."""
        return self._compute

    @property
    def stills_as_svg(self) -> list[str]:
        """The still pictures that the script brings to life."""
        return list(map(_still, self.stills))

    @property
    def script(self) -> str:
        """What brings the pictures to life: a script that defines ``start(host, stills)``."""
        start = f"const start=(host,stills)=>living(host,stills,{page.literal(self.data)},compute);"
        return f"{page.script(*SCRIPTS)}{page.squeezed(self._compute)}{start}"

    def to_html(self) -> str:
        """The picture as an HTML page that needs no other file and no network; equal pictures give equal bytes."""
        return page.page(str(self.data["names"][-1]), [svg.said_once(still) for still in self.stills_as_svg], self.script)

    def save(self, path: str | Path) -> Path:
        """Write the page to ``path``, which ends in ``.html``, and return the path; ValueError for another ending."""
        return page.saved(path, "a living picture", {".html": self.to_html})
