"""Samples: ``X`` and ``y`` as users have them (nested lists, NumPy arrays, labels of any number type) as plain lists of floats.

Everything is checked here, once, before a network sees it; errors name the entry. What a loss demands of its targets (±1, class
numbers …) is said in ``losses``.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from autograd import Value

Row = list[float]
Target = float | Sequence[float]


class Samples(NamedTuple):
    """Input rows and, at the same places, their targets."""

    rows: list[Row]
    targets: list[Target]


def samples(X: Any, y: Any, names: tuple[str, str] = ("X", "y")) -> Samples:
    """``X`` and ``y`` as rows and targets of the same number; ValueError if they differ or are empty.

    >>> samples([[0, 1], [1, 1]], [True, 2.5])
    Samples(rows=[[0.0, 1.0], [1.0, 1.0]], targets=[1.0, 2.5])
    """
    found = Samples(rows(X, names[0]), targets(y, names[1]))
    if len(found.rows) != len(found.targets):
        raise ValueError(
            f"{names[0]} and {names[1]} must have the same length, got {len(found.rows)} rows and {len(found.targets)} targets"
        )
    return found


def rows(X: Any, name: str = "X") -> list[Row]:
    """``X`` as a list of rows of the same length; a number standing alone is a row of one.

    ValueError for no rows, rows of different lengths, nan or inf; TypeError for what is not a number.
    """
    found = [_numbers(row, f"{name}[{i}]") for i, row in enumerate(_listed(X, name))]
    if not found:
        raise ValueError(f"{name} is empty: expected at least one row")
    width = len(found[0])
    for i, row in enumerate(found):
        if len(row) != width or not width:
            raise ValueError(f"{name}[{i}] has {len(row)} numbers: expected {width or 'at least 1'}, as many as in {name}[0]")
    return found


def targets(y: Any, name: str = "y") -> list[Target]:
    """``y`` as a list with a float, or a list of floats, for each sample."""
    found = [_numbers(target, f"{name}[{i}]") for i, target in enumerate(_listed(y, name))]
    return [target[0] if len(target) == 1 else target for target in found]


def _listed(table: Any, name: str) -> Sequence[Any]:
    listed = table.tolist() if hasattr(table, "tolist") else table
    if isinstance(listed, (str, bytes, dict)) or not hasattr(listed, "__iter__"):
        raise TypeError(f"{name} must be a list or an array, got {type(table).__name__}")
    return list(listed)


def _numbers(entry: Any, name: str) -> list[float]:
    if hasattr(entry, "tolist"):
        entry = entry.tolist()
    if not isinstance(entry, (list, tuple)):
        return [_number(entry, name)]
    if all([type(x) is float and math.isfinite(x) for x in entry]):  # most are; names for 300 numbers would cost 0.2 ms
        return list(entry)
    return [_number(x, f"{name}[{j}]") for j, x in enumerate(entry)]


def _number(x: Any, name: str) -> float:
    try:
        number: float = Value(x).data  # the engine's rule of what is a real number
    except (TypeError, OverflowError) as error:
        raise type(error)(f"{name}: {error}") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} is {number}: expected a finite number; drop or fill such rows first")
    return number


def is_labelled(targets: Sequence[Target], outputs: int) -> bool:
    """Whether the targets are labels for a network with that many outputs, so that an accuracy can be counted.

    For one output the labels are 0 and 1, or -1 and 1; for several the class numbers 0, 1, …, or one target for each output.
    """
    numbers = [t for t in targets if isinstance(t, (int, float))]
    if not numbers:
        return all(isinstance(t, Sequence) and len(t) == outputs for t in targets)
    kinds = [(0, 1), (-1, 1)] if outputs == 1 else [range(outputs)]
    return len(numbers) == len(targets) and any(all(t in kind for t in numbers) for kind in kinds)


def is_correct(scores: Sequence[float], target: Target, threshold: float = 0.0) -> bool:
    """Whether the scores choose the target's class: one score by its side of the threshold, several by the largest.

    >>> is_correct([0.3], 1), is_correct([0.3], -1), is_correct([0.1, 0.7, 0.2], 1)
    (True, False, True)
    """
    if isinstance(target, (int, float)):
        return (scores[0] > threshold) == (target > 0) if len(scores) == 1 else argmax(scores) == target
    return argmax(scores) == argmax(target)


def argmax(numbers: Sequence[float]) -> int:
    """The place of the largest number, the first of equals."""
    return max(range(len(numbers)), key=numbers.__getitem__)
