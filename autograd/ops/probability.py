"""The functions of probability: the error function, the logistic function and their kin, and the activations made of them."""

import math
from collections.abc import Callable, Sequence
from functools import cache, reduce

from autograd.ops.arithmetic import divide, stop_gradient
from autograd.ops.choosing import chosen, equal, maximum, minimum, where
from autograd.ops.elementary import exp, expm1, log, log1p, restored, sqrt, tanh
from autograd.ops.row import Contributions, Number, Op, real_number
from autograd.ops.total import INV_SQRT_2PI, LN2, SQRT_HALF, TWO_OVER_SQRT_PI

# --- The normal distribution ---


def upper_half(a: Number) -> Number:
    """The upper 26 bits of a float: the square of these is exact (2²⁷ + 1 splits a float; Veltkamp)."""
    lifted = 134217729.0 * a
    return lifted - (lifted - a)


def _bell(c: float, a: Number) -> Number:
    # exp(−c·x²) with the square in two parts: rounding x² alone would cost c·x² ulp.
    high = upper_half(a)
    return chosen(
        abs(a) < 40.0,
        lambda: exp(-c * (high * high)) * exp(-c * ((a - high) * (a + high))),
        lambda: exp(-c * (a * a)),
    )


gaussian = Op("gaussian", lambda a: _bell(1.0, a), lambda g, y, a: (g * (-2.0 * a * y),), "exp(−x²).")
erf = Op("erf", math.erf, lambda g, y, a: (g * (TWO_OVER_SQRT_PI * gaussian(a)),), "The error function.")
erfc = Op("erfc", math.erfc, lambda g, y, a: (-(g * (TWO_OVER_SQRT_PI * gaussian(a))),), "1 − erf(x), exact for large x.")


def _density(a: Number) -> Number:
    return INV_SQRT_2PI * _bell(0.5, a)


density = Op(
    "density",
    _density,
    lambda g, y, a: (-(g * a * y),),
    "φ(x) = exp(−x²/2)/√(2π), the density of the normal distribution.",
    symbol="φ",
)
# √½ as 26 bits and the rest: the product of the first with 26 bits is exact.
_ROOT, _ROOT_REST = 0.7071067690849304, 1.210161710447897e-08


def _distribution(a: Number) -> Number:
    """½ erfc(−x/√2). The rounding of x/√2 counts x² times in the tail, 1,400 ulp at −38: there it is put back."""
    scaled = SQRT_HALF * a

    def corrected() -> Number:
        high = upper_half(a)
        rest = ((high * _ROOT - scaled) + (a - high) * _ROOT) + a * _ROOT_REST
        # −erfc′/erfc at w = −x/√2 is w + √(w² + 2), to 4 % at 1 and 1e-6 at 26: enough for a rest below the last place.
        return erfc(-scaled) * (1.0 + stop_gradient(rest * (sqrt(scaled * scaled + 2.0) - scaled)))

    return 0.5 * chosen((a > -1.0) | (a < -40.0), lambda: erfc(-scaled), corrected)


distribution = Op(
    "distribution",
    _distribution,
    lambda g, y, a: (g * density(a),),
    "Φ(x) = ½ erfc(−x/√2), the distribution function of the normal distribution.",
    symbol="Φ",
)


def _xlogy_rule(g: Number, y: Number, a: Number, b: Number) -> Contributions:
    vanishes = equal(a, 0.0) & (b <= 0.0)
    return where(vanishes, 0.0, g * log(b)), where(vanishes, 0.0, g * divide(a, b))


xlogy = Op(
    "xlogy",
    lambda a, b: where(equal(a, 0.0) & (b >= b), 0.0, a * log(b)),
    _xlogy_rule,
    "x·log y, and 0 where x is 0: the summand of an entropy.",
)


def _sigmoid(a: Number) -> Number:
    e = exp(-abs(a))  # by sign of x: the exponential never overflows
    return divide(where(a >= 0.0, 1.0, e), 1.0 + e)


def _logaddexp(a: Number, b: Number) -> Number:
    return where(equal(a, b), a + LN2, maximum(a, b) + log1p(exp(-abs(a - b))))


sigmoid: Op = Op(
    "sigmoid",
    _sigmoid,
    lambda g, y, a: (g * (y * sigmoid(-a)),),  # σ(x)σ(−x): σ(1 − σ) is 2.9e8 ulp off at x = 20
    "The logistic function 1/(1 + e⁻ˣ).",
    symbol="σ",
)
softplus = Op(
    "softplus",
    lambda a: maximum(a, 0.0) + log1p(exp(-abs(a))),
    lambda g, y, a: (g * sigmoid(a),),
    "log(1 + eˣ), without overflow.",
)
logsigmoid = Op(
    "logsigmoid",
    lambda a: minimum(a, 0.0) - log1p(exp(-abs(a))),
    lambda g, y, a: (g * sigmoid(-a),),
    "log σ(x), without overflow.",
)

