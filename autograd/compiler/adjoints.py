"""Backpropagation through a graph in normal form: every op's rule runs once for each form it occurs in, on symbols.

Glossary::

    adjoint        ∂root/∂number, as the place of a number of the graph
    contribution   what a user hands down to an operand: a term of the operand's adjoint, ± a·b
    form           what a rule's answer depends on: the op, which operands are rows or constants, whether the adjoint is 1
    symbol         a Value that stands for the adjoint, the result or an operand of all instances of a form
    template       what the rule recorded when it was given symbols, in normal form; instantiated by looking places up
    crossing       the way from a row to a shared operand: what the samples hand down is added up over the lanes

The adjoint of a number is the sum of its contributions, in the order in which the eager backward pass adds them: so the bits are those of
``backward()``. A contribution that exists only behind a condition has that condition as its gate; where no gate is open, an adjoint
is −0, which changes nothing it is added to.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

import numpy as np

from autograd import ops
from autograd.compiler.kernels import is_of_table
from autograd.compiler.normal import Graph, Terms
from autograd.compiler.recorded import Mask, Places, alike, distinct, places, starts_of, stretches
from autograd.compiler.walks import reached
from autograd.modes import call_site, switched
from autograd.ops import Op
from autograd.value import Gated, Value, constant

# Constants among the operands are parts of the form, up to so many different ones; beyond, they are symbols like all others.
FEW_CONSTANTS = 32


@final
@dataclass(frozen=True)
class _Form:
    """A form: of the adjoint, the result and the operands in turn which are rows; of the operands which constants, and which matter."""

    op: Op
    rows: tuple[bool, ...]
    adjoint_is_one: bool
    constants: tuple[str | None, ...]
    wanted: tuple[bool, ...]


# A reference in a template: a node's number; the symbols come first.
_Term = tuple[int, int, int]


@final
@dataclass(frozen=True)
class _Contribution:
    """A term (sign, a, b) of an operand's adjoint, and the condition it is behind (−1: none). ``is_zero_behind`` says that it is
    −0 wherever the adjoint it comes from is."""

    term: _Term
    gate: int
    is_zero_behind: bool


@final
@dataclass(frozen=True)
class _Template:
    """A rule's answer: nodes in order of execution (an op and its operands, or None and a sum's terms), a contribution for each operand."""

    symbols: tuple[int, ...]
    constants: tuple[tuple[int, float], ...]
    nodes: tuple[tuple[int, Op | None, tuple[Any, ...]], ...]
    contributions: tuple[_Contribution | None, ...]


def _template(form: _Form, numbers: Sequence[float]) -> _Template:
    """The rule's answer for symbols that have these numbers."""
    op = form.op
    if op.rule is None:
        raise TypeError(f"op {op.symbol!r} has no rule to differentiate it by")

    def refuse(v: Value) -> None:
        raise TypeError(
            f"the rule of op {op.name!r} reads a plain number, or decides by one, at {call_site()}: compiled, that would hold for "
            "the recorded point only; write the rule with where"
        )

    texts = ["1.0" if form.adjoint_is_one else None, None, *form.constants]
    symbols = [Value(x) if text is None else constant(float(text)) for x, text in zip(numbers, texts, strict=True)]
    with switched(simplify=True, recording=True, anomaly=False, on_branch=refuse, on_read=refuse):
        answers = zip(op.rule(*symbols), form.wanted, strict=True)
        parts = [_parts(answer) if is_wanted else None for answer, is_wanted in answers]
    outputs = [v for part in parts if part for v in part if v is not None]
    shared, lanes = ([v for v, row in zip(symbols, form.rows, strict=True) if row is kind] for kind in (False, True))
    graph = Graph(outputs, shared, lanes)
    nodes = _nodes(graph)
    uses = Counter([x for _, references in nodes.values() for x in _flat(references)] + [graph.place(v) for v in outputs])
    found = [part and _contribution(graph, nodes, uses, symbols[0], *part) for part in parts]
    place = {v: i for i, v in enumerate([*shared, *lanes])}
    return _Template(
        tuple([place[v] for v in symbols]),
        tuple([(int(i), float(graph.number[i])) for i in np.flatnonzero(graph.is_constant[: graph.size])]),
        tuple([(i, *nodes[i]) for i in sorted(nodes, key=lambda i: (graph.level[i], i))]),
        tuple(found),
    )


