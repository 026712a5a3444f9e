"""A whole training run as one program: the loss of a batch with its gradients, the optimizer's update, and the loop around both.

Glossary::

    recipe     what is to be trained, recorded on one sample and on one parameter
    share      1/n for a batch of n samples: the weight of a sample's loss, and the seed of its derivatives
    hit        1.0 where a sample is answered correctly, else 0.0
    table      the training set as an array [sample, input]: what the recorded sample reads, one line for each sample

The samples of a batch are the lanes of the first program, the parameters those of the second. With the native engine the loop is
native too: at 10 µs a step, a few Python calls would cost more than the work.
"""

import contextlib
import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy as np
import numpy.typing as npt

from autograd.compiler import engines
from autograd.compiler.numpy_executor import Array
from autograd.compiler.program import Fingerprint, Program, Slots, build, collector_resting, fingerprint, over_lanes, recording
from autograd.compiler.recent import Recent
from autograd.derivatives import adjoint_graph
from autograd.modes import call_site
from autograd.ops import Number
from autograd.value import Value, topological_order

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


@final
@dataclass(frozen=True)
class Recipe:
    """What is to be trained: the parameters, the inputs of one sample, its loss and hit, a penalty on the parameters or None."""

    parameters: tuple[Value, ...]
    inputs: tuple[Value, ...]
    loss: Value
    hit: Value
    penalty: Value | None
    update: Update
    form: Fingerprint  # of loss and hit, the parameters first among the inputs

    def forms(self) -> tuple[Fingerprint, ...]:
        """What was recorded, without its numbers: recipes of equal forms have one code."""
        penalties = [] if self.penalty is None else [self.penalty]
        update = self.update
        inputs = [update.p, *update.state, update.g, update.step, update.lr]
        return self.form, fingerprint(penalties, self.parameters), fingerprint(update.results, inputs)


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


def without_branches() -> contextlib.AbstractContextManager[list[Value]]:
    """A context in which a plain bool or float of a Value is a TypeError: it would hold for one sample only."""

    def refuse(condition: Value) -> None:
        raise TypeError(
            f"a branch on a number at {call_site()} cannot be recorded once for all samples; use autograd.where there"
        )

    return recording(refuse)


def batch_program(recipe: Recipe) -> Program:
    """The gradients of E = Σ share·loss + penalty over the lanes, then E and the number of hits; shared inputs end with the share."""
    share = Value(1.0, label="share")
    rows = set(recipe.inputs)
    for v in topological_order(recipe.loss, recipe.hit):
        if any([o in rows for o in v._prev]):
            rows.add(v)

    def crossing(node: Value, operand: Value, contribution: Number) -> Number:
        return over_lanes(contribution) if node in rows and operand not in rows else contribution

    # A loss that is no row is the same for all samples: it counts once for each of them.
    seed = share if recipe.loss in rows else over_lanes(share)
    gradients = adjoint_graph(recipe.loss, recipe.parameters, seed, crossing, anywhere=True)
    error = over_lanes(recipe.loss * share)
    if recipe.penalty is not None:
        gradients = [
            g + h for g, h in zip(gradients, adjoint_graph(recipe.penalty, recipe.parameters, anywhere=True), strict=True)
        ]
        error = error + recipe.penalty
    return build([*gradients, error, over_lanes(recipe.hit)], shared=[*recipe.parameters, share], lanes=recipe.inputs)


def sample_program(outputs: Sequence[Value], parameters: Sequence[Value], inputs: Sequence[Value]) -> Program:
    """Numbers recorded on one sample, for all samples."""
    return build(outputs, shared=parameters, lanes=inputs)


def update_program(update: Update) -> Program:
    """The new parameters and states of all parameters, which are the lanes; rows in: p, state …, g."""
    return build(update.results, shared=[update.step, update.lr], lanes=[update.p, *update.state, update.g])


class Loop(Protocol):
    """What trains for a stretch of epochs."""

    name: str

    def run(
        self, table: Array, order: Order | None, progress: Progress, *, size: int, epochs: int, lr: float, best_loss: float
    ) -> Outcome:
        """Train; ``order`` holds for each epoch the samples in the order in which they are taken, None means as they lie."""


