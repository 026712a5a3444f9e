"""fast=True: how far it may be from the exact result, and that nan, inf, zeros and subnormals come through.

The bound: vector functions are off by at most ULPS; a graph by at most 1e-12 of its result or, where terms cancel, by four times the
running bound of the rounding errors that the eager engine is allowed.
"""

import itertools
import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from mpmath import mp

import autograd
import nn
from autograd import Value, grad
from autograd.compiler.targets.llvm.executor import LlvmExecutor
from tests.autograd.oracles import rounding_bounds, ulps
from tests.cases import BY_NAME, CASES
from tests.compiler.runs import ENGINES, answers, disagreements, eager, program_of, run
from tests.compiler.said import NEARLY
from tests.compiler.wild import SPECIAL, wild_graph, wild_points
from tests.random_graphs import SMOOTH_CASES, Program, random_program
from tests.trust.bits import graph_of

# NumPy's own functions are within 4 ulp by its documentation.
ULPS = {"exp": 1.0, "expm1": 2.0, "tanh": 3.0, "log": 1.0, "log1p": 2.0, "sin": 0.6, "cos": 0.6, "tan": 0.7, "atan": 0.6}


def sizes(low: float, high: float, count: int) -> list[float]:
    """Positive numbers, log-uniform."""
    rng = random.Random(f"{low} {high}")
    return [math.exp(rng.uniform(math.log(low), math.log(high))) for _ in range(count)]


def both_signs(numbers: list[float]) -> list[float]:
    return [x if i % 2 else -x for i, x in enumerate(numbers)]


def dense(low: float, high: float, count: int = 1500) -> list[float]:
    return np.linspace(low, high, count).tolist()


POINTS: dict[str, list[float]] = {
    "exp": [*dense(-745.0, 709.7), *dense(-1.0, 1.0), *dense(-745.1, -708.0, 300), *both_signs(sizes(1e-300, 700.0, 1000))],
    "expm1": [*dense(-50.0, 50.0), *dense(-1.0, 1.0), *dense(600.0, 709.7, 300), *both_signs(sizes(1e-300, 700.0, 1000))],
    "tanh": [*dense(-25.0, 25.0), *dense(-1.0, 1.0), *both_signs(sizes(1e-300, 300.0, 1000))],
    "log": [*dense(0.5, 2.0), *dense(0.99, 1.01), *sizes(5e-324, 1e-307, 300), *sizes(1e-308, 1e308, 1000)],
    "sin": [
        *dense(-10.0, 10.0),
        *dense(-2100.0, 2100.0),
        *both_signs(sizes(1e-300, 1e6, 1000)),
        *[math.pi / 64 * n for n in range(999)],
    ],
    "cos": [
        *dense(-10.0, 10.0),
        *dense(-2100.0, 2100.0),
        *both_signs(sizes(1e-300, 1e6, 1000)),
        *[math.pi / 64 * n for n in range(999)],
    ],
    "tan": [
        *dense(-10.0, 10.0),
        *dense(-2100.0, 2100.0),
        *both_signs(sizes(1e-300, 1e6, 1000)),
        *[math.pi / 64 * n for n in range(999)],
    ],
    "atan": [*dense(-3.0, 3.0), *dense(-0.1, 0.1), *both_signs(sizes(1e-300, 1e300, 2000))],
    "log1p": [*dense(-0.999, 2.0), *dense(-0.1, 0.1), *both_signs(sizes(1e-300, 0.999, 1000)), *sizes(1.0, 1e308, 500)],
}


@pytest.mark.parametrize("name", ULPS)
def test_vector_functions_are_within_their_ulps(name: str) -> None:
    points = POINTS[name]
    got = autograd.compile(getattr(autograd, name), engine="llvm", fast=True)(np.array(points)).tolist()
    with mp.workprec(2000 if name in ("expm1", "log1p") else 200):
        errors = [(ulps(y, getattr(mp, name)(mp.mpf(x))), x, y) for x, y in zip(points, got, strict=True)]
    error, x, y = max(errors)
    assert error <= ULPS[name], f"{name}({x!r}) = {y!r} is {error:.3g} ulp off, allowed {ULPS[name]}"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ULPS)
