"""``report``: everything about a trained model in one HTML file, readable offline, on a phone and on paper, light and dark."""

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from autograd import Value
from autograd.ops import describe
from viz import charts, network_svg, page, pixels, plane
from viz.anatomy import anatomy, chain, flat
from viz.exploring import explore
from viz.network_svg import layers_level, neuron_level, text
from viz.networks import Network
from viz.notation import number
from viz.svg import escaped, said_once, width_of

_STYLE = """\
:root{color-scheme:light dark}
body{max-width:1000px;margin:0 auto;padding:12px;font:15px/1.55 "DejaVu Sans",Verdana,sans-serif}
h1{font-size:1.5em}h2{font-size:1.15em;margin:1.6em 0 .4em}
.wide{overflow-x:auto}.wide svg{display:block}.side{display:flex;flex-wrap:wrap;gap:8px}.side svg{max-width:100%;height:auto}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;margin:.6em 0}dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}
pre{overflow-x:auto;padding:10px;border:1px solid #8a929c;border-radius:8px}
@media print{body{max-width:none}h2{break-after:avoid}.wide{overflow:visible}.wide svg{max-width:100%;height:auto;max-height:95vh}
pre{white-space:pre-wrap}}"""
_PRODUCTS = 8  # of the neuron that is stepped through; those of 32 inputs stand 7,000 pixels high
_MISTAKES = 12
_CELL = 30.0


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
    boundary or the confusion matrix with the worst mistakes, the network at its levels, which opens down to each neuron, one neuron to
    step through, time and engine, and how to load the model. ``data`` has ``X`` and ``y``, as the data sets of ``nn`` have (what they
    hold out is judged, if anything), or is such a pair. ``loss`` is the name of the loss, ``seconds`` what the training took,
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
            f"<pre>import nn\n\nmodel = nn.load({escaped(repr(Path(weights).name))})\nmodel.predict([{subject.example}])</pre>",
        ),
    ]
    body = "\n".join((f"<h2>{heading}</h2>\n" if heading else "") + content for heading, content in sections if content)
    return _page(title, body)


def _page(title: str, body: str) -> str:
    head = '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
    return f"{head}<title>{escaped(title)}</title>\n<style>{_STYLE}</style>\n<body>\n<h1>{escaped(title)}</h1>\n{body}\n</body>\n</html>\n"


class _Subject:
    """The model and the samples that it is judged by: those held out, if there are any; ``row`` is the one that is looked at."""

    def __init__(self, model: Any, data: Any, threshold: float, sample: int) -> None:
        if not getattr(model, "parameters", list)():
            raise ValueError(f"a report needs a model with parameters, got {type(model).__name__} with none")
        if not (hasattr(data, "X") and hasattr(data, "y")) and not (isinstance(data, (tuple, list)) and len(data) == 2):
            raise TypeError(f"data must have X and y, or be the pair of them, got {type(data).__name__}")
        self.model, self.threshold = model, threshold
        X, y = (data.X, data.y) if hasattr(data, "X") else data
        self.train: tuple[list[list[float]], list[Any]] = [list(map(float, row)) for row in X], list(y)
        held_out = getattr(data, "X_held_out", None) or []
        self.is_held_out = bool(held_out)
        self.rows, self.targets = ([list(map(float, row)) for row in held_out], list(data.y_held_out)) if held_out else self.train
        self.name = str(getattr(data, "name", ""))
        labels = getattr(model, "classes", None)
        self.classes = [str(name) for name in labels or getattr(data, "classes", None) or sorted(set(self.train[1]))]
        if not hasattr(type(sample), "__index__") or not 0 <= sample < len(self.rows):
            raise ValueError(f"sample must be the number of one of the {len(self.rows)} samples that are judged, got {sample!r}")
        self.chosen, self.row = sample, self.rows[sample]
        # The class of each sample: its place among the labels that the model knows; without labels −1 and 1 are 0 and 1.
        self.wanted = [labels.index(t) if labels else max(0, int(t)) for t in self.targets]

    @property
    def sizes(self) -> str:
        """How many numbers go in and out of each layer."""
        x: Any = [Value(v) for v in self.row]
        sizes = [len(x)]
        for layer in chain(self.model):
            x = layer(x)
            sizes.append(len(list(flat(x))))
        return "→".join(map(str, sizes))

    @property
    def example(self) -> str:
        """A row as one would type it."""
        row = [f"{x:g}" for x in self.row]
        return f"[{', '.join(row if len(row) <= 6 else [*row[:5], '…'])}]"

    @property
    def predicted(self) -> list[int]:
        """The predicted class of each sample."""
        scores = self.model.predict(self.rows)
        return [s.index(max(s)) if isinstance(s, list) else int(s > self.threshold) for s in scores]


