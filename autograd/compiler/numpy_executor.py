"""The NumPy executor: a program run pack by pack, each pack one array operation over its instances and all lanes.

It is always there with NumPy, and a second opinion for the native one. In strict mode functions that NumPy computes with its own
approximations (exp, tanh …) are called one number at a time, as the eager engine calls them.
"""

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autograd import ops
from autograd.compiler.kernels import Body, body_of
from autograd.compiler.program import Pack, Program, Run
from autograd.ops import Op

Array = npt.NDArray[np.float64]


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

    def run(*operands: Array) -> Array:
        found: list[Any] = list(operands)
        for step, function in zip(body.instructions, functions, strict=True):
            found.append(function(*[found[x] if isinstance(x, int) else x for x in step.operands]))
        return found[body.result] if isinstance(body.result, int) else np.full_like(operands[0], body.result)

    return run


@final
class NumpyExecutor:
    """Runs a program with NumPy; see ``evaluate``."""

    name = "numpy"

    def __init__(self, program: Program, *, fast: bool = False) -> None:
        self.program = program
        self.fast = fast
        self._kernels = [None if pack.op is None else _kernel(body_of(pack.op, len(pack.tables)), fast) for pack in program.packs]
        self._constants = np.array(program.constants, dtype=float)
        self._shared_out = np.array([slot for is_row, slot in program.outputs if not is_row], dtype=np.intp)
        self._rows_out = np.array([slot for is_row, slot in program.outputs if is_row], dtype=np.intp)

    def evaluate(self, shared: Array, lanes: Array) -> tuple[Array, Array]:
        """The outputs that are shared numbers, as an array, and those that are rows, as an array [output, lane].

        ``shared`` holds the shared inputs, ``lanes`` the inputs that vary as an array [input, lane].
        """
        program = self.program
        s = np.empty(program.shared_size)
        r = np.empty((program.rows_size, lanes.shape[1]))
        n = len(self._constants)
        s[:n] = self._constants
        s[n : n + program.n_shared] = shared
        r[: program.n_lanes] = lanes
        with np.errstate(all="ignore"):
            for pack, kernel in zip(program.packs, self._kernels, strict=True):
                result = _sum(pack, s, r) if kernel is None else kernel(*_operands(pack.rows, pack.tables, s, r, pack.is_row))
                target = r if pack.is_row else s
                target[pack.out : pack.out + pack.count] = result
        return s[self._shared_out], r[self._rows_out]


def _operands(rows: Sequence[bool], tables: Sequence[Any], s: Array, r: Array, as_rows: bool) -> list[Array]:
    """For each table of slots the numbers, as arrays [instance] or [instance, lane]."""
    return [_gather(is_row, table[:, 0], s, r, as_rows) for is_row, table in zip(rows, tables, strict=True)]


def _gather(is_row: bool, slots: Any, s: Array, r: Array, as_rows: bool) -> Array:
    if is_row:
        return np.asarray(r[slots])
    return np.asarray(s[slots][:, None]) if as_rows else np.asarray(s[slots])


def _sum(pack: Pack, s: Array, r: Array) -> Array:
    as_rows = pack.is_row or pack.reduces
    total: Array | None = None
    tables = iter(pack.tables)
    for run in pack.runs:
        a = next(tables)
        b = None if run.b_is_row is None else next(tables)
        for t in range(run.count):
            total = _add(total, run, _term(run, a[:, t], None if b is None else b[:, t], s, r, as_rows))
    if total is None:
        raise ValueError("a sum needs at least one term")
    # cumsum adds in order of the lanes; sum would add in pairs
    return np.broadcast_to(total, (pack.count, r.shape[1])).cumsum(axis=1)[:, -1] if pack.reduces else total


def _term(run: Run, a: Any, b: Any, s: Array, r: Array, as_rows: bool) -> Array:
    x = _gather(run.a_is_row, a, s, r, as_rows)
    return x if b is None else x * _gather(bool(run.b_is_row), b, s, r, as_rows)


def _add(total: Array | None, run: Run, term: Array) -> Array:
    if total is None:
        return -term if run.sign < 0 else term
    return total - term if run.sign < 0 else total + term
