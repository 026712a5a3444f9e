"""Neurons, layers of them, multi-layer perceptrons and sequences, in the manner of micrograd, and the activations they know.

Drop-in: without ``seed`` and ``init`` the weights are drawn as micrograd draws them, ``uniform(-1, 1)`` from Python's global
``random`` neuron by neuron, with zero biases; hidden neurons are relu, the last layer linear; the drive of a neuron is summed in
micrograd's order, ``((b + w₀x₀) + w₁x₁) + …``. So a run of a micrograd notebook gives the same numbers.

What a neuron does is one ``dot`` node and one for the activation. ``expand=True`` records the separate ``*`` and ``+`` nodes
instead, for lessons that want to see them; the numbers are the same to the last bit.
"""

import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

from autograd import Value, dot
from nn.module import Module

Function = Callable[[Value], Value]
Activation = str | Function
Seed = int | random.Random | None
Init = str | float | None


def _linear(a: Value) -> Value:
    return a


# The methods and not autograd's functions of the same names, which look first at what they are given.
ACTIVATIONS: dict[str, Function] = {
    "linear": _linear,
    "relu": Value.relu,
    "tanh": Value.tanh,
    "sigmoid": Value.sigmoid,
    "leaky_relu": Value.leaky_relu,
    "elu": Value.elu,
    "silu": Value.silu,
    "gelu": Value.gelu,
    "softplus": Value.softplus,
}
# How a neuron calls itself, where capitalizing the name would not do.
TITLES = {"relu": "ReLU", "leaky_relu": "LeakyReLU", "elu": "ELU", "silu": "SiLU", "gelu": "GELU"}
# Activations that pass only about half of their inputs on, so that weights must be larger to keep the scale (He et al. 2015).
RECTIFIERS = ("relu", "leaky_relu", "elu", "silu", "gelu", "softplus")


def known_activation(activation: Activation) -> Activation:
    """The activation; ValueError if it is neither a known name nor a function."""
    if not callable(activation) and activation not in ACTIVATIONS:
        raise ValueError(f"unknown activation {activation!r}: expected one of {', '.join(ACTIVATIONS)}, or a function of a Value")
    return activation


def checked_size(number: Any, name: str) -> int:
    """The number, if it is a whole one of at least 1."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {number!r}")
    return number


def reach(init: str | float, nin: int, nout: int) -> float:
    """The r of the interval [-r, r] that weights are drawn from, uniformly.

    ``"uniform"`` is micrograd's r = 1; ``"glorot"`` is √(6/(nin + nout)), after Glorot and Bengio, Understanding the difficulty
    of training deep feedforward neural networks, 2010; ``"he"`` is √(6/nin), after He, Zhang, Ren and Sun, Delving deep into
    rectifiers, 2015. A number is r itself.

    >>> reach("he", 6, 3)
    1.0
    """
    if not isinstance(init, str):
        if not (init >= 0.0 and math.isfinite(init)):
            raise ValueError(f"init as a number must be finite and not negative, got {init!r}")
        return float(init)
    reaches = {"uniform": 1.0, "glorot": math.sqrt(6 / (nin + nout)), "he": math.sqrt(6 / nin)}
    if init not in reaches:
        raise ValueError(f"unknown init {init!r}: expected one of {', '.join(reaches)}, or a number r for weights in [-r, r]")
    return reaches[init]


def generator_of(seed: Seed, init: Init) -> random.Random | None:
    """The generator to draw from; None for Python's global one, as micrograd does."""
    if seed is None and init is None:
        return None
    return seed if isinstance(seed, random.Random) else random.Random(seed)


def suited_init(activation: Activation) -> str:
    """The init that keeps the scale of what passes through the activation."""
    return "he" if activation in RECTIFIERS else "glorot"


def _init(activation: Activation, generator: random.Random | None, init: Init) -> str | float:
    """The given init, or the one that suits the activation."""
    if init is not None:
        return init
    return "uniform" if generator is None else suited_init(activation)


def inputs(x: Any, nin: int, taker: Module) -> list[Value]:
    """The inputs ``x`` (numbers or Values, a list or an array, or one alone) as ``nin`` Values; ValueError if not as many."""
    alone = isinstance(x, Value) or getattr(x, "shape", None) == () or not hasattr(x, "__iter__")
    values = [v if isinstance(v, Value) else Value(v) for v in ([x] if alone else x)]
    if len(values) != nin:
        raise ValueError(f"{type(taker).__name__} expects {nin} input(s), got {len(values)}")
    return values


