"""A program as an ONNX model: gathers, products, sums and functions, for the many runtimes that read it.

The input is a table [sample, number] with any number of samples, the output one too. Only operators that onnxruntime has in double as
well are used: what it lacks there (expm1, erf, atan …) is built from these (``lowered``).
"""

import os
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, final

import numpy as np

from autograd import ops
from autograd.compiler.program import Program
from autograd.compiler.targets.arrays import ArrayTarget, Places, outputs_of
from autograd.ops import Op

# The version of ONNX's operators, and of its file format that goes with it.
OPSET, FORMAT = 18, 8
INPUT, OUTPUT = "inputs", "outputs"
DTYPES = ("double", "float")

_ARITHMETIC: dict[Op, str] = {
    ops.add: "Add",
    ops.subtract: "Sub",
    ops.multiply: "Mul",
    ops.divide: "Div",
    ops.negative: "Neg",
    ops.absolute: "Abs",
    ops.sqrt: "Sqrt",
    ops.floor: "Floor",
    ops.rint: "Round",
    ops.exp: "Exp",
    ops.log: "Log",
    ops.sin: "Sin",
    ops.cos: "Cos",
    ops.tanh: "Tanh",
}
_COMPARISONS = {ops.greater: "Greater", ops.greater_equal: "GreaterOrEqual", ops.less: "Less", ops.less_equal: "LessOrEqual"}
_LOGIC = {ops.both: "And", ops.either: "Or"}


