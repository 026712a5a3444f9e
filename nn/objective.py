"""What a solver minimises, as a function of one flat array of the parameters that learn: eagerly, or by a program in native memory.

It is E and ∂E/∂p over all samples; or, for losses that are sums of squares, residuals rᵢ with E = Σ rᵢ² and their Jacobian:
√(wᵢ/n)·(y − t), times what the loss makes of it, for every sample and output, and √l2·p for every parameter that learns. The programs'
numbers are prepared once and stay where they are: a call costs some microseconds beside the arithmetic.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, final

import numpy as np
import numpy.typing as npt

from autograd import Value
from autograd.compiler.recent import Recent
from nn.losses import half_sse, mse
from nn.recorded import RecordedTask, hit, listed
from nn.samples import Samples
from nn.task import Task, evaluate, gradients, plain

if TYPE_CHECKING:
    from autograd.compiler.executors import Bound

Array = npt.NDArray[np.float64]

_recent = Recent[Any](8)

# How the square of an error counts in these losses, for so many outputs.
SQUARES: dict[Any, Callable[[int], float]] = {mse: lambda outputs: 1.0 / outputs, half_sse: lambda outputs: 0.5}


class Objective(Protocol):
    """What the solvers ask for; ``engine`` is what computes."""

    engine: str

    def loss_and_gradient(self, x: Array) -> tuple[float, Array, float]:
        """E at these parameters, its gradient, and how many answers are right."""

    def residuals(self, x: Array) -> tuple[Array, Array, float]:
        """The residuals, their Jacobian [residual, parameter], and how many answers are right; the Jacobian until the next call."""

    def evaluate(self, data: Samples) -> tuple[float, float]:
        """The mean loss and the right answers for other samples, at the parameters that the model has now."""


def _scale(task: Task, outputs: int, count: int) -> float:
    return math.sqrt(SQUARES[task.loss](outputs) / count)


def _with_penalty(rows: Array, slopes: Array, x: Array, task: Task) -> tuple[Array, Array]:
    """Residuals and Jacobian with those of the penalty below, and rows of 0 so that there are as many as parameters (MINPACK asks)."""
    if task.l2:
        root = math.sqrt(task.l2)
        rows, slopes = np.concatenate([rows, root * x]), np.concatenate([slopes, root * np.eye(len(x))])
    missing = len(x) - len(rows)
    if missing <= 0:
        return rows, slopes
    return np.concatenate([rows, np.zeros(missing)]), np.concatenate([slopes, np.zeros((missing, len(x)))])


@final
class EagerObjective:
    """The objective in plain Python."""

    engine = "eager"

    def __init__(self, task: Task, learning: Sequence[Value], penalised: Sequence[Value], data: Samples) -> None:
        self.task, self.learning, self.penalised, self.data = task, learning, penalised, data

    def _at(self, x: Array) -> None:
        for p, number in zip(self.learning, x.tolist(), strict=True):
            p.data, p.grad = number, 0.0

    def loss_and_gradient(self, x: Array) -> tuple[float, Array, float]:
        """See ``Objective``."""
        self._at(x)
        tally = gradients(self.task, self.data, self.penalised, step=1)
        return tally.loss, np.array([p.grad for p in self.learning]), tally.correct

    def residuals(self, x: Array) -> tuple[Array, Array, float]:
        """See ``Objective``."""
        rows, slopes, correct = [], [], 0.0
        self._at(x)
        for row, target, weight in self.data.each():
            scores = listed(self.task.model(row))
            scale = _scale(self.task, len(scores), len(self.data.rows)) * math.sqrt(1.0 if weight is None else weight)
            for score, t in zip(scores, listed(target), strict=True):
                self._at(x)
                residual = (score - t) * scale
                residual.backward()
                rows.append(residual.data)
                slopes.append([p.grad for p in self.learning])
            correct += self.task.judge(plain(scores), target, weight)
        return *_with_penalty(np.array(rows), np.array(slopes), x, self.task), correct

    def evaluate(self, data: Samples) -> tuple[float, float]:
        """See ``Objective``."""
        return evaluate(self.task, data)


@final
class Parts:
    """The objective over samples in parts, such as those of one length each: the mean of the parts' by their numbers of samples."""

    def __init__(self, parts: Sequence["CompiledObjective"]) -> None:
        counts = [len(part.recorded.table) for part in parts]
        self.parts, self.shares, self.engine = parts, [count / sum(counts) for count in counts], parts[0].engine

    def loss_and_gradient(self, x: Array) -> tuple[float, Array, float]:
        """See ``Objective``."""
        losses, slopes, hits = zip(*[part.loss_and_gradient(x) for part in self.parts], strict=True)
        return float(np.dot(self.shares, losses)), np.array(self.shares) @ np.array(slopes), sum(hits)

    def residuals(self, x: Array) -> tuple[Array, Array, float]:
        """See ``Objective``."""
        rows, slopes, hits = zip(*[part.residuals(x) for part in self.parts], strict=True)
        roots = np.sqrt(np.repeat(self.shares, list(map(len, rows))))
        return np.concatenate(rows) * roots, np.concatenate(slopes) * roots[:, None], sum(hits)

    def evaluate(self, data: Samples) -> tuple[float, float]:
        """See ``Objective``."""
        return evaluate(self.parts[0].recorded.task, data)


