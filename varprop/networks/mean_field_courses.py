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
SMALLEST = 1e-300
"""A length below it has lost its digits, and the correlation stays."""
Affine: TypeAlias = tuple[float, float, float]
"""A constant, the factor of the moment below and of the one inside the activation."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Lengths and correlation of two inputs, from the first layer on.

    Attributes:
        states: (3, depth + 1): both lengths and the correlation, in one row each.
    """

    states: Array

    @property
    def first(self) -> Array:
        """Lengths of one input."""
        return self._row(0)

    @property
    def second(self) -> Array:
        """Lengths of the other."""
        return self._row(1)

    @property
    def correlation(self) -> Array:
        """Their correlations."""
        return self._row(2)

    def _row(self, number: int) -> Array:
        row: Array = self.states[number]
        return row

    @classmethod
    def of(cls, depth: int, known: Array | Sequence[Sequence[float]], rest: float | None) -> Trajectory:
        """Fill up to the depth: with the last values, or with inf and an unknown correlation."""
        states = np.asarray(known)
        missing = depth + 1 - states.shape[1]
        if not missing:
            return cls(states)
        tail = states[:, -1] if rest is None else np.array([rest, rest, math.nan])
        return cls(np.concatenate((states, np.repeat(tail[:, None], missing, axis=1)), axis=1))


def clipped(c: float) -> float:
    """Return a correlation that rounding has not taken out of [-1, 1]."""
    return min(max(c, -1.0), 1.0)


def course(
    kernel: Kernel,
    length: Affine,
    covariance: Affine,
    depth: int,
    start: tuple[float, float, float],
    compiled: bool = False,
) -> Trajectory:
    """Iterate two lengths and a correlation; a state that comes again ends the work.

    Args:
        kernel: the expectations of the activation.
        length: the map of lengths.
        covariance: the map of covariances.
        depth: number of layers.
        start: both lengths and the correlation.
        compiled: whether closed forms run as machine code.
    """
    q, r, c = start
    alike = q == r and length == covariance
    if alike and (c == 1 or (c == -1 and kernel.phi.parity == "odd" and not length[0])):
        found = _moved(kernel, length, covariance, depth, start, compiled)
        steady = np.where(np.isnan(found.correlation), math.nan, c)
        return Trajectory(np.stack([found.first, found.first, steady]))  # rounding would tear them apart
    return _moved(kernel, length, covariance, depth, start, compiled)


def _moved(
    kernel: Kernel,
    length: Affine,
    covariance: Affine,
    depth: int,
    start: tuple[float, float, float],
    compiled: bool,
) -> Trajectory:
    if kernel.closed is None:
        return _iterated(kernel, length, covariance, depth, start)
    if compiled:
        run = kernel.pair_course(bool(length[1] or covariance[1]))
        found, count = run(*start, *length, *covariance, depth)
        known, still = found[:, :count], False
    else:
        known, still = _computed(kernel, (*length, *covariance), depth, start)
    left = depth + 1 - known.shape[1]
    if still or not left:
        return Trajectory.of(depth, known, None)
    q, r, c = map(float, known[:, -1])
    rest = _iterated(kernel, length, covariance, left, (q, r, c))
    return Trajectory(np.concatenate((known, rest.states[:, 1:]), axis=1))


