"""Run every notebook in a fresh kernel and write its outputs back: ``python -m notebooks [NAME ...]``.

What changes from run to run without meaning anything (times, the version of Python) is left out, so that running them again leaves
no difference.
"""

import argparse
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
# The packages of this repository, installed or not, and pictures in the notebook whatever the caller prefers.
ENVIRONMENT = {"PYTHONPATH": str(FOLDER.parent), "MPLBACKEND": "module://matplotlib_inline.backend_inline"}


def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs of a fresh run; CellExecutionError if a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", record_timing=False, resources=resources
    )
    client.execute(env={**os.environ, **ENVIRONMENT})
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def main() -> None:
    """Run the named notebooks, or all of them."""
    parser = argparse.ArgumentParser(
        prog="python -m notebooks", description="Run the notebooks and write their outputs back."
    )
    parser.add_argument("names", nargs="*", help="such as 01_value (default: all)")
    names = parser.parse_args().names or [path.stem for path in sorted(FOLDER.glob("*.ipynb"))]
    for name in names:
        path = FOLDER / f"{name}.ipynb"
        nbformat.write(executed(path), path)
        print(path.relative_to(FOLDER.parent))


if __name__ == "__main__":
    main()
