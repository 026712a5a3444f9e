"""Small charts as SVG, in plain Python: curves over epochs, and bars. For plots on matplotlib's axes see ``plots``."""

import math
from collections.abc import Iterator, Mapping, Sequence

from viz.network_svg import text
from viz.notation import number
from viz.svg import BLUE, GREY, INK, ORANGE, PURPLE

_COLOURS = (BLUE, ORANGE, PURPLE, "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#5a5a5a")
_LEFT, _TOP, _BOTTOM = 52.0, 30.0, 24.0
_DECADES = 30.0  # the ratio of largest to smallest from which on a scale is logarithmic


def curves(series: Mapping[str, Sequence[float]], width: float, height: float, title: str) -> Iterator[str]:
    """Curves over the epochs 1, 2, …; the scale is logarithmic where that shows more. Gaps where there is no number."""
    yield text(_LEFT, 16, title, 12, "start", more=' font-weight="bold"')
    finite = [y for ys in series.values() for y in ys if math.isfinite(y)]
    if not finite:
        return
    low, high = min(finite), max(finite)
    scale = math.log if low > 0.0 and high / low > _DECADES else float
    bottom, top = scale(low), scale(high)
    epochs = max(map(len, series.values()))
    for y in (low, high):
        at = _height(scale(y), bottom, top, height)
        yield f'<path d="M{_LEFT} {at:.1f}H{width - 8}" stroke="#dfe3e8"/>'
        yield text(_LEFT - 6, at + 4, number(y), 10, "end", GREY)
    yield text(width - 8, height - 6, f"epoch {epochs}", 10, "end", GREY)
    for k, (name, ys) in enumerate(series.items()):
        places = [
            (_LEFT + (width - _LEFT - 8) * i / max(1, epochs - 1), _height(scale(y), bottom, top, height))
            for i, y in _thinned(ys)
            if math.isfinite(y) and (scale is float or y > 0.0)
        ]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        colour = _COLOURS[k % len(_COLOURS)]
        if places:
            yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>'
        if len(series) > 1:
            yield text(width - 8, 16 + 13 * k, name, 10, "end", colour)


def _height(y: float, bottom: float, top: float, height: float) -> float:
    """Where a number stands between the foot and the top of a chart."""
    part = (y - bottom) / (top - bottom) if top > bottom else 0.5
    return _TOP + (height - _TOP - _BOTTOM) * (1.0 - part)


def _thinned(ys: Sequence[float]) -> list[tuple[int, float]]:
    """At most 200 of the numbers, the last among them, with their places."""
    step = max(1, len(ys) // 200)
    return [(i, y) for i, y in enumerate(ys) if i % step == 0 or i == len(ys) - 1]


def scatter(across: Sequence[float], up: Sequence[float], size: float, title: str) -> Iterator[str]:
    """A point for each pair in a square with the same scale both ways, and the line where they are equal; those not finite are left out."""
    yield text(_LEFT, 16, title, 12, "start", more=' font-weight="bold"')
    pairs = [(x, y) for x, y in zip(across, up, strict=True) if math.isfinite(x) and math.isfinite(y)]
    if not pairs:
        return
    low, high = min(map(min, pairs)), max(map(max, pairs))
    side, foot = size - _LEFT - 8, size - _BOTTOM
    corner = (_LEFT, foot - side, _LEFT + side, foot)
    yield f'<path d="M{corner[0]} {corner[3]:.1f}L{corner[2]:.1f} {corner[1]:.1f}" stroke="{GREY}"/>'
    for end, at in ((low, 0.0), (high, side)):
        yield text(_LEFT - 6, foot - at + 4, number(end), 10, "end", GREY)
        yield text(_LEFT + at, foot + 14, number(end), 10, "end" if at else "start", GREY)
    for x, y in pairs:
        right, above = (side * ((v - low) / (high - low) if high > low else 0.5) for v in (x, y))
        yield f'<circle cx="{_LEFT + right:.1f}" cy="{foot - above:.1f}" r="3" fill="{BLUE}" fill-opacity="0.6"/>'


def height_of_bars(count: int) -> float:
    """How high so many ``bars`` come out."""
    return 40.0 + 20 * count


def bars(names: Sequence[str], sizes: Sequence[float], width: float, title: str, reach: float = 0.0) -> Iterator[str]:
    """A bar for each name, with its number; ``reach`` is what fills the width, by default the largest."""
    yield text(8, 16, title, 12, "start", more=' font-weight="bold"')
    most = reach or max((s for s in sizes if math.isfinite(s)), default=0.0) or 1.0
    for k, (name, size) in enumerate(zip(names, sizes, strict=True)):
        y = 30.0 + 20 * k
        length = (width - 170) * min(1.0, size / most) if math.isfinite(size) else 0.0
        yield text(86, y + 11, name, 11, "end")
        yield f'<rect x="92" y="{y}" width="{length:.1f}" height="13" rx="2" fill="{PURPLE}" fill-opacity="0.75"/>'
        yield text(98 + length, y + 11, number(size), 10, "start", INK)
