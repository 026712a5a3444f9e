"""Names that follow from those of the parameters: the drive a₂⁽¹⁾ of the neuron with the bias b₂⁽¹⁾, its output x₂⁽¹⁾, its inputs.

Nothing is written to the Values: names are worked out when something is drawn, so that training pays nothing for them.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from autograd import Op, Value, ops
from autograd.labels import scripts

if TYPE_CHECKING:
    from viz.normal_form import NormalForm

_PARAMETER = re.compile(r"(?P<letter>[wb])_(?:\{(?P<listed>\d+(?:,\d+)*)\}|(?P<digits>\d+))\^\((?P<layer>\d+)[a-z]?\)")

# An index that does not stand at the beginning of a label, nor in something raised.
_INDEX = re.compile(r"(?<=[^\0])_(?:\{[^{}\0]+\}|\d+)(?![^({\0]*[)}])")


def labels_of(values: Sequence[Value]) -> dict[Value, str]:
    """The labels of Values in topological order, those that follow from the parameters' included; nothing for what has no name.

    >>> w, b, x = Value(2.0, label="w_21^(1)"), Value(0.5, label="b_2^(1)"), Value(3.0)
    >>> from autograd import dot, topological_order
    >>> list(labels_of(topological_order(dot([w], [x], b).tanh())).values())
    ['w_21^(1)', 'x_1^(0)', 'b_2^(1)', 'a_2^(1)', 'x_2^(1)']
    """
    labels = {v: str(v.label) for v in values if v.label}
    drives: set[Value] = set()
    unfinished: set[Value] = set()  # drives written as separate products and sums: each further sum takes the name over
    for v in values:
        if v.label or v.is_leaf:
            continue
        first = v._prev[0]
        if v.op is ops.dot_op:
            name = _name_inputs(v, labels)
        elif v.op is ops.add and _weight(v._prev[1], labels):
            name = labels.pop(first) if first in unfinished else _drive(labels.get(first, ""))
            unfinished.add(v)
        else:
            name = f"x{labels[first][1:]}" if first in drives and first in labels and _is_function(v) else ""
        if name:
            labels[v] = name
            drives |= {v} if name.startswith("a_") else set()
    return {v: labels[v] for v in values if v in labels}


def head_labels(form: "NormalForm") -> dict[int, str]:
    """The same for the heads of a normal form, by their places: what a folded picture says."""
    if not any(form.labels):
        return {}
    labels = {i: str(label) for i, label in enumerate(form.labels) if label}
    places: dict[str, dict[int, list[str]]] = {
        letter: {i: indices for i, label in labels.items() if label[:1] == letter and (indices := indexed(label, letter)[0])}
        for letter in "wb"
    }
    if not any(places.values()):
        return labels
    drives = {target: _drive(labels[bias]) for bias, target in _plain_terms(form, places["b"]) if target not in labels}
    for w, x in _inputs(form, [w for w, indices in places["w"].items() if len(indices) == 2]):
        labels.setdefault(x, f"x_{places['w'][w][1]}^({indexed(labels[w], 'w')[1] - 1})")
    for kernels in form.kernels:
        if kernels.operands.shape[1] == 1 and _is_word(kernels.op):
            for v, drive in zip(kernels.at.tolist(), kernels.operands[:, 0].tolist(), strict=True):
                if drive in drives:
                    labels.setdefault(v, f"x{drives[drive][1:]}")
    return {**labels, **drives}


def _plain_terms(form: "NormalForm", which: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Those of some heads that are terms of sums by themselves, each with its sum."""
    found = (form.sides == 2) & form.marked(list(which))[form.sources]
    return zip(form.sources[found].tolist(), form.targets[found].tolist(), strict=True)


def _inputs(form: "NormalForm", weights: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The inputs, leaves that are no constants, each with the first of some weights that it is multiplied by."""
    is_weight, is_input = form.marked(list(weights)), form.is_leaf & ~form.is_constant
    for sums in form.sums:
        found = (sums.terms.b >= 0) & is_weight[sums.terms.a] & is_input[sums.terms.b]
        yield from form.firsts(sums.terms.a[found], sums.terms.b[found])


@lru_cache(4096)
def indexed(label: str, letter: str) -> tuple[list[str], int]:
    """The indices and the layer of a parameter's label; no indices if it is none."""
    match = _PARAMETER.fullmatch(label)
    if match is None or match["letter"] != letter:
        return [], 0
    listed = match["listed"].split(",") if match["listed"] else list(match["digits"])
    return listed, int(match["layer"])


def _drive(bias: str) -> str:
    """The name of the drive of the neuron with this bias."""
    return f"a{bias[1:]}" if indexed(bias, "b")[0] else ""


def _name_inputs(v: Value, labels: dict[Value, str]) -> str:
    """Name the inputs of a neuron by its weights; the name of its drive."""
    half = len(v._prev) // 2
    for w, x in zip(v._prev[:half], v._prev[half:-1], strict=True):
        indices, layer = indexed(labels.get(w, ""), "w")
        if len(indices) == 2 and x.is_leaf and not x.is_constant:
            labels.setdefault(x, f"x_{indices[1]}^({layer - 1})")
    return _drive(labels.get(v._prev[-1], ""))


def _weight(v: Value, labels: dict[Value, str]) -> bool:
    """Whether it is a product with a weight."""
    return v.op is ops.multiply and any([indexed(labels.get(factor, ""), "w")[0] for factor in v._prev])


def _is_function(v: Value) -> bool:
    return len(v._prev) == 1 and _is_word(v.op)


def _is_word(op: Op) -> bool:
    return op.name.partition("[")[0].isidentifier() and op not in (ops.negative, ops.positive)


def common_label(labels: Sequence[str], most: int) -> str:
    """What labels have in common: w^(1) of w_11^(1), w_12^(1), …, or up to ``most`` of the kind, w^(1), u^(1); one label is itself."""
    distinct = dict.fromkeys(labels)
    if len(distinct) == 1 or "" in distinct:
        return labels[0] if len(distinct) == 1 else ""
    stems = {
        (next(scripts(label), ("", 0))[0], "".join(f"^{text}" for text, height in scripts(label) if height > 0))
        for label in _without_indices(distinct)
    }
    are_alike = len(stems) == 1 or (len(stems) <= most and len({raised for _, raised in stems if raised}) == 1)
    return ", ".join(sorted([base + raised for base, raised in stems], reverse=True)) if are_alike else ""


def _without_indices(labels: Iterable[str]) -> Collection[str]:
    """Labels with one index in place of all others: few of them are different, so that few must be read piece by piece."""
    known = list(labels)
    found = _INDEX.sub("_0", "\0".join(known)).split("\0")
    return set(found) if len(found) == len(known) else known
