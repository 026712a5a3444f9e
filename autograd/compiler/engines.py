"""Which executor runs a program, and what to say when there is none."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograd.compiler.executors import Executor
    from autograd.compiler.program import Program

NEEDS = 'the compiler needs {}: pip install "chalkgrad[fast]"'


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


def executor(program: "Program", *, engine: str, fast: bool, among_many: bool = False) -> "Executor":
    """The program, ready to run; if it is one among many, rather soon than with all speed."""
    if chosen(engine) == "llvm":
        from autograd.compiler.targets.llvm.executor import LlvmExecutor

        return LlvmExecutor(program, fast=fast, among_many=among_many)
    from autograd.compiler.targets.numpy import NumpyExecutor

    return NumpyExecutor(program, fast=fast)
