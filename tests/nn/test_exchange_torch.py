"""PyTorch, both ways: outputs and gradients to 1e-12, state dicts by the same names, and what is refused."""

import io
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from tests.nn.test_exchange_c import MODELS, OTHERS, inputs_of, listed, rows

torch: Any = pytest.importorskip("torch")
T = torch.nn

MODULES: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "mlp": (lambda: T.Sequential(T.Linear(3, 5), T.Tanh(), T.Linear(5, 4), T.ReLU(), T.Linear(4, 2)), (3,)),
    "one": (lambda: T.Linear(3, 1), (3,)),
    "nested": (
        lambda: T.Sequential(T.Sequential(T.Linear(3, 4), T.GELU()), T.Identity(), T.Sequential(T.Linear(4, 2), T.Sigmoid())),
        (3,),
    ),
    "activations": (
        lambda: T.Sequential(
            T.Linear(2, 3), T.ELU(), T.Linear(3, 3), T.SiLU(), T.Linear(3, 3), T.Softplus(), T.Linear(3, 2), T.LeakyReLU()
        ),
        (2,),
    ),
    "images": (
        lambda: T.Sequential(
            T.Conv2d(1, 2, (3, 2), stride=(1, 2), padding=1),
            T.ReLU(),
            T.MaxPool2d(2),
            T.AvgPool2d(2, stride=1, padding=1),
            T.Flatten(),
            T.Linear(24, 2),
        ),
        (1, 6, 6),
    ),
    "lines": (
        lambda: T.Sequential(T.Unflatten(1, (2, 5)), T.Conv1d(2, 3, 3), T.Tanh(), T.Flatten(), T.Linear(9, 1, bias=False)),
        (10,),
    ),
    "norms": (lambda: T.Sequential(T.Linear(3, 4), T.LayerNorm(4), T.Linear(4, 3), T.RMSNorm(3), T.Linear(3, 2)), (3,)),
    "dropout": (lambda: T.Sequential(T.Linear(2, 2), T.Dropout(0.5), T.Linear(2, 1)).eval(), (2,)),
}


def made(name: str) -> tuple[Any, tuple[int, ...]]:
    torch.manual_seed(3)
    make, shape = MODULES[name]
    return make().double(), shape


def theirs(module: Any, x: list[float], shape: tuple[int, ...]) -> tuple[list[float], list[float], list[float]]:
    """Outputs, and the gradient of their weighted sum by the inputs and by the parameters."""
    given = torch.tensor(x, dtype=torch.float64).reshape(1, *shape).requires_grad_()
    module.zero_grad()
    outputs = module(given).ravel()
    (outputs * torch.arange(1.0, 1.0 + len(outputs), dtype=torch.float64)).sum().backward()
    slopes = [slope for p in module.parameters() for slope in p.grad.ravel().tolist()]
    return outputs.tolist(), given.grad.ravel().tolist(), slopes


def ours(model: Any, x: list[float], shape: tuple[int, ...]) -> tuple[list[float], list[float], list[float]]:
    given = [autograd.Value(number) for number in x]
    model.zero_grad()
    scores = model(nn.conv.nested(list(given), shape))
    outputs = scores if isinstance(scores, list) else [scores]
    autograd.dot(outputs, [1.0 + k for k in range(len(outputs))]).backward()
    slopes = [p.grad for group in model.groups().values() for p in group.parameters]
    return [y.data for y in outputs], [v.grad for v in given], slopes


def assert_close(name: str, got: Any, expected: Any) -> None:
    for what, a, b in zip(("outputs", "input gradients", "parameter gradients"), got, expected, strict=True):
        size = max(1.0, *map(abs, b))
        assert np.abs(np.array(a) - np.array(b)).max() <= 1e-12 * size, f"{what} of {name}: got {a}, expected {b}"


