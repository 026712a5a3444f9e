"""exp and tanh for vectors of doubles with the very bits of the C library, as LLVM IR: strict mode's versions.

Strict mode promises the bits of the eager engine, which calls the C library one number at a time. GNU's library computes both
functions by a fixed sequence of IEEE operations: a vector of numbers put through the same sequence has the same bits, exp twice and tanh
three times sooner (a training step of 2-16-16-1 with tanh takes 17 instead of 49 µs, of exclusive or 350 instead of 630 ns).
Whether the library of this machine is that one is not assumed but tried, once per process and function, on 60,000 points
(``llvm_executor.has_library_bits``); where one bit differs, the library is called. (For glibc 2.36 it was tried on 5·10⁷ points each.)

The paths that are rare are not written here: a vector with a number outside the usual range (nan, |x| ≥ 512 for exp, |x| ≥ 22 for
tanh) goes to the library, lane by lane.

Sources: exp as in Arm's Optimized Routines (S. Nagy, 2018), which glibc 2.28 took over: a table of 2^(k/128) and a polynomial of degree
5. expm1, on which tanh rests, as in fdlibm (K. C. Ng, Sun Microsystems, 1993). Both with fused multiply-adds wherever a product is
only added to something.

Glossary::

    x = k·ln 2 + r    the reduced argument; c is what rounding r lost
    2ᵏ = tᵢ·2ᵐ        for exp k counts 128ths: k = 128·m + i, tᵢ = 2^(i/128) = Hᵢ·(1 + Tᵢ) with Hᵢ and Tᵢ doubles
"""

import math
import random
import struct
from collections.abc import Collection
from fractions import Fraction

from autograd.compiler.fast_math import ROUNDER, VectorFunction

