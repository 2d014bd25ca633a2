"""What every answer about initialization is: a statement, its derivation, its number, its pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import numpy as np
import sympy as sp

from varprop.derivation.proofs import Derivation
from varprop.derivation.quantities import Claims
from varprop.errors import ParameterError
from varprop.render import Block, Document, Documented, Heading, Plot, Series, Table, Text

__all__ = ["Lesson", "curve", "depth_of"]

DEEPEST = 10_000


class Lesson(Documented, ABC):
    """A statement about initialization: derived, in numbers, as a table and as a plot."""

    __slots__ = ()

    @property
    @abstractmethod
    def question(self) -> str:
        """What is asked."""

    @property
    @abstractmethod
    def statement(self) -> Text:
        """The answer in a sentence or two, with its numbers."""

    @property
    @abstractmethod
    def derivation(self) -> Derivation:
        """Where the number comes from, line by line."""

    @property
    @abstractmethod
    def number(self) -> sp.Expr:
        """The number that answers the question; exact where it can be."""

    @abstractmethod
    def rows(self) -> tuple[list[str], list[list[object]]]:
        """The header and the rows of the table."""

    @abstractmethod
    def picture(self) -> Plot:
        """What the plot shows."""

    @property
    def claims(self) -> Claims:
        """The equations that `check` tests: those of the derivation."""
        return self.derivation.claims

    def table(self) -> Document:
        """The numbers behind the statement."""
        header, rows = self.rows()
        return Document([Table(header, rows)])  # type: ignore[arg-type]

    def plot(self) -> Document:
        """The statement as a plot."""
        return Document([self.picture()])

    def document(self) -> Document:
        """Question, answer, derivation, table and plot."""
        start: list[Block] = [Heading(self.question), self.statement]
        return Document(start) + self.derivation.document() + self.table() + self.plot()

    def __str__(self) -> str:
        return self.to_text()


def depth_of(depth: object) -> int:
    """A number of layers from 1 on.

    Raises:
        ParameterError: it is none, or beyond the bound on work.
    """
    if isinstance(depth, bool) or not isinstance(depth, (int, np.integer)) or not 1 <= depth <= DEEPEST:
        raise ParameterError(f"depth={depth!r:.40}", "it is no depth", f"Choose 1 to {DEEPEST} layers.")
    return int(depth)


def curve(name: str, values: Iterable[float]) -> Series:
    """Values by layer, from layer 0 on."""
    heights = [float(value) for value in values]
    return Series(name, range(len(heights)), heights)
