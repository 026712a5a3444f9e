"""Branches that the samples' numbers alone decide: a recording takes one way, and stands for all samples that decide alike.

So an index is in range (``autograd.take``, ``nn.Embedding``), and a check of the inputs passes. A branch that depends on a parameter
would be another one after the next step and is refused, as is one at which samples part ways.
"""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any, final

from autograd import Value, topological_order

# A condition that was asked for, the answer, and the source line.
Asked = tuple[Value, bool, str]


def refuse_other_ways(asked: Sequence[Sequence[Asked]]) -> None:
    """TypeError, naming the line, if the last of some recordings took another way than the first."""
    from autograd.compiler import training

    for one, other in zip_longest(asked[0], asked[-1]):
        if one is None or other is None or one[1:] != other[1:]:
            raise training.branch_error((one or other)[2])


@final
class Branches:
    """What a recording was asked while it ran, (condition, answer, source line) each; ``inputs`` are what varies from sample to sample.

    TypeError, naming the line, if an answer depends on anything else; and if the recording is to hold ``everywhere``, for samples that
    nobody has seen yet, and there is one at all but checks of an index: what is ``demanded`` of these samples.
    """

    def __init__(self, asked: Sequence[Asked], inputs: Sequence[Value], *, everywhere: bool) -> None:
        from autograd.compiler import engines, training

        known = set(inputs)
        leaves = [[v for v in topological_order(condition) if v.is_leaf and not v.is_constant] for condition, *_ in asked]
        self.demanded = [condition for condition, *_ in asked if condition.is_demanded]
        for (condition, _, site), found in zip(asked, leaves, strict=True):
            if any([v not in known for v in found]) or (everywhere and found and not condition.is_demanded):
                raise training.branch_error(site)
        self._asked = [each for each, found in zip(asked, leaves, strict=True) if found]
        program = training.sample_program([condition for condition, *_ in self._asked], [], inputs)
        self._executor = engines.executor(program, engine="numpy", fast=False) if self._asked else None

    def are_none(self) -> bool:
        """Whether nothing was asked that a sample decides."""
        return self._executor is None

    def check(self, table: Any, again: Callable[[int], object]) -> None:
        """Whether all samples, lines of the table, decide as the recorded one did. For the first that does not, what ``again(i)``
        raises, else a TypeError that names the line."""
        if self._executor is None:
            return
        import numpy as np

        from autograd.compiler import training

        _, rows = self._executor.evaluate(np.empty(0), table.T)
        differs = (rows != 0.0) != np.array([[answer] for _, answer, _ in self._asked])
        if differs.any():
            sample = int(differs.any(axis=0).argmax())
            try:
                again(sample)
            except Exception as error:
                error.add_note(f"for sample {sample}")
                raise
            raise training.branch_error(self._asked[int(differs[:, sample].argmax())][2])
