"""Layouts of crossed blocks, and limits from their two-way variance components."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from varprop.simulation.methods import Crossed, shapes
from varprop.simulation.premises import Asymptotic, Limits, alarm_of

__all__ = ["FEW", "enough", "in_range", "layout_of", "two_way"]

Array = NDArray[np.float64]

CROSSED_ENTRIES = 2**18
FEW = 6.0
"""The share of one replicate that raises an alarm, over log(B) / B."""
HEAVY = 10.0
"""The same of one draw in its crossed block, on average: squares of normals stay below, t(3) does not."""
CLOSE = 1.25
"""A variance within this factor of the one asked for is left as it is."""


def in_range(seen: Sequence[float]) -> bool:
    """Whether the powers behind a crossed block, up to the sixth, stay within float64."""
    return bool(np.isfinite(seen).all()) and 1e-200 < seen[1] < 1e200


def enough(seen: Sequence[float], error: float, blocks: int = 1) -> bool:
    """Whether so many crossed blocks have a relative standard error close to the one asked for."""
    estimate, variance = float(seen[0]), float(seen[1])
    wanted = (error * estimate) ** 2
    return wanted <= 0 or not variance > CLOSE * wanted * blocks or variance == math.inf


def layout_of(
    base: Crossed, layout: tuple[int, int], pilot: Sequence[float], error: float | None, nanoseconds: float
) -> tuple[int, int, int]:
    """Rows, columns and blocks that reach an error at the least cost, or the least error at a cost."""
    estimate = abs(float(pilot[0]))
    by_row, by_column, rest = (float(part) for part in pilot[4:7])
    seen = layout[0] // base.cluster, layout[1]  # a component within its own noise counts for less
    by_row = max(0.0, by_row - (by_row + rest / seen[1]) * math.sqrt(2 / seen[0]))
    by_column = max(0.0, by_column - (by_column + rest / seen[0]) * math.sqrt(2 / seen[1]))
    fixed, per_row, per_column, per_entry = _costs(base)
    m, k = shapes(CROSSED_ENTRIES, base.cluster)
    groups = m // base.cluster
    variance = by_row / groups + by_column / k + rest / (groups * k)
    cost = fixed + per_row * m + per_column * k + per_entry * m * k
    most = np.maximum(1, nanoseconds // cost)
    if error is None or not estimate:
        blocks, value = most, variance / most
    else:
        target = (error * estimate) ** 2
        wanted = np.maximum(1, np.ceil(variance / target))
        blocks = np.minimum(wanted, most)
        value = np.where(wanted > most, 1e3 * nanoseconds * variance / (target * most), wanted * cost)
    value = np.where(cost > nanoseconds, np.inf, value)
    best = int(value.argmin())  # the first and smallest, where no layout can be paid for
    return int(m[best]), int(k[best]), int(blocks[best])


def _costs(base: Crossed) -> tuple[float, float, float, float]:
    """The cost of a block as fixed + a m + b k + c m k, from four layouts."""
    m, k = 16 * base.cluster, 64
    corner, right, up, both = (
        base.shaped(rows, columns).chunk_cost
        for rows, columns in ((m, k), (2 * m, k), (m, 2 * k), (2 * m, 2 * k))
    )
    per_entry = max(0.0, (both - right - up + corner) / (m * k))
    per_row, per_column = (right - corner) / m - per_entry * k, (up - corner) / k - per_entry * m
    return corner - per_row * m - per_column * k - per_entry * m * k, per_row, per_column, per_entry


def two_way(table: Array, blocks: int, rows: int, columns: int, tail: float) -> tuple[Limits, float]:
    """Limits from the two-way components of so many blocks, corrected for skewness, with two alarms."""
    value = float(table[:, 0].mean())
    variance = float(table[:, 1].mean()) / blocks
    sd = math.sqrt(variance)
    if variance == 0:
        return Limits(value, value), 0.0
    by_row, by_column, rest = (float(part) for part in table[:, 4:7].mean(axis=0))
    a, b = by_row / rows + rest / (rows * columns), by_column / columns + rest / (rows * columns)
    share = a / (a + b)
    freedom = blocks / (share**2 / (rows - 1) + (1 - share) ** 2 / (columns - 1))
    skewness = float(table[:, 2].mean()) / blocks**2 / variance**1.5
    quantile = -float(stdtrit(freedom, tail))
    count = rows if a > b else columns
    alarm = alarm_of(skewness, float(table[:, 3].mean()), quantile, HEAVY, count, "draw")
    low, high = Asymptotic.corrected(value, sd, quantile, skewness)
    return Limits(low, high, alarm), sd
