"""Layers that draw: off in use, the same numbers eagerly and compiled, and in training that goes on; a variational autoencoder."""

import math
import random
import re
from pathlib import Path
from typing import Any

import pytest

import nn
from autograd import Value, exp
from nn.drawing import drawing_off, is_drawing
from nn.module import Module
from tests.storms import interruptions

DATA = nn.moons(60, noise=0.1, seed=0)


def network(p: float = 0.3) -> nn.Sequential:
    return nn.Sequential(
        nn.Layer(2, 8, activation="tanh", seed=0),
        nn.Dropout(p, seed=5),
        nn.GaussianNoise(0.1, seed=6),
        nn.Layer(8, 1, activation="linear", seed=2),
    )


def trained(engine: str, *epochs: int, data: Any = DATA, **settings: Any) -> tuple[list[float], list[float], list[float]]:
    """Losses, validation losses and parameters of a training in so many parts, all with one optimizer."""
    model = network()
    adam = nn.Adam(model.parameters(), lr=0.05)
    losses, judged = [], []
    for count in epochs:
        history = nn.fit(
            model, data.X, data.y, loss="bce", optimizer=adam, epochs=count, engine=engine, progress=False, **settings
        )
        losses += history.loss
        judged += history.validation_loss
    return losses, judged, [p.data for p in model.parameters()]


@pytest.mark.parametrize("engine", ["llvm", "numpy"])
def test_compiled_training_draws_what_eager_training_does(engine: str) -> None:
    """Batches of eight, drawn anew, the last one smaller; validation, where nothing is drawn."""
    settings: dict[str, Any] = {"batch_size": 7, "seed": 3, "validation": 0.2}
    assert trained(engine, 4, **settings) == trained("eager", 4, **settings)


@pytest.mark.parametrize("engine", ["eager", "llvm"])
def test_training_that_goes_on_draws_what_it_would_have_drawn(engine: str) -> None:
    assert trained(engine, 2, 3) == trained(engine, 5)
    losses, _, _ = trained(engine, 5)
    assert len(set(losses)) == 5


def test_every_step_and_sample_has_numbers_of_its_own() -> None:
    layer = nn.Dropout(0.5, seed=1)

    def mask(step: int, sample: int) -> tuple[float, ...]:
        with nn.drawing(step, sample):
            return tuple(y.data for y in layer([1.0] * 30))

    masks = {mask(step, sample) for step in range(1, 5) for sample in range(5)}
    assert len(masks) == 20 and mask(2, 3) == mask(2, 3)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.75])
def test_dropout_keeps_the_mean_and_drops_the_share(p: float) -> None:
    layer, n = nn.Dropout(p, seed=1), 4000
    with nn.drawing(1):
        out = [y.data for y in layer([3.0] * n)]
    deviation = math.sqrt(p * (1 - p) / n)
    assert abs(out.count(0.0) / n - p) <= 4 * deviation
    assert {y for y in out if y} == {3.0 / (1 - p)} or (p == 0.2 and max(out) == pytest.approx(3.75))


def test_noise_is_normal() -> None:
    stats = pytest.importorskip("scipy.stats")
    with nn.drawing(1):
        out = [y.data - 2.0 for y in nn.GaussianNoise(0.5, seed=4)([2.0] * 4000)]
        z = [y.data for y in nn.NormalSample(2000, seed=4)([1.0] * 2000 + [math.log(4.0)] * 2000)]
    assert stats.kstest(out, stats.norm(0.0, 0.5).cdf).pvalue > 1e-3
    assert stats.kstest(z, stats.norm(1.0, 2.0).cdf).pvalue > 1e-3


