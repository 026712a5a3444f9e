"""Plots of training on matplotlib: the loss curve and the decision boundary. Both draw into ``ax`` and return it.

``viz`` knows ``nn`` only by the protocols below: anything with the same attributes can be plotted. matplotlib (the extra
``plots``) is imported when a plot is made. What it does not do: save files or close figures; ``ax.figure`` belongs to the caller.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from viz.svg import BLUE, INK, ORANGE, PURPLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette, ours first; each class has a marker of its own as well.
_CLASS_COLOURS = (ORANGE, BLUE, "#009e73", PURPLE, "#56b4e9", "#d55e00", "#f0e442", "#000000", "#cc79a7", "#8a929c")
_MARKERS = "osD^vPX*<>"
_PALE_ORANGE, _PALE, _PALE_BLUE = "#efb061", "#f7f7f7", "#7aa9d4"


class Losses(Protocol):
    """What training wrote down: a number per epoch; lists may be empty."""

    @property
    def loss(self) -> Sequence[float]: ...
    @property
    def accuracy(self) -> Sequence[float]: ...
    @property
    def validation_loss(self) -> Sequence[float]: ...
    @property
    def validation_accuracy(self) -> Sequence[float]: ...


class Predictor(Protocol):
    """A trained model: for each point a score (its sign or side of the threshold is the class) or one score per class."""

    def predict(self, points: Any, /) -> Sequence[Any]: ...


def loss(history: Losses | Sequence[float], *, ax: "Axes | None" = None) -> "Axes":
    """The axes with the loss over the epochs, and the validation loss where there is one.

    ``history`` is what ``nn.fit`` returns, or just a sequence of losses. The scale is logarithmic when the losses are positive
    and span more than a factor of 100. ValueError when there is no loss, ImportError when matplotlib is missing.

    >>> loss([0.9, 0.4, 0.1]).get_xlabel()
    'epoch'
    """
    curves = _curves(history)
    ax = ax or _new_axes()
    for (name, losses), colour, style in zip(curves, (BLUE, ORANGE), ("-", "--"), strict=False):
        epochs = range(1, len(losses) + 1)
        ax.plot(epochs, losses, style, color=colour, linewidth=1.8, label=name, marker="o" if len(losses) == 1 else None)
    finite = [x for _, losses in curves for x in losses if math.isfinite(x)]
    if finite and min(finite) > 0 and max(finite) > 100 * min(finite):
        ax.set_yscale("log")
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss")
    ax.grid(color="#e6e9ec", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return ax


def boundary(
    model: Predictor,
    X: Sequence[Sequence[float]],
    y: Sequence[float],
    *,
    ax: "Axes | None" = None,
    resolution: int = 60,
    threshold: float = 0.0,
) -> "Axes":
    """The axes with the plane coloured by what ``model`` predicts, the decision boundary, and the points of the data.

    ``X`` holds points with two coordinates, ``y`` a class per point: −1 and 1, 0 and 1, or 0 … k−1. A model with one score says
    the second class above ``threshold`` (the score at the drawn contour) and its score is shaded; one with a score per class says
    the class of the largest. The model is asked at ``resolution``² points. ValueError for points that are not in the plane, for
    lengths that differ, for classes that do not fit the scores; ImportError when matplotlib is missing.

    >>> class LeftOrRight:
    ...     def predict(self, points):
    ...         return [x for x, _ in points]
    >>> boundary(LeftOrRight(), [[-1, 0], [1, 0]], [-1, 1], resolution=8).get_xlabel()
    'x₁'
    """
    points, classes = _checked(X, y, resolution)
    ax = ax or _new_axes()
    xs, ys = (_ticks([point[axis] for point in points], resolution) for axis in (0, 1))
    scores = [_numbers(score) for score in model.predict([[a, b] for b in ys for a in xs])]
    _check_scores(scores, resolution**2, classes)
    if len(scores[0]) == 1:
        _shade_score(ax, xs, ys, [score[0] - threshold for score in scores])
    else:
        _shade_classes(ax, xs, ys, scores)
    for name in sorted(dict.fromkeys(classes)):
        mine = [point for point, label in zip(points, classes, strict=True) if label == name]
        index = int(name) if len(scores[0]) > 1 else int(name > 0)
        ax.scatter(
            [a for a, _ in mine], [b for _, b in mine], s=30, label=f"{name:g}",
            color=_colour(index), marker=_MARKERS[index % len(_MARKERS)], edgecolors="white", linewidths=0.8, zorder=3,
        )  # fmt: skip
    ax.set_xlabel("x₁")
    ax.set_ylabel("x₂")
    ax.set_xlim(xs[0], xs[-1])
    ax.set_ylim(ys[0], ys[-1])
    return ax


def _new_axes() -> "Axes":
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError('plots need matplotlib: pip install "chalkgrad[plots]"') from error
    return pyplot.subplots(figsize=(6.4, 4.4), layout="constrained")[1]


def _curves(history: Losses | Sequence[float]) -> list[tuple[str, list[float]]]:
    """The loss curves that there are, each with its name in the legend."""
    if isinstance(history, Sequence):
        curves: list[tuple[str, list[float], list[float]]] = [("training", [float(x) for x in history], [])]
    else:
        curves = [
            ("training", list(history.loss), list(history.accuracy)),
            ("validation", list(history.validation_loss), list(history.validation_accuracy)),
        ]
    found = [(_named(name, losses, accuracy), losses) for name, losses, accuracy in curves if losses]
    if not found:
        raise ValueError("there is no loss to plot: the history is empty (was fit interrupted before the first epoch ended?)")
    return found


def _named(name: str, losses: Sequence[float], accuracy: Sequence[float]) -> str:
    known = f", accuracy {accuracy[-1]:.1%}" if accuracy else ""
    return f"{name} (last {losses[-1]:.4g}{known})"


# --- Boundary ------------------------------------------------------------------------------------------------------------------


def _checked(X: Sequence[Sequence[float]], y: Sequence[float], resolution: int) -> tuple[list[list[float]], list[float]]:
    """The points and their classes as lists of floats."""
    points = [_numbers(point) for point in X]
    classes = [_one(label) for label in y]
    if not points:
        raise ValueError("a boundary needs at least one point, got none")
    if len(points) != len(classes):
        raise ValueError(f"expected one class per point, got {len(points)} points and {len(classes)} classes")
    wrong = [len(point) for point in points if len(point) != 2]
    if wrong:
        raise ValueError(f"a boundary is drawn in the plane: expected points with 2 coordinates, got one with {wrong[0]}")
    if not all(math.isfinite(x) for point in points for x in point):
        raise ValueError("expected points with finite coordinates, got one with nan or inf")
    if resolution < 2:
        raise ValueError(f"resolution must be at least 2, got {resolution}")
    return points, classes


def _one(label: Any) -> float:
    """A class, given as a number or as a list of one number."""
    items = _numbers(label)
    if len(items) != 1:
        raise ValueError(f"expected a class per point, got {len(items)} numbers; classes of one-hot rows are 0 … k−1")
    return items[0]


def _numbers(score: Any) -> list[float]:
    return [float(x) for x in score] if hasattr(score, "__len__") else [float(score)]


def _check_scores(scores: list[list[float]], expected: int, classes: Sequence[float]) -> None:
    if len(scores) != expected:
        raise ValueError(f"expected a score for each of {expected} points, predict returned {len(scores)}")
    named, count = sorted(dict.fromkeys(classes)), len(scores[0])
    ragged = [len(score) for score in scores if len(score) != count]
    if ragged or not count:
        raise ValueError(f"expected equally many scores for each point, predict returned {count} and {(ragged or [0])[0]}")
    if count == 1 and not (set(named) <= {-1.0, 1.0} or set(named) <= {0.0, 1.0}):
        raise ValueError(f"a model with one score tells two classes apart, −1 and 1 or 0 and 1; got classes {named}")
    if count > 1 and not set(named) <= {float(i) for i in range(count)}:
        raise ValueError(f"a model with {count} scores knows the classes 0 … {count - 1}; got classes {named}")


def _ticks(values: Sequence[float], count: int) -> list[float]:
    """``count`` numbers from a little below the least to a little above the greatest."""
    low, high = min(values), max(values)
    margin = 0.12 * (high - low) or 1.0
    return [low - margin + (high - low + 2 * margin) * i / (count - 1) for i in range(count)]


def _rows(values: Sequence[float], width: int) -> list[list[float]]:
    return [list(values[i : i + width]) for i in range(0, len(values), width)]


def _colour(index: int) -> str:
    return _CLASS_COLOURS[index % len(_CLASS_COLOURS)]


def _shade_score(ax: "Axes", xs: list[float], ys: list[float], scores: list[float]) -> None:
    """Orange below 0, blue above, the deeper the further; a line at 0."""
    from matplotlib.colors import LinearSegmentedColormap

    reach = max((abs(score) for score in scores if math.isfinite(score)), default=0.0) or 1.0
    colours = LinearSegmentedColormap.from_list("sign", [_PALE_ORANGE, _PALE, _PALE_BLUE])
    half_x, half_y = (xs[1] - xs[0]) / 2, (ys[1] - ys[0]) / 2  # an image's pixels are centred on the points
    ax.imshow(
        _rows(scores, len(xs)), cmap=colours, vmin=-reach, vmax=reach, origin="lower", aspect="auto", interpolation="bilinear",
        extent=(xs[0] - half_x, xs[-1] + half_x, ys[0] - half_y, ys[-1] + half_y),
    )  # fmt: skip
    _shade(ax, xs, ys, scores, None)


def _shade_classes(ax: "Axes", xs: list[float], ys: list[float], scores: list[list[float]]) -> None:
    """The region of each class in its colour: where its score exceeds the best of the others."""
    for i in range(len(scores[0])):
        _shade(ax, xs, ys, [score[i] - max(score[:i] + score[i + 1 :]) for score in scores], _colour(i))


def _shade(ax: "Axes", xs: list[float], ys: list[float], heights: list[float], colour: str | None) -> None:
    """The region above 0 in ``colour`` and a line around it, where they are (matplotlib warns of a contour that is not there)."""
    finite = [height for height in heights if math.isfinite(height)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    rows = _rows([height if math.isfinite(height) else math.nan for height in heights], len(xs))
    if colour and high > 0:
        ax.contourf(xs, ys, rows, levels=[0.0, 2 * high], colors=[colour], alpha=0.3)
    if low < 0 < high:
        ax.contour(xs, ys, rows, levels=[0.0], colors=[INK], linewidths=1.4)
