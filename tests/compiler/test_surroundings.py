"""Methods, compiled for each instance; and numbers from outside, whose change is noticed wherever it is made."""

import gc
import math
import types
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, compile
from tests.compiler.runs import ENGINES

pytestmark = pytest.mark.parametrize("engine", ENGINES)
RATE = 2.0
SETTINGS = types.SimpleNamespace(rate=2.0, deep=types.SimpleNamespace(rates=[2.0]))
TABLE = {"rate": [2.0]}
ARRAY = np.array([2.0])
WEIGHTS = [Value(2.0)]


def scaled(x: Any) -> Any:
    return x * RATE


class Spring:
    """Stiffness and rest length are plain numbers, damping is a Value."""

    unit = 1.0

    def __init__(self, stiffness: float) -> None:
        self.stiffness, self.damping = stiffness, Value(0.5)
        self.rest = [1.0]

    def scale(self) -> float:
        return self.unit

    @property
    def length(self) -> float:
        return self.rest[0]

    @compile
    def energy(self, x: Any, v: Any = 0.0) -> Any:
        """Of the spring, at x with velocity v."""
        return self.scale() * (0.5 * self.stiffness * (x - self.length) ** 2 + self.damping * v * v)

    @compile(vectors="x")
    def force(self, x: Any, k: Any) -> Any:
        return k * self.stiffness * x[0] * x[1]


def recorded(f: Any) -> int:
    return int(repr(f).split(": ")[1].split(" recorded")[0])


def test_a_method_is_compiled_for_each_instance(engine: str) -> None:
    weak, strong = Spring(1.0), Spring(10.0)
    assert (weak.energy(3.0, 1.0), strong.energy(3.0, 1.0)) == (2.5, 20.5)
    assert weak.energy.value_and_grad(3.0, v=1.0) == (2.5, (2.0, 1.0))
    assert weak.energy.hessian(3.0, 1.0) == ((1.0, 0.0), (0.0, 1.0))
    assert (recorded(weak.energy), recorded(strong.energy), recorded(Spring.energy)) == (1, 1, 0)
    assert weak.energy.__doc__ == "Of the spring, at x with velocity v."
    assert weak.force(np.array([2.0, 3.0]), 2.0) == 12.0
    assert weak.force.grad(np.array([2.0, 3.0]), 2.0)[0].tolist() == [6.0, 4.0]
    x = Value(3.0)
    assert Spring.energy(weak, x).data == weak.energy(3.0)


def test_instances_go_with_all_that_was_recorded(engine: str) -> None:
    spring = Spring(1.0)
    spring.energy.grad(3.0)
    gone, before = weakref.ref(spring), len(vars(Spring)["energy"]._instances)
    was_on = gc.isenabled()
    gc.disable()
    try:
        del spring
        assert gone() is None
    finally:
        if was_on:
            gc.enable()
    assert len(vars(Spring)["energy"]._instances) == before - 1


def test_equal_instances_are_two(engine: str) -> None:
    @dataclass
    class Line:
        slope: float

        @compile(engine=engine)
        def at(self, x: Any) -> Any:
            return self.slope * x

    a, b = Line(2.0), Line(2.0)
    assert (a.at(1.0), b.at(1.0)) == (2.0, 2.0)
    b.slope = 5.0
    assert (a.at(1.0), b.at(1.0)) == (2.0, 5.0)


def test_slots_need_room_for_a_weak_reference(engine: str) -> None:
    class Tight:
        __slots__ = ("k",)

        @compile(engine=engine)
        def at(self, x: Any) -> Any:
            return self.k * x

    class Roomy(Tight):
        __slots__ = ("__weakref__",)

    with pytest.raises(TypeError, match=r"Tight has no room.*__weakref__"):
        Tight().at(1.0)
    roomy = Roomy()
    for roomy.k in (2.0, 3.0):
        assert roomy.at(1.0) == roomy.k


def closures() -> tuple[Callable[[Any], Any], Callable[[float], None]]:
    rate = 2.0

    def change(x: float) -> None:
        nonlocal rate
        rate = x

    return lambda x: sum([x * rate for _ in range(1)]), change


def setter(place: Any, name: Any) -> Callable[[float], None]:
    return lambda x: place.__setitem__(name, x) if hasattr(place, "__setitem__") else setattr(place, name, x)


def weights(x: float) -> None:
    WEIGHTS[0] = Value(x)


SPRING, FROM_CLASS = Spring(2.0), Spring(2.0)
CLOSURE, CHANGE = closures()
PLACES: dict[str, tuple[Callable[[Any], Any], Callable[[float], None]]] = {
    "a global": (lambda x: x * RATE, setter(globals(), "RATE")),
    "a global of a helper": (lambda x: scaled(x) + 0.0, setter(globals(), "RATE")),
    "an enclosing variable": (CLOSURE, CHANGE),
    "an attribute": (lambda x: x * SETTINGS.rate, setter(SETTINGS, "rate")),
    "an attribute's attribute's item": (lambda x: x * SETTINGS.deep.rates[0], setter(SETTINGS.deep.rates, 0)),
    "an item of a dict": (lambda x: x * TABLE["rate"][0], setter(TABLE["rate"], 0)),
    "an array": (lambda x: x * float(ARRAY[0]), setter(ARRAY, 0)),
    "a list of Values": (lambda x: x * WEIGHTS[0], weights),
    "self": (SPRING.energy.__wrapped__, setter(SPRING, "stiffness")),
    "a property's list": (SPRING.energy.__wrapped__, setter(SPRING.rest, 0)),
    "a class": (SPRING.energy.__wrapped__, setter(Spring, "unit")),
    "an instance instead of its class": (FROM_CLASS.energy.__wrapped__, setter(FROM_CLASS, "unit")),
    "a function": (lambda x: scaled(x), lambda rate: setter(globals(), "scaled")(lambda x: x * rate)),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_number_from_outside_that_changes_is_recorded_anew(engine: str, name: str) -> None:
    function, change = PLACES[name]
    f = compile(function, engine=engine)
    for rate in (2.0, 3.0, -0.0, 0.0, 2.0):
        change(rate)
        for _ in range(2):
            assert repr(f(1.5)) == repr(float(getattr(y := function(1.5), "data", y))), f"{name} = {rate}"
            assert f.grad(np.array([1.5, 2.5])).tolist() == [autograd.grad(function)(x) for x in (1.5, 2.5)]
            assert recorded(f) == 1


def test_what_stays_the_same_records_nothing(engine: str) -> None:
    calls = []
    factors = {"a": [1.0, math.nan], "b": (2, None, "text")}

    def f(x: Any) -> Any:
        calls.append(1) if isinstance(x, Value) else None
        return x * factors["a"][0] * math.pi * np.float64(SETTINGS.deep.rates[0])

    g = compile(lambda x: f(x), engine=engine)
    g(1.0)
    count = len(calls)
    calls.clear()
    factors["a"][0] = 0.5 + 0.5
    SETTINGS.deep = types.SimpleNamespace(rates=SETTINGS.deep.rates)
    for _ in range(3):
        g(2.0)
    assert count > 0
    assert len(calls) <= count, "one recording, because of the object that is another"


def test_containers_that_contain_themselves_are_compared_by_identity(engine: str) -> None:
    ring: dict[str, Any] = {"rate": 2.0}
    ring["left"] = ring["right"] = ring
    f = compile(lambda x: x * ring["rate"], engine=engine)
    assert (f(1.5), f(1.5)) == (3.0, 3.0)
    ring = {"rate": 5.0}
    assert f(1.5) == 7.5
