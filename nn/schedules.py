"""Schedules: the learning rate as a function of the step, counted from 1.

Any function will do; here are the three that people name. ``nn.fit(…, lr="cosine")`` takes one by name, over all its steps and
from the optimizer's usual rate; ``nn.Adam(parameters, lr=nn.schedules.cosine(0.05, steps=1000))`` says more.
"""

import math
from collections.abc import Callable

from nn.settings import nonnegative, whole

Schedule = Callable[[int], float]


def cosine(lr: float, steps: int) -> Schedule:
    """From ``lr`` at the first step down to 0 after the last, along half a wave of the cosine.

    Loshchilov and Hutter, SGDR: Stochastic gradient descent with warm restarts, 2017, without restarts.

    >>> [round(cosine(0.1, steps=4)(step), 3) for step in (1, 2, 3, 4, 5)]
    [0.1, 0.085, 0.05, 0.015, 0.0]
    """
    lr, steps = nonnegative(lr, "lr"), whole(steps, "steps")
    return lambda step: lr * 0.5 * (1.0 + math.cos(math.pi * min((step - 1) / steps, 1.0)))


def stepwise(lr: float, every: int, factor: float = 0.1) -> Schedule:
    """``lr``, multiplied by ``factor`` after every so many steps.

    >>> [round(stepwise(0.1, every=2)(step), 3) for step in (1, 2, 3, 4, 5)]
    [0.1, 0.1, 0.01, 0.01, 0.001]
    """
    lr, every, factor = nonnegative(lr, "lr"), whole(every, "every"), nonnegative(factor, "factor")
    return lambda step: lr * factor ** ((step - 1) // every)


def warm_up(lr: float, steps: int) -> Schedule:
    """Growing evenly to ``lr`` in so many steps, and staying there.

    >>> [round(warm_up(0.1, steps=4)(step), 3) for step in (1, 2, 3, 4, 5)]
    [0.025, 0.05, 0.075, 0.1, 0.1]
    """
    lr, steps = nonnegative(lr, "lr"), whole(steps, "steps")
    return lambda step: lr * min(step / steps, 1.0)


# By name, for a training of so many steps: two falls to a tenth, a tenth of the steps to warm up.
SCHEDULES: dict[str, Callable[[float, int], Schedule]] = {
    "cosine": cosine,
    "step": lambda lr, steps: stepwise(lr, math.ceil(steps / 3)),
    "warm-up": lambda lr, steps: warm_up(lr, max(steps // 10, 1)),
}
