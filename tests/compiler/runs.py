"""Recorded graphs run by the executors, and the same graphs by the eager engine.

Glossary::

    graph      a function of Values that returns one Value
    answer     a graph's value followed by its gradient, as the eager engine leaves it in ``grad``
    place      "shared" or "lanes": whether a program takes one point after the other, or all points side by side
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import Value
from autograd.compiler import engines, normal
from autograd.compiler.adjoints import gradient
from autograd.compiler.packs import packed
from autograd.compiler.program import Program
from tests.autograd.oracles import differences

ENGINES = ("numpy", "llvm")
PLACES = ("shared", "lanes")

Graph = Callable[[Sequence[Value]], Value]
Point = Sequence[float]
NO_LANES = np.empty((0, 1))


def eager(graph: Graph, point: Point) -> list[float]:
    """The answer of the eager engine, recorded anew at the point."""
    leaves = [Value(x) for x in point]
    result = graph(leaves)
    result.backward()
    return [result.data, *[v.grad for v in leaves]]


def program_of(graphs: Sequence[Graph], point: Point, place: str) -> Program:
    """One program that answers for all graphs, recorded at a point."""
    leaves = [Value(x) for x in point]
    results = [graph(leaves) for graph in graphs]
    form = normal.Graph(results, **{place: leaves})
    outputs: list[int] = []
    for result in results:
        at = form.place(result)
        outputs += [at, *gradient(form, at, range(len(leaves)))]
    return packed(form, outputs)


def run(program: Program, points: Sequence[Point], *, engine: str, fast: bool = False) -> list[list[float]]:
    """All outputs at each point."""
    executor = engines.executor(program, engine=engine, fast=fast)
    if not program.n_lanes:
        return [executor.evaluate(np.array(point), NO_LANES)[0].tolist() for point in points]
    shared, rows = map(iter, executor.evaluate(np.empty(0), np.array(points).T.copy()))
    table: list[Any] = [next(rows) if is_row else np.full(len(points), next(shared)) for is_row, _ in program.outputs]
    return np.array(table).T.tolist()


def answers(graphs: Sequence[Graph], recorded_at: Point, points: Sequence[Point], *, engine: str, place: str) -> list[Any]:
    """For each point and each graph the answer of a compiled program."""
    width = 1 + len(recorded_at)
    outputs = run(program_of(graphs, recorded_at, place), points, engine=engine)
    return [[_accumulated(line[start : start + width]) for start in range(0, len(line), width)] for line in outputs]


def _accumulated(answer: list[float]) -> list[float]:
    """The answer with the gradient as a leaf has it that started at 0: 0 + −0 is 0."""
    return [answer[0], *[0.0 + g for g in answer[1:]]]


def disagreements(name: str, expected: Sequence[Any], got: Sequence[Any], points: Sequence[Point]) -> list[str]:
    """Where compiled answers differ from eager ones in a bit, as text; both are [point][graph]."""
    return [
        line
        for point, row, lines in zip(points, got, expected, strict=True)
        for i, (a, b) in enumerate(zip(row, lines, strict=True))
        for line in differences(f"{name} {i} at {tuple(point)}", a, b)
    ]
