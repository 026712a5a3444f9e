"""Names of parameters on the blackboard, and those that follow from them where a graph is drawn."""

import pickle

import pytest

import autograd
import nn
import viz
from autograd import Value, topological_order
from viz.implied import labels_of
from viz.stages import learning


def labels(model: nn.Module) -> list[str]:
    return [str(p.label) for p in model.parameters()]


def test_a_perceptron():
    assert labels(nn.MLP(2, [2, 1], seed=0)) == [
        "w_11^(1)", "w_12^(1)", "b_1^(1)", "w_21^(1)", "w_22^(1)", "b_2^(1)", "w_11^(2)", "w_12^(2)", "b_1^(2)",
    ]  # fmt: skip
    assert labels(nn.Neuron(2, seed=0)) == ["w_0", "w_1", "b"]
    assert labels(nn.Layer(2, 1, seed=0)) == ["w_11", "w_12", "b_1"]
    assert labels(nn.Layer(12, 1, seed=0))[8:11] == ["w_19", "w_{1,10}", "w_{1,11}"]


def test_sequences_kernels_and_tied_weights():
    first, second = nn.Conv2d(1, 1, 2, seed=0), nn.Conv2d(1, 1, 2, seed=1)
    nn.tie(second, first)
    model = nn.Sequential(first, second, nn.Flatten(), nn.Layer(36, 1, seed=2))
    assert labels(model)[:5] == ["w_{1,1,1,1}^(1)", "w_{1,1,1,2}^(1)", "w_{1,1,2,1}^(1)", "w_{1,1,2,2}^(1)", "b_1^(1)"]
    assert labels(model)[5] == "w_11^(3)"


def test_the_base_is_configurable_and_labels_of_ones_own_stay():
    model = nn.MLP(2, [2], seed=0)
    model.layers[0].neurons[0].w[1].label = "mine"
    nn.name_parameters(model, base=0)
    assert labels(model) == ["w_00^(1)", "mine", "b_0^(1)", "w_10^(1)", "w_11^(1)", "b_1^(1)"]
    weight = pickle.loads(pickle.dumps(model.parameters()[0]))
    assert weight.label == "w_00^(1)"


def test_named_parameters_say_both_and_state_dicts_keep_the_paths():
    model = nn.MLP(2, [2, 1], seed=0)
    model.layers[0].neurons[0].b.label = "mine"
    model.layers[1].neurons[0].b.label = ""
    paths, names = ([name for name, _ in model.named_parameters(blackboard=b)] for b in (False, True))
    assert names == ["w₁₁⁽¹⁾", "w₁₂⁽¹⁾", "mine", "w₂₁⁽¹⁾", "w₂₂⁽¹⁾", "b₂⁽¹⁾", "w₁₁⁽²⁾", "w₁₂⁽²⁾", "layers.1.neurons.0.b"]
    assert paths[:3] == ["layers.0.neurons.0.w.0", "layers.0.neurons.0.w.1", "layers.0.neurons.0.b"]
    other = nn.MLP(2, [2, 1], seed=1)
    other.load_state_dict(model.state_dict())
    assert [p.data for p in other.parameters()] == [p.data for p in model.parameters()]


def test_a_module_of_ones_own():
    class Line(nn.Module):
        def __init__(self) -> None:
            self.slope, self.offset, self.knots = Value(1.0), Value(0.0, label="c"), [Value(2.0), Value(3.0)]

        def __call__(self, x):
            return self.slope * x + self.offset

    model = Line()
    nn.name_parameters(model)
    assert labels(model) == ["slope", "c", "knots_1", "knots_2"]
    nn.name_parameters(nn.Sequential(nn.Layer(1, 1, seed=0), model))
    assert labels(model)[0] == "slope^(2)"


def test_layers_in_attributes_of_a_module_of_ones_own_are_numbered_without_a_word():
    class Scaled(nn.Module):
        def __init__(self) -> None:
            self.scale = Value(2.0)
            self.hidden, self.out = nn.Layer(1, 1, seed=0), {"out": nn.Layer(1, 1, seed=1)}

        def __call__(self, x):
            return self.scale * self.out["out"](self.hidden(x))

    class Further(Scaled):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Neuron(1, seed=2)

    scaled = ["scale^(1)", "w_11^(2)", "b_1^(2)", "w_11^(3)", "b_1^(3)"]
    assert labels(Scaled()) == scaled
    assert labels(Further()) == [*scaled, "w_1^(4)", "b^(4)"]
    assert Scaled.__init__.__doc__ is None and Scaled.__init__.__name__ == "__init__"


def test_a_part_that_knows_what_it_is_part_of_is_named_once():
    class Whole(nn.Module):
        def __init__(self) -> None:
            self.part = nn.Layer(1, 1, seed=0)
            self.part.whole = self

        def __call__(self, x):
            return self.part(x)

    model = Whole()
    assert labels(model) == ["w_11^(1)", "b_1^(1)"]
    assert [part is model.part for part in learning(model)] == [True]
    assert len(viz.network(model, [1.0]).anatomy.stages) == 2
    own = Whole()
    own.part, own.part.whole = Whole(), own
    assert len(viz.network(own, [1.0]).anatomy.stages) == 2


