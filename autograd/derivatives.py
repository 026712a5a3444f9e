"""Gradients as graphs: ``grad(y, xs)`` applies the same rules to Values instead of floats, so a derivative can be differentiated
again, drawn and compiled; ``grad(f)``, ``jacobian``, ``hessian`` and ``hvp`` are thin functions on top.

Functions take numbers, or numbers nested in lists, tuples and NumPy arrays; what is given by name is handed on as it is. Called with
numbers they answer with numbers (in arrays of floats where arrays were given); called with Values, as one derivative inside another, they
answer with Values.

``x.grad`` is not touched by anything here.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from autograd import ops
from autograd.labels import plain_name
from autograd.modes import call_site, is_recorded, recording, switched
from autograd.ops import Number, describe, real_number
from autograd.trees import Tree, leaves, like
from autograd.value import Condition, Gated, Value, constant, recorded_numbers, topological_order

# --- Over Values ---------------------------------------------------------------------------------------------------------------


# What hears of every contribution on its way from a node to an operand, and hands it on.
Crossing = Callable[[Value, Value, Number], Number]


def adjoint_graph(
    root: Value,
    xs: Sequence[Value],
    *,
    crossing: Crossing = lambda node, operand, contribution: contribution,
    anywhere: bool = False,
) -> list[Value]:
    """∂root/∂x for each x as recorded Values; each is the graph of what ``backward()`` computes, bit for bit.

    Only nodes that depend on some x receive an adjoint. An adjoint that exists only behind a condition carries the condition
    along as its gate, so that a branch not taken leaks nothing: where(x > 0, √x, 0) at −1 has derivative 0, not 0·nan. Behind a
    closed gate a contribution is −0, which changes nothing it is added to. ``crossing`` sees every contribution on its way.
    ``anywhere`` says that only the graph is wanted, to be computed at other points, so that data edited meanwhile does no harm.
    """
    order = topological_order(root)
    wanted = set(xs)
    for node in order:
        if any([v in wanted for v in node._prev]):
            wanted.add(node)
    adjoints: dict[Value, Number] = {root: 1.0}
    gates: dict[Value, Value | None] = {root: None}

    def refuse(v: Value) -> None:
        raise TypeError(
            f"the rule of op {node.op.name!r} reads a plain number, or decides by one, at {call_site()}: compiled, that would hold for "
            "the recorded point only; write the rule with where"
        )

    listeners = {"on_branch": refuse, "on_read": refuse, "anomaly": False} if anywhere else {}
    with switched(simplify=True, recording=True, **listeners):
        for node in reversed(order):
            if node not in adjoints or node not in wanted or node.is_leaf:
                continue
            if not anywhere:
                _check_recorded(node)
            g, gate = adjoints[node], gates[node]
            for operand, contribution in zip(node._prev, _rule_of(node)(g, node, *node._prev), strict=True):
                if contribution is not None and operand in wanted:
                    arriving, own = _gated(contribution, gate)
                    _accumulate(adjoints, gates, operand, crossing(node, operand, arriving), own)
        return [_as_value(_opened(adjoints.get(x, 0.0), gates.get(x))) for x in xs]


def _opened(adjoint: Number, gate: Value | None) -> Number:
    return adjoint if gate is None else ops.select(gate, adjoint, 0.0)


def _as_value(x: Number) -> Value:
    return x if isinstance(x, Value) else constant(x)


def _rule_of(node: Value) -> Callable[..., Any]:
    if node.op.rule is None:
        name = f"the node {plain_name(node.label)!r}" if node.label else "a node"
        raise TypeError(
            f"{name} with op {node.op.symbol!r} has a hand-written _backward, which works for backward() only; "
            "to differentiate it as a graph, make its op a row: autograd.Op(name, value, rule)"
        )
    return node.op.rule


def _check_recorded(node: Value) -> None:
    """ValueError if an operand's ``data`` was edited since: the graph of the gradient would mix two points."""
    for operand, x in zip(node._prev, recorded_numbers(node), strict=True):
        now = operand._data
        if now is not x and now != x and (now == now or x == x):
            name = f"{plain_name(operand.label)}.data" if operand.label else "the data of an operand"
            raise ValueError(
                f"{name} was changed from {x!r} to {now!r} after {node.op.name} was recorded; record the expression again"
            )


