"""What numerical differentiation costs: the counts by the formulas of the blackboard, and how they grow with the network."""

import itertools
import math
import random
from collections.abc import Callable
from typing import Any

import pytest

import autograd as ag
from autograd import Value, count_operations, dot, numerical

METHODS = [numerical.forward, numerical.central, numerical.five_point]


def network(N: int, *m: int, seed: int = 0) -> tuple[list[Value], Callable[[], Value]]:
    """The weights of a network with N inputs and layers of m neurons, and its error as a function of nothing."""
    rng = random.Random(seed)
    W = [[[Value(rng.uniform(-1, 1)) for _ in range(a)] for _ in range(b)] for a, b in itertools.pairwise([N + 1, *m])]
    inputs = [rng.uniform(-1, 1) for _ in range(N)]

    def E() -> Value:
        x: list[Any] = [1.0, *inputs]
        for layer in W:
            x = [ag.tanh(dot(row, x)) for row in layer]
        error: Value = ag.sum([0.5 * (0.5 - y) ** 2 for y in x])
        return error

    return [w for layer in W for row in layer for w in row], E


def counted(E: Callable[[], Value]) -> tuple[int, int]:
    """The operations of a forward and a backward pass."""
    with count_operations() as forward:
        y = E()
    with count_operations() as backward:
        y.backward()
    assert (forward.backward, backward.forward) == (0, 0)
    return forward.forward, backward.backward


@pytest.mark.parametrize("sizes", [(2, 3, 3, 1), (1, 1, 1, 1), (4, 5, 2, 3), (7, 2, 6, 2)])
def test_one_forward_pass_costs_what_the_board_says(sizes: tuple[int, ...]) -> None:
    N, m1, m2, m3 = sizes
    n, m = m3 * m2 + m2 * m1 + m1 * (N + 1), m1 + m2 + m3
    weights, E = network(*sizes)
    assert len(weights) == n
    # Multiply and add for each weight, an activation for each neuron; difference, square and half for each output, and their sum.
    assert counted(E)[0] == 2 * n + m + 3 * m3 + (m3 - 1)


@pytest.mark.parametrize("sizes", [(2, 3, 3, 1), (1, 1, 1, 1), (4, 5, 2, 3)])
def test_one_weight_and_all_weights_cost_what_the_board_says(sizes: tuple[int, ...]) -> None:
    weights, E = network(*sizes)
    n, (once, _) = len(weights), counted(E)
    assert numerical.central(E, weights[0]).operations == 2 * once + 4
    assert numerical.central(E, weights).operations == n * (2 * once + 4)
    assert numerical.five_point(E, weights).operations == n * (4 * once + 10)
    assert numerical.forward(E, weights[0]).operations == 2 * once + 3
    assert numerical.forward(E, weights).operations == (n + 1) * once + n * 3


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_it_agrees_with_backpropagation(method: Any, seed: int) -> None:
    weights, E = network(3, 4, 3, 2, seed=seed)
    E().backward()
    tolerance = {"forward": 1e-7, "central": 1e-9, "five_point": 1e-11}[method.__name__]
    got = method(E, weights).derivative
    for i, w in enumerate(weights):
        assert abs(got[i] - w.grad) < tolerance, f"weight {i}: got {got[i]!r}, expected {w.grad!r}"


def exponent(sizes: list[int], costs: list[int]) -> float:
    """The slope of the straight line of least squares through the logarithms."""
    xs, ys = [math.log(s) for s in sizes], [math.log(c) for c in costs]
    x, y = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    return math.fsum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / math.fsum((a - x) ** 2 for a in xs)


def test_costs_grow_with_the_square_and_with_the_number_of_weights() -> None:
    sizes, all_weights, backprop = [], [], []
    for k in (5, 8, 13, 20):
        weights, E = network(k, k, k, 1)
        sizes.append(len(weights))
        all_weights.append(numerical.central(E, weights).operations)
        backprop.append(sum(counted(E)))
    assert exponent(sizes, all_weights) == pytest.approx(2.0, abs=0.1)
    assert exponent(sizes, backprop) == pytest.approx(1.0, abs=0.1)


def test_all_derivatives_cost_a_small_multiple_of_the_error() -> None:
    for k in (2, 8, 32, 64):
        forward, backward = counted(network(k, k, k, 1)[1])
        assert forward + backward < 4 * forward


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_the_valley_over_the_step(method: Any) -> None:
    """To the right the error is the first term left out, to the left it is rounding, and the bottom lies between."""
    weights, E = network(2, 3, 3, 1)
    w = weights[0]
    derivatives = [E()]
    for _ in range(5):
        derivatives.append(ag.grad(derivatives[-1], w))
    exact = [v.data for v in derivatives]
    order, term = {"forward": (1, exact[2] / 2), "central": (2, exact[3] / 6), "five_point": (4, exact[5] / 30)}[method.__name__]

    def error(h: float) -> float:
        return abs(method(E, w, h).derivative - exact[1])

    h = {1: 1e-4, 2: 1e-2, 4: 3e-2}[order]
    assert error(h) == pytest.approx(abs(term) * h**order, rel=0.05)
    assert error(1e-14) > 1e-5 * abs(exact[0])
    assert error(numerical.step_of(getattr(numerical, f"{method.__name__}_slope"), w.data)) < min(error(1e-14), error(0.5)) / 1e3
