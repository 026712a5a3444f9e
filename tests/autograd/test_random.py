"""Random numbers as nodes: the published bits, the same ones in every engine and language, and the distributions they promise."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import Value, compile, erfc, exp, grad, log, relu, sqrt, value_and_grad
from autograd.compiler import engines
from autograd.compiler.packs import build
from autograd.compiler.targets import c_like
from autograd.compiler.targets.c_module import c
from autograd.compiler.targets.javascript import javascript
from autograd.compiler.targets.jax import jax_function
from autograd.compiler.targets.onnx import onnx_model
from autograd.ops import WORD, threefry, uniform_op
from autograd.random import Key, bernoulli, normal, uniform
from tests.compiler import compiled_c
from tests.compiler.scripts import PLACES, Job, run

# Counter and key → the two words, from the known answers of Random123 (Salmon et al.) for Threefry-2×32 with 20 rounds.
KNOWN = (
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
)
# Words at their ends and in between, and numbers that are no words.
WORDS = [0.0, -0.0, 1.0, 2.0, 65535.0, 65536.0, 2.0**31 - 1, 2.0**31, WORD - 1.0, 123456789.0]
NO_WORDS = [-1.0, 0.5, float(WORD), 1e300, math.inf, -math.inf, math.nan]
POINTS = [[a, WORDS[(i + 3) % 10], WORDS[(i + 5) % 10], WORDS[(i + 8) % 10]] for i, a in enumerate(WORDS)] + [
    [*[7.0] * k, x, *[9.0] * (3 - k)] for x in NO_WORDS for k in range(4)
]


def drawn() -> tuple[list[Value], list[Value]]:
    """What is drawn for a key of four Values, and they."""
    words = [Value(1.0) for _ in range(4)]
    key = Key(*words)
    return [uniform(key), normal(key), bernoulli(key, 0.3), normal(key.at(words[0]), words[1], 2.0)], words


def expected(points: list[list[float]]) -> list[list[str]]:
    """Eagerly drawn numbers, as text: nan is itself there."""
    rows = []
    for point in points:
        words = [Value(x) for x in point]
        key = Key(*words)
        made = [uniform(key), normal(key), bernoulli(key, 0.3), normal(key.at(words[0]), words[1], 2.0)]
        rows.append([repr(v.data) for v in made])
    return rows


def texts(rows: Any) -> list[list[str]]:
    return [[repr(float(x)) for x in row] for row in rows]


@pytest.mark.parametrize("counter, key, words", KNOWN)
def test_the_words_are_the_published_ones(counter: tuple[int, int], key: tuple[int, int], words: tuple[int, int]) -> None:
    assert threefry(counter, key) == words
    high, low = words
    assert (
        uniform(Key(seed=key[0], step=counter[0], sample=counter[1], place=key[1])) == (high * 2**20 + (low >> 12) + 0.5) / 2**52
    )


def test_the_words_are_those_of_jax() -> None:
    pytest.importorskip("jax")
    from jax.extend.random import threefry_2x32

    words = np.random.default_rng(0).integers(0, WORD, (200, 4), dtype=np.uint32)
    for c0, c1, k0, k1 in words:
        got = threefry((int(c0), int(c1)), (int(k0), int(k1)))
        assert got == tuple(map(int, threefry_2x32(np.array([k0, k1]), np.array([c0, c1]))))


@pytest.mark.parametrize("engine", ["numpy", "llvm"])
@pytest.mark.parametrize("lanes", [0, 1, 4])
def test_all_engines_draw_eagers_bits(engine: str, lanes: int) -> None:
    """One point after the other, and all side by side; with the sample alone in lanes, as in training."""
    results, words = drawn()
    order = [words[1], words[0], *words[2:]]
    program = build(results, order[lanes:], order[:lanes])
    executor = engines.executor(program, engine=engine, fast=False)
    points = POINTS if lanes != 1 else [[3.0, x, 5.0, 7.0] for x in [*WORDS, *NO_WORDS]]
    table = np.array(points)[:, [1, 0, 2, 3]]
    if lanes:
        _, rows = executor.evaluate(table[0, lanes:], table[:, :lanes].T)
        got = texts(rows.T)
    else:
        got = texts([executor.evaluate(row, np.empty((0, 1)))[0] for row in table])
    for point, a, b in zip(points, expected(points), got, strict=True):
        assert a == b, f"{engine}, {lanes} lanes, at {point}: expected {a}, got {b}"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("straight", [0, 10**9], ids=["loops", "straight lines"])
def test_javascript_draws_eagers_bits(place: str, straight: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_like, "STRAIGHT", straight)
    results, words = drawn()
    (got,) = run(place, [Job(javascript(build(results, words), "f"), POINTS, 4)], tmp_path)
    assert texts(np.reshape(got, (-1, 4))) == expected(POINTS)


@pytest.mark.parametrize("language", ["c99", "c++17"])
def test_c_draws_eagers_bits(language: str, tmp_path: Path) -> None:
    results, words = drawn()
    library = compiled_c.built(compiled_c.written(tmp_path, c(build(results, words), "f")), language=language)
    assert texts(compiled_c.called(library, "f", POINTS, 4)) == expected(POINTS)


def test_jax_draws_the_same_uniform_numbers() -> None:
    jax = pytest.importorskip("jax")
    results, words = drawn()
    with jax.enable_x64(True):
        got = np.array(jax.jit(jax_function(build(results[:3], words)))(np.array(POINTS)))
    wanted = np.array([[float(x) for x in row[:3]] for row in expected(POINTS)])
    assert np.array_equal(got[:, [0, 2]], wanted[:, [0, 2]], equal_nan=True)
    assert np.allclose(got[:, 1], wanted[:, 1], rtol=1e-14, atol=0.0, equal_nan=True)  # XLA contracts


def test_targets_that_cannot_draw_say_so() -> None:
    results, words = drawn()
    program = build(results, words)
    with pytest.raises(TypeError, match=re.escape("use dtype='double'")):
        (lambda: c(program, "f", dtype="float"))()
    if engines.find_spec("onnx"):
        with pytest.raises(TypeError, match=re.escape("random numbers")):
            (lambda: onnx_model(program))()
    if engines.find_spec("jax"):
        with pytest.raises(TypeError, match=re.escape("float64")):
            (lambda: jax_function(program)(np.zeros(4, np.float32)))()


# --- Distributions: at the level 1e-3 for these keys, chosen beforehand --------------------------------------------------------

N = 100_000
AXES = ("seed", "step", "sample", "place")


def draw(kind: Any, axis: str, seed: int = 2026) -> Any:
    """N numbers along one of the key's axes."""

    @compile
    def along(x: Any) -> Any:
        words = {"seed": seed, "step": 1, "sample": 2, "place": 3, axis: x}
        return kind(Key(**words))

    return along(np.arange(N, dtype=float))


