"""Playgrounds: what is trained in the page is what ``fit`` trains; weights are dragged, points are added, in a real browser."""

import base64
import math
import re
from xml.etree import ElementTree

import pytest

import nn
import viz
from autograd.labels import plain_name
from tests.viz.chromium import tab
from viz import pixels, plane
from viz.notation import number

DATA = nn.moons(30, noise=0.1, seed=0)


def model(activation="tanh", nouts=(4, 1)):
    return nn.MLP(2, nouts, activation=activation, seed=2)


@pytest.fixture
def opened(browser, tmp_path):
    return lambda picture, **context: tab(browser, picture.save(tmp_path / "playground.html").as_uri(), **context)


def settle(page):
    page.evaluate("()=>new Promise((done)=>requestAnimationFrame(()=>requestAnimationFrame(done)))")
    return page.locator("output").inner_text()


CASES = {
    "bce": (lambda: model(), DATA.X, DATA.y),
    "hinge": (lambda: model("relu"), DATA.X, [2 * t - 1 for t in DATA.y]),
    "mse": (lambda: model("sigmoid"), DATA.X, DATA.y),
    "cross_entropy": (lambda: model("relu", (5, 3)), DATA.X, [i % 3 for i in range(30)]),
}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("loss", CASES)
def test_steps_in_the_page_are_those_of_fit(opened, loss, optimizer):
    make, X, y = CASES[loss]
    net, lr = make(), 0.1
    made = {"sgd": nn.SGD, "adam": nn.Adam}[optimizer]
    with opened(viz.playground(net, (X, y), loss=loss, optimizer=optimizer, lr=lr)) as page:
        said = [settle(page)]
        for _ in range(5):
            page.get_by_label("one step").click()
            said.append(settle(page))
    history = nn.fit(net, X, y, loss=loss, optimizer=made(net.parameters(), lr=lr), epochs=6, progress=False, engine="eager")
    right = [100 * accuracy for accuracy in history.accuracy]
    expected = [f"loss {number(e)}, right {number(share)} % of 30" for e, share in zip(history.loss, right, strict=True)]
    assert said == expected


def test_training_goes_on_until_it_is_paused(opened):
    with opened(viz.playground(model(), DATA, lr=0.1)) as page:
        before = settle(page)
        page.get_by_label("train", exact=True).click()
        page.wait_for_function(
            "()=>document.querySelector('#picture').shadowRoot.querySelector('output').textContent.startsWith('loss 0.0')"
        )
        page.get_by_label("train", exact=True).click()
        assert (after := settle(page)) != before
        page.wait_for_timeout(60)
        assert settle(page) == after
        page.get_by_label("reset").click()
        assert settle(page) == before


# What a page does in so many frames of a training: calls of the canvas, changes of the document, and evaluations of expm1, which tanh is.
WORK = """(count)=>new Promise((done)=>{const said={canvas:0,document:0,expm1:0},canvas=CanvasRenderingContext2D.prototype,{expm1}=Math;
for(const name of Object.getOwnPropertyNames(canvas))if(typeof Object.getOwnPropertyDescriptor(canvas,name).value==="function"){
const call=canvas[name];canvas[name]=function(...all){said.canvas++;return call.apply(this,all);};}
Math.expm1=(x)=>{said.expm1++;return expm1(x);};
new MutationObserver((all)=>{said.document+=all.length;}).observe(document.querySelector("#picture").shadowRoot,
{subtree:true,childList:true,attributes:true,characterData:true});
requestAnimationFrame(function frame(){if(count--)return requestAnimationFrame(frame);setTimeout(()=>done(said));});})"""


