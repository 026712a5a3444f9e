"""Modules: order and names of parameters, tied weights, state, prediction and accuracy."""

from typing import Any

import pytest

import nn
from autograd import Value


class Tied(nn.Module):
    """Two layers over the same weights, and parameters in every kind of container."""

    def __init__(self) -> None:
        self.scale = Value(2.0)
        self.first = nn.Layer(2, 2, nonlin=False, seed=1)
        self.again = self.first
        self.table = {"a": [Value(1.0), Value(2.0)], "b": (Value(3.0), [Value(4.0)])}
        self.last = self.scale
        self.seen = 0
        self.cache = self.scale * 2

    def __call__(self, x: Any) -> Any:
        return self.scale * sum(self.again(self.first(x)))


def test_parameters_come_in_construction_order_each_once() -> None:
    names = [name for name, _ in Tied().named_parameters()]
    assert names == [
        "scale",
        *(f"first.neurons.{i}.{p}" for i in (0, 1) for p in ("w.0", "w.1", "b")),
        "table.a.0",
        "table.a.1",
        "table.b.0",
        "table.b.1.0",
    ]
    assert len(Tied().parameters()) == len(names)


class Weight(Value):
    pass


HELD: dict[str, Any] = {
    "alone": [Value(1.0), None, Value(2.0)],
    "tuples": (Value(1.0), (Value(2.0), [Value(3.0)])),
    "of another class": [Value(1.0), Weight(2.0)],
    "of another class alone": Weight(2.0),
    "mixed": [Value(1.0), [Value(2.0)], 3.0, "text", {"a": Value(4.0)}, nn.Neuron(2, seed=1)],
    "a result": [Value(1.0), Value(2.0) * 2.0, Value(3.0)],
    "a constant": [Value(1.0), (Value(2.0) * 2.0)._prev[1]],
    "other things": [object(), len, nn.Module, range(3)],
    "nothing": [[], (), {}],
    "twice": [Value(1.0)] * 2,
}


@pytest.mark.parametrize("name", HELD)
def test_parameters_are_those_that_have_names(name: str) -> None:
    class Holder(nn.Module):
        def __init__(self) -> None:
            self.before, self.held, self.after = Value(0.0), HELD[name], [Value(9.0)]

        def __call__(self, x: Any) -> Any:
            return self.before

    holder = Holder()
    assert holder.parameters() == [p for _, p in holder.named_parameters()]


def test_results_and_constants_are_no_parameters() -> None:
    model = Tied()
    assert model.cache not in model.parameters()


def test_a_module_that_holds_its_parent_ends() -> None:
    outer, inner = nn.MLP(1, [1], seed=0), Tied()
    inner.parent = outer  # type: ignore[attr-defined]
    outer.child = inner  # type: ignore[attr-defined]
    assert len(outer.parameters()) == 2 + len(Tied().parameters())


def test_zero_grad_reaches_all() -> None:
    model = Tied()
    model([1.0, 2.0]).backward()
    assert model.scale.grad and model.first.neurons[0].w[0].grad
    model.zero_grad()
    assert [p.grad for p in model.parameters()] == [0.0] * len(model.parameters())


def test_micrograds_way_to_write_a_module() -> None:
    class Line(nn.Module):
        def __init__(self) -> None:
            self.k = Value(3.0)

        def __call__(self, x: Any) -> Any:
            return self.k * x

        def parameters(self) -> list[Value]:
            return [self.k]

    line = Line()
    line(2.0).backward()
    assert line.k.grad == 2.0
    line.zero_grad()
    assert line.k.grad == 0.0


# --- State ---------------------------------------------------------------------------------------------------------------------


def test_state_has_one_tensor_per_layer() -> None:
    state = nn.MLP(2, [3, 1], seed=0).state_dict()
    shapes = {name: (len(t), len(t[0]) if isinstance(t[0], list) else None) for name, t in state.items() if isinstance(t, list)}
    assert shapes == {
        "layers.0.weight": (3, 2),
        "layers.0.bias": (3, None),
        "layers.1.weight": (1, 3),
        "layers.1.bias": (1, None),
    }


