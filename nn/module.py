"""``Module``: what a network is besides a function: its parameters, their names, and how they are kept.

A parameter is a leaf ``Value`` found in an attribute of a module, or in the modules, lists, tuples and dicts that its attributes
hold. Order is that of construction, and a Value that stands in two places (tied weights) is one parameter.

Layers are in ``layers``, the file format in ``weights``, training in ``training``.
"""

import json
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from itertools import chain
from os import PathLike
from typing import Any, NamedTuple

from autograd import Value, no_grad
from autograd.compiler.leaves import are_parameters
from autograd.labels import plain_name
from autograd.ops import describe, real_number
from nn import classes as labelling
from nn import weights
from nn.classes import Classes, chosen, is_correct, is_labelled, numbered
from nn.compiled import FEW_ROWS, chosen_engine, predictions
from nn.drawing import drawing_off
from nn.interrupting import interrupt_again
from nn.naming import name_at_the_end, name_when_asked
from nn.samples import Row, by_length, rows, samples
from nn.weights import Tensor, WeightsError

Nested = float | list[Any]
# How long nested lists are, from the outermost on; () is that of a number alone.
Shape = tuple[int, ...]


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

    # The labels that class numbers stand for, where ``fit`` was given labels that are no numbers.
    classes: Classes | None = None
    # What parameters are counted from on the blackboard.
    first_index = 1

    def __init_subclass__(cls, **options: Any) -> None:
        """Parameters have names as soon as a module is made; a class with a call of its own is not what its base class says of itself."""
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = _named(cls.__init__)  # type: ignore[method-assign]
        if "__call__" in vars(cls):
            for name in ("_out_shape", "architecture"):
                if name not in vars(cls):
                    setattr(cls, name, vars(Module)[name])

    @abstractmethod
    def __call__(self, x: Any) -> Any:
        """The output for one sample: a Value, or a list of them."""

    @property
    def takes_sequences(self) -> bool:
        """Whether rows of unequal length are samples of this model: sequences. A module of your own says so by
        ``takes_sequences = True``."""
        return False

    def out_shape(self, shape: Shape) -> Shape | None:
        """The shape of the output for an input of that shape; None where only a call tells, as of modules of your own.

        TypeError for what is no tuple or list of ints.

        >>> from nn import Layer
        >>> Layer(2, 3).out_shape((2,)), Layer(2, 1).out_shape((2,)), Layer(2, 3).out_shape((5,))
        ((3,), (), None)
        """
        if not isinstance(shape, (tuple, list)) or not all([hasattr(type(n), "__index__") for n in shape]):
            raise TypeError(f"out_shape needs the shape of an input, a tuple of ints, got {describe(shape)}")
        return self._out_shape(tuple(map(operator.index, shape)))

    def _out_shape(self, shape: Shape) -> Shape | None:
        return None

    def __del__(self) -> None:
        try:
            name_at_the_end(self, (values for _, keys, values in _leaves(self) if type(keys) is range))
        except KeyboardInterrupt:  # Python forgets what is raised here
            interrupt_again()

    # --- Parameters ---

    def parameters(self) -> list[Value]:
        """All parameters in construction order, each once."""
        found = _held(self) or list(chain.from_iterable([values for _, _, values in _leaves(self)]))
        return found if len(set(found)) == len(found) else list(dict.fromkeys(found))  # the set takes two thirds of the time

    def named_parameters(self, *, blackboard: bool = False) -> list[tuple[str, Value]]:
        """The parameters with their names, such as ``layers.0.neurons.3.w.1``; a tied one under its first name.

        These are what state dicts go by. ``blackboard=True`` gives the labels instead, as pictures and derivations write them (one
        without a label keeps its path); ``nn.name_parameters`` gives them anew.

        >>> from nn import MLP
        >>> [name for name, p in MLP(2, [1], seed=0).named_parameters()]
        ['layers.0.neurons.0.w.0', 'layers.0.neurons.0.w.1', 'layers.0.neurons.0.b']
        >>> [name for name, p in MLP(2, [1], seed=0).named_parameters(blackboard=True)]
        ['w₁₁⁽¹⁾', 'w₁₂⁽¹⁾', 'b₁⁽¹⁾']
        """
        places: dict[Value, Path] = {}
        for path, keys, values in _leaves(self):
            for key, value in zip(keys, values, strict=True):
                places.setdefault(value, (*path, key))
        return [((blackboard and plain_name(value.label)) or _name(path), value) for value, path in places.items()]

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to zero; ``backward()`` adds to it."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    # --- Use ---

    def predict(self, X: Any) -> list[Any]:
        """The outputs for the rows of ``X`` as plain numbers: a float for each row, or a list if there are several outputs.

        No graph is recorded, and nothing is drawn: dropout is off. These are the raw scores: their sign or the place of the largest is
        the predicted class. Many rows are computed in native code where the extra ``fast`` is installed, with the same bits.
        """
        data = rows(X, model=self)
        answers: dict[int, Any] = {}
        with drawing_off():
            for places in by_length(data).values():
                answers |= zip(places, self._predicted([data[i] for i in places]), strict=True)
        return [answers[i] for i in range(len(data))]

    def _predicted(self, data: list[Row]) -> list[Any]:
        """The outputs for rows of one length."""
        if len(data) >= FEW_ROWS and chosen_engine("auto") != "eager":
            with suppress(TypeError):  # what cannot be recorded once for all rows
                return predictions(self, data, engine="auto")
        with no_grad():
            return [_plain(self(row)) for row in data]

    def predict_classes(self, X: Any, *, threshold: float = 0.0) -> list[Any]:
        """The class of each row of ``X``: a label out of ``classes`` if the model learnt labels, else the number of the class.

        One output chooses between two classes by ``threshold``, as in ``accuracy``; several by the largest.

        >>> from nn import MLP, fit
        >>> model = MLP(1, [1], seed=0)
        >>> history = fit(model, [[-2.0], [-1.0], [1.0], [2.0]], ["cold", "cold", "warm", "warm"], epochs=200, progress=False)
        >>> model.classes, model.predict_classes([[-3.0], [3.0]])
        (('cold', 'warm'), ['cold', 'warm'])
        """
        scores = [scores if isinstance(scores, list) else [scores] for scores in self.predict(X)]
        border = real_number(threshold, "threshold")
        numbers = [chosen(each, border) for each in scores]
        return numbers if self.classes is None else [self.classes[number] for number in numbers]

    def accuracy(self, X: Any, y: Any, *, threshold: float = 0.0) -> float:
        """The share of samples whose class is predicted, between 0 and 1.

        With one output the classes are 0 and 1 (or -1 and 1), and the second is predicted where the score is above ``threshold``;
        a network that ends in a sigmoid, or that learnt 0 and 1 by squared errors, wants ``threshold=0.5``. With several outputs
        the largest score names the class. A model with ``classes`` takes their labels. ValueError if ``y`` holds no labels.
        """
        data = samples(X, y if self.classes is None else numbered(labelling.labels(y), self.classes), model=self)
        outputs = [scores if isinstance(scores, list) else [scores] for scores in self.predict(data.rows)]
        if not is_labelled(data.targets, len(outputs[0])):
            expected = "0 and 1, or -1 and 1" if len(outputs[0]) == 1 else f"whole numbers 0 to {len(outputs[0]) - 1}"
            raise ValueError(f"y holds no labels for {len(outputs[0])} output(s): expected {expected}, got {data.targets[0]!r} …")
        border = real_number(threshold, "threshold")
        hits = [is_correct(scores, target, border) for scores, target in zip(outputs, data.targets, strict=True)]
        return hits.count(True) / len(hits)

    # --- Keeping ---

    def tensors(self) -> Mapping[str, Any]:
        """What is stored under which name: by default the attributes. A layer gathers the weights of its neurons here."""
        return vars(self)

    def symbols(self) -> Mapping[str, Any]:
        """What its own parameters are called on the blackboard: nests of them by symbol, ``w`` or, with something raised, ``w^r``."""
        letters = {"weight": "w", "bias": "b"}
        return {letters.get(name, name): part for name, part in self.tensors().items()}

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
        if not isinstance(state, Mapping):
            raise TypeError(f"load_state_dict needs what state_dict returned, got {type(state).__name__}")
        self._assign({name: _tensor(numbers, name) for name, numbers in state.items()})

    def save(self, path: str | PathLike[str]) -> None:
        """Write the parameters to ``path`` as a ``.safetensors`` file; the file that was there stays whole until the new one is.

        Should the process be killed half-way, a file ``.NAME.….tmp`` may be left beside it, until the next ``save`` to that path.
        The ``classes`` are written too; ValueError for labels other than text, numbers and tuples of these.
        """
        tensors = {name: Tensor(shape, [p.data for p in ps]) for name, (shape, ps) in self.groups().items()}
        known = {} if self.classes is None else {"classes": labelling.encoded(self.classes)}
        weights.write(path, tensors, {"architecture": json.dumps(self.architecture(), sort_keys=True), **known})

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
            classes = labelling.decoded(metadata["classes"]) if "classes" in metadata else None
            if self.classes is not None and self.classes != classes:
                raise ValueError(f"was saved for the classes {classes}; this model has {self.classes}")
            self._assign(tensors)
        except ValueError as error:
            raise WeightsError(path, str(error)) from None
        self.classes = classes

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


