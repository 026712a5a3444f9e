"""Short programs of rows as straight lines of LLVM IR: every row is a register, and only what goes out is written to memory.

What a loop over the instances of a pack or the terms of a sum saves is text; where there are few of them, it costs a store and a load of
every row. LLVM keeps in memory what it has no registers for. Measured on an AMD EPYC (Zen 4, AVX-512): a sample of Newton's square root
with its derivative (69 packs) takes 5.5 instead of 12.0 ns and the program 14 instead of 57 ms to compile, one of the package vincenty (397
packs) 164 instead of 219 ns.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from autograd import ops
from autograd.compiler.kernels import LIBM
from autograd.compiler.program import Pack, Run
from autograd.compiler.targets.llvm import exact_rows
from autograd.ops import Op

if TYPE_CHECKING:
    from autograd.compiler.targets.llvm.emitter import Emitter

# So many instances of a pack, terms of a sum, and operands of all packs are written out.
MOST_INSTANCES, MOST_TERMS, MOST_OPERANDS = 16, 32, 2500


def is_short(packs: Sequence[Pack]) -> bool:
    """Whether these packs of rows are few and small."""
    return sum([table.size for pack in packs for table in pack.tables]) <= MOST_OPERANDS and all(map(_is_small, packs))


def _is_small(pack: Pack) -> bool:
    is_for_many = pack.op is not None and LIBM.get(pack.op) in exact_rows.PARTS and pack.count >= exact_rows.FEWEST
    return pack.count <= MOST_INSTANCES and all([run.count <= MOST_TERMS for run in pack.runs]) and not is_for_many


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
    """Writes instances; the registers of ``rows``, and of the sine and cosine of those ``angles`` of which both are wanted."""

    def __init__(self, e: "Emitter", packs: Sequence[Pack]) -> None:
        self.e = e
        self.rows = {slot: e.memory.lanes_in(str(slot)) for slot in range(e.program.n_lanes)}
        both = _operands(packs, ops.sin) & _operands(packs, ops.cos)
        self.angles = both if both and e.exact("sin") and e.exact("cos") else frozenset()
        self.pairs: dict[int, tuple[str, str]] = {}

    def row(self, pack: Pack, n: int) -> str:
        """The register of an instance."""
        tables = zip(pack.tables, pack.rows_of_tables(), strict=True)
        if pack.op is None:
            return self._sum(pack.runs, [[self._read(slot, is_row) for slot in table[n].tolist()] for table, is_row in tables])
        slots = [int(table[n, 0]) for table in pack.tables]
        if pack.op in (ops.sin, ops.cos) and slots[0] in self.angles:
            return self._sine_and_cosine(slots[0])[pack.op is ops.cos]
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

    def _sine_and_cosine(self, slot: int) -> tuple[str, str]:
        """Both at once."""
        if slot not in self.pairs:
            self.pairs[slot] = self.e.sine_and_cosine(self.rows[slot])
        return self.pairs[slot]


def _operands(packs: Sequence[Pack], op: Op) -> frozenset[int]:
    """The rows that an op of one operand is taken of."""
    return frozenset([slot for pack in packs if pack.op is op for slot in pack.tables[0][:, 0].tolist()])
