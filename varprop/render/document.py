"""A document: blocks in order, written in five ways."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from varprop.errors import ParameterError, brief
from varprop.render import html, latex, markdown, records, terminal
from varprop.render.blocks import Badge, Block, Bullets, Code, Heading, Line, Math, Plot, Table, Text

__all__ = ["Document"]

_BLOCKS = Badge | Bullets | Code | Heading | Line | Math | Plot | Table | Text


@dataclass(frozen=True, init=False)
class Document:
    """Blocks in order.

    Args:
        blocks: the blocks; a string is a paragraph.

    Raises:
        ParameterError: one of them is no block.

    Example:
        >>> document = Document([Heading("The neuron"), Text("Its variance is ", Math("1", "1"), ".")])
        >>> print(document.to_text())
        The neuron
        ----------
        <BLANKLINE>
        Its variance is 1.
    """

    blocks: tuple[Block, ...]

    def __init__(self, blocks: Iterable[Block | str]) -> None:
        given = blocks if isinstance(blocks, Iterable) and not isinstance(blocks, str) else (blocks,)
        made = tuple(Text(block) if isinstance(block, str) else block for block in given)
        for block in made:
            if not isinstance(block, _BLOCKS):
                raise ParameterError(
                    f"Document with {brief(block)}", "it is no block", "Use the blocks of varprop.render."
                )
        object.__setattr__(self, "blocks", made)

    def __add__(self, other: Document) -> Document:
        return Document(self.blocks + other.blocks)

    def __str__(self) -> str:
        return self.to_text()

    def to_text(self, width: int = 80, color: bool = False) -> str:
        """For a terminal: lines of at most `width` characters, formulas broken at their operators."""
        return terminal.write(self.blocks, width, color)

    def to_markdown(self) -> str:
        """Markdown with TeX between dollar signs."""
        return markdown.write(self.blocks)

    def to_latex(self, document: bool = False) -> str:
        """LaTeX that needs amsmath and amssymb; with `document`, a whole file."""
        return latex.write(self.blocks, document)

    def to_html(self, page: bool = False) -> str:
        """HTML with MathML, no script and no outside resource; with `page`, a whole page."""
        return html.write(self.blocks, page)

    def to_json(self, indent: int | None = None) -> str:
        """JSON with a schema version; `from_json` reads it back."""
        return json.dumps(records.to_record(self.blocks), ensure_ascii=False, allow_nan=False, indent=indent)

    @classmethod
    def from_json(cls, text: str) -> Document:
        """The document that `to_json` wrote."""
        try:
            record = json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise ParameterError(
                "Document.from_json", f"this is no JSON ({error})", "Give what to_json wrote."
            ) from None
        return cls(records.from_record(record))

    def _repr_html_(self) -> str:
        return self.to_html()

    def _repr_markdown_(self) -> str:
        return self.to_markdown()
