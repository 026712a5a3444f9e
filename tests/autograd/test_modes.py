"""no_grad, detect_anomaly, conditions and where."""

import gc
import math
import operator
import threading

import pytest

import autograd as ag
from autograd import Condition, Value, count_operations, detect_anomaly, grad, modes, no_grad, topological_order, where
from autograd.compiler.recording import collector_resting
from tests.storms import interruptions

INF, NAN = math.inf, math.nan

# --- no_grad -------------------------------------------------------------------------------------------------------------------


def test_no_grad_records_nothing() -> None:
    x = Value(3.0)
    with no_grad():
        results = [x * x, 2 + x, -x, x**2, x.tanh(), ag.dot([x], [x], 1.0), ag.sum([x, x]), ag.where(x > 1, x, 0.0) + 0.0]
    assert [v.data for v in results] == [9.0, 5.0, -3.0, 9.0, math.tanh(3.0), 10.0, 6.0, 3.0]
    assert all(v.is_leaf for v in results)
    assert (x * x)._prev == (x, x)


def test_no_grad_as_a_decorator_and_nested() -> None:
    @no_grad()
    def f(x: Value) -> Value:
        with no_grad():
            pass
        return x * x

    assert f(Value(3.0)).is_leaf


def test_no_grad_ends_with_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert not (Value(1.0) * 2).is_leaf


def test_no_grad_is_of_one_thread() -> None:
    recorded = []
    with no_grad():
        thread = threading.Thread(target=lambda: recorded.append((Value(1.0) * 2).is_leaf))
        thread.start()
        thread.join()
    assert recorded == [False]


def test_functions_are_differentiated_inside_no_grad_too() -> None:
    with no_grad():
        assert ag.value_and_grad(lambda x: x * x)(3.0) == (9.0, 6.0)
        assert ag.jacobian(lambda x: [x * x, 2.0 * x])(3.0) == [6.0, 2.0]
        assert ag.hessian(lambda x: x**3)(2.0) == 12.0
        assert (Value(1.0) * 2).is_leaf
    ag.check_gradients(lambda x: grad(ag.sin)(x) * x, 0.5)


# --- detect_anomaly ------------------------------------------------------------------------------------------------------------


def test_anomaly_forward_names_op_operands_label_and_line() -> None:
    x = Value(0.0, label="rate")
    with detect_anomaly(), pytest.raises(FloatingPointError) as caught:
        x.log()  # the line to blame
    text = str(caught.value)
    assert text.startswith("log(rate=0.0) gave -inf at ")
    assert f"{__file__}:" in text
    assert text.endswith("x.log()  # the line to blame")


def test_anomaly_backward_names_op_operands_label_and_line() -> None:
    x = Value(0.0, label="x")
    with detect_anomaly():
        y = ag.sqrt(x) * 3.0  # the line to blame
        with pytest.raises(FloatingPointError) as caught:
            y.backward()
    text = str(caught.value)
    assert text.startswith("the backward pass of sqrt(x=0.0) with adjoint 3.0 gave inf; recorded at ")
    assert text.endswith("y = ag.sqrt(x) * 3.0  # the line to blame")
    assert (x.grad, y.grad) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("divide", lambda x: x / 0.0),
        ("exp", lambda x: ag.exp(x * 1000.0)),
        ("multiply", lambda x: x * 1e308 * 1e308),
        ("power", lambda x: (-x) ** Value(0.5)),
        (r"\*\*0\.5", lambda x: (-x) ** 0.5),
        ("dot", lambda x: ag.dot([x, x], [1e308, 1e308])),
        ("sum", lambda x: ag.sum([x * 1e308, 1e308])),
    ],
)
def test_anomaly_of_every_kind_of_op(name, expression) -> None:  # type: ignore[no-untyped-def]
    with detect_anomaly(), pytest.raises(FloatingPointError, match=rf"^{name}\("):
        expression(Value(1.0))
    assert not math.isfinite(expression(Value(1.0)).data)


def test_anomaly_passes_what_was_not_finite_before() -> None:
    with detect_anomaly():
        y = Value(INF) * 2.0 + Value(NAN)
        y.backward()
        assert math.isnan(y.data)


def test_anomaly_in_a_node_recorded_before() -> None:
    y = ag.sqrt(Value(0.0))
    with detect_anomaly(), pytest.raises(FloatingPointError, match="recorded outside detect_anomaly"):
        y.backward()


def test_anomaly_is_over_after_the_with() -> None:
    with detect_anomaly():
        pass
    assert ag.log(Value(0.0)).data == -INF


# --- Conditions ----------------------------------------------------------------------------------------------------------------

COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge]
NUMBERS = [-INF, -1.0, -0.0, 0.0, 1.0, 2.0, INF, NAN]


@pytest.mark.parametrize("compare", COMPARISONS)
def test_comparisons_are_those_of_the_numbers(compare) -> None:  # type: ignore[no-untyped-def]
    for a in NUMBERS:
        for b in NUMBERS:
            for condition in (compare(Value(a), Value(b)), compare(Value(a), b), compare(a, Value(b))):
                assert type(condition) is Condition
                assert bool(condition) is compare(a, b), (a, b)
                assert repr(condition) == repr(compare(a, b))
                assert (where(condition, 1.0, 0.0).data == 1.0) is compare(a, b)


def test_a_condition_is_like_a_bool() -> None:
    yes, no = Value(2.0) > 1, Value(2.0) < 1
    assert yes
    assert not no
    assert yes == True and no == False and yes != False  # noqa: E712 -- that they compare like bools is the point
    assert {True: "yes"}[yes] == "yes"
    assert (int(yes), ["no", "yes"][yes], sum([yes, no, yes]), yes + 1) == (1, "yes", 2, 2)
    assert f"{yes}" == "True"


