"""Recorded losses compiled: how long that takes, how fast they replay, and how both grow with the graph.

Glossary::

    ready     the loss recorded, differentiated and compiled: after that ``value_and_grad(array)`` answers
    eager     the same loss recorded and its ``backward()`` run, with Python's collector on as people have it

Two losses, both written with Python's own ``sum`` over Values: a one-layer transformer on a word of seven letters (about 57,000
nodes), and micrograd's demo over all 100 points (about 66,000).
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import autograd
from autograd import Value
from benchmarks.harness import ROOT, Contender, Row
from benchmarks.two_moons import loss_of, plain_network, points

WIDTH, HEADS, LETTERS, PLACES = 16, 4, 27, 8
WORD = (0, 5, 13, 13, 1, 0, 7, 0)
REPLAYS = 200
SAMPLE_NODES = 661  # that the demo's loss gains with each point

Vector = list[Any]
Loss = Callable[[], Value]


def transformer() -> Loss:
    """A transformer's loss: RMS norm, attention by four heads, 64 hidden units, next-letter cross entropy; 4,192 parameters."""
    rng = random.Random(3)

    def matrix(rows: int, columns: int) -> list[Vector]:
        return [[Value(rng.gauss(0.0, 0.08)) for _ in range(columns)] for _ in range(rows)]

    letters, places, head = matrix(LETTERS, WIDTH), matrix(PLACES, WIDTH), matrix(LETTERS, WIDTH)
    query, key, value, out = (matrix(WIDTH, WIDTH) for _ in range(4))
    up, down = matrix(4 * WIDTH, WIDTH), matrix(WIDTH, 4 * WIDTH)
    size = WIDTH // HEADS

    def attended(q: Vector, keys: list[Vector], values: list[Vector], h: int) -> Vector:
        part = slice(h * size, (h + 1) * size)
        weights = _softmax([sum(a * b for a, b in zip(q[part], k[part], strict=True)) / size**0.5 for k in keys])
        return [sum(w * v[j] for w, v in zip(weights, values, strict=True)) for j in range(part.start, part.stop)]

    def loss() -> Value:
        keys: list[Vector] = []
        values: list[Vector] = []
        losses = []
        for place, (letter, following) in enumerate(pairwise(WORD)):
            x = _normed(_added(letters[letter], places[place]))
            y = _normed(x)
            keys.append(_times(key, y))
            values.append(_times(value, y))
            q = _times(query, y)
            heads = [attended(q, keys, values, h) for h in range(HEADS)]
            x = _added(_times(out, [v for part in heads for v in part]), x)
            hidden = [v.relu() for v in _times(up, _normed(x))]
            x = _added(_times(down, hidden), x)
            losses.append(-_softmax(_times(head, x))[following].log())
        return (1.0 / len(losses)) * sum(losses)  # type: ignore[return-value]

    return loss


def _times(matrix: list[Vector], x: Vector) -> Vector:
    return [sum(w * v for w, v in zip(row, x, strict=True)) for row in matrix]


def _added(x: Vector, y: Vector) -> Vector:
    return [a + b for a, b in zip(x, y, strict=True)]


def _normed(x: Vector) -> Vector:
    scale = (sum(v * v for v in x) / len(x) + 1e-5) ** -0.5
    return [v * scale for v in x]


def _softmax(scores: Vector) -> Vector:
    top = max(score.data for score in scores)
    powers = [(score - top).exp() for score in scores]
    total = sum(powers)
    return [p / total for p in powers]


def demo() -> Loss:
    """micrograd's demo: the loss over all points."""
    network = plain_network(Value)
    return lambda: loss_of(Value, *network)


def larger_demo(samples: int) -> Loss:
    """The same over other numbers of points."""
    model, parameters = plain_network(Value)
    X, y = points()

    def loss() -> Value:
        losses = [(1 + -y[i % len(y)] * model(list(map(Value, X[i % len(X)])))).relu() for i in range(samples)]
        return sum(losses) * (1.0 / samples) + 1e-4 * sum(p * p for p in parameters)  # type: ignore[return-value]

    return loss


