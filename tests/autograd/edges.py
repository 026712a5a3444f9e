"""The edge table (``edge_reference.json``): kinks, poles, infinities, nan, tails; and which of our functions its names mean.

A row gives value, gradient and Hessian, computed from mpmath, PyTorch and JAX; null is unspecified, ``accept_*`` are tolerated
alternatives.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import autograd as ag
from autograd import Value, grad, ops
from tests.autograd.oracles import differences


def _binary_cross_entropy(target: float) -> Callable[..., Any]:
    return lambda p: -(ag.xlogy(target, p) + ag.xlogy(1.0 - target, 1.0 - p))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(ag, name) for name in ("relu", "abs", "silu", "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt")},
    **{name: getattr(ag, name) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "erf")},
    **{name: getattr(ag, name) for name in ("asinh", "acosh", "atanh", "sigmoid", "softplus", "logsigmoid", "logaddexp")},
    **{name: getattr(ag, name) for name in ("hypot", "xlogy")},
    "sign": ops.sign,
    "floor": ops.floor,
    "round": ops.rint,
    "fmod": ops.fmod,
    "copysign": ops.copysign,
    "max": ag.maximum,
    "min": ag.minimum,
    "max_xx(same variable twice)": lambda x: ag.maximum(x, x),
    "max_via_torch.max_reduce": ag.maximum,
    "clamp[-1,1]": lambda x: ag.clamp(x, -1.0, 1.0),
    "leaky_relu(0.01)": ag.leaky_relu,
    "elu(1.0)": ag.elu,
    "gelu_exact": ag.gelu,
    "reciprocal 1/x": lambda x: ops.divide(1.0, x),
    "square x*x": lambda x: x * x,
    "neg": lambda x: -x,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": ops.divide,
    "python_mod %": ops.modulo,
    "pow_both x**y": ops.power_both,
    "atan2(y,x)": ag.atan2,
    "sqrt(x*x+y*y)": lambda x, y: ag.sqrt(x * x + y * y),
    "logsumexp[a,b]": lambda a, b: ag.logsumexp([a, b]),
    "naive log(exp(a)+exp(b))": lambda a, b: ag.log(ag.exp(a) + ag.exp(b)),
    "softmax[a,b][0]": lambda a, b: ag.softmax([a, b])[0],
    "naive exp(a)/(exp(a)+exp(b))": lambda a, b: ops.divide(ag.exp(a), ag.exp(a) + ag.exp(b)),
    "log_softmax[a,b][0]": lambda a, b: ag.log_softmax([a, b])[0],
    "bce_with_logits target=0.0": ag.softplus,
    "bce_with_logits target=1.0": lambda x: ag.softplus(-x),
    "bce(prob) target=0.0": _binary_cross_entropy(0.0),
    "bce(prob) target=1.0": _binary_cross_entropy(1.0),
    "hinge max(0,1-x)": lambda x: ag.relu(1.0 - x),
    "x*sqrt(x)": lambda x: x * ag.sqrt(x),
    "sqrt(x*x)": lambda x: ag.sqrt(x * x),
    "sqrt(abs(x))": lambda x: ag.sqrt(ag.abs(x)),
    "x/x": lambda x: ops.divide(x, x),
    "x*log(x)": lambda x: x * ag.log(x),
    "where(x>0, sqrt(x), 0)": lambda x: ag.where(x > 0, ag.sqrt(x), 0.0),
    "double-where safe sqrt": lambda x: ag.where(x > 0, ag.sqrt(ag.where(x > 0, x, 1.0)), 0.0),
    "exp(x)*0": lambda x: ag.exp(x) * 0.0,
    "(x-x) inf": lambda x: x - x,
}
# Not offered by the engine. A row with any other name must be tested.
NOT_IMPLEMENTED = {"hardtanh", "relu6", "selu", "gelu_tanh", "mish", "softsign", "huber delta=1"}

# Names of the rows of tests/cases.py whose kinks are in the table under another name.
_CASE_NAMES = {"max": "maximum", "min": "minimum", "clamp[-1,1]": "clamp"}


@dataclass(frozen=True)
class Row:
    """One row of the table; ``name`` is the row of tests/cases.py it belongs to, where there is one."""

    op: str
    args: tuple[float, ...]
    values: tuple[float, ...]
    gradients: tuple[tuple[float, ...], ...]
    hessian: tuple[tuple[float | None, ...], ...]

    @property
    def name(self) -> str:
        return _CASE_NAMES.get(self.op, self.op)

    def __str__(self) -> str:
        return f"{self.op} at {', '.join(map(repr, self.args))}"


def _floats(row: list[Any]) -> tuple[Any, ...]:
    return tuple(None if x is None else float(x) for x in row)


def _rows() -> Iterator[Row]:
    for entry in json.loads((Path(__file__).parent / "edge_reference.json").read_text()):
        yield Row(
            entry["op"],
            _floats(entry["args"]),
            _floats([entry["value"], *entry.get("accept_value", [])]),
            tuple(map(_floats, [entry["grad"], *entry.get("accept_grad", [])])),
            tuple(map(_floats, entry["hess"])),
        )


ALL_ROWS = list(_rows())
ROWS = [row for row in ALL_ROWS if row.op not in NOT_IMPLEMENTED]


def function_of(name: str) -> Callable[..., Any]:
    """The function that a name of the table means; KeyError for a name that is unknown here."""
    if name.startswith("pow_const n="):
        n = float(name.removeprefix("pow_const n="))
        return lambda x: ops.power(x, n)
    if name.startswith("const_base "):
        base = float(name.removeprefix("const_base ").split("**")[0])
        return lambda x: ops.power_both(base, x)
    return FUNCTIONS[name]


def _agrees(got: float, expected: float | None, ulp: int) -> bool:
    if expected is None:
        return True
    if not (math.isfinite(got) and math.isfinite(expected)):
        return got == expected or (got != got and expected != expected)
    return abs(got - expected) <= ulp * math.ulp(expected)


def wrong_row(row: Row) -> list[str]:
    """What the engine answers otherwise than the row: value within 2 ulp, gradient within 4, Hessian within 16."""
    f = function_of(row.op)
    operands = [Value(x) for x in row.args]
    y = f(*operands)
    y.backward()
    slopes = grad(y, operands)
    gradient = [v.grad for v in operands]
    hessian = [[entry.data for entry in grad(slope, operands)] for slope in slopes]
    wrong = differences(f"{row}: value over Values and floats", [y.data], [f(*row.args)])
    if not any(_agrees(y.data, value, 2) for value in row.values):
        wrong.append(f"{row}: value got {y.data!r}, expected {row.values}")
    if not any(all(map(_agrees, gradient, g, [4] * len(g))) for g in row.gradients):
        wrong.append(f"{row}: gradient got {gradient}, expected {row.gradients}")
    if not all(map(_agrees, [s.data for s in slopes], gradient, [0] * len(gradient))):
        wrong.append(f"{row}: grad() got {[s.data for s in slopes]}, expected that of backward() {gradient}")
    entries = [zip(got, expected, strict=True) for got, expected in zip(hessian, row.hessian, strict=True)]
    if not all(_agrees(a, b, 16) for pairs in entries for a, b in pairs):
        wrong.append(f"{row}: Hessian got {hessian}, expected {row.hessian}")
    return wrong
