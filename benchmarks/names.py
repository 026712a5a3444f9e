"""The transformer of 200 lines of plain Python, trained one name a step: 16 numbers wide, 4 heads, up to 16 places, Adam with a rate
that falls to 0. The whole run, what a step adds to it, and the same in other people's hands.

Every length of name is a structure of its own and is recorded and compiled when it first comes. The loss is written for scalars, with
RMS norm and attention spelled out; a letter is an index (``autograd.take``), so that one program serves all names of one length.

A port to another language is not part of this repository: its row takes the path of a program, which is called with the number of steps
and prints the seconds that it trained for (``--names-port PATH``).
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import nn
from autograd import Value, dot, exp, logsumexp, relu, take
from autograd import sum as total
from benchmarks.harness import ROOT, Contender, Row

WIDTH, HEADS, LETTERS, PLACES = 16, 4, 27, 16
STEPS, RATE = 1000, 0.01
# Names of 2 to 15 letters, so that with what begins and ends them there are 3 to 16 places.
NAMES = [
    "jo",
    "al",
    "ed",
    "mia",
    "leo",
    "ana",
    "tom",
    "emma",
    "noah",
    "lena",
    "paul",
    "clara",
    "jonas",
    "marie",
    "felix",
    "sophia",
    "martin",
    "hannah",
    "johanna",
    "leonard",
    "florian",
    "angelika",
    "dominik",
    "veronika",
    "katharina",
    "alexander",
    "franziska",
    "sebastian",
    "clementine",
    "constantin",
    "bartholomew",
    "wilhelmina",
    "maximiliane",
    "christopher",
    "annemarieluise",
    "hansfriedrich",
    "maximilianjosef",
    "annakatharinas",
]
PORT = "CHALKGRAD_NAMES_PORT"

Vector = list[Any]


def tokens(name: str) -> list[int]:
    """The letters as numbers from 1 on, with 0 before and after them."""
    return [0, *[ord(letter) - ord("a") + 1 for letter in name], 0]


def model(seed: int = 1) -> tuple[Callable[[list[Any]], Value], list[Value]]:
    """The loss of one name's tokens, and the parameters."""
    rng = random.Random(seed)

    def matrix(rows: int, columns: int) -> list[Vector]:
        return [[Value(rng.gauss(0.0, 0.08)) for _ in range(columns)] for _ in range(rows)]

    letters, places, head = matrix(LETTERS, WIDTH), matrix(PLACES, WIDTH), matrix(LETTERS, WIDTH)
    query, key, value, out = (matrix(WIDTH, WIDTH) for _ in range(4))
    up, down = matrix(4 * WIDTH, WIDTH), matrix(WIDTH, 4 * WIDTH)
    size = WIDTH // HEADS

    def times(weights: list[Vector], x: Vector) -> Vector:
        return [dot(row, x) for row in weights]

    def added(x: Vector, y: Vector) -> Vector:
        return [a + b for a, b in zip(x, y, strict=True)]

    def normed(x: Vector) -> Vector:
        scale = (total([v * v for v in x]) / len(x) + 1e-5) ** -0.5
        return [v * scale for v in x]

    def weighed(scores: Vector) -> Vector:
        powers = [exp(score) for score in scores]
        whole = total(powers)
        return [power / whole for power in powers]

    def attended(q: Vector, keys: list[Vector], values: list[Vector], part: slice) -> Vector:
        weights = weighed([dot(q[part], k[part]) / size**0.5 for k in keys])
        return [dot(weights, [v[j] for v in values]) for j in range(part.start, part.stop)]

    def loss(name: list[Any]) -> Value:
        keys: list[Vector] = []
        values: list[Vector] = []
        losses = []
        for place, (letter, following) in enumerate(pairwise(name)):
            x = normed(added(take(letters, letter), places[place]))
            y = normed(x)
            keys.append(times(key, y))
            values.append(times(value, y))
            q = times(query, y)
            parts = [slice(h * size, (h + 1) * size) for h in range(HEADS)]
            x = added(times(out, [v for part in parts for v in attended(q, keys, values, part)]), x)
            x = added(times(down, [relu(v) for v in times(up, normed(x))]), x)
            scores = times(head, x)
            losses.append(logsumexp(scores) - take(scores, following))
        mean: Value = total(losses) / len(losses)
        return mean

    weights = [letters, places, query, key, value, out, up, down, head]
    return loss, [w for matrix in weights for row in matrix for w in row]


def losses_of(steps: int, *, engine: str = "llvm", values: bool = False) -> list[float]:
    """The loss before each step of a run; ``values``: the letters as Values, as the eager engine takes them to the same bits."""
    loss, parameters = model()
    adam = nn.Adam(parameters, lr=RATE, betas=(0.85, 0.99))
    found = []
    with nn.Steps(loss, adam, engine=engine) as step:
        for i in range(steps):
            adam.lr = RATE * (1.0 - i / steps)
            letters = tokens(NAMES[i % len(NAMES)])
            found.append(step([Value(float(x)) for x in letters] if values else letters))
    return found


def run(steps: int) -> float:
    """Seconds for a whole run in a process of its own: import, record, compile, train."""
    start = time.perf_counter()
    command = f"from benchmarks.names import losses_of; losses_of({steps})"
    subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=True)
    return time.perf_counter() - start


def run_from_disk(steps: int) -> float:
    """The same, after another process has done it. RuntimeError if the losses are not those of the eager engine."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["CHALKGRAD_CACHE"] = place
        if losses_of(len(NAMES)) != losses_of(len(NAMES), engine="eager", values=True):
            raise RuntimeError("native steps have other losses than eager ones")
        return run(steps)


def step() -> float:
    """Seconds for a step, the mean over all lengths, when nothing is compiled any more."""
    loss, parameters = model()
    names = [tokens(name) for name in NAMES]
    with nn.Steps(loss, nn.Adam(parameters, lr=RATE)) as taken:
        for name in names:
            taken(name)
        start = time.perf_counter()
        for i in range(STEPS):
            taken(names[i % len(names)])
        return (time.perf_counter() - start) / STEPS


def eager_step() -> float:
    """Seconds for a step of the eager engine, the mean over all lengths."""
    start = time.perf_counter()
    losses_of(len(NAMES), engine="eager")
    return (time.perf_counter() - start) / len(NAMES)


def port_step() -> float:
    """Seconds for a step of the port."""
    seconds = subprocess.run([os.environ[PORT], str(STEPS)], capture_output=True, text=True, check=True).stdout
    return float(seconds.split()[-1]) / STEPS


_STEP, _PORT = Contender("chalkgrad", step), Contender("the port", port_step, program=PORT)
ROWS = [
    Row("names: a step, all lengths from 3 to 16", "s", _STEP, _PORT, bar=0.6),
    Row("names: a step, all lengths from 3 to 16", "s", _STEP, Contender("eager", eager_step)),
    Row("names: the whole run of 1,000 steps, nothing on disk", "s", Contender("chalkgrad", run, (STEPS,)), bar=6),
    Row("names: the whole run of 1,000 steps, code on disk", "s", Contender("chalkgrad", run_from_disk, (STEPS,)), bar=2.5),
    Row("names: the whole run of 10,000 steps, code on disk", "s", Contender("chalkgrad", run_from_disk, (10 * STEPS,)), bar=4),
]
