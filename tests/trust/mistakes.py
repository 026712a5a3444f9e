"""The tests are tested: mistakes that one could make in the package, put into it in memory, and the row that catches each.

An ``edit`` replaces text in the source of a function and swaps the function's code, so that everyone who has the function runs the
mistake; a ``rule`` replaces the chain rule of an op. Both are taken back.
"""

import ast
import inspect
import os
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from unittest.mock import patch

import autograd as ag
from autograd import ops
from autograd.compiler import adjoints, kernels

VALUES, SLOPES, SECOND = "numbers: value of ops: ", "numbers: derivative of ops: ", "numbers: second and third derivatives of ops"
EXACT, STANDARD = "rounded once", "standard"
EDGES = "numbers: the edge table: kinks, poles, infinities, tails"
GRAPHS = "numbers: random expressions of 10 steps"
HESSIANS = "numbers: second derivatives of random expressions"
NUMPY_POINTS, NUMPY_LANES, LLVM_POINTS, LLVM_LANES = (
    f"bits: eager = {engine}, {place}: "
    for engine in ("numpy", "llvm")
    for place in ("one point after the other", "points side by side")
)
OPS, GRAPHS_OF_ALL = "gradients of ops", "random graphs"
FILES = "files: cuts, flipped bits and edits of a weights file: refused or harmless"


@dataclass(frozen=True)
class Mistake:
    """A mistake, how it is made, and the row that must notice it among so many cases."""

    what: str
    row: str
    made: Callable[[], Any]
    cases: int = 40

    def __str__(self) -> str:
        return self.what


def function_named(place: str) -> Any:
    """The function ``module:qualified.name``."""
    module, _, path = place.partition(":")
    found = import_module(module)
    for name in path.split("."):
        found = inspect.getattr_static(found, name)
    return getattr(found, "__wrapped__", found)


@contextmanager
def made_anew() -> Iterator[None]:
    """Nothing is taken from what was made before, on disk or in memory, and nothing is left for later."""
    with patch.dict(os.environ, CHALKGRAD_CACHE=""):
        forget()
        try:
            yield
        finally:
            forget()


def forget() -> None:
    """Empty the caches of the compiler that hold pieces of programs."""
    for cached in (adjoints._template_of_table, kernels._body_of_table):
        cached.cache_clear()


@contextmanager
def edited(place: str, old: str, new: str) -> Iterator[None]:
    """A function with text of its source replaced."""
    function = function_named(place)
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(old) != 1:
        raise LookupError(f"{place} has {source.count(old)} times {old!r}: write the mistake anew")
    (tree,) = ast.parse(source.replace(old, new)).body
    assert isinstance(tree, ast.FunctionDef)
    tree.decorator_list = []
    namespace = dict(function.__globals__)
    exec(compile(ast.Module([tree], []), place, "exec"), namespace)
    right = function.__code__
    function.__code__ = namespace[function.__name__].__code__
    try:
        with made_anew():
            yield
    finally:
        function.__code__ = right


@contextmanager
def ruled(op: str, wrong: Callable[..., Any]) -> Iterator[None]:
    """An op with another rule."""
    row = ops.named_op(op)
    right = row.rule
    row.rule = wrong
    try:
        yield
    finally:
        row.rule = right


def rule(what: str, row: str, op: str, wrong: Callable[..., Any]) -> Mistake:
    """A mistake in a rule."""
    return Mistake(f"{op}: {what}", row, lambda: ruled(op, wrong), 1000 if row == EDGES else 20)


def edit(what: str, row: str, place: str, old: str, new: str, cases: int = 40) -> Mistake:
    """A mistake in a function."""
    name = place.partition(":")[2]
    return Mistake(f"{name}: {what}", row, lambda: edited(place, old, new), cases)


