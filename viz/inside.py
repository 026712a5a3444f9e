"""What the cards of a folded picture hold, for its page: down to the sum of products of a single number.

Glossary::

    number    a head, numbered card by card and piece by piece, those of a piece side by side; then the constants of expressions
    shape     the operands of a head, each relative to the first of its kind: left factors, right factors, plain terms
    steps     numbers in short: how much is added, how often in a row

A page needs all data and gradients, 8 bytes each, but hardly more: packs are regular, so that the operands of thousands of neurons
are a few shapes and some steps.
"""

import base64
from collections.abc import Iterator, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autograd.labels import plain_name
from viz.groups import Groups, Piece
from viz.implied import common_label
from viz.normal_form import Indices, NormalForm
from viz.svg import printable, shortened
from viz.ties import Samples

MOST_NUMBERS = 40_000  # that a page holds: some 900 kB
_FLAT = np.zeros(0, np.int64)


def inside(form: NormalForm, groups: Groups, samples: Samples, labels: dict[int, str], letters: dict[int, str]) -> dict[str, Any]:
    """What the script reads: ``pieces`` by card, ``shapes`` of their operands, ``data`` and ``gradients`` as base64 of float64.

    Without ``pieces``, but for ``too_many``, where there are more than 40,000 numbers.
    """
    numbers = _Numbers(form, groups)
    if len(numbers.places) > MOST_NUMBERS:
        return {"too_many": len(numbers.places)}
    shapes = _Shapes(form, numbers)
    pieces = [
        [_piece(numbers, shapes, piece, samples, labels, letters.get(k, "")) for piece in group.pieces]
        for k, group in groups.items()
    ]
    return {
        "pieces": pieces,
        "shapes": shapes.known,
        "count": len(numbers.places),
        "data": _packed(form.data[numbers.places]),
        "gradients": _packed(form.grads[numbers.places]),
    }


def _packed(xs: npt.NDArray[np.float64]) -> str:
    return base64.b64encode(xs.astype("<f8").tobytes()).decode() if xs.any() else ""


@final
class _Numbers:
    """The numbering of heads: ``places`` by number, ``of`` by place."""

    def __init__(self, form: NormalForm, groups: Groups) -> None:
        shown = np.concatenate([_FLAT, *[piece.members for group in groups.values() for piece in group.pieces]])
        used = np.zeros(len(form.is_leaf), bool)
        used[form.sources] = True
        used[shown] = False
        self.places = np.concatenate([shown, used.nonzero()[0]])
        self.of = np.full(len(form.is_leaf), -1)
        self.of[self.places] = np.arange(len(self.places))


def _piece(
    numbers: _Numbers, shapes: "_Shapes", piece: Piece, samples: Samples, labels: dict[int, str], letter: str
) -> dict[str, Any]:
    repeats, count = samples.of(piece.members), len(piece.members)
    own = [labels.get(i, "") for i in piece.members[: count // repeats].tolist()]
    names = [shortened(printable(plain_name(label))) for label in own]
    letter = letter or printable(plain_name(common_label(own, most=2)))
    told = {"form": piece.form, "letter": letter, "start": int(numbers.of[piece.members[0]]), "count": count, "samples": repeats}
    if any(names):
        told["names"] = names
    if piece.form:
        told["operands"] = [steps(column) for column in shapes.of(piece.members)]
    return told


@final
class _Shapes:
    """The distinct shapes of operands: [is a sum, left factors, right factors, plain terms, which of products and terms are subtracted]."""

    def __init__(self, form: NormalForm, numbers: _Numbers) -> None:
        self.known: list[Any] = []
        self._index: dict[Any, int] = {}
        self._heads = {at: self._shape(is_sum, columns, minuses) for at, is_sum, columns, minuses in _operands(form, numbers)}

    def of(self, heads: Indices) -> Indices:
        """For each head its shape, and the first of each kind of operand, as columns."""
        return np.array([self._heads[i] for i in heads.tolist()]).T

    def _shape(self, is_sum: bool, columns: Sequence[Indices], minuses: Indices) -> tuple[int, ...]:
        firsts = [int(column[0]) if len(column) else 0 for column in columns]
        relative = [column - first for column, first in zip(columns, firsts, strict=True)]
        key = (is_sum, *[column.tobytes() for column in (*relative, minuses)])
        if key not in self._index:
            self._index[key] = len(self.known)
            self.known.append([int(is_sum), *map(steps, relative), minuses.tolist()])
        return self._index[key], *firsts


def _operands(form: NormalForm, numbers: _Numbers) -> Iterator[tuple[int, bool, Sequence[Indices], Indices]]:
    """Each computed head: its place, whether it is a sum, the numbers of its operands, and the terms that are subtracted."""
    for sums in form.sums:
        terms = sums.terms
        a, b = numbers.of[terms.a], np.where(terms.b >= 0, numbers.of[terms.b], -1)
        counts = ((terms.gate < 0) | (form.data[terms.gate] != 0.0)) & ~((terms.b < 0) & form.is_nothing[terms.a])
        ends = np.cumsum(sums.count).tolist()
        for at, start, end in zip(sums.at.tolist(), [0, *ends], ends, strict=False):
            left, right, sign = (column[start:end][counts[start:end]] for column in (a, b, terms.sign))
            two, plain = right >= 0, right < 0
            minuses = np.flatnonzero(np.concatenate([sign[two], sign[plain]]) < 0)
            yield at, True, (left[two], right[two], left[plain]), minuses
    for kernels in form.kernels:
        operands = numbers.of[kernels.operands]
        for at, row in zip(kernels.at.tolist(), operands, strict=True):
            yield at, False, (_FLAT, _FLAT, row), _FLAT


def steps(xs: Any) -> list[int]:
    """Numbers as steps from one to the next, beginning at 0, and how often each step is taken in a row.

    >>> steps([5, 6, 7, 8, 8])
    [5, 1, 1, 3, 0, 1]
    """
    if len(xs) == 1:  # as 37,000 times in the page of a chain of 5,000 links
        return [int(xs[0]), 1]
    differences = np.diff(np.asarray(xs), prepend=0)
    starts = np.flatnonzero(np.concatenate([[True], differences[1:] != differences[:-1]])) if len(differences) else _FLAT
    times = np.diff(np.append(starts, len(differences)))
    return [int(n) for pair in zip(differences[starts], times, strict=True) for n in pair]
