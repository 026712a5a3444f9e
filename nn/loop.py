"""The loop over epochs: eager or compiled steps, and between them history, callbacks, progress, Ctrl-C and the best weights.

What a step computes is in ``task`` and ``compiled``; what is checked before the first one in ``training``.
"""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, final

from autograd import Value
from autograd.compiler import leaves
from autograd.labels import plain_name
from nn.batch import kept_numbers
from nn.batchwise import Batchwise, Eager
from nn.compiled import CompiledTraining
from nn.history import History
from nn.optim import Optimizer
from nn.progress import Bar
from nn.recorded import together
from nn.samples import Samples
from nn.stopping import Stopping
from nn.task import Tally, Task

if TYPE_CHECKING:
    from autograd.compiler.training import Outcome

# A compiled loop returns to Python about this often: for the progress bar and for Ctrl-C.
STRETCH_SECONDS = 0.05

Callback = Callable[[int, History], object]


class Plan(NamedTuple):
    """What one training goes through: the samples and those held out, the size of a batch, and when it ends."""

    data: Samples
    held_out: Samples | None
    size: int
    epochs: int
    generator: random.Random | None
    callbacks: Sequence[Callback]
    stopping: Stopping

    @property
    def is_watched(self) -> bool:
        """Whether something has to be done after every epoch."""
        return self.has_callbacks or bool(self.held_out)

    @property
    def has_callbacks(self) -> bool:
        """Whether a callback may do more than to look now and then: change something, or count epochs."""
        return any([not getattr(callback, "only_looks", False) for callback in self.callbacks])


