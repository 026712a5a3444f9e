"""Functions of the C library for targets that lack them, built from exp, log, sin, cos, tanh, √ and arithmetic.

Each is the value of an op, written over any kind of number like those of the table; so a target traces it as it traces every kernel
(``kernels.body_of``), and plain floats try it. Where the C library's function is finite, these are within 10⁻¹³ relative of it (tan and
the inverse functions near their poles: of the argument's rounding); at infinities, zeros and nan they are what it is.

Sources: erf by its Maclaurin series near 0; (1 + 2x)·e^(x²)·erfc(x) as a sum of Chebyshev polynomials in (x − 3.75)/(x + 3.75) (M. M.
Shepherd, J. G. Laframboise, Math. Comp. 36, 1981). arctan by three halvings of the angle and its series. log1p with what rounding 1 + x
loses put back (W. Kahan).
"""

import math
from collections.abc import Callable, Sequence

from autograd import ops
from autograd.compiler.targets.special import SPLITTER, special
from autograd.ops import Number, Op, where

# 2/√π·(−1)ⁿ/(n!·(2n + 1)), less 1 for n = 0: erf(x) = x + x·Σ cₙ·x²ⁿ, for |x| < 1.
SERIES = [math.fsum([2 / math.sqrt(math.pi), -1.0])] + [
    2 / math.sqrt(math.pi) * (-1.0) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(1, 19)
]
# (1 + 2x)·e^(x²)·erfc(x) = ½c₀ + Σ cₖ·Tₖ(t), t = (x − 3.75)/(x + 3.75); computed with mpmath.
CHEBYSHEV = [
    *(2.3551578691348035, -0.0045900545806464773, -0.084249133366517916, 0.05920993999819189, -0.026658668435305752),
    *(0.0090749976707052651, -0.0024131635404176082, 0.00049077583652580863, -6.9169733025012064e-05, 4.1390279860730102e-06),
    *(7.7403830661984907e-07, -2.1886401049234396e-07, 1.076499946567091e-08, 4.5219598112182869e-09, -7.7544002088313511e-10),
    *(-6.3180883408866845e-11, 2.8687950109306699e-11, 1.9455868545777347e-13, -9.6546967484334389e-13, 3.2525481481487398e-14),
    *(3.3478119482868054e-14, -1.8645628804193131e-15, -1.2507950530688647e-15, 7.4182352566240435e-17, 5.0681489047961113e-17),
]
# (−1)ᵏ/(2k + 1): arctan x = x·Σ cₖ·x²ᵏ, for |x| ≤ tan(π/16).
ARCTAN = [(-1.0) ** k / (2 * k + 1) for k in range(12)]


def _polynomial(x: Number, coefficients: Sequence[float]) -> Number:
    """Σ cₖ·xᵏ by Horner's rule."""
    total: Number = coefficients[-1]
    for c in coefficients[-2::-1]:
        total = total * x + c
    return total


def _with_sign(size: Number, x: Number) -> Number:
    """The size with the sign of x; x itself where that is 0 or nan."""
    return where(x > 0.0, size, where(x < 0.0, -size, x))


def _expm1(x: Number) -> Number:
    half = ops.tanh(0.5 * x)
    return where(abs(x) < 1.0, where(abs(x) > 0.0, ops.divide(2.0 * half, 1.0 - half), x), ops.exp(x) - 1.0)


def _log1p(x: Number) -> Number:
    u = 1.0 + x
    lost = ops.divide(x - (u - 1.0), u)
    return where((x > -1.0) & (x < math.inf), where(abs(x) < 1e-17, x, ops.log(u) + lost), ops.log(u))


def _sinh(x: Number) -> Number:
    size = abs(x)
    e = _expm1(size)
    small = 0.5 * (e + ops.divide(e, e + 1.0))
    half = ops.exp(0.5 * size)  # eˣ overflows before sinh x does
    return _with_sign(where(size < 20.0, small, 0.5 * half * half), x)


def _cosh(x: Number) -> Number:
    half = ops.exp(0.5 * abs(x))
    return 0.5 * half * half + ops.divide(ops.divide(0.5, half), half)


def _atan(x: Number) -> Number:
    size = abs(x)
    z = where(size > 1.0, ops.divide(1.0, size), size)
    for _ in range(3):
        z = ops.divide(z, 1.0 + ops.sqrt(1.0 + z * z))
    angle = 8.0 * (z * _polynomial(z * z, ARCTAN))
    return where(size < 1e-8, x, _with_sign(where(size > 1.0, 0.5 * math.pi - angle, angle), x))


