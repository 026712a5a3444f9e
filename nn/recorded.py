"""A task recorded on one sample: the loss and the answer as graphs, and the samples as the table that the graphs are run over.

Here are the functions that stand for what eager training does with plain numbers (the place of the largest score, a right answer);
what a recording may hold is in ``recording``, the programs made of it in ``compiled`` and ``objective``.
"""

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

from autograd import Value, where
from autograd.compiler import engines
from nn.branches import Branches, refuse_other_ways
from nn.drawing import drawing, drawing_off
from nn.known import Known, Made, made_of, parts
from nn.losses import LOSSES, cross_entropy, penalty
from nn.recording import drawing_nothing, recorded_at
from nn.samples import Row, Samples, Target

if TYPE_CHECKING:
    from autograd.compiler.recording import Fingerprint

# A float or a Value.
Number = Any


def one_hot(target: Target, classes: int) -> list[float]:
    """The target as a number for each class; a class number as 1 at its place.

    >>> one_hot(2, 4)
    [0.0, 0.0, 1.0, 0.0]
    """
    if isinstance(target, Sequence):
        return list(target)
    return [float(k == target) for k in range(classes)]


def argmax(numbers: Sequence[Number]) -> Number:
    """The place of the largest number, the first of equals, as a number that a recording can hold.

    >>> argmax([1.0, 3.0, 3.0])
    1.0
    """
    best, place = numbers[0], 0.0
    for k, x in enumerate(numbers[1:], start=1):
        larger = x > best
        best, place = where(larger, x, best), where(larger, float(k), place)
    return place


def hit(scores: Sequence[Number], target: Sequence[Number], threshold: float | None) -> Number:
    """1.0 where the scores choose the target's class, else 0.0: ``nn.classes.is_correct`` for a recording."""
    if threshold is None:
        return 0.0
    if len(scores) == 1:
        return where((scores[0] > threshold) ^ (target[0] > 0.0), 0.0, 1.0)
    difference = argmax(scores) - (target[0] if len(target) == 1 else argmax(target))
    return where(abs(difference) > 0.0, 0.0, 1.0)


def listed(scores: Any) -> list[Number]:
    """The scores as a list, one alone as a list of one."""
    return list(scores) if isinstance(scores, (list, tuple)) else [scores]


def _weights(weight: float | None) -> list[float]:
    return [] if weight is None else [weight]


def is_ours(model: Any) -> bool:
    """Whether the model is made of this package's layers alone: these are the same functions at every call."""
    return type(model).__module__.startswith("nn.") and model.architecture() is not None


def is_known(task: Any) -> bool:
    """Whether model and loss are this package's own."""
    return is_ours(task.model) and any([task.loss is loss.function for loss in LOSSES.values()])


def together(parameters: Sequence[Value], learning: Sequence[Value]) -> list[Value]:
    """Parameters of a model and those that learn, each once: most often these are the same."""
    return list(parameters) if parameters == learning else list(dict.fromkeys([*parameters, *learning]))


Sample = tuple[Row, Target, float | None]


def _to_try(task: Any, data: Samples) -> list[Sample]:
    """Two samples to record at, with different targets if there are such; one of them for what is known."""
    found = list(data.each())
    if is_known(task):
        return found[:1]
    return [found[0], next((sample for sample in found if sample[1] != found[0][1]), found[-1])]


