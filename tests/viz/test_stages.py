"""Networks of one's own are shown part by part where their answer is computed so, and else as one."""

from collections.abc import Sequence
from typing import Any

import pytest

import nn
import viz
from autograd import Value
from viz.stages import chain, learning


class Own(nn.Module):
    """Two layers as attributes, as PyTorch's users write it."""

    def __init__(self) -> None:
        self.hidden = nn.Layer(2, 2, activation="relu", seed=0)
        self.out = nn.Sequential(nn.Layer(2, 1, activation="linear", seed=1))

    def __call__(self, x: Any) -> Any:
        return self.out(self.hidden(x))


class Skipping(Own):
    """The input is added to what the first layer makes of it."""

    def __call__(self, x: Any) -> Any:
        return self.out([a + b for a, b in zip(self.hidden(x), x, strict=True)])


class Bending(Own):
    """A function by hand between the layers, which changes no number where all are positive."""

    def __call__(self, x: Any) -> Any:
        return self.out([v.relu() for v in self.hidden(x)])


class Negated(nn.MLP):
    """One more operation than the layers."""

    def __call__(self, x: Any) -> Any:
        return -super().__call__(x)


class Twofold(Own):
    """A part that takes two things."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = Mixing()

    def __call__(self, x: Any) -> Any:
        return self.out(self.mix(self.hidden(x), x))


class Mixing(nn.Module):
    """The mean of two lists."""

    def __init__(self) -> None:
        self.share = Value(0.5)

    def __call__(self, x: Any, y: Any = None) -> Any:
        return [self.share * a + (1.0 - self.share) * b for a, b in zip(x, y, strict=True)]


class Foreign:
    """Nothing of ``nn``, as in micrograd."""

    def __init__(self) -> None:
        self.layers = [nn.Layer(2, 2, seed=0), nn.Layer(2, 1, seed=1)]

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for p in layer.parameters()]


ROW = [0.75, 0.5]
MODELS = [
    (Own(), ["Layer", "Layer"]),
    (Foreign(), ["Layer", "Layer"]),
    (nn.Sequential(Own(), nn.Layer(1, 1, seed=2)), ["Layer", "Layer", "Layer"]),
    (nn.Sequential(Skipping(), nn.Layer(1, 1, seed=2)), ["Skipping", "Layer"]),
    (Skipping(), ["Skipping"]),
    (Bending(), ["Bending"]),
    (Negated(2, [2, 1], seed=0), ["Negated"]),
    (Twofold(), ["Twofold"]),
    (nn.Layer(2, 1, seed=0), ["Layer"]),
]


@pytest.mark.parametrize(("model", "names"), MODELS, ids=lambda each: type(each).__name__)
def test_stages_follow_each_other_or_are_one(model: Any, names: Sequence[str]) -> None:
    assert [type(stage).__name__ for stage in chain(model, [Value(v) for v in ROW])] == names


@pytest.mark.parametrize("model", [model for model, _ in MODELS], ids=lambda each: type(each).__name__)
def test_a_network_shows_the_model_s_own_answer(model: Any) -> None:
    shown = viz.network(model, ROW).anatomy.stages[-1].data
    answer = model([Value(v) for v in ROW])
    assert [course[0] for course in shown] == [answer.data]


def test_the_parts_that_learn_are_told_whatever_is_done_with_them() -> None:
    assert [len(part.parameters()) for part in learning(Twofold())] == [6, 3, 1]


def test_a_playground_draws_what_the_model_answers() -> None:
    data = nn.moons(20, seed=0)
    assert repr(viz.playground(Negated(2, [2, 1], seed=0), data)) == "<playground of Negated 2→1: 20 points, bce>"
    assert repr(viz.playground(Own(), data)) == "<playground of Own 2→2→1: 20 points, bce>"
