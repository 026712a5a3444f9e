"""A large graph in the compiler's normal form, sums of products and functions of them, as arrays for drawing.

Glossary::

    head      a Value that stays in the normal form; partial sums, and products that only their sum uses, are taken into it
    place     the index of a head among the heads in topological order
    level     one more than the highest level of what a head is computed from; leaves have level 0
    edge      an operand's way into a head: source, target (heads both), side; edges are sorted by the level of their sources, highest
              first
    side      0 or 1 for the left or right factor of a product, 2 for a plain term, 7 for the condition on which a term counts; 3, 4, … for
              the operands of other ops

Of the 66,000 Values of micrograd's loss 11,000 are heads: what is told of heads alone takes a sixth of the time.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autograd import Op, Value
from autograd.compiler import normal
from autograd.compiler.normal import Kernels, Sums, Terms
from autograd.compiler.recorded import Places, Recorded, refuse_by_hand
from autograd.compiler.walks import ends, levels
from autograd.value import CONSTANT

TERM, FIRST, GATE = 2, 3, 7
SIDES = 8
Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Sides = npt.NDArray[np.uint8]


@final
class NormalForm:
    """The graph below some Values. Arrays are indexed by place, but for those of the edges.

    ``owners`` says for each Value of the graph, in topological order, the head that it is drawn with; ``terms``, ``products`` and
    ``minuses`` count what a sum adds up, but for the zero that Python's ``sum`` begins with. TypeError, naming the node, for an op made
    by hand.
    """

    def __init__(self, roots: Sequence[Value]) -> None:
        recorded = Recorded(roots, ())  # leaves where they stand: nothing is put in front
        refuse_by_hand(recorded.order, recorded.table)
        graph = normal.NormalForm(recorded, np.zeros(len(recorded.count), bool))
        sums, kernels = [*graph.sums()], [*graph.kernels()]
        is_head = recorded.count == 0
        for at in (*[each.at for each in sums], *[each.at for each in kernels]):
            is_head[at] = True
        shown = np.flatnonzero(is_head)
        place: Any = np.append(np.cumsum(is_head) - 1, -1)  # of −1, nothing, is −1
        self.heads: Indices = place.take(_heads(graph, is_head))
        self.values: list[Value] = [*map(recorded.order.__getitem__, shown.tolist())]
        self.ops = list(recorded.table)
        self.codes: Indices = recorded.kind[shown].astype(np.int64)
        self.is_leaf: Flags = recorded.count[shown] == 0
        self.is_constant = self.is_op(CONSTANT)
        self.is_root = self.marked(self.heads[recorded.outputs])
        self.data, self.grads = np.array([v._data for v in self.values], float), np.array([v.grad for v in self.values], float)
        self.labels = list(map(attrgetter("label"), self.values))
        self.is_nothing: Flags = self.is_constant & (self.data == 0.0)  # what Python's sum begins with
        self.sums = [Sums(place[s.at], s.count, Terms(s.terms.sign, *map(place.take, s.terms.sides())), s.reduces) for s in sums]
        self.kernels = [Kernels(each.op, place[each.at], place.take(each.operands)) for each in kernels]
        self._count()
        self._connect()

    def let_go(self) -> None:
        """Forget the Values, so that a picture does not keep their graph; the arrays stay."""
        self.values = []

    def marked(self, places: Any) -> Flags:
        """Which heads stand at these places."""
        marks = np.zeros(len(self.is_leaf), bool)
        marks[places] = True
        return marks

    def firsts(self, others: Any, places: Any) -> Iterator[tuple[int, int]]:
        """Each of these places once, in order, after the first of the others that stands beside it."""
        beside = np.zeros(len(self.is_leaf), np.int64)
        beside[places[::-1]] = others[::-1]  # of several that are written the last one stays
        known = np.flatnonzero(self.marked(places))
        return zip(beside[known].tolist(), known.tolist(), strict=True)

    @cached_property
    def drawn_with(self) -> Indices:
        """For each head that which it is drawn with: a constant without a label is drawn with what it is written in."""
        found = np.arange(len(self.is_leaf))
        plain = self.is_constant & ~self.is_root
        plain[[i for i in np.flatnonzero(plain).tolist() if self.labels[i]]] = False
        inlined = np.flatnonzero(plain[self.sources])[::-1]
        found[self.sources[inlined]] = self.targets[inlined]
        return found

    @property
    def owners(self) -> Indices:
        """For each Value the head that it is drawn with."""
        return self.drawn_with[self.heads]

    @cached_property
    def takes_constants(self) -> Flags:
        """Which heads are computed from constants, among others."""
        return self.marked(self.targets[self.is_constant[self.sources]])

    def is_op(self, *wanted: Op) -> Flags:
        """Which heads one of these ops made."""
        return np.array([op in wanted for op in self.ops])[self.codes]

    def _count(self) -> None:
        """The terms and products of sums, and which of them are subtracted."""
        count = len(self.is_leaf)
        self.terms, self.products, self.minuses = np.zeros((3, count), np.int64)
        for sums in self.sums:
            owner, is_product = np.repeat(sums.at, sums.count), sums.terms.b >= 0
            self.terms += np.bincount(owner[is_product | ~self.is_nothing[sums.terms.a]], minlength=count)
            self.minuses += np.bincount(owner[sums.terms.sign < 0], minlength=count)
            self.products += np.bincount(owner[is_product], minlength=count)

    def _connect(self) -> None:
        """The edges and levels."""
        empty = np.zeros(0, np.int64)
        found = [(empty, empty, empty.astype(np.uint8)), *self._edges()]
        sources, targets, sides = (np.concatenate(columns) for columns in zip(*found, strict=True))
        order = sorted_stably(sources)
        self.levels = levels(len(self.is_leaf), sources[order], targets[order])
        self.highest = int(self.levels.max(initial=0))
        order, self.spans = from_the_top(self.levels[sources], self.highest)
        self.sources, self.targets, self.sides = sources[order], targets[order], sides[order]

    def _edges(self) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any], Sides]]:
        for sums in self.sums:
            terms, owner = sums.terms, np.repeat(sums.at, sums.count)
            is_product, is_gated = terms.b >= 0, terms.gate >= 0
            yield terms.a, owner, np.where(is_product, np.uint8(0), np.uint8(2))
            yield terms.b[is_product], owner[is_product], np.ones(int(is_product.sum()), np.uint8)
            yield terms.gate[is_gated], owner[is_gated], np.full(int(is_gated.sum()), GATE, np.uint8)
        for kernels in self.kernels:
            arity = kernels.operands.shape[1]
            sides = np.tile(3 + np.minimum(np.arange(arity, dtype=np.uint8), 4), len(kernels.at))
            yield kernels.operands.ravel(), np.repeat(kernels.at, arity), sides


def sorted_stably(numbers: npt.NDArray[Any]) -> Indices:
    """Where numbers from 0 on stand in order. Those of 16 bits are sorted digit by digit: 1 instead of 5 ms for 68,000."""
    return np.argsort(numbers.astype(np.uint16) if numbers.max(initial=0) < 2**16 else numbers, kind="stable")


def from_the_top(levels: npt.NDArray[Any], highest: int) -> tuple[Indices, list[slice]]:
    """Where numbers of such levels stand in the order of these, the highest first, and from where to where each level goes."""
    down = highest - levels
    order = sorted_stably(down)
    until = np.cumsum(np.bincount(down, minlength=highest + 1)).tolist()
    return order, [slice(start, end) for start, end in pairwise([0, *until])]


def _heads(graph: normal.NormalForm, is_head: Flags) -> Places:
    """For each Value the head it belongs to: the sum that has taken it in; that of x for +x."""
    following = graph.root.copy()
    identical = graph.value != np.arange(len(following))
    following[identical] = graph.value[identical]
    return ends(following, np.flatnonzero(~is_head))
