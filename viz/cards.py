"""From a graph of Values to the cards and edges of a picture.

Glossary::

    card      one Value as the picture shows it: its label, its op, its data and its gradient
    caption   the op as the card's first line says it: "×", "tanh", "× 2", "w·x + b"
    formula   the op with its operands, for tooltips and screen readers: "x1 × w1", "tanh(n)"
    role      what an operand is to its op, where the picture would not say it otherwise: the divisor, the "then" of a where
    inlined   a number that was written in the expression (the 2 of ``2 * x``) has no card: it stands in the caption
    zero sum  0 + x, with which Python's ``sum`` begins: a picture shows x in its place

A picture is a snapshot: it holds numbers and text, no Values, so a later ``backward()`` does not change it. This module decides
what is shown; where it stands is for ``engines`` and how it looks for ``svg``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograd import Value, topological_order
from autograd.labels import plain_name
from viz.implied import labels_of
from viz.notation import number, raised

# The op's symbol as the blackboard writes it, for the ops that stand between their operands.
_INFIX = {
    "+": "+", "-": "−", "*": "×", "/": "÷", "%": "%", "**": "^",
    ">": ">", "<": "<", ">=": "≥", "<=": "≤", "≥": "≥", "≤": "≤", "and": "and", "or": "or",
}  # fmt: skip
_ROLES = {
    "-": ("", "−"),
    "/": ("", "÷"),
    "%": ("", "%"),
    "**": ("", "exponent"),
    ">": ("left", "right"),
    "<": ("left", "right"),
    "≥": ("left", "right"),
    "≤": ("left", "right"),
    "where": ("if", "then", "else"),
    "atan2": ("y", "x"),
    "xlogy": ("x", "y"),
}
Labels = dict[Value, str]
_HOLE = "·"  # stands for an operand that has a card of its own
_LONGEST_LIST = 4  # operands written out one by one in a caption


@dataclass(frozen=True, slots=True)
class Card:
    """One Value as the picture shows it."""

    label: str
    caption: str
    formula: str
    data: float
    grad: float
    is_root: bool

    @property
    def is_leaf(self) -> bool:
        return not self.formula

    def name(self, index: int) -> str:
        """The label, or ``v3`` for the fourth card when it has none."""
        return plain_name(self.label) or f"v{index}"


@dataclass(frozen=True, slots=True)
class Edge:
    """An operand's way into its result: indices of cards. ``x * x`` has two."""

    start: int
    end: int
    role: str


@dataclass(frozen=True, slots=True)
class Cards:
    """The cards of a graph, operands before results, and its edges in the order of the operands."""

    cards: tuple[Card, ...]
    edges: tuple[Edge, ...]

    @property
    def links(self) -> list[tuple[int, int]]:
        return [(edge.start, edge.end) for edge in self.edges]


def cards_of(root: Value | Iterable[Value], max_nodes: int | None = None, *, zero_sums: bool = True) -> Cards:
    """The cards of everything that ``root`` (one Value or several) was computed from; without ``zero_sums`` x instead of 0 + x.

    ValueError when they are more than ``max_nodes``, TypeError when there is anything but a Value among the roots.

    >>> x = Value(3.0, label="x")
    >>> picture = cards_of(2 * x * x)
    >>> [(card.label, card.caption, card.data) for card in picture.cards]
    [('x', '', 3.0), ('', '2 ×', 6.0), ('', '×', 18.0)]
    >>> picture.links
    [(0, 1), (1, 2), (0, 2)]
    """
    roots = roots_of(root)
    values = _values(roots)
    root_ids = {id(value) for value in roots}
    shown = [v for v in _shown(values, root_ids) if zero_sums or id(v) in root_ids or not _is_zero_sum(v)]
    if max_nodes is not None and len(shown) > max_nodes:
        raise ValueError(_too_many(len(values), len(shown), max_nodes))
    index = {id(value): i for i, value in enumerate(shown)}
    labels = labels_of(values)
    return Cards(
        tuple(_card(value, index, labels, id(value) in root_ids) for value in shown),
        tuple(edge for value in shown for edge in _edges(value, index, labels)),
    )


