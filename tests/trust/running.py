"""Rows tried in processes: the dearest begin, each comes back as it ends, and one that takes its process with it is broken alone."""

import math
import multiprocessing
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from typing import Any

from tests.trust.figures import Row

# How many cases were tried, the worst figure, where it is, and processor seconds: of an outcome what can travel between processes.
Found = tuple[int, float, str, float]


def families(rows: Mapping[int, Row], seconds: Mapping[str, float]) -> list[list[int]]:
    """The numbers of rows, those of a kin together: the dearest first, and before them those whose price is not known."""
    found: dict[Any, list[int]] = {}
    for number, row in rows.items():
        found.setdefault(row.kin or number, []).append(number)
    return sorted(found.values(), key=lambda family: -sum([seconds.get(str(rows[number]), math.inf) for number in family]))


def as_they_end(parts: Iterable[Sequence[int]], processes: int, tried: Callable[[int], Found]) -> Iterator[tuple[int, Found]]:
    """What comes of rows; each part has a process to itself, in which its rows follow one another."""
    upcoming, running = iter(parts), dict[Future[Found], tuple[ProcessPoolExecutor, Sequence[int]]]()
    with ExitStack() as stack:

        def process() -> ProcessPoolExecutor:
            return stack.enter_context(ProcessPoolExecutor(1, multiprocessing.get_context("spawn")))

        def begin(pool: ProcessPoolExecutor, rest: Sequence[int]) -> None:
            if part := rest or next(upcoming, ()):
                running[pool.submit(tried, part[0])] = pool, part

        for _ in range(processes):
            begin(process(), ())
        while running:
            for ended in wait(running, return_when=FIRST_COMPLETED).done:
                pool, (number, *rest) = running.pop(ended)
                error = ended.exception()
                yield number, _broken(error) if error else ended.result()
                begin(process() if error else pool, rest)


def _broken(error: BaseException) -> Found:
    return 0, math.inf, "".join(traceback.format_exception(error)), 0.0
