"""The examples in the docstrings of all three packages, run as they stand."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ["autograd", "nn", "viz"]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = pytest.importorskip(name, exc_type=ImportError, reason=f"{name} needs an extra that is not installed")
    result = doctest.testmod(module)
    assert result.failed == 0, f"{result.failed} of {result.attempted} examples of {name} print something else, see above"


def test_public_functions_of_the_engine_have_examples() -> None:
    autograd = importlib.import_module("autograd")
    without = []
    for name in autograd.__all__:
        thing = getattr(autograd, name)
        if callable(thing) and not isinstance(thing, (autograd.Op, type)) and ">>>" not in (thing.__doc__ or ""):
            without.append(name)
    assert not without
