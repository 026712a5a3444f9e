"""The node: what it is, how grads accumulate, ops in the manner of the lecture, ops of one's own, copies."""

import copy
import math
import pickle
import random

import pytest

import autograd as ag
from autograd import Op, Value, check_gradients, grad, ops, topological_order
from tests.autograd.oracles import differences
from tests.random_graphs import random_program

# --- What it is ----------------------------------------------------------------------------------------------------------------


def test_a_leaf() -> None:
    x = Value(2, label="x")
    assert (x.data, x.grad, x.label, x._prev, x._op, x.is_leaf, x.is_constant) == (2.0, 0.0, "x", (), "", True, False)
    assert type(x.data) is type(x.grad) is float
    assert repr(x) == "Value(data=2.0, grad=0.0, label='x')"


@pytest.mark.parametrize(
    ("expression", "symbol", "operands"),
    [
        (lambda x: x + 1, "+", ["x", 1.0]),
        (lambda x: 1 - x, "-", [1.0, "x"]),
        (lambda x: x * x, "*", ["x", "x"]),
        (lambda x: x / 3, "/", ["x", 3.0]),
        (lambda x: x**3, "**3", ["x"]),
        (lambda x: x**-0.5, "**-0.5", ["x"]),
        (lambda x: 2**x, "**", [2.0, "x"]),
        (lambda x: x**x, "**", ["x", "x"]),
        (lambda x: x % 2, "%", ["x", 2.0]),
        (lambda x: -x, "neg", ["x"]),
        (lambda x: +x, "pos", ["x"]),
        (lambda x: abs(x), "abs", ["x"]),
        (lambda x: x.tanh(), "tanh", ["x"]),
        (lambda x: x.relu(), "relu", ["x"]),
        (lambda x: ag.sigmoid(x), "σ", ["x"]),
        (lambda x: ag.maximum(x, 3), "max", ["x", 3.0]),
        (lambda x: ag.dot([x, 2.0], [3.0, x], 4.0), "dot", ["x", 2.0, 3.0, "x", 4.0]),
        (lambda x: ag.sum([x, 1.0, x]), "sum", ["x", 1.0, "x"]),
    ],
)
def test_operands_are_ordered_with_duplicates_and_constants(expression, symbol, operands) -> None:  # type: ignore[no-untyped-def]
    x = Value(2.0, label="x")
    y = expression(x)
    assert y._op == symbol
    assert [v.label or v.data for v in y._prev] == operands
    assert [v.is_constant for v in y._prev] == [type(v) is float for v in operands]
    assert not y.is_leaf


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (lambda x: x + 3, 5.0),
        (lambda x: 3 + x, 5.0),
        (lambda x: x - 3, -1.0),
        (lambda x: 3 - x, 1.0),
        (lambda x: x * 3, 6.0),
        (lambda x: 3 * x, 6.0),
        (lambda x: x / 4, 0.5),
        (lambda x: 4 / x, 2.0),
        (lambda x: x**3, 8.0),
        (lambda x: 3**x, 9.0),
        (lambda x: 7 % x, 1.0),
        (lambda x: -x % 3, 1.0),
        (lambda x: x**-1, 0.5),
        (lambda x: ag.elu(x), 2.0),
        (lambda x: x.clamp(-1, 1), 1.0),
        (lambda x: (-x).leaky_relu(0.5), -1.0),
        (lambda x: x.detach(), 2.0),
        (lambda x: sum([x, x, 1]), 5.0),
        (lambda x: math.prod([x, x, 3]), 12.0),
    ],
)
def test_operators_with_numbers_on_either_side(got, expected) -> None:  # type: ignore[no-untyped-def]
    assert got(Value(2.0)).data == expected


def test_in_place_operators_rebind() -> None:
    x = y = Value(2.0)
    y += 1
    y *= x
    assert (x.data, y.data) == (2.0, 6.0)
    y.backward()
    assert x.grad == 5.0


def test_equality_and_hash_are_identity() -> None:
    a, b = Value(1.0), Value(1.0)
    assert a == a
    assert a != b
    assert len({a, b, a}) == 2
    assert {a: "a", b: "b"}[b] == "b"
    assert a in [a]
    assert a not in [b]


