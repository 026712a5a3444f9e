"""Living pictures in a real browser: from a file, with mouse, touch and keys, at every step, on light and dark pages, on a phone."""

import pytest

import viz
from autograd import Value, topological_order
from tests.viz.chromium import tab
from tests.viz.living_graphs import TEN
from viz import living, story
from viz.exploring import explain_order, explore
from viz.notation import number
from viz.svg import shortened

PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def opened(browser, tmp_path):
    """A function that opens a living picture from a file."""
    return lambda picture, **context: tab(browser, picture.save(tmp_path / "picture.html").as_uri(), **context)


def neuron():
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-0.25, label="b")
    y = (w * x + b).tanh()
    y.label = "y"
    loss = (y - 1) ** 2
    loss.label = "E"
    return loss


def settle(page):
    """Wait for the next frame, in which everything follows."""
    page.evaluate("()=>new Promise((done)=>requestAnimationFrame(()=>requestAnimationFrame(done)))")


def shown(page):
    """Data and gradient of every card as the picture says them."""
    settle(page)
    return page.evaluate(
        """()=>{const root=document.querySelector("#picture").shadowRoot;
        return [...root.querySelector("svg[role=group]").querySelectorAll("svg>g>g")].map((card)=>[...card.querySelectorAll("text")]
        .filter((text)=>text.textContent!=="η").slice(-2).map((text)=>text.textContent));}"""
    )


def expected(root):
    """The same from Python."""
    for value in topological_order(root):
        value.grad = 0.0
    root.backward()
    values = living.drawn(root, 150).values
    return [[number(value.data), f"∂ {number(value.grad)}"] for value in values]


# Press "first step", then "step forward" to the end; what is seen and said after each.
WALK = """async()=>{const root=document.querySelector("#picture").shadowRoot,steps=[];
const press=(name)=>root.querySelector(`[aria-label="${name}"]`).click(),frame=()=>new Promise((done)=>requestAnimationFrame(done));
press("first step");
for(let i=0;i<=Number(root.querySelector(".at").max);i++){await frame();await frame();
const cards=[...root.querySelectorAll("svg[role=group]>g>g")]
.map((card)=>[...card.querySelectorAll("text")].filter((text)=>text.textContent!=="η"));
steps.push({text:root.querySelector("p").textContent,gradients:cards.map((texts)=>texts.at(-1).textContent),ways:root.querySelectorAll(".back").length});
press("step forward");}return steps;}"""


def leaf(page, name):
    return page.get_by_role("slider", name=name, exact=True)


@pytest.mark.parametrize("name", TEN)
def test_every_step_on_screen(opened, name):
    root = TEN[name]()
    graph = living.drawn(root, 150)
    alive = living.living(graph, [living.engine_trace(graph)])
    forward, backward = story.forward_lines(alive), story.backward_story(alive)
    with opened(explore(root)) as page:
        assert shown(page) == expected(root)
        steps = page.evaluate(WALK)
    pushes = steps[len(forward) + 2 : -1]
    assert [step["text"] for step in steps[1 : 1 + len(forward)]] == forward
    assert [step["gradients"] for step in pushes] == [
        [f"∂ {number(0.0 if g is None else g)}" for g in told.gradients] for told in backward
    ]
    assert [step["text"] for step in pushes] == ["\n".join(told.lines) for told in backward]
    assert [step["ways"] for step in pushes] == [len(told.edges) for told in backward]


def test_dragging_moves_everything(opened):
    root = neuron()
    with opened(explore(root)) as page:
        box = leaf(page, "w").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 30, y, steps=5)
        page.mouse.up()
        w = topological_order(root)[0]
        w.data = 0.53
        assert shown(page) == expected(neuron_at(0.53))
        page.mouse.move(x + 90, y)
        assert shown(page) == expected(neuron_at(0.53)), "it was let go"


def neuron_at(w, x=2.0, b=-0.25):
    y = (Value(w) * Value(x) + Value(b)).tanh()
    return (y - 1) ** 2


