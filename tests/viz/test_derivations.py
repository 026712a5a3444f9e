"""``derive``: every line gives the next one, as SymPy reads them; the result is SymPy's derivative; for all ops."""

import random
from itertools import pairwise

import pytest

from autograd import Op, Value, dot, grad, log, relu, sigmoid, stop_gradient, tanh, topological_order, where
from autograd.labels import plain_name
from tests.cases import CASES
from viz import derive
from viz.derivations import Derivation
from viz.naming import Names
from viz.notation import number

sympy = pytest.importorskip("sympy")

from tests.viz.blackboard import read  # noqa: E402 -- needs SymPy


def labelled(v: Value, label: str) -> Value:
    v.label = label
    return v


def check(E: Value, w: Value, *, calculus: bool = True) -> Derivation:
    """The derivation of ∂E/∂w, each line of which has the value of the next, the last one being the engine's gradient.

    With ``calculus`` SymPy differentiates the definitions at the head of the derivation and must find the same.
    """
    derivation = derive(E, w)
    names = Names(E)
    numbers = {read(names.plain(v)): v.data for v in topological_order(E) if names.has_own(v)}
    definitions = {}
    for block in derivation.blocks:
        lines = [read(line.text) for line in block.lines if "∂" not in line.text]
        values = [float(line.subs(numbers).evalf(20)) + 0.0 for line in lines]
        for before, after in pairwise(values):
            assert number(before) == number(after), f"{before!r} is followed by {after!r} in {block}"
        name = block.left.text.split(" = ")[0]
        if "∂" not in name:
            numbers[read(name)] = values[0]
            definitions |= {read(name): lines[0]} if block.in_line else {}
    [g] = grad(E, [w])
    assert derivation.blocks[-1].lines[-1].text == number(g.data + 0.0), derivation.text
    if calculus and definitions:
        composed = list(definitions)[-1]
        for name in reversed(definitions):
            composed = composed.subs(name, definitions[name])
        slope = float(composed.diff(read(plain_name(w.label))).subs(numbers).evalf(20))
        assert slope == pytest.approx(g.data, rel=1e-3, abs=1e-9), derivation.text
    return derivation


# SymPy has no number for the derivatives of these.
WITHOUT_CALCULUS = (
    "floor",
    "sign",
    "modulo",
    "fmod",
    "remainder",
    "maximum",
    "minimum",
    "clamp",
    "where not",
    "stop_gradient",
    "softmax",
    "log_softmax",
)


# "not ⌊x⌋" is no condition to SymPy.
READABLE = [case for case in CASES if case.name != "where not"]


@pytest.mark.parametrize("case", READABLE, ids=lambda case: case.name)
def test_every_op(case):
    """(f(x…) − ¼)·f(x…) by each operand: the op's own slope, its value and another factor in one derivation."""
    point = [round(x, 3) for x in case.core_points(1)[0]]
    xs = [Value(x, label=f"x_{i}") for i, x in enumerate(point, 1)]
    y = labelled(+case.f(*xs), "y")
    E = labelled((y - 0.25) * y, "E")
    for x in xs:
        check(E, x, calculus=case.name not in WITHOUT_CALCULUS)


def neuron() -> tuple[Value, Value]:
    x, w, b = Value(2.0, label="x"), Value(-1.5, label="w"), Value(0.5, label="b")
    y = labelled(tanh(w * x + b), "ŷ")
    return labelled((y - 2) ** 2, "E"), w


def test_a_neuron():
    assert derive(*neuron()).text == (
        "    ŷ = tanh(w·x + b) = −0.9866\n"
        "    E = (ŷ − 2)² = 8.92\n"
        "∂E/∂w = ∂E/∂ŷ · ∂ŷ/∂w\n"
        "      = 2·(ŷ − 2) · (1 − ŷ²)·x\n"
        "      = 2·(−0.9866143 − 2) · (1 − (−0.9866143)²)·2\n"
        "      = −5.973229 · 0.05318445\n"
        "      = −0.3177"
    )
    assert repr(derive(*neuron())) == derive(*neuron()).text


def test_latex():
    derivation = derive(*neuron())
    assert derivation.latex.splitlines()[:4] == [
        r"\begin{aligned}",
        r"\hat{y} &= \tanh\left(w \cdot x + b\right) = -0.9866 \\",
        r"E &= \left(\hat{y} - 2\right)^{2} = 8.92 \\",
        r"\frac{\partial E}{\partial w} &= \frac{\partial E}{\partial \hat{y}} \cdot \frac{\partial \hat{y}}{\partial w} \\",
    ]
    assert derivation._repr_latex_() == f"$$\n{derivation.latex}\n$$"
    assert [name for name in dir(derivation) if name.startswith("_repr_")] == ["_repr_latex_"]


def network(sizes: list[int], seed: int = 0) -> tuple[Value, Value]:
    """The error of a network in the blackboard's notation, and one weight of its first layer."""
    rng = random.Random(seed)
    x = [Value(rng.uniform(-1, 1), label=f"x_{j}^(0)") for j in range(1, sizes[0] + 1)]
    first = None
    for n, (nin, nout) in enumerate(pairwise(sizes), 1):
        w = [[Value(rng.uniform(-1, 1), label=f"w_{i}{j}^({n})") for j in range(1, nin + 1)] for i in range(1, nout + 1)]
        first = first or w[0][0]
        a = [labelled(dot(row, x), f"a_{i}^({n})") for i, row in enumerate(w, 1)]
        x = [labelled((sigmoid if n == len(sizes) - 1 else tanh)(v), f"x_{i}^({n})") for i, v in enumerate(a, 1)]
    return labelled(0.5 * (Value(1.0, label="t") - x[0]) ** 2, "E"), first


