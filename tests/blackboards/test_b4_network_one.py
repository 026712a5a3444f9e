"""The fourth blackboard: Network 1, one neuron per layer, and the Δ procedure in the notes' order."""

import math
import random
from typing import Any, NamedTuple

import pytest

import viz
from autograd import Value, sigmoid, topological_order
from autograd import sum as total


def sigma(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def sigma_slope(z: float) -> float:
    return 1 / (1 + math.exp(-z)) / (1 + math.exp(z))  # σ(1 − σ) without the cancellation at large z


def procedure(w1: float, b1: float, w2: float, b2: float, a0: float, y: float) -> tuple[list[float], list[float]]:
    """∇E = [∂w1, ∂b1, ∂w2, ∂b2], and the Δ in the order in which the notes find them."""
    z1 = w1 * a0 + b1
    a1 = sigma(z1)
    z2 = w2 * a1 + b2
    order = [2 * (sigma(z2) - y)]  # how fast should the output change?
    order.append(order[-1] * sigma_slope(z2))  # z2?
    order.append(order[-1] * w2)  # a1?
    order.append(order[-1] * sigma_slope(z1))  # z1?
    _, delta2, _, delta1 = order
    return [delta1 * a0, delta1, delta2 * a1, delta2], order


class Chain(NamedTuple):
    """The engine's Network 1: the error, the nodes that the Δ are about in the notes' order, the knobs w1, b1, w2, b2."""

    E: Value
    asked: list[Value]
    knobs: list[Value]


def chain(w1: Any, b1: Any, w2: Any, b2: Any, a0: float, y: float) -> Chain:
    w1, b1 = (v if isinstance(v, Value) else Value(v, label=f"{k}^(1)") for k, v in (("w", w1), ("b", b1)))
    w2, b2 = (v if isinstance(v, Value) else Value(v, label=f"{k}^(2)") for k, v in (("w", w2), ("b", b2)))
    z1 = w1 * Value(a0, label="a^(0)") + b1
    a1 = sigmoid(z1)
    z2 = w2 * a1 + b2
    x = sigmoid(z2)
    E = (x - Value(y, label="y")) ** 2
    z1.label, a1.label, z2.label, x.label, E.label = "z^(1)", "a^(1)", "z^(2)", "x", "E"
    return Chain(E, [x, z2, a1, z1], [w1, b1, w2, b2])


def points(count: int, seed: int = 0) -> list[list[float]]:
    rng = random.Random(seed)
    return [[*(rng.gauss(0, 2) for _ in range(4)), rng.gauss(0, 1), rng.random()] for _ in range(count)]


def test_the_same_deltas_and_gradient_at_many_points() -> None:
    for point in points(1000):
        nabla, order = procedure(*point)
        own = chain(*point)
        own.E.backward()
        # x − y cancels where the output is right: then the last digits of x are all that is left of it.
        tolerance = 1e-12 * max(1.0, 1e-3 / abs(own.asked[0].data - point[5]))
        assert [v.grad for v in own.asked] == pytest.approx(order, rel=tolerance), point
        assert [v.grad for v in own.knobs] == pytest.approx(nabla, rel=tolerance), point


def test_the_same_order_one_step_at_a_time() -> None:
    """Single steps in reverse topological order find the notes' Δ one after the other, each final when it is first there."""
    for point in points(50, seed=1):
        _, order = procedure(*point)
        own = chain(*point)
        own.E.grad = 1.0
        found: list[Value] = []
        first: list[float] = []
        for node in reversed(topological_order(own.E)):
            node._backward()
            new = [v for v in node._prev if v in own.asked]
            found += new
            first += [v.grad for v in new]
        assert [v.label for v in found] == ["x", "z^(2)", "a^(1)", "z^(1)"]
        assert first == pytest.approx(order, rel=1e-10), point
        stepped = [v.grad for v in topological_order(own.E)]
        again = chain(*point)
        again.E.backward()
        assert stepped == [v.grad for v in topological_order(again.E)], "single steps are backward()"


def test_on_the_picture() -> None:
    """The numbers of the Δ stand in the cards; half-way, those to the left of z2 still show 0."""
    point = [1.5, -0.5, -2.0, 1.0, 0.8, 1.0]
    _, order = procedure(*point)
    own = chain(*point)
    own.E.grad = 1.0
    for node in reversed(topological_order(own.E)):
        node._backward()
        if own.asked[1] in node._prev:
            break
    shown = grads_of(own.E)
    assert [shown[name] for name in ("x", "z^(2)", "a^(1)", "z^(1)")] == pytest.approx([*order[:2], 0.0, 0.0], rel=1e-12)
    own = chain(*point)
    own.E.backward()
    shown = grads_of(own.E)
    assert [shown[name] for name in ("x", "z^(2)", "a^(1)", "z^(1)")] == pytest.approx(order, rel=1e-12)
    assert {"w^(1)", "b^(1)", "w^(2)", "b^(2)", "a^(0)", "y", "E"} <= set(shown)
    picture = viz.draw(own.E, engine="builtin").to_svg()
    assert picture.count(">(1)</tspan>") >= 4, "the layers stand as exponents"


def grads_of(E: Value) -> dict[str, float]:
    cards = viz.draw(E, engine="builtin").cards.cards
    return {card.label: card.grad for card in cards if card.label}


def test_averaged_over_several_examples() -> None:
    """(1/N) Σ ∇E_k by the notes, by one expression for the mean, and by one backward pass for each example with the seed 1/N."""
    rng = random.Random(2)
    for trial in range(100):
        numbers = [rng.gauss(0, 2) for _ in range(4)]
        examples = [(rng.random(), rng.random()) for _ in range(1 + trial % 7)]
        each = [procedure(*numbers, *example)[0] for example in examples]
        expected = [math.fsum(column) / len(examples) for column in zip(*each, strict=True)]
        sizes = [math.fsum(map(abs, column)) / len(examples) for column in zip(*each, strict=True)]
        at_once, one_by_one = ([Value(x) for x in numbers] for _ in range(2))
        (total([chain(*at_once, *example).E for example in examples]) / len(examples)).backward()
        for example in examples:
            chain(*one_by_one, *example).E.backward(seed=1 / len(examples))
        for knobs in (at_once, one_by_one):
            for knob, mean, size in zip(knobs, expected, sizes, strict=True):
                assert abs(knob.grad - mean) <= 1e-11 * size + 1e-15, f"got {knob.grad}, expected {mean}"


def test_a_longer_chain() -> None:
    """Δ(n) = Δ(n+1) · w(n+1) · σ'(z(n)) for chains of 1 to 12 layers."""
    rng = random.Random(3)
    for L in range(1, 13):
        w, b = ([rng.gauss(0, 2) for _ in range(L)] for _ in range(2))
        a: Any = Value(rng.random())
        zs = []
        for wl, bl in zip(w, b, strict=True):
            zs.append(Value(wl) * a + Value(bl))
            a = sigmoid(zs[-1])
        ((a - 2.0) ** 2).backward()
        delta = 2 * (sigma(zs[-1].data) - 2.0) * sigma_slope(zs[-1].data)
        for n in range(L - 1, -1, -1):
            assert zs[n].grad == pytest.approx(delta, rel=1e-12), f"layer {n + 1} of {L}"
            delta *= w[n] * sigma_slope(zs[n - 1].data)
