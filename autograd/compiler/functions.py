"""A function compiled: recorded once for each form of its arguments, and once for each way through its branches.

Glossary::

    variant    one recording: the way the function took through its ``if``s at one point
    captured   Values from outside that the function uses: a model's weights. Their ``data`` is read at every call
    guard      a condition that the recording turned into a plain bool, with the answer it gave; the variant holds where all of a
               variant's guards still give those answers
"""

import copyreg
import inspect
import math
import pickle
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, final

import numpy as np

from autograd.compiler import engines
from autograd.compiler.numpy_executor import Array
from autograd.compiler.program import build, recording
from autograd.derivatives import Tree, adjoint_graph, leaves, like
from autograd.modes import call_site, is_recorded, no_grad
from autograd.ops import real_number
from autograd.value import Condition, Value, constant, topological_order

_NO_LANES = np.empty((0, 1))


@final
@dataclass
class Guard:
    """A recorded answer to a condition, and the source line that asked."""

    condition: Value
    answer: bool
    site: str


@final
@dataclass
class Variant:
    """One recording of the function, and its executors by what is asked of it and whether samples lie in lanes."""

    shape: Tree
    variables: list[Value]
    captured: list[Value]
    results: list[Value]
    guards: list[Guard]
    executors: dict[tuple[str, bool], Any] = field(default_factory=dict)
    trees: dict[str, Tree] = field(default_factory=dict)
    has_travelled: bool = False  # then there are programs, but no recording to make others from

    def can_answer(self, what: str, in_lanes: bool) -> bool:
        """Whether there is such a program, or a recording to make it from."""
        return not self.has_travelled or (what, in_lanes) in self.executors

    def shared_inputs(self) -> Array:
        """The captured numbers as they are now."""
        return np.array([v._data for v in self.captured], dtype=float)


def _shape(tree: Tree) -> Any:
    """The form of nested lists and tuples, hashable; numbers and arrays are leaves."""
    return (type(tree), *[_shape(branch) for branch in tree]) if isinstance(tree, (list, tuple)) else None


def _skeleton(tree: Tree) -> Tree:
    """The tree with nothing in the places of its numbers."""
    return like(tree, repeat(None))


