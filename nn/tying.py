"""``tie``: two parts of a network made to share their parameters.

A shared parameter is one Value that stands in two places; its gradient is the sum of what reaches it from both, and nothing else
has to know. For single weights an assignment does it, ``neuron.w[1] = other.w[0]``; here are whole layers and lists of weights.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, final

from autograd import Value
from nn.module import Module

Place = tuple[str, Value, Callable[[Value], None]]


def tie(part: Any, to: Any) -> None:
    """Make the parameters of ``part`` those of ``to``, one by one: two modules, or two nested lists of parameters.

    ``part`` is changed in place; its own parameters are given up. Make optimizers afterwards. ValueError, with nothing changed,
    if the two differ in their sizes; TypeError for anything else than a module or a list of parameters.

    >>> from nn import Conv2d, Sequential
    >>> first, second = Conv2d(2, 2, 3, padding=1, seed=0), Conv2d(2, 2, 3, padding=1, seed=1)
    >>> tie(second, first)
    >>> len(Sequential(first, second).parameters()), len(first.parameters())
    (38, 38)
    """
    own, others = list(_places(part)), list(_places(to))
    for name, given, found in (("part", part, own), ("to", to, others)):
        if not found:
            raise TypeError(f"{name} must be a module or nested lists with parameters, got {type(given).__name__} without any")
    if [name for name, *_ in own] != [name for name, *_ in others]:
        raise ValueError(f"tied parameters must have the same sizes: expected {_sizes(to)}, got {_sizes(part)}")
    for (*_, put), (_, value, _) in zip(own, others, strict=True):
        put(value)


def _places(part: Any) -> Iterator[Place]:
    """Every place of a parameter in a module or nested lists: its dotted name, what stands there, and how to put another there."""
    stack = [("", part)]
    while stack:
        name, holder = stack.pop()
        put: Callable[..., None]
        inside: list[tuple[Any, Any]]
        if isinstance(holder, Module):
            put, inside = partial(setattr, holder), list(vars(holder).items())
        elif isinstance(holder, list):
            put, inside = holder.__setitem__, list(enumerate(holder))
        else:
            continue
        yield from ((f"{name}.{key}", thing, partial(put, key)) for key, thing in inside if _is_parameter(thing))
        stack.extend((f"{name}.{key}", thing) for key, thing in reversed(inside))


def _is_parameter(thing: Any) -> bool:
    return isinstance(thing, Value) and thing.is_leaf


@final
class _Holder(Module):
    """Nested lists as a module, which knows the sizes of what it holds."""

    def __init__(self, lists: list[Any]) -> None:
        self.list = lists

    def __call__(self, x: Any) -> Any:
        return x


def _sizes(part: Any) -> str:
    """The sizes of the tensors in a module or nested lists: ``weight 2×2×3×3, bias 2``."""
    groups = (part if isinstance(part, Module) else _Holder(part)).groups()
    return ", ".join(f"{name} {'×'.join(map(str, shape)) or 1}" for name, (shape, _) in groups.items())
