"""NumPy's functions called with Values: the numbers of NumPy, and derivatives that differences confirm, of the second order too.

The functions are those that the tests of HIPS's autograd differentiate (of scalars, of graphs that fan out and nest, of its wrappers), and
those that NumPy itself refuses to apply to objects.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import pytest

from autograd import Condition, Value, check_gradients, compile, grad, hessian, hvp, jacobian, value_and_grad

np = pytest.importorskip("numpy")

KNOTS, HEIGHTS = [-1.0, 0.0, 0.5, 2.0], [1.0, 3.0, 2.0, 2.5]
P = [0.5, -1.0, 2.0]


def _three_times(name: str) -> Callable[[Any], Any]:
    return lambda x: 3.0 * getattr(np, name)(x)


# Functions of single numbers, and points at which all derivatives exist.
SCALAR: dict[str, tuple[Callable[..., Any], list[tuple[float, ...]]]] = {
    **{
        name: (_three_times(name), [(0.3,), (0.8,)])
        for name in (
            *("abs", "absolute", "sign", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "negative", "sqrt", "cbrt"),
            *("sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "arcsinh", "arctanh", "reciprocal"),
            *("square", "rad2deg", "degrees", "deg2rad", "radians", "fabs"),
        )
    },
    "arccosh": (lambda x: 3.0 * np.arccosh(x), [(1.5,), (4.0,)]),
    "sinc": (lambda x: 3.0 * np.sinc(x), [(0.0,), (0.05,), (-0.16,), (0.3,), (1.7,)]),
    "power": (np.power, [(0.7, 2.3), (1.9, -0.4)]),
    "mod": (np.mod, [(7.3, 2.0), (-7.3, 2.1)]),
    "divide": (np.divide, [(1.5, 0.7)]),
    "true_divide": (np.true_divide, [(1.5, 0.7)]),
    "multiply": (np.multiply, [(1.5, 0.7)]),
    "logaddexp": (np.logaddexp, [(0.4, -1.2)]),
    "logaddexp2": (np.logaddexp2, [(0.4, -1.2)]),
    "arctan2": (np.arctan2, [(0.4, -1.2)]),
    "heaviside": (lambda x, h: np.heaviside(x, h) * x + h, [(0.4, 0.5), (-0.4, 0.5)]),
    "polyval at": (lambda x: np.polyval(P, x), [(0.7,)]),
    "polyval of": (lambda a, b, x: np.polyval([a, b, 1.0], x), [(0.7, 2.0, -1.5)]),
    "interp at": (lambda x: np.interp(x, KNOTS, HEIGHTS) * x, [(x,) for x in (-2.0, -0.4, 0.2, 1.9, 3.0)]),
    "interp of": (lambda x, y: np.interp(x, KNOTS, [1.0, y, 2.0, y * y]) ** 2, [(x, 1.2) for x in (-0.4, 0.2, 1.9, 3.0)]),
    "modf": (lambda x: np.modf(x)[0] * x + np.modf(x)[1], [(2.7,), (-2.7,)]),
    "ldexp": (lambda x: np.ldexp(x, 3) * x, [(0.7,)]),
    "divmod": (lambda x, y: np.divmod(x, y)[0] * x + np.divmod(x, y)[1], [(7.3, 2.0)]),
    "fan-out": (lambda x: np.sin(np.sin(x) + np.sin(x)), [(0.6,), (-1.4,)]),
    "fan-out of two": (lambda x, y: np.sin(np.sin(x) + np.sin(y)), [(0.6, -0.3)]),
    "a power alone": (lambda x: 3.0 * x**3.2, [(1.7,)]),
    "a derivative inside": (lambda x: x * grad(lambda y: x * y)(2.0), [(1.0,)]),
    "a derivative inside, turned": (lambda x: x * grad(lambda y: y * x)(2.0), [(1.0,)]),
    "seven arguments": (
        lambda a, b, c, d, e, f, g: a + np.sin(b) + np.cosh(c) + np.cos(d) + np.tan(e) + f + g,
        [(0.5, -0.3, 0.2, -1.1, 0.7, 0.6, -0.1)],
    ),
}  # fmt: skip

# Functions of a vector.
VECTOR: dict[str, Callable[[Any], Any]] = {
    "sines squared": lambda x: np.sum(np.sin(x) ** 2),
    "sine of a product": lambda x: np.sin(np.dot(x, np.array([0.3, -1.0, 0.4]))),
    "a quadratic": lambda x: np.dot(np.dot(x, np.arange(9.0).reshape(3, 3)), x),
    "shared sums": lambda a: np.sum((a + 1.0 + (a + 1.0)) * ((a + 1.0) + 1.5)),
    "an index": lambda a: np.sum(a + (a + 1.0) + ((a + 1.0)[0] + 1.5)),
    "a length": lambda x: np.sum(np.sqrt(np.sum(np.sin(x) ** 2, keepdims=True))),
}
X = np.array([0.4, -0.7, 1.1])


def _number(y: Any) -> float:
    return float(y.data if isinstance(y, Value) else y)


@pytest.mark.parametrize("name", SCALAR)
def test_numbers_and_derivatives_of_functions_of_numbers(name: str) -> None:
    f, points = SCALAR[name]
    for point in points:
        y = f(*map(Value, point))
        assert isinstance(y, Value), f"{name}{point} gives {y!r}"
        np.testing.assert_allclose(y.data, _number(f(*point)), rtol=4e-15, err_msg=f"{name}{point}")
        check_gradients(f, *point)
        if not name.startswith("a derivative inside"):
            check_gradients(lambda *x: np.sum(np.ravel(np.array(grad(f)(*x), dtype=object))), *point)
        assert compile(f)(*point) == y.data


@pytest.mark.parametrize("name", VECTOR)
def test_numbers_and_derivatives_of_functions_of_vectors(name: str) -> None:
    f = VECTOR[name]
    value, slopes = value_and_grad(f)(X)
    np.testing.assert_allclose(value, f(X), rtol=1e-15)
    np.testing.assert_array_equal(grad(f)(X), slopes)
    check_gradients(f, X)
    directions = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(hessian(f)(X) @ directions, hvp(f)(X, directions), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(jacobian(grad(f))(X), hessian(f)(X), rtol=1e-12, atol=1e-14)


def test_third_derivatives_where_a_quotient_has_none() -> None:
    derivative, expected = np.sinc, [1.0, 0.0, -(math.pi**2) / 3.0, 0.0, math.pi**4 / 5.0]
    for slope in expected:
        assert derivative(0.0) == pytest.approx(slope, abs=1e-12)
        derivative = grad(derivative)


def test_what_has_no_slope_has_slope_0() -> None:
    assert grad(lambda x: x * 0.0 + 1.0)(2.0) == grad(lambda x: 1.0)(2.0) == grad(grad(lambda x: x))(2.0) == 0.0
    assert grad(lambda h: np.heaviside(0.0, h))(0.5) == grad(lambda h: np.heaviside(Value(0.0), h))(0.5) == 1.0
    assert grad(lambda x, y: np.power(0.0, y) + x)(1.0, 2.0) == (1.0, 0.0)


# --- Conditions ----------------------------------------------------------------------------------------------------------------

NEAR = [(1.0, 1.0), (1.0, 1.0 + 1e-9), (1.0, 1.1), (0.0, 1e-9), (math.inf, math.inf), (math.inf, 1.0), (math.nan, math.nan)]


@pytest.mark.parametrize("options", [{}, {"rtol": 0.2}, {"atol": 0.2, "rtol": 0.0}, {"equal_nan": True}])
def test_nearness(options: dict[str, Any]) -> None:
    for a, b in [*NEAR, *[(b, a) for a, b in NEAR]]:
        for pair in ((Value(a), b), (a, Value(b)), (Value(a), Value(b))):
            got = np.isclose(*pair, **options), np.allclose(*pair, **options)
            assert all(isinstance(x, Condition) for x in got)
            assert [bool(x) for x in got] == [np.isclose(a, b, **options)] * 2, f"{a}, {b}, {options}"
    got = np.isclose(Value(1.0), np.array([1.0, 2.0, np.nan]), **options)
    assert [bool(x) for x in got] == np.isclose(1.0, [1.0, 2.0, np.nan], **options).tolist()
    assert not np.allclose(np.array([1.0, 1.5]), Value(1.0), rtol=1e-3)


def test_nearness_is_decided_anew_at_every_call() -> None:
    f = compile(lambda x: x * 2.0 if np.allclose(x, 1.0, atol=0.1) else -x)
    assert f(np.array([1.05, 3.0, 0.95])).tolist() == [2.1, -3.0, 1.9]


# --- Beside arrays, and what NumPy does not let pass ---------------------------------------------------------------------------


@pytest.mark.parametrize("f", [np.heaviside, np.copysign, np.logaddexp, np.logaddexp2, np.float_power, np.nextafter])
def test_beside_an_array_of_values(f: Any) -> None:
    row = np.array([Value(0.5), Value(2.0)], dtype=object)
    assert [y.data for y in f(row, Value(1.5))] == pytest.approx(f(np.array([0.5, 2.0]), 1.5).tolist(), rel=1e-15)


def test_interpolation_like_numpys() -> None:
    for x in (-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 9.0, math.nan):
        for options in ({}, {"left": -7.0}, {"right": -8.0}):
            np.testing.assert_array_equal(
                np.interp(Value(x), KNOTS, HEIGHTS, **options).data, np.interp(x, KNOTS, HEIGHTS, **options)
            )
    row = np.interp(Value(0.25), KNOTS, np.array([Value(y) for y in HEIGHTS], dtype=object))
    assert row.data == 2.5
    several = compile(lambda x: np.interp(x, KNOTS, HEIGHTS))
    assert several(np.linspace(-2.0, 3.0, 11)).tolist() == np.interp(np.linspace(-2.0, 3.0, 11), KNOTS, HEIGHTS).tolist()
    assert len(several._made.variants[None,]) == 1  # by where, not by ways


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no op": (lambda: np.spacing(Value(1.0)), TypeError, r"frompyfunc\(function, 1, 1\)\(array\)"),
    "bits": (lambda: np.bitwise_and(Value(1.0), 3), TypeError, r"bitwise_and takes no Values here"),
    "into floats": (lambda: np.add(Value(1.0), 1.0, out=np.empty(())), TypeError, r"add takes no Values here"),
    "a period": (lambda: np.interp(Value(1.0), [0.0, 1.0], [0.0, 1.0], period=1.0), TypeError, r"np\.mod\(x, period\)"),
    "no knots": (lambda: np.interp(Value(1.0), [], []), ValueError, "at least one knot"),
    "unequal": (lambda: np.interp(Value(1.0), [0.0, 1.0], [0.0]), ValueError, "shorter"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_name_what_works(case: str) -> None:
    call, kind, words = REFUSED[case]
    with pytest.raises(kind) as caught:
        call()
    text = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert re.search(words, text), text
