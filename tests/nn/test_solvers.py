"""L-BFGS and Levenberg–Marquardt: SciPy's answers, the same eagerly and compiled, and all that fit does besides."""

import itertools
import math
import re
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
optimize = pytest.importorskip("scipy.optimize")
pytest.importorskip("threadpoolctl")

import nn  # noqa: E402 (after the skips)
from autograd import Value  # noqa: E402
from autograd.compiler import engines  # noqa: E402
from nn.objective import CompiledObjective, EagerObjective  # noqa: E402
from nn.recorded import RecordedTask  # noqa: E402
from nn.samples import Samples, samples  # noqa: E402
from nn.task import Task  # noqa: E402

needs_llvm = pytest.mark.skipif(not engines.is_installed("llvm"), reason="needs llvmlite")
ENGINES = ["eager", "numpy", pytest.param("llvm", marks=needs_llvm)]
X = [[-3 + 6 * i / 60] for i in range(61)]
Y = [math.sin(2 * x) + 0.5 * x for [x] in X]
QUIET: dict[str, Any] = {"progress": False}


def started(seed: int, hidden: int = 16) -> nn.MLP:
    """A network that starts as scikit-learn's do, with biases that differ."""
    model, generator = nn.MLP(1, [hidden, 1], activation="tanh", seed=seed), np.random.RandomState(seed)
    for p in model.parameters():
        p.data = generator.uniform(-1, 1) * math.sqrt(6 / (hidden + 1))
    return model


@needs_llvm
@pytest.mark.parametrize(("solver", "epochs"), [("lbfgs", 1500), ("lm", 150)])
@pytest.mark.parametrize("seed", range(3))
def test_solvers_go_where_adam_does_not(solver: str, epochs: int, seed: int) -> None:
    model = started(seed)
    history = nn.fit(model, X, Y, optimizer=solver, epochs=epochs, **QUIET)
    assert history.loss[-1] < 1e-5 and history.engine == "llvm"
    error = sum((y - t) ** 2 for y, t in zip(model.predict(X), Y, strict=True)) / len(X)
    assert error == pytest.approx(history.loss[-1], rel=1e-9)
    assert sorted(history.loss, reverse=True) == history.loss, "every iteration goes down"


CASES: list[dict[str, Any]] = [
    {},
    {"l2": 0.01},
    {"sample_weight": [1.0, 0.0, 2.0, 0.5, 1.0, 3.0]},
    {"loss": "half_sse", "y": [[0.1, 1.0], [0.3, 0.5], [0.2, 0.0], [0.4, 1.5], [0.0, 1.0], [1.0, 0.5]]},
    {"y": [0, 1, 1, 0, 1, 0]},
]
FEW = [[0.0, 0.1], [0.5, 1.0], [1.0, 0.2], [0.3, 0.9], [-0.4, 0.3], [0.7, -0.6]]


def run(solver: str, engine: str, **settings: Any) -> tuple[nn.MLP, nn.History]:
    y = settings.pop("y", [0.3, 0.7, -0.2, 1.1, 0.4, 0.5])
    model = nn.MLP(2, [3, len(y[0]) if isinstance(y[0], list) else 1], activation="tanh", seed=0)
    return model, nn.fit(
        model, FEW, y, optimizer=solver, engine=engine, **({"epochs": 6, "validation": (FEW, y)} | QUIET | settings)
    )


@pytest.mark.parametrize("engine", ["numpy", pytest.param("llvm", marks=needs_llvm)])
@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
@pytest.mark.parametrize("case", CASES)
def test_compiled_is_eager(engine: str, solver: str, case: dict[str, Any]) -> None:
    (one, expected), (other, got) = run(solver, "eager", **case), run(solver, engine, **case)
    for name in ("loss", "validation_loss", "accuracy", "validation_accuracy"):
        assert getattr(got, name) == pytest.approx(getattr(expected, name), rel=1e-6), name
    assert [p.data for p in other.parameters()] == pytest.approx([p.data for p in one.parameters()], rel=1e-5, abs=1e-7)
    assert (got.engine, expected.engine, got.epochs) == (engine, "eager", 6)


@needs_llvm
@pytest.mark.parametrize("loss", ["bce", "cross_entropy", "hinge", lambda y, t: nn.mse(y, t) ** 2])
def test_lbfgs_takes_any_loss(loss: Any) -> None:
    outputs, y = (3, [0, 1, 2, 1, 0, 2]) if loss == "cross_entropy" else (1, [0, 1, 1, 0, 1, 0])
    if loss == "hinge":
        y = [2 * t - 1 for t in y]
    for engine in ("eager", "llvm"):
        model = nn.MLP(2, [4, outputs], activation="tanh", seed=0)
        history = nn.fit(model, FEW, y, loss=loss, optimizer="lbfgs", epochs=60, l2=1e-6, engine=engine, **QUIET)
        assert history.loss[-1] < 0.05 * history.loss[0], (engine, history)
        assert history.accuracy[-1] == 1.0 or callable(loss)


