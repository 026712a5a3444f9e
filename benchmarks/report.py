"""The results as tables: for the terminal, all rows for docs/benchmarks.md, a few for the README. It computes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

# What harness.results_of says of a theme.
Results = dict[str, Any]
_SCALES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_VERDICTS = {True: "met", False: "MISSED", None: ""}
# The rows that the README shows.
TELLING = (
    "one step, plain Values, collector on",
    "step: two moons, 2-16-16-1 relu, strict",
    "step: digits, 64-32-10, Adam, batches of 32, fast",
    "transformer: value and gradient",
    "bytes per node, compared",
)
BEGIN, END = "<!-- benchmarks -->\n", "<!-- /benchmarks -->\n"


def quantity(x: float | None, unit: str) -> str:
    """A number with its unit, seconds scaled to three digits; nothing for None.

    >>> quantity(0.01234, "s"), quantity(1234.5, "bytes"), quantity(None, "s")
    ('12.3 ms', '1,234 bytes', '')
    """
    if x is None:
        return ""
    if unit == "s":
        scale, unit = next(((size, name) for size, name in _SCALES if x >= size), _SCALES[-1])
        return f"{x / scale:.3g} {unit}" if x < 999.5 * scale else f"{x / scale:,.0f} {unit}"
    return f"{x:,.0f} {unit}" if x >= 100 or x == int(x) else f"{x:.2g} {unit}"


def ratio(x: float | None) -> str:
    """A ratio to two or three digits, a small one as a fraction.

    >>> ratio(0.0712), ratio(1.5), ratio(1 / 5300)
    ('0.071', '1.5', '1/5,300')
    """
    if x is None:
        return ""
    return f"1/{1 / x:,.0f}" if 0.0 < x < 0.01 else f"{x:.2g}"


def _bar(row: dict[str, Any]) -> str:
    if row["bar"] is None:
        return ""
    return f"≤ {ratio(row['bar']) if row['against'] else quantity(row['bar'], row['unit'])}"


def _against(row: dict[str, Any]) -> str:
    other = row["against"]
    if other is None:
        return ""
    return (
        f"{other['name']} {quantity(other['median'], row['unit'])}" if other["samples"] else f"{other['name']} {other['lacking']}"
    )


HEADINGS = ("", "chalkgrad", "against", "ratio", "bar", "")


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A row as text: name, ours, against, ratio, bar, verdict."""
    ours = quantity(row["ours"]["median"], row["unit"]) or row["ours"]["lacking"]
    return row["name"], ours, _against(row), ratio(row["ratio"]), _bar(row), _VERDICTS[row["met"]]


def headline(results: Results) -> str:
    """When, where and with what, in one line."""
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    missing = "".join(f"; {name} is not installed" for name in results["missing"])
    return f"{results['date']}, {results['machine']}, Python {results['python']}, {versions}{missing}"


def terminal(theme: str, results: Results) -> str:
    """The table of a theme in columns."""
    lines = [HEADINGS, *map(cells, results["rows"])]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    aligned = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([f"{theme}: {headline(results)}", *(f"  {line}" for line in aligned)])


def markdown(results: dict[str, Results]) -> str:
    """The tables as Markdown, one for each theme, with its headline below; without the verdicts, unless a bar is missed."""
    return "\n".join(
        f"### {theme.replace('_', ' ').capitalize()}\n\n{_table(run['rows'])}\n{_medians(run)}.\n"
        for theme, run in results.items()
    )


def telling(results: dict[str, Results]) -> str:
    """The rows of the README, with the headlines of their themes."""
    chosen = [(row, _medians(run)) for run in results.values() for row in run["rows"] if row["name"] in TELLING]
    table = _table([row for row, _ in chosen])
    return "\n".join([table, *[f"{medians}.\n" for medians in dict.fromkeys(medians for _, medians in chosen)]])


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [HEADINGS[:5], ("---",) * 5, *map(_shown, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _medians(results: Results) -> str:
    return f"Medians of {results['rounds']} rounds: {headline(results)}"


def _shown(row: dict[str, Any]) -> tuple[str, ...]:
    *shown, verdict = cells(row)
    return (*shown[:4], f"{shown[4]} (missed)" if verdict == _VERDICTS[False] else shown[4])


def rewrite(path: Path, results: dict[str, Results], render: Callable[[dict[str, Results]], str] = markdown) -> None:
    """Put the table between the two marks in a file; ValueError if it has none."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path} needs the lines {BEGIN.strip()} and {END.strip()} where the table is to stand")
    path.write_text(f"{before}{begin}{render(results)}{end}{after}", encoding="utf-8")
