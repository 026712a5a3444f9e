"""What the engine is compared with: mpmath derivatives, distances in ulp, and a running bound of rounding errors.

Pure functions without pytest; a check returns the disagreements as text, so that the tests can also check the checks.
"""

import math
import operator
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache, reduce
from typing import Any

from mpmath import mp

from autograd import Value, ops, topological_order
from tests.cases import BY_NAME, Case

# Central differences with steps of 2⁻¹⁰⁰: the truncation error is about 2⁻²⁰⁰. Of others it is as large as the step: next to the end of
# its domain, at 1 − 2⁻⁵³, the slope of asin was 8 ulp off with steps of 2⁻¹⁰⁰.
STEP, SHORT = -100, -200
# Higher derivatives below this are 0: what is left of them is rounding errors.
LEAST = 2.0**-150
# A power of two other than 1: a rule that forgets its incoming derivative is found, and no rounding is added.
SEED = -2.0


# Bits that are tried first, and how many ulp off they may find a slope that is not computed again with all of them: 2 to 6 times faster.
# If the engine finds nearly the same, that is no accident; if not, more bits must decide. A value needs fewer; a second or third
# derivative has steps of its own, whose truncation error is below 1/100 ulp.
FEW, NEAR = 400, 2.0
FEWEST = 200
FEWER, NEARER = 340, -60
# Expressions of many ops have steps like σ(1000), whose slope is what is left of 1 − σ.
LONG = 1500


def bits_at(point: Sequence[float], least: int = 500) -> int:
    """How many bits arithmetic needs there: more for operands of 1e−300 next to others of 1e300, and for e⁻ˣ next to 1."""
    exponents = [0, *[math.frexp(x)[1] for x in point if x]]
    largest = max([0.0, *map(abs, point)])
    exponential = math.ceil(1.5 * min(largest, 30.0) ** 2) if largest < 800.0 else 0  # of e to the power −x², or of |x|
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


def _steps(point: Sequence[Any], size: int = STEP) -> list[Any]:
    return [mp.ldexp(abs(x) if x else mp.one, size) for x in point]


@lru_cache(maxsize=4096)
def likely_slopes(f: Callable[..., Any], point: tuple[float, ...]) -> tuple[Any, list[Any]]:
    """f and ∂f/∂xᵢ by few bits and few evaluations; nan where these cannot tell a slope from rounding errors, as where it is 0."""
    with mp.workprec(FEW):
        at = [mp.mpf(x) for x in point]
        y, noise = f(*at), 120 - mp.prec
        rises = [(f(*_moved(at, (i, h))) - y, h) for i, h in enumerate(_steps(at, SHORT))]
        return y, [rise / h if abs(rise) > mp.ldexp(abs(y), noise) else mp.nan for rise, h in rises]


def likely_value(f: Callable[..., Any], point: tuple[float, ...]) -> Any:
    """f(point) by few bits."""
    with mp.workprec(FEWEST):
        return +f(*map(mp.mpf, point))


@lru_cache(maxsize=4096)
def exact_value(f: Callable[..., Any], point: tuple[float, ...], least: int = 500) -> Any:
    """f(point) as an mpmath number; always with the most bits, since the last of them breaks ties."""
    with mp.workprec(bits_at(point, least)):
        return +f(*map(mp.mpf, point))


@lru_cache(maxsize=4096)
def exact_slope(f: Callable[..., Any], point: tuple[float, ...], i: int, least: int = 500) -> Any:
    """∂f/∂xᵢ as an mpmath number."""
    with mp.workprec(bits_at(point, least)):
        at = [mp.mpf(x) for x in point]
        h = _steps(at)[i]
        ahead, behind = f(*_moved(at, (i, h))), f(*_moved(at, (i, -h)))
        is_noise = abs(ahead - behind) <= mp.ldexp(abs(ahead), 40 - mp.prec)
        return mp.zero if is_noise else (ahead - behind) / (2 * h)