@pytest.mark.parametrize("axis", AXES)
def test_uniform_numbers_fill_all_bins_alike(axis: str) -> None:
    stats = pytest.importorskip("scipy.stats")
    u = draw(uniform, axis)
    assert stats.chisquare(np.bincount((u * 100).astype(int), minlength=100)).pvalue > 1e-3
    assert stats.chisquare(np.bincount((u * 2**30 % 64).astype(int), minlength=64)).pvalue > 1e-3  # bits further down
    pairs = (u[:-1:2] * 16).astype(int) * 16 + (u[1::2] * 16).astype(int)
    assert stats.chisquare(np.bincount(pairs, minlength=256)).pvalue > 1e-3


@pytest.mark.parametrize("axis", AXES)
def test_distributions_are_those_promised(axis: str) -> None:
    """Kolmogorov and Smirnov's test; neighbours are not correlated; and the tests fail for numbers that are a little off."""
    stats = pytest.importorskip("scipy.stats")
    u, z = draw(uniform, axis), draw(normal, axis)
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert stats.kstest(z, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(z[:-1], z[1:])[0, 1]) < 4 / math.sqrt(N)
    assert stats.kstest(z * 1.03, "norm").pvalue < 1e-3
    p = draw(lambda key: bernoulli(key, 0.2), axis).mean()
    assert abs(p - 0.2) < 4 * math.sqrt(0.2 * 0.8 / N)


