"""Values in NumPy's object arrays, NumPy's numbers beside Values."""

import math
from typing import Any

import pytest

import autograd as ag
from autograd import Condition, Value

np = pytest.importorskip("numpy")

W = [[1.0, 2.0], [3.0, 4.0]]
X = [0.5, 0.25]


def values(numbers: Any) -> Any:
    """An object array of fresh Values."""
    out = np.empty(np.shape(numbers), dtype=object)
    for i, x in np.ndenumerate(np.array(numbers)):
        out[i] = Value(x)
    return out


def numbers(array: Any) -> Any:
    """What is in an array of Values, or in one, as floats."""
    return np.vectorize(lambda v: v.data if isinstance(v, Value) else float(v), otypes=[float])(array)


EXPRESSIONS: dict[str, Any] = {
    "W @ x": lambda W, x: W @ x,
    "x @ x": lambda W, x: x @ x,
    "W @ W": lambda W, x: W @ W,
    "np.dot": lambda W, x: np.dot(W, x),
    "sum": lambda W, x: x.sum(),
    "sum by rows": lambda W, x: W.sum(axis=1),
    "np.prod": lambda W, x: np.prod(W),
    "np.mean": lambda W, x: np.mean(x),
    "mean by columns": lambda W, x: W.mean(axis=0),
    "np.var": lambda W, x: np.var(x),
    "np.std": lambda W, x: np.std(x),
    "np.cumsum": lambda W, x: np.cumsum(x),
    "np.outer": lambda W, x: np.outer(x, x),
    "np.linalg.norm": lambda W, x: np.linalg.norm(x),
    "x + x": lambda W, x: x + x,
    "x - 1": lambda W, x: x - 1,
    "2 / x": lambda W, x: 2 / x,
    "x / x": lambda W, x: x / x,
    "-x": lambda W, x: -x,
    "x ** 2": lambda W, x: x**2,
    "2 ** x": lambda W, x: 2**x,
    "x ** x": lambda W, x: x**x,
    "x % 0.2": lambda W, x: x % 0.2,
    "abs(x)": lambda W, x: abs(x),
    "x * array": lambda W, x: x * np.array([2.0, 3.0]),
    "array * x": lambda W, x: np.array([2.0, 3.0]) * x,
    "float32 array * x": lambda W, x: np.array([2.0, 3.0], dtype=np.float32) * x,
    "int array + x": lambda W, x: np.array([2, 3]) + x,
    "np.power": lambda W, x: np.power(x, 3),
    "np.square": lambda W, x: np.square(x),
    "np.where": lambda W, x: np.where(np.array([True, False]), x, -x),
    "np.maximum": lambda W, x: np.maximum(x, 0.3),
    "np.minimum": lambda W, x: np.minimum(x, 0.3),
    "np.clip": lambda W, x: np.clip(x, 0.3, 0.4),
    "np.max": lambda W, x: np.max(x),
    "np.min": lambda W, x: np.min(x),
    "np.sort": lambda W, x: np.sort(x),
    "np.hypot": lambda W, x: np.hypot(x, 2.0),
    "np.arctan2": lambda W, x: np.arctan2(x, x + 1.0),
    "tanh of a layer": lambda W, x: np.tanh(W @ x),
}
UFUNCS = ["exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan"]
UFUNCS += ["sinh", "cosh", "tanh", "arcsinh", "arctanh", "abs", "negative", "positive"]


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_object_arrays_compute_what_float_arrays_do(name: str) -> None:
    f = EXPRESSIONS[name]
    got, expected = f(values(W), values(X)), f(np.array(W), np.array(X))
    assert np.shape(got) == np.shape(expected)
    np.testing.assert_allclose(numbers(got), expected, rtol=1e-15)


@pytest.mark.parametrize("name", UFUNCS)
def test_ufuncs_are_our_functions(name: str) -> None:
    x = values(X)
    got = getattr(np, name)(x)
    assert all(isinstance(v, Value) and v._prev == (operand,) for v, operand in zip(got, x, strict=True))
    np.testing.assert_allclose(numbers(got), getattr(np, name)(np.array(X)), rtol=1e-15)
    assert getattr(np, name)(Value(0.5)).data == got[0].data


def test_ufuncs_with_other_domains() -> None:
    assert np.arccosh(values([2.0]))[0].data == math.acosh(2.0)
    assert np.tanh(Value(0.3)).data == math.tanh(0.3)


def test_gradients_flow_through_arrays() -> None:
    w, x = values(W), values(X)
    loss = np.mean(np.tanh(w @ x) ** 2)
    assert isinstance(loss, Value)
    loss.backward()
    a = np.array(W) @ np.array(X)
    delta = np.tanh(a) * (1 - np.tanh(a) ** 2)
    np.testing.assert_allclose([[v.grad for v in row] for row in w], np.outer(delta, X), rtol=1e-14)
    np.testing.assert_allclose([v.grad for v in x], np.array(W).T @ delta, rtol=1e-14)


