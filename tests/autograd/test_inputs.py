"""What is a number and what is not, with and without ``python -O``; and life without NumPy."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import autograd as ag
from autograd import Value
from tests.autograd.bad_inputs import ACCEPTED, accepted_nonsense

ROOT = Path(__file__).parents[2]


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A fresh Python at the root of the repository."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("x", "expected"), ACCEPTED, ids=repr)
def test_real_numbers_become_floats(x: Any, expected: float) -> None:
    v = Value(1.0)
    v.data = x
    results = [Value(x), v, Value(0.0) + x, x + Value(0.0), ag.maximum(Value(-math.inf), x), ag.sum([Value(0.0), x])]
    assert [r.data for r in results] == [expected] * len(results)
    assert all(type(r.data) is float for r in results)
    assert ag.sigmoid(x) == ag.sigmoid(expected)


def test_many_real_numbers_become_floats() -> None:
    xs = [x for x, _ in ACCEPTED]
    for some in (xs, [x for x in xs if type(x) in (int, float)], [3, -2], []):
        found = ag.ops.real_numbers(some)
        assert repr(found) == repr([ag.ops.real_number(x) for x in some])
        assert {type(x) for x in found} <= {float}


def test_nothing_else_is_accepted_anywhere() -> None:
    assert not accepted_nonsense()


def test_nothing_else_is_accepted_under_python_O() -> None:
    done = python("-O", "-m", "tests.autograd.bad_inputs")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "debug=False", "")


def test_a_value_of_a_value() -> None:
    with pytest.raises(TypeError, match=r"Value\(\) needs a real number, got Value .*use \+x .* or x\.detach\(\)"):
        Value(Value(1.0))


@pytest.mark.parametrize(
    "door",
    [
        lambda x: Value(x),
        lambda x: Value(1.0) * x,
        lambda x: x + Value(1.0),
        lambda x: Value(2.0) ** x,
        lambda x: ag.ops.real_numbers([1, x]),
    ],
)
@pytest.mark.parametrize("x", [10**400, -(10**400)])
def test_ints_beyond_the_range_of_a_float(door: Any, x: int) -> None:
    with pytest.raises(OverflowError, match=r"needs a number up to 1\.8e308, got a larger int"):
        door(x)


@pytest.mark.parametrize("door", [float, math.exp, math.sqrt, lambda v: math.hypot(v, 1.0), lambda v: [1.0][v], complex])
def test_a_value_does_not_turn_into_a_float_silently(door: Any) -> None:
    with pytest.raises(TypeError):
        door(Value(0.0))
    with pytest.raises(TypeError, match=r"read \.data, or call a function that takes Values, x\.exp\(\)"):
        float(Value(0.0))
    with pytest.raises(TypeError, match=r"read \.data, or call a function that takes Values, x\.exp\(\)"):
        math.exp(Value(0.0))


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf, -0.0, 5e-324])
def test_every_float_is_a_number(x: float) -> None:
    assert repr(Value(x).data) == repr(x)


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: ag.dot([1.0], [1.0, 2.0]), "got 1 weights and 2 inputs"),
        (lambda: ag.logsumexp([]), "logsumexp needs at least one term, got none"),
        (lambda: ag.softmax([]), "softmax needs at least one term, got none"),
        (lambda: ag.log_softmax(()), "log_softmax needs at least one term, got none"),
        (lambda: ag.clamp(1.0, 2.0, 1.0), r"clamp needs low <= high, got low=2\.0, high=1\.0"),
        (lambda: Value(1.0).clamp(math.nan), "clamp needs low <= high, got low=nan"),
    ],
)
def test_sizes_and_bounds(mistake: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mistake()


def test_no_terms_and_one() -> None:
    assert (ag.sum([]), ag.dot([], [], 2.0), ag.sum([3.0]), ag.softmax([7.0])) == (0.0, 2.0, 3.0, [1.0])
    assert ag.logsumexp(iter([Value(3.0)])).data == 3.0


# --- What the engine needs ----------------------------------------------------------------------------------------------------

FOREIGN = """
import sys
before = set(sys.modules)
import autograd
foreign = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names) - {"autograd"}
print(sorted(foreign))
print(sorted({"dataclasses", "inspect", "ast", "ctypes"} & (set(sys.modules) - before)))
"""
WITHOUT_NUMPY = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numpy", "torch", "mpmath", "llvmlite", "graphviz", "tqdm"):
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocker())
import copy, math
from fractions import Fraction
import autograd as ag
from autograd import Value
x = Value(Fraction(1, 2))
y = ag.dot([x, 2], [3, x], 1) + ag.maximum(x, 0) ** 2 + ag.softmax([x, 1.0])[0]
y.backward()
ag.check_gradients(lambda a: ag.gelu(a) / ag.logsumexp([a, 1.0]), 0.3)
assert ag.grad(ag.grad(ag.tanh))(0.0) == 0.0
copy.deepcopy(x)
try:
    Value([1.0])
except TypeError as error:
    print(error)
"""


def test_import_brings_nothing_beyond_the_standard_library_and_of_that_little() -> None:
    done = python("-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}){FOREIGN}")
    assert (done.stdout.split(), done.stderr) == (["[]", "[]"], "")


def test_random_is_there_when_it_is_asked_for() -> None:
    program = "import autograd; assert 'random' in dir(autograd); print(autograd.random.uniform(autograd.random.Key(0)))"
    assert python("-c", program).stdout == "0.41845711171638655\n"
    with pytest.raises(AttributeError, match="module 'autograd' has no attribute 'randon'"):
        ag.randon  # type: ignore[attr-defined]  # noqa: B018


def test_everything_works_without_numpy() -> None:
    done = python("-c", WITHOUT_NUMPY)
    assert done.stderr == ""
    assert done.stdout.startswith("Value() needs a real number, got list ([1.0])")
