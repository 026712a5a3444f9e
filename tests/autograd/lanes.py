"""Recorded graphs at many points side by side, each op with the eager engine's own function: a tenth of the price of recording them anew.

Glossary::

    recorder  what can record an op, as a Value does: it has a ``_record``
    lanes     a number at each of many points, as one recorder
"""

from collections.abc import Callable
from typing import Any

from autograd import Op, ops


class Recorder:
    """Python's operators as ops."""

    _record: Callable[..., Any]


def _method(op: Op, *, turned: bool = False) -> Callable[..., Any]:
    return (lambda self, other: op(other, self)) if turned else (lambda self, *others: op(self, *others))


_BINARY = {"add": ops.add, "sub": ops.subtract, "mul": ops.multiply, "truediv": ops.divide, "mod": ops.modulo}
for _name, _op in (_BINARY | {"floordiv": ops.floor_divide, "pow": ops.power_both}).items():
    setattr(Recorder, f"__{_name}__", _method(_op))
    setattr(Recorder, f"__r{_name}__", _method(_op, turned=True))
for _name, _op in {"neg": ops.negative, "pos": ops.positive, "abs": ops.absolute}.items():
    setattr(Recorder, f"__{_name}__", _method(_op))
