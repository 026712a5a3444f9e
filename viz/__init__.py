"""Pictures of graphs of Values and of what training did: ``draw``, ``draw_dot``, ``loss``, ``boundary``, ``sensitivity``,
``filters``.

Importing this package imports nothing beyond the standard library and ``autograd``; Graphviz and matplotlib are imported by the
functions that need them.
"""

import autograd

if getattr(autograd, "__distribution__", None) != "chalkgrad":
    raise ImportError(
        f"viz belongs to chalkgrad, but the autograd that Python finds here is another package of that name: "
        f"{getattr(autograd, '__file__', None)}. Both cannot live in one environment: "
        f'python -m venv env, activate it, and pip install "chalkgrad[all]" there'
    )

# After the check, so that a foreign autograd is named before a name is missed in it.
from viz.dot import draw_dot
from viz.graph import Graph, draw
from viz.plots import boundary, filters, loss, sensitivity

__all__ = ["Graph", "boundary", "draw", "draw_dot", "filters", "loss", "sensitivity"]
