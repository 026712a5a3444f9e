"""What is left of a case that fails when everything is taken away that its failure does not need, as code that runs: of recorded graphs,
and of Python functions."""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from autograd import Value, topological_order
from autograd.ops import named_op
from autograd.value import CONSTANT

T = TypeVar("T")


def least(case: T, smaller: Callable[[T], Iterator[T]], fails: Callable[[T], bool]) -> T:
    """A case that fails, of which nothing smaller does. What cannot be tried does not fail."""

    def still(each: T) -> bool:
        try:
            return fails(each)
        except Exception:
            return False

    while (found := next(filter(still, smaller(case)), None)) is not None:
        case = found
    return case


# --- Recorded graphs -----------------------------------------------------------------------------------------------------------

# The name of an op and its operands: an int is the index of a leaf or, after these, of an earlier step, a float a constant.
Step = tuple[str, tuple[int | float, ...]]


@dataclass(frozen=True)
class Steps:
    """A graph as the steps that record it, over so many leaves; the last one is its result."""

    leaves: int
    steps: tuple[Step, ...]

    def __call__(self, leaves: Sequence[Any]) -> Any:
        known = list(leaves)
        for name, operands in self.steps:
            known.append(named_op(name)(*[known[i] if isinstance(i, int) else i for i in operands]))
        return known[-1]

    def code(self, name: str) -> str:
        """A function of this name."""
        lines = [f"def {name}(leaves):"]
        lines += [f"    x{i} = leaves[{i}]" for i in sorted(i for i in self._used() if i < self.leaves)]
        for n, (op, operands) in enumerate(self.steps, self.leaves):
            given = ", ".join([f"x{i}" if isinstance(i, int) else repr(i) for i in operands])
            lines.append(f"    x{n} = named_op({op!r})({given})")
        return "\n".join([*lines, f"    return x{self.leaves + len(self.steps) - 1}"])

    def smaller(self) -> Iterator["Steps"]:
        """Those with an operand in place of one of the steps."""
        for n in reversed(range(len(self.steps))):
            for operand in dict.fromkeys(self.steps[n][1]):
                if n + 1 < len(self.steps):
                    yield self._with(n, operand)
                elif isinstance(operand, int) and operand >= self.leaves:
                    yield replace(self, steps=self.steps[: operand - self.leaves + 1])._needed()

    def _with(self, n: int, operand: int | float) -> "Steps":
        def instead(i: int | float) -> int | float:
            return operand if isinstance(i, int) and i == n + self.leaves else i

        return replace(self, steps=tuple([(name, tuple(map(instead, given))) for name, given in self.steps]))._needed()

    def _needed(self) -> "Steps":
        """The same without the steps that nobody uses."""
        used = self._used()
        kept = [n for n in range(len(self.steps)) if n + self.leaves in used]
        number = {i: i for i in range(self.leaves)} | {n + self.leaves: k + self.leaves for k, n in enumerate(kept)}

        def moved(i: int | float) -> int | float:
            return number[i] if isinstance(i, int) else i

        return replace(self, steps=tuple([(name, tuple(map(moved, given))) for name, given in [self.steps[n] for n in kept]]))

    def _used(self) -> set[int]:
        used = {self.leaves + len(self.steps) - 1}
        for n in reversed(range(len(self.steps))):
            if n + self.leaves in used:
                used |= {i for i in self.steps[n][1] if isinstance(i, int)}
        return used


def steps_of(graph: Callable[[Sequence[Value]], Value], point: Sequence[float]) -> Steps:
    """The steps of a graph, as it is recorded at a point."""
    leaves = [Value(x) for x in point]
    number: dict[Value, int | float] = {leaf: i for i, leaf in enumerate(leaves)}
    steps: list[Step] = []
    for node in topological_order(graph(leaves)):
        if node.op is CONSTANT:
            number[node] = node.data
        elif node not in number:
            number[node] = len(leaves) + len(steps)
            steps.append((node.op.name, tuple([number[operand] for operand in node._prev])))
    return Steps(len(leaves), tuple(steps))


@dataclass(frozen=True)
class Case:
    """Graphs at points, in one program."""

    graphs: tuple[Steps, ...]
    points: tuple[tuple[float, ...], ...]

    def smaller(self) -> Iterator["Case"]:
        """With fewer graphs, with fewer points, with one of the graphs smaller."""
        yield from (replace(self, graphs=fewer) for fewer in _parts(self.graphs))
        yield from (replace(self, points=fewer) for fewer in _parts(self.points))
        for i, graph in enumerate(self.graphs):
            for each in graph.smaller():
                yield replace(self, graphs=(*self.graphs[:i], each, *self.graphs[i + 1 :]))

    def code(self) -> str:
        """The graphs and points as Python that runs."""
        functions = [graph.code(f"graph{i}") for i, graph in enumerate(self.graphs)]
        names = ", ".join([f"graph{i}" for i in range(len(self.graphs))])
        head = "from math import inf, nan\nfrom autograd.ops import named_op"
        return "\n".join([head, *functions, f"graphs = [{names}]", f"points = {list(map(list, self.points))!r}"])


def _parts(things: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    """Both halves; of a few things all but one."""
    if len(things) > 1:
        half = len(things) // 2
        yield from (things[:half], things[half:])
    if 2 < len(things) < 9:
        yield from (things[:i] + things[i + 1 :] for i in range(len(things)))


# --- Functions -----------------------------------------------------------------------------------------------------------------


def smaller_texts(text: str) -> Iterator[str]:
    """The text of a function without one of its statements, with what is in one in its place, or with a part of an expression."""
    number = 0
    while True:
        edit = _Edit(number)
        tree = edit.visit(ast.parse(text))
        if edit.number >= 0:
            return
        yield ast.unparse(tree) + "\n"
        number += 1


class _Edit(ast.NodeTransformer):
    """Makes one of all edits; its ``number`` is below 0 once that is done."""

    def __init__(self, number: int) -> None:
        self.number = number

    def visit(self, node: ast.AST) -> Any:
        """The node, or what stands in its place. What counts a loop's rounds stays: else it would go on for ever."""
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "c":
            return node
        self.generic_visit(node)
        for instead in _instead(node):
            self.number -= 1
            if self.number == -1:
                return instead
        return node


def _instead(node: ast.AST) -> list[Any]:
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.Call) and len(node.args) == 1:
        return node.args
    if isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef):
        return [None, *([node.body] if hasattr(node, "body") else [])]
    return []
