"""Sequences of unequal length: a program for each length, and training equal to the eager one; what is no sequence is refused."""

import math
from typing import Any

import pytest

import nn
from autograd.compiler import engines
from nn import ways, whole
from nn.compiled import FEW_ROWS

pytest.importorskip("numpy")

LENGTHS = (2, 4, 6)
X = [[math.sin(3.0 * i + 5.0 * j) for j in range(LENGTHS[i % 3])] for i in range(24)]
Y = [sum(row) / 4 for row in X]
WORDS, KINDS = [[(i * j + i) % 5 for j in range(1 + i % 4)] for i in range(24)], [i % 3 for i in range(24)]


def cell(kind: Any = nn.GRU, *before: nn.Module) -> nn.Module:
    return nn.Sequential(*before, kind(2, 3, seed=0), nn.Layer(3, 1, nonlin=False, seed=1))


def normed() -> nn.Module:
    return nn.Sequential(nn.GRU(2, 3, seed=0), nn.BatchNorm(3), nn.Layer(3, 1, nonlin=False, seed=1))


def words() -> nn.Module:
    return nn.Sequential(nn.Embedding(5, 2, seed=0), nn.GRU(2, 3, seed=0), nn.Layer(3, 3, nonlin=False, seed=1))


class Attending(nn.Module):
    """Pairs that attend to each other, then their mean."""

    takes_sequences = True

    def __init__(self) -> None:
        self.last = nn.Layer(2, 1, nonlin=False, seed=0)

    def __call__(self, x: Any) -> Any:
        pairs = [x[i : i + 2] for i in range(0, len(x), 2)]
        seen = nn.attention(pairs, pairs, pairs)
        return self.last([sum(column) / len(seen) for column in zip(*seen, strict=True)])


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "GRU, batches": (cell, {"batch_size": 10, "seed": 1}),
    "recurrent": (lambda: cell(nn.Recurrent), {"optimizer": "sgd", "lr": 0.05, "l2": 0.01, "clip": 0.5}),
    "attention": (Attending, {"sample_weight": [1.0 + i % 3 for i in range(24)]}),
    "dropout": (lambda: cell(nn.GRU, nn.Dropout(0.3, seed=2)), {"batch_size": 12, "validation": 0.25, "seed": 2}),
    "a layer that looks at batches": (lambda: normed(), {"batch_size": 6, "seed": 1, "optimizer": "sgd", "l2": 0.01}),
    "two of them, and drawing": (
        lambda: nn.Sequential(
            nn.Sequential(nn.Dropout(0.2, seed=3), nn.GRU(2, 3, seed=0)),
            nn.Sequential(nn.BatchNorm(3), nn.GaussianNoise(0.1, seed=4)),
            nn.BatchNorm(3),
            nn.Layer(3, 1, nonlin=False, seed=1),
        ),
        {
            "batch_size": 10,
            "seed": 1,
            "optimizer": "sgd",
            "clip": 0.5,
            "sample_weight": [1.0 + i % 3 for i in range(24)],
            "validation": 0.25,
        },
    ),
    "L-BFGS": (cell, {"optimizer": "lbfgs", "l1": 0.001, "sample_weight": [1.0 + i % 2 for i in range(24)]}),
    "Levenberg-Marquardt": (cell, {"optimizer": "lm", "l2": 0.01, "validation": (X[:7], Y[:7])}),
    "words": (words, {"loss": "cross_entropy"}),
    "the last layer learns": (cell, {"trainable": "the last", "batch_size": 10, "seed": 1, "l2": 0.01}),
    "the last layer learns, behind one that looks at batches": (
        lambda: normed(),
        {"trainable": "the last", "batch_size": 10, "seed": 1},
    ),
}


def trained(engine: str, name: str) -> tuple[list[float], list[float]]:
    make, options = CASES[name]
    if options.get("optimizer") in ("lbfgs", "lm"):
        pytest.importorskip("scipy")
    model, data = make(), (WORDS, KINDS) if name == "words" else (X, Y)
    chosen = {name: model.layers[-1] if name == "trainable" else x for name, x in options.items()}
    history = nn.fit(model, *data, epochs=4, engine=engine, progress=False, **chosen)
    assert history.engine == engine
    return [*history.loss, *history.validation_loss, *[p.data for p in model.parameters()]], history.accuracy


