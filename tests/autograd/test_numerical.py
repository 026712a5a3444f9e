"""Difference quotients and the counting of operations: exact where the formula is exact, its order elsewhere, every op counted."""

import itertools
import math
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

import autograd as ag
from autograd import Op, Value, count_operations, detect_anomaly, dot, no_grad, numerical, topological_order
from autograd.numerical import Slope, Slopes, central_slope, five_point_slope, forward_slope, step_of
from tests.cases import CASES, Case

METHODS = [numerical.forward, numerical.central, numerical.five_point]
SLOPES = [forward_slope, central_slope, five_point_slope]
# For each method: the degree of polynomials it is exact for, the order of its error, calls of E, operations of its own.
EXACT_TO = dict(zip(METHODS, (1, 2, 4), strict=True))
ORDER = dict(zip(METHODS, (1, 2, 4), strict=True))
CALLS = dict(zip(METHODS, (2, 2, 4), strict=True))
OWN = dict(zip(METHODS, (3, 4, 10), strict=True))

each_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)

# --- Derivatives ---------------------------------------------------------------------------------------------------------------


@each_method
def test_exact_for_polynomials_up_to_its_degree_and_no_further(method: Any) -> None:
    for n in range(1, EXACT_TO[method] + 2):
        w = Value(2.0)
        got = method(lambda w=w, n=n: ag.sum([w**k for k in range(1, n + 1)]), w, h=0.25).derivative
        expected = sum(k * 2.0 ** (k - 1) for k in range(1, n + 1))
        assert (abs(got - expected) < 1e-12) is (n <= EXACT_TO[method]), (n, got, expected)


@each_method
def test_the_error_falls_with_the_order_of_the_formula(method: Any) -> None:
    w = Value(0.7)
    steps = [2.0**-k for k in range(2, 6)]
    errors = [abs(method(lambda: ag.exp(w), w, h=h).derivative - math.exp(0.7)) for h in steps]
    for coarse, fine in itertools.pairwise(errors):
        assert math.log2(coarse / fine) == pytest.approx(ORDER[method], abs=0.15), errors


@each_method
@pytest.mark.parametrize("at", [-3.0, 0.1, 1.5, 7.0])
def test_the_default_step_is_near_the_bottom_of_the_valley(method: Any, at: float) -> None:
    w = Value(at)
    tolerance = {1: 3e-7, 2: 3e-9, 4: 1e-10}[ORDER[method]]
    got = method(lambda: ag.sin(w * 0.5), w).derivative
    assert got == pytest.approx(0.5 * math.cos(at * 0.5), abs=tolerance)


@pytest.mark.parametrize("slope", SLOPES, ids=lambda slope: slope.__name__)
def test_slopes_of_functions_of_floats(slope: Any) -> None:
    for x in (-3.0, 0.1, 1.5):
        assert slope(math.sin, x, step_of(slope, x)) == pytest.approx(math.cos(x), abs=1e-7)


def test_five_points_as_checks_use_them() -> None:
    got = five_point_slope(lambda x: x**4 - 2 * x**3 + x, 1.5, step_of(five_point_slope, 1.5))
    assert got == pytest.approx(4 * 1.5**3 - 6 * 1.5**2 + 1, rel=1e-11)
    assert five_point_slope(math.sin, 1.5, 1e-3) == pytest.approx(math.cos(1.5), abs=1e-12)


@each_method
def test_all_weights_are_the_weights_one_by_one(method: Any) -> None:
    rng = random.Random(0)
    ws = [Value(rng.uniform(-1, 1)) for _ in range(5)]

    def loss() -> Value:
        return ag.tanh(dot(ws[:2], ws[2:4], ws[4])) ** 2

    together = method(loss, ws)
    assert together.derivative == [method(loss, w).derivative for w in ws]
    exact = ag.grad(loss(), ws)
    assert together.derivative == pytest.approx([g.data for g in exact], abs=1e-7)


@each_method
def test_weights_and_gradients_are_left_as_they_were(method: Any) -> None:
    a, b = Value(3.0), Value(-2.0)
    a.grad = 7.0
    method(lambda: a * b, [a, b])
    assert (a.data, b.data, a.grad, b.grad) == (3.0, -2.0, 7.0, 0.0)


