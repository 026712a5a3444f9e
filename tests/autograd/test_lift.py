"""``lift``: modules from PyPI and of the standard library that were written for floats take Values, and stay what they were."""

import importlib
import math
import math as m
import numbers
import struct
import sys
from collections.abc import Callable
from math import sin
from pathlib import Path
from typing import Any

import pytest

import autograd
from autograd import Value, check_gradients, grad

BOSTON, NEW_YORK = (42.3541165, -71.0693514), (40.7791472, -73.9680804)


def _module(name: str, **options: Any) -> tuple[Any, Any]:
    """A module and its lifted copy; skips where it is not installed."""
    original = pytest.importorskip(name, reason=f"{name} is of the test extra")
    return original, autograd.lift(name, **options)


def _black(module: Any, *x: Any) -> Any:
    return module.black(*x, 1.0)


# Package, options of lift, a function of its module and numbers, and the numbers.
PACKAGES: dict[str, tuple[str, dict[str, Any], Callable[..., Any], tuple[float, ...]]] = {
    "vincenty": ("vincenty", {}, lambda module, a, b, c, d: module.vincenty((a, b), (c, d)), (*BOSTON, *NEW_YORK)),
    "haversine": ("haversine", {}, lambda module, a, b, c, d: module.haversine((a, b), (c, d)), (*BOSTON, *NEW_YORK)),
    "geopy": ("geopy.distance", {}, lambda module, a, b: module.great_circle((a, b), NEW_YORK).km, BOSTON),
    "utm": ("utm", {}, lambda module, a, b: sum(module.from_latlon(a, b)[:2]), (51.2, 7.5)),
    "utm back": ("utm", {}, lambda module, a, b: sum(module.to_latlon(a, b, 32, "U")), (395201.3, 5673135.2)),
    "py_lets_be_rational": (
        "py_lets_be_rational",
        {"also": ("cody_special", "piecewise_rational")},
        _black,
        (100.0, 105.0, 0.2, 1.5),
    ),
    "colorsys": ("colorsys", {}, lambda module, r, g, b: sum(module.rgb_to_hls(r, g, b)), (0.2, 0.5, 0.9)),
    "colorsys, hsv": ("colorsys", {}, lambda module, h, s, v: math.prod(module.hsv_to_rgb(h, s, v)), (0.3, 0.5, 0.9)),
    "fmean": ("statistics", {}, lambda module, *xs: module.fmean(xs), (1.0, 2.5, 4.0)),
    "geometric_mean": ("statistics", {}, lambda module, *xs: module.geometric_mean(xs), (1.0, 2.5, 4.0)),
    "correlation": ("statistics", {}, lambda module, *xs: module.correlation(xs[:3], xs[3:]), (1.0, 2.5, 4.0, 2.0, 1.0, 3.0)),
    "regression": ("statistics", {}, lambda module, *xs: module.linear_regression(xs[:3], xs[3:])[0], (1.0, 2.5, 4.0, 2.0, 1.0, 3.0)),
    "NormalDist": ("statistics", {}, lambda module, a, s, x: module.NormalDist(a, s).cdf(x), (0.3, 1.2, 0.7)),
    "NormalDist, inverse": ("statistics", {}, lambda module, mu, p: module.NormalDist(mu, 1.5).inv_cdf(p), (0.3, 0.2)),
}  # fmt: skip


@pytest.mark.parametrize("name", PACKAGES)
def test_values_of_the_original_and_gradients(name: str) -> None:
    package, options, f, point = PACKAGES[name]
    original, lifted = _module(package, **options)
    assert f(lifted, *point) == f(original, *point)
    y = f(lifted, *map(Value, point))
    assert y.data == pytest.approx(f(original, *point), rel=1e-13)
    exact = autograd.lift(package, **options, rounding="pass")
    smooth = 1e-6 if name != "vincenty" else 1e-3  # six decimal digits are all that differences see there
    check_gradients(lambda *x: f(exact, *x), *point, tolerance=smooth)
    compiled = autograd.compile(lambda *x: f(lifted, *x))
    value, slopes = compiled.value_and_grad(*point)
    y_again, slopes_again = autograd.value_and_grad(lambda *x: f(lifted, *x))(*point)
    assert (value, tuple(slopes)) == (y_again, tuple(slopes_again))
    if package not in sys.builtin_module_names:
        assert importlib.import_module(package) is original and original is not lifted


def test_what_float_code_catches() -> None:
    """vincenty on the equator divides by 0 inside a try."""
    original, lifted = _module("vincenty")
    for pair in (((0.0, 0.0), (0.0, 1.0)), ((0.0, 0.0), (0.0, 0.0)), ((0.0, 0.0), (0.5, 179.7))):
        got, expected = lifted.vincenty((Value(pair[0][0]), 0.0), pair[1]), original.vincenty(*pair)
        assert (got.data if isinstance(got, Value) else got) == expected


