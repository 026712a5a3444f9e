"""Compiled things pickle: as their programs, compiled again on arrival; and worker processes run them."""

import pickle
import sys
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Op, Value
from tests.compiler.runs import ENGINES
from tests.compiler.travellers import area, hill


def sent(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("fast", [False, True])
def test_a_step_arrives_with_leaves_of_its_own(engine: str, fast: bool) -> None:
    w, b = Value(0.5, label="w"), Value(-1.0, label="b")
    step = autograd.compile((w * 2.0 + b).tanh() ** 2, engine=engine, fast=fast)
    there = sent(step)
    assert [v.label for v in there.leaves] == [v.label for v in step.leaves]
    assert not set(there.leaves) & set(step.leaves)
    assert there() == step()
    assert [v.grad for v in there.leaves] == [v.grad for v in step.leaves]
    there.leaves[0].data = 3.0
    assert there() != step()
    assert w.data == 0.5
    assert there.stats.packs == step.stats.packs
    assert there.listing() == step.listing()
    assert sent(there)() == there()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_function_of_a_module_can_be_recorded_anew(engine: str) -> None:
    f = autograd.compile(hill, engine=engine)
    assert f(2.0, 3.0) == 12.0
    there = sent(f)
    assert repr(there) == repr(f)
    assert there(3.0, 1.0) == 9.0
    assert there(0.0, 1.0) == 2.0, "the other branch"
    assert there.grad(2.0, 3.0) == (12.0, 4.0), "asked for the value only, before"
    assert there(np.array([1.0, 2.0]), 1.0).tolist() == [1.0, 4.0], "asked for numbers only, before"
    assert there.hessian(2.0, 3.0) == autograd.hessian(hill)(2.0, 3.0)


@pytest.mark.parametrize("engine", ENGINES)
def test_of_a_lambda_what_was_recorded_travels(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)  # as where it is not installed
    f = autograd.compile(lambda xs: xs[0] * xs[1] if xs[0] > 0 else xs[1], engine=engine)
    xs = np.array([2.0, 4.0])
    f([2.0, 3.0])
    f.grad([2.0, 3.0])
    f([xs, 0.5])
    there = sent(f)
    assert (there([5.0, 2.0]), there.grad([5.0, 2.0])) == (10.0, [2.0, 5.0])
    assert there([xs, 0.5]).tolist() == [1.0, 2.0]
    for call in (
        lambda: there([-1.0, 2.0]),
        lambda: there.hessian([1.0, 2.0]),
        lambda: there.grad([xs, xs]),
        lambda: there([1.0, 2.0, 3.0]),
        lambda: there([-xs, xs]),
    ):
        with pytest.raises(ValueError, match=r"without its Python source.*before pickling"):
            call()
    assert sent(there)([5.0, 2.0]) == 10.0


def test_what_is_made_by_a_decorator_is_found_by_its_name() -> None:
    assert sent(area) is area


@pytest.mark.parametrize("engine", ENGINES)
def test_captured_values_travel_as_numbers(engine: str) -> None:
    w = Value(2.0)
    f = autograd.compile(lambda x: w * x, engine=engine)
    f(1.0)
    w.data = 3.0
    there = sent(f)
    w.data = 100.0
    assert there(2.0) == 6.0


@pytest.mark.parametrize("engine", ENGINES)
def test_an_op_of_ones_own_cannot_travel_and_is_named(engine: str) -> None:
    cube = Op("cube", lambda a: a * a * a, lambda g, y, a: (g * 3.0 * a * a,))
    step = autograd.compile(cube(Value(2.0)), engine=engine)
    with pytest.raises((ValueError, TypeError), match="'cube'"):
        pickle.dumps(step)


def test_an_engine_that_is_missing_on_arrival_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd.compiler import engines

    x = Value(3.0)
    parcels = [pickle.dumps(autograd.compile(x * x, engine="llvm")), pickle.dumps(autograd.compile(hill, engine="llvm"))]
    monkeypatch.setattr(engines, "is_installed", lambda engine: engine == "numpy")
    step, f = map(pickle.loads, parcels)
    assert step() == 9.0
    assert f(2.0, 3.0) == 12.0
    assert "numpy" in repr(f)


def value_of(step: Any, point: list[float]) -> tuple[int, float, list[float]]:
    import os

    value, gradient = step.value_and_grad(point)
    return os.getpid(), value, gradient.tolist()


def test_workers_of_joblib_run_it() -> None:
    joblib = pytest.importorskip("joblib")
    import os

    w, b = Value(0.5), Value(-1.0)
    step = autograd.compile((w * 2.0 + b).exp() * w)
    f = autograd.compile(lambda x: autograd.tanh(x) * x)
    f(0.5)
    points = [[0.1 * i, -0.2 * i] for i in range(8)]
    with joblib.Parallel(n_jobs=2) as pool:
        answers = pool(joblib.delayed(value_of)(step, point) for point in points)
        values = pool(joblib.delayed(f)(x) for x, _ in points)
    assert os.getpid() not in {process for process, *_ in answers}
    for point, (_, value, gradient) in zip(points, answers, strict=True):
        expected, slopes = step.value_and_grad(point)
        assert (value, gradient) == (expected, slopes.tolist())
    assert values == [f(x) for x, _ in points]


RATE = 2.0


def doubled(x: Any) -> Any:
    return x * RATE


class Line:
    def __init__(self, slope: float) -> None:
        self.slope = slope

    @autograd.compile
    def at(self, x: Any) -> Any:
        return self.slope * x


def test_with_cloudpickle_a_lambda_travels_whole() -> None:
    pytest.importorskip("cloudpickle")
    f = autograd.compile(lambda xs: xs[0] * xs[1] if xs[0] > 0 else xs[1])
    f([1.0, 2.0])
    there = sent(f)
    assert (there([-1.0, 2.0]), there.hessian([1.0, 2.0])) == (2.0, [[0.0, 1.0], [1.0, 0.0]])
    assert sent(sent(autograd.compile(lambda x: x * 2.0)))(3.0) == 6.0


def test_vectors_and_methods_travel() -> None:
    f = autograd.compile(hill, vectors="x")
    assert sent(autograd.compile(doubled))(1.5) == 3.0
    assert sent(f)._vectors == (True, False)
    line = Line(2.0)
    assert line.at(3.0) == 6.0
    there = sent(line.at)
    assert there(3.0) == 6.0
    there.__wrapped__.__self__.slope = 5.0
    assert (there(3.0), line.at(3.0)) == (15.0, 6.0)


def test_what_was_recorded_with_other_numbers_is_recorded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    f = autograd.compile(doubled)
    assert f(1.5) == 3.0
    parcel = pickle.dumps(f)
    monkeypatch.setattr(sys.modules[__name__], "RATE", 10.0)
    assert pickle.loads(parcel)(1.5) == 15.0


def test_started_afresh_processes_run_it() -> None:
    """Of the kind "spawn": they import everything anew."""
    import multiprocessing

    w = Value(0.5)
    step = autograd.compile((w * 2.0).exp() * w)
    things = [step, area, autograd.compile(hill), Line(2.0).at]
    expected = [step.value_and_grad([0.5])[0], area(2.0), hill(2.0, 3.0), 8.0]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        answers = [pool.apply_async(thing, args) for thing, args in zip(things, ((), (2.0,), (2.0, 3.0), (4.0,)), strict=True)]
        assert [answer.get(100) for answer in answers] == expected
