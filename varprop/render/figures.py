"""Plots as figures of matplotlib, in the one style of all figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from varprop.errors import ParameterError
from varprop.render.blocks import Plot
from varprop.render.chart import COLORS, looks, unbroken

__all__ = ["figure_of"]

# Dashes and marks repeat the distinction of the colors.
_DASHES = ("-", "--", ":", "-.")
_MARKS = ("o", "s", "^", "D", "v", "P")
_MOST_MARKS = 40


def figure_of(plots: Sequence[Plot]) -> Any:
    """Draw plots side by side.

    Args:
        plots: what is drawn, one panel each.

    Returns:
        A matplotlib Figure that belongs to no window: `figure.savefig("profile.png")` writes it.

    Raises:
        ParameterError: matplotlib is not installed.

    Example:
        >>> from varprop.render import Series
        >>> len(figure_of([Plot([Series("a", [0, 1], [1, 2])], title="growth")]).axes)
        1
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise ParameterError("a figure", "matplotlib is not installed", "Install varprop[plots].") from None
    made = Figure(figsize=(5.2 * len(plots), 3.6), layout="constrained")
    panels = made.subplots(1, len(plots), squeeze=False)[0]
    for panel, plot in zip(panels, plots, strict=True):
        _draw(panel, plot)
    return made


def _draw(panel: Any, plot: Plot) -> None:
    for number, series in looks(plot):
        runs = unbroken(series, plot.log_y)
        points = [point for run in runs for point in (*run, (math.nan, math.nan))][:-1]  # a gap between two
        panel.plot(
            [x for x, _ in points],
            [y for _, y in points],
            color=COLORS[number % len(COLORS)],
            linestyle=_DASHES[number % len(_DASHES)],
            marker=_MARKS[number % len(_MARKS)] if len(points) <= _MOST_MARKS else None,
            markersize=4,
            linewidth=1.6,
            label=series.name,
        )
    if plot.log_y:
        panel.set_yscale("log")
    panel.set_title(plot.title, fontsize=11)
    panel.set_xlabel(plot.x_label)
    panel.set_ylabel(plot.y_label)
    panel.grid(visible=True, color="#dddddd", linewidth=0.6)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    if sum(bool(series.name) for series in plot.series) > 1:
        panel.legend(frameon=False, fontsize=9)
