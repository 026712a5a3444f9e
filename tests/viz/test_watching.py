"""Watching and filming a training: what is drawn, when, and that a terminal sees nothing."""

import re
import sys
from base64 import b64decode
from collections import Counter
from types import ModuleType, SimpleNamespace
from xml.etree import ElementTree

import pytest

import nn
import viz
from viz import watching

SVG = "{http://www.w3.org/2000/svg}"
DATA = nn.moons(20, noise=0.1, seed=0)


def model(nouts=(4, 1), nin=2):
    return nn.MLP(nin, nouts, activation="tanh", seed=0)


def trained(net, X, y, epochs, *callbacks, loss="bce"):
    return nn.fit(net, X, y, loss=loss, epochs=epochs, progress=False, engine="eager", callbacks=callbacks)


@pytest.fixture
def notebook(monkeypatch):
    """A notebook that takes note of what is displayed, and a clock that stands still."""
    shown, hooks = [], []
    events = SimpleNamespace(register=lambda name, hook: hooks.append(hook), unregister=lambda name, hook: hooks.remove(hook))
    module = ModuleType("IPython")
    module.get_ipython = lambda: SimpleNamespace(kernel=object(), events=events)
    handle = SimpleNamespace(update=lambda thing: shown.append(thing._repr_html_()))
    module.display = SimpleNamespace(display=lambda thing, display_id: handle, HTML=str)
    monkeypatch.setitem(sys.modules, "IPython", module)
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(watching.time, "monotonic", lambda: clock.now)
    return SimpleNamespace(shown=shown, hooks=hooks, clock=clock)


def test_a_terminal_sees_nothing(capsys):
    trained(model(), DATA.X, DATA.y, 3, viz.watch(model(), DATA.X, DATA.y))
    assert capsys.readouterr() == ("", "")


def test_a_notebook_is_drawn_in_at_most_ten_times_a_second(notebook):
    net = model()
    watch = viz.watch(net, DATA.X, DATA.y)
    every = trained(net, DATA.X, DATA.y, 26, lambda epoch, history: setattr(notebook.clock, "now", epoch * 0.03), watch)
    assert len(notebook.shown) == 1 + 2  # at 0.54 s, 0.66 s and 0.78 s
    [finish] = notebook.hooks
    finish(None)
    assert not notebook.hooks
    assert f"epochs={every.epochs}" in notebook.shown[-1]
    assert notebook.shown[-1] == watch._repr_html_()


def test_a_compiled_fit_is_looked_at_now_and_then(notebook):
    """Called after stretches of epochs, the last one included, with the weights and gradients of that moment; the result is the same."""
    pytest.importorskip("llvmlite")
    alone, watched, calls = model(), model(), []
    watch = viz.watch(watched, DATA.X, DATA.y)

    def look(epoch, history):
        calls.append((epoch, [p.data for p in watched.parameters()], watched.parameters()[0].grad))
        watch(epoch, history)

    look.only_looks = True
    for net, callbacks in ((alone, ()), (watched, (look,))):
        nn.fit(net, DATA.X, DATA.y, loss="bce", epochs=400, progress=False, engine="llvm", callbacks=callbacks)
    assert [p.data for p in watched.parameters()] == [p.data for p in alone.parameters()]
    epochs = [epoch for epoch, _, _ in calls]
    assert epochs[-1] == 400
    assert len(epochs) < 200
    assert calls[-1][1] == [p.data for p in watched.parameters()]
    assert calls[-1][2] != 0.0


def test_what_a_drawing_costs_it_has_to_wait_for(notebook, monkeypatch):
    watch = viz.watch(model(), DATA.X, DATA.y)
    draw = viz.Watch._repr_html_

    def slowly(self):
        notebook.clock.now += 1.0
        return draw(self)

    monkeypatch.setattr(viz.Watch, "_repr_html_", slowly)
    history = nn.History(loss=[1.0])
    for epoch in range(1, 55):
        notebook.clock.now += 0.1
        watch(epoch, history)
    assert len(notebook.shown) == 1


