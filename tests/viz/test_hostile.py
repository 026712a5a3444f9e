"""Labels and names of classes that are anything but names, and a machine without ``dot``: each picture of a network stands all of them."""

from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

pytest.importorskip("numpy")

import nn
import viz
from tests.viz.chromium import tab
from tests.viz.test_draw import NASTY

POINTS = nn.moons(20, noise=0.1, seed=0)


def model(label):
    net = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    for p in (net.layers[0].neurons[1].w[0], net.layers[0].neurons[1].b, net.layers[1].neurons[0].w[1]):
        p.label = label
    return net


def classes(label):
    return [label if t else f"no {label}" for t in POINTS.y]


def seen(callback):
    def shown(label, folder):
        net, y = model(label), classes(label)
        made = callback(net, POINTS.X, y)
        nn.fit(net, POINTS.X, y, loss="bce", epochs=2, progress=False, engine="eager", callbacks=[made])
        return made.to_svg()

    return shown


def reported(label, folder):
    path = viz.report(
        model(label), None, (POINTS.X, classes(label)), folder / "report.html", loss=label, weights=label or "model"
    )
    return path.read_text(encoding="utf-8")


def loss(label):
    net = model(label)
    made = sum([(net(x) - t) ** 2 for x, t in zip(POINTS.X, POINTS.y, strict=True)])
    made.label = label
    return made


def network(label, **options):
    return viz.network(model(label), POINTS.X, POINTS.y, loss="bce", **options)


# Each picture, as a text of SVG or of a page.
SHOWN = {
    "draw": lambda label, folder: viz.draw(model(label)([1.0, 2.0])).to_svg(),
    "draw, folded": lambda label, folder: viz.draw(loss(label)).to_svg(),
    "draw, folded, page": lambda label, folder: viz.draw(loss(label)).to_html(),
    "network": lambda label, folder: network(label).to_svg(),
    "network, a neuron": lambda label, folder: network(label, level=(1, 2)).to_svg(),
    "network, page": lambda label, folder: network(label).to_html(),
    "network, notebook": lambda label, folder: network(label)._repr_html_(),
    "watch": seen(viz.watch),
    "film": seen(viz.film),
    "playground": lambda label, folder: viz.playground(model(label), (POINTS.X, classes(label))).to_html(),
    "report": reported,
}


class Page(HTMLParser):
    """The tags of a page, in order."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, *[name for name, _ in attributes]))


@pytest.mark.parametrize("name", SHOWN)
def test_any_label_is_text_and_nothing_else(name, tmp_path):
    usual = Page(SHOWN[name]("usual", tmp_path)).tags
    for label in NASTY:
        text = SHOWN[name](label, tmp_path)
        text.encode()
        assert "alert(1)</script>" not in text, label
        if text.startswith("<svg"):
            ElementTree.fromstring(text)
        assert not [tag for tag in Page(text).tags if tag not in usual], label


@pytest.mark.parametrize("name", SHOWN)
def test_without_dot(name, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert len(SHOWN[name]("usual", tmp_path)) > 1000


@pytest.mark.parametrize("label", ['<img src=x onerror="throw 1">', "]]></script><!--", "\ud800 ${1} `", "שלום"])
@pytest.mark.parametrize("name", ["draw, folded, page", "network, page", "playground", "report"])
def test_pages_open_whatever_they_say(browser, tmp_path, name, label):
    """Nothing is fetched or thrown, and the script has taken the picture over."""
    text = SHOWN[name](label, tmp_path)
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    with tab(browser, (tmp_path / "page.html").as_uri()) as page:
        hosts = page.evaluate("[...document.querySelectorAll('#picture,#network,#neuron')].map((host)=>!!host.shadowRoot)")
        assert hosts and all(hosts)
        assert page.locator("img").count() == 0
