"""Where the cards of a picture stand: asked of Graphviz where there is one, else of the built-in layout.

    engine        needs
    "dot"         the program ``dot`` of Graphviz on PATH
    "pygraphviz"  the package pygraphviz 2 or newer, whose wheels carry Graphviz itself
    "builtin"     nothing: ``layout``; the same places on every machine
    "auto"        the first of these that answers; drawing never fails for want of an engine

Each engine is given sizes and edges and answers with a ``Layout``; none of them draws. Graphviz is asked in which column and how
high the cards stand, and where long edges pass between them; the curves and the space between columns are ours.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from viz.layout import Layout, Link, Point, Size, joined, layered, on_curve, transposed

ENGINES = ("auto", "dot", "pygraphviz", "builtin")
RANKDIRS = ("LR", "TB")
_POINTS_PER_INCH = 72.0
_PATIENCE = 60.0  # seconds that dot may take
Child = subprocess.Popen[bytes]
_waiting: ContextVar[Child | None] = ContextVar("_waiting", default=None)  # a dot that was started before its answer is needed


class EngineFailed(RuntimeError):
    """A layout engine is there but gave no usable answer."""


def place(sizes: Sequence[Size], edges: Sequence[Link], rankdir: str = "LR", engine: str = "auto") -> tuple[Layout, str]:
    """The layout of these cards and the name of the engine that made it.

    ValueError for an unknown ``rankdir`` or ``engine``; ImportError or FileNotFoundError for a named engine that is not there.

    >>> layout, engine = place([(80, 40), (80, 40)], [(0, 1)], engine="builtin")
    >>> engine, layout.width
    ('builtin', 206.0)
    """
    check_rankdir(rankdir)
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(map(repr, ENGINES))}, got {engine!r}")
    if rankdir == "TB":
        layout, name = place([(height, width) for width, height in sizes], edges, "LR", engine)
        return transposed(layout), name
    if engine != "auto":
        return _LAYOUTS[engine](sizes, edges), engine
    for name in ("dot", "pygraphviz"):
        try:
            return _LAYOUTS[name](sizes, edges), name
        except (ImportError, OSError, EngineFailed):
            continue  # absent or broken: the next engine draws the same cards
    return layered(sizes, edges), "builtin"


def check_rankdir(rankdir: str) -> None:
    """ValueError unless ``rankdir`` is a direction that pictures can run in."""
    if rankdir not in RANKDIRS:
        raise ValueError(f'rankdir must be "LR" (left to right) or "TB" (top to bottom), got {rankdir!r}')


def run_dot(source: str) -> bytes:
    """What the program ``dot`` makes of a DOT text, in its format "plain"; FileNotFoundError without it."""
    program = shutil.which("dot")
    if program is None:
        raise FileNotFoundError(
            "Graphviz's program dot is not on PATH. "
            'pip install "chalkgrad[graphviz]" brings Graphviz as a package; engine="builtin" needs nothing'
        )
    child = _waiting.get() or _started(program)
    _waiting.set(None)
    with child:
        try:
            answer, said = child.communicate(source.encode() if child.stdin else None, timeout=_PATIENCE)
        except subprocess.TimeoutExpired as error:
            child.kill()
            raise EngineFailed(f"{program} failed: {error}") from error
        except BaseException:  # Ctrl-C
            child.kill()
            raise
    if child.returncode:
        raise EngineFailed(f"{program} failed with {child.returncode}: {said[:200].decode(errors='replace')}")
    return answer


@contextmanager
def dot_starting(engine: str) -> Iterator[None]:
    """A context in which ``dot`` starts beside what else is done, if ``engine`` is one that asks it: that is 8 of its 11 ms."""
    program = shutil.which("dot") if engine in ("auto", "dot") else None
    child = None
    with suppress(OSError):  # broken: said when it is asked
        child = _started(program) if program else None
    before = _waiting.set(child)
    try:
        yield
    finally:
        _waiting.reset(before)
        if child is not None and child.returncode is None:  # nobody has asked it
            with child:
                child.kill()


def ask(sizes: Sequence[Size], edges: Sequence[Link], rankdir: str) -> None:
    """Put to a ``dot`` that is waiting the question that ``place`` will ask next: it thinks beside what is done until then."""
    child = _waiting.get()
    if child is None or child.stdin is None:
        return
    across = [(height, width) for width, height in sizes] if rankdir == "TB" else sizes
    with suppress(OSError), child.stdin:  # broken: said when its answer is read
        child.stdin.write(_question(across, edges).encode())
    child.stdin = None


def _started(program: str) -> Child:
    return subprocess.Popen([program, "-Tplain"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run_pygraphviz(source: str, output: str) -> bytes:
    """What pygraphviz's own Graphviz makes of a DOT text, in the format ``output``; ImportError without it."""
    try:
        import pygraphviz
    except ImportError as error:
        raise ImportError(
            'engine="pygraphviz" needs the package pygraphviz, version 2 or newer: pip install "chalkgrad[graphviz]"'
        ) from error
    try:
        drawn: bytes = pygraphviz.AGraph(string=source).draw(format=output, prog="dot")
    except Exception as error:  # pygraphviz raises anything from OSError to bare ValueError
        raise EngineFailed(f"pygraphviz failed: {error}") from error
    return drawn


