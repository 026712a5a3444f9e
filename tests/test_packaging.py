"""What holds the distribution together: a bare install works, extras that errors name exist, the name clash is explained."""

import importlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import autograd

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
PACKAGES = ("autograd", "nn", "viz")

# Before anything else: these cannot be imported, as if they were not installed.
BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
"""
OPTIONAL = ("IPython", "graphviz", "llvmlite", "matplotlib", "mpmath", "numpy", "pygraphviz", "sklearn", "torch", "typst")


def python(program: str, *first_on_path: Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A fresh Python that finds the packages of this repository, after those of the given folders."""
    path = os.pathsep.join(map(str, [*first_on_path, ROOT]))
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run([sys.executable, "-c", program], cwd=cwd, env=environment, capture_output=True, text=True)


def sources() -> Iterator[Path]:
    """Every text file of the repository."""
    endings = {".py", ".md", ".toml", ".yaml", ".ipynb", ".json", ".mjs", ".svg", ".typed", ".txt", ""}
    folders = (".ci", *PACKAGES, "tests", "notebooks", "benchmarks", "docs")
    for path in [*ROOT.iterdir(), *(path for folder in folders for path in (ROOT / folder).rglob("*"))]:
        if path.is_file() and path.suffix in endings and "__pycache__" not in path.parts and path.name != ".git":
            yield path


def test_the_engine_imports_only_the_standard_library() -> None:
    run = python("import sys, autograd; print(*{name.partition('.')[0] for name in sys.modules})")
    assert run.returncode == 0, run.stderr
    before = python("import sys; print(*{name.partition('.')[0] for name in sys.modules})")
    foreign = set(run.stdout.split()) - set(before.stdout.split()) - sys.stdlib_module_names - {"autograd"}
    assert not foreign


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_without_the_optional_ones(package: str) -> None:
    run = python(BLOCKER.format(blocked=OPTIONAL) + f"import {package}")
    assert run.returncode == 0, run.stderr


def test_a_bare_install_trains_and_draws() -> None:
    program = """
import nn, viz
data = nn.xor()
model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
nn.fit(model, data.X, data.y, loss="bce", optimizer=nn.Adam(model.parameters(), lr=0.1), epochs=60, progress=False)
assert model.accuracy(data.X, data.y) == 1.0
print(viz.draw(model.layers[0].neurons[0]([1.0, 2.0])).to_svg()[:4])
"""
    run = python(BLOCKER.format(blocked=OPTIONAL) + program)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "<svg"


@pytest.mark.parametrize(
    ("program", "extra"),
    [
        ("import nn; nn.digits()", "data"),
        ("import viz; viz.loss([1.0, 0.5])", "plots"),
        ("from autograd import Value; import viz; viz.draw(Value(1.0), engine='pygraphviz')", "graphviz"),
        ("from autograd import Value; import viz; viz.draw(Value(1.0)).save('a.png')", "pictures"),
    ],
)
def test_a_missing_extra_is_named(program: str, extra: str) -> None:
    run = python(BLOCKER.format(blocked=OPTIONAL) + program)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith("ImportError: ")
    assert f'pip install "chalkgrad[{extra}]"' in run.stderr


def test_extras_that_errors_name_exist() -> None:
    named = {
        extra
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for group in re.findall(r"chalkgrad\[([\w,]+)\]", path.read_text(encoding="utf-8"))
        for extra in group.split(",")
    }
    assert named
    assert named <= EXTRAS.keys()


def test_all_holds_every_extra_but_the_opponents_and_the_site() -> None:
    [everything] = EXTRAS["all"]
    assert set(re.findall(r"\w+", everything)) - {"chalkgrad"} == EXTRAS.keys() - {"all", "bench", "site"}


@pytest.mark.parametrize("package", ["nn", "viz"])
def test_another_autograd_in_our_place_is_explained(package: str, tmp_path: Path) -> None:
    (tmp_path / "autograd").mkdir()
    (tmp_path / "autograd" / "__init__.py").write_text("def grad(f): ...\n", encoding="utf-8")
    run = python(f"import {package}", tmp_path, cwd=tmp_path)
    message = run.stderr.splitlines()[-1]
    assert run.returncode == 1
    assert message.startswith("ImportError: ")
    assert package in message.split()
    assert str(tmp_path / "autograd") in message
    assert "chalkgrad" in message
    assert "venv" in message


def test_the_version_is_said_once_more_and_is_the_same() -> None:
    assert autograd.__version__ == PROJECT["project"]["version"]


def test_the_command_exists() -> None:
    for target in PROJECT["project"]["scripts"].values():
        module, _, function = target.partition(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_packages_say_that_they_are_typed() -> None:
    assert not [package for package in PACKAGES if not (ROOT / package / "py.typed").exists()]


def test_no_file_holds_a_path_of_someones_machine() -> None:
    path = re.compile(r"/(?:home|Users|root|work|tmp|private|var/folders)/\w|\b[A-Z]:\\\\?Users")
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in sources()
        for match in [path.search(file.read_text(encoding="utf-8"))]
        if match
    ]
    assert not found


def test_the_continuous_integration_script_can_be_run() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    assert all(
        command in text for command in ("[all,site]", "pip install", "python -m pytest", "ruff check", "ruff format --check")
    )
