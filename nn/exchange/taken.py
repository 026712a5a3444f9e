"""Parameters that a model takes out of tables by an index, as an Embedding does: their derivatives go to the rows taken, nowhere else.

Without this a gradient or a step would compute something for every row of the table, and keep it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from autograd import Value, ops, where

Key = tuple[int, int, int]


@final
@dataclass(frozen=True)
class Taken:
    """A number of the row at ``index`` of a table of so many rows: those of row 0, 1 … are parameters first, first + step …"""

    number: Value
    index: Value
    first: int
    step: int
    count: int

    @property
    def key(self) -> Key:
        """Equal for those that take the same numbers."""
        return self.first, self.step, self.count


def taken_from(root: Value, parameters: Sequence[Value]) -> list[Taken]:
    """What is taken of parameters that are read in no other way, in the order of the recording; not what has fewer rows than readers."""
    from autograd.value import topological_order

    place = {p: i for i, p in enumerate(parameters)}
    found: dict[Key, list[Taken]] = {}
    users: dict[int, set[Key | None]] = {}
    for node in topological_order(root):
        taken = _taken(node, place)
        if taken:
            found.setdefault(taken.key, []).append(taken)
        for operand in node._prev:
            if operand in place:
                users.setdefault(place[operand], set()).add(taken and taken.key)
    return [
        taken
        for (first, step, count), group in found.items()
        if len(group) <= count and all(len(users[first + step * k]) == 1 for k in range(count))
        for taken in group
    ]


def _taken(node: Value, place: dict[Value, int]) -> Taken | None:
    """What the node takes, if it takes one of some parameters in regular steps."""
    if node.op is not ops.take_op:
        return None
    conditions, rows = node._prev[: len(node._prev) // 2], node._prev[len(node._prev) // 2 : -1]
    (is_zero, *_), count = conditions, len(rows)
    places = [place.get(row, -1) for row in rows]
    step = places[1] - places[0] if count > 1 else 1
    if min(places) < 0 or step <= 0 or places != list(range(places[0], places[0] + step * count, step)):
        return None
    return Taken(node, is_zero._prev[0]._prev[0], places[0], step, count)


def totals(taken: Sequence[Taken], gradient: Sequence[Value]) -> list[Value]:
    """The derivative by the row's number that each takes: what arrives at it and at others that take the same, last recorded first."""
    groups: dict[Key, list[tuple[Taken, Value]]] = {}
    for each, g in reversed(list(zip(taken, gradient, strict=True))):
        groups.setdefault(each.key, []).append((each, g))
    return [_total(one, groups[one.key]) for one in taken]


def _total(one: Taken, group: Sequence[tuple[Taken, Value]]) -> Value:
    if len(group) == 1:
        return group[0][1]
    total: Value = ops.sum([where(ops.equal(one.index, other.index), g, -0.0) for other, g in group])
    return total
