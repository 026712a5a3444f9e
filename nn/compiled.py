"""Training and prediction by compiled programs: what ``fit`` does eagerly, recorded once on one sample and one parameter.

The model, the loss and the optimizer's update are the same Python functions that eager training calls; here each is called once, with
Values for what varies. What cannot be recorded so (a branch on a number, an op made by hand) is a TypeError, and with ``engine="auto"``
the work is done eagerly instead.

Sums run in the same order as eagerly, with one exception: what is summed over the samples of a batch (loss, gradients) is added up in
eight strands, sample i in strand i mod 8. So batches of up to eight samples give the same bits as eager training, larger batches agree
to 1e-12 relative for gradients that are no sum of cancelling parts.
"""

import copy
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, final

from autograd import Value, where
from autograd.compiler import engines
from autograd.compiler.recent import Recent
from nn.losses import cross_entropy, penalty
from nn.optim import Optimizer
from nn.samples import Row, Samples, Target

if TYPE_CHECKING:
    from autograd.compiler.program import Fingerprint
    from autograd.compiler.training import Outcome, Recipe

# A float or a Value.
Number = Any
ENGINES = ("auto", "eager", "llvm", "numpy")
# Recording and compiling a model takes as long as some dozens of eager predictions.
FEW_ROWS = 64
_repeatable: Recent[bool] = Recent(32)


def chosen_engine(engine: str) -> str:
    """ "eager", "numpy" or "llvm"; ValueError for an unknown name, ImportError with the extra's name for one that is missing."""
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    if engine == "auto" and not engines.is_installed("llvm"):
        return "eager"  # NumPy's engine runs pack by pack and is no faster than eager Python on small batches
    return engine if engine == "eager" else engines.chosen(engine)


# --- Written for a recording ---------------------------------------------------------------------------------------------------


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
    """1.0 where the scores choose the target's class, else 0.0: ``nn.samples.is_correct`` for a recording."""
    if threshold is None:
        return 0.0
    if len(scores) == 1:
        return where((scores[0] > threshold) ^ (target[0] > 0.0), 0.0, 1.0)
    difference = argmax(scores) - (target[0] if len(target) == 1 else argmax(target))
    return where(abs(difference) > 0.0, 0.0, 1.0)


def _listed(scores: Any) -> list[Number]:
    return list(scores) if isinstance(scores, (list, tuple)) else [scores]


def _same_each_time(record: Callable[[], list[Value]], inputs: Sequence[Value]) -> "tuple[list[Value], Fingerprint]":
    """What ``record()`` records; TypeError if it records something else the next time: a dropout's mask, a count of calls."""
    from autograd.compiler.program import fingerprint

    def is_repeatable() -> bool:
        if fingerprint(record(), inputs) != form:
            raise TypeError("the model or the loss is another function at every call, so that it cannot be recorded once for all")
        return True

    results = record()
    form = fingerprint(results, inputs)
    if form.own_ops:
        is_repeatable()
    else:
        _repeatable.get(form, is_repeatable)  # what was recorded twice before need not be recorded twice again
    return results, form


@contextmanager
def _drawing_nothing() -> Iterator[None]:
    """A context in which drawing from the generators of ``random`` and NumPy is a TypeError; they are put back then."""
    numpy = sys.modules.get("numpy.random")
    before, numpy_before = random.getstate(), numpy.get_state(legacy=False) if numpy else None
    drawn = False
    try:
        yield
    finally:
        drawn = random.getstate() != before or (
            numpy is not None and _position(numpy.get_state(legacy=False)) != _position(numpy_before)
        )
        if drawn:
            random.setstate(before)
            if numpy:
                numpy.set_state(numpy_before)
    if drawn:
        raise TypeError("the model or the loss draws random numbers, so that it cannot be recorded once for all samples")


def _position(state: Any) -> tuple[Any, ...]:
    return state["state"]["pos"], state["state"]["key"].tobytes(), state["has_gauss"]


# --- Training ------------------------------------------------------------------------------------------------------------------


