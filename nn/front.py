"""What a network does with each sample before the first layer that looks at a batch, for samples that differ in length.

For each length there are two programs: what comes out, and what that passes back to the parameters. So behind it nothing depends on how
many samples of a batch are how long.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, final

from autograd import Value, dot
from autograd.compiler import samples
from nn.batch import BatchNorm
from nn.drawing import drawing
from nn.layers import Sequential, is_chain
from nn.module import Module
from nn.recorded import listed
from nn.samples import Samples, by_length
from nn.variants import Variants
from nn.ways import lanes_of


def parted(model: Module) -> tuple[list[Module], Sequential]:
    """The layers in front of the first ``nn.BatchNorm``, and a model of the others."""
    layers = list(_layers(model))
    first = [isinstance(layer, BatchNorm) for layer in layers].index(True)
    rest: Any = copy.copy(model)  # a new Sequential would name its parameters anew
    rest.layers = layers[first:]
    return layers[:first], rest


def _layers(model: Module) -> Iterator[Module]:
    if isinstance(model, Sequential) and is_chain(model):
        for layer in model.layers:
            yield from _layers(layer)
    else:
        yield model


@final
class Front:
    """The layers in front, compiled. If one of them ``learns``, what they give for a batch stands in leaves, from which the rest is
    recorded: by the number of samples, those of each sample."""

    def __init__(self, layers: Sequence[Module], *, fixed: frozenset[Value], engine: str, fast: bool) -> None:
        self._layers = layers
        self.learns = any([p not in fixed for layer in layers for p in layer.parameters()])
        self.leaves: dict[int, list[list[Value]]] = {}
        self._forward = Variants("Sequential", self._given, engine=engine, fast=fast)
        self._backward = Variants("Sequential", self._passed_back, fixed=fixed, engine=engine, fast=fast)

    def count(self) -> int:
        """How many programs there are."""
        return len([*self._forward.recorded(), *self._backward.recorded()])

    def refresh(self) -> None:
        """Forget what would be recorded differently now."""
        self._forward.refresh()
        self._backward.refresh()

    def run(self, batch: Samples, step: int) -> list[Any]:
        """What the layers give for each sample of a batch; the leaves with their numbers, if there are any."""
        rows: list[list[Any]] = [[] for _ in batch.rows]
        for places in by_length(batch.rows).values():
            forms, lanes = lanes_of(self._forward, [_arguments(batch, i, step) for i in places])
            found: Any = samples.answer(self._forward.made, self._given, "value", forms, list(lanes))
            for i, numbers in zip(places, zip(*[column.tolist() for column in found], strict=True), strict=True):
                rows[i] = list(numbers)
        return self._in_leaves(rows) if self.learns else rows

    def passed_back(self, batch: Samples, step: int, slopes: Mapping[Value, float]) -> Iterator[tuple[Value, float]]:
        """What the parameters receive, perhaps in parts, from the slopes of the leaves."""
        leaves = self.leaves.get(len(batch.rows), [])
        for places in by_length(batch.rows).values() if self.learns else ():
            given = [[*_arguments(batch, i, step), [slopes.get(v, 0.0) for v in leaves[i]]] for i in places]
            forms, lanes = lanes_of(self._backward, given)
            yield from samples.total(self._backward.made, self._passed_back, forms, list(lanes))[1]

    def _in_leaves(self, rows: Sequence[Sequence[float]]) -> list[list[Value]]:
        leaves = self.leaves.setdefault(len(rows), [[Value(x) for x in row] for row in rows])
        for v, x in zip(chain(*leaves), chain(*rows), strict=True):
            v.data = x
        return leaves

    def _given(self, row: Any, draw: Any) -> list[Any]:
        with drawing(*draw):
            for layer in self._layers:
                row = layer(row)
        return list(listed(row))

    def _passed_back(self, row: Any, draw: Any, slopes: Any) -> Any:
        return dot(slopes, self._given(row, draw))


def _arguments(batch: Samples, i: int, step: int) -> list[Any]:
    """A row, and what is drawn by."""
    return [batch.rows[i], [step, (batch.places or range(len(batch.rows)))[i]]]
