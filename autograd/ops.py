"""The table of operations: for each op its value and its local chain rule, side by side.

Glossary of a row::

    op      = Op(name, value, rule)
    a, b, … the operands                y   the result, y = value(a, b, …)
    g       the incoming derivative, g = ∂L/∂y (the adjoint of y)
    rule    (g, y, a, b, …) → one contribution g·∂y/∂operand for each operand, or None where nothing flows

Values and rules are written over *any kind of number*: given floats they return floats (the eager backward pass), given
``Value`` nodes they record nodes (so a gradient is a graph again), given the compiler's symbols they record those. So a rule
never asks what it is given, never branches with ``if``: it says ``where``. No derivative is spelled anywhere but here.

Floats follow IEEE-754 and C99: nothing raises, nothing turns complex. Python's own ``/``, ``math.exp``, ``math.log`` … do raise,
so the rows call the total functions of the first section, and rules divide with ``divide``, not ``/``.

This module knows nothing of nodes, graphs or gradients: an operand that is not a float is asked to record the op itself, through
its ``_record``; a condition that is not a bool
chooses through its ``_select``, and lets through with its ``_gate``.
"""

import math
import operator
from collections.abc import Callable, Sequence
from functools import cache, partial, reduce
from typing import Any

# A float, a Value, or whatever else can record an op.
Number = Any
Contributions = Sequence[Number | None]

NAN, INF = math.nan, math.inf
LN2, LN10 = math.log(2.0), math.log(10.0)
SQRT_HALF, INV_SQRT_2PI, TWO_OVER_SQRT_PI = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi), 2 / math.sqrt(math.pi)


class Op:
    """One operation: how to compute it and its local chain rule.

    ``value`` takes the operands as floats and returns a float. ``rule`` takes ``(g, y, *operands)``: the incoming derivative, the
    result and the operands; it returns one contribution for each operand, ``None`` for an operand that no derivative reaches.
    Write the rule with autograd's functions and operators and ``where`` instead of ``if``: then it serves eager gradients,
    gradients of gradients and compiled programs alike. ``symbol`` is what pictures show.

    An ``Op`` is called like a function: with numbers it returns a float, with at least one ``Value`` it returns a ``Value``.

    >>> from autograd import Op, Value, check_gradients
    >>> cube = Op("cube", lambda a: a * a * a, lambda g, y, a: (g * 3.0 * a * a,))
    >>> cube(2.0)
    8.0
    >>> x = Value(2.0)
    >>> cube(x).backward()
    >>> x.grad
    12.0
    >>> check_gradients(cube, 0.7)
    """

    def __init__(
        self,
        name: str,
        value: Callable[..., float],
        rule: Callable[..., Contributions] | None,
        doc: str = "",
        *,
        symbol: str = "",
    ) -> None:
        self.name = name
        self.symbol = symbol or name
        self.value = value
        self.rule = rule
        self.closure: Callable[[], None] | None = None  # a lecture-style backward, see Value._backward
        self.__doc__ = doc or f"The op {name}."

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *operands: Number) -> Number:
        for x in operands:
            if type(x) is not float:
                return self._dispatch(operands)
        return self.value(*operands)

    def _dispatch(self, operands: Sequence[Number]) -> Number:
        for x in operands:
            record = getattr(type(x), "_record", None)
            if record is not None:
                return record(self, operands)
        return self.value(*[real_number(x, self.name) for x in operands])

    def __reduce__(self) -> tuple[Any, ...]:
        if named_op(self.name) is not self:
            raise TypeError(f"op {self.name!r} has the name of an op of the table, but is another one")
        return named_op, (self.name,)


def named_op(name: str) -> Op:
    """The op of the table called ``name`` (``"tanh"``, ``"**3.0"``, ``"clamp[-1.0,1.0]"``); ValueError if there is none."""
    found = TABLE.get(name)
    if found is not None:
        return found
    if name.startswith("**"):
        return power_of(float(name[2:]))
    family, _, constants = name.removesuffix("]").partition("[")
    if constants and family in FAMILIES:
        return FAMILIES[family](*map(float, constants.split(",")))
    raise ValueError(f"no op named {name!r} in the table; an op of one's own can be used but not pickled")


