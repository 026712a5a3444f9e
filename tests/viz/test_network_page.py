"""The page of a network, in a real browser: from the model down to one neuron's sum of products, by clicks, touch and keys, and back."""

import math
import re
import warnings
from base64 import b64decode
from contextlib import closing

import pytest

import nn
import viz
from tests.viz.chromium import tab
from tests.viz.jupyter import notebook
from viz import network_svg, networks
from viz.notation import number

DATA = nn.moons(20, noise=0.1, seed=0)


def model(activation="tanh"):
    return nn.MLP(2, [14, 3, 1], activation=activation, seed=1)


def bce(score, target):
    return nn.losses.bce(score, target)


def of_one(net, **options):
    return viz.network(net, DATA.X[0], DATA.y[0], loss=bce, **options)


@pytest.fixture
def opened(browser, tmp_path):
    return lambda made, **context: tab(browser, made.save(tmp_path / "network.html").as_uri(), **context)


def rows(page):
    return [row.locator("td").all_inner_texts() for row in page.locator("tr").all() if row.locator("td").count()]


def level(page):
    return page.locator("[aria-current]").all_inner_texts()


def test_keys_lead_down_to_one_sum_of_products_and_back(opened):
    net = model()
    with opened(of_one(net, level="model")) as page:
        assert level(page) == ["model"]
        page.get_by_role("button", name="MLP 2→14→3→1", exact=False).focus()
        page.keyboard.press("Enter")
        assert level(page) == ["layers"]
        page.keyboard.press("Enter")  # the focus came along, to the first layer
        assert level(page) == ["neurons"]
        page.locator("[data-to='2,3']").focus()
        page.keyboard.press("Enter")
        assert level(page) == []
        assert page.locator("nav b").inner_text() == "x₃⁽²⁾: layer 2, neuron 3 of 3"
        for up in ("neurons", "layers", "model", "model"):
            page.keyboard.press("Escape")
            assert level(page) == [up]
            if up == "neurons":
                assert page.evaluate("document.querySelector('#picture').shadowRoot.activeElement.dataset.to") == "2,3"


def test_the_table_of_a_neuron_is_what_it_computes(opened):
    net = model()
    hidden = net.layers[0](DATA.X[0])
    drives = [dot.data for dot in (v._prev[0] for v in net.layers[1](hidden))]
    net.zero_grad()
    bce(net(DATA.X[0]), DATA.y[0]).backward()
    neuron = net.layers[1].neurons[2]
    with opened(of_one(net)) as page:
        page.locator("[data-to='2,3']").click()
        shown = rows(page)
        page.get_by_role("button", name="▸").click()
        shown += rows(page)
        said = page.locator("p").all_inner_texts()
        page.get_by_role("button", name="x₁₄⁽¹⁾", exact=True).click()
        assert [row[2] for row in rows(page)] == ["w₁₄,₁⁽¹⁾", "w₁₄,₂⁽¹⁾"]
        assert [row[0] for row in rows(page)] == ["x₁⁽⁰⁾", "x₂⁽⁰⁾"]
    assert len(shown) == 14
    for j, (row, w, x) in enumerate(zip(shown, neuron.w, hidden, strict=True)):
        assert [row[1], *row[3:6]] == [number(x.data), number(w.data), number(w.data * x.data), number(w.grad)], (j, row)
    assert said[0] == f"b₃⁽²⁾ = {number(neuron.b.data)}, ∂ {number(neuron.b.grad)}"
    assert said[1].startswith(f"a₃⁽²⁾ = Σ w·x + b = {number(drives[2])}; x₃⁽²⁾ = tanh(a) = {number(math.tanh(drives[2]))}, ∂ ")


def test_touch_on_a_phone(opened):
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
    with opened(viz.network(model(), DATA.X, DATA.y, loss=bce), **phone) as page:
        page.locator("[data-to='1,2']").tap()
        assert page.locator("nav b").inner_text().startswith("x₂⁽¹⁾")
        assert page.get_by_text("means over 20 samples").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def with_much_to_say():
    """A convolutional network of which something is wrong everywhere, in seven stages: some 1,400 pixels wide."""
    stages = [nn.Unflatten(1, 8, 8), nn.Conv2d(1, 2, 3, activation="relu", seed=0), nn.AvgPool2d(2), nn.Flatten()]
    net = nn.Sequential(*stages, nn.Layer(18, 3, activation="relu", seed=1), nn.Layer(3, 1, nonlin=False, seed=2))
    net.layers[1].bias[0].data = net.layers[4].neurons[0].b.data = -1e3
    net.layers[5].neurons[0].w[1].data = 1e5
    return viz.network(net, [[float((i * k) % 7) for i in range(64)] for k in (1, 2)])


