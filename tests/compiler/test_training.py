"""Compiled training runs against eager ones: the same history and weights, the same errors, whatever the loss, network or optimizer."""

import math
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Op, Value, where
from autograd.compiler.targets.llvm import training as native
from nn.history import History
from tests.autograd.oracles import differences
from tests.compiler.runs import ENGINES

Model = Any


def samples(count: int, inputs: int, seed: int = 0) -> list[list[float]]:
    rng = random.Random(seed)
    return [[rng.gauss(0.0, 1.0) for _ in range(inputs)] for _ in range(count)]


X = samples(11, 2)
LABELS = [1.0 if a * b > 0 else -1.0 for a, b in X]
CLASSES = [int(a > 0) + int(b > 0) for a, b in X]
NUMBERS = [math.sin(a) + b for a, b in X]
PAIRS = [[a + b, a - b] for a, b in X]


def train(engine: str, model: Model, y: Any, **settings: Any) -> tuple[History, list[float], Any]:
    """What a run leaves behind: history, weights, optimizer."""
    make: Callable[..., Any] = settings.pop("optimizer", nn.SGD)
    optimizer = make(model.parameters())
    fixed: dict[str, Any] = {"epochs": 4, "progress": False, "seed": 3, "engine": engine}
    history = nn.fit(model, settings.pop("X", X), y, optimizer=optimizer, **(fixed | settings))
    return history, [p.data for p in model.parameters()], optimizer


def numbers_of(run: tuple[History, list[float], Any]) -> dict[str, list[float]]:
    history, weights, optimizer = run
    return {
        "weight": weights,
        "loss": history.loss,
        "accuracy": history.accuracy,
        "validation loss": history.validation_loss,
        "validation accuracy": history.validation_accuracy,
        "state": [x for state in optimizer.state for x in state],
        "steps": [float(optimizer.steps)],
        "gradient": [p.grad for p in optimizer.params],
    }


def compare(got: Any, expected: Any, relative: float = 0.0) -> None:
    assert got[0].engine in ENGINES
    assert expected[0].engine == "eager"
    ours, theirs = numbers_of(got), numbers_of(expected)
    for what, numbers in theirs.items():
        if relative:
            scale = max([abs(x) for x in numbers], default=0.0)
            assert len(ours[what]) == len(numbers), what
            for i, (a, b) in enumerate(zip(ours[what], numbers, strict=True)):
                assert abs(a - b) <= relative * (abs(b) + 0.01 * scale), f"{what} {i}: got {a!r}, expected {b!r}"
        else:
            assert not differences(what, ours[what], numbers)


def mlp(*sizes: int, activation: Any = "tanh", **settings: Any) -> Callable[[], Model]:
    return lambda: nn.MLP(sizes[0], list(sizes[1:]), activation=activation, seed=5, **settings)


RUNS: dict[str, tuple[Callable[[], Model], Any, dict[str, Any]]] = {
    "mse": (mlp(2, 3, 1), NUMBERS, {"loss": "mse"}),
    "half_sse, two outputs": (mlp(2, 3, 2, activation="sigmoid"), PAIRS, {"loss": "half_sse"}),
    "hinge, l2": (mlp(2, 4, 1, activation="relu"), LABELS, {"loss": "hinge", "l2": 1e-3}),
    "bce": (mlp(2, 3, 1, activation="silu"), [max(y, 0.0) for y in LABELS], {"loss": "bce"}),
    "cross entropy": (mlp(2, 4, 3, activation="gelu"), CLASSES, {"loss": "cross_entropy", "l2": 1e-2}),
    "momentum": (mlp(2, 3, 1), NUMBERS, {"optimizer": lambda ps: nn.SGD(ps, lr=0.05, momentum=0.9)}),
    "adam": (mlp(2, 3, 1, activation="softplus"), NUMBERS, {"optimizer": lambda ps: nn.Adam(ps, lr=0.02)}),
    "adamw": (mlp(2, 3, 3, activation="elu"), CLASSES, {"loss": "cross_entropy", "optimizer": lambda ps: nn.AdamW(ps, lr=0.02)}),
    "a loss of one's own": (
        mlp(2, 3, 1, activation="leaky_relu"),
        NUMBERS,
        {"loss": lambda scores, target: where(abs(scores - target) < 0.5, (scores - target) ** 2, abs(scores - target) - 0.25)},
    ),
    "separate products and sums": (mlp(2, 3, 1, expand=True), NUMBERS, {}),
    "one neuron": (mlp(2, 1), LABELS, {"loss": "hinge"}),
    "some of the parameters": (mlp(2, 3, 1), NUMBERS, {"optimizer": lambda ps: nn.SGD(ps[2:7], lr=0.1), "l2": 1e-3}),
}


