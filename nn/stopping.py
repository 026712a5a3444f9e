"""When a training ends before its last epoch, and which weights it keeps then; and samples set aside to judge by."""

import math
import random
from collections.abc import Sequence
from typing import final

from nn.samples import Samples, Target
from nn.settings import nonnegative


@final
class Stopping:
    """Ends a training once ``patience`` epochs in a row have not brought the validation loss below its lowest by ``min_delta``.

    ``restore_best`` puts the weights of the best epoch back at the end. ValueError for settings that say nothing.

    >>> stopping = Stopping(patience=2)
    >>> [stopping.is_over(loss) for loss in [3.0, 2.0, 2.5, 2.0]]
    [False, False, False, True]
    """

    def __init__(self, patience: int | None = None, min_delta: float = 0.0, restore_best: bool = False) -> None:
        if patience is not None and (not isinstance(patience, int) or isinstance(patience, bool) or patience < 1):
            raise ValueError(f"patience must be a whole number of epochs, at least 1, got {patience!r}")
        min_delta = nonnegative(min_delta, "min_delta")
        if min_delta and patience is None:
            raise ValueError(f"min_delta={min_delta!r} says how much is progress within patience epochs: give patience, too")
        self.patience, self.min_delta, self.restore_best = patience, min_delta, restore_best
        self.lowest, self.waited = math.inf, 0

    def is_over(self, loss: float) -> bool:
        """Whether the epoch with this validation loss is the last."""
        if loss < self.lowest - self.min_delta:
            self.lowest, self.waited = loss, 0
        else:
            self.waited += 1
        return self.patience is not None and self.waited >= self.patience


def set_aside(data: Samples, share: float, generator: random.Random, *, labelled: bool) -> tuple[Samples, Samples]:
    """The samples to train on, and a share of them drawn for validation: of every class its part, if the targets are classes.

    Both keep the order of the data. ValueError if nothing would be left on one side.

    >>> data = Samples([[float(i)] for i in range(6)], [0.0, 1.0, 1.0] * 2)
    >>> set_aside(data, 1 / 3, random.Random(0), labelled=True)[1].targets
    [1.0, 0.0]
    """
    if isinstance(share, bool) or not 0.0 < share < 1.0:
        raise ValueError(f"validation as a share of the samples must lie between 0 and 1, got {share!r}")
    order = list(range(len(data.rows)))
    generator.shuffle(order)
    if labelled:  # like with like, so that taking every so many takes of each class its part
        order.sort(key=lambda i: _comparable(data.targets[i]))
    taken = {place for k, place in enumerate(order) if math.floor((k + 1) * share + 0.5) > math.floor(k * share + 0.5)}
    rest = [i for i in range(len(order)) if i not in taken]
    if not taken or not rest:
        raise ValueError(
            f"validation={share!r} of {len(order)} samples leaves {len(rest)} to train on and {len(taken)} to judge by"
        )
    return data.at(rest), data.at(sorted(taken))


def _comparable(target: Target) -> list[float]:
    return list(target) if isinstance(target, Sequence) else [target]
