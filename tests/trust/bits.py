"""Rows about bits: compiled in strict mode, every op, gradients of gradients and random graphs have the bits of the eager engine, on both
executors, at one point after the other and at many points side by side, away from the recorded point."""

import itertools
from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

import autograd
from autograd import Value, grad, ops
from autograd.compiler.targets.llvm import emitter
from tests.cases import CASES, Case
from tests.compiler.runs import ENGINES, PLACES, Graph, answers, disagreements, eager
from tests.compiler.wild import FAMILY, SPECIAL, wild_graph, wild_points
from tests.trust.figures import Row, Trial

POINTS, LEAVES = 20, 4
RECORDED_AT = [0.5, -1.25, 2.0, -0.1]

# --- Random graphs -------------------------------------------------------------------------------------------------------------


def family(first: int) -> list[Graph]:
    return [partial(wild_graph, seed) for seed in range(first, first + FAMILY)]


@cache
def eager_family(first: int) -> list[list[list[float]]]:
    return [[eager(graph, point) for graph in family(first)] for point in wild_points(first, LEAVES, POINTS)]


def random_graphs(engine: str, place: str, count: int) -> Iterator[Trial]:
    """Random graphs at points of which a third of the numbers are special."""
    for first in range(0, count, FAMILY):
        points = wild_points(first, LEAVES, POINTS)
        got = answers(family(first), RECORDED_AT, points, engine=engine, place=place)
        yield trial(disagreements(f"graph {first} +", eager_family(first), got, points), FAMILY * POINTS)


def in_small_functions(engine: str, place: str, count: int) -> Iterator[Trial]:
    """The same when a function of the native code holds three packs."""
    before = emitter.PACKS_OF_A_FUNCTION
    emitter.PACKS_OF_A_FUNCTION = 3
    try:
        yield from random_graphs(engine, place, count)
    finally:
        emitter.PACKS_OF_A_FUNCTION = before


# --- Every op ------------------------------------------------------------------------------------------------------------------

ARITIES = sorted({len(case.domain) for case in CASES})


def cases_of(arity: int) -> list[Case]:
    return [case for case in CASES if len(case.domain) == arity]


def points_of(arity: int) -> list[Sequence[float]]:
    """Special numbers in all combinations for one and two operands, else at random; and points of every op's domain."""
    special = list(itertools.product(SPECIAL, repeat=arity)) if arity < 3 else wild_points(arity, arity, 200)
    return [*special, *[point for case in cases_of(arity) for point in case.points(6)]]


def graph_of(case: Case) -> Graph:
    return lambda xs: Value._record(ops.positive, [case.f(*xs)])  # a Value, even of a constant


def curvature_of(case: Case) -> Graph:
    """A graph through the gradient's graph."""

    def graph(xs: Sequence[Value]) -> Value:
        slopes = grad(graph_of(case)(xs), list(xs))
        return autograd.sum([(0.5 + k) * slope for k, slope in enumerate(slopes)])

    return graph


@cache
def eager_cases(arity: int, order: int) -> Any:
    graphs = graphs_of(arity, order)
    return [[eager(graph, point) for graph in graphs] for point in points_to_try(arity, order)]


def graphs_of(arity: int, order: int) -> list[Graph]:
    return [(graph_of if order == 1 else curvature_of)(case) for case in cases_of(arity)]


def points_to_try(arity: int, order: int) -> list[Sequence[float]]:
    points = points_of(arity)
    return points if order == 1 else points[:: 1 + len(points) // 60]


def every_op(engine: str, place: str, order: int, count: int) -> Iterator[Trial]:
    """All ops of one arity in one program."""
    for arity in ARITIES[:count]:
        points = points_to_try(arity, order)
        got = answers(graphs_of(arity, order), [0.3 + 0.1 * i for i in range(arity)], points, engine=engine, place=place)
        names = ", ".join(case.name for case in cases_of(arity))
        wrong = disagreements(f"of {names}: number", eager_cases(arity, order), got, points)
        yield trial(wrong, len(points) * len(cases_of(arity)))


def trial(wrong: list[str], cases: int) -> Trial:
    """As many disagreements as there are lines."""
    return Trial(len(wrong), partial("\n".join, wrong[:5]), cases)


def _rows(engine: str, place: str) -> Iterator[Row]:
    where = f"eager = {engine}, {'one point after the other' if place == 'shared' else 'points side by side'}"
    yield Row("bits", f"{where}: random graphs", partial(random_graphs, engine, place), 500, 10000, kin="graphs")
    for order, name in ((1, "gradients of ops"), (2, "gradients of gradients of ops")):
        yield Row("bits", f"{where}: {name}", partial(every_op, engine, place, order), len(ARITIES), len(ARITIES), kin="ops")


_SMALL = "eager = llvm, in functions of three packs"
ROWS = [
    *(row for engine in ENGINES for place in PLACES for row in _rows(engine, place)),
    Row("bits", _SMALL, partial(in_small_functions, "llvm", "lanes"), FAMILY, 20 * FAMILY, kin="graphs"),
]
