"""Neurons, layers and MLPs: the same numbers as micrograd, any activation, any width, and clear errors."""

import copy
import math
import pickle
import random
from collections.abc import Callable
from typing import Any

import pytest

import autograd
import nn
from autograd import Value, topological_order
from nn.activations import ACTIVATIONS

POINTS = [[0.3, -1.2], [2.0, 0.5], [-0.7, 0.9]]


def numbers(output: Any) -> list[float]:
    return [v.data for v in (output if isinstance(output, list) else [output])]


# --- Drop-in for micrograd -----------------------------------------------------------------------------------------------------


def moons_demo(mlp: Any, value: Any, steps: int) -> list[float]:
    """micrograd's demo.ipynb with 10 points: hinge loss, L2 and gradient descent, losses as they are printed."""
    random.seed(1337)
    angles = [math.pi * i / 5 for i in range(5)]
    points = [[math.cos(t), math.sin(t)] for t in angles] + [[1 - math.cos(t), 0.5 - math.sin(t)] for t in angles]
    labels = [-1] * 5 + [1] * 5
    model = mlp(2, [16, 16, 1])
    losses = []
    for k in range(steps):
        inputs = [list(map(value, row)) for row in points]
        scores = list(map(model, inputs))
        margins = [(1 + -yi * scorei).relu() for yi, scorei in zip(labels, scores, strict=True)]
        data_loss = sum(margins) * (1.0 / len(margins))
        loss = data_loss + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= rate * p.grad
        losses.append(loss.data)
    return losses


def test_the_demo_prints_micrograds_losses() -> None:
    theirs = pytest.importorskip("micrograd.nn")
    engine = pytest.importorskip("micrograd.engine")
    expected = moons_demo(theirs.MLP, engine.Value, 20)
    got = moons_demo(nn.MLP, Value, 20)
    assert got[0] == expected[0], "the first loss must agree to the last bit"
    # micrograd walks sets of objects, so its own last bits differ from run to run.
    assert got == pytest.approx(expected, rel=1e-9), f"\ngot      {got}\nexpected {expected}"
    assert [f"{x:.6f}" for x in got] == [f"{x:.6f}" for x in expected]


def test_weights_are_micrograds_and_so_are_the_names() -> None:
    theirs = pytest.importorskip("micrograd.nn")
    random.seed(5)
    expected = theirs.MLP(3, [4, 2])
    state = random.getstate()
    random.seed(5)
    got = nn.MLP(3, [4, 2])
    assert random.getstate() == state
    assert [p.data for p in got.parameters()] == [p.data for p in expected.parameters()]
    assert repr(got) == repr(expected)
    assert [n.nonlin for layer in got.layers for n in layer.neurons] == [True] * 4 + [False] * 2
    neuron = got.layers[0].neurons[0]
    assert (len(neuron.w), neuron.b.data) == (3, 0.0)


def test_positional_nonlin_as_in_micrograd() -> None:
    assert repr(nn.Neuron(2, False)) == "LinearNeuron(2)"
    assert repr(nn.Layer(2, 2, nonlin=False)) == "Layer of [LinearNeuron(2), LinearNeuron(2)]"


def test_sums_run_in_micrograds_order() -> None:
    neuron = nn.Neuron(3, nonlin=False)
    for p, number in zip(neuron.parameters(), [1e16, 1.0, -1e16, 3.0], strict=True):
        p.data = number
    expected = ((3.0 + 1e16 * 1.0) + 1.0 * 1.0) + -1e16 * 1.0
    assert neuron([1.0, 1.0, 1.0]).data == expected


# --- Shapes, activations, initialisation ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("nouts", [[1], [16, 1, 1], [1, 1, 1], [3, 2], [1, 4]])
def test_any_widths(nouts: list[int]) -> None:
    model = nn.MLP(2, nouts, seed=0)
    out = model(POINTS[0])
    assert isinstance(out, Value) if nouts[-1] == 1 else [type(v) for v in out] == [Value] * nouts[-1]


def test_inputs_of_every_kind_give_the_same_numbers() -> None:
    model = nn.MLP(2, [3, 2], seed=0)
    expected = numbers(model([0.5, -1.0]))
    kinds: list[Any] = [(0.5, -1), [Value(0.5), -1.0], map(float, [0.5, -1.0])]
    for x in kinds:
        assert numbers(model(x)) == expected
    numpy = pytest.importorskip("numpy")
    assert numbers(model(numpy.array([0.5, -1.0]))) == expected
    assert numbers(model(numpy.array([Value(0.5), Value(-1.0)], dtype=object))) == expected
    single = nn.Neuron(1, activation="tanh", seed=0)
    assert numbers(single(0.5)) == numbers(single([0.5])) == numbers(single(Value(0.5))) == numbers(single(numpy.array(0.5)))


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_activations_by_name_are_autograds(name: str) -> None:
    neuron = nn.Neuron(2, activation=name, seed=3)
    drive = autograd.dot([w.data for w in neuron.w], POINTS[0], neuron.b.data)
    expected = drive if name == "linear" else getattr(autograd, name)(drive)
    assert neuron(POINTS[0]).data == expected


def test_every_activation_learns() -> None:
    for name in ACTIVATIONS:
        model = nn.MLP(2, [3, 1], activation=name, seed=3)
        error = nn.mse(model(POINTS[0]), 1.0)
        error.backward()
        assert any(p.grad for p in model.parameters()), name


