"""What is and is not a number to the engine, at every door: constructor, operators on both sides, functions, ``data``, ``backward``.

Without pytest and without assert, so that the same checks run under ``python -O``: ``python -O -m tests.autograd.bad_inputs``
prints what was accepted that should not have been, and exits with status 1 then.
"""

import operator
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import autograd as ag
from autograd import Value

ACCEPTED: list[tuple[Any, float]] = [
    (3, 3.0),
    (-2.5, -2.5),
    (True, 1.0),
    (False, 0.0),
    (2**62, 2.0**62),
    (10**300, 1e300),
    (Fraction(1, 4), 0.25),
    (Decimal("0.125"), 0.125),
]
# What is refused, and what the message must say.
REFUSED: list[tuple[Any, str]] = [
    ("3", "got str ('3'); convert text with float(...)"),
    (b"3", "got bytes (b'3'); convert text with float(...)"),
    (None, "got NoneType (None); use an int, a float or a NumPy scalar"),
    (1j, "got complex (1j); use the real or the imaginary part"),
    ([1.0], "got list ([1.0]); make one Value for each element"),
    ((1.0, 2.0), "got tuple ((1.0, 2.0)); make one Value for each element"),
    ({}, "got dict ({}); use an int, a float or a NumPy scalar"),
    ({1.0}, "got set ({1.0}); use an int, a float or a NumPy scalar"),
    (float, "got type (<class 'float'>); call the function first"),
    (len, "got builtin_function_or_method (<built-in function len>); call the function first"),
    (object(), "got object ("),
]

OPERATORS: list[Callable[[Any, Any], Any]] = [
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.mod, operator.pow),
    *(operator.lt, operator.le, operator.gt, operator.ge),
]
BINARY = [ag.maximum, ag.minimum, ag.hypot, ag.atan2, ag.logaddexp, ag.xlogy]
UNARY = [
    *(ag.abs, ag.exp, ag.expm1, ag.log, ag.log1p, ag.log2, ag.log10, ag.sqrt, ag.sin, ag.cos, ag.tan, ag.asin, ag.acos, ag.atan),
    *(ag.sinh, ag.cosh, ag.tanh, ag.asinh, ag.acosh, ag.atanh, ag.sigmoid, ag.relu, ag.leaky_relu, ag.elu, ag.silu, ag.gelu),
    *(ag.softplus, ag.logsigmoid, ag.erf, ag.erfc, ag.stop_gradient, ag.clamp),
]


def _set_data(x: Any) -> None:
    Value(1.0).data = x


def doors(x: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Every way of handing ``x`` to the engine as a number, by name."""
    v = Value(2.0)
    yield "Value(x)", lambda: Value(x)
    yield "Value.data = x", lambda: _set_data(x)
    yield "backward(x)", lambda: Value(2.0).backward(x)
    for op in OPERATORS:
        yield f"{op.__name__}(Value, x)", lambda op=op: op(v, x)
        yield f"{op.__name__}(x, Value)", lambda op=op: op(x, v)
    for f in BINARY:
        yield f"{f.name}(Value, x)", lambda f=f: f(v, x)
        yield f"{f.name}(x, Value)", lambda f=f: f(x, v)
        yield f"{f.name}(1.0, x)", lambda f=f: f(1.0, x)
    for g in UNARY:
        yield f"{getattr(g, 'name', '') or g.__name__}(x)", lambda g=g: g(x)
    yield "dot([Value], [x])", lambda: ag.dot([v], [x])
    yield "dot([1.0], [1.0], x)", lambda: ag.dot([1.0], [1.0], x)
    yield "sum([Value, x])", lambda: ag.sum([v, x])
    yield "logsumexp([x, Value])", lambda: ag.logsumexp([x, v])
    yield "where(Value > 1, Value, x)", lambda: ag.where(v > 1, v, x)
    yield "clamp(Value, x)", lambda: ag.clamp(v, x)
    yield "leaky_relu(Value, x)", lambda: ag.leaky_relu(v, x)
    yield "elu(Value, x)", lambda: ag.elu(v, x)
    yield "grad(f)(x)", lambda: ag.grad(lambda a: a * a)(x)


# A list is a list of numbers to grad; None as a branch says, in a rule, that nothing flows.
MEANS_SOMETHING_ELSE = {("grad(f)(x)", list), ("grad(f)(x)", tuple), ("where(Value > 1, Value, x)", type(None))}


def accepted_nonsense() -> list[str]:
    """The doors that let something in that is no number, or that refuse it without saying what was given, as text."""
    found = []
    for x, message in REFUSED:
        for name, door in doors(x):
            if (name, type(x)) in MEANS_SOMETHING_ELSE:
                continue
            try:
                result = door()
            except TypeError as error:
                # str % Value is formatting and answers for itself; bounds of clamp are compared before they are numbers.
                if message not in str(error) and name not in ("mod(x, Value)", "clamp(Value, x)"):
                    found.append(f"{name} with x = {x!r}: says {error}, expected {message!r}")
            except Exception as error:
                found.append(f"{name} with x = {x!r}: got {error!r}, expected TypeError")
            else:
                found.append(f"{name} with x = {x!r}: got {result!r}, expected TypeError")
    return found


if __name__ == "__main__":
    nonsense = accepted_nonsense()
    print("\n".join(nonsense), f"debug={__debug__}")
    sys.exit(bool(nonsense))
