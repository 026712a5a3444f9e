"""Sums over lanes that form a matrix product: added up sample after sample, whatever the shape of the tiles."""

import itertools
import random
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pytest
from mpmath import mp

from autograd import Value
from autograd.compiler.engines import executor
from autograd.compiler.normal import over_lanes
from autograd.compiler.packs import build
from autograd.compiler.program import Program

pytest.importorskip("llvmlite")
# Rows and columns: some tiles whole, some overlapping, some narrower than a vector.
SHAPES = [(1, 4), (2, 5), (3, 16), (5, 13), (7, 26), (13, 3), (9, 8)]


def products(rows: int, columns: int) -> Program:
    """Σ aᵢ·bⱼ for all i and j, Σ bⱼ for all j and Σ s·bⱼ with a shared s, over the lanes."""
    s, a, b = Value(0.5), [Value(0.1 + i) for i in range(rows)], [Value(0.7 + j) for j in range(columns)]
    sums = [over_lanes(x * y) for x, y in itertools.product(a, b)]
    return build([*sums, *map(over_lanes, b), *[over_lanes(s * y) for y in b]], shared=[s], lanes=[*a, *b])


def samples(count: int, lanes: int) -> Any:
    """Numbers of many sizes, of which a few are not finite."""
    rng = random.Random(count)
    numbers = [[rng.gauss(0.0, 1.0) * 10.0 ** rng.randint(-3, 3) for _ in range(lanes)] for _ in range(count)]
    numbers[-1][-1] = float("inf")
    return np.array(numbers)


@pytest.mark.parametrize("lanes", [1, 5, 8, 9, 33])
@pytest.mark.parametrize("shape", SHAPES)
def test_strict_mode_adds_one_sample_after_the_other(shape: tuple[int, int], lanes: int) -> None:
    rows, columns = shape
    numbers = samples(rows + columns, lanes)
    got, _ = executor(products(rows, columns), engine="llvm", fast=False).evaluate(np.array([3.25]), numbers)
    a, b = numbers[:rows].tolist(), numbers[rows:].tolist()
    terms = [[x * y for x, y in zip(p, q, strict=True)] for p, q in itertools.product(a, b)]
    terms += [*b, *[[3.25 * y for y in q] for q in b]]
    expected = [reduce(add, some, 0.0) for some in terms]  # not sum, which compensates for rounding since Python 3.12
    if lanes <= 8 or columns >= 8:  # narrower than a vector, sums of more samples than it has places are eight at first
        assert [repr(x) for x in got.tolist()] == [repr(x) for x in expected]
    np.testing.assert_allclose(got, expected, rtol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_fast_mode_is_as_near(shape: tuple[int, int]) -> None:
    rows, columns = shape
    numbers = samples(rows + columns, 33)
    got, _ = executor(products(rows, columns), engine="llvm", fast=True).evaluate(np.array([3.25]), numbers)
    for n, (i, j) in enumerate(itertools.product(range(rows), range(columns - 1))):
        p, q = numbers[i], numbers[rows + j]
        exact = mp.fdot(p.tolist(), q.tolist())
        place = i * columns + j
        size = float(np.abs(p * q).sum())
        assert abs(got[place] - exact) <= 33 * 2.0**-53 * size, f"sum {n}: got {got[place]!r}, expected {mp.nstr(exact, 17)}"
