"""Pictures of networks: what they say is what the network does, at every level, for one sample and for many."""

import math
import re
from xml.etree import ElementTree

import pytest

import nn
import viz
from autograd import Value
from viz import network_svg
from viz.svg import width_of

SVG = "{http://www.w3.org/2000/svg}"


def moons():
    return nn.moons(20, noise=0.1, seed=0)


def model(activation="relu", seed=1):
    return nn.MLP(2, [16, 16, 1], activation=activation, seed=seed)


def bce(score, target):
    return nn.losses.bce(score, target)


def parsed(picture):
    return ElementTree.fromstring(picture.to_svg())


def convolutional():
    parts = [nn.Unflatten(1, 8, 8), nn.Conv2d(1, 4, 3, activation="relu", seed=0), nn.AvgPool2d(2), nn.Flatten()]
    return nn.Sequential(*parts, nn.Layer(36, 10, activation="linear", seed=1))


@pytest.mark.parametrize("level", ["model", "layers", "neurons", (1, 16), (3, 1)])
@pytest.mark.parametrize("samples", [0, 1, 20])
def test_every_level_of_every_number_of_samples(level, samples):
    data = moons()
    x, y = (None, None) if not samples else (data.X[0], data.y[0]) if samples == 1 else (data.X, data.y)
    picture = (
        viz.network(model(), x, y, loss=bce if samples else None, level=level) if samples else viz.network(model(), level=level)
    )
    root = parsed(picture)
    assert root.get("role") == "img"
    assert picture.to_svg() == viz.network(model(), x, y, loss=bce if samples else None, level=level).to_svg(), "the same bytes"
    assert picture.description in root.get("aria-label")
    assert len(picture.to_svg()) < 200_000


def test_its_numbers_are_those_of_the_network():
    net, data = model("tanh"), moons()
    seen = viz.network(net, data.X, data.y, loss=bce).anatomy
    assert [stage.units for stage in seen.stages] == [2, 16, 16, 1]
    assert list(seen.stages[-1].data[0]) == net.predict(data.X)
    net.zero_grad()
    for row, target in zip(data.X, data.y, strict=True):
        bce(net(row), target).backward()
    for k, layer in enumerate(net.layers, 1):
        weights = seen.stages[k].weights
        for i, neuron in enumerate(layer.neurons):
            assert weights.data[i] == tuple(w.data for w in neuron.w)
            assert weights.gradients[i] == pytest.approx([w.grad / len(data.X) for w in neuron.w], rel=1e-9, abs=1e-15)
            assert weights.bias_gradients[i] == pytest.approx(neuron.b.grad / len(data.X), rel=1e-9, abs=1e-15)


def test_gradients_of_the_units_are_those_of_the_loss():
    net = nn.MLP(2, [2, 1], activation="tanh", seed=3)
    x = [Value(0.5), Value(-1.0)]
    hidden = net.layers[0](x)
    loss = (net.layers[1](hidden) - 1) ** 2
    loss.backward()
    seen = viz.network(net, [0.5, -1.0], loss=lambda score: (score - 1) ** 2).anatomy
    assert [course[0] for course in seen.stages[1].gradients] == [h.grad for h in hidden]
    assert [course[0] for course in seen.stages[0].gradients] == [v.grad for v in x]


def test_nothing_is_written_into_the_model():
    net = model()
    before = [(p.data, p.grad) for p in net.parameters()]
    viz.network(net, moons().X).to_svg()
    assert [(p.data, p.grad) for p in net.parameters()] == before


def test_what_is_wrong_is_said():
    net, data = model("relu"), moons()
    for neuron in net.layers[0].neurons[:3]:
        neuron.b.data = -100.0
    picture = viz.network(net, data.X, data.y, loss=bce)
    dead = sum(all(neuron(row).data == 0.0 for row in data.X) for neuron in net.layers[0].neurons)
    assert dead >= 3
    assert f"{dead} of 16 neurons in layer 1 are dead for all 20 samples." in picture.findings
    assert all(line in " ".join(parsed(picture).itertext()) for line in picture.findings)
    net = model("tanh")
    net.layers[1].neurons[0].b.data = 50.0
    assert "1 of 16 neurons in layer 2 is saturated for this sample." in viz.network(net, data.X[0]).findings
    net = model("relu")
    for p in net.parameters():
        p.data *= 1e4
    assert any(line.startswith("Gradients in layer 1 are as large as ") for line in viz.network(net, data.X[0]).findings)
    net.layers[0].neurons[0].b.data = math.inf
    assert any(line.endswith("are infinite or no numbers.") for line in viz.network(net, data.X[0]).findings)


