"""Training and prediction by compiled programs: what ``fit`` does eagerly, recorded once on one sample and one parameter.

The model, the loss and the optimizer's update are the same Python functions that eager training calls; here each is called once, with
Values for what varies. What cannot be recorded so (a branch on a number: see ``ways``, an op made by hand: see ``recording``) is a
TypeError, and with ``engine="auto"`` the work is done eagerly instead.

Sums run in the same order as eagerly, with one exception: what is summed over the samples of a batch (loss, gradients) is added up in
eight strands, sample i in strand i mod 8. So batches of up to eight samples give the same bits as eager training, larger batches agree
to 1e-12 relative for gradients that are no sum of cancelling parts. (So do small ones, where a model computes with its parameters
alone, such as a GRU at its first step: that is done once for the batch.)
"""

import copy
import math
from collections.abc import Sequence
from functools import reduce
from itertools import chain
from typing import TYPE_CHECKING, Any, final
from weakref import proxy

from autograd import Value, ops
from autograd.compiler import engines, leaves
from nn.branches import Branches, refuse_other_ways
from nn.known import Known, recent, update_parts, updates
from nn.optim import OPTIMIZERS, Optimizer
from nn.recorded import RecordedTask, is_ours, listed
from nn.recording import drawing_nothing, recorded_at
from nn.samples import Row, Samples

if TYPE_CHECKING:
    from autograd.compiler.recording import Fingerprint
    from autograd.compiler.training import Outcome, Outline, Recipe, Update

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


# --- Training ------------------------------------------------------------------------------------------------------------------


def recorded_update(optimizer: Optimizer) -> "Update":
    """The optimizer's update on one parameter, with the learning rate as an input: schedules assign to it."""
    from autograd.compiler.recording import fingerprint
    from autograd.compiler.training import Update

    found = []
    known = type(optimizer) in OPTIMIZERS.values()
    for steps in range(optimizer.steps, optimizer.steps + (1 if known else 2)):
        trial = copy.copy(optimizer)
        p, g, step, lr = Value(0.5), Value(0.5), Value(1.0), Value(optimizer.lr)
        state = tuple([Value(0.0) for _ in range(trial.memory)])
        trial.lr, trial.steps = lr, steps  # type: ignore[assignment]
        results = [+x if isinstance(x, Value) else Value(x) for x in trial.update(step, p, g, *state)]
        found.append((Update(p, state, g, step, lr, tuple(results)), [p, *state, g, step, lr], results))
    (update, inputs, results), (_, other_inputs, other_results) = found[0], found[-1]
    if not known and fingerprint(results, inputs) != fingerprint(other_results, other_inputs):
        raise TypeError(f"{type(optimizer).__name__}.update reads self.steps, which a recording freezes; take it from step")
    return update


def state_of(optimizer: Optimizer) -> Any:
    """The optimizer's state as an array [memory, parameter]."""
    import numpy as np

    count, kept = len(optimizer.params), optimizer.kept_state
    if kept is None:
        return np.zeros((optimizer.memory, count))
    if not isinstance(kept, list):
        return kept
    numbers = np.fromiter(chain.from_iterable(kept), float, count * optimizer.memory)
    return numbers.reshape(count, optimizer.memory).T


def write_back(optimizer: Optimizer, parameters: Any, state: Any, gradient: Any, steps: int) -> None:
    """Bring an optimizer and its parameters up to date from arrays; ``state`` is [memory, parameter]."""
    # 0.0 + slope is what accumulating into a zeroed .grad gives
    leaves.assign(optimizer.params, parameters.tolist(), (gradient + 0.0).tolist())
    optimizer.kept_state, optimizer.steps = state.copy(), steps


