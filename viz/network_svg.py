"""How a network looks at each of its levels: one box, boxes of layers, circles of neurons, or one neuron's sum as a table.

Fill is data, blue where positive and orange where negative; a ring, or a bar, in purple is the size of a gradient; an edge is a
weight, its width the size and its colour the sign; what is dashed and grey has no gradient, what is struck through is dead or saturated.
Of many samples a circle holds the distribution of its data instead of a number.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from autograd.labels import plain_name
from viz.anatomy import Anatomy, Course, Stage, in_view, mean, sizes
from viz.implied import indexed
from viz.notation import number
from viz.pixels import PAPER, PURPLE, Colour, hexed, image, mixed, shade
from viz.svg import BLUE, GREY, INK, ORANGE, escaped, shortened, width_of
from viz.svg import PURPLE as VIOLET

MOST_UNITS = 24  # of one layer that are drawn one by one
MOST_STAGES = 24  # of one network that are drawn
_COLUMN, _GAP, _RADIUS, _TOP = 190.0, 38.0, 15.0, 64.0
_MAP = 56.0  # width of a feature map
_KERNELS = 2  # that are drawn beside it
_WORDS = 12  # size of the words below a picture
_BOLD = ' font-weight="bold"'
_LEGEND = {
    "model": "",
    "layers": "upper strip: data (blue +, orange −) · lower strip: size of the gradient",
    "neurons": "fill: data (blue +, orange −) · ring: size of the gradient · edge: weight · dashed grey: no gradient",
    "neuron": "",
}


def write(body: Sequence[str], width: float, height: float, description: str) -> str:
    """A complete SVG document."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'role="img" aria-label="{escaped(description)}" font-family="DejaVu Sans, Verdana, Geneva, sans-serif" fill="{INK}">',
            f'<rect width="{width:.0f}" height="{height:.0f}" rx="10" fill="#ffffff"/>',
            *body,
            "</svg>\n",
        ]
    )


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn of a level, without words below it."""

    body: Sequence[str]
    width: float
    height: float


def legend(anatomy: Anatomy, level: str) -> list[str]:
    """What the colours and strokes of a level mean, in words."""
    is_struck = level == "neurons" and any(any(stage.still) for stage in anatomy.stages)
    return [line for line in (_LEGEND[level], "struck through: dead or saturated" * is_struck) if line]


def written(drawn: Drawing, description: str, keys: Sequence[str] = (), findings: Sequence[str] = ()) -> str:
    """The picture as an SVG document, with its legend and the findings below, if they are given, in lines as wide as it is."""
    lines = [
        (line, fill) for said, fill in ((keys, GREY), (findings, INK)) for whole in said for line in _wrapped(whole, drawn.width)
    ]
    words = [text(14, drawn.height + 20 * (i + 1), line, _WORDS, "start", fill) for i, (line, fill) in enumerate(lines)]
    return write([*drawn.body, *words], drawn.width, drawn.height + 20 * len(lines) + 14, description)


def _wrapped(said: str, width: float) -> Iterator[str]:
    """A text in lines that fit between the margins of a picture."""
    line = ""
    for word in said.split():
        if line and width_of(f"{line} {word}", _WORDS) > width - 28:
            yield line
            line = ""
        line = f"{line} {word}".lstrip()
    yield line


def text(x: float, y: float, said: str, size: float = 13.0, anchor: str = "middle", fill: str = INK, more: str = "") -> str:
    """A line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}" fill="{fill}"{more}>{escaped(said)}</text>'


def _fitted(x: float, y: float, said: str, width: float, size: float, fill: str = INK, more: str = "") -> str:
    """A line of text around ``x``, smaller where it would be wider."""
    return text(x, y, said, round(min(size, size * width / max(1.0, width_of(said, size))), 1), fill=fill, more=more)


# --- Model and layers ----------------------------------------------------------------------------------------------------------


def model_level(anatomy: Anatomy) -> Drawing:
    """The network as one box between what goes in and what comes out."""
    first, *_, last = anatomy.stages
    silent = sum(stage.without_gradient for stage in anatomy.stages)
    lines = [f"{anatomy.title} {sizes(stage.units for stage in anatomy.stages)}", f"{anatomy.parameters:,} parameters"]
    if anatomy.samples:
        pulls = [g for stage in anatomy.stages[1:] if stage.weights for row in stage.weights.gradients for g in row]
        lines += [f"mean |∂/∂w| {number(mean(list(map(abs, pulls))))}"] if pulls else []
        lines += [f"without gradient: {silent:,} of {anatomy.parameters:,}"]
    body = [*_arrow(120, 70, 160, 70), *_arrow(440, 70, 480, 70), *_leading("layers", lines[0], _box(160, 20, 280, 100, lines))]
    body += [*_box(14, 40, 106, 60, ["input", _range(first.data)]), *_box(480, 40, 126, 60, ["output", _range(last.data)])]
    return Drawing(body, 620, 130)


