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
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from autograd import ops
from autograd.compiler import exact_math, fast_math
from autograd.compiler.kernels import ARITHMETIC, COMPARISONS, LIBM, LOGIC, Body, body_of
from autograd.compiler.program import Pack, Program, Run, Slots
from autograd.ops import Op

# Names of callbacks are known to the whole process.
_numbers = itertools.count()
# Instances of a pack of sums side by side. More of them cost time to compile and gain little: for rows 2, 4 and 8 gave 68, 62 and
# 59 µs for a training step of 2-64-64-1, for shared numbers 1, 2 and 4 gave 40, 35 and 33 µs for a transformer's gradient; tiles of
# weight gradients of 1×8, 2×4 and 4×4 gave 52, 45 and 43 µs for that training step in fast mode.
JAM_ROWS, JAM_SHARED, JAM_REDUCED, JAM_GRID = 8, 2, 4, (4, 4)
# Shared numbers of instances that lie side by side are computed as vectors of so many.
ACROSS = 8
# LLVM's passes take more than twice as long for a function twice as long, so only so many packs go into one: 1,250 packs of lanes
# without any repetition compile in 1.6 instead of 4.3 s.
PACKS_OF_A_FUNCTION = 128
# Terms of a sum up to this many are written out, longer runs are loops.
WRITTEN_OUT = 4


def double(x: float) -> str:
    """A double as LLVM writes it without loss."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"


@final
@dataclass(frozen=True)
class Axis:
    """How slots depend on a loop counter n: ``start + step·n``, or the table entry ``tab[start + n]`` if ``step`` is None.

    On a grid, where n = i·period + j, as for the weights between two layers: ``start + outer·i + step·j``.
    """

    start: int
    step: int | None
    outer: int = 0
    on_grid: bool = False


@final
@dataclass(frozen=True)
class Cell:
    """An instance: its number n, and on a grid its coordinates."""

    n: str
    i: str = ""
    j: str = ""


def _regular_step(slots: Slots) -> int | None:
    """The step from each slot to the next if it is always the same."""
    if len(slots) == 1:
        return 0
    steps = np.diff(slots)
    return int(steps[0]) if (steps == steps[0]).all() else None


def _grid_period(columns: Sequence[Slots]) -> int:
    """The period of the grid on which all these slots, one of each table, have regular steps; 0 if there is none."""
    irregular = [slots for slots in columns if _regular_step(slots) is None]
    if not irregular:
        return 0
    steps = np.diff(irregular[0])
    period = int(np.argmax(steps != steps[0])) + 1
    for slots in irregular:
        if len(slots) % period:
            return 0
        grid = slots.reshape(-1, period)
        if (
            _regular_step(grid[0]) is None
            or _regular_step(grid[:, 0]) is None
            or (grid != grid[:, :1] + (grid[0] - grid[0, 0])).any()
        ):
            return 0
    return period


@final
class Tables:
    """The int32 tables of a program, end to end."""

    def __init__(self) -> None:
        self.parts: list[Slots] = []
        self.size = 0

    def add(self, slots: Slots) -> int:
        """Where the table begins."""
        start = self.size
        self.parts.append(np.ascontiguousarray(slots, dtype=np.int32).ravel())
        self.size += slots.size
        return start

    def axis(self, slots: Slots, period: int = 0) -> Axis:
        """The slots along one counter: regular steps, or steps on a grid of this period, if they have any, else a table."""
        step = _regular_step(slots)
        if step is not None:
            return Axis(int(slots[0]), step)
        if period:
            grid = slots.reshape(-1, period)
            return Axis(int(slots[0]), _regular_step(grid[0]), int(grid[1, 0] - grid[0, 0]), on_grid=True)
        return Axis(self.add(slots), None)

    def array(self) -> Slots:
        """All tables as one array."""
        return np.concatenate([np.zeros(1, dtype=np.int32), *self.parts])[1:] if self.parts else np.zeros(1, dtype=np.int32)


@final
class Text:
    """The function's body as it grows. Counters and totals live in stack slots; LLVM turns those into registers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.stack: list[str] = []
        self._names = 0

    def name(self, prefix: str = "v") -> str:
        self._names += 1
        return f"%{prefix}{self._names}"

    def let(self, expression: str) -> str:
        """A fresh register holding the expression."""
        register = self.name()
        self.lines.append(f"  {register} = {expression}")
        return register

    def do(self, instruction: str) -> None:
        self.lines.append(f"  {instruction}")

    def variable(self, kind: str, prefix: str) -> str:
        """A stack slot."""
        register = self.name(prefix)
        self.stack.append(f"  {register} = alloca {kind}")
        return register

    @contextlib.contextmanager
    def loop(self, start: int, stop: int | str, step: int | str = 1) -> Iterator[str]:
        """A counter from start up to, not including, stop; the body runs at least once."""
        slot, label = self.variable("i64", "i"), self.name("loop")[1:]
        self.do(f"store i64 {start}, ptr {slot}")
        self.do(f"br label %{label}")
        self.lines.append(f"{label}:")
        counter = self.let(f"load i64, ptr {slot}")
        yield counter
        following = self.let(f"add nuw nsw i64 {counter}, {step}")
        self.do(f"store i64 {following}, ptr {slot}")
        self.do(f"br i1 {self.let(f'icmp slt i64 {following}, {stop}')}, label %{label}, label %{label}.end")
        self.lines.append(f"{label}.end:")


