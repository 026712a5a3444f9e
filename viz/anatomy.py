"""What a network does with one sample or many: what comes out of each of its stages, and what derivative flows back.

Glossary::

    stage      a layer, or whatever else a network does one after the other; stage 0 is the input
    unit       one number that a stage gives: a neuron's output, a pixel of a feature map
    still      a neuron, or a whole feature map, whose activation is flat wherever the samples are
    course     a unit's numbers for all samples
    findings   what is wrong at a glance, in words: dead, saturated, without gradient, exploding

A network is known here by little: ``parameters()``, being called with a list of Values, and ``layers``, a list of such; a stage may
have ``neurons`` (each with ``w``, ``b``) or a ``weight`` of kernels. Nothing is written into it: its gradients stay what they are.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autograd import Value
from autograd.backward import propagate, recorded_numbers
from viz.stages import chain, flat, learning

SATURATED = 1e-3  # an activation whose slope is below this everywhere lets next to nothing through
EXPLODING = 1e3
MOST_SIZES = 12  # of a network that are written out
Course = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """A matrix of weights [unit][input] and their mean gradients, and the biases; ``labels`` are those of both, row by row."""

    data: tuple[Course, ...]
    gradients: tuple[Course, ...]
    biases: Course
    bias_gradients: Course
    labels: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage gave: for each unit its data and its gradient, sample by sample; empty if no sample was given."""

    title: str
    activation: str
    shape: tuple[int, ...]
    data: tuple[Course, ...]
    gradients: tuple[Course, ...]
    slopes: tuple[Course, ...]
    weights: Weights | None
    kernels: tuple[tuple[tuple[Course, ...], ...], ...]
    parameters: int
    without_gradient: int

    @property
    def units(self) -> int:
        """How many numbers it gives."""
        return math.prod(self.shape)

    @property
    def activity(self) -> Course:
        """The mean of each unit's data."""
        return tuple(map(mean, self.data))

    @property
    def pull(self) -> Course:
        """The mean size of each unit's gradient."""
        return tuple(mean([abs(g) for g in course]) for course in self.gradients)

    @property
    def still(self) -> tuple[bool, ...]:
        """Of each neuron, or map, whether its activation is flat wherever the samples are."""
        flat_units = [all(abs(slope) < SATURATED for slope in course) for course in self.slopes]
        size = self.units // self.shape[0]
        return tuple(all(flat_units[i : i + size]) for i in range(0, len(flat_units), size))

    @property
    def exploding(self) -> float:
        """Its largest gradient if that is so large that it explodes, else 0."""
        largest = max((abs(g) for course in self.gradients for g in course), default=0.0)
        return largest if largest > EXPLODING else 0.0

    def wrong(self, samples: int) -> str:
        """What a still one is."""
        every = "for this sample" if samples == 1 else f"for all {samples} samples"
        return f"{'dead' if self.activation == 'relu' else 'saturated'} {every}"


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A network's stages, the input first, and what is to be said about them."""

    title: str
    stages: tuple[Stage, ...]
    samples: int
    result: str
    parameters: int
    findings: tuple[str, ...]


def anatomy(model: Any, rows: Sequence[Sequence[Any]], targets: Sequence[Any] | None, loss: Callable[..., Any] | None) -> Anatomy:
    """What the network does with these rows; ValueError if it has no parameters, or if none are given and its size is not known."""
    parameters = model.parameters() if hasattr(model, "parameters") else []
    if not parameters:
        raise ValueError(f"network needs a model with parameters, got {type(model).__name__} with none")
    layers = list(chain(model, _values(rows[0])) if rows else learning(model))
    passes = [
        _pass(layers, row, None if targets is None else targets[i], loss, targets is not None) for i, row in enumerate(rows)
    ]
    stages = [_input(layers, passes)]
    for k, layer in enumerate(layers):
        stages.append(_stage(layer, stages[-1].units, k, passes))
    what = "the loss" if loss is not None else "the output"
    found = tuple(line for k, stage in enumerate(stages[1:], 1) for line in _findings(stage, k, len(rows)))
    return Anatomy(str(type(model).__name__), tuple(stages), len(rows), what, len(parameters), found)