def test_statistics_that_compute_in_fractions_say_so() -> None:
    lifted = autograd.lift("statistics")
    with pytest.raises(TypeError, match="Value"):
        lifted.variance([Value(1.0), Value(2.0), 3.0])


# --- A module of one's own -----------------------------------------------------------------------------------------------------

PACKAGE = {
    "__init__.py": "from .shapes import circle\nfrom . import units as u\nimport {name}.units\nTWO = {name}.units.TWO\n",
    "units.py": "import math as m\nTWO = float('2')\ndef scaled(x):\n    return m.fabs(x) * TWO\n",
    "shapes.py": """
from math import pi, sqrt as root
import numbers
from {name} import units
from {name}.units import scaled

class Exact(float):
    pass

def circle(r):
    if not isinstance(r, (int, float)) or not isinstance(r, numbers.Real):
        raise TypeError("no number")
    return scaled(pi * pow(r, 2)) + root(float(r)) + max(r, 1) + min([r, 9.0]) + sum([r, r]) + divmod(r, 2)[1]

def kinds(x):
    return type(x) is float, type(x) in (int, float), isinstance(x, str), Exact(2.5) + 1.0

def safe(x):
    try:
        return 1 / x
    except ZeroDivisionError:
        return 7 * x + 1

def shown(x):
    return round(x, 2), round(x), int(x)

def seen(x):
    return units.scaled(x)
""",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"lifted_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / name
    folder.mkdir()
    for file, text in PACKAGE.items():
        (folder / file).write_text(text.replace("{name}", name))
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_every_way_to_import(package: str) -> None:
    lifted, original = autograd.lift(package), importlib.import_module(package)
    y = lifted.circle(Value(2.5))
    assert y.data == original.circle(2.5) == lifted.circle(2.5)
    check_gradients(lifted.circle, 2.5)
    assert lifted.u.scaled(Value(-1.0)).data == lifted.TWO == 2.0
    assert original.u.scaled is not lifted.u.scaled and sys.modules[package] is original
    with pytest.raises(TypeError):
        original.circle(Value(2.5))


def test_builtins_in_lifted_code(package: str) -> None:
    shapes = autograd.lift(f"{package}.shapes")
    x = Value(1.2345)
    assert shapes.kinds(x) == shapes.kinds(1.2345) == (True, True, False, 3.5)
    assert shapes.kinds(1) == (False, True, False, 3.5)
    assert (shapes.safe(Value(0.0)).data, shapes.safe(0.0), shapes.safe(Value(4.0)).data) == (1.0, 1.0, 0.25)
    assert grad(shapes.safe)(0.0) == 7.0
    to_two, whole, cut = shapes.shown(x)
    assert (to_two.data, grad(to_two, x).data, whole, cut) == (1.23, 1.0, 1, 1)
    without = autograd.lift(f"{package}.shapes", rounding="zero").shown(x)[0]
    assert (without.data, grad(without, x).data) == (1.23, 0.0)


def test_not_deep_leaves_the_other_modules(package: str) -> None:
    shallow = autograd.lift(f"{package}.shapes", deep=False)
    assert shallow.units is importlib.import_module(f"{package}.units")
    with pytest.raises(TypeError, match="would lose its gradient"):
        shallow.seen(Value(1.0))


def through_text(x: float) -> float:
    return float(f"{x:.3f}") * x


def through_format(x: float) -> float:
    return float(format(x, ".3f")) * x


@pytest.mark.parametrize("function", [through_text, through_format])
def test_what_a_value_was_written_as_is_not_read_back(function: Callable[[float], float]) -> None:
    lifted = autograd.lift(function)
    with pytest.raises(TypeError, match=r"float\('1.235'\) would read back .* lose its gradient: round\(\) keeps it"):
        lifted(Value(1.23456))
    assert lifted(1.23456) == function(1.23456)
    assert f"{Value(1.23456):.3f}" == "1.235"


def test_branches_compile(package: str) -> None:
    safe = autograd.lift(f"{package}.shapes").safe
    compiled = autograd.compile(safe)
    assert [compiled.value_and_grad(x) for x in (0.0, 4.0)] == [(1.0, 7.0), (0.25, -0.0625)]


# --- A function ----------------------------------------------------------------------------------------------------------------


def helper(x: float) -> float:
    return m.exp(sin(x)) if isinstance(x, numbers.Real) else math.nan


def area(r: float, n: int = 3) -> float:
    return round(math.pi * r**2, n) + helper(r) + (area(r - 1.0) if r > 1.0 else 0.0)


def test_a_function_with_what_it_uses() -> None:
    lifted = autograd.lift(area)
    assert lifted(2.5) == area(2.5) == lifted(Value(2.5)).data
    check_gradients(autograd.lift(helper), 0.7)
    check_gradients(lifted, 2.5, tolerance=0.2)  # differences see three digits
    assert math.isnan(helper(Value(1.0)))  # type: ignore[arg-type]  # the original is what it was


def test_a_closure() -> None:
    square_root = math.sqrt
    assert grad(autograd.lift(lambda x: square_root(x) + helper(x) * 0.0))(4.0) == 0.25


def _without_source(text: str) -> Any:
    names: dict[str, Any] = {}
    exec(compile(text, "<nowhere>", "exec"), names)
    return names["f"]


BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no module": (lambda: autograd.lift("no_such_module_here"), ModuleNotFoundError, "no module named 'no_such_module_here'"),
    "in C": (lambda: autograd.lift("_struct"), TypeError, r"needs Python source, and '_struct' has none"),
    "built in": (lambda: autograd.lift("sys"), TypeError, "needs Python source"),
    "a builtin": (lambda: autograd.lift(math.sin), TypeError, "lift needs a module, the name of one, or a Python function"),
    "a number": (lambda: autograd.lift(3), TypeError, r"got int \(3\)"),
    "a type without source": (
        lambda: autograd.lift(_without_source("def f(x):\n    y = x\n    return y if type(x) is float else -y")),
        TypeError,
        "needs the source of f, .* at <nowhere>:3 it compares",
    ),
    "== without source": (
        lambda: autograd.lift(_without_source("def f(x):\n    return [y for y in (x, 1) if y == x]")),
        TypeError,
        "at <nowhere>:2 ",
    ),
    "rounding": (lambda: autograd.lift("colorsys", rounding="up"), ValueError, "rounding must be one of pass, zero, got 'up'"),
}


