"""The compiler: a recorded scalar graph as a program for NumPy or in native code.

``kernels`` says what every op is made of, ``program`` brings a recorded graph into normal form and packs, ``numpy_executor`` and
``llvm_ir`` + ``llvm_executor`` run a program; ``replay`` compiles a loss, ``functions`` a function. Nothing of NumPy or llvmlite is
imported before something is compiled.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from autograd.ops import describe
from autograd.value import Value

if TYPE_CHECKING:
    from autograd.compiler.functions import CompiledFunction
    from autograd.compiler.replay import Step

ENGINES = ("auto", "llvm", "numpy")


@overload
def compile(target: Value, *, engine: str = "auto", fast: bool = False) -> "Step": ...
@overload
def compile(target: Callable[..., Any], *, engine: str = "auto", fast: bool = False) -> "CompiledFunction": ...
@overload
def compile(*, engine: str = "auto", fast: bool = False) -> "Callable[[Callable[..., Any]], CompiledFunction]": ...


def compile(target: Any = None, *, engine: str = "auto", fast: bool = False) -> Any:
    """The compiled form of a recorded loss (a ``Step``) or of a function (a ``CompiledFunction``); also a decorator.

    ``engine`` is "llvm" (native code, needs llvmlite), "numpy", or "auto" (the first of these that is installed). Results have the
    same bits as the eager engine's; ``fast=True`` allows fused multiply-adds, approximate vector functions (exp, expm1, log, log1p,
    tanh) and regrouped sums instead, within 10⁻¹² relative on well-conditioned graphs. A call costs some 20 µs, so it pays for
    hundreds of nodes and for arrays of samples. TypeError for anything else than a Value or a function, ValueError for an unknown
    engine, ImportError naming ``chalkgrad[fast]`` where the engine, or for "auto" each of them, is not installed.

    >>> import autograd
    >>> from autograd import Value
    >>> w = Value(3.0, label="w")
    >>> loss = (w * 2.0 - 1.0) ** 2
    >>> step = autograd.compile(loss)
    >>> w.data = 1.0
    >>> step(), w.grad
    (1.0, 4.0)
    >>> @autograd.compile
    ... def area(r):
    ...     return 3.0 * r**2
    >>> area(2.0), area.grad(2.0)
    (12.0, 12.0)
    """
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    if target is None:
        return lambda function: compile(function, engine=engine, fast=fast)
    if not callable(target) and not isinstance(target, Value):
        raise TypeError(f"compile needs a loss (a Value) or a function, got {describe(target)}")
    from autograd.compiler import engines

    engine = engines.chosen(engine)  # says what is missing before anything of it is imported
    if isinstance(target, Value):
        from autograd.compiler.replay import Step

        return Step(target, engine=engine, fast=fast)
    from autograd.compiler.functions import CompiledFunction

    return CompiledFunction(target, engine=engine, fast=fast)
