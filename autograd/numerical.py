"""Numerical differentiation and what it costs: difference quotients, and a count of the operations behind any number.

    forward       (E(w + h) − E(w)) / h                                         error of order h
    central       (E(w + h) − E(w − h)) / 2h                                    error of order h²
    five_point    (E(w − 2h) − 8 E(w − h) + 8 E(w + h) − E(w + 2h)) / 12h       error of order h⁴

``E`` is a function without arguments that computes one number from Values, anew at every call; the quotients move a weight's
``data``, call it, and put the weight back. They know nothing of graphs or rules: they are the witness that derivatives are
compared with, and the method whose cost backpropagation is measured against. ``checking`` uses the same quotients.

What is counted, by ``count_operations``, is arithmetic on single numbers done by Values, in operations and not in seconds:

    an op of the table                     1, whether + or tanh
    dot over n pairs, sum of n terms       what they are made of: n products and n sums; n − 1 sums
    one node of a backward pass            the operations of its local chain rule, and one sum for each contribution

Arithmetic on plain floats and compiled functions are not counted.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, final, overload

from autograd import ops
from autograd.modes import modes, no_grad, switched
from autograd.ops import Number, Op, describe, real_number
from autograd.value import Value

Function = Callable[[Number], Number]
Quotient = Callable[[Function, Number, float], Number]

# Ops whose value is written over any kind of number, so that running it on Values counts what it does.
_OF_MANY_OPERANDS = (ops.dot_op, ops.sum_op, ops.logsumexp_op)

# --- Counting ------------------------------------------------------------------------------------------------------------------


@final
class Tally:
    """How many operations were done: ``forward`` by ops of Values, ``backward`` by backward passes, ``total`` by both."""

    __slots__ = ("backward", "forward")

    def __init__(self) -> None:
        self.forward = 0
        self.backward = 0

    @property
    def total(self) -> int:
        """All operations."""
        return self.forward + self.backward

    def count_op(self, op: Op, operands: int) -> None:
        """Add one application of an op."""
        self.forward += operations_of(op, operands) if op in _OF_MANY_OPERANDS else 1

    def count_rule(self, op: Op, operands: int, contributions: int) -> None:
        """Add one application of an op's local chain rule and the sums that take its contributions in."""
        self.backward += operations_of_rule(op, operands) + contributions

    def __repr__(self) -> str:
        return f"Tally(forward={self.forward}, backward={self.backward})"


@contextlib.contextmanager
def count_operations() -> Iterator[Tally]:
    """A context that counts the operations of this thread's Values, forward and backward, into the ``Tally`` it gives.

    Inside another such context it counts for both. Switched off, counting costs nothing.

    >>> from autograd import Value, dot
    >>> w, x = [Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]
    >>> with count_operations() as tally:
    ...     a = dot(w, x)
    >>> tally
    Tally(forward=4, backward=0)
    >>> with count_operations() as tally:
    ...     a.backward()
    >>> tally.backward  # four products, and five sums: the bias, which is 0 here, is an operand too
    9
    """
    outer = modes.get(threading.get_ident())
    tally = Tally()
    try:
        with switched(tally=tally):
            yield tally
    finally:
        if outer is not None and outer.tally is not None:
            outer.tally.forward += tally.forward
            outer.tally.backward += tally.backward


@functools.lru_cache(maxsize=1024)
def operations_of(op: Op, operands: int) -> int:
    """How many operations the value of an op of many operands takes.

    >>> operations_of(ops.dot_op, 2 * 3 + 1)
    6
    """
    return _operations(lambda: op.value(*_stand_ins(operands)))


@functools.lru_cache(maxsize=1024)
def operations_of_rule(op: Op, operands: int) -> int:
    """How many operations the local chain rule of an op takes: those that it records when it is given Values.

    One product for each operand if the rule cannot tell: a lecture-style ``_backward``, or a rule that takes nothing but floats.

    >>> operations_of_rule(ops.multiply, 2), operations_of_rule(ops.tanh, 1)
    (2, 2)
    """
    rule = op.rule
    if rule is None:
        return operands
    try:
        return _operations(lambda: rule(*_stand_ins(operands + 2)))
    except TypeError:
        return operands


