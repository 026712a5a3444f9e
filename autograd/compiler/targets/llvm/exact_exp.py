"""exp, tanh and its slope of vectors by the C library's sequence of operations, see ``exact_math``.

Sources: exp as in Arm's Optimized Routines (S. Nagy, 2018), which glibc 2.28 took over: a table of 2^(k/128) and a polynomial of degree
5. expm1, on which tanh rests, as in fdlibm (K. C. Ng, Sun Microsystems, 1993). Both with fused multiply-adds wherever a product is
only added to something.

Glossary::

    x = k·ln 2 + r    the reduced argument; c is what rounding r lost
    2ᵏ = tᵢ·2ᵐ        for exp k counts 128ths: k = 128·m + i, tᵢ = 2^(i/128) = Hᵢ·(1 + Tᵢ) with Hᵢ and Tᵢ doubles
"""

import math
from fractions import Fraction

from autograd.compiler.targets.llvm.fast_math import ROUNDER, VectorFunction, bits_of

# Below these magnitudes the sequences are those written here. From k = 57 on, at 19.58, expm1 is computed otherwise: in tanh it no longer
# shows, in the slope one bit would.
USUAL = {"exp": 512.0, "tanh": 22.0, "sech2": 19.5}
STEPS = 128
EXP_POLYNOMIAL = [
    float.fromhex(c) for c in ("0x1.ffffffffffdbdp-2", "0x1.555555555543cp-3", "0x1.55555cf172b91p-5", "0x1.1111167a4d017p-7")
]
LN2_128TH = float.fromhex("0x1.62e42fefa0000p-8"), float.fromhex("0x1.cf79abc9e3b3ap-47")
LN2 = float.fromhex("0x1.62e42fee00000p-1"), float.fromhex("0x1.a39ef35793c76p-33")
LOG2_E = float.fromhex("0x1.71547652b82fep0")
EXPM1_POLYNOMIAL = [
    -3.33333333333331316428e-02,
    1.58730158725481460165e-03,
    -7.93650757867487942473e-05,
    4.00821782732936239552e-06,
    -2.01099218183624371326e-07,
]

# From the first to the second of these magnitudes expm1 takes k = ±1: ½ ln 2 and 3⁄2 ln 2, rounded up to 21 bits.
FIRST_STEPS = float.fromhex("0x1.62e43p-2"), float.fromhex("0x1.0a2b2p+0")


