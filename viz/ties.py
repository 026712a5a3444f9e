"""How two groups of a folded graph are connected: all to all, one to one, window, gather; and the samples that a graph repeats.

Glossary::

    tie        the pairs (source, target) of heads of two groups that edges join
    block      sources and targets that are joined all to all, and to nothing else
    sample     one of S equal parts of the graph that only the outermost sum brings together
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from autograd.compiler.recorded import distinct
from viz.groups import Groups
from viz.normal_form import FIRST, TERM, Indices, NormalForm, sorted_stably

SPY = 8  # cells of a spy picture, each way


@final
@dataclass(frozen=True, slots=True)
class Tie:
    """The connection of two groups: its name, the number of edges, and a spy picture.

    That has ``rows`` and ``columns``, one for each number or, of many, for some; ``spy`` are the cells (row, column) with an edge.
    """

    source: int
    target: int
    name: str
    edges: int
    rows: int
    columns: int
    spy: tuple[tuple[int, int], ...]


def places_in(form: NormalForm, groups: Groups) -> Indices:
    """For each head its place among those of its group, in their order."""
    owner = np.zeros(len(form.is_leaf), np.int64)
    for k, group in groups.items():
        owner[group.parts] = k
    order, counts = sorted_stably(owner), np.bincount(owner)
    places = np.empty(len(owner), np.int64)
    places[order] = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    return places


def tie(form: NormalForm, groups: Groups, places: Indices, source: int, target: int) -> Tie:
    """How group ``target`` is connected with group ``source`` in front of it; ``places`` are those of heads in their groups."""
    edges = groups[target].entries[source]
    rows, columns, sides = places[form.sources[edges]], places[form.targets[edges]], form.sides[edges]
    if (sides != sides[0]).any():  # the same number may stand on both sides of a product
        width = int(columns.max()) + 1
        rows, columns = np.divmod(distinct(rows * width + columns), width)
    (rows, out_of), (columns, into) = _numbered(rows), _numbered(columns)
    return Tie(source, target, _name(rows, columns, into, out_of), len(edges), *_spy(rows, columns, len(out_of), len(into)))


def _numbered(places: Indices) -> tuple[Indices, Indices]:
    """Places numbered from 0 without gaps, in their order; and how often each occurs."""
    counts = np.bincount(places)
    occurs = counts > 0
    if occurs.all():
        return places, counts
    return (np.cumsum(occurs) - 1)[places], counts[occurs]


def _name(rows: Indices, columns: Indices, into: Indices, out_of: Indices) -> str:
    """What the pairs are called; rows and columns are numbered from 0 without gaps, and counted."""
    if len(rows) == len(into) == len(out_of):
        return "one to one"
    if len(rows) == len(into) * len(out_of):
        return f"all {len(out_of)} to {'all ' if len(into) > 1 else ''}{len(into)}"
    blocks = _blocks(rows, columns, into, out_of)
    if blocks > 1:
        height, width = len(out_of) // blocks, len(into) // blocks
        return f"{height} to {width}, {blocks} times"
    if into.min() == into.max() and _are_windows(rows, columns, int(into[0])):
        return f"window of {into[0]}"
    least, most = int(into.min()), int(into.max())
    return f"gathers {least}" if least == most else f"gathers {least}…{most}"


def _blocks(rows: Indices, columns: Indices, into: Indices, out_of: Indices) -> int:
    """Into how many equal blocks the pairs fall; 0 if they do not."""
    if into.min() < into.max() or out_of.min() < out_of.max():
        return 0
    first = np.full(len(into), len(out_of))
    np.minimum.at(first, columns, rows)
    block, sizes = _numbered(first)
    owner = np.full(len(out_of), -1)
    found = block[columns]
    owner[rows] = found
    fits = (owner[rows] == found).all() and (out_of == sizes[owner]).all()
    return len(sizes) if fits and sizes.min() == sizes.max() else 0


def _are_windows(rows: Indices, columns: Indices, size: int) -> bool:
    """Whether every target takes sources that lie the same way to each other, starting from another place."""
    order = np.lexsort((rows, columns))
    windows = rows[order].reshape(-1, size)
    shifted = windows - windows[:, :1]
    return size > 1 and bool((shifted == shifted[0]).all()) and len(np.unique(windows[:, 0])) > 1


def _spy(rows: Indices, columns: Indices, *counts: int) -> tuple[int, int, tuple[tuple[int, int], ...]]:
    """The size of a spy picture and its cells."""
    height, width = (min(count, SPY) for count in counts)
    down, across = (np.arange(count) * min(count, SPY) // count for count in counts)
    cells = np.flatnonzero(np.bincount(down[rows] * width + across[columns])).tolist()
    return height, width, tuple([divmod(cell, width) for cell in cells])


# --- Samples -------------------------------------------------------------------------------------------------------------------


@final
@dataclass(frozen=True, slots=True)
class Samples:
    """Which of ``count`` equal samples alone each head leads to, as its number; −1 for what is shared or stands behind them."""

    count: int
    owner: Indices

    def of(self, members: Indices) -> int:
        """From how many samples these heads come, as many from each; 1 if not so."""
        if self.count < 2:
            return 1
        owners = self.owner[members]
        sizes = np.bincount(owners[owners >= 0], minlength=self.count)
        return self.count if owners.min() >= 0 and sizes.min() == sizes.max() else 1


def samples_of(form: NormalForm, groups: Groups) -> Samples:
    """The equal samples that a graph repeats; their count is 0 if there are none."""
    count, terms = _outermost_sum(form, groups)
    return Samples(count, _parted_by_sample(form, terms) if count else terms)


def _outermost_sum(form: NormalForm, groups: Groups) -> tuple[int, Indices]:
    """How many terms the last sum of equal terms has, and these; 0 if there is none."""
    for group in reversed(list(groups.values())):
        for source, edges in group.entries.items():
            terms = form.sources[edges]
            are_plain = np.isin(form.sides[edges], (TERM, FIRST)).all()  # of −a − b the first is the operand of a −
            if group.count == 1 and len(terms) == groups[source].count > 1 and groups[source].form and are_plain:
                return len(terms), np.sort(terms)
    return 0, np.zeros(0, np.int64)


def _parted_by_sample(form: NormalForm, terms: Indices) -> Indices:
    """For each head the sample that it alone leads to."""
    last, shared = len(terms), -1
    low, high = np.full(len(form.values), last), np.full(len(form.values), shared)
    low[terms] = high[terms] = np.arange(last)
    for span in form.spans:
        sources, targets = form.sources[span], form.targets[span]
        np.minimum.at(low, sources, low[targets])
        np.maximum.at(high, sources, high[targets])
    return np.where(low == high, low, shared)
