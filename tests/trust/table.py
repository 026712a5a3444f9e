"""All rows, and how they are written down."""

import datetime
import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

from mpmath.libmp import BACKEND

import autograd
from tests.trust import bits, control, files, inputs, interrupts, laws, moments, numbers, processes, scripts, training
from tests.trust.figures import Outcome, Row, outcome
from tests.trust.running import Found

ROWS: tuple[Row, ...] = (
    *numbers.ROWS,
    *laws.ROWS,
    *bits.ROWS,
    *scripts.ROWS,
    *control.ROWS,
    *training.ROWS,
    *files.ROWS,
    *interrupts.ROWS,
    *moments.ROWS,
    *processes.ROWS,
    *inputs.ROWS,
)
PAGE = Path(__file__).parents[1] / "TRUST.md"
FULL_PAGE = PAGE.with_name("TRUST-FULL.md")
_HEADINGS = ("property", "cases", "worst", "bar", "processor seconds")


def tried(number: int, *, full: bool) -> Found:
    """What came of a row, without the row, which cannot travel between processes."""
    found = outcome(ROWS[number], full=full)
    return found.cases, found.worst, found.where, found.seconds


def cells(outcome: Outcome) -> tuple[str, ...]:
    """A row of the table as text."""
    bar = f"{outcome.row.bar:g} {outcome.row.unit}"
    return str(outcome.row), f"{outcome.cases:,}", f"{outcome.worst:.3g}", bar, f"{outcome.seconds:,.1f}"


def terminal(outcome: Outcome) -> str:
    """A row in columns, and below it the case that breaks the bar."""
    name, cases, worst, bar, seconds = cells(outcome)
    verdict, where = "" if outcome.is_kept else "BROKEN", f"\n{outcome.where}" if outcome.where else ""
    return f"{name:82} {cases:>9} {worst:>8} ≤ {bar:38} {seconds:>8} s {verdict}".rstrip() + where


def merged(before: str, outcomes: Sequence[Outcome], *, full: bool) -> str:
    """The page TRUST.md, or TRUST-FULL.md: rows that were not tried anew are as on the page before."""
    lines = _lines_of(before) | {str(found.row): cells(found) for found in outcomes}
    return markdown([lines[name] for name in map(str, ROWS) if name in lines], full=full)


def prices(page: str) -> dict[str, float]:
    """The processor seconds of the rows of a page, by name; a row that was tried before these were written down has none."""
    return {name: float(seconds.replace(",", "")) for name, (*_, seconds) in _lines_of(page).items() if seconds}


def _lines_of(page: str) -> dict[str, tuple[str, ...]]:
    """The cells of a page's table by the names of their rows."""
    found = [tuple(line[2:-2].split(" | ")) for line in page.splitlines() if re.match(r"\| \w+: ", line)]
    return {line[0]: line for line in found}


def markdown(lines: Sequence[tuple[str, ...]], *, full: bool) -> str:
    """A page of rows."""
    rows = [_HEADINGS, ("---", "---:", "---:", "---", "---:"), *lines]
    table = "\n".join(f"| {' | '.join(line)} |" for line in rows)
    known = prices(table)
    total = f"Together {sum(known.values()):,.0f} processor seconds, in {len(known)} of {len(lines)} rows."
    command = f"python -m tests.trust{' --full' if full else ''} --write"
    where = f"{platform.system()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, mpmath over {BACKEND}"
    written = f"Written by `{command}`, {datetime.date.today()}: {where}, chalkgrad {autograd.__version__}."
    if full:
        return f"""# Trust, the full tier

The properties of [TRUST.md](TRUST.md) tried with many more cases. A row that is not here has not been tried at these counts since it was
last changed; `python -m tests.trust WORDS --full --write` tries those that contain a word, and leaves the others as they are. One without
processor seconds was tried before these were measured: they are those of the row's process and of the processes that it starts.
Where a figure is above its bar, that bar is not kept.

{written}

{table}

{total}
"""
    return f"""# Trust

What is promised, as figures: each property with how many cases were tried, the worst figure found, and the bar that it must keep. The cases
are seeded, so that everyone finds the same; a case that breaks a bar is printed so that it can be run. The quick tier is part of the test
suite; `python -m tests.trust --full` tries many more cases.

{written}

{table}

{total}
"""
