"""Rows about laws of every expression: linearity in the seed, sum, product, quotient and chain rule, permutations, unused inputs."""

import operator
import random
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd import Value, grad
from tests.autograd.oracles import differences, rounding_bounds
from tests.autograd.recorders import Recorder
from tests.cases import CASES, Case
from tests.random_graphs import SMOOTH_CASES, Program, random_program
from tests.trust.figures import Row, Trial

programs = st.builds(random_program, st.integers(0, 2**32), st.integers(5, 40), st.just(3))
seeds = st.floats(-1e10, 1e10, allow_subnormal=False).filter(lambda s: s == 0.0 or abs(s) > 1e-10)
numbers = st.floats(-8.0, 8.0)


# Functions that fail where a law does not hold, and what they are given.
LAWS: list[tuple[Callable[..., None], Sequence[Any]]] = []


def law(*strategies: Any) -> Callable[[Callable[..., None]], None]:
    """Makes a function a law, for such arguments."""
    return lambda function: LAWS.append((function, strategies))


def gradient(y: Value, xs: list[Value], seed: float = 1.0) -> list[float]:
    """∂y/∂x·seed by backward(), with the grads of before put back."""
    kept = [x.grad for x in xs]
    for x in xs:
        x.grad = 0.0
    y.backward(seed)
    found = [x.grad for x in xs]
    for x, grad_before in zip(xs, kept, strict=True):
        x.grad = grad_before
    return found


def bounds(y: Value, xs: list[Value]) -> list[float]:
    """Running bounds of the rounding errors of ∂y/∂x; a slope that is a constant, as ⅓ is of x/3, was rounded once."""
    return [rounding_bounds(slope)[slope] + 2.0**-53 * abs(slope.data) for slope in grad(y, xs)]


def close(what: str, got: list[float], expected: list[float], allowed: list[float], program: Program) -> None:
    wrong = [
        f"{what} by x{i}: got {a!r}, expected {b!r}, allowed {e!r}, of\n{program}"
        for i, (a, b, e) in enumerate(zip(got, expected, allowed, strict=True))
        if not abs(a - b) <= e
    ]
    assert not wrong, wrong[0]


@law(programs, st.integers(-60, 60), st.booleans())
def the_gradient_is_exactly_linear_in_seeds_that_are_powers_of_two(p: Program, exponent: int, negative: bool) -> None:
    y, xs = p.record()
    seed = (-1.0 if negative else 1.0) * 2.0**exponent
    scaled = [0.0 + seed * g for g in gradient(y, xs)]
    assert not differences(f"gradient with seed {seed}", gradient(y, xs, seed), scaled), p


@law(programs, seeds)
def the_gradient_is_linear_in_the_seed(p: Program, seed: float) -> None:
    y, xs = p.record()
    allowed = [8.0 * abs(seed) * b + 1e-300 for b in bounds(y, xs)]
    close(f"seed {seed}", gradient(y, xs, seed), [seed * g for g in gradient(y, xs)], allowed, p)


@law(programs, st.sampled_from(["+", "-", "*", "/"]))
def sum_product_and_quotient_rule(p: Program, operator: str) -> None:
    xs = [Value(x) for x in p.inputs]
    *_, n, m = p.numbers(xs)  # numbers that depend on constants only are floats
    u, v = xs[0] + n, m * m * xs[1] + 10.0
    y = {"+": u + v, "-": u - v, "*": u * v, "/": u / v}[operator]
    a, b = u.data, v.data
    by_rule = {
        "+": lambda du, dv: du + dv,
        "-": lambda du, dv: du - dv,
        "*": lambda du, dv: du * b + a * dv,
        "/": lambda du, dv: (du * b - a * dv) / (b * b),
    }[operator]
    expected = list(map(by_rule, gradient(u, xs), gradient(v, xs)))
    sizes = [abs(du) * (1 + abs(b)) + abs(dv) * (1 + abs(a)) for du, dv in zip(bounds(u, xs), bounds(v, xs), strict=True)]
    allowed = [8.0 * (e + s) + 1e-13 * abs(g) for e, s, g in zip(bounds(y, xs), sizes, expected, strict=True)]
    close(f"{operator} rule", gradient(y, xs), expected, allowed, p)


@law(programs, st.sampled_from([case for case in CASES if len(case.domain) == 1 and case.exact is not None]))
def chain_rule(p: Program, outer: Case) -> None:
    y, xs = p.record()
    low, high = outer.domain[0].core
    inner = low + (high - low) * ag.sigmoid(y)
    at = Value(inner.data)
    outer.f(at).backward()
    expected = [at.grad * g for g in gradient(inner, xs)]
    composed = outer.f(inner)
    allowed = [16.0 * b + 1e-13 * abs(e) for b, e in zip(bounds(composed, xs), expected, strict=True)]
    close(f"chain rule of {outer.name}", gradient(composed, xs), expected, allowed, p)


@law(st.lists(numbers, min_size=2, max_size=6), st.randoms(use_true_random=False))
def permuted_arguments_have_permuted_gradients(xs: list[float], rng: random.Random) -> None:
    order = list(range(len(xs)))
    rng.shuffle(order)
    for f in (ag.logsumexp, ag.sum, lambda vs: ag.dot(vs, vs), lambda vs: ag.softmax(vs)[0] + ag.softmax(vs)[-1]):
        got = grad(lambda vs, f=f: f([vs[order.index(i)] for i in range(len(vs))]))([xs[i] for i in order])
        expected = grad(f)(xs)
        assert not differences("permuted gradient", got, [expected[i] for i in order])


