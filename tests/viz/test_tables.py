"""``backward_table``: its numbers are those of ``backward()``, its texts what the blackboard says."""

from html.parser import HTMLParser

import pytest

from autograd import Op, Value, maximum, relu, topological_order, where
from tests.cases import CASES
from tests.viz.conftest import GRAPHS, lecture_neuron
from viz import backward_table


@pytest.mark.parametrize("make", list(GRAPHS.values())[:-1], ids=list(GRAPHS)[:-1])
def test_the_last_totals_are_the_gradients(make):
    root = make()
    for v in topological_order(root):
        v.grad = 0.0
    root.backward()
    expected = [v.grad for v in topological_order(root) if v is not root and not v.is_constant and v.grad]
    rows = backward_table(root).rows
    totals = {row.operand: row.total for row in rows if row.total is not None}
    assert sorted(x for x in totals.values() if x) == sorted(expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_op_has_its_rows(case):
    xs = [Value(x, label=f"x_{i}") for i, x in enumerate(case.core_points(1)[0], 1)]
    y = case.f(*xs) * 3.0
    y.backward(seed=1.0)
    totals = {row.operand: row.total for row in backward_table(y).rows if row.total is not None}
    for x in xs:
        assert totals.get(f"x{'₀₁₂₃₄₅₆₇₈'[int(x.label[2:])]}", 0.0) == x.grad, backward_table(y)


def test_the_lecture_neuron():
    assert backward_table(lecture_neuron()).text.splitlines()[:5] == [
        "step  node  op    upstream  local derivative      contribution",
        "1     o     tanh  1         ∂o/∂n = 1 − o² = 0.5  ∂o/∂n += 1 × 0.5 = 0.5",
        "2     n     +     0.5       ∂n/∂s = 1             ∂o/∂s += 0.5 × 1 = 0.5",
        "                            ∂n/∂b = 1             ∂o/∂b += 0.5 × 1 = 0.5",
        "3     s     +     0.5       ∂s/∂x1w1 = 1          ∂o/∂x1w1 += 0.5 × 1 = 0.5",
    ]


def test_accumulation_shows():
    a, b = Value(-2.0, label="a"), Value(3.0, label="b")
    text = backward_table((a * b) * (a + b)).text
    assert "∂v₄/∂a += −6 × 1 = −6\n" in text and "∂v₄/∂a += 1 × 3 = 3 → −3\n" in text
    assert "∂v₄/∂(a·b) += 1 × 1 = 1" in text
    x = Value(3.0, label="x")
    assert [row.total for row in backward_table(x * x).rows] == [3.0, 6.0]


def test_what_does_not_flow():
    x = Value(-1.0, label="x")
    text = backward_table(where(x > 0, 2 * x, x)).text
    assert "∂(2·x): nothing flows" in text and text.count("nothing flows") == 2
    assert "= [x > 0] = 0" in backward_table(relu(x)).text
    assert [row.local for row in backward_table(maximum(x, Value(-1.0, label="t"))).rows] == [0.5, 0.5]


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.said = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.said.append(data)


@pytest.mark.parametrize("label", ["x", "<script>alert(1)</script>", "a|b&c", '"', "重み"])
def test_html_is_a_table_and_nothing_else(label):
    page = Tags(backward_table(Value(2.0, label=label) ** 2)._repr_html_())
    assert set(page.tags) == {"table", "thead", "tbody", "tr", "th", "td"}
    assert page.tags.count("tr") == 2
    assert f"= 2·{label} = 4" in "".join(page.said)


def test_bad_input():
    with pytest.raises(TypeError, match="needs a Value, got float"):
        backward_table(1.0)
    with pytest.raises(ValueError, match="got 0"):
        backward_table(Value(1.0))
    x = Value(1.0, label="x")
    y = x * 2
    x.data = 3.0
    with pytest.raises(ValueError, match=r"x\.data was changed"):
        backward_table(y)
    long = Value(1.0)
    for _ in range(151):
        long = long + 1
    with pytest.raises(ValueError, match="got 151"):
        backward_table(long)
    with pytest.raises(TypeError, match="hand-written"):
        backward_table(Value(1.0, (x,), "mine"))
    own = Op("cube", lambda a: a * a * a, lambda g, y, a: (g * 3.0 * a * a,))
    assert "= 3·x² = 27" in backward_table(own(x)).text