@each_method
def test_weights_are_put_back_after_an_exception(method: Any) -> None:
    w = Value(3.0)

    def loss() -> Value:
        if w.data != 3.0:
            raise ZeroDivisionError
        return w

    with pytest.raises(ZeroDivisionError):
        method(loss, w)
    assert w.data == 3.0
    assert not (w * 2).is_leaf, "no_grad is over"


@each_method
def test_the_weight_itself_and_a_plain_number_as_the_result(method: Any) -> None:
    w = Value(3.0)
    assert method(lambda: w, w, h=0.5).derivative == 1.0
    assert method(lambda: w.data * 2, w, h=0.5).derivative == 2.0
    assert method(lambda: 1, w, h=0.5).derivative == 0.0


def test_kinds_of_answers() -> None:
    w = Value(2.0)
    one, several = numerical.central(lambda: w * w, w, h=0.5), numerical.central(lambda: w * w, (w,), h=0.5)
    assert (one, several) == (Slope(4.0, 6), Slopes([4.0], 6))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((lambda: 1.0, 2.0), TypeError, r"expected a Value or a list of Values .*, got float \(2\.0\)"),
        ((lambda: 1.0, "w"), TypeError, r"expected a Value or a list of Values .*, got str \('w'\)"),
        ((lambda: 1.0, [Value(1.0), 3]), TypeError, r"got a list with int \(3\)"),
        ((lambda: 1.0, [[Value(1.0)]]), TypeError, "got a list with list"),
        ((lambda: 1.0, ()), ValueError, "got an empty tuple"),
        ((Value(1.0), Value(1.0)), TypeError, "E must be a function without arguments .*, got Value"),
        ((lambda: "x", Value(1.0)), TypeError, "the result of E needs a real number, got str"),
        ((lambda: [Value(1.0)], Value(1.0)), TypeError, "the result of E needs a real number, got list"),
        ((lambda: 1.0, Value(1.0), 0.0), ValueError, r"h must be positive and finite, got 0\.0"),
        ((lambda: 1.0, Value(1.0), -1e-3), ValueError, r"got -0\.001"),
        ((lambda: 1.0, Value(1.0), math.nan), ValueError, "got nan"),
        ((lambda: 1.0, Value(1.0), math.inf), ValueError, "got inf"),
        ((lambda: 1.0, Value(1.0), "1"), TypeError, "the step h needs a real number, got str"),
    ],
)
@each_method
def test_mistakes_are_named(method: Any, arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        method(*arguments)


# --- What they cost ------------------------------------------------------------------------------------------------------------


@each_method
def test_operations_are_those_of_the_calls_and_of_the_formula(method: Any) -> None:
    ws = [Value(float(i)) for i in range(4)]
    calls = 0

    def loss() -> Value:  # 8 operations for the dot product, 1 for tanh
        nonlocal calls
        calls += 1
        return dot(ws, ws).tanh()

    assert method(loss, ws[0]).operations == 9 * CALLS[method] + OWN[method]
    assert calls == CALLS[method]
    calls = 0
    expected_calls = 5 if method is numerical.forward else 4 * CALLS[method]
    assert method(loss, ws).operations == 9 * expected_calls + 4 * OWN[method]
    assert calls == expected_calls


# --- Counting ------------------------------------------------------------------------------------------------------------------

x, z = Value(0.5), Value(1.5)
# An expression, its operations forward, and those of its backward pass: of each rule, and a sum for each contribution.
COUNTED: dict[str, tuple[Callable[[], Any], int, int]] = {
    "nothing": (lambda: x, 0, 0),
    "sum": (lambda: x + z, 1, 2),
    "sum with a number": (lambda: 2 + x, 1, 2),
    "product": (lambda: x * z, 1, 2 + 2),
    "square": (lambda: x * x, 1, 2 + 2),
    "difference": (lambda: x - z, 1, 1 + 2),
    "minus": (lambda: -x, 1, 1 + 1),
    "power": (lambda: x**3, 1, 3 + 1),
    "tanh": (lambda: x.tanh(), 1, 2 + 1),
    "tanh as a function": (lambda: ag.tanh(x), 1, 2 + 1),
    "sigmoid": (lambda: x.sigmoid(), 1, 4 + 1),
    "relu": (lambda: x.relu(), 1, 2 + 1),
    "exp": (lambda: x.exp(), 1, 1 + 1),
    "chain": (lambda: (x * z + x).tanh(), 3, (2 + 2) + 2 + (2 + 1)),
    "dot": (lambda: dot([x, z, x], [z, z, z], 1.0), 6, 6 + 7),
    "n-ary sum": (lambda: ag.sum([x, z, x, z]), 3, 4),
    "sum of one": (lambda: ag.sum([x]), 0, 1),
    "where": (lambda: ag.where(x > 0.0, x, z), 2, 3 + 1),
    "floats": (lambda: Value(ag.tanh(0.5)), 0, 0),
    "not reached": (lambda: ag.stop_gradient(x * z) + x, 3, 2 + 0),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTED)
def test_counted_forward_and_backward(name: str) -> None:
    expression, forward, backward = COUNTED[name]
    with count_operations() as tally:
        y = expression()
    assert (tally.forward, tally.backward) == (forward, 0)
    with count_operations() as tally:
        y.backward()
    assert (tally.forward, tally.backward, tally.total) == (0, backward, backward)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_every_op_of_the_table_is_counted_and_computes_the_same(case: Case) -> None:
    def work() -> list[float]:
        [point] = case.core_points(1)
        y = case.f(*map(Value, point))
        y.backward()
        return [number for v in topological_order(y) for number in (v.data, v.grad)]

    plain = work()
    with count_operations() as tally:
        assert work() == plain
    nodes = [v for v in topological_order(case.f(*map(Value, case.core_points(1)[0]))) if not v.is_leaf]
    assert tally.forward >= len(nodes)
    for v in nodes:  # the rule says itself what it does: no TypeError, which would count as a product for each operand
        v.op.rule(*[Value(1.0) for _ in range(len(v._prev) + 2)])  # type: ignore[misc]


def test_a_gradient_graph_is_counted_where_it_is_computed() -> None:
    y = x * z
    with count_operations() as tally:
        ag.grad(y, [x, z])
    assert tally.backward == 0
    assert tally.forward <= 2


def test_nested_counts_count_for_both() -> None:
    with count_operations() as outer:
        x + z
        with count_operations() as inner:
            (x * z).backward()
        x + z
    assert (inner.forward, inner.backward) == (1, 4)
    assert (outer.forward, outer.backward) == (3, 4)


def test_a_count_survives_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), count_operations() as outer, count_operations() as inner:
        x + z
        raise ZeroDivisionError
    assert (outer.forward, inner.forward) == (1, 1)
    assert ag.modes.modes == {}


