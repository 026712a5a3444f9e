"""Models as C: the bits of ``predict``, of gradients and of training."""

import ctypes
import json
import math
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from nn.__main__ import main
from tests.autograd.oracles import differences
from tests.compiler import compiled_c
from tests.nn.test_package import ROOT

IMAGES = nn.Sequential(
    nn.Unflatten(1, 6, 6),
    nn.Conv2d(1, 2, 3, activation="relu", seed=1),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.MLP(8, [3], seed=2),
)
LINES = nn.Sequential(
    nn.Unflatten(2, 6), nn.Conv1d(2, 3, 3, padding=1, activation="gelu", seed=1), nn.Flatten(), nn.Layer(18, 2, seed=3)
)
MEANS = nn.Sequential(
    nn.Unflatten(1, 4, 4), nn.AvgPool2d(2, padding=1), nn.Flatten(), nn.MLP(9, [4, 2], activation="elu", seed=4)
)
NORMS = nn.Sequential(nn.Layer(3, 4, activation="tanh", seed=0), nn.LayerNorm(4), nn.Layer(4, 3, seed=1), nn.RMSNorm(3))
CELLS = nn.Sequential(nn.Unflatten(2, 2), nn.GRU(2, 2, seed=0), nn.Layer(2, 2, seed=1))
STATES = nn.Sequential(nn.Unflatten(4, 2), nn.Recurrent(2, 3, seed=0), nn.Layer(3, 2, seed=1))
WORDS = nn.Sequential(nn.Unflatten(3), nn.Embedding(5, 2, seed=0), nn.Flatten(), nn.MLP(6, [4, 2], activation="relu", seed=1))
SEQUENCES = nn.Sequential(nn.Unflatten(2), nn.Embedding(3, 2, seed=0), nn.GRU(2, 2, seed=1), nn.Layer(2, 2, seed=2))
NOISES = nn.Sequential(
    *(nn.Layer(3, 4, activation="tanh", seed=0), nn.BatchNorm(4), nn.Dropout(0.5), nn.GaussianNoise(0.1), nn.Layer(4, 2, seed=1))
)
SAMPLES = nn.Sequential(nn.Layer(3, 4, activation="tanh", seed=0), nn.NormalSample(2, seed=0), nn.Layer(2, 2, seed=1))


class Attending(nn.Module):
    """Each step looks at those before it."""

    def __call__(self, x: Any) -> Any:
        return nn.attention(x, x, x, causal=True)


class Resembling(nn.Module):
    """How much of each row of an embedding is in what it is given; its numbers are those of the embedding."""

    def __init__(self, embedding: nn.Embedding) -> None:
        self.embedding = embedding

    def __call__(self, x: Any) -> Any:
        return [autograd.dot(row, x) for row in self.embedding.weight]


TIED = nn.Embedding(5, 2, seed=0)
LOOKS = nn.Sequential(nn.Unflatten(3, 2), Attending(), nn.Flatten(), nn.Layer(6, 2, seed=1))
MODELS: dict[str, Any] = {
    "one_neuron": nn.Neuron(3, activation="sigmoid", seed=0),
    "layer": nn.Layer(2, 3, activation="silu", seed=0),
    "moons": nn.MLP(2, [16, 16, 1], activation="tanh", seed=0),
    "mixed": nn.MLP(4, [5, 5, 2], activation=["softplus", "leaky_relu", "linear"], seed=0),
    "images": IMAGES,
    "lines": LINES,
    "means": MEANS,
}
# Those that PyTorch's Sequential cannot hold as they are.
OTHERS: dict[str, Any] = {
    "norms": NORMS,
    "cells": CELLS,
    "states": STATES,
    "words": WORDS,
    "sequences": SEQUENCES,
    "noises": NOISES,
    "samples": SAMPLES,
    "looks": LOOKS,
    "tied": nn.Sequential(nn.Unflatten(3), TIED, nn.Flatten(), nn.Layer(6, 2, seed=1), Resembling(TIED)),
    "few_words": nn.Sequential(nn.Unflatten(4), nn.Embedding(3, 2, seed=0), nn.Flatten(), nn.Layer(8, 2, seed=1)),
    "a_word": nn.Sequential(nn.Unflatten(1), nn.Embedding(4, 1, seed=0), nn.Flatten(), nn.Layer(1, 1, seed=1)),
    "phrase": nn.Sequential(nn.Unflatten(6), nn.Embedding(6, 2, seed=0), nn.Flatten(), nn.Layer(12, 2, "tanh", seed=1)),
}


