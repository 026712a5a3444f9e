"""Memory and depth: what a graph costs, that it goes away by itself, and that no graph is too deep. No times are asserted."""

import gc
import operator
import subprocess
import sys
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

import autograd as ag
from autograd import Value, grad, topological_order
from tests.random_graphs import random_program

ROOT = Path(__file__).parents[2]
BYTES_PER_NODE = 350


@pytest.fixture
def collector_off() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def chain(length: int) -> Value:
    x = y = Value(0.5)
    for _ in range(length // 2):
        y = y * x + x
    return y


def two_moons_loss(samples: int = 100) -> Value:
    """micrograd's demo: an MLP 2-16-16-1 over plain Values, max-margin loss and L2 regularisation; about 66,000 nodes."""
    sizes = [2, 16, 16, 1]
    numbers = (0.1 * ((7 * i) % 13 - 6) for i in range(10**6))
    layers = [[([Value(next(numbers)) for _ in range(n)], Value(0.0)) for _ in range(m)] for n, m in pairwise(sizes)]
    losses = []
    for k in range(samples):
        signal = [Value(next(numbers)), Value(next(numbers))]
        for layer in layers:
            signal = [sum((w * s for w, s in zip(ws, signal, strict=True)), b) for ws, b in layer]
            signal = [s.relu() for s in signal] if layer is not layers[-1] else signal
        losses.append((1 + (-1) ** k * signal[0]).relu())
    penalty = sum(w * w for layer in layers for ws, b in layer for w in [*ws, b])
    return sum(losses) * (1.0 / samples) + 1e-4 * penalty


SHAPES: dict[str, Callable[[], Value]] = {
    "chain": lambda: chain(100_000),
    "two moons": two_moons_loss,
    "unary": lambda: ag.sum([Value(0.1).tanh().exp().relu() for _ in range(25_000)]),
    "constants": lambda: ag.sum([2.0 * Value(0.1) for _ in range(33_000)]),
    "dot": lambda: ag.sum([ag.dot([Value(0.1)] * 4, [Value(0.2)] * 4) for _ in range(30_000)]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_bytes_per_node_of_forward_and_backward(shape: str, collector_off: None) -> None:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        y = SHAPES[shape]()
        y.backward()
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    nodes = len(topological_order(y))
    assert peak / nodes <= BYTES_PER_NODE, f"{shape}: got {peak / nodes:.0f} bytes for each of {nodes} nodes"


def everything() -> Value:
    """A graph with every kind of node: the table's ops, conditions, lecture-style closures, gradients of gradients."""
    y, xs = random_program(3, 300).record()
    slopes = grad(y, xs)
    curvatures = [c for s in slopes for c in grad(s, xs)]
    y.backward()
    total = ag.sum([y, *slopes, *curvatures])
    total.backward()
    return total


@pytest.mark.parametrize("make", [everything, lambda: chain(1000), lambda: two_moons_loss(2)])
def test_nothing_is_left_for_the_collector(make: Callable[[], Value], collector_off: None) -> None:
    y = make()
    y.backward()
    gone = weakref.ref(y)
    del y
    assert gone() is None
    assert gc.collect() == 0


def test_nothing_is_left_after_an_error(collector_off: None) -> None:
    for _ in range(2):
        x = Value(0.0, label="x")
        with ag.detect_anomaly():
            y = ag.sqrt(x) * 2
            with suppress(FloatingPointError):
                y.backward()
            with suppress(FloatingPointError):
                x.log()
        with suppress(TypeError):
            x * "2"
        gone = weakref.ref(y)
        del x, y
        assert gone() is None
    assert gc.collect() == 0


def test_the_order_of_a_backward_pass_is_kept_and_goes_with_its_root(collector_off: None) -> None:
    y, other = two_moons_loss(3), chain(2000)
    walked = topological_order(y)
    y.backward()
    kept = topological_order(y)
    assert y._below is not None and len(kept) == len(walked) and all(map(operator.is_, kept, walked))
    kept.clear()  # a list of one's own
    leaves = [v for v in walked if v.is_leaf]
    once = [v.grad for v in leaves]
    y.backward()
    assert [v.grad for v in leaves] == [g + g for g in once]
    other.backward()
    assert y._below is None and len(topological_order(other)) == 2001  # of one graph at a time
    gone = weakref.ref(other)
    del other
    assert gone() is None


def test_an_op_made_by_hand_after_a_backward_pass_counts_in_the_next(collector_off: None) -> None:
    x = Value(2.0)
    middle = x * 3.0
    y = middle
    for _ in range(2000):
        y = y + 1.0
    y.backward()
    assert x.grad == 3.0

    def by_hand() -> None:
        x.grad += 10.0 * middle.grad

    middle._backward = by_hand
    y.backward()
    assert x.grad == 13.0


def test_a_graph_holds_its_operands_and_not_its_results(collector_off: None) -> None:
    x = Value(1.0)
    kept = x * 2
    gone = weakref.ref(kept.tanh())
    assert gone() is None
    leaf = weakref.ref(x)
    del x
    assert leaf() is kept._prev[0]


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


GROWTH = """
import gc
from autograd import Value
gc.disable()

def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096

leaves = [Value(0.1 * i) for i in range(4)]

def iterate():
    y = leaves[0]
    for i in range(400):
        y = (y * leaves[i % 4] + 1.0).tanh()
    y.backward()

sizes = []
for _ in range(5):
    for _ in range(50):
        iterate()
    sizes.append(resident())
# What stays of every pass is in each of the blocks; what the heap takes in one go, whenever it does, is in one.
print(min(later - earlier for earlier, later in zip(sizes, sizes[1:])))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc/self/statm")
def test_resident_memory_does_not_grow() -> None:
    assert int(run(GROWTH)) <= 2**18


DEEP = """
import sys
import autograd as ag
from autograd import Value
assert sys.getrecursionlimit() == 1000
x = y = Value(1.0)
for _ in range({length}):
    y = y + x
y.backward()
assert (y.data, x.grad) == ({length} + 1.0, {length} + 1.0)
if {differentiate}:
    slope = ag.grad(y, x)
    assert slope.data == {length} + 1.0
    del slope
del y
terms = [Value(1.0) for _ in range(100_000)]
for add_up in (sum, ag.sum):
    total = add_up(terms)
    total.backward()
    assert total.data == 100_000.0
    del total
assert [t.grad for t in terms] == [2.0] * 100_000
print("done")
"""


@pytest.mark.parametrize(("length", "differentiate"), [(1_000_000, False), (100_000, True)])
def test_deep_graphs_at_the_default_recursion_limit(length: int, differentiate: bool) -> None:
    assert run(DEEP.format(length=length, differentiate=differentiate)) == "done"


def test_a_chain_of_mixed_ops_is_deleted_at_any_depth() -> None:
    y = Value(0.5)
    for _ in range(20_000):
        y = ag.where(y > 0, ag.dot([y, 0.5], [0.5, y]), -y).tanh() + 0.1
    y.backward()
    del y


def test_each_node_is_visited_once() -> None:
    """2⁶⁰ paths from the result to the leaf: a walk over paths would never end."""
    x = y = Value(1.0)
    for _ in range(60):
        y = y + y
    y.backward()
    assert (x.grad, len(topological_order(y)), grad(y, x).data) == (2.0**60, 61, 2.0**60)