@pytest.mark.parametrize(
    ("number", "equal"), [(2, True), (2.0, True), (True, False), (3, False), (math.nan, False), (math.inf, False)]
)
def test_equality_with_a_number_is_a_condition(number: float, equal: bool) -> None:
    v = Value(2.0)
    for condition, answer in ((v == number, equal), (number == v, equal), (v != number, not equal), (number != v, not equal)):
        assert bool(condition) is answer


def test_equality_with_anything_else_is_false() -> None:
    v = Value(2.0)
    assert [v == other for other in ("2", None, [2.0], (2.0,), {})] == [False] * 5
    assert v not in ["2", None]
    assert v != 10**400


def test_equality_with_a_number_stays_symbolic() -> None:
    x = Value(0.0)
    y = ag.where(x == 0, 1.0, ag.sin(x) / x)
    y.backward()
    assert (y.data, x.grad) == (1.0, 0.0)
    pytest.importorskip("numpy")
    assert ag.compile(y).value_and_grad([0.5])[0] == math.sin(0.5) / 0.5


@pytest.mark.parametrize(("x", "truth"), [(0.0, False), (-0.0, False), (1e-300, True), (-2.0, True), (math.nan, True)])
def test_truth_is_that_of_the_number(x: float, truth: bool) -> None:
    assert bool(Value(x)) is truth


def test_formatting() -> None:
    assert f"{Value(1.5):.3f}" == "1.500"
    assert f"{Value(1.5)}" == "Value(data=1.5, grad=0.0)"


def test_detach() -> None:
    x = Value(2.0, label="x")
    d = (x * 3).detach()
    (d * x).backward()
    assert (d.data, d.is_leaf, x.grad, d.grad) == (6.0, True, 6.0, 2.0)


# --- Accumulation --------------------------------------------------------------------------------------------------------------


def shared() -> tuple[Value, Value, Value, Value]:
    x = Value(3.0)
    middle = x * x
    return x, middle, middle * 2.0, middle + 5.0 * x


def test_backward_twice_adds_to_leaves_and_assigns_nodes_between() -> None:
    x, middle, loss, _ = shared()
    for times in (1, 2, 3):
        loss.backward()
        assert (x.grad, middle.grad, loss.grad) == (12.0 * times, 2.0, 1.0)


def test_losses_that_share_nodes() -> None:
    x, middle, first, second = shared()
    first.backward()
    second.backward()
    assert (x.grad, middle.grad) == (12.0 + 11.0, 1.0)


def test_backward_after_zeroing_the_leaves() -> None:
    x, _, loss, _ = shared()
    loss.backward()
    x.grad = 0.0
    loss.backward()
    assert x.grad == 12.0


@pytest.mark.parametrize("seed", [0.0, -2.0, 0.25, math.inf])
def test_seed(seed: float) -> None:
    x, _, loss, _ = shared()
    loss.backward(seed)
    assert (x.grad, loss.grad) == (12.0 * seed if seed else 0.0, seed)


def test_backward_of_a_leaf_and_of_a_constant() -> None:
    x = Value(2.0)
    x.backward()
    x.backward(3.0)
    assert x.grad == 4.0


def test_the_same_operand_twice() -> None:
    x = Value(3.0)
    (x * x).backward()
    assert x.grad == 6.0
    x.grad = 0.0
    ag.maximum(x, x).backward()
    assert x.grad == 1.0
    x.grad = 0.0
    (x**x).backward()
    assert x.grad == pytest.approx(27 * (1 + math.log(3)), rel=1e-15)


def test_a_node_that_is_both_result_and_operand() -> None:
    x = Value(2.0)
    y = x * 3.0
    z = y * y + y
    y.backward()
    z.backward()
    assert (x.grad, y.grad) == (3.0 + 39.0, 13.0)


def test_a_node_behind_a_branch_not_taken_has_gradient_0_again() -> None:
    x = Value(2.0)
    y = x * 3.0
    y.backward()
    ag.where(x > 5, y, x).backward()
    assert (y.grad, x.grad) == (0.0, 4.0)


