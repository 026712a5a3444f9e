"""What is computed of one batch after the other: eagerly, or by what was compiled for as long as that pays.

Compiled training of one program for all batches needs none of this (see ``compiled``); here is what training by ``ways`` and by whole
batches (``whole``) have in common, since these go from batch to batch in Python.
"""

import time
from collections.abc import Sequence
from typing import Protocol, final

from autograd import Value, sum
from autograd.backward import propagate
from nn.drawing import drawing_off
from nn.recording import drawing_nothing
from nn.samples import Samples
from nn.task import Tally, Task, errors, evaluate, gradients

# Eager training is timed with so many samples.
TRIALS = 4


class Batchwise(Protocol):
    """What gives gradients of batches, and judges other samples; ``engine`` is what computes."""

    @property
    def engine(self) -> str:
        """The engine's name."""

    def gradients(self, task: Task, batch: Samples, penalised: Sequence[Value], step: int) -> Tally:
        """As ``nn.task.gradients``."""

    def evaluate(self, task: Task, data: Samples) -> Tally:
        """As ``nn.task.evaluate``."""


class Compiled(Batchwise, Protocol):
    """What records and compiles on the way; it writes nothing before all is known."""

    def count(self) -> int:
        """How many programs there are."""


@final
class Eager:
    """Plain Python."""

    engine = "eager"

    def gradients(self, task: Task, batch: Samples, penalised: Sequence[Value], step: int) -> Tally:
        """See ``Batchwise``."""
        return gradients(task, batch, penalised, step)

    def evaluate(self, task: Task, data: Samples) -> Tally:
        """See ``Batchwise``."""
        return evaluate(task, data)


@final
class WhilePaying:
    """What is compiled, until eager training takes over: where a batch with programs that are known takes longer than eagerly, where
    recording and compiling have taken as long as the whole training would, and where something cannot be recorded."""

    def __init__(self, compiled: Compiled, each: float, samples: int) -> None:
        self._compiled, self._each, self._budget = compiled, each, each * samples
        self._spent, self._now = 0.0, Eager()
        self._pays = True

    @property
    def engine(self) -> str:
        """What computes now."""
        return self._compiled.engine if self._pays else self._now.engine

    def gradients(self, task: Task, batch: Samples, penalised: Sequence[Value], step: int) -> Tally:
        """See ``Batchwise``."""
        if not self._pays:
            return self._now.gradients(task, batch, penalised, step)
        start, known = time.perf_counter(), self._compiled.count()
        try:
            tally = self._compiled.gradients(task, batch, penalised, step)
        except Exception:  # an op of the user's that raises, too many ways, a task that does more than compute
            self._pays = False
            return self._now.gradients(task, batch, penalised, step)
        took = time.perf_counter() - start
        self._spent += took
        is_slow = known == self._compiled.count() and took > self._each * len(batch.rows)
        self._pays = not is_slow and self._spent <= self._budget
        return tally

    def evaluate(self, task: Task, data: Samples) -> Tally:
        """See ``Batchwise``."""
        if self._pays:
            try:
                return self._compiled.evaluate(task, data)
            except Exception:  # as above
                self._pays = False
        return self._now.evaluate(task, data)


def seconds_eagerly(task: Task, data: Samples) -> float:
    """The seconds that the gradients of one sample take in plain Python; nothing is written."""
    batch = data.at(range(min(TRIALS, len(data.rows))))
    with drawing_nothing(task.model), drawing_off():
        start = time.perf_counter()
        propagate(sum([error for _, error in errors(task, batch, 1, {})]), 1.0)
        return (time.perf_counter() - start) / len(batch.rows)