@final
class CompiledObjective:
    """The objective as a program: of the loss and its gradient, or of ``squares``, the residuals and their Jacobian."""

    def __init__(self, recorded: RecordedTask, engine: str, fast: bool, *, squares: bool) -> None:
        self.recorded, self.engine, self.fast, self._squares = recorded, engine, fast, squares
        with recorded.drawing_nothing():
            self._program = self._jacobian_program(len(recorded.learning)) if squares else self._gradient_program()

    def loss_and_gradient(self, x: Array) -> tuple[float, Array, float]:
        """See ``Objective``."""
        program, n = self._program, len(x)
        program.inputs[:n] = x
        program.run()
        loss, hits = program.outputs[n:].tolist()
        return loss, program.outputs[:n].copy(), hits

    def _gradient_program(self) -> "Bound":
        from autograd.compiler import training

        (loss, right), inputs, _ = self.recorded.loss_and_hit()
        learning, excess = tuple(self.recorded.learning), self.recorded.excess()
        batch = training.Batch(learning, tuple(inputs[len(learning) :]), loss, right, excess, None)
        outputs = [loss, right] if excess is None else [loss, right, excess]
        executor = self._executor(outputs, inputs, lambda: training.batch_program(batch))
        program: Bound = executor.bound(self.recorded.table.T)
        program.inputs[-1] = 1.0 / len(self.recorded.table)
        return program

    def _executor(self, outputs: Sequence[Value], inputs: Sequence[Value], program: Callable[[], Any]) -> Any:
        """What runs a program, which follows from these outputs; that of the last ones is kept: many starts are compiled once."""
        from autograd.compiler import engines
        from autograd.compiler.recording import fingerprint

        def made() -> Any:
            return engines.executor(program(), engine=self.engine, fast=self.fast)

        form = fingerprint(outputs, inputs)
        key = form, len(outputs), len(self.recorded.learning), self._squares, self.engine, self.fast
        return made() if form.own_ops else _recent.get(key, made)

    def residuals(self, x: Array) -> tuple[Array, Array, float]:
        """See ``Objective``."""
        program, task, outputs = self._program, self.recorded.task, self._outputs
        program.lanes[: len(x)] = x[:, None]
        program.run()
        outputs[self._varying] = program.rows
        count = len(outputs) // (1 + len(x))
        rows, slopes = outputs[1 : 1 + count], outputs[1 + count :].reshape(count, len(x), -1)
        hits = float(outputs[0].sum()) if task.threshold is not None else 0.0
        jacobian = slopes.transpose(0, 2, 1).reshape(-1, len(x))
        return *_with_penalty(rows.ravel().copy(), jacobian, x, task), hits

    def _jacobian_program(self, n: int) -> "Bound":
        from autograd.compiler import training

        recorded, task = self.recorded, self.recorded.task

        def measured(scores: Any, wanted: Any, weights: Sequence[Value]) -> list[Any]:
            right = hit(listed(scores), listed(wanted), task.threshold)
            scale: Any = _scale(task, len(listed(scores)), len(recorded.table))
            for weight in weights:
                scale, right = scale * weight**0.5, right * weight
            return [right, *[(y - t) * scale for y, t in zip(listed(scores), listed(wanted), strict=True)]]

        (right, *residuals), inputs, _ = recorded.recorded(measured, lambda *sample: [])
        executor = self._executor([right, *residuals], inputs, lambda: training.jacobian_program(right, residuals, inputs, n))
        program: Bound = executor.bound(np.concatenate([np.zeros((n, len(recorded.table))), recorded.table.T]))
        self._outputs, self._varying = self._laid_out(program, np.array([is_row for is_row, _ in executor.program.outputs]))
        return program

    def _laid_out(self, program: "Bound", is_row: npt.NDArray[np.bool_]) -> tuple[Array, Any]:
        """All outputs as an array [output, sample], and where those stand that vary: what is the same for all samples, such as a slope
        by the last bias, follows from no input, since all are lanes, and is written once."""
        program.run()
        outputs, varying = np.empty((len(is_row), len(self.recorded.table))), np.flatnonzero(is_row)
        outputs[~is_row] = program.outputs[:, None]
        follow_each_other = len(varying) and varying[-1] - varying[0] == len(varying) - 1
        return outputs, slice(varying[0], varying[-1] + 1) if follow_each_other else varying

    def evaluate(self, data: Samples) -> tuple[float, float]:
        """See ``Objective``."""
        return self.recorded.evaluate(data, self.engine, self.fast)
