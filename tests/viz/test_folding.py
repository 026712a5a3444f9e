"""Folded pictures: every Value is in exactly one group, strips and ranges show the true numbers, patterns are seen as such."""

import math
import random
import re
import sys
from collections import Counter
from unittest.mock import patch
from xml.etree import ElementTree

import pytest

pytest.importorskip("numpy")

import numpy as np

import autograd
import nn
from autograd import Value, dot, exp, log, sigmoid, softmax, topological_order
from benchmarks import compiling
from tests.viz.test_draw import NASTY, fresh_process
from viz import Graph, draw, implied
from viz.folded import MOST_CARDS, FoldedGraph
from viz.folding import folded
from viz.groups import _subsets_joined
from viz.implied import common_label
from viz.normal_form import NormalForm
from viz.svg import said_once
from viz.ties import places_in, tie


def xor(samples: int = 4) -> Value:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=1)
    data = [([0, 0], -1.0), ([0, 1], 1.0), ([1, 0], 1.0), ([1, 1], -1.0)]
    return sum([(model(x) - t) ** 2 for x, t in (data * samples)[:samples]])


def deep(length: int = 1000) -> Value:
    x = Value(0.3, label="x")
    for _ in range(length):
        x = x.tanh()
    return x


def blocks() -> Value:
    return nn.MLP(4, [8] * 80 + [1], activation="tanh", seed=1)([1.0, 2.0, 3.0, 4.0])


def convolution() -> Value:
    model = nn.Conv2d(1, 2, 3, seed=0) if hasattr(nn, "Conv2d") else None
    image = [[Value(0.1 * i * j) for i in range(8)] for j in range(8)]
    maps = np.array(model([image]), dtype=object).ravel()
    return sum(v.tanh() for v in maps)


def places() -> Value:
    """A causal transformer: at each of five places softmax takes the largest of one key more, so that no two are on one level."""
    letters, query, key, value, scores = (
        [[Value(math.sin(9 * m + 4 * i + j)) for j in range(4)] for i in range(8)] for m in range(5)
    )
    rows = [[a + b for a, b in zip(letters[i], letters[-i], strict=True)] for i in (1, 2, 3, 2, 1)]
    projected = [[[dot(w, x) for w in weights[:4]] for x in rows] for weights in (query, key, value)]
    seen = nn.attention(*projected, causal=True)
    added = [[a + b for a, b in zip(x, y, strict=True)] for x, y in zip(rows, seen, strict=True)]
    chances = [softmax([dot(w, x) for w in scores]) for x in added]
    return autograd.sum([-log(row[i]) for i, row in enumerate(chances)]) / 5


def tangled() -> Value:
    """No two parts alike."""
    values = [Value(0.1 * i, label=f"v{i}") for i in range(6)]
    for i in range(300):
        a, b = values[(i * 7) % len(values)], values[(i * 11 + 3) % len(values)]
        values.append([a + b * 0.5, (a * b).tanh(), (a - b).sin(), a / (b * b + 1.0)][i % 4])
    return values[-1] * values[-2] + values[-3]


MAKERS = {
    "xor": xor,
    "moons": compiling.LOSSES["demo"](),
    "transformer": compiling.LOSSES["transformer"](),
    "deep": deep,
    "blocks": blocks,
    "convolution": convolution,
    "places": places,
    "tangled": tangled,
}


@pytest.fixture(scope="module", params=list(MAKERS))
def loss(request: pytest.FixtureRequest) -> Value:
    made = MAKERS[request.param]()
    made.backward()
    return made


@pytest.fixture(scope="module")
def moons() -> Value:
    made = MAKERS["moons"]()
    made.backward()
    return made


def test_every_value_is_in_exactly_one_group(loss):
    form = NormalForm([loss])
    groups = folded(form, "packs", MOST_CARDS)
    belongs = Counter(i for group in groups.values() for i in group.parts.tolist())
    assert set(belongs.values()) == {1}
    assert set(form.owners.tolist()) == set(belongs)
    picture = draw(loss, fold="packs", engine="builtin")
    assert sum(card.values for card in picture.cards) == len(topological_order(loss))
    assert 1 < len(picture.cards) <= MOST_CARDS


