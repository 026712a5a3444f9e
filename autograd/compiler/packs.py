"""From the normal form to a program: numbers grouped by level and form into packs, and a slot for each.

Glossary::

    phase    0: shared numbers before all rows, 1: rows and sums over lanes, 2: shared numbers that need a sum over lanes
    form     what the instances of a pack have in common apart from their level: the op or the kinds of terms, and what are rows
    code     a term's kind as a number
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from typing import final

import numpy as np
import numpy.typing as npt

from autograd.compiler.common import merged
from autograd.compiler.normal import Graph, Kernels, Sums, Terms
from autograd.compiler.program import Pack, Program, Run
from autograd.compiler.recorded import FEW, Mask, Places, alike, distinct, places
from autograd.compiler.walks import reached
from autograd.ops import Op
from autograd.value import Value


def build(outputs: Sequence[Value], shared: Sequence[Value] = (), lanes: Sequence[Value] = ()) -> Program:
    """The program that computes ``outputs`` from the numbers of ``shared`` and, for every sample, those of ``lanes``.

    Leaves that are neither are constants. TypeError, naming the node, for an op with a hand-written backward or value.
    """
    graph = Graph(outputs, shared, lanes)
    return packed(graph, [graph.place(v) for v in outputs])


def packed(graph: Graph, outputs: Sequence[int], *, one_by_one: bool = False) -> Program:
    """The program that computes the numbers at these places of the graph.

    ``one_by_one``: rows are packs of their own, in the order in which a walk from the outputs comes back from them. That is the order of
    a loop, round after round, where levels mix the rounds.
    """
    return _Packer(graph, graph.value_of(places(outputs)), one_by_one).program()


@final
class _Packer:
    """Groups what the outputs need by phase, level and form, and gives every number its slot."""

    def __init__(self, graph: Graph, outputs: Places, one_by_one: bool) -> None:
        self.graph, self.one_by_one = graph, one_by_one
        self.kernels, same = merged(graph, _joined_kernels(graph.kernels))
        self.outputs = same[outputs]
        self.sums, self.reduces = _joined_sums(graph.sums, graph.is_row, same)
        self.starts = self.sums.count.cumsum() - self.sums.count
        self.used = self._used()
        self.needed = self._needed()
        self.codes = _codes(self.sums.terms, graph.is_row)
        self.slot = np.full(graph.size, -1, np.int32)

    def _used(self) -> tuple[Places, Places]:
        """Who uses what, as pairs of places: those of a sum term by term."""
        terms = np.array(self.sums.terms.sides())
        users = [self.sums.at.repeat(3 * self.sums.count)]
        used = [terms.T.ravel()]
        for kernels in self.kernels:
            users.append(kernels.at.repeat(kernels.operands.shape[1]))
            used.append(kernels.operands.ravel())
        user, operand = np.concatenate(users), np.concatenate(used)
        return user[operand >= 0], operand[operand >= 0]

    def _needed(self) -> Mask:
        """What the outputs rest on."""
        seeds = np.zeros(self.graph.size, bool)
        seeds[self.outputs] = True
        return reached(seeds, *self.used)

    def program(self) -> Program:
        """The finished program."""
        graph = self.graph
        groups = self._groups()
        constants = self._number_inputs()
        shared, rows = self._number_results(groups, len(constants))
        self.sides = [self.slot[side] for side in self.sums.terms.sides()]
        return Program(
            constants=constants,
            n_shared=graph.n_shared,
            n_lanes=graph.n_lanes,
            packs=tuple(
                [self._sum_pack(at, i) if kernels is None else self._kernel_pack(kernels, at, i) for kernels, at, i in groups]
            ),
            shared_size=shared,
            rows_size=rows,
            outputs=tuple(zip(graph.is_row[self.outputs].tolist(), self.slot[self.outputs].tolist(), strict=True)),
            scalar_nodes=graph.operations,
            normal_nodes=sum([len(at) for _, at, _ in groups]),
            levels=max([int(graph.level[at[0]]) for _, at, _ in groups], default=0),
        )

    # --- Groups: kernels, or None for sums; the places of the members; where these are among the kernels or sums ---

    def _groups(self) -> list[tuple[Kernels | None, Places, Places]]:
        """The packs in order of execution: by phase and level, then by what was there first."""
        graph = self.graph
        sources = [None, *self.kernels]
        ats = [self.sums.at, *[kernels.at for kernels in self.kernels]]
        source = np.arange(len(ats)).repeat([len(part) for part in ats])
        at, index = np.concatenate(ats), np.concatenate([np.arange(len(part)) for part in ats])
        form = np.concatenate([self._sum_forms(), *[self._kernel_forms(kernels) for kernels in self.kernels]])
        reduces = np.concatenate([self.reduces, np.zeros(len(at) - len(self.reduces), bool)])
        phase = np.where(graph.is_row[at] | reduces, 1, 2 * graph.is_late[at])
        keep = self.needed[at].nonzero()[0]
        keep = keep[np.lexsort((at[keep], form[keep], source[keep], graph.level[at[keep]], phase[keep]))]
        key = np.array([phase[keep], graph.level[at[keep]], source[keep], form[keep]])
        if self.one_by_one:
            turn = self._turns()[at]
            keep = keep[np.lexsort((turn[keep], phase[keep]))]
            key = np.array([phase[keep], turn[keep]])
        ends = [*((key[:, 1:] != key[:, :-1]).any(axis=0).nonzero()[0] + 1).tolist(), len(keep)] if len(keep) else []
        parts = [keep[start:stop] for start, stop in zip([0, *ends], ends, strict=False)]
        if not self.one_by_one:
            first = np.array([part[0] for part in parts], np.int64)
            parts = [parts[i] for i in np.lexsort((at[first], graph.level[at[first]], phase[first])).tolist()]
        return [(sources[source[part[0]]], at[part], index[part]) for part in parts]

    def _turns(self) -> Places:
        """The order in which a walk from the outputs, depth first and operands from left to right, comes back from each place."""
        user, operand = self.used
        order = np.argsort(user, kind="stable")
        count = np.bincount(user, minlength=self.graph.size)
        ends = np.cumsum(count).tolist()
        following, below = operand[order].tolist(), (np.cumsum(count) - count).tolist()
        turn = np.full(self.graph.size, -1, np.int32)
        done = 0
        stack = self.outputs[::-1].tolist()
        while stack:
            at = stack[-1]
            if turn[at] >= 0:
                stack.pop()
            elif below[at] < ends[at]:
                stack.append(following[below[at]])
                below[at] += 1
            else:
                turn[at] = done
                done += 1
                stack.pop()
        return turn

    def _sum_forms(self) -> npt.NDArray[np.int64]:
        """A number for each sum, equal for sums of equal terms."""
        form = np.zeros(len(self.sums.at), np.int64)
        if len(form) <= FEW:
            return self._few_sum_forms()
        seen = 0
        for count in distinct(self.sums.count).tolist():
            some = np.flatnonzero(self.sums.count == count)
            words = self.codes[self.starts[some][:, None] + np.arange(count)].view(f"S{count}").ravel()
            kinds, which = np.unique(words, return_inverse=True)
            form[some] = 2 * (seen + which) + self.reduces[some]
            seen += len(kinds)
        return form

    def _few_sum_forms(self) -> npt.NDArray[np.int64]:
        known: dict[tuple[bytes, bool], int] = {}
        words, ends = self.codes.tobytes(), self.sums.count.cumsum().tolist()
        kinds = [words[start:stop] for start, stop in zip([0, *ends], ends, strict=False)]
        return np.array([known.setdefault(kind, len(known)) for kind in zip(kinds, self.reduces.tolist(), strict=True)], np.int64)

    def _kernel_forms(self, kernels: Kernels) -> Places:
        if not self.graph.n_lanes:
            return np.zeros(len(kernels.at), np.int32)
        return alike(self.graph.is_row[kernels.operands])[1]

    # --- Slots ---

    def _number_inputs(self) -> tuple[float, ...]:
        """Slots for the constants, which are returned, and the inputs."""
        graph, slot = self.graph, self.slot
        found: dict[str, int] = {}
        at = (graph.is_constant[: graph.size] & self.needed).nonzero()[0]
        slot[at] = [found.setdefault(repr(x), len(found)) for x in graph.number[at].tolist()]
        slot[: graph.n_shared] = len(found) + np.arange(graph.n_shared)
        slot[graph.n_shared : graph.n_shared + graph.n_lanes] = np.arange(graph.n_lanes)
        return tuple(map(float, found))

    def _number_results(self, groups: Sequence[tuple[Kernels | None, Places, Places]], constants: int) -> tuple[int, int]:
        """Slots pack after pack, so that a pack's results lie side by side; the sizes of both arrays."""
        shared, rows = constants + self.graph.n_shared, self.graph.n_lanes
        for _, at, _ in groups:
            if self.graph.is_row[at[0]]:
                first, rows = rows, rows + len(at)
            else:
                first, shared = shared, shared + len(at)
            self.slot[at] = np.arange(first, first + len(at))
        return shared, rows

    # --- Packs ---

    def _kernel_pack(self, kernels: Kernels, at: Places, index: Places) -> Pack:
        graph, operands = self.graph, kernels.operands[index]
        slots = self.slot[operands]
        columns = [slots[:, k : k + 1].copy() for k in range(operands.shape[1])]
        rows = tuple(graph.is_row[operands[0]].tolist())
        return Pack(kernels.op, (), rows, tuple(columns), int(self.slot[at[0]]), *self._where(at, False))

    def _sum_pack(self, at: Places, index: Places) -> Pack:
        entries = self.starts[index][:, None] + np.arange(self.sums.count[index[0]])
        word = self.codes[entries[0]]
        runs, tables = list[Run](), []
        ends = [*((word[1:] != word[:-1]).nonzero()[0] + 1).tolist(), len(word)]
        for start, stop in zip([0, *ends], ends, strict=False):
            run = _run(int(word[start]), stop - start)
            sides = compress(self.sides, (True, run.b_is_row is not None, run.gate_is_row is not None))
            tables += [side[entries[:, start:stop]] for side in sides]
            runs.append(run)
        return Pack(None, tuple(runs), (), tuple(tables), int(self.slot[at[0]]), *self._where(at, bool(self.reduces[index[0]])))

    def _where(self, at: Places, reduces: bool) -> tuple[bool, bool, int]:
        """Of a pack whether results are rows, whether they are sums over lanes, and the level."""
        return bool(self.graph.is_row[at[0]]), reduces, int(self.graph.level[at[0]])


