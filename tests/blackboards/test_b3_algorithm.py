"""The third blackboard: the algorithm in matrix form, its cost, sensitivity to the input, and shared weights.

``backprop`` is the notes' four steps on NumPy arrays; it shares nothing with the engine. Tolerances are relative to what the terms
of a derivative add up to in size, which is what rounding is relative to where terms cancel.
"""

import itertools
import math
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import nn
import viz
from autograd import Value, count_operations, dot

np = pytest.importorskip("numpy")

# θ for arrays of numbers and of Values, and θ'.
THETAS: dict[str, tuple[Any, Any]] = {
    "tanh": (np.tanh, lambda s: 1 / np.cosh(s) ** 2),
    "sigmoid": (lambda s: 1 / (1 + np.exp(-s)), lambda s: 1 / (1 + np.exp(-s)) / (1 + np.exp(s))),
    "relu": (lambda s: np.maximum(s, 0.0), lambda s: (s > 0).astype(float)),
    "linear": (lambda s: +s, np.ones_like),
}


class Board(NamedTuple):
    """What the four steps give; ``sizes`` are ∂e/∂W and δ with every term taken by its size."""

    e: float
    delta: list[Any]
    dW: list[Any]
    dx: Any
    sizes: list[Any]
    delta_sizes: list[Any]


def backprop(W: list[Any], x: Any, y: Any, theta: str) -> Board:
    """The notes, step by step; lists begin with layer 1."""
    g, slope = THETAS[theta]
    L, xs, ss = len(W), [x], []
    for n in range(L):  # 1. forward
        ss.append(W[n].T @ xs[n])
        xs.append(g(ss[n]))
    e = np.sum((xs[L] - y) ** 2)
    delta, size = [None] * L, [None] * L
    delta[-1] = 2 * (xs[L] - y) * slope(ss[-1])  # 2. at the output
    size[-1] = 2 * (abs(xs[L]) + abs(y)) * slope(ss[-1])
    for n in range(L - 2, -1, -1):  # 3. backward
        delta[n] = (W[n + 1] @ delta[n + 1]) * slope(ss[n])
        size[n] = (abs(W[n + 1]) @ size[n + 1]) * slope(ss[n])
    dW = [np.outer(xs[n], delta[n]) for n in range(L)]  # 4. the derivatives
    sizes = [np.outer(abs(xs[n]), size[n]) for n in range(L)]
    return Board(float(e), delta, dW, W[0] @ delta[0], sizes, size)


class Engine(NamedTuple):
    """The same network of Values, after ``backward()``."""

    e: Value
    W: list[Any]
    x: Any
    s: list[Any]


def as_values(numbers: Any) -> Any:
    return np.frompyfunc(Value, 1, 1)(numbers)


def engine(W: list[Any], x: Any, y: Any, theta: str) -> Engine:
    V, v, ss = [as_values(Wl) for Wl in W], as_values(x), []
    out = v
    for Vl in V:
        ss.append(Vl.T @ out)
        out = np.frompyfunc(Value.relu, 1, 1)(ss[-1]) if theta == "relu" else THETAS[theta][0](ss[-1])
    e = np.sum((out - y) ** 2)
    e.backward()
    return Engine(e, V, v, ss)


def grads(values: Any) -> Any:
    return np.frompyfunc(lambda v: v.grad, 1, 1)(values).astype(float)


def agree(got: Any, expected: Any, size: Any, what: str) -> None:
    """Equal to 1e-12 of the size of the terms."""
    wrong = abs(got - expected) > 1e-12 * size
    assert not np.any(wrong), f"{what}\ngot      {got}\nexpected {expected}"


