"""How well a model does: the confusion matrix of one that chooses classes, what one that hits numbers says, and the worst mistakes."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from viz import charts, network_svg, pixels, plane
from viz.network_svg import text
from viz.notation import number
from viz.svg import escaped, shortened, width_of

_MISTAKES = 12
_NUMBERS = 8  # of a row that are written out
_CELL = 30.0


class Judged(NamedTuple):
    """Samples that a model is judged by, what it says of them, and what is wanted: class numbers, or, without classes, numbers."""

    rows: list[list[float]]
    said: list[Any]
    wanted: list[Any]
    classes: list[str] | None
    threshold: float

    @property
    def answers(self) -> list[int]:
        """The number of the class that is said of each sample."""
        return [s.index(max(s)) if isinstance(s, list) else int(s > self.threshold) for s in self.said]

    def called(self, i: int) -> str:
        """What is wanted of a sample, in words."""
        return f"target {_said(self.wanted[i])}" if self.classes is None else self.classes[self.wanted[i]]


def judgement(judged: Judged, where: str) -> Iterator[tuple[str, str]]:
    """Headings and pictures; ``where`` says which samples they are."""
    if judged.classes is None:
        yield f"What it says{where}", wide(_hit(judged))
    else:
        yield f"What it takes for what{where}", wide(_confusion(judged, judged.classes))
    mistakes = _missed(judged) if judged.classes is None else _mistaken(judged, judged.classes)
    if mistakes:
        yield "Its worst mistakes", mistakes


def wide(svg: str) -> str:
    """A picture that is scrolled where it is wider than the page."""
    return f'<div class="wide">\n{svg}</div>'


def side_by_side(svgs: Sequence[str], description: str) -> str:
    """Pictures in a row, or in as many as the page is narrow, and as narrow as the page."""
    return f'<div class="side" role="group" aria-label="{escaped(description)}">\n{"".join(svgs)}</div>'


def where(judged: Judged, train: Judged, model: Any) -> str:
    """The decision boundary in the plane, and the samples of the training."""
    box, size = plane.box(judged.rows + train.rows), 420.0
    shown = [plane.boundary(model, box, judged.threshold, 60, size), *plane.points(train.rows, train.wanted, box, size)]
    return side_by_side([network_svg.write(shown, size, size, "decision boundary and training samples")], "what it says where")


def error(judged: Judged) -> float:
    """The square root of the mean squared error."""
    errors = [_distance(s, t) for s, t in zip(judged.said, judged.wanted, strict=True)]
    return math.sqrt(math.fsum(e * e for e in errors) / len(errors))


def flattened(x: Any) -> list[float]:
    """The numbers of one output or target."""
    return list(x) if isinstance(x, (list, tuple)) else [x]


def _said(x: Any) -> str:
    listed = flattened(x)
    return number(listed[0]) if len(listed) == 1 else _row(listed)


def _row(xs: Sequence[float]) -> str:
    """A row of numbers, the first of many."""
    return f"({', '.join([number(x) for x in xs[:_NUMBERS]] + ['…'] * (len(xs) > _NUMBERS))})"


def _distance(said: Any, wanted: Any) -> float:
    return math.dist(flattened(said), flattened(wanted))


def _hit(judged: Judged) -> str:
    """What is said against what is wanted, a point for each number."""
    wanted, said = ([x for each in numbers for x in flattened(each)] for numbers in (judged.wanted, judged.said))
    drawn = charts.scatter(wanted, said, 340, "said, over what is wanted")
    return network_svg.write(list(drawn), 350, 350, "what the model says against what is wanted")


def _missed(judged: Judged) -> str:
    """The samples that were missed by most."""
    errors = [_distance(s, t) for s, t in zip(judged.said, judged.wanted, strict=True)]
    worst = sorted(range(len(errors)), key=lambda i: -errors[i])[:_MISTAKES]
    return _list(f"{_row(judged.rows[i])}: {_said(judged.wanted[i])}, said {_said(judged.said[i])}" for i in worst if errors[i])


def _list(lines: Iterator[str]) -> str:
    items = "".join(f"<li>{escaped(line)}</li>" for line in lines)
    return items and f"<ul>{items}</ul>"


def _confusion(judged: Judged, classes: Sequence[str]) -> str:
    """The confusion matrix: a row for each class, a column for each answer."""
    k, names = len(classes), [shortened(name) for name in classes]
    counts = [[0] * k for _ in range(k)]
    for wanted, answer in zip(judged.wanted, judged.answers, strict=True):
        counts[wanted][answer] += 1
    left = 20.0 + max(width_of(name, 12) for name in names)
    cell = max(_CELL, *[width_of(name[:12], 11) + 10.0 for name in names])
    body = [text(left + cell * k / 2, 16, "answer", 11, fill="#8a929c")]
    for i, name in enumerate(names):
        y = 44 + _CELL * i
        body += [text(left - 8, y + 19, name, 12, "end"), text(left + cell * (i + 0.5), 38, name[:12], 11)]
        for j, count in enumerate(counts[i]):
            share = count / max(1, sum(counts[i]))
            fill = pixels.mixed(pixels.PAPER, pixels.BLUE if i == j else pixels.ORANGE, 0.9 * share if count else 0.0)
            place = f'x="{left + cell * j}" y="{y}" width="{cell}" height="{_CELL}"'
            body.append(f'<rect {place} fill="{pixels.hexed(fill)}" stroke="#dfe3e8"/>')
            if count:
                ink = "#ffffff" if sum(fill) < 420 else "#22262b"
                body.append(text(left + cell * (j + 0.5), y + 19, str(count), 11, fill=ink))
    return network_svg.write(body, left + cell * k + 20, 60 + _CELL * k, "confusion matrix")


def _mistaken(judged: Judged, classes: Sequence[str]) -> str:
    """The samples whose wrong answer was surest, as images where a row is a square of pixels, else as numbers."""
    answers = judged.answers
    wrong = [i for i, (t, p) in enumerate(zip(judged.wanted, answers, strict=True)) if t != p]
    wrong.sort(key=lambda i: -_sureness(judged.said[i], judged.wanted[i], judged.threshold))
    told = [(judged.rows[i], classes[judged.wanted[i]], classes[answers[i]]) for i in wrong[:_MISTAKES]]
    side = round(len(judged.rows[0]) ** 0.5)
    if side < 4 or side * side != len(judged.rows[0]):
        return _list(f"{_row(row)}: {name}, taken for {answer}" for row, name, answer in told)
    shown = [_pictured(row, side, f"{shortened(name)}, not {shortened(answer)}") for row, name, answer in told]
    return side_by_side(shown, "the worst mistakes") if told else ""


def _pictured(row: Sequence[float], side: int, caption: str) -> str:
    """A row of pixels as a square picture with a line below it."""
    top, wide = max(map(abs, row)) or 1.0, max(112.0, width_of(caption, 11) + 12.0)
    rows = [[pixels.mixed(pixels.PAPER, (34, 38, 43), abs(v) / top) for v in row[r : r + side]] for r in range(0, len(row), side)]
    x = wide / 2 - 46
    frame = f'<rect x="{x:.1f}" y="10" width="92" height="92" fill="none" stroke="#b9c0c8"/>'
    return network_svg.write([pixels.image(rows, x, 10, 92, 92), frame, text(wide / 2, 118, caption, 11)], wide, 128, caption)


def _sureness(scores: Any, wanted: int, threshold: float) -> float:
    """By how much the wrong answer was ahead."""
    if isinstance(scores, list):
        return float(max(scores) - scores[wanted])
    return abs(float(scores) - threshold)
