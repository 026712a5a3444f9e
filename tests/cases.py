"""The table of ops × domains that everything is tested against: eager rules, gradients of gradients, compiled programs.

Glossary of a row::

    f        the op as a user writes it; takes floats or Values
    exact    the same function over mpmath numbers: the oracle. None where differentiation is meant to disagree with it
    domain   one Domain for each operand
    bounds   how far value and first derivative may be off, in ulp: EXACT, STANDARD, or Bounds(value, first, reason), and how many
             ulp of the result one rounding counts where that is proved to be more than a few

A row is added here and nowhere else: the tests find it. Points of an op are seeded by its name, so rows do not disturb each
other. What happens at kinks, poles, infinities and nan is not here but in ``autograd/edge_reference.json``.
"""

import math
import operator
import random
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from mpmath import mp

import autograd as ag
from autograd import ops, where

# --- Domains -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Domain:
    """An interval, and its core: where ops can be nested without overflow and numerical differentiation is accurate.

    Half of the samples are uniform over the core; the others uniform over the interval or, with ``least``, log-uniform by size
    between ``least`` and ``high``.
    """

    low: float
    high: float
    core: tuple[float, float]
    least: float = 0.0

    def sample(self, rng: random.Random) -> float:
        """A number of the domain."""
        if rng.random() < 0.5:
            return self.sample_core(rng)
        if not self.least:
            return rng.uniform(self.low, self.high)
        size = math.exp(rng.uniform(math.log(self.least), math.log(self.high)))
        return size if self.low >= 0.0 or rng.random() < 0.5 else -size

    def sample_core(self, rng: random.Random) -> float:
        """A number of the core."""
        return rng.uniform(*self.core)

    def in_core(self, x: float) -> bool:
        """Whether ``x`` lies in the core."""
        return self.core[0] <= x <= self.core[1]


REAL = Domain(-1e300, 1e300, core=(-4.0, 4.0), least=1e-300)
LARGE = Domain(-1e150, 1e150, core=(-4.0, 4.0), least=1e-150)
POSITIVE = Domain(1e-300, 1e300, core=(0.25, 4.0), least=1e-300)
BASE = Domain(1e-50, 1e50, core=(0.25, 4.0), least=1e-50)
SIGNED_BASE = Domain(-1e50, 1e50, core=(0.25, 4.0), least=1e-50)
FEW = Domain(-50.0, 50.0, core=(-4.0, 4.0))
BETWEEN = Domain(-50.0, 50.0, core=(1.1, 1.4))
ONE_SIGN = Domain(-1e300, 1e300, core=(0.25, 4.0), least=1e-300)
WEIGHT = Domain(0.1, 10.0, core=(0.25, 4.0))
EXPONENT = Domain(-5.0, 5.0, core=(-3.0, 3.0))
ANGLE = Domain(-1e4, 1e4, core=(-4.0, 4.0))
TANGENT = Domain(-1.57, 1.57, core=(-1.2, 1.2))
UNIT = Domain(-1.0, 1.0, core=(-0.8, 0.8))
SMALL_EXP = Domain(-700.0, 700.0, core=(-4.0, 4.0), least=1e-20)
LOGIT = Domain(-700.0, 700.0, core=(-8.0, 8.0))
ABOVE_ONE = Domain(1.0, 1e300, core=(1.25, 4.0), least=1.0 + 1e-9)
TAIL = Domain(-25.0, 25.0, core=(-4.0, 4.0))
LONG_TAIL = Domain(-37.0, 37.0, core=(-4.0, 4.0))
TERM = Domain(0.1, 700.0, core=(0.25, 4.0))
ACTIVATION = Domain(-700.0, 700.0, core=(-2.0, 2.0))
SCORE = Domain(-6.0, 6.0, core=(-3.0, 3.0))
COUNTER = Domain(0.0, 2.0**32, core=(1.1, 1.4))
PROBABILITY = Domain(2.0**-53, 1.0 - 2.0**-53, core=(0.1, 0.9))
BELL = Domain(-8.0, 8.0, core=(-4.0, 4.0))