def real_number(x: object, taker: str = "this") -> float:
    """The float that ``x`` stands for: an int, bool, Fraction, Decimal, NumPy scalar or array with one number and no axes.

    TypeError for anything else, OverflowError for an int beyond the range of a float. ``taker`` begins the error message.

    >>> from fractions import Fraction
    >>> real_number(Fraction(1, 4))
    0.25
    """
    kind = type(x)
    if kind is float:
        return x  # type: ignore[return-value]
    number: Any = x.item() if getattr(x, "shape", None) == () and hasattr(x, "item") else x
    # numbers.Real would cost 20 ms of imports at start; __float__ with __trunc__ means the same. Only np.longdouble, whose item()
    # is no Python number, has is_integer instead. Of the class and not of the number: the class float has a __float__ too.
    has = partial(hasattr, type(number))
    is_real = isinstance(number, (float, int)) or (
        has("__float__") and (has("__trunc__") or has("is_integer")) and getattr(number, "shape", ()) == ()
    )
    if not is_real:
        raise TypeError(f"{taker} needs a real number, got {describe(x)}; {advice(x)}")
    try:
        return float(number)
    except OverflowError:
        raise OverflowError(f"{taker} needs a number up to 1.8e308, got a larger {kind.__name__}") from None


def describe(x: object) -> str:
    """The type and a short form of ``x``, for error messages."""
    text = repr(x)
    return f"{type(x).__name__} ({text if len(text) <= 40 else text[:37] + '...'})"


def advice(x: object) -> str:
    """What would have worked instead of ``x``, for error messages."""
    if hasattr(type(x), "_record"):
        return "use +x for a node on top of it, or x.detach() for a fresh leaf"
    if isinstance(x, (str, bytes)):
        return "convert text with float(...)"
    if isinstance(x, complex):
        return "use the real or the imaginary part"
    if isinstance(x, (list, tuple)) or hasattr(x, "shape"):
        return "make one Value for each element, e.g. np.array([Value(e) for e in row], dtype=object)"
    if callable(x):
        return "call the function first"
    return "use an int, a float or a NumPy scalar"


# --- Total functions: Python's math where it answers, the limit that IEEE-754 and C99 name where it raises ---------------------


def total(f: Callable[..., float], limit: Callable[..., float]) -> Callable[..., float]:
    """``f``, with ``limit`` for the arguments at which Python raises."""

    def ieee(*args: float) -> float:
        try:
            return f(*args)
        except (ValueError, OverflowError, ZeroDivisionError):
            return limit(*args)

    return ieee


def nan_limit(*args: float) -> float:
    """No real answer."""
    return NAN


def log_limit(a: float) -> float:
    """A logarithm where math.log raises: the pole at 0, or outside the domain."""
    return -INF if a == 0.0 else NAN


def quotient_limit(a: float, b: float) -> float:
    """a/0: infinite by the signs of both, nan for 0/0."""
    return a * math.copysign(INF, b) if a else NAN


def power_limit(a: float, b: float) -> float:
    """a**b where math.pow raises: a pole (0 to a negative power), an overflow, or a negative base with a fractional exponent."""
    is_odd = abs(math.fmod(b, 2.0)) == 1.0
    if a < 0.0 and b != math.floor(b):
        return NAN
    return math.copysign(INF, a) if is_odd else INF


# --- Choosing ------------------------------------------------------------------------------------------------------------------


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


def only_where(condition: Number, g: Number, *, holds: bool = True) -> Number | None:
    """``g`` where the condition holds (or does not), nothing at all elsewhere: for rules, whose None is "no derivative flows"."""
    gate = getattr(condition, "_gate", None)
    if gate is None:
        return g if bool(condition) is holds else None
    return gate(g, holds)


def _condition(name: str, symbol: str, value: Callable[..., bool]) -> Op:
    """A condition as a number, 1.0 or 0.0; no derivative flows through it."""
    return Op(name, lambda *xs: float(value(*xs)), lambda g, y, *xs: (None,) * len(xs), symbol=symbol)


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

