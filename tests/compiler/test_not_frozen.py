"""Code that does more than compute: compiled it answers as plain Python does, or it is refused with the reason. Never a frozen number."""

import copy
import functools
import math
import random
import weakref
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Op, Value, detect_anomaly, grad, no_grad, sqrt, where
from nn.optim import Optimizer
from tests.compiler.runs import ENGINES

pytestmark = pytest.mark.parametrize("engine", ENGINES)


# --- Functions -----------------------------------------------------------------------------------------------------------------


def _decides_without_gradient(x: Any) -> Any:
    with no_grad():
        large = x > 1
    return x * 2 if large else x * 3


def _computes_without_gradient(x: Any) -> Any:
    with no_grad():
        y = x * x
    return x * y


RIGHT: dict[str, tuple[Callable[[Any], Any], Callable[[float], float]]] = {
    "a branch under no_grad": (_decides_without_gradient, lambda x: x * 2 if x > 1 else x * 3),
    "a number under no_grad": (_computes_without_gradient, lambda x: x * (x * x)),
    "a derivative at a plain number": (lambda x: x * grad(lambda t: t * x)(2.0), lambda x: x * x),
    "== with a fraction": (lambda x: x * 2 if x == Fraction(1) else x * 100, lambda x: x * 2 if x == 1 else x * 100),
    "a number as text": (lambda x: x * len(f"{x:.3g}"), lambda x: x * len(f"{x:.3g}")),
    "the text of a sum": (lambda x: x * float(f"{x + x:.1f}"), lambda x: x * float(f"{x + x:.1f}")),
    "a power of nan": (lambda x: x**math.nan if x > 50 else x, lambda x: x),
}


@pytest.mark.parametrize("name", RIGHT)
def test_functions_that_are_right_at_other_points_too(engine: str, name: str) -> None:
    function, expected = RIGHT[name]
    f = autograd.compile(function, engine=engine)
    assert [f(x) for x in (1.0, 3.0, 0.5)] == [expected(x) for x in (1.0, 3.0, 0.5)]


def test_no_gradient_flows_through_what_is_computed_under_no_grad(engine: str) -> None:
    assert autograd.compile(_computes_without_gradient, engine=engine).grad(3.0) == 9.0


def test_a_compiled_function_inside_another_uses_what_it_captured_as_it_is_now(engine: str) -> None:
    w = Value(1.0)
    inner = autograd.compile(lambda t: autograd.silu(t * w), engine=engine)
    f = autograd.compile(lambda x: x * inner(2.0), engine=engine)
    for w.data in (1.0, 5.0):
        assert f(3.0) == 3.0 * autograd.silu(2.0 * w.data)


def _backward_inside(x: Any) -> Any:
    y = x * x
    y.backward()
    return y * x.grad


_w = Value(0.5)


@functools.cache
def _kept(x: Any) -> Any:
    return x * 2.0


def _by_type(x: Any) -> float:
    return {Value: 2.0}.get(type(x), 3.0)


