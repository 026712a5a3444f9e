"""The chain rule from E down to w: which named values lie between, and the slope of each step between two of them.

Glossary::

    station    a node with a name of its own on the way from E to w; short expressions without a label, like ``y − 2``, have
               none and are written out where they are used
    step       (station, station below it) with nothing but such expressions between; its slope is an expression
    route      a chain of steps from E to w: ∂E/∂w is the sum over all routes of the products of their slopes

The slopes are what the ops' own rules say, see ``symbols``.
"""

from collections.abc import Iterator
from typing import final

from autograd import Value, topological_order
from autograd.backward import propagate, recorded_numbers
from autograd.labels import plain_name
from viz.naming import Names
from viz.symbols import Number, local_derivatives, product, total

Step = tuple[Value, Value]


@final
class Chain:
    """The stations from w to E, the slopes of the steps between them, and ∂E/∂station in numbers.

    With ``compact``, an output x = g(a) is no station: its slope is part of the steps to a.
    """

    def __init__(self, E: Value, w: Value, *, compact: bool = False) -> None:
        self.E, self.w = E, w
        self.names = Names(E)
        order = topological_order(E)
        check_recorded(order)
        self._on_the_way = _between(order, w)
        named = [v for v in order if v in self._on_the_way and (v is E or v is w or self.names.has_own(v))]
        self.stations = [v for v in named if v is E or v is w or not (compact and _is_output(v))]
        self._is_station = set(self.stations)
        self._order = order
        steps = {(v, o): slope for v in self.stations if v is not w for o, slope in self._steps(v)}
        self.slopes = self._leading(steps)
        ends = {v for step in self.slopes for v in step}
        self.stations = [v for v in self.stations if v in ends]
        self.named = [v for v in named if v in ends or v not in self._is_station]

    def adjoints(self) -> dict[Value, float]:
        """∂E/∂station as ``backward()`` computes it."""
        found = propagate(self.E, 1.0)
        return {v: found.get(v, 0.0) for v in self.stations}

    def routes(self, most: int) -> list[list[Step]]:
        """The routes from E to w, in the order of the operands; no more than ``most`` of them."""
        waiting: list[list[Step]] = [[]]
        complete: list[list[Step]] = []
        while waiting and len(complete) < most:
            route = waiting.pop()
            end = route[-1][1] if route else self.E
            if end is self.w:
                complete.append(route)
            else:
                waiting.extend([*route, step] for step in reversed(self.slopes) if step[0] is end)
        return complete

    def arriving(self, station: Value) -> list[Step]:
        """The steps that end at a station, in the order of recording."""
        return [step for step in self.slopes if step[1] is station]

    def downwards(self) -> list[Value]:
        """The stations from E to w, each after all those that lead to it; those equally far from E in the order of recording."""
        distance = {self.E: 0}
        for above, below in reversed(self.slopes):
            distance[below] = max(distance.get(below, 0), distance[above] + 1)
        return sorted(self.stations, key=distance.__getitem__)

    def _steps(self, station: Value) -> Iterator[tuple[Value, Number]]:
        """The stations right below one, each with the slope of the step there: the chain rule through what lies between."""
        slopes: dict[Value, Number] = {station: 1.0}
        for v in reversed(self._inside(station)):
            if v not in slopes:
                continue
            for operand, slope in zip(v._prev, self._local(v), strict=True):
                if operand in self._on_the_way and slope is not None:
                    slopes[operand] = total((slopes.get(operand, 0.0), product((slopes[v], slope))))
        return ((v, slope) for v, slope in slopes.items() if v in self._is_station and v is not station)

    def _inside(self, station: Value) -> list[Value]:
        """The station and what lies between it and the stations below, operands first."""
        members = {station}
        stack = [station]
        while stack:
            for o in stack.pop()._prev:
                if o in self._on_the_way and o not in self._is_station and o not in members:
                    members.add(o)
                    stack.append(o)
        return [v for v in self._order if v in members]

    def _local(self, v: Value) -> list[Number | None]:
        """∂v/∂operand for each operand, as expressions."""
        return local_derivatives(v.op, self.names.expression(v), [self.names.expression(o) for o in v._prev])

    def _leading(self, steps: dict[Step, Number]) -> dict[Step, Number]:
        """Those steps that a derivative from E reaches and that go on to w."""
        reached, leads = {self.E}, {self.w}
        for v, o in reversed(steps):
            if v in reached:
                reached.add(o)
        for v, o in steps:
            if o in leads:
                leads.add(v)
        return {step: slope for step, slope in steps.items() if step[0] in reached and step[1] in leads}


def check_recorded(order: list[Value]) -> None:
    """ValueError if the ``data`` of an operand was edited since: what is written down would mix two points."""
    for v in order:
        for operand, x in zip(v._prev, recorded_numbers(v), strict=True):
            if operand.data != x and not (x != x and operand.data != operand.data):
                name = plain_name(operand.label) or "an operand"
                raise ValueError(
                    f"{name}.data was changed from {x!r} to {operand.data!r} after {v.op.name} was recorded; record the expression again"
                )


def _between(order: list[Value], w: Value) -> set[Value]:
    """w and everything computed from it."""
    found = {w}
    for v in order:
        if any([o in found for o in v._prev]):
            found.add(v)
    return found


def _is_output(v: Value) -> bool:
    """Whether it is g(a) of an a that was computed."""
    return len(v._prev) == 1 and not v._prev[0].is_leaf
