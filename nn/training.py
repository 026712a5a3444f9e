"""``fit``: mini-batch training of a module on samples, with what a person in front of it needs: progress, history, Ctrl-C.

What is minimised for a batch of n samples::

    E = (1/n) Σᵢ loss(model(xᵢ), tᵢ)  +  l2 · Σ p²

The order of summation is a promise: samples are taken in the order of the batch; each sample's graph is recorded, its loss
times 1/n added to E and its gradients, from the seed 1/n, to ``grad``, and the graph dropped before the next; the penalty comes
last. So memory is that of one sample, and the same seed gives the same bits.

``gradients`` is the part that computes; everything else here is bookkeeping around it. What one step does to a parameter is in
``optim``, what a loss is in ``losses``.
"""

import math
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, final

from autograd import Value, no_grad
from nn.compiled import CompiledTraining, chosen_engine
from nn.losses import Loss, Number, loss_of, penalty
from nn.module import Module
from nn.optim import Optimizer, optimizer_named
from nn.samples import Samples, Target, is_correct, is_labelled, samples

if TYPE_CHECKING:
    from autograd.compiler.training import Outcome


@dataclass
class History:
    """What ``fit`` saw: for each finished epoch, counted from 1, an entry in each list.

    ``loss`` is the mean of E over the epoch's batches, as they were met, and ``accuracy`` the share of right answers on the way;
    ``validation_loss`` (without the penalty) and ``validation_accuracy`` are measured at the end of the epoch. Lists of what was
    not measured stay empty: accuracies are, if the targets are no labels. ``interrupted`` tells that Ctrl-C ended the training,
    ``engine`` what computed: "eager", "llvm" or "numpy".
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    interrupted: bool = False
    engine: str = "eager"

    @property
    def epochs(self) -> int:
        """The number of finished epochs."""
        return len(self.loss)

    @property
    def best_epoch(self) -> int:
        """The first epoch with the lowest validation loss, or loss if there was no validation; 0 before the first has ended."""
        losses = self.validation_loss or self.loss
        return losses.index(min(losses)) + 1 if losses else 0

    def __repr__(self) -> str:
        lists = ("loss", "accuracy", "validation_loss", "validation_accuracy")
        last = "".join(f", {name}={getattr(self, name)[-1]:.4g}" for name in lists if getattr(self, name))
        return f"History(epochs={self.epochs}{last}{', interrupted' if self.interrupted else ''})"


# Recording and compiling takes about as long as this many parameters seen by samples eagerly: 0.3 s.
WORK_WORTH_COMPILING = 300_000
# A compiled loop returns to Python about this often: for the progress bar and for Ctrl-C.
STRETCH_SECONDS = 0.05

Callback = Callable[[int, History], object]


class Tally(NamedTuple):
    """The mean loss of some samples, and how many of them were answered correctly."""

    loss: float
    correct: int


class Task(NamedTuple):
    """What is to be learnt: model, loss, penalty, and the threshold between two classes (None: the targets are no labels)."""

    model: Module
    loss: Callable[[Number, Number], Number]
    l2: float
    threshold: float | None

    def judge(self, scores: Any, target: Target) -> bool:
        """Whether the scores choose the target's class."""
        return self.threshold is not None and is_correct(_plain(scores), target, self.threshold)


def gradients(task: Task, batch: Samples, penalised: Sequence[Value]) -> Tally:
    """E of the batch; its gradients are added to ``grad`` of the parameters."""
    share = 1.0 / len(batch.rows)
    loss, correct = 0.0, 0
    for row, target in zip(*batch, strict=True):
        scores = task.model(row)
        error = task.loss(scores, target)
        error.backward(share)
        loss += error.data * share
        correct += task.judge(scores, target)
    if task.l2:
        excess = penalty(task.l2, penalised)
        excess.backward()
        loss += excess.data
    return Tally(loss, correct)


def evaluate(task: Task, data: Samples) -> Tally:
    """The mean loss of the data, without the penalty; nothing is recorded."""
    loss, correct = 0.0, 0
    with no_grad():
        for row, target in zip(*data, strict=True):
            scores = task.model(row)
            loss += _number(task.loss(scores, target))
            correct += task.judge(scores, target)
    return Tally(loss / len(data.rows), correct)


