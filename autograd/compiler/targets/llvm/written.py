"""The text of a program as IR, with what its code reads besides: written by an ``Emitter``, or found on disk where that takes longer.

A step of a transformer of 10 places has 170 packs and 400 kB of text, which takes 45 ms to write and 5 to find.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from autograd.compiler.kernels import is_of_table
from autograd.compiler.program import Program, Slots
from autograd.compiler.targets.llvm.emitter import Emitter
from autograd.compiler.targets.llvm.memory import Kept
from autograd.compiler.targets.llvm.processor import processor
from autograd.ops import Op

# Programs of fewer packs are written sooner than they are found.
LEAST_PACKS = 32


@final
@dataclass(frozen=True)
class Written:
    """The IR, the functions of the C library that it calls, its tables, what sums over lanes need, and ops of a user's own by number of
    operands with the names that they are called by. ``trusted`` says of functions whether their vectors were held to have the C
    library's bits."""

    ir: str
    libm: tuple[str, ...]
    tables: Slots
    kept: Kept
    callbacks: tuple[tuple[tuple[Op, int], str], ...]
    trusted: tuple[tuple[str, bool], ...]


@final
@dataclass(frozen=True)
class Style:
    """How a program is written, see ``Emitter``; ``last`` follows its text."""

    width: int
    fast: bool
    among_many: bool
    last: tuple[str, ...]


def written(program: Program, style: Style, exact: Callable[[str], bool]) -> Written:
    """The program's text, from disk if it is long and has been written before."""

    def made() -> Written:
        return _written(program, style, exact)

    if len(program.packs) < LEAST_PACKS or not all([pack.op is None or is_of_table(pack.op) for pack in program.packs]):
        return made()
    from autograd.compiler.kept import made_once  # 4 ms, which short programs do without

    parts = ["text", repr(style), *processor(), *program.parts()]
    return made_once(parts, made, lambda found: all([exact(name) == answer for name, answer in found.trusted]))


def _written(program: Program, style: Style, exact: Callable[[str], bool]) -> Written:
    trusted: dict[str, bool] = {}

    def asked(name: str) -> bool:
        return trusted.setdefault(name, exact(name))

    emitter = Emitter(program, width=style.width, fast=style.fast, exact=asked, among_many=style.among_many, apart=True)
    function = emitter.function("run")
    ir = "\n".join([*emitter.declarations(), emitter.definitions(), function, *style.last])
    return Written(
        ir, tuple(emitter.libm), emitter.tables.array(), emitter.kept, tuple(emitter.callbacks.items()), tuple(trusted.items())
    )