@pytest.mark.parametrize("name", MODULES)
def test_from_torch_gives_outputs_and_gradients(name: str) -> None:
    module, shape = made(name)
    model = nn.from_torch(module)
    for x in rows(int(np.prod(shape)), 3):
        mine, (outputs, inputs, slopes) = ours(model, x, shape), theirs(module, x, shape)
        if name == "lines":  # the bias of 0 that PyTorch's last layer does not have
            mine = (mine[0], mine[1], mine[2][:-1])
        assert_close(name, mine, (outputs, inputs, slopes))


CELLS = {
    "RNN": lambda: T.RNN(2, 3, batch_first=True),
    "relu": lambda: T.RNN(2, 3, nonlinearity="relu", bias=False, batch_first=True),
    "GRU": lambda: T.GRU(2, 3, batch_first=True),
}


@pytest.mark.parametrize("name", CELLS)
def test_recurrent_cells_answer_with_the_last_state(name: str) -> None:
    torch.manual_seed(4)
    module = CELLS[name]().double()
    model, x = nn.from_torch(module), rows(8, 1)[0]
    given = torch.tensor(x, dtype=torch.float64).reshape(1, 4, 2).requires_grad_()
    last = module(given)[1].ravel()
    last.sum().backward()
    inputs = [autograd.Value(number) for number in x]
    state = model(list(inputs))
    autograd.sum(state).backward()
    got, expected = [[y.data for y in state], [v.grad for v in inputs]], [last.tolist(), given.grad.ravel().tolist()]
    assert np.abs(np.concatenate(got) - np.concatenate(expected)).max() < 1e-12


def test_embeddings_both_ways() -> None:
    torch.manual_seed(5)
    module = T.Embedding(5, 3).double()
    model = nn.from_torch(module)
    assert [[e.data for e in vector] for vector in model([4, 0, 4])] == module(torch.tensor([4, 0, 4])).tolist()
    assert nn.to_torch(model)(torch.tensor([2])).tolist() == module(torch.tensor([2])).tolist()


def test_batch_norms_both_ways() -> None:
    """A batch in training moves the running numbers alike, and in use both give the same."""
    model = nn.Sequential(
        nn.Layer(3, 4, activation="tanh", seed=0), nn.BatchNorm(4, eps=1e-3, momentum=0.2), nn.Layer(4, 2, seed=1)
    )
    module, X = nn.to_torch(model), rows(3, 6)
    given = torch.tensor(X, dtype=torch.float64)
    module.train()(given)
    model.layers[1].batch([model.layers[0](x) for x in X])
    expected = module.eval()(given).detach().numpy()
    assert np.abs(np.array(model.predict(X)) - expected).max() < 1e-12
    back = nn.from_torch(module)
    assert back.layers[1].architecture() == model.layers[1].architecture()
    assert np.abs(np.array(back.predict(X)) - expected).max() < 1e-12
    model.load_state_dict(module.state_dict())


def test_norms_go_to_torch_and_back() -> None:
    model = nn.Sequential(nn.Layer(3, 4, seed=0), nn.LayerNorm(4, eps=1e-3), nn.Layer(4, 3, seed=1), nn.RMSNorm(3))
    for k, p in enumerate(model.parameters()):
        p.data += 0.01 * k
    module, X = nn.to_torch(model), rows(3, 3)
    got = module(torch.tensor(X, dtype=torch.float64)).detach().numpy()
    assert np.abs(got - np.array(model.predict(X))).max() < 1e-12
    assert nn.from_torch(module).predict(X) == model.predict(X)


def test_from_torch_takes_float_weights_exactly_and_says_what_it_made() -> None:
    torch.manual_seed(0)
    module = T.Sequential(T.Linear(2, 3), T.Tanh(), T.Linear(3, 1))
    model = nn.from_torch(module)
    assert repr(model) == repr(nn.MLP(2, [3, 1], activation="tanh", seed=0))
    assert model.state_dict()["layers.0.weight"] == module[0].weight.tolist()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", ["double", "float"])
