"""Random expressions: backward() against grad(), and the same bits in every process. Against mpmath: ``tests.trust``."""

import hashlib
import os
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from autograd import grad, topological_order
from tests.autograd.oracles import differences
from tests.cases import CASES
from tests.random_graphs import SMOOTH_CASES, Program, random_program

ROOT = Path(__file__).parents[2]
SEEDS = range(40)
# Seeds and sizes of random programs: many small ones, a few large ones.
PROGRAMS = [*((seed, 10) for seed in range(80)), *((seed, 40) for seed in SEEDS), *((seed, 200) for seed in range(12))]


@cache
def program(seed: int, size: int) -> Program:
    return random_program(seed, size)


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
