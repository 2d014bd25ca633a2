"""Blocks as LaTeX."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from varprop.render.blocks import Badge, Block, Bullets, Code, Heading, Line, Math, Plot, Table, Text

__all__ = ["write"]

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\(<\)",
    ">": r"\(>\)",
    "|": r"\(\vert\)",
    "≤": r"\(\le\)",
    "≥": r"\(\ge\)",
    "≠": r"\(\ne\)",
    "≈": r"\(\approx\)",
    "→": r"\(\to\)",
    "∞": r"\(\infty\)",
    "−": r"\(-\)",
    "×": r"\(\times\)",
    "±": r"\(\pm\)",
    "√": r"\(\surd\)",
    "∑": r"\(\sum\)",
    "…": r"\dots{}",
    "–": "--",
    "—": "---",
    "’": "'",
} | {
    letter: rf"\(\{name}\)"
    for letter, name in zip(
        "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ",
        "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
        "upsilon varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega".split(),
        strict=True,
    )
}
_SECTIONS = {1: "section*", 2: "subsection*", 3: "subsubsection*", 4: "paragraph"}
_HEAD = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{amsmath,amssymb}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.6em}
\begin{document}
"""
_TAIL = "\n\\end{document}\n"


def _escape(text: str) -> str:
    return "".join(_ESCAPES.get(char, char) for char in text)


def _typewriter(text: str) -> str:
    escaped = "".join(r"\textbar{}" if char == "|" else _ESCAPES.get(char, char) for char in text)
    return re.sub(r"\\\(([<>])\\\)", r"\1", escaped).replace("-", "-{}").replace(" ", r"\ ")


def _part(part: str | Math | Badge | Code) -> str:
    match part:
        case Math():
            return rf"\({part.latex}\)"
        case Code():
            return rf"\texttt{{{_typewriter(part.text)}}}"
        case Badge():
            return rf"\textbf{{[{_escape(part.label)}]}}"
        case _:
            return _escape(part)


def _text(text: Text) -> str:
    return "".join(_part(part) for part in text.parts)


def _items(items: Iterable[str]) -> str:
    # An item that starts with a bracket would lose it to \item's own argument.
    lines = "\n".join(rf"\item {{}}{item}" for item in items)
    return f"\\begin{{itemize}}\n{lines}\n\\end{{itemize}}"


def _line(line: Line) -> str:
    left = f"{line.left.latex} " if line.left else ""
    tag = rf" \tag{{{line.number}}}" if line.number is not None else ""
    made = f"\\begin{{equation*}}\n{left}{line.relation.latex} {line.right.latex}{tag}\n\\end{{equation*}}"
    about = [rf"by \emph{{{_escape(line.reason)}}}"] if line.reason else []
    if line.badge:
        about.append(_part(line.badge))
    if about:
        made += "\n" + r"\quad ".join(about)
    return f"{made}\n{_items(map(_text, line.notes))}" if line.notes else made


def _code(text: str) -> str:
    return (
        "\\begin{flushleft}\n"
        + "\\\\\n".join(_part(Code(line or " ")) for line in text.split("\n"))
        + "\n\\end{flushleft}"
    )


def _table(table: Table) -> str:
    rows = [" & ".join(_text(cell) for cell in row) + r" \\" for row in table.rows]
    made = [
        rf"\begin{{tabular}}{{{table.align}}}",
        r"\hline",
        " & ".join(_text(cell) for cell in table.header) + r" \\",
        r"\hline",
        *(row if not row.startswith("[") else "{}" + row for row in rows),
        r"\hline",
        r"\end{tabular}",
    ]
    caption = f"{_escape(table.caption)}\n\n" if table.caption else ""
    return caption + "\n".join(made)


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else "--"


def _plot(plot: Plot) -> str:
    """The data of a plot as a table per series: nothing but amsmath is asked of the reader's installation."""
    made = []
    for series in plot.series:
        names = (plot.x_label or "x", series.name)
        rows = ([_number(x), _number(y)] for x, y in zip(series.x, series.y, strict=True))
        made.append(_table(Table(names, rows, caption=plot.title, align="rr")))
    return "\n\n".join(made)


def _block(block: Block) -> str:
    match block:
        case Text():
            return _text(block)
        case Math():
            return f"\\begin{{equation*}}\n{block.latex}\n\\end{{equation*}}"
        case Badge():
            return _part(block)
        case Code():
            return _code(block.text)
        case Heading():
            return rf"\{_SECTIONS[block.level]}{{{_escape(block.text)}}}"
        case Bullets():
            return _items(_text(item) for item in block.items) if block.items else ""
        case Table():
            return _table(block)
        case Plot():
            return _plot(block)
        case Line():
            return _line(block)


def write(blocks: Iterable[Block], document: bool = False) -> str:
    """The blocks as LaTeX; with `document`, a file that compiles by itself."""
    body = "\n\n".join(_block(block) for block in blocks) + "\n"
    return f"{_HEAD}{body}{_TAIL}" if document else body
