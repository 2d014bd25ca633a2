"""Blocks of a document as docutils nodes, so that every builder of Sphinx can write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from docutils import nodes
from sphinx import addnodes

from varprop.render.blocks import Badge, Block, Bullets, Code, Heading, Line, Math, Plot, Table, Text
from varprop.render.chart import draw_svg, draw_text

__all__ = ["label_of_rule", "to_nodes"]


def label_of_rule(name: str) -> str:
    """The label under which a reference page explains a rule.

    Example:
        >>> label_of_rule("the even part counts, off zero")
        'varprop-rule-the-even-part-counts-off-zero'
    """
    return "varprop-rule-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def to_nodes(blocks: Iterable[Block], docname: str = "") -> list[nodes.Node]:
    """The blocks as nodes; headings become rubrics, since a directive stands inside a section.

    Args:
        blocks: of a `Document`.
        docname: the page, for the references to rules.
    """
    return [node for block in blocks for node in _block(block, docname)]


def _block(block: Block, docname: str) -> Iterator[nodes.Node]:
    match block:
        case Text():
            yield nodes.paragraph("", "", *_inline(block))
        case Math():
            yield _display(block.latex)
        case Badge():
            yield nodes.paragraph("", "", _badge(block))
        case Code():
            yield nodes.literal_block(block.text, block.text, language=block.language or "text")
        case Heading():
            yield nodes.rubric(block.text, block.text)
        case Bullets():
            yield _bullets(block.items)
        case Table():
            yield _table(block)
        case Plot():
            yield from _plot(block)
        case Line():
            yield _line(block, docname)


def _inline(text: Text) -> Iterator[nodes.Node]:
    for part in text.parts:
        match part:
            case Math():
                yield nodes.math(part.latex, part.latex)
            case Code():
                yield nodes.literal(part.text, part.text)
            case Badge():
                yield _badge(part)
            case _:
                yield nodes.Text(part)


def _badge(badge: Badge) -> nodes.Node:
    return nodes.inline(badge.label, badge.label, classes=["varprop-badge", f"varprop-{badge.tone}"])


def _display(latex: str) -> nodes.Node:
    block = nodes.math_block(latex, latex, number=None, label=None, docname="")
    block["no-wrap"] = block["nowrap"] = False
    return block


def _bullets(items: Iterable[Text]) -> nodes.Node:
    made = nodes.bullet_list()
    for item in items:
        made += nodes.list_item("", nodes.paragraph("", "", *_inline(item)))
    return made


def _table(table: Table) -> nodes.Node:
    made = nodes.table(classes=["varprop-table"])
    if table.caption:
        made += nodes.title(table.caption, table.caption)
    group = nodes.tgroup(cols=len(table.header))
    group.extend(nodes.colspec(colwidth=1) for _ in table.header)
    head, body = nodes.thead(), nodes.tbody()
    head += _row(table.header, table.align)
    body.extend(_row(row, table.align) for row in table.rows)
    made += group
    group.extend([head, body])
    return nodes.container("", made, classes=["varprop-wide"])


def _row(cells: Iterable[Text], align: str) -> nodes.Node:
    row = nodes.row()
    for cell, side in zip(cells, align, strict=True):
        classes = ["varprop-right"] if side == "r" else []
        row += nodes.entry("", nodes.paragraph("", "", *_inline(cell)), classes=classes)
    return row


def _plot(plot: Plot) -> Iterator[nodes.Node]:
    figure = f'<figure class="varprop-plot">{draw_svg(plot)}</figure>'
    yield nodes.raw("", figure, format="html")
    text = "\n".join(draw_text(plot, 80))
    other = addnodes.only(expr="not html")
    other += nodes.literal_block(text, text, language="text")
    yield other


def _line(line: Line, docname: str) -> nodes.Node:
    left = f"{line.left.latex} " if line.left else ""
    made = nodes.container(classes=["varprop-line"])
    made += _display(f"{left}{line.relation.latex} {line.right.latex}")
    about: list[nodes.Node] = [nodes.Text(f"({line.number}) " if line.number is not None else "")]
    if line.reason:
        about += [nodes.Text("by "), _rule(line.reason, docname)]
    if line.badge:
        about += [nodes.Text(" "), _badge(line.badge)]
    made += nodes.paragraph("", "", *about, classes=["varprop-rule"])
    if line.notes:
        made += _bullets(line.notes)
    return made


def _rule(name: str, docname: str) -> nodes.Node:
    """The name of a rule, linked to the page that explains it, if there is one."""
    reference = addnodes.pending_xref(
        "",
        nodes.emphasis(name, name),
        refdomain="std",
        reftype="ref",
        reftarget=label_of_rule(name),
        refdoc=docname,
        refexplicit=True,
        refwarn=False,
    )
    return reference if docname else nodes.emphasis(name, name)