logaddexp = Op(
    "logaddexp",
    _logaddexp,
    lambda g, y, a, b: (g * restored(sigmoid(a - b), a, b), g * restored(sigmoid(b - a), b, a)),
    "log(eᵃ + eᵇ), without overflow.",
)

# --- Activations ---

# The slopes of silu and gelu pass through 0, where their terms cancel: next to the zero, which is known as the sum of two floats, a
# slope is its Taylor series in the distance from it.
_SILU_ZERO, _SILU_REST = -1.2784645427610737, -1.0946994183093437e-16
_GELU_ZERO, _GELU_REST = -0.7517915246935645, 1.4956759177009883e-17
_NEAR, _TERMS = 0.25, 16


def _silu_terms() -> list[float]:
    """Taylor series of 1 + x + eˣ about its zero z, where eᶻ = −1 − z."""
    power = (-1.0 - _SILU_ZERO) - _SILU_REST
    return [0.0, 1.0 + power, *[power / math.factorial(n) for n in range(2, _TERMS)]]


def _gelu_terms() -> list[float]:
    """Taylor series of Φ(x) + x·φ(x) about its zero z, from those of φ and of its slope (2 − x²)·φ(x)."""
    z = _GELU_ZERO
    bell = [0.0, 0.0, density(z), -z * density(z)]
    for n in range(1, _TERMS):
        bell.append(-(z * bell[-1] + bell[-2]) / (n + 1))
    slopes = [(2.0 - z * z) * c - 2.0 * z * b - a for a, b, c in zip(bell, bell[1:], bell[2:], strict=False)]
    return [0.0, *[slope / n for n, slope in enumerate(slopes, 1)]]


def _series(terms: Sequence[float], t: Number) -> Number:
    return reduce(lambda total, c: total * t + c, reversed(terms[:-1]), terms[-1])


def _near(a: Number, zero: float, rest: float, terms: Sequence[float], elsewhere: Callable[[], Number]) -> Number:
    """A function with that zero: its series next to it."""
    t = (a - zero) - rest
    return chosen(abs(t) < _NEAR, lambda: _series(terms, t), elsewhere)


_SILU_TERMS, _GELU_TERMS = _silu_terms(), _gelu_terms()


def _silu_slope(a: Number) -> Number:
    e = exp(-abs(a))
    below = lambda: e * _near(a, _SILU_ZERO, _SILU_REST, _SILU_TERMS, lambda: (1.0 + a) + e)  # noqa: E731 -- a branch
    return divide(chosen(a >= 0.0, lambda: 1.0 + (1.0 + a) * e, below), (1.0 + e) * (1.0 + e))


silu_slope = Op(
    "silu_slope",
    _silu_slope,
    lambda g, y, a: (g * (sigmoid(a) * sigmoid(-a) * (2.0 - a * tanh(0.5 * a))),),
    "σ(x) + x·σ(x)σ(−x), the slope of silu.",
    symbol="silu′",
)
gelu_slope = Op(
    "gelu_slope",
    lambda a: _near(a, _GELU_ZERO, _GELU_REST, _GELU_TERMS, lambda: _distribution(a) + a * _density(a)),
    lambda g, y, a: (g * (2.0 * density(a) - a * (a * density(a))),),
    "Φ(x) + x·φ(x), the slope of gelu.",
    symbol="gelu′",
)
silu = Op(
    "silu",
    lambda a: divide(where(a >= 0.0, a, a * exp(-abs(a))), 1.0 + exp(-abs(a))),
    lambda g, y, a: (g * silu_slope(a),),
    "x·σ(x), also called swish (Elfwing, Uchibe, Doya 2018).",
)
gelu = Op(
    "gelu",
    lambda a: a * _distribution(a),
    lambda g, y, a: (g * gelu_slope(a),),
    "x·Φ(x) with the normal distribution function Φ (Hendrycks and Gimpel 2016).",
)


@cache
def elu_of(alpha: float) -> Op:
    """The op elu for a constant alpha."""
    return Op(
        f"elu[{alpha!r}]",
        lambda a: where(a > 0.0, a, alpha * expm1(a)),
        lambda g, y, a: (where(a >= 0.0, g, g * (alpha * exp(a))),),
        symbol="elu",
    )


def elu(x: Number, alpha: float = 1.0) -> Number:
    """``x`` above 0 and ``alpha·(eˣ − 1)`` below it (Clevert, Unterthiner, Hochreiter 2016).

    >>> elu(1.5)
    1.5
    """
    return elu_of(real_number(alpha, "alpha"))(x)
