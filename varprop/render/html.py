"""Blocks as HTML: formulas in MathML, no script, no outside resource."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from varprop.render.blocks import Badge, Block, Bullets, Code, Heading, Line, Math, Plot, Table, Text
from varprop.render.chart import draw_svg
from varprop.render.mathml import UnknownTeX, to_mathml

__all__ = ["write"]

_STYLE = (
    "<style>"
    ".varprop{line-height:1.5;max-width:60em}"
    ".varprop math[display=block]{display:block;overflow:auto hidden;padding:.3em 0}"
    ".varprop pre{overflow-x:auto}"
    ".varprop table{border-collapse:collapse;margin:.5em 0}"
    ".varprop th,.varprop td{padding:.2em .8em;border-bottom:1px solid #8888;text-align:left}"
    ".varprop .wide{overflow-x:auto}.varprop caption{text-align:left}"
    ".varprop .right{text-align:right}"
    ".varprop .badge{border-radius:.6em;padding:0 .5em;font-size:85%;color:#000;background:#ddd}"
    ".varprop .good{background:#b7e4c7}.varprop .bad{background:#ffc4bd}.varprop .unclear{background:#ffe3a3}"
    ".varprop .line{display:flex;flex-wrap:wrap;align-items:baseline;gap:0 1em}"
    ".varprop .line .number{flex:none}.varprop .line .formula{flex:1;min-width:0}"
    ".varprop .notes{margin:0 0 .8em 2.5em}"
    "</style>"
)
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
</head>
<body>
{body}
</body>
</html>
"""


def _math(formula: Math, display: bool = False) -> str:
    try:
        return to_mathml(formula.latex, formula.plain, display)
    except UnknownTeX:
        plain = f"<code>{escape(formula.plain)}</code>"
        return f"<p>{plain}</p>" if display else plain


def _part(part: str | Math | Badge | Code) -> str:
    match part:
        case Math():
            return _math(part)
        case Code():
            return f"<code>{escape(part.text)}</code>"
        case Badge():
            return f'<span class="badge {part.tone}">{escape(part.label)}</span>'
        case _:
            return escape(part)


def _text(text: Text) -> str:
    return "".join(_part(part) for part in text.parts)


def _items(items: Iterable[str], kind: str = "") -> str:
    return f"<ul{kind}>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def _relation(line: Line) -> str:
    parts = [part for part in (line.left, line.relation, line.right) if part]
    whole = Math(" ".join(part.latex for part in parts), " ".join(part.plain for part in parts))
    return _math(whole, display=True)


def _line(line: Line) -> str:
    number = f'<span class="number">({line.number})</span>' if line.number is not None else ""
    made = [f'<div class="line">{number}<div class="formula">{_relation(line)}</div></div>']
    about = [f"by <em>{escape(line.reason)}</em>"] if line.reason else []
    if line.badge:
        about.append(_part(line.badge))
    notes = [" ".join(about)] if about else []
    notes += map(_text, line.notes)
    if notes:
        made.append(_items(notes, ' class="notes"'))
    return "".join(made)


def _table(table: Table) -> str:
    def cells(row: Iterable[Text], name: str) -> str:
        sides = (' class="right"' if side == "r" else "" for side in table.align)
        made = (f"<{name}{side}>{_text(cell)}</{name}>" for cell, side in zip(row, sides, strict=True))
        return f"<tr>{''.join(made)}</tr>"

    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    body = "".join(cells(row, "td") for row in table.rows)
    head = f"<thead>{cells(table.header, 'th')}</thead>"
    return f'<div class="wide"><table>{caption}{head}<tbody>{body}</tbody></table></div>'


def _block(block: Block) -> str:
    match block:
        case Text():
            return f"<p>{_text(block)}</p>"
        case Math():
            return _math(block, display=True)
        case Badge():
            return f"<p>{_part(block)}</p>"
        case Code():
            return f"<pre><code>{escape(block.text)}</code></pre>"
        case Heading():
            return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
        case Bullets():
            return _items(_text(item) for item in block.items)
        case Table():
            return _table(block)
        case Plot():
            return f"<figure>{draw_svg(block)}</figure>"
        case Line():
            return _line(block)


def write(blocks: Iterable[Block], page: bool = False) -> str:
    """The blocks as an element with its style; with `page`, a whole page."""
    blocks = tuple(blocks)
    body = f'<div class="varprop">{_STYLE}\n' + "\n".join(_block(block) for block in blocks) + "\n</div>"
    if not page:
        return body
    titles = (block.text for block in blocks if isinstance(block, Heading))
    return _PAGE.format(title=escape(next(titles, "varprop")), body=body)
