"""Recorded Values as arrays: of each node its kind of op and the places of its operands.

Python touches each recorded node a few times to read it; everything after that is arithmetic on arrays of places (see `normal` for
the glossary).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from operator import itemgetter
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autograd.labels import plain_name
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


def _walked(
    outputs: Sequence[Value], inputs: Sequence[Value], number: dict[Value, int]
) -> tuple[list[int], list[int], dict[int, list[int]], dict[Op, int]]:
    """Of the inputs and what the outputs rest on: the kinds of their ops, two operands each (−1 for none), and those of n-ary ops.

    The order is that of ``topological_order``; ``number`` holds the inputs, and gets all others. What is told of a node is read while
    the walk has it at hand: for 66,000 nodes half the time of a walk and a pass for each column.
    """
    table: defaultdict[Op, int] = defaultdict()
    table.default_factory = table.__len__
    n = len(inputs)
    kinds, pairs, many = [table[LEAF]] * n, [-1, -1] * n, dict[int, list[int]]()  # inputs are leaves here, whatever made them
    stack: list[Any] = list(reversed(outputs))  # its methods are not kept in variables: Python has a quicker way for them
    while stack:
        node = stack.pop()
        if node is None:  # the node below it on the stack has all its operands in the order
            node = stack.pop()
            a, b = node._a, node._b
        elif node in number:
            continue
        else:  # down to the first node whose operands are all in the order
            while (a := node._a) is not None:
                b = node._b
                if b is not None:
                    if a not in number:
                        stack.append(node)
                        stack.append(None)
                        if b not in number:
                            stack.append(b)
                        node = a
                    elif b not in number:
                        stack.append(node)
                        stack.append(None)
                        node = b
                    else:
                        break
                elif missing := [v for v in (reversed(a) if type(a) is tuple else (a,)) if v not in number]:
                    stack.append(node)
                    stack.append(None)
                    stack.extend(missing)
                    node = stack.pop()
                else:
                    break
        if a is None:
            pairs.append(-1)
            pairs.append(-1)
        elif b is not None:
            pairs.append(number[a])
            pairs.append(number[b])
        elif type(a) is tuple:
            many[n] = [number[v] for v in a]
            pairs.append(-1)
            pairs.append(-1)
        else:
            pairs.append(number[a])
            pairs.append(-1)
        kinds.append(table[node.op])
        number[node] = n
        n += 1
    return kinds, pairs, many, dict(table)


@final
class Recorded:
    """The recorded nodes as arrays: of each its kind of op and its operands ``flat[start:start + count]``.

    Without inputs all leaves are that which were not written as plain numbers.
    """

    def __init__(self, outputs: Sequence[Value], inputs: Sequence[Value] | None) -> None:
        given = inputs or ()
        number = {v: i for i, v in enumerate(given)}
        known = len(number)
        kinds, pairs, many, self.table = _walked(outputs, given, number)
        self.order = [*given, *islice(number, known, None)]
        self.kind, self.outputs = places(kinds), places([number[v] for v in outputs])
        self._keep(places(pairs), many)
        self.inputs = self._lead() if inputs is None else inputs
        self.start = np.cumsum(self.count) - self.count

    def _keep(self, pairs: Places, many: dict[int, list[int]]) -> None:
        """Operands side by side, those of n-ary ops in their places."""
        is_there = pairs >= 0
        self.flat = pairs[is_there]
        self.count = is_there.reshape(-1, 2).sum(axis=1)
        if many:
            sizes = list(map(len, many.values()))
            self.flat = np.insert(self.flat, np.repeat(np.cumsum(self.count)[list(many)], sizes), list(chain(*many.values())))
            self.count[list(many)] = sizes

    def _lead(self) -> list[Value]:
        """Put the leaves that are no constants in front of all others; these are the inputs."""
        is_input = self.kind == self.table[LEAF]
        moved = np.argsort(~is_input, kind="stable")
        place = np.empty(len(moved), np.int32)
        place[moved] = np.arange(len(moved))
        self.order = [*itemgetter(*moved.tolist(), 0)(self.order)[:-1]]
        self.kind, self.count = self.kind[moved], self.count[moved]  # leaves have no operands: ``flat`` keeps its order
        self.flat, self.outputs = place[self.flat], place[self.outputs]
        return self.order[: int(is_input.sum())]

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
        name = f" labelled {plain_name(v.label)!r}" if v.label else ""
        raise TypeError(
            f"the node{name} with op {v.op.symbol!r} was made by hand (Value(data, children, op)) and cannot be compiled; "
            "make its op a row: autograd.Op(name, value, rule)"
        )
