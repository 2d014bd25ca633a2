"""What mean-field maps give: depth scales and fixed correlations."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.optimize import brentq

from varprop.networks.fixed_points import Kind

__all__ = ["CRITICAL", "CorrelationPoint", "fixed_correlations", "scale"]

CRITICAL = 1e-10
"""A slope this close to 1 is critical: quadrature does not tell it from 1."""
ROUNDING = 1e-14
"""A correlation this small is 0."""


def scale(factor: float) -> float:
    """Return 1 / |ln factor|: layers per factor e; inf at 1, as far as it can be told, 0 at 0.

    Example:
        >>> round(scale(0.9), 3), scale(1.0)
        (9.491, inf)
    """
    if factor <= 0:
        return 0.0
    return math.inf if abs(factor - 1) <= CRITICAL else abs(1 / math.log(factor))


@dataclass(frozen=True)
class CorrelationPoint:
    """A correlation that a layer leaves as it is.

    Attributes:
        correlation: c.
        kind: "attracting", "repelling", or "neutral" where no correlation near it moves.
        slope: d c' / d c there.
        every: whether every correlation stays, and this one only stands for them.
    """

    correlation: float
    kind: Kind
    slope: float
    every: bool = False


def fixed_correlations(
    following: Callable[[float], float], slope: Callable[[float], float], odd: bool, dropped: bool
) -> tuple[CorrelationPoint, ...]:
    """All correlations that a layer leaves as they are, in ascending order.

    c' is a power series in c without negative coefficients, of sum 1 without dropout: then there is a fixed
    c < 1 from 0 on just where the slope at 1 is above 1, once, and all are fixed where c' = c.

    Args:
        following: c' of c.
        slope: its derivative.
        odd: whether c' is an odd function.
        dropped: whether dropout tears equal inputs apart.
    """

    def gap(c: float) -> float:
        return following(c) - c

    low, at_one = gap(0.0), slope(1.0)
    if not dropped and abs(at_one - 1) <= CRITICAL and low <= ROUNDING:
        return (CorrelationPoint(1.0, "neutral", at_one, every=True),)
    kind: Kind = "repelling" if at_one > 1 + CRITICAL else "attracting"
    ends = [] if dropped else [CorrelationPoint(sign, kind, at_one) for sign in (-1.0, 1.0)[not odd :]]
    if kind == "attracting" and not dropped:
        return tuple(ends)
    c = 0.0
    if low > ROUNDING:
        top = 1.0 if dropped else _below_one(gap)
        c = float(brentq(gap, 0.0, top, xtol=1e-16)) if top and gap(top) < 0 else 1.0
    inside = CorrelationPoint(c, "attracting", slope(c))
    return tuple(sorted([*ends, inside], key=lambda point: point.correlation))


def _below_one(gap: Callable[[float], float]) -> float:
    """Return a correlation close to 1 where the gap is negative; 0 if rounding hides it."""
    for exponent in range(1, 50):
        c = 1 - 2.0**-exponent
        if gap(c) < -1e-15:
            return c
    return 0.0
