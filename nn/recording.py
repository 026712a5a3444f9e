"""When one recording may stand for all samples: the plain Python code is the reference, and what differs from it is not compiled.

A model, a loss and an optimizer are Python functions of numbers. What is recorded of them holds for other numbers only if they do the
same to every sample. Branches and plain reads of a number are heard of while recording (``autograd.compiler.training``); here is what
cannot be heard: functions that draw random numbers, count their calls, look at types, or look a number up in a dict.
"""

import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from autograd import Value, no_grad

if TYPE_CHECKING:
    from autograd.compiler.recording import Fingerprint

Sample = TypeVar("Sample")
# Plain floats may take other functions (np.tanh of a float is NumPy's own): rounding differs then, and is no other function.
RELATIVE, ABSOLUTE = 1e-9, 1e-12


def recorded_at(
    samples: Sequence[Sample],
    record: Callable[..., tuple[list[Value], list[Value]]],
    plain: Callable[[Sample], Sequence[float]],
) -> "tuple[list[Value], list[Value], Fingerprint]":
    """What ``record(sample)`` records at the first sample: results, inputs, and their form; ``record(sample, Value)`` at plain Values.

    TypeError if that is something else, if another graph is recorded at another sample, or if its first results are not the numbers of
    ``plain(sample)``. A single sample is recorded without a trial.
    """
    from autograd.compiler.recording import fingerprint, refuse_types

    found: list[tuple[list[Value], list[Value], Fingerprint]] = []
    for sample in samples:
        results, inputs = _recorded(record, sample)
        found.append((results, inputs, fingerprint(results, inputs)))
        if len(samples) == 1:
            break
        if found[0][2] != found[-1][2]:
            raise TypeError("the model or the loss is another function at every call, so that it cannot be recorded once for all")
        with no_grad():
            expected = plain(sample)
        for result, number in zip(results, expected, strict=False):
            if not _close(result.data, number):
                raise TypeError(
                    f"the model or the loss gives {number!r} for plain numbers and {result.data!r} for Values: it looks at types, "
                    "uses a number as a key or changes from call to call; such functions cannot be recorded"
                )
    if len(samples) > 1:
        refuse_types("the model or the loss", found[0][0], _recorded(record, samples[0], Value)[0])
    return found[0]


def _recorded(record: Callable[..., Any], sample: Sample, *kind: type[Value]) -> Any:
    try:
        return record(sample, *kind)
    except TypeError:
        raise
    except Exception as error:
        raise TypeError(f"the model or the loss cannot be recorded ({type(error).__name__}: {error})") from error


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=RELATIVE, abs_tol=ABSOLUTE) or (a != a and b != b)


@contextmanager
def drawing_nothing(model: Any) -> Iterator[None]:
    """A context in which drawing random numbers is a TypeError; the generators are put back then.

    Generators are those of ``random`` and NumPy, and those that the model holds. None is a model known to draw nothing: it is not
    watched, since another thread may draw in the meantime.
    """
    if model is None:
        yield
        return
    generators = list(_generators(model))
    before = [get() for get, _ in generators]
    failure: TypeError | None = None
    try:
        yield
    except TypeError as error:  # perhaps because of what was drawn
        failure = error
    drawn = False
    for (get, put), state in zip(generators, before, strict=True):
        if _comparable(get()) != _comparable(state):
            drawn = True
            put(state)
    if drawn:
        raise TypeError("the model or the loss draws random numbers, so that it cannot be recorded once for all") from failure
    if failure is not None:
        raise failure


def _generators(model: Any) -> Iterator[tuple[Callable[[], Any], Callable[[Any], object]]]:
    """How to read and to write the state of each generator."""
    yield random.getstate, random.setstate
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        yield partial(numpy.get_state, legacy=False), numpy.set_state
    entered: set[int] = set()
    stack = [model]
    while stack:
        thing = stack.pop()
        if isinstance(thing, Value) or id(thing) in entered:
            continue
        entered.add(id(thing))
        if isinstance(thing, random.Random):
            yield thing.getstate, thing.setstate
        elif numpy is not None and isinstance(thing, numpy.RandomState):
            yield partial(thing.get_state, legacy=False), thing.set_state
        elif hasattr(thing, "bit_generator"):
            source = thing.bit_generator
            yield lambda source=source: source.state, lambda state, source=source: setattr(source, "state", state)  # type: ignore[misc]
        elif hasattr(thing, "named_parameters"):  # a module
            stack.extend(vars(thing).values())
        elif isinstance(thing, dict):
            stack.extend(thing.values())
        elif isinstance(thing, (list, tuple)):
            stack.extend(thing)


def _comparable(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _comparable(part) for key, part in state.items()}
    return state.tobytes() if hasattr(state, "tobytes") else state
