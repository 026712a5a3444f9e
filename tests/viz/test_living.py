"""Living pictures from Python's side: what is computed, what is said, what is refused, and the bytes that come out."""

import base64
import json
import math
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

import viz
from autograd import Value, topological_order
from tests.viz.living_graphs import TEN
from viz import living, page
from viz.exploring import explore

LABELS = (
    "</script><script>alert(1)</script>",
    "<!--",
    "a\"b'c|d`e${f}",
    "ŵ σ ∂ 名",
    "{3} {g}",
    "a\nb\u2028c",
    "x" * 10_000,
    "\ud800\x00",
    "&lt;",
)


@pytest.fixture(params=TEN, ids=str)
def root(request):
    return TEN[request.param]()


def alive(root, *more):
    graph = living.drawn(root, 150)
    return living.living(graph, [living.engine_trace(graph), *(trace(graph) for trace in more)])


def same(got, expected):
    return [repr(x) for x in got] == [repr(x) for x in expected]


def test_data_and_adjoints_have_the_bits_of_backward(root):
    found = alive(root)
    values = found.graph.values
    for value in topological_order(root):
        value.grad = 0.0
    root.backward()
    assert same(found.data, [value.data for value in values])
    assert same(found.adjoints(0), [value.grad for value in values])


def test_contributions_add_up_to_the_adjoints(root):
    found = alive(root)
    sums = [0.0] * len(found.graph.values)
    for edge, contribution in found.contributions(0).items():
        sums[found.graph.cards.edges[edge].start] += contribution
    sums[-1] = 1.0
    for got, expected in zip(sums, found.adjoints(0), strict=True):
        assert got == pytest.approx(expected, nan_ok=True)


def test_pushes_run_in_the_order_of_the_engine(root):
    """From results to operands: whoever pushes has received everything."""
    found = alive(root)
    received = [0] * len(found.graph.values)
    total = [0] * len(received)
    for edge in found.contributions(0):
        total[found.graph.cards.edges[edge].start] += 1
    for card, edges in found.traces[0].pushes:
        assert received[card] == total[card]
        for edge in edges:
            received[found.graph.cards.edges[edge].start] += 1
    assert [card for card, _ in found.traces[0].pushes] == sorted((card for card, _ in found.traces[0].pushes), reverse=True)


def test_a_naive_order_passes_too_little_on():
    a = Value(2.0, label="x") ** 2
    a.label = "a"
    found = alive(a * 3 * a, lambda graph: living.naive_trace(graph, last_first=True))
    assert found.adjoints(0)[0] == 96.0  # 3x⁴ → 12x³
    assert found.adjoints(1)[0] != 96.0
    picture = viz.explain_order(a * 3 * a)
    assert "Too early" in page.script("story.js")
    assert len(picture.stills) == 2
    assert picture.stills[0].to_svg() != picture.stills[1].to_svg()


def test_explain_order_needs_an_order_that_matters():
    x = Value(3.0, label="x")
    with pytest.raises(ValueError, match=r"any order gives the right gradients.*computed value twice"):
        viz.explain_order(x * x)


def test_what_moves_downhill():
    w, x, y, b = (Value(float(i), label=label) for i, label in enumerate(("w", "x_1", "y", "b")))
    loss = (w * x + b - y) ** 2
    assert repr(explore(loss)) == "<living picture of v7: 8 cards, moves w, b>"
    assert repr(explore(loss, trainable=[x, x])).endswith("moves x₁>")
    assert repr(explore(x * y)).endswith("moves x₁, y>"), "all leaves where nothing else is left"


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: explore(1.0), TypeError, "needs one Value.*got float"),
        (lambda: explore([Value(1.0)]), TypeError, "needs one Value.*got list"),
        (lambda: explore(Value(1.0)), ValueError, "a leaf alone"),
        (lambda: explore(sum([Value(1.0) for _ in range(100)], Value(0.0))), ValueError, "up to 150 cards.*201 cards"),
        (lambda: explore(Value(1.0) * 2, trainable=[Value(1.0)]), ValueError, "no leaf of this picture"),
        (lambda: explore(Value(1.0) * 2, trainable=["w"]), TypeError, "trainable needs Values, got str"),
        (lambda: explore(Value(1.0) * 2, engine="neato"), ValueError, "engine must be one of"),
        (lambda: explore(Value(1.0) * 2, lr="fast"), TypeError, "lr"),
        (lambda: explore(Value(1.0) * 2, lr=0), ValueError, "lr must be above 0 and finite, got 0"),
        (lambda: explore(Value(1.0) * 2).save("a.svg"), ValueError, r"saved as \.html"),
        (lambda: viz.animate(Value(1.0)), ValueError, "a leaf alone"),
        (lambda: viz.animate(Value(1.0) * 2, seconds=0), ValueError, "seconds must be above 0"),
        (lambda: viz.animate(Value(1.0) * 2).save("a.gif"), ValueError, r"saved as \.svg"),
    ],
)
def test_bad_input(call, error, said):
    with pytest.raises(error, match=said):
        call()


