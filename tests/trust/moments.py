"""Rows about Ctrl-C at random moments of one piece of work: never lost, nothing by half, and the work right when done again."""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import autograd as ag
from tests.autograd.oracles import same_bits
from tests.random_graphs import SMOOTH_CASES, random_program
from tests.trust.figures import Row, Trial

# Ops that native code computes without calling Python: its code is kept on disk.
NATIVE = tuple(case for case in SMOOTH_CASES if "gamma" not in case.name and case.name != "probit")
# A piece of work, which answers with numbers, and what must not be changed by half: the same numbers before and after.
Work = tuple[Callable[[], Any], Callable[[], Any]]


class Alarm:
    """Ctrl-C after some time."""

    def __init__(self) -> None:
        self.rang = self.heard = False
        self.unheard: list[str] = []

    def _ring(self, signum: int, frame: object) -> None:
        self.rang = True
        raise KeyboardInterrupt

    def __call__(self, work: Callable[[], Any], after: float) -> Any:
        """What the work answers; None if it is interrupted."""
        hook, before = sys.unraisablehook, signal.signal(signal.SIGINT, self._ring)
        sys.unraisablehook = lambda unraisable: self.unheard.append(str(unraisable.err_msg))
        timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
        try:
            timer.start()
            return work()
        except KeyboardInterrupt:
            self.heard = True
            return None
        finally:
            timer.cancel()
            self._wait(timer)
            signal.signal(signal.SIGINT, before)
            sys.unraisablehook = hook

    def _wait(self, timer: threading.Timer) -> None:
        """Until it cannot ring any more: after the work, that is no matter."""
        with suppress(KeyboardInterrupt):
            signal.signal(signal.SIGINT, lambda *_: None)
            timer.join()


def backward() -> Work:
    """A backward pass of a few thousand nodes."""
    y, leaves = random_program(1, 1000, inputs=20).record()

    def work() -> list[float]:
        for x in leaves:
            x.grad = 0.0
        y.backward()
        return grads()

    def grads() -> list[float]:
        return [x.grad for x in leaves]

    return work, grads


def replay() -> Work:
    """A loss in native code, with its gradient."""
    y, leaves = random_program(2, 300, inputs=20).record()
    step = ag.compile(y)
    return lambda: [step(), [step() for _ in range(20)][-1], *[x.grad for x in leaves]], lambda: None


def compilation() -> Work:
    """A program compiled that was not compiled before."""
    seeds = iter(range(10**9))

    def work() -> bool:
        y, _ = random_program(next(seeds), 12, inputs=2, cases=NATIVE).record()
        return same_bits(ag.compile(y, engine="llvm")(), y.data)

    return work, lambda: None


def at_random(prepare: Callable[[], Work], count: int) -> Iterator[Trial]:
    """So many alarms, each at its own random moment of the work."""
    work, state = prepare()
    expected = work()
    start = time.perf_counter()
    work()
    duration = time.perf_counter() - start
    for seed in range(count):
        alarm, before = Alarm(), state()
        alarm(work, random.Random(seed).uniform(1e-5, 1.1 * duration))
        after, again = state(), work()
        is_lost = (alarm.rang and not alarm.heard) or bool(alarm.unheard)
        is_half = before is not None and after not in (before, [0.0] * len(before))
        wrong = [
            *(["lost"] if is_lost else []),
            *(["by half"] if is_half else []),
            *(["another answer"] if again != expected else []),
        ]
        yield Trial(len(wrong), partial("{}, alarm {}: {} {}".format, prepare.__name__, seed, wrong, alarm.unheard))


ROWS = [
    Row("interrupts", "eager backward: everything or nothing, and the retry exact", partial(at_random, backward), 60, 1000),
    Row("interrupts", "native replay: never lost, and the retry exact", partial(at_random, replay), 60, 1000),
    Row("interrupts", "compilation by LLVM: never lost, and the retry exact", partial(at_random, compilation), 20, 1000),
]
