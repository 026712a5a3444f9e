"""The node: one number, how it was made, and the backward pass over that record.

Glossary::

    operand          a Value that an op was applied to; a number written in an expression becomes a constant Value
    _a, _b           the operands: of a unary op _a, of a binary op _a and _b, of an n-ary op the tuple _a; of a leaf None
    _xa, _xb, _y     the operands' numbers and the result's at recording time; the local chain rule is closed over these

A node holds no function, no tuple (unless n-ary) and no reference to its result: what costs time is the number of objects that
Python's cyclic collector has to track. On micrograd's two-moons loss (66,000 nodes) a forward pass takes 23 ms with the collector
off and 62 ms with it on; for micrograd itself these are 55 ms and 1,318 ms.

Attributes of one's own live in a dict that a node gets when its first one is set. On Python 3.13 the place for it costs nothing; on 3.11
it costs 24 bytes a node (160 instead of 136) and a tenth of a forward pass (32 instead of 29 ms). A label lives there too, because
few nodes have one: that saves every other node a write.

What can be computed with nodes is in ``value``, whose ``Value`` is this class with operators and functions.
"""

import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from autograd.backward import commit, keep_order, propagate, step_back, topological_order
from autograd.modes import modes
from autograd.ops import Op, describe, listed, real_number

if TYPE_CHECKING:
    from autograd.value import Value


def _no_value(*operands: float) -> NoReturn:
    raise TypeError("a leaf, a constant or an op with a hand-written _backward has no value function")


LEAF, CONSTANT = (Op(name, _no_value, None) for name in ("leaf", "constant"))
LEAF.symbol = CONSTANT.symbol = ""

_thread = threading.local()

# Called, once each, before a label is read that nobody has given: names are made when somebody asks for one.
namers: list[Callable[[], object]] = []


class _Label:
    """The label of a Value that was given none: what ``namers`` give it now, or nothing."""

    def __get__(self, node: Any, owner: Any) -> str:
        if not namers:  # a label that is there has been found before this is asked; and asking for __dict__ would make one
            return ""
        while namers:
            namers.pop()()
        return "" if node is None else node.__dict__.get("label", "")


class Node:
    """What a ``Value`` is without its operators."""

    __slots__ = ("__dict__", "__weakref__", "_a", "_b", "_data", "_xa", "_xb", "_y", "grad", "op")
    _a: Any
    _b: Any
    _data: float
    _xa: Any
    _xb: float
    _y: float
    grad: float
    op: Op
    # A label that is set is an attribute, which goes before this one.
    label: str = _Label()  # type: ignore[assignment]
    _site = "an unknown place: it was recorded outside detect_anomaly()"
    fact: object = None  # of a condition, see conditions.settled
    _below: "list[Value] | None" = None  # what it rests on in order, if a backward pass has left it, see backward.keep_order
    is_demanded = False  # of a condition of which anything but its truth is an error, see conditions._demanded

    def __init__(self, data: Any, _children: Iterable["Value"] = (), _op: str = "", label: str = "") -> None:
        self._data = data if type(data) is float else real_number(data, "Value()")
        self.grad = 0.0
        if label:
            self.label = label
        self.op = LEAF
        self._a = self._b = None
        if _children:
            self._adopt(listed(_children, "_children"), _op)

    def _adopt(self, operands: tuple["Value", ...], symbol: str) -> None:
        for v in operands:
            if not isinstance(v, Node):
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

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self._data!r}, grad={self.grad!r}{label})"

    def __float__(self) -> NoReturn:
        raise TypeError(
            "a Value does not turn into a float by itself, which would lose its gradient: read .data, or call a function that takes "
            "Values, x.exp() or one of autograd.math (from autograd import math)"
        )

    def __index__(self) -> NoReturn:
        raise TypeError(
            "a Value is no index and no count by itself: int(x) makes it one, without a derivative and guarded in compiled functions; "
            "autograd.take(xs, x) reads by it"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        if self._a is not None:
            raise TypeError(
                f"a recorded graph (here the result of {self.op.name}) can be neither pickled nor copied: "
                "use .detach() for its number, or copy the leaves and record it again"
            )
        _ = self.label  # that it is kept
        state: Any = super().__getstate__()
        attributes, slots = state
        del slots["op"]
        slots["_data"] = self.data  # whoever records a function hears of it
        return _leaf, (type(self), self.is_constant), (attributes, slots)

    # --- The backward pass ---

    def backward(self: Any, seed: float = 1.0) -> None:
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
            below = topological_order(self)
            below.pop()
            commit(propagate(self, seed, below))
            keep_order(self, below)
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
        me: Any = self  # a Value
        return self.op.closure or partial(step_back, me)

    @_backward.setter
    def _backward(self, closure: Callable[[], None]) -> None:
        if not callable(closure):
            raise TypeError(f"_backward must be a function of no arguments, got {describe(closure)}")
        by_hand = Op(self.op.name, _no_value, None, symbol=self.op.symbol)
        by_hand.closure = closure
        self._adopt(self._prev, "")
        self.op = by_hand


def _leaf(kind: type[Node], is_constant: bool) -> Node:
    """A leaf that is being copied, still without its number."""
    out = object.__new__(kind)
    out.op = CONSTANT if is_constant else LEAF
    return out
