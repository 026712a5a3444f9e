"""Several files of text in a folder: all of them, or none."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from nn.weights import staged, sync_directory, write_whole


def written(folder: str | PathLike[str], files: Mapping[str, str]) -> list[Path]:
    """Write these texts into the folder; returns their paths. OSError if it cannot be done, and then nothing has changed.

    A folder that is not there appears with all its files at once. In one that is there all other files stay; those of the same names
    change once all new ones are whole on the disk, and change back if that is interrupted. They change one by one: who reads meanwhile,
    or after a power cut in between, finds each file old or new, and whole; that C belongs together is seen when it is compiled.
    """
    place = Path(folder)
    contents = {place / name: text.encode() for name, text in files.items()}
    if os.path.lexists(place):
        _exchange(contents)
    else:
        _appear(place, contents)
    return list(contents)


def _appear(place: Path, contents: Mapping[Path, bytes]) -> None:
    """A new folder with these files."""
    os.makedirs(place.parent, exist_ok=True)
    half = place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp")
    try:
        half.mkdir()
        for path, content in contents.items():
            write_whole(half / path.name, content)
        os.rename(half, place)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    sync_directory(place.parent)


def _exchange(contents: Mapping[Path, bytes]) -> None:
    """These files in place of those of the same names."""
    before = {path: path.read_bytes() if path.exists() else None for path in contents}
    with contextlib.ExitStack() as stack:
        puts = [stack.enter_context(staged(path, content)) for path, content in contents.items()]
        try:
            for put in puts:
                put()
        except BaseException:
            for path, content in before.items():
                _restore(path, content)
            raise


def _restore(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    elif path.read_bytes() != content:
        write_whole(path, content)
