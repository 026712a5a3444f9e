"""What a picture shows: cards, captions, formulas, edges; and what it says when there are too many."""

from math import inf, nan

import pytest

import autograd
from autograd import Value, dot, maximum
from viz.cards import Card, Edge, cards_of
from viz.notation import number

A, B, C = (lambda: Value(2.0, label="a")), (lambda: Value(5.0, label="b")), (lambda: Value(1.0))


@pytest.mark.parametrize(
    ("make", "caption", "formula"),
    [
        (lambda: A() + B(), "+", "a + b"),
        (lambda: A() - B(), "−", "a − b"),
        (lambda: A() * 2, "× 2", "a × 2"),
        (lambda: 2 * A(), "2 ×", "2 × a"),
        (lambda: 2 - A(), "2 −", "2 − a"),
        (lambda: A() - 2, "− 2", "a − 2"),
        (lambda: A() / 4, "÷ 4", "a ÷ 4"),
        (lambda: 1 / A(), "1 ÷", "1 ÷ a"),
        (lambda: A() + -1, "− 1", "a − 1"),
        (lambda: A() - -1, "+ 1", "a + 1"),
        (lambda: -1 - A(), "−1 −", "−1 − a"),
        (lambda: A() / -2, "÷ (−2)", "a ÷ (−2)"),
        (lambda: A() ** 12, "( )¹²", "a¹²"),
        (lambda: A() ** -1, "( )⁻¹", "a⁻¹"),
        (lambda: A() ** 3, "( )³", "a³"),
        (lambda: A() ** -0.5, "( )^−0.5", "a^−0.5"),
        (lambda: 2 ** A(), "2 ^", "2 ^ a"),
        (lambda: A() ** B(), "^", "a ^ b"),
        (lambda: -A(), "−", "−a"),
        (lambda: A().tanh(), "tanh", "tanh(a)"),
        (lambda: C().exp(), "exp", "exp(v0)"),
        (lambda: maximum(A(), 0), "max(·, 0)", "max(a, 0)"),
        (lambda: A() * -1e-7, "× (−1e−7)", "a × (−1e−7)"),
        (lambda: autograd.sum([A(), B(), C()]), "Σ", "a + b + v2"),
        (lambda: dot([A(), B()], [C(), C()], C()), "w·x + b", "a·v2 + b·v3 + v4"),
        (lambda: dot([A(), B()], [1.0, -2.0], C()), "w·(1, −2) + b", "a·1 + b·(−2) + v2"),
        (lambda: dot([A(), B()], [1.0, -2.0]), "w·(1, −2)", "a·1 + b·(−2)"),
        (lambda: dot([A(), B()], [C(), 3.0], -0.5), "w·(·, 3) − 0.5", "a·v2 + b·3 − 0.5"),
        (lambda: dot([A()] * 6, range(6)), "w·(0, 1, …, 5)", "a·0 + a·1 + a·2 + a·3 + a·4 + a·5"),
        (lambda: Value(1.0, (A(), B()), "myop"), "myop", "myop(a, b)"),
        (lambda: Value(1.0, (A(),)), "f", "f(a)"),
    ],
)
def test_caption_and_formula(make, caption, formula):
    card = cards_of(make()).cards[-1]
    assert (card.caption, card.formula) == (caption, formula)


def test_a_leaf_is_a_card_without_caption():
    x = Value(-1.5, label="x")
    x.grad = 2.0
    assert cards_of(x).cards == (Card("x", "", "", -1.5, 2.0, True),)


def test_numbers_written_in_the_expression_have_no_card():
    x = Value(3.0, label="x")
    picture = cards_of((2 * x + 1) ** 2)
    assert [card.caption for card in picture.cards] == ["", "2 ×", "+ 1", "( )²"]
    assert picture.links == [(0, 1), (1, 2), (2, 3)]


def test_the_zero_that_a_sum_begins_with_is_left_out_of_pictures():
    a, b = A(), B()
    total = sum([a * a, b * b])
    assert [card.caption for card in cards_of(total, zero_sums=False).cards] == ["", "×", "", "×", "+"]
    assert cards_of(total, zero_sums=False).links == [(0, 1), (0, 1), (2, 3), (2, 3), (1, 4), (3, 4)]
    assert [card.caption for card in cards_of(total).cards] == ["", "×", "0 +", "", "×", "+"]
    alone = sum([a])
    assert [card.caption for card in cards_of(alone, zero_sums=False).cards] == ["", "0 +"]


def test_a_labelled_number_keeps_its_card():
    product = 2 * Value(3.0, label="x")
    product._prev[0].label = "two"
    assert [card.label for card in cards_of(product).cards] == ["two", "x", ""]


def test_an_operand_used_twice_has_two_edges():
    x = Value(3.0)
    assert cards_of(x * x).links == [(0, 1), (0, 1)]


@pytest.mark.parametrize(
    ("make", "roles"),
    [
        (lambda a, b: a - b, ["", "−"]),
        (lambda a, b: a / b, ["", "÷"]),
        (lambda a, b: a**b, ["", "exponent"]),
        (lambda a, b: autograd.where(a > b, a, b), ["if", "then", "else"]),
        (lambda a, b: a + b, ["", ""]),
        (lambda a, b: 2 - a, [""]),
        (lambda a, b: dot([a], [Value(1.0)], b), ["", "x_0", ""]),
    ],
)
def test_roles(make, roles):
    picture = cards_of(make(A(), B()))
    last = len(picture.cards) - 1
    assert [edge.role for edge in picture.edges if edge.end == last] == roles


def test_several_roots_share_their_cards():
    a, b = A(), B()
    product, total = a * b, a + b
    picture = cards_of([product, total])
    assert [card.is_root for card in picture.cards] == [False, False, True, True]
    assert picture.edges == (Edge(0, 2, ""), Edge(1, 2, ""), Edge(0, 3, ""), Edge(1, 3, ""))


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "0"), (-0.0, "−0"), (nan, "nan"), (inf, "inf"), (-inf, "−inf"), (0.1 + 0.2, "0.3"), (1e6, "1e6"),
        (1234.5, "1234"), (12345.6, "1.235e4"), (5e-324, "4.941e−324"), (-0.00012345, "−0.0001234"),
    ],
)  # fmt: skip
def test_number(x, text):
    assert number(x) == text


def test_too_many_cards():
    total = Value(0.0)
    for _ in range(10):
        total = total + Value(1.0) * 2
    with pytest.raises(ValueError) as caught:
        cards_of(total, max_nodes=30)
    message = str(caught.value)
    for part in ("41 values", "31 cards", "30", "one neuron", "one sample", "max_nodes=31"):
        assert part in message, f"{part!r} is missing in: {message}"
    assert len(cards_of(total, max_nodes=31).cards) == 31


@pytest.mark.parametrize("root", [3.0, None, "x", [1.0], [[Value(1.0)]], Value])
def test_only_values_are_drawn(root):
    with pytest.raises(TypeError, match="needs a Value"):
        cards_of(root)


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="at least one Value"):
        cards_of([])
