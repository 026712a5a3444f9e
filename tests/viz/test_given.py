"""What people have as X and y, in every picture of a trained model: lists, arrays, data frames, words, one-hot rows, numbers to be hit."""

import math
import re

import pytest

import nn
import viz

DATA = nn.moons(20, noise=0.1, seed=0)
WORDS = ["left" if t else "right" for t in DATA.y]
NAMES = ["height", "width"]


def pandas(X, y):
    module = pytest.importorskip("pandas")
    return module.DataFrame(X, columns=NAMES), module.Series(y, index=range(7, 7 + len(y)))


def categories(X, y):
    X, y = pandas(X, y)
    return X, y.astype("category")


def polars(X, y):
    module = pytest.importorskip("polars")
    return module.DataFrame(X, schema=NAMES, orient="row"), module.Series(y)


def arrays(X, y):
    module = pytest.importorskip("numpy")
    return module.array(X), module.array(y)


def column(X, y):
    X, y = arrays(X, y)
    return X, y.reshape(-1, 1)


def tensors(X, y):
    module = pytest.importorskip("torch")
    return module.tensor(X, dtype=module.float64, requires_grad=True), module.tensor(y)


KINDS = {
    "pandas": (pandas, DATA.y), "pandas, words": (pandas, WORDS), "pandas, categories": (categories, WORDS),
    "polars": (polars, DATA.y), "polars, words": (polars, WORDS), "arrays": (arrays, DATA.y), "arrays, words": (arrays, WORDS),
    "a column": (column, DATA.y), "a column of words": (column, WORDS), "tensors": (tensors, DATA.y),
}  # fmt: skip


def reported(model, X, y, folder):
    return viz.report(model, None, (X, y), folder / "report.html").read_text(encoding="utf-8")


def bounded(model, X, y, folder):
    pytest.importorskip("matplotlib").use("agg")
    from matplotlib import pyplot

    drawn = viz.boundary(model, X, y, resolution=6)
    pyplot.close(drawn.figure)
    return [(dots.get_label(), dots.get_offsets().tolist()) for dots in drawn.collections if dots.get_label()[0] != "_"]


PICTURES = {
    "report": reported,
    "playground": lambda model, X, y, folder: viz.playground(model, (X, y)).to_html(),
    "network": lambda model, X, y, folder: viz.network(model, X, y, loss="bce").to_svg(),
    "boundary": bounded,
    "film": lambda model, X, y, folder: filmed(viz.film(model, X, y)),
    "watch": lambda model, X, y, folder: filmed(viz.watch(model, X, y)),
}


def filmed(callback):
    callback(1, nn.History(loss=[1.0]))
    return callback.to_svg()


@pytest.mark.parametrize("picture", list(PICTURES))
@pytest.mark.parametrize("kind", list(KINDS))
def test_every_picture_takes_what_fit_takes(kind, picture, tmp_path):
    """The same picture as of plain lists."""
    if picture == "playground":
        pytest.importorskip("numpy")
    made, y = KINDS[kind]
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    X, given = made(DATA.X, y)
    nn.fit(model, X, given, loss="bce", epochs=2, progress=False)
    assert PICTURES[picture](model, X, given, tmp_path) == PICTURES[picture](model, DATA.X, y, tmp_path)


def test_the_playground_names_the_classes_that_are_words():
    pytest.importorskip("numpy")
    assert viz.playground(nn.MLP(2, [3, 1], seed=0), (DATA.X, WORDS)).data["labels"] == ["left", "right"]


# --- Numbers to be hit -----------------------------------------------------------------------------------------------------------


