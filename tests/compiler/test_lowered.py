"""Functions built of simpler ones for targets that lack them: against the C library, at edges too."""

import math
import random
from itertools import product

import pytest

from autograd import ops
from autograd.compiler.kernels import body_of
from autograd.compiler.targets.lowered import LOWERED, lowered
from autograd.ops import Op
from tests.compiler.test_javascript import points_for
from tests.compiler.wild import SPECIAL

PRIMITIVE = {"exp", "log", "sin", "cos", "tanh", "sqrt"}


@pytest.mark.parametrize("op", LOWERED, ids=lambda op: op.name)
def test_values(op: Op) -> None:
    arity = 2 if op is ops.atan2 else 1
    for point in [*points_for(op.name)[::200], *product(SPECIAL, repeat=arity)]:
        got, expected = LOWERED[op].value(*point), op(*point)
        is_close = math.isclose(got, expected, rel_tol=1e-13, abs_tol=5e-324)
        assert (got != got and expected != expected) or (is_close and math.copysign(1.0, got) == math.copysign(1.0, expected)), (
            f"{op.name}{tuple(point)}: got {got!r}, expected {expected!r}"
        )


@pytest.mark.parametrize("op", LOWERED, ids=lambda op: op.name)
def test_bodies_are_of_simpler_functions(op: Op) -> None:
    body = body_of(LOWERED[op], 2 if op is ops.atan2 else 1)
    named = {step.op.name for step in body.instructions if step.op in LOWERED or step.op.name in PRIMITIVE}
    assert named <= PRIMITIVE


# Of what is built for ops of Python floats: where it is tried, and how far it may be from the table's value, in terms of the value
# or of the larger of 1 and the value.
GAMMAS = [(ops.gamma, -30.0, 171.0, 0.0), (ops.lgamma, -30.0, 1e3, 1.0)] + [
    (ops.polygamma_of(n), -20.0, 60.0, 1.0) for n in (0, 1, 2, 3, 5)
]
EDGES = (*SPECIAL, -1.0, -2.0, -5.0, 1.0, 2.0, 171.7, 200.0, -170.5, 1e-20, -0.5, 1e300, -1e300)


@pytest.mark.parametrize("op, low, high, least", GAMMAS, ids=lambda x: x.name if isinstance(x, Op) else "")
def test_the_gamma_family(op: Op, low: float, high: float, least: float) -> None:
    rng, built = random.Random(op.name), lowered(op)
    assert built is not None
    for x in [*EDGES, *[rng.uniform(low, high) * 10.0 ** rng.uniform(-3.0, 0.0) for _ in range(3000)]]:
        got, expected = built.value(x), op(x)
        apart = abs(got - expected) <= 1e-13 * max(least, abs(expected))
        assert got == expected or (got != got and expected != expected) or apart, (
            f"{op.name}({x!r}): {got!r}, expected {expected!r}"
        )


@pytest.mark.parametrize("op, arity", [(ops.fma, 3), (ops.fsum_op, 6), (ops.sumprod_op, 6)], ids=lambda x: getattr(x, "name", ""))
def test_sums_that_are_rounded_once(op: Op, arity: int) -> None:
    """Also where all leading digits cancel."""
    rng, built = random.Random(op.name), lowered(op)
    assert built is not None
    for k in range(3000):
        xs = [rng.gauss(0.0, 1.0) * 10.0 ** rng.randrange(-6, 7) for _ in range(arity)]
        if k % 2:
            xs[-1] = -xs[0] * (xs[1] if op is ops.fma else 1.0)
        got, expected = built.value(*xs), op(*xs)
        assert math.isclose(got, expected, rel_tol=1e-15, abs_tol=1e-28 * max(map(abs, xs)) ** 2), (xs, got, expected)
    for xs in product((0.0, -0.0, 1.0, math.inf, -math.inf, math.nan), repeat=3):
        operands = (*xs, *xs)[:arity]
        got, expected = built.value(*operands), op(*operands)
        assert got == expected or (got != got and expected != expected), (op.name, operands, got, expected)


@pytest.mark.parametrize("digits", [1, 2, 9, 15, 16, 22, -1, -3, -22])
def test_rounding_to_digits_has_pythons_bits(digits: int) -> None:
    """Near halves, at them, and where floats have no such digits."""
    op, rng = ops.round_of(digits), random.Random(digits)
    built = lowered(op)
    assert built is not None
    halves = [(rng.randint(-(10**6), 10**6) + 0.5) / 10.0**digits for _ in range(500)]
    large = [rng.uniform(-2.0, 2.0) * 2.0**53 / 10.0**digits for _ in range(500)]
    near = [math.nextafter(x, rng.choice((-math.inf, math.inf))) for x in halves]
    for x in [2.675, 1.005, -0.15, *SPECIAL, *halves, *near, *large]:
        assert_same(built, op, x)


@pytest.mark.parametrize("op", [ops.nextafter, ops.ulp], ids=lambda op: op.name)
def test_neighbours_have_pythons_bits(op: Op) -> None:
    rng, built = random.Random(1), lowered(op)
    assert built is not None
    largest = math.nextafter(math.inf, 0.0)
    powers = [math.ldexp(sign, k) for k in range(-1074, 1024, 3) for sign in (1.0, -1.0)]
    edges = [math.nextafter(x, to) for x in (2.0**-1022, -(2.0**-1022), 2.0**-900, 1.0, largest) for to in (0.0, -2.0, 2.0)]
    points = [
        *SPECIAL,
        largest,
        -largest,
        *edges,
        *powers,
        *[rng.gauss(0.0, 1.0) * 2.0 ** rng.uniform(-1074, 1020) for _ in range(500)],
    ]
    for x in points:
        for to in [()] if op is ops.ulp else [(y,) for y in (x, -x, 0.0, -0.0, math.inf, -math.inf, math.nan)]:
            assert_same(built, op, x, *to)


def assert_same(built: Op, op: Op, *xs: float) -> None:
    got, expected = built.value(*xs), op(*xs)
    same = got == expected and math.copysign(1.0, got) == math.copysign(1.0, expected)
    assert same or (got != got and expected != expected), f"{op.name}{xs}: got {got!r}, expected {expected!r}"
