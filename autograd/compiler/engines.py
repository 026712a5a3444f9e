"""Which executor runs a program, and what to say when there is none."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, final

if TYPE_CHECKING:
    from autograd.compiler.program import Program
    from autograd.compiler.targets.numpy import Array

NEEDS = 'the compiler needs {}: pip install "chalkgrad[fast]"'


@final
@dataclass(frozen=True)
class Direct:
    """A program without lanes, ready to run: fill ``inputs``, call ``run()``, read ``outputs``. One at a time."""

    inputs: "Array"
    outputs: "Array"
    run: Callable[[], object]


@final
@dataclass(frozen=True)
class Bound:
    """A program and its lanes, ready to run: change ``inputs`` or ``lanes``, call ``run()``, read ``outputs`` and ``rows``.

    What the program gives is in ``outputs`` if it is the same for all lanes, else in ``rows``, [output, lane].
    """

    inputs: "Array"
    lanes: "Array"
    outputs: "Array"
    rows: "Array"
    run: Callable[[], object]


class Executor(Protocol):
    """What runs a program."""

    name: str
    program: "Program"

    def evaluate(self, shared: "Array", lanes: "Array") -> tuple["Array", "Array"]:
        """The outputs for these inputs: shared numbers as an array [output], rows as an array [output, lane]."""

    def bound(self, lanes: "Array") -> Bound:
        """The program with numbers of its own to work on, for many runs over as many lanes."""

    def direct(self) -> Direct:
        """The program, one without lanes, for calls that should cost as little as they can."""


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ImportError:  # an import hook that refuses it
        return False


def is_installed(engine: str) -> bool:
    """Whether an engine's packages are there."""
    return _is_there("numpy") and (engine == "numpy" or _is_there("llvmlite"))


def chosen(engine: str) -> str:
    """The engine that "auto" stands for; ImportError naming the extra if the engine is not installed."""
    if not _is_there("numpy"):
        raise ImportError(NEEDS.format("NumPy"))
    if engine == "auto":
        return "llvm" if is_installed("llvm") else "numpy"
    if not is_installed(engine):
        raise ImportError(NEEDS.format("llvmlite"))
    return engine


def executor(program: "Program", *, engine: str, fast: bool, among_many: bool = False) -> Executor:
    """The program, ready to run; if it is one among many, rather soon than with all speed."""
    if chosen(engine) == "llvm":
        from autograd.compiler.targets.llvm.executor import LlvmExecutor

        return LlvmExecutor(program, fast=fast, among_many=among_many)
    from autograd.compiler.targets.numpy import NumpyExecutor

    return NumpyExecutor(program, fast=fast)