@pytest.mark.parametrize("seconds", [0.1, 0.4, 0.6, 2.0, 30.0])
@pytest.mark.parametrize("cost", [0.005, 0.05, 0.08])
def test_no_training_is_slowed_by_more_than_a_fifth(notebook, monkeypatch, seconds, cost):
    """Whatever a training and a drawing take, however short the training; its picture comes when it is over."""
    watch, drawn = viz.watch(model(), DATA.X, DATA.y), []

    def slowly(self):
        drawn.append(notebook.clock.now)
        notebook.clock.now += cost
        return "<img>"

    monkeypatch.setattr(viz.Watch, "_repr_html_", slowly)
    history, done = nn.History(), 0.0
    while done < seconds:
        done, notebook.clock.now = done + 0.02, notebook.clock.now + 0.02
        history.loss.append(1.0)
        watch(len(history.loss), history)
        assert len(drawn) * cost <= 0.2 * done, f"after {done:.2f} s of training {len(drawn)} drawings"
    assert (len(drawn) - 1) * cost <= 0.1 * notebook.clock.now, "a tenth of the time, the first drawing aside"
    [finish] = notebook.hooks
    finish(None)
    assert drawn


def test_a_second_training_in_another_cell_begins_anew(notebook):
    watch = viz.watch(net := model(), DATA.X, DATA.y)
    for _ in range(2):
        trained(net, DATA.X, DATA.y, 2, watch)
        [finish] = notebook.hooks
        finish(None)
        assert not notebook.hooks
    assert len(notebook.shown) == 2


