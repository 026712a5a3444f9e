"""What is computed with nodes: a ``Value`` is a ``Node`` with operators, comparisons and functions, each of which records one more.

Values and rules of the ops are in ``ops``, comparisons in ``conditions``; gradients that are graphs again in ``derivatives``.
"""

import operator
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, Self, SupportsIndex

from autograd import ops
from autograd.backward import application, let_go, recorded_numbers, topological_order
from autograd.conditions import Condition, Gated, settled
from autograd.modes import altering, are_finite, call_site, modes
from autograd.node import CONSTANT, LEAF, Node
from autograd.ops import DEGREES, RADIANS, Number, Op, advice, describe, real_number

# With what it is made of, so that everyone above finds the node and its record here.
__all__ = [
    "CONSTANT",
    "LEAF",
    "Condition",
    "Gated",
    "Value",
    "Written",
    "constant",
    "record",
    "recorded_numbers",
    "topological_order",
]

_new = object.__new__
# A subclass, or None: what an op makes of one of its instances is one too; see compiler.arguments.
_spreading: Any = None

# --- Recording ------------------------------------------------------------------------------------------------------------------


def record(op: Op, operands: Iterable[Number]) -> "Value":
    """The Value ``op(*operands)``; every op of a Value that is not on the fast paths below comes through here."""
    nodes = tuple(operands)
    kinds = {*map(type, nodes)}
    kind: type[Value] = _spreading if _spreading in kinds else Value
    if not kinds <= {Value, kind}:
        nodes = _as_nodes(op, nodes)
    mode = modes.get(threading.get_ident())
    if mode is not None and mode.simplify:
        known: Value | None = _simplified(op, nodes)
        if known is not None:
            return known
    numbers = tuple([v._data for v in nodes])
    data = op.value(*numbers)
    if type(data) is not float:
        data = real_number(data, f"the value of op {op.name}")
    if mode is not None and mode.anomaly and are_finite(numbers) and not are_finite((data,)):
        raise FloatingPointError(f"{application(op, nodes, numbers)} gave {data!r} at {call_site()}")
    if mode is not None and mode.tally is not None:
        mode.tally.count_op(op, len(nodes))
    if mode is not None and not mode.recording and mode.on_read is None:
        return Value(data)
    out = _new(kind)
    out._data = out._y = data
    out.grad = 0.0
    out.op = op
    if len(nodes) == 1:
        (out._a,), (out._xa,), out._b = nodes, numbers, None
    elif len(nodes) == 2:
        (out._a, out._b), (out._xa, out._xb) = nodes, numbers
    else:
        out._a, out._xa, out._b = nodes, numbers, None
    if mode is not None and mode.anomaly:
        out._site = call_site()
    if mode is not None and not mode.recording and op is not ops.stop_gradient:
        return record(ops.stop_gradient, (out,))  # no_grad inside what a compiler records: no gradient, but not frozen either
    return out


def _as_nodes(op: Op, operands: tuple[Any, ...]) -> tuple["Value", ...]:
    """The operands as Values, plain numbers as constants."""
    return tuple([v if type(v) is Value or type(v) is _spreading else _single(v, op) for v in operands])


def _single(x: Any, op: Op) -> "Value":
    """``x`` as an operand; TypeError for an array."""
    node = constant(x) if type(x) is float else _operand(x, op)
    if node is NotImplemented:
        raise TypeError(f"{op.name} needs single numbers, got {describe(x)}; {advice(x)}")
    return node


def constant(x: object, taker: str = "a constant") -> "Value":
    """A leaf for a number that was written in an expression."""
    out = Value(x if type(x) is float else real_number(x, taker))
    out.op = CONSTANT
    return out


def _operand(x: object, op: Op) -> Any:
    """``x`` as an operand; NotImplemented for an array, so that NumPy takes over and applies the op to its elements."""
    if isinstance(x, Value):
        return x
    if type(x) is Condition:
        return x.node
    shape = getattr(x, "shape", None)
    if shape is not None:
        if shape != ():
            return NotImplemented
        if hasattr(x, "item") and isinstance(x.item(), Value):  # what NumPy makes of a Value: an array without axes
            return x.item()
    return constant(x, f"Value {op.symbol} …" if len(op.symbol) < 3 else op.name)


_first_power = ops.power_of(1.0)


def _is_number(v: "Value", x: float) -> bool:
    return v.op is CONSTANT and v._data == x


def _simplified(op: Op, operands: tuple["Value", ...]) -> Any:
    """What op(*operands) is without a new node, where that is the same to the bit: x·1, x/1, x¹, −(−x), constants."""
    first, last = operands[0], operands[-1]
    if all([v.op is CONSTANT for v in operands]):
        return constant(op.value(*[v._data for v in operands]))
    if (op is ops.multiply or op is ops.divide) and _is_number(last, 1.0):
        return first
    if op is ops.multiply and _is_number(first, 1.0):
        return last
    if op is _first_power:
        return first
    if op is ops.negative and first.op is ops.negative:
        return first._a
    return None


