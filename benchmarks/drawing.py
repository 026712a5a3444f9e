"""Large losses drawn folded, against the time that it takes to record them.

Each number is the median of several turns in one process, with Python's collector on as people have it.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.compiling import LOSSES
from benchmarks.harness import Contender, Row

_TURNS = 7


def drawn(name: str) -> float:
    """Seconds for ``viz.draw`` and the text of the picture. RuntimeError if that has more than 60 cards or 200 kB."""
    import viz

    loss = LOSSES[name]()()
    loss.backward()
    picture: Any = viz.draw(loss)
    if len(picture.cards) > 60 or len(picture.to_svg().encode()) > 200_000:
        raise RuntimeError(f"the picture of the {name} has {len(picture.cards)} cards and {len(picture.to_svg()):,} characters")
    return _seconds(lambda: viz.draw(loss).to_svg())


def recorded(name: str) -> float:
    """Seconds to record the loss, the eager forward pass."""
    make = LOSSES[name]()
    make()
    return _seconds(make)


def _seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_TURNS):
        start = time.perf_counter()
        made = work()
        times.append(time.perf_counter() - start)
        del made  # outside of what is measured
    return median(times)


def _row(name: str, title: str) -> Row:
    return Row(title, "s", Contender("chalkgrad", drawn, (name,)), Contender("recording it", recorded, (name,)), bar=1.0)


ROWS = [
    _row("demo", "micrograd's loss, 66,000 nodes: one folded picture as SVG"),
    _row("transformer", "transformer, 57,000 nodes: one folded picture as SVG"),
]