# --- Arithmetic ----------------------------------------------------------------------------------------------------------------

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
modulo = Op(
    "modulo",
    total(operator.mod, nan_limit),
    lambda g, y, a, b: (g, -(g * floor(divide(a, b)))),
    "The remainder a − b·⌊a/b⌋, with the sign of b as in Python.",
    symbol="%",
)
negative = Op("negative", operator.neg, lambda g, y, a: (-g,), symbol="neg")
positive = Op("positive", operator.pos, lambda g, y, a: (g,), symbol="pos")
floor: Op = Op("floor", lambda a: math.copysign(math.floor(a), a) if math.isfinite(a) else a, lambda g, y, a: (None,))
sign = Op("sign", lambda a: float((a > 0.0) - (a < 0.0)) if a == a else a, lambda g, y, a: (None,))
absolute = Op("abs", operator.abs, lambda g, y, a: (g * sign(a),), "|x|, with derivative 0 at 0.")
stop_gradient = Op(
    "stop_gradient",
    operator.pos,
    lambda g, y, a: (None,),
    "The same number, as a constant to differentiation: no gradient flows through it.",
    symbol="stop",
)

power_value = total(math.pow, power_limit)
power_both = Op(
    "power",
    power_value,
    lambda g, y, a, b: (
        # 0⁰ and nan⁰ are 1 for every base, so their slope is 0 and not 0·∞; 0ᵇ is 0 for every b > 0. No mask is wider:
        # masking all of b = 0 makes the Hessian at (2, 0) asymmetric.
        g * where(equal(b, 0.0) & (equal(a, 0.0) | is_nan(a)), 0.0, b * one_less_power(a, b)),
        g * where(equal(a, 0.0) & (b >= 0.0), 0.0, y * log(a)),
    ),
    symbol="**",
)


def one_less_power(a: Number, b: Number) -> Number:
    """a**(b − 1), with what rounding b − 1 loses put back: up to 135 ulp for 100 random bases within 1e±50."""
    less = b - 1.0
    moved = less - b
    lost = (b - (less - moved)) + (-1.0 - moved)  # exact (Knuth's two-sum)
    if type(lost) is float and not lost:
        return power(a, less)
    small = stop_gradient(where((a > 0.0) & (a < INF) & (abs(lost) > 0.0), lost * log(a), 0.0))
    return power(a, less) * (1.0 + small)


def is_nan(a: Number) -> Number:
    """Whether a number is nan, as a condition."""
    return where(a >= a, 0.0, 1.0) > 0.5


def power_of(n: float) -> Op:
    """The op xⁿ for a constant n. x⁰ is the constant 1 and x¹ is x, to all orders and for nan and inf too."""
    return _power_of(n if n == n else NAN)  # any nan is the one that the cache can find again


@cache  # an op must stay the one op of its name: the compiler and pickle rely on it
def _power_of(n: float) -> Op:
    if n == 0.0:
        rule: Callable[..., Contributions] = lambda g, y, a: (None,)  # noqa: E731 -- a rule is one line of the table
    elif n == 1.0:
        rule = lambda g, y, a: (g,)  # noqa: E731
    else:
        rule = lambda g, y, a: (g * (n * one_less_power(a, n)),)  # noqa: E731
    return Op(f"**{n!r}", lambda a: power_value(a, n), rule, symbol=f"**{n:g}")


def power(a: Number, b: Number) -> Number:
    """``a**b`` by C99: 0⁰ = 1, a negative base with a fractional exponent is nan (never complex), overflow is inf.

    >>> power(-8.0, 1 / 3)
    nan
    >>> from autograd import Value
    >>> (Value(2.0) ** 3).data
    8.0
    """
    if hasattr(type(b), "_record"):
        return power_both(a, b)
    return power_of(real_number(b))(a)


# --- Exponentials, logarithms, roots -------------------------------------------------------------------------------------------


def inside(condition: Number, a: Number) -> Number:
    """``a`` inside the domain, nan outside: 1/x is a number at −1, the derivative of log is not."""
    return a + where(condition, 0.0, NAN)


