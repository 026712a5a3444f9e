"""Rows about Python's control flow: generated functions, compiled, answer as plain Python does, to the bit."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

import autograd
from autograd import value_and_grad
from tests.compiler.forking import WITH_INTS, WITH_SCOPES, source, written
from tests.trust.figures import Row, Trial
from tests.trust.shrinking import least, smaller_texts


def bits(x: Any) -> bytes:
    """The bits of numbers, −0 as 0."""
    return (np.asarray(x, dtype=float) + 0.0).tobytes()


def disagreements(text: str, seed: int, engine: str, count: int) -> list[str]:
    """Where a function's answers differ at so many points: plain Python and eager, and what is compiled; or the error of the latter."""
    plain = written(text)
    x, y = np.random.default_rng(seed).normal(scale=1.5, size=(2, count))
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    expected = [value_and_grad(plain)(a, b) for a, b in points]
    values = [(plain(a, b), value) for (a, b), (value, _) in zip(points, expected, strict=True)]
    wrong = [f"eager: got {value}, expected {number}" for number, value in values if bits(number) != bits(value)]
    try:
        return wrong + compiled_otherwise(autograd.compile(plain, engine=engine), x, y, expected)
    except Exception as error:
        return [*wrong, f"compiled: {error!r}"]


def compiled_otherwise(f: Any, x: Any, y: Any, expected: list[Any]) -> list[str]:
    """Where a compiled function's answers differ from the expected ones, on an array and one by one."""
    values, (dx, dy) = f.value_and_grad(x, y)
    wrong = []
    for i, (a, b, (value, slopes)) in enumerate(zip(x.tolist(), y.tolist(), expected, strict=True)):
        if bits([values[i], dx[i], dy[i]]) != bits([value, *slopes]):
            wrong.append(f"array at {(a, b)}: got {values[i], dx[i], dy[i]}, expected {value, slopes}")
        if i < 4 and bits([f(a, b), *f.grad(a, b)]) != bits([value, *slopes]):
            wrong.append(f"one by one at {(a, b)}: expected {value, slopes}")
    if f(x, y).tobytes() != values.tobytes():
        wrong.append("value alone is another")
    return wrong


def _told(seed: int, engine: str, count: int) -> str:
    """What is left of the function, as code that runs and says what differs."""
    text = least(source(seed), smaller_texts, lambda text: bool(disagreements(text, seed, engine, count)))
    return f"""from tests.trust.control import disagreements
text = '''
{text}'''
print(*disagreements(text, {seed}, "{engine}", {count}), sep="\\n")"""


def functions(first: int, engine: str, count: int) -> Iterator[Trial]:
    """So many functions, at a dozen points each."""
    for seed in range(first, first + count):
        yield Trial(len(disagreements(source(seed), seed, engine, 12)), partial(_told, seed, engine, 12))


ROWS = [
    Row("control", f"plain Python = compiled, {name}", partial(functions, first, engine), quick, full)
    for name, first, engine, quick, full in (
        ("branches, loops, early returns, recursion", 0, "numpy", 100, 8000),
        ("numbers used as ints", WITH_INTS, "numpy", 100, 8000),
        ("comprehensions, closures, exceptions", WITH_SCOPES, "numpy", 90, 3800),
        ("native code", WITH_SCOPES + 10**6, "llvm", 10, 200),
    )
]
