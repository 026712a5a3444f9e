"""The engine, networks and pictures in the browser's Python: CPython for WebAssembly (Pyodide), run by node."""

import inspect
import subprocess
from pathlib import Path

import pytest

from tests.browser import inside

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NAMES = [name for name, thing in inspect.getmembers(inside, inspect.isfunction) if thing.__module__ == inside.__name__]
# One interpreter for all of them, because starting it takes longer than they do.
PROGRAM = f"""
import traceback, warnings
warnings.simplefilter("error")
from tests.browser import inside
for name in {NAMES!r}:
    try:
        getattr(inside, name)()
        print(name, "is fine")
    except Exception:
        print(name, "failed:", traceback.format_exc())
"""


@pytest.fixture(scope="module")
def run(pyodide: Path, dependencies: Path) -> subprocess.CompletedProcess[str]:
    """All functions of ``inside``, run one after the other."""
    command = ["node", HERE / "run.mjs", pyodide, PROGRAM, ROOT, dependencies]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", NAMES)
def test_in_pyodide(name: str, run: subprocess.CompletedProcess[str]) -> None:
    assert f"{name} is fine" in run.stdout.splitlines(), run.stdout + run.stderr


def test_nothing_else_is_said(run: subprocess.CompletedProcess[str]) -> None:
    assert (run.returncode, run.stderr) == (0, "")
