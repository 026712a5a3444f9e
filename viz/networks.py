"""``network``: a model of ``nn``, or anything built like one, as a picture at one of its levels, which opens into the others.

anatomy   what it does with the samples        network_svg   how that looks        networks   how it gets out

In pages and trusted notebooks ``scripts/network.js`` leads from level to level, by clicks, touch or keys, down to a neuron's table.
"""

import base64
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, final

from autograd.labels import plain_name
from autograd.ops import describe
from viz import given, network_svg, page, svg
from viz.anatomy import Anatomy, Stage, anatomy, in_short, mean, sizes
from viz.implied import indexed
from viz.notation import number
from viz.rendering import pdf, png
from viz.svg import printable, shortened

_LOOKS = {"model": network_svg.model_level, "layers": network_svg.layers_level, "neurons": network_svg.neurons_level}
LEVELS = tuple(_LOOKS)
SCRIPTS = ("numbers.js", "elements.js", "tables.js", "network.js")
MOST_LINES = 24  # of layers and of what is wrong that are said in words
MOST_PARAMETERS = 40_000  # whose numbers a page holds: some 900 kB


def network(
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    loss: str | Callable[..., Any] | None = None,
    level: str | tuple[int, int] = "neurons",
) -> "Network":
    """A picture of a model at a level: "model", "layers", "neurons", or (layer, neuron), counted from 1, for one neuron's sum.

    ``x`` is one sample, a row of numbers, or several, a list of rows, an array or a data frame: then circles hold distributions and
    gradients are means. Gradients are those of ``loss``, a name that ``fit`` knows or a function of the model's output (and of
    ``y``, the sample's target or the list of targets, if given) that returns a Value; without it of the sum of the outputs. Nothing
    is written into the model. Below the picture stands what is wrong: dead and saturated neurons, parameters without gradient,
    exploding gradients. Convolutions show their kernels and feature maps. In a trusted notebook, and in the page that
    ``save("network.html")`` writes, a level opens into the next one on a click or a key, down to a neuron's sum of products as a
    table. ValueError for a model without parameters, an ``x`` of the wrong length, or a level that does not exist.

    >>> import nn
    >>> network(nn.MLP(2, [3, 1], seed=0), [0.5, -1.0])
    <network MLP 2→3→1 at level neurons: 1 sample>
    """
    layer_and_neuron = _checked(level)
    if loss is not None and not callable(loss) and not isinstance(loss, str):
        raise TypeError(
            f"loss must be a name, or a function of the output that returns a Value, such as nn.bce, got {describe(loss)}"
        )
    if isinstance(loss, str) and y is None:
        raise ValueError(f"the loss {loss!r} compares the output with a target: give y too, or a function of the output alone")
    rows, targets = _samples(x, y, model)
    seen = anatomy(model, rows, targets, _named(loss) if isinstance(loss, str) else loss)
    if layer_and_neuron is not None:
        _check_neuron(seen, *layer_and_neuron)
    return Network(seen, level)


def _checked(level: Any) -> tuple[int, int] | None:
    if level in LEVELS:
        return None
    if isinstance(level, (tuple, list)) and len(level) == 2 and all(type(i) is int for i in level):
        return level[0], level[1]
    raise ValueError(
        f"level must be one of {', '.join(map(repr, LEVELS))}, or a pair (layer, neuron) such as (1, 3); got {level!r}"
    )


def _check_neuron(seen: Anatomy, k: int, i: int) -> None:
    with_neurons = {j: stage.units for j, stage in enumerate(seen.stages) if stage.weights}
    if not 1 <= i <= with_neurons.get(k, 0):
        known = ", ".join(f"layer {j} has neurons 1 to {units}" for j, units in with_neurons.items())
        raise ValueError(f"there is no neuron {i} in layer {k}: {known or 'no layer has neurons'}")


def _named(loss: str) -> Callable[..., Any]:
    from nn.losses import loss_of

    return loss_of(loss).function


