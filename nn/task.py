"""What is learnt, and its gradients: the part of a training that computes.

What is minimised for a batch of n samples::

    E = (1/n) Σᵢ wᵢ · loss(model(xᵢ), tᵢ)  +  l2 · Σ p²  +  l1 · Σ |p|

with weights wᵢ of mean 1 over the training set, or none.

The order of summation is a promise: samples are taken in the order of the batch; each sample's graph is recorded, its loss
times 1/n added to E and its gradients, from the seed 1/n, to ``grad``, and the graph dropped before the next; the penalty comes
last. So memory is that of one sample, and the same seed gives the same bits. ``compiled`` records the same.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from autograd import Value, no_grad, sum
from nn.batch import Moves, batch_layers, make, through
from nn.classes import is_correct
from nn.clipping import Clip
from nn.drawing import drawing, drawing_off
from nn.losses import Number, penalty
from nn.module import Module
from nn.samples import Samples, Target


class Tally(NamedTuple):
    """The mean loss of some samples, and how many of them were answered correctly, each counted by its weight."""

    loss: float
    correct: float


class Task(NamedTuple):
    """What is to be learnt: model, loss, penalties, and the threshold between two classes (None: the targets are no labels).

    ``clip`` is what is done to the gradients before a step.
    """

    model: Module
    loss: Callable[[Number, Number], Number]
    l2: float
    l1: float
    threshold: float | None
    clip: Clip | None

    def error(self, scores: Any, target: Target, weight: float | None) -> Number:
        """The loss of one sample, times its weight if it has one."""
        loss = self.loss(scores, target)
        return loss if weight is None else loss * weight

    def judge(self, scores: Any, target: Target, weight: float | None) -> float:
        """The sample's weight, 1 if it has none, where the scores choose the target's class; else 0."""
        if self.threshold is None or not is_correct(plain(scores), target, self.threshold):
            return 0.0
        return 1.0 if weight is None else weight


def gradients(task: Task, batch: Samples, penalised: Sequence[Value], step: int) -> Tally:
    """E of the batch; its gradients are added to ``grad`` of the parameters. What layers draw, they draw for this step."""
    share = 1.0 / len(batch.rows)
    loss, correct = 0.0, 0.0
    moves: Moves = {}
    is_one_graph, found = any(batch_layers(task.model)), []
    for (scores, error), (_, target, weight) in zip(errors(task, batch, step, moves), batch.each(), strict=True):
        if is_one_graph:
            found.append(error)
        else:
            error.backward(share)
        loss += error.data * share
        correct += task.judge(scores, target, weight)
    if is_one_graph:
        sum(found).backward(share)
        make(moves)
    return Tally(loss + penalise(task, penalised), correct)


def errors(task: Task, batch: Samples, step: Any, moves: Moves) -> Iterator[tuple[Any, Number]]:
    """Scores and loss of one sample after the other; and the moves that layers are to make then."""
    places: Sequence[Any] = batch.places or range(len(batch.rows))
    is_one_graph = any(batch_layers(task.model))
    together = through(task.model, batch.rows, step, places, moves) if is_one_graph else None
    for i, (place, (row, target, weight)) in enumerate(zip(places, batch.each(), strict=True)):
        with drawing(step, place):
            scores = task.model(row) if together is None else together[i]
            error = task.error(scores, target, weight)
        if not isinstance(error, Value):
            raise TypeError(f"the loss must give a Value, got {type(error).__name__}")
        yield scores, error


def penalise(task: Task, penalised: Sequence[Value]) -> float:
    """The penalties on the parameters; their slopes are added to ``grad``."""
    if not (task.l2 or task.l1):
        return 0.0
    excess = penalty(task.l2, penalised, task.l1)
    excess.backward()
    return float(excess.data)


def evaluate(task: Task, data: Samples) -> Tally:
    """The mean loss of the data, without the penalty; nothing is recorded."""
    loss, correct = 0.0, 0.0
    with no_grad(), drawing_off():
        for row, target, weight in data.each():
            scores = task.model(row)
            loss += number_of(task.error(scores, target, weight))
            correct += task.judge(scores, target, weight)
    return Tally(loss / len(data.rows), correct)


def number_of(x: Any) -> float:
    """A Value's number, or the number itself."""
    return float(x.data) if isinstance(x, Value) else float(x)


def plain(scores: Any) -> list[float]:
    """The scores of one sample as a list of numbers."""
    return [number_of(score) for score in (scores if isinstance(scores, (list, tuple)) else [scores])]