def test_edited_data_leaves_the_gradient_at_the_recorded_point() -> None:
    x, y = Value(2.0, label="x"), Value(5.0)
    z = x * y + ag.exp(x)
    x.data = 7
    y.data = 11.0
    z.backward()
    assert (x.grad, y.grad) == (5.0 + math.exp(2.0), 2.0)
    assert type(x.data) is float


def test_grad_after_an_edit_is_refused() -> None:
    x = Value(2.0, label="x")
    z = x * x
    x.data = 7.0
    with pytest.raises(ValueError, match=r"x\.data was changed from 2\.0 to 7\.0 after multiply was recorded"):
        grad(z, x)
    x.data = math.nan
    with pytest.raises(ValueError, match=r"x\.data was changed from 2\.0 to nan"):
        grad(z, x)
    x.data = 2.0
    assert grad(z, x).data == 4.0


def test_grad_does_not_touch_grads() -> None:
    y, xs = random_program(12, 50).record()
    grad(grad(y, xs)[0], xs)
    assert not [v for v in topological_order(y) if v.grad]


def test_topological_order_is_left_to_right_and_complete() -> None:
    a, b = Value(1.0), Value(2.0)
    c = b * a
    d = a + c
    assert topological_order(d) == [a, b, c, d]
    y, _ = random_program(5, 200).record()
    order = topological_order(y)
    place = {v: i for i, v in enumerate(order)}
    assert len(place) == len(order)
    assert all(place[v] < place[node] for node in order for v in node._prev)


# --- In the manner of the lecture ----------------------------------------------------------------------------------------------


def lecture_tanh(x: Value) -> Value:
    out = Value(math.tanh(x.data), (x,), "tanh")

    def _backward() -> None:
        x.grad += (1 - out.data**2) * out.grad

    out._backward = _backward
    return out


def lecture_product(a: Value, b: Value) -> Value:
    out = Value(a.data * b.data, (a, b), "*")

    def _backward() -> None:
        a.grad += b.data * out.grad
        b.grad += a.data * out.grad

    out._backward = _backward
    return out


def test_lecture_op_in_the_middle_of_a_graph() -> None:
    x = Value(0.5)
    inner = x * 3.0
    y = lecture_tanh(inner) * 2.0
    y.backward()
    y.backward()
    slope = 1 - math.tanh(1.5) ** 2
    assert x.grad == pytest.approx(2 * 6 * slope, rel=1e-15)
    assert inner.grad == pytest.approx(2 * slope, rel=1e-15)
    assert [v._op for v in topological_order(y)] == ["", "", "*", "tanh", "", "*"]


def test_lecture_op_with_the_same_operand_twice() -> None:
    x = Value(3.0)
    y = lecture_product(x, x)
    y.backward()
    y.backward()
    assert (y._prev, x.grad) == ((x, x), 12.0)


def test_lecture_op_without_backward_passes_nothing_on() -> None:
    x = Value(3.0)
    y = Value(9.0, (x,), "square")
    (y + x).backward()
    assert (x.grad, y.grad) == (1.0, 1.0)


def test_a_closure_replaces_the_rule_of_a_recorded_node() -> None:
    a, b = Value(2.0), Value(5.0)
    y = a * b

    def _backward() -> None:
        a.grad += 100.0 * y.grad

    y._backward = _backward
    (y * 2.0).backward()
    assert (y._op, y._prev, a.grad, b.grad) == ("*", (a, b), 200.0, 0.0)


def test_backward_by_hand_node_by_node() -> None:
    p = random_program(21, 60)
    y, by_engine = p.record()
    y.backward()
    z, by_hand = p.record()
    z.grad = 1.0
    for node in reversed(topological_order(z)):
        node._backward()
    assert not differences("gradient by hand", [x.grad for x in by_hand], [x.grad for x in by_engine])


