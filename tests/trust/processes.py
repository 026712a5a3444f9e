"""Rows about processes: the same bits whatever the hash seed, little memory, forks, exits and threads in the middle of work, and endurance.

Each script runs in a fresh interpreter, is told how many cases to try, and prints one number: disagreements, or bytes.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.trust.figures import Row, Trial

ROOT = Path(__file__).parents[2]

HASHED = """
import hashlib, struct
import autograd as ag, nn
from tests.cases import CASES
from tests.random_graphs import random_program
numbers = []
for case in CASES:
    xs = [ag.Value(x) for x in case.core_points(1)[0]]
    y = case.f(*xs)
    if isinstance(y, ag.Value):
        y.backward()
        numbers += [y.data, *[x.grad for x in xs]]
for seed in range(2):
    y, xs = random_program(seed, 60).record()
    numbers.append(ag.compile(y, engine="numpy")())
    numbers += [x.grad for x in xs]
    numbers += [v.data for root in (y, ag.grad(y, xs)[0]) for v in ag.topological_order(root)]  # in the order of the walk
model, data = nn.MLP(2, [4, 1], seed=0), nn.moons(12, seed=0)
nn.fit(model, data.X, data.y, loss="bce", epochs=2, batch_size=5, seed=0, progress=False, engine="eager")
numbers += [p.data for p in model.parameters()]
print(hashlib.sha256(struct.pack(f"{len(numbers)}d", *numbers)).hexdigest())
"""

LITTLE_MEMORY = """
import resource, sys
from autograd import Value
x = Value(2.0)
kept = (x * x).tanh()
kept.backward()
expected, wrong = x.grad, 0
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
for seed in range(int(sys.argv[1])):
    resource.setrlimit(resource.RLIMIT_AS, (used + (16 + 3 * seed % 64 << 20), resource.RLIM_INFINITY))
    y = x
    try:
        while True:
            y = y * x + 1.0
    except MemoryError:
        pass
    try:
        y.backward()
    except MemoryError:
        wrong += x.grad != expected  # nothing was changed by half
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    del y
    x.grad = 0.0
    kept.backward()
    wrong += x.grad != expected
print(wrong)
"""

FORKED = """
import os, sys
import autograd as ag
f = ag.compile(lambda x: ag.tanh(x) * ag.sin(x) + ag.exp(x))
expected, wrong = f(0.5), 0
for seed in range(int(sys.argv[1])):
    child = os.fork()
    if not child:
        g = ag.compile(lambda x: ag.cos(x) * ag.exp(x) + float(seed))
        os._exit(not (f(0.5) == expected and g(0.5) == ag.cos(0.5) * ag.exp(0.5) + float(seed)))
    wrong += os.waitpid(child, 0)[1] != 0
print(wrong)
"""

LEFT = """
import os, sys, threading, time
import autograd as ag
f = ag.compile(lambda x: ag.sum([ag.tanh(x * float(i)) for i in range(50)]))
import numpy as np
points = np.linspace(0.0, 1.0, 100000)
f(points)
def work():
    while True:
        f(points)
for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.05 + 0.01 * float(sys.argv[1]))
print("left")
"""

SHARED = """
import sys, threading
import autograd as ag
from autograd import Value
sys.setswitchinterval(1e-6)
x, w = Value(0.5), Value(2.0)
step = ag.compile((ag.tanh(x * w) + ag.gelu(w)) ** 2)
f = ag.compile(lambda a: ag.tanh(a) * ag.sin(a))
expected, at = step(), [0.1 * k for k in range(8)]
answers, wrong = [f(a) for a in at], []
def work(k):
    for _ in range(int(sys.argv[1])):
        if step() != expected or f(at[k]) != answers[k]:
            wrong.append(k)
threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(wrong))
"""

FAILING = """
import os, sys
os.environ["CHALKGRAD_CACHE"] = ""
import autograd as ag
import llvmlite.binding as llvm
names = ["parse_assembly", "create_mcjit_compiler", "create_context"]
errors = [RuntimeError("LLVM says no"), MemoryError("LLVM has no room")]
wrong, terms = 0, 1
for name, error in [(name, error) for name in names for error in errors] * int(sys.argv[1]):
    terms += 1
    f, right = ag.compile(lambda x: ag.sum([ag.tanh(x)] * terms), engine="llvm"), getattr(llvm, name)
    def fail(*arguments):
        raise error
    setattr(llvm, name, fail)
    try:
        f(0.5)
        wrong += 1
    except type(error) as said:
        wrong += said is not error
    setattr(llvm, name, right)
    wrong += f(0.5) != ag.sum([ag.tanh(0.5)] * terms)
print(wrong)
"""

SAVERS = """
import os, signal, sys, time
import nn
path, count = sys.argv[2], int(sys.argv[1])
models = [nn.MLP(8, [12, 4], seed=seed) for seed in (0, 1)]
states = [model.state_dict() for model in models]
models[0].save(path)
children = []
for model in models:
    child = os.fork()
    if not child:
        while True:
            model.save(path)
    children.append(child)