def test_what_is_wrong_is_seen():
    """Struck through, and said where one points; a map that is dead as a whole; gradients that explode in their column and box."""
    net, data = model("relu"), moons()
    for neuron in net.layers[0].neurons[:3]:
        neuron.b.data = -100.0
    picture = viz.network(net, data.X, data.y, loss=bce)
    struck = sum(sum(stage.still) for stage in picture.anatomy.stages)
    root = parsed(picture)
    assert struck >= 3
    assert len([path for path in root.iter(f"{SVG}path") if path.get("stroke") and path.get("stroke-width") == "1.6"]) == struck
    assert len([title for title in root.iter(f"{SVG}title") if title.text.endswith("; dead for all 20 samples")]) == struck
    assert "struck through" not in "".join(parsed(viz.network(model("tanh"), data.X)).itertext())
    maps = convolutional()
    kernels = next(layer for layer in maps.layers if hasattr(layer, "weight"))
    kernels.bias[0].data = -1e3
    seen = viz.network(maps, [[float(i % 7) for i in range(64)]] * 2)
    assert seen.findings[0].startswith("1 of 4 maps in layer")
    for p in net.parameters():
        p.data *= 1e4
    for level, begun in (("neurons", "|∂| up to "), ("layers", "max |x| ")):
        root = parsed(viz.network(net, data.X, level=level))
        assert any(text.text.startswith(begun) and text.get("font-weight") == "bold" for text in root.iter(f"{SVG}text"))


@pytest.mark.parametrize("x", [0.00012345, 1.2345e-300])
def test_numbers_stay_within_what_they_stand_in(x):
    net = nn.Sequential(nn.Layer(1, 1, activation="linear", seed=0))
    net.parameters()[0].data, net.parameters()[1].data = 1.0, 0.0
    for level, width in (("neurons", 30), ("layers", 150)):
        said = [
            text for text in parsed(viz.network(net, [x], level=level)).iter(f"{SVG}text") if re.search(r"12|1\.2", text.text)
        ]
        assert said
        for text in said:
            assert width_of(text.text, float(text.get("font-size"))) <= width, (level, text.text)


@pytest.mark.parametrize("level", ["model", "layers", "neurons", (2, 1)])
def test_a_file_of_svg_holds_the_words_in_lines_as_wide_as_the_picture(level):
    net = nn.MLP(2, [3, 1], activation="relu", seed=0)
    for neuron in net.layers[0].neurons:
        neuron.b.data = -100.0
    picture = viz.network(net, moons().X, level=level)
    root = parsed(picture)
    lines = [text for text in root.iter(f"{SVG}text") if text.get("text-anchor") == "start" and float(text.get("y")) > 50]
    said = " ".join(text.text for text in lines)
    assert said == " ".join(
        [*network_svg.legend(picture.anatomy, level if isinstance(level, str) else "neuron"), *picture.findings]
    )
    for text in lines:
        assert float(text.get("x")) + width_of(text.text, 12) <= float(root.get("width")), text.text
        assert float(text.get("y")) < float(root.get("height"))
    assert len(lines) > len(picture.findings) + 1 or level != "neurons", "a picture 330 wide has to wrap them"


def test_neurons_edges_and_rings_are_drawn():
    net = nn.MLP(3, [4, 2], seed=0)
    root = parsed(viz.network(net, [1.0, 2.0, 3.0]))
    assert len(list(root.iter(f"{SVG}circle"))) == 3 + 4 + 2
    curves = [path for path in root.iter(f"{SVG}path") if "C" in path.get("d")]
    assert len(curves) == 3 * 4 + 4 * 2


def test_wide_layers_are_shortened():
    root = parsed(viz.network(nn.MLP(64, [3], seed=0), [1.0] * 64))
    assert len(list(root.iter(f"{SVG}circle"))) == 23 + 3
    assert "⋮ 41 more" in "".join(root.itertext())


