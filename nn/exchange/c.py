"""A model as C: ``NAME.h`` and ``NAME.c`` with ``NAME_predict``, and a ``main.c`` that answers lines of numbers.

With ``gradient`` there is the gradient of a loss too, with ``train`` one step of gradient descent on weights in memory, so that a device
learns by itself. What the functions compute is recorded from the model, the loss and the optimizer as they stand in Python.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from os import PathLike
from pathlib import Path
from typing import Any, final

from autograd import Value
from nn.exchange.files import written
from nn.exchange.recorded import Recorded, checked_rows, described, recorded
from nn.exchange.taken import Taken, taken_from, totals
from nn.losses import loss_of
from nn.module import Module
from nn.optim import SGD

# A function of a C module, with the comment for it.
Commented = tuple[Any, str]
# Where results go, and the Values that go there.
Output = tuple[Any, Sequence[Value]]


def export_c(
    model: Module,
    folder: str | PathLike[str],
    *,
    name: str = "model",
    dtype: str = "double",
    gradient: bool = False,
    train: bool = False,
    loss: str = "mse",
    inputs: int | None = None,
    rows: Any = None,
) -> list[Path]:
    """Write the model as C99, which is C++ too, into the folder; returns the paths of ``NAME.h``, ``NAME.c`` and ``main.c``.

    ``NAME_predict(x, y)`` gives the scores that ``model.predict`` gives: with ``dtype="double"`` the same bits where the C library is the
    same and the source is compiled with ``-ffp-contract=off``; with ``"float"`` an error that the header states for ``rows``. With
    ``gradient=True`` there is ``NAME_gradient(x, target, gradient)``, which returns the ``loss`` of one sample (of ``nn``, by its name);
    with ``train=True`` ``NAME_start(weights)``, ``NAME_answer(weights, x, y)`` and ``NAME_train(weights, x, target, rate)``, one step of
    gradient descent, which returns the loss. Targets are as many numbers as scores, for cross entropy a 1 at the class. No function
    allocates or keeps anything; ``math.h`` is all they need. ``inputs`` is the length of a row where the first layer does not say.
    Sources compile with the header of their own export only.
    Where a number of the row is none of an Embedding's, scores and loss are nan, and training leaves the weights alone; of an Embedding
    that is used as such it changes the rows that it takes.

    ValueError for a name, dtype, loss or rows that cannot be, TypeError for a model that is no fixed function of its row.

    >>> import nn, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = export_c(nn.MLP(2, [1], init=0.5, seed=0), folder, name="line")
    ...     print([path.name for path in paths])
    ['line.h', 'line.c', 'main.c']
    """
    from autograd.compiler.targets.c import checked_dtype, checked_name
    from autograd.compiler.targets.c_module import module

    checked_name(name)
    checked_dtype(dtype)
    function = loss_of(loss).function
    found = recorded(model, inputs)
    functions = [_predict(found, name, dtype)]
    derived = _derived(found, function) if gradient or train else None
    functions += [_gradient(found, name, dtype, derived)] if derived and gradient else []
    functions += _training(found, name, dtype, derived) if derived and train else []
    about = "\n".join([described(model, found), *_how(found, name, dtype, checked_rows(rows, len(found.inputs)))])
    labels = [str(label) for label in model.classes or ()]
    more = {"main.c": _main(name, dtype, len(found.inputs), len(found.scores))}
    return written(folder, module(name, functions, dtype=dtype, about=about, declarations=_classes(name, labels), more=more))


# --- Functions -----------------------------------------------------------------------------------------------------------------


def _function(outputs: Sequence[Output], inputs: Sequence[tuple[str, Sequence[Value]]], **named: Any) -> Any:
    """The C function that computes these Values from these arrays."""
    from autograd.compiler.packs import build
    from autograd.compiler.targets.c_language import Argument
    from autograd.compiler.targets.c_module import function

    constants = named.pop("numbers", {})
    program = build([v for _, values in outputs for v in values], shared=[v for _, values in inputs for v in values])
    given = [Argument(array, len(values), constants.get(array)) for array, values in inputs]
    return function(program, named.pop("name"), given, [argument for argument, _ in outputs], **named)


def _filled(array: str, values: Sequence[Value], offset: int = 0) -> Output:
    """These Values in an array."""
    from autograd.compiler.targets.c_language import Argument

    return Argument(array, len(values), offset=offset), values


def _weights(found: Recorded, name: str) -> tuple[str, list[Value]]:
    return f"{name}_weights", found.parameters


def _predict(found: Recorded, name: str, dtype: str) -> Commented:
    weights = _weights(found, name)
    made = _function(
        [_filled("y", found.scores)],
        [("x", found.inputs), weights],
        name=f"{name}_predict",
        module=name,
        dtype=dtype,
        numbers={weights[0]: found.numbers()},
    )
    return made, "From a row x the scores y."


@final
@dataclass(frozen=True)
class _Derived:
    """The loss of one sample with its targets, and its gradient by parameters: by those at ``places``, and by what is ``taken``."""

    error: Value
    targets: list[Value]
    places: list[int]
    gradient: list[Value]
    taken: list[Taken]
    arriving: list[Value]

    def outputs(self, array: str, values: Sequence[Value], arriving: Sequence[Value], *, clears: bool) -> list[Output]:
        """An array over all parameters with these values at their places and these in the rows taken; others are 0 if it ``clears``."""
        from autograd.compiler.targets.c_language import Rows

        found: list[Output] = []
        for _, run in groupby(enumerate(zip(self.places, values, strict=True)), key=lambda each: each[1][0] - each[0]):
            stretch = [pair for _, pair in run]
            found.append(_filled(array, [value for _, value in stretch], offset=stretch[0][0]))
        for step, count in dict.fromkeys([(taken.step, taken.count) for taken in self.taken]):
            some = [(t, v) for t, v in zip(self.taken, arriving, strict=True) if (t.step, t.count) == (step, count)]
            rows = Rows(array, tuple([taken.first for taken, _ in some]), step, count, clears)
            found.append((rows, [*[taken.index for taken, _ in some], *[value for _, value in some]]))
        return found


def _derived(found: Recorded, function: Any) -> _Derived:
    from autograd.compiler.training import without_branches
    from autograd.derivatives import adjoint_graph

    targets = [Value(0.0) for _ in found.scores]
    with without_branches() as results:
        error = function(found.scores, targets) if len(targets) > 1 else function(found.scores[0], targets[0])
        results.append(error)
    taken = taken_from(error, found.parameters)
    rows = {each.first + each.step * k for each in taken for k in range(each.count)}
    places = [i for i in range(len(found.parameters)) if i not in rows]
    gradient = adjoint_graph(error, [*[found.parameters[i] for i in places], *[each.number for each in taken]], anywhere=True)
    return _Derived(error, targets, places, gradient[: len(places)], taken, totals(taken, gradient[len(places) :]))


def _gradient(found: Recorded, name: str, dtype: str, derived: _Derived) -> Commented:
    weights = _weights(found, name)
    made = _function(
        [_filled("loss", [derived.error]), *derived.outputs("gradient", derived.gradient, derived.arriving, clears=True)],
        [("x", found.inputs), ("target", derived.targets), weights],
        name=f"{name}_gradient",
        module=name,
        dtype=dtype,
        returned="loss",
        numbers={weights[0]: found.numbers()},
    )
    return made, "The loss of a row x with its target; fills its gradient by the weights."


def _training(found: Recorded, name: str, dtype: str, derived: _Derived) -> list[Commented]:
    """Weights to start from, the scores that weights give, and a step of gradient descent on them."""
    rate = Value(0.01)
    optimizer = SGD(found.parameters, lr=0.01)
    optimizer.lr = rate  # type: ignore[assignment]
    learning = [*[found.parameters[i] for i in derived.places], *[each.number for each in derived.taken]]
    arriving = [*derived.gradient, *derived.arriving]
    stepped = [optimizer.update(1.0, p, g, 0.0)[0] for p, g in zip(learning, arriving, strict=True)]
    new = derived.outputs("weights", stepped[: len(derived.places)], stepped[len(derived.places) :], clears=False)
    weights, common, own = ("weights", found.parameters), {"module": name, "dtype": dtype}, _weights(found, name)
    start = _function(
        [_filled("weights", found.parameters)], [own], name=f"{name}_start", numbers={own[0]: found.numbers()}, **common
    )
    answer = _function([_filled("y", found.scores)], [weights, ("x", found.inputs)], name=f"{name}_answer", **common)
    train = _function(
        [_filled("loss", [derived.error]), *new],
        [weights, ("x", found.inputs), ("target", derived.targets), ("rate_", [rate])],
        name=f"{name}_train",
        returned="loss",
        **common,
    )
    return [
        (start, "Fills weights with those of the model."),
        (answer, "From a row x the scores y that these weights give."),
        (train, "Moves the weights against the gradient for a row x with its target, times the rate; returns the loss before."),
    ]


# --- What stands around them ---------------------------------------------------------------------------------------------------


def _how(found: Recorded, name: str, dtype: str, rows: list[list[float]]) -> list[str]:
    """How to compile it, and how far its answers may be from Python's."""
    lines = [f"Compile with: cc -std=c99 -O2 -ffp-contract=off {name}.c main.c -lm"]
    if dtype == "double":
        return [*lines, "Its scores have the bits of Python's where the C library is the same."]
    if rows:
        return [*lines, f"Largest error of a score against Python's double on {len(rows)} rows: {_float_error(found, rows):.1e}"]
    return [*lines, "Numbers are float: pass rows=… to export_c to have the largest error written here."]


