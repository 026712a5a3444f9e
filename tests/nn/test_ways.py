"""``fit`` of models and losses that branch on numbers: in native code, way by way, and equal to eager training within 1e-12 a step."""

import math
from collections.abc import Callable
from typing import Any

import pytest

import autograd
import nn
from autograd import Value
from nn import ways

pytest.importorskip("llvmlite")

X = [[math.sin(3.0 * i), math.cos(5.0 * i)] for i in range(60)]
Y = [1.0 if a * b > 0 else 0.0 for a, b in X]
CLASSES = [i % 3 for i in range(60)]


class Leaky(nn.Module):
    """An MLP whose hidden neurons leak by an ``if``, and a loop until its number is small."""

    def __init__(self, outputs: int = 1) -> None:
        self.first, self.second = nn.Layer(2, 2, seed=1), nn.Layer(2, outputs, seed=2, activation="linear")

    def __call__(self, x: Any) -> Any:
        hidden = [h if h > 0.0 else 0.1 * h for h in self.first(x)]
        big = hidden[0] * hidden[0] + 1.0
        while big > 1.2:
            big = big * 0.5
        scores = self.second(hidden)
        return [s * big for s in scores] if isinstance(scores, list) else scores * big


def huber(score: Any, target: Any) -> Any:
    away = abs(score - target)
    return 0.5 * away * away if away < 0.5 else 0.5 * away - 0.125


OPTIONS: dict[str, dict[str, Any]] = {
    "one batch": {},
    "batches": {"batch_size": 8, "seed": 3},
    "a loss that branches": {"loss": huber, "batch_size": 20, "seed": 1},
    "classes": {"loss": "cross_entropy", "batch_size": 16, "seed": 1},
    "right and wrong": {"loss": "bce"},
    "penalties and a cut": {"l2": 0.01, "l1": 0.001, "clip": 0.5, "optimizer": "sgd", "lr": 0.1},
    "weights": {"sample_weight": [1.0 + i % 3 for i in range(60)]},
    "validation": {"validation": 0.25, "seed": 2, "restore_best": True},
}


def trained(engine: str, options: dict[str, Any], make: Callable[..., Any] = Leaky, epochs: int = 6) -> tuple[Any, Any]:
    is_classes = options.get("loss") == "cross_entropy"
    model = make(3) if is_classes else make()
    history = nn.fit(model, X, CLASSES if is_classes else Y, epochs=epochs, engine=engine, progress=False, **options)
    return [p.data for p in model.parameters()], history


@pytest.mark.parametrize(("name", "engine"), [*[(name, "numpy") for name in OPTIONS], ("batches", "llvm"), ("weights", "llvm")])
def test_equal_to_eager_training(name: str, engine: str) -> None:
    (got, ours), (expected, theirs) = (trained(e, OPTIONS[name]) for e in (engine, "eager"))
    assert (ours.engine, theirs.engine) == (engine, "eager")
    for a, b in ((got, expected), (ours.loss, theirs.loss), (ours.validation_loss, theirs.validation_loss)):
        assert a == pytest.approx(b, rel=1e-9, abs=1e-12), f"{name}: got {a}, expected {b}"
    assert (ours.accuracy, ours.validation_accuracy) == (theirs.accuracy, theirs.validation_accuracy)


def test_the_gradients_of_a_batch_agree_to_12_digits() -> None:
    from nn.samples import samples
    from nn.task import Task, gradients

    model = Leaky()
    task, data = Task(model, huber, 0.0, 0.0, None, None), samples(X, Y)
    by_ways = ways.ByWays(task, data, fixed=frozenset(), is_watched=False, engine="numpy", fast=False)
    found = []
    for each in (by_ways.gradients, gradients):
        for p in model.parameters():
            p.grad = 0.0
        tally = each(task, data, model.parameters(), 1)
        found.append([tally.loss, *[p.grad for p in model.parameters()]])
    assert by_ways.count() > 3
    assert found[0] == pytest.approx(found[1], rel=1e-12, abs=1e-15)


def test_auto_trains_natively_where_that_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nn.engines.WORK_WORTH_COMPILING", 0)
    monkeypatch.setattr("nn.engines.seconds_eagerly", lambda task, data: 1e9)
    seen: list[Any] = []
    given = ways.ByWays.gradients
    monkeypatch.setattr(ways.ByWays, "gradients", lambda self, *args: seen.append(self) or given(self, *args))
    trained("auto", {}, epochs=3)
    assert len(seen) == 3
    assert seen[0].engine == "llvm"


