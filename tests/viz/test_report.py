"""Reports: one file about a trained model, whose numbers are those of the model, and which needs nothing else."""

import math
import re
from html import unescape
from html.parser import HTMLParser

import pytest

import nn
import viz
from tests.viz.chromium import tab
from viz.notation import number


def moons():
    data = nn.moons(40, noise=0.1, seed=0, held_out=0.25)
    model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
    return model, nn.fit(model, data.X, data.y, loss="bce", epochs=5, progress=False), data


def pixels():
    """Three classes of pictures of 4 × 4 pixels, learnt badly."""
    X = [[float((i * k + i // 3) % 5) for k in range(16)] for i in range(30)]
    y = [i % 3 for i in range(30)]
    model = nn.MLP(16, [5, 3], activation="relu", seed=0)
    return model, nn.fit(model, X, y, loss="cross_entropy", epochs=1, progress=False), (X, y)


class Outline(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.said = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.said.append(data)


def test_it_says_what_was_trained_and_how_well(tmp_path):
    model, history, data = moons()
    path = viz.report(model, history, data, tmp_path / "report.html", loss="bce", seconds=1.25, weights="runs/m.safetensors")
    said = " ".join(Outline(path.read_text(encoding="utf-8")).said)
    share = model.accuracy(data.X_held_out, data.y_held_out)
    for text in (
        "MLP 2→4→1 on moons", "30 samples for training, 10 held out", "bce", number(history.loss[-1]), f"{share:.1%} of those held out",
        "1.2 s", "nn.load('m.safetensors')", "What it says where", "What it takes for what (samples held out)", "One neuron, step by step",
    ):  # fmt: skip
        assert text in said, text


def test_the_confusion_matrix_counts_and_mistakes_are_images(tmp_path):
    model, history, data = pixels()
    html = viz.report(model, history, data, tmp_path / "report.html").read_text(encoding="utf-8")
    matrix = html[html.index('aria-label="confusion matrix"') :]
    matrix = matrix[: matrix.index("</svg>")]
    counts = [int(n) for n in re.findall(r'font-size="11" text-anchor="middle" fill="#\w+">(\d+)</text>', matrix)]
    scores = model.predict(data[0])
    right = sum(s.index(max(s)) == t for s, t in zip(scores, data[1], strict=True))
    assert sum(counts) - sum(range(3)) == 30, "all samples, and the heads of three columns"
    mistakes = html[html.index('aria-label="the worst mistakes"') :]
    assert mistakes[: mistakes.index("</div>")].count("<image") == min(12, 30 - right)


def test_labels_that_are_words_and_a_model_that_was_trained_elsewhere(tmp_path):
    data = nn.moons(40, noise=0.1, seed=0)
    y = ["a ship" if t else "an aeroplane" for t in data.y]
    for outputs, loss in ((1, "bce"), (2, "cross_entropy")):
        model = nn.MLP(2, [4, outputs], activation="tanh", seed=0)
        nn.fit(model, data.X, y, loss=loss, epochs=3, seed=0, progress=False)
        said = Outline(viz.report(model, None, (data.X, y), tmp_path / "report.html").read_text(encoding="utf-8")).said
        wanted = {"a ship", "an aeroplane", f"{model.accuracy(data.X, y):.1%} of the training samples"}
        assert wanted <= set(said)
        assert not {"epochs", "engine", "How it learnt"} & set(said)
        model.classes = None  # as of one that has not learnt them here
        assert wanted <= set(
            Outline(viz.report(model, None, (data.X, y), tmp_path / "report.html").read_text(encoding="utf-8")).said
        )


@pytest.mark.parametrize("make", [moons, pixels])
def test_one_small_file_that_fetches_nothing(tmp_path, make):
    model, history, data = make()
    first, second = (viz.report(model, history, data, tmp_path / f"{i}.html").read_text(encoding="utf-8") for i in range(2))
    assert first == second
    assert len(first) < 300_000
    assert not re.findall(r"(?:src|href)=\"(?!data:)|fetch\(|import\(|url\(", first)
    outline = Outline(first)
    assert outline.tags.count("script") == 2, "of the network that opens, and of the neuron that is stepped through"
    assert outline.tags.count("h1") == 1


def test_of_many_products_the_largest_are_stepped_through(tmp_path):
    """A neuron of 12 inputs comes as one of 8; what it says is what the whole neuron says."""
    X, y = [[math.sin(i * k + k) for k in range(12)] for i in range(20)], [i % 2 for i in range(20)]
    model = nn.MLP(12, [12, 1], activation="tanh", seed=0)
    history = nn.fit(model, X, y, loss="bce", epochs=2, progress=False)
    html = viz.report(model, history, (X, y), tmp_path / "report.html").read_text(encoding="utf-8")
    step = html[html.index("One neuron, step by step: its 8 largest products, the others are in its bias") :]
    names = step[step.index('"names":[') :].split("]")[0]
    assert names.count("w") == 8, names
    assert f">{number(model.layers[0](X[0])[0].data)}<" in step


def ink_and_paper(page):
    return page.evaluate("()=>[getComputedStyle(document.body).color,getComputedStyle(document.documentElement).colorScheme]")


def digits():
    data = nn.digits(held_out=0.25)
    model = nn.MLP(64, [32, 10], activation="relu", seed=0)
    return model, nn.fit(model, data.X, data.y, loss="cross_entropy", epochs=3, progress=False), data


def test_of_the_digits_in_a_browser(browser, tmp_path):
    """Less than a megabyte; on a phone, light and dark, nothing is wider than the page; on paper nothing is cut off."""
    pytest.importorskip("sklearn")
    pytest.importorskip("llvmlite")
    model, history, data = digits()
    path = viz.report(model, history, data, tmp_path / "report.html", sample=3)
    assert path.stat().st_size < 1_000_000
    for scheme, ink in (("light", "rgb(0, 0, 0)"), ("dark", "rgb(255, 255, 255)")):
        with tab(browser, path.as_uri(), viewport={"width": 390, "height": 800}, color_scheme=scheme) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            assert ink_and_paper(page) == [ink, "light dark"]
            page.get_by_label("step back").click()
            assert page.locator("#neuron svg").count() > 1
            page.locator("#network [data-to='2,7']").click()
            assert page.get_by_text("x₇⁽²⁾: layer 2, neuron 7 of 10").is_visible()
            score = model(data.X_held_out[3])[6].data
            assert f"x₇⁽²⁾ = linear(a) = {number(score)}" in page.locator("#network p").nth(1).inner_text()
    with tab(browser, path.as_uri(), viewport={"width": 718, "height": 1047}) as page:  # A4 with margins of 1 cm
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth") <= 718
        tall = [svg.bounding_box() for svg in page.locator("svg").all() if svg.is_visible()]
        assert max(box["height"] for box in tall) <= 1047 and max(box["x"] + box["width"] for box in tall) <= 718
        assert not page.locator("button").filter(visible=True).count()


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (lambda: (*moons(), "report.pdf"), ValueError, r"saved as \.html; got 'report.pdf'"),
        (lambda: (nn.Flatten(), *moons()[1:], "r.html"), ValueError, "model with parameters, got Flatten"),
        (
            lambda: (moons()[0], [0.5], moons()[2], "r.html"),
            TypeError,
            "history must be what nn.fit returned, or None .*, got list",
        ),
        (lambda: (*moons()[:2], ([[1.0, 2.0, 3.0]], [1]), "r.html"), ValueError, r"expects 2 .* got 3"),
        (lambda: (*moons()[:2], 7, "r.html"), TypeError, "X and y, or be the pair of them, got int"),
        *[
            (lambda i=i: (*moons(), "r.html", {"sample": i}), ValueError, "one of the 10 samples that are judged, got")
            for i in (-1, 10, 0.5, "first")
        ],
    ],
)
def test_bad_input(arguments, error, said):
    *given, options = (*arguments(), {}) if not isinstance(arguments()[-1], dict) else arguments()
    with pytest.raises(error, match=said):
        viz.report(*given, **options)


@pytest.mark.parametrize("nin", [2, 20])
def test_how_to_load_it_is_code_that_runs(tmp_path, monkeypatch, nin):
    net, row = nn.MLP(nin, [3, 1], activation="tanh", seed=0), [0.125 * (j + 1) for j in range(nin)]
    page = viz.report(net, None, ([row, row], [0, 1]), tmp_path / "report.html").read_text(encoding="utf-8")
    net.save(tmp_path / "model.safetensors")
    monkeypatch.chdir(tmp_path)
    code = unescape(re.search("<pre>(.*)</pre>", page, re.DOTALL)[1])
    assert ("# a row of 20 numbers: 0.125, 0.25, 0.375, …" in code) == (nin == 20)
    said = {"row": row}
    exec(code.replace("model.predict", "said = model.predict"), said)
    assert said["said"] == net.predict([row])
