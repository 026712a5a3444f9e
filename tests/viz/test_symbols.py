"""Rules run on symbols: what they say is what they compute, for every op of the table; and how it is written."""

import math

import pytest

import autograd
from autograd import Op, Value, ops, topological_order, where
from autograd.labels import plain_name
from tests.cases import CASES
from viz.notation import latex, latex_name, text
from viz.symbols import Name, local_derivatives, number_of

A, B, Y = Name("a"), Name("b"), Name("y")


def applications() -> list[tuple[Op, Value]]:
    """Every op of the table, of each number of operands, as it is applied at an inner point of its domain."""
    nodes = [node for case in CASES for node in topological_order(*_results(case)) if not node.is_leaf]
    return list({(node.op.name, len(node._prev)): (node.op, node) for node in nodes}.values())


def _results(case) -> list[Value]:
    found = case.f(*[Value(x) for x in case.core_points(1)[0]])
    return [found if isinstance(found, Value) else found.node]


@pytest.mark.parametrize(("op", "node"), applications(), ids=lambda x: x.name if isinstance(x, Op) else "")
def test_what_a_rule_says_is_what_it_computes(op, node):
    numbers = [operand.data for operand in node._prev]
    operands = [Name(f"x_{i}", x) for i, x in enumerate(numbers, 1)]
    said = local_derivatives(op, Name("y", node.data), operands)
    expected = op.rule(1.0, node.data, *numbers)
    for i, (expression, slope) in enumerate(zip(said, expected, strict=True)):
        got = None if expression is None else number_of(expression)
        flows = slope is not None
        assert (got is not None) == flows or got == 0.0, f"{op.name}, operand {i} at {numbers}: got {got}, expected {slope}"
        if slope is not None:
            assert got == pytest.approx(slope, rel=1e-9, abs=1e-12), f"{op.name} at {numbers}: {text(expression)}"


@pytest.mark.parametrize(
    ("op", "arity", "expected"),
    [
        (ops.add, 2, ["1", "1"]),
        (ops.subtract, 2, ["1", "−1"]),
        (ops.multiply, 2, ["b", "a"]),
        (ops.divide, 2, ["1/b", "−y/b"]),
        (ops.modulo, 2, ["1", "−⌊a/b⌋"]),
        (ops.power_of(2.0), 1, ["2·a"]),
        (ops.power_of(3.0), 1, ["3·a²"]),
        (ops.power_of(-1.0), 1, ["−1/a²"]),
        (ops.power_of(0.1), 1, ["0.1/a^0.9"]),
        (ops.power_both, 2, ["b·a^(b − 1)", "y·log(a)"]),
        (ops.exp, 1, ["y"]),
        (ops.log, 1, ["1/a"]),
        (ops.log2, 1, ["1/(a·(ln 2))"]),
        (ops.sqrt, 1, ["0.5/y"]),
        (ops.tan, 1, ["1 + y²"]),
        (ops.asin, 1, ["1/√(1 − a²)"]),
        (ops.atan2, 2, ["b/(b² + a²)", "−a/(b² + a²)"]),
        (ops.hypot, 2, ["a/y", "b/y"]),
        (ops.tanh, 1, ["1 − y²"]),
        (ops.sigmoid, 1, ["y·(1 − y)"]),
        (ops.erf, 1, ["(2/√π)·exp(−a²)"]),
        (ops.silu, 1, ["σ(a) + a·σ(a)·(1 − σ(a))"]),
        (ops.gelu, 1, ["Φ(a) + a·φ(a)"]),
        (ops.absolute, 1, ["sign(a)"]),
        (ops.relu, 1, ["[a > 0]"]),
        (ops.leaky_relu_of(0.01), 1, ["(1 if a > 0, else 0.01)"]),
        (ops.clamp_of(-1.0, 1.0), 1, ["[a ≥ −1 and a ≤ 1]"]),
        (ops.maximum, 2, ["[a ≥ b]", "[b ≥ a]"]),
        (ops.select, 3, [None, "[a]", "[not a]"]),
        (ops.greater, 2, [None, None]),
        (ops.stop_gradient, 1, [None]),
        (ops.dot_op, 5, ["c", "d", "a", "b", "1"]),
        (ops.logsumexp_op, 2, ["exp(a)/(exp(a) + exp(b))", "exp(b)/(exp(a) + exp(b))"]),
    ],
)
def test_rules_in_words(op, arity, expected):
    said = local_derivatives(op, Y, [Name(c) for c in "abcde"[:arity]])
    assert [None if x is None else text(x) for x in said] == expected