# --- Rows ----------------------------------------------------------------------------------------------------------------------


Function = Callable[..., Any]


@dataclass(frozen=True)
class Bounds:
    """The largest error in ulp of the value and of the first derivative; ``reason`` for anything beyond STANDARD.

    ``of_value`` and ``of_first`` say, of mpmath operands, how many ulp one rounding counts there; an error is divided by that.
    """

    value: float
    first: float
    reason: str = ""
    of_value: Function | None = None
    of_first: Function | None = None


EXACT = Bounds(0.0, 4.0)
STANDARD = Bounds(2.0, 4.0)


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    f: Function
    exact: Function | None
    domain: tuple[Domain, ...]
    bounds: Bounds = STANDARD

    def points(self, count: int) -> list[tuple[float, ...]]:
        """Points of the whole domain; the same ones in every run."""
        rng = random.Random(self.name)
        return [tuple(d.sample(rng) for d in self.domain) for _ in range(count)]

    def core_points(self, count: int) -> list[tuple[float, ...]]:
        """Points of the core; the same ones in every run."""
        rng = random.Random(f"core of {self.name}")
        return [tuple(d.sample_core(rng) for d in self.domain) for _ in range(count)]

    def special_points(self) -> list[tuple[float, ...]]:
        """Up to three floats to either side of what is special: 0, ±½, ±1, ±2, ±π/2, and the ends of the domain."""
        rng = random.Random(f"special {self.name}")
        return [
            tuple(x if j == i else other.sample_core(rng) for j, other in enumerate(self.domain))
            for i, d in enumerate(self.domain)
            for special in dict.fromkeys((*SPECIAL, *[-x for x in SPECIAL], d.low, d.high))
            for x in _beside(special)
            if d.low <= x <= d.high
        ]

    def __repr__(self) -> str:
        return self.name


SPECIAL = (0.0, 0.5, 1.0, 2.0, math.pi / 2)


def _beside(x: float) -> list[float]:
    """The three floats below and the three above."""
    below, above = [x], [x]
    for _ in range(3):
        below.append(math.nextafter(below[-1], -math.inf))
        above.append(math.nextafter(above[-1], math.inf))
    return [*below[1:], *above[1:]]


def _power(n: float) -> tuple[Function, Function]:
    return lambda a: a**n, lambda a: a ** mp.mpf(n)


def _exact_logsumexp(*xs: Any) -> Any:
    top = max(xs)
    return top + mp.log(mp.fsum([mp.exp(x - top) for x in xs]))


def _exact_dot(*operands: Any) -> Any:
    n = len(operands) // 2
    return mp.fdot(operands[:n], operands[n:-1]) + operands[-1]


def _softmax(*xs: Any) -> Any:
    return mp.exp(xs[0] - _exact_logsumexp(*xs))


def _exact_probit(p: Any) -> Any:
    """The number below which a standard normal one lies with probability p: Python's own quantile, made exact by Newton's method."""
    if p > 0.5:
        return -_exact_probit(1 - p)
    y, bits, full = mp.mpf(NormalDist().inv_cdf(float(p))), 40, mp.prec
    while bits < full:
        bits *= 2
        with mp.workprec(min(bits, full) + 20):
            y -= (mp.erfc(-y / mp.sqrt(2)) / 2 - p) * mp.sqrt(2 * mp.pi) * mp.exp(y * y / 2)
    return +y


def _through_zero(a: Any, b: Any) -> Any:
    """How many ulp of log(eᵃ + eᵇ) an ulp of the operands is."""
    y = _exact_logsumexp(a, b)
    return max(mp.one, (abs(a) * mp.exp(a - y) + abs(b) * mp.exp(b - y)) / abs(y)) if y else mp.inf


