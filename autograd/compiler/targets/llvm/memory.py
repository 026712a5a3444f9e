"""Reads and writes of the arrays that a native function is given, and where in them the operands of an instance lie.

Glossary::

    s, r, kept    shared numbers; the rows of the block of lanes in work; the rows of all lanes that sums over lanes need
    block         the first lane in work
    stride        from one kept row to the next
"""

from dataclasses import dataclass
from typing import final

from autograd.compiler.targets.llvm.text import Form, Text
from autograd.compiler.targets.tables import Axis, Place

GATHER, EVERY = "llvm.masked.gather.v8f64.v8p0", ", ".join(["i1 true"] * 8)


@final
@dataclass(frozen=True)
class Source:
    """Where the operands of a table lie: the array, and the slots in it; ``apart``: the step from each of eight neighbouring instances
    to the next, if it is always 0 or always 1."""

    array: str
    place: Place
    apart: int | None = None


@final
@dataclass(frozen=True)
class Cell:
    """An instance: its number n, and on a grid its coordinates."""

    n: str
    i: str = ""
    j: str = ""


@final
@dataclass(frozen=True)
class Operand:
    """A source, with the part of the slot that does not depend on the term; of eight instances whose terms lie in ``rows``, where that is
    kept for each of them, or the numbers themselves where each has one."""

    source: Source
    base: str
    rows: str = ""
    numbers: str = ""


@final
@dataclass(frozen=True)
class Kept:
    """What sums over lanes need: so many rows, each a little longer than there are lanes, and of each lane a line of ``pitch``."""

    rows: int = 0
    width: int = 0
    pitch: int = 0

    def size(self, padded: int) -> int:
        """How many numbers that are, for so many lanes."""
        return self.rows * (padded + self.width) + self.pitch * padded