exp = Op("exp", total(math.exp, lambda a: INF), lambda g, y, a: (g * y,), "eˣ; inf on overflow.")
expm1 = Op("expm1", total(math.expm1, lambda a: INF), lambda g, y, a: (g * exp(a),), "eˣ − 1, exact near 0.")
log: Op = Op(
    "log",
    total(math.log, log_limit),
    lambda g, y, a: (divide(g, inside(a >= 0.0, a)),),
    "The natural logarithm; log 0 is −inf, of a negative number nan.",
)
log1p = Op(
    "log1p",
    total(math.log1p, lambda a: -INF if a == -1.0 else NAN),
    lambda g, y, a: (divide(g, inside(a >= -1.0, 1.0 + a)),),
    "log(1 + x), exact near 0.",
)
log2 = Op(
    "log2",
    total(math.log2, log_limit),
    lambda g, y, a: (divide(g, inside(a >= 0.0, a * LN2)),),
    "The logarithm to base 2.",
)
log10 = Op(
    "log10",
    total(math.log10, log_limit),
    lambda g, y, a: (divide(g, inside(a >= 0.0, a * LN10)),),
    "The logarithm to base 10.",
)
sqrt = Op("sqrt", total(math.sqrt, nan_limit), lambda g, y, a: (divide(g, 2.0 * y),), "√x; nan below 0.")

# --- Circular and hyperbolic functions -----------------------------------------------------------------------------------------

sin = Op("sin", total(math.sin, nan_limit), lambda g, y, a: (g * cos(a),), "The sine of an angle in radians.")
cos: Op = Op("cos", total(math.cos, nan_limit), lambda g, y, a: (-(g * sin(a)),), "The cosine of an angle in radians.")
tan = Op("tan", total(math.tan, nan_limit), lambda g, y, a: (g * (1.0 + y * y),), "The tangent of an angle in radians.")
# 1 − x² without cancellation, and as one op so that its slope at ±1 is ∓2: through the factors it would meet ∞·0 there.
one_minus_square = Op("one_minus_square", lambda a: (1.0 - a) * (1.0 + a), lambda g, y, a: (g * (-2.0 * a),))
asin = Op(
    "asin",
    total(math.asin, nan_limit),
    lambda g, y, a: (divide(g, sqrt(one_minus_square(a))),),
    "The angle in radians whose sine is x; nan outside [−1, 1].",
)
acos = Op(
    "acos",
    total(math.acos, nan_limit),
    lambda g, y, a: (-divide(g, sqrt(one_minus_square(a))),),
    "The angle in radians whose cosine is x; nan outside [−1, 1].",
)
atan = Op("atan", math.atan, lambda g, y, a: (divide(g, 1.0 + a * a),), "The angle in radians whose tangent is x.")
sinh = Op("sinh", total(math.sinh, lambda a: math.copysign(INF, a)), lambda g, y, a: (g * cosh(a),), "(eˣ − e⁻ˣ)/2.")
cosh: Op = Op("cosh", total(math.cosh, lambda a: INF), lambda g, y, a: (g * sinh(a),), "(eˣ + e⁻ˣ)/2.")
tanh = Op("tanh", math.tanh, lambda g, y, a: (g * sech2(a),), "The hyperbolic tangent.")
asinh = Op("asinh", math.asinh, lambda g, y, a: (divide(g, hypot(1.0, a)),), "The inverse of sinh.")
acosh = Op(
    "acosh",
    total(math.acosh, nan_limit),
    lambda g, y, a: (divide(divide(g, sqrt(a - 1.0)), sqrt(a + 1.0)),),  # a² − 1 would overflow at 1e155
    "The inverse of cosh; nan below 1.",
)
atanh = Op(
    "atanh",
    total(math.atanh, lambda a: math.copysign(INF, a) if abs(a) == 1.0 else NAN),
    lambda g, y, a: (divide(g, inside(abs(a) <= 1.0, one_minus_square(a))),),
    "The inverse of tanh; nan outside [−1, 1].",
)


