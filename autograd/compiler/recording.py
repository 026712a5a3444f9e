"""Recording what is to be compiled, and telling whether two recordings are the same."""

import contextlib
import gc
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from autograd.compiler.kernels import is_of_table
from autograd.compiler.recorded import Recorded, refuse_by_hand
from autograd.labels import plain_name
from autograd.modes import altering, call_site, is_recorded, switched
from autograd.ops import Op
from autograd.value import CONSTANT, LEAF, Value, topological_order


@final
class Argument(Value):
    """A number that a function is recorded at. It is no key: its identity is never found where its number is, and found by its number a
    cache would give a constant where there is a derivative.

    What ops give is a plain Value, which may be a key by identity: a hash in Python for all of them makes recording take twice as long.
    """

    __slots__ = ()
    __eq__ = Value.__eq__

    def __hash__(self) -> int:
        asking = sys._getframe(1).f_globals.get("__name__", "").partition(".")[0]
        if is_recorded() and asking not in ("autograd", "nn", "viz"):
            raise TypeError(
                f"a number as a key of a dict or set, or as an argument of a function with a cache, at {call_site()}: a compiled function "
                "cannot look numbers up. Use int(x) or round(x) as a key, compare with ==, or call the function without its cache"
            )
        return object.__hash__(self)


@contextlib.contextmanager
def collector_resting() -> Iterator[None]:
    """A context without Python's cyclic collector: what is built here has no cycles, and looking for some costs a fifth of the
    time (0.44 instead of 0.35 s to differentiate micrograd's two-moons loss)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def is_altered() -> bool:
    """Whether ops of this thread do more than to record themselves, or less: what is recorded then may be something else."""
    return threading.get_ident() in altering


@contextlib.contextmanager
def recording(on_branch: Callable[[Value], None]) -> Iterator[list[Value]]:
    """A context to record a function of numbers in, which puts its results into the list.

    TypeError at the end if the function has read the plain number of a Value; if one of its nodes was made by hand, the error names
    that. (Closures of the lecture do both. Without a read, it is the graph's to refuse them.)
    """
    results: list[Value] = []
    reads: list[str] = []

    def on_read(v: Value) -> None:
        reads.append(f".data{f' of {plain_name(v.label)!r}' if v.label else ''} is read at {call_site()}")

    with switched(on_branch=on_branch, on_read=on_read, recording=True):
        yield results
    if reads:
        nodes = topological_order(*results)
        refuse_by_hand(nodes, {v.op for v in nodes})
        raise TypeError(
            f"{reads[0]}: compiled, it would stay at the number it has now; use the Value itself, stop_gradient(x) for its number "
            "without a gradient, or where(condition, a, b) to choose by it"
        )


@final
@dataclass(frozen=True)
class Fingerprint:
    """A recorded graph without its numbers: two with equal fingerprints compile to the same program.

    That is its ops; how many inputs there are; of each node its op and its operands; the constants; and the outputs. Ops of a user's
    own count by their names, since such an op may be made anew for each recording; programs of graphs with ``own_ops`` are not for
    sharing.
    """

    ops: tuple[Op | str, ...]
    inputs: int
    nodes: tuple[bytes, ...]
    constants: bytes
    outputs: bytes
    own_ops: bool


def fingerprint(outputs: Sequence[Value], inputs: Sequence[Value]) -> Fingerprint:
    """What was recorded from the inputs to the outputs: ops, connections and constants."""
    return fingerprint_of(Recorded(outputs, inputs))


def fingerprint_of(recorded: Recorded) -> Fingerprint:
    """The same of what is there as arrays."""
    refuse_by_hand(recorded.order, recorded.table)
    inputs = len(recorded.inputs)
    shown = tuple([op if op is LEAF or op is CONSTANT or is_of_table(op) else op.name for op in recorded.table])
    leaves = np.flatnonzero(recorded.count[inputs:] == 0) + inputs
    constants = np.array([recorded.order[i]._data for i in leaves.tolist()])
    nodes = (recorded.kind.tobytes(), recorded.count.tobytes(), recorded.flat.tobytes())
    own_ops = any([isinstance(op, str) for op in shown])
    return Fingerprint(shown, inputs, nodes, constants.tobytes(), recorded.outputs.tobytes(), own_ops)
