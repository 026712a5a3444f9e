"""The first blackboard: XOR with two hidden layers and the delta rule, the formulas beside the engine.

The formulas are written here once more with floats: drives a, outputs x, the recursion of the δ. Tolerances are relative to the sum
of the sizes of all terms, which is what rounding is relative to where terms cancel.
"""

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import autograd as ag
import nn
import viz
from autograd import Value, dot

XOR = (((1.0, 0.0, 0.0), 0.0), ((1.0, 0.0, 1.0), 1.0), ((1.0, 1.0, 0.0), 1.0), ((1.0, 1.0, 1.0), 0.0))
Weights = list[list[list[Value]]]  # W[n][i][j], layers from 0 here
# For each activation: what the engine is given, and g and g' as the notes say them.
ACTIVATIONS: dict[str, tuple[Any, Callable[[float], float], Callable[[float], float]]] = {
    "tanh": (ag.tanh, math.tanh, lambda a: 1 / math.cosh(a) ** 2),
    "sigmoid": (ag.sigmoid, lambda a: 1 / (1 + math.exp(-a)), lambda a: 1 / (1 + math.exp(-a)) / (1 + math.exp(a))),
    "relu": (ag.relu, lambda a: max(0.0, a), lambda a: float(a > 0)),
    "linear": (lambda a: +a, lambda a: a, lambda a: 1.0),
}


def network(sizes: list[int], rng: random.Random) -> Weights:
    return [[[Value(rng.uniform(-1, 1)) for _ in range(nin)] for _ in range(nout)] for nin, nout in itertools.pairwise(sizes)]


def every(W: Weights) -> list[Value]:
    return [w for layer in W for row in layer for w in row]


def engine(W: Weights, g: list[str], x: Any) -> tuple[list[list[Value]], list[list[Any]]]:
    """The drives and the outputs of each layer as Values; the inputs stand first among the outputs."""
    drives, outputs = [], [list(x)]
    for layer, activation in zip(W, g, strict=True):
        drives.append([dot(row, outputs[-1]) for row in layer])
        outputs.append([ACTIVATIONS[activation][0](a) for a in drives[-1]])
    return drives, outputs


@dataclass
class Sum:
    """A sum of floats, and of their sizes."""

    value: float = 0.0
    size: float = 0.0

    def add(self, term: float, size: float | None = None) -> None:
        self.value += term
        self.size += abs(term) if size is None else size


def board(W: Weights, g: list[str], x: Any, t: list[float]) -> tuple[list[list[Sum]], list[list[float]], float]:
    """δ of every neuron by the recursion of the notes, the outputs of each layer, and E of the pattern."""
    w = [[[v.data for v in row] for row in layer] for layer in W]
    a: list[list[float]] = []
    outputs = [list(x)]
    for n, layer in enumerate(w):
        a.append([math.fsum(wij * xj for wij, xj in zip(row, outputs[-1], strict=True)) for row in layer])
        outputs.append([ACTIVATIONS[g[n]][1](ai) for ai in a[-1]])
    slopes = [[ACTIVATIONS[g[n]][2](ai) for ai in layer] for n, layer in enumerate(a)]
    δ: list[list[Sum]] = [[] for _ in w]
    for ti, yi, slope in zip(t, outputs[-1], slopes[-1], strict=True):
        δ[-1].append(Sum(-(ti - yi) * slope, (abs(ti) + abs(yi)) * slope))
    for n in range(len(w) - 1, 0, -1):
        for j, slope in enumerate(slopes[n - 1]):
            total = Sum()
            for i, δi in enumerate(δ[n]):
                total.add(slope * w[n][i][j] * δi.value, abs(slope * w[n][i][j]) * δi.size)
            δ[n - 1].append(total)
    return δ, outputs, 0.5 * math.fsum((ti - yi) ** 2 for ti, yi in zip(t, outputs[-1], strict=True))


def half_square(t: list[float], y: list[Value]) -> Value:
    error: Value = ag.sum([0.5 * (ti - yi) ** 2 for ti, yi in zip(t, y, strict=True)])
    return error


def example(seed: int) -> tuple[Weights, list[str], list[tuple[list[float], list[float]]]]:
    """A random network with two hidden layers and some patterns with their targets."""
    rng = random.Random(seed)
    sizes = [rng.randint(1, 5) for _ in range(4)]
    g = [rng.choice(list(ACTIVATIONS)) for _ in range(3)]
    patterns = [([rng.uniform(-2, 2) for _ in range(sizes[0])], [rng.uniform(-1, 1) for _ in range(sizes[-1])]) for _ in range(4)]
    return network(sizes, rng), g, patterns


