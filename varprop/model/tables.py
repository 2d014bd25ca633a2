"""Whatever holds rows and columns of numbers, as one array with named columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from varprop.errors import ParameterError

__all__ = ["as_table"]


def as_table(data: object) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return the names of the columns of a table and its numbers.

    Raises:
        ParameterError: not a table of finite numbers, or fewer than two rows.

    Example:
        >>> as_table({"size": [1, 2], "weight": [2, 4]})[0]
        ('size', 'weight')
    """
    names: list[str] | None = None
    if isinstance(data, Mapping):
        names, data = [str(name) for name in data], _rows_of(data)
    elif isinstance(data, np.ndarray) and data.dtype.names:
        names = list(data.dtype.names)
        data = np.column_stack([data[name] for name in names])
    elif hasattr(data, "columns"):
        names = [str(name) for name in data.columns]
    try:
        array = np.asarray(data)
    except ValueError:
        raise ParameterError(
            "Empirical(data)", "the rows differ in length", "Give one number per cell."
        ) from None
    if array.dtype.kind not in "iuf":
        missing = f"the cells are {array.dtype}, not numbers"
        raise ParameterError("Empirical(data)", missing, "Convert or drop the columns that are not numbers.")
    if array.ndim != 2 or array.shape[0] < 2 or array.shape[1] < 1:
        missing = f"an array of shape {array.shape} is not a table of at least two rows"
        raise ParameterError(
            "Empirical(data)", missing, "Give rows and columns; one column is data[:, None]."
        )
    table = np.array(array, dtype=np.float64, order="C")
    table += 0.0
    if not np.isfinite(table).all():
        row, column = np.argwhere(~np.isfinite(table))[0]
        missing = f"row {row}, column {column} is {table[row, column]}"
        raise ParameterError("Empirical(data)", missing, "Drop or fill such rows first.")
    names = names or [str(column) for column in range(table.shape[1])]
    if len(set(names)) < len(names):
        raise ParameterError("Empirical(data)", "two columns have one name", "Rename one of them.")
    return tuple(names), table


def _rows_of(columns: Mapping[object, object]) -> list[tuple[object, ...]]:
    try:
        return list(zip(*(list(column) for column in columns.values()), strict=True))  # type: ignore[call-overload]
    except (TypeError, ValueError):
        missing = "the columns are not lists of one length"
        raise ParameterError("Empirical(data)", missing, "Give one list per column.") from None
