"""Moments that merge: count, mean and sums of powers of what was seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Moments"]


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean and the sums of (y - mean)^2, ^3, ^4 of a set of numbers; two sets merge exactly.

    Args:
        count: how many numbers.
        mean: their mean.
        second: sum of (y - mean)^2.
        third: sum of (y - mean)^3.
        fourth: sum of (y - mean)^4.

    Example:
        >>> a, b = Moments.of(np.array([1.0, 2.0])), Moments.of(np.array([6.0]))
        >>> (a + b).mean, (a + b).variance
        (3.0, 7.0)

    Source:
        T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm", 1979; P. Pébay,
        2008.
    """

    count: int = 0
    mean: float = 0.0
    second: float = 0.0
    third: float = 0.0
    fourth: float = 0.0

    @classmethod
    def of(cls, values: NDArray[Any]) -> Moments:
        """The moments of an array, read in its own order."""
        numbers = np.asarray(values, dtype=np.float64).ravel()
        if not numbers.size:
            return cls()
        center = float(numbers.mean())
        away = numbers - center
        square = away * away
        return cls(
            numbers.size,
            center,
            float(square.sum()),
            float((square * away).sum()),
            float((square * square).sum()),
        )

    def __add__(self, other: Moments) -> Moments:
        if not self.count or not other.count:
            return other if not self.count else self
        a, b = self.count, other.count
        count, gap = a + b, other.mean - self.mean
        step = gap / count
        second = self.second + other.second + gap * step * a * b
        third = (
            self.third
            + other.third
            + gap * step**2 * a * b * (a - b)
            + 3 * step * (a * other.second - b * self.second)
        )
        fourth = (
            self.fourth
            + other.fourth
            + gap * step**3 * a * b * (a * a - a * b + b * b)
            + 6 * step**2 * (a * a * other.second + b * b * self.second)
            + 4 * step * (a * other.third - b * self.third)
        )
        return Moments(count, self.mean + step * b, second, third, fourth)

    @property
    def variance(self) -> float:
        """The unbiased variance; nan below two numbers."""
        return self.second / (self.count - 1) if self.count > 1 else math.nan

    @property
    def skewness(self) -> float:
        """The sample skewness; 0 where nothing varies."""
        if self.second <= 0:
            return 0.0
        return math.sqrt(self.count) * self.third / math.pow(self.second, 1.5)

    @property
    def kurtosis(self) -> float:
        """The sample kurtosis (3 for a normal law); 0 where nothing varies."""
        return float(self.count * self.fourth / self.second**2) if self.second > 0 else 0.0

    @property
    def standard_error(self) -> float:
        """The standard error of the mean."""
        return math.sqrt(self.variance / self.count) if self.count > 1 else math.nan