def test_an_op_with_a_hand_written_backward_is_named():
    x = Value(1.0)
    out = Value(2.0, (x,), "double")
    out._backward = lambda: None
    with pytest.raises(TypeError, match=r"hand-written _backward.*autograd\.Op"):
        explore(out)


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_a_notebook_shows_the_still_picture_and_swaps_it(root):
    picture = explore(root, engine="builtin")
    tags = Tags(picture._repr_html_()).found
    assert [tag for tag, _ in tags] == ["div", "img", "script"]
    still = base64.b64decode(tags[1][1]["src"].partition(",")[2]).decode()
    ElementTree.fromstring(still)
    assert picture.stills[0].description == tags[1][1]["alt"]
    ids = {re.search(r'id="([^"]+)"', picture._repr_html_())[1] for _ in range(2)}
    assert len(ids) == 2, "each display needs an id of its own"


def test_a_page_built_twice_has_the_same_bytes(root):
    assert explore(root).to_html() == explore(root).to_html()
    assert viz.animate(root).to_svg() == viz.animate(root).to_svg()


def test_exploring_changes_no_value(root):
    values = topological_order(root)
    before = [(v.data, v.grad, v.label) for v in values]
    explore(root)
    assert same([(v.data, v.grad, v.label) for v in values], before)


def test_gradients_need_no_backward_and_edited_leaves_are_followed():
    w = Value(3.0, label="w")
    y = w * w
    w.data = 5.0
    cards = explore(y).stills[0].cards.cards
    assert [(card.data, card.grad) for card in cards] == [(5.0, 10.0), (25.0, 1.0)]


def neuron_with_error():
    """The squared error of a neuron with two inputs: twelve cards."""
    numbers = {"w_1": 0.5, "x_1": 2.0, "w_2": -1.0, "x_2": 0.5, "b": 0.1}
    w1, x1, w2, x2, b = (Value(x, label=label) for label, x in numbers.items())
    drive = w1 * x1 + w2 * x2 + b
    drive.label = "a"
    y = drive.tanh()
    y.label = "ŷ"
    return (y - 1) ** 2


@pytest.mark.parametrize("neuron", [TEN["lecture_neuron"], neuron_with_error])
def test_the_page_of_a_neuron_is_small_and_fetches_nothing(neuron):
    html = explore(neuron(), engine="builtin").to_html()
    assert len(html.encode()) <= 25_000
    assert not re.findall(r"(?:src|href)=|https?://(?!www\.w3\.org/2000/svg)|import\b|fetch\(", html)


@pytest.mark.parametrize("label", LABELS, ids=lambda label: repr(label[:8]))
def test_any_label_is_text_and_nothing_else(label):
    x = Value(1.0, label=label)
    y = x * x + 2
    y.label = label
    html = explore(y).to_html()
    assert [tag for tag, _ in Tags(html).found].count("script") == 1
    assert html.count("</script") == 1
    assert len(html.encode()) < 200_000
    ElementTree.fromstring(viz.animate(y).to_svg())
    html.encode()


def test_data_in_a_script_is_what_it_was():
    data = {"a": ["<", "</script>", "\u2028", 'q"'], "b": 0.1}
    text = page.literal(data)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == data
    assert page.literal([math.nan, -math.inf]) == "[NaN,-Infinity]"


def test_an_animation_plays_and_stands_still_on_request(root):
    svg = viz.animate(root, engine="builtin", seconds=1.5).to_svg()
    tree = ElementTree.fromstring(svg)
    moving = [g for g in tree.iter("{http://www.w3.org/2000/svg}g") if g.get("class") == "moving"]
    assert len(moving) == 1
    assert "prefers-reduced-motion:reduce){.moving{display:none}}" in svg
    pushes = len(alive(root).traces[0].pushes)
    durations = {a.get("dur") for a in tree.iter("{http://www.w3.org/2000/svg}animate") if a.get("attributeName") == "display"}
    assert durations == {f"{(pushes + 3) * 1.5:g}s"}
