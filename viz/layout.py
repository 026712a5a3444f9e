"""The built-in layout: where the cards of a picture stand when no Graphviz is at hand. Plain Python, deterministic, iterative.

A layered drawing after Sugiyama, Tagawa and Toda (1981), here from left to right; for top to bottom x and y change places.

Glossary::

    rank       the number of a column; every edge leads to a higher rank
    stop       a card, or the place where a long edge passes through a column. Edges that leave one card share their stops, so a
               value used in many places is a line that branches, and stops are few
    link       a piece of an edge between neighbouring columns
    level      where an edge passes a column horizontally: the column's left and right x, and the y
    route      the drawn curve of an edge: the control points of joined cubic Bézier curves, 1 + 3k of them

1. Ranks by the longest path; then cards move right, towards their consumers, as long as that lengthens no edge.
2. Stops for edges that span several columns.
3. Order within the columns: depth first from the results, which keeps subexpressions together; then barycentre sweeps, of which
   the one with the fewest crossings is kept.
4. Heights: each column is the exact least-squares fit to the heights of its neighbours with a minimum gap between stops.
5. Columns are set side by side; routes are horizontal wherever they leave, cross or enter a column, so they touch no card.

What it does not do: find the fewest crossings, or pull shared weights of many samples apart as Graphviz's network simplex does.
"""

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

Point = tuple[float, float]
Size = tuple[float, float]
Link = tuple[int, int]
Level = tuple[float, float, float]

CARD_GAP = 14.0
LINE_GAP = 10.0
LINE_WEIGHT = 50.0  # of a long edge's wish to run straight, against 1 of a card's wish to stand between its neighbours
COLUMN_GAP = 46.0
STEEPNESS = 0.12  # extra width of a column gap per unit of height that a link climbs in it
WIDEST_GAP = 150.0
PORT_GAP = 16.0  # between the ends of two edges at one card
PORT_MARGIN = 11.0  # from a card's corner to the first end of an edge
BOW = 13.0  # how far the curves of x·x stand apart
ORDER_SWEEPS = 12
HEIGHT_SWEEPS = 16


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture's size, the centre of each card and the route of each edge; y grows downwards."""

    width: float
    height: float
    centres: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]


@dataclass(slots=True)
class _Stops:
    """The picture as a graph whose links all join neighbouring columns; the first stops are the cards themselves."""

    columns: list[list[int]]
    before: list[list[int]]
    after: list[list[int]]
    paths: list[list[int]]  # per edge the stops it visits
    heights: list[float]


def layered(sizes: Sequence[Size], edges: Sequence[Link]) -> Layout:
    """Where cards of these ``(width, height)`` stand, left to right. Cards come operands first: edges lead to higher indices.

    >>> layout = layered([(80, 40), (80, 40), (60, 40)], [(0, 2), (1, 2)])
    >>> layout.centres
    ((40.0, 20.0), (40.0, 74.0), (159.24, 47.0))
    """
    ranks = _ranks(len(sizes), edges)
    stops = _stops(ranks, edges, [height for _, height in sizes])
    stops.columns = _ordered(stops)
    ys = _heights(stops, len(sizes))
    return joined(sizes, edges, ranks, ys[: len(sizes)], [[ys[stop] for stop in path] for path in stops.paths])


def joined(
    sizes: Sequence[Size],
    edges: Sequence[Link],
    ranks: Sequence[int],
    ys: Sequence[float],
    passing: Sequence[Sequence[float]],
) -> Layout:
    """The layout of cards whose ranks and heights are known; ``passing`` are an edge's heights in all columns from end to end."""
    sides = _column_sides(sizes, ranks, edges, passing)
    centres = [(sum(sides[rank]) / 2, y) for rank, y in zip(ranks, ys, strict=True)]
    ports = _ports(sizes, edges, passing)
    bows = _bows(edges)
    routes = []
    for i, (start, end) in enumerate(edges):
        levels = [(*side, y) for side, y in zip(sides[ranks[start] : ranks[end] + 1], passing[i], strict=True)]
        levels[0] = (centres[start][0] + sizes[start][0] / 2, levels[0][1], ys[start])
        levels[-1] = (levels[-1][0], centres[end][0] - sizes[end][0] / 2, ys[end] + ports[i])
        routes.append(_route(levels, bows[i]))
    return _from_the_corner(sizes, centres, routes)


def _from_the_corner(sizes: Sequence[Size], centres: Sequence[Point], routes: Sequence[Sequence[Point]]) -> Layout:
    """The layout moved to where its upper left corner is (0, 0)."""
    corners = [
        (x + side * width / 2, y + side * height / 2)
        for (x, y), (width, height) in zip(centres, sizes, strict=True)
        for side in (-1, 1)
    ]
    points = [*corners, *(point for route in routes for point in route)]
    left, top = min(x for x, _ in points), min(y for _, y in points)
    right, bottom = max(x for x, _ in points), max(y for _, y in points)
    return Layout(
        right - left,
        bottom - top,
        tuple((x - left, y - top) for x, y in centres),
        tuple(tuple((x - left, y - top) for x, y in route) for route in routes),
    )