def inputs(x: Any, nin: int, taker: Module) -> list[Value]:
    """The inputs ``x`` (numbers or Values, a list or an array, or one alone) as ``nin`` Values; ValueError if not as many."""
    alone = isinstance(x, Value) or getattr(x, "shape", None) == () or not hasattr(x, "__iter__")
    try:
        values = [v if isinstance(v, Value) else Value(v) for v in ([x] if alone else x)]
    except TypeError as error:
        raise _of_inputs(error, x, nin, taker) from None
    if len(values) != nin:
        hint = "; among samples a row is one, [[…]] where it is alone, and X comes before y" if len(values) == 1 else ""
        raise ValueError(f"{type(taker).__name__} expects {nin} input(s), got {len(values)}{hint}")
    return values


def takes(nin: int, shape: Shape) -> bool:
    """Whether ``inputs`` takes what has this shape.

    >>> takes(2, (2,)), takes(1, ()), takes(2, ())
    (True, True, False)
    """
    return shape == (nin,) or (nin == 1 and not shape)


def shape_behind(layers: Iterable[Module], shape: Shape) -> Shape | None:
    """The ``out_shape`` of layers one after the other."""
    found: Shape | None = shape
    for layer in layers:
        found = None if found is None else layer.out_shape(found)
    return found