def _float_error(found: Recorded, rows: list[list[float]]) -> float:
    """Twice the largest error that numbers of 32 bits make on these rows: libraries differ in the last bits; rounded up."""
    import numpy as np

    from autograd.compiler.targets.numpy import NumpyExecutor
    from autograd.compiler.training import sample_program

    program = sample_program(found.scores, found.parameters, found.inputs)
    lanes, weights = np.array(rows).T.copy(), np.array(found.numbers())
    exact, single = [NumpyExecutor(program, fast=True, dtype=kind).evaluate(weights, lanes) for kind in (np.float64, np.float32)]
    worst = max([float(np.abs(a - b).max()) for a, b in zip(exact, single, strict=True) if a.size])
    return float(f"{2.1 * worst:.1e}")


def _classes(name: str, labels: Sequence[str]) -> str:
    """The classes by name."""
    from autograd.compiler.targets.c_language import identifier

    if not labels:
        return ""
    names: dict[str, str] = {}
    for number, label in enumerate(labels):
        word = identifier(label).upper() or str(number)
        names.setdefault(word if word not in names else f"{word}_{number}", label)
    members = ", ".join(f"{name.upper()}_CLASS_{word} = {number}" for number, word in enumerate(names))
    return f"/* The classes, by the place of the largest score (of one score: 0 up to 0, 1 above). */\nenum {name}_class {{ {members} }};"


def _main(name: str, dtype: str, width: int, size: int) -> str:
    reads, prints = ("%lf", "%.17g") if dtype == "double" else ("%f", "%.9g")
    return f"""/* Answers lines of {width} numbers with {size} each: cc -std=c99 -O2 -ffp-contract=off {name}.c main.c -lm */
#include <stdio.h>

#include "{name}.h"

int main(void) {{
  {dtype} x[{width}], y[{size}];
  for (;;) {{
    int i;
    for (i = 0; i < {width}; i++) {{
      if (scanf("{reads}", &x[i]) != 1) return i == 0 && feof(stdin) ? 0 : 1;
    }}
    {name}_predict(x, y);
    for (i = 0; i < {size}; i++) printf("{prints}%c", y[i], i < {size} - 1 ? ' ' : '\\n');
  }}
}}
"""
