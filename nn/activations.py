"""The activations that neurons know by name."""

from collections.abc import Callable

from autograd import Value

Function = Callable[[Value], Value]
Activation = str | Function


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
    if not callable(activation) and (not isinstance(activation, str) or activation not in ACTIVATIONS):
        raise ValueError(f"unknown activation {activation!r}: expected one of {', '.join(ACTIVATIONS)}, or a function of a Value")
    return activation


def title(activation: Activation) -> str:
    """How a neuron with this activation calls itself."""
    if isinstance(activation, str):
        return TITLES.get(activation, activation.capitalize())
    return str(getattr(activation, "__name__", type(activation).__name__)).strip("<>").capitalize()
