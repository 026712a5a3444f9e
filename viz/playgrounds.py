"""``playground``: a network in a page of its own, to be trained, bent and fed with points, where no Python runs.

The compiler prints the network, the slopes of its loss and the optimizers' updates as JavaScript, from the same recordings that ``fit``
runs; ``scripts/playground.js`` shows what they compute. So it works for any network over points of the plane that ``fit`` compiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from autograd import Value
from autograd.compiler import engines
from autograd.labels import plain_name
from autograd.ops import positive_number
from viz import given, network_svg, page, plane
from viz.anatomy import sizes
from viz.stages import chain, flat
from viz.svg import printable, shortened

if TYPE_CHECKING:
    from autograd.compiler.program import Program

SCRIPTS = ("numbers.js", "elements.js", "rate.js", "sheet.js", "playground.js")
OPTIMIZERS_OF_THE_PAGE = ("sgd", "adam")
_CELLS = 40


def playground(
    model: Any, data: Any, *, loss: Any = None, optimizer: str = "adam", lr: float = 0.03, labels: Sequence[str] | None = None
) -> "Playground":
    """A page in which the model lives: it is trained, its weights are dragged, points are added, and the boundary follows.

    ``model`` takes two numbers; ``data`` has ``X`` and ``y``, as the data sets of ``nn`` have, or is such a pair. ``loss`` is one of
    ``fit``'s, by default the one that suits the targets: "bce" for 0 and 1, "hinge" for -1 and 1, "mse" for other numbers, "cross_entropy"
    for several outputs. ``optimizer``, "adam" or "sgd", and ``lr`` are what the page begins with; ``labels`` name the classes. The model
    keeps its weights. ValueError for points that are not of the plane, several outputs for targets that are no classes, an unknown
    optimizer, an ``lr`` that is not positive or no parameters, TypeError for a network that ``fit`` could not compile, ImportError
    without the extra ``fast``.

    >>> import nn
    >>> playground(nn.MLP(2, [4, 1], seed=0), nn.moons(20, seed=0))
    <playground of MLP 2→4→1: 20 points, bce>
    """
    if optimizer not in OPTIMIZERS_OF_THE_PAGE:
        raise ValueError(f"optimizer must be one of {', '.join(map(repr, OPTIMIZERS_OF_THE_PAGE))}, got {optimizer!r}")
    lr = positive_number(lr, "lr")
    engines.chosen("numpy")
    return Playground(_subject(model, *given.pair(data), loss), optimizer, lr, labels)


@dataclass(frozen=True, slots=True)
class _Subject:
    """A model recorded for the page: its stages on one point, and its training, once for each optimizer."""

    model: Any
    samples: Any
    inputs: tuple[Value, Value]
    stages: tuple[tuple[Value, ...], ...]
    loss: str
    threshold: float
    trainings: tuple[Any, ...]
    names: Sequence[Any] | None  # of the classes, where labels are words
    classes: Sequence[int] | None  # of the points; None where numbers are to be hit

    @property
    def sizes(self) -> list[int]:
        """How many numbers go in, and come out of each stage."""
        return [2, *map(len, self.stages)]

    @property
    def title(self) -> str:
        """The model and its sizes."""
        return f"{type(self.model).__name__} {sizes(self.sizes)}"


def _subject(model: Any, X: Any, y: Any, loss: Any) -> _Subject:
    from nn.compiled import CompiledTraining
    from nn.losses import loss_of
    from nn.optim import OPTIMIZERS
    from nn.recorded import RecordedTask
    from nn.samples import Samples
    from nn.task import Task

    points, wanted = given.samples(X, y, model)
    names, taken = given.class_names(wanted, model), Samples(points, given.numbers(wanted, model))
    if len(taken.rows[0]) != 2:
        raise ValueError(f"a playground needs points with two numbers each, got {len(taken.rows[0])}")
    inputs, stages = _stages(model, taken.rows[0])
    outputs = len(stages[-1])
    classes = given.class_numbers(wanted, model, outputs)
    if classes is None and outputs > 1:
        raise ValueError(
            f"a playground shows classes, or one number to be hit; the network has {outputs} outputs for targets that are no classes"
        )
    chosen = _suited(taken.targets, outputs) if loss is None else loss
    known = loss_of(chosen)
    threshold = 0.5 if known.squared and outputs == 1 and set(taken.targets) == {0, 1} else 0.0
    task, parameters = Task(model, known.function, l2=0.0, l1=0.0, threshold=threshold, clip=None), model.parameters()
    recorded = RecordedTask(task, parameters, parameters, taken, everywhere=True)
    made = [
        CompiledTraining(recorded, OPTIMIZERS[name](parameters), size=1, engine="numpy", fast=False)
        for name in OPTIMIZERS_OF_THE_PAGE
    ]
    named = chosen if isinstance(chosen, str) else getattr(chosen, "__name__", "loss")
    return _Subject(model, taken, inputs, stages, named, threshold, tuple(made), names, classes)


def _stages(model: Any, row: Sequence[float]) -> tuple[tuple[Value, Value], tuple[tuple[Value, ...], ...]]:
    """Two inputs, and what each stage of the model makes of them."""
    from autograd.compiler.training import without_branches

    if not getattr(model, "parameters", list)():
        raise ValueError(f"a playground needs a model with parameters, got {type(model).__name__} with none")
    inputs = Value(row[0]), Value(row[1])
    x: Any = list(inputs)
    stages: list[tuple[Value, ...]] = []
    layers = list(chain(model, x))
    with without_branches() as results:
        for layer in layers:
            x = layer(x)
            stages.append(tuple(flat(x)))
            results += stages[-1]
    return inputs, tuple(stages)


def _suited(targets: Sequence[Any], outputs: int) -> str:
    """The loss that these targets ask for."""
    if outputs > 1:
        return "cross_entropy"
    return "hinge" if set(targets) == {-1, 1} else "bce" if set(targets) <= {0, 1} else "mse"


def _programs(subject: _Subject) -> dict[str, "Program"]:
    """What the page computes, by the names of its functions."""
    from autograd.compiler.training import batch_program, sample_program, update_program

    units = [unit for stage in subject.stages for unit in stage]
    recipes = [training.recipe for training in subject.trainings]
    return {
        "predict": sample_program(units, subject.model.parameters(), subject.inputs),
        "gradient": batch_program(recipes[0].batch),
        **{f"update{i}": update_program(recipe.update) for i, recipe in enumerate(recipes)},
    }


def _content(subject: _Subject, optimizer: str, lr: float, labels: Sequence[str] | None) -> dict[str, Any]:
    """What the script reads."""
    parameters, taken = subject.model.parameters(), subject.samples
    place = {p: i for i, p in enumerate(parameters)}
    table = subject.trainings[0].table.tolist()
    kinds = sorted(set(subject.classes or ()))
    firsts = [subject.classes.index(kind) for kind in kinds] if subject.classes else []
    labels = labels or (subject.names and [subject.names[kind] for kind in kinds])
    if labels is not None and len(labels) != len(kinds):
        raise ValueError(f"labels must name the {len(kinds)} classes of the data, got {len(labels)}")
    middle, reach = (subject.threshold, None) if subject.classes else plane.scale(taken.targets)
    layers = [_dense(layer, size) for layer, size in zip(chain(subject.model, list(subject.inputs)), subject.sizes, strict=False)]
    return {
        "sizes": subject.sizes,
        "weights": [None if neurons is None else [[place[w] for w in n.w] for n in neurons] for neurons in layers],
        "biases": [None if neurons is None else [place[n.b] for n in neurons] for neurons in layers],
        "parameters": [p.data for p in parameters],
        "names": [shortened(printable(plain_name(p.label))) for p in parameters],
        "points": table,
        "classes": [table[i][2:] for i in firsts],
        "kinds": kinds,
        "labels": [
            shortened(printable(str(label)))
            for label in labels or [_named(taken.targets[i], kind) for i, kind in zip(firsts, kinds, strict=True)]
        ],
        "box": plane.box(taken.rows),
        "threshold": middle,
        "reach": reach,
        "optimizer": OPTIMIZERS_OF_THE_PAGE.index(optimizer),
        "lr": lr,
    }


def _named(target: Any, kind: int) -> str:
    """What a class is called that has no name: its number, or that at whose place a row has the 1."""
    return str(kind) if isinstance(target, list) else f"{target:g}"


def _dense(layer: Any, size: int) -> Sequence[Any] | None:
    """The neurons of a layer that takes all the numbers before it; None of any other stage."""
    neurons: Sequence[Any] | None = getattr(layer, "neurons", None)
    return neurons if neurons and len(neurons[0].w) == size else None


@final
class Playground:
    """A page in which a network lives. Made by ``playground``."""

    def __init__(self, subject: _Subject, optimizer: str, lr: float, labels: Sequence[str] | None) -> None:
        from autograd.compiler.targets.javascript import javascript

        self.title, self.loss = subject.title, subject.loss
        self.data = _content(subject, optimizer, lr, labels)
        self.programs = {name: javascript(program, name) for name, program in _programs(subject).items()}
        self._memories = [training.optimizer.memory for training in subject.trainings]
        self._still = _still(subject, self.data)

    def __repr__(self) -> str:
        return f"<playground of {self.title}: {len(self.data['points'])} points, {self.loss}>"

    def _repr_html_(self) -> str:
        return page.notebook_output([self._still], [self.description], self.script)

    @property
    def description(self) -> str:
        """The still picture in words."""
        return f"Decision boundary of {self.title} over {len(self.data['points'])} points"

    @property
    def script(self) -> str:
        """What the page runs: the programs, and what shows them."""
        optimizers = ",".join(
            f'{{name:"{name}",memory:{memory},update:update{i}}}'
            for i, (name, memory) in enumerate(zip(OPTIMIZERS_OF_THE_PAGE, self._memories, strict=True))
        )
        programs = f"{{predict,gradient,optimizers:[{optimizers}]}}"
        start = f"const start=(host,stills)=>playground(host,stills,{page.literal(self.data)},{programs});"
        return page.script(*SCRIPTS) + "".join(map(page.squeezed, self.programs.values())) + start

    def to_html(self) -> str:
        """The playground as an HTML page that needs no other file and no network."""
        return page.page(self.title, [self._still], self.script)

    def save(self, path: str | Path) -> Path:
        """Write the page to ``path``, which ends in ``.html``, and return the path; ValueError for another ending."""
        return page.saved(path, "a playground", {".html": self.to_html})


def _still(subject: _Subject, data: dict[str, Any]) -> str:
    """The boundary and the points as a picture, for where no script runs."""
    samples, classes, box, size = subject.samples, subject.classes, data["box"], 340.0
    shown = (
        plane.hit(samples.rows, samples.targets, box, size) if classes is None else plane.points(samples.rows, classes, box, size)
    )
    body = [plane.boundary(subject.model, box, data["threshold"], _CELLS, size, data["reach"]), *shown]
    return network_svg.write(body, size, size, f"Decision boundary of {subject.title}")