def _gated(contribution: Any, gate: Value | None) -> tuple[Number, Value | None]:
    """A contribution of a node behind a gate, as a number that is −0 where its gate is closed, and that gate."""
    if isinstance(contribution, Gated):
        contribution, own = contribution.value, contribution.condition
        if gate is None:
            return contribution, own
        gate = ops.both(gate, own)
    return (contribution if gate is None else ops.select(gate, contribution, -0.0)), gate


def _accumulate(
    adjoints: dict[Value, Number],
    gates: dict[Value, Value | None],
    operand: Value,
    contribution: Number,
    gate: Value | None,
) -> None:
    """Add a contribution to an operand's adjoint, whose gate is open where one of its contributions' is."""
    if operand not in adjoints:
        adjoints[operand], gates[operand] = contribution, gate
        return
    opened = gates[operand]
    adjoints[operand] = adjoints[operand] + contribution
    gates[operand] = None if gate is None or opened is None else ops.either(opened, gate)


def grad(y: Any, xs: Any = None) -> Any:
    """The gradient: of a function, as a function; of a Value with respect to Values, as Values.

    ``grad(f)`` takes the arguments of ``f`` (numbers, or numbers in nested lists, tuples and arrays) and returns ∂f/∂argument in the
    shape of the argument, a tuple of these if there are several arguments. ``f`` is handed Values in their places, for an array an
    array of Values; what is given by name, as in ``grad(f)(x, rounds=3)``, it gets as it is. ``grad(y, xs)`` returns a Value in place of
    each Value in ``xs``; these are graphs and can be differentiated again, drawn and compiled. TypeError for anything else; ValueError
    if the ``data`` of an operand was edited after ``y`` was recorded.

    >>> from autograd import Value, grad
    >>> grad(lambda x: x**3)(2.0)
    12.0
    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    >>> x = Value(2.0)
    >>> dy = grad(x**3, x)
    >>> dy.data, grad(dy, x).data
    (12.0, 12.0)
    """
    if isinstance(y, Value):
        return like(xs, iter(adjoint_graph(y, _values(xs))))
    _check_function(y, "grad", "a function or a Value")
    if xs is not None:
        raise TypeError("grad(f) takes only the function; call what it returns with the arguments: grad(f)(x)")
    with_value = value_and_grad(y)

    def gradient(*args: Tree, **named: Any) -> Tree:
        return with_value(*args, **named)[1]

    return gradient


def _values(xs: Any) -> list[Value]:
    found = list(leaves(xs))
    for x in found:
        if not isinstance(x, Value):
            raise TypeError(f"grad(y, xs) needs the Values to differentiate by, got {describe(x)}")
    return found


# --- Over functions ------------------------------------------------------------------------------------------------------------


def _variables(args: tuple[Tree, ...]) -> tuple[tuple[Tree, ...], list[Value], Callable[[Number], Number]]:
    """The arguments with every number replaced by a fresh variable, the variables, and how to hand out a result.

    A Value among the arguments (one derivative inside another) becomes the variable +v: its own node, so that the inner
    derivative does not confuse it with other uses of v.
    """
    if not args:
        raise TypeError("a derivative needs at least one argument to differentiate by, got none")
    given = list(leaves(args))
    # Inside what a compiler records, a derivative at plain numbers may depend on recorded ones all the same.
    nested = is_recorded() or any([isinstance(x, Value) for x in given])
    variables = [+x if isinstance(x, Value) else Value(x) for x in given]
    own = set(variables) if getattr(_running, "depth", 0) else None

    def hand_out(x: Number) -> Number:
        if nested:
            return _as_value(x)
        return x if own is not None and _rests_on_others(x, own) else _number(x)

    return like(args, iter(variables)), variables, hand_out


_running = threading.local()


@contextmanager
def _differentiating() -> Iterator[None]:
    """A context in which a function runs to be differentiated: derivatives at plain numbers inside may depend on its arguments."""
    depth = getattr(_running, "depth", 0)
    _running.depth = depth + 1
    try:
        with recording():
            yield
    finally:
        _running.depth = depth


def _rests_on_others(x: Number, own: set[Value]) -> bool:
    """Whether a number depends on Values other than these, as in the derivative by y of x·y at y = 2."""
    return isinstance(x, Value) and any([v.is_leaf and not v.is_constant and v not in own for v in topological_order(x)])