def test_auto_gives_up_what_does_not_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nn.engines.WORK_WORTH_COMPILING", 0)
    monkeypatch.setattr("nn.engines.seconds_eagerly", lambda task, data: 0.0)
    (got, history), (expected, _) = trained("auto", {}), trained("eager", {})
    assert got == pytest.approx(expected, rel=1e-9)  # its first step was a compiled one
    assert history.engine == "eager"


def test_auto_gives_up_too_many_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nn.engines.WORK_WORTH_COMPILING", 0)
    monkeypatch.setattr("nn.variants.MOST_WAYS", 2)
    (got, _), (expected, _) = trained("auto", {}), trained("eager", {})
    assert got == expected  # all its steps are eager ones
    with pytest.raises(ValueError, match=r"more than 2 ways through Leaky; they multiply at .*test_ways"):
        trained("llvm", {})


def test_a_callback_that_changes_the_model_is_noticed() -> None:
    class Scaled(Leaky):
        def __init__(self) -> None:
            super().__init__()
            self.factor = 1.0

        def __call__(self, x: Any) -> Any:
            return super().__call__(x) * self.factor

    def run(engine: str) -> list[float]:
        model = Scaled()

        def change(epoch: int, history: Any) -> None:
            model.factor = 1.0 + epoch / 4

        nn.fit(model, X, Y, epochs=4, engine=engine, progress=False, callbacks=[change])
        return [p.data for p in model.parameters()]

    assert run("numpy") == pytest.approx(run("eager"), rel=1e-9)


class Counting(Leaky):
    calls = 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        return super().__call__(x) * (1.0 + 0.01 * self.calls)


class Drawing(Leaky):
    def __call__(self, x: Any) -> Any:
        import random

        return super().__call__(x) * random.uniform(0.9, 1.1)


class Noisy(Leaky):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5, seed=1)

    def __call__(self, x: Any) -> Any:
        return super().__call__(self.drop(x))


REFUSED: dict[str, tuple[Any, str]] = {
    "counts its calls": (Counting, "another function at every call|gives .* for plain numbers"),
    "draws numbers": (Drawing, "draws random numbers"),
    "reads a number": (lambda: _Reading(), r"\.data .*is read at"),
}


class _Reading(Leaky):
    def __call__(self, x: Any) -> Any:
        y = super().__call__(x)
        return y * y.data if isinstance(y, Value) and y > 0.0 else y


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_more_than_compute_is_refused(name: str) -> None:
    make, words = REFUSED[name]
    with pytest.raises(TypeError, match=words):
        trained("llvm", {}, make)


def test_layers_that_draw_and_branch() -> None:
    options = {"batch_size": 25, "seed": 4, "validation": 0.2}
    (got, ours), (expected, theirs) = (trained(engine, options, Noisy) for engine in ("numpy", "eager"))
    assert got == pytest.approx(expected, rel=1e-9) and ours.engine == "numpy"
    assert ours.validation_loss == pytest.approx(theirs.validation_loss, rel=1e-9)


def test_parameters_of_some_ways_only() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            self.left, self.right = Value(0.5), Value(-0.5)

        def parameters(self) -> list[Value]:
            return [self.left, self.right]

        def __call__(self, x: Any) -> Any:
            return self.left * x[0] if x[0] < 0.0 else self.right * autograd.tanh(x[0])

    assert trained("llvm", {}, Two)[0] == pytest.approx(trained("eager", {}, Two)[0], rel=1e-10)


class LookedUp(nn.Module):
    """A straight line with a number from a table."""

    def __init__(self) -> None:
        self.w = Value(0.1)

    def __call__(self, x: Any) -> Any:
        return self.w * x[0] + {3.0: 5.0}.get(x[0], 0.0)


def test_a_model_that_looks_an_input_up_is_no_native_one() -> None:
    X, y = [[float(i)] for i in range(8)], [2.0 * i + 5.0 * (i == 3) for i in range(8)]
    losses = {}
    for engine in ("eager", "auto"):
        model = LookedUp()
        losses[engine] = nn.fit(model, X, y, loss="mse", epochs=3, batch_size=8, seed=0, progress=False, engine=engine).loss
        assert model.predict(X)[3] == model.w.data * 3.0 + 5.0
    assert losses["auto"] == losses["eager"]
    with pytest.raises(TypeError, match="number as a key"):
        nn.fit(LookedUp(), X, y, loss="mse", epochs=3, progress=False, engine="numpy")

    def weighed(score: Value, target: Any) -> Value:
        return {1.0: 2.0}.get(target, 1.0) * (score - target) ** 2

    with pytest.raises(TypeError, match="number as a key"):
        nn.fit(nn.MLP(1, [1], seed=0), X, y, loss=weighed, epochs=3, progress=False, engine="numpy")