def layers_level(anatomy: Anatomy) -> Drawing:
    """A box for each layer: its data and its gradients as strips of colour, and how many units are active."""
    body: list[str] = []
    x = 14.0
    for k, skipped in in_view(len(anatomy.stages), MOST_STAGES):
        stage = anatomy.stages[k]
        if k:
            wide, between = (150, _skipped(skipped)) if skipped else (40, str(anatomy.stages[k - 1].units))
            body += [*_arrow(x, 78, x + wide, 78), text(x + wide / 2 - 2, 70, between, 11, fill=GREY)]
            x += wide
        lines = [stage.title, f"{stage.parameters:,} parameters" if k else f"{stage.units} number{'s' * (stage.units != 1)}"]
        body += _leading("neurons", stage.title, [*_box(x, 14, 170, 128, lines), *_strips(stage, x + 12, 66, 146)])
        x += 170
    return Drawing(body, x + 14, 152)


def _skipped(count: int) -> str:
    return f"… {count:,} more layer{'s' * (count != 1)}"


def _leading(to: str, title: str, parts: Iterable[str]) -> Iterator[str]:
    """Parts with a title, which in a page lead to another level if one is given."""
    yield f'<g data-to="{to}">' if to else "<g>"
    yield f"<title>{escaped(title)}</title>"
    yield from parts
    yield "</g>"


def _strips(stage: Stage, x: float, y: float, width: float) -> Iterator[str]:
    """Data and gradients of a stage, a cell for each unit; below them the largest."""
    if not stage.data:
        yield text(x + width / 2, y + 24, "no sample given", 11, fill=GREY)
        return
    activity, pull = stage.activity, stage.pull
    yield image([[shade(d, _reach(activity)) for d in activity]], x, y, width, 16, "data")
    yield image([[_violet(g, _reach(pull)) for g in pull]], x, y + 20, width, 16, "size of the gradient")
    yield f'<rect x="{x}" y="{y}" width="{width}" height="16" fill="none" stroke="{GREY}" stroke-width="0.6"/>'
    yield f'<rect x="{x}" y="{y + 20}" width="{width}" height="16" fill="none" stroke="{GREY}" stroke-width="0.6"/>'
    active = sum(any(course) for course in stage.data)
    yield text(x + width / 2, y + 52, f"{active} of {stage.units} active", 11)
    said = f"max |x| {number(_reach(activity))} · max |∂| {number(_reach(pull))}"
    yield _fitted(x + width / 2, y + 68, said, width, 10, *((VIOLET, _BOLD) if stage.exploding else (GREY,)))


def _box(x: float, y: float, width: float, height: float, lines: Sequence[str]) -> Iterator[str]:
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="#ffffff" stroke="#b9c0c8" stroke-width="1.2"/>'
    for i, line in enumerate(lines):
        yield _fitted(x + width / 2, y + 22 + 18 * i, line, width - 12, 11.0 if i else 13.0, more="" if i else _BOLD)


def _arrow(x: float, y: float, to_x: float, to_y: float) -> Iterator[str]:
    yield f'<path d="M{x:.1f} {y:.1f}L{to_x - 7:.1f} {to_y:.1f}" stroke="{GREY}" stroke-width="1.3"/>'
    yield f'<path d="M{to_x:.1f} {to_y:.1f}l-7 -3.2v6.4Z" fill="{GREY}"/>'


def _range(data: Sequence[Course]) -> str:
    """The numbers of a stage in short: one, or from the smallest to the largest."""
    numbers = [x for course in data for x in course]
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    return number(low) if low == high else f"{number(low)} … {number(high)}"


def _reach(xs: Sequence[float]) -> float:
    """The largest finite size."""
    return max((abs(x) for x in xs if math.isfinite(x)), default=0.0)


def _violet(g: float, reach: float) -> Colour:
    return mixed(PAPER, PURPLE, min(1.0, g / reach) if reach else 0.0)


# --- Neurons -------------------------------------------------------------------------------------------------------------------


