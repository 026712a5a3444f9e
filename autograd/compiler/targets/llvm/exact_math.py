"""Functions of the C library for vectors of doubles with its very bits, as LLVM IR: strict mode's versions.

Strict mode promises the bits of the eager engine, which calls the C library one number at a time. There are two ways to have its bits
for many numbers at once. GNU's library computes exp, tanh, erf and log1p by a fixed sequence of IEEE operations: numbers put through the
same sequence have the same bits. So has the slope of tanh, which the table of ops makes of expm1. Its log, sin, cos, tan, atan, atan2
and pow are so accurate that their bits are those of the nearest double, unless the exact result lies close to the middle between two: so
any accurate way gives them (pow's for squares), and says where it is in doubt.

Whether the library of this machine is such a one is not assumed but tried, once per process and function, on 60,000 points
(``executor.has_library_bits``); where one bit differs, the library is called. (For glibc 2.36 it was tried on 2·10⁷ points each, or more;
tanh, log1p, sin, cos, atan and atan2 on 10⁸.) Numbers outside the usual range of a sequence, and those in doubt, go to the library, lane
by lane.

Measured on an AMD EPYC (Zen 4, AVX-512) for 8 numbers: exp 6 ns (the library: 33), tanh 15 (83), log 26 (31), log1p 11 (48), sin and cos
26 (74), tan 58 (82), atan 36 (72), atan2 39 (98), squares 12 (86), erf 39 (92); of 16 numbers, for 8: tan 46, atan 31, atan2 33.
"""

import math
from collections.abc import Callable, Collection, Sequence

import numpy as np

from autograd.compiler.executors import Array
from autograd.compiler.targets.llvm import exact_atan, exact_erf, exact_exp, exact_log, exact_log1p, exact_sine, two_doubles
from autograd.compiler.targets.llvm.fast_math import VectorFunction
from autograd.compiler.targets.llvm.text import Text

POINTS = 60_000
PRIME = 7919  # in steps of so many, one column's points are the other's in another order
SMALLEST_SQUARED = 2.0**-100
# What computes a vector from one or two, and says in which lanes the numbers are usual, and in which the result is beyond doubt.
Writer = Callable[..., tuple[str, str, str | None]]


def _within(write: Callable[[VectorFunction, str], str], usual: float) -> Writer:
    """A sequence for magnitudes below ``usual``."""
    return lambda f, x: (write(f, x), trusted_below(f, x, usual), None)


def trusted_below(f: VectorFunction, x: str, usual: float) -> str:
    """The lanes with smaller magnitudes."""
    return f.compare("olt", f.magnitude(x), f.constant(usual))


def _log(f: VectorFunction, x: str) -> tuple[str, str, str]:
    y, certain = exact_log.log(f, x)
    normal = f.compare("oge", x, f.constant(exact_log.SMALLEST_NORMAL))
    finite = f.compare("olt", x, f.constant(math.inf))
    return y, f.both(normal, finite), certain


def _square(f: VectorFunction, x: str) -> tuple[str, str, str]:
    """x². The library's pow (by the author of its log and exp) is off by 0.509 ulp, and 2⁻⁶⁷·|2·log x| of itself: in all less than
    0.515 ulp for these sizes. What the product lost is known exactly."""
    size = f.magnitude(x)
    usual = f.both(f.compare("oge", size, f.constant(SMALLEST_SQUARED)), f.compare("olt", size, f.constant(1 / SMALLEST_SQUARED)))
    y, certain = two_doubles.nearest(f, *two_doubles.product(f, x, x), 0.015)
    return y, usual, certain


_WRITERS: dict[str, Writer] = {
    "exp": _within(exact_exp.exp, exact_exp.USUAL["exp"]),
    "tanh": _within(exact_exp.tanh, exact_exp.USUAL["tanh"]),
    "sech2": _within(exact_exp.sech2, exact_exp.USUAL["sech2"]),
    "erf": _within(exact_erf.erf, math.inf),
    "log": _log,
    "log1p": exact_log1p.log1p,
    "square": _square,
    "sin": exact_sine.sin,
    "cos": exact_sine.cos,
    "tan": exact_sine.tan,
    "atan": exact_atan.atan,
    "atan2": exact_atan.atan2,
}
_TABLES = (
    (exact_exp.constants, ("exp", "erf")),
    (exact_log.constants, ("log",)),
    (exact_sine.constants, ("sin", "cos", "tan")),
    (exact_atan.constants, ("atan", "atan2")),
)
# Of the library's functions that are not called by the same name, the name and the arguments after x.
CALLS = {"square": ("pow", ", double 2.0"), "sech2": ("expm1", "")}
OF_TWO = ("atan2",)
NAMES = tuple(_WRITERS)
# Functions of one number at once, which have all but a few operations in common: with sine and cosine together a sample of vincenty with
# its derivatives takes 157 instead of 178 ns (AMD EPYC, Zen 4).
PAIRS = {"sin_and_cos": ("sin", "cos"), "tanh_and_sech2": ("tanh", "sech2")}
# Long ones are functions by themselves: LLVM takes its time for each copy. The others stand where they are wanted.
CALLED = ("erf", "log", "log1p", "sin", "cos", "tan", "atan", "atan2", *PAIRS)


