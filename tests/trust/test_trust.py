"""The quick tier of the table of trust, row by row; and the table itself tried with mistakes put into the package."""

import math
import operator
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from autograd import grad, ops
from autograd.compiler.targets.numpy import EXACT
from tests.cases import BY_NAME as CASES
from tests.random_graphs import Program, Step
from tests.trust import __main__ as command
from tests.trust.figures import Row, Trial, is_caught, outcome
from tests.trust.inputs import INTERNAL, PACKAGES, PART, callables, calls, options, places, public
from tests.trust.mistakes import MISTAKES, Mistake, edited
from tests.trust.numbers import worst_entry
from tests.trust.running import Found, as_they_end, families
from tests.trust.table import PAGE, ROWS, cells, markdown, merged, prices, terminal

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
        page = markdown([cells(found)], full=full)
        assert page.startswith(title) and "| theme: name | 5 | 1 | 0 disagreements | 0.0 |" in page


def test_an_error_breaks_its_row() -> None:
    def trials(count: int) -> Iterator[Trial]:
        yield Trial(0.0, str)
        raise ZeroDivisionError("of the engine")

    found = outcome(Row("theme", "name", trials, 5, 5))
    assert (found.cases, found.worst, found.is_kept) == (1, math.inf, False)
    assert "in trials" in found.where and "ZeroDivisionError: of the engine" in found.where


SECONDS = """
import subprocess
import sys
import time
from tests.trust.figures import Row, Trial, outcome

def trials(count):
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    subprocess.run([sys.executable, "-c", "import time\\nwhile time.process_time() < 0.3: pass"], check=True)
    time.sleep(1.0)
    yield Trial(0.0, str)

print(outcome(Row("theme", "name", trials, 1, 1)).seconds)
"""


def test_a_row_counts_the_processor_seconds_of_its_processes_but_not_those_slept() -> None:
    """In a process of its own: another test's process that ends meanwhile would be counted as the row's."""
    done = subprocess.run([sys.executable, "-c", SECONDS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert 0.45 <= float(done.stdout) < 1.0


def test_rows_end_one_by_one_and_break_alone() -> None:
    answers = dict(as_they_end([[2, 0], [4]], 2, partial(operator.truediv, 1)))  # type: ignore[arg-type]
    assert (answers[2], answers[4]) == (0.5, 0.25)
    assert answers[0][:2] == (0, math.inf) and "ZeroDivisionError" in answers[0][2]
    dead = dict(as_they_end([[2, 3], [4]], 1, os._exit))
    assert sorted(dead) == [2, 3, 4] and all(["BrokenProcessPool" in where for _, _, where, _ in dead.values()])


def test_the_dearest_begin() -> None:
    names, kins = "abcde", ("", "kin", "", "kin", "")
    rows = {number: Row("theme", name, tuple, 1, 1, kin=kin) for number, (name, kin) in enumerate(zip(names, kins, strict=True))}
    seconds = {"theme: a": 7.0, "theme: b": 5.0, "theme: c": 1.0, "theme: d": 5.0}
    assert families(rows, seconds) == [[4], [1, 3], [0], [2]]  # of e nothing is known; b and d follow one another


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


def test_numbers_side_by_side_are_held_to_those_recorded_anew() -> None:
    row = BY_NAME["numbers: second and third derivatives of ops"]
    assert not is_caught(row, 1)
    with patch.dict(EXACT, {ops.multiply: lambda a, b: a * b * (1.0 + 2.0**-52)}):
        assert is_caught(row, 1)


def test_roundings_of_slopes_that_are_constants_count() -> None:
    third, less = Step(CASES["divide"], (0, 3.0)), Step(CASES["subtract"], (1, 0))
    p = Program((1.1,), (third, less))
    assert grad(*p.record())[0].op.name == "constant"
    assert 0.0 < worst_entry(p) <= 1.0


def test_a_law_that_holds_holds_again() -> None:
    row = BY_NAME["laws: what is added to a gradient is exactly the gradient"]
    assert [is_caught(row, 5) for _ in range(2)] == [False, False]


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


def test_a_page_keeps_what_was_not_tried_anew() -> None:
    page = PAGE.read_text(encoding="utf-8")
    found = [replace(outcome(row), seconds=1234.5) for row in ROWS if "value of ops: cbrt" in str(row)]
    new = merged(page, found, full=False)
    changed = [line for line in new.splitlines() if line not in page.splitlines() and line.startswith("| ")]
    assert changed == [f"| {' | '.join(cells(*found))} |"] and changed[0].endswith("| 1,234.5 |")
    assert prices(new) == prices(page) | {str(found[0].row): 1234.5}
    assert f"Together {sum(prices(new).values()):,.0f} processor seconds, in {len(prices(new))} of " in new


def test_a_run_that_is_stopped_has_written_the_rows_that_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*arguments: Any) -> Iterator[tuple[int, Found]]:
        yield 0, (77, 0.0, "", 5.0)
        raise KeyboardInterrupt

    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(command, "PAGE", page)
    monkeypatch.setattr(command, "as_they_end", stopped)
    monkeypatch.setattr(sys, "argv", ["trust", "--write"])
    with pytest.raises(KeyboardInterrupt):
        command.main()
    assert f"| {ROWS[0]} | 77 | 0 | 0 ulp | 5.0 |" in page.read_text(encoding="utf-8")


def test_the_command_tries_the_rows_of_a_word() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.trust", "value of ops: density"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.count("numbers: value of ops: density")) == (0, 1), done.stderr


def test_the_page_has_every_row() -> None:
    written = re.findall(r"^\| (\w+: .+?) \|", PAGE.read_text(encoding="utf-8"), flags=re.M)
    here = [str(row) for row in ROWS if row.quick]
    optional = ("PyTorch", "Node")  # rows that are there where these are
    assert [name for name in written if name in here or not any(word in name for word in optional)] == here
