"""Recording what is to be compiled, and telling whether two recordings are the same."""

import contextlib
import gc
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from autograd import ops
from autograd.compiler.arguments import settle
from autograd.compiler.kernels import is_of_table
from autograd.compiler.recorded import Recorded, refuse_by_hand
from autograd.labels import plain_name
from autograd.modes import altering, call_site, switched
from autograd.ops import Op
from autograd.value import CONSTANT, LEAF, Value, topological_order


@contextlib.contextmanager
def collector_resting() -> Iterator[None]:
    """A context without Python's cyclic collector: what is built here has no cycles, and looking for some costs a fifth of the
    time (0.44 instead of 0.35 s to differentiate micrograd's two-moons loss)."""
    was_on = gc.isenabled()
    try:
        gc.disable()
        yield
    finally:
        if was_on:
            gc.enable()


def is_altered() -> bool:
    """Whether ops of this thread do more than to record themselves, or less: what is recorded then may be something else."""
    return threading.get_ident() in altering


@final
@dataclass
class Guard:
    """A recorded answer to a condition, the source line that asked, and the int that a number was read as, if it is about that."""

    condition: Value
    answer: bool
    site: str
    fact: Any = None


@contextlib.contextmanager
def recording(on_branch: Callable[[Value], None]) -> Iterator[list[Value]]:
    """A context to record a function of numbers in, which puts its results into the list.

    TypeError at the end if the function has read the plain number of a Value, or has caught that a number is no key. If one of its nodes
    was made by hand, the error names that. (Closures of the lecture read. Without a read, it is the graph's to refuse them.)
    """
    results: list[Value] = []
    reads: list[str] = []
    keys: list[str] = []
    conditions: list[Value] = []

    def on_bool(condition: Value) -> None:
        conditions.append(condition)
        on_branch(condition)

    def on_read(v: Value) -> None:
        reads.append(f".data{f' of {plain_name(v.label)!r}' if v.label else ''} is read at {call_site()}")

    with switched(on_branch=on_bool, on_read=on_read, on_key=keys.append, recording=True):
        yield results
    settle([*results, *conditions])
    if keys:
        raise TypeError(keys[0])
    if reads:
        nodes = topological_order(*results)
        refuse_by_hand(nodes, {v.op for v in nodes})
        raise TypeError(
            f"{reads[0]}: compiled, it would stay at the number it has now; use the Value itself, stop_gradient(x) for its number "
            "without a gradient, or where(condition, a, b) to choose by it"
        )


# What Python asks a number on the right instead, if its class is a subclass of that of the one on the left.
_TURNED = {ops.less.name: ops.greater.name, ops.less_equal.name: ops.greater_equal.name}
_BY_TYPE = (
    "is recorded in another way for Values than for the class of their own that numbers have while something is recorded: it asks type(x). "
    "Write isinstance(x, Value); a function that draws random numbers or counts its calls cannot be compiled either"
)


def refuse_types(name: str, results: Sequence[Value], others: Sequence[Value]) -> None:
    """TypeError if what was recorded at Arguments is not what was recorded at Values, by its numbers and ops."""

    def shown(results: Sequence[Value]) -> object:
        names = [v.op.name for v in topological_order(*results)]
        return [repr(y._data) for y in results], Counter([_TURNED.get(name, name) for name in names])

    if shown(results) != shown(others):
        raise TypeError(f"{name} {_BY_TYPE}")


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
