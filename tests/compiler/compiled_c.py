"""C compiled and called: by gcc as C99 with every warning an error, and by g++ as C++."""

import ctypes
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

WARNINGS = ("-Wall", "-Wextra", "-Werror", "-pedantic")
BITS = ("-O2", "-ffp-contract=off")


def compiler(name: str) -> str:
    """The path of a compiler; the test is skipped where there is none."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def written(folder: Path, *texts: Mapping[str, str]) -> list[Path]:
    """The sources among these files, written into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for files in texts:
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    return sorted({folder / name for files in texts for name in files if name.endswith(".c")})


def built(sources: Sequence[Path], *flags: str, language: str = "c99") -> Path:
    """A shared library of these sources, compiled as C99 or as C++."""
    target = sources[0].parent / f"lib_{language.replace('+', 'p')}_{abs(hash(flags)) % 10**6}.so"
    command = [compiler("gcc"), "-std=c99"] if language == "c99" else [compiler("g++"), f"-std={language}", "-x", "c++"]
    run([*command, *WARNINGS, *BITS, *flags, "-shared", "-fPIC", *map(str, sources), "-o", str(target), "-lm"])
    return target


def run(command: Sequence[str], **options: Any) -> str:
    """What a command prints; its errors fail the test."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **options)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[-3000:]}"
    return done.stdout


def called(library: Path, name: str, points: Any, size: int, dtype: str = "double") -> list[list[float]]:
    """The outputs of ``name(inputs, outputs)`` at these points."""
    kind = np.float64 if dtype == "double" else np.float32
    function = getattr(ctypes.CDLL(str(library)), name)
    found = []
    for point in points:
        inputs, outputs = np.array(point, dtype=kind), np.zeros(size, dtype=kind)
        function(ctypes.c_void_p(inputs.ctypes.data), ctypes.c_void_p(outputs.ctypes.data))
        found.append(outputs.astype(float).tolist())
    return found
