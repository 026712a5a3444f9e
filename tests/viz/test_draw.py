"""The picture itself: well-formed, the same bytes every time, every label survives, notebooks and files get it."""

import base64
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

import viz
from autograd import Op, Value, dot
from autograd.labels import plain_name
from viz import Graph, draw
from viz.svg import blackboard

SVG = "{http://www.w3.org/2000/svg}"
GOLDEN = Path(__file__).with_name("golden_neuron.svg")
REPOSITORY = Path(__file__).parents[2]
NASTY = [
    "<script>alert(1)</script>", 'a"b', "it's", "a|b{c}", "a\\n", "x & y", "δ₁ ∂E/∂w", "重み", "🙂", "a\nb", "\x00\x1b[0m",
    "\ud800", "]]>", "&amp;", "<!--", "_", "^", "w_", "^^2", "a_{", "x" * 500, "%s %d", "w_12^(1)",
]  # fmt: skip


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def titles(svg: str) -> list[str]:
    return [title.text or "" for title in ElementTree.fromstring(svg).iter(f"{SVG}title")]


class Page(HTMLParser):
    """The start tags of an HTML text with their attributes, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def only(self, name: str) -> dict[str, str | None]:
        (attributes,) = [attributes for tag, attributes in self.tags if tag == name]
        return attributes


def test_a_power_is_raised_whole_and_the_name_of_an_op_is_as_it_is():
    own = Op("my_op", lambda a: a, lambda g, y, a: (g,))
    root = ElementTree.fromstring(draw(own(Value(2.0) ** -0.5), engine="builtin").to_svg())
    pieces = {span.text for span in root.iter(f"{SVG}tspan")} | {text.text for text in root.iter(f"{SVG}text")}
    assert {"−0.5", "my_op"} <= pieces, pieces


def test_golden(neuron, tmp_path):
    got = draw(neuron, engine="builtin").to_svg()
    new = tmp_path / GOLDEN.name
    new.write_bytes(got.encode())
    assert got.encode() == GOLDEN.read_bytes(), f"the picture changed; look at {new} and, if it is better, copy it to {GOLDEN}"


def test_cards_say_label_op_data_and_gradient(neuron):
    said = texts(draw(neuron, engine="builtin").to_svg())
    assert said[:6] == ["x1", "2", "∂ −1.5", "w1", "−3", "∂ 1"]
    assert said[-3:] == ["o = tanh", "0.7071", "∂ 1"]


def test_no_role_stands_on_another():
    """The windows of a convolution: numbers that meet many kernels' weights, in other roles each."""
    xs = [[Value(0.1 * (3 * i + j)) for j in range(3)] for i in range(3)]
    w = [Value(0.3 * i, label=f"w_{i}") for i in range(4)]
    windows = [[xs[i][j], xs[i][j + 1], xs[i + 1][j], xs[i + 1][j + 1]] for i in range(2) for j in range(2)]
    root = ElementTree.fromstring(draw(sum([dot(w, window, Value(0.5)) for window in windows]), engine="builtin").to_svg())
    places = [tuple(float(rect.get(k)) for k in ("x", "y", "width")) for rect in root.iter(f"{SVG}rect") if rect.get("rx") == "7"]
    assert len(places) > 12
    for i, (x, y, width) in enumerate(places):
        for x2, y2, width2 in places[:i]:
            assert abs(y - y2) >= 13.9 or x + width <= x2 or x2 + width2 <= x, ((x, y), (x2, y2))


def test_an_operand_of_several_crowded_results_says_its_role_once():
    """Two neurons of two inputs: their weights are labelled, their shared inputs are not."""
    xs = [Value(1.0), Value(-2.0)]
    neurons = [dot([Value(0.5, label="u"), Value(0.25, label="v")], xs, Value(0.0, label="b")) for _ in range(2)]
    said = texts(draw(neurons, engine="builtin").to_svg())
    assert [said.count(role) for role in ("x0", "x1", "w0", "b")] == [1, 1, 0, 2]


def test_tooltips_have_full_precision(neuron):
    said = titles(draw(neuron, engine="builtin").to_svg())
    assert said[-1] == f"o = tanh(n)\ndata {neuron.data!r}\ngradient 1.0"
    assert len(said) == 10


def test_every_engine_and_direction_is_well_formed(graph):
    for engine in ("auto", "builtin"):
        for rankdir in ("LR", "TB"):
            picture = draw(graph, engine=engine, rankdir=rankdir)
            root = ElementTree.fromstring(picture.to_svg())
            assert root.get("role") == "img"
            assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
            curves = [path for path in root.iter(f"{SVG}path") if path.get("fill") == "none"]
            assert len(curves) == len(picture.cards.edges)
            assert len(titles(picture.to_svg())) == len(picture.cards.cards)


