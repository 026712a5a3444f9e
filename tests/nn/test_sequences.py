"""Normalising layers, embeddings, recurrent cells and attention: PyTorch's numbers, in three orders of derivative."""

from pathlib import Path
from typing import Any

import pytest

import nn
from autograd import Value, grad, take
from autograd.compiler import engines
from nn.compiled import predictions

torch = pytest.importorskip("torch")

ROW = [0.3, -1.2, 0.8, 0.5, 2.0, -0.7]


def tensor(x: Any) -> Any:
    return torch.tensor(x, dtype=torch.float64)


def numbers(x: Any) -> list[float]:
    return [p.data for p in x]


# PyTorch's number for a parameter of ours, where it is differentiated by parameters.
TWINS: dict[Value, Any] = {}


def twin(x: Any) -> Any:
    """Parameters in nested lists as a tensor."""
    if isinstance(x, Value):
        return TWINS.get(x, tensor(x.data))
    return torch.stack([twin(part) for part in x])


def layer_norm(model: Any, x: Any) -> Any:
    """In PyTorch's basic operations: the third derivative of its layer_norm (2.13) is another function's."""
    gain, bias = twin(model.gain), twin(model.bias)
    apart = x - x.mean()
    y = gain * apart / torch.sqrt((apart**2).mean() + 1e-5) + bias
    assert torch.allclose(y, torch.nn.functional.layer_norm(x, (6,), gain, bias), rtol=1e-12)
    return y


def rms_norm(model: Any, x: Any) -> Any:
    return torch.nn.functional.rms_norm(x, (6,), twin(model.gain), eps=1e-5)


def split(layer: Any, nin: int) -> tuple[Any, Any, Any]:
    """A layer over [x, state] as PyTorch keeps it: two matrices and a bias."""
    w = twin([neuron.w for neuron in layer.neurons])
    return w[:, :nin], w[:, nin:], twin([n.b for n in layer.neurons])


def recurrent(model: Any, x: Any) -> Any:
    w, u, b = split(model.cell, 2)
    cell = torch.nn.RNNCell(2, 3, dtype=torch.float64)
    state, given = torch.zeros(3, dtype=torch.float64), {"weight_ih": w, "weight_hh": u, "bias_ih": b, "bias_hh": 0 * b}
    for step in x.reshape(3, 2):
        state = torch.func.functional_call(cell, given, (step,), {"hx": state})
    return state


def gru(model: Any, x: Any) -> Any:
    (wr, ur, br), (wz, uz, bz) = split(model.reset, 2), split(model.keep, 2)
    (wn, _, bn), (un, _, cn) = split(model.fresh, 2), split(model.remembered, 3)
    cell = torch.nn.GRUCell(2, 3, dtype=torch.float64)
    given = {
        "weight_ih": torch.cat([wr, wz, wn]), "weight_hh": torch.cat([ur, uz, un]),
        "bias_ih": torch.cat([br, bz, bn]), "bias_hh": torch.cat([0 * br, 0 * bz, cn]),
    }  # fmt: skip
    state = torch.zeros(3, dtype=torch.float64)
    for step in x.reshape(3, 2):
        state = torch.func.functional_call(cell, given, (step,), {"hx": state})
    return state


class Attending(nn.Module):
    """Three places attend to each other."""

    def __call__(self, x: Any) -> Any:
        places = [x[i : i + 2] for i in range(0, 6, 2)]
        return [y for row in nn.attention(places, places[::-1], [[a * b, a] for a, b in places]) for y in row]


def attending(model: Any, x: Any) -> Any:
    places = x.reshape(3, 2)
    values = torch.stack([places[:, 0] * places[:, 1], places[:, 0]], dim=1)
    return torch.nn.functional.scaled_dot_product_attention(places[None], places.flip(0)[None], values[None]).flatten()


def shaken(model: Any) -> Any:
    """Parameters that are not all 0 or 1."""
    for i, p in enumerate(model.parameters()):
        p.data += 0.1 * ((i * 7) % 5 - 2)
    return model


CASES: dict[str, tuple[Any, Any]] = {
    "LayerNorm": (shaken(nn.LayerNorm(6)), layer_norm),
    "RMSNorm": (shaken(nn.RMSNorm(6)), rms_norm),
    "Recurrent": (shaken(nn.Recurrent(2, 3, seed=0)), recurrent),
    "GRU": (shaken(nn.GRU(2, 3, seed=0)), gru),
    "attention": (Attending(), attending),
}