def test_strips_and_ranges_show_the_true_numbers(loss):
    form = NormalForm([loss])
    groups = folded(form, "packs", MOST_CARDS)
    for group, card in zip(groups.values(), draw(loss, fold="packs", engine="builtin").cards, strict=True):
        values = [form.values[i] for i in group.members.tolist()]
        assert card.data_range == (min(v.data for v in values), max(v.data for v in values))
        assert card.grad_range == (min(v.grad for v in values), max(v.grad for v in values))
        assert len(card.data) <= 32
        if len(card.data) == len(values):
            assert card.data == tuple(v.data for v in values)
            assert card.grads == tuple(v.grad for v in values)
        if len(values) % len(card.data) == 0:
            assert math.fsum(card.data) / len(card.data) == pytest.approx(
                math.fsum(v.data for v in values) / len(values), abs=1e-9
            )


def test_the_picture_is_small_and_well_formed(loss):
    picture = draw(loss, fold="packs", engine="builtin")
    text = picture.to_svg()
    assert len(text) < 200_000
    root = ElementTree.fromstring(text)
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == len(picture.cards) + len(picture.ties)
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {"svg", "g", "rect", "path", "text", "tspan", "title"}
    assert draw(loss, fold="packs", engine="builtin").to_svg() == text


@pytest.mark.parametrize(
    ("name", "fold"), [("xor", "samples"), ("moons", "packs"), ("transformer", "packs"), ("blocks", "packs")]
)
def test_spy_pictures_stand_side_by_side(name, fold):
    text = draw(MAKERS[name](), fold=fold, engine="builtin").to_svg()
    places = [tuple(map(float, place)) for place in re.findall(r'<rect x="([-\d.]+)" y="([-\d.]+)" width="20" height="20"', text)]
    assert len(places) >= 5
    assert not [(a, b) for i, a in enumerate(places) for b in places[:i] if max(abs(a[0] - b[0]), abs(a[1] - b[1])) < 19.5]


def heads(picture: FoldedGraph) -> list[str]:
    return [f"{card.head} | {card.note}" if card.note else card.head for card in picture.cards]


def test_the_moons_loss(moons):
    picture = draw(moons, engine="builtin")
    assert repr(picture) == "<FoldedGraph of the result: 65,818 values in 17 cards, placed by builtin>"
    shown = heads(picture)
    for head in ("2 × x", "16 × Σ₂ w·x + b", "16 × relu", "16 × Σ₁₆ w·x + b", "Σ₁₆ w·x + b", "c·a + c"):
        assert f"{head} | 100 samples" in shown, shown
    assert {"Σ₁₀₀ a", "Σ₃₃₇ x²", "Σ₂ c·a", "32 × w", "256 × w", "16 × b"} <= set(shown)


def test_the_transformer():
    shown = heads(draw(MAKERS["transformer"](), engine="builtin"))
    assert sum("RMS norm | x/√(mean x² + ε)" in head for head in shown) == 3
    assert sum("softmax" in head for head in shown) == 2
    assert any(head.startswith("16 × attention") for head in shown), shown
    assert {"64 × relu | 7 samples", "1,024 × w"} <= set(shown)


def vector(n: int) -> list[Value]:
    return [Value(0.1 * i * i - 0.3, label=f"x_{i}") for i in range(1, n + 1)]


