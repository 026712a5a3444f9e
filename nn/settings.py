"""What settings that are numbers must be."""

import math
import operator
import random
from typing import Any

from autograd.ops import describe, real_number


def nonnegative(x: Any, name: str) -> float:
    """The number as a float; TypeError for what is no real number, ValueError if it is negative, nan or inf.

    >>> nonnegative(2, "l2")
    2.0
    """
    number = real_number(x, name)
    if not (number >= 0.0 and math.isfinite(number)):
        raise ValueError(f"{name} must be a finite number of at least 0, got {x!r}")
    return number


def seeded(seed: Any) -> random.Random:
    """A generator of its own for each seed; TypeError for what is none."""
    try:
        return random.Random(seed)
    except TypeError:
        raise TypeError(f"seed must be a whole number, got {describe(seed)}") from None


def whole(x: Any, name: str, least: int = 1) -> int:
    """The number, if it is a whole one that is large enough; ValueError for anything else."""
    try:
        is_one = not isinstance(x, bool) and operator.index(x) >= least
    except TypeError:
        is_one = False
    if not is_one:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {x!r}")
    return int(x)
