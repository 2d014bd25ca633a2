"""Tables of numbers from CSV files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from varprop.errors import ParameterError, brief
from varprop.model.calls import explained
from varprop.model.joint import Empirical

__all__ = ["read_table"]

OWN = ("iris",)
MOST_BYTES = 50_000_000


@explained
def read_table(source: str | Path) -> Empirical:
    """Return the law of one random row of a table.

    Args:
        source: the path of a CSV file, its first line the names of the columns or numbers already; or "iris",
            the table of 150 flowers that comes with the package.

    Raises:
        ParameterError: there is no such file, or it holds no table of numbers.

    Example:
        >>> read_table("iris")
        Empirical(150 rows: sepal_length, sepal_width, petal_length, petal_width)

    Source: R. A. Fisher, The use of multiple measurements in taxonomic problems, Annals of Eugenics 7 (1936).
    """
    if not isinstance(source, (str, Path)):
        raise ParameterError(f"table {brief(source)}", "it is no path", "Give the path of a CSV file.")
    rows = [row for row in _rows(source) if row]
    header: Sequence[str] = rows.pop(0) if rows and not all(map(_is_number, rows[0])) else ()
    width = len(header) if header else len(rows[0]) if rows else 0
    for number, row in enumerate(rows, start=1):
        if len(row) != width or not all(map(_is_number, row)):
            what = f"row {number} is {brief(','.join(row), 60)}"
            raise ParameterError(f"table {str(source)!r}", what, f"Give {width} numbers in every line.")
    values = [[float(cell) for cell in row] for row in rows]
    if header and len(set(header)) == width:
        return Empirical({name: [row[column] for row in values] for column, name in enumerate(header)})
    return Empirical(values)


def _rows(source: str | Path) -> list[list[str]]:
    try:
        if source in OWN:
            file = resources.files("varprop").joinpath("data", f"{source}.csv")
            text = file.read_text(encoding="utf-8")
        else:
            path = Path(source)
            if not path.is_file():
                remedy = f"Give the path of a CSV file, or one of {', '.join(OWN)}."
                raise ParameterError(f"table {str(source)!r}", "there is no such file", remedy)
            if path.stat().st_size > MOST_BYTES:
                what = f"it is larger than {MOST_BYTES:,} bytes"
                raise ParameterError(f"table {str(source)!r}", what, "Give fewer rows.")
            text = path.read_text(encoding="utf-8-sig")
        return list(csv.reader(text.splitlines()))
    except (OSError, ValueError, csv.Error) as error:
        if isinstance(error, ParameterError):
            raise
        remedy = "Give a CSV file in UTF-8."
        raise ParameterError(f"table {str(source)!r}", f"it cannot be read ({error})", remedy) from None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
