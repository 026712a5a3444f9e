"""Arithmetic, rounding, and powers."""

import math
import operator

from autograd.ops.choosing import equal, only_where, where
from autograd.ops.row import Contributions, Number, Op
from autograd.ops.total import INF, nan_limit, quotient_limit, total


def step_rule(g: Number, y: Number, *operands: Number) -> Contributions:
    """The rule of a rounding: no derivative flows, because it is constant between its jumps."""
    return (None,) * len(operands)


add = Op("add", operator.add, lambda g, y, a, b: (g, g), symbol="+")
subtract = Op("subtract", operator.sub, lambda g, y, a, b: (g, -g), symbol="-")
multiply = Op("multiply", operator.mul, lambda g, y, a, b: (g * b, g * a), symbol="*")
divide: Op = Op(
    "divide",
    total(operator.truediv, quotient_limit),
    # −g·y/b and not −g·a/b²: b² leaves the range of a float at 1e±155.
    lambda g, y, a, b: (divide(g, b), -divide(g * y, b)),
    symbol="/",
)


def _floored_quotient(y: Number, a: Number, b: Number) -> Number:
    """⌊a/b⌋ where y = a % b; −1 also where a/b is too small for a float: −5e-324 % 3 is 3."""
    q = divide(a, b)
    return where(equal(q, 0.0) & ((y < a) | (y > a)) & (abs(y) < INF), -1.0, floor(q))


modulo = Op(
    "modulo",
    total(operator.mod, nan_limit),
    lambda g, y, a, b: (g, -(g * _floored_quotient(y, a, b))),
    "The remainder a − b·⌊a/b⌋, with the sign of b as in Python.",
    symbol="%",
)
negative = Op("negative", operator.neg, lambda g, y, a: (-g,), symbol="neg")
positive = Op("positive", operator.pos, lambda g, y, a: (g,), symbol="pos")
floor: Op = Op("floor", lambda a: math.copysign(math.floor(a), a) if math.isfinite(a) else a, step_rule)
sign = Op("sign", lambda a: float((a > 0.0) - (a < 0.0)) if a == a else a, lambda g, y, a: (None,))
absolute = Op(
    "abs",
    operator.abs,
    # At 0 nothing flows, unless what arrives is infinite: √|x| has no slope there, and nan says so.
    lambda g, y, a: (only_where(equal(a, 0.0) & (abs(g) < INF), g * sign(a), holds=False),),
    "|x|, with derivative 0 at 0.",
)
stop_gradient = Op(
    "stop_gradient",
    operator.pos,
    lambda g, y, a: (None,),
    "The same number, as a constant to differentiation: no gradient flows through it.",
    symbol="stop",
)
