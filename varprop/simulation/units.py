"""Units in which numbers near the ends of float64 have squares and cubes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["over_largest", "power_of", "spread", "times"]

Array = NDArray[np.float64]

SAFE = 100
"""The power of two, of either sign, up to which squares and cubes stay far within float64."""


def power_of(*values: Array | float) -> int:
    """The power of two near the largest of these numbers; 0 where they are of usual size or not finite.

    Example:
        >>> power_of(np.array([1e-200, 0.0]), 3e-201), power_of(2.0)
        (-664, 0)
    """
    largest = max(float(np.abs(each).max()) for each in values)
    power = math.frexp(largest)[1] if math.isfinite(largest) else 0
    return power if abs(power) > SAFE else 0


def times(value: float, power: int) -> float:
    """A number times 2^power; infinite where that is beyond float64."""
    try:
        return math.ldexp(value, power)
    except OverflowError:
        return math.copysign(math.inf, value)


def over_largest(values: Array) -> tuple[Array, float]:
    """Values over the size of the largest, and this size; 1 if all are zero.

    Example:
        >>> over_largest(np.array([1e-200, -2e-200]))
        (array([ 0.5, -1. ]), 2e-200)
    """
    size = float(np.abs(values).max()) or 1.0
    return values / size, size


def spread(values: Array) -> float:
    """The standard deviation of values of any size, with n - 1."""
    power = power_of(values)
    return times(float(np.ldexp(values, -power).std(ddof=1)), power)