RULES = [
    rule("sign of the second operand", SLOPES + EXACT, "subtract", lambda g, y, a, b: (g, g)),
    rule("operands swapped", SLOPES + EXACT, "multiply", lambda g, y, a, b: (g * a, g * b)),
    rule("incoming derivative forgotten", SLOPES + EXACT, "multiply", lambda g, y, a, b: (b, a)),
    rule("incoming derivative squared", SLOPES + EXACT, "add", lambda g, y, a, b: (g * g, g)),
    rule("quotient rule without its minus", SLOPES + EXACT, "divide", lambda g, y, a, b: (g / b, g * y / b)),
    rule("operand in place of result", SLOPES + EXACT, "divide", lambda g, y, a, b: (g / b, -(g * a / b))),
    rule("contributions swapped", SLOPES + EXACT, "divide", lambda g, y, a, b: (-(g * y / b), g / b)),
    rule("exponent not lowered", SLOPES + STANDARD, "**3.0", lambda g, y, a: (g * 3.0 * y,)),
    rule("factor forgotten", SLOPES + STANDARD, "**3.0", lambda g, y, a: (g * a * a,)),
    rule("relative error of 1e-9", SLOPES + STANDARD, "exp", lambda g, y, a: (g * y * (1.0 + 1e-9),)),
    rule("relative error of 1e-15", SLOPES + STANDARD, "exp", lambda g, y, a: (g * y * (1.0 + 1e-15),)),
    rule("result in place of operand", SLOPES + STANDARD, "expm1", lambda g, y, a: (g * y,)),
    rule("reciprocal of the wrong thing", SLOPES + STANDARD, "log", lambda g, y, a: (ops.divide(g, y),)),
    rule("factor 2", SLOPES + EXACT, "sqrt", lambda g, y, a: (ops.divide(g, y),)),
    rule("cancelling form", SLOPES + STANDARD, "tanh", lambda g, y, a: (g * (1.0 - y * y),)),
    rule("cancelling form", SLOPES + STANDARD, "sigmoid", lambda g, y, a: (g * (y * (1.0 - y)),)),
    rule("sign", SLOPES + STANDARD, "cos", lambda g, y, a: (g * ag.sin(a),)),
    rule("wrong only in the second order", SECOND, "sin", lambda g, y, a: (g * ag.stop_gradient(ag.cos(a)),)),
    rule("factor, seen only in the second order", SECOND, "sech2", lambda g, y, a: (g * (2.0 * ag.tanh(a) * y),)),
    rule("tie not shared", EDGES, "maximum", lambda g, y, a, b: (ag.where(a >= b, g, 0.0), ag.where(a >= b, 0.0, g))),
    rule("derivative 1 at the kink", EDGES, "relu", lambda g, y, a: (ag.where(a >= 0.0, g, 0.0),)),
    rule("derivative 0 at the bound", EDGES, "clamp[-1.0,1.0]", lambda g, y, a: (ag.where((a > -1.0) & (a < 1.0), g, 0.0),)),
    rule("bias forgotten", SLOPES + STANDARD, "dot", lambda g, y, *x: [*[g * b for b in x[3:6]], *[g * a for a in x[:3]], None]),
    rule(
        "weights and inputs swapped",
        SLOPES + STANDARD,
        "dot",
        lambda g, y, *x: [*[g * a for a in x[:3]], *[g * b for b in x[3:6]], g],
    ),
    rule("one term lost", SLOPES + STANDARD, "sum", lambda g, y, *x: [*[g] * (len(x) - 1), None]),
    rule("both branches", SLOPES + EXACT, "select", lambda g, y, c, a, b: (None, g, g)),
]

BACKWARD, DERIVATIVES = "autograd.backward:propagate", "autograd.derivatives:"
WALKS = [
    edit("= for += by the first operand", GRAPHS, BACKWARD, "adjoints[a] + ga if a in adjoints else ga", "ga"),
    edit("= for += by the second operand", SLOPES + EXACT, BACKWARD, "adjoints[b] + gb if b in adjoints else gb", "gb"),
    edit("= for += by one of many operands", GRAPHS, BACKWARD, "adjoints[v] + gv if v in adjoints else gv", "gv"),
    edit("seed ignored", SLOPES + EXACT, BACKWARD, "{root: seed}", "{root: 1.0}"),
    edit("operands' numbers swapped", SLOPES + EXACT, BACKWARD, "node._xa, node._xb", "node._xb, node._xa"),
    edit(
        "leaves assigned, not added to",
        "laws: what is added to a gradient is exactly the gradient",
        "autograd.backward:commit",
        "else v.grad + g for",
        "else g for",
    ),
    edit("= for +=", GRAPHS, DERIVATIVES + "_accumulate", "adjoints[operand] + contribution", "contribution", 100),
    edit(
        "a gate forgotten",
        EDGES,
        DERIVATIVES + "_gated",
        "contribution if gate is None else ops.select(gate, contribution, -0.0)",
        "contribution",
        1000,
    ),
    edit("operands before results", HESSIANS, DERIVATIVES + "adjoint_graph", "in reversed(order)", "in order"),
]

