"""Losses: how far the scores of one sample are from its target, as one number to minimise.

Glossary::

    scores    what the network gives for one sample: a Value, or a list of them (numbers do as well)
    target    what it should have given: a number, or one for each output; a class number for cross_entropy

A loss is a pure function ``loss(scores, target)`` over one sample, written with autograd's functions, so that it can be drawn,
differentiated again and compiled. The mean over a batch is not taken here but in ``training``. All forms are stable: none
overflows or loses its gradient for large scores.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from autograd import abs, dot, logsumexp, relu, softplus, sum
from autograd.ops import operand
from nn.samples import Target

# Values or floats: the functions here serve both.
Number = Any


def half_sse(scores: Number, target: Number) -> Number:
    """Half the sum of squared errors, ½ Σ (t − y)², the blackboard's error of one sample.

    >>> half_sse([1.0, 2.0], [0.0, 4.0])
    2.5
    """
    return 0.5 * _total([(t - y) ** 2 for y, t in _pairs(scores, target)])


def mse(scores: Number, target: Number) -> Number:
    """The squared error (y − t)², its mean if there are several outputs.

    >>> mse([1.0, 2.0], [0.0, 4.0])
    2.5
    """
    return _mean([(y - t) ** 2 for y, t in _pairs(scores, target)])


def hinge(scores: Number, target: Number) -> Number:
    """max(0, 1 − t·y) for targets t of −1 or 1: nothing once the score is beyond its margin. ValueError for other targets.

    The loss of support vector machines (Cortes and Vapnik, Support-vector networks, 1995), and of micrograd's two-moons demo.

    >>> hinge(0.25, -1)
    1.25
    """
    return _mean([relu(1.0 - t * y) for y, t in _pairs(scores, signs(target))])


def bce(scores: Number, target: Number) -> Number:
    """Binary cross entropy of logits, −log σ(y) for target 1 and −log(1 − σ(y)) for target 0. ValueError for other targets.

    Written as softplus((1 − 2t)·y), which is exact where the textbook's form with two logarithms, and its gradient, round to 0.

    >>> bce(0.0, 1), bce(40.0, 1)
    (0.6931471805599453, 4.248354255291589e-18)
    """
    return _mean([softplus((1.0 - 2.0 * t) * y) for y, t in _pairs(scores, bits(target))])


def cross_entropy(scores: Number, target: Number) -> Number:
    """The cross entropy −log softmax(y)ₜ of the class number t, written as logsumexp(y) − yₜ.

    The target may also be a list of probabilities, one for each class. ValueError for a class that is none of 0, 1, …, n − 1.

    >>> cross_entropy([1000.0, 0.0], 1)
    1000.0
    """
    ys = _listed(scores)
    if isinstance(target, Sequence):
        _check_length(ys, target)
        _check_numbers(*target)
        return logsumexp(ys) * _total(target) - dot(target, ys)
    return logsumexp(ys) - ys[class_number(target, len(ys))]


def penalty(l2: float, parameters: Sequence[Number], l1: float = 0.0) -> Number:
    """l2 · Σ p² + l1 · Σ |p|: the first keeps weights small, the second makes many of them 0.

    Hoerl and Kennard, Ridge regression, 1970; Tibshirani, Regression shrinkage and selection via the lasso, 1996. A part whose factor
    is 0 is not recorded.

    >>> penalty(0.5, [1.0, -2.0]), penalty(0.5, [1.0, -2.0], l1=1.0)
    (2.5, 5.5)
    """
    parts = [l2 * dot(parameters, parameters)] if l2 or not l1 else []
    return _total([*parts, *([l1 * sum([abs(p) for p in parameters])] if l1 else [])])


# --- What the targets must be --------------------------------------------------------------------------------------------------


def signs(target: Number) -> Number:
    """The target, if all its numbers are −1 or 1."""
    return _only(target, (-1, 1), "hinge", "for labels of 0 and 1 use bce, or 2*y - 1")


def bits(target: Number) -> Number:
    """The target, if all its numbers are 0 or 1."""
    return _only(target, (0, 1), "bce", "for labels of -1 and 1 use hinge, or (y + 1)/2")


def class_number(target: Number, classes: int) -> int:
    """The target as an index, if it is the number of one of the classes."""
    if classes < 2:
        raise ValueError(f"cross_entropy needs a score for each class, got {classes} output; for two classes use bce")
    if target not in range(classes):
        raise ValueError(f"cross_entropy needs a class number from 0 to {classes - 1}, got {target!r}")
    return int(target)


def _only(target: Number, allowed: tuple[int, int], loss: str, advice: str) -> Number:
    for t in _listed(target):
        if isinstance(t, (int, float)) and t not in allowed:
            raise ValueError(f"{loss} needs targets of {allowed[0]} or {allowed[1]}, got {t!r}; {advice}")
    return target


# --- Pieces --------------------------------------------------------------------------------------------------------------------


def _listed(x: Number) -> Sequence[Number]:
    return x if isinstance(x, (list, tuple)) else [x]


def _pairs(scores: Number, target: Number) -> list[tuple[Number, Number]]:
    ys, ts = _listed(scores), _listed(target)
    _check_length(ys, ts)
    _check_numbers(*ys, *ts)
    return list(zip(ys, ts, strict=True))


def _check_numbers(*xs: Number) -> None:
    for x in xs:
        operand(x, "a loss")


def _check_length(scores: Sequence[Number], target: Sequence[Number]) -> None:
    if len(scores) != len(target):
        raise ValueError(f"a target needs as many numbers as there are outputs: expected {len(scores)}, got {len(target)}")


def _total(terms: Sequence[Number]) -> Number:
    return terms[0] if len(terms) == 1 else sum(terms)


def _mean(terms: Sequence[Number]) -> Number:
    return terms[0] if len(terms) == 1 else sum(terms) / len(terms)


# --- By name -------------------------------------------------------------------------------------------------------------------


def _any_target(target: Target, outputs: int) -> Target:
    if len(_listed(target)) != outputs:
        raise ValueError(
            f"a target needs as many numbers as there are outputs: expected {outputs}, got {len(_listed(target))}; "
            "for class numbers and labels use cross_entropy"
        )
    return target


def _class_target(target: Target, outputs: int) -> Target:
    return _any_target(target, outputs) if isinstance(target, Sequence) else class_number(target, outputs)


class Loss(NamedTuple):
    """A loss and what goes with it: a check of a target for a number of outputs, and where one output's classes part."""

    function: Callable[[Number, Number], Number]
    check: Callable[[Target, int], Target]
    # Squared errors on labels 0 and 1 learn the scores 0 and 1; the other losses learn scores below and above 0.
    squared: bool = False
    # Two classes are told apart by the targets -1 and 1, so that the score 0 lies between them; else by 0 and 1.
    signed: bool = False


LOSSES: dict[str, Loss] = {
    "mse": Loss(mse, _any_target, squared=True, signed=True),
    "half_sse": Loss(half_sse, _any_target, squared=True, signed=True),
    "hinge": Loss(hinge, lambda t, n: signs(_any_target(t, n)), signed=True),
    "bce": Loss(bce, lambda t, n: bits(_any_target(t, n))),
    "cross_entropy": Loss(cross_entropy, _class_target),
}


def loss_of(loss: str | Callable[[Number, Number], Number]) -> Loss:
    """The loss of that name, or the function with no demands on its targets; ValueError for an unknown name."""
    if callable(loss):
        known = [each for each in LOSSES.values() if each.function is loss]
        return known[0] if known else Loss(loss, lambda t, n: t)
    if not isinstance(loss, str) or loss not in LOSSES:
        raise ValueError(f"unknown loss {loss!r}: expected one of {', '.join(LOSSES)}, or a function of scores and target")
    return LOSSES[loss]
