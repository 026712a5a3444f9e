"""Models as JavaScript: the classes and scores of ``predict``, in Node and on the page in Chromium."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from tests.compiler.scripts import Job, in_chromium, run
from tests.nn.test_exchange_c import MODELS, NO_WORDS, OTHERS, examples, listed, rows


def source_of(model: Any, folder: Path) -> str:
    nn.export_js(model, folder)
    text = (folder / "predict.js").read_text()
    return text[: text.index("predict.inputs")]


def test_digits_are_read_as_python_reads_them(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    data = nn.digits(seed=0)
    model = nn.MLP(64, [24, 10], activation="tanh", seed=0)
    nn.fit(model, data.X, data.y, loss="cross_entropy", epochs=5, batch_size=16, seed=0, progress=False)
    (scores,) = run("node", [Job(source_of(model, tmp_path), data.X_held_out, 10)], tmp_path)
    expected = np.array(model.predict(data.X_held_out))
    assert (scores.argmax(axis=1) == expected.argmax(axis=1)).all()
    assert np.abs(scores - expected).max() <= 1e-13 * np.abs(expected).max()


def test_every_model(tmp_path: Path) -> None:
    jobs = [
        Job(source_of(m, tmp_path / name), examples(m), len(listed(m.predict(examples(m)))[0]))
        for name, m in (MODELS | OTHERS).items()
    ]
    for (name, model), job, got in zip((MODELS | OTHERS).items(), jobs, run("node", jobs, tmp_path), strict=True):
        expected = np.array(listed(model.predict(job.points)))
        assert np.abs(got - expected).max() <= 1e-13 * max(1.0, np.abs(expected).max()), name


def test_where_a_number_is_none_of_an_embeddings_scores_are_nan(tmp_path: Path) -> None:
    (scores,) = run("node", [Job(source_of(OTHERS["words"], tmp_path), NO_WORDS + examples(OTHERS["words"]), 2)], tmp_path)
    assert np.isnan(scores[: len(NO_WORDS)]).all() and np.isfinite(scores[len(NO_WORDS) :]).all()


def test_the_page_answers_and_labels_end_no_script(tmp_path: Path) -> None:
    model = nn.MLP(2, [4, 3], activation="tanh", seed=0)
    model.classes = ("setosa", "</script><b>", "ünï")
    nn.export_js(model, tmp_path)
    page = (tmp_path / "index.html").read_text()
    script = (tmp_path / "predict.js").read_text()
    use = page.split("<script>")[1].split("</script>")[0]
    form = 'document.body.innerHTML = \'<textarea id="row"></textarea><output id="answer"></output>\';'
    typed = """const row = document.getElementById("row"), shown = [];
for (const value of ["0.5, -1.5", "0.5", "a b", "-2;3"]) {
  row.value = value;
  row.dispatchEvent(new Event("input"));
  shown.push(document.getElementById("answer").textContent);
}
const text = shown.join("|");"""
    shown = in_chromium("\n".join([script, form, use, typed]), tmp_path).split("|")
    for answer, row in ((shown[0], [0.5, -1.5]), (shown[3], [-2.0, 3.0])):
        (scores,) = model.predict([row])
        numbers, label = answer.removeprefix("scores ").split(": class ")
        assert np.abs(np.array([float(x) for x in numbers.split(", ")]) - scores).max() < 1e-14
        assert label == model.classes[int(np.argmax(scores))]
    assert shown[1:3] == ["1 numbers", "2 numbers"]


def test_a_hundred_thousand_weights(tmp_path: Path) -> None:
    model, X = nn.MLP(300, [300, 34], activation="tanh", seed=0), rows(300, 2)
    (got,) = run("node", [Job(source_of(model, tmp_path), X, 34)], tmp_path)
    expected = np.array(model.predict(X))
    assert np.abs(got - expected).max() <= 1e-13 * np.abs(expected).max()


def test_the_same_bytes_twice_and_bad_names(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        nn.export_js(MODELS["images"], tmp_path / folder)
    assert (tmp_path / "a" / "predict.js").read_bytes() == (tmp_path / "b" / "predict.js").read_bytes()
    with pytest.raises(ValueError, match="'let' cannot name a JavaScript function"):
        nn.export_js(MODELS["layer"], tmp_path / "c", name="let")
    assert not (tmp_path / "c").exists()
