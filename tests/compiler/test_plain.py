"""One sample through a small program goes number by number in Python: the bits are those of arrays, and of the eager engine."""

from functools import partial
from unittest.mock import patch

import numpy as np
import pytest

import autograd
from autograd import Op, Value, where
from autograd.compiler.targets import plain
from autograd.compiler.targets.numpy import NumpyExecutor
from tests.compiler.runs import NO_LANES, eager, program_of
from tests.compiler.wild import FAMILY, wild_graph, wild_points


def bits(numbers: list[float]) -> list[str]:
    return [repr(x + 0.0) for x in numbers]


@pytest.mark.parametrize("seed", range(0, 40 * FAMILY, FAMILY))
def test_number_by_number_as_by_arrays(seed: int) -> None:
    graph, points = partial(wild_graph, seed), wild_points(seed, 3, 40)
    program = program_of([graph], [0.5, -1.0, 2.0], "shared")
    assert plain.is_small(program)
    small = NumpyExecutor(program)
    with patch.object(plain, "FEW", 0):
        large = NumpyExecutor(program)
    assert small._steps is not None and large._steps is None
    for point in points:
        got, no_rows = small.evaluate(np.array(point), NO_LANES)
        expected, _ = large.evaluate(np.array(point), NO_LANES)
        assert bits(got.tolist()) == bits(expected.tolist()) == bits(eager(graph, point)), point
        assert no_rows.shape == (0, 1)


def test_a_closed_gate_leaves_out_a_term_and_its_nan() -> None:
    f = autograd.compile(lambda x, y: x + where(x > 0.0, x.sqrt() * y, 0.0), engine="numpy")
    assert [f(-1.0, 2.0), f.grad(-1.0, 2.0)] == [-1.0, (1.0, 0.0)]
    assert [f(4.0, 2.0), f.grad(4.0, 2.0)] == [8.0, (1.5, 2.0)]


def test_what_is_large_in_a_level_is_for_arrays() -> None:
    leaves = [Value(0.1 * i) for i in range(40)]
    assert autograd.compile(sum(v.tanh() for v in leaves), engine="numpy")._executor._steps is None
    assert autograd.compile(leaves[3].tanh() * leaves[4], engine="numpy")._executor._steps is not None


def test_an_op_of_ones_own_gives_a_float() -> None:
    double = Op("twice", lambda a: int(2 * a), lambda g, y, a: (2.0 * g,))
    answer = autograd.compile(lambda x: double(x), engine="numpy").value_and_grad(3.0)
    assert answer == (6.0, 2.0) and type(answer[0]) is float
