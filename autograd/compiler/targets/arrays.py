"""The walk for targets whose words are whole arrays: JAX and ONNX.

The last axis of every array counts places; axes before it are samples, as many as there are. A pack is a gather of its operands, a
product, a sum over the last axis, and functions of what that gives. Sums are in the target's own order, so results agree with the eager
engine to rounding, not to the bit.

Programs here have no lanes: what varies from sample to sample is an axis.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autograd import ops
from autograd.compiler.kernels import PRIMITIVES, body_of
from autograd.compiler.program import Pack, Program, Run, Slots
from autograd.compiler.targets.lowered import lowered
from autograd.compiler.targets.special import unsaid
from autograd.compiler.targets.walk import Walk
from autograd.ops import Op

Places = npt.NDArray[np.int64]


class ArrayTarget(ABC):
    """How a target says things about arrays ``X`` of its own."""

    @abstractmethod
    def constant(self, numbers: Any) -> Any:
        """An array of numbers, without samples."""

    @abstractmethod
    def take(self, x: Any, places: Places) -> Any:
        """x at these places of its last axis: their axes take its place."""

    @abstractmethod
    def joined(self, parts: Sequence[Any]) -> Any:
        """Arrays one after the other along the last axis; those without samples are repeated for each."""

    @abstractmethod
    def total(self, x: Any) -> Any:
        """The sum over the last axis."""

    @abstractmethod
    def product(self, weights: Any, x: Any) -> Any:
        """Σ over the last axis of weights [n, t] without samples and x [t]."""

    @abstractmethod
    def apply(self, op: Op, operands: Sequence[Any]) -> Any:
        """A primitive of arrays and floats; None if it has to be built from others."""


def outputs_of(
    program: Program, inputs: Any, target: ArrayTarget, *, numbers: Sequence[float] = (), guards: Sequence[tuple[bool, str]] = ()
) -> Any:
    """The outputs for an array of the shared inputs, of which the last may be ``numbers``; nan where a guard is not met.

    TypeError for an op whose value is a Python function of floats.
    """
    walk = _Arrays(program, inputs, target, numbers)
    walk.walk()
    return walk.outputs(guards)


@final
class _Arrays(Walk):
    """Arrays as they are made: pieces of the shared numbers, by their first slots. A source is a table, a cell all instances of a pack."""

    def __init__(self, program: Program, inputs: Any, target: ArrayTarget, numbers: Sequence[float]) -> None:
        super().__init__(program)
        self.target = target
        constants = len(program.constants)
        own = program.n_shared - len(numbers)
        self.starts, self.pieces, self.is_fixed = [0], [target.constant(list(program.constants))], [True]
        self._add(constants, inputs, is_fixed=False)
        self._add(constants + own, target.constant(list(numbers)), is_fixed=True)

    def _add(self, start: int, piece: Any, *, is_fixed: bool) -> None:
        self.starts.append(start)
        self.pieces.append(piece)
        self.is_fixed.append(is_fixed)

    def outputs(self, guards: Sequence[tuple[bool, str]]) -> Any:
        """The outputs behind those of the guards."""
        slots = np.array([slot for _, slot in self.program.outputs], dtype=np.int32)
        found = self.gathered(slots[len(guards) :])
        for slot, (answer, _) in zip(slots, guards, strict=False):
            condition = self.gathered(np.array([slot], dtype=np.int32))
            nothing = float("nan")
            found = self.apply(ops.select, [condition, found, nothing] if answer else [condition, nothing, found])
        return found

    def gathered(self, table: Slots) -> Any:
        """The shared numbers in these slots."""
        which = np.searchsorted(self.starts, table, side="right") - 1
        used = np.unique(which)
        parts = [self.pieces[i] for i in used]
        if len(used) == 1:
            return self.target.take(parts[0], table.astype(np.int64) - self.starts[used[0]])
        first = [int(table[which == i].min()) for i in used]
        last = [int(table[which == i].max()) for i in used]
        cut = [
            self.target.take(part, np.arange(low - self.starts[i], high + 1 - self.starts[i]))
            for part, i, low, high in zip(parts, used, first, last, strict=True)
        ]
        begins = np.cumsum([0, *[high + 1 - low for low, high in zip(first, last, strict=True)]])
        places = table.astype(np.int64)
        for k, i in enumerate(used):
            places = np.where(which == i, table - first[k] + begins[k], places)
        return self.target.take(self.target.joined(cut), places)

    # --- The walk ---

    def sources(self, pack: Pack) -> list[Slots]:
        """The tables."""
        return list(pack.tables)

    def cells(self, pack: Pack, sources: Sequence[Slots]) -> Iterator[Sequence[Pack]]:
        """All instances at once."""
        yield [pack]

    def at(self, source: Slots, cell: Pack) -> Slots:
        """The same."""
        return source

    def read(self, operand: Slots, t: Any) -> Any:
        """The numbers of one column."""
        return self.gathered(operand[:, t])

    def run(self, run: Run, sources: Sequence[Slots], cells: Sequence[Pack], totals: list[Any]) -> list[Any]:
        """All terms at once: a product and a sum."""
        tables = list(sources)
        gate = self.gathered(tables.pop()) if run.gate_is_row is not None else None
        found = self._product(tables) if gate is None else self._factors(tables)
        if gate is not None:
            found = self.target.total(self.apply(ops.select, [gate, found, 0.0]))
        return [self.term(run, [found], totals[0])]

    def term(self, run: Run, factors: Sequence[Any], total: Any) -> Any:
        """The total with what a run adds up to."""
        if total is None:
            return self.apply(ops.negative, factors) if run.sign < 0 else factors[0]
        return self.apply(ops.subtract if run.sign < 0 else ops.add, [total, *factors])

    def store(self, pack: Pack, cells: Sequence[Pack], results: Sequence[Any]) -> None:
        """One more piece."""
        self._add(pack.out, results[0], is_fixed=False)

    def _factors(self, tables: Sequence[Slots]) -> Any:
        reads = [self.gathered(table) for table in tables]
        return reads[0] if len(reads) == 1 else self.apply(ops.multiply, reads)

    def _product(self, tables: Sequence[Slots]) -> Any:
        """Σₜ a·b for each instance; a matrix product where a are numbers and all instances have the same b."""
        if tables[0].shape[1] == 1:
            return self._factors([table[:, 0] for table in tables])
        for a, b in (tables, tables[::-1]) if len(tables) == 2 else ():
            if (b == b[:1]).all() and len(b) > 1 and self._is_fixed_table(a):
                return self.target.product(self.gathered(a), self.gathered(b[0]))
        return self.target.total(self._factors(tables))

    def _is_fixed_table(self, table: Slots) -> bool:
        return all(self.is_fixed[i] for i in np.unique(np.searchsorted(self.starts, table, side="right") - 1))

    # --- Kernels ---

    def kernel(self, op: Op, operands: Sequence[Any]) -> Any:
        """Its body, of arrays and floats."""
        body = body_of(op, len(operands))
        found: list[Any] = list(operands)
        for step in body.instructions:
            found.append(self.apply(step.op, [found[x] if isinstance(x, int) else x for x in step.operands]))
        if isinstance(body.result, int):
            return found[body.result]
        return self.target.constant([body.result])

    def apply(self, op: Op, operands: Sequence[Any]) -> Any:
        """A primitive, or what it is built from where the target has none."""
        result = self.target.apply(op, operands) if op in PRIMITIVES else None
        simpler = lowered(op) if result is None else None
        if simpler is not None:
            return self.kernel(simpler, operands)
        if result is None:
            raise unsaid(op)
        return result
