"""Gradients cut to a length, so that one steep place does not throw the parameters far away."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from autograd import Value, dot, sqrt, where
from autograd.ops import real_number


class Clip(NamedTuple):
    """Scales gradients, all by one factor, to a norm √Σg² of at most ``limit``; shorter ones stay as they are.

    Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, 2013. The same for floats and for Values, so
    that a recording holds it.

    >>> Clip(1.0).scaled([3.0, 4.0]), Clip(10.0).scaled([3.0, 4.0])
    ([0.6000000000000001, 0.8], [3.0, 4.0])
    """

    limit: float

    def __call__(self, square: Any) -> Any:
        """The factor, by the sum of the gradient's squares; 1.0 where nothing is to be done."""
        return self.limit / where(square > self.limit * self.limit, sqrt(square), self.limit)

    def scaled(self, gradients: Sequence[Any]) -> list[Any]:
        """The gradients, cut."""
        factor = self(dot(gradients, gradients))
        return [g * factor for g in gradients]

    def apply(self, parameters: Iterable[Value]) -> None:
        """Scale ``grad`` of the parameters."""
        found = list(parameters)
        for p, g in zip(found, self.scaled([p.grad for p in found]), strict=True):
            p.grad = g


def checked_clip(limit: float | None) -> Clip | None:
    """The clip to that norm; ValueError if it is no number above 0."""
    if limit is None:
        return None
    if not 0.0 < real_number(limit, "clip") < math.inf:
        raise ValueError(f"clip, the largest norm of the gradient, must be a finite number above 0, got {limit!r}")
    return Clip(float(limit))
