"""Stopping early, keeping the best, setting samples aside: against the definitions, eager and compiled."""

import math
import random
from collections import Counter
from typing import Any

import pytest

import nn
from autograd.compiler import engines
from nn.samples import Samples
from nn.stopping import Stopping, set_aside

ENGINES = ["eager", pytest.param("llvm", marks=pytest.mark.skipif(not engines.is_installed("llvm"), reason="needs llvmlite"))]
# Learning the training set lowers the loss on the other only until the slope has passed 2.
X, Y = [[1.0], [-1.0]], [3.0, -3.0]
ASIDE = [[1.0], [-1.0]], [2.0, -2.0]


def trained(engine: str = "eager", **settings: Any) -> tuple[nn.Neuron, nn.History, list[Any]]:
    model, seen = nn.Neuron(1, nonlin=False, init=0.0), []
    chosen: dict[str, Any] = {"validation": ASIDE, "epochs": 60, "progress": False, "engine": engine} | settings
    optimizer = nn.SGD(model.parameters(), lr=0.05)
    history = nn.fit(model, X, Y, optimizer=optimizer, callbacks=[lambda e, h: seen.append(model.state_dict())], **chosen)
    return model, history, seen


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("patience", [1, 5])
def test_patience_waits_that_long_after_the_best_epoch(engine: str, patience: int) -> None:
    model, history, seen = trained(engine, patience=patience)
    assert (history.epochs, history.stopped, history.kept_epoch) == (history.best_epoch + patience, True, history.epochs)
    assert 5 < history.best_epoch < 30
    assert model.state_dict() == seen[-1]
    assert repr(history).endswith(", stopped)")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("settings", [{"patience": 5}, {}], ids=str)
def test_the_best_is_restored(engine: str, settings: dict[str, Any]) -> None:
    model, history, seen = trained(engine, restore_best=True, **settings)
    losses = history.validation_loss
    assert history.kept_epoch == history.best_epoch == losses.index(min(losses)) + 1 < history.epochs
    assert model.state_dict() == seen[history.kept_epoch - 1]
    assert history.stopped == ("patience" in settings)


@pytest.mark.skipif(not engines.is_installed("llvm"), reason="needs llvmlite")
def test_compiled_training_stops_where_eager_training_does() -> None:
    settings: dict[str, Any] = {"patience": 3, "min_delta": 0.02, "restore_best": True}
    runs = [trained(engine, **settings)[:2] for engine in ("eager", "llvm")]
    (one, first), (other, second) = runs
    assert one.state_dict() == other.state_dict()
    assert first.loss == second.loss and first.validation_loss == second.validation_loss
    assert first.kept_epoch == second.kept_epoch < first.epochs == second.epochs


def test_progress_is_more_than_min_delta() -> None:
    losses = [1.0, 0.95, 0.91, 0.85, 0.8, 0.76, 0.75, 0.75]
    # 0.85 is more than 0.1 below 1.0, and the waiting begins again; 0.75 is no more than 0.1 below 0.85.
    for patience, delta, expected in [(1, 0.0, 8), (3, 0.1, 7), (3, 0.2, 4)]:
        stopping = Stopping(patience, delta)
        over = [stopping.is_over(loss) for loss in losses]
        assert over.index(True) + 1 == expected, (delta, over)


@pytest.mark.parametrize("share", [0.1, 0.2, 1 / 3, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_of_every_class_its_part_is_set_aside(share: float, seed: int) -> None:
    targets = [0.0] * 50 + [1.0] * 30 + [2.0] * 10
    data = Samples([[float(i)] for i in range(90)], list(targets))
    rest, aside = set_aside(data, share, random.Random(seed), labelled=True)
    assert sorted(rest.rows + aside.rows) == data.rows
    assert len(aside.rows) == math.floor(90 * share + 0.5)
    for label, count in Counter(targets).items():
        assert abs(aside.targets.count(label) - share * count) <= 1, (label, aside.targets)
    assert aside.targets == [targets[int(row[0])] for row in aside.rows]
    assert set_aside(data, share, random.Random(seed), labelled=True) == (rest, aside)
    assert set_aside(data, share, random.Random(seed + 1), labelled=True) != (rest, aside)


def test_a_share_is_what_a_pair_of_it_would_be() -> None:
    data = nn.moons(40, seed=0)
    rest, aside = set_aside(Samples(data.X, [float(y) for y in data.y]), 0.25, random.Random(7), labelled=True)
    runs = []
    for samples, validation in (((data.X, data.y), 0.25), (rest, (aside.rows, aside.targets))):
        model = nn.MLP(2, [3, 1], seed=0)
        history = nn.fit(model, *samples[:2], loss="bce", epochs=4, seed=7, validation=validation, progress=False)
        runs.append((model.state_dict(), history))
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patience": 3, "validation": None}, "patience=3 waits for the validation loss: give validation="),
        ({"restore_best": True, "validation": None}, "restore_best=True looks for the lowest validation loss: give validation="),
        ({"patience": 0}, "patience must be a whole number of epochs, at least 1, got 0"),
        ({"patience": 2.5}, "patience must be a whole number of epochs, at least 1, got 2.5"),
        ({"patience": 3, "min_delta": -0.1}, "min_delta must be a finite number of at least 0, got -0.1"),
        ({"patience": 3, "min_delta": math.nan}, "min_delta must be a finite number of at least 0, got nan"),
        ({"patience": 3, "min_delta": "much"}, "min_delta needs a real number, got str"),
        ({"min_delta": 0.1}, "min_delta=0.1 says how much is progress within patience epochs"),
        ({"validation": 0.0}, "validation as a share of the samples must lie between 0 and 1, got 0.0"),
        ({"validation": 1.5}, "must lie between 0 and 1, got 1.5"),
        ({"validation": True}, "must lie between 0 and 1, got True"),
        ({"validation": 0.1}, "validation=0.1 of 2 samples leaves 2 to train on and 0 to judge by"),
        ({"validation": "some"}, r"validation must be a pair \(X, y\) or a share such as 0.2, got str"),
    ],
)
def test_settings_that_say_nothing(change: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        trained(**change)
