"""Batch normalisation: PyTorch's numbers in training and in use, in three orders; what fit does with it, and what it refuses."""

import re
from pathlib import Path
from typing import Any

import pytest

import nn
from autograd import Value, grad
from nn.batch import kept_numbers
from nn.module import Module
from nn.samples import Samples
from nn.task import Task, gradients

ROWS = [[0.3, -1.2, 5.0], [0.8, 0.5, 4.0], [2.0, -0.7, 4.5], [-0.4, 0.9, 7.0]]
DATA = nn.moons(40, noise=0.1, seed=0)


def network(outputs: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Layer(2, 6, activation="linear", seed=0),
        nn.BatchNorm(6),
        nn.Sequential(nn.Dropout(0.2, seed=3), nn.Layer(6, outputs, activation="linear", seed=1)),
    )


def test_the_numbers_are_torchs_in_three_orders() -> None:
    """In training, by every input of the batch; then in use, with the running numbers of three batches."""
    torch = pytest.importorskip("torch")
    ours, theirs = nn.BatchNorm(3), torch.nn.BatchNorm1d(3, dtype=torch.float64)
    for k in range(3):
        ours.gain[k].data, ours.bias[k].data = 1.0 + 0.3 * k, 0.2 - 0.1 * k
        theirs.weight.data[k], theirs.bias.data[k] = 1.0 + 0.3 * k, 0.2 - 0.1 * k
    for turn in range(3):
        rows = [[v * (1 + turn) + turn for v in row] for row in ROWS]
        xs, x = [[Value(v) for v in row] for row in rows], torch.tensor(rows, dtype=torch.float64, requires_grad=True)
        out, expected = ours.batch(xs), theirs(x)
        for row, other in zip(out, expected.tolist(), strict=True):
            assert [v.data for v in row] == pytest.approx(other, rel=1e-12)
    flat = [v for row in xs for v in row]
    y = sum([(i + 1) * (j + 2) * v**3 for i, row in enumerate(out) for j, v in enumerate(row)])
    factors = torch.tensor([[(i + 1.0) * (j + 2.0) for j in range(3)] for i in range(4)], dtype=torch.float64)
    z = (factors * expected**3).sum()
    for order in (1, 2, 3):
        slopes = grad(y, flat)
        (wanted,) = torch.autograd.grad(z, x, create_graph=True)
        flattened = wanted.flatten()
        scale = max(1.0, *map(abs, flattened.tolist()))
        assert [s.data for s in slopes] == pytest.approx(flattened.tolist(), rel=1e-12, abs=1e-12 * scale), f"order {order}"
        y, z = slopes[order], flattened[order]
    assert [v.data for v in ours.running.mean] == pytest.approx(theirs.running_mean.tolist(), rel=1e-12)
    assert [v.data for v in ours.running.variance] == pytest.approx(theirs.running_var.tolist(), rel=1e-12)
    theirs.eval()
    for row in ROWS:
        wanted = theirs(torch.tensor([row], dtype=torch.float64))[0].tolist()
        assert [v.data for v in ours(row)] == pytest.approx(wanted, rel=1e-12)


def test_fit_trains_as_torch_does() -> None:
    """Batches in order, plain gradient descent: losses, parameters and running numbers to 1e-12, prediction in eval mode."""
    torch = pytest.importorskip("torch")
    model = nn.Sequential(nn.Layer(2, 6, activation="tanh", seed=0), nn.BatchNorm(6), nn.Layer(6, 1, activation="linear", seed=1))
    first, last = (torch.nn.Linear(*sizes, dtype=torch.float64) for sizes in ((2, 6), (6, 1)))
    for linear, layer in ((first, model.layers[0]), (last, model.layers[2])):
        linear.weight.data = torch.tensor(layer.state_dict()["weight"], dtype=torch.float64)
        linear.bias.data = torch.tensor(layer.state_dict()["bias"], dtype=torch.float64)
    theirs = torch.nn.Sequential(first, torch.nn.Tanh(), torch.nn.BatchNorm1d(6, dtype=torch.float64), last)
    x, y = torch.tensor(DATA.X, dtype=torch.float64), torch.tensor(DATA.y, dtype=torch.float64)
    sgd, losses = torch.optim.SGD(theirs.parameters(), lr=0.1), []
    for _ in range(4):
        total = 0.0
        for start in range(0, 40, 16):
            part = slice(start, start + 16)
            sgd.zero_grad()
            loss = ((theirs(x[part])[:, 0] - y[part]) ** 2).mean()
            loss.backward()
            sgd.step()
            total += loss.item() * len(y[part]) / 40
        losses.append(total)
    history = nn.fit(model, DATA.X, DATA.y, optimizer="sgd", lr=0.1, epochs=4, batch_size=16, shuffle=False, progress=False)
    assert history.engine == "eager" and history.loss == pytest.approx(losses, rel=1e-12)
    theirs.eval()
    expected = theirs(x)[:, 0].tolist()
    assert model.predict(DATA.X) == pytest.approx(expected, rel=1e-11, abs=1e-12)
    assert model.predict(DATA.X[:5]) == pytest.approx(expected[:5], rel=1e-11, abs=1e-12)
    assert model.predict(DATA.X * 2)[:40] == model.predict(DATA.X[:20]) + model.predict(DATA.X[20:])


def test_training_with_dropout_goes_on_and_is_kept(tmp_path: Path) -> None:
    def trained(*epochs: int) -> nn.Sequential:
        model = network()
        adam = nn.Adam(model.parameters(), lr=0.05)
        for count in epochs:
            nn.fit(model, DATA.X, DATA.y, loss="bce", optimizer=adam, epochs=count, progress=False)
        return model

    model = trained(3)
    assert trained(1, 2).state_dict() == model.state_dict()
    assert len(model.parameters()) == 3 * 6 + 2 * 6 + 7
    model.save(tmp_path / "model.safetensors")
    assert nn.load(tmp_path / "model.safetensors").predict(DATA.X) == model.predict(DATA.X)
    assert {"layers.1.running_mean", "layers.1.running_var"} <= set(model.state_dict())


