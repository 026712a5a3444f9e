"""fit: what it minimises and in which order, what it remembers, how it ends, what it refuses; and that networks learn."""

import math
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

import nn
from autograd import Value
from nn.history import History

X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.5]]
Y = [0, 1, 1, 0, 1]
QUIET: dict[str, Any] = {"progress": False}


def model_of(seed: int = 0, outputs: int = 1) -> nn.MLP:
    return nn.MLP(2, [4, outputs], activation="tanh", seed=seed)


# --- What is computed ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "targets"),
    [("mse", Y), ("half_sse", Y), ("bce", Y), ("hinge", [2 * y - 1 for y in Y]), ("cross_entropy", [0, 1, 2, 1, 0])],
)
@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_a_step_is_that_of_the_whole_graph(name: str, targets: list[int], l2: float) -> None:
    """The loss and the gradients, summed sample by sample, are those of the one graph that people write down."""
    one, other = model_of(outputs=3 if name == "cross_entropy" else 1), model_of(outputs=3 if name == "cross_entropy" else 1)
    loss = getattr(nn, name)
    history = nn.fit(one, X, targets, loss=name, optimizer=nn.SGD(one.parameters(), 0.5), l2=l2, epochs=1, **QUIET)
    error = sum(loss(other(x), t) for x, t in zip(X, targets, strict=True)) / len(X)
    error = error + l2 * sum(p * p for p in other.parameters())
    error.backward()
    nn.SGD(other.parameters(), 0.5).step()
    assert history.loss == pytest.approx([error.data], rel=1e-13)
    got, expected = ([p.data for p in m.parameters()] for m in (one, other))
    assert got == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_the_promised_order_of_summation() -> None:
    one, other = model_of(), model_of()
    history = nn.fit(one, X, Y, loss="bce", optimizer=nn.SGD(one.parameters(), 0.5), l2=0.1, epochs=1, **QUIET)
    total = 0.0
    for x, t in zip(X, Y, strict=True):
        error = nn.bce(other(x), t)
        error.backward(1 / 5)
        total += error.data * (1 / 5)
    squares = [p * p for p in other.parameters()]
    penalty = squares[0]
    for square in squares[1:]:
        penalty = penalty + square
    penalty.backward(0.1)
    assert history.loss == [total + 0.1 * penalty.data]
    expected = [p.data - 0.5 * p.grad for p in other.parameters()]
    assert [p.data for p in one.parameters()] == expected


def test_batches_cover_each_epoch_once_in_the_seeds_order() -> None:
    seen: list[float] = []

    def spy(scores: Any, target: float) -> Any:
        seen.append(target)
        return scores * 0.0

    model = nn.Neuron(1, seed=0)
    data = [[float(i)] for i in range(7)], [float(i) for i in range(7)]

    def orders(**settings: Any) -> list[list[float]]:
        seen.clear()
        nn.fit(model, *data, loss=spy, optimizer="sgd", epochs=3, **QUIET, **settings)
        return [seen[i : i + 7] for i in range(0, 21, 7)]

    shuffled = orders(batch_size=3, seed=1)
    assert [sorted(order) for order in shuffled] == [data[1]] * 3
    assert shuffled[0] != shuffled[1]
    assert orders(batch_size=3, seed=1) == shuffled != orders(batch_size=3, seed=2)
    assert orders(batch_size=3, shuffle=False) == orders() == orders(batch_size=7) == [data[1]] * 3


def test_the_same_seed_gives_the_same_bits_and_leaves_global_random_alone() -> None:
    before = random.getstate()
    runs = []
    for _ in range(2):
        model = model_of()
        history = nn.fit(model, X, Y, loss="bce", optimizer="adam", epochs=5, batch_size=2, seed=3, **QUIET)
        runs.append((history, model.state_dict()))
    assert runs[0] == runs[1]
    assert random.getstate() == before


def test_arrays_are_lists() -> None:
    numpy = pytest.importorskip("numpy")
    runs = []
    for kind in (list, numpy.array, lambda a: numpy.array(a, dtype=numpy.float32)):
        model = model_of()
        nn.fit(model, kind(X), kind(Y), loss="bce", optimizer="sgd", epochs=2, **QUIET)
        runs.append((model.state_dict(), model.accuracy(kind(X), kind(Y))))
    assert runs[0] == runs[1] == runs[2]
    column, flat = model_of(), model_of()
    nn.fit(column, X, numpy.array(Y)[:, None], optimizer="sgd", epochs=2, **QUIET)
    nn.fit(flat, X, Y, optimizer="sgd", epochs=2, **QUIET)
    assert column.state_dict() == flat.state_dict()


