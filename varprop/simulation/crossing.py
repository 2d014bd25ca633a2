"""Layouts of crossed blocks, and limits from their two-way variance components."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from varprop.simulation.methods import Blocks
from varprop.simulation.premises import Asymptotic, Limits, alarm_of
from varprop.simulation.twoway import Crossed, shapes

__all__ = ["CARRIED", "FEW", "Plan", "enough", "in_range", "layout_of", "two_way"]

Array = NDArray[np.float64]

CROSSED_ENTRIES = 2**18
SIDES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Rows and columns of small blocks."""
MANY = 256
"""Small blocks that tell their own spread: as many as a check has at its first look."""
FEW = 6.0
"""The share of one replicate that raises an alarm, over log(B) / B."""
CARRIED = 0.4
"""The share of one block that raises an alarm, over 1 / x^2 at the quantile x of the interval."""
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


@dataclass(frozen=True)
class Plan:
    """The cheapest crossed layout found: large blocks one by one, or many small ones together.

    Args:
        rows: of a large block.
        columns: of a large block.
        blocks: how many large ones.
        small: a small block, where many of them cost less.
        samples: of all small blocks.
    """

    rows: int
    columns: int
    blocks: int
    small: Blocks | None = None
    samples: int = 0


def layout_of(
    base: Crossed,
    small: Blocks,
    layout: tuple[int, int],
    pilot: Sequence[float],
    error: float | None,
    nanoseconds: float,
) -> Plan:
    """Rows, columns and blocks that reach an error at the least cost, or the least error at a cost.

    Args:
        base: large blocks, each with its own variance from two-way components.
        small: small blocks, whose spread tells their variance; left out where rows share magnitudes.
        layout: rows and columns of the pilot.
        pilot: its results.
        error: standard error over the size of the estimate to aim at, if any.
        nanoseconds: what all blocks may cost.
    """
    estimate = abs(float(pilot[0]))
    by_row, by_column, rest = (float(part) for part in pilot[4:7])
    target = (error * estimate) ** 2 if error and estimate else None
    sides = np.array(SIDES)
    m, k = (side.ravel() for side in np.meshgrid(sides, sides, indexing="ij"))
    variance = by_row / m + by_column / k + rest / (m * k)
    cost = _costs(lambda rows, columns: small.shaped(rows, columns).cost, 8, 32, m, k)
    blocks, value = _cheapest(variance, cost, target, nanoseconds, MANY)
    best = int(value.argmin())
    few, least = (int(m[best]), int(k[best]), int(blocks[best])), float(value[best])

    seen = layout[0] // base.cluster, layout[1]  # a component within its own noise counts for less
    by_row = max(0.0, by_row - (by_row + rest / seen[1]) * math.sqrt(2 / seen[0]))
    by_column = max(0.0, by_column - (by_column + rest / seen[0]) * math.sqrt(2 / seen[1]))
    m, k = shapes(CROSSED_ENTRIES, base.cluster)
    groups = m // base.cluster
    variance = by_row / groups + by_column / k + rest / (groups * k)
    cost = _costs(lambda rows, columns: base.shaped(rows, columns).chunk_cost, 16 * base.cluster, 64, m, k)
    blocks, value = _cheapest(variance, cost, target, nanoseconds, 1)
    best = int(value.argmin())  # the first and smallest, where no layout can be paid for
    large = Plan(int(m[best]), int(k[best]), int(blocks[best]))
    if base.cluster > 1 or not least < value[best]:
        return large
    shaped = small.shaped(*few[:2])
    return replace(large, small=shaped, samples=few[2] * shaped.design.samples)


def _cheapest(
    variance: Array, cost: Array, target: float | None, nanoseconds: float, least: int
) -> tuple[Array, Array]:
    """Of every layout how many blocks, and what to minimize: their cost, or the variance they leave."""
    most = np.maximum(least, nanoseconds // cost)
    if target is None:
        blocks, value = most, variance / most
    else:
        wanted = np.maximum(least, np.ceil(variance / target))
        blocks = np.minimum(wanted, most)
        value = np.where(wanted > most, 1e3 * nanoseconds * variance / (target * most), wanted * cost)
    return blocks, np.where(least * cost > nanoseconds, np.inf, value)


def _costs(
    cost: Callable[[int, int], float], m: int, k: int, rows: NDArray[Any], columns: NDArray[Any]
) -> Array:
    """The cost of layouts as fixed + a rows + b columns + c rows columns, from four of them."""
    corner, right, up, both = cost(m, k), cost(2 * m, k), cost(m, 2 * k), cost(2 * m, 2 * k)
    per_entry = max(0.0, (both - right - up + corner) / (m * k))
    per_row, per_column = (right - corner) / m - per_entry * k, (up - corner) / k - per_entry * m
    fixed = corner - per_row * m - per_column * k - per_entry * m * k
    return np.asarray(fixed + per_row * rows + per_column * columns + per_entry * rows * columns)


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
