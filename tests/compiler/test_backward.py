"""``backward`` of a compiled function: the gradients of Values from outside, for arguments of any structure, to the bit."""

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, dot, logsumexp, take
from tests.compiler.runs import ENGINES

DOCUMENTS = [[1, 2, 3], [0, 4], [3, 3, 1, 2], [4, 0], [2, 1, 0], [4, 4]]


def letters() -> tuple[Callable[[list[Any]], Value], list[Value]]:
    """A loss over lists of any length whose numbers are indices, and its parameters."""
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

    return loss, [v for row in rows + heads for v in row]


def grads_after(run: Callable[[list[Any]], float], params: list[Value]) -> list[tuple[str, list[str]]]:
    """The loss of each document and the gradients after it, which add up; as text, so that 0.0 and -0.0 differ."""
    return [(repr(run(document)), [repr(p.grad) for p in params]) for document in DOCUMENTS * 2]


@pytest.mark.parametrize("engine", ENGINES)
def test_gradients_are_those_of_the_eager_backward_pass(engine: str) -> None:
    loss, params = letters()
    compiled = autograd.compile(loss, engine=engine)
    others, own = letters()

    def eagerly(document: list[Any]) -> float:
        y = others([Value(x) for x in document])
        y.backward()
        return y.data

    assert grads_after(compiled.backward, params) == grads_after(eagerly, own)


def test_a_structure_is_recorded_once() -> None:
    loss, _ = letters()
    calls = []
    compiled = autograd.compile(lambda document: calls.append(len(document)) or loss(document))
    for document in DOCUMENTS * 3:
        compiled.backward(document)
    assert sorted(set(calls)) == [2, 3, 4]
    assert len(calls) <= 6, "recorded once for each length, and tried once with plain numbers"


@pytest.mark.parametrize(("index", "error"), [(5, IndexError), (-1, IndexError), (0.5, ValueError), (float("nan"), ValueError)])
def test_a_wrong_index_is_named_and_changes_no_gradient(index: float, error: type[Exception]) -> None:
    loss, params = letters()
    compiled = autograd.compile(loss)
    compiled.backward([1, 2])
    before = [p.grad for p in params]
    with pytest.raises(error, match=repr(index)):
        compiled.backward([1, index])
    assert [p.grad for p in params] == before


def test_parameters_count_with_their_data_of_now_and_guards_hold() -> None:
    w = Value(2.0)
    f = autograd.compile(lambda x: w * x if x > 0 else w * w * x)
    assert (f.backward(3.0), w.grad) == (6.0, 3.0)
    w.data, w.grad = 5.0, 0.0
    assert (f.backward(-1.0), w.grad) == (-25.0, -10.0)
    assert (f.backward(Value(2.0)), w.grad) == (10.0, -8.0), "with Values it is the function itself"


SUMS: dict[str, Callable[[Value, Value, Any, Any], Any]] = {
    "rows": lambda v, w, x, a: autograd.exp(v * x) * w - a * v,
    "ways": lambda v, w, x, a: w * x if x > 0.4 else (v * w - x if x > a else v / x),
    "the same for all samples": lambda v, w, x, a: v * w * a,
    "no Value of ours": lambda v, w, x, a: x * x * a,
    "drawn": lambda v, w, x, a: v * autograd.random.normal(autograd.random.Key(3, sample=x * 64.0)) + w,
}


@pytest.mark.parametrize("engine", ENGINES)
def test_threads_change_no_bit_of_a_sum(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograd.compiler.sweeps.SUMMED", 16)
    xs, seen = np.sin(np.arange(1.0, 300.0)), set()
    for threads in (1, 2, 3, 50):
        v, w = Value(0.7), Value(-1.3)
        f = autograd.compile(lambda x, a, v=v, w=w: SUMS["ways"](v, w, x, a), engine=engine, threads=threads)
        seen.add((f.backward(xs, 0.25), v.grad, w.grad))
    assert len(seen) == 1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SUMS)
def test_samples_are_added_up(name: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the eager pass over one sample after the other; 41 samples in stretches of 16."""
    monkeypatch.setattr("autograd.compiler.sweeps.SUMMED", 16)
    v, w = Value(0.7), Value(-1.3)
    f = autograd.compile(lambda x, a: SUMS[name](v, w, x, a), engine=engine)
    xs = np.arange(1.0, 42.0) / 64.0
    got = [f.backward(xs, 0.25), v.grad, w.grad]
    expected = [0.0, 0.0, 0.0]
    for x in xs.tolist():
        v.grad = w.grad = 0.0
        y = SUMS[name](v, w, x, 0.25)
        if isinstance(y, Value):
            y.backward()
        expected = [a + b for a, b in zip(expected, [float(getattr(y, "data", y)), v.grad, w.grad], strict=True)]
    assert got == pytest.approx(expected, rel=1e-12), name
    v.grad = 0.0
    assert (f.backward(xs[:0], 0.25), v.grad) == (0.0, 0.0)


def test_what_backward_refuses() -> None:
    w = Value(2.0)
    with pytest.raises(TypeError, match="one number"):
        named(lambda x: [w * x]).backward(np.array([1.0, 2.0]))
    with pytest.raises(TypeError, match="one number"):
        named(lambda x: [w * x]).backward(1.0)


def named(function: Callable[..., Any]) -> Any:
    """The function, compiled under the name f."""
    function.__name__ = "f"
    return autograd.compile(function)
