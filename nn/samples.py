"""Samples: ``X`` and ``y`` as users have them (nested lists, arrays, data frames and series) as plain lists of floats.

Everything is checked here, once, before a network sees it; errors name the entry, or the column. How other libraries' tables are
read is in ``frames``, labels that are no numbers in ``classes``; what a loss demands of its targets (±1, class numbers …) in
``losses``.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple, Protocol

from autograd import Value, no_grad
from autograd.ops import describe, real_number
from nn import frames
from nn.frames import Column

Row = list[float]
Target = float | Sequence[float]


class Taker(Protocol):
    """What rows are for: a model; those of one that ``takes_sequences`` may differ in length."""

    @property
    def takes_sequences(self) -> bool:
        """Whether they may."""

    def __call__(self, x: Any) -> Any:
        """The output for a row."""


class Samples(NamedTuple):
    """Input rows and, at the same places, their targets, and how much each counts (None: all the same).

    ``places`` says where they stood in what they were taken from.
    """

    rows: list[Row]
    targets: list[Target]
    weights: list[float] | None = None
    places: Sequence[int] | None = None

    def at(self, places: Sequence[int]) -> "Samples":
        """The samples at these places."""
        weights = None if self.weights is None else [self.weights[i] for i in places]
        return Samples([self.rows[i] for i in places], [self.targets[i] for i in places], weights, places)

    def sample(self, i: int) -> tuple[Row, Target, float | None]:
        """Row, target and weight of one sample."""
        return self.rows[i], self.targets[i], None if self.weights is None else self.weights[i]

    def each(self) -> Iterator[tuple[Row, Target, float | None]]:
        """Row, target and weight of one sample after the other."""
        return zip(self.rows, self.targets, self.weights or repeat(None), strict=False)


def samples(X: Any, y: Any, names: tuple[str, str] = ("X", "y"), model: "Taker | None" = None) -> Samples:
    """``X`` and ``y`` as rows and targets of the same number; ValueError if they differ or are empty. The model as for ``rows``.

    >>> samples([[0, 1], [1, 1]], [True, 2.5])
    Samples(rows=[[0.0, 1.0], [1.0, 1.0]], targets=[1.0, 2.5], weights=None, places=None)
    """
    found = Samples(rows(X, names[0], model), targets(y, names[1]))
    if len(found.rows) != len(found.targets):
        raise ValueError(
            f"{names[0]} and {names[1]} must have the same length, got {len(found.rows)} rows and {len(found.targets)} targets"
        )
    return found


def rows(X: Any, name: str = "X", model: "Taker | None" = None) -> list[Row]:
    """``X`` as a list of rows; a number standing alone is a row of one, a data frame's columns are the inputs.

    They have the same length, but for a ``model`` that takes sequences: that is tried with the first row of each length. ValueError for
    no rows, rows of other lengths, nan or inf; TypeError for what is not a number.
    """
    found = _table(X, name)
    if not found:
        raise ValueError(f"{name} is empty: expected at least one row")
    width, is_for_sequences = len(found[0]), model is not None and model.takes_sequences
    for i, row in enumerate(found):
        if not row or (len(row) != width and not is_for_sequences):
            hint = "" if model is None or not row else f" ({type(model).__name__} has no takes_sequences)"
            raise ValueError(
                f"{name}[{i}] has {len(row)} numbers: expected {width or 'at least 1'}, as many as in {name}[0]{hint}"
            )
    if model is not None and is_for_sequences:
        _try_lengths(model, found, name)
    return found


def by_length(rows: Sequence[Row]) -> dict[int, list[int]]:
    """Where the rows of each length stand.

    >>> by_length([[1.0], [1.0, 2.0], [3.0]])
    {1: [0, 2], 2: [1]}
    """
    found: dict[int, list[int]] = {}
    for i, row in enumerate(rows):
        found.setdefault(len(row), []).append(i)
    return found


def _try_lengths(model: "Taker", rows: list[Row], name: str) -> None:
    """ValueError with the model's own words for a row of a length that it does not take."""
    lengths = by_length(rows)
    if len(lengths) == 1:
        return
    with no_grad():
        for i, *_ in lengths.values():
            try:
                model(rows[i])
            except Exception as error:
                raise ValueError(
                    f"{name}[{i}] has {len(rows[i])} numbers, another length than {name}[0], and: {error}"
                ) from error


def targets(y: Any, name: str = "y") -> list[Target]:
    """``y`` as a list with a float, or a list of floats, for each sample."""
    return [target[0] if len(target) == 1 else target for target in _table(y, name)]


def entries(table: Any, name: str) -> list[Any]:
    """What the rows of a list, an array, a series or a data frame hold, as Python objects; a frame's rows are lists."""
    columns = frames.columns(table)
    if columns is not None:
        return [list(row) for row in zip(*[column.entries for column in columns], strict=True)]
    listed = frames.listed(table)
    if isinstance(listed, (str, bytes, dict, set, frozenset)) or not hasattr(listed, "__iter__"):
        raise TypeError(f"{name} must be a list, an array or a data frame, got {type(table).__name__}")
    return list(listed)


def is_number(entry: Any) -> bool:
    """Whether the engine takes it as a real number."""
    kind = type(entry)
    try:
        (float if kind is int or kind is float else Value)(entry)
    except (TypeError, OverflowError):
        return False
    return True


def _table(table: Any, name: str) -> list[list[float]]:
    columns = frames.columns(table)
    if columns is None:
        found = entries(table, name)
        return _floats(found) or [_numbers(row, f"{name}[{i}]") for i, row in enumerate(found)]
    numbers = [_column(column, name) for column in columns]
    return [list(row) for row in zip(*numbers, strict=True)]


def _column(column: Column, name: str) -> list[float]:
    text = next((entry for entry in column.entries if isinstance(entry, str)), None)
    if text is not None:
        raise TypeError(f"{name}: the column {column.name!r} holds text ({text!r}): encode it as numbers, or leave it out")
    return _numbers(column.entries, f"{name}: the column {column.name!r}, entry ")


def _floats(table: Sequence[Any]) -> list[list[float]] | None:
    """A table that needs no closer look, as most: lists of floats and whole numbers, and finite since their sum is. None for any other.

    To name each of 100 rows and to look at each number would cost 0.3 ms.
    """
    rows = [list(entry) if type(entry) is list else [entry] for entry in table]
    numbers = [*chain.from_iterable(rows)]
    kinds = set(map(type, numbers))
    try:
        if not kinds <= {float, int} or not math.isfinite(sum(numbers)):
            return None
        return [[*map(float, row)] for row in rows] if int in kinds else rows
    except OverflowError:  # a whole number beyond all floats
        return None


def _numbers(entry: Any, name: str) -> list[float]:
    entry = frames.listed(entry)
    if isinstance(entry, dict):
        raise TypeError(f"{name} must be a row of numbers, got {describe(entry)}; list(row.values()) is one, if they are numbers")
    if not isinstance(entry, (list, tuple)):
        return [_number(entry, name)]
    return [_number(x, f"{name}[{j}]") for j, x in enumerate(entry)]


def _number(x: Any, name: str) -> float:
    if isinstance(x, Value):
        raise TypeError(
            f"{name} must be a number, got {describe(x)}: give its .data; networks make Values of their inputs themselves"
        )
    if isinstance(x, (list, tuple)) or getattr(x, "shape", ()) != ():
        raise TypeError(f"{name} must be a number, got {describe(x)}: the row of a sample is flat")
    number = real_number(x, name)
    if not math.isfinite(number):
        raise ValueError(f"{name} is {number}: expected a finite number; drop or fill such rows first")
    return number
