"""Convolutions and pools over images, built of shared Values: every pixel of a channel is computed with the same weights.

Glossary::

    image      nested lists [channel][row][column] of numbers or Values; for Conv1d [channel][position]
    window     the part of an image that one output pixel sees: pairs (tap, place), flat and in row-major order
    tap        the place of a weight within its kernel
    padding    zeros around the image; no weight is multiplied by them, a window just has fewer pairs at the rim

Names, sizes and results are PyTorch's, for one sample and not a batch: ``out = (in + 2·padding − kernel) // stride + 1`` along
each axis. A weight that serves many pixels is one Value with many results, so its gradient is the sum over the pixels; nothing
else makes a network "convolutional". Samples arrive in ``fit`` and ``predict`` as flat rows: begin with ``Unflatten``, go on to
``Layer`` through ``Flatten``. There are no dilations and no groups.
"""

import math
import random
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, final

from autograd import Value, dot, maximum, sum
from autograd.ops import real_number
from nn.activations import ACTIVATIONS, Activation, known_activation
from nn.initial import Init, Seed, generator_of, reach, suited_init
from nn.module import Module, Shape
from nn.settings import whole

Sizes = int | Sequence[int]
Window = list[tuple[int, int]]


@dataclass(frozen=True)
class Geometry:
    """Which windows a kernel sees on an image: kernel, stride and padding along each axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]

    def out_shape(self, shape: Sequence[int], taker: object) -> tuple[int, ...]:
        """The shape of the output for an image of that shape; ValueError if the kernel does not fit into the padded image."""
        padded = [n + 2 * p for n, p in zip(shape, self.padding, strict=True)]
        if any(n < k for n, k in zip(padded, self.kernel, strict=True)):
            around = f" ({_times(shape)} and its padding)" if any(self.padding) else ""
            raise ValueError(f"{taker!r} expects an image of at least {_times(self.kernel)}, got {_times(padded)}{around}")
        return tuple([(n - k) // s + 1 for n, k, s in zip(padded, self.kernel, self.stride, strict=True)])

    def windows(self, shape: Sequence[int], taker: object) -> list[Window]:
        """For each output pixel, in row-major order, the pairs (tap, place) that lie in the image."""
        windows: list[Window] = [[(0, 0)]]
        for axis, outs in enumerate(self.out_shape(shape, taker)):
            n, k, s, p = shape[axis], self.kernel[axis], self.stride[axis], self.padding[axis]
            seen = [[(tap, i * s - p + tap) for tap in range(k) if 0 <= i * s - p + tap < n] for i in range(outs)]
            windows = [
                [(tap * k + own, place * n + here) for tap, place in window for own, here in line]
                for window in windows
                for line in seen
            ]
        return windows

    def __str__(self) -> str:
        """The arguments that make it, those with their usual values left out."""
        stride = f", stride={_said(self.stride)}" if set(self.stride) != {1} else ""
        padding = f", padding={_said(self.padding)}" if any(self.padding) else ""
        return f"{_said(self.kernel)}{stride}{padding}"


# --- Convolutions --------------------------------------------------------------------------------------------------------------


class _Convolution(Module):
    """What Conv1d and Conv2d share; ``axes`` is 1 or 2."""

    axes: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Sizes,
        *,
        stride: Sizes = 1,
        padding: Sizes = 0,
        activation: Activation = "linear",
        seed: Seed = None,
        init: Init = None,
    ) -> None:
        self.in_channels = whole(in_channels, "in_channels")
        self.out_channels = whole(out_channels, "out_channels")
        self.geometry = _geometry(self.axes, kernel, stride, padding)
        for k, p in zip(self.geometry.kernel, self.geometry.padding, strict=True):
            if p > k:
                raise ValueError(f"padding must be at most the kernel's size: expected at most {k}, got {p}")
        self.activation = known_activation(activation)
        taps = math.prod(self.geometry.kernel)
        suited = suited_init(activation) if init is None else init
        r = reach(suited, self.in_channels * taps, self.out_channels * taps)
        draw = (generator_of(seed, init) or random).uniform
        shape = (self.out_channels, self.in_channels, *self.geometry.kernel)
        self.weight = nested([Value(draw(-r, r)) for _ in range(math.prod(shape))], shape)
        self.bias = [Value(0.0) for _ in range(self.out_channels)]

    def __call__(self, x: Any) -> list[Any]:
        """The output image, [channel][row][column]."""
        channels, shape = image(x, self.axes, self)
        if len(channels) != self.in_channels:
            raise ValueError(f"{self!r} expects an image of {self.in_channels} channel(s), got {len(channels)}")
        windows = self.geometry.windows(shape, self)
        seen = [[channel[place] for channel in channels for _, place in window] for window in windows]
        out = [self._channel(o, windows, seen) for o in range(self.out_channels)]
        return [nested(pixels, self.geometry.out_shape(shape, self)) for pixels in out]

    def _channel(self, o: int, windows: Sequence[Window], seen: Sequence[list[Value]]) -> list[Value]:
        """The pixels of output channel ``o``: one dot of the shared weights with what each window sees."""
        bend = ACTIVATIONS[self.activation] if isinstance(self.activation, str) else self.activation
        kernels = [flat(kernel) for kernel in self.weight[o]]
        whole, taps = flat(kernels), len(kernels[0])
        pixels = []
        for window, xs in zip(windows, seen, strict=True):
            ws = whole if len(window) == taps else [kernel[tap] for kernel in kernels for tap, _ in window]
            pixels.append(bend(dot(ws, xs, self.bias[o])))
        return pixels

    def _out_shape(self, shape: Shape) -> Shape | None:
        """That of the output image, unless the activation is a function; ValueError if the kernel does not fit into the image."""
        if len(shape) != 1 + self.axes or shape[0] != self.in_channels or not isinstance(self.activation, str):
            return None
        return (self.out_channels, *self.geometry.out_shape(shape[1:], self))

    def architecture(self) -> dict[str, Any] | None:
        """Class, sizes and activation; None if the activation is a function."""
        if not isinstance(self.activation, str):
            return None
        channels = {"in_channels": self.in_channels, "out_channels": self.out_channels}
        return {"class": type(self).__name__, **channels, **_architecture(self.geometry), "activation": self.activation}

    def __repr__(self) -> str:
        activation = "" if self.activation == "linear" else f", activation={_name(self.activation)}"
        return f"{type(self).__name__}({self.in_channels}, {self.out_channels}, {self.geometry}{activation})"


@final
class Conv1d(_Convolution):
    """A convolution along a line: [channel][position] to ``out_channels`` channels, each with a kernel over all of the input's.

    ``kernel``, ``stride`` and ``padding`` are numbers, ``activation`` a name or a function of a Value. Weights are drawn as in
    ``Neuron`` with a seed (He's or Glorot's interval, ``init`` for another), without one from Python's global ``random``.
    ValueError for an image that is ragged, too small or of another number of channels, and for more padding than kernel.

    >>> difference = Conv1d(1, 1, 2, init=0.0)
    >>> difference.load_state_dict({"weight": [[[-1.0, 1.0]]], "bias": [0.0]})
    >>> [v.data for v in difference([[1.0, 4.0, 9.0, 16.0]])[0]]
    [3.0, 5.0, 7.0]
    """

    axes = 1


@final
class Conv2d(_Convolution):
    """A convolution over images: [channel][row][column] to ``out_channels`` channels, each with a kernel over all of the input's.

    ``kernel``, ``stride`` and ``padding`` are numbers or pairs (rows, columns); the rest is as for ``Conv1d``. ``weight`` is
    stored in the shape (out, in, rows, columns), ``bias`` in the shape (out,).

    >>> conv = Conv2d(1, 4, 3, stride=2, padding=1, activation="relu", seed=0)
    >>> conv
    Conv2d(1, 4, 3, stride=2, padding=1, activation='relu')
    >>> out = conv([[[0.0] * 8 for row in range(8)]])
    >>> len(out), len(out[0]), len(out[0][0]), len(conv.parameters())
    (4, 4, 4, 40)
    """

    axes = 2


# --- Pools ---------------------------------------------------------------------------------------------------------------------


class _Pool2d(Module):
    """What the pools share: windows, by default side by side, over each channel for itself."""

    def __init__(self, kernel: Sizes, *, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        self.geometry = _geometry(2, kernel, kernel if stride is None else stride, padding)
        for k, p in zip(self.geometry.kernel, self.geometry.padding, strict=True):
            if 2 * p > k:
                raise ValueError(f"padding must be at most half the kernel's size: expected at most {k // 2}, got {p}")

    @abstractmethod
    def pooled(self, cells: list[Value]) -> Value:
        """The output pixel for the cells of one window."""

    def __call__(self, x: Any) -> list[Any]:
        """The output image, with as many channels as the input has."""
        channels, shape = image(x, 2, self)
        windows, out = self.geometry.windows(shape, self), self.geometry.out_shape(shape, self)
        return [nested([self.pooled([cells[place] for _, place in w]) for w in windows], out) for cells in channels]

    def _out_shape(self, shape: Shape) -> Shape | None:
        """That of the output image; ValueError if the kernel does not fit into the image."""
        return (shape[0], *self.geometry.out_shape(shape[1:], self)) if len(shape) == 3 else None

    def architecture(self) -> dict[str, Any]:
        """Class and sizes."""
        return {"class": type(self).__name__, **_architecture(self.geometry)}

    def __repr__(self) -> str:
        kernel, stride, padding = self.geometry.kernel, self.geometry.stride, self.geometry.padding
        steps = f", stride={_said(stride)}" if stride != kernel else ""
        return f"{type(self).__name__}({_said(kernel)}{steps}{f', padding={_said(padding)}' if any(padding) else ''})"


@final
class AvgPool2d(_Pool2d):
    """The mean of each window, padding counted as zeros: images with as many channels, and fewer rows and columns.

    ``kernel``, ``stride`` (the kernel's size unless given) and ``padding`` (at most half the kernel) are numbers or pairs. Rows
    and columns at the end that do not fill a window are left out. ValueError for an image smaller than the kernel.

    >>> [[v.data for v in row] for row in AvgPool2d((2, 1))([[[1.0, 2.0], [3.0, 4.0]]])[0]]
    [[2.0, 3.0]]
    """

    def pooled(self, cells: list[Value]) -> Value:
        """Their sum by the size of the kernel."""
        mean: Value = sum(cells) / math.prod(self.geometry.kernel)
        return mean


@final
class MaxPool2d(_Pool2d):
    """The largest number of each window; arguments and errors are those of ``AvgPool2d``. Padding is never the largest.

    The derivative goes to the largest cell; equal ones share it, as in ``autograd.maximum`` (PyTorch gives it to the first).

    >>> [[v.data for v in row] for row in MaxPool2d(2)([[[1.0, 2.0], [3.0, 4.0]]])[0]]
    [[4.0]]
    """

    def pooled(self, cells: list[Value]) -> Value:
        """The winner of a tournament of pairs: fewer levels than a chain, and four equal cells get a quarter each."""
        while len(cells) > 1:
            left = [cells[-1]] if len(cells) % 2 else []
            cells = [maximum(a, b) for a, b in zip(cells[::2], cells[1::2], strict=False)] + left
        return cells[0]


# --- Shapes --------------------------------------------------------------------------------------------------------------------


@final
class Flatten(Module):
    """All numbers of nested lists in one list, channel by channel and row by row: the way from an image to a ``Layer``.

    TypeError for what is no number.

    >>> Flatten()([[[1.0, 2.0], [3.0, 4.0]]])
    [1.0, 2.0, 3.0, 4.0]
    """

    def __call__(self, x: Any) -> list[Any]:
        """The flat list."""
        numbers = flat(x)
        for number in numbers:
            if not isinstance(number, Value):
                real_number(number, "Flatten")
        return numbers

    def _out_shape(self, shape: Shape) -> Shape | None:
        """That of the flat list."""
        return (math.prod(shape),)

    def architecture(self) -> dict[str, Any]:
        """The class."""
        return {"class": "Flatten"}

    def __repr__(self) -> str:
        return "Flatten()"


@final
class Unflatten(Module):
    """A flat row as nested lists of the given shape: the way from a row of ``X`` to an image, as in ``Unflatten(1, 8, 8)``.

    ValueError for a row of another length. (PyTorch's has the number of the axis before the shape; a sample has only one.)

    >>> Unflatten(1, 2, 2)([1.0, 2.0, 3.0, 4.0])
    [[[1.0, 2.0], [3.0, 4.0]]]
    """

    def __init__(self, *shape: int) -> None:
        if not shape:
            raise ValueError("Unflatten needs a shape, such as Unflatten(1, 8, 8)")
        self.shape = tuple([whole(n, f"shape[{i}]") for i, n in enumerate(shape)])

    def __call__(self, x: Any) -> list[Any]:
        """The nested lists."""
        row = flat(x)
        if len(row) != math.prod(self.shape):
            raise ValueError(f"{self!r} expects a row of {math.prod(self.shape)} numbers, got {len(row)}")
        return nested(row, self.shape)

    def _out_shape(self, shape: Shape) -> Shape | None:
        """The shape, for as many numbers."""
        return self.shape if math.prod(shape) == math.prod(self.shape) else None

    def architecture(self) -> dict[str, Any]:
        """Class and shape."""
        return {"class": "Unflatten", "shape": list(self.shape)}

    def __repr__(self) -> str:
        return f"Unflatten({', '.join(map(str, self.shape))})"


# --- Nested lists and flat ones ------------------------------------------------------------------------------------------------


def _is_list(thing: Any) -> bool:
    return not isinstance(thing, (Value, str, bytes)) and isinstance(thing, Iterable) and getattr(thing, "shape", None) != ()


def flat(nest: Any) -> list[Any]:
    """What nested lists (or arrays) hold, in one list from left to right."""
    items = [nest]
    while any(map(_is_list, items)):
        items = [inner for item in items for inner in (item if _is_list(item) else [item])]
    return items


def nested(items: list[Any], shape: Sequence[int]) -> list[Any]:
    """A flat list as nested lists of that shape."""
    for size in reversed(shape[1:]):
        items = [items[i : i + size] for i in range(0, len(items), size)]
    return items


def image(x: Any, axes: int, taker: object) -> tuple[list[list[Value]], tuple[int, ...]]:
    """The channels of an image, each a flat list of Values, and the shape of a channel; ValueError for ragged or flat lists."""
    form = "[channel][position]" if axes == 1 else "[channel][row][column]"
    items, shape = [x], []
    for level in range(axes + 1):
        if not all(map(_is_list, items)):
            advice = "a flat row becomes an image by Unflatten(channels, rows, columns)" if axes == 2 else "wrap a line in a list"
            raise ValueError(f"{taker!r} expects an image {form}, got lists {level} deep; {advice}")
        lists = [list(item) for item in items]
        lengths = list(map(len, lists))
        if len(set(lengths)) > 1:
            other = next(b for a, b in pairwise(lengths) if a != b)
            raise ValueError(f"{taker!r} expects equally long lists, got a ragged image: {lengths[0]} and {other} entries")
        shape.append(lengths[0])
        items = [inner for each in lists for inner in each]
        if not items:
            raise ValueError(f"{taker!r} expects an image {form} with at least one number, got one of {_times(shape)}")
    if any(map(_is_list, items)):
        raise ValueError(f"{taker!r} expects an image {form}, got lists more than {axes + 1} deep; a batch goes in one by one")
    values = [v if isinstance(v, Value) else Value(v) for v in items]
    size = len(values) // shape[0]
    return [values[i : i + size] for i in range(0, len(values), size)], tuple(shape[1:])


# --- Arguments and texts -------------------------------------------------------------------------------------------------------


def _geometry(axes: int, kernel: Sizes, stride: Sizes, padding: Sizes) -> Geometry:
    return Geometry(
        _sizes(axes, "kernel", kernel, 1),
        _sizes(axes, "stride", stride, 1),
        _sizes(axes, "padding", padding, 0),
    )


def _sizes(axes: int, name: str, given: Sizes, least: int) -> tuple[int, ...]:
    """One whole number for each axis."""
    sizes: tuple[Any, ...] = tuple(given) if isinstance(given, (list, tuple)) else (given,) * axes
    if len(sizes) != axes:
        raise ValueError(f"{name} must be a number, or one for each of {axes} axes, got {len(sizes)} numbers")
    for n in sizes:
        if not isinstance(n, int) or isinstance(n, bool) or n < least:
            raise ValueError(f"{name} must be whole numbers of at least {least}, got {given!r}")
    return sizes


def _architecture(geometry: Geometry) -> dict[str, Any]:
    return {"kernel": list(geometry.kernel), "stride": list(geometry.stride), "padding": list(geometry.padding)}


def _name(activation: Activation) -> str:
    return repr(activation) if isinstance(activation, str) else str(getattr(activation, "__name__", type(activation).__name__))


def _said(sizes: Sequence[int]) -> str:
    return str(sizes[0]) if len(set(sizes)) == 1 else f"({', '.join(map(str, sizes))})"


def _times(sizes: Sequence[int]) -> str:
    return "×".join(map(str, sizes))