def fit(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: str | Callable[[Number, Number], Number] = "mse",
    optimizer: Optimizer | str,
    l2: float = 0.0,
    epochs: int,
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    validation: tuple[Any, Any] | None = None,
    engine: str = "auto",
    fast: bool = False,
) -> History:
    """Train the model on rows ``X`` and targets ``y`` (nested lists or arrays), and return how it went.

    ``loss`` is ``"mse"``, ``"half_sse"``, ``"hinge"`` (targets ±1), ``"bce"`` (0 and 1), ``"cross_entropy"`` (class numbers) or a
    function ``(scores, target) -> Value`` of one sample. ``optimizer`` is ``"sgd"``, ``"adam"``, ``"adamw"`` (at their usual
    rates) or an object, such as ``nn.Adam(model.parameters(), lr=0.02)``. ``l2`` adds l2·Σp² over the model's parameters.

    ``batch_size=None`` takes all samples in one batch, in the order given. Smaller batches are drawn anew for each epoch, if
    ``shuffle``, by a generator of its own with that ``seed``. ``callbacks`` are called after each epoch with its number, from 1,
    and the history; one that returns something true ends the training. ``validation`` is a pair like ``X, y``.

    ``engine`` is "llvm" (native code) or "numpy" for a compiled training loop, "eager" for plain Python, or "auto": native code
    where the extra ``fast`` is installed, the work is long enough to pay for compiling and the model can be recorded once for all
    samples. A model that cannot be so is trained eagerly by "auto", and a TypeError with the others. All engines give the same bits
    for batches of up to eight samples; in larger ones each sum over the samples agrees to 1e-12, and training may amplify that.
    ``fast=True`` trades the bits for speed (see ``autograd.compile``), in compiled training only.

    At the end the model has its last weights; the history's ``best_epoch`` tells whether earlier ones were better.
    Ctrl-C ends the training too: the model keeps the weights of the best epoch so far and a line on stderr says so. A loss or
    weight that becomes nan or inf raises FloatingPointError, likewise with the best weights kept. ValueError and TypeError for
    wrong input come before the first step.

    >>> import nn
    >>> model = nn.MLP(1, [1], seed=0)
    >>> history = nn.fit(model, [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], optimizer="sgd", epochs=200, progress=False)
    >>> [round(y, 2) for y in model.predict([[0.0], [10.0]])]
    [1.0, 21.0]
    """
    data = samples(X, y)
    held_out = None if validation is None else samples(*validation, names=("validation X", "validation y"))
    spec = loss_of(loss)
    _check_settings(l2, epochs, batch_size)
    data, held_out, threshold = _fitted(model, spec, data, held_out)
    task = Task(model, spec.function, float(l2), threshold)
    parameters = model.parameters()
    chosen = optimizer_named(optimizer, parameters) if isinstance(optimizer, str) else _checked(optimizer, parameters)
    size = min(batch_size or len(data.rows), len(data.rows))
    generator = random.Random(seed) if shuffle and size < len(data.rows) else None
    compiled = _compiled(task, parameters, chosen, data, size, epochs, engine, fast)
    with _Bar(epochs * math.ceil(len(data.rows) / size), progress) as bar:
        training = _Training(task, chosen, parameters, bar)
        return training.run(data, held_out, size, epochs, generator, callbacks, compiled)


def _compiled(
    task: Task,
    parameters: list[Value],
    optimizer: Optimizer,
    data: Samples,
    size: int,
    epochs: int,
    engine: str,
    fast: bool,
) -> CompiledTraining | None:
    """The compiled training loop; None if training is to be eager."""
    chosen = chosen_engine(engine)
    work = epochs * len(data.rows) * len(optimizer.params)
    if chosen == "eager" or (engine == "auto" and work < WORK_WORTH_COMPILING):
        return None
    try:
        return CompiledTraining(task, parameters, optimizer, data, size=size, engine=chosen, fast=fast)
    except TypeError:  # what cannot be recorded once for all samples
        if engine == "auto":
            return None
        raise


# --- The training loop ---------------------------------------------------------------------------------------------------------


