"""What a living picture computes: one program for the data and the adjoint of every card and the contribution along every edge.

Glossary::

    trace          a backward pass as it goes: which card pushes when, and what travels along each edge
    push           one step of it: a card hands its adjoint on, along the edges to its operands
    contribution   what travels along an edge, g · ∂y/∂operand; an adjoint is the sum of those that arrive
    template       a text in which ``{3}`` stands for the fourth card and ``{g}`` for the adjoint that is handed on: with names
                   filled in it is a formula, with numbers a calculation

Nothing here says what a derivative is: contributions are what the ops' own rules record (``autograd.derivatives``), and the text of
a rule is what it answers when it is run on names (``symbols``). The compiler turns both into one function of the leaves' numbers.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from autograd import Value
from autograd.compiler import engines
from autograd.derivatives import adjoint_graph
from viz.cards import Cards, cards_of, formula, values_of
from viz.naming import Names
from viz.notation import factor, number
from viz.svg import isolated, printable, shortened
from viz.symbols import Name, Symbolic, local_derivatives

if TYPE_CHECKING:
    from autograd.compiler.program import Program

# One word, or a function of something: needs no parentheses behind ∂.
_NAME = re.compile(r"[^\s·/+−()]*|\w+\([^()]*\)")
Push = tuple[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Trace:
    """A recorded backward pass. Contributions are None along edges where no derivative can flow."""

    pushes: tuple[Push, ...]
    adjoints: tuple[Value, ...]
    contributions: tuple[Value | None, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A graph as its picture shows it: the Values that have cards, the cards, and for each edge the place of its operand."""

    values: tuple[Value, ...]
    cards: Cards
    places: tuple[int, ...]

    @property
    def leaves(self) -> list[int]:
        """The indices of the cards that were computed from nothing."""
        return [i for i, value in enumerate(self.values) if value.is_leaf]

    @property
    def computed(self) -> list[int]:
        """The indices of all other cards."""
        return [i for i, value in enumerate(self.values) if not value.is_leaf]

    def edges_of(self, card: int) -> tuple[int, ...]:
        """The edges that end at a card, in the order of its operands."""
        return tuple(k for k, edge in enumerate(self.cards.edges) if edge.end == card)


def drawn(root: Value, max_nodes: int) -> Drawn:
    """The graph below ``root`` with its cards; TypeError for anything but one Value, ValueError for more than ``max_nodes``."""
    if not isinstance(root, Value):
        raise TypeError(f"a living picture needs one Value, the result of an expression, got {type(root).__name__}")
    cards, values = cards_of(root), values_of(root)
    if len(values) > max_nodes:
        raise ValueError(
            f"a living picture holds up to {max_nodes} cards, this one would need {len(values):,} cards; "
            "take the loss of one sample or the output of one neuron, or viz.draw, which folds"
        )
    if not any([value.is_leaf for value in values]) or len(values) == 1:
        raise ValueError("a living picture needs a result that was computed from at least one leaf, got a leaf alone")
    shown = set(map(id, values))
    places = [place for value in values for place, operand in enumerate(value._prev) if id(operand) in shown]
    return Drawn(tuple(values), cards, tuple(places))


# --- Backward passes -----------------------------------------------------------------------------------------------------------


def engine_trace(graph: Drawn) -> Trace:
    """The backward pass in the engine's own order, from the last card to the first; its numbers are those of ``backward()``."""
    root, arrived = graph.values[-1], dict[Value, list[Value]]()

    def crossing(node: Value, operand: Value, contribution: Any) -> Any:
        arrived.setdefault(node, []).append(contribution)
        return contribution

    adjoints = adjoint_graph(root, graph.values, crossing=crossing, anywhere=True)
    contributions: list[Value | None] = [None] * len(graph.places)
    pushes: list[Push] = []
    for i in reversed(range(len(graph.values))):
        node = graph.values[i]
        if node in arrived:
            edges = _flowing(graph, i)
            pushes.append((i, edges))
            for edge, contribution in zip(edges, arrived[node], strict=True):
                contributions[edge] = contribution
    return Trace(tuple(pushes), tuple(adjoints), tuple(contributions))


