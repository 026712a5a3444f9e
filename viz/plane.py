"""The plane that a network of two inputs sees: which class, or number, it would say where, and the points it learns from, as SVG."""

from collections.abc import Iterator, Sequence
from typing import Any

from viz import pixels

Box = Sequence[float]
_MARGIN = 0.15  # of the points' extent, around them


def box(rows: Sequence[Sequence[float]]) -> list[float]:
    """A square around all points: left, right, bottom, top.

    >>> [round(side, 6) for side in box([[0.0, 0.0], [2.0, 1.0]])]
    [-0.3, 2.3, -0.8, 1.8]
    """
    middles, sides = [], []
    for column in zip(*rows, strict=True):
        middles.append((min(column) + max(column)) / 2)
        sides.append(max(column) - min(column))
    half = (max(sides) or 1.0) * (0.5 + _MARGIN)
    return [middles[0] - half, middles[0] + half, middles[1] - half, middles[1] + half]


def scale(targets: Sequence[float]) -> tuple[float, float]:
    """The middle of some numbers and how far they reach from it, at least something.

    >>> scale([1.0, 5.0]), scale([2.0])
    ((3.0, 2.0), (2.0, 1.0))
    """
    low, high = min(targets), max(targets)
    return (low + high) / 2, (high - low) / 2 or 1.0


def boundary(model: Any, around: Box, threshold: float, cells: int, size: float, reach: float | None = None) -> str:
    """What the model says in each of ``cells``² squares, as an image of that size; of numbers, how far from the middle they reach."""
    left, right, _, top = around
    side = (right - left) / cells
    middles = [[left + (c + 0.5) * side, top - (r + 0.5) * side] for r in range(cells) for c in range(cells)]
    colours = [_score_colour(score, threshold, reach) for score in model.predict(middles)]
    return pixels.image([colours[r * cells : (r + 1) * cells] for r in range(cells)], 0, 0, size, size, is_smooth=True)


def points(rows: Sequence[Sequence[float]], classes: Sequence[int], around: Box, size: float) -> Iterator[str]:
    """The points, coloured by the number of their class."""
    return _dots(rows, [pixels.CLASSES[kind % len(pixels.CLASSES)] for kind in classes], "#ffffff", around, size)


def hit(rows: Sequence[Sequence[float]], targets: Sequence[float], around: Box, size: float) -> Iterator[str]:
    """The points, coloured by the number that is wanted of them, as the model is that says it."""
    return _dots(rows, [_score_colour(target, *scale(targets)) for target in targets], "#22262b", around, size)


def _dots(rows: Sequence[Sequence[float]], fills: Sequence[pixels.Colour], rim: str, around: Box, size: float) -> Iterator[str]:
    left, right, bottom, top = around
    for (x, y), fill in zip(rows, fills, strict=True):
        place = f'cx="{(x - left) / (right - left) * size:.1f}" cy="{(top - y) / (top - bottom) * size:.1f}"'
        yield f'<circle {place} r="3.5" fill="{pixels.hexed(fill)}" stroke="{rim}" stroke-width="1.2"/>'


def _score_colour(score: Any, threshold: float, reach: float | None = None) -> pixels.Colour:
    """The colour of a score: of one output by sign and size, of several by the class of the largest."""
    if isinstance(score, list):
        return pixels.mixed(pixels.PAPER, pixels.CLASSES[score.index(max(score)) % len(pixels.CLASSES)], 0.45)
    size = abs(score - threshold)
    if size != size:
        return pixels.NOTHING
    part = min(1.0, size / reach) if reach else size / (0.5 + size) if size < 1e300 else 1.0
    return pixels.mixed(pixels.PAPER, pixels.CLASSES[int(score > threshold)], 0.75 * part)
