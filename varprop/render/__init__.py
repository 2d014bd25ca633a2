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
from varprop.render.documented import Documented

__all__ = [
    "Badge",
    "Block",
    "Bullets",
    "Code",
    "Document",
    "Documented",
    "Heading",
    "Inline",
    "Line",
    "Math",
    "Plot",
    "Series",
    "Table",
    "Text",
]