def test_the_best_epoch_has_its_running_numbers() -> None:
    model, seen = network(), []

    def note(epoch: int, history: nn.History) -> None:
        seen.append(model.state_dict())

    history = nn.fit(
        model,
        DATA.X,
        DATA.y,
        loss="bce",
        lr=0.5,
        epochs=8,
        seed=0,
        progress=False,
        validation=0.3,
        restore_best=True,
        callbacks=[note],
    )
    assert model.state_dict() == seen[history.best_epoch - 1] and history.best_epoch < 8


X, Y = [[*map(float, row)] for row in DATA.X], [int(3 * i / 40) for i in range(40)]
OPTIONS: dict[str, dict[str, Any]] = {
    "a ragged last batch": {"batch_size": 12, "seed": 1},
    "classes": {"loss": "cross_entropy", "batch_size": 20, "seed": 2},
    "weights, penalties, a cut": {"sample_weight": [1.0 + i % 3 for i in range(40)], "l2": 0.01, "l1": 0.001, "clip": 0.3},
    "validation": {"validation": 0.25, "seed": 3, "restore_best": True, "batch_size": 10},
}


@pytest.mark.parametrize(("name", "engine"), [*[(name, "numpy") for name in OPTIONS], ("a ragged last batch", "llvm")])
def test_compiled_training_is_eager_training(name: str, engine: str) -> None:
    """Losses, weights and running numbers, bit for bit, with layers that draw beside; Adam, which divides by the noise of slopes that
    are 0: those of biases in front of BatchNorm."""
    pytest.importorskip("llvmlite" if engine == "llvm" else "numpy")
    seen = []
    for each in (engine, "eager"):
        options = {"loss": "bce", "optimizer": "adam", **OPTIONS[name]}
        is_classes = options["loss"] == "cross_entropy"
        model = network(3) if is_classes else network()
        history = nn.fit(model, X, Y if is_classes else DATA.y, lr=0.1, epochs=4, progress=False, engine=each, **options)
        assert history.engine == each
        numbers = [p.data for p in [*model.parameters(), *kept_numbers(model)]]
        seen.append(([*history.loss, *history.validation_loss, *numbers], history.accuracy + history.validation_accuracy))
    assert seen[0] == seen[1], name


def test_a_callback_that_changes_the_loss_is_noticed() -> None:
    def run(engine: str) -> list[float]:
        model, factor = network(), [1.0]

        def loss(score: Any, target: Any) -> Any:
            return factor[0] * (score - target) ** 2

        def change(epoch: int, history: nn.History) -> None:
            factor[0] = 1.0 + epoch

        nn.fit(model, X, DATA.y, loss=loss, optimizer="sgd", epochs=3, progress=False, engine=engine, callbacks=[change])
        return [p.data for p in model.parameters()]

    assert run("numpy") == run("eager")


def test_auto_compiles_where_that_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite")
    monkeypatch.setattr("nn.engines.WORK_WORTH_COMPILING", 0)
    for seconds, engine in ((1e9, "llvm"), (0.0, "eager")):
        monkeypatch.setattr("nn.engines.seconds_eagerly", lambda task, data, seconds=seconds: seconds)
        assert nn.fit(network(), X, DATA.y, epochs=2, progress=False).engine == engine


def test_a_layer_in_two_places_moves_twice() -> None:
    layer = nn.BatchNorm(2)
    layer.batch(X)
    layer.batch(layer.batch(X))
    wanted, both = [v.data for v in kept_numbers(layer)], nn.BatchNorm(2)
    both.batch(X)
    task = Task(nn.Sequential(both, both), lambda scores, target: scores[0] + scores[1], 0.0, 0.0, None, None)
    gradients(task, Samples(X, [0.0] * len(X)), [], 1)
    assert [v.data for v in kept_numbers(both)] == pytest.approx(wanted, rel=1e-14)


class Inside(Module):
    """A batch norm where no batch can be taken through."""

    def __init__(self) -> None:
        self.first, self.norm, self.last = nn.Layer(2, 3, seed=0), nn.BatchNorm(3), nn.Layer(3, 1, seed=1)

    def __call__(self, x: Any) -> Any:
        return self.last(self.norm(self.first(x)))


FIT = {"epochs": 2, "progress": False}
BAD = [
    (lambda: nn.fit(Inside(), DATA.X, DATA.y, **FIT), TypeError, "make it a layer of nn.Sequential"),
    (lambda: nn.fit(network(), DATA.X, DATA.y, optimizer="lbfgs", **FIT), ValueError, "use 'adam'"),
    (lambda: nn.fit(network(), DATA.X, DATA.y, batch_size=13, **FIT), ValueError, "batch_size=13 leaves a batch of one sample"),
    (lambda: nn.fit(network(), DATA.X, DATA.y, batch_size=1, **FIT), ValueError, "batch_size=1 leaves a batch of one sample"),
    (lambda: nn.BatchNorm(2).batch([[1.0, 2.0]]), ValueError, "at least two samples"),
    (lambda: nn.BatchNorm(2).batch([[1.0], [2.0]]), ValueError, "BatchNorm expects 2 input(s), got 1"),
    (lambda: nn.BatchNorm(0), ValueError, "size must be"),
    (lambda: nn.BatchNorm(2, momentum=0.0), ValueError, "momentum is how far"),
]


@pytest.mark.parametrize("call, error, text", BAD, ids=[text for _, _, text in BAD])
def test_what_cannot_work_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        call()