def _joined_sums(chunks: Sequence[Sums], is_row: Mask, same: Places) -> tuple[Sums, Mask]:
    """All sums as one, with the same places in their terms, and which are taken over the lanes.

    Of a product with a row and a shared number the shared one comes first: a·b and b·a have the same bits and should be one kind of term.
    """
    nothing = places([])
    columns = [(s.at, s.count, np.full(len(s.at), s.reduces), s.terms.sign, *s.terms.sides()) for s in chunks]
    empty = (nothing, np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0, np.int8), nothing, nothing, nothing)
    at, count, reduces, sign, a, b, gate = (np.concatenate(column) for column in zip(empty, *columns, strict=True))
    a, b, gate = same[a], np.where(b >= 0, same[b], -1), np.where(gate >= 0, same[gate], -1)
    turned = (b >= 0) & is_row[a] & ~is_row[b]
    if turned.any():
        a, b = np.where(turned, b, a), np.where(turned, a, b)
    return Sums(at, count, Terms(sign, a, b, gate), False), reduces


def _joined_kernels(chunks: Sequence[Kernels]) -> list[Kernels]:
    """All instances of an op with so many operands as one."""
    found: dict[tuple[Op, int], list[Kernels]] = {}
    for kernels in chunks:
        found.setdefault((kernels.op, kernels.operands.shape[1]), []).append(kernels)
    return [
        parts[0]
        if len(parts) == 1
        else Kernels(op, np.concatenate([part.at for part in parts]), np.concatenate([part.operands for part in parts]))
        for (op, _), parts in found.items()
    ]


def _codes(terms: Terms, is_row: Mask) -> npt.NDArray[np.uint8]:
    """The kind of each term, from 1 on: the sign, and for a, b and the gate whether it is a row (b and the gate: if there is one)."""
    code = 1 + (terms.sign < 0) + 2 * is_row[terms.a]
    for side, weight in ((terms.b, 4), (terms.gate, 12)):
        is_there = side >= 0
        if is_there.any():
            code = code + weight * np.where(is_there, 1 + is_row[side], 0)
    return code.astype(np.uint8)


@lru_cache(maxsize=256)
def _run(code: int, count: int) -> Run:
    """A run of terms of one kind."""
    kinds = (None, False, True)
    code -= 1
    return Run(count, -1 if code & 1 else 1, bool(code & 2), kinds[code // 4 % 3], kinds[code // 12])
