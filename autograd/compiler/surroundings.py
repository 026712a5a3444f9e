"""What a function takes from outside by name, as it was when the function was recorded: a recording holds as long as that is the same.

Glossary::

    name      a global, variable of an enclosing function or attribute that the code of the function, or of one that it calls, mentions
    place     the dict, or what reads like one, in which a name is looked up
    data      numbers, texts, Values, and lists, tuples, dicts, sets and arrays of these: compared by what is in them. Anything else is
              compared by identity, through a weak reference where there can be one

Only what the code mentions is looked at, and nothing inside Python's own packages and ours. Asking whether all is the same costs some
40 ns a name.
"""

import functools
import inspect
import marshal
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from operator import is_
from typing import Any, final

from autograd.value import Value

_NOTHING = object()
_CONTAINERS = (list, tuple, dict, set, frozenset)
_DEEPEST = 20  # containers within containers; beyond, and where one contains itself, they are compared by identity
_SCALARS = (float, int, str, bytes, complex, type(None))
_NOT_OURS_TO_WATCH = frozenset([*sys.stdlib_module_names, "autograd", "nn", "viz", "numpy", "scipy"]) - {"__main__"}


@final
class _Cell:
    """A variable of an enclosing function, as a place with one name."""

    def __init__(self, cell: Any) -> None:
        self.cell = cell

    def get(self, name: str, default: object) -> Any:
        try:
            return self.cell.cell_contents
        except ValueError:  # not assigned yet, or deleted
            return default


@final
class _Slots:
    """The slots of an object, as a place; the object may go."""

    def __init__(self, thing: Any) -> None:
        self.thing = weakref.ref(thing) if hasattr(thing, "__weakref__") else lambda: thing

    def get(self, name: str, default: object) -> Any:
        return getattr(self.thing(), name, default)


@final
class Surroundings:
    """What the code of a function can reach by name; ``same()`` says whether it is still as it was."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._names: dict[tuple[int, str], tuple[Any, str]] = {}
        self._entered: set[Any] = set()
        self.asks_types = False  # whether type(x) or x.__class__ is mentioned anywhere
        self._walk(function)
        self._entered.clear()
        found = [(place, name, place.get(name, _NOTHING)) for place, name in self._names.values()]
        self._scalars = [(place.get, name) for place, name, x in found if isinstance(x, _SCALARS) or x is _NOTHING]
        self._kept = [x for _, _, x in found if isinstance(x, _SCALARS) or x is _NOTHING]
        self._contents = [(place.get, name, _contents(x)) for place, name, x in found if _is_container(x)]
        self._others = [
            (place.get, name, _reference(x))
            for place, name, x in found
            if not isinstance(x, _SCALARS) and x is not _NOTHING and not _is_container(x)
        ]

    def same(self) -> bool:
        """Whether every name still stands for the same."""
        now = [get(name, _NOTHING) for get, name in self._scalars]
        if not all(map(is_, now, self._kept)) and not all(map(_equal, now, self._kept)):
            return False
        if self._others and not all([_is(get(name, None), reference()) for get, name, reference in self._others]):
            return False
        return not self._contents or all([_contents(get(name, _NOTHING)) == kept for get, name, kept in self._contents])

    def is_watching(self) -> bool:
        """Whether there is anything to compare."""
        return bool(self._scalars or self._others or self._contents)

    def settle(self) -> None:
        """Watch no longer what the function itself has changed while it was recorded: a list that it writes what it did into."""
        stays = [_equal(get(name, _NOTHING), kept) for (get, name), kept in zip(self._scalars, self._kept, strict=True)]
        self._scalars = [place for place, is_same in zip(self._scalars, stays, strict=True) if is_same]
        self._kept = [kept for kept, is_same in zip(self._kept, stays, strict=True) if is_same]
        self._others = [each for each in self._others if _is(each[0](each[1], None), each[2]())]
        self._contents = [each for each in self._contents if _contents(each[0](each[1], _NOTHING)) == each[2]]

    def numbers(self) -> list[Any]:
        """The plain numbers and texts among it, as they were."""
        return [None if kept is _NOTHING else kept for kept in self._kept]

    # --- Finding the names ---

    def _walk(self, function: Any) -> None:
        """The names that a function, and those that it calls, mention."""
        waiting: list[tuple[Any, Any]] = [(function, None)]
        while waiting:
            thing, owner = waiting.pop()
            code, scope, owner = _code_of(thing, owner)
            if code is None or (id(code), id(owner)) in self._entered:
                continue
            self._entered.add((id(code), id(owner)))
            names = list(_mentioned(code))
            self.asks_types = self.asks_types or "type" in names or "__class__" in names
            for name, cell in zip(code.co_freevars, scope.__closure__ or (), strict=True):
                waiting.extend(self._take(_Cell(cell), cell, name, names, owner))
            for name in names:
                waiting.extend(self._take(scope.__globals__, scope.__globals__, name, names, owner))
            if owner is not None:
                waiting.extend(self._take_attributes(owner, names))

    def _take(self, place: Any, holder: Any, name: str, names: list[str], owner: Any) -> Iterator[tuple[Any, Any]]:
        """Watch a name if it is there, and hand out the functions to look into because of it. The place is that of ``holder``."""
        thing = place.get(name, _NOTHING)
        if thing is _NOTHING or thing is owner or _is_foreign(thing):
            return
        if not isinstance(thing, types.ModuleType):
            self._names.setdefault((id(holder), name), (place, name))
        if isinstance(thing, (Value, *_SCALARS)) or _is_container(thing):
            return
        yield thing, None
        if not isinstance(thing, (types.FunctionType, type)) and id(thing) not in self._entered:
            self._entered.add(id(thing))
            yield from self._take_attributes(thing, names)

    def _take_attributes(self, owner: Any, names: list[str]) -> Iterator[tuple[Any, Any]]:
        """The attributes of an object, or of a module, among the names."""
        own = getattr(owner, "__dict__", None)
        for name in names:
            kind = next((kind for kind in type(owner).__mro__ if name in vars(kind)), None)
            if own is not None and name in own:
                yield from self._take(own, own, name, names, owner)
            elif kind is None or _is_foreign(kind):
                continue
            elif isinstance(vars(kind)[name], types.MemberDescriptorType):
                yield from self._take(_Slots(owner), owner, name, names, owner)
            else:
                if own is not None:
                    self._names.setdefault((id(own), name), (own, name))  # not there, and to stay so
                yield from self._take(vars(kind), kind, name, names, owner)
                yield vars(kind)[name], owner


def _code_of(thing: Any, owner: Any) -> tuple[Any, Any, Any]:
    """Code, function and ``self`` of something callable that is written in Python; else nothing."""
    while not isinstance(thing, types.FunctionType):
        if isinstance(thing, property):
            thing = thing.fget
        elif isinstance(thing, types.MethodType):
            thing, owner = thing.__func__, thing.__self__
        elif isinstance(thing, functools.partial):
            thing = thing.func
        elif hasattr(thing, "__wrapped__"):  # something compiled
            thing = thing.__wrapped__
        elif isinstance(thing, type) or not inspect.isfunction(inspect.getattr_static(type(thing), "__call__", None)):
            return None, None, None
        else:
            thing, owner = type(thing).__call__, thing
    return (None, None, None) if _is_foreign(thing) else (thing.__code__, thing, owner)


def _is_foreign(thing: Any) -> bool:
    """Whether it is a function, a class or a module of Python itself or of ours: these do not change."""
    if isinstance(thing, types.ModuleType):
        return thing.__name__.partition(".")[0] in _NOT_OURS_TO_WATCH
    if isinstance(thing, types.BuiltinFunctionType):
        return True
    module = getattr(thing, "__module__", None) if isinstance(thing, (types.FunctionType, type)) else None
    return isinstance(module, str) and module.partition(".")[0] in _NOT_OURS_TO_WATCH


def _mentioned(code: types.CodeType) -> Iterator[str]:
    """The names of globals and attributes in the code, and in the functions and comprehensions within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from _mentioned(constant)