@final
class Training:
    """One run of ``fit``: its history, and the best weights so far."""

    def __init__(self, task: Task, plan: Plan, parameters: list[Value], learning: list[Value], bar: Bar) -> None:
        self.task, self.plan, self.bar = task, plan, bar
        self.learning, self.penalised = learning, parameters
        self.weights = [*together(parameters, learning), *kept_numbers(task.model)]
        self.optimizer: Optimizer | None = None
        self.batchwise: Batchwise = Eager()
        self.history = History()
        self.lowest = math.inf
        self.best: Any = leaves.numbers(self.weights)  # floats, or an array of them

    def run(self, train: Callable[["Training"], object]) -> History:
        """Train for all epochs, or until patience, a callback, Ctrl-C or the solver itself says otherwise."""
        history = self.history
        try:
            train(self)
            history.kept_epoch = history.epochs
            if self.plan.stopping.restore_best:
                self.restore()
        except KeyboardInterrupt:
            history.interrupted = True
            self.bar.say(self.keep_best())
        except FloatingPointError:
            self.restore()
            raise
        return history

    def run_batchwise(self, optimizer: Optimizer, batchwise: Batchwise) -> None:
        """Train epoch by epoch in plain Python; only what is computed of a batch may come from elsewhere."""
        self.optimizer, self.batchwise = optimizer, batchwise
        for epoch in range(self.history.epochs + 1, self.plan.epochs + 1):
            tally = self.epoch(epoch, optimizer)
            self.history.engine = batchwise.engine
            self.note(tally)
            if self.is_over():
                break

    def run_compiled(self, compiled: CompiledTraining) -> bool:
        """Train by stretches of epochs; of one epoch each if someone wants to look in between.

        Returns whether there is more to be done, eagerly: a callback has changed what the recording holds as it was.
        """
        history, plan = self.history, self.plan
        history.engine, self.optimizer = compiled.engine, compiled.optimizer
        n, stretch = len(plan.data.rows), 1
        steps = math.ceil(n / plan.size)
        lowest, best = math.inf, None
        if self.weights == compiled.optimizer.params:
            compiled.start(self.best)  # which are read once: 100,000 in 9 ms
        try:
            while history.epochs < plan.epochs:
                count = 1 if plan.is_watched else min(stretch, plan.epochs - history.epochs)
                order = None if plan.generator is None else [_shuffled(n, plan.generator) for _ in range(count)]
                start = time.perf_counter()
                outcome = compiled.run(order, count, lowest)
                if outcome.best_loss < lowest and not plan.held_out:
                    lowest, best = outcome.best_loss, outcome.best
                if plan.is_watched or plan.callbacks or outcome.failed is not None:
                    compiled.write_back()
                self.note_stretch(compiled, outcome)
                if outcome.failed is not None:
                    self.check(history.epochs + 1, outcome.failed)
                self.bar.advance(self.title(history.epochs, history.loss[-1], *history.accuracy[-1:]), steps * count)
                if self.is_over():
                    break
                if plan.has_callbacks and history.epochs < plan.epochs and not compiled.is_current():
                    return True
                pace = (time.perf_counter() - start) / STRETCH_SECONDS
                if pace < 1.0:  # the first stretches are short, and their pace is not yet to be trusted
                    stretch = math.ceil(count / max(pace, 1 / 64))
        finally:
            compiled.write_back()
            if best is not None:
                self.remember(compiled.optimizer.params, best)
        return False

    def is_over(self) -> bool:
        """Whether a callback or patience ends the training after this epoch."""
        history = self.history
        ended = any([callback(history.epochs, history) for callback in self.plan.callbacks])
        if history.validation_loss and self.plan.stopping.is_over(history.validation_loss[-1]):
            history.stopped = True
        return ended or history.stopped

    def title(self, epoch: int, loss: float, accuracy: float | None = None) -> str:
        """The text beside the progress bar."""
        known = "" if accuracy is None else f"  accuracy {accuracy:6.1%}"
        return f"epoch {epoch:{len(str(self.plan.epochs))}}/{self.plan.epochs}  loss {loss:.4f}{known}"

    def note_stretch(self, compiled: CompiledTraining, outcome: "Outcome") -> None:
        """Write a stretch's epochs into the history."""
        history = self.history
        history.loss.extend(outcome.losses.tolist())
        if self.task.threshold is not None:
            history.accuracy.extend((outcome.hits / len(self.plan.data.rows)).tolist())
        if self.plan.held_out and outcome.failed is None:
            self.note_validation(Tally(*compiled.evaluate(self.plan.held_out)), len(self.plan.held_out.rows))

    def remember(self, parameters: Sequence[Value], numbers: Any) -> None:
        """Keep these numbers, an array or a list, as the best."""
        if self.weights == parameters:  # all of them learn
            self.best = numbers
            return
        best = dict(zip(parameters, numbers, strict=True))
        self.best = [best.get(p, p.data) for p in self.weights]

    def epoch(self, epoch: int, optimizer: Optimizer) -> Tally:
        """One step for each batch; the loss is the sum over the batches, in their order, of E times the batch's share of the data."""
        whole, seen, loss, correct = len(self.plan.data.rows), 0, 0.0, 0.0
        for batch in _batches(self.plan.data, self.plan.size, self.plan.generator):
            for p in self.weights:
                p.grad = 0.0
            tally = self.batchwise.gradients(self.task, batch, self.penalised, optimizer.steps + 1)
            self.check(epoch, tally.loss)
            if self.task.clip is not None:
                self.task.clip.apply(optimizer.params)
            optimizer.step()
            seen, correct = seen + len(batch.rows), correct + tally.correct
            loss += tally.loss * (len(batch.rows) / whole)
            accuracy = None if self.task.threshold is None else correct / seen
            self.bar.advance(self.title(epoch, loss * whole / seen, accuracy))
        self.check(epoch, *[p.data for p in self.weights])
        return Tally(loss, correct)

    def note(self, tally: Tally) -> None:
        """Write the epoch into the history; keep its weights if they are the best."""
        history, held_out = self.history, self.plan.held_out
        history.loss.append(tally.loss)
        if self.task.threshold is not None:
            history.accuracy.append(tally.correct / len(self.plan.data.rows))
        if held_out:
            self.note_validation(self.batchwise.evaluate(self.task, held_out), len(held_out.rows))
        else:
            self.keep_if_best(tally.loss)

    def note_validation(self, tally: Tally, seen: int) -> None:
        """Write the epoch's validation into the history; keep the weights if they are the best."""
        history = self.history
        history.validation_loss.append(tally.loss)
        if self.task.threshold is not None:
            history.validation_accuracy.append(tally.correct / seen)
        self.keep_if_best(tally.loss)

    def keep_if_best(self, loss: float) -> None:
        """Keep the weights, if the loss they are judged by is the lowest so far."""
        if loss < self.lowest or self.history.epochs == 1:
            self.lowest, self.best = loss, leaves.numbers(self.weights)

    def check(self, epoch: int, *numbers: float) -> None:
        """FloatingPointError if the training has left the finite numbers."""
        bad = next((x for x in numbers if not math.isfinite(x)), None)
        if bad is None:
            return
        smaller = "" if self.optimizer is None else f"a smaller lr than {self.optimizer.lr:g}, or "
        kept = f"of epoch {self.history.best_epoch}" if self.history.epochs else "it had before"
        named = (plain_name(w.label) for w in self.weights if not math.isfinite(w.data) and w.label)
        raise FloatingPointError(
            f"{next(named, 'the loss or a weight')} became {bad} in epoch {epoch}: try {smaller}inputs scaled to about 1; "
            f"the model keeps the weights {kept}"
        )

    def keep_best(self) -> str:
        """After Ctrl-C: put the best weights back, and say which these are; without a finished epoch those of now are kept."""
        history = self.history
        if not history.epochs:
            return "Interrupted in the first epoch: the model keeps what it has learnt so far."
        self.restore()
        name = "validation loss" if history.validation_loss else "loss"
        best = min(history.validation_loss or history.loss)
        return (
            f"Interrupted after {history.epochs} of {self.plan.epochs} epochs: the model keeps the weights of epoch "
            f"{history.best_epoch} ({name} {best:.4g})."
        )

    def restore(self) -> None:
        """Put the best weights back."""
        for p, number in zip(self.weights, self.best, strict=True):
            p.data = float(number)  # of an array's
        self.history.kept_epoch = self.history.best_epoch


def _batches(data: Samples, size: int, generator: random.Random | None) -> Iterator[Samples]:
    """The samples in batches of ``size``, the last perhaps smaller, in an order drawn from the generator if there is one."""
    order = list(range(len(data.rows))) if generator is None else _shuffled(len(data.rows), generator)
    for start in range(0, len(order), size):
        yield data.at(order[start : start + size])


def _shuffled(n: int, generator: random.Random) -> list[int]:
    order = list(range(n))
    generator.shuffle(order)
    return order
