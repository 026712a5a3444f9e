"""What must work in a browser, as functions to be called in Pyodide; only what chalkgrad itself needs may be imported."""

import contextlib
import io
import tempfile
from pathlib import Path

import autograd
import nn
import viz
from autograd import Value


def goes_forward_and_backward() -> None:
    """Values, gradients, gradients of gradients."""
    x = Value(2.0)
    y = autograd.sigmoid(x * x - 3.0) + 1.0 / x
    y.backward()
    autograd.check_gradients(lambda a: autograd.sigmoid(a * a - 3.0) + 1.0 / a, 2.0)
    assert x.grad == autograd.grad(y, x).data
    assert autograd.grad(autograd.grad(lambda a: a**3))(2.0) == 12.0


def draws_with_the_builtin_layout() -> None:
    """A picture of a neuron."""
    y = nn.Neuron(2, activation="tanh", seed=0)([1.0, 2.0])
    svg = viz.draw(y).to_svg()
    assert svg.startswith("<svg")
    assert svg == viz.draw(y, engine="builtin").to_svg()


def trains_with_a_progress_bar() -> None:
    """The bar on stderr, and no word about threads."""
    data = nn.xor()
    model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
    adam = nn.Adam(model.parameters(), lr=0.1)
    shown = io.StringIO()
    with contextlib.redirect_stderr(shown):
        nn.fit(model, data.X, data.y, loss="bce", optimizer=adam, epochs=60)
    assert model.accuracy(data.X, data.y) == 1.0
    assert "epoch 60/60" in shown.getvalue()


def saves_and_loads() -> None:
    """The same weights, to the bit."""
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    path = Path(tempfile.mkdtemp()) / "model.safetensors"
    model.save(path)
    loaded = nn.load(path)
    assert [p.data for p in loaded.parameters()] == [p.data for p in model.parameters()]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def deletes_a_long_chain() -> None:
    """Without recursion: the stack is small here."""
    x = y = Value(1.0)
    for _ in range(200_000):
        y = y + x
    del y
    for _ in range(20_000):
        x = autograd.where(x > 0.0, autograd.dot([x, 0.5], [0.5, x]), -x).tanh() + 0.1
    x.backward()
    del x


def draws_dot_without_processes() -> None:
    """The picture as SVG; for PNG the error that names what is missing."""
    import graphviz

    x = Value(3.0, label="x")
    dot = viz.draw_dot(x * x)
    assert dot.pipe() == viz.draw(x * x, engine="builtin").to_svg().encode()
    try:
        dot.pipe(format="png")
    except graphviz.ExecutableNotFound:
        return
    raise AssertionError("a PNG was drawn without Graphviz")


def frees_a_long_chain() -> None:
    """100,000 nodes forward, backward, differentiated and deleted: the C stack of WebAssembly is small."""
    x = y = Value(0.5)
    for _ in range(50_000):
        y = y * x + 0.5
    y.backward()
    slope = autograd.grad(y, x)
    assert abs(x.grad - 2.0) < 1e-9  # y is 0.5 / (1 − x) in the limit
    assert slope.data == x.grad
    del slope, y


def says_that_draw_dot_needs_a_program() -> None:
    """SVG from our own writer; for PNG, the error of a missing program."""
    import graphviz

    picture = viz.draw_dot(Value(2.0) * 3.0)
    assert picture.pipe("svg", encoding="utf-8").startswith("<svg")
    try:
        picture.pipe("png")
    except graphviz.ExecutableNotFound:
        return
    raise AssertionError("a PNG without Graphviz")