@final
class CompiledTraining:
    """A task and an optimizer, compiled: trains the model for stretches of epochs."""

    def __init__(self, recorded: RecordedTask, optimizer: Optimizer, *, size: int, engine: str, fast: bool) -> None:
        import numpy as np

        from autograd.compiler import loops, training
        from autograd.compiler.recording import collector_resting

        self._np, self._training = np, training
        self.optimizer, self._recorded = optimizer, recorded
        if type(optimizer).step is not Optimizer.step:
            raise TypeError(
                f"{type(optimizer).__name__} has a step() of its own, which a compiled loop does not call; use engine='eager'"
            )
        self._size, self._fast = size, fast
        self._recipe: Recipe | None = None
        own = proxy(self)  # no cycle, which would keep model and recording until the collector comes
        with collector_resting():
            self._outline = self._outlined()
            self._loop = loops.loop(self._outline, lambda: own.recipe, size=size, engine=engine, fast=fast)
        self._progress: Any = None  # parameters and state between stretches
        self._gradient: Any = None
        self.engine = self._loop.name

    @property
    def recipe(self) -> "Recipe":
        """What is recorded; now, if an equal recording told enough."""
        self._recipe = self._recipe or self._newly_recorded()
        return self._recipe

    @property
    def table(self) -> Any:
        """The samples as an array [sample, input]: a row's inputs, the targets, and the weight if there are weights."""
        return self._recorded.table

    def _newly_recorded(self) -> "Recipe":
        recorded, parameters = self._recorded, tuple(self.optimizer.params)
        with recorded.drawing_nothing():
            (loss, right), inputs, form = recorded.loss_and_hit(draws=True)
            step = recorded.step
            excess = recorded.excess()
        samples = tuple(inputs[len(parameters) :])
        batch = self._training.Batch(parameters, samples, loss, right, excess, recorded.task.clip, step)
        return self._training.Recipe(batch, self._update(), form)

    def _update(self) -> "Update":
        with self._training.without_branches():
            return recorded_update(self.optimizer)

    def _form_of_update(self) -> "Fingerprint":
        """What is recorded of the optimizer's update, unless an equal one has been, which saves 0.4 ms."""
        made = update_parts(self.optimizer)
        return self._update().form() if made is None else updates.get(made, lambda: self._update().form())

    def _outlined(self) -> "Outline":
        """What the loop's code follows from, of what model, loss and optimizer do now: recorded, unless an equal task has been."""
        recorded, optimizer = self._recorded, self.optimizer
        parts = recorded.parts() if optimizer.params == recorded.learning else None
        self._recipe = None
        known = None if parts is None else recent.get(parts, self._known)
        if known is None:
            return self.recipe.outline()
        recorded.recall(known)
        return self._training.Outline(
            (*known.forms, self._form_of_update()), recorded.task.clip, len(optimizer.params), optimizer.memory, known.draws
        )

    def _known(self) -> Known | None:
        self._recipe = self._newly_recorded()
        return self._recorded.known(self._recipe.forms()[:2])

    def is_current(self) -> bool:
        """Whether what was recorded is still what the model, the loss and the optimizer do: callbacks may have changed them."""
        try:
            return self._outlined() == self._outline
        except TypeError:
            return False

    def start(self, parameters: Sequence[float]) -> None:
        """The next stretch starts from these parameters, the numbers that they have now."""
        optimizer, numbers = self.optimizer, self._np.fromiter(parameters, float, len(parameters))
        self._progress = self._training.Progress(numbers, state_of(optimizer), optimizer.steps)

    def run(self, order: Sequence[Sequence[int]] | None, epochs: int, best_loss: float) -> "Outcome":
        """Train for some epochs, with the samples of each in the order given; see ``write_back``."""
        np = self._np
        if self._progress is None:
            self.start(leaves.numbers(self.optimizer.params))
        places = None if order is None else np.array(order, dtype=np.int32)
        count = epochs * -(-len(self._recorded.table) // self._size)
        outcome = self._loop.run(
            self._recorded.table,
            places,
            self._progress,
            size=self._size,
            rates=self._rates(count),
            epochs=epochs,
            best_loss=best_loss,
        )
        self._gradient = outcome.gradient
        return outcome

    def _rates(self, count: int) -> Any:
        """The learning rates of the next steps."""
        optimizer, steps = self.optimizer, self._progress.steps
        if optimizer.schedule is None:
            return self._np.full(count, optimizer.lr)
        return self._np.array([optimizer.rate(step) for step in range(steps + 1, steps + count + 1)])

    def write_back(self) -> None:
        """Bring parameters and optimizer up to date; the next stretch starts from what they then hold."""
        progress, optimizer = self._progress, self.optimizer
        if progress is None or self._gradient is None:  # nothing was finished
            return
        self._progress = None
        write_back(optimizer, progress.parameters, progress.state, self._gradient, progress.steps)
        optimizer.lr = optimizer.rate(progress.steps)

    def evaluate(self, data: Samples) -> tuple[float, float]:
        """The mean loss and the right answers for other samples; see ``RecordedTask``."""
        return self._recorded.evaluate(data, self.engine, self._fast)


# --- Prediction ----------------------------------------------------------------------------------------------------------------


def recorded_scores(model: Any, data: Sequence[Row], *, everywhere: bool = False) -> tuple[list[Value], list[Value], bool]:
    """The model's outputs for a row, the inputs they were recorded from, and whether the model gives a list; parameters are leaves.

    The row is the first; a model that is not of this package's layers alone is tried on the last too. TypeError for what cannot be
    recorded once for all rows; or ``everywhere``, for rows that nobody has seen yet: then outputs are nan where an index is out of range.
    """
    import numpy as np

    from autograd.compiler import training
    from autograd.compiler.arguments import Argument

    several = True
    asked: list[list[tuple[Value, bool, str]]] = []

    def record(row: Row, kind: type[Value] = Argument) -> tuple[list[Value], list[Value]]:
        nonlocal several
        inputs = [kind(x) for x in row]
        asked.append([])
        with training.noting_branches(asked[-1]) as outputs:
            scores = model(inputs)
            several = isinstance(scores, (list, tuple))
            outputs += [y if isinstance(y, Value) else Value(y) for y in listed(scores)]
        refuse_other_ways(asked)
        return outputs, [*model.parameters(), *inputs]

    def plain(row: Row) -> list[float]:
        return [float(y.data if isinstance(y, Value) else y) for y in listed(model(row))]

    with drawing_nothing(None if is_ours(model) else model):
        outputs, given, _ = recorded_at(data[:1] if is_ours(model) else [data[0], data[-1]], record, plain)
    inputs = given[len(model.parameters()) :]
    branches = Branches(asked[0], inputs, everywhere=everywhere)
    branches.check(np.array(data, dtype=float), lambda i: plain(data[i]))
    if everywhere and branches.demanded:
        is_known = reduce(ops.both, branches.demanded)
        outputs = [ops.where(is_known, y, math.nan) for y in outputs]
    return outputs, inputs, several


def predictions(model: Any, data: Sequence[Row], *, engine: str, fast: bool = False) -> list[Any]:
    """The model's outputs for all rows from one compiled program, as ``predict`` gives them."""
    import numpy as np

    from autograd.compiler import training

    parameters = model.parameters()
    outputs, inputs, several = recorded_scores(model, data)
    program = training.sample_program(outputs, parameters, inputs)
    executor = engines.executor(program, engine=engine, fast=fast)
    shared, rows = executor.evaluate(np.array([p.data for p in parameters]), np.array(data, dtype=float).T)
    numbers, columns = iter(shared), iter(rows)
    table = [next(columns) if is_row else np.full(len(data), next(numbers)) for is_row, _ in program.outputs]
    return list(np.array(table).T.tolist()) if several else list(table[0].tolist())