def test_sorting_and_extremes() -> None:
    values = [Value(x) for x in (3.0, -1.0, 2.0)]
    assert [v.data for v in sorted(values)] == [-1.0, 2.0, 3.0]
    assert (max(values), min(values)) == (values[0], values[1])


def test_conditions_combine() -> None:
    for a in (0.0, 1.0, 2.0):
        for b in (0.0, 1.0, 2.0):
            left, right = Value(a) > 0.5, Value(b) > 1.5
            p, q = a > 0.5, b > 1.5
            assert (bool(left & right), bool(left | right), bool(~left)) == (p and q, p or q, not p)
            assert (bool(left ^ right), bool(left ^ q), bool(q ^ left)) == (p ^ q,) * 3
            assert (bool(left & q), bool(q & left), bool(left | q), bool(q | left)) == (p and q, p and q, p or q, p or q)


@pytest.mark.parametrize("other", [1, 0.0, None, "x", Value(1.0)])
def test_conditions_combine_with_nothing_else(other: object) -> None:
    for combine in (lambda c: c & other, lambda c: c | other, lambda c: c ^ other, lambda c: other ^ c):
        with pytest.raises(TypeError, match="between conditions need a condition"):
            combine(Value(1.0) > 0)


def test_a_condition_stays_symbolic_in_where() -> None:
    a, b = Value(1.0, label="a"), Value(2.0, label="b")
    y = where((a > b) | ~(a <= 0), a, b)
    assert [v._op for v in topological_order(y)] == ["", "", ">", "", "≤", "not", "or", "where"]
    assert y.data == 1.0


def test_a_condition_in_arithmetic_is_a_number() -> None:
    x = Value(2.0)
    y = x * (x > 1) + (x > 5)
    y.backward()
    assert (y.data, x.grad) == (2.0, 1.0)


def test_equality_of_numbers_as_a_condition() -> None:
    assert where(ag.ops.equal(Value(1.0), 1.0), 5.0, 6.0).data == 5.0


# --- where ---------------------------------------------------------------------------------------------------------------------

LEAKS = {
    "sqrt": (lambda x: ag.sqrt(x), -1.0),
    "sqrt at its pole": (lambda x: ag.sqrt(x), 0.0),
    "log": (lambda x: ag.log(x), 0.0),
    "quotient": (lambda x: 1.0 / x, -0.0),
    "power": (lambda x: x**-1.5, -2.0),
    "overflow": (lambda x: ag.exp(-1000.0 * x), -1.0),
    "nested": (lambda x: where(x > -5.0, ag.log(x) * ag.sqrt(x), x), -1.0),
    "shared": (lambda x: ag.log(x) / ag.log(x) + x * ag.log(x), -1.0),
    "n-ary": (lambda x: ag.dot([x, ag.log(x)], [ag.sqrt(x), 0.0]), -1.0),
}


@pytest.mark.parametrize("name", LEAKS)
def test_the_branch_not_taken_leaks_nothing(name: str) -> None:
    singular, at = LEAKS[name]
    for choose in (lambda x: where(x > 0, singular(x), x * x), lambda x: where(x <= 0, x * x, singular(x))):
        x = Value(at)
        y = choose(x)
        y.backward()
        slope = grad(y, x)
        curvature = grad(slope, x)
        assert (y.data, x.grad, slope.data, curvature.data) == (at * at, 2 * at, 2 * at, 2.0), name
        assert grad(curvature, x).data == 0.0


def test_the_branch_taken_flows() -> None:
    x = Value(4.0)
    y = where(x > 0, ag.sqrt(x), x * x)
    assert (y.data, grad(y, x).data, grad(grad(y, x), x).data) == (2.0, 0.25, -0.03125)


@pytest.mark.parametrize("gated_first", [True, False])
def test_a_branch_not_taken_adds_not_even_a_zero(gated_first: bool) -> None:
    x = Value(-1.0)
    node = x * 2.0
    behind, beside = where(x > 0, node * 3.0, 0.0), node * -0.0
    y = behind + beside if gated_first else beside + behind
    y.backward()
    assert [repr(node.grad), repr(grad(y, node).data)] == ["-0.0", "-0.0"], "−0 + 0 would be 0"


def test_where_over_plain_conditions_and_numbers() -> None:
    x = Value(3.0)
    assert where(True, x, 1.0) is x
    assert where(False, x, 1.0) == 1.0
    assert where(0.0, 1.0, 2.0) == 2.0
    assert where(Value(2.0), 5.0, 6.0).data == 5.0
    with pytest.raises(TypeError, match="where needs a real number, got str"):
        where("x", 1.0, 2.0)


def test_where_shares_nothing_between_equal_branches() -> None:
    x = Value(3.0)
    where(x > 0, x, x).backward()
    assert x.grad == 1.0


# --- Ctrl-C --------------------------------------------------------------------------------------------------------------------


def test_ctrl_c_leaves_nothing_switched_on() -> None:
    def work() -> None:
        with no_grad(), detect_anomaly(), collector_resting(), count_operations():
            pass

    for number in interruptions(work, 1000):
        assert (modes.modes, modes.altering, gc.isenabled()) == ({}, {}, True), f"after interruption {number}"


def test_contexts_that_do_not_end_in_order_leave_nothing_switched_on() -> None:
    """Those of generators, and of Ctrl-C on the threshold of leaving: the inner one ends last."""
    outer, inner = no_grad(), detect_anomaly()
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    assert (modes.modes, modes.altering) == ({}, {})
    inner.__exit__(None, None, None)
    assert (modes.modes, modes.altering) == ({}, {})
