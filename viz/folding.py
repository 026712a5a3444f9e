"""Large graphs folded: what the compiler computes in one loop is one group, and a group is one card.

``groups`` parts a graph into the compiler's packs, ``patterns`` takes together what belongs together, ``ties`` says how groups are
connected, ``folded`` draws them; this module chooses: packs, layers, samples, or the groups that a rule of the user's names.
"""

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from autograd import Value
from viz.alike import join_alike
from viz.attending import attentions
from viz.cells import cells
from viz.groups import Groups, Piece, grouped, in_order, parted_by_use, sorted_out
from viz.normal_form import Indices, NormalForm
from viz.patterns import (
    attention,
    constant_arithmetic,
    dropout,
    embedding,
    first_minus,
    functions,
    kept_norm,
    parameters,
    rms_norm,
    root_norm,
    rows_of_embedding,
    softmax,
    take_in,
)
from viz.softmaxes import softmaxes
from viz.ties import samples_of

Rule = Callable[[Value], Hashable]


def folded(form: NormalForm, fold: "str | Rule", most: int = 60) -> Groups:
    """The groups of a graph by number, operands first: those that a rule names, or packs, at most ``most``.

    ``fold`` may also be "layers": functions with the sums they are applied to, parameters with their use; or "samples": what
    corresponds in equal samples, packs where one sample alone has more parts than ``most``. ValueError for a rule that names no group
    for some Value, groups that depend on each other, or a graph without samples.
    """
    labels = parted_by_use(form)
    groups = grouped(form, labels)
    forms = {k: group.form for k, group in groups.items()}
    if callable(fold):
        return in_order(form, in_pieces(grouped(form, ruled(form, fold)), labels, forms))
    if fold == "samples":
        units = by_sample(form, groups)
        if units.max() > 2 * most:  # more than patterns take together
            return folded(form, "packs", most)
        groups = grouped(form, units)
    take_in(form, groups, embedding)
    rows_of_embedding(form, groups)
    if fold != "samples":
        cells(form, groups)
        softmaxes(groups)
    for pattern in (dropout, kept_norm, first_minus, constant_arithmetic, softmax, rms_norm, root_norm, attention):
        take_in(form, groups, pattern)
    if fold != "samples":
        attentions(form, groups)
    if len(groups) > most:
        join_alike(form, groups)
    if len(groups) > most or fold == "layers":
        take_in(form, groups, functions)
    if fold == "layers":
        take_in(form, groups, parameters)
    groups = in_order(form, groups)
    return groups if len(groups) <= most else in_order(form, in_pieces(in_bands(form, groups, most), labels, forms))


def in_bands(form: NormalForm, groups: Groups, most: int) -> Groups:
    """At most ``most`` groups: leaves are one, what repeats is folded to one repeat, and what is then too much to a few in a row."""
    computed = [k for k, group in groups.items() if group.form]
    forms = [groups[k].form for k in computed]
    bands = _repeats(forms)
    if len(bands) >= most:
        length = -(-len(bands) // (most - 1))
        bands = [(sum_of(bands[i : i + length]), 1) for i in range(0, len(bands), length)]
    labels = np.zeros(len(form.values), np.int64)
    for group in groups.values():
        labels[group.parts] = 1
    start = 0
    told = {1: ("", "")}
    for number, (length, repeats) in enumerate(bands, 2):
        for k in computed[start : start + length]:
            labels[groups[k].parts] = number
        shown = list(dict.fromkeys([groups[k].title or groups[k].form for k in computed[start : start + length // repeats]]))
        told[number] = (", ".join(shown[:2]) + ", …" * (len(shown) > 2), f"{repeats} × the same" if repeats > 1 else "")
        start += length
    joined = grouped(form, labels)
    for k, band in joined.items():
        band.form, band.title = told[k]
    return joined


def in_pieces(groups: Groups, labels: Indices, forms: dict[int, str]) -> Groups:
    """The same groups, each in pieces that are computed alike: packs, by the number of each head's pack and the forms of packs."""
    for group in groups.values():
        parts = [Piece(group.members[at], forms[k]) for k, at in sorted_out(labels[group.members])]
        group.pieces = parts[::-1]  # operands first
    return groups


def sum_of(bands: Sequence[tuple[int, int]]) -> int:
    """How many groups some bands hold."""
    return sum([length for length, _ in bands])


_LONGEST_PERIOD = 40


def _repeats(forms: Sequence[str]) -> list[tuple[int, int]]:
    """The forms in pieces, each with its length and how often it repeats its first part."""
    pieces: list[tuple[int, int]] = []
    start = 0
    while start < len(forms):
        period, times = max(
            ((p, _times(forms, start, p)) for p in range(1, _LONGEST_PERIOD)),
            key=lambda pt: (pt[0] * pt[1] * (pt[1] > 1), -pt[0]),
        )
        pieces.append((period * times, times) if times > 1 else (1, 1))
        start += pieces[-1][0]
    return pieces


def _times(forms: Sequence[str], start: int, period: int) -> int:
    """How often the first ``period`` forms from ``start`` on stand there in a row."""
    first = forms[start : start + period]
    times = 1
    while forms[start + times * period : start + (times + 1) * period] == first:
        times += 1
    return times


def by_sample(form: NormalForm, groups: Groups) -> Indices:
    """For each head the number of its group: one for what corresponds in all samples, and one for each Value that they share."""
    samples = samples_of(form, groups)
    if not samples.count:
        raise ValueError('fold="samples" needs a sum over several samples of equal form; this graph has none: fold="packs"')
    labels = np.zeros(len(form.values), np.int64)
    known = 0
    for group in groups.values():
        each = group.count // samples.of(group.members)
        labels[group.members] = known + 1 + np.arange(group.count) % each
        known += each
    return labels


def ruled(form: NormalForm, rule: Rule) -> Indices:
    """For each head the number of the group that the rule names."""
    labels = np.zeros(len(form.values), np.int64)
    numbers: dict[Hashable, int] = {}
    for i in np.unique(form.owners):
        value = form.values[i]
        key = rule(value)
        if key is None:
            raise ValueError(f"the fold rule names no group for {value!r}; it must name one for every value it is asked about")
        try:
            labels[i] = numbers.setdefault(key, len(numbers) + 1)
        except TypeError:
            raise TypeError(
                f"the fold rule must name groups by what a dict takes as a key, such as a text, got {key!r}"
            ) from None
    return labels
