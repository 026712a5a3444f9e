"""Weights: two is twice, nothing is left out; against scikit-learn and PyTorch, and compiled against eager."""

import math
from typing import Any

import pytest

import nn
from autograd.compiler import engines
from nn.weighing import weights_of_classes

X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.5]]
Y = [0, 1, 1, 0, 1]
WEIGHTS = [2.0, 0.0, 1.0, 3.0, 1.0]
ENGINES = ["eager", pytest.param("llvm", marks=pytest.mark.skipif(not engines.is_installed("llvm"), reason="needs llvmlite"))]


def repeated(things: list[Any]) -> list[Any]:
    return [thing for thing, weight in zip(things, WEIGHTS, strict=True) for _ in range(int(weight))]


def trained(X: Any = X, y: Any = Y, engine: str = "eager", **settings: Any) -> tuple[nn.MLP, nn.History]:
    model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
    chosen: dict[str, Any] = {"epochs": 8, "loss": "bce", "progress": False, "l2": 0.01} | settings
    return model, nn.fit(model, X, y, engine=engine, **chosen)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e3])
def test_two_is_twice_and_zero_is_left_out(engine: str, scale: float) -> None:
    weights = [scale * weight for weight in WEIGHTS]
    model, history = trained(engine=engine, sample_weight=weights, validation=(X, Y, weights))
    other, expected = trained(repeated(X), repeated(Y), engine, validation=(repeated(X), repeated(Y)))
    assert [p.data for p in model.parameters()] == pytest.approx([p.data for p in other.parameters()], rel=1e-9)
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        assert getattr(history, name) == pytest.approx(getattr(expected, name), rel=1e-10), name


def test_weights_that_are_all_one_change_no_bit() -> None:
    assert trained(sample_weight=[1.0] * 5)[0].state_dict() == trained()[0].state_dict()
    assert trained(sample_weight=[1, 0, 1, 1, 1])[0].state_dict() == trained(X[:1] + X[2:], Y[:1] + Y[2:])[0].state_dict()


@pytest.mark.skipif(not engines.is_installed("llvm"), reason="needs llvmlite")
@pytest.mark.parametrize("loss", ["bce", "mse", lambda scores, target: nn.mse(scores, target)])
@pytest.mark.parametrize("engine", ["llvm", "numpy"])
def test_compiled_is_eager_to_the_bit(loss: Any, engine: str) -> None:
    settings: dict[str, Any] = {"sample_weight": WEIGHTS, "batch_size": 3, "seed": 1, "validation": (X, Y), "loss": loss}
    (one, expected), (other, got) = trained(**settings), trained(engine=engine, **settings)
    assert other.state_dict() == one.state_dict()
    assert got.loss == expected.loss and got.validation_loss == expected.validation_loss
    assert got.accuracy == pytest.approx(expected.accuracy) and got.engine == engine


def test_the_gradient_is_torchs() -> None:
    torch = pytest.importorskip("torch")
    model = nn.Layer(2, 3, nonlin=False, seed=0)
    rows, y = X[:4], [0, 1, 2, 1]
    weights = {0: 0.5, 1: 2.0, 2: 1.0}
    linear = torch.nn.Linear(2, 3, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(model.state_dict()["weight"], dtype=torch.float64))
        linear.bias.copy_(torch.tensor(model.state_dict()["bias"], dtype=torch.float64))
    loss = torch.nn.CrossEntropyLoss(weight=torch.tensor(list(weights.values()), dtype=torch.float64))
    loss(linear(torch.tensor(rows, dtype=torch.float64)), torch.tensor(y)).backward()
    settings: dict[str, Any] = {"optimizer": "sgd", "lr": 0.0, "epochs": 1, "progress": False}
    nn.fit(model, rows, y, loss="cross_entropy", class_weight=weights, **settings)
    got = [[w.grad for w in neuron.w] for neuron in model.neurons]
    for row, expected in zip(got, linear.weight.grad.tolist(), strict=True):
        assert row == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("labels", [["a", "b", "b", "c", "b"], [0, 1, 1, 0, 1], [-1, 1, 1, 1, 1]], ids=str)
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 3.0, 1.0]])
def test_balanced_is_scikit_learns(labels: list[Any], weights: list[float] | None) -> None:
    utils = pytest.importorskip("sklearn.utils.class_weight")
    np = pytest.importorskip("numpy")
    names = sorted(set(labels))
    given = {} if weights is None else {"sample_weight": np.array(weights)}
    expected = utils.compute_class_weight("balanced", classes=np.array(names), y=np.array(labels), **given)
    got = weights_of_classes("balanced", labels, weights)
    assert [got[name] for name in names] == pytest.approx(expected.tolist(), rel=1e-14)


