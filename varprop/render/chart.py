"""A plot as characters and as SVG."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from html import escape

from varprop.render.blocks import Plot, Series

__all__ = ["COLORS", "draw_svg", "draw_text", "looks", "unbroken"]

_MARKS = "*o+x#@%&"
# Okabe and Ito's colors, which color-blind readers can tell apart; dash patterns repeat the distinction.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES = ("", "6 3", "2 2", "8 3 2 3")
_ROWS = 14
_MOST_DOTS = 40


def looks(plot: Plot) -> Iterator[tuple[int, Series]]:
    """Each series with the number of its look; one without a name belongs to the one before, and looks so."""
    number = -1
    for series in plot.series:
        number += bool(series.name) or number < 0
        yield number, series


def unbroken(series: Series, log_y: bool) -> list[list[tuple[float, float]]]:
    """The points that can be drawn, in runs between the gaps."""
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(series.x, series.y, strict=True):
        if math.isfinite(x) and math.isfinite(y) and (y > 0 or not log_y):
            runs[-1].append((x, y))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _points(series: Series, log_y: bool) -> Iterator[tuple[float, float]]:
    for run in unbroken(series, log_y):
        yield from ((x, math.log10(y) if log_y else y) for x, y in run)


def _frame(plot: Plot) -> tuple[float, float, float, float] | None:
    """The corners x0, x1, y0, y1; nothing if no point can be drawn."""
    points = [point for series in plot.series for point in _points(series, plot.log_y)]
    if not points:
        return None
    xs, ys = zip(*points, strict=True)
    x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)
    return x0, x1, y0, y1


def _share(value: float, low: float, high: float) -> float:
    """How far the value lies between the two, halved first since their distance need not be finite."""
    distance = high / 2 - low / 2
    return (value / 2 - low / 2) / distance if distance else 0.5


def _height(value: float, log_y: bool) -> str:
    """The label of a height; powers of ten beyond the floats keep their exponent."""
    if log_y and not -300 < value < 300:
        return f"1e{value:.4g}"
    return f"{10**value if log_y else value:.3g}"


def draw_text(plot: Plot, width: int) -> list[str]:
    """The plot in characters, at most `width` wide."""
    made = textwrap.wrap(plot.title, width)
    frame = _frame(plot)
    if frame is None:
        return [*made, "(nothing to draw)"]
    x0, x1, y0, y1 = frame
    labels = {0: _height(y1, plot.log_y), _ROWS - 1: _height(y0, plot.log_y)}
    margin = max(map(len, labels.values()))
    columns = max(width - margin - 2, 10)
    grid = [[" "] * columns for _ in range(_ROWS)]
    for number, series in looks(plot):
        for x, y in _points(series, plot.log_y):
            row = round((1 - _share(y, y0, y1)) * (_ROWS - 1))
            grid[row][round(_share(x, x0, x1) * (columns - 1))] = _MARKS[number % len(_MARKS)]
    made += [f"{labels.get(row, ''):>{margin}} |{''.join(cells)}".rstrip() for row, cells in enumerate(grid)]
    made.append(" " * margin + " +" + "-" * columns)
    low, high = f"{x0:.4g}", f"{x1:.4g}"
    label = plot.x_label[: max(columns - len(low) - len(high) - 2, 0)]
    made.append(" " * (margin + 2) + low + label.center(columns - len(low) - len(high)) + high)
    legend = [
        f"{_MARKS[number % len(_MARKS)]} {series.name}" for number, series in looks(plot) if series.name
    ]
    if plot.y_label:
        legend.append(f"(upward: {plot.y_label})")
    return [*made, *(f"{'':{margin + 2}}{entry}"[:width] for entry in legend)]


def draw_svg(plot: Plot) -> str:
    """The plot as an SVG element that takes the colors of the page and can be read on a phone."""
    titles = textwrap.wrap(plot.title, 58)
    wide, left, top, right, height = 420, 58, 12 + 16 * len(titles), 14, 220
    names = [series.name for series in plot.series if series.name]
    high = top + height + 48 + 18 * len(names)
    title = escape(plot.title or plot.y_label or "plot")
    made = [
        f'<svg viewBox="0 0 {wide} {high}" role="img" aria-label="{title}" '
        f'style="max-width:{wide + 100}px;width:100%" '
        'font-family="sans-serif" font-size="12" fill="currentColor">'
    ]

    def words(x: float, y: float, text: str, anchor: str = "start", more: str = "") -> None:
        made.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>')

    frame = _frame(plot)
    if frame is None:
        words(left, high / 2, "nothing to draw")
        return "".join([*made, "</svg>"])
    x0, x1, y0, y1 = frame
    end_x, end_y = wide - right, top + height
    made.append(f'<path d="M{left} {top}V{end_y}H{end_x}" fill="none" stroke="currentColor"/>')
    for number, line in enumerate(titles):
        words(8, 16 + 16 * number, line)
    words(left, end_y + 16, f"{x0:.4g}", "middle")
    words(end_x, end_y + 16, f"{x1:.4g}", "end")
    words((left + end_x) / 2, end_y + 32, plot.x_label, "middle")
    words(left - 6, top + 4, _height(y1, plot.log_y), "end")
    words(left - 6, end_y + 4, _height(y0, plot.log_y), "end")
    middle = (top + end_y) / 2
    words(14, middle, plot.y_label, "middle", f' transform="rotate(-90 14 {middle:.1f})"')

    def place(x: float, y: float) -> tuple[float, float]:
        share = _share(math.log10(y) if plot.log_y else y, y0, y1)
        return left + _share(x, x0, x1) * (end_x - left), end_y - share * (end_y - top)

    for number, series in looks(plot):
        stroke = f'stroke="{COLORS[number % len(COLORS)]}" stroke-width="2"'
        outline, dash = stroke, _DASHES[number % len(_DASHES)]
        stroke += f' stroke-dasharray="{dash}"' if dash else ""
        runs = [[place(x, y) for x, y in run] for run in unbroken(series, plot.log_y)]
        dotted = sum(map(len, runs)) <= _MOST_DOTS
        for run in runs:
            path = " ".join(f"{across:.1f},{down:.1f}" for across, down in run)
            made.append(f'<polyline points="{path}" fill="none" {stroke}/>')
            if dotted or len(run) == 1:
                made += [
                    f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" {outline} fill="none"/>'
                    for across, down in run
                ]
        if series.name:
            y = end_y + 54 + 18 * number
            made.append(f'<path d="M{left} {y - 4}h24" fill="none" {stroke}/>')
            words(left + 32, y, series.name)
    return "".join([*made, "</svg>"])
