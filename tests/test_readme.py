"""What the README and the pages of docs/ say is so: their sessions, the picture, their tables, their links."""

import doctest
import json
import math
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autograd
from autograd import Value
from benchmarks.report import BEGIN, END, TELLING, markdown, telling

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
OTHERS = [ROOT / "CONTRIBUTING.md", *DOCS]
TEXT = README.read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def rows_of(page: str) -> list[list[str]]:
    """The cells of the first table of a page of docs/, without its first line and the rule below it."""
    lines = [line for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines[2:]]


def test_the_sessions_print_what_they_show_and_draw_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failed, attempted = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert attempted > 20
    assert not failed
    for name in ("neuron.svg", "backward.svg"):
        drawn, committed = ((folder / name).read_bytes() for folder in (tmp_path, ROOT / "notebooks"))
        assert drawn == committed, f"draw {name} again: cd notebooks && python -m doctest ../README.md"


@pytest.mark.parametrize("page", OTHERS, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_sessions_of_the_other_pages(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not doctest.testfile(str(page), module_relative=False).failed


@pytest.mark.parametrize(("expression", "at", "value", "slope"), rows_of("edges.md"))
def test_the_table_of_edges_is_what_the_engine_does(expression: str, at: str, value: str, slope: str) -> None:
    x = Value(float(at))
    y = eval(expression.strip("`"), {**vars(autograd), "x": x})
    y.backward()
    got, expected = (y.data, x.grad), (float(value), float(slope))
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(got, expected, strict=True)), f"got {got}"


def test_the_table_of_extras_is_that_of_pyproject() -> None:
    told = {extra.strip("`"): packages for extra, packages, _ in rows_of("extras.md") if extra != "(none)"}
    extras: dict[str, list[str]] = PROJECT["optional-dependencies"]
    assert sorted(told) == sorted(extras)
    for extra in told.keys() - {"all"}:
        names = sorted(re.split(r"[><=\[;]", requirement)[0] for requirement in extras[extra])
        assert sorted(told[extra].split(", ")) == names, extra


@pytest.mark.parametrize(("page", "render"), [("README.md", telling), ("docs/benchmarks.md", markdown)])
def test_the_benchmark_tables_are_those_of_the_last_run(page: str, render: Callable[[dict[str, Any]], str]) -> None:
    results: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    table = (ROOT / page).read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert table == render(results), "run: python -m benchmarks --readme"


def test_the_rows_of_the_readme_are_rows_of_the_last_run() -> None:
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    assert set(TELLING) <= {row["name"] for run in results.values() for row in run["rows"]}


@pytest.mark.parametrize("page", [README, *OTHERS], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert not [link for link in links if not link.startswith("https://") and not (page.parent / link).exists()]
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, flags=re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


def test_every_page_is_listed() -> None:
    listed = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert not [page.name for page in DOCS if page.name != "README.md" and f"({page.name})" not in listed]


def test_the_layout_names_what_is_there() -> None:
    layout = TEXT.partition("How the code is laid out")[2].partition("```\n")[2].partition("```")[0]
    named = re.findall(r"^(\.?\w+/(?:run)?)", layout, flags=re.M)
    assert {"autograd/", "nn/", "viz/", "tests/", ".ci/run"} <= set(named)
    assert not [name for name in named if not (ROOT / name).exists()]
    modules = re.findall(r"^(?:autograd/|)\s+(\w+)  ", layout, flags=re.M)
    assert not [
        name for name in modules if not ((ROOT / "autograd" / name).is_dir() or (ROOT / "autograd" / f"{name}.py").exists())
    ]


def test_every_notebook_is_listed() -> None:
    assert not [path.name for path in (ROOT / "notebooks").glob("*.ipynb") if f"notebooks/{path.name}" not in TEXT]
