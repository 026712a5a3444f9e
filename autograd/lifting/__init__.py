"""``lift``: a copy of somebody's module or function, written for floats, that takes Values.

A module's source is run again, as a module of its own, with other builtins: an ``__import__`` that hands out ``autograd.math`` for
``math`` and copies of the package's own modules, a ``float`` and an ``isinstance`` that let Values pass, a ``round`` with a slope.
Comparisons for equality and the like are calls in it (``source``). Nothing that anybody else has imported is touched. A function is
copied with the globals that it sees.

Not done: no algorithm is translated, so what leaves Python (C extensions, NumPy arrays of floats, ``struct``, ``decimal``) refuses
Values with an error of its own, in the line where it is called.
"""

from collections.abc import Iterable
from types import FunctionType, ModuleType
from typing import Any

from autograd.ops import describe

ROUNDINGS = ("pass", "zero")


def lift(target: Any, *, deep: bool = True, also: Iterable[str] = (), rounding: str = "pass") -> Any:
    """A copy of a pure-Python module (itself or its name) or function, written for floats, that takes Values too.

    ``math``, however it is imported, ``float``, ``int``, ``round``, ``abs``, ``pow``, ``divmod``, ``sum``, ``min``, ``max`` and
    ``isinstance(x, (int, float))`` or ``numbers.Real`` understand Values in it; on plain numbers it does what the original does. The
    original and everyone else's import of it stay as they are. With ``deep`` the modules of the same package that it imports are lifted
    with it; ``also`` names others, of the standard library too. ``int`` and branches are structure, as everywhere.

    ``round(x, n)`` of a Value has slope 1 in it ("pass"): such rounding is for display. ``rounding="zero"`` gives it the slope 0
    that it has. Arithmetic is that of Values, so inf or nan where floats raise; but a division inside a ``try`` that catches
    ZeroDivisionError raises it. ``==``, ``in``, ``match`` and ``type(x) is float`` see a Value as its number; as a key of a dict or set
    it is itself. What Python compares by itself, the ``==`` of a dataclass and the order of tuples that tie, takes two Values of the
    same number for different ones unless it is compiled. A function that does such a thing and whose source cannot be read is refused,
    with the line. A function, unlike a module, sees the globals of when it was lifted, and classes among them as they are.

    TypeError for what is not made of Python code, ValueError for an unknown ``rounding``; ModuleNotFoundError for a name that is not
    installed.

    >>> import autograd
    >>> colorsys = autograd.lift("colorsys")
    >>> autograd.grad(lambda red: colorsys.rgb_to_hls(red, 0.5, 0.25)[1])(1.0)
    0.5
    >>> import math
    >>> def pendulum(length):
    ...     return round(2 * math.pi * math.sqrt(length / 9.81), 3)
    >>> autograd.lift(pendulum)(autograd.Value(1.0)).data
    2.006
    """
    if rounding not in ROUNDINGS:
        raise ValueError(f"rounding must be one of {', '.join(ROUNDINGS)}, got {rounding!r}")
    from autograd.lifting.copies import (
        Lifting,  # and with it ast and inspect, which would lengthen the import of autograd by half
    )

    if isinstance(target, FunctionType):
        return Lifting(target.__module__ or "", deep, also, rounding).function(target)
    name = target.__name__ if isinstance(target, ModuleType) else target
    if not isinstance(name, str):
        raise TypeError(f"lift needs a module, the name of one, or a Python function, got {describe(target)}")
    return Lifting(name, deep, also, rounding).module(name)
