"""A model as JavaScript: ``predict.js`` for a page or Node, and a page that uses it."""

import html
import json
from os import PathLike
from pathlib import Path

from nn.exchange.files import written
from nn.exchange.recorded import described, recorded
from nn.module import Module


def export_js(model: Module, folder: str | PathLike[str], *, name: str = "predict", inputs: int | None = None) -> list[Path]:
    """Write the model as JavaScript into the folder; returns the paths of ``NAME.js`` and ``index.html``.

    The script is one plain function ``NAME(inputs, outputs)`` over Float64Arrays that gives the scores of ``model.predict``, to rounding
    in the last bits of functions such as tanh; ``NAME.inputs`` and ``NAME.outputs`` are how many numbers they hold, ``NAME.classes`` the
    labels or null. A page loads it with a script tag, Node with ``require``. ``inputs`` is the length of a row where the first layer does
    not say. The scores are nan where a number of the row is none of an Embedding's.

    ValueError for a name that is none in JavaScript, TypeError for a model that is no fixed function of its row.

    >>> import nn, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in export_js(nn.MLP(2, [1], seed=0), folder)]
    ['predict.js', 'index.html']
    """
    from autograd.compiler.targets.javascript import javascript

    found = recorded(model, inputs)
    source = javascript(found.program(), name, numbers=found.numbers(), about=described(model, found))
    labels = None if model.classes is None else [str(label) for label in model.classes]
    facts = {"inputs": len(found.inputs), "outputs": len(found.scores), "classes": labels}
    lines = [f"{name}.{fact} = {_safe(value)};" for fact, value in facts.items()]
    exported = f'if (typeof module !== "undefined") module.exports = {name};'
    return written(
        folder, {f"{name}.js": "\n".join([source + "\n".join(lines), exported, ""]), "index.html": _page(name, len(found.inputs))}
    )


def _safe(value: object) -> str:
    """JSON that ends no script it stands in."""
    return json.dumps(value).replace("</", "<\\/").replace("<!--", "<\\!--")


def _page(name: str, width: int) -> str:
    row = html.escape(", ".join(["0.5"] * min(width, 8)) + (", …" if width > 8 else ""))
    return f"""<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(name)}</title>
<p><label>{width} numbers, such as {row}:<br><textarea id="row" rows="4" cols="40"></textarea></label></p>
<p><output id="answer" aria-live="polite"></output></p>
<script src="{html.escape(name)}.js"></script>
<script>
document.getElementById("row").addEventListener("input", (event) => {{
  const row = Float64Array.from(event.target.value.split(/[\\s,;]+/).filter(Boolean), Number), scores = new Float64Array({name}.outputs);
  {name}(row, scores);
  const best = scores.length > 1 ? scores.indexOf(Math.max(...scores)) : Number(scores[0] > 0), label = {name}.classes?.[best] ?? best;
  const isWhole = row.length === {name}.inputs && !row.some(Number.isNaN);
  document.getElementById("answer").textContent = isWhole ? `scores ${{scores.join(", ")}}: class ${{label}}` : `${{row.length}} numbers`;
}});
</script>
"""
