"""Rows about JavaScript in Node: random graphs of arithmetic and choices have eager's bits, as straight lines and as loops."""

import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from autograd.compiler.targets import c_like
from autograd.compiler.targets.javascript import javascript
from tests.compiler.runs import Graph, Point, program_of
from tests.compiler.scripts import Job, run
from tests.compiler.wild import FAMILY, wild_graph
from tests.trust.bits import GRAPHS, LEAVES, RECORDED_AT, eager_answers, points_for, trial
from tests.trust.figures import Row, Trial, only_with

# What a leaf's gradient starts at: 0 + −0 is 0.
ACCUMULATED = np.array([-0.0, *[0.0] * LEAVES])


def exact_family(first: int) -> list[Graph]:
    """Graphs whose bits no language may choose."""
    return [partial(wild_graph, seed, exact=True) for seed in range(first, first + FAMILY)]


def answers_of_script(
    graphs: Sequence[Graph], recorded_at: Point, points: Sequence[Point], *, straight: int, place: str = "node"
) -> list[Any]:
    """Answers of graphs as a script, in which what is shorter than ``straight`` is written without loops."""
    size = 1 + len(recorded_at)
    with tempfile.TemporaryDirectory() as folder, patch.object(c_like, "STRAIGHT", straight):
        job = Job(javascript(program_of(graphs, recorded_at, "shared"), "f"), points, len(graphs) * size)
        (got,) = run(place, [job], Path(folder))
    return (got.reshape(len(points), len(graphs), size) + ACCUMULATED).tolist()


def random_graphs(count: int) -> Iterator[Trial]:
    """Families of graphs, every other one as loops, at points of which a third of the numbers are special."""
    for number, first in enumerate(range(0, count, FAMILY)):
        graphs, points = exact_family(first), points_for(first, count)
        compiled = partial(answers_of_script, straight=number % 2 * 10**9)
        yield trial(compiled, graphs, RECORDED_AT, points, eager_answers(graphs, points))


_NAME = "eager = JavaScript in Node: random graphs without the C library"
ROWS = [Row("bits", _NAME, random_graphs, *only_with("node", GRAPHS, 10000))]
