"""Rows about Python's control flow: generated functions, compiled, answer as plain Python does, to the bit."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

import autograd
from autograd import value_and_grad
from tests.compiler.forking import WITH_INTS, WITH_SCOPES, function, source
from tests.trust.figures import Row, Trial


def bits(x: Any) -> bytes:
    """The bits of numbers, −0 as 0."""
    return (np.asarray(x, dtype=float) + 0.0).tobytes()


def disagreements(seed: int, engine: str, count: int) -> list[str]:
    """Where a random function's answers differ: plain Python and eager, compiled one by one, compiled on an array."""
    plain = function(seed)
    f = autograd.compile(plain, engine=engine)
    x, y = np.random.default_rng(seed).normal(scale=1.5, size=(2, count))
    values, (dx, dy) = f.value_and_grad(x, y)
    wrong = []
    for i, (a, b) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        value, slopes = value_and_grad(plain)(a, b)
        expected = bits([value, *slopes])
        if bits(plain(a, b)) != bits(value):
            wrong.append(f"eager at {(a, b)}: got {value}, expected {plain(a, b)}")
        if bits([values[i], dx[i], dy[i]]) != expected:
            wrong.append(f"array at {(a, b)}: got {values[i], dx[i], dy[i]}, expected {value, slopes}")
        if i < 4 and bits([f(a, b), *f.grad(a, b)]) != expected:
            wrong.append(f"one by one at {(a, b)}: expected {value, slopes}")
    if f(x, y).tobytes() != values.tobytes():
        wrong.append("value alone is another")
    return wrong


def _told(seed: int, wrong: list[str]) -> str:
    return "\n".join([*wrong[:3], f"for tests.compiler.forking.function({seed}):", source(seed)])


def functions(first: int, engine: str, count: int) -> Iterator[Trial]:
    """So many functions, at a dozen points each."""
    for seed in range(first, first + count):
        wrong = disagreements(seed, engine, 12)
        yield Trial(len(wrong), partial(_told, seed, wrong))


ROWS = [
    Row("control", f"plain Python = compiled, {name}", partial(functions, first, engine), quick, full)
    for name, first, engine, quick, full in (
        ("branches, loops, early returns, recursion", 0, "numpy", 100, 8000),
        ("numbers used as ints", WITH_INTS, "numpy", 100, 8000),
        ("comprehensions, closures, exceptions", WITH_SCOPES, "numpy", 90, 3800),
        ("native code", WITH_SCOPES + 10**6, "llvm", 10, 200),
    )
]