def _caught_key(x: Any) -> Any:
    try:
        return {2.0: 5.0}[x] * x
    except (KeyError, TypeError):
        return x


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a copy": (lambda x: x * copy.deepcopy([x])[0], r"\.data is read"),
    "backward": (_backward_inside, r"\.data is read"),
    "a number as a key": (lambda x: {1.0: 5.0}.get(x, 0.0) * x, "number as a key"),
    "a key that is not there": (lambda x: {2.0: 5.0}.get(x, 0.0) * x, "number as a key of a dict .* at .*test_not_frozen.*round"),
    "a result as a key": (lambda x: {1.0: 5.0}.get(2.0 / (x**3.0 + 1.0), 0.0) * x, "number as a key"),
    "a result that is no key": (lambda x: {2.0: 5.0}.get(2.0 / (x**3.0 + 1.0) + _w, 0.0) * x, "number as a key"),
    "a method's result that is no key": (lambda x: {2.0: 5.0}.get(_w.atan2(x), 0.0) * x, "number as a key"),
    "a choice that is no key": (lambda x: {2.0: 5.0}.get(where(x > 2.0, 2.0, 3.0), 0.0) * x, "number as a key"),
    "a sum that is no key": (lambda x: {2.0: 5.0}.get(autograd.dot([1.0], [x], _w), 0.0) * x, "number as a key"),
    "a weak key": (lambda x: weakref.WeakKeyDictionary({x: 5.0})[x] * x, "number as a key"),
    "a member of a set": (lambda x: 1.0 * x if x in {1.0, 2.0} else -x, "number as a key"),
    "several in a set": (lambda x: x * len({x, 2.0 * x}), "number as a key"),
    "an argument of a function with a cache": (lambda x: _kept(x) * x, "function with a cache"),
    "a type": (lambda x: x * 2.0 if isinstance(x, float) else x * 3.0, "looks at types"),
    "the class of an argument": (lambda x: x * 2.0 if type(x) is Value else x * 3.0, r"asks type\(x\). Write isinstance"),
    "the class of a result": (lambda x: x * 2.0 if (1.0 * x).__class__ == Value else x * 3.0, r"asks type\(x\)"),
    "a class that a helper asks for": (lambda x: x * _by_type(x), r"asks type\(x\)"),
    "a key that is caught": (_caught_key, "number as a key"),
    "a repr": (lambda x: x * 2.0 if repr(x) == "1.0" else x * 3.0, "looks at types"),
    "random numbers": (lambda x: x * random.random(), "random numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_functions_that_are_refused(engine: str, name: str) -> None:
    function, reason = REFUSED[name]
    with pytest.raises(TypeError, match=reason):
        autograd.compile(function, engine=engine)(1.0)


def test_a_type_that_makes_no_difference_may_be_asked_for(engine: str) -> None:
    def f(x: Any) -> Any:
        kinds = list(map(type, (x, 1.0 * x)))
        return _w * x if _w < x and len(kinds) == 2 else x

    g = autograd.compile(f, engine=engine)
    assert [g(3.0), g(0.25)] == [1.5, 0.25]


def test_a_text_by_repr_is_recorded_anew(engine: str) -> None:
    f = autograd.compile(lambda x: x * len(repr(x * 1.0)), engine=engine)
    g = autograd.compile(lambda x: x * len(f"{x:.3g}"), engine=engine)
    assert [g(x) for x in (1.0, 1.25, -0.125)] == [x * len(f"{x:.3g}") for x in (1.0, 1.25, -0.125)]
    signed = autograd.compile(lambda x: x + len(f"{x:.1f}"), engine=engine)
    assert [signed(x) for x in (0.0, -0.0, 0.0)] == [3.0, 4.0, 3.0]
    with pytest.raises(TypeError, match="looks at types"):
        f(1.0)


def test_lists_and_tuples_are_two_forms(engine: str) -> None:
    f = autograd.compile(lambda p: p[0] * p[1], engine=engine)
    assert (f.grad([1.0, 2.0]), f.grad((1.0, 2.0))) == ([2.0, 1.0], (2.0, 1.0))


@pytest.mark.parametrize("array", [np.array([1 + 2j]), np.array([None]), np.array(["1"])], ids=str)
def test_arrays_of_anything_else_than_real_numbers_are_refused(engine: str, array: Any) -> None:
    with pytest.raises(TypeError, match="needs arrays of real numbers"):
        autograd.compile(lambda x: x * 2.0, engine=engine)(array)


def test_an_anomaly_on_a_branch_not_taken_is_none(engine: str) -> None:
    with detect_anomaly():
        assert autograd.compile(lambda x: where(x > 0.5, sqrt(x), 2.0 * x), engine=engine).grad(0.0) == 2.0


# --- Ops of one's own ----------------------------------------------------------------------------------------------------------


def _careful_exp(a: Any) -> Any:
    try:
        return math.exp(a)
    except Exception:
        return math.inf


VALUES: dict[str, Callable[[Any], Any]] = {
    "caught exceptions": _careful_exp,
    "types": lambda a: a * 2.0 if isinstance(a, float) else a * 3.0,
    "keys": lambda a: 1.0 if a in {1.0, 2.0} else 0.0,
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_function_that_looks_at_its_operand_is_called_with_floats(engine: str, name: str) -> None:
    op = Op(name, VALUES[name], lambda g, y, a: (g,))
    f = autograd.compile(lambda x: op(x) + 0.0, engine=engine)
    xs = [1.0, 2.0, 0.5, -3.0]
    assert f(np.array(xs)).tolist() == [VALUES[name](x) for x in xs]


def test_a_value_function_is_asked_anew_when_something_is_compiled_anew(engine: str) -> None:
    scale = [2.0]
    op = Op("scaled", lambda a: a * scale[0], lambda g, y, a: (g * scale[0],))
    for scale[0] in (2.0, 3.0):
        assert autograd.compile(lambda x: op(x) * 1.0, engine=engine).value_and_grad(1.0) == (scale[0], scale[0])


RULES: dict[str, Callable[..., Any]] = {
    "a branch": lambda g, y, a: (g if a > 0 else 0.0,),
    "a number": lambda g, y, a: (g * a.data,),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_that_decides_by_a_plain_number_is_refused(engine: str, name: str) -> None:
    op = Op("my_relu", lambda a: where(a > 0, a, 0.0), RULES[name])
    reason = "the rule of op 'my_relu' reads a plain number, or decides by one, at .*write the rule with where"
    with pytest.raises(TypeError, match=reason):
        autograd.compile(op, engine=engine).grad(1.0)
    with pytest.raises(TypeError, match=reason):
        autograd.compile(op(Value(1.0)), engine=engine)
    with pytest.raises(TypeError, match=reason):
        autograd.compile(op, engine=engine).hessian(1.0)
    assert autograd.grad(op)(1.0) == 1.0, "eagerly it holds for the point at hand"


def test_one_op_with_two_numbers_of_operands(engine: str) -> None:
    mean = Op("mean", lambda *xs: math.fsum(xs) / len(xs), lambda g, y, *xs: [g * (1.0 / len(xs))] * len(xs))
    f = autograd.compile(lambda a, b, c: [mean(a, b), mean(a, b, c)], engine=engine)
    assert f(1.0, 2.0, 30.0) == [1.5, 11.0]
    assert [row.tolist() for row in f(np.array([1.0, 2.0]), 2.0, 30.0)] == [[1.5, 2.0], [11.0, 34.0 / 3.0]]


def test_no_samples_call_no_function_of_the_users(engine: str) -> None:
    def fail(a: float) -> float:
        raise ZeroDivisionError

    f = autograd.compile(lambda x: Op("fails", fail, lambda g, y, a: (g,))(x) if x < 0 else x, engine=engine)
    assert f(np.array([])).tolist() == []


# --- Training ------------------------------------------------------------------------------------------------------------------

X = [[math.sin(3.0 * i), math.cos(5.0 * i)] for i in range(12)]
Y = [1.0 if a * b > 0 else 0.0 for a, b in X]


class Plain(nn.Module):
    """A model that is one function of its parameters and a sample."""

    def __init__(self, function: Callable[..., Any], *numbers: float) -> None:
        self.function, self.ps = function, [Value(x) for x in numbers]

    def __call__(self, x: Any) -> Any:
        return self.function(self.ps, x)


def _linear(p: Any, x: Any) -> Any:
    return p[0] * x[0] + p[1] * x[1]


def fitted(engine: str, function: Callable[..., Any] = _linear, **settings: Any) -> tuple[nn.History, list[float]]:
    model = Plain(function, 0.5, -0.2)
    optimizer = settings.pop("optimizer", lambda ps: nn.SGD(ps, lr=0.05))(model.parameters())
    callbacks = [callback(optimizer) for callback in settings.pop("callbacks", ())]
    fixed: dict[str, Any] = {"epochs": 6, "batch_size": 1, "seed": 0, "progress": False}
    history = nn.fit(model, X, Y, optimizer=optimizer, engine=engine, callbacks=callbacks, **(fixed | settings))
    return history, [p.data for p in model.parameters()]


def agree(engine: str, **settings: Any) -> nn.History:
    """Both engines' histories and weights are the same."""
    (ours, weights), (theirs, expected) = fitted(engine, **settings), fitted("eager", **settings)
    relative = 0.0 if settings.get("batch_size", 1) == 1 else 1e-12
    assert weights == pytest.approx(expected, rel=relative, abs=0.0)
    assert ours.loss == pytest.approx(theirs.loss, rel=relative, abs=0.0)
    return ours


def _centred(p: Any, x: Any) -> Any:
    with no_grad():
        size = x[0] * x[0] + x[1] * x[1]
    return _linear(p, x) * size


def test_a_model_with_a_part_under_no_grad(engine: str) -> None:
    agree(engine, function=_centred)
    rows = [[i / 50, 1.0] for i in range(100)]
    model = Plain(_centred, 0.5, 0.25)
    assert model.predict(rows) == [model(row).data for row in rows]


@pytest.mark.parametrize("batch_size", [1, 5])
def test_a_parameter_inside_a_branch_and_outside(engine: str, batch_size: int) -> None:
    agree(engine, function=lambda p, x: where(x[0] > 0, p[0] * x[1], p[1]) + p[1], batch_size=batch_size)


@pytest.mark.parametrize("batch_size", [1, 5, None])
def test_a_loss_that_is_the_same_for_all_samples(engine: str, batch_size: int | None) -> None:
    agree(engine, function=lambda p, x: p[0] * p[1], loss=lambda score, target: (score - 3.0) ** 2, batch_size=batch_size)


_KEY, _OTHER = "number as a key", "cannot be recorded"
LOSSES: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "weights of the classes in a dict": (lambda score, target: {1.0: 5.0}.get(target, 1.0) * (score - target) ** 2, _KEY),
    "a result in a dict": (lambda score, target: {9.0: 5.0}.get(3.0 * target, 1.0) * (score - target) ** 2, _KEY),
    "a set": (lambda score, target: (5.0 if target in {1.0} else 1.0) * (score - target) ** 2, _KEY),
    "a key that must be there": (lambda score, target: {0.0: 1.0, 1.0: 5.0}[target] * (score - target) ** 2, _KEY),
    "a key that is caught": (lambda score, target: (score - target) ** 2 + 0.0 * score * _caught_key(target), _KEY),
    "the class of a score": (
        lambda score, target: (score - target) ** 2 * (2.0 if type(score) is Value else 1.0),
        "looks at types",
    ),
    "a method of floats": (lambda score, target: (score - target) ** 2 * (2.0 if target.is_integer() else 1.0), _OTHER),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_that_cannot_be_recorded(engine: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nn.engines.WORK_WORTH_COMPILING", 0)
    loss, reason = LOSSES[name]
    with pytest.raises(TypeError, match=reason):
        fitted(engine, loss=loss)
    assert agree("auto", loss=loss).engine == "eager"


def _draws(generator: Any) -> Callable[..., Any]:
    def function(p: Any, x: Any) -> Any:
        return _linear(p, x) * (1.0 if generator.random() < 0.9 else 0.0)

    return function


class Dropout(Plain):
    """A model with a generator of its own."""

    def __init__(self, generator: Any) -> None:
        super().__init__(_draws(generator), 0.5, -0.2)
        self.generator = [generator]


@pytest.mark.parametrize(
    "make", [random.Random, np.random.default_rng, np.random.RandomState], ids=["Random", "default_rng", "RandomState"]
)
def test_generators_that_a_model_holds(engine: str, make: Callable[[int], Any]) -> None:
    for seed in range(5):
        generator = make(seed)
        with pytest.raises(TypeError, match=r"draws random numbers|for plain numbers|at every call"):
            nn.fit(Dropout(generator), X, Y, optimizer="sgd", epochs=1, progress=False, engine=engine)


class Clipped(Optimizer):
    """An optimizer with a step of its own."""

    memory = 0

    def __init__(self, params: Any) -> None:
        super().__init__(params, 0.05)

    def update(self, step: Any, p: Any, g: Any, *state: Any) -> tuple[Any, ...]:
        return (p - self.lr * g,)

    def step(self) -> None:
        for p in self.params:
            p.grad = max(min(p.grad, 0.01), -0.01)
        super().step()


class Counting(Optimizer):
    """An optimizer whose update reads how many steps were taken."""

    memory = 0

    def __init__(self, params: Any) -> None:
        super().__init__(params, 0.05)

    def update(self, step: Any, p: Any, g: Any, *state: Any) -> tuple[Any, ...]:
        return (p - self.lr / (1 + self.steps) * g,)


class Adagrad(Optimizer):
    """Without anything that keeps it from dividing by 0, as where a vector is padded."""

    memory = 1

    def __init__(self, params: Any) -> None:
        super().__init__(params, 0.05)

    def update(self, step: Any, p: Any, g: Any, *state: Any) -> tuple[Any, ...]:
        v = state[0] + g * g
        return p - self.lr * g / sqrt(v), v


@pytest.mark.parametrize("make", [Clipped, Counting], ids=lambda make: make.__name__)
def test_optimizers_that_cannot_be_recorded(engine: str, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nn.engines.WORK_WORTH_COMPILING", 0)
    with pytest.raises(TypeError, match=r"step\(\) of its own|reads self\.steps"):
        fitted(engine, optimizer=make)
    assert agree("auto", optimizer=make).engine == "eager"


def test_an_optimizer_that_divides_by_nothing_in_the_padding(engine: str) -> None:
    assert agree(engine, optimizer=Adagrad).engine == engine


def _momentum(optimizer: Any) -> Callable[..., object]:
    def callback(epoch: int, history: nn.History) -> None:
        optimizer.momentum = 0.9

    return callback


def test_a_callback_that_changes_the_optimizer(engine: str) -> None:
    assert agree(engine, callbacks=[_momentum]).engine == "eager"  # from then on


def test_a_callback_that_changes_a_value_of_the_loss(engine: str) -> None:
    beta = Value(1.0)

    def anneal(optimizer: Any) -> Callable[..., object]:
        beta.data = 1.0

        def callback(epoch: int, history: nn.History) -> None:
            beta.data *= 0.5

        return callback

    agree(engine, loss=lambda score, target: beta * (score - target) ** 2, callbacks=[anneal])


def test_a_callback_that_only_looks_or_sets_the_rate_leaves_it_compiled(engine: str) -> None:
    def look(optimizer: Any) -> Callable[..., object]:
        def callback(epoch: int, history: nn.History) -> None:
            optimizer.lr *= 0.9

        return callback

    assert agree(engine, callbacks=[look]).engine == engine


def test_an_interruption_of_the_first_stretch_ends_gracefully(
    engine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from autograd.compiler.loops import ArrayLoop
    from autograd.compiler.targets.llvm.training import NativeLoop

    def interrupt(*arguments: object, **settings: object) -> None:
        raise KeyboardInterrupt

    for loop in (ArrayLoop, NativeLoop):
        monkeypatch.setattr(loop, "run", interrupt)
    history, weights = fitted(engine)
    assert (history.interrupted, weights) == (True, [0.5, -0.2])
    assert "Interrupted in the first epoch" in capsys.readouterr().err
