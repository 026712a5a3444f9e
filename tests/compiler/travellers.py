"""Functions that can be pickled because they are at the top level of a module."""

from typing import Any

import autograd


def hill(x: Any, y: Any) -> Any:
    """Two ways through it, by the sign of x."""
    if x > 0:
        return x * x * y
    return autograd.exp(x) + y


@autograd.compile
def area(r: Any) -> Any:
    """Made by a decorator."""
    return 3.0 * r**2
