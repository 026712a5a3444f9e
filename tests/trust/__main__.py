"""The command line: ``python -m tests.trust [WORDS ...] [--full] [--write]``."""

import argparse
import os
import sys
from functools import partial

from tests.trust.figures import Outcome
from tests.trust.running import as_they_end, families
from tests.trust.table import FULL_PAGE, PAGE, ROWS, merged, prices, terminal, tried


def main() -> int:
    """Try every row, print the table; exit status 1 if a bar is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.trust", description="The properties of the engine, as figures.")
    parser.add_argument("words", nargs="*", help="only rows that contain one of these (default: all)")
    parser.add_argument("--full", action="store_true", help="many more cases: an hour instead of two minutes")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="rows at a time (default: one for each core)")
    parser.add_argument("--write", action="store_true", help=f"write each row, as it ends, to {PAGE.name} or {FULL_PAGE.name}")
    options = parser.parse_args()
    place = FULL_PAGE if options.full else PAGE
    chosen = {
        number: row
        for number, row in enumerate(ROWS)
        if (row.full if options.full else row.quick) and (not options.words or any(word in str(row) for word in options.words))
    }
    outcomes = []
    parts = families(chosen, prices(place.read_text(encoding="utf-8")))
    for number, found in as_they_end(parts, options.processes, partial(tried, full=options.full)):
        outcomes.append(Outcome(ROWS[number], *found))
        print(terminal(outcomes[-1]), flush=True)
        if options.write:
            place.write_text(merged(place.read_text(encoding="utf-8"), outcomes[-1:], full=options.full), encoding="utf-8")
    return not all(found.is_kept for found in outcomes)


if __name__ == "__main__":
    sys.exit(main())
