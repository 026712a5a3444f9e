"""The command ``python -m nn DATASET``, also installed as ``chalkgrad``: train a network, say how well it does, draw what it did.

Everything here is choosing, printing and writing files; the work is done by the rest of ``nn`` and by ``viz``. Results go to
stdout, the progress bar and errors to stderr. Exit codes: 0, 2 for an error (one line on stderr), 130 after Ctrl-C.
"""

import argparse
import copy
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from autograd import Value, topological_order
from autograd.compiler.interruptions import held
from nn.activations import ACTIVATIONS
from nn.compiled import chosen_engine
from nn.data import DATASETS, Dataset
from nn.exchange import command as export
from nn.history import History
from nn.interrupting import nothing_forgotten
from nn.layers import MLP
from nn.losses import LOSSES
from nn.module import Module
from nn.optim import OPTIMIZERS, SOLVERS
from nn.schedules import SCHEDULES
from nn.training import fit

# More cards than this make no picture to look at: then one neuron is drawn.
MAX_CARDS = 60


class Recipe(NamedTuple):
    """What makes a data set and learns it well, whatever the seed; each was tried with the seeds 0 to 9."""

    about: str
    draw: dict[str, Any]
    hidden: tuple[int, ...]
    lr: float
    epochs: int
    batch_size: int


ENGINES = {"eager": "in plain Python", "numpy": "compiled for NumPy", "llvm": "compiled to native code"}

