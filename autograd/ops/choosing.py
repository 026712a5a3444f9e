"""Conditions, ``where``, and the ops that choose: between two numbers, or a number and a bound."""

import operator
from collections.abc import Callable
from functools import cache

from autograd.ops.row import Number, Op, real_number
from autograd.ops.total import INF, NAN


def where(condition: Number, a: Number, b: Number) -> Number:
    """``a`` where the condition holds, else ``b``; the branch that is not taken leaks nothing, not even nan.

    Between Values the condition stays symbolic: it is decided anew whenever the recorded graph is replayed.

    >>> from autograd import Value, sqrt
    >>> x = Value(-4.0)
    >>> y = where(x > 0, sqrt(x), 0.0)
    >>> y.backward()
    >>> y.data, x.grad
    (0.0, 0.0)
    """
    if condition is True:
        return a
    if condition is False:
        return b
    select = getattr(condition, "_select", None)
    if select is None:
        return a if real_number(condition, "where") else b
    return select(a, b)


def chosen(condition: Number, a: Callable[[], Number], b: Callable[[], Number]) -> Number:
    """``where`` with branches that are functions: where floats decide, only the branch that is taken is computed."""
    if condition is True:
        return a()
    if condition is False:
        return b()
    return where(condition, a(), b())


def only_where(condition: Number, g: Number, *, holds: bool = True) -> Number | None:
    """``g`` where the condition holds (or does not), nothing at all elsewhere: for rules, whose None is "no derivative flows"."""
    gate = getattr(condition, "_gate", None)
    if gate is None:
        return g if bool(condition) is holds else None
    return gate(g, holds)


def _condition(name: str, symbol: str, value: Callable[..., bool]) -> Op:
    """A condition as a number, 1.0 or 0.0; no derivative flows through it."""
    op = Op(name, lambda *xs: float(value(*xs)), lambda g, y, *xs: (None,) * len(xs), symbol=symbol)
    op.is_condition = True
    return op


greater = _condition("greater", ">", operator.gt)
greater_equal = _condition("greater_equal", "≥", operator.ge)
less = _condition("less", "<", operator.lt)
less_equal = _condition("less_equal", "≤", operator.le)
both = _condition("both", "and", lambda a, b: a != 0.0 and b != 0.0)
either = _condition("either", "or", lambda a, b: a != 0.0 or b != 0.0)
negation = _condition("negation", "not", lambda a: a == 0.0)


def equal(a: Number, b: Number) -> Number:
    """Whether two numbers are equal, as a condition (``==`` between two Values is identity)."""
    return (a <= b) & (a >= b)


select = Op(
    "select",
    lambda c, a, b: a if c != 0.0 else b,
    # None, not 0: an adjoint that is nothing stops here, where a zero would meet an infinite slope further down and become nan.
    lambda g, y, c, a, b: (None, only_where(c, g), only_where(c, g, holds=False)),
    symbol="where",
)

# --- Choices: as with select, what was not chosen receives nothing, not 0 ---


def _share(g: Number, winner: Number, loser: Number) -> Number | None:
    """What the first of two rivals receives: all, nothing, half at a tie, and nan next to a nan."""
    tie = where(equal(winner, loser), 0.5 * g, NAN)
    return only_where(winner < loser, where(winner > loser, g, tie), holds=False)


relu = Op(
    "relu",
    lambda a: where(a <= 0.0, 0.0, a),
    lambda g, y, a: (only_where(a > 0.0, g),),
    "max(0, x), with derivative 0 at 0.",
)
maximum: Op = Op(
    "maximum",
    lambda a, b: where(a >= b, a, where(a < b, b, a + b)),  # a + b: a nan on either side
    lambda g, y, a, b: (_share(g, a, b), _share(g, b, a)),
    "The larger of two numbers; at a tie each receives half the derivative; nan if either is nan.",
    symbol="max",
)
minimum: Op = Op(
    "minimum",
    lambda a, b: where(a <= b, a, where(a > b, b, a + b)),
    lambda g, y, a, b: (_share(g, b, a), _share(g, a, b)),
    "The smaller of two numbers; at a tie each receives half the derivative; nan if either is nan.",
    symbol="min",
)


@cache
def leaky_relu_of(slope: float) -> Op:
    """The op leaky_relu for a constant slope."""
    return Op(
        f"leaky_relu[{slope!r}]",
        lambda a: where(a > 0.0, a, slope * a),
        lambda g, y, a: (where(a > 0.0, g, slope * g) if slope else only_where(a > 0.0, g),),
        symbol="leaky_relu",
    )


@cache
def clamp_of(low: float, high: float) -> Op:
    """The op clamp for constant bounds."""
    return Op(
        f"clamp[{low!r},{high!r}]",
        lambda a: where(a < low, low, where(a > high, high, a)),
        lambda g, y, a: (only_where((a >= low) & (a <= high), g),),
        symbol="clamp",
    )


def leaky_relu(x: Number, negative_slope: float = 0.01) -> Number:
    """``x`` above 0 and ``negative_slope·x`` at and below it.

    >>> leaky_relu(-2.0)
    -0.02
    """
    return leaky_relu_of(real_number(negative_slope, "negative_slope"))(x)


def clamp(x: Number, low: float = -INF, high: float = INF) -> Number:
    """``x`` moved into ``[low, high]``; the derivative is 1 inside and at the bounds, 0 outside. ValueError if low > high.

    >>> clamp(3.0, -1.0, 1.0)
    1.0
    """
    low, high = real_number(low, "clamp"), real_number(high, "clamp")
    if not low <= high:
        raise ValueError(f"clamp needs low <= high, got low={low}, high={high}")
    return clamp_of(low, high)(x)
