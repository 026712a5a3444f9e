"""Draw the pictures and pages of the gallery again: ``python -m docs.gallery``. They need the extra ``fast``."""

from collections.abc import Callable
from pathlib import Path

import nn
import viz
from autograd import Value
from benchmarks import compiling

FOLDER = Path(__file__).parent / "gallery"


def neuron() -> Value:
    """A neuron with two inputs and its squared error."""
    x1, x2, w1, w2 = (Value(x, label=name) for x, name in ((2.0, "x_1"), (1.0, "x_2"), (-1.5, "w_1"), (3.0, "w_2")))
    y = (w1 * x1 + w2 * x2 + Value(0.5, label="b")).tanh()
    y.label = "y"
    return (y - 1) ** 2


def exclusive_or() -> Value:
    """Four samples of exclusive or through a network 2-3-1."""
    model = nn.MLP(2, [3, 1], activation="tanh", seed=1)
    return sum([(model(x) - t) ** 2 for x, t in zip([[0, 0], [0, 1], [1, 0], [1, 1]], [-1, 1, 1, -1], strict=True)])


def deep() -> Value:
    """A network of 81 layers."""
    return nn.MLP(4, [8] * 80 + [1], activation="tanh", seed=1)([1.0, 2.0, 3.0, 4.0])


def drawn(make: Callable[[], Value], fold: str = "auto") -> str:
    """The SVG of a graph after its backward pass, folded in this way."""
    root = make()
    root.label = "E"
    root.backward()
    return viz.draw(root, fold=fold, engine="builtin").to_svg()


def network() -> viz.Network:
    """A network that has learnt nothing yet, over 40 points of two moons."""
    data = nn.moons(40, noise=0.1, seed=0)
    return viz.network(nn.MLP(2, [4, 4, 1], activation="tanh", seed=0), data.X, data.y, loss=nn.bce)


# The SVG of each picture, by its name.
PICTURES: dict[str, Callable[[], str]] = {
    "neuron": lambda: drawn(neuron),
    "network": lambda: network().to_svg(),
    "exclusive_or_samples": lambda: drawn(exclusive_or, "samples"),
    "exclusive_or_packs": lambda: drawn(exclusive_or, "packs"),
    "moons": lambda: drawn(compiling.demo()),
    "moons_layers": lambda: drawn(compiling.demo(), "layers"),
    "transformer": lambda: drawn(compiling.transformer()),
    "deep": lambda: drawn(deep),
}


def pages() -> dict[str, str]:
    """The living pages, by their names."""
    error, model, data = neuron(), nn.MLP(2, [4, 4, 1], activation="tanh", seed=0), nn.moons(40, noise=0.1, seed=0)
    error.label = "E"
    return {
        "explore": viz.explore(error, engine="builtin").to_html(),
        "network": network().to_html(),
        "playground": viz.playground(model, data).to_html(),
    }


def main() -> None:
    """Write all pictures and pages."""
    drawn = {f"{name}.svg": picture() for name, picture in PICTURES.items()} | {
        f"{name}.html": page for name, page in pages().items()
    }
    for name, content in drawn.items():
        path = FOLDER / name
        path.write_text(content, encoding="utf-8", newline="\n")
        print(path.relative_to(FOLDER.parent.parent), f"{path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
