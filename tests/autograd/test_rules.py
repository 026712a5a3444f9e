"""Every row of the table against mpmath and numerical differentiation; and the checks themselves against wrong rules."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import autograd as ag
from autograd import GradientMismatch, Op, Value, check_gradients, grad, ops, topological_order
from tests.autograd.edges import ROWS, wrong_row
from tests.autograd.oracles import differences, slope_errors, value_errors, wrong_curvatures, wrong_slopes, wrong_values
from tests.cases import BY_NAME, CASES, EXACT, STANDARD, Case

SMOOTH = [case for case in CASES if case.exact is not None]
POINTS, CORE_POINTS = 100, 12


@pytest.mark.parametrize("case", SMOOTH, ids=repr)
def test_value_is_within_its_ulp(case: Case) -> None:
    assert not wrong_values(case, POINTS)


@pytest.mark.parametrize("case", SMOOTH, ids=repr)
def test_first_derivative_is_within_its_ulp(case: Case) -> None:
    assert not wrong_slopes(case, POINTS)


@pytest.mark.parametrize("case", SMOOTH, ids=repr)
def test_gradient_of_gradient_is_within_16_ulp(case: Case) -> None:
    assert not wrong_curvatures(case, CORE_POINTS)


@pytest.mark.parametrize("case", [case for case in SMOOTH if case.bounds not in (EXACT, STANDARD)], ids=repr)
def test_exceptions_have_a_reason_and_are_needed(case: Case) -> None:
    value = max(error for *_, error in value_errors(case, POINTS))
    slope = max(error for *_, error in slope_errors(case, POINTS))
    assert case.bounds.reason, f"{case.name} is allowed more than the standard without a reason"
    assert value > STANDARD.value or slope > STANDARD.first, f"{case.name} needs no exception: {value:.3g}, {slope:.3g} ulp"


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
    assert not [family for family in ops.FAMILIES if not any(name.startswith(f"{family}[") for name in used)]


def test_stop_gradient_is_a_constant_to_differentiation() -> None:
    x = Value(3.0)
    y = x * ag.stop_gradient(x)
    y.backward()
    assert (y.data, x.grad) == (9.0, 3.0)
    assert grad(grad(y, x), x).data == 0.0


# --- The tester tested ---------------------------------------------------------------------------------------------------------


@contextmanager
def rule_replaced(op: Op, wrong: Callable[..., Any]) -> Iterator[None]:
    right = op.rule
    try:
        op.rule = wrong
        yield
    finally:
        op.rule = right


def disagreements(case: Case) -> list[str]:
    """What the suite says about a case: values, first and second derivatives, and the rows of the edge table for it."""
    kinks = [text for row in ROWS if row.name == case.name for text in wrong_row(row)]
    return wrong_values(case, 20) + wrong_slopes(case, 20) + kinks + wrong_curvatures(case, 4)


WRONG_RULES: dict[str, tuple[str, str, Callable[..., Any]]] = {
    "sign of the second operand": ("subtract", "subtract", lambda g, y, a, b: (g, g)),
    "operands swapped": ("multiply", "multiply", lambda g, y, a, b: (g * a, g * b)),
    "incoming derivative forgotten": ("multiply", "multiply", lambda g, y, a, b: (b, a)),
    "incoming derivative squared": ("add", "add", lambda g, y, a, b: (g * g, g)),
    "quotient rule without its minus": ("divide", "divide", lambda g, y, a, b: (g / b, g * y / b)),
    "operand in place of result": ("divide", "divide", lambda g, y, a, b: (g / b, -(g * a / b))),
    "contributions swapped": ("divide", "divide", lambda g, y, a, b: (-(g * y / b), g / b)),
    "exponent not lowered": ("**3", "**3.0", lambda g, y, a: (g * 3.0 * y,)),
    "factor forgotten": ("**3", "**3.0", lambda g, y, a: (g * a * a,)),
    "relative error of 1e-9": ("exp", "exp", lambda g, y, a: (g * y * (1.0 + 1e-9),)),
    "relative error of 1e-15": ("exp", "exp", lambda g, y, a: (g * y * (1.0 + 1e-15),)),
    "result in place of operand": ("expm1", "expm1", lambda g, y, a: (g * y,)),
    "reciprocal of the wrong thing": ("log", "log", lambda g, y, a: (ops.divide(g, y),)),
    "factor 2": ("sqrt", "sqrt", lambda g, y, a: (ops.divide(g, y),)),
    "cancelling form of tanh′": ("tanh", "tanh", lambda g, y, a: (g * (1.0 - y * y),)),
    "cancelling form of σ′": ("sigmoid", "sigmoid", lambda g, y, a: (g * (y * (1.0 - y)),)),
    "sign of sin in cos′": ("cos", "cos", lambda g, y, a: (g * ag.sin(a),)),
    "wrong only in the second order": ("sin", "sin", lambda g, y, a: (g * ag.stop_gradient(ag.cos(a)),)),
    "wrong helper, seen only in the second order": ("tanh", "sech2", lambda g, y, a: (g * (2.0 * ag.tanh(a) * y),)),
    "tie not shared": ("maximum", "maximum", lambda g, y, a, b: (ag.where(a >= b, g, 0.0), ag.where(a >= b, 0.0, g))),
    "derivative 1 at the kink": ("relu", "relu", lambda g, y, a: (ag.where(a >= 0.0, g, 0.0),)),
    "derivative 0 at the bound": ("clamp", "clamp[-1.0,1.0]", lambda g, y, a: (ag.where((a > -1.0) & (a < 1.0), g, 0.0),)),
    "bias forgotten": ("dot", "dot", lambda g, y, *xs: [*[g * x for x in xs[3:6]], *[g * w for w in xs[:3]], None]),
    "weights and inputs swapped": ("dot", "dot", lambda g, y, *xs: [*[g * w for w in xs[:3]], *[g * x for x in xs[3:6]], g]),
    "one term lost": ("sum", "sum", lambda g, y, *xs: [*[g] * (len(xs) - 1), None]),
    "both branches of where": ("where less", "select", lambda g, y, c, a, b: (None, g, g)),
}


@pytest.mark.parametrize("mistake", WRONG_RULES)
def test_a_wrong_rule_is_found(mistake: str) -> None:
    name, op_name, wrong = WRONG_RULES[mistake]
    case = BY_NAME[name]
    assert not disagreements(case), "the right rule is not accepted"
    with rule_replaced(ops.named_op(op_name), wrong):
        found = disagreements(case)
    assert found, f"{name} with a wrong rule ({mistake}) passes every check"
    assert all("got" in line and "expected" in line for line in found)


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
