"""Sums of numbers that lie side by side in stretches: the same bits, however long these are and wherever they begin."""

from collections.abc import Sequence

import numpy as np
import pytest

from autograd import Value
from autograd.compiler.engines import executor
from autograd.compiler.packs import build
from autograd.compiler.targets.llvm.stretches import stretches_of

pytest.importorskip("llvmlite")
# Lengths of stretches: with what is left of eight and without, shorter than eight, so many that they are a table.
LENGTHS = [[64, 1] * 12, [16, 48, 64, 32] * 6, [40, 7, 33] * 10, [500, 3, 520], [17] * 60]


def places(lengths: Sequence[int], gap: int) -> list[int]:
    """So many neighbours each, with a gap after every stretch."""
    ends = np.cumsum([length + gap for length in lengths])
    return [end - gap - length + i for end, length in zip(ends.tolist(), lengths, strict=True) for i in range(length)]


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("lengths", LENGTHS, ids=lambda lengths: f"{len(lengths)} of {lengths[:3]}")
def test_sums_of_three_that_lie_in_stretches(lengths: list[int], fast: bool) -> None:
    first, second = places(lengths, 2), places(lengths, 5)
    xs = [Value(float(i)) for i in range(max(second) + 2)]
    program = build([xs[i] + xs[j] - xs[j + 1] for i, j in zip(first, second, strict=True)], shared=xs, lanes=[])
    (pack,) = program.packs
    found = stretches_of(pack)
    assert found is not None
    assert found.counts.tolist() == lengths
    numbers = np.random.default_rng(1).normal(size=len(xs)) * 10.0 ** (np.arange(len(xs)) % 7)
    got, _ = executor(program, engine="llvm", fast=fast).evaluate(numbers, np.zeros((0, 1)))
    i, j = np.array(first), np.array(second)
    expected = numbers[i] + numbers[j] - numbers[j + 1]
    assert got.tobytes() == expected.tobytes()


def test_what_lies_in_one_stretch_or_in_short_ones_has_none() -> None:
    xs = [Value(float(i)) for i in range(4000)]
    for first in (range(1500), range(0, 3000, 2), [5 * (i // 3) + i % 3 for i in range(1500)]):
        program = build([xs[i] + xs[i + 1] for i in first], shared=xs, lanes=[])
        assert stretches_of(program.packs[0]) is None
