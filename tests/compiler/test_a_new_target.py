"""Adding a target is adding a file: one for plain Python, against eager over the table of ops and random graphs."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from autograd import Op, Value, ops
from autograd.compiler.kernels import COMPARISONS, LOGIC
from autograd.compiler.packs import build
from nn.exchange.recorded import recorded
from tests.autograd.oracles import differences
from tests.compiler.plain_python import plain_python
from tests.compiler.runs import Graph, disagreements, eager, program_of
from tests.compiler.said import ARITIES_SAID, cases_said
from tests.compiler.wild import FAMILY, wild_graph, wild_points
from tests.nn.test_exchange_c import MODELS, OTHERS, examples, listed
from tests.trust.bits import graph_of, points_to_try

LEAVES, POINTS = 4, 5
# A language that has little more than arithmetic.
FEW = frozenset(
    [
        *(ops.negative, ops.divide, ops.absolute, ops.sqrt, ops.floor, ops.sign, ops.modulo, ops.select, ops.uniform_op),
        *(ops.exp, ops.log, ops.sin, ops.cos, ops.tanh, ops.power_both, *COMPARISONS, *LOGIC),
    ]
)


def answers(function: Any, points: Any, graphs: int, leaves: int) -> Any:
    """For each point and graph the value, and the gradient as accumulated."""
    got = np.array([function(point) for point in points]).reshape(len(points), graphs, 1 + leaves)
    return got + np.array([-0.0, *[0.0] * leaves])


@pytest.mark.parametrize("arity", [arity for arity in ARITIES_SAID if cases_said(arity, exactly=True)])
def test_every_op_has_eagers_bits(arity: int) -> None:
    cases = cases_said(arity, exactly=True)
    graphs = [graph_of(case) for case in cases]
    points = points_to_try(arity, 1)
    points = points[:: 1 + len(points) // 40]
    function = plain_python(program_of(graphs, [0.3 + 0.1 * i for i in range(arity)], "shared"))
    expected = [[eager(each, point) for each in graphs] for point in points]
    got = answers(function, points, len(graphs), arity).tolist()
    assert not disagreements(f"{[case.name for case in cases]}: number", expected, got, points)[:5]


@pytest.mark.parametrize("arity", ARITIES_SAID)
def test_what_the_language_lacks_is_built_of_what_it_has(arity: int) -> None:
    for case in cases_said(arity):
        graph, points = graph_of(case), case.core_points(5)
        function = plain_python(program_of([graph], [0.3 + 0.1 * i for i in range(arity)], "shared"), FEW)
        for point in points:
            expected, got = np.array(eager(graph, point)), np.array(function(point))
            size = max(1.0, float(np.abs(expected).max()))
            assert np.abs(got - expected).max() <= 1e-12 * size, (case.name, point, got, expected)


def test_random_graphs_have_eagers_bits() -> None:
    graphs: list[Graph] = [partial(wild_graph, seed) for seed in range(FAMILY)]
    points = wild_points(0, LEAVES, POINTS)
    expected = [[eager(graph, point) for graph in graphs] for point in points]
    function = plain_python(program_of(graphs, [0.5, -1.25, 2.0, -0.1], "shared"))
    got = answers(function, points, FAMILY, LEAVES).tolist()
    assert not disagreements("graph", expected, got, points)[:5]


def test_models_have_eagers_bits() -> None:
    for name, model in (MODELS | OTHERS).items():
        found = recorded(model)
        function = plain_python(found.program())
        for x in examples(model, 2):
            assert not differences(name, function([*x, *found.numbers()]), listed(model.predict([x]))[0])


def test_what_it_cannot_say_is_refused_by_name() -> None:
    own = Op("own", lambda a: float(str(a)), lambda g, y, a: (None,))
    x = Value(2.0)
    with pytest.raises(TypeError, match="'own' is computed by a Python function"):
        plain_python(build([own(x)], [x]))
