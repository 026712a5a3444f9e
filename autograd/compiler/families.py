"""Families of recordings: ways that differ only in how many rounds of a loop they took.

Glossary::

    chunk     the nodes that a guard needs and no guard before it does, in the order of a walk from the guards; what only the results
              need is the last chunk
    token     a chunk with its guard's line and answer; of the last chunk, a node. An operand is named by the chunk it is in: in the
              rounds by how far back that is, if at most NEAR, so that they are equal tokens. The last chunk may walk along the
              rounds again, and names each by how far it is from the one before
    family    the tokens before a repetition, those of one round, and those after it: all of a recording but its number of rounds
    member    an executor that was compiled, with its number of rounds

The programs of a family have one text, and the numbers in their tables grow in proportion to the rounds. So what lies between two members
needs no compiling: its tables are interpolated. That three members agree on the proportion is looked at, and each executor made
so has to answer the recorded point with the eager engine's numbers before it is used (``recordings``).
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from autograd.compiler.recording import Guard
from autograd.compiler.rolling import LONGEST, longest
from autograd.value import Value

if TYPE_CHECKING:
    from autograd.compiler.targets.llvm.executor import LlvmExecutor

NEAR = 8


class Place(NamedTuple):
    """A recording's family and its number of rounds."""

    family: Hashable
    rounds: int


def place_of(inputs: Sequence[Value], guards: Sequence[Guard], results: Sequence[Value]) -> Place | None:
    """Where a recording belongs, if it repeats itself."""
    tokens = _Tokens(inputs, guards, results)
    form, rounds = _folded(tokens.of_guards, NEAR)
    if not rounds:
        return None
    end, again = _folded(tokens.of_results, LONGEST)
    return Place((form, end, again and again - rounds), rounds)


def _folded(tokens: list[Hashable], most: int) -> tuple[Hashable, int]:
    """The tokens with a repetition written once, and how often it comes."""
    known: dict[Hashable, int] = {}
    numbers = np.array([known.setdefault(token, len(known)) for token in tokens], dtype=np.int64)
    start, period, rounds = longest(numbers, most)
    return (start, *tokens[: start + period], None, *tokens[start + period * rounds :]), rounds


@final
class _Tokens:
    """The tokens of a recording."""

    def __init__(self, inputs: Sequence[Value], guards: Sequence[Guard], results: Sequence[Value]) -> None:
        self.of_guards: list[Hashable] = []
        self.of_results: list[Hashable] = []
        self._place: dict[Value, tuple[Any, ...]] = {}
        self._cursor = NEAR
        for i, v in enumerate(inputs):
            self._place[v] = ("input", i)
        for guard in guards:
            chunk: list[Hashable] = []
            self._add(guard.condition, chunk, self._near)
            self.of_guards.append((guard.site, guard.answer, guard.fact, *chunk, self._near(guard.condition, 0)))
        for y in results:
            self._add(y, self.of_results, self._along)
        self.of_results.append(tuple([self._along(y, len(self.of_results)) for y in results]))

    def _add(self, root: Value, chunk: list[Hashable], name: Any) -> None:
        """What a root needs that has no place yet."""
        for v in self._missing(root):
            if v.is_leaf:
                self._place[v] = ("constant", repr(v._data))
            else:
                token = (v.op, *[name(operand, len(chunk)) for operand in v._prev])
                self._place[v] = (len(self.of_guards), len(chunk))
                chunk.append(token)

    def _missing(self, root: Value) -> Iterator[Value]:
        """What has no place among what a root rests on, operands first; each gets one before the next is asked for."""
        stack = [root]
        while stack:
            v = stack[-1]
            operands = [] if v in self._place else [x for x in v._prev if x not in self._place]
            if operands:
                stack.extend(reversed(operands))
                continue
            stack.pop()
            if v not in self._place:
                yield v

    def _near(self, v: Value, _: int) -> Hashable:
        """An operand in a chunk of a guard."""
        at = self._place[v]
        if type(at[0]) is str:
            return at
        back = len(self.of_guards) - at[0]
        return (back, at[1]) if back <= NEAR else (-1, *at)

    def _along(self, v: Value, here: int) -> Hashable:
        """An operand in the last chunk."""
        at = self._place[v]
        if type(at[0]) is str:
            return at
        chunk, index = at
        if chunk == len(self.of_guards):
            return here - index if here - index <= LONGEST else ("at", index)
        if len(self.of_guards) - chunk <= NEAR:
            return ("from the end", len(self.of_guards) - chunk, index)
        if chunk <= NEAR:
            return ("from the beginning", *at)
        step, self._cursor = chunk - self._cursor, chunk
        return (step, index)


@final
@dataclass
class Families:
    """The members of all families, for each of what can be asked."""

    _members: dict[tuple[Hashable, tuple[str, str], str], list[tuple[int, "LlvmExecutor"]]] = field(default_factory=dict)

    def add(self, place: Place, what: tuple[str, str], executor: Any) -> None:
        """A member that was compiled."""
        members = self._members.setdefault((place.family, what, executor.llvm_ir), [])
        members.append((place.rounds, executor))
        members.sort(key=lambda member: member[0])

    def between(self, place: Place, what: tuple[str, str]) -> "LlvmExecutor | None":
        """An executor for so many rounds, if there are three members in proportion, and some on both sides."""
        for (family, asked, _), members in self._members.items():
            if family == place.family and asked == what and members[0][0] < place.rounds < members[-1][0]:
                return _between(members, place.rounds)
        return None


def _between(members: "Sequence[tuple[int, LlvmExecutor]]", rounds: int) -> "LlvmExecutor | None":
    (low, first), *others, (high, last) = members
    for number, other in others:
        made = first.between(last, number - low, high - low)
        if made is None or not made.is_like(other):
            return None
    return first.between(last, rounds - low, high - low) if others else None
