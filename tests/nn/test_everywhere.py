"""What ``fit`` can be asked for, in the estimators and in the command too, eagerly and natively: the same weights, the same errors."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("sklearn")

import nn  # noqa: E402 (after the skips)
from autograd.compiler import engines  # noqa: E402
from nn import __main__ as command  # noqa: E402

needs_llvm = pytest.mark.skipif(not engines.is_installed("llvm"), reason="needs llvmlite")
State = dict[str, Any]


def uneven(**draw: Any) -> nn.Dataset:
    """Half circles, of which one has fewer points."""
    data = nn.moons(**draw)
    kept = [i for i, label in enumerate(data.y) if label == 0 or i % 3]
    return replace(data, X=[data.X[i] for i in kept], y=[data.y[i] for i in kept])


DATA = uneven(n=200, held_out=0.25, seed=3)
WEIGHTS = [1.0 + i % 3 for i in range(len(DATA.X))]


class Asked(NamedTuple):
    """An option as ``fit`` has it, as the estimators have it, and for the command (None: it has none); ``dropout`` is the model's."""

    fit: State
    estimator: State
    command: str | None
    dropout: float = 0.0


def alike(text: str, **settings: Any) -> Asked:
    """An option that is called the same in all three."""
    return Asked(settings, settings, text)


STOPPING = {"patience": 1, "min_delta": 0.01}
OPTIONS = {
    "nothing": alike(""),
    "L-BFGS": alike("--optimizer lbfgs", optimizer="lbfgs"),
    "L-BFGS, l1": alike("--optimizer lbfgs --l1 0.01", optimizer="lbfgs", l1=0.01),
    "balanced": alike("--balanced", class_weight="balanced"),
    "a dict": Asked({"class_weight": {0: 3.0, 1: 1.0}}, {"class_weight": {0: 3.0, 1: 1.0}}, None),
    "sample weights": Asked({"sample_weight": WEIGHTS}, {"sample_weight": WEIGHTS}, None),
    "stopping": Asked(
        {"validation": 0.25, "restore_best": True, **STOPPING}, {"early_stopping": True, "validation_fraction": 0.25, **STOPPING},
        "--validation 0.25 --patience 1 --min-delta 0.01",
    ),
    "cosine": alike("--lr cosine", lr="cosine"),
    "step": alike("--lr step", lr="step"),
    "warm-up": alike("--lr warm-up", lr="warm-up"),
    "a function": Asked({"lr": lambda step: 0.1 / step}, {"lr": lambda step: 0.1 / step}, None),
    "clip": alike("--clip 0.05", clip=0.05),
    "l1": alike("--l1 0.02", l1=0.02),
    "l2": alike("--l2 0.02", l2=0.02),
    "dropout": Asked({}, {"dropout": 0.25}, "--dropout 0.25", dropout=0.25),
}  # fmt: skip


def steps_of(settings: State) -> State:
    """Rate and batches; a solver has none."""
    return settings if settings.get("optimizer") == "lbfgs" else {"lr": 0.03, "batch_size": 50, **settings}


def by_fit(asked: Asked, engine: str, seeds: tuple[int, int]) -> State:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=seeds[0], dropout=asked.dropout)
    settings = {"loss": "bce", "epochs": 4, "seed": seeds[1], "engine": engine, "progress": False, **steps_of(asked.fit)}
    history = nn.fit(model, DATA.X, DATA.y, **settings)
    assert history.engine == engine
    return model.state_dict()


def by_estimator(asked: Asked, engine: str) -> State:
    settings = {"hidden": (3,), "epochs": 4, "engine": engine, "random_state": 5, **steps_of(asked.estimator)}
    weights = settings.pop("sample_weight", None)
    net = nn.NetClassifier(**settings).fit(DATA.X, DATA.y, sample_weight=weights)
    assert net.history_.engine == engine
    return dict(net.model_.state_dict())


def by_command(text: str, engine: str, monkeypatch: pytest.MonkeyPatch, out: Path) -> State:
    kept: list[Any] = []
    monkeypatch.setattr("nn.engines.WORK_WORTH_COMPILING", 0 if engine == "llvm" else 10**12)
    monkeypatch.setitem(command.DATASETS, "moons", uneven)
    monkeypatch.setattr(command, "_written", lambda model, data, history, *rest: iter(kept.extend([model, history]) or ()))
    rate = "" if "--optimizer" in text else "--batch-size 50" if "--lr" in text else "--batch-size 50 --lr 0.03"
    assert command.main(["moons", "--hidden=3", "--epochs=4", "--seed=3", f"--out={out}", *f"{rate} {text}".split()]) == 0
    model, history = kept
    assert history.engine == engine
    return dict(model.state_dict())


