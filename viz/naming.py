"""What the nodes of a graph are called in derivations and tables.

A node with a label has that name (of ``x = a^(2)`` the x); of several with the same label the second one is w′, the third w″. A
short expression without a label, like ``y − 2``, is its own name, and so is every condition; what is left is called v₃, by its
place in the graph, as in pictures.
"""

from collections import Counter
from typing import final

from autograd import Value, topological_order
from viz import notation
from viz.implied import labels_of
from viz.symbols import CONDITIONS, Name, Number, Symbolic, applied

_LONGEST = 16  # characters of an expression that is its own name


@final
class Names:
    """The names and the defining expressions of everything that ``root`` was computed from.

    >>> x, w = Value(2.0, label="x"), Value(3.0, label="w")
    >>> E = (w * x - 1) ** 2
    >>> names = Names(E)
    >>> [names.plain(v) for v in topological_order(E)]
    ['w', 'x', 'w·x', '1', 'w·x − 1', 'v₄']
    """

    def __init__(self, root: Value) -> None:
        self._expressions: dict[Value, Number] = {}
        self._own: set[Value] = set()
        used = Counter[str]()
        shown = 0
        order = topological_order(root)
        labels = labels_of(order)
        for v in order:
            if v.is_constant and not v.label and v is not root:
                self._expressions[v] = v.data
                continue
            label = labels.get(v, "").partition(" = ")[0] or f"v_{shown}"
            shown += 1
            if v not in labels and not v.is_leaf and v is not root:
                written = self.definition(v)
                if v.op in CONDITIONS or not isinstance(written, Symbolic) or len(notation.text(written)) <= _LONGEST:
                    self._expressions[v] = written
                    continue
            self._expressions[v] = Name(label + "′" * used[label], v.data)
            self._own.add(v)
            used[label] += 1

    def expression(self, v: Value) -> Number:
        """The node in formulas: a name, a short expression, or the number of a constant."""
        return self._expressions[v]

    def definition(self, v: Value) -> Number:
        """What the node was computed from, as an expression."""
        return applied(v.op, [self._expressions[o] for o in v._prev])

    def has_own(self, v: Value) -> bool:
        """Whether the node has a name, and is not written out where it is used."""
        return v in self._own

    def plain(self, v: Value) -> str:
        """The node as text."""
        return notation.text(self._expressions[v])

    def latex(self, v: Value) -> str:
        """The node as LaTeX."""
        return notation.latex(self._expressions[v])
