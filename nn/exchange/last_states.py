"""PyTorch's recurrent modules as cells are here: sequences in, their last states out. This file imports PyTorch."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch

from nn.exchange.torch import GATE, Gate


class LastState:
    """What goes before a recurrent module of one layer: a batch of sequences, or of rows with one step after the other in each."""

    input_size: int

    def forward(self, x: Any) -> Any:
        """The last state of each sequence."""
        return super().forward(x.reshape(len(x), -1, self.input_size))[1][0]  # type: ignore[misc]


class RNN(LastState, torch.nn.RNN):  # type: ignore[misc]
    """``torch.nn.RNN``, with its parameters."""


class GRU(LastState, torch.nn.GRU):  # type: ignore[misc]
    """``torch.nn.GRU``, with its parameters."""


def with_gates(kind: type, cell: Any, gates: Sequence[Gate], **options: Any) -> Any:
    """A recurrent module of a cell's sizes with the numbers of these gates."""
    module = kind(cell.nin, cell.nout, batch_first=True, dtype=torch.float64, **options)
    columns = [torch.tensor([*chain(*parts)], dtype=torch.float64) for parts in zip(*gates, strict=True)]
    module.load_state_dict(dict(zip(GATE, columns, strict=True)))
    return module