def _unary(op: Op) -> Callable[["Value"], "Value"]:
    value = op.value

    def method(self: "Value") -> "Value":
        if altering:
            return record(op, (self,))
        out = _new(Value)
        out._xa = x = self._data
        out._data = out._y = value(x)
        out.grad = 0.0
        out.op = op
        out._a = self
        out._b = None
        return out

    method.__name__ = op.name
    method.__doc__ = op.__doc__
    return method


def _binary(op: Op) -> Callable[["Value", Any], "Value"]:
    value = op.value

    def method(self: "Value", other: Any) -> "Value":
        if type(other) is not Value:
            if type(other) is _spreading:
                return record(op, (self, other))
            other = _operand(other, op)
            if other is NotImplemented:
                return NotImplemented  # type: ignore[no-any-return]
        if altering:
            return record(op, (self, other))
        out = _new(Value)
        out._xa = a = self._data
        out._xb = b = other._data
        out._data = out._y = value(a, b)
        out.grad = 0.0
        out.op = op
        out._a = self
        out._b = other
        return out

    method.__name__ = op.name
    method.__doc__ = op.__doc__
    return method


def _reflected(op: Op) -> Callable[["Value", Any], "Value"]:
    forward = _binary(op)

    def method(self: "Value", other: Any) -> "Value":
        operand = _operand(other, op)
        return NotImplemented if operand is NotImplemented else forward(operand, self)

    return method


def _comparison(op: Op) -> Callable[["Value", Any], "Condition"]:
    forward = _binary(op)

    def method(self: "Value", other: Any) -> "Condition":
        node = forward(self, other)
        return Condition(node) if isinstance(node, Value) else node

    return method


class Written(str):
    """What a number was written as by ``format``: lifted code does not read it back, which would lose the gradient."""

    __slots__ = ()


