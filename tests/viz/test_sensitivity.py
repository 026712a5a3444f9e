"""Sensitivity to the input and filters: the numbers that are drawn, on which axes, and what is refused."""

import itertools
import math
import random
from types import SimpleNamespace

import pytest

import nn
import viz
from autograd import Value, relu, tanh
from viz import plots

pyplot = pytest.importorskip("matplotlib.pyplot")
numpy = pytest.importorskip("numpy")

X, CLASSES = [[-1.0, 0.0], [1.0, 0.5], [0.5, -1.0]], [0, 1, 1]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    pyplot.close("all")


def branching(x):
    return 3.0 * x[0] if x[0] > 0.0 else 4.0 * x[1]


def by_hand(x):
    """An op as in the lecture, whose derivative cannot be recorded."""
    out = Value(x[0].data, (x[0],), "copy")
    out._backward = lambda: None
    return out


MODELS = {
    "plane": (lambda x: 3.0 * x[0] - 4.0 * x[1], lambda a, b: 5.0),
    "product": (lambda x: x[0] * x[1], lambda a, b: math.hypot(a, b)),
    "bowl": (lambda x: x[0] ** 2 + x[1] ** 2, lambda a, b: 2 * math.hypot(a, b)),
    "kink": (lambda x: relu(x[0]), lambda a, b: float(a > 0)),
    "branch": (branching, lambda a, b: 3.0 if a > 0 else 4.0),
    "constant": (lambda x: 7.0, lambda a, b: 0.0),
    "several": (lambda x: [tanh(x[0]), 2.0 * x[1]], lambda a, b: math.hypot(1 - math.tanh(a) ** 2, 2.0)),
}


@pytest.mark.parametrize("name", list(MODELS))
def test_lengths_of_gradients(name):
    model, formula = MODELS[name]
    generator = random.Random(1)
    points = [(generator.uniform(-2, 2), generator.uniform(-2, 2)) for _ in range(30)]
    for columns in (plots._scores_and_slopes(model, points)[1], steepness(plots._eager_columns(model, points))):
        for point, got in zip(points, columns, strict=True):
            assert got == pytest.approx(formula(*point), rel=1e-12), f"{name} at {point}"


def steepness(rows):
    return [math.hypot(*[d for _, *ds in row for d in ds]) for row in rows]


def test_a_network_by_the_rule_of_the_blackboard():
    """∂z/∂x_i = Σ_j w_j g'(a_j) w_ji for one hidden layer of tanh, and no grad of the network is touched."""
    model = nn.MLP(2, [5, 1], activation="tanh", seed=3)
    hidden, out = model.layers[0].neurons, model.layers[1].neurons[0]
    generator = random.Random(2)
    points = [(generator.gauss(0, 1), generator.gauss(0, 1)) for _ in range(50)]
    for columns in (plots._compiled_columns(model, points), plots._eager_columns(model, points)):
        for x, [(z, *slopes)] in zip(points, columns, strict=True):
            assert z == pytest.approx(model(x).data, rel=1e-13)
            drives = [sum(w.data * xi for w, xi in zip(n.w, x, strict=True)) + n.b.data for n in hidden]
            delta = [w.data * (1 - math.tanh(a) ** 2) for w, a in zip(out.w, drives, strict=True)]
            expected = [sum(d * n.w[i].data for d, n in zip(delta, hidden, strict=True)) for i in range(2)]
            assert slopes == pytest.approx(expected, rel=1e-12, abs=1e-14), f"at {x}"
    assert not any(p.grad for p in model.parameters())


def test_what_is_drawn():
    ax = pyplot.subplots()[1]
    assert viz.sensitivity(lambda x: x[0] * x[0], X, CLASSES, ax=ax, resolution=9) is ax
    (image,) = ax.images
    picture = image.get_array()
    assert picture.shape == (9, 9)
    xs = numpy.linspace(-1.24, 1.24, 9)
    assert numpy.allclose(picture, numpy.tile(2 * abs(xs), (9, 1)), rtol=1e-12)
    assert image.get_clim() == (0.0, pytest.approx(2.48))
    assert sum(len(c.get_offsets()) for c in ax.collections if type(c).__name__ == "PathCollection") == 3
    assert [a.get_ylabel() for a in ax.figure.axes] == ["x₂", "|∂z/∂x|"]


