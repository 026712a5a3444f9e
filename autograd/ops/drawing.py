"""Random numbers as functions of counters: the same operands give the same number, in every engine and language.

Nothing is drawn from a state. A counter and a key, of two words each, are scrambled (Threefry-2×32 with 20 rounds: J. K. Salmon, M. A.
Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as easy as 1, 2, 3, 2011); a word is a whole number from 0 to 2³² − 1, which a
float holds exactly. A normal number is the quantile of a uniform one, by nothing but + − · / √ and comparisons, which all targets round
alike. What users call is in ``autograd.random``.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from autograd.ops.arithmetic import divide, step_rule, stop_gradient
from autograd.ops.choosing import where
from autograd.ops.elementary import sqrt
from autograd.ops.probability import density, distribution, upper_half
from autograd.ops.row import Contributions, Number, Op
from autograd.ops.total import NAN

WORD = 2**32
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
ROUNDS = 20
PARITY = 0x1BD11BDA  # joins the key's third word, so that no key is all zeros


def threefry(counter: tuple[int, int], key: tuple[int, int]) -> tuple[int, int]:
    """The two words that the counter becomes under the key.

    >>> threefry((0, 0), (0, 0)) == (0x6B200159, 0x99BA4EFE)
    True
    """
    keys = (*key, PARITY ^ key[0] ^ key[1])
    a, b = (counter[0] + keys[0]) % WORD, (counter[1] + keys[1]) % WORD
    for i in range(ROUNDS):
        turn = ROTATIONS[i % 8]
        a = (a + b) % WORD
        b = (b << turn) % WORD | b >> (32 - turn)
        b ^= a
        if i % 4 == 3:
            n = i // 4 + 1
            a, b = (a + keys[n % 3]) % WORD, (b + keys[(n + 1) % 3] + n) % WORD
    return a, b


def _uniform(*words: float) -> float:
    if any([not 0.0 <= w < WORD or w % 1.0 for w in words]):
        return NAN
    step, sample, seed, place = map(int, words)
    high, low = threefry((step, sample), (seed, place))
    return (high * 2.0**20 + (low >> 12) + 0.5) * 2.0**-52  # 52 bits in the middle of their interval: exact, never 0 or 1


uniform_op = Op(
    "uniform",
    _uniform,
    step_rule,
    "A number between 0 and 1 for a step, a sample, a seed and a place, each a whole number below 2³²; nan for any other.",
)

# The quantile is x·N(t)/D(t) with t = 0.425² − x² in the centre, where x is the distance from ½ and at most 0.425; in the tails it is
# N(t)/D(t), where t is 0.93 (far out 0.7) less the 32nd root of what lies beyond. Fitted with mpmath to 1.2·10⁻¹⁶ relative, rounding of
# the coefficients included, and shifted so that hardly anything cancels. A row of coefficients serves the centre, the tails, and the
# tails below 2⁻¹⁷.
CENTRE, FAR, SHIFTS = 0.425, 2.0**-17, (0.93, 0.7)
NUMERATOR = (
    (3.3871328727963665, 1.292734068480316, 4.242660425706662),
    (132.94834606336875, 66.19152258582633, 23.120888893298876),
    (1965.2853779725745, 1231.507461975531, 3.335921682329748),
    (13658.811121147563, 10305.591026115284, -113.39301271995089),
    (45561.293200940345, 37545.7026063544, -35.10987613409979),
    (66532.5100665229, 39283.84906209784, 184.39377062313426),
    (32946.38088752795, -40857.71844393401, 1.6561127705565712),
    (2462.4251219101616, -41630.19143258495, -72.57034078049783),
    (0.0, 10986.53361831766, 8.711982695333221),
)
DENOMINATOR = (
    (1.0, 1.0, 1.0),
    (42.256255341502545, 36.116177741068455, 3.032336926678439),
    (685.1538560300331, 469.0299591364585, -5.607999044030304),
    (5367.827342147358, 2591.122862960042, -13.889432348356682),
    (21061.028800178836, 5094.475441290752, 15.367181331028473),
    (38916.62728026307, -1454.909720489895, 14.56856875259075),
    (28350.48761466475, -8244.652575079166, -14.77769859466936),
    (5138.385719236192, 996.5341137486114, -0.7413073866349286),
    (0.0, 1167.897706563663, 1.3003650478974316),
)


def _left_of_root(x: Number, root: Number) -> Number:
    """x − root², with the square in parts that are exact: twice the root's rounding error, times the root."""
    high = upper_half(root)
    low = root - high
    return ((x - high * high) - 2.0 * high * low) - low * low


def _thirty_second_root(x: Number) -> tuple[Number, Number]:
    """The root, and what its float lacks but for half an ulp: an ulp of it would be 8 of the quantile at 0.07."""
    root, lacking = sqrt(sqrt(sqrt(x))), 0.0
    for _ in range(2):
        square, root = root, sqrt(root)
        lacking = divide(_left_of_root(square, root) + lacking, 2.0 * root)
    return root, lacking


def _probit(p: Number) -> Number:
    x = p - 0.5
    is_central = abs(x) <= CENTRE
    tail = where(x < 0.0, p, 1.0 - p)
    is_far = tail < FAR
    root, lacking = _thirty_second_root(tail)
    t = where(is_central, CENTRE * CENTRE - x * x, (where(is_far, SHIFTS[1], SHIFTS[0]) - root) - lacking)

    def polynomial(rows: Sequence[tuple[float, float, float]]) -> Any:
        coefficients = [where(is_central, central, where(is_far, far, near)) for central, near, far in rows]
        return reduce(lambda total, c: total * t + c, reversed(coefficients))

    y = divide(polynomial(NUMERATOR), polynomial(DENOMINATOR))
    return where(tail >= 2.0**-53, where(is_central, x * y, where(x < 0.0, -y, y)), NAN)


def _probit_rule(g: Number, y: Number, p: Number) -> Contributions:
    """1/φ at the exact quantile: y is a few ulp off, of which each counts y² times in 1/φ(y), 97 ulp at p = 1e-16."""
    tail = where(y < 0.0, p, 1.0 - p)
    slope = divide(1.0, density(y))
    return (g * (slope * (1.0 - stop_gradient(abs(y) * ((tail - distribution(-abs(y))) * slope)))),)


probit = Op(
    "probit",
    _probit,
    _probit_rule,
    "The number below which a standard normal one lies with probability p, from 2⁻⁵³ to 1 − 2⁻⁵³; nan for any other.",
)
