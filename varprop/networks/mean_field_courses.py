"""The course of two inputs through the layers of a wide net."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from varprop.errors import MomentError
from varprop.networks.kernels import Kernel
from varprop.networks.unrolled import LAYERS, Unrolled

__all__ = ["Trajectory", "clipped", "course", "scale_free_course"]

Array = NDArray[np.float64]
LARGEST = 1e300
"""A length beyond it has left the range of floats, or will in the next layer."""
Course: TypeAlias = list[float] | Array
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
        cls, depth: int, first: Course, second: Course, correlation: Course, rest: float | None
    ) -> Trajectory:
        """Fill up to the depth: with the last values, or with inf and an unknown correlation."""
        missing = depth + 1 - len(first)
        tails = (first[-1], second[-1], correlation[-1]) if rest is None else (rest, rest, math.nan)
        made = (
            np.append(values, [tail] * missing) if missing else np.asarray(values)
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
    if kernel.layers is None:
        return _iterated(kernel, length, covariance, depth, start)
    known, still = _computed(*kernel.layers, (*length, *covariance), depth, start)
    left = depth + 1 - known.shape[1]
    if still or not left:
        first, second, turns = known
        return Trajectory.of(depth, first, second, turns, None)
    q, r, c = map(float, known[:, -1])
    rest = _iterated(kernel, length, covariance, left, (q, r, c))
    return Trajectory(*map(np.append, known, (rest.first[1:], rest.second[1:], rest.correlation[1:])))


def _computed(
    layers: Unrolled,
    low: float,
    high: float,
    coefficients: Sequence[float],
    depth: int,
    start: tuple[float, float, float],
) -> tuple[Array, bool]:
    """Iterate closed forms as long as they keep their digits; True with it if the course stands still."""
    q, r, c = start
    state: Sequence[float] = (q, r, c * math.sqrt(q) * math.sqrt(r))
    values, mark, check = [*state], state, 1
    still = False
    for done in range(1, -(-depth // LAYERS) + 1):
        try:
            made = layers(*state, *coefficients)
        except (ArithmeticError, ValueError):
            break
        state = made[-3:]
        values += made
        if state == mark:  # it stands still, or the last digit goes to and fro
            still = True
            break
        if done == check:
            mark, check = state, 2 * check
    found = np.fromiter(values, np.float64, len(values)).reshape(-1, 3)[: depth + 1].T
    first, second, products = found
    if not (low <= found[:2].min() and found[:2].max() <= high):
        return np.array(start)[:, None], False
    np.divide(products, np.sqrt(first * second), out=products)
    products.clip(-1, 1, out=products)
    products[0] = c
    return found, still


def _iterated(
    kernel: Kernel,
    length: Affine,
    covariance: Affine,
    depth: int,
    start: tuple[float, float, float],
) -> Trajectory:
    constant, below, inside = length
    shared, kept, mixed = covariance
    second, cross, sqrt = kernel.second, kernel.cross, math.sqrt
    q, r, c = start
    first, other, turns = [q], [r], [c]
    mark, check = start, 1
    for done in range(1, depth + 1):
        try:
            long = constant + below * q + inside * second(q)
            wide = long if q == r else constant + below * r + inside * second(r)
            if not (long < LARGEST and wide < LARGEST):
                return Trajectory.of(depth, first, other, turns, math.inf)
            both = shared + kept * c * sqrt(q) * sqrt(r) + mixed * cross(q, r, c)
        except (MomentError, ArithmeticError, ValueError):
            return Trajectory.of(depth, first, other, turns, math.inf)
        q, r = long, wide
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
    turns = np.full(depth + 1, c)
    if q and r and factor:
        turns = _turned(kernel, kept / factor, mixed / factor, depth, c)
    return Trajectory(lengths[0], lengths[1], turns)


def _turned(kernel: Kernel, kept: float, mixed: float, depth: int, c: float) -> Array:
    """Iterate the map of correlations."""
    layers, turns, still = kernel.turns, [c], False
    while len(turns) <= depth and not still:
        try:
            made = layers(turns[-1], kept, mixed)
        except ValueError:  # rounding has taken it out of [-1, 1]
            break
        still = made[-1] == turns[-1]
        turns += made
    cross, c = kernel.cross, turns[-1]
    while len(turns) <= depth and not still:
        c = clipped(kept * c + mixed * cross(1.0, 1.0, c))
        still = c == turns[-1]
        turns.append(c)
    return np.array(turns + [turns[-1]] * (depth + 1 - len(turns)))[: depth + 1]
