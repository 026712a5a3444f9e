"""Where the numbers of a program lie in languages of C's kind, and the expressions that read them.

Shared numbers live where they come from: constants in ``k``, inputs in the arrays that the function is given, results in ``s`` (or
``s7`` in straight lines); rows in ``r``, one sample after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from autograd.compiler.program import Program, Slots
from autograd.compiler.targets.c_language import Argument, Language, grouped
from autograd.compiler.targets.tables import Axis, Place, Strip, Tables
from autograd.compiler.targets.walk import Counter


def index_of(parts: Sequence[tuple[int, Counter]], constant: int) -> str:
    """Σ coefficient·counter + constant."""
    terms = []
    for coefficient, counter in parts:
        if isinstance(counter, int):
            constant += coefficient * counter
        elif coefficient:
            product = counter if coefficient == 1 else grouped(counter)
            if abs(coefficient) != 1:
                product = f"{abs(coefficient)} * {product}"
            terms.append(("- " if coefficient < 0 else "+ ") + product)
    terms.sort()  # those to be added first
    if constant > 0 and terms and terms[0].startswith("-"):
        terms.insert(0, f"+ {constant}")
    elif constant or not terms:
        terms.append(f"- {-constant}" if constant < 0 else f"+ {constant}")
    return " ".join(terms).removeprefix("+ ")


@final
@dataclass(frozen=True)
class Cell:
    """An instance of a strip: the counters that its operands depend on, and its number as Σ coefficient·counter + start."""

    n: Counter
    i: Counter
    j: Counter
    parts: tuple[tuple[int, Counter], ...]
    start: int


@final
@dataclass(frozen=True)
class Named:
    """The operands of one table in straight lines, where every number has a name."""

    is_row: bool
    table: Slots


@final
@dataclass(frozen=True)
class Source:
    """The operands of one table in loops: where they lie, and the arrays from the first place of each on."""

    place: Place
    arrays: tuple[tuple[str, int], ...]


@final
@dataclass(frozen=True)
class Columns:
    """The operands of a table of short sums, term by term."""

    terms: tuple[Source, ...]


@final
class Memory:
    """The arrays of a program, its numbers that are known, and its ``tables``."""

    def __init__(self, program: Program, language: Language, inputs: Sequence[Argument]) -> None:
        self.language = language
        self.tables = Tables()
        self.used_numbers: dict[str, tuple[float, ...]] = {}  # arrays of numbers that loops read
        self.literals: dict[int, float] = dict(enumerate(program.constants))
        self._numbers = {"k": program.constants}
        self._arrays = [("k", 0)]
        start = len(program.constants)
        for argument in inputs:
            self._arrays.append((argument.name, start))
            if argument.values is not None:
                self._numbers[argument.name] = argument.values
                self.literals.update(enumerate(argument.values, start))
            start += argument.size
        self.first, self.computed = start, program.shared_size - start  # slots of results
        self._arrays.append(("s", start))

    def literal(self, x: float) -> str:
        """A number as an operand."""
        text = self.language.number(x)
        return f"({text})" if text.startswith("-") else text

    def named(self, is_row: bool, slot: int) -> str:
        """A number in straight lines."""
        if is_row:
            return f"r{slot}"
        if slot in self.literals:
            return self.literal(self.literals[slot])
        name, start = self._array_of(slot)
        return f"s{slot}" if name == "s" else f"{name}[{slot - start}]"

    def _array_of(self, slot: int) -> tuple[str, int]:
        """The array of a shared slot, and the slot of its first number."""
        return next(array for array in reversed(self._arrays) if array[1] <= slot)

    def source(self, table: Slots, is_row: bool, strip: Strip) -> Source:
        """Where the operands of one table of a strip lie."""
        if is_row:
            return Source(self.tables.place(table, strip.period), (("r", 0),))
        starts = np.array([start for _, start in self._arrays])
        used = np.unique(np.searchsorted(starts, table, side="right") - 1)
        return Source(self.tables.place(table, strip.period), tuple([self._arrays[i] for i in used]))

    def read(self, source: Source, cell: Cell, t: Counter) -> str:
        """An operand: the t-th of this instance."""
        parts, constant = self.slot(source.place, cell, t)
        if not parts and source.arrays[0][0] != "r" and constant in self.literals:
            return self.literal(self.literals[constant])
        if not parts and source.arrays[0][0] != "r":
            array, start = self._array_of(constant)
            return self._element(array, str(constant - start))
        self.used_numbers |= {name: self._numbers[name] for name, _ in source.arrays if name in self._numbers}
        name, start = source.arrays[-1]
        text = self._element(name, index_of(parts, constant - start))
        for (name, start), (_, end) in reversed(list(zip(source.arrays, source.arrays[1:], strict=False))):
            text = f"({index_of(parts, constant)} < {end} ? {self._element(name, index_of(parts, constant - start))} : {text})"
        return text

    def _element(self, array: str, index: str) -> str:
        return self.language.element(array, index, is_static=array in self._numbers or array == "tab")

    def slot(self, place: Place, cell: Cell, t: Counter) -> tuple[list[tuple[int, Counter]], int]:
        """A slot as (coefficient, counter) … and a constant."""
        n, i, j = cell.n, cell.i, cell.j
        if place.instances is None:
            return [(1, self._element("tab", index_of([(place.width, n), (1, t)], place.terms.start)))], 0
        parts: list[tuple[int, Counter]] = []
        constant = 0
        axis = place.instances
        counters = [(axis, n)] if not axis.on_grid else [(Axis(axis.start, axis.step), j), (Axis(0, axis.outer), i)]
        for along, counter in [*counters, (place.terms, t)]:
            if along.step is None:
                parts.append((1, self._element("tab", index_of([(1, counter)], along.start))))
            elif isinstance(counter, int):
                constant += along.start + along.step * counter
            else:
                constant += along.start
                parts += [(along.step, counter)] if along.step else []
        return parts, constant
