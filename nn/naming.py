"""What the parameters of a network are called on the blackboard: w₂₁⁽¹⁾ leads from input 1 to neuron 2 of layer 1, b₂⁽¹⁾ is its bias.

Names are made when the first one is asked for, by a picture, a listing, a message: building and training models pays nothing for them.
What is computed from parameters, the drives a₂⁽¹⁾ and outputs x₂⁽¹⁾, gets its names where it is drawn (``viz.implied``).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from sys import getrefcount
from typing import Any, final
from weakref import ref

from autograd import Value
from autograd.node import namers
from autograd.ops import describe
from nn.settings import whole


@final
class Given(str):
    """A label that a module gave, and may give anew; labels of the user's own are plain strings and stay.

    ``layer`` is the class of the module that has the parameter.
    """

    __slots__ = ("layer",)
    layer: str


# Modules whose parameters have no names yet, by their ids; those that hold others come after these.
_waiting: dict[int, Any] = {}
# How many references there are to what stands in one list alone.
_ALONE = max(map(getrefcount, [object()]))


def name_when_asked(model: Any) -> None:
    """Have the parameters of a module labelled when somebody reads a label; those that a larger module names leave that to it."""
    _waiting.pop(id(model), None)
    _waiting[id(model)] = ref(model)
    if _name_waiting not in namers:
        namers.append(_name_waiting)


def _name_waiting() -> None:
    named: set[Value] = set()
    while _waiting:
        _, model = _waiting.popitem()
        if (alive := model()) is not None:
            _name(alive, alive.first_index, named, lambda label: label is None or isinstance(label, Given))


def name_at_the_end(model: Any, lists: Iterable[Sequence[Value]]) -> None:
    """Label the parameters of a module that ends unnamed, if one in these lists outlives it, in a graph that may be drawn."""
    if _waiting.pop(id(model), None) and any([max(map(getrefcount, values)) > _ALONE for values in lists]):
        _name(model, model.first_index, set(), lambda label: label is None)


def name_parameters(model: Any, *, base: int = 1) -> None:
    """Label the parameters of a module as on the blackboard, neurons and inputs counted from ``base`` on, layers from 1.

    Kernels are ``w_{o,c,i,j}^(n)``, γ and β scale and shift, e are embeddings, w and u lead from inputs and from the state, by gate;
    other parameters have the names of their attributes (``Module.symbols``). A parameter in several places has the name of the first; a
    label that the user has given stays.

    >>> from nn import MLP
    >>> model = MLP(2, [2, 1], seed=0)
    >>> [p.label for p in model.parameters()]
    ['w_11^(1)', 'w_12^(1)', 'b_1^(1)', 'w_21^(1)', 'w_22^(1)', 'b_2^(1)', 'w_11^(2)', 'w_12^(2)', 'b_1^(2)']
    >>> name_parameters(model, base=0)
    >>> model.parameters()[0].label
    'w_00^(1)'
    """
    if not hasattr(model, "symbols"):
        raise TypeError(f"name_parameters needs a model of nn, got {describe(model)}")
    _name_waiting()
    _name(model, whole(base, "base", 0), set(), lambda label: not label or isinstance(label, Given))


def _name(model: Any, base: int, named: set[Value], is_free: Callable[[str | None], bool]) -> None:
    """Name what is not ``named`` yet and has a label that may be given anew, None for none at all."""
    layers = list(_layers(model))
    for number, layer in enumerate(layers, 1):
        place = str(number) if len(layers) > 1 or layer is not model else ""
        for symbol, part in layer.symbols().items():
            letter, _, gate = symbol.partition("^")
            upper = f"^({place}{gate})" if place or gate else ""
            for indices, value in _places(part, ()):
                if value not in named and is_free(vars(value).get("label")):
                    value.label = given = Given(f"{letter}{_index(indices, base)}{upper}")
                    given.layer = type(layer).__name__
                named.add(value)


def _layers(module: Any, told: frozenset[Value] = frozenset(), above: tuple[Any, ...] = ()) -> Iterator[Any]:
    """The modules that hold parameters themselves, other ones than those ``above`` have ``told`` of, in order of construction."""
    own = {value for part in module.symbols().values() for _, value in _places(part, ())}
    if own - told:
        yield module
    for part in vars(module).values():
        for inner in part if isinstance(part, (list, tuple)) else part.values() if isinstance(part, dict) else [part]:
            if hasattr(inner, "symbols") and not any(inner is each for each in (*above, module)):
                yield from _layers(inner, told | own, (*above, module))


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
