"""Ops that are not in the table: rows, written with autograd's functions or with ``math``, and closures as in the lecture."""

import math
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Op, Value, where
from tests.autograd.oracles import differences
from tests.compiler.runs import ENGINES, PLACES, answers, disagreements, eager

CUBE = Op("cube", lambda a: a * a * a, lambda g, y, a: (g * 3.0 * a * a,))
BUMP = Op(
    "bump",
    lambda a, b: where(abs(a) < b, autograd.exp(-a * a), 0.0),
    lambda g, y, a, b: (where(abs(a) < b, g * (-2.0 * a * y), 0.0), None),
)


def _gamma(a: float) -> float:
    return math.lgamma(a)


def _digamma(a: float) -> float:
    return (math.lgamma(a + 1e-5) - math.lgamma(a - 1e-5)) / 2e-5


DIGAMMA = Op("digamma", _digamma, lambda g, y, a: (None,))
LGAMMA = Op("lgamma", _gamma, lambda g, y, a: (g * DIGAMMA(a),))
# A branch on a number in the value: a Python callback too.
STAIRS = Op(
    "stairs",
    lambda a, b: math.floor(a) * b if a > 0 else b,
    lambda g, y, a, b: (None, g * where(a > 0, autograd.ops.floor(a), 1.0)),
)
# A KeyError where Values come in.
PRICES = {0.0: 1.5, 1.0: -2.0}
PRICE = Op("price", lambda a: PRICES[math.copysign(0.5, a) + 0.5], lambda g, y, a: (None,))
WEEKDAY = Op("weekday", lambda a: {1.5: 1.0, -2.0: 0.25}[a], lambda g, y, a: (None,))


def engines_and_places(function: Any) -> Any:
    return pytest.mark.parametrize("engine", ENGINES)(pytest.mark.parametrize("place", PLACES)(function))


GRAPHS = {
    "cube": lambda xs: CUBE(xs[0]) * xs[1],
    "bump": lambda xs: BUMP(xs[0] * 0.5, xs[1]) + xs[1],
    "lgamma": lambda xs: LGAMMA(abs(xs[0]) + 0.5) * xs[1] + LGAMMA(abs(xs[1]) + 1.5),
    "price": lambda xs: WEEKDAY(PRICE(xs[0])) * xs[1],
    "stairs": lambda xs: STAIRS(xs[0], xs[1]) + xs[0] * STAIRS(xs[1], xs[0]),
}


@engines_and_places
def test_rows_compile(engine: str, place: str) -> None:
    points = [[0.3 * i - 1.7, 0.7 * i - 2.0] for i in range(11)]
    graphs = list(GRAPHS.values())
    got = answers(graphs, [0.4, 0.9], points, engine=engine, place=place)
    expected = [[eager(graph, point) for graph in graphs] for point in points]
    assert not disagreements(f"of {', '.join(GRAPHS)}: number", expected, got, points)


class _Broken(Exception):
    pass


def _refuse_large(a: float) -> float:
    if a > 1.0:
        raise _Broken(f"no value at {math.floor(a)}")
    return a


MODERATE = Op("moderate", _refuse_large, lambda g, y, a: (g,))


@pytest.mark.parametrize("engine", ENGINES)
def test_an_exception_in_the_users_function_is_raised(engine: str) -> None:
    x = Value(0.5)
    step = autograd.compile(MODERATE(x) * 2.0, engine=engine)
    assert step() == 1.0
    with pytest.raises(_Broken, match="no value at 3"):
        step.value_and_grad([3.0])
    assert step.value_and_grad([0.25])[0] == 0.5, "it works again after the exception"
    f = autograd.compile(lambda a: MODERATE(a) + 1.0, engine=engine)
    with pytest.raises(_Broken, match="no value at"):
        f(np.array([0.0, 5.0, 7.0, 0.0]))
    assert f(np.array([0.0, 1.0])).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_op_that_uses_a_callback_inside_a_body(engine: str) -> None:
    """A composite op one of whose parts is for floats only."""
    stirling = Op(
        "stirling",
        lambda a: LGAMMA(a + 1.0) - a * autograd.log(a) + a,
        lambda g, y, a: (g * (DIGAMMA(a + 1.0) - autograd.log(a)),),
    )
    f = autograd.compile(stirling, engine=engine)
    xs = [0.5, 1.0, 7.25]
    assert not differences("stirling", f(np.array(xs)).tolist(), [stirling(x) for x in xs])
    assert not differences("slope", f.grad(np.array(xs)).tolist(), [autograd.grad(stirling)(x) for x in xs])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_closure_of_the_lecture_is_refused_by_name(engine: str) -> None:
    x = Value(2.0, label="x")
    made = Value(x.data**2, (x,), "sq", label="square")

    def _backward() -> None:
        x.grad += 2.0 * x.data * made.grad

    made._backward = _backward
    with pytest.raises(TypeError, match=r"'square'.*'sq'|'sq'.*'square'") as caught:
        autograd.compile(made + 1.0, engine=engine)
    assert "autograd.Op(" in str(caught.value)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_closure_of_the_lecture_inside_a_function_is_refused(engine: str) -> None:
    f = autograd.compile(lambda x: Value(x.data**2, (x,), "sq") + 1.0, engine=engine)
    with pytest.raises(TypeError, match="'sq'"):
        f(2.0)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_node_without_backward_is_refused_even_where_no_gradient_is_wanted(engine: str) -> None:
    x = Value(2.0)
    with pytest.raises(TypeError, match="'mine'"):
        autograd.compile(Value(3.0, (x,), "mine") * 2.0, engine=engine)


@pytest.mark.parametrize("target", [3.0, "loss", None, [Value(1.0)]], ids=str)
def test_what_cannot_be_compiled_is_named(target: Any) -> None:
    if target is None:
        assert callable(autograd.compile(target))
        return
    with pytest.raises(TypeError, match=type(target).__name__):
        autograd.compile(target)