def onnx_package() -> Any:
    """The package ``onnx``; ImportError naming the extra."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError('a model for ONNX needs onnx: pip install "chalkgrad[onnx]"') from error
    return onnx


@final
class Onnx(ArrayTarget):
    """Nodes and numbers of a graph as they are written; arrays are names."""

    def __init__(self, dtype: str) -> None:
        if dtype not in DTYPES:
            raise ValueError(f"dtype must be 'double' or 'float', got {dtype!r}")
        self._onnx = onnx_package()
        kinds = self._onnx.TensorProto
        self.kind, self.whole, self.truth = getattr(kinds, dtype.upper()), kinds.INT64, kinds.BOOL
        self._dtype = np.float64 if dtype == "double" else np.float32
        self.nodes: list[Any] = []
        self.numbers: list[Any] = []
        self._known: dict[tuple[Any, ...], str] = {}
        self._truths: dict[str, str] = {}

    # --- Writing ---

    def node(self, kind: str, operands: Sequence[str], **attributes: Any) -> str:
        """The name of what an operator gives."""
        name = f"x{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(kind, list(operands), [name], **attributes))
        return name

    def array(self, numbers: Any) -> str:
        """The name of an array of numbers; equal ones are one."""
        key = (numbers.dtype.str, numbers.shape, numbers.tobytes())
        if key not in self._known:
            self._known[key] = f"k{len(self.numbers)}"
            self.numbers.append(self._onnx.numpy_helper.from_array(numbers, self._known[key]))
        return self._known[key]

    def indices(self, numbers: Any) -> str:
        """An array of whole numbers."""
        return self.array(np.array(numbers, dtype=np.int64))

    def constant(self, numbers: Any) -> str:
        """Numbers as they are."""
        with np.errstate(over="ignore"):
            return self.array(np.array(numbers, dtype=float).astype(self._dtype))

    def _named(self, x: Any) -> str:
        return x if isinstance(x, str) else self.constant(x)

    # --- Arrays ---

    def take(self, x: str, places: Places) -> str:
        """A gather."""
        return self.node("Gather", [x, self.indices(places)], axis=-1)

    def joined(self, parts: Sequence[str]) -> str:
        """A concatenation, each part as often as there are samples."""
        count = self.node("Shape", [INPUT], start=0, end=1)
        rows = []
        for part in parts:
            width = self.node("Shape", [part], start=-1)
            rows.append(self.node("Expand", [part, self.node("Concat", [count, width], axis=0)]))
        return self.node("Concat", rows, axis=-1)

    def total(self, x: str) -> str:
        """A sum over the last axis."""
        return self.node("ReduceSum", [x, self.indices([-1])], keepdims=0)

    def product(self, weights: str, x: str) -> str:
        """A matrix product."""
        return self.node("MatMul", [x, self.node("Transpose", [weights], perm=[1, 0])])

    def apply(self, op: Op, operands: Sequence[Any]) -> str | None:
        """An operator; None for a function that is built from others. TypeError for random numbers, and steps between floats."""
        if op is ops.uniform_op:
            raise TypeError(
                "random numbers keyed by counters need arithmetic on words of 32 bits, which ONNX runtimes lack: compute them "
                "outside, and give them as inputs"
            )
        if op is ops.nextafter and self._dtype == np.float32:
            raise TypeError("nextafter and ulp are steps between doubles: use dtype='double'")
        if op is ops.select:
            return self.node("Where", [self._truth(operands[0]), *map(self._named, operands[1:])])
        if op in _LOGIC or op is ops.negation:
            return self._number(self.node(_LOGIC.get(op, "Not"), list(map(self._truth, operands))))
        names = list(map(self._named, operands))
        if op in _ARITHMETIC:
            return self.node(_ARITHMETIC[op], names)
        if op in _COMPARISONS:
            return self._number(self.node(_COMPARISONS[op], names))
        if op is ops.power_both:
            return self._power(*names)
        if op is ops.sign:
            return self._sign(*names)
        return self._modulo(*names) if op is ops.modulo else None

    def _number(self, truth: str) -> str:
        """A truth as 1 or 0."""
        name = self.node("Cast", [truth], to=self.kind)
        self._truths[name] = truth
        return name

    def _truth(self, x: Any) -> str:
        name = self._named(x)
        return self._truths.get(name) or self.node("Not", [self.node("Equal", [name, self.constant(0.0)])])

    def _where(self, kind: str, a: str, b: str, yes: str, no: str) -> str:
        return self.node("Where", [self.node(kind, [a, b]), yes, no])

    def _power(self, a: str, b: str) -> str:
        """Pow, and 1 for 1ⁿᵃⁿ, as C has it."""
        one = self.constant(1.0)
        return self._where("Equal", a, one, one, self.node("Pow", [a, b]))

    def _sign(self, a: str) -> str:
        """Sign, and nan for nan."""
        return self._where("Equal", a, a, self.node("Sign", [a]), a)

    def _modulo(self, a: str, b: str) -> str:
        """Python's a % b: C's fmod, moved to the sign of b."""
        zero = self.constant(0.0)
        r = self.node("Mod", [a, b], fmod=1)
        crosses = self.node("Xor", [self.node("Less", [r, zero]), self.node("Less", [b, zero])])
        moved = self.node("Where", [crosses, self.node("Add", [r, b]), r])
        return self._where("Equal", r, zero, self._where("Less", b, zero, self.constant(-0.0), zero), moved)

    # --- The model ---

    def model(
        self, output: str, width: int, size: int, *, name: str, about: str = "", metadata: Mapping[str, str] | None = None
    ) -> Any:
        """The checked model with the input ``inputs`` [N, width] and the output ``outputs`` [N, size]."""
        helper = self._onnx.helper
        count = self.node("Shape", [INPUT], start=0, end=1)
        shape = self.node("Concat", [count, self.indices([size])], axis=0)
        self.nodes.append(helper.make_node("Expand", [output, shape], [OUTPUT]))
        used = {operand for node in self.nodes for operand in node.input}
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(INPUT, self.kind, ["N", width])],
            [helper.make_tensor_value_info(OUTPUT, self.kind, ["N", size])],
            [numbers for numbers in self.numbers if numbers.name in used],
            doc_string=about,
        )
        made = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=FORMAT, producer_name="chalkgrad"
        )
        helper.set_model_props(made, dict(metadata or {}))
        self._onnx.checker.check_model(made, full_check=True)
        return made


def onnx_model(
    program: Program,
    *,
    numbers: Sequence[float] = (),
    guards: Sequence[tuple[bool, str]] = (),
    dtype: str = "double",
    about: str = "",
    metadata: Mapping[str, str] | None = None,
) -> Any:
    """The ``onnx.ModelProto`` that computes the program's outputs [N, output] from its shared inputs [N, input].

    The last inputs may be ``numbers`` that become part of it. Where a guard (see ``javascript``) is not met, the outputs are nan.
    ValueError for another ``dtype`` than "double" and "float", ImportError without onnx, TypeError for an op whose value is a Python
    function of floats.
    """
    target = Onnx(dtype)
    found = outputs_of(program, INPUT, target, numbers=numbers, guards=guards)
    width, size = program.n_shared - len(numbers), len(program.outputs) - len(guards)
    return target.model(found, width, size, name="program", about=about, metadata=metadata)


def write_model(model: Any, path: str | PathLike[str]) -> None:
    """Write the model to a file, which appears whole on the disk or not at all."""
    target = Path(os.path.realpath(path))
    half = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(half, "wb") as file:
            file.write(model.SerializeToString(deterministic=True))
            file.flush()
            os.fsync(file.fileno())
        os.replace(half, target)
    finally:
        half.unlink(missing_ok=True)
