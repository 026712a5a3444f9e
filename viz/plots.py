"""Plots of training on matplotlib: loss curve, decision boundary, sensitivity, filters. All draw into ``ax`` and return it.

``viz`` knows ``nn`` only by the protocols below: anything with the same attributes can be plotted. matplotlib (the extra
``plots``) is imported when a plot is made. What it does not do: save files or close figures; ``ax.figure`` belongs to the caller.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import autograd
from autograd import Value
from autograd.ops import describe, real_number
from viz import given
from viz.svg import BLUE, INK, ORANGE, PURPLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette, ours first; each class has a marker of its own as well.
_CLASS_COLOURS = (ORANGE, BLUE, "#009e73", PURPLE, "#56b4e9", "#d55e00", "#f0e442", "#000000", "#cc79a7", "#8a929c")
_MARKERS = "osD^vPX*<>"
_PALE_ORANGE, _PALE, _PALE_BLUE = "#efb061", "#f7f7f7", "#7aa9d4"
_PALE_SIGNS, _SIGNS = (_PALE_ORANGE, _PALE, _PALE_BLUE), (ORANGE, _PALE, BLUE)
_PURPLES = (_PALE, "#d9a8c6", PURPLE, "#4a1942")


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


class HasWeight(Protocol):
    """A convolution: its weights as nested lists of Values, [out][in][row][column] or [out][in][tap]."""

    @property
    def weight(self) -> Sequence[Any]: ...


# What a network is to a sensitivity: a function of the two coordinates of a point, with one score or several.
Network = Callable[[list[Any]], Any]


def loss(history: Losses | Sequence[float], *, ax: "Axes | None" = None) -> "Axes":
    """The axes with the loss over the epochs, and the validation loss where there is one.

    ``history`` is what ``nn.fit`` returns, or just a sequence of losses. Where training ended early, or an earlier epoch's weights
    were kept, a line says at which epoch. The scale is logarithmic when the losses are positive and span more than a factor of 100.
    ValueError when there is no loss, ImportError when matplotlib is missing.

    >>> loss([0.9, 0.4, 0.1]).get_xlabel()
    'epoch'
    """
    curves = _curves(history)
    ax = given_axes(ax) or new_axes()
    for (name, losses), colour, style in zip(curves, (BLUE, ORANGE), ("-", "--"), strict=False):
        epochs = range(1, len(losses) + 1)
        ax.plot(epochs, losses, style, color=colour, linewidth=1.8, label=name, marker="o" if len(losses) == 1 else None)
    for name, epoch, colour, style in _marks(history):
        ax.axvline(epoch, color=colour, linewidth=1.2, linestyle=style, label=f"{name} (epoch {epoch})")
    finite = [x for _, losses in curves for x in losses if math.isfinite(x)]
    if finite and min(finite) > 0 and max(finite) > 100 * min(finite):
        ax.set_yscale("log")
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss")
    ax.grid(color="#e6e9ec", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    _add_legend(ax)
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

    ``X`` holds points with two coordinates, in lists, an array or a data frame, ``y`` a class per point: −1 and 1, 0 and 1, 0 …
    k−1, or a label out of the model's ``classes`` if it has any, which the legend then names. A model with one score says the
    second class above ``threshold`` (the score at the drawn contour) and its score is shaded; one with a score per class says the
    class of the largest. The model is asked at ``resolution``² points. ValueError for points that are not in the plane, for lengths
    that differ, for classes that do not fit the scores; ImportError when matplotlib is missing.

    >>> class LeftOrRight:
    ...     def predict(self, points):
    ...         return [x for x, _ in points]
    >>> boundary(LeftOrRight(), [[-1, 0], [1, 0]], [-1, 1], resolution=8).get_xlabel()
    'x₁'
    """
    names = getattr(model, "classes", None)
    points, classes = _checked(X, y if names is None else [names.index(label) for label in _labels(y, names)], resolution)
    threshold = real_number(threshold, "threshold")
    ax = given_axes(ax) or new_axes()
    xs, ys = (_ticks([point[axis] for point in points], resolution) for axis in (0, 1))
    scores = [_numbers(score) for score in model.predict([[a, b] for b in ys for a in xs])]
    _check_scores(scores, resolution**2, classes)
    if len(scores[0]) == 1:
        _shade_score(ax, xs, ys, [score[0] - threshold for score in scores])
    else:
        _shade_classes(ax, xs, ys, scores)
    return _scattered(ax, xs, ys, points, classes, several=len(scores[0]) > 1, names=names)


