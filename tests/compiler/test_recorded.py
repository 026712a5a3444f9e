"""Recorded Values as arrays: they say what the Values say, wherever these lie in memory; and rows are sorted as ``np.lexsort`` does."""

import gc

import pytest

pytest.importorskip("numpy")

import numpy as np

from autograd import Value, dot, grad, stop_gradient, topological_order
from autograd.compiler.recorded import Recorded, alike, distinct, ordered_by
from autograd.value import LEAF
from tests.random_graphs import random_program


def scattered() -> Value:
    """A loss whose nodes lie far apart: between them 100 kB each of what has been freed."""
    kept, total = [], Value(0.0)
    for i in range(50):
        kept.append([bytes(400) for _ in range(250)])
        total = dot([Value(float(i)), total], [total.tanh(), Value(0.5)], stop_gradient(total)) - total
    return total


ROOTS = {
    "a leaf": Value(1.0),
    "a sum": sum(Value(float(i)) for i in range(5)),
    "scattered": scattered(),
    "a gradient": grad(random_program(3, 40).record()[0], [Value(1.0)])[0],
    **{f"random {seed}": random_program(seed, 60).record()[0] for seed in range(10)},
}


@pytest.mark.parametrize("name", list(ROOTS))
@pytest.mark.parametrize("given", [0, 1, 3])
def test_what_is_told_of_each_value_is_what_it_says_itself(name, given):
    order = topological_order(ROOTS[name])
    inputs = [*order[-given:], order[-1]] if given else []  # results are inputs too; the last of them twice
    recorded = Recorded([order[-1], order[0], order[-1]], inputs)
    place = {v: i for i, v in enumerate(recorded.order)}
    assert recorded.order[: len(inputs)] == inputs
    assert [recorded.order[i] for i in recorded.outputs] == [order[-1], order[0], order[-1]]
    ops = list(recorded.table)
    for i, v in enumerate(recorded.order):
        operands = recorded.flat[recorded.start[i] : recorded.start[i] + recorded.count[i]].tolist()
        is_input = i < len(inputs)
        assert operands == ([] if is_input else [place[o] for o in v._prev])
        assert ops[recorded.kind[i]] is (LEAF if is_input else v.op)
        assert is_input or all(o < i for o in operands)


def test_without_inputs_leaves_that_are_no_constants_come_first():
    order = topological_order(ROOTS["scattered"])
    recorded = Recorded([order[-1]], None)
    leaves = [v for v in order if v.op is LEAF]
    assert recorded.order == [*leaves, *[v for v in order if v.op is not LEAF]]
    assert list(recorded.inputs) == leaves


@pytest.mark.parametrize("largest", [3, 1000, 2**31, 2**62])
def test_rows_are_sorted_as_lexsort_sorts_them(largest):
    keys = [np.random.default_rng(seed).integers(-largest, largest, 500) for seed in range(3)]
    for key in keys:
        key[-10:] = key[:10]
    order = ordered_by(*keys)
    assert sorted(order.tolist()) == list(range(500))
    assert all((key[order] == key[np.lexsort(keys)]).all() for key in keys)
    assert ordered_by(*[key[:0] for key in keys]).tolist() == []


@pytest.mark.parametrize("numbers", [[], [3], [2, 7, 2, 2, -1], [[5, 1], [1, 0]]])
def test_each_number_is_there_once_in_order(numbers):
    table = np.array(numbers, np.int32)
    found = distinct(table)
    assert (found.tolist(), found.dtype) == (np.unique(table).tolist(), np.int32)


@pytest.mark.parametrize("columns", [1, 2, 30])
@pytest.mark.parametrize("largest", [1, 7, 2**62])
@pytest.mark.parametrize("rows", [0, 1, 200])
def test_rows_are_told_apart_as_unique_tells_them(rows, largest, columns):
    rng = np.random.default_rng(rows + columns)
    few = rng.integers(-largest, largest, (5, columns), endpoint=True)
    table = few[rng.integers(0, 5, rows)]
    first, which = alike(table)
    expected, number = np.unique(table, axis=0, return_inverse=True)
    assert (table[first] == expected).all()
    assert (which == number.ravel()).all()


def test_to_ask_for_a_label_takes_no_memory():
    _ = Value(1.0).label  # models of other tests name their parameters now
    x = Value(2.0).tanh()
    assert x.label == "" and not [held for held in gc.get_referents(x) if type(held) is dict]
    x.label = "x"
    assert x.label == "x"
