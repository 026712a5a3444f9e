"""Data sets: sizes, shapes of the point clouds, seeds, and the parts that are held out."""

import math
import random
import sys
from collections.abc import Callable

import pytest

import nn
from nn.data import DATASETS, Dataset

DRAWN = [nn.xor, nn.moons, nn.circles, nn.spiral]


@pytest.mark.parametrize("make", DRAWN)
def test_seeds_are_private_and_repeatable(make: Callable[..., Dataset]) -> None:
    before = random.getstate()
    first, second, other = (make(n=40, noise=0.1, seed=seed, held_out=0.25) for seed in (3, 3, 4))
    assert random.getstate() == before
    assert first == second != other


@pytest.mark.parametrize("make", DRAWN)
@pytest.mark.parametrize("n", [20, 41])
def test_sizes(make: Callable[..., Dataset], n: int) -> None:
    data = make(n=n)
    assert (len(data.X), len(data.y), data.X_held_out) == (n, n, [])
    assert {len(x) for x in data.X} == {2}
    assert abs(data.y.count(0) - data.y.count(1)) <= 1
    parts = make(n=n, held_out=0.25)
    assert len(parts.X) + len(parts.X_held_out) == n
    assert abs(len(parts.X_held_out) - n / 4) <= 1
    assert abs(parts.y_held_out.count(0) - parts.y_held_out.count(1)) <= 1


def test_shapes_without_noise() -> None:
    for (x, y), label in zip(nn.moons(50, noise=0.0).X, nn.moons(50, noise=0.0).y, strict=True):
        assert math.hypot(x - label, y - label / 2) == pytest.approx(1.0)
        assert (y - label / 2) * (1 - 2 * label) >= 0.0
    rings = nn.circles(50, noise=0.0)
    assert {(round(math.hypot(*x), 12), label) for x, label in zip(rings.X, rings.y, strict=True)} == {(1.0, 0), (0.5, 1)}
    arms = nn.spiral(60, noise=0.0, classes=3)
    assert arms.classes == ("0", "1", "2")
    assert max(math.hypot(*x) for x in arms.X) == pytest.approx(3.0)
    corners = nn.xor(8)
    assert all((x * y < 0) == bool(label) for (x, y), label in zip(corners.X, corners.y, strict=True))


def test_noise_has_the_stated_size() -> None:
    clean, noisy = nn.moons(2000, noise=0.0), nn.moons(2000, noise=0.3)
    squares = [(a - b) ** 2 for p, q in zip(clean.X, noisy.X, strict=True) for a, b in zip(p, q, strict=True)]
    assert math.sqrt(sum(squares) / len(squares)) == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize(("name", "samples", "features", "classes"), [("iris", 150, 4, 3), ("digits", 1797, 64, 10)])
def test_real_data(name: str, samples: int, features: int, classes: int) -> None:
    pytest.importorskip("sklearn")
    data = DATASETS[name](seed=1)
    assert len(data.X) + len(data.X_held_out) == samples
    assert abs(len(data.X_held_out) - samples / 4) < classes
    assert (len(data.features), len(data.classes)) == (features, classes)
    assert {type(x) for row in data.X for x in row} == {float}
    for label in range(classes):
        share = data.y_held_out.count(label) / (data.y.count(label) + data.y_held_out.count(label))
        assert share == pytest.approx(0.25, abs=0.011), label
    together = sorted(map(tuple, data.X + data.X_held_out))
    assert together == sorted(map(tuple, DATASETS[name](held_out=0.0).X))
    assert DATASETS[name](seed=2).X != data.X


def test_digits_are_shades_between_0_and_1() -> None:
    pytest.importorskip("sklearn")
    shades = [x for row in nn.digits().X for x in row]
    assert (min(shades), max(shades)) == (0.0, 1.0)


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r'pip install "chalkgrad\[data\]"'):
        nn.iris()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.moons(1), "n must be a whole number of at least 2, got 1"),
        (lambda: nn.moons(noise=-0.1), "noise must be a finite number of at least 0, got -0.1"),
        (lambda: nn.circles(held_out=1.0), r"held_out must lie in \[0, 1\), got 1.0"),
        (lambda: nn.spiral(classes=1), "classes must be a whole number of at least 2, got 1"),
    ],
)
def test_bad_settings(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
