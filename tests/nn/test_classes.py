"""Labels of any kind: numbered in order, kept with the model and in its file, and answered in."""

import json
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

import nn
from nn import classes
from nn.weights import WeightsError

X = [[0.0, 0.1], [0.2, 0.0], [1.0, 0.9], [0.9, 1.1]]
QUIET: dict[str, Any] = {"progress": False, "epochs": 150, "optimizer": "adam"}
Size = Enum("Size", ["SMALL", "LARGE"])


def model_of(outputs: int = 1) -> nn.MLP:
    return nn.MLP(2, [4, outputs], activation="tanh", seed=0)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["b", "a", "b"], ("a", "b")),
        ([("x", 2), ("x", 1)], (("x", 1), ("x", 2))),
        ([b"b", b"a"], (b"a", b"b")),
        ([Size.SMALL, Size.LARGE], (Size.SMALL, Size.LARGE)),
        ([1, 0, 1], None),
        ([0.5, True], None),
        ([[0.0, 1.0], [1.0, 0.0]], None),
        ([(0.0, 1.0), (1.0, 0.0)], None),
    ],
)
def test_classes_are_sorted(labels: list[Any], expected: tuple[Any, ...] | None) -> None:
    assert classes.classes_of(labels) == expected


@pytest.mark.parametrize("loss", ["mse", "half_sse", "hinge", "bce", "cross_entropy"])
@pytest.mark.parametrize("labels", [["warm", "cold"], [("b",), ("a",)], [Size.LARGE, Size.SMALL]], ids=str)
def test_a_model_answers_in_the_labels_it_learnt(loss: str, labels: list[Any]) -> None:
    model = model_of(2 if loss == "cross_entropy" else 1)
    y = [labels[0], labels[0], labels[1], labels[1]]
    history = nn.fit(model, X, y, loss=loss, validation=(X, y), **QUIET)
    assert model.predict_classes(X) == y
    assert model.accuracy(X, y) == history.accuracy[-1] == history.validation_accuracy[-1] == 1.0
    assert model.accuracy(X, list(reversed(y))) == 0.0


def test_the_order_is_scikit_learns() -> None:
    numpy, preprocessing = pytest.importorskip("numpy"), pytest.importorskip("sklearn.preprocessing")
    y = numpy.array(["Zebra", "ape", "Äffchen", "10", "9"])
    model = model_of(5)
    nn.fit(model, [[float(i), 1.0] for i in range(5)], y, loss="cross_entropy", progress=False, epochs=1)
    assert list(model.classes or ()) == preprocessing.LabelEncoder().fit(y).classes_.tolist()


def test_words_are_learnt_as_their_numbers() -> None:
    words, numbers = model_of(3), model_of(3)
    nn.fit(words, X, ["b", "a", "c", "a"], loss="cross_entropy", **QUIET)
    nn.fit(numbers, X, [1, 0, 2, 0], loss="cross_entropy", **QUIET)
    assert words.state_dict() == numbers.state_dict()
    assert words.predict_classes(X) == ["abc"[k] for k in numbers.predict_classes(X)]
    assert numbers.classes is None


def test_classes_set_before_training_hold() -> None:
    model = model_of(3)
    model.classes = ("low", "middle", "high")
    nn.fit(model, X, ["low", "low", "high", "high"], loss="cross_entropy", **QUIET)
    assert model.classes == ("low", "middle", "high")
    assert model.predict_classes(X) == ["low", "low", "high", "high"]
    with pytest.raises(ValueError, match=r"y\[1\] is 'hot': expected one of the model's classes, 'low', 'middle', 'high'"):
        nn.fit(model, X, ["low", "hot", "low", "low"], loss="cross_entropy", **QUIET)
    with pytest.raises(ValueError, match=r"y\[0\] is 1: expected one of the model's classes"):
        model.accuracy(X, [1, 1, 1, 1])


def test_the_file_keeps_the_classes(tmp_path: Path) -> None:
    path, model = tmp_path / "model.safetensors", model_of()
    labels: list[Any] = [("é", 1), ("é", 2.5)]
    nn.fit(model, X, [labels[0], labels[0], labels[1], labels[1]], loss="bce", **QUIET)
    model.save(path)
    again, other = nn.load(path), model_of()
    other.load(path)
    assert again.classes == other.classes == model.classes == tuple(labels)
    assert again.predict_classes(X) == model.predict_classes(X)
    other.classes = ("a", "b")
    with pytest.raises(WeightsError, match=r"was saved for the classes .*; this model has \('a', 'b'\)"):
        other.load(path)


@pytest.mark.parametrize("text", ["1", '["a"]', '["a", "a"]', '["a", {}, {}]', "[", '[["a"], ["a"]]'])
def test_damaged_classes_are_refused(text: str, tmp_path: Path) -> None:
    from nn import weights

    path = tmp_path / "model.safetensors"
    model_of().save(path)
    tensors, metadata = weights.read(path)
    weights.write(path, tensors, {"architecture": metadata["architecture"], "classes": text})
    with pytest.raises(WeightsError):
        nn.load(path)


def test_classes_that_no_file_can_hold(tmp_path: Path) -> None:
    model = model_of()
    model.classes = (Size.SMALL, Size.LARGE)
    with pytest.raises(ValueError, match=r"the class <Size.SMALL: 1> cannot be written to a file"):
        model.save(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())
    assert json.loads(classes.encoded(("a", ("b", 1)))) == ["a", ["b", 1]]


@pytest.mark.parametrize(
    ("outputs", "y", "loss", "message"),
    [
        (1, ["a", "b", "c", "a"], "bce", r"y has 3 classes, 'a', 'b', 'c', but the model has 1 output"),
        (3, ["a", "b", "a", "a"], "cross_entropy", r"y has 2 classes, 'a', 'b', but the model has 3 output"),
        (3, ["a", "b", "c", "a"], "mse", r"y\[0\]: .* expected 3, got 1; for class numbers and labels use cross_entropy"),
    ],
)
def test_labels_that_do_not_fit(outputs: int, y: list[Any], loss: str, message: str) -> None:
    model = model_of(outputs)
    with pytest.raises(ValueError, match=message):
        nn.fit(model, X, y, loss=loss, **QUIET)
    assert model.classes is None


@pytest.mark.parametrize("gap", [None, float("nan"), 1])
def test_a_gap_is_no_class(gap: object) -> None:
    with pytest.raises(TypeError, match=r"y\[1\] is (None|nan|1), but there are labels such as 'a': expected a label for each"):
        nn.fit(model_of(), X, ["a", gap, "b", "a"], loss="bce", **QUIET)
