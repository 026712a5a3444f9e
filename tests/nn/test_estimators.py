"""NetClassifier and NetRegressor: scikit-learn's own checks, and what people do with estimators."""

import pickle
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402 (after the skip)
from sklearn.datasets import load_iris  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

import nn  # noqa: E402

ROOT = Path(__file__).parents[2]

SMALL: dict[str, Any] = {"hidden": (4,), "lr": 0.1, "random_state": 0}
X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


# Three of four of these seconds are eager training of nets that are too small to compile: so few epochs, and few neurons.
@parametrize_with_checks(
    [nn.NetClassifier(epochs=12, batch_size=50, **(SMALL | {"lr": 0.3})), nn.NetRegressor(epochs=12, batch_size=50, **SMALL)]
)
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_pipeline_grid_search_and_cross_validation() -> None:
    net = make_pipeline(StandardScaler(), nn.NetClassifier(epochs=15, batch_size=32, engine="llvm", **SMALL))
    assert cross_val_score(net, X, NAMES, cv=3).min() > 0.9
    search = GridSearchCV(net, {"netclassifier__lr": [1e-6, 0.1]}, cv=3).fit(X, NAMES)
    assert search.best_params_ == {"netclassifier__lr": 0.1}
    assert set(search.predict(X)) == set(NAMES)
    assert search.predict_proba(X).sum(axis=1) == pytest.approx(1.0)
    assert (search.predict_log_proba(X).argmax(axis=1) == search.predict_proba(X).argmax(axis=1)).all()


def test_it_is_fit_that_trains() -> None:
    """The same network, seed and settings: the same weights, to the bit."""
    net = nn.NetClassifier((5,), epochs=4, batch_size=None, l2=0.01, random_state=3).fit(X, NAMES)
    seed = int(np.random.RandomState(3).randint(2**31 - 1))
    model = nn.MLP(4, [5, 3], activation="tanh", seed=seed)
    history = nn.fit(model, X, list(NAMES), loss="cross_entropy", l2=0.01, epochs=4, progress=False)
    assert net.model_.state_dict() == model.state_dict()
    assert net.loss_curve_ == history.loss and net.loss_ == history.loss[-1] and net.n_iter_ == 4
    assert (net.predict(X) == model.predict_classes(X)).all()
    assert net.classes_.tolist() == list(model.classes or ()) == sorted(set(NAMES))


def test_the_network_of_an_estimator_is_kept_like_any_other(tmp_path: Path) -> None:
    net = nn.NetClassifier(epochs=3, **SMALL).fit(X, NAMES)
    net.model_.save(tmp_path / "iris.safetensors")
    assert (nn.load(tmp_path / "iris.safetensors").predict_classes(X) == net.predict(X)).all()


@pytest.mark.parametrize("kind", [nn.NetClassifier, nn.NetRegressor])
def test_copies_are_the_same(kind: Any) -> None:
    net = kind(epochs=3, **SMALL).fit(X, Y)
    again, fresh = pickle.loads(pickle.dumps(net)), clone(net)
    assert (again.predict(X) == net.predict(X)).all()
    assert not hasattr(fresh, "model_") and fresh.get_params() == net.get_params()
    assert (fresh.fit(X, Y).predict(X) == net.predict(X)).all(), "the same random_state"
    after, other = (each.partial_fit(X, Y).predict(X) for each in (net, again))
    assert (after == other).all(), "the optimizer's state and the random state travel, too"


def test_random_state() -> None:
    fitted = [nn.NetRegressor((3,), epochs=2, random_state=state).fit(X, Y).predict(X) for state in (0, 0, 1)]
    assert (fitted[0] == fitted[1]).all() and (fitted[0] != fitted[2]).any()


def test_partial_fit_goes_on_epoch_by_epoch() -> None:
    whole = nn.NetClassifier(epochs=3, **(SMALL | {"hidden": (3,)}), batch_size=None).fit(X, NAMES)
    parts = clone(whole)
    with pytest.raises(ValueError, match="the first call of partial_fit needs classes"):
        parts.partial_fit(X, NAMES)
    for _ in range(3):
        parts.partial_fit(X, NAMES, classes=["virginica", "setosa", "versicolor"])
    assert parts.loss_curve_ == whole.loss_curve_ and parts.n_iter_ == 3
    assert parts.model_.state_dict() == whole.model_.state_dict()
    parts.partial_fit(X[:50], NAMES[:50])
    assert len(parts.classes_) == 3
    with pytest.raises(ValueError, match="are not those of the first call"):
        parts.partial_fit(X, NAMES, classes=["setosa", "virginica"])


