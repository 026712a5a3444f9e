"""The second blackboard: mean squared error over a training set, the exercise by hand, and the matrix notation."""

import math
import random
from fractions import Fraction
from typing import Any

import pytest

import autograd as ag
from autograd import Value, dot, numerical

np = pytest.importorskip("numpy")

Rows = list[list[float]]

# --- Sigmoids over a training set ----------------------------------------------------------------------------------------------


def sigma(net: float) -> float:
    return 1 / (1 + math.exp(-net))


def slope(net: float) -> float:
    return sigma(net) * (1 - sigma(net))


def by_hand(w1: Rows, w2: list[float], Tr: Any) -> tuple[float, list[list[list[float]]], list[list[float]]]:
    """J, and of both gradient formulas the terms of each weight's sum over the patterns."""
    J = 0.0
    d1: list[list[list[float]]] = [[[] for _ in row] for row in w1]
    d2: list[list[float]] = [[] for _ in w2]
    for x, t in Tr:
        nets = [math.fsum(w * xj for w, xj in zip(row, x, strict=True)) for row in w1]
        h = [sigma(net) for net in nets]
        net2 = math.fsum(w * hi for w, hi in zip(w2, h, strict=True))
        z = sigma(net2)
        J += (t - z) ** 2 / (2 * len(Tr))
        for i in range(len(w2)):
            d2[i].append(-(t - z) * slope(net2) * h[i] / len(Tr))
            for j, xj in enumerate(x):
                d1[i][j].append(-(t - z) * slope(net2) * w2[i] * slope(nets[i]) * xj / len(Tr))
    return J, d1, d2


def assert_sum(got: float, terms: list[float]) -> None:
    """``got`` is the sum of the terms, up to 10⁻¹² of their sizes."""
    assert abs(got - math.fsum(terms)) <= 1e-12 * math.fsum(map(abs, terms)), f"got {got!r}, expected {math.fsum(terms)!r}"


@pytest.mark.parametrize("seed", range(60))
def test_both_gradient_formulas(seed: int) -> None:
    rng = random.Random(seed)
    nin, hidden, N = rng.randint(1, 5), rng.randint(1, 5), rng.randint(1, 12)
    Tr = [([rng.uniform(-2, 2) for _ in range(nin)], rng.uniform(0, 1)) for _ in range(N)]
    w1 = [[Value(rng.uniform(-2, 2)) for _ in range(nin)] for _ in range(hidden)]
    w2 = [Value(rng.uniform(-2, 2)) for _ in range(hidden)]

    def output(x: list[float]) -> Value:
        z: Value = ag.sigmoid(dot(w2, [ag.sigmoid(dot(row, x)) for row in w1]))
        return z

    J = ag.sum([(t - output(x)) ** 2 for x, t in Tr]) / (2 * N)
    J.backward()
    expected_J, d1, d2 = by_hand([[w.data for w in row] for row in w1], [w.data for w in w2], Tr)
    assert J.data == pytest.approx(expected_J, rel=1e-12)
    for i, w in enumerate(w2):
        assert_sum(w.grad, d2[i])
    for i, row in enumerate(w1):
        for j, w in enumerate(row):
            assert_sum(w.grad, d1[i][j])


@pytest.mark.parametrize("net", [-30.0, -5.0, -1.0, -0.1, 0.0, 0.3, 2.0, 8.0])
def test_the_slope_of_the_sigmoid(net: float) -> None:
    assert ag.grad(ag.sigmoid)(net) == pytest.approx(sigma(net) * sigma(-net), rel=1e-12)
    assert ag.grad(ag.sigmoid)(net) == pytest.approx(slope(net), rel=1e-12)


# --- The exercise --------------------------------------------------------------------------------------------------------------


class Exercise:
    """The network of the exercise: relu, linear, no biases."""

    def __init__(self, x: list[float], w1: Rows, w2: list[float], t: float) -> None:
        self.x, self.t = x, t
        self.w1 = [[Value(w) for w in row] for row in w1]
        self.w2 = [Value(w) for w in w2]

    def z(self) -> Value:
        z: Value = dot(self.w2, [ag.relu(dot(row, self.x)) for row in self.w1])
        return z

    def J(self) -> Value:
        return 0.5 * (self.t - self.z()) ** 2

    def weights(self) -> list[Value]:
        return [*self.w2, *(w for row in self.w1 for w in row)]


def notes() -> Exercise:
    return Exercise([1, 0], [[1, 0], [-1, 1]], [1, 2], 2)


BY_HAND = [-1, 0, -1, 0, 0, 0]  # ∂J/∂w2, then ∂J/∂w1_1 and ∂J/∂w1_2


def test_forward_by_hand() -> None:
    e = notes()
    assert [dot(row, e.x).data for row in e.w1] == [1, -1]
    assert (e.z().data, e.J().data) == (1, 0.5)


def test_backpropagation_gives_the_numbers_of_the_notes() -> None:
    e = notes()
    e.J().backward()
    assert [w.grad for w in e.weights()] == BY_HAND


