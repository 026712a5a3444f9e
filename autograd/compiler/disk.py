"""Native code kept on disk, so that the next process need not compile it: a network's first ``fit`` takes 27 instead of 299 ms.

A file holds the object code of one program, 5 to 100 kB, under a name made of everything that code depends on: the generated IR, the
processor and its features, and the version of LLVM. It begins with a digest, and is written under another name and then moved, so that
neither two processes that write it nor a crash leave half a file to be run.

Code is run from the folder, so it must be the user's own and closed to others; else, and wherever reading or writing fails, everything
is compiled as if there were no folder. The folder is ``CHALKGRAD_CACHE`` if that is set (nothing is kept if it is empty), else
``chalkgrad`` in the system's folder for caches. Beyond ``MOST`` files those not used for longest are deleted.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

MOST = 500
_DIGEST = 32


def folder() -> Path | None:
    """Where code is kept, whether it is there or not; None for nowhere."""
    chosen = os.environ.get("CHALKGRAD_CACHE")
    if chosen is not None:
        return Path(chosen) if chosen else None
    home = Path(os.path.expanduser("~"))
    standard = {"win32": ("LOCALAPPDATA", home / "AppData" / "Local"), "darwin": ("", home / "Library" / "Caches")}
    variable, base = standard.get(sys.platform, ("XDG_CACHE_HOME", home / ".cache"))
    return Path(os.environ.get(variable) or base) / "chalkgrad"


def key_of(parts: Sequence[str]) -> str:
    """The name for code that depends on these texts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)} ".encode() + part.encode())
    return digest.hexdigest()


def load(key: str) -> bytes | None:
    """The code kept under this name; None if there is none that is whole."""
    place = _usable_folder()
    if place is None:
        return None
    try:
        file = place / key
        content = file.read_bytes()
        os.utime(file)  # used just now
    except OSError:
        return None
    code = content[_DIGEST:]
    return code if hashlib.sha256(code).digest() == content[:_DIGEST] else None


def store(key: str, code: bytes) -> None:
    """Keep the code under this name, if that can be done."""
    place = _usable_folder(make=True)
    if place is None:
        return
    with suppress(OSError):
        handle, temporary = tempfile.mkstemp(dir=place, prefix="new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(code).digest() + code)
            os.replace(temporary, place / key)
        except BaseException:
            os.unlink(temporary)
            raise
        _tidy(place)


def _usable_folder(*, make: bool = False) -> Path | None:
    """The folder if it is there and nobody else can write to it."""
    place = folder()
    if place is None:
        return None
    try:
        if make:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = place.stat()
    except OSError:
        return None
    is_own = os.name == "nt" or (state.st_uid == os.getuid() and not state.st_mode & 0o022)
    return place if is_own else None


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