@final
class CompiledTraining:
    """A task and an optimizer, compiled: trains the model for stretches of epochs."""

    def __init__(
        self,
        task: Any,
        parameters: Sequence[Value],
        optimizer: Optimizer,
        data: Samples,
        *,
        size: int,
        engine: str,
        fast: bool,
    ) -> None:
        import numpy as np

        from autograd.compiler import training

        self._np, self._training = np, training
        self.optimizer, self._penalised = optimizer, parameters
        self._weights = list(dict.fromkeys([*parameters, *optimizer.params]))
        with _drawing_nothing():
            self._classes = len(_listed(task.model(data.rows[0]))) if task.loss is cross_entropy else 0
            self.table = self._lines(data)
            self._recipe = self._recorded(task, data.rows[0], self._target(data.targets[0]))
        self._size, self._fast = size, fast
        self._loop = training.loop(self._recipe, size=size, engine=engine, fast=fast)
        self._judge: Any = None
        self._progress: Any = None  # parameters and state between stretches
        self._gradient: Any = None
        self.engine = self._loop.name

    def _target(self, target: Target) -> Target:
        """The target as the recording takes it: a class number as a number for each class, since a recording cannot index by it."""
        return one_hot(target, self._classes) if self._classes else target

    def _lines(self, data: Samples) -> Any:
        """The samples as an array [sample, input]: what a row of the recording's inputs is, inputs and then targets."""
        targets = [_listed(self._target(target)) for target in data.targets]
        return self._np.array([[*row, *target] for row, target in zip(data.rows, targets, strict=True)], dtype=float)

    def _recorded(self, task: Any, row: Row, target: Target) -> "Recipe":
        from autograd.compiler import training

        inputs = [Value(x) for x in row]
        wanted = [Value(t) for t in _listed(target)]

        def record() -> list[Value]:
            with training.without_branches() as results:
                scores = task.model(inputs)
                loss = task.loss(scores, wanted if isinstance(target, Sequence) else wanted[0])
                if not isinstance(loss, Value):
                    raise TypeError(f"the loss must give a Value, got {type(loss).__name__}")
                right = hit(_listed(scores), wanted, task.threshold)
                results += [loss, right if isinstance(right, Value) else Value(right)]
            return results

        parameters = tuple(self.optimizer.params)
        (loss, right), form = _same_each_time(record, [*parameters, *inputs, *wanted])
        with training.without_branches():
            excess = penalty(task.l2, self._penalised) if task.l2 else None
            update = self._recorded_update()
        return training.Recipe(parameters, (*inputs, *wanted), loss, right, excess, update, form)

    def _recorded_update(self) -> Any:
        """The optimizer's update on one parameter, with the learning rate as an input: schedules assign to it."""
        optimizer = copy.copy(self.optimizer)
        p, g, step, lr = Value(0.5), Value(0.5), Value(1.0), Value(self.optimizer.lr)
        state = tuple([Value(0.0) for _ in range(optimizer.memory)])
        optimizer.lr = lr  # type: ignore[assignment]
        results = [+x if isinstance(x, Value) else Value(x) for x in optimizer.update(step, p, g, *state)]
        return self._training.Update(p, state, g, step, lr, tuple(results))

    def run(self, order: Sequence[Sequence[int]] | None, epochs: int, best_loss: float) -> "Outcome":
        """Train for some epochs, with the samples of each in the order given; see ``write_back``."""
        np, optimizer = self._np, self.optimizer
        if self._progress is None:
            self._progress = self._training.Progress(
                np.array([p.data for p in optimizer.params]),
                np.array(optimizer.state, dtype=float).reshape(len(optimizer.params), optimizer.memory).T,
                optimizer.steps,
            )
        places = None if order is None else np.array(order, dtype=np.int32)
        outcome = self._loop.run(
            self.table, places, self._progress, size=self._size, epochs=epochs, lr=optimizer.lr, best_loss=best_loss
        )
        self._gradient = outcome.gradient + 0.0  # 0.0 + x: what accumulating into a zeroed .grad gives
        return outcome

    def write_back(self) -> None:
        """Bring parameters and optimizer up to date; the next stretch starts from what they then hold."""
        progress, optimizer = self._progress, self.optimizer
        if progress is None or self._gradient is None:  # nothing was finished
            return
        self._progress = None
        for p, number, slope in zip(optimizer.params, progress.parameters.tolist(), self._gradient.tolist(), strict=True):
            p.data, p.grad = number, slope
        optimizer.state = [tuple(numbers) for numbers in progress.state.T.tolist()]
        optimizer.steps = progress.steps

    def evaluate(self, data: Samples) -> tuple[float, int]:
        """The mean loss, without the penalty, and the number of right answers for other samples."""
        np, recipe = self._np, self._recipe
        if self._judge is None:
            program = self._training.sample_program([recipe.loss, recipe.hit], self._weights, recipe.inputs)
            self._judge = engines.executor(program, engine=self.engine, fast=self._fast)
        shared, rows = self._judge.evaluate(np.array([p.data for p in self._weights]), self._lines(data).T)
        numbers, columns = iter(shared), iter(rows)
        losses, hits = [
            next(columns).tolist() if is_row else [float(next(numbers))] * len(data.rows)
            for is_row, _ in self._judge.program.outputs
        ]
        loss = 0.0
        for x in losses:  # in order, as eagerly
            loss += x
        return loss / len(losses), int(sum(hits))


# --- Prediction ----------------------------------------------------------------------------------------------------------------


def predictions(model: Any, data: Sequence[Row], *, engine: str, fast: bool = False) -> list[Any]:
    """The model's outputs for all rows from one compiled program, as ``predict`` gives them."""
    import numpy as np

    from autograd.compiler import training

    inputs = [Value(x) for x in data[0]]
    several = True

    def record() -> list[Value]:
        nonlocal several
        with training.without_branches() as outputs:
            scores = model(inputs)
            several = isinstance(scores, (list, tuple))
            outputs += [y if isinstance(y, Value) else Value(y) for y in _listed(scores)]
        return outputs

    parameters = model.parameters()
    with _drawing_nothing():
        outputs, _ = _same_each_time(record, [*parameters, *inputs])
    program = training.sample_program(outputs, parameters, inputs)
    executor = engines.executor(program, engine=engine, fast=fast)
    shared, rows = executor.evaluate(np.array([p.data for p in parameters]), np.array(data, dtype=float).T)
    numbers, columns = iter(shared), iter(rows)
    table = [next(columns) if is_row else np.full(len(data), next(numbers)) for is_row, _ in program.outputs]
    return list(np.array(table).T.tolist()) if several else list(table[0].tolist())