@pytest.mark.parametrize(("name", "engine"), [*[(name, "numpy") for name in CASES], ("GRU, batches", "llvm")])
def test_compiled_training_is_eager_training(name: str, engine: str) -> None:
    """Within the bound that ``fit`` states, 1e-12 for each sum over samples, amplified by a few steps."""
    pytest.importorskip("llvmlite" if engine == "llvm" else "numpy")
    (got, hits), (expected, theirs) = trained(engine, name), trained("eager", name)
    assert got == pytest.approx(expected, rel=1e-10, abs=1e-12), name
    assert hits == theirs


def test_one_program_for_each_length(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ways.ByWays] = []
    begin = ways.ByWays.__init__
    monkeypatch.setattr(ways.ByWays, "__init__", lambda self, *args, **named: made.append(self) or begin(self, *args, **named))
    nn.fit(cell(), X, Y, epochs=3, batch_size=5, seed=0, engine="numpy", progress=False)
    assert [each.count() for each in made] == [len(LENGTHS)]


def test_one_program_for_each_length_in_front_of_a_layer_that_looks_at_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many samples of a batch are how long: one for what comes out and one for what goes back; behind, by the size of a batch."""
    made: list[whole.WholeBatches] = []
    begin = whole.WholeBatches.__init__
    monkeypatch.setattr(
        whole.WholeBatches, "__init__", lambda self, *args, **named: made.append(self) or begin(self, *args, **named)
    )
    nn.fit(normed(), X, Y, epochs=4, batch_size=10, seed=0, engine="numpy", progress=False)
    assert [each.count() for each in made] == [2 * len(LENGTHS) + 2], "24 samples are batches of 10 and of 4"


@pytest.mark.parametrize("make", [cell, normed])
def test_what_stays_costs_no_work(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All programs of a training have fewer nodes by most of what the gradients by the cell take."""
    sizes: list[int] = []
    executor = engines.executor

    def counted(program: Any, **settings: Any) -> Any:
        sizes[-1] += program.normal_nodes
        return executor(program, **settings)

    monkeypatch.setattr(engines, "executor", counted)
    for part in (None, -1):
        sizes.append(0)
        model = make()
        trainable = None if part is None else model.layers[part]
        nn.fit(model, X, Y, epochs=1, engine="numpy", progress=False, trainable=trainable)
    assert sizes[1] < 0.5 * sizes[0], sizes


def test_predictions_and_accuracy_of_any_lengths() -> None:
    model, rows = cell(), (X * 9)[: 3 * FEW_ROWS + 2]
    assert model.predict(rows) == pytest.approx([model(row).data for row in rows], rel=1e-12)
    labels = [int(y > 0.0) for y in model.predict(rows)]
    assert model.accuracy(rows, labels) == 1.0


class Own(nn.Module):
    def __call__(self, x: Any) -> Any:
        return sum(x)


REFUSED: dict[str, tuple[Any, list[list[float]], str]] = {
    "layers": (lambda: nn.MLP(2, [1], seed=0), [[1.0, 2.0], [3.0]], r"X\[1\] has 1 numbers: expected 2.*MLP has no takes_sequences"),
    "a model that does not say so": (Own, [[1.0, 2.0], [3.0]], "Own has no takes_sequences"),
    "half a step": (cell, [[1.0, 2.0], [1.0, 2.0, 3.0]], r"X\[1\] has 3 numbers.*GRU expects whole steps of 2"),
    "no step": (cell, [[1.0, 2.0], []], r"X\[1\] has 0 numbers: expected 2"),
    "a layer behind that counts": (
        lambda: nn.Sequential(nn.Embedding(3, 2), nn.Flatten(), nn.Layer(4, 1)), [[0, 1], [0, 1, 2]],
        r"X\[1\] has 3 numbers, another length than X\[0\], and: Layer expects 4 input\(s\), got 6",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sequence_is_refused(name: str) -> None:
    make, rows, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        nn.fit(make(), rows, [0.0] * len(rows), epochs=1, progress=False)