def exact_gradient(f: Callable[..., Any], point: tuple[float, ...], least: int = 500) -> list[Any]:
    """All ∂f/∂xᵢ as mpmath numbers."""
    return [exact_slope(f, point, i, least) for i in range(len(point))]


def _moved(at: list[Any], *moves: tuple[int, Any]) -> list[Any]:
    out = list(at)
    for i, h in moves:
        out[i] += h
    return out


@lru_cache(maxsize=4096)
def exact_hessian(f: Callable[..., Any], point: tuple[float, ...], least: int = 500) -> list[list[Any]]:
    """∂²f/∂xᵢ∂xⱼ as mpmath numbers: each f one or two steps away counts for many of them."""
    n = len(point)
    with mp.workprec(bits_at(point, least)):
        at = [mp.mpf(x) for x in point]
        h = _steps(at)
        y, once = f(*at), [f(*_moved(at, (i, h[i]))) for i in range(n)]
        twice = {(i, j): f(*_moved(at, (i, h[i]), (j, h[j]))) for i in range(n) for j in range(i + 1)}
        entries = {(i, j): mp.chop((z - once[i] - once[j] + y) / (h[i] * h[j]), LEAST) for (i, j), z in twice.items()}
    return [[entries[max(i, j), min(i, j)] for j in range(n)] for i in range(n)]


@lru_cache(maxsize=4096)
def exact_third(f: Callable[..., Any], point: tuple[float, ...], least: int = 500) -> Any:
    """The third derivative of f along (1, 1, …) as an mpmath number."""
    with mp.workprec(bits_at(point, least)):
        at = [mp.mpf(x) for x in point]
        h = mp.ldexp(mp.one, STEP)
        ahead = [f(*[x + k * h for x in at]) for k in (2, 1, -1, -2)]
        return mp.chop((ahead[0] - 2 * ahead[1] + 2 * ahead[2] - ahead[3]) / (2 * h**3), LEAST)


def likely_higher(f: Callable[..., Any], point: tuple[float, ...]) -> list[Any]:
    """All ∂²f/∂xᵢ∂xⱼ and the third derivative along (1, 1, …), at a point of moderate numbers, by few bits: of a function of one number
    by five evaluations."""
    n = len(point)
    with mp.workprec(FEWER):
        h, at = mp.ldexp(mp.one, NEARER), [mp.mpf(x) for x in point]
        moved = cache(lambda *steps: f(*[x + k * h for x, k in zip(at, steps, strict=True)]))
        y, unit = moved(*[0] * n), [[int(i == j) for j in range(n)] for i in range(n)]

        def second(i: int, j: int) -> Any:
            return moved(*map(operator.add, unit[i], unit[j])) - moved(*unit[i]) - moved(*unit[j]) + y

        seconds = [mp.chop(second(i, j) / h**2, LEAST) for i in range(n) for j in range(n)]
        further, nearer = [moved(*[k] * n) - moved(*[-k] * n) for k in (2, 1)]
        return [*seconds, mp.chop((further - 2 * nearer) / (2 * h**3), LEAST)]


# --- Running bound of rounding errors ------------------------------------------------------------------------------------------

U = 2.0**-53
_ROUNDED_ONCE = {"add", "subtract", "multiply", "divide", "sqrt", "modulo", "log_share"}
# Constants of the table that are no floats; all others are literals.
_ROUNDED_CONSTANTS = {ops.LN2, ops.LN10, ops.SQRT_HALF, ops.INV_SQRT_2PI, ops.TWO_OVER_SQRT_PI, ops.DEGREES, ops.RADIANS}
# Ops whose rows of the table state other errors than 2 ulp, in ulp.
_STATED = {name: BY_NAME[name].bounds.value for name in ("cbrt", "erfc", "gamma", "distribution", "density", "probit", "gelu")}
_STATED |= {
    "sech2": BY_NAME["tanh just below 1"].bounds.first,
    "polygamma": BY_NAME["polygamma 3"].bounds.value,
    "gelu_slope": BY_NAME["gelu"].bounds.first,
}
_EXACT = {"negative", "positive", "abs", "stop_gradient", "floor", "sign", "select", "maximum", "minimum", "relu", "log_rest"}


