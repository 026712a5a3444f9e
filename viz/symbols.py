"""A small symbolic number, on which every op's rule runs: what comes out is the op's local derivative as an expression.

Glossary::

    Name      a symbol on the blackboard, with the number that it stands for where one is known
    Call      an op applied to expressions: tanh(a), a > b, where(c, a, b)
    Product   coefficient · Π baseᵖᵒʷᵉʳ
    Sum       terms in the order in which they were written
    number    a Python float; expressions without a symbol are plain numbers

No derivative is written here. A rule of the table, given these instead of floats, says what it does: that of ``tanh`` answers
``1 − y²``. Expressions are simplified lightly, by the algebra of real numbers: what a rule does for the sake of rounding (a shift
of exponents, a scaling, 1 − tanh² without its cancellation) is seen to be nothing, or is said in its textbook form.

Choices: the slope of relu is ``[a > 0]``, 1 where the condition holds and 0 elsewhere. What a rule says of the edge of a domain and
of single points (a = b) shows only in the numbers: where those of all names are known, nan, "no derivative" and a = b are decided
by them; else the point is taken to be an ordinary one.

How an expression is printed is for ``notation``.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

from autograd import Op, ops

# A float, a bool or a Symbolic.
Number = Any
Factors = tuple[tuple["Symbolic", float], ...]

_COMPARISONS = (ops.greater, ops.greater_equal, ops.less, ops.less_equal)
CONDITIONS = frozenset([*_COMPARISONS, ops.both, ops.either, ops.negation])
_OPPOSITE = dict(zip(_COMPARISONS, (ops.less_equal, ops.less, ops.greater_equal, ops.greater), strict=True))


class Symbolic:
    """An expression over names. Ops record themselves on it, as on a Value.

    >>> from autograd import tanh
    >>> a = Name("a", number=0.0)
    >>> number_of(2 * tanh(a) + 1)
    1.0
    """

    __slots__ = ()

    @staticmethod
    def _record(op: Op, operands: Sequence[Number]) -> Number:
        return applied(op, operands)

    def _select(self, a: Number, b: Number) -> Number:
        return _chosen(self, a, b)

    def _gate(self, g: Number, holds: bool) -> Number:
        return _chosen(self, g, 0.0) if holds else _chosen(self, 0.0, g)

    def __add__(self, other: Number) -> Number:
        return total((self, other))

    def __radd__(self, other: Number) -> Number:
        return total((other, self))

    def __sub__(self, other: Number) -> Number:
        return total((self, product((-1.0, other))))

    def __rsub__(self, other: Number) -> Number:
        return total((other, product((-1.0, self))))

    def __mul__(self, other: Number) -> Number:
        return product((self, other))

    def __rmul__(self, other: Number) -> Number:
        return product((other, self))

    def __truediv__(self, other: Number) -> Number:
        return product((self, _raised(other, -1.0)))

    def __rtruediv__(self, other: Number) -> Number:
        return product((other, _raised(self, -1.0)))

    def __mod__(self, other: Number) -> Number:
        return applied(ops.modulo, (self, other))

    def __rmod__(self, other: Number) -> Number:
        return applied(ops.modulo, (other, self))

    def __pow__(self, other: Number) -> Number:
        return ops.power(self, other)

    def __rpow__(self, other: Number) -> Number:
        return applied(ops.power_both, (other, self))

    def __neg__(self) -> Number:
        return product((-1.0, self))

    def __pos__(self) -> "Symbolic":
        return self

    def __abs__(self) -> Number:
        return applied(ops.absolute, (self,))

    def __lt__(self, other: Number) -> Any:
        return applied(ops.less, (self, other))

    def __le__(self, other: Number) -> Any:
        return applied(ops.less_equal, (self, other))

    def __gt__(self, other: Number) -> Any:
        return applied(ops.greater, (self, other))

    def __ge__(self, other: Number) -> Any:
        return applied(ops.greater_equal, (self, other))

    def __and__(self, other: Number) -> Any:
        return applied(ops.both, (self, other))

    __rand__ = __and__

    def __or__(self, other: Number) -> Any:
        return applied(ops.either, (self, other))

    __ror__ = __or__

    def __invert__(self) -> Any:
        return applied(ops.negation, (self,))

    def __bool__(self) -> bool:
        decided = number_of(self)
        if decided is None:
            raise TypeError("a symbolic condition has no truth value; write the rule with where")
        return decided != 0.0


@final
@dataclass(frozen=True, slots=True)
class Name(Symbolic):
    """A symbol, as a label writes it (``"w_12^(1)"``), and the number that it stands for."""

    label: str
    number: float | None = None


# The constants of the table of ops by their names.
CONSTANTS = {
    ops.LN2: Name("ln 2", ops.LN2),
    ops.LN10: Name("ln 10", ops.LN10),
    ops.TWO_OVER_SQRT_PI: Name("2/√π", ops.TWO_OVER_SQRT_PI),
}


@final
@dataclass(frozen=True, slots=True)
class Call(Symbolic):
    """An op applied to expressions."""

    op: Op
    operands: tuple[Number, ...]


@final
@dataclass(frozen=True, slots=True)
class Product(Symbolic):
    """``coefficient`` · Π baseᵖᵒʷᵉʳ, factors in the order in which they were met."""

    coefficient: float
    factors: Factors


@final
@dataclass(frozen=True, slots=True)
class Sum(Symbolic):
    """At least two terms, at most one of them a plain number."""

    terms: tuple[Number, ...]


def number_of(x: Number, known: Callable[[Name], float | None] = lambda name: name.number) -> float | None:
    """The number that an expression has by the numbers of its names; None if one of these is not known.

    >>> number_of(Name("a", 2.0) * 3.0), number_of(Name("a"))
    (6.0, None)
    """
    if not isinstance(x, Symbolic):
        return float(x)
    if isinstance(x, Name):
        return known(x)
    found = _numbers(_inside(x), known)
    if found is None:
        return None
    if isinstance(x, Call):
        return x.op.value(*found)
    if isinstance(x, Product):
        powers = (ops.power_value(number, power) for number, (_, power) in zip(found, x.factors, strict=True))
        return x.coefficient * math.prod(powers)
    return ops.sum_op.value(*found)


def rounded(x: Number, digits: int) -> Number:
    """The expression with every number in it, those of names too, rounded to so many significant digits."""
    if isinstance(x, Name):
        return x if x.number is None or x in CONSTANTS.values() else Name(x.label, rounded(x.number, digits))
    if isinstance(x, Call):
        return Call(x.op, tuple([rounded(operand, digits) for operand in x.operands]))
    if isinstance(x, Product):
        return Product(rounded(x.coefficient, digits), tuple([(rounded(b, digits), rounded(p, digits)) for b, p in x.factors]))
    if isinstance(x, Sum):
        return Sum(tuple([rounded(term, digits) for term in x.terms]))
    return float(f"{x:.{digits}g}")


def _inside(x: Symbolic) -> Sequence[Number]:
    """The expressions that an expression is made of."""
    if isinstance(x, Product):
        return [base for base, _ in x.factors]
    if isinstance(x, Call):
        return x.operands
    return x.terms if isinstance(x, Sum) else ()


def _numbers(xs: Iterable[Number], known: Callable[[Name], float | None] = lambda name: name.number) -> list[float] | None:
    found = [number_of(x, known) for x in xs]
    return None if None in found else [x for x in found if x is not None]


# --- Simplification ------------------------------------------------------------------------------------------------------------


def total(terms: Iterable[Number]) -> Number:
    """The sum, like terms taken together."""
    coefficients: dict[Factors, float] = {}
    given = [term for term in terms if isinstance(term, Symbolic) or term]
    if len(given) == 1:
        return given[0]
    for term in given:
        for coefficient, factors in map(parts, _terms(term)):
            coefficients[factors] = coefficients.get(factors, 0.0) + coefficient
    kept = [_product(coefficient, factors) for factors, coefficient in coefficients.items() if coefficient]
    if len(kept) > 1:
        return Sum(tuple(kept))
    return kept[0] if kept else 0.0


def _terms(x: Number) -> Sequence[Number]:
    """What an expression adds to the sum that it stands in."""
    coefficient, factors = parts(x)
    if len(factors) == 1 and isinstance(factors[0][0], Sum) and factors[0][1] == 1.0 and abs(coefficient) == 1.0:
        return [product((coefficient, term)) for term in factors[0][0].terms]
    return (x,)


def product(factors: Iterable[Number]) -> Number:
    """The product, numbers first, whole powers of one base taken together."""
    coefficient, powers = 1.0, dict[Any, float]()
    for factor in factors:
        number, bases = parts(_cleared(factor))
        coefficient *= number
        for base, power in bases:
            if power == int(power):
                powers[base] = powers.get(base, 0.0) + power
            else:
                powers[base, power] = power
    if coefficient == 0.0:
        return 0.0
    return _product(coefficient, tuple([(base[0] if isinstance(base, tuple) else base, p) for base, p in powers.items() if p]))


def parts(x: Number) -> tuple[float, Factors]:
    """An expression as coefficient and factors, each a base with its power."""
    if isinstance(x, Product):
        return x.coefficient, x.factors
    if isinstance(x, Symbolic):
        return 1.0, ((x, 1.0),)
    return (math.copysign(1.0, x), ((CONSTANTS[abs(x)], 1.0),)) if abs(x) in CONSTANTS else (float(x), ())


def _product(coefficient: float, factors: Factors) -> Number:
    if not factors:
        return coefficient
    return factors[0][0] if coefficient == 1.0 and len(factors) == 1 and factors[0][1] == 1.0 else Product(coefficient, factors)


def _cleared(x: Number) -> Number:
    """A sum whose terms all have some expression in the denominator, with that in front of it: (u/s + v/s) is 1/s·(u + v)."""
    if not isinstance(x, Sum):
        return x
    powers = [dict(parts(term)[1]) for term in x.terms]
    common = {base: max(p.get(base, 0.0) for p in powers) for base in powers[0]}
    shared = tuple([(base, power) for base, power in common.items() if power < 0.0])
    if not shared:
        return x
    inverse = Product(1.0, tuple([(base, -power) for base, power in shared]))
    return product((_product(1.0, shared), total(product((term, inverse)) for term in x.terms)))


def _raised(x: Number, power: float) -> Number:
    """xᵖᵒʷᵉʳ; of a product factor by factor, if the power is whole."""
    if power == 1.0:
        return x
    if not isinstance(x, Symbolic):
        return ops.power_value(float(x), power)
    coefficient, factors = parts(_cleared(x))
    if power == int(power) and all([p == int(p) for _, p in factors]):
        return product((ops.power_value(coefficient, power), _product(1.0, tuple([(b, p * power) for b, p in factors]))))
    return Product(1.0, ((x, power),)) if power else 1.0


def applied(op: Op, operands: Sequence[Number]) -> Number:
    """The op applied to expressions and numbers.

    >>> applied(ops.sech2, [Name("a")]) == 1.0 - applied(ops.tanh, [Name("a")]) ** 2
    True
    """
    if not any([isinstance(x, Symbolic) for x in operands]):
        found = op.value(*[float(x) for x in operands])
        return found != 0.0 if op in _COMPARISONS else found
    known = _FORMS.get(op)
    if known is not None:
        return known(*operands)
    exponent = _exponent(op)
    return Call(op, tuple(operands)) if exponent is None else _raised(operands[0], exponent)


def _exponent(op: Op) -> float | None:
    """n for the op xⁿ."""
    return float(op.name[2:]) if op.name.startswith("**") else None


def _power(a: Number, b: Number) -> Number:
    return Call(ops.power_both, (a, b)) if isinstance(b, Symbolic) else _raised(a, float(b))


def _compared(op: Op) -> Callable[[Number, Number], Number]:
    holds_when_equal = bool(op.value(0.0, 0.0))
    return lambda a, b: holds_when_equal if a == b else Call(op, (a, b))


def _both(a: Number, b: Number) -> Number:
    if not isinstance(a, Symbolic) or not isinstance(b, Symbolic):
        plain, other = (b, a) if isinstance(a, Symbolic) else (a, b)
        return other if plain else False
    sides = [x for x in (a, b) if isinstance(x, Call) and x.op in (ops.less_equal, ops.greater_equal)]
    if len(sides) == 2 and sides[0].operands == sides[1].operands and sides[0].op is not sides[1].op:
        left, right = map(number_of, sides[0].operands)
        return left is not None and left == right  # a = b: an ordinary point where no numbers are known
    return Call(ops.both, (a, b))


def _either(a: Number, b: Number) -> Number:
    if isinstance(a, Symbolic) and isinstance(b, Symbolic):
        return Call(ops.either, (a, b))
    plain, other = (b, a) if isinstance(a, Symbolic) else (a, b)
    return True if plain else other


def _negated(a: Symbolic) -> Number:
    return Call(_OPPOSITE[a.op], a.operands) if isinstance(a, Call) and a.op in _OPPOSITE else Call(ops.negation, (a,))


def _chosen(condition: Number, a: Number, b: Number) -> Number:
    """``where``, with brackets if one side is 0 and the other a number; a side that is nan says where there is no answer."""
    if not isinstance(condition, Symbolic):
        return a if condition else b
    if a == b or b != b:
        return a
    if a != a:
        return b
    if b == 0.0 and not isinstance(a, Symbolic) and a != 1.0:
        return product((a, Call(ops.select, (condition, 1.0, 0.0))))
    if a == 0.0 and not isinstance(b, Symbolic):
        return product((b, Call(ops.select, (_negated(condition), 1.0, 0.0))))
    return Call(ops.select, (condition, a, b))


def _exponential(a: Number) -> Number:
    """eᵃ; a shift that is a constant to differentiation stands in a factor of its own, where it may cancel."""
    terms = a.terms if isinstance(a, Sum) else ()
    shifts = [term for term in terms if _is_shift(term)]
    if not shifts:
        return Call(ops.exp, (a,))
    rest = total(term for term in terms if not _is_shift(term))
    kept = [_raised(Call(ops.exp, (factors[0][0],)), coefficient) for coefficient, factors in map(parts, shifts)]
    return product((ops.exp(rest), *kept))


def _is_shift(term: Number) -> bool:
    base = parts(term)[1][:1]
    return base != () and isinstance(base[0][0], Call) and base[0][0].op is ops.stop_gradient


def _sigmoid(a: Number) -> Number:
    """σ(a), and 1 − σ(u) for a = −u."""
    if isinstance(a, Product) and a.coefficient < 0.0:
        return 1.0 - Call(ops.sigmoid, (-a,))
    return Call(ops.sigmoid, (a,))


# What becomes of an op by the algebra of real numbers; the last ones are in the table for the sake of rounding only.
_FORMS: dict[Op, Callable[..., Number]] = {
    ops.add: lambda a, b: total((a, b)),
    ops.subtract: lambda a, b: total((a, product((-1.0, b)))),
    ops.multiply: lambda a, b: product((a, b)),
    ops.divide: lambda a, b: product((a, _raised(b, -1.0))),
    ops.negative: lambda a: product((-1.0, a)),
    ops.positive: lambda a: a,
    ops.sum_op: lambda *xs: total(xs),
    ops.dot_op: lambda *xs: total([*map(lambda w, x: product((w, x)), xs[: len(xs) // 2], xs[len(xs) // 2 : -1]), xs[-1]]),
    ops.take_op: lambda *xs: total([_chosen(c, x, 0.0) for c, x in zip(xs[: len(xs) // 2], xs[len(xs) // 2 :], strict=True)]),
    ops.power_both: _power,
    ops.select: _chosen,
    ops.both: _both,
    ops.either: _either,
    ops.negation: _negated,
    **{op: _compared(op) for op in _COMPARISONS},
    ops.exp: _exponential,
    ops.sigmoid: _sigmoid,
    ops.sech2: lambda a: 1.0 - _raised(ops.tanh(a), 2.0),
    ops.one_minus_square: lambda a: 1.0 - _raised(a, 2.0),
    ops.gaussian: lambda a: ops.exp(-_raised(a, 2.0)),
    ops.silu_slope: lambda a: ops.sigmoid(a) + a * ops.sigmoid(a) * ops.sigmoid(-a),
    ops.gelu_slope: lambda a: ops.distribution(a) + a * ops.density(a),
}


# --- Local derivatives ---------------------------------------------------------------------------------------------------------


def local_derivatives(op: Op, y: Number, operands: Sequence[Number]) -> list[Number | None]:
    """∂y/∂operand for each operand as an expression, by running the op's rule on symbols; None where no derivative flows.

    A rule that cannot be run on symbols, one of the user's for floats only, is answered with a name for each partial derivative,
    and its number where the operands' numbers are known. TypeError for an op with a hand-written ``_backward``, which has no rule.

    >>> y, a = Name("y"), Name("a")
    >>> [slope] = local_derivatives(ops.tanh, y, [a])
    >>> slope == 1 - y**2
    True
    """
    rule, numbers = _rule_of(op), _slopes(op, y, operands)
    try:
        found = rule(1.0, y, *operands)
    except Exception:  # whatever a rule for floats makes of symbols
        partials = [f"{op.name}′_{i}" for i in range(1, len(operands) + 1)]
        if numbers is None:
            return [Name(partial) for partial in partials]
        return [None if x is None else Name(partial, x) for partial, x in zip(partials, numbers, strict=True)]
    itself = applied(op, operands)
    said = [x if x is None or isinstance(itself, Name) else replaced(x, itself, y) for x in found]
    if numbers is None:
        return said
    shut = [x is not None and op is not ops.select and number_of(x) == 0.0 for x in said]
    # [a > 0] says more than that nothing flows; but what a where has not taken is left out.
    return [n if n != n or (n is None and not zero) else x for x, n, zero in zip(said, numbers, shut, strict=True)]


def _slopes(op: Op, y: Number, operands: Sequence[Number]) -> Sequence[float | None] | None:
    """The rule's own answer for g = 1; None where some number is not known."""
    result, numbers = number_of(y), _numbers(operands)
    return None if op.rule is None or result is None or numbers is None else op.rule(1.0, result, *numbers)


def _rule_of(op: Op) -> Callable[..., Sequence[Number | None]]:
    """The op's rule; of xⁿ, if n − 1 is not exact, that of xᵇ for its base: only in symbols the correction for that vanishes."""
    n, rule, whole = _exponent(op), op.rule, ops.power_both.rule
    if rule is None or whole is None:
        raise TypeError(
            f"op {op.symbol!r} has a hand-written _backward, which can be run but says nothing; "
            "make its op a row: autograd.Op(name, value, rule)"
        )
    if n is None or n - 1.0 + 1.0 == n:
        return rule
    return lambda g, y, a: (replaced(whole(g, y, a, Name("n"))[0], Name("n"), n),)


def replaced(x: Number, old: Number, new: Number) -> Number:
    """``x`` with every occurrence of the expression ``old`` replaced by ``new``, simplified anew."""
    if x == old:
        return new
    if isinstance(x, Call):
        return applied(x.op, [replaced(operand, old, new) for operand in x.operands])
    if isinstance(x, Product):
        return product((x.coefficient, *[_raised(replaced(base, old, new), power) for base, power in x.factors]))
    return total(replaced(term, old, new) for term in x.terms) if isinstance(x, Sum) else x
