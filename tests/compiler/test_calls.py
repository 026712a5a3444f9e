"""The short way of a call: it answers what the long way answers, and leaves to it whatever is not plain floats of the form seen before."""

import math
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value
from tests.compiler.runs import ENGINES

pytestmark = pytest.mark.parametrize("engine", ENGINES)
X = np.array([0.5, -2.0])

CASES: dict[str, tuple[Callable[..., Any], list[tuple[Any, ...]]]] = {
    "numbers": (lambda x, y: x * y - autograd.tanh(x), [(0.5, 2.0), (3, -1.0), (math.nan, 1.0), (True, Fraction(1, 2))]),
    "a list": (
        lambda xs: autograd.sum([x * x for x in xs]),
        [([1.0, 2.0],), ([3.0, 4],), ([1.0],), ([],), ([np.float64(2.0), True],)],
    ),
    "a tuple": (lambda p: p[0] * p[1], [((1.0, 2.0),), ((3, 4.0),)]),
    "a list and numbers": (lambda a, xs, b: a * xs[0] + b * xs[1], [(0.5, [1.0, -2.0], 3.0), (1, (1.0, 2.0), 3.0)]),
    "nested": (lambda W, x: W[0][0] * x + W[1][1], [([[1.0, 2.0], [3.0, 4.0]], 2.0)] * 2),
    "a branch": (lambda x: x * x if x > 1.0 else 3.0 * x, [(2.0,), (0.5,), (3.0,), (-1.0,)]),
    "a condition": (lambda x: x > 1.0, [(2.0,), (0.5,)]),
}


def text(tree: Any) -> str:
    return repr(tree)


@pytest.mark.parametrize("name", CASES)
def test_it_answers_as_the_first_call_did(engine: str, name: str) -> None:
    function, points = CASES[name]
    f = autograd.compile(function, engine=engine)
    for at in [*points, *points, *reversed(points)]:
        fresh = autograd.compile(function, engine=engine)
        assert text(f(*at)) == text(fresh(*at)), at
        assert text(f.grad(*at)) == text(fresh.grad(*at)), at
        assert text(f.value_and_grad(*at)) == text(fresh.value_and_grad(*at)), at


def test_vectors(engine: str) -> None:
    f = autograd.compile(lambda x, a: a * x[0] * x[1], vectors="x", engine=engine)
    for x in (X, X[::-1], X.astype(np.float32), X.astype(">f8"), np.repeat(X, 2)[::2], np.append(X, 1.0), [1.0, 2.0]):
        for _ in range(2):
            assert f(x, 3.0) == 3.0 * x[0] * x[1]
            assert np.array(f.grad(x, 3.0)[0]).tolist()[:2] == [3.0 * x[1], 3.0 * x[0]]
    first = f.grad(X, 3.0)[0]
    f.grad(X, 5.0)
    assert first.tolist() == [-6.0, 1.5], "answers are the caller's own"


def test_what_is_no_float_takes_the_long_way(engine: str) -> None:
    f = autograd.compile(lambda xs: xs[0] * xs[1], engine=engine)
    for _ in range(2):
        assert f([2.0, 3.0]) == 6.0
        v = Value(2.0)
        assert type(f([v, 3.0])) is Value
        assert [type(slope) for slope in f.grad([v, 3.0])] == [Value, Value]
        with pytest.raises(TypeError, match="Condition"):
            f([v > 1.0, 3.0])
        assert f([np.array([2.0]), 3.0]).tolist() == [6.0]
        with pytest.raises(TypeError, match="real number"):
            f(["2", 3.0])
        with pytest.raises(OverflowError):
            f([10**400, 3.0])
        with pytest.raises(IndexError):
            f([2.0])


def test_a_captured_value_and_a_function_inside_another(engine: str) -> None:
    w = Value(2.0)
    inner = autograd.compile(lambda x: x * w, engine=engine)
    outer = autograd.compile(lambda x: inner(x) * x, engine=engine)
    slope = autograd.compile(lambda x: inner.grad(2.0) * x, engine=engine)
    for w.data in (2.0, 5.0):
        assert (inner(3.0), inner.grad(3.0), outer(3.0), outer.grad(3.0)) == (3 * w.data, w.data, 9 * w.data, 6 * w.data)
        assert slope(3.0) == 3 * w.data


def test_threads_take_turns(engine: str) -> None:
    f = autograd.compile(lambda xs: autograd.sum([x * x for x in xs]), engine=engine)
    f.grad([0.0] * 20)
    wrong = []

    def work(start: float) -> None:
        for i in range(300):
            xs = [start + i + j for j in range(20)]
            if f.grad(xs) != [2.0 * x for x in xs]:
                wrong.append(xs)

    threads = [threading.Thread(target=work, args=(1000.0 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("threads", [None, 1, 2, 5])
@pytest.mark.parametrize("count", [4096, 4097, 20_001])
def test_blocks_and_threads_change_no_bit(engine: str, threads: int | None, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograd.compiler.sweeps.WORTH_THREADS", 10_000)
    monkeypatch.setattr("autograd.compiler.sweeps.STRETCH", 4096)

    def function(x: Any, y: Any) -> Any:
        return autograd.exp(x) * y - autograd.sqrt(y) / x

    f = autograd.compile(function, engine=engine, threads=threads)
    x, y = np.linspace(-3.0, 3.0, count), 2.5
    values, (dx, dy) = f.value_and_grad(x, y)
    for part in (slice(0, 900), slice(count - 900, count)):
        assert f(x[part], y).tobytes() == values[part].tobytes()
        assert [a.tobytes() for a in f.grad(x[part], y)] == [dx[part].tobytes(), dy[part].tobytes()]
    assert f(x[5], y) == values[5]
    assert f(x[::-1].reshape(-1, 1), y)[:, 0].tobytes() == values[::-1].tobytes()


def test_arrays_of_any_layout_go_in(engine: str) -> None:
    f = autograd.compile(lambda x, y: x * y - y, engine=engine)
    x = np.arange(5_003, dtype=float)
    expected = f(x, x + 1.0).tobytes()
    bytes_apart = np.zeros(8 * len(x) + 1, dtype=np.uint8)[1:].view(float)
    bytes_apart[:] = x
    for other in (x.astype(int), x.astype(np.float32), np.repeat(x, 2)[::2], x[::-1].copy()[::-1], bytes_apart):
        assert f(other, other + 1.0).tobytes() == expected


def test_an_error_in_a_thread_reaches_the_caller(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(a: float) -> float:
        if a > 9_000.0:
            raise ZeroDivisionError("of its own")
        return a

    f = autograd.compile(autograd.Op("fails", fail, lambda g, y, a: (g,)), engine=engine, threads=3)
    with pytest.raises(ZeroDivisionError, match="of its own"):
        f(np.arange(10_000.0))
    assert f(np.arange(9_000.0)).tolist() == list(range(9_000))


def test_threads_are_counted(engine: str) -> None:
    for threads in (0, -1, 1.5, "two"):
        with pytest.raises(ValueError, match="threads must be a whole number"):
            autograd.compile(lambda x: x, engine=engine, threads=threads)  # type: ignore[arg-type]
