"""A program as LLVM IR: one function, one loop nest per pack.

The text grows with the number of packs, not of nodes: which slots an instance reads is arithmetic on loop counters where the slots
lie in regular steps, and a look-up in a table of int32 handed to the function where they do not.

Rows exist only for the ``width`` lanes in work; the loop over blocks of lanes is the outermost, so that all of a block's numbers stay
in the nearest cache. Several instances of a pack run side by side (``jam``), which hides the latency of their additions (strict mode
must do those of one instance one after the other) and lets instances that read the same row read it once.

Signature of the generated function::

    void run(double *s, double *r, const double *lanes, double *out_s, double *out_r, double *kept, const int *tab, long padded, long count)

with the shared slots s (constants and inputs filled in), scratch r [rows_size × width], the lanes' inputs [n_lanes × padded], and the
outputs; ``padded`` is the number of lanes rounded up to the width, ``count`` the lanes that are real.

Sums over lanes run after the blocks, over rows that were kept for them in ``kept`` [row × (padded + width)], with 0 in the lanes that
are not real: so a sum's total stays in registers from the first lane to the last. (The line of numbers added to each kept row keeps
rows from falling on the same places of the cache when ``padded`` is a power of two.)
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import final

import numpy as np

from autograd import ops
from autograd.compiler.kernels import ARITHMETIC, COMPARISONS, LOGIC, body_of
from autograd.compiler.program import Pack, Program, Run, Slots
from autograd.compiler.targets.llvm import exact_math, exact_rows, straight
from autograd.compiler.targets.llvm.grids import Grid, grid_of
from autograd.compiler.targets.llvm.kernels import BodyEmitter
from autograd.compiler.targets.llvm.lanes import LaneSums, shares, side_by_side
from autograd.compiler.targets.llvm.loops import loops_of
from autograd.compiler.targets.llvm.memory import GATHER, Cell, Kept, Memory, Operand, Source
from autograd.compiler.targets.llvm.processor import has_avx512
from autograd.compiler.targets.llvm.stretches import Stretches, stretches_of
from autograd.compiler.targets.llvm.text import COPY, Carried, Form, Text, double, vector_declarations
from autograd.compiler.targets.llvm.turned import Turned
from autograd.compiler.targets.tables import Tables
from autograd.compiler.targets.walk import Counter, Walk
from autograd.ops import Op

# Instances of a pack of sums side by side. More of them cost time to compile and gain little: for rows 2, 4 and 8 gave 68, 62 and
# 59 µs for a training step of 2-64-64-1, for shared numbers 1, 2 and 4 gave 40, 35 and 33 µs for a transformer's gradient.
JAM_SHARED = 2


def jam_rows() -> int:
    """Instances of a pack of rows side by side: 8 where a register holds 8 doubles; elsewhere 4, as the totals of 8 would fill all 16
    registers of two halves each: 512 and 277 µs for that step on a processor with AVX2."""
    return 8 if has_avx512() else 4


# Shared numbers of neighbouring instances are computed as vectors of so many, also where each instance's terms lie in a row: a step of a
# transformer of 7 places takes 44 instead of 63 µs (EPYC with AVX-512). So are ops for which processors have vector instructions.
ACROSS = 8
VECTORIZED = frozenset(
    [*ARITHMETIC, *COMPARISONS, *LOGIC, ops.negative, ops.absolute, ops.sqrt, ops.floor, ops.rint, ops.sign, ops.select]
)
# LLVM takes more than twice as long for a function twice as long, so only so many packs go into one: the 115 packs of a transformer
# compile in 0.34 instead of 0.64 s.
PACKS_OF_A_FUNCTION = 8
# In programs of more packs than this, packs of shared numbers with fewer operands are not optimised: LLVM takes 0.7 of the time for the
# steps of transformers of 3 to 16 places (160 packs each) that it takes where this holds below 1,000 operands alone, and 0.65 for the loss
# of one of 7 places; these steps take 2 % longer, that loss 5 to 10 % (Xeon, Emerald Rapids).
MANY_PACKS, LIGHT = 64, 20_000
# Neighbours among the numbers that go out, on average, from which on they are copied at once: one by one the gradients of 784-128-10
# take 24 µs of a step of 390 (EPYC, Zen 4).
WORTH_COPYING = 8
# Operands of a pack from which on it is worth it to turn what does not lie in rows.
TURNED = 1000

_ARRAYS = "ptr noalias %s, ptr noalias %r"
_REST = "ptr noalias readonly %tab, i64 %padded, i64 %count"
_ARGUMENTS = f"{_ARRAYS}, ptr %lanes, ptr noalias %out_s, ptr %out_r, ptr noalias %kept, {_REST}"
_ARGUMENTS_OF_A_PART = f"{_ARRAYS}, ptr noalias %kept, {_REST}"


@final
class Emitter(Walk):
    """Writes one program for one number of lanes side by side (``width``; 1 means plain doubles).

    ``exact`` says of a function of ``exact_math`` whether it has the C library's bits, ``among_many`` that this is one of many
    programs, so that little text counts for more than the last third of speed. Lanes that are ``apart`` come and go as arrays of their
    own: ``lanes`` and ``out_r`` are arrays of pointers to them.
    """

    def __init__(
        self,
        program: Program,
        *,
        width: int,
        fast: bool,
        exact: Callable[[str], bool],
        among_many: bool = False,
        apart: bool = False,
    ) -> None:
        super().__init__(program)
        self.among_many = among_many
        self.fast, self.exact = fast, exact
        self.row, self.one, self.across = Form(width), Form(1), Form(ACROSS)
        self.form = self.one  # that of the pack in work
        # Of the pack in work: its grid, or its stretches, if it has any, and where the rows of neighbours begin that it reads.
        self.grid: Grid | None = None
        self.stretches: Stretches | None = None
        self.starts: dict[str, str] = {}
        self.text = Text()
        self.tables = Tables()
        self.memory, self.turned = Memory(self.text, self.row, apart=apart), Turned(self.text)
        self.flags = "contract " if fast else ""
        self.kept = Kept()
        self.exact_in_use: dict[str, None] = {}
        self.rows_in_use: dict[tuple[str, ...], None] = {}
        self.done: set[int] = set()  # packs that another one has done
        self.libm: dict[str, int] = {}  # functions of the C library in use → number of arguments
        self.callbacks: dict[tuple[Op, int], str] = {}
        self.name, self.parts = "", list[str]()

    # --- The whole function ---

    def function(self, name: str) -> str:
        """The IR of the function."""
        self.name, self.parts = name, []
        self.walk()
        self._copy_out([slot for is_row, slot in self.program.outputs if not is_row])
        return "\n".join([*self.parts, f"define void @{name}({_ARGUMENTS}) {{\n{self.text.body()}\n}}\n"])

    def definitions(self) -> str:
        """Functions of our own that the function calls."""
        exact = exact_math.functions(self.exact_in_use, self.row.width, fast=self.fast) if self.exact_in_use else ""
        exact += "".join([exact_rows.function(names, self.row.width) for names in self.rows_in_use])
        return exact + self.turned.functions()

    def declarations(self) -> list[str]:
        """Declarations of what the function calls."""
        lines = [f"declare double @libm_{name}({', '.join(['double'] * arity)})" for name, arity in self.libm.items()]
        for (_, arity), name in self.callbacks.items():
            lines.append(f"declare double @{name}({', '.join(['double'] * arity)})")
        for width in dict.fromkeys([1, self.row.width]):
            lines.extend(vector_declarations(width))
        if self.exact_in_use:
            lines.extend(exact_math.declarations(self.row.width))
        lines.append(f"declare void @{COPY}(ptr, ptr, i64, i1)")
        lines.append(f"declare {self.across.kind} @{GATHER}(<8 x ptr>, i32, <8 x i1>, {self.across.kind})")
        widths = dict.fromkeys([ACROSS, self.row.width])
        lines.extend(f"declare double @llvm.vector.reduce.fadd.v{w}f64(double, <{w} x double>)" for w in widths)
        return lines

    def packs(self, packs: Sequence[Pack]) -> None:
        """Packs one after the other; many of them in functions of their own."""
        if len(packs) <= PACKS_OF_A_FUNCTION:
            super().packs(packs)
            return
        has_light = not packs[0].is_row and len(packs) > MANY_PACKS
        for is_light, some in itertools.groupby(packs, lambda pack: has_light and pack.operands < LIGHT):
            alike = list(some)
            for start in range(0, len(alike), PACKS_OF_A_FUNCTION):
                with self._apart("optnone" if is_light else ""):
                    super().packs(alike[start : start + PACKS_OF_A_FUNCTION])

    @contextlib.contextmanager
    def _apart(self, attributes: str = "") -> Iterator[None]:
        """What is written here becomes a function of its own, which is called."""
        with self.text.apart() as body:
            yield
        part = f"@{self.name}_part{len(self.parts)}"
        self.parts.append(f"define internal void {part}({_ARGUMENTS_OF_A_PART}) noinline {attributes} {{\n{body[0]}\n}}\n")
        self.text.do(f"call void {part}(ptr %s, ptr %r, ptr %kept, ptr %tab, i64 %padded, i64 %count)")

    def lanes(self, packs: Sequence[Pack]) -> None:
        """The loop over blocks of lanes, and the sums over lanes after it."""
        sums = LaneSums(self, [pack for pack in packs if pack.reduces])
        plain = [pack for pack in packs if not pack.reduces]
        self.kept = sums.kept
        sums.begin()
        with self.text.loop(0, "%padded", self.row.width) as block:
            sums.mask(block)
            self._rows(plain, has_sums=bool(sums.packs))
            sums.keep()
        for pack in sums.packs:
            with self._apart() if len(packs) > PACKS_OF_A_FUNCTION else contextlib.nullcontext():
                sums.write(pack)

    def _rows(self, packs: Sequence[Pack], *, has_sums: bool) -> None:
        """Packs of rows and the rows that go out; unless there are sums over lanes, with the loops that are found again in them, or as
        straight lines."""
        outputs = [slot for is_row, slot in self.program.outputs if is_row]
        loops = None if has_sums else loops_of(packs, outputs, among_many=self.among_many)
        if loops is None and not has_sums and straight.is_short(packs):
            self.form = self.row
            straight.write(self, packs, outputs)
            return
        with self.text.loop(0, self.program.n_lanes) as q:
            self.memory.store("r", q, self.memory.lanes_in(q), self.row)
        if loops is not None:
            self.form = self.row
            loops.write(self)
            return
        self.packs(packs)
        if outputs:
            axis = self.tables.axis(np.array(outputs, dtype=np.int32))
            with self.text.loop(0, len(outputs)) as k:
                self.memory.hand_out(self.memory.load("r", self.memory.along(axis, k), self.row), k)

    def _copy_out(self, slots: list[int]) -> None:
        places = np.array(slots, dtype=np.int32)
        starts = np.flatnonzero(np.diff(places, prepend=-2) != 1).astype(np.int32)
        if len(slots) >= WORTH_COPYING * len(starts) > 0:
            self._copy_stretches(places[starts], starts, np.diff(starts, append=np.int32(len(slots))))
        elif slots:
            axis = self.tables.axis(places)
            with self.text.loop(0, len(slots)) as k:
                x = self.memory.load("s", self.memory.along(axis, k), self.one)
                self.memory.store("out_s", k, x, self.one)

    def _copy_stretches(self, *columns: Slots) -> None:
        """Copy numbers that are neighbours at once, from some slots on to some places on, so many."""
        axes = [self.tables.axis(column) for column in columns]
        with self.text.loop(0, len(columns[0])) as k:
            slot, place, count = [self.memory.along(axis, k) for axis in axes]
            ends = f"ptr {self.memory.address('out_s', place)}, ptr {self.memory.address('s', slot)}"
            self.text.do(f"call void @{COPY}({ends}, i64 {self.text.let(f'mul i64 {count}, 8')}, i1 false)")

    # --- Packs ---

    def pack(self, pack: Pack) -> None:
        """As in every language; rows of a function that has one for many rows at once, with what there is of the same rows."""
        if id(pack) in self.done:
            return
        name = exact_rows.name_of(pack) if self.row.width > 1 else None
        if name is not None and self.exact(name):
            (source,) = self.sources(pack)
            axis = source.place.instances
            if axis is not None and axis.step == 1 and not axis.on_grid:
                self._rows_at_once(pack, self.memory.along(axis, "0"))
                return
        super().pack(pack)

    def _rows_at_once(self, pack: Pack, first: str) -> None:
        of_these = {p.op: p for p in self.program.packs if p.op in exact_rows.NAMES and p.is_row and _same(p.tables, pack.tables)}
        found = {name: of_these[op] for op, name in exact_rows.NAMES.items() if op in of_these and self.exact(name)}
        self.done.update(map(id, found.values()))
        self.rows_in_use[tuple(found)] = None
        for name in found:
            self._use_exact(name)
        rows = [self.memory.row_at("r", place) for place in (first, *[str(p.out) for p in found.values()])]
        arguments = ", ".join([f"ptr {row}" for row in rows])
        self.text.do(f"call void @{exact_rows.call(tuple(found), self.row.width)}({arguments}, i64 {pack.count})")

    def _use_exact(self, name: str, arity: int = 1) -> None:
        self.exact_in_use[name] = None
        for one in exact_math.PAIRS.get(name, (name,)):
            self.libm[exact_math.CALLS.get(one, (one,))[0]] = arity

    def sources(self, pack: Pack) -> list[Source]:
        """Places in the rows and among the shared numbers."""
        self.grid, self.stretches, self.starts = grid_of(pack), None, {}
        if self.grid is not None:
            return self.grid.sources(pack, self.tables)
        apart = [None if pack.is_row else _apart(table) for table in pack.tables]
        self.stretches = stretches_of(pack) if None in apart else None
        return [
            Source("r" if row else "s", self.tables.place(table), step)
            for row, table, step in zip(
                pack.rows_of_tables(), pack.tables, self.stretches.apart if self.stretches else apart, strict=True
            )
        ]

    def cells(self, pack: Pack, sources: Sequence[Source]) -> Iterator[list[Cell]]:
        """Loops over instances side by side; shared sums whose operands lie side by side as vectors of instances."""
        if self.grid is not None:
            self.form = self.across
            yield from self.grid.tiles(self)
            return
        if self.stretches is not None:
            yield from self.stretches.cells(self)
            return
        done = self._across(pack, sources)
        if done:
            self.form = self.across
            jam = 1 if all([source.apart is not None for source in sources]) else JAM_SHARED
            for start, stop, step in shares(done // ACROSS, jam):
                with self.text.loop(start * ACROSS, stop * ACROSS, step * ACROSS) as n:
                    yield [Cell(n if not k else self.text.let(f"add i64 {n}, {k * ACROSS}")) for k in range(step)]
        self.form = self.row if pack.is_row else self.one
        jam = 1 if pack.op is not None else jam_rows() if pack.is_row else JAM_SHARED
        for start, stop, step in shares(pack.count, jam, done):
            with self.text.loop(start, stop, step) as n:
                yield side_by_side(self, n, step)

    def _across(self, pack: Pack, sources: Sequence[Source]) -> int:
        """How many instances are computed as vectors of neighbours."""
        is_regular = all([source.apart is not None for source in sources])
        if pack.is_row:
            is_worth_it = False
        elif pack.op is None:
            is_worth_it = is_regular or (pack.operands >= TURNED and _is_turnable(sources))
        else:
            body = body_of(pack.op, len(pack.tables))
            is_worth_it = is_regular and all([step.op in VECTORIZED for step in body.instructions])
        return pack.count - pack.count % ACROSS if is_worth_it else 0

    def at(self, source: Source, cell: Cell) -> Operand:
        """With the part of the slot that no loop over terms changes."""
        operand = self.memory.operand(source, cell)
        axis = source.place.instances
        if self.form is not self.across or source.apart is not None or axis is None:
            return operand
        slots = self.memory.slots_along(axis, cell)
        if source.place.width == 1:
            return replace(operand, numbers=self.memory.gathered(slots))
        if slots not in self.starts:
            self.starts[slots] = self.turned.places(slots)
        return Operand(source, "", rows=self.starts[slots])

    def read(self, operand: Operand, t: Counter) -> str:
        """A register with the number, or with those of neighbouring instances."""
        if operand.numbers:
            return operand.numbers
        if operand.rows:
            return self.turned.term(operand.rows, t)
        slot = self.memory.slot(operand, str(t))
        if self.form is self.across and operand.source.apart == 1:
            return self.memory.side_by_side(slot, self.form)
        return self.memory.load(operand.source.array, slot, self.form)

    def kernel(self, op: Op, operands: Sequence[str]) -> str:
        """Its body in place."""
        if op is ops.sech2 and self.form.width > 1 and self.exact("sech2"):
            return self.exactly("sech2", operands)
        return BodyEmitter(self, self.form).run(body_of(op, len(operands)), operands)

    def exactly(self, name: str, operands: Sequence[str]) -> str:
        """The result of a function of ``exact_math``."""
        self._use_exact(name, len(operands))
        needed = operands[: len(exact_math.operands(name))]
        return exact_math.written(self.text, name, self.form.width, needed, fast=self.fast)

    def pair(self, name: str, x: str) -> tuple[str, str]:
        """Both functions of a row, at once."""
        self._use_exact(name)
        both_kinds = f"{{ {self.row.kind}, {self.row.kind} }}"
        both = self.text.let(f"call {both_kinds} @exact_{name}_v{self.row.width}({self.row.kind} {x})")
        first, second = [self.text.let(f"extractvalue {both_kinds} {both}, {k}") for k in (0, 1)]
        return first, second

    def term(self, run: Run, factors: Sequence[str], total: str | None) -> str:
        """Multiplied and added; where a gate is shut the total as it was."""
        text, kind = self.text, self.form.kind
        is_open = "" if run.gate_is_row is None else text.let(f"fcmp une {kind} {factors[-1]}, zeroinitializer")
        term = factors[0] if run.b_is_row is None else text.let(f"fmul {self.flags}{kind} {factors[0]}, {factors[1]}")
        if total is None:
            following = text.let(f"fneg {kind} {term}") if run.sign < 0 else term
        else:
            verb = "fsub" if run.sign < 0 else "fadd"
            reassoc = "reassoc " if self.fast and self.form is self.one else ""
            following = text.let(f"{verb} {reassoc}{self.flags}{kind} {total}, {term}")
        if not is_open:
            return following
        return text.let(f"select {self.form.bit} {is_open}, {kind} {following}, {kind} {total or self.form.constant(-0.0)}")

    def terms(self, run: Run, operands: Sequence[Sequence[Operand]], t: Counter, totals: list[str]) -> list[str]:
        """What several cells read alike is read once."""
        return self._terms(run, operands, totals, lambda operand: self.read(operand, t))

    def _terms(
        self, run: Run, operands: Sequence[Sequence[Operand]], totals: list[str], read: Callable[[Operand], str]
    ) -> list[str]:
        once = cache(read)
        return [self.term(run, [once(own[k]) for own in operands], total) for k, total in enumerate(totals)]

    def run(self, run: Run, sources: Sequence[Source], cells: Sequence[Cell], totals: list[str]) -> list[str]:
        """A sum that begins with a long run begins at −0, which changes no bit of what is added: its first term needs no text."""
        if run.count > self.written_out and totals[0] is None:
            totals = [self.form.constant(-0.0)] * len(totals)
        return super().run(run, sources, cells, totals)

    def repeated(
        self, start: int, stop: int | str, totals: list[str], add: Callable[[Counter, list[str]], list[str]], step: int = 1
    ) -> list[str]:
        """A loop that carries the totals."""
        carried = Carried(self.form.kind, totals)
        with self.text.loop(start, stop, step, carried) as t:
            carried.now = add(t, carried.now)
        return carried.now

    def store(self, pack: Pack, cells: Sequence[Cell], results: Sequence[str]) -> None:
        """Registers to their slots."""
        for cell, result in zip(cells, results, strict=True):
            self.memory.store("r" if pack.is_row else "s", self.text.let(f"add i64 {cell.n}, {pack.out}"), result, self.form)

    # --- Terms that lie side by side ---

    def ahead(self, run: Run, operands: Sequence[Sequence[Operand]], start: int, totals: list[str]) -> tuple[int, list[str]]:
        """Of neighbouring instances eight terms at a time; in fast mode those of one instance in several strands."""
        return (self._blocks if self.form is self.across else self._strands)(run, operands, start, totals)

    def _blocks(self, run: Run, operands: Sequence[Sequence[Operand]], start: int, totals: list[str]) -> tuple[int, list[str]]:
        """Rows of eight terms of eight instances, read as they lie and turned."""
        stop = run.count - (run.count - start) % ACROSS
        if stop == start or not any([own[0].rows for own in operands]):
            return start, totals

        def block(t: Counter, totals: list[str]) -> list[str]:
            columns = {operand.rows: self.turned.block(operand.rows, t) for own in operands for operand in own if operand.rows}

            def number(operand: Operand, u: Counter) -> str:
                if operand.rows:
                    return self.turned.column(columns[operand.rows], u)
                return self.read(operand, self.text.let(f"add i64 {t}, {u}"))

            def add(u: Counter, totals: list[str]) -> list[str]:
                return self._terms(run, operands, totals, lambda operand: number(operand, u))

            return self.repeated(0, ACROSS, totals, add)

        return stop, self.repeated(start, stop, totals, block, ACROSS)

    def _strands(self, run: Run, operands: Sequence[Sequence[Operand]], start: int, totals: list[str]) -> tuple[int, list[str]]:
        """Terms of a shared sum, in fast mode."""
        text, kind = self.text, self.across.kind
        stop = run.count - (run.count - start) % ACROSS
        is_free = self.fast and self.form is self.one and run.gate_is_row is None
        if not is_free or stop - start < 2 * ACROSS or not all([own[0].source.place.is_contiguous for own in operands]):
            return start, totals
        strands = Carried(kind, ["zeroinitializer"] * len(totals))
        with text.loop(start, stop, ACROSS, strands) as t:
            for j, so_far in enumerate(strands.now):
                factors = [self._strand(own[j], t) for own in operands]
                term = factors[0] if len(factors) == 1 else text.let(f"fmul contract {kind} {factors[0]}, {factors[1]}")
                strands.now[j] = text.let(f"fadd contract {kind} {so_far}, {term}")
        return stop, [self._with_strands(run, some, total) for some, total in zip(strands.now, totals, strict=True)]

    def _strand(self, operand: Operand, t: str) -> str:
        """The operands of several terms of a run."""
        slot = self.memory.slot(operand, t)
        if operand.source.place.terms.step == 1:
            return self.memory.side_by_side(slot, self.across)
        return self.memory.load("s", slot, self.across)

    def _with_strands(self, run: Run, strands: str, total: str) -> str:
        """The total with the sum of its strands."""
        reduce = f"@llvm.vector.reduce.fadd.v{ACROSS}f64(double {double(-0.0)}, {self.across.kind} {strands})"
        reduced = self.text.let(f"call reassoc double {reduce}")
        return self.text.let(f"{'fsub' if run.sign < 0 else 'fadd'} contract double {total}, {reduced}")


def _apart(table: Slots) -> int | None:
    """The step from each instance to the next within every eight of them, if it is always 0 or always 1."""
    eights = table[: len(table) - len(table) % ACROSS].reshape(-1, ACROSS, table.shape[1])
    steps = np.diff(eights, axis=1)
    return next((step for step in (0, 1) if (steps == step).all()), None)


def _has_rows(source: Source) -> bool:
    """Whether each instance reads a row of eight terms or more."""
    place = source.place
    return place.instances is not None and place.terms.step == 1 and place.width >= ACROSS


def _same(tables: Sequence[Slots], others: Sequence[Slots]) -> bool:
    """Whether two packs read the same."""
    return len(tables) == len(others) and all(map(np.array_equal, tables, others))


def _is_turnable(sources: Sequence[Source]) -> bool:
    """Whether neighbouring instances read rows, and besides them what is easily had for eight of them."""
    others = [source for source in sources if source.apart is None and not _has_rows(source)]
    return any(map(_has_rows, sources)) and all(
        [source.place.instances is not None and source.place.width == 1 for source in others]
    )