def mean(xs: Sequence[float]) -> float:
    """The mean; nan of nothing."""
    return math.fsum(xs) / len(xs) if xs and all(map(math.isfinite, xs)) else sum(xs) / len(xs) if xs else math.nan


def in_view(count: int, most: int) -> list[tuple[int, int]]:
    """The places of so many things that are shown, the middle of more than ``most`` left out, and how many are left out before each.

    >>> in_view(3, 4), in_view(9, 4)
    ([(0, 0), (1, 0), (2, 0)], [(0, 0), (1, 0), (8, 6)])
    """
    if count <= most:
        return [(i, 0) for i in range(count)]
    first, last = most // 2, count - most // 2 + 1
    return [*((i, 0) for i in range(first)), *((i, (last - first) * (i == last)) for i in range(last, count))]


def in_short(texts: Sequence[str], most: int) -> list[str]:
    """The texts, the middle of more than ``most`` left out and counted.

    >>> "→".join(in_short(["2", *["8"] * 70, "1"], 6))
    '2→8→8→… 67 more→8→1'
    """
    shown = ((f"… {skipped:,} more", texts[i]) if skipped else (texts[i],) for i, skipped in in_view(len(texts), most))
    return [text for each in shown for text in each]


def sizes(widths: Iterable[int]) -> str:
    """How many numbers go in, and come out of each stage, in words."""
    return "→".join(in_short([str(width) for width in widths], MOST_SIZES))


@dataclass(frozen=True, slots=True)
class _Pass:
    """One sample on its way: the input, what each stage gave, and all adjoints."""

    inputs: tuple[Value, ...]
    given: tuple[Any, ...]
    adjoints: dict[Value, float]


def _pass(layers: Sequence[Any], row: Sequence[Any], target: Any, loss: Callable[..., Any] | None, has_target: bool) -> _Pass:
    inputs = tuple(_values(row))
    given: list[Any] = []
    x: Any = list(inputs)
    for layer in layers:
        x = layer(x)
        given.append(x)
    if loss is None:
        outputs = list(flat(x))
        root = outputs[0]
        for other in outputs[1:]:
            root = root + other
    else:
        root = loss(x, target) if has_target else loss(x)
    if not isinstance(root, Value):
        raise TypeError(f"loss must give a Value, got {type(root).__name__}")
    return _Pass(inputs, tuple(given), propagate(root, 1.0))


def _values(row: Sequence[Any]) -> list[Value]:
    return [v if isinstance(v, Value) else Value(v) for v in row]


def _shape(nest: Any) -> tuple[int, ...]:
    shape = []
    while isinstance(nest, (list, tuple)):
        shape.append(len(nest))
        nest = nest[0]
    return tuple(shape) or (1,)


def _courses(columns: Sequence[Sequence[float]]) -> tuple[Course, ...]:
    """Numbers [sample][unit] as [unit][sample]."""
    return tuple(zip(*columns, strict=True))


def _input(layers: Sequence[Any], passes: Sequence[_Pass]) -> Stage:
    neurons = getattr(layers[0], "neurons", None)
    if not passes and neurons is None:
        raise ValueError(f"network needs x here: the size of what {type(layers[0]).__name__} takes is not known without a sample")
    size = len(passes[0].inputs) if passes or neurons is None else len(neurons[0].w)
    data = _courses([[v.data for v in p.inputs] for p in passes])
    gradients = _courses([[p.adjoints.get(v, 0.0) for v in p.inputs] for p in passes])
    return Stage("input", "", (size,), data, gradients, (), None, (), 0, 0)


