"""A program in lanes over very many samples: from arrays into arrays without copies, and on all cores.

Samples know nothing of each other, so that neither stretches nor threads change a bit.
"""

import os
import threading
from collections.abc import Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autograd.compiler.executors import Array, Executor

# So many samples are worth a look before all others.
BLOCK = 4096
# A thread takes 0.1 ms to start, as long as 2,000 samples of a price by Black and Scholes.
WORTH_THREADS = 100_000
# So many are added up at once: their numbers stay in the caches.
SUMMED = 2**14
# Between two stretches of so many samples Ctrl-C is heard. An input that does not vary is written out for one.
STRETCH = 65_536


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def sweep(executor: Executor, shared: Array, sources: Sequence[Array], threads: int | None) -> tuple[Array, Array]:
    """What ``executor.evaluate`` gives for lanes that come from these arrays, one each, all of one length.

    ``threads`` is how many to use; None stands for all cores, where there are enough samples.
    """
    count = len(sources[0])
    width = getattr(executor, "width", 0)
    if not width or count <= BLOCK:
        return executor.evaluate(shared, np.array(sources))
    rows = np.empty((sum(is_row for is_row, _ in executor.program.outputs), count))
    wanted = _wanted(count, threads)
    whole = count - count % width
    share = -(-whole // max(wanted, 1) // width) * width
    work = _Work(executor, shared, [_readable(x) for x in sources], rows)
    parts = [(start, min(start + share, whole)) for start in range(0, whole, share)]
    others = [threading.Thread(target=work.do, args=part) for part in parts[1:]]
    for thread in others:
        thread.start()
    work.do(*parts[0])
    for thread in others:
        thread.join()
    if work.errors:
        raise work.errors[0]
    if whole < count:
        _, rows[:, whole:] = executor.evaluate(shared, np.array([x[whole:] for x in sources]))
    return work.results[0], rows


def _wanted(count: int, threads: int | None) -> int:
    """How many threads for so many samples."""
    return (cores() if count >= WORTH_THREADS else 1) if threads is None else threads


def summed(
    executor: Executor, shared: Array, sources: Sequence[Array], places: npt.NDArray[np.intp], threads: int | None
) -> Array:
    """What ``executor.evaluate`` gives that is no row, added up over the samples at these places: part by part, in their order, however
    many threads compute the parts."""
    parts = [places[start : start + SUMMED] for start in range(0, len(places), SUMMED)]
    whole = [part for part in parts if len(part) == SUMMED]
    found: list[Array] = [np.zeros(0)] * len(parts)
    errors: list[BaseException] = []
    wanted = min(_wanted(len(places), threads), len(whole))

    def do(first: int) -> None:
        try:
            program = executor.bound(np.zeros((len(sources), SUMMED)))
            program.inputs[:] = shared
            for i in range(first, len(whole), wanted):
                for lane, source in zip(program.lanes, sources, strict=True):
                    lane[:] = taken(source, whole[i])
                program.run()
                found[i] = program.outputs.copy()
        except BaseException as error:  # raised where the call was made
            errors.append(error)

    others = [threading.Thread(target=do, args=(first,)) for first in range(1, wanted)]
    for thread in others:
        thread.start()
    if wanted:
        do(0)
    for thread in others:
        thread.join()
    if errors:
        raise errors[0]
    for i, part in enumerate(parts[len(whole) :], len(whole)):
        found[i], _ = executor.evaluate(shared, np.array([taken(source, part) for source in sources]))
    total: Array = found[0].copy()
    for each in found[1:]:
        total += each
    return total


def taken(lane: Array, places: npt.NDArray[np.intp]) -> Array:
    """The numbers at these places; of one number for all, that."""
    return lane[: len(places)] if lane.strides == (0,) else lane[places]


@final
class _Work:
    """A sweep that several threads share."""

    def __init__(self, executor: Any, shared: Array, sources: Sequence[Array], rows: Array) -> None:
        self.executor, self.shared, self.sources, self.rows = executor, shared, sources, rows
        self.errors: list[BaseException] = []
        self.results: list[Array] = []

    def do(self, start: int, stop: int) -> None:
        """Some of the samples."""
        try:
            run, result = self.executor.runner(self.shared)
            self.results.append(result)
            sources = _written(self.sources, min(STRETCH, stop - start))
            lanes, rows = _places(sources), _places(list(self.rows))
            steps = np.array([x.strides[0] for x in self.sources], dtype=np.int64)
            for first in range(start, stop, STRETCH):
                run(lanes + first * steps, rows + first * self.rows.itemsize, min(STRETCH, stop - first))
        except BaseException as error:  # raised where the call was made
            self.errors.append(error)


def _written(sources: Sequence[Array], count: int) -> list[Array]:
    """The sources with those that are one number in every place written out for so many samples; the same number once."""
    numbers: dict[bytes, Array] = {}
    for x in sources:
        if x.strides == (0,) and x[:1].tobytes() not in numbers:
            numbers[x[:1].tobytes()] = np.full(count, x[0])
    return [numbers[x[:1].tobytes()] if x.strides == (0,) else x for x in sources]


def _places(arrays: Sequence[Array]) -> npt.NDArray[np.int64]:
    return np.array([x.ctypes.data for x in arrays], dtype=np.int64)


def _readable(x: Array) -> Array:
    """The array as native code reads it: itself where its layout permits, or if it is one number in every place."""
    return x if x.strides == (0,) else np.require(x, float, ["C", "A"])


def one_lane(x: Any, shape: tuple[int, ...]) -> Array:
    """A number or array as one array of all samples, not copied where its layout permits."""
    count = int(np.prod(shape))
    if np.ndim(x) == 0:
        return np.broadcast_to(np.asarray(x, dtype=float), (count,))
    return np.ravel(x if np.shape(x) == shape else np.broadcast_to(x, shape))
