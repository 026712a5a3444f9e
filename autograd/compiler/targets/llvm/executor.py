"""The LLVM executor: a program as native code in this process, through llvmlite. No C compiler; code once made is kept on disk.

Functions of the C library are called under names of our own (``libm_exp``): LLVM knows the real names and would replace some calls
by its own arithmetic (``pow(x, 2.0)`` by ``x*x``), which does not always give the same bits.
"""

import ctypes
import math
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any, final

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

from autograd.compiler import disk
from autograd.compiler.executors import Array, Bound, Direct
from autograd.compiler.interruptions import held, run_heard
from autograd.compiler.program import Program
from autograd.compiler.recent import Recent
from autograd.compiler.targets.llvm import exact_math
from autograd.compiler.targets.llvm.copies import with_copies
from autograd.compiler.targets.llvm.processor import has_avx512, processor
from autograd.compiler.targets.llvm.text import Text, vector_declarations
from autograd.compiler.targets.llvm.written import Style, written
from autograd.ops import Op

Pointers = npt.NDArray[np.int64]


def _mathematics() -> ctypes.CDLL:
    """The C library's functions: those that the process has, as ``math`` does; to look for the file starts a program, 6 ms in all."""
    own = ctypes.CDLL(None)
    if hasattr(own, "log1p"):
        return own
    from ctypes.util import find_library

    return ctypes.CDLL(find_library("m"))


_SIGNATURE = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 7, ctypes.c_int64, ctypes.c_int64)
# ``call`` takes the nine arguments of ``run`` from an array: one argument converted instead of nine, 0.2 instead of 1.2 µs.
_CALL = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
_compiling = threading.Lock()
_libm = _mathematics()
_known: set[str] = set()
# Native code is kept for this many programs; 0.1 to 1 s to compile, about 100 kB each.
recent: "Recent[Native]" = Recent(32)
# The widest vector of doubles the programs use; narrower machines split it.
WIDTH = 8


def lanes_of(program: Program) -> int:
    """How many lanes are side by side: the width, which is two registers or more, for each hides what the other waits for; with AVX-512
    it is one, so that two of them are taken. A sample of vincenty takes 196 instead of 219 ns so, one of an escape in at most 100 rounds
    350 instead of 524 (AMD EPYC, Zen 4). Sums over lanes are written for 8."""
    if not program.n_lanes:
        return 1
    is_twice = has_avx512() and not any([pack.reduces for pack in program.packs])
    return 2 * WIDTH if is_twice else WIDTH


def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    name, features = processor()
    return target.create_target_machine(cpu=name, features=features, opt=2, jit=True)


def _offer(name: str) -> None:
    """Make a function of the C library known to LLVM under our name."""
    if name not in _known:
        llvm.add_symbol(f"libm_{name}", ctypes.cast(getattr(_libm, name), ctypes.c_void_p).value)
        _known.add(name)


def _module(ir: str, context: Any) -> Any:
    """What is to be compiled. None of LLVM's passes over modules is run: the IR is written so that it needs none, and llvmlite leaves
    1.5 kB of each run behind. Blocks and loops are improved where machine code is made of them."""
    module = llvm.parse_assembly(ir, context)
    module.verify()
    return module


def _engine(ir: str, libm: list[str], callbacks: dict[str, Any], context: Any) -> Any:
    """LLVM's engine with the code for this IR, compiled or found on disk."""
    for name in libm:
        _offer(name)
    for name, function in callbacks.items():
        llvm.add_symbol(name, ctypes.cast(function, ctypes.c_void_p).value)
    machine = _target()
    key = disk.key_of([ir, f"{llvm.llvm_version_info} {machine.triple}", *processor()])
    code = None if callbacks else disk.load(key)  # callbacks belong to one process
    module = _module(ir, context) if code is None else llvm.parse_assembly("", context)
    engine = llvm.create_mcjit_compiler(module, machine)
    if not callbacks:
        engine.set_object_cache(lambda _, made: disk.store(key, made), lambda _: code)
    engine.finalize_object()
    return engine


