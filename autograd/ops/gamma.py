"""Γ(x), log |Γ(x)|, and the derivatives of the latter: digamma ψ(x) and the polygamma functions ψ⁽ⁿ⁾(x).

Values of Γ and log |Γ| are Python's. ψ⁽ⁿ⁾ is computed here: from the series for large x (Abramowitz and Stegun 6.3.18, 6.4.11), to which
the recurrence leads from smaller x, and by reflection from negative ones (6.3.7, 6.4.7). Against mpmath on (0, 10⁶) ψ is
within 2 ulp and the others within 6 for n < 6; near zeros on the negative axis only the absolute error is small.
"""

import math
from functools import cache

from autograd.ops.row import Number, Op
from autograd.ops.total import INF, NAN, total

# Bernoulli numbers B₂, B₄ … B₂₀ as quotients; the term of B₂₂ is below u/25 of the sum for every n.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
# ψ's zero as the sum of two floats, and how near to it ψ is a Taylor series: the pole at 0 is 1.46 away.
_ZERO, _ZERO_REST, _NEAR, _TERMS = 1.4616321449683622, 9.549995429965697e-17, 0.65, 48
_FROM = 12.0  # the series serve from here on, more for higher n
_LOG, _LOG_REST = 2.4849066497880004, -4.433203607308931e-17  # log 12 as the sum of two floats


@cache
def _taylor() -> list[float]:
    return [_polygamma(k, _ZERO) / math.factorial(k) for k in range(1, _TERMS)]


def _digamma(x: float) -> float:
    if abs(x - _ZERO) < _NEAR:
        step, total = (x - _ZERO) - _ZERO_REST, 0.0
        for c in reversed(_taylor()):
            total = total * step + c
        return total * step
    terms, rest = [], 0.0  # what x lacks of the number that it stands for
    while x < _FROM:
        terms += [-1.0 / x, rest / (x * x)]
        x, before = x + 1.0, x
        rest += before - (x - 1.0)
    square = 1.0 / (x * x)
    tail = math.fsum([b / (2 * k) * square**k for k, b in enumerate(_BERNOULLI, 1)])
    # What led here is 12 to 13, whose logarithm would be rounded to the size of ψ's last place at 3.5: that of x/12 is small.
    log = (_LOG, _LOG_REST, math.log1p((x - _FROM + rest) / _FROM)) if x < _FROM + 1.0 else (math.log(x),)
    return math.fsum([*terms, *log, -0.5 / x, -tail])


def _polygamma(n: int, x: float) -> float:
    """ψ⁽ⁿ⁾(x) for n ≥ 1 and x > 0: (−1)ⁿ⁺¹ n! Σ 1/(x + k)ⁿ⁺¹, all terms of one sign."""
    terms = []
    while x < _FROM + n:
        terms.append(x ** -(n + 1.0) if x > 1e-300 else total(math.pow, lambda a, b: INF)(x, -(n + 1.0)))
        x += 1.0
    terms += [x**-n / n, 0.5 * x ** -(n + 1.0)]
    for k, b in enumerate(_BERNOULLI, 1):  # Euler and Maclaurin's sum
        terms.append(b / math.factorial(2 * k) * math.prod(range(n + 1, n + 2 * k)) * x ** -(n + 2.0 * k))
    return (-1.0) ** (n + 1) * math.factorial(n) * math.fsum(terms)


@cache
def _cotangent(n: int) -> tuple[int, ...]:
    """Coefficients of the polynomial P with dⁿ/dtⁿ cot t = P(cot t)."""
    if n == 0:
        return 0, 1
    slope = [i * c for i, c in enumerate(_cotangent(n - 1))][1:]
    return tuple([-(a + b) for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)])


def _value(n: int, x: float) -> float:
    if x != x or x == -INF or (x <= 0.0 and x == math.floor(x)):
        return NAN
    if x == INF:
        return 0.0 if n else INF
    positive = _polygamma if n else lambda n, x: _digamma(x)
    if x > 0.0:
        return positive(n, x)
    cotangent, p = 1.0 / math.tan(math.pi * (x - round(x))), 0.0
    for c in reversed(_cotangent(n)):
        p = p * cotangent + c
    return (-1.0) ** n * positive(n, 1.0 - x) - math.pi ** (n + 1) * p


def polygamma_of(n: float) -> Op:
    """The op ψ⁽ⁿ⁾ for a constant n: one for 3 and 3.0."""
    return _polygamma_of(int(n))


@cache
def _polygamma_of(order: int) -> Op:
    return Op(
        f"polygamma[{order}]",
        total(lambda a: _value(order, a), lambda a: (-1.0) ** (order + 1) * INF),
        lambda g, y, a: (g * polygamma_of(order + 1)(a),),
        symbol=f"ψ{order or ''}",
    )


def digamma(x: Number) -> Number:
    """ψ(x), the derivative of log Γ(x); nan at 0, −1, −2 …

    >>> round(digamma(1.0), 12)
    -0.577215664902
    """
    return polygamma_of(0)(x)


def _gamma_limit(a: float) -> float:
    if -1.0 < a <= 0.0:  # the pole at 0, and next to it
        return math.copysign(INF, a)
    return INF if a > 0.0 else NAN


gamma = Op("gamma", total(math.gamma, _gamma_limit), lambda g, y, a: (g * (y * digamma(a)),), "Γ(x); nan at −1, −2 …", symbol="Γ")
lgamma = Op("lgamma", total(math.lgamma, lambda a: INF), lambda g, y, a: (g * digamma(a),), "log |Γ(x)|.", symbol="log Γ")