wrong = 0
for _ in range(count):
    wrong += nn.load(path).state_dict() not in states
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
print(wrong)
"""

FULL = """
import errno, os, resource, sys
import nn
path, count = sys.argv[2], int(sys.argv[1])
old, new = nn.MLP(2, [3, 1], seed=1), nn.MLP(2, [3, 1], seed=2)
old.save(path)
whole, wrong = open(path, "rb").read(), 0
for k in range(count):
    resource.setrlimit(resource.RLIMIT_FSIZE, (k * len(whole) // count, resource.RLIM_INFINITY))
    try:
        new.save(path)
        wrong += 1
    except OSError as error:
        wrong += error.errno != errno.EFBIG
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wrong += open(path, "rb").read() != whole or os.listdir(os.path.dirname(path)) != ["model"]
print(wrong)
"""

FULL_CACHE = """
import os, resource, sys
place = os.environ["CHALKGRAD_CACHE"] = sys.argv[2]
import autograd as ag
from autograd.compiler.targets.llvm.executor import recent
f = lambda x: ag.tanh(x) * x + 0.75
expected = ag.compile(f, engine="llvm")(0.5)
(file,) = os.listdir(place)
size, wrong = os.path.getsize(os.path.join(place, file)), 0
for k in range(int(sys.argv[1])):
    os.unlink(os.path.join(place, file))
    for room in (k * size // int(sys.argv[1]), resource.RLIM_INFINITY):
        recent.clear()
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        wrong += ag.compile(f, engine="llvm")(0.5) != expected
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        wrong += os.listdir(place) != ([file] if room == resource.RLIM_INFINITY else [])
print(wrong)
"""

MEASURED = """
import gc, os, sys, tempfile
from pathlib import Path

def resident():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

def opened():
    return len(os.listdir("/proc/self/fd")) + len(os.listdir(tempfile.gettempdir()))

def growth(work, rounds, before):
    '''Bytes for each unit of work, once it has gone on for a while; a file left open or behind counts as a megabyte.

    What every unit leaves behind is in every quarter of them; what the heap takes in one go, whenever it does, is in one.
    '''
    for k in range(before):
        work(k)
    quarter, sizes, files_before = max(rounds // 4, 1), [resident()], opened()
    for k in range(before, before + rounds):
        work(k)
        if (k - before) % quarter == quarter - 1:
            sizes.append(resident())
    grown = min(later - earlier for earlier, later in zip(sizes, sizes[1:]))
    print(max(0, grown) / quarter + 2**20 * max(0, opened() - files_before) / rounds)
"""

TRAINING = (
    MEASURED
    + """
import nn
model, data = nn.MLP(2, [4, 1], seed=0), nn.moons(10, seed=0)
def work(k):  # what a step leaves behind, two samples leave too
    nn.fit(model, data.X, data.y, loss="bce", epochs=200, batch_size=2, seed=0, progress=False, engine=ENGINE)
growth(work, int(sys.argv[1]), 2)
"""
)
COMPILATIONS = (
    MEASURED
    + """
os.environ["CHALKGRAD_CACHE"] = ""  # code that an earlier run has left on disk would be loaded, not compiled
import autograd as ag
from autograd import Value
from tests.random_graphs import SMOOTH_CASES, random_program
native = [case for case in SMOOTH_CASES if "gamma" not in case.name]
def work(k):
    y, xs = random_program(k, 3, inputs=2, cases=native).record()
    ag.compile(y)()
growth(work, int(sys.argv[1]), 500)  # by then the caches of code and of the allocator are full
"""
)
MILLION = (
    MEASURED
    + """
from autograd import Value
x, n = Value(1.0), 100_000 * int(sys.argv[1])
before, y = resident(), x
for _ in range(n):
    y = y * x
y.backward()
print((resident() - before) / n)
"""
)


def in_process(script: str, *arguments: object, **environment: str) -> str:
    """What a script prints; what it says of its failure if it fails."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment})
    return done.stdout.strip() if done.returncode == 0 and not done.stderr else f"{done.returncode}: {done.stderr}"


def printed(script: str, count: int) -> Iterator[Trial]:
    """The number that a script prints, with a folder of its own for files."""
    with tempfile.TemporaryDirectory() as folder:
        said = in_process(script, count, f"{folder}/model", TMPDIR=folder)
    try:
        yield Trial(max(0.0, float(said)), partial(str, said), count)
    except ValueError:
        yield Trial(float("inf"), partial(str, said), count)


def hash_seeds(count: int) -> Iterator[Trial]:
    """Values, gradients, compiled programs and a training under so many hash seeds."""
    digests = [in_process(HASHED, PYTHONHASHSEED=str(seed)) for seed in range(count)]
    yield Trial(float(len(set(digests)) - 1), partial("\n".join, digests), count)


def exits(count: int) -> Iterator[Trial]:
    """The interpreter leaves while threads run native code: no crash, no word."""
    for moment in range(count):
        said = in_process(LEFT, moment)
        yield Trial(float(said != "left"), partial(str, said))


def _row(theme: str, name: str, script: str, quick: int, full: int, bar: float = 0.0, unit: str = "disagreements") -> Row:
    return Row(theme, name, partial(printed, script), quick, full, bar, unit)


ROWS = [
    Row("processes", "the same bits under other hash seeds", hash_seeds, 20, 100),
    _row("processes", "a limit of memory: nothing by half, and the next pass right", LITTLE_MEMORY, 3, 60),
    _row("processes", "forks compute what their parent compiled, and compile", FORKED, 3, 100),
    Row("processes", "exits while threads run native code", exits, 2, 40),
    _row("processes", "eight threads share a step and a function", SHARED, 200, 20000),
    _row("processes", "LLVM fails or is out of memory: its error, and right the next time", FAILING, 1, 20),
    _row("files", "two savers at once: the file of one of them, whole", SAVERS, 100, 5000),
    _row("files", "no room on the disk after some bytes of a save: the old file, whole, and nothing beside it", FULL, 100, 2000),
    _row("files", "no room on the disk for native code: none is kept, the same numbers", FULL_CACHE, 10, 200),
    _row("endurance", "eager training", TRAINING.replace("ENGINE", "'eager'"), 0, 100, 1024.0, "bytes for 1,000 steps"),
    _row("endurance", "native training", TRAINING.replace("ENGINE", "'llvm'"), 10, 100, 1024.0, "bytes for 1,000 steps"),
    _row("endurance", "compilation of different graphs", COMPILATIONS, 0, 5000, 1024.0, "bytes for one"),
    _row("endurance", "memory of a long graph", MILLION, 1, 10, 350.0, "bytes a node"),
]
