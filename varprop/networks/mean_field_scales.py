"""What mean-field maps give: depth scales and fixed correlations."""

from __future__ import annotations

import math
from dataclasses import dataclass

from varprop.networks.fixed_points import Kind

__all__ = ["CRITICAL", "CorrelationPoint", "scale", "slope_kind"]

CRITICAL = 1e-10
"""A slope this close to 1 is critical: quadrature does not tell it from 1."""


def scale(factor: float) -> float:
    """Return 1 / |ln factor|: layers per factor e; inf at 1, 0 at 0.

    Example:
        >>> round(scale(0.9), 3), scale(1.0)
        (9.491, inf)
    """
    if factor <= 0:
        return 0.0
    return math.inf if factor == 1 else abs(1 / math.log(factor))


@dataclass(frozen=True)
class CorrelationPoint:
    """A correlation that a layer leaves as it is.

    Attributes:
        correlation: c.
        kind: "attracting", "neutral" or "repelling".
        slope: d c' / d c there.
    """

    correlation: float
    kind: Kind
    slope: float


def slope_kind(slope: float) -> Kind:
    """Classify a fixed correlation by its slope."""
    if abs(slope - 1) <= CRITICAL:
        return "neutral"
    return "attracting" if slope < 1 else "repelling"