def sensitivity(
    model: Network,
    X: Sequence[Sequence[float]],
    y: Sequence[float],
    *,
    ax: "Axes | None" = None,
    resolution: int = 60,
    threshold: float = 0.0,
    vmax: float | None = None,
) -> "Axes":
    """The axes with the plane coloured by how fast the output of ``model`` changes with its input, and the points of the data.

    ``model`` is any function of a list of two Values that gives a score or a list of them, such as a network or
    ``lambda x: loss(network(x), target)``. Shown is the length of the gradient, √((∂z/∂x₁)² + (∂z/∂x₂)²), for several scores
    added up under the root; for one score the line where it is ``threshold`` is drawn, too. ``vmax`` is the number at the dark end
    of the colours: give the same to pictures that are to be compared. The rest is as for ``boundary``, ImportError included.

    >>> sensitivity(lambda x: x[0] * x[1], [[-1, 0], [1, 0]], [0, 1], resolution=8).get_xlabel()
    'x₁'
    """
    points, classes = _checked(X, y, resolution)
    threshold = real_number(threshold, "threshold")
    ax = given_axes(ax) or new_axes()
    xs, ys = (_ticks([point[axis] for point in points], resolution) for axis in (0, 1))
    scores, slopes = _scores_and_slopes(model, [(a, b) for b in ys for a in xs])
    _check_scores(scores, resolution**2, classes)
    steepest = max((slope for slope in slopes if math.isfinite(slope)), default=0.0)
    top = (vmax is not None and real_number(vmax, "vmax")) or steepest or 1.0
    picture = _coloured(ax, xs, ys, slopes, _PURPLES, 0.0, top)
    ax.figure.colorbar(picture, ax=ax, label="|∂z/∂x|", extend="max" if steepest > top else "neither")
    several = len(scores[0]) > 1
    if not several:
        _shade(ax, xs, ys, [score[0] - threshold for score in scores], None)
    return _scattered(ax, xs, ys, points, classes, several)


