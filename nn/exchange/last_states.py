"""PyTorch's recurrent modules as cells are here: sequences in, their last states out. This file imports PyTorch."""

from typing import Any

import torch


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