@final
class _Training:
    """One run of ``fit``: its history, and the best weights so far."""

    def __init__(self, task: Task, optimizer: Optimizer, parameters: list[Value], bar: "_Bar") -> None:
        self.task, self.optimizer, self.bar = task, optimizer, bar
        self.penalised = parameters
        self.weights = list(dict.fromkeys([*parameters, *optimizer.params]))
        self.history = History()
        self.best = [p.data for p in self.weights]

    def run(
        self,
        data: Samples,
        held_out: Samples | None,
        size: int,
        epochs: int,
        generator: random.Random | None,
        callbacks: Sequence[Callback],
        compiled: CompiledTraining | None,
    ) -> History:
        """Train for all epochs, or until a callback or Ctrl-C says otherwise."""
        try:
            if compiled is not None and not self.run_compiled(compiled, data, held_out, size, epochs, generator, callbacks):
                return self.history
            self.history.engine = "eager"
            for epoch in range(self.history.epochs + 1, epochs + 1):
                tally = self.epoch(f"epoch {epoch:{len(str(epochs))}}/{epochs}", epoch, data, _batches(data, size, generator))
                self.note(tally, len(data.rows), held_out)
                if any([callback(epoch, self.history) for callback in callbacks]):
                    break
        except KeyboardInterrupt:
            self.history.interrupted = True
            self.bar.say(self.keep_best(epochs))
        except FloatingPointError:
            self.restore()
            raise
        return self.history

    def run_compiled(
        self,
        compiled: CompiledTraining,
        data: Samples,
        held_out: Samples | None,
        size: int,
        epochs: int,
        generator: random.Random | None,
        callbacks: Sequence[Callback],
    ) -> bool:
        """Train by stretches of epochs; of one epoch each if someone wants to look in between.

        Returns whether there is more to be done, eagerly: a callback has changed what the recording holds as it was.
        """
        self.history.engine = compiled.engine
        n, steps, stretch = len(data.rows), math.ceil(len(data.rows) / size), 1
        lowest, best = math.inf, None
        try:
            while self.history.epochs < epochs:
                count = 1 if callbacks or held_out else min(stretch, epochs - self.history.epochs)
                order = None if generator is None else [_shuffled(n, generator) for _ in range(count)]
                start = time.perf_counter()
                outcome = compiled.run(order, count, lowest)
                if outcome.best_loss < lowest and not held_out:
                    lowest, best = outcome.best_loss, outcome.best
                if callbacks or held_out:
                    compiled.write_back()
                self.note_stretch(compiled, outcome, n, held_out)
                if outcome.failed is not None:
                    self.check(self.history.epochs + 1, outcome.failed)
                accuracy = f"  accuracy {self.history.accuracy[-1]:6.1%}" if self.history.accuracy else ""
                epoch = self.history.epochs
                self.bar.advance(
                    f"epoch {epoch:{len(str(epochs))}}/{epochs}  loss {self.history.loss[-1]:.4f}{accuracy}", steps * count
                )
                if any([callback(epoch, self.history) for callback in callbacks]):
                    break
                if callbacks and epoch < epochs and not compiled.is_current():
                    return True
                pace = (time.perf_counter() - start) / STRETCH_SECONDS
                if pace < 1.0:  # the first stretches are short, and their pace is not yet to be trusted
                    stretch = math.ceil(count / max(pace, 1 / 64))
        finally:
            compiled.write_back()
            if best is not None:
                self.remember(compiled.optimizer.params, best.tolist())
        return False

    def note_stretch(self, compiled: CompiledTraining, outcome: "Outcome", seen: int, held_out: Samples | None) -> None:
        """Write a stretch's epochs into the history."""
        history, labelled = self.history, self.task.threshold is not None
        history.loss.extend(outcome.losses.tolist())
        if labelled:
            history.accuracy.extend((outcome.hits / seen).tolist())
        if not held_out or outcome.failed is not None:
            return
        loss, correct = compiled.evaluate(held_out)
        history.validation_loss.append(loss)
        if labelled:
            history.validation_accuracy.append(correct / len(held_out.rows))
        if history.best_epoch == history.epochs:
            self.best = [p.data for p in self.weights]

    def remember(self, parameters: Sequence[Value], numbers: Sequence[float]) -> None:
        """Keep these numbers as the best."""
        best = dict(zip(parameters, numbers, strict=True))
        self.best = [best.get(p, p.data) for p in self.weights]

    def epoch(self, title: str, epoch: int, data: Samples, batches: Iterator[Samples]) -> Tally:
        """One step for each batch; the loss is the sum over the batches, in their order, of E times the batch's share of the data."""
        whole, seen, loss, correct = len(data.rows), 0, 0.0, 0
        for batch in batches:
            for p in self.weights:
                p.grad = 0.0
            tally = gradients(self.task, batch, self.penalised)
            self.check(epoch, tally.loss)
            self.optimizer.step()
            seen, correct = seen + len(batch.rows), correct + tally.correct
            loss += tally.loss * (len(batch.rows) / whole)
            accuracy = "" if self.task.threshold is None else f"  accuracy {correct / seen:6.1%}"
            self.bar.advance(f"{title}  loss {loss * whole / seen:.4f}{accuracy}")
        self.check(epoch, *[p.data for p in self.weights])
        return Tally(loss, correct)

    def note(self, tally: Tally, seen: int, held_out: Samples | None) -> None:
        """Write the epoch into the history; keep its weights if they are the best."""
        history, labelled = self.history, self.task.threshold is not None
        validation = evaluate(self.task, held_out) if held_out else None
        history.loss.append(tally.loss)
        if labelled:
            history.accuracy.append(tally.correct / seen)
        if validation and held_out:
            history.validation_loss.append(validation.loss)
        if validation and held_out and labelled:
            history.validation_accuracy.append(validation.correct / len(held_out.rows))
        if history.best_epoch == history.epochs:
            self.best = [p.data for p in self.weights]

    def check(self, epoch: int, *numbers: float) -> None:
        """FloatingPointError if the training has left the finite numbers."""
        bad = next((x for x in numbers if not math.isfinite(x)), None)
        if bad is None:
            return
        kept = f"of epoch {self.history.best_epoch}" if self.history.epochs else "it had before"
        raise FloatingPointError(
            f"the loss or a weight became {bad} in epoch {epoch}: try a smaller lr than {self.optimizer.lr:g}, or inputs scaled "
            f"to about 1; the model keeps the weights {kept}"
        )

    def keep_best(self, epochs: int) -> str:
        """After Ctrl-C: put the best weights back, and say which these are; without a finished epoch those of now are kept."""
        history = self.history
        if not history.epochs:
            return "Interrupted in the first epoch: the model keeps what it has learnt so far."
        self.restore()
        name = "validation loss" if history.validation_loss else "loss"
        best = min(history.validation_loss or history.loss)
        return (
            f"Interrupted after {history.epochs} of {epochs} epochs: the model keeps the weights of epoch {history.best_epoch} "
            f"({name} {best:.4g})."
        )

    def restore(self) -> None:
        """Put the best weights back."""
        for p, number in zip(self.weights, self.best, strict=True):
            p.data = number


