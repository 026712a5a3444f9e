"""One recording of a function: the way that it took through its ``if``s at one point.

Glossary::

    captured   Values from outside that the function uses: a model's weights. Their ``data`` is read at every call
    fixed      captured Values that nobody asks the derivatives by; they stand last
    guard      a condition that the recording turned into a plain bool, with the answer it gave; the variant holds where all of a
               variant's guards still give those answers
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any, final

import numpy as np

from autograd.compiler.executors import Array
from autograd.compiler.families import Place, place_of
from autograd.compiler.forms import Form, closed, size
from autograd.compiler.normal import Graph
from autograd.compiler.program import Program
from autograd.compiler.recording import Guard
from autograd.ops import negation, select
from autograd.trees import Tree
from autograd.value import Value, constant

# The answers of guards, each with the source line that asked and, of a guard that tells what a number was read as, with that.
Way = tuple[tuple[str, bool, Any], ...]

# How numbers lie: one sample; samples in lanes, with the code that says which of them take this way; samples known to take it.
ONE, LANES, KNOWN = "one sample", "lanes with their guards", "lanes"


@final
@dataclass
class Variant:
    """One recording of the function for arguments of one form, and its executors by what is asked of it and how samples lie."""

    arguments: tuple[Form, ...]
    result: Form
    variables: list[Value]
    captured: list[Value]
    results: list[Value]
    guards: list[Guard]
    by: list[int]  # the arguments to differentiate by
    directions: list[Value] = field(default_factory=list)  # of a product with the Hessian
    executors: dict[tuple[str, str], Any] = field(default_factory=dict)
    graphs: dict[tuple[Any, ...], Graph] = field(default_factory=dict)  # for the next program
    fixed: int = 0  # how many of the captured are
    has_travelled: bool = False  # then there are programs, but no recording to make others from
    way: Way = ()
    derived: set[tuple[str, str]] = field(default_factory=set)  # executors whose tables were interpolated: they have no packs
    _reads: dict[tuple[str, str], frozenset[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.way = tuple([(guard.site, guard.answer, guard.fact) for guard in self.guards])

    def can_answer(self, what: str, layout: str) -> bool:
        """Whether there is such a program, or a recording to make it from."""
        return not self.has_travelled or (what, layout) in self.executors

    @property
    def moving(self) -> list[Value]:
        """The captured Values that are not fixed."""
        return self.captured[: len(self.captured) - self.fixed]

    @cached_property
    def place(self) -> Place | None:
        """Where it belongs among recordings that differ in the rounds of a loop alone."""
        return None if self.has_travelled else place_of([*self.variables, *self.captured], self.guards, self.results)

    def shared_inputs(self) -> Array:
        """The captured numbers as they are now."""
        return np.array([v._data for v in self.captured], dtype=float)

    def labels(self, program: Program, layout: str) -> list[str]:
        """The labels of what a program shares between samples: those of captured Values; the arguments' numbers have none."""
        captured = [v.label for v in self.captured]
        others = [""] * (program.n_shared - len(captured))
        return [*others, *captured] if layout == ONE else [*captured, *others]

    def reads(self, what: str, layout: str) -> frozenset[int]:
        """Which of the arguments' numbers the program for samples reads; of one without packs that may be any."""
        key = (what, layout)
        if key not in self._reads and key in self.derived:
            self._reads[key] = frozenset(range(len(self.variables)))
        if key not in self._reads:
            program = self.executors[key].program
            pairs = [pair for pack in program.packs for pair in zip(pack.rows_of_tables(), pack.tables, strict=True)]
            slots = [slot for is_row, table in pairs if is_row for slot in table.ravel().tolist()]
            out = [slot for is_row, slot in program.outputs if is_row]
            self._reads[key] = frozenset(slot for slot in [*slots, *out] if slot < program.n_lanes)
        return self._reads[key]

    def holds(self, answers: Sequence[float]) -> bool:
        """Whether the guards' conditions have these answers."""
        return all([(x != 0.0) == guard.answer for guard, x in zip(self.guards, answers, strict=True)])

    def held(self) -> list[Any]:
        """For each guard a number that is not 0 where it has its answer."""
        return [guard.condition if guard.answer else negation(guard.condition) for guard in self.guards]

    def count(self, what: str) -> int:
        """How many numbers answer that."""
        n = len(self.chosen)
        return {"way": 0, "value": size(self.result), "value_and_grad": 1 + n, "hvp": n, "hessian": n * n}[what]

    def code(self) -> Any:
        """How many of the guards have their answers, up to the first that has not."""
        so_far: Any = constant(1.0)
        code: Any = None
        for guard in self.guards:
            so_far = select(guard.condition, *((so_far, 0.0) if guard.answer else (0.0, so_far)))
            code = so_far if code is None else code + so_far
        return code

    def answer(self, what: str, numbers: Iterator[Any], lead: int) -> Tree:
        """What was asked for, from the program's outputs: numbers, or arrays of ``lead`` axes."""
        if what == "value":
            return closed(self.result, numbers, lead)
        if what == "value_and_grad":
            return next(numbers), closed(self.gradient, numbers, lead)
        if what == "hvp":
            return closed(self.gradient, numbers, lead)
        rows = [closed(self.gradient, numbers, lead) for _ in self.chosen]
        return closed(self.gradient, iter(rows), lead)

    @property
    def gradient(self) -> Form:
        """The form of the gradient."""
        forms = [self.arguments[i] for i in self.by]
        return forms[0] if len(forms) == 1 else (tuple, *forms)

    @property
    def chosen(self) -> list[Value]:
        """The variables to differentiate by."""
        starts = [0, *accumulate(map(size, self.arguments))]
        return [v for i in self.by for v in self.variables[starts[i] : starts[i + 1]]]
