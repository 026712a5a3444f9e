"""What a task is made of: tasks of equal parts are recorded alike, so that the second need not be recorded at all.

That can be told of this package's own layers, losses and optimizers, whose functions follow from what their attributes hold. Anything
else (a module or an activation of one's own, a tied parameter, a generator, a Value that is no parameter) has no such parts and is
recorded every time.
"""

from collections.abc import Hashable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd import Value
from autograd.compiler.leaves import are_parameters, are_plain
from autograd.compiler.recent import Recent
from nn.activations import ACTIVATIONS
from nn.losses import LOSSES
from nn.optim import OPTIMIZERS, Optimizer

if TYPE_CHECKING:
    from autograd.compiler.recording import Fingerprint

_SCALARS = frozenset([str, float, int, bool, type(None)])
_PLAIN = (Value,)  # of a list that holds nothing but Values


class Known(NamedTuple):
    """What a recording said: the forms of loss and hit and of the penalties, how many classes a target names, and whether layers draw."""

    forms: "tuple[Fingerprint, Fingerprint]"
    classes: int
    draws: bool


# Of the last tasks what their recordings said; None where samples took ways of their own.
recent = Recent[Known | None](8)
# Of the last optimizers the forms of their updates.
updates = Recent["Fingerprint"](8)
# What an optimizer holds besides its settings.
_PROGRESS = frozenset(["params", "lr", "schedule", "steps", "kept_state"])


class Made(NamedTuple):
    """What a model is made of, and its parameters, in their order."""

    structure: Hashable
    parameters: list[Value]


def parts(task: Any, made: Made | None, parameters: list[Value], learning: list[Value]) -> Hashable | None:
    """What the recording of a task with a model so made follows from, besides the shape of its samples; None where that cannot be told."""
    from autograd.compiler.recording import is_altered

    if made is None or is_altered() or not any([task.loss is loss.function for loss in LOSSES.values()]):
        return None
    if not made.parameters == parameters == learning:  # of Values this asks whether they are the same
        return None
    numbers = repr((task.l2, task.l1, task.threshold))
    return task.loss, numbers, task.clip, tuple(ACTIVATIONS.values()), made.structure


def update_parts(optimizer: Optimizer) -> Hashable | None:
    """What the recording of an optimizer's update follows from; None where that cannot be told."""
    kind, settings = type(optimizer), [item for item in vars(optimizer).items() if item[0] not in _PROGRESS]
    numbers = chain.from_iterable([x if type(x) is tuple else (x,) for _, x in settings])
    if kind not in OPTIMIZERS.values() or not _SCALARS.issuperset(map(type, numbers)):
        return None
    return kind, repr(settings), *_functions([kind])


def made_of(model: Any) -> Made | None:
    """What the attributes of a model and of its layers hold, and the functions of their classes; None if that is not layers of ours,
    lists, numbers, texts, and parameters that each stand in one place."""
    found: list[Hashable] = []
    met: list[Any] = []
    kinds: set[type] = {list, tuple}
    others, entered, stack = set[type](), set[int](), [iter([model])]
    while stack:
        for thing in stack[-1]:
            kind = type(thing)
            if kind in _SCALARS:
                found.append(repr(thing))
            elif kind is Value:
                met.append(thing)
                found.append(Value)
            elif (kind in kinds or _is_layer(kind)) and (kind is tuple or id(thing) not in entered):
                kinds.add(kind)
                entered.add(id(thing))
                is_list = kind is list or kind is tuple
                held: Any = thing if is_list else _attributes(thing)
                found.append((kind, len(held)) if is_list else (kind, *held))
                if not is_list or not held or type(held[0]) is not Value:
                    stack.append(iter(held if is_list else held.values()))
                    break
                met += held
                found.append(_PLAIN)
            elif _is_frozen(kind):
                others.add(kind)
                found.append(thing)
            else:
                return None
        else:
            stack.pop()
    are_ordinary = are_plain(met) and are_parameters(met) and len(set(met)) == len(met)
    return Made((*found, *_functions(kinds | others)), met) if are_ordinary else None


def _attributes(thing: Any) -> dict[str, Any]:
    held: dict[str, Any] = vars(thing)
    if "classes" in held:  # what labels are called, which no number follows from
        return {name: x for name, x in held.items() if name != "classes"}
    return held


def _is_ours(kind: type) -> bool:
    return kind.__module__.startswith("nn.")


def _is_layer(kind: type) -> bool:
    return _is_ours(kind) and hasattr(kind, "named_parameters")


def _is_frozen(kind: type) -> bool:
    """Whether things of this class are what their attributes were once and for all, such as the geometry of a kernel."""
    settings = getattr(kind, "__dataclass_params__", None)
    return _is_ours(kind) and settings is not None and settings.frozen


def _functions(kinds: Iterable[type]) -> Iterator[Hashable]:
    """What classes of ours do, as it is now: somebody may have put a function of their own in the place of one."""
    bases = {base for kind in kinds for base in kind.__mro__ if _is_ours(base)}
    for base in sorted(bases, key=repr):
        yield tuple([(name, x) for name, x in vars(base).items() if callable(x) or isinstance(x, property)])
