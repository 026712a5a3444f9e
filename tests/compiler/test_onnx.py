"""Programs and models as ONNX, run by onnxruntime: double to 1e-12, float to 1e-5."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Op, Value, ops
from autograd.compiler.packs import build
from autograd.compiler.targets.onnx import onnx_model
from autograd.derivatives import adjoint_graph
from nn.__main__ import main
from tests.compiler.runs import eager, program_of
from tests.compiler.said import ARITIES_SAID, cases_said
from tests.compiler.wild import EXACT_BINARY, EXACT_UNARY, SPECIAL
from tests.nn.test_exchange_c import MODELS, NO_WORDS, OTHERS, examples, listed, rows
from tests.random_graphs import random_program
from tests.trust.bits import graph_of

onnx: Any = pytest.importorskip("onnx")
onnxruntime: Any = pytest.importorskip("onnxruntime")
onnxruntime.set_default_logger_severity(3)


def answers(model: Any, points: Any) -> Any:
    session = onnxruntime.InferenceSession(model if isinstance(model, (str, Path)) else model.SerializeToString())
    (given,) = session.get_inputs()
    kind = np.float64 if given.type == "tensor(double)" else np.float32
    return session.run(None, {"inputs": np.array(points, dtype=kind)})[0].astype(float)


def assert_close(name: str, got: Any, expected: Any, bound: float = 1e-12) -> None:
    a, b = np.asarray(got), np.asarray(expected)
    size = np.maximum(1.0, np.abs(np.where(np.isfinite(b), b, 0.0)).max(axis=-1, keepdims=True))
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        same = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= bound * size)
    assert same.all(), f"{name}: got {a[~same][:3]}, expected {b[~same][:3]}"


@pytest.mark.parametrize("arity", ARITIES_SAID)
def test_every_op(arity: int) -> None:
    cases = [case for case in cases_said(arity) if case.name != "uniform"]  # refused, see tests/autograd/test_random.py
    points = [point for case in cases for point in case.core_points(3)]
    model = onnx_model(program_of([graph_of(case) for case in cases], [0.3 + 0.1 * i for i in range(arity)], "shared"))
    got = answers(model, points).reshape(len(points), len(cases), 1 + arity)
    for k, case in enumerate(cases):
        inside = [i for i, point in enumerate(points) if all(d.in_core(x) for d, x in zip(case.domain, point, strict=True))]
        assert_close(case.name, got[inside, k], [eager(graph_of(case), points[i]) for i in inside])


@pytest.mark.parametrize("op", [*EXACT_UNARY, *EXACT_BINARY, ops.power_both], ids=lambda op: op.name)
def test_arithmetic_choices_and_powers_at_edges(op: Any) -> None:
    arity = 1 if op in EXACT_UNARY else 2
    leaves = [Value(0.5) for _ in range(arity)]
    points = [[x] for x in SPECIAL] if arity == 1 else [[x, y] for x in SPECIAL for y in SPECIAL]
    assert_close(op.name, answers(onnx_model(build([op(*leaves)], leaves)), points), [[op(*point)] for point in points])


def test_random_graphs() -> None:
    for seed in range(40):
        program = random_program(seed, 12)
        result, leaves = program.record()
        model = onnx_model(build([result, *adjoint_graph(result, leaves)], leaves))
        points = [[x + 1e-3 * k for x in program.inputs] for k in range(3)]
        assert_close(f"graph {seed}", answers(model, points), [eager(program.run, point) for point in points])


def test_guards_captured_numbers_and_constants(tmp_path: Path) -> None:
    w = Value(2.0)
    f = autograd.compile(lambda x, y: w * x * y if x > 0.0 else x - y)
    f.onnx(tmp_path / "f.onnx", 1.0, 3.0, what="value_and_grad")
    got = answers(tmp_path / "f.onnx", [[1.0, 3.0], [-1.0, 3.0]])
    assert np.array_equal(got, [[6.0, 6.0, 2.0], [np.nan] * 3], equal_nan=True)
    x = Value(3.0, label="x")
    autograd.compile(x * x).onnx(tmp_path / "step.onnx", dtype="float")
    assert answers(tmp_path / "step.onnx", [[5.0]]).tolist() == [[25.0, 10.0]]
    assert onnx.load(tmp_path / "step.onnx").graph.doc_string == "The loss and its gradient by x."
    plain = onnx_model(build([x, autograd.value.constant(4.0)], [x]))
    assert answers(plain, [[1.0], [2.0]]).tolist() == [[1.0, 4.0], [2.0, 4.0]]
    assert answers(onnx_model(build([autograd.value.constant(4.0)], [x])), [[1.0], [2.0]]).tolist() == [[4.0], [4.0]]


def test_the_model_grows_with_packs_and_not_with_nodes() -> None:
    def nodes(width: int) -> int:
        xs = [Value(0.1 * i) for i in range(width)]
        loss = autograd.sum([autograd.tanh(autograd.dot([Value(0.5) for _ in xs], xs)) for _ in range(width)])
        return len(onnx_model(build([loss, *adjoint_graph(loss, xs)], xs)).graph.node)

    assert nodes(12) == nodes(4)


# --- Models --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*MODELS, *OTHERS])
@pytest.mark.parametrize("dtype, bound", [("double", 1e-12), ("float", 1e-5)])
def test_models(name: str, dtype: str, bound: float, tmp_path: Path) -> None:
    model = (MODELS | OTHERS)[name]
    path = nn.export_onnx(model, tmp_path / "model.onnx", dtype=dtype)
    X = examples(model, 7)
    assert_close(name, answers(path, X), listed(model.predict(X)), bound)
    assert_close(name, answers(path, X[:1]), listed(model.predict(X[:1])), bound)
    first = path.read_bytes()
    assert nn.export_onnx(model, tmp_path / "again.onnx", dtype=dtype).read_bytes() == first


@pytest.mark.parametrize("dtype", ["double", "float"])
def test_where_a_number_is_none_of_an_embeddings_scores_are_nan(dtype: str, tmp_path: Path) -> None:
    words = OTHERS["words"]
    path = nn.export_onnx(words, tmp_path / "words.onnx", dtype=dtype)
    assert "Gather" in [node.op_type for node in onnx.load(path).graph.node]
    got = answers(path, NO_WORDS + examples(words))
    assert np.isnan(got[: len(NO_WORDS)]).all() and np.isfinite(got[len(NO_WORDS) :]).all()
    bare = nn.Sequential(words.layers[1], nn.GRU(2, 2, seed=0))  # written from its packs
    got = answers(nn.export_onnx(bare, tmp_path / "bare.onnx", dtype=dtype, inputs=3), NO_WORDS + examples(words))
    assert np.isnan(got[: len(NO_WORDS)]).all() and np.isfinite(got[len(NO_WORDS) :]).all()


def test_standard_operators_in_float(tmp_path: Path) -> None:
    kinds = [node.op_type for node in onnx.load(nn.export_onnx(MODELS["images"], tmp_path / "m.onnx")).graph.node]
    assert kinds == ["Reshape", "Conv", "Relu", "MaxPool", "Flatten", "Gemm", "Shape", "Concat", "Expand"]


def test_digits_and_their_classes(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    data = nn.digits(seed=0)
    model = nn.MLP(64, [16, 10], activation="tanh", seed=0)
    nn.fit(model, data.X, data.y, loss="cross_entropy", epochs=3, batch_size=16, seed=0, progress=False)
    model.classes = tuple(f"the {k}" for k in range(10))
    model.save(tmp_path / "digits.safetensors")
    assert (
        main(["export", str(tmp_path / "digits.safetensors"), "--onnx", str(tmp_path / "digits.onnx"), "--dtype", "float"]) == 0
    )
    expected = model.predict(data.X_held_out)
    got = answers(tmp_path / "digits.onnx", data.X_held_out)
    assert (got.argmax(axis=1) == np.argmax(expected, axis=1)).all()
    assert_close("digits", got, expected, 1e-5)
    metadata = {entry.key: entry.value for entry in onnx.load(tmp_path / "digits.onnx").metadata_props}
    assert json.loads(metadata["classes"]) == list(model.classes)


def test_the_same_bytes_twice_and_a_hundred_thousand_weights(tmp_path: Path) -> None:
    model = nn.MLP(300, [300, 34], activation="tanh", seed=0)
    first, second = (nn.export_onnx(model, tmp_path / name, dtype="double").read_bytes() for name in ("a.onnx", "b.onnx"))
    assert first == second
    assert_close("scores", answers(tmp_path / "a.onnx", rows(300, 2)), model.predict(rows(300, 2)))


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'double' or 'float', got 'half'"):
        nn.export_onnx(MODELS["layer"], tmp_path / "m.onnx", dtype="half")
    x = Value(2.0)
    with pytest.raises(TypeError, match="'lgamma' is computed by a Python function"):
        autograd.compile(Op("lgamma", lambda a: math.lgamma(a), lambda g, y, a: (None,))(x)).onnx(tmp_path / "m.onnx")
    for step in (ops.ulp(x), ops.nextafter(x, math.inf)):
        with pytest.raises(TypeError, match="steps between doubles: use dtype='double'"):
            autograd.compile(step).onnx(tmp_path / "m.onnx", dtype="float")
    with pytest.raises(TypeError, match=r"'round\[30\]' can be written in another language for -22 to 22 decimal digits"):
        autograd.compile(ops.round_to(x, 30)).onnx(tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())
