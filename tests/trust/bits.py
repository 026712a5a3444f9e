"""Rows about bits: compiled in strict mode, every op, gradients of gradients and random graphs have the bits of the eager engine, on both
executors, at one point after the other and at many points side by side, away from the recorded point."""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any
from unittest.mock import patch

import autograd
from autograd import Value, grad, ops
from autograd.compiler.targets.llvm import emitter
from tests.cases import CASES, Case
from tests.compiler.runs import ENGINES, PLACES, Graph, Point, answers, disagreements, eager
from tests.compiler.wild import FAMILY, SPECIAL, wild_graph, wild_points
from tests.trust.figures import Row, Trial
from tests.trust.shrinking import Case as Recorded
from tests.trust.shrinking import least, steps_of

GRAPHS, POINTS, LEAVES = 500, 20, 4
RECORDED_AT = [0.5, -1.25, 2.0, -0.1]
# Answers of graphs, recorded at a point, at others: [point][graph].
Compiled = Callable[[Sequence[Graph], Point, Sequence[Point]], list[Any]]

# --- Random graphs -------------------------------------------------------------------------------------------------------------


def family(first: int) -> list[Graph]:
    return [partial(wild_graph, seed) for seed in range(first, first + FAMILY)]


def points_for(first: int, count: int) -> list[list[float]]:
    """Points for a family of so many graphs: five times as many in the full tier."""
    return wild_points(first, LEAVES, POINTS if count <= GRAPHS else 5 * POINTS)


@cache
def eager_family(first: int, count: int) -> list[list[list[float]]]:
    return eager_answers(family(first), points_for(first, count))


def random_graphs(compiled: Compiled, count: int) -> Iterator[Trial]:
    """Random graphs at points of which a third of the numbers are special."""
    for first in range(0, count, FAMILY):
        yield trial(compiled, family(first), RECORDED_AT, points_for(first, count), eager_family(first, count))


def in_small_functions(graphs: Sequence[Graph], recorded_at: Point, points: Sequence[Point]) -> list[Any]:
    """Answers when a function of the native code holds three packs, with no text that was kept on disk before."""
    with patch.object(emitter, "PACKS_OF_A_FUNCTION", 3), patch.dict(os.environ, CHALKGRAD_CACHE=""):
        return answers(graphs, recorded_at, points, engine="llvm", place="lanes")


def trial(compiled: Compiled, graphs: Sequence[Graph], recorded_at: Point, points: Sequence[Point], expected: list[Any]) -> Trial:
    """How many answers of compiled graphs are not those of the eager ones."""
    wrong = disagreements("graph", expected, compiled(graphs, recorded_at, points), points)
    return Trial(len(wrong), partial(told, compiled, graphs, recorded_at, points), len(points) * len(graphs))


def eager_answers(graphs: Sequence[Graph], points: Sequence[Point]) -> list[list[list[float]]]:
    """The answers [point][graph] of the eager engine."""
    return [[eager(graph, point) for graph in graphs] for point in points]


def wrong_answers(compiled: Compiled, graphs: Sequence[Graph], recorded_at: Point, points: Sequence[Point]) -> list[str]:
    """Where compiled graphs answer otherwise than eager ones."""
    return disagreements("graph", eager_answers(graphs, points), compiled(graphs, recorded_at, points), points)


def told(compiled: Compiled, graphs: Sequence[Graph], recorded_at: Point, points: Sequence[Point]) -> str:
    """What is left of graphs that answer otherwise, as code that runs and says what differs."""
    case = least(
        Recorded(tuple([steps_of(graph, recorded_at) for graph in graphs]), tuple(map(tuple, points))),
        Recorded.smaller,
        lambda case: bool(wrong_answers(compiled, case.graphs, recorded_at, case.points)),
    )
    name, settings = (compiled.func, compiled.keywords) if isinstance(compiled, partial) else (compiled, {})
    given = "".join([f", {key}={value!r}" for key, value in settings.items()])
    return f"""from functools import partial
from {name.__module__} import {name.__name__}
from tests.trust.bits import wrong_answers
{case.code()}
print(*wrong_answers(partial({name.__name__}{given}), graphs, {list(recorded_at)}, points), sep="\\n")"""


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
    return eager_answers(graphs_of(arity, order), points_to_try(arity, order))


def graphs_of(arity: int, order: int) -> list[Graph]:
    return [(graph_of if order == 1 else curvature_of)(case) for case in cases_of(arity)]


def points_to_try(arity: int, order: int) -> list[Sequence[float]]:
    points = points_of(arity)
    return points if order == 1 else points[:: 1 + len(points) // 60]


def every_op(compiled: Compiled, order: int, count: int) -> Iterator[Trial]:
    """All ops of one arity in one program."""
    for arity in ARITIES[:count]:
        recorded_at = [0.3 + 0.1 * i for i in range(arity)]
        yield trial(compiled, graphs_of(arity, order), recorded_at, points_to_try(arity, order), eager_cases(arity, order))


def _rows(engine: str, place: str) -> Iterator[Row]:
    where = f"eager = {engine}, {'one point after the other' if place == 'shared' else 'points side by side'}"
    compiled = partial(answers, engine=engine, place=place)
    yield Row("bits", f"{where}: random graphs", partial(random_graphs, compiled), GRAPHS, 10000, kin="graphs")
    for order, name in ((1, "gradients of ops"), (2, "gradients of gradients of ops")):
        yield Row("bits", f"{where}: {name}", partial(every_op, compiled, order), len(ARITIES), len(ARITIES), kin="ops")


_SMALL = "eager = llvm, in functions of three packs"
ROWS = [
    *(row for engine in ENGINES for place in PLACES for row in _rows(engine, place)),
    Row("bits", _SMALL, partial(random_graphs, in_small_functions), FAMILY, 5 * FAMILY, kin="graphs"),
]
