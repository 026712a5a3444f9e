"""The elementary functions: powers, exponentials, logarithms, roots, circular and hyperbolic functions."""

import math
from collections.abc import Callable
from functools import cache

from autograd.ops.arithmetic import divide, stop_gradient
from autograd.ops.choosing import chosen, equal, maximum, minimum, where
from autograd.ops.row import Contributions, Number, Op, real_number
from autograd.ops.total import INF, LN2, LN10, NAN, log_limit, nan_limit, power_limit, total

# --- Powers --------------------------------------------------------------------------------------------------------------------

power_value = total(math.pow, power_limit)
power_both = Op(
    "power",
    power_value,
    lambda g, y, a, b: (
        # 0⁰ and nan⁰ are 1 for every base, so their slope is 0 and not 0·∞; 0ᵇ is 0 for every b > 0. No mask is wider:
        # masking all of b = 0 makes the Hessian at (2, 0) asymmetric.
        g * where(equal(b, 0.0) & (equal(a, 0.0) | is_nan(a)), 0.0, b * one_less_power(a, b)),
        # 0·y at 0**inf, whose slope by the base is nan: so is the mixed derivative, from either side.
        g * where(equal(a, 0.0) & (b >= 0.0), where(b < INF, 0.0, 0.0 * y), y * log(a)),
    ),
    symbol="**",
)


def one_less_power(a: Number, b: Number) -> Number:
    """a**(b − 1), with what rounding b − 1 loses put back: up to 135 ulp for 100 random bases within 1e±50."""
    return _nearly_power(a, b - 1.0, lost_by_subtracting(b, 1.0))


def _nearly_power(a: Number, b: Number, rest: Number) -> Number:
    """a**(b + rest) for a rest below the last place of b."""
    if type(rest) is float and not rest:
        return power(a, b)
    small = stop_gradient(where((a > 0.0) & (a < INF) & (abs(rest) > 0.0), rest * log(a), 0.0))
    return power(a, b) * (1.0 + small)


def lost_by_subtracting(a: Number, b: Number) -> Number:
    """What the rounding of a − b takes away, exactly (Knuth's two-sum)."""
    difference = a - b
    moved = difference - a
    return (a - (difference - moved)) - (b + moved)


def is_nan(a: Number) -> Number:
    """Whether a number is nan, as a condition."""
    return where(a >= a, 0.0, 1.0) > 0.5


def power_of(n: float) -> Op:
    """The op xⁿ for a constant n. x⁰ is the constant 1 and x¹ is x, to all orders and for nan and inf too."""
    return _power_of(n if n == n else NAN)  # any nan is the one that the cache can find again


@cache  # an op must stay the one op of its name: the compiler and pickle rely on it
def _power_of(n: float) -> Op:
    if n == 0.0:
        rule: Callable[..., Contributions] = lambda g, y, a: (None,)  # noqa: E731 -- a rule is one line of the table
    elif n == 1.0:
        rule = lambda g, y, a: (g,)  # noqa: E731
    else:
        less, rest = n - 1.0, lost_by_subtracting(n, 1.0)
        rule = lambda g, y, a: (g * (n * _nearly_power(a, less, rest)),)  # noqa: E731
    return Op(f"**{n!r}", lambda a: power_value(a, n), rule, symbol=f"**{n:g}")


def power(a: Number, b: Number) -> Number:
    """``a**b`` by C99: 0⁰ = 1, a negative base with a fractional exponent is nan (never complex), overflow is inf.

    >>> power(-8.0, 1 / 3)
    nan
    >>> from autograd import Value
    >>> (Value(2.0) ** 3).data
    8.0
    """
    if hasattr(type(b), "_record"):
        return power_both(a, b)
    return power_of(real_number(b))(a)


# --- Exponentials, logarithms, roots -------------------------------------------------------------------------------------------


def inside(condition: Number, a: Number) -> Number:
    """``a`` inside the domain, nan outside: 1/x is a number at −1, the derivative of log is not."""
    return a + where(condition, 0.0, NAN)


exp = Op("exp", total(math.exp, lambda a: INF), lambda g, y, a: (g * y,), "eˣ; inf on overflow.")
expm1 = Op("expm1", total(math.expm1, lambda a: INF), lambda g, y, a: (g * exp(a),), "eˣ − 1, exact near 0.")
log: Op = Op(
    "log",
    total(math.log, log_limit),
    lambda g, y, a: (divide(g, inside(a >= 0.0, a)),),
    "The natural logarithm; log 0 is −inf, of a negative number nan.",
)
log1p = Op(
    "log1p",
    total(math.log1p, lambda a: -INF if a == -1.0 else NAN),
    lambda g, y, a: (divide(g, inside(a >= -1.0, 1.0 + a)),),
    "log(1 + x), exact near 0.",
)
log2 = Op(
    "log2",
    total(math.log2, log_limit),
    lambda g, y, a: (divide(g, inside(a >= 0.0, a * LN2)),),
    "The logarithm to base 2.",
)
log10 = Op(
    "log10",
    total(math.log10, log_limit),
    lambda g, y, a: (divide(g, inside(a >= 0.0, a * LN10)),),
    "The logarithm to base 10.",
)
sqrt = Op("sqrt", total(math.sqrt, nan_limit), lambda g, y, a: (divide(g, 2.0 * y),), "√x; nan below 0.")
cbrt = Op("cbrt", math.cbrt, lambda g, y, a: (divide(g, 3.0 * (y * y)),), "∛x, of negative numbers too.")


