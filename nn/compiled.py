"""Training and prediction by compiled programs: what ``fit`` does eagerly, recorded once on one sample and one parameter.

The model, the loss and the optimizer's update are the same Python functions that eager training calls; here each is called once, with
Values for what varies. What cannot be recorded so (a branch on a number, an op made by hand, a dropout: see ``recording``) is a
TypeError, and with ``engine="auto"`` the work is done eagerly instead.

Sums run in the same order as eagerly, with one exception: what is summed over the samples of a batch (loss, gradients) is added up in
eight strands, sample i in strand i mod 8. So batches of up to eight samples give the same bits as eager training, larger batches agree
to 1e-12 relative for gradients that are no sum of cancelling parts.
"""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, final

from autograd import Value, where
from autograd.compiler import engines
from nn.losses import LOSSES, cross_entropy, penalty
from nn.optim import OPTIMIZERS, Optimizer
from nn.recording import drawing_nothing, recorded_at
from nn.samples import Row, Samples, Target

if TYPE_CHECKING:
    from autograd.compiler.training import Outcome, Recipe

# A float or a Value.
Number = Any
ENGINES = ("auto", "eager", "llvm", "numpy")
# Recording and compiling a model takes as long as some dozens of eager predictions.
FEW_ROWS = 64


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


def _is_ours(model: Any) -> bool:
    """Whether the model is made of this package's layers alone: these are the same functions at every call."""
    return type(model).__module__.startswith("nn.") and model.architecture() is not None


def _to_try(task: Any, data: Samples) -> list[tuple[Row, Target]]:
    """Two samples to record at, with different targets if there are such; one of them for what is known."""
    pairs = list(zip(*data, strict=True))
    if _is_ours(task.model) and any([task.loss is loss.function for loss in LOSSES.values()]):
        return pairs[:1]
    return [pairs[0], next((pair for pair in pairs if pair[1] != pairs[0][1]), pairs[-1])]


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
        if type(optimizer).step is not Optimizer.step:
            raise TypeError(
                f"{type(optimizer).__name__} has a step() of its own, which a compiled loop does not call; use engine='eager'"
            )
        self._task = task
        with drawing_nothing(task.model):
            self._classes = len(_listed(task.model(data.rows[0]))) if task.loss is cross_entropy else 0
            self.table = self._lines(data)
            self._tried = _to_try(task, data)
            self._recipe = self._recorded()
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

    def _recorded(self) -> "Recipe":
        from autograd.compiler import training

        task = self._task
        parameters = list(self.optimizer.params)

        def record(sample: tuple[Row, Target]) -> tuple[list[Value], list[Value]]:
            row, target = sample[0], self._target(sample[1])
            inputs, wanted = [Value(x) for x in row], [Value(t) for t in _listed(target)]
            with training.without_branches() as results:
                scores = task.model(inputs)
                loss = task.loss(scores, wanted if isinstance(target, Sequence) else wanted[0])
                if not isinstance(loss, Value):
                    raise TypeError(f"the loss must give a Value, got {type(loss).__name__}")
                right = hit(_listed(scores), wanted, task.threshold)
                results += [loss, right if isinstance(right, Value) else Value(right)]
            return results, [*parameters, *inputs, *wanted]

        def plain(sample: tuple[Row, Target]) -> list[float]:
            loss = task.loss(task.model(sample[0]), sample[1])
            return [float(loss.data if isinstance(loss, Value) else loss)]

        (loss, right), inputs, form = recorded_at(self._tried, record, plain)
        with training.without_branches():
            excess = penalty(task.l2, self._penalised) if task.l2 else None
            update = self._recorded_update()
        return training.Recipe(tuple(parameters), tuple(inputs[len(parameters) :]), loss, right, excess, update, form)

    def _recorded_update(self) -> Any:
        """The optimizer's update on one parameter, with the learning rate as an input: schedules assign to it."""
        from autograd.compiler.program import fingerprint

        found = []
        known = type(self.optimizer) in OPTIMIZERS.values()
        for steps in range(self.optimizer.steps, self.optimizer.steps + (1 if known else 2)):
            optimizer = copy.copy(self.optimizer)
            p, g, step, lr = Value(0.5), Value(0.5), Value(1.0), Value(self.optimizer.lr)
            state = tuple([Value(0.0) for _ in range(optimizer.memory)])
            optimizer.lr, optimizer.steps = lr, steps  # type: ignore[assignment]
            results = [+x if isinstance(x, Value) else Value(x) for x in optimizer.update(step, p, g, *state)]
            found.append((self._training.Update(p, state, g, step, lr, tuple(results)), [p, *state, g, step, lr], results))
        (update, inputs, results), (_, other_inputs, other_results) = found[0], found[-1]
        if not known and fingerprint(results, inputs) != fingerprint(other_results, other_inputs):
            raise TypeError(
                f"{type(self.optimizer).__name__}.update reads self.steps, which a recording freezes; take it from step"
            )
        return update

    def is_current(self) -> bool:
        """Whether what was recorded is still what the model, the loss and the optimizer do: callbacks may have changed them."""
        try:
            with drawing_nothing(self._task.model):
                return bool(self._recorded().forms() == self._recipe.forms())
        except TypeError:
            return False

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

    several = True
    parameters = model.parameters()

    def record(row: Row) -> tuple[list[Value], list[Value]]:
        nonlocal several
        inputs = [Value(x) for x in row]
        with training.without_branches() as outputs:
            scores = model(inputs)
            several = isinstance(scores, (list, tuple))
            outputs += [y if isinstance(y, Value) else Value(y) for y in _listed(scores)]
        return outputs, [*parameters, *inputs]

    def plain(row: Row) -> list[float]:
        return [float(y.data if isinstance(y, Value) else y) for y in _listed(model(row))]

    with drawing_nothing(model):
        outputs, given, _ = recorded_at(data[:1] if _is_ours(model) else [data[0], data[-1]], record, plain)
    inputs = given[len(parameters) :]
    program = training.sample_program(outputs, parameters, inputs)
    executor = engines.executor(program, engine=engine, fast=fast)
    shared, rows = executor.evaluate(np.array([p.data for p in parameters]), np.array(data, dtype=float).T)
    numbers, columns = iter(shared), iter(rows)
    table = [next(columns) if is_row else np.full(len(data), next(numbers)) for is_row, _ in program.outputs]
    return list(np.array(table).T.tolist()) if several else list(table[0].tolist())
