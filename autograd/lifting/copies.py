"""Copies of modules and functions that see other builtins than the originals."""

import builtins
import importlib.util
import math
import numbers
import operator
from collections.abc import Iterable
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, final

from autograd import math as our_math
from autograd import ops
from autograd.lifting.source import prepared, prepared_code
from autograd.value import Condition, Value, Written


def _isinstance(x: object, kinds: Any) -> bool:
    """``isinstance``, for which a Value is a float and a real number."""
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if isinstance(x, (Value, Condition)) and any([kind in _REAL for kind in kinds if isinstance(kind, type)]):
        return True
    return isinstance(x, tuple([builtins.float if kind is Float else kind for kind in kinds]))


class Float(float):
    """``float`` in lifted code: lets a Value through."""

    def __new__(cls, x: Any = 0.0) -> Any:
        if cls is not Float:
            return super().__new__(cls, x)
        if isinstance(x, Written):
            raise TypeError(
                f"float({str(x)!r}) would read back what a Value was written as and lose its gradient: round() keeps it"
            )
        return x if isinstance(x, (Value, Condition)) else builtins.float(x)


_REAL = (float, Float, numbers.Number, numbers.Complex, numbers.Real)


def _kind(x: object) -> type:
    """``type(x)`` where it is compared: that of a float also for a Value."""
    return Float if isinstance(x, (Value, Condition)) or type(x) is float else type(x)


def _divided(how: str, a: Any, b: Any) -> Any:
    """A division that raises as Python's does, also of Values."""
    if b == 0:
        raise ZeroDivisionError("division by zero")
    return getattr(operator, how)(a, b)


def _equal(a: Any, b: Any) -> Any:
    """``a == b``, where Values are equal that are so as numbers."""
    if isinstance(a, Value) and isinstance(b, Value):
        return ops.equal(a, b)
    if _is_row(a) and type(a) is type(b):
        return len(a) == len(b) and all([_is_same(x, y) for x, y in zip(a, b, strict=True)])
    return a == b


def _unequal(a: Any, b: Any) -> Any:
    if isinstance(a, Value) and isinstance(b, Value):
        return ~ops.equal(a, b)
    return not _equal(a, b) if _is_row(a) else a != b


def _is_row(x: object) -> bool:
    """Whether it is compared as lists or tuples are, part by part."""
    return type(x).__eq__ in (list.__eq__, tuple.__eq__)


def _is_same(a: Any, b: Any) -> bool:
    return a is b or bool(_equal(a, b))


def _among(x: Any, some: Any) -> bool:
    """``x in some``; a Value is found among numbers."""
    if type(some) in (list, tuple) or (isinstance(x, Value) and isinstance(some, (set, frozenset, dict))):
        return any([_is_same(x, y) for y in some])
    return x in some


def _decided(x: Any) -> Any:
    """What is matched, with bools for comparisons: ``case True`` asks for True itself."""
    if isinstance(x, Condition):
        return bool(x)
    return type(x)([_decided(part) for part in x]) if type(x) in (list, tuple) else x


def _itself(x: Any) -> Any:
    """What ``is`` looks at: True or False itself for a comparison."""
    return bool(x) if isinstance(x, Condition) else x


class _FloatLike(type):
    """The type of what takes floats and Values in a pattern."""

    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, (float, Value, Condition))


class _Matched(float, metaclass=_FloatLike):
    """``float`` in ``case float():``. (As a base class, which ``float`` can be too, it would not do.)"""


# What prepared code refers to.
_NAMED = {
    "__divided__": _divided,
    "__kind__": _kind,
    "__equal__": _equal,
    "__unequal__": _unequal,
    "__among__": _among,
    "__outside__": lambda x, some: not _among(x, some),
    "__decided__": _decided,
    "__itself__": _itself,
    "__matched__": _Matched,
}


