"""Recurrent cells in a folded graph: what goes through the same weights again and again, as one card.

Glossary::

    weights    a group of leaves that sums of products have as their left factors
    partners   groups that use the same weights
    cell       partners of which some lead to others, with everything in between

If partners are seen as one node, a cell is what lies on a circle; so what is computed from a cell never leads back into it, and no other
card stands in the middle of it. Sequences of different lengths, too, are one cell.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from viz.groups import Groups, consumers_of
from viz.normal_form import NormalForm
from viz.patterns import FUNCTION, Consumers, merge

# The first state is 0, a constant.
_DRIVE = re.compile(r"Σ\S+ (w·x|c·a).*")
# What a GRU computes of its drives.
_IN_A_GRU = re.compile(r"σ|tanh|1 −|Σ₂ (a·b|c·a)")


def cells(form: NormalForm, groups: Groups) -> None:
    """Make each recurrent cell one group, and what it takes at each step another."""
    consumers = consumers_of(groups)
    partners = _partners(form, groups, consumers)
    for k in sorted(partners):
        if k in groups:
            cell = _between(groups, consumers, partners, k)
            if any([source in cell for part in cell for source in groups[part].entries]):
                _finish(groups, consumers, cell)
                _fold(form, groups, consumers, sorted(cell), f"{_steps(form, groups, consumers, cell)} steps")
    for (layer, _), drives in _drives_of_cells(form, groups, consumers).items():
        _fold(form, groups, consumers, sorted(_one_step(groups, consumers, layer, drives)), "1 step")


def _drives_of_cells(form: NormalForm, groups: Groups, consumers: Consumers) -> dict[tuple[str, str], set[int]]:
    """What uses the parameters of each cell that is none yet: those that take one step are known by the labels of these alone."""
    found: dict[tuple[str, str], set[int]] = {}
    for k, group in groups.items():
        label: Any = form.labels[int(group.members[0])]
        if group.form or getattr(label, "layer", "") not in ("GRU", "Recurrent"):
            continue
        users = {c for c in consumers[k] if not groups[c].title and (form.sides[groups[c].entries[k]] <= 2).all()}
        drives = {c for c in users if not groups[c].form.endswith("x²")}
        if drives:
            found.setdefault((label.layer, label.partition("^")[2].strip("(rzn)")), set()).update(drives)
    return found


def _one_step(groups: Groups, consumers: Consumers, layer: str, drives: set[int]) -> set[int]:
    """The drives with their functions; of a GRU with all that is computed from these, up to where it has come together."""
    cell, is_inside = set(drives), _IN_A_GRU if layer == "GRU" else FUNCTION
    while ahead := {c for part in cell for c in consumers[part]} - cell:
        known = cell if layer == "GRU" else drives
        ready = [c for c in ahead if known.issuperset(groups[c].entries) and is_inside.fullmatch(groups[c].form)]
        cell.update([max(ready)] if ready else [])  # operands first
        if not ready or len(ahead) == 1:
            break
    return cell


def _partners(form: NormalForm, groups: Groups, consumers: Consumers) -> dict[int, set[int]]:
    """For each group that shares its weights with others these, itself included."""
    found: dict[int, set[int]] = {}
    for k, group in groups.items():
        users = {c for c in consumers[k] if not group.form and _is_drive(form, groups, k, c)}
        for user in users if len(users) > 1 else ():
            found[user] = found.get(user, set()) | users
    return found


def _is_drive(form: NormalForm, groups: Groups, weights: int, k: int) -> bool:
    return bool(_DRIVE.fullmatch(groups[k].form)) and bool((form.sides[groups[k].entries[weights]] == 0).all())


def _between(groups: Groups, consumers: Consumers, partners: dict[int, set[int]], k: int) -> set[int]:
    """What a group leads to and what leads to it, where partners lead to each other."""
    with_partners = {g: [p for p in each if p in groups] for g, each in partners.items()}
    onwards = reached(k, lambda g: (*consumers[g], *with_partners.get(g, ())))
    return onwards & reached(k, lambda g: (*groups[g].entries, *with_partners.get(g, ())))


def reached(start: int, following: Callable[[int], Iterable[int]]) -> set[int]:
    """A group and all that following leads to from there."""
    seen, waiting = {start}, [start]
    while waiting:
        further = set(following(waiting.pop())) - seen
        seen |= further
        waiting += sorted(further)
    return seen


def _finish(groups: Groups, consumers: Consumers, cell: set[int]) -> None:
    """Add what the last step computes as those before did, of nothing but the cell and what it takes: it leads to no further step."""
    known = [_signature(groups, part) for part in cell]
    inside = cell | {source for part in cell for source in groups[part].entries}
    waiting = sorted(cell)
    while waiting:
        for g in sorted(consumers[waiting.pop()] - cell):
            text, sources = _signature(groups, g)
            if inside.issuperset(groups[g].entries) and any([text == other and sources >= those for other, those in known]):
                cell.add(g)
                inside.add(g)
                waiting.append(g)


def _signature(groups: Groups, k: int) -> tuple[str, set[str]]:
    """The form of a group and those of what it is computed from; the first state is a constant, the others are not."""
    alike = {g: groups[g].form.replace("c·a", "a·b") for g in (k, *groups[k].entries)}
    return alike[k], {alike[source] for source in groups[k].entries}


def _fold(form: NormalForm, groups: Groups, consumers: Consumers, cell: list[int], steps: str) -> None:
    title, text = _told([groups[part].form for part in cell])
    k, *others = cell
    merge(groups, consumers, k, others, f"{text}, {steps}", title)
    used = [form.sources[groups[c].entries[k]] for c in sorted(consumers[k])]
    parts = groups[k].parts
    roots = parts[form.is_root[parts]]
    groups[k].members = np.unique(np.concatenate([roots, *used]))
    _take_together(form, groups, consumers, k)
    use_together(groups, consumers, k)


def _steps(form: NormalForm, groups: Groups, consumers: Consumers, cell: set[int]) -> int:
    """How often weights are used one after the other."""
    weights = {source for part in cell for source in groups[part].entries if not groups[source].form}
    users = [[c for c in consumers[w] & cell if _is_drive(form, groups, w, c)] for w in sorted(weights)]
    return max([len({int(form.levels[groups[c].members[0]]) for c in each}) for each in users])


def _told(forms: list[str]) -> tuple[str, str]:
    """What a cell with these forms in it is called, and what it computes."""
    functions = {text for text in forms if not _DRIVE.fullmatch(text)}
    if functions >= {"tanh", "σ", "1 −"}:
        return "GRU", "(1 − z)·n + z·h"
    if len(functions) > 1 or not all(map(FUNCTION.fullmatch, functions)):
        return "recurrent", "the same weights"
    return "Recurrent", f"{next(iter(functions), '')}(w·x + u·h + b)"


def _take_together(form: NormalForm, groups: Groups, consumers: Consumers, k: int) -> None:
    """Make what a cell takes in the same way at each step one group, and so what that is computed from."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for source in sorted(groups[k].entries):
        group, sides = groups[source], set(form.sides[groups[k].entries[source]].tolist())
        if consumers[source] == {k} and (group.form or not sides & {0, 2}):
            weights = [s for s in sorted(group.entries) if not groups[s].form and len(consumers[s]) > 1]
            alike.setdefault((group.form, group.title, str(sides), *map(str, weights)), []).append(source)
    for each in alike.values():
        if joined(groups, consumers, each):
            _take_together(form, groups, consumers, each[0])


def use_together(groups: Groups, consumers: Consumers, k: int) -> None:
    """Make what is computed alike from what a cell gives for sequences of different lengths one group, and so what follows."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for c in sorted(consumers[k]):
        alike.setdefault((groups[c].form, groups[c].title, *map(str, sorted(groups[c].entries))), []).append(c)
    for each in alike.values():
        if joined(groups, consumers, each):
            use_together(groups, consumers, each[0])


def joined(groups: Groups, consumers: Consumers, alike: list[int]) -> bool:
    """Make groups the first of them, if there are others."""
    first, *others = alike
    members = np.sort(np.concatenate([groups[k].members for k in alike]))
    merge(groups, consumers, first, others, groups[first].form, groups[first].title)
    groups[first].members = members
    return bool(others)
