"""Numbers of many leaves at once, read and written past the properties that tell who is listening: of 100,000 in 3 instead of 12 ms.

Plain loops, which Python 3.11 specialises: ``map`` with an ``attrgetter`` or a slot's ``__set__`` takes three to seven times as long. A
list that is counted or stays empty takes two thirds of a set.
"""

from collections.abc import Sequence
from typing import Any

from autograd.value import LEAF, Value


def are_plain(values: Sequence[object]) -> bool:
    """Whether there are any, and all are of the class ``Value`` itself."""
    return [*map(type, values)].count(Value) == len(values) > 0


def are_parameters(values: Sequence[Any]) -> bool:
    """Whether there are any, all of them Values, made by no op and no constants."""
    try:
        return len(values) > 0 and not [v for v in values if v.op is not LEAF]
    except AttributeError:  # no Value
        return False


def numbers(values: Sequence[Value]) -> list[float]:
    """What ``data`` gives of each."""
    return [v._data for v in values] if are_plain(values) else [v.data for v in values]


def assign(values: Sequence[Value], numbers: Sequence[float], slopes: Sequence[float]) -> None:
    """Give each its ``data`` and its ``grad``, floats both."""
    if are_plain(values):
        for v, number, slope in zip(values, numbers, slopes, strict=True):
            v._data, v.grad = number, slope
    else:
        for v, number, slope in zip(values, numbers, slopes, strict=True):
            v.data, v.grad = number, slope