def filters(layer: HasWeight, *, ax: "Axes | None" = None) -> "Axes":
    """The axes with the kernels of a convolution as pictures: a column for each output channel, a row for each input channel.

    Orange weights are negative and blue ones positive, the deeper the larger; all share one scale. ValueError for a ``weight``
    that is not nested as [out][in][row][column] or [out][in][tap], ImportError when matplotlib is missing.

    >>> from types import SimpleNamespace
    >>> edge = SimpleNamespace(weight=[[[[Value(-1.0), Value(1.0)]]], [[[Value(0.0), Value(2.0)]]]])
    >>> filters(edge).get_xlabel()
    'output channel'
    """
    if not hasattr(layer, "weight"):
        raise TypeError(f"filters needs a convolution, got {type(layer).__name__}, which has no weight")
    kernels = [[_kernel(kernel) for kernel in of_out] for of_out in layer.weight]
    height, width = len(kernels[0][0]), len(kernels[0][0][0])
    outs, ins = len(kernels), len(kernels[0])
    # One picture with a cell of nothing around every kernel.
    cells = [[math.nan] * (outs * (width + 1) + 1) for _ in range(ins * (height + 1) + 1)]
    for out, of_out in enumerate(kernels):
        for into, kernel in enumerate(of_out):
            for r, row in enumerate(kernel):
                start = out * (width + 1) + 1
                cells[into * (height + 1) + 1 + r][start : start + width] = row
    ax = given_axes(ax) or new_axes(min(12.0, 1.0 + 0.25 * len(cells[0])), min(9.0, 1.0 + 0.25 * len(cells)))
    reach = max(abs(x) for row in cells for x in row if not math.isnan(x)) or 1.0
    ax.imshow(cells, cmap=_colours(_SIGNS), vmin=-reach, vmax=reach)
    ax.set_xticks([out * (width + 1) + (width + 1) / 2 for out in range(outs)], [str(out) for out in range(outs)])
    ax.set_yticks([into * (height + 1) + (height + 1) / 2 for into in range(ins)], [str(into) for into in range(ins)])
    ax.set_xlabel("output channel")
    ax.set_ylabel("input channel")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def new_axes(width: float = 6.4, height: float = 4.4) -> "Axes":
    """Axes of a figure of their own; ImportError naming the extra if matplotlib is missing."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError('plots need matplotlib: pip install "chalkgrad[plots]"') from error
    return pyplot.subplots(figsize=(width, height), layout="constrained")[1]


def given_axes(ax: Any) -> "Axes | None":
    """The axes to draw into, if any were given; TypeError for what is none."""
    if ax is not None and not hasattr(ax, "imshow"):
        raise TypeError(f"ax must be axes of matplotlib, such as plt.subplots()[1], got {describe(ax)}")
    return ax  # type: ignore[no-any-return]


def ticks_wanted(resolution: Any) -> int:
    """How many points a picture has along each axis; ValueError for less than two, or more than a picture has dots."""
    if not isinstance(resolution, int) or not 2 <= resolution <= 2000:
        raise ValueError(f"resolution must be a whole number from 2 to 2000, got {describe(resolution)}")
    return resolution


def _curves(history: Losses | Sequence[float]) -> list[tuple[str, list[float]]]:
    """The loss curves that there are, each with its name in the legend."""
    if not isinstance(history, Sequence) and not hasattr(history, "loss"):
        raise TypeError(f"loss needs what nn.fit returned, or a sequence of losses, got {type(history).__name__}")
    if isinstance(history, Sequence):
        curves: list[tuple[str, list[float], list[float]]] = [("training", [real_number(x, "loss") for x in history], [])]
    else:
        curves = [
            ("training", list(history.loss), list(history.accuracy)),
            ("validation", list(history.validation_loss), list(history.validation_accuracy)),
        ]
    found = [(_named(name, losses, accuracy), losses) for name, losses, accuracy in curves if losses]
    if not found:
        raise ValueError("there is no loss to plot: the history is empty (was fit interrupted before the first epoch ended?)")
    return found


def _marks(history: Losses | Sequence[float]) -> list[tuple[str, int, str, str]]:
    """The epochs to point out, with colour and style: the kept one, if not the last, and the last, if it ended the training early."""
    last, kept = len(getattr(history, "loss", ())), getattr(history, "kept_epoch", 0)
    endings = [name for name in ("stopped", "interrupted", "converged") if getattr(history, name, False)]
    marks = [("kept", kept, PURPLE, "-")] if 0 < kept < last else []
    return [*marks, *[(name, last, INK, ":") for name in endings]]


def _add_legend(ax: "Axes") -> None:
    """The names of curves and marks on a pale ground; the longer ones in two lines, where they are wider than the axes."""
    legend = ax.legend(facecolor="white", framealpha=0.85, edgecolor="none")
    if legend.get_window_extent().width > ax.get_window_extent().width:
        for text in legend.get_texts():
            text.set_text(text.get_text().replace(", accuracy", ",\naccuracy"))
            text.set_fontsize("small")


def _named(name: str, losses: Sequence[float], accuracy: Sequence[float]) -> str:
    known = f", accuracy {accuracy[-1]:.1%}" if accuracy else ""
    return f"{name} (last {losses[-1]:.4g}{known})"


# --- Boundary ------------------------------------------------------------------------------------------------------------------


def _checked(X: Sequence[Sequence[float]], y: Sequence[float], resolution: int) -> tuple[list[list[float]], list[float]]:
    """The points and their classes as lists of floats."""
    points = [_numbers(point) for point in given.entries(X)]
    classes = [_one(label) for label in given.labels(y)]
    if not points:
        raise ValueError("a boundary needs at least one point, got none")
    if len(points) != len(classes):
        raise ValueError(f"expected one class per point, got {len(points)} points and {len(classes)} classes")
    wrong = [len(point) for point in points if len(point) != 2]
    if wrong:
        raise ValueError(f"a boundary is drawn in the plane: expected points with 2 coordinates, got one with {wrong[0]}")
    if not all(math.isfinite(x) for point in points for x in point):
        raise ValueError("expected points with finite coordinates, got one with nan or inf")
    ticks_wanted(resolution)
    return points, classes


def _labels(y: Any, names: Sequence[Any]) -> list[Any]:
    """The labels, each of which the model knows."""
    labels = given.labels(y)
    for label in labels:
        if label not in names:
            raise ValueError(f"expected the classes of the model, {', '.join(map(repr, names))}; got {label!r}")
    return labels


def _one(label: Any) -> float:
    """A class, given as a number or as a list of one number."""
    items = _numbers(label)
    if len(items) != 1:
        raise ValueError(f"expected a class per point, got {len(items)} numbers; classes of one-hot rows are 0 … k−1")
    return items[0]


def _numbers(score: Any) -> list[float]:
    return [real_number(x, "a plot") for x in (score if hasattr(score, "__len__") else [score])]


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


def _scattered(
    ax: "Axes",
    xs: list[float],
    ys: list[float],
    points: list[list[float]],
    classes: list[float],
    several: bool,
    names: Sequence[Any] | None = None,
) -> "Axes":
    """The axes, with the points on top, and limits and names of a plane."""
    for number in sorted(dict.fromkeys(classes)):
        mine = [point for point, label in zip(points, classes, strict=True) if label == number]
        index = int(number) if several else int(number > 0)
        ax.scatter(
            [a for a, _ in mine], [b for _, b in mine], s=30, label=f"{number:g}" if names is None else str(names[index]),
            color=_colour(index), marker=_MARKERS[index % len(_MARKERS)], edgecolors="white", linewidths=0.8, zorder=3,
        )  # fmt: skip
    if names is not None:
        ax.legend(framealpha=0.8)
    ax.set_xlabel("x₁")
    ax.set_ylabel("x₂")
    ax.set_xlim(xs[0], xs[-1])
    ax.set_ylim(ys[0], ys[-1])
    return ax


def _colours(names: Sequence[str]) -> Any:
    """A scale from one colour to the next."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("chalkgrad", list(names))


