"""What is computed alike and used alike in a folded graph, at whatever level: parallel parts, as the places of a text, become one.

Glossary::

    kind    a number for what groups have in common: their form with the kinds of what they are computed from, and of what uses them
    way     how a group takes another: as a left or right factor, as a term or first operand, as a further one; the first if several

Groups of one kind are equally many steps away from the leaves, so none of them is computed from another.
"""

import numpy as np

from viz.cells import joined
from viz.groups import Group, Groups, Piece, consumers_of, in_order
from viz.normal_form import FIRST, TERM, Indices, NormalForm, Sides
from viz.patterns import Consumers


def join_alike(form: NormalForm, groups: Groups) -> None:
    """Make groups that are computed alike and used alike one group each."""
    consumers = consumers_of(groups)
    alike: dict[int, list[int]] = {}
    for k, kind in _kinds(form, groups, consumers).items():
        alike.setdefault(kind, []).append(k)
    for each in alike.values():
        if len(each) > 1:
            joined(groups, consumers, each)
            _join_pieces(groups[each[0]])


def _kinds(form: NormalForm, groups: Groups, consumers: Consumers) -> dict[int, int]:
    """The kind of each group."""
    order = list(in_order(form, groups))
    ways = {(s, k): _way(form.sides[edges]) for k in groups for s, edges in groups[k].entries.items()}
    known: dict[object, int] = {}
    computed: dict[int, int] = {}
    for k in order:
        key = groups[k].form, groups[k].title, frozenset([(computed[s], ways[s, k]) for s in groups[k].entries])
        computed[k] = known.setdefault(key, len(known))
    kinds: dict[int, int] = {}
    for k in reversed(order):
        kinds[k] = known.setdefault((computed[k], frozenset([(kinds[c], ways[k, c]) for c in consumers[k]])), len(known))
    return kinds


def _way(sides: Sides) -> int:
    """The side of some edges; within a group −a is as good a term as a is."""
    return int(np.where(sides == FIRST, TERM, sides).min())


def _join_pieces(group: Group) -> None:
    """Make pieces of one form one piece, where the first of them stands."""
    members: dict[str, list[Indices]] = {}
    for piece in group.pieces:
        members.setdefault(piece.form, []).append(piece.members)
    group.pieces = [Piece(np.sort(np.concatenate(each)), text) for text, each in members.items()]
