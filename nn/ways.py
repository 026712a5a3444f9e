"""Training where samples part ways: sequences of unequal length, a model or a loss that branches on numbers, in native code all the same.

The samples of a batch are grouped by their length and by the way they take through the plain Python code with the parameters of this
step. For each there is a program that was recorded once; it adds up loss and gradients of its group, as ``autograd.compiler.training``
does for all samples of a batch. The step itself is the eager one. So the sums over a batch are taken group by group, and agree with
eager training to 1e-12 relative, where gradients are no sum of cancelling parts.
"""

from collections.abc import Iterator, Sequence
from typing import Any, final

import numpy as np

from autograd import Value, no_grad
from autograd.compiler import engines, samples, training
from nn.drawing import drawing, drawing_off
from nn.losses import cross_entropy
from nn.recorded import hit, listed, one_hot
from nn.recording import drawing_nothing
from nn.samples import Row, Samples, Target, by_length
from nn.task import Tally, Task, penalise
from nn.variants import Variants

# The parameters that a group's program reads, and its slopes, its loss and its hits.
Found = tuple[Sequence[Value], list[float]]


@final
class ByWays:
    """The gradients of batches whose samples differ in length or take different ways; TypeError for a task that does more than compute.

    No gradients are taken by what is ``fixed``. ``is_watched``: after an epoch of so many samples callbacks may have changed what the
    model or the loss do.
    """

    def __init__(self, task: Task, data: Samples, *, fixed: frozenset[Value], is_watched: bool, engine: str, fast: bool) -> None:
        self.engine, self._fast, self._task = engine, fast, task
        self._totals: dict[int, Any] = {}
        self._size, self._is_watched, self._seen = len(data.rows), is_watched, 0
        with no_grad(), drawing_nothing(task.model), drawing(step=1) as draw:
            outputs = len(listed(task.model(data.rows[0])))
        self._draws, self._classes = draw.is_used, outputs if task.loss is cross_entropy else 0
        self._variants = Variants(type(task.model).__name__, self._measured, engine=engine, fast=fast, fixed=fixed)
        self._judge = Judge(task, self._classes, engine=engine, fast=fast)

    def count(self) -> int:
        """How many programs there are."""
        return len(self._totals)

    def gradients(self, task: Task, batch: Samples, penalised: Sequence[Value], step: int) -> Tally:
        """As ``nn.task.gradients``."""
        if self._is_watched and self._seen % self._size == 0:
            self._refresh()
        self._seen += len(batch.rows)
        with drawing_nothing(task.model):
            found = [each for places in by_length(batch.rows).values() for each in self._of_groups(batch, places, step)]
        loss, correct = 0.0, 0.0
        for parameters, (*slopes, error, hits) in found:  # written once all are known
            for p, slope in zip(parameters, slopes, strict=True):
                p.grad += slope
            loss, correct = loss + error, correct + hits
        return Tally(loss + penalise(task, penalised), correct)

    def evaluate(self, task: Task, data: Samples) -> Tally:
        """As ``nn.task.evaluate``."""
        return self._judge.evaluate(data)

    def _refresh(self) -> None:
        with drawing_nothing(self._task.model):
            self._variants.refresh()
            self._judge.variants.refresh()
        alive = {id(variant) for variant in self._variants.recorded()}
        self._totals = {key: found for key, found in self._totals.items() if key in alive}

    def _of_groups(self, batch: Samples, places: list[int], step: int) -> Iterator[Found]:
        """What the samples of one length add up to, way by way."""
        own = batch.places or range(len(batch.rows))
        given = [arguments_of(batch.sample(i), self._classes, (step, own[i]) if self._draws else ()) for i in places]
        forms, lanes = lanes_of(self._variants, given)
        for variant, chosen in samples.groups(self._variants.made, self._measured, forms, lanes):
            shared = np.append(variant.shared_inputs(), 1.0 / len(batch.rows))
            totals, _ = self._program(variant).evaluate(shared, lanes[:, chosen])
            yield variant.moving, totals.tolist()

    def _measured(self, row: Any, target: Any, weights: Any, draw: Any) -> list[Any]:
        """The loss of a sample and whether the answer is right, both times the weight."""
        with drawing(*draw) if draw else drawing_off():
            return measured(self._task, self._task.model(row), target, weights)

    def _program(self, variant: Any) -> Any:
        """What adds up a group."""
        if id(variant) not in self._totals:
            if not self._variants.is_current(variant):
                raise TypeError("the model or the loss is another function at every call, so that it cannot be recorded")
            loss, right = variant.results
            inputs = tuple(variant.captured), tuple(variant.variables)
            batch = training.Batch(*inputs, loss, right, None, None, learning=len(variant.moving))
            program = training.batch_program(batch)
            self._totals[id(variant)] = variant, engines.executor(program, engine=self.engine, fast=self._fast)
        return self._totals[id(variant)][1]


@final
class Judge:
    """The mean loss and the right answers of samples that differ in length or take different ways; nothing is drawn."""

    def __init__(self, task: Task, classes: int, *, engine: str, fast: bool) -> None:
        self._task, self._classes = task, classes
        self.variants = Variants(type(task.model).__name__, self._measured, engine=engine, fast=fast)

    def _measured(self, row: Any, target: Any, weights: Any, _: Any) -> list[Any]:
        with drawing_off():
            return measured(self._task, self._task.model(row), target, weights)

    def evaluate(self, data: Samples) -> Tally:
        """As ``nn.task.evaluate``."""
        losses, hits = np.empty(len(data.rows)), np.empty(len(data.rows))
        for places in by_length(data.rows).values():
            forms, lanes = lanes_of(self.variants, [arguments_of(data.sample(i), self._classes, ()) for i in places])
            found: Any = samples.answer(self.variants.made, self.variants.function, "value", forms, list(lanes))
            losses[places], hits[places] = found
        loss, correct = 0.0, 0.0
        for x, right in zip(losses.tolist(), hits.tolist(), strict=True):  # in order, as eagerly
            loss, correct = loss + x, correct + right
        return Tally(loss / len(losses), correct)


# --- A sample as arguments -----------------------------------------------------------------------------------------------------


def arguments_of(sample: tuple[Row, Target, float | None], classes: int, draw: Sequence[int]) -> list[Any]:
    """Row, target, weights and what is drawn by; class numbers as a number for each class, since a recording cannot index by them."""
    row, target, weight = sample
    return [row, one_hot(target, classes) if classes else target, [] if weight is None else [weight], list(draw)]


def lanes_of(variants: Variants, given: Sequence[list[Any]]) -> tuple[tuple[Any, ...], Any]:
    """The structure of samples that have the same one, and their numbers as an array [number, sample]."""
    opened = [variants.opened(args) for args in given]
    return opened[0][0], np.array([numbers for _, numbers in opened], dtype=float).T.copy()


def measured(task: Task, scores: Any, target: Any, weights: Sequence[Any]) -> list[Any]:
    """The loss of a sample and whether the answer is right, both times the weight if there is one."""
    loss, right = task.loss(scores, target), hit(listed(scores), listed(target), task.threshold)
    for weight in weights:
        loss, right = loss * weight, right * weight
    return [loss, right]
