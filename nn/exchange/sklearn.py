"""scikit-learn's fitted networks and linear models as models of ours, to look into neuron by neuron."""

from collections.abc import Callable, Sequence
from math import fsum
from typing import Any

from nn.exchange.packages import needed
from nn.layers import MLP

ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}

# Weights [input][output] and biases, layer by layer, and the activation of the hidden ones.
Layers = tuple[list[tuple[list[list[float]], list[float]]], str]


def from_sklearn(estimator: Any) -> MLP:
    """The MLP with the numbers of a fitted estimator, whose scores are its ``decision_function`` or ``predict``.

    It takes MLPClassifier, MLPRegressor, LogisticRegression, LinearRegression, and a Pipeline of StandardScaler and one of these: the
    scaling becomes part of the first layer, so that the model takes the numbers as they were measured. A classifier's model ends in
    scores, of which ``softmax`` (of one score: ``sigmoid``) gives ``predict_proba``; labels other than 0, 1, 2 … are its ``classes``.

    ImportError without scikit-learn, TypeError for another estimator, ValueError for one that is not fitted or has several labels.

    >>> from sklearn.linear_model import LinearRegression
    >>> model = from_sklearn(LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]))
    >>> round(model.predict([[10.0]])[0], 9)
    21.0
    """
    needed("sklearn", "from_sklearn", '"chalkgrad[data]"')
    scalers, last = _steps(estimator)
    reader = _READERS.get(type(last).__name__)
    if reader is None or not type(last).__module__.startswith("sklearn."):
        raise TypeError(
            f"from_sklearn does not know {type(last).__name__}; it takes {', '.join(_READERS)}, and a Pipeline of StandardScaler and "
            "one of these"
        )
    for each in (*scalers, last):
        _check_fitted(each)
    layers, activation = reader(last)
    for scaler in reversed(scalers):
        layers[0] = _scaled(*layers[0], scaler)
    hidden = [activation] * (len(layers) - 1)
    model = MLP(len(layers[0][0]), [len(biases) for _, biases in layers], activation=[*hidden, "linear"], init=0.0)
    for layer, (weights, biases) in zip(model.layers, layers, strict=True):
        layer.load_state_dict({"weight": [list(column) for column in zip(*weights, strict=True)], "bias": biases})
    labels = None if not hasattr(last, "classes_") else last.classes_.tolist()
    if labels is not None and labels != list(range(len(labels))):
        model.classes = tuple(labels)
    return model


def _steps(estimator: Any) -> tuple[list[Any], Any]:
    """The scalers before an estimator, and the estimator."""
    if type(estimator).__name__ != "Pipeline":
        return [], estimator
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    for step in steps[:-1]:
        if type(step).__name__ != "StandardScaler":
            raise TypeError(
                f"from_sklearn takes a Pipeline of StandardScaler and an estimator, found {type(step).__name__} in it"
            )
    return steps[:-1], steps[-1]


def _check_fitted(estimator: Any) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except NotFittedError:
        raise ValueError(f"from_sklearn needs a fitted {type(estimator).__name__}: call its fit(X, y) first") from None


def _scaled(weights: list[list[float]], biases: Sequence[float], scaler: Any) -> tuple[list[list[float]], list[float]]:
    """A first layer that takes x where it took (x − mean)/scale."""
    means = scaler.mean_.tolist() if scaler.with_mean else [0.0] * len(weights)
    scales = scaler.scale_.tolist() if scaler.with_std else [1.0] * len(weights)
    rows = [[w / scale for w in row] for row, scale in zip(weights, scales, strict=True)]
    columns = zip(*rows, strict=True)
    shifted = [
        fsum([b, *[-w * mean for w, mean in zip(column, means, strict=True)]]) for b, column in zip(biases, columns, strict=True)
    ]
    return rows, shifted


def _network(estimator: Any) -> Layers:
    if getattr(estimator, "out_activation_", "identity") == "logistic" and estimator.n_outputs_ > 1:
        raise ValueError(
            "from_sklearn takes classifiers that choose one class; this one was fitted on several labels for a sample"
        )
    layers = [(w.tolist(), b.tolist()) for w, b in zip(estimator.coefs_, estimator.intercepts_, strict=True)]
    return layers, ACTIVATIONS[estimator.activation]


def _linear(estimator: Any) -> Layers:
    import numpy as np

    weights = np.atleast_2d(estimator.coef_)
    biases = np.broadcast_to(np.ravel(estimator.intercept_), len(weights))
    return [(weights.T.tolist(), biases.tolist())], "linear"


def _logistic(estimator: Any) -> Layers:
    if len(estimator.classes_) > 2 and (estimator.solver == "liblinear" or getattr(estimator, "multi_class", None) == "ovr"):
        raise ValueError(
            "from_sklearn needs a LogisticRegression whose classes compete (softmax), got one against the rest; use solver='lbfgs'"
        )
    return _linear(estimator)


_READERS: dict[str, Callable[[Any], Layers]] = {
    "MLPClassifier": _network,
    "MLPRegressor": _network,
    "LogisticRegression": _logistic,
    "LinearRegression": _linear,
}
