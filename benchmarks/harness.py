"""Measuring: every contender in a fresh process, contenders alternated, medians, and the ratio of medians within one run.

Glossary::

    contender   one way to do the work: a function that measures itself and returns one number
    row         a claim: our number, perhaps against another's, and the bar it has to stay below
    theme       a module with a table of rows
    round       one turn in which each contender of a theme runs once
"""

import compileall
import datetime
import importlib
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from tqdm import tqdm

import autograd

ROOT = Path(__file__).parents[1]
_CHILD = """\
import importlib, json, sys
module, function, arguments = json.loads(sys.argv[1])
print(json.dumps(getattr(importlib.import_module(module), function)(*arguments)))
"""
# What a contender has at most, with its preparations; the slowest takes some 20 s.
SECONDS = 300.0


@dataclass(frozen=True)
class Contender:
    """One way to do the work. ``measure(*arguments)`` runs in a process of its own and returns one number.

    ``measure`` is a function at the top level of its module, ``arguments`` are strings, numbers and bools. ``needs`` names the
    package it compares with, as pip calls it; without that package the contender is missing. ``program`` names the environment
    variable with the path of the program it runs; without that it is not given. A number that is the same in every run is ``exact``
    and measured once.
    """

    name: str
    measure: Callable[..., float]
    arguments: tuple[str | float | bool, ...] = ()
    needs: str = ""
    exact: bool = False
    program: str = ""

    def is_there(self) -> bool:
        """Whether it can be measured here."""
        return (not self.needs or version_of(self.needs) is not None) and (not self.program or bool(os.environ.get(self.program)))


@dataclass(frozen=True)
class Row:
    """A claim: ours/against, or ours alone, is at most ``bar``. Without a bar the numbers are for orientation."""

    name: str
    unit: str
    ours: Contender
    against: Contender | None = None
    bar: float | None = None


def version_of(package: str) -> str | None:
    """The version of an installed package, None if it is not there."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def run_once(contender: Contender) -> float:
    """The contender's number, from a fresh process; RuntimeError, with what it wrote, if that process fails, and TimeoutExpired, after
    it and its children are ended, if it takes longer than ``SECONDS``."""
    task = json.dumps([contender.measure.__module__, contender.measure.__name__, contender.arguments])
    environment = os.environ | {"CHALKGRAD_CACHE": ""}  # compile, do not find code of other runs on the disk
    command = [sys.executable, "-c", _CHILD, task]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **pipes) as child:
        try:
            output, errors = child.communicate(timeout=SECONDS)
        except BaseException:  # Ctrl-C too: it does not reach another session
            _end(child)
            raise
    if child.returncode:
        raise RuntimeError(f"{contender.measure.__name__}{contender.arguments} of {contender.name} failed:\n{errors}")
    return float(json.loads(output.splitlines()[-1]))


def _end(child: "subprocess.Popen[str]") -> None:
    """End a process and what it has started, which would hold its pipes open."""
    if sys.platform == "win32":
        child.kill()
    else:
        os.killpg(child.pid, signal.SIGKILL)


def measure(contenders: Iterable[Contender], rounds: int) -> dict[Contender, list[float]]:
    """The numbers of each contender, one a round; an empty list for one whose package is missing, or that took too long."""
    samples: dict[Contender, list[float]] = {contender: [] for contender in contenders}
    present = [contender for contender in samples if contender.is_there()]
    turns = [contender for i in range(rounds) for contender in present if i == 0 or not contender.exact]
    late: set[Contender] = set()
    for contender in tqdm(turns, disable=None, leave=False):
        if contender in late:
            continue
        try:
            samples[contender].append(run_once(contender))
        except subprocess.TimeoutExpired:
            late.add(contender)
            samples[contender].clear()
    return samples


def with_bytecode() -> None:
    """Write the bytecode of the packages, as pip leaves it: else each process compiles 40 files, 0.1 s, where the environment keeps
    Python from writing it (``PYTHONDONTWRITEBYTECODE``)."""
    for package in ("autograd", "nn", "viz", "benchmarks"):
        compileall.compile_dir(ROOT / package, quiet=2)


def results_of(theme: str, rounds: int) -> dict[str, Any]:
    """Everything about a theme's run, ready for JSON: when, where, with what, and a result for each row."""
    claims: list[Row] = importlib.import_module(f"benchmarks.{theme}").ROWS
    contenders = [contender for row in claims for contender in (row.ours, row.against) if contender]
    with_bytecode()
    samples = measure(contenders, rounds)
    others = list(dict.fromkeys(contender.needs for contender in contenders if contender.needs))
    return {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "python": platform.python_version(),
        "versions": {"chalkgrad": autograd.__version__} | {name: version for name in others if (version := version_of(name))},
        "missing": [name for name in others if not version_of(name)],
        "rounds": rounds,
        "rows": [judged(row, samples) for row in claims],
    }


def judged(row: Row, samples: dict[Contender, list[float]]) -> dict[str, Any]:
    """A row with its medians, the number that is claimed and whether it is within the bar (None: cannot be said)."""
    ours, against = _summary(row.ours, samples), _summary(row.against, samples)
    ratio = ours["median"] / against["median"] if ours["samples"] and against and against["samples"] else None
    claimed = ratio if row.against else ours["median"]
    met = None if row.bar is None or claimed is None else claimed <= row.bar
    return {"name": row.name, "unit": row.unit, "ours": ours, "against": against, "ratio": ratio, "bar": row.bar, "met": met}


def _summary(contender: Contender | None, samples: dict[Contender, list[float]]) -> Any:
    if contender is None:
        return None
    numbers = samples[contender]
    lacking = "" if numbers else _lacking(contender)
    return {"name": contender.name, "median": median(numbers) if numbers else None, "samples": numbers, "lacking": lacking}


def _lacking(contender: Contender) -> str:
    """Why there are no numbers of it."""
    if contender.is_there():
        return f"took more than {SECONDS:g} s"
    return "is not given" if contender.program else "is missing"


_VECTORS = {"avx512f": "AVX-512 (512-bit vectors)", "avx2": "AVX2 (256-bit vectors)"}


def machine() -> str:
    """Processor, its widest vectors, number of cores and operating system, in words."""
    model, vectors = platform.processor() or platform.machine(), ""
    information = Path("/proc/cpuinfo")
    if information.exists():
        fields = dict(line.split(":", 1) for line in information.read_text().splitlines() if ":" in line)
        named = {key.strip(): text.strip() for key, text in fields.items()}
        model, flags = named.get("model name", model), named.get("flags", "").split()
        vectors = next((f" with {name}" for flag, name in _VECTORS.items() if flag in flags), "")
    return f"{model}{vectors}, {os.cpu_count()} cores, {platform.system()}"
