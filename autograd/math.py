"""Python's ``math`` for Values: every function and constant of it (up to Python 3.14) under its name, for code written for floats.

Numbers in, numbers out, with ``math``'s own results and errors; a Value among the arguments, a Value out, with derivatives of every
order. Values follow IEEE 754 as everywhere in autograd: where ``math`` raises, they are inf or nan. Predicates such as ``isnan`` give
conditions, which read as bools. ``floor``, ``ceil`` and ``trunc`` give ints, which are structure (see ``Value``); so is the exponent
of ``frexp``, and how many steps ``nextafter`` takes. ``hypot`` and ``dist`` of Values may differ from ``math``'s in the last digit.

>>> from autograd import Value, grad, math
>>> math.sqrt(16.0), math.hypot(Value(3.0), 4.0).data
(4.0, 5.0)
>>> grad(lambda x: math.log(x, 2.0) + math.degrees(x) * math.pi / 180.0)(1.0)
2.4426950408889634
>>> math.sqrt(-1.0)  # doctest: +ELLIPSIS
Traceback (most recent call last):
    ...
ValueError: ...
"""

import math
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

from autograd import ops
from autograd.conditions import settled
from autograd.ops import Number
from autograd.value import Condition, Value

Function = Callable[..., Any]

e, inf, nan, pi, tau = math.e, math.inf, math.nan, math.pi, math.tau
comb, factorial, gcd, isqrt, lcm, perm = math.comb, math.factorial, math.gcd, math.isqrt, math.lcm, math.perm


def _has_value(numbers: Iterable[object]) -> bool:
    return any([isinstance(x, (Value, Condition)) for x in numbers])


def _for_values(name: str, on_values: Function, plain: Function | None = None) -> Function:
    """``math``'s function of that name, and another where a Value is among the arguments."""
    on_numbers: Function = plain or getattr(math, name)

    def function(*args: Any, **named: Any) -> Any:
        return (on_values if _has_value(args) else on_numbers)(*args, **named)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = on_numbers.__doc__
    return function


def _of_op(name: str) -> Function:
    return _for_values(name, getattr(ops, name))


# --- One op each ---------------------------------------------------------------------------------------------------------------

acos, acosh, asin, asinh, atan, atanh = map(_of_op, ("acos", "acosh", "asin", "asinh", "atan", "atanh"))
cos, cosh, sin, sinh, tan, tanh = map(_of_op, ("cos", "cosh", "sin", "sinh", "tan", "tanh"))
exp, expm1, log1p, log2, log10, sqrt, cbrt = map(_of_op, ("exp", "expm1", "log1p", "log2", "log10", "sqrt", "cbrt"))
erf, erfc, gamma, lgamma, ulp = map(_of_op, ("erf", "erfc", "gamma", "lgamma", "ulp"))
atan2, copysign, fmod, remainder = map(_of_op, ("atan2", "copysign", "fmod", "remainder"))
fabs = _for_values("fabs", ops.absolute)
pow = _for_values("pow", ops.power)
exp2 = _for_values("exp2", lambda x: ops.power(2.0, x))
degrees = _for_values("degrees", lambda x: x * ops.DEGREES)
radians = _for_values("radians", lambda x: x * ops.RADIANS)
# Python's own ask the Value: see Value.__floor__.
ceil, floor, trunc = math.ceil, math.floor, math.trunc

# --- Several ops, or structure -------------------------------------------------------------------------------------------------

log = _for_values("log", lambda x, base=None: ops.log(x) if base is None else ops.divide(ops.log(x), ops.log(base)))


def _hypot(*coordinates: Number) -> Number:
    return reduce(ops.hypot, coordinates) if len(coordinates) > 1 else ops.absolute(*coordinates)


def _isclose(a: Number, b: Number, *, rel_tol: Number = 1e-09, abs_tol: Number = 0.0) -> Any:
    if rel_tol < 0.0 or abs_tol < 0.0:
        raise ValueError("tolerances must be non-negative")
    size = ops.maximum(ops.absolute(a), ops.absolute(b))
    near = ops.absolute(a - b) <= ops.maximum(rel_tol * size, abs_tol)
    return ops.equal(a, b) | (near & (size < inf))


def _modf(x: Number) -> tuple[Number, Number]:
    fraction = ops.where(ops.absolute(x) < inf, ops.fmod(x, 1.0), ops.where(x >= x, ops.copysign(0.0, x), x))
    return fraction, ops.trunc(x)