def _choose(condition: Function) -> tuple[Function, Function]:
    """where(condition(a, b), a·b, a + b), over numbers of either kind."""
    return lambda a, b: where(condition(a, b), a * b, a + b), lambda a, b: a * b if condition(a, b) else a + b


_ROUNDED_DIFFERENCE = "e to the power a − b inherits the rounding of a − b, up to |a − b| ulp"
# log(eᵃ + eᵇ) = M + L, M the larger operand and L = log(1 + e^−|a−b|), 0 < L ≤ log 2. It is small where M is near −L. Then the rounding of
# L, of an ulp of L ≈ |M|, is no more than what an ulp of the operand M does, whose slope is ½ or more: the function itself makes of an
# ulp of its operands (|a ∂a| + |b ∂b|)/|log(eᵃ + eᵇ)| ulp. No formula knows more of an operand than its float.
_CANCELS = "the result passes through zero, where an ulp of the larger operand is many of the result"
# p(1 − p) is added up from what comes back through x, g·p, and through the norm, −g·p·p, each a product of floats, rounded by u·p. Of
# p = 1 − ε a float holds ε to u/2 only: whatever is computed from p alone is off by 1/ε ulp. A rule that avoids it would have to be
# handed the sum of all other powers, as that of log_softmax is: another op than ÷, with n − 1 more additions for each of n shares.
_NEAR_ONE = "in p(1 − p) at p = 1 the rounding of p counts 1/(1 − p) times"
_LOG_SHARE = "of x − max x and the logarithm of the sum each is rounded, and so is their difference"
_CBRT = "the C library's ∛x is within 4 ulp (glibc), which counts twice in its slope"
_THIRTY_SECOND_ROOT = "a tail is read from its 32nd root, of whose rounding half an ulp stays, and that counts 8 times"
_GAMMA = "Python's Γ is within some 7 ulp; digamma and its kin are sums of a few dozen terms"
# log Γ is 0 at 2, with the slope ψ(2) = 0.42: there an ulp of x is x·ψ(x)/log Γ(x) ulp of the result, 6 at 2.5. Python's formula, a
# difference of two terms of 2 and more, which it rounds, loses as many.
_LOG_GAMMA = "near its zero at 2 an ulp of x is many of the result"
_BELL = "the product of two exponentials and a constant, each rounded"
_LIBRARY = "the value is that of math.erfc, by promise: the C library's, within 3 ulp (glibc)"
_EXPM1 = "just below 1 what the slope is made of, 1 + expm1(−2|x|), counts the rounding of expm1 5 times: 4.5 ulp, on average 0.5"
_ERFC = "the C library's erfc is within 3 ulp (glibc), and the slope of gelu is a sum of two terms of either sign"