def _of_inputs(error: TypeError, x: Any, nin: int, taker: Module) -> TypeError:
    """The error to raise for inputs that are no numbers: another one for rows of them."""
    if isinstance(x, Iterable) and any(isinstance(v, (list, tuple)) or hasattr(v, "shape") for v in x):
        name = type(taker).__name__
        return TypeError(
            f"{name} takes one sample of {nin} number(s), got rows: predict(X), or [model(x) for x in X], takes several"
        )
    return error


# --- Walking the attributes ----------------------------------------------------------------------------------------------------


# Where something stands: the keys that lead there. Names are written only if asked for.
Path = tuple[Any, ...]
# Which to ask is cheaper than whether it is a Module, an abstract class.
_SCALARS = frozenset([str, bool, int, float, type(None)])


def _name(path: Path) -> str:
    """The path as a dotted name."""
    return ".".join(map(str, path))


def _items(holder: Any) -> Iterator[tuple[Any, Any]]:
    """What a module or container holds, by the keys."""
    if isinstance(holder, (list, tuple)):
        return enumerate(holder)
    return iter((holder if isinstance(holder, dict) else vars(holder)).items())


def _named(build: Callable[..., None]) -> Callable[..., None]:
    """An ``__init__`` after which the parameters have names where one is asked for."""

    @wraps(build)
    def __init__(self: Module, *args: Any, **options: Any) -> None:
        build(self, *args, **options)
        name_when_asked(self)

    return __init__


