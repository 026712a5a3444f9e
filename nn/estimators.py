"""``NetClassifier`` and ``NetRegressor``: a network as a scikit-learn estimator, for pipelines, grid searches and cross-validation.

They are thin: scikit-learn checks what comes in, ``nn.fit`` trains, ``model_`` is the network itself. This module needs
scikit-learn (the extra ``data``) and is imported only when one of the two is asked for.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from nn.initial import Init
from nn.layers import MLP
from nn.optim import SOLVERS, Rate, optimizer_named
from nn.settings import whole
from nn.training import fit
from nn.weighing import ClassWeight


class _Net(BaseEstimator):  # type: ignore[misc]
    """What the two have in common: settings, training, and the scores for new samples."""

    def __init__(
        self,
        hidden: Sequence[int] = (16,),
        *,
        activation: str | Callable[..., Any] = "tanh",
        init: Init = None,
        optimizer: str = "adam",
        lr: Rate | str | None = None,
        l2: float = 0.0,
        l1: float = 0.0,
        clip: float | None = None,
        dropout: float = 0.0,
        epochs: int = 200,
        batch_size: int | None = 200,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        min_delta: float = 0.0,
        random_state: Any = None,
        engine: str = "auto",
        fast: bool = False,
        verbose: bool = False,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.init = init
        self.optimizer = optimizer
        self.lr = lr
        self.l2 = l2
        self.l1 = l1
        self.clip = clip
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.min_delta = min_delta
        self.random_state = random_state
        self.engine = engine
        self.fast = fast
        self.verbose = verbose

    def _begin(self, inputs: int, outputs: int, samples: int) -> None:
        """A new network and its optimizer."""
        self._random = check_random_state(self.random_state)
        seed = int(self._random.randint(2**31 - 1))
        sizes = [*self.hidden, outputs]
        self.model_ = MLP(inputs, sizes, activation=self.activation, seed=seed, init=self.init, dropout=self.dropout)
        size = samples if self.batch_size is None else whole(self.batch_size, "batch_size")
        steps = whole(self.epochs, "epochs") * math.ceil(samples / size)
        if not self._solves():
            self.optimizer_ = optimizer_named(self.optimizer, self.model_.parameters(), self.lr, steps)
        self.loss_curve_: list[float] = []

    def _train(self, X: Any, y: Any, sample_weight: Any, loss: str, epochs: int, **settings: Any) -> Self:
        """Train the network as it stands."""
        steps: dict[str, Any] = {"optimizer": self.optimizer, "lr": self.lr}  # of a solver; lr is refused there
        if not self._solves():
            steps = {"optimizer": self.optimizer_, "batch_size": self.batch_size}
        self.history_ = fit(
            self.model_, X, y, loss=loss, sample_weight=sample_weight, **steps, l2=self.l2, l1=self.l1, clip=self.clip,
            epochs=epochs, seed=int(self._random.randint(2**31 - 1)),
            progress=self.verbose, engine=self.engine, fast=self.fast, **settings,
        )  # fmt: skip
        self.loss_curve_ += self.history_.loss
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else None
        self.n_iter_ = len(self.loss_curve_)
        return self

    def _solves(self) -> bool:
        """Whether a solver trains, which takes all samples at once."""
        return self.optimizer in SOLVERS

    def _refuse_parts(self) -> None:
        if self._solves():
            raise ValueError(f"partial_fit goes step by step: optimizer={self.optimizer!r} needs all samples; use fit, or 'adam'")

    def _stopping(self) -> dict[str, Any]:
        if not self.early_stopping:
            return {}
        waiting = {"patience": self.patience, "min_delta": self.min_delta}
        return {"validation": self.validation_fraction, "restore_best": True, **waiting}

    def _scores(self, X: Any) -> Any:
        """The network's outputs, as an array [sample] or [sample, output]."""
        check_is_fitted(self)
        return np.array(self.model_.predict(validate_data(self, X, dtype=np.float64, reset=False)))


