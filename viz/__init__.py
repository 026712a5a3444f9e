"""Pictures of graphs of Values, ``draw`` and ``draw_dot``; such that live, ``explore``, ``explain_order`` and ``animate``; derivations,
``derive`` and ``backward_table``; networks, ``network`` and ``playground``; trainings, ``watch``, ``film`` and ``report``; and plots of
what training did: ``loss``, ``boundary``, ``sensitivity``, ``surface``, ``filters``.

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
from viz.animating import Animation, animate
from viz.derivations import Derivation, derive
from viz.dot import draw_dot
from viz.drawing import draw
from viz.exploring import LivingPicture, explain_order, explore
from viz.graph import Graph
from viz.networks import Network, network
from viz.playgrounds import Playground, playground
from viz.plots import boundary, filters, loss, sensitivity
from viz.reports import report
from viz.surfaces import surface
from viz.tables import BackwardTable, backward_table
from viz.watching import Film, Watch, film, watch

__all__ = [
    "Animation",
    "BackwardTable",
    "Derivation",
    "Film",
    "Graph",
    "LivingPicture",
    "Network",
    "Playground",
    "Watch",
    "animate",
    "backward_table",
    "boundary",
    "derive",
    "draw",
    "draw_dot",
    "explain_order",
    "explore",
    "film",
    "filters",
    "loss",
    "network",
    "playground",
    "report",
    "sensitivity",
    "surface",
    "watch",
]
