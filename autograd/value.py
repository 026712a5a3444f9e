"""The node: a ``Value`` is one number that remembers how it was made, and ``backward()`` walks that record.

Glossary::

    operand          a Value that an op was applied to; a number written in an expression becomes a constant Value
    _a, _b           the operands: of a unary op _a, of a binary op _a and _b, of an n-ary op the tuple _a; of a leaf None
    _xa, _xb, _y     the operands' numbers and the result's at recording time; the local chain rule is closed over these
    adjoint          ∂L/∂node for the loss L whose backward pass is running; kept in a dict, not on the nodes

Values and rules of the ops are in ``ops``; gradients that are graphs again in ``derivatives``.

A node holds no function, no tuple (unless n-ary) and no reference to its result: what costs time is the number of objects that
Python's cyclic collector has to track. On micrograd's two-moons loss (66,000 nodes) a forward pass takes 23 ms with the collector
off and 62 ms with it on; for micrograd itself these are 55 ms and 1,318 ms.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from itertools import repeat
from typing import Any, NoReturn, Self, final

from autograd import ops
from autograd.modes import Mode, are_finite, call_site, modes
from autograd.ops import Contributions, Number, Op, advice, describe, real_number

_new = object.__new__


def _no_value(*operands: float) -> NoReturn:
    raise TypeError("a leaf, a constant or an op with a hand-written _backward has no value function")


LEAF, CONSTANT = (Op(name, _no_value, None) for name in ("leaf", "constant"))
LEAF.symbol = CONSTANT.symbol = ""

_thread = threading.local()
_commit_lock = threading.Lock()


def _application(op: Op, operands: Iterable["Value"], numbers: Iterable[float]) -> str:
    """The op applied to its operands, with labels, as text: ``log(x=0.0)``."""
    shown = (f"{v.label}={x!r}" if v.label else repr(x) for v, x in zip(operands, numbers, strict=True))
    return f"{op.name}({', '.join(shown)})"


# --- The node ------------------------------------------------------------------------------------------------------------------


def record(op: Op, operands: Iterable[Number]) -> "Value":
    """The Value ``op(*operands)``; every op of a Value that is not on the fast paths below comes through here."""
    nodes = tuple([v if isinstance(v, Value) else _operand(v, op) for v in operands])
    if any([v is NotImplemented for v in nodes]):
        array = next(v for v in operands if getattr(v, "shape", ()) != ())
        raise TypeError(f"{op.name} needs single numbers, got {describe(array)}; {advice(array)}")
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
        raise FloatingPointError(f"{_application(op, nodes, numbers)} gave {data!r} at {call_site()}")
    if mode is not None and mode.tally is not None:
        mode.tally.count_op(op, len(nodes))
    if mode is not None and not mode.recording and mode.on_read is None:
        return Value(data)
    out = _new(Value)
    out._data = out._y = data
    out.grad = 0.0
    out.label = ""
    out.op = op
    if len(nodes) == 1:
        (out._a,), (out._xa,), out._b = nodes, numbers, None
    elif len(nodes) == 2:
        (out._a, out._b), (out._xa, out._xb) = nodes, numbers
    else:
        out._a, out._xa, out._b = nodes, numbers, None
    if mode is not None and mode.anomaly:
        mode.sites[out] = call_site()
    if mode is not None and not mode.recording and op is not ops.stop_gradient:
        return record(ops.stop_gradient, (out,))  # no_grad inside what a compiler records: no gradient, but not frozen either
    return out


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
    if getattr(x, "shape", ()) != ():
        return NotImplemented
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
        if modes:
            return record(op, (self,))
        out = _new(Value)
        out._xa = x = self._data
        out._data = out._y = value(x)
        out.grad = 0.0
        out.label = ""
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
            other = _operand(other, op)
            if other is NotImplemented:
                return NotImplemented  # type: ignore[no-any-return]
        if modes:
            return record(op, (self, other))
        out = _new(Value)
        out._xa = a = self._data
        out._xb = b = other._data
        out._data = out._y = value(a, b)
        out.grad = 0.0
        out.label = ""
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


class Value:
    """One number that remembers how it was made.

    ``data`` is the number (a float; every real number type is converted once), ``grad`` the derivative that ``backward()`` left,
    ``label`` a name for pictures and messages, ``op`` the row of the table of ops that made it. TypeError for anything that is
    not a real number, OverflowError for an int beyond the range of a float.

    >>> from autograd import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> c = a * b + a**2
    >>> c.backward()
    >>> c.data, a.grad, b.grad
    (-2.0, 1.0, 2.0)

    ``_children`` and ``_op`` are for an op of one's own in the manner of the lecture, see ``_backward``.
    """

    __slots__ = ("__weakref__", "_a", "_b", "_data", "_xa", "_xb", "_y", "grad", "label", "op")
    _a: Any
    _b: Any
    _data: float
    _xa: Any
    _xb: float
    _y: float
    grad: float
    label: str
    op: Op

    def __init__(self, data: Any, _children: Iterable["Value"] = (), _op: str = "", label: str = "") -> None:
        self._data = data if type(data) is float else real_number(data, "Value()")
        self.grad = 0.0
        self.label = label
        self.op = LEAF
        self._a = self._b = None
        if _children:
            self._adopt(tuple(_children), _op)

    def _adopt(self, operands: tuple["Value", ...], symbol: str) -> None:
        for v in operands:
            if not isinstance(v, Value):
                raise TypeError(f"_children must be Values, got {describe(v)}; wrap it: Value({v!r})")
        self._a, self._b = operands, None
        self._xa = tuple([v._data for v in operands])
        self._y = self._data
        self.op = Op(symbol, _no_value, None)

    # --- What it is ---

    def _get_data(self) -> float:
        if modes:
            mode = modes.get(threading.get_ident())
            if mode is not None and mode.on_read is not None:
                mode.on_read(self)
        return self._data

    def _set_data(self, data: Any) -> None:
        self._data = data if type(data) is float else real_number(data, "Value.data")

    data = property(_get_data, _set_data, doc="The number, a float; assigning one replays nothing.")

    @property
    def _op(self) -> str:
        """The symbol of the op, '' for a leaf."""
        return self.op.symbol

    @property
    def _prev(self) -> tuple["Value", ...]:
        """The operands in order, duplicates kept; () for a leaf."""
        if self._a is None:
            return ()
        if self._b is not None:
            return self._a, self._b
        return self._a if type(self._a) is tuple else (self._a,)

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by no op."""
        return self._a is None

    @property
    def is_constant(self) -> bool:
        """Whether it is a number written in an expression, like the 2 in ``2 * x``."""
        return self.op is CONSTANT

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

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self._data!r}, grad={self.grad!r}{label})"

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)

    def __bool__(self) -> bool:
        if modes:
            return bool(Condition(ops.negation(ops.negation(self))))
        return self._data != 0.0

    def __float__(self) -> NoReturn:
        raise TypeError(
            "a Value does not turn into a float by itself, which would lose its gradient: read .data, or use .exp() and its kin"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        if self._a is not None:
            raise TypeError(
                f"a recorded graph (here the result of {self.op.name}) can be neither pickled nor copied: "
                "use .detach() for its number, or copy the leaves and record it again"
            )
        return _restore, (self.data, self.grad, self.label, self.is_constant)

    @staticmethod
    def _record(op: Op, operands: Iterable[Number]) -> "Value":
        return record(op, operands)

    def _select(self, a: Number, b: Number) -> "Value":
        """``where`` with this number as the condition."""
        return record(ops.select, (self, a, b))

    def _gate(self, g: Number, holds: bool) -> "Gated":
        """``only_where`` with this number as the condition."""
        gate = self if holds else ops.negation(self)
        return Gated(gate, ops.select(gate, g, 0.0))

    # --- Operators ---

    __add__ = _binary(ops.add)
    __radd__ = _reflected(ops.add)
    __sub__ = _binary(ops.subtract)
    __rsub__ = _reflected(ops.subtract)
    __mul__ = _binary(ops.multiply)
    __rmul__ = _reflected(ops.multiply)
    __truediv__ = _binary(ops.divide)
    __rtruediv__ = _reflected(ops.divide)
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

    def __pow__(self, other: Any) -> "Value":
        if isinstance(other, (Value, Condition)) or getattr(other, "shape", ()) != ():
            return _power(self, other)
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
    erf, erfc, stop_gradient = _unary(ops.erf), _unary(ops.erfc), _unary(ops.stop_gradient)
    atan2 = arctan2 = _binary(ops.atan2)
    hypot, logaddexp, xlogy = _binary(ops.hypot), _binary(ops.logaddexp), _binary(ops.xlogy)
    maximum, minimum = _binary(ops.maximum), _binary(ops.minimum)
    leaky_relu, elu, clamp = ops.leaky_relu, ops.elu, ops.clamp

    def conjugate(self) -> Self:
        """The number itself, which is real; NumPy's variance asks for it."""
        return self

    # --- The backward pass ---

    def backward(self, seed: float = 1.0) -> None:
        """Fill ``grad`` with the derivatives of this number: leaves accumulate theirs, the nodes in between are assigned.

        ``seed`` is the derivative to start from. Nothing is written before all adjoints are known, so an exception or Ctrl-C
        half-way changes nothing. RuntimeError from within another backward pass of the same thread.

        >>> from autograd import Value
        >>> x = Value(3.0)
        >>> y = x * x
        >>> y.backward()
        >>> y.backward(seed=0.5)
        >>> x.grad
        9.0
        """
        seed = real_number(seed, "backward(seed)")
        _ = self.data  # whoever records a function hears of it: grad would be that of the recorded point
        if getattr(_thread, "busy", False):
            raise RuntimeError(
                f"backward() of {self!r} was called inside another backward pass; call it after that pass has ended"
            )
        try:
            _thread.busy = True
            _commit(propagate(self, seed))
        finally:
            _thread.busy = False

    @property
    def _backward(self) -> Callable[[], None]:
        """A function that adds this node's contributions to its operands' ``grad``: one step of the backward pass by hand.

        Assigning a closure makes an op in the manner of the lecture. ``backward()`` calls it; it can be neither differentiated
        twice nor compiled. The proper way to add an op is a row, see ``Op``.

        >>> import math
        >>> from autograd import Value
        >>> x = Value(0.5)
        >>> out = Value(math.tanh(x.data), (x,), "tanh")
        >>> def _backward():
        ...     x.grad += (1 - out.data**2) * out.grad
        >>> out._backward = _backward
        >>> out.backward()
        >>> round(x.grad, 4)
        0.7864
        """
        return self.op.closure or partial(_step, self)

    @_backward.setter
    def _backward(self, closure: Callable[[], None]) -> None:
        if not callable(closure):
            raise TypeError(f"_backward must be a function of no arguments, got {describe(closure)}")
        by_hand = Op(self.op.name, _no_value, None, symbol=self.op.symbol)
        by_hand.closure = closure
        self._adopt(self._prev, "")
        self.op = by_hand


_power = _binary(ops.power_both)


def _restore(data: float, grad: float, label: str, is_constant: bool) -> Value:
    out = constant(data) if is_constant else Value(data)
    out.grad, out.label = grad, label
    return out


@final
class Condition:
    """A comparison of Values: behaves and prints as a bool, and stays symbolic inside ``where``.

    Combine conditions with ``&``, ``|``, ``^`` and ``~``: ``and``, ``or`` and ``not`` turn them into bools.

    >>> from autograd import Value
    >>> x = Value(2.0)
    >>> x > 1
    True
    >>> ~((x > 1) & (x < 3))
    False
    """

    __slots__ = ("node",)

    def __init__(self, node: Value) -> None:
        self.node = node

    def __bool__(self) -> bool:
        if modes:
            mode = modes.get(threading.get_ident())
            if mode is not None and mode.on_branch is not None:
                mode.on_branch(self.node)
        return self.node._data != 0.0

    def __repr__(self) -> str:
        return repr(self.node._data != 0.0)

    def __eq__(self, other: object) -> bool:
        return bool(self) == other

    def __hash__(self) -> int:
        return hash(bool(self))

    def __int__(self) -> int:
        return int(bool(self))

    __index__ = __int__

    def __add__(self, other: Any) -> Any:
        return int(self) + other

    __radd__ = __add__

    def __and__(self, other: Any) -> "Condition":
        return Condition(ops.both(self.node, _truth(other)))

    __rand__ = __and__

    def __or__(self, other: Any) -> "Condition":
        return Condition(ops.either(self.node, _truth(other)))

    __ror__ = __or__

    def __xor__(self, other: Any) -> "Condition":
        node = _truth(other)
        return Condition(ops.both(ops.either(self.node, node), ops.negation(ops.both(self.node, node))))

    __rxor__ = __xor__

    def __invert__(self) -> "Condition":
        return Condition(ops.negation(self.node))

    def _select(self, a: Number, b: Number) -> Value:
        return self.node._select(a, b)


def _truth(x: object) -> Any:
    if isinstance(x, Condition):
        return x.node
    if isinstance(x, bool) or type(x).__name__ == "bool_":
        return float(bool(x))
    raise TypeError(
        f"&, | and ^ between conditions need a condition, got {describe(x)}; write comparisons in parentheses: (a > 0) & (b > 0)"
    )


@final
class Gated:
    """A contribution that exists only where a condition holds: what the rule of ``where`` answers when asked symbolically."""

    __slots__ = ("condition", "value")

    def __init__(self, condition: Value, value: Value) -> None:
        self.condition, self.value = condition, value


# --- Walking the record --------------------------------------------------------------------------------------------------------


def topological_order(*roots: Value) -> list[Value]:
    """All nodes that the roots depend on and the roots themselves, each once, every operand before its results.

    The order is that of a depth-first walk which takes the operands from left to right; it is the same in every run.

    >>> from autograd import Value, topological_order
    >>> a = Value(1.0, label="a")
    >>> b = a + a; b.label = "b"
    >>> [v.label for v in topological_order(b * a)]
    ['a', 'b', '']
    """
    order: list[Value] = []
    seen: set[Value] = set()
    stack: list[Any] = list(reversed(roots))
    push, pop, emit, mark = stack.append, stack.pop, order.append, seen.add
    while stack:
        node = pop()
        if node is None:  # the node below it on the stack has all its operands in the order
            emit(pop())
            continue
        if node in seen:
            continue
        mark(node)
        a = node._a
        if a is None:
            emit(node)
            continue
        push(node)
        push(None)
        b = node._b
        if b is not None:
            if b not in seen:
                push(b)
            if a not in seen:
                push(a)
        elif type(a) is tuple:
            stack.extend([v for v in reversed(a) if v not in seen])
        elif a not in seen:
            push(a)
    return order


def propagate(root: Value, seed: float) -> dict[Value, float]:
    """The adjoint of every node that ``root`` depends on, by the chain rule in reverse topological order; writes nothing."""
    mode = modes.get(threading.get_ident()) if modes else None
    is_watched = mode is not None and (mode.anomaly or mode.tally is not None)
    order = topological_order(root)
    adjoints = {root: seed}
    adjoint_of, next_node = adjoints.get, order.pop
    while order:
        node = next_node()
        a = node._a
        if a is None:
            continue
        g = adjoint_of(node)
        if g is None:  # no derivative reaches it: behind a branch not taken, or a stop_gradient
            adjoints[node] = 0.0
            continue
        b = node._b
        rule = node.op.rule
        if b is not None and rule is not None:
            ga, gb = rule(g, node._y, node._xa, node._xb)
            if is_watched:
                _watch(node, g, (ga, gb), mode)
            if ga is not None:
                adjoints[a] = adjoints[a] + ga if a in adjoints else ga
            if gb is not None:
                adjoints[b] = adjoints[b] + gb if b in adjoints else gb
            continue
        contributions = _contributions(node, g)
        if is_watched:
            _watch(node, g, contributions, mode)
        for v, gv in zip(a if type(a) is tuple else (a,), contributions, strict=True):
            if gv is not None:
                adjoints[v] = adjoints[v] + gv if v in adjoints else gv
    return adjoints


def recorded_numbers(node: Value) -> tuple[float, ...]:
    """The operands' numbers at recording time, in the order of ``_prev``."""
    if node._a is None:
        return ()
    if node._b is not None:
        return node._xa, node._xb
    return node._xa if type(node._a) is tuple else (node._xa,)


def _contributions(node: Value, g: float) -> Contributions:
    """What the node hands to each of its operands when its own adjoint is ``g``."""
    rule = node.op.rule
    return _by_closure(node, g) if rule is None else rule(g, node._y, *recorded_numbers(node))


def _by_closure(node: Value, g: float) -> Contributions:
    """The contributions of a lecture-style closure: let it write into ``.grad``, read that off, put everything back."""
    operands = node._prev
    if node.op.closure is None:  # Value(data, children, op) without a _backward: as in micrograd, nothing flows
        return (None,) * len(operands)
    involved = dict.fromkeys([node, *operands])
    kept = [v.grad for v in involved]
    try:
        for v in involved:
            v.grad = 0.0
        node.grad = g
        node.op.closure()
        received = {v: v.grad for v in operands}
    finally:
        for v, grad in zip(involved, kept, strict=True):
            v.grad = grad
    return [received.pop(v, None) for v in operands]


def _step(node: Value) -> None:
    """Add the node's contributions to its operands' ``grad``, starting from its own ``grad``."""
    if node._a is not None:
        for v, gv in zip(node._prev, _contributions(node, node.grad), strict=True):
            if gv is not None:
                v.grad += gv


def _commit(adjoints: dict[Value, float]) -> None:
    """Write the adjoints: leaves accumulate, nodes in between are assigned.

    All or nothing: the writing loop runs in C, where no signal handler and no other thread gets in between.
    """
    with _commit_lock:
        grads = [g if v._a is not None else v.grad + g for v, g in adjoints.items()]
        deque(map(setattr, adjoints, repeat("grad"), grads), maxlen=0)


def _watch(node: Value, g: float, contributions: Contributions, mode: Mode | None) -> None:
    """Tell the tally and the detection of anomalies, where they are switched on, what the node's rule has answered."""
    received = [c for c in contributions if c is not None]
    if mode is not None and mode.tally is not None:
        mode.tally.count_rule(node.op, len(contributions), len(received))
    if mode is not None and mode.anomaly:
        _blame(node, g, received, mode)


def _blame(node: Value, g: float, received: list[float], mode: Mode) -> None:
    """FloatingPointError if finite numbers went into the node's rule and a nan or inf came out."""
    if are_finite(received) or not are_finite((g, *recorded_numbers(node))):
        return
    site = mode.sites.get(node, "an unknown place: it was recorded outside detect_anomaly()")
    raise FloatingPointError(
        f"the backward pass of {_application(node.op, node._prev, recorded_numbers(node))} with adjoint {g!r} gave "
        f"{', '.join(map(repr, received))}; recorded at {site}"
    )
