"""The table of operations: for each op its value and its local chain rule, side by side.

Glossary of a row::

    op      = Op(name, value, rule)
    a, b, … the operands                y   the result, y = value(a, b, …)
    g       the incoming derivative, g = ∂L/∂y (the adjoint of y)
    rule    (g, y, a, b, …) → one contribution g·∂y/∂operand for each operand, or None where nothing flows

Values and rules are written over *any kind of number*: given floats they return floats (the eager backward pass), given
``Value`` nodes they record nodes (so a gradient is a graph again), given the compiler's symbols they record those. So a rule
never asks what it is given, never branches with ``if``: it says ``where``. No derivative is spelled anywhere but here.

Floats follow IEEE-754 and C99: nothing raises, nothing turns complex. Python's own ``/``, ``math.exp``, ``math.log`` … do raise,
so the rows call the functions of ``total``, and rules divide with ``divide``, not ``/``.

Nothing here knows of nodes, graphs or gradients: an operand that is not a float is asked to record the op itself, through its
``_record``; a condition that is not a bool chooses through its ``_select``, lets through with its ``_gate``, and is checked with its
``_demanded``. The rows are in ``choosing``, ``arithmetic``, ``rounding``, ``elementary``, ``drawing``, ``probability``, ``gamma`` and
``many``, which import each other in this order; ``row`` is what a row is made of. To everyone else they are one table, ``autograd.ops``.
"""
# ruff: noqa: F403, F405 -- every public name of the parts is a name of the table

from autograd.ops.arithmetic import *
from autograd.ops.choosing import *
from autograd.ops.drawing import *
from autograd.ops.elementary import *
from autograd.ops.gamma import *
from autograd.ops.many import *
from autograd.ops.probability import *
from autograd.ops.rounding import *
from autograd.ops.row import *
from autograd.ops.total import *

TABLE.update({op.name: op for op in list(globals().values()) if isinstance(op, Op)})
FAMILIES.update({"**": power_of, "leaky_relu[": leaky_relu_of, "elu[": elu_of, "clamp[": clamp_of})
FAMILIES.update({"round[": round_of, "shown[": shown_of, "polygamma[": polygamma_of})