@final
class Lifting:
    """What was lifted so far, and how."""

    def __init__(self, name: str, deep: bool, also: Iterable[str], rounding: str) -> None:
        self._roots = (*([name.partition(".")[0]] if deep else []), *also)
        self._modules: dict[str, ModuleType] = {}
        self._globals: dict[int, dict[str, Any]] = {}
        self._rounding = rounding
        own = {"__import__": self._import, "float": Float, "isinstance": _isinstance, "round": self._round}
        self._builtins = {**vars(builtins), **own, **_NAMED}

    def _round(self, x: Any, digits: Any = None) -> Any:
        if self._rounding == "zero" or digits is None or not isinstance(x, Value):
            return round(x) if digits is None else round(x, digits)
        return ops.shown_of(float(operator.index(digits)))(x)

    # --- Modules ---

    def _is_mine(self, name: str) -> bool:
        return any([name == root or name.startswith(f"{root}.") for root in self._roots])

    def module(self, name: str) -> ModuleType:
        """The lifted copy of a module."""
        package = name.rpartition(".")[0]
        if package and name not in self._modules and self._is_mine(package):
            self.module(package)  # as every import does; it may bring the module
        if name in self._modules:
            return self._modules[name]
        spec = importlib.util.find_spec(name)
        if spec is None:
            raise ModuleNotFoundError(f"lift found no module named {name!r}; is it installed?", name=name)
        source = getattr(spec.loader, "get_source", lambda _: None)(name)
        if source is None:
            raise TypeError(f"lift needs Python source, and {name!r} has none (it is at {spec.origin or 'no file'})")
        module = importlib.util.module_from_spec(spec)
        self._modules[name] = module
        module.__dict__["__builtins__"] = self._builtins
        exec(compile(prepared(source, spec.origin or name), spec.origin or name, "exec"), module.__dict__)
        return module

    def _import(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Iterable[str] | None = (), level: int = 0
    ) -> Any:
        """``__import__`` in lifted code."""
        whole = importlib.util.resolve_name("." * level + name, (globals or {}).get("__package__")) if level else name
        if whole == "math":
            return our_math
        if whole.startswith("_") and whole[1:] in self._modules:  # an accelerator in C, which PEP 399 has Python code for
            raise ImportError(f"{whole} is not used in lifted code", name=whole)
        if not self._is_mine(whole):
            return __import__(name, globals, locals, tuple(fromlist or ()), level)
        parts = whole.split(".")
        for i in range(1, len(parts) + 1):
            found = self.module(".".join(parts[:i]))
            if i > 1:
                setattr(self._modules[".".join(parts[: i - 1])], parts[i - 1], found)
        if not fromlist:
            return self._modules[parts[0]] if not level else found
        for attribute in fromlist:
            below = f"{whole}.{attribute}"
            if hasattr(found, "__path__") and not hasattr(found, attribute) and importlib.util.find_spec(below):
                setattr(found, attribute, self.module(below))
        return found

    # --- Functions ---

    def function(self, f: FunctionType) -> FunctionType:
        """The lifted copy of a function."""
        code = prepared_code(f.__code__)
        cells = tuple([CellType(self._lifted(cell.cell_contents, f.__globals__)) for cell in f.__closure__ or ()])
        copy = FunctionType(code, self._seen(f.__globals__, _names(code)), f.__name__, f.__defaults__, cells)
        copy.__kwdefaults__, copy.__doc__, copy.__qualname__ = f.__kwdefaults__, f.__doc__, f.__qualname__
        return copy

    def _seen(self, names: dict[str, Any], used: set[str]) -> dict[str, Any]:
        """The globals of lifted functions, where what they use is lifted."""
        copy = self._globals.setdefault(id(names), {**names, "__builtins__": self._builtins})
        for name in sorted(used & names.keys()):
            if copy[name] is names[name]:
                copy[name] = None  # in work, should a function use itself
                copy[name] = self._lifted(names[name], names)
        return copy

    def _lifted(self, thing: Any, names: dict[str, Any]) -> Any:
        if thing is math:
            return our_math
        if getattr(thing, "__module__", None) == "math" and not isinstance(thing, type):
            return getattr(our_math, thing.__name__)
        if isinstance(thing, FunctionType) and (thing.__globals__ is names or self._is_mine(thing.__module__ or "")):
            return self.function(thing)
        return thing


def _names(code: CodeType) -> set[str]:
    """The globals and attributes that code refers to, with the functions in it."""
    inner = [_names(part) for part in code.co_consts if isinstance(part, CodeType)]
    return set(code.co_names).union(*inner)
