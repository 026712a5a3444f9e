"""Training with layers that look at a batch: loss and gradients of the batch as one recorded graph, with the numbers that layers keep.

For each number of samples in a batch there is a program. Within it all samples stand side by side, so that its sums are those of the
eager graph, in its order. The penalty and the step are the eager ones. Where samples differ in length, what comes before the first
such layer has a program for each length (see ``front``); only then its gradients are added up length by length.
"""

from collections.abc import Sequence
from typing import Any, final

from autograd import Value, no_grad, sum
from autograd.compiler.recordings import BESIDE
from nn.batch import Moves, kept_numbers
from nn.front import Front, parted
from nn.losses import cross_entropy
from nn.recorded import hit, listed, one_hot
from nn.recording import drawing_nothing
from nn.samples import Samples, by_length
from nn.task import Tally, Task, errors, penalise
from nn.variants import Variants
from nn.ways import Judge


@final
class WholeBatches:
    """The gradients of batches through ``nn.BatchNorm``; TypeError for a task that does more than compute.

    No gradients are taken by what is ``fixed``. ``is_watched``: after an epoch of so many samples callbacks may have changed what the
    model or the loss do.
    """

    def __init__(
        self,
        task: Task,
        data: Samples,
        *,
        fixed: frozenset[Value],
        is_watched: bool,
        engine: str,
        fast: bool,
    ) -> None:
        self.engine, self._task, self._front = engine, task, None
        if len(by_length(data.rows)) > 1:
            layers, rest = parted(task.model)
            self._front, self._task = Front(layers, fixed=fixed, engine=engine, fast=fast), task._replace(model=rest)
        self._size, self._is_watched, self._seen = len(data.rows), is_watched, 0
        with no_grad():
            outputs = len(listed(task.model(data.rows[0])))
        self._classes = outputs if task.loss is cross_entropy else 0
        self._variants = Variants(type(task.model).__name__, self._measured, fixed=fixed, engine=engine, fast=fast)
        self._judge = Judge(task, self._classes, engine=engine, fast=fast)

    def count(self) -> int:
        """How many programs there are."""
        return len(list(self._variants.recorded())) + (self._front.count() if self._front else 0)

    def gradients(self, task: Task, batch: Samples, penalised: Sequence[Value], step: int) -> Tally:
        """As ``nn.task.gradients``."""
        with drawing_nothing(task.model):
            if self._is_watched and self._seen % self._size == 0:
                self._variants.refresh()
                self._judge.variants.refresh()
                if self._front:
                    self._front.refresh()
            self._seen += len(batch.rows)
            targets = [one_hot(target, self._classes) for target in batch.targets] if self._classes else batch.targets
            places = list(batch.places or range(len(batch.rows)))
            rows = self._front.run(batch, step) if self._front else batch.rows
            forms, point = self._variants.opened(
                [[] if self._front and self._front.learns else rows, targets, batch.weights or [], step, places]
            )
            variant, found = self._variants.made.way_at(self._variants.function, BESIDE, forms, point)
            kept = kept_numbers(task.model)
            correct, new = found[0], found[1 : 1 + len(kept)]
            loss, *slopes = found[1 + len(kept) :]
            received = list(zip(variant.moving, slopes, strict=True))
            if self._front:
                received += list(self._front.passed_back(batch, step, dict(received)))
        for p, slope in received:
            p.grad += slope
        for number, x in zip(kept, new, strict=True):
            number.data = x
        return Tally(loss + penalise(task, penalised), correct)

    def evaluate(self, task: Task, data: Samples) -> Tally:
        """As ``nn.task.evaluate``."""
        return self._judge.evaluate(data)

    def _measured(self, rows: Any, targets: Any, weights: Any, step: Any, places: Any) -> list[Any]:
        """The right answers of a batch, the new numbers of the layers that keep some, and the mean loss, which is differentiated."""
        if self._front and self._front.learns:
            rows = self._front.leaves[len(places)]
        task, batch, moves = self._task, Samples(rows, targets, weights or None, places), Moves()
        share, found, right = 1.0 / len(rows), [], []
        for (scores, error), (_, target, weight) in zip(errors(task, batch, step, moves), batch.each(), strict=True):
            answer = hit(listed(scores), listed(target), task.threshold)
            right.append(answer if weight is None else answer * weight)
            found.append(error * share)
        return [sum(right), *[moves[v] for v in kept_numbers(task.model)], sum(found)]
