"""``autograd.math`` against Python's own ``math``: every function, special values, floats and Values in any mixture."""

import itertools
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import autograd
from autograd import Condition, Value, check_gradients, grad
from autograd import math as ours
from autograd.ops import polygamma_of

SPECIAL = (
    0.0,
    -0.0,
    0.5,
    -0.5,
    1.0,
    -1.0,
    2.5,
    -3.5,
    1e-310,
    5e-324,
    7.25,
    -40.0,
    171.9,
    1e17,
    -1e300,
    math.inf,
    -math.inf,
    math.nan,
)
UNARY = [
    *(
        "acos",
        "acosh",
        "asin",
        "asinh",
        "atan",
        "atanh",
        "cbrt",
        "cos",
        "cosh",
        "degrees",
        "erf",
        "erfc",
        "exp",
        "exp2",
        "expm1",
        "fabs",
        "gamma",
    ),
    *(
        "lgamma",
        "log",
        "log10",
        "log1p",
        "log2",
        "radians",
        "sin",
        "sinh",
        "sqrt",
        "tan",
        "tanh",
        "ulp",
        "isnan",
        "isinf",
        "isfinite",
        "modf",
        "frexp",
        "floor",
        "ceil",
        "trunc",
    ),
]
BINARY = ["atan2", "copysign", "fmod", "pow", "remainder", "log", "hypot", "nextafter", "isclose"]
INTEGERS = {"comb": (5, 2), "perm": (5, 2), "factorial": (5,), "gcd": (12, 18), "lcm": (4, 6), "isqrt": (17,)}
SEQUENCES = {
    "dist": lambda m, a, b, c: m.dist([a, b, c], [c, a, b]),
    "fsum": lambda m, a, b, c: m.fsum([a, b, c]),
    "prod": lambda m, a, b, c: m.prod([a, b, c]),
    "prod from a start": lambda m, a, b, c: m.prod([a, b], start=c),
    "sumprod": lambda m, a, b, c: m.sumprod([a, b], [b, c]),
    "fma": lambda m, a, b, c: m.fma(a, b, c),
    "hypot of three": lambda m, a, b, c: m.hypot(a, b, c),
    "hypot of one": lambda m, a, b, c: m.hypot(a),
    "isclose within": lambda m, a, b, c: m.isclose(a, b, rel_tol=0.5, abs_tol=1.0),
    "ldexp": lambda m, a, b, c: m.ldexp(a, 3),
    "ldexp to the smallest": lambda m, a, b, c: m.ldexp(a, -1060),
    "ldexp to the largest": lambda m, a, b, c: m.ldexp(a, 1100),
}
# Not the very bits of math: ours is another sum, or another function of the C library.
NEARLY = {"hypot", "hypot of three", "dist", "exp2", "log"}
NEW = {"sumprod": (3, 12), "fma": (3, 13)}


def outcome(f: Callable[..., Any], *args: Any) -> Any:
    """What a call gives, or the type of what it raises."""
    try:
        return f(*args)
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        return type(error)


def plain(x: Any) -> Any:
    """A result without its graph."""
    if isinstance(x, tuple):
        return tuple(map(plain, x))
    return bool(x) if isinstance(x, Condition) else x.data if isinstance(x, Value) else x


def agrees(name: str, got: Any, expected: Any) -> bool:
    if isinstance(expected, tuple):
        return all(agrees(name, g, e) for g, e in zip(got, expected, strict=True))
    if type(got) is not type(expected):
        return False
    if isinstance(expected, float) and name in NEARLY and math.isfinite(expected):
        return abs(got - expected) <= 2 * math.ulp(expected)
    return repr(got) == repr(expected)


def mixtures(args: Sequence[float]) -> list[list[Any]]:
    """The arguments with some of them as Values; never none."""
    masks = itertools.product([False, True], repeat=len(args))
    return [[Value(x) if is_value else x for x, is_value in zip(args, mask, strict=True)] for mask in masks if any(mask)]


def wrong(name: str, call: Callable[..., Any], args: Sequence[float]) -> list[str]:
    """Where ours and Python's differ: on floats in nothing, with Values where Python has an answer."""
    if sys.version_info < NEW.get(name, (3, 0)):
        return []
    expected = outcome(call, math, *args)
    got = outcome(call, ours, *args)
    found = [] if agrees("", got, expected) else [f"{name}{tuple(args)}: got {got!r}, expected {expected!r}"]
    for mixture in mixtures(args):
        y = outcome(call, ours, *mixture)
        if isinstance(expected, type):
            ok = y is expected or (
                isinstance(plain(y), float) and (name == "log" or not math.isfinite(plain(y)))
            )  # log 2/log 0 is −0
        else:
            ok = agrees(name, plain(y), expected)
        if not ok:
            found.append(f"{name}{tuple(mixture)}: got {y!r}, expected {expected!r}")
    return found


def named(name: str) -> Callable[..., Any]:
    return lambda module, *args: getattr(module, name)(*args)


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_number(name: str) -> None:
    assert not [line for x in SPECIAL for line in wrong(name, named(name), [x])]


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_numbers(name: str) -> None:
    if name == "isclose":
        near = [[1.0, 1.0 + 1e-10], [1.0, 1.1], [1e-12, 0.0]]
    else:
        near = [[6.0, 3.0], [-5.0, 3.0], [5.0, 2.0], [-7.5, 2.5], [1e300, 0.7]]
    pairs = [*near, *itertools.product(SPECIAL[::2] + SPECIAL[-3:], repeat=2)]
    assert not [line for pair in pairs for line in wrong(name, named(name), pair)]


