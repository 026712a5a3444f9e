"""The command line: ``python -m tests.trust [WORDS ...] [--full] [--write]``."""

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor

from tests.trust.figures import Outcome
from tests.trust.table import FULL_PAGE, PAGE, ROWS, Found, families, markdown, merged, terminal, tried


def in_order(pool: Executor, chosen: Sequence[int], *, full: bool) -> Iterator[Found]:
    """What comes of the rows, in their order; the largest families begin."""
    parts = sorted(families(chosen), key=len, reverse=True)
    whole = {part[0]: pool.submit(tried, part, full=full) for part in parts}
    place = {number: (part[0], i) for part in parts for i, number in enumerate(part)}
    for number in chosen:
        first, i = place[number]
        yield whole[first].result()[i]


def main() -> int:
    """Try every row, print the table; exit status 1 if a bar is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.trust", description="The properties of the engine, as figures.")
    parser.add_argument("words", nargs="*", help="only rows that contain one of these (default: all)")
    parser.add_argument("--full", action="store_true", help="many more cases: an hour instead of two minutes")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="rows at a time (default: one for each core)")
    parser.add_argument("--write", action="store_true", help=f"write the rows tried to {PAGE.name} or {FULL_PAGE.name}")
    options = parser.parse_args()
    chosen = [
        number
        for number, row in enumerate(ROWS)
        if (row.full if options.full else row.quick) and (not options.words or any(word in str(row) for word in options.words))
    ]
    outcomes = []
    with ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn")) as pool:
        for number, found in zip(chosen, in_order(pool, chosen, full=options.full), strict=True):
            outcomes.append(Outcome(ROWS[number], *found))
            print(terminal(outcomes[-1]), flush=True)
    if options.write:
        page, place = markdown(outcomes, full=options.full), FULL_PAGE if options.full else PAGE
        place.write_text(merged(place.read_text(encoding="utf-8"), page) if options.words else page, encoding="utf-8")
    return not all(found.is_kept for found in outcomes)


if __name__ == "__main__":
    sys.exit(main())