# Whether the lines of a text are within the window, and within whatever else clips them.
UNCUT = """(element)=>{const range=document.createRange();range.selectNodeContents(element);
const within=(left,right)=>[...range.getClientRects()].every((box)=>box.left>=left-1&&box.right<=right+1);
for(let at=element;at;at=at.parentElement??at.getRootNode().host){const box=at.getBoundingClientRect();
if(getComputedStyle(at).overflowX!=="visible"&&!within(box.left,box.right))return false;}
return within(0,innerWidth);}"""


def exported(made):
    """The picture in a notebook, as HTML."""
    exporters = pytest.importorskip("nbconvert.exporters")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nbconvert
        return exporters.HTMLExporter().from_notebook_node(notebook([made._repr_html_()]))[0]


def brightness(colour):
    """Between 0 and 255; half of that where it is not opaque."""
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("is_alive", [True, False])
@pytest.mark.parametrize("place", ["page", "notebook"])
def test_words_below_are_not_cut_on_a_phone(browser, tmp_path, place, is_alive, scheme):
    """Text of the page, whether scripts run or not: it is wrapped, and can be selected."""
    made = with_much_to_say()
    path = tmp_path / "network.html"
    path.write_text(made.to_html() if place == "page" else exported(made), encoding="utf-8")
    words = [*network_svg.legend(made.anatomy, "neurons"), *made.findings]
    assert len(words) >= 6
    opened = browser.new_context(
        viewport={"width": 390, "height": 800}, java_script_enabled=is_alive, color_scheme=scheme, offline=True
    )
    with closing(opened):
        page = opened.new_page()
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        for line in words:
            said = page.get_by_text(line, exact=True)
            assert said.count() == 1, line
            assert said.evaluate("(element)=>!element.closest('svg')"), line
            assert said.evaluate(UNCUT), line
            ink = brightness(said.evaluate("(element)=>getComputedStyle(element).color"))
            assert (ink > 200) == (scheme == "dark" and place == "page"), "notebooks are exported in the colours of the day"
        drawn = "".join(b64decode(still).decode() for still in re.findall(r'base64,([^"]+)" alt="Network', path.read_text()))
        assert not [line for line in words if f">{line}<" in drawn]


def test_on_paper_nothing_is_cut_off(opened):
    with opened(viz.network(model(), DATA.X, DATA.y, loss=bce), viewport={"width": 480, "height": 700}) as page:
        page.emulate_media(media="print")
        assert page.locator(".shown").evaluate("(shown)=>shown.scrollWidth<=shown.clientWidth")
        assert not page.get_by_role("button", name="layers", exact=True).is_visible()


@pytest.mark.parametrize(("activation", "shift", "said"), [("relu", -1e3, "dead"), ("tanh", 40.0, "saturated")])
def test_what_is_wrong_is_said_at_each_level(opened, activation, shift, said):
    net = model(activation)
    net.layers[0].neurons[1].b.data = shift
    made = viz.network(net, DATA.X, DATA.y, loss=bce)
    with opened(made) as page:
        for name in networks.LEVELS:
            page.get_by_role("button", name=name, exact=True).click()
            assert page.get_by_text(f"of 14 neurons in layer 1 is {said} for all 20 samples.").is_visible()
        page.locator("[data-to='1,2']").click()
        assert page.get_by_text(f"{said} for all 20 samples", exact=True).count() == 1


def test_without_samples_and_from_one_neuron(opened):
    with opened(viz.network(model(), level=(3, 1))) as page:
        assert [row[1:] for row in rows(page)] == [
            ["", f"w₁{'₁₂₃'[j]}⁽³⁾", number(w.data), "", "", ""] for j, w in enumerate(model().layers[2].neurons[0].w)
        ]


def test_a_large_network_has_no_tables(opened, monkeypatch):
    monkeypatch.setattr(networks, "MOST_PARAMETERS", 50)
    with opened(of_one(model(), level=(1, 1))) as page:
        assert level(page) == ["neurons"]
        assert "up to 50 parameters" in page.locator(".help").inner_text()
        page.locator("[data-to='1,2']").click()
        assert level(page) == ["neurons"]


def test_one_small_file_that_fetches_nothing():
    html = of_one(model()).to_html()
    assert html == of_one(model()).to_html(), "the same bytes"
    assert not re.findall(r"(?:src|href)=\"(?!data:)|fetch\(|import\(", html)
    assert html.count("</script") == of_one(model())._repr_html_().count("</script") == 1
    assert len(html) < 90_000
