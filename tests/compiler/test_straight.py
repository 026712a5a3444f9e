"""Short programs as straight lines: the bits of loops over packs, for any number of lanes side by side, and no row in memory."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import value_and_grad
from autograd.compiler.targets.llvm import exact_math, executor, straight
from tests.autograd.oracles import same_bits

pytest.importorskip("llvmlite")


def arithmetic(x: Any, y: Any) -> Any:
    """Sums of all kinds of terms."""
    a, b = x * y - 3.0 * x + y, 2.0 - x * x
    return a * b - b / (1.0 + a * a) - (-x) * y


def functions(x: Any, y: Any) -> Any:
    """The library's, with tables and without, and conditions."""
    z = autograd.sin(x) * autograd.cos(x) + autograd.exp(y) + autograd.tanh(x - y) + (x + 2.0) ** 2
    return autograd.where(x > y, autograd.atan2(x, y), autograd.log(x * x + 1.0) + abs(y)) * z


def neighbours(x: Any, y: Any) -> Any:
    """Packs of several instances, gathered anyhow."""
    cells = [autograd.maximum(x * (0.1 * i) - y, 0.0) for i in range(straight.MOST_INSTANCES)]
    return sum([cells[i] * cells[-1 - i] * x for i in (0, 5, 1, 7, 3)])


def parting(x: Any, y: Any) -> Any:
    """Several ways."""
    while abs(x) > 0.5:
        x = x * 0.75 if y > 0.0 else 0.5 * x - 0.01 * y
    return x * y


FUNCTIONS: tuple[Callable[[Any, Any], Any], ...] = (arithmetic, functions, neighbours, parting)


@pytest.mark.parametrize("width", [4, 8, 16])
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("most", [0, straight.MOST_OPERANDS])
def test_bits(function: Callable[[Any, Any], Any], width: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "lanes_of", lambda program: width if program.n_lanes else 1)
    monkeypatch.setattr(straight, "MOST_OPERANDS", most)
    x, y = np.random.default_rng(5).uniform(-2.0, 2.0, (2, 53))
    x[:4], y[:2] = [np.inf, np.nan, -0.0, 5e-324], [0.0, -np.inf]
    if function is parting:
        x, y = x[4:], y[4:]
    values, slopes = autograd.compile(function, engine="llvm").value_and_grad(x, y)
    for i, point in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        value, expected = value_and_grad(function)(*point)
        got, expected = np.array([values[i], *[slope[i] for slope in slopes]]) + 0.0, np.array([value, *expected]) + 0.0
        assert np.array_equal(got, expected, equal_nan=True), f"{function.__name__}{point}: got {got}, expected {expected}"


@pytest.mark.parametrize("width", [4, 8, 16])
def test_sine_and_cosine_of_one_angle_are_computed_together(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "lanes_of", lambda program: width if program.n_lanes else 1)
    f = autograd.compile(lambda x: [autograd.cos(x), autograd.sin(x)], engine="llvm")
    (x,) = map(np.array, exact_math.points("sin"))
    c, s = f(x)
    pairs = zip(x.tolist(), c.tolist(), s.tolist(), strict=True)
    wrong = [at for at, *got in pairs if not all(map(same_bits, got, [float(autograd.cos(at)), float(autograd.sin(at))]))]
    assert not wrong, f"{len(wrong)} of {len(x)} points, the first is {wrong[0]!r}"
    ((made,),) = [variant.executors.values() for found in f._made.variants.values() for variant in found]
    assert f"call {{ <{width}" in made.llvm_ir or not (executor.has_library_bits("sin") and executor.has_library_bits("cos"))


@pytest.mark.parametrize(("terms", "is_in_memory"), [(straight.MOST_TERMS, False), (straight.MOST_TERMS + 1, True)])
def test_the_rows_of_a_short_program_are_registers(terms: int, is_in_memory: bool) -> None:
    f = autograd.compile(lambda x: autograd.sum([x] * terms), engine="llvm")
    assert f(np.ones(20)).tolist() == [terms] * 20
    ((made,),) = [variant.executors.values() for found in f._made.variants.values() for variant in found]
    assert ("double, ptr %r" in made.llvm_ir) is is_in_memory
