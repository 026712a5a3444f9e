"""Batch normalisation: the one layer that looks at all samples of a batch together, and how a network with it is trained.

A network here is a function of one sample. So where it has such a layer, ``fit`` takes a batch through it layer by layer, instead of
sample by sample: that it can do for layers of ``nn.Sequential``. Everywhere else (``predict``, validation, exported code) the layer uses
means and variances that it has kept, and is a function of one sample like the others.

The new running numbers are graphs like everything else, so that a recording holds them (see ``whole``): moves are numbers that are kept
with the Values that they are to become.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

from autograd import Value, dot, sqrt, sum
from autograd.ops import describe, real_number
from nn.drawing import drawing, is_drawing
from nn.layers import Sequential, is_chain
from nn.module import Module, Shape, inputs, takes
from nn.settings import whole

# What numbers that are kept are to become.
Moves = dict[Value, Value]


def make(moves: Moves) -> None:
    """Make the moves."""
    for kept, new in moves.items():
        kept.data = new.data


@final
@dataclass
class Running:
    """Means and variances that are kept for use; no parameters, since nothing learns them."""

    mean: list[Value]
    variance: list[Value]


@final
class BatchNorm(Module):
    """γᵢ·(xᵢ − mᵢ)/√(vᵢ + ε) + βᵢ: in ``fit`` with mean and variance over the batch, in use with running ones; ``size`` Values.

    Ioffe and Szegedy, Batch normalization, 2015, in PyTorch's form: the running numbers move by ``momentum`` towards those of each batch,
    its variance taken over n − 1; they are saved with the model. γ starts at 1, β at 0. In training it has to be a layer of
    ``nn.Sequential``; in a loop of your own call ``batch(rows)``.

    >>> layer = BatchNorm(1)
    >>> [round(y.data, 3) for [y] in layer.batch([[1.0], [2.0], [3.0]])]
    [-1.225, 0.0, 1.225]
    >>> layer.running.mean[0].data, round(layer([1.2])[0].data, 3)
    (0.2, 1.0)
    """

    def __init__(self, size: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        if not 0.0 < real_number(momentum, "momentum") <= 1.0:
            raise ValueError(f"momentum is how far the running means move, above 0 and at most 1, got {describe(momentum)}")
        self.gain = [Value(1.0) for _ in range(whole(size, "size"))]
        self.bias = [Value(0.0) for _ in range(size)]
        self.running = Running([Value(0.0) for _ in range(size)], [Value(1.0) for _ in range(size)])
        self.eps, self.momentum = float(eps), float(momentum)

    def __call__(self, x: Any) -> Any:
        """The sample's numbers, normalised by the running means and variances. TypeError in training."""
        if is_drawing():
            raise TypeError(
                "BatchNorm looks at a batch and was given one sample in training: make it a layer of nn.Sequential, or call its "
                "batch(rows) in a loop of your own; nn.LayerNorm looks at one sample alone"
            )
        running = zip(self.running.mean, self.running.variance, strict=True)
        columns = zip(inputs(x, len(self.gain), self), running, self.gain, self.bias, strict=True)
        return [g * ((v - mean) / sqrt(variance + self.eps)) + b for v, (mean, variance), g, b in columns]

    def _out_shape(self, shape: Shape) -> Shape | None:
        """(size,), for as many numbers."""
        return (len(self.gain),) if takes(len(self.gain), shape) else None

    def batch(self, rows: Sequence[Any]) -> list[list[Any]]:
        """The rows normalised by their own means and variances, towards which the running ones move. ValueError for fewer than two."""
        moves: Moves = {}
        found = self.normalised(rows, moves)
        make(moves)
        return found

    def normalised(self, rows: Sequence[Any], moves: Moves) -> list[list[Any]]:
        """The same, but the moves are yet to be made."""
        n = len(rows)
        if n < 2:
            raise ValueError(f"BatchNorm needs at least two samples in a batch, got {n}")
        columns = list(zip(*[inputs(row, len(self.gain), self) for row in rows], strict=True))
        return [list(row) for row in zip(*[self._column(i, column, moves) for i, column in enumerate(columns)], strict=True)]

    def _column(self, i: int, xs: Sequence[Value], moves: Moves) -> list[Any]:
        mean = sum(xs) / len(xs)
        apart = [x - mean for x in xs]
        square = dot(apart, apart)
        spread = sqrt(square / len(xs) + self.eps)
        for kept, new in ((self.running.mean[i], mean), (self.running.variance[i], square / (len(xs) - 1))):
            now = moves.get(kept, kept)
            moves[kept] = now + self.momentum * (new - now)
        return [self.gain[i] * (d / spread) + self.bias[i] for d in apart]

    def tensors(self) -> dict[str, Any]:
        """Under PyTorch's names, with the running numbers."""
        running = {"running_mean": self.running.mean, "running_var": self.running.variance}
        return {"weight": self.gain, "bias": self.bias, **running}

    def symbols(self) -> dict[str, Any]:
        """γ and β, and the running m and v."""
        return {"γ": self.gain, "β": self.bias, "m": self.running.mean, "v": self.running.variance}

    def architecture(self) -> dict[str, Any]:
        """Class, size, ε and momentum."""
        return {"class": "BatchNorm", "size": len(self.gain), "eps": self.eps, "momentum": self.momentum}

    def __repr__(self) -> str:
        return f"BatchNorm({len(self.gain)})"


def batch_layers(model: Module) -> Iterator[BatchNorm]:
    """The layers that look at batches, where a batch can be taken through them."""
    if isinstance(model, BatchNorm):
        yield model
    elif isinstance(model, Sequential) and is_chain(model):
        for layer in model.layers:
            yield from batch_layers(layer)


def kept_numbers(model: Module) -> list[Value]:
    """What training moves besides the parameters."""
    return [v for layer in batch_layers(model) for v in (*layer.running.mean, *layer.running.variance)]


def through(model: Module, xs: list[Any], step: Any, places: Sequence[Any], moves: Moves) -> list[Any]:
    """What the model makes of each sample of a batch, as in training at this step; and the moves to be made."""
    if isinstance(model, BatchNorm):
        return model.normalised(xs, moves)
    if isinstance(model, Sequential) and is_chain(model):
        for layer in model.layers:
            xs = through(layer, xs, step, places, moves)
        return xs
    found = []
    for x, place in zip(xs, places, strict=True):
        with drawing(step, place):
            found.append(model(x))
    return found
