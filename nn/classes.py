"""Classes: labels of any kind, the numbers that a network learns for them, and which class its scores choose.

A label is a word or any other hashable that is no number. The classes of ``y`` are its labels sorted, as scikit-learn sorts them (in
the order in which they occur where they cannot be compared), and the number of a class is its place there. Labels that are numbers
are class numbers already. What a loss demands of its targets is said in ``losses``.
"""

import json
import math
from collections.abc import Hashable, Sequence
from typing import Any

from nn.samples import Target, entries, is_number

Classes = tuple[Hashable, ...]


def classes_of(labels: Sequence[Any]) -> Classes | None:
    """The classes among the labels; None if these are numbers, or lists of numbers. TypeError for a mixture, such as a gap.

    >>> classes_of(["dog", "cat", "dog"]), classes_of([1, 0])
    (('cat', 'dog'), None)
    """
    label = next(filter(_is_label, labels), None)
    if label is None:
        return None
    for i, other in enumerate(labels):
        if not _is_label(other):
            raise TypeError(f"y[{i}] is {other!r}, but there are labels such as {label!r}: expected a label for each sample")
    found = dict.fromkeys(labels)
    try:
        return tuple(sorted(found))
    except TypeError:
        return tuple(found)


def _is_label(entry: Any) -> bool:
    if isinstance(entry, tuple):
        return any([_is_label(part) for part in entry])
    return not is_number(entry) and isinstance(entry, Hashable) and entry is not None


def labels(y: Any, name: str = "y") -> list[Any]:
    """``y`` as a list of what it holds, numbers or labels."""
    return [entry[0] if isinstance(entry, list) and len(entry) == 1 else entry for entry in entries(y, name)]


def numbered(labels: Sequence[Any], classes: Classes, name: str = "y") -> list[float]:
    """The numbers of the labels' classes; ValueError for a label that is none of them.

    >>> numbered(["dog", "cat"], ("cat", "dog"))
    [1.0, 0.0]
    """
    places = {label: float(number) for number, label in enumerate(classes)}
    for i, label in enumerate(labels):
        if not isinstance(label, Hashable) or label not in places:
            raise ValueError(f"{name}[{i}] is {label!r}: expected one of the model's classes, {', '.join(map(repr, classes))}")
    return [places[label] for label in labels]


def is_labelled(targets: Sequence[Target], outputs: int, *, shares: bool = True) -> bool:
    """Whether the targets are labels for a network with that many outputs, so that an accuracy can be counted.

    For one output the labels are 0 and 1, or -1 and 1; for several the class numbers 0, 1, …, or rows with 1 at the class's place and
    0 (or -1) elsewhere. With ``shares`` rows may also be the probabilities of the classes.
    """
    rows = [t for t in targets if isinstance(t, Sequence)]
    if rows:
        fitting = len(rows) == len(targets) and outputs > 1 and all(len(t) == outputs for t in rows)
        return fitting and all(_is_one_hot(t) or (shares and _are_shares(t)) for t in rows)
    kinds = [(0, 1), (-1, 1)] if outputs == 1 else [range(outputs)]
    found = set(targets)
    return any(all(t in kind for t in found) for kind in kinds)


def _is_one_hot(row: Sequence[float]) -> bool:
    return max(row) == 1.0 and sorted(row)[:-1] in ([0.0] * (len(row) - 1), [-1.0] * (len(row) - 1))


def _are_shares(row: Sequence[float]) -> bool:
    return min(row) >= 0.0 and math.isclose(math.fsum(row), 1.0)


def is_correct(scores: Sequence[float], target: Target, threshold: float = 0.0) -> bool:
    """Whether the scores choose the target's class: one score by its side of the threshold, several by the largest.

    >>> is_correct([0.3], 1), is_correct([0.3], -1), is_correct([0.1, 0.7, 0.2], 1)
    (True, False, True)
    """
    wanted = argmax(target) if isinstance(target, Sequence) else max(target, 0.0)
    return chosen(scores, threshold) == wanted


def chosen(scores: Sequence[float], threshold: float = 0.0) -> int:
    """The number of the class that the scores choose."""
    return int(scores[0] > threshold) if len(scores) == 1 else argmax(scores)


def argmax(numbers: Sequence[float]) -> int:
    """The place of the largest number, the first of equals."""
    return max(range(len(numbers)), key=numbers.__getitem__)


# --- In a file -----------------------------------------------------------------------------------------------------------------


def encoded(classes: Classes) -> str:
    """The classes as JSON; ValueError for one that JSON cannot hold."""
    for label in classes:
        if _decoded(label) != label:
            raise ValueError(f"the class {label!r} cannot be written to a file: classes of text, numbers or tuples of these can")
    return json.dumps(classes)


def decoded(text: str) -> Classes:
    """The classes that ``encoded`` wrote; ValueError for anything else."""
    found = json.loads(text)
    if not isinstance(found, list) or len(found) < 2 or len(dict.fromkeys(map(_decoded, found))) != len(found):
        raise ValueError(f"the classes must be a list of at least two different labels, got {text:.200}")
    return tuple(map(_decoded, found))


def _decoded(label: Any) -> Any:
    """A label with lists as tuples; None for what JSON does not know."""
    if isinstance(label, (list, tuple)):
        return tuple(map(_decoded, label))
    return label if isinstance(label, (str, int, float)) else None
