"""Large losses drawn folded, against the time that it takes to record them; and trainings that are watched, against those that are not.

A turn of the former is what somebody does who looks at a loss: it is recorded, its ``backward()`` runs, and it is drawn as the text of a
picture. Both contenders take the same turns, each turn with a graph of its own, all in one process with Python's collector on as people
have it; one tells the median of what drawing took, the other that of recording. The latter run in a kernel of Jupyter, whose display is
updated as in a notebook: the time goes from the beginning of the cell to its end, the picture that stays included.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from autograd import Value
from benchmarks.compiling import LOSSES
from benchmarks.harness import ROOT, Contender, Row

_TURNS = 15
# What is trained, by name: the data, the model, and the options of ``fit``.
_TRAININGS = {
    "moons": ("nn.moons(100, noise=0.1, seed=0)", 'nn.MLP(2, [16, 16, 1], activation="tanh", seed=0)', 'loss="bce"'),
    "digits": ("nn.digits()", 'nn.MLP(64, [32, 10], activation="relu", seed=0)', 'loss="cross_entropy", batch_size=32'),
}
# The cells of a notebook. A first training compiles what the second one, which is timed, runs.
_CELLS = (
    """
import time, nn, viz
data, model = {data}, {model}
def train(epochs, *callbacks):
    nn.fit(model, data.X, data.y, {options}, epochs=epochs, progress=False, seed=0, callbacks=callbacks)
drawings = []
def noted(message):
    drawings.append(message["header"]["msg_type"] == "update_display_data")
    return message
get_ipython().display_pub.register_hook(noted)
train(20)
""",
    """
begun = time.perf_counter()
train({epochs}, *[viz.watch(model, data.X, data.y)] * {is_watched})
""",
    "print(time.perf_counter() - begun, sum(drawings))",
)


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


def trained(name: str, epochs: int, is_watched: bool) -> float:
    """Seconds for the cell of a notebook in which a compiled ``fit`` runs, watched or not. RuntimeError if it draws less than twice."""
    import nbformat
    from nbclient import NotebookClient

    data, model, options = _TRAININGS[name]
    asked = {"data": data, "model": model, "options": options, "epochs": epochs, "is_watched": is_watched}
    cells = [nbformat.v4.new_code_cell(cell.format(**asked)) for cell in _CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    seconds, drawings = cells[-1].outputs[0].text.split()
    if is_watched != (int(drawings) > 1):
        raise RuntimeError(f"it was drawn {drawings} times")
    return float(seconds)


def _row(name: str, title: str) -> Row:
    return Row(title, "s", Contender("chalkgrad", drawn, (name,)), Contender("recording it", recorded, (name,)), bar=1.0)


def _watched(name: str, epochs: int, title: str) -> Row:
    watched, alone = (
        Contender(who, trained, (name, epochs, w), "nbclient") for who, w in (("watched", True), ("not watched", False))
    )
    return Row(title, "s", watched, alone, bar=1.2)


ROWS = [
    _row("demo", "micrograd's loss, 66,000 nodes: one folded picture as SVG, after backward"),
    _row("transformer", "transformer, 57,000 nodes: one folded picture as SVG, after backward"),
    _watched("moons", 100_000, "viz.watch in a notebook: two moons, 2-16-16-1, 100,000 epochs"),
    _watched("digits", 2_000, "viz.watch in a notebook: digits, 64-32-10, 2,000 epochs"),
]
