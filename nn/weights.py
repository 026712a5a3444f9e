"""Weights on disk: a writer and a reader of ``.safetensors`` files with the standard library alone.

A file is: the length of the header (8 bytes, little-endian); the header, JSON ``{name: {dtype, shape, data_offsets}}`` and a
``__metadata__`` of strings; the buffer of all numbers, little-endian, without holes or overlaps. Any safetensors reader opens
what is written here. The metadata hold the format's version, the package's version, the number of parameters, the sha256 of the
buffer, and whatever the caller adds.

The reader trusts nothing: it checks everything before it returns anything, raises one kind of error, and never runs code from the
file. It reads only files of its own format (F64, with checksum), not safetensors files at large. It knows nothing of modules.
"""

import contextlib
import hashlib
import json
import math
import os
import re
import secrets
import stat
import struct
import sys
from array import array
from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from typing import Any, BinaryIO, NamedTuple, NoReturn

import autograd

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

FORMAT = "chalkgrad weights 1"
# A header of 1 MB would name some 10,000 tensors; a damaged length must not make us read the whole disk.
MAX_HEADER = 1_000_000

StrPath = str | PathLike[str]


class WeightsError(ValueError):
    """A file of weights that cannot be used; says which file and why."""

    def __init__(self, path: StrPath, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = os.fspath(path), reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class Tensor(NamedTuple):
    """Numbers in row-major order and the shape they have."""

    shape: tuple[int, ...]
    numbers: list[float]


def write(path: StrPath, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write the tensors to ``path``: to a temporary file beside it first, which then takes its place.

    Whatever happens, ``path`` holds the old file or the new one, whole. What a process that was killed half-way left beside it is
    taken away. OSError if it cannot be written.
    """
    write_whole(path, encode(tensors, metadata))


def write_whole(path: StrPath, content: bytes) -> None:
    """Write a file so that ``path`` holds the old content or the new one, whole; see ``write``."""
    with staged(path, content) as put:
        put()


@contextlib.contextmanager
def staged(path: StrPath, content: bytes) -> Iterator[Callable[[], None]]:
    """The content whole on the disk, beside the file: what this gives puts it in its place. What is not put is removed."""
    target = os.path.realpath(os.fsdecode(path))
    _sweep(target)
    file = _temporary(target)

    def put() -> None:
        if os.name == "nt":  # which moves no open file
            file.close()
        os.replace(file.name, target)
        sync_directory(os.path.dirname(target))

    try:
        with file:
            _write_through(file, content, target)
            yield put
    finally:
        with contextlib.suppress(OSError):
            os.unlink(file.name)


def read(path: StrPath, *, allow_nonfinite: bool = False) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a file that ``write`` wrote; WeightsError if anything about it is wrong.

    OSError if there is no such file or it cannot be read.
    """
    with open(os.fspath(path), "rb") as file:  # no number: that would be a file that somebody has open
        content = file.read()
    try:
        return decode(content, allow_nonfinite=allow_nonfinite)
    except ValueError as error:
        raise WeightsError(path, str(error)) from None


# --- Bytes ---------------------------------------------------------------------------------------------------------------------


def encode(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """The content of a file with these tensors."""
    buffer = b"".join(_bytes_of(tensor.numbers) for tensor in tensors.values())
    header: dict[str, Any] = {
        "__metadata__": {
            "format": FORMAT,
            "version": autograd.__version__,
            "parameters": str(len(buffer) // 8),
            "sha256": hashlib.sha256(buffer).hexdigest(),
            **metadata,
        }
    }
    start = 0
    for name, (shape, numbers) in tensors.items():
        end = start + 8 * len(numbers)
        header[name] = {"dtype": "F64", "shape": list(shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers start at a multiple of 8
    return struct.pack("<Q", len(text)) + text + buffer


def decode(content: bytes, *, allow_nonfinite: bool = False) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata in the content of a file; ValueError if anything about it is wrong."""
    header, buffer = _split(content)
    metadata = _metadata(header.pop("__metadata__", None), buffer)
    tensors: dict[str, Tensor] = {}
    start = 0
    for name, entry in sorted(header.items(), key=_offset):
        tensors[name] = _tensor(name, entry, start, buffer)
        start += 8 * len(tensors[name].numbers)
    if start != len(buffer):
        raise ValueError(f"{len(buffer) - start} bytes after the last tensor")
    if not allow_nonfinite:
        _refuse_nonfinite(tensors)
    return tensors, metadata


def _split(content: bytes) -> tuple[dict[str, Any], bytes]:
    """The header, and the buffer behind it."""
    if len(content) < 8:
        raise ValueError(f"truncated: {len(content)} bytes, not even the length of a header")
    (length,) = struct.unpack("<Q", content[:8])
    if length > MAX_HEADER:
        raise ValueError(f"not a safetensors file, or damaged: a header of {length} bytes (at most {MAX_HEADER} are read)")
    if len(content) < 8 + length:
        raise ValueError(f"truncated: {len(content)} bytes, but the header alone ends at {8 + length}")
    try:
        header = json.loads(
            content[8 : 8 + length].decode(), object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a safetensors file, or damaged: the header cannot be read ({error})") from None
    if not isinstance(header, dict):
        raise ValueError("not a safetensors file: the header is not an object")
    return header, content[8 + length :]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} where a whole number belongs")


def _metadata(metadata: Any, buffer: bytes) -> dict[str, str]:
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise ValueError(f"not written by chalkgrad: its metadata do not say format = {FORMAT!r}")
    for key in ("version", "architecture", "parameters", "sha256"):
        if not isinstance(metadata.get(key), str):
            raise ValueError(f"the metadata have no text for {key!r}")
    if metadata["parameters"] != str(len(buffer) // 8) or len(buffer) % 8:
        raise ValueError(f"truncated or damaged: {metadata['parameters']} numbers of 8 bytes expected, got {len(buffer)} bytes")
    if metadata["sha256"] != hashlib.sha256(buffer).hexdigest():
        raise ValueError("damaged: the numbers do not match their sha256")
    try:
        json.loads(metadata["architecture"])
    except (ValueError, RecursionError) as error:
        raise ValueError(f"damaged: the architecture is not JSON ({error})") from None
    return metadata


def _offset(item: tuple[str, Any]) -> int:
    """Where a tensor starts, by its header entry, whose form is checked here."""
    name, entry = item
    if not isinstance(entry, dict) or sorted(entry) != ["data_offsets", "dtype", "shape"] or entry["dtype"] != "F64":
        raise ValueError(f"tensor {name!r}: expected an F64 tensor with shape and data_offsets, got {entry!r:.200}")
    for key in ("shape", "data_offsets"):
        if not isinstance(entry[key], list) or any(type(n) is not int or n < 0 for n in entry[key]):
            raise ValueError(f"tensor {name!r}: {key} must be whole numbers, got {entry[key]!r:.200}")
    if len(entry["data_offsets"]) != 2:
        raise ValueError(f"tensor {name!r}: data_offsets must be two numbers, got {entry['data_offsets']!r:.200}")
    return int(entry["data_offsets"][0])


def _tensor(name: str, entry: dict[str, Any], start: int, buffer: bytes) -> Tensor:
    begin, end = entry["data_offsets"]
    size = 8 * math.prod(entry["shape"])
    if begin != start or end != begin + size or end > len(buffer):
        raise ValueError(
            f"tensor {name!r}: shape {entry['shape']} at bytes {begin} to {end}, "
            f"where {size} bytes from {start} of {len(buffer)} belong"
        )
    return Tensor(tuple(entry["shape"]), _numbers_of(buffer[begin:end]))


def _refuse_nonfinite(tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        bad = next((x for x in tensor.numbers if not math.isfinite(x)), None)
        if bad is not None:
            raise ValueError(f"tensor {name!r} holds {bad}; load with allow_nonfinite=True if that is wanted")


def _bytes_of(numbers: list[float]) -> bytes:
    return _little_endian(array("d", numbers)).tobytes()


def _numbers_of(content: bytes) -> list[float]:
    return _little_endian(array("d", content)).tolist()


def _little_endian(numbers: "array[float]") -> "array[float]":
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


# --- Files ---------------------------------------------------------------------------------------------------------------------


def _temporary(target: str) -> BinaryIO:
    """A new file beside the target, locked until it is closed: so a sweep knows that somebody is writing it."""
    while True:
        name = os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.{secrets.token_hex(4)}.tmp")
        file = open(name, "xb")  # noqa: SIM115 (the caller closes it)
        with contextlib.suppress(OSError):  # a disk that knows no locks: nothing on it can be swept either
            _lock(file, wait=True)
        if os.path.exists(name):
            return file
        file.close()  # a sweep came between opening and locking


def _sweep(target: str) -> None:
    """Remove the temporary files of this target that nobody is writing."""
    folder, name = os.path.split(target)
    left = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{8}}\.tmp")
    for path in [os.path.join(folder, entry) for entry in os.listdir(folder) if left.fullmatch(entry)]:
        with contextlib.suppress(OSError), open(path, "rb") as file:
            _lock(file, wait=False)
            if os.name == "nt":  # which removes no open file, so that one being written stays
                file.close()
            os.unlink(path)


def _lock(file: BinaryIO, *, wait: bool) -> None:
    """Hold the file's lock until it is closed; OSError if somebody else has it. Windows locks what is open without being asked."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def _write_through(file: BinaryIO, content: bytes, model: str) -> None:
    """Write, and return when it is on the disk; with the permissions of ``model`` if there is that file."""
    file.write(content)
    file.flush()
    os.fsync(file.fileno())
    if os.path.exists(model):
        os.chmod(file.name, stat.S_IMODE(os.stat(model).st_mode))


def sync_directory(path: StrPath) -> None:
    """Make the renaming last; where directories cannot be opened (Windows), the system sees to that."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
