"""Tables are read, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from varprop.errors import ParameterError
from varprop.interop import tables
from varprop.interop.tables import read_table


def test_the_flowers_are_fishers() -> None:
    table = read_table("iris")
    assert table.rows == 150
    assert table.data.mean(axis=0) == pytest.approx([5.843333, 3.057333, 3.758, 1.199333], abs=1e-6)
    assert list(table.data[34]) == [4.9, 3.1, 1.5, 0.2]
    assert list(table.data[37]) == [4.9, 3.6, 1.4, 0.1]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a,b\n1,2\n3,4\n", ("a", "b")),
        ("\ufeffa,b\r\n1,2\r\n\r\n3,4", ("a", "b")),
        ('"a, or so",b\n1,2\n3,4\n', ("a, or so", "b")),
    ],
)
def test_names_of_columns_are_kept(tmp_path: Path, text: str, columns: tuple[str, ...]) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    assert read_table(path).columns == columns
    assert read_table(str(path)).data.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("text", ["1,2\n3,4\n", "a,a\n1,2\n3,4\n"])
def test_without_usable_names_columns_are_numbered(tmp_path: Path, text: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    assert read_table(path).data.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\n",
        b"a,b\n1,2\n",
        b"1,2\n3\n",
        b"a,b\n1,x\n",
        b"1,nan\n2,3\n",
        b"1,inf\n2,3\n",
        b"\xff\xfe\x00",
        b"a\n1,2\n3,4\n",
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(ParameterError):
        read_table(path)


def test_missing_and_huge_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ParameterError, match="no such file"):
        read_table(tmp_path / "nothing.csv")
    with pytest.raises(ParameterError, match="no such file"):
        read_table(tmp_path)
    path = tmp_path / "table.csv"
    path.write_text("1,2\n3,4\n", encoding="utf-8")
    monkeypatch.setattr(tables, "MOST_BYTES", 3)
    with pytest.raises(ParameterError, match="larger"):
        read_table(path)
