"""The walk for languages of C's kind: the statements of a function, and the helpers and tables that they use.

Small programs become straight lines, one named number for each sum or kernel; larger ones a loop for each pack, so that the text grows
with packs and tables and not with nodes. A ``Language`` says what differs: how a number and a declaration are written, and what the
functions of the C library are called. Bits are those of the eager engine as far as the language's own functions go: sums are added up
in order, nothing is contracted or regrouped.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from autograd.compiler.kernels import body_of
from autograd.compiler.program import Pack, Program, Run, Slots
from autograd.compiler.targets.c_language import Argument, Expression, Language, Rows, grouped, identifier
from autograd.compiler.targets.c_memory import Cell, Columns, Memory, Named, index_of
from autograd.compiler.targets.lookups import LOOKUP, with_lookups
from autograd.compiler.targets.tables import Strip, strips
from autograd.compiler.targets.walk import Counter, Walk
from autograd.ops import Op

# Programs of up to so many operands in all are straight lines.
STRAIGHT = 256
LINE = 120


def operands_of(program: Program) -> int:
    """The number of operands of all packs."""
    return sum(table.size for pack in program.packs for table in pack.tables)


@final
@dataclass
class _Sum:
    """Terms with their signs; once a loop adds to them they are in the variable ``total``."""

    terms: list[tuple[int, str]]
    is_begun: bool = False


@final
class Printer(Walk):
    """Writes one program as the ``lines`` of a function's body, with ``helpers`` and a ``memory``.

    ``inputs`` name the arrays of its shared inputs, one after the other, and ``outputs`` those of its shared outputs. Of a program with
    lanes the samples lie one after the other in ``lanes``, and its rows in ``rows_out``.
    """

    def __init__(
        self,
        program: Program,
        language: Language,
        inputs: Sequence[Argument],
        outputs: Sequence[Argument | Rows],
        guards: Sequence[tuple[bool, str]] = (),
    ) -> None:
        self.is_straight = operands_of(program) + len(program.outputs) <= STRAIGHT
        program = program if self.is_straight else with_lookups(program)
        super().__init__(program)
        self.language, self.outputs, self.guards = language, outputs, guards
        if self.is_straight:
            self.written_out = operands_of(program)
        self.lines: list[str] = []
        self.helpers: dict[str, list[str]] = {}
        self.memory = Memory(program, language, inputs)
        self._depth = 1
        self._strip = Strip(0, 1, 1, 1)  # that in work
        self.walk()
        self._copy_out()

    def lanes(self, packs: Sequence[Pack]) -> None:
        """A loop over the samples."""
        self._start_sums_over_lanes([pack for pack in packs if pack.reduces])
        with self._loop("lane", "count"):
            self._copy_in()
            self.packs(packs)
            self._copy_rows()

    # --- Lines ---

    def say(self, line: str) -> None:
        """A line at the present depth."""
        self.lines.append("  " * self._depth + line)

    @contextmanager
    def _loop(self, counter: str, stop: Counter, start: int = 0) -> Iterator[str]:
        """A loop over a counter."""
        self.say(f"for ({self.language.counter}{counter} = {start}; {counter} < {stop}; {counter}++) {{")
        self._depth += 1
        yield counter
        self._depth -= 1
        self.say("}")

    @contextmanager
    def _over(self, counter: str, count: int) -> Iterator[Counter]:
        """A loop over a counter, or no loop where there is one place."""
        if count == 1:
            yield 0
            return
        with self._loop(counter, count):
            yield counter

    @contextmanager
    def _block(self, *, is_needed: bool) -> Iterator[None]:
        """Braces around what declares names."""
        if is_needed:
            self.say("{")
            self._depth += 1
        yield
        if is_needed:
            self._depth -= 1
            self.say("}")

    # --- Packs ---

    def pack(self, pack: Pack) -> None:
        """In loops strip by strip."""
        if self.is_straight:
            super().pack(pack)
            return
        for strip in strips(_columns(pack), pack.count):
            self._strip, at = strip, strip.instances()
            part = replace(pack, tables=tuple([table[at] for table in pack.tables]))
            if pack.op is LOOKUP:
                self._look_up(part)
            else:
                super().pack(part)

    def _look_up(self, pack: Pack) -> None:
        """Of many numbers the one at an index; nan where there is none."""
        index, rows = sources = self.sources(pack)
        nothing = self.language.number(math.nan)
        for (cell,) in self.cells(pack, sources):
            self.say(
                f"{self.language.condition}place = {self._place(self.memory.read(index, cell, 0), pack.tables[1].shape[1])};"
            )
            self.store(pack, [cell], [_Sum([(1, f"place < 0 ? {nothing} : {self.memory.read(rows, cell, 'place')}")])])

    def sources(self, pack: Pack) -> list[Any]:
        """Names in straight lines, places in loops; of short sums each term is a column of its own."""
        kinds = pack.rows_of_tables()
        if self.is_straight:
            return [Named(is_row, table) for is_row, table in zip(kinds, pack.tables, strict=True)]
        if not _is_short(pack):
            return [self.memory.source(table, is_row, self._strip) for is_row, table in zip(kinds, pack.tables, strict=True)]
        return [
            Columns(tuple([self.memory.source(table[:, t : t + 1], is_row, self._strip) for t in range(table.shape[1])]))
            for is_row, table in zip(kinds, pack.tables, strict=True)
        ]

    def cells(self, pack: Pack, sources: Sequence[Any]) -> Iterator[list[Cell]]:
        """One instance at a time: a line each, or the loops of a strip."""
        if self.is_straight:
            for n in range(pack.count):
                if not self._is_known(pack, n):
                    yield [Cell(n, n, n, ((1, n),), 0)]
            return
        is_alone = pack.count == 1 and not _is_short(pack)  # and declares names outside of a loop
        with self._cells() as cell, self._block(is_needed=is_alone):
            yield [cell]

    def at(self, source: Any, cell: Cell) -> tuple[Any, Cell]:
        """Both."""
        return source, cell

    def read(self, operand: tuple[Any, Cell], t: Counter) -> str:
        """An expression."""
        source, cell = operand
        if isinstance(source, Named):
            return self.memory.named(source.is_row, int(source.table[int(cell.n), int(t)]))
        return (
            self.memory.read(source.terms[int(t)], cell, 0) if isinstance(source, Columns) else self.memory.read(source, cell, t)
        )

    def term(self, run: Run, factors: Sequence[str], total: _Sum | None) -> _Sum:
        """One more term, or one added to the variable; where a gate is closed −0, which changes no sum."""
        sign, text = run.sign, factors[0] if run.b_is_row is None else f"{factors[0]} * {factors[1]}"
        if run.gate_is_row is not None:
            zero, nothing = map(self.language.number, (0.0, -0.0))
            signed = text if sign > 0 else f"-{grouped(text)}"
            sign, text = 1, f"({factors[-1]} {self.language.unequal} {zero} ? {signed} : {nothing})"
        if total is None:
            return _Sum([(sign, text)])
        if total.is_begun:
            self.say(f"total {'-' if sign < 0 else '+'}= {text};")
        else:
            total.terms.append((sign, text))
        return total

    def repeated(self, start: int, stop: int, totals: list[_Sum], add: Callable[[Counter, list[_Sum]], list[_Sum]]) -> list[_Sum]:
        """A loop that adds to the variable."""
        (total,) = totals
        if not total.is_begun:
            self._statement(f"{self.language.variable}total =", total.terms)
            total.is_begun = True
        with self._loop("t", stop, start) as t:
            return add(t, totals)

    def store(self, pack: Pack, cells: Sequence[Cell], results: Sequence[_Sum]) -> None:
        """A named number, or an element of an array; sums over lanes grow."""
        (cell,), (total,) = cells, results
        place = "r" if pack.is_row else "s"
        if self.is_straight:
            declared = "" if pack.reduces else self.language.constant
            head = f"{declared}{place}{pack.out + int(cell.n)}"
        else:
            head = f"{place}[{index_of(cell.parts, cell.start + pack.out - (0 if pack.is_row else self.memory.first))}]"
        terms = [(1, "total")] if total.is_begun else total.terms
        self._statement(f"{head} {'+=' if pack.reduces else '='}", terms)

    # --- Straight lines ---

    def _is_known(self, pack: Pack, n: int) -> bool:
        """Whether a kernel's operands are numbers; its result is one then, with the bits of Python's C library and not a compiler's."""
        if pack.op is None:
            return False
        slots = [-1 if is_row else int(table[n, 0]) for is_row, table in zip(pack.rows, pack.tables, strict=True)]
        if any(slot not in self.memory.literals for slot in slots):
            return False
        self.memory.literals[pack.out + n] = float(pack.op.value(*[self.memory.literals[slot] for slot in slots]))
        return True

    def _statement(self, head: str, terms: Sequence[tuple[int, str]]) -> None:
        """head ± term ± term …; broken into lines where it is long."""
        pieces = [("- " if sign < 0 else "+ ") + text for sign, text in terms]
        first_sign, first = terms[0]
        if re.fullmatch(r"\(-[\w.+-]+\)", first) and first_sign > 0:  # a lone negative number
            first = first[1:-1]
        line = f"{head} {f'-{grouped(first)}' if first_sign < 0 else first}"
        for piece in pieces[1:]:
            if 2 * self._depth + len(line) + len(piece) > LINE:
                self.say(line)
                line = f"  {piece}"
            else:
                line += f" {piece}"
        self.say(f"{line};")

    # --- Loops ---

    @contextmanager
    def _cells(self) -> Iterator[Cell]:
        """The strip in work as a loop, or as two loops."""
        strip = self._strip
        if strip.rows == 1 or strip.width == 1:
            with self._over("n", strip.rows * strip.width) as n:
                yield Cell(n, n, n, ((1 if strip.rows == 1 else strip.step, n),), strip.start)
            return
        with self._loop("i", strip.rows) as i, self._loop("j", strip.width) as j:
            yield Cell(f"{strip.width} * {i} + {j}", i, j, ((strip.step, i), (1, j)), strip.start)

    # --- In and out ---

    def _start_sums_over_lanes(self, reducing: Sequence[Pack]) -> None:
        zero = self.language.number(0.0)
        for pack in reducing:
            if self.is_straight:
                for k in range(pack.count):
                    self.say(f"{self.language.variable}s{pack.out + k} = {zero};")
            else:
                with self._over("n", pack.count) as n:
                    self.say(f"s[{index_of([(1, n)], pack.out - self.memory.first)}] = {zero};")

    def _copy_in(self) -> None:
        width = self.program.n_lanes
        if self.is_straight:
            for lane in range(width):
                self.say(f"{self.language.constant}r{lane} = lanes[{index_of([(width, 'lane')], lane)}];")
        else:
            with self._over("n", width) as q:
                self.say(f"r[{q}] = lanes[{index_of([(width, 'lane'), (1, q)], 0)}];")

    def _copy_rows(self) -> None:
        slots = [slot for is_row, slot in self.program.outputs if is_row]
        self._copy("rows_out", slots, is_row=True, offset=[(len(slots), "lane")])

    def _copy_out(self) -> None:
        slots = [slot for is_row, slot in self.program.outputs if not is_row]
        for guard in self.guards:
            read = self.memory.named(False, slots[0]) if self.is_straight else self._read_one(slots[0])
            unmet = f"{grouped(read)} {self.language.equal if guard[0] else self.language.unequal} {self.language.number(0.0)}"
            self.say(f"if ({unmet}) {self.language.refuse(guard)};")
            slots = slots[1:]
        for argument in self.outputs:
            if isinstance(argument, Rows):
                self._copy_to_rows(argument, slots[: argument.size])
            else:
                start: list[tuple[int, Counter]] = [(1, argument.offset)]
                self._copy(argument.name, slots[: argument.size], is_row=False, offset=start, accumulated=argument.accumulated)
            slots = slots[argument.size :]

    def _copy_to_rows(self, rows: Rows, slots: Sequence[int]) -> None:
        """Numbers to where their indices say."""
        if rows.clears:
            with self._over("n", rows.end - min(rows.starts)) as n:
                self.say(f"{rows.name}[{index_of([(1, n)], min(rows.starts))}] = {self.language.number(0.0)};")
        many = len(rows.starts)
        indices, values, starts = (np.array(column, dtype=np.int32) for column in (slots[:many], slots[many:], rows.starts))
        if self.is_straight:
            for index, value, start in zip(indices.tolist(), values.tolist(), rows.starts, strict=True):
                with self._block(is_needed=True):
                    self._store_in_row(rows, self.memory.named(False, index), [], start, self.memory.named(False, value))
            return
        for self._strip in strips([indices, values, starts], many):
            at = self._strip.instances()
            index, value = (self.memory.source(column[at].reshape(-1, 1), False, self._strip) for column in (indices, values))
            place = self.memory.tables.place(starts[at].reshape(-1, 1), self._strip.period)
            with self._cells() as cell, self._block(is_needed=len(at) == 1):
                self._store_in_row(
                    rows, self.memory.read(index, cell, 0), *self.memory.slot(place, cell, 0), self.memory.read(value, cell, 0)
                )

    def _store_in_row(self, rows: Rows, index: str, parts: Sequence[tuple[int, Counter]], start: int, value: str) -> None:
        self.say(f"{self.language.condition}place = {self._place(index, rows.count)};")
        self.say(f"if (place >= 0) {rows.name}[{index_of([*parts, (rows.step, 'place')], start)}] = {value};")

    def _place(self, index: str, count: int) -> str:
        return self.language.place(index, self.language.number(float(count)), self)

    def _read_one(self, slot: int) -> str:
        """A shared number that has a place in an array."""
        self._strip = Strip(0, 1, 1, 1)
        return self.memory.read(
            self.memory.source(np.array([[slot]], dtype=np.int32), False, self._strip), Cell(0, 0, 0, (), 0), 0
        )

    def _copy(
        self, target: str, slots: Sequence[int], *, is_row: bool, offset: list[tuple[int, Counter]], accumulated: bool = False
    ) -> None:
        begun = f"{self.language.number(0.0)} + " if accumulated else ""
        if self.is_straight:
            for k, slot in enumerate(slots):
                self.say(f"{target}[{index_of(offset, k)}] = {begun}{self.memory.named(is_row, slot)};")
            return
        column = np.array(slots, dtype=np.int32)
        for self._strip in strips([column], len(slots)) if slots else ():
            source = self.memory.source(column[self._strip.instances()].reshape(-1, 1), is_row, self._strip)
            with self._cells() as cell:
                self.say(
                    f"{target}[{index_of([*offset, *cell.parts], cell.start)}] = {begun}{self.memory.read(source, cell, 0)};"
                )

    # --- Kernels ---

    def kernel(self, op: Op, operands: Sequence[str]) -> _Sum:
        """An op applied to operands, as a sum of one term."""
        return _Sum([(1, self.call(op, operands))])

    def call(self, op: Op, operands: Sequence[str]) -> str:
        """An op applied to operands: its expression, or a call of a helper with its body."""
        body = body_of(op, len(operands))
        if len(body.instructions) <= 1:
            return Expression(self, body, operands).result()
        parameters = [f"a{i}" for i in range(len(operands))]
        name = self.helper(f"op_{identifier(op.name)}", parameters, Expression(self, body, parameters).lines())
        return f"{name}({', '.join(operands)})"

    def literal(self, x: float) -> str:
        """A number as an operand."""
        return self.memory.literal(x)

    def helper(self, name: str, parameters: Sequence[str], lines: Sequence[str]) -> str:
        """The name in the text of a helper with this body; of two with one name the later gets a number."""
        full, number = self.language.name(name), 1
        while self.helpers.setdefault(full, text := self.language.function(full, parameters, lines)) != text:
            number += 1
            full = self.language.name(f"{name}_{number}")
        return full


def _columns(pack: Pack) -> list[Slots]:
    """What strips have to be regular in: the slots of each term of short sums, of the first terms of others. Full tables ask for none."""
    if _is_short(pack):
        return [column for table in pack.tables for column in table.T]
    return [table[:, 0] for table in pack.tables] if all(map(_is_separable, pack.tables)) else []


def _is_short(pack: Pack) -> bool:
    """Whether a pack has no long run: its terms are written out."""
    return pack.op is not LOOKUP and all(run.count <= Printer.written_out for run in pack.runs)


def _is_separable(table: Slots) -> bool:
    return bool((table == table[:, :1] + (table[0] - table[0, 0])).all())