@pytest.mark.parametrize("sizes", [[2, 1], [1, 1, 1], [2, 2, 1], [2, 2, 2, 1], [2, 4, 4, 1]], ids=str)
def test_networks(sizes):
    check(*network(sizes), calculus=len(sizes) < 4)


def test_many_routes_take_the_form_of_the_delta_rule():
    text = check(*network([2, 3, 2, 1]), calculus=False).text
    assert "δ₁⁽¹⁾ = ∂E/∂a₁⁽¹⁾ = (1 − x₁⁽¹⁾²) · (δ₁⁽²⁾ · w₁₁⁽²⁾ + δ₂⁽²⁾ · w₂₁⁽²⁾)" in text
    assert "∂E/∂w₁₁⁽¹⁾ = δ₁⁽¹⁾ · x₁⁽⁰⁾" in text
    order = [text.index(f"δ{i}⁽{n}⁾ = ∂E") for n, i in (("³", "₁"), ("²", "₁"), ("²", "₂"), ("¹", "₁"))]
    assert order == sorted(order)


def test_shared_nodes_add_up_all_routes():
    a, b = Value(-2.0, label="a"), Value(3.0, label="b")
    c, d = labelled(a * b, "c"), labelled(a + b, "d")
    text = check(c * d, a).text
    assert "= ∂v₄/∂c · ∂c/∂a + ∂v₄/∂d · ∂d/∂a\n" in text
    x = Value(1.1, label="x")
    for _ in range(6):
        x_next = labelled(x * x + x, "x")
        root, x = x_next, x_next
    first = topological_order(root)[0]
    check(root, first, calculus=False)


def test_what_cancels_gets_the_digits_it_needs():
    x = Value(3.0, label="x")
    text = check(labelled(tanh(x * 2.0), "y"), x).text
    assert text.splitlines()[2] == "      = 2·(1 − 0.999987712²)"


def test_dead_branches():
    x = Value(-1.0, label="x")
    assert "[x > 0]" in check(labelled(relu(x) * 3, "y"), x).text
    y = labelled(where(x > 0, log(x), 2.0 * x), "y")
    assert derive(y, x).text.endswith("∂y/∂x = 2·[x ≤ 0]\n      = 2·[−1 ≤ 0]\n      = 2")
    assert derive(labelled(stop_gradient(x) + 1, "y"), x).text.endswith("∂y/∂x = 0")
    assert derive(x, x).text == "∂x/∂x = 1"


def test_equal_labels_are_told_apart():
    a, b = Value(2.0, label="w"), Value(3.0, label="w")
    assert derive(labelled(a * b, "E"), a).text == "    E = w·w′ = 6\n∂E/∂w = w′\n      = 3"


def test_ops_of_ones_own():
    x = Value(0.5, label="x")
    by_floats = Op("wave", lambda a: __import__("math").sin(a), lambda g, y, a: (g * __import__("math").cos(a),))
    assert derive(labelled(by_floats(x), "y"), x).text.endswith("= wave′₁\n      = 0.8776")
    by_hand = Value(1.0, (x,), "mine", label="y")
    by_hand._backward = lambda: None
    with pytest.raises(TypeError, match="hand-written"):
        derive(by_hand, x)


@pytest.mark.parametrize(
    ("E", "w", "error", "message"),
    [
        (3.0, "x", TypeError, "needs the Value to differentiate, got float"),
        ("E", 1.0, TypeError, "got float"),
        ("E", "nobody", ValueError, "the labels are 'w', 'x', 'b', 'ŷ', 'E'"),
        ("E", Value(1.0), ValueError, "E's leaves are w, x, b"),
        ("twins", "w", ValueError, "2 values have it"),
    ],
)
def test_bad_input(E, w, error, message):
    roots = {"E": neuron()[0], "twins": Value(1.0, label="w") * Value(2.0, label="w")}
    with pytest.raises(error, match=message):
        derive(roots.get(E, E), w)


def test_edited_data_and_too_much():
    E, w = neuron()
    w.data = 7.0
    with pytest.raises(ValueError, match=r"w\.data was changed"):
        derive(E, w)
    with pytest.raises(ValueError, match="74 named values lie between E and w₁₁"):
        derive(*network([2, 70, 70, 1]))


@pytest.mark.parametrize("label", ["<script>", "a\\b", "$x$", "x^2", "%", "}{", "\n", "重み", "a" * 500, "&="])
def test_any_label(label):
    x = Value(2.0, label=label)
    derivation = derive(labelled(x * x, "y"), x)
    assert derivation.text.count("\n") == 3
    body = derivation.latex.removeprefix("\\begin{aligned}").removesuffix("\\end{aligned}")
    assert "$" not in body.replace(r"\$", "") and body.count("{") - body.count(r"\{") == body.count("}") - body.count(r"\}")
    assert body.count("&") - body.count(r"\&") == 4
