"""The quick tier of the table of trust, row by row; and the table itself tried with mistakes put into the package."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.trust.figures import Row, Trial, is_caught, outcome
from tests.trust.inputs import INTERNAL, PACKAGES, PART, callables, calls, options, places, public
from tests.trust.mistakes import MISTAKES, Mistake, edited
from tests.trust.table import PAGE, ROWS, markdown, merged, terminal

ROOT = PAGE.parents[1]
BY_NAME = {str(row): row for row in ROWS}


@pytest.mark.parametrize("row", [row for row in ROWS if row.quick], ids=str)
def test_row(row: Row) -> None:
    found = outcome(row)
    assert found.is_kept, terminal(found)


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught_by_its_row(mistake: Mistake) -> None:
    with mistake.made():
        assert is_caught(BY_NAME[mistake.row], mistake.cases), f"{mistake.row} does not notice: {mistake}"


def test_a_row_names_the_case_that_breaks_it() -> None:
    row = Row("theme", "name", lambda count: (Trial(float(i == 3), f"case {i}".format) for i in range(count)), 5, 5)
    found = outcome(row)
    assert (found.cases, found.worst, found.where, found.is_kept) == (5, 1.0, "case 3", False)
    assert terminal(found).endswith("BROKEN\ncase 3")
    assert is_caught(row, 5)
    assert not is_caught(row, 3)
    for full, title in ((False, "# Trust\n"), (True, "# Trust, the full tier\n")):
        page = markdown([found], full=full)
        assert page.startswith(title) and "| theme: name | 5 | 1 | 0 disagreements |" in page


@pytest.mark.parametrize(
    ("row", "cases", "lines"),
    [
        ("bits: eager = numpy, points side by side: gradients of ops", 2, 13),
        ("control: plain Python = compiled, numbers used as ints", 8, 6),
    ],
)
def test_what_is_left_of_a_case_runs_and_says_what_differs(
    row: str, cases: int, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with edited("autograd.compiler.targets.numpy:_modulo", "remainder + b", "remainder"):
        code = outcome(replace(BY_NAME[row], quick=cases)).where
        exec(code, {})
    assert "got" in capsys.readouterr().out
    assert ("modulo" in code or "%" in code) and len(code.splitlines()) <= lines, code


def test_no_cases_or_nan_keep_no_bar() -> None:
    assert not outcome(Row("theme", "name", lambda count: iter(()), 5, 5)).is_kept
    assert not outcome(Row("theme", "name", lambda count: iter([Trial(float("nan"), str)]), 5, 5, 1.0)).is_kept


def test_every_public_callable_with_arguments_is_handed_nonsense() -> None:
    named = {
        f"{package.__name__}.{name}"
        for package in PACKAGES
        for name in public(package)
        for thing in [getattr(package, name)]
        if callable(thing) and not (isinstance(thing, type) and issubclass(thing, BaseException)) and places(thing)
    }
    assert not named - {name.partition("(")[0] for name, _ in calls(0)} - INTERNAL


def test_options_of_new_functions_are_handed_nonsense_too() -> None:
    tried = {name.rpartition("(")[0] for seed in range(PART) for name, _ in options(seed)}
    with_options = {name for name, f in callables() if any(p.default is not p.empty for p in places(f))} - INTERNAL
    assert with_options - tried == {"autograd.Op"}, "say in SENSE what would be right in the places without a default"


def test_the_command_merges_what_it_tried_into_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    tried = [outcome(row) for row in ROWS if "cbrt" in str(row)]
    assert merged(page, markdown(tried, full=False)).count("\n| ") == page.count("\n| ")
    done = subprocess.run(
        [sys.executable, "-m", "tests.trust", "value of ops: density"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.count("numbers: value of ops: density")) == (0, 1), done.stderr


def test_the_page_has_every_row() -> None:
    written = re.findall(r"^\| (\w+: .+?) \|", PAGE.read_text(encoding="utf-8"), flags=re.M)
    here = [str(row) for row in ROWS if row.quick]
    optional = ("PyTorch", "Node")  # rows that are there where these are
    assert [name for name in written if name in here or not any(word in name for word in optional)] == here
