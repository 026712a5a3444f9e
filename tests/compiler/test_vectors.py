"""Arrays that are vectors: eager derivatives and compiled functions answer in arrays, and SciPy finds Rosenbrock's optimum with both."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value
from tests.compiler.runs import ENGINES

scipy_optimize = pytest.importorskip("scipy.optimize", reason="SciPy is the oracle")
rosen, rosen_der, rosen_hess = scipy_optimize.rosen, scipy_optimize.rosen_der, scipy_optimize.rosen_hess

START = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
POINTS = np.random.default_rng(0).normal(size=(2, 3, 5))


class Eager:
    """The eager derivatives under the names of a compiled function's methods."""

    def __init__(self, f: Callable[..., Any], **settings: object) -> None:
        self.f, self.grad, self.value_and_grad = f, autograd.grad(f), autograd.value_and_grad(f)
        self.hessian, self.hvp = autograd.hessian(f), autograd.hvp(f)

    def __call__(self, *args: Any) -> Any:
        return self.f(*args)


def compiled(engine: str) -> Callable[..., Any]:
    return lambda f, vectors="x": autograd.compile(f, vectors=vectors, engine=engine)


MAKERS: dict[str, Callable[..., Any]] = {"eager": Eager} | {engine: compiled(engine) for engine in ENGINES}
everywhere = pytest.mark.parametrize("how", MAKERS)
natively = pytest.mark.parametrize("engine", ENGINES)


def same(got: Any, expected: Any) -> bool:
    """Whether it is an array of floats, close to the expected one and of its shape."""
    assert type(got) is np.ndarray
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-11, strict=True)
    return True


@everywhere
def test_derivatives_of_a_vector_are_arrays(how: str) -> None:
    f = MAKERS[how](rosen)
    assert f(START) == pytest.approx(rosen(START), rel=1e-15)
    value, slope = f.value_and_grad(START)
    assert (type(value), value) == (float, pytest.approx(rosen(START), rel=1e-15))
    assert same(slope, rosen_der(START))
    assert same(f.grad(START.astype(np.float32)), rosen_der(START.astype(np.float32).astype(float)))
    assert same(f.hessian(START), rosen_hess(START))
    assert same(f.hvp(START, START[::-1]), rosen_hess(START) @ START[::-1])
    assert f.grad(list(START)) == f.grad(START).tolist()


METHODS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "BFGS": lambda f: {"fun": f.value_and_grad, "jac": True},
    "trust-exact": lambda f: {"fun": f, "jac": f.grad, "hess": f.hessian},
    "Newton-CG": lambda f: {"fun": f, "jac": f.grad, "hessp": f.hvp},
}


@everywhere
@pytest.mark.parametrize("method", METHODS)
def test_scipy_finds_the_optimum(how: str, method: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy's own
        found = scipy_optimize.minimize(x0=START, method=method, tol=1e-8, **METHODS[method](MAKERS[how](rosen)))
    assert found.success
    np.testing.assert_allclose(found.x, np.ones(5), rtol=1e-6)


@natively
def test_samples_of_vectors(engine: str) -> None:
    f = autograd.compile(rosen, vectors="x", engine=engine)
    each = POINTS.reshape(-1, 5)
    assert same(f(POINTS), np.array(list(map(rosen, each))).reshape(2, 3))
    assert same(f.grad(POINTS), np.array(list(map(rosen_der, each))).reshape(2, 3, 5))
    assert same(f.hessian(POINTS), np.array(list(map(rosen_hess, each))).reshape(2, 3, 5, 5))
    products = [rosen_hess(x) @ y for x, y in zip(each, each[::-1], strict=True)]
    assert same(f.hvp(POINTS, POINTS[::-1, ::-1]), np.array(products).reshape(2, 3, 5))
    assert [f(x) for x in each] == f(each).tolist(), "the same bits one by one"


@natively
def test_a_vector_beside_numbers_and_samples(engine: str) -> None:
    def f(x: Any, a: Any, rest: Any) -> Any:
        return a * x[0] * x[1] + np.sum(x) * rest[0]

    g = autograd.compile(f, vectors=["x"], engine=engine)
    x, a = np.array([2.0, 3.0]), np.array([1.0, 10.0, 100.0])
    assert g(x, 2.0, [1.0]) == 17.0
    assert same(g(x, a, [1.0]), 6.0 * a + 5.0)
    dx, da, (drest,) = g.grad(x, a, [0.0])
    assert same(dx, a[:, None] * [3.0, 2.0])
    assert same(da, np.full(3, 6.0))
    assert same(drest, np.full(3, 5.0))
    mixed = g.hessian(x, 2.0, [1.0])
    assert same(mixed[0][0], [[0.0, 2.0], [2.0, 0.0]])
    assert same(mixed[0][1], x[::-1])
    assert same(mixed[1][0], x[::-1])


@natively
def test_results_that_are_arrays(engine: str) -> None:
    f = autograd.compile(lambda x: (x * x[::-1], [x[0]]), vectors="x", engine=engine)
    first, (second,) = f(np.array([2.0, 3.0]))
    assert same(first, [6.0, 6.0])
    assert second == 2.0
    first, (second,) = f(np.array([[2.0, 3.0], [1.0, 5.0], [0.0, 4.0]]))
    assert same(first, [[6.0, 6.0], [5.0, 5.0], [0.0, 0.0]])
    assert same(second, [2.0, 1.0, 0.0])


@everywhere
def test_several_arrays(how: str) -> None:
    def f(x: Any, y: Any) -> Any:
        return np.sum(x * x) * y[0]

    g = MAKERS[how](f, vectors=("x", "y"))
    x, y = np.array([1.0, 2.0]), np.array([3.0])
    (xx, xy), (yx, yy) = g.hessian(x, y)
    assert same(xx, [[6.0, 0.0], [0.0, 6.0]])
    assert same(xy, [[2.0], [4.0]])
    assert same(yx, [[2.0, 4.0]])
    assert same(yy, [[0.0]])
    dx, dy = g.hvp(x, y, (np.array([1.0, 0.0]), np.array([1.0])))
    assert same(dx, [8.0, 4.0])
    assert same(dy, [2.0])


def test_matrices_and_jacobians_eagerly() -> None:
    W, x = np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.0]]), np.array([0.1, 0.2, 0.3])
    dW, dx = autograd.grad(lambda W, x: np.sum(W @ x))(W, x)
    assert same(dW, np.array([x, x]))
    assert same(dx, W.sum(axis=0))
    assert same(autograd.jacobian(lambda x: W @ x)(x), W)
    by_x, by_a = autograd.jacobian(lambda x, a: x * a)(x, 2.0)
    assert same(by_x, 2.0 * np.eye(3))
    assert same(by_a, x)
    rows = autograd.jacobian(lambda x: [x[0], x[1] * x[2]])(x)
    assert same(np.array(rows), [[1.0, 0.0, 0.0], [0.0, 0.3, 0.2]])
    autograd.check_gradients(lambda x: np.sum(np.tanh(W @ x)), x)
    nested = autograd.grad(lambda x: np.sum(autograd.grad(lambda y: np.sum(y**3))(x)))(x)
    assert same(nested, 6.0 * x)
    assert same(autograd.grad(lambda x: 3.0)(np.empty(0)), np.empty(0))
    values = np.array([Value(2.0), Value(3.0)], dtype=object)
    assert [v.data for v in autograd.grad(values[0] * values[1], values)] == [3.0, 2.0]


