"""Losses against their textbook forms in high precision, their gradients, their tails, and the targets they accept."""

from collections.abc import Callable
from typing import Any

import mpmath
import pytest

import nn
from autograd import Value, check_gradients

mpmath.mp.dps = 60
SCORES = [-3.0, -0.4, 0.0, 0.7, 2.5]
EXTREME = [-800.0, -40.0, 40.0, 800.0]


def exact_bce(y: float, t: float) -> mpmath.mpf:
    return mpmath.log1p(mpmath.exp(-mpmath.mpf(y) if t else mpmath.mpf(y)))


def exact_cross_entropy(ys: list[float], t: int) -> mpmath.mpf:
    return mpmath.log(mpmath.fsum(mpmath.exp(y) for y in ys)) - ys[t]


@pytest.mark.parametrize("y", SCORES + EXTREME)
@pytest.mark.parametrize("t", [0, 1])
def test_bce(y: float, t: int) -> None:
    score = Value(y)
    error = nn.bce(score, t)
    error.backward()
    slope = 1 / (1 + mpmath.exp(-mpmath.mpf(y))) - t
    assert error.data == pytest.approx(float(exact_bce(y, t)), rel=1e-15)
    assert score.grad == pytest.approx(float(slope), rel=1e-14)
    assert nn.bce(y, t) == error.data


@pytest.mark.parametrize("ys", [SCORES, [s + 1000.0 for s in SCORES], [-1000.0, 0.0, 1000.0]])
def test_cross_entropy(ys: list[float]) -> None:
    for t in range(len(ys)):
        scores = [Value(y) for y in ys]
        error = nn.cross_entropy(scores, t)
        error.backward()
        exact = exact_cross_entropy(ys, t)
        assert error.data == pytest.approx(float(exact), rel=1e-12, abs=2e-13), (ys, t)
        total = mpmath.fsum(mpmath.exp(y) for y in ys)
        slopes = [float(mpmath.exp(y) / total - (i == t)) for i, y in enumerate(ys)]
        assert [s.grad for s in scores] == pytest.approx(slopes, rel=1e-12, abs=1e-15), (ys, t)
        one_hot = [float(i == t) for i in range(len(ys))]
        assert nn.cross_entropy(ys, one_hot) == error.data, "probabilities 0 and 1 are a class"


def test_cross_entropy_of_probabilities() -> None:
    exact = sum(p * exact_cross_entropy(SCORES[:3], i) for i, p in enumerate([0.2, 0.5, 0.3]))
    assert nn.cross_entropy(SCORES[:3], [0.2, 0.5, 0.3]) == pytest.approx(float(exact), rel=1e-14)


@pytest.mark.parametrize(
    ("loss", "scores", "target", "expected"),
    [
        (nn.half_sse, 3.0, 1.0, 2.0),
        (nn.half_sse, [1.0, 2.0, 3.0], [0.0, 0.0, 1.0], 4.5),
        (nn.mse, 3.0, 1.0, 4.0),
        (nn.mse, [1.0, 2.0, 3.0], [0.0, 0.0, 1.0], 3.0),
        (nn.hinge, 0.25, 1, 0.75),
        (nn.hinge, 0.25, -1, 1.25),
        (nn.hinge, 1.5, 1, 0.0),
        (nn.hinge, [0.5, 2.0], [1, -1], 1.75),
    ],
)
def test_by_hand(loss: Callable[[Any, Any], Any], scores: Any, target: Any, expected: float) -> None:
    assert loss(scores, target) == expected
    as_values = [Value(s) for s in scores] if isinstance(scores, list) else Value(scores)
    assert loss(as_values, target).data == expected


@pytest.mark.parametrize("loss", [nn.half_sse, nn.mse, nn.hinge, nn.bce])
def test_gradients(loss: Callable[[Any, Any], Any]) -> None:
    check_gradients(lambda y: loss(y, 1), 0.3)
    check_gradients(lambda a, b: loss([a, b], [1, 1]), 0.3, -0.8)


def test_hinge_is_micrograds() -> None:
    score = Value(0.25)
    assert nn.hinge(score, -1).data == (1 + 1 * score).relu().data


@pytest.mark.parametrize(
    ("loss", "scores", "target", "message"),
    [
        (nn.hinge, 0.5, 0, r"hinge needs targets of -1 or 1, got 0; for labels of 0 and 1 use bce"),
        (nn.bce, 0.5, -1, r"bce needs targets of 0 or 1, got -1"),
        (nn.bce, 0.5, 0.3, r"bce needs targets of 0 or 1, got 0.3"),
        (nn.bce, [0.5, 1.0], [1, 0.3], r"got 0.3"),
        (nn.mse, [0.5, 1.0], 1.0, r"expected 2, got 1"),
        (nn.half_sse, 1.0, [1.0, 2.0], r"expected 1, got 2"),
        (nn.cross_entropy, [0.5, 1.0], 2, r"class number from 0 to 1, got 2"),
        (nn.cross_entropy, [0.5, 1.0], -1, r"class number from 0 to 1, got -1"),
        (nn.cross_entropy, [0.5, 1.0], 0.5, r"class number from 0 to 1, got 0.5"),
        (nn.cross_entropy, [0.5, 1.0], [1.0, 0.0, 0.0], r"expected 2, got 3"),
        (nn.cross_entropy, 0.5, 0, r"a score for each class, got 1 output; for two classes use bce"),
    ],
)
def test_targets_that_do_not_fit(loss: Callable[[Any, Any], Any], scores: Any, target: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loss(scores, target)
