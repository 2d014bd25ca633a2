"""Draws of Binomial(n, 1/2), exact and equally fast at every n: a table of blocks, uniform inside a block."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

__all__ = ["FairCounts", "fair_counts"]

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

BLOCKS = 4096
REACH = 9.5
"""Standard deviations; the mass beyond is 2e-21, less than one draw in 2^64."""
SMALL = 1000


def log_ratio(n: int, j: Array) -> Array:
    """Return log P(K = n // 2 + j) - log P(K = n // 2), without cancellation at any n.

    Source:
        Loader, Fast and accurate computation of binomial probabilities, 2000, for the idea of the deviance.
    """
    center = n // 2
    if n <= SMALL:
        k = center + j
        base = gammaln(center + 1.0) + gammaln(n - center + 1.0)
        return np.asarray(base - gammaln(k + 1) - gammaln(n - k + 1))
    return _level(n, j) - _level(n, np.zeros(1))


def _level(n: int, j: Array) -> Array:
    x = (2 * j + (2 * (n // 2) - n)) / n
    k, rest = n / 2 * (1 + x), n / 2 * (1 - x)
    deviance = n * (x * np.arctanh(x) + np.log1p(-x * x) / 2)
    return np.asarray(-deviance - np.log1p(-x * x) / 2 - _stirling(k) - _stirling(rest))


def _stirling(m: Array) -> Array:
    """Return log m! less Stirling's formula."""
    return np.asarray((1 / 12 - (1 / 360 - 1 / (1260 * m * m)) / (m * m)) / m)


class FairCounts:
    """Binomial(n, 1/2): Walker's alias method on blocks of one size, rejection inside where they hold more.

    Args:
        n: a whole number from 1 to 10^18.

    Example:
        >>> counts = FairCounts(10**12)
        >>> halves = counts.halves(np.random.default_rng(1), 4)
        >>> bool((abs(2 * halves - 5e11) < 5e6).all())
        True
    """

    def __init__(self, n: int) -> None:
        self.n, self.center = n, n // 2
        reach = math.ceil(REACH * math.sqrt(n) / 2) + 1
        low, high = max(-self.center, -reach), min(n - self.center, reach)
        self.width = -(-(high - low + 1) // BLOCKS)
        count = -(-(high - low + 1) // self.width)
        self.starts: Whole = low + self.width * np.arange(count)
        ends = self.starts + self.width - 1
        last = n - self.center
        inner = np.clip(0, self.starts, ends)  # where a block is highest; its lowest place is an end
        self.tops = log_ratio(n, inner.astype(float))
        lowest = np.minimum(*(log_ratio(n, np.minimum(e, last).astype(float)) for e in (self.starts, ends)))
        self.floors = np.where(ends > last, 0.0, np.exp(lowest - self.tops))
        self.thresholds, self.others = _alias(np.exp(self.tops))
        self.mask = len(self.thresholds) - 1
        self.values: Array = self.center / 2 + self.starts / 2
        self.firsts: Array = self.starts.astype(float)

    def halves(self, rng: np.random.Generator, size: int) -> Array:
        """Draw K / 2, as often as asked."""
        block = self._blocks(rng, size)
        if self.width == 1:
            return np.asarray(self.values.take(block))
        chance = rng.random(size)  # its first bits choose the place, at least 30 are left to accept it
        chance *= self.width
        inside = np.floor(chance)
        chance -= inside
        inside += self.firsts.take(block)
        doubtful = np.flatnonzero(chance >= self.floors.take(block))
        if len(doubtful):
            j = inside[doubtful]
            legal = np.minimum(j, self.n - self.center)
            height = np.exp(log_ratio(self.n, legal) - self.tops[block[doubtful]])
            refused = doubtful[(chance[doubtful] >= height) | (j > legal)]
            if len(refused):
                inside[refused] = 2 * self.halves(rng, len(refused)) - self.center
        inside += self.center
        inside *= 0.5
        return inside

    def _blocks(self, rng: np.random.Generator, size: int) -> Whole:
        bits = rng.integers(0, 2**63, size=size, dtype=np.int64)
        column = bits & self.mask
        over = bits >= self.thresholds.take(column)
        column <<= 1
        column += over
        return np.asarray(self.others.take(column))


def _alias(weights: Array) -> tuple[Whole, Whole]:
    """Return thresholds on 63 bits, and for each column its own number and that of its partner.

    Source:
        Walker, An efficient method for generating discrete random variables with general distributions, 1977.
    """
    size = 1 << max(1, (len(weights) - 1).bit_length())
    shares = np.zeros(size)
    shares[: len(weights)] = weights / weights.sum() * size
    left = shares.tolist()
    partner = list(range(size))
    keep = [1.0] * size
    poor = [k for k in range(size) if left[k] < 1]
    rich = [k for k in range(size) if left[k] >= 1]
    while poor and rich:
        k, donor = poor.pop(), rich[-1]
        keep[k], partner[k] = left[k], donor
        left[donor] -= 1 - left[k]
        if left[donor] < 1:
            poor.append(rich.pop())
    for k in poor:  # rounding is all that is left of them
        if k >= len(weights):
            keep[k], partner[k] = 0.0, int(np.argmax(weights))
    top = 2**63 - 1
    thresholds = np.array([min(int(share * 2.0**63), top) for share in keep], dtype=np.int64)
    return thresholds, np.array([[k, p] for k, p in enumerate(partner)], dtype=np.int64).ravel()


@lru_cache(maxsize=64)
def fair_counts(n: int) -> FairCounts:
    """Return the draws of Binomial(n, 1/2); their tables are kept."""
    return FairCounts(n)
