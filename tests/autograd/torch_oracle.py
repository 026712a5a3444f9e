"""Gradients by PyTorch in float64, of expressions made of the functions that it has under the same definition."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import autograd as ag
from autograd import Op, ops
from tests.cases import CASES
from tests.random_graphs import Program, random_program

# PyTorch's formulas (derivatives.yaml) where these are others than ours and lose digits: 1 − σ by subtraction, exp of a rounded square,
# 1 ± x² where these nearly cancel, gelu by 1 + erf. What is rounded in them bounds PyTorch's own error.
_SIGMOID = Op("sigmoid", ops.sigmoid.value, lambda g, y, a: (g * (1.0 - y) * y,))
_ERF = Op("erf", ops.erf.value, lambda g, y, a: (ops.TWO_OVER_SQRT_PI * ag.exp(-(a * a)) * g,))
FORMULAS: dict[str, Callable[..., Any]] = {
    "sigmoid": _SIGMOID,
    "erf": _ERF,
    "erfc": Op("erfc", ops.erfc.value, lambda g, y, a: (-ops.TWO_OVER_SQRT_PI * ag.exp(-(a * a)) * g,)),
    "tanh": Op("tanh", ops.tanh.value, lambda g, y, a: (g * (1.0 - y * y),)),
    "expm1": Op("expm1", ops.expm1.value, lambda g, y, a: (g * (y + 1.0),)),
    "asin": Op("asin", ops.asin.value, lambda g, y, a: (g / ag.sqrt(1.0 - a * a),)),
    "acos": Op("acos", ops.acos.value, lambda g, y, a: (-g / ag.sqrt(1.0 - a * a),)),
    "acosh": Op("acosh", ops.acosh.value, lambda g, y, a: (g / ag.sqrt(a * a - 1.0),)),
    "atanh": Op("atanh", ops.atanh.value, lambda g, y, a: (g / (1.0 - a * a),)),
    "silu": lambda a: a * _SIGMOID(a),
    "gelu": lambda a: a * 0.5 * (1.0 + _ERF(a * ops.SQRT_HALF)),
}


def torch_functions() -> dict[str, Any]:
    """The rows of the table that torch has."""
    import torch

    named = {name: getattr(torch, name) for name in ("exp", "expm1", "log", "log2", "log10", "sqrt", "sin", "cos", "tan")}
    named |= {name: getattr(torch, name) for name in ("asin", "acos", "atan", "sinh", "cosh", "tanh", "sigmoid", "erf", "erfc")}
    named |= {name: getattr(torch, name) for name in ("asinh", "acosh", "atanh", "relu", "maximum", "minimum", "hypot", "log1p")}
    arithmetic = {case.name: case.f for case in CASES if case.name in ("add", "subtract", "multiply", "divide")}
    silu, gelu = torch.nn.functional.silu, torch.nn.functional.gelu
    return {**named, **arithmetic, "power": torch.pow, "**3": lambda a: a**3, "silu": silu, "gelu": gelu}


def torch_programs(size: int, count: int) -> Iterator[Program]:
    """Random expressions that torch can compute too; without those that take hypot(0, 0), where its slope is nan and ours 0."""
    functions = torch_functions()
    cases = [case for case in CASES if case.name in functions]
    programs = (random_program(seed, size, cases=cases) for seed in range(count))
    return (program for program in programs if not _takes_the_cusp(program))


def _takes_the_cusp(p: Program) -> bool:
    return any(v.op is ops.hypot and v.data == 0.0 for v in ag.topological_order(p.record()[0]))


def by_formulas(p: Program) -> Program:
    """The program with PyTorch's formulas."""
    steps = [replace(step, case=replace(step.case, f=FORMULAS.get(step.case.name, step.case.f))) for step in p.steps]
    return replace(p, steps=tuple(steps))


def torch_gradient(p: Program) -> list[float]:
    """The gradient of the program's result by its inputs."""
    import torch

    functions = torch_functions()
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in p.inputs]
    known = list(tensors)
    for step in p.steps:
        operands = [known[i] if isinstance(i, int) else torch.tensor(i, dtype=torch.float64) for i in step.operands]
        known.append(functions[step.case.name](*operands))
    used = {i for step in p.steps for i in step.operands if isinstance(i, int)}
    result = sum(x for i, x in enumerate(known) if i not in used)
    found = torch.autograd.grad(result, tensors, allow_unused=True)
    return [0.0 if g is None else g.item() for g in found]