def inputs_of(model: Any) -> int:
    from nn.exchange.recorded import width_of

    return width_of(model)


def rows(width: int, count: int = 20) -> list[list[float]]:
    return [[math.sin(1.7 * i + 0.3 * j * j) * 2.0 for j in range(width)] for i in range(count)]


# Rows that are none for WORDS.
NO_WORDS = [[0.0, x, 1.0] for x in (5.0, -1.0, 0.5, math.nan, math.inf, -math.inf, 1e30)] + [[5.0, 0.0, 0.0], [0.0, 4.0, -2.0]]


def examples(model: Any, count: int = 20) -> list[list[float]]:
    """Rows that the model takes: where it begins with an Embedding, of its numbers."""
    found = rows(inputs_of(model), count)
    embeddings = [layer for layer in getattr(model, "layers", []) if isinstance(layer, nn.Embedding)]
    return [[float(int(10 * abs(x)) % len(embeddings[0].weight)) for x in row] for row in found] if embeddings else found


def listed(scores: list[Any]) -> list[list[float]]:
    return [y if isinstance(y, list) else [y] for y in scores]


def test_every_class_of_nn_is_in_a_model() -> None:
    classes = {part for part in map(nn.__dict__.get, nn.__all__) if isinstance(part, type) and issubclass(part, nn.Module)}
    found = {type(part) for model in (MODELS | OTHERS).values() for part in (model, *getattr(model, "layers", []))}
    assert classes - found == {nn.Module}


def test_every_model_has_pythons_bits_and_all_link_together(tmp_path: Path) -> None:
    models = MODELS | OTHERS
    for name, model in models.items():
        nn.export_c(model, tmp_path, name=name)
    sources = [tmp_path / f"{name}.c" for name in models]
    library = compiled_c.built(sources)
    for name, model in models.items():
        X = examples(model)
        expected = listed(model.predict(X))
        got = compiled_c.called(library, f"{name}_predict", X, len(expected[0]))
        assert not differences(name, np.ravel(got).tolist(), np.ravel(expected).tolist())


