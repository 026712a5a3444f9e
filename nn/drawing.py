"""When random numbers are drawn in training, and for which step and sample. The layers that draw are in ``noise``.

There is no switch between training and use, hence none to forget. Layers draw where a step and a sample are known: within ``fit``, which
says them for every sample, and within ``with nn.drawing(step, sample)`` in a loop of your own. Everywhere else (``predict``,
validation, exported code) they do what they do on average.

What is drawn is a pure function of the layer's seed, the step, the sample's place in the training set and the number's place in the layer
(``autograd.random``): so compiled training draws what eager training does, and training that goes on draws what it would have drawn.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, final

from autograd.random import Key


@final
@dataclass
class Draw:
    """For which step and sample is drawn, each a number or a Value; and whether anything was."""

    step: Any
    sample: Any
    is_used: bool = False


@final
@dataclass(frozen=True)
class _Inside:
    """A context: what is drawn by in it, and the one around it."""

    draw: Draw | None
    outer: "_Inside | None"


_present: ContextVar[_Inside | None] = ContextVar("_present", default=None)


def _leave(inside: _Inside) -> None:
    """See ``autograd.modes``."""
    here = _present.get()
    while here is not None and here is not inside:
        here = here.outer
    if here is not None:
        _present.set(inside.outer)


@contextmanager
def _present_is(draw: Draw | None) -> Iterator[Any]:
    inside = _Inside(draw, _present.get())
    try:
        _present.set(inside)
        yield draw
    finally:
        try:
            _leave(inside)
        except BaseException:  # Ctrl-C in the middle of it
            _leave(inside)
            raise


def _now() -> Draw | None:
    inside = _present.get()
    return inside and inside.draw


def drawing(step: Any, sample: Any = 0) -> AbstractContextManager[Draw]:
    """A context in which layers draw, for this step (``fit`` counts from 1) and this sample (``fit`` counts from 0).

    Both are whole numbers below 2³², or Values of such; TypeError or ValueError for others.

    >>> with drawing(step=1, sample=5) as draw:
    ...     key(seed=0)
    Key(seed=0, step=1, sample=5, place=0)
    >>> draw.is_used, key(seed=0)
    (True, None)
    """
    Key(0, step, sample)  # which refuses others
    return _present_is(Draw(step, sample))


def drawing_off() -> AbstractContextManager[None]:
    """A context in which nothing is drawn, also within ``drawing``."""
    return _present_is(None)


def is_drawing() -> bool:
    """Whether a step and a sample are known: whether this is training."""
    return _now() is not None


def key(seed: int) -> Key | None:
    """The key of this seed for the step and sample at hand, for layers of your own; None where nothing is to be drawn."""
    draw = _now()
    if draw is None:
        Key(seed)  # a seed that is none is refused here too
        return None
    draw.is_used = True
    return Key(seed, draw.step, draw.sample)
