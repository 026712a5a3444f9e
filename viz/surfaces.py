"""The loss around a network's parameters, along the two directions in which it curves most, with the path that training took.

Each direction is an eigenvector of the Hessian, whose columns are products with unit vectors, H·e = ∂(g·e)/∂p, by a compiled gradient of
the gradient. For the small networks that are drawn here the whole matrix costs less than iterating for two of its vectors.

Li, Xu, Taylor, Studer and Goldstein, Visualizing the loss landscape of neural nets, 2018, draw such pictures along random directions.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import autograd
from autograd import Value
from autograd.ops import describe
from viz.plots import given_axes, new_axes, ticks_wanted
from viz.svg import INK, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The Hessian of more parameters than this is no toy's.
MOST_PARAMETERS = 1000
# So many contours are drawn.
LEVELS = 20


def surface(
    model: Any,
    X: Any,
    y: Any,
    *,
    loss: str | Callable[[Any, Any], Any] = "mse",
    path: Sequence[Sequence[float]] | None = None,
    ax: "Axes | None" = None,
    resolution: int = 31,
) -> "Axes":
    """The axes with the mean loss of the samples around the parameters that ``model`` has, as contours over a plane.

    The plane is spanned by the two eigenvectors of the Hessian with the largest eigenvalues (by size), which the axes name; the cross
    is where the model stands. The contours of an even bowl are rings at even distances. ``path`` holds the numbers of
    ``model.parameters()`` at several times, such as a callback of ``nn.fit`` collects; it is drawn as its shadow on the plane. ``loss``
    is that of ``nn.fit``. Needs the extras ``fast`` and ``plots``.
    ValueError for a model with fewer than two parameters or more than 1000, and for a path of other lengths.

    >>> import nn
    >>> model, path = nn.Neuron(1, nonlin=False, init=0.0), []
    >>> keep = lambda epoch, history: path.append([p.data for p in model.parameters()])
    >>> history = nn.fit(model, [0.0, 1.0], [1.0, 3.0], optimizer="sgd", epochs=50, callbacks=[keep], progress=False)
    >>> surface(model, [0.0, 1.0], [1.0, 3.0], path=path, resolution=5).get_xlabel()
    'along the eigenvector of λ = 2.62'
    """
    import numpy as np

    given, resolution = given_axes(ax), ticks_wanted(resolution)
    if not hasattr(model, "parameters"):
        raise TypeError(f"surface needs a model with parameters(), got {describe(model)}")
    parameters = model.parameters()
    if not 2 <= len(parameters) <= MOST_PARAMETERS:
        raise ValueError(f"a surface needs a model with 2 to {MOST_PARAMETERS} parameters, got {len(parameters)}")
    steps = np.zeros((0, len(parameters))) if path is None else np.array(path, dtype=float)
    if steps.shape[1:] != (len(parameters),):
        raise ValueError(
            f"path must hold {len(parameters)} numbers at each time, one for each parameter, got shape {steps.shape}"
        )
    error = _error(model, X, y, loss)
    here = np.array([p.data for p in parameters])
    curvatures, directions = _directions(error, parameters)
    shadow = (steps - here) @ directions.T
    spans = [_ticks(_reach(error.data, c, shadow[:, i]), resolution) for i, c in enumerate(curvatures)]
    value = _compiled(error, parameters)
    heights = np.array([[value(here + a * directions[0] + b * directions[1])[0] for a in spans[0]] for b in spans[1]])
    return _drawn(given or new_axes(), spans, heights, shadow, curvatures)


def _error(model: Any, X: Any, y: Any, loss: Any) -> Value:
    """The mean loss of all samples, as a graph."""
    from nn.losses import loss_of
    from nn.reading import Reader

    spec = loss_of(loss)
    data = Reader(model, spec, y, None, None).read(X, y, None)
    losses = [spec.function(model(row), target) for row, target, _ in data.each()]
    error: Value = autograd.sum(losses) / len(losses)
    return error


def _compiled(y: Value, variables: Sequence[Value]) -> Callable[[Any], tuple[float, Any]]:
    """``y`` and its gradient as a function of an array of the variables; other leaves, the samples, stay what they are."""
    import numpy as np

    step = autograd.compile(y)
    numbers = np.array([leaf.data for leaf in step.leaves])
    place = {v: i for i, v in enumerate(variables)}
    pairs = [(k, place[leaf]) for k, leaf in enumerate(step.leaves) if leaf in place]
    at, of = (np.array(side, dtype=int) for side in zip(*pairs, strict=True))

    def run(point: Any) -> tuple[float, Any]:
        numbers[at] = point[of]
        value, slopes = step.value_and_grad(numbers)
        gradient = np.zeros(len(variables))
        gradient[of] = slopes[at]
        return value, gradient

    return run


def _directions(error: Value, parameters: Sequence[Value]) -> tuple[list[float], Any]:
    """The two largest eigenvalues of the Hessian, by size, and their eigenvectors as rows."""
    import numpy as np

    n, along = len(parameters), [Value(1.0) for _ in parameters]
    product = _compiled(autograd.dot(autograd.grad(error, list(parameters)), along), [*parameters, *along])
    here = np.array([p.data for p in parameters])
    hessian = np.array([product(np.concatenate([here, unit]))[1][:n] for unit in np.eye(n)])
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
    chosen = np.argsort(-np.abs(values))[:2]
    return values[chosen].tolist(), vectors[:, chosen].T


def _reach(error: float, curvature: float, shadow: Any) -> float:
    """How far to draw: as far as the path goes, and until the error would have risen by itself, if it rose evenly."""
    rise = math.sqrt(2 * max(error, 0.1) / abs(curvature)) if curvature else 1.0
    return max(rise, 1.15 * float(abs(shadow).max(initial=0.0)))


def _ticks(reach: float, count: int) -> list[float]:
    return [reach * (2 * i / (count - 1) - 1) for i in range(count)]


def _levels(heights: Any) -> list[float]:
    """The heights of the contours: of a bowl they are rings at even distances, so that its bottom is seen as well as its brim."""
    low, high = float(heights.min()), float(heights.max())
    return [low + (high - low) * (i / LEVELS) ** 2 for i in range(LEVELS + 1)] if high > low else [low, low + 1.0]


def _short(x: float) -> str:
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3g}"


def _drawn(ax: "Axes", spans: list[list[float]], heights: Any, shadow: Any, curvatures: list[float]) -> "Axes":
    from matplotlib.colors import PowerNorm
    from matplotlib.ticker import FuncFormatter

    levels = _levels(heights)
    picture = ax.contourf(*spans, heights, levels=levels, cmap="Purples", norm=PowerNorm(0.5, levels[0], levels[-1]))
    ax.contour(*spans, heights, levels=levels, colors=[INK], linewidths=0.4, alpha=0.4)
    ax.figure.colorbar(picture, ax=ax, label="loss", ticks=levels[::4], format=FuncFormatter(lambda x, _: _short(x)))
    if len(shadow):
        ax.plot(*shadow.T, color=ORANGE, linewidth=1.6, marker=".", markersize=4, label="path")
        ax.plot(*shadow[0], "o", color="white", markeredgecolor=ORANGE, markeredgewidth=2.0, markersize=8, label="its start")
    ax.plot([0.0], [0.0], "x", color=INK, markersize=9, markeredgewidth=2.2, label="the model")
    ax.legend(loc="upper right", framealpha=0.9)
    for name, curvature in zip("xy", curvatures, strict=True):
        getattr(ax, f"set_{name}label")(f"along the eigenvector of λ = {_short(curvature)}")
    return ax
