"""Programs kept on disk under what was recorded, so that the next process neither differentiates nor packs the same graph again.

A file holds one program, pickled and compressed; its name is made of the recording without its numbers, of what is asked of it, and of
the sources of this package, since they make the program. Recording itself is not saved: it is what tells that the graph is the same.
Texts of programs are kept likewise (``targets.llvm.written``). All of it takes part in the trust and in the limits of ``disk``, which
holds code from it.
"""

import hashlib
import pickle
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

from autograd.compiler import disk
from autograd.compiler.program import Program
from autograd.compiler.recorded import Recorded
from autograd.compiler.recording import fingerprint_of

Made = TypeVar("Made")

# Smaller graphs are made sooner than their file is read: some 5 µs a node against 2 ms.
LEAST = 2000


def kept(recorded: Recorded, asked: str, make: Callable[[], Program]) -> Program:
    """What ``make()`` gives for a recording, from disk if it has been made before; ``asked`` says what it computes.

    Programs of graphs with ops of a user's own are made anew: such an op is known by its name alone.
    """
    if len(recorded.order) < LEAST or disk.folder() is None:
        return make()
    form = fingerprint_of(recorded)
    if form.own_ops:
        return make()
    names = [str(getattr(op, "name", op)) for op in form.ops]
    return made_once([asked, *names, str(form.inputs), *form.nodes, form.constants, form.outputs], make)


def made_once(parts: Sequence[str | bytes], make: Callable[[], Made], holds: Callable[[Made], bool] = lambda _: True) -> Made:
    """What ``make()`` gives, which follows from these parts and this package's sources: from disk, if it is there and still holds."""
    if disk.folder() is None:
        return make()
    key = disk.key_of([_sources(), *parts])
    found = disk.load(key)
    if found is not None:
        known: Made = pickle.loads(zlib.decompress(found))
        if holds(known):
            return known
    made = make()
    disk.store(key, zlib.compress(pickle.dumps(made, protocol=pickle.HIGHEST_PROTOCOL), 1))
    return made


@cache
def _sources() -> str:
    """A digest of this package's sources; 5 ms."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