@final
class Neuron(Module):
    """One neuron: activation(Σ w·x + b), one Value for ``nin`` inputs.

    ``nonlin=False`` is micrograd's word for a linear neuron; ``activation``, a name or a function of a Value, goes before it.
    With a ``seed`` (an int or a ``random.Random``) or an ``init`` (see ``reach``) the weights come from a generator of their
    own.

    >>> n = Neuron(2, activation="tanh", init=0.0)
    >>> n
    TanhNeuron(2)
    >>> n.b.data = 0.5
    >>> n([1.0, -2.0])  # doctest: +ELLIPSIS
    Value(data=0.46211715726000..., grad=0.0)
    """

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        *,
        activation: Activation | None = None,
        seed: Seed = None,
        init: Init = None,
        expand: bool = False,
    ) -> None:
        self.activation = known_activation(activation if activation is not None else "relu" if nonlin else "linear")
        generator = generator_of(seed, init)
        r = reach(_init(self.activation, generator, init), checked_size(nin, "nin"), 1)
        draw = generator.uniform if generator else random.uniform
        self.w = [Value(draw(-r, r), label=f"w_{i}") for i in range(nin)]
        self.b = Value(0.0, label="b")
        self.expand = expand

    def __call__(self, x: Any) -> Any:
        """The neuron's output, one Value."""
        return self.respond(inputs(x, len(self.w), self))

    def respond(self, values: Sequence[Value]) -> Value:
        """The output for inputs that are Values already, as many as there are weights."""
        drive = _spelled_out(self.w, values, self.b) if self.expand else dot(self.w, values, self.b)
        return ACTIVATIONS[self.activation](drive) if isinstance(self.activation, str) else self.activation(drive)

    @property
    def nonlin(self) -> bool:
        """Whether the neuron has an activation."""
        return self.activation != "linear"

    def architecture(self) -> dict[str, Any] | None:
        """Class, size and activation; None if the activation is a function."""
        if not isinstance(self.activation, str):
            return None
        return {"class": "Neuron", "nin": len(self.w), "activation": self.activation}

    def __repr__(self) -> str:
        return f"{_title(self.activation)}Neuron({len(self.w)})"


def _spelled_out(w: Sequence[Value], x: Sequence[Value], b: Value) -> Value:
    total = b
    for wi, xi in zip(w, x, strict=True):
        total = total + wi * xi
    return total


def _title(activation: Activation) -> str:
    if isinstance(activation, str):
        return TITLES.get(activation, activation.capitalize())
    return str(getattr(activation, "__name__", type(activation).__name__)).strip("<>").capitalize()


@final
class Layer(Module):
    """``nout`` neurons side by side over the same ``nin`` inputs: a list of Values, or one Value if there is one neuron.

    The other arguments are those of ``Neuron``.

    >>> Layer(2, 3, nonlin=False)
    Layer of [LinearNeuron(2), LinearNeuron(2), LinearNeuron(2)]
    """

    def __init__(
        self,
        nin: int,
        nout: int,
        nonlin: bool = True,
        *,
        activation: Activation | None = None,
        seed: Seed = None,
        init: Init = None,
        expand: bool = False,
    ) -> None:
        chosen = known_activation(activation if activation is not None else "relu" if nonlin else "linear")
        generator, nout = generator_of(seed, init), checked_size(nout, "nout")
        # One interval for all neurons: glorot's depends on how many they are.
        r = reach(_init(chosen, generator, init), checked_size(nin, "nin"), nout) if generator else None
        self.neurons = [Neuron(nin, activation=chosen, seed=generator, init=r, expand=expand) for _ in range(nout)]

    def __call__(self, x: Any) -> Any:
        """The outputs of the neurons."""
        values = inputs(x, len(self.neurons[0].w), self)
        out = [neuron.respond(values) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def tensors(self) -> dict[str, Any]:
        """All weights as ``weight``, of shape (outputs, inputs), and all biases as ``bias``."""
        return {"weight": [neuron.w for neuron in self.neurons], "bias": [neuron.b for neuron in self.neurons]}

    def architecture(self) -> dict[str, Any] | None:
        """Class, sizes and activation; None if the activation is a function."""
        activation = self.neurons[0].activation
        if not isinstance(activation, str):
            return None
        return {"class": "Layer", "nin": len(self.neurons[0].w), "nout": len(self.neurons), "activation": activation}

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(repr, self.neurons))}]"


