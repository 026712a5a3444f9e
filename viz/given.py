"""``X`` and ``y`` as people have them, lists, arrays, data frames, labels that are words, as rows of numbers and numbers of classes.

How they are read is ``nn``'s affair, which is imported when there is something to read: ``import viz`` stays small.
"""

from collections.abc import Sequence
from typing import Any


def pair(data: Any) -> tuple[Any, Any]:
    """X and y of a data set or of a pair; TypeError for anything else."""
    if hasattr(data, "X") and hasattr(data, "y"):
        return data.X, data.y
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return data[0], data[1]
    raise TypeError(f"data must have X and y, or be the pair of them, got {type(data).__name__}")


def rows(X: Any, model: Any = None) -> list[list[float]]:
    """Rows of finite numbers, of the same length but for a model of sequences.

    >>> rows([[0, 1], (1, 2)])
    [[0.0, 1.0], [1.0, 2.0]]
    """
    from nn import samples

    return samples.rows(X, model=model if hasattr(model, "takes_sequences") else None)


def samples(X: Any, y: Any, model: Any) -> tuple[list[list[float]], list[Any]]:
    """Rows, and for each what is wanted: a number, a label or a list of numbers; ValueError if there are not as many."""
    found, wanted = rows(X, model), labels(y)
    if len(found) != len(wanted):
        raise ValueError(f"X and y must have the same length, got {len(found)} rows and {len(wanted)} targets")
    return found, wanted


def entries(table: Any) -> list[Any]:
    """What the rows of a list, an array or a data frame hold, whatever it is."""
    from nn import samples

    return samples.entries(table, "X")


def labels(y: Any) -> list[Any]:
    """What ``y`` holds for each sample: a number, a label or a list of numbers."""
    from nn import classes

    return classes.labels(y)


def class_names(y: Sequence[Any], model: Any) -> Sequence[Any] | None:
    """The labels that class numbers stand for: those the model learnt, else those of ``y``; None where ``y`` holds numbers."""
    from nn.classes import classes_of

    known: Sequence[Any] | None = getattr(model, "classes", None)
    return known or classes_of(y)


def numbers(y: Sequence[Any], model: Any) -> list[Any]:
    """The targets as a loss takes them: a float for each sample, that of its class for a label, or a list of floats."""
    from nn.classes import numbered
    from nn.samples import targets

    names = class_names(y, model)
    return targets(y) if names is None else list(numbered(y, tuple(names)))


def class_numbers(y: Sequence[Any], model: Any, outputs: int) -> list[int] | None:
    """The number of each sample's class, of -1 and 1 as 0 and 1; None where ``y`` holds numbers to be hit, not classes.

    >>> class_numbers([-1, 1, 1], None, 1), class_numbers(["b", "a"], None, 1), class_numbers([0.5, 2.0], None, 1)
    ([0, 1, 1], [1, 0], None)
    """
    from nn.classes import argmax, is_labelled

    wanted = numbers(y, model)
    if class_names(y, model) is None and not is_labelled(wanted, outputs):
        return None
    return [argmax(t) if isinstance(t, list) else int(max(t, 0.0)) for t in wanted]
