"""NumPy's functions on Values: ``np.hypot(3.0, v)`` is the op hypot, for arrays of numbers beside the Value element by element.

NumPy asks a Value among the arguments, of a ufunc (NEP 13) or of another function (NEP 18). An object array of Values alone it does
not ask: where the ufunc has a loop for objects it calls the elements' operators and methods (so ``np.maximum`` of arrays chooses by
Python's ``>=``, and ``np.floor`` gives ints), and where it has none (``isnan``, ``copysign``, ``heaviside`` …) it refuses them before
anyone is asked. ``np.frompyfunc(autograd.math.isnan, 1, 1)(array)`` does what is meant there, or a Value beside the array.
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np

from autograd import math, ops
from autograd.ops import Number
from autograd.value import Value

# --- Ufuncs --------------------------------------------------------------------------------------------------------------------


def _clip(x: Number, low: Number, high: Number) -> Number:
    bounds = (low, high)
    return ops.minimum(ops.maximum(x, low), high) if any([isinstance(b, Value) for b in bounds]) else ops.clamp(x, *bounds)


def _heaviside(x: Number, middle: Number) -> Number:
    return ops.where(x < 0.0, 0.0, ops.where(x > 0.0, 1.0, ops.where(ops.equal(x, 0.0), middle, x)))


def _logaddexp2(a: Number, b: Number) -> Number:
    return ops.logaddexp(a * math.log(2.0), b * math.log(2.0)) * (1.0 / math.log(2.0))


# By the names of the ufuncs; the others do with Values what their object loops do: they use operators, or methods of the same name.
OPS: dict[str, Callable[..., Any]] = {
    **{name: getattr(ops, name) for name in ("hypot", "logaddexp", "maximum", "minimum", "fmod", "copysign", "nextafter")},
    **{name: getattr(ops, name) for name in ("floor", "ceil", "trunc", "rint")},
    **{name: getattr(math, name) for name in ("isnan", "isinf", "isfinite", "ldexp", "modf", "frexp")},
    **{name: getattr(operator, name[:1] + "t") for name in ("less", "greater")},
    **{name: getattr(operator, name[:1] + "e") for name in ("less_equal", "greater_equal")},
    "arctan2": ops.atan2,
    "power": ops.power,
    "float_power": ops.power,
    "signbit": lambda x: ops.is_negative(x),
    "clip": _clip,
    "divmod": divmod,
    "heaviside": _heaviside,
    "logaddexp2": _logaddexp2,
    "sign": ops.sign,
}


def apply(ufunc: Any, method: str, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """What the ufunc gives for these inputs, some of them Values. TypeError that says what would work for one that has no op."""
    given = [_alone(x) if isinstance(x, Value) else _in_doubles(x) for x in inputs]
    function = OPS.get(ufunc.__name__)
    called = ufunc
    if function is not None and method == "__call__" and not options:
        called = np.frompyfunc(function, len(given), ufunc.nout)
    with np.errstate(all="ignore"):  # Values follow IEEE 754 without a word
        try:
            return getattr(called, method)(*given, **options)
        except TypeError as error:
            error.add_note(
                f"NumPy's {ufunc.__name__} takes no Values here. Functions of autograd and of autograd.math take single ones; "
                "np.frompyfunc(function, 1, 1)(array) applies such a function to each element of an array"
            )
            raise


def _alone(v: Value) -> Any:
    """The Value as an array without axes."""
    array = np.empty((), dtype=object)
    array[()] = v
    return array


def _in_doubles(x: Any) -> Any:
    # A longdouble is no Python number: asked to multiply, it would ask NumPy again.
    return np.asarray(x, dtype=float) if getattr(x, "dtype", None) == np.longdouble else x


# --- Other functions -----------------------------------------------------------------------------------------------------------


def call(function: Any, args: Sequence[Any], options: dict[str, Any]) -> Any:
    """What a function of NumPy other than a ufunc gives for arguments among which are Values: ours if there is one, else NumPy's."""
    ours = FUNCTIONS.get(function)
    return function._implementation(*args, **options) if ours is None else ours(*args, **options)


def _elementwise(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function of numbers on what broadcasts; a number or an array of objects."""
    given = [_alone(x) if isinstance(x, Value) else np.asarray(x) for x in arguments]
    with np.errstate(all="ignore"):
        return np.frompyfunc(function, len(given), 1)(*given)


def _isclose(a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """Conditions, one or an array of them."""

    def near(x: Number, y: Number) -> Any:
        size = ops.absolute(y)
        close = (ops.absolute(x - y) <= atol + rtol * size) & (size < math.inf)
        both_nan = math.isnan(x) & math.isnan(y) if equal_nan else False
        return ops.equal(x, y) | close | both_nan

    return _elementwise(near, a, b)


def _allclose(a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    conditions = np.ravel(_isclose(a, b, rtol, atol, equal_nan)).tolist()
    return reduce(operator.and_, conditions, True)


def _sinc(x: Number) -> Number:
    return _elementwise(_one_sinc, x)


def _one_sinc(x: Number) -> Number:
    """sin(πx)/(πx), near 0 by its series, which is right to all orders of derivatives: the quotient has none at 0."""
    angle = math.pi * x
    square, series = angle * angle, 0.0
    for n in range(20, 0, -2):
        series = (1.0 + series) * square * (-1.0 / (n * (n + 1)))
    return ops.where(square < 0.25, 1.0 + series, ops.divide(ops.sin(angle), angle))


def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """At a knot the slope is that of the piece on its right, behind the last one and beyond both ends 0."""
    if period is not None:
        raise TypeError("np.interp of Values has no period: give it np.mod(x, period) and knots that span one period")
    knots = list(zip(_flat(xp), _flat(fp), strict=True))
    if not knots:
        raise ValueError("np.interp needs at least one knot, got none")
    (first, low), (last, high) = knots[0], knots[-1]
    ends = (low if left is None else left, high if right is None else right)

    def at(x: Number) -> Number:
        y = ops.where(x < first, ends[0], ops.where(x > last, ends[1], ops.where(x >= x, high, x)))
        for (x0, y0), (x1, y1) in pairwise(knots):
            y = ops.where((x >= x0) & (x < x1), ops.divide(y1 - y0, x1 - x0) * (x - x0) + y0, y)
        return y

    return _elementwise(at, x)


def _flat(numbers: Any) -> Iterator[Any]:
    return iter(np.ravel(np.asarray(numbers)).tolist())


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.isclose: _isclose,
    np.allclose: _allclose,
    np.sinc: _sinc,
    np.interp: _interp,
}
