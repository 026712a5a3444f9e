"""Exports appear whole or not at all: folders that are new, folders with files of one's own, and single files."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nn
from tests.compiler import compiled_c
from tests.nn.test_package import ROOT

EXPORTS: dict[str, Callable[[Any, Path], Any]] = {
    "c": lambda model, folder: nn.export_c(model, folder),
    "js": lambda model, folder: nn.export_js(model, folder),
}
OLD, NEW = nn.MLP(2, [3, 1], seed=0), nn.MLP(2, [4, 1], seed=1)
exports = pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def failing(monkeypatch: pytest.MonkeyPatch, verb: str, call: int, error: BaseException) -> None:
    """The so-manieth call of a function of ``os`` raises this."""
    right, calls = getattr(os, verb), iter(range(1000))

    def wrong(*arguments: Any, **named: Any) -> Any:
        if next(calls) == call:
            raise error
        return right(*arguments, **named)

    monkeypatch.setattr(os, verb, wrong)


@exports
@pytest.mark.parametrize("verb, call", [("fsync", 0), ("fsync", 2), ("replace", 0), ("replace", 1), ("rename", 0)])
def test_a_new_folder_appears_with_all_its_files_or_not_at_all(
    export: Any, verb: str, call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        failing(patch, verb, call, OSError(errno.ENOSPC, "no space left"))
        with pytest.raises(OSError, match="no space left"):
            export(NEW, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    written = export(NEW, tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == sorted(path.name for path in written)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@exports
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "stopped"), KeyboardInterrupt("stopped")], ids=["disk full", "Ctrl-C"])
@pytest.mark.parametrize("verb, call", [("fsync", 1), ("replace", 0), ("replace", 1)])
def test_a_folder_that_is_there_keeps_what_it_has(
    export: Any, verb: str, call: int, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(OLD, tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep me")
    before = contents(tmp_path)
    with monkeypatch.context() as patch:
        failing(patch, verb, call, error)
        with pytest.raises(type(error), match="stopped"):
            export(NEW, tmp_path)
    assert contents(tmp_path) == before
    export(NEW, tmp_path)
    after = contents(tmp_path)
    assert sorted(after) == sorted(before) and after["mine/notes.txt"] == b"keep me" and after != before


def test_a_process_that_is_killed_leaves_no_folder(tmp_path: Path) -> None:
    script = (
        "import os, sys, nn\n"
        "right, calls = os.fsync, iter(range(9))\n"
        "def fsync(f):\n    right(f)\n    next(calls) == 2 and os._exit(9)\n"
        "os.fsync = fsync\n"
        "nn.export_c(nn.MLP(2, [1], seed=0), sys.argv[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "out")], cwd=ROOT, check=False)
    assert done.returncode == 9 and not (tmp_path / "out").exists()


@pytest.mark.parametrize("changed", [1, 2])
def test_what_a_power_cut_left_of_two_exports_is_whole_and_does_not_compile(changed: int, tmp_path: Path) -> None:
    """Of the header, the source and main.c one or two are new."""
    old = {path.name: path.read_bytes() for path in nn.export_c(OLD, tmp_path)}
    new = {path.name: path.read_bytes() for path in nn.export_c(NEW, tmp_path / "new")}
    script = (
        "import os, sys, nn\n"
        "right, calls = os.replace, iter(range(9))\n"
        f"def replace(*names):\n    right(*names)\n    next(calls) == {changed - 1} and os._exit(9)\n"
        "os.replace = replace\n"
        "nn.export_c(nn.MLP(2, [4, 1], seed=1), sys.argv[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, check=False)
    found = {name: (tmp_path / name).read_bytes() for name in old}
    assert done.returncode == 9
    assert found == dict([*new.items()][:changed] + [*old.items()][changed:])
    build = [compiled_c.compiler("gcc"), "-std=c99", "model.c", "main.c", "-o", "ask", "-lm"]
    refused = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode != 0 and "are of two exports: export again" in refused.stderr
    assert subprocess.run(build, cwd=tmp_path / "new", check=False).returncode == 0


def test_an_onnx_file_changes_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx")
    path = tmp_path / "model.onnx"
    nn.export_onnx(OLD, path)
    before = path.read_bytes()
    for verb in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            failing(patch, verb, 0, OSError(errno.ENOSPC, "no space left"))
            with pytest.raises(OSError, match="no space left"):
                nn.export_onnx(NEW, path)
        assert contents(tmp_path) == {"model.onnx": before}
    nn.export_onnx(NEW, path)
    assert list(contents(tmp_path)) == ["model.onnx"] and path.read_bytes() != before
