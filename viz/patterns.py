"""What is taken together in one group: arithmetic with constants, functions, parameters, softmax, norms, dropout, embeddings.

A pattern looks at one group and its neighbours and answers which of these to take in, under which form and title.
"""

import re
from collections.abc import Callable, Iterable

import numpy as np

from viz.groups import Groups, consumers_of
from viz.normal_form import GATE, Indices, NormalForm

# What a pattern finds at a group: the groups to take into it, its new form and its title; None where it does not apply.
Found = tuple[list[int], str, str]
Pattern = Callable[[NormalForm, Groups, "Consumers", int], Found | None]
Consumers = dict[int, set[int]]


def take_in(form: NormalForm, groups: Groups, pattern: Pattern) -> None:
    """Apply a pattern at every group, operands first."""
    consumers = consumers_of(groups)
    for k in sorted(groups, reverse=True):
        found = pattern(form, groups, consumers, k) if groups[k].form else None
        if found is not None:
            merge(groups, consumers, k, *found)


def merge(groups: Groups, consumers: Consumers, k: int, taken: list[int], text: str, title: str) -> None:
    """Take groups into another; those nearest to the root first, so that its pieces begin with the operands."""
    group, inside = groups[k], {k, *taken}
    parts = [group, *[groups.pop(t) for t in taken]]
    group.form, group.title = text, title
    group.pieces = [piece for part in reversed(parts) for piece in part.pieces]
    entries: dict[int, list[Indices]] = {}
    for part in parts:
        for source in part.entries.keys() - inside:
            consumers[source] = consumers[source] - inside | {k}
        for source, edges in part.entries.items():
            entries.setdefault(source, []).append(edges)
    group.entries = {source: np.concatenate(edges) for source, edges in entries.items() if source not in inside}
    for t in taken:
        for c in consumers.pop(t) - inside:
            groups[c].entries.setdefault(k, np.zeros(0, np.int64))
            consumers[k].add(c)
    consumers[k] -= inside
    for c in consumers[k]:
        further = [groups[c].entries.pop(t) for t in taken if t in groups[c].entries]
        groups[c].entries[k] = np.concatenate([groups[c].entries[k], *further])


def _only_producer(form: NormalForm, groups: Groups, consumers: Consumers, k: int) -> int:
    """The group that this one is computed from, number by number, if it has no other use, is not made of leaves and is no layer; else 0."""
    group = groups[k]
    if len(group.entries) != 1:
        return 0
    [(source, edges)] = group.entries.items()
    if groups[source].title:
        return 0
    one_to_one = len(edges) == group.count == groups[source].count == len(np.unique(form.sources[edges]))
    return source if one_to_one and groups[source].form and consumers[source] == {k} else 0


def dropout(form: NormalForm, groups: Groups, consumers: Consumers, k: int) -> Found | None:
    """Numbers times 0 or a constant above 1."""
    if not re.fullmatch(r"× \S+", groups[k].form):
        return None
    into = np.isin(form.targets, groups[k].members) & form.is_constant[form.sources]
    factors = np.unique(form.data[form.sources[into]]).tolist()
    is_mask = len(factors) == 2 and factors[0] == 0.0 and factors[1] > 1.0
    return ([], f"× 0 or {factors[1]:.4g}", "Dropout") if is_mask else None


def first_minus(form: NormalForm, groups: Groups, consumers: Consumers, k: int) -> Found | None:
    """The − of the first of several numbers of which the others are subtracted: −Σ a."""
    taken = [s for s in groups[k].entries if groups[s].form == "−" and consumers[s] == {k}]
    members = groups[k].members
    fits = taken and re.fullmatch(r"Σ\S+ a", groups[k].form) and (form.minuses[members] == form.terms[members] - 1).all()
    return (taken, f"−{groups[k].form}", "") if fits else None


_ARITHMETIC = re.compile(
    r"(?P<power>\( \))?(?P<before>[^ ()·]+ [+−×÷])?(?(power)(?P<raised>.+)|(?(before)|(?P<after>[+−×÷] [^ ()a]+|−)))"
)


def constant_arithmetic(form: NormalForm, groups: Groups, consumers: Consumers, k: int) -> Found | None:
    """÷ 16, + 1e−5, ( )^−0.5 and the like, the same for all numbers of a group."""
    match, source = _ARITHMETIC.fullmatch(groups[k].form), _only_producer(form, groups, consumers, k)
    if match is None or not source:
        return None
    inner, after = groups[source].form, match["after"]
    if match["power"]:
        return [source], f"({inner}){match['raised']}", ""
    if match["before"]:
        return [source], f"{match['before']} {_held(inner)}", ""
    if after == "−":
        return [source], f"−{_held(inner)}", ""
    return [source], f"{_held(inner) if after[0] in '×÷' else inner} {after}", ""