def loop(recipe: Recipe, *, size: int, engine: str, fast: bool) -> Loop:
    """The training loop for batches of up to ``size`` samples."""
    with collector_resting():
        if engines.chosen(engine) == "llvm":
            return NativeLoop(recipe, size=size, fast=fast)
        return ArrayLoop(recipe, fast=fast)


@final
class ArrayLoop:
    """The loop in Python around NumPy executors."""

    name = "numpy"

    def __init__(self, recipe: Recipe, *, fast: bool) -> None:
        from autograd.compiler.numpy_executor import NumpyExecutor

        self._batch = NumpyExecutor(batch_program(recipe), fast=fast)
        self._update = NumpyExecutor(update_program(recipe.update), fast=fast)

    def run(
        self, table: Array, order: Order | None, progress: Progress, *, size: int, epochs: int, lr: float, best_loss: float
    ) -> Outcome:
        """See ``Loop``."""
        n = len(table)
        outcome = Outcome(
            np.zeros(0), np.zeros(0), progress.parameters.copy(), best_loss, np.zeros(len(progress.parameters)), None
        )
        for epoch in range(epochs):
            places = np.arange(n) if order is None else order[epoch]
            loss = hits = 0.0
            for start in range(0, n, size):
                lanes = table[places[start : start + size]].T
                error, right = self._step(lanes, progress, lr, outcome.gradient)
                if not np.isfinite(error):
                    outcome.failed = error
                    return outcome
                loss, hits = loss + error * (lanes.shape[1] / n), hits + right
            bad = progress.parameters[~np.isfinite(progress.parameters)]
            if bad.size:
                outcome.failed = float(bad[0])
                return outcome
            outcome.losses, outcome.hits = np.append(outcome.losses, loss), np.append(outcome.hits, hits)
            if outcome.losses[-1] < outcome.best_loss:
                outcome.best, outcome.best_loss = progress.parameters.copy(), float(outcome.losses[-1])
        return outcome

    def _step(self, lanes: Array, progress: Progress, lr: float, gradient: Array) -> tuple[float, float]:
        outputs, _ = self._batch.evaluate(np.append(progress.parameters, 1.0 / lanes.shape[1]), lanes)
        gradient[:] = outputs[:-2]
        error, hits = outputs[-2:]
        if np.isfinite(error):
            progress.steps += 1
            rows = np.array([progress.parameters, *progress.state, gradient])
            _, results = self._update.evaluate(np.array([progress.steps, lr]), rows)
            progress.parameters, progress.state = results[0], results[1:]
        return float(error), float(hits)


# --- The native loop -----------------------------------------------------------------------------------------------------------

_ARGUMENTS = (
    ["s", "r", "lanes", "out", "kept", "tab", "us", "ur", "uio", "utab", "table", "order", "losses", "hits", "best"],
    ["padded", "pcount", "ppadded", "n", "size", "epochs", "moving", "stride"],
)


@final
@dataclass(frozen=True)
class _Code:
    """What the recipes of one form have in common: the programs and their native code. Nothing here changes in a run."""

    programs: tuple[Program, Program]
    tables: list[Slots]
    width: int
    kept: int
    native: Any
    ir: str


def _code(recipe: Recipe, width: int, fast: bool) -> _Code:
    from autograd.compiler.llvm_executor import WIDTH, Native, has_library_bits
    from autograd.compiler.llvm_ir import Emitter

    programs = batch_program(recipe), update_program(recipe.update)
    emitters = [
        Emitter(program, width=lanes, fast=fast, exact=has_library_bits)
        for program, lanes in zip(programs, (width, WIDTH), strict=True)
    ]
    functions = [emitter.function(name) for emitter, name in zip(emitters, ("batch", "update"), strict=True)]
    if any(emitter.callbacks for emitter in emitters):
        raise TypeError("a native training loop needs ops that the table or autograd's functions define; use engine='numpy'")
    declarations = dict.fromkeys([*_DECLARATIONS, *[line for emitter in emitters for line in emitter.declarations()]])
    definitions = dict.fromkeys(emitter.definitions() for emitter in emitters)
    ir = "\n".join([*declarations, *definitions, *functions, _train(programs, width)])
    libm = dict.fromkeys(name for emitter in emitters for name in emitter.libm)
    native = Native.of(ir, list(libm), {}, unroll=True)
    return _Code(programs, [emitter.tables.array() for emitter in emitters], width, len(emitters[0].kept), native, ir)


