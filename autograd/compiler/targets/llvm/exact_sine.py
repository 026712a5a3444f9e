"""sin, cos and tan of vectors with the C library's bits, by its accuracy and not by its sequence of operations, see ``exact_math``.

The library's sin and cos are within 0.55 ulp of the exact ones (glibc's manual, "Errors in Math Functions"), on 10⁸ points within 0.52.
Here sin x = sin t·cos r + cos t·sin r with t a multiple of π/64, in two doubles, off by less than 2⁻⁶² of itself; tan x is sin x/cos x.
The lanes where the exact result may be nearer to the middle between two doubles than the library's error are left to the library. Its
tan has two such bounds.

Glossary::

    x = t + r        t = n·π/64, |r| ≤ π/128 in two doubles
    S, C             sin t and cos t in two doubles; of t + π/2 for the cosine
"""

from fractions import Fraction
from functools import cache

from autograd.compiler.targets.llvm.fast_math import ROUNDER, VectorFunction
from autograd.compiler.targets.llvm.two_doubles import PRECISION, added, nearest, product, split, table

# Multiples in a full turn, and in a quarter: where the cosine begins in the table of sines.
STEPS = 128
QUARTER = STEPS // 4
# For magnitudes up to this n has 16 bits, so that its products with the parts of π/64 are exact.
USUAL = 2048.0
PART = 37
# Nearer to t than this what is lost of r may be too much of it.
CLOSEST = 2.0**-25
# Below this sin x is x.
SMALL = 2.0**-27
DOUBT = 0.02
# Of tan, where its size is between 1/MIDDLE and MIDDLE, and elsewhere: of 2·10⁷ points 0.525 and 0.567 ulp are the worst.
MIDDLE, DOUBT_MIDDLE, DOUBT_FAR = 4.0, 0.035, 0.09


def _pi() -> Fraction:
    """4·(4·atan ⅕ − atan 1⁄239), by J. Machin (1706)."""
    return 4 * (4 * arctangent(Fraction(1, 5)) - arctangent(Fraction(1, 239)))


def arctangent(x: Fraction) -> Fraction:
    """By its series, for small numbers."""
    one = 1 << PRECISION
    power, square, total = int(x * one), int(x * x * one), 0
    for n in range(1, PRECISION, 2):
        total += power // n if n % 4 == 1 else -(power // n)
        power = power * square >> PRECISION
    return Fraction(total, one)


@cache
def step() -> Fraction:
    """π/64."""
    return _pi() / (STEPS // 2)


@cache
def sines() -> list[Fraction]:
    """sin(n·π/64) for a turn, to 120 bits, so that zeros are zeros."""
    one = 1 << PRECISION
    s, c, term = 0, 0, one
    for n in range(1, 40):
        c, s = (c + (term if n % 4 == 1 else -term), s) if n % 2 else (c, s + (term if n % 4 == 2 else -term))
        term = int(term * step() / n)
    found, here = list[Fraction](), (0, one)
    for _ in range(STEPS):
        found.append(Fraction(round(Fraction(here[0], 1 << (PRECISION - 120))), 1 << 120))
        here = (here[0] * c + here[1] * s) >> PRECISION, (here[1] * c - here[0] * s) >> PRECISION
    return found


def constants() -> str:
    """The table in IR."""
    parts = [split(x) for x in sines()]
    return table("sine_table", [(*parts[n], *parts[(n + QUARTER) % STEPS]) for n in range(STEPS)])


def sin(f: VectorFunction, x: str) -> tuple[str, str, str]:
    """The sine, and in which lanes it is usual and beyond doubt."""
    hi, lo, usual = _sine(f, x, 0)
    return _small_is_x(f, x, usual, *nearest(f, hi, lo, DOUBT))


def cos(f: VectorFunction, x: str) -> tuple[str, str, str]:
    """The cosine likewise."""
    hi, lo, usual = _sine(f, x, QUARTER)
    y, certain = nearest(f, hi, lo, DOUBT)
    return y, usual, certain


def tan(f: VectorFunction, x: str) -> tuple[str, str, str]:
    """The tangent likewise."""
    *sine, usual = _sine(f, x, 0)
    *cosine, _ = _sine(f, x, QUARTER)
    (s, s_low), (c, c_low) = added(f, *sine), added(f, *cosine)
    hi = f.div(s, c)
    rest = f.fused(f.negated(hi), c_low, f.add(f.fused(f.negated(hi), c, s), s_low))
    y, certain = nearest(f, hi, f.div(rest, c), DOUBT_FAR)
    _, certain_here = nearest(f, hi, f.div(rest, c), DOUBT_MIDDLE)
    size = f.magnitude(y)
    is_middle = f.both(f.compare("oge", size, f.constant(1 / MIDDLE)), f.compare("ole", size, f.constant(MIDDLE)))
    return _small_is_x(f, x, usual, y, f.either(certain, f.both(is_middle, certain_here)))


def _small_is_x(f: VectorFunction, x: str, usual: str, y: str, certain: str) -> tuple[str, str, str]:
    is_small = f.compare("olt", f.magnitude(x), f.constant(SMALL))
    return f.choose(is_small, x, y), usual, f.either(is_small, certain)


def _sine(f: VectorFunction, x: str, turned: int) -> tuple[str, str, str]:
    """sin(x + turned·π/64) as a sum of two, and in which lanes it is usual; turned by 0 or a quarter of the circle."""
    shifted = f.fused(x, f.constant(float(1 / step())), f.constant(ROUNDER))
    n = f.sub(shifted, f.constant(ROUNDER))
    first, second, third = [f.constant(-part) for part in split(step(), 3, PART)]
    near = f.fused(n, first, x)
    r, lost = added(f, near, f.mul(n, second))
    lost = f.fused(n, third, lost)
    place = f.integers("and", f.as_ints(shifted), f.integer(STEPS - 1))
    s, s_low, c, c_low = f.looked_up("@sine_table", place, 4)
    if turned:
        s, s_low, c, c_low = c, c_low, f.negated(s), f.negated(s_low)

    q = f.mul(r, r)
    cosine = f.mul(q, f.horner(q, [-1 / 2, 1 / 24, -1 / 720, 1 / 40320]))  # less 1
    sine = f.mul(f.mul(q, r), f.horner(q, [-1 / 6, 1 / 120, -1 / 5040, 1 / 362880]))  # less r
    linear, rest = product(f, c, r)
    hi, lo = added(f, s, linear)
    rest = f.add(rest, f.fused(c_low, r, s_low))
    rest = f.fused(s, cosine, f.fused(c, f.add(sine, lost), rest))
    is_usual = f.compare("olt", f.magnitude(x), f.constant(USUAL))
    is_clear = f.either(f.compare("oeq", n, f.constant(0.0)), f.compare("oge", f.magnitude(r), f.constant(CLOSEST)))
    return hi, f.add(lo, rest), f.both(is_usual, is_clear)


def places() -> list[float]:
    """Where the sequence changes, and near zeros of sine and cosine."""
    return [USUAL, SMALL, *[float(step() * n / 2) for n in range(4 * STEPS)]]
