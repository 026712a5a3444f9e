"""Sums over lanes: after the blocks, over rows that were kept for them.

What is kept is 0 in the lanes that are not real, so that a sum's total stays in registers from the first lane to the last; several
sums run side by side. Sums that form a matrix product are those of ``tiles``.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, final

import numpy as np

from autograd.compiler.program import Pack
from autograd.compiler.recorded import distinct
from autograd.compiler.targets.llvm.memory import Cell, Kept, Source
from autograd.compiler.targets.llvm.text import Carried, double
from autograd.compiler.targets.llvm.tiles import Tiles
from autograd.compiler.targets.tables import grid_period

if TYPE_CHECKING:
    from autograd.compiler.targets.llvm.emitter import Emitter

# Sums side by side: tiles of weight gradients of 1×8, 2×4 and 4×4 gave 52, 45 and 43 µs for a training step of 2-64-64-1 in fast mode.
JAM_REDUCED, JAM_GRID = 4, (4, 4)


@final
class LaneSums:
    """Writes the packs that are sums over lanes."""

    def __init__(self, emitter: "Emitter", packs: Sequence[Pack]) -> None:
        self.e, self.text, self.memory, self.row = emitter, emitter.text, emitter.memory, emitter.row
        self.packs, self.tiles = packs, Tiles(emitter, packs)
        rows = {
            int(slot)
            for pack in packs
            if id(pack) not in self.tiles.grids
            for table, is_row in zip(pack.tables, pack.rows_of_tables(), strict=True)
            if is_row
            for slot in distinct(table)
        }
        rows.update(self.tiles.standing.tolist())
        self.rows = np.array(sorted(rows), dtype=np.int32)  # in the order in which they are kept
        self.kept = Kept(len(self.rows), self.row.width, self.tiles.pitch)

    def begin(self) -> None:
        """How far kept rows lie apart, and where the tiles' lines begin."""
        self.memory.stride = self.text.let(f"add i64 %padded, {self.row.width}")
        self._lines = self.text.let(f"mul i64 {self.memory.stride}, {self.kept.rows}")

    def mask(self, block: str) -> None:
        """Which lanes of the block are real."""
        self.memory.block = block
        text, width = self.text, self.row.width
        if width == 1:
            return
        left = text.let(f"sub i64 %count, {block}")
        splat = self.memory.splat("i64", left, width)
        lanes = ", ".join(f"i64 {i}" for i in range(width))
        self._real = text.let(f"icmp slt <{width} x i64> <{lanes}>, {splat}")

    def _masked(self, x: str) -> str:
        """The row with 0 in the lanes that are not real."""
        if self.row.width == 1:
            return x
        return self.text.let(f"select {self.row.bit} {self._real}, {self.row.kind} {x}, {self.row.kind} {self.row.constant(0.0)}")

    def keep(self) -> None:
        """Copy this block of the rows that are needed."""
        self.tiles.keep(self._lines)
        if not self.kept.rows:
            return
        axis = self.e.tables.axis(self.rows)
        with self.text.loop(0, self.kept.rows) as k:
            x = self._masked(self.memory.load("r", self.memory.along(axis, k), self.row))
            self.memory.keep(k, x)

    def write(self, pack: Pack) -> None:
        """The sums of a pack."""
        self.begin()
        if id(pack) in self.tiles.grids:
            self.tiles.write(pack, self._lines, self.rows)
            return
        is_row = pack.rows_of_tables()
        tables = [
            np.searchsorted(self.rows, table).astype(np.int32) if row else table
            for table, row in zip(pack.tables, is_row, strict=True)
        ]
        period = grid_period([table[:, 0] for table in tables])
        places = [self.e.tables.place(table, period) for table in tables]
        sources = [Source("kept" if row else "s", place) for row, place in zip(is_row, places, strict=True)]
        for cells, neighbours in self._cells(pack.count, period):
            self._store(pack, cells, self._sums(pack, sources, cells), neighbours)

    def _cells(self, count: int, period: int) -> Iterator[tuple[list[Cell], int]]:
        """The sums side by side, and how many of them at a time have results side by side."""
        if not period:
            for start, stop, jam in shares(count, JAM_REDUCED):
                with self.text.loop(start, stop, jam) as n:
                    yield side_by_side(self.e, n, jam), jam
            return
        for top, bottom, high in shares(count // period, JAM_GRID[0]):
            for left, right, wide in shares(period, JAM_GRID[1]):
                with self.text.loop(top, bottom, high) as i, self.text.loop(left, right, wide) as j:
                    yield self._tile(i, j, (high, wide), period), wide

    def _tile(self, i: str, j: str, size: tuple[int, int], period: int) -> list[Cell]:
        """The instances of a tile of a grid."""
        down, along = side_by_side(self.e, i, size[0]), side_by_side(self.e, j, size[1])
        cells = []
        for row in down:
            first = self.text.let(f"mul nuw nsw i64 {row.n}, {period}")
            cells.extend([Cell(self.text.let(f"add nuw nsw i64 {first}, {column.n}"), row.n, column.n) for column in along])
        return cells

    def _sums(self, pack: Pack, sources: Sequence[Source], cells: Sequence[Cell]) -> list[str]:
        """The totals of some instances, a row each."""
        text, kind = self.text, self.row.kind
        self.e.form = self.row
        totals = Carried(kind, [self.row.constant(0.0)] * len(cells))
        with text.loop(0, "%padded", self.row.width, totals) as block:
            self.mask(block)
            terms = self.e.sums(pack.runs, sources, cells)
            if not all(pack.rows_of_tables()):  # a shared number is not 0 in the padding
                terms = [self._masked(term) for term in terms]
            totals.now = [text.let(f"fadd {self.e.flags}{kind} {a}, {b}") for a, b in zip(totals.now, terms, strict=True)]
        return totals.now

    def _store(self, pack: Pack, cells: Sequence[Cell], totals: Sequence[str], neighbours: int) -> None:
        """The sums over the lanes of these totals, in their slots."""
        text, width = self.text, self.row.width
        if self.e.fast and width == 8 and neighbours == 4:
            for first in range(0, len(totals), 4):
                at = self.memory.address("s", text.let(f"add i64 {cells[first].n}, {pack.out}"))
                text.do(f"store <4 x double> {self._four_sums(totals[first : first + 4])}, ptr {at}, align 8")
            return
        for cell, total in zip(cells, totals, strict=True):
            if width > 1:
                reassoc = "reassoc " if self.e.fast else ""
                reduce = f"@llvm.vector.reduce.fadd.{self.row.suffix}(double {double(-0.0)}, {self.row.kind} {total})"
                total = text.let(f"call {reassoc}double {reduce}")
            self.memory.store("s", text.let(f"add i64 {cell.n}, {pack.out}"), total, self.e.one)

    def _four_sums(self, x: Sequence[str]) -> str:
        """The sums over the lanes of four rows of 8, together: 12 instructions, where one by one they take 28."""

        def folded(a: str, b: str, low: str, high: str) -> str:
            kind = "<8 x double>"
            lanes = len(low.split())
            parts = [
                self.text.let(
                    f"shufflevector {kind} {a}, {kind} {b}, <{lanes} x i32> <{', '.join(f'i32 {n}' for n in part.split())}>"
                )
                for part in (low, high)
            ]
            return self.text.let(f"fadd <{lanes} x double> {parts[0]}, {parts[1]}")

        pairs = [folded(x[k], x[k + 1], "0 8 2 10 4 12 6 14", "1 9 3 11 5 13 7 15") for k in (0, 2)]
        fours = folded(pairs[0], pairs[1], "0 1 8 9 4 5 12 13", "2 3 10 11 6 7 14 15")
        return folded(fours, "poison", "0 1 2 3", "4 5 6 7")


def side_by_side(emitter: "Emitter", n: str, jam: int) -> list[Cell]:
    """So many instances from the n-th on."""
    return [Cell(n if j == 0 else emitter.text.let(f"add nuw nsw i64 {n}, {j}")) for j in range(jam)]


def shares(count: int, jam: int, done: int = 0) -> list[tuple[int, int, int]]:
    """Loops (start, stop, step) over ``count`` instances but those done: ``jam`` at a time, then the rest one by one."""
    jammed = count - (count - done) % jam
    return [share for share in ((done, jammed, jam), (jammed, count, 1)) if share[0] < share[1]]