# --- The algorithm -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theta", list(THETAS))
@pytest.mark.parametrize("L", [1, 2, 3, 5, 9])
def test_the_four_steps_are_the_engines_for_any_depth(L: int, theta: str) -> None:
    rng = np.random.default_rng(L)
    for _ in range(12):
        sizes = rng.integers(1, 6, size=L + 1)
        W = [rng.normal(size=shape) for shape in itertools.pairwise(sizes)]
        x, y = rng.normal(size=sizes[0]), rng.normal(size=sizes[-1])
        board, own = backprop(W, x, y, theta), engine(W, x, y, theta)
        assert own.e.data == pytest.approx(board.e, rel=1e-12)
        for n in range(L):
            what = f"layer {n + 1} of {L}, {theta}, sizes {sizes}"
            agree(grads(own.W[n]), board.dW[n], board.sizes[n], f"∂e/∂W of {what}")
            agree(grads(own.s[n]), board.delta[n], board.delta_sizes[n], f"δ of {what}")
        agree(grads(own.x), board.dx, abs(W[0]) @ board.delta_sizes[0], "∂e/∂x")


def test_depth_of_hundred_layers() -> None:
    rng = np.random.default_rng(0)
    W = [rng.normal(size=(3, 3)) for _ in range(100)]
    x, y = rng.normal(size=3), rng.normal(size=3)
    board, own = backprop(W, x, y, "tanh"), engine(W, x, y, "tanh")
    for n in range(100):
        got, expected = grads(own.W[n]), board.dW[n]
        agree(got, expected, np.max(abs(expected)), f"layer {n + 1}")


def test_a_wrong_step_is_noticed() -> None:
    """The comparison can fail: δ without θ', or W transposed, is not what the engine gives."""
    rng = np.random.default_rng(1)
    W = [rng.normal(size=(2, 2)), rng.normal(size=(2, 1))]
    x, y = rng.normal(size=2), rng.normal(size=1)
    board, own = backprop(W, x, y, "tanh"), engine(W, x, y, "tanh")
    with pytest.raises(AssertionError):
        agree(grads(own.W[0]), board.dW[0].T, board.sizes[0], "transposed")
    with pytest.raises(AssertionError):
        agree(grads(own.W[0]), board.dW[0] * (1 + 1e-10), board.sizes[0], "moved")


@pytest.mark.parametrize("theta", ["linear", "relu"])
def test_the_worked_case_exactly(theta: str) -> None:
    """L = 2, two inputs, two hidden neurons, one output, on whole numbers: no rounding, so no tolerance."""
    rng = random.Random(2)
    for _ in range(200):
        w = {(n, i, j): rng.randint(-4, 4) for n, i, j in [*itertools.product((1,), (1, 2), (1, 2)), (2, 1, 1), (2, 2, 1)]}
        x, y = (rng.randint(-5, 5), rng.randint(-5, 5)), rng.randint(-5, 5)
        theta_of: Callable[[int], int] = (lambda s: max(0, s)) if theta == "relu" else (lambda s: s)
        slope: Callable[[int], int] = (lambda s: int(s > 0)) if theta == "relu" else (lambda s: 1)
        s1 = [w[1, 1, j] * x[0] + w[1, 2, j] * x[1] for j in (1, 2)]
        x1 = [theta_of(s) for s in s1]
        s2 = w[2, 1, 1] * x1[0] + w[2, 2, 1] * x1[1]
        delta2 = 2 * (theta_of(s2) - y) * slope(s2)
        delta1 = [slope(s1[j]) * delta2 * w[2, j + 1, 1] for j in (0, 1)]
        W = [np.array([[w[1, i, j] for j in (1, 2)] for i in (1, 2)]), np.array([[w[2, 1, 1]], [w[2, 2, 1]]])]
        own = engine([Wl.astype(float) for Wl in W], np.array(x, dtype=float), np.array([float(y)]), theta)
        assert own.e.data == (theta_of(s2) - y) ** 2
        assert grads(own.s[1]).tolist() == [delta2]
        assert grads(own.s[0]).tolist() == delta1
        assert grads(own.W[1]).tolist() == [[x1[0] * delta2], [x1[1] * delta2]]
        assert grads(own.W[0]).tolist() == [[x[i] * delta1[j] for j in (0, 1)] for i in (0, 1)]
        assert grads(own.x).tolist() == [sum(delta1[j - 1] * w[1, i, j] for j in (1, 2)) for i in (1, 2)]


