"""``derive``: ∂E/∂w as on the blackboard: in symbols, then with the numbers, then the result.

A few short routes from E to w are written out as a sum of products of partial derivatives. Where there are more, each named value
gets its δ = ∂E/∂value, one after the other from E down to w: the sum over all routes, in the form in which backpropagation does it.

Every line follows from the one before: numbers are shown with as many digits as that takes, four unless something cancels.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from autograd import Value, topological_order
from viz import notation
from viz.chain import Chain
from viz.notation import number
from viz.symbols import Name, Number, Product, number_of, parts, product, rounded

MOST_ROUTES, MOST_FACTORS = 3, 10
MOST_STATIONS = 60
_MOST_DIGITS = 17
# A drive as the blackboards call it; its derivative is the δ with the same indices.
_DRIVE = re.compile(r"[asz](?=$|[_^₀-₉⁰¹²³⁴-⁹⁽])")


def derive(E: Value, w: Value | str) -> "Derivation":
    """The derivation of ∂E/∂w: the chain rule in symbols, with the numbers of this graph, and the result.

    ``w`` is a Value that E was computed from, or its label. In a notebook the derivation is set as LaTeX, in the terminal as text.
    TypeError if E or w is not a Value; ValueError if w is not below E, if no value or several have that label, or if more than 60
    named values lie between.

    >>> x, w, b = Value(2.0, label="x"), Value(-1.5, label="w"), Value(0.5, label="b")
    >>> y = w * x + b
    >>> E = (y - 2) ** 2
    >>> y.label, E.label = "y", "E"
    >>> derive(E, w)
        y = w·x + b = −2.5
        E = (y − 2)² = 20.25
    ∂E/∂w = ∂E/∂y · ∂y/∂w
          = 2·(y − 2) · x
          = 2·(−2.5 − 2) · 2
          = −9 · 2
          = −18
    """
    if not isinstance(E, Value):
        raise TypeError(f"derive needs the Value to differentiate, got {type(E).__name__}")
    w = _found(E, w)
    chain = Chain(E, w)
    by_deltas = _has_many_routes(chain)
    if by_deltas:
        chain = Chain(E, w, compact=True)
    if len(chain.stations) > MOST_STATIONS:
        raise ValueError(
            f"{len(chain.stations)} named values lie between {chain.names.plain(E)} and {chain.names.plain(w)}; a derivation is "
            f"readable up to {MOST_STATIONS}. Derive the loss of one sample, or the output of one neuron"
        )
    definitions = [_definition(chain, v) for v in chain.named if not v.is_leaf and v is not w]
    steps = list(_deltas(chain)) if by_deltas else [_sum_of_routes(chain)]
    return Derivation((*definitions, *steps))


def _has_many_routes(chain: Chain) -> bool:
    """Whether the sum over all routes would be long."""
    routes = chain.routes(MOST_ROUTES + 1)
    return len(routes) > MOST_ROUTES or (len(routes) > 1 and sum(map(len, routes)) > MOST_FACTORS)


def _found(E: Value, w: Value | str) -> Value:
    below = topological_order(E)
    if isinstance(w, str):
        named = [v for v in below if v.label == w]
        if len(named) == 1:
            return named[0]
        labels = ", ".join(dict.fromkeys(repr(v.label) for v in below if v.label)) or "none"
        told = f"{len(named)} values have it, so give the Value itself" if named else f"the labels are {labels}"
        raise ValueError(f"derive needs the label of one value that E was computed from, got {w!r}: {told}")
    if not isinstance(w, Value):
        raise TypeError(f"derive needs the Value to differentiate by, or its label, got {type(w).__name__}")
    if w not in set(below):
        leaves = ", ".join(str(v.label) or number(v.data) for v in below if v.is_leaf and not v.is_constant) or "none"
        raise ValueError(f"derive needs a value that E was computed from, and {w!r} is not one; E's leaves are {leaves}")
    return w


# --- What is written -----------------------------------------------------------------------------------------------------------


@final
@dataclass(frozen=True, slots=True)
class Said:
    """A piece of a derivation in both ways of writing."""

    text: str
    latex: str


@final
@dataclass(frozen=True, slots=True)
class Block:
    """Equations one below the other: left = lines[0] = lines[1] = …; with ``in_line`` all on one line."""

    left: Said
    lines: tuple[Said, ...]
    in_line: bool = False


@final
class Derivation:
    """A derivation, as text and as LaTeX. Made by ``derive``."""

    def __init__(self, blocks: tuple[Block, ...]) -> None:
        self.blocks = blocks

    @property
    def text(self) -> str:
        """The derivation in lines, their equals signs below each other."""
        width = max(len(block.left.text) for block in self.blocks)
        lines = []
        for block in self.blocks:
            first, *rest = [said.text for said in block.lines]
            if block.in_line:
                first, rest = " = ".join([first, *rest]), []
            lines += [f"{block.left.text:>{width}} = {first}", *(f"{'':>{width}} = {line}" for line in rest)]
        return "\n".join(lines)

    @property
    def latex(self) -> str:
        """The derivation as an ``aligned`` environment, without dollar signs."""
        rows = []
        for block in self.blocks:
            joint = " = " if block.in_line else " \\\\\n&= "
            rows.append(f"{block.left.latex} &= " + joint.join(said.latex for said in block.lines))
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def __repr__(self) -> str:
        return self.text

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"


def _definition(chain: Chain, v: Value) -> Block:
    expression = chain.names.definition(v)
    return Block(_name(chain, v), (_sum([[expression]], _digits((), [[expression]], v.data)), _number(v.data)), in_line=True)


def _sum_of_routes(chain: Chain) -> Block:
    """∂E/∂w as a sum of products of partial derivatives."""
    result = chain.adjoints().get(chain.w, 0.0)
    routes = [route for route in chain.routes(MOST_ROUTES) if _is_open(chain, route) or result != result]
    left = _partial(chain, chain.E, chain.w)
    if not routes or not routes[0]:
        return Block(left, (_number(float(chain.E is chain.w)),), in_line=True)
    partials = _joined([[_partial(chain, above, below) for above, below in route] for route in routes])
    slopes = [[chain.slopes[step] for step in route] for route in routes]
    lines = [partials, *_evaluated((), slopes, result)]
    return Block(left, tuple([line for line in dict.fromkeys(lines) if line != left]))


def _is_open(chain: Chain, route: Sequence[tuple[Value, Value]]) -> bool:
    """Whether a route has a number: one that a closed gate and an infinite slope meet on adds nothing."""
    [slopes] = _factors([[chain.slopes[step] for step in route]])
    return not math.isnan(math.prod(slopes))


def _deltas(chain: Chain) -> Iterator[Block]:
    """δ of every station from E down to w, each from those above it."""
    adjoints = chain.adjoints()
    delta = _delta_names(chain, adjoints)
    for v in chain.downwards()[1:]:
        terms = [[*([delta[above]] if above is not chain.E else []), chain.slopes[above, v]] for above, _ in chain.arriving(v)]
        left = _partial(chain, chain.E, v)
        if v is not chain.w:
            name = _sum([[delta[v]]])
            left = Said(f"{name.text} = {left.text}", f"{name.latex} = {left.latex}")
        lines = _evaluated(*_factored([_without_ones(term) for term in terms]), adjoints[v])
        yield Block(left, tuple(dict.fromkeys(lines)))


def _factored(terms: Sequence[Sequence[Number]]) -> tuple[Sequence[Number], Sequence[Sequence[Number]]]:
    """What the terms have in common, and what remains of them: g′(a) · Σ w·δ."""
    factors = [[piece for x in term for piece in parts(x)[1]] for term in terms]
    common = [piece for piece in factors[0] if all([piece in others for others in factors[1:]])] if len(terms) > 1 else []
    if not common:
        return (), terms
    before = [product([_power(*piece)]) for piece in common]
    return before, [
        _without_ones([product((x, *[_power(b, -p) for b, p in common if (b, p) in parts(x)[1]])) for x in term])
        for term in terms
    ]


def _power(base: Number, power: float) -> Number:
    return base**power


def _without_ones(factors: Sequence[Number]) -> Sequence[Number]:
    return [x for x in factors if x != 1.0] or [1.0]


def _delta_names(chain: Chain, adjoints: dict[Value, float]) -> dict[Value, Name]:
    """A δ for every station: with the indices of a drive, else with the name of the station in parentheses."""
    labels: dict[Value, str] = {}
    for v in chain.stations:
        name = chain.names.expression(v)
        label = name.label if isinstance(name, Name) else notation.text(name)
        drive = "δ" + label[1:] if _DRIVE.match(label) else ""
        labels[v] = drive if drive and drive not in labels.values() else f"δ({label})"
    return {v: Name(label, adjoints[v]) for v, label in labels.items()}


def _evaluated(common: Sequence[Number], terms: Sequence[Sequence[Number]], result: float) -> list[Said]:
    """common · Σ terms: in symbols, with the numbers, factor by factor, term by term, and its result."""
    digits = _digits(common, terms, result)
    [before], factors = _factors([common]), _factors(terms)
    products = [[math.prod(term)] for term in factors]
    lines = [_line(common, terms, digits), _line(common, terms, digits, plugged=True), _line(before, factors, digits)]
    if common:
        return [*lines, _line(before, [[math.fsum(x for [x] in products)]], digits), _number(result)]
    return [*lines, *([_line((), products, digits)] if len(terms) > 1 else []), _number(result)]


def _line(common: Sequence[Number], terms: Sequence[Sequence[Number]], digits: int, *, plugged: bool = False) -> Said:
    """common · (Σ terms)."""
    if len(terms) == 1 or not common:
        return _sum([[*common, *terms[0]], *terms[1:]], digits, plugged=plugged)
    before, rest = _sum([common], digits, plugged=plugged, alone=False), _sum(terms, digits, plugged=plugged)
    return Said(f"{before.text} · ({rest.text})", rf"{before.latex} \cdot \left({rest.latex}\right)")


def _factors(terms: Sequence[Sequence[Number]]) -> list[list[float]]:
    return [[math.nan if (found := number_of(x)) is None else found for x in term] for term in terms]


def _digits(common: Sequence[Number], terms: Sequence[Sequence[Number]], result: float) -> int:
    """How many digits numbers must have for every line to give the next one to four digits."""
    exact = _factors([common, *terms])
    for digits in range(4, _MOST_DIGITS):
        plugged = _factors([[rounded(x, digits) for x in term] for term in (common, *terms)])
        factors = [[rounded(x, digits) for x in term] for term in exact]
        products = [rounded(math.prod(term), digits) for term in exact[1:]]
        follows = all([_same(x, y) for got, term in zip(plugged, exact, strict=True) for x, y in zip(got, term, strict=True)])
        before = math.prod(factors[0])
        lines = (_total(plugged), _total(factors), before * math.fsum(products), before * rounded(math.fsum(products), digits))
        if follows and all([_same(line, result) for line in lines]):
            return digits
    return _MOST_DIGITS


def _total(terms: Sequence[Sequence[float]]) -> float:
    """The first product times the sum of the others."""
    before, *others = map(math.prod, terms)
    return before * math.fsum(others)


def _same(x: float, y: float) -> bool:
    """Whether two numbers look the same; −0 is 0."""
    return number(x + 0.0) == number(y + 0.0)


# --- Pieces in both ways of writing --------------------------------------------------------------------------------------------


def _name(chain: Chain, v: Value) -> Said:
    return Said(chain.names.plain(v), chain.names.latex(v))


def _number(x: float) -> Said:
    return Said(notation.text(x + 0.0), notation.latex(x + 0.0))


def _partial(chain: Chain, above: Value, below: Value) -> Said:
    """∂above/∂below."""
    over, under = (notation.factor(chain.names.expression(v), least=notation.POWER) for v in (above, below))
    tex = [notation.factor(chain.names.expression(v), least=notation.POWER, as_latex=True) for v in (above, below)]
    return Said(f"∂{over}/∂{under}", rf"\frac{{\partial {tex[0]}}}{{\partial {tex[1]}}}")


def _sum(terms: Sequence[Sequence[Number]], digits: int = 4, *, plugged: bool = False, alone: bool = True) -> Said:
    """Σ Π of the factors, with ``plugged`` their names' numbers in the place of names; not ``alone``, something follows."""
    written = []
    for i, term in enumerate(terms):
        least = notation.SUM if alone and len(terms) == len(term) == 1 else notation.PRODUCT
        written.append(
            [
                _factor(x, digits, plugged, notation.SUM if i == j == 0 and _is_negative(x, plugged) else least)
                for j, x in enumerate(term)
            ]
        )
    return _joined(written)


def _factor(x: Number, digits: int, plugged: bool, least: int) -> Said:
    spell = (lambda name: name.number) if plugged else None
    return Said(notation.factor(x, spell, digits, least=least), notation.factor(x, spell, digits, least=least, as_latex=True))


def _is_negative(x: Number, plugged: bool) -> bool:
    """Whether a minus sign is written first, which needs no parentheses at the beginning of a line."""
    said = x.number if plugged and isinstance(x, Name) else x.coefficient if isinstance(x, Product) else x
    return isinstance(said, float) and said < 0.0


def _joined(terms: Sequence[Sequence[Said]]) -> Said:
    """Terms with + between them, each of factors with · between them."""
    return Said(
        " + ".join(" · ".join(said.text for said in term) for term in terms),
        " + ".join(r" \cdot ".join(said.latex for said in term) for term in terms),
    )