each_seed = pytest.mark.parametrize("seed", range(60))


@each_seed
def test_delta_is_the_gradient_of_the_drive(seed: int) -> None:
    W, g, [(x, t), *_] = example(seed)
    drives, outputs = engine(W, g, x)
    E = half_square(t, outputs[-1])
    E.backward()
    δ, expected_outputs, expected_E = board(W, g, x, t)
    assert E.data == pytest.approx(expected_E, rel=1e-12)
    for n, layer in enumerate(drives):
        for i, a in enumerate(layer):
            assert outputs[n + 1][i].data == pytest.approx(expected_outputs[n + 1][i], rel=1e-12, abs=1e-14), (g, n, i)
            assert abs(a.grad - δ[n][i].value) <= 1e-12 * δ[n][i].size, (g, n, i, a.grad, δ[n][i])


@each_seed
def test_the_delta_rule_is_exact_for_every_weight_of_one_pattern(seed: int) -> None:
    W, g, [(x, t), *_] = example(seed)
    drives, outputs = engine(W, g, x)
    half_square(t, outputs[-1]).backward()
    for n, layer in enumerate(W):
        for i, row in enumerate(layer):
            for j, w in enumerate(row):
                xj = outputs[n][j].data if n else x[j]
                assert w.grad == drives[n][i].grad * xj, (n, i, j)


@each_seed
def test_the_delta_rule_over_patterns(seed: int) -> None:
    W, g, patterns = example(seed)
    ag.sum([half_square(t, engine(W, g, x)[1][-1]) for x, t in patterns]).backward()
    boards = [board(W, g, x, t) for x, t in patterns]
    for n, layer in enumerate(W):
        for i, row in enumerate(layer):
            for j, w in enumerate(row):
                total = Sum()
                for δ, outputs, _ in boards:
                    total.add(δ[n][i].value * outputs[n][j], δ[n][i].size * abs(outputs[n][j]))
                assert abs(w.grad - total.value) <= 1e-12 * total.size, (g, n, i, j, w.grad, total)


@each_seed
def test_the_recursion_as_a_graph_gives_the_same_deltas(seed: int) -> None:
    W, g, [(x, t), *_] = example(seed)
    drives, outputs = engine(W, g, x)
    E = half_square(t, outputs[-1])
    E.backward()
    every_drive = [a for layer in drives for a in layer]
    assert [δ.data for δ in ag.grad(E, every_drive)] == [a.grad for a in every_drive]


def test_exact_on_integers() -> None:
    W = [
        [[Value(1), Value(-2)], [Value(3), Value(1)]],
        [[Value(2), Value(-1)], [Value(1), Value(1)]],
        [[Value(-1), Value(2)]],
    ]
    drives, outputs = engine(W, ["relu", "relu", "linear"], [2.0, -1.0])
    E = half_square([1.0], outputs[-1])
    E.backward()
    # a1 = (4, 5), a2 = (3, 9), ŷ = 15, so δ3 = 14, δ2 = (−14, 28), δ1 = (2·−14 + 28, 14 + 28)
    assert [[a.data for a in layer] for layer in drives] == [[4, 5], [3, 9], [15]]
    assert [[a.grad for a in layer] for layer in drives] == [[0, 42], [-14, 28], [14]]
    assert [[w.grad for w in row] for row in W[0]] == [[0, 0], [84, -42]]
    assert E.data == 98


