"""The training loop in native code: for each epoch, for each batch, gather the samples, run the batch's program, run the update's.

At 10 µs a step, a few Python calls would cost more than the work.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from autograd.compiler.program import Program, Slots
from autograd.compiler.recent import Recent
from autograd.compiler.targets.llvm.emitter import Emitter
from autograd.compiler.targets.llvm.executor import WIDTH, Native, aligned, has_library_bits
from autograd.compiler.targets.llvm.memory import Kept
from autograd.compiler.targets.llvm.text import Text, double, transposed
from autograd.compiler.targets.numpy import Array
from autograd.compiler.training import Order, Outcome, Progress, Recipe, batch_program, update_program

_ARGUMENTS = (
    ["s", "r", "lanes", "out", "kept", "tab", "us", "ur", "ends", "utab", "table", "order", "rates", "losses", "hits", "best"],
    ["padded", "pcount", "ppadded", "n", "size", "epochs", "moving", "stride"],
)


@final
@dataclass(frozen=True)
class _Code:
    """What the recipes of one form have in common: the programs and their native code. Nothing here changes in a run."""

    programs: tuple[Program, Program]
    tables: list[Slots]
    width: int
    kept: Kept
    native: Any
    ir: str


def _code(recipe: Recipe, width: int, fast: bool, all_finite: bool) -> _Code:
    programs = batch_program(recipe.batch, all_finite=all_finite), update_program(recipe.update)
    emitters = [
        Emitter(program, width=lanes, fast=fast, exact=has_library_bits, apart=apart)
        for program, lanes, apart in zip(programs, (width, WIDTH), (False, True), strict=True)
    ]
    functions = [emitter.function(name) for emitter, name in zip(emitters, ("batch", "update"), strict=True)]
    if any(emitter.callbacks for emitter in emitters):
        raise TypeError("a native training loop needs ops that the table or autograd's functions define; use engine='numpy'")
    declarations = dict.fromkeys([*_DECLARATIONS, *[line for emitter in emitters for line in emitter.declarations()]])
    definitions = dict.fromkeys(emitter.definitions() for emitter in emitters)
    ir = "\n".join([*declarations, *definitions, *functions, _train(programs, width, draws=recipe.batch.step is not None)])
    libm = dict.fromkeys(name for emitter in emitters for name in emitter.libm)
    native = Native.of(ir, list(libm), {})
    return _Code(programs, [emitter.tables.array() for emitter in emitters], width, emitters[0].kept, native, ir)


# A second fit of the same network finds its code here, before differentiating and writing it again: 1.5 instead of 17 ms for 2-16-16-1.
recent = Recent[_Code](8)


@final
class NativeLoop:
    """The loop, both programs and the gathering of batches as one piece of native code.

    It takes all numbers for finite, see ``gradient``. A stretch that ends in inf or nan is done again by code that does not.
    """

    name = "llvm"

    def __init__(self, recipe: Recipe, *, size: int, fast: bool) -> None:
        self._recipe, self._size, self._fast = recipe, size, fast
        self._prepare(all_finite=True)

    def _prepare(self, *, all_finite: bool) -> None:
        recipe, fast = self._recipe, self._fast
        self._all_finite = all_finite
        width = next((w for w in (1, 2, 4) if self._size <= w), WIDTH)
        forms = recipe.forms()
        if any([form.own_ops for form in forms]):
            self._code = _code(recipe, width, fast, all_finite)
        else:
            key = (forms, recipe.batch.cut, width, fast, all_finite)
            self._code = recent.get(key, lambda: _code(recipe, width, fast, all_finite))
        self.llvm_ir = self._code.ir
        kinds = [ctypes.c_void_p] * len(_ARGUMENTS[0]) + [ctypes.c_int64] * len(_ARGUMENTS[1]) + [ctypes.c_double]
        self._train = ctypes.CFUNCTYPE(ctypes.c_int64, *kinds)(self._code.native.address("train"))
        self._arrays = self._allocate(len(recipe.batch.parameters), len(recipe.update.state))

    def _allocate(self, parameters: int, memory: int) -> dict[str, Array]:
        batch, update = self._code.programs
        width, unit = self._code.width, WIDTH
        self._padded = -(-self._size // width) * width
        self._ppadded = -(-parameters // unit) * unit
        arrays = {
            "s": aligned(batch.shared_size + unit),  # the update writes padding after the parameters, which what follows replaces
            "r": aligned(batch.rows_size, width),
            "lanes": aligned(max(batch.n_lanes, 1), self._padded),
            "kept": aligned(self._code.kept.size(self._padded)),
            "us": aligned(update.shared_size),
            "ur": aligned(update.rows_size, unit),
        }
        # The batch leaves its gradients where the update reads them, in the last row; loss and hits follow.
        rows = aligned((1 + memory) * self._ppadded + 2)
        arrays["state"] = rows[: memory * self._ppadded].reshape(memory, self._ppadded)
        arrays["out"] = rows[memory * self._ppadded :]
        # The update reads and writes the parameters where the batch reads them.
        starts = [arrays["s"][len(batch.constants) :], *arrays["state"], arrays["out"]]
        self._ends = np.array([row.ctypes.data for row in starts], dtype=np.int64)
        arrays["s"][: len(batch.constants)] = batch.constants
        arrays["us"][: len(update.constants)] = update.constants
        return arrays

    def run(
        self, table: Array, order: Order | None, progress: Progress, *, size: int, rates: Array, epochs: int, best_loss: float
    ) -> Outcome:
        """See ``Loop``."""
        start = replace(progress)
        outcome = self._stretch(table, order, progress, size, rates, epochs, best_loss)
        if outcome.failed is None or not self._all_finite:
            return outcome
        self._prepare(all_finite=False)
        progress.parameters, progress.state, progress.steps = start.parameters, start.state, start.steps
        return self._stretch(table, order, progress, size, rates, epochs, best_loss)

    def _stretch(
        self, table: Array, order: Order | None, progress: Progress, size: int, rates: Array, epochs: int, best_loss: float
    ) -> Outcome:
        n, count = len(table), len(progress.parameters)
        batch, update = self._code.programs
        losses, hits = np.empty(epochs + 1), np.empty(epochs)
        losses[epochs] = best_loss
        best = progress.parameters.copy()
        arrays: dict[str, Any] = dict(self._arrays)
        arrays |= {"tab": self._code.tables[0], "utab": self._code.tables[1], "losses": losses, "hits": hits, "best": best}
        arrays["table"] = np.ascontiguousarray(table, dtype=float)
        arrays["order"] = np.ascontiguousarray(np.arange(n, dtype=np.int32) if order is None else order, dtype=np.int32)
        arrays["ends"] = self._ends
        parameters, ufirst = arrays["s"][len(batch.constants) :][:count], len(update.constants)
        parameters[:], arrays["state"][:, :count] = progress.parameters, progress.state
        arrays["us"][ufirst] = progress.steps
        arrays["rates"] = np.ascontiguousarray(rates, dtype=float)
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
        progress.parameters = parameters.copy()
        progress.state = arrays["state"][:, :count].copy()
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


def _train(programs: Sequence[Program], width: int, *, draws: bool) -> str:
    """The loop as IR: for each epoch, for each batch: gather the samples, run the batch, run the update."""
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

    def line_of(offset: str, lane: str, real: str) -> str:
        """Where the sample of a lane begins in the table; of one that is not real, the first sample's."""
        is_real = t.let(f"icmp slt i64 {lane}, {real}")
        place = plus(offset, t.let(f"select i1 {is_real}, i64 {lane}, i64 0"))
        sample = t.let(f"load i32, ptr {t.let(f'getelementptr inbounds i32, ptr %order, i64 {place}')}")
        return times(t.let(f"sext i32 {sample} to i64"), str(inputs))

    def gather(offset: str, real: str, rounded: str) -> None:
        """Copy the samples of a batch to the lanes, of 8 samples 8 inputs at a time."""
        whole = inputs - inputs % 8 if width == 8 else 0
        with t.loop(0, rounded, width) as first:
            lanes = [plus(first, str(k)) for k in range(width)]
            lines = [line_of(offset, lane, real) for lane in lanes]
            if whole:
                with t.loop(0, whole, 8) as q:
                    rows = [t.let(f"load <8 x double>, ptr {at('%table', plus(line, q))}, align 8") for line in lines]
                    for i, column in enumerate(transposed(t, rows)):
                        place = plus(times(plus(q, str(i)), rounded), first)
                        t.do(f"store <8 x double> {column}, ptr {at('%lanes', place)}, align 8")
            if whole < inputs:
                with t.loop(whole, inputs) as q:
                    for line, lane in zip(lines, lanes, strict=True):
                        store(load("%table", plus(line, q)), "%lanes", plus(times(q, rounded), lane))

    size_of_parameters = times(count, "8")
    nothing = t.variable("<8 x double>", "nothing")
    loss, hits = t.variable("double", "loss"), t.variable("double", "hits")
    lowest, state = t.variable("double", "lowest"), t.variable("i64", "state")
    t.do(f"store double %best_loss, ptr {lowest}")
    taken = t.variable("i64", "taken")
    t.do(f"store i64 0, ptr {taken}")
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
            gather(offset, real, rounded)
            t.do(f"store i64 %moving, ptr {state}")
            t.do("br label %gathered")
            label("gathered")
            size = t.let(f"sitofp i64 {real} to double")
            share = t.let(f"fdiv double {double(1.0)}, {size}")
            store(share, "%s", plus(count, str(first)))
            following = t.let(f"fadd double {load('%us', str(ufirst))}, {double(1.0)}")
            if draws:
                store(following, "%s", plus(count, str(first + 1)))
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
            store(following, "%us", str(ufirst))
            here = t.let(f"load i64, ptr {taken}")
            store(load("%rates", here), "%us", str(ufirst + 1))
            t.do(f"store i64 {plus(here, '1')}, ptr {taken}")
            t.do(
                "call void @update(ptr %us, ptr %ur, ptr %ends, ptr null, ptr %ends, ptr null, ptr %utab, "
                "i64 %ppadded, i64 %pcount)"
            )
        mean = t.let(f"load double, ptr {loss}")
        store(mean, "%losses", epoch)
        store(t.let(f"load double, ptr {hits}"), "%hits", epoch)
        # x − x is 0 for a finite x, else nan; what the update makes of the padding after the parameters does not count
        t.do(f"store <8 x double> zeroinitializer, ptr {nothing}")
        with t.loop(0, "%ppadded", 8) as i:
            x = t.let(f"load <8 x double>, ptr {at('%s', plus(i, str(first)))}, align 8")
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
        copy(at("%s", str(first)), "%best")
        t.do("br label %judged")
        label("judged")
    arguments = [*[f"ptr %{name}" for name in _ARGUMENTS[0]], *[f"i64 %{name}" for name in _ARGUMENTS[1]], "double %best_loss"]
    body = "\n".join([*t.stack, "  br label %entry", "entry:", *t.lines])
    return f"define i64 @train({', '.join(arguments)}) {{\n{body}\n  ret i64 %epochs\n}}\n"
