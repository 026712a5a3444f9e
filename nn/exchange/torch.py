"""PyTorch, both ways: a ``torch.nn.Sequential`` as a model of ours, and the other way round.

Both are tables of layers. Ours join an activation to its layer where PyTorch has a module for it; everything else has a counterpart of
the same numbers, in the same order, so that the state dicts have the same names and shapes.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

from nn.batch import BatchNorm
from nn.conv import AvgPool2d, Conv1d, Conv2d, Flatten, MaxPool2d, Unflatten
from nn.exchange.packages import needed
from nn.exchange.recorded import activation_of
from nn.layers import MLP, Layer, Neuron, Sequential, is_chain
from nn.module import Module
from nn.noise import Dropout
from nn.norm import LayerNorm, RMSNorm
from nn.sequences import GRU, Embedding, Recurrent

# Our activation → PyTorch's module and the arguments for which it is the same function. Its softplus is cut off where the difference
# shows, at 20, unless told otherwise.
ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("ReLU", {}),
    "tanh": ("Tanh", {}),
    "sigmoid": ("Sigmoid", {}),
    "leaky_relu": ("LeakyReLU", {"negative_slope": 0.01}),
    "elu": ("ELU", {"alpha": 1.0}),
    "silu": ("SiLU", {}),
    "gelu": ("GELU", {"approximate": "none"}),
    "softplus": ("Softplus", {"beta": 1.0, "threshold": 40.0}),
}
_INSTALL = "torch"
# Of a gate of a recurrent module the weights and biases of the step, and those of the state; what PyTorch calls them.
Gate = tuple[list[list[float]], list[float], list[list[float]], list[float]]
GATE = ("weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0")

# --- From PyTorch --------------------------------------------------------------------------------------------------------------


def from_torch(module: Any) -> Any:
    """The model with the layers and numbers of a ``torch.nn`` module: an ``MLP`` if all are linear, else a ``Sequential``.

    It takes Sequential, Linear, Conv1d, Conv2d, MaxPool2d, AvgPool2d, LayerNorm, RMSNorm, BatchNorm1d, Embedding, Flatten, Unflatten,
    Identity and the activations that ``nn`` has, each behind a layer with weights; Dropout of a module in ``eval`` mode is nothing. RNN
    and GRU of one layer become cells that answer with the last state. A layer without bias gets one of 0. Outputs and gradients are those
    of the module in double to rounding, but for Softplus above its threshold, which PyTorch cuts off 2·10⁻⁹ too low.

    ImportError without PyTorch; TypeError for another module, a custom ``forward`` or hooks; ValueError for options that ``nn`` does
    not have.
    """
    torch = needed("torch", "from_torch", _INSTALL)
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"from_torch needs a torch.nn.Module, got {type(module).__name__}")
    parts = [_part(each, torch) for each in _flat(module, torch)]
    layers: list[Any] = []
    for part in parts:
        if isinstance(part, str):
            _bend(layers, part)
        elif part is not None:
            layers.append(part)
    if not layers:
        raise ValueError("from_torch found no layer in the module")
    dense = [layer for layer in layers if isinstance(layer, Layer)]
    return _mlp(dense) if len(dense) == len(layers) else Sequential(*layers)


def _flat(module: Any, torch: Any) -> Iterator[Any]:
    """The modules of nested Sequentials in order."""
    if isinstance(module, torch.nn.Sequential) and type(module).forward is torch.nn.Sequential.forward:
        for child in module:
            yield from _flat(child, torch)
        return
    yield module


def _part(module: Any, torch: Any) -> Module | str | None:
    """What a module is here: a layer, the name of an activation, or nothing."""
    from nn.exchange.last_states import LastState

    kind = type(module).__name__
    known = isinstance(module, LastState) or type(module) is getattr(torch.nn, kind, None)
    if not known or kind not in {**_READERS, **_NAMES}:
        raise TypeError(
            f"from_torch does not know {kind}: it takes Sequential of {', '.join([*_READERS, *_NAMES])}; write a custom forward as "
            "such a Sequential"
        )
    if module._forward_hooks or module._forward_pre_hooks or getattr(module, "parametrizations", None):
        raise TypeError(f"from_torch cannot take the hooks or parametrizations of {kind}: remove them first")
    if kind in _NAMES:
        _check_options(module, kind, ACTIVATIONS[_NAMES[kind]][1])
        return _NAMES[kind]
    return _READERS[kind](module)


_NAMES = {kind: name for name, (kind, _) in ACTIVATIONS.items()}


def _check_options(module: Any, kind: str, expected: dict[str, Any]) -> None:
    """ValueError if an option is another than nn's."""
    for option, value in expected.items():
        given = getattr(module, option)
        if given != value and option != "threshold":
            raise ValueError(f"from_torch needs {kind} with {option}={value!r}, which is what nn has; got {given!r}")


