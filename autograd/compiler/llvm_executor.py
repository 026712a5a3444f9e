"""The LLVM executor: a program as native code in this process, through llvmlite. No C compiler; code once made is kept on disk.

Functions of the C library are called under names of our own (``libm_exp``): LLVM knows the real names and would replace some calls
by its own arithmetic (``pow(x, 2.0)`` by ``x*x``), which does not always give the same bits.
"""

import ctypes
import ctypes.util
import threading
from functools import cache
from typing import Any, final

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

from autograd.compiler import disk, exact_math
from autograd.compiler.llvm_ir import Emitter, Text, vector_declarations
from autograd.compiler.program import Program
from autograd.compiler.recent import Recent
from autograd.ops import Op

Array = npt.NDArray[np.float64]

_SIGNATURE = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 7, ctypes.c_int64, ctypes.c_int64)
_compiling = threading.Lock()
_libm = ctypes.CDLL(ctypes.util.find_library("m") or None)
_known: set[str] = set()
# Native code is kept for this many programs; 0.1 to 1 s to compile, about 100 kB each.
recent: "Recent[Native]" = Recent(32)
# The widest vector of doubles the programs use; narrower machines split it.
WIDTH = 8


def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2, jit=True
    )


def _offer(name: str) -> None:
    """Make a function of the C library known to LLVM under our name."""
    if name not in _known:
        llvm.add_symbol(f"libm_{name}", ctypes.cast(getattr(_libm, name), ctypes.c_void_p).value)
        _known.add(name)


# Part of the name of code on disk: to be changed with what ``_optimize`` does.
PASSES = 1


def _optimize(module: Any, machine: Any, unroll: bool) -> None:
    # The loops are vectorized where it pays as they are written; LLVM's own attempts cost half of the time to compile.
    tuning = llvm.create_pipeline_tuning_options(speed_level=2)
    tuning.loop_vectorization = tuning.slp_vectorization = False
    tuning.loop_unrolling = unroll
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)


def aligned(*shape: int) -> Array:
    """An array of zeros on a 64-byte boundary, as vector loads want it."""
    size = int(np.prod(shape))
    raw = np.zeros(size + 8)
    start = (-raw.ctypes.data % 64) // 8
    return raw[start : start + size].reshape(shape)


@final
class Native:
    """Native code for modules of IR; keeps alive what that code refers to."""

    def __init__(self, ir: str, libm: list[str], callbacks: dict[str, Any], *, unroll: bool) -> None:
        self._keep = callbacks
        with _compiling:
            for name in libm:
                _offer(name)
            for name, function in callbacks.items():
                llvm.add_symbol(name, ctypes.cast(function, ctypes.c_void_p).value)
            machine = _target()
            processor = [llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()]
            key = disk.key_of([ir, f"{unroll} {PASSES} {llvm.llvm_version_info} {machine.triple}", *processor])
            code = None if callbacks else disk.load(key)  # callbacks belong to one process
            module = llvm.parse_assembly(ir if code is None else "")
            if code is None:
                module.verify()
                _optimize(module, machine, unroll)
            self._engine = llvm.create_mcjit_compiler(module, machine)
            if not callbacks:
                self._engine.set_object_cache(lambda _, made: disk.store(key, made), lambda _: code)
            self._engine.finalize_object()

    @classmethod
    def of(cls, ir: str, libm: list[str], callbacks: dict[str, Any], *, unroll: bool) -> "Native":
        """The code for this IR, from the last few compiled if it is among them: the IR of two programs of one shape is the same."""
        if callbacks:  # these belong to one program
            return cls(ir, libm, callbacks, unroll=unroll)
        return recent.get(ir, lambda: cls(ir, libm, callbacks, unroll=unroll))

    def address(self, name: str) -> int:
        """Where a function of the module begins."""
        return int(self._engine.get_function_address(name))


