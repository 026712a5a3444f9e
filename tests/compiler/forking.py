"""Random Python functions of two numbers that branch, loop, return early and call themselves: text, compiled by Python.

Seeded: the same functions in every run. Loops end: by the number of rounds, or because a number shrinks. Those from ``WITH_INTS`` on
use numbers as ints too: as indices, as numbers of rounds, rounded up, down and to digits; those from ``WITH_SCOPES`` on do all that, and
have comprehensions, closures and exceptions.
"""

import math
import random
from collections.abc import Callable
from typing import Any

import autograd

WITH_INTS, WITH_SCOPES = 10**6, 2 * 10**6
_LEAVES = ("x", "y", "a", "b", "0.5", "1.5", "-2.0")
_WHOLE = (
    "TABLE[int(3.0 * ag.tanh({}))]",
    "TABLE[math.floor(2.0 * ag.sin({}))] * y",
    "({} // 0.75)",
    "({} % 1.25)",
    "divmod({}, 0.5)[1]",
    "round({}, 1)",
    "a * round(2.0 * ag.sigmoid({}))",
    "math.ceil(ag.tanh({})) * b",
    "math.trunc(2.5 * ag.sin({})) * x",
)
_TESTS = ("{} > {}", "{} <= {}", "abs({}) < {}", "{} > 0 and {} < 1", "not {} > {}", "({} > 0) == ({} > 1)")


class _Dice(random.Random):
    """A generator, and whether ints, comprehensions, closures and exceptions are wanted."""

    ints = scopes = False


def _number(rng: _Dice, depth: int = 2) -> str:
    if depth == 0 or rng.random() < 0.3:
        return rng.choice(_LEAVES)
    inner = _number(rng, depth - 1)
    kind = rng.randrange(4)
    if rng.ints and kind == 1:
        return rng.choice(_WHOLE).format(inner)
    if kind == 0:
        return f"ag.{rng.choice(('tanh', 'sin', 'sigmoid', 'relu'))}({inner})"
    return f"({inner} {rng.choice('+-*')} {_number(rng, depth - 1)})"


def _test(rng: _Dice) -> str:
    return rng.choice(_TESTS).format(_number(rng, 1), _number(rng, 1))


def _body(rng: _Dice, indent: str, depth: int) -> list[str]:
    lines: list[str] = []
    for _ in range(rng.randint(1, 3)):
        kind = rng.random() if depth else 0.0
        if rng.scopes and rng.random() < 0.3:
            lines += _scope(rng, indent)
            continue
        if kind < 0.4:
            lines.append(f"{indent}{rng.choice('ab')} = {_number(rng)}")
        elif kind < 0.65:
            lines += [f"{indent}if {_test(rng)}:", *_body(rng, indent + "    ", depth - 1)]
            if rng.random() < 0.5:
                lines += [f"{indent}else:", *_body(rng, indent + "    ", depth - 1)]
        elif kind < 0.75:
            lines += [f"{indent}if {_test(rng)}:", f"{indent}    return {_number(rng)}"]
        elif kind < 0.85:
            rounds = f"int(3.0 * ag.sigmoid({_number(rng, 1)}))" if rng.ints else "3"
            lines += [f"{indent}for i in range({rounds}):", f"{indent}    if {_test(rng)}:", f"{indent}        break"]
            lines += _body(rng, indent + "    ", depth - 1)
        elif kind < 0.95:
            lines += [
                f"{indent}c = abs(a) + 1.0",
                f"{indent}while c > 1.25 and c < 8.0:",
                f"{indent}    c = c * 0.5 + 0.2 * ag.tanh(c)",
            ]
            lines += [f"{indent}    b = b + {_number(rng, 1)} * 0.1", f"{indent}    if c > 6.0:", f"{indent}        break"]
        else:
            lines += [
                f"{indent}if depth < 2 and {_test(rng)}:",
                f"{indent}    return f(a * 0.5, y, depth + 1) + {_number(rng, 1)}",
            ]
    return lines


def _scope(rng: _Dice, indent: str) -> list[str]:
    """A comprehension, a closure or an exception that is caught."""
    kind = rng.randrange(3)
    if kind == 0:
        return [f"{indent}b = ag.sum([b * (0.5 + k) + {_number(rng, 1)} for k in range(3) if {_test(rng)}])"]
    if kind == 1:
        return [f"{indent}g = lambda t: t * a + {_number(rng, 1)}", f"{indent}a = ag.tanh(b)", f"{indent}b = g(x)"]
    return [
        f"{indent}try:",
        f"{indent}    if {_test(rng)}:",
        f"{indent}        raise ArithmeticError",
        f"{indent}    a = {_number(rng)}",
        f"{indent}except ArithmeticError:",
        f"{indent}    b = {_number(rng)}",
    ]


def source(seed: int) -> str:
    """The text of a function ``f(x, y)``."""
    rng = _Dice(seed)
    rng.ints, rng.scopes = seed >= WITH_INTS, seed >= WITH_SCOPES
    head = ["def f(x, y, depth=0):", "    a, b = x * 1.0, y - x"]
    return "\n".join([*head, *_body(rng, "    ", 2), f"    return a + {_number(rng)}", ""])


def function(seed: int) -> Callable[[Any, Any], Any]:
    """That function."""
    return written(source(seed))


def written(text: str) -> Callable[[Any, Any], Any]:
    """The function of such a text."""
    scope: dict[str, Any] = {"ag": autograd, "math": math, "TABLE": [0.5, -1.0, 2.0, 0.25, -0.75, 1.5, 3.0]}
    exec(compile(text, "<function>", "exec"), scope)
    f = scope["f"]
    return lambda x, y: f(x, y)
