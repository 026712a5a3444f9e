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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from autograd import ops
from autograd.compiler.fast_math import VECTORIZED, functions
from autograd.compiler.kernels import ARITHMETIC, COMPARISONS, LIBM, LOGIC, Body, Instruction, body_of
from autograd.compiler.program import Pack, Program, Run, Slots
from autograd.ops import Op

# Names of callbacks are known to the whole process.
_numbers = itertools.count()
# Instances of a pack of sums side by side. More of them cost time to compile and gain nothing: for rows 1, 2, 4 and 8 gave 95, 88, 84
# and 84 µs for a training step of 2-64-64-1, for shared numbers 1, 2 and 4 gave 40, 35 and 33 µs for a transformer's gradient.
JAM_ROWS, JAM_SHARED = 4, 2
# Terms of a sum up to this many are written out, longer runs are loops.
WRITTEN_OUT = 4


def double(x: float) -> str:
    """A double as LLVM writes it without loss."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"


@final
@dataclass(frozen=True)
class Axis:
    """How slots depend on a loop counter i: ``start + step·i``, or the table entry ``tab[start + i]`` if ``step`` is None."""

    start: int
    step: int | None


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

    def axis(self, slots: Slots) -> Axis:
        """The slots along one counter: regular steps if they have any, else a table."""
        if len(slots) == 1:
            return Axis(int(slots[0]), 0)
        steps = np.diff(slots)
        if (steps == steps[0]).all():
            return Axis(int(slots[0]), int(steps[0]))
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


@final
class Emitter:
    """Writes one program for one number of lanes side by side (``width``; 1 means plain doubles)."""

    def __init__(self, program: Program, *, width: int, fast: bool) -> None:
        self.program, self.width, self.fast = program, width, fast
        self.text = Text()
        self.tables = Tables()
        self.vector = f"<{width} x double>" if width > 1 else "double"
        self.flags = "contract " if fast else ""
        self.kept: dict[int, int] = {}  # row that a sum over lanes needs → its place in ``kept``
        self.uses_fast_math = False
        self.libm: dict[str, int] = {}  # functions of the C library in use → number of arguments
        self.callbacks: dict[Op, str] = {}

    # --- The whole function ---

    def function(self, name: str) -> str:
        """The IR of the function."""
        program = self.program
        rows = [pack for pack in program.packs if pack.is_row or pack.reduces]
        position = {id(pack): i for i, pack in enumerate(program.packs)}
        first = position[id(rows[0])] if rows else len(program.packs)
        last = position[id(rows[-1])] + 1 if rows else len(program.packs)
        for pack in program.packs[:first]:
            self._pack(pack, rows=False)
        if program.n_lanes:
            self._blocks(rows)
        for pack in program.packs[last:]:
            self._pack(pack, rows=False)
        self._copy_out("s", [slot for is_row, slot in program.outputs if not is_row])
        body = "\n".join([*self.text.stack, "  br label %start", "start:", *self.text.lines])
        arguments = "ptr noalias %s, ptr noalias %r, ptr %lanes, ptr noalias %out_s, ptr %out_r, ptr noalias %kept"
        return (
            f"define void @{name}({arguments}, ptr noalias readonly %tab, i64 %padded, i64 %count) {{\n{body}\n  ret void\n}}\n"
        )

    def definitions(self) -> str:
        """Functions of our own that the function calls."""
        return functions(self.width) if self.uses_fast_math else ""

    def declarations(self) -> list[str]:
        """Declarations of what the function calls."""
        lines = [f"declare double @libm_{name}({', '.join(['double'] * arity)})" for name, arity in self.libm.items()]
        for op, name in self.callbacks.items():
            arity = max(len(step.operands) for step in _calls(self.program, op))
            lines.append(f"declare double @{name}({', '.join(['double'] * arity)})")
        for kind in dict.fromkeys(["double", self.vector]):
            suffix = "f64" if kind == "double" else f"v{self.width}f64"
            lines.extend(f"declare {kind} @llvm.{f}.{suffix}({kind})" for f in ("fabs", "sqrt", "floor"))
            lines.append(f"declare {kind} @llvm.copysign.{suffix}({kind}, {kind})")
        if self.width > 1:
            lines.append(f"declare double @llvm.vector.reduce.fadd.v{self.width}f64(double, {self.vector})")
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
            for pack in rows:
                if not pack.reduces:
                    self._pack(pack, rows=True)
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
        tables = [
            np.vectorize(self.kept.__getitem__, otypes=[np.int32])(table) if is_row else table
            for table, is_row in zip(pack.tables, pack.rows_of_tables(), strict=True)
        ]
        places = [_place(table, self.tables) for table in tables]
        for start, stop, jam in _shares(pack.count, JAM_ROWS):
            with self.text.loop(start, stop, jam) as n:
                self._reduce_instances(pack, places, self._instances(n, jam))

    def _reduce_instances(self, pack: Pack, places: Sequence["Place"], instances: list[str]) -> None:
        text = self.text
        variables = [text.variable(self.vector, "total") for _ in instances]
        for variable in variables:
            text.do(f"store {self.vector} {self._constant(0.0)}, ptr {variable}")
        with text.loop(0, "%padded", self.width) as block:
            self.block = block
            self._mask(block)
            for variable, term in zip(variables, self._totals(pack, places, instances, "kept", rows=True), strict=True):
                so_far = text.let(f"load {self.vector}, ptr {variable}")
                if self.width > 1 and not all(pack.rows_of_tables()):  # a shared number is not 0 in the padding
                    term = self._masked(term)
                text.do(f"store {self.vector} {text.let(f'fadd {self.flags}{self.vector} {so_far}, {term}')}, ptr {variable}")
        for i, variable in zip(instances, variables, strict=True):
            total = text.let(f"load {self.vector}, ptr {variable}")
            if self.width > 1:
                reassoc = "reassoc " if self.fast else ""
                reduce = f"@llvm.vector.reduce.fadd.v{self.width}f64(double {double(-0.0)}, {self.vector} {total})"
                total = text.let(f"call {reassoc}double {reduce}")
            self._store("s", text.let(f"add i64 {i}, {pack.out}"), total, rows=False)

    def _instances(self, n: str, jam: int) -> list[str]:
        return [n if j == 0 else self.text.let(f"add nuw nsw i64 {n}, {j}") for j in range(jam)]

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

    def _splat(self, kind: str, x: str) -> str:
        text, width = self.text, self.width
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
        array = "r" if rows else "s"
        for start, stop, jam in _shares(pack.count, JAM_ROWS if rows else JAM_SHARED):
            with self.text.loop(start, stop, jam) as n:
                instances = self._instances(n, jam)
                for i, total in zip(instances, self._totals(pack, places, instances, "r", rows=rows), strict=True):
                    self._store(array, self.text.let(f"add i64 {i}, {pack.out}"), total, rows=rows)

    def _totals(self, pack: Pack, places: Sequence["Place"], instances: list[str], source: str, *, rows: bool) -> list[str]:
        """The sums of some instances side by side, with rows from ``source``."""
        text = self.text
        kind = self.vector if rows else "double"
        jam = len(instances)
        totals: list[str | None] = [None] * jam
        upcoming = iter(places)
        for run in pack.runs:
            a = next(upcoming)
            b = None if run.b_is_row is None else next(upcoming)
            bases = [[self._base(place, i) for i in instances] for place in (a, b) if place is not None]
            written_out = run.count if run.count <= WRITTEN_OUT else (1 if totals[0] is None else 0)
            for t in range(written_out):
                totals = self._step(run, (a, b), bases, str(t), totals, source, rows)
            if written_out < run.count:
                variables = [text.variable(kind, "total") for _ in range(jam)]
                for variable, total in zip(variables, totals, strict=True):
                    text.do(f"store {kind} {total}, ptr {variable}")
                with text.loop(written_out, run.count) as t_counter:
                    so_far: list[str | None] = [text.let(f"load {kind}, ptr {variable}") for variable in variables]
                    after = self._step(run, (a, b), bases, t_counter, so_far, source, rows)
                    for variable, total in zip(variables, after, strict=True):
                        text.do(f"store {kind} {total}, ptr {variable}")
                totals = [text.let(f"load {kind}, ptr {variable}") for variable in variables]
        return [str(total) for total in totals]

    def _step(
        self,
        run: Run,
        places: tuple["Place", "Place | None"],
        bases: Sequence[Sequence[str]],
        t: str,
        totals: list[str | None],
        source: str,
        rows: bool,
    ) -> list[str | None]:
        """Each instance's total with its t-th term of the run added."""
        text = self.text
        kind = self.vector if rows else "double"
        a, b = places
        after: list[str | None] = []
        for j, total in enumerate(totals):
            array = source if run.a_is_row else "s"
            term = self._load(array, self._slot(a, bases[0][j], t), is_row=run.a_is_row, rows=rows)
            if b is not None:
                array = source if run.b_is_row else "s"
                y = self._load(array, self._slot(b, bases[1][j], t), is_row=bool(run.b_is_row), rows=rows)
                term = text.let(f"fmul {self.flags}{kind} {term}, {y}")
            if total is None:
                after.append(text.let(f"fneg {kind} {term}") if run.sign < 0 else term)
            else:
                verb = "fsub" if run.sign < 0 else "fadd"
                reassoc = "reassoc " if self.fast and not rows else ""
                after.append(text.let(f"{verb} {reassoc}{self.flags}{kind} {total}, {term}"))
        return after

    def _base(self, place: "Place", instance: str) -> str:
        """The part of a slot that does not depend on the term."""
        if place.instances is None:
            return self.text.let(f"add i64 {self.text.let(f'mul i64 {instance}, {place.width}')}, {place.terms.start}")
        return self._along(place.instances, instance)

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