@final
class RecordedTask:
    """What is to be learnt, recorded for the parameters that learn; ``table`` holds the samples, a line for each.

    What is recorded holds for these samples, or ``everywhere`` (see ``Branches``). ``made`` is what the model is made of, if that has been
    seen just now.
    """

    def __init__(
        self,
        task: Any,
        learning: list[Value],
        parameters: list[Value],
        data: Samples,
        *,
        made: Made | None = None,
        everywhere: bool = False,
    ) -> None:
        import numpy as np

        self._made = made
        self._np, self.task, self.learning, self._penalised = np, task, list(learning), parameters
        self._weights = together(parameters, learning)
        self._everywhere = everywhere
        self._data, self._tried, self._classes = data, _to_try(task, data), 0
        self._judge: Any = None
        self.step: Value | None = None  # the number of the step, where the last recording draws by it

    @cached_property
    def table(self) -> Any:
        """The samples as an array [sample, input], once they have been recorded."""
        lines = self.lines(self._data)
        return lines if self.step is None else self._np.column_stack([lines, self._np.arange(len(lines))])

    def parts(self) -> Hashable | None:
        """What the recording follows from: equal tasks are recorded alike, see ``known``; None where that cannot be told."""
        row, target, weight = self._tried[0]
        shape = len(row), len(listed(target)), isinstance(target, Sequence), weight is None
        made, self._made = self._made, None  # which holds for the first time: then callbacks may have changed something
        if self._everywhere:
            return None
        known = parts(self.task, made or made_of(self.task.model), self._penalised, self.learning)
        return None if known is None else (shape, known)

    def known(self, forms: "tuple[Fingerprint, Fingerprint]") -> Known | None:
        """What the last recording says of others; None if samples may take other ways."""
        return Known(forms, self._classes, self.step is not None) if self._branches.are_none() else None

    def recall(self, known: Known) -> None:
        """Be as after a recording that said this."""
        self._classes, self.step = known.classes, Value(1.0) if known.draws else None

    def drawing_nothing(self) -> Any:
        """A context for recording: a model that draws random numbers is a TypeError."""
        return drawing_nothing(None if is_known(self.task) else self.task.model)

    def _target(self, target: Target) -> Target:
        """The target as the recording takes it: a class number as a number for each class, since a recording cannot index by it."""
        return one_hot(target, self._classes) if self._classes else target

    def lines(self, data: Samples) -> Any:
        """The samples as an array [sample, input]: what a row of the recording's inputs is, inputs, targets, and a weight."""
        lines = [[*row, *listed(self._target(target)), *_weights(weight)] for row, target, weight in data.each()]
        return self._np.array(lines, dtype=float)

    def loss_and_hit(self, *, draws: bool = False) -> "tuple[list[Value], list[Value], Fingerprint]":
        """The loss of a sample and whether the answer is right, both times the weight; what they follow from; and their form.

        That is the parameters that learn, the inputs, the targets, and the weight if there are weights. If it ``draws`` and random numbers
        are drawn, the sample's place comes last, and ``step`` is what they follow from too.
        """
        task = self.task

        def measured(scores: Any, wanted: Any, weights: Sequence[Value]) -> list[Number]:
            loss, right = task.loss(scores, wanted), hit(listed(scores), listed(wanted), task.threshold)
            if not isinstance(loss, Value):
                raise TypeError(f"the loss must give a Value, got {type(loss).__name__}")
            for weight in weights:
                loss, right = loss * weight, right * weight
            return [loss, right]

        return self.recorded(measured, lambda scores, target, weight: [task.error(scores, target, weight)], draws=draws)

    def recorded(
        self,
        measured: Callable[[Any, Any, Sequence[Value]], list[Number]],
        plain: Callable[[Any, Target, float | None], list[Number]],
        *,
        draws: bool = False,
    ) -> "tuple[list[Value], list[Value], Fingerprint]":
        """What is measured of a sample by its scores, its target and its weights, recorded; ``plain`` is tried beside it."""
        from autograd.compiler import training
        from autograd.compiler.arguments import Argument

        step = Value(1.0)  # one for all trials
        asked: list[list[tuple[Value, bool, str]]] = []

        def record(sample: Sample, kind: type[Value] = Argument) -> tuple[list[Value], list[Value]]:
            inputs, weights = [kind(x) for x in sample[0]], [Value(weight) for weight in _weights(sample[2])]
            place = kind(0.0)
            asked.append([])
            with training.noting_branches(asked[-1]) as results, self._drawing(draws, step, place) as draw:
                scores = self.task.model(inputs)
                self._classes = len(listed(scores)) if self.task.loss is cross_entropy else 0
                target = self._target(sample[1])
                wanted = [kind(t) for t in listed(target)]
                found = measured(scores, wanted if isinstance(target, Sequence) else wanted[0], weights)
                results += [x if isinstance(x, Value) else Value(x) for x in found]
            refuse_other_ways(asked)
            is_drawn = draws and draw.is_used
            if draws:
                self.step = step if is_drawn else None
            return results, [*self.learning, *inputs, *wanted, *weights, *([place] if is_drawn else [])]

        def numbers(sample: Sample) -> list[float]:
            row, target, weight = sample
            with self._drawing(draws, 1, 0):
                found = plain(self.task.model(row), target, weight)
            return [float(x.data if isinstance(x, Value) else x) for x in found]

        results, inputs, form = recorded_at(self._tried, record, numbers)
        given = inputs[len(self.learning) :][: self.table.shape[1]]  # without the sample's place, where one draws
        self._branches = Branches(asked[0], given, everywhere=self._everywhere)
        self._branches.check(self.table, lambda i: numbers(self._data.sample(i)))
        return results, inputs, form

    def _drawing(self, draws: bool, step: Any, place: Any) -> Any:
        return drawing(step, place) if draws else drawing_off()

    def excess(self) -> Value | None:
        """The penalties on the parameters, recorded; None if there are none."""
        from autograd.compiler import training

        task = self.task
        with training.without_branches():
            return penalty(task.l2, self._penalised, task.l1) if task.l2 or task.l1 else None

    def evaluate(self, data: Samples, engine: str, fast: bool) -> tuple[float, float]:
        """The mean loss, without the penalty, and the number of right answers for other samples, each counted by its weight."""
        from autograd.compiler import training

        np = self._np
        if self._judge is None:
            outputs, inputs, _ = self.loss_and_hit()
            program = training.sample_program(outputs, self._weights, inputs[len(self.learning) :])
            self._judge = engines.executor(program, engine=engine, fast=fast)
        lines = self.lines(data)
        self._branches.check(lines, lambda i: self.task.model(data.rows[i]))
        shared, rows = self._judge.evaluate(np.array([p.data for p in self._weights]), lines.T)
        numbers, columns = iter(shared), iter(rows)
        losses, hits = [
            next(columns).tolist() if is_row else [float(next(numbers))] * len(data.rows)
            for is_row, _ in self._judge.program.outputs
        ]
        loss = 0.0
        for x in losses:  # in order, as eagerly
            loss += x
        return loss / len(losses), sum(hits)
