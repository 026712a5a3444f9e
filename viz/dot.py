"""``draw_dot`` as in Karpathy's lecture: record nodes for Values, ellipses for ops, as a ``graphviz.Digraph``.

The same call and the same picture as the lecture's, with its known troubles removed: node names and order are deterministic, both
edges of ``x * x`` are drawn, labels may hold any character, deep graphs need no recursion, and where there is no ``dot`` program
the Digraph still draws itself (see ``digraph``). For reading, ``draw`` makes the better picture.
"""

import re
from typing import TYPE_CHECKING

from autograd import Value, topological_order
from autograd.labels import plain_name
from autograd.ops import describe
from viz.engines import check_rankdir
from viz.svg import dot_text

if TYPE_CHECKING:
    import graphviz

_RECORD_SPECIAL = str.maketrans({character: "\\" + character for character in "\\{}|<>"})


def draw_dot(root: Value, format: str = "svg", rankdir: str = "LR") -> "graphviz.Digraph":
    """A ``graphviz.Digraph`` of everything that ``root`` was computed from.

    ``format`` is what ``render()`` and ``pipe()`` produce; ``rankdir`` is ``"LR"`` (left to right) or ``"TB"`` (top to bottom).
    There is no limit to the number of nodes, but Graphviz needs minutes for several thousand.
    Source: the lecture "The spelled-out intro to neural networks and backpropagation" and its notebook ``trace_graph.ipynb``.

    >>> x = Value(3.0, label="x")
    >>> for statement in draw_dot(x * x).body:
    ...     print(statement.strip())
    v0 [label="{ x | data 3.0000 | grad 0.0000 }" shape=record]
    v1 [label="{ data 9.0000 | grad 0.0000 }" shape=record]
    v1op [label="*"]
    v1op -> v1
    v0 -> v1op
    v0 -> v1op
    """
    if not isinstance(root, Value):
        raise TypeError(f"draw_dot needs a Value, got {type(root).__name__}")
    check_rankdir(rankdir)
    if not isinstance(format, str):
        raise TypeError(f"format must be a word such as 'svg', got {describe(format)}")
    from viz.digraph import PortableDigraph

    dot = PortableDigraph(root, format=format, graph_attr={"rankdir": rankdir})
    values = topological_order(root)
    name = {id(value): f"v{i}" for i, value in enumerate(values)}
    for value in values:
        this = name[id(value)]
        dot.node(this, label=_record(value), shape="record")
        if value._prev:
            dot.node(f"{this}op", label=_plain(value._op))
            dot.edge(f"{this}op", this)
        for operand in value._prev:
            dot.edge(name[id(operand)], f"{this}op")
    return dot


def _record(value: Value) -> str:
    label = dot_text(plain_name(str(value.label))).translate(_RECORD_SPECIAL)
    label = re.sub(r"(?<=[^\0-\x7f]) ", "&#32;", label)  # Graphviz 2.43 drops a space after a letter that is not ASCII
    numbers = f"data {value.data:.4f} | grad {value.grad:.4f}"
    return f"{{ {label} | {numbers} }}" if label else f"{{ {numbers} }}"


def _plain(text: str) -> str:
    """``text`` as Graphviz shows it letter by letter: no escapes, no HTML."""
    import graphviz

    escaped: str = graphviz.escape(dot_text(text))
    return escaped
