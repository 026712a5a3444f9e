"""The benchmarks run and judge rightly; no time is asserted."""

import json
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from benchmarks import THEMES, harness
from benchmarks.harness import Contender, Row, judged, measure, run_once
from benchmarks.names import PORT, STEPS, port_step
from benchmarks.report import TELLING, markdown, quantity, ratio, rewrite, telling, terminal
from benchmarks.start import start_time
from benchmarks.two_moons import loss_of, plain_network

ROOT = Path(__file__).parents[1]
OURS = Contender("chalkgrad", start_time)
THEIRS = Contender("other", start_time, needs="no-such-package-anywhere")


def test_the_command_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('{"calls": "kept", "start": "old"}', encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks", "start", "--repeat", "1", "--json", str(path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    results = json.loads(path.read_text(encoding="utf-8"))
    assert "import autograd" in run.stdout
    assert "an empty Python" in run.stdout
    assert results["start"]["rows"][0]["ratio"] > 0
    assert results["start"]["python"] in run.stdout
    assert results["calls"] == "kept"


def test_an_unknown_theme_is_named() -> None:
    command = [sys.executable, "-m", "benchmarks", "speed"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 2
    assert "'speed'" in run.stderr
    assert all(theme in run.stderr for theme in THEMES)


@pytest.mark.parametrize("theme", THEMES)
def test_contenders_can_be_called_from_a_fresh_process(theme: str) -> None:
    rows: list[Row] = import_module(f"benchmarks.{theme}").ROWS
    assert rows
    for contender in (c for row in rows for c in (row.ours, row.against) if c):
        assert getattr(import_module(contender.measure.__module__), contender.measure.__name__) is contender.measure
        json.dumps(contender.arguments)


def test_a_missing_package_is_named_and_nothing_is_judged() -> None:
    samples = measure([THEIRS], 3) | {OURS: [1.0]}
    assert samples[THEIRS] == []
    row = judged(Row("work", "s", OURS, THEIRS, bar=0.5), samples)
    assert (row["ratio"], row["met"]) == (None, None)
    results = _results([row], missing=["no-such-package-anywhere"])
    assert "other is missing" in terminal("start", results)
    assert "no-such-package-anywhere is not installed" in terminal("start", results)


def test_a_port_is_measured_if_the_program_is_given_and_said_to_be_missing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = Contender("the port", port_step, program=PORT)
    monkeypatch.setenv(PORT, "")
    row = judged(Row("names", "s", OURS, port, bar=0.6), measure([port], 1) | {OURS: [1.0]})
    assert (row["ratio"], row["met"]) == (None, None)
    assert "the port is not given" in terminal("start", _results([row]))
    stand_in = tmp_path / "port"
    stand_in.write_text('#!/bin/sh\necho "$1 steps in"\necho 0.25\n', encoding="utf-8")
    stand_in.chmod(0o700)
    monkeypatch.setenv(PORT, str(stand_in))
    assert measure([port], 2) == {port: [0.25 / STEPS] * 2}


@pytest.mark.parametrize(("bar", "met"), [(0.5, True), (0.4, False), (None, None)])
def test_the_ratio_of_medians_is_held_against_the_bar(bar: float | None, met: bool | None) -> None:
    samples = {OURS: [9.0, 1.0, 1.0], THEIRS: [2.0, 0.1, 2.0]}
    row = judged(Row("work", "s", OURS, THEIRS, bar=bar), samples)
    assert (row["ratio"], row["met"]) == (0.5, met)


@pytest.mark.parametrize(("number", "met"), [(350.0, True), (351.0, False)])
def test_without_an_opponent_the_number_itself_is_held_against_the_bar(number: float, met: bool) -> None:
    assert judged(Row("size", "bytes", OURS, bar=350), {OURS: [number]})["met"] is met


def test_a_failing_contender_says_what_failed() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)chain.*unsupported operand|chain.*TypeError"):
        run_once(Contender("chalkgrad", import_module("benchmarks.depth").chain, ("x",)))


def stuck(place: str) -> float:
    """Never ready, and its child, which writes all the time, is not either."""
    ticking = "import time, sys\nwhile True:\n    open(sys.argv[1], 'a').write('tick')\n    time.sleep(0.05)"
    subprocess.run([sys.executable, "-c", ticking, place])
    return 0.0


def test_a_contender_that_takes_too_long_is_ended_with_its_children_and_named_in_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "SECONDS", 3.0)
    place = tmp_path / "ticks"
    late = Contender("other", stuck, (str(place),))
    samples = measure([late], 3)
    assert samples == {late: []}
    ticks = place.read_text(encoding="utf-8")
    time.sleep(0.5)
    assert ticks
    assert place.read_text(encoding="utf-8") == ticks
    row = judged(Row("work", "s", OURS, late, bar=0.5), samples | {OURS: [1.0]})
    assert (row["ratio"], row["met"]) == (None, None)
    assert "other took more than 3 s" in terminal("start", _results([row]))
    assert "took more than 3 s" in terminal("start", _results([judged(Row("work", "s", late, bar=1.0), samples)]))


