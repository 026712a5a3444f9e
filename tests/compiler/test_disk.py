"""Native code on disk: found by the next process, never half a file, never one that others could have put there."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

import autograd
from autograd import Op, Value
from autograd.compiler import disk, llvm_executor

ROOT = Path(__file__).parents[2]
POINT = np.array([0.3, -1.2])


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for code, and none in memory."""
    monkeypatch.setenv("CHALKGRAD_CACHE", str(tmp_path / "code"))
    llvm_executor.recent.clear()
    return tmp_path / "code"


def compute(constant: float = 0.75) -> list[float]:
    """What a program compiled anew, or loaded from disk, computes."""
    llvm_executor.recent.clear()
    x = Value(1.0)
    step = autograd.compile(autograd.tanh(x * x * constant) + x, engine="llvm")
    return [*step.value_and_grad([0.3])[1], *autograd.compile(lambda x: x * x + constant, engine="llvm")(POINT)]


def kept(place: Path) -> list[Path]:
    return sorted(place.iterdir()) if place.exists() else []


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Calling it makes compiling an error."""

    def fail(*arguments: object) -> NoReturn:
        raise AssertionError("compiled instead of loaded")

    return lambda: monkeypatch.setattr(llvm_executor, "_optimize", fail)


def test_code_is_found_again_and_computes_the_same(place: Path, no_compiler: Callable[[], None]) -> None:
    first = compute()
    files = kept(place)
    assert files
    no_compiler()
    assert compute() == first
    assert kept(place) == files
    with pytest.raises(AssertionError, match="compiled instead of loaded"):
        autograd.compile(lambda x: x * x - x, engine="llvm")(POINT)


def test_a_new_process_finds_it(place: Path, no_compiler: Callable[[], None]) -> None:
    here = compute()
    script = (
        "from tests.compiler import test_disk as t; from autograd.compiler import llvm_executor as e\n"
        "e._optimize = None\nprint(t.compute())"
    )
    there = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert there.returncode == 0, there.stderr
    assert there.stdout.strip() == str(here)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[:-100],
    "empty": lambda content: b"",
    "one bit": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "another's digest": lambda content: bytes(32) + content[32:],
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_not_whole_is_compiled_again_and_mended(place: Path, name: str) -> None:
    first = compute()
    whole = {file: file.read_bytes() for file in kept(place)}
    for file, content in whole.items():
        file.write_bytes(DAMAGES[name](content))
    assert compute() == first
    assert all(disk.load(file.name) for file in whole)


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702], ids=oct)
def test_a_folder_that_others_can_write_to_is_not_used(place: Path, mode: int, no_compiler: Callable[[], None]) -> None:
    compute()
    files = kept(place)
    place.chmod(mode)
    assert disk.load(files[0].name) is None
    compute(0.5)
    assert kept(place) == files
    no_compiler()
    with pytest.raises(AssertionError, match="compiled instead of loaded"):
        compute()


def test_where_nothing_can_be_kept_everything_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    answers = []
    for chosen in ("", str(tmp_path / "file"), str(tmp_path / "file" / "below"), os.devnull):
        monkeypatch.setenv("CHALKGRAD_CACHE", chosen)
        answers.append(compute())
    assert all(answer == answers[0] for answer in answers)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_the_standard_folder_is_the_systems_for_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHALKGRAD_CACHE")
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: "/users/ada")
    for system, expected in {
        "linux": "/users/ada/.cache/chalkgrad",
        "darwin": "/users/ada/Library/Caches/chalkgrad",
        "win32": "/users/ada/AppData/Local/chalkgrad",
    }.items():
        monkeypatch.setattr(sys, "platform", system)
        assert disk.folder() == Path(expected)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert disk.folder() == Path("/elsewhere/chalkgrad")


def test_a_function_of_the_users_own_is_not_kept(place: Path) -> None:
    op = Op("floats only", lambda a: float(str(a)), lambda g, y, a: (g,))
    assert autograd.compile(lambda x: op(x) * 2.0, engine="llvm")(3.0) == 6.0
    assert not kept(place)


def test_what_was_not_used_for_longest_goes_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "MOST", 10)
    for i in range(10):
        disk.store(f"{i}", b"code")
        os.utime(place / f"{i}", (i, i))
    assert disk.load("0") == b"code"  # used again
    disk.store("new", b"code")
    names = [file.name for file in kept(place)]
    assert len(names) == 9
    assert {"0", "new", "9"} <= set(names)
    assert not {"1", "2"} & set(names)


def test_the_key_depends_on_every_part() -> None:
    parts = [["a", "bc"], ["ab", "c"], ["abc"], ["abc", ""], ["bc", "a"]]
    assert len({disk.key_of(each) for each in parts}) == len(parts)


def test_processes_that_write_the_same_code_at_the_same_time_are_all_right(place: Path) -> None:
    script = "from tests.compiler import test_disk as t; print(t.compute())"
    running = [subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    printed = [process.communicate()[0].strip() for process in running]
    assert printed == [str(compute())] * 4
    assert all(disk.load(file.name) for file in kept(place))
    assert not [file for file in kept(place) if file.name.startswith("new-")]