def _held(text: str) -> str:
    return f"({text})" if " + " in text or " − " in text else text


FUNCTION = re.compile(r"[a-zσ_]\w+|σ")


def functions(form: NormalForm, groups: Groups, consumers: Consumers, k: int) -> Found | None:
    """A function of the numbers of a sum, one by one: tanh(Σ w·x + b)."""
    source = _only_producer(form, groups, consumers, k)
    fits = source and FUNCTION.fullmatch(groups[k].form) and not FUNCTION.match(groups[source].form)
    return ([source], f"{groups[k].form}({groups[source].form})", "") if fits else None


def parameters(form: NormalForm, groups: Groups, consumers: Consumers, k: int) -> Found | None:
    """Leaves that are used again and again, by this group alone or besides by a sum of their squares."""
    group = groups[k]
    taken = [s for s, edges in group.entries.items() if _is_parameter(form, groups, consumers, s, k, edges)]
    return (taken, group.form, group.title) if taken else None


def _is_parameter(form: NormalForm, groups: Groups, consumers: Consumers, source: int, k: int, edges: Indices) -> bool:
    others = [c for c in consumers[source] if c != k and not groups[c].form.endswith("x²")]
    return not groups[source].form and not others and "w·x" in groups[k].form and bool((form.sides[edges] != 1).all())


def softmax(form: NormalForm, groups: Groups, consumers: Consumers, k: int) -> Found | None:
    """exp over the sum of exps, and the shift in front of the exps."""
    if groups[k].form != "÷" or len(groups[k].entries) != 2:
        return None
    powers, norms = sorted(groups[k].entries, key=lambda source: groups[source].form != "exp")
    if (
        groups[powers].form != "exp"
        or consumers[powers] != {k, norms}
        or consumers[norms] != {k}
        or set(groups[norms].entries) != {powers}
    ):
        return None
    shift = _only_producer(form, groups, consumers, powers) or _shift_by_largest(groups, consumers, powers)
    is_shift = shift and re.fullmatch(r"[+−]( \S+)?", groups[shift].form)
    taken = [norms, powers, *([shift] if is_shift else [])]
    largest = [s for s in groups[shift].entries if groups[s].form == "max"] if is_shift else []
    while largest:
        s = largest.pop()
        if s not in taken and consumers[s] <= {*taken}:
            taken.append(s)
            largest += [t for t in groups[s].entries if groups[t].form == "max"]
    return taken, "exp(a)/Σ exp(a)", "softmax"


def _shift_by_largest(groups: Groups, consumers: Consumers, powers: int) -> int:
    """The differences that exp is taken of alone, or 0."""
    source, *others = groups[powers].entries
    return source if groups[source].form == "−" and consumers[source] == {powers} and not others else 0


_NORM = re.compile(r"\(Σ\S+ x²( ÷ \S+)?( \+ \S+)?\)\^−0\.5")


def rms_norm(form: NormalForm, groups: Groups, consumers: Consumers, k: int) -> Found | None:
    """x · (mean of x² + ε)^−½."""
    if groups[k].form != "a·b" or len(groups[k].entries) != 2:
        return None
    for scale, x in (list(groups[k].entries), list(groups[k].entries)[::-1]):
        if _NORM.fullmatch(groups[scale].form) and consumers[scale] == {k} and set(groups[scale].entries) == {x}:
            return [scale], "x/√(mean x² + ε)" if "+" in groups[scale].form else "x/√(mean x²)", "RMS norm"
    return None


_MEAN, _MEAN_SQUARE = re.compile(r"Σ\S+ a ÷ \S+"), re.compile(r"Σ\S+ x² ÷ \S+( \+ \S+)?")


