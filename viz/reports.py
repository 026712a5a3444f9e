"""``report``: everything about a trained model in one HTML file, readable offline, on a phone and on paper, light and dark."""

import copy
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from autograd import Value
from autograd.ops import describe
from viz import charts, given, network_svg, page
from viz.anatomy import anatomy, sizes
from viz.exploring import explore
from viz.judging import Judged, error, judgement, side_by_side, where, wide
from viz.networks import Network
from viz.notation import number
from viz.stages import chain, flat
from viz.svg import escaped

_STYLE = """\
:root{color-scheme:light dark}
body{max-width:1000px;margin:0 auto;padding:12px;font:15px/1.55 "DejaVu Sans",Verdana,sans-serif}
h1{font-size:1.5em}h2{font-size:1.15em;margin:1.6em 0 .4em}h1,h2{overflow-wrap:anywhere}
.wide{overflow-x:auto}.wide svg{display:block}.side{display:flex;flex-wrap:wrap;gap:8px}.side svg{max-width:100%;height:auto}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;margin:.6em 0}dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}
pre{overflow-x:auto;padding:10px;border:1px solid #8a929c;border-radius:8px}
@media print{body{max-width:none}h2{break-after:avoid}.wide{overflow:visible}.wide svg{max-width:100%;height:auto;max-height:95vh}
pre{white-space:pre-wrap}}"""
_PRODUCTS = 8  # of the neuron that is stepped through; those of 32 inputs stand 7,000 pixels high


def report(
    model: Any,
    history: Any,
    data: Any,
    path: str | Path,
    *,
    loss: str = "",
    seconds: float | None = None,
    weights: str | Path = "model.safetensors",
    threshold: float = 0.0,
    sample: int = 0,
) -> Path:
    """Write ``path``, one HTML file about a trained model that needs nothing else, and return the path.

    It holds what was trained, the curves of ``history`` (what ``fit`` returned; None for a model trained elsewhere), the decision
    boundary or the confusion matrix (for targets that are no classes, what it says against what is wanted) with the worst mistakes,
    the network at its levels, which opens down to each neuron, one neuron to step through, time and engine, and how to load the model.
    ``data`` has ``X`` and ``y``, as the data sets of ``nn`` have (what they hold out is judged, if anything), or is such a pair, of
    lists, arrays or data frames. ``loss`` is the name of the loss, ``seconds`` what the training took,
    ``weights`` the file the model was saved to, ``threshold`` the score between two classes, and ``sample`` which of the samples that
    are judged the network is shown for, counted from 0. ValueError for another ending than ``.html``, a model without parameters and
    a sample that is not there.

    >>> import nn, tempfile
    >>> data, model = nn.moons(20, seed=0), nn.MLP(2, [4, 1], seed=0)
    >>> history = nn.fit(model, data.X, data.y, loss="bce", epochs=3, progress=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report(model, history, data, f"{folder}/report.html").name
    'report.html'
    """
    if history is not None and not hasattr(history, "epochs"):
        raise TypeError(f"history must be what nn.fit returned, or None for a model trained elsewhere, got {describe(history)}")
    subject = _Subject(model, data, threshold, sample)
    return page.saved(path, "a report", {".html": lambda: _written(subject, history, loss, seconds, weights)})


def _written(subject: "_Subject", history: Any, loss: str, seconds: float | None, weights: str | Path) -> str:
    title = f"{type(subject.model).__name__} {subject.sizes}{f' on {subject.name}' if subject.name else ''}"
    sections = [
        ("", _facts(subject, history, loss, seconds)),
        ("How it learnt", "" if history is None else _curves(history)),
        *_judgement(subject),
        *_network(subject),
        *_stepper(subject),
        (
            "Load it",
            f"<pre>import nn\n\nmodel = nn.load({escaped(repr(Path(weights).name))})\n{subject.example}</pre>",
        ),
    ]
    body = "\n".join((f"<h2>{escaped(heading)}</h2>\n" if heading else "") + content for heading, content in sections if content)
    return _page(title, body)