def _stage(layer: Any, units_before: int, k: int, passes: Sequence[_Pass]) -> Stage:
    neurons = getattr(layer, "neurons", None)
    outputs = [list(flat(p.given[k])) for p in passes]
    shape = _shape(passes[0].given[k]) if passes else (len(neurons or ()),)
    parameters = layer.parameters()
    silent = [v for v in parameters if passes and not any(p.adjoints.get(v, 0.0) for p in passes)]
    activation = _activation(neurons[0] if neurons else layer)
    inside = f"{units_before}→{math.prod(shape)}" if neurons else "×".join(map(str, shape))
    return Stage(
        title=f"{activation} {inside}" if neurons else " ".join(filter(None, (type(layer).__name__, activation, inside))),
        activation=activation,
        shape=shape,
        data=_courses([[v.data for v in column] for column in outputs]),
        gradients=_courses([[p.adjoints.get(v, 0.0) for v in column] for p, column in zip(passes, outputs, strict=True)]),
        slopes=_courses([[_slope(v) for v in column] for column in outputs]) if activation else (),
        weights=_weights(neurons, passes) if neurons and len(neurons[0].w) == units_before else None,
        kernels=_kernels(layer),
        parameters=len(parameters),
        without_gradient=len(silent),
    )


def _slope(v: Value) -> float:
    """∂v/∂operand of what an activation gave, as its rule says it; 1 for anything else."""
    if len(v._prev) != 1 or v.op.rule is None:
        return 1.0
    return v.op.rule(1.0, v.data, *recorded_numbers(v))[0] or 0.0


def _activation(holder: Any) -> str:
    """The name of its activation, if it has one."""
    activation = getattr(holder, "activation", "")
    return activation if isinstance(activation, str) else str(getattr(activation, "__name__", "own")).strip("<>")


def _weights(neurons: Sequence[Any], passes: Sequence[_Pass]) -> Weights:
    def slopes(v: Value) -> float:
        return mean([p.adjoints.get(v, 0.0) for p in passes]) if passes else 0.0

    return Weights(
        tuple(tuple(w.data for w in neuron.w) for neuron in neurons),
        tuple(tuple(map(slopes, neuron.w)) for neuron in neurons),
        tuple(neuron.b.data for neuron in neurons),
        tuple(slopes(neuron.b) for neuron in neurons),
        tuple(tuple(str(v.label) for v in (*neuron.w, neuron.b)) for neuron in neurons),
    )


def _kernels(layer: Any) -> tuple[tuple[tuple[Course, ...], ...], ...]:
    """The kernels [out][in] of a convolution as rows of numbers; of anything else nothing."""
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, (list, tuple)) or len(_shape(weight)) not in (3, 4):
        return ()
    flat = len(_shape(weight)) == 3
    return tuple(
        tuple(tuple(tuple(w.data for w in row) for row in ([kernel] if flat else kernel)) for kernel in into) for into in weight
    )


# --- Findings ------------------------------------------------------------------------------------------------------------------


def _findings(stage: Stage, k: int, samples: int) -> Iterator[str]:
    """What is wrong with a stage, in words."""
    if not samples:
        return
    where = f"in layer {k}"
    count, still = len(stage.still), sum(stage.still)
    units = f"{count} {'map' if len(stage.shape) > 1 else 'neuron' if stage.weights else 'unit'}{'s' * (count != 1)}"
    if still:
        yield f"{still} of {units} {where} {_is(still)} {stage.wrong(samples)}."
    if stage.without_gradient:
        count = stage.without_gradient
        yield f"{count} of {stage.parameters} parameters {where} {'has' if count == 1 else 'have'} no gradient."
    broken = sum(not math.isfinite(x) for course in (*stage.data, *stage.gradients) for x in course)
    if broken:
        yield f"{broken} numbers {where} are infinite or no numbers."
    elif stage.exploding:
        yield f"Gradients {where} are as large as {stage.exploding:.3g}."


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