def test_only_presentation_attributes_and_no_ids(graph):
    for element in ElementTree.fromstring(draw(graph, engine="builtin").to_svg()).iter():
        assert element.tag.removeprefix(SVG) in {"svg", "g", "rect", "path", "text", "tspan", "title"}
        assert not {"style", "class", "id"} & set(element.attrib)


def test_both_edges_of_a_square_are_drawn_apart():
    x = Value(3.0)
    root = ElementTree.fromstring(draw(x * x, engine="builtin").to_svg())
    curves = [path.get("d") for path in root.iter(f"{SVG}path") if path.get("fill") == "none"]
    assert len(curves) == 2
    assert curves[0] != curves[1]


@pytest.mark.parametrize("label", NASTY)
def test_any_label_is_text_and_nothing_else(label, tmp_path):
    x = Value(1.0, label=label)
    picture = draw(x * 2, engine="builtin")
    svg = picture.to_svg()
    ElementTree.fromstring(svg)
    assert "<script" not in svg
    printable = re.sub(r"[\x00\x1b\ud800]", "\ufffd", label).replace("\n", " ")
    assert titles(svg)[0].startswith(f"{plain_name(printable)}\n")
    page = Page(picture._repr_html_())
    assert [tag for tag, _ in page.tags] == ["div", "img", "script"]
    assert plain_name(printable) in str(page.only("img")["alt"])
    picture.save(tmp_path / "picture.html")
    picture.save(tmp_path / "picture.dot")


@pytest.mark.parametrize(
    ("label", "pieces"),
    [
        ("w", [("w", 0)]),
        ("w_12", [("w", 0), ("12", 1)]),
        ("w_12^(1)", [("w", 0), ("12", 1), ("(1)", -1)]),
        ("δ_i^(n)", [("δ", 0), ("i", 1), ("(n)", -1)]),
        ("x^2", [("x", 0), ("2", -1)]),
        ("w_{out,1}^{-1}", [("w", 0), ("out,1", 1), ("-1", -1)]),
        ("x_1w_1", [("x", 0), ("1", 1), ("w", 0), ("1", 1)]),
        ("a_j + b", [("a", 0), ("j", 1), (" + b", 0)]),
        ("learning_rate", [("learning_rate", 0)]),
        ("_private", [("_private", 0)]),
        ("w_", [("w_", 0)]),
        ("", []),
    ],
)
def test_blackboard_labels(label, pieces):
    assert [(p.text, (p.lowered > 0) - (p.lowered < 0)) for p in blackboard(label)] == pieces


def test_lowered_and_raised_text_returns_to_the_line():
    """The dy of a line add up to zero before a caption follows at normal height."""
    x = Value(1.0, label="w_12^(1)")
    y = x.tanh()
    y.label = "a_1^(2)"
    for text in ElementTree.fromstring(draw(y, engine="builtin").to_svg()).iter(f"{SVG}text"):
        spans = list(text.iter(f"{SVG}tspan"))
        if "tanh" in "".join(text.itertext()):
            assert sum(float(span.get("dy", 0)) for span in spans) == pytest.approx(0.0, abs=0.11)
            assert (spans[-1].text or "") + (spans[-1].tail or "") == " = tanh"
            break
    else:
        pytest.fail("the caption was not drawn")


SCRIPT = """
from autograd import Op, Value, dot
import viz
x, y = Value(2.0, label="x"), Value(-3.0, label="y")
z = dot([x, y], [y, x * y], 1.0).tanh() * (x / y) + x ** 2
z.backward()
print(viz.draw(z, engine="builtin").to_svg(), viz.draw_dot(z).source, viz.draw(z).source)
"""


