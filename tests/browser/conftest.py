"""Pyodide from npm, at the version that package.json pins, kept in pytest's cache for the next run."""

import shutil
import subprocess
from importlib.metadata import files
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def pyodide(request: pytest.FixtureRequest) -> Path:
    """The folder of npm's package pyodide; skips where it cannot be had."""
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not on PATH")
    assert request.config.cache
    place = request.config.cache.mkdir("browser")
    shutil.copy(HERE / "package.json", place)
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefer-offline", "--silent"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"npm cannot fetch pyodide: {done.stderr.strip()[-200:]}")
    return place / "node_modules" / "pyodide"


@pytest.fixture(scope="session")
def dependencies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a bare install brings, copied from the packages of this Python: both are pure Python."""
    place = tmp_path_factory.mktemp("site")
    for package in ("graphviz", "tqdm"):
        for file in files(package) or []:
            if file.suffix == ".py":
                target = place / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), target)
    return place
