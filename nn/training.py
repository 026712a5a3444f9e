"""``fit``: mini-batch training of a module on samples, with what a person in front of it needs: progress, history, Ctrl-C.

Here everything is read and checked before the first step. ``task`` says what is minimised, ``loop`` goes through the epochs, ``engines``
chooses what computes. What one step does to a parameter is in ``optim``, what a loss is in ``losses``.
"""

from collections.abc import Callable, Sequence
from typing import Any

from autograd import Value, no_grad
from autograd.ops import describe
from nn.batch import batch_layers
from nn.clipping import checked_clip
from nn.drawing import drawing
from nn.engines import Way, by_solver, by_steps
from nn.history import History
from nn.known import made_of
from nn.loop import Callback, Plan, Training
from nn.losses import Number, half_sse, loss_of, mse
from nn.module import Module
from nn.optim import SOLVERS, Optimizer, Rate, optimizer_named
from nn.progress import Bar
from nn.reading import Reader
from nn.samples import Row
from nn.settings import nonnegative, seeded, whole
from nn.stopping import Stopping, set_aside
from nn.task import Task
from nn.weighing import ClassWeight, normalised

# What can be said to learn: a layer, or a parameter.
Part = Module | Value


def fit(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: str | Callable[[Number, Number], Number] = "mse",
    optimizer: Optimizer | str = "adam",
    lr: Rate | str | None = None,
    l2: float = 0.0,
    l1: float = 0.0,
    clip: float | None = None,
    trainable: Part | Sequence[Part] | None = None,
    epochs: int,
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    sample_weight: Any = None,
    class_weight: ClassWeight | None = None,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    validation: Sequence[Any] | float | None = None,
    patience: int | None = None,
    min_delta: float = 0.0,
    restore_best: bool = False,
    engine: str = "auto",
    fast: bool = False,
) -> History:
    """Train the model on rows ``X`` and targets ``y`` (nested lists, arrays or data frames), and return how it went.

    ``loss`` is ``"mse"``, the mean squared error (the default); ``"half_sse"``, ``"hinge"`` (targets ±1), ``"bce"`` (0 and 1),
    ``"cross_entropy"`` (class numbers) or a function ``(scores, target) -> Value`` of one sample. Labels that are no numbers, such as
    words, are numbered for the loss: ``model.classes`` are these labels, sorted, unless it was set before.

    ``optimizer`` is ``"adam"`` (the default), ``"sgd"``, ``"adamw"``, or an object, such as ``nn.Adam(model.parameters(), lr=0.02)``;
    or a solver of SciPy's on all samples at once, an epoch being one of its iterations: ``"lbfgs"`` for any loss, ``"lm"``
    (Levenberg–Marquardt) for squared errors without ``l1``, far ahead of the others on small smooth problems.
    With a name go ``lr``: a rate, a function of the step counted from 1, or a schedule over all steps from the optimizer's usual rate,
    ``"cosine"``, ``"step"`` or ``"warm-up"`` (see ``nn.schedules``); and ``trainable``: the layers or parameters that learn, all others
    stay as they are. ``l2`` adds l2·Σp² over the model's parameters and ``l1`` adds l1·Σ|p|; ``clip`` shortens the gradient of a batch
    to that norm.

    ``sample_weight`` says how much each sample counts in loss and accuracy, relative to the others: 2 as if it were given twice, 0 as
    if it were left out. ``class_weight`` does so for classes: a dict, or ``"balanced"`` for as much of each.

    ``batch_size=None`` takes all samples in one batch, in the order given. Smaller batches are drawn anew for each epoch, if
    ``shuffle``, by a generator of its own with that ``seed``. ``callbacks`` are called after each epoch with its number, from
    1, and the history; one that returns something true ends the training. One whose attribute ``only_looks`` is true, as that
    of ``viz.watch``, changes nothing: compiled training calls it after stretches of epochs, some twenty times a second.
    ``validation`` is a pair like ``X, y``, perhaps with weights as a third, or the share of the samples to set aside for it,
    drawn by ``seed``, of every class its part. ``patience`` ends the training once that many epochs in a row have not brought
    the validation loss below its lowest by more than ``min_delta``.

    ``engine`` is "llvm" (native code) or "numpy" for a compiled training loop, "eager" for plain Python, or "auto": native code
    where the extra ``fast`` is installed, the work is long enough to pay for compiling and the model can be recorded. Where model or
    loss branch on numbers, a batch is split by the ways that its samples take, by "auto" as long as that pays. A model that cannot
    be recorded is trained eagerly by "auto", and a TypeError with the others. All engines give the same bits for batches of up to
    eight samples that take one way; else each sum over the samples agrees to 1e-12, and training may amplify that. (So it
    does where a model computes with its parameters alone, such as a GRU at its first step: that is done once for a batch.)
    ``fast=True`` trades the bits for speed (see ``autograd.compile``), in compiled training only.

    What layers such as ``nn.Dropout`` draw follows from their seed, the number of the step and the place of the sample, so engines and
    interruptions change nothing of it; validation and ``predict`` draw nothing. A batch through ``nn.BatchNorm`` is one program, within
    which sums have the eager order.

    Rows of ``X`` may differ in length where the model ``takes_sequences``, as ``nn.GRU`` and ``nn.Embedding`` do. Compiled training splits
    a batch by length then, with one program for each; with ``nn.BatchNorm``, that is so in front of the first one.

    At the end the model has its last weights, or with ``restore_best`` those of the epoch with the lowest validation loss.
    Ctrl-C ends the training too: the model keeps the weights of the best epoch so far and a line on stderr says so. A loss or
    weight that becomes nan or inf raises FloatingPointError, likewise with the best weights kept. ValueError and TypeError for
    wrong input come before the first step.

    >>> import nn
    >>> model = nn.MLP(1, [1], seed=0)
    >>> history = nn.fit(model, [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], optimizer="sgd", epochs=200, progress=False)
    >>> [round(y, 2) for y in model.predict([[0.0], [10.0]])]
    [1.0, 21.0]
    """
    if not isinstance(model, Module):
        raise TypeError(f"fit needs a module of nn, got {describe(model)}")
    spec = loss_of(loss)
    _check_settings(l2, l1, epochs, batch_size, callbacks)
    shuffler = seeded(seed)
    stopping, cut = Stopping(patience, min_delta, restore_best), checked_clip(clip)
    if validation is None and (patience is not None or restore_best):
        wanting = "restore_best=True looks for the lowest" if patience is None else f"patience={patience} waits for the"
        raise ValueError(f"{wanting} validation loss: give validation=(X, y), or a share such as 0.2")
    reader = Reader(model, spec, y, class_weight, sample_weight)
    data, held_out = reader.read(X, y, sample_weight), reader.validation(validation)
    if validation is not None and held_out is None:
        data, held_out = set_aside(data, _share(validation), seeded(seed), labelled=reader.threshold is not None)
    data, held_out = normalised(data, held_out)
    size = min(batch_size or len(data.rows), len(data.rows))
    steps = epochs * -(-len(data.rows) // size)
    if any(batch_layers(model)) and 1 in (size, len(data.rows) % size):
        raise ValueError(f"batch_size={size} leaves a batch of one sample, of which BatchNorm has no variance: choose another")
    task = Task(model, spec.function, float(l2), float(l1), reader.threshold, cut)
    made = made_of(model)
    parameters = model.parameters() if made is None else made.parameters
    generator = shuffler if shuffle and size < len(data.rows) else None
    plan = Plan(data, held_out, size, epochs, generator, callbacks, stopping)
    if isinstance(optimizer, str) and optimizer in SOLVERS:
        _check_solver(optimizer, task, data.rows[0], batch_size=batch_size, lr=lr, clip=clip)
        learning = _learning(parameters, trainable)
        train = by_solver(optimizer, Way(task, parameters, learning, plan, engine, fast, made))
    else:
        chosen = _optimizer(optimizer, parameters, trainable, lr, steps)
        learning = chosen.params
        train = by_steps(chosen, Way(task, parameters, learning, plan, engine, fast, made))
    model.classes = reader.classes
    with Bar(steps, progress) as bar:
        return Training(task, plan, parameters, learning, bar).run(train)


# --- Checks before the first step ----------------------------------------------------------------------------------------------


def _check_solver(name: str, task: Task, row: Row, **settings: object) -> None:
    if any(batch_layers(task.model)):
        raise ValueError(
            f"optimizer={name!r} asks more often than it steps, and BatchNorm's running means would move: use 'adam'"
        )
    with no_grad(), drawing(step=1) as draw:
        task.model(row)
    if draw.is_used:
        raise ValueError(
            f"optimizer={name!r} needs the same loss wherever it asks again, but the model draws random numbers: use 'adam' for it"
        )
    given = next((setting for setting, x in settings.items() if x is not None), None)
    if given is not None:
        raise ValueError(f"optimizer={name!r} takes all samples at once and finds its own steps: leave out {given}")
    if name == "lm" and (task.loss not in (mse, half_sse) or task.l1):
        raise ValueError('optimizer="lm" needs a sum of squares, loss="mse" or "half_sse" without l1; "lbfgs" takes any loss')


def _check_settings(l2: float, l1: float, epochs: int, batch_size: int | None, callbacks: Sequence[Callback]) -> None:
    nonnegative(l2, "l2")
    nonnegative(l1, "l1")
    whole(epochs, "epochs")
    if batch_size is not None:
        whole(batch_size, "batch_size")
    if not isinstance(callbacks, Sequence):
        raise TypeError(f"callbacks must be a list of functions, got {type(callbacks).__name__}")
    for i, callback in enumerate(callbacks):
        if not callable(callback):
            raise TypeError(f"callbacks[{i}] must be a function of the epoch and the history, got {type(callback).__name__}")


def _share(validation: Any) -> float:
    if not isinstance(validation, int | float):
        raise TypeError(f"validation must be a pair (X, y) or a share such as 0.2, got {type(validation).__name__}")
    return validation


def _optimizer(
    optimizer: Optimizer | str, own: list[Value], trainable: Part | Sequence[Part] | None, lr: Rate | str | None, steps: int
) -> Optimizer:
    """The optimizer object, or a new one of that name for the parameters that learn."""
    if isinstance(optimizer, str):
        return optimizer_named(optimizer, _learning(own, trainable), lr, steps)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer must be a name, such as 'adam', or an optimizer, such as nn.Adam(model.parameters()), got {optimizer!r}"
        )
    for name, setting in (("lr", lr), ("trainable", trainable)):
        if setting is not None:
            raise ValueError(f"{name} goes with the name of an optimizer; {optimizer!r} was made with its own")
    if optimizer.params != own and set(own).isdisjoint(optimizer.params):
        raise ValueError(f"{optimizer!r} holds no parameter of this model: make one with model.parameters()")
    return optimizer


def _learning(own: list[Value], trainable: Part | Sequence[Part] | None) -> list[Value]:
    """The parameters that learn, in the model's order."""
    if trainable is None:
        return own
    parts = trainable if isinstance(trainable, Sequence) else [trainable]
    chosen: set[Value] = set()
    for i, part in enumerate(parts):
        if not isinstance(part, Module | Value):
            raise TypeError(f"trainable[{i}] must be a layer or a parameter of the model, got {type(part).__name__}")
        chosen.update(part.parameters() if isinstance(part, Module) else [part])
    strangers = len(chosen.difference(own))
    if strangers or not chosen:
        got = f"{strangers} parameter(s) that are not its" if strangers else "none"
        raise ValueError(f"trainable must hold layers or parameters of this model, got {got}")
    return [p for p in own if p in chosen]
