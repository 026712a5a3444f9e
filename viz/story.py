"""What a backward pass says, push by push: the chain rule in symbols, with the numbers plugged in, and what it adds up to.

``scripts/story.js`` says the same of the numbers that a reader makes; tests hold the two against each other, word by word.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from viz.living import Living, formula_template, names_of, own_names, rule_templates
from viz.notation import number

_HOLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Told:
    """One push: the card that pushes, the edges it pushes along, the lines said, and the gradients of all cards after it."""

    card: int
    edges: tuple[int, ...]
    lines: tuple[str, ...]
    gradients: tuple[float | None, ...]


def forward_lines(alive: Living) -> list[str]:
    """What is said of each computed card: its formula, with numbers, and the result."""
    names, own, data = names_of(alive.graph), own_names(alive.graph), alive.data
    lines = []
    for card in alive.graph.computed:
        template = formula_template(alive.graph, card)
        symbols = _filled(template, lambda hole: names[int(hole)])
        head = f"{names[card]} = {symbols}" if own[card] else symbols
        lines.append(f"{head} = {_calculation(template, lambda hole: data[int(hole)])} = {number(data[card])}")
    return lines


def backward_story(alive: Living, trace: int = 0) -> list[Told]:
    """The pushes of a trace, from the result to the leaves.

    >>> from autograd import Value
    >>> from viz.living import drawn, engine_trace, living
    >>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
    >>> y = w * x + w
    >>> y.label = "y"
    >>> graph = drawn(y, 9)
    >>> for told in backward_story(living(graph, [engine_trace(graph)])):
    ...     print(*told.lines, sep="\\n")
    ∂y/∂(w·x) += ∂y/∂y = 1
    ∂y/∂w += ∂y/∂y = 1
    ∂y/∂w += ∂y/∂(w·x) · x = 1 · 2 = 2; before 1, now 3
    ∂y/∂x += ∂y/∂(w·x) · w = 1 · 0.5 = 0.5
    """
    on_its_way = _Pass(alive, trace)
    return [on_its_way.push(card, edges) for card, edges in alive.traces[trace].pushes]


@final
class _Pass:
    """A backward pass on its way: what has arrived at each card so far."""

    def __init__(self, alive: Living, trace: int) -> None:
        self.names, self.data, self.rules = names_of(alive.graph), alive.data, rule_templates(alive.graph)
        self.starts = [edge.start for edge in alive.graph.cards.edges]
        self.contributions, self.adjoints = alive.contributions(trace), alive.adjoints(trace)
        self.missing = [0] * len(self.names)
        for edge in self.contributions:
            self.missing[self.starts[edge]] += 1
        self.expected = tuple(self.missing)
        self.gradients: list[float | None] = [*[None] * (len(self.names) - 1), 1.0]

    def push(self, card: int, edges: tuple[int, ...]) -> Told:
        """The next push."""
        lines = [self._too_early(card)] if self.missing[card] else []
        g = self.gradients[card]
        lines += [self._line(card, 0.0 if g is None else g, edge) for edge in edges]
        return Told(card, edges, tuple(lines), tuple(self.gradients))

    def _too_early(self, card: int) -> str:
        expected = self.expected[card]
        return f"Too early: {expected - self.missing[card]} of {expected} contributions have arrived at {self.names[card]}."

    def _line(self, card: int, g: float, edge: int) -> str:
        """The contribution along one edge, which arrives with that."""
        start, contribution = self.starts[edge], self.contributions[edge]
        symbols = _filled(self.rules[edge], lambda hole: self._slope(card) if hole == "g" else self.names[int(hole)])
        numbers = _calculation(self.rules[edge], lambda hole: g if hole == "g" else self.data[int(hole)])
        value = "" if numbers == number(contribution) else f" = {number(contribution)}"
        return f"{self._slope(start)} += {symbols} = {numbers}{value}{self._arrive(start, contribution)}"

    def _arrive(self, start: int, contribution: float) -> str:
        """Add to what has arrived at a card; says what it was before and is now, if something was there."""
        before = self.gradients[start]
        total = contribution if before is None else before + contribution
        self.missing[start] -= 1
        self.gradients[start] = total = total if self.missing[start] else self.adjoints[start]
        return "" if before is None else f"; before {number(before)}, now {number(total)}"

    def _slope(self, card: int) -> str:
        return f"∂{self.names[-1]}/∂{self.names[card]}"


def _filled(template: str, text: Callable[[str], str]) -> str:
    """A template with its holes filled."""
    return _HOLE.sub(lambda hole: text(hole[1]), template)


def _calculation(template: str, of: Callable[[str], float]) -> str:
    """A template with numbers in its holes: negative ones in parentheses, unless one begins the line."""
    said = _filled(template, lambda hole: re.sub("^−.*", r"(\g<0>)", number(of(hole))))
    return re.sub(r"^\((−[^()]*)\)", r"\1", said)