def values_of(root: Value | Iterable[Value]) -> list[Value]:
    """The Values that have a card in the picture of ``root``, in the order of the cards.

    >>> x = Value(3.0, label="x")
    >>> [value.data for value in values_of(2 * x)]
    [3.0, 6.0]
    """
    roots = roots_of(root)
    return _shown(_values(roots), {id(value) for value in roots})


def needs_more(roots: Sequence[Value], most: int) -> bool:
    """Whether a picture would need more than ``most`` cards; found without walking a large graph to its end."""
    stack, seen = list(roots), set[int]()
    shown = 0
    while stack and shown <= most:
        value = stack.pop()
        if id(value) not in seen:
            seen.add(id(value))
            shown += not (_is_inlined(value) or _is_zero_sum(value))
            stack.extend(value._prev)
    return shown > most


def caption_of(value: Value) -> str:
    """The op of a computed Value as its card says it.

    >>> caption_of(2 * Value(3.0)), caption_of(Value(3.0) ** 2)
    ('2 ×', '( )²')
    """
    return _caption(value._op or "f", [number(operand.data) if _is_inlined(operand) else "" for operand in value._prev])


def formula(op: str, names: Sequence[str]) -> str:
    """The op applied to operands of these names, as text.

    >>> formula("*", ["a", "b"]), formula("tanh", ["n"]), formula("-", ["a", "−2"])
    ('a × b', 'tanh(n)', 'a + 2')
    """
    if _is_dot(op, names):
        n = len(names) // 2
        products = [f"{w}·{_bracketed(x)}" for w, x in zip(names[:n], names[n:-1], strict=True)]
        return _added([*products, *([] if _is_zero(names[-1]) else [names[-1]])])
    if op.startswith("**") and op != "**":
        return names[0] + raised(op[2:])
    if op == "neg":
        return f"−{_bracketed(names[0])}"
    if op == "sum":
        return _added(names)
    return _infixed(names[0], op, names[1]) if op in _INFIX and len(names) == 2 else f"{op}({', '.join(names)})"


def _infixed(left: str, op: str, right: str) -> str:
    """The op between two texts; one that begins with a minus sign turns + and − around, and gets parentheses elsewhere."""
    sign = _INFIX[op]
    if right.startswith("−") and op in ("+", "-"):
        sign, right = ("−" if op == "+" else "+"), right[1:]
    return f"{left} {sign} {_bracketed(right)}"


def _added(terms: Sequence[str]) -> str:
    total = terms[0]
    for term in terms[1:]:
        total = _infixed(total, "+", term)
    return total


def _bracketed(text: str) -> str:
    return f"({text})" if text.startswith("−") else text


def _is_zero(text: str) -> bool:
    return text in ("0", "−0")


def roots_of(root: Value | Iterable[Value]) -> list[Value]:
    """The Values to draw as a list; TypeError for anything else, ValueError for none."""
    if isinstance(root, Value):
        return [root]
    if not isinstance(root, Iterable) or isinstance(root, str | bytes):
        other = "; viz.network draws a model" if hasattr(root, "parameters") else ""
        raise TypeError(f"a picture needs a Value or several, got {type(root).__name__}{other}")
    roots = list(root)
    strangers = [type(item).__name__ for item in roots if not isinstance(item, Value)]
    if strangers:
        raise TypeError(f"a picture needs a Value or a flat list of Values, got a {type(root).__name__} holding {strangers[0]}")
    if not roots:
        raise ValueError("a picture needs at least one Value, got none")
    return roots


def _values(roots: Sequence[Value]) -> list[Value]:
    """Every Value below the roots once, operands before results."""
    return list({id(value): value for root in roots for value in topological_order(root)}.values())


def _shown(values: Sequence[Value], root_ids: set[int]) -> list[Value]:
    return [value for value in values if id(value) in root_ids or not _is_inlined(value)]


def _is_inlined(value: Value) -> bool:
    return value.is_constant and not value.label


def _is_zero_sum(value: Value) -> bool:
    first = value._prev[0] if value._op == "+" and not value.label else None
    return first is not None and first.data == 0.0 and _is_inlined(first) and not _is_inlined(value._prev[1])