def neurons_level(anatomy: Anatomy) -> Drawing:
    """A column of circles for each layer, and an edge for each weight; feature maps as images."""
    columns = [(_Column(anatomy.stages[k], k), skipped) for k, skipped in in_view(len(anatomy.stages), MOST_STAGES)]
    height = max(column.height for column, _ in columns) + _TOP + 10
    edges, units = [], []
    x, before = 70.0, columns[0][0]
    for column, skipped in columns:
        if skipped:
            units.append(text(x - _COLUMN / 2, (height + _TOP) / 2, _skipped(skipped), 11, fill=GREY))
        elif column.k and column.stage.weights:
            edges += list(_edges(before, x - _COLUMN, column, x, height))
        units += [text(x, 24, column.stage.title, 12, more=_BOLD), *column.drawn(x, height)]
        if column.stage.parameters:
            units.append(text(x, 42, f"{column.stage.parameters:,} parameters", 11, fill=GREY))
        if column.stage.exploding:
            units.append(text(x, 57, f"|∂| up to {column.stage.exploding:.3g}", 11, fill=VIOLET, more=_BOLD))
        x, before = x + _COLUMN, column
    return Drawing([*edges, *units], x - _COLUMN + 70, height)


class _Column:
    """The units of one stage, the middle of many left out; feature maps one below the other."""

    def __init__(self, stage: Stage, k: int) -> None:
        self.stage, self.k = stage, k
        self.is_maps = len(stage.shape) >= 2 and bool(stage.data)
        everyone = stage.shape[0] if self.is_maps else stage.units
        self.shown = [i for i, _ in in_view(everyone, MOST_UNITS)]
        self.left_out = everyone - len(self.shown)
        self.step = _MAP + 10 if self.is_maps else _GAP
        self.height = self.step * (len(self.shown) + bool(self.left_out))

    def place(self, i: int, height: float) -> float | None:
        """How high unit i stands; None if it is left out."""
        if i not in self.shown:
            return None
        row = self.shown.index(i) + (bool(self.left_out) if i >= MOST_UNITS // 2 else 0)
        return _TOP + (height - _TOP - self.height) / 2 + self.step * (row + 0.5)

    def drawn(self, x: float, height: float) -> Iterator[str]:
        """All units at x."""
        if self.left_out:
            y = _TOP + (height - _TOP - self.height) / 2 + self.step * (MOST_UNITS // 2 + 0.5)
            yield text(x, y + 4, f"⋮ {self.left_out} more", 11, fill=GREY)
        for i in self.shown:
            y_of = self.place(i, height)
            assert y_of is not None
            yield from _map(self.stage, i, x, y_of) if self.is_maps else _unit(self.stage, self.k, i, x, y_of)


def _unit(stage: Stage, k: int, i: int, x: float, y: float) -> Iterator[str]:
    """One neuron, with what it says of itself."""
    to = f"{k},{i + 1}" if stage.weights else ""
    yield from _leading(to, _unit_told(stage, k, i), _drawn_unit(stage, i, x, y))


def _drawn_unit(stage: Stage, i: int, x: float, y: float) -> Iterator[str]:
    """Its circle, and in it the number or the distribution of its numbers."""
    if not stage.data:
        yield f'<circle cx="{x}" cy="{y:.1f}" r="{_RADIUS}" fill="#ffffff" stroke="{GREY}"/>'
        return
    activity, pull = stage.activity, stage.pull
    course, gradient = stage.data[i], pull[i]
    fill = shade(activity[i], _reach(activity))
    ring = 1.0 + 4.0 * min(1.0, gradient / _reach(pull)) if gradient and _reach(pull) else 1.0
    stroke = f'stroke="{VIOLET}" stroke-width="{ring:.1f}"' if gradient else f'stroke="{GREY}" stroke-dasharray="3 3"'
    yield f'<circle cx="{x}" cy="{y:.1f}" r="{_RADIUS}" fill="{hexed(fill)}" {stroke}/>'
    ink = "#ffffff" if sum(fill) < 420 else INK
    if len(course) == 1:
        yield _fitted(x, y + 3.5, f"{course[0]:.2g}".replace("-", "−"), 2 * _RADIUS - 6, 9, ink)
    else:
        yield from _histogram(course, x, y, ink)
    if any(stage.still[i : i + 1]):
        yield _struck(x, y, _RADIUS)


def _struck(x: float, y: float, reach: float) -> str:
    """A stroke through what is dead or saturated."""
    return f'<path d="M{x - reach:.1f} {y + reach:.1f}l{2 * reach:.1f} {-2 * reach:.1f}" stroke="{INK}" stroke-width="1.6"/>'


def _unit_told(stage: Stage, k: int, i: int) -> str:
    bias = stage.weights.labels[i][-1] if stage.weights else ""
    output = f"{plain_name(f'x{bias[1:]}')}, " if indexed(bias, "b")[0] else ""
    name = f"{output}unit {i + 1} of {'the input' if k == 0 else f'layer {k}'}"
    if not stage.data:
        return name
    course, gradients = stage.data[i], stage.gradients[i]
    wrong = f"; {stage.wrong(len(course))}" * any(stage.still[i : i + 1])
    if len(course) == 1:
        return f"{name}; data {course[0]!r}; gradient {gradients[0]!r}{wrong}"
    spread = f"{number(min(course))} … {number(max(course))}, mean {number(mean(course))}"
    return f"{name}, {len(course)} samples; data {spread}; mean |gradient| {number(stage.pull[i])}{wrong}"


def _histogram(course: Course, x: float, y: float, ink: str) -> Iterator[str]:
    """The distribution of a unit's numbers as eight bars inside its circle."""
    finite = [c for c in course if math.isfinite(c)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    bins = [0] * 8
    for c in finite:
        bins[min(7, int(8 * (c - low) / (high - low))) if high > low else 3] += 1
    top = max(bins) or 1
    bars = "".join(f"M{x - 9 + 2.25 * j:.1f} {y + 6:.1f}v{-12 * count / top:.1f}" for j, count in enumerate(bins) if count)
    yield f'<path d="{bars}" stroke="{ink}" stroke-width="1.7" stroke-opacity="0.8"/>'


def _map(stage: Stage, i: int, x: float, y: float) -> Iterator[str]:
    """A feature map as an image, the kernel that made it beside it; its frame is the size of its gradient."""
    size = math.prod(stage.shape[1:])
    activity, pull = stage.activity[i * size : (i + 1) * size], stage.pull[i * size : (i + 1) * size]
    width = stage.shape[-1]
    rows = [[shade(d, _reach(stage.activity)) for d in activity[r : r + width]] for r in range(0, size, width)]
    yield image(rows, x - _MAP / 2, y - _MAP / 2, _MAP, _MAP, f"map {i + 1}")
    pulled = _reach(pull) / (_reach(stage.pull) or 1.0)
    ring = f'stroke="{VIOLET}" stroke-width="{1 + 3 * pulled:.1f}"' if pulled else f'stroke="{GREY}" stroke-dasharray="3 3"'
    yield f'<rect x="{x - _MAP / 2}" y="{y - _MAP / 2:.1f}" width="{_MAP}" height="{_MAP}" fill="none" {ring}/>'
    if any(stage.still[i : i + 1]):
        yield _struck(x, y, _MAP / 2)
    kernels = stage.kernels[i] if i < len(stage.kernels) else ()
    if len(kernels) > _KERNELS:
        yield text(x - _MAP / 2 - 34, y + 26, f"{len(kernels) - _KERNELS} more", 9, fill=GREY)
    for j, kernel in enumerate(kernels[:_KERNELS]):
        reach = max(_reach(row) for into in stage.kernels for one in into for row in one)
        left = x - _MAP / 2 - 34 * (j + 1)
        yield image([[shade(w, reach) for w in row] for row in kernel], left, y - 14, 28, 28, f"kernel {i + 1}")
        yield f'<rect x="{left}" y="{y - 14:.1f}" width="28" height="28" fill="none" stroke="{GREY}" stroke-width="0.6"/>'


def _edges(before: _Column, x: float, column: _Column, to_x: float, height: float) -> Iterator[str]:
    """A curve for each weight between two columns, the smallest first; those without gradient dashed."""
    weights = column.stage.weights
    assert weights is not None
    reach = max(map(_reach, weights.data)) or 1.0
    has_gradients = bool(column.stage.data)
    curves: dict[str, list[tuple[float, str]]] = {}
    for i, row in enumerate(weights.data):
        for j, w in enumerate(row):
            start, end = before.place(j, height), column.place(i, height)
            if start is None or end is None:
                continue
            silent = has_gradients and weights.gradients[i][j] == 0.0
            style = (
                f'stroke="{GREY}" stroke-opacity="0.35" stroke-dasharray="2 4"'
                if silent
                else f'stroke="{BLUE if w > 0 else ORANGE}"'
            )
            left, right = x + _RADIUS + 3, to_x - _RADIUS - 3
            bend = (right - left) / 2
            path = f"M{left:.0f} {start:.1f}C{left + bend:.0f} {start:.1f} {right - bend:.0f} {end:.1f} {right:.0f} {end:.1f}"
            curves.setdefault(style, []).append((abs(w), f'<path d="{path}" stroke-width="{0.3 + 2.7 * abs(w) / reach:.1f}"/>'))
    for style, paths in curves.items():
        yield f'<g fill="none" {style} opacity="0.65">{"".join(path for _, path in sorted(paths))}</g>'


# --- One neuron ----------------------------------------------------------------------------------------------------------------


def neuron_level(anatomy: Anatomy, k: int, i: int) -> Drawing:
    """One neuron's sum of products as a table, and what becomes of it."""
    stage, before = anatomy.stages[k], anatomy.stages[k - 1]
    assert stage.weights is not None
    weights, gradients, names = stage.weights.data[i], stage.weights.gradients[i], stage.weights.labels[i]
    inputs = [mean(course) for course in before.data] or [math.nan] * len(weights)
    products = [w * x for w, x in zip(weights, inputs, strict=True)]
    pulls = [mean(course) for course in before.gradients] or [math.nan] * len(weights)
    heads = ((92, "xⱼ"), (162, "wⱼ"), (350, "wⱼ·xⱼ"), (530, "∂/∂wⱼ"), (600, "∂/∂xⱼ"))
    body = [text(x, 50, said, 12, "end", GREY) for x, said in heads]
    for j, (x, w, product, g, pull) in enumerate(zip(inputs, weights, products, gradients, pulls, strict=True)):
        name = shortened(plain_name(names[j]) or str(j + 1))
        body += _row(name, 70.0 + 20 * j, (x, w, product, g, pull), (_reach(products), _reach(gradients)))
    middle = 60.0 + 10 * len(weights)
    body += _result(stage, i, middle)
    wide = max(width_of(shortened(plain_name(name)), 10) for name in names)
    table = [text(14, 24, _neuron_title(anatomy, k, i), 13, "start", more=_BOLD)]
    table += [f'<g transform="translate({wide:.0f} 0)">', *body, "</g>"]
    return Drawing(table, 920 + wide, 84 + 20 * len(weights))


def _neuron_title(anatomy: Anatomy, k: int, i: int) -> str:
    stage = anatomy.stages[k]
    means = f", means over {anatomy.samples} samples" if anatomy.samples > 1 else ""
    return f"layer {k}, neuron {i + 1} of {stage.units}: {stage.activation}(Σ wⱼ·xⱼ + b){means}"


def _row(name: str, y: float, numbers: tuple[float, ...], reaches: tuple[float, float]) -> Iterator[str]:
    x, w, product, g, pull = numbers
    faint = ' opacity="0.4"' if not product and not g else ""
    yield f"<g{faint}>"
    yield text(24, y, name, 10, "end", GREY)
    yield from (text(at, y, _said(value), 12, "end") for at, value in ((92, x), (162, w)))
    yield from _bar(230, y, product, reaches[0], BLUE if product > 0 else ORANGE)
    yield text(350, y, _said(product), 12, "end")
    yield from _bar(414, y, g, reaches[1], VIOLET)
    yield text(530, y, _said(g), 12, "end", VIOLET)
    yield text(600, y, _said(pull), 12, "end", VIOLET) + "</g>"


def _bar(x: float, y: float, value: float, reach: float, fill: str) -> Iterator[str]:
    """A bar to the right for positive, to the left for negative numbers."""
    length = 45 * abs(value) / reach if reach and math.isfinite(value) else 0.0
    start = x if value > 0 else x - length
    yield f'<rect x="{start:.1f}" y="{y - 9:.1f}" width="{length:.1f}" height="10" fill="{fill}"/>'


def _result(stage: Stage, i: int, y: float) -> Iterator[str]:
    """The bracket behind the table, the sum and what the activation makes of it."""
    assert stage.weights is not None
    bracket = f"M610 58C624 58 614 {y:.1f} 630 {y:.1f}C614 {y:.1f} 624 {2 * y - 58:.1f} 610 {2 * y - 58:.1f}"
    yield f'<path d="{bracket}" fill="none" stroke="{GREY}"/>'
    b, slope = stage.weights.biases[i], stage.weights.bias_gradients[i]
    yield from _box(634, y - 28, 130, 56, [f"Σ + b, b = {_said(b)}", f"∂/∂b = {_said(slope)}"])
    if stage.data:
        yield from _arrow(764, y, 790, y)
        yield from _box(790, y - 28, 116, 56, [_said(mean(stage.data[i])), f"∂ {_said(mean(stage.gradients[i]))}"])


def _said(x: float) -> str:
    return "" if math.isnan(x) else f"{x:.3g}".replace("-", "−")
