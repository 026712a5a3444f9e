"""scikit-learn's fitted models as networks: probabilities to 1e-12, class names kept, and what is refused."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
import nn
import viz
from tests.compiler import compiled_c

pytest.importorskip("sklearn")
from sklearn import linear_model, neural_network, pipeline, preprocessing, tree
from sklearn.datasets import load_diabetes, load_iris


def iris(words: bool) -> tuple[Any, Any]:
    data = load_iris()
    return data.data, data.target_names[data.target] if words else data.target


def fitted(estimator: Any, X: Any, y: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a few iterations are enough here
        return estimator.fit(X, y)


def scaled(estimator: Any, **options: Any) -> Any:
    return pipeline.make_pipeline(preprocessing.StandardScaler(**options), estimator)


def network(**options: Any) -> Any:
    return neural_network.MLPClassifier(hidden_layer_sizes=(6, 5), max_iter=40, random_state=0, **options)


CLASSIFIERS = {
    "tanh": lambda: network(activation="tanh"),
    "relu": lambda: network(activation="relu"),
    "logistic": lambda: scaled(network(activation="logistic")),
    "identity": lambda: scaled(network(activation="identity"), with_std=False),
    "regression": lambda: linear_model.LogisticRegression(max_iter=200),
    "scaled regression": lambda: scaled(linear_model.LogisticRegression(fit_intercept=False)),
    "scaled twice": lambda: pipeline.make_pipeline(
        preprocessing.StandardScaler(with_mean=False),
        preprocessing.StandardScaler(),
        "passthrough",
        linear_model.LogisticRegression(),
    ),
}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("words", [True, False])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_probabilities_and_classes(name: str, words: bool, classes: int) -> None:
    X, y = iris(words)
    X, y = X[: 50 * classes], y[: 50 * classes]
    estimator = fitted(CLASSIFIERS[name](), X, y)
    model = nn.from_sklearn(estimator)
    expected = estimator.predict_proba(X)
    for row, shares in zip(model.predict(X), expected, strict=True):
        got = autograd.softmax(row) if classes == 3 else [autograd.sigmoid(-row), autograd.sigmoid(row)]
        assert np.abs(np.array(got) - shares).max() <= 1e-12
    assert [str(c) for c in model.predict_classes(X)] == [str(c) for c in estimator.predict(X)]
    assert model.classes == (tuple(estimator.classes_.tolist()) if words else None)
    assert model.accuracy(X, y) == pytest.approx(estimator.score(X, y), abs=1e-12)


REGRESSORS = {
    "line": lambda: linear_model.LinearRegression(),
    "scaled line": lambda: scaled(linear_model.LinearRegression()),
    "network": lambda: scaled(
        neural_network.MLPRegressor(hidden_layer_sizes=(5,), activation="tanh", max_iter=50, random_state=0)
    ),
}


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name: str, targets: int) -> None:
    X, y = load_diabetes(return_X_y=True)
    y = y if targets == 1 else np.column_stack([y, X[:, 0] - 1.0])
    estimator = fitted(REGRESSORS[name](), X, y)
    got, expected = np.array(nn.from_sklearn(estimator).predict(X)), estimator.predict(X)
    assert np.abs(got - expected).max() <= 1e-12 * np.abs(expected).max()


def test_from_there_everything_works(tmp_path: Path) -> None:
    X, y = iris(words=True)
    model = nn.from_sklearn(fitted(scaled(network(activation="tanh")), X, y))
    nn.export_c(model, tmp_path, name="iris")
    got = compiled_c.called(compiled_c.built([tmp_path / "iris.c"]), "iris_predict", X[:9], 3)
    assert got == model.predict(X[:9])
    assert "IRIS_CLASS_VERSICOLOR = 1" in (tmp_path / "iris.h").read_text()
    model.save(tmp_path / "iris.safetensors")
    assert nn.load(tmp_path / "iris.safetensors").predict_classes(X) == model.predict_classes(X)
    label = list(y).index("versicolor")
    loss = nn.cross_entropy(model(X[label].tolist()), 1)
    loss.backward()
    for picture in (viz.draw(loss), viz.network(model, X[label].tolist())):
        assert "svg+xml" in picture._repr_html_()
    assert "∂" in str(viz.derive(loss, model.layers[0].neurons[0].w[0]))
    assert "versicolor" in viz.report(model, None, (X, y), tmp_path / "report.html").read_text("utf-8")
    before = model.predict(X[:1])
    nn.fit(model, X, y, loss="cross_entropy", epochs=1, seed=0, progress=False)
    assert model.predict(X[:1]) != before


def test_labels_that_are_other_numbers_are_classes() -> None:
    X, y = iris(words=False)
    model = nn.from_sklearn(fitted(linear_model.LogisticRegression(max_iter=200), X, y * 10 + 3))
    assert model.classes == (3, 13, 23)
    assert set(model.predict_classes(X)) == {3, 13, 23}


def test_what_is_refused() -> None:
    X, y = iris(words=False)
    with pytest.raises(ValueError, match=r"needs a fitted MLPClassifier: call its fit"):
        nn.from_sklearn(network())
    with pytest.raises(ValueError, match=r"needs a fitted StandardScaler"):
        nn.from_sklearn(
            pipeline.make_pipeline(preprocessing.StandardScaler(), fitted(linear_model.LogisticRegression(max_iter=200), X, y))
        )
    with pytest.raises(TypeError, match="does not know DecisionTreeClassifier; it takes MLPClassifier, MLPRegressor"):
        nn.from_sklearn(fitted(tree.DecisionTreeClassifier(), X, y))
    with pytest.raises(TypeError, match="found MinMaxScaler in it"):
        nn.from_sklearn(fitted(pipeline.make_pipeline(preprocessing.MinMaxScaler(), linear_model.LinearRegression()), X, y))
    with pytest.raises(ValueError, match="several labels for a sample"):
        nn.from_sklearn(fitted(network(), X, np.column_stack([y > 0, y > 1])))
    with pytest.raises(TypeError, match="does not know list"):
        nn.from_sklearn([1.0])