@pytest.mark.parametrize(
    ("op", "numbers", "expected"),
    [
        (ops.maximum, (2.0, 2.0), [0.5, 0.5]),
        (ops.log, (-1.0,), [math.nan]),
        (ops.relu, (0.0,), [0.0]),
        (ops.hypot, (0.0, 0.0), [0.0, 0.0]),
        (ops.power_both, (0.0, 0.0), [0.0, 0.0]),
        (ops.xlogy, (0.0, -1.0), [0.0, 0.0]),
        (ops.select, (0.0, 5.0, 6.0), [None, None, 1.0]),
    ],
)
def test_edges_are_decided_by_the_numbers(op, numbers, expected):
    operands = [Name(c, x) for c, x in zip("abc", numbers, strict=False)]
    said = local_derivatives(op, Name("y", op.value(*numbers)), operands)
    assert [None if x is None else number_of(x) for x in said] == pytest.approx(expected, nan_ok=True)


def test_operands_may_be_expressions():
    [slope] = local_derivatives(ops.tanh, autograd.tanh(A * B), [A * B])
    assert text(slope) == "1 − tanh(a·b)²"
    chosen = local_derivatives(ops.select, Y, [A > 0, A, B])
    assert [None if x is None else text(x) for x in chosen] == [None, "[a > 0]", "[a ≤ 0]"]


def test_an_op_of_ones_own():
    cube = Op("cube", lambda a: a * a * a, lambda g, y, a: (g * 3.0 * a * a,))
    assert [text(x) for x in local_derivatives(cube, Y, [A])] == ["3·a²"]
    by_math = Op("wave", math.sin, lambda g, y, a: (g * math.cos(a),))
    [unknown] = local_derivatives(by_math, Y, [A])
    [known] = local_derivatives(by_math, Name("y", 0.0), [Name("a", 0.0)])
    assert (unknown, number_of(known)) == (Name("wave′_1"), 1.0)
    branching = Op("step", lambda a: a, lambda g, y, a: (g if a > 0 else -g,))
    assert local_derivatives(branching, Y, [A]) == [Name("step′_1")]


def test_value_functions_run_on_symbols():
    assert text(ops.softplus.value(A)) == "max(a, 0) + log1p(exp(−|a|))"
    assert text(where(A > B, A, B) - 2 * A) == "(a if a > b, else b) − 2·a"
    assert text(A - A), text(2 * A / A) == ("0", "2")
    assert number_of(where(Name("a", 1.0) > 0, Name("b", 2.0), math.nan)) == 2.0


@pytest.mark.parametrize(
    ("expression", "plain", "tex"),
    [
        (A - (B - 1), "a − b + 1", "a - b + 1"),
        (A * (B + 1) ** 2, "a·(b + 1)²", r"a \cdot \left(b + 1\right)^{2}"),
        (-(A + B), "−(a + b)", r"-\left(a + b\right)"),
        (A / B / 2, "0.5·a/b", r"\frac{0.5 \cdot a}{b}"),
        ((A * B) ** -2, "1/(a²·b²)", r"\frac{1}{a^{2} \cdot b^{2}}"),
        (1e-7 * A, "1e−7·a", r"1 \cdot 10^{-7} \cdot a"),
        (Name("w_12^(1)") ** 2, "w₁₂⁽¹⁾²", "{w_{12}^{(1)}}^{2}"),
        (autograd.sqrt(A + 1), "√(a + 1)", r"\sqrt{a + 1}"),
        (2.0**A, "2^a", "2^{a}"),
        ((A > 0) & (B < 1), "a > 0 and b < 1", r"a \gt 0 \text{ and } b \lt 1"),
        (abs(A) % 2, "|a| mod 2", r"\left|a\right| \bmod 2"),
    ],
)
def test_writing(expression, plain, tex):
    assert (text(expression), latex(expression)) == (plain, tex)


def test_numbers_plugged_in():
    x, w = Name("x", 2.0), Name("w", -0.28)
    assert text(w * x, lambda name: name.number) == "(−0.28)·2"
    assert text(x - w, lambda name: name.number) == "2 − (−0.28)"
    assert text(w**2 - x * w, lambda name: name.number) == "(−0.28)² − 2·(−0.28)"


@pytest.mark.parametrize(
    ("label", "plain", "tex"),
    [
        ("x", "x", "x"),
        ("loss", "loss", r"\mathrm{loss}"),
        ("w_{out,1}", "wₒᵤₜ,₁", "w_{out,1}"),
        ("δ_i^(n)", "δᵢ⁽ⁿ⁾", r"\delta_{i}^{(n)}"),
        ("ŷ₁", "ŷ₁", r"\hat{y}_{1}"),
        ("x_1_2", "x₁₂", "x_{1}{}_{2}"),
        ("learning_rate", "learning_rate", r"learning\_rate"),
        ("a\\b{c}$&#%~^", "a\\b{c}$&#%~^", r"a\backslash{}b\{c\}\$\&\#\%\sim{}\hat{}"),
        ("<b>", "<b>", r"\lt{}b\gt{}"),
        ("重み", "重み", r"\text{重}\text{み}"),
    ],
)
def test_names(label, plain, tex):
    assert (plain_name(label), latex_name(label)) == (plain, tex)
