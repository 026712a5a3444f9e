"""Strict mode's vector versions of the C library's functions: its bits where it is the library they were written for, else unused."""

import math
import platform
import random
from collections.abc import Iterator

import llvmlite.binding as llvm
import numpy as np
import pytest
from mpmath import mp

import autograd
from autograd.compiler import exact_math, llvm_executor
from autograd.compiler.fast_math import VectorFunction
from autograd.compiler.llvm_executor import has_library_bits
from tests.autograd.oracles import differences

KNOWN = "one whose sequence exact_math knows"


@pytest.fixture
def fresh() -> Iterator[None]:
    """Nothing remembered of what was tried and compiled, neither before nor after."""
    has_library_bits.cache_clear()
    llvm_executor.recent.clear()
    yield
    has_library_bits.cache_clear()
    llvm_executor.recent.clear()


def points(name: str, count: int) -> list[float]:
    """Points unlike those of the trial: another seed, an odd number of them, and rare numbers in between."""
    rng, usual = random.Random(7), exact_math.USUAL[name]
    found = [rng.choice((-1.0, 1.0)) * usual * 2.0 ** -rng.expovariate(0.2) for _ in range(count)]
    for x in (math.nan, math.inf, -math.inf, -0.0, 5e-324, -usual, 2.0 * usual, 709.9, -745.2, 1e300):
        found[rng.randrange(count)] = x
    return found


@pytest.mark.parametrize("name", exact_math.NAMES)
def test_strict_mode_has_the_bits_of_math_on_many_numbers(name: str) -> None:
    """Whatever the library: where ours has other bits it is not in use."""
    xs = points(name, 50_001)
    got = autograd.compile(getattr(autograd, name), engine="llvm")(np.array(xs)).tolist()
    expected = [getattr(autograd, name)(x) for x in xs]
    assert not [line for x, a, b in zip(xs, got, expected, strict=True) for line in differences(f"{name}({x!r})", [a], [b])]


@pytest.mark.parametrize("name", exact_math.NAMES)
def test_the_same_sequence_without_fused_operations_is_found_out_and_not_used(
    name: str, fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_use() -> bool:
        f = autograd.compile(getattr(autograd, name), engine="llvm")
        y = f(np.array([0.3]))
        assert y.tolist() == [getattr(math, name)(0.3)]
        (variants,) = f._variants.values()
        return any(f"@exact_{name}" in executor.llvm_ir for v in variants for executor in v.executors.values())

    agrees = has_library_bits(name)
    assert in_use() is agrees
    if not agrees:
        pytest.skip(f"this machine's library is not {KNOWN}")
    has_library_bits.cache_clear()
    monkeypatch.setattr(VectorFunction, "fused", lambda f, a, b, c: f.add(f.mul(a, b), c))
    assert not has_library_bits(name)
    assert not in_use()


def test_the_usual_glibc_is_the_one_they_were_written_for() -> None:
    """So that a mistake here does not pass as "another library"."""
    libc, version = platform.libc_ver()
    if (libc, version) != ("glibc", "2.36") or not llvm.get_host_cpu_features().get("fma"):
        pytest.skip(f"this machine's library is not {KNOWN}")
    assert [name for name in exact_math.NAMES if has_library_bits(name)] == list(exact_math.NAMES)


def test_the_table_of_powers_is_two_to_the_k_over_128() -> None:
    table = exact_math.table()
    for i in range(exact_math.STEPS):
        high = np.array([(table[2 * i + 1] + (i << 45)) % 2**64], dtype=np.uint64).view(float)[0]
        rest = np.array([table[2 * i]], dtype=np.uint64).view(float)[0]
        with mp.workprec(200):
            assert abs(mp.mpf(float(high)) * (1 + mp.mpf(float(rest))) / mp.mpf(2) ** (mp.mpf(i) / 128) - 1) < mp.mpf(2) ** -105
