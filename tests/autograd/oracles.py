"""What the engine is compared with: mpmath derivatives, distances in ulp, and a running bound of rounding errors.

Pure functions without pytest; a check returns the disagreements as text, so that the tests can also check the checks.
"""

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from mpmath import mp

from autograd import Value, ops, topological_order
from tests.cases import Case

# Central differences with steps of 2⁻¹⁰⁰: the truncation error is about 2⁻²⁰⁰.
STEP = -100
# Higher derivatives below this are 0: what is left of them is rounding errors.
LEAST = 2.0**-150
# A power of two other than 1: a rule that forgets its incoming derivative is found, and no rounding is added.
SEED = -2.0


# Bits that are tried first.
FEW = 400
# Expressions of many ops have steps like σ(1000), whose slope is what is left of 1 − σ.
LONG = 1500


def bits_at(point: Sequence[float], least: int = 500) -> int:
    """How many bits arithmetic needs there: more for operands of 1e−300 next to others of 1e300, and for e⁻ˣ next to 1."""
    exponents = [0, *[math.frexp(x)[1] for x in point if x]]
    largest = max([0.0, *map(abs, point)])
    exponential = 3 * math.ceil(min(largest, 30.0) ** 2) if largest < 800.0 else 0  # of e to the power −x², or of |x|
    return min(2500, least + 2 * (max(exponents) - min(exponents)) + exponential)


def ulps(got: float, exact: Any) -> float:
    """The distance in units in the last place of the exact result; 0 for the float nearest to it, inf for inf or nan astray."""
    nearest = float(exact)
    if got == nearest or (got != got and nearest != nearest):
        return 0.0
    if not (math.isfinite(got) and math.isfinite(nearest)):
        return math.inf
    with mp.workprec(200):
        return float(abs(mp.mpf(got) - exact) / math.ulp(nearest))


def same_bits(a: float, b: float) -> bool:
    """Whether two floats are the same to the bit; any nan is the same as any other."""
    return struct.pack("d", a) == struct.pack("d", b) or (a != a and b != b)


def differences(what: str, got: Sequence[float], expected: Sequence[float]) -> list[str]:
    """The places at which two sequences of floats differ in a bit, as text."""
    return [
        f"{what}[{i}]: got {a!r}, expected {b!r}"
        for i, (a, b) in enumerate(zip(got, expected, strict=True))
        if not same_bits(a, b)
    ]


# --- Exact derivatives ---------------------------------------------------------------------------------------------------------


def _steps(point: Sequence[Any]) -> list[Any]:
    return [mp.ldexp(abs(x) if x else mp.one, STEP) for x in point]


