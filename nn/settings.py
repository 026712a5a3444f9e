"""What settings that are numbers must be."""

import math
from typing import Any

from autograd.ops import real_number


def nonnegative(x: Any, name: str) -> float:
    """The number as a float; TypeError for what is no real number, ValueError if it is negative, nan or inf.

    >>> nonnegative(2, "l2")
    2.0
    """
    number = real_number(x, name)
    if not (number >= 0.0 and math.isfinite(number)):
        raise ValueError(f"{name} must be a finite number of at least 0, got {x!r}")
    return number


def whole(x: Any, name: str) -> int:
    """The number, if it is a whole one of at least 1; ValueError for anything else."""
    if not hasattr(type(x), "__index__") or isinstance(x, bool) or x < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {x!r}")
    return int(x)