def table() -> list[int]:
    """For each i the bits of Tᵢ and, less i·2⁵²/128, those of Hᵢ: adding k·2⁵²/128 to the latter makes Hᵢ·2ᵐ."""
    precision = 160
    root = 2 << precision
    for _ in range(7):  # 2^(1/128) = √√√√√√√2
        root = math.isqrt(root << precision)
    entries, power = [], Fraction(1)
    for i in range(STEPS):
        high = float(power)
        rest = float(power / Fraction(high) - 1)
        entries += [bits_of(rest), (bits_of(high) - (i << 45)) % 2**64]
        power = Fraction(power.numerator * root // power.denominator, 1 << precision)
    return entries


def constants() -> str:
    """The table in IR."""
    entries = ", ".join(f"i64 {n}" for n in table())
    return f"@exp_table = internal constant [{2 * STEPS} x i64] [{entries}], align 16"


def places(name: str) -> list[float]:
    """Where the sequence changes."""
    return [*FIRST_STEPS, *[s / 2 for s in FIRST_STEPS], USUAL[name]]


def exp(f: VectorFunction, x: str) -> str:
    """eˣ for |x| < 512."""
    shifted = f.fused(f.constant(LOG2_E * STEPS), x, f.constant(ROUNDER))
    k = f.sub(shifted, f.constant(ROUNDER))
    r = f.fused(k, f.constant(-LN2_128TH[1]), f.fused(k, f.constant(-LN2_128TH[0]), x))
    bits = f.as_ints(shifted)
    rest, high = f.pairs("@exp_table", f.integers("and", bits, f.integer(STEPS - 1)))
    scale = f.as_doubles(f.integers("add", high, f.integers("shl", bits, f.integer(45))))
    c2, c3, c4, c5 = map(f.constant, EXP_POLYNOMIAL)
    square = f.mul(r, r)
    low = f.fused(square, f.fused(r, c3, c2), f.add(f.as_doubles(rest), r))
    return f.fused(scale, f.fused(f.mul(square, square), f.fused(r, c5, c4), low), scale)


def tanh(f: VectorFunction, x: str) -> str:
    """For |x| < 22: 1 − 2/(q + 2) with q = e²ˣ − 1 from 1 on, −q/(q + 2) with q = e⁻²ˣ − 1 below."""
    return _tanh_of(f, x, _q(f, x))


def sech2(f: VectorFunction, x: str) -> str:
    """The slope of tanh, by the same q."""
    return slope_of(f, x, _q(f, x))


def _q(f: VectorFunction, x: str) -> str:
    carried = list[str]()
    for part in EXPM1_PARTS:
        carried = part(f, x, *carried)
    return carried[0]


def _case(f: VectorFunction, x: str) -> tuple[str, str, list[str]]:
    """|x|, whether it is at least 1, and whether k is not 0 and for smaller ones not −1."""
    size = f.magnitude(x)
    beyond = [f.compare("oge", size, f.constant(s / 2)) for s in FIRST_STEPS]
    return size, f.compare("oge", size, f.constant(1.0)), beyond


def _half(f: VectorFunction, x: str) -> tuple[str, str]:
    """The sign bit where |x| < 1, and |x| with it."""
    size, is_large, _ = _case(f, x)
    sign = f.only(f.inverted(is_large), f.constant(-0.0))
    return sign, f.by_bits("xor", size, sign)


def argument(f: VectorFunction, x: str) -> str:
    """±2x, of which the library takes expm1: 2|x| from 1 on, −2|x| below."""
    _, half_x = _half(f, x)
    return f.add(half_x, half_x)


def _reduced(f: VectorFunction, x: str) -> list[str]:
    """r, c and k of expm1(±2x): −2 < ±2x ≤ 0 or 2 ≤ ±2x < 44, so that k is 0, −1, −2, −3 or 3 … 63."""
    _, _, beyond = _case(f, x)
    sign, half_x = _half(f, x)
    k = f.truncated(f.add(f.mul(half_x, f.constant(2.0 * LOG2_E)), f.by_bits("or", f.constant(0.5), sign)))
    k = f.only(beyond[0], k)
    high, low = f.fused(k, f.constant(-LN2[0]), argument(f, x)), f.mul(k, f.constant(LN2[1]))
    r = f.sub(high, low)
    return [r, f.sub(f.sub(high, r), low), k]


def _quotient(f: VectorFunction, _: str, r: str, c: str, k: str) -> list[str]:
    """With these h = r²/2 and what the quotient of polynomials gives for e."""
    half_r = f.mul(r, f.constant(0.5))
    h = f.mul(r, half_r)
    squared = f.mul(h, h)
    q1, q2, q3, q4, q5 = map(f.constant, EXPM1_POLYNOMIAL)
    p = f.fused(squared, f.fused(h, q3, q2), f.fused(h, q1, f.constant(1.0)))
    p = f.fused(f.mul(squared, squared), f.fused(h, q5, q4), p)
    t = f.fused(f.negated(p), half_r, f.constant(3.0))
    e = f.mul(f.div(f.sub(p, t), f.fused(f.negated(r), t, f.constant(6.0))), h)
    return [r, c, k, h, e]


def _expm1(f: VectorFunction, x: str, r: str, c: str, k: str, h: str, e: str) -> list[str]:
    """expm1.

    Where the library halves, or multiplies by a power of two and then subtracts, one fused operation has the same bits, as such a
    product is exact. Its cases for small k become one: y·2ᵏ − b, y = a − (e − r), with a and b by k. Where a case has no such term, 0 is
    added, and numbers are chosen by masking their bits: comparing and choosing by a mask need the units that multiply, bits any unit.
    """
    _, is_large, beyond = _case(f, x)
    one = f.constant(1.0)
    # r·e − h for k = 0, where c is 0; else r·(e − c) − c − h.
    first = f.add(c, f.only(f.inverted(beyond[0]), h))
    e = f.sub(f.fused(f.sub(e, c), r, f.negated(first)), f.only(beyond[0], h))
    power = f.power_of_two(k)
    inverse = f.as_doubles(f.integers("sub", f.integer(2046 << 52), f.as_ints(power)))
    a = f.only(beyond[1], f.sub(one, f.only(is_large, inverse)))
    few = f.sub(a, f.sub(e, r))  # to 19
    many = f.add(f.sub(r, f.add(e, inverse)), one)  # 20 … 63
    y = f.where("oge", k, f.constant(20.0), many, few)
    b = f.by_bits("or", f.only(beyond[0], f.constant(-0.5)), f.only(beyond[1], f.constant(2.0**-1022)))  # 0, −½, −1
    return [f.fused(y, power, f.only(f.inverted(is_large), b))]


def _ratio(f: VectorFunction, x: str, q: str) -> tuple[str, str]:
    """Where |x| is at least 1, and there tanh|x| − 1, elsewhere −tanh|x|."""
    _, is_large, _ = _case(f, x)
    return is_large, f.div(f.choose(is_large, f.constant(-2.0), q), f.add(q, f.constant(2.0)))


def _tanh_of(f: VectorFunction, x: str, q: str) -> str:
    """tanh from expm1."""
    is_large, ratio = _ratio(f, x, q)
    return f.sign_of(f.add(f.only(is_large, f.constant(1.0)), ratio), x)


def slope_of(f: VectorFunction, x: str, q: str) -> str:
    """The slope of tanh from expm1, by the operations of the table of ops."""
    is_large, ratio = _ratio(f, x, q)
    rest, two = f.add(f.constant(1.0), q), f.constant(2.0)
    below = f.add(rest, f.mul(rest, f.sub(f.mul(ratio, ratio), f.add(ratio, ratio))))
    return f.choose(is_large, f.negated(f.mul(ratio, f.add(ratio, two))), below)


# What a part has found, the next one is given. Alone, each has few operations that wait for one another.
EXPM1_PARTS = (_reduced, _quotient, _expm1)
# What follows them.
RESULTS = {"tanh": _tanh_of, "sech2": slope_of}
