"""Rows about training: optimizers against the formulas of their papers in mpmath, and random runs in all engines."""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from mpmath import mp

import nn
from autograd import Value
from nn.activations import ACTIVATIONS
from tests.autograd.oracles import differences
from tests.trust.figures import Row, Trial

# --- Optimizers ----------------------------------------------------------------------------------------------------------------

# A formula takes the settings, the number of the step, parameter, gradient and state, and gives parameter and state.
Formula = Callable[..., tuple[Any, ...]]


def _momentum(c: dict[str, Any], t: int, p: Any, g: Any, v: Any) -> tuple[Any, ...]:
    v = c["momentum"] * v + g
    return p - c["lr"] * v, v


def _nesterov(c: dict[str, Any], t: int, p: Any, g: Any, v: Any) -> tuple[Any, ...]:
    v = c["momentum"] * v + g
    return p - c["lr"] * (g + c["momentum"] * v), v


def _adam(c: dict[str, Any], t: int, p: Any, g: Any, m: Any, v: Any) -> tuple[Any, ...]:
    b, b2 = c["betas"]
    m, v = b * m + (1 - b) * g, b2 * v + (1 - b2) * g**2
    return p - c["lr"] * (m / (1 - b**t)) / (mp.sqrt(v / (1 - b2**t)) + c["eps"]), m, v


def _adamw(c: dict[str, Any], t: int, p: Any, g: Any, m: Any, v: Any) -> tuple[Any, ...]:
    moved, m, v = _adam(c, t, p, g, m, v)
    return moved - c["lr"] * c["weight_decay"] * p, m, v


def _settings(name: str, rng: random.Random) -> tuple[Callable[..., Any], Formula, dict[str, Any]]:
    """An optimizer, its formula and random settings."""
    lr, momentum = rng.uniform(0.001, 0.1), rng.uniform(0.1, 0.95)
    betas = (rng.uniform(0.5, 0.95), rng.uniform(0.9, 0.999))
    moments = {"lr": lr, "betas": betas, "eps": 10 ** rng.uniform(-9, -4)}
    return {
        "momentum": (nn.SGD, _momentum, {"lr": lr, "momentum": momentum}),
        "nesterov": (partial(nn.SGD, nesterov=True), _nesterov, {"lr": lr, "momentum": momentum}),
        "adam": (nn.Adam, _adam, moments),
        "adamw": (nn.AdamW, _adamw, {**moments, "weight_decay": rng.uniform(0.0, 0.2)}),
    }[name]


def _exactly(settings: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(map(mp.mpf, x)) if isinstance(x, tuple) else mp.mpf(x) for k, x in settings.items()}


def optimizers(name: str, count: int) -> Iterator[Trial]:
    """Twenty steps with random gradients: the relative error of the parameter."""
    for seed in range(count):
        rng = random.Random(seed)
        make, formula, settings = _settings(name, rng)
        x = Value(rng.uniform(1.0, 3.0))
        optimizer = make([x], **settings)
        exact: tuple[Any, ...] = (mp.mpf(x.data), *[mp.zero] * optimizer.memory)
        for t in range(1, 21):
            x.grad = rng.gauss(0.0, 1.0)
            optimizer.step()
            with mp.workdps(40):
                exact = formula(_exactly(settings), t, exact[0], mp.mpf(x.grad), *exact[1:])
        error = float(abs((mp.mpf(x.data) - exact[0]) / max(abs(exact[0]), mp.mpf(0.1))))
        yield Trial(error, partial("{} with {}, seed {}: got {!r}, expected {}".format, name, settings, seed, x.data, exact[0]))


# --- Runs in all engines -------------------------------------------------------------------------------------------------------


def random_model(rng: random.Random, outputs: int, seed: int, *, over_batch: bool) -> Callable[[], Any]:
    """How to make a network of two inputs: up to two hidden layers, and now and then something between them, or BatchNorm."""
    sizes = [rng.randint(1, 4) for _ in range(rng.randint(over_batch, 2))]
    activation = rng.choice(list(ACTIVATIONS))
    between = rng.choice([None, None, nn.LayerNorm, nn.RMSNorm, lambda n: nn.Dropout(0.3, seed=seed)])
    if over_batch:
        between = nn.BatchNorm
    if between is None or not sizes:
        return partial(nn.MLP, 2, [*sizes, outputs], activation=activation, seed=seed)

    def make() -> nn.Sequential:
        dice, widths = random.Random(seed), [2, *sizes]
        hidden = [[nn.Layer(m, n, activation=activation, seed=dice), between(n)] for m, n in itertools.pairwise(widths)]
        return nn.Sequential(*itertools.chain(*hidden), nn.Layer(sizes[-1], outputs, activation="linear", seed=dice))

    return make