@pytest.mark.parametrize(
    ("x", "unit", "text"),
    [
        (1.26, "s", "1.26 s"),
        (0.0619, "s", "61.9 ms"),
        (8.64e-7, "s", "864 ns"),
        (135.4, "bytes", "135 bytes"),
        (0.0, "MiB", "0 MiB"),
    ],
)
def test_quantities_read_well(x: float, unit: str, text: str) -> None:
    assert quantity(x, unit) == text


def test_small_ratios_are_fractions_and_a_thousand_is_not() -> None:
    assert [ratio(x) for x in (0.2, 0.058, 1 / 5000, 0.0, None)] == ["0.2", "0.058", "1/5,000", "0", ""]


def test_the_table_goes_between_the_marks(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("above\n<!-- benchmarks -->\nold\n<!-- /benchmarks -->\nbelow\n", encoding="utf-8")
    run = _results([judged(Row("size", "bytes", OURS, bar=350), {OURS: [135.0]})])
    results = {"start": run, "two_moons": {**run, "rounds": 3}}
    rewrite(path, results)
    assert path.read_text(encoding="utf-8") == f"above\n<!-- benchmarks -->\n{markdown(results)}<!-- /benchmarks -->\nbelow\n"
    path.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="benchmarks -->"):
        rewrite(path, results)


def test_each_theme_says_when_it_was_measured_and_the_short_table_too() -> None:
    run = _results([judged(Row(name, "bytes", OURS, bar=350), {OURS: [135.0]}) for name in (TELLING[0], "another")])
    results = {"start": run, "two_moons": {**run, "date": "2026-02-02"}}
    table, short = markdown(results), telling(results)
    assert (table.count("### Two moons"), table.count("| another |"), table.count("Medians of 1 rounds: 2026-0")) == (1, 2, 2)
    assert (short.count(f"| {TELLING[0]} |"), short.count("another"), short.count("Medians of 1 rounds: 2026-0")) == (2, 0, 2)
    assert telling({"start": run, "two_moons": run}).count("Medians") == 1


def test_both_sides_of_the_race_do_the_same_work() -> None:
    """Loss and gradients of the two engines agree to the last bits, so that the times compare like with like."""
    pytest.importorskip("micrograd")
    sides = []
    for engine in ("autograd", "micrograd.engine"):
        Value = import_module(engine).Value
        model, parameters = plain_network(Value)
        loss = loss_of(Value, model, parameters)
        loss.backward()
        sides.append([loss.data, *(p.grad for p in parameters)])
    for ours, theirs in zip(*sides, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-15)


def _results(rows: list[dict[str, Any]], missing: list[str] | None = None) -> dict[str, Any]:
    return {
        "date": "2026-01-01",
        "machine": "a machine",
        "python": "3.11",
        "versions": {"chalkgrad": "0"},
        "missing": missing or [],
        "rounds": 1,
        "rows": rows,
    }
