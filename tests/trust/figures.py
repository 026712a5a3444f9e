"""What a row of the table of trust is: a property, tried on many cases, with the worst figure that was found and the bar it must keep.

Glossary::

    trial     one case: its figure, how many single comparisons it stands for, and how to say which case it is
    figure    how wrong the case is: an error in ulp, a share of an error bound, a number of disagreements
    bar       the largest figure allowed
    seconds   of processors: what the row's process and its children took
    quick     how many cases the test suite tries; full: how many ``python -m tests.trust --full`` tries

Cases are seeded: the same ones in every run. Nothing here knows what is tested.
"""

import math
import os
import shutil
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import NamedTuple


class Trial(NamedTuple):
    """One case."""

    figure: float
    case: Callable[[], str]
    cases: int = 1


@dataclass(frozen=True)
class Row:
    """One property."""

    theme: str
    name: str
    trials: Callable[[int], Iterator[Trial]]
    quick: int
    full: int
    bar: float = 0.0
    unit: str = "disagreements"
    kin: str = ""  # rows of one kin are tried in one process, one after the other, for what they have in common

    def __str__(self) -> str:
        return f"{self.theme}: {self.name}"


def only_with(needed: str, quick: int, full: int) -> tuple[int, int]:
    """How many cases to try, none where this module of Python or program is not installed: its row of the page stays then."""
    return (quick, full) if find_spec(needed) or shutil.which(needed) else (0, 0)


@dataclass(frozen=True)
class Outcome:
    """What came of a row; ``where`` says which case breaks the bar, if one does, or which error kept the row from its end."""

    row: Row
    cases: int
    worst: float
    where: str
    seconds: float

    @property
    def is_kept(self) -> bool:
        """Whether the bar is kept, and by at least one case."""
        return self.cases > 0 and self.worst <= self.row.bar


def processor_seconds() -> float:
    """What this process and the children that it has waited for have taken."""
    return sum(os.times()[:4])


def outcome(row: Row, *, full: bool = False) -> Outcome:
    """Try all cases of a row; an error breaks the row."""
    start = processor_seconds()
    cases, worst, where = 0, Trial(0.0, str), ""
    try:
        for trial in row.trials(row.full if full else row.quick):
            cases += trial.cases
            if not trial.figure <= worst.figure:  # nan is worse than anything
                worst = trial
        where = "" if worst.figure <= row.bar else worst.case()
    except Exception:
        worst, where = Trial(math.inf, str), traceback.format_exc()
    return Outcome(row, cases, worst.figure, where, processor_seconds() - start)


def is_caught(row: Row, count: int) -> bool:
    """Whether one of the first cases of a row breaks its bar, or cannot be computed at all."""
    try:
        return any(not trial.figure <= row.bar for trial in row.trials(count))
    except Exception:
        return True
