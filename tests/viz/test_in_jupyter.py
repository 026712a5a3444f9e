"""Living and folded pictures in JupyterLab, trusted and untrusted, and in HTML exported by nbconvert."""

import os
import subprocess
import sys
import warnings

import pytest

import nn
import viz
from tests.viz.chromium import PATIENCE
from tests.viz.jupyter import lab, notebook, settings
from tests.viz.living_graphs import TEN
from tests.viz.test_folding import MAKERS
from viz.notation import number


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the same notebook twice, of which one is trusted: one of each kind of picture, two living ones."""
    nbformat = pytest.importorskip("nbformat")
    place = tmp_path_factory.mktemp("jupyter")
    root = TEN["lecture_neuron"]()
    shown = [viz.explore(root), viz.explore(root), viz.animate(root), viz.draw(MAKERS["xor"](), fold="packs")]
    shown.append(viz.network(nn.MLP(2, [3, 1], activation="tanh", seed=1), [0.5, -1.0], level="layers"))
    shown.append(viz.playground(nn.MLP(2, [3, 1], activation="tanh", seed=1), nn.moons(20, noise=0.1, seed=0), lr=0.1))
    made = notebook([picture._repr_html_() for picture in shown])
    for name in ("trusted", "untrusted"):
        made.metadata["title"] = name  # trust is in the contents, not in the file
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cells without ids
            nbformat.write(made, place / f"{name}.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "trust", "trusted.ipynb"], cwd=place, env=settings(place), capture_output=True
    )
    assert done.returncode == 0, done.stderr
    return place


def play(page):
    """Use the first of two living pictures; the second stays as it was."""
    first, second = page.locator("output").nth(0), page.locator("output").nth(1)
    first.wait_for()
    second.wait_for()  # an output without its text has no size, and is not there yet
    before = second.inner_text()
    page.get_by_role("slider", name="w1").nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "(text)=>[...document.querySelectorAll('[id^=chalkgrad]')].some((host)=>host.shadowRoot?.querySelector('output').textContent!==text)",
        arg=before,
    )
    neuron = TEN["lecture_neuron"]()
    w1 = neuron._prev[0]._prev[0]._prev[0]._prev[1]
    assert w1.label == "w1"
    total = (w1.data + 0.01) * 2.0 + 0.0 + 6.8813735870195432
    assert first.inner_text() == f"o = {number(viz.exploring.Value(total).tanh().data)}"
    assert second.inner_text() == before
    unfold(page)
    train(page)


def train(page):
    """One step in the playground lowers its loss."""
    said = page.locator("output").nth(2)
    said.wait_for()
    before = said.inner_text()
    assert before.startswith("loss ")
    page.get_by_role("button", name="one step", exact=True).click()
    page.wait_for_timeout(200)
    assert float(said.inner_text()[5:].split(",")[0]) < float(before[5:].split(",")[0])


def unfold(page):
    """Open a card of the folded picture down to a sum of products, and close it."""
    page.get_by_role("button", name="3 × a⁽¹⁾ = Σ₂ w·x + b", exact=True).press("Enter")
    page.get_by_role("button", name="a₂⁽¹⁾", exact=True).click()
    assert page.locator(".panel td").all_inner_texts()[:4:2] == ["w₂₁⁽¹⁾", "x₁⁽⁰⁾"]
    page.get_by_role("button", name="close", exact=True).click()
    assert page.locator(".panel header").count() == 0
    page.get_by_role("button", name="tanh 2→3", exact=True).click()
    page.get_by_role("button", name="unit 2 of layer 1").click()
    assert page.locator(".shown td").all_inner_texts()[:3:2] == ["x₁⁽⁰⁾", "w₂₁⁽¹⁾"]


def test_exported_html(browser, folder):
    exporters = pytest.importorskip("nbconvert.exporters")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nbconvert
        body, _ = exporters.HTMLExporter().from_filename(str(folder / "untrusted.ipynb"))
    (folder / "exported.html").write_text(body, encoding="utf-8")
    opened = browser.new_context(offline=True)
    opened.set_default_timeout(PATIENCE)
    page = opened.new_page()
    page.goto((folder / "exported.html").as_uri(), wait_until="domcontentloaded")
    play(page)
    assert page.locator("img[alt^='Computation graph']").count() == 1, "the animation stays an image"
    opened.close()


def test_in_jupyterlab(browser, folder):
    """Live where the notebook is trusted, the still picture where it is not."""
    with lab(folder) as address:
        for name in ("trusted", "untrusted"):
            opened = browser.new_context(viewport={"width": 1300, "height": 1000})
            opened.set_default_timeout(PATIENCE)
            page, trouble = opened.new_page(), []
            page.on("pageerror", lambda error, trouble=trouble: trouble.append(str(error)))
            page.goto(f"{address}/{name}.ipynb?reset")
            if name == "trusted":
                play(page)
            else:
                images = page.locator("img[alt^='Computation graph of o']")
                images.nth(2).wait_for()
                assert images.count() == 3
                page.locator("img[alt^='Computation graph of the result']").wait_for()
                page.locator("img[alt^='Network MLP']").wait_for()
                assert page.get_by_text("upper strip: data (blue +, orange −)").is_visible(), "the legend is text of the page"
                page.locator("img[alt^='Decision boundary of MLP']").wait_for()
                assert all(
                    page.evaluate(
                        "()=>[...document.querySelectorAll('img[alt^=Computation]')].map((image)=>image.naturalWidth>300)"
                    )
                )
            if os.environ.get("SCREENSHOTS"):
                page.screenshot(path=f"{os.environ['SCREENSHOTS']}/lab-{name}.png")
            assert not trouble, trouble
            opened.close()
