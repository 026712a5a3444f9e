"""``Module``: what a network is besides a function: its parameters, their names, and how they are kept.

A parameter is a leaf ``Value`` found in an attribute of a module, or in the modules, lists, tuples and dicts that its attributes
hold. Order is that of construction, and a Value that stands in two places (tied weights) is one parameter.

Layers are in ``layers``, the file format in ``weights``, training in ``training``.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from os import PathLike
from typing import Any, NamedTuple

from autograd import Value, no_grad
from nn import weights
from nn.compiled import FEW_ROWS, chosen_engine, predictions
from nn.samples import is_correct, is_labelled, rows, samples
from nn.weights import Tensor, WeightsError

Nested = float | list[Any]


class Group(NamedTuple):
    """Parameters that are stored together as one tensor, in row-major order."""

    shape: tuple[int, ...]
    parameters: list[Value]


class Module(ABC):
    """A function with parameters. A subclass defines ``__call__`` and keeps its parameters in attributes.

    >>> from autograd import Value
    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    ...     def __call__(self, x):
    ...         return self.slope * x[0] + self.offset
    >>> line = Line()
    >>> [name for name, p in line.named_parameters()]
    ['slope', 'offset']
    >>> line.predict([[3.0], [4.0]])
    [7.0, 9.0]
    """

    @abstractmethod
    def __call__(self, x: Any) -> Any:
        """The output for one sample: a Value, or a list of them."""

    # --- Parameters ---

    def parameters(self) -> list[Value]:
        """All parameters in construction order, each once."""
        return list(dict.fromkeys([value for _, value in _leaves(self)]))

    def named_parameters(self) -> list[tuple[str, Value]]:
        """The parameters with their names, such as ``layers.0.neurons.3.w.1``; a tied one under its first name.

        >>> from nn import MLP
        >>> [name for name, p in MLP(2, [1], seed=0).named_parameters()]
        ['layers.0.neurons.0.w.0', 'layers.0.neurons.0.w.1', 'layers.0.neurons.0.b']
        """
        places: dict[Value, Path] = {}
        for path, value in _leaves(self):
            places.setdefault(value, path)
        return [(_name(path), value) for value, path in places.items()]

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to zero; ``backward()`` adds to it."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    # --- Use ---

    def predict(self, X: Any) -> list[Any]:
        """The outputs for the rows of ``X`` as plain numbers: a float for each row, or a list if there are several outputs.

        No graph is recorded. These are the raw scores: their sign or the place of the largest is the predicted class. Many rows are
        computed in native code where the extra ``fast`` is installed, with the same bits.
        """
        data = rows(X)
        if len(data) >= FEW_ROWS and chosen_engine("auto") != "eager":
            with suppress(TypeError):  # what cannot be recorded once for all rows
                return predictions(self, data, engine="auto")
        with no_grad():
            return [_plain(self(row)) for row in data]

    def accuracy(self, X: Any, y: Any, *, threshold: float = 0.0) -> float:
        """The share of samples whose class is predicted, between 0 and 1.

        With one output the classes are 0 and 1 (or -1 and 1), and the second is predicted where the score is above ``threshold``;
        a network that ends in a sigmoid, or that learnt 0 and 1 by squared errors, wants ``threshold=0.5``. With several outputs
        the largest score names the class. ValueError if ``y`` holds no labels.
        """
        data = samples(X, y)
        outputs = [scores if isinstance(scores, list) else [scores] for scores in self.predict(data.rows)]
        if not is_labelled(data.targets, len(outputs[0])):
            expected = "0 and 1, or -1 and 1" if len(outputs[0]) == 1 else f"whole numbers 0 to {len(outputs[0]) - 1}"
            raise ValueError(f"y holds no labels for {len(outputs[0])} output(s): expected {expected}, got {data.targets[0]!r} …")
        hits = [is_correct(scores, target, threshold) for scores, target in zip(outputs, data.targets, strict=True)]
        return hits.count(True) / len(hits)

    # --- Keeping ---

    def tensors(self) -> Mapping[str, Any]:
        """What is stored under which name: by default the attributes. A layer gathers the weights of its neurons here."""
        return vars(self)

    def groups(self) -> dict[str, Group]:
        """The parameters by the tensor they are stored in, such as ``layers.0.weight`` of shape (outputs, inputs)."""
        return dict(_groups(self))

    def architecture(self) -> dict[str, Any] | None:
        """What ``nn.load`` needs to build this module again, as JSON would hold it; None if it cannot."""
        return None

    def state_dict(self) -> dict[str, Nested]:
        """The numbers of all parameters, as nested lists under the names of ``groups()``.

        >>> from nn import Layer
        >>> Layer(1, 2, init=0.0).state_dict()
        {'weight': [[0.0], [0.0]], 'bias': [0.0, 0.0]}
        """
        return {name: _nest(shape, [p.data for p in ps]) for name, (shape, ps) in self.groups().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give the parameters the numbers that ``state_dict`` returned.

        ValueError, with nothing changed, if names or shapes differ; TypeError for what is not a number.
        """
        self._assign({name: _tensor(numbers, name) for name, numbers in state.items()})

    def save(self, path: str | PathLike[str]) -> None:
        """Write the parameters to ``path`` as a ``.safetensors`` file; the file that was there stays whole until the new one is.

        Should the process be killed half-way, a file ``.NAME.….tmp`` may be left beside it.
        """
        tensors = {name: Tensor(shape, [p.data for p in ps]) for name, (shape, ps) in self.groups().items()}
        weights.write(path, tensors, {"architecture": json.dumps(self.architecture(), sort_keys=True)})

    def load(self, path: str | PathLike[str], *, allow_nonfinite: bool = False) -> None:
        """Take the parameters from a file that ``save`` wrote for a module of the same architecture.

        WeightsError, with nothing changed, if the file is damaged, foreign, made for another architecture, or holds nan or inf
        (unless ``allow_nonfinite``).
        """
        self.accept(path, *weights.read(path, allow_nonfinite=allow_nonfinite))

    def accept(self, path: str | PathLike[str], tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
        """Take the parameters from what was read from ``path``; WeightsError, with nothing changed, if it does not fit."""
        own = json.dumps(self.architecture(), sort_keys=True)
        if metadata["architecture"] != own:
            raise WeightsError(path, f"was saved from another architecture, {metadata['architecture']}; this one is {own}")
        try:
            self._assign(tensors)
        except ValueError as error:
            raise WeightsError(path, str(error)) from None

    def _assign(self, tensors: Mapping[str, Tensor]) -> None:
        """Check all tensors against the groups, then write them."""
        groups = self.groups()
        missing = [name for name in groups if name not in tensors]
        surplus = [name for name in tensors if name not in groups]
        if missing or surplus:
            raise ValueError(f"expected the tensors {', '.join(groups)}; missing {missing}, not known {surplus}")
        numbers: dict[Value, float] = {}
        for name, (shape, parameters) in groups.items():
            if tensors[name].shape != shape:
                raise ValueError(f"tensor {name}: expected the shape {list(shape)}, got {list(tensors[name].shape)}")
            for parameter, number in zip(parameters, tensors[name].numbers, strict=True):
                if parameter in numbers and repr(numbers[parameter]) != repr(number):
                    raise ValueError(f"tensor {name}: {number} for a tied parameter that is {numbers[parameter]} elsewhere")
                numbers[parameter] = number
        for parameter, number in numbers.items():
            parameter.data = number


# --- Walking the attributes ----------------------------------------------------------------------------------------------------


# Where something stands: the path of what holds it, and its key there; None for the root. Names are written only if asked for.
Path = tuple[Any, Any] | None
Place = tuple[Path, Any]


def _name(path: Path) -> str:
    """The path as a dotted name."""
    keys: list[str] = []
    while path is not None:
        path, key = path
        keys.append(str(key))
    return ".".join(reversed(keys))


def _children(path: Path, holder: Any) -> list[Place]:
    """What a module or container holds, the last first; nothing for anything else."""
    if isinstance(holder, (list, tuple)):
        items: Any = enumerate(holder)
    else:
        items = vars(holder).items() if isinstance(holder, Module) else holder.items() if isinstance(holder, dict) else ()
    places: list[Place] = [((path, key), child) for key, child in items]
    places.reverse()
    return places


def _is_parameter(thing: Any) -> bool:
    return isinstance(thing, Value) and thing.is_leaf and not thing.is_constant


def _leaves(root: Module) -> Iterator[tuple[Path, Value]]:
    """Every place of every parameter; a module or container that stands in two places is entered once."""
    entered: set[int] = set()
    stack: list[Place] = [(None, root)]
    while stack:
        path, thing = stack.pop()
        if _is_parameter(thing):
            yield path, thing
        elif isinstance(thing, (Module, list, tuple, dict)) and id(thing) not in entered:
            entered.add(id(thing))
            stack.extend(_children(path, thing))


def _groups(root: Module) -> Iterator[tuple[str, Group]]:
    entered: set[int] = set()
    stack: list[Place] = [(None, root)]
    while stack:
        path, thing = stack.pop()
        group = _group(thing)
        if group is not None:
            yield _name(path), group
        elif isinstance(thing, (Module, list, tuple, dict)) and id(thing) not in entered:
            entered.add(id(thing))
            held = dict(thing.tensors()) if isinstance(thing, Module) else thing
            stack.extend(_children(path, held))


def _group(thing: Any) -> Group | None:
    """The group that a Value, or a rectangular nest of lists of Values, makes up; None for anything else."""
    shape, items = [], [thing]
    while items and all(isinstance(item, (list, tuple)) for item in items):
        if len({len(item) for item in items}) != 1:
            return None
        shape.append(len(items[0]))
        items = [inner for item in items for inner in item]
    return Group(tuple(shape), items) if items and all(map(_is_parameter, items)) else None


# --- Nested lists and flat ones ------------------------------------------------------------------------------------------------


def _nest(shape: Sequence[int], numbers: list[float]) -> Nested:
    nested: list[Any] = numbers
    for size in reversed(shape):
        nested = [nested[i : i + size] for i in range(0, len(nested), size)]
    return nested[0]  # type: ignore[no-any-return]


def _tensor(nested: Any, name: str) -> Tensor:
    shape, items = [], [nested.tolist() if hasattr(nested, "tolist") else nested]
    while items and all(isinstance(item, (list, tuple)) for item in items):
        if len({len(item) for item in items}) != 1:
            raise ValueError(f"tensor {name}: expected rows of the same length")
        shape.append(len(items[0]))
        items = [inner for item in items for inner in item]
    return Tensor(tuple(shape), [Value(item).data for item in items])


def _plain(output: Any) -> Any:
    """The numbers of an output, without their graph."""
    if isinstance(output, (list, tuple)):
        return [_plain(value) for value in output]
    return output.data if isinstance(output, Value) else output
