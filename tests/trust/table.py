"""All rows, and how they are written down."""

import datetime
import os
import platform
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import autograd
from tests.trust import bits, control, files, inputs, interrupts, laws, moments, numbers, processes, scripts, training
from tests.trust.figures import Outcome, Row, outcome

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
_HEADINGS = ("property", "cases", "worst", "bar", "")


Found = tuple[int, float, str, float]


def families(numbers: Iterable[int]) -> list[list[int]]:
    """The numbers of rows, those of a kin together."""
    found: dict[Any, list[int]] = {}
    for number in numbers:
        found.setdefault(ROWS[number].kin or number, []).append(number)
    return list(found.values())


def tried(numbers: Sequence[int], *, full: bool) -> list[Found]:
    """What came of rows, without the rows, which cannot travel between processes."""
    found = [outcome(ROWS[number], full=full) for number in numbers]
    return [(each.cases, each.worst, each.where, each.seconds) for each in found]


def cells(outcome: Outcome) -> tuple[str, ...]:
    """A row of the table as text."""
    bar = f"{outcome.row.bar:g} {outcome.row.unit}"
    return str(outcome.row), f"{outcome.cases:,}", f"{outcome.worst:.3g}", bar, "" if outcome.is_kept else "BROKEN"


def terminal(outcome: Outcome) -> str:
    """A row in columns, and below it the case that breaks the bar."""
    name, cases, worst, bar, verdict = cells(outcome)
    where = f"\n{outcome.where}" if outcome.where else ""
    return f"{name:82} {cases:>9} {worst:>8} ≤ {bar:38} {outcome.seconds:6.1f} s {verdict}".rstrip() + where


def markdown(outcomes: Sequence[Outcome], *, full: bool) -> str:
    """The page TRUST.md, or TRUST-FULL.md."""
    lines = [_HEADINGS[:4], ("---", "---:", "---:", "---"), *(cells(outcome)[:4] for outcome in outcomes)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    command = f"python -m tests.trust{' --full' if full else ''} --write"
    where = f"{platform.system()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    written = f"Written by `{command}`, {datetime.date.today()}: {where}, chalkgrad {autograd.__version__}."
    if full:
        return f"""# Trust, the full tier

The properties of [TRUST.md](TRUST.md) tried with many more cases. A row that is not here has not been tried at these counts since it was
last changed; `python -m tests.trust WORDS --full --write` tries those that contain a word, and leaves the others as they are.
Where a figure is above its bar, that bar is not kept.

{written}

{table}
"""
    return f"""# Trust

What is promised, as figures: each property with how many cases were tried, the worst figure found, and the bar that it must keep. The cases
are seeded, so that everyone finds the same; a case that breaks a bar is printed so that it can be run. The quick tier is part of the test
suite; `python -m tests.trust --full` tries many more cases.

{written}

{table}
"""


def merged(before: str, page: str) -> str:
    """The new page, with the rows of the one before that were not tried anew, in the order of the table."""
    old, new = _lines_of(before), _lines_of(page)
    lines = [new.get(name) or old[name] for name in map(str, ROWS) if name in new or name in old]
    first, last = next(iter(new.values())), list(new.values())[-1]
    return "\n".join([page[: page.index(first)].rstrip(), *lines, page[page.index(last) + len(last) :].lstrip("\n")])


def _lines_of(page: str) -> dict[str, str]:
    """The lines of a page's table by the names of their rows."""
    return {line.split(" | ")[0].removeprefix("| "): line for line in page.splitlines() if re.match(r"\| \w+: ", line)}
