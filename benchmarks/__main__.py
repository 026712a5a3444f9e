"""The command line: ``python -m benchmarks [THEME ...] [--json PATH] [--repeat N] [--readme] [--names-port PATH]``."""

import argparse
import json
import os
from pathlib import Path

from benchmarks import THEMES
from benchmarks.harness import ROOT, results_of
from benchmarks.names import PORT
from benchmarks.report import rewrite, telling, terminal


def main() -> None:
    """Measure the themes; print each one's table, and keep its numbers as JSON beside those of the others."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure speed and memory side by side with the alternatives that are installed (pip install -e '.[bench]').",
        epilog="Times are for orientation; the ratios of one run are what counts. Close other programs first.",
    )
    parser.add_argument("themes", nargs="*", metavar="THEME", help=f"what to measure: {', '.join(THEMES)} (default: all)")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "results.json", metavar="PATH", help="where to write")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="rounds, of which the median is taken (default: 5)")
    parser.add_argument("--readme", action="store_true", help="put the tables into README.md and docs/benchmarks.md as well")
    parser.add_argument(
        "--names-port", default="", metavar="PATH", help="a program that trains the names (see benchmarks/names.py)"
    )
    options = parser.parse_args()
    os.environ[PORT] = options.names_port
    unknown = [theme for theme in options.themes if theme not in THEMES]
    if unknown:
        parser.error(f"there is no theme {unknown[0]!r}; expected one of {', '.join(THEMES)}")
    if options.repeat < 1:
        parser.error(f"--repeat must be at least 1, got {options.repeat}")
    kept = json.loads(options.json.read_text(encoding="utf-8")) if options.json.exists() else {}
    for theme in options.themes or THEMES:
        kept[theme] = results_of(theme, options.repeat)
        print(terminal(theme, kept[theme]), flush=True)
        results = {theme: kept[theme] for theme in THEMES if theme in kept}
        options.json.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        if options.readme:
            rewrite(ROOT / "docs" / "benchmarks.md", results)
            rewrite(ROOT / "README.md", results, telling)


if __name__ == "__main__":
    main()