def _computed(
    kernel: Kernel,
    coefficients: tuple[float, ...],
    depth: int,
    start: tuple[float, float, float],
) -> tuple[Array, bool]:
    """Iterate closed forms as long as they keep their digits; True with it if the course stands still."""
    assert kernel.closed is not None
    _, low, high = kernel.closed
    skips = bool(coefficients[1] or coefficients[4])
    q, r, c = start
    values, still = _repeated(
        kernel.layers(skips, False), [q, r, c * math.sqrt(q) * math.sqrt(r)], coefficients, depth
    )
    found = np.fromiter(values, np.float64, len(values)).reshape(-1, 3)[: depth + 1].T
    left = depth + 1 - found.shape[1]
    if left and not still and values[-6:-4] == values[-3:-1]:
        *rest, product = values[-3:]
        values, still = _repeated(kernel.layers(skips, True), [product], (*rest, *coefficients), left)
        more = np.empty((3, min(left, len(values) - 1)))
        more[:2], more[2] = found[:2, -1:], values[1 : left + 1]
        found = np.concatenate((found, more), axis=1)
    lengths, products = found[:2], found[2]
    if not (low <= np.minimum.reduce(lengths, axis=None) and np.maximum.reduce(lengths, axis=None) <= high):
        return np.array(start)[:, None], False
    products /= np.sqrt(found[0] * found[1])
    np.minimum(products, 1, out=products)
    np.maximum(products, -1, out=products)
    products[0] = c
    return found, still


def _repeated(
    layers: Unrolled, start: list[float], coefficients: Sequence[float], depth: int
) -> tuple[list[float], bool]:
    """The state of every layer, up to where both lengths stand still; True with it if all of it does."""
    values, state, mark, check = start, (*start,), (*start,), 1
    size = len(start)
    for done in range(1, -(-depth // LAYERS) + 1):
        try:
            made = layers(*state, *coefficients)
        except (ArithmeticError, ValueError):
            break
        state = made[-size:]
        values += made
        if state == mark:  # it stands still, or the last digit goes to and fro
            return values, True
        if size > 1 and made[-3] == made[-6] and made[-2] == made[-5]:
            break
        if done == check:
            mark, check = state, 2 * check
    return values, False


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
                return Trajectory.of(depth, (first, other, turns), math.inf)
            both = shared + kept * c * sqrt(q) * sqrt(r) + mixed * cross(q, r, c)
        except (MomentError, ArithmeticError, ValueError):
            return Trajectory.of(depth, (first, other, turns), math.inf)
        q, r = long, wide
        c = both / (sqrt(q) * sqrt(r)) if q > SMALLEST and r > SMALLEST else c
        c = 1.0 if c > 1 else -1.0 if c < -1 else c
        first.append(q)
        other.append(r)
        turns.append(c)
        if (q, r, c) == mark:  # it stands still, or the last digit goes to and fro
            break
        if done == check:
            mark, check = (q, r, c), 2 * check
    return Trajectory.of(depth, (first, other, turns), None)


def scale_free_course(
    kernel: Kernel,
    length: Affine,
    covariance: Affine,
    depth: int,
    start: tuple[float, float, float],
    compiled: bool = False,
) -> Trajectory:
    """Do the same where lengths go by one factor and the correlation does not depend on them."""
    _, below, inside = length
    _, kept, mixed = covariance
    q, r, c = start
    factor = below + inside * kernel.second(1.0)
    states = np.empty((3, depth + 1))
    if factor == 1:
        states[0], states[1] = q, r
    else:
        with np.errstate(over="ignore", under="ignore"):
            powers = factor ** np.arange(depth + 1.0)
            states[0], states[1] = q * powers, r * powers
    alive = q and r and factor
    states[2] = _turned(kernel, kept / factor, mixed / factor, depth, c, compiled) if alive else c
    return Trajectory(states)


def _turned(kernel: Kernel, kept: float, mixed: float, depth: int, c: float, compiled: bool) -> Array:
    """Iterate the map of correlations."""
    if compiled:
        found, count = kernel.turn_course(bool(kept))(c, kept, mixed, depth)
        if count > depth:
            return found
        turns, still = found[:count].tolist(), False
    else:
        turns, still = _repeated(kernel.turns(bool(kept)), [c], (kept, mixed), depth)
    cross, c = kernel.cross, turns[-1]
    while len(turns) <= depth and not still:  # rounding has taken it out of [-1, 1]
        c = clipped(kept * c + mixed * cross(1.0, 1.0, c))
        still = c == turns[-1]
        turns.append(c)
    missing = depth + 1 - len(turns)
    if missing > 0:
        turns += turns[-1:] * missing
    return np.fromiter(turns, np.float64, len(turns))[: depth + 1]
