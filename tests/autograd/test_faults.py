"""Re-entrance and threads: a backward pass happens entirely or not at all. Exceptions and Ctrl-C: ``tests.trust``."""

import sys
import threading

import pytest

from autograd import Value


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