def _local_error(node: Value, y: Any, operands: Sequence[Any]) -> Any:
    """A bound of the rounding error that the op itself adds to its result."""
    name, size, sizes = node.op.name, abs(y), [abs(x) for x in operands]
    if node.is_leaf or name == "constant" or name in _EXACT:
        return U * size if size in _ROUNDED_CONSTANTS else 0.0
    if name in _ROUNDED_ONCE:
        return U * size + 5e-324
    if name == "dot":
        n = len(sizes) // 2
        return U * (n + 1) * (sum([w * x for w, x in zip(sizes[:n], sizes[n:-1], strict=True)]) + sizes[-1])
    if name == "sum":
        return U * len(sizes) * sum(sizes)
    if name == "lgamma":  # 4 ulp for each that one rounding of its operand counts, as its row says
        return 8.0 * U * ops.maximum(size, sizes[0] * abs(ops.digamma(operands[0])))
    if name in ("logaddexp", "logsumexp"):
        return U * (4.0 * size + 2.0 * reduce(ops.maximum, sizes) + 2.0 * len(sizes))
    return 2.0 * U * _STATED.get(name.partition("[")[0], 2.0) * size + 5e-324


def rounding_bounds(*roots: Value) -> dict[Value, float]:
    """A first-order bound of the rounding error of every node: errors of operands times slopes, plus the op's own."""
    order = topological_order(*roots)
    return bounds_over(order, {node: node.data for node in order})


def bounds_over(order: Sequence[Value], numbers: Mapping[Value, Any]) -> dict[Value, Any]:
    """The same of nodes in topological order, with these numbers: floats, or lanes of them."""
    bounds: dict[Value, Any] = {}
    for node in order:
        inherited, y, operands = 0.0, numbers[node], [numbers[v] for v in node._prev]
        if not node.is_leaf and node.op.rule is not None:
            slopes = node.op.rule(1.0, y, *operands)
            inherited = sum([abs(s) * bounds[v] for s, v in zip(slopes, node._prev, strict=True) if s is not None and bounds[v]])
        bounds[node] = inherited + _local_error(node, y, operands)
    return bounds


def counts(amplification: Callable[..., Any] | None, point: tuple[float, ...]) -> float:
    """How many ulp of the result one rounding counts there."""
    if amplification is None:
        return 1.0
    with mp.workprec(FEW):
        return float(amplification(*map(mp.mpf, point)))


# --- Checks of a case ----------------------------------------------------------------------------------------------------------


def value_errors(case: Case, count: int) -> Iterator[tuple[tuple[float, ...], float, Any, float]]:
    """Point, value, exact value and error in ulp, at points of the whole domain and beside special ones."""
    assert case.exact is not None
    for point in (*case.points(count), *case.special_points()):
        got = case.f(*map(Value, point)).data
        exact = likely_value(case.exact, point)
        if not ulps(got, exact) <= min(NEAR, case.bounds.value):
            exact = exact_value(case.exact, point)
        yield point, got, exact, ulps(got, exact) / counts(case.bounds.of_value, point)


def slope_errors(case: Case, count: int) -> Iterator[tuple[tuple[float, ...], float, Any, float]]:
    """Point, derivative by an operand, exact derivative and error in ulp, at points of the whole domain and beside special ones."""
    assert case.exact is not None
    for point in (*case.points(count), *case.special_points()):
        operands = [Value(x) for x in point]
        case.f(*operands).backward(seed=SEED)
        for i, (v, likely) in enumerate(zip(operands, likely_slopes(case.exact, point)[1], strict=True)):
            exact = mp.fmul(SEED, likely, exact=True)
            if not ulps(v.grad, exact) <= NEAR:
                exact = mp.fmul(SEED, exact_slope(case.exact, point, i), exact=True)
            yield point, v.grad, exact, ulps(v.grad, exact) / counts(case.bounds.of_first, point)