def _operands(value: Value, index: dict[int, int]) -> list[Value]:
    """The operands as the picture shows them: of 0 + x, where that has no card, x."""
    return [_behind_zeros(operand, index) for operand in value._prev]


def _behind_zeros(value: Value, index: dict[int, int]) -> Value:
    while id(value) not in index and _is_zero_sum(value):
        value = value._prev[1]
    return value


def _too_many(values: int, cards: int, max_nodes: int) -> str:
    return (
        f"this graph has {values:,} values and would need {cards:,} cards; a picture stays readable up to about {max_nodes:,}. "
        f"Draw a smaller expression (the output of one neuron, the loss of one sample), "
        f"or raise the limit: viz.draw(..., max_nodes={cards})"
    )


def _card(value: Value, index: dict[int, int], labels: Labels, is_root: bool) -> Card:
    label = labels.get(value, "")
    if not value._prev:
        return Card(label, "", "", value.data, value.grad, is_root)
    op, operands = value._op or "f", _operands(value, index)
    holes = ["" if id(operand) in index else number(operand.data) for operand in operands]
    names = [_name(operand, index, labels) for operand in operands]
    return Card(label, _caption(op, holes), formula(op, names), value.data, value.grad, is_root)


def _name(value: Value, index: dict[int, int], labels: Labels) -> str:
    if id(value) not in index:
        return number(value.data)
    return plain_name(labels.get(value, "")) or f"v{index[id(value)]}"


def _edges(value: Value, index: dict[int, int], labels: Labels) -> list[Edge]:
    """One edge per operand that has a card; roles only where at least two have one."""
    op, operands = value._op, _operands(value, index)
    end = index[id(value)]
    drawn = [(i, operand) for i, operand in enumerate(operands) if id(operand) in index]
    if len(drawn) < 2:
        return [Edge(index[id(operand)], end, "") for _, operand in drawn]
    roles = _dot_roles(operands, labels) if _is_dot(op, operands) else _ROLES.get(op, ())
    return [Edge(index[id(operand)], end, roles[i] if i < len(roles) else "") for i, operand in drawn]


def _is_dot(op: str, operands: Sequence[object]) -> bool:
    """Whether the operands are (weights…, inputs…, bias) as ``autograd.dot`` records them."""
    return op == "dot" and len(operands) % 2 == 1


def _dot_roles(operands: Sequence[Value], labels: Labels) -> list[str]:
    """w₀ … wₙ₋₁, x₀ … xₙ₋₁, b: for operands that carry no label of their own."""
    n = len(operands) // 2
    roles = [f"w_{i}" for i in range(n)] + [f"x_{i}" for i in range(n)] + ["b"]
    return ["" if operand in labels else role for role, operand in zip(roles, operands, strict=True)]


def _caption(op: str, operands: Sequence[str]) -> str:
    """The op with the inlined operands; an operand with a card of its own is given as the empty text."""
    if _is_dot(op, operands):
        return _dot_caption(operands)
    if op.startswith("**") and op != "**":
        return f"( ){raised(op[2:])}"
    if op in _INFIX and len(operands) == 2:
        return _infixed(operands[0], op, operands[1]).strip()
    symbol = {"neg": "−", "sum": "Σ"}.get(op, op)
    return f"{symbol}({_listed(operands)})" if any(operands) else symbol


def _dot_caption(operands: Sequence[str]) -> str:
    n = len(operands) // 2
    weights, inputs, bias = operands[:n], operands[n:-1], operands[-1]
    product = f"{_vector('w', weights)}·{_vector('x', inputs)}"
    return product if _is_zero(bias) else _infixed(product, "+", bias or "b")


def _vector(symbol: str, components: Sequence[str]) -> str:
    return f"({_listed(components)})" if any(components) else symbol


def _listed(operands: Sequence[str]) -> str:
    """Operands with commas between them, the middle of a long list left out."""
    texts = [text or _HOLE for text in operands]
    if len(texts) > _LONGEST_LIST:
        texts = [*texts[: _LONGEST_LIST - 2], "…", texts[-1]]
    return ", ".join(texts)
