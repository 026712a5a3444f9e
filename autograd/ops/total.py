"""Total functions: Python's ``math`` where it answers, the limit that IEEE-754 and C99 name where it raises; and constants."""

import math
from collections.abc import Callable

NAN, INF = math.nan, math.inf
DEGREES, RADIANS = 180.0 / math.pi, math.pi / 180.0  # of one radian, of one degree
LN2, LN10 = math.log(2.0), math.log(10.0)
SQRT_HALF, INV_SQRT_2PI, TWO_OVER_SQRT_PI = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi), 2 / math.sqrt(math.pi)


def total(f: Callable[..., float], limit: Callable[..., float]) -> Callable[..., float]:
    """``f``, with ``limit`` for the arguments at which Python raises."""

    def ieee(*args: float) -> float:
        try:
            return f(*args)
        except (ValueError, OverflowError, ZeroDivisionError):
            return limit(*args)

    return ieee


def nan_limit(*args: float) -> float:
    """No real answer."""
    return NAN


def log_limit(a: float) -> float:
    """A logarithm where math.log raises: the pole at 0, or outside the domain."""
    return -INF if a == 0.0 else NAN


def quotient_limit(a: float, b: float) -> float:
    """a/0: infinite by the signs of both, nan for 0/0."""
    return a * math.copysign(INF, b) if a else NAN


def power_limit(a: float, b: float) -> float:
    """a**b where math.pow raises: a pole (0 to a negative power), an overflow, or a negative base with a fractional exponent."""
    is_odd = abs(math.fmod(b, 2.0)) == 1.0
    if a < 0.0 and b != math.floor(b):
        return NAN
    return math.copysign(INF, a) if is_odd else INF
