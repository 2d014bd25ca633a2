"""Blocks of text, mathematics and tables, and how they look in a terminal, LaTeX, Markdown, HTML and JSON."""

from varprop.render.blocks import (
    Badge,
    Block,
    Bullets,
    Code,
    Heading,
    Inline,
    Line,
    Math,
    Plot,
    Series,
    Table,
    Text,
)
from varprop.render.document import Document

__all__ = [
    "Badge",
    "Block",
    "Bullets",
    "Code",
    "Document",
    "Heading",
    "Inline",
    "Line",
    "Math",
    "Plot",
    "Series",
    "Table",
    "Text",
]
