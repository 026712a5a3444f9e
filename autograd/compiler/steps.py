"""Training steps of a loss that people write themselves: value, gradient and the optimizer's update as one native call.

Glossary::

    loss         a function of numbers (nested lists of them) that uses parameters from outside and returns one number
    structure    how its arguments are nested, such as how long a list is: each is recorded and compiled once, and found again by it
    memory       where the parameters, the optimizer's state and the gradient live between steps: rows p, state …, g

The numbers of the parameters stay in the memory from step to step; whoever owns the Values writes them back.
"""

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import numpy as np

from autograd.compiler.adjoints import gradient
from autograd.compiler.executors import Array
from autograd.compiler.forms import Form, arguments
from autograd.compiler.kept import kept
from autograd.compiler.normal import Graph
from autograd.compiler.packs import packed
from autograd.compiler.program import Program
from autograd.compiler.recorded import Recorded
from autograd.compiler.recording import collector_resting
from autograd.compiler.recordings import Recordings, Settings
from autograd.compiler.targets.llvm.emitter import Emitter
from autograd.compiler.targets.llvm.executor import WIDTH, LlvmExecutor, Native, aligned, has_library_bits
from autograd.compiler.targets.llvm.text import COPY
from autograd.compiler.training import Update, update_program
from autograd.compiler.variants import Variant
from autograd.ops import real_numbers
from autograd.value import Value

# What the native step finds in its array of arguments, addresses and then counts.
_ADDRESSES = ("run", "s", "r", "out", "tab", "inputs", "rows", "gradient", "us", "ur", "utab", "answers")
_COUNTS = ("guards", "count", "padded", "first")


@final
@dataclass(frozen=True)
class _Way:
    """A structure's program: the numbers it reads besides the parameters, those of the arguments and then of other Values from
    outside; its outputs, the loss first. ``alive`` is what the step points to."""

    others: Sequence[Value]
    numbers: Array
    outputs: Array
    step: Callable[[], int]
    alive: tuple[Any, ...]