CASES: tuple[Case, ...] = (
    # Arithmetic
    Case("add", operator.add, operator.add, (REAL, REAL), EXACT),
    Case("add constant", lambda a: a + 0.1, lambda a: a + mp.mpf(0.1), (REAL,), EXACT),
    Case("subtract", operator.sub, operator.sub, (REAL, REAL), EXACT),
    Case("subtract from constant", lambda a: 0.1 - a, lambda a: mp.mpf(0.1) - a, (REAL,), EXACT),
    Case("multiply", operator.mul, operator.mul, (REAL, REAL), EXACT),
    Case("square", lambda a: a * a, lambda a: a * a, (LARGE,), EXACT),
    Case("divide", operator.truediv, operator.truediv, (REAL, POSITIVE), EXACT),
    Case("divide by constant", lambda a: a / 3.0, lambda a: a / 3, (REAL,), EXACT),
    Case("reciprocal", lambda a: 1.0 / a, lambda a: 1 / a, (POSITIVE,), EXACT),
    Case("modulo", operator.mod, lambda a, b: a - b * mp.floor(a / b), (FEW, WEIGHT), EXACT),
    Case("negative", operator.neg, operator.neg, (REAL,), EXACT),
    Case("positive", operator.pos, operator.pos, (REAL,), EXACT),
    Case("abs", abs, abs, (REAL,), EXACT),
    Case("floor", ops.floor, mp.floor, (FEW,), EXACT),
    Case("sign", ops.sign, mp.sign, (REAL,), EXACT),
    # Rounding, remainders and signs
    Case("ceil", ops.ceil, mp.ceil, (BETWEEN,), EXACT),
    Case("trunc", ops.trunc, lambda a: mp.floor(a) if a >= 0 else mp.ceil(a), (BETWEEN,), EXACT),
    Case("rint", ops.rint, mp.nint, (BETWEEN,), EXACT),
    Case("round to 2 digits", lambda a: round(a, 2), None, (FEW,)),
    Case("shown with 2 digits", ops.shown_of(2), None, (FEW,)),
    Case("ulp", ops.ulp, None, (REAL,)),
    Case("nextafter", ops.nextafter, None, (REAL, REAL)),
    Case("floor_divide", operator.floordiv, lambda a, b: mp.floor(a / b), (FEW, WEIGHT), EXACT),
    Case(
        "fmod",
        ops.fmod,
        lambda a, b: abs(a) - b * mp.floor(abs(a) / b) if a >= 0 else -(-a - b * mp.floor(-a / b)),
        (FEW, WEIGHT),
        EXACT,
    ),
    Case("remainder", ops.remainder, lambda a, b: a - b * mp.nint(a / b), (FEW, WEIGHT), EXACT),
    Case("copysign", ops.copysign, lambda a, b: abs(a) if b >= 0 else -abs(a), (ONE_SIGN, ONE_SIGN), EXACT),
    # Powers
    Case("power", operator.pow, operator.pow, (BASE, EXPONENT)),
    Case("power of 2", lambda b: 2**b, lambda b: mp.mpf(2) ** b, (LOGIT,)),
    *(Case(f"**{n:g}", *_power(n), (SIGNED_BASE,)) for n in (0, 1, 2, 3, 5, -1, -2)),
    *(Case(f"**{n:g}", *_power(n), (BASE,)) for n in (0.5, -0.5, 1.5, 2.7)),
    Case("**1/3", *_power(1 / 3), (BASE,)),
    # Exponentials, logarithms, roots
    Case("exp", ag.exp, mp.exp, (SMALL_EXP,)),
    Case("expm1", ag.expm1, mp.expm1, (SMALL_EXP,)),
    Case("log", ag.log, mp.log, (POSITIVE,)),
    Case("log1p", ag.log1p, mp.log1p, (Domain(1e-300, 1e300, core=(-0.8, 4.0), least=1e-300),)),
    Case("log2", ag.log2, lambda a: mp.log(a) / mp.log(2), (POSITIVE,)),
    Case("log10", ag.log10, mp.log10, (POSITIVE,)),
    Case("sqrt", ag.sqrt, mp.sqrt, (POSITIVE,), EXACT),
    Case("cbrt", ops.cbrt, lambda a: mp.sign(a) * mp.cbrt(abs(a)), (ONE_SIGN,), Bounds(4.0, 8.0, _CBRT)),
    # Γ and its kin
    Case("gamma", ops.gamma, mp.gamma, (Domain(1e-3, 160.0, core=(0.5, 6.0)),), Bounds(8.0, 8.0, _GAMMA)),
    Case(
        "lgamma",
        ops.lgamma,
        mp.loggamma,
        (Domain(2.5, 1e4, core=(2.5, 40.0)),),
        Bounds(4.0, 4.0, _LOG_GAMMA, lambda a: max(mp.one, a * mp.psi(0, a) / mp.loggamma(a))),
    ),
    Case("digamma", ops.digamma, lambda a: mp.psi(0, a), (Domain(1e-3, 1e4, core=(0.2, 8.0)),)),
    Case(
        "polygamma 3",
        ops.polygamma_of(3),
        lambda a: mp.psi(3, a),
        (Domain(1e-3, 1e4, core=(0.2, 8.0)),),
        Bounds(6.0, 8.0, _GAMMA),
    ),
    # Circular and hyperbolic functions
    Case("sin", ag.sin, mp.sin, (ANGLE,)),
    Case("cos", ag.cos, mp.cos, (ANGLE,)),
    Case("tan", ag.tan, mp.tan, (TANGENT,)),
    Case("asin", ag.asin, mp.asin, (UNIT,)),
    Case("acos", ag.acos, mp.acos, (UNIT,)),
    Case("atan", ag.atan, mp.atan, (LARGE,)),
    Case("atan2", ag.atan2, mp.atan2, (REAL, POSITIVE)),
    Case("sinh", ag.sinh, mp.sinh, (SMALL_EXP,)),
    Case("cosh", ag.cosh, mp.cosh, (SMALL_EXP,)),
    Case("tanh", ag.tanh, mp.tanh, (Domain(-350.0, 350.0, core=(-4.0, 4.0), least=1e-20),)),
    Case("tanh just below 1", ag.tanh, mp.tanh, (Domain(0.97, 1.0, core=(0.97, 0.999)),), Bounds(2.0, 5.0, _EXPM1)),
    Case("asinh", ag.asinh, mp.asinh, (REAL,)),
    Case("acosh", ag.acosh, mp.acosh, (ABOVE_ONE,)),
    Case("atanh", ag.atanh, mp.atanh, (UNIT,)),
    Case("hypot", ag.hypot, mp.hypot, (REAL, REAL)),
    # The functions of probability
    Case("erf", ag.erf, mp.erf, (BELL,)),
    Case("erfc", ag.erfc, mp.erfc, (TAIL,), Bounds(3.0, 4.0, _LIBRARY)),
    Case("distribution", ops.distribution, lambda a: mp.erfc(-a / mp.sqrt(2)) / 2, (LONG_TAIL,), Bounds(4.0, 4.0, _ERFC)),
    Case("density", ops.density, lambda a: mp.exp(-a * a / 2) / mp.sqrt(2 * mp.pi), (LONG_TAIL,), Bounds(4.0, 4.0, _BELL)),
    Case("sigmoid", ag.sigmoid, lambda a: 1 / (1 + mp.exp(-a)), (LOGIT,)),
    Case("softplus", ag.softplus, lambda a: max(a, 0) + mp.log1p(mp.exp(-abs(a))), (LOGIT,)),
    Case("logsigmoid", ag.logsigmoid, lambda a: min(a, 0) - mp.log1p(mp.exp(-abs(a))), (LOGIT,)),
    Case("logaddexp", ag.logaddexp, _exact_logsumexp, (LOGIT, TERM)),
    Case("logaddexp of either sign", ag.logaddexp, _exact_logsumexp, (LOGIT, LOGIT), Bounds(4.0, 4.0, _CANCELS, _through_zero)),
    Case("xlogy", ag.xlogy, lambda a, b: a * mp.log(b), (REAL, POSITIVE)),
    # Random numbers
    Case("uniform", lambda a, b: ops.uniform_op(ops.floor(a), ops.floor(b), 3.0, 7.0), None, (COUNTER, COUNTER)),
    Case(
        "probit",
        ops.probit,
        _exact_probit,
        (PROBABILITY,),
        Bounds(8.0, 8.0, _THIRTY_SECOND_ROOT),
    ),
    # Kinks: activations and choices
    Case("relu", ag.relu, lambda a: max(a, mp.zero), (REAL,), EXACT),
    Case("leaky_relu", ag.leaky_relu, lambda a: a if a > 0 else mp.mpf(0.01) * a, (REAL,), EXACT),
    Case("elu", ag.elu, lambda a: a if a > 0 else mp.expm1(a), (LOGIT,)),
    Case("elu with alpha", lambda a: ag.elu(a, 0.7), lambda a: a if a > 0 else mp.mpf(0.7) * mp.expm1(a), (LOGIT,)),
    Case("silu", ag.silu, lambda a: a / (1 + mp.exp(-a)), (ACTIVATION,)),
    Case("gelu", ag.gelu, lambda a: a * mp.erfc(-a / mp.sqrt(2)) / 2, (LONG_TAIL,), Bounds(4.0, 8.0, _ERFC)),
    Case("maximum", ag.maximum, max, (REAL, REAL), EXACT),
    Case("minimum", ag.minimum, min, (REAL, REAL), EXACT),
    Case("clamp", lambda a: ag.clamp(a, -1.0, 1.0), lambda a: min(max(a, -mp.one), mp.one), (FEW,), EXACT),
    # Conditions, all of them through where
    Case("where less", *_choose(operator.lt), (FEW, FEW), EXACT),
    Case("where less equal", *_choose(operator.le), (FEW, FEW), EXACT),
    Case("where greater", *_choose(operator.gt), (FEW, FEW), EXACT),
    Case("where greater equal", *_choose(operator.ge), (FEW, FEW), EXACT),
    Case("where both", *_choose(lambda a, b: (a > -1) & (b < 1)), (FEW, FEW), EXACT),
    Case("where either", *_choose(lambda a, b: (a > 1) | (b < -1)), (FEW, FEW), EXACT),
    Case(
        "where not",
        lambda c, a, b: where(ops.negation(ops.floor(c)), a, b),
        lambda c, a, b: b if mp.floor(c) else a,
        (FEW, REAL, REAL),
        EXACT,
    ),
    # Without an oracle here, so that random programs do not draw it: test_take compares it with plain lists.
    Case("take", lambda c, a, b: ops.take_op(ops.greater(c, 0.0), ops.less_equal(c, 0.0), a, b), None, (FEW, REAL, REAL), EXACT),
    # Many operands
    Case("dot", lambda *xs: ag.dot(xs[:3], xs[3:6], xs[6]), _exact_dot, (WEIGHT,) * 7),
    Case("dot without bias", lambda *xs: ag.dot(xs[:2], xs[2:]), lambda *xs: mp.fdot(xs[:2], xs[2:]), (WEIGHT,) * 4),
    Case("fma", ag.math.fma, lambda a, b, c: a * b + c, (WEIGHT,) * 3, EXACT),
    Case("fsum", lambda *xs: ag.math.fsum(xs), lambda *xs: mp.fsum(xs), (REAL,) * 4, EXACT),
    Case("sumprod", lambda *xs: ag.math.sumprod(xs[:3], xs[3:]), lambda *xs: mp.fdot(xs[:3], xs[3:]), (LARGE,) * 6, EXACT),
    Case("sum", lambda *xs: ag.sum(xs), lambda *xs: mp.fsum(xs), (WEIGHT,) * 4),
    Case("logsumexp", lambda *xs: ag.logsumexp(xs), _exact_logsumexp, (TERM,) * 3),
    Case(
        "softmax",
        lambda *xs: ag.softmax(xs)[0],
        _softmax,
        (SCORE,) * 3,
        Bounds(
            4.0,
            8.0,
            f"{_ROUNDED_DIFFERENCE}; and {_NEAR_ONE}",
            lambda *xs: 1 + max(xs) - xs[0],
            lambda *xs: (1 + max(xs) - xs[0]) / (1 - _softmax(*xs)),
        ),
    ),
    Case(
        "log_softmax",
        lambda *xs: ag.log_softmax(xs)[1],
        lambda *xs: xs[1] - _exact_logsumexp(*xs),
        (LOGIT,) * 3,
        Bounds(4.0, 4.0, _LOG_SHARE),
    ),
    # Not a function of its operand as far as differentiation is concerned
    Case("stop_gradient", ag.stop_gradient, None, (REAL,), EXACT),
)

BY_NAME: dict[str, Case] = {case.name: case for case in CASES}
