"""Folded pictures whose cards open: what a page holds is the graph, and in a real browser it opens down to one sum of products."""

import base64
import re
import struct
import subprocess
from collections import Counter
from itertools import accumulate

import pytest

pytest.importorskip("numpy")

import numpy as np

import nn
from autograd import Value
from autograd.labels import plain_name
from benchmarks import compiling
from tests.viz.chromium import tab
from tests.viz.test_draw import NASTY
from tests.viz.test_folding import MAKERS
from viz import draw, inside
from viz.folding import folded
from viz.inside import steps
from viz.normal_form import NormalForm
from viz.notation import number
from viz.ties import samples_of

DATA = nn.moons(12, noise=0.1, seed=0)


def network():
    return nn.MLP(2, [4, 3, 1], activation="tanh", seed=1)


def loss(model):
    return sum([(model(x) - t) ** 2 for x, t in zip(DATA.X, DATA.y, strict=True)]) * (1.0 / 12)


def trained():
    made = loss(network())
    made.label = "E"
    made.backward()
    return made


def picture():
    return draw(trained(), fold="packs", engine="builtin")


def walked(runs):
    """The other way round than ``steps``."""
    return list(accumulate([step for step, times in zip(runs[::2], runs[1::2], strict=True) for _ in range(times)]))


def operands(data, i):
    """What number i is computed from: [(sign, a, b or None)], and whether that is a sum."""
    piece = next(p for card in data["pieces"] for p in card if p["start"] <= i < p["start"] + p["count"])
    shape, *firsts = [walked(column)[i - piece["start"]] for column in piece["operands"]]
    is_sum, *relative, minuses = data["shapes"][shape]
    left, right, plain = ([first + x for x in walked(column)] for first, column in zip(firsts, relative, strict=True))
    terms = [*zip(left, right, strict=True), *[(a, None) for a in plain]]
    return [(-1.0 if k in minuses else 1.0, a, b) for k, (a, b) in enumerate(terms)], bool(is_sum)


@pytest.mark.parametrize("xs", [[], [3], [0, 0, 0], [5, 6, 7, 9, 9, -1], list(range(100))])
def test_steps_there_and_back(xs):
    assert walked(steps(xs)) == xs


