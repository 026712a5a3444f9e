"""How names, numbers and expressions are written: as text with ``₁`` and ``²``, and as LaTeX.

Glossary::

    binding    how tightly a piece of text holds together: SUM < PRODUCT < POWER < ATOM; looser pieces get parentheses
    spell      what is written for a name: its symbol, or, with the numbers plugged in, its number

A label is written as on the blackboard: ``w_12^(1)`` is w₁₂⁽¹⁾. What has no raised or lowered form in Unicode stays as it was.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from autograd import Op, ops
from autograd.labels import LOWERED, RAISED, plain_name, scripts
from viz.symbols import CONSTANTS, Call, Name, Number, Product, Sum, Symbolic

SUM, PRODUCT, POWER, ATOM = range(4)
Piece = tuple[str, int]
Spell = Callable[[Name], "str | float"]
Wrap = Callable[[str], str]

_GREEK_NAMES = (
    "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon varphi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
_GREEK = dict(zip("αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ", _GREEK_NAMES.split(), strict=True))
_ACCENTS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0307": "dot"}
_LATEX_SPECIAL = {
    **{c: f"\\{c}" for c in "{}$&#%_"}, "\\": "\\backslash{}", "^": "\\hat{}", "~": "\\sim{}", "<": "\\lt{}", ">": "\\gt{}",
    "−": "-", "·": "\\cdot{}", "×": "\\times{}", "′": "'", "∂": "\\partial{}",
}  # fmt: skip
# Of a sum with more terms than this, the first ones and the last one are written.
_LONGEST_SUM, _SHOWN = 9, 3


def number(x: float, digits: int = 4) -> str:
    """``x`` with four significant digits and a true minus sign; −0, inf and nan are shown as what they are.

    >>> [number(x) for x in (6.8813735870195432, -0.5, -0.0, 1e-7, 123456.0, float("-inf"))]
    ['6.881', '−0.5', '−0', '1e−7', '1.235e5', '−inf']
    """
    mantissa, _, exponent = f"{x:.{digits}g}".partition("e")
    return (f"{mantissa}e{int(exponent)}" if exponent else mantissa).replace("-", "−")


def raised(exponent: str) -> str:
    """An exponent behind its base: ``²``, or ``^0.5`` where Unicode has no raised form."""
    written = exponent.removesuffix(".0").replace("-", "−")
    return "".join(RAISED[c] for c in written) if all(c in RAISED for c in written) else f"^{written}"


def latex_name(label: str) -> str:
    """A label as LaTeX; words upright, Greek letters and accents by their names.

    >>> latex_name("w_12^(1)"), latex_name("ŷ₁"), latex_name("loss"), latex_name("δ_i^(n)")
    ('w_{12}^{(1)}', '\\\\hat{y}_{1}', '\\\\mathrm{loss}', '\\\\delta_{i}^{(n)}')
    """
    lowered = {small: c for c, small in LOWERED.items() if c not in "−,"}
    raised = {small: c for c, small in RAISED.items() if c not in "−*"}
    spelled = re.sub("[" + "".join(lowered) + "]+", lambda m: "_{" + "".join(lowered[c] for c in m[0]) + "}", label)
    spelled = re.sub("[" + "".join(raised) + "]+", lambda m: "^{" + "".join(raised[c] for c in m[0]) + "}", spelled)
    written = ""
    for text, height in scripts(spelled):
        piece = _latex_word(text)
        mark = {0: "", 1: "^", -1: "_"}[height]
        written += f"{mark}{{{piece}}}" if mark and not _repeats(written, mark) else f"{{}}{mark}{{{piece}}}" if mark else piece
    return written


def _repeats(written: str, mark: str) -> bool:
    """Whether a second index or exponent would follow one at the same symbol, which LaTeX refuses."""
    return re.search(rf"\{mark}\{{[^{{}}]*\}}([_^]\{{[^{{}}]*\}})?$", written) is not None


def _latex_text(text: str) -> str:
    """``text`` for use within ``\\text`` and the like."""
    return "".join(_LATEX_SPECIAL.get(c, c) if c.isprintable() else "?" for c in text)


def _latex_word(text: str) -> str:
    letters = unicodedata.normalize("NFD", text)
    if len(letters) > 1 and letters.isalpha() and letters.isascii():
        return f"\\mathrm{{{letters}}}"
    written: list[str] = []
    for c in letters:
        if c in _ACCENTS and written:
            written[-1] = f"\\{_ACCENTS[c]}{{{written[-1].strip()}}}"
        elif c in _GREEK:
            written.append(f"\\{_GREEK[c]} ")
        elif c == " ":
            written.append("\\ ")
        else:
            written.append(
                _LATEX_SPECIAL.get(c, c if c.isprintable() and c.isascii() else f"\\text{{{c if c.isprintable() else '?'}}}")
            )
    return "".join(written).strip()


# --- Expressions ---------------------------------------------------------------------------------------------------------------


@final
@dataclass(frozen=True, slots=True)
class Dialect:
    """What text and LaTeX write differently."""

    name: Wrap
    minus: str
    times: str
    dots: str
    parenthesised: Wrap
    fraction: Callable[[Piece, Piece], Piece]
    power: Callable[[str, str], str]
    constants: dict[Name, Piece]
    infix: dict[str, str]
    function: Callable[[Op, Sequence[Piece]], Piece]
    cases: Callable[[Sequence[tuple[str, str]], str], str]


def text(x: Number, spell: Spell | None = None, digits: int = 4) -> str:
    """An expression as text; ``spell`` says what stands for a name.

    >>> w, y = Name("w_1", -3.0), Name("y", 0.5)
    >>> text(w * (1 - y**2)), text(w * (1 - y**2), lambda name: name.number)
    ('w₁·(1 − y²)', '(−3)·(1 − 0.5²)')
    """
    return _Printer(TEXT, spell, digits).piece(x)[0]


def latex(x: Number, spell: Spell | None = None, digits: int = 4) -> str:
    """An expression as LaTeX; ``spell`` says what stands for a name.

    >>> a, b = Name("a"), Name("b_1")
    >>> print(latex(a / (1 + b**2)))
    \\frac{a}{1 + b_{1}^{2}}
    """
    return _Printer(LATEX, spell, digits).piece(x)[0]


def factor(x: Number, spell: Spell | None = None, digits: int = 4, *, least: int = PRODUCT, as_latex: bool = False) -> str:
    """An expression, in parentheses unless it binds at least as tightly as ``least``."""
    printer = _Printer(LATEX if as_latex else TEXT, spell, digits)
    return printer.bound(printer.piece(x), least)


@final
class _Printer:
    """Writes expressions in a dialect, with ``spell`` for names."""

    def __init__(self, dialect: Dialect, spell: Spell | None, digits: int) -> None:
        self.d, self.spell, self.digits = dialect, spell, digits

    def bound(self, piece: Piece, least: int) -> str:
        return piece[0] if piece[1] >= least else self.d.parenthesised(piece[0])

    def piece(self, x: Number) -> Piece:
        """The text of an expression and its binding."""
        if isinstance(x, Name):
            if x in self.d.constants:
                return self.d.constants[x]
            said = self.spell(x) if self.spell is not None else self.d.name(x.label)
            return self._number(said) if not isinstance(said, str) else (said, ATOM)
        if isinstance(x, Sum):
            return self._sum(x), SUM
        if isinstance(x, Product):
            return self._product(x)
        return self._call(x) if isinstance(x, Call) else self._number(float(x))

    def _number(self, x: float) -> Piece:
        written = number(x, self.digits).replace("−", self.d.minus)
        if math.isinf(x) and self.d is LATEX:
            written = written.replace("inf", r"\infty")
        if "e" in written and self.d is LATEX:
            mantissa, _, exponent = written.partition("e")
            return rf"{mantissa} \cdot 10^{{{exponent}}}", SUM if x < 0 else POWER
        return written, SUM if written.startswith(self.d.minus) else ATOM

    def _sum(self, x: Sum) -> str:
        first, *rest = x.terms
        written = self.piece(first)[0]
        for i, term in enumerate(rest, 1):
            if len(x.terms) > _LONGEST_SUM and _SHOWN <= i < len(x.terms) - 1:
                written += f" + {self.d.dots}" * (i == _SHOWN)
                continue
            coefficient = term.coefficient if isinstance(term, Product) else term if not isinstance(term, Symbolic) else 1.0
            negative = coefficient < 0.0
            written += f" {self.d.minus if negative else '+'} {self.bound(self.piece(-term if negative else term), PRODUCT)}"
        return written

    def _product(self, x: Product) -> Piece:
        above = [(base, power) for base, power in x.factors if power > 0.0]
        below = [(base, -power) for base, power in x.factors if power < 0.0]
        sign = self.d.minus if x.coefficient < 0.0 else ""
        size = abs(x.coefficient)
        divisor = _whole_divisor(size)
        numbers = [] if (size == 1.0 or divisor) and above else [self._number(size * (divisor or 1.0))]
        piece = self._times([*numbers, *[self._power(*f) for f in above]])
        if below or divisor:
            divisors = [self._number(divisor)] if divisor else []
            piece = self.d.fraction(piece, self._times([*divisors, *[self._power(*f) for f in below]]))
        return (sign + self.bound(piece, PRODUCT), SUM) if sign else piece

    def _times(self, pieces: Sequence[Piece]) -> Piece:
        if len(pieces) == 1:
            return pieces[0]
        return self.d.times.join(self.bound(piece, POWER) for piece in pieces), PRODUCT

    def _power(self, base: Number, power: float) -> Piece:
        piece = self.piece(base)
        if power == 1.0:
            return piece
        return self.d.power(self.bound(piece, ATOM), number(power, self.digits)), POWER

    def _call(self, x: Call) -> Piece:
        if x.op is ops.select:
            return self._cases(x)
        pieces = [self.piece(operand) for operand in x.operands]
        if x.op is ops.power_both:
            return self.d.power(self.bound(pieces[0], ATOM), self.bound(pieces[1], ATOM)), POWER
        infix = self.d.infix.get(x.op.name)
        if infix is not None:
            left, right = (self.bound(piece, SUM) for piece in pieces)
            return f"{left} {infix} {right}", SUM
        return self.d.function(x.op, pieces)

    def _cases(self, x: Call) -> Piece:
        condition, a, b = x.operands
        if a == 1.0 and b == 0.0:
            return f"[{self.piece(condition)[0]}]", ATOM
        rows: list[tuple[str, str]] = []
        while True:
            rows.append((self.piece(a)[0], self.piece(condition)[0]))
            if not isinstance(b, Call) or b.op is not ops.select:
                return self.d.cases(rows, self.piece(b)[0]), ATOM
            condition, a, b = b.operands


def _whole_divisor(size: float) -> float | None:
    """n for a coefficient 1/n that has no short decimal form."""
    n = round(1 / size) if 1e-4 < size < 1.0 else 0
    return float(n) if n and 1 / n == size and float(f"{size:.4g}") != size else None


# --- Text ----------------------------------------------------------------------------------------------------------------------


def _plain_fraction(above: Piece, below: Piece) -> Piece:
    over = above[0] if above[1] >= PRODUCT else f"({above[0]})"
    return f"{over}/{below[0] if below[1] >= POWER else f'({below[0]})'}", PRODUCT


def _plain_power(base: str, exponent: str) -> str:
    if exponent.isdigit():
        return base + "".join(RAISED[c] for c in exponent)
    return f"{base}^{exponent}"


def _named(op: Op) -> tuple[str, list[str]]:
    """The name of an op and the constants that it is closed over: ``clamp[-1.0,1.0]`` is clamp(…, −1, 1)."""
    name, _, constants = op.name.removesuffix("]").partition("[")
    return name, [number(float(constant)) for constant in constants.split(",") if constant]


def _plain_function(op: Op, pieces: Sequence[Piece]) -> Piece:
    name, constants = _named(op)
    inside = ", ".join([*(said for said, _ in pieces), *constants])
    if op is ops.absolute:
        return f"|{inside}|", ATOM
    if op is ops.floor:
        return f"⌊{inside}⌋", ATOM
    if op is ops.sqrt:
        return f"√({inside})", ATOM
    if op is ops.negation:
        return f"not {inside if pieces[0][1] == ATOM else f'({inside})'}", SUM
    return f"{_PLAIN_NAMES.get(name, name)}({inside})", ATOM


def _plain_cases(rows: Sequence[tuple[str, str]], otherwise: str) -> str:
    return "(" + ", ".join([*(f"{value} if {condition}" for value, condition in rows), f"else {otherwise}"]) + ")"


_PLAIN_NAMES = {"sigmoid": "σ", "distribution": "Φ", "density": "φ", "maximum": "max", "minimum": "min", "stop_gradient": "stop"}
_COMPARISONS = {"greater": ">", "greater_equal": "≥", "less": "<", "less_equal": "≤"}

TEXT = Dialect(
    name=plain_name,
    minus="−",
    times="·",
    dots="…",
    parenthesised=lambda inside: f"({inside})",
    fraction=_plain_fraction,
    power=_plain_power,
    constants={name: (name.label, PRODUCT) for name in CONSTANTS.values()},
    infix={**_COMPARISONS, "both": "and", "either": "or", "modulo": "mod"},
    function=_plain_function,
    cases=_plain_cases,
)

# --- LaTeX ---------------------------------------------------------------------------------------------------------------------

_LATEX_CONSTANTS = (
    (r"\ln 2", PRODUCT),
    (r"\ln 10", PRODUCT),
    (r"\tfrac{2}{\sqrt\pi}", POWER),
)
_LATEX_OWN = ("log", "sin", "cos", "tan", "sinh", "cosh", "tanh")


def _latex_function(op: Op, pieces: Sequence[Piece]) -> Piece:
    name, constants = _named(op)
    inside = ", ".join([*(said for said, _ in pieces), *constants])
    if op is ops.absolute:
        return rf"\left|{inside}\right|", ATOM
    if op is ops.floor:
        return rf"\left\lfloor {inside} \right\rfloor", ATOM
    if op is ops.sqrt:
        return rf"\sqrt{{{inside}}}", ATOM
    known = {
        "sigmoid": r"\sigma",
        "distribution": r"\Phi",
        "density": r"\varphi",
        "maximum": r"\max",
        "minimum": r"\min",
        "stop_gradient": r"\operatorname{stop}",
    }
    if op is ops.exp:
        return rf"e^{{{inside}}}", POWER
    written = "\\" + name if name in _LATEX_OWN else known.get(name) or rf"\operatorname{{{_latex_text(name)}}}"
    return rf"{written}\left({inside}\right)", ATOM


def _latex_cases(rows: Sequence[tuple[str, str]], otherwise: str) -> str:
    lines = [*(rf"{value} & \text{{if }} {condition}" for value, condition in rows), rf"{otherwise} & \text{{otherwise}}"]
    return r"\begin{cases} " + r" \\ ".join(lines) + r" \end{cases}"


LATEX = Dialect(
    name=latex_name,
    minus="-",
    times=r" \cdot ",
    dots=r"\dots",
    parenthesised=lambda inside: rf"\left({inside}\right)",
    fraction=lambda above, below: (rf"\frac{{{above[0]}}}{{{below[0]}}}", POWER),
    power=lambda base, exponent: (
        f"{base}^{{{exponent}}}" if not base.endswith("}") or "^" not in base else f"{{{base}}}^{{{exponent}}}"
    ),
    constants=dict(zip(CONSTANTS.values(), _LATEX_CONSTANTS, strict=True)),
    infix={
        "greater": r"\gt",
        "greater_equal": r"\ge",
        "less": r"\lt",
        "less_equal": r"\le",
        "both": r"\text{ and }",
        "either": r"\text{ or }",
        "modulo": r"\bmod",
    },
    function=_latex_function,
    cases=_latex_cases,
)
