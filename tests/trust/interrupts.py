"""Rows about Ctrl-C: in a training the weights of the best epoch stay, and the command says one line and leaves with status 130."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import nn
from tests.trust.figures import Row, Trial

ROOT = Path(__file__).parents[2]
EPOCHS = 40


def weights_of(model: nn.MLP) -> list[float]:
    """The numbers of a model."""
    return [p.data for p in model.parameters()]


def run(engine: str, after: float | None = None) -> tuple[list[list[float]], list[float], nn.History | None]:
    """A training, interrupted after some time: the weights after every epoch that ended, those left behind, and the history."""
    model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
    data = nn.moons(20, seed=0)
    ends: list[list[float]] = []
    timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)) if after is not None else None
    history = None
    with suppress(KeyboardInterrupt), open(os.devnull, "w") as quiet:
        error, sys.stderr = sys.stderr, quiet
        try:
            if timer:
                timer.start()
            history = nn.fit(
                model,
                data.X,
                data.y,
                loss="bce",
                epochs=EPOCHS,
                seed=1,
                progress=False,
                engine=engine,
                callbacks=[lambda epoch, history: ends.append(weights_of(model))],
            )
        finally:
            sys.stderr = error
            if timer:
                timer.join()
    return ends, weights_of(model), history


def trainings(engine: str, count: int) -> Iterator[Trial]:
    """Trainings interrupted at random moments: what is left is an epoch of the undisturbed run."""
    ends, _, _ = run(engine)
    known = {tuple(numbers) for numbers in ends}
    for seed in range(count):
        after = random.Random(seed).uniform(0.0, 0.4 if engine == "eager" else 0.05)
        _, left, history = run(engine, after)
        is_whole = history is None or not history.loss or tuple(left) in known
        yield Trial(float(not is_whole), partial("tests.trust.interrupts.run({!r}, {})".format, engine, after))


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
            is_clean = process.returncode in (0, 130) and "Traceback" not in said
            left = [name for name in os.listdir(folder) if name.endswith(".tmp")]
            yield Trial(
                float(not is_clean) + len(left), partial("seed {}: {} {}\n{}".format, seed, process.returncode, left, said)
            )


ROWS = [
    Row("interrupts", "training in plain Python: the weights of an epoch", partial(trainings, "eager"), 12, 300),
    Row("interrupts", "training in native code: the weights of an epoch", partial(trainings, "llvm"), 12, 300),
    Row("interrupts", "the command: status 130 or 0, no traceback", commands, 2, 200),
]