def _page(title: str, body: str) -> str:
    head = '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
    return f"{head}<title>{escaped(title)}</title>\n<style>{_STYLE}</style>\n<body>\n<h1>{escaped(title)}</h1>\n{body}\n</body>\n</html>\n"


class _Subject:
    """The model and the samples that it is judged by: those held out, if there are any; ``row`` is the one that is looked at."""

    def __init__(self, model: Any, data: Any, threshold: float, sample: int) -> None:
        if not getattr(model, "parameters", list)():
            raise ValueError(f"a report needs a model with parameters, got {type(model).__name__} with none")
        self.model, self.threshold, self.name = model, threshold, str(getattr(data, "name", ""))
        self.train = given.samples(*given.pair(data), model)
        held_out = getattr(data, "X_held_out", None)
        self.is_held_out = held_out is not None and len(held_out) > 0
        self.held_out = given.samples(held_out, data.y_held_out, model) if self.is_held_out else self.train
        rows, targets = self.held_out
        if not hasattr(type(sample), "__index__") or not 0 <= sample < len(rows):
            raise ValueError(f"sample must be the number of one of the {len(rows)} samples that are judged, got {sample!r}")
        self.chosen, self.row = sample, rows[sample]
        names = self._class_names(getattr(data, "classes", None))
        self.judged, self.trained = (self._judged(*samples, names) for samples in ((rows, targets), self.train))

    def _judged(self, rows: list[list[float]], targets: list[Any], names: list[str] | None) -> Judged:
        wanted = given.numbers(targets, self.model) if names is None else given.class_numbers(targets, self.model, self.outputs)
        return Judged(rows, self.model.predict(rows), wanted or [], names, self.threshold)

    def _class_names(self, known: Any) -> list[str] | None:
        """What the classes are called; None where the targets are numbers to be hit."""
        y = self.train[1]
        if given.class_numbers(y, self.model, self.outputs) is None:
            return None
        numbered = range(self.outputs) if self.outputs > 1 else (-1, 1) if -1 in y else (0, 1)
        return list(map(str, given.class_names(y, self.model) or known or numbered))

    @cached_property
    def widths(self) -> list[int]:
        """How many numbers go in and out of each layer."""
        x: Any = [Value(v) for v in self.row]
        found = [len(x)]
        for layer in list(chain(self.model, x)):
            x = layer(x)
            found.append(len(list(flat(x))))
        return found

    @property
    def outputs(self) -> int:
        """How many numbers come out."""
        return self.widths[-1]

    @property
    def sizes(self) -> str:
        """The widths in words."""
        return sizes(self.widths)

    @property
    def example(self) -> str:
        """How the model is asked about a row."""
        row = [f"{x:g}" for x in self.row]
        if len(row) <= 6:
            return f"model.predict([[{', '.join(row)}]])"
        return f"model.predict([row])  # a row of {len(row)} numbers: {', '.join(row[:3])}, …"


def _facts(subject: _Subject, history: Any, loss: str, seconds: float | None) -> str:
    rows = {"data": f"{len(subject.train[0])} samples for training" + _aside(subject)}
    rows["parameters"] = f"{len(subject.model.parameters()):,}"
    if loss:
        rows["loss"] = loss
    if history is not None:
        rows["epochs"] = f"{history.epochs}{history.ending}"
    if history is not None and history.loss:
        rows["last loss"] = number(history.loss[-1])
    rows["right answers" if subject.judged.classes else "root mean square error"] = ", ".join(_shares(subject))
    if history is not None:
        engines = {"eager": "plain Python", "numpy": "compiled for NumPy", "llvm": "compiled to native code"}
        rows["engine"] = engines.get(history.engine, history.engine) + ("" if seconds is None else f", {seconds:.1f} s")
    return "<dl>" + "".join(f"<dt>{escaped(key)}</dt><dd>{escaped(value)}</dd>" for key, value in rows.items()) + "</dl>"


def _aside(subject: _Subject) -> str:
    return f", {len(subject.judged.rows)} held out" if subject.is_held_out else ""


def _shares(subject: _Subject) -> Iterator[str]:
    """How well the model does, of the training samples and of those held out."""
    yield f"{_share(subject.trained)} of the training samples"
    if subject.is_held_out:
        yield f"{_share(subject.judged)} of those held out"