def test_counting_with_the_other_modes() -> None:
    with no_grad(), count_operations() as tally:
        assert (x + z).is_leaf
    assert tally.forward == 1
    with count_operations() as tally, detect_anomaly():
        y = x * z
        y.backward()
        with pytest.raises(FloatingPointError):
            ag.log(x * 0.0)
    assert (tally.forward, tally.backward) == (2, 4)


def test_counting_is_of_one_thread() -> None:
    with count_operations() as tally:
        thread = threading.Thread(target=lambda: x + z)
        thread.start()
        thread.join()
    assert tally.total == 0


def test_ops_whose_rule_cannot_be_read_count_a_product_for_each_operand() -> None:
    only_floats = Op("my_sin", math.sin, lambda g, y, a: (g * math.cos(a),))
    by_hand = Value(x.data * z.data, (x, z), "*")

    def _backward() -> None:
        x.grad += z.data * by_hand.grad
        z.grad += x.data * by_hand.grad

    by_hand._backward = _backward
    for y, expected in ((only_floats(Value(1.0)), 1 + 1), (by_hand, 2 + 2)):
        with count_operations() as tally:
            y.backward()
        assert tally.backward == expected


def test_a_tally_says_what_it_counted() -> None:
    with count_operations() as tally:
        (x * z).backward()
    assert repr(tally) == "Tally(forward=1, backward=4)"


def test_a_backward_pass_costs_a_small_multiple_of_the_forward_pass() -> None:
    rng = random.Random(1)
    for size in (2, 8, 32):
        ws = [Value(rng.uniform(-1, 1)) for _ in range(size * size)]
        with count_operations() as tally:
            hidden = [dot(ws[i * size : (i + 1) * size], [1.0] * size).tanh() for i in range(size)]
            ag.sum(hidden).backward()
        assert 1.0 < tally.backward / tally.forward < 4.0
