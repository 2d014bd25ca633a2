"""What the writers make is readable, escaped and complete."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from hypothesis import given, strategies as st

from varprop.errors import ParameterError
from varprop.render import Badge, Bullets, Code, Document, Heading, Line, Math, Plot, Series, Table, Text
from varprop.render.terminal import wrap_formula

LONG = Math(
    " + ".join(rf"\operatorname{{Var}}(w_{{{k}}}) \operatorname{{E}}[x_{{{k}}}^{{2}}]" for k in range(12)),
    " + ".join(f"Var(w_{k})*E(x_{k}**2)" for k in range(12)),
)
HOSTILE = "<script>alert('x')</script> & \"q\" $a_b$ #1 % {x} \\input{y} | `z` *c* [d](e) ~^"

EVERYTHING = Document(
    [
        Heading("The neuron", 1),
        Text(
            "Its variance is ",
            Math(r"\frac{1}{n}", "1/n"),
            " ",
            Badge("agrees", "good"),
            " ",
            Code("vp.derive"),
        ),
        Math(r"z = \sum_{i} w_{i} x_{i}", "z = sum_i w_i*x_i"),
        Badge("disagrees", "bad"),
        Line(
            LONG,
            left=Math(r"\operatorname{Var}(z)", "Var(z)"),
            number=1,
            reason="zero-mean weights",
            notes=[
                Text("since w has mean ", Math("0", "0")),
                "since w independent of x",
                Text("without zero mean: ", Math(r"n \mu^{2}", "n*mu**2"), " is added"),
            ],
            badge=Badge("agrees", "good"),
        ),
        Line(Math("1", "1")),
        Table(
            ["case", "value"],
            [["Gaussian", Math("1", "1")], [Text(Badge("agrees", "good")), Math("|x|", "|x|")]],
            caption="Two cases",
            align="lr",
        ),
        Bullets(["one", Text("two ", Math("2", "2"))]),
        Plot(
            [Series("variance", [1, 2, 3], [1, 0.1, float("nan")]), Series("size", [1, 3], [2, 0.0])],
            "Decay",
            "l",
            "v",
            True,
        ),
        Code("x = 1\n\ny = '```'", "python"),
    ]
)
HOSTILE_DOCUMENT = Document(
    [
        Heading(HOSTILE),
        Text(HOSTILE, Badge(HOSTILE), Code(HOSTILE)),
        Code(HOSTILE, "text"),
        Table([HOSTILE], [[HOSTILE]], caption=HOSTILE),
        Bullets([HOSTILE]),
        Line(Math("x", "x"), reason=HOSTILE, notes=[HOSTILE], badge=Badge(HOSTILE)),
        Plot([Series(HOSTILE, [1, 2], [3, 4])], HOSTILE, HOSTILE, HOSTILE),
    ]
)


class Page(HTMLParser):
    """The tags and the words of a page; fails on a tag left open."""

    EMPTY = frozenset({"circle", "meta", "path", "polyline"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "action", "onclick")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("document", [EVERYTHING, HOSTILE_DOCUMENT], ids=["everything", "hostile"])
def test_text_keeps_to_its_width(document: Document, width: int) -> None:
    kept = Document(block for block in document.blocks if not isinstance(block, Code))
    assert max(map(len, kept.to_text(width).splitlines())) <= width


def test_a_long_formula_breaks_at_operators_and_loses_nothing() -> None:
    lines = wrap_formula(LONG.plain, 60, 4)
    assert all(line.lstrip().startswith("+ ") for line in lines[1:])
    assert " ".join(line.strip() for line in lines) == LONG.plain


@given(st.text("ab()[]+-*/= ", max_size=120), st.integers(1, 50), st.integers(0, 8))
def test_wrapping_loses_no_character(formula: str, width: int, hanging: int) -> None:
    lines = wrap_formula(formula, width, hanging)
    assert all(len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == formula.replace(" ", "")


def test_a_line_of_a_derivation_shows_all_it_has() -> None:
    line = next(block for block in EVERYTHING.blocks if isinstance(block, Line))
    for text in (Document([line]).to_text(), Document([line]).to_markdown(), Document([line]).to_latex()):
        for word in ("zero-mean weights", "agrees", "since", "without", "independent of x"):
            assert word in text
    assert Document([line]).to_text().startswith("(1) Var(z) = Var(w_0)*E(x_0**2)")


def test_color_is_only_added_not_moved() -> None:
    plain, colored = EVERYTHING.to_text(), EVERYTHING.to_text(color=True)
    assert "\x1b[32m[agrees]\x1b[0m" in colored
    assert re.sub(r"\x1b\[\d+m", "", colored) == plain


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in Document([Text("a\x1b[31mb"), Code("\x07"), Math("x", "\x1bx")]).to_text()


def test_html_is_closed_escaped_and_self_contained() -> None:
    for document in (EVERYTHING, HOSTILE_DOCUMENT):
        page = Page(document.to_html(page=True))
        assert "script" not in page.tags
        assert page.links == []
    assert page.words.count(HOSTILE) >= 10
    assert "http" not in EVERYTHING.to_html(page=True)


def test_a_formula_mathml_cannot_show_is_shown_plainly() -> None:
    assert "<code>a &lt; b</code>" in Document([Math(r"\unknown{a}", "a < b")]).to_html()
    assert "<code>a &lt; b</code>" in Document([Text(Math(r"\unknown{a}", "a < b"))]).to_html()


def test_markdown_escapes_text_and_keeps_tables_whole() -> None:
    text = HOSTILE_DOCUMENT.to_markdown()
    assert "<script>" not in re.sub(r"(?s)(`+).*?\1", "", text)
    table = Document([Table(["a"], [[Text("x|y", Math("|z|", "|z|"))]])]).to_markdown()
    assert re.sub(r"\\\|", "", table).count("|") == 6
    for start in ("# no", "- no", "1. no", "+ no"):
        assert Document([start]).to_markdown()[: len(start) - 3].count("\\") == 1


def test_a_fence_is_longer_than_any_in_the_code() -> None:
    assert Document([Code("```")]).to_markdown() == "````\n```\n````\n"


def test_latex_escapes_text_and_balances() -> None:
    text = HOSTILE_DOCUMENT.to_latex(document=True)
    assert r"\input{" not in text
    for document in (EVERYTHING, HOSTILE_DOCUMENT):
        source = document.to_latex(document=True)
        assert re.findall(r"\\begin\{(.*?)\}", source).sort() == re.findall(r"\\end\{(.*?)\}", source).sort()
        bare = re.sub(r"\\[{}\\]", "", source)
        assert bare.count("{") == bare.count("}")


@pytest.mark.parametrize("document", [EVERYTHING, HOSTILE_DOCUMENT], ids=["everything", "hostile"])
def test_json_comes_back(document: Document) -> None:
    text = document.to_json()
    assert json.loads(text)["schema"] == "varprop.document/1"
    back = Document.from_json(text)
    assert back.to_json() == text
    assert back.to_html() == document.to_html()


@pytest.mark.parametrize(
    "text",
    ["", "[" * 100_000, "3", "{}", '{"schema": "varprop.document/2", "blocks": []}']
    + [
        f'{{"schema": "varprop.document/1", "blocks": {blocks}}}'
        for blocks in (
            "3",
            "[3]",
            '[{"kind": "nonsense"}]',
            '[{"kind": "math"}]',
            '[{"kind": "math", "latex": 5, "plain": "x"}]',
            '[{"kind": "badge", "label": null, "tone": "good"}]',
            '[{"kind": "code", "text": 3}]',
            '[{"kind": "heading", "text": 5}]',
            '[{"kind": "table", "header": ["a"], "rows": [["b"]], "caption": 4}]',
            '[{"kind": "plot", "series": ["a"]}]',
            '[{"kind": "plot", "series": [], "title": 3}]',
            '[{"kind": "plot", "series": [{"kind": "series", "name": 3, "x": [1], "y": [2]}]}]',
            '[{"kind": "line", "right": "x"}]',
            *(
                f'[{{"kind": "line", "right": {{"kind": "math", "latex": "x", "plain": "x"}}, {field}}}]'
                for field in ('"number": "<script>"', '"number": true', '"badge": "good"', '"reason": 4')
            ),
            '[{"kind": []}]',
            "[{}]",
            '{"a": 1}',
        )
    ],
)
def test_damaged_json_is_refused(text: str) -> None:
    with pytest.raises(ParameterError):
        Document.from_json(text)


def test_infinite_numbers_survive_json() -> None:
    plot = Plot([Series("s", [1, 2, 3], [math.inf, -math.inf, 1.5])])
    assert Document.from_json(Document([plot]).to_json()).blocks == (plot,)


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=8), st.booleans())
def test_any_numbers_can_be_plotted(points: list[tuple[float, float]], log_y: bool) -> None:
    plot = Plot([Series("s", [x for x, _ in points], [y for _, y in points])], "t", "x", "y", log_y)
    document = Document([plot])
    assert max(map(len, document.to_text(60).splitlines())) <= 60
    svg = document.to_html().split("<figure>")[1].split("</figure>")[0]
    assert "nan" not in svg
    ET.fromstring(svg)


def test_notebooks_get_html_and_markdown() -> None:
    assert EVERYTHING._repr_html_() == EVERYTHING.to_html()
    assert EVERYTHING._repr_markdown_() == EVERYTHING.to_markdown()
    assert str(Document([Badge("x")])) == "[x]"


def test_what_is_no_text_is_no_json() -> None:
    with pytest.raises(ParameterError, match="this is no JSON"):
        Document.from_json(5)  # type: ignore[arg-type]