def functions(names: Collection[str], width: int, *, fast: bool = False) -> str:
    """The IR of these for vectors of this width, if they are called, and of what they fall back on: where numbers are not usual, and
    unless ``fast`` where the library may have another bit."""
    single = dict.fromkeys([one for name in names for one in PAIRS.get(name, (name,))])
    tables = [write() for write, users in _TABLES if set(users) & set(single)]
    called = [_pair(name, width, fast) if name in PAIRS else _function(name, width, fast) for name in names if name in CALLED]
    return "\n".join([*tables, *[_lanes_of_slope(width) if name == "sech2" else _lanes(name, width) for name in single], *called])


def written(text: Text, name: str, width: int, x: Sequence[str], *, fast: bool = False) -> str:
    """The register of a function of vectors, called or written into the text."""
    if name not in CALLED:
        return _settled(VectorFunction(width, text=text), name, x, fast=fast)
    kind = f"<{width} x double>"
    return text.let(f"call {kind} @exact_{name}_v{width}({', '.join([f'{kind} {v}' for v in x])})")


def operands(name: str) -> list[str]:
    """The registers of its arguments."""
    return ["%x1", "%x2"] if name in OF_TWO else ["%x1"]


def _function(name: str, width: int, fast: bool) -> str:
    """The function by itself."""
    f = VectorFunction(width)
    result = _settled(f, name, operands(name), fast=fast)
    arguments = ", ".join([f"{f.kind} {x}" for x in operands(name)])
    body = f.text.body(f"{f.kind} {result}")
    return f"define internal {f.kind} @exact_{name}_v{width}({arguments}) noinline {{\n{body}\n}}\n"


def _pair(name: str, width: int, fast: bool) -> str:
    """Both functions of one number."""
    f = VectorFunction(width)
    found = [(one, _found(f, one, ["%x1"], fast=fast)) for one in PAIRS[name]]
    first, second = [_or_lanes(f, one, ["%x1"], *answer) for one, answer in found]
    pair = f"{{ {f.kind}, {f.kind} }}"
    half = f.text.let(f"insertvalue {pair} poison, {f.kind} {first}, 0")
    both = f.text.let(f"insertvalue {pair} {half}, {f.kind} {second}, 1")
    return f"define internal {pair} @exact_{name}_v{width}({f.kind} %x1) noinline {{\n{f.text.body(f'{pair} {both}')}\n}}\n"


def _settled(f: VectorFunction, name: str, x: Sequence[str], *, fast: bool) -> str:
    """The function's result, with the library's answer in the lanes that are not to be trusted."""
    return _or_lanes(f, name, x, *_found(f, name, x, fast=fast))


def _found(f: VectorFunction, name: str, x: Sequence[str], *, fast: bool) -> tuple[str, str]:
    """The result, and the lanes in which it is to be trusted."""
    result, usual, certain = _WRITERS[name](f, *x)
    return result, f.both(usual, certain) if certain and not fast else usual


def _or_lanes(f: VectorFunction, name: str, x: Sequence[str], result: str, trusted: str) -> str:
    """The result, or the library's in the lanes that are not to be trusted."""
    text, kind = f.text, f.kind
    before, rare, done = text.block, text.label("rare"), text.label("done")
    text.branch(text.let(f"call i1 @llvm.vector.reduce.and.v{f.width}i1({f.bits} {trusted})"), done, rare)
    text.begin(rare)
    arguments = ", ".join([f"{kind} {v}" for v in (*x, result)])
    others = text.let(f"call {kind} @lanes_{name}_v{f.width}({arguments}, {f.bits} {trusted})")
    text.do(f"br label %{done}")
    text.begin(done)
    return text.let(f"phi {kind} [ {result}, %{before} ], [ {others}, %{rare} ]")


def _lanes(name: str, width: int) -> str:
    """The function that calls the library in the lanes that are not trusted, one after the other."""
    kind, bits = f"<{width} x double>", f"<{width} x i1>"
    function, others = CALLS.get(name, (name, ""))
    registers = [*operands(name), "%y"]
    arguments = ", ".join([f"{kind} {x}" for x in registers])
    slots = [f"  {x}.slot = alloca {kind}\n  store {kind} {x}, ptr {x}.slot" for x in registers]
    places = [f"  {x}.at = getelementptr double, ptr {x}.slot, i64 %lane" for x in registers]
    numbers = [f"  {x}.lane = load double, ptr {x}.at" for x in operands(name)]
    return f"""define internal {kind} @lanes_{name}_v{width}({arguments}, {bits} %trusted) noinline cold {{
start:
{chr(10).join(slots)}
  %others = xor {bits} %trusted, <{", ".join(["i1 true"] * width)}>
  %mask = bitcast {bits} %others to i{width}
  %first = zext i{width} %mask to i64
  br label %call
call:
  %left = phi i64 [ %first, %start ], [ %rest, %call ]
  %lane = call i64 @llvm.cttz.i64(i64 %left, i1 true)
{chr(10).join([*places, *numbers])}
  %new = call double @libm_{function}({", ".join(f"double {x}.lane" for x in operands(name))}{others})
  store double %new, ptr %y.at
  %less = sub i64 %left, 1
  %rest = and i64 %left, %less
  %more = icmp ne i64 %rest, 0
  br i1 %more, label %call, label %done
done:
  %z = load {kind}, ptr %y.slot
  ret {kind} %z
}}"""