def test_boundary_line_and_common_scale():
    ax = viz.sensitivity(lambda x: 2.0 * x[0], X, CLASSES, resolution=9, threshold=0.5, vmax=1.0)
    assert ax.images[0].get_clim() == (0.0, 1.0)
    (contour,) = [c for c in ax.collections if type(c).__name__ == "QuadContourSet"]
    assert [x for path in contour.get_paths() for x, _ in path.vertices] == pytest.approx([0.25] * 9)
    ax.figure.canvas.draw()


def test_a_loss_and_several_scores():
    model = nn.MLP(2, [3, 3], activation="tanh", seed=0)
    viz.sensitivity(model, X, [0, 1, 2], resolution=4).figure.canvas.draw()
    one = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    viz.sensitivity(lambda x: nn.bce(one(x), 1), X, CLASSES, resolution=4).figure.canvas.draw()


def test_numbers_that_are_not_finite_leave_a_hole():
    ax = viz.sensitivity(lambda x: x[0].log(), X, CLASSES, resolution=6)
    ax.figure.canvas.draw()
    assert math.isfinite(ax.images[0].get_clim()[1])


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([], [], "needs at least one point"),
        ([[0.0, 1.0, 2.0]], [0], "expected points with 2 coordinates, got one with 3"),
        ([[0.0, 1.0]], [0, 1], "got 1 points and 2 classes"),
        ([[0.0, 1.0]], [5], "a model with one score tells two classes apart"),
    ],
)
def test_bad_data(X, y, message):
    with pytest.raises(ValueError, match=message):
        viz.sensitivity(lambda x: x[0], X, y, resolution=4)


def test_a_model_that_cannot_be_differentiated():
    with pytest.raises(TypeError, match="hand-written _backward"):
        viz.sensitivity(by_hand, X, CLASSES, resolution=4)


def test_errors_of_the_model_are_its_own():
    with pytest.raises(ValueError, match=r"expects 3 input\(s\), got 2"):
        viz.sensitivity(nn.MLP(3, [1], seed=0), X, CLASSES, resolution=4)


# --- Filters -------------------------------------------------------------------------------------------------------------------


def test_every_weight_is_in_its_place():
    conv = nn.Conv2d(2, 3, (3, 2), seed=0)
    ax = pyplot.subplots()[1]
    assert viz.filters(conv, ax=ax) is ax
    cells = ax.images[0].get_array()
    assert cells.shape == (2 * 4 + 1, 3 * 3 + 1)
    places = itertools.product(range(3), range(2), range(3), range(2))
    for out, into, r, c in places:
        assert cells[into * 4 + 1 + r, out * 3 + 1 + c] == conv.weight[out][into][r][c].data
    assert cells.mask.sum() == cells.size - 36
    low, high = ax.images[0].get_clim()
    assert -low == high == max(abs(w.data) for w in conv.parameters()[:36])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0", "1", "2"]


def test_filters_of_a_line_and_new_axes():
    conv = nn.Conv1d(1, 2, 4, seed=0)
    ax = viz.filters(conv)
    assert ax.images[0].get_array().shape == (3, 11)
    ax.figure.canvas.draw()
    viz.filters(nn.Conv2d(1, 1, 1, init=0.0)).figure.canvas.draw()


@pytest.mark.parametrize("weight", [[[3.0]], [[Value(1.0)]], [[[["a"]]]], [[[[[Value(1.0)]]]]]])
def test_what_is_no_convolution(weight):
    with pytest.raises(ValueError, match="filters need the weight of a convolution"):
        viz.filters(SimpleNamespace(weight=weight))
