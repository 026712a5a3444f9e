"""A number used as an index, in C and JavaScript: one read, whatever the number of rows; eager's bits, and nan where there is no row."""

import math
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import autograd
import nn
from autograd import Value, take
from autograd.compiler.arguments import Argument
from autograd.compiler.packs import build
from autograd.compiler.targets import c_like
from autograd.compiler.targets.c_module import c
from autograd.compiler.targets.javascript import javascript
from autograd.compiler.targets.lookups import LOOKUP, with_lookups
from autograd.derivatives import adjoint_graph
from tests.autograd.oracles import differences
from tests.compiler import compiled_c
from tests.compiler.scripts import Job, run

ROWS = 5
INDICES = [*map(float, range(ROWS)), -0.0, -1.0, 0.5, 5.0, math.nan, math.inf, -math.inf, 1e300]


def alike(j: Any, xs: list[Any]) -> Any:
    """A sum of gated terms that is no look-up."""
    return autograd.sum([autograd.where(j > k, x, -0.0) for k, x in enumerate(xs[: ROWS + 1])])


# Rows that are inputs, numbers, results, nested, out of order, and some twice; an index that is computed.
TAKEN: list[Any] = [
    lambda i, j, xs: autograd.dot(*take([[[x], [y]] for x, y in zip(xs[:ROWS], xs[ROWS:], strict=True)], i)),
    lambda i, j, xs: take([xs[3], xs[0], 0.25, -0.0, abs(xs[1])], i),
    lambda i, j, xs: take([*xs, *xs[2:7]], i + j),
    lambda i, j, xs: take([1.5, math.inf, math.nan, -2.0, 0.1], j),
    lambda i, j, xs: take(xs[:ROWS], j) * 2.0 + alike(j, xs),
    lambda i, j, xs: take([xs[9]], i * 0.0),
]


def points() -> list[list[float]]:
    return [[i, j, *[0.3 * k * k - 2.0 for k in range(2 * ROWS)]] for i, j in product(INDICES, repeat=2)]


def expected(point: list[float]) -> list[float]:
    """Eagerly, one by one; in a program nothing raises, and an index that is none takes nan."""

    def answer(taken: Any) -> float:
        i, j, *xs = [Value(x) for x in point]
        try:
            return float(taken(i, j, xs).data)
        except (IndexError, ValueError):
            return math.nan

    return list(map(answer, TAKEN))


def program_of_all(*, gradient: bool, kind: type[Value] = Value) -> Any:
    inputs = [kind(x) for x in points()[1]]
    outputs = [taken(*inputs[:2], inputs[2:]) for taken in TAKEN]
    return build([*outputs, *(adjoint_graph(outputs[0], inputs[2:]) if gradient else [])], inputs)


@pytest.mark.parametrize("kind", [Value, Argument])
def test_what_is_a_look_up(kind: type[Value]) -> None:
    """Of arguments, too, whose comparisons Python turns around where they stand on the right."""
    program = with_lookups(program_of_all(gradient=False, kind=kind))
    assert sum(pack.count for pack in program.packs if pack.op is LOOKUP) == 7
    assert sum(run.gate_is_row is not None for pack in program.packs for run in pack.runs) == 1, "the sum that looks alike"
    assert "equal" not in program.listing(), "conditions that nobody reads are gone"


@pytest.mark.parametrize("gradient", [False, True], ids=["values", "with a gradient"])
def test_look_ups_have_eagers_bits_in_c(gradient: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_like, "STRAIGHT", 0)
    program = program_of_all(gradient=gradient)
    flags = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    library = compiled_c.built(compiled_c.written(tmp_path, c(program, "all")), *flags)
    got = compiled_c.called(library, "all", points(), len(program.outputs))
    taken = len(TAKEN)
    for point, found in zip(points(), got, strict=True):
        assert not differences(f"at {point[:2]}", found[:taken], expected(point))
        if gradient and point[0] in range(ROWS):
            slopes, at = [0.0] * (2 * ROWS), int(point[0])
            slopes[at], slopes[ROWS + at] = point[2 + ROWS + at], point[2 + at]
            assert [0.0 + g for g in found[taken:]] == slopes


def test_look_ups_have_eagers_bits_in_javascript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_like, "STRAIGHT", 0)
    (got,) = run("node", [Job(javascript(program_of_all(gradient=False), "f"), points(), len(TAKEN))], tmp_path)
    for point, found in zip(points(), got.tolist(), strict=True):
        assert not differences(f"at {point[:2]}", found, expected(point))


def exported(rows: int, folder: Path, *, gradient: bool) -> tuple[str, str]:
    model = nn.Sequential(nn.Unflatten(3), nn.Embedding(rows, 2, seed=0), nn.Flatten(), nn.Layer(6, 2, seed=1))
    nn.export_c(model, folder, name="words", gradient=gradient, train=gradient)
    return (folder / "words.h").read_text(), (folder / "words.c").read_text()


@pytest.mark.parametrize("gradient", [False, True], ids=["scores", "gradient and training"])
def test_an_embedding_costs_one_read_and_its_numbers(gradient: bool, tmp_path: Path) -> None:
    """Neither loops nor tables nor working memory grow with the rows, flash as the numbers do; but a gradient has a 0 for each."""
    (small, few), (large, many) = (exported(rows, tmp_path / str(rows), gradient=gradient) for rows in (150, 2000))
    sizes = [[int(x) for x in re.findall(r"(\d+) bytes", header)] for header in (small, large)]
    assert sizes[1] == [sizes[0][0] + 1850 * 2 * 8, sizes[0][1]]
    codes = [re.sub(r"(?<!\d)-?\d[\d.e-]*,?\s*", "", source.split("void words_predict", 1)[1]) for source in (few, many)]
    assert codes[0] == codes[1]
    loops = [
        re.findall(r"\w < (\d+); \w\+\+\) {(?!\n +(?:weights\[n\] = WORDS_|gradient\[n\] = 0.0))", text) for text in (few, many)
    ]
    assert loops[0] == loops[1] and max(map(int, loops[0])) <= 24
