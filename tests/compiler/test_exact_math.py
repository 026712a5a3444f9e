"""Strict mode's vector versions of the C library's functions: its bits where it is the library they were written for, else unused."""

import math
import platform
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from mpmath import mp

import autograd
from autograd import ops
from autograd.compiler.targets.llvm import (
    exact_atan,
    exact_erf,
    exact_exp,
    exact_log,
    exact_math,
    exact_rows,
    exact_sine,
    executor,
    fast_math,
    two_doubles,
)
from autograd.compiler.targets.llvm.executor import has_library_bits
from autograd.compiler.targets.llvm.fast_math import VectorFunction
from autograd.ops import Op
from tests.autograd.oracles import same_bits

KNOWN = "one whose sequence exact_math knows"


@pytest.fixture
def fresh() -> Iterator[None]:
    """Nothing remembered of what was tried and compiled, neither before nor after."""
    has_library_bits.cache_clear()
    executor.recent.clear()
    yield
    has_library_bits.cache_clear()
    executor.recent.clear()


def square(x: Any) -> Any:
    return ops.power(x, 2.0)


def function(name: str) -> Any:
    return square if name == "square" else ops.named_op(name)


USUAL = {
    "exp": 512.0,
    "tanh": 22.0,
    "sech2": 19.5,
    "erf": 6.5,
    "log": 4.0,
    "log1p": 4.0,
    "square": 1e3,
    "sin": 2048.0,
    "cos": 2048.0,
    "tan": 2048.0,
    "atan": 1e3,
    "atan2": 1e3,
}


def points(name: str, count: int) -> list[list[float]]:
    """For each argument points unlike those of the trial: another seed, an odd number of them, and rare numbers in between."""
    rng, usual, columns = random.Random(7), USUAL[name], list[list[float]]()
    for _ in exact_math.operands(name):
        found = [rng.choice((-1.0, 1.0)) * usual * 2.0 ** -rng.expovariate(0.2) for _ in range(count)]
        for x in (1.0, math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1e-310, -usual, 2.0 * usual, 709.9, -745.2, 1e300):
            found[rng.randrange(count)] = x
        columns.append(found)
    return columns


