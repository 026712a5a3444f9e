"""Layers that draw in training: dropout, noise, and the normal numbers of a variational autoencoder. When they do is in ``drawing``."""

import math
import random as generators
from collections.abc import Callable
from itertools import count
from typing import Any, final

from autograd import Value, exp, where
from autograd.ops import describe, real_number
from autograd.random import Key, normal, uniform
from nn.drawing import key
from nn.initial import Seed
from nn.module import Module, Shape, inputs, takes
from nn.settings import whole


class _Drawing(Module):
    """What layers that draw share: the seed of their numbers."""

    def __init__(self, seed: Seed) -> None:
        if seed is None or isinstance(seed, generators.Random):
            self.seed = (generators if seed is None else seed).getrandbits(32)
        elif isinstance(seed, int):
            Key(seed)  # ValueError for a negative or a huge one
            self.seed = seed
        else:
            raise TypeError(f"seed must be a whole number, a random.Random or None, got {describe(seed)}")

    def _changed(self, x: Any, change: Callable[[Value, Key], Any]) -> Any:
        """The inputs, a number or (nested) lists of them, as Values; where something is to be drawn each changed by its own key."""
        known, places = key(self.seed), count()

        def walked(x: Any) -> Any:
            if isinstance(x, (list, tuple)):
                return [walked(part) for part in x]
            v = x if isinstance(x, Value) else Value(x)
            return v if known is None else change(v, known.at(next(places)))

        return walked(x.tolist() if hasattr(x, "tolist") else x)


@final
class Dropout(_Drawing):
    """Each input with probability ``1 − p``, divided by that, else 0. Layers of one seed drop alike.

    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, Dropout: a simple way to prevent neural networks from overfitting,
    2014. It drops within ``fit`` and ``with nn.drawing(step, sample)``; elsewhere the inputs pass. ValueError for a ``p`` outside
    0 ≤ p < 1.

    >>> from nn import drawing
    >>> layer = Dropout(0.5, seed=0)
    >>> [y.data for y in layer([1.0, 2.0, 3.0])]
    [1.0, 2.0, 3.0]
    >>> with drawing(step=1):
    ...     [y.data for y in layer([1.0, 2.0, 3.0])]
    [2.0, 4.0, 0.0]
    """

    def __init__(self, p: float = 0.5, *, seed: Seed = None) -> None:
        if not 0.0 <= real_number(p, "p") < 1.0:
            raise ValueError(f"p is the share of inputs that are dropped, from 0 up to but not including 1, got {describe(p)}")
        super().__init__(seed)
        self.p = float(p)

    def __call__(self, x: Any) -> Any:
        """The inputs that are kept, in the form in which they came."""
        kept = 1.0 - self.p
        return self._changed(x, lambda v, key: v * where(uniform(key) < kept, 1.0 / kept, 0.0))

    def _out_shape(self, shape: Shape) -> Shape | None:
        """The same."""
        return shape

    def after(self, layers: int) -> "Dropout":
        """That of so many layers further on: another seed, so that it drops others."""
        return Dropout(self.p, seed=(self.seed + layers) % 2**32)

    def architecture(self) -> dict[str, Any]:
        """Class, p and seed."""
        return {"class": "Dropout", "p": self.p, "seed": self.seed}

    def __repr__(self) -> str:
        return f"Dropout({self.p:g})"


@final
class GaussianNoise(_Drawing):
    """The inputs plus normally distributed noise of this standard deviation, within ``fit`` and ``with nn.drawing(step, sample)``.

    Elsewhere the inputs pass. ValueError for a negative deviation.

    >>> from nn import drawing
    >>> with drawing(step=1):
    ...     GaussianNoise(0.1, seed=0)(5.0).data
    4.951737699056663
    """

    def __init__(self, deviation: float, *, seed: Seed = None) -> None:
        if not 0.0 <= real_number(deviation, "deviation") < math.inf:
            raise ValueError(f"deviation must be a finite number of at least 0, got {describe(deviation)}")
        super().__init__(seed)
        self.deviation = float(deviation)

    def __call__(self, x: Any) -> Any:
        """The inputs with their noise, in the form in which they came."""
        return self._changed(x, lambda v, key: normal(key, v, self.deviation))

    def _out_shape(self, shape: Shape) -> Shape | None:
        """The same."""
        return shape

    def architecture(self) -> dict[str, Any]:
        """Class, deviation and seed."""
        return {"class": "GaussianNoise", "deviation": self.deviation, "seed": self.seed}

    def __repr__(self) -> str:
        return f"GaussianNoise({self.deviation:g})"


@final
class NormalSample(_Drawing):
    """For ``size`` means m and as many logarithms of variances s, normal numbers m + e^(s/2)·z: a list of ``size`` Values.

    The reparametrisation of Kingma and Welling, Auto-encoding variational Bayes, 2014: z is drawn within ``fit`` and ``with
    nn.drawing(step, sample)``; elsewhere it is 0, and the means pass.

    >>> from nn import drawing
    >>> with drawing(step=1):
    ...     [y.data for y in NormalSample(2, seed=0)([10.0, 20.0, 0.0, -4.0])]
    [9.517376990566625, 19.912349329076115]
    """

    def __init__(self, size: int, *, seed: Seed = None) -> None:
        super().__init__(seed)
        self.size = whole(size, "size")

    def __call__(self, x: Any) -> Any:
        """The numbers drawn, or the means."""
        values = inputs(x, 2 * self.size, self)
        spreads = iter(values[self.size :])
        return self._changed(values[: self.size], lambda v, key: normal(key, v, exp(0.5 * next(spreads))))

    def _out_shape(self, shape: Shape) -> Shape | None:
        """(size,), for twice as many numbers."""
        return (self.size,) if takes(2 * self.size, shape) else None

    def architecture(self) -> dict[str, Any]:
        """Class, size and seed."""
        return {"class": "NormalSample", "size": self.size, "seed": self.seed}

    def __repr__(self) -> str:
        return f"NormalSample({self.size})"
