"""Rows about bad input: every public callable is handed nonsense, and may answer, or say in one of the agreed errors what is wrong."""

import contextlib
import inspect
import io
import itertools
import math
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import autograd
import nn
import viz
from tests.trust.figures import Row, Trial

# What only the package itself calls, with what it has checked: the classes of results, and the second half of ``load``.
PACKAGES = (autograd, autograd.math, autograd.random, nn, viz)
INTERNAL = {"viz.LivingPicture", "viz.Playground", "MLP().accept"}
# What may come of nonsense. ImportError names an extra, OSError a file; a wrong number of arguments is Python's own TypeError.
AGREED = (TypeError, ValueError, ImportError, OSError, OverflowError, FloatingPointError, NotImplementedError)
NONSENSE: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "text": lambda: "abc",
    "nothing": lambda: "",
    "bytes": lambda: b"abc",
    "complex": lambda: 1j,
    "an object": object,
    "a function": lambda: len,
    "a class": lambda: float,
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "a huge int": lambda: 10**400,
    "-1": lambda: -1,
    "0": lambda: 0,
    "1.5": lambda: 1.5,
    "[]": list,
    "{}": dict,
    "a list of text": lambda: ["a", "b"],
    "a ragged list": lambda: [[1.0], [1.0, 2.0]],
    "lists in lists": lambda: [[[1.0]]],
    "a list of nan": lambda: [math.nan],
    "a generator": lambda: (i for i in range(3)),
    "a Value": lambda: autograd.Value(1.0),
    "a list of Values": lambda: [autograd.Value(1.0), autograd.Value(2.0)],
    "a network": lambda: nn.MLP(2, [1], seed=0),
}


def callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function, class and method of the packages, by name."""
    for package in PACKAGES:
        for name in sorted(package.__all__):
            thing = getattr(package, name)
            if not callable(thing) or isinstance(thing, ModuleType) or _is_error(thing):
                continue
            yield f"{package.__name__}.{name}", thing
    for of in (autograd.Value(2.0), nn.MLP(2, [2, 1], seed=0), nn.Adam([autograd.Value(1.0)])):
        for name, method in inspect.getmembers(of, inspect.ismethod):
            if not name.startswith("_"):
                yield f"{type(of).__name__}().{name}", method


def _is_error(thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, BaseException)


def _required(f: Callable[..., Any]) -> int:
    """How many arguments without a default a callable has."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return 1
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds and p.default is p.empty for p in parameters)


def calls(seed: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each callable with nonsense in all its places, in one place after the other, and in one place too many."""
    names = list(NONSENSE)
    for name, f in callables():
        if name in INTERNAL:
            continue
        count = max(1, _required(f))
        for i, first in enumerate(names):
            if first == "a huge int" and name.startswith("nn."):
                continue  # a network of that size is asked for, and would be built
            others = [names[(i + (seed + 1) * (k + 1) * 7) % len(names)] for k in range(count - 1)]
            yield f"{name}({', '.join([first, *others])})", partial(_call, f, [first, *others])


def _call(f: Callable[..., Any], names: list[str]) -> Any:
    return f(*[NONSENSE[name]() for name in names])


def nonsense(count: int) -> Iterator[Trial]:
    """So many rounds of calls: any other error than the agreed ones is a disagreement."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.chdir(folder)
        try:
            for name, call in itertools.chain.from_iterable(map(calls, range(count))):
                wrong = _answer(call)
                yield Trial(float(bool(wrong)), partial("{}: {}".format, name, wrong))
        finally:
            os.chdir(before)


def _answer(call: Callable[[], Any]) -> str:
    """Which error came that should not; nothing if there was none."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        try:
            call()
        except AGREED as error:
            return "" if str(error) else f"{error!r} says nothing"
        except Exception as error:
            return repr(error)
    return ""


ROWS = [Row("inputs", "nonsense for every public callable: an answer, or TypeError, ValueError and their kin", nonsense, 1, 20)]
