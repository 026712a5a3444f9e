"""The package as a whole: its public names, and what it says when another autograd is in our place."""

import subprocess
import sys
from pathlib import Path

import pytest

import nn

ROOT = Path(__file__).parents[2]


def run(code: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    setting = f"import sys; sys.path[:0] = {[str(p) for p in paths]!r}\n"
    return subprocess.run([sys.executable, "-I", "-c", setting + code], capture_output=True, text=True, check=False)


def test_public_names_exist() -> None:
    assert nn.__all__ == sorted(nn.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert all(hasattr(nn, name) for name in nn.__all__)


def test_hips_autograd_in_our_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "autograd").mkdir()
    (tmp_path / "autograd" / "__init__.py").write_text("from math import sin as grad\n")
    result = run("import nn", tmp_path, ROOT)
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: nn belongs to chalkgrad")
    assert str(tmp_path / "autograd" / "__init__.py") in last
    assert "python -m venv" in last


def test_a_first_fit_in_native_code_imports_nothing_that_it_can_do_without() -> None:
    pytest.importorskip("llvmlite")
    names = "('numpy.ma', 'ctypes.util', 'subprocess')"
    before = "import sys, numpy, llvmlite.binding, nn; before = set(sys.modules)"
    training = "nn.fit(nn.MLP(2, [4, 1], seed=0), [[0.5, 1.0]], [1.0], epochs=2, progress=False, engine='llvm')"
    result = run(f"{before}; {training}; print([name for name in {names} if name in set(sys.modules) - before])", ROOT)
    assert result.stdout == "[]\n", result.stderr


def test_import_needs_the_standard_library_only() -> None:
    names = "('numpy', 'sklearn', 'matplotlib', 'tqdm', 'viz', 'graphviz')"
    result = run(f"import nn; print([name for name in {names} if name in sys.modules])", ROOT)
    assert result.stdout == "[]\n", result.stderr
