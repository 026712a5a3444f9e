"""From recorded Values to a program: normal form, levels, packs.

Glossary::

    shared     a number that is the same for all samples: a parameter, a constant, what is computed from these
    row        a number that varies from sample to sample: a sample's input and whatever depends on one
    lane       one sample's place in the rows
    sum        Σ ± a·b, in order; a plain term has no b. Every chain of + and every dot product is one
    kernel     any other op, see ``kernels``
    pack       all sums (or kernels) of one form on one level: one loop over a table of operand slots
    slot       a place in the array of shared numbers, or in the array of rows

The normal form is the blackboard's ``a = Σ w·x``, ``x = g(a)``, and of the adjoints too, since δⱼ = g′(aⱼ) Σᵢ wᵢⱼ δᵢ. It keeps the order
of every sum: only a chain whose left operand is again a sum nobody else uses is taken together. What is computed is therefore
what the eager engine computes, to the last bit; sums over lanes are the one exception (``over_lanes``).

A program is data: it knows nothing of how it is executed, prints, and pickles.
"""

import contextlib
import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autograd import ops
from autograd.compiler.kernels import IDENTITIES, is_of_table
from autograd.modes import call_site, switched
from autograd.ops import Op
from autograd.value import Value, topological_order

Slots = npt.NDArray[np.int32]

# The sum of a row over all lanes, a shared number. Recorded on one sample, where it is that sample's number.
over_lanes = Op("over_lanes", lambda a: a, lambda g, y, a: (g,), symbol="Σ lanes")


@final
@dataclass(frozen=True)
class Run:
    """Consecutive terms of one kind in a sum: ``count`` times ± a·b or ± a, where a and b are rows or shared."""

    count: int
    sign: int
    a_is_row: bool
    b_is_row: bool | None  # None: a plain term


