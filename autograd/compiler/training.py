"""A whole training run as one program: the loss of a batch with its gradients, the optimizer's update (``loops`` has the loop around both).

Glossary::

    recipe     what is to be trained, recorded on one sample and on one parameter
    share      1/n for a batch of n samples: the weight of a sample's loss, and the seed of its derivatives
    hit        1.0 where a sample is answered correctly, else 0.0
    table      the training set as an array [sample, input]: what the recorded sample reads, one line for each sample

The samples of a batch are the lanes of the first program, the parameters those of the second.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from autograd.compiler.adjoints import gradient
from autograd.compiler.executors import Array
from autograd.compiler.normal import Graph, Terms, over_lanes
from autograd.compiler.packs import build, packed
from autograd.compiler.program import Program
from autograd.compiler.recorded import places
from autograd.compiler.recording import Fingerprint, fingerprint, recording
from autograd.modes import call_site
from autograd.value import Value

Order = npt.NDArray[np.int32]


@final
@dataclass(frozen=True)
class Update:
    """An optimizer's update recorded on one parameter: results (new p, new state …) from p, state …, g, step and lr."""

    p: Value
    state: tuple[Value, ...]
    g: Value
    step: Value
    lr: Value
    results: tuple[Value, ...]

    def form(self) -> Fingerprint:
        """What was recorded, without its numbers."""
        return fingerprint(self.results, [self.p, *self.state, self.g, self.step, self.lr])


@final
@dataclass(frozen=True)
class Batch:
    """What is computed of a batch: by the parameters and the inputs of one sample its loss and hit, a penalty or None.

    ``cut`` gives the factor for the gradient by Σg², or is None; it is hashable, and its equals do the same. ``learning`` is how many
    of the parameters, the first ones, have gradients; None: all.
    """

    parameters: tuple[Value, ...]
    inputs: tuple[Value, ...]
    loss: Value
    hit: Value
    penalty: Value | None
    cut: Callable[[Value], Value] | None
    step: Value | None = None  # the number of the step, from 1 on, where random numbers follow from it
    learning: int | None = None


@final
@dataclass(frozen=True)
class Recipe:
    """What is to be trained: a batch, the update that its gradients are for, and the form of loss and hit, the parameters first among the
    inputs."""

    batch: Batch
    update: Update
    form: Fingerprint

    def forms(self) -> tuple[Fingerprint, Fingerprint, Fingerprint]:
        """What was recorded, without its numbers: of loss and hit, of the penalty, and of the update."""
        batch = self.batch
        penalties = [] if batch.penalty is None else [batch.penalty]
        return self.form, fingerprint(penalties, batch.parameters if penalties else ()), self.update.form()

    def outline(self) -> "Outline":
        """What its code follows from."""
        return Outline(
            self.forms(), self.batch.cut, len(self.batch.parameters), len(self.update.state), self.batch.step is not None
        )


@final
@dataclass(frozen=True)
class Outline:
    """What the code of a recipe follows from: its forms, how the gradient is cut, and whether random numbers are drawn; and its sizes.

    Recipes of equal outlines have one code, so that of the second nothing but the outline has to be known.
    """

    forms: tuple[Fingerprint, ...]
    cut: Callable[[Value], Value] | None
    parameters: int
    memory: int
    draws: bool


@final
@dataclass
class Progress:
    """Where a run stands: the parameters, the optimizer's state [memory, parameter], and the steps taken."""

    parameters: Array
    state: Array
    steps: int


@final
@dataclass
class Outcome:
    """What a stretch of epochs brought: of each finished epoch the mean loss and the hits, and the best parameters.

    ``gradient`` is that of the last batch. ``failed`` is the loss or parameter that was not finite in the epoch after these, if any.
    """

    losses: Array
    hits: Array
    best: Array
    best_loss: float
    gradient: Array
    failed: float | None


class BranchError(TypeError):
    """What is to be recorded once for all samples branches on a number."""


def without_branches() -> contextlib.AbstractContextManager[list[Value]]:
    """A context in which a plain bool or float of a Value is a TypeError: it would hold for one sample only."""

    def refuse(condition: Value) -> None:
        raise branch_error(call_site())

    return recording(refuse)


