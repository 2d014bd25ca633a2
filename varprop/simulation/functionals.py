"""What is estimated from samples: smooth functions of means, with pseudo-values that carry their error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from varprop.errors import SamplingError
from varprop.simulation.estimators import HIGHEST_ORDER
from varprop.simulation.lost import Rounding

__all__ = ["Functional", "Scaling", "Statistic", "not_finite", "too_small"]

Array = NDArray[np.float64]
Statistic: TypeAlias = Literal[
    "mean", "variance", "covariance", "central moment", "cumulant", "skewness", "kurtosis"
]

NORMAL = float(np.finfo(np.float64).tiny)
"""Below it, float64 loses digits."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """Center and size of samples, so that powers of them neither cancel nor overflow.

    Args:
        centers: one for each expression.
        sizes: one for each expression, not zero.
    """

    centers: tuple[float, ...]
    sizes: tuple[float, ...]

    @classmethod
    def of(cls, samples: Sequence[Array]) -> Scaling:
        """From a few samples of every expression.

        Raises:
            SamplingError: a sample is not finite, or all are too small for float64.
        """
        centers, sizes = [], []
        for values in samples:
            if not np.isfinite(values).all():
                raise SamplingError(
                    "a sample that is not finite", "it overflows, or is a nan", "Rescale the variables."
                )
            largest = float(np.abs(values).max()) or 1.0
            scaled = values / largest
            centers.append(float(scaled.mean()) * largest)
            sizes.append((float(scaled.std()) or 1.0) * largest)
            if sizes[-1] * np.finfo(np.float64).eps < NORMAL:
                raise too_small()
        return cls(tuple(centers), tuple(sizes))


@dataclass(frozen=True, slots=True)
class Functional:
    """A number that is a smooth function of means of powers.

    Args:
        statistic: "mean", "variance", "covariance", "central moment", "cumulant", "skewness" or "kurtosis".
        order: of a central moment or a cumulant.
        above: samples count as 1 above this number and as 0 elsewhere: a mean becomes a tail probability.
        logarithm: samples count by log |z|.

    Raises:
        SamplingError: the order is higher than 8.

    Example:
        >>> values = np.array([[1.0, 3.0], [0.0, 8.0]])
        >>> scaling = Scaling((0.0,), (1.0,))
        >>> variance = Functional("variance")
        >>> features = variance.features([values], scaling)
        >>> variance.value(features, scaling)
        array([ 1., 16.])
    """

    statistic: Statistic
    order: int = 1
    above: float | None = None
    logarithm: bool = False

    def __post_init__(self) -> None:
        if self.order > HIGHEST_ORDER:
            raise SamplingError(
                f"a {self.statistic} of order {self.order}",
                f"estimates go up to order {HIGHEST_ORDER}",
                "Ask for a raw moment instead.",
            )

    def seen(self, samples: Sequence[Array]) -> list[Array]:
        """The samples as they count.

        Raises:
            SamplingError: a log of 0.
        """
        if self.above is not None:
            return [(values > self.above).astype(np.float64) for values in samples]
        if self.logarithm:
            if not all(values.all() for values in samples):
                raise SamplingError(
                    "a log moment of an expression that was 0 in a sample",
                    "the log of 0 is minus infinity",
                    "Rescale variables that fall below float64; a law with a chance of 0 has no log moment.",
                )
            return [np.log(np.abs(values)) for values in samples]
        return list(samples)

    @property
    def degree(self) -> int:
        """The highest power that enters."""
        degrees = {"mean": 1, "variance": 2, "covariance": 2, "skewness": 3, "kurtosis": 4}
        return degrees.get(self.statistic, self.order)

    def features(self, samples: Sequence[Array], scaling: Scaling) -> Array:
        """Means of scaled powers over each block, (blocks, features).

        Args:
            samples: (blocks, samples) for each expression.
            scaling: center and size.
        """
        moved = [
            (values / size - center / size).reshape(len(values), -1)
            for values, center, size in zip(self.seen(samples), scaling.centers, scaling.sizes, strict=True)
        ]
        if self.statistic == "covariance":
            first, second = moved[0], moved[-1]
            return np.stack([first.mean(1), second.mean(1), (first * second).mean(1)], axis=1)
        columns, power = [moved[0].mean(axis=1)], moved[0]
        for _ in range(2, self.degree + 1):
            power = power * moved[0]
            columns.append(power.mean(axis=1))
        return np.stack(columns, axis=1)

    def value(self, features: Array, scaling: Scaling) -> Array:
        """The number from means of features, along the last dimension.

        Raises:
            SamplingError: it falls below float64, or is a quotient by zero.
        """
        center, size = scaling.centers[0], np.float64(scaling.sizes[0])  # which overflows to infinity
        unit = self.unit(scaling)
        raw = [np.ones(features.shape[:-1]), *np.moveaxis(features, -1, 0)]
        if self.statistic == "covariance":
            return np.asarray((raw[3] - raw[1] * raw[2]) * unit)
        if self.degree == 1:
            return np.asarray(0.0 * raw[0] if self.statistic == "central moment" else center + size * raw[1])
        central = [
            sum(math.comb(k, j) * raw[j] * (-raw[1]) ** (k - j) for j in range(k + 1))
            for k in range(self.degree + 1)
        ]
        if self.statistic in ("skewness", "kurtosis"):
            spread = np.asarray(central[2])
            if not spread.any():
                raise SamplingError(
                    f"the {self.statistic} of samples that are all equal",
                    "it is a quotient by their variance, which is 0",
                    "Ask for a moment.",
                )
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.asarray(central[self.degree] / spread ** (self.degree / 2))
        if self.statistic == "cumulant":
            central = _cumulants(central)
        return np.asarray(central[self.degree]) * unit

    def rounding(self, scaling: Scaling) -> float:
        """What rounding may have moved an estimate."""
        size = abs(scaling.centers[0]) + scaling.sizes[0] if self.degree == 1 else float(self.unit(scaling))
        return 16 * float(np.finfo(np.float64).eps) * size

    def lost(self, moved: Rounding, value: float) -> float:
        """What rounding of the samples may have moved an estimate.

        With s the spread of samples and d what they move by: d for a mean, (s + d)^k - s^k for a moment of
        degree k, (1 + d/s)^k - 1 for a quotient of moments, a probability or a log; times the quotient, if
        that is larger than 1.
        """
        if self.above is None and not self.logarithm and self.statistic not in ("skewness", "kurtosis"):
            exact, more = moved.size() if self.degree == 1 else moved.spread(self.degree)
            return more - exact
        exact, more = moved.spread(self.degree)
        return (more / exact - 1) * max(1.0, abs(value)) if exact else 0.0

    def unit(self, scaling: Scaling) -> np.float64:
        """What a number of scaled samples is to be multiplied by.

        Raises:
            SamplingError: it is too small for float64.
        """
        first = np.float64(scaling.sizes[0])
        if self.statistic in ("skewness", "kurtosis"):
            return np.float64(1)
        unit = first * scaling.sizes[-1] if self.statistic == "covariance" else first**self.degree
        if unit < NORMAL:
            raise too_small()
        return unit

    def pseudo_values(self, features: Array, scaling: Scaling) -> Array:
        """The jackknife pseudo-values: B theta - (B - 1) theta without block b.

        Their mean is the estimate, freed of its bias of order 1/B; their spread carries its error.

        Source:
            J. W. Tukey, 1958; R. G. Miller, "The jackknife - a review", 1974.
        """
        blocks = len(features)
        whole = features.mean(axis=0)
        if blocks < 2:
            return self.value(features, scaling)
        without = whole + (whole - features) / (blocks - 1)
        return np.asarray(
            blocks * self.value(whole[None], scaling) - (blocks - 1) * self.value(without, scaling)
        )


def _cumulants(central: Sequence[Array]) -> list[Array]:
    """Cumulants from central moments, by Smith's recursion; of the first two orders they are the same."""
    found = list(central)
    for k in range(4, len(central)):
        found[k] = central[k] - sum(
            math.comb(k - 1, j - 1) * found[j] * central[k - j] for j in range(2, k - 1)
        )
    return found


def too_small() -> SamplingError:
    """The error of an estimate that fell below float64."""
    return SamplingError(
        "an estimate below the range of float64",
        "samples, or powers of them, are too small to have digits",
        "Rescale the variables.",
    )


def not_finite() -> SamplingError:
    """The error of an estimate that left float64."""
    return SamplingError(
        "an estimate that is not finite",
        "powers of the samples leave the range of float64, or a sample is a nan",
        "Rescale the variables, or ask for a lower moment.",
    )
