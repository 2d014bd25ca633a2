"""Quantiles of a law, from its tails and its density."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from varprop.laws.law import Law

__all__ = ["bracketed"]

Array: TypeAlias = NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)


def bracketed(law: Law, log_down: Array, log_up: Array) -> tuple[Array, Array]:
    """The ends of brackets of the quantiles of probabilities, mostly equal.

    Newton's steps on the log of the smaller tail, kept inside a bracket that bisection shrinks.

    Args:
        law: what is inverted.
        log_down, log_up: the logs of P(z <= x) and P(z > x), one pair per quantile.
    """
    lower = log_down <= math.log(0.5)
    goal = np.where(lower, log_down, log_up)
    sign = np.where(lower, 1.0, -1.0)
    unit = law.std if 0 < law.std < math.inf else 1.0
    center = law.mean if math.isfinite(law.mean) else 0.0

    def gap(x: Array, chosen: Any) -> Array:
        """Negative below the quantile."""
        up, down, _ = law._tails(x)
        return np.asarray(sign[chosen] * (np.where(lower[chosen], down, up) - goal[chosen]))

    low, high = np.full(len(goal), center - unit), np.full(len(goal), center + unit)
    open_ends = np.flatnonzero(np.isfinite(goal))
    for _ in range(400):
        under = gap(low[open_ends], open_ends) >= 0
        over = gap(high[open_ends], open_ends) < 0
        low[open_ends] = np.where(under, center - 2 * (center - low[open_ends]), low[open_ends])
        high[open_ends] = np.where(over, center + 2 * (high[open_ends] - center), high[open_ends])
        open_ends = open_ends[under | over]
        if not len(open_ends):
            break
    x = low / 2 + high / 2
    held = np.zeros(len(goal), dtype=bool)
    for place, chance in law.atoms[:64]:
        log_at = float(law._tails(np.array([place]))[1][0])
        log_before = log_at + math.log1p(-min(1.0, chance * math.exp(-log_at)) * (1 - EPS))
        here = (log_before < log_down) & (log_down <= log_at + 4 * EPS)
        low[here] = high[here] = place
        held |= here
    active = np.flatnonzero(np.isfinite(goal) & ~held)
    for turn in range(300):
        value = gap(x[active], active)
        low[active] = np.where(value < 0, x[active], low[active])
        high[active] = np.where(value < 0, high[active], x[active])
        a, b = low[active], high[active]
        with np.errstate(all="ignore"):
            # A quantile near 0 is sought by ratios of sizes.
            ratio = np.sign(b) * np.sqrt(np.abs(a)) * np.sqrt(np.abs(b))
            wide = ((a > 0) | (b < 0)) & (b - a > 0.5 * np.abs(a / 2 + b / 2))
            middle = np.where(wide, ratio, a / 2 + b / 2)
            edge, size = (a == 0) | (b == 0), np.maximum(np.abs(a), np.abs(b)) / unit
            middle = np.where(edge & (size <= 0.5), np.sign(a + b) * unit * size**2, middle)
            logs, _ = law._log_density(x[active])
            slope = np.exp(logs - goal[active] - sign[active] * value)
            step = x[active] - value / slope
            step = np.where(np.isfinite(step) & (a < step) & (step < b) & (turn % 4 != 3), step, middle)
            size = np.maximum(np.abs(a), np.abs(b))
            done = (b - a <= 4 * EPS * size) | (value == 0) | (np.abs(step - x[active]) <= EPS * np.abs(step))
            done |= b - a < 1e-300 * unit
        x[active] = np.where(done & (value == 0), x[active], step)
        ended = active[done]
        low[ended], high[ended] = x[ended], x[ended]
        active = active[~done]
        if not len(active):
            break
    return low, high
