"""Blocks as plain records (dictionaries, lists, numbers, strings), and back."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from varprop.errors import ParameterError
from varprop.render.blocks import Badge, Block, Bullets, Code, Heading, Line, Math, Plot, Series, Table, Text

__all__ = ["SCHEMA", "from_record", "to_record"]

SCHEMA = "varprop.document/1"
_KINDS: dict[str, type] = {
    kind.__name__.lower(): kind
    for kind in (Badge, Bullets, Code, Heading, Line, Math, Plot, Series, Table, Text)
}


def _encode(value: object) -> Any:
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"kind": "float", "value": str(value)}  # JSON has no spelling of its own for these
    if value is None or isinstance(value, str | int | float):
        return value
    made = {field.name: _encode(getattr(value, field.name)) for field in fields(value)}  # type: ignore[arg-type]
    return {"kind": type(value).__name__.lower(), **made}


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item) for item in value)
    if not isinstance(value, dict):
        return value
    values = {name: _decode(item) for name, item in value.items() if name != "kind"}
    kind = value["kind"]
    if kind == "float":
        return float(values["value"])
    if kind == "text":
        return Text(*values["parts"])
    return _KINDS[kind](**values)


def to_record(blocks: Iterable[Block]) -> dict[str, Any]:
    """The blocks as a record with the schema version.

    Example:
        >>> to_record([Badge("agrees", "good")])["blocks"]
        [{'kind': 'badge', 'label': 'agrees', 'tone': 'good'}]
    """
    return {"schema": SCHEMA, "blocks": [_encode(block) for block in blocks]}


def from_record(record: Any) -> list[Block]:
    """The blocks of a record that `to_record` made.

    Raises:
        ParameterError: the record is of another schema or damaged.
    """
    schema = record.get("schema") if isinstance(record, dict) else None
    if schema != SCHEMA:
        raise ParameterError(
            "Document.from_json", f"the schema is {schema!r}", f"Only {SCHEMA!r} can be read."
        )
    try:
        return list(_decode(record["blocks"]))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ParameterError(
            "Document.from_json", f"a block is damaged ({error!r})", "Give what to_json wrote."
        ) from None