def test_nothing_is_drawn_in_use(tmp_path: Path) -> None:
    """Called, predicted with (few rows and many), judged, exported, and while training is going on around it."""
    model, plain = network(), nn.Sequential(*[layer for layer in network().layers if isinstance(layer, nn.Layer)])
    expected = plain.predict(DATA.X)
    assert [model(x).data for x in DATA.X] == expected == model.predict(DATA.X)
    assert model.predict(DATA.X * 3)[:60] == expected
    with nn.drawing(1):
        assert model.predict(DATA.X[:5]) == expected[:5]
        assert [model(x).data for x in DATA.X[:5]] != expected[:5]
    nn.export_js(model, tmp_path)
    assert "uniform" not in "".join(path.read_text() for path in tmp_path.iterdir())
    history = nn.fit(plain, DATA.X, DATA.y, loss="bce", epochs=1, optimizer=nn.SGD(plain.parameters(), lr=1e-300), progress=False)
    judged = nn.fit(
        model, DATA.X, DATA.y, loss="bce", epochs=1, lr=1e-300, optimizer="sgd", progress=False, validation=(DATA.X, DATA.y)
    )
    assert judged.validation_loss[0] == pytest.approx(history.loss[0], rel=1e-12) != judged.loss[0]


def test_layers_are_kept_with_their_seeds(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Dropout(0.25), nn.GaussianNoise(0.5), nn.Layer(4, 4, seed=0), nn.NormalSample(2))
    model.save(tmp_path / "model.safetensors")
    again = nn.load(tmp_path / "model.safetensors")
    with nn.drawing(7, 3):
        assert [y.data for y in again([1.0] * 4)] == [y.data for y in model([1.0] * 4)]
    assert repr(again) == "Sequential of [Dropout(0.25), GaussianNoise(0.5), Layer of [ReLUNeuron(4), ReLUNeuron(4), " + (
        "ReLUNeuron(4), ReLUNeuron(4)], NormalSample(2)]"
    )


def test_seeds_come_from_a_generator_too() -> None:
    random.seed(1)
    a, b = nn.Dropout(), nn.Dropout()
    assert a.seed != b.seed
    assert nn.Dropout(seed=random.Random(3)).seed == nn.Dropout(seed=random.Random(3)).seed


def test_a_form_passes_through_a_layer() -> None:
    image = [[[1.0, 2.0], [3.0, 4.0]]]
    with nn.drawing(1):
        ((a, b), (c, d)) = nn.Dropout(0.5, seed=0)(image)[0]
        assert all(isinstance(v, Value) for v in (a, b, c, d))
        assert isinstance(nn.GaussianNoise(1.0, seed=0)(1.0), Value)


class Autoencoder(Module):
    """Two numbers to a normal distribution of two numbers and back; with the distribution's means and log-variances behind."""

    def __init__(self) -> None:
        self.encoder = nn.MLP(2, [12, 4], activation="tanh", seed=1)
        self.latent = nn.NormalSample(2, seed=2)
        self.decoder = nn.MLP(2, [12, 2], activation="tanh", seed=3)

    def __call__(self, x: Any) -> Any:
        code = self.encoder(x)
        return [*self.decoder(self.latent(code)), *code]


NOISE = 0.15


def bound(scores: Any, target: Any) -> Any:
    """Minus the evidence lower bound, without its constant."""
    shown, means, spreads = scores[:2], scores[2:4], scores[4:]
    missed = sum([(a - b) ** 2 for a, b in zip(shown, target, strict=True)]) / (2 * NOISE**2)
    return missed + 0.5 * sum([m * m + exp(s) - s - 1.0 for m, s in zip(means, spreads, strict=True)])