def _facts(subject: _Subject, history: Any, loss: str, seconds: float | None) -> str:
    rows = {"data": f"{len(subject.train[0])} samples for training" + _aside(subject)}
    rows["parameters"] = f"{len(subject.model.parameters()):,}"
    if loss:
        rows["loss"] = loss
    if history is not None:
        rows["epochs"] = f"{history.epochs}{history.ending}"
    if history is not None and history.loss:
        rows["last loss"] = number(history.loss[-1])
    rows["right answers"] = ", ".join(_shares(subject))
    if history is not None:
        engines = {"eager": "plain Python", "numpy": "compiled for NumPy", "llvm": "compiled to native code"}
        rows["engine"] = engines.get(history.engine, history.engine) + ("" if seconds is None else f", {seconds:.1f} s")
    return "<dl>" + "".join(f"<dt>{escaped(key)}</dt><dd>{escaped(value)}</dd>" for key, value in rows.items()) + "</dl>"


def _aside(subject: _Subject) -> str:
    return f", {len(subject.rows)} held out" if subject.is_held_out else ""


def _shares(subject: _Subject) -> Iterator[str]:
    X, y = subject.train
    yield f"{subject.model.accuracy(X, y, threshold=subject.threshold):.1%} of the training samples"
    if subject.is_held_out:
        share = subject.model.accuracy(subject.rows, subject.targets, threshold=subject.threshold)
        yield f"{share:.1%} of those held out"


def _wide(svg: str) -> str:
    return f'<div class="wide">\n{svg}</div>'


def _side_by_side(svgs: Sequence[str], description: str) -> str:
    """Pictures in a row, or in as many as the page is narrow."""
    return f'<div class="side" role="group" aria-label="{escaped(description)}">\n{"".join(svgs)}</div>'


def _curves(history: Any) -> str:
    drawn = []
    for title, names in (("loss", ("loss", "validation_loss")), ("right answers", ("accuracy", "validation_accuracy"))):
        series = {"validation" if "_" in name else "training": getattr(history, name) for name in names if getattr(history, name)}
        if series:
            curves = f'<g transform="translate(0 6)">{"".join(charts.curves(series, 340, 200, title))}</g>'
            drawn.append(network_svg.write([curves], 350, 216, f"{title} over the epochs"))
    return _side_by_side(drawn, "curves over the epochs") if drawn else ""


# --- What it got right -----------------------------------------------------------------------------------------------------------


def _judgement(subject: _Subject) -> Iterator[tuple[str, str]]:
    if len(subject.row) == 2:
        box = plane.box(subject.rows + subject.train[0])
        shown = [plane.boundary(subject.model, box, subject.threshold, 60, 420), *plane.points(*subject.train, box, 420)]
        yield "What it says where", _wide(network_svg.write(shown, 420, 420, "decision boundary and training samples"))
    yield f"What it takes for what{' (samples held out)' if subject.is_held_out else ''}", _wide(_confusion(subject))
    mistakes = _mistakes(subject)
    if mistakes:
        yield "Its worst mistakes", mistakes


