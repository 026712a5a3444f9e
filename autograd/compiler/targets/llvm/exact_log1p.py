"""log1p of vectors by the C library's sequence of operations, see ``exact_math``.

Source: fdlibm (K. C. Ng, Sun Microsystems, 1993), as glibc has it: the terms of the polynomial in pairs, with fused multiply-adds where
trial showed them.

Glossary::

    1 + x = 2ᵏ·(1 + f)    √½ ≤ 1 + f < √2; around 0 k = 0 and f = x
    c                     what rounding 1 + x lost, divided by it
    s                     f/(2 + f): log(1 + f) = f − f²/2 + s·(f²/2 + R)
"""

from autograd.compiler.targets.llvm.exact_exp import LN2
from autograd.compiler.targets.llvm.fast_math import VectorFunction, bits_of

POLYNOMIAL = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)
# Between the first two k is 0; √½ by its upper 32 bits.
BELOW, ABOVE = float.fromhex("-0x1.2bec4p-2"), float.fromhex("0x1.a827ap-2")
ROOT = float.fromhex("0x1.6a09ep-1")
# What the sequence is for; nearer to 0, and where f is nearly 0 though k is not, it is another one.
LOWEST, LARGEST, SMALL, TINY = -0.9, 2.0**53, 2.0**-29, 2.0**-18


def log1p(f: VectorFunction, x: str) -> tuple[str, str, None]:
    """The logarithm, and for which numbers this is the sequence."""
    one, zero = f.constant(1.0), f.constant(0.0)
    is_near = f.both(f.compare("ogt", x, f.constant(BELOW)), f.compare("olt", x, f.constant(ABOVE)))
    u = f.add(one, x)
    lost = f.where("oge", u, f.constant(2.0), f.sub(one, f.sub(u, x)), f.sub(x, f.sub(u, one)))
    c = f.choose(is_near, zero, f.div(lost, u))
    bits = f.integers("sub", f.as_ints(u), f.integer(bits_of(ROOT)))
    k = f.choose(is_near, zero, f.let(f"sitofp {f.ints} {f.integers('ashr', bits, f.integer(52))} to {f.kind}"))
    m = f.as_doubles(f.integers("sub", f.as_ints(u), f.integers("and", bits, f.integer(-(2**52)))))
    fraction = f.choose(is_near, x, f.sub(m, one))

    square = f.mul(f.mul(f.constant(0.5), fraction), fraction)
    s = f.div(fraction, f.add(f.constant(2.0), fraction))
    z = f.mul(s, s)
    z2 = f.mul(z, z)
    z4 = f.mul(z2, z2)
    p1, p2, p3, p4, p5, p6, p7 = map(f.constant, POLYNOMIAL)
    rest = f.fused(z, p1, f.mul(z2, f.fused(z, p3, p2)))
    rest = f.fused(z4, f.fused(z, p5, p4), rest)
    rest = f.fused(f.mul(z4, z2), f.fused(z, p7, p6), rest)
    rest = f.mul(s, f.add(square, rest))
    near = f.sub(fraction, f.sub(square, rest))
    tail = f.add(rest, f.fused(k, f.constant(LN2[1]), c))
    far = f.fused(k, f.constant(LN2[0]), f.negated(f.sub(f.sub(square, tail), fraction)))
    size = f.magnitude(fraction)
    is_usual = f.both(f.compare("ogt", x, f.constant(LOWEST)), f.compare("olt", x, f.constant(LARGEST)))
    is_clear = f.compare("ogt", size, f.choose(is_near, f.constant(SMALL), f.constant(TINY)))
    return f.where("oeq", k, zero, near, far), f.both(is_usual, is_clear), None


def places() -> list[float]:
    """Where the sequence changes."""
    return [BELOW, ABOVE, ROOT, 2 * ROOT - 1, LOWEST, LARGEST, SMALL, TINY, 1.0, 3.0]
