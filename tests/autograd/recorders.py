"""What is no Value and records ops all the same: numbers with Python's operators, and lanes of them.

Glossary::

    recorder  whatever ops record themselves on: it has a ``_record``
    lanes     a number at each of many points, as one recorder: a recorded graph at all of them costs a tenth of so many recordings
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import Op, Value, ops
from autograd.compiler.targets.numpy import EXACT


class Recorder:
    """Python's arithmetic as ops."""

    _record: Callable[..., Any]


def _method(op: Callable[..., Any], *, turned: bool = False) -> Callable[..., Any]:
    return (lambda self, other: op(other, self)) if turned else (lambda self, *others: op(self, *others))


_BINARY = {"add": ops.add, "sub": ops.subtract, "mul": ops.multiply, "truediv": ops.divide, "mod": ops.modulo}
for _name, _op in (_BINARY | {"floordiv": ops.floor_divide, "pow": ops.power}).items():
    setattr(Recorder, f"__{_name}__", _method(_op))
    setattr(Recorder, f"__r{_name}__", _method(_op, turned=True))
for _name, _op in {"neg": ops.negative, "pos": ops.positive, "abs": ops.absolute}.items():
    setattr(Recorder, f"__{_name}__", _method(_op))


class Lanes(Recorder):
    """A number at each of many points."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = np.asarray(numbers, dtype=float)

    @staticmethod
    def _record(op: Op, operands: Sequence[Any]) -> "Lanes":
        # What NumPy does not compute as Python does is called for one point after the other.
        function = EXACT.get(op) or np.frompyfunc(op.value, len(operands), 1)
        with np.errstate(all="ignore"):
            return Lanes(function(*[x.numbers if isinstance(x, Lanes) else x for x in operands]))

    def _select(self, a: Any, b: Any) -> Any:
        return ops.select(self, a, b)

    def _gate(self, g: Any, holds: bool) -> Any:
        return ops.select(self, g, 0.0) if holds else ops.select(self, 0.0, g)

    def __bool__(self) -> bool:
        """Whether it is not 0 at some point."""
        return bool(self.numbers.any())


_CONDITIONS = {
    "lt": ops.less,
    "le": ops.less_equal,
    "gt": ops.greater,
    "ge": ops.greater_equal,
    "and": ops.both,
    "or": ops.either,
}
for _name, _op in _CONDITIONS.items():
    setattr(Lanes, f"__{_name}__", _method(_op))
Lanes.__invert__ = _method(ops.negation)  # type: ignore[attr-defined]


def numbers_at(points: Sequence[Sequence[float]], leaves: Sequence[Value], order: Sequence[Value]) -> dict[Value, Any]:
    """The number of each node of a recorded graph, in topological order, when its leaves are at these points."""
    found: dict[Value, Any] = {leaf: Lanes(column) for leaf, column in zip(leaves, zip(*points, strict=True), strict=True)}
    for node in order:
        if node not in found:
            operands = [found[v] for v in node._prev]
            is_same = not any([isinstance(x, Lanes) for x in operands])
            found[node] = node.data if is_same else Lanes._record(node.op, operands)
    return found