def noting_branches(asked: list[tuple[Value, bool, str]]) -> contextlib.AbstractContextManager[list[Value]]:
    """A context in which every plain bool of a Value is noted: the condition, its answer and the source line."""
    return recording(lambda condition: asked.append((condition, condition._data != 0.0, call_site())))


def branch_error(site: str) -> BranchError:
    """What to say of a branch that would hold for one sample only."""
    return BranchError(f"a branch on a number at {site} cannot be recorded once for all samples; use autograd.where there")


def batch_program(batch: Batch, *, all_finite: bool = False) -> Program:
    """The gradients of E = Σ share·loss + penalty over the lanes, then E and the number of hits; shared inputs are the
    parameters, the share, and the step if there is one.

    ``all_finite`` is for ``gradient``.
    """
    share = Value(1.0, label="share")
    # A loss that is no row is the same for all samples: it counts once for each of them.
    error, hits, whole = over_lanes(batch.loss * share), over_lanes(batch.hit), over_lanes(share)
    penalties = [] if batch.penalty is None else [batch.penalty]
    for penalty in penalties:
        error = error + penalty
    steps = [] if batch.step is None else [batch.step]
    shared = [*batch.parameters, share, *steps]
    graph = Graph([batch.loss, error, hits, whole, *penalties], shared=shared, lanes=batch.inputs)
    xs = range(len(batch.parameters) if batch.learning is None else batch.learning)
    loss = graph.place(batch.loss)
    slopes = gradient(graph, loss, xs, graph.place(share if graph.is_row[loss] else whole), all_finite=all_finite)
    for penalty in penalties:
        slopes = graph.added(slopes, gradient(graph, graph.place(penalty), xs))
    if batch.cut is not None:
        slopes = _scaled(graph, slopes, batch.cut)
    return packed(graph, [*slopes, graph.place(error), graph.place(hits)])


def _scaled(graph: Graph, slopes: Sequence[int], cut: Callable[[Value], Value]) -> list[int]:
    """The gradient, times a factor that follows from the sum of its squares by kernels alone."""
    at, nothing = places(slopes), np.full(len(slopes), -1, np.int32)
    positive = np.ones(len(slopes), np.int8)
    square = Value(1.0)
    factor = cut(square)
    small = Graph([factor], shared=[square])
    known = {int(i): graph.constant(float(small.number[i])) for i in np.flatnonzero(small.is_constant[: small.size])}
    known[0] = int(graph.add_sums(np.array([len(slopes)]), Terms(positive, at, at, nothing))[0])
    instances = [(small.level[i], i, k.op, row) for k in small.kernels for i, row in zip(k.at, k.operands.tolist(), strict=True)]
    for _, i, op, operands in sorted(instances, key=lambda instance: instance[:2]):
        known[int(i)] = int(graph.add_kernels(op, places([[known[o] for o in operands]]))[0])
    factors = np.full(len(slopes), known[small.place(factor)], np.int32)
    return [int(i) for i in graph.add_sums(np.ones(len(slopes), np.int64), Terms(positive, at, factors, nothing))]


def sample_program(outputs: Sequence[Value], parameters: Sequence[Value], inputs: Sequence[Value]) -> Program:
    """Numbers recorded on one sample, for all samples."""
    return build(outputs, shared=parameters, lanes=inputs)


def jacobian_program(hit: Value, residuals: Sequence[Value], inputs: Sequence[Value], parameters: int) -> Program:
    """Of each sample the hit, its residuals, and their slopes by the parameters, which are the first inputs; all inputs are lanes."""
    graph = Graph([hit, *residuals], lanes=inputs)
    slopes = [slope for r in residuals for slope in gradient(graph, graph.place(r), range(parameters))]
    return packed(graph, [*[graph.place(v) for v in (hit, *residuals)], *slopes])


def update_program(update: Update) -> Program:
    """The new parameters and states of all parameters, which are the lanes; rows in: p, state …, g."""
    return build(update.results, shared=[update.step, update.lr], lanes=[update.p, *update.state, update.g])
