"""Numbers as unevaluated sums of two doubles, for results that are to be the nearest double; and tables of such numbers.

Source: T. J. Dekker, "A floating-point technique for extending the available precision", Numerische Mathematik 18 (1971).

Glossary::

    hi, lo     hi + lo is the number, hi nearly all of it
    doubt      the library's result is the nearest double where the exact one is farther than so many ulps from the middle of two
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from autograd.compiler.targets.llvm.fast_math import VectorFunction, bits_of

# Numbers of tables are computed to so many bits after the point.
PRECISION = 160


def added(f: VectorFunction, large: str, small: str) -> tuple[str, str]:
    """The rounded sum and what rounding lost, exactly; the first is the larger one, or 0."""
    total = f.add(large, small)
    return total, f.sub(small, f.sub(total, large))


def product(f: VectorFunction, a: str, b: str) -> tuple[str, str]:
    """The rounded product and what rounding lost, exactly."""
    rounded = f.mul(a, b)
    return rounded, f.fused(a, b, f.negated(rounded))


def nearest(f: VectorFunction, hi: str, lo: str, doubt: float) -> tuple[str, str]:
    """The nearest double, and in which lanes it is so beyond doubt: where half an ulp, less the doubt, is more than the rest."""
    y, rest = added(f, hi, lo)
    return y, f.compare("oeq", f.fused(rest, f.constant(0.5 / (0.5 - doubt)), y), y)


def split(x: Fraction, parts: int = 2, bits: int = 53) -> list[float]:
    """The number as a sum of doubles, all but the last with so many bits."""
    found = list[float]()
    for _ in range(parts - 1):
        unit = Fraction(2) ** (_exponent(x) - bits)
        found.append(float(round(x / unit) * unit))
        x -= Fraction(found[-1])
    return [*found, float(x)]


def _exponent(x: Fraction) -> int:
    """The smallest n with |x| ≤ 2ⁿ or so."""
    return abs(x.numerator).bit_length() - x.denominator.bit_length() + 1 if x else 0


def table(name: str, lines: Iterable[Sequence[float]]) -> str:
    """A table in IR, four doubles in a line."""
    entries = [f"i64 {bits_of(x)}" for line in lines for x in (*line, *[0.0] * (4 - len(line)))]
    return f"@{name} = internal constant [{len(entries)} x i64] [{', '.join(entries)}], align 32"