def naive_trace(graph: Drawn, last_first: bool) -> Trace:
    """A backward pass that can go wrong: each card pushes as soon as the first derivative reaches it, depth first, and only once.

    ``last_first`` says from which side the operands are gone through.
    """
    index = {value: i for i, value in enumerate(graph.values)}
    adjoints: dict[Value, Any] = {graph.values[-1]: Value(1.0)}
    contributions: list[Value | None] = [None] * len(graph.places)
    pushes: list[Push] = []
    for node in _as_reached(graph.values[-1], last_first):
        if node not in adjoints or node.is_leaf:
            continue
        edges, answered = _flowing(graph, index[node]), _answers(adjoints[node], node)
        pushes.append((index[node], edges))
        for edge in edges:
            operand, contribution = node._prev[graph.places[edge]], answered[graph.places[edge]]
            contributions[edge] = contribution
            adjoints[operand] = adjoints[operand] + contribution if operand in adjoints else contribution
    return Trace(tuple(pushes), tuple(adjoints.get(value, Value(0.0)) for value in graph.values), tuple(contributions))


def _as_reached(root: Value, last_first: bool) -> Iterable[Value]:
    reached: dict[Value, None] = {}
    stack = [root]
    while stack:
        node = stack.pop()
        if node not in reached:
            reached[node] = None
            stack.extend(node._prev if last_first else reversed(node._prev))
    return reached


def _answers(g: Value, node: Value) -> list[Any]:
    """What the node's rule answers for each operand; behind a condition that does not hold, 0."""
    assert node.op.rule is not None
    return [getattr(answer, "value", answer) for answer in node.op.rule(g, node, *node._prev)]


def _flowing(graph: Drawn, card: int) -> tuple[int, ...]:
    """The edges of a card along which its rule sends anything."""
    node = graph.values[card]
    answered = _answers(Value(1.0), node)
    return tuple(edge for edge in graph.edges_of(card) if answered[graph.places[edge]] is not None)


# --- What the page is given ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Living:
    """A graph with its traces and the program of all their numbers, computed at the leaves' numbers.

    The program's outputs are the data of the computed cards, then for each trace the adjoints of all cards and the contributions
    along the edges that have one.
    """

    graph: Drawn
    traces: tuple[Trace, ...]
    program: "Program"
    outputs: tuple[float, ...]

    @property
    def data(self) -> tuple[float, ...]:
        """The data of every card."""
        graph, computed = self.graph, iter(self.outputs)
        return tuple(value.data if value.is_leaf else next(computed) for value in graph.values)

    def adjoints(self, trace: int) -> tuple[float, ...]:
        """The adjoint of every card."""
        first = self._adjoints_at(trace)
        return self.outputs[first : first + len(self.graph.values)]

    def contributions(self, trace: int) -> dict[int, float]:
        """What travels along the edges, in the order of the edges."""
        return {edge: self.outputs[place] for edge, place in enumerate(self._contributions_at(trace)) if place >= 0}

    def _adjoints_at(self, trace: int) -> int:
        before = sum([len(t.adjoints) + len(_flows(t)) for t in self.traces[:trace]])
        return len(self.graph.computed) + before

    def _contributions_at(self, trace: int) -> list[int]:
        """The place among the outputs of the contribution along each edge, −1 if it has none."""
        places = iter(range(self._adjoints_at(trace) + len(self.graph.values), len(self.outputs)))
        return [-1 if contribution is None else next(places) for contribution in self.traces[trace].contributions]

    def cards(self, trace: int) -> Cards:
        """The cards with the numbers that were computed, for the still picture."""
        numbers = zip(self.graph.cards.cards, self.data, self.adjoints(trace), strict=True)
        alive = tuple(replace(card, data=data, grad=grad) for card, data, grad in numbers)
        return Cards(alive, self.graph.cards.edges)

    def page_data(self, trainable: Sequence[int], lr: float | None, titles: Sequence[str]) -> dict[str, Any]:
        """What the script reads; ``trainable`` are places among the leaves, ``titles`` those of the traces."""
        graph = self.graph
        return {
            "names": names_of(graph),
            "own": own_names(graph),
            "formulas": [formula_template(graph, i) for i in range(len(graph.values))],
            "inputs": graph.leaves,
            "numbers": [graph.values[i].data for i in graph.leaves],
            "edges": [[edge.start, edge.end] for edge in graph.cards.edges],
            "rules": rule_templates(graph),
            "panels": [
                {
                    "title": title,
                    "pushes": self.traces[i].pushes,
                    "adjoints": self._adjoints_at(i),
                    "contributions": self._contributions_at(i),
                }
                for i, title in enumerate(titles)
            ],
            "root": len(graph.values) - 1,
            "size": len(self.outputs),
            "trainable": list(trainable),
            "lr": lr,
        }


