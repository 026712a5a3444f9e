"""Every row of the table against numerical differentiation, and in all ways of using it. Against mpmath: ``tests.trust``."""

import math
from collections.abc import Callable
from typing import Any

import pytest

import autograd as ag
from autograd import GradientMismatch, Op, Value, check_gradients, grad, ops, topological_order
from tests.autograd.oracles import differences, slope_errors, value_errors
from tests.cases import CASES, EXACT, STANDARD, Case

SMOOTH = [case for case in CASES if case.exact is not None]
POINTS, MANY_POINTS, CORE_POINTS = 100, 3000, 12


EXCEPTIONS = [case for case in SMOOTH if case.bounds not in (EXACT, STANDARD)]


@pytest.mark.parametrize("case", [case for case in EXCEPTIONS if not (case.bounds.of_value or case.bounds.of_first)], ids=repr)
def test_exceptions_have_a_reason_and_are_needed(case: Case) -> None:
    assert case.bounds.reason, f"{case.name} is allowed more than the standard without a reason"
    values, slopes = value_errors(case, MANY_POINTS), slope_errors(case, MANY_POINTS)
    needed = any(e > STANDARD.value for *_, e in values) or any(e > STANDARD.first for *_, e in slopes)
    assert needed, f"{case.name} needs no exception"


@pytest.mark.parametrize("case", SMOOTH, ids=repr)
def test_numerical_differentiation_agrees(case: Case) -> None:
    for point in case.core_points(CORE_POINTS):
        check_gradients(case.f, *point, tolerance=1e-5)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_floats_and_values_give_the_same_bits(case: Case) -> None:
    for point in case.points(POINTS):
        got = case.f(*map(Value, point))
        assert not differences(f"{case.name}{point}", [got.data], [case.f(*point)])


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_backward_and_grad_give_the_same_bits(case: Case) -> None:
    for point in case.points(POINTS):
        operands = [Value(x) for x in point]
        y = case.f(*operands)
        y.backward()
        got = [0.0 + slope.data for slope in grad(y, operands)]  # a leaf's grad starts at 0, and 0 + −0 is 0
        assert not differences(f"gradient of {case.name}{point}", got, [v.grad for v in operands])


@pytest.mark.parametrize("case", [case for case in CASES if len(case.domain) > 1], ids=repr)
def test_constants_among_the_operands_change_nothing(case: Case) -> None:
    for point in case.points(10):
        together = [Value(x) for x in point]
        case.f(*together).backward()
        for i, x in enumerate(point):
            alone = Value(x)
            y = Value(0.0) + case.f(*point[:i], alone, *point[i + 1 :])  # where may return a float for a constant condition
            y.backward()
            got, expected = [y.data, alone.grad], [0.0 + case.f(*point), together[i].grad]
            assert not differences(f"{case.name}{point} by operand {i}", got, expected)


def test_every_op_of_the_engine_is_in_the_table() -> None:
    used = set()
    for case in CASES:
        operands = [Value(x) for x in case.core_points(1)[0]]
        y = case.f(*operands)
        used |= {v.op.name for root in [y, *grad(y, operands)] for v in topological_order(root)}
    assert not set(ops.TABLE) - used, "ops without a row in tests/cases.py"
    assert not [family for family in ops.FAMILIES if not any(name.startswith(family) for name in used)]


def test_stop_gradient_is_a_constant_to_differentiation() -> None:
    x = Value(3.0)
    y = x * ag.stop_gradient(x)
    y.backward()
    assert (y.data, x.grad) == (9.0, 3.0)
    assert grad(grad(y, x), x).data == 0.0


# --- check_gradients tested ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    {
        "sign": lambda g, y, a: (-(g * ag.cos(a)),),
        "factor": lambda g, y, a: (g * 2.0 * ag.cos(a),),
        "relative error of 1e-4": lambda g, y, a: (g * ag.cos(a) * 1.0001,),
        "operand in place of result": lambda g, y, a: (g * a,),
        "nothing flows": lambda g, y, a: (None,),
        "nan": lambda g, y, a: (math.nan,),
    }.items(),
    ids=lambda item: item[0],
)
def test_check_gradients_finds_a_wrong_rule(wrong: tuple[str, Callable[..., Any]]) -> None:
    op = Op("wrong_sine", math.sin, wrong[1])
    with pytest.raises(GradientMismatch, match=r"argument 0 at 0\.7: got .*, expected 0\.76484"):
        check_gradients(op, 0.7)


def test_check_gradients_finds_swapped_operands() -> None:
    op = Op("wrong_product", lambda a, b: a * b, lambda g, y, a, b: (g * a, g * b))
    with pytest.raises(GradientMismatch) as caught:
        check_gradients(lambda xs: op(xs[0], xs[1]), [2.0, 5.0])
    assert "argument 0 at 2.0: got 2.0, expected" in str(caught.value)
    assert "argument 1 at 5.0: got 5.0, expected" in str(caught.value)


def test_check_gradients_accepts_a_right_rule() -> None:
    check_gradients(lambda x, y: ag.sin(x) * y**2, 0.7, -3.0)