def _confusion(subject: _Subject) -> str:
    """The confusion matrix: a row for each class, a column for each answer."""
    k = len(subject.classes)
    counts = [[0] * k for _ in range(k)]
    for wanted, answer in zip(subject.wanted, subject.predicted, strict=True):
        counts[wanted][answer] += 1
    left = 20.0 + max(width_of(name, 12) for name in subject.classes)
    wide = max(_CELL, *[width_of(name[:12], 11) + 10.0 for name in subject.classes])
    body = [text(left + wide * k / 2, 16, "answer", 11, fill="#8a929c")]
    for i, name in enumerate(subject.classes):
        y = 44 + _CELL * i
        body += [text(left - 8, y + 19, name, 12, "end"), text(left + wide * (i + 0.5), 38, name[:12], 11)]
        for j, count in enumerate(counts[i]):
            share = count / max(1, sum(counts[i]))
            fill = pixels.mixed(pixels.PAPER, pixels.BLUE if i == j else pixels.ORANGE, 0.9 * share if count else 0.0)
            place = f'x="{left + wide * j}" y="{y}" width="{wide}" height="{_CELL}"'
            body.append(f'<rect {place} fill="{pixels.hexed(fill)}" stroke="#dfe3e8"/>')
            if count:
                ink = "#ffffff" if sum(fill) < 420 else "#22262b"
                body.append(text(left + wide * (j + 0.5), y + 19, str(count), 11, fill=ink))
    return network_svg.write(body, left + wide * k + 20, 60 + _CELL * k, "confusion matrix")


def _mistakes(subject: _Subject) -> str:
    """The samples whose wrong answer was surest, as images where a row is a square of pixels, else as numbers."""
    scores = subject.model.predict(subject.rows)
    wrong = [i for i, (t, p) in enumerate(zip(subject.wanted, subject.predicted, strict=True)) if t != p]
    wrong.sort(key=lambda i: -_sureness(scores[i], subject.wanted[i], subject.threshold))
    told = [(i, subject.classes[subject.wanted[i]], subject.classes[subject.predicted[i]]) for i in wrong[:_MISTAKES]]
    side = round(len(subject.row) ** 0.5)
    if not told:
        return ""
    if side < 4 or side * side != len(subject.row):
        lines = (f"({', '.join(number(x) for x in subject.rows[i][:8])}): {name}, taken for {answer}" for i, name, answer in told)
        return "<ul>" + "".join(f"<li>{escaped(line)}</li>" for line in lines) + "</ul>"
    return _side_by_side(
        [_pictured(subject.rows[i], side, f"{name}, not {answer}") for i, name, answer in told], "the worst mistakes"
    )


def _pictured(row: Sequence[float], side: int, caption: str) -> str:
    """A row of pixels as a square picture with a line below it."""
    top, wide = max(map(abs, row)) or 1.0, max(112.0, width_of(caption, 11) + 12.0)
    rows = [[pixels.mixed(pixels.PAPER, (34, 38, 43), abs(v) / top) for v in row[r : r + side]] for r in range(0, len(row), side)]
    x = wide / 2 - 46
    frame = f'<rect x="{x:.1f}" y="10" width="92" height="92" fill="none" stroke="#b9c0c8"/>'
    return network_svg.write([pixels.image(rows, x, 10, 92, 92), frame, text(wide / 2, 118, caption, 11)], wide, 128, caption)


def _sureness(scores: Any, wanted: int, threshold: float) -> float:
    """By how much the wrong answer was ahead."""
    if isinstance(scores, list):
        return float(max(scores) - scores[wanted])
    return abs(float(scores) - threshold)


# --- The network -----------------------------------------------------------------------------------------------------------------


def _network(subject: _Subject) -> Iterator[tuple[str, str]]:
    seen = anatomy(subject.model, [subject.row], None, None)
    what = f"for one sample of {subject.classes[subject.wanted[subject.chosen]]}; gradients are those of its scores"
    yield f"The network, layer by layer, {what}", _wide(layers_level(seen, "layers"))
    opened, quiet = Network(seen, "neurons"), replace(seen, findings=())  # what is wrong is said with the levels before
    yield "Neuron by neuron", page.fragment("network", [said_once(opened.to_svg())], opened.script)
    last = max((k for k, stage in enumerate(seen.stages) if stage.weights), default=0)
    if last:
        yield "The sum of one neuron", _wide(neuron_level(quiet, last, 0, "one neuron"))


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
    for layer in chain(subject.model):
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
