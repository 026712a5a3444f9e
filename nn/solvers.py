"""Solvers that finish: L-BFGS for any loss and Levenberg–Marquardt for sums of squares, both SciPy's, on all samples at once.

An epoch is one of their iterations. They end by themselves where no step leads further down (``History.converged``), long before
Adam has found its way along the bottom of the valley: for smooth problems that fit into one batch they are the first choice.

Liu and Nocedal, On the limited memory BFGS method for large scale optimization, 1989; Moré, The Levenberg–Marquardt algorithm:
implementation and theory, 1978.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from scipy.optimize import least_squares, minimize
from threadpoolctl import threadpool_limits

from nn.loop import Training
from nn.objective import Array, Objective
from nn.task import Tally

# Relative to the loss and to the parameters: no step is worth its time below this.
TOLERANCE = 1e-15
# How often a solver may evaluate; it ends by its epochs, or where it stands.
EVALUATIONS = 10**9


class _Over(Exception):
    """Ends a solver from inside, after the last epoch that is wanted."""


def lbfgs(training: Training, objective: Objective) -> None:
    """Train by L-BFGS."""
    known: dict[bytes, Tally] = {}  # what was found at the points of this iteration
    l1 = training.task.l1

    def value(x: Array) -> tuple[float, Array]:
        loss, slope, right = objective.loss_and_gradient(x)
        known[x.tobytes()] = Tally(loss, right)
        return loss, slope

    def after(intermediate_result: Any) -> None:
        x = intermediate_result.x
        x = _joined(x) if l1 else x
        _note(training, x, known[x.tobytes()])
        known.clear()

    def solve(x: Array) -> None:
        asked, start, bounds = (_parted(value, l1), _halves(x), [(0.0, None)] * (2 * len(x))) if l1 else (value, x, None)
        options = {"maxiter": EVALUATIONS, "maxfun": EVALUATIONS, "ftol": TOLERANCE, "gtol": TOLERANCE, "maxcor": 20}
        minimize(asked, start, jac=True, method="L-BFGS-B", bounds=bounds, callback=after, options=options)

    _run(training, objective.engine, lambda x: value(x)[0], solve)


# |p| has a kink, at which L-BFGS gets stuck. As u − v of two halves of at least 0, over which l1·Σ(u + v) is smooth, it has none: one of
# the halves is 0 at the minimum, or both, and the parameter with them. (Schmidt, Fung and Rosales, Fast optimization methods for L1
# regularization, 2007.)


def _halves(x: Array) -> Array:
    return np.concatenate([np.maximum(x, 0.0), np.maximum(-x, 0.0)])


def _joined(halves: Array) -> Array:
    u, v = np.split(halves, 2)
    return u - v


def _parted(value: Callable[[Array], tuple[float, Array]], l1: float) -> Callable[[Array], tuple[float, Array]]:
    """Loss and gradient as a function of the halves."""

    def of_halves(halves: Array) -> tuple[float, Array]:
        x = _joined(halves)
        loss, slope = value(x)
        smooth = slope - l1 * np.sign(x)
        return loss + l1 * float(halves.sum() - np.abs(x).sum()), np.concatenate([l1 + smooth, l1 - smooth])

    return of_halves


def lm(training: Training, objective: Objective) -> None:
    """Train by Levenberg and Marquardt's method."""
    known: dict[bytes, tuple[Array, Array, float]] = {}
    begun: list[bytes] = []  # where iterations have begun

    def at(x: Array) -> tuple[Array, Array, float]:
        key = x.tobytes()
        if key not in known:
            known.clear()
            known[key] = objective.residuals(x)
        return known[key]

    def begin(x: Array) -> Array:
        """The Jacobian where an iteration begins: at the start, and then where the one before has ended."""
        rows, slopes, right = at(x)
        if begun:
            _note(training, x, Tally(float(rows @ rows), right))
        begun[:] = [x.tobytes()]
        return slopes

    def solve(x: Array) -> None:
        limits = {"ftol": TOLERANCE, "xtol": TOLERANCE, "gtol": TOLERANCE, "max_nfev": EVALUATIONS}
        x = least_squares(lambda x: at(x)[0], x, jac=begin, method="lm", **limits).x
        if x.tobytes() not in begun:
            rows, _, right = at(x)
            _note(training, x, Tally(float(rows @ rows), right))

    _run(training, objective.engine, lambda x: float(at(x)[0] @ at(x)[0]), solve)


SOLVERS: dict[str, Callable[[Training, Objective], None]] = {"lbfgs": lbfgs, "lm": lm}


def _run(training: Training, engine: str, loss: Callable[[Array], float], solve: Callable[[Array], object]) -> None:
    """From the numbers that the parameters have, until the solver finds nothing better or the training is over."""
    training.history.engine = engine
    start = np.array([p.data for p in training.learning])
    with np.errstate(over="ignore", invalid="ignore"):
        training.check(1, loss(start))
    # The solvers' own linear algebra is small: several threads, on a machine that is busy, took 4.6 s for what one does in 0.3 s.
    with suppress(_Over), threadpool_limits(limits=1, user_api="blas"):
        solve(start)
        training.history.converged = True


def _note(training: Training, x: Array, tally: Tally) -> None:
    """An epoch has ended at these parameters."""
    for p, number in zip(training.learning, x.tolist(), strict=True):
        p.data = number
    history = training.history
    training.check(history.epochs + 1, tally.loss)
    training.note(tally)
    training.bar.advance(training.title(history.epochs, history.loss[-1], *history.accuracy[-1:]))
    if training.is_over() or history.epochs == training.plan.epochs:
        raise _Over
