"""Look-ups, for targets that can read one of many numbers by its place: in constant time, whatever the number of rows.

What ``autograd.take`` records is a sum of as many terms as there are rows, row k behind the gate "the index is k", and nan behind "it is
none of these". Here such a sum becomes one ``LOOKUP``, and what nobody reads any more, conditions and their constants, is left out.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, final

import numpy as np

from autograd import ops
from autograd.compiler.program import Pack, Program, Run, Slots
from autograd.ops import Op

# A pack of these has two tables: the indices [instance, 1] and the rows [instance, row]. Nan where the index is none.
LOOKUP = Op("lookup", lambda index, *rows: rows[int(index)], None)
_CONDITIONS = (ops.both, ops.negation, ops.less, ops.less_equal, ops.greater_equal, ops.floor)
_GATED = Run(0, 1, False, None, gate_is_row=False)

# Results that stay together, and the slots that they had.
Placed = tuple[Pack, Slots]


def with_lookups(program: Program) -> Program:
    """The program with its look-ups as such; itself if it has none, or lanes."""
    if program.n_lanes:
        return program
    found = _Indices(program)
    packs = [part for pack in program.packs for part in found.parted(pack)]
    return _without_unread(program, packs) if any(pack.op is LOOKUP for pack, _ in packs) else program


def _at_most(a: Any, b: Any) -> Any:
    return ops.less_equal, a, b


def _equals(index: Any, k: float) -> Any:
    return ops.both, _at_most(index, k), _at_most(k, index)


def _is_none(index: Any, count: int) -> Any:
    """What ``take`` records as the condition that an index is none of so many."""
    whole = ops.floor, index
    is_whole = ops.both, _at_most(whole, index), _at_most(index, whole)
    within = ops.both, (ops.both, is_whole, _at_most(0.0, index)), (ops.less, index, float(count))
    return ops.negation, within


@final
class _Indices:
    """Which number the gates of a sum compare with 0, 1, 2 …"""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.kernels = [pack for pack in program.packs if pack.op in _CONDITIONS]
        self.starts = np.array([pack.out for pack in self.kernels], dtype=np.int64)
        self.index_of = cache(self._index_of)

    def parted(self, pack: Pack) -> list[Placed]:
        """The look-ups of a pack, and its other instances."""
        slots = np.arange(pack.out, pack.out + pack.count, dtype=np.int32)
        if pack.op is not None or len(pack.runs) != 1 or replace(pack.runs[0], count=0) != _GATED:
            return [(pack, slots)]
        rows, gates = pack.tables
        last = rows[:, -1].tolist()
        indices = np.array(
            [self.index_of(tuple(each)) if self._is_nan(slot) else -1 for each, slot in zip(gates.tolist(), last, strict=True)],
            dtype=np.int32,
        )
        is_one, found = indices >= 0, list[Placed]()
        if is_one.any():
            tables = indices[is_one].reshape(-1, 1), rows[is_one, :-1]
            found.append((replace(pack, op=LOOKUP, runs=(), rows=(False, False), tables=tables), slots[is_one]))
        if not is_one.all():
            found.append((replace(pack, tables=(rows[~is_one], gates[~is_one])), slots[~is_one]))
        return found

    def _is_nan(self, slot: int) -> bool:
        constants = self.program.constants
        return slot < len(constants) and constants[slot] != constants[slot]

    def _index_of(self, gates: Sequence[int]) -> int:
        """The slot of the number that decides these gates, −1 if they are others."""
        made = self._made(gates[0])
        if made is None or made[0] is not ops.both or (low := self._made(made[1])) is None:
            return -1
        index, count = low[1], len(gates) - 1
        what = self._said(index)
        expected = [*[_equals(what, float(k)) for k in range(count)], _is_none(what, count)]
        return index if all(self._said(slot) == each for slot, each in zip(gates, expected, strict=True)) else -1

    def _made(self, slot: int) -> tuple[Any, ...] | None:
        """The condition or whole number in this slot and the slots of its operands."""
        at = int(np.searchsorted(self.starts, slot, side="right")) - 1
        if at < 0 or slot >= self.starts[at] + self.kernels[at].count:
            return None
        pack = self.kernels[at]
        return (pack.op, *[int(table[slot - pack.out, 0]) for table in pack.tables])

    def _said(self, slot: int) -> Any:
        """What a slot holds: a constant, a condition in words, or else the slot's name.

        a ≥ b is said as b ≤ a: Python itself turns a comparison around whose right side is an ``Argument``, a subclass.
        """
        if slot < len(self.program.constants):
            return self.program.constants[slot]
        made = self._made(slot)
        if made is None:
            return f"s{slot}"
        op, *operands = made[0], *map(self._said, made[1:])
        return _at_most(*reversed(operands)) if op is ops.greater_equal else (op, *operands)


def _without_unread(program: Program, packs: Sequence[Placed]) -> Program:
    """The program of these packs, of which only what the outputs rest on is left, in new slots."""
    constants = len(program.constants)
    is_read = np.zeros(program.shared_size, bool)
    is_read[constants : constants + program.n_shared] = True
    is_read[[slot for _, slot in program.outputs]] = True
    for pack, slots in reversed(packs):
        for table in pack.tables:
            is_read[table[is_read[slots]]] = True
    given = np.flatnonzero(is_read[: constants + program.n_shared]).astype(np.int32)
    results = [slots[is_read[slots]] for _, slots in packs]
    order = np.concatenate([given, *results])
    new = np.zeros(program.shared_size, np.int32)
    new[order] = np.arange(len(order), dtype=np.int32)
    kept = [
        replace(pack, out=int(new[part[0]]), tables=tuple([new[table[is_read[slots]]] for table in pack.tables]))
        for (pack, slots), part in zip(packs, results, strict=True)
        if len(part)
    ]
    return replace(
        program,
        constants=tuple([x for x, read in zip(program.constants, is_read.tolist(), strict=False) if read]),
        packs=tuple(kept),
        shared_size=len(order),
        outputs=tuple([(is_row, int(new[slot])) for is_row, slot in program.outputs]),
    )
