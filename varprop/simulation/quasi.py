"""Randomized quasi-Monte Carlo: scrambled Sobol points, and samples by inverse distribution functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from varprop.model.activations import Transformed
from varprop.model.distributions import (
    Bernoulli,
    Constant,
    Dropout,
    Exponential,
    Laplace,
    LogNormal,
    Normal,
    Rademacher,
    Rectified,
    StudentT,
    TruncatedNormal,
    Uniform,
)

__all__ = ["DIMENSIONS", "Given", "net", "quantile", "scrambled"]

Array = NDArray[np.float64]

BITS = 32
SPENT = 20
"""Bits of a random word that serve as coins: one per digit of a cell."""
HEAVIEST = 8
"""Degrees of freedom up to which single points carry a replicate, whose spread then tells nothing."""
# For every dimension but the first: degree, coefficients and first direction numbers of its polynomial.
TABLE = (
    (1, 0, (1,)),
    (2, 1, (1, 3)),
    (3, 1, (1, 3, 1)),
    (3, 2, (1, 1, 1)),
    (4, 1, (1, 1, 3, 3)),
    (4, 4, (1, 3, 5, 13)),
    (5, 2, (1, 1, 5, 5, 17)),
)
DIMENSIONS = len(TABLE) + 1
"""The most random numbers behind one sample that quasi-random points are made for."""


@cache
def directions() -> NDArray[np.uint64]:
    """The direction numbers, (dimensions, bits), as fractions of 2^BITS.

    Source:
        S. Joe, F. Y. Kuo, "Constructing Sobol sequences with better two-dimensional projections", 2008.
    """
    found = np.zeros((DIMENSIONS, BITS), dtype=np.uint64)
    found[0] = [1 << (BITS - 1 - k) for k in range(BITS)]
    for dimension, (degree, coefficients, first) in enumerate(TABLE, 1):
        m = list(first)
        for k in range(degree, BITS):
            new = m[k - degree] ^ (m[k - degree] << degree)
            for j in range(1, degree):
                if (coefficients >> (degree - 1 - j)) & 1:
                    new ^= m[k - j] << j
            m.append(new)
        found[dimension] = [m[k] << (BITS - 1 - k) for k in range(BITS)]
    return found


@cache
def net(bits: int) -> NDArray[np.intp]:
    """The first 2^bits points of the sequence, (dimensions, points), as multiples of 2^-bits, each once."""
    points = np.zeros((DIMENSIONS, 2**bits), dtype=np.uint64)
    for k in range(bits):
        np.bitwise_xor(points[:, : 2**k], directions()[:, k, None], out=points[:, 2**k : 2 ** (k + 1)])
    return (points >> np.uint64(BITS - bits)).astype(np.intp)


@cache
def _mirrored(bits: int) -> NDArray[np.intp]:
    """The points with their binary digits in reverse order: those that share digits lie far apart."""
    points, found = net(bits), np.zeros((DIMENSIONS, 2**bits), dtype=np.intp)
    for k in range(bits):
        found |= ((points >> k) & 1) << (bits - 1 - k)
    return found


def scrambled(rng: np.random.Generator, sets: int, dimensions: int, bits: int) -> Array:
    """Copies of 2^bits points of a Sobol net, each under a random nested permutation of its digits.

    Every point is uniform on the open unit cube; the copies are independent. Means over copies are close to
    normal for smooth functions, which those under linear scrambles are not.

    Args:
        rng: the generator to use.
        sets: how many copies.
        dimensions: from 1 to DIMENSIONS.
        bits: log2 of the number of points, at most 20.

    Returns:
        (sets, 2^bits, dimensions)

    Example:
        >>> points = scrambled(np.random.default_rng(1), 3, 2, 4)
        >>> sorted(np.floor(points[1, :, 0] * 16).astype(int).tolist()) == list(range(16))
        True

    Source:
        A. B. Owen, "Randomly permuted (t,m,s)-nets and (t,s)-sequences", 1995; W.-L. Loh, "On the asymptotic
        distribution of scrambled net quadrature", 2003.
    """
    size = 2**bits
    kind = np.uint16 if bits <= 16 else np.uint32
    coins = np.empty((sets, dimensions, size), dtype=kind)
    points: Array = np.empty(coins.shape)
    for k in range(dimensions):
        words = rng.integers(0, 2**64 - 1, (sets, size), dtype=np.uint64, endpoint=True)
        coins[:, k] = words
        words >>= np.uint64(SPENT)
        points[:, k] = words  # the place in a cell, from the bits that are no coins
    flips = np.zeros(coins.shape, dtype=kind)  # of all digits; by the mirrored cell
    for k in range(bits):  # a digit changes or not, whatever the digits before it are
        digit, half = kind(1 << (bits - 1 - k)), flips[..., : 2**k]
        np.bitwise_or(half, coins[..., 2**k : 2 ** (k + 1)] & digit, out=half)
        flips[..., 2**k : 2 ** (k + 1)] = half
    cells, mirrored = net(bits)[:dimensions].astype(kind), _mirrored(bits)
    for k in range(dimensions):
        places = points[:, k]
        places *= 2.0 ** (SPENT - 64)
        places += np.take(flips[:, k], mirrored[k], axis=1, mode="clip") ^ cells[k]
        places *= 1 / size
        np.clip(places, 2.0**-54, 1 - 2.0**-53, out=places)
    return points.transpose(0, 2, 1)


def quantile(law: Any) -> Callable[[Array], Array] | None:
    """The inverse distribution function of a law, where one is known and its tails are not heavy; else None.

    It can be sent to other processes if the law's own activations can.

    Example:
        >>> quantile(Uniform(2, 4))(np.array([0.25]))
        array([2.5])
    """
    if isinstance(law, Rectified | Transformed):
        inner = quantile(law.parent)
        if inner is None:
            return None
        outer = law.activation.value if isinstance(law, Transformed) else _positive
        return partial(_composed, outer, inner)
    inverse = INVERSES.get(type(law))
    if inverse is None or (isinstance(law, StudentT) and law._numbers()[0] <= HEAVIEST):
        return None
    return partial(_inverted, inverse, law._numbers())


def _composed(outer: Callable[[Array], Array], inner: Callable[[Array], Array], u: Array) -> Array:
    return np.asarray(outer(inner(u)))


def _positive(values: Array) -> Array:
    return np.maximum(values, 0.0)


def _inverted(inverse: Callable[..., Array], numbers: tuple[float, ...], u: Array) -> Array:
    return inverse(u, *numbers)


def _normal(u: Array, mean: float, variance: float) -> Array:
    values: Array = special.ndtri(u, order="C")
    values *= np.sqrt(variance)
    values += mean
    return values


def _uniform(u: Array, low: float, high: float) -> Array:
    return low + (high - low) * u


def _exponential(u: Array, mean: float) -> Array:
    return -mean * np.log1p(-u)


def _laplace(u: Array, mean: float, variance: float) -> Array:
    half = np.minimum(u, 1 - u)
    return np.asarray(mean - np.sign(u - 0.5) * np.sqrt(variance / 2) * np.log(2 * half))


def _log_normal(u: Array, mean: float, variance: float) -> Array:
    return np.asarray(np.exp(_normal(u, mean, variance)))


def _student(u: Array, dof: float, center: float, width: float) -> Array:
    return np.asarray(center + width * special.stdtrit(dof, u))


def _truncated(u: Array, low: float, high: float, mean: float, variance: float) -> Array:
    std = np.sqrt(variance)
    side = -1.0 if low > mean else 1.0
    a, b = sorted((side * (low - mean) / std, side * (high - mean) / std))
    u = 1 - u if side < 0 else u
    logs = np.logaddexp(np.log1p(-u) + special.log_ndtr(a), np.log(u) + special.log_ndtr(b))
    return np.asarray(np.clip(mean + side * std * special.ndtri_exp(logs), low, high))


def _rademacher(u: Array) -> Array:
    return np.where(u < 0.5, -1.0, 1.0)


def _bernoulli(u: Array, p: float) -> Array:
    return (u < p).astype(np.float64)


def _dropout(u: Array, keep: float) -> Array:
    return np.where(u < keep, 1 / keep, 0.0)


def _constant(u: Array, value: float) -> Array:
    return np.full(u.shape, value)


INVERSES: dict[type, Callable[..., Array]] = {
    Normal: _normal,
    Uniform: _uniform,
    Exponential: _exponential,
    Laplace: _laplace,
    LogNormal: _log_normal,
    StudentT: _student,
    TruncatedNormal: _truncated,
    Rademacher: _rademacher,
    Bernoulli: _bernoulli,
    Dropout: _dropout,
    Constant: _constant,
}


class Given:
    """A law whose draws are values made before."""

    independent: ClassVar[bool] = False

    def __init__(self, values: Array) -> None:
        self.values = values

    def numbers(self, places: int) -> int:
        """Random numbers behind one sample at so many places."""
        return places

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """The values in the shape asked for."""
        return self.values.reshape(shape)
