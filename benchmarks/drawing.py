"""Large losses drawn folded, against the time that it takes to record them; and trainings that are watched, against those that are not.

A turn of the former is what somebody does who looks at a loss: it is recorded, its ``backward()`` runs, and it is drawn as the text of a
picture. Both contenders take the same turns, each turn with a graph of its own, all in one process with Python's collector on as people
have it; one tells the median of what drawing took, the other that of recording. The latter run in a kernel of Jupyter, whose display is
updated as in a notebook, watched and not watched in turn. A time goes from the beginning of the cell to its end, the picture that stays
included.
"""

import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

from autograd import Value
from benchmarks.compiling import LOSSES
from benchmarks.harness import ROOT, Contender, Row

_TURNS = 15
_TRAINED = 5  # trainings that are watched, and as many that are not, in turn
# What is trained, by name: the data, the model, and the options of ``fit``.
_TRAININGS = {
    "moons": ("nn.moons(100, noise=0.1, seed=0)", 'nn.MLP(2, [16, 16, 1], activation="tanh", seed=0)', 'loss="bce"'),
    "digits": ("nn.digits()", 'nn.MLP(64, [32, 10], activation="relu", seed=0)', 'loss="cross_entropy", batch_size=32'),
}
# The cells of a notebook: what comes first, the training of a turn, and the end. The first training compiles what the others run.
_FIRST = """
import time, nn, viz
data, model = {data}, {model}
def train(epochs, *callbacks):
    nn.fit(model, data.X, data.y, {options}, epochs=epochs, progress=False, seed=0, callbacks=callbacks)
drawings, times = [], []
def noted(message):
    drawings.append(message["header"]["msg_type"] == "update_display_data")
    return message
get_ipython().display_pub.register_hook(noted)
train(20)
"""
_TRAINING = """
times.append(time.perf_counter())
train({epochs}, *[viz.watch(model, data.X, data.y)] * {is_watched})
"""
_LAST = "print(*times, time.perf_counter(), sum(drawings))"


def drawn(name: str) -> float:
    """Seconds for ``viz.draw`` and the text of the picture. RuntimeError if that has more than 60 cards or 200 kB."""
    return median([drawing for _, drawing in _turns(name)])


def recorded(name: str) -> float:
    """Seconds to record the loss, the eager forward pass."""
    return median([recording for recording, _ in _turns(name)])


def _turns(name: str) -> list[tuple[float, float]]:
    """What recording and drawing took in each turn but the first, in which Python loads what it needs."""
    make = LOSSES[name]()
    return [_turn(name, make) for _ in range(_TURNS + 1)][1:]


def _turn(name: str, make: Callable[[], Value]) -> tuple[float, float]:
    import viz

    start = time.perf_counter()
    loss = make()
    recording = time.perf_counter() - start
    loss.backward()
    start = time.perf_counter()
    picture: Any = viz.draw(loss)
    text = picture.to_svg()
    drawing = time.perf_counter() - start
    if len(picture.cards) > 60 or len(text.encode()) > 200_000:
        raise RuntimeError(f"the picture of the {name} has {len(picture.cards)} cards and {len(text):,} characters")
    return recording, drawing


def watched(name: str, epochs: int) -> float:
    """How many times as long the cell with a training is when it is watched. RuntimeError if it draws less than twice in each."""
    import nbformat
    from nbclient import NotebookClient

    data, model, options = _TRAININGS[name]
    cells = [_FIRST.format(data=data, model=model, options=options)]
    cells += [_TRAINING.format(epochs=epochs, is_watched=is_watched) for is_watched in (True, False) * _TRAINED]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in (*cells, _LAST)])
    NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    *times, drawings = map(float, notebook.cells[-1].outputs[0].text.split())
    if drawings < 2 * _TRAINED:
        raise RuntimeError(f"{_TRAINED} trainings were drawn {drawings:g} times")
    seconds = [end - begin for begin, end in pairwise(times)]
    return median([watched / alone for watched, alone in zip(seconds[::2], seconds[1::2], strict=True)])


def _row(name: str, title: str) -> Row:
    return Row(title, "s", Contender("chalkgrad", drawn, (name,)), Contender("recording it", recorded, (name,)), bar=1.0)


def _watched(name: str, epochs: int, title: str) -> Row:
    return Row(title, "times as long", Contender("chalkgrad", watched, (name, epochs), "nbclient"), bar=1.2)


ROWS = [
    _row("demo", "micrograd's loss, 66,000 nodes: one folded picture as SVG, after backward"),
    _row("transformer", "transformer, 57,000 nodes: one folded picture as SVG, after backward"),
    _watched("moons", 50_000, "fit watched in a notebook, 50,000 epochs: two moons, 2-16-16-1"),
    _watched("digits", 1_000, "fit watched in a notebook, 1,000 epochs: digits, 64-32-10"),
]