# What natives refer to, the code and the context that its module lives in, by references to them; and references to those that are gone.
_alive: "dict[weakref.ref[Native], tuple[Any, Any]]" = {}
_gone: "list[weakref.ref[Native]]" = []


def _let_go() -> None:
    """Free what belonged to natives that are gone: the code first, then the context."""
    while _gone:
        for part in _alive.pop(_gone.pop()):
            part.close()


def aligned(*shape: int) -> Array:
    """An array of zeros on a 128-byte boundary, as vector loads want it."""
    size = math.prod(shape)
    raw = np.zeros(size + 16)
    start = (-raw.ctypes.data % 128) // 8
    return raw[start : start + size].reshape(shape)


@final
class Native:
    """Native code for modules of IR; keeps alive what that code refers to."""

    def __init__(self, ir: str, libm: list[str], callbacks: dict[str, Any]) -> None:
        self._keep = callbacks
        # What LLVM's bindings let go they let go here too: Ctrl-C in the middle of that would be lost.
        with _compiling, held():
            _let_go()
            # A context of its own, which goes with the module: the global one keeps every constant it has seen. The collector lets
            # the objects of a cycle go in any order, and a context before its module is a crash: hence both are held elsewhere. They
            # are freed when the next code is made: a finalizer runs at any moment, and what Ctrl-C raises on its threshold is lost.
            # ``append`` is no Python code, so that it has none.
            context = llvm.create_context()
            self._engine = _engine(ir, libm, callbacks, context)
            _alive[weakref.ref(self, _gone.append)] = self._engine, context

    @classmethod
    def of(cls, ir: str, libm: list[str], callbacks: dict[str, Any]) -> "Native":
        """The code for this IR, from the last few compiled if it is among them: the IR of two programs of one shape is the same."""
        if callbacks:  # these belong to one program
            return cls(ir, libm, callbacks)
        with held():  # the oldest of the last few may be let go
            return recent.get(ir, lambda: cls(ir, libm, callbacks))

    def address(self, name: str) -> int:
        """Where a function of the module begins."""
        with held():
            return int(self._engine.get_function_address(name))


@cache
def has_library_bits(name: str) -> bool:
    """Whether our vector version of a function of the C library gives its bits on this machine: tried on many points, in 5 ms."""
    with held():  # Ctrl-C while the trial's code is let go would be lost
        return _gives_library_bits(name)


