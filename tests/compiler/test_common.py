"""Ops on equal operands are computed once, with the eager engine's bits; ops of a user's own as often as they are written."""

from collections.abc import Callable
from typing import Any

import pytest

import autograd
from autograd import Op, Value, value_and_grad
from autograd.compiler.variants import ONE


def _counts(function: Callable[..., Any], *at: float) -> dict[str, int]:
    """How often the compiled function computes each op, but for sums."""
    compiled = autograd.compile(function)
    compiled.value_and_grad(*at)
    ((variant,),) = compiled._made.variants.values()
    counts: dict[str, int] = {}
    for pack in compiled._made.program(variant, "value_and_grad", ONE).packs:
        if pack.op is not None:
            counts[pack.op.name] = counts.get(pack.op.name, 0) + pack.count
    return counts


PROGRAMS: list[tuple[str, Callable[..., Any], dict[str, int]]] = [
    ("the slope of a sine is a cosine that is there", lambda x: autograd.sin(x) * autograd.cos(x), {"sin": 1, "cos": 1}),
    ("written twice", lambda x: autograd.exp(x) + 2.0 * autograd.exp(x), {"exp": 1}),
    (
        "equal operands come first",
        lambda x: autograd.sin(autograd.exp(x)) + autograd.cos(autograd.exp(x)),
        {"exp": 1, "sin": 1, "cos": 1},
    ),
    ("the order of operands counts", lambda x: autograd.atan2(x, 2.0 * x) * autograd.atan2(2.0 * x, x), {"atan2": 2}),
    ("0 and −0 are two numbers", lambda x: autograd.atan2(0.0, x) + autograd.atan2(-0.0, x), {"atan2": 2}),
]


@pytest.mark.parametrize(("function", "expected"), [row[1:] for row in PROGRAMS], ids=[row[0] for row in PROGRAMS])
def test_equal_ops_are_computed_once(function: Callable[..., Any], expected: dict[str, int]) -> None:
    counts = _counts(function, -0.7)
    assert {name: counts.get(name) for name in expected} == expected
    for engine in ("numpy", "llvm"):
        if engine == "llvm":
            pytest.importorskip("llvmlite")
        for x in (-0.7, 0.0, 1.3, 1e300):
            got, eager = autograd.compile(function, engine=engine).value_and_grad(x), value_and_grad(function)(x)
            assert repr(got) == repr(eager), f"{engine} at {x}: got {got}, expected {eager}"


def test_an_op_of_ones_own_runs_as_often_as_it_is_written() -> None:
    calls: list[float] = []

    def noted(a: Any) -> Any:
        if isinstance(a, Value):
            raise TypeError("for floats only")
        calls.append(a)
        return a * a

    squared = Op("noted", noted, lambda g, y, a: (2.0 * g * a,))
    compiled = autograd.compile(lambda x: squared(x) + squared(x))
    compiled(3.0)
    calls.clear()
    assert (compiled(3.0), calls) == (18.0, [3.0, 3.0])