def test_it_is_nns_network_too() -> None:
    """A network of ``nn`` without biases has the notes' matrices, transposed."""
    rng = np.random.default_rng(3)
    for _ in range(10):
        model = nn.MLP(3, [4, 2], activation=["tanh", "tanh"], seed=int(rng.integers(1000)))
        W = [np.array([[w.data for w in n.w] for n in layer.neurons]).T for layer in model.layers]
        x, y = rng.normal(size=3), rng.normal(size=2)
        board = backprop(W, x, y, "tanh")
        (2.0 * nn.half_sse(model(x), y.tolist())).backward()
        for n, layer in enumerate(model.layers):
            agree(np.array([[w.grad for w in n.w] for n in layer.neurons]).T, board.dW[n], board.sizes[n], f"layer {n + 1}")
            agree(np.array([n.b.grad for n in layer.neurons]), board.delta[n], board.delta_sizes[n], "the bias has δ")


# --- Cost ----------------------------------------------------------------------------------------------------------------------


def test_all_derivatives_cost_a_multiple_of_the_number_of_weights() -> None:
    rng = np.random.default_rng(4)
    Q, counts = [], []
    for n in (4, 8, 16, 32):
        W = [rng.normal(size=shape) for shape in ((n, n), (n, n), (n, 1))]
        with count_operations() as tally:
            engine(W, rng.normal(size=n), np.zeros(1), "tanh")
        Q.append(sum(Wl.size for Wl in W))
        counts.append(tally.total)
        assert tally.backward < 5 * tally.forward
    exponent = np.polyfit(np.log(Q), np.log(counts), 1)[0]
    assert exponent == pytest.approx(1.0, abs=0.05), f"{counts} operations for {Q} weights"


# --- Sensitivity ---------------------------------------------------------------------------------------------------------------


def test_sensitivity_is_one_step_more() -> None:
    """∂e/∂x_i = Σ_j δ_j w_ij, also where ``viz.sensitivity`` draws it."""
    rng = np.random.default_rng(5)
    for _ in range(30):
        W = [rng.normal(size=(2, 5)), rng.normal(size=(5, 1))]
        x, y = rng.normal(size=2), rng.normal(size=1)
        board = backprop(W, x, y, "tanh")
        expected = [math.fsum(board.delta[0][j] * W[0][i, j] for j in range(5)) for i in range(2)]
        size = abs(W[0]) @ abs(board.delta[0])
        agree(grads(engine(W, x, y, "tanh").x), expected, size, f"at {x}")

        def e(point: list[Value], W: list[Any] = W, y: Any = y) -> Value:
            out = np.array(point)
            for Wl in W:
                out = np.tanh(Wl.T @ out)
            return np.sum((out - y) ** 2)

        _, (length,) = viz.plots._scores_and_slopes(e, [tuple(x)])
        assert length == pytest.approx(math.hypot(*expected), rel=1e-11), f"at {x}"


def test_an_overfitted_network_is_more_sensitive() -> None:
    data = nn.moons(60, noise=0.3, seed=4)
    lengths = []
    for l2 in (0.0, 0.003):
        model = nn.MLP(2, [16, 16, 1], activation="tanh", seed=0)
        adam = nn.Adam(model.parameters(), lr=0.02)
        nn.fit(model, data.X, data.y, loss="bce", optimizer=adam, l2=l2, epochs=600, progress=False)
        grid = [(a / 10, b / 10) for a in range(-15, 26) for b in range(-12, 15)]
        lengths.append(max(viz.plots._scores_and_slopes(model, grid)[1]))
    assert lengths[0] > 4 * lengths[1], lengths