def _assigned(layer: Any, module: Any) -> Any:
    """The layer with the module's numbers."""
    bias = [0.0] * len(module.weight) if module.bias is None else module.bias.detach().tolist()
    layer.load_state_dict({"weight": module.weight.detach().tolist(), "bias": bias})
    return layer


def _linear(module: Any) -> Layer:
    return _assigned(Layer(module.in_features, module.out_features, activation="linear", init=0.0), module)  # type: ignore[no-any-return]


def _convolution(make: Callable[..., Module]) -> Callable[[Any], Module]:
    def read(module: Any) -> Module:
        _check_options(
            module, type(module).__name__, {"groups": 1, "dilation": (1,) * len(module.kernel_size), "padding_mode": "zeros"}
        )
        if isinstance(module.padding, str):
            raise ValueError(f"from_torch needs the padding of {type(module).__name__} as numbers, got {module.padding!r}")
        sizes = {"stride": module.stride, "padding": module.padding}
        return _assigned(make(module.in_channels, module.out_channels, module.kernel_size, **sizes, init=0.0), module)  # type: ignore[no-any-return]

    return read


def _pair(size: Any) -> tuple[int, int]:
    return tuple(size) if isinstance(size, (tuple, list)) else (size, size)


def _pool(make: Callable[..., Module], expected: dict[str, Any]) -> Callable[[Any], Module]:
    def read(module: Any) -> Module:
        _check_options(module, type(module).__name__, expected)
        return make(_pair(module.kernel_size), stride=_pair(module.stride), padding=_pair(module.padding))

    return read


def _flatten(module: Any) -> Module:
    _check_options(module, "Flatten", {"start_dim": 1, "end_dim": -1})
    return Flatten()


def _unflatten(module: Any) -> Module:
    _check_options(module, "Unflatten", {"dim": 1})
    return Unflatten(*module.unflattened_size)


def _dropout(module: Any) -> None:
    if module.training:
        raise ValueError("from_torch: Dropout draws numbers while it trains; call module.eval() first, or leave it out")


def _norm(make: Callable[..., Module]) -> Callable[[Any], Module]:
    def read(module: Any) -> Module:
        kind = type(module).__name__
        if len(module.normalized_shape) != 1 or module.weight is None:
            raise ValueError(f"from_torch needs {kind} over one axis, with weights; got {module}")
        eps = _smallest(module) if module.eps is None else module.eps
        layer: Any = make(module.normalized_shape[0], eps=eps)
        bias = getattr(module, "bias", None)
        numbers = {"gain": module.weight.detach().tolist()} | ({} if bias is None else {"bias": bias.detach().tolist()})
        layer.load_state_dict({**layer.state_dict(), **numbers})
        return layer  # type: ignore[no-any-return]

    return read


