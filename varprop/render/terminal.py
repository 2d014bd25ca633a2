"""Blocks as text of a given width, in color if asked."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from varprop.render.blocks import Badge, Block, Bullets, Code, Heading, Line, Math, Plot, Table, Text
from varprop.render.chart import draw_text

__all__ = ["wrap_formula", "write"]

_COLORS = {"good": "32", "bad": "31", "unclear": "33", "neutral": "2"}
_NARROWEST = 20
_GLUE = "\N{NO-BREAK SPACE}"


def _printable(text: str) -> str:
    return "".join(
        char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def _breaks(formula: str) -> list[tuple[int, int]]:
    """Places where a formula may be broken, with a cost: outer before inner, `=` before `+` before `*`."""
    found = []
    depth = 0
    for place, char in enumerate(formula):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == " " and formula[place + 1 : place + 3] in ("= ", "+ ", "- ", "* ", "/ ", "< ", "> "):
            rank = {"=": 0, "<": 0, ">": 0, "+": 1, "-": 1}.get(formula[place + 1], 2)
            found.append((place, 3 * depth + rank))
        elif char == " " or (
            char == "*" and formula[place + 1 : place + 2] != "*" and formula[place - 1] != "*"
        ):
            found.append((place, 3 * depth + 2))
    return found


def wrap_formula(formula: str, width: int, hanging: int = 0) -> list[str]:
    """Break a formula into lines of at most `width`, those after the first indented by `hanging`.

    It is broken before an operator, as far outside of brackets as the line can afford.

    Example:
        >>> wrap_formula("Var(z) = alpha + beta*(gamma + delta)", 24, 4)
        ['Var(z) = alpha', '    + beta*(gamma', '    + delta)']
    """
    lines = []
    rest = formula
    indent = ""
    while len(indent) + len(rest) > width:
        room = max(width - len(indent), 1)
        fitting = [(cost, -place) for place, cost in _breaks(rest[: room + 3]) if room // 3 < place <= room]
        place = -min(fitting)[1] if fitting else room
        lines.append(indent + rest[:place].rstrip())
        rest = rest[place:].lstrip()
        indent = " " * min(hanging, width // 2)
    return [*lines, indent + rest]


def _inline(text: Text, color: bool) -> str:
    return "".join(_part(part, color) for part in text.parts)


def _part(part: str | Math | Badge | Code, color: bool) -> str:
    match part:
        case Math():
            return _printable(part.plain)
        case Code():
            return _printable(part.text)
        case Badge():
            return _badge(part, color)
        case _:
            return _printable(part)


def _glued(part: str | Math | Badge | Code, width: int) -> str:
    """A part without color; the spaces of a formula that fits on a line do not break."""
    text = _part(part, False)
    return text.replace(" ", _GLUE) if isinstance(part, Math) and len(text) <= 3 * width // 4 else text


def _badge(badge: Badge, color: bool) -> str:
    label = f"[{_printable(badge.label)}]"
    return f"\x1b[{_COLORS[badge.tone]}m{label}\x1b[0m" if color else label


def _wrap(
    text: Text, width: int, first: str = "", later: str | None = None, color: bool = False
) -> list[str]:
    """Wrap words; badges are colored after wrapping, so that colors never count as width."""
    later = " " * len(first) if later is None else later
    lines: list[str] = []
    for paragraph in "".join(_glued(part, width) for part in text.parts).split("\n"):
        lines += textwrap.wrap(
            paragraph,
            width,
            initial_indent=first if not lines else later,
            subsequent_indent=later,
            break_on_hyphens=False,
        ) or [""]
    lines = [line.replace(_GLUE, " ") for line in lines]
    if color:
        for part in text.parts:
            if isinstance(part, Badge):
                lines = [line.replace(_badge(part, False), _badge(part, True)) for line in lines]
    return lines


def _line(line: Line, width: int, color: bool) -> list[str]:
    label = f"({line.number}) " if line.number is not None else ""
    left = f"{line.left.plain} " if line.left else ""
    formula = _printable(f"{left}{line.relation.plain} {line.right.plain}")
    indent = " " * len(label)
    made = wrap_formula(label + formula, width, len(label) + 6)
    about: list[str | Math | Badge | Code] = [f"by {line.reason}"] if line.reason else []
    if line.badge:
        about += ["  " if about else "", line.badge]
    if about:
        made += _wrap(Text(*about), width, f"{indent}    ", f"{indent}    ", color)
    for text in line.notes:
        made += _wrap(text, width, f"{indent}    ", f"{indent}      ", color)
    return made


def _cell(text: Text) -> str:
    return " ".join(_inline(text, False).split())


def _table(table: Table, width: int, color: bool) -> list[str]:
    rows = [[_cell(cell) for cell in row] for row in (table.header, *table.rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    longest = [
        max((len(word) for cell in column for word in cell.split()), default=1)
        for column in zip(*rows, strict=True)
    ]
    room = width - 2 * (len(widths) - 1)
    for least in (longest, [1] * len(widths)):  # words are broken only where nothing else helps
        while sum(widths) > room and any(size > low for size, low in zip(widths, least, strict=True)):
            _, widest = max((size, k) for k, size in enumerate(widths) if size > least[k])
            widths[widest] -= 1
    made = _wrap(Text(table.caption), width, color=color) if table.caption else []
    for number, row in enumerate(rows):
        wrapped = [wrap_formula(cell, size) for cell, size in zip(row, widths, strict=True)]
        for line in range(max(len(cell) for cell in wrapped)):
            cells = (
                (cell[line] if line < len(cell) else "").rjust(size)
                if side == "r"
                else (cell[line] if line < len(cell) else "").ljust(size)
                for cell, size, side in zip(wrapped, widths, table.align, strict=True)
            )
            made.append("  ".join(cells).rstrip())
        if number == 0:
            made.append("  ".join("-" * size for size in widths))
    if color:
        badges = {
            part for row in table.rows for cell in row for part in cell.parts if isinstance(part, Badge)
        }
        for badge in badges:
            made = [line.replace(_badge(badge, False), _badge(badge, True)) for line in made]
    return made


def _block(block: Block, width: int, color: bool) -> list[str]:
    match block:
        case Text():
            return _wrap(block, width, color=color)
        case Math():
            return [f"    {line}" for line in wrap_formula(_printable(block.plain), width - 4, 4)]
        case Badge():
            return [_badge(block, color)]
        case Code():
            return [f"    {line}" for line in _printable(block.text).split("\n")]
        case Heading():
            lines = _wrap(Text(block.text), width)
            rule = "=" if block.level == 1 else "-"
            return [*lines, rule * max(map(len, lines))] if block.level < 3 else lines
        case Bullets():
            return [line for item in block.items for line in _wrap(item, width, "- ", "  ", color)]
        case Table():
            return _table(block, width, color)
        case Plot():
            return draw_text(block, width)
        case Line():
            return _line(block, width, color)


def write(blocks: Iterable[Block], width: int = 80, color: bool = False) -> str:
    """The blocks as text, a blank line between them, none after the last."""
    width = max(width, _NARROWEST)
    return "\n\n".join("\n".join(_block(block, width, color)) for block in blocks)
