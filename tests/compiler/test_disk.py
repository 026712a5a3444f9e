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
from autograd.compiler import disk, replay
from autograd.compiler import kept as programs
from autograd.compiler.packs import build
from autograd.compiler.targets.llvm import executor
from autograd.compiler.targets.llvm import written as texts

ROOT = Path(__file__).parents[2]
POINT = np.array([0.3, -1.2])


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for code, and none in memory."""
    monkeypatch.setenv("CHALKGRAD_CACHE", str(tmp_path / "code"))
    executor.recent.clear()
    return tmp_path / "code"


def compute(constant: float = 0.75) -> list[float]:
    """What a program compiled anew, or loaded from disk, computes."""
    executor.recent.clear()
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

    return lambda: monkeypatch.setattr(executor, "_module", fail)


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
        "from tests.compiler import test_disk as t; from autograd.compiler.targets.llvm import executor as e\n"
        "e._module = None\nprint(t.compute())"
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


def foreign(path: Path) -> None:
    """Give a file or folder to somebody else."""
    os.chown(path, 12345, -1, follow_symlinks=False)


def linked(path: Path) -> None:
    """Move a file or folder away and put a link in its place."""
    moved = path.with_name(f"{path.name}-moved")
    path.rename(moved)
    path.symlink_to(moved)


def linked_by_others(path: Path) -> None:
    """A link that somebody else made, to our own folder."""
    linked(path)
    foreign(path)


THREATS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a folder that the group can write to": ("folder", lambda path: path.chmod(0o770)),
    "a folder that everybody can write to": ("folder", lambda path: path.chmod(0o702)),
    "a folder with the sticky bit that everybody can write to": ("folder", lambda path: path.chmod(0o1777)),
    "a folder of somebody else's": ("folder", foreign),
    "a link instead of the folder": ("folder", linked),
    "a parent that the group can write to": ("parent", lambda path: path.chmod(0o770)),
    "a parent that everybody can write to": ("parent", lambda path: path.chmod(0o777)),
    "a parent of somebody else's": ("parent", foreign),
    "somebody else's link instead of a parent": ("parent", linked_by_others),
    "a grandparent that the group can write to": ("grandparent", lambda path: path.chmod(0o770)),
    "a grandparent that everybody can write to": ("grandparent", lambda path: path.chmod(0o777)),
    "a grandparent of somebody else's": ("grandparent", foreign),
    "somebody else's link instead of a grandparent": ("grandparent", linked_by_others),
    "a file that the group can write to": ("file", lambda path: path.chmod(0o660)),
    "a file of somebody else's": ("file", foreign),
    "a link instead of a file": ("file", linked),
}


@pytest.mark.skipif(os.name == "nt", reason="owners and modes of POSIX")
@pytest.mark.parametrize("name", THREATS)
def test_code_that_others_could_have_put_there_is_not_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_compiler: Callable[[], None]
) -> None:
    what, threaten = THREATS[name]
    if threaten in (foreign, linked_by_others) and os.getuid() != 0:
        pytest.skip("only root can give files away")
    place = tmp_path / "grandparent" / "parent" / "code"
    monkeypatch.setenv("CHALKGRAD_CACHE", str(place))
    first = compute()
    keys = [file.name for file in kept(place)]
    assert keys and all(disk.load(key) for key in keys)
    for path in {"folder": [place], "parent": [place.parent], "grandparent": [place.parents[1]], "file": kept(place)}[what]:
        threaten(path)
    assert not [key for key in keys if disk.load(key)]
    with monkeypatch.context() as context:
        context.setattr(disk, "store", lambda key, code: None)
        assert compute() == first
    no_compiler()
    with pytest.raises(AssertionError, match="compiled instead of loaded"):
        compute()


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_links_of_ones_own_and_of_the_systems_on_the_way_are_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "really").mkdir(mode=0o700)
    (tmp_path / "home").symlink_to("really")
    (tmp_path / "again").symlink_to(tmp_path / "home")
    (tmp_path / "open").mkdir(mode=0o700)
    (tmp_path / "open").chmod(0o1777)  # as the system's folder for temporary files
    for way in ("again/code", "open/code"):
        monkeypatch.setenv("CHALKGRAD_CACHE", str(tmp_path / way))
        compute()
        assert kept(tmp_path / way) and all(disk.load(file.name) for file in kept(tmp_path / way))
    (tmp_path / "round").symlink_to("round")
    monkeypatch.setenv("CHALKGRAD_CACHE", str(tmp_path / "round" / "code"))
    assert disk.load("0") is None


def test_a_file_under_another_name_is_compiled_anew(place: Path) -> None:
    first = compute()
    files = kept(place)
    assert len(files) > 1
    contents = [file.read_bytes() for file in files]
    for file, other in zip(files, [*contents[1:], contents[0]], strict=True):
        file.write_bytes(other)
    assert not [file for file in files if disk.load(file.name)]
    assert compute() == first


def test_code_for_another_processor_is_not_run(
    place: Path, monkeypatch: pytest.MonkeyPatch, no_compiler: Callable[[], None]
) -> None:
    compute()
    here = set(kept(place))
    _, features = executor.processor()
    monkeypatch.setattr(executor, "processor", lambda: ("x86-64", features))
    compute()
    assert len(kept(place)) == 2 * len(here)
    monkeypatch.setattr(executor, "processor", lambda: ("x86-64-v2", features))
    no_compiler()
    with pytest.raises(AssertionError, match="compiled instead of loaded"):
        compute()


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_under_umask_0_everything_that_is_made_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHALKGRAD_CACHE", str(tmp_path / "new" / "newer" / "code"))
    before = os.umask(0)
    try:
        compute()
    finally:
        os.umask(before)
    made = list((tmp_path / "new").rglob("*"))
    assert len(made) > 2
    assert not [path for path in made if path.stat().st_mode & 0o077]


def test_code_that_cannot_be_moved_to_its_place_leaves_nothing_and_does_no_harm(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compute()
    for file in kept(place):
        file.unlink()

    def full(*arguments: object, **options: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert compute() == first
    assert not kept(place)


def test_ctrl_c_after_the_last_instruction_is_not_lost(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = os.replace

    def interrupted(*paths: str) -> NoReturn:
        moved(*paths)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        disk.store("key", b"code")
    assert disk.load("key") == b"code"


def test_where_nothing_can_be_kept_everything_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    answers = []
    monkeypatch.chdir(tmp_path)
    for chosen in ("", "off", "OFF", str(tmp_path / "file"), str(tmp_path / "file" / "below"), os.devnull):
        monkeypatch.setenv("CHALKGRAD_CACHE", chosen)
        answers.append(compute())
    assert all(answer == answers[0] for answer in answers)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    monkeypatch.setenv("CHALKGRAD_CACHE", "./off")
    assert disk.folder() == Path("off"), "a folder may be called so"


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


# --- Programs ------------------------------------------------------------------------------------------------------------------


def long(constant: float = 0.5, op: Callable[[Value], Value] = autograd.tanh) -> autograd.compiler.replay.Step:
    """A loss of 3,000 nodes, compiled."""
    y = x = Value(0.25)
    for _ in range(1000):
        y = op(y * x) + constant
    return autograd.compile(y, engine="numpy")


@pytest.fixture
def differentiated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every graph that is differentiated."""
    found: list[int] = []
    work = replay.gradient
    monkeypatch.setattr(replay, "gradient", lambda graph, *rest: found.append(graph.size) or work(graph, *rest))
    return found


