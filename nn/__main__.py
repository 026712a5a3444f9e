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
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from autograd import Value, topological_order
from nn.compiled import chosen_engine
from nn.data import DATASETS, Dataset
from nn.layers import ACTIVATIONS, MLP
from nn.losses import LOSSES
from nn.module import Module
from nn.optim import OPTIMIZERS, Optimizer, optimizer_named
from nn.training import History, fit

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
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return _run(options)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except (ValueError, ImportError, OSError, FloatingPointError) as error:
        print(f"{parser.prog}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


# --- Options -------------------------------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help shows what there is)\n")


def _parser() -> argparse.ArgumentParser:
    name = Path(sys.argv[0]).stem
    parser = _Parser(
        prog="python -m nn" if name in ("__main__", "") else name,
        description="Train a multi-layer perceptron on a data set, and draw what it did.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ", ".join(DATASETS)
    parser.add_argument("dataset", nargs="?", default="moons", metavar="DATASET", help=f"{names} (default: moons)")
    parser.add_argument("--hidden", nargs="+", type=_layer_size, metavar="N", help="sizes of the hidden layers")
    parser.add_argument("--activation", default="tanh", metavar="NAME", help=f"{', '.join(ACTIVATIONS)} (default: tanh)")
    parser.add_argument("--optimizer", default="adam", metavar="NAME", help=f"{', '.join(OPTIMIZERS)} (default: adam)")
    parser.add_argument("--lr", type=float, metavar="RATE", help="learning rate")
    parser.add_argument("--epochs", type=int, metavar="N", help="how often to go through the data")
    parser.add_argument("--batch-size", type=int, metavar="N", help="samples for each step")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the data, the weights and the batches (default: 0)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: runs/DATASET)")
    return parser


def _layer_size(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(
            f"the size of a layer must be a whole number, got {text!r}; DATASET stands before --hidden"
        )
    return int(text)


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
            "",
            "Ctrl-C ends the training early: what was learnt is kept and written.",
            "Written are model.safetensors (nn.load reads it), graph.svg, loss.svg and, for data in the plane, boundary.svg.",
        ]
    )


# --- The run -------------------------------------------------------------------------------------------------------------------


def _run(options: argparse.Namespace) -> int:
    if options.dataset not in RECIPES:
        raise ValueError(f"unknown data set {options.dataset!r}: expected one of {', '.join(RECIPES)}")
    recipe = RECIPES[options.dataset]
    data = DATASETS[options.dataset](seed=options.seed, **recipe.draw)
    model = _model(options, recipe, data)
    lr = recipe.lr if options.lr is None else options.lr
    optimizer = optimizer_named(options.optimizer, model.parameters(), lr=lr)
    out = options.out or Path("runs") / data.name
    out.mkdir(parents=True, exist_ok=True)  # before the training: a place that cannot be written is better known now
    history = _train(options, recipe, data, model, optimizer)
    print(f"accuracy   {_accuracies(model, data)}")
    for i, line in enumerate(_written(model, data, history, out)):
        print(f"{'' if i else 'written':10} {line}")
    return 130 if history.interrupted else 0


def _model(options: argparse.Namespace, recipe: Recipe, data: Dataset) -> MLP:
    hidden = recipe.hidden if options.hidden is None else options.hidden
    outputs = 1 if len(data.classes) == 2 else len(data.classes)
    return MLP(len(data.features), [*hidden, outputs], activation=options.activation, seed=options.seed)


def _train(options: argparse.Namespace, recipe: Recipe, data: Dataset, model: MLP, optimizer: Optimizer) -> History:
    """Say what is about to be done, and do it."""
    epochs = recipe.epochs if options.epochs is None else options.epochs
    batch_size = recipe.batch_size if options.batch_size is None else options.batch_size
    sizes = [len(data.features), *(len(layer.neurons) for layer in model.layers)]
    aside = f"{len(data.X_held_out)} held out" if data.X_held_out else "none held out"
    print(f"data       {data.name}: {len(data.X)} samples, {aside}; {len(data.features)} features, {len(data.classes)} classes")
    print(f"model      MLP {'-'.join(map(str, sizes))}, {options.activation}, {len(model.parameters())} parameters")
    print(
        f"training   {_loss(data)}, {options.optimizer} with lr {optimizer.lr:g}, {epochs} epochs, batches of {batch_size}",
        flush=True,
    )
    start = time.perf_counter()
    history = fit(
        model, data.X, data.y, loss=_loss(data), optimizer=optimizer, epochs=epochs, batch_size=batch_size, seed=options.seed
    )
    took = f"{time.perf_counter() - start:.1f} s{', interrupted' if history.interrupted else ''}"
    too_little = history.engine == "eager" and chosen_engine("auto") != "eager"
    print(f"took       {took}, {ENGINES[history.engine]}{' (too little to do to compile)' if too_little else ''}")
    return history


def _loss(data: Dataset) -> str:
    return "bce" if len(data.classes) == 2 else "cross_entropy"


def _accuracies(model: Module, data: Dataset) -> str:
    parts = [("train", data.X, data.y), ("held-out", data.X_held_out, data.y_held_out)]
    return ", ".join(f"{name} {model.accuracy(X, y):.1%} of {len(X)}" for name, X, y in parts if X)


# --- Files ---------------------------------------------------------------------------------------------------------------------


def _written(model: MLP, data: Dataset, history: History, out: Path) -> Iterator[str]:
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


def _save_plot(plot: Callable[[], Any], path: Path) -> None:
    """Save a matplotlib plot with the same bytes in every run."""
    os.environ.setdefault("MPLBACKEND", "agg")  # files only: no window, and none needed
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
