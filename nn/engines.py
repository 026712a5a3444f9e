"""What computes a training: native code or NumPy's for all batches alike, by the ways of samples, by whole batches, or plain Python.

``fit`` has checked everything by then. A name that was asked for is kept to; "auto" is native code where the work pays for it and what is
to be learnt can be recorded.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd import Value
from nn.batch import batch_layers
from nn.batchwise import Batchwise, Compiled, Eager, WhilePaying, seconds_eagerly
from nn.compiled import CompiledTraining, chosen_engine
from nn.known import Made
from nn.loop import Plan, Training
from nn.optim import Optimizer
from nn.recorded import RecordedTask
from nn.samples import by_length
from nn.task import Task

if TYPE_CHECKING:
    from nn.objective import Objective

# Recording and compiling takes about as long as this many parameters seen by samples eagerly: 0.3 s.
WORK_WORTH_COMPILING = 300_000

Train = Callable[[Training], object]


class Way(NamedTuple):
    """What is to be learnt, by which of the model's parameters, from what, and how that was asked for; and what the model is made of."""

    task: Task
    parameters: list[Value]
    learning: list[Value]
    plan: Plan
    engine: str
    fast: bool
    made: Made | None

    def chosen(self) -> str:
        """The engine: "eager", "numpy" or "llvm"."""
        work = self.plan.epochs * len(self.plan.data.rows) * len(self.learning)
        return "eager" if self.engine == "auto" and work < WORK_WORTH_COMPILING else chosen_engine(self.engine)

    def is_of_sequences(self) -> bool:
        """Whether samples differ in length."""
        held_out = [] if self.plan.held_out is None else self.plan.held_out.rows
        return len(by_length([*self.plan.data.rows, *held_out])) > 1


def by_steps(optimizer: Optimizer, way: Way) -> Train:
    """Step by step: in a compiled loop, batch by batch, or first the one and then the other."""
    compiled = _or_eagerly(way, lambda engine: _compiled(optimizer, way, engine), Eager())

    def train(training: Training) -> None:
        if isinstance(compiled, CompiledTraining):
            if training.run_compiled(compiled):
                training.run_batchwise(optimizer, Eager())
        else:
            training.run_batchwise(optimizer, compiled)

    return train


def by_solver(name: str, way: Way) -> Train:
    """By a solver, on a compiled objective or on one in plain Python."""
    try:
        from nn import solvers
        from nn.objective import CompiledObjective, EagerObjective, Parts
    except ImportError as error:
        raise ImportError(f'optimizer={name!r} needs SciPy: pip install "chalkgrad[solvers]"') from error

    def made(engine: str) -> "Objective":
        data = way.plan.data
        of_lengths = [data.at(places) for places in by_length(data.rows).values()]
        parts = [
            CompiledObjective(RecordedTask(way.task, way.learning, way.parameters, part), engine, way.fast, squares=name == "lm")
            for part in of_lengths
        ]
        return Parts(parts) if way.is_of_sequences() else parts[0]

    eager = EagerObjective(way.task, way.learning, way.parameters, way.plan.data)
    objective: Objective = _or_eagerly(way, made, eager)
    return lambda training: solvers.SOLVERS[name](training, objective)


def _or_eagerly(way: Way, make: Callable[[str], Any], eager: Any) -> Any:
    """What is made for the engine; eager training where that was asked for, or by "auto" where it does not pay or cannot be."""
    chosen = way.chosen()
    if chosen == "eager":
        return eager
    try:
        return make(chosen)
    except TypeError:  # what cannot be recorded
        if way.engine == "auto":
            return eager
        raise


def _compiled(optimizer: Optimizer, way: Way, engine: str) -> "CompiledTraining | Batchwise":
    from autograd.compiler.training import BranchError

    if any(batch_layers(way.task.model)) or way.is_of_sequences():
        return _batchwise(way, engine)
    try:
        recorded = RecordedTask(way.task, way.learning, way.parameters, way.plan.data, made=way.made)
        return CompiledTraining(recorded, optimizer, size=way.plan.size, engine=engine, fast=way.fast)
    except BranchError:
        return _batchwise(way, engine)


def _batchwise(way: Way, engine: str) -> Batchwise:
    """By whole batches or by ways; by "auto" for as long as that pays."""
    from nn.ways import ByWays
    from nn.whole import WholeBatches

    task, plan = way.task, way.plan
    fixed = frozenset(way.parameters).difference(way.learning)
    settings: dict[str, Any] = {"fixed": fixed, "is_watched": plan.has_callbacks, "engine": engine, "fast": way.fast}
    compiled: Compiled = (WholeBatches if any(batch_layers(task.model)) else ByWays)(task, plan.data, **settings)
    if way.engine != "auto":
        return compiled
    return WhilePaying(compiled, seconds_eagerly(task, plan.data), plan.epochs * len(plan.data.rows))
