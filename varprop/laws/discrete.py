"""Laws of finitely many values."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from varprop.laws.digits import Digits
from varprop.laws.law import EPS, Array, Law

__all__ = ["DiscreteLaw"]


def _running(logs: Array, rounding: Array) -> tuple[Array, Array]:
    """The logs of the running sums, from none of the terms to all, and bounds on their errors."""
    sums = np.logaddexp.accumulate(logs)
    with np.errstate(invalid="ignore"):
        # A step rounds by a unit of its sum and of the size of its log; later sums carry it on.
        steps = np.where(np.isfinite(sums), sums + np.log(EPS * (4 + 2 * np.abs(sums))), -np.inf)
        steps = np.logaddexp(steps, logs + np.log(rounding))
        error = np.exp(np.logaddexp.accumulate(steps) - sums)
    error = np.where(np.isfinite(sums), error, 0.0)
    return np.concatenate([[-np.inf], np.minimum(sums, 0.0)]), np.concatenate([[0.0], error])


class DiscreteLaw(Law):
    """Finitely many values, such as a sum of numbers with random signs.

    Args:
        values: in increasing order.
        logs: the logs of their probabilities.
        rounding: a bound on the error of each log.
        cut: whether values of probability below 1e-300 are left out.
        exact: the probabilities themselves, where they are known as fractions.
    """

    method = "enumeration"

    def __init__(
        self,
        values: Array,
        logs: Array,
        rounding: Array,
        cut: bool = False,
        exact: tuple[Fraction, ...] = (),
    ) -> None:
        self.values, self.rounding, self.cut, self.exact = values, rounding, cut, exact
        self.chances = np.exp(logs)
        self._down, below = _running(logs, rounding)
        up, above = _running(logs[::-1], rounding[::-1])
        self._up, self._errors = up[::-1], (above[::-1], below)
        self.mean = float(self.chances @ values)
        top = float(np.abs(values - self.mean).max()) or 1.0
        self.std = top * math.sqrt(float(self.chances @ ((values - self.mean) / top) ** 2))

    @property
    def atoms(self) -> tuple[tuple[float, Digits], ...]:
        return tuple(
            (float(x), Digits(p, (r + EPS) * p))
            for x, p, r in zip(self.values, self.chances, self.rounding, strict=True)
        )

    def _tails(self, x: Array) -> tuple[Array, Array, Array]:
        below = np.searchsorted(self.values, x, side="right")
        up, down = self._up[below], self._down[below]
        error = np.where(up <= down, self._errors[0][below], self._errors[1][below])
        lost = np.isneginf(np.minimum(up, down)) & np.isfinite(x) & self.cut
        return up, down, np.where(lost, np.inf, error)

    def _at_ends(self, p: Array, x: Array) -> Array:
        place = np.searchsorted(np.exp(self._down[1:]), p * (1 - 4 * EPS))
        return self.values[np.minimum(place, len(self.values) - 1)]

    def _log_density(self, x: Array) -> tuple[Array, Array]:
        return np.full(len(x), -np.inf), np.zeros(len(x))

    def _transform(self, t: Array) -> tuple[NDArray[np.complex128], Array]:
        value = np.exp(1j * t[:, None] * self.values) @ self.chances
        return value, EPS * (8 + np.abs(t) * np.abs(self.values).max())

    @property
    def log_mean(self) -> Digits:
        """E log|z|."""
        with np.errstate(divide="ignore"):
            value = float(self.chances @ np.log(np.abs(self.values)))
        return Digits(value, 4 * EPS * (1 + abs(value)) if math.isfinite(value) else 0.0)