@pytest.mark.parametrize("expand", [False, True])
def test_drives_outputs_and_inputs_are_named_where_they_are_drawn(expand):
    model = nn.MLP(2, [2, 1], activation="tanh", seed=0, expand=expand)
    y = model([0.5, -1.0])
    named = labels_of(topological_order(y))
    drawn = [name for name in named.values() if name[0] in "ax"]
    inputs = [] if expand else ["x_1^(0)", "x_2^(0)"]
    assert sorted(drawn) == sorted([*inputs, "a_1^(1)", "x_1^(1)", "a_2^(1)", "x_2^(1)", "a_1^(2)"])
    assert named[y] == "a_1^(2)"
    assert [v.label for v in topological_order(y) if not v.is_leaf] == [""] * sum(not v.is_leaf for v in topological_order(y))
    assert "a_1^(2)" in [card.label for card in viz.draw(y, engine="builtin").cards.cards]


def test_own_labels_of_drives_win():
    model = nn.Layer(1, 1, activation="tanh", seed=0)
    nn.name_parameters(nn.Sequential(model))
    drive = model.neurons[0]
    y = drive([2.0])
    y._prev[0].label = "net"
    assert [name for v, name in labels_of(topological_order(y)).items() if not v.is_leaf] == ["net"]


def test_folded_pictures_say_the_layer():
    model = nn.MLP(2, [16, 16, 1], activation="tanh", seed=0)
    heads = [card.head for card in viz.draw(model([0.5, -1.0]), fold="packs", engine="builtin").cards]
    assert {
        "32 × w^(1)",
        "16 × b^(1)",
        "256 × w^(2)",
        "16 × w^(3)",
        "2 × x^(0)",
        "16 × a^(2) = Σ₁₆ w·x + b",
        "16 × x^(1) = tanh",
    } <= set(heads), heads


def test_layers_of_the_textbooks_have_the_textbooks_letters():
    model = nn.Sequential(nn.Embedding(2, 1, seed=0), nn.GRU(1, 1, seed=0), nn.BatchNorm(1), nn.RMSNorm(1))
    assert labels(model) == [
        "e_11^(1)", "e_21^(1)",
        "w_11^(2r)", "u_11^(2r)", "b_1^(2r)", "w_11^(2z)", "u_11^(2z)", "b_1^(2z)", "w_11^(2n)", "b_1^(2n)", "u_11^(2n)", "c_1^(2n)",
        "γ_1^(3)", "β_1^(3)", "γ_1^(4)",
    ]  # fmt: skip
    running = model.layers[2].running
    assert [v.label for v in (*running.mean, *running.variance)] == ["m_1^(3)", "v_1^(3)"]
    assert labels(nn.Recurrent(1, 2, seed=0))[:4] == ["w_11", "u_11", "u_12", "b_1"]
    assert labels(nn.LayerNorm(2)) == ["γ_1", "γ_2", "β_1", "β_2"]


def named(model: nn.Module) -> int:
    return sum("label" in vars(p) for p in model.parameters())


def test_names_are_made_when_one_is_asked_for():
    model = nn.Sequential(nn.Recurrent(1, 2, seed=0), nn.MLP(2, [2, 1], seed=0))
    nn.fit(model, [[0.0, 1.0], [1.0, 2.0]], [0.0, 1.0], epochs=3, progress=False)
    assert named(model) == 0
    model.parameters()[0].label = ""
    assert Value(1.0).label == ""
    assert named(model) == len(model.parameters())
    assert labels(model)[:3] == ["", "u_11^(1)", "u_12^(1)"] and labels(model)[-1] == "b_1^(3)"
    copied = pickle.loads(pickle.dumps(nn.MLP(1, [1], seed=0)))
    assert named(copied) == 2 and labels(copied) == ["w_11^(1)", "b_1^(1)"]


def test_a_graph_that_outlives_its_model_has_names():
    y = nn.MLP(1, [2, 1], activation="tanh", seed=0)([0.5])
    assert [v.label for v in topological_order(y) if v.label][:3] == ["w_11^(2)", "w_12^(2)", "w_11^(1)"]


@pytest.mark.parametrize("engine", ["eager", "numpy", "llvm"])
def test_a_training_that_leaves_the_numbers_names_the_weight(engine):
    pytest.importorskip({"eager": "math", "numpy": "numpy", "llvm": "llvmlite"}[engine])
    model = nn.MLP(2, [2, 1], seed=0)
    with pytest.raises(FloatingPointError, match=r"^w₁₁⁽²⁾ became inf in epoch 1: .* the weights it had before$"):
        optimizer = nn.SGD(model.parameters(), lr=1e308)
        nn.fit(model, [[1.0, 1.0], [2.0, 1.0]], [0.0, 1.0], optimizer=optimizer, epochs=5, progress=False, engine=engine)
    assert all(abs(p.data) < 2.0 for p in model.parameters())