def test_numerically_the_same_numbers() -> None:
    e = notes()
    assert numerical.central(e.J, e.weights(), h=0.125).derivative == BY_HAND
    for method, tolerance in ((numerical.forward, 1e-7), (numerical.central, 1e-9), (numerical.five_point, 1e-11)):
        assert method(e.J, e.weights()).derivative == pytest.approx(BY_HAND, abs=tolerance)


@pytest.mark.parametrize("eta", [Fraction(1, 4), Fraction(1, 2), Fraction(1, 8)])
def test_the_update(eta: Fraction) -> None:
    e = notes()
    e.J().backward()
    for w in e.weights():
        w.data -= float(eta) * w.grad
    assert [w.data for w in e.weights()] == [1 + eta, 2, 1 + eta, 0, -1, 1]
    assert e.z().data == (1 + eta) ** 2
    assert e.J().data == (2 - (1 + eta) ** 2) ** 2 / 2


# --- Matrix notation -----------------------------------------------------------------------------------------------------------

values = np.frompyfunc(Value, 1, 1)
numbers = np.frompyfunc(lambda v: v.data, 1, 1)
gradients = np.frompyfunc(lambda v: v.grad, 1, 1)
ReLU = np.frompyfunc(ag.relu, 1, 1)


def on_the_board(x: Any, W1: Any, W2: Any, t: Any) -> tuple[Any, Any, Any]:
    """J of arrays of Values and the board's two formulas as they stand, over the same arrays."""
    net = W1 @ x
    h = ReLU(net)
    z = W2 @ h
    J = (0.5 * (t - z) ** 2).sum()
    return J, -((W2.T @ (t - z)) * (net > 0)) @ x.T, -(t - z) @ h.T


def test_the_exercise_in_matrix_notation() -> None:
    W1, W2 = values(np.array([[1, 0], [-1, 1]])), values(np.array([[1, 2]]))
    J, dJ_dW1, dJ_dW2 = on_the_board(np.array([[1], [0]]), W1, W2, np.array([[2]]))
    assert J.data == 0.5
    J.backward()
    for formula, W, expected in ((dJ_dW1, W1, [[-1, 0], [0, 0]]), (dJ_dW2, W2, [[-1, 0]])):
        assert numbers(formula).tolist() == expected
        assert gradients(W).tolist() == expected


@pytest.mark.parametrize("seed", range(40))
def test_matrix_notation_is_exact_on_integers(seed: int) -> None:
    generator = np.random.default_rng(seed)
    nin, hidden, nout = generator.integers(1, 6, size=3)
    x, t = generator.integers(-4, 5, size=(nin, 1)), generator.integers(-9, 10, size=(nout, 1))
    w1, w2 = generator.integers(-4, 5, size=(hidden, nin)), generator.integers(-4, 5, size=(nout, hidden))
    W1, W2 = values(w1), values(w2)
    J, dJ_dW1, dJ_dW2 = on_the_board(x, W1, W2, t)
    J.backward()
    # Once more in whole numbers, without Values and without matrix products.
    net = [sum(int(w1[i, j]) * int(x[j, 0]) for j in range(nin)) for i in range(hidden)]
    h = [max(0, a) for a in net]
    miss = [int(t[k, 0]) - sum(int(w2[k, i]) * h[i] for i in range(hidden)) for k in range(nout)]
    back = [sum(int(w2[k, i]) * miss[k] for k in range(nout)) for i in range(hidden)]
    d1 = [[-back[i] * (net[i] > 0) * int(x[j, 0]) for j in range(nin)] for i in range(hidden)]
    d2 = [[-miss[k] * h[i] for i in range(hidden)] for k in range(nout)]
    assert J.data == sum(m * m for m in miss) / 2
    assert numbers(dJ_dW1).tolist() == gradients(W1).tolist() == d1
    assert numbers(dJ_dW2).tolist() == gradients(W2).tolist() == d2


@pytest.mark.parametrize("seed", range(40))
def test_matrix_notation_at_random_points(seed: int) -> None:
    generator = np.random.default_rng(seed)
    nin, hidden, nout = generator.integers(1, 6, size=3)
    x, t = generator.normal(size=(nin, 1)), generator.normal(size=(nout, 1))
    w1, w2 = generator.normal(size=(hidden, nin)), generator.normal(size=(nout, hidden))
    W1, W2 = values(w1), values(w2)
    J, dJ_dW1, dJ_dW2 = on_the_board(x, W1, W2, t)
    J.backward()
    # Once more with NumPy's floats.
    h = np.where(w1 @ x > 0, w1 @ x, 0.0)
    δ = t - w2 @ h
    d1, d2 = -((w2.T @ δ) * (w1 @ x > 0)) @ x.T, -δ @ h.T
    for expected, formula, W in ((d1, dJ_dW1, W1), (d2, dJ_dW2, W2)):
        np.testing.assert_allclose(gradients(W).astype(float), expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(numbers(formula).astype(float), expected, rtol=1e-12, atol=1e-14)