def _sech2(a: Number) -> Number:
    e = exp(-2.0 * abs(a))
    return divide(4.0 * e, (1.0 + e) * (1.0 + e))


# 1 − tanh², without its cancellation: at x = 5 that form is 5,289 ulp off, this one 3.
sech2: Op = Op("sech2", _sech2, lambda g, y, a: (g * (-2.0 * tanh(a) * y),), "tanh′(x) = 1/cosh²(x).")


def _scaled(y: Number, x: Number) -> tuple[Number, Number, Number]:
    """y and x divided by the larger of them, and that scale: their squares then neither overflow nor vanish."""
    scale = stop_gradient(maximum(abs(y), abs(x)))
    return divide(y, scale), divide(x, scale), scale


def _atan2_rule(g: Number, angle: Number, y: Number, x: Number) -> Contributions:
    v, u, scale = _scaled(y, x)
    h = (u * u + v * v) * scale
    at_origin = equal(scale, 0.0)
    return where(at_origin, 0.0, g * divide(u, h)), where(at_origin, 0.0, -(g * divide(v, h)))


def _hypot(x: Number, y: Number) -> Number:
    a, b = abs(x), abs(y)
    large = maximum(a, b)
    ratio = divide(minimum(a, b), large)
    length = large * sqrt(1.0 + ratio * ratio)
    return where(equal(a, INF) | equal(b, INF), INF, where(equal(large, 0.0), 0.0, length))


atan2 = Op("atan2", math.atan2, _atan2_rule, "atan2(y, x): the angle in radians of the point (x, y).")
hypot: Op = Op(
    "hypot",
    _hypot,
    lambda g, y, a, b: tuple(where(equal(y, 0.0), 0.0, g * divide(x, y)) for x in (a, b)),
    "√(x² + y²) without overflow, with derivative 0 at the origin.",
)

# --- The functions of probability ----------------------------------------------------------------------------------------------


def _gaussian(a: Number) -> Number:
    # exp(−x²) with the square in two parts: rounding x² alone would cost x² ulp. 2²⁷+1 splits a float (Veltkamp).
    lifted = 134217729.0 * a
    high = lifted - (lifted - a)
    split = exp(-(high * high)) * exp(-((a - high) * (a + high)))
    return where(abs(a) < 28.0, split, exp(-(a * a)))


gaussian = Op("gaussian", _gaussian, lambda g, y, a: (g * (-2.0 * a * y),), "exp(−x²).")
erf = Op("erf", math.erf, lambda g, y, a: (g * (TWO_OVER_SQRT_PI * gaussian(a)),), "The error function.")
erfc = Op("erfc", math.erfc, lambda g, y, a: (-(g * (TWO_OVER_SQRT_PI * gaussian(a))),), "1 − erf(x), exact for large x.")


def _xlogy_rule(g: Number, y: Number, a: Number, b: Number) -> Contributions:
    vanishes = equal(a, 0.0) & (b <= 0.0)
    return where(vanishes, 0.0, g * log(b)), where(vanishes, 0.0, g * divide(a, b))


xlogy = Op(
    "xlogy",
    lambda a, b: where(equal(a, 0.0) & (b >= b), 0.0, a * log(b)),
    _xlogy_rule,
    "x·log y, and 0 where x is 0: the summand of an entropy.",
)


def _sigmoid(a: Number) -> Number:
    e = exp(-abs(a))  # by sign of x: the exponential never overflows
    return divide(where(a >= 0.0, 1.0, e), 1.0 + e)


def _logaddexp(a: Number, b: Number) -> Number:
    return where(equal(a, b), a + LN2, maximum(a, b) + log1p(exp(-abs(a - b))))


