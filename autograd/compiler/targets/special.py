"""Ops whose values are Python functions of floats, for other languages: sums that are rounded once, decimal rounding, next floats, Γ.

Each is written over any kind of number, like ``lowered``. Against the table's values, where these are finite: the fused product, sums
and sums of products within 10⁻¹⁵ of the largest term. Infinities, zeros and nan are the same, but for sums that overflow on the way.
Rounding to decimal digits, ulp and nextafter have the table's bits where arithmetic is that of double. The Γ family is in ``gamma``.

Sources: the exact error of a sum (Knuth) and of a product (Dekker); the next float by one product and one sum (Rump, Zimmermann, Boldo,
Melquiond, BIT 49, 2009).
"""

import math
from functools import cache

from autograd import ops
from autograd.compiler.kernels import is_of_table
from autograd.compiler.targets.gamma import gamma, lgamma, polygamma_of
from autograd.ops import Number, Op, where

# 27 bits: the high half of a number (Veltkamp).
SPLITTER = 134217729.0


# --- Sums ----------------------------------------------------------------------------------------------------------------------


def _with_error(a: Number, b: Number) -> tuple[Number, Number]:
    """a + b, and what rounding it lost."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _split(x: Number) -> tuple[Number, Number]:
    high = SPLITTER * x - (SPLITTER * x - x)
    return high, x - high


def _product(a: Number, b: Number) -> tuple[Number, Number]:
    """a·b, and what rounding it lost."""
    (a1, a2), (b1, b2), product = _split(a), _split(b), a * b
    return product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


def _corrected(total: Number, lost: Number) -> Number:
    """Their sum; the total where what was lost is no number."""
    return where(abs(lost) < math.inf, total + lost, total)


def _fma(a: Number, b: Number, c: Number) -> Number:
    product, lost = _product(a, b)
    total, more = _with_error(product, c)
    return _corrected(total, lost + more)


def _fsum(*xs: Number) -> Number:
    total, lost = xs[0], 0.0
    for x in xs[1:]:
        total, more = _with_error(total, x)
        lost = lost + more
    return _corrected(total, lost)


def _sumprod(*xs: Number) -> Number:
    half = len(xs) // 2
    total: Number = 0.0
    lost: Number = 0.0
    for a, b in zip(xs[:half], xs[half:], strict=True):
        product, error = _product(a, b)
        total, more = _with_error(total, product)
        lost = lost + (error + more)
    return _corrected(total, lost)


# --- Rounding to decimal digits ------------------------------------------------------------------------------------------------

# 10ⁿ is exact, and what is too large to be scaled is large enough to be an integer or rounded to itself.
DIGITS = range(-22, 23)


def _rounded(digits: int, x: Number) -> Number:
    """The integer nearest to x·10ⁿ, exactly, divided by 10ⁿ: rounded once, as Python reads the decimal number.

    Halves are seen in the rounded product; what it lost says on which side of them x·10ⁿ is, and is 0 where that is a half. For negative
    n the product is a quotient by 10⁻ⁿ.
    """
    scale = 10.0 ** abs(digits)
    product, lost = _product(x, scale) if digits > 0 else _quotient(x, scale)
    whole = ops.rint(product)
    rest = product - whole
    whole = where(ops.equal(rest, 0.5) & (lost > 0.0), whole + 1.0, whole)
    whole = where(ops.equal(rest, -0.5) & (lost < 0.0), whole - 1.0, whole)
    return where(abs(product) < 2.0**53, ops.divide(whole, scale) if digits > 0 else whole * scale, x)


def _quotient(a: Number, b: Number) -> tuple[Number, Number]:
    """a/b, and what has the sign of what rounding it lost, for positive b."""
    quotient = ops.divide(a, b)
    product, lost = _product(quotient, b)
    return quotient, (a - product) - lost


@cache
def _rounded_of(digits: int) -> Op:
    return Op(f"special round {digits}", lambda x: _rounded(digits, x), None)


def _digits_of(op: Op) -> int | None:
    """To how many decimal digits an op of the table rounds; None for others."""
    family, _, digits = op.name.removesuffix("]").partition("[")
    return int(digits) if family in ("round", "shown") and is_of_table(op) else None


def exact(op: Op) -> Op | None:
    """An op of the same bits made of simpler ones, for what rounds to decimal digits."""
    digits = _digits_of(op)
    return _rounded_of(digits) if digits in DIGITS else None


def unsaid(op: Op) -> TypeError:
    """What is raised for an op that a target has not, and that is not made of simpler ones either."""
    if _digits_of(op) is not None:
        return TypeError(
            f"the op {op.name!r} can be written in another language for {DIGITS[0]} to {DIGITS[-1]} decimal digits only"
        )
    return TypeError(
        f"the op {op.name!r} is computed by a Python function of floats, which cannot be written in another language; "
        "write its value with autograd's functions"
    )


# --- Neighbours ----------------------------------------------------------------------------------------------------------------

# A little more than half an ulp of 1; the smallest number, and the smallest whose precision is full.
HALF_ULP, TINY, NORMAL = 2.0**-53 * (1.0 + 2.0**-52), 5e-324, 2.0**-1022


def _nextafter(a: Number, b: Number) -> Number:
    size, is_up = abs(a), ((a < b) & (a >= 0.0)) | ((a > b) & (a <= 0.0))
    step = where(is_up, 1.0, -1.0)  # away from 0, or towards it
    scale = where(size < 2.0**-900, 2.0**100, 1.0)
    large = size * scale
    moved = ops.divide(large + step * (HALF_ULP * large), scale)
    follows = where(size <= NORMAL, size + step * TINY, where(size < math.inf, moved, 2.0**1023 * (2.0 - 2.0**-52)))
    is_below = where(ops.equal(a, 0.0), b < 0.0, a < 0.0)
    return where(ops.equal(a, b), b, where((a < b) | (a > b), where(is_below, -follows, follows), a + b))


def _ulp(a: Number) -> Number:
    size = abs(a)
    above = ops.nextafter(size, math.inf)
    step = where(above < math.inf, above - size, size - ops.nextafter(size, 0.0))  # of the largest float that below it
    return where(size < math.inf, step, size)


# --- The table -----------------------------------------------------------------------------------------------------------------

SPECIAL = {
    op: Op(f"special {op.name}", value, None)
    for op, value in (
        (ops.gamma, gamma),
        (ops.lgamma, lgamma),
        (ops.fma, _fma),
        (ops.fsum_op, _fsum),
        (ops.sumprod_op, _sumprod),
        (ops.nextafter, _nextafter),
        (ops.ulp, _ulp),
    )
}
# Made of simpler ops as it stands; a target may have it.
SPECIAL[ops.rint] = Op("special rint", ops.rint.value, None)


def special(op: Op) -> Op | None:
    """An op of the same value made of simpler ones; None if there is none."""
    if op.name.startswith("polygamma[") and is_of_table(op):
        return polygamma_of(int(op.name[len("polygamma[") : -1]))
    return SPECIAL.get(op) or exact(op)
