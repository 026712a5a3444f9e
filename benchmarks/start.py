"""How long ``import autograd`` takes, as a multiple of starting Python to do nothing."""

import subprocess
import sys
import time
from statistics import median

from benchmarks.harness import Contender, Row


def start_time(program: str) -> float:
    """Seconds from the start to the end of a fresh Python that runs this program; the median of eleven."""
    return median([_run(program) for _ in range(11)])


def _run(program: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


ROWS = [
    Row(
        "starting Python with import autograd",
        "s",
        Contender("chalkgrad", start_time, ("import autograd",)),
        Contender("an empty Python", start_time, ("",)),
        bar=4,
    ),
]