def _batches(data: Samples, size: int, generator: random.Random | None) -> Iterator[Samples]:
    """The samples in batches of ``size``, the last perhaps smaller, in an order drawn from the generator if there is one."""
    order = list(range(len(data.rows))) if generator is None else _shuffled(len(data.rows), generator)
    for start in range(0, len(order), size):
        places = order[start : start + size]
        yield Samples([data.rows[i] for i in places], [data.targets[i] for i in places])


def _shuffled(n: int, generator: random.Random) -> list[int]:
    order = list(range(n))
    generator.shuffle(order)
    return order


# --- Checks before the first step ----------------------------------------------------------------------------------------------


def _check_settings(l2: float, epochs: int, batch_size: int | None) -> None:
    if not (l2 >= 0.0 and math.isfinite(l2)):
        raise ValueError(f"l2 must be a finite number of at least 0, got {l2!r}")
    for name, number in (("epochs", epochs), ("batch_size", batch_size)):
        if number is not None and (not isinstance(number, int) or number < 1):
            raise ValueError(f"{name} must be a whole number of at least 1, got {number!r}")


def _fitted(model: Module, loss: Loss, data: Samples, held_out: Samples | None) -> tuple[Samples, Samples | None, float | None]:
    """The samples with targets in the form that the loss wants, and the threshold between two classes."""
    with no_grad():
        outputs = len(_plain(model(data.rows[0])))
        if held_out:
            model(held_out.rows[0])
    threshold = None
    if is_labelled(data.targets, outputs):
        threshold = 0.5 if loss.squared and -1 not in data.targets else 0.0
    data = Samples(data.rows, _checked_targets("y", data.targets, loss, outputs))
    if held_out:
        held_out = Samples(held_out.rows, _checked_targets("validation y", held_out.targets, loss, outputs))
    return data, held_out, threshold


def _checked_targets(name: str, targets: Sequence[Target], loss: Loss, outputs: int) -> list[Target]:
    checked = []
    for i, target in enumerate(targets):
        try:
            checked.append(loss.check(target, outputs))
        except ValueError as error:
            raise ValueError(f"{name}[{i}]: {error}") from None
    return checked


def _checked(optimizer: Optimizer, parameters: list[Value]) -> Optimizer:
    own = set(parameters)
    if not any(p in own for p in optimizer.params):
        raise ValueError(f"{optimizer!r} holds no parameter of this model: make one with model.parameters()")
    return optimizer


def _number(x: Any) -> float:
    return float(x.data) if isinstance(x, Value) else float(x)


def _plain(scores: Any) -> list[float]:
    return [_number(score) for score in (scores if isinstance(scores, (list, tuple)) else [scores])]


# --- The progress bar ----------------------------------------------------------------------------------------------------------


@final
class _Bar:
    """tqdm's progress bar, or nothing."""

    def __init__(self, steps: int, shown: bool) -> None:
        self.bar: Any = None
        if shown:
            from tqdm import tqdm  # 30 ms, and not needed without a bar

            self.bar = tqdm(total=steps, bar_format="{desc}  {percentage:3.0f}% |{bar:24}| {elapsed}, {remaining} left")

    def advance(self, text: str, steps: int = 1) -> None:
        """Some steps further."""
        if self.bar is not None:
            self.bar.set_description_str(text, refresh=False)
            self.bar.update(steps)

    def say(self, text: str) -> None:
        """A line on stderr, below the bar."""
        self.__exit__(None, None, None)
        print(text, file=sys.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.bar is not None:
            with suppress(KeyboardInterrupt):
                self.bar.close()