def texts(svg):
    return [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_many_layers_are_not_cut():
    net = model([2] * 20 + [1])
    watch = viz.watch(net, DATA.X, DATA.y)
    trained(net, DATA.X, DATA.y, 1, watch)
    root = ElementTree.fromstring(watch.to_svg())
    assert max(float(text.get("y")) for text in root.iter(f"{SVG}text")) + 10 < float(root.get("height"))


def test_it_is_pictures_no_wider_than_a_phone_with_the_same_in_them():
    flat, high = [x[:1] for x in DATA.X], [[*x, 0.0] for x in DATA.X]
    for X, y, loss in ((DATA.X, DATA.y, "bce"), (high, DATA.y, "bce"), (flat, [x[1] for x in DATA.X], "mse")):
        net = model(nin=len(X[0]))
        watch = viz.watch(net, X, y)
        trained(net, X, y, 3, watch, loss=loss)
        pictures = [ElementTree.fromstring(b64decode(still)) for still in re.findall(r'base64,([^"]+)"', watch._repr_html_())]
        assert len(pictures) == 3
        assert max(float(picture.get("width")) for picture in pictures) <= 390 - 40
        whole = Counter(element.tag for element in ElementTree.fromstring(watch.to_svg()).iter())
        parts = Counter(element.tag for picture in pictures for element in picture.iter())
        assert parts - whole == {f"{SVG}svg": 2, f"{SVG}rect": 2}  # each has its own ground


def test_the_picture_of_points_of_the_plane():
    net = model()
    watch = viz.watch(net, DATA.X, DATA.y)
    trained(net, DATA.X, DATA.y, 3, watch)
    root = ElementTree.fromstring(watch.to_svg())
    assert len(list(root.iter(f"{SVG}image"))) == 1
    assert len(list(root.iter(f"{SVG}circle"))) == 20
    assert {"loss", "size of the gradients", "layer 1", "layer 2", "epoch 3"} <= set(texts(watch.to_svg()))


def test_accuracies_are_those_of_the_classes():
    X = [[float(i % 7), float(i % 3), 1.0] for i in range(30)]
    y = [i % 3 for i in range(30)]
    net = model((5, 3), 3)
    watch = viz.watch(net, X, y)
    trained(net, X, y, 4, watch, loss="cross_entropy")
    said = texts(watch.to_svg())
    for k in range(3):
        share = net.accuracy([x for x, t in zip(X, y, strict=True) if t == k], [k] * 10)
        assert said[said.index(f"class {k}") + 1] == viz.notation.number(share)


def test_a_film_plays_and_ends_in_the_last_epoch():
    net = model()
    film = viz.film(net, DATA.X, DATA.y, seconds=0.5)
    trained(net, DATA.X, DATA.y, 5, film)
    root = ElementTree.fromstring(film.to_svg())
    [moving] = [g for g in root.iter(f"{SVG}g") if g.get("class") == "moving"]
    frames = [g for g in moving if g.find(f"{SVG}animate") is not None]
    assert len(frames) == 5
    assert {animate.get("dur") for animate in moving.iter(f"{SVG}animate")} == {"4.5s"}
    still, last = ([image.get("href") for image in part.iter(f"{SVG}image")] for part in (root, frames[-1]))
    assert still[0] == last[0]
    assert film.to_svg().count("prefers-reduced-motion") == 1
    assert film.to_svg() == film.to_svg()


def test_a_film_as_gif_shows_the_same_frames(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("typst")
    net = model()
    film = viz.film(net, DATA.X, DATA.y, seconds=0.2)
    trained(net, DATA.X, DATA.y, 4, film)
    with image.open(film.save(tmp_path / "a.gif")) as gif:
        frames, times = [], []
        for i in range(gif.n_frames):
            gif.seek(i)
            frames.append(gif.convert("RGB"))
            times.append(gif.info["duration"])
        assert times == [200, 200, 200, 1000]
        assert gif.info["loop"] == 0
    width, height = (float(ElementTree.fromstring(film.to_svg()).get(side)) for side in ("width", "height"))
    assert frames[0].size == (width, height)
    assert len({frame.tobytes() for frame in frames}) == 4
    left = [
        sum(frame.getpixel((x, y)) != (255, 255, 255) for x in range(15, 245, 5) for y in range(15, 245, 5)) for frame in frames
    ]
    assert min(left) > 500, "the boundary is coloured"


def test_without_the_extra_a_gif_names_it(monkeypatch):
    net = model()
    film = viz.film(net, DATA.X, DATA.y)
    trained(net, DATA.X, DATA.y, 1, film)
    for missing in ("typst", "PIL"):
        monkeypatch.setitem(sys.modules, missing, None)
        with pytest.raises(ImportError, match=r'pip install "chalkgrad\[pictures\]"'):
            film.save("a.gif")
        monkeypatch.undo()


def test_a_long_film_is_thinned_evenly():
    net = model()
    film = viz.film(net, DATA.X, DATA.y)
    history = nn.History()
    for epoch in range(1, 301):
        history.loss.append(1.0 / epoch)
        film(epoch, history)
    epochs = [epoch for epoch, _ in film._frames]
    assert len(epochs) <= 49
    assert epochs[0] == 1
    assert epochs[1:] == list(range(8, 301, 8))
    assert len(film.to_svg()) < 400_000


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: viz.watch(nn.Flatten(), DATA.X, DATA.y), ValueError, "model with parameters can be watched, got Flatten"),
        (lambda: viz.watch(model(), DATA.X, [1]), ValueError, "same length"),
        (lambda: viz.watch(model(), [[1.0, 2.0, 3.0]], [1]), ValueError, "expects 2 .* got 3"),
        (lambda: viz.film(model(), [[1.0, 2.0, 3.0]], [1]), ValueError, "expects 2 .* got 3"),
        (lambda: viz.watch(model(), DATA.X, DATA.y).to_svg(), ValueError, "nothing was watched yet"),
        (lambda: viz.film(model(), DATA.X, DATA.y).to_svg(), ValueError, "nothing was filmed yet"),
        (lambda: viz.film(model(), DATA.X, DATA.y, seconds=-1), ValueError, "seconds must be above 0"),
        (lambda: viz.film(model(), DATA.X, DATA.y).save("a.mp4"), ValueError, r"saved as \.svg, \.gif"),
        (lambda: viz.film(model(), DATA.X, DATA.y).save("a.gif"), ValueError, "nothing was filmed yet"),
    ],
)
def test_bad_input(call, error, said):
    with pytest.raises(error, match=said):
        call()
