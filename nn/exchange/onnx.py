"""A model as ONNX, by the standard operators: Gemm, Conv, MaxPool and the like, one for each layer.

What onnxruntime has in float only (Conv, AveragePool, Elu …) is written from the model's packs in double: gathers, products and sums.
"""

import json
import math
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

from nn import classes as labelling
from nn.conv import AvgPool2d, Conv1d, Conv2d, Flatten, MaxPool2d, Unflatten
from nn.exchange.recorded import activation_of, described, layers_of, recorded
from nn.layers import Layer, Neuron
from nn.module import Module
from nn.sequences import Embedding

# Activations that are one operator with these attributes, and those that onnxruntime has in double.
OPERATORS: dict[str, tuple[str, dict[str, float]]] = {
    "relu": ("Relu", {}),
    "tanh": ("Tanh", {}),
    "sigmoid": ("Sigmoid", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.01}),
    "elu": ("Elu", {"alpha": 1.0}),
    "softplus": ("Softplus", {}),
}
IN_DOUBLE = (Neuron, Layer, MaxPool2d, Flatten, Unflatten)
ACTIVATIONS_IN_DOUBLE = ("linear", "relu", "tanh", "sigmoid", "silu")


def export_onnx(model: Module, path: str | PathLike[str], *, dtype: str = "float", inputs: int | None = None) -> Path:
    """Write the model as ONNX; returns the path.

    It takes ``inputs`` [N, numbers of a row] and gives ``outputs`` [N, scores], the scores of ``model.predict`` for any number of rows, in
    float or double; the classes are in the metadata, as JSON under ``classes``. ``inputs`` is the length of a row where the first
    layer does not say. The scores of a row in which a number is none of an Embedding's are nan.

    ImportError without the extra ``onnx``, ValueError for another ``dtype``, TypeError for a model that is no fixed function of its row.
    """
    from autograd.compiler.targets.onnx import INPUT, Onnx, onnx_model, write_model

    target = Onnx(dtype)
    found = recorded(model, inputs)
    about = described(model, found)
    metadata = {"architecture": json.dumps(model.architecture())}
    if model.classes is not None:
        metadata["classes"] = labelling.encoded(model.classes)
    layers = [layer for layer in layers_of(model) if not _is_nothing(layer)]
    looks_up = isinstance(layers[0], Embedding) if layers else False
    if all(_is_standard(layer, dtype) for layer in layers[looks_up:]):
        x, is_known = _looked_up(target, layers[0], INPUT) if looks_up else (INPUT, "")
        for layer in layers[looks_up:]:
            x = _WRITERS[type(layer)](target, layer, x)
        if looks_up:
            x = target.node("Where", [is_known, x, target.constant(math.nan)])
        made = target.model(x, len(found.inputs), len(found.scores), name="model", about=about, metadata=metadata)
    else:
        made = onnx_model(found.program(), numbers=found.numbers(), dtype=dtype, about=about, metadata=metadata)
    write_model(made, path)
    return Path(path)


def _is_standard(layer: Any, dtype: str) -> bool:
    """Whether there are operators for the layer."""
    activation = activation_of(layer)
    if dtype == "double" and not (isinstance(layer, IN_DOUBLE) and activation in ACTIVATIONS_IN_DOUBLE):
        return False
    return type(layer) in _WRITERS and (activation in OPERATORS or activation in ("linear", "silu", "gelu"))


def _is_nothing(layer: Any) -> bool:
    """Whether rows go through it as they are: it says how long they are."""
    return isinstance(layer, Unflatten) and len(layer.shape) == 1


# --- Layers --------------------------------------------------------------------------------------------------------------------


def _looked_up(target: Any, layer: Embedding, x: str) -> tuple[str, str]:
    """The vectors of each row's numbers, and of which rows all are the embedding's; in place of others stands the vector of 0."""
    count = target.constant(float(len(layer.weight)))
    is_whole = target.node("Equal", [x, target.node("Floor", [x])])
    is_inside = target.node("And", [target.node("GreaterOrEqual", [x, target.constant(0.0)]), target.node("Less", [x, count])])
    is_one = target.node("And", [is_whole, is_inside])
    whole = target.node("Cast", [target.node("Where", [is_one, x, target.constant(0.0)])], to=target.whole)
    vectors = target.node("Gather", [target.constant(layer.state_dict()["weight"]), whole], axis=0)
    least = target.node("ReduceMin", [target.node("Cast", [is_one], to=target.kind), target.indices([1])], keepdims=1)
    return vectors, target.node("Cast", [least], to=target.truth)


def _bent(target: Any, layer: Any, x: str) -> str:
    """The activation."""
    activation = activation_of(layer)
    if activation == "linear":
        return x
    if activation == "silu":
        return str(target.node("Mul", [x, target.node("Sigmoid", [x])]))
    if activation == "gelu":
        tail = target.node("Erf", [target.node("Mul", [x, target.constant(math.sqrt(0.5))])])
        share = target.node("Mul", [target.node("Add", [tail, target.constant(1.0)]), target.constant(0.5)])
        return str(target.node("Mul", [x, share]))
    kind, attributes = OPERATORS[activation]
    return str(target.node(kind, [x], **attributes))


def _dense(target: Any, layer: Any, x: str) -> str:
    neurons = [layer] if isinstance(layer, Neuron) else layer.neurons
    weights = target.constant([[w.data for w in neuron.w] for neuron in neurons])
    biases = target.constant([neuron.b.data for neuron in neurons])
    return _bent(target, layer, target.node("Gemm", [x, weights, biases], transB=1))


def _window(layer: Any) -> dict[str, Any]:
    geometry = layer.geometry
    return {"kernel_shape": geometry.kernel, "strides": geometry.stride, "pads": [*geometry.padding, *geometry.padding]}


def _convolution(target: Any, layer: Any, x: str) -> str:
    state = layer.state_dict()
    return _bent(
        target,
        layer,
        target.node("Conv", [x, target.constant(state["weight"]), target.constant(state["bias"])], **_window(layer)),
    )


def _unflatten(target: Any, layer: Any, x: str) -> str:
    return str(target.node("Reshape", [x, target.indices([0, *layer.shape])]))


_WRITERS: dict[type, Callable[[Any, Any, str], str]] = {
    Neuron: _dense,
    Layer: _dense,
    Conv1d: _convolution,
    Conv2d: _convolution,
    MaxPool2d: lambda target, layer, x: target.node("MaxPool", [x], **_window(layer)),
    AvgPool2d: lambda target, layer, x: target.node("AveragePool", [x], count_include_pad=1, **_window(layer)),
    Flatten: lambda target, layer, x: target.node("Flatten", [x], axis=1),
    Unflatten: _unflatten,
}