@law(programs)
def an_unused_input_has_gradient_exactly_0(p: Program) -> None:
    y, xs = p.record()
    unused = Value(3.0)
    slope = grad(y, [unused, *xs])[0]
    assert (slope.data, unused.grad, grad(slope, unused).data) == (0.0, 0.0, 0.0)


@law(programs, seeds)
def inputs_and_what_was_computed_of_them_stay_as_they_are(p: Program, seed: float) -> None:
    y, xs = p.record()
    nodes = ag.topological_order(y)
    before = [(v, v.data, v.label, v._prev, v.op) for v in nodes]
    y.backward(seed)
    grad(y, xs)
    ag.compile(y, engine="numpy")()
    assert not differences("input", [x.data for x in xs], p.inputs)
    assert not differences("number", [v.data for v in nodes], [number for _, number, *_ in before])
    assert before == [(v, v.data, v.label, v._prev, v.op) for v in ag.topological_order(y)]


@law(programs)
def what_is_added_to_a_gradient_is_exactly_the_gradient(p: Program) -> None:
    y, xs = p.record()
    y.backward()
    once = [x.grad for x in xs]
    y.backward()
    assert not differences("twice", [x.grad for x in xs], [g + g for g in once])


@law(programs)
def neutral_operations_change_no_bit(p: Program) -> None:
    y, xs = p.record()
    expected = gradient(y, xs)
    for same in (
        +y,
        ag.ops.negative(-y),
        y * 1.0,
        1 * y,
        y / 1,
        y**1,
        y - 0.0,
        y + 0.0,
        ag.maximum(y, y),
        ag.where(y <= y, y, 0.0),
    ):
        assert not differences("value", [same.data], [y.data])
        assert not differences("gradient", gradient(same, xs), expected)


@law(st.integers(0, 2**32))
def hessians_are_symmetric_within_the_error_bound(seed: int) -> None:
    y, xs = random_program(seed, 10, 3).record()
    rows = [grad(slope, xs) for slope in grad(y, xs)]
    for i in range(3):
        for j in range(i):
            a, b = rows[i][j], rows[j][i]
            allowed = 2.0 * (rounding_bounds(a)[a] + rounding_bounds(b)[b])
            assert abs(a.data - b.data) <= allowed, f"({i}, {j}): got {a.data!r} and {b.data!r}, allowed {allowed!r}"


class Dual(Recorder):
    """A number a + b·ε with ε² = 0, on which ops record themselves: forward mode, one op after the other."""

    def __init__(self, a: float, b: float) -> None:
        self.a, self.b = a, b

    @staticmethod
    def _record(op: ag.Op, operands: Sequence[Any]) -> "Dual":
        duals = [x if isinstance(x, Dual) else Dual(float(x), 0.0) for x in operands]
        numbers = [x.a for x in duals]
        y = op.value(*numbers)
        assert op.rule
        slopes = op.rule(1.0, y, *numbers)
        return Dual(y, sum([slope * x.b for slope, x in zip(slopes, duals, strict=True) if slope is not None and x.b]))

    def _select(self, a: Any, b: Any) -> Any:
        return a if self.a != 0.0 else b


for _name in ("lt", "le", "gt", "ge"):
    _compare = getattr(operator, _name)
    setattr(Dual, f"__{_name}__", lambda self, x, f=_compare: f(self.a, x.a if isinstance(x, Dual) else x))


# fma and fsum of autograd.math are Python's own for everything but Values.
open_cases = [case for case in SMOOTH_CASES if case.name not in ("fma", "fsum")]
open_programs = st.builds(random_program, st.integers(0, 2**32), st.integers(5, 40), st.just(3), st.just(open_cases))


@law(open_programs, st.lists(numbers, min_size=3, max_size=3), st.lists(numbers, min_size=3, max_size=3))
def forward_mode_agrees(p: Program, direction: list[float], weights: list[float]) -> None:
    """⟨w, J·v⟩ by dual numbers is ⟨Jᵀ·w, v⟩ by a backward pass."""
    duals = p.numbers([Dual(x, v) for x, v in zip(p.inputs, direction, strict=True)])[-3:]
    forward = sum([w * x.b for w, x in zip(weights, duals, strict=True) if isinstance(x, Dual)])
    xs = [Value(x) for x in p.inputs]
    y = ag.dot(weights, [Value._record(ag.ops.positive, [x]) for x in p.numbers(xs)[-3:]])
    reverse = sum([g * v for g, v in zip(gradient(y, xs), direction, strict=True)])
    allowed = 16.0 * sum([b * abs(v) for b, v in zip(bounds(y, xs), direction, strict=True)]) + 1e-300
    assert abs(forward - reverse) <= allowed, f"got {reverse!r}, expected {forward!r}, allowed {allowed!r}, of\n{p}"


def trials(function: Callable[..., None], strategies: Sequence[Any], count: int) -> Iterator[Trial]:
    """So many examples of hypothesis; one that fails is shrunk."""
    repeatable = settings(max_examples=count, derandomize=True, database=None, deadline=None)
    try:
        repeatable(given(*strategies)(function))()  # a test of hypothesis takes settings but once
    except Exception as error:
        yield Trial(1.0, partial("".join, traceback.format_exception_only(error)), count)
    else:
        yield Trial(0.0, str, count)


ROWS = [Row("laws", function.__name__.replace("_", " "), partial(trials, function, drawn), 60, 5000) for function, drawn in LAWS]