def _share(judged: Judged) -> str:
    if judged.classes is None:
        return number(error(judged))
    hits = [answer == wanted for answer, wanted in zip(judged.answers, judged.wanted, strict=True)]
    return f"{sum(hits) / len(hits):.1%}"


def _curves(history: Any) -> str:
    drawn = []
    for title, names in (("loss", ("loss", "validation_loss")), ("right answers", ("accuracy", "validation_accuracy"))):
        series = {"validation" if "_" in name else "training": getattr(history, name) for name in names if getattr(history, name)}
        if series:
            curves = f'<g transform="translate(0 6)">{"".join(charts.curves(series, 340, 200, title))}</g>'
            drawn.append(network_svg.write([curves], 350, 216, f"{title} over the epochs"))
    return side_by_side(drawn, "curves over the epochs") if drawn else ""


def _judgement(subject: _Subject) -> Iterator[tuple[str, str]]:
    if len(subject.row) == 2 and subject.judged.classes is not None:
        yield "What it says where", where(subject.judged, subject.trained, subject.model)
    yield from judgement(subject.judged, " (samples held out)" if subject.is_held_out else "")


# --- The network -----------------------------------------------------------------------------------------------------------------


def _network(subject: _Subject) -> Iterator[tuple[str, str]]:
    seen = anatomy(subject.model, [subject.row], None, None)
    what = f"for one sample of {subject.judged.called(subject.chosen)}; gradients are those of its scores"
    layers = network_svg.written(network_svg.layers_level(seen), "layers")
    yield f"The network, layer by layer, {what}", wide(layers) + page.words(network_svg.legend(seen, "layers"), ())
    yield "Neuron by neuron", Network(seen, "neurons").as_part("network")
    last = max((k for k, stage in enumerate(seen.stages) if stage.weights), default=0)
    if last:
        yield "The sum of one neuron", wide(network_svg.written(network_svg.neuron_level(seen, last, 0), "one neuron"))


def _stepper(subject: _Subject) -> Iterator[tuple[str, str]]:
    """One neuron to play with, where the compiler is installed that prints it."""
    neurons, inputs = _fewest_inputs(subject)
    if not neurons:
        return
    root, left_out = _neuron(neurons[0], inputs)
    title = "One neuron, step by step" + f": its {_PRODUCTS} largest products, the others are in its bias" * left_out
    try:
        picture = explore(root, engine="builtin")
    except ImportError as error:
        yield title, f"<p>{escaped(str(error))}</p>"
        return
    yield title, page.fragment("neuron", picture.stills_as_svg, picture.script)


def _fewest_inputs(subject: _Subject) -> tuple[Sequence[Any], list[float]]:
    """The neurons of the layer with the fewest inputs, and what they get for the first sample; none if no layer has neurons."""
    x: Any = [Value(v) for v in subject.row]
    found: tuple[Sequence[Any], list[float]] = (), []
    for layer in list(chain(subject.model, x)):
        neurons: Sequence[Any] = getattr(layer, "neurons", ())
        if neurons and (not found[0] or len(neurons[0].w) < len(found[0][0].w)):
            found = neurons, [v.data for v in flat(x)]
        x = layer(x)
    return found


def _neuron(own: Any, inputs: Sequence[float]) -> tuple[Value, bool]:
    """A neuron on its inputs, the activation included; of many products the largest, the sum of the others in the bias, and whether so."""
    neuron = copy.deepcopy(own)
    products = [w.data * x for w, x in zip(neuron.w, inputs, strict=True)]
    kept = sorted(sorted(range(len(products)), key=lambda j: -abs(products[j]))[:_PRODUCTS])
    neuron.b.data += math.fsum(product for j, product in enumerate(products) if j not in kept)
    neuron.w = [neuron.w[j] for j in kept]
    neuron.expand = len(kept) <= 4
    root: Value = neuron([Value(inputs[j], label=f"x_{j + 1}") for j in kept])
    root.label = "y"
    return root, len(kept) < len(products)
