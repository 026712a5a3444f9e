"""Comparisons that stay part of the graph, and what a rule hands over where one holds."""

import threading
from typing import TYPE_CHECKING, Any, final

from autograd import ops
from autograd.modes import modes
from autograd.ops import Number, describe

if TYPE_CHECKING:
    from autograd.value import Value


@final
class Condition:
    """A comparison of Values: behaves and prints as a bool, and stays symbolic inside ``where``.

    Combine conditions with ``&``, ``|``, ``^`` and ``~``: ``and``, ``or`` and ``not`` turn them into bools.

    >>> from autograd import Value
    >>> x = Value(2.0)
    >>> x > 1
    True
    >>> ~((x > 1) & (x < 3))
    False
    """

    __slots__ = ("node",)

    def __init__(self, node: "Value") -> None:
        self.node = node

    def __bool__(self) -> bool:
        if modes:
            mode = modes.get(threading.get_ident())
            if mode is not None and mode.on_branch is not None:
                mode.on_branch(self.node)
        return self.node._data != 0.0

    def __repr__(self) -> str:
        return repr(self.node._data != 0.0)

    def __eq__(self, other: object) -> bool:
        return bool(self) == other

    def __hash__(self) -> int:
        return hash(bool(self))

    def __int__(self) -> int:
        return int(bool(self))

    __index__ = __int__

    def __add__(self, other: Any) -> Any:
        return int(self) + other

    __radd__ = __add__

    # Beside a Value the Value computes, and the condition stays symbolic.
    def __sub__(self, other: Any) -> Any:
        return int(self) - int(other) if isinstance(other, (int, Condition)) else NotImplemented

    def __rsub__(self, other: Any) -> Any:
        return other - int(self) if isinstance(other, int) else NotImplemented

    def __mul__(self, other: Any) -> Any:
        return int(self) * int(other) if isinstance(other, (int, Condition)) else NotImplemented

    __rmul__ = __mul__

    def __neg__(self) -> int:
        return -int(self)

    def __and__(self, other: Any) -> "Condition":
        return Condition(ops.both(self.node, _truth(other)))

    __rand__ = __and__

    def __or__(self, other: Any) -> "Condition":
        return Condition(ops.either(self.node, _truth(other)))

    __ror__ = __or__

    def __xor__(self, other: Any) -> "Condition":
        node = _truth(other)
        return Condition(ops.both(ops.either(self.node, node), ops.negation(ops.both(self.node, node))))

    __rxor__ = __xor__

    def __invert__(self) -> "Condition":
        return Condition(ops.negation(self.node))

    def _select(self, a: Number, b: Number) -> "Value":
        return self.node._select(a, b)

    def _gate(self, g: Number, holds: bool) -> "Gated":
        return self.node._gate(g, holds)

    def _demanded(self) -> bool:
        """Whether it holds; a compiler that records is told that anything else is an error."""
        self.node.is_demanded = True
        return bool(self)


def settled(condition: Any, fact: object) -> None:
    """Tell a compiler that records that this condition holds because a number was read off: at other numbers another fact holds."""
    if isinstance(condition, Condition):
        condition.node.fact = fact
        bool(condition)


def _truth(x: object) -> Any:
    if isinstance(x, Condition):
        return x.node
    if isinstance(x, bool) or type(x).__name__ == "bool_":
        return float(bool(x))
    raise TypeError(
        f"&, | and ^ between conditions need a condition, got {describe(x)}; write comparisons in parentheses: (a > 0) & (b > 0)"
    )


@final
class Gated:
    """A contribution that exists only where a condition holds: what the rule of ``where`` answers when asked symbolically."""

    __slots__ = ("condition", "value")

    def __init__(self, condition: "Value", value: "Value") -> None:
        self.condition, self.value = condition, value