SCALARS = ["float64", "float32", "float16", "longdouble", "int8", "int64", "uint16", "uint64", "bool_"]


@pytest.mark.parametrize("kind", SCALARS)
def test_numpy_scalars_are_numbers(kind: str) -> None:
    s = getattr(np, kind)(1)
    v = Value(3.0)
    results = [Value(s), s * v / 3, v * s / 3, (s + v) - 3, v - s - 1, s / (v - 2), v**s - 2, s**v, ag.maximum(s, Value(0.0))]
    assert [type(r) for r in results] == [Value] * len(results)
    assert [r.data for r in results] == [1.0] * len(results)
    assert all(type(r.data) is float for r in results)
    assert type(v > s) is type(s < v) is Condition


def test_large_integers_do_not_wrap_around() -> None:
    assert (Value(np.int64(2**62)) * 4).data == 2.0**64
    assert (np.int64(2**62) * Value(4.0)).data == 2.0**64


@pytest.mark.parametrize("zero_d", [np.array(3), np.array(3.0, dtype=np.float32), np.array(3.0)])
def test_arrays_with_one_number_and_no_axes_are_numbers(zero_d: Any) -> None:
    for v in (Value(zero_d), Value(0.0) + zero_d, zero_d + Value(0.0)):
        assert (type(v), v.data, type(v.data)) == (Value, 3.0, float)


def test_a_value_times_an_array_is_an_array() -> None:
    v = Value(2.0)
    for product in (v * np.array([1.0, 3.0]), np.array([1.0, 3.0]) * v):
        assert (product.dtype, [p.data for p in product]) == (np.dtype(object), [2.0, 6.0])
        assert [p._prev.count(v) for p in product] == [1, 1]
    assert [p.data for p in v ** np.array([1.0, 3.0])] == [2.0, 8.0]
    assert [bool(c) for c in v > np.array([1.0, 3.0])] == [True, False]


@pytest.mark.parametrize("array", [np.array([1.0, 2.0]), np.array([1.0]), np.array([]), np.array(["x"]), np.array([[1.0]])])
def test_arrays_with_axes_are_not_numbers(array: Any) -> None:
    with pytest.raises(TypeError, match=r"Value\(\) needs a real number, got ndarray .*dtype=object"):
        Value(array)
    with pytest.raises(TypeError, match=r"atan2 needs single numbers, got ndarray .*dtype=object"):
        ag.atan2(Value(1.0), array)
    with pytest.raises(TypeError, match=r"needs a real number, got ndarray"):
        ag.exp(array)


@pytest.mark.parametrize("scalar", [np.complex128(1j), np.datetime64("2020"), np.str_("x"), np.array(1j), np.array("x")])
def test_numpy_scalars_that_are_not_real(scalar: Any) -> None:
    with pytest.raises(TypeError, match="needs a real number, got"):
        Value(scalar)
    with pytest.raises(TypeError):
        Value(1.0) * scalar


def test_a_torch_scalar_is_a_number() -> None:
    torch = pytest.importorskip("torch")
    assert Value(torch.tensor(2.5)).data == 2.5
    with pytest.raises(TypeError, match="needs a real number, got Tensor"):
        Value(torch.tensor([2.5]))


MIXTURES: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("hypot", "arctan2", "logaddexp", "float_power", "fmod", "copysign"), (3.0, 0.5)),
    **dict.fromkeys(("maximum", "minimum", "multiply", "power", "remainder", "floor_divide", "subtract"), (3.0, 0.5)),
    **dict.fromkeys(
        ("exp2", "cbrt", "deg2rad", "radians", "rad2deg", "degrees", "fabs", "floor", "ceil", "trunc", "rint"), (0.7,)
    ),
    **dict.fromkeys(("isnan", "isinf", "isfinite", "signbit", "tanh", "sqrt"), (0.7,)),
}


@pytest.mark.parametrize("name", MIXTURES)
def test_values_beside_floats_and_arrays_in_any_order(name: str) -> None:
    f, point = getattr(np, name), MIXTURES[name]
    for i in range(len(point)):
        got = f(*point[:i], Value(point[i]), *point[i + 1 :])
        assert isinstance(got, (Value, Condition)), f"np.{name}: got {got!r}"
        number = bool(got) if isinstance(got, Condition) else got.data
        assert number == pytest.approx(f(*point), rel=1e-15)
    if len(point) == 2:
        row = np.array([0.5, 2.0, 3.0])
        for got, expected in ((f(Value(0.5), row), f(0.5, row)), (f(row, Value(0.5)), f(row, 0.5))):
            np.testing.assert_allclose([v.data for v in got], expected, rtol=1e-15)


def test_choices_share_a_tie_and_clip_is_clamp() -> None:
    v, w = Value(2.0), Value(2.0)
    np.maximum(v, w).backward()
    assert (v.grad, w.grad) == (0.5, 0.5)
    x = Value(1.0)
    y = np.clip(x, -1.0, 1.0)
    y.backward()
    assert (y.data, x.grad) == (1.0, 1.0)