def _settled(numbers: Callable[[], list[Any]], most: int) -> list[Any]:
    """Numbers computed with few bits and some more, if that changes nothing that counts and none is 0; else with the most bits.

    Few bits are 2 to 6 times faster where 2,500 are needed at worst.
    """
    few = [_with_bits(numbers, bits) for bits in (FEW, FEW + FEW // 4)] if most > 2 * FEW else []
    if few and all(b and abs(a - b) <= mp.ldexp(abs(b), -80) for a, b in zip(*few, strict=True)):
        return few[-1]
    return _with_bits(numbers, most)


def _with_bits(numbers: Callable[[], list[Any]], bits: int) -> list[Any]:
    with mp.workprec(bits):
        return numbers()


@lru_cache(maxsize=4096)
def exact_value(f: Callable[..., Any], point: tuple[float, ...], least: int = 500) -> Any:
    """f(point) as an mpmath number; always with the most bits, since the last of them breaks ties."""
    with mp.workprec(bits_at(point, least)):
        return +f(*map(mp.mpf, point))


@lru_cache(maxsize=4096)
def exact_gradient(f: Callable[..., Any], point: tuple[float, ...], least: int = 500) -> list[Any]:
    """∂f/∂xᵢ as mpmath numbers."""

    def gradient() -> list[Any]:
        at = [mp.mpf(x) for x in point]
        return [_slope(f, at, i, h) for i, h in enumerate(_steps(at))]

    return _settled(gradient, bits_at(point, least))


def _moved(at: list[Any], *moves: tuple[int, Any]) -> list[Any]:
    out = list(at)
    for i, h in moves:
        out[i] += h
    return out


def _slope(f: Callable[..., Any], at: list[Any], i: int, h: Any) -> Any:
    ahead, behind = f(*_moved(at, (i, h))), f(*_moved(at, (i, -h)))
    is_noise = abs(ahead - behind) <= mp.ldexp(abs(ahead), 40 - mp.prec)
    return mp.zero if is_noise else (ahead - behind) / (2 * h)


@lru_cache(maxsize=4096)
def exact_hessian(f: Callable[..., Any], point: tuple[float, ...], least: int = 500) -> list[list[Any]]:
    """∂²f/∂xᵢ∂xⱼ as mpmath numbers."""
    n = len(point)

    def lower_half() -> list[Any]:
        at = [mp.mpf(x) for x in point]
        steps = _steps(at)
        return [mp.chop(_curvature(f, at, i, j, steps[i], steps[j]), LEAST) for i in range(n) for j in range(i + 1)]

    entries = _settled(lower_half, bits_at(point, least))
    return [[entries[max(i, j) * (max(i, j) + 1) // 2 + min(i, j)] for j in range(n)] for i in range(n)]


def _curvature(f: Callable[..., Any], at: list[Any], i: int, j: int, h: Any, k: Any) -> Any:
    if i == j:
        return (f(*_moved(at, (i, h))) - 2 * f(*at) + f(*_moved(at, (i, -h)))) / (h * h)
    corners = [(s * t) * f(*_moved(at, (i, s * h), (j, t * k))) for s in (1, -1) for t in (1, -1)]
    return mp.fsum(corners) / (4 * h * k)


@lru_cache(maxsize=4096)
def exact_third(f: Callable[..., Any], point: tuple[float, ...]) -> Any:
    """The third derivative of f along (1, 1, …) as an mpmath number."""

    def third() -> list[Any]:
        at = [mp.mpf(x) for x in point]
        h = mp.ldexp(mp.one, STEP)
        ahead = [f(*[x + k * h for x in at]) for k in (2, 1, -1, -2)]
        return [mp.chop((ahead[0] - 2 * ahead[1] + 2 * ahead[2] - ahead[3]) / (2 * h**3), LEAST)]

    return _settled(third, bits_at(point))[0]


# --- Running bound of rounding errors ------------------------------------------------------------------------------------------

U = 2.0**-53
_ROUNDED_ONCE = {"add", "subtract", "multiply", "divide", "sqrt", "modulo", "log_share"}
# Constants of the table that are no floats; all others are literals.
_ROUNDED_CONSTANTS = {ops.LN2, ops.LN10, ops.SQRT_HALF, ops.INV_SQRT_2PI, ops.TWO_OVER_SQRT_PI, ops.DEGREES, ops.RADIANS}
_EXACT = {"negative", "positive", "abs", "stop_gradient", "floor", "sign", "select", "maximum", "minimum", "relu", "log_rest"}


def _local_error(node: Value) -> float:
    """A bound of the rounding error that the op itself adds to its result."""
    name, size, operands = node.op.name, abs(node.data), [abs(v.data) for v in node._prev]
    if node.is_leaf or name == "constant" or name in _EXACT:
        return U * size if size in _ROUNDED_CONSTANTS else 0.0
    if name in _ROUNDED_ONCE:
        return U * size + 5e-324
    if name == "dot":
        n = len(operands) // 2
        return U * (n + 1) * (sum(w * x for w, x in zip(operands[:n], operands[n:-1], strict=True)) + operands[-1])
    if name == "sum":
        return U * len(operands) * sum(operands)
    if name in ("logaddexp", "logsumexp"):
        return U * (4.0 * size + 2.0 * max(operands) + 2.0 * len(operands))
    return 4.0 * U * size + 5e-324  # 2 ulp


def rounding_bounds(root: Value) -> dict[Value, float]:
    """A first-order bound of the rounding error of every node: errors of operands times slopes, plus the op's own."""
    bounds: dict[Value, float] = {}
    for node in topological_order(root):
        inherited = 0.0
        if not node.is_leaf and node.op.rule is not None:
            slopes = node.op.rule(1.0, node.data, *[v.data for v in node._prev])
            inherited = sum(abs(s) * bounds[v] for s, v in zip(slopes, node._prev, strict=True) if s is not None and bounds[v])
        bounds[node] = inherited + _local_error(node)
    return bounds


# --- Checks of a case ----------------------------------------------------------------------------------------------------------


def value_errors(case: Case, count: int) -> Iterator[tuple[tuple[float, ...], float, Any, float]]:
    """Point, value, exact value and error in ulp, at points of the whole domain and beside special ones."""
    assert case.exact is not None
    for point in (*case.points(count), *case.special_points()):
        got = case.f(*map(Value, point)).data
        exact = exact_value(case.exact, point)
        yield point, got, exact, ulps(got, exact)


def slope_errors(case: Case, count: int) -> Iterator[tuple[tuple[float, ...], float, Any, float]]:
    """Point, derivative by an operand, exact derivative and error in ulp, at points of the whole domain and beside special ones."""
    assert case.exact is not None
    for point in (*case.points(count), *case.special_points()):
        operands = [Value(x) for x in point]
        case.f(*operands).backward(seed=SEED)
        for v, exact in zip(operands, exact_gradient(case.exact, point), strict=True):
            yield point, v.grad, SEED * exact, ulps(v.grad, SEED * exact)
