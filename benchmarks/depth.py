"""Deep and wide graphs: forward, backward and away, at Python's default recursion limit, in time proportional to their size."""

import time

from autograd import Value
from autograd import sum as total
from benchmarks.harness import Contender, Row


def chain(length: int) -> float:
    """Seconds for each node of a chain of additions, recorded, differentiated and deleted. RuntimeError if that is wrong."""
    start = time.perf_counter()
    x = Value(0.5)
    y = x
    for _ in range(length):
        y = y + 1.0
    y.backward()
    if (y.data, x.grad) != (length + 0.5, 1.0):
        raise RuntimeError(f"the chain of {length} gave {y.data} with slope {x.grad}")
    del y
    return (time.perf_counter() - start) / length


def wide_sum(terms: int) -> float:
    """Seconds for each term of one sum, likewise."""
    start = time.perf_counter()
    xs = [Value(1.0) for _ in range(terms)]
    y = total(xs)
    y.backward()
    if y.data != terms or any(x.grad != 1.0 for x in xs):
        raise RuntimeError(f"the sum of {terms} ones gave {y.data}")
    del y, xs
    return (time.perf_counter() - start) / terms


ROWS = [
    Row(
        "per node, a chain of 1,000,000",
        "s",
        Contender("chalkgrad", chain, (1_000_000,)),
        Contender("a chain of 100,000", chain, (100_000,)),
        bar=2,
    ),
    Row(
        "per term, a sum of 100,000",
        "s",
        Contender("chalkgrad", wide_sum, (100_000,)),
        Contender("a sum of 10,000", wide_sum, (10_000,)),
        bar=2,
    ),
]