def test_activation_per_layer_and_of_ones_own() -> None:
    def bent(a: Value) -> Value:
        return a.tanh() + 0.1 * a

    model = nn.MLP(2, [3, 2, 1], activation=["tanh", bent, "sigmoid"], seed=0)
    kinds = [layer.neurons[0].activation for layer in model.layers]
    assert kinds == ["tanh", bent, "sigmoid"]
    assert "BentNeuron(3)" in repr(model)
    assert [layer.neurons[0].activation for layer in nn.MLP(2, [3, 1], activation=bent, seed=0).layers] == [bent, "linear"]


@pytest.mark.parametrize("make", [nn.Neuron, lambda *a, **k: nn.Layer(*a, 3, **k), lambda *a, **k: nn.MLP(*a, [3, 2], **k)])
def test_seeds_are_private_and_repeatable(make: Callable[..., nn.Module]) -> None:
    before = random.getstate()
    first, second, other = (make(4, seed=seed).state_dict() for seed in (7, 7, 8))
    assert random.getstate() == before
    assert first == second != other


@pytest.mark.parametrize(
    ("kwargs", "reach"),
    [
        ({"seed": 0, "activation": "relu"}, math.sqrt(6 / 50)),
        ({"seed": 0, "activation": "tanh"}, math.sqrt(6 / 70)),
        ({"seed": 0, "init": "glorot"}, math.sqrt(6 / 70)),
        ({"seed": 0, "init": "he", "activation": "tanh"}, math.sqrt(6 / 50)),
        ({"seed": 0, "init": "uniform"}, 1.0),
        ({"init": 0.25}, 0.25),
        ({}, 1.0),
    ],
)
def test_weights_fill_their_interval(kwargs: dict[str, Any], reach: float) -> None:
    weights = [w.data for neuron in nn.Layer(50, 20, **kwargs).neurons for w in neuron.w]
    assert 0.97 * reach < max(map(abs, weights)) <= reach
    assert abs(sum(weights) / len(weights)) < 0.1 * reach


def test_expand_records_the_same_numbers_in_more_nodes() -> None:
    folded, spelled = (nn.MLP(2, [3, 1], activation="tanh", seed=1, expand=expand) for expand in (False, True))
    outs = [model(POINTS[1]) for model in (folded, spelled)]
    assert outs[0].data == outs[1].data
    ops = [[v.op.name for v in topological_order(out)] for out in outs]
    assert "dot" in ops[0] and "dot" not in ops[1]
    assert ops[1].count("multiply") == 2 * 3 + 3
    for out in outs:
        out.backward()
    expected, got = ([p.grad for p in model.parameters()] for model in (folded, spelled))
    assert got == pytest.approx(expected, rel=1e-13)


def test_copies_and_pickles_are_independent() -> None:
    model = nn.MLP(2, [3, 1], activation="gelu", seed=1)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert numbers(twin(POINTS[0])) == numbers(model(POINTS[0]))
        twin.parameters()[0].data += 1.0
        assert numbers(twin(POINTS[0])) != numbers(model(POINTS[0]))


# --- Errors --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [[], [1.0], [1.0, 2.0, 3.0], 1.0, Value(1.0)])
@pytest.mark.parametrize("make", [nn.Neuron, lambda n: nn.Layer(n, 2), lambda n: nn.MLP(n, [2, 1])])
def test_wrong_input_length(make: Callable[[int], Any], x: Any) -> None:
    got = len(x) if isinstance(x, list) else 1
    with pytest.raises(ValueError, match=rf"expects 2 input\(s\), got {got}"):
        make(2)(x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.MLP(2, [1], activation="rely"), "unknown activation 'rely': expected one of linear, relu, tanh"),
        (lambda: nn.Neuron(2, activation="swish"), "unknown activation 'swish'"),
        (lambda: nn.MLP(2, [3, 1], activation=["relu"]), "each of the 2 layers, got 1"),
        (lambda: nn.MLP(2, []), "nouts is empty"),
        (lambda: nn.MLP(0, [1]), "nin must be a whole number of at least 1, got 0"),
        (lambda: nn.MLP(2, [4, -1]), r"nouts\[1\] must be a whole number of at least 1, got -1"),
        (lambda: nn.MLP(2, [2.5]), r"nouts\[0\] must be a whole number"),  # type: ignore[list-item]
        (lambda: nn.Layer(2, 0), "nout must be a whole number of at least 1, got 0"),
        (lambda: nn.Neuron(2, init="xavier"), "unknown init 'xavier': expected one of uniform, glorot, he"),
        (lambda: nn.Neuron(2, init=-1.0), "init must be a finite number of at least 0, got -1.0"),
    ],
)
def test_bad_settings(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_sizes_that_are_no_list() -> None:
    with pytest.raises(TypeError, match=r"nouts must list the sizes of the layers, such as \[16, 16, 1\], got 1"):
        nn.MLP(2, 1)  # type: ignore[arg-type]


def test_text_as_input() -> None:
    with pytest.raises(TypeError, match="real number"):
        nn.MLP(2, [1])(["1", "2"])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_a_neuron_gives_of_a_recorded_number_is_no_key_either(name: str) -> None:
    pytest.importorskip("numpy")
    neuron, table = nn.Neuron(1, activation=name, seed=0), {0.0: 1.0}
    with pytest.raises(TypeError, match="cannot look numbers up"):
        autograd.compile(lambda x: x * table.get(neuron([x]), 2.0))(0.5)
