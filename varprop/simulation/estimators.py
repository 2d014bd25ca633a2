"""Unbiased statistics of blocks, plain and crossed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from varprop.errors import SamplingError

__all__ = [
    "HIGHEST_ORDER",
    "centered",
    "central_moment",
    "covariance",
    "crossed_covariance",
    "cumulant",
    "grouped",
    "mean",
    "raw_moment",
    "variance",
]

Array = NDArray[np.float64]

HIGHEST_ORDER = 8
"""The highest order of a central moment or a cumulant that has an unbiased estimate here."""


def _flat(block: Array) -> Array:
    return block.reshape(block.shape[0], -1)


def _power(values: Array, order: int) -> Array:
    """Repeated multiplication: many times faster than a general power, and the same bits everywhere."""
    result, square = None, values
    while order:
        if order & 1:
            result = square if result is None else result * square
        order >>= 1
        if order:
            square = square * square
    return np.ones_like(values) if result is None else result


def mean(samples: Array) -> Array:
    """The mean of each block, plain (blocks, m) or crossed (blocks, m, k).

    Example:
        >>> mean(np.array([[1.0, 3.0], [0.0, 5.0]]))
        array([2. , 2.5])
    """
    result: Array = _flat(samples).mean(axis=1)
    return result


def raw_moment(samples: Array, order: int) -> Array:
    """The mean of z^order of each block, plain or crossed.

    Args:
        samples: (blocks, m) or (blocks, m, k).
        order: a non-negative integer.

    Example:
        >>> raw_moment(np.array([[1.0, 3.0]]), 2)
        array([5.])
    """
    return mean(_power(samples, order))


def centered(samples: Array) -> Array:
    """Deviations from the mean of each block; equal samples have none, not even by rounding.

    Args:
        samples: (blocks, ...).

    Example:
        >>> centered(np.full((1, 3), 0.1))
        array([[0., 0., 0.]])
    """
    each = (slice(None), *[slice(0, 1)] * (samples.ndim - 1))
    deviations: Array = samples - samples[each]
    deviations -= deviations.mean(axis=tuple(range(1, samples.ndim)), keepdims=True)
    return deviations


def covariance(first: Array, second: Array) -> Array:
    """The unbiased covariance of each plain block: sum (x - mean x)(y - mean y) / (m - 1).

    Args:
        first: (blocks, m), m at least 2.
        second: (blocks, m), drawn together with the first.

    Raises:
        SamplingError: fewer than two samples in a block.

    Example:
        >>> covariance(np.array([[1.0, 3.0]]), np.array([[0.0, 4.0]]))
        array([4.])
    """
    size = _enough(first, 2, "a covariance")
    left = centered(first)
    right = left if second is first else centered(second)
    result: Array = np.einsum("bs,bs->b", left, right) / (size - 1)
    return result


def variance(samples: Array) -> Array:
    """The unbiased variance of each plain block: sum (z - mean z)^2 / (m - 1).

    Example:
        >>> variance(np.array([[1.0, 3.0]]))
        array([2.])
    """
    return covariance(samples, samples)


def crossed_covariance(first: Array, second: Array) -> Array:
    """The unbiased covariance of each crossed block: a U-statistic over pairs sharing no row or column.

    mean(X Y) - sum_{i != i', j != j'} X_ij Y_i'j' / (m (m-1) k (k-1)).

    Args:
        first: (blocks, m, k), entry (i, j) made from the i-th row draw and the j-th column draw; m and k at
            least 2.
        second: the same shape, from the same draws.

    Raises:
        SamplingError: fewer than two rows or columns.

    Example:
        >>> z = np.array([[[1.0, 2.0], [3.0, 5.0]]])
        >>> crossed_covariance(z, z)  # (1*5 + 2*3)/2 = 5.5 off the mean of squares 9.75
        array([4.25])

    Source:
        W. Hoeffding, "A class of statistics with asymptotically normal distribution", 1948.
    """
    _, rows, columns = first.shape
    if min(rows, columns) < 2:
        raise SamplingError(
            f"a crossed block of {rows} x {columns}",
            "a covariance needs pairs that share nothing",
            "Use at least two rows and two columns.",
        )
    left = centered(first)  # the statistic does not change, its rounding does
    right = left if second is first else centered(second)
    entries = np.einsum("bij,bij->b", left, right)
    by_row = np.einsum("bi,bi->b", left.sum(axis=2), right.sum(axis=2))
    by_column = np.einsum("bj,bj->b", left.sum(axis=1), right.sum(axis=1))
    total = left.sum(axis=(1, 2)) * right.sum(axis=(1, 2))
    pairs = (total - by_row - by_column + entries) / (rows * (rows - 1) * columns * (columns - 1))
    result: Array = entries / (rows * columns) - pairs
    return result


def central_moment(samples: Array, order: int) -> Array:
    """The unbiased estimate of E (z - E z)^order of each plain block (the h-statistic).

    Args:
        samples: (blocks, m), m at least the order.
        order: from 0 to 8.

    Raises:
        SamplingError: the order is higher, or the blocks are smaller than the order.

    Example:
        >>> central_moment(np.array([[0.0, 0.0, 3.0]]), 3)
        array([9.])

    Source:
        P. S. Dwyer, "Moments of any rational integral isobaric sample moment function", 1937.
    """
    return _symmetric(samples, "central moment", order)


def cumulant(samples: Array, order: int) -> Array:
    """The unbiased estimate of a cumulant of each plain block (the k-statistic).

    Args:
        samples: (blocks, m), m at least the order.
        order: from 1 to 8.

    Raises:
        SamplingError: the order is out of range, or the blocks are smaller than the order.

    Example:
        >>> cumulant(np.array([[0.0, 0.0, 0.0, 4.0]]), 4)
        array([64.])

    Source:
        R. A. Fisher, "Moments and product moments of sampling distributions", 1930.
    """
    if order < 1:
        raise SamplingError(
            f"a cumulant of order {order}", "cumulants begin with order 1", "Ask for order 1 or more."
        )
    return _symmetric(samples, "cumulant", order)


def _enough(samples: Array, needed: int, what: str) -> int:
    size = samples.shape[1]
    if size < needed:
        raise SamplingError(
            f"{what} from blocks of {size}",
            f"an unbiased estimate needs {needed} samples in a block",
            f"Use blocks of at least {needed}.",
        )
    return int(size)


def _symmetric(samples: Array, kind: str, order: int) -> Array:
    if not 0 <= order <= HIGHEST_ORDER:
        raise SamplingError(
            f"a {kind} of order {order}",
            f"unbiased estimates go up to order {HIGHEST_ORDER}",
            "Check a raw moment instead, which has an estimate at every order.",
        )
    size = _enough(samples, order, f"a {kind} of order {order}")
    if order == 0:
        return np.ones(samples.shape[0])
    if order == 1:
        return np.zeros(samples.shape[0]) if kind == "central moment" else mean(samples)
    deviations = centered(samples)  # both statistics ignore a shift
    sums: dict[int, Array] = {}
    power = deviations
    for degree in range(2, order + 1):
        power = power * deviations
        sums[degree] = power.sum(axis=1)
    result = np.zeros(samples.shape[0])
    for coefficient, degrees in _power_sum_form(kind, order, size):
        term = np.full(samples.shape[0], coefficient)
        for degree in degrees:
            term *= sums[degree]
        result += term
    return result


def _integer_partitions(total: int, largest: int) -> Iterator[tuple[int, ...]]:
    if total == 0:
        yield ()
    for part in range(min(total, largest), 0, -1):
        for rest in _integer_partitions(total - part, part):
            yield (part, *rest)


def _set_partitions(items: tuple[int, ...]) -> Iterator[list[list[int]]]:
    if not items:
        yield []
        return
    for partition in _set_partitions(items[1:]):
        yield [[items[0]], *partition]
        for position, block in enumerate(partition):
            yield [*partition[:position], [items[0], *block], *partition[position + 1 :]]


def _moment_products(kind: str, order: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The central moment or cumulant as a sum of integer * product of raw moments."""
    if kind == "central moment":
        for ones in range(order + 1):
            yield (-1) ** ones * math.comb(order, ones), tuple(d for d in (order - ones, *(1,) * ones) if d)
        return
    for parts in _integer_partitions(order, order):
        ways = math.factorial(order)
        for part, times in Counter(parts).items():
            ways //= math.factorial(part) ** times * math.factorial(times)
        yield (-1) ** (len(parts) - 1) * math.factorial(len(parts) - 1) * ways, parts


