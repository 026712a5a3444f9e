"""Tables of numbers: most are read all at once, and that is as if each number were looked at."""

from typing import Any

import pytest

from nn import samples as reading
from nn.samples import is_number, targets

TABLES: list[Any] = [
    [[0.5, -0.0], [1.5, 2.0]],
    [[1, 2], [3, -4]],
    [[1, 2.5], [3.5, 4]],
    [1.0, 2.0],
    [1, -1, 1],
    [[1.0], 2.0, [3]],
    [(1.0, 2.0), [3.0, 4.0]],
    [[True, 1.0]],
    [[1.0], []],
    [],
    [[1e308, 1e308]],
    [[2**53 + 1, 0.5]],
    [[10**400]],
    [[10**308, 10**308, 1]],
    [[1.0, float("nan")]],
    [[float("inf"), -float("inf")]],
    [["a", 1.0]],
    [[None]],
    [[[1.0]]],
]


def outcome(table: Any) -> Any:
    """What is read, to the bit, or the error."""
    try:
        return repr(targets(table))
    except (TypeError, ValueError, OverflowError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("table", TABLES, ids=repr)
def test_a_table_read_at_once_is_one_read_number_by_number(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = outcome(table)
    monkeypatch.setattr(reading, "_floats", lambda table: None)
    assert at_once == outcome(table)


def test_rows_are_copies() -> None:
    row = [1.0, 2.0]
    (found,) = reading.rows([row])
    assert found == row
    assert found is not row


@pytest.mark.parametrize(
    ("entry", "expected"), [(1, True), (0.5, True), (True, True), (10**400, False), ("1", False), (None, False)]
)
def test_what_is_a_number(entry: Any, expected: bool) -> None:
    assert is_number(entry) == expected