def test_to_torch_and_back(name: str, dtype: str) -> None:
    model = MODELS[name]
    module = nn.to_torch(model, dtype=dtype)
    X = rows(inputs_of(model), 4)
    got = module(torch.tensor(X, dtype=getattr(torch, dtype))).detach().double().numpy()
    assert np.abs(got - np.array(listed(model.predict(X)))).max() < (1e-12 if dtype == "double" else 2e-5)
    if dtype == "double":
        assert_close(name, ours(model, X[0], (len(X[0]),)), theirs(module, X[0], (len(X[0]),)))
        back = nn.from_torch(module)
        assert np.abs(np.array(back.predict(X)) - np.array(model.predict(X))).max() == 0.0


def test_state_dicts_have_the_same_names() -> None:
    model = nn.Sequential(nn.Unflatten(1, 4, 4), nn.Conv2d(1, 2, 3, seed=0), nn.Flatten(), nn.MLP(8, [3, 2], seed=1))
    module = nn.to_torch(model)
    assert list(module.state_dict()) == list(model.state_dict())
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.25)
    model.load_state_dict(module.state_dict())
    X = rows(16, 2)
    assert np.abs(module(torch.tensor(X, dtype=torch.float64)).detach().numpy() - np.array(model.predict(X))).max() < 1e-12


class _Custom(T.Module):  # type: ignore[misc]
    def forward(self, x: Any) -> Any:
        return x * 2.0


class _Doubled(T.Sequential):  # type: ignore[misc]
    def forward(self, x: Any) -> Any:
        return 2.0 * super().forward(x)


def _hooked() -> Any:
    module = T.Linear(2, 2)
    module.register_forward_hook(lambda *_: None)
    return module


