"""Where the operands of a pack lie: steps along loop counters where slots are regular, tables where they are not.

Every target that runs a pack as a loop asks here, so that its code grows with the number of packs and not of nodes.

Glossary::

    counter    of a loop: n over the instances of a pack (or i, j on a grid), t over the terms of a run
    axis       how slots depend on one counter
    place      how the slots of one operand depend on instance and term
    strip      instances that lie in regular steps
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
import numpy.typing as npt

from autograd.compiler.program import Slots

# A strip is some lines of text: it should save a table of so many entries. So many periods are tried.
WORTH_A_STRIP, PERIODS = 12, 16


@final
@dataclass(frozen=True)
class Axis:
    """How slots depend on a loop counter n: ``start + step·n``, or the table entry ``tab[start + n]`` if ``step`` is None.

    On a grid, where n = i·period + j, as for the weights between two layers: ``start + outer·i + step·j``, or ``outer·i + tab[start + j]``.
    """

    start: int
    step: int | None
    outer: int = 0
    on_grid: bool = False


@final
@dataclass(frozen=True)
class Place:
    """Where the operands of a sum lie: slot(n, t) = instances(n) + terms(t); without ``instances`` a table [n × width + t]."""

    instances: Axis | None
    terms: Axis
    width: int

    @property
    def is_contiguous(self) -> bool:
        """Whether the terms of an instance lie side by side, or are one."""
        return self.instances is not None and self.terms.step in (0, 1)


def regular_step(slots: Slots) -> int | None:
    """The step from each slot to the next if it is always the same."""
    if len(slots) == 1:
        return 0
    steps = np.diff(slots)
    return int(steps[0]) if (steps == steps[0]).all() else None


def grid_period(columns: Sequence[Slots]) -> int:
    """The period of the grid on which all these slots, one of each table, have regular steps; 0 if there is none."""
    irregular = [slots for slots in columns if regular_step(slots) is None]
    if not irregular:
        return 0
    steps = np.diff(irregular[0])
    period = int(np.argmax(steps != steps[0])) + 1
    for slots in irregular:
        if len(slots) % period:
            return 0
        grid = slots.reshape(-1, period)
        if regular_step(grid[0]) is None or not moves_on(grid):
            return 0
    return period


def moves_on(grid: Slots) -> bool:
    """Whether all slots of a row move on by the same step from row to row."""
    return regular_step(grid[:, 0]) is not None and bool((grid == grid[:, :1] + (grid[0] - grid[0, 0])).all())


@final
@dataclass(frozen=True)
class Strip:
    """Instances start + step·i + j for i below ``rows`` and j below ``width``: a loop, or two."""

    start: int
    rows: int
    step: int
    width: int

    @property
    def period(self) -> int:
        """The width of the grid, 0 if it is a line."""
        return self.width if self.rows > 1 and self.width > 1 else 0

    def instances(self) -> npt.NDArray[np.int64]:
        """Their numbers, row after row."""
        return (self.start + self.step * np.arange(self.rows)[:, None] + np.arange(self.width)).ravel()


def strips(columns: Sequence[Slots], count: int) -> list[Strip]:
    """All instances as strips in which these slots, one of each table, have regular steps: a few, or one with tables.

    So a layer's weights and biases, which lie neuron by neuron, are two strips: each neuron's weights, and the biases.
    """
    if all([regular_step(slots) is not None for slots in columns]):
        return [Strip(0, 1, count, count)]
    period = grid_period(columns)
    if period:
        return [Strip(0, count // period, period, period)]
    slots, found, start = np.stack(columns, axis=1).astype(np.int64), list[Strip](), 0
    while start < count:
        found += _strips_at(slots[start:], start)
        if len(found) > count // WORTH_A_STRIP:
            return [Strip(0, 1, count, count)]
        start = found[-1].start + (found[-1].rows - 1) * found[-1].step + found[-1].width
    return found


def _strips_at(slots: npt.NDArray[np.int64], start: int) -> list[Strip]:
    """The strips that cover most of what comes first, for each of them."""
    breaks = (np.flatnonzero((np.diff(slots, 2, axis=0) != 0).any(axis=1)) + 2).tolist()
    line = breaks[0] if breaks else len(slots)
    best, most = [Strip(start, 1, line, line)], float(line)
    for period in dict.fromkeys([at + shift for at in breaks[:PERIODS] for shift in (0, 1)]):
        bends = np.flatnonzero((slots[2 * period :] - 2 * slots[period:-period] + slots[: -2 * period] != 0).any(axis=1))
        rows = (int(bends[0]) if len(bends) else len(slots) - 2 * period) // period + 2
        if rows < 3 or rows * period > len(slots):
            continue
        edges = _edges(slots[:period], slots[period : 2 * period] - slots[:period])
        covered = rows * period / (len(edges) - 1)
        if covered > most:
            most = covered
            best = [Strip(start + low, rows, period, high - low) for low, high in pairwise(edges)]
    return best


def _edges(row: npt.NDArray[np.int64], steps: npt.NDArray[np.int64]) -> list[int]:
    """Where parts of a row begin that are regular and move on by the same steps; and where the last ends."""
    edges = [0]
    for j in range(1, len(row)):
        is_new = (steps[j] != steps[j - 1]).any()
        is_bent = j - edges[-1] >= 2 and (row[j] - row[j - 1] != row[j - 1] - row[j - 2]).any()
        if is_new or is_bent:
            edges.append(j)
    return [*edges, len(row)]


def common_columns(table: Slots) -> Slots | None:
    """How far the terms of an instance lie from its first, if that is so for all instances of a table."""
    columns: Slots = table[0] - table[0, 0]
    return columns if (table == table[:, :1] + columns).all() else None


@final
class Tables:
    """The int32 tables of a program, end to end."""

    def __init__(self) -> None:
        self.parts: list[Slots] = []
        self.size = 0

    def add(self, slots: Slots) -> int:
        """Where the table begins."""
        start = self.size
        self.parts.append(np.ascontiguousarray(slots, dtype=np.int32).ravel())
        self.size += slots.size
        return start

    def axis(self, slots: Slots, period: int = 0) -> Axis:
        """The slots along one counter: regular steps, or steps on a grid of this period, if they have any, else a table."""
        step = regular_step(slots)
        if step is not None:
            return Axis(int(slots[0]), step)
        if period:
            grid = slots.reshape(-1, period)
            step, outer = regular_step(grid[0]), int(grid[1, 0] - grid[0, 0])
            return Axis(self.add(grid[0]) if step is None else int(slots[0]), step, outer, on_grid=True)
        return Axis(self.add(slots), None)

    def place(self, table: Slots, period: int = 0) -> Place:
        """The slots of one operand, a table [instance, term]."""
        columns = common_columns(table)
        if columns is not None:
            return Place(self.axis(table[:, 0], period), self.axis(columns), table.shape[1])
        return Place(None, Axis(self.add(table), 0), table.shape[1])

    def array(self) -> Slots:
        """All tables as one array."""
        return np.concatenate([np.zeros(1, dtype=np.int32), *self.parts])[1:] if self.parts else np.zeros(1, dtype=np.int32)
