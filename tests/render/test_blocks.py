"""Blocks refuse what they are not, and are values."""

from __future__ import annotations

from typing import Any

import pytest

from varprop.errors import ParameterError
from varprop.render import Badge, Bullets, Document, Heading, Line, Math, Plot, Series, Table, Text


@pytest.mark.parametrize(
    "build",
    [
        lambda: Badge("agrees", "green"),  # type: ignore[arg-type]
        lambda: Heading("title", 7),
        lambda: Text("a", 3),  # type: ignore[arg-type]
        lambda: Table(["a", "b"], [["1"]]),
        lambda: Table([], []),
        lambda: Table(["a"], [["1"]], align="c"),
        lambda: Table(["a"], [["1"]], align="ll"),
        lambda: Series("s", [1, 2], [1]),
        lambda: Document([3]),  # type: ignore[list-item]
    ],
)
def test_bad_blocks_raise_with_a_remedy(build: Any) -> None:
    with pytest.raises(ParameterError) as caught:
        build()
    assert caught.value.remedy


def test_blocks_are_values() -> None:
    def build() -> Document:
        return Document(
            [
                "words",
                Math("x", "x"),
                Bullets(["a"]),
                Line(Math("1", "1"), notes=["a"]),
                Plot([Series("s", [1], [2])]),
                Table(["a"], [["1"]]),
            ]
        )

    assert build() == build()
    assert hash(build()) == hash(build())


def test_documents_add() -> None:
    assert (Document(["a"]) + Document(["b"])).blocks == (Text("a"), Text("b"))
