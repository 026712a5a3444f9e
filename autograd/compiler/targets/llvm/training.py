"""The training loop in native code: for each epoch, for each batch, gather the samples, run the batch's program, run the update's.

At 10 µs a step, a few Python calls would cost more than the work.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from autograd.compiler.executors import Array
from autograd.compiler.program import Program, Slots
from autograd.compiler.recent import Recent
from autograd.compiler.targets.llvm.emitter import Emitter
from autograd.compiler.targets.llvm.epochs import ARGUMENTS, DECLARATIONS, train_function
from autograd.compiler.targets.llvm.executor import WIDTH, Native, aligned, has_library_bits
from autograd.compiler.targets.llvm.memory import Kept
from autograd.compiler.training import Order, Outcome, Outline, Progress, Recipe, batch_program, update_program

_KINDS = [*[ctypes.c_void_p] * len(ARGUMENTS[0]), *[ctypes.c_int64] * len(ARGUMENTS[1]), ctypes.c_double]
_TRAIN = ctypes.CFUNCTYPE(ctypes.c_int64, *_KINDS)


@final
@dataclass(frozen=True)
class _Code:
    """What the recipes of one form have in common: the programs and their native code, of which ``train`` is a function. Nothing here
    changes in a run."""

    programs: tuple[Program, Program]
    tables: list[Slots]
    width: int
    kept: Kept
    native: Native
    train: Callable[..., int]
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
    declarations = dict.fromkeys([*DECLARATIONS, *[line for emitter in emitters for line in emitter.declarations()]])
    definitions = dict.fromkeys(emitter.definitions() for emitter in emitters)
    ir = "\n".join(
        [*declarations, *definitions, *functions, train_function(programs, width, draws=recipe.batch.step is not None)]
    )
    libm = dict.fromkeys(name for emitter in emitters for name in emitter.libm)
    native = Native.of(ir, list(libm), {})
    tables = [emitter.tables.array() for emitter in emitters]
    return _Code(programs, tables, width, emitters[0].kept, native, _TRAIN(native.address("train")), ir)


# A second fit of the same network finds its code here, before differentiating and writing it again: 1.5 instead of 17 ms for 2-16-16-1.
recent = Recent[_Code](8)


@final
class NativeLoop:
    """The loop, both programs and the gathering of batches as one piece of native code.

    It takes all numbers for finite, see ``gradient``. A stretch that ends in inf or nan is done again by code that does not.
    """

    name = "llvm"

    def __init__(self, outline: Outline, recipe: Callable[[], Recipe], *, size: int, fast: bool) -> None:
        self._outline, self._recipe, self._size, self._fast = outline, recipe, size, fast
        self._prepare(all_finite=True)

    def _prepare(self, *, all_finite: bool) -> None:
        outline, recipe, fast = self._outline, self._recipe, self._fast
        self._all_finite = all_finite
        width = next((w for w in (1, 2, 4) if self._size <= w), WIDTH)
        if any([form.own_ops for form in outline.forms]):
            self._code = _code(recipe(), width, fast, all_finite)
        else:
            key = (outline, width, fast, all_finite)
            self._code = recent.get(key, lambda: _code(recipe(), width, fast, all_finite))
        self.llvm_ir = self._code.ir
        self._arrays = self._allocate(outline.parameters, outline.memory)

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
        pointers = [arrays[name].ctypes.data for name in ARGUMENTS[0]]
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
        done = self._code.train(*pointers, *numbers, best_loss)
        finished = done if done >= 0 else -done - 1
        progress.parameters = parameters.copy()
        progress.state = arrays["state"][:, :count].copy()
        progress.steps = int(arrays["us"][ufirst])
        failed = None if done >= 0 else _not_finite(progress.parameters, float(arrays["out"][count]))
        return Outcome(losses[:finished], hits[:finished], best, float(losses[epochs]), arrays["out"][:count].copy(), failed)


def _not_finite(parameters: Array, error: float) -> float:
    bad = parameters[~np.isfinite(parameters)]
    return error if not np.isfinite(error) else float(bad[0])
