"""The blocks a document is made of. They say what is shown; the writers beside this file say how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from varprop.errors import ParameterError, brief

__all__ = [
    "Badge",
    "Block",
    "Bullets",
    "Code",
    "Heading",
    "Inline",
    "Line",
    "Math",
    "Plot",
    "Series",
    "Table",
    "Text",
    "Tone",
]

Tone: TypeAlias = Literal["good", "bad", "unclear", "neutral"]
TONES = ("good", "bad", "unclear", "neutral")


def _held(block: object, kind: type, *names: str, none: bool = False) -> None:
    """Refuse fields of another kind: the writers escape words, and nothing but words."""
    for name in names:
        value = getattr(block, name)
        if not (isinstance(value, kind) and not isinstance(value, bool)) and not (none and value is None):
            shown = f"{type(block).__name__}({name}={brief(value, 40)})"
            wanted = {str: "string", int: "whole number"}.get(kind, kind.__name__)
            raise ParameterError(shown, f"it is no {wanted}", f"Give a {wanted}.")


@dataclass(frozen=True)
class Math:
    r"""One formula in its two spellings; alone in a document it is a displayed formula.

    Args:
        latex: what goes between the dollar signs.
        plain: the same in characters, for a terminal.

    Example:
        >>> Math(r"\sigma^{2}", "sigma**2").plain
        'sigma**2'
    """

    latex: str
    plain: str

    def __post_init__(self) -> None:
        _held(self, str, "latex", "plain")

    @classmethod
    def number(cls, value: float, digits: int = 6) -> Math:
        r"""A decimal number, with its power of ten written as one.

        Example:
            >>> Math.number(4.768e-05).latex
            '4.768 \\cdot 10^{-5}'
        """
        return cls.decimal(f"{value:.{digits}g}")

    @classmethod
    def decimal(cls, plain: str) -> Math:
        """A decimal number that is text already; see `number`."""
        mantissa, mark, exponent = plain.partition("e")
        return cls(rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if mark else plain, plain)


@dataclass(frozen=True)
class Badge:
    """A word in a color, such as `agrees`.

    Args:
        label: the word shown.
        tone: `good`, `bad`, `unclear` or `neutral`; it only chooses a color.

    Raises:
        ParameterError: the tone is none of the four.

    Example:
        >>> Badge("agrees", "good").label
        'agrees'
    """

    label: str
    tone: Tone = "neutral"

    def __post_init__(self) -> None:
        _held(self, str, "label")
        if self.tone not in TONES:
            raise ParameterError(
                f"Badge(tone={self.tone!r})", "no such tone", f"Use one of {', '.join(TONES)}."
            )


@dataclass(frozen=True)
class Code:
    """Program text, shown letter by letter; within a `Text` it is set in line.

    Args:
        text: the program text.
        language: its language, for highlighting.

    Example:
        >>> Code("x = 1", "python").language
        'python'
    """

    text: str
    language: str = ""

    def __post_init__(self) -> None:
        _held(self, str, "text", "language")


Inline: TypeAlias = str | Math | Badge | Code


@dataclass(frozen=True, init=False)
class Text:
    """A paragraph: words, formulas, badges and bits of code in line.

    Args:
        *parts: strings, `Math`, `Badge` and `Code`, set one after the other with no space added.

    Raises:
        ParameterError: a part is something else.

    Example:
        >>> Text("the variance ", Math("1/n", "1/n")).parts[0]
        'the variance '
    """

    parts: tuple[Inline, ...]

    def __init__(self, *parts: Inline) -> None:
        for part in parts:
            if not isinstance(part, str | Math | Badge | Code):
                raise ParameterError(
                    f"Text with a part {part!r}", "it is no text", "Use a string, Math, Badge or Code."
                )
        object.__setattr__(self, "parts", parts)

    @classmethod
    def of(cls, content: Text | Inline) -> Text:
        """The content as a paragraph; a `Text` is returned as it is."""
        return content if isinstance(content, Text) else cls(content)


def _texts(contents: Iterable[Text | Inline]) -> tuple[Text, ...]:
    return tuple(Text.of(content) for content in contents)


@dataclass(frozen=True)
class Heading:
    """A heading.

    Args:
        text: its words.
        level: 1 for a title, 2 for a section, 3 for a part of one.

    Example:
        >>> Heading("The neuron").level
        2
    """

    text: str
    level: int = 2

    def __post_init__(self) -> None:
        _held(self, str, "text")
        if self.level not in (1, 2, 3, 4):
            raise ParameterError(f"Heading(level={self.level!r})", "no such level", "Use 1, 2, 3 or 4.")


@dataclass(frozen=True, init=False)
class Bullets:
    """A list of paragraphs without order.

    Args:
        items: the paragraphs; strings and formulas become paragraphs.

    Example:
        >>> len(Bullets(["one", Text("two")]).items)
        2
    """

    items: tuple[Text, ...]

    def __init__(self, items: Iterable[Text | Inline]) -> None:
        object.__setattr__(self, "items", _texts(items))


@dataclass(frozen=True, init=False)
class Table:
    """A table.

    Args:
        header: the names of the columns.
        rows: one sequence of cells per row, each as long as the header.
        caption: a line above the table.
        align: one letter per column, `l` or `r`; left if not given.

    Raises:
        ParameterError: a row or `align` does not fit the header.

    Example:
        >>> Table(["n", "Var"], [["2", "1"]]).align
        'll'
    """

    header: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]
    caption: str
    align: str

    def __init__(
        self,
        header: Iterable[Text | Inline],
        rows: Iterable[Iterable[Text | Inline]],
        caption: str = "",
        align: str = "",
    ) -> None:
        names = _texts(header)
        cells = tuple(_texts(row) for row in rows)
        align = align or "l" * len(names)
        if not names or any(len(row) != len(names) for row in cells):
            raise ParameterError(
                "Table", "a row does not fit the header", f"Give {len(names)} cells in every row."
            )
        if len(align) != len(names) or set(align) - {"l", "r"}:
            raise ParameterError(
                f"Table(align={align!r})", "it does not fit", "Give one letter l or r per column."
            )
        for name, value in (("header", names), ("rows", cells), ("caption", caption), ("align", align)):
            object.__setattr__(self, name, value)
        _held(self, str, "caption")


@dataclass(frozen=True, init=False)
class Series:
    """Named points of a plot; a point that is not finite is a gap.

    Args:
        name: shown in the legend.
        x: where the points are.
        y: their heights, as many.

    Raises:
        ParameterError: the two differ in length.

    Example:
        >>> Series("variance", [1, 2], [0.5, 0.25]).y
        (0.5, 0.25)
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]

    def __init__(self, name: str, x: Iterable[float], y: Iterable[float]) -> None:
        xs, ys = tuple(float(value) for value in x), tuple(float(value) for value in y)
        if len(xs) != len(ys):
            raise ParameterError(
                f"Series({name!r})", f"{len(xs)} places and {len(ys)} heights", "Give as many of each."
            )
        for field, value in (("name", name), ("x", xs), ("y", ys)):
            object.__setattr__(self, field, value)
        _held(self, str, "name")


