"""Sums of shared numbers that form a grid: eager's bits, whatever the shape of the tiles."""

import random
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value
from autograd.compiler.engines import executor
from autograd.compiler.packs import build
from autograd.compiler.targets.llvm.grids import grid_of
from tests.autograd.oracles import same_bits

pytest.importorskip("llvmlite")
# Places of a text, sums at each place, terms of a sum: tiles that are whole, that overlap, and rows of few and many terms.
SHAPES = [(2, 8, 64), (3, 27, 16), (5, 16, 17), (8, 9, 20), (9, 48, 10), (16, 64, 8)]


def numbers(count: int, seed: int) -> list[Value]:
    """Numbers of many sizes, zeros of both signs among them."""
    rng = random.Random(seed)
    return [Value(rng.choice((0.0, -0.0, rng.gauss(0.0, 1.0), rng.gauss(0.0, 1e8)))) for _ in range(count)]


def rows(values: list[Value], width: int) -> list[list[Value]]:
    return [values[i : i + width] for i in range(0, len(values), width)]


def checked(outputs: list[Value], inputs: list[Value], *, is_fast: bool = False) -> int:
    """How many grids there are, where native code has the bits of what was recorded."""
    program = build(outputs, shared=inputs)
    found, _ = executor(program, engine="llvm", fast=is_fast).evaluate(np.array([v.data for v in inputs]), np.zeros((0, 1)))
    largest = max([abs(v.data) for v in outputs])
    for i, (got, v) in enumerate(zip(found.tolist(), outputs, strict=True)):
        close = is_fast and got == pytest.approx(v.data, abs=1e-12 * largest)
        assert close or same_bits(got, v.data), f"output {i}: got {got!r}, expected {v.data!r}"
    return sum(grid_of(pack) is not None for pack in program.packs)


@pytest.mark.parametrize("is_fast", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_layer_at_all_places_and_its_gradient(shape: tuple[int, int, int], is_fast: bool) -> None:
    places, sums, terms = shape
    weights, xs = numbers(sums * terms, 1), numbers(places * terms, 2)
    ys = [autograd.dot(row, x) for x in rows(xs, terms) for row in rows(weights, terms)]
    slopes = autograd.grad(autograd.dot(ys, ys), [*weights, *xs])
    assert checked([*ys, *slopes], [*weights, *xs], is_fast=is_fast) >= 2


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_that_begin_with_a_product_keep_a_zero_of_either_sign(shape: tuple[int, int, int]) -> None:
    places, sums, terms = shape
    weights, xs = numbers(sums * terms, 3), [Value(-0.0 if i % 3 else 0.0) for i in range(places * terms)]
    ys = [autograd.sum([w * v for w, v in zip(row, x, strict=True)]) for x in rows(xs, terms) for row in rows(weights, terms)]
    assert {str(y.data) for y in ys} >= {"0.0"}
    assert checked(ys, [*weights, *xs]) == 1


def test_matrices_that_lie_in_another_order_than_they_are_used() -> None:
    first, second, xs = numbers(256, 4), numbers(256, 5), numbers(7 * 16, 6)
    used = [*rows(second, 16), *rows(first, 16)]
    ys = [autograd.dot(row, x) for x in rows(xs, 16) for row in used]
    slopes = autograd.grad(autograd.dot(ys, ys), [*first, *second, *xs])
    assert checked([*ys, *slopes], [*first, *second, *xs]) >= 2


@pytest.mark.parametrize("places", [2, 5, 8])
def test_gates_that_lie_irregularly(places: int) -> None:
    """Terms behind conditions of their own, which begin at another distance for the last place."""
    weights, switches = numbers(20 * 16, 7), numbers(places * 20, 8)
    behind: list[list[Any]] = [[s > 0.0 for s in row] for row in rows(switches, 20)]
    behind[-1] = [s > 1.0 for s in switches[:20]]
    ys = [
        autograd.sum([autograd.where(c, w, 0.0) * 3.0 for c, w in zip(gates, column, strict=True)])
        for gates in behind
        for column in zip(*rows(weights, 16), strict=True)
    ]
    slopes = autograd.grad(autograd.dot(ys, ys), weights)
    checked([*ys, *slopes], [*weights, *switches])
