"""Programs as C: eager's bits in double at every op and in random graphs, clean under warnings and sanitizers, as C99 and as C++."""

import ctypes
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Op, Value, ops
from autograd.compiler.kernels import LIBM
from autograd.compiler.normal import over_lanes
from autograd.compiler.packs import build
from autograd.compiler.targets import c_like
from autograd.compiler.targets.c_module import c
from autograd.compiler.targets.numpy import NumpyExecutor
from autograd.derivatives import adjoint_graph
from tests.autograd.oracles import differences
from tests.cases import BY_NAME, CASES
from tests.compiler import compiled_c
from tests.compiler.runs import Graph, disagreements, eager, program_of
from tests.compiler.said import ARITIES_SAID, NEARLY, cases_said
from tests.compiler.wild import FAMILY, wild_graph, wild_points
from tests.trust.bits import curvature_of, graph_of, points_to_try

GRAPHS, POINTS, LEAVES = 400, 10, 4
RECORDED_AT = [0.5, -1.25, 2.0, -0.1]

both_forms = pytest.mark.parametrize("straight", [0, 10**9], ids=["loops", "straight lines"])


def answers(library: Path, name: str, points: Any, graphs: int, leaves: int) -> list[Any]:
    """For each point and graph the value, and the gradient as accumulated."""
    got = np.array(compiled_c.called(library, name, points, graphs * (1 + leaves))).reshape(len(points), graphs, 1 + leaves)
    return (got + np.array([-0.0, *[0.0] * leaves])).tolist()