def _batch_norm(module: Any) -> Module:
    _check_options(module, "BatchNorm1d", {"affine": True, "track_running_stats": True})
    if module.momentum is None:
        raise ValueError("from_torch needs BatchNorm1d with a number as momentum, which is what nn has; got None")
    layer = BatchNorm(module.num_features, eps=module.eps, momentum=module.momentum)
    layer.load_state_dict({name: numbers.tolist() for name, numbers in module.state_dict().items() if name != _COUNT})
    return layer


# How many batches PyTorch's norm has seen, which only a momentum of None makes use of.
_COUNT = "num_batches_tracked"


def _smallest(module: Any) -> float:
    """What PyTorch adds where no ε is given."""
    import torch

    return float(torch.finfo(module.weight.dtype).eps)


def _embedding(module: Any) -> Module:
    _check_options(module, "Embedding", {"padding_idx": None, "max_norm": None})
    layer = Embedding(module.num_embeddings, module.embedding_dim, init=0.0)
    layer.load_state_dict({"weight": module.weight.detach().tolist()})
    return layer


def _gates(module: Any, kind: str, count: int) -> list[Gate]:
    """Of each gate of a recurrent module the weights and biases of the step, and those of the state."""
    _check_options(module, kind, {"num_layers": 1, "bidirectional": False, "dropout": 0.0})
    size = module.hidden_size
    found = [getattr(module, name).detach().tolist() if hasattr(module, name) else [0.0] * (count * size) for name in GATE]
    return [tuple(numbers[k * size : (k + 1) * size] for numbers in found) for k in range(count)]  # type: ignore[misc]


def _joined(gate: Any) -> dict[str, Any]:
    """A gate as one layer of the step and the state."""
    ws, bs, us, cs = gate
    return {"weight": [w + u for w, u in zip(ws, us, strict=True)], "bias": [b + c for b, c in zip(bs, cs, strict=True)]}


def _recurrent(module: Any) -> Module:
    layer = Recurrent(module.input_size, module.hidden_size, activation=module.nonlinearity, init=0.0)
    (gate,) = _gates(module, "RNN", 1)
    layer.cell.load_state_dict(_joined(gate))
    return layer


def _gru(module: Any) -> Module:
    layer = GRU(module.input_size, module.hidden_size, init=0.0)
    reset, keep, (ws, bs, us, cs) = _gates(module, "GRU", 3)
    layer.reset.load_state_dict(_joined(reset))
    layer.keep.load_state_dict(_joined(keep))
    layer.fresh.load_state_dict({"weight": ws, "bias": bs})
    layer.remembered.load_state_dict({"weight": us, "bias": cs})
    return layer


_READERS: dict[str, Callable[[Any], Module | None]] = {
    "Linear": _linear,
    "Conv1d": _convolution(Conv1d),
    "Conv2d": _convolution(Conv2d),
    "MaxPool2d": _pool(MaxPool2d, {"dilation": 1, "ceil_mode": False, "return_indices": False}),
    "AvgPool2d": _pool(AvgPool2d, {"ceil_mode": False, "count_include_pad": True, "divisor_override": None}),
    "LayerNorm": _norm(LayerNorm),
    "RMSNorm": _norm(RMSNorm),
    "BatchNorm1d": _batch_norm,
    "Embedding": _embedding,
    "RNN": _recurrent,
    "GRU": _gru,
    "Flatten": _flatten,
    "Unflatten": _unflatten,
    "Identity": lambda module: None,
    "Dropout": _dropout,
}


def _bend(layers: list[Any], activation: str) -> None:
    """Give the last layer its activation."""
    last: Any = layers[-1] if layers else None
    holders: list[Any] = last.neurons if isinstance(last, Layer) else [last]
    if not isinstance(last, (Layer, Conv1d, Conv2d)) or any(holder.activation != "linear" for holder in holders):
        before = "nothing" if last is None else repr(last)
        raise ValueError(
            f"from_torch needs {ACTIVATIONS[activation][0]} right behind a Linear or a convolution, found it behind {before}"
        )
    for holder in holders:
        holder.activation = activation