def hits(outputs):
    """A network that learns numbers, not classes."""
    X = [[i / 10] for i in range(-20, 21)]
    y = [[math.sin(x), math.cos(x)][:outputs] for [x] in X]
    model = nn.MLP(1, [6, outputs], activation="tanh", seed=0)
    wanted = [t[0] if outputs == 1 else t for t in y]
    return model, nn.fit(model, X, wanted, epochs=30, lr=0.05, optimizer="adam", progress=False), X, wanted


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_report_of_a_model_that_hits_numbers(tmp_path, outputs):
    """The root mean square error, what it says against what is wanted, and what it missed by most."""
    model, history, X, y = hits(outputs)
    html = viz.report(model, history, (X, y), tmp_path / "report.html").read_text(encoding="utf-8")
    listed = [[t] if outputs == 1 else t for t in y]
    said = [[s] if outputs == 1 else s for s in model.predict(X)]
    errors = [math.dist(s, t) for s, t in zip(said, listed, strict=True)]
    expected = viz.notation.number(math.sqrt(sum(e * e for e in errors) / len(errors)))
    assert f"<dt>root mean square error</dt><dd>{expected} of the training samples</dd>" in html
    assert "right answers" not in html
    assert html.count('r="3" fill="#2166ac"') == len(X) * outputs
    [[worst]] = (X[errors.index(max(errors))],)
    assert html.index(f"<li>({viz.notation.number(worst)})") == html.index("<li>")
    assert "What it takes for what" not in html


def test_a_training_of_numbers_is_watched_and_filmed():
    model, _, X, y = hits(1)
    watch, film = viz.watch(model, X, y), viz.film(model, X, y)
    nn.fit(model, X, y, epochs=3, progress=False, callbacks=[watch, film])
    for shown in (watch, film):
        assert "said, over what is wanted" in shown.to_svg()
    assert watch.to_svg().count('r="3"') == len(X)


# --- Classes ---------------------------------------------------------------------------------------------------------------------

HOSTILE = ['<script>alert("1")</script>', "a & b", "כלב", "chien 🐶 très très long nom de classe, plus long que toute carte"]


def test_names_of_classes_are_text(tmp_path):
    X, y = [[float(i % 4), 0.1 * i] for i in range(20)], [HOSTILE[i % 4] for i in range(20)]
    model = nn.MLP(2, [4], seed=0)
    nn.fit(model, X, y, loss="cross_entropy", epochs=2, progress=False)
    for sample in range(4):
        html = viz.report(model, None, (X, y), tmp_path / "report.html", sample=sample).read_text(encoding="utf-8")
        assert html.count("<script>") == 2, "those of the page"
        assert "<script>alert" not in html
        assert not re.search(r"&(?!amp;|lt;|gt;|quot;|#)", html.split("<script>")[0])


@pytest.mark.parametrize(("outputs", "y"), [(3, [0, 2]), (3, [[0, 0, 1], [1, 0, 0]]), (1, [1, 1]), (1, [-1, -1]), (1, [1, 0])])
def test_classes_that_no_sample_has(tmp_path, outputs, y):
    """All that the model knows stand in the confusion matrix."""
    html = viz.report(nn.MLP(2, [outputs], seed=0), None, ([[0.0, 1.0], [1.0, 0.5]], y), tmp_path / "report.html").read_text()
    matrix = html[html.index('aria-label="confusion matrix"') :]
    assert matrix[: matrix.index("</svg>")].count("<rect") - 1 == max(2, outputs) ** 2


@pytest.mark.parametrize(
    ("X", "y", "error", "said"),
    [
        ([[0.0, math.nan]], [1], ValueError, r"X\[0\]\[1\] is nan"),
        ([[0.0, 1.0]], [1, 0], ValueError, "same length, got 1 rows and 2 targets"),
        ([["0", 1.0]], [1], TypeError, r"X\[0\]\[0\].* got str"),
        ([[0.0, 1.0]], ["middle"], ValueError, r"y\[0\] is 'middle': expected one of the model's classes, 'left', 'right'"),
    ],
)
@pytest.mark.parametrize("picture", ["report", "playground", "film", "watch"])
def test_bad_input(picture, X, y, error, said, tmp_path):
    if picture == "playground":
        pytest.importorskip("numpy")
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    if y == ["middle"]:
        nn.fit(model, DATA.X, WORDS, loss="bce", epochs=1, progress=False)
    with pytest.raises(error, match=said):
        PICTURES[picture](model, X, y, tmp_path)