# --- Shared weights ------------------------------------------------------------------------------------------------------------


def test_a_tied_weight_gets_the_sum() -> None:
    """w_12 = w_21 = w: ∂e/∂w = δ_2 x_1 + δ_1 x_2, exactly on whole numbers, to 1e-12 on others."""
    rng = random.Random(6)
    for trial in range(300):
        draw = (lambda: float(rng.randint(-5, 5))) if trial % 2 else (lambda: rng.gauss(0.0, 1.0))
        theta = "linear" if trial % 2 else "tanh"
        w, x = Value(draw(), label="w"), [Value(draw()) for _ in range(2)]
        W1 = np.array([[Value(draw()), w], [w, Value(draw())]])
        W2, y = [Value(draw()), Value(draw())], draw()
        s = W1.T @ np.array(x)
        hidden = THETAS[theta][0](s)
        e = (dot(W2, list(hidden)) - y) ** 2
        e.backward()
        terms = [s[1].grad * x[0].data, s[0].grad * x[1].data]
        tolerance = 0.0 if trial % 2 else 1e-12 * sum(map(abs, terms))
        assert abs(w.grad - sum(terms)) <= tolerance, f"got {w.grad}, expected {sum(terms)}"


def test_a_tied_weight_gets_what_two_separate_ones_would_get() -> None:
    """The sum of the derivatives of ``backprop``, which knows of no tie, for networks with every weight in several places."""
    rng = np.random.default_rng(8)
    for _ in range(50):
        shared = [Value(x) for x in rng.normal(size=3)]
        places = [rng.integers(0, 3, size=shape) for shape in ((3, 4), (4, 2))]
        W = [np.array(shared, dtype=object)[place] for place in places]
        x, y = rng.normal(size=3), rng.normal(size=2)
        out = x
        for Wl in W:
            out = np.tanh(Wl.T @ out)
        np.sum((out - y) ** 2).backward()
        board = backprop([np.array([w.data for w in shared])[place] for place in places], x, y, "tanh")
        for k, w in enumerate(shared):
            parts, sizes = (
                [part[place == k].sum() for part, place in zip(m, places, strict=True)] for m in (board.dW, board.sizes)
            )
            agree(w.grad, sum(parts), sum(sizes), f"weight {k} in the places {[p.tolist() for p in places]}")


def test_a_convolution_is_a_matrix_with_shared_entries() -> None:
    """Conv1d against the notes' algorithm on the matrix that it stands for; the derivative of a tap is the sum of its entries'."""
    rng = np.random.default_rng(7)
    for _ in range(40):
        n, k = int(rng.integers(3, 9)), int(rng.integers(1, 4))
        stride, padding = int(rng.integers(1, 3)), int(rng.integers(0, k))
        conv = nn.Conv1d(1, 1, k, stride=stride, padding=padding, activation="tanh", seed=int(rng.integers(1000)))
        outs = (n + 2 * padding - k) // stride + 1
        taps = [(i * stride - padding + tap, i, tap) for i in range(outs) for tap in range(k)]
        taps = [(place, i, tap) for place, i, tap in taps if 0 <= place < n]
        W = np.zeros((n, outs))
        for place, i, tap in taps:
            W[place, i] = conv.weight[0][0][tap].data
        x, y = rng.normal(size=n), rng.normal(size=outs)
        board = backprop([W], x, y, "tanh")
        out = np.array(conv([x])[0])
        np.sum((out - y) ** 2).backward()
        for tap in range(k):
            terms = [board.dW[0][place, i] for place, i, own in taps if own == tap]
            got, expected = conv.weight[0][0][tap].grad, math.fsum(terms)
            assert abs(got - expected) <= 1e-12 * sum(map(abs, terms)), f"{conv} tap {tap}: got {got}, expected {expected}"
        assert conv.bias[0].grad == pytest.approx(math.fsum(board.delta[0]), rel=1e-11)
