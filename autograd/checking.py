"""Numerical differentiation as a check of the engine's derivatives. It knows functions of floats only, nothing of graphs.

The difference quotients are those of ``numerical``.
"""

from collections.abc import Callable
from typing import Any

from autograd.derivatives import grad
from autograd.modes import no_grad
from autograd.numerical import five_point_slope, step_of
from autograd.ops import real_number
from autograd.trees import Tree, leaves, like
from autograd.value import Value


class GradientMismatch(AssertionError):
    """A derivative of the engine that numerical differentiation does not confirm."""


def check_gradients(f: Callable[..., Any], *at: Tree, tolerance: float = 1e-6) -> None:
    """None if the gradient of ``f`` at a point agrees with numerical differentiation; GradientMismatch if not.

    The arguments are numbers or nested lists of numbers. Numerical differentiation is the five-point central formula with steps
    of 10⁻³ times the size of the number (at least 10⁻³), whose error is about 10⁻¹² for smooth functions; ``tolerance`` is
    relative to the larger of 1 and the derivative. The error lists each argument that disagrees, with point, got and expected.
    ValueError for a tolerance below 0.

    >>> from autograd import check_gradients, sin
    >>> check_gradients(lambda x, y: sin(x) * y, 0.5, 2.0)
    """
    if not real_number(tolerance, "tolerance") >= 0.0:
        raise ValueError(f"tolerance must be at least 0, got {tolerance!r}")
    numbers = [real_number(x, "check_gradients") for x in leaves(at)]
    slopes = grad(f)(*like(at, iter(numbers)))
    got = list(leaves((slopes,)))

    def along(i: int) -> Callable[[float], float]:
        def g(x: float) -> float:
            with no_grad():
                y = f(*like(at, iter([*numbers[:i], x, *numbers[i + 1 :]])))
            return y.data if isinstance(y, Value) else real_number(y, "the result of a checked function")

        return g

    expected = [five_point_slope(along(i), x, step_of(five_point_slope, x)) for i, x in enumerate(numbers)]
    wrong = [
        f"argument {i} at {x!r}: got {a!r}, expected {b!r}"
        for i, (x, a, b) in enumerate(zip(numbers, got, expected, strict=True))
        if not abs(a - b) <= tolerance * max(1.0, abs(b))
    ]
    if wrong:
        raise GradientMismatch(f"the gradient at {at} disagrees with numerical differentiation\n  " + "\n  ".join(wrong))