def _frexp(x: Value) -> tuple[Number, int]:
    x = _node(x)
    mantissa, exponent = math.frexp(x._data)
    size = ops.absolute(x)
    if 0.5 <= abs(mantissa) < 1.0:
        settled((size >= math.ldexp(0.5, exponent)) & (size * 0.5 < math.ldexp(0.5, exponent)), exponent)
        return _ldexp(x, -exponent), exponent
    settled(~((size > 0.0) & (size < inf)), inf)  # 0, inf and nan are their own mantissa
    return +x, 0


def _node(x: Any) -> Value:
    return x.node if isinstance(x, Condition) else x


def _ldexp(x: Number, i: Any) -> Number:
    exponent = int(i)
    near = min(max(exponent, -1022), 1023)
    scaled = x * 2.0**near
    return scaled if near == exponent else _ldexp(scaled, exponent - near)


def _nextafter(x: Number, y: Number, *, steps: int | None = None) -> Number:
    for _ in range(1 if steps is None else steps):
        x = ops.nextafter(x, y)
    return x


hypot = _for_values("hypot", _hypot)
isclose = _for_values("isclose", _isclose)
isnan = _for_values("isnan", lambda x: ~(_node(x) >= x))
isinf = _for_values("isinf", lambda x: ops.equal(ops.absolute(x), inf))
isfinite = _for_values("isfinite", lambda x: ops.absolute(x) < inf)
modf = _for_values("modf", _modf)
frexp = _for_values("frexp", _frexp)
ldexp = _for_values("ldexp", _ldexp)
nextafter = _for_values("nextafter", _nextafter)


def _plain_fma(x: float, y: float, z: float, /) -> float:
    """``math.fma`` of Python 3.13: x·y + z, rounded once."""
    result: float = ops.fma(float(x), float(y), float(z))
    if math.isnan(result) and not any(map(math.isnan, (x, y, z))):
        raise ValueError("invalid operation in fma")
    if math.isinf(result) and all(map(math.isfinite, (x, y, z))):
        raise OverflowError("overflow in fma")
    return result


fma = _for_values("fma", ops.fma, getattr(math, "fma", _plain_fma))

# --- Sums, products, distances -------------------------------------------------------------------------------------------------


def prod(iterable: Iterable[Number], /, *, start: Number = 1) -> Number:
    """The product of ``start`` and all numbers, from left to right."""
    numbers = tuple(iterable)
    if not _has_value([start, *numbers]):
        return math.prod(numbers, start=start)
    return reduce(lambda a, b: a * b, numbers if start == 1 and not _has_value([start]) else (start, *numbers))


def fsum(seq: Iterable[Number], /) -> Number:
    """The sum, rounded once."""
    numbers = tuple(seq)
    return ops.fsum_op(*numbers) if _has_value(numbers) else math.fsum(numbers)


def sumprod(p: Iterable[Number], q: Iterable[Number], /) -> Number:
    """Σᵢ pᵢ·qᵢ, rounded once. ValueError if they differ in length."""
    p, q = tuple(p), tuple(q)
    if len(p) != len(q):
        raise ValueError("Inputs are not the same length")
    if not _has_value([*p, *q]):
        return math.sumprod(p, q) if hasattr(math, "sumprod") else _plain_sumprod(p, q)
    return ops.sumprod_op(*p, *q)


def _plain_sumprod(p: tuple[Any, ...], q: tuple[Any, ...]) -> Any:
    if p and all([type(x) in (int, float) for x in (*p, *q)]) and any([type(x) is float for x in (*p, *q)]):
        return ops.sumprod_op(*p, *q)
    return sum([a * b for a, b in zip(p, q, strict=True)])


def dist(p: Iterable[Number], q: Iterable[Number], /) -> Number:
    """The Euclidean distance between two points. ValueError if they differ in dimension."""
    p, q = tuple(p), tuple(q)
    if not _has_value([*p, *q]):
        return math.dist(p, q)
    if len(p) != len(q):
        raise ValueError("both points must have the same number of dimensions")
    return _hypot(*[a - b for a, b in zip(p, q, strict=True)])


__all__ = sorted({"fma", "sumprod", *[name for name in dir(math) if not name.startswith("_")]})
