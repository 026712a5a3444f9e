"""Walking the record: the order of its nodes, and the backward pass as a function from a graph to adjoints.

Glossary::

    adjoint          ∂L/∂node for the loss L whose backward pass is running; kept in a dict, not on the nodes
"""

import threading
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from autograd.labels import plain_name
from autograd.modes import Mode, are_finite, modes
from autograd.ops import Contributions, Op, describe, step_rule

if TYPE_CHECKING:
    from autograd.value import Value

_commit_lock = threading.Lock()
_kept = threading.local()


def topological_order(*roots: "Value") -> "list[Value]":
    """All nodes that the roots depend on and the roots themselves, each once, every operand before its results.

    The order is that of a depth-first walk which takes the operands from left to right; it is the same in every run.

    >>> from autograd import Value, topological_order
    >>> a = Value(1.0, label="a")
    >>> b = a + a; b.label = "b"
    >>> [v.label for v in topological_order(b * a)]
    ['a', 'b', '']

    TypeError for roots that are not Values.
    """
    for root in roots:
        if not hasattr(root, "_a"):
            raise TypeError(f"topological_order needs Values, got {describe(root)}")
    below = roots[0]._below if len(roots) == 1 else None
    return order_behind(roots, set()) if below is None else [*below, roots[0]]


_MANY = 1000  # nodes, from which on walking a graph again takes longer than a look at the list of them


def keep_order(root: "Value", below: "list[Value]") -> None:
    """Keep the topological order below a root, which a backward pass has walked, for whoever asks next: a picture, a second pass.

    Nothing makes it wrong, since operands stay what they are. That is 8 bytes a node, so that of one graph in each thread, the last
    one, is kept; it goes with the root, which holds it, and is not in it.
    """
    if len(below) >= _MANY:
        last: Callable[[], Value | None] = getattr(_kept, "root", lambda: None)
        before = last()
        if before is not None:
            before._below = None
        root._below = below
        _kept.root = weakref.ref(root)


def order_behind(roots: "Sequence[Value]", seen: "set[Value]") -> "list[Value]":
    """The topological order without the nodes ``seen`` already, to which all others are added, and what only they depend on."""
    order: list[Value] = []
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


def propagate(root: "Value", seed: float, below: "list[Value] | None" = None) -> "dict[Value, float]":
    """The adjoint of every node that ``root`` depends on, by the chain rule in reverse topological order; writes nothing.

    ``below`` is the topological order without the root, if it is known.
    """
    mode = modes.get(threading.get_ident()) if modes else None
    is_watched = mode is not None and (mode.anomaly or mode.tally is not None)
    adjoints = {root: seed}
    adjoint_of = adjoints.get
    for node in chain([root], reversed(topological_order(root)[:-1] if below is None else below)):
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


def recorded_numbers(node: "Value") -> tuple[float, ...]:
    """The operands' numbers at recording time, in the order of ``_prev``."""
    if node._a is None:
        return ()
    if node._b is not None:
        return node._xa, node._xb
    return node._xa if type(node._a) is tuple else (node._xa,)


def _contributions(node: "Value", g: float) -> Contributions:
    """What the node hands to each of its operands when its own adjoint is ``g``."""
    rule = node.op.rule
    return _by_closure(node, g) if rule is None else rule(g, node._y, *recorded_numbers(node))


def _by_closure(node: "Value", g: float) -> Contributions:
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


def step_back(node: "Value") -> None:
    """Add the node's contributions to its operands' ``grad``, starting from its own ``grad``."""
    if node._a is not None:
        for v, gv in zip(node._prev, _contributions(node, node.grad), strict=True):
            if gv is not None:
                v.grad += gv


def commit(adjoints: "dict[Value, float]") -> None:
    """Write the adjoints: leaves accumulate, nodes in between are assigned.

    All or nothing: the writing loop runs in C, where no signal handler and no other thread gets in between.
    """
    with _commit_lock:
        try:
            grads = [g if v._a is not None else v.grad + g for v, g in adjoints.items()]
        except TypeError:
            raise _no_number(adjoints) from None
        deque(map(setattr, adjoints, repeat("grad"), grads), maxlen=0)


def _no_number(adjoints: "dict[Value, float]") -> TypeError:
    """The error for a gradient that somebody replaced by what is no number."""
    v = next(v for v in adjoints if v._a is None and not isinstance(v.grad, (int, float)))
    name = plain_name(v.label) or "a leaf"
    return TypeError(f"the grad of {name} is {describe(v.grad)}, to which nothing can be added: set it to 0.0 to begin anew")


def _watch(node: "Value", g: float, contributions: Contributions, mode: Mode | None) -> None:
    """Tell the tally and the detection of anomalies, where they are switched on, what the node's rule has answered."""
    received = [c for c in contributions if c is not None]
    if mode is not None and mode.tally is not None:
        mode.tally.count_rule(node.op, len(contributions), len(received))
    if mode is not None and mode.anomaly:
        _blame(node, g, received)
        if node.op.rule is step_rule and g != 0.0:
            _name_the_step(node, g)


def _blame(node: "Value", g: float, received: list[float]) -> None:
    """FloatingPointError if finite numbers went into the node's rule and a nan or inf came out."""
    if are_finite(received) or not are_finite((g, *recorded_numbers(node))):
        return
    raise FloatingPointError(
        f"the backward pass of {application(node.op, node._prev, recorded_numbers(node))} with adjoint {g!r} gave "
        f"{', '.join(map(repr, received))}; recorded at {node._site}"
    )


def _name_the_step(node: "Value", g: float) -> None:
    """RuntimeWarning that a derivative ends at a rounding."""
    numbers = recorded_numbers(node)
    warnings.warn(
        f"the adjoint {g!r} of {application(node.op, node._prev, numbers)} became 0, because rounding has slope 0; "
        f"recorded at {node._site}",
        RuntimeWarning,
        stacklevel=2,
    )


_held: list[Any] = []  # what nodes that are being freed referred to, above a None while somebody empties it


def let_go(node: "Value") -> None:
    """Free a node's operands one after the other, where Python would free them inside each other: ``__del__`` where stacks are small."""
    is_outermost = not _held
    if is_outermost:
        _held.append(None)
    _held.append((getattr(node, "_a", None), getattr(node, "_b", None), getattr(node, "op", None)))
    node._a = node._b = node.op = None  # type: ignore[assignment]
    while is_outermost and _held.pop() is not None:
        pass


def application(op: Op, operands: Iterable["Value"], numbers: Iterable[float]) -> str:
    """The op applied to its operands, with labels, as text: ``log(x=0.0)``."""
    shown = (f"{plain_name(v.label)}={x!r}" if v.label else repr(x) for v, x in zip(operands, numbers, strict=True))
    return f"{op.name}({', '.join(shown)})"