def test_the_work_of_a_frame_does_not_grow_with_what_is_drawn(opened):
    """Twice a buffer of pixels is shown, however many lines and units; the plane is evaluated once, the loss once a step."""
    frames, cells, steps = 16, 40 * 40, 4
    for hidden in (4, 12):
        with opened(viz.playground(model(nouts=(hidden, 1)), DATA)) as page:
            settle(page)
            page.get_by_label("train", exact=True).click()
            work = page.evaluate(WORK, frames)
        shown = work["canvas"] / 2
        assert frames - 2 <= shown <= frames + 2, work
        assert work["document"] <= shown, work
        assert work["expm1"] == shown * hidden * (cells + 2 * steps * len(DATA.X)), work  # of a step for tanh and for its slope


def test_a_weight_is_dragged(opened):
    net = model()
    with opened(viz.playground(net, DATA)) as page:
        settle(page)
        wire = page.locator("path.hit[data-place='13']")  # the first of the last layer
        box = wire.bounding_box()
        x, y = box["x"] + 1.5, box["y"] + (0 if box["height"] < 4 else 1)
        for start in ((x, y), (x, box["y"] + box["height"] - 1)):
            page.mouse.move(*start)
            if page.locator("p").inner_text().startswith("w"):
                break
        name = page.locator("p").inner_text()
        page.mouse.down()
        page.mouse.move(start[0], start[1] - 50, steps=3)
        page.mouse.up()
        said = settle(page)
        weight = next(p for p in net.parameters() if plain_name(p.label) == name.partition(" = ")[0])
    weight.data += 1.0
    assert said.startswith(
        f"loss {number(sum(nn.losses.bce(net(x), t).data / 30 for x, t in zip(DATA.X, DATA.y, strict=True)))},"
    )


def test_a_point_is_added(opened):
    with opened(viz.playground(model(), DATA)) as page:
        settle(page)
        page.get_by_label("class of a new point").select_option("0")
        page.locator(".plot").click(position={"x": 20, "y": 20})
        assert settle(page).endswith("of 31")
        page.get_by_label("reset").click()
        assert settle(page).endswith("of 30")


def test_all_of_it_with_keys(opened):
    """Tab stops at the network, whose parameters arrows choose and change, and at the plane, where they move a cross."""
    net = model()
    with opened(viz.playground(net, DATA)) as page:
        settle(page)
        page.get_by_label("class of a new point").focus()
        page.keyboard.press("Tab")
        assert page.locator("p").inner_text() == f"w₁₁⁽¹⁾ = {number(net.parameters()[0].data)}"
        for key in ("ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowUp", "ArrowUp"):  # the last one: the bias of the last layer
            page.keyboard.press(key)
        assert page.locator("p").inner_text() == "b₁⁽²⁾ = 0.2"
        net.parameters()[-1].data += 0.2
        loss = sum(nn.losses.bce(net(x), t).data / 30 for x, t in zip(DATA.X, DATA.y, strict=True))
        assert settle(page).startswith(f"loss {number(loss)},")
        page.keyboard.press("Tab")
        for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
            page.keyboard.press(key)
        assert page.locator(".cross").is_visible()
        left, right, bottom, top = plane.box(DATA.X)
        x, y = left + (0.5 + 2 / 40) * (right - left), top - (0.5 + 1 / 40) * (top - bottom)
        assert page.locator("p").inner_text() == f"x₁ = {number(x)}, x₂ = {number(y)}"
        page.keyboard.press("Enter")
        assert settle(page).endswith("of 31")


def test_numbers_to_be_hit(opened):
    """No classes and no share of right answers: points have the colours of the plane, and a new one has the number that is typed."""
    y = [a + 3 * b for a, b in DATA.X]
    net = model()
    made = viz.playground(net, (DATA.X, y))
    assert made.loss == "mse"
    assert made.data["classes"] == []
    with opened(made) as page:
        said = [settle(page)]
        assert page.locator("select").count() == 1  # the optimizer's
        field = page.get_by_label("number of a new point")
        assert field.input_value() == number((min(y) + max(y)) / 2)
        for typed in ("much", "5"):
            field.fill(typed)
            page.locator(".plot").click(position={"x": 20, "y": 20})
            said.append(settle(page))
    loss = sum((net(x) - t) ** 2 for x, t in zip(DATA.X, y, strict=True)).data / 30
    assert said[:2] == [f"loss {number(loss)}, 30 points"] * 2
    assert said[2].endswith(", 31 points")
    dots = ElementTree.fromstring(made._still).iter("{http://www.w3.org/2000/svg}circle")
    fills = {dot.get("fill"): t for dot, t in zip(dots, y, strict=True)}
    assert fills[pixels.hexed(pixels.mixed(pixels.PAPER, pixels.CLASSES[1], 0.75))] == max(y)
    assert fills[pixels.hexed(pixels.mixed(pixels.PAPER, pixels.CLASSES[0], 0.75))] == min(y)


