"""What a task is made of: tasks of equal parts are recorded alike, so that the second need not be recorded at all.

That can be told of this package's own layers and losses, whose functions follow from what their attributes hold. Anything else (a module
or an activation of one's own, a tied parameter, a generator, a Value that is no parameter) has no such parts and is recorded every time.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd import Value
from autograd.compiler.leaves import are_plain
from autograd.compiler.recent import Recent
from nn.activations import ACTIVATIONS
from nn.losses import LOSSES

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


def parts(task: Any, parameters: list[Value], learning: list[Value]) -> Hashable | None:
    """What the recording of a task follows from, besides the shape of its samples; None where that cannot be told."""
    from autograd.compiler.recording import is_altered

    if is_altered() or not any([task.loss is loss.function for loss in LOSSES.values()]) or learning != parameters:
        return None
    model = _structure(task.model, parameters)
    if model is None:
        return None
    numbers, ops = repr((task.l2, task.l1, task.threshold)), frozenset([p.op for p in parameters])
    return task.loss, numbers, task.clip, ops, tuple(ACTIVATIONS.values()), model


def _structure(model: Any, parameters: list[Value]) -> Hashable | None:
    """What the attributes of a model and of its layers hold, the parameters in this order; and the functions of their classes."""
    found: list[Hashable] = []
    met: list[Value] = []
    entered, stack = set[int](), [iter([model])]
    while stack:
        for thing in stack[-1]:
            kind = type(thing)
            if kind in _SCALARS:
                found.append(repr(thing))
            elif kind is Value:
                met.append(thing)
                found.append(Value)
            elif kind is tuple or (id(thing) not in entered and (kind is list or _is_ours(kind))):
                entered.add(id(thing))
                is_list = kind is list or kind is tuple
                names, things = ((), thing) if is_list else _attributes(thing)
                found.append((kind, len(things), *names))
                if not is_list or not are_plain(things):
                    stack.append(iter(things))
                    break
                met.extend(things)
                found.append(_PLAIN)
            else:
                return None
        else:
            stack.pop()
    kinds = {entry[0] for entry in found if type(entry) is tuple}
    return (*found, *_functions(kinds)) if met == parameters else None  # of Values this asks whether they are the same


def _attributes(thing: Any) -> tuple[Sequence[str], Sequence[Any]]:
    held = vars(thing)
    if "classes" in held:  # what labels are called, which no number follows from
        held = {name: x for name, x in held.items() if name != "classes"}
    return tuple(held), list(held.values())


def _is_ours(kind: type) -> bool:
    return kind.__module__.startswith("nn.")


def _functions(kinds: Iterable[type]) -> Iterator[Hashable]:
    """What classes of ours do, as it is now: somebody may have put a function of their own in the place of one."""
    bases = {base for kind in kinds for base in kind.__mro__ if _is_ours(base)}
    for base in sorted(bases, key=repr):
        yield tuple([(name, x) for name, x in vars(base).items() if callable(x) or isinstance(x, property)])
