"""``backward_table``: the backward pass as a table.

A step is one node handing its derivative on, in the engine's order. Each row is one of its operands: the upstream derivative
∂E/∂node that the node has by then, its own slope ∂node/∂operand as its rule says it, and their product, the contribution, which is
added to what the operand has received so far.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from autograd import Value, topological_order
from autograd.backward import recorded_numbers
from viz import notation
from viz.cards import caption_of
from viz.chain import check_recorded
from viz.naming import Names
from viz.notation import number
from viz.svg import escaped
from viz.symbols import local_derivatives

MOST_STEPS = 150
_NAME = re.compile(r"[^\s·/+−()⁽]*(?:⁽[^⁾]*⁾)?′*")
_HEAD = ("step", "node", "op", "upstream", "local derivative", "contribution")


@final
@dataclass(frozen=True, slots=True)
class Row:
    """What one node hands to one operand; ``total`` is what the operand has received by then. None where nothing flows."""

    step: int
    node: str
    op: str
    operand: str
    upstream: float
    slope: str
    local: float | None
    contribution: float | None
    total: float | None


def backward_table(E: Value) -> "BackwardTable":
    """The backward pass from ``E`` as a table: step, node, op, upstream, local derivative and contribution.

    It is shown as HTML in a notebook and as text in the terminal; ``rows`` holds the numbers in full. TypeError if E is not a Value
    or an op with a hand-written ``_backward`` lies below it; ValueError if data was edited after the recording, if E is a leaf, or
    if it was computed by more than 150 operations.

    >>> x, w = Value(2.0, label="x"), Value(-1.5, label="w")
    >>> E = (w * x - 1) ** 2
    >>> E.label = "E"
    >>> backward_table(E)
    step  node     op    upstream  local derivative                  contribution
    1     E        ( )²  1         ∂E/∂(w·x − 1) = 2·(w·x − 1) = −8  ∂E/∂(w·x − 1) += 1 × (−8) = −8
    2     w·x − 1  − 1   −8        ∂(w·x − 1)/∂(w·x) = 1             ∂E/∂(w·x) += −8 × 1 = −8
    3     w·x      ×     −8        ∂(w·x)/∂w = x = 2                 ∂E/∂w += −8 × 2 = −16
                                   ∂(w·x)/∂x = w = −1.5              ∂E/∂x += −8 × (−1.5) = 12
    """
    if not isinstance(E, Value):
        raise TypeError(f"backward_table needs a Value, got {type(E).__name__}")
    steps = [v for v in reversed(topological_order(E)) if not v.is_leaf]
    if not 0 < len(steps) <= MOST_STEPS:
        raise ValueError(
            f"backward_table needs a Value that 1 to {MOST_STEPS} operations computed, got {len(steps):,}; "
            "take the loss of one sample, or the output of one neuron"
        )
    check_recorded(steps)
    names = Names(E)
    return BackwardTable(names.plain(E), tuple(_rows(E, steps, names)))


def _rows(E: Value, steps: Sequence[Value], names: Names) -> Iterator[Row]:
    adjoints = {E: 1.0}
    step = 0
    for v in steps:
        if v not in adjoints:
            continue
        step += 1
        slopes = local_derivatives(v.op, names.expression(v), [names.expression(o) for o in v._prev])
        locals_, contributions = (_answers(v, g) for g in (1.0, adjoints[v]))
        for operand, slope, local, contribution in zip(v._prev, slopes, locals_, contributions, strict=True):
            if operand.is_constant and not operand.label:
                continue
            if contribution is not None:
                adjoints[operand] = adjoints[operand] + contribution if operand in adjoints else contribution
            said = "" if slope is None else notation.text(slope)
            size = 0.0 if local is None and slope is not None else local
            flows = (said, size, contribution, None if contribution is None else adjoints[operand])
            yield Row(step, names.plain(v), caption_of(v), names.plain(operand), adjoints[v], *flows)


def _answers(v: Value, g: float) -> Sequence[float | None]:
    """What the node's rule hands to its operands when its own derivative is g."""
    rule = v.op.rule
    return (None,) * len(v._prev) if rule is None else rule(g, v.data, *recorded_numbers(v))


@final
class BackwardTable:
    """The steps of a backward pass. Made by ``backward_table``."""

    def __init__(self, root: str, rows: tuple[Row, ...]) -> None:
        self.root = root
        self.rows = rows

    @property
    def cells(self) -> list[tuple[str, ...]]:
        """The table as texts, row by row, without its head; what a node says in each of its rows is there once."""
        written: list[tuple[str, ...]] = []
        last = 0
        for row in self.rows:
            node = (str(row.step), row.node, row.op, number(row.upstream))
            written.append((*(node if row.step != last else ("",) * 4), _slope(row), _contribution(self.root, row)))
            last = row.step
        return written

    @property
    def text(self) -> str:
        """The table in lines, its columns below each other."""
        lines = [_HEAD, *self.cells]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="text-align:left">{name}</th>' for name in _HEAD)
        rows = ("".join(f'<td style="text-align:left">{escaped(cell)}</td>' for cell in cells) for cells in self.cells)
        body = "\n".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _slope(row: Row) -> str:
    """∂node/∂operand = what the rule says = its number."""
    said = f"{_partial(row.node, row.operand)} = {row.slope}"
    if row.local is None:
        return f"{_partial(row.node, row.operand)}: nothing flows"
    return said if row.slope == number(row.local) else f"{said} = {number(row.local)}"


def _contribution(root: str, row: Row) -> str:
    """∂E/∂operand += upstream × local = contribution → what it has received by then."""
    if row.local is None or row.contribution is None or row.total is None:
        return ""
    local = number(row.local)
    product = f"{number(row.upstream)} × {f'({local})' if local.startswith('−') else local}"
    received = f" → {number(row.total + 0.0)}" if row.total != row.contribution else ""
    return f"{_partial(root, row.operand)} += {product} = {number(row.contribution + 0.0)}{received}"


def _partial(above: str, below: str) -> str:
    """∂above/∂below, parentheses around what is more than a name."""
    return "/".join(f"∂{text}" if _NAME.fullmatch(text) else f"∂({text})" for text in (above, below))
