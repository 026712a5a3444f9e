"""Common subexpressions: ops that a graph has twice, on the same operands, are computed once.

A recording knows nothing of them, and rules bring more: the slope of sin x is cos x, which a function of angles has computed already.
Only kernels are compared, since a sum costs less than the place it would have to stay in. The bits are the same.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from autograd.compiler.kernels import is_of_table
from autograd.compiler.normal import Graph, Kernels
from autograd.compiler.recorded import FEW, Places

# How often what was found may make others equal in turn: cos x twice, then 1/cos x.
PASSES = 4


def merged(graph: Graph, kernels: Sequence[Kernels]) -> tuple[list[Kernels], Places]:
    """The kernels with operands that are computed once, and for each place of the graph the one to read instead.

    An op of a user's own may do more than compute, so it is left as it is.
    """
    same, found = np.arange(graph.size, dtype=np.int32), list(kernels)
    comparable = [i for i, each in enumerate(found) if len(each.at) > 1 and is_of_table(each.op)]
    for _ in range(PASSES):
        if not any([_merge(graph, found[i], same) for i in comparable]):
            break
        found = [replace(each, operands=same[each.operands]) for each in found]
    return found, same


def _merge(graph: Graph, kernels: Kernels, same: Places) -> bool:
    """Let places with the operands of another stand for the one that is known soonest; whether there are new ones."""
    before = same[kernels.at]
    if len(kernels.at) <= FEW:
        _merge_few(graph, kernels, same)
    else:
        _merge_many(graph, kernels, same)
    return bool((same[kernels.at] != before).any())


def _merge_many(graph: Graph, kernels: Kernels, same: Places) -> None:
    key = np.zeros(len(kernels.at), np.int64)
    for column in kernels.operands.T:
        key = np.unique(key * graph.size + column, return_inverse=True)[1].ravel()
    soonest = np.lexsort((kernels.at, graph.level[kernels.at], key))
    first = np.concatenate([[True], np.diff(key[soonest]) > 0])
    same[kernels.at[soonest]] = kernels.at[soonest][first][np.cumsum(first) - 1]


def _merge_few(graph: Graph, kernels: Kernels, same: Places) -> None:
    soonest: dict[tuple[int, ...], int] = {}
    instances = zip(graph.level[kernels.at].tolist(), kernels.at.tolist(), map(tuple, kernels.operands.tolist()), strict=True)
    for _, at, operands in sorted(instances):
        same[at] = soonest.setdefault(operands, at)