@final
class NativeSteps:
    """The steps of one loss and one update; ``rows`` is the memory, ``steps`` how many were taken."""

    def __init__(self, loss: Callable[..., Any], parameters: Sequence[Value], update: Update, *, fast: bool) -> None:
        self._loss, self._parameters = loss, list(parameters)
        self._made = Recordings(getattr(loss, "__name__", "loss"), Settings("llvm", fast, threads=1, paths=1))
        self._fast, self._ways = fast, dict[tuple[Form, ...], list[_Way]]()
        count, memory = len(self._parameters), len(update.state)
        self._padded = -(-count // WIDTH) * WIDTH
        self._program = update_program(update)
        emitter = Emitter(self._program, width=WIDTH, fast=fast, exact=has_library_bits)
        function = emitter.function("update")
        if emitter.callbacks:
            raise TypeError(
                "a native step needs an update of ops that the table or autograd's functions define; use engine='eager'"
            )
        self._native = Native.of(
            "\n".join([*emitter.declarations(), emitter.definitions(), function, _STEP]), list(emitter.libm), {}
        )
        self._call = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(self._native.address("step"))
        self._tab = emitter.tables.array()
        self._us, self._ur = aligned(self._program.shared_size), aligned(self._program.rows_size, WIDTH)
        self._us[: len(self._program.constants)] = self._program.constants
        self._own = self._us[len(self._program.constants) :][:2]  # the step and the rate
        self.rows = aligned(2 + memory, self._padded)

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return int(self._own[0])

    @steps.setter
    def steps(self, steps: int) -> None:
        self._own[0] = steps

    def step(self, args: tuple[Any, ...], lr: float) -> float:
        """The loss at these arguments before the step that it takes."""
        forms, given = arguments(args, lambda _: False, self._made.name)
        numbers = real_numbers(given, self._made.name)
        self._own[1] = lr
        for way in self._ways.get(forms, ()):
            if self._taken(way, numbers):
                return float(way.outputs[0])
        with collector_resting():
            way = self._recorded(forms, numbers)
        if not self._taken(way, numbers):
            raise RuntimeError(f"{self._made.name} takes another way at every call, so that it cannot be recorded")
        return float(way.outputs[0])

    def _taken(self, way: _Way, numbers: Sequence[float]) -> bool:
        """Take the step, if the way's guards hold at these numbers."""
        way.numbers[: len(numbers)] = numbers
        if way.others:
            way.numbers[len(numbers) :] = [v._data for v in way.others]
        return bool(way.step())

    def _recorded(self, forms: tuple[Form, ...], numbers: Sequence[float]) -> _Way:
        """The structure's program, recorded at these numbers of the arguments and those that the parameters have in the memory."""
        count = len(self._parameters)
        before = [v._data for v in self._parameters]
        try:
            for v, x in zip(self._parameters, self.rows[0, :count].tolist(), strict=True):
                v._data = x
            variant = self._made.record(self._loss, forms, numbers)
        finally:
            for v, x in zip(self._parameters, before, strict=True):
                v._data = x
        if variant.result is not None:
            raise TypeError(f"{self._made.name} must return one number, got {variant.result[0]}")
        own = set(self._parameters)
        others = [v for v in variant.captured if v not in own]
        conditions = [guard.condition for guard in variant.guards]
        outputs, inputs = [variant.results[0], *conditions], [*self._parameters, *variant.variables, *others]
        recorded = Recorded(outputs, inputs)

        def made() -> Program:
            graph = Graph(outputs, inputs, recorded=recorded)
            places = list(map(graph.place, outputs))
            return packed(graph, [*gradient(graph, places[0], range(count)), *places])

        executor = LlvmExecutor(kept(recorded, f"gradient by {count}, outputs", made), fast=self._fast)
        way = self._way(variant, others, executor)
        self._ways.setdefault(forms, []).append(way)
        return way

    def _way(self, variant: Variant, others: Sequence[Value], executor: LlvmExecutor) -> _Way:
        count, direct = len(self._parameters), executor.direct()
        answers = np.array([float(guard.answer) for guard in variant.guards])
        arrays = {
            "rows": self.rows,
            "gradient": self.rows[-1],
            "us": self._us,
            "ur": self._ur,
            "utab": self._tab,
            "answers": answers,
        }
        found = executor.addresses() | {name: array.ctypes.data for name, array in arrays.items()}
        found |= {"guards": len(answers), "count": count, "padded": self._padded, "first": len(self._program.constants)}
        block = np.array([found[name] for name in (*_ADDRESSES, *_COUNTS)], dtype=np.int64)
        step = partial(self._call, ctypes.c_void_p(block.ctypes.data))
        return _Way(others, direct.inputs[count:], direct.outputs[count:], step, (answers, block, executor))


def _step() -> str:
    """The step as IR: parameters in, value and gradient, and if the guards hold the gradient out and the update."""
    kinds = dict.fromkeys(_ADDRESSES, "ptr") | dict.fromkeys(_COUNTS, "i64")
    arguments = [
        f"  %at_{name} = getelementptr i64, ptr %arguments, i64 {i}\n  %{name} = load {kind}, ptr %at_{name}"
        for i, (name, kind) in enumerate(kinds.items())
    ]
    return "\n".join(
        [
            "define i64 @step(ptr %arguments) {",
            "entry:",
            *arguments,
            "  %bytes = mul i64 %count, 8",
            f"  call void @{COPY}(ptr %inputs, ptr %rows, i64 %bytes, i1 false)",
            "  call void %run(ptr %s, ptr %r, ptr null, ptr %out, ptr null, ptr null, ptr %tab, i64 1, i64 1)",
            "  br label %guard",
            "guard:",
            "  %i = phi i64 [0, %entry], [%next, %check]",
            "  %is_past = icmp eq i64 %i, %guards",
            "  br i1 %is_past, label %update, label %check",
            "check:",
            "  %next = add i64 %i, 1",
            "  %place = add i64 %count, %next",
            "  %at_found = getelementptr double, ptr %out, i64 %place",
            "  %found = load double, ptr %at_found",
            "  %at_answer = getelementptr double, ptr %answers, i64 %i",
            "  %answer = load double, ptr %at_answer",
            "  %holds = fcmp une double %found, 0.0",
            "  %wanted = fcmp une double %answer, 0.0",
            "  %agrees = icmp eq i1 %holds, %wanted",
            "  br i1 %agrees, label %guard, label %elsewhere",
            "elsewhere:",
            "  ret i64 0",
            "update:",
            f"  call void @{COPY}(ptr %gradient, ptr %out, i64 %bytes, i1 false)",
            "  %at_step = getelementptr double, ptr %us, i64 %first",
            "  %before = load double, ptr %at_step",
            "  %after = fadd double %before, 1.0",
            "  store double %after, ptr %at_step",
            "  call void @update(ptr %us, ptr %ur, ptr %rows, ptr null, ptr %rows, ptr null, ptr %utab, i64 %padded, i64 %count)",
            "  ret i64 1",
            "}",
            "",
        ]
    )


_STEP = _step()
