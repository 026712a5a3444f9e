"""Programs that people write for floats, two numbers each, with all that Python offers: what lifting and compiling are tried on."""

import functools
import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


def added(numbers: Iterable[float]) -> float:
    """Their sum from left to right. Python's own sum of floats makes good its rounding errors since 3.12, and one of Values does not."""
    total = 0.0
    for x in numbers:
        total += x
    return total


def closures(x: float, y: float) -> float:
    def scaled(k: float) -> Callable[[float], float]:
        return lambda t: k * t + x

    return added([scaled(i + y)(x) for i in range(4)])


def generators(x: float, y: float) -> float:
    def growing() -> Iterator[float]:
        t = abs(x)
        while t < 10:
            yield t
            t = t * 1.7 + 0.3

    return added(growing()) + max(growing()) * y


def recursion(x: float, y: float) -> float:
    def mean(a: float, b: float, n: int) -> float:
        return a if n == 0 or abs(a - b) < 1e-12 else mean((a + b) / 2, math.sqrt(a * b), n - 1)

    return mean(abs(x) + 1, abs(y) + 1, 30)


def state(x: float, y: float) -> float:
    table: dict[str, float] = {}
    for i, key in enumerate("abcab"):
        table[key] = table.get(key, 0.0) + x * i
    table.setdefault("z", y)
    row = [table[key] for key in sorted(table)]
    row.append(row.pop(0) * 2)
    row[1:3] = [y, x]
    return added(row) + len(row)


def caught(x: float, y: float) -> float:
    try:
        if x > 1:
            raise ValueError("large")
        return math.sqrt(y - x)
    except ValueError as error:
        return x * x if str(error) == "large" else -y


def caught_division(x: float, y: float) -> float:
    try:
        return x / (y - y) + 1
    except ZeroDivisionError:
        return x * 7


def while_else(x: float, y: float) -> float:
    n = 0
    while n < 20:
        x = x / 1.5
        n += 1
        if x < 0.1:
            break
    else:
        return y * 100
    return x * n + y


def defaults(x: float, y: float, k: float = 2.0, *rest: float, flag: bool = True, **named: float) -> float:
    return x * k + (y if flag else 0) + len(rest) + len(named)


@dataclass
class Vector:
    """A vector that is ordered by its length."""

    a: float
    b: float

    def __add__(self, other: "Vector") -> "Vector":
        return Vector(self.a + other.a, self.b + other.b)

    def __lt__(self, other: "Vector") -> bool:
        return self.norm < other.norm

    @property
    def norm(self) -> float:
        """Its length."""
        return math.sqrt(self.a * self.a + self.b * self.b)


def instances(x: float, y: float) -> float:
    v, w = Vector(x, y), Vector(2.0 * y, 1.0)
    return ((w if v < w else v) + v).norm


def by_key(x: float, y: float) -> float:
    row = sorted([x, y, x * y, 1.0, -x], key=lambda t: -abs(t))
    near = min([x, y, 3.0], key=lambda t: (t - 1) ** 2)
    return added([(i + 1) * t for i, t in enumerate(row)]) + near + max(x, y, 0.5) * 2 + min((), default=y)


def contained(x: float, y: float) -> float:
    return (x if 2.0 in (x, y) else y) + (1 if x in [y, 1.0] else 0) + (3 if x not in {0.7, 1.0} else 0)


def equal(x: float, y: float) -> float:
    both = x == y == 2.0
    return x * 2 if both else x * 3 if (x, y) != (0.7, 1.9) else y + (1 if [x, [y]] == [x, [y]] else 0)


def chained(x: float, y: float) -> float:
    inside = x * 2 if 0 < x <= y < 5 else (y if not x else -x)
    return inside + (5 if 0 < x == y != 3.0 else 0) + (7 if x == 2.0 == y else 0)


def indices(x: float, y: float) -> float:
    row = [float(i * i) for i in range(10)]
    n = int(abs(x)) % 10
    return added(row[n : n + 2]) * x + row[int(y) % 10] + y


def as_text(x: float, y: float) -> float:
    return int(f"{x:.0f}") * y + len(f"{y:.3g}")


def matched(x: float, y: float) -> float:
    match (x > 0, y > 0):
        case (True, True):
            return x * y
        case (True, False):
            return x - y
        case _:
            return -x


def matched_numbers(x: float, y: float) -> float:
    match int(x):
        case 0:
            return y
        case 1 | 2:
            return x * y
        case n if n > 2:
            return n * y
    match x:
        case float():
            return -x
    return 0.0


