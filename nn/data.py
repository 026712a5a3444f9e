"""Data sets: four drawn in plain Python from a seed, two real ones through scikit-learn.

Labels are class numbers 0, 1, … . For ``hinge``, which wants −1 and 1, write ``[2 * label - 1 for label in data.y]``. No random
number comes from, or goes to, Python's global generator.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nn.settings import nonnegative, seeded, whole

Point = list[float]


@dataclass(frozen=True)
class Dataset:
    """Samples to train on, ``X`` and ``y``, and samples set aside, ``X_held_out`` and ``y_held_out`` (perhaps none).

    ``X`` holds rows of numbers, ``y`` class numbers; ``features`` and ``classes`` name them.
    """

    name: str
    X: list[Point]
    y: list[int]
    X_held_out: list[Point]
    y_held_out: list[int]
    features: tuple[str, ...]
    classes: tuple[str, ...]

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name}: {len(self.X)} samples, {len(self.X_held_out)} held out, "
            f"{len(self.features)} features, {len(self.classes)} classes)"
        )


def xor(n: int = 4, noise: float = 0.0, seed: int = 0, held_out: float = 0.0) -> Dataset:
    """The exclusive or: the corners of a square of side 2 around 0, class 1 where exactly one coordinate is positive.

    ``n`` points in turn at each corner, moved by Gaussian noise of that standard deviation; ``held_out`` is the share set aside.

    >>> xor().X, xor().y
    ([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    corners = [(-1.0, -1.0, 0), (-1.0, 1.0, 1), (1.0, -1.0, 1), (1.0, 1.0, 0)]
    _check(n, noise, 4)
    places = [corners[i % 4] for i in range(n)]
    return _drawn("xor", [[x, y] for x, y, _ in places], [label for *_, label in places], noise, seed, held_out)


def moons(n: int = 100, noise: float = 0.1, seed: int = 0, held_out: float = 0.0) -> Dataset:
    """Two interleaving half circles of radius 1, ``n`` points in all, with Gaussian noise of that standard deviation.

    >>> moons()
    Dataset(moons: 100 samples, 0 held out, 2 features, 2 classes)
    """
    _check(n, noise, 2)
    half_turns = [math.pi * (i // 2 + 0.5) / ((n + 1) // 2) for i in range(n)]
    circle = [[math.cos(t), math.sin(t)] for t in half_turns]
    points = [[1.0 - x, 0.5 - y] if i % 2 else [x, y] for i, (x, y) in enumerate(circle)]
    return _drawn("moons", points, [i % 2 for i in range(n)], noise, seed, held_out)


def circles(n: int = 100, noise: float = 0.08, seed: int = 0, held_out: float = 0.0) -> Dataset:
    """A circle of radius ½ (class 1) inside one of radius 1 (class 0), ``n`` points in all, with Gaussian noise."""
    _check(n, noise, 2)
    turns = [2 * math.pi * (i // 2) / ((n + 1) // 2) for i in range(n)]
    points = [[math.cos(t) / (1 + i % 2), math.sin(t) / (1 + i % 2)] for i, t in enumerate(turns)]
    return _drawn("circles", points, [i % 2 for i in range(n)], noise, seed, held_out)


def spiral(n: int = 200, noise: float = 0.06, seed: int = 0, held_out: float = 0.0, *, classes: int = 2) -> Dataset:
    """Spiral arms from near the centre out to radius 3, one for each class; ``n`` points in all, with Gaussian noise."""
    whole(classes, "classes", 2)
    _check(n, noise, classes)
    points, labels = [], []
    for i in range(n):
        label, turn = i % classes, 0.1 + 0.9 * (i // classes) / max(1, (n - 1) // classes)
        angle = 2 * math.pi * (turn + label / classes)
        points.append([3.0 * turn * math.cos(angle), 3.0 * turn * math.sin(angle)])
        labels.append(label)
    return _drawn("spiral", points, labels, noise, seed, held_out)


def iris(seed: int = 0, held_out: float = 0.25) -> Dataset:
    """Fisher's 150 irises of three species: four lengths in cm. ImportError, naming what to install, without scikit-learn.

    Fisher, The use of multiple measurements in taxonomic problems, 1936.
    """
    bunch = _sklearn("load_iris")
    features = tuple(str(name).removesuffix(" (cm)") for name in bunch.feature_names)
    classes = tuple(map(str, bunch.target_names))
    return _split("iris", bunch.data.tolist(), bunch.target.tolist(), seeded(seed), held_out, features, classes)


def digits(seed: int = 0, held_out: float = 0.25) -> Dataset:
    """1,797 handwritten digits: 64 shades of grey from 0 to 1, the rows of an 8×8 image. ImportError without scikit-learn.

    The test set of UCI's Optical recognition of handwritten digits (Alpaydin and Kaynak, 1998).
    """
    bunch = _sklearn("load_digits")
    X = [[shade / 16.0 for shade in row] for row in bunch.data.tolist()]
    features = tuple(f"row {i} column {j}" for i in range(8) for j in range(8))
    classes = tuple(map(str, bunch.target_names.tolist()))
    return _split("digits", X, bunch.target.tolist(), seeded(seed), held_out, features, classes)


DATASETS: dict[str, Callable[..., Dataset]] = {
    "xor": xor,
    "moons": moons,
    "circles": circles,
    "spiral": spiral,
    "iris": iris,
    "digits": digits,
}


def _check(n: int, noise: float, least: int) -> None:
    whole(n, "n", least)
    nonnegative(noise, "noise")


def _drawn(name: str, points: Sequence[Point], labels: Sequence[int], noise: float, seed: int, held_out: float) -> Dataset:
    """The points, moved by noise, as a data set of two features."""
    generator = seeded(seed)
    moved = [[x + noise * generator.gauss(0.0, 1.0) for x in point] for point in points] if noise else list(points)
    classes = tuple(str(label) for label in range(max(labels) + 1))
    return _split(name, moved, labels, generator, held_out, ("x0", "x1"), classes)


def _split(
    name: str,
    X: Sequence[Point],
    y: Sequence[int],
    generator: random.Random,
    held_out: float,
    features: tuple[str, ...],
    classes: tuple[str, ...],
) -> Dataset:
    """The samples in two parts, each class in both by the same share; the order within a part is that of ``X``."""
    if not nonnegative(held_out, "held_out") < 1.0:
        raise ValueError(f"held_out must lie in [0, 1), got {held_out!r}")
    aside = [False] * len(X)
    for label in range(len(classes)):
        members = [i for i, each in enumerate(y) if each == label]
        for i in generator.sample(members, round(held_out * len(members))):
            aside[i] = True
    train = [i for i, away in enumerate(aside) if not away]
    rest = [i for i, away in enumerate(aside) if away]
    parts = [(list(map(X.__getitem__, part)), list(map(y.__getitem__, part))) for part in (train, rest)]
    return Dataset(name, *parts[0], *parts[1], features, classes)


def _sklearn(loader: str) -> Any:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError(f'this data set needs scikit-learn ({error}): pip install "chalkgrad[data]"') from error
    return getattr(datasets, loader)()
