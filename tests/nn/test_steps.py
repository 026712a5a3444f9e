"""``nn.Steps``: the step of a loop of one's own, native and eager, to the bit."""

import copy
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

import nn
from autograd import Value, dot, logsumexp, take

pytest.importorskip("llvmlite")

DOCUMENTS = [[1, 2, 3], [0, 4], [3, 3, 1, 2], [4, 0], [2, 1, 0], [4, 4]]
OPTIMIZERS: dict[str, Callable[[list[Value]], nn.Optimizer]] = {
    "sgd": lambda params: nn.SGD(params, lr=0.1, momentum=0.9),
    "adam": lambda params: nn.Adam(params, lr=0.1),
    "adamw": lambda params: nn.AdamW(params, lr=0.1, weight_decay=0.1),
    "scheduled": lambda params: nn.SGD(params, lr=lambda step: 0.2 / step),
}


def letters() -> tuple[Callable[[list[Any]], Value], list[Value]]:
    """A loss over lists of any length whose numbers are indices, and its parameters; the last of these is never used."""
    rng = random.Random(1)
    rows, heads = ([[Value(rng.gauss(0, 1)) for _ in range(3)] for _ in range(5)] for _ in range(2))

    def loss(document: list[Any]) -> Value:
        errors = []
        for letter, following in pairwise(document):
            x = [v.tanh() for v in take(rows, letter)]
            scores = [dot(head, x) for head in heads]
            errors.append(logsumexp(scores) - take(scores, following))
        mean: Value = sum(errors) / len(errors)
        return mean

    return loss, [*[v for row in rows + heads for v in row], Value(1.0)]


def trained(engine: str, optimizer: str, steps: int = 24) -> list[Any]:
    """Losses, and what the parameters and the optimizer are then."""
    loss, params = letters()
    chosen = OPTIMIZERS[optimizer](params)
    losses = []
    with nn.Steps(loss, chosen, engine=engine) as step:
        for i in range(steps):
            chosen.lr = 0.1 * (1 - i / steps)
            document = DOCUMENTS[i % len(DOCUMENTS)]
            losses.append(step([Value(x) for x in document] if engine == "eager" else document))
    return [losses, [p.data for p in params], [p.grad for p in params], chosen.state, chosen.steps]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_native_steps_have_the_bits_of_eager_ones(optimizer: str) -> None:
    for got, expected in zip(trained("llvm", optimizer), trained("eager", optimizer), strict=True):
        assert got == expected


def test_a_structure_is_found_again() -> None:
    loss, params = letters()
    calls = []

    def counted(document: list[Any]) -> Value:
        calls.append(len(document))
        return loss(document)

    with nn.Steps(counted, nn.SGD(params)) as step:
        for document in DOCUMENTS * 3:
            step(document)
    assert sorted(set(calls)) == [2, 3, 4]
    assert len(calls) <= 6, "recorded once for each length, and tried once with plain numbers"


def test_a_state_that_was_written_back_stays_when_steps_go_on() -> None:
    (loss, params), (other_loss, other_params) = letters(), letters()
    adam, one_step = nn.Adam(params), nn.Adam(other_params)
    with nn.Steps(other_loss, one_step) as step:
        step([1, 2])
    with nn.Steps(loss, adam) as step:
        step([1, 2])
        step.write_back()
        then = copy.copy(adam)
        step([2, 1])
    assert then.state == one_step.state != adam.state


def test_a_wrong_index_is_named_and_changes_nothing() -> None:
    loss, params = letters()
    sgd = nn.SGD(params)
    with nn.Steps(loss, sgd) as step:
        step([1, 2])
        step.write_back()
        before = [p.data for p in params]
        with pytest.raises(IndexError, match="got 9"):
            step([1, 9])
        with pytest.raises(ValueError, match=r"1\.5"):
            step([1.5, 2])
    assert ([p.data for p in params], sgd.steps) == (before, 1)


@pytest.mark.parametrize("engine", ["eager", "llvm"])
def test_branches_on_numbers_are_ways_of_their_own(engine: str) -> None:
    w = Value(1.0)
    sgd = nn.SGD([w], lr=0.5)
    with nn.Steps(lambda x: w * w if w > x else -w, sgd, engine=engine) as step:
        assert [step(0.5), step(0.5), step(0.5)] == [1.0, -0.0, -0.5]
    assert w.data == 1.0


def test_values_from_outside_are_read_at_every_step() -> None:
    w, scale = Value(1.0), Value(2.0)
    with nn.Steps(lambda x: scale * w * x, nn.SGD([w], lr=0.0)) as step:
        assert step(3.0) == 6.0
        scale.data = 10.0
        assert step(3.0) == 30.0


def test_numbers_are_written_back_when_an_exception_ends_the_steps() -> None:
    loss, params = letters()
    before = [p.data for p in params]
    with pytest.raises(KeyError), nn.Steps(loss, nn.SGD(params)) as step:
        step([1, 2])
        raise KeyError
    assert [p.data for p in params] != before


def test_numbers_assigned_between_two_rounds_count() -> None:
    w = Value(1.0)
    steps = nn.Steps(lambda x: w * x, nn.SGD([w], lr=1.0))
    with steps as step:
        step(1.0)
    w.data = 5.0
    with steps as step:
        assert step(2.0) == 10.0
    assert w.data == 3.0


def test_mistakes() -> None:
    w = Value(1.0)
    with pytest.raises(RuntimeError, match="inside a context"):
        nn.Steps(lambda x: w * x, nn.SGD([w]))(1.0)
    with pytest.raises(ValueError, match="engine"):
        nn.Steps(lambda x: w * x, nn.SGD([w]), engine="numpy")
    with nn.Steps(lambda x: w.data * x, nn.SGD([w])) as step, pytest.raises(TypeError, match=r"\.data"):
        step(1.0)
    with nn.Steps(lambda x: [w, x], nn.SGD([w])) as step, pytest.raises(TypeError, match="one number"):
        step(1.0)
    with nn.Steps(lambda x: 1.0, nn.SGD([w]), engine="eager") as step, pytest.raises(TypeError, match="Value"):
        step(1.0)
