"""Normalising layers: the numbers of one sample brought to a common scale. They look at one sample alone, in training as in use.

Normalising over a batch is in ``batch``: it takes more than one sample.
"""

from typing import Any, final

from autograd import Value, dot, sqrt, sum
from nn.module import Module, Shape, inputs, takes
from nn.settings import whole


@final
class LayerNorm(Module):
    """γᵢ·(xᵢ − m)/√(v + ε) + βᵢ with mean m and variance v of the sample's numbers: a list of ``size`` Values.

    Ba, Kiros and Hinton, Layer normalization, 2016. γ starts at 1, β at 0.

    >>> [round(y.data, 3) for y in LayerNorm(3)([1.0, 2.0, 3.0])]
    [-1.225, 0.0, 1.225]
    """

    def __init__(self, size: int, eps: float = 1e-5) -> None:
        self.gain = [Value(1.0) for _ in range(whole(size, "size"))]
        self.bias = [Value(0.0) for _ in range(size)]
        self.eps = float(eps)

    def __call__(self, x: Any) -> Any:
        """The normalised numbers."""
        xs = inputs(x, len(self.gain), self)
        mean = sum(xs) / len(xs)
        apart = [x - mean for x in xs]
        spread = sqrt(dot(apart, apart) / len(xs) + self.eps)
        return [g * (d / spread) + b for g, d, b in zip(self.gain, apart, self.bias, strict=True)]

    def _out_shape(self, shape: Shape) -> Shape | None:
        """(size,), for as many numbers."""
        return (len(self.gain),) if takes(len(self.gain), shape) else None

    def symbols(self) -> dict[str, Any]:
        """γ and β."""
        return {"γ": self.gain, "β": self.bias}

    def architecture(self) -> dict[str, Any]:
        """Class, size and ε."""
        return {"class": "LayerNorm", "size": len(self.gain), "eps": self.eps}

    def __repr__(self) -> str:
        return f"LayerNorm({len(self.gain)})"


@final
class RMSNorm(Module):
    """γᵢ·xᵢ/√(Σx²/n + ε), without a mean: a list of ``size`` Values.

    Zhang and Sennrich, Root mean square layer normalization, 2019. γ starts at 1.

    >>> [round(y.data, 3) for y in RMSNorm(2)([3.0, 4.0])]
    [0.849, 1.131]
    """

    def __init__(self, size: int, eps: float = 1e-5) -> None:
        self.gain = [Value(1.0) for _ in range(whole(size, "size"))]
        self.eps = float(eps)

    def __call__(self, x: Any) -> Any:
        """The scaled numbers."""
        xs = inputs(x, len(self.gain), self)
        scale = sqrt(dot(xs, xs) / len(xs) + self.eps)
        return [g * (x / scale) for g, x in zip(self.gain, xs, strict=True)]

    def _out_shape(self, shape: Shape) -> Shape | None:
        """(size,), for as many numbers."""
        return (len(self.gain),) if takes(len(self.gain), shape) else None

    def symbols(self) -> dict[str, Any]:
        """γ."""
        return {"γ": self.gain}

    def architecture(self) -> dict[str, Any]:
        """Class, size and ε."""
        return {"class": "RMSNorm", "size": len(self.gain), "eps": self.eps}

    def __repr__(self) -> str:
        return f"RMSNorm({len(self.gain)})"
