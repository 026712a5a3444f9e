"""The site of the notebooks, in a browser that reaches no other server: built, opened, and the first notebook run."""

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "01_value.ipynb"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
PATIENCE = 150_000  # milliseconds: on a machine at rest Pyodide starts within 10 s
PROMPT = ".jp-CodeCell .jp-InputPrompt"
OUTPUTS = "[data-mime-type$='stdout'], [data-mime-type='text/plain']"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and writes no log."""

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""


class Patient(http.server.ThreadingHTTPServer):
    """Says nothing when a browser hangs up."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the site is served."""
    for package in ("jupyterlite_core", "jupyterlite_pyodide_kernel", "build", "playwright"):
        pytest.importorskip(package)
    if shutil.which("npm") is None:
        pytest.skip("npm not on PATH")
    if CHROMIUM is None:
        pytest.skip("Chromium not on PATH")
    from notebooks import site

    folder = tmp_path_factory.mktemp("site")
    site.build(folder)
    forget_outputs(folder / "files" / NOTEBOOK.name)
    with Patient(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def forget_outputs(path: Path) -> None:
    """Rewrite a notebook as if it had never run."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def committed() -> list[str]:
    """The text outputs of the notebook as it lies in the repository."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    texts = [output["text"] if "text" in output else output["data"].get("text/plain", []) for output in outputs]
    pictures = ["data" in output and any("html" in kind or "svg" in kind for kind in output["data"]) for output in outputs]
    return ["".join(text).rstrip("\n") for text, picture in zip(texts, pictures, strict=True) if not picture]


def test_the_first_notebook_prints_in_the_browser_what_it_printed_here(address: str) -> None:
    from playwright.sync_api import Route, sync_playwright

    elsewhere = []

    def route(request: Route) -> None:
        if request.request.url.startswith(address):
            request.continue_()
        else:
            elsewhere.append(request.request.url)
            request.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.context.route("**/*", route)
        page.goto(f"{address}/notebooks/index.html?path={NOTEBOOK.name}")
        page.get_by_text("Python (Pyodide)").wait_for()
        page.locator(f"{PROMPT} >> nth=0").wait_for()
        page.get_by_text("Run", exact=True).first.click()
        page.get_by_text("Run All Cells", exact=True).click()
        page.locator(f"{PROMPT}:text-is('[*]:') >> nth=0").wait_for()
        page.locator(f"{PROMPT}:text-is('[*]:')").first.wait_for(state="detached")
        printed = [text.rstrip("\n") for text in page.locator(OUTPUTS).all_text_contents()]
        pictures = page.locator(".jp-OutputArea-output img, .jp-OutputArea-output svg").count()
        browser.close()
    assert printed == committed()
    assert pictures > 3
    assert not elsewhere
