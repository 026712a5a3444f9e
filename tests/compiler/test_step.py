"""A recorded loss, replayed: ``step()``, ``leaves``, ``value_and_grad``, and what may happen to the Values in between."""

import math
import threading
from collections.abc import Callable

import numpy as np
import pytest

import autograd
from autograd import Value, grad
from tests.autograd.oracles import differences
from tests.compiler.runs import ENGINES
from tests.compiler.wild import wild_graph, wild_points

pytestmark = pytest.mark.parametrize("engine", ENGINES)


def network() -> tuple[Value, list[Value], Callable[[], Value]]:
    """A loss of three weights, the weights, and how to record it anew."""
    weights = [Value(0.5, label="u"), Value(-1.25, label="v"), Value(2.0, label="w")]

    def record() -> Value:
        u, v, w = weights
        hidden = [(u * x + v).tanh() for x in (0.5, -1.0, 2.0)]
        return autograd.sum([(w * h - x) ** 2 for h, x in zip(hidden, (1.0, -1.0, 0.5), strict=True)]) + 0.01 * w * w

    return record(), weights, record


def eager_step(weights: list[Value], record: Callable[[], Value]) -> list[float]:
    for w in weights:
        w.grad = 0.0
    loss = record()
    loss.backward()
    return [loss.data, *[w.grad for w in weights]]


def test_a_step_does_what_zero_grad_forward_and_backward_do(engine: str) -> None:
    loss, weights, record = network()
    step = autograd.compile(loss, engine=engine)
    for _ in range(5):
        value = step()
        got = [value, *[w.grad for w in weights]]
        assert loss.data == value
        assert not differences("loss and gradient", got, eager_step(weights, record))
        for w in weights:
            w.data -= 0.1 * w.grad


def test_gradients_are_assigned_and_not_added(engine: str) -> None:
    loss, weights, _ = network()
    step = autograd.compile(loss, engine=engine)
    step()
    first = [w.grad for w in weights]
    for w in weights:
        w.grad = 100.0
    step()
    assert [w.grad for w in weights] == first


def test_compiling_touches_no_value(engine: str) -> None:
    loss, weights, _ = network()
    before = loss.data
    weights[0].grad = 7.0
    autograd.compile(loss, engine=engine).value_and_grad([1.0, 2.0, 3.0])
    assert (loss.data, weights[0].data, weights[0].grad, weights[1].grad) == (before, 0.5, 7.0, 0.0)


def test_leaves_are_in_topological_order_without_constants(engine: str) -> None:
    loss, weights, _ = network()
    step = autograd.compile(loss, engine=engine)
    assert step.leaves == tuple(v for v in autograd.topological_order(loss) if v.is_leaf and not v.is_constant)
    assert sorted(v.label for v in step.leaves) == ["u", "v", "w"]
    assert set(step.leaves) == set(weights)


def test_value_and_grad_takes_any_array(engine: str) -> None:
    x, y = Value(1.0), Value(2.0)
    step = autograd.compile(x * y + y, engine=engine)
    for numbers in (
        [10.0, 1.0],
        (10, 1),
        np.array([10.0, 1.0]),
        np.array([10, 1], dtype=np.int32),
        np.array([[10.0, 0], [1.0, 0]])[:, 0],
    ):
        value, gradient = step.value_and_grad(numbers)
        assert (value, gradient.tolist()) == (11.0, [1.0, 11.0])


def test_the_gradient_handed_out_is_ones_own(engine: str) -> None:
    x = Value(3.0)
    step = autograd.compile(x * x, engine=engine)
    _, first = step.value_and_grad([3.0])
    step.value_and_grad([5.0])
    assert first.tolist() == [6.0]


@pytest.mark.parametrize("numbers", [[1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]], 1.0, []], ids=str)
def test_a_wrong_number_of_numbers_is_refused(engine: str, numbers: object) -> None:
    x, y = Value(1.0), Value(2.0)
    step = autograd.compile(x * y, engine=engine)
    with pytest.raises(ValueError, match="needs 2 numbers"):
        step.value_and_grad(numbers)


@pytest.mark.parametrize("case", ["leaf", "constant", "no leaves", "stopped", "twice the same"])
def test_small_graphs(engine: str, case: str) -> None:
    x = Value(3.0, label="x")
    graphs: dict[str, Callable[[], Value]] = {
        "leaf": lambda: x,
        "constant": lambda: 0.0 * x + 2.0,
        "no leaves": lambda: (Value(2.0) * 2.0).detach() + 0.0,
        "stopped": lambda: x.stop_gradient() * 2.0,
        "twice the same": lambda: (x + x) * (x + x),
    }
    loss = graphs[case]()
    x.grad = 0.0
    step = autograd.compile(loss, engine=engine)
    value = step()
    got = [value, *[v.grad for v in step.leaves]]
    again = graphs[case]()
    leaves = [v for v in autograd.topological_order(again) if v.is_leaf and not v.is_constant]
    for v in leaves:
        v.grad = 0.0
    again.backward()
    assert not differences(case, got, [again.data, *[v.grad for v in leaves]])


