"""Blocks as Markdown with TeX between dollar signs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from varprop.render.blocks import Badge, Block, Bullets, Code, Heading, Line, Math, Plot, Table, Text
from varprop.render.chart import draw_text

__all__ = ["write"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|$~&])")
_STARTER = re.compile(r"^(\s*)([#+=-]|\d+[.)])", re.MULTILINE)


def _escape(text: str) -> str:
    def guard(found: re.Match[str]) -> str:
        return f"{found[1]}{found[2][:-1]}\\{found[2][-1]}"

    return _STARTER.sub(guard, _SPECIAL.sub(r"\\\1", text))


def _fence(text: str, least: int) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(least, longest + 1)


def _inline_code(text: str) -> str:
    fence = _fence(text, 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{' '.join(text.splitlines())}{space}{fence}"


def _part(part: str | Math | Badge | Code) -> str:
    match part:
        case Math():
            return f"${_one_line(part.latex)}$"
        case Code():
            return _inline_code(part.text)
        case Badge():
            return f"**{_escape(part.label)}**"
        case _:
            return _escape(part)


def _one_line(latex: str) -> str:
    return " ".join(latex.split())


def _text(text: Text) -> str:
    return "".join(_part(part) for part in text.parts)


def _cell(text: Text) -> str:
    bars = (
        Math(part.latex.replace("|", r"\vert "), "") if isinstance(part, Math) else part
        for part in text.parts
    )
    return " ".join("".join(_part(part) for part in bars).split())


def _display(latex: str) -> str:
    return f"$$\n{_one_line(latex)}\n$$"


def _code(text: str, language: str = "") -> str:
    fence = _fence(text, 3)
    return f"{fence}{language}\n{text}\n{fence}"


def _line(line: Line) -> str:
    left = f"{line.left.latex} " if line.left else ""
    tag = rf" \tag{{{line.number}}}" if line.number is not None else ""
    made = [_display(f"{left}{line.relation.latex} {line.right.latex}{tag}")]
    about = [f"by *{_escape(line.reason)}*"] if line.reason else []
    if line.badge:
        about.append(f"**{_escape(line.badge.label)}**")
    if about:
        made.append(" · ".join(about))
    notes = [f"- {_text(text)}" for text in line.notes]
    if notes:
        made.append("\n".join(notes))
    return "\n\n".join(made)


def _table(table: Table) -> str:
    rows = [
        f"| {' | '.join(_cell(cell) for cell in table.header)} |",
        f"| {' | '.join('--:' if side == 'r' else ':--' for side in table.align)} |",
        *(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in table.rows),
    ]
    caption = f"{_escape(table.caption)}\n\n" if table.caption else ""
    return caption + "\n".join(rows)


def _block(block: Block) -> str:
    match block:
        case Text():
            return _text(block)
        case Math():
            return _display(block.latex)
        case Badge():
            return _part(block)
        case Code():
            return _code(block.text, block.language)
        case Heading():
            return f"{'#' * block.level} {_escape(' '.join(block.text.split()))}"
        case Bullets():
            return "\n".join(f"- {_text(item)}" for item in block.items)
        case Table():
            return _table(block)
        case Plot():
            return _code("\n".join(draw_text(block, 80)), "text")
        case Line():
            return _line(block)


def write(blocks: Iterable[Block]) -> str:
    """The blocks as Markdown."""
    return "\n\n".join(_block(block) for block in blocks) + "\n"
