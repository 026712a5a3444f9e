"""The compiler: a recorded scalar graph as a program for NumPy or in native code.

``kernels`` says what every op is made of, ``program`` brings a recorded graph into normal form and packs; ``targets`` says it in other
languages, of which ``engines`` run NumPy's and LLVM's; ``replay`` compiles a loss, ``functions`` a function (with ``forms``,
``recordings``, ``surroundings`` and ``samples``). Nothing of NumPy or llvmlite is imported before something is compiled.
"""

from collections.abc import Callable, Iterable
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
def compile(
    target: Callable[..., Any],
    *,
    engine: str = "auto",
    fast: bool = False,
    vectors: str | Iterable[str] = (),
    by: str | Iterable[str] = (),
    threads: int | None = None,
    paths: int = 256,
) -> "CompiledFunction": ...
@overload
def compile(
    *,
    engine: str = "auto",
    fast: bool = False,
    vectors: str | Iterable[str] = (),
    by: str | Iterable[str] = (),
    threads: int | None = None,
    paths: int = 256,
) -> "Callable[[Callable[..., Any]], CompiledFunction]": ...


def compile(
    target: Any = None,
    *,
    engine: str = "auto",
    fast: bool = False,
    vectors: str | Iterable[str] = (),
    by: str | Iterable[str] = (),
    threads: int | None = None,
    paths: int = 256,
) -> Any:
    """The compiled form of a recorded loss (a ``Step``) or of a function (a ``CompiledFunction``); also a decorator, of methods too.

    To a function an array is many samples of one number. ``vectors`` names the parameters of which that is not so: there an array is
    one vector, or samples of vectors along its last axis, as for ``scipy.optimize.minimize(f.value_and_grad, x0, jac=True)``.
    ``by`` names the parameters to differentiate by, if not by all. From 10⁵ samples on all cores are used, or as many ``threads`` as
    are wished; each sample's bits are the same. Samples may take up to ``paths`` ways through the function's branches and loops.

    ``engine`` is "llvm" (native code, needs llvmlite), "numpy", or "auto" (the first of these that is installed). Results have the
    same bits as the eager engine's; ``fast=True`` allows fused multiply-adds, approximate vector functions (exp, expm1, log, log1p,
    tanh) and regrouped sums instead, within 10⁻¹² relative on well-conditioned graphs. A call costs some 2 µs, as much as one or
    two operations of the eager engine. TypeError for anything else than a Value or a function, ValueError for an unknown
    engine or parameter, ImportError naming ``chalkgrad[fast]`` where the engine, or for "auto" each of them, is not installed.

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
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise ValueError(f"threads must be a whole number from 1 on, or None for all cores, got {threads!r}")
    if not isinstance(paths, int) or paths < 1:
        raise ValueError(f"paths must be a whole number from 1 on, got {paths!r}")
    if target is None:
        return lambda function: compile(function, engine=engine, fast=fast, vectors=vectors, by=by, threads=threads, paths=paths)
    if not callable(target) and not isinstance(target, Value):
        raise TypeError(f"compile needs a loss (a Value) or a function, got {describe(target)}")
    from autograd.compiler import engines

    engine = engines.chosen(engine)  # says what is missing before anything of it is imported
    if isinstance(target, Value):
        if vectors or by or threads is not None:
            raise TypeError("vectors, by and threads are for functions; a loss takes no parameters and no samples")
        from autograd.compiler.replay import Step

        return Step(target, engine=engine, fast=fast)
    from autograd.compiler.functions import CompiledFunction, flags
    from autograd.compiler.recordings import Settings

    settings = Settings(engine, fast, threads, paths, flags(target, "by", by))
    return CompiledFunction(target, settings, flags(target, "vectors", vectors))