def test_a_finger_drags(opened):
    with opened(explore(neuron()), **PHONE) as page:
        box = leaf(page, "w").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touch = page.context.new_cdp_session(page)

        def send(kind, *points):
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": px, "y": y} for px in points]})

        send("touchStart", x)
        for k in range(1, 5):
            send("touchMove", x + 10 * k)
        send("touchEnd")
        assert shown(page) == expected(neuron_at(0.54))


def test_keys(opened):
    with opened(explore(neuron())) as page:
        leaf(page, "w").focus()
        for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "PageUp", "Shift+ArrowRight"):
            page.keyboard.press(key)
        assert shown(page)[0][0] == "0.5111"
        assert leaf(page, "w").get_attribute("aria-valuetext").startswith("0.5111, gradient ")
        page.get_by_label("reset").focus()
        page.keyboard.press("Home")
        assert [data for data, _ in shown(page)][2] == "·"
        page.keyboard.press("ArrowRight")
        assert [data for data, _ in shown(page)][2] != "·"
        page.keyboard.press("End")
        assert "·" not in [data for data, _ in shown(page)]


@pytest.mark.parametrize(
    ("text", "w"), [("3", 3.0), ("−0.75", -0.75), ("1e300", 1e300), ("inf", float("inf")), ("nan", float("nan"))]
)
def test_typing_a_number(opened, text, w):
    with opened(explore(neuron())) as page:
        leaf(page, "w").dblclick()
        page.keyboard.type(text)
        page.keyboard.press("Enter")
        assert shown(page) == expected(neuron_at(w))


def test_typing_something_else_changes_nothing(opened):
    with opened(explore(neuron())) as page:
        before = shown(page)
        leaf(page, "w").focus()
        page.keyboard.press("Enter")
        page.keyboard.type("two")
        page.keyboard.press("Enter")
        assert page.locator(".type").get_attribute("aria-invalid") == "true"
        page.keyboard.press("Escape")
        assert page.locator(".type").count() == 0
        assert shown(page) == before


def test_downhill_play_and_reset(opened):
    root = neuron()
    with opened(explore(root, lr=0.1)) as page:
        start = shown(page)
        page.get_by_label("one step downhill").click()
        root.backward()
        w, x, b = (v.data - 0.1 * v.grad * (v.label != "x") for v in topological_order(root) if v.is_leaf and not v.is_constant)
        assert shown(page) == expected(neuron_at(w, x, b))
        page.get_by_label("play").click()
        page.wait_for_function("()=>document.querySelector('#picture').shadowRoot.querySelector('output').textContent<'E = 0.1'")
        page.get_by_label("play").click()
        after = shown(page)
        page.wait_for_timeout(60)
        assert shown(page) == after, "it has stopped"
        assert len(page.locator("svg[aria-label='its course'] path").nth(1).get_attribute("d").split("L")) > 5
        page.get_by_label("reset").click()
        assert shown(page) == start


@pytest.mark.parametrize("eta", ["0", "-0.1", "nan", "inf", "1e999", "fast", ""])
def test_a_step_whose_size_is_not_above_0_is_refused(opened, eta):
    with opened(explore(neuron())) as page:
        before = shown(page)
        page.get_by_label("η, the size of a step").fill(eta)
        assert page.get_by_text("needs a number above 0").is_visible()
        page.get_by_label("one step downhill").click()
        page.get_by_label("play").click()
        assert shown(page) == before
        page.get_by_label("η, the size of a step").fill("0.1")
        assert page.get_by_text("needs a number above 0").count() == 0
        page.get_by_label("one step downhill").click()
        assert shown(page) != before