def test_data_edited_before_compiling_counts(engine: str) -> None:
    """The program is that of the recorded expression: compiling takes the numbers of now, whichever they are."""
    loss, weights, record = network()
    weights[1].data = 0.75
    step = autograd.compile(loss, engine=engine)
    value = step()
    got = [value, *[w.grad for w in weights]]
    assert not differences("after an edit", got, eager_step(weights, record))


def test_two_programs_share_leaves(engine: str) -> None:
    loss, weights, record = network()
    u, v, _ = weights
    first, second = autograd.compile(loss, engine=engine), autograd.compile(u * u + v, engine=engine)
    second()
    assert (u.grad, v.grad) == (2.0 * u.data, 1.0)
    first()
    expected = [w.grad for w in weights]
    eager_step(weights, record)
    assert [w.grad for w in weights] == expected
    u.data = 3.0
    assert second() == 9.0 + v.data


def test_the_same_loss_twice(engine: str) -> None:
    loss, weights, _ = network()
    first, second = autograd.compile(loss, engine=engine), autograd.compile(loss, engine=engine)
    assert first() == second()
    weights[0].data = -2.0
    assert first.value_and_grad([1.0, 2.0, 3.0])[1].tolist() == second.value_and_grad([1.0, 2.0, 3.0])[1].tolist()


def test_a_backward_pass_after_compiling_is_the_recorded_one(engine: str) -> None:
    loss, weights, _ = network()
    loss.backward()
    expected = [w.grad for w in weights]
    autograd.compile(loss, engine=engine).value_and_grad([9.0, 9.0, 9.0])
    for w in weights:
        w.grad = 0.0
    loss.backward()
    assert [w.grad for w in weights] == expected


def test_gradients_of_gradients_compile(engine: str) -> None:
    """A loss with a gradient in it: |f|² + |∇f|², as for physics-informed or sharpness-aware training."""

    def graph(leaves: list[Value]) -> Value:
        y = wild_graph(160, leaves)
        return y * y + autograd.sum([g * g for g in grad(y, leaves)])

    leaves = [Value(x) for x in (0.5, -1.25, 2.0, -0.1)]
    step = autograd.compile(graph(leaves), engine=engine)
    order = {v: i for i, v in enumerate(step.leaves)}
    for point in wild_points(3, 4, 20):
        fresh = [Value(x) for x in point]
        loss = graph(fresh)
        loss.backward()
        value, slopes = step.value_and_grad([point[leaves.index(v)] for v in step.leaves])
        got = [value, *[float(slopes[order[v]]) if v in order else 0.0 for v in leaves]]
        assert not differences(f"at {point}", got, [loss.data, *[v.grad for v in fresh]])


def test_a_condition_is_decided_at_every_step(engine: str) -> None:
    x = Value(4.0)
    step = autograd.compile(autograd.where(x > 0, x.sqrt(), -x), engine=engine)
    assert (step(), x.grad) == (2.0, 0.25)
    x.data = -3.0
    assert (step(), x.grad) == (3.0, -1.0)


def test_threads_compile_and_run_at_once(engine: str) -> None:
    """Four threads, each with a program of its own and all with one in common."""
    loss, *_ = network()
    common = autograd.compile(loss, engine=engine)
    points = [[0.1 * i, 0.2, -0.3 * i] for i in range(4)]
    expected = [common.value_and_grad(point) for point in points]
    failures: list[str] = []
    start = threading.Barrier(4)

    def work(i: int) -> None:
        start.wait()
        x = Value(float(i + 1))
        own = autograd.compile(autograd.sum([(x * (j + i)).exp() for j in range(i + 2)]), engine=engine)
        reference = math.fsum(math.exp((i + 1) * 0.5 * (j + i)) for j in range(i + 2))
        for _ in range(50):
            value, slopes = common.value_and_grad(points[i])
            if value != expected[i][0] or slopes.tolist() != expected[i][1].tolist():
                failures.append(f"thread {i}: got {value}, {slopes}, expected {expected[i]}")
            mine, _ = own.value_and_grad([(i + 1) * 0.5])
            if not math.isclose(mine, reference, rel_tol=1e-14):
                failures.append(f"thread {i}: got {mine}, expected {reference}")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures[:3]


def test_nothing_of_a_program_stays_behind(engine: str) -> None:
    """A compiled loss that is deleted takes its graph along, without the cyclic collector."""
    import gc
    import weakref

    loss, weights, _ = network()
    step = autograd.compile(loss, engine=engine)
    step()
    gc.collect()
    gone = weakref.ref(loss)
    gc.disable()
    try:
        del loss, step
        assert gone() is None
    finally:
        gc.enable()
    assert weights[0].grad != 0.0


def test_floats_keep_their_subnormals(engine: str) -> None:
    """Compiling and running must not switch the processor to flushing subnormal numbers to zero."""
    x = Value(2.0**-1050)
    for fast in (False, True):
        step = autograd.compile(x * 0.5 + x * x, engine=engine, fast=fast)
        assert step() == 2.0**-1051
        f = autograd.compile(lambda a: a * 0.5, engine=engine, fast=fast)
        assert f(np.full(9, 2.0**-1050)).tolist() == [2.0**-1051] * 9
    assert 2.0**-1050 * float("1.0") != 0.0
    assert math.ldexp(1.0, -1074) * float("1.0") == 5e-324
    assert (np.full(8, 2.0**-1050) * 1.0 != 0.0).all()