sigmoid: Op = Op(
    "sigmoid",
    _sigmoid,
    lambda g, y, a: (g * (y * sigmoid(-a)),),  # σ(x)σ(−x): σ(1 − σ) is 2.9e8 ulp off at x = 20
    "The logistic function 1/(1 + e⁻ˣ).",
    symbol="σ",
)
softplus = Op(
    "softplus",
    lambda a: maximum(a, 0.0) + log1p(exp(-abs(a))),
    lambda g, y, a: (g * sigmoid(a),),
    "log(1 + eˣ), without overflow.",
)
logsigmoid = Op(
    "logsigmoid",
    lambda a: minimum(a, 0.0) - log1p(exp(-abs(a))),
    lambda g, y, a: (g * sigmoid(-a),),
    "log σ(x), without overflow.",
)
logaddexp = Op(
    "logaddexp",
    _logaddexp,
    lambda g, y, a, b: (g * sigmoid(a - b), g * sigmoid(b - a)),
    "log(eᵃ + eᵇ), without overflow.",
)

# --- Kinks: activations and choices --------------------------------------------------------------------------------------------


def _share(g: Number, winner: Number, loser: Number) -> Number:
    """What the first of two rivals receives: all, nothing, half at a tie, and nan next to a nan."""
    tie = where(equal(winner, loser), 0.5 * g, NAN)
    return where(winner > loser, g, where(winner < loser, 0.0, tie))


