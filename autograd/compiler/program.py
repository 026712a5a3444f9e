"""A program: packs of sums of products and of kernels, in order of execution.

Glossary::

    shared     a number that is the same for all samples: a parameter, a constant, what is computed from these
    row        a number that varies from sample to sample: a sample's input and whatever depends on one
    lane       one sample's place in the rows
    sum        Σ ± a·b, in order; a plain term has no b. Every chain of + and every dot product is one
    gate       a number that says of a term whether it counts: where it is 0 the term is left out, as −0 and not as 0·nan
    kernel     any other op, see ``kernels``
    pack       all sums (or kernels) of one form on one level: one loop over a table of operand slots
    slot       a place in the array of shared numbers, or in the array of rows

The normal form is the blackboard's ``a = Σ w·x``, ``x = g(a)``, and of the adjoints too, since δⱼ = g′(aⱼ) Σᵢ wᵢⱼ δᵢ. It keeps the order
of every sum: only a chain whose left operand is again a sum nobody else uses is taken together. What is computed is therefore
what the eager engine computes, to the last bit; sums over lanes are the one exception (``over_lanes``).

A program is data: it knows nothing of how it is executed, prints, and pickles.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import final

import numpy as np
import numpy.typing as npt

from autograd.labels import plain_name
from autograd.ops import Op

Slots = npt.NDArray[np.int32]
_LONGEST = 12  # names in a line of a listing


@final
@dataclass(frozen=True)
class Run:
    """Consecutive terms of one kind in a sum: ``count`` times ± a·b or ± a, where a, b and the gate are rows or shared."""

    count: int
    sign: int
    a_is_row: bool
    b_is_row: bool | None  # None: a plain term
    gate_is_row: bool | None = None  # None: no gate

    def kinds(self) -> list[bool]:
        """Of a, of b and of the gate, as far as they are there, whether it is a row."""
        return [kind for kind in (self.a_is_row, self.b_is_row, self.gate_is_row) if kind is not None]


@final
@dataclass(frozen=True)
class Pack:
    """One loop: the same computation for each of ``len(tables[0])`` instances, into consecutive slots from ``out`` on.

    Of a sum, ``op`` is None and ``runs`` says the kinds of the terms; ``tables`` holds for each run the slots of a, then those of b
    and of the gate if there are any, as arrays [instance, term]. Of a kernel, ``tables`` holds for each operand the slots as an array
    [instance, 1] and ``rows`` whether they are rows. ``is_row`` says whether results are rows; ``reduces`` whether they are summed
    over the lanes.
    """

    op: Op | None
    runs: tuple[Run, ...]
    rows: tuple[bool, ...]
    tables: tuple[Slots, ...]
    out: int
    is_row: bool
    reduces: bool
    level: int

    @property
    def count(self) -> int:
        """The number of instances."""
        return len(self.tables[0])

    @property
    def operands(self) -> int:
        """How many slots all instances read."""
        return sum([table.size for table in self.tables])

    def rows_of_tables(self) -> list[bool]:
        """For each table whether its slots are rows."""
        if self.op is not None:
            return list(self.rows)
        return [kind for run in self.runs for kind in run.kinds()]


@final
@dataclass(frozen=True)
class Program:
    """Packs in order of execution, and what goes in and out.

    Shared slots hold first ``constants``, then ``n_shared`` inputs, then results; rows hold first ``n_lanes`` inputs, then results.
    ``outputs`` are pairs (is row, slot).
    """

    constants: tuple[float, ...]
    n_shared: int
    n_lanes: int
    packs: tuple[Pack, ...]
    shared_size: int
    rows_size: int
    outputs: tuple[tuple[bool, int], ...]
    scalar_nodes: int
    normal_nodes: int
    levels: int

    def parts(self) -> Iterator[str | bytes]:
        """All that it is but its ops, which it names: programs of equal parts are the same."""
        yield repr((self.constants, self.n_shared, self.n_lanes, self.shared_size, self.rows_size, self.outputs))
        for pack in self.packs:
            name, shapes = None if pack.op is None else pack.op.name, [table.shape for table in pack.tables]
            yield repr((name, pack.runs, pack.rows, shapes, pack.out, pack.is_row, pack.reduces, pack.level))
            yield from (table.tobytes() for table in pack.tables)

    def listing(self, labels: Sequence[str] = ()) -> str:
        """The program in the blackboard's notation, one pack per line: s are shared numbers, r rows.

        ``s1…4`` are all four places, ``s1,3`` these two, ``s1,3…9`` every second one, ``s[0…387]`` some of those in brackets. Before
        the packs stand the constants and, by the ``labels`` of shared inputs, the parameters.
        """
        return "\n".join([*heads(self, labels), *map(line_of, self.packs)])


def heads(program: Program, labels: Sequence[str]) -> Iterator[str]:
    """What is there before the first pack: constants, and the shared inputs that have labels."""
    first = len(program.constants)
    yield from _named(0, [f"{x:.6g}".replace("-", "−") for x in program.constants])
    for has_label, run in groupby(enumerate(map(plain_name, labels), first), key=lambda place: bool(place[1])):
        if has_label:
            places, names = zip(*run, strict=True)
            yield from _named(places[0], names)


def _named(first: int, names: Sequence[str]) -> Iterator[str]:
    """The names of shared places side by side, the middle of many left out."""
    if names:
        said = names if len(names) <= _LONGEST else [*names[: _LONGEST - 1], "…", names[-1]]
        yield f"{_slots(False, np.arange(first, first + len(names), dtype=np.int32)):<16} = {', '.join(said)}"


def _slots(is_row: bool, table: Slots) -> str:
    """The places of a table: s7, all from s1…4, just s1,3, every second of s1,3…9, some of s[0…387]."""
    places = np.unique(table).tolist()
    low, high, name = places[0], places[-1], "r" if is_row else "s"
    if low == high:
        return f"{name}{low}"
    if len(places) == high - low + 1:
        return f"{name}{low}…{high}"
    if len(places) <= 3:
        return f"{name}{','.join(map(str, places))}"
    step = places[1] - low
    return f"{name}{low},{low + step}…{high}" if places == list(range(low, high + 1, step)) else f"{name}[{low}…{high}]"


def line_of(pack: Pack) -> str:
    """A pack in the blackboard's notation."""
    out = _slots(pack.is_row, np.arange(pack.out, pack.out + pack.count, dtype=np.int32))
    if pack.op is not None:
        arguments = ", ".join(_slots(row, table) for row, table in zip(pack.rows, pack.tables, strict=True))
        text = f"({arguments}){pack.op.symbol}" if pack.op.symbol.startswith("**") else f"{pack.op.name}({arguments})"
        return f"{out:<16} = {text}"
    terms: list[str] = []
    tables = iter(pack.tables)
    for run in pack.runs:
        text = _slots(run.a_is_row, next(tables))
        if run.b_is_row is not None:
            text += f"·{_slots(run.b_is_row, next(tables))}"
        if run.gate_is_row is not None:
            text = f"[{_slots(run.gate_is_row, next(tables))}]{text}"
        terms.append(("− " if run.sign < 0 else "+ ") + (f"Σ{_subscript(run.count)} {text}" if run.count > 1 else text))
    total = " ".join(terms).removeprefix("+ ")
    return f"{out:<16} = " + (f"Σ_lanes ({total})" if pack.reduces else total)


def _subscript(n: int) -> str:
    return str(n).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
