"""Exceptions, Ctrl-C, re-entrance and threads: a backward pass happens entirely or not at all, and the next one is right."""

import random
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from autograd import Value, topological_order
from tests.random_graphs import random_program


class Mishap(Exception):
    """What a closure raises."""


def graph_with_closures(seed: int, size: int, fail_at: list[int]) -> tuple[Value, list[Value]]:
    """A random graph of sums and products of lecture-style nodes; node number ``fail_at[0]`` raises in its closure."""
    rng = random.Random(seed)
    leaves = [Value(float(rng.randint(-3, 3))) for _ in range(4)]
    nodes = list(leaves)

    def product(a: Value, b: Value, number: int) -> Value:
        out = Value(a.data * b.data, (a, b), "*")

        def _backward() -> None:
            a.grad += b.data * out.grad
            if number in fail_at:
                raise Mishap
            b.grad += a.data * out.grad

        out._backward = _backward
        return out

    for number in range(size):
        a, b = rng.choice(nodes), rng.choice(leaves)
        nodes.append(product(a, b, number) + rng.choice(nodes))
    return sum(nodes[4:], Value(0.0)), leaves


@pytest.mark.parametrize("seed", range(4))
def test_an_exception_at_any_node_changes_nothing_and_the_retry_is_exact(seed: int) -> None:
    size = 25
    y, leaves = graph_with_closures(seed, size, [])
    y.backward()
    expected = [x.grad for x in leaves]
    for position in range(size):
        fail_at = [position]
        y, leaves = graph_with_closures(seed, size, fail_at)
        before = [(v, v.grad) for v in topological_order(y)]
        with pytest.raises(Mishap):
            y.backward()
        assert [(v, v.grad) for v in topological_order(y)] == before, f"node {position}"
        fail_at.clear()
        y.backward()
        assert [x.grad for x in leaves] == expected, f"node {position}"


@pytest.fixture
def interrupting_alarm() -> Iterator[None]:
    def interrupt(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def test_ctrl_c_at_any_moment_changes_nothing_or_everything(interrupting_alarm: None) -> None:
    y, leaves = random_program(1, 3000, inputs=50).record()
    start = time.perf_counter()
    y.backward()
    duration = time.perf_counter() - start
    nodes = topological_order(y)
    done = [v.grad for v in nodes]
    is_leaf = [v.is_leaf for v in nodes]
    for v in nodes:
        v.grad = 0.0
    rng = random.Random(0)
    interrupted = untouched = 0
    for _ in range(60):
        before = [v.grad for v in nodes]
        after = [old + g if leaf else g for old, g, leaf in zip(before, done, is_leaf, strict=True)]
        try:
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-5, 1.1 * duration))
            y.backward()
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        except KeyboardInterrupt:
            interrupted += 1
        now = [v.grad for v in nodes]
        untouched += now == before
        assert now in (before, after), "a half-written backward pass"
    assert interrupted >= 10, "the alarm came too late to test anything"
    assert untouched >= 5
    for v in nodes:
        v.grad = 0.0
    y.backward()
    assert [v.grad for v in nodes] == done
    assert len(leaves) == 50


def test_backward_inside_backward_is_refused_and_changes_nothing() -> None:
    x = Value(3.0)
    other = x * 5.0
    y = Value(9.0, (x,), "square")

    def _backward() -> None:
        x.grad += 6.0 * y.grad
        other.backward()

    y._backward = _backward
    with pytest.raises(RuntimeError, match="called inside another backward pass"):
        y.backward()
    assert (x.grad, y.grad, other.grad) == (0.0, 0.0, 0.0)
    other.backward()
    assert x.grad == 5.0


def test_threads_lose_no_update() -> None:
    shared = Value(1.0)
    count, threads = 300, 4
    start = threading.Barrier(threads)

    def work(k: int) -> None:
        start.wait()
        for _ in range(count):
            (shared * float(k) + shared).backward()

    interval = sys.getswitchinterval()
    try:
        sys.setswitchinterval(1e-6)
        workers = [threading.Thread(target=work, args=(k,)) for k in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval)
    assert shared.grad == count * sum(k + 1.0 for k in range(threads))


def test_a_pass_in_one_thread_does_not_refuse_one_in_another() -> None:
    x = Value(3.0)
    y = Value(9.0, (x,), "square")
    results = []

    def elsewhere() -> None:
        z = Value(2.0)
        (z * z).backward()
        results.append(z.grad)

    def _backward() -> None:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        x.grad += 6.0 * y.grad

    y._backward = _backward
    y.backward()
    assert (x.grad, results) == (6.0, [4.0])
