"""The numbers that weights start from: intervals by name, and the generator that draws in them."""

import math
import random

from nn.activations import RECTIFIERS, Activation
from nn.settings import nonnegative, seeded

Seed = int | random.Random | None
Init = str | float | None


def reach(init: str | float, nin: int, nout: int) -> float:
    """The r of the interval [-r, r] that weights are drawn from, uniformly.

    ``"uniform"`` is micrograd's r = 1; ``"glorot"`` is √(6/(nin + nout)), after Glorot and Bengio, Understanding the difficulty
    of training deep feedforward neural networks, 2010; ``"he"`` is √(6/nin), after He, Zhang, Ren and Sun, Delving deep into
    rectifiers, 2015. A number is r itself.

    >>> reach("he", 6, 3)
    1.0
    """
    if not isinstance(init, str):
        return nonnegative(init, "init")
    reaches = {"uniform": 1.0, "glorot": math.sqrt(6 / (nin + nout)), "he": math.sqrt(6 / nin)}
    if init not in reaches:
        raise ValueError(f"unknown init {init!r}: expected one of {', '.join(reaches)}, or a number r for weights in [-r, r]")
    return reaches[init]


def generator_of(seed: Seed, init: Init) -> random.Random | None:
    """The generator to draw from; None for Python's global one, as micrograd does."""
    if seed is None and init is None:
        return None
    return seed if isinstance(seed, random.Random) else seeded(seed)


def suited_init(activation: Activation) -> str:
    """The init that keeps the scale of what passes through the activation."""
    return "he" if activation in RECTIFIERS else "glorot"


def chosen_init(activation: Activation, generator: random.Random | None, init: Init) -> str | float:
    """The given init, or the one that suits the activation."""
    if init is not None:
        return init
    return "uniform" if generator is None else suited_init(activation)
