"""Loss curve and decision boundary: what is drawn, on which axes, and what is refused."""

import sys
from types import SimpleNamespace

import pytest

import viz

pyplot = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture
def ax():
    figure, axes = pyplot.subplots()
    yield axes
    pyplot.close(figure)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    pyplot.close("all")


class Model:
    """Predicts whatever the function says of a point."""

    def __init__(self, score):
        self.score = score

    def predict(self, points):
        return [self.score(*point) for point in points]


def history(**lists):
    return SimpleNamespace(**{"loss": [], "accuracy": [], "validation_loss": [], "validation_accuracy": [], **lists})


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_loss_of_a_sequence(ax):
    assert viz.loss([3.0, 2.0, 1.5], ax=ax) is ax
    (line,) = ax.lines
    assert list(line.get_xdata()) == [1, 2, 3]
    assert list(line.get_ydata()) == [3.0, 2.0, 1.5]
    assert ax.get_yscale() == "linear"
    assert legend(ax) == ["training (last 1.5)"]


def test_loss_of_a_history(ax):
    viz.loss(history(loss=[1.0, 0.001], accuracy=[0.5, 0.985], validation_loss=[1.0, 0.25]), ax=ax)
    assert [list(line.get_ydata()) for line in ax.lines] == [[1.0, 0.001], [1.0, 0.25]]
    assert ax.get_yscale() == "log"
    assert legend(ax) == ["training (last 0.001, accuracy 98.5%)", "validation (last 0.25)"]


@pytest.mark.parametrize("losses", [[1.0], [1.0, float("nan"), float("inf")], [-1.0, 1000.0], [0.0, 1000.0], [float("nan")]])
def test_any_losses_can_be_plotted(losses, ax):
    viz.loss(losses, ax=ax).figure.canvas.draw()
    assert ax.get_yscale() == "linear"


@pytest.mark.parametrize("nothing", [[], history()])
def test_no_loss(nothing):
    with pytest.raises(ValueError, match="no loss to plot"):
        viz.loss(nothing)


def test_new_axes_when_none_are_given():
    assert viz.loss([1.0, 2.0]) is not viz.loss([1.0, 2.0])


@pytest.mark.parametrize("classes", [(-1, 1), (0, 1), (-1.0, 1.0), (False, True)])
def test_boundary_of_one_score(classes, ax):
    """A vertical boundary at x = 0.25: the contour is there, and each class has its points in its colour."""
    low, high = classes
    X = [[-1.0, 0.0], [1.0, 0.5], [0.5, -1.0]]
    assert viz.boundary(Model(lambda a, b: a - 0.25), X, [low, high, high], ax=ax, resolution=9) is ax
    points = [collection for collection in ax.collections if len(collection.get_offsets()) in (1, 2)]
    shown = {len(p.get_offsets()): p.get_facecolor()[0] for p in points if p.get_edgecolor()[0][:3].min() == 1.0}
    assert shown[1][0] > shown[1][2], "the lower class is orange"
    assert shown[2][2] > shown[2][0], "the upper class is blue"
    (contour,) = [c for c in ax.collections if type(c).__name__ == "QuadContourSet"]
    xs = [x for path in contour.get_paths() for x, _ in path.vertices]
    assert xs == pytest.approx([0.25] * len(xs))


def test_threshold_moves_the_boundary(ax):
    viz.boundary(Model(lambda a, b: a), [[0.0, 0.0], [1.0, 1.0]], [0, 1], ax=ax, resolution=9, threshold=0.5)
    (contour,) = [c for c in ax.collections if type(c).__name__ == "QuadContourSet"]
    assert next(x for path in contour.get_paths() for x, _ in path.vertices) == pytest.approx(0.5)


def test_boundary_of_several_scores(ax):
    model = Model(lambda a, b: [a, -a, b])
    viz.boundary(model, [[1, 0], [-1, 0], [0, 1]], [[0], [1], [2]], ax=ax, resolution=15).figure.canvas.draw()
    regions = [c for c in ax.collections if type(c).__name__ == "QuadContourSet"]
    assert len(regions) == 6, "a region and a line for each of three classes"


@pytest.mark.parametrize(
    "score",
    [lambda a, b: 1.0, lambda a, b: 0.0, lambda a, b: float("nan"), lambda a, b: float("inf") if a > 0 else a,
     lambda a, b: [1.0, 1.0], lambda a, b: [a, float("nan")], lambda a, b: [float("-inf"), 0.0], lambda a, b: [a]],
)  # fmt: skip
def test_any_scores_can_be_plotted(score, ax):
    viz.boundary(Model(score), [[0.0, 0.0], [0.0, 0.0]], [0, 1], ax=ax, resolution=5).figure.canvas.draw()