_template_of_table = lru_cache(maxsize=1024)(_template)


def _parts(answer: Any) -> tuple[Value, Value | None] | None:
    """What a rule answered for one operand, and its condition."""
    if answer is None:
        return None
    value, gate = (answer.value, answer.condition) if isinstance(answer, Gated) else (answer, None)
    return (value if isinstance(value, Value) else constant(value)), gate


def _nodes(graph: Graph) -> dict[int, tuple[Op | None, tuple[Any, ...]]]:
    """A small graph's sums and kernels by their places."""
    nodes: dict[int, tuple[Op | None, tuple[Any, ...]]] = {}
    for kernels in graph.kernels:
        nodes |= {i: (kernels.op, tuple(row)) for i, row in zip(kernels.at.tolist(), kernels.operands.tolist(), strict=True)}
    for sums in graph.sums:
        terms = iter(zip(sums.terms.sign.tolist(), sums.terms.a.tolist(), sums.terms.b.tolist(), strict=True))
        nodes |= {
            i: (None, tuple([next(terms) for _ in range(n)])) for i, n in zip(sums.at.tolist(), sums.count.tolist(), strict=True)
        }
    return nodes


def _flat(references: tuple[Any, ...]) -> list[int]:
    return [x for r in references for x in (r[1:] if isinstance(r, tuple) else (r,))]


def _contribution(
    graph: Graph, nodes: dict[int, Any], uses: Counter[int], g: Value, value: Value, gate: Value | None
) -> _Contribution:
    """A contribution as a term; a product or negation that is nothing else leaves the nodes."""
    at, sign, b = int(graph.value[graph.place(value)]), 1, -1
    while uses[at] == 1 and at in nodes:
        op, references = nodes[at]
        if op is ops.negative:
            del nodes[at]
            sign, at = -sign, references[0]
        elif op is None and len(references) == 1 and references[0][2] >= 0:
            del nodes[at]
            at, b = references[0][1:]
            break
        else:
            break
    passes = value is g or (gate is not None and value.op is ops.select and value._prev[1] is g)
    return _Contribution((sign, at, b), -1 if gate is None else int(graph.value[graph.place(gate)]), passes)


def gradient(graph: Graph, root: int, xs: Sequence[int], seed: int | None = None, *, all_finite: bool = False) -> list[int]:
    """∂root/∂x for each input x, times the seed, as places in the graph, which grows by what is needed for that.

    ``all_finite`` says that a product with an adjoint that is 0, because no gate is open, may be counted: it is 0 too, unless the other
    factor is inf or nan. Then a dense layer behind a relu stays a matrix product, which its gates would make twice as dear.
    """
    return _Backward(graph, places(xs), all_finite).run(root, graph.constant(1.0) if seed is None else seed)