def _place(table: Slots, tables: Tables) -> Place:
    columns = table[0] - table[0, 0]
    if (table == table[:, :1] + columns).all():
        return Place(tables.axis(table[:, 0]), tables.axis(columns), table.shape[1])
    return Place(None, Axis(tables.add(table), 0), table.shape[1])


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


def _shares(count: int, jam: int) -> list[tuple[int, int, int]]:
    """Loops (start, stop, step) over ``count`` instances: ``jam`` at a time, then the rest one by one."""
    jammed = count - count % jam
    return [share for share in ((0, jammed, jam), (jammed, count, 1)) if share[0] < share[1]]


def _calls(program: Program, op: Op) -> Iterator[Instruction]:
    for pack in program.packs:
        if pack.op is not None:
            yield from (step for step in body_of(pack.op, len(pack.tables)).instructions if step.op is op)


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
        if self.rows and self.e.fast and op in LIBM and LIBM[op] in VECTORIZED:
            self.e.uses_fast_math = True
            return let(f"call {kind} @fast_{LIBM[op]}_v{self.width}({kind} {x[0]})")
        intrinsic = {ops.absolute: "fabs", ops.sqrt: "sqrt", ops.floor: "floor"}.get(op)
        if intrinsic is not None:
            return let(f"call {kind} @llvm.{intrinsic}.{self.suffix}({kind} {x[0]})")
        return self._call(self._callee(op, len(x)), x)

    def _callee(self, op: Op, arity: int) -> str:
        if op in LIBM:
            self.e.libm[LIBM[op]] = arity
            return f"libm_{LIBM[op]}"
        return self.e.callbacks.setdefault(op, f"callback_{next(_numbers)}")

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
