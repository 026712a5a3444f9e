"""Where cards stand: three engines place the same cards; an engine that is missing or broken stops no picture."""

import importlib.util
import random
import shutil
import sys
from pathlib import Path

import pytest

from autograd import Value
from viz import draw, engines, svg
from viz.cards import cards_of
from viz.engines import EngineFailed, place

INSTALLED = {
    "builtin": True,
    "dot": shutil.which("dot") is not None,
    "pygraphviz": importlib.util.find_spec("pygraphviz") is not None,
}


def present(engine: str) -> object:
    return pytest.param(engine, marks=pytest.mark.skipif(not INSTALLED[engine], reason=f"{engine} is not installed"))


def without_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


def fake_dot(folder: Path, script: str) -> None:
    program = folder / "dot"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize("engine", [present(engine) for engine in INSTALLED])
def test_every_engine_places_every_card(engine, graph, check_readable):
    picture = cards_of(graph)
    sizes = [svg.size_of(card) for card in picture.cards]
    layout, placed_by = place(sizes, picture.links, engine=engine)
    assert placed_by == engine
    check_readable(layout, sizes, picture.links)


@pytest.mark.parametrize("engine", [present(engine) for engine in INSTALLED])
@pytest.mark.parametrize("seed", range(6))
def test_every_engine_places_random_graphs(engine, seed, check_readable):
    chance = random.Random(seed)
    sizes = [(chance.uniform(90, 200), chance.choice([44.0, 62.0])) for _ in range(30)]
    edges = [(chance.randrange(end), end) for end in range(1, 30) for _ in range(chance.randint(1, 3))]
    check_readable(place(sizes, edges, engine=engine)[0], sizes, edges)


@pytest.mark.parametrize("engine", [present(engine) for engine in INSTALLED])
def test_top_to_bottom(engine, neuron):
    picture = draw(neuron, rankdir="TB", engine=engine)
    for edge in picture.cards.edges:
        assert picture.layout.centres[edge.start][1] < picture.layout.centres[edge.end][1]


def test_without_graphviz_auto_is_builtin(monkeypatch, neuron):
    without_graphviz(monkeypatch)
    automatic = draw(neuron)
    assert automatic.engine == "builtin"
    assert automatic.to_svg() == draw(neuron, engine="builtin").to_svg()


@pytest.mark.parametrize(
    ("engine", "error", "says"),
    [
        ("dot", FileNotFoundError, r'not on PATH.*pip install "chalkgrad\[graphviz\]"'),
        ("pygraphviz", ImportError, r'pip install "chalkgrad\[graphviz\]"'),
    ],
)
def test_a_named_engine_that_is_missing(monkeypatch, neuron, engine, error, says):
    without_graphviz(monkeypatch)
    with pytest.raises(error, match=says):
        draw(neuron, engine=engine)


@pytest.mark.skipif(sys.platform == "win32", reason="the broken dot is a shell script")
@pytest.mark.parametrize(
    "script", ["exit 1", "kill -9 $$", "echo nonsense", "echo graph 1 1 1", "printf 'node 0 x y\\nnode 1\\n'", "true"]
)
def test_a_broken_dot_stops_no_picture(monkeypatch, tmp_path, neuron, script):
    without_graphviz(monkeypatch)
    fake_dot(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert draw(neuron).engine == "builtin"
    with pytest.raises(EngineFailed, match=r"dot failed|something else than a layout"):
        draw(neuron, engine="dot")


@pytest.mark.parametrize("rankdir", ["RL", "lr", "", None])
def test_unknown_rankdir(neuron, rankdir):
    with pytest.raises(ValueError, match=r'rankdir must be "LR".*"TB"'):
        draw(neuron, rankdir=rankdir)


def test_unknown_engine(neuron):
    with pytest.raises(ValueError, match="engine must be one of 'auto', 'dot', 'pygraphviz', 'builtin', got 'neato'"):
        draw(neuron, engine="neato")


def test_a_dot_that_was_started_early_is_asked_or_ended(monkeypatch):
    """Folding starts it beside its own work; where that fails, or the picture is placed, no process is left."""
    pytest.importorskip("numpy")
    if shutil.which("dot") is None:
        pytest.skip("no dot on PATH")
    children = []
    start = engines._started
    monkeypatch.setattr(engines, "_started", lambda program: children.append(start(program)) or children[-1])
    total = sum(Value(0.1 * i) * Value(2.0) for i in range(200))
    assert draw(total, fold="packs").engine == "dot"
    with pytest.raises(ValueError, match="names no group"):
        draw(total, fold=lambda v: None)
    draw(total, fold="packs", engine="builtin")
    assert [child.returncode for child in children] == [0, -9], "one asked, one ended, none for the built-in layout"
    assert engines._waiting.get() is None
