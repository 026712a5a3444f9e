"""A function compiled: recorded once for each form of its arguments, and once for each way through its branches.

``forms`` says how arguments and results are nested, ``recordings`` records and makes programs, ``surroundings`` notices when what the
function takes from outside has changed, ``samples`` answers for arrays. Here is what people call.
"""

import copyreg
import inspect
import pickle
import sys
import weakref
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any, Self, final

from autograd.compiler import rolling, samples
from autograd.compiler.calls import MISSED, call_for, is_key
from autograd.compiler.forms import Form, arguments, has_values
from autograd.compiler.program import Program
from autograd.compiler.recordings import Function, Recordings, Settings
from autograd.compiler.variants import ONE
from autograd.derivatives import hessian, hvp, value_and_grad
from autograd.modes import is_recorded, modes
from autograd.ops import real_number, real_numbers
from autograd.trees import Tree, is_array

_EAGERLY: dict[str, Callable[[Function], Function]] = {
    "value_and_grad": value_and_grad,
    "hessian": hessian,
    "hvp": hvp,
}


@final
class CompiledFunction:
    """A function of numbers, of nested lists of numbers and of vectors, compiled; made by ``autograd.compile(function)``.

    Called with numbers it returns numbers. An array stands for one number of many samples: with arrays (of shapes that broadcast)
    every sample is computed, and arrays are returned. Parameters named in ``vectors`` are different: there an array is one vector,
    or samples of vectors along the last axis, and the function gets an array. ``grad``, ``value_and_grad`` and ``hessian`` take the
    same arguments and answer in the shape of ``autograd.grad`` and its kin; ``hvp`` takes a vector in the shape of the argument
    more. These are what SciPy's ``minimize`` takes as ``jac``, ``hess`` and ``hessp``. ``by`` names the parameters to differentiate
    by, if not by all: the others are data.

    A Python ``if`` on a recorded number is a guard: numbers that take another branch are recorded anew. Where the samples of an
    array part ways they are grouped by way, up to ``paths`` ways; beyond, a ValueError names the line where they multiply: write
    ``where`` there. What the function raises for one sample is raised with a note that names the sample. TypeError where the
    function itself reads ``.data`` or looks a number up in a dict, which would freeze it, gives something else for plain numbers, or
    asks ``type(x)`` and goes by the answer: while it is recorded numbers are of a subclass, ``isinstance(x, Value)`` holds. Called with
    Values it is the function itself, and its derivatives are Values. ``listing()`` prints what was recorded.

    From outside the function may use Values, such as a model's weights: they count with the ``data`` they have at the call. Plain
    numbers, and lists, dicts and arrays of them, are part of the recording; when such a global, variable of an enclosing function
    or attribute of ``self`` changes, the function is recorded and compiled anew at the next call, which takes milliseconds. A
    number that changes often is better an argument or a Value. What is reached otherwise (read from a file, through ``getattr`` with
    a name computed, in a container that contains itself) stays as it was recorded.

    On a method it works per instance: each has recordings of its own, which go when it goes.

    >>> import autograd, numpy as np
    >>> from autograd import where
    >>> f = autograd.compile(lambda x: where(x > 0, x**2, -x))
    >>> f(np.array([-1.0, 3.0])), f.grad(np.array([-1.0, 3.0]))
    (array([1., 9.]), array([-1.,  6.]))
    >>> @autograd.compile(vectors="x")
    ... def quadratic(x, a):
    ...     return a * x[0] ** 2 + x[1]
    >>> quadratic(np.array([3.0, 1.0]), 2.0), quadratic.grad(np.array([3.0, 1.0]), 2.0)
    (19.0, (array([12.,  1.]), 9.0))
    >>> quadratic(np.array([[3.0, 1.0], [0.0, 5.0]]), 2.0)
    array([19.,  5.])
    """

    def __init__(self, function: Function, settings: Settings, vectors: tuple[bool, ...]) -> None:
        self.__name__ = getattr(function, "__name__", "function")
        self.__module__ = getattr(function, "__module__", __name__)
        self.__qualname__ = getattr(function, "__qualname__", self.__name__)
        self.__doc__ = function.__doc__ or type(self).__doc__
        self._vectors = vectors
        self._take(function, Recordings(self.__name__, settings))

    def _take(self, function: Function | None, made: Recordings) -> None:
        self.__wrapped__, self._made = function, made
        self._values, self._both, self._gradients = made.calls["value"], made.calls["value_and_grad"], made.calls["grad"]
        self._instances: dict[int, tuple[weakref.ref[Any], Recordings]] = {}

    def __repr__(self) -> str:
        count = sum(map(len, self._made.variants.values()))
        return f"<compiled {self.__name__}: {count} recorded, {self._made.settings.engine}>"

    def __call__(self, *args: Tree, **named: Tree) -> Tree:
        if not (named or modes):
            call = self._values.get(tuple(map(type, args)))
            if call is not None and (answer := call(*args)) is not MISSED:
                return answer
        return self._answer("value", self._in_order(args, named))

    def grad(self, *args: Tree, **named: Tree) -> Tree:
        """The gradient, in the shape of the argument; a tuple of these for several arguments."""
        if not (named or modes):
            call = self._gradients.get(tuple(map(type, args)))
            if call is not None and (answer := call(*args)) is not MISSED:
                return answer
        return self._answer("value_and_grad", self._in_order(args, named))[1]

    def value_and_grad(self, *args: Tree, **named: Tree) -> tuple[Tree, Tree]:
        """The value and the gradient."""
        if not (named or modes):
            call = self._both.get(tuple(map(type, args)))
            if call is not None and (answer := call(*args)) is not MISSED:
                return answer  # type: ignore[no-any-return]
        value, gradient = self._answer("value_and_grad", self._in_order(args, named))
        return value, gradient

    def hessian(self, *args: Tree, **named: Tree) -> Tree:
        """∂²f/∂xᵢ∂xⱼ: the shape of the gradient, each number replaced by a gradient."""
        return self._answer("hessian", self._in_order(args, named))

    def hvp(self, *args: Tree) -> Tree:
        """The product of the Hessian with a vector in the shape of the argument (of the tuple of them), which comes last."""
        if len(args) < 2:
            raise TypeError(f"hvp of {self.__name__} needs the arguments and a vector in their shape, got {len(args)} in all")
        *point, v = args
        return self._answer("hvp", tuple(point), (v,) if len(self._made.chosen(len(point))) == 1 else tuple(v))

    def backward(self, *args: Tree) -> float:
        """The value, a float; its derivatives are added to ``grad`` of the Values that the function takes from outside.

        That is what ``f(*args).backward()`` does, to the bit, in native code. Arguments of another structure (longer lists) are
        recorded and compiled once more, and found again by it. With arrays it is the sum over all samples, and its derivatives, in
        eight strands that are added up in the end.

        >>> import autograd, numpy as np
        >>> from autograd import Value
        >>> w = Value(3.0)
        >>> loss = autograd.compile(lambda xs: sum((w - x) ** 2 for x in xs))
        >>> loss.backward([1.0, 2.0]), w.grad
        (5.0, 6.0)
        >>> autograd.compile(lambda x: (w - x) ** 2).backward(np.array([1.0, 2.0])), w.grad
        (5.0, 12.0)
        """
        function = self.__wrapped__
        if function is not None and (is_recorded() or has_values(args)):
            result = function(*args)
            result.backward()
            return float(result.data)
        forms, given = arguments(args, self._is_vector, self.__name__)
        numbers = [x if is_array(x) else real_number(x, f"backward of {self.__name__}") for x in given]
        with self._made.lock:
            self._made.refresh()
            if any(map(is_array, given)):
                value, received = samples.total(self._made, function, forms, numbers)
            else:
                variant, (value, *slopes) = self._made.way_at(function, "backward", forms, numbers)
                received = list(zip(variant.moving, slopes, strict=True))
        for v, slope in received:
            v.grad += slope
        return value

    # --- Of an instance ---

    def __get__(self, instance: Any, owner: type | None = None) -> Self:
        """The compiled method of an instance; of the class itself, or where it is no Python function, this."""
        if instance is None or not inspect.isfunction(self.__wrapped__):
            return self
        bound = object.__new__(CompiledFunction)
        for name in ("__name__", "__module__", "__qualname__", "__doc__"):
            setattr(bound, name, getattr(self, name))
        bound._vectors = self._vectors[1:]
        bound._take(self.__wrapped__.__get__(instance), self._made_for(instance))
        return bound

    def _made_for(self, instance: Any) -> Recordings:
        """The instance's recordings; they hold nothing that keeps it alive."""
        key = id(instance)
        found = self._instances.get(key)
        if found is not None and found[0]() is instance:
            return found[1]
        try:
            # Called with the reference, which is what ``pop`` gives where there is none; Ctrl-C in a callback in Python would be lost.
            reference = weakref.ref(instance, partial(self._instances.pop, key))
        except TypeError:
            raise TypeError(
                f"{self.__qualname__} is compiled for each instance, and {type(instance).__name__} has no room to note that: "
                'add "__weakref__" to its __slots__'
            ) from None
        ours = self._made.settings
        made = Recordings(self.__qualname__, replace(ours, by=ours.by[1:]))
        self._instances[key] = reference, made
        return made

    # --- Answering ---

    def _in_order(self, args: tuple[Tree, ...], named: dict[str, Tree]) -> tuple[Tree, ...]:
        """The arguments without names, in the order of the function's parameters."""
        if not named:
            return args
        if self.__wrapped__ is None:
            raise TypeError(f"{self.__name__} came here without its Python source and takes arguments in order only, not {named}")
        bound = inspect.signature(self.__wrapped__).bind(*args, **named)
        if bound.kwargs:
            raise TypeError(f"a compiled {self.__name__} cannot take {', '.join(bound.kwargs)} by name only: make it positional")
        return bound.args

    def _is_vector(self, place: int) -> bool:
        return bool(self._vectors) and self._vectors[min(place, len(self._vectors) - 1)]

    def _answer(self, what: str, args: tuple[Tree, ...], directions: tuple[Tree, ...] = ()) -> Tree:
        if not args:
            raise TypeError(f"{self.__name__} needs at least one argument, got none")
        if self.__wrapped__ is not None and (is_recorded() or has_values(args)):
            return self._eagerly(what, self.__wrapped__, args, directions)
        forms, given = arguments(args, self._is_vector, self.__name__)
        if directions:
            chosen = self._made.chosen(len(args))
            along, numbers = arguments(directions, lambda i: self._is_vector(chosen[i]), self.__name__)
            if list(along) != [forms[i] for i in chosen]:
                raise ValueError(f"hvp of {self.__name__} needs a vector in the shape of the arguments, nested as they are")
            given += numbers
        with self._made.lock:
            self._made.refresh()
            if any(map(is_array, given)):
                numbers = [x if is_array(x) else real_number(x, self.__name__) for x in given]
                return samples.answer(self._made, self.__wrapped__, what, forms, numbers)
            point = real_numbers(given, self.__name__)
            variant, found = self._made.way_at(self.__wrapped__, what, forms, point)
            self._shorten(what, forms, args)
        return variant.answer(what, iter(found), 0)

    def _eagerly(self, what: str, function: Function, args: tuple[Tree, ...], directions: tuple[Tree, ...]) -> Tree:
        """What the function itself answers, and its derivatives by the chosen arguments."""
        if what == "value":
            return function(*args)
        places = self._made.chosen(len(args))

        def of_chosen(*chosen: Tree) -> Tree:
            given = dict(zip(places, chosen, strict=True))
            return function(*[given.get(i, x) for i, x in enumerate(args)])

        along = directions if len(places) == 1 else [directions] * bool(directions)
        return _EAGERLY[what](of_chosen)(*[args[i] for i in places], *along)

    def _shorten(self, what: str, forms: tuple[Form, ...], args: tuple[Tree, ...]) -> None:
        """Give the next calls with arguments of these types the short way, where there is one."""
        kinds = tuple(map(type, args))
        if what in self._made.calls and is_key(kinds):
            variants = [variant for variant in self._made.known(what, forms) if (what, ONE) in variant.executors]
            for name in (what, "grad") if what == "value_and_grad" else (what,):
                call = call_for(self._made, variants, what, gradient_only=name == "grad")
                if call is not None:
                    self._made.calls[name][kinds] = call

    # --- Looking inside, travelling ---

    def listing(self) -> str:
        """The programs recorded so far in the blackboard's notation, one pack per line, loops as loops."""
        parts = [
            f"{what}, {layout}:\n{rolling.listing(program := self._made.program(variant, what, layout), variant.labels(program, layout))}"
            for found in self._made.variants.values()
            for variant in found
            for what, layout in variant.executors
        ]
        return "\n\n".join(parts)

    def javascript(self, *at: Tree, what: str = "value", name: str = "") -> str:
        """The source of one plain JavaScript function for the way that the function takes at this point.

        ``name(inputs, outputs)`` fills a Float64Array with the value (``what="value"``), or with value and gradient
        (``what="value_and_grad"``), from one with the numbers of the arguments in order. Values from outside become part of the source
        with the data they have now. Where an ``if`` of the function would go another way than at this point, it throws a RangeError
        that names the line: write ``where`` there to have both. ValueError for another ``what`` or a name that is none in JavaScript.

        >>> import autograd
        >>> print(autograd.compile(lambda r: 3.0 * r**2).javascript(2.0, name="area"))
        /**
         * The value.
         * inputs: Float64Array of 1. outputs: Float64Array of 1, filled.
         */
        function area(inputs, outputs) {
          "use strict";
          function pow(a, b) {
            return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : Math.pow(a, b);
          }
          const s2 = pow(inputs[0], 2);
          const s3 = 3 * s2;
          outputs[0] = s3;
        }
        <BLANKLINE>
        """
        from autograd.compiler.targets.javascript import javascript

        program, parts = self._said(at, what)
        return javascript(program, name or self.__name__, **parts)

    def c(self, name: str, *at: Tree, what: str = "value", dtype: str = "double") -> dict[str, str]:
        """The texts of ``name.h`` and ``name.c``, by file name, for the way that the function takes at this point: C99, and C++ too.

        The function in them is ``name(inputs, outputs)`` as of ``javascript``; where an ``if`` would go another way it returns the
        number of that condition, else 0. In double it has the eager engine's bits, compiled with ``-ffp-contract=off`` for the same C
        library. In float, constants are rounded and functions are those of float (``expf``): ``nextafter`` and ``ulp`` are steps between
        floats then, and random numbers a TypeError. ValueError for a name, ``what`` or ``dtype`` that cannot be.

        >>> import autograd
        >>> print(autograd.compile(lambda r: 3.0 * r * r).c("area", 2.0)["area.c"])
        #include "area.h"
        #if AREA_EXPORT != 0xbb37793eUL
        #error "area.c and area.h are of two exports: export again"
        #endif
        <BLANKLINE>
        #include <math.h>
        <BLANKLINE>
        void area(const double inputs[1], double outputs[1]) {
          const double s2 = 3.0 * inputs[0];
          const double s3 = s2 * inputs[0];
          outputs[0] = s3;
        }
        <BLANKLINE>
        """
        from autograd.compiler.targets.c_module import c

        program, parts = self._said(at, what)
        return c(program, name, dtype=dtype, **parts)

    def onnx(self, path: str | PathLike[str], *at: Tree, what: str = "value", dtype: str = "double") -> None:
        """Write an ONNX model for the way that the function takes at this point: from ``inputs`` [N, number of the arguments] to
        ``outputs`` [N, …]; where an ``if`` would go another way these are nan. ValueError for a ``what`` or ``dtype`` that cannot be,
        TypeError for random numbers and, in float, for ``nextafter`` and ``ulp``, ImportError without the extra ``onnx``.
        """
        from autograd.compiler.targets.onnx import onnx_model, write_model

        program, parts = self._said(at, what)
        write_model(onnx_model(program, dtype=dtype, **parts), path)

    def jax(self, *at: Tree, what: str = "value") -> Any:
        """A pure function of ``jax.numpy`` arrays for the way that the function takes at this point, for jit, vmap, grad and shard_map.

        It takes an array of the numbers of the arguments in order and gives one of the value, or of value and gradient; axes before the
        last are samples. Results have the type of the argument and agree with the engine to rounding. Values from outside become
        part of it with the data they have now. Where an ``if`` would go another way the results are nan. ImportError without JAX.
        """
        from autograd.compiler.targets.jax import jax_function

        program, parts = self._said(at, what)
        return jax_function(program, numbers=parts["numbers"], guards=parts["guards"])

    def _said(self, at: tuple[Tree, ...], what: str) -> tuple[Program, dict[str, Any]]:
        """The program of the way taken at a point, and what a target needs to know besides."""
        abouts = {"value": "The value.", "value_and_grad": "The value and the gradient."}
        about = abouts.get(what) if isinstance(what, str) else None
        if about is None or not at:
            raise ValueError(
                f"{self.__name__} needs a point to be written for, and what='value' or 'value_and_grad', got {what!r} at {at}"
            )
        forms, given = arguments(at, self._is_vector, self.__name__)
        point = real_numbers(given, self.__name__)
        with self._made.lock:
            variant, _ = self._made.way_at(self.__wrapped__, what, forms, point)
            program = self._made.executor(variant, what, ONE).program
            guards = [(guard.answer, guard.site) for guard in variant.guards]
            return program, {"numbers": variant.shared_inputs().tolist(), "guards": guards, "about": about}

    def __reduce__(self) -> Any:
        if inspect.ismethod(self.__wrapped__):
            return getattr, (self.__wrapped__.__self__, self.__name__)
        module = self.__module__
        if module != "__main__" and getattr(sys.modules.get(module), self.__qualname__, None) is self:
            return self.__qualname__  # made by a decorator in a module: found there by its name
        return copyreg.__newobj__, (CompiledFunction,), self.__getstate__()  # type: ignore[attr-defined]

    def __getstate__(self) -> dict[str, Any]:
        names = {name: getattr(self, name) for name in ("__name__", "__module__", "__qualname__", "__doc__")}
        return {"function": _portable(self.__wrapped__), "names": names, "vectors": self._vectors, "made": self._made.packed()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        function = state["function"]
        if isinstance(function, bytes):
            function = _unpickled(function)
        for name, text in state["names"].items():
            setattr(self, name, text)
        self._vectors = state["vectors"]
        self._take(function, Recordings.unpacked(state["made"], function))


def flags(function: Function, option: str, named: str | Iterable[str]) -> tuple[bool, ...]:
    """For each parameter of the function whether it is named; the last stands for all that follow."""
    names = [named] if isinstance(named, str) else list(named)
    if not names:
        return ()
    parameters = list(inspect.signature(function).parameters.values())
    known = [parameter.name for parameter in parameters]
    unknown = [name for name in names if name not in known]
    if unknown:
        called = getattr(function, "__name__", "the function")
        raise ValueError(
            f"{option} names parameters, and {called} has none called {unknown[0]!r}; it has {', '.join(known) or 'none'}"
        )
    return tuple([name in names for name in known])


def _portable(function: Function | None) -> Any:
    """The function if it can be pickled by its name, else as bytes of cloudpickle's if that is there; None if it must stay behind."""
    try:
        pickle.dumps(function)
        return function
    except Exception:  # a lambda, a local function, or one whose name a decorator has taken
        pass
    try:
        import cloudpickle

        return cloudpickle.dumps(function)
    except Exception:  # not installed, or the function holds what cannot travel: only what is recorded does
        return None


def _unpickled(parcel: bytes) -> Function | None:
    try:
        function: Function = pickle.loads(parcel)
    except ImportError:  # no cloudpickle here
        return None
    return function
