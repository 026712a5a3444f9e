"""Optimizers against their papers' formulas and torch, as recorded programs, and what they refuse."""

import math
from collections.abc import Callable
from typing import Any

import pytest

import nn
from autograd import Value
from nn.optim import Optimizer

MAKERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": lambda ps: nn.SGD(ps, lr=0.05),
    "momentum": lambda ps: nn.SGD(ps, lr=0.05, momentum=0.9),
    "nesterov": lambda ps: nn.SGD(ps, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda ps: nn.Adam(ps, lr=0.05),
    "adam, other betas": lambda ps: nn.Adam(ps, lr=0.05, betas=(0.7, 0.8), eps=1e-3),
    "adamw": lambda ps: nn.AdamW(ps, lr=0.05, weight_decay=0.1),
}
START = [1.5, -0.7, 3.0]


def descend(optimizer: Optimizer, params: list[Value], steps: int) -> None:
    """Steps on the bowl x² + 10y² + z⁴/20."""
    for _ in range(steps):
        optimizer.zero_grad()
        x, y, z = params
        (x * x + 10 * y * y + z**4 / 20).backward()
        optimizer.step()


def torch_makers(torch: Any) -> dict[str, Callable[..., Any]]:
    return {
        "sgd": lambda ps: torch.optim.SGD(ps, lr=0.05),
        "momentum": lambda ps: torch.optim.SGD(ps, lr=0.05, momentum=0.9),
        "nesterov": lambda ps: torch.optim.SGD(ps, lr=0.05, momentum=0.9, nesterov=True),
        "adam": lambda ps: torch.optim.Adam(ps, lr=0.05),
        "adam, other betas": lambda ps: torch.optim.Adam(ps, lr=0.05, betas=(0.7, 0.8), eps=1e-3),
        "adamw": lambda ps: torch.optim.AdamW(ps, lr=0.05, weight_decay=0.1),
    }


@pytest.mark.parametrize("name", list(MAKERS))
def test_the_path_is_torchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    params = [Value(s) for s in START]
    theirs = [torch.tensor(s, dtype=torch.float64, requires_grad=True) for s in START]
    ours, other = MAKERS[name](params), torch_makers(torch)[name](theirs)
    for step in range(30):
        descend(ours, params, 1)
        other.zero_grad()
        x, y, z = theirs
        (x * x + 10 * y * y + z**4 / 20).backward()
        other.step()
        got, expected = [p.data for p in params], [float(t.detach()) for t in theirs]
        bound = 1e-15 if "sgd" in name or name == "nesterov" else 1e-11
        assert got == pytest.approx(expected, rel=bound, abs=bound), f"step {step + 1}: got {got}, expected {expected}"


@pytest.mark.parametrize("name", list(MAKERS))
def test_every_optimizer_goes_down(name: str) -> None:
    params = [Value(s) for s in START]
    descend(MAKERS[name](params), params, 200)
    assert sum(p.data**2 for p in params) < 0.1 * sum(s**2 for s in START)


@pytest.mark.parametrize("name", list(MAKERS))
def test_an_update_serves_values_as_it_serves_floats(name: str) -> None:
    """So that it can be recorded: the same numbers, to the bit, and an unbroken graph from p and g to the new p."""
    optimizer = MAKERS[name]([Value(0.0)])
    state = [0.3, 0.2][: optimizer.memory]
    expected = optimizer.update(3, 1.5, -0.25, *state)
    p, g, step, *memory = (Value(x) for x in (1.5, -0.25, 3.0, *state))
    got = optimizer.update(step, p, g, *memory)
    assert [v.data for v in got] == list(expected)
    got[0].backward()
    assert p.grad and g.grad


def test_sgd_is_the_loop_that_people_write() -> None:
    params = [Value(s) for s in START]
    (params[0] ** 2 + params[1] ** 2).backward()
    expected = [p.data - 0.3 * p.grad for p in params]
    nn.SGD(params, lr=0.3).step()
    assert [p.data for p in params] == expected


def test_a_failing_update_changes_nothing() -> None:
    class Broken(Optimizer):
        memory = 1

        def update(self, step: Any, p: Any, g: Any, *state: Any) -> tuple[Any, ...]:
            if p == START[2]:
                raise RuntimeError("in the middle")
            return p + 1.0, 1.0

    params = [Value(s) for s in START]
    optimizer = Broken(params, lr=0.1)
    with pytest.raises(RuntimeError, match="in the middle"):
        optimizer.step()
    assert ([p.data for p in params], optimizer.steps, optimizer.state) == (START, 0, [(0.0,)] * 3)


def test_huge_and_missing_gradients_are_numbers() -> None:
    for make in MAKERS.values():
        params = [Value(1.0) for _ in range(2)]
        params[1].grad = 1e200
        make(params).step()
        assert all(math.isfinite(p.data) for p in params)


@pytest.mark.parametrize("make", [nn.SGD, nn.Adam, nn.AdamW])
@pytest.mark.parametrize("lr", [-0.1, math.nan, math.inf])
def test_bad_rates(make: Callable[..., Optimizer], lr: float) -> None:
    with pytest.raises(ValueError, match=f"lr must be a finite number of at least 0, got {lr}"):
        make([Value(1.0)], lr=lr)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda ps: nn.SGD(ps, lr=0.1, momentum=1.0), r"momentum must lie in \[0, 1\), got 1.0"),
        (lambda ps: nn.SGD(ps, nesterov=True), "nesterov=True needs a momentum above 0"),
        (lambda ps: nn.Adam(ps, betas=(1.0, 0.9)), r"betas\[0\] must lie in \[0, 1\), got 1.0"),
        (lambda ps: nn.Adam(ps, betas=(0.9, -0.1)), r"betas\[1\] must lie in \[0, 1\), got -0.1"),
        (lambda ps: nn.AdamW(ps, betas=(0.9, math.nan)), r"betas\[1\] must lie in \[0, 1\), got nan"),
        (lambda ps: nn.Adam(ps, betas=0.9), r"betas must be two numbers in \[0, 1\), got 0.9"),
        (lambda ps: nn.Adam(ps, eps=0.0), "eps must be above 0"),
        (lambda ps: nn.AdamW(ps, weight_decay=-1.0), "weight_decay must be a finite number of at least 0, got -1.0"),
        (lambda ps: nn.SGD([]), "no parameters"),
        (lambda ps: nn.SGD([ps[0], ps[0] * 2]), "parameter 1 is the result of multiply, not a leaf"),
        (lambda ps: nn.SGD([*ps, ps[0]]), "parameter 3 is the same Value as parameter 0"),
    ],
)
def test_bad_settings(make: Callable[[list[Value]], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make([Value(s) for s in START])


def test_parameters_must_be_values() -> None:
    with pytest.raises(TypeError, match="parameter 0 must be a Value, got float"):
        nn.SGD([1.0])  # type: ignore[list-item]