def root_norm(form: NormalForm, groups: Groups, consumers: Consumers, k: int) -> Found | None:
    """x/√(mean of x² + ε), written with a root and a division; where x is what lies off its mean, LayerNorm."""
    if groups[k].form != "÷" or len(groups[k].entries) != 2:
        return None
    x, root = sorted(groups[k].entries, key=lambda source: groups[source].form == "sqrt")
    square = next(iter(groups[root].entries), 0)
    if groups[root].form != "sqrt" or consumers[root] != {k} or consumers[square] != {root}:
        return None
    if not _MEAN_SQUARE.fullmatch(groups[square].form) or set(groups[square].entries) != {x}:
        return None
    means = [s for s in groups[x].entries if _MEAN.fullmatch(groups[s].form) and consumers[s] == {x}]
    if groups[x].form == "−" and means and consumers[x] == {k, square}:
        title = "BatchNorm" if _is_over_batch(form, groups, consumers, k, root) else "LayerNorm"
        return [root, square, x, *means], "(x − mean)/√(variance + ε)", title
    return [root, square], "x/√(mean x² + ε)", "RMS norm"


def _is_over_batch(form: NormalForm, groups: Groups, consumers: Consumers, k: int, root: int) -> bool:
    """Whether all numbers with the same spread are scaled by the same leaf: numbers of several samples, not of one."""
    spreads = _pairs(form, groups[k].entries[root])
    for c in consumers[k]:
        scales = {
            t: s for source, edges in groups[c].entries.items() if not groups[source].form for t, s in _factors(form, edges)
        }
        scaled = {(spreads[x], scales[t]) for t, x in _pairs(form, groups[c].entries[k]).items() if t in scales}
        if scaled:
            return len(scaled) == groups[root].count < groups[k].count
    return False


def _pairs(form: NormalForm, edges: Indices) -> dict[int, int]:
    """The source of each target."""
    return dict(zip(form.targets[edges].tolist(), form.sources[edges].tolist(), strict=True))


def _factors(form: NormalForm, edges: Indices) -> Iterable[tuple[int, int]]:
    """The same for what is multiplied."""
    return _pairs(form, edges[form.sides[edges] < 2]).items()


def kept_norm(form: NormalForm, groups: Groups, consumers: Consumers, k: int) -> Found | None:
    """(x − m)/√(v + ε) with numbers m and v that are kept: BatchNorm in use."""
    if groups[k].form != "÷" or len(groups[k].entries) != 2:
        return None
    x, root = sorted(groups[k].entries, key=lambda source: groups[source].form == "sqrt")
    shifted = next(iter(groups[root].entries), 0)
    if groups[x].form != "−" or groups[root].form != "sqrt" or not groups[shifted].form.startswith("+ "):
        return None
    are_kept = all([not groups[source].form for source in groups[shifted].entries])
    is_shifted = any([not groups[source].form for source in groups[x].entries])
    are_inside = consumers[x] == consumers[root] == {k} and consumers[shifted] == {root}
    return ([root, shifted, x], "(x − m)/√(v + ε)", "BatchNorm") if are_kept and is_shifted and are_inside else None


def embedding(form: NormalForm, groups: Groups, consumers: Consumers, k: int) -> Found | None:
    """The one of some leaves that a number names, with the conditions that choose it, and the check that it is a whole number."""
    gates = [s for s, edges in groups[k].entries.items() if groups[s].form and (form.sides[edges] == GATE).all()]
    terms = [s for s in groups[k].entries if s not in gates]
    if not gates or all([groups[s].form for s in terms]):
        return None
    taken: list[int] = []
    while gates:
        s = gates.pop()
        if groups[s].form and s not in taken and consumers[s] <= {k, *taken}:
            taken.append(s)
            gates += groups[s].entries
    is_index = "floor" in {groups[s].form for s in taken}
    others = " + a" * any([bool(groups[s].form) for s in terms])
    return (taken, f"the row with this number{others}", "Embedding") if is_index else None


def rows_of_embedding(form: NormalForm, groups: Groups) -> None:
    """Leaves that are parameters of an Embedding, where plain numbers chose them when the graph was recorded."""
    chosen = {s for group in groups.values() if group.title == "Embedding" for s in group.entries}
    for k, group in groups.items():
        if not group.form and k not in chosen and all(_layer(form, i) == "Embedding" for i in group.members.tolist()):
            group.title = "Embedding"


def _layer(form: NormalForm, i: int) -> str:
    """The class of the module that has a parameter; nothing if no module has named it."""
    return getattr(form.labels[i], "layer", "")


def attention(form: NormalForm, groups: Groups, consumers: Consumers, k: int) -> Found | None:
    """Sums of products with the probabilities of a softmax."""
    titles = {groups[source].title for source in groups[k].entries}
    return ([], groups[k].form, "attention") if "softmax" in titles and re.fullmatch(r"(Σ\S+ )?a·b", groups[k].form) else None