# --- Comparing -----------------------------------------------------------------------------------------------------------------


def _equal(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and repr(a) == repr(b))


def _is(a: Any, b: Any) -> bool:
    return a is b and a is not None


def _reference(thing: Any) -> Callable[[], Any]:
    """A weak reference, or one that keeps alive what cannot be referred to weakly."""
    try:
        return weakref.ref(thing)
    except TypeError:
        return lambda: thing


def _is_container(thing: Any) -> bool:
    """Whether it is a list, tuple, dict, set or array, of which the contents can be compared: it does not contain itself."""
    return _ends(thing, ()) if isinstance(thing, _CONTAINERS) else _is_array(thing)


def _ends(thing: Any, around: tuple[int, ...]) -> bool:
    """Whether no container in it contains itself."""
    if id(thing) in around or len(around) > _DEEPEST:
        return False
    parts = list(thing.values()) if isinstance(thing, dict) else thing
    if not any([issubclass(kind, _CONTAINERS) for kind in set(map(type, parts))]):
        return True
    around = (*around, id(thing))
    return all([_ends(part, around) for part in parts if isinstance(part, _CONTAINERS)])


def _is_array(thing: Any) -> bool:
    return type(thing).__module__ == "numpy" and hasattr(thing, "tobytes")


def _contents(thing: Any) -> Any:
    """What is in a list, tuple, dict, set or array, to be compared; None for anything else.

    Plain numbers by their bits, Values and what is no data by identity.
    """
    if _is_array(thing):
        is_data = not thing.dtype.hasobject
        return str(thing.dtype), thing.shape, thing.tobytes() if is_data else _contents(thing.ravel().tolist())
    if not isinstance(thing, _CONTAINERS):
        return None
    try:
        return marshal.dumps(thing, 2)  # 10 ns a number
    except ValueError:
        pass
    if set(map(type, thing)) == {Value}:
        return list(thing)
    parts = [part for item in thing.items() for part in item] if isinstance(thing, dict) else thing
    return type(thing), [_content(part) for part in parts]


def _content(thing: Any) -> Any:
    if isinstance(thing, (Value, *_SCALARS)):
        return thing
    contents = _contents(thing)
    return id(thing) if contents is None else contents