def on_curve(route: Sequence[Point], t: float) -> Point:
    """The point of a chain of cubic Bézier curves at ``t``, which runs from 0 to their number."""
    piece = min(int(t), (len(route) - 1) // 3 - 1)
    t -= piece
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    near = list(zip(weights, route[3 * piece : 3 * piece + 4], strict=True))
    return sum(weight * x for weight, (x, _) in near), sum(weight * y for weight, (_, y) in near)


def transposed(layout: Layout) -> Layout:
    """The same layout with x and y exchanged: from left to right becomes from top to bottom."""
    return Layout(
        layout.height,
        layout.width,
        tuple((y, x) for x, y in layout.centres),
        tuple(tuple((y, x) for x, y in route) for route in layout.routes),
    )


# --- Ranks and stops -----------------------------------------------------------------------------------------------------------


def _ranks(count: int, edges: Sequence[Link]) -> list[int]:
    operands: list[list[int]] = [[] for _ in range(count)]
    results: list[list[int]] = [[] for _ in range(count)]
    for start, end in edges:
        operands[end].append(start)
        results[start].append(end)
    ranks = [0] * count
    for i in range(count):
        ranks[i] = max((ranks[o] + 1 for o in operands[i]), default=0)
    for i in reversed(range(count)):
        if results[i] and len(operands[i]) <= len(results[i]):
            ranks[i] = min(ranks[r] for r in results[i]) - 1
    used = {rank: i for i, rank in enumerate(sorted(set(ranks)))}
    return [used[rank] for rank in ranks]


def _stops(ranks: Sequence[int], edges: Sequence[Link], heights: Sequence[float]) -> _Stops:
    columns: list[list[int]] = [[] for _ in range(max(ranks) + 1)]
    for card, rank in enumerate(ranks):
        columns[rank].append(card)
    heights = list(heights)
    passing: dict[tuple[int, int], int] = {}  # (card, rank) → the stop where the card's long edges pass

    def stop_at(card: int, rank: int) -> int:
        if (card, rank) not in passing:
            passing[card, rank] = len(heights)
            columns[rank].append(len(heights))
            heights.append(0.0)
        return passing[card, rank]

    paths = [[start, *(stop_at(start, rank) for rank in range(ranks[start] + 1, ranks[end])), end] for start, end in edges]
    before: list[list[int]] = [[] for _ in heights]
    after: list[list[int]] = [[] for _ in heights]
    for left, right in dict.fromkeys(link for path in paths for link in pairwise(path)):
        before[right].append(left)
        after[left].append(right)
    return _Stops(columns, before, after, paths, heights)


# --- Order within the columns --------------------------------------------------------------------------------------------------


def _ordered(stops: _Stops) -> list[list[int]]:
    """The columns with few crossings between them."""
    visit = _depth_first(stops)
    columns = [sorted(column, key=visit.__getitem__) for column in stops.columns]
    best, fewest = columns, _crossings(columns, stops.after)
    for sweep in range(ORDER_SWEEPS):
        if not fewest:
            break
        columns = _swept(columns, stops, leftwards=sweep % 2 == 0)
        crossings = _crossings(columns, stops.after)
        if crossings < fewest:
            best, fewest = columns, crossings
    return best


def _depth_first(stops: _Stops) -> list[int]:
    """When each stop is met on a walk from the results, operands in order."""
    visit = [-1] * len(stops.heights)
    waiting = [stop for column in stops.columns for stop in reversed(column) if not stops.after[stop]]
    count = 0
    while waiting:
        stop = waiting.pop()
        if visit[stop] < 0:
            visit[stop] = count
            count += 1
            waiting.extend(reversed(stops.before[stop]))
    return visit


def _swept(columns: list[list[int]], stops: _Stops, leftwards: bool) -> list[list[int]]:
    """Each column in turn sorted by the mean position of its neighbours in the column before it on the way."""
    near = stops.after if leftwards else stops.before
    place: dict[int, float] = {}
    swept = []
    for column in reversed(columns) if leftwards else columns:
        wanted = {
            stop: sum(place[n] for n in near[stop]) / len(near[stop]) if near[stop] else float(i) for i, stop in enumerate(column)
        }
        column = sorted(column, key=wanted.__getitem__)
        place.update((stop, float(i)) for i, stop in enumerate(column))
        swept.append(column)
    return swept[::-1] if leftwards else swept


def _crossings(columns: list[list[int]], after: list[list[int]]) -> int:
    """How many pairs of links cross: pairs that are ordered one way on the left and the other way on the right."""
    total = 0
    for left, right in pairwise(columns):
        place = {stop: i for i, stop in enumerate(right)}
        seen: list[int] = []
        for stop in left:
            ends = sorted(place[n] for n in after[stop])
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


# --- Heights -------------------------------------------------------------------------------------------------------------------


def _heights(stops: _Stops, cards: int) -> list[float]:
    """The y of every stop, the highest card's upper side at 0."""
    ys = [0.0] * len(stops.heights)
    spacing = [_spacing(column, stops.heights, cards) for column in stops.columns]
    weights = [[1.0 if stop < cards else LINE_WEIGHT for stop in column] for column in stops.columns]
    for column, gaps, weight in zip(stops.columns, spacing, weights, strict=True):
        _place(column, gaps, weight, [0.0] * len(column), ys)
    for sweep in range(HEIGHT_SWEEPS):
        leftwards = sweep % 2 == 0
        near = stops.after if leftwards else stops.before
        for i in reversed(range(len(spacing))) if leftwards else range(len(spacing)):
            column = stops.columns[i]
            wanted = [sum(ys[n] for n in near[s]) / len(near[s]) if near[s] else ys[s] for s in column]
            _place(column, spacing[i], weights[i], wanted, ys)
    top = min(y - height / 2 for y, height in zip(ys, stops.heights, strict=True))
    return [y - top for y in ys]


def _spacing(column: list[int], heights: Sequence[float], cards: int) -> list[float]:
    """How far below the first stop of the column each of its stops must stand at least."""
    gaps = [0.0]
    for upper, lower in pairwise(column):
        gap = CARD_GAP if upper < cards and lower < cards else LINE_GAP
        gaps.append(gaps[-1] + (heights[upper] + heights[lower]) / 2 + gap)
    return gaps


def _place(column: list[int], gaps: list[float], weights: list[float], wanted: list[float], ys: list[float]) -> None:
    """Set the column's ys: weighted least squares to ``wanted`` under the minimum gaps, by pooling adjacent violators."""
    pools: list[tuple[float, float, int]] = []  # (mean of the wanted places less the gaps, weight, how many stops)
    for want, gap, weight in zip(wanted, gaps, weights, strict=True):
        mean, size = want - gap, 1
        while pools and pools[-1][0] > mean:
            upper, heft, count = pools.pop()
            mean = (mean * weight + upper * heft) / (weight + heft)
            weight, size = weight + heft, size + count
        pools.append((mean, weight, size))
    fitted = [mean for mean, _, size in pools for _ in range(size)]
    for stop, gap, level in zip(column, gaps, fitted, strict=True):
        ys[stop] = level + gap


# --- Columns and routes --------------------------------------------------------------------------------------------------------


def _column_sides(
    sizes: Sequence[Size], ranks: Sequence[int], edges: Sequence[Link], passing: Sequence[Sequence[float]]
) -> list[tuple[float, float]]:
    """The x of the left and of the right side of each column; the gap between two is wider where an edge climbs far in it."""
    widths = [0.0] * (max(ranks) + 1)
    climbs = [0.0] * len(widths)
    for (width, _), rank in zip(sizes, ranks, strict=True):
        widths[rank] = max(widths[rank], width)
    for (start, _), heights in zip(edges, passing, strict=True):
        for rank, (here, there) in enumerate(pairwise(heights), ranks[start]):
            climbs[rank] = max(climbs[rank], abs(there - here))
    sides = []
    left = 0.0
    for width, climb in zip(widths, climbs, strict=True):
        sides.append((left, left + width))
        left += width + min(COLUMN_GAP + STEEPNESS * climb, WIDEST_GAP)
    return sides


def _bows(edges: Sequence[Link]) -> list[float]:
    """How far each edge's curve bends aside: 0, or evenly spread over the edges that join the same two cards."""
    total = Counter(edges)
    met: Counter[Link] = Counter()
    bows = []
    for edge in edges:
        bows.append((met[edge] - (total[edge] - 1) / 2) * BOW * 4 / 3)  # a cubic reaches ¾ of its control points' bend
        met[edge] += 1
    return bows


def _ports(sizes: Sequence[Size], edges: Sequence[Link], passing: Sequence[Sequence[float]]) -> list[float]:
    """How far above or below its card's middle each edge arrives: spread evenly, in the order in which they come in."""
    arriving: list[list[int]] = [[] for _ in sizes]
    for i, (_, end) in enumerate(edges):
        arriving[end].append(i)
    ports = [0.0] * len(edges)
    for (_, height), members in zip(sizes, arriving, strict=True):
        room = height - 2 * min(PORT_MARGIN, height / 4)
        spacing = min(PORT_GAP, room / max(len(members) - 1, 1))
        for place, i in enumerate(sorted(members, key=lambda i: passing[i][-2])):
            ports[i] = (place - (len(members) - 1) / 2) * spacing
    return ports


def _route(levels: Sequence[Level], bow: float) -> tuple[Point, ...]:
    """A curve that is level in every column and swings over in the gaps between them."""
    points: list[Point] = [(levels[0][0], levels[0][2])]
    for (start, end, y), following in zip_longest(levels, levels[1:]):
        if end > start:
            points += [(start, y), (end, y), (end, y)]  # a straight line
        if following is not None:
            next_x, _, next_y = following
            bend = (next_x - end) * (0.3 if bow else 0.5)
            points += [(end + bend, y + bow), (next_x - bend, next_y + bow), (next_x, next_y)]
    return tuple(points)