# A second fit of the same network finds its code here, before differentiating and writing it again: 1.5 instead of 17 ms for 2-16-16-1.
recent: "Recent[_Code]" = Recent(8)


@final
class NativeLoop:
    """The loop, both programs and the gathering of batches as one piece of native code."""

    name = "llvm"

    def __init__(self, recipe: Recipe, *, size: int, fast: bool) -> None:
        from autograd.compiler.llvm_executor import WIDTH, aligned

        self._aligned = aligned
        self._size, self._unit = size, WIDTH
        width = next((w for w in (1, 2, 4) if size <= w), WIDTH)
        forms = recipe.forms()
        if any([form.own_ops for form in forms]):
            self._code = _code(recipe, width, fast)
        else:
            self._code = recent.get((forms, width, fast), lambda: _code(recipe, width, fast))
        self.llvm_ir = self._code.ir
        kinds = [ctypes.c_void_p] * len(_ARGUMENTS[0]) + [ctypes.c_int64] * len(_ARGUMENTS[1]) + [ctypes.c_double]
        self._train = ctypes.CFUNCTYPE(ctypes.c_int64, *kinds)(self._code.native.address("train"))
        self._arrays = self._allocate(len(recipe.parameters), len(recipe.update.state))

    def _allocate(self, parameters: int, memory: int) -> dict[str, Array]:
        batch, update = self._code.programs
        aligned, width, unit = self._aligned, self._code.width, self._unit
        self._padded = -(-self._size // width) * width
        self._ppadded = -(-parameters // unit) * unit
        arrays = {
            "s": aligned(batch.shared_size),
            "r": aligned(batch.rows_size, width),
            "lanes": aligned(max(batch.n_lanes, 1), self._padded),
            "kept": aligned(max(self._code.kept, 1), self._padded + width),
            "us": aligned(update.shared_size),
            "ur": aligned(update.rows_size, unit),
        }
        # The batch leaves its gradients where the update reads them, in the last row; loss and hits follow.
        rows = aligned((2 + memory) * self._ppadded + 2)
        arrays["uio"] = rows[:-2].reshape(2 + memory, self._ppadded)
        arrays["out"] = rows[(1 + memory) * self._ppadded :]
        arrays["s"][: len(batch.constants)] = batch.constants
        arrays["us"][: len(update.constants)] = update.constants
        return arrays

    def run(
        self, table: Array, order: Order | None, progress: Progress, *, size: int, epochs: int, lr: float, best_loss: float
    ) -> Outcome:
        """See ``Loop``."""
        n, count = len(table), len(progress.parameters)
        batch, update = self._code.programs
        losses, hits = np.empty(epochs + 1), np.empty(epochs)
        losses[epochs] = best_loss
        best = progress.parameters.copy()
        arrays: dict[str, Any] = dict(self._arrays)
        arrays |= {"tab": self._code.tables[0], "utab": self._code.tables[1], "losses": losses, "hits": hits, "best": best}
        arrays["table"] = np.ascontiguousarray(table, dtype=float)
        arrays["order"] = np.ascontiguousarray(np.arange(n, dtype=np.int32) if order is None else order, dtype=np.int32)
        uio, first, ufirst = arrays["uio"], len(batch.constants), len(update.constants)
        uio[:-1, :count] = [progress.parameters, *progress.state]
        arrays["s"][first : first + count] = progress.parameters
        arrays["us"][ufirst : ufirst + 2] = progress.steps, lr
        pointers = [arrays[name].ctypes.data for name in _ARGUMENTS[0]]
        numbers = [
            self._padded,
            count,
            self._ppadded,
            n,
            size,
            epochs,
            int(order is not None or size < n),
            0 if order is None else n,
        ]
        done = self._train(*pointers, *numbers, best_loss)
        finished = done if done >= 0 else -done - 1
        progress.parameters = uio[0, :count].copy()
        progress.state = uio[1:-1, :count].copy()
        progress.steps = int(arrays["us"][ufirst])
        failed = None if done >= 0 else _not_finite(progress.parameters, float(arrays["out"][count]))
        return Outcome(losses[:finished], hits[:finished], best, float(losses[epochs]), arrays["out"][:count].copy(), failed)


_DECLARATIONS = (
    "declare i64 @llvm.smin.i64(i64, i64)",
    "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
    "declare double @llvm.vector.reduce.fadd.v8f64(double, <8 x double>)",
)


def _not_finite(parameters: Array, error: float) -> float:
    bad = parameters[~np.isfinite(parameters)]
    return error if not np.isfinite(error) else float(bad[0])


def _train(programs: Sequence[Program], width: int) -> str:
    """The loop as IR: for each epoch, for each batch: gather the samples, run the batch, run the update."""
    from autograd.compiler.llvm_ir import Text, double

    batch, update = programs
    t = Text()
    inputs, count = batch.n_lanes, "%pcount"
    first, ufirst = len(batch.constants), len(update.constants)

    def at(array: str, index: str) -> str:
        return t.let(f"getelementptr inbounds double, ptr {array}, i64 {index}")

    def load(array: str, index: str) -> str:
        return t.let(f"load double, ptr {at(array, index)}")

    def store(x: str, array: str, index: str) -> None:
        t.do(f"store double {x}, ptr {at(array, index)}")

    def branch(condition: str, yes: str, no: str) -> None:
        t.do(f"br i1 {condition}, label %{yes}, label %{no}")

    def label(name: str) -> None:
        t.lines.append(f"{name}:")

    def times(a: str, b: str) -> str:
        return t.let(f"mul i64 {a}, {b}")

    def plus(a: str, b: str) -> str:
        return t.let(f"add i64 {a}, {b}")

    def copy(source: str, target: str) -> None:
        """As many numbers as there are parameters."""
        t.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {source}, i64 {size_of_parameters}, i1 false)")

    def finite(x: str) -> str:
        return t.let(f"fcmp oeq double {t.let(f'fsub double {x}, {x}')}, {double(0.0)}")

    size_of_parameters = times(count, "8")
    nothing = t.variable("<8 x double>", "nothing")
    loss, hits = t.variable("double", "loss"), t.variable("double", "hits")
    lowest, state = t.variable("double", "lowest"), t.variable("i64", "state")
    t.do(f"store double %best_loss, ptr {lowest}")
    t.do(f"store i64 1, ptr {state}")  # whether the lanes still have to be gathered
    whole = t.let("sitofp i64 %n to double")
    with t.loop(0, "%epochs") as epoch:
        t.do(f"store double {double(0.0)}, ptr {loss}")
        t.do(f"store double {double(0.0)}, ptr {hits}")
        with t.loop(0, "%n", "%size") as start:
            left = t.let(f"sub i64 %n, {start}")
            real = t.let(f"call i64 @llvm.smin.i64(i64 {left}, i64 %size)")
            rounded = times(t.let(f"sdiv i64 {plus(real, str(width - 1))}, {width}"), str(width))
            gathering = t.let(f"load i64, ptr {state}")
            branch(t.let(f"icmp ne i64 {gathering}, 0"), "gather", "gathered")
            label("gather")
            offset = plus(times(epoch, "%stride"), start)
            with t.loop(0, rounded) as lane:
                is_real = t.let(f"icmp slt i64 {lane}, {real}")
                place = plus(offset, t.let(f"select i1 {is_real}, i64 {lane}, i64 0"))
                sample = t.let(f"load i32, ptr {t.let(f'getelementptr inbounds i32, ptr %order, i64 {place}')}")
                line = times(t.let(f"sext i32 {sample} to i64"), str(inputs))
                with t.loop(0, inputs) as q:
                    x = load("%table", plus(line, q))
                    store(x, "%lanes", plus(times(q, rounded), lane))
            t.do(f"store i64 %moving, ptr {state}")
            t.do("br label %gathered")
            label("gathered")
            size = t.let(f"sitofp i64 {real} to double")
            share = t.let(f"fdiv double {double(1.0)}, {size}")
            store(share, "%s", plus(count, str(first)))
            t.do(
                "call void @batch(ptr %s, ptr %r, ptr %lanes, ptr %out, ptr null, ptr %kept, ptr %tab, "
                f"i64 {rounded}, i64 {real})"
            )
            error = load("%out", count)
            branch(finite(error), "sound", "broken")
            label("broken")
            t.do(f"ret i64 {t.let(f'sub i64 -1, {epoch}')}")
            label("sound")
            before = t.let(f"load double, ptr {loss}")
            weight = t.let(f"fdiv double {size}, {whole}")
            t.do(f"store double {t.let(f'fadd double {before}, ' + t.let(f'fmul double {error}, {weight}'))}, ptr {loss}")
            right = load("%out", plus(count, "1"))
            found = t.let(f"load double, ptr {hits}")
            t.do(f"store double {t.let(f'fadd double {found}, {right}')}, ptr {hits}")
            step = load("%us", str(ufirst))
            store(t.let(f"fadd double {step}, {double(1.0)}"), "%us", str(ufirst))
            t.do(
                "call void @update(ptr %us, ptr %ur, ptr %uio, ptr null, ptr %uio, ptr null, ptr %utab, "
                "i64 %ppadded, i64 %pcount)"
            )
            copy("%uio", at("%s", str(first)))
        mean = t.let(f"load double, ptr {loss}")
        store(mean, "%losses", epoch)
        store(t.let(f"load double, ptr {hits}"), "%hits", epoch)
        # x − x is 0 for a finite x, else nan; what the update makes of the padding after the parameters does not count
        t.do(f"store <8 x double> zeroinitializer, ptr {nothing}")
        with t.loop(0, "%ppadded", 8) as i:
            x = t.let(f"load <8 x double>, ptr {at('%uio', i)}")
            lanes = ", ".join(f"i64 {lane}" for lane in range(8))
            first_left = t.let(f"insertelement <8 x i64> poison, i64 {t.let(f'sub i64 {count}, {i}')}, i64 0")
            left = t.let(f"shufflevector <8 x i64> {first_left}, <8 x i64> poison, <8 x i32> zeroinitializer")
            real = t.let(f"icmp slt <8 x i64> <{lanes}>, {left}")
            difference = t.let(f"fsub <8 x double> {x}, {x}")
            zeros = t.let(f"select <8 x i1> {real}, <8 x double> {difference}, <8 x double> zeroinitializer")
            so_far = t.let(f"load <8 x double>, ptr {nothing}")
            t.do(f"store <8 x double> {t.let(f'fadd <8 x double> {so_far}, {zeros}')}, ptr {nothing}")
        zeros = t.let(f"load <8 x double>, ptr {nothing}")
        zero = t.let(f"call double @llvm.vector.reduce.fadd.v8f64(double {double(0.0)}, <8 x double> {zeros})")
        branch(finite(zero), "finite", "infinite")
        label("infinite")
        t.do(f"ret i64 {t.let(f'sub i64 -1, {epoch}')}")
        label("finite")
        record = t.let(f"load double, ptr {lowest}")
        branch(t.let(f"fcmp olt double {mean}, {record}"), "better", "judged")
        label("better")
        t.do(f"store double {mean}, ptr {lowest}")
        store(mean, "%losses", "%epochs")
        copy("%uio", "%best")
        t.do("br label %judged")
        label("judged")
    arguments = [*[f"ptr %{name}" for name in _ARGUMENTS[0]], *[f"i64 %{name}" for name in _ARGUMENTS[1]], "double %best_loss"]
    body = "\n".join([*t.stack, "  br label %entry", "entry:", *t.lines])
    return f"define i64 @train({', '.join(arguments)}) {{\n{body}\n  ret i64 %epochs\n}}\n"
