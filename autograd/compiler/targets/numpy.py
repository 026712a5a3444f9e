"""The NumPy executor: a program run pack by pack, each pack one array operation over its instances and all lanes.

It is always there with NumPy, and a second opinion for the native one. In strict mode functions that NumPy computes with its own
approximations (exp, tanh …) are called one number at a time, as the eager engine calls them. One sample through packs of few
numbers needs no arrays (``plain``).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autograd import ops
from autograd.compiler.executors import Array, Bound, Direct
from autograd.compiler.kernels import Body, body_of
from autograd.compiler.program import Pack, Program, Run
from autograd.compiler.targets import threefry
from autograd.compiler.targets.plain import Steps, is_small
from autograd.compiler.targets.walk import Walk
from autograd.ops import Op

# Whether the slots of a table are rows, and these, [term, instance].
Columns = tuple[bool, npt.NDArray[np.intp]]
# The function of arrays for an op with so many operands.
Kernels = dict[tuple[Op, int], Callable[..., Array]]


def _modulo(a: Array, b: Array) -> Array:
    remainder = np.fmod(a, b)
    crosses = (remainder != 0.0) & ((b < 0.0) != (remainder < 0.0))
    return np.where(remainder == 0.0, np.copysign(0.0, b), np.where(crosses, remainder + b, remainder))


def _sign(a: Array) -> Array:
    return np.where(a > 0.0, 1.0, np.where(a < 0.0, -1.0, np.where(a == a, 0.0, a)))


def _power(a: Array, b: Array | float) -> Array:
    # A single exponent ½ would become a square root, which has nan and not inf at −inf.
    exponents = np.full(np.broadcast_shapes(np.shape(a), np.shape(b)), b)
    return np.asarray(np.power(a, exponents))


# What NumPy rounds as IEEE-754 asks, so as Python does.
EXACT: dict[Op, Callable[..., Any]] = {
    ops.add: np.add,
    ops.subtract: np.subtract,
    ops.multiply: np.multiply,
    ops.divide: np.divide,
    ops.negative: np.negative,
    ops.absolute: np.abs,
    ops.sqrt: np.sqrt,
    ops.floor: np.floor,
    ops.rint: np.rint,
    ops.sign: _sign,
    ops.modulo: _modulo,
    ops.greater: lambda a, b: np.greater(a, b).astype(float),
    ops.greater_equal: lambda a, b: np.greater_equal(a, b).astype(float),
    ops.less: lambda a, b: np.less(a, b).astype(float),
    ops.less_equal: lambda a, b: np.less_equal(a, b).astype(float),
    ops.both: lambda a, b: ((a != 0.0) & (b != 0.0)).astype(float),
    ops.either: lambda a, b: ((a != 0.0) | (b != 0.0)).astype(float),
    ops.negation: lambda a: (a == 0.0).astype(float),
    ops.select: lambda c, a, b: np.where(c != 0.0, a, b),
    ops.uniform_op: partial(threefry.on_arrays, np),
}
# What NumPy computes quickly and within a few ulp: fast mode.
QUICK: dict[Op, Callable[..., Any]] = {
    ops.exp: np.exp,
    ops.expm1: np.expm1,
    ops.log: np.log,
    ops.log1p: np.log1p,
    ops.log2: np.log2,
    ops.log10: np.log10,
    ops.sin: np.sin,
    ops.cos: np.cos,
    ops.tan: np.tan,
    ops.asin: np.arcsin,
    ops.acos: np.arccos,
    ops.atan: np.arctan,
    ops.sinh: np.sinh,
    ops.cosh: np.cosh,
    ops.tanh: np.tanh,
    ops.asinh: np.arcsinh,
    ops.acosh: np.arccosh,
    ops.atanh: np.arctanh,
    ops.atan2: np.arctan2,
    ops.power_both: _power,
}


def one_by_one(op: Op, arity: int) -> Callable[..., Array]:
    """The op's value applied to every number of its arrays, by Python."""
    function = np.frompyfunc(op.value, arity, 1)
    return lambda *arrays: np.asarray(function(*arrays), dtype=float)


def _kernel(body: Body, fast: bool) -> Callable[..., Array]:
    """The body as a function of arrays."""
    functions = [
        EXACT.get(step.op) or (QUICK.get(step.op) if fast else None) or one_by_one(step.op, len(step.operands))
        for step in body.instructions
    ]
    if repr([step.operands for step in body.instructions]) == repr([tuple(range(body.arity))]):
        return functions[0]

    def run(*operands: Array) -> Array:
        found: list[Any] = list(operands)
        for step, function in zip(body.instructions, functions, strict=True):
            found.append(function(*[found[x] if isinstance(x, int) else x for x in step.operands]))
        return found[body.result] if isinstance(body.result, int) else np.full_like(operands[0], body.result)

    return run


