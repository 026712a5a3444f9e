"""atan and atan2 of vectors with the C library's bits, by its accuracy and not by its sequence of operations, see ``exact_math``.

The library's results are within 0.55 ulp of the exact ones (glibc's manual, "Errors in Math Functions"), on 10⁸ points within 0.53. Here
the angle of u/v, the smaller of |y| and |x| by the larger, is atan t + atan d with t a multiple of 1⁄64 and d = (u − t·v)/(v + t·u), in
two doubles, off by less than 2⁻⁶² of itself. The lanes where the exact result may be nearer to the middle between two doubles than the
library's error are left to the library.
"""

import math
from fractions import Fraction
from functools import cache

from autograd.compiler.targets.llvm.exact_sine import arctangent
from autograd.compiler.targets.llvm.fast_math import ROUNDER, VectorFunction
from autograd.compiler.targets.llvm.two_doubles import added, nearest, product, split, table

STEPS = 64
# Between these magnitudes of y and x nothing on the way overflows, vanishes or is subnormal.
SMALLEST, LARGEST = 2.0**-400, 2.0**400
# Below this atan x is x.
SMALL = 2.0**-27
DOUBT = 0.025


@cache
def angles() -> list[Fraction]:
    """atan(i/64), each from the one before: atan a − atan b = atan((a − b)/(1 + a·b))."""
    found = [Fraction(0)]
    for i in range(1, STEPS + 1):
        found.append(found[-1] + arctangent(Fraction(STEPS, STEPS * STEPS + i * (i - 1))))
    return found


def constants() -> str:
    """The table in IR."""
    return table("angle_table", map(split, angles()))


def atan2(f: VectorFunction, y: str, x: str) -> tuple[str, str, str]:
    """The angle, and in which lanes it is usual and beyond doubt."""
    height, width = f.magnitude(y), f.magnitude(x)
    is_left = f.compare("olt", x, f.constant(0.0))
    angle, certain = _angle(f, height, width, is_left)
    return f.sign_of(angle, y), f.both(_is_usual(f, height), _is_usual(f, width)), certain


def atan(f: VectorFunction, x: str) -> tuple[str, str, str]:
    """The arctangent likewise."""
    size = f.magnitude(x)
    angle, certain = _angle(f, size, f.constant(1.0), None)
    is_small = f.compare("olt", size, f.constant(SMALL))
    usual = f.compare("olt", size, f.constant(LARGEST))
    return f.choose(is_small, x, f.sign_of(angle, x)), usual, f.either(is_small, certain)


def _is_usual(f: VectorFunction, size: str) -> str:
    return f.both(f.compare("oge", size, f.constant(SMALLEST)), f.compare("olt", size, f.constant(LARGEST)))


def _angle(f: VectorFunction, y: str, x: str, is_left: str | None) -> tuple[str, str]:
    """The angle of (x, y), of which both are positive; of (−x, y) where it is left."""
    is_steep = f.compare("ogt", y, x)
    u, v = f.choose(is_steep, x, y), f.choose(is_steep, y, x)
    shifted = f.fused(f.div(u, v), f.constant(float(STEPS)), f.constant(ROUNDER))
    t = f.mul(f.sub(shifted, f.constant(ROUNDER)), f.constant(1 / STEPS))
    hi, low = f.looked_up("@angle_table", f.integers("and", f.as_ints(shifted), f.integer(2 * STEPS - 1)), 2)

    tv, tv_lost = product(f, t, v)
    tu, tu_lost = product(f, t, u)
    numerator = f.sub(u, tv)  # exact: t is 0, or they are within a factor of 2
    denominator, lost = added(f, v, tu)
    inverse = f.div(f.constant(1.0), denominator)
    d = f.mul(numerator, inverse)
    rest = f.sub(f.fused(f.negated(d), denominator, numerator), tv_lost)
    rest = f.mul(f.fused(f.negated(d), f.add(lost, tu_lost), rest), inverse)

    q = f.mul(d, d)
    series = f.mul(f.mul(q, d), f.horner(q, [-1 / 3, 1 / 5, -1 / 7, 1 / 9]))
    hi, lo = added(f, hi, d)
    lo = f.add(lo, f.add(f.add(low, rest), series))

    # The angle itself, π/2 minus or plus it, or π minus it.
    half, half_low = split(2 * angles()[-1])
    base, base_low = f.only(is_steep, f.constant(half)), f.only(is_steep, f.constant(half_low))
    turned = is_steep
    if is_left:
        is_flat = f.both(is_left, f.inverted(is_steep))
        base, base_low = f.choose(is_flat, f.constant(2 * half), base), f.choose(is_flat, f.constant(2 * half_low), base_low)
        turned = f.let(f"xor {f.bits} {is_left}, {is_steep}")
    sign = f.only(turned, f.constant(-0.0))
    hi, more = added(f, base, f.by_bits("xor", hi, sign))
    return nearest(f, hi, f.add(more, f.add(base_low, f.by_bits("xor", lo, sign))), DOUBT)


def places() -> list[float]:
    """Where the sequence changes."""
    edges = [SMALL, SMALLEST, LARGEST, 1.0, *[(i + 0.5) / STEPS for i in range(STEPS)]]
    return [*edges, *[1 / x for x in edges], *[math.nextafter(x, 0.0) for x in edges]]