def test_lecture_neuron() -> None:
    """The example of micrograd's lecture, with the numbers it prints."""
    x1, x2, w1, w2 = Value(2.0), Value(0.0), Value(-3.0), Value(1.0)
    b = Value(6.8813735870195432)
    o = (x1 * w1 + x2 * w2 + b).tanh()
    o.backward()
    assert round(o.data, 4) == 0.7071
    assert [round(v.grad, 4) for v in (x1, x2, w1, w2)] == [-1.5, 0.5, 1.0, 0.0]


def test_a_lecture_op_cannot_be_differentiated_as_a_graph() -> None:
    x = Value(0.5)
    y = lecture_tanh(x)
    y.label = "t"
    with pytest.raises(TypeError, match=r"the node 't' with op 'tanh' has a hand-written _backward.*autograd\.Op"):
        grad(y, x)


@pytest.mark.parametrize("wrong", [None, 3, "f"])
def test_backward_must_be_a_function(wrong: object) -> None:
    with pytest.raises(TypeError, match="_backward must be a function of no arguments"):
        (Value(1.0) * 2)._backward = wrong  # type: ignore[assignment]


def test_children_must_be_values() -> None:
    with pytest.raises(TypeError, match=r"_children must be Values, got float \(2\.0\)"):
        Value(1.0, (2.0,), "+")  # type: ignore[arg-type]


# --- An op of one's own --------------------------------------------------------------------------------------------------------

cube = Op("cube", lambda a: a * a * a, lambda g, y, a: (g * 3.0 * a * a,))
norm2 = Op("norm2", lambda *xs: math.fsum(x * x for x in xs), lambda g, y, *xs: [g * 2.0 * x for x in xs])


def test_own_op() -> None:
    assert cube(2.0) == 8.0
    x = Value(2.0)
    y = cube(x)
    y.backward()
    slope = grad(y, x)
    assert (y._op, x.grad, slope.data, grad(slope, x).data, grad(grad(slope, x), x).data) == ("cube", 12.0, 12.0, 12.0, 6.0)
    check_gradients(lambda a: cube(cube(a) - a), 0.9)


def test_own_op_of_many_operands() -> None:
    xs = [Value(1.0), Value(2.0), Value(3.0)]
    y = norm2(*xs)
    y.backward()
    assert (y.data, [x.grad for x in xs]) == (14.0, [2.0, 4.0, 6.0])
    assert [[h.data for h in grad(s, xs)] for s in grad(y, xs)] == [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]]


def test_an_own_op_whose_value_is_no_number() -> None:
    with pytest.raises(TypeError, match=r"the value of op broken needs a real number, got complex"):
        Op("broken", lambda a: 1j, lambda g, y, a: (g,))(Value(1.0))


def test_a_rule_with_the_wrong_number_of_contributions() -> None:
    x = Value(1.0)
    with pytest.raises(ValueError, match="zip"):
        Op("short", lambda *xs: sum(xs), lambda g, y, *xs: (g,))(x, x, x).backward()
    assert x.grad == 0.0


# --- Copies --------------------------------------------------------------------------------------------------------------------


def copies(x: Value) -> list[Value]:
    return [copy.copy(x), copy.deepcopy(x), *(pickle.loads(pickle.dumps(x, p)) for p in range(2, pickle.HIGHEST_PROTOCOL + 1))]


@pytest.mark.parametrize("data", [0.1, -0.0, math.inf, 5e-324])
def test_leaves_can_be_copied_and_pickled(data: float) -> None:
    x = Value(data, label="x")
    x.grad = 0.25
    for twin in copies(x):
        assert twin is not x
        assert not differences("twin", [twin.data, twin.grad], [data, 0.25])
        assert (twin.label, twin.is_leaf, twin.is_constant) == ("x", True, False)


class Weight(Value):
    """A leaf with a slot and a method of its own."""

    __slots__ = ("moment",)

    def decayed(self) -> Value:
        return self * 0.5


