"""``out_shape`` tells what a call would give, or nothing: every layer at many shapes."""

import math
from typing import Any

import pytest

import nn
from nn.conv import nested
from nn.loading import KINDS
from nn.reading import Reader

SHAPES = [(), (1,), (2,), (3,), (4,), (16,), (1, 4), (2, 3), (1, 1, 1), (1, 4, 4), (2, 4, 4), (2, 2, 7), (1, 2, 2, 2)]
LAYERS: dict[str, nn.Module] = {
    "neuron": nn.Neuron(2, seed=0),
    "neuron of one": nn.Neuron(1, activation="tanh", seed=0),
    "layer": nn.Layer(3, 2, seed=0),
    "layer of one": nn.Layer(1, 1, seed=0),
    "MLP": nn.MLP(4, [1, 3, 2], seed=0),
    "MLP to one": nn.MLP(2, [3, 1], dropout=0.5, seed=0),
    "Conv1d": nn.Conv1d(2, 3, 2, seed=0),
    "Conv1d, padding": nn.Conv1d(1, 1, 3, stride=2, padding=2, activation="relu", seed=0),
    "Conv2d": nn.Conv2d(1, 3, 3, seed=0),
    "Conv2d, stride": nn.Conv2d(2, 1, (2, 3), stride=(1, 2), padding=(0, 1), seed=0),
    "AvgPool2d": nn.AvgPool2d(2),
    "MaxPool2d": nn.MaxPool2d((4, 3), stride=1, padding=1),
    "Flatten": nn.Flatten(),
    "Unflatten": nn.Unflatten(1, 4, 4),
    "Unflatten one": nn.Unflatten(1),
    "Dropout": nn.Dropout(0.5, seed=0),
    "GaussianNoise": nn.GaussianNoise(0.5, seed=0),
    "NormalSample": nn.NormalSample(2, seed=0),
    "NormalSample of one": nn.NormalSample(1, seed=0),
    "LayerNorm": nn.LayerNorm(3),
    "RMSNorm": nn.RMSNorm(1),
    "BatchNorm": nn.BatchNorm(2),
    "image": nn.Sequential(
        nn.Unflatten(1, 4, 4), nn.Conv2d(1, 2, 2, seed=0), nn.MaxPool2d(3), nn.Flatten(), nn.Layer(2, 3, seed=0)
    ),
    "too small": nn.Sequential(nn.Unflatten(1, 4, 4), nn.AvgPool2d(2), nn.Conv2d(1, 1, 3, seed=0)),
    "does not fit": nn.Sequential(nn.Layer(2, 3, seed=0), nn.Layer(4, 1, seed=0)),
}
# Their answer follows from how the numbers are to be read.
SILENT = ("Embedding", "Recurrent", "GRU")


def numbers(shape: tuple[int, ...]) -> Any:
    """Nested lists of that shape."""
    items = [0.1 * i for i in range(math.prod(shape))]
    return nested(items, shape) if shape else items[0]


def shape_of(answer: Any) -> tuple[int, ...]:
    return (len(answer), *shape_of(answer[0])) if isinstance(answer, list) else ()


def outcome(ask: Any) -> Any:
    """The shape, None if that is not told, or the message of an error."""
    try:
        return ask()
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_tells_the_shape_that_a_call_gives(name: str) -> None:
    layer, told_once = LAYERS[name], False
    for shape in SHAPES:
        told, given = outcome(lambda shape=shape: layer.out_shape(shape)), numbers(shape)
        try:
            found = shape_of(layer(given))
        except (TypeError, ValueError) as error:
            found = None if told is None else str(error)
        assert told == found, f"{layer} at {shape}: told {told}, found {found}"
        told_once = told_once or told is not None
    assert told_once or name == "does not fit"


def test_all_layers_are_here() -> None:
    parts = [part for layer in LAYERS.values() for part in (layer, *getattr(layer, "layers", ()))]
    assert {type(part).__name__ for part in parts} | set(SILENT) == set(KINDS)


@pytest.mark.parametrize(
    "model",
    [
        nn.Layer(2, 1, activation=lambda a: a * a, seed=0),
        nn.Conv1d(1, 1, 1, activation=lambda a: a * a, seed=0),
        nn.Embedding(3, 2, seed=0),
        nn.GRU(1, 2, seed=0),
    ],
)
def test_what_only_a_call_tells_is_not_told(model: nn.Module) -> None:
    assert all(model.out_shape(shape) is None for shape in SHAPES)


def test_what_tells_is_not_called_for_the_number_of_its_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    model, loss = LAYERS["image"], nn.losses.LOSSES["cross_entropy"]
    called: list[int] = []
    monkeypatch.setattr(nn.Sequential, "__call__", lambda self, x: called.append(1))
    with pytest.raises(ValueError, match="2 classes, 'a', 'b', but the model has 3 output"):
        Reader(model, loss, ["a", "b"], None, None).read([numbers((16,))] * 2, ["a", "b"], None)
    assert not called