FORM, PACKER = "autograd.compiler.normal:NormalForm.", "autograd.compiler.packs:_Packer."
NUMPY, LLVM, IR = (
    "autograd.compiler.targets.numpy:",
    "autograd.compiler.targets.llvm.executor:",
    "autograd.compiler.targets.llvm.kernels:BodyEmitter.",
)
COMPILER = [
    edit("minus lost", NUMPY_LANES + OPS, FORM + "_further", "[two], -1, 1)", "[two], 1, 1)"),
    edit("a weight for the bias", NUMPY_LANES + OPS, FORM + "_chained", "r.count - 1, 0)", "0, 0)"),
    edit(
        "shared sums taken in",
        NUMPY_LANES + OPS,
        FORM + "_chained",
        "~self.is_reduced & self.is_used_once",
        "~self.is_reduced",
    ),
    edit("shared products taken in", NUMPY_LANES + GRAPHS_OF_ALL, FORM + "_among", "which & self.is_used_once", "which", 500),
    edit(
        "a negation lost",
        NUMPY_LANES + GRAPHS_OF_ALL,
        FORM + "_turned",
        "part.sign[found] *= -1",
        "part.sign[found] *= 1",
        500,
    ),
    edit("weights squared", NUMPY_LANES + OPS, FORM + "_dots", "to=at + half", "to=at"),
    edit("terms out of order", NUMPY_LANES + OPS, FORM + "_collected", "ordered_by(part.k,", "ordered_by(-part.k,"),
    edit("highest level first", NUMPY_LANES + OPS, PACKER + "_groups", "(at[first], graph", "(at[first], -graph"),
    edit("signs of constants lost", NUMPY_LANES + OPS, PACKER + "_number_inputs", "repr(x)", "repr(abs(x))"),
    edit("one slot for all", NUMPY_LANES + OPS, PACKER + "_number_results", "np.arange(first, first + len(at))", "first"),
    edit(
        "operands swapped",
        NUMPY_LANES + OPS,
        PACKER + "_kernel_pack",
        "in range(operands.shape[1])",
        "in (*range(operands.shape[1]),)[::-1]",
    ),
    edit(
        "runs overlap",
        NUMPY_LANES + OPS,
        PACKER + "_sum_pack",
        "side[entries[:, start:stop]]",
        "side[entries[:, : stop - start]]",
    ),
    edit("one factor twice", NUMPY_LANES + OPS, "autograd.compiler.packs:_joined_sums", "np.where(turned, a, b)", "b"),
    edit("minus lost", NUMPY_LANES + OPS, NUMPY + "_add", "total - term if", "total + term if"),
    edit("inputs reversed", NUMPY_LANES + OPS, NUMPY + "NumpyExecutor.evaluate", "= lanes", "= lanes[::-1]"),
    edit("a lane off by one", NUMPY_LANES + OPS, NUMPY + "NumpyExecutor.evaluate", "= lanes", "= np.roll(lanes, 1, axis=1)"),
    edit(
        "the first lane for the sum",
        "training: random runs: eager = numpy",
        NUMPY + "_Evaluation._over_lanes",
        "[:, -1]",
        "[:, 0]",
    ),
    edit("remainder not moved", NUMPY_LANES + OPS, NUMPY + "_modulo", "remainder + b", "remainder"),
    edit("sign of nan", NUMPY_LANES + OPS, NUMPY + "_sign", "0.0, a)))", "0.0, 0.0)))"),
    edit(
        "the last lanes for the first",
        LLVM_LANES + OPS,
        LLVM + "LlvmExecutor.evaluate",
        "rows[:, :count]",
        "rows[:, padded - count :]",
    ),
    edit("branches swapped", LLVM_POINTS + OPS, IR + "_select", "{a}, {self.kind} {b}", "{b}, {self.kind} {a}"),
    edit("an unordered comparison", LLVM_POINTS + OPS, IR + "_bit", "fcmp une", "fcmp one"),
    edit("remainder not moved", LLVM_POINTS + OPS, IR + "_modulo", "fadd {self.kind} {r}", "fsub {self.kind} {r}"),
    edit(
        "the first lane for all",
        LLVM_LANES + OPS,
        IR + "_call",
        "extractelement {self.kind} {v}, i64 {lane}",
        "extractelement {self.kind} {v}, i64 0",
    ),
    edit(
        "constants in single precision",
        LLVM_POINTS + OPS,
        "autograd.compiler.targets.llvm.emitter:double",
        "struct.pack('<d', x)",
        "struct.pack('<d', struct.unpack('<f', struct.pack('<f', x))[0])",
    ),
]

