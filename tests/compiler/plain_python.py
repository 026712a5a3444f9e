"""A target as CONTRIBUTING says that one is added, one file: a program as plain Python with one list of numbers, for shared inputs.

It holds spellings only. ``functions`` are the ops that this language has; what it lacks is built from simpler ones, or refused by name.
"""

from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any

from autograd import ops
from autograd.compiler.kernels import PRIMITIVES, body_of
from autograd.compiler.program import Pack, Program, Run
from autograd.compiler.targets.lowered import lowered
from autograd.compiler.targets.special import unsaid
from autograd.compiler.targets.walk import Counter, Walk
from autograd.ops import Op

_SIGNS = {ops.add: "+", ops.subtract: "-", ops.multiply: "*"}


class PlainPython(Walk):
    """The lines of a program, in ``lines``."""

    def __init__(self, program: Program, functions: Set[Op]) -> None:
        super().__init__(program)
        self.functions = functions
        self.lines, self.depth, self.names = [f"s = {list(program.constants)} + inputs + [0.0] * {program.shared_size}"], 0, 0
        self.walk()
        self.say(f"outputs = [{', '.join(f's[{slot}]' for _, slot in program.outputs)}]")

    def say(self, line: str) -> None:
        """A line at the present depth."""
        self.lines.append("  " * self.depth + line)

    def named(self, text: str) -> str:
        """A name for an expression."""
        self.names += 1
        self.say(f"v{self.names} = {text}")
        return f"v{self.names}"

    def sources(self, pack: Pack) -> list[str]:
        """A list for each table."""
        return [self.named(str(table.tolist())) for table in pack.tables]

    def cells(self, pack: Pack, sources: Sequence[str]) -> Iterator[Sequence[str]]:
        """A loop over the instances."""
        self.say(f"for n in range({pack.count}):")
        self.depth += 1
        yield ["n"]
        self.depth -= 1

    def at(self, source: str, cell: str) -> str:
        """A row of the table."""
        return f"{source}[{cell}]"

    def read(self, operand: str, t: Counter) -> str:
        """A number."""
        return f"s[{operand}[{t}]]"

    def kernel(self, op: Op, operands: Sequence[str]) -> str:
        """Its primitives one after the other."""
        body, found = body_of(op, len(operands)), list(operands)
        for step in body.instructions:
            found.append(self.primitive(step.op, [found[x] if isinstance(x, int) else repr(x) for x in step.operands]))
        return found[body.result] if isinstance(body.result, int) else repr(body.result)

    def primitive(self, op: Op, operands: Sequence[str]) -> str:
        """A sign between two numbers, or a function; built of simpler ones where the language has none."""
        if op in _SIGNS:
            return self.named(f" {_SIGNS[op]} ".join(operands))
        if op in self.functions:
            return self.named(f"{op.name}({', '.join(operands)})")
        simpler = lowered(op)
        if simpler is None:
            raise unsaid(op)
        return self.kernel(simpler, operands)

    def term(self, run: Run, factors: Sequence[str], total: str | None) -> str:
        """One more term; where a gate is closed −0, which changes no sum."""
        sign, text = "-" if run.sign < 0 else "", " * ".join(factors[: 1 + (run.b_is_row is not None)])
        if run.gate_is_row is not None:
            sign, text = "", f"({sign}({text}) if {factors[-1]} != 0.0 else -0.0)"
        if total is None:
            return self.named(sign + text)
        self.say(f"{total} {sign or '+'}= {text}")
        return total

    def repeated(self, start: int, stop: int, totals: list[str], add: Callable[[Counter, list[str]], list[str]]) -> list[str]:
        """A loop."""
        self.say(f"for t in range({start}, {stop}):")
        self.depth += 1
        totals = add("t", totals)
        self.depth -= 1
        return totals

    def store(self, pack: Pack, cells: Sequence[str], results: Sequence[str]) -> None:
        """Into the list."""
        self.say(f"s[{pack.out} + {cells[0]}] = {results[0]}")


def plain_python(program: Program, functions: Set[Op] = PRIMITIVES) -> Callable[[Sequence[float]], list[float]]:
    """The program as a function. TypeError for an op that the language has not, if it is not made of others."""
    source = "\n".join(PlainPython(program, functions).lines)
    code = compile(source, "<plain Python>", "exec")

    def function(inputs: Sequence[float]) -> list[float]:
        scope: dict[str, Any] = {op.name: op.value for op in functions} | {"inputs": list(inputs), "inf": ops.INF, "nan": ops.NAN}
        exec(code, scope)
        return scope["outputs"]  # type: ignore[no-any-return]

    return function