@pytest.mark.parametrize("name", MAKERS)
def test_a_page_holds_the_graph(name):
    """Every head is in one piece with its own data and gradient, and is what its operands make."""
    root = MAKERS[name]()
    root.backward()
    form = NormalForm([root])
    groups = folded(form, "packs", 60)
    data = inside.inside(form, groups, samples_of(form, groups), {}, {})
    numbers = inside._Numbers(form, groups)
    places = numbers.places.tolist()
    assert max(Counter(places).values()) == 1
    assert sorted(places[: sum(p["count"] for card in data["pieces"] for p in card)]) == sorted(
        i for group in groups.values() for i in group.parts.tolist()
    )
    for key, read in (("data", lambda v: v.data), ("gradients", lambda v: v.grad)):
        told = struct.unpack(f"<{data['count']}d", base64.b64decode(data[key]))
        assert list(told) == [read(form.values[i]) for i in places]
    x = [form.values[i].data for i in places]
    starts = [p["start"] + k for card in data["pieces"] for p in card if p["form"] for k in (0, p["count"] // 2, p["count"] - 1)]
    for i in dict.fromkeys(starts):
        terms, is_sum = operands(data, i)
        if is_sum:
            total = sum(sign * x[a] * (1.0 if b is None else x[b]) for sign, a, b in terms)
            assert total == pytest.approx(x[i], rel=1e-9, abs=1e-12), f"number {i}: {terms}"
        else:
            assert [x[a] for _, a, _ in terms] == [v.data for v in form.values[places[i]]._prev]


def test_pages_are_of_reasonable_size():
    for name, most in (("moons", 260_000), ("transformer", 330_000)):
        root = MAKERS[name]()
        root.backward()
        html = draw(root, engine="builtin").to_html()
        assert len(html) < most
        assert html == draw(root, engine="builtin").to_html(), "the same bytes"
        assert not re.findall(r"(?:src|href)=\"(?!data:)|fetch\(|import\(", html)


@pytest.mark.parametrize("label", NASTY)
def test_labels_are_text_in_the_page_too(label):
    page = draw(sum(x * x for x in [Value(0.1 * i, label=label) for i in range(200)]), engine="builtin")
    assert page.to_html().count("</script") == page._repr_html_().count("</script") == 1


def test_a_picture_keeps_no_graph():
    root, made = trained(), None
    made = draw(root, fold="packs", engine="builtin")
    root.data, before = -1.0, made.to_html()
    root.backward()
    assert made.to_html() == before
    assert made._inside.__wrapped__.args[0].values == []


# --- In a browser ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(browser, tmp_path):
    return lambda made, **context: tab(browser, made.save(tmp_path / "folded.html").as_uri(), **context)


def card(page, name):
    return page.get_by_role("button", name=name, exact=True)


def rows(page):
    """The tables of the open card: the texts of each row."""
    return [row.locator("td").all_inner_texts() for row in page.locator(".panel tr").all() if row.locator("td").count()]


HIDDEN = "4 × a⁽¹⁾ = Σ₂ w·x + b"


def test_a_group_opens_down_to_one_sum_of_products_and_closes(opened):
    model = network()
    with opened(picture()) as page:
        assert page.locator(".panel").count() == 0
        card(page, HIDDEN).click()
        drives = [[n._prev[0] if n._prev else n for n in model.layers[0](x)] for x in DATA.X]
        low, high = (f([d[2].data for d in drives]) for f in (min, max))
        assert [row[0] for row in rows(page)] == ["a₁⁽¹⁾", "a₂⁽¹⁾", "a₃⁽¹⁾", "a₄⁽¹⁾"]
        assert rows(page)[2][2] == f"{number(low)} … {number(high)}"
        page.get_by_role("button", name="a₃⁽¹⁾", exact=True).click()
        for sample in (0, 5):
            page.get_by_role("slider", name="sample").fill(str(sample))
            root = loss(model)
            root.backward()
            neuron, x = model.layers[0].neurons[2], DATA.X[sample]
            assert page.locator(".panel b").inner_text() == f"a₃⁽¹⁾ = Σ₂ w·x + b = {number(drives[sample][2].data)}"
            for k, (w, row) in enumerate(zip(neuron.w, rows(page), strict=False)):
                assert row[:6] == [
                    f"w₃{'₁₂'[k]}⁽¹⁾", number(w.data), f"x{'₁₂'[k]}⁽⁰⁾", number(x[k]), number(w.data * x[k]), number(w.grad),
                ]  # fmt: skip
            assert rows(page)[2] == ["b₃⁽¹⁾", number(neuron.b.data), number(neuron.b.grad)]
            for p in model.parameters():
                p.grad = 0.0
        page.get_by_role("button", name="w₃₂⁽¹⁾", exact=True).click()
        assert page.locator(".panel b").inner_text() == f"w₃₂⁽¹⁾ = {number(model.layers[0].neurons[2].w[1].data)}"
        page.get_by_role("button", name="back").click()
        assert page.locator(".panel b").inner_text().startswith("a₃⁽¹⁾")
        page.get_by_role("button", name="close").click()
        assert page.locator(".panel").count() == 0
        assert card(page, HIDDEN).get_attribute("aria-expanded") == "false"


def test_a_chain_of_5000_opens(opened):
    x = Value(0.5)
    for _ in range(5000):
        x = x.tanh()
    x.backward()
    with opened(draw(x, engine="builtin")) as page:
        page.locator(".card").nth(1).focus()
        page.keyboard.press("Enter")
        assert page.locator(".panel nav").first.inner_text().replace("\n", " ").endswith("1 to 12 of 5000 ▸")


def test_with_keys_alone(opened):
    with opened(picture()) as page:
        card(page, HIDDEN).focus()
        page.keyboard.press("Enter")
        assert page.locator(".panel").count() == 1
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.locator(".panel b").inner_text().startswith("a₁⁽¹⁾ = Σ₂ w·x + b = ")
        page.keyboard.press("Escape")
        assert [row[0] for row in rows(page)] == ["a₁⁽¹⁾", "a₂⁽¹⁾", "a₃⁽¹⁾", "a₄⁽¹⁾"]
        page.keyboard.press("Escape")
        assert page.locator(".panel").count() == 0
        assert page.evaluate("document.querySelector('#picture').shadowRoot.activeElement.getAttribute('aria-label')") == HIDDEN


def test_what_was_folded_together_opens_into_its_pieces(opened):
    root = MAKERS["transformer"]()
    root.backward()
    with opened(draw(root, engine="builtin")) as page:
        card(page, "112 × softmax").focus()
        page.keyboard.press("Enter")
        assert [row[0] for row in rows(page)] == ["112 × exp", "28 × Σ₁…₇ a", "112 × ÷"]
        page.get_by_role("button", name="112 × exp").click()
        assert page.locator(".panel nav").inner_text().replace("\n", " ") == "◂ 1 to 12 of 112 ▸"
        page.get_by_role("button", name="▸").click()
        assert rows(page)[0][0] == "exp 13"


BOXES = """()=>[...document.querySelector("#picture").shadowRoot.querySelectorAll(".card")].map((card)=>{
const {left,top,right,bottom}=(card.querySelector(":scope>g>rect")||card.querySelector("rect")).getBoundingClientRect();
return [left,top,right,bottom]})"""
ENDS = """()=>{const svg=document.querySelector("#picture").shadowRoot.querySelector("svg"),{left,top}=svg.getBoundingClientRect();
return [...svg.querySelectorAll("svg>g>path:nth-of-type(3n+1)")].map((way)=>{
const [a,b]=[0,way.getTotalLength()].map((t)=>way.getPointAtLength(t));
return [a.x+12+left,a.y+12+top,b.x+12+left,b.y+12+top]})}"""


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("engine", ["builtin", "auto"])
def test_open_cards_push_the_others_aside(opened, rankdir, engine):
    """Nothing overlaps whatever is open, the picture grows, edges still end at their cards; all closed, everything is as before."""
    made = draw(trained(), fold="packs", engine=engine, rankdir=rankdir)
    with opened(made) as page:
        before = page.evaluate(BOXES)
        for name in (HIDDEN, "4 × x⁽¹⁾ = tanh", "8 × w⁽¹⁾", "3 × b⁽²⁾"):
            card(page, name).focus()
            page.keyboard.press("Enter")
            boxes = page.evaluate(BOXES)
            for i, a in enumerate(boxes):
                for j, b in enumerate(boxes[:i]):
                    assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], f"cards {i} and {j} overlap"
            for (start, end), ends in zip([link for link, _ in made.ties], page.evaluate(ENDS), strict=True):
                for box, (x, y) in ((boxes[start], ends[:2]), (boxes[end], ends[2:])):
                    assert box[0] - 8 < x < box[2] + 8 and box[1] - 8 < y < box[3] + 8, (
                        f"{start} → {end}: ({x}, {y}) is not at {box}"
                    )
        for close in page.get_by_role("button", name="close").all()[::-1]:
            close.click()
        page.evaluate("scrollTo(0,0)")
        assert page.evaluate(BOXES) == before


def test_the_table_of_an_edge_is_seen_on_hover_and_focus(opened):
    made = picture()
    with opened(made) as page:
        assert page.locator(".spy").count() == 0
        for k, (_, tie) in enumerate(made.ties):
            small = page.locator("svg g[role=img]").nth(k)
            (small.hover if k % 2 else small.focus)()
            assert page.locator(".spy").inner_text().startswith(tie.name)
            assert ("1 edge" if tie.edges == 1 else f"{tie.edges:,} edges") in page.locator(".spy").inner_text()
            cells = page.evaluate(
                """()=>{const canvas=document.querySelector("#picture").shadowRoot.querySelector(".spy canvas"),{width,height}=canvas;
                const {data}=canvas.getContext("2d").getImageData(0,0,width,height),cells=[];
                for(let i=0;i<width*height;i++)if(data[4*i+3])cells.push([Math.floor(i/width),i%width]);return {width,height,cells};}"""
            )
            if cells["height"] == tie.rows and cells["width"] == tie.columns:
                assert [tuple(cell) for cell in cells["cells"]] == list(tie.spy)
            else:  # the small picture is the large one, coarser
                coarse = {(r * tie.rows // cells["height"], c * tie.columns // cells["width"]) for r, c in cells["cells"]}
                assert coarse == set(tie.spy)
        page.locator(".card").first.focus()
        page.locator("small").hover()
        assert page.locator(".spy").count() == 0


def test_tab_stops_at_cards_and_squares_alone_and_says_them(opened):
    """What lies over an edge listens to the pointer; were it to listen to the focus too, Chromium would stop at it."""
    made = picture()
    with opened(made) as page:
        said = []
        for _ in range(len(made.cards) + len(made.ties)):
            page.keyboard.press("Tab")
            said.append(page.evaluate('document.querySelector("#picture").shadowRoot.activeElement.getAttribute("aria-label")'))
        heads = [plain_name(card.head) for card in made.cards]
        assert said[: len(heads)] == heads
        assert [text.rpartition(": ")[2] for text in said[len(heads) :]] == [tie.name for _, tie in made.ties]
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement===document.body")


def test_the_table_of_an_edge_is_not_cut_by_a_low_picture(opened):
    made = draw(trained(), fold="layers", engine="builtin")
    with opened(made) as page:
        page.locator("svg g[role=img]").nth(0).focus()
        spy, around = page.locator(".spy"), page.locator(".outer")
        assert spy.bounding_box()["height"] > around.bounding_box()["height"]  # else this is no test
        clipping = "(e)=>{for(;e;e=e.parentElement)if(getComputedStyle(e).overflowY!=='visible')return true;return false;}"
        assert not spy.evaluate(clipping)


def test_a_piece_has_a_strip_of_its_units_means_over_the_samples(opened):
    made = draw(trained(), fold="layers", engine="builtin")
    k = next(k for k, group in enumerate(made.cards) if "4 × x^(1)" in group.head)
    pieces = made.data["pieces"][k]
    numbers = np.frombuffer(base64.b64decode(made.data["data"]))
    with opened(made) as page:
        page.get_by_role("button", name=plain_name(made.cards[k].head), exact=True).click()
        drawn = page.evaluate(
            """()=>[...document.querySelector("#picture").shadowRoot.querySelectorAll("tr canvas:first-child")].map((c)=>
            [...c.getContext("2d").getImageData(0,0,c.width,1).data].filter((_,i)=>i%4===3))"""
        )[::2]
        assert [button.inner_text() for button in page.locator("td button").all()][:2] == ["8 × w⁽¹⁾", "4 × b⁽¹⁾"]
    for piece, alphas in zip(pieces, drawn, strict=True):
        own = numbers[piece["start"] : piece["start"] + piece["count"]].reshape(piece["samples"], -1)
        sizes = abs(own.mean(axis=0))
        assert len(alphas) == len(sizes) == piece["count"] // piece["samples"]
        assert alphas == pytest.approx(255 * sizes / (sizes.max() or 1.0), abs=1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(opened, scheme):
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True, "color_scheme": scheme}
    with opened(picture(), **phone) as page:
        card(page, HIDDEN).tap(position={"x": 30, "y": 12})
        page.get_by_role("button", name="a₁⁽¹⁾", exact=True).tap()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator(".panel b").inner_text().startswith("a₁⁽¹⁾ =")
        for name in ("close", "back"):
            place = page.get_by_role("button", name=name).bounding_box()
            assert place["x"] >= 0, (name, place)
            assert place["x"] + place["width"] <= 390, (name, place)


@pytest.mark.parametrize("width", [390, 3000])
def test_a_tall_picture_begins_with_its_highest_card(opened, width):
    made = draw(compiling.LOSSES["transformer"]()(), engine="builtin", rankdir="TB")
    highest = min(range(len(made.cards)), key=lambda i: made.layout.centres[i][1])
    with opened(made, viewport={"width": width, "height": 800}) as page:
        scrolled = page.evaluate("document.querySelector('#picture').shadowRoot.querySelector('.picture').scrollLeft")
        place = page.locator("svg>g>g").nth(highest).bounding_box()
    assert (scrolled > 0) is (width < made.layout.width)
    assert 0 <= place["x"] <= place["x"] + place["width"] <= width


def test_too_many_numbers_are_said(opened, monkeypatch):
    monkeypatch.setattr(inside, "MOST_NUMBERS", 50)
    made = picture()
    count = len(inside._Numbers(*made._inside.__wrapped__.args[:2]).places)
    with opened(made) as page:
        assert f"this one has {count}: draw a part of it" in page.locator("small").inner_text()
        assert page.locator(".card").count() == 0
        page.locator("svg g[role=img]").nth(0).hover()
        assert page.locator(".spy").count() == 1


def test_the_script_is_a_script(tmp_path):
    """What is squeezed still parses, and spaces in texts stay."""
    script = picture().script
    assert "Click a card, or press Enter on it, to open it" in script
    (tmp_path / "script.js").write_text(script, encoding="utf-8")
    try:
        done = subprocess.run(["node", "--check", tmp_path / "script.js"], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no node on PATH")
    assert done.returncode == 0, done.stderr


def test_numbers_of_every_kind_are_held():
    x = [Value(v) for v in (float("inf"), float("nan"), -0.0, 5e-324, 1e308)] * 40
    data = draw(sum(v * 2.0 for v in x), engine="builtin").data
    told = np.frombuffer(base64.b64decode(data["data"]), "<f8")
    assert {repr(float(t)) for t in told} >= {repr(v.data) for v in x}
