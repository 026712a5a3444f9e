"""What the compiler knows of the ops: which are primitive, and how every other op's value is made of primitives.

Glossary::

    primitive    an op that an executor computes itself: arithmetic, comparisons, choices and the functions of the C library
    body         a composite op's value as a short straight-line program of primitives
    callback     an op of the user's whose value is written for floats only: the compiled program calls that Python function

A body is not written anywhere: it is what the op's value function records when it is given Values. So the compiled program computes
what the table says, operation by operation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import final

from autograd import ops
from autograd.modes import switched
from autograd.ops import Op
from autograd.value import CONSTANT, Value, topological_order

# Functions of the C library that Python's math module hands through: the same bits in both.
LIBM = {
    getattr(ops, name): name
    for name in (
        [
            "exp",
            "expm1",
            "log",
            "log1p",
            "log2",
            "log10",
            "sin",
            "cos",
            "tan",
            "asin",
            "acos",
            "atan",
            "sinh",
            "cosh",
            "tanh",
            "asinh",
            "acosh",
            "atanh",
            "erf",
            "erfc",
            "cbrt",
            "atan2",
            "nextafter",
        ]
    )
}
LIBM[ops.power_both] = "pow"

COMPARISONS = {ops.greater: "ogt", ops.greater_equal: "oge", ops.less: "olt", ops.less_equal: "ole"}
LOGIC = {ops.both: "and", ops.either: "or", ops.negation: "xor"}
ARITHMETIC = {ops.add: "fadd", ops.subtract: "fsub", ops.multiply: "fmul", ops.divide: "fdiv"}
OTHERS = (
    *(ops.negative, ops.absolute, ops.sqrt, ops.floor, ops.rint, ops.sign, ops.modulo, ops.select, ops.fma),
    ops.uniform_op,
)
IDENTITIES = (ops.positive, ops.stop_gradient)
PRIMITIVES = frozenset([*LIBM, *COMPARISONS, *LOGIC, *ARITHMETIC, *OTHERS])


@final
@dataclass(frozen=True)
class Instruction:
    """One primitive, or a callback, applied to references.

    A reference is an int: ``i`` below the body's arity is its i-th operand, above that the result of an instruction; a float is a
    constant.
    """

    op: Op
    operands: tuple[int | float, ...]


@final
@dataclass(frozen=True)
class Body:
    """A straight-line program; ``result`` is a reference like the operands of its instructions."""

    arity: int
    instructions: tuple[Instruction, ...]
    result: int | float


# The instructions of a body that grows, each with its reference, by a text of their own.
Instructions = dict[str, tuple[int, Instruction]]


class _Branched(Exception):
    """A value function asked a Value for a plain bool."""


@lru_cache(maxsize=1024)
def is_of_table(op: Op) -> bool:
    """Whether it is the op of the table that its name says."""
    try:
        return ops.named_op(op.name) is op
    except ValueError:
        return False


def exponent_of(op: Op) -> float | None:
    """n for the op xⁿ of the table, None for any other op."""
    return float(op.name[2:]) if op.name.startswith("**") and is_of_table(op) else None


# Where a value function is tried: on these numbers and their neighbours, moved on by one for each operand.
_TRIALS = (0.5, -0.75, 1.0, 0.0, 2.0, -3.0, 1e-3, 40.0)


def body_of(op: Op, arity: int) -> Body:
    """The op's value for ``arity`` operands as primitives and callbacks."""
    return _body_of_table(op, arity) if is_of_table(op) else _body(op, arity)


@lru_cache(maxsize=1024)
def _body_of_table(op: Op, arity: int) -> Body:
    return _body(op, arity)


def _body(op: Op, arity: int) -> Body:
    exponent = exponent_of(op)
    if exponent is not None:
        return Body(1, (Instruction(ops.power_both, (0, exponent)),), 1)
    if op in PRIMITIVES:
        return Body(arity, (Instruction(op, tuple(range(arity))),), arity)
    if op in IDENTITIES:
        return Body(1, (), 0)
    bodies = [
        _traced(op, [_TRIALS[(k + i) % len(_TRIALS)] for i in range(arity)])
        for k in range(1 if is_of_table(op) else len(_TRIALS))
    ]
    if bodies[0] is None or any([repr(body) != repr(bodies[0]) for body in bodies]):
        return Body(arity, (Instruction(op, tuple(range(arity))),), arity)
    return bodies[0]


def _traced(op: Op, point: Sequence[float]) -> Body | None:
    """What the op's value function records when given Values; None if it is written for floats only.

    That is also so if it gives another number for floats, or if it raises: it may have looked at the types of its operands.
    """

    def refuse(v: Value) -> None:
        raise _Branched

    operands = [Value(x) for x in point]
    try:
        with switched(on_branch=refuse, on_read=refuse, recording=True, anomaly=False, simplify=False):
            result = op.value(*operands)
        if not isinstance(result, (Value, float)):
            return None
        number = result._data if isinstance(result, Value) else result
        if not is_of_table(op) and repr(float(op.value(*point))) != repr(number):
            return None
    except Exception:  # whatever a function for floats makes of Values
        return None
    return _inlined(len(point), operands, result)


def _inlined(arity: int, operands: list[Value], result: Value | float) -> Body:
    if isinstance(result, float):
        return Body(arity, (), result)
    instructions: Instructions = {}
    references: dict[Value, int | float] = {v: i for i, v in enumerate(operands)}
    for node in topological_order(result):
        if node in references:
            continue
        if node.op is CONSTANT or node.is_leaf:
            references[node] = node._data
            continue
        references[node] = _append(instructions, arity, node.op, [references[v] for v in node._prev])
    return Body(arity, tuple([instruction for _, instruction in instructions.values()]), references[result])


def _append(instructions: Instructions, arity: int, op: Op, operands: list[int | float]) -> int | float:
    """Add an op's own body to a body; the reference of its result. Equal instructions are one: σ and its slope share e⁻ˣ."""
    if op is ops.sum_op or op is ops.dot_op:
        return _append_sum(instructions, arity, op, operands)
    body = body_of(op, len(operands))
    found: list[int | float] = list(operands)

    def reference(x: int | float) -> int | float:
        return found[x] if isinstance(x, int) else x

    for step in body.instructions:
        instruction = Instruction(step.op, tuple([reference(x) for x in step.operands]))
        found.append(_place(instructions, arity, instruction))
    return reference(body.result)


def _place(instructions: Instructions, arity: int, instruction: Instruction) -> int:
    """The reference of an instruction's result; the instruction is added unless it is there.

    The key is text because as numbers operand 1 equals the constant 1.0, and 0.0 equals -0.0.
    """
    key = f"{id(instruction.op)} {instruction.operands!r}"
    place, _ = instructions.setdefault(key, (arity + len(instructions), instruction))
    return place


def _append_sum(instructions: Instructions, arity: int, op: Op, operands: list[int | float]) -> int | float:
    n = len(operands) // 2
    terms = operands
    if op is ops.dot_op:
        pairs = zip(operands[:n], operands[n:-1], strict=True)
        terms = [operands[-1], *[_append(instructions, arity, ops.multiply, list(pair)) for pair in pairs]]
    total = terms[0]
    for term in terms[1:]:
        total = _append(instructions, arity, ops.add, [total, term])
    return total