def test_adam_and_mse_unless_something_else_is_said() -> None:
    silent, said = model_of(), model_of()
    nn.fit(silent, X, Y, epochs=3, **QUIET)
    nn.fit(said, X, Y, loss="mse", optimizer=nn.Adam(said.parameters()), epochs=3, **QUIET)
    assert silent.state_dict() == said.state_dict() != model_of().state_dict()


def test_several_targets_and_numbers_alone() -> None:
    plane = nn.Layer(1, 2, nonlin=False, seed=0)
    nn.fit(plane, [0.0, 1.0, 2.0], [[1, 0], [3, -1], [5, -2]], loss="half_sse", optimizer="sgd", epochs=300, **QUIET)
    assert plane.predict([10.0])[0] == pytest.approx([21.0, -10.0], abs=1e-2)


def test_losses_by_function() -> None:
    named, given, own = model_of(), model_of(), model_of()
    nn.fit(named, X, Y, loss="bce", optimizer="sgd", epochs=2, **QUIET)
    nn.fit(given, X, Y, loss=nn.bce, optimizer="sgd", epochs=2, **QUIET)
    nn.fit(own, X, Y, loss=lambda y, t: nn.bce(y, t), optimizer="sgd", epochs=2, **QUIET)
    assert named.state_dict() == given.state_dict() == own.state_dict()


def test_part_of_a_model_can_be_trained() -> None:
    model = model_of()
    first, last = ([p.data for p in layer.parameters()] for layer in model.layers)
    nn.fit(model, X, Y, loss="bce", optimizer=nn.SGD(model.layers[1].parameters()), epochs=3, **QUIET)
    assert [p.data for p in model.layers[0].parameters()] == first
    assert [p.data for p in model.layers[1].parameters()] != last


# --- What is remembered --------------------------------------------------------------------------------------------------------


def test_history_of_a_run_with_validation() -> None:
    model = model_of()
    history = nn.fit(
        model, X, Y, loss="bce", optimizer="adam", l2=0.1, epochs=4, batch_size=2, validation=(X[:2], Y[:2]), **QUIET
    )
    lists = (history.loss, history.accuracy, history.validation_loss, history.validation_accuracy)
    assert [len(each) for each in lists] == [4] * 4
    assert history.validation_loss[-1] == pytest.approx(sum(nn.bce(model(x), y).data for x, y in zip(X[:2], Y, strict=False)) / 2)
    assert history.validation_accuracy[-1] == model.accuracy(X[:2], Y[:2])
    assert (history.epochs, history.interrupted) == (4, False)
    assert history.best_epoch == history.validation_loss.index(min(history.validation_loss)) + 1
    assert re.fullmatch(
        r"History\(epochs=4, loss=\S+, accuracy=\S+, validation_loss=\S+, validation_accuracy=\S+\)", repr(history)
    )


@pytest.mark.parametrize(
    ("loss", "targets", "score", "expected"),
    [
        ("mse", [0, 1, 1, 0, 1], 0.4, 0.4),  # squared errors on 0 and 1: the threshold is 1/2
        ("mse", [-1, 1, 1, -1, 1], 0.4, 0.6),
        ("bce", [0, 1, 1, 0, 1], 0.4, 0.6),
        ("hinge", [-1, 1, 1, -1, 1], 0.4, 0.6),
        ("mse", [0.2, 1.7, 1.0, 0.0, 2.0], 0.4, None),
    ],
)
def test_accuracy_counts_by_the_losss_threshold(loss: str, targets: list[float], score: float, expected: float | None) -> None:
    model = nn.Neuron(2, nonlin=False, init=0.0)
    model.b.data = score
    history = nn.fit(model, X, targets, loss=loss, optimizer=nn.SGD(model.parameters(), lr=0.0), epochs=1, **QUIET)
    assert history.accuracy == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("loss", "targets", "expected"),
    [
        ("mse", [[0.3, 0.1], [0.2, 0.5]], None),  # numbers to be met, the larger of which is no class
        ("mse", [[0.3, 0.7], [0.2, 0.8]], None),
        ("mse", [[1.0, 0.0], [0.0, 1.0]], 0.5),
        ("hinge", [[1.0, -1.0], [-1.0, 1.0]], 0.5),
        ("bce", [[1.0, 1.0], [0.0, 1.0]], None),
        ("cross_entropy", [[0.3, 0.7], [0.2, 0.8]], 1.0),
    ],
)
def test_accuracy_is_counted_where_targets_are_classes(loss: str, targets: list[list[float]], expected: float | None) -> None:
    model = nn.Layer(2, 2, nonlin=False, init=0.0)
    model.neurons[1].b.data = 0.25
    history = nn.fit(model, X[:2], targets, loss=loss, optimizer=nn.SGD(model.parameters(), lr=0.0), epochs=1, **QUIET)
    assert history.accuracy == ([] if expected is None else [expected])
    if expected is None and targets[0] != [0.3, 0.7]:
        with pytest.raises(ValueError, match="y holds no labels"):
            model.accuracy(X[:2], targets)