def fresh_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "utf-8", **environment}
    return subprocess.run([sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, encoding="utf-8")


def test_same_bytes_in_fresh_processes():
    first, second = (fresh_process(SCRIPT, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert "<svg" in first.stdout


def test_a_picture_is_a_snapshot():
    x = Value(3.0, label="x")
    y = x * x
    picture = draw(y, engine="builtin")
    before = picture.to_svg()
    y.backward()
    x.data = 5.0
    assert picture.to_svg() == before
    assert draw(y, engine="builtin").to_svg() != before


def test_drawing_changes_no_value(neuron):
    before = [(v.data, v.grad, v.label) for v in neuron._prev]
    draw(neuron)._repr_html_()
    assert [(v.data, v.grad, v.label) for v in neuron._prev] == before


def test_notebook_display(neuron):
    picture = draw(neuron, engine="builtin")
    first, second = Page(picture._repr_html_()), Page(picture._repr_html_())
    assert first.only("div")["id"] != second.only("div")["id"], "each display needs an id of its own"
    image = first.only("img")
    kind, _, data = str(image["src"]).partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(data).decode() == picture.to_svg()
    assert image["alt"] == picture.description


def test_a_description_tells_the_graph(neuron):
    said = draw(neuron, engine="builtin").description
    assert said.startswith("Computation graph of o with 10 values. x1 = 2, gradient −1.5; ")
    assert said.endswith("o = tanh(n) = 0.7071, gradient 1.")


def test_graph_has_only_the_two_reprs_that_notebooks_need(neuron):
    picture = draw(neuron, engine="builtin")
    assert repr(picture) == "<Graph of o: 10 cards, 9 edges, placed by builtin>"
    rich = [name for name in dir(Graph) if name.startswith("_repr_")]
    assert rich == ["_repr_html_"]
    assert not [name for name in dir(Value) if name.startswith("_repr_")], "a Value must not draw itself"


def test_save(neuron, tmp_path):
    picture = draw(neuron, engine="builtin")
    assert picture.save(tmp_path / "a.svg").read_bytes() == picture.to_svg().encode()
    assert picture.save(str(tmp_path / "a.DOT")).read_text(encoding="utf-8") == picture.source
    page = picture.save(tmp_path / "a.html").read_text(encoding="utf-8")
    assert picture.to_svg() in page
    assert not re.search(r'(src|href)="', page), "the page must need no other file"


@pytest.mark.parametrize(("ending", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF-")])
def test_save_as_png_and_pdf(neuron, ending, magic, tmp_path, monkeypatch):
    """The pictures are our drawing: their size is that of the SVG; twice the same bytes."""
    picture = draw(neuron, engine="builtin")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "typst", None)
        with pytest.raises(ImportError, match=r'pip install "chalkgrad\[pictures\]"'):
            picture.save(tmp_path / f"a.{ending}")
    assert not (tmp_path / f"a.{ending}").exists()
    pytest.importorskip("typst")
    first, second = (picture.save(tmp_path / f"{name}.{ending}").read_bytes() for name in "ab")
    assert first.startswith(magic) and first == second
    width, height = picture.layout.width + 24, picture.layout.height + 24
    if ending == "png":
        assert int.from_bytes(first[16:20]) == pytest.approx(2 * width, abs=2)
        assert int.from_bytes(first[20:24]) == pytest.approx(2 * height, abs=2)
    else:
        box = re.search(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", first)
        assert [float(side) for side in box.groups()] == pytest.approx([0.75 * width, 0.75 * height], abs=1)


@pytest.mark.parametrize("label", ["plain", *NASTY])
def test_png_and_pdf_of_any_label(label, tmp_path):
    pytest.importorskip("typst")
    picture = draw(Value(1.0, label=label) * 2, engine="builtin")
    assert picture.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert picture.save(tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("name", ["a", "a.jpg", "a.svg.txt"])
def test_save_as_what_it_cannot(neuron, name, tmp_path):
    with pytest.raises(ValueError, match=r"saved as \.svg, \.html, \.png, \.pdf, \.dot"):
        draw(neuron, engine="builtin").save(tmp_path / name)


def test_a_large_graph_is_refused_or_drawn_on_request():
    x = Value(1.0)
    for _ in range(3000):
        x = x + Value(1.0)
    with pytest.raises(ValueError, match=r"6,001 values .* 6,001 cards.*max_nodes=6001"):
        draw(x, fold=False)
    assert len(draw(x, engine="builtin", max_nodes=6001).cards.cards) == 6001


def test_importing_viz_imports_nothing_beyond_the_standard_library():
    code = (
        "import sys; before = set(sys.modules); import viz; print(*sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    done = fresh_process(code)
    assert done.returncode == 0, done.stderr
    foreign = [name for name in done.stdout.split() if name not in sys.stdlib_module_names | {"viz", "autograd"}]
    assert not foreign, f"import viz imports {foreign}"


def test_another_autograd_is_named(tmp_path):
    other = tmp_path / "autograd"
    other.mkdir()
    (other / "__init__.py").write_text("def grad(f): ...\n")
    path = os.pathsep.join([str(tmp_path), str(REPOSITORY)])
    done = fresh_process("import viz", PYTHONPATH=path)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: viz belongs to chalkgrad"), done.stderr
    assert str(other / "__init__.py") in last
    assert "venv" in last


def test_public_names():
    assert viz.__all__ == sorted(viz.__all__, key=lambda name: (name.islower(), name))
    assert all(hasattr(viz, name) for name in viz.__all__)
