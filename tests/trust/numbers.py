"""Rows about numbers: each op and random expressions of all ops against mpmath, to the third derivative, and against PyTorch."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import chain, groupby
from typing import Any

from mpmath import mp

import autograd as ag
from autograd import Value, grad
from tests.autograd.edges import ROWS as EDGES
from tests.autograd.edges import wrong_row
from tests.autograd.oracles import (
    LONG,
    bounds_over,
    differences,
    exact_hessian,
    exact_slope,
    exact_third,
    exact_value,
    likely_higher,
    likely_slopes,
    rounding_bounds,
    slope_errors,
    ulps,
    value_errors,
)
from tests.autograd.recorders import Lanes, numbers_at
from tests.autograd.torch_oracle import by_formulas, torch_gradient, torch_programs
from tests.cases import CASES, EXACT, STANDARD, Bounds, Case
from tests.random_graphs import Program, random_program, shrunk
from tests.trust.figures import Row, Trial, only_with

SMOOTH = tuple(case for case in CASES if case.exact is not None)
# Second and third derivatives may be off by so many ulp, or by the running bound of their rounding errors.
ULPS = 16.0
# A share of what is allowed that few bits settle: they know it to 1/100, or answer nan.
SETTLED = 0.9
# Points whose numbers are held at once: a thousand nodes and bounds of a thousand points are 16 MB.
SIDE_BY_SIDE = 1000


def said(case: Case, what: str, point: Sequence[float], got: float, exact: Any) -> str:
    """A trial of an op, as text."""
    code = f"from tests.cases import BY_NAME\nxs = [Value(x) for x in {tuple(point)!r}]\ny = BY_NAME[{case.name!r}].f(*xs)\ny.backward()"
    return f"{what} of {case.name}: got {got!r}, expected {float(exact)!r}\nfrom autograd import Value\n{code}"


def values(cases: Sequence[Case], count: int) -> Iterator[Trial]:
    """Values of ops, in ulp."""
    for case in cases:
        for point, got, exact, error in value_errors(case, count):
            yield Trial(error, partial(said, case, "value", point, got, exact))


def slopes(cases: Sequence[Case], count: int) -> Iterator[Trial]:
    """First derivatives of ops, times −2, in ulp."""
    for case in cases:
        for point, got, exact, error in slope_errors(case, count):
            yield Trial(error, partial(said, case, "−2·derivative", point, got, exact))


def share(got: float, exact: Any, bound: Callable[[], float]) -> float:
    """How much of what is allowed the error of a derivative takes up."""
    in_ulps = ulps(got, exact) / ULPS
    return in_ulps if in_ulps <= 1.0 else min(in_ulps, excess(got, exact, bound()))


def higher_derivatives(case: Case, point: Sequence[float]) -> tuple[list[Value], list[Value]]:
    """Operands; all second derivatives, and the third one along (1, 1, …)."""
    operands = [Value(x) for x in point]
    rows = [grad(slope, operands) for slope in grad(case.f(*operands), operands)]
    seconds = list(chain(*rows))
    return operands, [*seconds, ag.sum(grad(ag.sum(seconds), operands))]


def exact_higher(f: Callable[..., Any], point: tuple[float, ...]) -> list[Any]:
    """What these are."""
    return [*chain(*exact_hessian(f, point)), exact_third(f, point)]


def higher(count: int) -> Iterator[Trial]:
    """All second derivatives of ops at points of their cores, and the third one along (1, 1, …)."""
    for case in SMOOTH:
        points = case.core_points(count)
        for first in range(0, count, SIDE_BY_SIDE):
            yield from _higher_at(case, points[first : first + SIDE_BY_SIDE])


def _higher_at(case: Case, points: Sequence[tuple[float, ...]]) -> Iterator[Trial]:
    """Graphs recorded at the first point have their numbers at all of them; those recorded at every tenth have the same bits."""
    operands, nodes = higher_derivatives(case, points[0])
    order = ag.topological_order(*nodes)
    numbers = numbers_at(points, operands, order)
    bounds = cache(lambda: bounds_over(order, numbers))
    for i, point in enumerate(points):
        got = [_at(i, numbers[node]) for node in nodes]
        if i % 10 == 0:
            wrong = differences("derivative", got, [node.data for node in higher_derivatives(case, point)[1]])
            yield Trial(math.inf if wrong else 0.0, partial("{} at {}: {}".format, case, point, wrong), 0)
        for k, (x, exact) in enumerate(zip(got, likely_higher(case.exact, point), strict=True)):
            found = share(x, exact, lambda k=k, i=i: _at(i, bounds()[nodes[k]]))
            yield Trial(found, partial(_said_of_higher, case, point, k, exact)) if found <= SETTLED else _surely(case, point, k)


def _at(place: int, number: Any) -> float:
    """The number at one of the points, if it is not the same at all of them."""
    return float(number.numbers[place]) if isinstance(number, Lanes) else number


def _surely(case: Case, point: tuple[float, ...], k: int) -> Trial:
    """One of these derivatives by itself, and by all bits."""
    node, exact = higher_derivatives(case, point)[1][k], exact_higher(case.exact, point)[k]
    return Trial(share(node.data, exact, lambda: rounding_bounds(node)[node]), partial(_said_of_higher, case, point, k, exact))


def _said_of_higher(case: Case, point: tuple[float, ...], k: int, exact: Any) -> str:
    """Such a trial as text."""
    nodes = higher_derivatives(case, point)[1]
    return said(case, "third derivative" if k == len(nodes) - 1 else "second derivative", point, nodes[k].data, exact)


def excess(got: float, exact: Any, bound: float) -> float:
    """The error of a number as a multiple of the running bound of its rounding errors."""
    if got == float(exact):
        return 0.0
    with mp.workprec(200):
        found = float(abs(mp.mpf(got) - exact)) / bound if bound else math.inf
    return found if found == found else math.inf


def surely(got: float, bound: float, likely: Any, exactly: Callable[[], Any]) -> float:
    """The excess over what is likely exact if that settles it, which is no accident; else that over what is exact."""
    found = excess(got, likely, bound)
    return found if found <= SETTLED else excess(got, exactly(), bound)


def worst_entry(p: Program) -> float:
    """The largest excess among the value of a program, its gradient by ``grad`` and that by ``backward``."""
    y, xs = p.record()
    nodes, unfolded = grad(y, xs), _unfolded(y, xs)
    y.backward()
    bounds = rounding_bounds(y, *unfolded)
    likely, slopes = likely_slopes(p.exact, p.inputs)
    worst = surely(y.data, bounds[y], likely, lambda: exact_value(p.exact, p.inputs))
    for i, (x, node, step_by_step, slope) in enumerate(zip(xs, nodes, unfolded, slopes, strict=True)):
        exactly = partial(exact_slope, p.exact, p.inputs, i, LONG)
        gots = dict.fromkeys([node.data, x.grad])
        worst = max([worst, *[surely(got, bounds[step_by_step], slope, exactly) for got in gots]])
    return worst


def _unfolded(y: Value, xs: Sequence[Value]) -> Sequence[Value]:
    """The gradient with a step for each of its roundings: that of x/3 − x is otherwise one constant, as if nothing had been rounded."""
    return grad(y * Value(1.0), xs)


def told(p: Program, figure: Callable[[Program], float], bar: float = 1.0) -> str:
    """As code what is left of a program when everything is taken away that its failure does not need."""
    return shrunk(p, lambda q: not figure(q) <= bar).code()


def graphs(size: int, count: int) -> Iterator[Trial]:
    """Random expressions of so many steps."""
    for seed in range(count):
        p = random_program(seed, size)
        yield Trial(worst_entry(p), partial(told, p, worst_entry), 1 + len(p.inputs))


def worst_second(p: Program) -> float:
    """The largest excess among the second derivatives of a program."""
    y, xs = p.record()
    entries = [node for slope in grad(y, xs) for node in grad(slope, xs)]
    bounds, exact = rounding_bounds(*entries), chain(*exact_hessian(p.exact, p.inputs, LONG))
    return max(excess(node.data, entry, bounds[node]) for node, entry in zip(entries, exact, strict=True))


def hessians(count: int) -> Iterator[Trial]:
    """Second derivatives of random expressions."""
    for seed in range(count):
        p = random_program(seed, 8, inputs=2)
        yield Trial(worst_second(p), partial(told, p, worst_second), len(p.inputs) ** 2)


def worst_third(p: Program) -> float:
    """The excess of the third derivative of a program along (1, 1, …)."""
    node, xs = p.record()
    for _ in range(3):
        node = ag.sum(grad(node, xs))
    return excess(node.data, exact_third(p.exact, p.inputs, LONG), rounding_bounds(node)[node])


def thirds(count: int) -> Iterator[Trial]:
    """Third derivatives of random expressions."""
    for seed in range(count):
        p = random_program(seed, 8, inputs=2)
        yield Trial(worst_third(p), partial(told, p, worst_third))


def edges(count: int) -> Iterator[Trial]:
    """The rows of the edge table: value within 2 ulp, gradient within 4, Hessian within 16."""
    for row in EDGES[:count]:
        wrong = wrong_row(row)
        yield Trial(len(wrong), partial("\n".join, wrong))


def excess_of_torch(p: Program) -> float:
    """How far PyTorch's gradient is from ours, in running bounds of PyTorch's own formulas: one for its error, one for ours."""
    nodes, slopes = grad(*by_formulas(p).record()), grad(*p.record())
    bounds = rounding_bounds(*nodes)
    return max(excess(a.data, b, bounds[node]) for node, a, b in zip(nodes, slopes, torch_gradient(p), strict=True))


def torch(size: int, count: int) -> Iterator[Trial]:
    """Gradients by PyTorch."""
    for p in torch_programs(size, count):
        yield Trial(excess_of_torch(p), partial(told, p, excess_of_torch, 2.0), len(p.inputs))


def _of_bounds(bounds: Bounds, cases: Sequence[Case]) -> Iterator[Row]:
    """The rows of the ops that share their bounds."""
    names = {EXACT: "rounded once", STANDARD: "standard"}
    name = names.get(bounds, ", ".join(case.name for case in cases))
    for what, trials, bar in (("value", values, bounds.value), ("derivative", slopes, bounds.first)):
        unit = "ulp for each that one rounding counts" if (bounds.of_value, bounds.of_first)[what == "derivative"] else "ulp"
        yield Row("numbers", f"{what} of ops: {name}", partial(trials, cases), 300, 10000, bar, unit)


def _key(case: Case) -> tuple[float, float, str]:
    return case.bounds.value, case.bounds.first, case.bounds.reason


ROWS = [
    *(
        row
        for _, group in groupby(sorted(SMOOTH, key=_key), _key)
        for cases in [list(group)]
        for row in _of_bounds(cases[0].bounds, cases)
    ),
    Row("numbers", "second and third derivatives of ops", higher, 300, 10000, 1.0, "of 16 ulp or the running bound"),
    Row("numbers", "the edge table: kinks, poles, infinities, tails", edges, len(EDGES), len(EDGES)),
    Row("numbers", "random expressions of 10 steps", partial(graphs, 10), 1850, 90000, 1.0, "of the running bound"),
    Row("numbers", "random expressions of 40 steps", partial(graphs, 40), 120, 9000, 1.0, "of the running bound"),
    Row("numbers", "random expressions of 200 steps", partial(graphs, 200), 28, 980, 1.0, "of the running bound"),
    Row("numbers", "random expressions of 1,000 steps", partial(graphs, 1000), 2, 20, 1.0, "of the running bound"),
    Row("numbers", "second derivatives of random expressions", hessians, 100, 4000, 1.0, "of the running bound"),
    Row("numbers", "third derivatives of random expressions", thirds, 100, 4000, 1.0, "of the running bound"),
    *(
        Row("numbers", f"PyTorch in float64: {size} steps", partial(torch, size), *counts, 2.0, "running bounds", kin="torch")
        for size, *counts in ((10, *only_with("torch", 1900, 90000)), (40, *only_with("torch", 100, 10000)))
    ),
]
