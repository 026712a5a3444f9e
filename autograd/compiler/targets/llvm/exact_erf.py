"""erf of vectors by the C library's sequence of operations, see ``exact_math``.

Source: fdlibm (Sun Microsystems, 1993), as glibc has it: a quotient of polynomials on each of four intervals, their terms added up in
pairs, no fused operations. Beyond 1.25 it is the logarithm of erfc that is approximated, in 1/x².

The four are computed as one, with coefficients chosen lane by lane: a missing one is 0, which changes no bit of a sum.
"""

import math

from autograd.compiler.targets.llvm.exact_exp import exp
from autograd.compiler.targets.llvm.fast_math import VectorFunction

# Where the intervals begin; 1⁄0.35 by its upper 32 bits.
BOUNDS = 0.84375, 1.25, float.fromhex("0x1.6db6ep+1")
SATURATED = 6.0
# Below the first erf x = x + x·efx, and below the second that product would be subnormal.
SMALL, TINY = 2.0**-28, 2.0**-1015
EFX = float.fromhex("0x1.06eba8214db69p-3")
ERX = float.fromhex("0x1.b0ac16p-1")
NUMERATORS = (
    (0.12837916709551256, -0.3250421072470015, -0.02848174957559851, -0.005770270296489442, -2.3763016656650163e-05),
    (
        -0.0023621185607526594,
        0.41485611868374833,
        -0.3722078760357013,
        0.31834661990116175,
        -0.11089469428239668,
        0.035478304325618236,
        -0.002166375594868791,
    ),
    (
        -0.009864944034847148,
        -0.6938585727071818,
        -10.558626225323291,
        -62.375332450326006,
        -162.39666946257347,
        -184.60509290671104,
        -81.2874355063066,
        -9.814329344169145,
    ),
    (
        -0.0098649429247001,
        -0.799283237680523,
        -17.757954917754752,
        -160.63638485582192,
        -637.5664433683896,
        -1025.0951316110772,
        -483.5191916086514,
    ),
)
DENOMINATORS = (
    (1.0, 0.39791722395915535, 0.0650222499887673, 0.005081306281875766, 0.00013249473800432164, -3.960228278775368e-06),
    (
        1.0,
        0.10642088040084423,
        0.540397917702171,
        0.07182865441419627,
        0.12617121980876164,
        0.01363708391202905,
        0.011984499846799107,
    ),
    (
        1.0,
        19.651271667439257,
        137.65775414351904,
        434.56587747522923,
        645.3872717332679,
        429.00814002756783,
        108.63500554177944,
        6.570249770319282,
        -0.0604244152148581,
    ),
    (
        1.0,
        30.33806074348246,
        325.7925129965739,
        1536.729586084437,
        3199.8582195085955,
        2553.0504064331644,
        474.52854120695537,
        -22.44095244658582,
    ),
)


def erf(f: VectorFunction, x: str) -> str:
    """For numbers that are not nan."""
    size, one = f.magnitude(x), f.constant(1.0)
    beyond = [f.compare("oge", size, f.constant(bound)) for bound in BOUNDS]

    def chosen(first: str, *others: str) -> str:
        for bit, other in zip(beyond, others, strict=False):
            first = f.choose(bit, other, first)
        return first

    square = f.mul(x, x)
    s = chosen(square, f.sub(size, one), f.div(one, square))
    s2 = f.mul(s, s)
    s4 = f.mul(s2, s2)
    powers = (s2, s4, f.mul(s4, s2), f.mul(s4, s4))

    def polynomial(coefficients: tuple[tuple[float, ...], ...]) -> str:
        """(c₀ + c₁s) + s²(c₂ + c₃s) + …"""
        most = max(map(len, coefficients))
        rows = [list(map(f.constant, (*some, *[0.0] * (most - len(some))))) for some in coefficients]
        c = [chosen(*column) if len(set(column)) > 1 else column[0] for column in zip(*rows, strict=True)]
        pairs = [f.add(a, f.mul(s, b)) for a, b in zip(c[::2], c[1::2], strict=False)]
        total = pairs[0]
        for power, part in zip(powers, [*pairs[1:], *(c[-1:] if most % 2 else [])], strict=False):
            total = f.add(total, f.mul(power, part))
        return total

    ratio = f.div(polynomial(NUMERATORS), polynomial(DENOMINATORS))
    near = f.add(size, f.mul(size, ratio))
    middle = f.add(f.constant(ERX), ratio)
    far = f.choose(f.compare("oge", size, f.constant(SATURATED)), one, _far(f, size, ratio))
    value = chosen(near, middle, far)
    small = f.add(size, f.mul(f.constant(EFX), size))
    tiny = f.mul(f.constant(1 / 16), f.add(f.mul(f.constant(16.0), size), f.mul(f.mul(f.constant(16.0), f.constant(EFX)), size)))
    small = f.where("olt", size, f.constant(TINY), tiny, small)
    return f.sign_of(f.where("olt", size, f.constant(SMALL), small, value), x)


def _far(f: VectorFunction, x: str, ratio: str) -> str:
    """1 − e^(−z² − 0.5625)·e^((z − x)(z + x) + ratio)/x, where z is x with 32 bits less, so that z² is exact."""
    z = f.as_doubles(f.integers("and", f.as_ints(x), f.integer(-(2**32))))
    first = exp(f, f.sub(f.mul(f.negated(z), z), f.constant(0.5625)))
    second = exp(f, f.add(f.mul(f.sub(z, x), f.add(z, x)), ratio))
    return f.sub(f.constant(1.0), f.div(f.mul(first, second), x))


def places() -> list[float]:
    """Where the sequence changes."""
    edges = [*BOUNDS, SATURATED, SMALL, TINY]
    return [*edges, *[math.nextafter(x, 0.0) for x in edges]]