def random_run(seed: int, *, over_batch: bool = False) -> tuple[Callable[[], Any], Any, Any, dict[str, Any]]:
    """How to make a network, samples, targets and the settings of a run."""
    rng = random.Random(seed)
    loss = rng.choice(["mse", "half_sse", "hinge", "bce", "cross_entropy"])
    outputs = 3 if loss == "cross_entropy" else 1
    n, batch = rng.randint(3, 12), rng.randint(1, 8)
    if over_batch:
        n, batch = 10, rng.choice([2, 4, 5, 6, 7, 8])  # a batch of one sample has no variance
    make = random_model(rng, outputs, seed, over_batch=over_batch)
    X = [[rng.gauss(0.0, 1.0) for _ in range(2)] for _ in range(n)]
    targets: dict[str, Callable[[Sequence[float]], Any]] = {
        "hinge": lambda x: 1.0 if x[0] * x[1] > 0 else -1.0,
        "bce": lambda x: float(x[0] > x[1]),
        "cross_entropy": lambda x: int(x[0] > 0) + int(x[1] > 0),
    }
    y = [targets.get(loss, lambda x: x[0] - 0.5 * x[1])(x) for x in X]
    optimizer = rng.choice(
        [partial(nn.SGD, lr=0.05), partial(nn.SGD, lr=0.02, momentum=0.9), partial(nn.Adam, lr=0.02), nn.AdamW]
    )
    settings = {
        "loss": loss,
        "epochs": 3,
        "batch_size": batch,
        "seed": seed,
        "shuffle": rng.random() < 0.5,
        "l2": rng.choice([0.0, 1e-3]),
        "validation": (X[:2], y[:2]) if rng.random() < 0.3 else None,
        "callbacks": [lambda epoch, history: epoch == 2] if rng.random() < 0.2 else [],
        "progress": False,
    }
    return make, X, y, {"optimizer": optimizer, **settings}


def left_behind(seed: int, engine: str, *, over_batch: bool = False) -> list[float]:
    """Losses and weights of a random run."""
    make, X, y, settings = random_run(seed, over_batch=over_batch)
    model, optimizer = make(), settings.pop("optimizer")
    history = nn.fit(model, X, y, optimizer=optimizer(model.parameters()), engine=engine, **settings)
    return [*history.loss, *(history.validation_loss or []), *[p.data for p in model.parameters()]]


def runs(engine: str, count: int) -> Iterator[Trial]:
    """Random runs: in batches of up to eight samples every bit is that of plain Python."""
    for seed in range(count):
        wrong = differences("number", left_behind(seed, engine), left_behind(seed, "eager"))
        yield Trial(len(wrong), partial("tests.trust.training.left_behind({}, {!r}): {}".format, seed, engine, wrong[:3]))


def runs_over_batch(engine: str, count: int) -> Iterator[Trial]:
    """Random runs through BatchNorm, a batch as one program: relative to numbers above 1/100."""
    for seed in range(count):
        got, expected = (left_behind(seed, which, over_batch=True) for which in (engine, "eager"))
        error = max(abs(a - b) / max(abs(b), 0.01) for a, b in zip(got, expected, strict=True))
        yield Trial(error, partial("tests.trust.training.left_behind({}, {!r}, over_batch=True)".format, seed, engine))


def resumed(count: int) -> Iterator[Trial]:
    """Two runs of three epochs, the optimizer kept, against one of six: without shuffling nothing may differ."""
    for seed in range(count):
        make, X, y, settings = random_run(seed)
        settings |= {"shuffle": False, "validation": None, "callbacks": [], "engine": "eager"}
        make_optimizer = settings.pop("optimizer")
        ends = []
        for parts in ([6], [3, 3]):
            model = make()
            optimizer = make_optimizer(model.parameters())
            for epochs in parts:
                nn.fit(model, X, y, optimizer=optimizer, **(settings | {"epochs": epochs}))
            ends.append([p.data for p in model.parameters()])
        wrong = differences("weight", *ends)
        yield Trial(len(wrong), partial("tests.trust.training.random_run({}): {}".format, seed, wrong[:3]))


ROWS = [
    *(
        Row("training", f"{name} against its paper", partial(optimizers, name), 20, 2000, 1e-14, "relative error after 20 steps")
        for name in ("momentum", "nesterov", "adam", "adamw")
    ),
    Row("training", "random runs: eager = numpy", partial(runs, "numpy"), 100, 1000, kin="runs"),
    Row("training", "random runs: eager = llvm", partial(runs, "llvm"), 100, 1000, kin="runs"),
    *(
        Row(
            "training",
            f"random runs through BatchNorm: eager = {engine}",
            partial(runs_over_batch, engine),
            15,
            200,
            1e-12,
            "relative",
        )
        for engine in ("numpy", "llvm")
    ),
    Row("training", "resumed = uninterrupted", resumed, 100, 1000),
]
