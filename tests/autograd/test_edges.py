"""The edge table, whose rows ``tests.trust`` tries, is complete; zeros with a sign, and powers."""

import math

import pytest

from autograd import Value, grad, ops
from tests.autograd.edges import ALL_ROWS, NOT_IMPLEMENTED, function_of


def test_every_name_is_implemented_or_declared_not_to_be() -> None:
    names = {row.op for row in ALL_ROWS}
    assert names >= NOT_IMPLEMENTED
    for name in sorted(names - NOT_IMPLEMENTED):
        assert callable(function_of(name))
    offered = [name for name in NOT_IMPLEMENTED if hasattr(ops, name.split()[0])]
    assert not offered, "implemented now: test their rows"


ODD = ("sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "expm1", "log1p", "erf", "sqrt", "floor", "gelu", "silu")


@pytest.mark.parametrize("name", ODD)
def test_the_sign_of_zero_survives(name: str) -> None:
    op = ops.named_op(name)
    got = [op(-0.0), op(0.0), op(Value(-0.0)).data, op(Value(0.0)).data]
    assert [math.copysign(1.0, x) for x in got] == [-1.0, 1.0, -1.0, 1.0], f"{name} of −0 and 0: got {got}"
    assert got == [0.0] * 4


def test_the_pole_of_log1p_is_that_of_log() -> None:
    x, shifted = Value(0.0), Value(-1.0)
    poles = x.log(), shifted.log1p()
    for pole in poles:
        pole.backward()
    assert [(pole.data, at.grad) for pole, at in zip(poles, (x, shifted), strict=True)] == [(-math.inf, math.inf)] * 2


@pytest.mark.parametrize("symmetric_at", [(2.0, 0.0), (0.5, 0.0), (3.0, 1.0), (1.0, 0.0)])
def test_hessian_of_power_is_symmetric(symmetric_at: tuple[float, float]) -> None:
    a, b = map(Value, symmetric_at)
    by_a, by_b = grad(a**b, [a, b])
    assert grad(by_a, b).data == grad(by_b, a).data
