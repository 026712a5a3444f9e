"""``load``: a module built again from the architecture that its file records, with the numbers of the file.

A table says for every class of ``nn`` how many parameters its architecture asks for and how it is made. What a file asks for is
counted before anything is built: a damaged size may be beyond all memory. The file's format is in ``weights``, its bytes are
checked there.
"""

import json
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from os import PathLike
from typing import Any, NamedTuple

from nn import weights
from nn.batch import BatchNorm
from nn.conv import AvgPool2d, Conv1d, Conv2d, Flatten, MaxPool2d, Unflatten
from nn.layers import MLP, Layer, Neuron, Sequential
from nn.module import Module
from nn.noise import Dropout, GaussianNoise, NormalSample
from nn.norm import LayerNorm, RMSNorm
from nn.sequences import GRU, Embedding, Recurrent
from nn.weights import WeightsError


def load(path: str | PathLike[str], *, allow_nonfinite: bool = False) -> Any:
    """The module that was saved to ``path``, built again from the architecture that the file records.

    WeightsError if the file is damaged or foreign, holds nan or inf (unless ``allow_nonfinite``), or was saved from a module of a
    class of your own, with an activation function of your own or with shared layers: build that one yourself and call its
    ``load``.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     MLP(2, [3, 1], activation="tanh", seed=0).save(folder + "/model.safetensors")
    ...     load(folder + "/model.safetensors")
    MLP of [Layer of [TanhNeuron(2), TanhNeuron(2), TanhNeuron(2)], Layer of [LinearNeuron(3)]]
    """
    tensors, metadata = weights.read(path, allow_nonfinite=allow_nonfinite)
    parameters = sum(len(tensor.numbers) for tensor in tensors.values())
    try:
        recorded = json.loads(metadata["architecture"])
        model = None if recorded is None else _build(recorded, parameters)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WeightsError(path, f"records an architecture that cannot be built: {error!r}") from None
    if model is None:
        raise WeightsError(path, "records no architecture; build the model as it was built then, and call model.load(path)")
    model.accept(path, tensors, metadata)
    return model


class Kind(NamedTuple):
    """How a class is made from its recorded arguments, and how many parameters it will have."""

    make: Callable[..., Module]
    parameters: Callable[..., int]


def _dense(*, nin: int, nout: int = 1, nouts: Sequence[int] | None = None, **_: Any) -> int:
    return sum((n + 1) * m for n, m in pairwise([nin, *(nouts or [nout])]))


def _convolution(*, in_channels: int, out_channels: int, kernel: Sequence[int], **_: Any) -> int:
    return (in_channels * math.prod(kernel) + 1) * out_channels


def _nothing(**_: Any) -> int:
    return 0


def _mlp(dropout: dict[str, Any] | None = None, **arguments: Any) -> Module:
    return MLP(**arguments, dropout=0.0 if dropout is None else Dropout(**dropout))


def _blank(make: Callable[..., Module]) -> Callable[..., Module]:
    return lambda **arguments: make(**arguments, init=0.0)


KINDS: dict[str, Kind] = {
    "Neuron": Kind(_blank(Neuron), _dense),
    "Layer": Kind(_blank(Layer), _dense),
    "MLP": Kind(_blank(_mlp), _dense),
    "Conv1d": Kind(_blank(Conv1d), _convolution),
    "Conv2d": Kind(_blank(Conv2d), _convolution),
    "AvgPool2d": Kind(AvgPool2d, _nothing),
    "MaxPool2d": Kind(MaxPool2d, _nothing),
    "Flatten": Kind(Flatten, _nothing),
    "Unflatten": Kind(lambda shape: Unflatten(*shape), _nothing),
    "BatchNorm": Kind(BatchNorm, lambda *, size, **_: 4 * size),
    "Dropout": Kind(Dropout, _nothing),
    "GaussianNoise": Kind(GaussianNoise, _nothing),
    "NormalSample": Kind(NormalSample, _nothing),
    "LayerNorm": Kind(LayerNorm, lambda *, size, **_: 2 * size),
    "RMSNorm": Kind(RMSNorm, lambda *, size, **_: size),
    "Embedding": Kind(_blank(Embedding), lambda *, count, size: count * size),
    "Recurrent": Kind(_blank(Recurrent), lambda *, nin, nout, **_: (nin + nout + 1) * nout),
    "GRU": Kind(_blank(GRU), lambda *, nin, nout: (2 * (nin + nout + 1) + (nin + 1) + (nout + 1)) * nout),
    "Sequential": Kind(
        lambda layers: Sequential(*map(_made, layers)),
        lambda layers: sum(map(_needed, layers)),
    ),
}


def _build(architecture: dict[str, Any], parameters: int) -> Module:
    needed = _needed(architecture)
    if needed != parameters:
        raise ValueError(f"it has {needed} parameters, the file {parameters}")
    return _made(architecture)


def _needed(architecture: dict[str, Any]) -> int:
    arguments = dict(architecture)
    return KINDS[arguments.pop("class")].parameters(**arguments)


def _made(architecture: dict[str, Any]) -> Module:
    arguments = dict(architecture)
    return KINDS[arguments.pop("class")].make(**arguments)