@pytest.mark.parametrize("name", list(CASES))
def test_the_numbers_are_torchs_in_three_orders(name: str) -> None:
    model, theirs = CASES[name]
    xs, x = [Value(v) for v in ROW], tensor(ROW).requires_grad_()
    ours, other = model(xs), theirs(model, x)
    assert numbers(ours) == pytest.approx(other.tolist(), rel=1e-12, abs=1e-14)
    y, z = sum((k + 1) * v * v for k, v in enumerate(ours)), sum((k + 1) * v * v for k, v in enumerate(other))
    for order in (1, 2, 3):
        slopes = grad(y, xs)
        (expected,) = torch.autograd.grad(z, x, create_graph=True)
        scale = max(1.0, *map(abs, expected.tolist()))
        assert numbers(slopes) == pytest.approx(expected.tolist(), rel=1e-12, abs=1e-12 * scale), f"order {order}"
        y, z = slopes[order], expected[order]


def embedded(model: Any, x: Any) -> Any:
    return torch.nn.functional.embedding(torch.tensor([2, 0, 2]), twin(model.weight)).flatten()


class Words(nn.Module):
    """Three words' vectors, one after the other."""

    def __init__(self) -> None:
        self.inside = nn.Embedding(3, 2, seed=0)
        self.weight = self.inside.weight

    def __call__(self, x: Any) -> Any:
        return [v for vector in self.inside([2, Value(0.0), 2]) for v in vector]