def _lanes_of_slope(width: int) -> str:
    """The same for the slope of tanh, which is made of the library's expm1."""
    f = VectorFunction(width)
    x, y, trusted = "%x1", "%y", "%trusted"
    q = f.let(f"call {f.kind} @lanes_expm1_v{width}({f.kind} {exact_exp.argument(f, x)}, {f.kind} {y}, {f.bits} {trusted})")
    z = f.choose(trusted, y, exact_exp.slope_of(f, x, q))
    arguments = f"{f.kind} {x}, {f.kind} {y}, {f.bits} {trusted}"
    own = f"define internal {f.kind} @lanes_sech2_v{width}({arguments}) noinline cold {{\n{f.text.body(f'{f.kind} {z}')}\n}}"
    return f"{_lanes('expm1', width)}\n{own}"


def declarations(width: int) -> list[str]:
    """Declarations of what they call, apart from the library."""
    kind = f"<{width} x double>"
    return [
        f"declare {kind} @llvm.fma.v{width}f64({kind}, {kind}, {kind})",
        f"declare {kind} @llvm.trunc.v{width}f64({kind})",
        f"declare i1 @llvm.vector.reduce.and.v{width}i1(<{width} x i1>)",
        f"declare <{width} x i64> @llvm.masked.gather.v{width}i64.v{width}p0(<{width} x ptr>, i32, <{width} x i1>, <{width} x i64>)",
        "declare i64 @llvm.cttz.i64(i64, i1)",
    ]


def points(name: str) -> list[Array]:
    """Where to try a function, an array for each argument: at many sizes within its usual range, at the places where its sequence
    changes, and beyond. (Multiples of roots, modulo 1, are spread evenly and take 1 ms, random numbers 20.)"""
    roots = map(math.sqrt, (2.0, 3.0))
    special = [0.0, 5e-324, 1e-310, 1e-20, 1.0, math.nextafter(1.0, 0.0), math.inf, *_PLACES[name]()]
    spread = _SIZES[name](lambda low, high: low + (high - low) * (np.arange(float(POINTS // 2)) * next(roots) % 1.0))
    sizes = np.concatenate([special, spread])
    found = np.concatenate([sizes, -sizes, [math.nan]])
    return [found, found[np.arange(len(found)) * PRIME % len(found)]][: len(operands(name))]


# How arrays of sizes are made, with a function that spreads numbers between two.
_Sizes = Callable[[Callable[[float, float], Array]], Array]


def _below(usual: float) -> _Sizes:
    return lambda draw: draw(0.0, usual) * 10.0 ** draw(-3.0, 0.0)


def _around_one(spread: float) -> _Sizes:
    return lambda draw: draw(1.0, 2.0) * 2.0 ** draw(-spread, spread)


# Asked for where a function is tried: they take 10 ms, fractions of π above all.
_PLACES: dict[str, Callable[[], Sequence[float]]] = {
    "exp": lambda: exact_exp.places("exp"),
    "tanh": lambda: exact_exp.places("tanh"),
    "sech2": lambda: exact_exp.places("sech2"),
    "erf": exact_erf.places,
    "log": exact_log.places,
    "log1p": exact_log1p.places,
    "square": lambda: [SMALLEST_SQUARED, 1 / SMALLEST_SQUARED, 1e154, 1e155, 1e-162],
    "sin": exact_sine.places,
    "cos": exact_sine.places,
    "tan": exact_sine.places,
    "atan": exact_atan.places,
    "atan2": exact_atan.places,
}
_SIZES: dict[str, _Sizes] = {
    "exp": _below(exact_exp.USUAL["exp"]),
    "tanh": _below(exact_exp.USUAL["tanh"]),
    "sech2": _below(exact_exp.USUAL["sech2"]),
    "erf": _below(exact_erf.SATURATED),
    "square": _around_one(60.0),
    "log": lambda draw: 2.0 ** (draw(-1.0, 1.0) * 2.0 ** draw(-8.0, 10.0)),
    "log1p": _around_one(20.0),
    "sin": _below(exact_sine.USUAL),
    "cos": _below(exact_sine.USUAL),
    "tan": _below(exact_sine.USUAL),
    "atan": _around_one(10.0),
    "atan2": _around_one(6.0),
}
