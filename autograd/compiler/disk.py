"""Native code kept on disk, so that the next process need not compile it: a network's first ``fit`` takes 27 instead of 299 ms.

A file holds the object code of one program, 5 to 100 kB, under a name made of everything that code depends on: the generated IR, the
processor and its features, and the version of LLVM; or a program itself, see ``kept``, which is code no less. It begins with a digest of
its name and its code, and is written under another name and then moved, so that neither two processes that write it nor a crash leave
half a file to be run.

Threats: code is run from the folder, so whoever can change a file there, or put another folder in its place, runs code as the user.
The user and the system's administrator could do that anyway; nobody else may be able to. Therefore the folder is no link and the user's
own, everything on the way to it belongs to the user or to root, and nobody else may write there (a parent with the sticky bit, such as
/tmp, lets others add names but not replace ours). A file is the user's own, closed to others' writing, no link, and matches its digest:
damage, and one program's code under another's name, are noticed. The digest is no signature: it does not stop the user.
Else, and wherever reading or writing fails, everything is compiled as if there were no folder.

The folder is ``CHALKGRAD_CACHE`` if that is set (nothing is kept if it is empty or ``off``; a folder of that name is ``./off``), else
``chalkgrad`` in the system's folder for caches.
Beyond ``MOST`` files those not used for longest are deleted.
"""

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

MOST = 500
_DIGEST = 32
_STEPS = 100  # at most so many folders and links on the way


def folder() -> Path | None:
    """Where code is kept, whether it is there or not; None for nowhere."""
    chosen = os.environ.get("CHALKGRAD_CACHE")
    if chosen is not None:
        return None if chosen.lower() in ("", "off") else Path(chosen)
    home = Path(os.path.expanduser("~"))
    standard = {"win32": ("LOCALAPPDATA", home / "AppData" / "Local"), "darwin": ("", home / "Library" / "Caches")}
    variable, base = standard.get(sys.platform, ("XDG_CACHE_HOME", home / ".cache"))
    return Path(os.environ.get(variable) or base) / "chalkgrad"


def key_of(parts: Sequence[str | bytes]) -> str:
    """The name for code that depends on these texts."""
    digest = hashlib.sha256()
    for part in parts:
        text = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(text)} ".encode() + text)
    return digest.hexdigest()


def load(key: str) -> bytes | None:
    """The code kept under this name; None if there is none that is whole."""
    place = _usable_folder()
    if place is None:
        return None
    try:
        content = _content(place / key)
    except OSError:
        return None
    code = content[_DIGEST:]
    return code if _digest(key, code) == content[:_DIGEST] else None


def store(key: str, code: bytes) -> None:
    """Keep the code under this name, if that can be done."""
    place = _usable_folder(make=True)
    if place is None:
        return
    with suppress(OSError):
        handle, temporary = tempfile.mkstemp(dir=place, prefix="new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_digest(key, code) + code)
            os.replace(temporary, place / key)
        except BaseException:
            with suppress(OSError):  # Ctrl-C after it has its name: an error here would take its place
                os.unlink(temporary)
            raise
        _tidy(place)


def _digest(key: str, code: bytes) -> bytes:
    return hashlib.sha256(key.encode() + code).digest()


def _content(file: Path) -> bytes:
    """What a file holds; OSError if it is not there, or not to be trusted."""
    with open(os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)), "rb") as opened:
        if not _is_closed(os.fstat(opened.fileno()), ours=True):
            raise PermissionError(f"{file} may be changed by others")
        os.utime(file)  # used just now
        return opened.read()


def _usable_folder(*, make: bool = False) -> Path | None:
    """The folder if it is there and nobody else can put anything into it or into its place."""
    place = folder()
    if place is None:
        return None
    try:
        place = place.absolute()
        if make:
            _make(place)
        *way, last = _on_the_way(place)
    except OSError:
        return None
    is_safe = stat.S_ISDIR(last.st_mode) and _is_closed(last, ours=True) and all([_is_closed(state) for state in way])
    return place if is_safe else None


def _make(place: Path) -> None:
    """Make the folder and those above it that are missing, closed to others whatever the umask."""
    for path in reversed([place, *place.parents]):
        if not path.exists():
            path.mkdir(mode=0o700, exist_ok=True)


def _on_the_way(place: Path) -> Iterator[os.stat_result]:
    """What one passes on the way from the root to a folder: folders, and links with what they lead through; the folder comes last."""
    here, ahead = Path(place.anchor), list(reversed(place.parts[1:]))
    yield here.stat()
    for _ in range(_STEPS):
        if not ahead:
            return
        parent, here = here, here / ahead.pop()
        state = here.lstat()
        yield state
        if stat.S_ISLNK(state.st_mode) and ahead:
            target = Path(os.readlink(here))
            here = Path(target.anchor) if target.is_absolute() else parent
            ahead += reversed(target.parts[target.is_absolute() :])
    raise OSError(f"too many links on the way to {place}")


def _is_closed(state: os.stat_result, *, ours: bool = False) -> bool:
    """Whether nobody but the user (and, unless it must be ``ours``, root) can change a file or replace what a folder holds."""
    if os.name == "nt":
        return True
    is_shared = bool(state.st_mode & 0o022) and not (state.st_mode & stat.S_ISVTX and not ours)
    return state.st_uid in ((os.getuid(),) if ours else (os.getuid(), 0)) and (stat.S_ISLNK(state.st_mode) or not is_shared)


def _tidy(place: Path) -> None:
    """Delete what was not used for longest, if there is too much."""
    files = list(place.iterdir())
    if len(files) > MOST:
        for file in sorted(files, key=_last_used)[: len(files) - MOST * 9 // 10]:
            with suppress(OSError):
                file.unlink()


def _last_used(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # another process has just deleted it
        return 0.0
