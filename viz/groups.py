"""Groups of a large graph: the compiler's packs, parted by use; every Value belongs to exactly one.

Glossary::

    head      a Value of the normal form, see ``normal_form``; the partial sums, products and constants inside it belong to it
    group     heads of one level and one kind that the same groups consume in the same places
    members   the heads whose numbers a group shows; its parts are all of its heads, for a softmax also the exponentials
    piece     parts of one pack, which are computed alike
    label     the number of a head's group; 0 for what is drawn with another Value
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from autograd import ops
from viz.forms import form_of
from viz.normal_form import SIDES, Indices, NormalForm, from_the_top, sorted_stably

_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴/φ: spreads numbers over all bits


@final
@dataclass(frozen=True, slots=True)
class Piece:
    """Heads that are computed alike, by their places in topological order, and how; the form of leaves is empty."""

    members: Indices
    form: str


@final
@dataclass(slots=True)
class Group:
    """Heads that one card shows, by their places in topological order. ``title`` is a name where there is one.

    ``form`` is empty for a group of leaves. ``entries`` are the edges that lead into it, by the group that they come from,
    ``pieces`` what it was folded from, operands first.
    """

    members: Indices
    form: str
    title: str = ""
    entries: dict[int, Indices] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)

    @property
    def parts(self) -> Indices:
        """All of its heads."""
        return np.concatenate([piece.members for piece in self.pieces])

    @property
    def count(self) -> int:
        """How many numbers it stands for."""
        return len(self.members)

    @property
    def edges(self) -> Indices:
        """All edges that lead into it."""
        return np.concatenate([np.zeros(0, np.int64), *self.entries.values()])


Groups = dict[int, Group]


def grouped(form: NormalForm, labels: Indices) -> Groups:
    """The groups by the number that each head has in ``labels`` (0: drawn with another Value), and the edges between them."""
    groups = {k: Group(members, "") for k, members in sorted_out(labels) if k}
    width = int(labels.max()) + 1
    for pair, edges in sorted_out(labels[form.sources] * width + labels[form.targets]):
        source, target = divmod(pair, width)
        if source and source != target:
            groups[target].entries[source] = edges
    for group in groups.values():
        group.form = form_of(form, group.members, group.edges)
        group.pieces = [Piece(group.members, group.form)]
    return groups


def sorted_out(numbers: Indices) -> Iterator[tuple[int, Indices]]:
    """Each of the numbers, in order, with where it stands."""
    order = sorted_stably(numbers)
    inorder = numbers[order]
    starts = np.flatnonzero(np.concatenate([[True], inorder[1:] != inorder[:-1]])) if len(order) else order
    return zip(inorder[starts].tolist(), np.split(order, starts[1:]), strict=bool(len(order)))


def _kinds(form: NormalForm) -> Indices:
    """A number for what each head does: its op; all sums of products are one kind, all plain sums another."""
    is_sum = form.is_op(ops.add, ops.subtract, ops.sum_op, ops.dot_op)
    kinds = form.codes + 2
    kinds[is_sum] = np.where(form.products[is_sum] > 0, 0, 1)
    return kinds


def parted_by_use(form: NormalForm) -> Indices:
    """For each Value the number of its group: level by level from the top, by kind and by the groups that consume it."""
    labels = np.zeros(len(form.values), np.int64)
    shown = np.flatnonzero(np.bincount(form.drawn_with, minlength=len(labels)))
    kinds = _kinds(form)
    order, spans = from_the_top(form.levels[shown], form.highest)
    by_level = shown[order]
    hashes = np.zeros(len(labels), np.uint64)
    known = 0
    for level, span in zip(spans, form.spans, strict=True):
        heads, sources = by_level[level], form.sources[span]
        uses = labels[form.targets[span]] * SIDES + form.sides[span]
        _add_hashes(hashes, sources, uses)
        keys = (kinds[heads].astype(np.uint64) + np.uint64(1)) * _ODD ^ hashes[heads]
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
        found = heads[first]
        if len(set(kinds[found].tolist())) < len(found):
            group = _subsets_joined(kinds[found].tolist(), _uses_of(form, found, sources, uses))[group]
        labels[heads] = known + 1 + group
        known = int(labels[heads].max(initial=known))
    return labels


def _uses_of(form: NormalForm, heads: Indices, sources: Indices, uses: Indices) -> list[set[int]]:
    """All uses of each of some heads."""
    found: dict[int, set[int]] = {head: set() for head in heads.tolist()}
    wanted = form.marked(heads)[sources]
    for head, use in zip(sources[wanted].tolist(), uses[wanted].tolist(), strict=True):
        found[head].add(use)
    return [*found.values()]


def _subsets_joined(kinds: Sequence[int], uses: Sequence[set[int]]) -> Indices:
    """For each of some groups its new number: one whose uses are all among those of another of its kind joins that one."""
    having: dict[tuple[int, int | None], list[int]] = defaultdict(list)
    for i, (kind, own) in enumerate(zip(kinds, uses, strict=True)):
        for use in (None, *own):
            having[kind, use].append(i)
    numbers = np.arange(len(uses))
    for i, (kind, own) in enumerate(zip(kinds, uses, strict=True)):
        # Only those that have the rarest of its uses: in a deep network the parameters of all layers stand on one level.
        near = min([having[kind, use] for use in own], key=len, default=having[kind, None])
        numbers[i] = max([j for j in near if own < uses[j]], key=lambda j: len(uses[j]), default=i)
    return numbers


def _add_hashes(hashes: Any, sources: Indices, uses: Indices) -> None:
    """Give each source a number that tells sets of uses apart."""
    least = int(uses.min()) if len(uses) else 0  # counted from there: else a chain takes the square of its length
    distinct = np.flatnonzero(np.bincount(uses - least)) + least
    mixed = (distinct.astype(np.uint64) + np.uint64(1)) * _ODD
    for use, number in zip(distinct, (mixed ^ (mixed >> np.uint64(29))) * _ODD, strict=True):
        hashes[sources[uses == use]] += number  # once for each source, however often it stands there


def consumers_of(groups: Groups) -> dict[int, set[int]]:
    """For each group those that are computed from it."""
    found: dict[int, set[int]] = {k: set() for k in groups}
    for k, group in groups.items():
        for source in group.entries:
            found[source].add(k)
    return found


def in_order(form: NormalForm, groups: Groups) -> Groups:
    """The groups, each after those that it is computed from. ValueError if some depend on each other."""
    missing = {k: len(group.entries) for k, group in groups.items()}
    consumers = consumers_of(groups)
    done: dict[int, Group] = {}
    ready = sorted([k for k in groups if not missing[k]], key=lambda k: (form.levels[groups[k].members[0]], k), reverse=True)
    while ready:
        k = ready.pop()
        done[k] = groups[k]
        for target in sorted(consumers[k], reverse=True):
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    if len(done) < len(groups):
        raise ValueError(
            "the fold rule makes groups that depend on each other; "
            "what is computed from a group must not be part of what that group is computed from"
        )
    return done
