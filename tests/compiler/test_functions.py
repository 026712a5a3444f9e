"""Compiled functions: every form of arguments and results, derivatives, and the guards on Python branches."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Op, Value, where
from tests.autograd.oracles import differences
from tests.compiler.runs import ENGINES

pytestmark = pytest.mark.parametrize("engine", ENGINES)

Tree = Any


def variants(f: Any) -> int:
    """How many recordings the function has, as its repr tells."""
    return int(repr(f).split(": ")[1].split(" recorded")[0])


def numbers(tree: Tree) -> list[float]:
    """The numbers of nested lists, tuples and arrays."""
    if isinstance(tree, (list, tuple, np.ndarray)):
        return [x for branch in tree for x in numbers(branch)]
    return [float(tree)]


def same(what: str, got: Tree, expected: Tree) -> bool:
    assert not differences(what, numbers(got), numbers(expected))
    return True


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Tree, ...]]] = {
    "one number": (lambda x: x**3 - autograd.tanh(x), (0.7,)),
    "two numbers": (lambda x, y: x * autograd.exp(y) / (1.0 + x * x), (0.7, -0.3)),
    "a list": (lambda xs: autograd.sum([x * x for x in xs]) * xs[1], ([0.5, -1.5, 2.0],)),
    "a tuple": (lambda p: p[0] ** 2 * p[1], ((1.5, -2.0),)),
    "nested lists": (
        lambda W, x: autograd.softplus(autograd.dot(W[0], x) * autograd.dot(W[1], x)),
        ([[0.1, 0.2], [0.3, 0.4]], [1.5, -2.0]),
    ),
    "lists and numbers": (lambda a, xs, b: a * xs[0] + autograd.sin(b * xs[1]), (0.5, [1.0, -2.0], 3.0)),
    "one that is not used": (lambda x, y: autograd.log(x), (2.0, 5.0)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_and_derivatives_are_those_of_the_function(engine: str, name: str) -> None:
    function, args = FUNCTIONS[name]
    f = autograd.compile(function, engine=engine)
    for _ in range(2):
        assert same("value", f(*args), function(*args))
        assert same("gradient", f.grad(*args), autograd.grad(function)(*args))
        assert same("value and gradient", f.value_and_grad(*args), autograd.value_and_grad(function)(*args))
        assert same("Hessian", f.hessian(*args), autograd.hessian(function)(*args))
    assert variants(f) == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_have_the_shape_of_the_eager_ones(engine: str, name: str) -> None:
    function, args = FUNCTIONS[name]
    f = autograd.compile(function, engine=engine)
    for got, expected in ((f.grad(*args), autograd.grad(function)(*args)), (f.hessian(*args), autograd.hessian(function)(*args))):
        assert repr(got) == repr(expected)
    assert type(f(*args)) is float


RESULTS: dict[str, Callable[[Any, Any], Tree]] = {
    "list": lambda x, y: [x * y, x + y],
    "tuple": lambda x, y: (x, y, x / y),
    "nested": lambda x, y: [[x, (y, x * x)], y],
    "with constants": lambda x, y: [1.0, x, 2],
    "constant": lambda x, y: 4.0,
    "argument": lambda x, y: y,
    "condition": lambda x, y: x > y,
    "empty": lambda x, y: [],
}


@pytest.mark.parametrize("name", RESULTS)
def test_any_shape_of_results(engine: str, name: str) -> None:
    function = RESULTS[name]
    f = autograd.compile(function, engine=engine)
    for point in ((0.5, 2.0), (3.0, -1.0)):
        got, expected = f(*point), function(*point)
        assert same(f"{name}{point}", got, expected)
        if name != "condition":  # a number here, as everything is that a program computes
            assert repr(got) == repr(
                autograd.derivatives.like(expected, map(float, numbers(expected)) if numbers(expected) else iter(()))
            )
    xs, ys = np.array([0.5, 3.0, -2.0]), np.array([2.0, -1.0, 4.0])
    rows = f(xs, ys)
    for k, point in enumerate(zip(xs, ys, strict=True)):
        assert same(
            f"{name}{point} in an array", [float(np.asarray(row)[k]) for row in arrays(rows)], function(*map(float, point))
        )


def arrays(tree: Tree) -> list[Any]:
    return [x for branch in tree for x in arrays(branch)] if isinstance(tree, (list, tuple)) else [tree]


def test_derivatives_of_a_constant_are_zero(engine: str) -> None:
    f = autograd.compile(lambda x, y: 4.0, engine=engine)
    assert f.grad(1.0, 2.0) == (0.0, 0.0)
    assert f.hessian(1.0, 2.0) == ((0.0, 0.0), (0.0, 0.0))
    assert f.grad(np.ones(3), 2.0)[1].tolist() == [0.0, 0.0, 0.0]


def test_derivatives_need_a_single_result(engine: str) -> None:
    f = autograd.compile(lambda x: [x, x], engine=engine)
    with pytest.raises(TypeError, match=r"value_and_grad needs a function that returns one number.*list"):
        f.grad(1.0)
    with pytest.raises(TypeError, match="hessian"):
        f.hessian(1.0)


def test_numbers_of_every_kind(engine: str) -> None:
    from decimal import Decimal
    from fractions import Fraction

    f = autograd.compile(lambda x: x * 2.0, engine=engine)
    for x in (1, True, np.float32(0.5), np.int64(3), Fraction(1, 4), Decimal("0.5"), np.array(2.0)):
        assert f(x) == float(x) * 2.0
    assert variants(f) == 1


@pytest.mark.parametrize("x", ["1", None, 1j, [None]], ids=repr)
def test_other_things_are_refused(engine: str, x: Any) -> None:
    f = autograd.compile(lambda x: x, engine=engine)
    with pytest.raises(TypeError, match="real number"):
        f(x)


def test_no_arguments_are_refused(engine: str) -> None:
    with pytest.raises(TypeError, match="at least one argument"):
        autograd.compile(lambda: 1.0, engine=engine)()


def test_arrays_broadcast(engine: str) -> None:
    function = lambda x, w: autograd.tanh(w[0] * x + w[1])  # noqa: E731
    f = autograd.compile(function, engine=engine)
    x, w = np.linspace(-2.0, 2.0, 15).reshape(3, 1, 5), [np.array([[0.5], [1.0]]), 0.25]
    got = f(x, w)
    assert got.shape == (3, 2, 5)
    expected = [[[function(float(x[i, 0, k]), [float(w[0][j, 0]), 0.25]) for k in range(5)] for j in range(2)] for i in range(3)]
    assert same("values", got, expected)
    dx, (da, db) = f.grad(x, w)
    assert dx.shape == da.shape == db.shape == (3, 2, 5)
    one = autograd.grad(function)(float(x[2, 0, 4]), [1.0, 0.25])
    assert same("gradient of one sample", [dx[2, 1, 4], da[2, 1, 4], db[2, 1, 4]], one)
    hessian = f.hessian(x, w)
    assert same("Hessian", hessian[1][0][1][0][2, 1, 4], autograd.hessian(function)(float(x[2, 0, 4]), [1.0, 0.25])[1][0][1][0])


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1000])
def test_any_number_of_samples(engine: str, count: int) -> None:
    f = autograd.compile(lambda x: autograd.exp(x) * x, engine=engine)
    xs = np.linspace(-1.0, 1.0, count)
    assert same("values", f(xs), [math.exp(x) * x for x in xs.tolist()])
    assert f.grad(xs).shape == (count,)


def test_arrays_of_any_memory_layout(engine: str) -> None:
    f = autograd.compile(lambda x, y: x - y, engine=engine)
    x = np.arange(24, dtype=np.int64).reshape(4, 6)
    y = np.asfortranarray(np.arange(24.0).reshape(4, 6) ** 2)
    before = y.copy()
    assert (f(x[::2, ::-1], y[::2]) == x[::2, ::-1] - y[::2]).all()
    assert (y == before).all()


def test_shapes_that_do_not_broadcast_are_refused(engine: str) -> None:
    with pytest.raises(ValueError, match="broadcast"):
        autograd.compile(lambda x, y: x + y, engine=engine)(np.ones(3), np.ones(4))


def test_one_recording_for_each_form_of_arguments(engine: str) -> None:
    f = autograd.compile(lambda xs: autograd.sum(xs), engine=engine)
    assert [f([1.0, 2.0]), f([1.0, 2.0, 3.0]), f([4.0, 5.0])] == [3.0, 6.0, 9.0]
    assert variants(f) == 2


def test_the_decorator_keeps_name_and_docstring(engine: str) -> None:
    @autograd.compile(engine=engine)
    def area(r: Any) -> Any:
        """The area."""
        return 3.0 * r**2

    assert (area.__name__, area.__doc__) == ("area", "The area.")
    assert (area(2.0), area.grad(2.0)) == (12.0, 12.0)
    assert engine in repr(area)


def test_called_with_values_it_is_the_function_itself(engine: str) -> None:
    inner = autograd.compile(lambda x: autograd.tanh(x) * x, engine=engine)
    outer = autograd.compile(lambda x, y: inner(x * y) + y, engine=engine)

    def plain(x: Any, y: Any) -> Any:
        z = x * y
        return autograd.tanh(z) * z + y

    assert same("composed", outer.value_and_grad(0.5, 3.0), autograd.value_and_grad(plain)(0.5, 3.0))
    assert same("differentiated eagerly", autograd.grad(inner)(0.3), inner.grad(0.3))


def test_values_from_outside_count_with_their_present_data(engine: str) -> None:
    w = Value(2.0, label="w")
    f = autograd.compile(lambda x: w * x * x if w > 0 else -x, engine=engine)
    assert (f(3.0), f.grad(3.0)) == (18.0, 12.0)
    assert f(np.array([1.0, 3.0])).tolist() == [2.0, 18.0]
    w.data = 5.0
    assert (f(3.0), f.grad(3.0), f.hessian(3.0)) == (45.0, 30.0, 10.0)
    assert f(np.array([1.0, 3.0])).tolist() == [5.0, 45.0]
    assert f.grad(np.array([1.0, 3.0])).tolist() == [10.0, 30.0]
    assert variants(f) == 1
    w.data = -1.0
    assert (f(3.0), variants(f)) == (-3.0, 2)
    assert w.grad == 0.0


def test_a_model_compiles_and_follows_its_training(engine: str) -> None:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=3)
    f = autograd.compile(model, engine=engine)
    for _ in range(2):
        assert f([0.5, -1.0]) == model([0.5, -1.0]).data
        assert same("many", f([np.array([0.5, 1.0]), -1.0]), [model([x, -1.0]).data for x in (0.5, 1.0)])
        for p in model.parameters():
            p.data *= -1.5
    assert variants(f) == 1


# --- Guards --------------------------------------------------------------------------------------------------------------------


def bend(x: Any) -> Any:
    if x > 1.0:
        return x * x
    return 3.0 * x


def test_the_other_branch_is_recorded_and_both_are_kept(engine: str) -> None:
    f = autograd.compile(bend, engine=engine)
    assert (f(2.0), variants(f)) == (4.0, 1)
    assert (f(3.0), variants(f)) == (9.0, 1)
    assert (f(0.5), variants(f)) == (1.5, 2)
    assert (f(4.0), f(-1.0), f(1.0), variants(f)) == (16.0, -3.0, 3.0, 2)
    assert [f.grad(x) for x in (4.0, -1.0)] == [8.0, 3.0]
    assert [f.hessian(x) for x in (4.0, -1.0)] == [2.0, 0.0]
    assert variants(f) == 2


def test_nan_takes_the_way_that_python_takes(engine: str) -> None:
    f = autograd.compile(lambda x: x if x > 1.0 else Value(7.0) + 0.0 * 2, engine=engine)
    assert f(2.0) == 2.0
    assert f(math.nan) == 7.0


def test_an_array_that_parts_ways_is_grouped(engine: str) -> None:
    f = autograd.compile(bend, engine=engine)
    xs = np.array([2.0, 3.0, 0.5, 5.0, -1.0])
    for _ in range(2):
        assert f(xs).tolist() == [4.0, 9.0, 1.5, 25.0, -3.0]
        assert f.grad(xs).tolist() == [4.0, 6.0, 3.0, 10.0, 3.0]
        assert f.hessian(xs).tolist() == [2.0, 2.0, 0.0, 2.0, 0.0]
    assert variants(f) == 2


def test_an_array_that_takes_the_other_branch_altogether_is_fine(engine: str) -> None:
    f = autograd.compile(bend, engine=engine)
    assert f(2.0) == 4.0
    assert f(np.array([0.5, -1.0])).tolist() == [1.5, -3.0]
    assert f(np.array([2.0, 5.0])).tolist() == [4.0, 25.0]
    assert variants(f) == 2


def test_where_needs_no_guard(engine: str) -> None:
    f = autograd.compile(lambda x: where(x > 1.0, x * x, 3.0 * x), engine=engine)
    assert f(np.array([2.0, 0.5])).tolist() == [4.0, 1.5]
    assert f.grad(np.array([2.0, 0.5])).tolist() == [4.0, 3.0]
    assert variants(f) == 1


GUARDED: dict[str, tuple[Callable[..., Any], list[tuple[float, ...]]]] = {
    "if x": (lambda x, y: y if x else -y, [(1.0, 2.0), (0.0, 2.0), (-1.0, 3.0), (math.nan, 1.0), (-0.0, 1.0)]),
    "not x": (lambda x, y: y if not x else -y, [(1.0, 2.0), (0.0, 2.0)]),
    "and": (lambda x, y: x if x > 0 and y > 0 else y, [(1.0, 2.0), (-1.0, 2.0), (1.0, -2.0), (-1.0, -1.0)]),
    "condition as an index": (lambda x, y: [x, y * y][x > y], [(1.0, 2.0), (3.0, 2.0)]),
    "sum of conditions": (lambda x, y: x * sum([x > 0, y > 0]), [(1.0, 2.0), (3.0, -2.0), (-3.0, -2.0)]),
    "max": (lambda x, y: max(x, y) ** 2, [(1.0, 2.0), (3.0, 2.0), (2.0, 2.0)]),
    "min": (lambda x, y: min([x, y, 1.5 * x]), [(1.0, 2.0), (3.0, 2.0), (-3.0, 2.0)]),
    "sorted": (lambda x, y: autograd.dot([1.0, 10.0, 100.0], sorted([x, y, x * y])), [(1.0, 2.0), (3.0, 2.0), (-3.0, 2.0)]),
    "while": (lambda x, y: halved(x) * y, [(1.0, 2.0), (5.0, 2.0), (40.0, 2.0), (6.0, 1.0)]),
    "conditional equality": (lambda x, y: x if (x >= y) == (y > 0) else y, [(1.0, 2.0), (3.0, 2.0), (-1.0, -2.0)]),
}


def halved(x: Any) -> Any:
    while x > 2.0:
        x = x / 2.0
    return x


@pytest.mark.parametrize("name", GUARDED)
def test_no_branch_is_ever_frozen(engine: str, name: str) -> None:
    function, points = GUARDED[name]
    f = autograd.compile(function, engine=engine)
    for point in [*points, *reversed(points)]:
        assert same(f"value{point}", f(*point), function(*point))
        assert same(f"gradient{point}", f.grad(*point), autograd.grad(function)(*point))
        assert same(f"array{point}", f(*[np.array([x, x]) for x in point]), [function(*point)] * 2)
    assert 1 < variants(f) <= len(points)


def test_a_guard_on_one_argument_of_several(engine: str) -> None:
    """A mode switch: the samples vary in x alone, and all go the same way."""
    f = autograd.compile(lambda x, mode: x * x if mode > 0 else -x, engine=engine)
    xs = np.array([1.0, -2.0, 3.0])
    assert f(xs, 1.0).tolist() == [1.0, 4.0, 9.0]
    assert f(xs, -1.0).tolist() == [-1.0, 2.0, -3.0]
    assert variants(f) == 2


def _root(a: float) -> float:
    return math.sqrt(a)  # raises below 0


ROOT = Op("root", _root, lambda g, y, a: (g / (2.0 * y),))


def test_an_op_that_raises_behind_a_guard_is_not_in_the_way(engine: str) -> None:
    f = autograd.compile(lambda x: ROOT(x) if x > 0 else -x, engine=engine)
    assert f(4.0) == 2.0
    assert f(-3.0) == 3.0
    assert f(np.array([-1.0, -2.0])).tolist() == [1.0, 2.0]
    assert f(np.array([9.0, 16.0])).tolist() == [3.0, 4.0]
    guarded_wrongly = autograd.compile(lambda x: ROOT(x) if x > -5 else -x, engine=engine)
    assert guarded_wrongly(4.0) == 2.0
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        guarded_wrongly(-1.0)


def test_a_failing_function_records_nothing(engine: str) -> None:
    def fails(x: Any) -> Any:
        if x > 0:
            raise KeyError("positive")
        return x

    f = autograd.compile(fails, engine=engine)
    with pytest.raises(KeyError, match="positive"):
        f(1.0)
    assert (f(-1.0), variants(f)) == (-1.0, 1)


# --- Nothing is frozen silently ------------------------------------------------------------------------------------------------


def test_equality_with_a_number_is_a_branch_like_any_other(engine: str) -> None:
    f = autograd.compile(lambda x: 1.0 if x == 0 else autograd.sin(x) / x, engine=engine)
    assert (f(0.5), f(0.0), f(-0.0), f(0.5)) == (math.sin(0.5) / 0.5, 1.0, 1.0, math.sin(0.5) / 0.5)
    assert f(np.array([0.5, 0.0])).tolist() == [math.sin(0.5) / 0.5, 1.0]
    assert variants(f) == 2


def test_equality_of_two_numbers_is_that_of_the_numbers(engine: str) -> None:
    f = autograd.compile(lambda x, y: x * y if x != y else x + y, engine=engine)
    assert (f(3.0, 4.0), f(3.0, 3.0), f(4.0, 4.0)) == (12.0, 6.0, 8.0)
    member = autograd.compile(lambda x: x * 2.0 if x in (1.0, 2.0) else -x, engine=engine)
    assert [member(x) for x in (3.0, 2.0, 1.0)] == [-3.0, 4.0, 2.0]


READERS: dict[str, Callable[[Any], Any]] = {
    "an argument": lambda x: x * 2.0 if x.data > 0 else x,
    "a result": lambda x: autograd.exp(x) * (x * x).data,
    "detach": lambda x: x * x.detach(),
}


@pytest.mark.parametrize("name", READERS)
def test_a_number_that_the_function_reads_itself_is_an_error_that_names_the_line(engine: str, name: str) -> None:
    with pytest.raises(TypeError, match=r"\.data is read at .*test_functions\.py:\d+.*stop_gradient"):
        autograd.compile(READERS[name], engine=engine)(1.5)


def test_so_is_the_number_of_a_value_from_outside(engine: str) -> None:
    w = Value(2.0, label="w")
    with pytest.raises(TypeError, match=r"\.data of 'w' is read"):
        autograd.compile(lambda x: x * w.data, engine=engine)(1.0)
    assert w.data == 2.0


def test_what_works_instead_is_stop_gradient(engine: str) -> None:
    f = autograd.compile(lambda x: x * autograd.stop_gradient(x), engine=engine)
    assert (f(1.5), f(2.0), f.grad(2.0)) == (2.25, 4.0, 2.0)


# --- Arguments by name ---------------------------------------------------------------------------------------------------------


def test_arguments_by_name(engine: str) -> None:
    @autograd.compile(engine=engine)
    def line(x: Any, slope: Any = 2.0) -> Any:
        return slope * x

    assert (line(3.0), line(x=3.0), line(slope=4.0, x=3.0), line(3.0, slope=4.0)) == (6.0, 6.0, 12.0, 12.0)
    assert line.grad(x=3.0, slope=4.0) == (4.0, 3.0)
    assert line.value_and_grad(slope=4.0, x=3.0) == (12.0, (4.0, 3.0))
    assert line.hessian(x=3.0) == 0.0
    with pytest.raises(TypeError, match="multiple values for argument 'x'"):
        line(3.0, x=1.0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        line(3.0, z=1.0)


def test_arguments_by_name_only_are_refused_by_name(engine: str) -> None:
    def line(x: Any, *, slope: Any) -> Any:
        return slope * x

    with pytest.raises(TypeError, match="a compiled line cannot take slope by name only"):
        autograd.compile(line, engine=engine)(1.0, slope=2.0)
