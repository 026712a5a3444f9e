"""Rows about weights files: whatever is damaged is refused with one kind of error, or harmless; a killed save leaves a whole file."""

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import nn
from tests.trust.figures import Row, Trial

ROOT = Path(__file__).parents[2]


def model_of(seed: int = 3) -> nn.MLP:
    """A small network."""
    return nn.MLP(2, [3, 1], activation="tanh", seed=seed)


def content_of(model: nn.MLP) -> bytes:
    """The bytes of its file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        model.save(path)
        return path.read_bytes()


def wrong_with(content: bytes, path: Path) -> str:
    """What is wrong about loading these bytes, once into a model and once from nothing; nothing if they are refused or harmless."""
    path.write_bytes(content)
    model, expected = model_of(seed=9), model_of().state_dict()
    before = model.state_dict()
    refused = False
    try:
        model.load(path)
    except nn.WeightsError as error:
        refused = True
        if model.state_dict() != before or not str(error).startswith(f"{path}: "):
            return f"a refused file changed the model, or is not named: {error}"
    except Exception as error:
        return f"got {error!r}, expected WeightsError"
    if not refused and model.state_dict() != expected:
        return "taken for other weights"
    try:
        loaded = nn.load(path)
    except nn.WeightsError:
        return ""
    except Exception as error:
        return f"nn.load: got {error!r}, expected WeightsError"
    return "" if loaded.state_dict() == expected else "nn.load: taken for other weights"


def damages(content: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    """Cuts, flips of one bit, and edits at random places, a third of each; of the first two all there are, if there is room."""
    rng = random.Random(0)
    cuts = list(range(len(content)))
    bits = list(range(8 * len(content)))
    for n in cuts if count >= 3 * len(cuts) else rng.sample(cuts, count // 3):
        yield f"content[:{n}]", content[:n]
    for n in bits if count >= 3 * len(bits) else rng.sample(bits, count // 3):
        yield f"bit {n} flipped", content[: n // 8] + bytes([content[n // 8] ^ 1 << n % 8]) + content[n // 8 + 1 :]
    for seed in range(count // 3):
        rng = random.Random(seed)
        edited = content
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(edited) + 1)
            edited = edited[:place] + rng.randbytes(rng.randint(0, 3)) + edited[place + rng.randint(0, 4) :]
        yield f"edit {seed}", edited


def damaged(count: int) -> Iterator[Trial]:
    """Loading damaged files."""
    content = content_of(model_of())
    with tempfile.TemporaryDirectory() as folder:
        for name, changed in damages(content, count):
            wrong = wrong_with(changed, Path(folder) / "model")
            yield Trial(float(bool(wrong)), partial("{}: {}".format, name, wrong))


AUDITED = """
import sys
from pathlib import Path
from tests.trust import files

events = []
content = files.content_of(files.model_of())
path = Path(sys.argv[1])
list(files.wrong_with(changed, path) for _, changed in files.damages(content, 30))  # what is imported late is imported now
watching = True
sys.addaudithook(lambda event, arguments: events.append(event) if watching else None)
for _, changed in files.damages(content, int(sys.argv[2])):
    files.wrong_with(changed, path)
watching = False
print(*sorted({event for event in events if event.split(".")[0] in ("import", "exec", "compile", "pickle", "marshal", "subprocess", "os")}))
"""
HARMLESS = {"os.listdir", "os.scandir", "os.putenv"}


def audited(count: int) -> Iterator[Trial]:
    """What the interpreter reports while damaged files are loaded: no import, nothing compiled, executed or unpickled."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", AUDITED, f"{folder}/model", str(count)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    wrong = set(done.stdout.split()) - HARMLESS if done.returncode == 0 else {done.stderr}
    yield Trial(len(wrong), partial("{}".format, sorted(wrong)), count)


KILLED = """
import os, random, signal, sys, time
import nn
path, count, generator = sys.argv[1], int(sys.argv[2]), random.Random(0)
models = [nn.MLP(20, [40, 20], seed=seed) for seed in (0, 1)]
states = [model.state_dict() for model in models]
models[0].save(path)
wrong = 0
for _ in range(count):
    child = os.fork()
    if not child:
        while True:
            for model in models:
                model.save(path)
    time.sleep(generator.uniform(0.002, 0.02))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    wrong += nn.load(path).state_dict() not in states
models[1].save(path)
print(wrong + len([name for name in os.listdir(os.path.dirname(path)) if name.endswith(".tmp")]))
"""


def killed(count: int) -> Iterator[Trial]:
    """Processes killed while they save: the file is whole, and the next save leaves nothing beside it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", KILLED, f"{folder}/model", str(count)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    wrong = float(done.stdout) if done.returncode == 0 else 1.0
    yield Trial(wrong, partial("{}{}".format, done.stdout, done.stderr), count)


ROWS = [
    Row("files", "cuts, flipped bits and edits of a weights file: refused or harmless", damaged, 2400, 40000),
    Row("files", "no import, no code run, nothing unpickled by loading damaged files", audited, 300, 10000),
    Row("files", "killed while saving: a whole file, and nothing beside it after the next save", killed, 40, 300),
]