def vector_declarations(width: int) -> list[str]:
    """Declarations of what every processor does to vectors of this width (1: plain doubles)."""
    kind, suffix = (f"<{width} x double>", f"v{width}f64") if width > 1 else ("double", "f64")
    unary = [f"declare {kind} @llvm.{f}.{suffix}({kind})" for f in ("fabs", "sqrt", "floor")]
    return [*unary, f"declare {kind} @llvm.copysign.{suffix}({kind}, {kind})"]


@final
class Emitter:
    """Writes one program for one number of lanes side by side (``width``; 1 means plain doubles).

    ``exact`` says of a function of ``exact_math`` whether it has the C library's bits.
    """

    def __init__(self, program: Program, *, width: int, fast: bool, exact: Callable[[str], bool]) -> None:
        self.program, self.width, self.fast, self.exact = program, width, fast, exact
        self.text = Text()
        self.tables = Tables()
        self.vector = f"<{width} x double>" if width > 1 else "double"
        self.flags = "contract " if fast else ""
        self.kept: dict[int, int] = {}  # row that a sum over lanes needs → its place in ``kept``
        self.uses_fast_math = False
        self.exact_in_use: dict[str, None] = {}
        self.libm: dict[str, int] = {}  # functions of the C library in use → number of arguments
        self.callbacks: dict[tuple[Op, int], str] = {}
        self.name, self.parts = "", list[str]()

    # --- The whole function ---

    def function(self, name: str) -> str:
        """The IR of the function."""
        program = self.program
        rows = [pack for pack in program.packs if pack.is_row or pack.reduces]
        position = {id(pack): i for i, pack in enumerate(program.packs)}
        first = position[id(rows[0])] if rows else len(program.packs)
        last = position[id(rows[-1])] + 1 if rows else len(program.packs)
        self.name, self.parts = name, []
        self._packs(program.packs[:first], rows=False)
        if program.n_lanes:
            self._blocks(rows)
        self._packs(program.packs[last:], rows=False)
        self._copy_out("s", [slot for is_row, slot in program.outputs if not is_row])
        body = "\n".join([*self.text.stack, "  br label %start", "start:", *self.text.lines])
        arguments = "ptr noalias %s, ptr noalias %r, ptr %lanes, ptr noalias %out_s, ptr %out_r, ptr noalias %kept"
        head = f"define void @{name}({arguments}, ptr noalias readonly %tab, i64 %padded, i64 %count)"
        return "\n".join([*self.parts, f"{head} {{\n{body}\n  ret void\n}}\n"])

    def _packs(self, packs: Sequence[Pack], *, rows: bool) -> None:
        """Packs one after the other; many of them in functions of their own."""
        if len(packs) <= PACKS_OF_A_FUNCTION:
            for pack in packs:
                self._pack(pack, rows=rows)
            return
        for start in range(0, len(packs), PACKS_OF_A_FUNCTION):
            outer, self.text = self.text, Text()
            for pack in packs[start : start + PACKS_OF_A_FUNCTION]:
                self._pack(pack, rows=rows)
            part = f"@{self.name}_part{len(self.parts)}"
            arguments = "ptr noalias %s, ptr noalias %r, ptr noalias readonly %tab"
            body = "\n".join([*self.text.stack, "  br label %start", "start:", *self.text.lines, "  ret void"])
            self.parts.append(f"define internal void {part}({arguments}) noinline {{\n{body}\n}}\n")
            self.text = outer
            self.text.do(f"call void {part}(ptr %s, ptr %r, ptr %tab)")

    def definitions(self) -> str:
        """Functions of our own that the function calls."""
        exact = exact_math.functions(self.exact_in_use, self.width) if self.exact_in_use else ""
        return exact + (fast_math.functions(self.width) if self.uses_fast_math else "")

    def declarations(self) -> list[str]:
        """Declarations of what the function calls."""
        lines = [f"declare double @libm_{name}({', '.join(['double'] * arity)})" for name, arity in self.libm.items()]
        for (_, arity), name in self.callbacks.items():
            lines.append(f"declare double @{name}({', '.join(['double'] * arity)})")
        for width in dict.fromkeys([1, self.width]):
            lines.extend(vector_declarations(width))
        if self.exact_in_use:
            lines.extend(exact_math.declarations(self.width))
        widths = dict.fromkeys([ACROSS, self.width])
        lines.extend(f"declare double @llvm.vector.reduce.fadd.v{w}f64(double, <{w} x double>)" for w in widths)
        return lines

    def _blocks(self, rows: list[Pack]) -> None:
        """The loop over blocks of lanes, and the sums over lanes after it."""
        text, width, program = self.text, self.width, self.program
        reducing = [pack for pack in rows if pack.reduces]
        self.kept = _kept_rows(reducing)
        self.stride = text.let(f"add i64 %padded, {width}")
        with text.loop(0, "%padded", width) as block:
            self.block = block
            self._mask(block)
            for q in range(program.n_lanes):
                at = text.let(f"add i64 {text.let(f'mul i64 %padded, {q}')}, {block}")
                x = text.let(f"load {self.vector}, ptr {self._address('lanes', at)}, align 8")
                self._store("r", str(q), x, rows=True)
            self._packs([pack for pack in rows if not pack.reduces], rows=True)
            self._copy_rows([slot for is_row, slot in program.outputs if is_row])
            self._keep_rows()
        for pack in reducing:
            self._reduce(pack)

    def _mask(self, block: str) -> None:
        """Which lanes of the block are real: ``self.mask``, to keep padding out of sums."""
        text = self.text
        if self.width == 1:
            self.mask = "true"
            return
        left = text.let(f"sub i64 %count, {block}")
        splat = self._splat("i64", left)
        lanes = ", ".join(f"i64 {i}" for i in range(self.width))
        self.mask = text.let(f"icmp slt <{self.width} x i64> <{lanes}>, {splat}")

    def _keep_rows(self) -> None:
        """Copy this block of the rows that sums over lanes need, with 0 in the lanes that are not real."""
        if not self.kept:
            return
        text = self.text
        axis = self.tables.axis(np.array(list(self.kept), dtype=np.int32))
        with text.loop(0, len(self.kept)) as k:
            x = self._load("r", self._along(axis, k), is_row=True, rows=True)
            if self.width > 1:
                x = self._masked(x)
            at = text.let(f"add i64 {text.let(f'mul i64 {k}, {self.stride}')}, {self.block}")
            text.do(f"store {self.vector} {x}, ptr {self._address('kept', at)}, align {8 * self.width}")

    def _masked(self, x: str) -> str:
        """The row with 0 in the lanes that are not real."""
        return self.text.let(f"select <{self.width} x i1> {self.mask}, {self.vector} {x}, {self.vector} {self._constant(0.0)}")

    def _reduce(self, pack: Pack) -> None:
        """The sums over lanes of a pack, several instances side by side."""
        kept = np.array(list(self.kept), dtype=np.int32)
        tables = [
            np.searchsorted(kept, table).astype(np.int32) if is_row else table
            for table, is_row in zip(pack.tables, pack.rows_of_tables(), strict=True)
        ]
        period = _grid_period([table[:, 0] for table in tables])
        places = [_place(table, self.tables, period) for table in tables]
        if not period:
            for start, stop, jam in _shares(pack.count, JAM_REDUCED):
                with self.text.loop(start, stop, jam) as n:
                    self._reduce_instances(pack, places, self._instances(n, jam), jam)
            return
        for top, bottom, high in _shares(pack.count // period, JAM_GRID[0]):
            for left, right, wide in _shares(period, JAM_GRID[1]):
                with self.text.loop(top, bottom, high) as i, self.text.loop(left, right, wide) as j:
                    self._reduce_instances(pack, places, self._cells(i, j, (high, wide), period), wide)

    def _cells(self, i: str, j: str, size: tuple[int, int], period: int) -> list[Cell]:
        """The instances of a tile of a grid."""
        down, along = self._instances(i, size[0]), self._instances(j, size[1])
        cells = []
        for row in down:
            first = self.text.let(f"mul nuw nsw i64 {row.n}, {period}")
            cells.extend([Cell(self.text.let(f"add nuw nsw i64 {first}, {column.n}"), row.n, column.n) for column in along])
        return cells

    def _reduce_instances(self, pack: Pack, places: Sequence["Place"], instances: list[Cell], neighbours: int) -> None:
        """The sums over lanes of some instances, of which so many at a time have results side by side."""
        text = self.text
        variables = [text.variable(self.vector, "total") for _ in instances]
        for variable in variables:
            text.do(f"store {self.vector} {self._constant(0.0)}, ptr {variable}")
        with text.loop(0, "%padded", self.width) as block:
            self.block = block
            self._mask(block)
            for variable, term in zip(variables, self._totals(pack, places, instances, "kept", "rows"), strict=True):
                so_far = text.let(f"load {self.vector}, ptr {variable}")
                if self.width > 1 and not all(pack.rows_of_tables()):  # a shared number is not 0 in the padding
                    term = self._masked(term)
                text.do(f"store {self.vector} {text.let(f'fadd {self.flags}{self.vector} {so_far}, {term}')}, ptr {variable}")
        totals = [text.let(f"load {self.vector}, ptr {variable}") for variable in variables]
        if self.fast and self.width == 8 and neighbours == 4:
            for first in range(0, len(totals), 4):
                at = self._address("s", text.let(f"add i64 {instances[first].n}, {pack.out}"))
                text.do(f"store <4 x double> {self._four_sums(totals[first : first + 4])}, ptr {at}, align 8")
            return
        for i, total in zip(instances, totals, strict=True):
            if self.width > 1:
                reassoc = "reassoc " if self.fast else ""
                reduce = f"@llvm.vector.reduce.fadd.v{self.width}f64(double {double(-0.0)}, {self.vector} {total})"
                total = text.let(f"call {reassoc}double {reduce}")
            self._store("s", text.let(f"add i64 {i.n}, {pack.out}"), total, rows=False)

    def _four_sums(self, x: Sequence[str]) -> str:
        """The sums over the lanes of four rows of 8, together: 12 instructions, where one by one they take 28."""

        def folded(a: str, b: str, low: str, high: str) -> str:
            kind = "<8 x double>"
            lanes = len(low.split())
            parts = [
                self.text.let(
                    f"shufflevector {kind} {a}, {kind} {b}, <{lanes} x i32> <{', '.join(f'i32 {n}' for n in part.split())}>"
                )
                for part in (low, high)
            ]
            return self.text.let(f"fadd <{lanes} x double> {parts[0]}, {parts[1]}")

        pairs = [folded(x[k], x[k + 1], "0 8 2 10 4 12 6 14", "1 9 3 11 5 13 7 15") for k in (0, 2)]
        fours = folded(pairs[0], pairs[1], "0 1 8 9 4 5 12 13", "2 3 10 11 6 7 14 15")
        return folded(fours, "poison", "0 1 2 3", "4 5 6 7")

    def _instances(self, n: str, jam: int) -> list[Cell]:
        return [Cell(n if j == 0 else self.text.let(f"add nuw nsw i64 {n}, {j}")) for j in range(jam)]

    def _copy_out(self, source: str, slots: list[int]) -> None:
        if not slots:
            return
        axis = self.tables.axis(np.array(slots, dtype=np.int32))
        with self.text.loop(0, len(slots)) as k:
            x = self._load(source, self._along(axis, k), is_row=False, rows=False)
            self._store("out_s", k, x, rows=False)

    def _copy_rows(self, slots: list[int]) -> None:
        text = self.text
        for k, slot in enumerate(slots):
            x = self._load("r", str(slot), is_row=True, rows=True)
            at = text.let(f"add i64 {text.let(f'mul i64 %padded, {k}')}, {self.block}")
            text.do(f"store {self.vector} {x}, ptr {self._address('out_r', at)}, align 8")

    # --- Loads, stores, slots ---

    def _address(self, array: str, index: str) -> str:
        return self.text.let(f"getelementptr inbounds double, ptr %{array}, i64 {index}")

    def _row_address(self, array: str, slot: str) -> str:
        return self._address(array, self.text.let(f"mul i64 {slot}, {self.width}") if self.width > 1 else slot)

    def _load(self, array: str, slot: str, *, is_row: bool, rows: bool) -> str:
        """A number for computing with rows (or not): a row's lanes, or a shared number, spread over the lanes if need be."""
        text = self.text
        if array == "kept":
            at = text.let(f"add i64 {text.let(f'mul i64 {slot}, {self.stride}')}, {self.block}")
            return text.let(f"load {self.vector}, ptr {self._address('kept', at)}, align {8 * self.width}")
        if is_row:
            return text.let(f"load {self.vector}, ptr {self._row_address(array, slot)}, align {8 * self.width}")
        x = text.let(f"load double, ptr {self._address(array, slot)}, align 8")
        return self._splat("double", x) if rows and self.width > 1 else x

    def _store(self, array: str, slot: str, x: str, *, rows: bool) -> None:
        if rows:
            self.text.do(f"store {self.vector} {x}, ptr {self._row_address(array, slot)}, align {8 * self.width}")
        else:
            self.text.do(f"store double {x}, ptr {self._address(array, slot)}, align 8")

    def _splat(self, kind: str, x: str, width: int = 0) -> str:
        text, width = self.text, width or self.width
        first = text.let(f"insertelement <{width} x {kind}> poison, {kind} {x}, i64 0")
        return text.let(f"shufflevector <{width} x {kind}> {first}, <{width} x {kind}> poison, <{width} x i32> zeroinitializer")

    def _constant(self, x: float, *, rows: bool = True) -> str:
        if rows and self.width > 1:
            return f"<{', '.join([f'double {double(x)}'] * self.width)}>"
        return double(x)

    def _along(self, axis: Axis, counter: str) -> str:
        """The slot at a counter's value."""
        text = self.text
        if axis.step is None:
            at = text.let(f"getelementptr inbounds i32, ptr %tab, i64 {text.let(f'add i64 {counter}, {axis.start}')}")
            return text.let(f"sext i32 {text.let(f'load i32, ptr {at}, align 4')} to i64")
        if axis.step == 0:
            return str(axis.start)
        scaled = counter if axis.step == 1 else text.let(f"mul i64 {counter}, {axis.step}")
        return text.let(f"add i64 {scaled}, {axis.start}")

    # --- Packs ---

    def _pack(self, pack: Pack, *, rows: bool) -> None:
        if pack.op is not None:
            self._kernel_pack(pack, rows)
            return
        places = [_place(table, self.tables) for table in pack.tables]
        done = 0 if rows else self._across(pack, places)
        array = "r" if rows else "s"
        for start, stop, jam in _shares(pack.count, JAM_ROWS if rows else JAM_SHARED, done):
            with self.text.loop(start, stop, jam) as n:
                instances = self._instances(n, jam)
                mode = "rows" if rows else "shared"
                for i, total in zip(instances, self._totals(pack, places, instances, "r", mode), strict=True):
                    self._store(array, self.text.let(f"add i64 {i.n}, {pack.out}"), total, rows=rows)

    def _across(self, pack: Pack, places: Sequence["Place"]) -> int:
        """Sums of shared numbers whose instances lie side by side: as vectors of instances. Returns how many are done so."""
        done = pack.count - pack.count % ACROSS
        if not done or not all([place.instances is not None and place.instances.step in (0, 1) for place in places]):
            return 0
        with self.text.loop(0, done, ACROSS) as n:
            (total,) = self._totals(pack, places, [Cell(n)], "r", "across")
            at = self._address("s", self.text.let(f"add i64 {n}, {pack.out}"))
            self.text.do(f"store {self._kind('across')} {total}, ptr {at}, align 8")
        return done

    def _kind(self, mode: str) -> str:
        """The type of a number: a row's lanes, one shared number, or those of several instances."""
        return {"rows": self.vector, "shared": "double", "across": f"<{ACROSS} x double>"}[mode]

    def _totals(self, pack: Pack, places: Sequence["Place"], instances: list[Cell], source: str, mode: str) -> list[str]:
        """The sums of some instances side by side, with rows from ``source``."""
        text = self.text
        kind = self._kind(mode)
        jam = len(instances)
        totals: list[str | None] = [None] * jam
        upcoming = iter(places)
        for run in pack.runs:
            a = next(upcoming)
            b = None if run.b_is_row is None else next(upcoming)
            bases = [[self._base(place, i) for i in instances] for place in (a, b) if place is not None]
            written_out = run.count if run.count <= WRITTEN_OUT else (1 if totals[0] is None else 0)
            for t in range(written_out):
                totals = self._step(run, (a, b), bases, str(t), totals, source, mode)
            if mode == "shared" and self.fast:
                written_out, totals = self._strands(run, (a, b), bases, written_out, totals)
            if written_out < run.count:
                variables = [text.variable(kind, "total") for _ in range(jam)]
                for variable, total in zip(variables, totals, strict=True):
                    text.do(f"store {kind} {total}, ptr {variable}")
                with text.loop(written_out, run.count) as t_counter:
                    so_far: list[str | None] = [text.let(f"load {kind}, ptr {variable}") for variable in variables]
                    after = self._step(run, (a, b), bases, t_counter, so_far, source, mode)
                    for variable, total in zip(variables, after, strict=True):
                        text.do(f"store {kind} {total}, ptr {variable}")
                totals = [text.let(f"load {kind}, ptr {variable}") for variable in variables]
        return [str(total) for total in totals]

    def _strands(
        self,
        run: Run,
        places: tuple["Place", "Place | None"],
        bases: Sequence[Sequence[str]],
        start: int,
        totals: list[str | None],
    ) -> tuple[int, list[str | None]]:
        """A long run's terms added up in several strands, where they lie side by side: fast mode's freedom. Returns the next term."""
        text, kind = self.text, self._kind("across")
        stop = run.count - (run.count - start) % ACROSS
        if stop - start < 2 * ACROSS or not all([place is None or _is_contiguous(place) for place in places]):
            return start, totals
        variables = [text.variable(kind, "strands") for _ in totals]
        for variable in variables:
            text.do(f"store {kind} zeroinitializer, ptr {variable}")
        with text.loop(start, stop, ACROSS) as t:
            for j, variable in enumerate(variables):
                operands = [self._side_by_side(place, bases[k][j], t) for k, place in enumerate(places) if place is not None]
                term = operands[0] if len(operands) == 1 else text.let(f"fmul contract {kind} {operands[0]}, {operands[1]}")
                so_far = text.let(f"load {kind}, ptr {variable}")
                text.do(f"store {kind} {text.let(f'fadd contract {kind} {so_far}, {term}')}, ptr {variable}")
        after: list[str | None] = []
        for variable, total in zip(variables, totals, strict=True):
            strands = text.let(f"load {kind}, ptr {variable}")
            reduce = f"@llvm.vector.reduce.fadd.v{ACROSS}f64(double {double(-0.0)}, {kind} {strands})"
            reduced = text.let(f"call reassoc double {reduce}")
            after.append(text.let(f"{'fsub' if run.sign < 0 else 'fadd'} contract double {total}, {reduced}"))
        return stop, after

    def _side_by_side(self, place: "Place", base: str, t: str) -> str:
        """The operands of several terms of a run."""
        slot = self._slot(place, base, t)
        if place.terms.step == 1:
            return self.text.let(f"load {self._kind('across')}, ptr {self._address('s', slot)}, align 8")
        return self._splat("double", self._load("s", slot, is_row=False, rows=False), ACROSS)

    def _step(
        self,
        run: Run,
        places: tuple["Place", "Place | None"],
        bases: Sequence[Sequence[str]],
        t: str,
        totals: list[str | None],
        source: str,
        mode: str,
    ) -> list[str | None]:
        """Each instance's total with its t-th term of the run added."""
        text = self.text
        kind = self._kind(mode)
        a, b = places
        after: list[str | None] = []
        for j, total in enumerate(totals):
            term = self._operand(a, self._slot(a, bases[0][j], t), source if run.a_is_row else "s", mode)
            if b is not None:
                y = self._operand(b, self._slot(b, bases[1][j], t), source if run.b_is_row else "s", mode)
                term = text.let(f"fmul {self.flags}{kind} {term}, {y}")
            if total is None:
                after.append(text.let(f"fneg {kind} {term}") if run.sign < 0 else term)
            else:
                verb = "fsub" if run.sign < 0 else "fadd"
                reassoc = "reassoc " if self.fast and mode == "shared" else ""
                after.append(text.let(f"{verb} {reassoc}{self.flags}{kind} {total}, {term}"))
        return after

    def _operand(self, place: "Place", slot: str, array: str, mode: str) -> str:
        """An operand of a sum's term, from the rows (or what is kept of them) or from the shared numbers."""
        if mode != "across":
            return self._load(array, slot, is_row=array != "s", rows=mode == "rows")
        if place.instances is not None and place.instances.step == 1:
            return self.text.let(f"load {self._kind(mode)}, ptr {self._address('s', slot)}, align 8")
        return self._splat("double", self._load("s", slot, is_row=False, rows=False), ACROSS)

    def _base(self, place: "Place", cell: Cell) -> str:
        """The part of a slot that does not depend on the term."""
        text, axis = self.text, place.instances
        if axis is None:
            return text.let(f"add i64 {text.let(f'mul i64 {cell.n}, {place.width}')}, {place.terms.start}")
        if not axis.on_grid:
            return self._along(axis, cell.n)
        column = text.let(f"add i64 {text.let(f'mul i64 {cell.j}, {axis.step}')}, {axis.start}")
        return text.let(f"add i64 {column}, {text.let(f'mul i64 {cell.i}, {axis.outer}')}")

    def _slot(self, place: "Place", base: str, t: str) -> str:
        text = self.text
        if place.instances is None:  # a full table: the base is where this instance's entries begin
            at = text.let(f"getelementptr inbounds i32, ptr %tab, i64 {text.let(f'add i64 {base}, {t}')}")
            return text.let(f"sext i32 {text.let(f'load i32, ptr {at}, align 4')} to i64")
        offset = self._along(place.terms, t)
        return base if offset == "0" else text.let(f"add i64 {base}, {offset}")

    # --- Kernels ---

    def _kernel_pack(self, pack: Pack, rows: bool) -> None:
        op = pack.op
        if op is None:
            raise ValueError("a pack of sums is no pack of kernels")
        axes = [self.tables.axis(table[:, 0]) for table in pack.tables]
        body = body_of(op, len(axes))
        with self.text.loop(0, pack.count) as n:
            operands = [
                self._load("r" if is_row else "s", self._along(axis, n), is_row=is_row, rows=rows)
                for axis, is_row in zip(axes, pack.rows, strict=True)
            ]
            result = _BodyEmitter(self, rows).run(body, operands)
            self._store("r" if rows else "s", self.text.let(f"add i64 {n}, {pack.out}"), result, rows=rows)


@final
@dataclass(frozen=True)
class Place:
    """Where the operands of a sum lie: slot(n, t) = instances(n) + terms(t); without ``instances`` a table [n × width + t]."""

    instances: Axis | None
    terms: Axis
    width: int


def _place(table: Slots, tables: Tables, period: int = 0) -> Place:
    columns = table[0] - table[0, 0]
    if (table == table[:, :1] + columns).all():
        return Place(tables.axis(table[:, 0], period), tables.axis(columns), table.shape[1])
    return Place(None, Axis(tables.add(table), 0), table.shape[1])


def _is_contiguous(place: Place) -> bool:
    return place.instances is not None and place.terms.step in (0, 1)


def _kept_rows(reducing: Sequence[Pack]) -> dict[int, int]:
    """The rows that sums over lanes need, in order of slots, and their places."""
    rows = {
        int(slot)
        for pack in reducing
        for table, is_row in zip(pack.tables, pack.rows_of_tables(), strict=True)
        if is_row
        for slot in np.unique(table)
    }
    return {slot: place for place, slot in enumerate(sorted(rows))}


def _shares(count: int, jam: int, done: int = 0) -> list[tuple[int, int, int]]:
    """Loops (start, stop, step) over ``count`` instances but those done: ``jam`` at a time, then the rest one by one."""
    jammed = count - (count - done) % jam
    return [share for share in ((done, jammed, jam), (jammed, count, 1)) if share[0] < share[1]]


@final
class _BodyEmitter:
    """Writes a kernel's body for numbers or for rows. Conditions are i1 until someone needs the number 1.0 or 0.0."""

    def __init__(self, emitter: Emitter, rows: bool) -> None:
        self.e, self.text = emitter, emitter.text
        self.rows = rows and emitter.width > 1
        self.width = emitter.width if self.rows else 1
        self.kind = emitter.vector if self.rows else "double"
        self.bit = f"<{self.width} x i1>" if self.rows else "i1"
        self.suffix = f"v{self.width}f64" if self.rows else "f64"
        self.bits: dict[str, str] = {}  # register of a number → its condition

    def run(self, body: Body, operands: list[str]) -> str:
        """The register of the result."""
        found = list(operands)

        def register(x: int | float) -> str:
            return found[x] if isinstance(x, int) else self.e._constant(x, rows=self.rows)

        for step in body.instructions:
            found.append(self._instruction(step.op, [register(x) for x in step.operands]))  # noqa: PERF401 -- each refers to those before it
        return register(body.result)

    def _instruction(self, op: Op, x: list[str]) -> str:
        kind, let = self.kind, self.text.let
        if op in ARITHMETIC:
            return let(f"{ARITHMETIC[op]} {self.e.flags}{kind} {x[0]}, {x[1]}")
        if op in COMPARISONS:
            return self._number(let(f"fcmp {COMPARISONS[op]} {kind} {x[0]}, {x[1]}"))
        if op is ops.negation:
            every = f"<{', '.join(['i1 true'] * self.width)}>" if self.rows else "true"
            return self._number(let(f"xor {self.bit} {self._bit(x[0])}, {every}"))
        if op in LOGIC:
            return self._number(let(f"{LOGIC[op]} {self.bit} {self._bit(x[0])}, {self._bit(x[1])}"))
        if op is ops.select:
            return self._select(self._bit(x[0]), x[1], x[2])
        if op is ops.negative:
            return let(f"fneg {kind} {x[0]}")
        if op is ops.sign:
            return self._sign(x[0])
        if op is ops.modulo:
            return self._modulo(x[0], x[1])
        if self.rows and op in LIBM:
            name = LIBM[op]
            if self.e.fast and name in fast_math.VECTORIZED:
                self.e.uses_fast_math = True
                return let(f"call {kind} @fast_{name}_v{self.width}({kind} {x[0]})")
            if not self.e.fast and name in exact_math.NAMES and self.e.exact(name):
                self.e.exact_in_use[name] = None
                self.e.libm[name] = 1
                return let(f"call {kind} @exact_{name}_v{self.width}({kind} {x[0]})")
        intrinsic = {ops.absolute: "fabs", ops.sqrt: "sqrt", ops.floor: "floor"}.get(op)
        if intrinsic is not None:
            return let(f"call {kind} @llvm.{intrinsic}.{self.suffix}({kind} {x[0]})")
        return self._call(self._callee(op, len(x)), x)

    def _callee(self, op: Op, arity: int) -> str:
        if op in LIBM:
            self.e.libm[LIBM[op]] = arity
            return f"libm_{LIBM[op]}"
        return self.e.callbacks.setdefault((op, arity), f"callback_{next(_numbers)}")

    def _call(self, callee: str, x: list[str]) -> str:
        """The function called for each lane."""
        let = self.text.let
        if not self.rows:
            return let(f"call double @{callee}({', '.join(f'double {v}' for v in x)})")
        result = "poison"
        for lane in range(self.width):
            parts = [let(f"extractelement {self.kind} {v}, i64 {lane}") for v in x]
            y = let(f"call double @{callee}({', '.join(f'double {v}' for v in parts)})")
            result = let(f"insertelement {self.kind} {result}, double {y}, i64 {lane}")
        return result

    def _number(self, bit: str) -> str:
        one, zero = (self.e._constant(v, rows=self.rows) for v in (1.0, 0.0))
        number = self._select(bit, one, zero)
        self.bits[number] = bit
        return number

    def _bit(self, number: str) -> str:
        zero = self.e._constant(0.0, rows=self.rows)
        return self.bits.get(number) or self.text.let(f"fcmp une {self.kind} {number}, {zero}")

    def _select(self, bit: str, a: str, b: str) -> str:
        return self.text.let(f"select {self.bit} {bit}, {self.kind} {a}, {self.kind} {b}")

    def _compare(self, how: str, a: str, b: str) -> str:
        return self.text.let(f"fcmp {how} {self.kind} {a}, {b}")

    def _sign(self, a: str) -> str:
        zero, one, minus = (self.e._constant(v, rows=self.rows) for v in (0.0, 1.0, -1.0))
        inner = self._select(self._compare("ord", a, a), zero, a)
        below = self._select(self._compare("olt", a, zero), minus, inner)
        return self._select(self._compare("ogt", a, zero), one, below)

    def _modulo(self, a: str, b: str) -> str:
        """Python's a % b: C's fmod, moved to the sign of b."""
        zero = self.e._constant(0.0, rows=self.rows)
        self.e.libm["fmod"] = 2
        r = self._call("libm_fmod", [a, b])
        crosses = self.text.let(f"xor {self.bit} {self._compare('olt', b, zero)}, {self._compare('olt', r, zero)}")
        moved = self._select(crosses, self.text.let(f"fadd {self.kind} {r}, {b}"), r)
        nothing = self.text.let(f"call {self.kind} @llvm.copysign.{self.suffix}({self.kind} {zero}, {self.kind} {b})")
        return self._select(self._compare("oeq", r, zero), nothing, moved)
