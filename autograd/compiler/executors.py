"""What an engine makes of a program: an executor, and the program ready to run many times."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
import numpy.typing as npt

from autograd.compiler.program import Program

Array = npt.NDArray[np.float64]


@final
@dataclass(frozen=True)
class Direct:
    """A program without lanes, ready to run: fill ``inputs``, call ``run()``, read ``outputs``. One at a time."""

    inputs: Array
    outputs: Array
    run: Callable[[], object]


@final
@dataclass(frozen=True)
class Bound:
    """A program and its lanes, ready to run: change ``inputs`` or ``lanes``, call ``run()``, read ``outputs`` and ``rows``.

    What the program gives is in ``outputs`` if it is the same for all lanes, else in ``rows``, [output, lane].
    """

    inputs: Array
    lanes: Array
    outputs: Array
    rows: Array
    run: Callable[[], object]


class Executor(Protocol):
    """What runs a program."""

    name: str
    program: Program

    def evaluate(self, shared: Array, lanes: Array) -> tuple[Array, Array]:
        """The outputs for these inputs: shared numbers as an array [output], rows as an array [output, lane]."""

    def bound(self, lanes: Array) -> Bound:
        """The program with numbers of its own to work on, for many runs over as many lanes."""

    def direct(self) -> Direct:
        """The program, one without lanes, for calls that should cost as little as they can."""
