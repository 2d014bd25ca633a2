"""Long lines cut: of a sum with very many terms the first few, the last, and how many there are."""

from __future__ import annotations

from typing import Any

import sympy as sp

from varprop.model.sizes import length
from varprop.render import Math

__all__ = ["line_math"]

MOST_SHOWN = 30
"""Of a sum or product with more parts than this, a few are shown."""

LONGEST = 100
"""A line of at most so many symbols and signs is shown in full."""


class Elided(sp.AtomicExpr):
    """A sum or product of very many parts, shown by a few of them."""

    whole: sp.Expr

    def __new__(cls, whole: sp.Expr) -> Elided:
        made: Elided = super().__new__(cls)
        made.whole = whole
        return made

    def _hashable_content(self) -> tuple[Any, ...]:
        return (self.whole,)

    def _parts(self, printer: Any, dots: str, times: str) -> tuple[str, str]:
        """Return the parts that are shown, and how many there are in words."""
        is_sum = isinstance(self.whole, sp.Add)
        few = [printer._print(_elided(arg)) for arg in (*self.whole.args[:3], self.whole.args[-1])]
        few.insert(3, dots)
        count = f"{len(self.whole.args)} {'terms' if is_sum else 'factors'}"
        return (" + " if is_sum else times).join(few), count

    def _sympystr(self, printer: Any) -> str:
        shown, count = self._parts(printer, "...", "*")
        return f"({shown} [{count}])"

    def _latex(self, printer: Any, **_: Any) -> str:
        shown, count = self._parts(printer, r"\dots", " ")
        return rf"\left({shown}\ \text{{[{count}]}}\right)"


def line_math(line: sp.Expr) -> Math:
    """Return a line as a formula in both spellings; of very long sums a few terms.

    Args:
        line: a SymPy expression, quantities among its parts.

    Example:
        >>> line_math(sp.Add(*sp.symbols("x:500"))).plain
        '(x0 + x1 + x10 + ... + x99 [500 terms])'
    """
    if length(line) > LONGEST:
        line = _elided(line)
    return Math(sp.latex(line), str(line))


def _elided(line: sp.Expr) -> sp.Expr:
    if isinstance(line, (sp.Add, sp.Mul)) and len(line.args) > MOST_SHOWN:
        return Elided(line)
    if isinstance(line, (sp.Add, sp.Mul, sp.Pow)):
        return line.func(*(_elided(arg) for arg in line.args), evaluate=False)
    return line
