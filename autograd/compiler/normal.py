"""Recorded Values in normal form, as arrays: sums of products and kernels, each number known by its place.

Glossary::

    place     a number's index: the inputs come first, then what was recorded in topological order, then what is added to it
    term      (sign, a, b, gate): ± a·b in a sum; b is −1 for a plain term, gate is −1 for a term that always counts
    gate      a condition as a number: the term counts where it is not 0
    user      what a number is an operand of

What is done here is done once for all nodes of a kind, on arrays of places. That is what lets the time to compile follow the packs:
57,000 nodes of a transformer's loss are 3,071 sums and kernels.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
import numpy.typing as npt

from autograd import ops
from autograd.compiler.kernels import IDENTITIES
from autograd.compiler.recorded import (
    Counts,
    Mask,
    Places,
    Recorded,
    Signs,
    ordered_by,
    places,
    reached,
    refuse_by_hand,
    stretches,
)
from autograd.ops import Op
from autograd.value import CONSTANT, Value

# The sum of a row over all lanes, a shared number. Recorded on one sample, where it is that sample's number.
over_lanes = Op("over_lanes", lambda a: a, lambda g, y, a: (g,), symbol="Σ lanes")
_CHAINED = (ops.add, ops.subtract, ops.sum_op, ops.dot_op)


@final
@dataclass(frozen=True)
class Terms:
    """Terms of sums, those of one sum side by side."""

    sign: Signs
    a: Places
    b: Places
    gate: Places

    def taken(self, which: Any) -> "Terms":
        """Some of them."""
        return Terms(self.sign[which], self.a[which], self.b[which], self.gate[which])

    def sides(self) -> tuple[Places, Places, Places]:
        """All that they read."""
        return self.a, self.b, self.gate


@final
@dataclass(frozen=True)
class Sums:
    """Sums at some places, with so many terms each; taken over the lanes if ``reduces``."""

    at: Places
    count: Counts
    terms: Terms
    reduces: bool


@final
@dataclass(frozen=True)
class Kernels:
    """Ops other than sums at some places, with their operands [instance, operand]."""

    op: Op
    at: Places
    operands: Places


@final
@dataclass(frozen=True)
class Edges:
    """Who uses whom, sorted by the number used and for each in the order in which a backward pass collects its contributions.

    That order is the users' from last to first recorded, and of one user its operands from left to right. ``sign`` and ``other`` are
    the factor that a sum hands down with its adjoint (``other`` −1: nothing more), ``gate`` the condition it is behind; ``entry`` is a
    kernel's operand, else −1. A sum hands nothing down to the gates of its terms: sign 0.
    """

    used: Places
    user: Places
    sign: Signs
    other: Places
    gate: Places
    entry: Places

    def taken(self, which: Any) -> "Edges":
        """Some of them."""
        return Edges(*[column[which] for column in vars(self).values()])


class _Part(NamedTuple):
    """Terms as they are found: the sum that has them as its k-th and following, and of a and b whose operand they are, and which."""

    owner: Places
    sign: Places
    a: Places
    b: Places
    gate: Places
    user: Places
    index_a: Places
    index_b: Places
    k: Places

    def taken(self, which: Any) -> "_Part":
        """Some of them."""
        return _Part(*[column[which] for column in self])


def _joined(parts: Sequence[_Part]) -> _Part:
    return _Part(*[np.concatenate(columns) for columns in zip(*parts, strict=True)])


@final
class NormalForm:
    """Sums and kernels of what was recorded.

    A chain of sums whose partial sums nobody else uses is one sum; a product used only as a term of it is a term, a negation used
    only there is the term's sign, and a choice between a term and −0 its gate.
    """

    def __init__(self, recorded: Recorded, is_row: Mask) -> None:
        self.r, self.is_row, self.has_rows = recorded, is_row, bool(is_row.any())
        n = len(recorded.count)
        self.uses = np.bincount(recorded.flat, minlength=n) + np.bincount(recorded.outputs, minlength=n)
        self.is_product, self.is_chained, self.is_reduced, self.is_negative = (
            self._marked(recorded.of(*some)) for some in ((ops.multiply,), _CHAINED, (over_lanes,), (ops.negative,))
        )
        self.is_sum = self.is_product | self.is_chained | self.is_reduced | self._marked(recorded.of(ops.take_op))
        self.is_inside = np.zeros(n, bool)  # of a sum that has taken it in
        self.value = np.arange(n, dtype=np.int32)
        for i in recorded.of(*IDENTITIES):
            self.value[i] = self.value[recorded.flat[recorded.start[i]]]
        self.root = self._roots()
        self._collect()
        self.is_kernel = (recorded.count > 0) & ~self.is_sum & ~self.is_inside

    def _marked(self, at: Places) -> Mask:
        mask = np.zeros(len(self.r.count), bool)
        mask[at] = True
        return mask

    def _is_mine(self, user: Places, operand: Places) -> Mask:
        """Whether a number is used by this user alone and of its kind, so that the user may take it in."""
        is_mine: Mask = self.uses[operand] == 1
        return is_mine & (self.is_row[operand] == self.is_row[user]) if self.has_rows else is_mine

    def _roots(self) -> Places:
        """For each sum the last of the chain that it is a part of."""
        r = self.r
        self.lead = np.where(self._marked(r.of(ops.dot_op)), r.count - 1, 0)  # which operand a sum begins with
        at = places(np.flatnonzero(self.is_chained | self.is_reduced))
        first = r.flat[r.start[at] + self.lead[at]]
        takes = self.is_sum[first] & ~self.is_reduced[first] & (self.uses[first] == 1)
        takes &= self.is_reduced[at] | (self.is_row[first] == self.is_row[at])
        following = np.arange(len(r.count), dtype=np.int32)
        following[first[takes]] = at[takes]
        self.is_inside[first[takes]] = True
        return ends(following, first[takes])

    def _collect(self) -> None:
        """The terms of all sums, in order, and who hands what down to whom."""
        r = self.r
        starting = places(np.flatnonzero(self.is_chained | self.is_reduced))
        lead = self.lead[starting]
        first = r.flat[r.start[starting] + lead]
        alone = ~self.is_inside[first]
        plain = _joined([self._plain(starting[alone], first[alone], lead[alone]), self._further(), self._taken()])
        terms = self._with_products(self._with_gates(plain))
        products = places(np.flatnonzero(self.is_product & ~self.is_folded))
        part = _joined([*terms, self._dots(), self._products(products, products)])
        part = part.taken(ordered_by(part.k, part.owner, self.root[part.owner]))
        self.part = part._replace(owner=self.root[part.owner])

    def _plain(self, owner: Places, operand: Places, index: Places, sign: int = 1, k: Any = 0) -> _Part:
        same, nothing = np.zeros(len(owner), np.int32), np.full(len(owner), -1, np.int32)
        return _Part(owner, same + sign, operand, nothing, nothing, owner, index, nothing, same + k)

    def _products(self, owner: Places, at: Places, i: Any = 0, j: Any = 1, sign: Any = 1, k: Any = 0) -> _Part:
        """The products of the i-th and the j-th operand of the nodes at these places, as terms of their owners."""
        same, start = np.zeros(len(owner), np.int32), self.r.start[at]
        a, b = self.r.flat[start + i], self.r.flat[start + j]
        return _Part(owner, same + sign, a, b, same - 1, at, same + i, same + j, same + k)

    def _further(self) -> _Part:
        """The terms of + and − after the first."""
        r = self.r
        found = []
        for op, sign in ((ops.add, 1), (ops.subtract, -1), (ops.sum_op, 1)):
            at = r.of(op)
            owner = places(np.repeat(at, r.count[at] - 1))
            k = places(stretches(np.ones(len(at), np.int64), r.count[at] - 1))
            found.append(self._plain(owner, r.flat[r.start[owner] + k], k, sign, k))
        part = _joined(found)
        owner, operand = part.owner, part.a
        while (turned := self.is_negative[operand] & self._is_mine(owner, operand)).any():
            inner = operand[turned]
            self.is_inside[inner] = True
            part.sign[turned] *= -1
            part.user[turned], part.index_a[turned], operand[turned] = inner, 0, r.operand(inner, 0)
        return part

    def _taken(self) -> _Part:
        """The terms of what is taken out of several numbers: each is behind its condition."""
        at = self.r.of(ops.take_op)
        half = self.r.count[at] // 2
        owner, i = places(np.repeat(at, half)), places(stretches(np.zeros(len(at), np.int64), half))
        index = i + np.repeat(half, half)
        part = self._plain(owner, self.r.flat[self.r.start[owner] + index], places(index), k=i)
        return part._replace(gate=self.r.flat[self.r.start[owner] + i])

    def _with_gates(self, part: _Part) -> _Part:
        """Of choices between a term and −0 that nobody else uses the term, with the condition as its gate."""
        r, owner, operand = self.r, part.owner, part.a
        choices = r.of(ops.select)
        if not choices.size:
            return part
        closing = [i for i in choices.tolist() if _is_nothing(r.order[r.flat[r.start[i] + 2]])]
        found = self._marked(places(closing))[operand] & self._is_mine(owner, operand) & (part.sign > 0) & (part.gate < 0)
        inner = operand[found]
        self.is_inside[inner] = True
        part.gate[found], part.user[found], part.index_a[found], operand[found] = (
            r.operand(inner, 0),
            inner,
            1,
            r.operand(inner, 1),
        )
        return part

    def _with_products(self, part: _Part) -> list[_Part]:
        """The terms that are no products, and those that are."""
        owner, operand = part.owner, part.a
        is_product = self.is_product[operand] & self._is_mine(owner, operand) & ~self.is_inside[operand]
        self.is_folded = self._marked(operand[is_product])
        self.is_inside |= self.is_folded
        factors = self._products(owner[is_product], operand[is_product], 0, 1, part.sign[is_product], part.k[is_product])
        return [part.taken(~is_product), factors._replace(gate=part.gate[is_product])]

    def _dots(self) -> _Part:
        at = self.r.of(ops.dot_op)
        half = self.r.count[at] // 2
        owner, i = places(np.repeat(at, half)), places(stretches(np.zeros(len(at), np.int64), half))
        return self._products(owner, owner, i, i + np.repeat(half, half), 1, 1 + i)

    def sums(self) -> Iterator[Sums]:
        """All sums, those over the lanes by themselves."""
        part, value = self.part, self.value
        a, b, gate = part.a, part.b, part.gate
        if self.r.of(*IDENTITIES).size:
            a, b, gate = value[a], *(np.where(side >= 0, value[side], -1) for side in (b, gate))
        terms = Terms(part.sign.astype(np.int8), a, b, gate)
        count = np.bincount(part.owner, minlength=len(value))
        for reduces in (False, True):
            which = self.is_reduced[part.owner] == reduces
            at = places(np.flatnonzero((count > 0) & (self.is_reduced == reduces)))
            if len(at):
                yield Sums(at, count[at], terms if which.all() else terms.taken(which), reduces)

    def kernels(self) -> Iterator[Kernels]:
        """All kernels, by op and number of operands."""
        at = places(np.flatnonzero(self.is_kernel & (self.value == np.arange(len(self.value)))))
        ops_of = list(self.r.table)
        for kind, count in sorted(set(zip(self.r.kind[at].tolist(), self.r.count[at].tolist(), strict=True))):
            some = at[(self.r.kind[at] == kind) & (self.r.count[at] == count)]
            operands = self.r.flat[self.r.start[some][:, None] + np.arange(count)]
            yield Kernels(ops_of[kind], some, self.value[operands])

    def edges(self) -> Edges:
        """Who uses whom."""
        r, part, value = self.r, self.part, self.value
        at = places(np.flatnonzero(self.is_kernel))
        entry, user = stretches(r.start[at], r.count[at]), np.repeat(at, r.count[at])
        two, shut = part.taken(part.b >= 0), part.taken(part.gate >= 0)
        used = np.concatenate([part.a, two.b, shut.gate, r.flat[entry]])
        via = np.concatenate([part.user, two.user, shut.user, user])
        index = np.concatenate([part.index_a, two.index_b, np.zeros_like(shut.a), entry - r.start[user]])
        order = ordered_by(index, -via, used)  # equal ones are gates, which are alike
        n, m = len(shut.a), len(entry)
        owner = np.concatenate([part.owner, two.owner, shut.owner, user])
        sign = np.concatenate([part.sign, two.sign, np.zeros(n + m)]).astype(np.int8)
        other = np.concatenate([np.where(part.b >= 0, value[part.b], -1), value[two.a], np.full(n + m, -1)])
        gate = np.concatenate([part.gate, two.gate, np.full(n + m, -1)])
        entries = np.concatenate([np.full(len(used) - m, -1), entry])
        return Edges(used, owner, sign, places(other), np.where(gate >= 0, value[gate], -1), places(entries)).taken(order)


def _is_nothing(v: Value) -> bool:
    """Whether it is the constant −0, which changes no sum."""
    return v.op is CONSTANT and v._data == 0.0 and math.copysign(1.0, v._data) < 0.0


@final
class Graph:
    """Numbers in normal form: those recorded, and what is added to them.

    ``outputs`` are Values to be computed from the inputs, ``shared`` ones and those of a sample, ``lanes``; other leaves are constants.
    Without any inputs all leaves that were not written as plain numbers are shared inputs. ``recorded`` are these outputs and inputs as
    arrays, if they are there. TypeError, naming the node, for an op with a
    hand-written backward or value.
    """

    def __init__(
        self,
        outputs: Sequence[Value],
        shared: Sequence[Value] | None = None,
        lanes: Sequence[Value] = (),
        recorded: Recorded | None = None,
    ) -> None:
        r = recorded or Recorded(outputs, None if shared is None and not lanes else [*(shared or ()), *lanes])
        self.recorded = r
        refuse_by_hand(r.order, r.table)
        self.order, self.inputs, self.n_lanes = r.order, tuple(r.inputs), len(lanes)
        self.n_shared = len(r.inputs) - len(lanes)
        self.size = self.operations = len(r.order)  # operations: scalar ones, however they are grouped
        self.is_row, self.is_late = self._kinds(r)
        self.is_constant, self.number = self._constants(r)
        form = NormalForm(r, self.is_row)
        self.sums, self.kernels = [*form.sums()], [*form.kernels()]
        self.edges, self.is_kernel, self.value = form.edges(), form.is_kernel, form.value
        self.level = levels(self.size, self.edges.used, self.edges.user)
        self._known: dict[str, int] = {}
        self._places = dict(zip([*r.inputs, *outputs], [*range(len(r.inputs)), *r.outputs.tolist()], strict=True))

    def _kinds(self, r: Recorded) -> tuple[Mask, Mask]:
        """What is a row, and what is shared but computed from a sum over lanes."""
        is_row, is_late, using, reduced = np.zeros(self.size, bool), np.zeros(self.size, bool), r.using(), r.of(over_lanes)
        is_row[self.n_shared : self.n_shared + self.n_lanes] = is_late[reduced] = True
        if self.n_lanes:
            is_row = reached(is_row, r.flat, using, reduced)
        if len(reduced):
            is_late = reached(is_late, r.flat, using)
        return is_row, is_late

    def _constants(self, r: Recorded) -> tuple[Mask, npt.NDArray[np.float64]]:
        is_constant = r.count == 0
        is_constant[: self.n_shared + self.n_lanes] = False
        number = np.zeros(self.size)
        number[is_constant] = [r.order[i]._data for i in np.flatnonzero(is_constant)]
        return is_constant, number

    def value_of(self, at: Places) -> Places:
        """The places of the same numbers without the identities in between: +x is x."""
        recorded = at < len(self.value)
        return np.where(recorded, self.value[np.where(recorded, at, 0)], at)

    def place(self, v: Value) -> int:
        """Where an input or output is."""
        return int(self._places[v])

    def constant(self, x: float) -> int:
        """Where a constant is, from now on if not before."""
        text = repr(x)  # 0.0 and -0.0 are equal, nan is not equal to itself
        if text not in self._known:
            at = self._extend(1)
            self.is_constant[at], self.number[at], self._known[text] = True, x, int(at[0])
        return self._known[text]

    def add_sums(self, count: Counts, terms: Terms, *, reduces: bool = False) -> Places:
        """New sums of so many terms each."""
        if not len(count):
            return places([])
        at = self._extend(len(count))
        sides = [side for side in terms.sides() if (side >= 0).any()]
        start = np.cumsum(count) - count
        for column, extreme in ((self.level, np.maximum), (self.is_row, np.logical_or), (self.is_late, np.logical_or)):
            highest = extreme.reduce([np.where(side >= 0, column[side], 0) for side in sides])
            column[at] = extreme.reduceat(highest, start)
        self.level[at] += 1
        if reduces:
            self.is_row[at], self.is_late[at] = False, True
        self.operations += int((terms.b >= 0).sum()) + len(terms.a) - len(count)
        self.sums.append(Sums(at, count, terms, reduces))
        return at

    def added(self, xs: Sequence[int], ys: Sequence[int]) -> list[int]:
        """x + y for each pair."""
        nothing = np.full(2 * len(xs), -1, np.int32)
        terms = Terms(np.ones(2 * len(xs), np.int8), places(np.column_stack([xs, ys]).ravel()), nothing, nothing)
        return [int(at) for at in self.add_sums(np.full(len(xs), 2), terms)]

    def add_kernels(self, op: Op, operands: Places) -> Places:
        """New instances of an op, with operands [instance, operand]."""
        at = self._extend(len(operands))
        self.level[at] = self.level[operands].max(axis=1) + 1
        self.is_row[at], self.is_late[at] = self.is_row[operands].any(axis=1), self.is_late[operands].any(axis=1)
        self.operations += len(operands)
        self.kernels.append(Kernels(op, at, operands))
        return at

    def _extend(self, count: int) -> Places:
        """New places."""
        if self.size + count > len(self.level):
            for name in ("level", "is_row", "is_late", "is_constant", "number"):
                column = getattr(self, name)
                setattr(self, name, np.concatenate([column, np.zeros(len(column) + count, column.dtype)]))
        self.size += count
        return np.arange(self.size - count, self.size, dtype=np.int32)


def ends(following: Places, at: npt.NDArray[Any]) -> Places:
    """Where following ends that starts at each place; all but those at ``at`` are followed by themselves."""
    while len(at):
        near = following[at]
        further = following[near]
        moves = further != near
        at = at[moves]
        following[at] = further[moves]
    return following


def levels(n: int, used: Places, user: Places) -> Places:
    """Of every number one more than the highest level among those that it uses; who uses whom is sorted by the number used."""
    waiting, level = np.bincount(user, minlength=n), np.zeros(n, np.int32)
    users = np.bincount(used, minlength=n)
    start = np.cumsum(users) - users
    front, depth = np.flatnonzero((waiting == 0) & (users > 0)), 0
    last = np.empty(n, np.int64)
    while len(front):
        depth += 1
        near = user[stretches(start[front], users[front])]
        np.subtract.at(waiting, near, 1)
        ready = near[waiting[near] == 0]
        last[ready] = np.arange(len(ready))
        front = ready[last[ready] == np.arange(len(ready))]  # each once
        level[front] = depth
    return level