@pytest.mark.parametrize("batch_size", [1, 2, 3, 8])
@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("engine", ENGINES)
def test_batches_of_up_to_eight_samples_give_the_same_bits(engine: str, name: str, batch_size: int) -> None:
    model, y, settings = RUNS[name]
    runs = [train(each, model(), y, batch_size=batch_size, **settings) for each in (engine, "eager")]
    compare(*runs)


@pytest.mark.parametrize("batch_size", [None, 4], ids=["all", "4, the last one smaller"])
@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("engine", ENGINES)
def test_larger_batches_agree_to_1e_12(engine: str, name: str, batch_size: int | None) -> None:
    model, y, settings = RUNS[name]
    runs = [train(each, model(), y, batch_size=batch_size, **settings) for each in (engine, "eager")]
    compare(*runs, relative=1e-12)


@pytest.mark.parametrize("name", ["mse", "hinge, l2", "cross entropy", "adam"])
@pytest.mark.parametrize("engine", ENGINES)
def test_fast_agrees_to_1e_10_after_four_epochs(engine: str, name: str) -> None:
    model, y, settings = RUNS[name]
    compare(
        train(engine, model(), y, batch_size=4, fast=True, **settings),
        train("eager", model(), y, batch_size=4, **settings),
        relative=1e-10,
    )


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("engine", ENGINES)
def test_samples_are_taken_in_the_same_order(engine: str, shuffle: bool) -> None:
    settings = {"batch_size": 1, "shuffle": shuffle, "epochs": 7, "seed": 11}
    compare(*[train(each, mlp(2, 2, 1)(), NUMBERS, **settings) for each in (engine, "eager")])