def test_the_line_of_least_squares_in_one_iteration() -> None:
    """A linear model: Levenberg and Marquardt's first step is all but the answer of the normal equations."""
    model = nn.Neuron(2, nonlin=False, seed=0)
    y = [0.3, 0.7, -0.2, 1.1, 0.4, 0.5]
    history = nn.fit(model, FEW, y, optimizer="lm", epochs=50, **QUIET)
    expected, *_ = np.linalg.lstsq(np.column_stack([FEW, np.ones(6)]), np.array(y))
    assert [p.data for p in model.parameters()] == pytest.approx(expected.tolist(), rel=1e-9)
    assert history.converged and history.epochs < 10 and repr(history).endswith(", converged)")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("l1", [0.03, 0.3, 3.0])
def test_lbfgs_with_l1_is_scikit_learns_lasso(engine: str, l1: float) -> None:
    """A linear model, of which the penalty makes many weights 0, and these exactly."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    draw = np.random.RandomState(0)
    rows = draw.normal(size=(40, 8))
    y = rows @ [2.0, -1.0, 0.5, 0.1, 0.0, 0.0, 0.0, 0.0] + 0.3 + 0.1 * draw.normal(size=40)
    model = nn.Neuron(8, nonlin=False, seed=0)
    history = nn.fit(model, rows, y, optimizer="lbfgs", l1=l1, epochs=200, engine=engine, **QUIET)
    lasso = linear_model.Lasso(alpha=l1 / 2, fit_intercept=False, tol=1e-12, max_iter=100_000)  # the bias is penalised, too
    expected = lasso.fit(np.column_stack([rows, np.ones(40)]), y).coef_.tolist()
    got = [p.data for p in model.parameters()]
    assert got == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert [p == 0.0 for p in got] == [p == 0.0 for p in expected] and 0.0 in got
    error = sum((p - t) ** 2 for p, t in zip(model.predict(rows), y, strict=True)) / 40 + l1 * sum(map(abs, got))
    assert history.loss[-1] == pytest.approx(error, rel=1e-12) and history.converged


@pytest.mark.parametrize("engine", ENGINES)
def test_the_jacobian_is_that_of_numerical_differentiation(engine: str) -> None:
    model = nn.MLP(2, [3, 2], activation="tanh", seed=0)
    data = samples(FEW, [[0.1, 1.0], [0.3, 0.5], [0.2, 0.0], [0.4, 1.5], [0.0, 1.0], [1.0, 0.5]])
    data = Samples(*data[:2], [1.0, 2.0, 0.5, 0.5, 1.0, 1.0])
    task, ps = Task(model, nn.mse, 0.01, 0.0, None, None), model.parameters()
    objective: Any = EagerObjective(task, ps, ps, data)
    if engine != "eager":
        objective = CompiledObjective(RecordedTask(task, ps, ps, data), engine, False, squares=True)
    x = np.array([p.data for p in ps])
    rows, slopes = [part.copy() for part in objective.residuals(x)[:2]]
    for j in range(len(x)):
        step = 1e-6 * np.eye(len(x))[j]
        difference = (objective.residuals(x + step)[0].copy() - objective.residuals(x - step)[0]) / 2e-6
        assert slopes[:, j] == pytest.approx(difference, rel=1e-6, abs=1e-9), f"parameter {j}"
    loss, gradient, _ = EagerObjective(task, ps, ps, data).loss_and_gradient(x)
    assert rows @ rows == pytest.approx(loss, rel=1e-12)
    assert 2 * rows @ slopes == pytest.approx(gradient, rel=1e-9, abs=1e-12)


# --- What fit does besides -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_callbacks_validation_patience_and_the_best(engine: str, solver: str, tmp_path: Path) -> None:
    seen: list[Any] = []
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    y = [0.3, 0.7, -0.2, 1.1, 0.4, 0.5]
    history = nn.fit(
        model, FEW, y, optimizer=solver, engine=engine, epochs=50, validation=(FEW, [t + 0.3 for t in y]), patience=3,
        restore_best=True, callbacks=[lambda e, h: seen.append((e, h.epochs, model.state_dict()))], **QUIET,
    )  # fmt: skip
    assert history.stopped and not history.converged
    assert history.epochs == history.best_epoch + 3 == len(seen)
    assert [epoch for epoch, *_ in seen] == [epochs for _, epochs, _ in seen]
    assert model.state_dict() == seen[history.kept_epoch - 1][2]
    model.save(tmp_path / "model.safetensors")
    assert nn.load(tmp_path / "model.safetensors").state_dict() == model.state_dict()


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_ctrl_c_keeps_the_last_iteration(solver: str, capsys: pytest.CaptureFixture[str]) -> None:
    calls = 0

    class Interrupted(nn.Module):
        def __init__(self) -> None:
            self.inside = nn.MLP(2, [3, 1], activation="tanh", seed=0)

        def __call__(self, x: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 80:
                raise KeyboardInterrupt
            return self.inside(x)

    model, seen = Interrupted(), []
    history = nn.fit(
        model, FEW, [0.3, 0.7, -0.2, 1.1, 0.4, 0.5], optimizer=solver, epochs=50, engine="eager",
        callbacks=[lambda e, h: seen.append(model.state_dict())], **QUIET,
    )  # fmt: skip
    assert history.interrupted and 0 < history.epochs < 50
    assert model.state_dict() == seen[-1]
    assert re.search(rf"Interrupted after {history.epochs} of 50 epochs", capsys.readouterr().err)


def test_the_bar_counts_iterations(capsys: pytest.CaptureFixture[str]) -> None:
    nn.fit(nn.Neuron(2, seed=0), FEW, [0.3, 0.7, -0.2, 1.1, 0.4, 0.5], optimizer="lbfgs", epochs=2)
    assert "epoch 2/2  loss" in capsys.readouterr().err


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_many_starts_are_compiled_once_and_other_tasks_anew(solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, executor = [], engines.executor

    def counted(program: Any, **settings: Any) -> Any:
        made.append(program)
        return executor(program, **settings)

    monkeypatch.setattr(engines, "executor", counted)
    y, counts = [0.31, 0.7, -0.2, 1.1, 0.4, 0.5], []
    for seed, settings in [(0, {}), (1, {}), (2, {"l2": 0.02}), (3, {"l2": 0.03}), (4, {"trainable": 1}), (5, {"trainable": 1})]:
        losses = []
        for engine in ("numpy", "eager"):
            model = nn.MLP(2, [3, 1], activation="tanh", seed=seed)
            chosen = {name: model.layers[x] if name == "trainable" else x for name, x in settings.items()}
            losses.append(nn.fit(model, FEW, y, optimizer=solver, epochs=4, engine=engine, **chosen, **QUIET).loss)
        assert losses[0] == pytest.approx(losses[1], rel=1e-9), (seed, settings)
        counts.append(len(made))
    steps = [after - before for before, after in itertools.pairwise(counts)]
    assert steps[0] == 0, "only the first start is compiled"
    if solver == "lbfgs":
        assert steps[1:3] == [1, 1], "another penalty is another program"
    assert steps[3:] == [1, 1], "and so are other numbers of what is held fixed"


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_only_what_is_trainable_moves(solver: str) -> None:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    before = model.state_dict()
    nn.fit(model, FEW, [0.3, 0.7, -0.2, 1.1, 0.4, 0.5], optimizer=solver, epochs=5, trainable=model.layers[1], **QUIET)
    after = model.state_dict()
    assert after["layers.0.weight"] == before["layers.0.weight"] and after["layers.1.weight"] != before["layers.1.weight"]


def test_a_model_that_draws_is_trained_eagerly_or_refused() -> None:
    import random

    class Drawing(nn.Module):
        def __init__(self) -> None:
            self.w = Value(0.5)

        def __call__(self, x: Any) -> Any:
            return self.w * x[0] + 0.0 * random.random()

    assert nn.fit(Drawing(), FEW, [1.0] * 6, optimizer="lbfgs", epochs=5, **QUIET).engine == "eager"
    with pytest.raises(TypeError, match="draws random numbers"):
        nn.fit(Drawing(), FEW, [1.0] * 6, optimizer="lm", epochs=5, engine="numpy", **QUIET)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "lbfgs", "batch_size": 2}, "optimizer='lbfgs' takes all samples at once .*: leave out batch_size"),
        ({"optimizer": "lm", "lr": 0.1}, "optimizer='lm' .* finds its own steps: leave out lr"),
        ({"optimizer": "lbfgs", "clip": 1.0}, "leave out clip"),
        ({"optimizer": "lm", "loss": "bce"}, 'optimizer="lm" needs a sum of squares, loss="mse" or "half_sse" without l1'),
        ({"optimizer": "lm", "loss": lambda score, target: (score - target) ** 2}, 'optimizer="lm" needs a sum of squares'),
        ({"optimizer": "lm", "batch_size": 2}, "optimizer='lm' takes all samples at once .*: leave out batch_size"),
        ({"optimizer": "lbfgs", "lr": "cosine"}, "finds its own steps: leave out lr"),
        ({"optimizer": "lm", "l1": 0.1}, 'optimizer="lm" needs a sum of squares'),
        ({"optimizer": "bfgs"}, "unknown optimizer 'bfgs': expected one of sgd, adam, adamw, lbfgs, lm, or an optimizer object"),
    ],
)
def test_what_solvers_cannot_take(settings: dict[str, Any], message: str) -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    before = model.state_dict()
    with pytest.raises(ValueError, match=message):
        nn.fit(model, FEW, [0, 1, 1, 0, 1, 0], epochs=3, **(QUIET | settings))
    assert model.state_dict() == before


def test_a_start_that_is_no_number() -> None:
    model = nn.Neuron(2, nonlin=False, seed=0)
    model.b.data = 1e200
    for solver in ("lbfgs", "lm"):
        with pytest.raises(FloatingPointError, match="became inf in epoch 1: try inputs scaled to about 1"):
            nn.fit(model, FEW, [0.0] * 6, optimizer=solver, epochs=3, **QUIET)
        assert model.b.data == 1e200
