"""Rows about Ctrl-C at random moments, and exceptions at every node: never lost, nothing by half, and the work right when done again."""

import gc
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import autograd as ag
from autograd import Value, topological_order
from tests.autograd.oracles import same_bits
from tests.random_graphs import SMOOTH_CASES, random_program
from tests.trust.figures import Row, Trial

# Ops that native code computes without calling Python: its code is kept on disk.
NATIVE = tuple(case for case in SMOOTH_CASES if "gamma" not in case.name and case.name != "probit")
# A process of its own sends the signal: a thread of this one would have to wait until the work lets it go on.
RINGER = """
import os, signal, sys, time
for after in sys.stdin:
    time.sleep(float(after))
    os.kill(int(sys.argv[1]), signal.SIGINT)
    print("rang", flush=True)
"""


class Bell:
    """Ctrl-C after some time, at whatever instruction the work then is."""

    def __init__(self, ringer: "subprocess.Popen[str]") -> None:
        self.ringer = ringer
        self.is_armed = self.rang = self.heard = False
        self.unheard: list[str] = []

    def _ring(self, signum: int, frame: object) -> None:
        if self.is_armed:
            self.rang = True
            raise KeyboardInterrupt

    def __call__(self, work: Callable[[], Any], after: float) -> Any:
        """What the work answers; None if it is interrupted."""
        assert self.ringer.stdin and self.ringer.stdout
        self.rang = self.heard = False
        self.unheard.clear()
        answer = None
        try:
            self.is_armed = True
            print(after, file=self.ringer.stdin, flush=True)
            answer = work()
            if self.rang:
                time.sleep(0.1)  # a destructor has it come again
            self.is_armed = False
        except KeyboardInterrupt:
            self.is_armed, self.heard = False, True
        finally:
            self.ringer.stdout.readline()  # by now it has rung, and does so only once
        return answer


@contextmanager
def bell() -> Iterator[Bell]:
    """A bell, and how it sounds to this process; callbacks of the collector rest, as those of tests' tools, in which Python forgets it."""
    command = [sys.executable, "-c", RINGER, str(os.getpid())]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as ringer:
        made = Bell(ringer)
        hook, before = sys.unraisablehook, signal.signal(signal.SIGINT, made._ring)
        sys.unraisablehook = lambda unraisable: made.unheard.append(f"{unraisable.err_msg} {unraisable.object}")
        callbacks, gc.callbacks[:] = gc.callbacks[:], []
        try:
            yield made
        finally:
            gc.callbacks[:] = callbacks
            signal.signal(signal.SIGINT, before)
            sys.unraisablehook = hook


class Work(NamedTuple):
    """A piece of work: how to go back to its beginning, to do it, which answers with numbers, and to see what must not change by half."""

    begin: Callable[[], object]
    do: Callable[[], Any]
    state: Callable[[], Any]


def _nothing() -> None:
    pass


def passes(seed: int, size: int, inputs: int) -> tuple[Work, list[Value]]:
    """Backward passes through a random graph, and its nodes."""
    y, _ = random_program(seed, size, inputs).record()
    nodes = topological_order(y)

    def begin() -> None:
        for v in nodes:
            v.grad = 0.5

    def grads() -> list[float]:
        return [v.grad for v in nodes]

    def do() -> list[float]:
        y.backward()
        return grads()

    return Work(begin, do, grads), nodes


def backward() -> Work:
    """A backward pass of a few thousand nodes."""
    return passes(1, 1000, 20)[0]


def replay() -> Work:
    """A loss in native code, with its gradient."""
    y, leaves = random_program(2, 300, inputs=20).record()
    step = ag.compile(y)
    return Work(_nothing, lambda: [[step() for _ in range(40)][-1], *[x.grad for x in leaves]], _nothing)


def compilation() -> Work:
    """A program compiled that was not compiled before."""
    seeds = iter(range(10**9))

    def do() -> bool:
        y, _ = random_program(next(seeds), 12, inputs=2, cases=NATIVE).record()
        return same_bits(ag.compile(y, engine="llvm")(), y.data)

    return Work(_nothing, do, _nothing)


def seconds_of(work: Work) -> float:
    """How long it takes at best."""
    times = []
    for _ in range(5):
        work.begin()
        start = time.perf_counter()
        work.do()
        times.append(time.perf_counter() - start)
    return min(times)


def at_random(prepare: Callable[[], Work], count: int) -> Iterator[Trial]:
    """So many alarms, each at its own random moment of the work; a fifth of them must come in time."""
    work = prepare()
    duration, heard = seconds_of(work), 0
    work.begin()
    before, expected = work.state(), work.do()
    after = work.state()
    gc.collect()  # what others left goes now: Ctrl-C at the threshold of a destructor is Python's to lose
    with bell() as alarm:
        for seed in range(count):
            work.begin()
            alarm(work.do, random.Random(seed).uniform(1e-5, 1.1 * duration))
            left = work.state()
            work.begin()
            wrong = [
                *(["lost"] if (alarm.rang and not alarm.heard) or alarm.unheard else []),
                *(["by half"] if left not in (before, after) else []),
                *(["another answer"] if work.do() != expected else []),
            ]
            heard += alarm.heard
            yield Trial(len(wrong), partial("{}, alarm {}: {} {}".format, prepare.__name__, seed, wrong, list(alarm.unheard)))
    yield Trial(float(5 * heard < count), partial("{} of {} alarms came in time".format, heard, count), 0)


class Mishap(Exception):
    """What a node raises."""


def failing(node: Value, *, by_hand: bool) -> ag.Op:
    """An op for a node, whose rule raises; or by hand, whose closure does so after half of its work."""

    def rule(*numbers: Any) -> Any:
        raise Mishap

    def closure() -> None:
        node._prev[0].grad += 1.0
        raise Mishap

    op = ag.Op(node.op.name, node.op.value, None if by_hand else rule)
    op.closure = closure if by_hand else None
    return op


def wrong_when_failing(work: Work, node: Value, after: Any, *, by_hand: bool) -> list[str]:
    """What is wrong about a pass that fails at the node, and about the next one."""
    right, node.op = node.op, failing(node, by_hand=by_hand)
    work.begin()
    before = work.state()
    try:
        work.do()
    except Mishap:
        wrong = ["by half"] if work.state() != before else []
    else:  # no derivative reaches the node
        wrong = ["not raised"] if work.state() != after else []
    node.op = right
    work.begin()
    return [*wrong, *(["another answer"] if work.do() != after else [])]


def exceptions(count: int) -> Iterator[Trial]:
    """A pass through every graph for each of its nodes and ways to fail there."""
    for seed in range(count):
        work, nodes = passes(seed, 12, 3)
        work.begin()
        after = work.do()
        for number, node in enumerate(nodes):
            for by_hand in () if node.is_leaf else (False, True):
                wrong = wrong_when_failing(work, node, after, by_hand=by_hand)
                yield Trial(len(wrong), partial("random_program({}, 12, 3), node {}: {}".format, seed, number, wrong))


ROWS = [
    Row("interrupts", "an exception at every node of random graphs: nothing, and the retry exact", exceptions, 200, 2000),
    Row("interrupts", "eager backward: everything or nothing, and the retry exact", partial(at_random, backward), 60, 1000),
    Row("interrupts", "native replay: never lost, and the retry exact", partial(at_random, replay), 60, 1000),
    Row("interrupts", "compilation by LLVM: never lost, and the retry exact", partial(at_random, compilation), 20, 1000),
]