LAYERS = {
    "LayerNorm": (lambda: nn.LayerNorm(4)(vector(4)), ["4 × LayerNorm | (x − mean)/√(variance + ε)", "4 × γ", "4 × β"]),
    "RMSNorm": (lambda: nn.RMSNorm(4)(vector(4)), ["4 × RMS norm | x/√(mean x² + ε)", "4 × γ"]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_named_as_such(name):
    make, wanted = LAYERS[name]
    picture = draw(make(), fold="packs", engine="builtin")
    shown = heads(picture)
    assert set(wanted) <= set(shown), shown
    assert not {"sqrt", "4 × ÷"} & set(shown)
    pieces = next(
        p for card, p in zip(picture.cards, picture.data["pieces"], strict=True) if card.head == wanted[0].split(" |")[0]
    )
    assert [piece["form"] for piece in pieces][-1] == "÷"


ROWS = [[0.5, 1.0, 0.1, 0.2, -0.3, 0.7], [0.1, -1.0, 0.3, 0.4, 0.5, 0.6], [0.2, 0.9, 0.3, 0.1, 0.1, -0.2]]
RAGGED = [ROWS[0], ROWS[1][:4], ROWS[2][:2], ROWS[2]]
WORDS = [[0.0, 1.0], [2.0, 3.0, 4.0], [3.0, 0.0]]


def squares(model: nn.Module, rows: list[list[float]] = ROWS) -> Value:
    return sum([(model([Value(x) for x in row]) - 1.0) ** 2 for row in rows])


def headed(cell: nn.Module, *before: nn.Module) -> nn.Module:
    return nn.Sequential(*before, cell, nn.Layer(3, 1, nonlin=False, seed=1))


def batch_normalised() -> Value:
    first, norm, last = nn.Layer(2, 3, seed=0), nn.BatchNorm(3), nn.Layer(3, 1, nonlin=False, seed=1)
    nn.name_parameters(nn.Sequential(first, norm, last))
    return sum([(last(row) - 1.0) ** 2 for row in norm.batch([first(row[:2]) for row in ROWS])])


def two_embeddings() -> Value:
    words, places, last = nn.Embedding(5, 2, seed=0), nn.Embedding(3, 2, seed=1), nn.Layer(2, 1, nonlin=False, seed=1)
    found = [zip(words(Value(x)), places(Value(y)), strict=True) for x, y in ((0.0, 1.0), (2.0, 2.0), (4.0, 0.0))]
    return sum([(last([a + b for a, b in pairs]) - 1.0) ** 2 for pairs in found])


def attending(*, causal: bool, layers: int = 1) -> Value:
    rows, last = [[Value(0.1 * i + j, label=f"x_{i}") for i in range(3)] for j in range(4)], nn.Layer(3, 1, nonlin=False, seed=9)
    projections = [[nn.Layer(3, 3, nonlin=False, seed=3 * n + m) for m in range(3)] for n in range(layers)]
    nn.name_parameters(nn.Sequential(*[layer for each in projections for layer in each], last))
    for each in projections:
        rows = nn.attention(*[[layer(row) for row in rows] for layer in each], causal=causal)
    return sum([(last(row) - 1.0) ** 2 for row in rows])


def dropping() -> Value:
    model, found = headed(nn.Dropout(0.4, seed=0), nn.Layer(2, 3, seed=0)), []
    for sample, row in enumerate(ROWS):
        with nn.drawing(1, sample):
            found.append((model([Value(x) for x in row[:2]]) - 1.0) ** 2)
    return sum(found)


_GRU = "3 × GRU | (1 − z)·n + z·h, 3 steps"
_PLAIN = "3 × x^(1) = Recurrent | tanh(w·x + u·h + b), 3 steps"
_KERNELS = {"15 × w^(1r), u^(1r)", "15 × w^(1z), u^(1z)", "6 × w^(1n)", "9 × u^(1n)", "3 × b^(1r)", "3 × c^(1n)"}
_KEPT = {"3 × BatchNorm | (x − m)/√(v + ε) · 3 samples", "3 × γ^(2)", "3 × β^(2)", "3 × m^(2)", "3 × v^(2)"}
_ROW = "Embedding | the row with this number"
# A loss over a few samples, how many cards it is, and some of them.
LOSSES = {
    "BatchNorm": (
        lambda: squares(headed(nn.BatchNorm(3), nn.Layer(2, 3, seed=0)), [row[:2] for row in ROWS]), 15, _KEPT,
    ),
    "BatchNorm in training": (
        batch_normalised, 13, {"3 × BatchNorm | (x − mean)/√(variance + ε) · 3 samples", "3 × γ^(2)", "3 × β^(2)"},
    ),
    "LayerNorm": (
        lambda: squares(headed(nn.LayerNorm(3), nn.Layer(6, 3, seed=0))), 13,
        {"3 × LayerNorm | (x − mean)/√(variance + ε) · 3 samples", "3 × γ^(2)", "3 × β^(2)"},
    ),
    "Dropout": (dropping, 10, {"3 × Dropout | × 0 or 1.667 · 3 samples", "3 × x^(1) = relu | 3 samples"}),
    "Recurrent": (lambda: squares(headed(nn.Recurrent(2, 3, seed=0))), 8, {f"{_PLAIN} · 3 samples", "15 × w^(1), u^(1)"}),
    "Recurrent, ragged": (lambda: squares(headed(nn.Recurrent(2, 3, seed=0)), RAGGED), 8, {f"{_PLAIN} · 4 samples"}),
    "GRU": (lambda: squares(headed(nn.GRU(2, 3, seed=0))), 14, {f"{_GRU} · 3 samples", "6 × x^(0) | 3 samples", *_KERNELS}),
    "GRU, ragged": (lambda: squares(headed(nn.GRU(2, 3, seed=0)), RAGGED), 14, {f"{_GRU} · 4 samples", *_KERNELS}),
    "Embedding and GRU": (
        lambda: squares(headed(nn.GRU(2, 3, seed=0), nn.Embedding(5, 2, seed=0)), WORDS), 16,
        {f"{_GRU} · 3 samples", f"14 × {_ROW}", "10 × e^(1)"},
    ),
    "Recurrent, one step": (
        lambda: squares(headed(nn.Recurrent(6, 3, seed=0))), 8,
        {"3 × x^(1) = Recurrent | tanh(w·x + u·h + b), 1 step · 3 samples", "27 × w^(1), u^(1)"},
    ),
    "GRU, one step": (
        lambda: squares(headed(nn.GRU(6, 3, seed=0))), 14, {"3 × GRU | (1 − z)·n + z·h, 1 step · 3 samples", "9 × u^(1n)"},
    ),
    "two GRUs, one step": (
        lambda: squares(headed(nn.GRU(3, 3, seed=1), nn.GRU(6, 3, seed=0))), 23, {"3 × GRU | (1 − z)·n + z·h, 1 step · 3 samples"},
    ),
    "attention": (
        lambda: attending(causal=False), 17,
        {"3 × attention | Σ p·v · 4 samples", "4 × softmax | exp(a)/Σ exp(a) · 4 samples", "4 × Σ₃ q·k ÷ 1.732 | 4 samples", "12 × x"},
    ),
    "causal attention": (
        lambda: attending(causal=True), 17,
        {"3 × attention | Σ p·v · 4 samples", "10 × softmax | exp(a)/Σ exp(a)", "10 × Σ₃ q·k ÷ 1.732", "12 × a^(2) = Σ₃ w·x + b"},
    ),
    "causal attention, two layers": (
        lambda: attending(causal=True, layers=2), 29, {"12 × attention | Σ p·v", "3 × attention | Σ p·v · 4 samples"},
    ),
    "two Embeddings": (two_embeddings, 10, {f"2 × {_ROW} · 3 samples", f"2 × {_ROW} + a · 3 samples"}),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_layers_of_the_textbooks_are_cards_of_their_own(name):
    make, cards, wanted = LOSSES[name]
    loss = make()
    loss.backward()
    picture = draw(loss, fold="packs", engine="builtin")
    shown = heads(picture)
    assert len(shown) == cards and wanted <= set(shown), shown
    assert sum(card.values for card in picture.cards) == len(topological_order(loss))
    form = NormalForm([loss])
    belongs = Counter(i for group in folded(form, "packs", MOST_CARDS).values() for i in group.parts.tolist())
    assert set(belongs.values()) == {1} and set(form.owners.tolist()) == set(belongs)


def test_rows_of_an_embedding_that_plain_numbers_chose():
    model = nn.Sequential(nn.Embedding(5, 2, seed=0), nn.Flatten(), nn.Layer(4, 1, nonlin=False, seed=1))
    loss = sum([(model(row) - 1.0) ** 2 for row in ([0, 1], [1, 2], [3, 0])])
    assert "8 × e^(1) = Embedding" in heads(draw(loss, fold="packs", engine="builtin"))


def test_what_goes_through_the_same_weights_again_is_one_card_and_what_does_not_is_none():
    layer, last = nn.Layer(3, 3, activation="tanh", seed=0), nn.Layer(3, 1, nonlin=False, seed=1)
    once = [layer([Value(x) for x in row[:3]]) for row in ROWS]
    again = [layer([a.sin() for a in layer(row)]) for row in once]
    apart, through = (heads(draw(sum([last(row) for row in rows]), fold="packs", engine="builtin")) for rows in (once, again))
    assert "3 × tanh | 3 samples" in apart and not [head for head in apart if "recurrent" in head.lower()]
    assert "3 × recurrent | the same weights, 3 steps · 3 samples" in through, through
    state = nn.Recurrent(2, 3, seed=0)([Value(x) for x in ROWS[0]])
    kept = heads(draw([v.tanh() for v in state], fold="packs", engine="builtin"))
    assert {"3 × tanh", "3 × Recurrent | tanh(w·x + u·h + b), 3 steps"} <= {head.replace("x = ", "") for head in kept}, kept


def test_attention_of_nn_is_seen_as_such():
    rows = [[Value(0.1 * i + j, label=f"x_{i}{j}") for i in range(3)] for j in range(4)]
    shown = heads(draw([v for row in nn.attention(rows, rows, rows) for v in row], fold="packs", engine="builtin"))
    assert any("softmax | exp(a)/Σ exp(a)" in head for head in shown), shown
    assert any("attention" in head for head in shown), shown


def test_what_repeats_is_one_card():
    assert "1,264 × tanh(Σ₈ w·x + b) | 79 × the same" in heads(draw(blocks(), engine="builtin"))
    assert "5,000 × tanh | 5000 × the same" in heads(draw(deep(5000), engine="builtin"))


def test_layers_and_samples():
    assert heads(draw(xor(), fold="layers", engine="builtin")) == [
        "2 × x^(0) | 4 samples",
        "3 × x^(1) = tanh(Σ₂ w·x + b) | 4 samples",
        "(Σ₃ w·x + b + c)² | 4 samples",
        "Σ₄ a",
    ]
    shown = heads(draw(xor(), fold="samples", engine="builtin"))
    named = {"x_1^(0)", "x_2^(0)", "a_2^(1) = Σ₂ w·x + b", "x_3^(1) = tanh"}
    assert {f"{head} | 4 samples" for head in named} | {"w_11^(1)", "b_1^(2)"} <= set(shown), shown
    with pytest.raises(ValueError, match="this graph has none"):
        draw(blocks(), fold="samples")


def test_places_of_a_text_are_alike_however_far_each_looks_back():
    made = draw(places(), engine="builtin")
    assert heads(made) == [
        "16 × w", "16 × w", "24 × numbers", "20 × +", "4 × Σ₄ w·x | 5 samples", "20 × Σ₄ w·x", "15 × Σ₄ q·k ÷ 2",
        "15 × softmax | exp(a)/Σ exp(a)", "32 × w", "16 × w", "20 × Σ₄ w·x", "4 × attention | Σ p·v · 5 samples",
        "4 × + | 5 samples", "8 × Σ₄ w·x | 5 samples", "softmax | exp(a)/Σ exp(a) · 5 samples", "log | 5 samples", "−Σ₅ a ÷ 5",
    ]  # fmt: skip
    [softmaxes] = [p for card, p in zip(made.cards, made.data["pieces"], strict=True) if card.head == "softmax"]
    assert [(p["count"], p["form"]) for p in softmaxes] == [(35, "max"), (40, "−"), (40, "exp"), (5, "Σ₈ a"), (5, "÷")]


@pytest.mark.parametrize("most", [5, 12, 30])
@pytest.mark.parametrize("name", MAKERS)
def test_however_few_the_cards_every_value_is_in_one_group(name, most):
    form = NormalForm([MAKERS[name]()])
    groups = folded(form, "auto", most)
    assert len(groups) <= most
    belongs = Counter(i for group in groups.values() for i in group.parts.tolist())
    assert set(belongs.values()) == {1} and set(form.owners.tolist()) == set(belongs)
    seen = set()
    for k, group in groups.items():
        assert seen.issuperset(group.entries), "operands first"
        seen.add(k)


@pytest.mark.parametrize(("name", "samples"), [("moons", 100), ("transformer", 7)])
def test_samples_that_are_large_themselves_are_folded_by_packs(name, samples):
    made = draw(MAKERS[name](), fold="samples", engine="builtin")
    assert heads(made) == heads(draw(MAKERS[name](), fold="packs", engine="builtin"))
    assert f"relu | {samples} samples" in " ".join(heads(made)) and len(made.to_svg()) < 200_000


def test_what_is_folded_to_bands_keeps_its_names():
    """More kinds of computation than cards: what repeats is one card, and norms, softmax and attention are called so on it."""
    form = NormalForm([MAKERS["transformer"]()])
    told = [f"{group.form} {group.title}" for group in folded(form, "auto", 12).values()]
    assert len(told) <= 12
    for name in ("RMS norm", "softmax"):
        assert any(name in text for text in told), told
    assert not any("exp(a)" in text for text in told), told


def test_a_rule_of_ones_own():
    loss = xor()
    picture = draw(loss, fold=lambda v: "leaf" if v.is_leaf else id(v) if v._op == "+" else v._op, engine="builtin")
    assert sum(card.values for card in picture.cards) == len(topological_order(loss))
    with pytest.raises(ValueError, match="names no group for Value"):
        draw(xor(), fold=lambda v: None)
    with pytest.raises(TypeError, match=r"such as a text, got \['tanh'\]"):
        draw(xor(), fold=lambda v: [v._op] if v._op == "tanh" else "other")
    x = Value(1.0)
    with pytest.raises(ValueError, match="depend on each other"):
        draw(x.tanh().sin().tanh(), fold=lambda v: v._op)


@pytest.mark.parametrize("fold", ["pack", "", None, 3, True])
def test_unknown_folds(fold):
    with pytest.raises(ValueError, match="fold must be one of 'auto', 'packs', 'layers', 'samples', False"):
        draw(Value(1.0), fold=fold)


def test_small_graphs_are_not_folded_by_themselves():
    assert isinstance(draw(xor()), Graph)
    assert isinstance(draw(xor(), max_nodes=20), FoldedGraph)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda xs, ws: [x.tanh() for x in xs], "one to one"),
        (lambda xs, ws: [dot(w, xs) for w in ws], "all 6 to all 4"),
        (lambda xs, ws: [dot(ws[0], xs)], "all 6 to 1"),
        (lambda xs, ws: [dot(ws[0][:3], xs[i : i + 3]) for i in range(4)], "window of 3"),
        (lambda xs, ws: [dot(ws[0][:2], xs[2 * i : 2 * i + 2]) for i in range(3)], "2 to 1, 3 times"),
        (lambda xs, ws: [dot(ws[0][:2], [xs[i], xs[j]]) for i, j in ((0, 1), (0, 2), (3, 1), (5, 4))], "gathers 2"),
    ],
)
def test_ties(make, name):
    xs = [Value(0.1 * i, label="x") for i in range(6)]
    ws = [[Value(0.2, label="w") for _ in xs] for _ in range(4)]
    form = NormalForm([v.sin() for v in make(xs, ws)])
    groups = folded(form, lambda v: v.label or v._op, MOST_CARDS)
    source = next(k for k, group in groups.items() if form.values[group.members[0]].label == "x")
    target = next(k for k, group in groups.items() if source in group.entries)
    found = tie(form, groups, places_in(form, groups), source, target)
    assert found.name == name
    assert all(0 <= row < found.rows and 0 <= column < found.columns for row, column in found.spy)


