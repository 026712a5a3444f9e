"""Random expressions: backward() against grad(). Against mpmath, and in other processes: ``tests.trust``."""

from functools import cache

import pytest

from autograd import grad, topological_order
from tests.autograd.oracles import differences
from tests.cases import CASES
from tests.random_graphs import SMOOTH_CASES, Program, random_program

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