def _by_graphviz(run: Callable[[str], bytes]) -> Callable[[Sequence[Size], Sequence[Link]], Layout]:
    """A layout function from a function that runs Graphviz."""

    def layout(sizes: Sequence[Size], edges: Sequence[Link]) -> Layout:
        answer = run(_question(sizes, edges)).decode(errors="replace")
        try:
            centres, lines = _answered(answer, len(sizes))
            columns = _columns(sizes, centres)
            ranks = [next(rank for rank, (left, right) in enumerate(columns) if left <= x <= right) for x, _ in centres]
            passing = [_passing(edge, centres, ranks, columns, lines[edge]) for edge in edges]
            return joined(sizes, edges, ranks, [y for _, y in centres], passing)
        except (ValueError, IndexError, KeyError, StopIteration) as error:
            raise EngineFailed(f"Graphviz answered with something else than a layout: {answer[:80]!r}") from error

    return layout


def _question(sizes: Sequence[Size], edges: Sequence[Link]) -> str:
    """The DOT text of empty boxes of the given sizes. Two edges between the same cards are asked for as one."""
    nodes = [
        f"{i} [width={width / _POINTS_PER_INCH:.4f}, height={height / _POINTS_PER_INCH:.4f}];"
        for i, (width, height) in enumerate(sizes)
    ]
    return "\n".join(
        [
            "digraph { rankdir=LR; nodesep=0.2; ranksep=0.7;",
            'node [shape=box, fixedsize=true, label=""]; edge [dir=none];',
            *nodes,
            *(f"{start} -> {end};" for start, end in dict.fromkeys(edges)),
            "}\n",
        ]
    )


def _answered(answer: str, count: int) -> tuple[list[Point], dict[Link, list[Point]]]:
    """The cards' centres and the edges' Bézier points from Graphviz's "plain" format, in points, y downwards.

    Its lines are ``node name x y …`` and ``edge tail head n x1 y1 … xn yn …``, in inches, y upwards.
    """
    centres: dict[int, Point] = {}
    lines: dict[Link, list[Point]] = {}
    for kind, *row in (line.split() for line in answer.splitlines() if line):
        if kind == "node":
            centres[int(row[0])] = _point(row[1], row[2])
        if kind == "edge":
            coordinates = row[3 : 3 + 2 * int(row[2])]
            lines[int(row[0]), int(row[1])] = [_point(x, y) for x, y in zip(coordinates[::2], coordinates[1::2], strict=True)]
    return [centres[i] for i in range(count)], lines


def _point(x: str, y: str) -> Point:
    return float(x) * _POINTS_PER_INCH, -float(y) * _POINTS_PER_INCH


def _columns(sizes: Sequence[Size], centres: Sequence[Point]) -> list[tuple[float, float]]:
    """Left and right side of each column: cards whose x ranges overlap stand in one."""
    columns: list[tuple[float, float]] = []
    for left, right in sorted((x - width / 2, x + width / 2) for (x, _), (width, _) in zip(centres, sizes, strict=True)):
        if columns and left < columns[-1][1]:
            columns[-1] = (columns[-1][0], max(columns[-1][1], right))
        else:
            columns.append((left, right))
    return columns


def _passing(
    edge: Link, centres: Sequence[Point], ranks: Sequence[int], columns: Sequence[Point], curve: Sequence[Point]
) -> list[float]:
    """The heights at which an edge starts, crosses the middle of each column between (on Graphviz's curve), and ends."""
    start, end = edge
    between = [_height_at((left + right) / 2, curve) for left, right in columns[ranks[start] + 1 : ranks[end]]]
    return [centres[start][1], *between, centres[end][1]]


def _height_at(x: float, curve: Sequence[Point]) -> float:
    """The y of a chain of cubic Bézier curves, running from left to right, at ``x``."""
    low, high, last = 0.0, (len(curve) - 1) / 3, (len(curve) - 1) // 3 - 1
    for _ in range(40):
        middle = (low + high) / 2
        piece = min(int(middle), last)
        t = middle - piece  # written out, with x alone, it takes a fifth of on_curve's time
        s, at = 1 - t, 3 * piece
        reached = (
            s**3 * curve[at][0] + 3 * t * s**2 * curve[at + 1][0] + 3 * t * t * s * curve[at + 2][0] + t**3 * curve[at + 3][0]
        )
        low, high = (middle, high) if reached < x else (low, middle)
    return on_curve(curve, low)[1]


_LAYOUTS: dict[str, Callable[[Sequence[Size], Sequence[Link]], Layout]] = {
    "dot": _by_graphviz(run_dot),
    "pygraphviz": _by_graphviz(lambda source: run_pygraphviz(source, "plain")),
    "builtin": layered,
}