def shares(own: bool = False) -> tuple[list[Value], list[Value]]:
    """A softmax, that of ``autograd`` or one written with Python's own ``sum``, and its exps where these are known."""
    scores = [Value(math.sin(i), label="a") for i in range(8)]
    powers = [exp(a) for a in scores]
    norm = sum(powers)
    return ([e / norm for e in powers], powers) if own else (softmax(scores), [])


def weighed(part: list[Value]) -> Value:
    return dot(part, [Value(0.1 * i, label="v") for i, _ in enumerate(part)])


READ_IN_PLACES = {
    "in halves": lambda p: weighed(p[:4]).tanh() + weighed(p[4:]),
    "overlapping": lambda p: weighed(p[:5]).tanh() + weighed(p[3:]),
    "one by one": lambda p: p[0].sin() * p[1] + p[2].tanh(),
    "as a whole, twice": lambda p: weighed(p).tanh() - sum([a * log(a) for a in p]),
}


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("name", READ_IN_PLACES)
def test_a_softmax_that_is_read_in_several_places_is_one_card(name, own):
    loss = READ_IN_PLACES[name](shares(own)[0])
    loss.backward()
    made = draw(loss, fold="packs", engine="builtin")
    assert len([head for head in heads(made) if "softmax | exp(a)/Σ exp(a)" in head]) == 1, heads(made)
    assert not [card for card in made.cards if re.search(r"exp$|÷|max$", card.head) and "softmax" not in card.head]
    assert sum(card.values for card in made.cards) == len(topological_order(loss))