def _coloured(
    ax: "Axes", xs: list[float], ys: list[float], heights: Sequence[float], names: Sequence[str], low: float, high: float
) -> Any:
    """The plane as a picture of ``heights``; the colours go from ``low`` to ``high``."""
    half_x, half_y = (xs[1] - xs[0]) / 2, (ys[1] - ys[0]) / 2  # an image's pixels are centred on the points
    return ax.imshow(
        _rows(heights, len(xs)), cmap=_colours(names), vmin=low, vmax=high, origin="lower", aspect="auto", interpolation="bilinear",
        extent=(xs[0] - half_x, xs[-1] + half_x, ys[0] - half_y, ys[-1] + half_y),
    )  # fmt: skip


def _shade_score(ax: "Axes", xs: list[float], ys: list[float], scores: list[float]) -> None:
    """Orange below 0, blue above, the deeper the further; a line at 0."""
    reach = max((abs(score) for score in scores if math.isfinite(score)), default=0.0) or 1.0
    _coloured(ax, xs, ys, scores, _PALE_SIGNS, -reach, reach)
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


# --- Sensitivity and filters ---------------------------------------------------------------------------------------------------


def _scores_and_slopes(model: Network, points: Sequence[tuple[float, float]]) -> tuple[list[list[float]], list[float]]:
    """For each point the scores, and the length of the gradient of all scores with respect to the point."""
    try:
        columns = _compiled_columns(model, points)
    except (ImportError, TypeError, ValueError):  # no compiler, or a model that decides by its numbers what to compute
        columns = _eager_columns(model, points)
    scores = [[z for z, _, _ in row] for row in columns]
    return scores, [math.hypot(*[d for _, d1, d2 in row for d in (d1, d2)]) for row in columns]


def _compiled_columns(model: Network, points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float, float]]]:
    """For each point, and for each score there, the score and its two derivatives: all points at once."""
    import numpy as np

    first, second = np.array(points).T
    count = len(_listed(model([Value(x) for x in points[0]])))
    answers = []
    for k in range(count):
        value, slopes = autograd.compile(lambda a, b, k=k: _listed(model([a, b]))[k]).value_and_grad(first, second)
        answers.append(list(zip(*[np.broadcast_to(x, first.shape).tolist() for x in (value, *slopes)], strict=True)))
    return [list(row) for row in zip(*answers, strict=True)]


def _eager_columns(model: Network, points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float, float]]]:
    """The same, point by point; no ``grad`` is touched."""
    rows = []
    for point in points:
        x = [Value(number) for number in point]
        scores = [z if isinstance(z, Value) else Value(z) for z in _listed(model(x))]
        slopes = [autograd.grad(z, x) for z in scores]
        rows.append([(z.data, d1.data, d2.data) for z, (d1, d2) in zip(scores, slopes, strict=True)])
    return rows


def _listed(scores: Any) -> list[Any]:
    return list(scores) if isinstance(scores, (list, tuple)) else [scores]


def _kernel(kernel: Any) -> list[list[float]]:
    """A kernel's numbers as rows; a line of taps is one row. ValueError if it is neither."""
    rows = kernel if isinstance(kernel, (list, tuple)) and isinstance(kernel[0], (list, tuple)) else [kernel]
    if not all(isinstance(row, (list, tuple)) and all(isinstance(w, Value) for w in row) for row in rows):
        raise ValueError("filters need the weight of a convolution, [out][in][row][column] or [out][in][tap] of Values")
    return [[w.data for w in row] for row in rows]
