"""What compiling costs in memory, and that nothing of it stays: no memory, no files, no threads. No times are asserted."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd
from autograd.compiler.targets.llvm import executor

ROOT = Path(__file__).parents[2]
BYTES_PER_NODE = 400

COMPILATIONS = """
import gc, os, threading
import autograd
from autograd import Value
from autograd.compiler.targets.llvm import executor

def resident():
    gc.collect()  # what waits for it does not stay
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def compiled(i):
    if i % 8 == 0:
        executor.recent.clear()  # so that there is native code to make
    x, y = Value(1.0 + i), Value(0.5)
    return autograd.compile(x * y + float(i) if i % 2 else (x - y).tanh() * x)()

for i in range(800):  # until the heap has found its size
    compiled(i)
before = len(os.listdir("/proc/self/fd")), threading.active_count()
sizes = [resident()]
for i in range(2000):
    compiled(i)
    if i % 500 == 499:
        sizes.append(resident())
# What stays of each compilation is in every quarter; what the heap takes in one go, whenever it does, is in one.
memory = min(later - earlier for earlier, later in zip(sizes, sizes[1:]))
print(memory, len(os.listdir("/proc/self/fd")) - before[0], threading.active_count() - before[1])
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc, where memory in use is read")
def test_two_thousand_compilations_leave_nothing_behind() -> None:
    pytest.importorskip("llvmlite")
    environment = os.environ | {"CHALKGRAD_CACHE": ""}
    done = subprocess.run([sys.executable, "-c", COMPILATIONS], cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    memory, files, threads = map(int, done.stdout.split())
    assert (files, threads) == (0, 0)
    assert memory < 2**18, f"{memory / 500:.0f} bytes stay of each compilation"  # 1.6 kB of LLVM's for each of 125 that make code


CYCLES = """
import gc
from autograd.compiler.targets.llvm.executor import Native

gc.disable()
for i in range(100):
    cycle = [Native(f"define double @f() {{ ret double {i}.0 }}", [], {})]
    cycle.append(cycle)
del cycle
gc.collect()
"""


def test_code_in_reference_cycles_is_let_go_without_a_crash() -> None:
    pytest.importorskip("llvmlite")
    done = subprocess.run([sys.executable, "-c", CYCLES], cwd=ROOT, capture_output=True, env=os.environ | {"CHALKGRAD_CACHE": ""})
    assert done.returncode == 0, done.stderr.decode()


NODES = """
import tracemalloc
import autograd
from autograd import Value
from tests.autograd.test_resources import two_moons_loss

autograd.compile(Value(1.0) * 2.0, engine="numpy")
loss = two_moons_loss()
nodes = len(autograd.topological_order(loss))
tracemalloc.start()
before = tracemalloc.get_traced_memory()[0]
step = autograd.compile(loss, engine="numpy")
peak = tracemalloc.get_traced_memory()[1] - before
tracemalloc.stop()
assert step() == loss.data
print(peak / nodes, nodes)
"""


def test_bytes_per_node_of_compiling() -> None:
    """In a process of its own: what other tests have left makes nodes lie far apart, and tables of where they lie long."""
    environment = os.environ | {"CHALKGRAD_CACHE": ""}
    done = subprocess.run([sys.executable, "-c", NODES], cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    each, nodes = map(float, done.stdout.split())
    assert each <= BYTES_PER_NODE, f"got {each:.0f} bytes for each of {nodes:.0f} nodes"


def test_code_is_let_go_without_a_call_of_python_and_freed_when_the_next_is_made() -> None:
    """A finalizer runs at any moment, and Ctrl-C at its first instruction would be lost."""
    native = executor.Native("define void @run() {\n  ret void\n}\n", [], {})
    engine, called = native._engine, list[str]()
    sys.setprofile(lambda frame, event, _: called.append(frame.f_code.co_qualname) if event == "call" else None)
    del native
    sys.setprofile(None)
    assert called == []
    assert not engine.closed
    executor.Native("define void @run() {\n  ret void\n}\n", [], {})
    assert engine.closed


@pytest.mark.parametrize("fast", [False, True])
def test_native_code_needs_no_pass_of_llvm(fast: bool) -> None:
    """Loops carry their numbers in registers, and no function is there that nobody calls."""
    f = autograd.compile(lambda x, *ws: sum([autograd.exp(w * x) + autograd.sin(x) for w in ws], 0.0), engine="llvm", fast=fast)
    f(np.arange(9.0), *[0.1 * k for k in range(20)])
    for variants in f._made.variants.values():
        for made in [each for v in variants for each in v.executors.values()]:
            names = re.findall(r"define internal [^@]*@(\w+)", made.llvm_ir)
            assert all(made.llvm_ir.count(f"@{name}(") > 1 for name in names)
            assert "alloca i64" not in made.llvm_ir
            assert "alloca double" not in made.llvm_ir
            assert "alwaysinline" not in made.llvm_ir
