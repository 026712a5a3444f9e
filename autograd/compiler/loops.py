"""The loop over epochs and batches: with the native engine in native code (``targets.llvm.training``), else in Python."""

from collections.abc import Callable
from typing import Protocol, final

import numpy as np

from autograd.compiler import engines
from autograd.compiler.executors import Array
from autograd.compiler.training import Order, Outcome, Outline, Progress, Recipe, batch_program, update_program


class Loop(Protocol):
    """What trains for a stretch of epochs."""

    name: str

    def run(
        self, table: Array, order: Order | None, progress: Progress, *, size: int, rates: Array, epochs: int, best_loss: float
    ) -> Outcome:
        """Train; ``order`` holds for each epoch the samples in the order in which they are taken, None means as they lie.

        ``rates`` holds the learning rate of every step.
        """


def loop(outline: Outline, recipe: Callable[[], Recipe], *, size: int, engine: str, fast: bool) -> Loop:
    """The training loop for batches of up to ``size`` samples; ``recipe()`` is asked where the code is not there yet."""
    if engines.chosen(engine) == "llvm":
        from autograd.compiler.targets.llvm.training import NativeLoop

        return NativeLoop(outline, recipe, size=size, fast=fast)
    return ArrayLoop(recipe(), fast=fast)


@final
class ArrayLoop:
    """The loop in Python around NumPy executors."""

    name = "numpy"

    def __init__(self, recipe: Recipe, *, fast: bool) -> None:
        from autograd.compiler.targets.numpy import NumpyExecutor

        self._batch, self._draws = NumpyExecutor(batch_program(recipe.batch), fast=fast), recipe.batch.step is not None
        self._update = NumpyExecutor(update_program(recipe.update), fast=fast)

    def run(
        self, table: Array, order: Order | None, progress: Progress, *, size: int, rates: Array, epochs: int, best_loss: float
    ) -> Outcome:
        """See ``Loop``."""
        n, lr = len(table), iter(rates.tolist())
        outcome = Outcome(
            np.zeros(0), np.zeros(0), progress.parameters.copy(), best_loss, np.zeros(len(progress.parameters)), None
        )
        for epoch in range(epochs):
            places = np.arange(n) if order is None else order[epoch]
            loss = hits = 0.0
            for start in range(0, n, size):
                lanes = table[places[start : start + size]].T
                error, right = self._step(lanes, progress, next(lr), outcome.gradient)
                if not np.isfinite(error):
                    outcome.failed = error
                    return outcome
                loss, hits = loss + error * (lanes.shape[1] / n), hits + right
            bad = progress.parameters[~np.isfinite(progress.parameters)]
            if bad.size:
                outcome.failed = float(bad[0])
                return outcome
            outcome.losses, outcome.hits = np.append(outcome.losses, loss), np.append(outcome.hits, hits)
            if outcome.losses[-1] < outcome.best_loss:
                outcome.best, outcome.best_loss = progress.parameters.copy(), float(outcome.losses[-1])
        return outcome

    def _step(self, lanes: Array, progress: Progress, lr: float, gradient: Array) -> tuple[float, float]:
        shared = [*progress.parameters, 1.0 / lanes.shape[1], *([progress.steps + 1.0] if self._draws else [])]
        outputs, _ = self._batch.evaluate(np.array(shared), lanes)
        gradient[:] = outputs[:-2]
        error, hits = outputs[-2:]
        if np.isfinite(error):
            progress.steps += 1
            rows = np.array([progress.parameters, *progress.state, gradient])
            _, results = self._update.evaluate(np.array([progress.steps, lr]), rows)
            progress.parameters, progress.state = results[0], results[1:]
        return float(error), float(hits)