class Value(Node):
    """One number that remembers how it was made.

    ``data`` is the number (a float; every real number type is converted once), ``grad`` the derivative that ``backward()`` left,
    ``label`` a name for pictures and messages, ``op`` the row of the table of ops that made it. TypeError for anything that is
    not a real number, OverflowError for an int beyond the range of a float.

    Any other attribute is yours to set, on leaves and on results: an optimizer's ``p.moment``, a picture's ``v.colour``. Copies and
    pickles of leaves keep them. An op on instances of a subclass returns a plain ``Value``.

    >>> from autograd import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> c = a * b + a**2
    >>> c.backward()
    >>> c.data, a.grad, b.grad
    (-2.0, 1.0, 2.0)

    ``_children`` and ``_op`` are for an op of one's own in the manner of the lecture, see ``_backward``.
    """

    __slots__ = ()

    def detach(self) -> "Value":
        """A fresh leaf with the same number and label.

        >>> from autograd import Value
        >>> (Value(2.0) * 3).detach()._prev
        ()
        """
        return Value(self.data, label=self.label)

    def __eq__(self, other: object) -> Any:
        """With a number a condition, like ``<``. With a Value identity, so that Values can be keys and found in lists.

        While a compiler records a function of numbers, two Values compare as the numbers that they stand for.
        """
        if isinstance(other, Value):
            mode = modes.get(threading.get_ident()) if modes else None
            if self is other or mode is None or mode.on_branch is None:
                return self is other
        elif not isinstance(other, (float, Condition)):
            try:
                other = real_number(other)
            except (TypeError, OverflowError):
                return NotImplemented
        return ops.equal(self, other)

    def __ne__(self, other: object) -> Any:
        same = self == other
        return ~same if isinstance(same, Condition) else not same

    __hash__ = object.__hash__

    def __str__(self) -> str:
        self._as_text()
        return repr(self)

    def __format__(self, spec: str) -> str:
        """The number in the form that ``spec`` says. While something is recorded that is structure: another number records anew."""
        self._as_text()
        return Written(format(self._data, spec)) if spec else repr(self)

    def _as_text(self) -> None:
        """Guard what a text says of this number: its value and the sign of a 0."""
        if not modes:
            return
        y = self._data
        if y != y:
            bool(ops.equal(self, self))
        else:
            settled(ops.equal(self, y), y)
        if y == 0.0:
            bool(ops.copysign(1.0, self) > 0.0)

    def __bool__(self) -> bool:
        if modes:
            return bool(Condition(ops.negation(ops.negation(self))))
        return self._data != 0.0

    def _whole(self, op: Op) -> int:
        """The int that a rounding makes of this number; while something is recorded it is guarded, so that another int records anew."""
        step = op.value(self._data)
        whole = int(step)
        if modes:
            settled(ops.equal(op(self), step), whole)
        return whole

    def __int__(self) -> int:
        """The number without what follows its decimal point, as an int. An int has no derivative: it is structure, like a branch."""
        return self._whole(ops.trunc)

    __trunc__ = __int__

    def __floor__(self) -> int:
        return self._whole(ops.floor)

    def __ceil__(self) -> int:
        return self._whole(ops.ceil)

    def __round__(self, digits: SupportsIndex | None = None) -> Any:
        """``round(v)`` is the nearest int, structure like ``int(v)``; ``round(v, n)`` is a Value with derivative 0."""
        return self._whole(ops.rint) if digits is None else ops.round_to(self, operator.index(digits))

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    @staticmethod
    def _record(op: Op, operands: Iterable[Number]) -> "Value":
        return record(op, operands)

    def _select(self, a: Number, b: Number) -> "Value":
        """``where`` with this number as the condition."""
        # The compiler adds conditions up, and x + y may be 0 where neither is.
        truth = self if self.op.is_condition else ops.both(self, self)
        return record(ops.select, (truth, a, b))

    def _gate(self, g: Number, holds: bool) -> "Gated":
        """``only_where`` with this number as the condition."""
        gate = self if holds else ops.negation(self)
        return Gated(gate, ops.select(gate, g, -0.0))

    # --- Operators ---

    __add__ = _binary(ops.add)
    __radd__ = _reflected(ops.add)
    __sub__ = _binary(ops.subtract)
    __rsub__ = _reflected(ops.subtract)
    __mul__ = _binary(ops.multiply)
    __rmul__ = _reflected(ops.multiply)
    __truediv__ = _binary(ops.divide)
    __rtruediv__ = _reflected(ops.divide)
    __floordiv__ = _binary(ops.floor_divide)
    __rfloordiv__ = _reflected(ops.floor_divide)
    __mod__ = _binary(ops.modulo)
    __rmod__ = _reflected(ops.modulo)
    __rpow__ = _reflected(ops.power_both)
    __neg__ = _unary(ops.negative)
    __pos__ = _unary(ops.positive)
    __abs__ = _unary(ops.absolute)
    __lt__ = _comparison(ops.less)
    __le__ = _comparison(ops.less_equal)
    __gt__ = _comparison(ops.greater)
    __ge__ = _comparison(ops.greater_equal)

    _power = _binary(ops.power_both)

    def __pow__(self, other: Any) -> "Value":
        if isinstance(other, (Value, Condition)) or getattr(other, "shape", ()) != ():
            return self._power(other)
        return record(ops.power_of(real_number(other, "Value ** …")), (self,))

    # --- Functions as methods; NumPy calls them on the elements of an object array, some by a longer name ---

    exp, expm1, log, log1p = _unary(ops.exp), _unary(ops.expm1), _unary(ops.log), _unary(ops.log1p)
    log2, log10, sqrt = _unary(ops.log2), _unary(ops.log10), _unary(ops.sqrt)
    sin, cos, tan = _unary(ops.sin), _unary(ops.cos), _unary(ops.tan)
    asin = arcsin = _unary(ops.asin)
    acos = arccos = _unary(ops.acos)
    atan = arctan = _unary(ops.atan)
    sinh, cosh, tanh = _unary(ops.sinh), _unary(ops.cosh), _unary(ops.tanh)
    asinh = arcsinh = _unary(ops.asinh)
    acosh = arccosh = _unary(ops.acosh)
    atanh = arctanh = _unary(ops.atanh)
    sigmoid, relu, silu, gelu = _unary(ops.sigmoid), _unary(ops.relu), _unary(ops.silu), _unary(ops.gelu)
    softplus, logsigmoid = _unary(ops.softplus), _unary(ops.logsigmoid)
    cbrt, gamma, lgamma, rint, fabs = (
        _unary(ops.cbrt),
        _unary(ops.gamma),
        _unary(ops.lgamma),
        _unary(ops.rint),
        _unary(ops.absolute),
    )
    erf, erfc, stop_gradient = _unary(ops.erf), _unary(ops.erfc), _unary(ops.stop_gradient)
    atan2 = arctan2 = _binary(ops.atan2)
    hypot, logaddexp, xlogy = _binary(ops.hypot), _binary(ops.logaddexp), _binary(ops.xlogy)
    fmod, copysign = _binary(ops.fmod), _binary(ops.copysign)
    maximum, minimum = _binary(ops.maximum), _binary(ops.minimum)
    leaky_relu, elu, clamp = ops.leaky_relu, ops.elu, ops.clamp

    def exp2(self) -> "Value":
        """2ˣ."""
        return ops.power_both(2.0, self)  # type: ignore[no-any-return]

    def degrees(self) -> "Value":
        """The angle in degrees of one in radians."""
        return self * DEGREES

    def radians(self) -> "Value":
        """The angle in radians of one in degrees."""
        return self * RADIANS

    rad2deg, deg2rad = degrees, radians

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """What NumPy's functions give for Values; see ``arrays``."""
        from autograd import arrays  # NumPy asks, so it is there

        return arrays.apply(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """What NumPy's other functions give with Values among their arguments; see ``arrays``."""
        from autograd import arrays

        return arrays.call(function, args, options)

    def conjugate(self) -> Self:
        """The number itself, which is real; NumPy's variance asks for it."""
        return self


# In the browser a chain of 10,000 nodes would overflow the stack of WebAssembly when it is deleted (elsewhere Python sees to that).
# Everywhere, this would make freeing a graph four times slower (79 instead of 17 ms for a chain of 66,000 nodes).
if sys.platform == "emscripten":
    Value.__del__ = let_go  # type: ignore[attr-defined]
