"""What a choosing op has not chosen receives nothing: not 0, which would meet an infinite slope further down and become nan.

The operand that loses is r = √(x² + y²), whose slope at (0, 0) is infinite.
"""

import itertools
import math
import struct
from collections.abc import Callable
from typing import Any

import pytest

from autograd import Value, clamp, compile, exp, grad, hessian, leaky_relu, log, maximum, minimum, relu, sqrt, where

# Each at (0, 0) a constant, or at a kink where the slope is 0 by convention.
CHOICES: dict[str, Callable[[Any], Any]] = {
    "maximum, first": lambda r: maximum(r, 1e-10),
    "maximum, second": lambda r: maximum(1e-10, r),
    "maximum of three": lambda r: maximum(maximum(r, 1.0), 2.0),
    "minimum, first": lambda r: minimum(r, -1.0),
    "minimum, second": lambda r: minimum(-1.0, r),
    "relu, below": lambda r: relu(r - 1.0),
    "relu, at 0": lambda r: relu(r),
    "leaky relu with slope 0": lambda r: leaky_relu(r - 1.0, 0.0),
    "clamp, below": lambda r: clamp(r, 1.0, 2.0),
    "clamp, above": lambda r: clamp(r, -2.0, -1.0),
    "abs, at 0": lambda r: abs(r),
    "where": lambda r: where(r > 1.0, r, 3.0),
    "one behind another": lambda r: relu(2.0 - maximum(r, 1.0)) * clamp(r, 1.0, 2.0),
}
POINTS = [(0.0, 0.0), (-0.0, 0.0), (3.0, 4.0), (0.6, -0.8), (1e-200, 0.0), (float("inf"), 1.0)]
ENGINES = ("numpy", "llvm")


def bits(*numbers: float) -> list[bytes]:
    """The bits of numbers; every nan is one nan."""
    return [struct.pack("<d", x) if x == x else b"nan" for x in numbers]


def function(name: str) -> Callable[..., Any]:
    return lambda x, y: CHOICES[name](sqrt(x * x + y * y))


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    pytest.importorskip("numpy")
    if request.param == "llvm":
        pytest.importorskip("llvmlite")
    return str(request.param)


@pytest.mark.parametrize("name", CHOICES)
def test_nothing_leaks_in_any_order(name: str) -> None:
    x, y = Value(0.0), Value(0.0)
    function(name)(x, y).backward()
    assert (x.grad, y.grad) == (0.0, 0.0)
    assert grad(function(name))(0.0, 0.0) == (0.0, 0.0)
    assert hessian(function(name))(0.0, 0.0) == ((0.0, 0.0), (0.0, 0.0))


@pytest.mark.parametrize("name", CHOICES)
def test_nothing_leaks_when_compiled_and_in_lanes(name: str, engine: str) -> None:
    import numpy as np

    compiled = compile(function(name), engine=engine)
    eager = [grad(function(name))(*point) for point in POINTS]
    for point, expected in zip(POINTS, eager, strict=True):
        assert bits(*compiled.grad(*point)) == bits(*expected), point
    lanes = compiled.grad(*np.array(POINTS).T)
    assert bits(*lanes[0], *lanes[1]) == bits(*[dx for dx, _ in eager], *[dy for _, dy in eager])
    for point, expected in zip(POINTS, eager, strict=True):
        leaves = [Value(x) for x in point]
        step = compile(function(name)(*leaves), engine=engine)
        step()
        assert bits(*[v.grad for v in leaves]) == bits(*expected), point


def test_training_with_infinite_inputs_behind_dead_units(engine: str) -> None:
    """An infinite activation that only dead units read hands nothing down to their weights: compiled training goes on as eager does."""
    nn = pytest.importorskip("nn")

    def trained(how: str) -> list[bytes]:
        model = nn.MLP(1, [2, 2, 1], activation=["relu", "relu", "linear"], seed=0)
        weights = model.parameters()
        for p, x in zip(weights, itertools.cycle([0.5, -0.25]), strict=False):
            p.data = x
        first, second = model.layers[0], model.layers[1]
        first.neurons[0].w[0].data = 1e200  # infinite for the sample 1e200
        for neuron in second.neurons:
            neuron.w[0].data = -1e-3
        X, y = [[1e200], [0.5], [0.25]], [0.0, 1.0, 0.5]
        history = nn.fit(model, X, y, loss="mse", optimizer=nn.SGD(weights, lr=1e-3), epochs=3, engine=how, progress=False)
        assert history.engine == how
        return bits(*[p.data for p in weights], *history.loss)

    assert trained(engine) == trained("eager")


# More that is infinite behind what is not chosen: value and slopes at (0, 0).
POLES: dict[str, tuple[Callable[[Any, Any], Any], tuple[float, float]]] = {
    "minimum of a pole": (lambda x, y: minimum(1.0 / abs(x), 3.0 + y), (0.0, 1.0)),
    "clamped pole": (lambda x, y: clamp(1.0 / x, -1.0, 1.0) * (1.0 + y), (0.0, 1.0)),
    "relu of relu of a logarithm": (lambda x, y: relu(relu(log(x) + y) - 1.0) + y, (0.0, 1.0)),
    "product with what overflows": (lambda x, y: clamp(exp(1000.0 + x) * (1.0 + y), 0.0, 1.0), (0.0, 0.0)),
}


@pytest.mark.parametrize("name", POLES)
def test_poles(name: str, engine: str) -> None:
    f, slopes = POLES[name]
    assert grad(f)(0.0, 0.0) == slopes
    assert compile(f, engine=engine).grad(0.0, 0.0) == slopes
    assert all(math.isfinite(h) for row in hessian(f)(0.0, 0.0) for h in row)


def test_training_through_a_choice(engine: str) -> None:
    """Distances of 0 among the samples: what the eager engine leaves out, the native loop does too."""
    np = pytest.importorskip("numpy")
    nn = pytest.importorskip("nn")

    class Distance(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            self.a, self.b = Value(1.0, label="a"), Value(0.5, label="b")

        def __call__(self, x: Any) -> Any:
            return maximum(sqrt((self.a * x[0]) ** 2 + (self.b * x[1]) ** 2), 0.1)

    def trained(engine: str) -> list[float]:
        model = Distance()
        X, y = [[0.0, 0.0], [1.0, 2.0], [0.5, -1.0], [0.0, 0.0]], [0.1, 1.0, 0.7, 0.3]
        nn.fit(model, X, y, loss="mse", optimizer=nn.SGD(model.parameters(), lr=0.1), epochs=5, progress=False, engine=engine)
        return [p.data for p in model.parameters()]

    np.testing.assert_array_equal(trained(engine), trained("eager"))
    assert all(map(math.isfinite, trained(engine)))


def test_numbers_as_conditions_of_which_one_is_minus_the_other(engine: str) -> None:
    def f(x: Any, a: Any) -> Any:
        return where(x, a, 0.25) + where(-x, a, 0.25)

    assert grad(f)(-0.5, 3.0) == compile(f, engine=engine).grad(-0.5, 3.0) == (0.0, 2.0)
    assert compile(f, engine=engine).value_and_grad(0.0, 3.0) == (0.5, (0.0, 0.0))