def test_state_moves_from_model_to_model() -> None:
    one, other = nn.MLP(2, [3, 1], seed=0), nn.MLP(2, [3, 1], seed=1)
    other.load_state_dict(one.state_dict())
    assert other.state_dict() == one.state_dict()
    assert other([1.0, 2.0]).data == one([1.0, 2.0]).data
    numpy = pytest.importorskip("numpy")
    third = nn.MLP(2, [3, 1], seed=2)
    third.load_state_dict({name: numpy.array(tensor) for name, tensor in one.state_dict().items()})
    assert third.state_dict() == one.state_dict()


def test_state_of_tied_and_scalar_parameters() -> None:
    model, twin = Tied(), Tied()
    model.scale.data = 7.0
    twin.load_state_dict(model.state_dict())
    assert twin.scale.data == 7.0
    state = model.state_dict() | {"last": 8.0}
    before = twin.state_dict()
    with pytest.raises(ValueError, match="tied parameter"):
        twin.load_state_dict(state)
    assert twin.state_dict() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers.1.bias": None}, r"missing \['layers.1.bias'\]"),
        ({"more": [1.0]}, r"not known \['more'\]"),
        ({"layers.0.weight": [[1.0, 2.0]]}, r"expected the shape \[3, 2\], got \[1, 2\]"),
        ({"layers.1.bias": 1.0}, r"expected the shape \[1\], got \[\]"),
        ({"layers.1.weight": [[1.0, 2.0], [3.0]]}, "rows of the same length"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change: dict[str, Any], message: str) -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    before = model.state_dict()
    state = {name: tensor for name, tensor in (nn.MLP(2, [3, 1], seed=1).state_dict() | change).items() if tensor is not None}
    with pytest.raises(ValueError, match=message):
        model.load_state_dict(state)
    assert model.state_dict() == before


# --- Prediction ----------------------------------------------------------------------------------------------------------------


def test_predictions_are_plain_numbers() -> None:
    one, several = nn.MLP(2, [1], seed=0), nn.MLP(2, [3], seed=0)
    X = [[1.0, 2.0], [0.0, 0.0]]
    assert one.predict(X) == [one(row).data for row in X]
    assert several.predict(X) == [[v.data for v in several(row)] for row in X]
    with pytest.raises(ValueError, match="MLP expects 2"):
        one.predict([[1.0]])


@pytest.mark.parametrize("labels", [(0, 1), (-1, 1), (False, True)])
def test_accuracy_of_one_output(labels: tuple[int, int]) -> None:
    model = nn.Neuron(1, nonlin=False, init=0.0)
    model.w[0].data = 1.0
    X, y = [[-2.0], [0.3], [0.6], [3.0]], [labels[0], labels[0], labels[1], labels[1]]
    assert model.accuracy(X, y) == 0.75
    assert model.accuracy(X, y, threshold=0.5) == 1.0


def test_accuracy_of_several_outputs() -> None:
    model = nn.Layer(2, 2, nonlin=False, init=0.0)
    model.neurons[0].w[0].data = model.neurons[1].w[1].data = 1.0
    X = [[1.0, 0.0], [0.0, 1.0], [2.0, 1.0]]
    assert model.accuracy(X, [0, 1, 1]) == pytest.approx(2 / 3)
    assert model.accuracy(X, [[1, 0], [0, 1], [1, 0]]) == 1.0


@pytest.mark.parametrize("y", [[0.5, 1.0], [0, 2], [[1, 0], [0, 1]], [-1, 0]])
def test_accuracy_needs_labels(y: Any) -> None:
    with pytest.raises(ValueError, match="y holds no labels for 1 output"):
        nn.Neuron(1).accuracy([[1.0], [2.0]], y)
