"""Programs written for floats, lifted: eagerly, compiled number by number and compiled on arrays they give what Python gives."""

from collections.abc import Callable

import numpy as np
import pytest

import autograd
from autograd import Value
from tests.autograd import programs

POINTS = [(0.7, 1.9), (2.0, 2.0), (-1.3, 0.4), (2.5, -0.6), (1.0, 3.2)]
LIFTED = autograd.lift(programs)


def _named(program: Callable[[float, float], float]) -> str:
    return program.__name__


def _eagerly(lifted: Callable[[Value, Value], Value], x: float, y: float) -> tuple[float, float, float]:
    """The value and the slopes."""
    a, b = Value(x), Value(y)
    result = Value(0.0) + lifted(a, b)
    result.backward()
    return result.data, a.grad, b.grad


@pytest.mark.parametrize("program", programs.PROGRAMS, ids=_named)
def test_programs_for_floats(program: Callable[[float, float], float]) -> None:
    lifted = getattr(LIFTED, program.__name__)
    expected = [program(x, y) for x, y in POINTS]
    eager = [_eagerly(lifted, x, y) for x, y in POINTS]
    assert [y for y, *_ in eager] == expected
    compiled = autograd.compile(lifted, engine="numpy")
    assert [compiled(x, y) for x, y in POINTS] == expected
    xs, ys = map(np.array, zip(*POINTS, strict=True))
    assert compiled(xs, ys).tolist() == expected
    values, (by_x, by_y) = compiled.value_and_grad(xs, ys)
    assert list(zip(values.tolist(), by_x.tolist(), by_y.tolist(), strict=True)) == eager


@pytest.mark.parametrize("program", [f for f in programs.PROGRAMS if f is not programs.instances], ids=_named)
def test_functions_alone(program: Callable[[float, float], float]) -> None:
    lifted = autograd.lift(program)
    assert [_eagerly(lifted, x, y)[0] for x, y in POINTS] == [program(x, y) for x, y in POINTS]


def test_a_class_that_a_function_alone_uses_is_as_it_is() -> None:
    with pytest.raises(TypeError, match="would lose its gradient"):
        autograd.lift(programs.instances)(Value(1.0), Value(2.0))
