"""The notebooks run as they are, through a real kernel or, without one, in this process, and were committed with what they put out."""

import builtins
import importlib.util
import json
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))

HAS_KERNEL = all(importlib.util.find_spec(name) for name in ("ipykernel", "nbclient"))

Notebook = dict[str, Any]


def read(path: Path) -> Notebook:
    loaded: Notebook = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def sources(notebook: Notebook, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def outputs(notebook: Notebook) -> list[Any]:
    return [output for cell in notebook["cells"] if cell["cell_type"] == "code" for output in cell["outputs"]]


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_there_are_notebooks() -> None:
    assert PATHS


def skip_without_needs(path: Path) -> None:
    """Programs and packages that a notebook says it needs."""
    if path.stem == "06_out_of_python":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("sklearn")
        if shutil.which("cc") is None:
            pytest.skip("there is no C compiler")


@pytest.mark.skipif(HAS_KERNEL, reason="a kernel runs them, and compares what they put out")
def test_code_runs_in_this_process(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_needs(path)
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    monkeypatch.setattr(builtins, "print", lambda *words, **options: None)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for i, source in enumerate(sources(read(path), "code"), 1):
        exec(compile(source, f"{path.name}, code cell {i}", "exec"), namespace)


def test_outputs_are_committed(path: Path) -> None:
    notebook = read(path)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), "run: python -m notebooks"
    assert not [output for output in outputs(notebook) if output["output_type"] == "error"]
    last_lines = [(cell, "".join(cell["source"]).splitlines()[-1]) for cell in code]
    silent = [line for cell, line in last_lines if line.startswith(("viz.draw", "plt.show", "print")) and not cell["outputs"]]
    assert not silent, f"cells of {path.name} without their output: {silent}; run: python -m notebooks"


def test_pictures_are_committed(path: Path) -> None:
    kinds = {kind for output in outputs(read(path)) for kind in output.get("data", {})}
    assert kinds & {"image/png", "text/html"}


def test_no_magics(path: Path) -> None:
    magics = [
        line for source in sources(read(path), "code") for line in source.splitlines() if re.match(r"\s*[%!?]|.*\?\s*$", line)
    ]
    assert not magics


def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", "\n".join(sources(read(path), "markdown")))
    assert any(link.endswith(".ipynb") for link in links), "no link to another notebook"
    assert not [link for link in links if not link.startswith("http") and not (FOLDER / link).exists()]


def test_formulas_and_solutions_are_closed(path: Path) -> None:
    for text in sources(read(path), "markdown"):
        assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0, text
        assert text.count("{") == text.count("}"), text
        assert text.count("<details>") == text.count("</details>") == text.count("<summary>"), text


def test_there_is_an_exercise_with_a_folded_solution(path: Path) -> None:
    assert "<details>" in "\n".join(sources(read(path), "markdown"))


def as_text(output: Any) -> Any:
    """What a reader reads of an output: its text and which kinds of picture there are."""
    data = output.get("data", {})
    return output["output_type"], "".join(data.get("text/plain", "")), sorted(data)


def as_texts(notebook: Any) -> list[Any]:
    """What a reader reads of all outputs. A kernel may send in two parts what was printed in one cell."""
    found = [as_text(output) for output in outputs(notebook) if output["output_type"] != "stream"]
    printed = "".join("".join(output["text"]) for output in outputs(notebook) if output["output_type"] == "stream")
    return [*found, *printed.splitlines()]


def without_last_digits(text: Any) -> str:
    """Numbers to six digits: the last ones are libm's."""
    return re.sub(r"-?\d+\.\d+(e[-+]?\d+)?", lambda number: f"{float(number[0]):.6g}", str(text))


@pytest.mark.skipif(not HAS_KERNEL, reason="ipykernel and nbclient are not installed")
def test_a_kernel_gives_the_committed_outputs(path: Path) -> None:
    skip_without_needs(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the Jupyter libraries
        from notebooks.__main__ import executed

        fresh = executed(path)
    got, expected = [[without_last_digits(text) for text in as_texts(each)] for each in (fresh, read(path))]
    assert got == expected, f"{path.name} gives other outputs than were committed; run: python -m notebooks"