def test_callbacks_see_each_epoch_and_can_end_the_training() -> None:
    seen: list[tuple[int, int]] = []

    def stop_at_three(epoch: int, history: History) -> bool:
        seen.append((epoch, history.epochs))
        return epoch == 3

    calls: list[int] = []
    history = nn.fit(
        model_of(), X, Y, optimizer="sgd", epochs=9, callbacks=[stop_at_three, lambda e, h: calls.append(e)], **QUIET
    )
    assert seen == [(1, 1), (2, 2), (3, 3)]
    assert calls == [1, 2, 3]
    assert (history.epochs, history.interrupted) == (3, False)


def test_progress_shows_loss_and_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    nn.fit(model_of(), X, Y, loss="bce", optimizer="sgd", epochs=2, batch_size=2)
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(r"epoch 2/2  loss \d\.\d{4}  accuracy +\d+\.\d%  100%", err), err


# --- How it ends early ---------------------------------------------------------------------------------------------------------


def interrupting(after: int) -> Callable[[Any, Any], Any]:
    """A loss that presses Ctrl-C at its call number ``after``."""
    calls = 0

    def loss(scores: Any, target: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == after:
            raise KeyboardInterrupt
        return nn.mse(scores, target)

    return loss


def test_ctrl_c_keeps_the_best_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    weights: list[Any] = []
    model = model_of()
    optimizer = nn.SGD(model.parameters(), lr=0.1)

    def notes(epoch: int, history: History) -> None:
        weights.append(model.state_dict())
        optimizer.lr = -0.5 if epoch == 2 else 0.1  # up the hill in epoch 3

    history = nn.fit(model, X, Y, loss=interrupting(4 * 5 + 3 + 1), optimizer=optimizer, epochs=9, callbacks=[notes], **QUIET)
    assert history.interrupted
    assert history.epochs == 4
    assert history.best_epoch == 3, history.loss  # the loss of an epoch is that of the weights it began with
    assert model.state_dict() == weights[2]
    err = capsys.readouterr().err
    assert re.search(r"^Interrupted after 4 of 9 epochs: the model keeps the weights of epoch 3 \(loss 0\.\d+\)\.$", err, re.M)
    assert repr(history).endswith(", interrupted)")


def test_ctrl_c_in_the_first_epoch_keeps_what_was_learnt(capsys: pytest.CaptureFixture[str]) -> None:
    model = model_of()
    before = model.state_dict()
    history = nn.fit(model, X, Y, loss=interrupting(4), optimizer="sgd", epochs=9, batch_size=2, **QUIET)
    assert (history.interrupted, history.epochs, history.best_epoch) == (True, 0, 0)
    assert model.state_dict() != before
    assert "Interrupted in the first epoch" in capsys.readouterr().err


def test_a_loss_that_runs_away_is_an_error_and_the_best_weights_stay() -> None:
    model = nn.Neuron(1, nonlin=False, init=0.0)
    history: list[History] = []
    with pytest.raises(FloatingPointError, match=r"became inf in epoch \d+: try a smaller lr than 50.* weights of epoch \d+"):
        nn.fit(
            model, [[1.0], [2.0]], [1.0, 2.0], optimizer=nn.SGD(model.parameters(), 50.0), epochs=999,
            callbacks=[lambda e, h: history.append(h)], **QUIET,
        )  # fmt: skip
    assert history[0].best_epoch == 1
    assert all(math.isfinite(p.data) for p in model.parameters())


def test_a_weight_that_runs_away_in_the_last_step_is_an_error_too() -> None:
    model = nn.Neuron(1, nonlin=False, init=0.0)
    before = model.state_dict()
    with pytest.raises(FloatingPointError, match=r"in epoch 1: .* keeps the weights it had before"):
        nn.fit(model, [[1e200]], [1e150], optimizer=nn.SGD(model.parameters(), 1e300), epochs=1, **QUIET)
    assert model.state_dict() == before


# --- What is refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": []}, "X is empty: expected at least one row"),
        ({"X": X[:3]}, "X and y must have the same length, got 3 rows and 5 targets"),
        ({"y": Y[:3]}, "X and y must have the same length, got 5 rows and 3 targets"),
        ({"X": [[0.0, 1.0]] * 4 + [[1.0]]}, r"X\[4\] has 1 numbers: expected 2"),
        ({"X": [[]] * 5}, r"X\[0\] has 0 numbers"),
        ({"X": [[0.0, math.nan]] * 5}, r"X\[0\]\[1\] is nan"),
        ({"X": [[0.0]] * 5}, r"MLP expects 2 input\(s\), got 1"),
        ({"y": [0, 1, 2, 1, 0], "loss": "bce"}, r"y\[2\]: bce needs targets of 0 or 1, got 2"),
        ({"loss": "hinge"}, r"y\[0\]: hinge needs targets of -1 or 1, got 0"),
        ({"loss": "cross_entropy"}, r"y\[0\]: cross_entropy needs a score for each class, got 1 output"),
        ({"y": [[0.0, 1.0]] * 5}, r"y\[0\]: .* expected 1, got 2"),
        ({"loss": "msee"}, "unknown loss 'msee': expected one of mse, half_sse, hinge, bce, cross_entropy"),
        ({"optimizer": "adan"}, "unknown optimizer 'adan': expected one of sgd, adam, adamw"),
        ({"optimizer": nn.SGD([Value(1.0)])}, "holds no parameter of this model"),
        ({"l2": -1.0}, "l2 must be a finite number of at least 0, got -1.0"),
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"validation": ([], [])}, "validation X is empty"),
        ({"validation": (X, [0, 1, 5, 0, 1]), "loss": "bce"}, r"validation y\[2\]: bce needs targets of 0 or 1, got 5"),
        ({"validation": ([[1.0]], [1])}, r"MLP expects 2 input\(s\), got 1"),
    ],
)
def test_bad_input_comes_before_the_first_step(change: dict[str, Any], message: str) -> None:
    model = model_of()
    before = model.state_dict()
    settings: dict[str, Any] = {"X": X, "y": Y, "optimizer": "sgd", "epochs": 1, **QUIET} | change
    with pytest.raises(ValueError, match=message):
        nn.fit(model, **settings)
    assert model.state_dict() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": "text"}, "X must be a list, an array or a data frame, got str"),
        ({"X": 3.0}, "X must be a list, an array or a data frame, got float"),
        ({"X": [["1", "2"]] * 5}, r"X\[0\]\[0\] needs a real number, got str"),
        ({"y": [None] * 5}, r"y\[0\] needs a real number, got NoneType"),
    ],
)
def test_input_of_the_wrong_type(change: dict[str, Any], message: str) -> None:
    settings: dict[str, Any] = {"X": X, "y": Y, "optimizer": "sgd", "epochs": 1, **QUIET} | change
    with pytest.raises(TypeError, match=message):
        nn.fit(model_of(), **settings)


# --- That it learns ------------------------------------------------------------------------------------------------------------


def test_digits_are_learnt() -> None:
    pytest.importorskip("sklearn")
    data = nn.digits()
    model = nn.MLP(64, [12, 10], activation="tanh", seed=0)
    nn.fit(
        model, data.X[:400], data.y[:400], loss="cross_entropy", optimizer=nn.Adam(model.parameters(), 0.02), epochs=5,
        batch_size=10, seed=0, **QUIET,
    )  # fmt: skip
    assert model.accuracy(data.X_held_out, data.y_held_out) >= 0.85
