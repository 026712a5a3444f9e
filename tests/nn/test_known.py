"""What is kept of one fit for the next: an equal task is recorded once, and whatever makes it another one is noticed."""

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from weakref import ref

import pytest

import nn
from autograd import Value
from nn.activations import ACTIVATIONS
from nn.compiled import CompiledTraining
from nn.known import made_of

pytest.importorskip("llvmlite")
X = [[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0], [0.1, 0.2]]
Y = [1.0, -1.0, 1.0, -1.0]


def made() -> nn.Sequential:
    return nn.Sequential(
        nn.Layer(2, 3, activation="tanh", seed=1), nn.Dropout(0.25, seed=3), nn.Layer(3, 1, nonlin=False, seed=2)
    )


def fitted(engine: str, change: Callable[[nn.Sequential], Any] = lambda model: None, **settings: Any) -> Any:
    """Losses and weights after a fit of a model that was made anew and changed; what the change returns goes before the settings."""
    model = made()
    settings |= change(model) or {}
    settings = {"loss": "mse", "optimizer": "sgd", "lr": 0.05, "epochs": 3, "seed": 0, "l2": 1e-3} | settings
    history = nn.fit(model, settings.pop("X", X), settings.pop("Y", Y), progress=False, engine=engine, **settings)
    assert history.engine == engine
    return history.loss, [p.data for p in model.parameters()]


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often something has been recorded, as the length of a list."""
    found: list[int] = []
    record = CompiledTraining._newly_recorded
    monkeypatch.setattr(CompiledTraining, "_newly_recorded", lambda self: (found.append(1), record(self))[1])
    return found


@pytest.mark.parametrize(
    "kinds", [{"batch_size": 2}, {"clip": 0.1}, {"sample_weight": [1.0, 2.0, 1.0, 0.5]}, {"optimizer": "adam"}]
)
def test_a_second_fit_records_nothing_and_gives_the_eager_bits(kinds: dict[str, Any], recordings: list[int]) -> None:
    fitted("llvm", **kinds)
    recordings.clear()
    assert (fitted("llvm", **kinds), recordings) == (fitted("eager", **kinds), [])


def test_a_second_fit_of_the_same_model_records_nothing(recordings: list[int]) -> None:
    model = made()
    for _ in range(2):
        recordings.clear()
        nn.fit(model, X, ["in" if y > 0.0 else "out" for y in Y], loss="hinge", epochs=2, progress=False, engine="llvm")
    assert not recordings


def _activation(model: Any) -> None:
    for neuron in model.layers[0].neurons:
        neuron.activation = "sigmoid"


def _own_activation(model: Any) -> None:
    model.layers[0].neurons[1].activation = lambda a: a * a


def _of_one_neuron(model: Any) -> None:
    model.layers[0].neurons[1].respond = lambda values: values[0] * 2.0


def _tied(model: Any) -> None:
    model.layers[0].neurons[0].w[1] = model.layers[0].neurons[1].w[0]


def _turned(model: Any) -> None:
    model.layers[0].neurons.reverse()


def _constant_weight(model: Any) -> None:
    model.layers[0].neurons[0].w[1] = (Value(1.0) * 3.0)._prev[1]


class _Doubled(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer

    def __call__(self, x: Any) -> Any:
        return self.layer(x) * 2.0


def _own_layer(model: Any) -> None:
    model.layers[2] = _Doubled(model.layers[2])


CHANGES: dict[str, Callable[[Any], Any]] = {
    "activation": _activation,
    "activation of one's own": _own_activation,
    "function of one neuron": _of_one_neuron,
    "tied weights": _tied,
    "neurons in another order": _turned,
    "weight that is a constant": _constant_weight,
    "layer of one's own": _own_layer,
    "spelled out": lambda model: [setattr(neuron, "expand", True) for neuron in model.layers[0].neurons] and None,
    "dropout": lambda model: setattr(model.layers[1], "p", 0.5),
    "seed": lambda model: setattr(model.layers[1], "seed", 4),
    "layer taken out": lambda model: model.layers.pop(1) and None,
    "l2": lambda model: {"l2": 2e-3},
    "l1": lambda model: {"l1": 1e-3},
    "clip": lambda model: {"clip": 0.1},
    "no penalty": lambda model: {"l2": 0.0},
    "loss": lambda model: {"loss": "half_sse"},
    "loss of one's own": lambda model: {"loss": lambda score, target: (score - target) ** 4},
    "weights": lambda model: {"sample_weight": [1.0, 2.0, 3.0, 4.0]},
    "targets that are no classes": lambda model: {"Y": [0.5, 0.25, 1.0, 2.0]},
    "targets in lists": lambda model: {"Y": [[y] for y in Y]},
    "part that learns": lambda model: {"trainable": model.layers[2]},
    "betas": lambda model: {"lr": None, "optimizer": nn.Adam(model.parameters(), lr=0.05, betas=(0.5, 0.999))},
    "momentum": lambda model: {"lr": None, "optimizer": nn.SGD(model.parameters(), lr=0.05, momentum=0.5)},
    "order of the optimizer": lambda model: {"lr": None, "optimizer": nn.SGD(model.parameters()[::-1], lr=0.05)},
}

# What no model made of layers of ours, lists and parameters that stand in one place holds.
ODD = (
    "activation of one's own",
    "function of one neuron",
    "layer of one's own",
    "tied weights",
    "weight that is a constant",
)
# Other tasks with the same numbers.
ALIKE = ("spelled out", "targets in lists", "order of the optimizer")


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_another_task_is_noticed(name: str) -> None:
    usual = fitted("llvm")
    got, expected = (fitted(engine, CHANGES[name]) for engine in ("llvm", "eager"))
    assert got == expected
    assert (got != usual) == (name not in ALIKE)
    assert fitted("llvm") == usual


def test_a_function_put_in_the_place_of_one_of_ours_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = fitted("llvm")
    monkeypatch.setattr(nn.Neuron, "respond", lambda self, values: self.b + values[0])
    assert fitted("llvm") == fitted("eager") != usual
    monkeypatch.undo()
    monkeypatch.setitem(ACTIVATIONS, "tanh", lambda a: a * 0.5)
    assert fitted("llvm") == fitted("eager") != usual
    monkeypatch.undo()
    monkeypatch.setattr(nn.SGD, "update", lambda self, step, p, g, v: (p - self.lr * (g + p), v))
    assert fitted("llvm") == fitted("eager") != usual


def _filters(stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Unflatten(1, 1, 3), nn.Conv2d(1, 1, 1, stride=stride, seed=1), nn.Flatten(), nn.Layer(2, 1, seed=2))


def test_filters_are_known_by_what_they_see(recordings: list[int]) -> None:
    def losses(stride: int, engine: str) -> list[float]:
        model, rows = _filters(1), [[1.0, 2.0, 4.0], [0.5, -1.0, 2.0]]
        if stride == 1:
            model = nn.Sequential(*model.layers[:3], nn.Layer(3, 1, seed=2))
        else:
            model.layers[1].geometry = replace(model.layers[1].geometry, stride=(1, stride))
        return nn.fit(model, rows, [1.0, 2.0], optimizer="sgd", epochs=3, progress=False, engine=engine).loss

    usual = losses(1, "llvm")
    recordings.clear()
    assert losses(1, "llvm") == usual == losses(1, "eager")
    assert not recordings
    assert losses(2, "llvm") == losses(2, "eager") != usual


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_model_is_made_of_has_its_parameters(name: str) -> None:
    model = made()
    CHANGES[name](model)
    found = made_of(model)
    if name in ODD:
        assert found is None
    else:
        assert found is not None and found.parameters == model.parameters()


@pytest.mark.parametrize(
    "model",
    [
        nn.BatchNorm(2),
        nn.Sequential(nn.Layer(2, 2, seed=1), nn.BatchNorm(2)),
        _Doubled(nn.Layer(1, 1, seed=1)),
        nn.Sequential(*[nn.Layer(2, 2, seed=1)] * 2),
    ],
    ids=["running numbers", "running numbers of a layer", "layer of one's own", "layer twice"],
)
def test_what_is_made_of_more_is_not_told(model: nn.Module) -> None:
    """Running means are Values and no parameters."""
    assert made_of(model) is None


def test_a_layer_that_a_callback_changes_is_noticed() -> None:
    def change(model: Any) -> Any:
        return {"callbacks": [lambda epoch, history: _activation(model) if epoch == 2 else None], "epochs": 5}

    fitted("llvm", epochs=5)
    model = made()
    settings = {"loss": "mse", "optimizer": "sgd", "lr": 0.05, "seed": 0, "l2": 1e-3, "progress": False}
    history = nn.fit(model, X, Y, engine="llvm", **change(model), **settings)
    assert history.engine == "eager"
    assert (history.loss, [p.data for p in model.parameters()]) == fitted("eager", change)


def test_numbers_that_leave_the_finite_ones_in_a_second_fit() -> None:
    fitted("llvm", optimizer="adam")
    for engine in ("llvm", "eager"):
        with pytest.raises(FloatingPointError, match="became"):
            fitted(engine, optimizer="adam", lr=1e200, epochs=50)


def test_a_parameter_of_another_class_is_recorded_anew(recordings: list[int]) -> None:
    class Weight(Value):
        pass

    def change(model: Any) -> None:
        model.layers[2].neurons[0].b = Weight(0.0)

    fitted("llvm")
    recordings.clear()
    assert fitted("llvm", change) == fitted("eager")
    assert recordings


def test_an_altered_mode_records_anew(recordings: list[int]) -> None:
    from autograd import detect_anomaly

    fitted("llvm")
    recordings.clear()
    with detect_anomaly():
        fitted("llvm")
    assert recordings


@pytest.mark.parametrize("engine", ["eager", "numpy", "llvm"])
@pytest.mark.parametrize("lr", [0.05, 1e200], ids=["finite", "overflows"])
def test_a_trained_model_is_freed_without_the_collector(engine: str, lr: float) -> None:
    """What fit made holds no cycle; where numbers overflow, the native loop has asked for the recording again."""
    gc.collect()
    gc.disable()
    try:
        model = made()
        try:
            nn.fit(model, X, Y, optimizer="sgd", lr=lr, epochs=3, progress=False, engine=engine)
        except FloatingPointError:
            assert lr > 1.0
        gone = ref(model)
        del model
        assert gone() is None
    finally:
        gc.enable()
