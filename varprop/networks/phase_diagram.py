"""The phase diagram as a picture: matplotlib, imported on first use."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from varprop.errors import ParameterError
from varprop.networks.kernels import kernel

__all__ = ["draw", "log_chi"]

Array = NDArray[np.float64]
# Okabe and Ito's colors, which color-blind readers can tell apart.
BLUE, VERMILION, GRAY = "#0072b2", "#d55e00", "#8c8c8c"
CELLS = 121
LINES: dict[str, Any] = {"attracting": "-", "neutral": "-", "half-stable": "-", "repelling": (0, (4, 2))}


def log_chi(edge: Any, weight_variance: Array, bias_variance: Array) -> Array:
    """Return log chi_1 at the length that q = 1 leads to, for many variances at once; nan if it diverges.

    Args:
        edge: an `EdgeOfChaos`.
        weight_variance: sigma_w^2, any shape.
        bias_variance: sigma_b^2, of the same shape.
    """
    direct, slope, inside = edge._factors
    q = np.logspace(-8, 8, 641)
    moments = kernel(edge.activation)
    second, steep = moments.seconds(q), moments.slopes(q)
    start = int(np.searchsorted(q, 1.0))
    shape = weight_variance.shape
    w, b = weight_variance.reshape(-1, 1), bias_variance.reshape(-1, 1)
    with np.errstate(all="ignore"):
        growth = b / q + (direct - 1) + inside * w * (second / q)
    rising = growth[:, start] > 0
    down = np.argmax(growth[:, start:] <= 0, axis=1) + start  # upward: the first place without growth
    down = np.where((growth[:, start:] <= 0).any(axis=1), down, len(q))
    held = growth[:, : start + 1] > 0
    up = np.where(held.any(axis=1), start - np.argmax(held[:, ::-1], axis=1), -1)
    left = np.where(rising, down - 1, up)
    found = np.full(len(w), np.nan)
    rows = np.arange(len(w))
    inner = (left >= 0) & (left < len(q) - 1)
    i = np.clip(left, 0, len(q) - 2)
    g0, g1 = growth[rows, i], growth[rows, i + 1]
    with np.errstate(all="ignore"):
        share = np.clip(g0 / (g0 - g1), 0, 1)
        chi = direct + slope * w[:, 0] * (steep[i] + share * (steep[i + 1] - steep[i]))
        bottom = direct + slope * w[:, 0] * steep[0]
        found[inner] = np.log(chi[inner])
        found[left < 0] = np.log(bottom[left < 0])
    return found.reshape(shape)


def draw(edge: Any, axes: Any, weight_std: float, bias_std: float) -> Any:
    """Draw the diagram; see `EdgeOfChaos.phase_diagram`."""
    if not (0 < weight_std < math.inf and 0 < bias_std < math.inf):
        raise ParameterError(
            "phase_diagram", "a range is no positive number", "Give weight_std and bias_std > 0."
        )
    try:
        from matplotlib import pyplot  # noqa: PLC0415
        from matplotlib.colors import LinearSegmentedColormap, to_rgba  # noqa: PLC0415
        from matplotlib.lines import Line2D  # noqa: PLC0415
        from matplotlib.patches import Patch  # noqa: PLC0415
    except ImportError:
        raise ParameterError(
            "phase_diagram", "matplotlib is not installed", "Run pip install 'varprop[plots]'."
        ) from None
    if axes is None:
        _, axes = pyplot.subplots(figsize=(6.4, 4.4), layout="constrained")
    ink, paper = pyplot.rcParams["text.color"], pyplot.rcParams["axes.facecolor"]
    across = np.linspace(weight_std / CELLS, weight_std, CELLS)
    along = np.linspace(0, bias_std, CELLS)
    w, b = np.meshgrid(across**2, along**2)
    values = log_chi(edge, w, b)
    colors = LinearSegmentedColormap.from_list("phases", [BLUE, paper, VERMILION], N=512)
    strength = np.tanh(2 * values) / 1.3  # pale where gradients survive many layers
    shades = colors((np.nan_to_num(strength) + 1) / 2)
    shades[np.isnan(values)] = to_rgba(GRAY)
    axes.imshow(shades, origin="lower", extent=(0, weight_std, 0, bias_std), aspect="auto")
    handles: list[Any] = []
    for name, color, there in (
        ("ordered: gradients vanish", BLUE, values < 0),
        ("chaotic: gradients explode", VERMILION, values > 0),
        ("lengths diverge from q = 1", GRAY, np.isnan(values)),
    ):
        if there.any():
            handles.append(Patch(facecolor=color, label=name))
    runs: list[list[Any]] = []
    for point in edge.curve:
        if not runs or runs[-1][-1].kind != point.kind:
            runs.append([runs[-1][-1]] if runs and runs[-1] else [])
        runs[-1].append(point)
    drawn = set()
    for run in runs:
        kind = run[-1].kind
        x, y = (np.sqrt([getattr(p, name) for p in run]) for name in ("weight_variance", "bias_variance"))
        if len(run) == 1:
            axes.plot(x, y, "o", color=ink, markersize=8, clip_on=False, zorder=3)
            handles.append(
                Line2D([], [], color=ink, marker="o", linestyle="", label=f"edge of chaos: {kind}")
            )
            continue
        axes.plot(x, y, color=ink, linewidth=2, linestyle=LINES[kind])
        if kind not in drawn:
            drawn.add(kind)
            handles.append(
                Line2D([], [], color=ink, linewidth=2, linestyle=LINES[kind], label=f"edge: {kind}")
            )
    special = edge.universality.point
    if special is not None and not edge.is_point:
        place = math.sqrt(special.weight_variance), math.sqrt(special.bias_variance)
        axes.plot(
            *([value] for value in place),
            "o",
            color=ink,
            markerfacecolor=paper,
            markersize=8,
            clip_on=False,
            zorder=3,
        )
        label = f"critical point: {edge.universality}"
        handles.append(
            Line2D([], [], color=ink, marker="o", markerfacecolor=paper, linestyle="", label=label)
        )
    axes.set(
        xlim=(0, weight_std),
        ylim=(0, bias_std),
        xlabel=r"$\sigma_w$",
        ylabel=r"$\sigma_b$",
        title=f"Phases of {edge.activation}",
    )
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False, fontsize=9
    )
    return axes
