"""Pictures drawn into a file; matplotlib is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from varprop.errors import ParameterError
from varprop.render import Plot, Series
from varprop.render.chart import COLORS

__all__ = ["Picture", "draw"]


@dataclass(frozen=True)
class Picture:
    """One panel of the picture of an answer.

    Args:
        plot: the lines.
        bars: whether the first series is drawn as bars.
        log_x: a logarithmic axis below.
        note: a remark inside.
    """

    plot: Plot
    bars: bool = False
    log_x: bool = False
    note: str = ""

    @property
    def lines(self) -> Plot:
        """The panel as a plot of any page: bars as points with a name each, repeated draws with one name."""
        plot = self.plot
        if self.bars:
            [sizes] = plot.series
            names = plot.x_label.split(", ")
            points = zip(names, sizes.x, sizes.y, strict=True)
            series = [Series(name, [x], [y]) for name, x, y in points]
            return Plot(series, plot.title, "in this order", plot.y_label, plot.log_y)
        series = [Series(_legend(line.name), line.x, line.y) for line in plot.series]
        title = f"{plot.title}; {self.note}" if self.note else plot.title
        return Plot(series, title, plot.x_label, plot.y_label, plot.log_y)


def _single(name: str) -> bool:
    """Whether a line is one draw of many."""
    return name.startswith(("draw ", "one net"))


def _legend(name: str) -> str:
    """What the legend says of a line: one entry for all draws and for both sides of an envelope."""
    if name == "draw 1":
        return "five draws"
    if name.startswith("one net") and name.endswith("(1)"):
        return name.removesuffix(" (1)").replace("one net", "single nets")
    return "" if _single(name) or name.startswith("-") else name.replace("+ std", "± std")


def draw(pictures: Sequence[Picture], path: str | Path) -> Path:
    """Draw pictures side by side into one file.

    Args:
        pictures: the panels.
        path: of the file; its ending chooses the format: png, svg or pdf.

    Raises:
        ParameterError: matplotlib is not installed, or cannot write such a file.
    """
    target = Path(path)
    if target.suffix.lower() not in {".png", ".svg", ".pdf"}:
        raise ParameterError(
            f"picture {str(path)!r:.200}", "no such format", "End it with .png, .svg or .pdf."
        )
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise ParameterError("a picture", "matplotlib is not installed", "Install varprop[plots].") from None
    count = len(pictures)
    figure = Figure(figsize=(6.2 * count, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    for place, picture in enumerate(pictures, start=1):
        _panel(figure.add_subplot(1, count, place), picture)
    try:
        figure.savefig(target, dpi=110)
    except OSError as error:
        raise ParameterError(
            f"picture {str(path)!r:.200}", error.strerror or "it cannot be written", ""
        ) from None
    return target


def _panel(axes: Any, picture: Picture) -> None:
    plot = picture.plot
    axes.set_title(plot.title, fontsize=11)
    axes.set_ylabel(plot.y_label)
    if plot.log_y:
        axes.set_yscale("log")
    if picture.bars:
        _bars(axes, plot)
        return
    for k, series in enumerate(plot.series):
        label = _legend(series.name) or None
        if _single(series.name):
            axes.plot(series.x, series.y, color="0.55", linewidth=0.9, zorder=1, label=label)
        else:
            dashed = series.name.startswith(("+", "-"))
            axes.plot(
                series.x,
                series.y,
                color=COLORS[1] if dashed else COLORS[k % len(COLORS)],
                linewidth=1.8,
                linestyle="--" if dashed else "-",
                label=label,
                zorder=2,
            )
    axes.set_xlabel(plot.x_label)
    axes.legend(fontsize=8, frameon=False)
    if picture.note:
        axes.annotate(picture.note, (0.02, 0.96), xycoords="axes fraction", fontsize=9, va="top")
        axes.set_ylim(0, 2.2)


def _bars(axes: Any, plot: Plot) -> None:
    [series] = plot.series
    names = plot.x_label.split(", ")
    colors = [COLORS[0]] * (len(names) - 1) + [COLORS[1]]
    axes.bar(range(len(names)), series.y, color=colors)
    many = len(names) > 8
    axes.set_xticks(range(len(names)), names, fontsize=9, rotation=60 if many else 0)
    bottom = axes.get_ylim()[0]
    for x, y in zip(series.x, series.y, strict=True):
        # No bar stands for 0 on a logarithmic axis.
        place = (x, y if y > 0 else bottom)
        axes.annotate(f"{y:g}", place, ha="center", va="bottom", fontsize=7 if many else 9)
