"""The Γ family for other languages, written over any kind of number, like ``lowered``.

Against the table's values, where these are finite: Γ within 10⁻¹³ relative, log |Γ|, ψ and ψ⁽ⁿ⁾ within 10⁻¹³ of the larger of 1 and the
value (away from the poles). Infinities, zeros, poles and nan are the same.

Sources: Stirling's series and the recurrences and reflections of Γ and ψ⁽ⁿ⁾ (Abramowitz and Stegun 6.1, 6.3, 6.4).
"""

import math
from functools import cache

from autograd import ops
from autograd.ops import Number, Op, where
from autograd.ops.gamma import _BERNOULLI, _cotangent

# The series serve from here on; the recurrences lead there from 0 in as many steps, more for derivatives.
FROM = 12
TERMS = len(_BERNOULLI)


def _stirling(x: Number) -> Number:
    """log Γ(x) − (x − ½) log x + x − ½ log 2π for x ≥ 12."""
    inverse = ops.divide(1.0, x)
    square, total = inverse * inverse, 0.0
    for k in range(TERMS, 0, -1):
        total = total * square + _BERNOULLI[k - 1] / (2 * k * (2 * k - 1))
    return total * inverse


def _raised(x: Number) -> tuple[Number, Number]:
    """x + n from 12 on, and the product x·(x + 1) … (x + n − 1), for x ≥ 0."""
    product: Number = 1.0
    for _ in range(FROM):
        is_small = x < FROM
        product = product * where(is_small, x, 1.0)
        x = where(is_small, x + 1.0, x)
    return x, product


def _parts(x: Number) -> tuple[Number, Number, Number, Number]:
    """Whether x is positive, x or for others 1 − x, and sin(πr)/π and cos πr for what x is from the next whole number."""
    is_positive, rest = x > 0.0, x - ops.rint(x)
    angle = math.pi * rest  # of a subnormal number not even one digit is right
    sine = where(abs(rest) < 1e-150, rest, ops.divide(ops.sin(angle), math.pi))
    return is_positive, where(is_positive, x, 1.0 - x), sine, ops.cos(angle)


def _is_pole(x: Number) -> Number:
    """Whether x is 0, −1, −2 …; −∞ is none."""
    return (x <= 0.0) & ops.equal(ops.floor(x), x) & (x > -math.inf)


def gamma(x: Number) -> Number:
    """Γ(x)."""
    is_positive, size, sine, _ = _parts(x)
    y, product = _raised(size)
    half = ops.power_both(y, 0.5 * (y - 0.5))  # yʸ overflows before Γ does
    whole = math.sqrt(2.0 * math.pi) * half * (ops.exp(_stirling(y) - y) * half)
    right = where(size > 172.0, math.inf, ops.divide(whole, product))
    sign = where(ops.equal(ops.modulo(ops.rint(x), 2.0), 0.0), 1.0, -1.0)
    left = ops.divide(1.0, sign * sine * right)
    finite = where(is_positive, right, where(_is_pole(x), ops.divide(1.0, where(ops.equal(x, 0.0), x, math.nan)), left))
    return where(ops.equal(x, -math.inf), math.nan, finite)


def lgamma(x: Number) -> Number:
    """log |Γ(x)|."""
    is_positive, size, sine, _ = _parts(x)
    y, product = _raised(size)
    right = (y - 0.5) * ops.log(y) - y + (0.5 * math.log(2.0 * math.pi) + _stirling(y)) - ops.log(product)
    left = -ops.log(abs(sine)) - right
    infinite = _is_pole(x) | ops.equal(abs(x), math.inf)
    return where(infinite, math.inf, where(is_positive, right, left))


def _psi(n: int, x: Number) -> Number:
    """ψ⁽ⁿ⁾ for x > 0."""
    steps = FROM + n
    total: Number = 0.0
    for _ in range(steps):
        is_small = x < steps
        total = total + where(is_small, _power(ops.divide(1.0, x), n + 1), 0.0)
        x = where(is_small, x + 1.0, x)
    inverse = ops.divide(1.0, x)
    square, series = inverse * inverse, 0.0
    for k in range(TERMS, 0, -1):
        series = series * square + _BERNOULLI[k - 1] / math.factorial(2 * k) * math.factorial(n + 2 * k - 1) / math.factorial(n)
    if n == 0:
        return ops.log(x) - 0.5 * inverse - series * square - total
    tail = _power(inverse, n) / n + 0.5 * _power(inverse, n + 1) + series * _power(inverse, n + 2)
    return (-1.0) ** (n + 1) * math.factorial(n) * (total + tail)


def _power(x: Number, n: int) -> Number:
    result = x
    for _ in range(n - 1):
        result = result * x
    return result


def _polygamma(n: int, x: Number) -> Number:
    is_positive, size, sine, cosine = _parts(x)
    right, cotangent, reflected = _psi(n, size), ops.divide(cosine, math.pi * sine), 0.0
    for c in reversed(_cotangent(n)):
        reflected = reflected * cotangent + c
    left = (-1.0) ** n * right - math.pi ** (n + 1) * reflected
    at_infinity = where(x > 0.0, 0.0 if n else math.inf, math.nan)
    unusual = _is_pole(x) | ops.equal(abs(x), math.inf)
    return where(unusual, where(_is_pole(x), math.nan, at_infinity), where(is_positive, right, left))


@cache
def polygamma_of(n: int) -> Op:
    """ψ⁽ⁿ⁾ as an op; ψ for 0."""
    return Op(f"special polygamma {n}", lambda x: _polygamma(n, x), None)
