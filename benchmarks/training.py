"""Training runs of ``nn.fit`` in native code against JAX, PyTorch and micrograd: the same data, weights, loss and updates, float64.

One thread each. JAX runs its fastest form, a compiled loop over the steps (``jit`` of ``fori_loop``; for mini-batches a jitted step),
PyTorch its ordinary eager form, micrograd its demo. A step is timed when the training runs and nobody compiles any more: of ours it is
what more epochs add to a call of ``fit``, with its loop, history and best weights. What comes once (recording, compiling) is in the rows
on whole calls. Everybody's first losses are compared with those of the eager engine, so that all do the same work.
"""

import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
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
    we and the slow ones are timed. With ``filters`` the inputs are a square image, which goes through that many 3×3 filters with a
    mean over 2×2 after each, and then one layer."""

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
    filters: tuple[int, ...] = ()

    def model(self) -> Any:
        """The network with its first weights."""
        if not self.filters:
            return nn.MLP(self.sizes[0], list(self.sizes[1:]), activation=self.activation, seed=1)
        side = math.isqrt(self.sizes[0])
        parts: list[Any] = [nn.Unflatten(1, side, side)]
        for before, after in pairwise((1, *self.filters)):
            parts += [nn.Conv2d(before, after, 3, activation=self.activation, seed=after), nn.AvgPool2d(2)]
            side = (side - 2) // 2
        return nn.Sequential(*parts, nn.Flatten(), nn.Layer(side * side * self.filters[-1], self.sizes[-1], nonlin=False, seed=1))

    def batches(self) -> int:
        """Steps of an epoch."""
        return 1 if self.batch_size is None else -(-len(self.data()[0]) // self.batch_size)

    def train(self, model: Any, epochs: int, *, engine: str = "llvm", fast: bool = False) -> nn.History:
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
def two_classes() -> tuple[Any, Any]:
    """The points of the moons, in classes 0 and 1."""
    X, y = points()
    return X, [int(label > 0) for label in y]


@cache
def digits() -> tuple[Any, Any]:
    """1,797 handwritten digits."""
    data = nn.data.digits(held_out=0.0)
    return data.X, data.y


@cache
def blots(pixels: int, samples: int) -> tuple[Any, Any]:
    """Pictures in ten classes: noise, brighter where the class says."""
    rng = random.Random(7)
    y = [i % 10 for i in range(samples)]
    return [[rng.random() + (1.0 if i % 10 == label else 0.0) for i in range(pixels)] for label in y], y


def _adam(sizes: tuple[int, ...], losses: tuple[float, ...], **more: Any) -> Work:
    """A classifier of blots, trained by Adam in batches of 32."""
    settings: dict[str, Any] = {"activation": "relu", "data": partial(blots, sizes[0], 320), "epochs": 20} | more
    return Work(sizes, loss="cross_entropy", optimizer="adam", lr=0.01, batch_size=32, first_losses=losses, **settings)


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
    "wide": _adam((64, 128, 64, 10), (1.1055673591942,)),
    "pictures 32": _adam((784, 32, 10), (1.4087871500881,)),
    "pictures 128": _adam((784, 128, 10), (1.6673449461296,)),
    "deep": _adam((2, 16, 16, 16, 16, 16, 16, 16, 16, 2), (0.75366653216583,), activation="tanh", data=two_classes, epochs=40),
    "digits, filters": _adam((64, 10), (1.6267066586987,), filters=(4,), data=digits, epochs=4),
    "pictures, filters": _adam((784, 10), (2.3871838704687,), filters=(8, 16), data=partial(blots, 784, 64), epochs=4),
    "moons 64, 300 epochs": Work((2, 64, 64, 1), "relu", **_MOONS, epochs=300, first_losses=(1.3824355297429,)),
    "xor": Work(
        (2, 4, 4, 1), "tanh", "mse", xor, epochs=20_000, first_losses=(1.6432709185134, 1.1549602134927, 1.0387331935083)
    ),
}


# More epochs take at least so long where a step is timed: a call of fit beside its steps varies by some 10 ms.
TELLING_SECONDS = 0.2


# --- Ours ----------------------------------------------------------------------------------------------------------------------


def step(name: str, fast: bool) -> float:
    """Seconds for a step of fit: what more epochs add to the call, so many that they take longer than its other parts vary."""
    work = WORKS[name]
    work.check(work.train(work.model(), len(work.first_losses), fast=fast).loss)
    added, epochs = 0.0, work.epochs // 4
    while added < TELLING_SECONDS:
        epochs *= 4
        few, many = (min(_seconds(work, n, fast) for _ in range(3)) for n in (epochs, 3 * epochs))
        added = many - few
    return added / (2 * epochs * work.batches())


def second_fit(name: str, fast: bool) -> float:
    """Seconds for a whole call of fit(epochs=…) by a process that has trained such a network before."""
    work = WORKS[name]
    work.train(work.model(), 1, fast=fast)
    return _seconds(work, work.epochs, fast)


def beside_steps(name: str, fast: bool) -> float:
    """Seconds that a call of fit costs beside its steps, by a process that has trained such a network before."""
    work = WORKS[name]
    work.train(work.model(), 1, fast=fast)
    one, three = (min(_seconds(work, epochs, fast) for _ in range(3)) for epochs in (1, 3))
    return one - (three - one) / 2


def until_first_step(name: str, fast: bool) -> float:
    """Seconds for a first fit that takes one step or a few."""
    import llvmlite.binding  # noqa: F401 -- imported, as for the row of whole calls

    return _seconds(WORKS[name], 1, fast)


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


def weights(model: Any) -> list[tuple[Any, list[float]]]:
    """Each layer's weights [output][input] (of filters [output][input][row][column]) and biases [output]."""
    found: list[tuple[Any, list[float]]] = []
    for layer in model.layers:
        if hasattr(layer, "neurons"):
            found.append(([[w.data for w in neuron.w] for neuron in layer.neurons], [neuron.b.data for neuron in layer.neurons]))
        elif hasattr(layer, "weight"):
            filters = [[[[w.data for w in row] for row in image] for image in images] for images in layer.weight]
            found.append((filters, [b.data for b in layer.bias]))
    return found


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
        h = X if not self.work.filters else self.filtered(layers[:-1], X, activation)
        for W, b in [] if self.work.filters else layers[:-1]:
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

    def filtered(self, layers: Any, X: Any, activation: Any) -> Any:
        """The images after their filters and means, in one line each."""
        lax, side = self.jax.lax, math.isqrt(self.work.sizes[0])
        h = X.reshape(-1, 1, side, side)
        for W, b in layers:
            h = activation(lax.conv_general_dilated(h, W, (1, 1), "VALID") + b[None, :, None, None])
            h = lax.reduce_window(h, 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID") / 4.0
        return h.reshape(len(X), -1)

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


def _rows(title: str, ours: Contender, *others: tuple[Contender | None, float | None]) -> list[Row]:
    """A row for each of the others, with its bar."""
    return [Row(title, "s", ours, other, bar) for other, bar in others]


def _step_rows(title: str, name: str, fast: bool, bar: float, jax: Callable[..., float] = jax_steps) -> list[Row]:
    return _rows(f"step: {title}, {'fast' if fast else 'strict'}", _ours(name, fast), (_jax(jax, name), bar))


_MICROGRAD = Contender("micrograd", micrograd, ("moons",), needs="micrograd")
ROWS = [
    *_step_rows("two moons, 2-16-16-1 relu", "moons", False, 0.7, jax_loop),
    *_rows("step: two moons, 2-16-16-1 relu, strict", _ours("moons", False), (_torch("moons"), 1 / 20), (_MICROGRAD, 1 / 5000)),
    *_step_rows("two moons, 2-16-16-1 tanh", "moons tanh", False, 0.9, jax_loop),
    *_step_rows("two moons, 2-16-16-1 tanh", "moons tanh", True, 1.0, jax_loop),
    *_step_rows("two moons, 2-64-64-1 relu", "moons 64", True, 1.0, jax_loop),
    *_rows("step: digits, 64-32-10, Adam, batches of 32, fast", _ours("digits", True), (_torch("digits"), 1 / 10)),
    *_step_rows("digits, 64-32-10, Adam, batches of 32", "digits", True, 1.0),
    *_step_rows("exclusive or, 2-4-4-1 tanh", "xor", False, 0.5, jax_loop),
    *_step_rows("exclusive or, 2-4-4-1 tanh", "xor", True, 0.5, jax_loop),
    *_step_rows("64-128-64-10", "wide", True, 0.7),
    *_step_rows("784-32-10", "pictures 32", True, 0.7),
    *_step_rows("784-128-10", "pictures 128", True, 0.7),
    *_step_rows("2-16×8-2 tanh", "deep", True, 0.5),
    *_step_rows("digits, 4 filters", "digits, filters", True, 0.4),
    *_step_rows("28×28, 8 and 16 filters", "pictures, filters", True, 0.4),
    *_rows("fit beside its steps, 784-32-10, code in memory", _ours("pictures 32", True, beside_steps), (None, 0.05)),
    *_rows("fit beside its steps, 784-128-10, code in memory", _ours("pictures 128", True, beside_steps), (None, 0.15)),
    *_rows(
        "first fit until its first steps, 28×28, 8 and 16 filters",
        _ours("pictures, filters", True, until_first_step),
        (None, 1.5),
    ),
    *_rows(
        "fit(epochs=2000), first in a process, 2-16-16-1",
        _ours("moons", False, first_fit),
        (_jax(first_jax_loop, "moons"), 0.6),
    ),
    *_rows(
        "the same, compiled by an earlier process",
        _ours("moons", False, first_fit_from_disk),
        (_jax(first_jax_loop, "moons"), None),
    ),
    *_rows(
        "fit(epochs=2000), second in a process, 2-16-16-1",
        _ours("moons", False, second_fit),
        (_jax(second_jax_loop, "moons"), 0.7),
    ),
    *_rows(
        "fit(epochs=300), second in a process, 2-64-64-1, fast",
        _ours("moons 64, 300 epochs", True, second_fit),
        (_jax(second_jax_loop, "moons 64, 300 epochs"), 1.0),
    ),
]
