"""Without NumPy or llvmlite: clear errors that name the extra, and what still works."""

import subprocess
import sys

import pytest

import autograd
from autograd import Value

_BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
import autograd
from autograd import Value
x = Value(3.0)
{body}
"""


def run_without(blocked: tuple[str, ...], body: str) -> str:
    done = subprocess.run([sys.executable, "-c", _BLOCKED.format(blocked=blocked, body=body)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


_TRY = """
for engine in {engines!r}:
    for target in (x * x, lambda a: a * a):
        try:
            compiled = autograd.compile(target, engine=engine)
            print(engine, "works:", compiled)
        except ImportError as error:
            print(engine, "fails:", error)
"""


def test_without_either_the_extra_is_named() -> None:
    lines = run_without(("numpy", "llvmlite"), _TRY.format(engines=("auto", "llvm", "numpy"))).splitlines()
    assert len(lines) == 6
    for line in lines:
        assert "fails:" in line
        assert "NumPy" in line
        assert 'pip install "chalkgrad[fast]"' in line


def test_without_numpy_eager_work_goes_on() -> None:
    assert run_without(("numpy", "llvmlite"), "y = x * x\ny.backward()\nprint(x.grad)").strip() == "6.0"


def test_without_llvmlite_numpy_does_the_work() -> None:
    lines = run_without(("llvmlite",), _TRY.format(engines=("auto", "llvm", "numpy"))).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "auto works",
        "auto works",
        "llvm fails",
        "llvm fails",
        "numpy works",
        "numpy works",
    ]
    assert all("numpy" in line for line in lines if "works" in line)
    assert all('llvmlite: pip install "chalkgrad[fast]"' in line for line in lines if "fails" in line)


@pytest.mark.parametrize("engine", ["LLVM", "jax", "", None])
def test_an_unknown_engine_is_refused(engine: object) -> None:
    for target in (Value(1.0) * 2.0, lambda x: x, None):
        with pytest.raises(ValueError, match="auto, llvm, numpy"):
            autograd.compile(target, engine=engine)  # type: ignore[call-overload]


def test_importing_the_engine_imports_neither() -> None:
    body = "import sys, autograd, nn; print([m for m in ('numpy', 'llvmlite') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, check=True).stdout.strip() == "[]"