@final
class CompiledFunction:
    """A function of numbers or nested lists of numbers, compiled; made by ``autograd.compile(function)``.

    Called with numbers it returns numbers; called with NumPy arrays (of shapes that broadcast) it computes every sample and returns
    arrays: an array is one number with many samples, a list is several numbers. ``grad``, ``value_and_grad`` and ``hessian`` take the
    same arguments and answer in the shape of ``autograd.grad`` and its kin.

    A Python ``if`` on a recorded number is a guard: a call with numbers that takes another branch is recorded anew, a call with
    arrays whose samples part ways is a ValueError that names the line; write ``where`` there. Values from outside that the function
    uses, such as a model's weights, count with the ``data`` they have at the call. TypeError where the function itself reads
    ``.data``, which would freeze that number, or gives something else for plain numbers. What it takes from plain variables outside
    is that of the recording. Called with Values it is the function itself. ``listing()`` prints what was recorded.

    >>> import autograd, numpy as np
    >>> from autograd import where
    >>> f = autograd.compile(lambda x: where(x > 0, x**2, -x))
    >>> f(np.array([-1.0, 3.0])), f.grad(np.array([-1.0, 3.0]))
    (array([1., 9.]), array([-1.,  6.]))
    """

    def __init__(self, function: Callable[..., Tree], *, engine: str = "auto", fast: bool = False) -> None:
        self._function: Callable[..., Tree] | None = function
        self._engine, self._fast = engines.chosen(engine), fast
        self._variants: dict[Any, list[Variant]] = {}
        self._lock = threading.RLock()
        self.__name__ = getattr(function, "__name__", "function")
        self.__module__ = getattr(function, "__module__", __name__)
        self.__doc__ = function.__doc__ or type(self).__doc__

    def __repr__(self) -> str:
        count = sum(len(found) for found in self._variants.values())
        return f"<compiled {self.__name__}: {count} recorded, {self._engine}>"

    def __call__(self, *args: Tree, **named: Tree) -> Tree:
        args = self._in_order(args, named)
        if self._function is not None and (is_recorded() or any([isinstance(x, (Value, Condition)) for x in leaves(args)])):
            return self._function(*args)
        return self._answer("value", args)

    def grad(self, *args: Tree, **named: Tree) -> Tree:
        """The gradient, in the shape of the argument; a tuple of these for several arguments."""
        return self._answer("value_and_grad", self._in_order(args, named))[1]

    def value_and_grad(self, *args: Tree, **named: Tree) -> tuple[Tree, Tree]:
        """The value and the gradient."""
        value, gradient = self._answer("value_and_grad", self._in_order(args, named))
        return value, gradient

    def hessian(self, *args: Tree, **named: Tree) -> Tree:
        """∂²f/∂xᵢ∂xⱼ: the shape of the gradient, each number replaced by a gradient."""
        return self._answer("hessian", self._in_order(args, named))

    def _in_order(self, args: tuple[Tree, ...], named: dict[str, Tree]) -> tuple[Tree, ...]:
        """The arguments without names, in the order of the function's parameters."""
        if not named:
            return args
        if self._function is None:
            raise TypeError(f"{self.__name__} came here without its Python source and takes arguments in order only, not {named}")
        bound = inspect.signature(self._function).bind(*args, **named)
        if bound.kwargs:
            raise TypeError(f"a compiled {self.__name__} cannot take {', '.join(bound.kwargs)} by name only: make it positional")
        return bound.args

    # --- Recording ---

    def _record(self, args: tuple[Tree, ...], point: Sequence[float]) -> Variant:
        """The function recorded at a point."""
        if self._function is None:
            raise ValueError(
                f"{self.__name__} came here without its Python source (it could not be pickled) and this call needs a new recording; "
                "call it once in this way, with such arguments, before pickling, or define it in a module"
            )
        variables = [Value(x) for x in point]
        guards: list[Guard] = []

        def on_branch(condition: Value) -> None:
            guards.append(Guard(condition, condition._data != 0.0, call_site()))

        with recording(on_branch) as outcome:
            tree = self._function(*like(args, iter(variables)))
            results = [_result(y) for y in leaves(tree)]
            outcome += [*results, *[guard.condition for guard in guards]]
        self._check(args, point, results)
        own = set(variables)
        used = topological_order(*outcome)
        captured = [v for v in used if v.is_leaf and not v.is_constant and v not in own]
        variant = Variant(_skeleton(tree), variables, captured, results, guards)
        self._variants.setdefault(_shape(args), []).append(variant)
        return variant

    def _check(self, args: tuple[Tree, ...], point: Sequence[float], results: Sequence[Value]) -> None:
        """TypeError if the function, called with the plain numbers, gives others than were recorded: it does more than compute."""
        try:
            with no_grad():
                plain = [_result(y).data for y in leaves(self._function(*like(args, iter(point))))]  # type: ignore[misc]
        except Exception:  # Python's floats raise where IEEE-754 has an answer, and have no methods such as exp
            return
        for number, result in zip(plain, results, strict=False):
            if not (
                math.isclose(number, result.data, rel_tol=1e-6, abs_tol=1e-9) or (number != number and result.data != result.data)
            ):
                raise TypeError(
                    f"{self.__name__} gives {number!r} for plain numbers and {result.data!r} when it is recorded: it draws random "
                    "numbers, counts its calls, looks at types or uses a number as a key; such a function cannot be compiled"
                )

    def _executor(self, variant: Variant, what: str, args: tuple[Tree, ...], in_lanes: bool) -> Any:
        key = (what, in_lanes)
        if key not in variant.executors:
            outputs, variant.trees[what] = self._outputs(variant, what, args)
            conditions = [guard.condition for guard in variant.guards]
            shared, lanes = (variant.captured, variant.variables) if in_lanes else ([*variant.variables, *variant.captured], [])
            program = build([*conditions, *outputs], shared, lanes)
            variant.executors[key] = engines.executor(program, engine=self._engine, fast=self._fast)
        return variant.executors[key]

    def _outputs(self, variant: Variant, what: str, args: tuple[Tree, ...]) -> tuple[list[Value], Tree]:
        """What is asked for as Values, and the tree that the numbers will fill."""
        if what == "value":
            return variant.results, variant.shape
        if isinstance(variant.shape, (list, tuple)):
            raise TypeError(
                f"{what} needs a function that returns one number, {self.__name__} returns a {type(variant.shape).__name__}"
            )
        xs, shape = variant.variables, _skeleton(args[0] if len(args) == 1 else args)
        slopes = adjoint_graph(variant.results[0], xs, anywhere=True)
        if what == "value_and_grad":
            return [*variant.results, *slopes], (None, shape)
        rows = [adjoint_graph(slope, xs, anywhere=True) for slope in slopes]
        return [v for row in rows for v in row], like(shape, iter([shape] * len(xs)))

    # --- Answering ---

    def _answer(self, what: str, args: tuple[Tree, ...]) -> Tree:
        if not args:
            raise TypeError(f"{self.__name__} needs at least one argument, got none")
        given = list(leaves(args))
        with self._lock:
            if any([getattr(x, "shape", ()) != () for x in given]):
                return self._answer_arrays(what, args, given)
            return self._answer_numbers(what, args, [real_number(x, self.__name__) for x in given])

    def _known(self, what: str, args: tuple[Tree, ...], in_lanes: bool) -> list[Variant]:
        """The variants for arguments of this form that can answer."""
        return [variant for variant in self._variants.get(_shape(args), ()) if variant.can_answer(what, in_lanes)]

    def _answer_numbers(self, what: str, args: tuple[Tree, ...], point: list[float]) -> Tree:
        for known in [*self._known(what, args, False), None]:
            variant = known or self._record(args, point)
            executor = self._executor(variant, what, args, False)
            with _elsewhere(known):
                outputs, _ = executor.evaluate(np.append(point, variant.shared_inputs()), _NO_LANES)
                numbers = outputs.tolist()
                n = len(variant.guards)
                if known is None or _holds(variant, numbers[:n]):
                    break
        return like(variant.trees[what], iter(numbers[n:]))

    def _answer_arrays(self, what: str, args: tuple[Tree, ...], given: list[Any]) -> Tree:
        arrays = np.broadcast_arrays(*[_real_array(x, self.__name__) for x in given])
        shape = arrays[0].shape
        lanes = np.array([a.ravel() for a in arrays])
        first = lanes[:, 0].tolist() if lanes.shape[1] else [1.0] * len(given)
        for known in [*self._known(what, args, True), None]:
            variant = known or self._record(args, first)
            executor = self._executor(variant, what, args, True)
            with _elsewhere(known):
                answers, rows = _run_lanes(variant, executor, lanes)
                parted = _parted(variant, answers)
                if parted is None:
                    return like(variant.trees[what], iter([row.reshape(shape) for row in rows]))
                if _holds(variant, [answer[0] for answer in answers]):  # the first sample's way is not that of all
                    break
        raise ValueError(
            f"the samples of this call part ways in {self.__name__} at {parted}; an array takes one way through the function: "
            "choose between numbers with autograd.where(condition, a, b) there"
        )

    # --- Looking inside, travelling ---

    def listing(self) -> str:
        """The programs recorded so far in the blackboard's notation, one pack per line."""
        parts = [
            f"{what}, {'lanes' if in_lanes else 'one sample'}:\n{executor.program.listing()}"
            for found in self._variants.values()
            for variant in found
            for (what, in_lanes), executor in variant.executors.items()
        ]
        return "\n\n".join(parts)

    def __reduce__(self) -> Any:
        module, name = self.__module__, getattr(self._function, "__qualname__", "")
        if module != "__main__" and getattr(sys.modules.get(module), name or "?", None) is self:
            return name  # made by a decorator in a module: found there by its name
        return copyreg.__newobj__, (CompiledFunction,), self.__getstate__()  # type: ignore[attr-defined]

    def __getstate__(self) -> dict[str, Any]:
        try:
            pickle.dumps(self._function)
            function = self._function
        except Exception:  # a lambda or a local function: only what is recorded travels
            function = None
        recorded = {
            shape: [
                (
                    [(guard.answer, guard.site) for guard in variant.guards],
                    [v.data for v in variant.captured],
                    variant.trees,
                    {key: executor.program for key, executor in variant.executors.items()},
                )
                for variant in found
            ]
            for shape, found in self._variants.items()
        }
        return {
            "function": function,
            "engine": self._engine,
            "fast": self._fast,
            "name": self.__name__,
            "doc": self.__doc__,
            "recorded": recorded,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._function, self._fast = state["function"], state["fast"]
        self._engine = state["engine"] if engines.is_installed(state["engine"]) else engines.chosen("auto")
        self.__name__, self.__doc__ = state["name"], state["doc"]
        self._lock = threading.RLock()
        self._variants = {}
        for shape, found in state["recorded"].items():
            self._variants[shape] = [self._arrived(*parts) for parts in found]

    def _arrived(self, guards: Any, captured: Any, trees: Any, programs: Any) -> Variant:
        conditions = [Guard(constant(0.0), answer, site) for answer, site in guards]
        variant = Variant(None, [], [Value(x) for x in captured], [], conditions, trees=trees, has_travelled=True)
        for key, program in programs.items():
            variant.executors[key] = engines.executor(program, engine=self._engine, fast=self._fast)
        return variant


def _real_array(x: Any, taker: str) -> Array:
    array = np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{taker} needs arrays of real numbers, got one of {array.dtype}")
    return array.astype(float, copy=False)


def _result(y: Any) -> Value:
    if isinstance(y, Condition):
        return y.node
    return y if isinstance(y, Value) else constant(y, "the result of a compiled function")


def _run_lanes(variant: Variant, executor: Any, lanes: Array) -> tuple[list[Array], list[Array]]:
    """The guards' conditions and the outputs, an array over the lanes for each."""
    shared, rows = executor.evaluate(variant.shared_inputs(), lanes)
    numbers, arrays = iter(shared), iter(rows)
    outputs = [next(arrays) if is_row else np.full(lanes.shape[1], next(numbers)) for is_row, _ in executor.program.outputs]
    n = len(variant.guards)
    return outputs[:n], outputs[n:]


@contextmanager
def _elsewhere(known: Variant | None) -> Iterator[None]:
    """A context in which an op of the user's may raise behind a known variant's guards: its way is not the one to take then."""
    try:
        yield
    except Exception:
        if known is None or not known.guards:
            raise


def _holds(variant: Variant, answers: list[float]) -> bool:
    return all([(x != 0.0) == guard.answer for guard, x in zip(variant.guards, answers, strict=True)])


def _parted(variant: Variant, answers: list[Array]) -> str | None:
    """The source line of the first guard that some sample answers differently; None if there is none."""
    for guard, answer in zip(variant.guards, answers, strict=True):
        if ((answer != 0.0) != guard.answer).any():
            return guard.site
    return None
