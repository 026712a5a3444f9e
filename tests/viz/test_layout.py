"""The built-in layout: no card on another, no line through a card, edges from left to right, for any graph."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Value
from viz.cards import cards_of
from viz.layout import Link, Size, layered, on_curve


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Size], list[Link]]:
    """Sizes of cards and edges from lower to higher indices, some of them double."""
    count = draw(st.integers(1, 24))
    side = st.integers(10, 200)
    sizes = [(float(draw(side)), float(draw(side))) for _ in range(count)]
    edges = []
    for end in range(1, count):
        edges += [(start, end) for start in draw(st.lists(st.integers(0, end - 1), max_size=4))]
    return sizes, edges


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_every_graph_is_readable(check_readable, graph):
    sizes, edges = graph
    check_readable(layered(sizes, edges), sizes, edges)


@settings(max_examples=30, deadline=None)
@given(graphs())
def test_same_graph_same_places(graph):
    assert layered(*graph) == layered(*graph)


def test_a_tree_has_no_crossing_and_operands_in_order():
    """Eight leaves, four products, two sums, one result: each result in the middle of its operands, leaves in order."""
    edges = [(i, 8 + i // 2) for i in range(8)] + [(8 + i, 12 + i // 2) for i in range(4)] + [(12, 14), (13, 14)]
    layout = layered([(80.0, 40.0)] * 15, edges)
    ys = [y for _, y in layout.centres]
    assert ys[:8] == sorted(ys[:8])
    for result in range(8, 15):
        operands = [ys[start] for start, end in edges if end == result]
        assert ys[result] == pytest.approx(sum(operands) / 2, abs=1.0), f"card {result} of {operands}"


def test_a_leaf_stands_beside_its_consumer():
    """b of ((x·w) + b): in the column next to the sum, not in the first."""
    layout = layered([(80.0, 40.0)] * 5, [(0, 2), (1, 2), (2, 4), (3, 4)])
    assert layout.centres[3][0] == layout.centres[2][0]


def test_both_curves_of_a_square_are_apart():
    first, second = layered([(80.0, 40.0)] * 2, [(0, 1), (0, 1)]).routes
    (_, upper), (_, lower) = on_curve(first, 0.5), on_curve(second, 0.5)
    assert lower - upper > 10


def test_a_chain_of_5000():
    x = Value(1.0)
    for _ in range(5000):
        x = x + Value(1.0)
    picture = cards_of(x)
    layout = layered([(80.0, 40.0)] * len(picture.cards), picture.links)
    chain = [layout.centres[i][0] for i, card in enumerate(picture.cards) if card.caption]
    assert len(chain) == 5000
    assert all(a < b for a, b in pairwise(chain))


def test_a_leaf_used_everywhere_in_a_chain_of_500():
    """Its long edges share their stops; stops of their own would be 125,000."""
    w = Value(1.0)
    x = w
    for _ in range(500):
        x = x * w
    picture = cards_of(x)
    assert layered([(80.0, 40.0)] * len(picture.cards), picture.links).height < 500
