"""Rows about bad input: every public callable is handed nonsense, and may answer, or say in one of the agreed errors what is wrong."""

import contextlib
import inspect
import io
import itertools
import math
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

import autograd
import nn
import viz
from tests.trust.figures import Row, Trial

# What only the package itself calls, with what it has checked: the classes of results, the second half of ``load``, and an
# optimizer's rule for one parameter.
PACKAGES = (autograd, autograd.math, autograd.random, nn, nn.schedules, viz)
INTERNAL = {
    *("viz.Animation", "viz.LivingPicture", "viz.Playground", "MLP().accept", "Adam().move", "Adam().update"),
    *("MaxPool2d().pooled", "AvgPool2d().pooled", "BatchNorm().batch", "BatchNorm().normalised"),
    *("Dropout().after", "Adam().rate"),
}
# What may come of nonsense; and of a file that is none, of an int beyond all floats, of a module that is none. Where the standard
# library's ``math`` is repeated, so are its errors.
AGREED: tuple[type[Exception], ...] = (TypeError, ValueError)
MORE: dict[str, type[Exception]] = {
    r"^autograd\.check_gradients\(": autograd.GradientMismatch,
    r"load\(|save\(|export_|onnx\(": OSError,
    r"^autograd\.take\(": IndexError,
    r"a huge int|^autograd\.math\.": OverflowError,
    r"^autograd\.lift\(|export_onnx|to_torch|from_|jax\(|onnx\(": ImportError,
}
# Python's own words for what a line of code cannot do: such an error came from inside, and nobody can know which argument it means.
INSIDE = re.compile(
    r"is not (iterable|subscriptable|callable|reversible)|not supported between|unsupported operand|has no len|has no attribute|"
    r"can't multiply|can only concatenate|as an integer|must be integers|unhashable|cannot unpack|values to unpack|out of range|"
    r"file descriptor|supported seed|string pattern|<lambda>\(\)|<locals>\.\w+\(\)|^this "
)
# Where an answer to these is wrong: anywhere but in the classes of results, which the package fills, and in a flag.
NEVER = re.compile(r"\((complex|an object)[,)]")
ANYTHING = re.compile(r"\.(Condition|Dataset|History|BackwardTable|Derivation|Film|Graph|Network|Watch|named_parameters)\(")
# In how many rounds every option is handed all of it.
PART = 6


def _nothing(*arguments: object, **options: object) -> None:
    """A function of anything, whose answer nobody can use."""


NONSENSE: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "text": lambda: "abc",
    "nothing": lambda: "",
    "bytes": lambda: b"abc",
    "complex": lambda: 1j,
    "an object": object,
    "a function": lambda: _nothing,
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
    "an array without axes": lambda: np.array(1.0),
    "an array of three axes": lambda: np.zeros((2, 3, 4)),
    "an empty array": lambda: np.zeros((0, 2)),
    "an array with nan": lambda: np.array([[1.0, math.nan]]),
    "an array of text": lambda: np.array(["a", "b"]),
    "an array of complex numbers": lambda: np.array([1j, 2.0]),
    "an array of objects": lambda: np.array([None, {}], dtype=object),
}


# Sense for the places without a default, by their names: then nonsense can be handed to those with one.
SENSE: dict[str, Callable[[], Any]] = {
    "at": lambda: 0.5,
    "count": lambda: 2,
    "data": lambda: 1.0,
    "deviation": lambda: 0.1,
    "epochs": lambda: 1,
    "every": lambda: 2,
    "folder": lambda: "out",
    "f": lambda: lambda x: x * x,
    "history": lambda: [1.0, 0.5],
    "iterable": lambda: [1.0],
    "in_channels": lambda: 1,
    "kernel": lambda: 1,
    **dict.fromkeys(("queries", "keys", "values"), lambda: [[1.0]]),
    "seed": lambda: 0,
    "key": lambda: autograd.random.Key(0),
    "layer": lambda: nn.Conv2d(1, 1, 2),
    "loss": lambda: "mse",
    "lr": lambda: 0.1,
    "name": lambda: "f",
    "model": lambda: nn.MLP(2, [1], seed=0),
    "n": lambda: 8,
    "nin": lambda: 2,
    "nout": lambda: 2,
    "nouts": lambda: [1],
    "optimizer": lambda: nn.Adam([autograd.Value(1.0)]),
    "out_channels": lambda: 1,
    "outputs": lambda: autograd.Value(2.0) * autograd.Value(1.0),
    "params": lambda: [autograd.Value(1.0)],
    "path": lambda: "file.svg",
    "root": lambda: autograd.Value(2.0) * autograd.Value(1.0),
    "scores": lambda: 0.5,
    "size": lambda: 2,
    "step": lambda: 0,
    "steps": lambda: 10,
    "target": lambda: 0.0,
    "ws": lambda: [1.0, 2.0],
    "X": lambda: [[0.0, 1.0], [1.0, 0.0]],
    "x": lambda: 0.5,
    "xs": lambda: [1.0, 2.0],
    "y": lambda: [0.0, 1.0],
}


def callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function, class and method of the packages, by name."""
    for package in PACKAGES:
        for name in public(package):
            thing = getattr(package, name)
            if not callable(thing) or isinstance(thing, ModuleType) or _is_error(thing):
                continue
            yield f"{package.__name__}.{name}", thing
    known = set()
    for of in instances():
        for name, method in inspect.getmembers(of, inspect.ismethod):
            is_public = name == "__call__" or not name.startswith("_")
            if is_public and method.__func__ not in known and method.__module__.partition(".")[0] in ("autograd", "nn", "viz"):
                known.add(method.__func__)
                yield f"{type(of).__name__}().{name}", method


def public(package: ModuleType) -> list[str]:
    """The public names of a package; of a module without a list of them, what is written in it."""
    here = [name for name, thing in vars(package).items() if getattr(thing, "__module__", "") == package.__name__]
    return sorted(getattr(package, "__all__", [name for name in here if not name.startswith("_")]))


def instances() -> Iterator[Any]:
    """What users call methods of."""
    x = autograd.Value(2.0)
    yield from (x, x > 1.0, nn.MLP(2, [2, 1], seed=0), nn.Adam([x]), autograd.random.Key(0), nn.moons(4))
    yield from (autograd.compile(autograd.tanh, engine="numpy"), autograd.compile(x * x, engine="numpy"))
    yield from (nn.NetClassifier([2], epochs=1), nn.NetRegressor([2], epochs=1))
    yield from (nn.Neuron(2), nn.Layer(2, 1), nn.Conv1d(1, 1, 2), nn.Conv2d(1, 1, 2), nn.MaxPool2d(2), nn.AvgPool2d(2))
    yield from (nn.Flatten(), nn.Unflatten(1, 2), nn.Sequential(nn.Layer(2, 1)), nn.BatchNorm(2), nn.LayerNorm(2), nn.RMSNorm(2))
    yield from (nn.Dropout(0.5), nn.GaussianNoise(0.1), nn.NormalSample(1), nn.Embedding(3, 2), nn.GRU(2, 1), nn.Recurrent(2, 1))


def _is_error(thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, BaseException)


def places(f: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a callable."""
    try:
        return list(inspect.signature(f.value if isinstance(f, autograd.Op) else f).parameters.values())
    except (TypeError, ValueError):  # of a class of C
        return [inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY)]


def _required(f: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that a callable cannot do without, a point among them; the first one if there are others only."""
    parameters = places(f)
    varied = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    given = [p for p in parameters if p.name == "at" or (p.kind not in varied and p.default is p.empty)]
    return given or parameters[:1]


def calls(seed: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each callable with nonsense in all the places that must be filled."""
    names = list(NONSENSE)
    for name, f in callables():
        if name in INTERNAL:
            continue
        required = _required(f)
        for i, first in enumerate(names if required else []):
            if first == "a huge int" and name.startswith("nn."):
                continue  # a network of that size is asked for, and would be built
            others = [names[(i + (seed + 1) * (k + 1) * 7) % len(names)] for k in range(len(required) - 1)]
            yield f"{name}({', '.join([first, *others])})", partial(_call, f, required, [first, *others])


def options(seed: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each callable with sense in all the places that must be filled and nonsense in one of the others: a part of it in each round."""
    for name, f in callables():
        filled = [p for p in _required(f) if p.default is p.empty]
        if name in INTERNAL or any(p.name not in SENSE for p in filled):
            continue
        for k, option in enumerate(p for p in places(f) if p.default is not p.empty):
            for what in list(NONSENSE)[(seed + k) % PART :: PART]:
                if what != "a huge int" or not name.startswith("nn."):
                    yield f"{name}({option.name}={what})", partial(_call, f, [*filled, option], [*[p.name for p in filled], what])


def _call(f: Callable[..., Any], filled: list[inspect.Parameter], names: list[str]) -> Any:
    given = [(place, (NONSENSE.get(name) or SENSE[name])()) for place, name in zip(filled, names, strict=True)]
    named = {p.name: x for p, x in given if p.kind == p.KEYWORD_ONLY or p.default is not p.empty}
    return f(*[x for p, x in given if p.name not in named], **named)


def nonsense(made: Callable[[int], Iterator[tuple[str, Callable[[], Any]]]], count: int) -> Iterator[Trial]:
    """So many rounds of calls: any other error than the agreed ones, or one that does not say what was wrong, is a disagreement."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.chdir(folder)
        try:
            for name, call in itertools.chain.from_iterable(map(made, range(count))):
                wrong = _answer(name, call)
                yield Trial(float(bool(wrong)), partial("{}: {}".format, name, wrong))
        finally:
            os.chdir(before)


def _answer(name: str, call: Callable[[], Any]) -> str:
    """Which error came that should not; nothing if there was none."""
    agreed = (*AGREED, *[error for places, error in MORE.items() if re.search(places, name)])
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        try:
            call()
            return "an answer to what can have none" if NEVER.search(name) and not ANYTHING.search(name) else ""
        except agreed as error:
            is_said = str(error) and (name.startswith("autograd.math.") or not INSIDE.search(str(error)))
            return "" if is_said else f"{error!r} does not say what is wrong"
        except Exception as error:
            return f"{error!r} is none of {', '.join(each.__name__ for each in agreed)}"
    return ""


_ANSWERS = "an answer, or an agreed error that says what is wrong"
ROWS = [
    Row("inputs", f"nonsense for every public callable: {_ANSWERS}", partial(nonsense, calls), 1, 20),
    Row("inputs", f"nonsense for every option of a public callable: {_ANSWERS}", partial(nonsense, options), 1, PART),
]
