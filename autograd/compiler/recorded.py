"""Recorded Values as arrays: of each node its kind of op and the places of its operands.

Python touches each recorded node a few times to read it; everything after that is arithmetic on arrays of places (see `normal` for
the glossary).
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autograd.backward import order_behind
from autograd.ops import Op
from autograd.value import CONSTANT, LEAF, Value

Places = npt.NDArray[np.int32]
Signs = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]


def places(numbers: Any) -> Places:
    """An array of places."""
    return np.asarray(numbers, dtype=np.int32)


def stretches(start: npt.NDArray[Any], count: npt.NDArray[Any]) -> Counts:
    """start, start + 1 … for each of the stretches, one after the other."""
    ends = np.cumsum(count)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(start - (ends - count), count) + np.arange(total)


def looked_up(keys: Sequence[Any], table: Mapping[Any, int]) -> Places:
    """The number of each key. One call for all takes half the time of one for each."""
    return places([table[key] for key in keys]) if len(keys) < 2 else np.fromiter(itemgetter(*keys)(table), np.int32, len(keys))


@final
class Recorded:
    """The recorded nodes as arrays: of each its kind of op and its operands ``flat[start:start + count]``.

    ``found`` is the topological order of what the outputs rest on, if it is known. Without inputs all leaves are that which were not
    written as plain numbers.
    """

    def __init__(self, outputs: Sequence[Value], inputs: Sequence[Value] | None, found: Sequence[Value] | None = None) -> None:
        if found is None:
            found = order_behind(outputs, set(inputs or ()))
        if inputs is None:
            inputs = [v for v in found if v._a is None and v.op is not CONSTANT]
        known = set(inputs)
        found = [v for v in found if v not in known]
        order = [*inputs, *found]
        n, m = len(order), len(inputs)
        self.inputs = inputs
        number: dict[Value | None, int] = dict(zip(order, range(n), strict=True))
        number[None] = -1
        ops_of = list(map(attrgetter("op"), found))
        firsts, seconds = (list(map(attrgetter(side), found)) for side in ("_a", "_b"))
        outside = [None] * m
        second = looked_up([*outside, *seconds], number)
        alone = [i for i in np.flatnonzero(second[m:] < 0).tolist() if type(firsts[i]) is tuple]
        many = {m + i: firsts[i] for i in alone}
        for i in alone:
            firsts[i] = None
        first = looked_up([*outside, *firsts], number)
        self.count = (first >= 0).astype(np.int64) + (second >= 0)
        self.count[list(many)] = list(map(len, many.values()))
        self.start = np.cumsum(self.count) - self.count
        self.flat = np.empty(int(self.count.sum()), np.int32)
        self.flat[self.start[first >= 0]] = first[first >= 0]
        self.flat[self.start[second >= 0] + 1] = second[second >= 0]
        for i, operands in many.items():
            self.flat[self.start[i] : self.start[i] + self.count[i]] = [number[v] for v in operands]
        self.order, self.table = order, {op: k for k, op in enumerate(dict.fromkeys([LEAF, *ops_of]))}
        self.kind = np.zeros(n, np.int32)  # the inputs are leaves here, whatever made them
        self.kind[m:] = looked_up(ops_of, self.table)
        self.outputs = places([number[v] for v in outputs])

    def of(self, *some: Op) -> Places:
        """The places of these ops, in order."""
        kinds = [self.table[op] for op in some if op in self.table]
        if len(kinds) == 1:
            return places(np.flatnonzero(self.kind == kinds[0]))
        return places(np.flatnonzero(np.isin(self.kind, kinds)))

    def operand(self, at: Places, k: int) -> Places:
        """The k-th operand of each."""
        return places(self.flat[self.start[at] + k])

    def using(self) -> Places:
        """For each entry of ``flat`` whose operand it is."""
        return places(np.repeat(np.arange(len(self.count)), self.count))


def reached(seeds: Mask, source: Places, target: Places, closed: Places | None = None) -> Mask:
    """Which places can be reached from the seeds along arrows from source to target, without entering the closed ones."""
    n = len(seeds)
    found, barred = seeds.copy(), np.zeros(n, bool)
    if closed is not None:
        barred[closed] = True
    leaving = np.bincount(source, minlength=n)
    start = np.cumsum(leaving) - leaving
    following = target[np.argsort(source, kind="stable")]
    frontier = np.flatnonzero(seeds)
    while len(frontier):
        near = following[stretches(start[frontier], leaving[frontier])]
        near = near[~(found[near] | barred[near])]
        found[near] = True
        frontier = np.unique(near)
    return found


def refuse_by_hand(nodes: Sequence[Value], kinds: Iterable[Op]) -> None:
    """TypeError, naming the node, if one of these ops has a hand-written backward or value."""
    by_hand = {op for op in kinds if op.rule is None and op is not LEAF and op is not CONSTANT}
    v = next((v for v in nodes if v.op in by_hand), None) if by_hand else None
    if v is not None:
        name = f" labelled {v.label!r}" if v.label else ""
        raise TypeError(
            f"the node{name} with op {v.op.symbol!r} was made by hand (Value(data, children, op)) and cannot be compiled; "
            "make its op a row: autograd.Op(name, value, rule)"
        )