@pytest.mark.parametrize("name", SEQUENCES)
def test_functions_of_several_numbers(name: str) -> None:
    points = [
        (0.1, 0.2, 0.3),
        (1.5, -2.5, 4.0),
        (1e308, 10.0, -1e308),
        (0.0, -0.0, 3.0),
        (5e-324, 0.5, 1e16),
        (math.inf, 1.0, -2.0),
    ]
    points += [(math.nan, 1.0, 2.0), (1e200, 1e200, 1.0), (3.0, 1e-310, -7.0)]
    assert not [line for point in points for line in wrong(name, SEQUENCES[name], point)]


@pytest.mark.parametrize("name", INTEGERS)
def test_functions_of_integers_pass_through(name: str) -> None:
    assert getattr(ours, name)(*INTEGERS[name]) == getattr(math, name)(*INTEGERS[name])


def test_every_name_is_there() -> None:
    names = {name for name in dir(math) if not name.startswith("_")} | set(NEW)
    assert not sorted(name for name in names if not hasattr(ours, name))
    assert (ours.pi, ours.e, ours.tau, ours.inf) == (math.pi, math.e, math.tau, math.inf)
    assert autograd.math is ours


def test_sums_and_products_are_rounded_once() -> None:
    x = Value(1e16)
    assert ours.fsum([x, 1.0, -1e16, 1.0]).data == 2.0
    huge = Value(1.7e308)
    for sign in (1.0, -1.0):
        sums = ours.fsum([huge * sign] * 2), ours.sumprod([huge], [2.0 * sign]), ours.fma(huge, 2.0 * sign, 1.0)
        assert [y.data for y in sums] == [sign * math.inf] * 3
    assert ours.sumprod([x, 3.0, -1e16], [1.0, 1.0, 1.0]).data == ours.sumprod([1e16, 3.0, -1e16], [1.0, 1.0, 1.0]) == 3.0
    assert ours.fma(Value(0.1), 10.0, -1.0).data == ours.fma(0.1, 10.0, -1.0) == 2.0**-54
    assert (ours.prod([]), ours.fsum([]), ours.sumprod([], []), ours.hypot()) == (1, 0.0, 0, 0.0)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: ours.log(x, y) * ours.hypot(x, y, 2.0) + ours.dist([x, 1.0], [y, 3.0]),
        lambda x, y: ours.modf(x * 3.3)[0] * ours.frexp(y)[0] + ours.ldexp(x, 2),
        lambda x, y: ours.degrees(x) * ours.radians(y) + ours.exp2(x) * ours.cbrt(y) + ours.fma(x, y, 2.0),
        lambda x, y: ours.gamma(x) * ours.lgamma(y + 2.0) + ours.pow(x, y) + ours.fabs(-x),
        lambda x, y: ours.prod([x, y, x], start=y) + ours.fsum([x, y]) ** 2 + ours.sumprod([x, y], [y, 2.0]),
        lambda x, y: ours.fmod(x, 0.3) * y + ours.remainder(y, 0.7) * x + x % 0.4 + ours.copysign(x, -y),
    ],
)
def test_derivatives(f: Callable[..., Any]) -> None:
    check_gradients(f, 1.35, 2.2)
    check_gradients(lambda x, y: grad(f)(x, y)[0] + grad(f)(x, y)[1], 1.35, 2.2)


@pytest.mark.parametrize("call", [lambda: ours.dist([Value(1.0)], [1.0, 2.0]), lambda: ours.sumprod([Value(1.0)], [])])
def test_lengths_that_differ(call: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="same"):
        call()


@pytest.mark.parametrize("call", [lambda: ours.sin("1"), lambda: ours.atan2(Value(1.0), "1"), lambda: ours.gcd(Value(2.0), 4)])
def test_what_is_no_number(call: Callable[[], Any]) -> None:
    with pytest.raises(TypeError):
        call()


def test_math_imports_nothing_more() -> None:
    script = (
        "import sys, autograd.value; before = set(sys.modules); import autograd.math; print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", done.stdout  # the package has imported it; nothing else


@pytest.mark.parametrize("order", [1, 2, 4, 5, 8, 12])
def test_polygamma_functions_of_any_order(order: int) -> None:
    mpmath = pytest.importorskip("mpmath")
    value = polygamma_of(order).value
    with mpmath.workdps(40):
        for x in [10 ** (i / 7) for i in range(-14, 40)]:
            exact = mpmath.psi(order, mpmath.mpf(x))
            off = abs(mpmath.mpf(value(x)) - exact) / math.ulp(float(exact))
            assert off < 4.0, f"ψ⁽{order}⁾({x}): got {value(x)!r}, expected {exact}, {float(off):.1f} ulp off"
        for x in (-0.3, -2.6, -7.45):
            exact = mpmath.psi(order, mpmath.mpf(x))
            assert abs(value(x) - exact) < 1e-13 * (abs(exact) + math.factorial(order)), (order, x, value(x), exact)
        assert (value(math.inf), math.isnan(value(-math.inf)), math.isnan(value(-2.0))) == (0.0, True, True)
        ladder = grad(ours.lgamma)
        for _ in range(min(order, 5)):
            ladder = grad(ladder)
        assert ladder(2.3) == pytest.approx(float(mpmath.psi(min(order, 5), mpmath.mpf(2.3))), rel=1e-14)