@cache
def has_library_bits(name: str) -> bool:
    """Whether our vector version of a function of the C library gives its bits on this machine: tried on many points, in 30 ms."""
    text, kind = Text(), f"<{WIDTH} x double>"
    with text.loop(0, "%n", WIDTH) as i:
        numbers = text.let(f"load {kind}, ptr {text.let(f'getelementptr double, ptr %x, i64 {i}')}, align 8")
        for version, target in (("exact", "%ours"), ("lanes", "%theirs")):
            result = text.let(f"call {kind} @{version}_{name}_v{WIDTH}({kind} {numbers})")
            text.do(f"store {kind} {result}, ptr {text.let(f'getelementptr double, ptr {target}, i64 {i}')}, align 8")
    declarations = [f"declare double @libm_{name}(double)", *vector_declarations(WIDTH), *exact_math.declarations(WIDTH)]
    body = "\n".join([*text.stack, "  br label %start", "start:", *text.lines, "  ret void"])
    function = f"define void @try(ptr %x, ptr %ours, ptr %theirs, i64 %n) {{\n{body}\n}}\n"
    ir = "\n".join([*declarations, exact_math.functions([name], WIDTH), function])
    native = Native(ir, [name], {}, unroll=False)
    run = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)(native.address("try"))
    points = exact_math.points(name)
    n = -(-len(points) // WIDTH) * WIDTH
    x, ours, theirs = np.zeros(n), np.zeros(n), np.zeros(n)
    x[: len(points)] = points
    run(x.ctypes.data, ours.ctypes.data, theirs.ctypes.data, n)
    return ours.tobytes() == theirs.tobytes()


@final
class LlvmExecutor:
    """Runs a program as native code; see ``evaluate``. One run at a time; several threads take turns."""

    name = "llvm"

    def __init__(self, program: Program, *, fast: bool = False) -> None:
        self.program = program
        self.fast = fast
        self.width = WIDTH if program.n_lanes else 1
        self._lock = threading.Lock()
        emitter = Emitter(program, width=self.width, fast=fast, exact=has_library_bits)
        function = emitter.function("run")
        self.llvm_ir = "\n".join([*emitter.declarations(), emitter.definitions(), function])
        self._errors: list[BaseException] = []
        callbacks = {name: _callback(op, arity, self._errors) for (op, arity), name in emitter.callbacks.items()}
        self._native = Native.of(self.llvm_ir, list(emitter.libm), callbacks, unroll=program.n_lanes > 0)
        self._run = _SIGNATURE(self._native.address("run"))
        self._tab = emitter.tables.array()
        n = len(program.constants)
        self._s = aligned(max(program.shared_size, 1))
        self._s[:n] = program.constants
        self._inputs = self._s[n : n + program.n_shared]
        self._r = aligned(max(program.rows_size, 1), self.width)
        self._kept_rows = len(emitter.kept)
        self._n_out = [sum(is_row is kind for is_row, _ in program.outputs) for kind in (False, True)]
        self._out_s = aligned(max(self._n_out[0], 1))
        self._pointers = [a.ctypes.data for a in (self._s, self._r, self._out_s, self._tab)]

    def evaluate(self, shared: Array, lanes: Array) -> tuple[Array, Array]:
        """The outputs that are shared numbers, as an array, and those that are rows, as an array [output, lane].

        ``shared`` holds the shared inputs, ``lanes`` the inputs that vary as an array [input, lane].
        """
        count = lanes.shape[1]
        if self.program.n_lanes and not count:
            return np.zeros(self._n_out[0]), np.empty((self._n_out[1], 0))
        padded = max(-(-count // self.width), 1) * self.width  # the loop over lanes runs at least once
        if padded != count:
            filling = lanes[:, :1] if count else np.zeros((len(lanes), 1))
            lanes = np.concatenate([lanes, np.repeat(filling, padded - count, axis=1)], axis=1)
        lanes = np.ascontiguousarray(lanes, dtype=float)
        rows = np.empty((self._n_out[1], padded))
        kept = aligned(self._kept_rows, padded + self.width)
        s, r, out_s, tab = self._pointers
        with self._lock:
            self._inputs[:] = shared
            self._run(s, r, lanes.ctypes.data, out_s, rows.ctypes.data, kept.ctypes.data, tab, padded, count)
            result = self._out_s[: self._n_out[0]].copy()
            if self._errors:
                first, *_ = self._errors
                self._errors.clear()  # of the other lanes
                raise first
        return result, rows[:, :count]


def _callback(op: Op, arity: int, errors: list[BaseException]) -> Any:
    """A C function that calls the op's value; an exception in it is kept for the end of the run."""

    def call(*operands: float) -> float:
        try:
            return float(op.value(*operands))
        except BaseException as error:  # kept and raised by evaluate: nothing may travel through native code
            errors.append(error)
            return float("nan")

    return ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * arity)(call)
