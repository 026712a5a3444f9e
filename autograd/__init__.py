"""chalkgrad's engine: a scalar reverse-mode automatic differentiation in the manner of micrograd.

``ops`` is the table of operations (value and local chain rule of each), ``value`` the node and its backward pass, ``derivatives``
gradients that are graphs again, ``numerical`` difference quotients and what they cost, ``checking`` compares the two, ``compiler``
runs recorded graphs in native code. Imports flow in that order; all but the compiler need only the standard library. Layers and
training are in ``nn``, pictures in ``viz``.
"""

from typing import TYPE_CHECKING, Any

from autograd import math, numerical
from autograd.checking import GradientMismatch, check_gradients
from autograd.compiler import compile
from autograd.derivatives import grad, hessian, hvp, jacobian, value_and_grad
from autograd.lifting import lift
from autograd.modes import detect_anomaly, no_grad
from autograd.numerical import count_operations
from autograd.ops import (
    Op,
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    clamp,
    cos,
    cosh,
    dot,
    elu,
    erf,
    erfc,
    exp,
    expm1,
    gelu,
    hypot,
    leaky_relu,
    log,
    log1p,
    log2,
    log10,
    log_softmax,
    logaddexp,
    logsigmoid,
    logsumexp,
    maximum,
    minimum,
    relu,
    sigmoid,
    silu,
    sin,
    sinh,
    softmax,
    softplus,
    sqrt,
    stop_gradient,
    sum,
    take,
    tan,
    tanh,
    where,
    xlogy,
)
from autograd.ops import absolute as abs
from autograd.value import Condition, Value, topological_order

if TYPE_CHECKING:
    from autograd import random
else:

    def __getattr__(name: str) -> Any:
        """The module ``random``, when it is asked for: the dataclass in it takes a quarter of the time of all other imports."""
        if name != "random":
            raise AttributeError(f"module 'autograd' has no attribute {name!r}")
        from importlib import import_module

        return import_module("autograd.random")

    def __dir__() -> list[str]:
        return [*globals(), "random"]


# HIPS's autograd has the same import name; nn and viz ask for this one to tell them apart.
__distribution__ = "chalkgrad"
__version__ = "0.1.0"

__all__ = [
    "Condition",
    "GradientMismatch",
    "Op",
    "Value",
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "check_gradients",
    "clamp",
    "compile",
    "cos",
    "cosh",
    "count_operations",
    "detect_anomaly",
    "dot",
    "elu",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "gelu",
    "grad",
    "hessian",
    "hvp",
    "hypot",
    "jacobian",
    "leaky_relu",
    "lift",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_softmax",
    "logaddexp",
    "logsigmoid",
    "logsumexp",
    "math",
    "maximum",
    "minimum",
    "no_grad",
    "numerical",
    "random",
    "relu",
    "sigmoid",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "sqrt",
    "stop_gradient",
    "sum",
    "take",
    "tan",
    "tanh",
    "topological_order",
    "value_and_grad",
    "where",
    "xlogy",
]
