"""The graphs that the tests of viz draw, a browser, and matplotlib without a window."""

import os
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pytest

from autograd import Value, dot, where
from tests.viz.chromium import chromium
from viz.layout import Layout, Link, Size, on_curve

os.environ.setdefault("MPLBACKEND", "Agg")


def lecture_neuron() -> Value:
    """The neuron of Karpathy's lecture, after its backward pass: o = 0.7071, ∂o/∂w1 = 1, ∂o/∂x1 = −1.5."""
    x1, x2 = Value(2.0, label="x1"), Value(0.0, label="x2")
    w1, w2 = Value(-3.0, label="w1"), Value(1.0, label="w2")
    b = Value(6.8813735870195432, label="b")
    x1w1, x2w2 = x1 * w1, x2 * w2
    total = x1w1 + x2w2
    n = total + b
    o = n.tanh()
    for value, label in ((x1w1, "x1w1"), (x2w2, "x2w2"), (total, "s"), (n, "n"), (o, "o")):
        value.label = label
    o.backward()
    return o


def square() -> Value:
    x = Value(3.0, label="x")
    return x * x


def shared() -> Value:
    a, b = Value(-2.0, label="a"), Value(3.0, label="b")
    return (a * b) * (a + b)


def dot_of_three() -> Value:
    weights = [Value(0.5 * i, label=f"w_1{i}^(1)") for i in (1, 2, 3)]
    inputs = [Value(1.0, label="x_1"), Value(-2.0), Value(3.0)]
    return dot(weights, inputs, Value(0.25, label="b"))


def mixed() -> Value:
    """Long edges, non-commutative ops, numbers written in the expression, a where."""
    a, b = Value(4.0, label="a"), Value(-2.0, label="b")
    c = a / b - 2 * a
    d = where(c > 0, c, b * a)
    return 2**d - d / 3 + a


def alone() -> Value:
    return Value(1.5)


GRAPHS: dict[str, Callable[[], Value]] = {
    make.__name__: make for make in (lecture_neuron, square, shared, dot_of_three, mixed, alone)
}


@pytest.fixture(params=list(GRAPHS))
def graph(request: pytest.FixtureRequest) -> Value:
    return GRAPHS[request.param]()


@pytest.fixture
def neuron() -> Value:
    return lecture_neuron()


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[..., Any]]:
    """A function that starts Chromium with more flags."""
    with chromium() as start:
        yield start


@pytest.fixture(scope="module")
def browser(launch: Callable[..., Any]) -> Any:
    return launch()


@pytest.fixture(scope="session")
def check_readable() -> Callable[[Layout, list[Size], list[Link]], None]:
    return assert_readable


def assert_readable(layout: Layout, sizes: list[Size], edges: list[Link]) -> None:
    """No two cards overlap, no route enters a card that is not its own, every edge runs forwards, all is inside the picture."""
    boxes = [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for (x, y), (w, h) in zip(layout.centres, sizes, strict=True)]
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert left > -0.1 and top > -0.1 and right < layout.width + 0.1 and bottom < layout.height + 0.1, f"card {i} is outside"
    for (i, a), (j, b) in combinations(enumerate(boxes), 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], f"cards {i} {a} and {j} {b} overlap"
    for (start, end), route in zip(edges, layout.routes, strict=True):
        assert boxes[start][2] < boxes[end][0], f"edge {start} → {end} does not run from left to right"
        assert route[0] == pytest.approx((boxes[start][2], layout.centres[start][1]))
        assert route[-1][0] == pytest.approx(boxes[end][0])
        assert boxes[end][1] < route[-1][1] < boxes[end][3]
        pieces = (len(route) - 1) // 3
        for x, y in (on_curve(route, t / 8) for t in range(8 * pieces + 1)):
            inside = [i for i, b in enumerate(boxes) if b[0] + 0.5 < x < b[2] - 0.5 and b[1] + 0.5 < y < b[3] - 0.5]
            assert not inside, f"edge {start} → {end} passes through card {inside} at ({x:.1f}, {y:.1f})"
