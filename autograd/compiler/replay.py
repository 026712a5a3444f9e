"""A recorded loss as a program: ``step()`` recomputes it and all its gradients from the numbers the leaves hold now."""

import time
from collections import deque
from dataclasses import dataclass
from itertools import repeat
from os import PathLike
from typing import Any, final

import numpy as np

from autograd.compiler import engines
from autograd.compiler.adjoints import gradient
from autograd.compiler.executors import Array
from autograd.compiler.kept import kept
from autograd.compiler.normal import Graph
from autograd.compiler.packs import packed
from autograd.compiler.program import Program
from autograd.compiler.recorded import Recorded
from autograd.compiler.recording import collector_resting
from autograd.labels import plain_name
from autograd.value import Value

_NO_LANES = np.empty((0, 1))


@final
@dataclass(frozen=True)
class Stats:
    """What compiling made of a graph, and the seconds it took.

    ``scalar_nodes`` is the number of Values in the recorded graph and that of its gradients, constants included; ``normal_nodes`` of
    sums of products and functions they became; ``packs`` of loops over such of one form and ``level``, which is how many steps
    from the inputs they are. ``lanes`` is the number of samples side by side, ``bytes`` what numbers and tables take.
    """

    engine: str
    scalar_nodes: int
    normal_nodes: int
    packs: int
    levels: int
    lanes: int
    bytes: int
    seconds_to_differentiate: float
    seconds_to_build: float
    seconds_to_compile: float


def stats_of(program: Program, engine: str, lanes: int, seconds: tuple[float, float, float]) -> Stats:
    """The stats of a program."""
    tables = sum(table.nbytes for pack in program.packs for table in pack.tables)
    size = 8 * (program.shared_size + program.rows_size * max(lanes, 1)) + tables
    return Stats(engine, program.scalar_nodes, program.normal_nodes, len(program.packs), program.levels, lanes, size, *seconds)


