"""A JupyterLab of one's own, and HTML as nbconvert exports it; tests skip where Jupyter is missing."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest


def notebook(outputs: Sequence[str]) -> Any:
    """A notebook with one cell for each output."""
    nbformat = pytest.importorskip("nbformat")
    cells = []
    for html in outputs:
        output = nbformat.v4.new_output("display_data", {"text/html": html, "text/plain": "a picture"})
        cells.append(nbformat.v4.new_code_cell("...", execution_count=1, outputs=[output]))
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})


def settings(folder: Path) -> dict[str, str]:
    """The environment in which Jupyter keeps everything in a folder of its own."""
    places = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    return {
        **os.environ,
        **places,
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "lab"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "work"),
    }


@contextmanager
def lab(folder: Path) -> Iterator[str]:
    """A JupyterLab that serves a folder; the address of the folder's files in it."""
    pytest.importorskip("jupyterlab")
    options = [
        "--port=0",
        "--no-browser",
        "--IdentityProvider.token=",
        "--ServerApp.root_dir=" + str(folder),
        "--allow-root",
    ]
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        *options,
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    server = subprocess.Popen(command, env=settings(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = _address(folder / "runtime", server)
        urllib.request.urlopen(f"{address}api", timeout=60).close()
        yield f"{address}lab/tree"
    finally:
        server.kill()
        server.wait()


def _address(runtime: Path, server: "subprocess.Popen[bytes]") -> str:
    """Where the server says that it answers: it has chosen the port itself."""
    for _ in range(750):
        for said in runtime.glob("jpserver-*.json"):
            with suppress(json.JSONDecodeError):  # not written to the end
                return f"http://127.0.0.1:{json.loads(said.read_text())['port']}/"
        if server.poll() is not None:
            break
        time.sleep(0.2)
    pytest.fail("JupyterLab does not answer")
