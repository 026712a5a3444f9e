"""Random graphs without good manners: every op of the engine, choices, shared nodes, and points with nan, ±inf, ±0 and subnormals.

Unlike ``tests.random_graphs`` nothing is kept in an op's domain: what counts here is that two ways to compute the same graph give
the same bits, whatever these are. Seeded: the same graphs and points in every run.
"""

import math
import random
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import autograd as ag
from autograd import Value, ops

SPECIAL = (
    *(0.0, -0.0, 1.0, -1.0, 0.5, -0.5, math.inf, -math.inf, math.nan),
    *(5e-324, -5e-324, -1e-310, 2.2250738585072014e-308, 1e-300),
    *(1e-17, 1e300, -1e300, 1.7976931348623157e308, 709.9, -745.2, 0.1, 2.0, 3.0, -3.0, 1e5, 36.7),
)

_UNARY = tuple(
    ops.TABLE[name]
    for name in (
        *("negative", "positive", "abs", "floor", "sign", "stop_gradient", "sqrt"),
        *("exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan"),
        *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc"),
        *("sigmoid", "softplus", "logsigmoid", "relu", "silu", "gelu", "gaussian", "sech2"),
    )
)
_BINARY = tuple(
    ops.TABLE[name]
    for name in (
        *("add", "subtract", "multiply", "divide", "modulo", "power", "atan2", "hypot"),
        *("maximum", "minimum", "logaddexp", "xlogy"),
    )
)

Pick, Picks = Callable[[], Value], Callable[[int], list[Value]]
_SPECIAL_STEPS: tuple[Callable[[Pick, Picks], Value], ...] = (
    *[lambda pick, picks, n=n: pick() ** n for n in (0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, 2.7)],
    lambda pick, picks: ag.dot(picks(3), picks(3), pick()),
    lambda pick, picks: ag.sum(picks(4)),
    lambda pick, picks: ag.sum([pick() * pick() for _ in range(6)]),
    lambda pick, picks: ag.logsumexp(picks(3)),
    lambda pick, picks: ag.softmax(picks(3))[1],
    lambda pick, picks: ag.where(pick() > pick(), pick(), pick()),
    lambda pick, picks: ag.where((pick() <= pick()) & ~(pick() < 0.5) | (pick() >= 2.0), pick(), -1.5),
    lambda pick, picks: ag.where(pick(), pick(), 0.25),
    lambda pick, picks: ag.leaky_relu(pick()),
    lambda pick, picks: ag.elu(pick(), 0.7),
    lambda pick, picks: ag.clamp(pick(), -1.0, 1.0),
)
# Ops whose bits no other language may choose.
EXACT_UNARY = tuple(ops.TABLE[name] for name in ("negative", "abs", "floor", "sign", "stop_gradient", "sqrt", "relu"))
EXACT_BINARY = tuple(
    ops.TABLE[name] for name in ("add", "subtract", "multiply", "divide", "modulo", "hypot", "maximum", "minimum")
)
_EXACT_STEPS = tuple(
    step for step in _SPECIAL_STEPS[8:] if not any(name in step.__code__.co_names for name in ("logsumexp", "softmax", "elu"))
)
# Graphs of one family use the same few ops, so that one program for all of them has few packs and compiles quickly: in native code, many
# points side by side, 22 ms for a graph; 38 ms in families of 25 with half as many ops. Five families have every op.
FAMILY = 100
_OF_EACH = 8


@cache
def _palette(kinds: tuple[Any, ...], family: int) -> list[Any]:
    """A family's share of the ops; successive families take turns through all of them."""
    shuffled = random.Random(0).sample(kinds, len(kinds))
    return [shuffled[(_OF_EACH * family + i) % len(kinds)] for i in range(_OF_EACH)]


# What was drawn for a graph: made again at another point, it is not drawn again, which takes three fifths of the time.
_DRAWN: dict[tuple[int, int, int, bool], list[int]] = {}


def wild_graph(seed: int, leaves: Sequence[Value], size: int = 10, *, exact: bool = False) -> Value:
    """A graph of ``size`` random steps over the leaves, and the sum of its last three nodes; ``exact``: without the C library."""
    key = (seed, len(leaves), size, exact)
    rng, drawn, known = random.Random(seed), [], iter(_DRAWN.get(key, []))
    kinds = (EXACT_UNARY, EXACT_BINARY, _EXACT_STEPS) if exact else (_UNARY, _BINARY, _SPECIAL_STEPS)
    unary, binary, specials = [_palette(some, seed // FAMILY) for some in kinds]
    nodes = list(leaves)

    def draw(below: Callable[[], int]) -> int:
        number = next(known, -1)
        drawn.append(below() if number < 0 else number)
        return drawn[-1]

    def one_of(things: Sequence[Any]) -> Any:
        return things[draw(lambda: rng.randrange(len(things)))]

    def place() -> int:
        first = max(len(nodes) - 10, 0) if rng.random() < 0.7 else 0
        return first + rng.randrange(len(nodes) - first)

    def pick() -> Value:
        return nodes[draw(place)]

    def picks(count: int) -> list[Value]:
        return [pick() for _ in range(count)]

    steps: tuple[tuple[float, Callable[[], Value]], ...] = (
        (6, lambda: one_of(unary)(pick())),
        (6, lambda: one_of(binary)(pick(), pick())),
        (2, lambda: pick() * one_of((2.0, -1.5, 0.0, 1.0)) + one_of((1.0, -0.0, 0.25))),
        (1, lambda: one_of((1.0, -0.0, 0.25)) - pick() * pick()),
        *[(1.5, partial(special, pick, picks)) for special in specials],
    )
    weights = [weight for weight, _ in steps]
    for _ in range(size):
        _, step = steps[draw(lambda: rng.choices(range(len(steps)), weights)[0])]
        nodes.append(step())
    _DRAWN[key] = drawn
    return ag.sum(nodes[-3:])


def wild_points(seed: int, dimensions: int, count: int) -> list[list[float]]:
    """Points of moderate numbers, a third of them special."""
    rng = random.Random(seed)

    def number() -> float:
        return rng.choice(SPECIAL) if rng.random() < 1 / 3 else rng.uniform(-3.0, 3.0)

    return [[number() for _ in range(dimensions)] for _ in range(count)]
