"""Where operands lie: strips cover every instance once, and in each of them slots have regular steps."""

import itertools
import random
from typing import Any

import numpy as np
import pytest

from autograd.compiler.targets.tables import grid_period, regular_step, strips


def layers(*sizes: int) -> list[list[int]]:
    """Slots of weights and biases, neuron by neuron, where a program keeps the weights of a layer together and its biases backwards."""
    found, start = [], 0
    for nin, nout in itertools.pairwise(sizes):
        for i in range(nout):
            found += [start + nin * i + j for j in range(nin)] + [start + nin * nout + nout - 1 - i]
        start += nin * nout + nout
    return [found]


def shuffled(count: int) -> list[list[int]]:
    return [random.Random(count).sample(range(count), count)]


SHAPES: dict[str, tuple[list[list[int]], int]] = {
    "a line": ([list(range(5, 50, 3))], 1),
    "one": ([[7]], 1),
    "a grid": ([[100 * i + j for i in range(4) for j in range(5)]], 1),
    "a layer": (layers(7, 9), 2),
    "two columns": ([*layers(7, 9), list(range(200, 272))], 2),
    "three layers": (layers(2, 16, 16, 1), 6),
    "two rows": ([[0, 1, 2, 50, 51, 52]], 1),
    "a permutation": (shuffled(60), 1),
    "lines of chance": ([[x + k for x in shuffled(9)[0] for k in range(0, 300, 10)]], 9),
}


@pytest.mark.parametrize("name", SHAPES)
def test_strips_cover_every_instance_once_in_regular_steps(name: str) -> None:
    slots, most = SHAPES[name]
    columns: list[Any] = [np.array(column, dtype=np.int32) for column in slots]
    count = len(columns[0])
    found = strips(columns, count)
    assert sorted(np.concatenate([strip.instances() for strip in found]).tolist()) == list(range(count))
    assert len(found) <= most, found
    for strip in found if most > 1 else ():
        own = [column[strip.instances()] for column in columns]
        assert all(regular_step(column) is not None for column in own) or grid_period(own) == strip.width, strip
