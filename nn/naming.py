"""What the parameters of a network are called on the blackboard: w₂₁⁽¹⁾ leads from input 1 to neuron 2 of layer 1, b₂⁽¹⁾ is its bias.

Modules name their parameters once, when they are built; training pays nothing. What is computed from them, the drives a₂⁽¹⁾ and
outputs x₂⁽¹⁾, gets its names where it is drawn (``viz.implied``).
"""

from collections.abc import Iterator, Sequence
from typing import Any, final

from autograd import Value
from autograd.ops import describe


@final
class Given(str):
    """A label that a module gave, and may give anew; labels of the user's own are plain strings and stay."""

    __slots__ = ()


def name_parameters(model: Any, *, base: int = 1) -> None:
    """Label the parameters of a module as on the blackboard, neurons and inputs counted from ``base`` on, layers from 1.

    Kernels are ``w_{o,c,i,j}^(n)``, other parameters have the names of their attributes. A parameter in several places has the
    name of the first; a label that the user has given stays.

    >>> from nn import MLP
    >>> model = MLP(2, [2, 1], seed=0)
    >>> [p.label for p in model.parameters()]
    ['w_11^(1)', 'w_12^(1)', 'b_1^(1)', 'w_21^(1)', 'w_22^(1)', 'b_2^(1)', 'w_11^(2)', 'w_12^(2)', 'b_1^(2)']
    >>> name_parameters(model, base=0)
    >>> model.parameters()[0].label
    'w_00^(1)'
    """
    if not hasattr(model, "tensors"):
        raise TypeError(f"name_parameters needs a model of nn, got {describe(model)}")
    layers = list(_layers(model))
    named: set[Value] = set()
    for number, layer in enumerate(layers, 1):
        upper = f"^({number})" if len(layers) > 1 or layer is not model else ""
        for name, part in layer.tensors().items():
            letter = {"weight": "w", "w": "w", "bias": "b", "b": "b"}.get(name, name)
            for indices, value in _places(part, ()):
                if value not in named and (not value.label or isinstance(value.label, Given)):
                    value.label = Given(f"{letter}{_index(indices, base)}{upper}")
                named.add(value)


def _layers(module: Any) -> Iterator[Any]:
    """The modules that hold parameters themselves, in the order of construction."""
    if any(True for part in module.tensors().values() for _ in _places(part, ())):
        yield module
        return
    for part in vars(module).values():
        for inner in part if isinstance(part, (list, tuple)) else part.values() if isinstance(part, dict) else [part]:
            if hasattr(inner, "tensors"):
                yield from _layers(inner)


def _places(part: Any, indices: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Value]]:
    """The parameters in a nest of lists, each with its place there."""
    if isinstance(part, (list, tuple)):
        for i, inner in enumerate(part):
            yield from _places(inner, (*indices, i))
    elif isinstance(part, Value) and part.is_leaf and not part.is_constant:
        yield indices, part


def _index(indices: Sequence[int], base: int) -> str:
    """``_21``, or ``_{10,1}`` where a number has two digits or there are more than two."""
    numbers = [str(i + base) for i in indices]
    if len(numbers) <= 2 and all(len(number) == 1 for number in numbers):
        return f"_{''.join(numbers)}" if numbers else ""
    return f"_{{{','.join(numbers)}}}"
