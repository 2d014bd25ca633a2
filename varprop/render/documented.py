"""What every object can do that can be written as a document."""

from __future__ import annotations

from varprop.render.document import Document

__all__ = ["Documented"]


class Documented:
    """An object with a `document()`: it can be read in a terminal, in LaTeX, Markdown and HTML.

    Example:
        >>> class Note(Documented):
        ...     def document(self):
        ...         return Document(["Variances of independent addends add."])
        >>> print(Note().to_markdown())
        Variances of independent addends add.
    """

    __slots__ = ()

    def document(self) -> Document:
        """Return the whole as a document."""
        raise NotImplementedError  # pragma: no cover

    def to_text(self, width: int = 80) -> str:
        """For a terminal of this width."""
        return self.document().to_text(width)

    def to_markdown(self) -> str:
        """Markdown with TeX between dollar signs."""
        return self.document().to_markdown()

    def to_latex(self, document: bool = False) -> str:
        """LaTeX; with `document`, a whole file."""
        return self.document().to_latex(document)

    def to_html(self, page: bool = False) -> str:
        """HTML with MathML; with `page`, a whole page."""
        return self.document().to_html(page)

    def _repr_html_(self) -> str:
        return self.to_html()