@pytest.mark.parametrize("kind", [nn.NetClassifier, nn.NetRegressor])
def test_early_stopping_sets_aside_waits_and_keeps_the_best(kind: Any) -> None:
    net = kind(epochs=200, early_stopping=True, validation_fraction=0.2, patience=2, **(SMALL | {"lr": 0.2})).fit(X, Y)
    history = net.history_
    assert history.stopped and net.n_iter_ == history.epochs == history.best_epoch + 2 < 200
    assert history.kept_epoch == history.best_epoch
    assert len(history.validation_loss) == net.n_iter_


def test_frames_and_their_names() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    net = nn.NetRegressor(epochs=2, **SMALL).fit(frame, pandas.Series(Y))
    assert net.feature_names_in_.tolist() == ["a", "b", "c", "d"] and net.n_features_in_ == 4
    with pytest.raises(ValueError, match="feature names should match"):
        net.predict(frame[["b", "a", "c", "d"]])


@pytest.mark.parametrize("kind", [nn.NetClassifier, nn.NetRegressor])
def test_a_solver_trains_estimators(kind: Any) -> None:
    pytest.importorskip("scipy")
    net = kind(optimizer="lbfgs", epochs=60, random_state=0).fit(X, Y)
    assert net.score(X, Y) > 0.95 and net.n_iter_ == net.history_.epochs
    with pytest.raises(ValueError, match="partial_fit goes step by step: optimizer='lbfgs' needs all samples"):
        net.partial_fit(X, Y)


def test_dropout_of_estimators() -> None:
    """As a network with such layers; in use nothing is dropped, and a copy of the settings trains alike."""
    net = nn.NetClassifier((5,), dropout=0.25, epochs=3, batch_size=50, random_state=3)
    first, again = net.fit(X, Y), clone(net).fit(X, Y)
    assert first.model_.state_dict() == again.model_.state_dict()
    assert first.model_.drops[0].p == 0.25 and (first.predict(X) == first.predict(X)).all()
    plain = nn.NetClassifier((5,), epochs=3, batch_size=50, random_state=3).fit(X, Y)
    assert plain.model_.state_dict() != first.model_.state_dict()
    once = nn.NetRegressor((5,), dropout=0.25, batch_size=50, random_state=3)
    for _ in range(3):
        once.partial_fit(X, Y)
    assert once.optimizer_.steps == 9, "steps go on, and what is drawn with them"


@pytest.mark.parametrize(
    ("net", "y", "message"),
    [
        (nn.NetClassifier(), [1] * 150, "at least two classes, got 1 class"),
        (nn.NetClassifier(), X[:, 0], "Unknown label type"),
        (nn.NetClassifier(optimizer="adan"), Y, "unknown optimizer 'adan'"),
        (nn.NetClassifier(hidden=(0,)), Y, r"nouts\[0\] must be a whole number of at least 1"),
        (nn.NetClassifier(epochs=None), Y, "epochs must be a whole number of at least 1, got None"),
        (nn.NetClassifier(batch_size=0), Y, "batch_size must be a whole number of at least 1, got 0"),
        (nn.NetClassifier(dropout=1.0), Y, "p is the share of inputs that are dropped"),
        (nn.NetClassifier(dropout=0.2, optimizer="lbfgs"), Y, "the model draws random numbers: use 'adam'"),
        (nn.NetClassifier(optimizer="lm"), Y, "needs a sum of squares"),
        (nn.NetRegressor(l1=-1.0), Y, "l1 must be a finite number of at least 0, got -1.0"),
        (nn.NetRegressor(clip=0.0), Y, "clip, the largest norm of the gradient, must be"),
        (nn.NetRegressor(early_stopping=True, validation_fraction=2.0), Y, "must lie between 0 and 1, got 2.0"),
    ],
)
def test_bad_settings(net: Any, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        net.fit(X, y)


def test_other_threads_may_draw_random_numbers() -> None:
    """Workers of a cluster have threads that do; a network of our own is compiled all the same."""
    over = threading.Event()
    thread = threading.Thread(target=lambda: [random.random() for _ in iter(over.is_set, True)])
    thread.start()
    try:
        for _ in range(5):
            nn.NetClassifier((3,), epochs=1, engine="llvm").fit(X, Y)
    finally:
        over.set()
        thread.join()


def test_nn_imports_without_scikit_learn() -> None:
    code = """
import sys
sys.modules["sklearn"] = None
import nn
nn.xor()
try:
    nn.NetClassifier
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == 'NetClassifier needs scikit-learn: pip install "chalkgrad[data]"\n'
    with pytest.raises(AttributeError, match="has no attribute 'NetTransformer'"):
        nn.NetTransformer  # type: ignore[attr-defined] # noqa: B018