@pytest.mark.parametrize("straight, start, together", [(0, 0, FAMILY), (10**9, GRAPHS // 2, 25)], ids=["loops", "straight lines"])
def test_random_graphs_have_eagers_bits(
    straight: int, start: int, together: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(c_like, "STRAIGHT", straight)
    families: dict[int, list[Graph]] = {
        first: [partial(wild_graph, seed) for seed in range(first, first + together)]
        for first in range(start, start + GRAPHS // 2, together)
    }
    texts = [c(program_of(graphs, RECORDED_AT, "shared"), f"family{first}") for first, graphs in families.items()]
    library = compiled_c.built(compiled_c.written(tmp_path, *texts))
    for first, graphs in families.items():
        points = wild_points(first, LEAVES, POINTS)
        expected = [[eager(graph, point) for graph in graphs] for point in points]
        got = answers(library, f"family{first}", points, together, LEAVES)
        assert not disagreements(f"graph {first} +", expected, got, points)[:5]


@pytest.mark.parametrize("straight, order, graph", [(0, 1, graph_of), (10**9, 2, curvature_of)], ids=["loops", "straight lines"])
def test_every_op(straight: int, order: int, graph: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients, and gradients of gradients, at nan, infinities, zeros, subnormals and points of every domain; under sanitizers."""
    monkeypatch.setattr(c_like, "STRAIGHT", straight)
    texts, tried = [], []
    for arity in ARITIES_SAID:
        graphs = [graph(case) for case in cases_said(arity, exactly=True)]
        if not graphs:
            continue
        name = f"ops_{arity}"
        texts.append(c(program_of(graphs, [0.3 + 0.1 * i for i in range(arity)], "shared"), name))
        points = points_to_try(arity, order)
        tried.append((name, graphs, points[:: 1 + len(points) // 60], arity))
    library = compiled_c.built(compiled_c.written(tmp_path, *texts))
    for name, graphs, points, arity in tried:
        expected = [[eager(each, point) for each in graphs] for point in points]
        got = answers(library, name, points, len(graphs), arity)
        assert not disagreements(f"{name}: number", expected, got, points)[:5]


@pytest.mark.parametrize("name", sorted(NEARLY))
def test_what_c_has_in_another_form(name: str, tmp_path: Path) -> None:
    """The Γ family and sums that are rounded once, with gradients: within 10⁻¹², and at edges what Python says."""
    case = BY_NAME[name]
    arity = len(case.domain)
    program = program_of([graph_of(case)], [0.3 + 0.1 * i for i in range(arity)], "shared")
    library = compiled_c.built(compiled_c.written(tmp_path, c(program, "near")))
    points = case.core_points(20)
    got = np.array(compiled_c.called(library, "near", points, 1 + arity))
    expected = np.array([eager(graph_of(case), point) for point in points])
    size = np.maximum(1.0, np.abs(expected).max(axis=1, keepdims=True))
    assert (np.abs(got - expected) <= 1e-12 * size).all(), (points, got, expected)
    if arity == 1:
        edges = [[x] for x in (0.0, -0.0, -1.0, -7.0, math.inf, -math.inf, math.nan, 200.0)]
        values = [row[0] for row in compiled_c.called(library, "near", edges, 2)]
        wanted = [eager(graph_of(case), point)[0] for point in edges]
        same = [a == b or (a != a and b != b) or math.isclose(a, b, rel_tol=1e-12) for a, b in zip(values, wanted, strict=True)]
        assert all(same), (edges, values, wanted)


@both_forms
def test_sanitizers_and_cpp_find_nothing(straight: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program with every kind of statement: the same answers from C99, C++ and under the sanitizers."""
    monkeypatch.setattr(c_like, "STRAIGHT", straight)
    files = {**c(everything(), "every"), "main.c": MAIN}
    sources = compiled_c.written(tmp_path, files)
    printed = []
    for compiler, language, flags in (
        ("gcc", "c99", ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"]),
        ("gcc", "c99", ["-Os"]),
        ("g++", "c++11", ["-x", "c++"]),
    ):
        program = str(tmp_path / f"{compiler}{len(flags)}")
        options = [f"-std={language}", *compiled_c.WARNINGS, *compiled_c.BITS, *flags]
        compiled_c.run([compiled_c.compiler(compiler), *options, *map(str, sources), "-o", program, "-lm"])
        printed.append(compiled_c.run([program]).split())
    shared, rows = NumpyExecutor(everything()).evaluate(np.array([0.5, 0.25]), np.array([[1.5, -2.0, 0.125], [0.5, 3.0, -1.0]]))
    expected = [*shared.tolist(), *rows.T.ravel().tolist()]
    for found in printed:
        assert not differences("printed", [float.fromhex(x) for x in found], expected)


def everything() -> Any:
    """A program with lanes, sums over lanes, long sums, tables, kernels of all kinds."""
    w, b, x, y = (Value(v) for v in (0.5, 0.25, 2.0, -1.0))
    terms = [autograd.sigmoid(w * (k % 3) + b * (k * k % 7)) for k in range(9)]
    z = abs(w * x + b) + y % 0.75 + autograd.sum([t * x for t in terms]) + autograd.where(x > y, autograd.erf(x), x**2.0)
    late = over_lanes(z * x - y)
    return build([late, over_lanes(x) * w + autograd.sum(terms), z, x, ops.sign(y)], shared=[w, b], lanes=[x, y])


MAIN = """
#include <stdio.h>
#include "every.h"
int main(void) {
  const double shared[2] = {0.5, 0.25}, lanes[6] = {1.5, 0.5, -2.0, 3.0, 0.125, -1.0};
  double shared_out[2], rows_out[9];
  int i;
  every(shared, lanes, 3, shared_out, rows_out);
  for (i = 0; i < 2; i++) printf("%a\\n", shared_out[i]);
  for (i = 0; i < 9; i++) printf("%a\\n", rows_out[i]);
  return 0;
}
"""


def test_two_modules_link_together_and_float_is_close(tmp_path: Path) -> None:
    x, y = Value(0.75, label="x"), Value(-0.5, label="y")
    loss = autograd.tanh(x * y + 0.1) ** 2.0 + autograd.erf(x) % 0.3 + ops.sign(y)
    step = autograd.compile(loss)
    library = compiled_c.built(compiled_c.written(tmp_path, step.c("one"), step.c("two", dtype="float")))
    points = [[0.1 * i - 0.5, 0.3 - 0.2 * i] for i in range(9)]
    expected = [[(value := step.value_and_grad(point))[0], *value[1].tolist()] for point in points]
    double = np.array(compiled_c.called(library, "one", points, 3))
    assert not differences("double", double.ravel().tolist(), np.array(expected).ravel().tolist())
    single = np.array(compiled_c.called(library, "two", points, 3, "float"))
    assert 0.0 < np.abs(single - expected).max() < 2e-6


def test_every_op_in_float(tmp_path: Path) -> None:
    """C's functions of float: values and gradients within 2·10⁻⁶ of the largest of them; random numbers are refused."""
    cases = [case for case in CASES if case.name != "uniform"]
    texts = [
        c(program_of([graph_of(case)], [0.3 + 0.1 * i for i in range(len(case.domain))], "shared"), f"f{k}", dtype="float")
        for k, case in enumerate(cases)
    ]
    library = compiled_c.built(compiled_c.written(tmp_path, *texts), "-O1")
    for k, case in enumerate(cases):
        points = np.array(case.core_points(20), dtype=np.float32).astype(float).tolist()
        got = np.array(compiled_c.called(library, f"f{k}", points, 1 + len(case.domain), "float"))
        expected = np.array([eager(graph_of(case), point) for point in points])
        size = np.maximum(1.0, np.abs(expected).max(axis=1, keepdims=True))
        assert (np.abs(got - expected) <= 2e-6 * size).all(), (case.name, points, got, expected)
    with pytest.raises(TypeError, match="which a float does not hold: use dtype='double'"):
        c(program_of([graph_of(BY_NAME["uniform"])], [1.0] * len(BY_NAME["uniform"].domain), "shared"), "f", dtype="float")


def test_steps_between_numbers_are_those_of_the_type(tmp_path: Path) -> None:
    x = Value(1.0)
    program = build([ops.nextafter(x, math.inf), ops.ulp(x)], [x])
    library = compiled_c.built(compiled_c.written(tmp_path, c(program, "wide"), c(program, "narrow", dtype="float")))
    assert compiled_c.called(library, "wide", [[1.0]], 2) == [[1.0 + 2.0**-52, 2.0**-52]]
    assert compiled_c.called(library, "narrow", [[1.0]], 2, "float") == [[1.0 + 2.0**-23, 2.0**-23]]


def test_whole_numbers_in_float(tmp_path: Path) -> None:
    """Rounding by adding 2⁵² would give 0 there."""
    x = Value(0.5)
    library = compiled_c.built(compiled_c.written(tmp_path, c(build([ops.rint(x)], [x]), "whole", dtype="float")))
    assert compiled_c.called(library, "whole", [[2.5], [-2.6], [0.25]], 1, "float") == [[2.0], [-3.0], [0.0]]


def test_a_branch_taken_otherwise_is_told_by_its_number(tmp_path: Path) -> None:
    @autograd.compile
    def slope(x: Any) -> Any:
        return 3.0 * x if x > 1.0 and x < 5.0 else x * x

    texts = slope.c("slope", 2.0, what="value_and_grad")
    assert "test_c.py" in texts["slope.h"]
    library = ctypes.CDLL(str(compiled_c.built(compiled_c.written(tmp_path, texts))))
    outputs = (ctypes.c_double * 2)()
    told = [library.slope((ctypes.c_double * 1)(x), outputs) for x in (0.5, 7.0, 4.0)]
    assert (told, list(outputs)) == ([1, 2, 0], [12.0, 3.0])


def test_outputs_that_are_inputs_or_constants_and_inputs_that_nobody_reads(tmp_path: Path) -> None:
    x, unread = Value(2.0), Value(1.0)
    constants = [autograd.value.constant(a) for a in (-0.0, math.nan, -math.inf, 5e-324, 1e300)]
    texts = [c(build([x, *constants], [x, unread]), "plain"), c(build([x, *constants], [x, unread]), "small", dtype="float")]
    library = compiled_c.built(compiled_c.written(tmp_path, *texts))
    assert not differences("plain", compiled_c.called(library, "plain", [[7.0, 0.0]], 6)[0], [7.0, *[v.data for v in constants]])
    single = [7.0, -0.0, math.nan, -math.inf, 0.0, math.inf]
    assert not differences("small", compiled_c.called(library, "small", [[7.0, 0.0]], 6, "float")[0], single)


def test_numbers_may_lie_where_plain_reads_do_not_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hook for PROGMEM: every read of a number or a table goes through a macro."""
    monkeypatch.setattr(c_like, "STRAIGHT", 0)
    x = Value(0.5)
    program = build(
        [autograd.sum([x * (0.1 * k * k) for k in range(9)]), autograd.sum([autograd.exp(x * k) for k in (1, 2, 5, 3)])], [x]
    )
    flags = ("-DFAR_PROGMEM=", "-DFAR_NUMBER(a,i)=(a)[i]", "-DFAR_INDEX(a,i)=(a)[i]")
    texts = c(program, "far")
    assert "FAR_NUMBER(k, " in texts["far.c"] and "static const double FAR_PROGMEM k[" in texts["far.c"]
    sources = compiled_c.written(tmp_path, texts)
    expected = NumpyExecutor(program).evaluate(np.array([0.5]), np.empty((0, 1)))[0].tolist()
    assert compiled_c.called(compiled_c.built(sources, *flags), "far", [[0.5]], 2) == [expected]


@pytest.mark.parametrize("name", ["class", "2x", "a b", "", "naïve", "int", "_x", "a__b", "main"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    x = Value(2.0)
    with pytest.raises(ValueError, match="cannot name a C module"):
        autograd.compile(x * x).c(name)


@pytest.mark.parametrize("target", ["c", "javascript"])
def test_a_name_that_is_no_text_is_refused(target: str) -> None:
    x = Value(2.0)
    with pytest.raises(TypeError, match=r"must be text, got bytes"):
        getattr(autograd.compile(x * x), target)(b"f")


@pytest.mark.parametrize("name", [*LIBM.values(), "expf", "y0", "NAN", "M_PI", "uint32_t", "printf", "signgam", "INT32_MAX"])
def test_a_name_that_the_c_library_has_is_refused(name: str) -> None:
    """A function of this name would not compile."""
    x = Value(2.0)
    with pytest.raises(ValueError, match=f"'{name}' means something in the C library; .*'m_{name}'"):
        autograd.compile(x * x).c(name)


def test_a_function_may_be_called_as_anything_within_it_is(tmp_path: Path) -> None:
    x = Value(2.0)
    step = autograd.compile(autograd.sum([autograd.exp(x * k) * x**2.5 + autograd.sigmoid(x) for k in range(5)]))
    value, gradient = step.value_and_grad([2.0])
    expected = [value, *gradient.tolist()]
    for name in ("inputs", "outputs", "s", "r", "k", "tab", "n", "t", "total", "a", "b", "x", "exponent", "m_exp", "lane"):
        sources = compiled_c.written(tmp_path / name, step.c(name))
        for language in ("c99", "c++17"):
            (got,) = compiled_c.called(compiled_c.built(sources, "-O0", language=language), name, [[2.0]], 2)
            assert got == expected


def test_bad_dtypes_and_ops_are_refused_by_name() -> None:
    lgamma = Op("own", lambda a: math.lgamma(a), lambda g, y, a: (None,))
    x = Value(2.0)
    with pytest.raises(ValueError, match="'double' or 'float', got 'half'"):
        autograd.compile(x * x).c("f", dtype="half")
    with pytest.raises(TypeError, match="'own' is computed by a Python function"):
        autograd.compile(lgamma(x)).c("f")


def test_rounding_to_more_digits_than_can_be_said_names_those_that_can(tmp_path: Path) -> None:
    for digits, right in ((22, 0.1), (-22, 0.0)):
        library = compiled_c.built(
            compiled_c.written(tmp_path / str(digits), autograd.compile(lambda x, n=digits: round(x, n)).c("f", 2.0))
        )
        assert compiled_c.called(library, "f", [[0.1]], 1) == [[right]]
    for digits in (23, -23):
        rounded = autograd.compile(lambda x, n=digits: round(x, n))
        with pytest.raises(
            TypeError, match=rf"'round\[{digits}\]' can be written in another language for -22 to 22 decimal digits"
        ):
            rounded.c("f", 2.0)


def test_a_source_compiles_with_the_header_of_its_own_export_only(tmp_path: Path) -> None:
    one, two = (autograd.compile(autograd.dot(xs, xs)).c("f") for xs in ([Value(1.0)], [Value(1.0), Value(2.0)]))
    with pytest.raises(AssertionError, match=r"f\.c and f\.h are of two exports: export again"):
        compiled_c.built(compiled_c.written(tmp_path, one, {"f.h": two["f.h"]}))
    compiled_c.built(compiled_c.written(tmp_path, two))


def test_labels_cannot_leave_their_comment(tmp_path: Path) -> None:
    x = Value(3.0, label="*/ #error /* ??/\\\n \\")
    library = compiled_c.built(compiled_c.written(tmp_path, autograd.compile(x * x).c("f")))
    assert compiled_c.called(library, "f", [[3.0]], 2) == [[9.0, 6.0]]


@pytest.mark.parametrize("has_bias", [False, True], ids=["without biases", "with biases"])
def test_the_same_text_in_every_run_and_size_of_packs(has_bias: bool) -> None:
    """No table grows with the network: weights and biases in turn are strips of regular steps."""

    def texts(width: int) -> dict[str, str]:
        xs = [Value(0.1 * i) for i in range(width)]
        neurons = [[Value(0.5) for _ in range(width + has_bias)] for _ in range(width)]
        loss = autograd.sum([autograd.tanh(autograd.dot(p[:width], xs, *p[width:])) ** 2 for p in neurons])
        leaves = [w for row in neurons for w in row]
        return c(build([loss, *adjoint_graph(loss, leaves)], [*leaves, *xs]), "f", gradient=len(leaves))

    assert texts(20) == texts(20)
    assert 0.9 < len(texts(80)["f.c"]) / len(texts(20)["f.c"]) < 1.1
