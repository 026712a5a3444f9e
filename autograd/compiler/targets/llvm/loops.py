"""Loops of a program as loops in LLVM IR, for rows.

What differs from round to round, and all that depends on the number of rounds, is data: numbers in the program's table, first the
``entries`` that every round shares, then slots that move on irregularly. So the text is the same for a loop of 7 and of 70 rounds, and
compiled once for both.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, final

import numpy as np

from autograd.compiler.program import Pack, Run, Slots
from autograd.compiler.rolling import FEWEST, LARGEST_RUN, Stretch, stretches
from autograd.compiler.targets.tables import regular_step
from autograd.compiler.targets.walk import Counter

if TYPE_CHECKING:
    from autograd.compiler.targets.llvm.emitter import Emitter

# More packs than these, each once, go into functions of their own.
MOST_PACKS = 160
# Fewer are compiled at once as they stand, and run faster: see ``straight``.
WORTH_LOOPS, WORTH_LOOPS_AMONG_MANY = 128, 48
# So many rounds of a loop may stand by themselves, because their slots do not move on as those of the others.
MOST_PEELED = 2
# A long sum is written as so many loops, where the slots of its terms move on in regular steps; else its slots are a table.
MOST_PARTS = 4


def loops_of(packs: Sequence[Pack], outputs: Sequence[int], *, among_many: bool) -> "Loops | None":
    """The packs with their loops, if there are any and all fits into one function; sooner for one program among many."""
    if len(packs) < (WORTH_LOOPS_AMONG_MANY if among_many else WORTH_LOOPS):
        return None
    found = stretches(packs)
    if all([len(stretch.rounds) == 1 for stretch in found]):
        return None
    turned = [part for stretch in found for whole in _turned(stretch) for part in _peeled(whole)]
    return Loops(turned, outputs) if sum(len(stretch.rounds[0]) for stretch in turned) <= MOST_PACKS else None


@final
class Loops:
    """Writes stretches of packs of rows, and the copying of the rows that go out."""

    def __init__(self, found: Sequence[Stretch], outputs: Sequence[int]) -> None:
        self.found, self.outputs = found, outputs
        bodies = [pack for stretch in self.found for pack in stretch.rounds[0]]
        numbers = [_entries_of(run) for pack in bodies for run in pack.runs]
        self.size = sum(numbers) + sum(len(pack.rows) + 1 for pack in bodies) + len(self.found) + len(outputs)
        self.entries: list[int] = []

    def write(self, e: "Emitter") -> None:
        """The stretches one after the other; the table's entries are filled in."""
        self.start = e.tables.add(np.zeros(self.size, dtype=np.int32))
        place = len(e.tables.parts) - 1
        for stretch in self.found:
            if len(stretch.rounds) == 1:
                for pack in stretch.rounds[0]:
                    self._pack(e, [pack], "0")
                continue
            with e.text.loop(0, self._entry(e, len(stretch.rounds))) as turn:
                for k in range(len(stretch.rounds[0])):
                    self._pack(e, [packs[k] for packs in stretch.rounds], turn)
        for k, slot in enumerate(self.outputs):
            e.memory.hand_out(e.memory.load("r", self._entry(e, slot), e.row), str(k))
        e.tables.parts[place][: len(self.entries)] = self.entries

    def _entry(self, e: "Emitter", number: int) -> str:
        """A register with a number from the table."""
        self.entries.append(number)
        return e.memory.entry(str(self.start + len(self.entries) - 1))

    def _slot(self, e: "Emitter", slots: Slots, turn: str) -> str:
        """The slot in this round: so many steps from the first, or as the table says."""
        step = regular_step(slots)
        if step is None:
            return e.memory.entry(e.text.let(f"add i64 {self._entry(e, e.tables.add(slots))}, {turn}"))
        first = self._entry(e, int(slots[0]))
        return first if step == 0 else e.text.let(f"add i64 {first}, {e.text.let(f'mul i64 {turn}, {step}')}")

    def _operand(self, e: "Emitter", slots: Slots, turn: str, *, is_row: bool) -> str:
        return e.memory.load("r" if is_row else "s", self._slot(e, slots, turn), e.row)

    def _pack(self, e: "Emitter", rounds: Sequence[Pack], turn: str) -> None:
        """One pack of a round, which has one instance."""
        first = rounds[0]
        tables = [np.array([pack.tables[k][0] for pack in rounds], dtype=np.int32) for k in range(len(first.tables))]
        if first.op is None:
            result = self._sum(e, first, tables, turn)
        else:
            operands = [self._operand(e, table[:, 0], turn, is_row=kind) for table, kind in zip(tables, first.rows, strict=True)]
            result = e.kernel(first.op, operands)
        outs = np.array([pack.out for pack in rounds], dtype=np.int32)
        e.memory.store("r", self._slot(e, outs, turn), result, e.row)

    def _sum(self, e: "Emitter", pack: Pack, tables: list[Slots], turn: str) -> str:
        """A sum's terms one after the other; of a long run in a loop of its own."""
        total: str | None = None
        upcoming = iter(tables)
        for run in pack.runs:
            own = [(next(upcoming), kind) for kind in run.kinds()]
            for t in range(_written(run)):
                found = [self._operand(e, table[:, t], turn, is_row=kind) for table, kind in own]
                total = e.term(run, found, total)
            if _written(run) < run.count:
                total = self._long_run(e, run, own, str(total))
        return str(total)

    def _long_run(self, e: "Emitter", run: Run, own: list[tuple[Slots, bool]], total: str) -> str:
        """The terms of a run from the second on, in as many loops as have regular steps each."""
        rest = [(table[0, _written(run) :], kind) for table, kind in own]
        for start, stop in _regular_parts([slots for slots, _ in rest]):
            total = self._part(e, run, [(slots[start:stop], kind) for slots, kind in rest], total)
        return total

    def _part(self, e: "Emitter", run: Run, own: list[tuple[Slots, bool]], total: str) -> str:
        """Some of these terms."""

        def add(t: Counter, totals: list[str]) -> list[str]:
            return [e.term(run, [self._operand(e, slots, str(t), is_row=kind) for slots, kind in own], totals[0])]

        return e.repeated(0, self._entry(e, len(own[0][0])), [total], add)[0]


