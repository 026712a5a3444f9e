"""A large graph in the compiler's normal form, sums of products and functions of them, as arrays for drawing.

Glossary::

    place     the index of a Value in topological order
    head      a Value that stays in the normal form; partial sums, and products that only their sum uses, are taken into it
    level     one more than the highest level of what a head is computed from; leaves have level 0
    edge      an operand's way into a head: source, target (heads both), side
    side      0 or 1 for the left or right factor of a product, 2 for a plain term, 7 for the condition on which a term counts; 3, 4, … for
              the operands of other ops
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import final

import numpy as np
import numpy.typing as npt

from autograd import Op, Value
from autograd.compiler.normal import Graph
from autograd.value import CONSTANT

GATE = 7
Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@final
class NormalForm:
    """The graph below some Values. Arrays are indexed by place, but for those of the edges.

    ``heads`` says for each Value which head it belongs to, ``heads_only`` which are heads, ``levels`` the level; ``terms``,
    ``products`` and ``minuses`` count what a sum adds up, but for the zero that Python's ``sum`` begins with; data and gradients are
    those of heads. TypeError, naming the node, for an op made by hand.
    """

    def __init__(self, roots: Sequence[Value]) -> None:
        graph = Graph(roots, shared=())  # leaves where they stand: nothing is put in front
        self.values: list[Value] = graph.order
        count = len(graph.order)
        self.ops = list(graph.recorded.table)
        self.codes: Indices = graph.recorded.kind.astype(np.int64)
        self.is_leaf: Flags = graph.recorded.count == 0
        self.is_constant = self.is_op(CONSTANT)
        self.levels: Indices = graph.level[:count].astype(np.int64)
        self.roots: list[int] = graph.recorded.outputs.tolist()
        self._read_edges(graph)
        self.sums, self.kernels = graph.sums, graph.kernels
        self.heads = self._heads(graph)
        self.heads_only = self._is_head.nonzero()[0]
        heads = itemgetter(*self.heads_only.tolist(), 0)(graph.order)[:-1]
        self.data, self.grads = np.zeros((2, count))
        for numbers, name in ((self.data, "_data"), (self.grads, "grad")):
            numbers[self.heads_only] = list(map(attrgetter(name), heads))

    def let_go(self) -> None:
        """Forget the Values, so that a picture does not keep their graph; the arrays stay."""
        self.values = []

    def marked(self, places: Iterable[int]) -> Flags:
        """Which Values stand at these places."""
        marks = np.zeros(len(self.is_leaf), bool)
        marks[list(places)] = True
        return marks

    @cached_property
    def owners(self) -> Indices:
        """For each Value the head that it is drawn with; a constant without a label is drawn with what it is written in."""
        found = self.heads.copy()
        inlined = self._inlined()[self.sources]
        found[self.sources[inlined][::-1]] = self.targets[inlined][::-1]
        return found

    def _inlined(self) -> Flags:
        """The constants without a label, the roots excepted."""
        plain = self.is_constant.copy()
        plain[self.roots] = False
        at = plain.nonzero()[0]
        plain[at] = [not self.values[i].label for i in at.tolist()]
        return plain

    def is_op(self, *wanted: Op) -> Flags:
        """Which Values one of these ops made."""
        return np.isin(self.codes, [self.ops.index(op) for op in wanted if op in self.ops])

    def _read_edges(self, graph: Graph) -> None:
        """The edges between heads, and the terms and products of sums."""
        ends: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Indices]] = []
        count = len(self.values)
        self.is_nothing: Flags = self.is_constant & (graph.number[:count] == 0.0)  # what Python's sum begins with
        self.terms, self.products, self.minuses = (np.zeros(count, np.int64) for _ in range(3))
        for sums in graph.sums:
            owner, is_product = np.repeat(sums.at, sums.count), sums.terms.b >= 0
            ends.append((sums.terms.a, owner, np.where(is_product, 0, 2)))
            ends.append((sums.terms.b[is_product], owner[is_product], np.ones(int(is_product.sum()), np.int64)))
            is_gated = sums.terms.gate >= 0
            ends.append((sums.terms.gate[is_gated], owner[is_gated], np.full(int(is_gated.sum()), GATE)))
            is_zero = ~is_product & self.is_nothing[sums.terms.a]
            self.terms += np.bincount(owner[~is_zero], minlength=count)
            self.minuses += np.bincount(owner[sums.terms.sign < 0], minlength=count)
            self.products += np.bincount(owner[is_product], minlength=count)
        for kernels in graph.kernels:
            arity = kernels.operands.shape[1]
            sides = np.tile(3 + np.minimum(np.arange(arity), 4), len(kernels.at))
            ends.append((kernels.operands.ravel(), np.repeat(kernels.at, arity), sides))
        empty = np.zeros(0, np.int64)
        columns = zip(*ends, strict=True) if ends else ((), (), ())
        self.sources, self.targets, self.sides = (np.concatenate([empty, *column]) for column in columns)
        self._is_head = self.is_leaf.copy()
        self._is_head[self.targets] = True

    def _heads(self, graph: Graph) -> Indices:
        """For each Value the head it belongs to: where following its only consumer ends; that of x for +x."""
        recorded = graph.recorded
        heads = np.arange(len(self.values))
        inside = ~self._is_head[recorded.flat]
        heads[recorded.flat[inside]] = recorded.using()[inside]
        identical = graph.value != np.arange(len(heads))
        heads[identical] = graph.value[identical]
        while True:
            further = heads[heads]
            if np.array_equal(further, heads):
                return heads
            heads = further