def test_balanced_counts_every_class_the_same() -> None:
    rows, y = [[0.0]] * 6, ["rare"] + ["often"] * 5
    model = nn.Neuron(1, nonlin=False, seed=0)
    nn.fit(model, rows, y, loss="bce", class_weight="balanced", optimizer="sgd", lr=1.0, epochs=200, progress=False)
    assert model.b.data == pytest.approx(0.0, abs=1e-9), "the odds are even"
    nn.fit(model, rows, y, loss="bce", class_weight={"rare": 10.0}, optimizer="sgd", lr=1.0, epochs=500, progress=False)
    assert model.b.data == pytest.approx(math.log(10 / 5), rel=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample_weight": [1.0] * 4}, "sample_weight must have a weight for each sample: expected 5, got 4"),
        ({"sample_weight": [1.0, -1.0, 1.0, 1.0, 1.0]}, r"sample_weight\[1\] is -1.0: expected a finite number of at least 0"),
        ({"sample_weight": [1.0, math.nan, 1.0, 1.0, 1.0]}, r"sample_weight\[1\] is nan"),
        ({"sample_weight": [0.0] * 5}, "sample_weight is zero for every sample"),
        ({"sample_weight": [1.0] * 6}, "sample_weight must have a weight for each sample: expected 5, got 6"),
        ({"sample_weight": [math.inf] + [1.0] * 4}, r"sample_weight\[0\] is inf: expected a finite number of at least 0"),
        ({"sample_weight": [1e308] * 5}, "sample_weight adds up to more than a float holds: give smaller weights"),
        ({"validation": (X, Y, [0.0] * 5)}, "validation weights is zero for every sample: at least one must count"),
        ({"class_weight": {1: "much"}}, r"class_weight\[1\] is 'much': expected a finite number of at least 0"),
        ({"class_weight": {1: math.nan}}, r"class_weight\[1\] is nan: expected a finite number of at least 0"),
        ({"sample_weight": ["much"] * 5}, r"sample_weight\[0\] is 'much': expected a number"),
        ({"sample_weight": 2.0}, "sample_weight must be a list, an array or a data frame, got float"),
        ({"validation": (X, Y, [1.0])}, "validation weights must have a weight for each sample: expected 5, got 1"),
        ({"validation": (X,)}, r"validation must be a pair \(X, y\), or \(X, y, weights\), got 1 things"),
        ({"class_weight": "even"}, "class_weight must be 'balanced' or a dict of weights, got 'even'"),
        ({"class_weight": [1.0, 2.0]}, "class_weight must be 'balanced' or a dict of weights, got list"),
        ({"class_weight": {2: 1.0}}, "class_weight names 2, which is no class of y: 0, 1"),
        ({"class_weight": {1: -1.0}}, r"class_weight\[1\] is -1.0: expected a finite number of at least 0"),
        ({"class_weight": {0: 0.0, 1: 0.0}}, "every sample has weight 0"),
        (
            {"class_weight": "balanced", "y": [0.5] * 5, "loss": "mse"},
            "class_weight needs a class for each sample, got other numbers",
        ),
    ],
)
def test_bad_weights(change: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        trained(**change)
