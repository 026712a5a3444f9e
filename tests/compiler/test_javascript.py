"""Programs as JavaScript, in Node and in Chromium: eager's bits for arithmetic and choices, ulp bounds for the C library's functions."""

import math
import random
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import mp

import autograd
from autograd import Op, Value, ops
from autograd.compiler.kernels import LIBM
from autograd.compiler.normal import over_lanes
from autograd.compiler.packs import build
from autograd.compiler.targets import c_like
from autograd.compiler.targets.javascript import ULP, javascript
from autograd.compiler.targets.lowered import CHEBYSHEV
from autograd.compiler.targets.numpy import NumpyExecutor
from autograd.derivatives import adjoint_graph
from tests.autograd.oracles import differences
from tests.compiler.runs import eager
from tests.compiler.scripts import PLACES, Job, run
from tests.compiler.wild import FAMILY, SPECIAL, wild_points
from tests.random_graphs import random_program
from tests.trust.bits import LEAVES, RECORDED_AT, wrong_answers
from tests.trust.scripts import answers_of_script, exact_family

GRAPHS, POINTS = 300, 10

everywhere = pytest.mark.parametrize("place", PLACES)
# Both forms of a program: as straight lines, and as loops.
both_forms = pytest.mark.parametrize("straight", [0, 10**9], ids=["loops", "straight lines"])


