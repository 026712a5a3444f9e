"""A row of the table of operations, and what counts as a number.

An op that is called with anything but floats asks the operand that is none to record it, through its ``_record``. So nothing here
knows of nodes, graphs or gradients.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

# A float, a Value, or whatever else can record an op.
Number = Any
Contributions = Sequence[Number | None]
_PLAIN = frozenset([int, float])


class Op:
    """One operation: how to compute it and its local chain rule.

    ``value`` takes the operands as floats and returns a float. ``rule`` takes ``(g, y, *operands)``: the incoming derivative, the
    result and the operands; it returns one contribution for each operand, ``None`` for an operand that no derivative reaches.
    Write the rule with autograd's functions and operators and ``where`` instead of ``if``: then it serves eager gradients,
    gradients of gradients and compiled programs alike. ``symbol`` is what pictures show.

    An ``Op`` is called like a function: with numbers it returns a float, with at least one ``Value`` it returns a ``Value``.
    TypeError for a name that is no text, and for a value or rule that is no function.

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

    is_condition = False  # whether its value is 1.0 or 0.0, and means yes or no

    def __init__(
        self,
        name: str,
        value: Callable[..., float],
        rule: Callable[..., Contributions] | None,
        doc: str = "",
        *,
        symbol: str = "",
    ) -> None:
        if not (isinstance(name, str) and callable(value) and (rule is None or callable(rule))):
            raise TypeError(
                f"an Op is a name, a function for its value, and a rule or None, got {name!r}, {value!r} and {rule!r}"
            )
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


# Filled by the package, when all rows are there: name → op, and beginning of a name → maker of an op with constants in its name.
TABLE: dict[str, Op] = {}
FAMILIES: dict[str, Callable[..., Op]] = {}


def named_op(name: str) -> Op:
    """The op of the table called ``name`` (``"tanh"``, ``"**3.0"``, ``"clamp[-1.0,1.0]"``); ValueError if there is none."""
    found = TABLE.get(name)
    if found is not None:
        return found
    for beginning, made in FAMILIES.items():
        if name.startswith(beginning):
            return made(*map(float, name.removeprefix(beginning).removesuffix("]").split(",")))
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
    number: Any = x.item() if kind is not int and getattr(x, "shape", None) == () and hasattr(x, "item") else x
    if kind is not int and not _is_real(number):
        raise TypeError(f"{taker} needs a real number, got {describe(x)}; {advice(x)}")
    try:
        return float(number)
    except OverflowError:
        raise OverflowError(f"{taker} needs a number up to 1.8e308, got a larger {kind.__name__}") from None


def real_numbers(xs: Sequence[object], taker: str = "this") -> list[float]:
    """The floats that they stand for, see ``real_number``: of ten plain ints in 1 instead of 3 µs.

    >>> real_numbers([1, 0.5, True])
    [1.0, 0.5, 1.0]
    """
    if _PLAIN.issuperset(map(type, xs)):
        with contextlib.suppress(OverflowError):  # said below of the one that is too large
            return list(map(float, xs))  # type: ignore[arg-type]
    return [real_number(x, taker) for x in xs]


def _is_real(number: Any) -> bool:
    # numbers.Real would cost 20 ms of imports at start; __float__ with __trunc__ means the same. Only np.longdouble, whose item()
    # is no Python number, has is_integer instead. Of the class and not of the number: the class float has a __float__ too.
    has = partial(hasattr, type(number))
    return isinstance(number, (float, int)) or (
        has("__float__") and not has("_record") and (has("__trunc__") or has("is_integer")) and getattr(number, "shape", ()) == ()
    )


def positive_number(x: object, name: str) -> float:
    """The float that ``x`` stands for; ValueError if it is not above 0 and finite. ``name`` begins the error message.

    >>> positive_number(2, "lr")
    2.0
    """
    number = real_number(x, name)
    if not 0.0 < number < float("inf"):
        raise ValueError(f"{name} must be above 0 and finite, got {x!r}")
    return number


def operand(x: Number, taker: str) -> Number:
    """What can record an op as it is, and the float that anything else stands for; see ``real_number``."""
    return x if hasattr(type(x), "_record") else real_number(x, taker)


def listed(xs: Iterable[Any], taker: str) -> tuple[Any, ...]:
    """The items, TypeError for what has none; ``taker`` begins the error message.

    >>> listed(range(3), "this")
    (0, 1, 2)
    """
    try:
        return tuple(xs)
    except TypeError:
        if hasattr(type(xs), "__iter__"):  # which raised it
            raise
        raise TypeError(f"{taker} needs a list, got {describe(xs)}") from None


def describe(x: object) -> str:
    """The type and a short form of ``x``, for error messages."""
    text = repr(x)
    return f"{type(x).__name__} ({text if len(text) <= 40 else text[:37] + '...'})"


def advice(x: Any) -> str:
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