@final
class Memory:
    """Writes them into a text; rows have the form ``row``. What goes in and out lies ``apart`` or in one array."""

    def __init__(self, text: Text, row: Form, *, apart: bool) -> None:
        self.text, self.row, self.apart = text, row, apart
        self.block = self.stride = ""

    # --- Numbers ---

    def address(self, array: str, index: str) -> str:
        """Where a number of an array is."""
        return self.text.let(f"getelementptr inbounds double, ptr %{array}, i64 {index}")

    def row_at(self, array: str, slot: str) -> str:
        """Where a row is."""
        return self.address(array, self.text.let(f"mul i64 {slot}, {self.row.width}") if self.row.width > 1 else slot)

    def _of_all_lanes(self, slot: str, stride: str) -> str:
        """The place of the block's lanes of a row among all lanes."""
        return self.text.let(f"add i64 {self.text.let(f'mul i64 {slot}, {stride}')}, {self.block}")

    def load(self, array: str, slot: str, form: Form) -> str:
        """A row's lanes, or a shared number, in every place of the form."""
        text, row = self.text, self.row
        if array == "kept":
            at = self._of_all_lanes(slot, self.stride)
            return text.let(f"load {row.kind}, ptr {self.address('kept', at)}, align {8 * row.width}")
        if array == "r":
            return text.let(f"load {row.kind}, ptr {self.row_at(array, slot)}, align {8 * row.width}")
        x = text.let(f"load double, ptr {self.address(array, slot)}, align 8")
        return self.splat("double", x, form.width) if form.width > 1 else x

    def side_by_side(self, slot: str, form: Form) -> str:
        """Shared numbers that are neighbours."""
        return self.text.let(f"load {form.kind}, ptr {self.address('s', slot)}, align 8")

    def slots_along(self, axis: Axis, cell: Cell) -> str:
        """The slots of eight instances from this one on."""
        text, wide = self.text, "<8 x i64>"
        counter = cell.j if axis.on_grid else cell.n
        if axis.step is None:
            at = text.let(f"getelementptr inbounds i32, ptr %tab, i64 {text.let(f'add i64 {counter}, {axis.start}')}")
            slots = text.let(f"sext <8 x i32> {text.let(f'load <8 x i32>, ptr {at}, align 4')} to {wide}")
        else:
            steps = ", ".join([f"i64 {axis.step * k}" for k in range(8)])
            slots = text.let(f"add {wide} {self.splat('i64', self.along(axis, counter), 8)}, <{steps}>")
        if axis.outer:
            slots = text.let(f"add {wide} {slots}, {self.splat('i64', text.let(f'mul i64 {cell.i}, {axis.outer}'), 8)}")
        return slots

    def gathered(self, slots: str) -> str:
        """The shared numbers in eight slots."""
        text = self.text
        places = text.let(f"getelementptr double, ptr %s, <8 x i64> {slots}")
        return text.let(f"call <8 x double> @{GATHER}(<8 x ptr> {places}, i32 8, <8 x i1> <{EVERY}>, <8 x double> poison)")

    def store(self, array: str, slot: str, x: str, form: Form) -> None:
        """Put a row, or shared numbers side by side, where they belong."""
        if array == "r":
            self.text.do(f"store {form.kind} {x}, ptr {self.row_at(array, slot)}, align {8 * form.width}")
        else:
            self.text.do(f"store {form.kind} {x}, ptr {self.address(array, slot)}, align 8")

    def lanes_in(self, slot: str) -> str:
        """This block of an input that varies."""
        return self.text.let(f"load {self.row.kind}, ptr {self._outside('lanes', slot)}, align 8")

    def hand_out(self, x: str, place: str) -> None:
        """Put this block of a row in its place among the rows that go out."""
        self.text.do(f"store {self.row.kind} {x}, ptr {self._outside('out_r', place)}, align 8")

    def _outside(self, array: str, slot: str) -> str:
        """Where this block of a row is that goes in or out."""
        if self.apart:
            row = self.text.let(f"load ptr, ptr {self.text.let(f'getelementptr ptr, ptr %{array}, i64 {slot}')}, align 8")
            return self.text.let(f"getelementptr inbounds double, ptr {row}, i64 {self.block}")
        return self.address(array, self.text.let(f"add i64 {self.text.let(f'mul i64 %padded, {slot}')}, {self.block}"))

    def keep(self, place: str, x: str) -> None:
        """Put this block of a row among the kept ones."""
        at = self._of_all_lanes(place, self.stride)
        self.text.do(f"store {self.row.kind} {x}, ptr {self.address('kept', at)}, align {8 * self.row.width}")

    def splat(self, kind: str, x: str, width: int) -> str:
        """The same in every place of a vector."""
        text = self.text
        first = text.let(f"insertelement <{width} x {kind}> poison, {kind} {x}, i64 0")
        return text.let(f"shufflevector <{width} x {kind}> {first}, <{width} x {kind}> poison, <{width} x i32> zeroinitializer")

    # --- Slots ---

    def entry(self, index: str) -> str:
        """A number of the tables."""
        at = self.text.let(f"getelementptr inbounds i32, ptr %tab, i64 {index}")
        return self.text.let(f"sext i32 {self.text.let(f'load i32, ptr {at}, align 4')} to i64")

    def along(self, axis: Axis, counter: str) -> str:
        """The slot at a counter's value."""
        text = self.text
        if axis.step is None:
            return self.entry(text.let(f"add i64 {counter}, {axis.start}"))
        if axis.step == 0:
            return str(axis.start)
        scaled = counter if axis.step == 1 else text.let(f"mul i64 {counter}, {axis.step}")
        return text.let(f"add i64 {scaled}, {axis.start}")

    def operand(self, source: Source, cell: Cell) -> Operand:
        """The source as an instance sees it."""
        return Operand(source, self._base(source.place, cell))

    def _base(self, place: Place, cell: Cell) -> str:
        text, axis = self.text, place.instances
        if axis is None:  # a full table: where this instance's entries begin
            return text.let(f"add i64 {text.let(f'mul i64 {cell.n}, {place.width}')}, {place.terms.start}")
        if not axis.on_grid:
            return self.along(axis, cell.n)
        column = self.along(axis, cell.j)
        if not axis.outer:
            return column
        return text.let(f"add i64 {column}, {text.let(f'mul i64 {cell.i}, {axis.outer}')}")

    def slot(self, operand: Operand, t: str) -> str:
        """The slot of the t-th term."""
        place = operand.source.place
        if place.instances is None:
            return self.entry(self.text.let(f"add i64 {operand.base}, {t}"))
        offset = self.along(place.terms, t)
        return operand.base if offset == "0" else self.text.let(f"add i64 {operand.base}, {offset}")