def test_a_variational_autoencoder_of_two_numbers() -> None:
    """Compiled as eagerly; the bound rises; what is decoded from standard normal numbers lies where the data lie."""
    ring = [[math.cos(0.3 * i), math.sin(0.3 * i)] for i in range(21)]

    def trained(engine: str, epochs: int) -> tuple[Autoencoder, nn.History]:
        model = Autoencoder()
        adam = nn.Adam(model.parameters(), lr=0.01)
        return model, nn.fit(
            model, ring, ring, loss=bound, optimizer=adam, epochs=epochs, batch_size=7, seed=0, engine=engine, progress=False
        )

    assert trained("llvm", 2)[1].loss == trained("eager", 2)[1].loss
    model, history = trained("llvm", 1500)
    assert history.loss[-1] < 0.25 * history.loss[0]
    draw = random.Random(0)
    made = [model.decoder([draw.gauss(0, 1), draw.gauss(0, 1)]) for _ in range(200)]
    off = sorted(abs(math.hypot(a.data, b.data) - 1.0) for a, b in made)
    assert off[100] < 0.12, f"decoded numbers off the ring: {off[::20]}"  # of two normal numbers half are 0.4 off and more


@pytest.mark.parametrize("engine", ["eager", "numpy"])
def test_dropout_of_an_mlp_is_that_of_layers_between_its_own(engine: str, tmp_path: Path) -> None:
    mlp = nn.MLP(2, [4, 3, 1], activation="tanh", seed=0, dropout=nn.Dropout(0.4, seed=2**32 - 1))
    plain = nn.MLP(2, [4, 3, 1], activation="tanh", seed=0)
    parts = [nn.Dropout(0.4, seed=2**32 - 1), nn.Dropout(0.4, seed=0)]
    first, second, third = plain.layers
    spelled = nn.Sequential(first, parts[0], second, parts[1], third)
    data = nn.xor()
    for model in (mlp, spelled):
        nn.fit(model, data.X, data.y, loss="bce", epochs=5, progress=False, engine=engine)
    assert [p.data for p in mlp.parameters()] == [p.data for p in spelled.parameters()]
    mlp.save(tmp_path / "model.safetensors")
    loaded = nn.load(tmp_path / "model.safetensors")
    assert loaded.architecture() == mlp.architecture() and loaded.predict(data.X) == mlp.predict(data.X)
    assert nn.MLP(2, [3, 1], seed=0, dropout=0.0).architecture() == nn.MLP(2, [3, 1], seed=0).architecture()
    weights = [[p.data for p in nn.MLP(2, [3, 1], seed=0, dropout=share).parameters()] for share in (0.0, 0.3)]
    assert weights[0] == weights[1], "the seed gives the same weights with and without"


def test_solvers_refuse_what_draws() -> None:
    for solver in ("lbfgs", "lm"):
        with pytest.raises(ValueError, match="the model draws random numbers: use 'adam'"):
            nn.fit(network(), DATA.X, DATA.y, optimizer=solver, epochs=2, progress=False)


BAD = [
    (lambda: nn.Dropout(1.0), ValueError, "p is the share of inputs that are dropped"),
    (lambda: nn.Dropout(-0.1), ValueError, "p is the share"),
    (lambda: nn.Dropout(math.nan), ValueError, "p is the share"),
    (lambda: nn.Dropout("0.5"), TypeError, "p needs a real number"),
    (lambda: nn.GaussianNoise(-1.0), ValueError, "deviation must be a finite number of at least 0"),
    (lambda: nn.NormalSample(0), ValueError, "size must be a whole number"),
    (lambda: nn.NormalSample(2)([1.0, 2.0]), ValueError, "NormalSample expects 4 input(s), got 2"),
    (lambda: nn.Dropout(0.5, seed="a"), TypeError, "seed must be a whole number, a random.Random or None"),
    (lambda: nn.Dropout(0.5, seed=-1), ValueError, "seed must be a whole number from 0 to 2³² − 1"),
]


@pytest.mark.parametrize("call, error, text", BAD, ids=[text for _, _, text in BAD])
def test_what_cannot_be_meant_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        call()


def test_ctrl_c_leaves_no_drawing_behind() -> None:
    def work() -> None:
        with nn.drawing(1), drawing_off(), nn.drawing(2):
            pass

    for number in interruptions(work, 1000):
        assert not is_drawing(), f"after interruption {number}"