def _samples(x: Any, y: Any, model: Any) -> tuple[list[Any], list[Any] | None]:
    """Rows and targets; one sample is a list of one."""
    if x is None:
        return [], None
    if hasattr(x, "columns") or hasattr(x, "tolist"):  # a data frame or an array
        x = given.entries(x)
    if not _is_list(x):
        raise TypeError(f"x must be a row of numbers, or a list of rows, got {describe(x)}")
    rows = list(x)
    if not rows:
        raise ValueError("x is empty: expected a row of numbers, or a list of rows")
    if not _is_list(rows[0]):
        return [rows], None if y is None else [y]
    rows = [list(row) for row in rows]
    if y is None:
        return rows, None
    targets = given.numbers(given.labels(y), model)
    if len(targets) != len(rows):
        raise ValueError(f"y needs a target for each of the {len(rows)} samples, got {len(targets)}")
    return rows, targets


def _is_list(thing: Any) -> bool:
    return hasattr(thing, "__len__") and not isinstance(thing, (str, bytes))


@final
class Network:
    """A drawn network, as it was when it was drawn. Made by ``network``."""

    def __init__(self, seen: Anatomy, level: str | tuple[int, int]) -> None:
        self.anatomy = seen
        self.level = level

    def __repr__(self) -> str:
        count = self.anatomy.samples
        level = self.level if isinstance(self.level, str) else "neuron {}, {}".format(*self.level)
        widths = sizes(stage.units for stage in self.anatomy.stages)
        return f"<network {self.anatomy.title} {widths} at level {level}: {count or 'no'} sample{'s' * (count != 1)}>"

    def _repr_html_(self) -> str:
        return page.notebook_output([self._drawn()], [self.description], self.script, self._words)

    @property
    def findings(self) -> tuple[str, ...]:
        """What is wrong with the network, in words."""
        return self.anatomy.findings

    @property
    def description(self) -> str:
        """The picture in words, as a screen reader says it."""
        layers = [
            f"{stage.title}, {stage.parameters} parameters"
            + (f", largest gradient {number(max(stage.pull))}" if stage.pull else "")
            for stage in self.anatomy.stages[1:]
        ]
        return f"Network {self.anatomy.title}: {'; '.join(in_short(layers, MOST_LINES))}. {' '.join(self._told)}"

    @property
    def _told(self) -> list[str]:
        """The findings as they stand below the picture: not too many."""
        return in_short(self.findings, MOST_LINES)

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script reads: the pictures of the other levels, and the numbers of each stage."""
        seen, is_small = self.anatomy, self.anatomy.parameters <= MOST_PARAMETERS
        still = self.level if isinstance(self.level, str) else ""
        opens = "Click what is drawn, or press Enter on it, to look inside; Escape leads back."
        return {
            "still": still,
            "first": still or (list(self.level) if is_small else "neurons"),
            "levels": {name: network_svg.written(look(seen), self.description) for name, look in _LOOKS.items() if name != still},
            "legends": {name: network_svg.legend(seen, name) for name in LEVELS},
            "findings": self._told,
            "stages": [_stage(stage, k, seen.samples, is_small) for k, stage in enumerate(seen.stages)],
            "samples": seen.samples,
            "help": opens if is_small else f"{opens} Tables are there for networks of up to {MOST_PARAMETERS:,} parameters.",
        }

    @property
    def script(self) -> str:
        """What leads from level to level: a script that defines ``start(host, stills)``."""
        return f"{page.script(*SCRIPTS)}const start=(host,stills)=>network(host,stills,{page.literal(self.data)});"

    def to_html(self) -> str:
        """The picture in a page that needs no other file, in which each level opens into the next; equal networks give equal bytes."""
        return page.page(self.anatomy.title, [svg.said_once(self._drawn())], self.script, self._words)

    def as_part(self, identity: str) -> str:
        """The same as a part of a page, an element with this id."""
        return page.fragment(identity, [svg.said_once(self._drawn())], self.script, self._words)

    def to_svg(self) -> str:
        """The picture as an SVG document, its legend and what is wrong below it; equal networks give equal bytes."""
        return self._drawn(network_svg.legend(self.anatomy, self._kind), self._told)

    @property
    def _kind(self) -> str:
        return self.level if isinstance(self.level, str) else "neuron"

    @property
    def _words(self) -> str:
        """What stands below the picture, as HTML."""
        return page.words(network_svg.legend(self.anatomy, self._kind), self._told)

    def _drawn(self, *words: Sequence[str]) -> str:
        if isinstance(self.level, str):
            drawing = _LOOKS[self.level](self.anatomy)
        else:
            layer, neuron = self.level
            drawing = network_svg.neuron_level(self.anatomy, layer, neuron - 1)
        return network_svg.written(drawing, self.description, *words)

    def save(self, path: str | Path) -> Path:
        """Write the picture to ``path`` as its ending says, ``.html``, ``.svg``, ``.png`` or ``.pdf``, and return the path.

        PNG and PDF need the extra ``pictures``. ValueError for any other ending.
        """
        title = self.anatomy.title
        return page.saved(
            path,
            "a network",
            {
                ".html": self.to_html,
                ".svg": self.to_svg,
                ".png": lambda: png(self.to_svg(), title),
                ".pdf": lambda: pdf(self.to_svg(), title),
            },
        )


def _stage(stage: Stage, k: int, samples: int, has_numbers: bool) -> dict[str, Any]:
    """A stage for the script; ``numbers`` are the weights and the bias of each neuron, then their gradients, in the same order.

    Their names are made of letter, indices from ``base`` on, and ``layer``, but for those in ``own``, by their places.
    """
    weights = stage.weights if has_numbers else None
    rows: list[tuple[float, ...]] = []
    if weights:
        rows = [(*w, b) for w, b in zip(weights.data, weights.biases, strict=True)]
        rows += [(*g, b) for g, b in zip(weights.gradients, weights.bias_gradients, strict=True)]
    return {
        "units": stage.units,
        "activation": stage.activation,
        **_names(weights.labels if weights else (), k),
        "inputs": len(weights.data[0]) if weights else 0,
        "x": _packed(stage.activity),
        "pull": _packed(map(mean, stage.gradients)),
        "numbers": _packed(x for row in rows for x in row),
        "wrong": [stage.wrong(samples) if is_still else "" for is_still in stage.still] if weights else [],
    }


def _names(labels: Sequence[Sequence[str]], k: int) -> dict[str, Any]:
    """What the labels of weights and biases [unit][input, then bias] have in common, and those that have a label of the user's."""
    base, layer = next((placed for i, row in enumerate(labels) for placed in _placed(row, i)), (1, k))
    flat = [(label, (i, j)) for i, row in enumerate(labels) for j, label in enumerate(row)]
    wide = max(map(len, labels), default=0)
    own = {
        place: shortened(printable(plain_name(label)))
        for place, (label, (i, j)) in enumerate(flat)
        if label
        and indexed(label, "b" if j == wide - 1 else "w") != ([str(n + base) for n in ((i, j) if j < wide - 1 else (i,))], layer)
    }
    return {"base": base, "layer": layer, "own": own}


def _placed(row: Sequence[str], i: int) -> Iterator[tuple[int, int]]:
    """From which number on the names of a neuron's weights count, and the layer they name, for each weight that has such a name."""
    for j, label in enumerate(row[:-1]):
        indices, layer = indexed(label, "w")
        if len(indices) == 2 and int(indices[0]) - i == int(indices[1]) - j:
            yield int(indices[0]) - i, layer


def _packed(xs: Iterable[float]) -> str:
    numbers = list(xs)
    return base64.b64encode(struct.pack(f"<{len(numbers)}d", *numbers)).decode() if any(numbers) else ""
