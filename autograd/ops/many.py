"""Ops of many operands: sums, products with weights, and the soft maximum."""

import builtins
import math
import operator
from collections.abc import Sequence
from functools import reduce
from typing import Any

from autograd.ops.arithmetic import divide, floor, stop_gradient
from autograd.ops.choosing import both, equal, greater_equal, less_equal, maximum, only_where, where
from autograd.ops.elementary import exp, log, log1p, restored
from autograd.ops.row import Contributions, Number, Op, listed, real_number
from autograd.ops.total import INF, NAN, total

# A number, or numbers nested in lists.
Tree = Any


def _dot(*operands: Number) -> Number:
    n = len(operands) // 2
    # In order, as sum(products, bias): ((b + w₀x₀) + w₁x₁) + …; not builtin sum, which compensates from Python 3.12 on.
    return reduce(operator.add, map(operator.mul, operands[:n], operands[n:]), operands[-1])


def _dot_rule(g: Number, y: Number, *operands: Number) -> Contributions:
    n = len(operands) // 2
    return [*[g * x for x in operands[n:-1]], *[g * w for w in operands[:n]], g]


def _taken(*operands: Number) -> Number:
    n = len(operands) // 2
    # −0 for all others changes nothing that it is added to.
    return reduce(operator.add, [where(c, x, -0.0) for c, x in zip(operands[:n], operands[n:], strict=True)])


def _taken_rule(g: Number, y: Number, *operands: Number) -> Contributions:
    n = len(operands) // 2
    return [*[None] * n, *[only_where(c, g) for c in operands[:n]]]


def _powers(top: Number, xs: Sequence[Number]) -> list[Number]:
    return [restored(exp(x - top), x, top) for x in xs]


def _softmax_rule(g: Number, y: Number, *xs: Number) -> Contributions:
    powers = _powers(stop_gradient(reduce(maximum, xs)), xs)
    norm = sum(powers)
    return [g * divide(p, norm) for p in powers]


def _log_excess(*xs: Number) -> Number:
    top = reduce(maximum, xs)
    ties = sum([where(x < top, 0.0, 1.0) for x in xs]) - 1.0
    return log1p(ties + sum([where(x < top, restored(exp(x - top), x, top), 0.0) for x in xs]))


def _log_rest_rule(g: Number, y: Number, excess: Number, *xs: Number) -> Contributions:
    top = stop_gradient(reduce(maximum, xs))
    powers = _powers(top, xs)
    norm = sum(powers)
    rest = divide(sum([where(x < top, p, 0.0) for x, p in zip(xs, powers, strict=True)]), norm)
    return [None, *[g * where(x < top, divide(p, norm), -rest) for x, p in zip(xs, powers, strict=True)]]


def _log_share_rule(g: Number, y: Number, shifted: Number, excess: Number, rest: Number) -> Contributions:
    likely = (shifted >= 0.0) & (excess < 0.5)  # p > 0.6: no other term is as large
    return only_where(likely, g, holds=False), only_where(likely, -g, holds=False), only_where(likely, -g)


def _logsumexp(*xs: Number) -> Number:
    top = reduce(maximum, xs)
    shifted = top + log(sum([exp(x - top) for x in xs]))
    return where(equal(abs(top), INF), top, shifted)


dot_op = Op("dot", _dot, _dot_rule)
sum_op = Op("sum", lambda *xs: reduce(operator.add, xs), lambda g, y, *xs: [g] * len(xs))
logsumexp_op = Op("logsumexp", _logsumexp, _softmax_rule)
take_op = Op("take", _taken, _taken_rule, "Of as many numbers as conditions the one whose condition holds.")
log_excess = Op(
    "log_excess",
    _log_excess,
    _softmax_rule,
    "logsumexp(x) − max x, exact near 0; the maximum is a constant to differentiation.",
)
# Two slopes of one number: where p is near 1, what arrives through x and through the norm cancels to 1 − p and was 2,500 ulp off at
# p = 0.9996. There −log p is taken for a function of the other terms alone, and 1 − p is their sum over that of all.
log_rest = Op("log_rest", lambda excess, *xs: excess, _log_rest_rule, "log_excess(x), with the maximum not held constant.")
log_share = Op(
    "log_share", lambda shifted, excess, rest: shifted - excess, _log_share_rule, "log p, of x − max x and log_excess(x)."
)


