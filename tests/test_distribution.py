"""The source distribution and the wheel: what is in them, and that they install and run alone. No network is needed."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("autograd", "nn", "viz")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution and the wheel made from it; the network is not asked for anything."""
    folder = tmp_path_factory.mktemp("dist")
    sources = [ROOT / name for name in (*PACKAGES, "pyproject.toml", "README.md", "LICENSE")]
    for source in sources:
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / source.name)
    for other in ("tests", "notebooks", "benchmarks"):
        (folder / other).mkdir()
        (folder / other / "__init__.py").touch()
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "dist"


def test_the_wheel_holds_the_three_packages_and_nothing_else(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    modules = {path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    typed = {f"{package}/py.typed" for package in PACKAGES}
    scripts = {path.relative_to(ROOT).as_posix() for path in (ROOT / "viz" / "scripts").glob("*.js")}
    assert {name for name in names if ".dist-info/" not in name} == modules | typed | scripts


def test_the_wheel_runs_alone(built: Path, tmp_path: Path) -> None:
    [wheel] = built.glob("*.whl")
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    where = [sys.executable, "-c", "import autograd, nn, viz; print(autograd.__file__, nn.__file__, viz.__file__)"]
    run = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.stdout.split() == [str(site / package / "__init__.py") for package in PACKAGES], run.stderr
    command = [str(site / "bin" / "chalkgrad"), "xor", "--epochs", "5", "--out", "."]
    train = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert train.returncode == 0, train.stderr