def exact_type(x: float, y: float) -> float:
    return x * 2 if type(x) is float else y


def truth(x: float, y: float) -> float:
    return (x and y) + (0.0 or y) + (not x) + bool(y) * x + (x if any([v > 1 for v in (x, y)]) and all([x, y]) else y)


def accumulated(x: float, y: float) -> float:
    total = added(itertools.accumulate([x, y, x, 2.0], lambda a, b: a * 0.5 + b))
    return total + functools.reduce(lambda a, b: a * b, [x, y, 1.5])


def rounded(x: float, y: float) -> float:
    return x // 1 + divmod(y, 0.75)[1] + math.floor(x) + y % 1.0 + round(y) + math.trunc(y) + math.ceil(x)


def cached(x: float, y: float) -> float:
    @functools.lru_cache
    def term(n: int) -> float:
        return x if n < 2 else term(n - 1) + term(n - 2) * y

    return term(8)


def three_ways(x: float, y: float) -> float:
    row = sorted([x, y, 1.0], key=functools.cmp_to_key(lambda a, b: (a > b) - (a < b)))
    return row[0] * 2 + row[2] + ((x > 1) - 1) + (1 - (y > 1)) * 3 + -(x < y) + (x > 0) * (y > 0) * 2


def crossings(x: float, y: float) -> float:
    count, was_above = 0, x > y
    for t in (0.5, 1.0, 2.0):
        is_above = x * t > y
        count += is_above is not was_above
        was_above = is_above
    return x * count + (y if (x > 1) is (y > 1) else 0.0)


def kepler(x: float, y: float) -> float:
    eccentricity = 0.3 + 0.1 * math.tanh(y)
    anomaly = x
    for _ in range(50):
        step = (anomaly - eccentricity * math.sin(anomaly) - x) / (1 - eccentricity * math.cos(anomaly))
        anomaly -= step
        if abs(step) < 1e-13:
            break
    else:
        raise RuntimeError("no convergence")
    return anomaly


def hull(x: float, y: float) -> float:
    def is_right_turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
        return (b[0] - a[0]) * (c[1] - a[1]) <= (b[1] - a[1]) * (c[0] - a[0])

    def half(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = []
        for point in points:
            while len(found) > 1 and is_right_turn(found[-2], found[-1], point):
                found.pop()
            found.append(point)
        return found[:-1]

    points = sorted([(0.0, 0.0), (1.0, 0.2), (x, y), (y, x), (0.5, 2.0), (x * y, 0.1)])
    around = half(points) + half(reversed(points))
    return added(a[0] * b[1] - a[1] * b[0] for a, b in zip(around, around[1:] + around[:1], strict=True)) / 2


def shortest(x: float, y: float) -> float:
    edges = {"a": [("b", abs(x)), ("c", 2.0)], "b": [("d", 1.0)], "c": [("d", abs(y))], "d": []}
    distances, waiting = dict.fromkeys(edges, math.inf) | {"a": 0.0}, [(0.0, "a")]
    while waiting:
        distance, place = heapq.heappop(waiting)
        for other, length in edges[place]:
            if (further := distance + length) < distances[other]:
                distances[other] = further
                heapq.heappush(waiting, (further, other))
    return distances["d"]


def american_option(x: float, y: float) -> float:
    up, spot, strike, n = math.exp(0.1), 10 + x, 10 + y, 6
    p, sign = (math.exp(0.01) - 1 / up) / (up - 1 / up), 1 if x > y else -1
    worth = [max(0.0, sign * (spot * up ** (2 * j - n) - strike)) for j in range(n + 1)]
    for i in range(n - 1, -1, -1):
        kept = [(p * worth[j + 1] + (1 - p) * worth[j]) * math.exp(-0.01) for j in range(i + 1)]
        worth = [max(sign * (spot * up ** (2 * j - i) - strike), kept[j]) for j in range(i + 1)]
    return worth[0]


def unpacked(x: float, y: float) -> float:
    a, *b, c = [x, y, x * y, 2.0]
    c += a
    c **= 2
    return a + added(b) + c * a


PROGRAMS = (
    *(closures, generators, recursion, state, caught, caught_division, while_else, defaults, instances, by_key, contained, equal),
    *(chained, indices, as_text, matched, matched_numbers, exact_type, truth, accumulated, rounded, cached, unpacked),
    *(three_ways, crossings, kepler, hull, shortest, american_option),
)
