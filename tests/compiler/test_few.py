"""Few nodes are read, ordered and grouped by Python's own lists, many by arrays: the programs are the same, to the last slot."""

from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

import autograd
from autograd import Value, dot
from autograd.compiler import common, packs, recorded, recordings, walks
from autograd.compiler.program import Program
from tests.compiler.forking import WITH_SCOPES, function
from tests.random_graphs import random_program


@contextmanager
def few_are(count: int) -> Any:
    """A context in which so many are few."""
    with (
        patch.object(common, "FEW", count),
        patch.object(walks, "FEW", count),
        patch.object(packs, "FEW", count),
        patch.object(recorded, "FEW", count),
        patch.object(recordings, "FEW", count),
    ):
        yield


def shown(program: Program) -> str:
    """All that a program says."""
    parts = [
        (
            pack.op,
            pack.runs,
            pack.rows,
            [(table.dtype, table.tolist()) for table in pack.tables],
            pack.out,
            pack.is_row,
            pack.level,
        )
        for pack in program.packs
    ]
    sizes = (
        program.n_shared,
        program.n_lanes,
        program.shared_size,
        program.rows_size,
        program.scalar_nodes,
        program.normal_nodes,
    )
    return f"{program.constants} {sizes} {program.outputs} {parts}"


def of_a_loss(seed: int) -> list[str]:
    """A random loss with its gradient."""
    loss, xs = random_program(seed, 30).record()
    shift = dot([Value(0.5), *xs[:2]], [xs[2], xs[3], -xs[0]], loss)
    return [shown(autograd.compile(loss * (shift - loss), engine="numpy")._executor.program)]


def of_a_function(seed: int) -> list[str]:
    """All programs of a function with branches: of one sample and of many, the value and its gradient."""
    f = autograd.compile(function(WITH_SCOPES + seed), engine="numpy")
    x, y = np.random.default_rng(seed).normal(scale=1.5, size=(2, 8))
    answers = [f(0.5, -1.0), f.value_and_grad(0.5, -1.0), f.value_and_grad(x, y), f(x, y), f.hessian(0.5, -1.0)]
    assert len(answers) == 5
    found = [variant for variants in f._made.variants.values() for variant in variants]
    return [f"{key}: {shown(executor.program)}" for variant in found for key, executor in variant.executors.items()]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("programs_of", [of_a_loss, of_a_function])
def test_few_make_the_programs_that_many_make(programs_of: Any, seed: int) -> None:
    with few_are(10**9):
        few = programs_of(seed)
    with few_are(0):
        many = programs_of(seed)
    assert few == many


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_asked_for_first_the_programs_are_the_same(seed: int) -> None:
    f, g = (autograd.compile(function(WITH_SCOPES + seed), engine="numpy") for _ in range(2))
    assert [f(0.5, -1.0), f.grad(0.5, -1.0)] == [g.grad(0.5, -1.0), g(0.5, -1.0)][::-1]
    (one,), (other,) = (found for made in (f._made, g._made) for found in made.variants.values())
    for what in ("value", "value_and_grad"):
        assert shown(one.executors[what, "one sample"].program) == shown(other.executors[what, "one sample"].program)
    assert not one.graphs and not other.graphs  # kept for the second program, and for no longer