class NetClassifier(ClassifierMixin, _Net):  # type: ignore[misc]
    """A multi-layer perceptron that tells classes apart, as a scikit-learn estimator.

    ``hidden`` are the sizes of the hidden layers; ``activation``, ``init``, ``dropout``, ``class_weight``, ``optimizer`` and ``lr``,
    ``l2``, ``l1``, ``clip``, ``epochs``, ``batch_size``, ``engine`` and ``fast`` are those of ``nn.MLP`` and ``nn.fit``. With
    ``early_stopping`` the share ``validation_fraction`` is set aside, training ends by ``patience`` and ``min_delta``, and the best
    weights are kept. ``random_state`` seeds weights and batches; ``verbose`` shows the progress bar. ``optimizer="lbfgs"`` is the first
    choice for small data, and has no use for ``batch_size``.

    After fitting: ``classes_``, ``model_`` (an ``nn.MLP``; one output for two classes), ``optimizer_``, ``history_``,
    ``loss_curve_``, ``loss_``, ``n_iter_``, ``n_features_in_`` and ``feature_names_in_``.

    >>> import nn
    >>> data = nn.moons(100, noise=0.1, seed=0)
    >>> net = NetClassifier((16, 16), lr=0.03, batch_size=10, epochs=60, random_state=0).fit(data.X, data.y)
    >>> net.score(data.X, data.y)
    1.0
    """

    def __init__(
        self,
        hidden: Sequence[int] = (16,),
        *,
        class_weight: ClassWeight | None = None,
        activation: str | Callable[..., Any] = "tanh",
        init: Init = None,
        optimizer: str = "adam",
        lr: Rate | str | None = None,
        l2: float = 0.0,
        l1: float = 0.0,
        clip: float | None = None,
        dropout: float = 0.0,
        epochs: int = 200,
        batch_size: int | None = 200,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        min_delta: float = 0.0,
        random_state: Any = None,
        engine: str = "auto",
        fast: bool = False,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            hidden, activation=activation, init=init, optimizer=optimizer, lr=lr, l2=l2, l1=l1, clip=clip, dropout=dropout,
            epochs=epochs, batch_size=batch_size, early_stopping=early_stopping, validation_fraction=validation_fraction, patience=patience,
            min_delta=min_delta, random_state=random_state, engine=engine, fast=fast, verbose=verbose,
        )  # fmt: skip
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a new network on rows ``X`` and classes ``y``."""
        X, y = self._samples(X, y)
        self._begin_with(X, unique_labels(y))
        return self._learn(X, y, sample_weight, self.epochs, **self._stopping())

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one more epoch; the first call needs all ``classes`` that will come."""
        self._refuse_parts()
        first = not hasattr(self, "model_")
        if first and classes is None:
            raise ValueError("the first call of partial_fit needs classes, all that will come")
        X, y = self._samples(X, y, reset=first)
        if classes is not None:
            check_classification_targets(classes)
        if first:
            self._begin_with(X, unique_labels(classes))
        elif classes is not None and not np.array_equal(unique_labels(classes), self.classes_):
            raise ValueError(f"classes={classes!r} are not those of the first call of partial_fit, {self.classes_!r}")
        return self._learn(X, y, sample_weight, 1)

    def decision_function(self, X: Any) -> Any:
        """The scores: for two classes one number each, the second class above 0; else one for each class."""
        return self._scores(X)

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class."""
        scores = self._scores(X)
        if scores.ndim == 1:
            scores = np.stack([np.zeros_like(scores), scores], axis=1)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def predict_log_proba(self, X: Any) -> Any:
        """The logarithms of ``predict_proba``."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> Any:
        """The most probable class of each row."""
        scores = self._scores(X)
        return self.classes_[(scores > 0.0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]

    def _samples(self, X: Any, y: Any, reset: bool = True) -> tuple[Any, Any]:
        X, y = validate_data(self, X, y, dtype=np.float64, reset=reset)
        check_classification_targets(y)
        return X, y

    def _begin_with(self, X: Any, classes: Any) -> None:
        if len(classes) < 2:
            raise ValueError(f"a classifier needs at least two classes, got 1 class: {classes[0]!r}")
        self.classes_ = classes
        self._begin(X.shape[1], 1 if len(classes) == 2 else len(classes), len(X))
        self.model_.classes = tuple(classes.tolist())

    def _learn(self, X: Any, y: Any, sample_weight: Any, epochs: int, **stopping: Any) -> Self:
        loss = "bce" if len(self.classes_) == 2 else "cross_entropy"
        return self._train(X, y.tolist(), sample_weight, loss, epochs, class_weight=self.class_weight, **stopping)


class NetRegressor(RegressorMixin, _Net):  # type: ignore[misc]
    """A multi-layer perceptron that fits numbers, as a scikit-learn estimator; ``y`` may have several columns.

    It minimises the mean squared error; settings and attributes are those of ``NetClassifier``, without classes.

    >>> X = [[x / 10] for x in range(-10, 11)]
    >>> net = NetRegressor((8,), lr=0.05, batch_size=None, random_state=0).fit(X, [x**2 for [x] in X])
    >>> net.score(X, [x**2 for [x] in X]) > 0.99
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a new network on rows ``X`` and numbers ``y``."""
        X, y = self._samples(X, y)
        self._begin(X.shape[1], 1 if y.ndim == 1 else y.shape[1], len(X))
        return self._train(X, y, sample_weight, "mse", self.epochs, **self._stopping())

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one more epoch."""
        self._refuse_parts()
        first = not hasattr(self, "model_")
        X, y = self._samples(X, y, reset=first)
        if first:
            self._begin(X.shape[1], 1 if y.ndim == 1 else y.shape[1], len(X))
        return self._train(X, y, sample_weight, "mse", 1)

    def predict(self, X: Any) -> Any:
        """The network's outputs: an array [sample], or [sample, column]."""
        return self._scores(X)

    def _samples(self, X: Any, y: Any, reset: bool = True) -> tuple[Any, Any]:
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, reset=reset)
        return X, y.astype(np.float64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