@final
class _Backward:
    """One backward pass; ``sign``, ``a``, ``b``, ``mask`` and ``gate`` hold the contributions, one for each edge."""

    def __init__(self, graph: Graph, xs: Places, all_finite: bool) -> None:
        self.graph, self.xs, self.all_finite = graph, xs, all_finite
        n, e = len(graph.order), graph.edges
        is_x = np.zeros(n, bool)
        is_x[xs] = True
        wanted = reached(is_x, e.used, e.user)
        self.edges = e = e.taken(wanted[e.used])
        self.wanted = places((wanted & ~is_x).nonzero()[0])
        self.count = np.bincount(e.used, minlength=n)
        self.start = self.count.cumsum() - self.count
        self.handed = np.bincount(e.user, minlength=n)
        self.first = self.handed.cumsum() - self.handed
        self.by_user = e.user.argsort(kind="stable")
        self.edge_of = np.full(len(graph.recorded.flat), -1, np.int32)
        of_kernels = (e.entry >= 0).nonzero()[0]
        self.edge_of[e.entry[of_kernels]] = of_kernels
        self.is_there = np.zeros(len(e.used), bool)
        self.sign = np.ones(len(e.used), np.int8)
        self.a, self.b, self.mask, self.gate = (np.full(len(e.used), -1, np.int32) for _ in range(4))
        self.adjoint, self.opened = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
        self.either: dict[tuple[int, ...], int] = {}

    def run(self, root: int, seed: int) -> list[int]:
        """From the root to the inputs, level by level."""
        graph = self.graph
        self.adjoint[root] = seed
        level = graph.level[self.wanted]
        order = np.argsort(level, kind="stable")
        bounds = np.searchsorted(level[order], np.arange(graph.level[root] + 2))
        for depth in range(int(graph.level[root]), 0, -1):
            nodes = self.wanted[order[bounds[depth] : bounds[depth + 1]]]
            self._collect(nodes)
            self._hand_down(nodes[self.adjoint[nodes] >= 0])
        self._collect(self.xs)
        return self._results()

    def _results(self) -> list[int]:
        graph, xs = self.graph, self.xs
        found = np.where(self.adjoint[xs] < 0, graph.constant(0.0), self.adjoint[xs])
        gated = (self.adjoint[xs] >= 0) & (self.opened[xs] >= 0)
        if gated.any():
            zero = np.full(int(gated.sum()), graph.constant(0.0))
            operands = np.stack([self.opened[xs[gated]], found[gated], zero], axis=1)
            found[gated] = graph.add_kernels(ops.select, places(operands))
        return [int(x) for x in found]

    # --- What arrives at a number ---

    def _collect(self, nodes: Places) -> None:
        """The adjoints of numbers whose users have all handed down."""
        count = self.count[nodes]
        e, owner = stretches(self.start[nodes], count), np.arange(len(nodes)).repeat(count)
        is_there = self.is_there[e]
        e, owner = e[is_there], owner[is_there]
        if not len(e):
            return
        terms, gate = Terms(self.sign[e], self.a[e], self.b[e], self.mask[e]), self.gate[e]
        if self.graph.n_lanes:
            crosses = self.graph.is_row[self.edges.user[e]] & ~self.graph.is_row[nodes[owner]]
            if crosses.any():
                owner, terms, gate = self._crossed(crosses, owner, terms, gate)
        start = starts_of(owner)
        owners, count = nodes[owner[start]], np.append(start[1:], len(owner)) - start
        self.adjoint[owners] = self._added(count, self._without_signs(terms))
        if (gate >= 0).any():
            self.opened[owners] = self._opened(count, gate)

    def _crossed(self, crosses: Mask, owner: Any, terms: Terms, gate: Places) -> tuple[Any, Terms, Places]:
        """What rows hand down to a shared number, added up: first those of one sample that follow each other, then all samples."""
        graph = self.graph
        goes_on = crosses[1:] & crosses[:-1] & (owner[1:] == owner[:-1])
        starts = np.flatnonzero(np.concatenate([[True], ~goes_on]))
        count = np.diff(np.append(starts, len(owner)))
        crossed = crosses[starts]
        sums = graph.add_sums(count[crossed], terms.taken(crosses), reduces=True)
        after = terms.taken(starts)
        for column, entry in ((after.sign, 1), (after.a, sums), (after.b, -1), (after.gate, -1)):
            column[crossed] = entry
        gate = gate[starts]
        gate[crossed] = -1  # samples behind a closed gate have counted 0
        return owner[starts], after, gate

    def _without_signs(self, terms: Terms) -> Terms:
        """The same terms, with −c as the constant it is."""
        graph = self.graph
        turned = (terms.sign < 0) & (terms.b < 0) & graph.is_constant[terms.a]
        if turned.any():
            terms.sign[turned] = 1
            terms.a[turned] = [graph.constant(-x) for x in graph.number[terms.a[turned]].tolist()]
        return terms

    def _added(self, count: Any, terms: Terms) -> Places:
        """Numbers that are such sums."""
        graph = self.graph
        start = count.cumsum() - count
        is_plain = (terms.sign > 0) & (terms.b < 0) & (terms.gate < 0)
        found = terms.a[start]
        is_known = np.logical_and.reduceat(is_plain & graph.is_constant[terms.a], start)
        for i in (is_known & (count > 1)).nonzero()[0].tolist():
            found[i] = graph.constant(_total(graph.number[terms.a[start[i] : start[i] + count[i]]].tolist()))
        made = ~(is_known | (is_plain[start] & (count == 1)))
        if made.any():
            found[made] = graph.add_sums(count[made], terms.taken(made.repeat(count)))
        return places(found)

    def _opened(self, count: Any, gate: Places) -> Places:
        """The gates of sums: open where one of their terms' is, −1 where one of these has no gate. A sum of gates stands for them."""
        start = count.cumsum() - count
        found = np.where(np.logical_and.reduceat(gate >= 0, start), gate[start], -1)
        for i in np.flatnonzero((found >= 0) & (count > 1)).tolist():
            found[i] = self._either(gate[start[i] : start[i] + count[i]].tolist())
        return places(found)

    def _either(self, gates: list[int]) -> int:
        """The gate that is open where one of these is."""
        key = tuple(sorted(set(gates)))
        if len(key) == 1:
            return key[0]
        if key not in self.either:
            nothing = np.full(len(key), -1, np.int32)
            terms = Terms(np.ones(len(key), np.int8), places(key), nothing, nothing)
            self.either[key] = int(self.graph.add_sums(np.array([len(key)]), terms)[0])
        return self.either[key]

    # --- What leaves it ---

    def _hand_down(self, nodes: Places) -> None:
        """The contributions of numbers whose adjoints are known."""
        e = self.by_user[stretches(self.first[nodes], self.handed[nodes])]
        e = e[self.edges.sign[e] != 0]
        user, other, sign, own = self.edges.user[e], self.edges.other[e], self.edges.sign[e], self.edges.gate[e]
        gate = self._both(self.opened[user], own)
        mask = np.where((other >= 0) & (not self.all_finite) | (sign < 0) | (own >= 0), gate, -1)
        self._put(e, sign, self.adjoint[user], other, mask, gate)
        self._hand_down_by_rules(nodes[self.graph.is_kernel[nodes]])

    def _both(self, outer: Places, own: Places) -> Places:
        """The gates of what is behind two gates, of which either may be missing."""
        gate = np.where(own < 0, outer, own)
        two = (own >= 0) & (outer >= 0)
        if two.any():
            pairs = np.stack([outer[two], own[two]], axis=1)
            first, which = alike(pairs)
            gate[two] = self.graph.add_kernels(ops.both, places(pairs[first]))[which]
        return places(gate)

    def _put(self, e: Any, sign: Any, a: Any, b: Any, mask: Any, gate: Any) -> None:
        """Contributions, one for each of these edges; a product with 1 is the other factor, one of constants a constant."""
        if (b >= 0).any():
            a, b = self._multiplied(a, b)
        self.is_there[e] = True
        self.sign[e], self.a[e], self.b[e], self.mask[e], self.gate[e] = sign, a, b, mask, gate

    def _multiplied(self, a: Any, b: Any) -> tuple[Any, Any]:
        """The factors that are left."""
        graph = self.graph
        one = (b >= 0) & self._is_one(a)
        a, b = np.where(one, b, a), np.where(one, -1, b)
        b = np.where((b >= 0) & self._is_one(b), -1, b)
        known = (b >= 0) & graph.is_constant[a] & graph.is_constant[b]
        if known.any():
            factors = zip(graph.number[a[known]].tolist(), graph.number[b[known]].tolist(), strict=True)
            a[known] = [graph.constant(x * y) for x, y in factors]
            b[known] = -1
        return a, b

    def _hand_down_by_rules(self, nodes: Places) -> None:
        """The contributions of kernels."""
        recorded = self.graph.recorded
        arity = recorded.count[nodes]
        for n in distinct(arity).tolist():
            some = nodes[arity == n]
            entries = recorded.start[some][:, None] + np.arange(n)
            operands, edges = self.graph.value[recorded.flat[entries]], self.edge_of[entries]
            known = self._known(operands)
            for which in self._forms(some, operands, edges, known):
                self._apply(some[which], operands[which], edges[which], known[which[0]])

    def _known(self, operands: Places) -> Mask:
        """Which operands are constants that are parts of the form."""
        graph = self.graph
        known = graph.is_constant[operands]
        if not known.any():
            return known
        return known if len(distinct(graph.number[operands[known]])) <= FEW_CONSTANTS else np.zeros_like(known)

    def _forms(self, nodes: Places, operands: Places, edges: Places, known: Mask) -> list[Any]:
        """The instances of each form."""
        graph, adjoint = self.graph, self.adjoint[nodes]
        if len(nodes) == 1:
            return [[0]]
        columns = [graph.recorded.kind[nodes], self._is_one(adjoint), graph.is_row[adjoint], self.opened[nodes] >= 0]
        bits = np.where(known, graph.number[operands], 0.0).view(np.int64)  # 0.0 and -0.0 are equal as numbers
        table = np.column_stack([*columns, graph.is_row[operands], edges >= 0, known, bits])
        form = alike(table)[1]
        order = form.argsort(kind="stable")
        return np.split(order, starts_of(form[order])[1:])

    def _is_one(self, at: Any) -> Any:
        return self.graph.number[at] == 1.0  # of what is no constant it is 0

    def _apply(self, nodes: Places, operands: Places, edges: Places, known: Mask) -> None:
        """Hand down by the rule of one form."""
        graph, first = self.graph, operands[0]
        op, adjoint = graph.order[nodes[0]].op, self.adjoint[nodes]
        form = _Form(
            op,
            tuple(graph.is_row[[adjoint[0], nodes[0], *first]].tolist()),
            bool(self._is_one(adjoint[0])),
            tuple([repr(float(graph.number[x])) if is_known else None for x, is_known in zip(first, known, strict=True)]),
            tuple((edges[0] >= 0).tolist()),
        )
        if is_of_table(op):
            template = _template_of_table(form, (1.0,) * (2 + len(first)))
        else:
            template = _template(form, [1.0, *[graph.order[i]._data for i in (nodes[0], *first)]])
        env = self._instantiated(template, [adjoint, nodes, *operands.T])
        for contribution, e in zip(template.contributions, edges.T, strict=True):
            if contribution is not None:
                self._put_term(contribution, e, env, self.opened[nodes])

    def _instantiated(self, template: _Template, given: Sequence[Places]) -> dict[int, Places]:
        """The places of a template's nodes, for all instances."""
        graph, count = self.graph, len(given[0])
        env = {at: np.full(count, graph.constant(x), np.int32) for at, x in template.constants}
        env |= dict(zip(template.symbols, given, strict=True))
        nothing = np.full(count, -1, np.int32)
        for at, op, references in template.nodes:
            if op is not None:
                env[at] = graph.add_kernels(op, np.array([env[x] for x in references]).T)
                continue
            signs, a, b = zip(*references, strict=True)
            first, second = (np.array([env.get(x, nothing) for x in side]).T.ravel() for side in (a, b))
            terms = Terms(np.array(signs * count, np.int8), first, second, np.full(count * len(a), -1, np.int32))
            env[at] = graph.add_sums(np.full(count, len(a)), terms)
        return env

    def _put_term(self, contribution: _Contribution, e: Places, env: dict[int, Places], outer: Places) -> None:
        sign, a, b = contribution.term
        nothing = np.full(len(e), -1, np.int32)
        gate = self._both(outer, env.get(contribution.gate, nothing))
        mask = nothing if (contribution.is_zero_behind and sign > 0) or outer[0] < 0 else gate
        self._put(e, np.full(len(e), sign, np.int8), env[a], env.get(b, nothing), mask, gate)


def _total(numbers: Sequence[float]) -> float:
    total = numbers[0]
    for x in numbers[1:]:
        total += x
    return total
