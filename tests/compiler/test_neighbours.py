"""Shared sums whose neighbouring instances are computed as vectors: wherever their operands lie, the bits are eager's."""

import random
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("numpy")
pytest.importorskip("llvmlite")

import numpy as np

import autograd
from autograd import Value
from autograd.compiler.packs import build
from autograd.compiler.targets.llvm.copies import with_copies
from autograd.compiler.targets.numpy import NumpyExecutor

Matrix = list[list[Value]]
ROWS, TERMS = 43, 29  # neither a multiple of eight; enough of them for copies

rng = random.Random(5)


def numbers(count: int) -> list[Value]:
    return [Value(rng.gauss(0.0, 1.0)) for _ in range(count)]


def rows_as_they_lie(matrix: Matrix, x: list[Value]) -> list[Value]:
    return [autograd.dot(row, x) for row in matrix]


def rows_in_any_order(matrix: Matrix, x: list[Value]) -> list[Value]:
    order = random.Random(1).sample(range(ROWS), ROWS)
    return [autograd.dot(matrix[i], x) for i in order]


def summed_by_python(matrix: Matrix, x: list[Value]) -> list[Value]:
    return [sum(w * v for w, v in zip(row, x, strict=True)) + 0.0 for row in matrix]


def columns(matrix: Matrix, x: list[Value]) -> list[Value]:
    return [autograd.dot([row[j] for row in matrix[:TERMS]], x) for j in range(TERMS)]


def each_by_one_number(matrix: Matrix, x: list[Value]) -> list[Value]:
    order = random.Random(2).choices(range(TERMS), k=ROWS)
    return [autograd.dot(row, [x[j]] * TERMS) for row, j in zip(matrix, order, strict=True)]


def rows_by_rows(matrix: Matrix, x: list[Value]) -> list[Value]:
    order = random.Random(3).sample(range(ROWS), ROWS)
    return [autograd.dot(row, matrix[i], x[0]) for row, i in zip(matrix, order, strict=True)]


def single_products(matrix: Matrix, x: list[Value]) -> list[Value]:
    return [w * v - x[0] for row in matrix for w, v in zip(row, x, strict=True)]


def gated(matrix: Matrix, x: list[Value]) -> list[Value]:
    return [autograd.sum([autograd.where(v > 0.0, w, 0.0) for w, v in zip(row, x, strict=True)]) for row in matrix]


def plain_kernels(matrix: Matrix, x: list[Value]) -> list[Value]:
    return [abs(w).relu() / (v * v + 1.0) for row in matrix for w, v in zip(row, x, strict=True)]


def functions_as_they_lie(matrix: Matrix, x: list[Value]) -> list[Value]:
    """Functions of the C library of numbers of many sizes."""
    return [f(w * 200.0) for f in (autograd.exp, autograd.sin, autograd.atan, autograd.erf) for row in matrix[:5] for w in row]


def functions_in_any_order(matrix: Matrix, x: list[Value]) -> list[Value]:
    order = random.Random(6).choices([w for row in matrix for w in row], k=77)
    return [*[w.exp() for w in order], *[autograd.atan2(v, w) for v, w in zip(order, order[5:], strict=False)]]


def logarithms_of_sums(matrix: Matrix, x: list[Value]) -> list[Value]:
    return [autograd.logsumexp(row) for row in matrix]


def test_what_lies_anywhere_is_copied_into_rows_once() -> None:
    matrix, x = [numbers(TERMS) for _ in range(ROWS)], numbers(TERMS)
    inputs = [w for row in matrix for w in row]
    random.Random(4).shuffle(inputs)
    program = build(rows_as_they_lie(matrix, x), [*x, *inputs])
    copied = with_copies(program)
    assert (len(program.packs), len(copied.packs), copied.packs[0].count) == (1, 2, ROWS * TERMS)
    assert with_copies(copied) == copied
    at, none = np.array([v.data for v in [*x, *inputs]]), np.zeros((0, 1))
    expected, found = (NumpyExecutor(p).evaluate(at, none)[0] for p in (program, copied))
    assert found.tobytes() == expected.tobytes()
    in_order = build(rows_as_they_lie(matrix, x), [*x, *sorted(inputs, key=[w for row in matrix for w in row].index)])
    assert with_copies(in_order) is in_order


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(
    "made",
    [
        rows_as_they_lie,
        rows_in_any_order,
        summed_by_python,
        columns,
        each_by_one_number,
        rows_by_rows,
        single_products,
        gated,
        plain_kernels,
        functions_as_they_lie,
        functions_in_any_order,
        logarithms_of_sums,
    ],
)
def test_wherever_operands_lie(made: Callable[[Matrix, list[Value]], list[Value]], fast: bool) -> None:
    matrix, x = [numbers(TERMS) for _ in range(ROWS)], numbers(TERMS)
    inner = [y.tanh() for y in made(matrix, x)]
    loss = autograd.dot(inner, [Value(1.0 / (i + 1)) for i in range(len(inner))])
    step: Any = autograd.compile(loss, engine="llvm", fast=fast)
    value, gradient = step.value_and_grad([v.data for v in step.leaves])
    loss.backward()
    eager = [v.grad for v in step.leaves]
    if fast:
        assert [value, *gradient] == pytest.approx([loss.data, *eager], rel=1e-12, abs=1e-12)
    else:
        assert (value, gradient.tolist()) == (loss.data, eager)
