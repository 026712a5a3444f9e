"""Attention in a folded graph: all queries on one card, however many keys each of them sees, and so what these are computed from.

Glossary::

    shares    softmax(q·k/√d), what a query makes of each key
    score     q·k/√d
    causal    attention in which the first query sees one key, the second two, …: packs of their own, for each query others
"""

import re

import numpy as np

from viz.cells import joined, reached, use_together
from viz.groups import Groups, consumers_of
from viz.normal_form import NormalForm
from viz.patterns import Consumers

_PRODUCTS = re.compile(r"x²|w·x|a·b")


def attentions(form: NormalForm, groups: Groups) -> None:
    """Make what the queries of one attention do alike one group each."""
    consumers = consumers_of(groups)
    kinds: dict[tuple[object, ...], list[int]] = {}
    for k, group in groups.items():
        if group.title == "attention":
            kinds.setdefault(_values_of(form, groups, k), []).append(k)
    for alike in kinds.values():
        if not any([not reached(k, consumers.__getitem__).isdisjoint({*alike} - {k}) for k in alike]):
            joined(groups, consumers, sorted(alike))
            k = min(alike)
            groups[k].form = "Σ p·v"
            touched = [k, *_take_together(form, groups, consumers, k)]
            _leaves_together(form, groups, consumers, touched)
            use_together(groups, consumers, k)


def _values_of(form: NormalForm, groups: Groups, k: int) -> tuple[object, ...]:
    """What tells the attentions of several layers apart: what their values are computed by."""
    values = [s for s in groups[k].entries if groups[s].title != "softmax"]
    return (*sorted({(groups[s].form, groups[s].title, *_weights(form, groups, s)) for s in values}),)


def _weights(form: NormalForm, groups: Groups, k: int) -> list[int]:
    """The leaves on the left of a group's products, and those that it adds."""
    entries = groups[k].entries
    return [s for s in sorted(entries) if not groups[s].form and (form.sides[entries[s]] % 2 == 0).all()]


def _take_together(form: NormalForm, groups: Groups, consumers: Consumers, k: int) -> list[int]:
    """Make what a group alone takes, if it is computed alike, one group; and so what that is computed from, down to the projections."""
    alike: dict[tuple[object, ...], list[int]] = {}
    is_softmax = groups[k].title == "softmax"
    for source in sorted(groups[k].entries):
        group = groups[source]
        if consumers[source] == {k} and group.form:
            weights = [] if is_softmax else _weights(form, groups, source)  # of scores there are none, but q and k may be leaves
            alike.setdefault((_PRODUCTS.sub("", group.form), group.title, *weights), []).append(source)
    touched = []
    for first, *others in alike.values():
        joined(groups, consumers, [first, *others])
        if is_softmax:
            groups[first].form = _PRODUCTS.sub("q·k", groups[first].form)
        touched += [first, *_take_together(form, groups, consumers, first)]
    return touched


def _leaves_together(form: NormalForm, groups: Groups, consumers: Consumers, touched: list[int]) -> None:
    """Make leaves that the same groups take in the same way one group."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for s in sorted({s for k in touched for s in groups[k].entries if not groups[s].form}):
        ways = [(c, *np.unique(form.sides[groups[c].entries[s]]).tolist()) for c in sorted(consumers[s])]
        alike.setdefault(tuple(ways), []).append(s)
    for each in alike.values():
        joined(groups, consumers, each)