@lru_cache(maxsize=256)
def _power_sum_form(kind: str, order: int, size: int) -> tuple[tuple[float, tuple[int, ...]], ...]:
    """The unbiased estimate as a polynomial in power sums of centered samples; the first one is zero."""
    polynomial: Counter[tuple[int, ...]] = Counter()
    exact: dict[tuple[int, ...], Fraction] = {}
    for weight, degrees in _moment_products(kind, order):
        falling = math.perm(size, len(degrees))
        polynomial.clear()
        for sign, partition in _distinct(len(degrees)):
            polynomial[tuple(sorted(sum(degrees[place] for place in block) for block in partition))] += sign
        for sums, count in polynomial.items():
            if 1 not in sums:
                exact[sums] = exact.get(sums, Fraction(0)) + Fraction(weight * count, falling)
    return tuple((float(value), sums) for sums, value in sorted(exact.items()) if value)


def grouped(samples: Array, kind: str, order: int) -> Array:
    """The unbiased estimate of a central moment or a cumulant from independent groups.

    With M_d(g) the mean of z^d over group g, every product of raw moments is estimated by the mean of
    products of M over different groups. Samples inside a group may depend on each other, as in a crossed
    block.

    Args:
        samples: (blocks * order, ...): as many groups to a block as the order.
        kind: "central moment" or "cumulant".
        order: from 2 to 8.

    Example:
        >>> grouped(np.array([[0.0], [0.0], [3.0]]), "central moment", 3)
        array([9.])
    """
    flat = _flat(samples).reshape(-1, order, math.prod(samples.shape[1:]))
    deviations = centered(flat)  # the statistic ignores a shift
    means = {degree: _power(deviations, degree).mean(axis=2) for degree in range(1, order + 1)}
    result = np.zeros(flat.shape[0])
    for weight, degrees in _moment_products(kind, order):
        total = np.zeros(flat.shape[0])
        for sign, partition in _distinct(len(degrees)):
            term = np.full(flat.shape[0], float(sign))
            for block in partition:
                term *= math.prod((means[degrees[place]] for place in block), start=np.ones(1)).sum(axis=1)
            total += term
        result += weight * total / math.perm(order, len(degrees))
    return result


@lru_cache(maxsize=16)
def _distinct(count: int) -> tuple[tuple[int, tuple[tuple[int, ...], ...]], ...]:
    """Signed partitions that turn products of sums into a sum over different places."""
    return tuple(
        (
            math.prod((-1) ** (len(block) - 1) * math.factorial(len(block) - 1) for block in partition),
            tuple(map(tuple, partition)),
        )
        for partition in _set_partitions(tuple(range(count)))
    )
