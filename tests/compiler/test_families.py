"""Ways that differ in the rounds of a loop alone: most are not compiled, and what stands for them is what compiling would have made."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import value_and_grad

pytest.importorskip("llvmlite")

ROUNDS = 40


def escape(x: Any, y: Any) -> Any:
    """Squares until far away."""
    a, b = x, y
    for _ in range(ROUNDS):
        if a * a + b * b > 4.0:
            break
        a, b = a * a - b * b + x, 2.0 * a * b + y
    return a * a + b * b


def decay(x: Any, y: Any) -> Any:
    """Two guards in every round, a sum over all rounds, and functions."""
    total, n = 0.0 * x, 0
    while x > 0.01 and y > -20.0:
        total = total + autograd.tanh(x) * y
        x, y, n = x * 0.8, y - 0.3, n + 1
    return total * x + y


def turning(x: Any, y: Any) -> Any:
    """A loop in which the tenth round is another, and the thirteenth way out gives something else."""
    for i in range(ROUNDS):
        if x > 3.0:
            return x * x if i == 13 else y * x
        x = x + (2.0 if i == 10 else 1.0) * y
    return y


LOOPS: dict[str, Callable[[Any, Any], Any]] = {f.__name__: f for f in (escape, decay, turning)}
RANGES = {"escape": ([-1.5, -1.0], [0.6, 1.0]), "decay": ([0.0, -2.0], [20.0, 3.0]), "turning": ([-1.0, 0.05], [2.0, 1.0])}


def called(name: str, count: int, engine: str = "llvm") -> tuple[Any, Any, Any, tuple[Any, tuple[Any, Any]]]:
    low, high = RANGES[name]
    x, y = np.random.default_rng(5).uniform(low, high, (count, 2)).T
    f = autograd.compile(LOOPS[name], engine=engine)
    return f, x, y, f.value_and_grad(x, y)


def ways(f: Any) -> list[Any]:
    return [variant for found in f._made.variants.values() for variant in found]


@pytest.mark.parametrize("name", LOOPS)
def test_every_number_of_rounds_has_eagers_bits(name: str) -> None:
    f, x, y, (values, (dx, dy)) = called(name, 1500)
    seen: set[int] = set()
    for i, point in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        rounds = round(float(values[i]) * 1e6) % 97  # some of all
        if rounds in seen and i > 150:
            continue
        seen.add(rounds)
        value, slopes = value_and_grad(LOOPS[name])(*point)
        got, expected = np.array([values[i], dx[i], dy[i]]) + 0.0, np.array([value, *slopes]) + 0.0
        assert got.tobytes() == expected.tobytes(), f"{name}{point}: got {got}, expected {expected}"
    assert f(x, y).tobytes() == values.tobytes() == f.value_and_grad(x, y)[0].tobytes()


@pytest.mark.parametrize("name", ["escape", "decay"])
def test_what_was_not_compiled_is_what_compiling_makes(name: str) -> None:
    from autograd.compiler.targets.llvm.executor import LlvmExecutor

    f, *_ = called(name, 1500)
    derived = [(variant, *key) for variant in ways(f) for key in variant.derived]
    assert len(derived) > len(ways(f)) // 2, f"{len(derived)} of {len(ways(f))} ways were derived"
    for variant, what, layout in derived:
        compiled = LlvmExecutor(f._made.program(variant, what, layout), among_many=True)
        assert compiled.is_like(variant.executors[what, layout]), f"{variant.place.rounds} rounds, {what}, {layout}"


def test_a_text_for_many_numbers_of_rounds() -> None:
    f, *_ = called("escape", 1500)
    texts = {executor.llvm_ir for variant in ways(f) for executor in variant.executors.values()}
    assert len(ways(f)) > 35
    assert len(texts) < 20


def test_rounds_that_are_others_are_no_rounds() -> None:
    f, *_ = called("turning", 1500)
    places = [(len(variant.way), variant.place) for variant in ways(f)]
    families = {length: place.family for length, place in places if place is not None}
    assert len({families[length] for length in (7, 8, 9)}) == 1
    assert families[14] != families[15]  # the thirteenth way out
    assert families[9] != families[20]  # the tenth round


def test_no_place_for_what_does_not_repeat() -> None:
    f = autograd.compile(lambda x: x * 2.0 if x > 0 else -x)
    f(np.array([-1.0, 1.0]))
    assert [variant.place for variant in ways(f)] == [None, None]


def test_listings_and_parcels_of_what_was_not_compiled() -> None:
    import pickle

    f, x, y, (values, _) = called("escape", 1500)
    assert "rounds, the first of which is:" in f.listing()
    there = pickle.loads(pickle.dumps(f))
    assert there(x, y).tobytes() == values.tobytes()


def test_a_wrong_table_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd.compiler.targets.llvm.executor import LlvmExecutor

    between = LlvmExecutor.between

    def wrong(self: LlvmExecutor, other: LlvmExecutor, part: int, whole: int) -> Any:
        return between(self, other, 0, whole)  # that of another number of rounds

    monkeypatch.setattr(LlvmExecutor, "between", wrong)
    monkeypatch.setattr(LlvmExecutor, "is_like", lambda self, other: True)
    f, _, _, (values, _) = called("escape", 400)
    assert not any([variant.derived for variant in ways(f)])
    monkeypatch.undo()
    assert values.tobytes() == called("escape", 400)[3][0].tobytes()