def _regular_parts(columns: Sequence[Slots]) -> list[tuple[int, int]]:
    """Where stretches of regular steps in all columns begin and end; if these are many, everything as one."""
    steps = np.diff(np.stack(columns), axis=1)
    parts, start, count = list[tuple[int, int]](), 0, len(columns[0])
    while start < count and len(parts) <= MOST_PARTS:
        same = (steps[:, start:] == steps[:, start : start + 1]).all(axis=0)
        stop = count if same.all() else start + 1 + int(np.argmin(same))
        parts.append((start, stop))
        start = stop
    return parts if len(parts) <= MOST_PARTS else [(0, count)]


def _entries_of(run: Run) -> int:
    """How many numbers of the table a run needs at most."""
    kinds = len(run.kinds())
    return _written(run) * kinds + (MOST_PARTS * (kinds + 1) if _written(run) < run.count else 0)


def _turned(stretch: Stretch) -> list[Stretch]:
    """The same with packs of one instance: those of a pack that stands alone are rounds, in a body they follow one another."""
    if len(stretch.rounds) > 1:
        return [Stretch(tuple([tuple([one for pack in packs for one in _instances(pack)]) for packs in stretch.rounds]))]
    (pack,) = stretch.rounds[0]
    alone = [((one,),) for one in _instances(pack)]
    has_long_runs = any([run.count > LARGEST_RUN for run in pack.runs])
    return list(map(Stretch, alone)) if has_long_runs else [Stretch(tuple([packs for (packs,) in alone]))]


def _peeled(stretch: Stretch) -> list[Stretch]:
    """The rounds whose slots move on in regular steps as a loop, and a round or two before and after it that do not by themselves."""
    rounds = stretch.rounds
    slots = np.array([[x for pack in packs for x in (pack.out, *np.concatenate(pack.tables, axis=None))] for packs in rounds])
    steps = np.diff(slots, axis=0)
    same = [True, *(steps[1:] == steps[:-1]).all(axis=1)]  # as the step before
    starts = [i for i, holds in enumerate(same) if not holds] or [0]
    start, stop = max(zip([0, *starts], [*starts, len(steps)], strict=True), key=lambda part: part[1] - part[0])
    before, loop, after = rounds[:start], rounds[start : stop + 1], rounds[stop + 1 :]
    if len(before) + len(after) > MOST_PEELED or len(loop) < FEWEST:
        return [stretch]
    return [Stretch((packs,)) for packs in before] + [Stretch(loop)] + [Stretch((packs,)) for packs in after]


def _instances(pack: Pack) -> list[Pack]:
    return [replace(pack, tables=tuple([table[n : n + 1] for table in pack.tables]), out=pack.out + n) for n in range(pack.count)]


def _written(run: Run) -> int:
    """How many terms of a run are written out: all of a short one, the first of a long one."""
    return run.count if run.count <= LARGEST_RUN else 1
