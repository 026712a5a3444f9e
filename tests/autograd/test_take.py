"""``take``: a number as an index, plain or a Value, eager and compiled."""

import math
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, take
from autograd.ops import exp, log
from autograd.ops import sum as total

ROWS = [[0.5, -1.5, 2.0], [-0.0, 3.0, 0.25], [1.0, math.inf, -2.0], [4.0, 0.125, -0.75]]


def table() -> list[list[Value]]:
    return [[Value(x) for x in row] for row in ROWS]


def score(rows: Any, i: Any, j: Any) -> Any:
    """A function of two rows, which may be the same."""
    a, b = take(rows, i), take(rows, j)
    return total([x * y for x, y in zip(a, b, strict=True)]) + exp(a[0]) * b[2]


def answer(rows: list[list[Value]], i: Any, j: Any) -> tuple[str, list[str]]:
    """Value and gradients as text, so that 0.0 and -0.0 differ and nan is nan."""
    y = score(rows, i, j)
    y.backward()
    return repr(y.data), [repr(x.grad) for row in rows for x in row]


@pytest.mark.parametrize("i", range(4))
@pytest.mark.parametrize("j", range(4))
def test_a_value_takes_what_a_number_takes(i: int, j: int) -> None:
    assert answer(table(), Value(i), Value(float(j))) == answer(table(), i, j)


def test_a_row_is_a_number_or_a_nested_list() -> None:
    assert take([1.0, 2.5], 1) == 2.5
    assert take([Value(1.0), Value(2.5)], Value(1)).data == 2.5
    ((a, b), (c, d)) = take([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]], Value(1.0))
    assert [x.data for x in (a, b, c, d)] == [5.0, 6.0, 7.0, 8.0]
    assert math.copysign(1.0, take([1.0, -0.0], Value(1.0)).data) == -1.0


@pytest.mark.parametrize("kind", [float, Value])
@pytest.mark.parametrize(("index", "error"), [(4.0, IndexError), (-1.0, IndexError), (1.5, ValueError), (math.nan, ValueError)])
def test_a_wrong_index_is_named(kind: Any, index: float, error: type[Exception]) -> None:
    with pytest.raises(error, match=repr(int(index) if error is IndexError else index)):
        take(ROWS, kind(index))


def test_no_rows() -> None:
    with pytest.raises(ValueError, match="at least one"):
        take([], 0)
    for rows in ([[1.0], 2.0], [[1.0], [2.0, 3.0]], [[1.0, 2.0], [3.0]], [[[1.0]], [[1.0, 2.0]]]):
        with pytest.raises(ValueError, match="take needs rows of one shape"):
            take(rows, Value(0.0))
    with pytest.raises(TypeError, match=r"got list \(\[2\.0\]\)"):
        take([1.0, [2.0]], Value(0.0))


@pytest.mark.parametrize("engine", ["numpy", "llvm"])
def test_one_program_for_all_indices(engine: str) -> None:
    rows, i, j = table(), Value(0.0), Value(1.0)
    step = autograd.compile(score(rows, i, j), engine=engine)
    for a in range(4):
        for b in range(4):
            i.data, j.data = a, b
            got = repr(step()), [repr(x.grad) for row in rows for x in row]
            assert got == answer(table(), a, b), (a, b)


@pytest.mark.parametrize("engine", ["numpy", "llvm"])
def test_a_compiled_function_takes_indices(engine: str) -> None:
    f = autograd.compile(lambda i, x: take([x, x * x, log(x)], i), engine=engine)
    assert [f(float(i), 2.0) for i in range(3)] == [2.0, 4.0, math.log(2.0)]
    assert [f.grad(float(i), 2.0) for i in range(3)] == [(0.0, 1.0), (0.0, 4.0), (0.0, 0.5)]
    assert len(f.listing().split("\n\n")) == 2, "one recording, for the value and for the gradient"
    with pytest.raises(IndexError, match="got 3"):
        f(3.0, 2.0)
    lanes = f(np.array([0.0, 1.0, 2.0, 1.0]), np.array([2.0, 3.0, 4.0, 5.0]))
    assert lanes.tolist() == [2.0, 9.0, math.log(4.0), 25.0]


@pytest.mark.parametrize("engine", ["numpy", "llvm"])
def test_a_recorded_graph_at_no_index_is_nan(engine: str) -> None:
    """Nothing raises when it is run again, and the derivative is nan or goes nowhere."""
    rows, i = table(), Value(1.0)
    step = autograd.compile(take(rows, i)[0] * 3.0, engine=engine)
    for index in (4.0, -1.0, 0.5, math.nan, math.inf, -math.inf):
        i.data = index
        assert math.isnan(step()), index
        assert [x.grad for row in rows for x in row] == [0.0] * 12


def test_what_is_not_taken_leaks_nothing() -> None:
    x = Value(0.0)
    for i in (Value(0.0), 0):
        x.grad = 0.0
        take([x, log(x)], i).backward()
        assert x.grad == 1.0
    step = autograd.compile(take([x, log(x)], Value(0.0)), engine="numpy")
    step()
    assert x.grad == 1.0
