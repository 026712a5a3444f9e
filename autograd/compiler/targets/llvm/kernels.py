"""Kernels in LLVM IR: each primitive as an instruction, an intrinsic, a vector function of our own, or a call for each lane."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from autograd import ops
from autograd.compiler.kernels import ARITHMETIC, COMPARISONS, LIBM, LOGIC, Body, body_of
from autograd.compiler.targets import threefry
from autograd.compiler.targets.llvm import exact_math, fast_math
from autograd.compiler.targets.llvm.text import Form
from autograd.compiler.targets.special import exact, special
from autograd.ops import Op

if TYPE_CHECKING:
    from autograd.compiler.targets.llvm.emitter import Emitter

# Names of callbacks are known to the whole process.
_numbers = itertools.count()


@final
class BodyEmitter:
    """Writes a kernel's body for numbers or for rows. Conditions are i1 until someone needs the number 1.0 or 0.0."""

    def __init__(self, emitter: "Emitter", form: Form) -> None:
        self.e, self.text, self.form = emitter, emitter.text, form
        self.kind, self.bit = form.kind, form.bit
        self.bits: dict[str, str] = {}  # register of a number → its condition

    def run(self, body: Body, operands: Sequence[str]) -> str:
        """The register of the result."""
        found = list(operands)

        def register(x: int | float) -> str:
            return found[x] if isinstance(x, int) else self.form.constant(x)

        for step in body.instructions:
            found.append(self._instruction(step.op, [register(x) for x in step.operands]))  # noqa: PERF401 -- each refers to those before it
        return register(body.result)

    def _instruction(self, op: Op, x: list[str]) -> str:
        kind, let = self.kind, self.text.let
        if op in ARITHMETIC:
            return let(f"{ARITHMETIC[op]} {self.e.flags}{kind} {x[0]}, {x[1]}")
        if op in COMPARISONS:
            return self._number(let(f"fcmp {COMPARISONS[op]} {kind} {x[0]}, {x[1]}"))
        if op is ops.negation:
            every = f"<{', '.join(['i1 true'] * self.form.width)}>" if self.form.width > 1 else "true"
            return self._number(let(f"xor {self.bit} {self._bit(x[0])}, {every}"))
        if op in LOGIC:
            return self._number(let(f"{LOGIC[op]} {self.bit} {self._bit(x[0])}, {self._bit(x[1])}"))
        if op is ops.select:
            return self._select(self._bit(x[0]), x[1], x[2])
        if op is ops.negative:
            return let(f"fneg {kind} {x[0]}")
        if op is ops.sign:
            return self._sign(x[0])
        if op is ops.modulo:
            return self._modulo(x[0], x[1])
        if op is ops.uniform_op:
            return threefry.in_llvm(self.text, self.form.width, x)
        if self.form.width > 1 and op in LIBM:
            is_square = op is ops.power_both and x[1] == self.form.constant(2.0)
            name = "square" if is_square else LIBM[op]
            if self.e.fast and is_square:
                return let(f"fmul {kind} {x[0]}, {x[0]}")
            if self.e.fast and name in fast_math.VECTORIZED:
                return fast_math.written(self.text, name, self.form.width, x[0])
            if name in exact_math.NAMES and self.e.exact(name):
                return self.e.exactly(name, x)
        intrinsic = {ops.absolute: "fabs", ops.sqrt: "sqrt", ops.floor: "floor", ops.rint: "rint"}.get(op)
        if intrinsic is not None:
            return let(f"call {kind} @llvm.{intrinsic}.{self.form.suffix}({kind} {x[0]})")
        simpler = special(op) if self.e.fast and op is not ops.fma else exact(op)
        if simpler is not None:
            return self.run(body_of(simpler, len(x)), x)
        return self._call(self._callee(op, len(x)), x)

    def _callee(self, op: Op, arity: int) -> str:
        name = "fma" if op is ops.fma else LIBM.get(op)
        if name is not None:
            self.e.libm[name] = arity
            return f"libm_{name}"
        return self.e.callbacks.setdefault((op, arity), f"callback_{next(_numbers)}")

    def _call(self, callee: str, x: list[str]) -> str:
        """The function called for each lane."""
        let = self.text.let
        if self.form.width == 1:
            return let(f"call double @{callee}({', '.join(f'double {v}' for v in x)})")
        result = "poison"
        for lane in range(self.form.width):
            parts = [let(f"extractelement {self.kind} {v}, i64 {lane}") for v in x]
            y = let(f"call double @{callee}({', '.join(f'double {v}' for v in parts)})")
            result = let(f"insertelement {self.kind} {result}, double {y}, i64 {lane}")
        return result

    def _number(self, bit: str) -> str:
        one, zero = map(self.form.constant, (1.0, 0.0))
        number = self._select(bit, one, zero)
        self.bits[number] = bit
        return number

    def _bit(self, number: str) -> str:
        zero = self.form.constant(0.0)
        return self.bits.get(number) or self.text.let(f"fcmp une {self.kind} {number}, {zero}")

    def _select(self, bit: str, a: str, b: str) -> str:
        return self.text.let(f"select {self.bit} {bit}, {self.kind} {a}, {self.kind} {b}")

    def _compare(self, how: str, a: str, b: str) -> str:
        return self.text.let(f"fcmp {how} {self.kind} {a}, {b}")

    def _sign(self, a: str) -> str:
        zero, one, minus = map(self.form.constant, (0.0, 1.0, -1.0))
        inner = self._select(self._compare("ord", a, a), zero, a)
        below = self._select(self._compare("olt", a, zero), minus, inner)
        return self._select(self._compare("ogt", a, zero), one, below)

    def _modulo(self, a: str, b: str) -> str:
        """Python's a % b: C's fmod, moved to the sign of b."""
        zero = self.form.constant(0.0)
        self.e.libm["fmod"] = 2
        r = self._call("libm_fmod", [a, b])
        crosses = self.text.let(f"xor {self.bit} {self._compare('olt', b, zero)}, {self._compare('olt', r, zero)}")
        moved = self._select(crosses, self.text.let(f"fadd {self.kind} {r}, {b}"), r)
        nothing = self.text.let(f"call {self.kind} @llvm.copysign.{self.form.suffix}({self.kind} {zero}, {self.kind} {b})")
        return self._select(self._compare("oeq", r, zero), nothing, moved)