def _mlp(layers: Sequence[Layer]) -> MLP:
    sizes = [len(layer.neurons) for layer in layers]
    model = MLP(len(layers[0].neurons[0].w), sizes, activation=[activation_of(layer) for layer in layers], init=0.0)
    for own, layer in zip(model.layers, layers, strict=True):
        own.load_state_dict(layer.state_dict())
    return model


# --- To PyTorch ----------------------------------------------------------------------------------------------------------------


def to_torch(model: Module, *, dtype: str = "double") -> Any:
    """The model as a ``torch.nn.Sequential`` with the same numbers, in double or float; its state dict has the names of the model's.

    It takes a batch where the model takes a row or an image, and gives a column where the model gives one number. So
    ``model.load_state_dict(module.state_dict())`` brings what PyTorch has trained back.

    (A single layer is there under the name 0; the gain of a norm is its ``weight``.) A recurrent cell becomes a ``torch.nn.GRU`` or
    ``RNN`` that answers with the last state, so that a Sequential can hold it. Its state dict has PyTorch's names and two biases where a
    cell has one: ``from_torch(module)`` brings what PyTorch has trained back. ImportError without PyTorch; TypeError for a layer or an
    activation of one's own, and for a cell with another activation than tanh and relu; ValueError for another ``dtype``.
    """
    torch = needed("torch", "to_torch", _INSTALL)
    if dtype not in ("double", "float"):
        raise ValueError(f"dtype must be 'double' or 'float', got {dtype!r}")
    number = getattr(torch, dtype)
    module = _module(model, torch).to(number)
    numbers = {re.sub(r"\bgain$", "weight", name): values for name, values in model.state_dict().items()}
    if isinstance(model, Neuron):
        numbers = {"weight": [numbers["w"]], "bias": [numbers["b"]]}
    prefix = "" if is_chain(model) else "0."
    found = {prefix + name: torch.tensor(values, dtype=number) for name, values in numbers.items()}
    state, cells = module.state_dict(), _cells(module)
    kept = {name: values for name, values in state.items() if name.startswith(cells)}
    state.clear()  # its metadata stay: a norm that counts no batches needs its version
    state.update({name: values for name, values in found.items() if not name.startswith(cells)} | kept)
    module.load_state_dict(state)
    return module


def _module(model: Any, torch: Any) -> Any:
    """The module without its numbers: ``layers`` of a model, or a single layer under the name 0."""
    if not is_chain(model):
        return torch.nn.Sequential(OrderedDict(_children("0", model, torch)))
    drops = model.drops if isinstance(model, MLP) else []
    children = []
    for i, layer in enumerate(model.layers):
        children += _children(str(i), layer, torch)
        children += [(f"{i}_dropout", torch.nn.Dropout(drop.p)) for drop in drops[i : i + 1]]
    return torch.nn.Sequential(OrderedDict(layers=torch.nn.Sequential(OrderedDict(children))))


def _children(name: str, layer: Any, torch: Any) -> list[tuple[str, Any]]:
    """The modules that a layer becomes, under its name; its activation is one of its own."""
    if is_chain(layer):
        return [(name, _module(layer, torch))]
    writer = _WRITERS.get(type(layer))
    if writer is None:
        known = ", ".join(kind.__name__ for kind in _WRITERS)
        raise TypeError(f"to_torch does not know {type(layer).__name__}; it takes {known}, MLP and Sequential")
    children = [(name, writer(layer, torch.nn))]
    activation = activation_of(layer)
    if activation != "linear":
        if activation not in ACTIVATIONS:
            raise TypeError(f"to_torch knows the activations {', '.join(ACTIVATIONS)}, got the function {activation!r}")
        kind, options = ACTIVATIONS[activation]
        children.append((f"{name}_{activation}", getattr(torch.nn, kind)(**options)))
    return children