def test_a_function_without_source_that_needs_no_change() -> None:
    f = _without_source("import math\ndef f(x):\n    return math.sin(x) if x > 0 else isinstance(x, float) * x")
    assert autograd.grad(autograd.lift(f))(0.5) == math.cos(0.5)


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_lifted_says_why(case: str) -> None:
    call, kind, message = BAD[case]
    with pytest.raises(kind, match=message):
        call()


# --- What leaves Python: refused in the line where it is called ----------------------------------------------------------------

LEAVING = """
import struct, decimal, math, array
import numpy as np

def packed(x):
    return struct.pack("d", x)

def exact(x):
    return decimal.Decimal(x)

def filled(x):
    row = np.zeros(2)
    row[0] = x
    return row

def typed(x):
    return array.array("d", [x])

def in_c(x):
    return float.__mul__(2.0, x) + float.hex(x)
"""


@pytest.mark.parametrize("name", ["packed", "exact", "filled", "typed", "in_c"])
def test_what_leaves_python_is_refused_in_its_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numpy")
    (tmp_path / "leaving.py").write_text(LEAVING)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    lifted = autograd.lift("leaving")
    with pytest.raises((TypeError, ValueError, AttributeError, struct.error)) as caught:
        getattr(lifted, name)(Value(1.5))
    lines = [entry for entry in caught.traceback if str(entry.path).endswith("leaving.py")]
    assert lines and lines[-1].name == name


def test_a_comparison_is_true_or_false_itself() -> None:
    def chosen(x: float) -> float:
        return 2.0 * x if (x > 0.0) is True and (x > 1e9) is not True else 3.0 * x if (x < 0.0) is not False else 5.0 * x

    lifted = autograd.lift(chosen)
    compiled = autograd.compile(lifted)
    for x, slope in ((1.0, 2.0), (-1.0, 3.0), (0.0, 5.0)):
        assert (grad(lifted)(x), compiled.grad(x), compiled(x)) == (slope, slope, chosen(x))


def test_ties_of_tuples_are_those_of_floats_when_compiled() -> None:
    def first(x: float, y: float) -> float:
        return sorted([(x, 2.0), (y, 1.0)])[0][1] * x

    assert autograd.compile(autograd.lift(first))(2.0, 2.0) == first(2.0, 2.0) == 2.0


def test_what_is_lifted_is_drawn() -> None:
    viz = pytest.importorskip("viz")
    x = Value(0.2, label="saturation")
    lightness = autograd.lift("colorsys").rgb_to_hls(x, 0.5, 0.9)[1]
    assert "saturation" in viz.draw(lightness, engine="builtin").to_svg()
