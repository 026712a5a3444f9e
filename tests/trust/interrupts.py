"""Rows about Ctrl-C: in a training the weights of the best epoch stay, and the command says one line and leaves with status 130."""

import contextlib
import io
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import nn
from tests.trust.figures import Row, Trial
from tests.trust.moments import bell

ROOT = Path(__file__).parents[2]
EPOCHS = 40


def weights_of(model: nn.MLP) -> list[float]:
    """The numbers of a model."""
    return [p.data for p in model.parameters()]


def run(
    engine: str, ring: Callable[[Callable[[], Any]], Any] = lambda work: work()
) -> tuple[list[list[float]], list[float], Any]:
    """A training, perhaps interrupted: the weights it starts with and those after every epoch, those left behind, and the history."""
    model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
    data = nn.moons(20, seed=0)
    ends = [weights_of(model)]
    settings: dict[str, Any] = {"loss": "bce", "epochs": EPOCHS, "seed": 1, "progress": False, "engine": engine}
    callbacks = [lambda epoch, history: ends.append(weights_of(model))]
    with contextlib.redirect_stderr(io.StringIO()):
        history = ring(lambda: nn.fit(model, data.X, data.y, callbacks=callbacks, **settings))
    return ends, weights_of(model), history


def trainings(engine: str, count: int) -> Iterator[Trial]:
    """Trainings interrupted at random moments: what is left is an epoch of the undisturbed run, or what that begins with."""
    run(engine)
    start = time.perf_counter()
    ends, _, _ = run(engine)
    duration, heard = time.perf_counter() - start, 0
    with bell() as alarm:
        for seed in range(count):
            after = random.Random(seed).uniform(1e-5, 1.1 * duration)
            _, left, history = run(engine, lambda work, after=after: alarm(work, after))
            is_heard = alarm.heard or (history is not None and history.interrupted)
            # What comes at the threshold of a destructor, of a network of before, Python says and forgets.
            is_lost = alarm.rang and not is_heard and not alarm.unheard
            wrong = [*(["lost"] if is_lost else []), *(["no epoch's weights"] if left not in ends else [])]
            heard += is_heard
            yield Trial(len(wrong), partial("{}, seed {}: {} {}".format, engine, seed, wrong, history))
    yield Trial(float(5 * heard < count), partial("{} of {} alarms came in time".format, heard, count), 0)


COMMAND = """
import sys
import nn.__main__ as command
print("ready", flush=True)
sys.exit(command.main(["xor", "--epochs", "400", "--out", sys.argv[1]]))
"""


def commands(count: int) -> Iterator[Trial]:
    """The command interrupted at a random moment, before the first step too."""
    for seed in range(count):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", COMMAND, folder]
            with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                assert process.stdout
                process.stdout.readline()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(random.Random(seed).uniform(0.0, 1.5))
                process.send_signal(signal.SIGINT)
                _, said = process.communicate()
            # Ended by the signal itself while Python shuts down, after all is done: 130 to a shell.
            is_clean = process.returncode in (0, 130, -signal.SIGINT) and "Traceback" not in said
            left = [name for name in os.listdir(folder) if name.endswith(".tmp")]
            yield Trial(
                float(not is_clean) + len(left), partial("seed {}: {} {}\n{}".format, seed, process.returncode, left, said)
            )


ROWS = [
    Row("interrupts", "training in plain Python: the weights of an epoch", partial(trainings, "eager"), 12, 300),
    Row("interrupts", "training in native code: the weights of an epoch", partial(trainings, "llvm"), 12, 300),
    Row("interrupts", "the command: status 130 or 0, no traceback", commands, 2, 200),
]