def _cells(module: Any) -> tuple[str, ...]:
    """How the names of the parameters of recurrent modules begin: these have their numbers already."""
    from nn.exchange.last_states import LastState

    return tuple([f"{name}." for name, part in module.named_modules() if isinstance(part, LastState)])


def _recurrent_module(cell: Recurrent, nn: Any) -> Any:
    from nn.exchange import last_states

    activation = activation_of(cell.cell)
    if activation not in ("tanh", "relu"):
        raise TypeError(
            f"to_torch takes Recurrent with activation='tanh' or 'relu', which is what PyTorch has; got {activation!r}"
        )
    return _with_gates(last_states.RNN, cell, [_apart(cell.cell, cell.nin)], nonlinearity=activation)


def _gru_module(cell: GRU, nn: Any) -> Any:
    from nn.exchange import last_states

    new = *_numbers(cell.fresh), *_numbers(cell.remembered)
    return _with_gates(last_states.GRU, cell, [_apart(cell.reset, cell.nin), _apart(cell.keep, cell.nin), new])


def _with_gates(kind: type, cell: Any, gates: Sequence[Gate], **options: Any) -> Any:
    """A recurrent module of a cell's sizes with the numbers of these gates."""
    import torch

    module = kind(cell.nin, cell.nout, batch_first=True, dtype=torch.float64, **options)
    columns = [torch.tensor([*chain(*parts)], dtype=torch.float64) for parts in zip(*gates, strict=True)]
    module.load_state_dict(dict(zip(GATE, columns, strict=True)))
    return module


def _numbers(layer: Layer) -> tuple[list[list[float]], list[float]]:
    """Weights and biases."""
    numbers: dict[str, Any] = layer.state_dict()
    return numbers["weight"], numbers["bias"]


def _apart(layer: Layer, nin: int) -> Gate:
    """A layer of the step and the state as a gate, whose bias is that of the step."""
    weights, bias = _numbers(layer)
    return [row[:nin] for row in weights], bias, [row[nin:] for row in weights], [0.0] * len(bias)


def _sizes(layer: Any) -> dict[str, Any]:
    geometry = layer.geometry
    return {"kernel_size": geometry.kernel, "stride": geometry.stride, "padding": geometry.padding}


def _uncounted(layer: BatchNorm, nn: Any) -> Any:
    """The norm without the count of batches, so that its state dict is ours."""
    norm = nn.BatchNorm1d(len(layer.gain), eps=layer.eps, momentum=layer.momentum)
    norm.register_buffer(_COUNT, None)
    return norm


_WRITERS: dict[type, Callable[[Any, Any], Any]] = {
    Neuron: lambda neuron, nn: nn.Linear(len(neuron.w), 1),
    Layer: lambda layer, nn: nn.Linear(len(layer.neurons[0].w), len(layer.neurons)),
    Conv1d: lambda layer, nn: nn.Conv1d(layer.in_channels, layer.out_channels, **_sizes(layer)),
    Conv2d: lambda layer, nn: nn.Conv2d(layer.in_channels, layer.out_channels, **_sizes(layer)),
    AvgPool2d: lambda layer, nn: nn.AvgPool2d(**_sizes(layer)),
    MaxPool2d: lambda layer, nn: nn.MaxPool2d(**_sizes(layer)),
    LayerNorm: lambda layer, nn: nn.LayerNorm(len(layer.gain), eps=layer.eps),
    RMSNorm: lambda layer, nn: nn.RMSNorm(len(layer.gain), eps=layer.eps),
    BatchNorm: _uncounted,
    Embedding: lambda layer, nn: nn.Embedding(len(layer.weight), len(layer.weight[0])),
    Recurrent: _recurrent_module,
    GRU: _gru_module,
    Dropout: lambda layer, nn: nn.Dropout(layer.p),
    Flatten: lambda layer, nn: nn.Flatten(),
    Unflatten: lambda layer, nn: nn.Unflatten(1, layer.shape),
}
