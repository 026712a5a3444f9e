"""What the two-moons graph costs in memory, and that nothing of it stays behind."""

import gc
import sys
import tracemalloc
from importlib import import_module
from typing import Any

from benchmarks.harness import Contender, Row
from benchmarks.two_moons import loss_of, plain_network

WARM_UP, ITERATIONS = 20, 200


def bytes_per_node(engine: str) -> float:
    """Bytes that Python allocates for each node of the loss after a backward pass, numbers and gradients included."""
    Value = import_module(engine).Value
    gc.collect()
    tracemalloc.start()
    loss = loss_of(Value, *plain_network(Value))
    loss.backward()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / _count(loss)


def _count(root: Any) -> int:
    stack, seen = [root], {id(root)}
    while stack:
        fresh = [v for v in stack.pop()._prev if id(v) not in seen]
        seen.update(map(id, fresh))
        stack += fresh
    return len(seen)


def left_for_the_collector(engine: str) -> float:
    """Objects that only the cyclic collector can free after a forward and backward pass, once the loss is deleted."""
    Value = import_module(engine).Value
    model, parameters = plain_network(Value)
    gc.disable()
    gc.collect()
    loss = loss_of(Value, model, parameters)
    loss.backward()
    del loss
    return float(gc.collect())


def growth(engine: str) -> float:
    """MiB by which the peak of the resident memory grows over the iterations, with the collector off."""
    import resource

    Value = import_module(engine).Value
    model, parameters = plain_network(Value)
    gc.disable()

    def iterate(times: int) -> float:
        for _ in range(times):
            loss_of(Value, model, parameters).backward()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == "darwin" else 2**10)

    before = iterate(WARM_UP)
    return iterate(ITERATIONS) - before


OURS = Contender("chalkgrad", bytes_per_node, ("autograd",), exact=True)
THEIRS = Contender("micrograd", bytes_per_node, ("micrograd.engine",), needs="micrograd", exact=True)
ROWS = [
    Row("bytes per node", "bytes", OURS, bar=350),
    Row("bytes per node, compared", "bytes", OURS, THEIRS),
    Row(
        "objects left to the cyclic collector after a step",
        "objects",
        Contender("chalkgrad", left_for_the_collector, ("autograd",), exact=True),
        bar=0,
    ),
    Row(
        f"growth over {ITERATIONS} steps, collector off",
        "MiB",
        Contender("chalkgrad", growth, ("autograd",), exact=True),
        bar=1,
    ),
]