@pytest.mark.parametrize(
    ("ending", "marks"),
    [
        ({}, []),
        ({"stopped": True, "kept_epoch": 2}, ["kept (epoch 2)", "stopped (epoch 3)"]),
        ({"interrupted": True, "kept_epoch": 3}, ["interrupted (epoch 3)"]),
        ({"converged": True, "kept_epoch": 3}, ["converged (epoch 3)"]),
    ],
)
def test_loss_marks_the_end_and_what_was_kept(ending, marks, ax):
    history = SimpleNamespace(
        loss=[3.0, 2.0, 1.0], accuracy=[], validation_loss=[2.0, 1.0, 1.5], validation_accuracy=[], **ending
    )
    viz.loss(history, ax=ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()][2:] == marks
    assert [line.get_xdata()[0] for line in ax.lines[2:]] == [int(mark[-2]) for mark in marks]


@pytest.mark.parametrize("columns", [1, 2])
def test_the_legend_of_losses_stays_within_its_axes(columns):
    figure, axes = pyplot.subplots(1, columns, figsize=(3.9 if columns == 1 else 6.4, 3.0), squeeze=False)
    ax = viz.loss(
        history(
            loss=[3.0, 2.0, 1.0], accuracy=[0.5, 0.6, 0.9429], validation_loss=[2.0, 0.09268, 0.1], validation_accuracy=[0.5, 0.933, 0.9],
            stopped=True, kept_epoch=2,
        ),
        ax=axes[0][0],
    )  # fmt: skip
    figure.canvas.draw()
    box, inside = ax.get_legend().get_window_extent(), ax.get_window_extent()
    assert inside.x0 <= box.x0 < box.x1 <= inside.x1 and inside.y0 <= box.y0 < box.y1 <= inside.y1, (box, inside)


@pytest.mark.parametrize(("scores", "names"), [(1, ("cat", "dog")), (2, ("cat", "dog"))])
def test_boundary_names_the_classes_of_the_model(scores, names, ax):
    model = SimpleNamespace(predict=lambda points: [[-x, x][-scores:] for x, _ in points], classes=names)
    viz.boundary(model, [[-1, 0], [1, 0], [2, 1]], ["cat", "dog", "dog"], ax=ax, resolution=8)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(names)
    with pytest.raises(ValueError, match="expected the classes of the model, 'cat', 'dog'; got 'cow'"):
        viz.boundary(model, [[-1, 0]], ["cow"], ax=ax, resolution=8)


def test_boundary_takes_arrays(ax):
    numpy = pytest.importorskip("numpy")
    model = SimpleNamespace(predict=lambda points: numpy.array(points) @ numpy.array([1.0, -1.0]))
    viz.boundary(model, numpy.eye(2), numpy.array([1, -1]), ax=ax, resolution=5)


PLANE = Model(lambda a, b: a)


@pytest.mark.parametrize(
    ("model", "X", "y", "options", "says"),
    [
        (PLANE, [], [], {}, "at least one point"),
        (PLANE, [[1.0, 2.0, 3.0]], [1], {}, "2 coordinates, got one with 3"),
        (PLANE, [1.0, 2.0], [1, 1], {}, "2 coordinates, got one with 1"),
        (PLANE, [[1.0, 2.0]], [1, -1], {}, "got 1 points and 2 classes"),
        (PLANE, [[1.0, float("nan")]], [1], {}, "finite coordinates"),
        (PLANE, [[1.0, 2.0]], [2], {}, r"two classes apart.*got classes \[2.0\]"),
        (PLANE, [[1.0, 2.0], [2.0, 1.0]], [-1, 0], {}, "two classes apart"),
        (PLANE, [[1.0, 2.0]], [[0, 1]], {}, "expected a class per point, got 2 numbers"),
        (PLANE, [[1.0, 2.0]], [1], {"resolution": 1}, "resolution must be a whole number from 2 to 2000, got int"),
        (Model(lambda a, b: [a, b]), [[1.0, 2.0]], [2], {}, "2 scores knows the classes 0 … 1"),
        (Model(lambda a, b: [a] * (1 + (a > 1.5))), [[1.0, 2.0]], [1], {}, "equally many scores"),
        (SimpleNamespace(predict=lambda points: [1.0]), [[1.0, 2.0]], [1], {}, "predict returned 1"),
    ],
)
def test_what_boundary_refuses(model, X, y, options, says):
    with pytest.raises(ValueError, match=says):
        viz.boundary(model, X, y, **{"resolution": 4, **options})


@pytest.mark.parametrize("plot", [lambda: viz.loss([1.0]), lambda: viz.boundary(PLANE, [[0, 1]], [1])])
def test_without_matplotlib(plot, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "chalkgrad\[plots\]"'):
        plot()
