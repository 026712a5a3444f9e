"""One sample through a small program, number by number, with Python's floats.

A call of NumPy takes about a microsecond before it begins, and a pack of one sum takes several: the call of a compiled function of eight
operations takes 86 µs with arrays and 10 so. The values are those of the table, so the bits are the eager engine's.
"""

from collections.abc import Iterator, Sequence
from typing import final

from autograd.compiler.program import Pack, Program
from autograd.ops import Op

# So many numbers that are read in a pack, on average, are few.
FEW = 16
# Sign, a, b and gate of a term, as slots; −1 for what is not there.
Term = tuple[int, int, int, int]


def is_small(program: Program) -> bool:
    """Whether a program without lanes has packs of few numbers."""
    read = sum([table.size for pack in program.packs for table in pack.tables])
    return not program.n_lanes and read <= FEW * len(program.packs) and not any([pack.reduces for pack in program.packs])


@final
class Steps:
    """The program as steps in order, one for each number."""

    def __init__(self, program: Program) -> None:
        self.constants = list(program.constants)
        self.outputs = [slot for _, slot in program.outputs]
        self.steps = [step for pack in program.packs for step in _steps(pack)]

    def run(self, inputs: Sequence[float]) -> list[float]:
        """The outputs for these inputs."""
        numbers = [*self.constants, *inputs]
        for op, slots, terms in self.steps:  # results lie in the order of the packs
            numbers.append(_sum(numbers, terms) if op is None else float(op.value(*[numbers[i] for i in slots])))
        return [numbers[i] for i in self.outputs]


def _steps(pack: Pack) -> Iterator[tuple[Op | None, Sequence[int], Sequence[Term]]]:
    columns = [table.tolist() for table in pack.tables]
    for i in range(pack.count):
        own = [column[i] for column in columns]
        if pack.op is not None:
            yield pack.op, [slot for (slot,) in own], ()
        else:
            yield None, (), list(_terms(pack, own))


def _terms(pack: Pack, own: Sequence[Sequence[int]]) -> Iterator[Term]:
    """The terms of one sum."""
    tables = iter(own)
    for run in pack.runs:
        nothing = [-1] * run.count
        a = next(tables)
        b = nothing if run.b_is_row is None else next(tables)
        gate = nothing if run.gate_is_row is None else next(tables)
        yield from zip([run.sign] * run.count, a, b, gate, strict=True)


def _sum(numbers: Sequence[float], terms: Sequence[Term]) -> float:
    total: float | None = None
    for sign, a, b, gate in terms:
        if gate >= 0 and numbers[gate] == 0.0:
            total = -0.0 if total is None else total
            continue
        term = numbers[a] if b < 0 else numbers[a] * numbers[b]
        signed = -term if sign < 0 else term
        total = signed if total is None else total + signed
    assert total is not None
    return total
