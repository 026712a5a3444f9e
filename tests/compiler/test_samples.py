"""Samples that part ways: each gets the eager engine's bits, whatever way it takes; and what cannot work says where and why."""

import math
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Op, value_and_grad
from tests.compiler.forking import WITH_INTS, source
from tests.compiler.runs import ENGINES

engines = pytest.mark.parametrize("engine", ENGINES)


def bits(x: Any) -> bytes:
    return (np.asarray(x, dtype=float) + 0.0).tobytes()


def recorded(f: Any) -> int:
    return int(repr(f).split(": ")[1].split(" recorded")[0])


def test_random_functions_use_numbers_as_ints_in_every_way() -> None:
    texts = [source(seed) for seed in range(WITH_INTS, WITH_INTS + 100)]
    for use in ("TABLE[int(", "math.floor(", "math.ceil(", "math.trunc(", " // ", "round(", "range(int(", "return f("):
        assert any([use in text for text in texts]), use


def newton(a: Any) -> Any:
    """The square root."""
    x = 0.5 * (1.0 + a)
    while abs(x * x - a) > 1e-12 * a:
        x = 0.5 * (x + a / x)
    return x


@engines
def test_a_loop_until_converged(engine: str) -> None:
    f = autograd.compile(newton, engine=engine)
    a = np.geomspace(1e-3, 1e3, 10_001)
    values, slopes = f.value_and_grad(a)
    ways = recorded(f)
    assert 4 < ways < 12
    for i in range(0, len(a), 500):
        value, slope = value_and_grad(newton)(float(a[i]))
        assert (values[i], slopes[i]) == (value, slope)
    np.testing.assert_allclose(values, np.sqrt(a), rtol=1e-12)
    order = np.random.default_rng(0).permutation(len(a))
    assert f(a[order].reshape(73, 137)).tobytes() == values[order].tobytes()
    assert recorded(f) == ways


@pytest.mark.parametrize("most", [3, 15, 18])
def test_many_samples_with_numbers_for_all(most: int) -> None:
    def f(x: Any, bound: Any, shrunk: Any, unread: Any) -> Any:
        while x > bound:
            x = x * shrunk
        return x

    g, numbers = autograd.compile(f, threads=1), (1.0, 0.5, 0.5)
    x = 2.0 ** np.random.default_rng(0).uniform(0.0, most, 40_000)
    values, (dx, _, dshrunk, dunread) = g.value_and_grad(x, *numbers)
    rounds = np.ceil(np.log2(x))
    assert values.tolist() == [f(each, *numbers) for each in x.tolist()]
    assert dx.tolist() == (0.5**rounds).tolist()
    np.testing.assert_allclose(dshrunk, rounds * x * 0.5 ** (rounds - 1), rtol=1e-14)
    assert not dunread.any()


@engines
def test_samples_of_vectors_and_numbers_for_all(engine: str) -> None:
    def f(x: Any, bound: Any) -> Any:
        total = x[0] * 0.0
        for each in x:
            if total > bound:
                return total
            total = total + each * each
        return -total

    g = autograd.compile(f, vectors="x", engine=engine)
    X = np.random.default_rng(1).normal(size=(30, 4))
    values, (dx, dbound) = g.value_and_grad(X, 1.0)
    for i, x in enumerate(X):
        value, (slope, _) = value_and_grad(f)(x, 1.0)
        assert (values[i], bits(dx[i])) == (value, bits(slope))
    assert not dbound.any()
    assert dx.shape == (30, 4)


@engines
def test_an_exception_names_the_sample(engine: str) -> None:
    def f(x: Any, y: Any) -> Any:
        if x > y:
            raise KeyError("too large")
        return x * y

    g = autograd.compile(f, engine=engine)
    with pytest.raises(KeyError, match="too large") as caught:
        g(np.array([[0.0, 1.0], [5.0, 2.0]]), 3.0)
    assert caught.value.__notes__ == ["This was at sample (1, 0), with the numbers [5.0, 3.0]", *caught.value.__notes__[1:]]
    assert g(np.array([0.0, 1.0]), 3.0).tolist() == [0.0, 3.0]


@engines
def test_too_many_ways_name_the_line(engine: str) -> None:
    def f(x: Any) -> Any:
        while x > 1.0:
            x = x - 1.0
        return x

    g = autograd.compile(f, engine=engine, paths=5)
    with pytest.raises(ValueError, match=r"more than 5 ways through f; they multiply at .*while x > 1\.0:.*paths=10"):
        g(np.arange(20.0))
    assert autograd.compile(f, engine=engine, paths=25)(np.arange(20.0)).tolist() == [0.0] + [1.0] * 19


@engines
def test_an_op_that_raises_elsewhere_is_not_in_the_way(engine: str) -> None:
    root = Op("root", lambda a: math.sqrt(a), lambda g, y, a: (g / (2.0 * y),))
    f = autograd.compile(lambda x: root(x) if x > 0 else -x, engine=engine)
    assert f(np.array([4.0, -3.0, 9.0, 0.0])).tolist() == [2.0, 3.0, 3.0, 0.0]
    wrongly = autograd.compile(lambda x: root(x) if x > -5 else -x, engine=engine)
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        wrongly(np.array([4.0, -9.0, -1.0]))


@engines
def test_results_must_have_one_form(engine: str) -> None:
    f = autograd.compile(lambda x: [x, x] if x > 0 else x, engine=engine)
    with pytest.raises(TypeError, match=r"results of another form for sample [01]"):
        f(np.array([-1.0, 1.0]))


@engines
def test_nan_and_empty_arrays(engine: str) -> None:
    f = autograd.compile(newton, engine=engine)
    assert f(np.empty((0, 3))).shape == (0, 3)
    g = autograd.compile(lambda x: x if x > 1.0 else 7.0 + 0.0 * x, engine=engine)
    np.testing.assert_array_equal(g(np.array([2.0, math.nan, 0.0])), [2.0, math.nan, 7.0])


def test_what_travelled_still_groups() -> None:
    import pickle

    from tests.compiler.travellers import hill

    f = autograd.compile(hill)
    x = np.array([1.0, -1.0, 2.0])
    expected = f.grad(x, 1.0)
    there = pickle.loads(pickle.dumps(f))
    assert [bits(a) for a in there.grad(x, 1.0)] == [bits(a) for a in expected]
    assert there(x, 1.0).tobytes() == f(x, 1.0).tobytes()


@engines
def test_a_second_call_compiles_nothing(engine: str) -> None:
    f = autograd.compile(newton, engine=engine)
    a = np.exp(np.random.default_rng(2).uniform(-7.0, 7.0, 10_000))

    def compiled() -> list[set[tuple[str, str]]]:
        return [set(variant.executors) for found in f._made.variants.values() for variant in found]

    first = f.value_and_grad(a)
    programs = compiled()
    second = f.value_and_grad(a)
    assert compiled() == programs
    assert list(map(bits, first)) == list(map(bits, second))
