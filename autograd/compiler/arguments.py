"""Numbers that a function is recorded at, and what ops make of them: Values that are no keys, as long as they are recorded.

The identity of a Value is never found where its number is: ``{3.0: 5.0}.get(x)`` would be None at every number, and found by its number
a cache would give a constant where there is a derivative. So these refuse to be hashed, by a class of their own: a hash in Python for
all Values makes recording take twice as long.
"""

import sys
import threading
from collections.abc import Iterable
from types import CellType, FunctionType
from typing import Any, final

from autograd import value
from autograd.modes import call_site, is_recorded, modes
from autograd.value import Value


@final
class Argument(Value):
    """A number that a function is recorded at, or a result of one; ``settle`` makes plain Values of them."""

    __slots__ = ()
    __eq__ = Value.__eq__

    def __hash__(self) -> int:
        mode = modes.get(threading.get_ident()) if modes else None
        if mode is not None and mode.on_read is not None and _asking() not in ("autograd", "nn", "viz"):
            refused = (
                f"a number as a key of a dict or set, or as an argument of a function with a cache, at {call_site()}: a compiled function "
                "cannot look numbers up. Use int(x) or round(x) as a key, compare with ==, or call the function without its cache"
            )
            if mode.on_key is not None:
                mode.on_key(refused)  # heard of even where somebody catches the error
            raise TypeError(refused)
        return object.__hash__(self)

    def __repr__(self) -> str:
        if is_recorded():
            self._as_text()
        return super().__repr__()


def _asking() -> str:
    """The package that asks for a hash; a dict with weak keys asks for somebody."""
    frame = sys._getframe(2)
    while (name := frame.f_globals.get("__name__", "")) == "weakref" and frame.f_back is not None:
        frame = frame.f_back
    return str(name).partition(".")[0]


_GLOBALS: dict[str, Any] = vars(value) | {"Value": Argument}


def _giving_arguments(method: FunctionType) -> FunctionType:
    """The same code, of which the results are Arguments: what it calls ``Value`` is this class. So it takes no longer."""
    cells = [
        CellType(_giving_arguments(cell.cell_contents)) if _is_of_value(cell.cell_contents) else cell
        for cell in method.__closure__ or ()
    ]
    code = method.__code__.replace()  # of its own, which Python specialises for this class: one for both made eager passes slower
    return FunctionType(code, _GLOBALS, method.__name__, method.__defaults__, tuple(cells))


def _is_of_value(thing: Any) -> bool:
    return isinstance(thing, FunctionType) and thing.__globals__ is vars(value)


for _name, _method in vars(Value).items():
    if _is_of_value(_method) and _method.__closure__:  # made for an op
        setattr(Argument, _name, _giving_arguments(_method))
value._spreading = Argument


def settle(roots: Iterable[Value]) -> None:
    """Make plain Values of the Arguments among these and what they rest on."""
    stack: list[Any] = [v for v in roots if type(v) is Argument]
    while stack:
        v = stack.pop()
        v.__class__ = Value
        operands = v._a if type(v._a) is tuple else (v._a, v._b)
        stack += [operand for operand in operands if type(operand) is Argument]