def _operations(act: Callable[[], object]) -> int:
    with switched(tally=Tally(), recording=False, anomaly=False, on_branch=None) as mode:
        act()
    forward: int = mode.tally.forward
    return forward


def _stand_ins(count: int) -> list[Value]:
    return [Value(1.0) for _ in range(count)]


# --- Difference quotients ------------------------------------------------------------------------------------------------------
# Over any kind of number: floats give a float; Values give a Value, and with it the count of the quotient's own arithmetic.


def forward_slope(f: Function, x: Number, h: float) -> Number:
    """f′(x) from f(x) and f(x + h); exact for straight lines.

    >>> forward_slope(lambda x: x * x, 1.0, 0.5)
    2.5
    """
    return (f(x + h) - f(x)) / h


def central_slope(f: Function, x: Number, h: float) -> Number:
    """f′(x) from f(x ± h); exact for parabolas.

    >>> central_slope(lambda x: x * x, 1.0, 0.5)
    2.0
    """
    return (f(x + h) - f(x - h)) / (2 * h)


def five_point_slope(f: Function, x: Number, h: float) -> Number:
    """f′(x) from f(x ± h) and f(x ± 2h); exact for polynomials up to degree 4 (Abramowitz and Stegun 25.3.6).

    >>> five_point_slope(lambda x: x**4, 1.0, 0.5)
    4.0
    """
    return (f(x - 2 * h) - 8 * f(x - h) + 8 * f(x + h) - f(x + 2 * h)) / (12 * h)


# Steps relative to the larger of 1 and |w|. What is left out falls with the step, rounding grows as 1/step: the powers 1/2 and 1/3
# of the spacing of floats (2.2e-16) balance the two (Nocedal and Wright, Numerical Optimization, 8.1). Power 1/5, 7e-4, rounded up.
STEPS: dict[Quotient, float] = {forward_slope: 2.0**-26, central_slope: 2.0**-17, five_point_slope: 1e-3}


def step_of(quotient: Quotient, x: float) -> float:
    """The step that suits a quotient at ``x``.

    >>> step_of(five_point_slope, -20.0)
    0.02
    """
    return STEPS[quotient] * max(1.0, abs(x))


class Slope(NamedTuple):
    """∂E/∂w of one weight, and how many operations it took."""

    derivative: float
    operations: int


class Slopes(NamedTuple):
    """∂E/∂w of several weights, in their order, and how many operations they took together."""

    derivative: list[float]
    operations: int


@overload
def forward(E: Callable[[], Number], weights: Value, h: float | None = None) -> Slope: ...
@overload
def forward(E: Callable[[], Number], weights: Sequence[Value], h: float | None = None) -> Slopes: ...
def forward(E: Callable[[], Number], weights: Any, h: float | None = None) -> Slope | Slopes:
    """(derivative, operations) by forward differences, for one weight (a Value) or for each of several (a list of Values).

    ``E`` computes the number to differentiate, anew at every call. It is called twice for one weight and n + 1 times for n, which
    share E(w). ``h`` is the step; by default 1.5·10⁻⁸ times the size of the weight (at least 1.5·10⁻⁸). TypeError or ValueError
    for anything but Values, for no weights, for a step that is not positive and finite, for an ``E`` that gives no number.

    >>> from autograd import Value
    >>> a, b = Value(3.0), Value(2.0)
    >>> forward(lambda: a * b, a, h=0.5)
    Slope(derivative=2.0, operations=5)
    >>> forward(lambda: a * b, [a, b], h=0.5)
    Slopes(derivative=[2.0, 3.0], operations=9)
    """
    return _differences(forward_slope, E, weights, h)


