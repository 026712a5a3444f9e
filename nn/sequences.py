"""Layers for sequences: embeddings, recurrent cells whose weights are shared through time, and attention as a function.

Glossary::

    step      what a sequence holds at one time: ``nin`` numbers
    state     what a cell remembers: ``nout`` numbers, 0 before the first step

A sequence is a list of steps, or the same numbers one after the other in one list: a row of X, and rows may differ in length. Each
length is a graph of its own, and a program of its own where it is compiled.
"""

import math
import random
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, final

from autograd import Value, dot, softmax, take, tanh
from autograd.ops import describe, listed
from nn.activations import Activation
from nn.initial import Init, Seed, generator_of
from nn.layers import Layer
from nn.module import Module, inputs
from nn.settings import nonnegative, whole

Vector = Sequence[Any]


def attention(
    queries: Sequence[Vector], keys: Sequence[Vector], values: Sequence[Vector], *, causal: bool = False
) -> list[list[Any]]:
    """For each query the mean of the values, weighted by softmax(q·k/√d) over the keys; ``causal``: over no later ones than itself.

    Vaswani et al., Attention is all you need, 2017. ValueError if there are not as many values as keys.

    >>> attention([[0.0]], [[1.0], [5.0]], [[2.0], [4.0]])
    [[3.0]]
    """
    keys, values = listed(keys, "attention"), listed(values, "attention")
    if len(keys) != len(values) or not keys:
        raise ValueError(f"attention needs a value for each key, and at least one, got {len(keys)} keys and {len(values)} values")
    answers = []
    for i, query in enumerate(listed(queries, "attention")):
        seen = i + 1 if causal else len(keys)
        shares = softmax([dot(query, key) / math.sqrt(len(query)) for key in keys[:seen]])
        answers.append([dot(shares, column) for column in zip(*values[:seen], strict=True)])
    return answers


@final
class Embedding(Module):
    """A vector of ``size`` Values for each of ``count`` things, by their numbers 0, 1, …; for a list of numbers a list of vectors.

    The vectors start normally distributed with the standard deviation ``init``, 1 unless given, from ``seed``. ValueError for what is
    no such number. A Value as the number is data (``autograd.take``): ``fit`` compiles such a model, with the eager bits.

    >>> embedding = Embedding(10, 3, seed=0)
    >>> embedding(4) is embedding.weight[4], len(embedding([1, 2]))
    (True, 2)
    """

    takes_sequences = True

    def __init__(self, count: int, size: int, *, seed: Seed = None, init: float | None = None) -> None:
        generator = generator_of(seed, init)
        draw, scale = (generator or random).gauss, 1.0 if init is None else nonnegative(init, "init")
        columns = range(whole(size, "size"))
        self.weight = [[Value(scale * draw(0.0, 1.0)) for _ in columns] for _ in range(whole(count, "count"))]

    def __call__(self, x: Any) -> Any:
        """The vector of the number, or of each."""
        return [self._of(number) for number in x] if isinstance(x, (list, tuple)) else self._of(x)

    def _of(self, x: Any) -> list[Value]:
        if isinstance(x, Value):
            return list(take(self.weight, x))
        if x not in range(len(self.weight)):
            raise ValueError(f"Embedding knows the numbers 0 to {len(self.weight) - 1}, got {x!r}")
        return self.weight[int(x)]

    def symbols(self) -> dict[str, Any]:
        """e, by thing and place."""
        return {"e": self.weight}

    def architecture(self) -> dict[str, Any]:
        """Class and sizes."""
        return {"class": "Embedding", "count": len(self.weight), "size": len(self.weight[0])}

    def __repr__(self) -> str:
        return f"Embedding({len(self.weight)}, {len(self.weight[0])})"


class _Cell(Module):
    """What cells share: they go through a sequence step by step."""

    nin: int
    nout: int
    takes_sequences = True

    @abstractmethod
    def step(self, x: Vector, state: Vector) -> list[Any]:
        """The state after a step."""

    def states(self, x: Any) -> list[list[Any]]:
        """The states after each step."""
        state: list[Any] = [0.0] * self.nout
        found = []
        for step in _steps(x, self.nin, self):
            state = self.step(inputs(step, self.nin, self), state)
            found.append(state)
        return found

    def __call__(self, x: Any) -> Any:
        """The state after the last step, a list of ``nout`` Values."""
        return self.states(x)[-1]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.nin}, {self.nout})"