def test_the_drive_of_a_neuron_of_nn_holds_its_delta() -> None:
    rng = random.Random(3)
    model = nn.MLP(2, [3, 2, 1], activation=["tanh", "tanh", "sigmoid"], seed=0)
    W = [[[*neuron.w, neuron.b] for neuron in layer.neurons] for layer in model.layers]
    point = [rng.uniform(-1, 1), rng.uniform(-1, 1)]
    x: list[Any] = [Value(p) for p in point]
    drives = []
    for layer in model.layers:
        x = [neuron(x) for neuron in layer.neurons]
        drives.append([y._prev[0] for y in x])
    (0.5 * (1.0 - x[0]) ** 2).backward()
    # The same with the threshold as a weight of one more unit, which is always on.
    slopes = [[ACTIVATIONS["sigmoid" if n == 2 else "tanh"][2](a.data) for a in layer] for n, layer in enumerate(drives)]
    δ = [[], [], [-(1.0 - x[0].data) * slopes[2][0]]]  # type: list[list[float]]
    for n in (1, 0):
        δ[n] = [
            slope * math.fsum(W[n + 1][i][j].data * δ[n + 1][i] for i in range(len(δ[n + 1])))
            for j, slope in enumerate(slopes[n])
        ]
    for n, layer in enumerate(drives):
        assert [a.grad for a in layer] == pytest.approx(δ[n], rel=1e-12)
        assert [neuron.b.grad for neuron in model.layers[n].neurons] == [a.grad for a in layer]


# --- Learning ------------------------------------------------------------------------------------------------------------------


def answers(W: Weights, g: list[str]) -> list[Value]:
    return [engine(W, g, x)[1][-1][0] for x, _ in XOR]


def learn(seed: int, eta: float = 0.5, most: int = 1000) -> tuple[int, float, list[float]]:
    """Epochs, the largest distance from a target, and the errors, by the rule Δw = −ηδx with the drives' gradients."""
    g = ["tanh", "tanh", "sigmoid"]
    W = network([3, 3, 3, 1], random.Random(seed))
    errors: list[float] = []
    furthest = 1.0
    for epoch in range(most):
        passes = [engine(W, g, x) for x, _ in XOR]
        furthest = max(abs(t - outputs[-1][0].data) for (_, t), (_, outputs) in zip(XOR, passes, strict=True))
        if furthest < 0.1:
            return epoch, furthest, errors
        E = ag.sum([half_square([t], outputs[-1]) for (_, t), (_, outputs) in zip(XOR, passes, strict=True)])
        errors.append(E.data)
        E.backward()
        for n, layer in enumerate(W):
            for i, row in enumerate(layer):
                for j, w in enumerate(row):
                    w.data -= eta * math.fsum(
                        drives[n][i].grad * (outputs[n][j].data if n else outputs[n][j]) for drives, outputs in passes
                    )
    return most, furthest, errors


def test_the_delta_rule_learns_xor_from_nine_of_ten_seeds() -> None:
    runs = {seed: learn(seed) for seed in range(10)}
    solved = [seed for seed, (_, furthest, _) in runs.items() if furthest < 0.1]
    assert len(solved) >= 9, {seed: furthest for seed, (_, furthest, _) in runs.items()}
    for seed in solved:
        errors = runs[seed][2]
        assert errors[-1] < 0.02 < 0.3 < errors[0]


def test_nothing_is_learnt_from_weights_of_zero() -> None:
    g = ["tanh", "tanh", "sigmoid"]
    W = [[[Value(0.0) for _ in row] for row in layer] for layer in network([3, 3, 3, 1], random.Random(0))]
    ag.sum([half_square([t], [y]) for (_, t), y in zip(XOR, answers(W, g), strict=True)]).backward()
    assert [w.grad for w in every(W)] == [0.0] * 21


# --- The picture ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "base", "lower", "upper"), [("w_12^(1)", "w", "12", "(1)"), ("δ_1^(2)", "δ", "1", "(2)"), ("δ", "δ", "", "")]
)
def test_labels_come_out_in_the_notation_of_the_notes(label: str, base: str, lower: str, upper: str) -> None:
    w = Value(0.5, label=label)
    picture = viz.draw(w * 2, engine="builtin").to_svg()
    for text in (base, lower, upper):
        assert not text or f">{text}</tspan>" in picture, text
    assert label == base or f">{label}<" not in picture


def test_the_dependency_graph_shows_every_drive_and_its_delta() -> None:
    W = network([3, 2, 2, 1], random.Random(1))
    drives, outputs = engine(W, ["tanh", "tanh", "sigmoid"], [Value(x) for x in XOR[1][0]])
    for n, layer in enumerate(drives, 1):
        for i, a in enumerate(layer, 1):
            a.label = f"a_{i}^({n})"
    E = half_square([1.0], outputs[-1])
    E.backward()
    cards = {card.label: card for card in viz.draw(E, engine="builtin").cards.cards if card.label}
    for layer in drives:
        for a in layer:
            assert (cards[a.label].data, cards[a.label].grad) == (a.data, a.grad)
