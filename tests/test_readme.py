"""What the README says is so: its sessions, its picture, its tables, its links."""

import doctest
import json
import math
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import autograd
from autograd import Value
from benchmarks.report import BEGIN, END, markdown

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def rows_of(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its first line and the rule below it."""
    section = re.split(r"^## ", TEXT, flags=re.M)
    body = next(part for part in section if part.startswith(heading))
    lines = [line for line in body.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines[2:]]


def test_the_sessions_print_what_they_show_and_draw_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failed, attempted = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert attempted > 20
    assert not failed
    drawn, committed = ((folder / "neuron.svg").read_bytes() for folder in (tmp_path, ROOT / "notebooks"))
    assert drawn == committed, "draw it again: cd notebooks && python -m doctest ../README.md"


@pytest.mark.parametrize(("expression", "at", "value", "slope"), rows_of("At the edges"))
def test_the_table_of_edges_is_what_the_engine_does(expression: str, at: str, value: str, slope: str) -> None:
    x = Value(float(at))
    y = eval(expression.strip("`"), {**vars(autograd), "x": x})
    y.backward()
    got, expected = (y.data, x.grad), (float(value), float(slope))
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(got, expected, strict=True)), f"got {got}"


def test_the_table_of_extras_is_that_of_pyproject() -> None:
    told = {extra.strip("`"): packages for extra, packages, _ in rows_of("What the extras bring") if extra != "(none)"}
    extras: dict[str, list[str]] = PROJECT["optional-dependencies"]
    assert sorted(told) == sorted(extras)
    for extra in told.keys() - {"all"}:
        names = sorted(re.split(r"[><=\[;]", requirement)[0] for requirement in extras[extra])
        assert sorted(told[extra].split(", ")) == names, extra


def test_the_benchmark_table_is_that_of_the_last_run() -> None:
    results: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    table = TEXT.partition(BEGIN)[2].partition(END)[0]
    assert table == markdown(results), "run: python -m benchmarks --readme"


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    assert not [link for link in links if not link.startswith("https://") and not (ROOT / link).exists()]
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", TEXT, flags=re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors


def test_the_layout_names_what_is_there() -> None:
    layout = TEXT.partition("How the code is laid out")[2].partition("```\n")[2].partition("```")[0]
    named = re.findall(r"^(\.?\w+/(?:run)?)", layout, flags=re.M)
    assert {"autograd/", "nn/", "viz/", "tests/", ".ci/run"} <= set(named)
    assert not [name for name in named if not (ROOT / name).exists()]
    modules = re.findall(r"^(?:autograd/|)\s+(\w+)  ", layout, flags=re.M)
    assert not [name for name in modules if not (ROOT / "autograd" / f"{name}.py").exists()]


def test_every_notebook_is_listed() -> None:
    assert not [path.name for path in (ROOT / "notebooks").glob("*.ipynb") if f"notebooks/{path.name}" not in TEXT]
