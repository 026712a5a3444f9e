"""Training runs of ``nn.fit`` in native code against JAX, PyTorch and micrograd: the same data, weights, loss and updates, float64.

One thread each. JAX runs its fastest form, a compiled loop over the steps (``jit`` of ``fori_loop``; for mini-batches a jitted step),
PyTorch its ordinary eager form, micrograd its demo. A step is timed when the training runs and nobody compiles any more: of ours it is
what more epochs add to a call of ``fit``, with its loop, history and best weights. What comes once (recording, compiling) is in the rows
on whole calls. Everybody's first losses are compared with those of the eager engine, so that all do the same work.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import nn
from benchmarks.harness import ROOT, Contender, Row
from benchmarks.two_moons import points

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


@dataclass(frozen=True)
class Work:
    """What is trained. ``first_losses`` are the eager engine's in the first epochs; ``epochs`` and ``steps_of_others`` say how long
    we and the slow ones are timed."""

    sizes: tuple[int, ...]
    activation: str
    loss: str
    data: Callable[[], tuple[Any, Any]]
    first_losses: tuple[float, ...]
    optimizer: str = "sgd"
    lr: float = 0.1
    l2: float = 0.0
    batch_size: int | None = None
    epochs: int = 2000
    steps_of_others: int = 100

    def model(self) -> nn.MLP:
        """The network with its first weights."""
        return nn.MLP(self.sizes[0], list(self.sizes[1:]), activation=self.activation, seed=1)

    def batches(self) -> int:
        """Steps of an epoch."""
        return 1 if self.batch_size is None else -(-len(self.data()[0]) // self.batch_size)

    def train(self, model: nn.MLP, epochs: int, *, engine: str = "llvm", fast: bool = False) -> nn.History:
        """``fit``."""
        optimizer = {"sgd": nn.SGD, "adam": nn.Adam}[self.optimizer](model.parameters(), lr=self.lr)
        settings: dict[str, Any] = {"loss": self.loss, "optimizer": optimizer, "l2": self.l2, "batch_size": self.batch_size}
        return nn.fit(model, *self.data(), **settings, epochs=epochs, shuffle=False, progress=False, engine=engine, fast=fast)

    def check(self, losses: Sequence[float]) -> None:
        """RuntimeError unless these are the first losses."""
        for got, expected in zip(losses, self.first_losses, strict=True):
            if abs(got - expected) > 1e-9 * abs(expected):
                raise RuntimeError(f"a contender trains something else: losses {list(losses)}, expected {self.first_losses}")


@cache
def xor() -> tuple[Any, Any]:
    """Exclusive or with ±1."""
    return [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [-1.0, 1.0, 1.0, -1.0]


@cache
def digits() -> tuple[Any, Any]:
    """1,797 handwritten digits."""
    data = nn.data.digits(held_out=0.0)
    return data.X, data.y


_MOONS: dict[str, Any] = {"loss": "hinge", "data": cache(points), "l2": 1e-4}
WORKS = {
    "moons": Work((2, 16, 16, 1), "relu", **_MOONS, first_losses=(0.74961363621415, 0.54198532383144, 0.47562461364257)),
    "moons tanh": Work((2, 16, 16, 1), "tanh", **_MOONS, first_losses=(0.59950860085899, 0.42707178169952, 0.39492364027905)),
    "moons 64": Work((2, 64, 64, 1), "relu", **_MOONS, first_losses=(1.3824355297429, 0.80778393315875, 0.38471083293252)),
    "digits": Work(
        (64, 32, 10),
        "relu",
        "cross_entropy",
        digits,
        optimizer="adam",
        lr=0.01,
        batch_size=32,
        epochs=20,
        first_losses=(1.0283465458494,),
    ),
    "xor": Work(
        (2, 4, 4, 1), "tanh", "mse", xor, epochs=20_000, first_losses=(1.6432709185134, 1.1549602134927, 1.0387331935083)
    ),
}


# --- Ours ----------------------------------------------------------------------------------------------------------------------


def step(name: str, fast: bool) -> float:
    """Seconds for a step of fit: what more epochs add to the call."""
    work = WORKS[name]
    work.check(work.train(work.model(), len(work.first_losses), fast=fast).loss)
    few, many = (min(_seconds(work, epochs, fast) for _ in range(3)) for epochs in (work.epochs, 3 * work.epochs))
    return (many - few) / (2 * work.epochs * work.batches())


def second_fit(name: str, fast: bool) -> float:
    """Seconds for a whole call of fit(epochs=…) by a process that has trained such a network before."""
    work = WORKS[name]
    work.train(work.model(), 1, fast=fast)
    return _seconds(work, work.epochs, fast)


def first_fit(name: str, fast: bool) -> float:
    """Seconds for the first call of a process, compilation included."""
    import llvmlite.binding  # noqa: F401 -- as JAX is imported before its clock starts

    return _seconds(WORKS[name], WORKS[name].epochs, fast)


def first_fit_from_disk(name: str, fast: bool) -> float:
    """Seconds for the first call of a process, whose code an earlier process has compiled."""
    earlier = f"from benchmarks.training import WORKS; work = WORKS[{name!r}]; work.train(work.model(), 1, fast={fast})"
    with tempfile.TemporaryDirectory() as place:
        os.environ["CHALKGRAD_CACHE"] = place
        subprocess.run([sys.executable, "-c", earlier], cwd=ROOT, check=True)
        return first_fit(name, fast)


def _seconds(work: Work, epochs: int, fast: bool) -> float:
    model = work.model()
    start = time.perf_counter()
    work.train(model, epochs, fast=fast)
    return time.perf_counter() - start


# --- Theirs --------------------------------------------------------------------------------------------------------------------


def weights(model: nn.MLP) -> list[tuple[list[list[float]], list[float]]]:
    """Each layer's weights [output][input] and biases [output]."""
    return [
        ([[w.data for w in neuron.w] for neuron in layer.neurons], [neuron.b.data for neuron in layer.neurons])
        for layer in model.layers
    ]


