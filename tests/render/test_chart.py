"""A plot as SVG: readable at the width of a phone, in the colors of the page, described by its own title."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from varprop.questions.drawing import Picture
from varprop.render import Plot, Series
from varprop.render.chart import draw_svg, draw_text


def texts(root: ET.Element) -> list[str]:
    return [text.text or "" for text in root.iter("text") if text.text]


def test_every_text_stands_inside_and_can_be_read_on_a_phone() -> None:
    title = "squared norm per unit of a net of width 20 with weights as they are drawn by default"
    plot = Plot([Series(f"series number {k}", [0, 1, 2], [1, 2, k]) for k in range(5)], title, "layers", "E")
    root = ET.fromstring(draw_svg(plot))
    assert root.get("aria-label") == title
    assert root.get("fill") == "currentColor"
    left, top, width, height = map(float, (root.get("viewBox") or "").split())
    assert float(root.get("font-size") or 0) * 340 / width > 9
    for text in root.iter("text"):
        x, y = float(text.get("x") or -1), float(text.get("y") or -1)
        assert left <= x <= width
        assert top < y < height
        room = {"start": width - x, "end": x, "middle": 2 * min(x, width - x)}[text.get("text-anchor") or ""]
        assert "transform" in text.attrib or 5.6 * len(text.text or "") < room
    shown = texts(root)
    assert " ".join(shown[:2]) == title
    assert [name for name in shown if name.startswith("series")] == [series.name for series in plot.series]


def test_a_series_without_a_name_looks_like_the_one_before_and_has_no_entry() -> None:
    plot = Plot([Series("a", [0, 1], [0, 1]), Series("", [0, 1], [1, 0]), Series("b", [0, 1], [1, 1])], "t")
    root = ET.fromstring(draw_svg(plot))
    colors = [line.get("stroke") for line in root.iter("polyline")]
    assert colors[0] == colors[1] != colors[2]
    assert [text for text in texts(root) if text in ("a", "b")] == ["a", "b"]


def test_a_line_is_broken_where_a_point_cannot_be_drawn() -> None:
    many = list(range(1, 101))
    heights = [float(k) for k in many]
    heights[1] = heights[50] = float("nan")
    root = ET.fromstring(draw_svg(Plot([Series("a", many, heights)], "t", log_y=True)))
    assert [len((line.get("points") or "").split()) for line in root.iter("polyline")] == [1, 48, 49]
    assert len(list(root.iter("circle"))) == 1  # the point that no line ends at


def test_characters_mark_a_series_without_a_name_like_the_one_before() -> None:
    lines = draw_text(Plot([Series("a", [0], [0]), Series("", [1], [1]), Series("b", [2], [2])], "t"), 40)
    drawn = "".join(line.partition("|")[2] for line in lines if "|" in line)
    assert (drawn.count("*"), drawn.count("o")) == (2, 1)
    assert [line.strip() for line in lines[-2:]] == ["* a", "o b"]


def test_panels_of_an_answer_as_plots_of_a_page() -> None:
    bars = Picture(Plot([Series("size", [0, 1, 2], [5, 4, 1])], "terms", "+5, -4, sum", "size"), bars=True)
    assert [(s.name, tuple(s.x), tuple(s.y)) for s in bars.lines.series] == [
        ("+5", (0,), (5,)),
        ("-4", (1,), (4,)),
        ("sum", (2,), (1,)),
    ]
    names = ["sum of sizes", "+ std sqrt(k)", "- std sqrt(k)", "draw 1", "draw 2", "one net, width 3 (1)"]
    walks = Picture(Plot([Series(name, [0], [1]) for name in names], "walks"), note="a note")
    assert [s.name for s in walks.lines.series] == [
        "sum of sizes",
        "± std sqrt(k)",
        "",
        "five draws",
        "",
        "single nets, width 3",
    ]
    assert walks.lines.title == "walks; a note"