@pytest.mark.parametrize("array", [np.array([1j]), np.array(["1"]), np.array([None])], ids=str)
@everywhere
def test_arrays_of_anything_else_are_refused(how: str, array: Any) -> None:
    with pytest.raises(TypeError, match="real number"):
        MAKERS[how](lambda x: x[0] * 1.0).grad(array)


def test_a_vector_taken_for_samples_is_told_apart() -> None:
    f = autograd.compile(rosen)
    with pytest.raises(TypeError) as caught:
        f(START)
    assert "vectors='x'" in " ".join(caught.value.__notes__)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="vectors names parameters, and rosen has none called 'y'; it has x"):
        autograd.compile(rosen, vectors="y")
    with pytest.raises(TypeError, match="a loss takes no parameters"):
        autograd.compile(Value(1.0) * 2.0, vectors="x")  # type: ignore[call-overload]
    f = autograd.compile(rosen, vectors="x")
    with pytest.raises(ValueError, match="a vector in the shape of the arguments"):
        f.hvp(START, START[:3])
    with pytest.raises(TypeError, match="the arguments and a vector in their shape, got 1"):
        f.hvp(START)


@natively
def test_by_some_arguments_only(engine: str) -> None:
    """The others are data, as what SciPy's ``args`` holds."""

    def misfit(x: Any, times: Any, seen: Any) -> Any:
        return sum((x[0] * autograd.exp(-x[1] * t) - y) ** 2 for t, y in zip(times, seen, strict=True))

    times = np.linspace(0.0, 2.0, 9)
    seen = 3.0 * np.exp(-0.7 * times)
    f = autograd.compile(misfit, vectors=("x", "times", "seen"), by="x", engine=engine)
    start = np.array([1.0, 1.0])
    expected = autograd.grad(lambda x: misfit(x, times, seen))
    assert same(f.grad(start, times, seen), expected(start))
    assert same(f.hvp(start, times, seen, start), autograd.hvp(lambda x: misfit(x, times, seen))(start, start))
    found = scipy_optimize.minimize(f.value_and_grad, start, args=(times, seen), jac=True, tol=1e-10)
    np.testing.assert_allclose(found.x, [3.0, 0.7], rtol=1e-5)
    of_values = f.grad(np.array([Value(1.0), Value(1.0)], dtype=object), times, seen)
    assert [v.data for v in of_values] == pytest.approx(expected(start), rel=1e-12)
    g = autograd.compile(lambda a, b, c: a * b * c, by=("c", "a"), engine=engine)
    for _ in range(2):
        assert g.grad(2.0, 3.0, 5.0) == (15.0, 6.0)
        assert g.value_and_grad(2.0, np.array([3.0, 4.0]), 5.0)[1][0].tolist() == [15.0, 20.0]
    assert g.hessian(2.0, 3.0, 5.0) == ((0.0, 3.0), (3.0, 0.0))
    with pytest.raises(ValueError, match="by names parameters, and <lambda> has none called 'z'"):
        autograd.compile(lambda a: a, by="z", engine=engine)
    h = autograd.compile(lambda a, b=2.0: a * b, by="b", engine=engine)
    assert h(3.0) == 6.0
    with pytest.raises(TypeError, match="differentiated by an argument that was not given"):
        h.grad(1.0)