def _number(x: Number) -> float:
    return x._data if isinstance(x, Value) else real_number(x)


def _result(y: Any) -> Value:
    if isinstance(y, Condition):
        y = y.node
    return y if isinstance(y, Value) else constant(y, "the result of a differentiated function")


def _unwrap(args: tuple[Tree, ...], trees: tuple[Tree, ...]) -> Tree:
    return trees[0] if len(args) == 1 else trees


def _check_function(f: Any, taker: str, needed: str = "a function") -> None:
    if not callable(f):
        raise TypeError(f"{taker} needs {needed}, got {describe(f)}")


def value_and_grad(f: Callable[..., Any]) -> Callable[..., tuple[Any, Tree]]:
    """A function that returns ``(f(*args), gradient)``, the gradient as from ``grad(f)``.

    That is what SciPy wants: ``scipy.optimize.minimize(value_and_grad(f), x0, jac=True)``, with ``hess=hessian(f)`` or
    ``hessp=hvp(f)`` for methods of second order.

    >>> from autograd import value_and_grad
    >>> value_and_grad(lambda x, y: x * y)(2.0, 5.0)
    (10.0, (5.0, 2.0))
    >>> import numpy as np
    >>> value_and_grad(lambda x: x[0] * x[1] + 1.0)(np.array([2.0, 5.0]))
    (11.0, array([5., 2.]))
    """
    _check_function(f, "value_and_grad")

    def both(*args: Tree, **named: Any) -> tuple[Any, Tree]:
        with _differentiating():
            trees, variables, hand_out = _variables(args)
            y = _result(f(*trees, **named))
        slopes = map(hand_out, adjoint_graph(y, variables))
        return hand_out(y), _unwrap(args, like(args, slopes))

    return both


def jacobian(f: Callable[..., Tree]) -> Callable[..., Tree]:
    """A function that returns ∂fᵢ/∂xⱼ: in the shape of the result of ``f``, each number replaced by its gradient.

    Of an array of results and an array of arguments that is one array, of the shapes one after the other.

    >>> from autograd import jacobian
    >>> jacobian(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 3.0])
    [[3.0, 2.0], [1.0, 1.0]]
    >>> import numpy as np
    >>> jacobian(lambda x: x * x[::-1])(np.array([2.0, 3.0]))
    array([[3., 2.],
           [3., 2.]])
    """
    _check_function(f, "jacobian")

    def matrix(*args: Tree, **named: Any) -> Tree:
        with _differentiating():
            trees, variables, hand_out = _variables(args)
            ys = f(*trees, **named)
        rows = (_unwrap(args, like(args, map(hand_out, adjoint_graph(_result(y), variables)))) for y in leaves(ys))
        return like(ys, rows)

    return matrix


def hessian(f: Callable[..., Any]) -> Callable[..., Tree]:
    """A function that returns ∂²f/∂xᵢ∂xⱼ: the Jacobian of the gradient.

    >>> from autograd import hessian
    >>> hessian(lambda x: x[0] ** 2 * x[1])([1.0, 3.0])
    [[6.0, 2.0], [2.0, 0.0]]
    """
    _check_function(f, "hessian")
    return jacobian(grad(f))


def hvp(f: Callable[..., Any]) -> Callable[..., Tree]:
    """A function of ``(*args, v)`` that returns the product of the Hessian of ``f`` with ``v``, without building the Hessian.

    ``v`` has the shape of the argument; of the tuple of arguments if there are several.

    >>> from autograd import hvp
    >>> hvp(lambda x: x[0] ** 2 * x[1])([1.0, 3.0], [1.0, 0.0])
    [6.0, 2.0]
    """
    _check_function(f, "hvp")

    def product(*args: Tree, **named: Any) -> Tree:
        *point, v = args
        direction = list(leaves(v))

        def slope(*at: Tree) -> Number:
            g = list(leaves(grad(f)(*at, **named)))
            if len(g) != len(direction):
                raise ValueError(
                    f"hvp needs a vector with {len(g)} numbers, one for each of the arguments', got {len(direction)}"
                )
            return ops.dot(g, direction)

        return grad(slope)(*point)

    return product