def test_every_part_of_a_key_counts() -> None:
    keys = [Key(a, b, c, d) for a in range(4) for b in range(4) for c in range(4) for d in range(4)]
    assert len({uniform(key) for key in keys}) == 256


def test_normal_is_differentiable_by_mean_and_deviation_and_not_by_the_key() -> None:
    z = normal(Key(1, 2, 3))
    mean, deviation, sample = Value(0.5), Value(2.0), Value(3.0)
    y = normal(Key(1, 2, sample), mean, deviation)
    y.backward()
    assert (y.data, mean.grad, deviation.grad, sample.grad) == (0.5 + 2.0 * z, 1.0, z, 0.0)
    assert grad(lambda d: normal(Key(1), 0.0, d) ** 2)(3.0) == 2 * 3.0 * normal(Key(1)) ** 2
    low, high = Value(1.0), Value(4.0)
    uniform(Key(1), low, high).backward()
    assert (low.grad, high.grad) == (1.0 - uniform(Key(1)), uniform(Key(1)))


BAD = [
    (lambda: Key(-1), ValueError, "seed must be a whole number from 0 to 2³² − 1, got int (-1)"),
    (lambda: Key(0, 0.5), ValueError, "step must be a whole number"),
    (lambda: Key(0, 0, 2**32), ValueError, "sample must be a whole number"),
    (lambda: Key(0, 0, 0, math.nan), ValueError, "place must be a whole number"),
    (lambda: uniform(7), TypeError, "a random number needs a key, such as Key(seed=0), got int (7)"),
    (lambda: Key("a"), TypeError, "seed needs a real number"),
    (lambda: normal(Key(0), 0.0, -1.0), ValueError, "deviation must be at least 0"),
    (lambda: bernoulli(Key(0), 1.5), ValueError, "p must be from 0 to 1"),
    (lambda: bernoulli(Key(0), math.nan), ValueError, "p must be from 0 to 1"),
]


@pytest.mark.parametrize("call, error, text", BAD, ids=[text for _, _, text in BAD])
def test_what_is_no_key_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        call()


def test_plain_numbers_stay_plain() -> None:
    assert type(uniform(Key(0))) is float and type(normal(Key(True), 1, 2)) is float
    assert type(uniform(Key(0, Value(1.0)))) is Value
    assert math.isnan(uniform_op(-1.0, 0.0, 0.0, 0.0))


# --- Monte Carlo ---------------------------------------------------------------------------------------------------------------


def discounted_payoff(price: Any, strike: Any, rate: Any, volatility: Any, years: Any, path: Any) -> Any:
    """Of a European call option on one path of geometric Brownian motion."""
    growth = (rate - 0.5 * volatility * volatility) * years + volatility * sqrt(years) * normal(Key(7, sample=path))
    return exp(-rate * years) * relu(price * exp(growth) - strike)


def black_scholes(price: Any, strike: Any, rate: Any, volatility: Any, years: Any) -> Any:
    """The expected value of that in closed form (Black and Scholes 1973)."""
    spread = volatility * sqrt(years)
    d = (log(price / strike) + rate * years) / spread + 0.5 * spread
    below = [0.5 * erfc(-x / math.sqrt(2.0)) for x in (d, d - spread)]
    return price * below[0] - strike * exp(-rate * years) * below[1]


def test_a_million_paths_have_the_price_and_all_sensitivities_of_black_and_scholes() -> None:
    """Within 4 standard errors of the closed form, and these are small."""
    at = (100.0, 105.0, 0.03, 0.2, 1.5)
    f = compile(discounted_payoff, by=("price", "strike", "rate", "volatility", "years"))
    value, slopes = f.value_and_grad(*at, np.arange(1e6))
    expected = value_and_grad(lambda xs: black_scholes(*xs))(list(at))
    for name, paths, exact in zip(
        ("price", "delta", "strike", "rho", "vega", "theta"), (value, *slopes), (expected[0], *expected[1]), strict=True
    ):
        error = paths.std() / 1e3
        assert abs(paths.mean() - exact) < 4 * error, f"{name}: {paths.mean()} ± {error}, in closed form {exact}"
        assert error < 3e-3 * abs(exact)