def test_of_many_layers_the_first_and_the_last_are_shown():
    """300 layers of two dead neurons each: 24 stages of 301 stand there, and what is said is cut short too, whatever the level."""
    net = nn.MLP(2, [2] * 300, activation="relu", seed=0)
    for p in net.parameters():
        p.data = -1.0
    made = {level: viz.network(net, [1.0, 2.0], level=level) for level in ("model", "layers", "neurons")}
    assert repr(made["model"]) == "<network MLP 2→2→2→2→2→2→… 290 more→2→2→2→2→2 at level model: 1 sample>"
    assert len(made["model"].findings) > 300
    for level, picture in made.items():
        root, said = parsed(picture), picture.to_svg()
        assert len(said) < 100_000 and float(root.get("width")) < 6000, level
        assert sum(text.text.endswith("… 278 more layers") for text in root.iter(f"{SVG}text")) == (level != "model")
    assert len(list(parsed(made["neurons"]).iter(f"{SVG}circle"))) == 23 * 2
    edges = [path.get("d") for path in parsed(made["neurons"]).iter(f"{SVG}path") if "C" in path.get("d")]
    assert len(edges) == 21 * 4, "none leads over the gap"
    assert len(made["neurons"].to_html()) < 400_000


def test_a_chain_of_5000_layers():
    """Thousands of stages are no matter of recursion, and no picture of theirs is larger than that of some dozens."""
    chain = nn.Sequential(*[nn.Layer(1, 1, nonlin=False, seed=0) for _ in range(5000)])
    picture = viz.network(chain, [1.0], level="layers")
    assert len(picture.to_svg()) < 50_000
    assert "… 4,978 more layers" in "".join(parsed(picture).itertext())
    assert len(picture.description) < 3000


def test_convolutions_show_kernels_and_maps():
    rows = [[float(i % 7) for i in range(64)], [float(i % 5) for i in range(64)]]
    for x in (rows[0], rows):
        titles = [title.text for title in parsed(viz.network(convolutional(), x)).iter(f"{SVG}title")]
        assert [sum(text == f"{what} {i}" for text in titles) for what, i in (("kernel", 4), ("map", 4))] == [1, 2]
    colours = nn.Sequential(nn.Unflatten(5, 3, 3), nn.Conv2d(5, 2, 3, seed=0))
    said = [text.text for text in parsed(viz.network(colours, [0.1] * 45)).iter(f"{SVG}text")]
    assert said.count("3 more") == 2, "two of five kernels are drawn beside each map, and the others counted"


def test_a_neurons_table_adds_up():
    net = nn.MLP(2, [2, 1], activation="tanh", seed=3)
    said = [text.text for text in parsed(viz.network(net, [0.5, -1.0], level=(1, 2))).iter(f"{SVG}text")]
    w = net.layers[0].neurons[1].w
    assert f"{w[0].data * 0.5:.3g}".replace("-", "−") in said
    assert "layer 1, neuron 2 of 2: tanh(Σ wⱼ·xⱼ + b)" in said


class Silent:
    def parameters(self):
        return []


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: viz.network(Silent()), ValueError, "model with parameters, got Silent with none"),
        (lambda: viz.network(7), ValueError, "model with parameters, got int"),
        (lambda: viz.network(model(), [1.0]), ValueError, r"expects 2 input\(s\), got 1"),
        (lambda: viz.network(model(), []), ValueError, "x is empty"),
        (lambda: viz.network(model(), level="weights"), ValueError, "'model', 'layers', 'neurons'.*pair.*'weights'"),
        (lambda: viz.network(model(), level=(4, 1)), ValueError, "no neuron 1 in layer 4: layer 1 has neurons 1 to 16"),
        (lambda: viz.network(model(), level=(True, 1)), ValueError, r"or a pair .*; got \(True, 1\)"),
        (lambda: viz.network(model(), level=(1, 0)), ValueError, "no neuron 0 in layer 1"),
        (lambda: viz.network(convolutional()), ValueError, "needs x here"),
        (lambda: viz.network(model(), [[1.0, 2.0]], [1, 2], loss=bce), ValueError, "a target for each of the 1 samples, got 2"),
        (lambda: viz.network(model(), [1.0, 2.0], loss=lambda score: 1.0), TypeError, "loss must give a Value, got float"),
        (lambda: viz.network(model(), 3.0), TypeError, "a row of numbers, or a list of rows, got float"),
        (lambda: viz.network(model(), [1.0, 2.0, 3.0]), ValueError, "expects 2 .* got 3"),
        (
            lambda: viz.network(model(), [1.0, 2.0], loss=7),
            TypeError,
            "loss must be a name, or a function of the output .* got int",
        ),
        (lambda: viz.network(model(), [1.0, 2.0], loss="bce"), ValueError, "the loss 'bce' compares .*: give y too"),
        (lambda: viz.network(model(), [1.0, 2.0], 1, loss="bec"), ValueError, "unknown loss 'bec': expected one of"),
        (lambda: viz.network(model()).save("a.gif"), ValueError, "saved as .html, .svg, .png, .pdf"),
    ],
)
def test_bad_input(call, error, said):
    with pytest.raises(error, match=said):
        call()