@final
@dataclass(frozen=True)
class Pack:
    """One loop: the same computation for each of ``len(tables[0])`` instances, into consecutive slots from ``out`` on.

    Of a sum, ``op`` is None and ``runs`` says the kinds of the terms; ``tables`` holds for each run the slots of a, then those of b
    if there are any, as arrays [instance, term]. Of a kernel, ``tables`` holds for each operand the slots as an array [instance, 1]
    and ``rows`` whether they are rows. ``is_row`` says whether results are rows; ``reduces`` whether they are summed over the lanes.
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

    def rows_of_tables(self) -> list[bool]:
        """For each table whether its slots are rows."""
        if self.op is not None:
            return list(self.rows)
        kinds = [kind for run in self.runs for kind in (run.a_is_row, run.b_is_row)]
        return [kind for kind in kinds if kind is not None]


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

    def listing(self) -> str:
        """The program in the blackboard's notation, one pack per line: s are shared numbers, r rows.

        ``s1…4`` are all four places, ``s1,3`` these two, ``s1,3…9`` every second one, ``s[0…387]`` some of those in brackets.
        """
        return "\n".join(_line(pack) for pack in self.packs)


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


def _line(pack: Pack) -> str:
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
        terms.append(("− " if run.sign < 0 else "+ ") + (f"Σ{_subscript(run.count)} {text}" if run.count > 1 else text))
    total = " ".join(terms).removeprefix("+ ")
    return f"{out:<16} = " + (f"Σ_lanes ({total})" if pack.reduces else total)


def _subscript(n: int) -> str:
    return str(n).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


@contextlib.contextmanager
def collector_resting() -> Iterator[None]:
    """A context without Python's cyclic collector: what is built here has no cycles, and looking for some costs a fifth of the
    time (0.44 instead of 0.35 s to differentiate micrograd's two-moons loss)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def refuse_by_hand(nodes: Sequence[Value]) -> None:
    """TypeError, naming the node, for an op with a hand-written backward or value."""
    for v in nodes:
        if not v.is_leaf and v.op.rule is None:
            name = f" labelled {v.label!r}" if v.label else ""
            raise TypeError(
                f"the node{name} with op {v.op.symbol!r} was made by hand (Value(data, children, op)) and cannot be compiled; "
                "make its op a row: autograd.Op(name, value, rule)"
            )


@contextlib.contextmanager
def recording(on_branch: Callable[[Value], None]) -> Iterator[list[Value]]:
    """A context to record a function of numbers in, which puts its results into the list.

    TypeError at the end if one rests on a node made by hand, or if the function has read the plain number of a Value. (Closures of
    the lecture do both, and deserve the error that names their node.)
    """
    results: list[Value] = []
    reads: list[str] = []

    def on_read(v: Value) -> None:
        reads.append(f".data{f' of {v.label!r}' if v.label else ''} is read at {call_site()}")

    with switched(on_branch=on_branch, on_read=on_read, recording=True):
        yield results
    refuse_by_hand(topological_order(*results))
    if reads:
        raise TypeError(
            f"{reads[0]}: compiled, it would stay at the number it has now; use the Value itself, stop_gradient(x) for its number "
            "without a gradient, or where(condition, a, b) to choose by it"
        )


@final
@dataclass(frozen=True)
class Fingerprint:
    """A recorded graph without its numbers: two with equal fingerprints compile to the same program.

    Ops of a user's own count by their names, since such an op may be made anew for each recording; programs of graphs with
    ``own_ops`` are not for sharing.
    """

    nodes: tuple[Any, ...]
    outputs: tuple[int, ...]
    own_ops: bool


def fingerprint(outputs: Sequence[Value], inputs: Sequence[Value]) -> Fingerprint:
    """What was recorded from the inputs to the outputs: ops, connections and constants."""
    number = {v: i for i, v in enumerate(inputs)}
    nodes: list[Any] = [len(inputs)]
    own_ops = False
    for v in topological_order(*outputs):
        if v in number:
            continue
        number[v] = len(number)
        if v.is_leaf:
            nodes.append((v.is_constant, repr(v._data)))
        else:
            is_own = not is_of_table(v.op)
            own_ops = own_ops or is_own
            nodes.append((v.op.name if is_own else v.op, *[number[o] for o in v._prev]))
    return Fingerprint(tuple(nodes), tuple([number[v] for v in outputs]), own_ops)


# --- Normal form ---------------------------------------------------------------------------------------------------------------

# A term of a sum: (sign, a, b) with b = −1 for a plain term; a and b are node numbers.
Term = tuple[int, int, int]


@final
class _Builder:
    """Takes the recorded nodes in topological order and keeps, per node number, what remains of it in normal form."""

    def __init__(self, outputs: Sequence[Value], shared: Sequence[Value], lanes: Sequence[Value]) -> None:
        self.shared, self.lanes = shared, lanes
        self.number: dict[Value, int] = {}
        self.order: list[Value] = []
        for v in [*shared, *lanes, *topological_order(*outputs)]:
            if v not in self.number:
                self.number[v] = len(self.order)
                self.order.append(v)
        n = len(self.order)
        self.operands: list[tuple[int, ...]] = [()] * n
        self.uses = [0] * n
        self.is_row = [False] * n
        self.sums: list[list[Term] | None] = [None] * n
        self.kernels: list[Op | None] = [None] * n
        self.outputs = self._read(outputs)

    def _read(self, outputs: Sequence[Value]) -> list[int]:
        """Fill in operands, uses and what is a row; +x and stop_gradient(x) are x."""
        inputs = len(self.shared) + len(self.lanes)
        for i in range(len(self.shared), inputs):
            self.is_row[i] = True
        number = self.number
        for i in range(inputs, len(self.order)):
            v = self.order[i]
            if v.op in IDENTITIES:
                number[v] = number[v._a]
                continue
            operands = tuple([number[o] for o in v._prev])
            self.operands[i] = operands
            for o in operands:
                self.uses[o] += 1
                if self.is_row[o]:
                    self.is_row[i] = True
            if v.op is over_lanes:
                self.is_row[i] = False
        found = [number[v] for v in outputs]
        for o in found:
            self.uses[o] += 1
        return found

    def normalise(self) -> None:
        """Turn every node into a sum or a kernel; a node taken into a sum leaves nothing behind."""
        for i in range(len(self.shared) + len(self.lanes), len(self.order)):
            v = self.order[i]
            if not self.operands[i]:
                continue
            op, operands = v.op, self.operands[i]
            if op is ops.multiply:
                self.sums[i] = [(1, *self._shared_first(operands[0], operands[1]))]
            elif op is ops.add:
                self.sums[i] = [*self._leading(i, operands[0]), self._term(i, 1, operands[1])]
            elif op is ops.subtract:
                self.sums[i] = [*self._leading(i, operands[0]), self._term(i, -1, operands[1])]
            elif op is ops.sum_op:
                self.sums[i] = [*self._leading(i, operands[0]), *[self._term(i, 1, o) for o in operands[1:]]]
            elif op is ops.dot_op:
                half = len(operands) // 2
                pairs = zip(operands[:half], operands[half:-1], strict=True)
                products = [(1, *self._shared_first(a, b)) for a, b in pairs]
                self.sums[i] = [*self._leading(i, operands[-1]), *products]
            elif op is over_lanes:
                self.sums[i] = self._reduced(operands[0])
            else:
                self.kernels[i] = op

    def _shared_first(self, a: int, b: int) -> tuple[int, int]:
        """A product's operands, the shared one first: a·b and b·a have the same bits and should be one kind of term."""
        return (b, a) if self.is_row[a] and not self.is_row[b] else (a, b)

    def _is_mine(self, i: int, operand: int) -> bool:
        """Whether a node is used by node i alone and of its kind, so that i may take it in."""
        return self.uses[operand] == 1 and self.is_row[operand] == self.is_row[i]

    def _leading(self, i: int, operand: int) -> list[Term]:
        terms = self.sums[operand]
        if terms is not None and self._is_mine(i, operand) and self.order[operand].op is not over_lanes:
            self.sums[operand] = None
            return terms
        return [(1, operand, -1)]

    def _term(self, i: int, sign: int, operand: int) -> Term:
        if self._is_mine(i, operand):
            if self.kernels[operand] is ops.negative:
                self.kernels[operand] = None
                return self._term(i, -sign, self.operands[operand][0])
            terms = self.sums[operand]
            if terms is not None and len(terms) == 1 and terms[0][2] >= 0 and self.order[operand].op is not over_lanes:
                self.sums[operand] = None
                return (sign, terms[0][1], terms[0][2])
        return (sign, operand, -1)

    def _reduced(self, operand: int) -> list[Term]:
        terms = self.sums[operand]
        if terms is not None and self.uses[operand] == 1:
            self.sums[operand] = None
            return terms
        return [(1, operand, -1)]


def build(outputs: Sequence[Value], shared: Sequence[Value] = (), lanes: Sequence[Value] = ()) -> Program:
    """The program that computes ``outputs`` from the numbers of ``shared`` and, for every sample, those of ``lanes``.

    Leaves that are neither are constants. TypeError, naming the node, for an op with a hand-written backward or value.
    """
    builder = _Builder(outputs, shared, lanes)
    refuse_by_hand(builder.order)
    builder.normalise()
    return _Packer(builder).program()


@final
class _Packer:
    """Groups the normal form by level and form, and gives every number its slot."""

    def __init__(self, builder: _Builder) -> None:
        self.b = builder
        self.alive = [i for i in range(len(builder.order)) if builder.sums[i] is not None or builder.kernels[i] is not None]
        n = len(builder.order)
        self.level = [0] * n
        self.is_late = [False] * n  # shared, but computed from a sum over lanes
        self.slot = [-1] * n
        self.constants: list[float] = []

    def _references(self, i: int) -> list[int]:
        terms = self.b.sums[i]
        if terms is None:
            return list(self.b.operands[i])
        return [x for _, a, b in terms for x in ((a,) if b < 0 else (a, b))]

    def _place(self) -> None:
        """Levels: one more than the highest operand. Shared numbers that need a sum over lanes come after all rows."""
        level, is_late, order = self.level, self.is_late, self.b.order
        for i in self.alive:
            references = self._references(i)
            level[i] = 1 + max([level[o] for o in references])
            is_late[i] = order[i].op is over_lanes or any([is_late[o] for o in references])
            if is_late[i] and self.b.is_row[i]:
                raise ValueError("a sum over all samples cannot flow back into the samples it was taken over")

    def _form(self, i: int) -> tuple[Any, ...]:
        """What the instances of a pack have in common, apart from their level."""
        is_row, terms = self.b.is_row, self.b.sums[i]
        if terms is None:
            op = self.b.kernels[i]
            return (op, tuple([is_row[o] for o in self.b.operands[i]]))
        runs: list[tuple[int, int, bool, bool | None]] = []
        for sign, a, b in terms:
            kind = (sign, is_row[a], is_row[b] if b >= 0 else None)
            if runs and runs[-1][1:] == kind:
                runs[-1] = (runs[-1][0] + 1, *kind)
            else:
                runs.append((1, *kind))
        return (None, tuple(runs), self.b.order[i].op is over_lanes)

    def program(self) -> Program:
        """The finished program."""
        self._place()
        b = self.b
        groups: dict[tuple[Any, ...], list[int]] = {}
        for i in self.alive:
            reduces = b.order[i].op is over_lanes
            phase = 1 if b.is_row[i] or reduces else 2 * self.is_late[i]
            groups.setdefault((phase, self.level[i], self._form(i)), []).append(i)
        ordered = sorted(groups.items(), key=lambda item: item[0][:2])
        sizes = self._number(ordered)
        packs = [self._pack(key, members) for key, members in ordered]
        return Program(
            constants=tuple(self.constants),
            n_shared=len(b.shared),
            n_lanes=len(b.lanes),
            packs=tuple(packs),
            shared_size=sizes[0],
            rows_size=sizes[1],
            outputs=tuple([(b.is_row[o], self.slot[o]) for o in b.outputs]),
            scalar_nodes=len(b.order),
            normal_nodes=len(self.alive),
            levels=max(self.level, default=0),
        )

    def _number(self, groups: list[tuple[tuple[Any, ...], list[int]]]) -> tuple[int, int]:
        """Give slots: constants, inputs, then pack after pack, so that a pack's results lie side by side."""
        b = self.b
        inputs = len(b.shared) + len(b.lanes)
        leaves = [i for i in range(inputs, len(b.order)) if not b.operands[i] and b.order[i].is_leaf]
        places: dict[str, int] = {}  # by their text: 0.0 and -0.0 are equal, nan is not equal to itself
        for i in leaves:
            self.slot[i] = places.setdefault(repr(b.order[i]._data), len(places))
        self.constants = [float(text) for text in places]
        for i in range(len(b.shared)):
            self.slot[i] = len(places) + i
        for row, i in enumerate(range(len(b.shared), inputs)):
            self.slot[i] = row
        shared, rows = len(places) + len(b.shared), len(b.lanes)
        for _, members in groups:
            if b.is_row[members[0]]:
                first, rows = rows, rows + len(members)
            else:
                first, shared = shared, shared + len(members)
            for k, i in enumerate(members):
                self.slot[i] = first + k
        return shared, rows

    def _pack(self, key: tuple[Any, ...], members: list[int]) -> Pack:
        b, slot = self.b, self.slot
        first, level = members[0], key[1]
        references = [[slot[o] for o in self._references(i)] for i in members]
        table = np.array(references, dtype=np.int32).reshape(len(members), -1)
        form = key[2]
        if form[0] is not None:
            columns = [table[:, k : k + 1] for k in range(table.shape[1])]
            return Pack(form[0], (), form[1], tuple(columns), slot[first], b.is_row[first], False, level)
        runs = tuple([Run(*run) for run in form[1]])
        tables: list[Slots] = []
        start = 0
        for run in runs:
            width = 1 if run.b_is_row is None else 2
            block = table[:, start : start + width * run.count]
            tables.extend(np.ascontiguousarray(block[:, k::width]) for k in range(width))
            start += width * run.count
        return Pack(None, runs, (), tuple(tables), slot[first], b.is_row[first], form[2], level)