def test_exps_that_are_read_elsewhere_too_are_no_softmax():
    p, powers = shares(own=True)
    shown = heads(draw(weighed(p[:4]).tanh() + weighed(p[4:]) + powers[2].sin(), fold="packs", engine="builtin"))
    assert not [head for head in shown if "softmax" in head], shown


def test_a_sigmoid_written_out_is_no_softmax():
    xs = [Value(0.1 * i) for i in range(300)]
    shown = heads(draw(sum([exp(x) / (exp(x) + 1.0) for x in xs]), engine="builtin"))
    assert not [head for head in shown if "softmax" in head]
    assert isinstance(draw(sum([sigmoid(x) for x in xs])), FoldedGraph)


@pytest.mark.parametrize("label", NASTY)
def test_any_label_is_text(label):
    xs = [Value(0.1 * i, label=label) for i in range(200)]
    picture = draw(sum(x * x for x in xs), engine="builtin")
    text = picture.to_svg()
    ElementTree.fromstring(text)
    assert "<script" not in text
    assert picture.source.count("->") == len(picture.ties)


def test_bytes_do_not_depend_on_the_process():
    program = "from benchmarks import compiling as c; import viz; print(viz.draw(c.transformer()(), engine='builtin').to_svg())"
    first, second = (fresh_process(program, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout and "<svg" in first.stdout


def test_notebooks_and_files(tmp_path, moons):
    picture = draw(moons, engine="builtin")
    assert re.match(r'<div id="chalkgrad-\w+-\d+"', picture._repr_html_())
    assert picture.save(tmp_path / "a.svg").read_text(encoding="utf-8") == picture.to_svg()
    assert said_once(picture.to_svg()) in picture.save(tmp_path / "a.html").read_text(encoding="utf-8")
    assert picture.description.startswith("Computation graph of the result, 65,818 values folded into 17 groups. ")
    for engine in ("auto", "builtin"):
        for rankdir in ("LR", "TB"):
            ElementTree.fromstring(draw(moons, engine=engine, rankdir=rankdir).to_svg())


def test_without_numpy_the_error_names_the_extra(monkeypatch):
    x = Value(1.0)
    for _ in range(200):
        x = x.sin() * Value(2.0)
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ImportError, match=r'pip install "chalkgrad\[fast\]"'):
        draw(x)


def test_ops_by_hand_are_named():
    x = Value(1.0, label="x")
    for _ in range(200):
        x = Value(x.data, (x,), "mine", label="by hand")
    with pytest.raises(TypeError, match="folded by the compiler's normal form, but the node labelled 'by hand'"):
        draw(x)


class Compared(frozenset):
    """A set that counts how often it was asked whether it is part of another."""

    times = 0

    def __lt__(self, other):
        Compared.times += 1
        return super().__lt__(other)


def test_groups_join_the_largest_of_their_kind_that_has_all_their_uses():
    rng = random.Random(5)
    for _ in range(200):
        kinds = [rng.randrange(3) for _ in range(12)]
        uses = [frozenset(rng.sample(range(6), rng.randrange(4))) for _ in kinds]
        for i, number in enumerate(_subsets_joined(kinds, uses).tolist()):
            larger = [j for j in range(12) if kinds[j] == kinds[i] and uses[i] < uses[j]]
            assert number == (max(larger, key=lambda j: len(uses[j])) if larger else i)


def test_parameters_of_many_layers_are_not_compared_each_with_each():
    Compared.times = 0
    count = 3000
    _subsets_joined([0] * count, [Compared([i, count + i]) for i in range(count)])
    assert Compared.times <= 2 * count


@pytest.mark.parametrize(
    "pieces", [("w", "_1", "_{10,2}", "^(1)"), ("a_1", "^(b_2)", "^{c_3}", ")", "{", "_xy", "\0"), ("", "_", "^", "_7", "^2")]
)
def test_what_labels_have_in_common_does_not_depend_on_their_indices(pieces):
    rng = random.Random(3)
    for _ in range(300):
        labels = ["".join(rng.choices(pieces, k=rng.randrange(1, 5))) for _ in range(rng.randrange(2, 5))]
        whole = common_label(labels, 2)
        with patch.object(implied, "_without_indices", list):
            assert common_label(labels, 2) == whole, labels
