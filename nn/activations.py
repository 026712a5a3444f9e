"""The activations that neurons know by name."""

from collections.abc import Callable

from autograd import Value

Function = Callable[[Value], Value]
Activation = str | Function

# The methods and not autograd's functions of the same names, which look first at what they are given; those of the class that a number
# has, which is one of its own while something is recorded.
ACTIVATIONS: dict[str, Function] = {
    "linear": lambda a: a,
    "relu": lambda a: a.relu(),
    "tanh": lambda a: a.tanh(),
    "sigmoid": lambda a: a.sigmoid(),
    "leaky_relu": lambda a: a.leaky_relu(),
    "elu": lambda a: a.elu(),
    "silu": lambda a: a.silu(),
    "gelu": lambda a: a.gelu(),
    "softplus": lambda a: a.softplus(),
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