NAMES = ("exp", "tanh")
# Below these magnitudes the sequence is the one written here.
USUAL = {"exp": 512.0, "tanh": 22.0}
POINTS = 60_000

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
        entries += [_bits(rest), (_bits(high) - (i << 45)) % 2**64]
        power = Fraction(power.numerator * root // power.denominator, 1 << precision)
    return entries


def _bits(x: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", x))[0])


def _exp(f: VectorFunction) -> str:
    shifted = f.fused(f.constant(LOG2_E * STEPS), "%x", f.constant(ROUNDER))
    k = f.sub(shifted, f.constant(ROUNDER))
    r = f.fused(k, f.constant(-LN2_128TH[1]), f.fused(k, f.constant(-LN2_128TH[0]), "%x"))
    bits = f.as_ints(shifted)
    rest, high = f.pairs("@exp_table", f.integers("and", bits, f.integer(STEPS - 1)))
    scale = f.as_doubles(f.integers("add", high, f.integers("shl", bits, f.integer(45))))
    c2, c3, c4, c5 = map(f.constant, EXP_POLYNOMIAL)
    square = f.mul(r, r)
    low = f.fused(square, f.fused(r, c3, c2), f.add(f.as_doubles(rest), r))
    return f.fused(scale, f.fused(f.mul(square, square), f.fused(r, c5, c4), low), scale)


def _tanh(f: VectorFunction) -> str:
    """1 − 2/(q + 2) with q = e²ˣ − 1 from 1 on, −q/(q + 2) with q = e⁻²ˣ − 1 below."""
    size = f.magnitude("%x")
    is_large = f.compare("oge", size, f.constant(1.0))
    one, two, minus_two = map(f.constant, (1.0, 2.0, -2.0))
    q = _expm1(f, f.mul(f.choose(is_large, two, minus_two), size))
    ratio = f.div(f.choose(is_large, minus_two, q), f.add(q, two))
    return f.sign_of(f.choose(is_large, f.add(one, ratio), ratio), "%x")


def _expm1(f: VectorFunction, x: str) -> str:
    """eˣ − 1 for what tanh asks for: −2 < x ≤ 0 and 2 ≤ x < 44, so that k is none of 1 and 2."""
    zero, half, one = map(f.constant, (0.0, 0.5, 1.0))
    size, product = f.magnitude(x), f.mul(x, f.constant(LOG2_E))
    k = f.truncated(f.add(product, f.sign_of(half, x)))
    k = f.where("olt", size, f.constant(FIRST_STEPS[1]), f.constant(-1.0), k)
    k = f.where("olt", size, f.constant(FIRST_STEPS[0]), zero, k)

    high, low = f.fused(k, f.constant(-LN2[0]), x), f.mul(k, f.constant(LN2[1]))
    r = f.sub(high, low)
    c = f.sub(f.sub(high, r), low)
    half_r = f.mul(r, half)
    h = f.mul(r, half_r)
    squared = f.mul(h, h)
    q1, q2, q3, q4, q5 = map(f.constant, EXPM1_POLYNOMIAL)
    p = f.fused(squared, f.fused(h, q3, q2), f.fused(h, q1, one))
    p = f.fused(f.mul(squared, squared), f.fused(h, q5, q4), p)
    t = f.fused(f.negated(p), half_r, f.constant(3.0))
    e = f.mul(f.div(f.sub(p, t), f.fused(f.negated(r), t, f.constant(6.0))), h)

    within = f.sub(r, f.fused(r, e, f.negated(h)))  # k = 0
    e = f.sub(f.fused(f.sub(e, c), r, f.negated(c)), h)
    power, inverse = f.power_of_two(k), f.power_of_two(f.negated(k))
    rest = f.sub(e, r)
    few = f.sub(f.where("oge", k, zero, f.sub(one, inverse), one), rest)  # 3 … 19, and −2 and −3
    many = f.add(f.sub(r, f.add(e, inverse)), one)  # 20 … 63
    scaled = f.mul(f.where("oge", k, f.constant(20.0), many, few), power)
    scaled = f.where("olt", k, zero, f.sub(scaled, one), scaled)
    scaled = f.where("oeq", k, f.constant(-1.0), f.sub(f.mul(half, f.sub(r, e)), half), scaled)
    return f.where("oeq", k, zero, within, scaled)


_WRITERS = {"exp": _exp, "tanh": _tanh}


def functions(names: Collection[str], width: int) -> str:
    """The IR of these for vectors of this width, and of what they fall back on."""
    entries = ", ".join(f"i64 {n}" for n in table()) if "exp" in names else ""
    constants = [f"@exp_table = internal constant [{2 * STEPS} x i64] [{entries}], align 16"] if entries else []
    return "\n".join([*constants, *[_function(name, width) for name in names]])


def _function(name: str, width: int) -> str:
    """The function: the sequence if all numbers are within its usual range, else the library, lane by lane."""
    f = VectorFunction(f"usual_{name}", width)
    usual = f.text(_WRITERS[name](f))
    kind, bits = f.kind, f.bits
    lanes = [
        f"  %x{i} = extractelement {kind} %x, i64 {i}\n"
        f"  %y{i} = call double @libm_{name}(double %x{i})\n"
        f"  %z{i} = insertelement {kind} {f'%z{i - 1}' if i else 'poison'}, double %y{i}, i64 {i}"
        for i in range(width)
    ]
    one_by_one = "\n".join([f"define internal {kind} @lanes_{name}_v{width}({kind} %x) noinline cold {{", *lanes])
    return f"""{usual}
{one_by_one}
  ret {kind} %z{width - 1}
}}

define internal {kind} @exact_{name}_v{width}({kind} %x) alwaysinline {{
  %size = call {kind} @llvm.fabs.v{width}f64({kind} %x)
  %bits = fcmp olt {kind} %size, {f.constant(USUAL[name])}
  %all = call i1 @llvm.vector.reduce.and.v{width}i1({bits} %bits)
  br i1 %all, label %usual, label %rare
usual:
  %y = call {kind} @usual_{name}_v{width}({kind} %x)
  ret {kind} %y
rare:
  %z = call {kind} @lanes_{name}_v{width}({kind} %x)
  ret {kind} %z
}}
"""


def declarations(width: int) -> list[str]:
    """Declarations of what they call, apart from the library."""
    kind = f"<{width} x double>"
    return [
        f"declare {kind} @llvm.fma.v{width}f64({kind}, {kind}, {kind})",
        f"declare {kind} @llvm.trunc.v{width}f64({kind})",
        f"declare i1 @llvm.vector.reduce.and.v{width}i1(<{width} x i1>)",
    ]


def points(name: str) -> list[float]:
    """Where to try a function: at many sizes within its usual range, at the places where its sequence changes, and beyond."""
    draw = random.Random(name).uniform
    usual = USUAL[name]
    special = [
        0.0,
        5e-324,
        1e-310,
        1e-20,
        *FIRST_STEPS,
        *[s / 2 for s in FIRST_STEPS],
        1.0,
        math.nextafter(1.0, 0.0),
        usual,
        math.inf,
    ]
    sizes = [*special, *[draw(0.0, usual) * 10.0 ** draw(-3.0, 0.0) for _ in range(POINTS // 2)]]
    return [*sizes, *[-x for x in sizes], math.nan]
