"""Rows about JavaScript in Node: random graphs of arithmetic and choices have eager's bits, as straight lines and as loops."""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from autograd.compiler.targets import c_like
from autograd.compiler.targets.javascript import javascript
from tests.compiler.runs import Graph, disagreements, eager, program_of
from tests.compiler.scripts import Job, run
from tests.compiler.wild import FAMILY, wild_graph, wild_points
from tests.trust.bits import LEAVES, POINTS, RECORDED_AT, trial
from tests.trust.figures import Row, Trial, only_with

# What a leaf's gradient starts at: 0 + −0 is 0.
ACCUMULATED = np.array([-0.0, *[0.0] * LEAVES])


def wrong_family(first: int, straight: int, place: str, folder: Path) -> list[str]:
    """Where a family of graphs differs from eager."""
    before, c_like.STRAIGHT = c_like.STRAIGHT, straight
    try:
        graphs: list[Graph] = [partial(wild_graph, seed, exact=True) for seed in range(first, first + FAMILY)]
        points = wild_points(first, LEAVES, POINTS)
        job = Job(javascript(program_of(graphs, RECORDED_AT, "shared"), "f"), points, FAMILY * (1 + LEAVES))
        (got,) = run(place, [job], folder)
    finally:
        c_like.STRAIGHT = before
    expected = [[eager(graph, point) for graph in graphs] for point in points]
    found = (got.reshape(POINTS, FAMILY, 1 + LEAVES) + ACCUMULATED).tolist()
    return disagreements(f"graph {first} +", expected, found, points)


def random_graphs(count: int) -> Iterator[Trial]:
    """Families of graphs, every other one as loops, at points of which a third of the numbers are special."""
    with tempfile.TemporaryDirectory() as folder:
        for number, first in enumerate(range(0, count, FAMILY)):
            yield trial(wrong_family(first, number % 2 * 10**9, "node", Path(folder)), FAMILY * POINTS)


_NAME = "eager = JavaScript in Node: random graphs without the C library"
ROWS = [Row("bits", _NAME, random_graphs, *only_with("node", 500, 10000))]
