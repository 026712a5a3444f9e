"""Short programs of rows as straight lines of LLVM IR: every row is a register, and only what goes out is written to memory.

What a loop over the instances of a pack or the terms of a sum saves is text; where there are few of them, it costs a store and a load of
every row. LLVM keeps in memory what it has no registers for. Measured on an AMD EPYC (Zen 4, AVX-512): a sample of Newton's square root
with its derivative (69 packs) takes 5.5 instead of 12.0 ns and the program 14 instead of 57 ms to compile, one of the package vincenty (397
packs) 164 instead of 219 ns.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, final

from autograd import ops
from autograd.compiler.program import Pack, Run
from autograd.compiler.targets.llvm import exact_math, exact_rows
from autograd.ops import Op

if TYPE_CHECKING:
    from autograd.compiler.targets.llvm.emitter import Emitter

# The ops of the pairs of functions that are computed at once.
_OPS = {name: [ops.named_op(one) for one in names] for name, names in exact_math.PAIRS.items()}
# So many instances of a pack, terms of a sum, and operands of all packs are written out.
MOST_INSTANCES, MOST_TERMS, MOST_OPERANDS = 16, 32, 2500


def is_short(packs: Sequence[Pack]) -> bool:
    """Whether these packs of rows are few and small."""
    return sum([table.size for pack in packs for table in pack.tables]) <= MOST_OPERANDS and all(map(_is_small, packs))


def _is_small(pack: Pack) -> bool:
    is_short = all([run.count <= MOST_TERMS for run in pack.runs])
    return pack.count <= MOST_INSTANCES and is_short and exact_rows.name_of(pack) is None


def write(e: "Emitter", packs: Sequence[Pack], outputs: Sequence[int]) -> None:
    """Write the packs one after the other, and the rows that go out."""
    lines = _Lines(e, packs)
    for pack in packs:
        for n in range(pack.count):
            lines.rows[pack.out + n] = lines.row(pack, n)
    for place, slot in enumerate(outputs):
        e.memory.hand_out(lines.rows[slot], str(place))


@final
class _Lines:
    """Writes instances; the registers of ``rows``, and of both functions of a pair where both are wanted of the same row."""

    def __init__(self, e: "Emitter", packs: Sequence[Pack]) -> None:
        self.e = e
        self.rows = {slot: e.memory.lanes_in(str(slot)) for slot in range(e.program.n_lanes)}
        self.paired = {name: slots for name, slots in _paired(packs) if all(map(e.exact, exact_math.PAIRS[name]))}
        self.pairs: dict[tuple[str, int], tuple[str, str]] = {}

    def row(self, pack: Pack, n: int) -> str:
        """The register of an instance."""
        tables = zip(pack.tables, pack.rows_of_tables(), strict=True)
        if pack.op is None:
            return self._sum(pack.runs, [[self._read(slot, is_row) for slot in table[n].tolist()] for table, is_row in tables])
        slots = [int(table[n, 0]) for table in pack.tables]
        for name, both in self.paired.items():
            if slots[0] in both and pack.op in _OPS[name]:
                return self._pair(name, slots[0])[_OPS[name].index(pack.op)]
        return self.e.kernel(pack.op, [self._read(slot, is_row) for slot, is_row in zip(slots, pack.rows, strict=True)])

    def _read(self, slot: int, is_row: bool) -> str:
        return self.rows[slot] if is_row else self.e.memory.load("s", str(slot), self.e.row)

    def _sum(self, runs: Sequence[Run], operands: Sequence[Sequence[str]]) -> str:
        """The terms one after the other."""
        total: str | None = None
        upcoming = iter(operands)
        for run in runs:
            for factors in zip(*[next(upcoming) for _ in run.kinds()], strict=True):
                total = self.e.term(run, factors, total)
        return str(total)

    def _pair(self, name: str, slot: int) -> tuple[str, str]:
        """Both at once."""
        if (name, slot) not in self.pairs:
            self.pairs[name, slot] = self.e.pair(name, self.rows[slot])
        return self.pairs[name, slot]


def _paired(packs: Sequence[Pack]) -> Iterator[tuple[str, frozenset[int]]]:
    """For each pair of functions the rows of which both are taken, if there are any."""
    for name, of_pair in _OPS.items():
        first, second = [_operands(packs, op) for op in of_pair]
        if first & second:
            yield name, first & second


def _operands(packs: Sequence[Pack], op: Op) -> frozenset[int]:
    """The rows that an op of one operand is taken of."""
    return frozenset([slot for pack in packs if pack.op is op for slot in pack.tables[0][:, 0].tolist()])
