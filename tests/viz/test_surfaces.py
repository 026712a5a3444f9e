"""The loss around the optimum: eigenvectors against NumPy, heights against the loss itself, the path on its plane."""

import math
from typing import Any

import pytest

import autograd
import nn
import viz

np = pytest.importorskip("numpy")
pytest.importorskip("matplotlib").use("agg")
pytest.importorskip("llvmlite")

from viz import surfaces  # noqa: E402 (after the skips)

X, Y = [[0.0, 1.0], [1.0, -1.0], [2.0, 0.5], [-1.0, 0.3]], [1.0, 3.0, 0.5, -1.0]


def trained() -> tuple[Any, list[list[float]]]:
    model, path = nn.Neuron(2, nonlin=False, init=0.0), []
    keep = lambda epoch, history: path.append([p.data for p in model.parameters()])  # noqa: E731
    nn.fit(model, X, Y, optimizer="sgd", epochs=40, callbacks=[keep], progress=False)
    return model, path


def test_the_directions_are_the_hessians() -> None:
    """Of a linear model under squares, whose Hessian is 2·AᵀA/n."""
    model, _ = trained()
    a = np.column_stack([X, np.ones(4)])
    values, vectors = np.linalg.eigh(2 * a.T @ a / 4)
    curvatures, directions = surfaces._directions(surfaces._error(model, X, Y, "mse"), model.parameters())
    assert curvatures == pytest.approx(values[::-1][:2].tolist(), rel=1e-12)
    for got, expected in zip(directions, vectors.T[::-1], strict=False):
        assert abs(got @ expected) == pytest.approx(1.0, rel=1e-12)


def test_the_hessian_of_a_network_is_autograds() -> None:
    model = nn.MLP(2, [2, 1], activation="tanh", seed=0)
    error = surfaces._error(model, X, Y, "mse")
    (first, _), directions = surfaces._directions(error, model.parameters())
    slopes = autograd.grad(error, model.parameters())
    along = autograd.dot(slopes, directions[0].tolist())
    product = [v.data for v in autograd.grad(along, model.parameters())]
    assert product == pytest.approx((first * directions[0]).tolist(), rel=1e-9, abs=1e-10)


def test_heights_and_path() -> None:
    model, path = trained()
    before = model.state_dict()
    ax = viz.surface(model, X, Y, path=path, resolution=7)
    line, start, cross = ax.lines
    assert (start.get_xdata()[0], start.get_ydata()[0]) == (line.get_xdata()[0], line.get_ydata()[0])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["path", "its start", "the model"]
    assert (line.get_xdata()[-1], line.get_ydata()[-1]) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (0.0, 0.0)
    assert math.hypot(line.get_xdata()[0], line.get_ydata()[0]) > 0.5
    assert model.state_dict() == before
    low, high = ax.collections[0].get_clim()
    error = surfaces._error(model, X, Y, "mse").data
    assert low <= error <= high
    assert surfaces._compiled(surfaces._error(model, X, Y, "mse"), model.parameters())(np.array(path[0]))[0] == pytest.approx(
        sum((path[0][0] * x[0] + path[0][1] * x[1] + path[0][2] - y) ** 2 for x, y in zip(X, Y, strict=True)) / 4, rel=1e-12
    )


def test_contours_of_a_bowl_are_rings_at_even_distances() -> None:
    levels = surfaces._levels(np.array([[3.0, 5.0]]))
    assert levels[0] == 3.0 and levels[-1] == 5.0
    assert np.diff(np.sqrt(np.array(levels) - 3.0)) == pytest.approx(math.sqrt(2.0) / surfaces.LEVELS)
    assert surfaces._levels(np.array([[1.0, 1.0]])) == [1.0, 2.0], "a plane has none"


def test_words_and_classes() -> None:
    data = nn.moons(20, seed=0)
    model, words = nn.MLP(2, [3, 1], activation="tanh", seed=0), ["up" if y else "down" for y in data.y]
    nn.fit(model, data.X, words, loss="bce", epochs=3, progress=False)
    assert viz.surface(model, data.X, words, loss="bce", resolution=5).get_xlabel().startswith("along the eigenvector of λ = ")


@pytest.mark.parametrize(
    ("model", "path", "message"),
    [
        (nn.Flatten(), None, "a surface needs a model with 2 to 1000 parameters, got 0"),
        (nn.Neuron(2), [[1.0, 2.0]], r"path must hold 3 numbers at each time, one for each parameter, got shape \(1, 2\)"),
    ],
)
def test_what_it_refuses(model: Any, path: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        viz.surface(model, X, Y, path=path)
