"""Reads the text of a derivation back, as a SymPy expression: the tests' own idea of what the signs mean.

Glossary of the grammar::

    choice   comparisons joined by and, or, not
    sum      products with + and −
    product  powers with · and / and mod
    power    an atom with raised digits or ^ behind it
"""

import re
from collections.abc import Callable
from typing import Any

import sympy

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:e−?\d+)?)|(?P<delta>δ\([^()]*\))|(?P<raised>[⁰¹²³⁴-⁹]+)"
    r"|(?P<name>[^\W\d⁰-⁹₀-₉]\w*?(?:[₀-₉ₐ-ₜ]+)?(?:⁽[^⁾]*⁾)?′*(?![^\W⁰¹²³⁴-⁹]))|(?P<sign>.))"
)
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def _log_excess(*xs: Any) -> Any:
    return sympy.log(sum(map(sympy.exp, xs))) - sympy.Max(*xs)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(sympy, name) for name in ("exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "erf", "erfc")
    },
    **{name: getattr(sympy, name) for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "sign", "floor", "sqrt")},
    "max": sympy.Max,
    "min": sympy.Min,
    "stop": lambda a: a,
    "expm1": lambda a: sympy.exp(a) - 1,
    "log1p": lambda a: sympy.log(1 + a),
    "log2": lambda a: sympy.log(a, 2),
    "log10": lambda a: sympy.log(a, 10),
    "hypot": lambda a, b: sympy.sqrt(a**2 + b**2),
    "σ": lambda a: 1 / (1 + sympy.exp(-a)),
    "relu": lambda a: sympy.Piecewise((a, a > 0), (0, True)),
    "leaky_relu": lambda a, slope: sympy.Piecewise((a, a > 0), (slope * a, True)),
    "elu": lambda a, alpha: sympy.Piecewise((a, a > 0), (alpha * (sympy.exp(a) - 1), True)),
    "silu": lambda a: a / (1 + sympy.exp(-a)),
    "gelu": lambda a: a * sympy.erfc(-a / sympy.sqrt(2)) / 2,
    "softplus": lambda a: sympy.log(1 + sympy.exp(a)),
    "logsigmoid": lambda a: -sympy.log(1 + sympy.exp(-a)),
    "logaddexp": lambda a, b: sympy.log(sympy.exp(a) + sympy.exp(b)),
    "logsumexp": lambda *xs: sympy.log(sum(map(sympy.exp, xs))),
    "xlogy": lambda a, b: a * sympy.log(b),
    "clamp": lambda a, low, high: sympy.Max(low, sympy.Min(high, a)),
    "Φ": lambda a: sympy.erfc(-a / sympy.sqrt(2)) / 2,
    "φ": lambda a: sympy.exp(-(a**2) / 2) / sympy.sqrt(2 * sympy.pi),
    "log_excess": _log_excess,
    "log_rest": lambda excess, *xs: _log_excess(*xs),
    "log_share": lambda d, excess, rest: sympy.Piecewise((-rest, (d >= 0) & (2 * excess < 1)), (d - excess, True)),
    "probit": lambda a: sympy.sqrt(2) * sympy.erfinv(2 * a - 1),
    "gamma": sympy.gamma,
    "lgamma": sympy.loggamma,
    "polygamma": lambda a, order: sympy.polygamma(int(order), a),
    "cbrt": lambda a: sympy.sign(a) * abs(a) ** sympy.Rational(1, 3),
    "copysign": lambda a, b: abs(a) * sympy.sign(b),
    "fmod": lambda a, b: a - b * sympy.sign(a / b) * sympy.floor(abs(a / b)),
    "remainder": lambda a, b: a - b * sympy.floor(a / b + sympy.Rational(1, 2)),
    "nextafter": lambda a, b: a,
    "shown": lambda a, digits: a,
    "rint": lambda a: sympy.floor(a + sympy.Rational(1, 2)),
    "trunc": lambda a: sympy.sign(a) * sympy.floor(abs(a)),
    "fma": lambda a, b, c: a * b + c,
    "fsum": lambda *xs: sum(xs),
    "sumprod": lambda *xs: sum([a * b for a, b in zip(xs[: len(xs) // 2], xs[len(xs) // 2 :], strict=True)]),
}
COMPARISONS = {">": sympy.Gt, "≥": sympy.Ge, "<": sympy.Lt, "≤": sympy.Le}


def read(text: str) -> Any:
    """The SymPy expression that a text says; names are symbols."""
    reader = _Reader(text)
    found = reader.choice()
    assert reader.next == ("", ""), f"{text!r} is not read to its end: {reader.next}"
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = [(str(m.lastgroup), m[m.lastgroup or 0]) for m in TOKEN.finditer(text.rstrip())]
        self.tokens.append(("", ""))

    @property
    def next(self) -> tuple[str, str]:
        return self.tokens[0]

    def take(self, *signs: str) -> str:
        """The next sign or word if it is one of these."""
        return self.tokens.pop(0)[1] if self.next[1] in signs else ""

    def need(self, sign: str) -> None:
        assert self.take(sign), f"expected {sign}, got {self.next}"

    def choice(self) -> Any:
        left = self.comparison()
        while word := self.take("and", "or"):
            left = (sympy.And if word == "and" else sympy.Or)(left, self.comparison())
        return left

    def comparison(self) -> Any:
        if self.take("not"):
            return sympy.Not(self.comparison())
        left = self.sum()
        sign = self.take(*COMPARISONS)
        return COMPARISONS[sign](left, self.sum()) if sign else left

    def sum(self) -> Any:
        total = -self.product() if self.take("−") else self.product()
        while sign := self.take("+", "−"):
            total += self.product() if sign == "+" else -self.product()
        return total

    def product(self) -> Any:
        value = self.power()
        while sign := self.take("·", "/", "mod"):
            right = self.power()
            value = value * right if sign == "·" else value / right if sign == "/" else value - right * sympy.floor(value / right)
        return value

    def power(self) -> Any:
        base = self.atom()
        while True:
            if self.next[0] == "raised":
                base = base ** int(self.tokens.pop(0)[1].translate(RAISED))
            elif self.take("^"):
                base = base ** self.atom()
            else:
                return base

    def atom(self) -> Any:
        kind, text = self.tokens.pop(0)
        if kind == "number":
            value = sympy.Float(text.replace("−", "-"), 30)
            return value * sympy.pi if self.take("π") else value
        if kind == "delta" or kind == "name":
            return self.named(text)
        if text == "√":
            return sympy.sqrt(self.atom())
        closing = {"(": ")", "[": "]", "|": "|", "⌊": "⌋"}[text]
        value = self.choice()
        if self.next[1] == "if":
            value = self.cases(value)
        self.need(closing)
        made = {"(": lambda x: x, "[": lambda x: sympy.Piecewise((1, x), (0, True)), "|": abs, "⌊": sympy.floor}
        return made[text](value)

    def named(self, name: str) -> Any:
        if name == "π":
            return sympy.pi
        if name == "ln":
            return sympy.log(self.atom())
        if name in FUNCTIONS and self.take("("):
            arguments = [self.choice()]
            while self.take(","):
                arguments.append(self.choice())
            self.need(")")
            return FUNCTIONS[name](*arguments)
        return sympy.Symbol(name, real=True)

    def cases(self, value: Any) -> Any:
        rows = []
        while self.take("if"):
            rows.append((value, self.choice()))
            self.need(",")
            is_last = bool(self.take("else"))
            value = self.choice()
        assert is_last
        return sympy.Piecewise(*rows, (value, True))