@final
class MLP(Module):
    """A multi-layer perceptron: ``nin`` inputs, then layers of ``nouts`` neurons each.

    ``activation`` is that of the hidden layers (the last is linear), or a sequence with one for each layer, the last included.
    ``seed``, ``init`` and ``expand`` are those of ``Neuron``. The output is one Value if the last layer has one neuron, else a
    list.

    >>> model = MLP(2, [3, 1], activation="tanh", seed=1)
    >>> model
    MLP of [Layer of [TanhNeuron(2), TanhNeuron(2), TanhNeuron(2)], Layer of [LinearNeuron(3)]]
    >>> len(model.parameters())
    13
    >>> model([1.0, 2.0, 3.0])
    Traceback (most recent call last):
        ...
    ValueError: MLP expects 2 input(s), got 3
    """

    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        *,
        activation: Activation | Sequence[Activation] = "relu",
        seed: Seed = None,
        init: Init = None,
        expand: bool = False,
    ) -> None:
        sizes = [checked_size(nin, "nin"), *(checked_size(nout, f"nouts[{i}]") for i, nout in enumerate(_listed(nouts)))]
        activations = _per_layer(activation, len(sizes) - 1)
        generator = generator_of(seed, init)
        self.layers = [
            Layer(sizes[i], sizes[i + 1], activation=each, seed=generator, init=init, expand=expand)
            for i, each in enumerate(activations)
        ]

    def __call__(self, x: Any) -> Any:
        """The outputs of the last layer."""
        x = inputs(x, len(self.layers[0].neurons[0].w), self)
        for layer in self.layers:
            x = layer(x)
        return x

    def architecture(self) -> dict[str, Any] | None:
        """Class, sizes and activations; None if one of the activations is a function."""
        layers = [layer.architecture() for layer in self.layers]
        if None in layers:
            return None
        known = [layer for layer in layers if layer is not None]
        return {
            "class": "MLP",
            "nin": known[0]["nin"],
            "nouts": [layer["nout"] for layer in known],
            "activation": [layer["activation"] for layer in known],
        }

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(repr, self.layers))}]"


def _listed(nouts: Any) -> list[int]:
    if isinstance(nouts, (str, bytes)) or not isinstance(nouts, Iterable):
        raise TypeError(f"nouts must list the sizes of the layers, such as [16, 16, 1], got {nouts!r}")
    sizes = list(nouts)
    if not sizes:
        raise ValueError("nouts is empty: expected the size of at least one layer")
    return sizes


def _per_layer(activation: Activation | Sequence[Activation], layers: int) -> list[Activation]:
    if isinstance(activation, str) or callable(activation):
        return [known_activation(activation)] * (layers - 1) + ["linear"]
    if len(activation) != layers:
        raise ValueError(f"activation as a list needs one entry for each of the {layers} layers, got {len(activation)}")
    return [known_activation(each) for each in activation]


@final
class Sequential(Module):
    """Modules one after the other: each takes what the one before it gives.

    TypeError for what is not a Module, ValueError for none at all.

    >>> model = Sequential(Layer(2, 3, activation="tanh", seed=0), Layer(3, 1, activation="linear", seed=1))
    >>> len(model.parameters()), len(model.predict([[0.5, -1.0]]))
    (13, 1)
    """

    def __init__(self, *layers: Module) -> None:
        for i, layer in enumerate(layers):
            if not isinstance(layer, Module):
                raise TypeError(
                    f"layer {i} of Sequential must be a Module, got {type(layer).__name__}: activations go into layers"
                )
        if not layers:
            raise ValueError("Sequential is empty: expected at least one layer")
        self.layers = list(layers)

    def __call__(self, x: Any) -> Any:
        """The output of the last module."""
        for layer in self.layers:
            x = layer(x)
        return x

    def architecture(self) -> dict[str, Any] | None:
        """Class and layers; None if one of them cannot tell its own, or if layers share parameters."""
        layers = [layer.architecture() for layer in self.layers]
        separate = sum([len(layer.parameters()) for layer in self.layers])
        if None in layers or separate != len(self.parameters()):
            return None
        return {"class": "Sequential", "layers": layers}

    def __repr__(self) -> str:
        return f"Sequential of [{', '.join(map(repr, self.layers))}]"
