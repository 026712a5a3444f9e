"""Kinks, poles, infinities, nan and tails: every row of the edge table, and where we deviate from it, exactly how."""

import math

import pytest

from autograd import Value, grad, ops, tan
from tests.autograd.edges import ALL_ROWS, DEVIATIONS, NOT_IMPLEMENTED, ROWS, Row, function_of, wrong_row


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_row(row: Row) -> None:
    assert not wrong_row(row)


def test_every_name_is_implemented_or_declared_not_to_be() -> None:
    names = {row.op for row in ALL_ROWS}
    assert names >= NOT_IMPLEMENTED
    for name in sorted(names - NOT_IMPLEMENTED):
        assert callable(function_of(name))
    offered = [name for name in NOT_IMPLEMENTED if hasattr(ops, name.split()[0])]
    assert not offered, "implemented now: test their rows"


def test_every_deviation_belongs_to_a_row() -> None:
    assert set(DEVIATIONS) <= {(row.op, tuple(map(repr, row.args))) for row in ROWS}


def test_deviation_of_tan() -> None:
    x = Value(math.pi / 2)
    tan(x).backward()
    assert x.grad == pytest.approx(1.0 + math.tan(math.pi / 2) ** 2, rel=1e-15)


def test_deviation_of_power() -> None:
    a, b = Value(0.0), Value(math.inf)
    slope = grad(ops.power_both(a, b), b)
    assert (slope.data, grad(slope, a).data, grad(slope, b).data) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("x", [710.0, -710.0])
def test_deviation_of_sigmoid(x: float) -> None:
    v = Value(x)
    curvature = grad(grad(ops.sigmoid(v), v), v)
    assert curvature.data == math.copysign(4.47628622567513e-309, -x)


ODD = ("sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "expm1", "log1p", "erf", "sqrt", "floor", "gelu", "silu")


@pytest.mark.parametrize("name", ODD)
def test_the_sign_of_zero_survives(name: str) -> None:
    op = ops.named_op(name)
    got = [op(-0.0), op(0.0), op(Value(-0.0)).data, op(Value(0.0)).data]
    assert [math.copysign(1.0, x) for x in got] == [-1.0, 1.0, -1.0, 1.0], f"{name} of −0 and 0: got {got}"
    assert got == [0.0] * 4


@pytest.mark.parametrize("symmetric_at", [(2.0, 0.0), (0.5, 0.0), (3.0, 1.0), (1.0, 0.0)])
def test_hessian_of_power_is_symmetric(symmetric_at: tuple[float, float]) -> None:
    a, b = map(Value, symmetric_at)
    by_a, by_b = grad(a**b, [a, b])
    assert grad(by_a, b).data == grad(by_b, a).data
