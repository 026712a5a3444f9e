"""log of vectors with the C library's bits, by its accuracy and not by its sequence of operations, see ``exact_math``.

The library's result is within 0.52 ulp of the logarithm (S. Nagy, Arm's Optimized Routines, which glibc 2.28 took over). So where the
logarithm is not within 0.02 ulp of the middle between two doubles, that result is the nearest double, and can be had in any way: here
log x = k·ln 2 − log rᵢ + log(1 + z) in two doubles, off by less than 2⁻⁶⁰ of itself. The lanes that may be nearer to the middle, one
in 20, are left to the library.

Glossary::

    x = 2ᵏ·m        m within 0.6875 … 1.375
    z = m·rᵢ − 1    exact, since rᵢ has eight bits; i are the first 7 bits of m. Around 1, rᵢ is 1
    hi, lo          a number as the unevaluated sum of two doubles
"""

import math
from fractions import Fraction
from functools import cache

from autograd.compiler.targets.llvm import two_doubles
from autograd.compiler.targets.llvm.exact_exp import LN2
from autograd.compiler.targets.llvm.fast_math import VectorFunction, bits_of

STEPS = 128
# m lies above this.
LOWEST = 0.6875
SMALLEST_NORMAL = 2.0**-1022
DOUBT = 0.025


@cache
def table() -> tuple[list[float], list[float], list[float]]:
    """rᵢ, and −log rᵢ in two doubles, the first a multiple of 2⁻⁴² so that k·ln 2 is added exactly."""
    reciprocals, highs, lows = [], [], []
    for i in range(STEPS):
        r = _reciprocal(i)
        exact = -_log(r)
        high = Fraction(round(exact * 2**42), 2**42)
        reciprocals.append(float(r))
        highs.append(float(high))
        lows.append(float(exact - high))
    return reciprocals, highs, lows


def segment(i: int) -> tuple[Fraction, Fraction]:
    """Between which m the i-th entry counts."""
    bits = bits_of(LOWEST)
    ends = [bits + (n << 45) for n in (i, i + 1)]
    low, high = (Fraction((end & (2**52 - 1)) + 2**52, 2 ** (52 if end >= bits_of(1.0) else 53)) for end in ends)
    return low, high


def _reciprocal(i: int) -> Fraction:
    low, high = segment(i)
    return Fraction(1) if 1 in (low, high) else Fraction(round(256 / (low + high)), 128)


def _log(x: Fraction) -> Fraction:
    """By its series, to 120 bits: 2·artanh((x − 1)/(x + 1))."""
    s = (x - 1) / (x + 1)
    fixed = 2**140
    power, square, total = int(s * fixed), int(s * s * fixed), 0
    for n in range(1, 60, 2):
        total += power // n
        power = power * square // fixed
    return Fraction(2 * total, fixed)


def log(f: VectorFunction, x: str) -> tuple[str, str]:
    """The logarithm of normal numbers, and which of them are beyond doubt."""
    bits = f.integers("sub", f.as_ints(x), f.integer(bits_of(LOWEST)))
    k = f.let(f"sitofp {f.ints} {f.integers('ashr', bits, f.integer(52))} to {f.kind}")
    m = f.as_doubles(f.integers("sub", f.as_ints(x), f.integers("and", bits, f.integer(-(2**52)))))
    place = f.integers("and", f.integers("lshr", bits, f.integer(45)), f.integer(STEPS - 1))
    r, high, low = f.looked_up("@log_table", place, 3)
    z = f.fused(m, r, f.constant(-1.0))
    k_log2 = f.fused(k, f.constant(LN2[0]), high)
    first = f.add(k_log2, z)
    lost = f.sub(z, f.sub(first, k_log2))
    half = f.mul(z, f.constant(0.5))
    square = f.mul(half, z)
    hi = f.sub(first, square)
    lost = f.add(lost, f.sub(f.sub(first, hi), square))
    rest = f.sub(f.fused(k, f.constant(LN2[1]), low), f.fused(half, z, f.negated(square)))
    series = f.constant(2.0 / 9.0)
    for n in range(8, 2, -1):
        series = f.fused(series, z, f.constant((2.0 if n % 2 else -2.0) / n))
    lo = f.add(lost, f.fused(f.mul(square, z), series, rest))
    return two_doubles.nearest(f, hi, lo, DOUBT)


def constants() -> str:
    """The table in IR."""
    return two_doubles.table("log_table", zip(*table(), strict=True))


def places() -> list[float]:
    """Where the sequence changes."""
    edges = [LOWEST, 2 * LOWEST, 1.0, SMALLEST_NORMAL, 2.0**1023]
    return [*edges, *[math.nextafter(x, 0.0) for x in edges]]