@dataclass(frozen=True, init=False)
class Plot:
    """Lines over a common axis, as data.

    Args:
        series: what is drawn.
        title: above the plot; it also describes the plot to who cannot see it.
        x_label: under the plot.
        y_label: beside the plot.
        log_y: a logarithmic height; points at or below zero are gaps then.

    Example:
        >>> Plot([Series("a", [0, 1], [1, 10])], title="growth", log_y=True).series[0].name
        'a'
    """

    series: tuple[Series, ...]
    title: str
    x_label: str
    y_label: str
    log_y: bool

    def __init__(
        self,
        series: Iterable[Series],
        title: str = "",
        x_label: str = "",
        y_label: str = "",
        log_y: bool = False,
    ) -> None:
        values = (tuple(series), title, x_label, y_label, log_y)
        for field, value in zip(("series", "title", "x_label", "y_label", "log_y"), values, strict=True):
            object.__setattr__(self, field, value)
        _held(self, str, "title", "x_label", "y_label")
        for one in self.series:
            if not isinstance(one, Series):
                raise ParameterError(
                    f"Plot of {brief(one, 40)}", "it is no Series", "Give Series(name, x, y)."
                )


@dataclass(frozen=True, init=False)
class Line:
    """One line of a chain of equations: `left = right`, the reason, notes, a badge.

    Args:
        right: the formula that the line arrives at.
        left: the formula that is rewritten; without it the line goes on from the one before.
        number: shown in brackets.
        relation: between the two, as a formula.
        reason: what leads to it, set after the word "by".
        notes: a paragraph each, below it.
        badge: shown beside the reason.

    Example:
        >>> line = Line(Math("1", "1"), left=Math("n v", "n*v"), number=1, reason="substitution")
        >>> line.reason
        'substitution'
    """

    right: Math
    left: Math | None
    number: int | None
    relation: Math
    reason: str
    notes: tuple[Text, ...]
    badge: Badge | None

    def __init__(
        self,
        right: Math,
        left: Math | None = None,
        number: int | None = None,
        relation: Math = Math("=", "="),
        reason: str = "",
        notes: Iterable[Text | Inline] = (),
        badge: Badge | None = None,
    ) -> None:
        for field, value in (
            ("right", right),
            ("left", left),
            ("number", number),
            ("relation", relation),
            ("reason", reason),
            ("notes", _texts(notes)),
            ("badge", badge),
        ):
            object.__setattr__(self, field, value)
        _held(self, Math, "right", "relation")
        _held(self, Math, "left", none=True)
        _held(self, int, "number", none=True)
        _held(self, str, "reason")
        _held(self, Badge, "badge", none=True)

    def bare(self) -> Line:
        """The line without its notes."""
        return replace(self, notes=())


Block: TypeAlias = Text | Math | Badge | Code | Heading | Bullets | Table | Plot | Line
