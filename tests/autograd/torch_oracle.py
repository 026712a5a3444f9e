"""Gradients by PyTorch in float64, of expressions made of the functions that it has under the same definition."""

from collections.abc import Iterator
from typing import Any

from tests.cases import CASES
from tests.random_graphs import Program, random_program


def torch_functions() -> dict[str, Any]:
    """The rows of the table that torch has."""
    import torch

    named = {name: getattr(torch, name) for name in ("exp", "expm1", "log", "log2", "log10", "sqrt", "sin", "cos", "tan")}
    named |= {name: getattr(torch, name) for name in ("asin", "acos", "atan", "sinh", "cosh", "tanh", "sigmoid", "erf", "erfc")}
    named |= {name: getattr(torch, name) for name in ("asinh", "acosh", "atanh", "relu", "maximum", "minimum", "hypot", "log1p")}
    arithmetic = {case.name: case.f for case in CASES if case.name in ("add", "subtract", "multiply", "divide")}
    silu, gelu = torch.nn.functional.silu, torch.nn.functional.gelu
    return {**named, **arithmetic, "power": torch.pow, "**3": lambda a: a**3, "silu": silu, "gelu": gelu}


def torch_programs(count: int) -> Iterator[Program]:
    """Random expressions that torch can compute too."""
    functions = torch_functions()
    cases = [case for case in CASES if case.name in functions]
    return (random_program(seed, 40, cases=cases) for seed in range(count))


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