def _is_parameter(thing: Any) -> bool:
    return isinstance(thing, Value) and thing.is_leaf and not thing.is_constant


def _held(root: Module) -> list[Value] | None:
    """The parameters of a module, one that stands in two places twice, if whatever Values it holds are parameters; None for ``_leaves``.

    Values are asked for what they are all together, at the end: 4,417 of them in 129 neurons in 0.3 ms, where ``_leaves`` takes 0.6.
    """
    found: list[Value] = []
    entered, stack = {id(root)}, [iter(vars(root).values())]
    while stack:
        for thing in stack[-1]:
            kind = type(thing)
            if kind is Value or isinstance(thing, Value):
                found.append(thing)
            elif kind not in _SCALARS and id(thing) not in entered:
                entered.add(id(thing))
                if kind is list and thing and type(thing[0]) is Value:
                    found += thing
                else:
                    stack.append(iter(_inside(thing)))
                    break
        else:
            stack.pop()
    return found if are_parameters(found) else None


def _inside(thing: Any) -> Iterable[Any]:
    """What a module or container holds; of anything else nothing."""
    if isinstance(thing, Module):
        return vars(thing).values()
    if isinstance(thing, (list, tuple)):
        return thing
    return thing.values() if isinstance(thing, dict) else ()


def _leaves(root: Module) -> Iterator[tuple[Sequence[Any], Sequence[Any], Sequence[Value]]]:
    """Every parameter by the keys that lead to what holds it, its key there, and itself; those of a list of parameters together.

    A module or container that stands in two places is entered once. The keys change as the walk goes on. (A stack of iterators takes
    two thirds as long as one of what is still to be seen: with 4,417 parameters in 129 neurons 0.8 instead of 1.3 ms.)
    """
    entered, path, stack = {id(root)}, list[Any](), [_items(root)]
    while stack:
        for key, thing in stack[-1]:
            if type(thing) in _SCALARS:
                continue
            if isinstance(thing, Value):
                if _is_parameter(thing):
                    yield path, (key,), (thing,)
            elif isinstance(thing, (list, tuple, dict, Module)) and id(thing) not in entered:
                entered.add(id(thing))
                path.append(key)
                if not isinstance(thing, (list, tuple)) or not are_parameters(thing):
                    stack.append(_items(thing))
                    break
                yield path, range(len(thing)), thing
                path.pop()
        else:
            stack.pop()
            del path[-1:]  # the root has no key


def _groups(root: Module) -> Iterator[tuple[str, Group]]:
    entered: set[int] = set()
    stack: list[tuple[Path, Any]] = [((), root)]
    while stack:
        path, thing = stack.pop()
        group = _group(thing)
        if group is not None:
            yield _name(path), group
        elif isinstance(thing, (Module, list, tuple, dict)) and id(thing) not in entered:
            entered.add(id(thing))
            _refuse_results(path, thing)
            items = [((*path, key), part) for key, part in _items(dict(thing.tensors()) if isinstance(thing, Module) else thing)]
            stack.extend(reversed(items))


def _refuse_results(path: Path, thing: Any) -> None:
    """ValueError where a result stands among parameters, as after ``w[0] += 1``: it would be missing from what is stored."""
    if not isinstance(thing, (list, tuple)) or not any(map(_is_parameter, thing)):
        return
    for i, item in enumerate(thing):
        if isinstance(item, Value) and not item.is_leaf:
            raise ValueError(
                f"{_name((*path, i))} is the result of {item.op.name}, not a parameter; if w[{i}] += … made it, write w[{i}].data += …"
            )


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
