"""The course of two inputs through the layers of a wide net."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from varprop.errors import MomentError
from varprop.networks.kernels import Kernel, Step

__all__ = ["Trajectory", "clipped", "course", "scale_free_course"]

Array = NDArray[np.float64]
LARGEST = 1e300
"""A length beyond it has left the range of floats, or will in the next layer."""
Affine: TypeAlias = tuple[float, float, float]
"""A constant, the factor of the moment below and of the one inside the activation."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Lengths and correlation of two inputs, from the first layer on.

    Attributes:
        first: lengths of one input.
        second: lengths of the other.
        correlation: their correlations.
    """

    first: Array
    second: Array
    correlation: Array

    @classmethod
    def of(
        cls, depth: int, first: list[float], second: list[float], correlation: list[float], rest: float | None
    ) -> Trajectory:
        """Fill up to the depth: with the last values, or with inf and an unknown correlation."""
        missing = depth + 1 - len(first)
        tails = (first[-1], second[-1], correlation[-1]) if rest is None else (rest, rest, math.nan)
        made = (
            np.array(values + [tail] * missing)
            for values, tail in zip((first, second, correlation), tails, strict=True)
        )
        return cls(*made)


def clipped(c: float) -> float:
    """Return a correlation that rounding has not taken out of [-1, 1]."""
    return min(max(c, -1.0), 1.0)


def course(
    kernel: Kernel, length: Affine, covariance: Affine, depth: int, start: tuple[float, float, float]
) -> Trajectory:
    """Iterate two lengths and a correlation; a state that comes again ends the work.

    Args:
        kernel: the expectations of the activation.
        length: the map of lengths.
        covariance: the map of covariances.
        depth: number of layers.
        start: both lengths and the correlation.
    """
    if kernel.plain is not None:
        step, low, high = kernel.plain
        found = _iterated(step, length, covariance, depth, start)
        lengths = found.first[np.isfinite(found.first)], found.second[np.isfinite(found.second)]
        if all(low <= part.min() and part.max() <= high for part in lengths):
            return found
    return _iterated(kernel.step, length, covariance, depth, start)


def _iterated(
    step: Step,
    length: Affine,
    covariance: Affine,
    depth: int,
    start: tuple[float, float, float],
) -> Trajectory:
    constant, below, inside = length
    shared, kept, mixed = covariance
    sqrt = math.sqrt
    q, r, c = start
    first, other, turns = [q], [r], [c]
    mark, check = start, 1
    for done in range(1, depth + 1):
        try:
            own, others, both = step(q, r, c)
            root = sqrt(q) * sqrt(r)
            q = constant + below * q + inside * own
            r = constant + below * r + inside * others
            if not (q < LARGEST and r < LARGEST):
                return Trajectory.of(depth, first, other, turns, math.inf)
            both = shared + kept * c * root + mixed * both
        except (MomentError, ArithmeticError, ValueError):
            return Trajectory.of(depth, first, other, turns, math.inf)
        c = both / (sqrt(q) * sqrt(r)) if q and r else c
        c = 1.0 if c > 1 else -1.0 if c < -1 else c
        first.append(q)
        other.append(r)
        turns.append(c)
        if (q, r, c) == mark:  # it stands still, or the last digit goes to and fro
            break
        if done == check:
            mark, check = (q, r, c), 2 * check
    return Trajectory.of(depth, first, other, turns, None)


def scale_free_course(
    kernel: Kernel, length: Affine, covariance: Affine, depth: int, start: tuple[float, float, float]
) -> Trajectory:
    """Do the same where lengths go by one factor and the correlation does not depend on them."""
    _, below, inside = length
    _, kept, mixed = covariance
    q, r, c = start
    factor = below + inside * kernel.second(1.0)
    with np.errstate(over="ignore", under="ignore"):
        powers = factor ** np.arange(depth + 1.0) if factor != 1 else np.ones(depth + 1)
        lengths = q * powers, r * powers
    cross, turns = kernel.cross, [c]
    if q and r and factor:
        kept, mixed = kept / factor, mixed / factor
        for _ in range(depth):
            new = kept * c + mixed * cross(1.0, 1.0, c)
            new = 1.0 if new > 1 else new
            if new == c:
                break
            c = new
            turns.append(c)
    turns += [c] * (depth + 1 - len(turns))
    return Trajectory(lengths[0], lengths[1], np.array(turns))
