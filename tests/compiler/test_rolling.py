"""Loops found again: programs of loops have eager's bits for every number of rounds, few texts, and listings that show the loop."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import value_and_grad

ROUNDS = 30


def escape(x: Any, y: Any) -> Any:
    """Squares until far away."""
    a, b = x, y
    for _ in range(ROUNDS):
        if a * a + b * b > 4.0:
            break
        a, b = a * a - b * b + x, 2.0 * a * b + y
    return a * a + b * b


def walk(x: Any, y: Any) -> Any:
    """Constants that change from round to round, functions, and a sum over all rounds."""
    total, place = 0.0 * x, x
    for i in range(ROUNDS):
        if place > 2.0:
            return total * y
        place = place + autograd.tanh(y * 0.1) + 0.01 * i
        total = total + place * y - autograd.sin(place) / (i + 1)
    return total


def decay(x: Any, y: Any) -> Any:
    """Halved while it is large, in a loop within a loop."""
    rounds = 0.0 * x
    while x > 1.0:
        while y > 1.5:
            y = y * 0.75
            rounds = rounds + y
        x, y = x * 0.7 + 0.05 * y, y + x
    return rounds + x


LOOPS: dict[str, Callable[[Any, Any], Any]] = {f.__name__: f for f in (escape, walk, decay)}


def wrong(f: Any, function: Callable[[Any, Any], Any], x: Any, y: Any) -> list[str]:
    values, (dx, dy) = f.value_and_grad(x, y)
    lines = []
    for i, point in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        value, slopes = value_and_grad(function)(*point)
        got, expected = np.array([values[i], dx[i], dy[i]]) + 0.0, np.array([value, *slopes]) + 0.0
        if got.tobytes() != expected.tobytes():
            lines.append(f"{function.__name__}{point}: got {got}, expected {expected}")
    return lines


@pytest.mark.parametrize("name", LOOPS)
def test_every_number_of_rounds_has_eagers_bits(name: str) -> None:
    x, y = np.random.default_rng(3).uniform([[-1.0], [0.0]], [[1.0], [1.0]], (2, 25)) * (6.0 if name == "decay" else 1.0)
    f = autograd.compile(LOOPS[name], engine="llvm")
    found = wrong(f, LOOPS[name], x, y)
    assert not found, found[0]


def test_the_listing_shows_the_loop() -> None:
    f = autograd.compile(escape, engine="numpy")
    f(np.array([0.1]), np.array([0.1]))
    lines = f.listing().splitlines()
    assert any(line.endswith("rounds, the first of which is:") for line in lines)
    assert len(lines) < 60


def test_what_does_not_repeat_stays_as_it_is() -> None:
    from autograd.compiler.rolling import listing

    f = autograd.compile(lambda x: autograd.tanh(x * x) * x - autograd.sin(x), engine="numpy")
    f.grad(np.array([0.5]))
    (program,) = [executor.program for (v,) in f._made.variants.values() for executor in v.executors.values()]
    assert listing(program) == program.listing()
