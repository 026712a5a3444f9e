"""Searches over several processes: joblib's own workers, and a Dask cluster. The answers are those of one process."""

from typing import Any

import pytest

np = pytest.importorskip("numpy")
joblib = pytest.importorskip("joblib")
pytest.importorskip("sklearn")

from sklearn.datasets import load_iris  # noqa: E402 (after the skip)
from sklearn.model_selection import GridSearchCV  # noqa: E402

import nn  # noqa: E402

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


def searched(n_jobs: int | None = None) -> tuple[Any, ...]:
    """Four fits and one more: compiled ones, so that the workers share the cache of native code."""
    net = nn.NetClassifier((3,), epochs=4, random_state=0, engine="auto" if n_jobs is None else "llvm")
    search = GridSearchCV(net, {"lr": [1e-6, 0.1]}, cv=2, n_jobs=n_jobs, error_score="raise")
    search.fit(X, NAMES)
    return search.best_params_, search.cv_results_["mean_test_score"].tolist(), search.predict(X).tolist()


@pytest.fixture(scope="module")
def alone() -> tuple[Any, ...]:
    pytest.importorskip("llvmlite")
    return searched()


def test_two_processes_find_what_one_finds(alone: tuple[Any, ...]) -> None:
    assert searched(n_jobs=2) == alone


@pytest.mark.filterwarnings("ignore")  # Dask's own, about ports and about pools that other libraries left
def test_a_dask_cluster_finds_what_one_process_finds(alone: tuple[Any, ...]) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        assert searched(n_jobs=2) == alone