def test_special_numbers_come_out_as_in_c99(engine: str, name: str) -> None:
    function = getattr(autograd, name)
    points = [*SPECIAL, 1e-310, 1000.0, -1000.0, -700.0, math.nextafter(-1.0, 0.0), -2.0, 2.0**-54, 744.0, 709.782712893384]
    got = autograd.compile(function, engine=engine, fast=True)(np.array(points)).tolist()
    for x, y in zip(points, got, strict=True):
        expected = function(x)
        if math.isfinite(expected) and expected != 0.0:
            assert ulps(y, mp.mpf(expected)) <= 5.0, f"{name}({x!r}): got {y!r}, expected {expected!r}"
        else:
            assert repr(y) == repr(expected), f"{name}({x!r}): got {y!r}, expected {expected!r}"


# --- Graphs --------------------------------------------------------------------------------------------------------------------

SEEDS = range(30)


def recorded(p: Program, point: tuple[float, ...]) -> list[Value]:
    xs = [Value(x) for x in point]
    y = p.run(xs)
    return [y, *grad(y, xs)]


@pytest.mark.parametrize("place", ["shared", "lanes"])
@pytest.mark.parametrize("engine", ENGINES)
def test_graphs_are_within_the_bound(engine: str, place: str) -> None:
    """Random expressions of smooth functions, values and gradients."""
    programs = [random_program(seed, 10, inputs=3, cases=SMOOTH_CASES) for seed in SEEDS]
    point = programs[0].inputs
    points = [point, *[tuple(x + 0.01 * k for x in point) for k in (1, -2)]]
    got = run(program_of([p.run for p in programs], point, place), points, engine=engine, fast=True)
    wrong, well_conditioned = [], 0
    for at, line in zip(points, got, strict=True):
        nodes = [node for p in programs for node in recorded(p, at)]
        for i, (node, y) in enumerate(zip(nodes, line, strict=True)):
            bound = rounding_bounds(node)[node]
            well_conditioned += 4.0 * bound <= 1e-12 * abs(node.data)
            if math.isfinite(node.data) and not abs(y - node.data) <= max(1e-12 * abs(node.data), 4.0 * bound):
                wrong.append(f"number {i} at {at}: got {y!r}, expected {node.data!r}, bound {bound!r}")
    assert not wrong[:5]
    assert well_conditioned > len(points) * len(programs), "most graphs are well-conditioned"


def test_the_check_of_bits_can_fail() -> None:
    """Fast programs do not give the eager engine's bits, and the check that strict ones are held to says so."""
    graphs = [partial(wild_graph, seed) for seed in range(100, 110)]
    points = wild_points(1, 4, 20)
    expected = [[eager(graph, point) for graph in graphs] for point in points]
    program = program_of(graphs, [0.5, -1.25, 2.0, -0.1], "lanes")
    lines = run(program, points, engine="llvm", fast=True)
    fast = [[[line[i], *[0.0 + g for g in line[i + 1 : i + 5]]] for i in range(0, len(line), 5)] for line in lines]
    assert disagreements("graph", expected, fast, points)
    strict = answers(graphs, [0.5, -1.25, 2.0, -0.1], points, engine="llvm", place="lanes")
    assert not disagreements("graph", expected, strict, points)


# --- nan and inf ---------------------------------------------------------------------------------------------------------------

