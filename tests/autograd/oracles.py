"""What the engine is compared with: mpmath derivatives, distances in ulp, and a running bound of rounding errors.

Pure functions without pytest; a check returns the disagreements as text, so that the tests can also check the checks.
"""

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from mpmath import mp

from autograd import Value, grad, topological_order
from tests.cases import Case

# Central differences with steps of 2⁻³⁰⁰ at 2,500 bits: the truncation error is about 2⁻⁶⁰⁰; the bits are for operands of 1e−300
# next to others of 1e300.
BITS, STEP = 2500, -300
# A power of two other than 1: a rule that forgets its incoming derivative is found, and no rounding is added.
SEED = -2.0


def ulps(got: float, exact: Any) -> float:
    """The distance in units in the last place of the exact result; 0 for the float nearest to it, inf for inf or nan astray."""
    nearest = float(exact)
    if got == nearest or (got != got and nearest != nearest):
        return 0.0
    if not (math.isfinite(got) and math.isfinite(nearest)):
        return math.inf
    with mp.workprec(BITS):
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


@cache
def exact_value(f: Callable[..., Any], point: tuple[float, ...]) -> Any:
    """f(point) as an mpmath number."""
    with mp.workprec(BITS):
        return +f(*map(mp.mpf, point))


@cache
def exact_gradient(f: Callable[..., Any], point: tuple[float, ...]) -> list[Any]:
    """∂f/∂xᵢ as mpmath numbers."""
    with mp.workprec(BITS):
        at = [mp.mpf(x) for x in point]
        return [_slope(f, at, i, h) for i, h in enumerate(_steps(at))]


def _moved(at: list[Any], *moves: tuple[int, Any]) -> list[Any]:
    out = list(at)
    for i, h in moves:
        out[i] += h
    return out


def _slope(f: Callable[..., Any], at: list[Any], i: int, h: Any) -> Any:
    return (f(*_moved(at, (i, h))) - f(*_moved(at, (i, -h)))) / (2 * h)


@cache
def exact_hessian(f: Callable[..., Any], point: tuple[float, ...]) -> list[list[Any]]:
    """∂²f/∂xᵢ∂xⱼ as mpmath numbers."""
    with mp.workprec(BITS):
        at = [mp.mpf(x) for x in point]
        steps = _steps(at)

        def entry(i: int, j: int) -> Any:
            h, k = steps[i], steps[j]
            if i == j:
                return (f(*_moved(at, (i, h))) - 2 * f(*at) + f(*_moved(at, (i, -h)))) / (h * h)
            corners = [(s * t) * f(*_moved(at, (i, s * h), (j, t * k))) for s in (1, -1) for t in (1, -1)]
            return mp.fsum(corners) / (4 * h * k)

        rows = [[entry(i, j) if j <= i else None for j in range(len(at))] for i in range(len(at))]
        return [[rows[max(i, j)][min(i, j)] for j in range(len(at))] for i in range(len(at))]


# --- Running bound of rounding errors ------------------------------------------------------------------------------------------

U = 2.0**-53
_ROUNDED_ONCE = {"add", "subtract", "multiply", "divide", "sqrt", "modulo", "leaf", "constant"}
_EXACT = {"negative", "positive", "abs", "stop_gradient", "floor", "sign", "select", "maximum", "minimum", "relu"}


def _local_error(node: Value) -> float:
    """A bound of the rounding error that the op itself adds to its result."""
    name, size, operands = node.op.name, abs(node.data), [abs(v.data) for v in node._prev]
    if node.is_leaf or name in _EXACT:
        return 0.0
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


def _line(case: Case, what: str, point: Sequence[float], got: float, exact: Any, error: float, bound: float) -> str:
    at = ", ".join(map(repr, point))
    return f"{what} of {case.name} at {at}: got {got!r}, expected {float(exact)!r}; {error:.3g} ulp, allowed {bound:g}"


def value_errors(case: Case, count: int) -> Iterator[tuple[tuple[float, ...], float, Any, float]]:
    """Point, value, exact value and error in ulp, at points of the whole domain."""
    assert case.exact is not None
    for point in case.points(count):
        got = case.f(*map(Value, point)).data
        exact = exact_value(case.exact, point)
        yield point, got, exact, ulps(got, exact)


def slope_errors(case: Case, count: int) -> Iterator[tuple[tuple[float, ...], float, Any, float]]:
    """Point, derivative by an operand, exact derivative and error in ulp, at points of the whole domain."""
    assert case.exact is not None
    for point in case.points(count):
        operands = [Value(x) for x in point]
        case.f(*operands).backward(seed=SEED)
        for v, exact in zip(operands, exact_gradient(case.exact, point), strict=True):
            yield point, v.grad, SEED * exact, ulps(v.grad, SEED * exact)


def wrong_values(case: Case, count: int) -> list[str]:
    """Where the value is further from the exact one than the case allows."""
    bound = case.bounds.value
    return [_line(case, "value", *e, bound) for e in value_errors(case, count) if not e[-1] <= bound]


def wrong_slopes(case: Case, count: int) -> list[str]:
    """Where a first derivative, times a seed of −2, is further from the exact one than the case allows."""
    bound = case.bounds.first
    return [_line(case, "−2·derivative", *e, bound) for e in slope_errors(case, count) if not e[-1] <= bound]


def wrong_curvatures(case: Case, count: int, bound: float = 16.0) -> list[str]:
    """Where a second derivative is off by more than 16 ulp and by more than the running bound, at points of the core.

    The running bound is what decides where terms cancel and the exact result is close to zero.
    """
    assert case.exact is not None
    wrong = []
    for point in case.core_points(count):
        operands = [Value(x) for x in point]
        hessian = exact_hessian(case.exact, point)
        for slope, row in zip(grad(case.f(*operands), operands), hessian, strict=True):
            for curvature, exact in zip(grad(slope, operands), row, strict=True):
                error = ulps(curvature.data, exact)
                if error > bound and abs(curvature.data - float(exact)) > rounding_bounds(curvature)[curvature]:
                    wrong.append(_line(case, "second derivative", point, curvature.data, exact, error, bound))
    return wrong