def test_the_order_explained(opened):
    x = Value(2.0, label="x")
    a = x * x
    a.label = "a"
    y = a * 3 * a
    y.label = "y"
    with opened(explain_order(y)) as page:
        settle(page)
        assert page.locator("p").all_inner_texts() == ["All derivatives are right.", "Wrong: ∂y/∂x."]
        assert "≠" in page.locator(".picture").nth(1).inner_text()
        page.get_by_label("first step").click()
        said = set()
        for _ in range(int(page.get_by_label("step", exact=True).get_attribute("max"))):
            page.get_by_label("step forward").click()
            settle(page)
            said |= set(page.locator("p").nth(1).inner_text().splitlines())
        assert "Too early: 1 of 2 contributions have arrived at a." in said


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_the_picture_and_nothing_else(opened, scheme):
    with opened(explore(neuron()), color_scheme=scheme, **PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        ink, paper = page.evaluate(
            "()=>[getComputedStyle(document.body).color,getComputedStyle(document.documentElement).colorScheme]"
        )
        assert paper == "light dark"
        assert (ink == "rgb(255, 255, 255)") == (scheme == "dark")
        page.get_by_label("step back").tap()
        page.get_by_label("step back").tap()
        settle(page)
        active = page.locator("svg g>rect[stroke-width='3']").bounding_box()
        assert active["x"] + active["width"] <= 390, "the active card is in sight"


@pytest.mark.parametrize("label", ["</script><b>", "<img src=x onerror=alert(1)>", "\"'`${1}", "ŵ 名 {3}"])
def test_hostile_labels_on_screen(opened, label):
    x = Value(1.0, label=label)
    y = x * x
    y.label = label
    with opened(explore(y)) as page:
        settle(page)
        assert page.locator("output").inner_text() == f"{shortened(f'{label}′')} = 1", "the second of the same name"
        assert page.locator("img").count() == 0


# For every leaf whether its η stands in the card and beside the label.
RATES = """()=>[...document.querySelector("#picture").shadowRoot.querySelectorAll("g.leaf")].map((card)=>{
const box=(e)=>e.getBoundingClientRect(),texts=[...card.querySelectorAll("text")],rate=box(texts.find((text)=>text.textContent==="η"));
return rate.right<=box(card.querySelector("rect")).right&&rate.left>=box(texts[0]).right;})"""


@pytest.mark.parametrize("label", ["w", "w_12^(3)", "line break", "a very long label that goes on and on"])
def test_the_mark_of_a_rate_hides_no_label(opened, label):
    x = Value(1.0, label=label)
    with opened(explore(x * x, trainable=[x])) as page:
        settle(page)
        assert page.evaluate(RATES) == [True]


def test_a_label_from_the_right_leaves_the_sentence_in_order(opened):
    """Each number of the line below stands to the right of the last one, whatever is written between them."""
    x, y = Value(3.5, label="שלום עולם"), Value(4.5, label="مرحبا")
    order = """()=>{const text=document.querySelector("#picture").shadowRoot.querySelector("p").firstChild,found=[];
for(const number of text.data.matchAll(/\\d\\.\\d/g)){const range=document.createRange();range.setStart(text,number.index);
range.setEnd(text,number.index+3);found.push(range.getBoundingClientRect().x);}return found;}"""
    with opened(explore(x * y), viewport={"width": 1200, "height": 600}) as page:
        settle(page)
        places = page.evaluate(order)
        assert len(places) == 4 and places == sorted(places), page.locator("p").first.inner_text()


def moves(page, looks):
    """Whether one of so many looks, 50 ms apart, shows another picture than the first."""
    page.wait_for_timeout(250)
    first = page.screenshot()
    for _ in range(looks):
        page.wait_for_timeout(50)
        if page.screenshot() != first:
            return True
    return False


def test_an_animation_plays_in_an_image_unless_the_reader_wants_no_motion(browser, launch, tmp_path):
    """The browser's own setting, because playwright's emulation of it does not reach into images."""
    page_of = tmp_path / "page.html"
    page_of.write_text(viz.animate(neuron(), seconds=0.2)._repr_html_(), encoding="utf-8")
    with tab(browser, page_of.as_uri()) as page:
        assert moves(page, 400)
    with tab(launch("--force-prefers-reduced-motion"), page_of.as_uri()) as page:
        assert not moves(page, 20)
