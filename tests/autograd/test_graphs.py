"""Random expressions: against mpmath within a running error bound, backward() against grad(), against torch, and the same bits in
every process.
"""

import hashlib
import os
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from autograd import Value, grad, topological_order
from tests.autograd.oracles import differences, exact_gradient, exact_hessian, exact_value, rounding_bounds
from tests.cases import CASES
from tests.random_graphs import SMOOTH_CASES, Program, random_program

ROOT = Path(__file__).parents[2]
SEEDS = range(40)
# Seeds and sizes of random programs: many small ones, a few large ones.
PROGRAMS = [*((seed, 10) for seed in range(80)), *((seed, 40) for seed in SEEDS), *((seed, 200) for seed in range(12))]


@cache
def program(seed: int, size: int) -> Program:
    return random_program(seed, size)


def outside(what: str, node: Value, exact: Any, of: Program) -> list[str]:
    """The node as text if it is further from the exact result than its running error bound."""
    bound = rounding_bounds(node)[node]
    error = abs(node.data - float(exact))
    return [] if error <= bound else [f"{what}: got {node.data!r}, expected {float(exact)!r}, bound {bound!r}, of\n{of}"]


@pytest.mark.parametrize(("seed", "size"), PROGRAMS)
def test_value_and_gradient_are_within_the_error_bound(seed: int, size: int) -> None:
    p = program(seed, size)
    y, xs = p.record()
    wrong = outside("value", y, exact_value(p.exact, p.inputs), p)
    for i, (slope, exact) in enumerate(zip(grad(y, xs), exact_gradient(p.exact, p.inputs), strict=True)):
        wrong += outside(f"derivative by x{i}", slope, exact, p)
    assert not wrong, wrong[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_of_gradient_is_within_the_error_bound(seed: int) -> None:
    p = random_program(seed, 8, inputs=2)
    y, xs = p.record()
    hessian = exact_hessian(p.exact, p.inputs)
    wrong = []
    for i, slope in enumerate(grad(y, xs)):
        for j, curvature in enumerate(grad(slope, xs)):
            wrong += outside(f"derivative by x{i} and x{j}", curvature, hessian[i][j], p)
    assert not wrong, wrong[0]


@pytest.mark.parametrize(("seed", "size"), PROGRAMS)
def test_floats_values_backward_and_grad_give_the_same_bits(seed: int, size: int) -> None:
    p = random_program(seed, size, cases=CASES)
    y, xs = p.record()
    y.backward()
    once = [x.grad for x in xs]
    slopes = [0.0 + slope.data for slope in grad(y, xs)]
    for x in xs:
        x.grad = 0.0
    y.backward()
    wrong = differences("value", [y.data], [p.run(p.inputs)])
    wrong += differences("gradient by grad()", slopes, once)
    wrong += differences("gradient the second time", [x.grad for x in xs], once)
    wrong += differences("input", [x.data for x in xs], p.inputs)
    assert not wrong, f"{wrong} of\n{p}"


@pytest.mark.parametrize("seed", SEEDS)
def test_backward_and_grad_give_every_node_the_same_bits(seed: int) -> None:
    y, _ = random_program(seed, 40, cases=CASES).record()
    y.backward()
    between = [v for v in topological_order(y) if not v.is_leaf]
    wrong = differences("adjoint", [slope.data for slope in grad(y, between)], [v.grad for v in between])
    assert not wrong, wrong[0]


def test_the_generator_reaches_every_case_with_constants_and_shared_nodes() -> None:
    steps = [step for seed in SEEDS for step in program(seed, 200).steps]
    assert {step.case for step in steps} == set(SMOOTH_CASES)
    assert any(isinstance(i, float) for step in steps for i in step.operands)
    y, _ = program(0, 200).record()
    uses = [v for node in topological_order(y) for v in node._prev]
    assert len(uses) > len(set(uses))
    assert str(program(3, 40)) == str(random_program(3, 40))


# --- The same program, the same bits -------------------------------------------------------------------------------------------


def fingerprint() -> str:
    """A digest of values and gradients of random expressions, and of the order in which they are walked."""
    digest = hashlib.sha256()
    for seed in range(20):
        y, xs = random_program(seed, 60, cases=CASES).record()
        y.backward()
        for node in [*topological_order(y), *topological_order(grad(y, xs)[0])]:
            digest.update(struct.pack("dd", node.data, node.grad) + node.op.name.encode())
    return digest.hexdigest()


def test_fresh_processes_give_the_same_bits() -> None:
    script = "from tests.autograd.test_graphs import fingerprint; print(fingerprint())"
    seen = {fingerprint()}
    for hash_seed in ("0", "1", "2", "12345"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        seen.add(done.stdout.strip())
    assert len(seen) == 1


# --- torch, where it is installed ----------------------------------------------------------------------------------------------


def torch_functions() -> dict[str, Any]:
    """The rows of the table that torch has under the same definition."""
    torch = pytest.importorskip("torch")
    named = {name: getattr(torch, name) for name in ("exp", "expm1", "log", "log2", "log10", "sqrt", "sin", "cos", "tan")}
    named |= {name: getattr(torch, name) for name in ("asin", "acos", "atan", "sinh", "cosh", "tanh", "sigmoid", "erf", "erfc")}
    named |= {name: getattr(torch, name) for name in ("asinh", "acosh", "atanh", "relu", "maximum", "minimum", "hypot", "log1p")}
    arithmetic = {
        name: case.f for name, case in ((c.name, c) for c in CASES) if name in ("add", "subtract", "multiply", "divide")
    }
    silu, gelu = torch.nn.functional.silu, torch.nn.functional.gelu
    return {**named, **arithmetic, "power": torch.pow, "**3": lambda a: a**3, "silu": silu, "gelu": gelu}


@pytest.mark.parametrize("seed", SEEDS)
def test_torch_agrees(seed: int) -> None:
    torch = pytest.importorskip("torch")
    functions = torch_functions()
    p = random_program(seed, 40, cases=[case for case in CASES if case.name in functions])
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in p.inputs]
    known = list(tensors)
    for step in p.steps:
        operands = [known[i] if isinstance(i, int) else torch.tensor(i, dtype=torch.float64) for i in step.operands]
        known.append(functions[step.case.name](*operands))
    used = {i for step in p.steps for i in step.operands if isinstance(i, int)}
    result = sum(x for i, x in enumerate(known) if i not in used)
    expected = torch.autograd.grad(result, tensors, allow_unused=True)
    y, xs = p.record()
    for i, (slope, e) in enumerate(zip(grad(y, xs), expected, strict=True)):
        expected_slope = 0.0 if e is None else e.item()
        bound = 4.0 * rounding_bounds(slope)[slope] + 1e-12  # torch's σ′ = σ(1 − σ) and its kin are only absolutely accurate
        assert abs(slope.data - expected_slope) <= bound, f"by x{i}: got {slope.data!r}, expected {expected_slope!r}, of\n{p}"
