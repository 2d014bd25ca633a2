"""All fixed points of a map of lengths, found on a grid in log q, classified by what happens beside them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

__all__ = ["FLAT", "FixedPoint", "Kind", "Roots", "at_zero", "growth_roots", "kind_of"]

Array = NDArray[np.float64]
Kind: TypeAlias = Literal["attracting", "neutral", "half-stable", "repelling"]

FLAT = 1e-10
"""A relative change per layer below this is none: quadrature does not see it."""
CLOSE = 0.05
"""Where |r| stays above this no root is near."""
DENSE, COARSE = 32, 4
"""Lengths per decade in the middle, from 10^-3 to 10^3, and beyond."""
SPARSE = 8
"""Decades between lengths further out, where every map is close to a power."""
NEAR, FAR = 14, 14
"""The grid runs from 10^-14 to 10^14, further where a variance asks for it."""


@dataclass(frozen=True)
class FixedPoint:
    r"""A length q that a layer leaves as it is.

    Attributes:
        length: q, the variance of a pre-activation; 0 and inf count too.
        kind: "attracting", "neutral" (no length near it moves), "half-stable" (attracting from one side) or
            "repelling".
        chi_q: d q' / d q there: how a small change of length shrinks.
        chi_1: the factor of a gradient's second moment per layer, and of 1 - c near correlation 1.
        every: whether every length is fixed, and this one only stands for them.
    """

    length: float
    kind: Kind
    chi_q: float
    chi_1: float
    every: bool = False


@dataclass(frozen=True)
class Roots:
    """Where r(q) = q'/q - 1 vanishes, and its sign at both ends of the grid.

    Attributes:
        points: pairs of q and the signs of r left and right of it.
        first: sign of r for small q, 0 if every length is fixed.
        last: sign of r for large q.
    """

    points: tuple[tuple[float, int, int], ...]
    first: int
    last: int


def kind_of(left: int, right: int, chi_q: float = 0.0) -> Kind:
    """Classify by the sign of q' - q left and right; a slope below -1 oscillates away."""
    if left == right:
        return "half-stable" if left else "neutral"
    return "attracting" if left > right and chi_q >= -1 else "repelling"


def grid(low: float, high: float) -> Array:
    """Return lengths, dense in the middle and sparse far out."""
    bottom = math.floor(math.log10(low)) - 2 if low > 0 else -NEAR
    top = math.ceil(math.log10(high)) + 2 if high > 0 else FAR
    exponents = [
        np.arange(max(bottom, -300), -NEAR, SPARSE),
        np.arange(-NEAR * COARSE, -3 * COARSE) / COARSE,
        np.arange(-3 * DENSE, 3 * DENSE) / DENSE,
        np.arange(3 * COARSE, FAR * COARSE + 1) / COARSE,
        np.arange(FAR + 1, min(top, 307) + SPARSE, SPARSE).clip(max=307),
    ]
    return np.asarray(10.0 ** np.concatenate(exponents))


def growth_roots(
    many: Callable[[Array], tuple[Array, Array]],
    one: Callable[[float], float],
    slope: Callable[[float], float],
    low: float,
    high: float,
) -> Roots:
    """Find all q > 0 with r(q) = 0; between extrema of r, which are found first, there is at most one.

    Args:
        many: r and its derivative by log q, for an array of q.
        one: r for one q, to all digits.
        slope: its derivative by log q.
        low: a variance that may be the smallest length of interest.
        high: one that may be the largest.
    """
    q = grid(low, high)
    r, turn = many(q)
    small = np.abs(r) < CLOSE
    extrema = []
    for i in np.flatnonzero((turn[:-1] > 0) != (turn[1:] > 0)):
        if small[i] or small[i + 1]:
            ends = math.log(q[i]), math.log(q[i + 1])
            if (slope(math.exp(ends[0])) > 0) != (slope(math.exp(ends[1])) > 0):
                extrema.append(math.exp(brentq(lambda u: slope(math.exp(u)), *ends, xtol=1e-13)))
    points = sorted([*zip(q.tolist(), r.tolist(), strict=True), *((place, one(place)) for place in extrema)])
    big = [k for k, (_, growth) in enumerate(points) if abs(growth) > FLAT]
    if not big:
        return Roots((), 0, 0)
    signs = [1 if points[k][1] > 0 else -1 for k in big]
    found: list[tuple[float, int, int]] = []
    for k, (low_end, high_end) in enumerate(itertools.pairwise(big)):
        if signs[k] != signs[k + 1]:
            found.append((_root(one, points[low_end][0], points[high_end][0]), signs[k], signs[k + 1]))
        elif high_end > low_end + 1:
            flat = min(points[low_end + 1 : high_end], key=lambda point: abs(point[1]))
            found.append((flat[0], signs[k], signs[k]))
    return Roots(tuple(found), signs[0], signs[-1])


def _root(one: Callable[[float], float], low: float, high: float) -> float:
    left, right = one(low), one(high)
    if left == 0 or right == 0:
        return low if left == 0 else high
    if not (math.isfinite(left) and math.isfinite(right)) or (left > 0) == (right > 0):
        return math.sqrt(low) * math.sqrt(high)
    found = brentq(lambda u: one(math.exp(u)), math.log(low), math.log(high), xtol=1e-15, rtol=1e-14)
    return float(math.exp(found))


def at_zero(roots: Roots, chi: float) -> FixedPoint:
    """Return the fixed point at length 0, of slope chi."""
    sign = roots.first if abs(chi - 1) <= FLAT else (1 if chi > 1 else -1)
    kind: Kind = "neutral" if sign == 0 else ("attracting" if sign < 0 else "repelling")
    return FixedPoint(0.0, kind, chi, chi)