def _is_negative(x: Number) -> Number:
    """Whether the sign is minus, of −0 too."""
    return (x < 0.0) | (ops.divide(1.0, x) < 0.0)


def _atan2(y: Number, x: Number) -> Number:
    top, side = abs(y), abs(x)
    both_infinite = (top >= math.inf) & (side >= math.inf)
    is_flat = top <= side
    ratio = where(both_infinite, 1.0, ops.divide(where(is_flat, top, side), where(is_flat, side, top)))
    acute = where((top <= 0.0) & (side <= 0.0), 0.0, _atan(ratio))
    quadrant = where(is_flat, acute, 0.5 * math.pi - acute)
    angle = where(_is_negative(x), math.pi - quadrant, quadrant)
    signed = where(_is_negative(y), -angle, angle)
    return where((x >= x) & (y >= y), signed, x + y)


def _asinh(x: Number) -> Number:
    size = abs(x)
    square = size * size
    small = _log1p(size + ops.divide(square, 1.0 + ops.sqrt(1.0 + square)))
    return _with_sign(where(size < 1e8, small, ops.log(size) + ops.LN2), x)


def _acosh(x: Number) -> Number:
    t = x - 1.0
    return where(x < 1e8, _log1p(t + ops.sqrt(2.0 * t + where(t < 0.0, math.nan, t * t))), ops.log(x) + ops.LN2)


def _atanh(x: Number) -> Number:
    size = abs(x)
    return _with_sign(0.5 * _log1p(ops.divide(2.0 * size, 1.0 - size)), x)


def _erfc_tail(x: Number) -> Number:
    """erfc(x) for x ≥ 0.5."""
    t = ops.divide(x - 3.75, x + 3.75)
    b1: Number = 0.0
    b2: Number = 0.0
    for c in CHEBYSHEV[:0:-1]:
        b1, b2 = 2.0 * t * b1 - b2 + c, b1
    scaled = ops.divide(t * b1 - b2 + 0.5 * CHEBYSHEV[0], 1.0 + 2.0 * x)
    high = SPLITTER * x - (SPLITTER * x - x)
    return where(x > 28.0, 0.0, scaled * ops.exp(-(high * high)) * ops.exp(-((x - high) * (x + high))))


def _erf(x: Number) -> Number:
    size = abs(x)
    return where(size < 1.0, x + x * _polynomial(x * x, SERIES), _with_sign(1.0 - _erfc_tail(size), x))


def _erfc(x: Number) -> Number:
    near = 1.0 - (x + x * _polynomial(x * x, SERIES))
    far = _erfc_tail(abs(x))
    return where(abs(x) < 0.5, near, where(x > 0.0, far, where(x < 0.0, 2.0 - far, x)))


def _cbrt(x: Number) -> Number:
    """By the logarithm, and one step of Newton's method."""
    size = abs(x)
    is_usual = (size > 0.0) & (size < math.inf)
    root = ops.exp(ops.divide(ops.log(size), 3.0))
    better = root - ops.divide(root - ops.divide(ops.divide(size, root), root), 3.0)
    return where(is_usual, _with_sign(better, x), x)


_VALUES: dict[Op, Callable[..., Number]] = {
    ops.expm1: _expm1,
    ops.log1p: _log1p,
    ops.log2: lambda x: ops.divide(ops.log(x), ops.LN2),
    ops.log10: lambda x: ops.divide(ops.log(x), ops.LN10),
    ops.cbrt: _cbrt,
    ops.tan: lambda x: ops.divide(ops.sin(x), ops.cos(x)),
    ops.asin: lambda x: _atan2(x, ops.sqrt((1.0 - x) * (1.0 + x))),
    ops.acos: lambda x: _atan2(ops.sqrt((1.0 - x) * (1.0 + x)), x),
    ops.atan: _atan,
    ops.atan2: _atan2,
    ops.sinh: _sinh,
    ops.cosh: _cosh,
    ops.asinh: _asinh,
    ops.acosh: _acosh,
    ops.atanh: _atanh,
    ops.erf: _erf,
    ops.erfc: _erfc,
}
# For each of these ops one of the same value made of simpler ones.
LOWERED = {op: Op(f"lowered {op.name}", value, None) for op, value in _VALUES.items()}


def lowered(op: Op) -> Op | None:
    """An op of the same value made of simpler ones, for targets that lack it; None if there is none."""
    return LOWERED.get(op) or special(op)