@final
class NumpyExecutor:
    """Runs a program with NumPy; see ``evaluate``. ``dtype`` float32 says how far numbers of that kind lead."""

    name = "numpy"

    def __init__(self, program: Program, *, fast: bool = False, dtype: Any = float) -> None:
        self.program = program
        self.fast, self.dtype = fast, dtype
        self._constants = np.array(program.constants, dtype=dtype)
        self._shared_out = np.array([slot for is_row, slot in program.outputs if not is_row], dtype=np.intp)
        self._rows_out = np.array([slot for is_row, slot in program.outputs if is_row], dtype=np.intp)
        self._steps = Steps(program) if not fast and dtype is float and is_small(program) else None
        if self._steps is not None:
            return
        applied = {(pack.op, len(pack.tables)) for pack in program.packs if pack.op is not None}
        self._kernels = {(op, arity): _kernel(body_of(op, arity), fast) for op, arity in applied}
        self._columns = {
            id(pack): [
                (is_row, np.ascontiguousarray(table.T, dtype=np.intp))
                for is_row, table in zip(pack.rows_of_tables(), pack.tables, strict=True)
            ]
            for pack in program.packs
        }

    def evaluate(self, shared: Array, lanes: Array) -> tuple[Array, Array]:
        """The outputs that are shared numbers, as an array, and those that are rows, as an array [output, lane].

        ``shared`` holds the shared inputs, ``lanes`` the inputs that vary as an array [input, lane].
        """
        program = self.program
        if self._steps is not None:
            return np.array(self._steps.run(np.asarray(shared, dtype=float).tolist())), lanes[:0]
        s = np.empty(program.shared_size, dtype=self.dtype)
        r = np.empty((program.rows_size, lanes.shape[1]), dtype=self.dtype)
        n = len(self._constants)
        s[:n] = self._constants
        s[n : n + program.n_shared] = shared
        r[: program.n_lanes] = lanes
        with np.errstate(all="ignore"):
            _Evaluation(program, self._kernels, self._columns, s, r).walk()
        return s[self._shared_out], r[self._rows_out]

    def bound(self, lanes: Array) -> Bound:
        """The program with numbers of its own to work on, for many runs over as many lanes."""
        count = sum(is_row for is_row, _ in self.program.outputs)
        inputs, given = np.zeros(self.program.n_shared), lanes.astype(float)
        outputs, rows = np.zeros(len(self.program.outputs) - count), np.zeros((count, lanes.shape[1]))

        def run() -> None:
            outputs[:], rows[:] = self.evaluate(inputs, given)

        return Bound(inputs, given, outputs, rows, run)

    def direct(self) -> Direct:
        """The program, one without lanes, for calls that should cost as little as they can."""
        inputs, outputs = np.zeros(self.program.n_shared), np.zeros(len(self.program.outputs))
        no_lanes = np.empty((0, 1))

        def run() -> None:
            outputs[:], _ = self.evaluate(inputs, no_lanes)

        return Direct(inputs, outputs, run)


@final
class _Evaluation(Walk):
    """One evaluation: a cell is all instances of a pack, a number an array [instance] or [instance, lane]."""

    def __init__(self, program: Program, kernels: Kernels, columns: dict[int, list[Columns]], s: Array, r: Array) -> None:
        super().__init__(program)
        self.kernels, self.columns, self.s, self.r = kernels, columns, s, r

    def sources(self, pack: Pack) -> list[tuple[Array, npt.NDArray[np.intp]]]:
        """Arrays and the slots in them, term by term; shared numbers beside rows as columns."""
        shared = self.s[:, None] if pack.is_row or pack.reduces else self.s
        return [(self.r if is_row else shared, columns) for is_row, columns in self.columns[id(pack)]]

    def cells(self, pack: Pack, sources: Sequence[Any]) -> Sequence[Sequence[Pack]]:
        """All instances at once."""
        return [[pack]]

    def at(self, source: tuple[Array, npt.NDArray[np.intp]], cell: Pack) -> tuple[Array, npt.NDArray[np.intp]]:
        """The same."""
        return source

    def read(self, operand: tuple[Array, npt.NDArray[np.intp]], t: Any) -> Array:
        """A gather."""
        array, columns = operand
        found: Array = array.take(columns[t], axis=0)
        return found

    def run(self, run: Run, sources: Sequence[Any], cells: Sequence[Pack], totals: list[Any]) -> list[Array]:
        """Term by term, without a loop to be written: half the time of a small sum."""
        (total,) = totals
        for t in range(run.count):
            total = self.term(run, [self.read(source, t) for source in sources], total)
        return [total]

    def kernel(self, op: Op, operands: Sequence[Array]) -> Array:
        """Functions of arrays."""
        return self.kernels[op, len(operands)](*operands)

    def term(self, run: Run, factors: Sequence[Array], total: Array | None) -> Array:
        """Products and sums of arrays; where a gate is shut the total as it was."""
        after = _add(total, run, factors[0] if run.b_is_row is None else factors[0] * factors[1])
        if run.gate_is_row is None:
            return after
        return np.where(factors[-1] != 0.0, after, -0.0 if total is None else total)

    def store(self, pack: Pack, cells: Sequence[Pack], results: Sequence[Array]) -> None:
        """Results side by side, or their sums over the lanes."""
        target, (result,) = self.r if pack.is_row else self.s, results
        target[pack.out : pack.out + pack.count] = self._over_lanes(pack, result) if pack.reduces else result

    def _over_lanes(self, pack: Pack, rows: Array) -> Array:
        """Sums in the order of the lanes: cumsum adds so, sum would add in pairs."""
        return np.broadcast_to(rows, (pack.count, self.r.shape[1])).cumsum(axis=1)[:, -1]


def _add(total: Array | None, run: Run, term: Array) -> Array:
    if total is None:
        return -term if run.sign < 0 else term
    return total - term if run.sign < 0 else total + term