def _rounded_once(pairs: Sequence[tuple[float, float]]) -> float:
    """Σ a·b, exact until the end; as floats have it where a number is nan or infinite, or the sum is 0 (whose sign floats know)."""
    if all([math.isfinite(a) and math.isfinite(b) for a, b in pairs]):
        ratios = [(a.as_integer_ratio(), b.as_integer_ratio()) for a, b in pairs]
        scale = max([p * q for (_, p), (_, q) in ratios], default=1)  # denominators are powers of two
        whole = builtins.sum([m * n * (scale // (p * q)) for (m, p), (n, q) in ratios])
        try:
            exact = whole / scale
        except OverflowError:
            return INF if whole > 0 else -INF
        if whole:
            return exact
    return reduce(operator.add, [a * b for a, b in pairs])


fma = Op(
    "fma", lambda a, b, c: _rounded_once([(a, b), (c, 1.0)]), lambda g, y, a, b, c: (g * b, g * a, g), "a·b + c, rounded once."
)
fsum_op = Op(
    "fsum",
    total(lambda *xs: math.fsum(xs), lambda *xs: reduce(operator.add, xs)),
    lambda g, y, *xs: [g] * len(xs),
    "The sum, rounded once.",
)
sumprod_op = Op(
    "sumprod",
    lambda *xs: _rounded_once(list(zip(xs[: len(xs) // 2], xs[len(xs) // 2 :], strict=True))) + 0.0,  # begins with 0, not −0
    lambda g, y, *xs: [g * x for x in (*xs[len(xs) // 2 :], *xs[: len(xs) // 2])],
    "Σᵢ pᵢ·qᵢ, rounded once.",
)


def dot(ws: Sequence[Number], xs: Sequence[Number], bias: Number = 0.0) -> Number:
    """Σᵢ wᵢ·xᵢ + bias as one node, the blackboard's drive a = Σⱼ wⱼxⱼ; added up in order, the bias first.

    ValueError if ``ws`` and ``xs`` differ in length.

    >>> dot([1.0, 2.0], [3.0, 4.0], 0.5)
    11.5
    """
    ws, xs = listed(ws, "dot"), listed(xs, "dot")
    if len(ws) != len(xs):
        raise ValueError(f"dot needs as many weights as inputs, got {len(ws)} weights and {len(xs)} inputs")
    return dot_op(*ws, *xs, bias)


def sum(xs: Sequence[Number]) -> Number:
    """Σᵢ xᵢ as one node, added up in order; 0.0 for no terms.

    >>> sum([1.0, 2.0, 3.5])
    6.5
    """
    xs = listed(xs, "sum")
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
    # Made of −, exp, + and ÷, so that pictures show these parts and programs share them. So a small p inherits the rounding of its
    # shift, up to |x − max x| ulp, and its slope p·(1 − p) near p = 1 is exact only to an absolute 1e-16: what comes back through x and
    # through the norm meets there, each as large as p. To avoid that, as log_softmax does, ÷ would have to be another op.
    powers = [exp(x) for x in _shifted(_some(xs, "softmax"))]
    norm = sum(powers)
    return [divide(p, norm) for p in powers]


def log_softmax(xs: Sequence[Number]) -> list[Number]:
    """log softmax(x)ᵢ for each i, without the detour through small probabilities. ValueError for no terms.

    >>> log_softmax([0.0, 0.0])
    [-0.6931471805599453, -0.6931471805599453]
    """
    xs = _some(xs, "log_softmax")
    excess = log_excess(*xs)
    rest = log_rest(excess, *xs)
    return [log_share(x, excess, rest) for x in _shifted(xs)]


def _some(xs: Sequence[Number], name: str) -> tuple[Number, ...]:
    xs = listed(xs, name)
    if not xs:
        raise ValueError(f"{name} needs at least one term, got none")
    return xs


def _shifted(xs: Sequence[Number]) -> list[Number]:
    # Neither softmax nor its logarithm depends on the shift, so the shift is a constant to differentiation.
    top = stop_gradient(reduce(maximum, xs))
    return [x - top for x in xs]


def take(rows: Sequence[Tree], index: Number) -> Tree:
    """``rows[index]``, where the index may be a Value: then it is data like any other number, and one recording serves all indices.

    ``rows`` are numbers, or lists of numbers nested in one way. The derivative goes to the row that is taken, and nowhere else. A
    Value as the index costs a comparison for each row. ValueError for an index that is not whole, IndexError for one outside
    0 … len(rows) − 1, for no index counts from the end. Where a recorded graph is run again and nothing raises, such an index takes nan.

    >>> from autograd import Value
    >>> table = [[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]
    >>> letter = Value(1.0)
    >>> a, b = take(table, letter)
    >>> (a * b).backward()
    >>> [x.grad for row in table for x in row]
    [0.0, 0.0, 4.0, 3.0]
    """
    rows = _some(rows, "take")
    if not hasattr(type(index), "_record"):
        return rows[_whole(real_number(index, "the index of take"), len(rows))]
    is_one = equal(floor(index), index) & (index >= 0.0) & (index < float(len(rows)))
    if not is_one._demanded():
        _whole(index.data, len(rows))
    conditions = [both(less_equal(index, k), greater_equal(index, k)) for k in map(float, range(len(rows)))]
    return _chosen([*conditions, ~is_one], [*rows, _nothing(rows[0])])


def _nothing(row: Tree) -> Tree:
    """A row of nan."""
    return [_nothing(branch) for branch in row] if isinstance(row, (list, tuple)) else NAN


def _whole(index: float, count: int) -> int:
    if index % 1.0 != 0.0:  # nan for nan and for inf
        raise ValueError(f"an index must be a whole number, got {index!r}")
    if not 0.0 <= index < count:
        raise IndexError(f"the index must be one of 0 … {count - 1}, got {index:g}")
    return int(index)


def _chosen(conditions: Sequence[Number], rows: Sequence[Tree]) -> Tree:
    """The row whose condition holds, number by number."""
    if isinstance(rows[0], (list, tuple)):
        if not all(isinstance(row, (list, tuple)) and len(row) == len(rows[0]) for row in rows):
            raise ValueError("take needs rows of one shape, got lists of other lengths or numbers among them")
        return [_chosen(conditions, column) for column in zip(*rows, strict=True)]
    return take_op(*conditions, *rows)
