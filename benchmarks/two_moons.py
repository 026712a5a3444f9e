"""The two-moons demo of micrograd: 100 points, an MLP 2-16-16-1 with relu, max-margin loss and L2 penalty; forward and backward.

Both engines run the same lines. ``plain`` writes the network with Python's ``sum`` over Values, as micrograd does inside; ``mlp``
takes each side's own ``nn.MLP``. The garbage collector is on, as people run it, or off.
"""

import gc
import math
import random
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any

from benchmarks.harness import Contender, Row

STEPS = 5


def points() -> tuple[list[list[float]], list[int]]:
    """The points of two interleaving half circles with a little noise, and their labels, −1 and 1."""
    noise = random.Random(1337)
    X, y = [], []
    for i in range(100):
        angle, side = math.pi * (i // 2) / 49, i % 2
        x = [1 - math.cos(angle), 0.5 - math.sin(angle)] if side else [math.cos(angle), math.sin(angle)]
        X.append([c + noise.gauss(0.0, 0.1) for c in x])
        y.append(2 * side - 1)
    return X, y


def plain_network(Value: Any) -> tuple[Callable[[Sequence[Any]], Any], list[Any]]:
    """A network 2-16-16-1 written with ``sum``, and its 337 parameters."""
    draw = random.Random(1337).uniform
    layers = [
        [([Value(draw(-1, 1)) for _ in range(nin)], Value(0.0)) for _ in range(nout)] for nin, nout in pairwise([2, 16, 16, 1])
    ]

    def score(x: Sequence[Any]) -> Any:
        for layer in layers:
            drives = [sum((wi * xi for wi, xi in zip(w, x, strict=True)), b) for w, b in layer]
            x = drives if layer is layers[-1] else [a.relu() for a in drives]
        return x[0]

    return score, [p for layer in layers for w, b in layer for p in (*w, b)]


def loss_of(Value: Any, model: Callable[[Sequence[Any]], Any], parameters: Sequence[Any]) -> Any:
    """The loss of micrograd's demo notebook over all points."""
    X, y = points()
    scores = [model(list(map(Value, row))) for row in X]
    losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
    return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)


def plain(engine: str, collector: bool) -> float:
    """Seconds for one step with the network written out."""
    Value = import_module(engine).Value
    return _seconds_per_step(Value, *plain_network(Value), collector)


def mlp(engine: str, network: str, collector: bool) -> float:
    """Seconds for one step with the side's own MLP."""
    random.seed(1337)
    model = import_module(network).MLP(2, [16, 16, 1])
    return _seconds_per_step(import_module(engine).Value, model, model.parameters(), collector)


def _seconds_per_step(Value: Any, model: Callable[[Sequence[Any]], Any], parameters: Sequence[Any], collector: bool) -> float:
    def step() -> None:
        loss = loss_of(Value, model, parameters)
        for p in parameters:
            p.grad = 0.0
        loss.backward()

    step()
    if not collector:
        gc.disable()
    start = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - start) / STEPS


def _pair(measure: Callable[..., float], ours: tuple[str, ...], theirs: tuple[str, ...], collector: bool) -> Any:
    return {
        "unit": "s",
        "ours": Contender("chalkgrad", measure, (*ours, collector)),
        "against": Contender("micrograd", measure, (*theirs, collector), needs="micrograd"),
    }


ROWS = [
    Row("one step, plain Values, collector on", **_pair(plain, ("autograd",), ("micrograd.engine",), True), bar=0.2),
    Row("one step, plain Values, collector off", **_pair(plain, ("autograd",), ("micrograd.engine",), False), bar=0.9),
    Row(
        "one step, nn.MLP, collector on",
        **_pair(mlp, ("autograd", "nn"), ("micrograd.engine", "micrograd.nn"), True),
        bar=0.06,
    ),
]
