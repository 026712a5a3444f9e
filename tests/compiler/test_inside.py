"""Looking inside a program: stats, listing, IR; that they are the same in every run; and how they grow with the graph."""

import os
import random
import re
import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value
from autograd.compiler.program import _slots
from tests.compiler.runs import ENGINES


def network_loss(samples: int, sizes: tuple[int, ...] = (2, 4, 4, 1)) -> Value:
    """A loss over samples, written out with Python's sum."""
    rng = random.Random(samples)
    layers = [[([Value(rng.uniform(-1, 1)) for _ in range(a)], Value(0.0)) for _ in range(b)] for a, b in pairwise(sizes)]

    def score(x: list[Any]) -> Any:
        for layer in layers:
            drives = [sum((w * xi for w, xi in zip(ws, x, strict=True)), b) for ws, b in layer]
            x = drives if layer is layers[-1] else [a.tanh() for a in drives]
        return x[0]

    losses = [(score([rng.gauss(0, 1), rng.gauss(0, 1)]) - 1.0) ** 2 for _ in range(samples)]
    return sum(losses) * (1.0 / samples) + 1e-4 * sum(w * w for layer in layers for ws, _ in layer for w in ws)


@pytest.mark.parametrize("engine", ENGINES)
def test_stats_count_right(engine: str) -> None:
    x, w, b = Value(1.5), Value(0.5), Value(-1.0)
    # a = b + w·x, y = tanh(a); ∂y/∂a = sech²(a) and its products with x, w and 1
    step = autograd.compile((b + w * x).tanh(), engine=engine)
    stats = step.stats
    assert stats.engine == engine
    assert stats.normal_nodes == 5, "b + w·x, tanh, sech², and two products"
    assert stats.packs == 4, "the two products side by side"
    assert stats.levels == 3
    assert stats.scalar_nodes == 9, "3 leaves, w·x, b + w·x, tanh, sech² (which is ∂y/∂b), and two products"
    assert stats.lanes == 0
    assert stats.bytes >= 8 * 8
    assert min(stats.seconds_to_differentiate, stats.seconds_to_build, stats.seconds_to_compile) > 0.0
    assert str(stats.scalar_nodes) in repr(step)
    assert engine in repr(step)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_listing_has_a_line_for_each_pack(engine: str) -> None:
    step = autograd.compile(network_loss(5), engine=engine)
    constants, *lines = step.listing().splitlines()
    assert re.match(r"s0…\d += −1, ", constants) or "=" in constants
    assert len(lines) == step.stats.packs
    assert all(re.match(r"s\d+(…\d+)? +=", line) for line in lines)
    assert "tanh(" in step.listing()
    assert "Σ₄" in step.listing()


def test_the_listing_is_the_blackboard() -> None:
    u, v = Value(1.0, label="u_1^(2)"), Value(2.0, label="v")
    step = autograd.compile(u * v - v + (u * u).exp(), engine="numpy")
    assert step.listing().splitlines() == [
        "s0               = −1",
        "s1…2             = u₁⁽²⁾, v",
        "s3               = s1·s1",
        "s4               = Σ₂ s0…1",  # the derivative by v: −1 + u
        "s5               = exp(s3)",
        "s6               = s1·s2 − s2 + s5",  # the loss
        "s7               = Σ₂ s5·s1 + s2",  # the derivative by u: twice eᵘᵘ·u, and v
    ]


@pytest.mark.parametrize(("count", "end"), [(12, "x9, x10, x11"), (13, "x9, x10, …, x12")])
def test_of_more_than_twelve_names_the_middle_is_left_out(count: int, end: str) -> None:
    xs = [Value(1.0, label=f"x{i}") for i in range(count)]
    names = autograd.compile(autograd.sum(xs), engine="numpy").listing().splitlines()[1]
    assert names.endswith(end)


def test_places_are_written_as_short_as_they_allow() -> None:
    written = {(7,): "7", (1, 2, 3, 4): "1…4", (1, 3): "1,3", (1, 3, 5, 7): "1,3…7", (0, 2, 4, 5): "[0…5]", (0, 3, 4, 6): "[0…6]"}
    for is_row, letter in ((False, "s"), (True, "r")):
        assert {places: _slots(is_row, np.array([places, places])) for places in written} == {
            places: letter + text for places, text in written.items()
        }


def test_every_slot_is_written_once_before_it_is_read() -> None:
    program = autograd.compile(network_loss(7), engine="numpy")._executor.program
    known = set(range(len(program.constants) + program.n_shared))
    for pack in program.packs:
        for table in pack.tables:
            assert set(np.unique(table).tolist()) <= known, f"the pack at {pack.out} reads what is not there yet"
        results = set(range(pack.out, pack.out + pack.count))
        assert not results & known, f"the pack at {pack.out} writes what is there already"
        known |= results
    assert len(known) == program.shared_size


def test_of_a_function_there_is_a_listing_for_each_program() -> None:
    f = autograd.compile(lambda x: x * x)
    f(1.0)
    f.grad(np.ones(2))
    text = f.listing()
    assert "value, one sample:" in text
    assert "value_and_grad, lanes:" in text
    assert re.search(r"r\d+ += r\d+·r\d+", text)


def test_ir_is_readable_and_only_of_the_native_engine() -> None:
    x = Value(2.0)
    ir = autograd.compile(x.exp() * x, engine="llvm").llvm_ir
    assert "define void @run(" in ir
    assert "@libm_exp" in ir
    assert autograd.compile(x.exp() * x, engine="numpy").llvm_ir == ""


def test_strict_programs_ask_for_no_liberties() -> None:
    words = ("contract", "reassoc", "nnan", "ninf", "nsz", "arcp", "afn", " fast ")
    loss = network_loss(3)
    strict = autograd.compile(loss, engine="llvm").llvm_ir
    assert not [word for word in words if word in strict]
    quick = autograd.compile(loss, engine="llvm", fast=True).llvm_ir
    assert "contract" in quick
    assert not [word for word in ("nnan", "ninf") if word in quick]


_DESCRIBE = """
from tests.compiler.test_inside import network_loss
import autograd, hashlib
step = autograd.compile(network_loss(6), engine="llvm")
f = autograd.compile(lambda x, y: autograd.where(x > y, x * y, autograd.exp(x)), engine="llvm")
f.grad(1.0, 2.0)
value, gradient = step.value_and_grad([v.data for v in step.leaves])
text = step.listing() + step.llvm_ir + f.listing() + value.hex() + gradient.tobytes().hex()
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_the_same_program_in_every_process() -> None:
    found = [
        subprocess.run(
            [sys.executable, "-c", _DESCRIBE],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]


def test_the_program_grows_with_the_packs_and_not_with_the_nodes() -> None:
    small, large = (autograd.compile(network_loss(n), engine="llvm") for n in (16, 64))
    assert large.stats.scalar_nodes > 3.5 * small.stats.scalar_nodes
    assert large.stats.packs == small.stats.packs
    assert large.stats.levels == small.stats.levels
    assert abs(len(large.llvm_ir) - len(small.llvm_ir)) < 0.02 * len(small.llvm_ir)


def test_equal_programs_share_their_native_code() -> None:
    first, second = (autograd.compile(network_loss(4), engine="llvm") for _ in range(2))
    assert first._executor._native is second._executor._native
    assert first.value_and_grad([0.1] * len(first.leaves))[0] == second.value_and_grad([0.1] * len(second.leaves))[0]
