"""Data frames, series and arrays of other libraries: the same numbers as their lists, and errors that name the column."""

import ctypes
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

import nn
from nn import samples

COLUMNS: dict[str, list[Any]] = {
    "whole": [0, 1, -2, 3],
    "broken": [0.5, -1.5, 2.25, 0.0],
    "yes": [True, False, True, True],
}
ROWS = [[float(x) for x in row] for row in zip(*COLUMNS.values(), strict=True)]
LABELS = [0, 1, 1, 0]


class OnlyArray:
    """Anything that NumPy can read."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = numbers

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return pytest.importorskip("numpy").array(self.numbers)


class Interchange:
    """The least that ``__dataframe__`` promises: columns that lie in memory, in two chunks, with an offset."""

    KINDS: ClassVar[dict[type, Any]] = {
        int: (0, 64, ctypes.c_int64),
        float: (2, 64, ctypes.c_double),
        bool: (20, 8, ctypes.c_bool),
    }
    null_count = 0

    def __init__(self, table: dict[str, list[Any]]) -> None:
        self.table = table

    def __dataframe__(self) -> Any:
        return self

    def column_names(self) -> list[str]:
        return list(self.table)

    def get_column_by_name(self, name: str) -> Any:
        return Part(self.table[name])


class Part:
    """A column, or a chunk of it."""

    null_count = 0

    def __init__(self, entries: list[Any], offset: int = 0) -> None:
        self.entries, self.offset = entries, offset
        kind, bits, self.number = Interchange.KINDS.get(type(entries[-1]), (21, 8, ctypes.c_uint8))
        self.dtype = kind, bits, "", "="

    def get_chunks(self) -> list[Any]:
        return [Part(self.entries[:1]), Part(self.entries, 1)]

    def size(self) -> int:
        return len(self.entries) - self.offset

    def get_buffers(self) -> Any:
        self.memory = (self.number * len(self.entries))(*self.entries)
        self.ptr = ctypes.addressof(self.memory)
        return {"data": (self, self.dtype)}


def pandas(table: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("pandas").DataFrame(table)


def nullable(table: dict[str, list[Any]]) -> Any:
    return pandas(table).convert_dtypes()


def polars(table: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("polars").DataFrame(table)


def arrow(table: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("pyarrow").table(table)


FRAMES: dict[str, Callable[[dict[str, list[Any]]], Any]] = {
    "pandas": pandas,
    "pandas, nullable": nullable,
    "polars": polars,
    "arrow": arrow,
    "interchange": Interchange,
}
SERIES: dict[str, Callable[[list[Any]], Any]] = {
    "pandas": lambda xs: pandas({"y": xs})["y"],
    "polars": lambda xs: polars({"y": xs})["y"],
    "arrow": lambda xs: arrow({"y": xs})["y"],
    "array": OnlyArray,
    "frame": lambda xs: pandas({"y": xs}),
}


@pytest.mark.parametrize("frame", list(FRAMES))
def test_a_frame_is_its_rows(frame: str) -> None:
    assert samples.rows(FRAMES[frame](COLUMNS)) == ROWS


@pytest.mark.parametrize("series", list(SERIES))
@pytest.mark.parametrize("entries", [[1, 0, 2], [0.5, 1.5, 2.5], [True, False, True]], ids=str)
def test_a_series_is_its_list(series: str, entries: list[Any]) -> None:
    assert samples.targets(SERIES[series](entries)) == [float(x) for x in entries]


@pytest.mark.parametrize("frame", list(FRAMES))
def test_frames_wherever_samples_are_taken(frame: str) -> None:
    X, plain, other = FRAMES[frame](COLUMNS), *[nn.MLP(3, [2, 1], activation="tanh", seed=0) for _ in range(2)]
    settings: dict[str, Any] = {"loss": "bce", "epochs": 3, "progress": False}
    y = SERIES.get(frame, list)(LABELS)
    expected = nn.fit(plain, ROWS, LABELS, validation=(ROWS, LABELS), **settings)
    assert nn.fit(other, X, y, validation=(X, y), **settings) == expected
    assert other.predict(X) == plain.predict(ROWS)
    assert other.accuracy(X, y) == plain.accuracy(ROWS, LABELS)
    assert other.predict_classes(X) == plain.predict_classes(ROWS)


def test_arrays_that_only_numpy_can_read() -> None:
    assert samples.rows(OnlyArray(ROWS)) == samples.rows([OnlyArray(row) for row in ROWS]) == ROWS


@pytest.mark.parametrize("frame", list(FRAMES))
def test_a_column_of_text_is_named(frame: str) -> None:
    X = FRAMES[frame]({**COLUMNS, "city": ["Rome", "Oslo", "Rome", "Bonn"]})
    with pytest.raises(TypeError, match=r"the column 'city' holds .*: encode it as numbers, or leave it out"):
        nn.fit(nn.MLP(4, [1]), X, LABELS, epochs=1, progress=False)


@pytest.mark.parametrize("frame", ["pandas", "pandas, nullable", "polars", "arrow"])
def test_a_column_with_a_gap_is_named(frame: str) -> None:
    X = FRAMES[frame]({"a": [1.0, 2.0], "b": [0.5, None]})
    with pytest.raises((TypeError, ValueError), match=r"X: the column 'b', entry \[1\]"):
        samples.rows(X)


def test_several_targets_from_a_frame() -> None:
    assert samples.targets(pandas({"x": [1, 2], "y": [0.5, 0.25]})) == [[1.0, 0.5], [2.0, 0.25]]