ENDS = (math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 0.5)
PROPAGATION: dict[str, Callable[..., Any]] = {
    "inf − inf": lambda a, b: a - b,
    "0·inf": lambda a, b: a * b,
    "0·inf in a sum": lambda a, b: a * b + a * a,
    "product minus product": lambda a, b: a * b - b * a,
    "dot": lambda a, b: autograd.dot([a, b, a], [b, b, 1.0], a),
    "long sum": lambda a, b: autograd.sum([a, b, a, 1.0, b, a, 0.5, b, a]),
    "log": lambda a, b: autograd.log(a) + b,
    "log of a negative": lambda a, b: autograd.log(a - 3.0) * b,
    "exp": lambda a, b: autograd.exp(1000.0 * a) + b,
    "exp to zero": lambda a, b: autograd.exp(-1000.0 * a) * b,
    "tanh": lambda a, b: autograd.tanh(a) * b,
    "sigmoid": lambda a, b: autograd.sigmoid(1000.0 * a) * b,
    "softplus": lambda a, b: autograd.softplus(a) - b,
    "logsumexp": lambda a, b: autograd.logsumexp([a, b, 0.0]),
    "0/0": lambda a, b: a / b,
    "where": lambda a, b: autograd.where(a > b, a, b * b),
    "maximum": lambda a, b: autograd.maximum(a, b),
}


@pytest.mark.parametrize("place", ["shared", "lanes"])
@pytest.mark.parametrize("engine", ENGINES)
def test_nan_and_inf_propagate(engine: str, place: str) -> None:
    def graph(f: Callable[..., Any]) -> Callable[..., Value]:
        return lambda xs: f(*xs)

    graphs = [graph(f) for f in PROPAGATION.values()]
    points = list(itertools.product(ENDS, repeat=2))
    lines = run(program_of(graphs, (0.3, 0.7), place), points, engine=engine, fast=True)
    wrong = []
    for point, line in zip(points, lines, strict=True):
        expected = [x for g in graphs for x in eager(g, point)]
        for i, (y, e) in enumerate(zip(line, expected, strict=True)):
            same = y == e or (y != y and e != e) or (math.isfinite(e) and math.isfinite(y) and math.isclose(y, e, rel_tol=1e-12))
            if not same:
                wrong.append(f"{list(PROPAGATION)[i // 3]}, number {i % 3}, at {point}: got {y!r}, expected {e!r}")
    assert not wrong[:5]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_op_of_nan_and_inf(engine: str) -> None:
    cases = [case for case in CASES if len(case.domain) == 1]
    xs = np.array([math.nan, math.inf, -math.inf])
    columns = autograd.compile(lambda x: [case.f(x) for case in cases], engine=engine, fast=True)(xs)
    for case, column in zip(cases, columns, strict=True):
        assert [repr(y) for y in column.tolist()] == [repr(float(case.f(x))) for x in xs.tolist()], case.name


@pytest.mark.parametrize("name", sorted(NEARLY))
def test_ops_of_python_functions_are_native(name: str) -> None:
    """No call of Python is left in fast mode: Γ and its kin, and sums that are rounded once, are built of arithmetic."""
    case = BY_NAME[name]
    arity = len(case.domain)
    program = program_of([graph_of(case)], [0.3 + 0.1 * i for i in range(arity)], "lanes")
    strict, fast = (LlvmExecutor(program, fast=is_fast) for is_fast in (False, True))
    assert "callback" in strict.llvm_ir and "callback" not in fast.llvm_ir
    points = case.core_points(20)
    _, got = fast.evaluate(np.zeros(0), np.array(points).T.copy())
    expected = np.array([eager(graph_of(case), point) for point in points]).T
    size = np.maximum(1.0, np.abs(expected).max(axis=0))
    expected = expected[: len(got)]  # a slope of 1 is no row
    assert (np.abs(got - expected) <= 1e-12 * size).all(), (points, got, expected)


def test_a_training_loop_with_the_gamma_function_is_native() -> None:
    def poisson(a: Any, y: Any) -> Any:
        return autograd.exp(a) - y * a + autograd.math.lgamma(a * a + 1.0)

    X, y = [[0.1 * i] for i in range(12)], [float(i % 3) for i in range(12)]
    models = [nn.MLP(1, [4, 1], activation="tanh", seed=0) for _ in range(2)]
    for model, more in zip(models, ({"fast": True, "engine": "llvm"}, {"engine": "eager"}), strict=True):
        nn.fit(model, X, y, loss=poisson, epochs=5, batch_size=4, seed=0, progress=False, **more)
    native, plain = ([p.data for p in model.parameters()] for model in models)
    assert np.abs(np.array(native) - np.array(plain)).max() < 1e-11
