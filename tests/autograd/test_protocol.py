"""Python's number protocol on Values: floor division and rounding are nodes, ints are structure that a recording guards."""

import itertools
import math
import operator
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import autograd
from autograd import Value, detect_anomaly, grad

NUMBERS = (0.0, -0.0, 0.5, -0.5, 1.0, 1.5, 2.5, -2.5, 3.0, -7.0, 7.3, 0.1, 1e17, -1e-9, math.inf, -math.inf, math.nan)


def outcome(f: Callable[..., Any], *args: Any) -> Any:
    try:
        return f(*args)
    except (ValueError, OverflowError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("f", [operator.floordiv, operator.mod, divmod])
def test_division_is_pythons_own(f: Callable[..., Any]) -> None:
    def numbers(result: Any) -> list[str]:
        return [repr(x.data if isinstance(x, Value) else float(x)) for x in (result if isinstance(result, tuple) else (result,))]

    halfway = (5880807337310672.0, 1.6885400040337084)  # whose quotient in floats ends in ½
    for a, b in (*itertools.product(NUMBERS, repeat=2), halfway):
        if b:
            expected = numbers(f(a, b))
            got = [numbers(f(*pair)) for pair in ((Value(a), b), (a, Value(b)), (Value(a), Value(b)))]
            assert got == [expected] * 3, f"{f.__name__}({a}, {b}): got {got}, expected {expected}"


def test_division_by_zero_is_that_of_ieee() -> None:
    assert (Value(1.0) // 0.0).data == math.inf and (Value(-1.0) // 0.0).data == -math.inf
    assert math.isnan((Value(0.0) // 0.0).data) and math.isnan((Value(1.0) % 0.0).data)


@pytest.mark.parametrize("f", [int, round, math.floor, math.ceil, math.trunc])
def test_ints_are_pythons_own(f: Callable[..., Any]) -> None:
    for x in NUMBERS:
        got, expected = outcome(f, Value(x)), outcome(f, x)
        assert (type(got), got) == (type(expected), expected)


@pytest.mark.parametrize("digits", [-1, 0, 1, 2, 5, 400])
def test_round_to_digits_is_a_node(digits: int) -> None:
    for x in (*NUMBERS, 2.675, 1234.5678, 0.15, 1e-320, 25.0, 35.0):
        y = round(Value(x), digits)
        assert isinstance(y, Value) and repr(y.data) == repr(round(x, digits))
    assert grad(lambda x: round(x, digits) + x)(1.26) == 1.0


def test_the_last_halves_are_rounded_and_what_is_larger_stays() -> None:
    for x in (2.0**52 - 1.5, 2.0**52 - 0.5, 2.0**52, 2.0**52 + 1.0, 2.0**53 - 1.0, 1e300):
        assert (autograd.ops.rint(x), autograd.ops.rint(-x)) == (round(x), round(-x))


def test_slopes() -> None:
    assert grad(lambda a, b: a // b)(7.5, 2.0) == (0.0, 0.0)
    assert grad(lambda a, b: a % b)(7.5, 2.0) == (1.0, -3.0)
    assert grad(lambda a, b: divmod(a, b)[0] * a + divmod(a, b)[1])(7.5, 2.0) == (4.0, -3.0)


def test_float_stays_refused() -> None:
    with pytest.raises(TypeError, match="would lose its gradient"):
        float(Value(1.0))


@pytest.mark.parametrize("step", [lambda x: x // 0.3, lambda x: round(x, 1), lambda x: autograd.ops.floor(x)])
def test_detect_anomaly_names_where_a_gradient_ends(step: Callable[[Any], Any]) -> None:
    x = Value(1.0, label="x")
    with detect_anomaly():
        y = step(x) * 3.0
        with pytest.warns(
            RuntimeWarning, match=r"the adjoint 3\.0 of .*\(x=1\.0.*\) became 0, .* slope 0; recorded at .*test_protocol"
        ):
            y.backward()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            (step(x) * 0.0).backward()  # nothing is lost
            (x % 0.3).backward()
    assert x.grad == 1.0


# --- Structure -----------------------------------------------------------------------------------------------------------------

TABLE = [2.0, 3.0, 5.0, 7.0, 11.0]
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "int as an index": lambda x: TABLE[int(x)] * x,
    "round as an exponent": lambda x: x ** round(x),
    "floor as a number of rounds": lambda x: sum([x / (k + 1) for k in range(math.floor(x))], 0.0 * x),
    "ceil and trunc": lambda x: math.ceil(x) * x + math.trunc(-x) * x * x,
    "frexp": lambda x: autograd.math.frexp(x)[0] * autograd.math.frexp(x)[1],
    "floor division and round to digits": lambda x: x // 0.7 * x + round(x, 1) * x,
}
POINTS = [0.25, 0.5, 1.5, 2.5, 2.75, 3.2, 1.0, 0.3]


@pytest.mark.parametrize("engine", ["llvm", "numpy"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_another_int_records_anew(name: str, engine: str) -> None:
    pytest.importorskip("numpy")
    if engine == "llvm":
        pytest.importorskip("llvmlite")
    f = FUNCTIONS[name]
    compiled = autograd.compile(f, engine=engine)
    for x in POINTS:
        expected = autograd.value_and_grad(f)(x)
        got = compiled.value_and_grad(x)
        assert got == expected, f"{name} at {x}: got {got}, expected {expected}"
        assert compiled(x) == expected[0]


@pytest.mark.parametrize("engine", ["llvm", "numpy"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_samples_with_other_ints_take_other_ways(name: str, engine: str) -> None:
    np = pytest.importorskip("numpy")
    if engine == "llvm":
        pytest.importorskip("llvmlite")
    f, points = FUNCTIONS[name], np.array([*POINTS, *POINTS[::-1], 0.26, 2.6, 1.6])
    compiled = autograd.compile(f, engine=engine)
    for _ in range(2):
        values, slopes = compiled.value_and_grad(points)
        expected = [autograd.value_and_grad(f)(x) for x in points.tolist()]
        assert list(zip(values.tolist(), slopes.tolist(), strict=True)) == expected


def test_frexp_of_what_has_no_exponent_beside_others() -> None:
    np = pytest.importorskip("numpy")
    f = autograd.compile(lambda x: autograd.math.frexp(x)[0] * 3.0 + autograd.math.frexp(x)[1])
    x = np.array([0.0, 3.0, math.inf, 0.75, 100.0, -0.2, 0.0])
    assert f(x).tolist() == [math.frexp(v)[0] * 3.0 + math.frexp(v)[1] for v in x.tolist()]