@final
class Step:
    """A recorded loss, compiled; made by ``autograd.compile(loss)``.

    ``step()`` reads ``.data`` of every leaf, recomputes, writes ``loss.data`` and assigns every leaf's ``.grad``, as after
    ``zero_grad()``, forward and ``backward()``; it returns the loss. The nodes between leaves and loss keep their old numbers.
    ``leaves`` are the Values it depends on, in topological order; ``value_and_grad(array)`` takes their numbers from an array and
    touches no Value. ``stats``, ``listing()`` and ``llvm_ir`` show what it was made into. It pickles, as its program, with leaves
    and a loss of its own.

    >>> import autograd
    >>> from autograd import Value
    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> step = autograd.compile(a * b + b)
    >>> [v.label for v in step.leaves]
    ['a', 'b']
    >>> value, gradient = step.value_and_grad([10.0, 1.0])
    >>> value, gradient.tolist()
    (11.0, [1.0, 11.0])
    """

    def __init__(self, loss: Value, *, engine: str = "auto", fast: bool = False) -> None:
        engine = engines.chosen(engine)
        self.loss = loss
        start = time.perf_counter()
        with collector_resting():
            recorded = Recorded([loss], None)
            self.leaves = tuple(recorded.inputs)
            differentiated = start

            def made() -> Program:
                nonlocal differentiated
                graph = Graph([loss], recorded=recorded)
                places = gradient(graph, graph.place(loss), range(len(self.leaves)))
                differentiated = time.perf_counter()
                return packed(graph, [graph.place(loss), *places])

            program = kept(recorded, "loss, gradient by all", made)
        built = time.perf_counter()
        self._executor = engines.executor(program, engine=engine, fast=fast)
        seconds = (differentiated - start, built - differentiated, time.perf_counter() - built)
        self.stats = stats_of(program, engine, 0, seconds)
        self._fast = fast

    def __call__(self) -> float:
        value, gradient = self.value_and_grad([v.data for v in self.leaves])
        self.loss.data = value
        deque(map(setattr, self.leaves, repeat("grad"), gradient.tolist()), maxlen=0)
        return value

    def value_and_grad(self, numbers: Any) -> tuple[float, Array]:
        """The loss and its gradient at these numbers, one for each of ``leaves``; ValueError if their count is another."""
        point = np.asarray(numbers, dtype=float)
        if point.shape != (len(self.leaves),):
            raise ValueError(f"value_and_grad needs {len(self.leaves)} numbers, one for each leaf, got shape {point.shape}")
        outputs, _ = self._executor.evaluate(point, _NO_LANES)
        return float(outputs[0]), outputs[1:] + 0.0  # 0.0 + x: what accumulating into a zeroed .grad gives

    def listing(self) -> str:
        """The program in the blackboard's notation: what its first numbers are, by their labels, then one pack per line."""
        return self._executor.program.listing([v.label for v in self.leaves])

    @property
    def llvm_ir(self) -> str:
        """The generated LLVM IR; empty with the NumPy engine."""
        return getattr(self._executor, "llvm_ir", "")

    def javascript(self, name: str = "step") -> str:
        """The source of one plain JavaScript function ``name(inputs, outputs)``: from a Float64Array of the numbers of ``leaves`` it
        fills one with the loss and its gradient. ValueError for a name that is none in JavaScript.

        >>> import autograd
        >>> from autograd import Value
        >>> w = Value(3.0, label="w")
        >>> print(autograd.compile(w * w - 2.0).javascript())
        /**
         * The loss and its gradient by w.
         * inputs: Float64Array of 1. outputs: Float64Array of 2, filled.
         */
        function step(inputs, outputs) {
          "use strict";
          const s2 = inputs[0] * inputs[0] - 2;
          const s3 = inputs[0] + inputs[0];
          outputs[0] = s2;
          outputs[1] = 0 + s3;
        }
        <BLANKLINE>
        """
        from autograd.compiler.targets.javascript import javascript

        return javascript(self._executor.program, name, gradient=len(self.leaves), about=self._about())

    def c(self, name: str = "step", *, dtype: str = "double") -> dict[str, str]:
        """The texts of ``name.h`` and ``name.c``, by file name: a C99 function ``name(inputs, outputs)``, as of ``javascript``.

        In double it has the eager engine's bits, compiled with ``-ffp-contract=off`` for the same C library. In float, constants are
        rounded and functions are those of float (``expf``): ``nextafter`` and ``ulp`` are steps between floats then, and random numbers
        a TypeError. ValueError for a name that C or C++ cannot have, and for another ``dtype`` than "double" and "float".
        """
        from autograd.compiler.targets.c_module import c

        return c(self._executor.program, name, gradient=len(self.leaves), dtype=dtype, about=self._about())

    def onnx(self, path: str | PathLike[str], *, dtype: str = "double") -> None:
        """Write an ONNX model: from rows of the numbers of ``leaves``, ``inputs`` [N, leaf], to ``outputs`` [N, 1 + leaf], the loss and
        its gradient. ValueError for another ``dtype`` than "double" and "float", TypeError for random numbers and, in float, for
        ``nextafter`` and ``ulp``, ImportError without the extra ``onnx``.
        """
        from autograd.compiler.targets.onnx import onnx_model, write_model

        write_model(onnx_model(self._executor.program, dtype=dtype, about=self._about()), path)

    def jax(self) -> Any:
        """A pure function of ``jax.numpy`` arrays: from the numbers of ``leaves`` to the loss and its gradient, for jit, vmap and grad.

        Axes before the last are samples. Results have the type of the argument and agree with the engine to rounding. ImportError
        without JAX.
        """
        from autograd.compiler.targets.jax import jax_function

        return jax_function(self._executor.program)

    def _about(self) -> str:
        labels = ", ".join([plain_name(v.label) or f"#{i}" for i, v in enumerate(self.leaves)][:9]) + ", …" * (
            len(self.leaves) > 9
        )
        return f"The loss and its gradient by {labels}."

    def __repr__(self) -> str:
        return f"<compiled loss: {self.stats.scalar_nodes} scalar nodes in {self.stats.packs} packs, {self.stats.engine}>"

    def __reduce__(self) -> tuple[Any, ...]:
        state = (self._executor.program, self.stats, self._fast, self.loss.detach(), [v.detach() for v in self.leaves])
        return _arrive, state


def _arrive(program: Program, stats: Stats, fast: bool, loss: Value, leaves: list[Value]) -> Step:
    """A pickled Step: its program compiled anew, with leaves and a loss of its own."""
    step = object.__new__(Step)
    step.loss, step.leaves, step.stats, step._fast = loss, tuple(leaves), stats, fast
    engine = stats.engine if engines.is_installed(stats.engine) else "auto"
    step._executor = engines.executor(program, engine=engine, fast=fast)
    return step