@pytest.mark.parametrize("name", ["LayerNorm", "RMSNorm", "Recurrent", "GRU", "Embedding"])
def test_the_slopes_by_parameters_are_torchs_in_three_orders(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, theirs = (Words(), embedded) if name == "Embedding" else CASES[name]
    ps, theta = model.parameters(), tensor(numbers(model.parameters())).requires_grad_()
    for p, twin_of_p in zip(ps, theta, strict=True):
        monkeypatch.setitem(TWINS, p, twin_of_p)
    ours, other = model([Value(v) for v in ROW]), theirs(model, tensor(ROW))
    y, z = sum((k + 1) * v**4 for k, v in enumerate(ours)), sum((k + 1) * v**4 for k, v in enumerate(other))
    for order in (1, 2, 3):
        slopes = grad(y, ps)
        (expected,) = torch.autograd.grad(z, theta, create_graph=True)
        scale = max(1.0, *map(abs, expected.tolist()))
        assert numbers(slopes) == pytest.approx(expected.tolist(), rel=1e-12, abs=1e-12 * scale), f"order {order}"
        y, z = slopes[order], expected[order]


def test_causal_attention_is_torchs() -> None:
    places = [[0.1, 0.5], [-0.3, 0.9], [1.2, 0.4]]
    p = tensor(places)[None]
    expected = torch.nn.functional.scaled_dot_product_attention(p, p, p, is_causal=True)[0]
    for row, other in zip(nn.attention(places, places, places, causal=True), expected.tolist(), strict=True):
        assert row == pytest.approx(other, rel=1e-12)


@pytest.mark.skipif(not engines.is_installed("llvm"), reason="needs llvmlite")
@pytest.mark.parametrize("name", ["LayerNorm", "RMSNorm", "Recurrent", "GRU"])
def test_they_train_compiled_as_eagerly_and_are_kept(name: str, tmp_path: Path) -> None:
    rows, y = [[(i * j % 7) / 7 - 0.4 for j in range(1, 7)] for i in range(1, 9)], [i % 2 for i in range(8)]
    runs = []
    for engine in ("eager", "llvm"):
        first: Any = {"LayerNorm": lambda: nn.LayerNorm(6), "RMSNorm": lambda: nn.RMSNorm(6)}.get(name)
        first = first() if first else getattr(nn, name)(2, 3, seed=0)
        model = nn.Sequential(first, nn.Layer(len(first(rows[0])), 1, nonlin=False, seed=1))
        history = nn.fit(model, rows, y, loss="bce", epochs=5, engine=engine, progress=False)
        runs.append(([p.data for p in model.parameters()], history.loss))
        assert history.engine == engine
        model.save(tmp_path / "model.safetensors")
        assert nn.load(tmp_path / "model.safetensors").predict(rows) == model.predict(rows)
    # What the GRU makes of its first state, 0, is the same for all samples: it is added up over these first.
    bound = 1e-12 if name == "GRU" else 0.0
    for got, expected in zip(runs[1], runs[0], strict=True):
        assert got == pytest.approx(expected, rel=bound, abs=0.0)


def test_sequences_of_any_length() -> None:
    cell = nn.GRU(1, 2, seed=0)
    for length in (1, 3, 5):
        steps = [0.1 * i for i in range(length)]
        assert numbers(cell(steps)) == numbers(cell([[x] for x in steps])) == numbers(cell.states(steps)[-1])
        assert len(cell.states(steps)) == length
    assert len(cell.parameters()) == (2 * (1 + 2 + 1) + 2 + 3) * 2, "the weights are shared through time"


def words() -> nn.Module:
    """Two words in, a number out."""
    return nn.Sequential(nn.Embedding(3, 2, seed=0), nn.Flatten(), nn.Layer(4, 1, nonlin=False, seed=0))


X, Y = [[0, 1], [1, 2], [2, 0], [0, 0]], [1.0, 0.0, 2.0, -1.0]


def test_an_embedding_learns_natively_with_the_eager_bits(tmp_path: Path) -> None:
    ways = {engine: words() for engine in ("eager", "llvm", "numpy")}
    for engine, way in ways.items():
        history = nn.fit(way, X, Y, epochs=200, lr=0.05, progress=False, engine=engine, validation=(X[:2], Y[:2]))
        assert history.engine == engine and history.loss[-1] < 1e-3
    assert len({repr(numbers(way.parameters())) for way in ways.values()}) == 1
    model = ways["llvm"]
    assert predictions(model, X, engine="llvm") == model.predict(X)
    theirs = torch.nn.functional.embedding(torch.tensor([[0, 1]]), tensor([numbers(v) for v in model.layers[0].weight]))
    assert [numbers(v) for v in model.layers[0]([0, 1])] == theirs[0].tolist()
    model.save(tmp_path / "model.safetensors")
    assert nn.load(tmp_path / "model.safetensors").predict(X) == model.predict(X)


@pytest.mark.parametrize("engine", ["auto", "eager", "llvm", "numpy"])
@pytest.mark.parametrize("wrong", [3, -1, 0.5])
def test_a_number_that_embedding_does_not_know_is_named(engine: str, wrong: float) -> None:
    with pytest.raises(ValueError, match=f"Embedding knows the numbers 0 to 2, got {float(wrong)}"):
        nn.fit(words(), [*X, [0, wrong]], [*Y, 0.0], epochs=50_000, progress=False, engine=engine)
    with pytest.raises(ValueError, match="Embedding knows the numbers"):
        predictions(words(), [*X, [0, wrong]], engine="llvm")


class Chosen(nn.Module):
    """One of its parameters by the first number, and a branch on the second."""

    def __init__(self) -> None:
        self.numbers = [Value(1.0), Value(2.0), Value(3.0)]

    def __call__(self, x: Any) -> Any:
        y = take(self.numbers, x[0])
        return y * x[1] if x[1] > 0 else -y


def test_take_is_data_in_fit_and_samples_may_part_ways() -> None:
    rows, targets = [[0.0, 1.0], [2.0, 0.5], [1.0, 2.0]], [2.0, 1.0, 0.0]

    def trained(engine: str, rows: Any, targets: Any) -> list[float]:
        model = Chosen()
        nn.fit(model, rows, targets, epochs=30, progress=False, engine=engine)
        return [p.data for p in model.parameters()]

    assert trained("eager", rows, targets) == trained("llvm", rows, targets)
    more = [*rows, [0.0, -1.0]], [*targets, 0.0]
    assert trained("llvm", *more) == pytest.approx(trained("eager", *more), rel=1e-9)
    with pytest.raises(IndexError, match="0 … 2, got 7"):
        nn.fit(Chosen(), [*rows, [7.0, 1.0]], [*targets, 0.0], epochs=1, progress=False, engine="llvm")


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: nn.GRU(2, 3)([1.0, 2.0, 3.0]), r"GRU expects whole steps of 2 number\(s\), at least one, got 3 numbers"),
        (lambda: nn.Recurrent(2, 3)([]), "Recurrent expects whole steps of 2"),
        (lambda: nn.Recurrent(2, 3)([[1.0, 2.0], [1.0]]), r"Recurrent expects steps of 2 number\(s\), got one of 1"),
        (lambda: nn.Embedding(3, 2)(3), "Embedding knows the numbers 0 to 2, got 3"),
        (lambda: nn.Embedding(3, 2)(0.5), "Embedding knows the numbers 0 to 2, got 0.5"),
        (lambda: nn.LayerNorm(0), "size must be a whole number of at least 1, got 0"),
        (lambda: nn.LayerNorm(3)([1.0]), r"LayerNorm expects 3 input\(s\), got 1"),
        (lambda: nn.attention([[1.0]], [[1.0]], []), "attention needs a value for each key, and at least one, got 1 keys and 0"),
    ],
)
def test_what_they_refuse(use: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        use()
