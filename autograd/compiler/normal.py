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
from copy import copy
from dataclasses import dataclass
from typing import Any, final

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
    refuse_by_hand,
    stretches,
)
from autograd.compiler.walks import ends, levels, reached
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
class Edges:
    """Who uses whom, sorted by the number used and for each in the order in which a backward pass collects its contributions.

    That order is the users' from last to first recorded, and of one user its operands from left to right. ``sign`` and ``other`` are
    the factor that a sum hands down with its adjoint (``other`` −1: nothing more), ``gate`` the condition it is behind; ``entry`` is a
    kernel's operand, else −1. A sum hands nothing down to the gates of its terms: sign 0.
    """

    def __init__(self, table: Places) -> None:
        self.table = table
        self.used, self.user, self.sign, self.other, self.gate, self.entry = table

    def taken(self, which: npt.NDArray[Any]) -> "Edges":
        """Some of them."""
        return Edges(_taken(self.table, which))


@final
class _Part:
    """Terms as they are found: the sum that has them as its k-th and following, and where in ``flat`` their a and b (or −1) stand."""

    def __init__(self, table: Places) -> None:
        self.table = table
        self.owner, self.k, self.sign, self.at, self.to, self.gate = table

    def taken(self, which: npt.NDArray[Any]) -> "_Part":
        """Some of them."""
        return _Part(_taken(self.table, which))


def _part(owner: npt.NDArray[Any], at: npt.NDArray[Any], k: Any = 0, sign: Any = 1, to: Any = -1, gate: Any = -1) -> _Part:
    return _Part(_table(len(owner), owner, k, sign, at, to, gate))


def _joined(parts: Sequence[_Part]) -> _Part:
    return _Part(np.concatenate([part.table for part in parts], axis=1))


def _table(count: int, *columns: Any) -> Places:
    """Columns side by side, as one array: what is done to all of them is done once."""
    table = np.empty((len(columns), count), np.int32)
    for own, given in zip(table, columns, strict=True):
        own[:] = given
    return table


def _taken(table: Places, which: npt.NDArray[Any]) -> Places:
    found: Places = table.take(which.nonzero()[0] if which.dtype == bool else which, axis=1)
    return found


