"""Tables of other libraries as plain Python: data frames column by column, and arrays, series and columns as lists.

Nothing is imported for it. A frame is known by what it offers: ``items()`` and ``columns`` (pandas and its kin), ``column_names`` and
``columns`` (Arrow), ``iter_columns()`` (Polars), or the interchange protocol ``__dataframe__``; an array by ``tolist``, a column by
``to_pylist`` or ``to_list``, and anything else by NumPy's ``__array__``. Copies, not views: networks of Values are small.
"""

import ctypes
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

# Of the interchange protocol: how a column's kind and number of bits are read. Kinds: 0 int, 1 unsigned, 2 float, 20 bool.
_BUFFERS: dict[tuple[int, int], Any] = {
    **{(0, 8 * ctypes.sizeof(c)): c for c in (ctypes.c_int8, ctypes.c_int16, ctypes.c_int32, ctypes.c_int64)},
    **{(1, 8 * ctypes.sizeof(c)): c for c in (ctypes.c_uint8, ctypes.c_uint16, ctypes.c_uint32, ctypes.c_uint64)},
    **{(2, 8 * ctypes.sizeof(c)): c for c in (ctypes.c_float, ctypes.c_double)},
    (20, 8): ctypes.c_bool,
}


class Column(NamedTuple):
    """A column of a frame: its name, and its entries as Python objects."""

    name: str
    entries: list[Any]


def columns(table: Any) -> list[Column] | None:
    """The columns of a data frame; None for what is none."""
    if isinstance(table, dict):
        return None
    named = _named_columns(table)
    if named is not None:
        return [Column(str(name), listed(column)) for name, column in named]
    if hasattr(table, "__dataframe__"):
        frame = table.__dataframe__()
        return [Column(name, _interchanged(frame.get_column_by_name(name), name)) for name in frame.column_names()]
    return None


def _named_columns(table: Any) -> Iterable[tuple[Any, Any]] | None:
    if hasattr(table, "column_names") and hasattr(table, "columns"):
        return zip(table.column_names, table.columns, strict=True)
    if hasattr(table, "iter_columns"):
        return zip(table.columns, table.iter_columns(), strict=True)
    if hasattr(table, "items") and hasattr(table, "columns"):
        return table.items()  # type: ignore[no-any-return]
    return None


def listed(array: Any) -> Any:
    """An array, series or column as (nested) lists of Python objects; anything else as it is."""
    for method in ("tolist", "to_pylist", "to_list"):
        if hasattr(array, method):
            return getattr(array, method)()
    return array.__array__().tolist() if hasattr(array, "__array__") else array


def _interchanged(column: Any, name: str) -> list[Any]:
    """A column of numbers out of the interchange protocol; TypeError for other kinds, ValueError for missing entries."""
    kind, bits, *_ = column.dtype
    number = _BUFFERS.get((int(kind), bits))
    if number is None:
        raise TypeError(
            f"the column {name!r} holds {getattr(kind, 'name', kind)}, not numbers: encode it as numbers, or leave it out"
        )
    if column.null_count:
        raise ValueError(f"the column {name!r} has {column.null_count} missing entries: drop or fill such rows first")
    entries: list[Any] = []
    for chunk in column.get_chunks():
        entries += _of_buffer(chunk, number)
    return entries


def _of_buffer(chunk: Any, number: Any) -> Sequence[Any]:
    buffer, _ = chunk.get_buffers()["data"]
    end = chunk.offset + chunk.size()
    return list((number * end).from_address(buffer.ptr)[chunk.offset :])