PAPER = "training: {} against its paper"
ENGINES = "training: random runs: eager = numpy"
OPTIM, WEIGHTS = "nn.optim:", "nn.weights:"
TRAINING = [
    edit("sign", PAPER.format("momentum"), OPTIM + "SGD.update", "p - self.lr", "p + self.lr"),
    edit(
        "old velocity", PAPER.format("momentum"), OPTIM + "SGD.update", "self.momentum * v + g\n", "self.momentum * v + 0.9 * g\n"
    ),
    edit("no step ahead", PAPER.format("nesterov"), OPTIM + "SGD.update", "(g + self.momentum * v if", "(v if"),
    edit("no correction of the mean", PAPER.format("adam"), OPTIM + "_Moments.move", "1.0 - b1**step", "1.0"),
    edit("correction of the wrong step", PAPER.format("adam"), OPTIM + "_Moments.move", "b2**step", "b2 ** (step + 1)"),
    edit("gradient not squared", PAPER.format("adam"), OPTIM + "_Moments.move", "(g * g)", "g"),
    edit(
        "eps inside the root",
        PAPER.format("adam"),
        OPTIM + "_Moments.move",
        "(sqrt(v) * (c1 / sqrt(c2)) + self.eps * c1)",
        "(sqrt(v + self.eps) * (c1 / sqrt(c2)))",
    ),
    edit(
        "decay without the rate",
        PAPER.format("adamw"),
        OPTIM + "AdamW.update",
        "self.lr * self.weight_decay",
        "self.weight_decay",
    ),
    edit("state not kept", PAPER.format("momentum"), OPTIM + "Optimizer.step", "[result[1:] for", "[state for"),
    edit("step not counted", PAPER.format("adam"), OPTIM + "Optimizer.step", "self.steps = step", "self.steps = 0"),
    edit("share of a sample", ENGINES, "nn.task:gradients", "error.backward(share)", "error.backward()"),
    edit("penalty not differentiated", ENGINES, "nn.task:penalise", "excess.backward()", "pass"),
]
LOADER = [
    edit(
        "digest not compared", FILES, WEIGHTS + "_metadata", 'metadata["sha256"] != hash', 'not metadata["sha256"] != hash', 600
    ),
    edit(
        "digest ignored",
        FILES,
        WEIGHTS + "_metadata",
        'raise ValueError("damaged: the numbers',
        'str("damaged: the numbers',
        2400,
    ),
    edit(
        "errors without the name of the file",
        FILES,
        WEIGHTS + "read",
        "raise WeightsError(path, str(error)) from None",
        "raise",
        600,
    ),
    edit(
        "a short header read on",
        FILES,
        WEIGHTS + "_split",
        'raise ValueError(f"truncated: {len(content)} bytes, not even',
        'str(f"truncated: {len(content)} bytes, not even',
        600,
    ),
]

MISTAKES = [*RULES, *WALKS, *COMPILER, *TRAINING, *LOADER]