@pytest.mark.parametrize("samples_in_batch", [1, 2, 3, 4, 5, 8, 9, 16, 17])
def test_any_width_of_batches(samples_in_batch: int) -> None:
    """Native programs work on 1, 2, 4 or 8 lanes at a time; the lanes that are not real must not count."""
    rows, targets = samples(samples_in_batch, 2), [1.5] * samples_in_batch
    settings: dict[str, Any] = {"X": rows, "l2": 1e-3}
    compare(*[train(each, mlp(2, 3, 1)(), targets, **settings) for each in ("llvm", "eager")], relative=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_two_runs_one_after_the_other_continue(engine: str) -> None:
    """The optimizer's state, its steps and the weights go on where the first run stopped."""

    def twice(each: str) -> Any:
        model = mlp(2, 3, 1)()
        adam = nn.Adam(model.parameters(), lr=0.02)
        for _ in range(2):
            history, weights, optimizer = train(each, model, NUMBERS, optimizer=lambda _: adam, batch_size=1)
        return history, weights, optimizer

    compare(twice(engine), twice("eager"))


@pytest.mark.parametrize("engine", ENGINES)
def test_validation_is_measured_as_eagerly(engine: str) -> None:
    rows = samples(5, 2, seed=9)
    settings = {"loss": "cross_entropy", "batch_size": 1, "validation": (rows, [0, 1, 2, 1, 0])}
    runs = [train(each, mlp(2, 4, 3)(), CLASSES, **settings) for each in (engine, "eager")]
    assert len(runs[0][0].validation_loss) == len(runs[0][0].validation_accuracy) == 4
    compare(*runs)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_schedule_through_a_callback(engine: str) -> None:
    def run(each: str) -> Any:
        model = mlp(2, 3, 1)()
        sgd = nn.SGD(model.parameters(), lr=0.2)

        def halve(epoch: int, history: History) -> None:
            sgd.lr = 0.2 / (1 + epoch)

        return train(each, model, NUMBERS, optimizer=lambda _: sgd, batch_size=1, callbacks=[halve])

    compare(run(engine), run("eager"))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_callback_sees_the_weights_and_ends_the_training(engine: str) -> None:
    def run(each: str) -> Any:
        model = mlp(2, 3, 1)()
        seen: list[float] = []

        def watch(epoch: int, history: History) -> bool:
            seen.extend([model.parameters()[0].data, history.loss[-1]])
            return epoch == 3

        result = train(each, model, NUMBERS, batch_size=1, epochs=10, callbacks=[watch])
        assert result[0].epochs == 3
        return result, seen

    (ours, seen), (theirs, expected) = run(engine), run("eager")
    compare(ours, theirs)
    assert not differences("seen", seen, expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_callback_that_edits_weights_is_heeded(engine: str) -> None:
    def run(each: str) -> Any:
        model = mlp(2, 3, 1)()

        def shrink(epoch: int, history: History) -> None:
            for p in model.parameters():
                p.data *= 0.5

        return train(each, model, NUMBERS, batch_size=1, callbacks=[shrink])

    compare(run(engine), run("eager"))


@pytest.mark.parametrize(("lr", "epochs"), [(1e200, 6), (1e30, 40)])
@pytest.mark.parametrize("engine", ENGINES)
def test_leaving_the_finite_numbers_is_the_same_error(engine: str, lr: float, epochs: int) -> None:
    def run(each: str) -> tuple[str, list[float]]:
        model = nn.MLP(2, [3, 1], activation="relu", seed=5)
        with pytest.raises(FloatingPointError) as caught:
            train(each, model, NUMBERS, batch_size=1, optimizer=lambda ps: nn.SGD(ps, lr=lr), epochs=epochs)
        return str(caught.value), [p.data for p in model.parameters()]

    (message, weights), (expected, best) = run(engine), run("eager")
    assert message == expected
    assert not differences("weight", weights, best)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_epoch_that_fails_later_keeps_the_best_weights(engine: str) -> None:
    """The loss falls, then a schedule blows it up."""

    def run(each: str) -> tuple[str, list[float]]:
        model = mlp(2, 3, 1)()
        sgd = nn.SGD(model.parameters(), lr=0.05)

        def blow_up(epoch: int, history: History) -> None:
            sgd.lr = 0.05 if epoch < 4 else 1e308

        with pytest.raises(FloatingPointError, match="epoch") as caught:
            train(each, model, NUMBERS, batch_size=1, optimizer=lambda _: sgd, epochs=9, callbacks=[blow_up])
        return str(caught.value), [p.data for p in model.parameters()]

    (message, weights), (expected, best) = run(engine), run("eager")
    assert message == expected
    assert not differences("weight", weights, best)


class Lecture(nn.Module):
    """A model with an op made by hand."""

    def __init__(self) -> None:
        self.w = Value(0.5)

    def __call__(self, x: Any) -> Any:
        drive = self.w * x[0]
        out = Value(math.tanh(drive.data), (drive,), "tanh by hand")

        def _backward() -> None:
            drive.grad += (1.0 - out.data**2) * out.grad

        out._backward = _backward
        return out


@pytest.mark.parametrize(("kind", "words"), [(Lecture, "tanh by hand")])
def test_what_cannot_be_recorded_trains_eagerly_or_is_an_error(kind: type[Model], words: str) -> None:
    many = {"epochs": 400}
    automatic = train("auto", kind(), NUMBERS, **many)
    assert automatic[0].engine == "eager"
    assert not differences("weight", automatic[1], train("eager", kind(), NUMBERS, **many)[1])
    for engine in ENGINES:
        model = kind()
        before = [p.data for p in model.parameters()]
        with pytest.raises(TypeError, match=words):
            train(engine, model, NUMBERS)
        assert [p.data for p in model.parameters()] == before


def test_auto_compiles_what_is_worth_it() -> None:
    assert train("auto", mlp(2, 16, 16, 1)(), NUMBERS, epochs=500)[0].engine == "llvm"
    assert train("auto", mlp(2, 2, 1)(), NUMBERS, epochs=1)[0].engine == "eager"


@pytest.mark.parametrize("engine", ["jax", "LLVM", ""])
def test_an_unknown_engine_is_refused(engine: str) -> None:
    with pytest.raises(ValueError, match="auto, eager, llvm, numpy"):
        train(engine, mlp(2, 1)(), NUMBERS)


def test_an_op_for_floats_only_trains_with_numpy_and_is_refused_natively() -> None:
    softsign = Op(
        "softsign", lambda a: math.tan(math.atan(a)) / (1.0 + abs(a)), lambda g, y, a: (g / ((1.0 + abs(a)) * (1.0 + abs(a))),)
    )
    runs = [train(each, mlp(2, 3, 1, activation=softsign)(), NUMBERS, batch_size=1) for each in ("numpy", "eager")]
    compare(*runs)
    with pytest.raises(TypeError, match="engine='numpy'"):
        train("llvm", mlp(2, 3, 1, activation=softsign)(), NUMBERS)


@pytest.mark.parametrize("engine", ENGINES)
def test_training_does_not_depend_on_earlier_training(engine: str) -> None:
    """Programs and their code are shared between runs of one shape; numbers must not be."""
    first = train(engine, mlp(2, 3, 1)(), NUMBERS, batch_size=4)
    train(engine, mlp(2, 3, 1)(), [100.0 * y for y in NUMBERS], batch_size=4, l2=0.5)
    again = train(engine, mlp(2, 3, 1)(), NUMBERS, batch_size=4)
    assert numbers_of(first) == numbers_of(again)


@pytest.mark.parametrize("outputs", [1, 3])
def test_predictions_have_the_same_bits(outputs: int) -> None:
    model = nn.MLP(2, [4, outputs], activation="tanh", seed=1)
    rows = samples(100, 2)
    eager = [model.predict([row])[0] for row in rows]
    assert model.predict(rows) == eager
    assert model.predict(np.array(rows)) == eager
    for p in model.parameters():
        p.data *= 2.0
    assert model.predict(rows) == [model.predict([row])[0] for row in rows]


# --- What is not the same function at every call -------------------------------------------------------------------------------


class Noisy(nn.Module):
    """A network whose hidden numbers are disturbed by what ``disturb(h)`` says."""

    def __init__(self, disturb: Callable[[Any], Any]) -> None:
        self.body, self.disturb = nn.MLP(2, [3, 1], activation="tanh", seed=5), disturb

    def __call__(self, x: Any) -> Any:
        return self.disturb(self.body(x))


def _dropout() -> Callable[[Any], Any]:
    return lambda h: h if random.random() < 0.9 else 0.0 * h


def _dropout_of_numpy() -> Callable[[Any], Any]:
    return lambda h: h if np.random.random() < 0.9 else 0.0 * h


def _noise_of_its_own() -> Callable[[Any], Any]:
    generator = random.Random(1)
    return lambda h: h + generator.gauss(0.0, 0.1)


def _annealed() -> Callable[[Any], Any]:
    calls: list[int] = []
    return lambda h: calls.append(0) or h * (1.0 + 1.0 / len(calls))


CHANGING = {
    "random": _dropout,
    "NumPy's random": _dropout_of_numpy,
    "a generator of its own": _noise_of_its_own,
    "a count of calls": _annealed,
    "a branch on data": lambda: lambda h: h if h.data > 0 else 0.5 * h,
}


@pytest.mark.parametrize("name", CHANGING)
def test_a_model_that_changes_from_call_to_call_is_not_compiled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nn.engines.WORK_WORTH_COMPILING", 0)
    random.seed(4)
    np.random.seed(4)
    with pytest.raises(TypeError, match=r"random numbers|another function at every call|for plain numbers|\.data is read"):
        train("llvm", Noisy(CHANGING[name]()), NUMBERS)
    history, _, _ = train("auto", Noisy(CHANGING[name]()), NUMBERS)
    assert history.engine == "eager"


@pytest.mark.parametrize("name", ["random", "NumPy's random"])
def test_trying_to_compile_draws_no_random_numbers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nn.engines.WORK_WORTH_COMPILING", 0)
    runs = []
    for engine in ("auto", "eager"):
        random.seed(4)
        np.random.seed(4)
        runs.append(numbers_of(train(engine, Noisy(CHANGING[name]()), NUMBERS)))
    assert runs[0] == runs[1]


def test_predictions_of_many_rows_draw_anew_for_each() -> None:
    random.seed(4)
    scores = Noisy(lambda h: h * random.random()).predict([[0.5, 0.5]] * 100)
    assert len(set(scores)) == 100


# --- The code of a network trained before --------------------------------------------------------------------------------------


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The recipes for which code had to be written, from nothing remembered on."""
    found: list[Any] = []
    write = native._code
    monkeypatch.setattr(native, "_code", lambda recipe, *rest: found.append(recipe) or write(recipe, *rest))
    native.recent.clear()
    return found


def test_a_second_fit_of_the_same_form_writes_no_code_and_has_the_same_bits(written: list[Any]) -> None:
    for seed in (5, 6):
        runs = [
            train(engine, nn.MLP(2, [3, 1], activation="tanh", seed=seed), NUMBERS, X=samples(11, 2, seed), batch_size=1, l2=0.1)
            for engine in ("llvm", "eager")
        ]
        compare(*runs)
    assert len(written) == 1


OTHERS: dict[str, tuple[Callable[[], Model], dict[str, Any]]] = {
    "another activation": (mlp(2, 3, 1, activation="relu"), {}),
    "another size": (mlp(2, 4, 1), {}),
    "another penalty": (mlp(2, 3, 1), {"l2": 0.2}),
    "no penalty": (mlp(2, 3, 1), {"l2": 0.0}),
    "another loss": (mlp(2, 3, 1), {"loss": "half_sse"}),
    "a constant": (mlp(2, 3, 1), {"loss": lambda y, t: 1.5 * (y - t) ** 2}),
    "another constant": (mlp(2, 3, 1), {"loss": lambda y, t: 2.5 * (y - t) ** 2}),
    "another optimizer": (mlp(2, 3, 1), {"optimizer": nn.Adam}),
    "another momentum": (mlp(2, 3, 1), {"optimizer": lambda ps: nn.SGD(ps, momentum=0.5)}),
    "a weight left as it is": (mlp(2, 3, 1), {"optimizer": lambda ps: nn.SGD(ps[1:])}),
    "separate nodes": (mlp(2, 3, 1, expand=True), {}),
}


def test_another_form_has_code_of_its_own(written: list[Any]) -> None:
    settings: dict[str, Any] = {"batch_size": 1, "l2": 0.1}
    train("llvm", mlp(2, 3, 1)(), NUMBERS, **settings)
    for count, (name, (model, changed)) in enumerate(OTHERS.items(), start=2):
        compare(*[train(engine, model(), NUMBERS, **(settings | changed)) for engine in ("llvm", "eager")])
        assert len(written) == count, name


def test_an_op_of_ones_own_is_asked_for_its_rule_at_every_fit() -> None:
    scale = [1.0]
    op = Op("steep", lambda a: 2.0 * a, lambda g, y, a: (g * (2.0 * scale[0]),))
    for scale[0] in (1.0, 3.0):
        runs = [train(engine, Noisy(op), NUMBERS, batch_size=1) for engine in ("llvm", "eager")]
        compare(*runs)


def test_two_fits_at_the_same_time_share_code_and_nothing_else(written: list[Any]) -> None:
    def run(seed: int) -> list[float]:
        model = nn.MLP(2, [3, 1], activation="tanh", seed=seed)
        return train("llvm", model, NUMBERS, epochs=300, batch_size=1)[1]

    alone = [run(seed) for seed in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(run, range(6))) == alone
    assert len(written) == 1