def test_digits_in_double_and_in_float(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    data = nn.digits(seed=0)
    model = nn.MLP(64, [16, 10], activation="tanh", seed=0)
    nn.fit(model, data.X, data.y, loss="cross_entropy", epochs=3, batch_size=16, seed=0, progress=False)
    X = data.X_held_out
    for dtype in ("double", "float"):
        nn.export_c(model, tmp_path, name=f"in_{dtype}", dtype=dtype, rows=X)
    library = compiled_c.built([tmp_path / "in_double.c", tmp_path / "in_float.c"])
    expected = np.array(model.predict(X))
    got = compiled_c.called(library, "in_double_predict", X, 10)
    assert not differences("scores", np.ravel(got).tolist(), expected.ravel().tolist())
    assert_gradients_of_digits(model, X, data.y_held_out, tmp_path)
    error = np.abs(np.array(compiled_c.called(library, "in_float_predict", X, 10, "float")) - expected).max()
    stated = re.search(
        r"Largest error of a score against Python's double on (\d+) rows: (\S+)", (tmp_path / "in_float.h").read_text()
    )
    assert stated and int(stated[1]) == len(X)
    assert 0.0 < error <= float(stated[2]) < 1e-4


def assert_gradients_of_digits(model: Any, X: Any, y: Any, folder: Path) -> None:
    """To the bit, for all digits that were held out."""
    nn.export_c(model, folder, name="digits", gradient=True, loss="cross_entropy")
    library = ctypes.CDLL(str(compiled_c.built([folder / "digits.c"], "-DONCE")))
    library.digits_gradient.restype = ctypes.c_double
    parameters = model.parameters()
    gradient = (ctypes.c_double * len(parameters))()
    for row, label in zip(X, y, strict=True):
        target = [float(k == label) for k in range(10)]
        model.zero_grad()
        error = nn.losses.LOSSES["cross_entropy"].function(model(row), target)
        error.backward()
        assert library.digits_gradient((ctypes.c_double * 64)(*row), (ctypes.c_double * 10)(*target), gradient) == error.data
        assert not differences(f"digit {label}", [0.0 + g for g in gradient], [p.grad for p in parameters])


def test_the_header_says_how_it_was_made_and_what_it_needs(tmp_path: Path) -> None:
    """Flash is what the compiler puts into .rodata; the stack is, but for some words, what it reports."""
    for name in ("moons", "images", "phrase", "cells"):
        model = (MODELS | OTHERS)[name]
        for dtype in ("double", "float"):
            nn.export_c(model, tmp_path, name=name, dtype=dtype, train=True)
            header, (source, made) = (tmp_path / f"{name}.h").read_text(), (tmp_path / f"{name}{end}" for end in (".c", ".o"))
            architecture = json.dumps(model.architecture())
            assert architecture in header and "Written by chalkgrad" in header and "Compile with: cc -std=c99" in header
            flash, stack = map(int, re.findall(r"(\d+) bytes", header))
            flags = ["-std=c99", "-O1", "-fno-inline", "-fstack-usage", "-c", str(source), "-o", str(made)]
            compiled_c.run([compiled_c.compiler("gcc"), *flags])
            sections = compiled_c.run(["size", "-A", str(made)])
            numbers = sum(int(size) for size in re.findall(r"^\.rodata(?!\.cst|\.str)\S*\s+(\d+)", sections, re.MULTILINE))
            assert flash <= numbers <= flash + 128, (name, dtype)
            used = max(int(line.split("\t")[1]) for line in made.with_suffix(".su").read_text().splitlines())
            assert stack <= used <= stack + 256, (name, dtype)


LOSSES = {"moons": "bce", "mixed": "cross_entropy", "one_neuron": "half_sse", "words": "cross_entropy"}


@pytest.mark.parametrize("name", [*MODELS, *OTHERS])
def test_a_device_learns_as_python_does(name: str, tmp_path: Path) -> None:
    """Loss, gradient and five steps of descent: to the bit."""
    model, loss = (MODELS | OTHERS)[name], LOSSES.get(name, "mse")
    nn.export_c(model, tmp_path, name="it", gradient=True, train=True, loss=loss)
    optimised = [] if name == "moons" else ["-O0"]  # compiles in a tenth of the time
    library = ctypes.CDLL(str(compiled_c.built([tmp_path / "it.c"], *optimised)))
    library.it_train.restype = library.it_gradient.restype = ctypes.c_double
    parameters = model.parameters()
    before = [p.data for p in parameters]
    outputs = len(listed(model.predict(examples(model, 1)))[0])
    size = ctypes.c_double * len(parameters)
    weights, gradient = size(), size()
    library.it_start(weights)
    assert list(weights) == before
    sgd = nn.SGD(parameters, lr=0.05)
    try:
        for step, x in enumerate(examples(model, 5)):
            target = [float(k == step % outputs) for k in range(outputs)]
            model.zero_grad()
            scores = model([autograd.Value(number) for number in x])  # an index as data, as in C
            error = nn.losses.LOSSES[loss].function(scores, target if outputs > 1 else target[0])
            error.backward()
            row, wanted = (ctypes.c_double * len(x))(*x), (ctypes.c_double * outputs)(*target)
            if step == 0:
                assert library.it_gradient(row, wanted, gradient) == error.data
                assert not differences("gradient", [0.0 + g for g in gradient], [p.grad for p in parameters])
            sgd.step()
            assert library.it_train(weights, row, wanted, ctypes.c_double(0.05)) == error.data
            assert not differences(f"weights after step {step}", list(weights), [p.data for p in parameters])
            y = (ctypes.c_double * outputs)()
            library.it_answer(weights, row, y)
            assert not differences("scores", list(y), listed(model.predict([x]))[0])
    finally:
        for p, number in zip(parameters, before, strict=True):
            p.data = number


def test_what_arrives_at_a_row_that_is_taken_several_times_adds_up_in_pythons_order(tmp_path: Path) -> None:
    model = OTHERS["phrase"]
    nn.export_c(model, tmp_path, name="it", gradient=True)
    library = ctypes.CDLL(str(compiled_c.built([tmp_path / "it.c"], "-O0")))
    library.it_gradient.restype = ctypes.c_double
    parameters, rng = model.parameters(), random.Random(1)
    gradient = (ctypes.c_double * len(parameters))()
    for _ in range(50):
        x = [float(rng.randrange(3)) for _ in range(6)]
        model.zero_grad()
        nn.mse(model([autograd.Value(number) for number in x]), [1.0, 0.0]).backward()
        library.it_gradient((ctypes.c_double * 6)(*x), (ctypes.c_double * 2)(1.0, 0.0), gradient)
        assert not differences(f"gradient at {x}", [0.0 + g for g in gradient], [p.grad for p in parameters])


@pytest.mark.parametrize("dtype", ["double", "float"])
def test_where_a_number_is_none_of_an_embeddings_scores_are_nan_and_nothing_is_learnt(dtype: str, tmp_path: Path) -> None:
    nn.export_c(WORDS, tmp_path, name="words", dtype=dtype, train=True, rows=examples(WORDS))
    flags = ("-O0", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    path = compiled_c.built([tmp_path / "words.c"], *flags)
    assert np.isnan(compiled_c.called(path, "words_predict", NO_WORDS, 2, dtype)).all()
    assert np.isfinite(compiled_c.called(path, "words_predict", examples(WORDS), 2, dtype)).all()
    library, number = ctypes.CDLL(str(path)), ctypes.c_double if dtype == "double" else ctypes.c_float
    library.words_train.restype = number
    weights = (number * len(WORDS.parameters()))()
    library.words_start(weights)
    before = list(weights)
    for row in NO_WORDS:
        assert math.isnan(library.words_train(weights, (number * 3)(*row), (number * 2)(1.0, 0.0), number(0.1)))
    assert list(weights) == before
    with pytest.raises((ValueError, IndexError)):
        WORDS(NO_WORDS[0])


def test_main_answers_lines_under_the_sanitizers(tmp_path: Path) -> None:
    model = MODELS["mixed"]
    nn.export_c(model, tmp_path, name="mixed")
    command = [compiled_c.compiler("gcc"), "-std=c99", *compiled_c.WARNINGS, "-O1", "-g", "-ffp-contract=off"]
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    compiled_c.run(
        [*command, *sanitizers, str(tmp_path / "mixed.c"), str(tmp_path / "main.c"), "-o", str(tmp_path / "ask"), "-lm"]
    )
    X = rows(4)
    lines = compiled_c.run([str(tmp_path / "ask")], input="\n".join(" ".join(map(repr, row)) for row in X)).splitlines()
    assert [[float(y) for y in line.split()] for line in lines] == model.predict(X)
    cut = subprocess.run([str(tmp_path / "ask")], input="1 2 3", capture_output=True, text=True, check=False)
    assert (cut.returncode, cut.stdout) == (1, "")


def test_all_functions_of_all_models_under_the_sanitizers_and_as_cpp(tmp_path: Path) -> None:
    """Each array is of exactly the size that the header says."""
    calls = []
    for name, model in (MODELS | OTHERS).items():
        nn.export_c(model, tmp_path, name=name, gradient=True, train=True, loss=LOSSES.get(name, "mse"))
        (x,), outputs, weights = examples(model, 1), outputs_of(model), len(model.parameters())
        numbers = {"NAME": name, "ROW": ", ".join(map(float.hex, x)), "OUT": outputs, "WEIGHTS": weights, "IN": len(x)}
        calls.append(re.sub("|".join(numbers), lambda found, of=numbers: str(of[found[0]]), CALLS))  # type: ignore[misc]
    includes = "".join(f'#include "{name}.h"\n' for name in MODELS | OTHERS)
    (tmp_path / "main.c").write_text(f"#include <stdio.h>\n{includes}int main(void) {{{''.join(calls)}  return 0;\n}}\n")
    sources = [str(tmp_path / f"{name}.c") for name in (*MODELS, *OTHERS, "main")]
    expected = [y for model in (MODELS | OTHERS).values() for y in listed(model.predict(examples(model, 1)))[0]]
    sanitized = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"]
    for compiler, language, flags in (("gcc", "c99", sanitized), ("g++", "c++17", ["-x", "c++"])):
        options = [f"-std={language}", *compiled_c.WARNINGS, "-ffp-contract=off", *flags]
        program = str(tmp_path / f"all_{compiler}")
        compiled_c.run([compiled_c.compiler(compiler), *options, *sources, "-o", program, "-lm"])
        assert not differences(compiler, list(map(float.fromhex, compiled_c.run([program]).split())), expected)


CALLS = """
  {
    double x[IN] = {ROW}, y[OUT], target[OUT] = {1.0}, gradient[WEIGHTS + !WEIGHTS], weights[WEIGHTS + !WEIGHTS];
    int k;
    NAME_predict(x, y);
    for (k = 0; k < OUT; k++) printf("%a\\n", y[k]);
    NAME_gradient(x, target, gradient);
    NAME_start(weights);
    NAME_answer(weights, x, y);
    NAME_train(weights, x, target, 0.05);
  }
"""


def outputs_of(model: Any) -> int:
    return len(listed(model.predict(examples(model, 1)))[0])


def test_a_hundred_thousand_weights(tmp_path: Path) -> None:
    model = nn.MLP(300, [300, 34], activation="tanh", seed=0)
    assert len(model.parameters()) > 100_000
    nn.export_c(model, tmp_path, name="large")
    X = rows(300, 2)
    got = compiled_c.called(compiled_c.built([tmp_path / "large.c"]), "large_predict", X, 34)
    assert not differences("scores", np.ravel(got).tolist(), np.ravel(model.predict(X)).tolist())
    code = [line for line in (tmp_path / "large.c").read_text().splitlines() if not re.fullmatch(r"[ \d.,e-]*", line)]
    assert len(code) < 80, "the text is numbers and a loop for each pack"


def test_classes_are_an_enum_whatever_they_are_called(tmp_path: Path) -> None:
    model = nn.MLP(1, [5], seed=0)
    model.classes = ("int", "café", "a–b", "a-b", "*/")
    nn.export_c(model, tmp_path, name="named")
    header = (tmp_path / "named.h").read_text()
    names = ["INT", "CAFE", "A_B", "A_B_3", "4"]
    assert f"enum named_class {{ {', '.join(f'NAMED_CLASS_{n} = {i}' for i, n in enumerate(names))} }};" in header
    compiled_c.built([tmp_path / "named.c"])


EXPORTING = """
import sys, nn
from tests.nn.test_exchange_c import MODELS, OTHERS, examples
for name in ("images", "looks", "phrase"):
    model = (MODELS | OTHERS)[name]
    nn.export_c(model, sys.argv[1], name=name, dtype="float", gradient=True, train=True, rows=examples(model))
    nn.export_js(model, sys.argv[1], name=name)
"""


def test_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", EXPORTING, str(tmp_path / seed)], env=environment, check=True)
    assert len(list((tmp_path / "1").iterdir())) == 11
    for path in (tmp_path / "1").iterdir():
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes(), path.name


# --- The command, and what is refused ------------------------------------------------------------------------------------------


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = MODELS["mixed"]
    model.save(tmp_path / "model.safetensors")
    folder = tmp_path / "out"
    assert main(["export", str(tmp_path / "model.safetensors"), "--c", str(folder), "--js", str(folder), "--name", "mixed"]) == 0
    written = [line.split()[1] for line in capsys.readouterr().out.splitlines()]
    assert written == [str(folder / name) for name in ("mixed.h", "mixed.c", "main.c", "predict.js", "index.html")]
    X = rows(4)
    got = compiled_c.called(compiled_c.built([folder / "mixed.c"]), "mixed_predict", X, 2)
    assert got == model.predict(X)


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--c", "out", "--dtype", "half"], "dtype must be 'double' or 'float'"),
        (["--c", "out", "--name", "while"], "'while' cannot name a C module"),
        (["--c", "out", "--train", "--loss", "huber"], "unknown loss 'huber'"),
        ([], "nothing to write"),
    ],
)
def test_the_command_says_what_is_wrong_and_writes_nothing(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    MODELS["layer"].save("model.safetensors")
    assert main(["export", "model.safetensors", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_what_cannot_be_exported_is_refused_by_name(tmp_path: Path) -> None:
    class Branching(nn.Module):
        def __init__(self) -> None:
            self.neuron = nn.Neuron(1, seed=0)

        def __call__(self, x: Any) -> Any:
            y = self.neuron(x)
            return y if y > 0.0 else -y

    with pytest.raises(ValueError, match=r"say inputs=…"):
        nn.export_c(Branching(), tmp_path / "a")
    with pytest.raises(TypeError, match=r"use autograd\.where"):
        nn.export_c(Branching(), tmp_path / "a", inputs=1)
    with pytest.raises(TypeError, match=r"only an nn\.Module"):
        nn.export_c(lambda x: x, tmp_path / "a")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"is not known from Embedding: say inputs=…"):
        nn.export_c(nn.Sequential(nn.Embedding(3, 2, seed=0), nn.Flatten(), nn.Layer(2, 1, seed=0)), tmp_path / "a")
    with pytest.raises(ValueError, match="rows must have 2 numbers each"):
        nn.export_c(MODELS["moons"], tmp_path / "a", rows=[[1.0]])
    assert not (tmp_path / "a").exists()
