"""Rounding, remainders and signs. Rounding has slope 0 in each of its steps; remainders take the slope of what is left.

All but ``round_to``, ``ulp`` and ``nextafter`` are made of ⌊x⌋ and Python's ``%``, so that they compile for every target; these are
written for floats, and for targets in ``compiler.targets.special``.
"""

import math
from functools import cache

from autograd.ops.arithmetic import divide, floor, modulo, sign, step_rule
from autograd.ops.choosing import equal, where
from autograd.ops.row import Contributions, Number, Op
from autograd.ops.total import INF, total

# Adding this to a number below it rounds to an integer, ties to even.
_LARGE = 2.0**52


def is_negative(a: Number) -> Number:
    """Whether a number has a minus sign, as −0.0 has, as a condition."""
    return (a < 0.0) | (equal(a, 0.0) & (divide(1.0, a) < 0.0))


copysign = Op(
    "copysign",
    lambda a, b: where(is_negative(b), -abs(a), abs(a)),
    lambda g, y, a, b: (g * (sign(a) * where(is_negative(b), -1.0, 1.0)), None),
    "|a| with the sign of b.",
)
ceil = Op("ceil", lambda a: -floor(-a), step_rule, "The smallest integer that is not below x; slope 0.")
trunc: Op = Op(
    "trunc", lambda a: where(a < 0.0, -floor(-a), floor(a)), step_rule, "x without what follows the decimal point; slope 0."
)


def _rint(a: Number) -> Number:
    size = abs(a)
    return where(size < _LARGE, copysign((size + _LARGE) - _LARGE, a), a)


rint = Op("rint", _rint, step_rule, "The nearest integer, of two equally near ones the even one; slope 0.")


def _floor_divide(a: Number, b: Number) -> Number:
    """As Python's own: from the exact remainder, because a/b may round up to the next integer."""
    rest = fmod(a, b)
    q = divide(a - rest, b)
    q = where(((rest > 0.0) & (b < 0.0)) | ((rest < 0.0) & (b > 0.0)), q - 1.0, q)
    down = floor(q)
    whole = where(equal(q, 0.0), copysign(0.0, divide(a, b)), where(q - down > 0.5, down + 1.0, down))
    return where(equal(b, 0.0), divide(a, b), whole)


floor_divide = Op("floor_divide", _floor_divide, step_rule, "⌊a/b⌋; slope 0 for both.", symbol="//")


def _nearest(g: Number, y: Number, a: Number, b: Number) -> Contributions:
    """The rule of y = a − n·b for an integer n."""
    return g, -(g * rint(divide(a - y, b)))


fmod: Op = Op(
    "fmod",
    lambda a, b: copysign(modulo(abs(a), abs(b)), a),
    _nearest,
    "The remainder a − b·n with n = a/b without what follows its decimal point: the sign of a, as in C.",
)


def _remainder(a: Number, b: Number) -> Number:
    size, whole = abs(a), abs(b)
    rest = modulo(size, whole)
    other = whole - rest
    tie = rest - 2.0 * modulo(0.5 * (size - rest), whole)
    near = where(rest < other, rest, where(rest > other, -other, tie))
    return where(equal(whole, INF) & (size < INF), a, where(is_negative(a), -near, near))


remainder = Op(
    "remainder", _remainder, _nearest, "The remainder a − b·n with the integer n nearest to a/b, the even one of two (IEEE 754)."
)


def round_of(digits: float) -> Op:
    """The op round to a constant number of decimal digits, correctly rounded as Python's: one for 2 and 2.0."""
    return _round_of(int(digits))


@cache
def _round_of(n: int) -> Op:
    return Op(f"round[{n}]", total(lambda a: float.__round__(a, n), lambda a: a), step_rule, symbol=f"round {n}")


def shown_of(digits: float) -> Op:
    """The op round with slope 1: for numbers that are rounded to be shown, and differentiated as if they were not."""
    return _shown_of(int(digits))


@cache
def _shown_of(n: int) -> Op:
    return Op(f"shown[{n}]", round_of(n).value, lambda g, y, a: (g,), symbol=f"round {n}")


def round_to(x: Number, digits: int = 0) -> Number:
    """``x`` rounded to so many decimal digits, as Python's ``round(x, digits)``; slope 0.

    >>> round_to(2.675, 2)
    2.67
    """
    return rint(x) if digits == 0 else round_of(digits)(x)


ulp = Op("ulp", math.ulp, step_rule, "The unit in the last place of a number; slope 0.")
nextafter = Op("nextafter", math.nextafter, lambda g, y, a, b: (g, None), "The float that follows a on the way to b.")
