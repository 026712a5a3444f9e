"""One walk over a program, for every target: its packs in order, of each pack the instances, of a sum the runs and their terms.

A target is a ``Walk`` that says how a number, a sum, a kernel, a table and a loop are spelled; what it makes of the words below is its
own affair: text, a register, an array.

Glossary::

    source     where the operands of one table of a pack lie
    cell       an instance of a pack that is being written; several cells can be written side by side
    operand    a source as one cell sees it
    counter    of a loop: a word of the target, or a number where terms are written out
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from autograd.compiler.program import Pack, Program, Run
from autograd.ops import Op

Source = Any
Cell = Any
Operand = Any
Number = Any
Counter = str | int


class Walk(ABC):
    """How a target spells a program."""

    # Terms of a run up to this many are written out, longer runs are loops.
    written_out = 4

    def __init__(self, program: Program) -> None:
        self.program = program

    # --- What a target says ---

    @abstractmethod
    def sources(self, pack: Pack) -> list[Source]:
        """Where the operands of each table lie."""

    @abstractmethod
    def cells(self, pack: Pack, sources: Sequence[Source]) -> Iterable[Sequence[Cell]]:
        """The instances, as many at a time as are written side by side; what loops over them is around each step of an iterator."""

    @abstractmethod
    def at(self, source: Source, cell: Cell) -> Operand:
        """The source as this instance sees it."""

    @abstractmethod
    def read(self, operand: Operand, t: Counter) -> Number:
        """The operand of the t-th term."""

    @abstractmethod
    def kernel(self, op: Op, operands: Sequence[Number]) -> Number:
        """An op of these numbers."""

    @abstractmethod
    def term(self, run: Run, factors: Sequence[Number], total: Number | None) -> Number:
        """The total, or nothing yet, with a term of the run: a, b and the gate as far as they are there."""

    @abstractmethod
    def store(self, pack: Pack, cells: Sequence[Cell], results: Sequence[Number]) -> None:
        """Put the results of these instances into their slots."""

    # --- What it may say in a way of its own ---

    def packs(self, packs: Sequence[Pack]) -> None:
        """Packs one after the other."""
        for pack in packs:
            self.pack(pack)

    def lanes(self, packs: Sequence[Pack]) -> None:
        """The packs of rows and of sums over lanes."""
        self.packs(packs)

    def repeated(
        self, start: int, stop: int, totals: list[Number], add: Callable[[Counter, list[Number]], list[Number]]
    ) -> list[Number]:
        """The totals after ``add(t, totals)`` for each t from start on up to stop: a loop, here one of Python's."""
        for t in range(start, stop):
            totals = add(t, totals)
        return totals

    def ahead(
        self, run: Run, operands: Sequence[Sequence[Operand]], start: int, totals: list[Number]
    ) -> tuple[int, list[Number]]:
        """Terms of a long run that are added before its loop, otherwise than one by one: none. Returns the next term."""
        return start, totals

    def terms(self, run: Run, operands: Sequence[Sequence[Operand]], t: Counter, totals: list[Number]) -> list[Number]:
        """The totals with the t-th terms of a run, one for each cell."""
        return [self.term(run, [self.read(own[k], t) for own in operands], total) for k, total in enumerate(totals)]

    def run(self, run: Run, sources: Sequence[Source], cells: Sequence[Cell], totals: list[Number]) -> list[Number]:
        """The totals with a run added: the terms of a short one and the first of a sum written out, the others in a loop."""
        operands = [[self.at(source, cell) for cell in cells] for source in sources]

        def add(t: Counter, totals: list[Number]) -> list[Number]:
            return self.terms(run, operands, t, totals)

        written = run.count if run.count <= self.written_out else int(totals[0] is None)
        for t in range(written):
            totals = add(t, totals)
        start, totals = self.ahead(run, operands, written, totals)
        return self.repeated(start, run.count, totals, add) if start < run.count else totals

    # --- The walk ---

    def walk(self) -> None:
        """All packs in order; those of rows and of sums over lanes lie between the others."""
        packs = self.program.packs
        rows = [i for i, pack in enumerate(packs) if pack.is_row or pack.reduces]
        first, last = (rows[0], rows[-1] + 1) if rows else (len(packs), len(packs))
        self.packs(packs[:first])
        if self.program.n_lanes:
            self.lanes([packs[i] for i in rows])
        self.packs(packs[last:])

    def pack(self, pack: Pack) -> None:
        """One pack."""
        sources = self.sources(pack)
        for cells in self.cells(pack, sources):
            if pack.op is None:
                results = self.sums(pack.runs, sources, cells)
            else:
                results = [self.kernel(pack.op, [self.read(self.at(source, cell), 0) for source in sources]) for cell in cells]
            self.store(pack, cells, results)

    def sums(self, runs: Sequence[Run], sources: Sequence[Source], cells: Sequence[Cell]) -> list[Number]:
        """The sums of some instances side by side."""
        totals: list[Number] = [None] * len(cells)
        upcoming = iter(sources)
        for run in runs:
            totals = self.run(run, [next(upcoming) for _ in run.kinds()], cells, totals)
        return totals
