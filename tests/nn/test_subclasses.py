"""A subclass with a call of its own is nothing that its base class knows; one without is what its base class is."""

from pathlib import Path
from typing import Any

import pytest

import nn
from nn.exchange.recorded import layers_of
from nn.reading import Reader


class Both(nn.MLP):
    """A score and its negative."""

    def __call__(self, x: Any) -> Any:
        score = super().__call__(x)
        return [score, -score]


class Small(nn.MLP):
    """Another way to make a model."""

    def __init__(self) -> None:
        super().__init__(2, [4, 1], activation="tanh", seed=0)


class Bare(nn.Layer):
    """A layer whose answer is a sum."""

    def __call__(self, x: Any) -> Any:
        return sum(super().__call__(x))


@pytest.mark.parametrize(
    ("model", "outputs"),
    [(Both(2, [4, 1], seed=0), 2), (Bare(2, 3, seed=0), 1), (nn.Sequential(Bare(2, 3, seed=0)), 1)],
    ids=repr,
)
def test_a_call_of_ones_own_counts(model: nn.Module, outputs: int, tmp_path: Path) -> None:
    assert (model.out_shape((2,)), model.architecture()) == (None, None)
    Reader(model, nn.losses.LOSSES["mse"], [0.5] * outputs, None, None).read([[1.0, 2.0]], [[0.5] * outputs], None)
    assert layers_of(model) == (model.layers if isinstance(model, nn.Sequential) else [model])
    model.save(tmp_path / "model.safetensors")
    with pytest.raises(nn.WeightsError, match="records no architecture; build the model as it was built then"):
        nn.load(tmp_path / "model.safetensors")


def test_a_call_of_ones_own_does_not_leave_as_its_base_class() -> None:
    pytest.importorskip("torch")
    with pytest.raises(TypeError, match="to_torch does not know Both"):
        nn.to_torch(Both(2, [4, 1], seed=0))


def test_without_a_call_of_its_own_a_subclass_is_saved_and_told_as_its_base_class(tmp_path: Path) -> None:
    model = Small()
    assert model.out_shape((2,)) == ()
    model.save(tmp_path / "model.safetensors")
    loaded = nn.load(tmp_path / "model.safetensors")
    assert type(loaded) is nn.MLP
    assert loaded.predict([[0.5, -1.0]]) == model.predict([[0.5, -1.0]])


def test_batches_are_not_taken_through_a_chain_with_a_call_of_its_own() -> None:
    class Halved(nn.Sequential):  # type: ignore[misc]
        def __call__(self, x: Any) -> Any:
            return [0.5 * v for v in super().__call__(x)]

    model = Halved(nn.Layer(2, 2, seed=0), nn.BatchNorm(2))
    from nn.batch import batch_layers

    assert list(batch_layers(model)) == []