def test_a_program_is_found_by_what_was_recorded(place: Path, differentiated: list[int]) -> None:
    first = long()
    assert long().listing() == first.listing()
    assert len(differentiated) == 1
    assert repr(long().value_and_grad([0.75])) == repr(first.value_and_grad([0.75]))
    for other in (lambda: long(0.25), lambda: long(op=autograd.sin)):
        assert other().listing() != first.listing() or other()() != first()
    assert len(differentiated) == 3, "once for each constant and op"
    assert len(kept(place)) == 3


def test_what_no_program_on_disk_is_taken_for(place: Path, differentiated: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    own = Op("own", lambda a: autograd.tanh(a), lambda g, y, a: (g * (1.0 - y * y),))
    long(op=own), long(op=own)
    assert len(differentiated) == 2 and not kept(place), "an op of one's own is known by its name alone"
    first = long()
    (file,) = kept(place)
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert long()() == first() and len(differentiated) == 4, "damaged"
    monkeypatch.setattr(programs, "_sources", lambda: "another version")
    assert long()() == first() and len(differentiated) == 5, "another version of the compiler may make another program"
    monkeypatch.setenv("CHALKGRAD_CACHE", "")
    long()
    assert len(differentiated) == 6


def test_small_graphs_leave_no_file_but_their_code(place: Path) -> None:
    x = Value(2.0)
    autograd.compile(x * x, engine="numpy")
    assert not kept(place)


# --- Texts ---------------------------------------------------------------------------------------------------------------------


def deep(x: Value, constant: float = 0.5, op: Callable[[Value], Value] = autograd.exp) -> Value:
    """A function of more packs than a text has that is not kept."""
    y = x
    for _ in range(texts.LEAST_PACKS):
        y = op(y * x) * constant
    return y


@pytest.fixture
def texts_written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every text that is written."""
    found: list[int] = []
    write = texts._written
    monkeypatch.setattr(texts, "_written", lambda *arguments: found.append(1) or write(*arguments))
    return found


def answers(function: Callable[[Value], Value], **settings: bool) -> bytes:
    """What a function compiled anew computes of many samples."""
    executor.recent.clear()
    return np.asarray(autograd.compile(function, engine="llvm", **settings)(np.linspace(-1.0, 1.0, 100))).tobytes()


def test_a_long_text_is_found_by_the_program(place: Path, texts_written: list[int]) -> None:
    first = answers(deep)
    assert answers(deep) == first and len(texts_written) == 1
    others = [answers(lambda x: deep(x, 0.25)), answers(lambda x: deep(x, op=autograd.tanh)), answers(deep, fast=True)]
    assert len(texts_written) == 4 and first not in others[:2]


def test_what_no_text_on_disk_is_taken_for(place: Path, texts_written: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    own = Op("own", lambda a: autograd.tanh(a), lambda g, y, a: (g * (1.0 - y * y),))
    for _ in range(2):
        answers(lambda x: deep(x, op=own))
    assert len(texts_written) == 2, "an op of one's own is known by its name alone"
    first = answers(deep)
    trusted = executor.has_library_bits
    monkeypatch.setattr(executor, "has_library_bits", lambda name: False)
    assert answers(deep) == first and len(texts_written) == 4, "another C library has other bits"
    monkeypatch.setattr(executor, "has_library_bits", trusted)
    monkeypatch.setattr(programs, "_sources", lambda: "another version")
    assert answers(deep) == first and len(texts_written) == 5
    answers(lambda x: x * x)
    assert len(texts_written) == 6
    answers(lambda x: x * x)
    assert len(texts_written) == 7, "short ones are written sooner than found"


def test_parts_tell_programs_apart() -> None:
    x, y = Value(0.5), Value(0.25)
    recorded = [
        ([x * y + 1.0], [x, y]),
        ([x * y + 2.0], [x, y]),
        ([x * y - 1.0], [x, y]),
        ([x * y + 1.0], [y, x]),
        ([x * y + 1.0, x], [x, y]),
        ([autograd.exp(x)], [x]),
        ([autograd.tanh(x)], [x]),
        ([x + 0.0], [x]),
        ([x + -0.0], [x]),
    ]
    found = {tuple(build(outputs, shared=inputs).parts()) for outputs, inputs in recorded}
    found |= {tuple(build(outputs, lanes=inputs).parts()) for outputs, inputs in recorded}
    assert len(found) == 2 * len(recorded)
    outputs, inputs = recorded[0]
    assert [*build(outputs, shared=inputs).parts()] == [*build([x * y + 1.0], shared=inputs).parts()]