class _Jax:
    """The work written for JAX."""

    def __init__(self, work: Work) -> None:
        os.environ.update(ONE_THREAD)
        import jax

        jax.config.update("jax_enable_x64", True)
        import jax.numpy as jnp

        self.jax, self.jnp, self.work = jax, jnp, work
        X, y = work.data()
        self.X, self.y = jnp.array(X, dtype=float), jnp.array(y)
        self.start = [(jnp.array(W), jnp.array(b)) for W, b in weights(work.model())]
        self.value_and_grad = jax.value_and_grad(self.error)

    def error(self, layers: Any, X: Any, y: Any) -> Any:
        jnp = self.jnp
        activation = {"relu": self.jax.nn.relu, "tanh": jnp.tanh}[self.work.activation]
        h = X
        for W, b in layers[:-1]:
            h = activation(h @ W.T + b)
        W, b = layers[-1]
        scores = h @ W.T + b
        if self.work.loss == "cross_entropy":
            losses = -self.jax.nn.log_softmax(scores)[jnp.arange(len(y)), y]
        elif self.work.loss == "hinge":
            losses = self.jax.nn.relu(1.0 - y * scores[:, 0])
        else:
            losses = (scores[:, 0] - y) ** 2
        return jnp.mean(losses) + self.work.l2 * sum(jnp.sum(W * W) + jnp.sum(b * b) for W, b in layers)

    def sgd(self, layers: Any) -> Any:
        _, slopes = self.value_and_grad(layers, self.X, self.y)
        return self.jax.tree.map(lambda p, g: p - self.work.lr * g, layers, slopes)

    def adam(self, state: Any, X: Any, y: Any) -> Any:
        step, layers, m, v = state
        loss, g = self.value_and_grad(layers, X, y)
        tree = self.jax.tree.map
        step = step + 1.0
        m, v = tree(lambda m, g: 0.9 * m + 0.1 * g, m, g), tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        c, d = 1.0 - 0.9**step, 1.0 - 0.999**step
        root = self.jnp.sqrt
        layers = tree(lambda p, m, v: p - self.work.lr * (m / c) / (root(v / d) + 1e-8), layers, m, v)
        return loss, (step, layers, m, v)

    def loop(self) -> Any:
        return self.jax.jit(lambda layers, steps: self.jax.lax.fori_loop(0, steps, lambda _, p: self.sgd(p), layers))