# A row has as many lanes as a batch, but not more than 8.
@pytest.mark.parametrize("width", [2, 4, 8])
@pytest.mark.parametrize("name", exact_math.NAMES)
def test_strict_mode_has_the_bits_of_math_on_many_numbers(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the library: where ours has other bits it is not in use."""
    monkeypatch.setattr(executor, "WIDTH", width)
    columns = points(name, 50_001 if width == 8 else 5_001)
    got = autograd.compile(function(name), engine="llvm")(*map(np.array, columns)).tolist()
    for *xs, a in zip(*columns, got, strict=True):
        expected = float(function(name)(*xs))
        assert same_bits(a, expected), f"{name}{tuple(xs)}: got {a!r}, expected {expected!r}"


# What is written for wide registers runs on others too, and the other way round.
@pytest.mark.parametrize("is_wide", [False, True])
@pytest.mark.parametrize("count", [3, 4, 16, 35])
@pytest.mark.parametrize("of_these", [(ops.tanh,), (ops.sech2,), (ops.tanh, ops.sech2)], ids=str)
def test_many_rows_at_once_have_the_bits_of_each(
    of_these: tuple[Op, ...], count: int, is_wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (exact_rows, fast_math):
        monkeypatch.setattr(module, "has_avx512", lambda: is_wide)
    monkeypatch.setattr(executor, "lanes_of", lambda program: executor.WIDTH)

    def f(x: Any) -> Any:
        angles = [x * (1.0 + 0.1 * k) for k in range(count)]
        return sum([op(a) for a in angles for op in of_these], autograd.exp(x))

    rng = random.Random(count)
    xs = [rng.gauss(0.0, 3.0) for _ in range(500)] + [0.0, -0.0, 1e-310, 21.9, 22.1, -1e300, math.inf, -math.inf, math.nan]
    compiled = autograd.compile(f, engine="llvm")
    for x, a in zip(xs, compiled(np.array(xs)).tolist(), strict=True):
        assert same_bits(a, f(x)), f"at {x!r}: got {a!r}, expected {f(x)!r}"
    (variants,) = compiled._made.variants.values()
    (made,) = [executor for v in variants for executor in v.executors.values()]
    called = exact_rows.call([op.name for op in of_these], executor.WIDTH)
    is_known = all([has_library_bits(op.name) for op in of_these])
    assert (f"@{called}(" in made.llvm_ir) is (count >= exact_rows.FEWEST and is_known)
    if count < exact_rows.FEWEST and is_known and len(of_these) == 2:
        assert "@exact_tanh_and_sech2_v8(" in made.llvm_ir
    assert ("masked.gather.v8i64.v8p0(<8 x ptr> %" in made.llvm_ir) is (is_wide and has_library_bits("exp"))
    assert (f"@{called}_part2(" in made.llvm_ir) is (f"@{called}(" in made.llvm_ir and not is_wide)


def unfused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VectorFunction, "fused", lambda f, a, b, c: f.add(f.mul(a, b), c))


def with_another_coefficient(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = exact_erf.NUMERATORS
    monkeypatch.setattr(exact_erf, "NUMERATORS", ((math.nextafter(first[0], 1.0), *first[1:]), *others))


def undoubted(monkeypatch: pytest.MonkeyPatch) -> None:
    nearest = two_doubles.nearest
    everywhere = lambda f, hi, lo, doubt: nearest(f, hi, lo, 0.0)  # noqa: E731
    for module in (two_doubles, exact_sine, exact_atan):
        monkeypatch.setattr(module, "nearest", everywhere)


MISTAKES = dict.fromkeys(exact_math.NAMES, undoubted) | {
    "exp": unfused,
    "tanh": unfused,
    "sech2": unfused,
    "log1p": unfused,
    "erf": with_another_coefficient,
}


@pytest.mark.parametrize("name", exact_math.NAMES)
def test_another_sequence_is_found_out_and_not_used(name: str, fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def in_use() -> bool:
        f = autograd.compile(function(name), engine="llvm")
        xs = [0.3] * len(exact_math.operands(name))
        y = f(*[np.array([x]) for x in xs])
        assert y.tolist() == [function(name)(*xs)]
        (variants,) = f._made.variants.values()
        return any(f"@lanes_{name}_v" in executor.llvm_ir for v in variants for executor in v.executors.values())

    agrees = has_library_bits(name)
    assert in_use() is agrees
    if not agrees:
        pytest.skip(f"this machine's library is not {KNOWN}")
    has_library_bits.cache_clear()
    MISTAKES[name](monkeypatch)
    assert not has_library_bits(name)
    assert not in_use()


def test_the_usual_glibc_is_the_one_they_were_written_for() -> None:
    """So that a mistake here does not pass as "another library"."""
    libc, version = platform.libc_ver()
    if (libc, version) != ("glibc", "2.36") or not llvm.get_host_cpu_features().get("fma"):
        pytest.skip(f"this machine's library is not {KNOWN}")
    assert [name for name in exact_math.NAMES if has_library_bits(name)] == list(exact_math.NAMES)


def test_the_table_of_logarithms_is_that_of_reciprocals() -> None:
    for i, (r, high, low) in enumerate(zip(*exact_log.table(), strict=True)):
        with mp.workprec(200):
            error = mp.mpf(high) + mp.mpf(low) + mp.log(mp.mpf(r))
            assert abs(error) < mp.mpf(2) ** -95, f"entry {i}: −log {r} = {high} + {low}, off by {mp.nstr(error)}"
        assert (high * 2**42).is_integer()
        widest = max([abs(m * Fraction(r) - 1) for m in exact_log.segment(i)])
        assert widest < (2**-7 if exact_log.segment(i)[0] < 1 else 2**-6), f"entry {i}: z is not exact"
        assert high == 0.0 or abs(high) >= widest, f"entry {i}: the sum loses more than it says"


@pytest.mark.parametrize("digits", [1, 2, 6, 13, 15])
def test_rounding_to_digits_is_native_and_as_pythons(digits: int) -> None:
    """Halves and their neighbours above all: the decimal number is what counts, not the rounded product."""
    rng = np.random.default_rng(digits)
    halves = (rng.integers(-(10**6), 10**6, 4000) + 0.5) / 10.0**digits
    large = 2.0**53 / 10.0**digits * rng.uniform(0.2, 4.0, 2000)
    rare = [0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 1.7e308, 2.675, 1e22]
    xs = np.concatenate([halves, np.nextafter(halves, 9.0), np.nextafter(halves, -9.0), large, rng.normal(size=2000), rare])
    f = autograd.compile(lambda x: round(x, digits), engine="llvm")
    for x, a in zip(xs.tolist(), f(xs).tolist(), strict=True):
        expected = round(x, digits) if math.isfinite(x) else x
        assert same_bits(a, expected), f"round({x!r}, {digits}): got {a!r}, expected {expected!r}"
    (variants,) = f._made.variants.values()
    assert not [executor for v in variants for executor in v.executors.values() if executor.has_callbacks]


def test_the_tables_of_sines_and_angles_are_exact() -> None:
    with mp.workprec(200):
        sines = [(n, x, mp.sin(mp.pi * n / 64)) for n, x in enumerate(exact_sine.sines())]
        angles = [(n, x, mp.atan(mp.mpf(n) / 64)) for n, x in enumerate(exact_atan.angles())]
        for n, x, expected in [*sines, *angles]:
            got = mp.fsum(two_doubles.split(x))
            assert abs(got - expected) <= mp.mpf(2) ** -105 * abs(expected) + mp.mpf(2) ** -120, f"entry {n}: {got}, {expected}"


def test_the_table_of_powers_is_two_to_the_k_over_128() -> None:
    table = exact_exp.table()
    for i in range(exact_exp.STEPS):
        high = np.array([(table[2 * i + 1] + (i << 45)) % 2**64], dtype=np.uint64).view(float)[0]
        rest = np.array([table[2 * i]], dtype=np.uint64).view(float)[0]
        with mp.workprec(200):
            assert abs(mp.mpf(float(high)) * (1 + mp.mpf(float(rest))) / mp.mpf(2) ** (mp.mpf(i) / 128) - 1) < mp.mpf(2) ** -105
