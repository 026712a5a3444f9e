"""Neurons, layers of them, multi-layer perceptrons and sequences, in the manner of micrograd.

Drop-in: without ``seed`` and ``init`` the weights are drawn as micrograd draws them, ``uniform(-1, 1)`` from Python's global
``random`` neuron by neuron, with zero biases; hidden neurons are relu, the last layer linear; the drive of a neuron is summed in
micrograd's order, ``((b + w₀x₀) + w₁x₁) + …``. So a run of a micrograd notebook gives the same numbers.

What a neuron does is one ``dot`` node and one for the activation. ``expand=True`` records the separate ``*`` and ``+`` nodes
instead, for lessons that want to see them; the numbers are the same to the last bit.
"""

import random
from collections.abc import Iterable, Sequence
from typing import Any, final

from autograd import Value, dot
from autograd.ops import listed
from nn.activations import ACTIVATIONS, Activation, known_activation, title
from nn.initial import Init, Seed, chosen_init, generator_of, reach
from nn.module import Module, Shape, inputs, shape_behind, takes
from nn.noise import Dropout
from nn.settings import whole


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

    first_index = 0

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
        r = reach(chosen_init(self.activation, generator, init), whole(nin, "nin"), 1)
        draw = generator.uniform if generator else random.uniform
        self.w = [Value(draw(-r, r)) for _ in range(nin)]
        self.b = Value(0.0)
        self.expand = expand

    def __call__(self, x: Any) -> Any:
        """The neuron's output, one Value."""
        return self.respond(inputs(x, len(self.w), self))

    def respond(self, values: Sequence[Value]) -> Value:
        """The output for inputs that are Values already, as many as there are weights."""
        drive = _spelled_out(self.w, values, self.b) if self.expand else dot(self.w, values, self.b)
        return ACTIVATIONS[self.activation](drive) if isinstance(self.activation, str) else self.activation(drive)

    def _out_shape(self, shape: Shape) -> Shape | None:
        """() for as many inputs as there are weights, unless the activation is a function."""
        return () if takes(len(self.w), shape) and isinstance(self.activation, str) else None

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
        return f"{title(self.activation)}Neuron({len(self.w)})"


def _spelled_out(w: Sequence[Value], x: Sequence[Value], b: Value) -> Value:
    total = b
    for wi, xi in zip(w, x, strict=True):
        total = total + wi * xi
    return total


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
        generator, nout = generator_of(seed, init), whole(nout, "nout")
        # One interval for all neurons: glorot's depends on how many they are.
        r = reach(chosen_init(chosen, generator, init), whole(nin, "nin"), nout) if generator else None
        self.neurons = [Neuron(nin, activation=chosen, seed=generator, init=r, expand=expand) for _ in range(nout)]

    def __call__(self, x: Any) -> Any:
        """The outputs of the neurons."""
        values = inputs(x, len(self.neurons[0].w), self)
        out = [neuron.respond(values) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def _out_shape(self, shape: Shape) -> Shape | None:
        """That of the neurons' outputs in a list; of one neuron its own."""
        one = self.neurons[0]._out_shape(shape)
        return one if one is None or len(self.neurons) == 1 else (len(self.neurons),)

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
    ``seed``, ``init`` and ``expand`` are those of ``Neuron``. ``dropout`` is the share of each hidden layer's outputs that training drops
    (see ``Dropout``, which as an argument brings a seed of its own; the layers go on counting from it). The output is one Value if the
    last layer has one neuron, else a list.

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
        dropout: float | Dropout = 0.0,
    ) -> None:
        sizes = [whole(nin, "nin"), *(whole(nout, f"nouts[{i}]") for i, nout in enumerate(_listed(nouts)))]
        activations = _per_layer(activation, len(sizes) - 1)
        generator = generator_of(seed, init)
        self.layers = [
            Layer(sizes[i], sizes[i + 1], activation=each, seed=generator, init=init, expand=expand)
            for i, each in enumerate(activations)
        ]
        self.drops = _drops(dropout, len(activations) - 1, generator)

    def __call__(self, x: Any) -> Any:
        """The outputs of the last layer."""
        x = inputs(x, len(self.layers[0].neurons[0].w), self)
        for i, layer in enumerate(self.layers):
            x = self.drops[i](layer(x)) if i < len(self.drops) else layer(x)
        return x

    def _out_shape(self, shape: Shape) -> Shape | None:
        """That behind the last layer."""
        return shape_behind(self.layers, shape)

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
            **({"dropout": {"p": self.drops[0].p, "seed": self.drops[0].seed}} if self.drops else {}),
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


def _drops(dropout: float | Dropout, layers: int, generator: random.Random | None) -> list[Dropout]:
    """What drops outputs of hidden layers, each by a seed of its own; nothing where no share is dropped."""
    if not isinstance(dropout, Dropout) and dropout == 0.0:
        return []
    first = dropout if isinstance(dropout, Dropout) else Dropout(dropout, seed=generator)
    return [first.after(i) for i in range(layers)]


def _per_layer(activation: Activation | Sequence[Activation], layers: int) -> list[Activation]:
    if isinstance(activation, str) or callable(activation):
        return [known_activation(activation)] * (layers - 1) + ["linear"]
    activation = listed(activation, "activation")
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

    @property
    def takes_sequences(self) -> bool:
        """Whether one of the modules takes sequences."""
        return any([layer.takes_sequences for layer in self.layers])

    def __call__(self, x: Any) -> Any:
        """The output of the last module."""
        for layer in self.layers:
            x = layer(x)
        return x

    def _out_shape(self, shape: Shape) -> Shape | None:
        """That behind the last module; None if one of them does not tell."""
        return shape_behind(self.layers, shape)

    def architecture(self) -> dict[str, Any] | None:
        """Class and layers; None if one of them cannot tell its own, or if layers share parameters."""
        layers = [layer.architecture() for layer in self.layers]
        separate = sum([len(layer.parameters()) for layer in self.layers])
        if None in layers or separate != len(self.parameters()):
            return None
        return {"class": "Sequential", "layers": layers}

    def __repr__(self) -> str:
        return f"Sequential of [{', '.join(map(repr, self.layers))}]"


def is_chain(model: Module) -> bool:
    """Whether the model answers by its ``layers``, one after the other; a subclass with a call of its own need not."""
    return type(model).__call__ in (MLP.__call__, Sequential.__call__)