RECIPES: dict[str, Recipe] = {
    "xor": Recipe("the four corners of a square", {}, (4,), 0.1, 150, 4),
    "moons": Recipe("two interleaving half circles", {"n": 200, "held_out": 0.25}, (16, 16), 0.03, 40, 10),
    "circles": Recipe("a circle inside another", {"n": 200, "held_out": 0.25}, (8, 8), 0.03, 40, 10),
    "spiral": Recipe("two arms wound around each other", {"n": 200, "held_out": 0.25}, (16, 16), 0.03, 40, 10),
    "iris": Recipe("Fisher's 150 flowers, three species", {}, (8,), 0.01, 80, 16),
    "digits": Recipe("1,797 real handwritten digits, 8x8 pixels", {}, (24,), 0.01, 12, 16),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (those of the process by default) and return its exit code."""
    try:
        with nothing_forgotten():
            return _command(arguments)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def _command(arguments: Sequence[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    exports = given[:1] == ["export"]
    parser = _export_parser() if exports else _parser()
    options = parser.parse_args(given[exports:])
    try:
        return export.run(options) if exports else _run(options)
    except (ValueError, ImportError, OSError, FloatingPointError) as error:
        print(f"{parser.prog}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


# --- Options -------------------------------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help shows what there is)\n")


def _program() -> str:
    name = Path(sys.argv[0]).stem
    return "python -m nn" if name in ("__main__", "") else name


def _export_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=f"{_program()} export", description="Write a saved model for other languages.")
    export.add_options(parser)
    return parser


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=_program(),
        description="Train a multi-layer perceptron on a data set, and draw what it did.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ", ".join(DATASETS)
    parser.add_argument("dataset", nargs="?", default="moons", metavar="DATASET", help=f"{names} (default: moons)")
    parser.add_argument("--hidden", nargs="+", type=_layer_size, metavar="N", help="sizes of the hidden layers")
    parser.add_argument("--activation", default="tanh", metavar="NAME", help=f"{', '.join(ACTIVATIONS)} (default: tanh)")
    optimizers = ", ".join([*OPTIMIZERS, *SOLVERS])
    parser.add_argument("--optimizer", default="adam", metavar="NAME", help=f"{optimizers} (default: adam)")
    parser.add_argument("--lr", type=_rate, metavar="RATE", help=f"learning rate, or a schedule: {', '.join(SCHEDULES)}")
    parser.add_argument("--epochs", type=int, metavar="N", help="how often to go through the data")
    parser.add_argument("--batch-size", type=int, metavar="N", help="samples for each step")
    parser.add_argument("--l2", type=float, default=0.0, metavar="FACTOR", help="of the penalty Σp², which keeps weights small")
    parser.add_argument("--l1", type=float, default=0.0, metavar="FACTOR", help="of the penalty Σ|p|, which makes weights 0")
    parser.add_argument("--clip", type=float, metavar="NORM", help="cut longer gradients to this")
    parser.add_argument("--dropout", type=float, default=0.0, metavar="P", help="share of hidden outputs that training drops")
    parser.add_argument("--balanced", action="store_true", help="let every class count the same")
    parser.add_argument("--validation", type=float, metavar="SHARE", help="of the training samples, set aside to judge by")
    parser.add_argument("--patience", type=int, metavar="N", help="stop after N epochs without progress there; keep the best")
    parser.add_argument("--min-delta", type=float, default=0.0, metavar="LOSS", help="how much less is progress (default: 0)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the data, the weights and the batches (default: 0)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: runs/DATASET)")
    return parser


def _layer_size(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(
            f"the size of a layer must be a whole number, got {text!r}; DATASET stands before --hidden"
        )
    return int(text)


def _rate(text: str) -> float | str:
    if text in SCHEDULES:
        return text
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number or one of {', '.join(SCHEDULES)}, got {text!r}") from None


def _epilog() -> str:
    rows = [
        f"  {name:8} {recipe.about:42} {'-'.join(map(str, recipe.hidden)):7} {recipe.lr:5g} {recipe.epochs:7} {recipe.batch_size:7}"
        for name, recipe in RECIPES.items()
    ]
    return "\n".join(
        [
            "data sets, and what is taken where no option says otherwise:",
            f"  {'':8} {'':42} hidden     lr  epochs   batch",
            *rows,
            "",
            "examples:",
            "  python -m nn",
            "  python -m nn digits",
            "  python -m nn spiral --hidden 24 24 --activation relu --lr 0.02 --epochs 80",
            "  python -m nn moons --optimizer sgd --lr 0.5 --seed 7 --out runs/by-hand",
            "  python -m nn iris --optimizer lbfgs --l2 1e-4 --validation 0.2 --patience 20",
            "",
            "python -m nn export MODEL --c FOLDER writes a saved model as C; --js FOLDER or --onnx FILE.",
            "",
            "Ctrl-C ends the training early: what was learnt is kept and written.",
            "Written are model.safetensors (nn.load reads it), graph.svg, loss.svg, for data in the plane boundary.svg,",
            "and report.html with everything on one page.",
        ]
    )


# --- The run -------------------------------------------------------------------------------------------------------------------


def _run(options: argparse.Namespace) -> int:
    if options.dataset not in RECIPES:
        raise ValueError(f"unknown data set {options.dataset!r}: expected one of {', '.join(RECIPES)}")
    recipe = RECIPES[options.dataset]
    data = DATASETS[options.dataset](seed=options.seed, **recipe.draw)
    model = _model(options, recipe, data)
    out = options.out or Path("runs") / data.name
    out.mkdir(parents=True, exist_ok=True)  # before the training: a place that cannot be written is better known now
    history, seconds = _train(options, recipe, data, model)
    print(f"accuracy   {_accuracies(model, data)}")
    for i, line in enumerate(_written(model, data, history, seconds, out)):
        print(f"{'' if i else 'written':10} {line}")
    return 130 if history.interrupted else 0


def _model(options: argparse.Namespace, recipe: Recipe, data: Dataset) -> MLP:
    hidden = recipe.hidden if options.hidden is None else options.hidden
    outputs = 1 if len(data.classes) == 2 else len(data.classes)
    sizes = [*hidden, outputs]
    return MLP(len(data.features), sizes, activation=options.activation, seed=options.seed, dropout=options.dropout)


def _train(options: argparse.Namespace, recipe: Recipe, data: Dataset, model: MLP) -> tuple[History, float]:
    """Say what is about to be done, and do it."""
    epochs = recipe.epochs if options.epochs is None else options.epochs
    sizes = [len(data.features), *(len(layer.neurons) for layer in model.layers)]
    aside = f"{len(data.X_held_out)} held out" if data.X_held_out else "none held out"
    settings, told = _steps(options, recipe)
    print(f"data       {data.name}: {len(data.X)} samples, {aside}; {len(data.features)} features, {len(data.classes)} classes")
    dropped = f", dropout {options.dropout:g}" if options.dropout else ""
    print(f"model      MLP {'-'.join(map(str, sizes))}, {options.activation}, {len(model.parameters())} parameters{dropped}")
    print(f"training   {_loss(data)}, {options.optimizer}{told[0]}, {epochs} epochs{told[1]}", flush=True)
    start = time.perf_counter()
    history = fit(
        model, data.X, data.y, loss=_loss(data), optimizer=options.optimizer, **settings, l2=options.l2, l1=options.l1,
        clip=options.clip, class_weight="balanced" if options.balanced else None, epochs=epochs, seed=options.seed,
        validation=options.validation, patience=options.patience, min_delta=options.min_delta,
        restore_best=options.patience is not None,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    took = f"{seconds:.1f} s{history.ending}"
    too_little = history.engine == "eager" and chosen_engine("auto") != "eager"
    print(f"took       {took}, {ENGINES[history.engine]}{' (too little to do to compile)' if too_little else ''}")
    return history, seconds


def _steps(options: argparse.Namespace, recipe: Recipe) -> tuple[dict[str, Any], tuple[str, str]]:
    """Rate and batches for ``fit``, and how to tell of them; only what was asked for if a solver trains."""
    if options.optimizer in SOLVERS:
        return {"lr": options.lr, "batch_size": options.batch_size}, ("", "")
    lr = recipe.lr if options.lr is None else options.lr
    size = recipe.batch_size if options.batch_size is None else options.batch_size
    return {"lr": lr, "batch_size": size}, (f" with lr {lr if isinstance(lr, str) else f'{lr:g}'}", f", batches of {size}")


def _loss(data: Dataset) -> str:
    return "bce" if len(data.classes) == 2 else "cross_entropy"


def _accuracies(model: Module, data: Dataset) -> str:
    parts = [("train", data.X, data.y), ("held-out", data.X_held_out, data.y_held_out)]
    return ", ".join(f"{name} {model.accuracy(X, y):.1%} of {len(X)}" for name, X, y in parts if X)


# --- Files ---------------------------------------------------------------------------------------------------------------------


def _written(model: MLP, data: Dataset, history: History, seconds: float, out: Path) -> Iterator[str]:
    """Write the files; for each, what to tell of it."""
    model.save(out / "model.safetensors")
    yield str(out / "model.safetensors")
    import viz  # here, so that --help and errors come at once

    root, what = small_graph(model, data)
    viz.draw(root).save(out / "graph.svg")
    yield f"{out / 'graph.svg'} ({what})"
    plots: list[tuple[str, Callable[[], Any]]] = []
    if history.epochs:
        plots.append(("loss.svg", lambda: viz.loss(history)))
    if len(data.features) == 2:
        plots.append(("boundary.svg", lambda: viz.boundary(model, data.X, data.y)))
    for name, plot in plots:
        try:
            _save_plot(plot, out / name)
            yield str(out / name)
        except ImportError as error:
            yield f"(no {name}: {error})"
    viz.report(model, history, data, out / "report.html", loss=_loss(data), seconds=seconds)
    yield f"{out / 'report.html'} (everything on one page)"


def _save_plot(plot: Callable[[], Any], path: Path) -> None:
    """Save a matplotlib plot with the same bytes in every run."""
    os.environ.setdefault("MPLBACKEND", "agg")  # files only: no window, and none needed
    with suppress(ImportError), held():  # Ctrl-C would leave half of matplotlib behind, on which the next plot fails
        import_module("matplotlib.pyplot")
    figure = plot().figure
    from matplotlib import pyplot

    with pyplot.rc_context({"svg.hashsalt": "chalkgrad"}):
        figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def small_graph(model: MLP, data: Dataset) -> tuple[Value, str]:
    """A graph that is small enough to look at, with its gradients, and what it shows.

    The loss of the first sample if that has few nodes; else one neuron of the first layer, or how the loss follows from the scores
    if the neurons have many inputs.
    """
    model.zero_grad()
    loss, x = LOSSES[_loss(data)].function, [Value(number, label=f"x_{i}") for i, number in enumerate(data.X[0])]
    root, what = loss(model(x), data.y[0]), "the loss of one sample"
    root.label = "E"
    if len(topological_order(root)) > MAX_CARDS and len(x) <= 8:
        neuron = copy.deepcopy(model.layers[0].neurons[0])
        neuron.expand = len(x) <= 4
        root, what = neuron(x), "one neuron of the first layer"
        root.label = "y"
    elif len(topological_order(root)) > MAX_CARDS:
        scores = [Value(y, label=f"y_{i}") for i, y in enumerate(model.predict(data.X[:1])[0])]
        root, what = loss(scores, data.y[0]), "from the scores of one sample to its loss"
        root.label = "E"
    root.backward()
    return root, what


if __name__ == "__main__":
    sys.exit(main())
