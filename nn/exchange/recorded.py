"""What of a model is written for other languages: its scores for one row of numbers, as a recorded graph."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from autograd import Value
from autograd.compiler import engines
from nn.compiled import recorded_scores
from nn.conv import Unflatten
from nn.layers import MLP, Layer, Neuron, Sequential, is_chain
from nn.module import Module
from nn.sequences import Embedding
from nn.settings import whole

if TYPE_CHECKING:
    from autograd.compiler.program import Program


@final
@dataclass(frozen=True)
class Recorded:
    """The scores of a model for a row of inputs."""

    parameters: list[Value]
    inputs: list[Value]
    scores: list[Value]

    def program(self) -> "Program":
        """The program with the inputs and then the parameters as its numbers."""
        from autograd.compiler.packs import build

        return build(self.scores, shared=[*self.inputs, *self.parameters])

    def numbers(self) -> tuple[float, ...]:
        """The parameters as they are now."""
        return tuple([p.data for p in self.parameters])


def recorded(model: Module, inputs: int | None = None) -> Recorded:
    """The model recorded on a row of ``inputs`` numbers (by default what its first layer takes).

    ValueError if the number is needed or cannot be, ImportError without the extra ``fast``, TypeError for a model that is no fixed
    function of the row.
    """
    if not isinstance(model, Module):
        raise TypeError(f"only an nn.Module can be exported, got {type(model).__name__}")
    engines.chosen("numpy")  # programs are made with NumPy: ImportError naming the extra
    scores, given, _ = recorded_scores(
        model, _rows_for(model, width_of(model) if inputs is None else whole(inputs, "inputs")), everywhere=True
    )
    return Recorded(model.parameters(), given, scores)


def _rows_for(model: Module, width: int) -> list[list[float]]:
    """Two rows that the model takes: of an Embedding's numbers where there is one."""
    counts = [len(embedding.weight) for embedding in _embeddings(model)]
    if counts:
        return [[0.0] * width, [float(i % min(2, *counts)) for i in range(width)]]
    return [[0.5 + 0.25 * math.sin(i) for i in range(width)], [0.125 - math.cos(i) for i in range(width)]]


def _embeddings(part: Any) -> list[Embedding]:
    """Those that a model holds, at any depth."""
    if isinstance(part, Embedding):
        return [part]
    held = vars(part).values() if isinstance(part, Module) else part if isinstance(part, (list, tuple)) else ()
    return [found for each in held for found in _embeddings(each)]


def layers_of(model: Any) -> list[Any]:
    """The layers of a model, those of models within it in their place."""
    return [part for layer in model.layers for part in layers_of(layer)] if is_chain(model) else [model]


def width_of(model: Module) -> int:
    """How many numbers a row of the model's inputs has; ValueError if its first layer does not say."""
    first: Any = model
    while isinstance(first, (Sequential, MLP)):
        first = first.layers[0]
    if isinstance(first, Layer):
        first = first.neurons[0]
    if isinstance(first, Neuron):
        return len(first.w)
    if isinstance(first, Unflatten):
        return math.prod(first.shape)
    raise ValueError(
        f"how many numbers a row has is not known from {type(first).__name__}: say inputs=…; a model of images begins with "
        "Unflatten(channels, rows, columns)"
    )


def activation_of(layer: Any) -> Any:
    """The activation of a layer; linear for what has none."""
    return getattr(layer.neurons[0] if isinstance(layer, Layer) else layer, "activation", "linear")


def described(model: Module, found: Recorded) -> str:
    """A line or two that say what was exported."""
    import autograd

    architecture = model.architecture()
    text = re.sub(" at 0x[0-9a-fA-F]+", "", repr(model)) if architecture is None else json.dumps(architecture)
    sizes = f"{len(found.inputs)} numbers in, {len(found.scores)} out, {len(found.parameters)} parameters"
    return f"{text if len(text) <= 1000 else text[:997] + '...'}\n{sizes}. Written by chalkgrad {autograd.__version__}."


def checked_rows(rows: Sequence[Sequence[float]] | None, width: int) -> list[list[float]]:
    """Rows to try the export on; ValueError if they have another length."""
    from nn.samples import rows as listed

    found = [] if rows is None else listed(rows, "rows")
    if found and len(found[0]) != width:
        raise ValueError(f"rows must have {width} numbers each, as the model takes, got {len(found[0])}")
    return found
