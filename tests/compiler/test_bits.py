"""Strict mode gives the bits of the eager engine: every op, random graphs, gradients of gradients, on both executors, at one point
after the other and at many points side by side, away from the recorded point."""

import itertools
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import pytest

import autograd
from autograd import Value, grad, ops
from tests.cases import CASES, Case
from tests.compiler.runs import ENGINES, PLACES, Graph, answers, disagreements, eager
from tests.compiler.wild import FAMILY, SPECIAL, wild_graph, wild_points

GRAPHS, POINTS, LEAVES = 500, 20, 4
RECORDED_AT = [0.5, -1.25, 2.0, -0.1]

pytestmark = [pytest.mark.parametrize("place", PLACES), pytest.mark.parametrize("engine", ENGINES)]


# --- Random graphs -------------------------------------------------------------------------------------------------------------


def family(first: int) -> list[Graph]:
    return [partial(wild_graph, seed) for seed in range(first, first + FAMILY)]


@cache
def eager_family(first: int) -> list[list[list[float]]]:
    return [[eager(graph, point) for graph in family(first)] for point in wild_points(first, LEAVES, POINTS)]


@pytest.mark.parametrize("first", range(0, GRAPHS, FAMILY))
def test_random_graphs(engine: str, place: str, first: int) -> None:
    points = wild_points(first, LEAVES, POINTS)
    got = answers(family(first), RECORDED_AT, points, engine=engine, place=place)
    assert not disagreements(f"graph {first} +", eager_family(first), got, points)[:5]


def test_random_graphs_in_functions_of_a_few_packs(engine: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograd.compiler.llvm_ir.PACKS_OF_A_FUNCTION", 3)
    test_random_graphs(engine, place, 0)


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


@pytest.mark.parametrize("order", [1, 2], ids=["gradient", "gradient of gradient"])
@pytest.mark.parametrize("arity", ARITIES)
def test_every_op(engine: str, place: str, arity: int, order: int) -> None:
    points = points_to_try(arity, order)
    got = answers(graphs_of(arity, order), [0.3 + 0.1 * i for i in range(arity)], points, engine=engine, place=place)
    names = ", ".join(case.name for case in cases_of(arity))
    assert not disagreements(f"of {names}: number", eager_cases(arity, order), got, points)[:5]