# Half of the random graphs in each form.
halves = pytest.mark.parametrize("straight, start", [(0, 0), (10**9, GRAPHS // 2)], ids=["loops", "straight lines"])


@pytest.mark.parametrize("straight", [0, 10**9], ids=["loops", "straight lines"])
def test_random_graphs_without_the_c_library_have_eagers_bits_in_chromium(straight: int) -> None:
    """Values and gradients at points with nan, ±inf, ±0 and subnormals; in Node: ``tests.trust``."""
    compiled = partial(answers_of_script, straight=straight, place="chromium")
    assert not wrong_answers(compiled, exact_family(FAMILY), RECORDED_AT, wild_points(FAMILY, LEAVES, 20))[:5]


@everywhere
@halves
def test_random_graphs_of_all_ops(place: str, straight: int, start: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values and gradients at points where the graphs are well conditioned: 1e-12 of the gradient's length, as rounding differs."""
    monkeypatch.setattr(c_like, "STRAIGHT", straight)
    rng, jobs, expected = random.Random(5), [], []
    for seed in range(start, start + GRAPHS // 2):
        program = random_program(seed, 12)
        result, leaves = program.record()
        points = [[x + rng.uniform(-1e-3, 1e-3) for x in program.inputs] for _ in range(POINTS)]
        jobs.append(Job(javascript(build([result, *adjoint_graph(result, leaves)], leaves), "f"), points, 1 + len(leaves)))
        expected.append([eager(program.run, point) for point in points])
    for seed, (job, answers, got) in enumerate(zip(jobs, expected, run(place, jobs, tmp_path), strict=True), start):
        for point, a, b in zip(job.points, answers, got.tolist(), strict=True):
            size = max(1.0, *map(abs, a))
            assert all(math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-11 * size) for x, y in zip(b, a, strict=True)), (
                f"graph {seed} at {point}: got {b}, expected {a}"
            )


# --- Functions of the C library ------------------------------------------------------------------------------------------------

# Where they are measured: an interval, and the sizes tried within it.
EVERYWHERE, ABOVE_ZERO, UNIT = (-1e300, 1e300), (0.0, 1e300), (-1.0, 1.0)
RANGES = {
    **dict.fromkeys(("exp", "expm1", "sinh", "cosh"), (-709.0, 709.0)),
    **dict.fromkeys(("log", "log2", "log10"), ABOVE_ZERO),
    **dict.fromkeys(("sin", "cos", "tan"), (-1e4, 1e4)),
    **dict.fromkeys(("asin", "acos", "atanh"), UNIT),
    **dict.fromkeys(("atan", "asinh", "tanh", "erf", "cbrt"), EVERYWHERE),
    "log1p": (-1.0, 1e300),
    "acosh": (1.0, 1e300),
    "erfc": (-10.0, 26.0),
}
MANY = 100_000
BINARY = (ops.power_both, ops.atan2, ops.nextafter)


def numbers_within(low: float, high: float, name: str) -> list[float]:
    """Half of them uniform where people are, half of all sizes."""
    rng = random.Random(name)
    near = [rng.uniform(max(low, -8.0), min(high, 8.0)) for _ in range(MANY // 2)]
    sizes = [math.exp(rng.uniform(-40.0, math.log(high))) for _ in range(MANY // 2)]
    return [*near, *[-x if low < -x and rng.random() < 0.5 else max(x, low) for x in sizes]]


def points_for(name: str) -> list[list[float]]:
    rng = random.Random(name)
    if name == "pow":
        exponents = [rng.choice([2.0, 3.0, 0.5, -1.0, -2.0, 1 / 3, rng.uniform(-5.0, 5.0)]) for _ in range(MANY)]
        return [[math.exp(rng.uniform(-50.0, 50.0)), b] for b in exponents]
    if name in ("atan2", "nextafter"):
        return [[rng.gauss(0.0, 1.0), rng.gauss(0.0, 1.0)] for _ in range(MANY)]
    return [[x] for x in numbers_within(*RANGES[name], name)]


def steps_apart(got: Any, expected: Any) -> Any:
    """How many doubles apart two arrays are; 0 for two nan."""
    a, b = (np.where(x.view(np.int64) < 0, -(2**63) - x.view(np.int64), x.view(np.int64)) for x in (got, expected))
    return np.where(np.isnan(got) & np.isnan(expected), 0, np.abs(a - b))


def script_of(op: Op) -> str:
    leaves = [Value(0.5) for _ in range(2 if op in BINARY else 1)]
    return javascript(build([op(*leaves)], leaves), "f")


@everywhere
def test_functions_of_the_c_library_are_within_their_bounds(place: str, tmp_path: Path) -> None:
    jobs = [Job(script_of(op), points_for(name), 1) for op, name in LIBM.items()]
    for (op, name), job, got in zip(LIBM.items(), jobs, run(place, jobs, tmp_path), strict=True):
        expected = np.array([op(*point) for point in job.points])
        apart = steps_apart(got[:, 0].copy(), expected)
        worst = int(apart.argmax())
        assert apart[worst] <= ULP.get(name, 1), (
            f"{name}{tuple(job.points[worst])}: got {got[worst, 0]!r}, expected {expected[worst]!r}, {apart[worst]} ulp"
        )


@everywhere
def test_functions_of_the_c_library_at_nan_infinities_zeros_and_subnormals(place: str, tmp_path: Path) -> None:
    jobs = [Job(script_of(op), list(product(SPECIAL, repeat=2 if op in BINARY else 1)), 1) for op in LIBM]
    for op, job, got in zip(LIBM, jobs, run(place, jobs, tmp_path), strict=True):
        for point, y in zip(job.points, got[:, 0].tolist(), strict=True):
            expected = op(*point)
            is_close = y == expected or math.isclose(y, expected, rel_tol=1e-14) or abs(y - expected) <= 5e-324
            assert (y != y and expected != expected) or (is_close and math.copysign(1.0, y) == math.copysign(1.0, expected)), (
                f"{op.name}{point}: got {y!r}, expected {expected!r}"
            )


def test_the_coefficients_of_erfc_are_those_of_its_chebyshev_series() -> None:
    def scaled(t: Any) -> Any:
        x = mp.mpf("3.75") * (1 + t) / (1 - t)
        return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)

    with mp.workdps(40):
        nodes = [mp.cos(mp.pi * (k + mp.mpf(1) / 2) / 40) for k in range(40)]
        values = [scaled(t) for t in nodes]
        for order, got in enumerate(CHEBYSHEV):
            exact = mp.fsum(y * mp.chebyt(order, t) for y, t in zip(values, nodes, strict=True)) / 20
            assert abs(got - exact) < 1e-17 + abs(exact) * 2e-16, (order, got, exact)


# --- Samples, guards, names ----------------------------------------------------------------------------------------------------


@both_forms
def test_a_function_of_samples(straight: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_like, "STRAIGHT", straight)
    w, b, x, y = (Value(v, label=n) for v, n in ((0.5, "w"), (0.25, "b"), (2.0, "x"), (-1.0, "y")))
    z = abs(w * x + b) + y % 0.75
    program = build([z, w * 2.0, over_lanes(z * x - y), over_lanes(x) * w, x], shared=[w, b], lanes=[x, y])
    points = [[0.3 * i - 2.0, 1.7 - 0.9 * i] for i in range(7)]
    ((shared, rows),) = run("node", [Job(javascript(program, "f"), points, 3, (0.5, 0.25), 2)], tmp_path)
    theirs, rows_of_theirs = NumpyExecutor(program).evaluate(np.array([0.5, 0.25]), np.array(points).T.copy())
    assert not differences("shared", shared.tolist(), theirs.tolist())
    assert not differences("rows", rows.T.ravel().tolist(), rows_of_theirs.ravel().tolist())
    ((shared, rows),) = run("node", [Job(javascript(program, "f"), np.empty((0, 2)), 3, (0.5, 0.25), 2)], tmp_path)
    assert shared.tolist() == [1.0, 0.0, 0.0] and not len(rows)


def test_a_branch_taken_otherwise_is_an_exception_that_names_the_line(tmp_path: Path) -> None:
    @autograd.compile
    def slope(x: Any) -> Any:
        return 3.0 * x if x > 1.0 else x * x

    assert run("node", [Job(slope.javascript(2.0, what="value_and_grad"), [[4.0]], 2)], tmp_path)[0].tolist() == [[12.0, 3.0]]
    assert run("node", [Job(slope.javascript(0.5), [[-3.0]], 1)], tmp_path)[0].tolist() == [[9.0]]
    with pytest.raises(AssertionError, match=r"RangeError: slope: the condition at .*test_javascript\.py:\d+.* was True"):
        run("node", [Job(slope.javascript(2.0), [[0.5]], 1)], tmp_path)


def test_captured_numbers_are_those_of_now(tmp_path: Path) -> None:
    w = Value(2.0)
    f = autograd.compile(lambda x: w * x + 1.0)
    f(1.0)
    w.data = -5.0
    assert run("node", [Job(f.javascript(0.0, name="f"), [[3.0]], 1)], tmp_path)[0].tolist() == [[-14.0]]


def test_outputs_that_are_inputs_or_constants(tmp_path: Path) -> None:
    x = Value(2.0)
    program = build([x, Value._record(ops.positive, [x]), autograd.value.constant(-0.0), autograd.value.constant(math.nan)], [x])
    (got,) = run("node", [Job(javascript(program, "f"), [[7.0]], 4)], tmp_path)
    assert not differences("outputs", got[0].tolist(), [7.0, 7.0, -0.0, math.nan])


def test_the_text_grows_with_packs_and_tables_and_not_with_nodes() -> None:
    def source(width: int) -> str:
        xs = [Value(0.1 * i) for i in range(width)]
        ws = [[Value(0.5) for _ in xs] for _ in range(width)]
        hidden = [autograd.tanh(autograd.dot(row, xs)) for row in ws]
        loss = autograd.sum([h * h for h in hidden])
        leaves = [w for row in ws for w in row]
        return javascript(build([loss, *adjoint_graph(loss, leaves)], [*leaves, *xs]), "f", gradient=len(leaves))

    large, small = source(80), source(20)
    assert 0.9 < len(large) / len(small) < 1.1, (len(small), len(large))


@pytest.mark.parametrize("name", ["class", "2x", "a b", "x-y", "", "naïve", "Math", "a;b"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    x = Value(2.0)
    with pytest.raises(ValueError, match="cannot name a JavaScript function"):
        autograd.compile(x * x).javascript(name)


def test_labels_cannot_leave_their_comment(tmp_path: Path) -> None:
    x = Value(3.0, label="*/ throw 1; /* \n</script>")
    assert run("node", [Job(autograd.compile(x * x).javascript(), [[3.0]], 2)], tmp_path)[0].tolist() == [[9.0, 6.0]]


def test_an_op_of_python_floats_is_refused_by_name() -> None:
    x = Value(3.0)
    with pytest.raises(TypeError, match=r"the op 'own' is computed by a Python function of floats"):
        javascript(build([Op("own", math.gamma, lambda g, y, a: (None,))(x)], [x]), "f")


def test_ops_of_ones_own_with_one_name_are_two(tmp_path: Path) -> None:
    first = Op("for", lambda a: a * a + a * 3.0, lambda g, y, a: (g,))
    second = Op("for", lambda a: a * a + a * 5.0, lambda g, y, a: (g,))
    x = Value(2.0)
    (got,) = run("node", [Job(javascript(build([first(x), second(x)], [x]), "f"), [[2.0]], 2)], tmp_path)
    assert got.tolist() == [[10.0, 14.0]]


def test_what_cannot_be_asked_is_refused() -> None:
    f = autograd.compile(lambda x: x * x)
    with pytest.raises(ValueError, match="what='value' or 'value_and_grad'"):
        f.javascript(2.0, what="hessian")
    with pytest.raises(ValueError, match="needs a point"):
        f.javascript()