def jax_loop(name: str) -> float:
    """Seconds for a step of a compiled loop."""
    work = WORKS[name]
    jax = _Jax(work)
    run = jax.loop()
    work.check([float(jax.error(run(jax.start, k), jax.X, jax.y)) for k in range(len(work.first_losses))])
    return _loop_seconds(jax, run) / work.epochs


def second_jax_loop(name: str) -> float:
    """Seconds for a whole loop by a process that has run it before."""
    return jax_loop(name) * WORKS[name].epochs


def _loop_seconds(jax: _Jax, run: Any) -> float:
    start = time.perf_counter()
    jax.jax.block_until_ready(run(jax.start, jax.work.epochs))
    return time.perf_counter() - start


def first_jax_loop(name: str) -> float:
    """Seconds for the first such loop of a process, compilation included."""
    jax = _Jax(WORKS[name])
    return _loop_seconds(jax, jax.loop())


def jax_steps(name: str) -> float:
    """Seconds for a step of Adam on a batch, jitted; the batches are on the device beforehand."""
    work = WORKS[name]
    jax = _Jax(work)
    size = work.batch_size or len(jax.X)
    batches = [(jax.X[i : i + size], jax.y[i : i + size]) for i in range(0, len(jax.X), size)]
    step = jax.jax.jit(jax.adam)
    zeros = jax.jax.tree.map(jax.jnp.zeros_like, jax.start)
    state = (0.0, jax.start, zeros, zeros)
    epochs = []
    for _ in work.first_losses:
        losses = []
        for X, y in batches:
            loss, state = step(state, X, y)
            losses.append(float(loss) * len(y))
        epochs.append(sum(losses) / len(jax.X))
    work.check(epochs)
    start = time.perf_counter()
    for _ in range(5):
        for X, y in batches:
            loss, state = step(state, X, y)
    jax.jax.block_until_ready(state)
    return (time.perf_counter() - start) / (5 * len(batches))