def living(graph: Drawn, traces: Sequence[Trace]) -> Living:
    """The program of a graph and its traces, and its outputs at the leaves' numbers; ImportError without NumPy."""
    engines.chosen("numpy")
    import numpy as np

    from autograd.compiler.packs import build

    outputs = [graph.values[i] for i in graph.computed]
    for trace in traces:
        # 0 + x: what accumulating into a leaf's .grad gives.
        outputs += [a + 0.0 if value.is_leaf else a for a, value in zip(trace.adjoints, graph.values, strict=True)]
        outputs += _flows(trace)
    leaves = [graph.values[i] for i in graph.leaves]
    program = build(outputs, shared=leaves)
    numbers, _ = engines.executor(program, engine="numpy", fast=False).evaluate(
        np.array([leaf.data for leaf in leaves]), np.empty((0, 1))
    )
    return Living(graph, tuple(traces), program, tuple(map(float, numbers)))


def _flows(trace: Trace) -> list[Value]:
    return [c if isinstance(c, Value) else Value(c) for c in trace.contributions if c is not None]


def names_of(graph: Drawn) -> list[str]:
    """A name for every card, as derivations and tables have it, what is more than a name in parentheses.

    >>> a, b = Value(2.0, label="w_1"), Value(3.0, label="x_1")
    >>> names_of(drawn((a * b).tanh() + 1, 9))
    ['w₁', 'x₁', '(w₁·x₁)', 'tanh(w₁·x₁)', 'v₄']
    """
    names = Names(graph.values[-1])
    plain = [(isolated(shortened(printable(names.plain(value)))), names.has_own(value)) for value in graph.values]
    return [name if is_own or _NAME.fullmatch(name) else f"({name})" for name, is_own in plain]


def own_names(graph: Drawn) -> list[bool]:
    """Whether a card has a name, and is not called by its formula."""
    names = Names(graph.values[-1])
    return [names.has_own(value) for value in graph.values]


def _hole(card: int) -> str:
    return f"{{{card}}}"


def formula_template(graph: Drawn, card: int) -> str:
    """How the card is computed, with holes for the cards it is computed from; empty for a leaf."""
    value = graph.values[card]
    starts = {graph.places[k]: graph.cards.edges[k].start for k in graph.edges_of(card)}
    holes = [_hole(starts[p]) if p in starts else number(o.data) for p, o in enumerate(value._prev)]
    return formula(value._op or "f", holes) if holes else ""


def rule_templates(graph: Drawn) -> list[str]:
    """What travels along each edge, with holes for cards and for the adjoint that is handed on."""
    templates = [""] * len(graph.places)
    for i in graph.computed:
        value, edges = graph.values[i], graph.edges_of(i)
        symbols: list[Any] = [o.data for o in value._prev]
        for k in edges:  # a name for every place, so that both factors of x·x are told apart
            symbols[graph.places[k]] = Name(f"{{{graph.cards.edges[k].start}.{graph.places[k]}}}")
        slopes = local_derivatives(value.op, Name(_hole(i)), symbols)
        for k in edges:
            templates[k] = re.sub(r"\.\d+\}", "}", _times_adjoint(slopes[graph.places[k]]))
    return templates


def _times_adjoint(slope: Any) -> str:
    if slope is None:
        return ""
    if not isinstance(slope, Symbolic) and abs(slope) == 1.0:
        return "{g}" if slope > 0.0 else "−{g}"
    return "{g} · " + factor(slope, lambda name: name.label)
