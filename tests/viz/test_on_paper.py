"""Pages as they are printed: no picture is wider or higher than a sheet, no button is there, and what moves stands still."""

import re

import pytest

import nn
import viz
from autograd import Value, dot
from tests.viz.chromium import tab
from tests.viz.test_folding import MAKERS

SHEET = {"width": 718, "height": 1047}  # A4 with margins of 1 cm, in pixels
DATA = nn.moons(20, noise=0.1, seed=0)


def model():
    return nn.MLP(2, [14, 30, 1], activation="tanh", seed=0)


def wide_neuron():
    """41 cards, of which 40 stand one below the other: some 3,000 pixels."""
    return dot([Value(0.1 * i, label=f"w_{i}") for i in range(20)], [Value(1.0, label=f"x_{i}") for i in range(20)]).tanh()


def square_twice():
    x = Value(2.0, label="x")
    a = x * x
    return a * 3 * a


def film():
    net = model()
    made = viz.film(net, DATA.X, DATA.y)
    nn.fit(net, DATA.X, DATA.y, loss="bce", epochs=3, progress=False, engine="eager", callbacks=[made])
    return made


def report(path):
    net = nn.MLP(20, [3, 1], activation="tanh", seed=0)
    viz.report(net, None, ([[0.1 * (i + j) for j in range(20)] for i in range(6)], [0, 1] * 3), path)


PAGES = {
    "explore": lambda path: viz.explore(wide_neuron(), engine="builtin").save(path),
    "explain_order": lambda path: viz.explain_order(square_twice()).save(path),
    "draw, folded": lambda path: viz.draw(MAKERS["transformer"](), engine="builtin").save(path),
    "network": lambda path: viz.network(model(), DATA.X).save(path),
    "playground": lambda path: viz.playground(model(), DATA).save(path),
    "report": report,
    "film": lambda path: path.write_text(f"<body>{film().to_svg()}</body>", encoding="utf-8"),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_sheet_holds_it(browser, tmp_path, name, scheme):
    PAGES[name](tmp_path / "page.html")
    with tab(browser, (tmp_path / "page.html").as_uri(), viewport=SHEET, color_scheme=scheme) as page:
        page.emulate_media(media="print", color_scheme=scheme)
        boxes = [picture.bounding_box() for picture in page.locator("svg,canvas,table").all() if picture.is_visible()]
        assert boxes
        too_large = [box for box in boxes if box["height"] > SHEET["height"] or box["x"] + box["width"] > SHEET["width"]]
        assert not too_large
        assert page.evaluate("document.documentElement.scrollWidth") <= SHEET["width"]
        assert not page.locator("button,input,select,.moving").filter(visible=True).count()


def sheets(page):
    """How many sheets of A4 Chromium prints a page on."""
    margin = dict.fromkeys(("top", "right", "bottom", "left"), "1cm")
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4", margin=margin)))


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_open_cards_are_on_one_sheet(browser, tmp_path, rankdir):
    """A picture is as high as a sheet at most, and no sheet ends within one: no card is cut in two."""
    viz.draw(MAKERS["transformer"](), engine="builtin", rankdir=rankdir).save(tmp_path / "page.html")
    with tab(browser, (tmp_path / "page.html").as_uri(), viewport=SHEET) as page:
        for place in (3, 8, 12):
            page.locator(".card").nth(place).focus()
            page.keyboard.press("Enter")
        assert page.locator(".panel").count() == 3
        assert sheets(page) == 1


def test_a_high_living_picture_is_on_one_sheet_and_what_is_said_of_it_on_the_next(browser, tmp_path):
    PAGES["explore"](tmp_path / "page.html")
    with tab(browser, (tmp_path / "page.html").as_uri(), viewport=SHEET) as page:
        assert sheets(page) == 2
        page.evaluate("document.querySelector('#picture').shadowRoot.querySelectorAll('p').forEach((p)=>p.remove())")
        assert sheets(page) == 1
