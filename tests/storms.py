"""Ctrl-C at many random moments of short work, to see what is left on after it."""

import random
import signal
from collections.abc import Callable, Iterator

import pytest

EARLIEST, LATEST = 20e-6, 120e-6  # seconds


def interruptions(work: Callable[[], object], count: int) -> Iterator[int]:
    """Do the work again and again until it is interrupted, so many times; yields the number of each."""
    if not hasattr(signal, "setitimer"):
        pytest.skip("this system has no timer of microseconds")
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for number in range(count):
            try:
                signal.setitimer(signal.ITIMER_REAL, random.Random(number).uniform(EARLIEST, LATEST))
                while True:
                    work()
            except KeyboardInterrupt:
                pass
            yield number
    finally:
        signal.signal(signal.SIGALRM, before)