# --- Wherever a parameter is spoken of ---


def perceptron(base: int = 1, own: str = "") -> nn.Module:
    model = nn.MLP(2, [2, 1], seed=0)
    if own:
        model.layers[0].neurons[1].w[0].label = own
    nn.name_parameters(model, base=base)
    return model


def tied() -> nn.Module:
    first, second = nn.Conv2d(1, 1, 2, seed=0), nn.Conv2d(1, 1, 2, seed=1)
    nn.tie(second, first)
    return nn.Sequential(first, second)


# A model, a parameter of it, and what the blackboard calls that.
PARAMETERS = {
    "weight": (lambda: nn.MLP(2, [2, 1], seed=0), lambda m: m.layers[0].neurons[1].w[0], "w₂₁⁽¹⁾"),
    "bias": (lambda: nn.MLP(2, [2, 1], seed=0), lambda m: m.layers[0].neurons[1].b, "b₂⁽¹⁾"),
    "the sixteenth input": (lambda: nn.MLP(16, [1], seed=0), lambda m: m.layers[0].neurons[0].w[15], "w₁,₁₆⁽¹⁾"),
    "counted from 0": (lambda: perceptron(base=0), lambda m: m.layers[0].neurons[1].w[0], "w₁₀⁽¹⁾"),
    "of the user's own": (lambda: perceptron(own="my_weight"), lambda m: m.layers[0].neurons[1].w[0], "my_weight"),
    "kernel": (lambda: nn.Sequential(nn.Conv2d(1, 2, 2, seed=0)), lambda m: m.layers[0].weight[1][0][1][0], "w₂,₁,₂,₁⁽¹⁾"),
    "tied": (tied, lambda m: m.layers[1].weight[0][0][1][0], "w₁,₁,₂,₁⁽¹⁾"),
    "embedding": (lambda: nn.Sequential(nn.Embedding(2, 1, seed=0)), lambda m: m.layers[0].weight[1][0], "e₂₁⁽¹⁾"),
    "gate": (lambda: nn.Sequential(nn.Flatten(), nn.GRU(1, 1, seed=0)), lambda m: m.parameters()[1], "u₁₁⁽¹ʳ⁾"),
    "scale": (lambda: nn.Sequential(nn.Flatten(), nn.LayerNorm(2)), lambda m: m.parameters()[1], "γ₂⁽¹⁾"),
}


def message(act) -> str:
    with pytest.raises((FloatingPointError, ValueError, TypeError)) as caught:
        act()
    return str(caught.value)


def anomaly(p: Value) -> None:
    p.data = 0.0
    with autograd.detect_anomaly():
        p.log()


def edited(p: Value) -> None:
    y = p * p
    p.data = 7.0
    autograd.grad(y, p)


SAID = {
    "listing of a loss": lambda p: autograd.compile(p * 2.0).listing(),
    "listing of a function": lambda p: listing_of(lambda x: x * p),
    "detect_anomaly": lambda p: message(lambda: anomaly(p)),
    "an error about edited data": lambda p: message(lambda: edited(p)),
    "an error about a derivation of edited data": lambda p: message(lambda: derived_late(p)),
    "an error about data that is read": lambda p: message(lambda: autograd.compile(lambda x: x * p.data)(1.0)),
    "derivation": lambda p: str(viz.derive(p**2, p)),
    "backward table": lambda p: str(viz.backward_table(p**2)),
    "tooltips": lambda p: viz.draw(p**2, engine="builtin").to_svg(),
    "description": lambda p: viz.draw(p**2, engine="builtin").description,
    "text for Graphviz": lambda p: viz.draw(p**2, engine="builtin").source,
    "the lecture's picture": lambda p: str(viz.draw_dot(p**2)),
    "living picture": lambda p: viz.explore(p**2, engine="builtin").script,
    "folded picture": lambda p: viz.draw(p**2, fold="packs", engine="builtin").description,
    "page of a folded picture": lambda p: viz.draw((p**2).tanh(), fold="packs", engine="builtin").script,
    "C": lambda p: str(autograd.compile(p * 2.0).c()),
    "JavaScript": lambda p: autograd.compile(p * 2.0).javascript(),
}


def listing_of(f) -> str:
    compiled = autograd.compile(f)
    compiled(1.0)
    return compiled.listing()


def derived_late(p: Value) -> None:
    y = p * p
    p.data = 7.0
    viz.derive(y, p)


@pytest.mark.parametrize("what", SAID)
@pytest.mark.parametrize("which", PARAMETERS)
def test_parameters_have_the_same_name_everywhere(which, what):
    make, parameter, name = PARAMETERS[which]
    if "compile" in what or "fold" in what or "listing" in what or what in ("C", "JavaScript", "living picture"):
        pytest.importorskip("numpy")
    model = make()
    said = SAID[what](parameter(model))
    assert name in said, said