def _gives_library_bits(name: str) -> bool:
    text, kind = Text(), f"<{WIDTH} x double>"
    columns = exact_math.points(name)
    called, others = exact_math.CALLS.get(name, (name, ""))
    with text.loop(0, "%n", WIDTH) as i:
        at = [text.let(f"getelementptr double, ptr %p{k}, i64 {i}") for k in range(len(columns) + 2)]
        numbers = [text.let(f"load {kind}, ptr {place}, align 8") for place in at[2:]]
        arguments = ", ".join([f"{kind} {x}" for x in (*numbers, "zeroinitializer")])
        library = text.let(f"call {kind} @lanes_{name}_v{WIDTH}({arguments}, <{WIDTH} x i1> zeroinitializer)")
        for result, target in zip((exact_math.written(text, name, WIDTH, numbers), library), at, strict=False):
            text.do(f"store {kind} {result}, ptr {target}, align 8")
    declarations = [
        f"declare double @libm_{called}({', '.join(['double'] * len(columns))}{', double' if others else ''})",
        *vector_declarations(WIDTH),
        *exact_math.declarations(WIDTH),
    ]
    pointers = ", ".join(f"ptr %p{k}" for k in range(len(columns) + 2))
    function = f"define void @try({pointers}, i64 %n) {{\n{text.body()}\n}}\n"
    native = Native("\n".join([*declarations, exact_math.functions([name], WIDTH), function]), [called], {})
    run = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(columns) + 2), ctypes.c_int64)(native.address("try"))
    n = -(-len(columns[0]) // WIDTH) * WIDTH
    arrays = np.zeros((2 + len(columns), n))
    arrays[2:, : len(columns[0])] = columns
    run(*_rows_of(arrays).tolist(), n)
    ours, theirs, *_ = arrays
    return ours.tobytes() == theirs.tobytes()


def _rows_of(array: Array) -> Pointers:
    """Where the rows of an array begin."""
    return array.ctypes.data + np.arange(len(array), dtype=np.int64) * array.strides[0]


@final
class LlvmExecutor:
    """Runs a program as native code; see ``evaluate``. One run at a time; several threads take turns."""

    name = "llvm"

    def __init__(self, program: Program, *, fast: bool = False, among_many: bool = False) -> None:
        self.program = program = with_copies(program)
        self.fast = fast
        self.width = lanes_of(program)
        text = written(program, Style(self.width, fast, among_many, () if program.n_lanes else (_call(),)), has_library_bits)
        self.llvm_ir = text.ir
        self._errors: list[BaseException] = []
        self.has_callbacks = bool(text.callbacks)
        callbacks = {name: _callback(op, arity, self._errors) for (op, arity), name in text.callbacks}
        self._native = Native.of(self.llvm_ir, list(text.libm), callbacks)
        self._calls_python = bool(callbacks)
        self._run = self._listening(_SIGNATURE(self._native.address("run")))
        self._tab = text.tables
        self._kept = text.kept
        self._take_room()

    def _take_room(self) -> None:
        """Arrays of its own to work on."""
        program, n = self.program, len(self.program.constants)
        self._lock = threading.Lock()
        self._s = aligned(max(program.shared_size, 1))
        self._s[:n] = program.constants
        self._inputs = self._s[n : n + program.n_shared]
        self._r = aligned(max(program.rows_size, 1), self.width)
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
        kept = aligned(self._kept.size(padded))
        ends = _rows_of(lanes), _rows_of(rows)
        s, r, out_s, tab = self._pointers
        with self._lock:
            self._inputs[:] = shared
            self._run(s, r, ends[0].ctypes.data, out_s, ends[1].ctypes.data, kept.ctypes.data, tab, padded, count)
            result = self._out_s[: self._n_out[0]].copy()
            self._raise()
        return result, rows[:, :count]

    def runner(self, shared: Array) -> tuple[Callable[[Pointers, Pointers, int], None], Array]:
        """What fills rows from lanes, both where pointers say, for so many samples, a multiple of the width; and an array of the outputs
        that are shared numbers.

        It has numbers of its own to work on, so that several can run at once. The program sums nothing over lanes.
        """
        s, r, out_s = self._s.copy(), aligned(max(self.program.rows_size, 1), self.width), aligned(max(self._n_out[0], 1))
        s[len(self.program.constants) :][: self.program.n_shared] = shared
        work = (s, r, out_s, self._tab)
        places = [a.ctypes.data for a in work]

        def run(lanes: Pointers, rows: Pointers, count: int, _kept_alive: object = work) -> None:
            self._run(places[0], places[1], lanes.ctypes.data, places[2], rows.ctypes.data, 0, places[3], count, count)
            self._raise()

        return run, out_s[: self._n_out[0]]

    def bound(self, lanes: Array) -> Bound:
        """The program with numbers of its own to work on, for many runs over as many lanes: 2 µs beside the arithmetic."""
        program, width, count = self.program, self.width, lanes.shape[1]
        padded = -(-count // width) * width
        s, r, out_s = aligned(len(self._s)), aligned(max(program.rows_size, 1), width), aligned(max(self._n_out[0], 1))
        s[:] = self._s
        inputs, rows = aligned(program.n_lanes, padded), aligned(max(self._n_out[1], 1), padded)
        inputs[:, :count], inputs[:, count:] = lanes, lanes[:, :1]
        ends = _rows_of(inputs), _rows_of(rows)
        arrays = (s, r, ends[0], out_s, ends[1], aligned(self._kept.size(padded)), self._tab)
        native = partial(self._run, *[a.ctypes.data for a in arrays], padded, count)

        def run(_kept_alive: object = (arrays, inputs, rows)) -> None:
            native()
            if self._errors:
                self._raise()

        shared = s[len(program.constants) :][: program.n_shared]
        return Bound(shared, inputs, out_s[: self._n_out[0]], rows[: self._n_out[1], :count], run)

    def _listening(self, native: Callable[..., object]) -> Callable[..., object]:
        return partial(run_heard, native, _answer.__code__, self._errors) if self._calls_python else native

    def _raise(self) -> None:
        """Raise what an op of the user's has raised."""
        if self._errors:
            first, *_ = self._errors
            self._errors.clear()  # of the other lanes
            raise first

    # --- Others with the same text ---

    def is_like(self, other: "LlvmExecutor") -> bool:
        """Whether text and numbers are the same."""
        return self._numbers(other) is not None and bool((self._numbers(self) == self._numbers(other)).all())

    def between(self, other: "LlvmExecutor", part: int, whole: int) -> "LlvmExecutor | None":
        """The executor whose tables are this one's and part/whole of what those of another of the same text have more.

        It has no packs to show. None if there is none.
        """
        mine, others = self._numbers(self), self._numbers(other)
        if others is None or ((others - mine) * part % whole).any():
            return None
        *tab, rows_size = (mine + (others - mine) * part // whole).tolist()
        made = object.__new__(LlvmExecutor)
        made.__dict__.update(self.__dict__)
        made.program = replace(self.program, packs=(), rows_size=rows_size)
        made._tab = np.array(tab, dtype=np.int32)
        made._take_room()
        return made

    def _numbers(self, other: "LlvmExecutor") -> Any:
        """The other one's tables and the number of its rows, if they mean what they mean here."""
        a, b = self.program, other.program
        same = self.llvm_ir == other.llvm_ir and a.constants == b.constants and a.shared_size == b.shared_size
        if not same or len(self._tab) != len(other._tab) or self.has_callbacks:
            return None
        return np.append(other._tab.astype(np.int64), b.rows_size)

    def addresses(self) -> dict[str, int]:
        """Where the program's code, arrays and inputs are, for native code that calls it."""
        s, r, out_s, tab = self._pointers
        run = self._native.address("run")
        return {"run": run, "s": s, "r": r, "out": out_s, "tab": tab, "inputs": self._inputs.ctypes.data}

    def direct(self) -> Direct:
        """The program, one without lanes, for calls that should cost as little as they can."""
        s, r, out_s, tab = self._pointers
        arguments = np.array([s, r, 0, out_s, 0, 0, tab, 1, 1], dtype=np.int64)
        native = partial(self._listening(_CALL(self._native.address("call"))), ctypes.c_void_p(arguments.ctypes.data))

        def run(_kept_alive: object = arguments) -> None:
            native()
            if self._errors:
                self._raise()

        return Direct(self._inputs, self._out_s[: self._n_out[0]], run)


def _call() -> str:
    """The function ``call(arguments)``, which calls ``run`` with what lies there."""
    kinds = ["ptr"] * 7 + ["i64"] * 2
    places = [
        f"  %p{i} = getelementptr i64, ptr %arguments, i64 {i}\n  %a{i} = load {kind}, ptr %p{i}" for i, kind in enumerate(kinds)
    ]
    call = f"  call void @run({', '.join(f'{kind} %a{i}' for i, kind in enumerate(kinds))})"
    return "\n".join(["define void @call(ptr %arguments) {", *places, call, "  ret void", "}", ""])


def _answer(op: Op, errors: list[BaseException], *operands: float) -> float:
    """The op's value; an exception in it is kept for the end of the run."""
    try:
        return float(op.value(*operands))
    except BaseException as error:  # kept and raised by evaluate: nothing may travel through native code
        errors.append(error)
        return float("nan")


def _callback(op: Op, arity: int, errors: list[BaseException]) -> Any:
    """A C function that calls the op's value."""
    return ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * arity)(partial(_answer, op, errors))
