"""Numbers nested in lists, tuples and NumPy arrays: taken apart into flat lists, and put together again.

NumPy is used where an array is met, and not before: it is there then.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

# A number, or a list, tuple or array of them, nested to any depth.
Tree = Any


def is_array(x: object) -> bool:
    """Whether ``x`` is an array with axes: of NumPy, or what NumPy makes one of (a pandas Series, a tensor)."""
    return getattr(x, "shape", ()) != () and not isinstance(x, type)


def leaves(tree: Tree) -> Iterator[Any]:
    """The numbers of a tree from left to right, an array's in order of its last axis first."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, (list, tuple)):
            stack.extend(reversed(node))
        elif is_array(node):
            yield from _numpy_array(node).ravel().tolist()
        else:
            yield node


def like(tree: Tree, numbers: Iterator[Any]) -> Tree:
    """A tree of the same shape, filled from left to right. In place of an array stands one of floats, or of what else is given."""
    if isinstance(tree, (list, tuple)):
        return gathered(tree, [like(branch, numbers) for branch in tree])
    if is_array(tree):
        return stacked(list(islice(numbers, math.prod(tree.shape))), tree.shape)
    return next(numbers)


def gathered(tree: Any, branches: list[Any]) -> Tree:
    """The branches as a list or tuple of the tree's type."""
    return type(tree)(*branches) if hasattr(tree, "_fields") else type(tree)(branches)


def stacked(found: Sequence[Any], shape: Sequence[int], lead: int = 0) -> Tree:
    """Trees of one shape as one such tree, whose leaves are arrays with the given axes more, behind the first ``lead`` axes.

    >>> stacked([1.0, 2.0], (2,))
    array([1., 2.])
    >>> stacked([(1.0, 2.0), (3.0, 4.0)], (2,))
    (array([1., 3.]), array([2., 4.]))
    """
    import numpy as np

    first = found[0] if found else 0.0
    if isinstance(first, (list, tuple)):
        return gathered(first, [stacked(column, shape, lead) for column in zip(*found, strict=True)])
    if not is_array(first):
        is_plain = all([type(x) is float for x in found])
        flat = np.empty(len(found), dtype=float if is_plain else object)
        flat[:] = found
        return flat.reshape(shape)
    rows = np.stack(found, axis=lead)
    return rows.reshape(*rows.shape[:lead], *shape, *rows.shape[lead + 1 :])


def _numpy_array(x: Any) -> Any:
    import numpy as np

    return np.asarray(x)