@final
class Recurrent(_Cell):
    """The plain recurrent cell: state ← activation(W·[x, state] + b).

    Elman, Finding structure in time, 1990. ``states(x)`` gives the states after each step. ValueError for no step, or numbers that do not
    make whole steps.

    >>> cell = Recurrent(2, 3, seed=0)
    >>> len(cell([[0.5, 1.0], [0.1, 0.2]])), len(cell.states([0.5, 1.0, 0.1, 0.2])), len(cell.parameters())
    (3, 2, 18)
    """

    def __init__(self, nin: int, nout: int, *, activation: Activation = "tanh", seed: Seed = None, init: Init = None) -> None:
        self.nin, self.nout = whole(nin, "nin"), whole(nout, "nout")
        self.cell = Layer(nin + nout, nout, activation=activation, seed=seed, init=init)

    def step(self, x: Vector, state: Vector) -> list[Any]:
        """The state after a step."""
        return _responses(self.cell, [*x, *state])

    def symbols(self) -> dict[str, Any]:
        """w from the inputs, u from the state, b."""
        return _parted(self.cell, self.nin)

    def architecture(self) -> dict[str, Any] | None:
        """Class, sizes and activation; None if the activation is a function."""
        inside = self.cell.architecture()
        return inside and {"class": "Recurrent", "nin": self.nin, "nout": self.nout, "activation": inside["activation"]}


@final
class GRU(_Cell):
    """The gated recurrent unit: state ← (1 − z)·n + z·state, with n = tanh(W·x + b + r·(U·state + c)) and gates r, z in [0, 1].

    Cho et al., Learning phrase representations using RNN encoder–decoder, 2014, in PyTorch's form. Both gates see the step and the
    state. The rest is as for ``Recurrent``.

    >>> len(GRU(2, 3, seed=0)([[0.5, 1.0], [0.1, 0.2]]))
    3
    """

    def __init__(self, nin: int, nout: int, *, seed: Seed = None, init: Init = None) -> None:
        self.nin, self.nout = whole(nin, "nin"), whole(nout, "nout")
        source: Any = generator_of(seed, init)
        self.reset = Layer(nin + nout, nout, activation="sigmoid", seed=source, init=init)
        self.keep = Layer(nin + nout, nout, activation="sigmoid", seed=source, init=init)
        self.fresh = Layer(nin, nout, activation="linear", seed=source, init=init)
        self.remembered = Layer(nout, nout, activation="linear", seed=source, init=init)

    def step(self, x: Vector, state: Vector) -> list[Any]:
        """The state after a step."""
        r, z = _responses(self.reset, [*x, *state]), _responses(self.keep, [*x, *state])
        candidates = zip(_responses(self.fresh, x), r, _responses(self.remembered, state), strict=True)
        new = [tanh(a + gate * b) for a, gate, b in candidates]
        return [(1.0 - gate) * n + gate * h for gate, n, h in zip(z, new, state, strict=True)]

    def symbols(self) -> dict[str, Any]:
        """w from the inputs, u from the state, b and c, by the gates r and z and for n."""
        gates = [(gate, _parted(layer, self.nin)) for gate, layer in (("r", self.reset), ("z", self.keep), ("n", self.fresh))]
        remembered = _parted(self.remembered, 0)
        return {
            **{f"{letter}^{gate}": part for gate, parts in gates for letter, part in parts.items()},
            "u^n": remembered["u"],
            "c^n": remembered["b"],
        }

    def architecture(self) -> dict[str, Any]:
        """Class and sizes."""
        return {"class": "GRU", "nin": self.nin, "nout": self.nout}


def _parted(layer: Layer, nin: int) -> dict[str, Any]:
    """The weights of a layer that lead from the inputs, those from the state, and the biases."""
    rows = [neuron.w for neuron in layer.neurons]
    return {"w": [row[:nin] for row in rows], "u": [row[nin:] for row in rows], "b": [neuron.b for neuron in layer.neurons]}


def _responses(layer: Layer, values: Sequence[Any]) -> list[Value]:
    """What the neurons answer; the first state, 0, stays a number."""
    return [neuron.respond(values) for neuron in layer.neurons]


def _steps(x: Any, nin: int, taker: Module) -> list[Vector]:
    """A sequence as its steps."""
    listed = x.tolist() if hasattr(x, "tolist") else x
    if not isinstance(listed, Iterable):
        raise TypeError(f"{type(taker).__name__} expects a list of steps, got {describe(x)}")
    items = list(listed)
    if items and all(isinstance(item, (list, tuple)) for item in items):
        wrong = [len(item) for item in items if len(item) != nin]
        if wrong:
            raise ValueError(f"{type(taker).__name__} expects steps of {nin} number(s), got one of {wrong[0]}")
        return items
    if not items or len(items) % nin:
        raise ValueError(f"{type(taker).__name__} expects whole steps of {nin} number(s), at least one, got {len(items)} numbers")
    return [items[i : i + nin] for i in range(0, len(items), nin)]
