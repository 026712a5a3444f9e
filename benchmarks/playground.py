"""What a frame of a playground that trains costs, 2-16-16-1 over 100 points, in a headless Chromium that draws without a graphics card."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nn
import viz
from benchmarks.harness import Contender, Row

PROGRAM = "CHALKGRAD_CHROMIUM"
os.environ.setdefault(PROGRAM, shutil.which("chromium") or shutil.which("google-chrome") or "")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_FRAMES = 120
_PASS = """(count)=>new Promise((done)=>{const start=performance.now();
requestAnimationFrame(function frame(){if(count--)requestAnimationFrame(frame);else done((performance.now()-start)/1000);});})"""


@contextmanager
def _training() -> Iterator[Any]:
    """A page whose network has been training long enough for its code to be compiled."""
    from playwright.sync_api import sync_playwright

    page = viz.playground(nn.MLP(2, [16, 16, 1], activation="tanh", seed=0), nn.moons(100, noise=0.1, seed=0))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=os.environ[PROGRAM], args=_FLAGS)
        tab = browser.new_page(viewport={"width": 1100, "height": 760})
        tab.goto(page.save(Path(folder) / "playground.html").as_uri())
        tab.get_by_label("train", exact=True).click()
        tab.evaluate(_PASS, _FRAMES)
        yield tab
        browser.close()


def frame_time() -> float:
    """Seconds from one frame to the next."""
    with _training() as tab:
        return float(tab.evaluate(_PASS, _FRAMES)) / _FRAMES


def frame_work() -> float:
    """Seconds of a processor for one frame, over all of Chromium's processes."""
    with _training() as tab:
        before = _worked()
        tab.evaluate(_PASS, _FRAMES)
        return (_worked() - before) / _FRAMES


def _worked() -> float:
    """Seconds of a processor that all descendants of this process have had."""
    parents, ticks = {}, {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(status.parent.name)], ticks[int(status.parent.name)] = int(fields[1]), int(fields[11]) + int(fields[12])
    ours = {os.getpid()}
    for process in sorted(parents):
        if parents[process] in ours:
            ours.add(process)
    return sum(ticks[process] for process in ours if process in ticks) / os.sysconf("SC_CLK_TCK")


ROWS = [
    Row(
        "playground, 2-16-16-1 in training: a frame",
        "s",
        Contender("chalkgrad", frame_time, (), "playwright", program=PROGRAM),
        bar=1 / 30,
    ),
    Row("playground: processor time for a frame", "s", Contender("chalkgrad", frame_work, (), "playwright", program=PROGRAM)),
]