def restored(y: Number, a: Number, b: Number) -> Number:
    """y, which falls like exp(a − b) for a < b, without the rounding of a − b: that counts |a − b| times, 467 ulp at −700."""
    difference = a - b
    return chosen(
        (difference > -4.0) | (difference < -750.0),
        lambda: y,
        lambda: y * (1.0 + stop_gradient(lost_by_subtracting(a, b))),
    )


# --- Circular and hyperbolic functions -----------------------------------------------------------------------------------------

sin = Op("sin", total(math.sin, nan_limit), lambda g, y, a: (g * cos(a),), "The sine of an angle in radians.")
cos: Op = Op("cos", total(math.cos, nan_limit), lambda g, y, a: (-(g * sin(a)),), "The cosine of an angle in radians.")
tan = Op("tan", total(math.tan, nan_limit), lambda g, y, a: (g * (1.0 + y * y),), "The tangent of an angle in radians.")
# 1 − x² without cancellation, and as one op so that its slope at ±1 is ∓2: through the factors it would meet ∞·0 there.
one_minus_square = Op("one_minus_square", lambda a: (1.0 - a) * (1.0 + a), lambda g, y, a: (g * (-2.0 * a),))
asin = Op(
    "asin",
    total(math.asin, nan_limit),
    lambda g, y, a: (divide(g, sqrt(one_minus_square(a))),),
    "The angle in radians whose sine is x; nan outside [−1, 1].",
)
acos = Op(
    "acos",
    total(math.acos, nan_limit),
    lambda g, y, a: (-divide(g, sqrt(one_minus_square(a))),),
    "The angle in radians whose cosine is x; nan outside [−1, 1].",
)
atan = Op("atan", math.atan, lambda g, y, a: (divide(g, 1.0 + a * a),), "The angle in radians whose tangent is x.")
sinh = Op("sinh", total(math.sinh, lambda a: math.copysign(INF, a)), lambda g, y, a: (g * cosh(a),), "(eˣ − e⁻ˣ)/2.")
cosh: Op = Op("cosh", total(math.cosh, lambda a: INF), lambda g, y, a: (g * sinh(a),), "(eˣ + e⁻ˣ)/2.")
tanh = Op("tanh", math.tanh, lambda g, y, a: (g * sech2(a),), "The hyperbolic tangent.")
asinh = Op("asinh", math.asinh, lambda g, y, a: (divide(g, hypot(1.0, a)),), "The inverse of sinh.")
acosh = Op(
    "acosh",
    total(math.acosh, nan_limit),
    lambda g, y, a: (divide(divide(g, sqrt(a - 1.0)), sqrt(a + 1.0)),),  # a² − 1 would overflow at 1e155
    "The inverse of cosh; nan below 1.",
)
atanh = Op(
    "atanh",
    total(math.atanh, lambda a: math.copysign(INF, a) if abs(a) == 1.0 else NAN),
    lambda g, y, a: (divide(g, inside(abs(a) <= 1.0, one_minus_square(a))),),
    "The inverse of tanh; nan outside [−1, 1].",
)


def _sech2(a: Number) -> Number:
    """(1 − t)·(1 + t) for t = tanh|x|, by what the C library makes tanh of: t is 1 + ratio from 1 on, −ratio below.

    1 − t is −ratio, or (1 + q)·(1 + t): nothing cancels, and who has computed tanh has nearly all of it.
    """
    size = abs(a)
    is_large = size >= 1.0
    q = expm1(where(is_large, 2.0, -2.0) * size)
    ratio = where(is_large, -2.0, q) / (q + 2.0)
    rest = 1.0 + q
    return where(is_large, -(ratio * (ratio + 2.0)), rest + rest * (ratio * ratio - (ratio + ratio)))


# 1 − tanh², without its cancellation: at x = 5 that form is 5,289 ulp off, this one 2. It is off by at most 4.5 (just below 1) and 0.5 on
# average; 4e/(1 + e)² with e = exp(−2|x|) by 4.2 (between 2 and 6) and 0.8. What would be subnormal (beyond 354) is 0.
sech2: Op = Op("sech2", _sech2, lambda g, y, a: (g * (-2.0 * tanh(a) * y),), "tanh′(x) = 1/cosh²(x).")


def _scaled(y: Number, x: Number) -> tuple[Number, Number, Number]:
    """y and x divided by the larger of them, and that scale: their squares then neither overflow nor vanish."""
    scale = stop_gradient(maximum(abs(y), abs(x)))
    return divide(y, scale), divide(x, scale), scale


def _atan2_rule(g: Number, angle: Number, y: Number, x: Number) -> Contributions:
    v, u, scale = _scaled(y, x)
    h = (u * u + v * v) * scale
    at_origin = equal(scale, 0.0)
    return where(at_origin, 0.0, g * divide(u, h)), where(at_origin, 0.0, -(g * divide(v, h)))


def _hypot(x: Number, y: Number) -> Number:
    a, b = abs(x), abs(y)
    large = maximum(a, b)
    ratio = divide(minimum(a, b), large)
    length = large * sqrt(1.0 + ratio * ratio)
    return where(equal(a, INF) | equal(b, INF), INF, where(equal(large, 0.0), 0.0, length))


atan2 = Op("atan2", math.atan2, _atan2_rule, "atan2(y, x): the angle in radians of the point (x, y).")
hypot: Op = Op(
    "hypot",
    _hypot,
    lambda g, y, a, b: tuple(where(equal(y, 0.0), 0.0, g * divide(x, y)) for x in (a, b)),
    "√(x² + y²) without overflow, with derivative 0 at the origin.",
)
