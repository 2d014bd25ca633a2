"""Polynomials through Chebyshev points, with bounds on their distance from an analytic function."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["RADII", "distance", "evaluated", "fewest", "lebesgue", "points", "semiaxes"]

Array: TypeAlias = NDArray[np.float64]

EPS = float(np.finfo(np.float64).eps)
FINE = float(np.finfo(np.longdouble).eps)
RADII = np.array([1.3, 1.6, 2.0, 2.5, 3.2, 4.5, 7.0, 12.0])
"""The radii rho tried for Bernstein's ellipses: foci -1 and 1, semi-axes (rho + 1/rho)/2, (rho - 1/rho)/2."""


def semiaxes(radii: Array) -> tuple[Array, Array]:
    """The semi-axes of Bernstein's ellipses, along and across the real axis."""
    return (radii + 1 / radii) / 2, (radii - 1 / radii) / 2


def distance(largest: Array, count: int) -> float:
    """How far the polynomial through `count` Chebyshev points is from a function on [-1, 1].

    At most 4 M rho^(1 - count) / (rho - 1), for the best of the radii.

    Args:
        largest: M, the maximum of the function's modulus on the ellipse of each of `RADII`.
        count: the number of points.

    Source: Trefethen, Approximation Theory and Approximation Practice, 2013, theorem 8.2.
    """
    return float((4 * largest * RADII ** (1.0 - count) / (RADII - 1)).min())


def fewest(largest: Array, tolerance: float) -> int:
    """How many points bring `distance` below a tolerance; a million where none do."""
    least = float((1 + np.log(4 * largest / ((RADII - 1) * tolerance)) / np.log(RADII)).min())
    return max(4, math.ceil(min(least, 1e6))) if math.isfinite(least) else 10**6


@lru_cache(maxsize=64)
def _cosines(count: int) -> NDArray[np.longdouble]:
    """cos(k theta_j), theta_j = pi (2 j + 1) / (2 count): the angle as an exact fraction of the circle."""
    order, place = np.ogrid[:count, :count]
    quarter = np.arctan(np.longdouble(1)) / (2 * count)
    cosines: NDArray[np.longdouble] = np.cos((2 * place + 1) * order % (4 * count) * (4 * quarter))
    return cosines


def points(count: int) -> Array:
    """Chebyshev points of the first kind in [-1, 1].

    Example:
        >>> points(2).round(3).tolist()
        [0.707, -0.707]
    """
    angles: Array = _cosines(count)[1].astype(np.float64)
    return angles


def lebesgue(count: int) -> float:
    """By how much errors of the values may grow: 1 + (2/pi) log(count)."""
    return 1 + 2 / math.pi * math.log(count)


def evaluated(values: Array, t: Array, rounding: float) -> tuple[Array, float]:
    """The polynomial through values at `points`, and a bound on its round-off.

    Args:
        values: at the points, two at least.
        t: places in [-1, 1].
        rounding: the error of t and of the points, in rounding units.

    Example:
        >>> cube, error = evaluated(points(5) ** 3, np.array([0.5]), 1.0)
        >>> bool(abs(cube[0] - 0.125) <= error < 1e-13)
        True
    """
    count = len(values)
    precise = np.einsum("ij,j->i", _cosines(count), values.astype(np.longdouble)) * 2 / count
    coefficients = precise.astype(np.float64)
    coefficients[0] /= 2
    # What is left out when the polynomial ends before a coefficient; it may end earlier than was proven.
    beyond = np.cumsum(np.abs(coefficients[::-1]))[::-1]
    kept = max(2, int(np.count_nonzero(beyond > EPS / 16 * beyond[0])))
    dropped = float(beyond[kept]) if kept < count else 0.0
    coefficients, most = coefficients[:kept], 8 * count * FINE * np.abs(values).max()
    count = kept
    powers = np.empty((count, len(t)), dtype=np.complex128)  # of exp(i arccos t), by doubling
    t = np.clip(t, -1.0, 1.0)
    powers[0], powers[1] = 1.0, t + 1j * np.sqrt((1 - t) * (1 + t))
    known = 1
    while known < count - 1:
        more = min(known, count - 1 - known)
        np.multiply(powers[known], powers[1 : 1 + more], out=powers[known + 1 : known + 1 + more])
        known += more
    # The largest coefficients come last, so that partial sums and their rounding stay small before.
    result: Array = (powers.real * coefficients[:, None])[::-1].sum(axis=0)
    orders = np.arange(count)
    error = EPS * np.abs(coefficients) @ (4.0 + 4 * orders + rounding * (1 + lebesgue(count)) * orders**2)
    return result, float(error + most + dropped)