relu = Op(
    "relu",
    lambda a: where(a <= 0.0, 0.0, a),
    lambda g, y, a: (where(a > 0.0, g, 0.0),),
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
silu = Op(
    "silu",
    lambda a: divide(where(a >= 0.0, a, a * exp(-abs(a))), 1.0 + exp(-abs(a))),
    lambda g, y, a: (g * (sigmoid(a) + y * sigmoid(-a)),),
    "x·σ(x), also called swish (Elfwing, Uchibe, Doya 2018).",
)
gelu = Op(
    "gelu",
    lambda a: 0.5 * a * erfc(-SQRT_HALF * a),
    lambda g, y, a: (g * (0.5 * erfc(-SQRT_HALF * a) + a * (INV_SQRT_2PI * gaussian(SQRT_HALF * a))),),
    "x·Φ(x) with the normal distribution function Φ (Hendrycks and Gimpel 2016).",
)


@cache
def leaky_relu_of(slope: float) -> Op:
    """The op leaky_relu for a constant slope."""
    return Op(
        f"leaky_relu[{slope!r}]",
        lambda a: where(a > 0.0, a, slope * a),
        lambda g, y, a: (where(a > 0.0, g, slope * g),),
        symbol="leaky_relu",
    )


@cache
def elu_of(alpha: float) -> Op:
    """The op elu for a constant alpha."""
    return Op(
        f"elu[{alpha!r}]",
        lambda a: where(a > 0.0, a, alpha * expm1(a)),
        lambda g, y, a: (where(a >= 0.0, g, g * (alpha * exp(a))),),
        symbol="elu",
    )


@cache
def clamp_of(low: float, high: float) -> Op:
    """The op clamp for constant bounds."""
    return Op(
        f"clamp[{low!r},{high!r}]",
        lambda a: where(a < low, low, where(a > high, high, a)),
        lambda g, y, a: (where((a >= low) & (a <= high), g, 0.0),),
        symbol="clamp",
    )


def leaky_relu(x: Number, negative_slope: float = 0.01) -> Number:
    """``x`` above 0 and ``negative_slope·x`` at and below it.

    >>> leaky_relu(-2.0)
    -0.02
    """
    return leaky_relu_of(real_number(negative_slope))(x)


def elu(x: Number, alpha: float = 1.0) -> Number:
    """``x`` above 0 and ``alpha·(eˣ − 1)`` below it (Clevert, Unterthiner, Hochreiter 2016).

    >>> elu(1.5)
    1.5
    """
    return elu_of(real_number(alpha))(x)


def clamp(x: Number, low: float = -INF, high: float = INF) -> Number:
    """``x`` moved into ``[low, high]``; the derivative is 1 inside and at the bounds, 0 outside. ValueError if low > high.

    >>> clamp(3.0, -1.0, 1.0)
    1.0
    """
    if not low <= high:
        raise ValueError(f"clamp needs low <= high, got low={low}, high={high}")
    return clamp_of(real_number(low), real_number(high))(x)


# --- Ops of many operands ------------------------------------------------------------------------------------------------------


def _dot(*operands: Number) -> Number:
    n = len(operands) // 2
    # In order, as sum(products, bias): ((b + w₀x₀) + w₁x₁) + …; not builtin sum, which compensates from Python 3.12 on.
    return reduce(operator.add, map(operator.mul, operands[:n], operands[n:]), operands[-1])


def _dot_rule(g: Number, y: Number, *operands: Number) -> Contributions:
    n = len(operands) // 2
    return [*[g * x for x in operands[n:-1]], *[g * w for w in operands[:n]], g]


def _softmax_rule(g: Number, y: Number, *xs: Number) -> Contributions:
    return [g * p for p in softmax(xs)]


def _logsumexp(*xs: Number) -> Number:
    top = reduce(maximum, xs)
    shifted = top + log(sum([exp(x - top) for x in xs]))
    return where(equal(abs(top), INF), top, shifted)


dot_op = Op("dot", _dot, _dot_rule)
sum_op = Op("sum", lambda *xs: reduce(operator.add, xs), lambda g, y, *xs: [g] * len(xs))
logsumexp_op = Op("logsumexp", _logsumexp, _softmax_rule)


def dot(ws: Sequence[Number], xs: Sequence[Number], bias: Number = 0.0) -> Number:
    """Σᵢ wᵢ·xᵢ + bias as one node, the blackboard's drive a = Σⱼ wⱼxⱼ; added up in order, the bias first.

    ValueError if ``ws`` and ``xs`` differ in length.

    >>> dot([1.0, 2.0], [3.0, 4.0], 0.5)
    11.5
    """
    ws, xs = tuple(ws), tuple(xs)
    if len(ws) != len(xs):
        raise ValueError(f"dot needs as many weights as inputs, got {len(ws)} weights and {len(xs)} inputs")
    return dot_op(*ws, *xs, bias)


def sum(xs: Sequence[Number]) -> Number:
    """Σᵢ xᵢ as one node, added up in order; 0.0 for no terms.

    >>> sum([1.0, 2.0, 3.5])
    6.5
    """
    xs = tuple(xs)
    return sum_op(*xs) if xs else 0.0


def logsumexp(xs: Sequence[Number]) -> Number:
    """log Σᵢ exp(xᵢ) as one node, shifted by the largest term so that nothing overflows. ValueError for no terms.

    >>> logsumexp([1000.0, 1000.0])
    1000.6931471805599
    """
    return logsumexp_op(*_some(xs, "logsumexp"))


def softmax(xs: Sequence[Number]) -> list[Number]:
    """exp(xᵢ)/Σⱼ exp(xⱼ) for each i, shifted by the largest term. ValueError for no terms.

    >>> softmax([1000.0, 1000.0])
    [0.5, 0.5]
    """
    powers = [exp(x) for x in _shifted(_some(xs, "softmax"))]
    norm = sum(powers)
    return [divide(p, norm) for p in powers]


def log_softmax(xs: Sequence[Number]) -> list[Number]:
    """log softmax(x)ᵢ for each i, without the detour through small probabilities. ValueError for no terms.

    >>> log_softmax([0.0, 0.0])
    [-0.6931471805599453, -0.6931471805599453]
    """
    shifted = _shifted(_some(xs, "log_softmax"))
    norm = log(sum([exp(x) for x in shifted]))
    return [x - norm for x in shifted]


def _some(xs: Sequence[Number], name: str) -> tuple[Number, ...]:
    xs = tuple(xs)
    if not xs:
        raise ValueError(f"{name} needs at least one term, got none")
    return xs


def _shifted(xs: Sequence[Number]) -> list[Number]:
    # Neither softmax nor its logarithm depends on the shift, so the shift is a constant to differentiation.
    top = stop_gradient(reduce(maximum, xs))
    return [x - top for x in xs]


TABLE: dict[str, Op] = {op.name: op for op in list(globals().values()) if isinstance(op, Op)}
FAMILIES: dict[str, Callable[..., Op]] = {"leaky_relu": leaky_relu_of, "elu": elu_of, "clamp": clamp_of}
