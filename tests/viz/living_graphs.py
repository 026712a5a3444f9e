"""Ten graphs that live: shared values, branches not taken, many operands, kinks, numbers that are none, an op of one's own."""

from collections.abc import Callable

from autograd import Op, Value, clamp, dot, logsumexp, maximum, sqrt, where
from tests.viz.conftest import lecture_neuron, mixed, shared, square


def v(x: float, label: str) -> Value:
    return Value(x, label=label)


def diamond() -> Value:
    """A computed value used three times, once by an op that was reached early."""
    x = v(2.0, "x")
    a = x * x
    c = a * 3 - a
    return c * a


def branch() -> Value:
    """A branch not taken, behind which the slope is infinite."""
    x, w = v(-1.0, "x"), v(0.5, "w")
    return where(x > 0, sqrt(x), w * x) * w


def crowd() -> Value:
    """Ops of many operands, a bias, equal operands."""
    ws, x = [v(0.3, "w_1"), v(-0.7, "w_2"), v(1.1, "w_3")], v(0.9, "x")
    drive = dot(ws, [x, x * x, 2.0], v(-0.25, "b"))
    return logsumexp([drive, x, x * drive, 0.5])


def kinks() -> Value:
    a, b = v(1.0, "a"), v(1.0, "b")
    return maximum(a, b) * clamp(a * 3 - b, -1.0, 1.0) + abs(a - b) + (b - 2).relu() + a % 0.75


def beyond() -> Value:
    """Infinite and not a number on the way."""
    a, b = v(0.0, "a"), v(700.0, "b")
    return (b * 2).exp() * a + a.log()


def own() -> Value:
    bell = Op("bell", lambda a: 2.0 ** (-a * a), lambda g, y, a: (g * (-1.3862943611198906 * a * y),))
    x = v(0.7, "x_1^(2)")
    return bell(x) / (1 + x**2) - x ** v(1.5, "p")


TEN: dict[str, Callable[[], Value]] = {
    make.__name__: make for make in (lecture_neuron, square, shared, mixed, diamond, branch, crowd, kinks, beyond, own)
}