REFUSED = {
    "custom forward": (lambda: T.Sequential(T.Linear(2, 2), _Custom()), TypeError, "does not know _Custom"),
    "custom sequential": (lambda: _Doubled(T.Linear(2, 2)), TypeError, "does not know _Doubled"),
    "unknown layer": (lambda: T.Sequential(T.Linear(2, 2), T.BatchNorm2d(2)), TypeError, "does not know BatchNorm2d"),
    "hook": (_hooked, TypeError, "hooks or parametrizations of Linear"),
    "groups": (lambda: T.Conv2d(2, 2, 3, groups=2), ValueError, "Conv2d with groups=1"),
    "same": (lambda: T.Conv1d(1, 1, 3, padding="same"), ValueError, "padding of Conv1d as numbers"),
    "slope": (lambda: T.Sequential(T.Linear(1, 1), T.LeakyReLU(0.2)), ValueError, "negative_slope=0.01"),
    "tanh gelu": (lambda: T.Sequential(T.Linear(1, 1), T.GELU("tanh")), ValueError, "approximate='none'"),
    "activation first": (lambda: T.Sequential(T.ReLU(), T.Linear(1, 1)), ValueError, "behind nothing"),
    "activation behind a pool": (lambda: T.Sequential(T.MaxPool2d(2), T.ReLU()), ValueError, r"behind MaxPool2d\(2\)"),
    "training dropout": (lambda: T.Sequential(T.Linear(1, 1), T.Dropout()), ValueError, r"module\.eval\(\)"),
    "norm without weights": (
        lambda: T.LayerNorm(2, elementwise_affine=False),
        ValueError,
        "LayerNorm over one axis, with weights",
    ),
    "two layers": (lambda: T.GRU(1, 1, num_layers=2), ValueError, "GRU with num_layers=1"),
    "both ways": (lambda: T.RNN(1, 1, bidirectional=True), ValueError, "RNN with bidirectional=False"),
    "no running numbers": (lambda: T.BatchNorm1d(2, track_running_stats=False), ValueError, "track_running_stats=True"),
    "all batches alike": (lambda: T.BatchNorm1d(2, momentum=None), ValueError, "BatchNorm1d with a number as momentum"),
    "padded": (lambda: T.Embedding(2, 2, padding_idx=0), ValueError, "Embedding with padding_idx=None"),
    "LSTM": (lambda: T.LSTM(1, 1), TypeError, "does not know LSTM"),
    "no layer": (lambda: T.Sequential(), ValueError, "no layer"),
    "no module": (lambda: [1.0], TypeError, "got list"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_from_torch_refuses(name: str) -> None:
    make, kind, said = REFUSED[name]
    with pytest.raises(kind, match=said):
        nn.from_torch(make())


def test_dropout_goes_to_torch() -> None:
    model = nn.MLP(2, [3, 3, 1], activation="tanh", seed=0, dropout=0.4)
    module = nn.to_torch(model)
    assert [layer.p for layer in module.modules() if isinstance(layer, T.Dropout)] == [0.4, 0.4]
    assert module.eval()(torch.tensor([[0.5, 1.0]], dtype=torch.float64)).item() == pytest.approx(
        model([0.5, 1.0]).data, rel=1e-12
    )
    model.load_state_dict(module.state_dict())


@pytest.mark.parametrize("name", ["cells", "states"])
@pytest.mark.parametrize("dtype", ["double", "float"])
def test_recurrent_cells_go_to_torch_and_back(name: str, dtype: str) -> None:
    model = OTHERS[name]
    module, X = nn.to_torch(model, dtype=dtype), rows(inputs_of(model), 4)
    got = module(torch.tensor(X, dtype=getattr(torch, dtype))).detach().double().numpy()
    assert np.abs(got - np.array(model.predict(X))).max() < (1e-12 if dtype == "double" else 2e-6)
    assert [key for key in module.state_dict() if key.startswith("layers.1.")] == [
        f"layers.1.{kind}_{side}_l0" for kind in ("weight", "bias") for side in ("ih", "hh")
    ], "PyTorch's names"
    module.load_state_dict(torch.load(saved(module.state_dict()), weights_only=True))
    if dtype == "double":
        width = (len(X[0]),)
        assert_close(name, (*ours(model, X[0], width)[:2], [0.0]), (*theirs(module, X[0], width)[:2], [0.0]))
        assert nn.from_torch(module).predict(X) == model.predict(X)


def saved(state: Any) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return file


def test_what_pytorch_trains_of_a_cell_comes_back() -> None:
    """A cell alone takes rows of any length; both biases of a gate are one here."""
    module = nn.to_torch(nn.GRU(2, 3, seed=0))
    X = torch.tensor(rows(8, 5), dtype=torch.float64)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        module(X).square().sum().backward()
        optimizer.step()
    back = nn.from_torch(module)
    assert np.abs(module(X).detach().numpy() - np.array([[y.data for y in back(row)] for row in X.tolist()])).max() < 1e-12


@pytest.mark.parametrize("name, said", [("noises", "GaussianNoise"), ("samples", "NormalSample")])
def test_layers_that_no_module_is_are_refused_with_those_that_are(name: str, said: str) -> None:
    with pytest.raises(TypeError, match=f"does not know {said}; it takes Neuron, Layer, Conv1d"):
        nn.to_torch(OTHERS[name])


def test_what_to_torch_refuses() -> None:
    class Own(nn.Module):
        def __call__(self, x: Any) -> Any:
            return x

    with pytest.raises(TypeError, match="does not know Own"):
        nn.to_torch(Own())
    with pytest.raises(TypeError, match="Recurrent with activation='tanh' or 'relu'"):
        nn.to_torch(nn.Recurrent(1, 1, activation="sigmoid", seed=0))
    with pytest.raises(TypeError, match="knows the activations relu"):
        nn.to_torch(nn.Layer(1, 1, activation=lambda a: a * a, seed=0))
    with pytest.raises(ValueError, match="'double' or 'float', got 'half'"):
        nn.to_torch(nn.Layer(1, 1, seed=0), dtype="half")


def test_neither_library_is_imported_unless_asked_for() -> None:
    program = "import sys, nn; assert not {'torch', 'sklearn', 'onnx', 'jax'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
