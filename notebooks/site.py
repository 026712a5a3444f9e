"""Build a site on which the notebooks run in the browser: ``python -m notebooks.site FOLDER``.

JupyterLite is the page, Pyodide its Python, and the packages are installed by importing them. The folder holds JupyterLite, Pyodide,
chalkgrad and what a bare install brings, so that any web server can serve it; what else a notebook imports (NumPy, matplotlib) is
fetched from Pyodide's own server. Needs the extra ``site`` and ``npm``.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jupyterlite_pyodide_kernel.constants import PYODIDE_CDN_URL, PYODIDE_PYTHON_VERSION, PYODIDE_VERSION

FOLDER = Path(__file__).parent
# What the kernel of a notebook loads before the first cell.
KERNEL = ("micropip", "packaging", "ipython", "jedi", "comm")
# Packages that Pyodide does not know: what they import as and what they need.
OURS = {
    "chalkgrad": (["autograd", "nn", "viz"], ["graphviz", "tqdm"]),
    "graphviz": (["graphviz"], []),
    "comm": (["comm"], ["traitlets"]),
}


def run(*command: str | Path, cwd: Path = FOLDER.parent) -> None:
    """Run a command; RuntimeError with its output if it fails."""
    done = subprocess.run(command, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stdout}")


def closure(known: dict[str, Any], names: Iterable[str]) -> list[str]:
    """The packages and everything they need, in the order in which they are met."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0).replace("_", "-")
        if name not in found:
            found[name] = None
            waiting += known[name]["depends"]
    return list(found)


def with_ours(lock: dict[str, Any]) -> dict[str, Any]:
    """Pyodide's list of packages with chalkgrad on it, and without the other package that imports as ``autograd``."""
    known = {name: entry for name, entry in lock["packages"].items() if name != "autograd"}
    for name, (imports, depends) in OURS.items():
        known[name] = {
            **{"name": name, "imports": imports, "depends": depends},
            **{"install_dir": "site", "package_type": "package", "unvendored_tests": False},
        }
    return {**lock, "packages": known}


def download(lock: dict[str, Any], names: Sequence[str], place: Path) -> None:
    """Put wheels of the packages into a folder: chalkgrad's built from here, the others from the package index."""
    run(sys.executable, "-m", "build", "--outdir", place)
    known = lock["packages"]
    others = [f"{name}=={known[name]['version']}" if "version" in known[name] else name for name in names if name != "chalkgrad"]
    pure = ["--no-deps", "--only-binary=:all:", "--python-version", PYODIDE_PYTHON_VERSION]
    run(sys.executable, "-m", "pip", "download", *pure, "--dest", place, *others)


def located(lock: dict[str, Any], place: Path) -> dict[str, Any]:
    """The list of packages with the wheels of a folder as they lie there, and all others at Pyodide's own server."""
    here = {wheel.name.split("-")[0].lower().replace("_", "-"): wheel for wheel in place.glob("*.whl")}

    def entry(name: str, entry: dict[str, Any]) -> dict[str, Any]:
        if name not in here:
            return {**entry, "file_name": f"{PYODIDE_CDN_URL}/{entry['file_name']}"}
        wheel = here[name]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        return {**entry, "version": wheel.name.split("-")[1], "file_name": wheel.name, "sha256": digest}

    return {**lock, "packages": {name: entry(name, known) for name, known in lock["packages"].items()}}


def make_pyodide(place: Path) -> None:
    """Pyodide with our packages, in a folder."""
    with tempfile.TemporaryDirectory() as temporary:
        run("npm", "install", "--no-audit", "--no-fund", "--prefix", temporary, f"pyodide@{PYODIDE_VERSION}")
        shutil.copytree(Path(temporary) / "node_modules" / "pyodide", place)
    path = place / "pyodide-lock.json"
    lock = with_ours(json.loads(path.read_text(encoding="utf-8")))
    download(lock, closure(lock["packages"], [*KERNEL, "chalkgrad"]), place)
    path.write_text(json.dumps(located(lock, place)), encoding="utf-8")


def build(target: Path) -> None:
    """Build the site in a folder, which is made anew."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        make_pyodide(work / "static" / "pyodide")
        (work / "notebooks").mkdir()
        for path in FOLDER.glob("*.ipynb"):
            shutil.copy(path, work / "notebooks")
        contents = ["--contents", work / "notebooks", "--output-dir", target.resolve()]
        run(sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", work, *contents, cwd=work)


def main() -> None:
    """Build the site."""
    parser = argparse.ArgumentParser(
        prog="python -m notebooks.site", description="Build a site on which the notebooks run in the browser."
    )
    parser.add_argument("folder", type=Path, help="where to build it")
    folder = parser.parse_args().folder
    build(folder)
    print(f"python -m http.server --directory {folder}  # then open http://localhost:8000/lab/index.html?path=01_value.ipynb")


if __name__ == "__main__":
    main()
