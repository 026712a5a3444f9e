"""Ctrl-C comes nowhere inside the bindings of LLVM: there it would be lost, leave a lock taken, or have an object freed twice."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llvmlite.binding import ffi

import autograd
import nn
from autograd.compiler.targets.llvm import executor, processor, training
from tests.random_graphs import random_program


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """The functions of LLVM that are called where Ctrl-C does not wait; nothing is known from before."""
    monkeypatch.setenv("CHALKGRAD_CACHE", str(tmp_path))
    for known in (executor.recent, training.recent):
        known.clear()
    processor.processor.cache_clear()
    processor.has_avx512.cache_clear()
    executor.has_library_bits.cache_clear()
    found, call, handler = list[str](), ffi._lib_fn_wrapper.__call__, signal.default_int_handler
    before = signal.signal(signal.SIGINT, handler)  # which the tests have ignored, if they were begun in the background

    def watched(self: Any, *arguments: Any) -> Any:
        if signal.getsignal(signal.SIGINT) is handler:
            found.append(self._cfn.__name__)
        return call(self, *arguments)

    monkeypatch.setattr(ffi._lib_fn_wrapper, "__call__", watched)
    yield found
    signal.signal(signal.SIGINT, before)


def test_a_call_is_seen(outside: list[str]) -> None:
    executor.llvm.get_host_cpu_name()
    assert "LLVMPY_GetHostCPUName" in outside


def test_short_and_long_programs_and_their_end(outside: list[str]) -> None:
    for _ in range(2):  # from nothing, and from disk
        for size in (5, 60):
            y, _ = random_program(1, size).record()
            assert autograd.compile(y, engine="llvm")() == y.data
        executor.recent.clear()
    assert outside == []


def test_trainings(outside: list[str]) -> None:
    data = nn.moons(20, seed=0)
    for _ in range(2):
        nn.fit(nn.MLP(2, [4, 1], seed=0), data.X, data.y, loss="bce", epochs=3, engine="llvm", progress=False)
        training.recent.clear()
    assert outside == []