def torch_eager(name: str) -> float:
    """Seconds for a step of PyTorch's eager engine with its own optimizer."""
    os.environ.update(ONE_THREAD)
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    work = WORKS[name]
    X, y = (torch.tensor(part) for part in work.data())
    size = work.batch_size or len(X)
    layers = [(torch.tensor(W, requires_grad=True), torch.tensor(b, requires_grad=True)) for W, b in weights(work.model())]
    parameters = [p for layer in layers for p in layer]
    optimizer = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[work.optimizer](parameters, lr=work.lr)
    activation = getattr(torch, work.activation)

    def error(X: Any, y: Any) -> Any:
        h = X
        for W, b in layers[:-1]:
            h = activation(torch.nn.functional.linear(h, W, b))
        scores = torch.nn.functional.linear(h, *layers[-1])
        if work.loss == "cross_entropy":
            return torch.nn.functional.cross_entropy(scores, y)
        loss = torch.relu(1.0 - y * scores[:, 0]).mean() if work.loss == "hinge" else ((scores[:, 0] - y) ** 2).mean()
        return loss + work.l2 * sum((p * p).sum() for p in parameters) if work.l2 else loss

    def epoch() -> float:
        total = 0.0
        for i in range(0, len(X), size):
            optimizer.zero_grad()
            loss = error(X[i : i + size], y[i : i + size])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(X[i : i + size])
        return total / len(X)

    work.check([epoch() for _ in work.first_losses])
    epochs = max(work.steps_of_others // work.batches(), 2)
    start = time.perf_counter()
    for _ in range(epochs):
        epoch()
    return (time.perf_counter() - start) / (epochs * work.batches())


def micrograd(name: str) -> float:
    """Seconds for a step as in micrograd's demo: a graph over all samples, backward, update."""
    from micrograd.engine import Value
    from micrograd.nn import MLP

    work = WORKS[name]
    X, y = work.data()
    model = MLP(work.sizes[0], list(work.sizes[1:]))
    for layer, (W, b) in zip(model.layers, weights(work.model()), strict=True):
        for neuron, row, offset in zip(layer.neurons, W, b, strict=True):
            neuron.b.data = offset
            for w, number in zip(neuron.w, row, strict=True):
                w.data = number

    def step() -> float:
        scores = [model(list(map(Value, row))) for row in X]
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
        loss = sum(losses) * (1.0 / len(losses)) + work.l2 * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= work.lr * p.grad
        return float(loss.data)

    start = time.perf_counter()
    losses = [step() for _ in work.first_losses]
    seconds = (time.perf_counter() - start) / len(losses)
    work.check(losses)
    return seconds


# --- The table -----------------------------------------------------------------------------------------------------------------


def _ours(name: str, fast: bool, measure: Callable[..., float] = step) -> Contender:
    return Contender("chalkgrad", measure, (name, fast))


def _jax(measure: Callable[..., float], name: str) -> Contender:
    return Contender("JAX", measure, (name,), needs="jax")


def _torch(name: str) -> Contender:
    return Contender("PyTorch", torch_eager, (name,), needs="torch")


_DIGITS = "step: digits, 64-32-10, Adam, batches of 32, fast"
ROWS = [
    Row("step: two moons, 2-16-16-1 relu, strict", "s", _ours("moons", False), _jax(jax_loop, "moons"), bar=0.7),
    Row("step: two moons, 2-16-16-1 relu, strict", "s", _ours("moons", False), _torch("moons"), bar=1 / 20),
    Row(
        "step: two moons, 2-16-16-1 relu, strict",
        "s",
        _ours("moons", False),
        Contender("micrograd", micrograd, ("moons",), needs="micrograd"),
        bar=1 / 5000,
    ),
    Row("step: two moons, 2-16-16-1 tanh, strict", "s", _ours("moons tanh", False), _jax(jax_loop, "moons tanh")),
    Row("step: two moons, 2-16-16-1 tanh, fast", "s", _ours("moons tanh", True), _jax(jax_loop, "moons tanh"), bar=1.0),
    Row("step: two moons, 2-64-64-1 relu, fast", "s", _ours("moons 64", True), _jax(jax_loop, "moons 64"), bar=1.0),
    Row(_DIGITS, "s", _ours("digits", True), _torch("digits"), bar=1 / 10),
    Row(_DIGITS, "s", _ours("digits", True), _jax(jax_steps, "digits"), bar=1.0),
    Row("step: exclusive or, 2-4-4-1 tanh, strict", "s", _ours("xor", False), _jax(jax_loop, "xor"), bar=0.5),
    Row("step: exclusive or, 2-4-4-1 tanh, fast", "s", _ours("xor", True), _jax(jax_loop, "xor"), bar=0.5),
    Row("fit(epochs=2000), first in a process, 2-16-16-1", "s", _ours("moons", False, first_fit), _jax(first_jax_loop, "moons")),
    Row(
        "the same, compiled by an earlier process",
        "s",
        _ours("moons", False, first_fit_from_disk),
        _jax(first_jax_loop, "moons"),
    ),
    Row(
        "fit(epochs=2000), second in a process, 2-16-16-1",
        "s",
        _ours("moons", False, second_fit),
        _jax(second_jax_loop, "moons"),
        bar=0.7,
    ),
]