@final
class NormalForm:
    """Sums and kernels of what was recorded.

    A chain of sums whose partial sums nobody else uses is one sum; a product used only as a term of it is a term, a negation used
    only there is the term's sign, and a choice between a term and −0 its gate. ``root`` says for what a sum has taken in which sum that
    is, and for all others themselves.
    """

    def __init__(self, recorded: Recorded, is_row: Mask) -> None:
        self.r, self.is_row, self.has_rows = recorded, is_row, bool(is_row.any())
        n = len(recorded.count)
        self.is_used_once = np.bincount(recorded.flat, minlength=n) + np.bincount(recorded.outputs, minlength=n) == 1
        self.is_product, self.is_chained, self.is_reduced = (
            recorded.are(*some) for some in ((ops.multiply,), _CHAINED, (over_lanes,))
        )
        self.is_sum = self.is_product | self.is_chained | self.is_reduced | recorded.are(ops.take_op)
        self.is_inside = np.zeros(n, bool)  # of a sum that has taken it in
        self.value, self.root = np.arange(n, dtype=np.int32), np.arange(n, dtype=np.int32)
        self.identities = recorded.of(*IDENTITIES)
        for i in self.identities:
            self.value[i] = self.value[recorded.flat[recorded.start[i]]]
        self.part = self._collected()
        self.is_kernel = (recorded.count > 0) & ~self.is_sum & ~self.is_inside

    def _take_in(self, inner: Places, owner: Places) -> None:
        """Take numbers into sums."""
        inside = inner.astype(np.intp)
        self.is_inside[inside] = True
        self.root[inside] = self.root.take(owner)

    def _among(self, part: _Part, which: Mask) -> npt.NDArray[np.intp]:
        """Which terms are such numbers, used by their sum alone and of its kind, so that it may take them in."""
        operand = self.r.flat.take(part.at)
        found: npt.NDArray[np.intp] = (which & self.is_used_once).take(operand).nonzero()[0]
        return found[self.is_row[operand[found]] == self.is_row[part.owner[found]]] if self.has_rows else found

    def _collected(self) -> _Part:
        """The terms of all sums, in order."""
        plain = _joined([self._chained(), *self._further(), *self._taken()])
        part = _joined([*self._with_products(self._with_gates(plain)), *self._dots()])
        root = self.root.take(part.owner)
        order = ordered_by(part.k, part.owner, root)
        part.owner[:] = root
        return part.taken(order)

    def _chained(self) -> _Part:
        """Take sums that others begin with into these, to the last of the chain; what the chains begin with, as first terms."""
        r = self.r
        lead = np.where(r.are(ops.dot_op), r.count - 1, 0)  # which operand a sum begins with
        owner = (self.is_chained | self.is_reduced).nonzero()[0]
        at = (r.start + lead)[owner]
        first = r.flat[at]
        takes = (self.is_sum & ~self.is_reduced & self.is_used_once).take(first)
        if self.has_rows:
            takes &= self.is_reduced[owner] | (self.is_row[first] == self.is_row[owner])
        inner, alone = first.compress(takes), (~takes).nonzero()[0]
        self._take_in(inner, owner.compress(takes))
        ends(self.root, inner)
        return _part(owner[alone], at[alone])

    def _further(self) -> list[_Part]:
        """The terms of + and − after the first."""
        r = self.r
        two, many = r.of(ops.add, ops.subtract), r.of(ops.sum_op)
        found = []
        if two.size:
            found.append(_part(two, r.start[two] + 1, 1, np.where(r.are(ops.subtract)[two], -1, 1)))
        if many.size:
            owner, k = many.repeat(r.count[many] - 1), stretches(np.ones(len(many), np.int64), r.count[many] - 1)
            found.append(_part(owner, r.start[owner] + k, k))
        is_negative = r.are(ops.negative)
        return [self._turned(part, is_negative) for part in found] if is_negative.any() else found

    def _turned(self, part: _Part, is_negative: Mask) -> _Part:
        """Of negations that nobody else uses the operand, with the other sign."""
        found = self._among(part, is_negative)
        while found.size:
            inner = self.r.flat[part.at[found]]
            self._take_in(inner, part.owner[found])
            part.sign[found] *= -1
            part.at[found] = self.r.start[inner]
            found = found[self._among(part.taken(found), is_negative)]
        return part

    def _halves(self, op: Op) -> tuple[Places, Counts, Counts]:
        """Of an op the operands in the first half: whose they are, the how manieth, and how far it is to those in the second half."""
        at = self.r.of(op)
        half = self.r.count[at] // 2
        return at.repeat(half), stretches(np.zeros(len(at), np.int64), half), half.repeat(half)

    def _taken(self) -> list[_Part]:
        """The terms of what is taken out of several numbers: each is behind its condition."""
        if ops.take_op not in self.r.table:
            return []
        owner, i, half = self._halves(ops.take_op)
        at = self.r.start[owner] + i
        return [_part(owner, at + half, i, gate=self.r.flat[at])]

    def _with_gates(self, part: _Part) -> _Part:
        """Of choices between a term and −0 that nobody else uses the term, with the condition as its gate."""
        r = self.r
        closing = [i for i in r.of(ops.select).tolist() if _is_nothing(r.order[r.flat[r.start[i] + 2]])]
        if closing:
            is_closing = np.zeros(len(r.count), bool)
            is_closing[closing] = True
            found = self._among(part, is_closing)
            found = found[(part.sign[found] > 0) & (part.gate[found] < 0)]
            inner = r.flat[part.at[found]]
            self._take_in(inner, part.owner[found])
            part.gate[found], part.at[found] = r.operand(inner, 0), r.start[inner] + 1
        return part

    def _with_products(self, part: _Part) -> list[_Part]:
        """The terms, with the factors of those that are products nobody else uses; and products that stand alone."""
        if not self.is_product.any():
            return [part]
        start = self.r.start
        found = self._among(part, self.is_product & ~self.is_inside)
        inner = self.r.flat.take(part.at.take(found))
        self._take_in(inner, part.owner.take(found))
        part.at[found] = start.take(inner)
        part.to[found] = part.at.take(found) + 1
        is_alone = self.is_product.copy()
        is_alone[inner] = False
        alone = is_alone.nonzero()[0]
        return [part, _part(alone, start[alone], to=start[alone] + 1)]

    def _dots(self) -> list[_Part]:
        if ops.dot_op not in self.r.table:
            return []
        owner, i, half = self._halves(ops.dot_op)
        at = self.r.start[owner] + i
        return [_part(owner, at, 1 + i, to=at + half)]

    def _sides(self) -> tuple[Places, Places, Places]:
        """What the terms read: a, b and gate."""
        part, flat = self.part, self.r.flat
        return flat.take(part.at), np.where(part.to >= 0, flat.take(part.to), -1), part.gate.copy()  # without the other columns

    def sums(self) -> Iterator[Sums]:
        """All sums, those over the lanes by themselves."""
        part, value = self.part, self.value
        a, b, gate = self._sides()
        if self.identities.size:
            a, b, gate = value[a], *(np.where(side >= 0, value[side], -1) for side in (b, gate))
        terms = Terms(part.sign.astype(np.int8), a, b, gate)
        count = np.bincount(part.owner, minlength=len(value))
        for reduces in (False, True) if self.is_reduced.any() else (False,):
            which = self.is_reduced[part.owner] == reduces
            at = places(((count > 0) & (self.is_reduced == reduces)).nonzero()[0])
            if len(at):
                yield Sums(at, count[at], terms if which.all() else terms.taken(which), reduces)

    def kernels(self) -> Iterator[Kernels]:
        """All kernels, by op and number of operands."""
        r, value = self.r, self.value
        at = places((self.is_kernel & (value == np.arange(len(value)))).nonzero()[0])
        if not at.size:
            return
        ops_of, kind, count = list(r.table), r.kind[at], r.count[at]
        order = np.lexsort((count, kind))
        at, kind, count = at[order], kind[order], count[order]
        is_new = (kind[1:] != kind[:-1]) | (count[1:] != count[:-1])
        ends = [*(is_new.nonzero()[0] + 1).tolist(), len(at)]
        for start, stop in zip([0, *ends], ends, strict=False):
            some = at[start:stop]
            operands = value[r.flat[r.start[some][:, None] + np.arange(count[start])]]
            yield Kernels(ops_of[kind[start]], some, operands)

    def edges(self) -> Edges:
        """Who uses whom."""
        using = self.r.using()
        table = self._edge_table(using)
        used, at = table[0], table[6]
        user = using[at]
        order = ordered_by(at - self.r.start[user], -user, used)  # equal ones are gates, which are alike
        return Edges(_taken(table[:6], order))

    def _edge_table(self, using: Places) -> Places:
        """The columns of edges as they are found, and where in ``flat`` each stands."""
        r, part, value = self.r, self.part, self.value
        a, b, gate = self._sides()
        kernels = self.is_kernel.nonzero()[0]
        entry = stretches(r.start[kernels], r.count[kernels])
        has_factor, has_gate = b >= 0, gate >= 0
        other, gates = np.where(has_factor, value[b], -1), np.where(has_gate, value[gate], -1)
        found = [
            _table(len(a), a, part.owner, part.sign, other, gates, -1, part.at),
            _table(len(entry), r.flat[entry], using[entry], 0, -1, -1, entry, entry),
        ]
        if has_factor.any():
            two = part.taken(has_factor)
            found.append(
                _table(len(two.at), b[has_factor], two.owner, two.sign, value[a[has_factor]], gates[has_factor], -1, two.to)
            )
        if has_gate.any():
            shut = part.taken(has_gate)
            found.append(_table(len(shut.at), shut.gate, shut.owner, 0, -1, -1, -1, r.start[using[shut.at]]))
        table: Places = np.concatenate(found, axis=1)
        return table


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
        self.has_late = bool(self.is_late.any())
        self.is_constant, self.number = self._constants(r)
        form = NormalForm(r, self.is_row)
        self.sums, self.kernels = [*form.sums()], [*form.kernels()]
        self.edges, self.is_kernel, self.value = form.edges(), form.is_kernel, form.value
        self.level = levels(self.size, self.edges.used, self.edges.user)
        self._known: dict[str, int] = {}
        self._places = dict(zip([*r.inputs, *outputs], [*range(len(r.inputs)), *r.outputs.tolist()], strict=True))

    def copy(self) -> "Graph":
        """The same numbers, to add others to; for this one, to which nothing has been added, nothing changes."""
        other = copy(self)
        other.sums, other.kernels, other._known = [*self.sums], [*self.kernels], {**self._known}
        return other

    def _kinds(self, r: Recorded) -> tuple[Mask, Mask]:
        """What is a row, and what is shared but computed from a sum over lanes."""
        is_row, is_late = np.zeros(self.size, bool), r.are(over_lanes)
        is_row[self.n_shared : self.n_shared + self.n_lanes] = True
        if self.n_lanes:
            is_row = reached(is_row, r.flat, r.using(), r.of(over_lanes))
        if is_late.any():
            is_late = reached(is_late, r.flat, r.using())
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
        sides = [(side, side >= 0) for side in (terms.b, terms.gate)]
        sides = [(side, is_there) for side, is_there in sides if is_there.any()]
        start = count.cumsum() - count
        self.has_late = self.has_late or reduces
        for column, extreme in self._inherited():
            highest = column[terms.a]
            for side, is_there in sides:
                highest = extreme(highest, np.where(is_there, column[side], 0))
            column[at] = extreme.reduceat(highest, start)
        self.level[at] += 1
        if reduces:
            self.is_row[at], self.is_late[at] = False, True
        self.operations += int(np.count_nonzero(terms.b >= 0)) + len(terms.a) - len(count)
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
        for column, extreme in self._inherited():
            column[at] = extreme.reduce(column[operands], axis=1)
        self.level[at] += 1
        self.operations += len(operands)
        self.kernels.append(Kernels(op, at, operands))
        return at

    def _inherited(self) -> list[tuple[Any, np.ufunc]]:
        """What a number has of what it is made of, as far as anything has it, and of several which counts."""
        found: list[tuple[Any, np.ufunc]] = [(self.level, np.maximum)]
        if self.n_lanes:
            found.append((self.is_row, np.logical_or))
        if self.has_late:
            found.append((self.is_late, np.logical_or))
        return found

    def _extend(self, count: int) -> Places:
        """New places."""
        if self.size + count > len(self.level):
            for name in ("level", "is_row", "is_late", "is_constant", "number"):
                column = getattr(self, name)
                setattr(self, name, np.concatenate([column, np.zeros(len(column) + count, column.dtype)]))
        self.size += count
        return np.arange(self.size - count, self.size, dtype=np.int32)