LOSSES: dict[str, Callable[[], Loss]] = {"transformer": transformer, "demo": demo}


def eager(name: str) -> float:
    """Seconds for one eager pass forward and backward."""
    loss = LOSSES[name]()
    loss().backward()
    start = time.perf_counter()
    loss().backward()
    return time.perf_counter() - start


def ready(name: str) -> float:
    """Seconds from nothing recorded to ready."""
    loss = LOSSES[name]()
    autograd.compile(Value(1.0) * 2.0)  # the packages imported, as they are for eager passes
    start = time.perf_counter()
    autograd.compile(loss())
    return time.perf_counter() - start


def replay(name: str) -> float:
    """Seconds for ``value_and_grad(array)``. RuntimeError if it does not give the eager engine's bits."""
    import numpy as np

    recorded = LOSSES[name]()()
    step = autograd.compile(recorded)
    recorded.backward()
    point = [v.data for v in step.leaves]
    value, gradient = step.value_and_grad(point)
    if (value, gradient.tolist()) != (recorded.data, [v.grad for v in step.leaves]):
        raise RuntimeError(f"the compiled {name} gives other bits than the eager one")
    numbers = np.array(point)
    start = time.perf_counter()
    for _ in range(REPLAYS):
        step.value_and_grad(numbers)
    return (time.perf_counter() - start) / REPLAYS


def ready_per_node(nodes: int) -> float:
    """Seconds to compile, for each node of a recorded loss with about that many."""
    loss = larger_demo(nodes // SAMPLE_NODES)()
    autograd.compile(Value(1.0) * 2.0)
    start = time.perf_counter()
    autograd.compile(loss)
    return (time.perf_counter() - start) / nodes


def peak_memory(nodes: int) -> float:
    """MiB that the process has at most while it records and compiles such a loss."""
    import resource

    autograd.compile(larger_demo(nodes // SAMPLE_NODES)())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def ready_from_disk(name: str) -> float:
    """The same, when an earlier process has compiled it."""
    earlier = f"import autograd; from benchmarks.compiling import LOSSES; autograd.compile(LOSSES[{name!r}]()())"
    with tempfile.TemporaryDirectory() as place:
        os.environ["CHALKGRAD_CACHE"] = place
        subprocess.run([sys.executable, "-c", earlier], cwd=ROOT, check=True)
        return ready(name)


def _row(name: str, what: Callable[..., float], title: str, bar: float) -> Row:
    return Row(title, "s", Contender("chalkgrad", what, (name,)), Contender("eager", eager, (name,)), bar=bar)


ROWS = [
    _row("transformer", ready, "transformer, 57,000 nodes: from recording to ready", 5),
    _row("transformer", ready_from_disk, "transformer, 57,000 nodes: the same, code on disk", 3),
    _row("transformer", replay, "transformer: value and gradient", 1 / 1000),
    _row("demo", ready, "micrograd's loss, 66,000 nodes: from recording to ready", 5),
    _row("demo", replay, "micrograd's loss: value and gradient", 1 / 300),
    Row(
        "compiling, per node, 1,000,000 nodes",
        "s",
        Contender("chalkgrad", ready_per_node, (1_000_000,)),
        Contender("10,000 nodes", ready_per_node, (10_000,)),
        bar=1.5,
    ),
    Row(
        "compiling, per node, 100,000 nodes",
        "s",
        Contender("chalkgrad", ready_per_node, (100_000,)),
        Contender("10,000 nodes", ready_per_node, (10_000,)),
        bar=1.5,
    ),
    Row("compiling, per node, 1,000,000 nodes", "s", Contender("chalkgrad", ready_per_node, (1_000_000,)), bar=8e-6),
    Row("compiling 1,000,000 nodes, memory", "MiB", Contender("chalkgrad", peak_memory, (1_000_000,), exact=True), bar=700),
]
