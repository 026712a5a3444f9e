"""``draw``: a picture of everything that a Value was computed from, folded where it would be too large to read."""

from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any

from autograd import Value
from autograd.ops import real_number
from viz import svg
from viz.cards import cards_of, needs_more, roots_of
from viz.engines import place
from viz.graph import MAX_NODES, Graph

if TYPE_CHECKING:
    from viz.folded import FoldedGraph

_FOLDS = ("auto", "packs", "layers", "samples", False)

Fold = str | bool | Callable[[Value], Hashable]


def draw(
    root: Value | Iterable[Value],
    *,
    rankdir: str = "LR",
    engine: str = "auto",
    max_nodes: int | None = MAX_NODES,
    fold: Fold = "auto",
) -> "Graph | FoldedGraph":
    """A picture of everything that ``root``, one Value or several, was computed from.

    Each Value is a card ``label = op / data / ∂ grad``; numbers written in the expression stand in the op (``× 2``). ``rankdir``
    is ``"LR"`` (left to right) or ``"TB"`` (top to bottom). ``engine`` places the cards: ``"dot"``, ``"pygraphviz"``,
    ``"builtin"`` (the same bytes on every machine) or ``"auto"``, the first of these that there is.

    More than ``max_nodes`` cards (None: no limit) are folded to at most 60, one for all Values that the compiler would compute in
    one loop, with a strip of their data and one of their gradients. ``fold`` says how: ``"auto"`` or, whatever the size,
    ``"packs"``, ``"layers"`` (functions with the sums they are applied to, parameters with their use), ``"samples"`` (what
    corresponds in equal samples; ``"packs"`` where one sample alone is too large), or a function of a Value that returns the name
    of its group. With ``fold=False`` a graph that is too large is a ValueError; folding needs the extra ``fast`` (ImportError
    without it).

    >>> from autograd import Value
    >>> x = Value(3.0, label="x")
    >>> draw(x * x, engine="builtin")
    <Graph of v1: 2 cards, 2 edges, placed by builtin>
    >>> total = sum(w * w for w in [Value(0.01 * i) for i in range(200)])
    >>> draw(total, engine="builtin")
    <FoldedGraph of the result: 601 values in 2 cards, placed by builtin>
    """
    if not callable(fold) and fold not in _FOLDS:
        raise ValueError(f"fold must be one of {', '.join(map(repr, _FOLDS))} or a function of a Value, got {fold!r}")
    if max_nodes is not None:
        real_number(max_nodes, "max_nodes")
    roots = roots_of(root)
    if fold not in ("auto", False) or (fold == "auto" and max_nodes is not None and needs_more(roots, max_nodes)):
        return _folded(roots, fold, rankdir, engine)
    cards = cards_of(roots, max_nodes, zero_sums=False)
    layout, placed_by = place([svg.size_of(card) for card in cards.cards], cards.links, rankdir, engine)
    return Graph(cards, layout, rankdir, placed_by)


def _folded(roots: list[Value], fold: Any, rankdir: str, engine: str) -> "FoldedGraph":
    try:
        import numpy  # noqa: F401 -- what folding computes with; asked for here, so that the error can say so
    except ImportError as error:
        raise ImportError(
            f'this graph needs more than {MAX_NODES} cards, and folding it needs NumPy: pip install "chalkgrad[fast]"; '
            "or draw a smaller expression, or raise the limit: viz.draw(..., max_nodes=...)"
        ) from error
    from viz.folded import folded_graph

    return folded_graph(roots, fold, rankdir, engine)