@pytest.mark.parametrize("engine", ["eager", pytest.param("llvm", marks=needs_llvm)])
@pytest.mark.parametrize("name", list(OPTIONS))
def test_an_option_does_the_same_everywhere(name: str, engine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked, draw = OPTIONS[name], np.random.RandomState(5)
    seeds = int(draw.randint(2**31 - 1)), int(draw.randint(2**31 - 1))
    wanted = by_fit(asked, engine, seeds)
    assert by_estimator(asked, engine) == wanted
    if asked.command is not None:
        assert by_command(asked.command, engine, monkeypatch, tmp_path) == by_fit(asked, engine, (3, 3))
    if name != "nothing":
        assert wanted != by_fit(OPTIONS["nothing"], engine, seeds), "it does something"


@pytest.mark.parametrize("engine", ["eager", pytest.param("llvm", marks=needs_llvm)])
@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
def test_a_regressor_is_fit_by_solvers_with_weights(solver: str, engine: str) -> None:
    pytest.importorskip("scipy")
    draw = np.random.RandomState(5)
    model = nn.MLP(2, [3, 1], activation="tanh", seed=int(draw.randint(2**31 - 1)))
    settings: State = {"optimizer": solver, "epochs": 4, "engine": engine}
    nn.fit(model, DATA.X, DATA.y, sample_weight=WEIGHTS, progress=False, **settings)
    net = nn.NetRegressor((3,), random_state=5, **settings).fit(DATA.X, DATA.y, sample_weight=WEIGHTS)
    assert net.model_.state_dict() == model.state_dict() and net.history_.engine == engine


WRONG: dict[str, tuple[Asked, str]] = {
    "l1": (alike("--l1 -1", l1=-1.0), "l1 must be a finite number of at least 0, got -1.0"),
    "l2": (alike("--l2 nan", l2=float("nan")), "l2 must be a finite number of at least 0, got nan"),
    "clip": (alike("--clip 0", clip=0.0), "clip, the largest norm of the gradient, must be a finite number above 0, got 0.0"),
    "a solver with a rate": (
        alike("--optimizer lbfgs --lr 0.1", optimizer="lbfgs", lr=0.1), "takes all samples at once and finds its own steps: leave out lr",
    ),
    "a solver for squares": (
        alike("--optimizer lm", optimizer="lm"), 'optimizer="lm" needs a sum of squares, loss="mse" or "half_sse" without l1',
    ),
    "a solver and dropout": (
        Asked({"optimizer": "lbfgs"}, {"optimizer": "lbfgs", "dropout": 0.2}, "--optimizer lbfgs --dropout 0.2", dropout=0.2),
        "needs the same loss wherever it asks again, but the model draws random numbers: use 'adam' for it",
    ),
    "patience": (
        Asked({"patience": 0, "validation": 0.2}, {"early_stopping": True, "patience": 0}, "--patience 0 --validation 0.2"),
        "patience must be a whole number of epochs, at least 1, got 0",
    ),
    "min_delta": (
        Asked(
            {"patience": 1, "min_delta": -1.0, "validation": 0.2}, {"early_stopping": True, "min_delta": -1.0},
            "--patience 1 --min-delta -1 --validation 0.2",
        ),
        "min_delta must be a finite number of at least 0, got -1.0",
    ),
    "validation": (
        Asked({"validation": 1.0}, {"early_stopping": True, "validation_fraction": 1.0}, "--validation 1"),
        "validation as a share of the samples must lie between 0 and 1, got 1.0",
    ),
    "patience alone": (Asked({"patience": 3}, {}, "--patience 3"), "patience=3 waits for the validation loss: give validation="),
    "weights": (
        Asked(*[{"sample_weight": [0.0] * len(DATA.X)}] * 2, None), "sample_weight is zero for every sample",
    ),
    "a class": (
        Asked({"class_weight": {7: 1.0}}, {"class_weight": {7: 1.0}}, None), "class_weight names 7, which is no class of y: 0, 1",
    ),
    "a schedule": (
        Asked({"lr": lambda step: None}, {"lr": lambda step: None}, None), "the schedule gave None for step 1: expected a number",
    ),
    "a name": (Asked({"lr": "cosinus"}, {"lr": "cosinus"}, None), "unknown schedule lr='cosinus': expected one of cosine, step"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(WRONG))
def test_what_is_wrong_is_said_in_the_same_line_everywhere(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    asked, message = WRONG[name]
    settings = {"loss": "bce", "epochs": 4, "progress": False, **asked.fit}
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0, dropout=asked.dropout)
    before = model.state_dict()
    with pytest.raises(ValueError, match=re.escape(message)) as fault:
        nn.fit(model, DATA.X, DATA.y, **settings)
    assert "\n" not in str(fault.value)
    assert model.state_dict() == before, "before the first step"
    if asked.estimator:
        chosen = dict(asked.estimator)
        weights = chosen.pop("sample_weight", None)
        with pytest.raises(ValueError, match=re.escape(message)):
            nn.NetClassifier(**chosen).fit(DATA.X, DATA.y, sample_weight=weights)
    if asked.command is not None:
        assert command.main(["moons", f"--out={tmp_path}", *asked.command.split()]) == 2
        said = capsys.readouterr().err
        assert message in said and said.count("\n") == 1