@overload
def central(E: Callable[[], Number], weights: Value, h: float | None = None) -> Slope: ...
@overload
def central(E: Callable[[], Number], weights: Sequence[Value], h: float | None = None) -> Slopes: ...
def central(E: Callable[[], Number], weights: Any, h: float | None = None) -> Slope | Slopes:
    """(derivative, operations) by central differences; otherwise as ``forward``.

    ``E`` is called twice for each weight. The step is by default 7.6·10⁻⁶ times the size of the weight.

    >>> from autograd import Value
    >>> w = Value(3.0)
    >>> central(lambda: w * w, w, h=0.5)
    Slope(derivative=6.0, operations=6)
    """
    return _differences(central_slope, E, weights, h)


@overload
def five_point(E: Callable[[], Number], weights: Value, h: float | None = None) -> Slope: ...
@overload
def five_point(E: Callable[[], Number], weights: Sequence[Value], h: float | None = None) -> Slopes: ...
def five_point(E: Callable[[], Number], weights: Any, h: float | None = None) -> Slope | Slopes:
    """(derivative, operations) by the five-point formula; otherwise as ``forward``.

    ``E`` is called four times for each weight. The step is by default 10⁻³ times the size of the weight, and the error about
    10⁻¹² for smooth functions.

    >>> from autograd import Value
    >>> w = Value(1.0)
    >>> five_point(lambda: w**4, w, h=0.5)
    Slope(derivative=4.0, operations=14)
    """
    return _differences(five_point_slope, E, weights, h)


def _differences(quotient: Quotient, E: Callable[[], Number], weights: Any, h: float | None) -> Slope | Slopes:
    """The quotient for one weight or for each of several, with the operations that ``E`` and the quotient took."""
    alone = isinstance(weights, Value)
    chosen = [weights] if alone else _checked(weights)
    if not callable(E):
        raise TypeError(f"E must be a function without arguments that computes a number anew, got {describe(E)}; try lambda: …")
    steps = [step_of(quotient, w.data) if h is None else _positive(h) for w in chosen]
    with count_operations() as tally, no_grad():
        at_rest = functools.cache(lambda: _evaluated(E))
        slopes = [quotient(_along(w, E, at_rest), Value(w.data), step) for w, step in zip(chosen, steps, strict=True)]
    derivative = [slope.data for slope in slopes]
    return Slope(derivative[0], tally.total) if alone else Slopes(derivative, tally.total)


def _along(w: Value, E: Callable[[], Number], at_rest: Callable[[], Value]) -> Function:
    """E as a function of one weight."""
    rest = w.data

    def f(x: Value) -> Value:
        if x.data == rest:
            return at_rest()
        try:
            w.data = x.data
            return _evaluated(E)
        finally:
            w.data = rest

    return f


def _evaluated(E: Callable[[], Number]) -> Value:
    """The number that E computes, as a Value of its own: the next change of a weight must not change it."""
    y = E()
    return Value(y.data if isinstance(y, Value) else real_number(y, "numerical differentiation of the result of E"))


def _checked(weights: Any) -> list[Value]:
    """The weights as a list; TypeError or ValueError if it is not one of Values."""
    expected = "expected a Value or a list of Values to differentiate with respect to"
    if isinstance(weights, str) or not hasattr(weights, "__iter__"):
        raise TypeError(f"{expected}, got {describe(weights)}")
    chosen = list(weights)
    strangers = [w for w in chosen if not isinstance(w, Value)]
    if strangers:
        raise TypeError(f"{expected}, got a {type(weights).__name__} with {describe(strangers[0])}")
    if not chosen:
        raise ValueError(f"{expected}, got an empty {type(weights).__name__}")
    return chosen


def _positive(h: float) -> float:
    step = real_number(h, "the step h")
    if not 0.0 < step < ops.INF:
        raise ValueError(f"the step h must be positive and finite, got {step!r}")
    return step