def test_attributes_of_ones_own_on_leaves_and_results() -> None:
    x = Value(2.0)
    for node in (x, x * 3.0, ag.dot([x], [x]), Weight(1.0), (x * 3.0)._prev[1]):
        for name in ("m", "_colour", "name", "history"):
            with pytest.raises(AttributeError, match=name):
                getattr(node, name)
            setattr(node, name, [name])
            assert getattr(node, name) == [name]
        del node.m  # type: ignore[attr-defined]
        assert not hasattr(node, "m")
        assert node.__dict__ == {"_colour": ["_colour"], "name": ["name"], "history": ["history"]}
    assert not hasattr(x * 3.0, "name")


def test_copies_keep_attributes_and_the_class() -> None:
    x = Weight(0.5, label="w")
    x.m, x.moment = [1.0], 2.0  # type: ignore[attr-defined]
    for twin in copies(x):
        assert (type(twin), twin.data, twin.label, twin.m, twin.moment) == (Weight, 0.5, "w", [1.0], 2.0)  # type: ignore[attr-defined]
    assert copy.copy(x).m is x.m and copy.deepcopy(x).m is not x.m  # type: ignore[attr-defined]
    assert not hasattr(x.detach(), "m")


def test_an_op_on_a_subclass_returns_a_plain_value() -> None:
    w, x = Weight(3.0), Value(2.0)
    results = [
        w * x,
        x * w,
        w * w,
        2.0 * w,
        -w,
        w**2,
        w.tanh(),
        ag.dot([w], [x]),
        ag.where(w > x, w, 0.0),
        w.decayed(),
        w.detach(),
    ]
    assert {type(y) for y in results} == {Value}
    y = w * x + w.decayed() ** 2
    y.backward()
    assert (y.data, w.grad, grad(y, w).data, (w > 2).__class__) == (8.25, 3.5, 3.5, ag.Condition)


def test_moments_kept_on_the_parameters() -> None:
    """An optimizer as courses write it, with p.m and p.v, takes the steps of nn.Adam."""
    nn = pytest.importorskip("nn")
    mine, theirs = ([Value(1.0), Value(-2.0)] for _ in range(2))
    adam = nn.Adam(theirs, lr=0.1)
    for p in mine:
        p.m = p.v = 0.0  # type: ignore[attr-defined]
    for t in range(1, 6):
        for parameters in (mine, theirs):
            for p in parameters:
                p.grad = 0.0
            (parameters[0] ** 2 * 3.0 + parameters[1].exp()).backward()
        for p in mine:
            p.m = 0.9 * p.m + 0.1 * p.grad  # type: ignore[attr-defined]
            p.v = 0.999 * p.v + 0.001 * p.grad**2  # type: ignore[attr-defined]
            p.data -= 0.1 * (p.m / (1 - 0.9**t)) / (math.sqrt(p.v / (1 - 0.999**t)) + 1e-8)  # type: ignore[attr-defined]
        adam.step()
        assert [p.data for p in mine] == pytest.approx([p.data for p in theirs], rel=1e-12)


def test_a_constant_stays_one() -> None:
    assert all(twin.is_constant for twin in copies((Value(1.0) * 2)._prev[1]))


def test_deepcopy_keeps_sharing() -> None:
    x = Value(1.0)
    twin = copy.deepcopy({"a": [x, x]})
    assert twin["a"][0] is twin["a"][1]


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_recorded_graph_is_refused(copier) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TypeError, match=r"recorded graph \(here the result of multiply\).*\.detach\(\)"):
        copier(Value(1.0) * 2.0)


@pytest.mark.parametrize("name", ["tanh", "**3.0", "**-0.5", "leaky_relu[0.01]", "clamp[-1.0,2.0]", "elu[0.7]", "dot"])
def test_ops_of_the_table_are_pickled_by_name(name: str) -> None:
    op = ops.named_op(name)
    assert op.name == name
    assert pickle.loads(pickle.dumps(op)) is op


def test_an_own_op_is_not_pickled() -> None:
    with pytest.raises(ValueError, match="no op named 'cube' in the table"):
        pickle.loads(pickle.dumps(cube))


def test_ops_with_equal_constants_are_one() -> None:
    rng = random.Random(0)
    for n in (2.0, 3.0, -0.5, rng.random()):
        assert (Value(1.0) ** n).op is (Value(2.0) ** n).op
