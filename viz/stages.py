"""What a network goes through from its input to its output: the modules that it consists of, where they follow each other.

A network of one's own is free to do anything with its parts. It is shown part by part if its answer is computed just so, and else as one.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from autograd import Value, topological_order


def chain(model: Any, x: Any, above: tuple[Any, ...] = ()) -> Iterator[Any]:
    """The stages for this input, one after the other: each takes what the one before it gives, and the last gives the answer.

    >>> import nn
    >>> list(chain(nn.MLP(2, [3, 1]), [Value(1.0), Value(2.0)]))
    [Layer of [ReLUNeuron(2), ReLUNeuron(2), ReLUNeuron(2)], Layer of [LinearNeuron(3)]]
    """
    above = *above, model
    parts = _below(above)
    if not parts or not _follow(model, parts, x):
        yield model
        return
    for part in parts:
        yield from chain(part, x, above)
        x = part(x)


def learning(model: Any, above: tuple[Any, ...] = ()) -> Iterator[Any]:
    """The parts that hold the parameters, in order, whatever is done with them; a part that knows what it is part of ends there."""
    above = *above, model
    parts = _below(above)
    if not parts:
        yield model
    for part in parts:
        yield from learning(part, above)


def _below(above: tuple[Any, ...]) -> list[Any]:
    """The parts of the last of these, but those of which it is a part itself."""
    return [part for part in _parts_of(above[-1]) if not any(part is each for each in above)]


def _parts_of(model: Any) -> Sequence[Any]:
    """The ``layers`` of a model, or the modules among its attributes; none of a layer of ``nn``."""
    layers = getattr(model, "layers", None)
    if isinstance(layers, (list, tuple)):
        return layers
    if type(model).__module__.partition(".")[0] == "nn":
        return ()
    return [part for part in getattr(model, "__dict__", {}).values() if callable(part) and hasattr(part, "parameters")]


def flat(nest: Any) -> Iterator[Value]:
    """The Values of a nest of lists from left to right."""
    if isinstance(nest, (list, tuple)):
        for part in nest:
            yield from flat(part)
    else:
        yield nest


def _follow(model: Any, parts: Sequence[Any], x: Any) -> bool:
    """Whether the model's answer is that of the parts one after the other, computed by the same operations."""
    from nn.layers import is_chain

    if is_chain(model):
        return True
    y = x
    try:
        for part in parts:
            y = part(y)
        return _computed(y) == _computed(model(x))
    except Exception:  # parts that take something else
        return False


def _computed(outputs: Any) -> list[tuple[str, str]]:
    return [(str(v.op), v.data.hex()) for v in topological_order(*flat(outputs))]
