"""Random numbers that are nodes: each a pure function of a key, so that what draws is recorded, compiled and run again like the rest.

Glossary::

    key     where a number stands in the book of all random numbers: four whole numbers from 0 to 2³² − 1
    seed    which book; step: which time it is opened; sample: for whom; place: which of the numbers that are drawn there

There is no state. The same key gives the same number, eagerly, in every engine and in JavaScript and C; other keys give numbers that
have nothing to do with it. Any of the four may be a Value: a counter of steps, or the number of a sample in a lane. How bits are made is
in ``ops.drawing``.
"""

from dataclasses import dataclass, replace
from typing import final

from autograd.ops import WORD, Number, describe, operand, probit, real_number, uniform_op, where

__all__ = ["Key", "bernoulli", "normal", "uniform"]


@final
@dataclass(frozen=True)
class Key:
    """Which random number: a seed, a step, a sample and a place, each a whole number from 0 to 2³² − 1 or a Value of one.

    ValueError for another number. (A Value that comes to hold one makes nan.)

    >>> key = Key(seed=1, step=10)
    >>> uniform(key) == uniform(Key(1, 10)), uniform(key) == uniform(key.at(1))
    (True, False)
    """

    seed: Number
    step: Number = 0
    sample: Number = 0
    place: Number = 0

    def __post_init__(self) -> None:
        for name, x in vars(self).items():
            if not hasattr(type(x), "_record") and not (0.0 <= (number := real_number(x, name)) < WORD and number % 1.0 == 0.0):
                raise ValueError(f"{name} must be a whole number from 0 to 2³² − 1, got {describe(x)}")

    def at(self, place: Number) -> "Key":
        """The key of another place."""
        return replace(self, place=place)


def uniform(key: Key, low: Number = 0.0, high: Number = 1.0) -> Number:
    """A number between ``low`` and ``high``, none of which is met; one of 2⁵² that lie evenly.

    >>> uniform(Key(0)), uniform(Key(0), -1.0, 1.0)
    (0.41845711171638655, -0.1630857765672269)
    """
    if not isinstance(key, Key):
        raise TypeError(f"a random number needs a key, such as Key(seed=0), got {describe(key)}")
    drawn = uniform_op(*[x if hasattr(type(x), "_record") else float(x) for x in (key.step, key.sample, key.seed, key.place)])
    low, high = operand(low, "low"), operand(high, "high")
    return drawn if _is(low, 0.0) and _is(high, 1.0) else low + (high - low) * drawn


def normal(key: Key, mean: Number = 0.0, deviation: Number = 1.0) -> Number:
    """A normally distributed number, mean + deviation·z: differentiable by both (the reparametrisation of Kingma and Welling 2014).

    Within 16 ulp of the quantile of ``uniform(key)``, so within 8.2 deviations of the mean. ValueError for a negative deviation.

    >>> normal(Key(0))
    -0.20584213947964333
    """
    mean, deviation = operand(mean, "mean"), operand(deviation, "deviation")
    if not hasattr(type(deviation), "_record") and not deviation >= 0.0:
        raise ValueError(f"deviation must be at least 0, got {describe(deviation)}")
    z = probit(uniform(key))
    return z if _is(mean, 0.0) and _is(deviation, 1.0) else mean + deviation * z


def bernoulli(key: Key, p: Number = 0.5) -> Number:
    """1.0 with probability ``p``, else 0.0; no derivative flows to ``p``. ValueError for a p outside 0 … 1.

    >>> [bernoulli(Key(0).at(i), 0.25) for i in range(8)]
    [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    """
    if not hasattr(type(p), "_record") and not 0.0 <= real_number(p, "p") <= 1.0:
        raise ValueError(f"p must be from 0 to 1, got {describe(p)}")
    return where(uniform(key) < p, 1.0, 0.0)


def _is(x: Number, plain: float) -> bool:
    return type(x) in (float, int) and x == plain