def test_rows_with_a_1_at_their_class(opened):
    rows = [[float(k == i % 3) for k in range(3)] for i in range(30)]
    with opened(viz.playground(model("relu", (5, 3)), (DATA.X, rows))) as page:
        assert page.locator("select").last.inner_text().split("\n") == [f"click adds {k}" for k in range(3)]
        assert settle(page).endswith("% of 30")


def test_on_a_phone(opened):
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
    with opened(viz.playground(model(nouts=(8, 8, 1)), DATA), **phone) as page:
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator(".net").evaluate("(net)=>net.scrollWidth<=net.clientWidth")


def test_the_still_picture():
    output = viz.playground(model(), DATA)._repr_html_()
    still = base64.b64decode(re.search(r"base64,([^\"]+)", output)[1]).decode()
    root = ElementTree.fromstring(still)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 30
    assert output.count("</script") == 1


def test_the_same_bytes_and_nothing_fetched():
    net = model()
    html = viz.playground(net, DATA, labels=["</script>", "ŵ"]).to_html()
    assert html == viz.playground(net, DATA, labels=["</script>", "ŵ"]).to_html()
    assert html.count("</script") == 1
    assert not re.findall(r"(?:src|href)=\"(?!data:)|fetch\(|import\(", html)
    assert len(html) < 60_000


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: viz.playground(model(), 7), TypeError, "X and y, or be the pair"),
        (lambda: viz.playground(model(), (DATA.X, DATA.y[:3])), ValueError, "same length"),
        (lambda: viz.playground(nn.MLP(3, [1]), ([[1.0, 2.0, 3.0]], [1])), ValueError, "two numbers each, got 3"),
        (lambda: viz.playground(model(), DATA, optimizer="lion"), ValueError, "'sgd', 'adam', got 'lion'"),
        *[
            (lambda lr=lr: viz.playground(model(), DATA, lr=lr), ValueError, "lr must be above 0")
            for lr in (0, -1.0, math.inf, math.nan)
        ],
        (lambda: viz.playground(model(), DATA, labels=["a"]), ValueError, "name the 2 classes of the data, got 1"),
        (lambda: viz.playground(model(), (DATA.X, [x[0] for x in DATA.X]), labels=["a"]), ValueError, "the 0 classes"),
        (
            lambda: viz.playground(model("relu", (5, 2)), (DATA.X, DATA.X), loss="mse"),
            ValueError,
            "2 outputs for targets that are no",
        ),
        (lambda: viz.playground(model(), DATA, loss="l7"), ValueError, "unknown loss"),
        (lambda: viz.playground(model(), DATA).save("a.svg"), ValueError, r"saved as \.html"),
        (lambda: viz.playground(nn.Flatten(), DATA), ValueError, "model with parameters"),
    ],
)
def test_bad_input(call, error, said):
    with pytest.raises(error, match=said):
        call()


def test_a_learning_rate_that_is_not_above_0_is_refused(opened):
    with opened(viz.playground(model(), DATA)) as page:
        before, rate = settle(page), page.get_by_label("η, the learning rate")
        for text, refused in (("-1", True), ("0", True), ("0.1", False)):
            rate.fill(text)
            assert rate.get_attribute("aria-invalid") == str(refused).lower()
            assert page.get_by_text("needs a number above 0").count() == refused
            page.get_by_label("one step").click()
            assert (settle(page) == before) == refused
