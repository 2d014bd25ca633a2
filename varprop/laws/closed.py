"""Laws with a moment generating function, by inversion or by formulas; mixtures of normal laws."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from varprop.laws.digits import Digits
from varprop.laws.law import EPS, Array, Law
from varprop.laws.moments import log_size, mean_size, moment_of
from varprop.numerics.inversion import Inversion, Transform

__all__ = [
    "IntervalProduct",
    "InvertedLaw",
    "NormalMixture",
    "Formula",
    "complement",
    "in_unit",
    "split",
]

Formula: TypeAlias = Callable[[Array], tuple[Array, Array]]
"""Logarithms at some places, and bounds on their errors."""


def complement(logs: Array) -> Array:
    """log(1 - exp(logs))."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value: Array = np.log1p(-np.exp(logs))
        near = logs > -math.log(2)
        value[near] = np.log(-np.expm1(logs[near]))
    return value


def in_unit(logs: Array, error: Array, unit: float) -> tuple[Array, Array]:
    """The log of a density of z = unit y from that of y, with what the logarithms round."""
    shift = math.log(unit)
    rounding = np.where(np.isfinite(logs), EPS * (np.abs(logs) + abs(shift)), 0.0)
    return logs - shift, error + rounding


class InvertedLaw(Law):
    """offset + unit y, y of a transform of variance 1 around an atom or a spike at 0.

    Args:
        transform: of y.
        offset, unit: of z.
        decay: the power with which the characteristic function falls.
    """

    precision: ClassVar[str] = "enclosure"
    method = "inversion of the moment generating function"

    def __init__(self, transform: Transform, offset: float, unit: float, decay: float) -> None:
        self.transform, self.offset, self.unit, self.decay = transform, offset, unit, decay
        self.mean, self.std = offset + unit * transform.mean, unit
        self._upper, self._lower = Inversion(transform), Inversion(transform.reflected())
        self._atom = math.exp(transform.log_atom)

    @property
    def atoms(self) -> tuple[tuple[float, Digits], ...]:
        return ((self.offset, Digits(self._atom, 4 * EPS * self._atom)),) if self._atom else ()

    def _sides(self, y: Array) -> list[tuple[NDArray[np.bool_], Inversion, float]]:
        """Which finite y belong to which tail: those of a symmetric law all to one."""
        finite = np.isfinite(y)
        if self.transform.symmetric:
            return [(finite, self._upper, 1.0)]
        above = y >= self.transform.mean
        return [(finite & above, self._upper, 1.0), (finite & ~above, self._lower, -1.0)]

    def _tails(self, x: Array) -> tuple[Array, Array, Array]:
        y = (x - self.offset) / self.unit
        smaller, error = np.full(len(y), -np.inf), np.zeros(len(y))
        for chosen, inversion, sign in self._sides(y):
            there = np.abs(y[chosen]) if self.transform.symmetric else sign * y[chosen]
            logs, bounds = self._tail(inversion, there)
            if self._atom and not self.transform.symmetric:
                # P(y > x) has the atom at 0 for x < 0, P(y <= x) for x >= 0; neither is the smaller tail
                # of a symmetric law.
                held = (there < 0) if sign > 0 else (there <= 0)
                logs, bounds = self._with_atom(inversion, there, logs, bounds, held)
            smaller[chosen], error[chosen] = np.minimum(logs, 0.0), bounds
        above, larger = y >= self.transform.mean, complement(smaller)
        return np.where(above, smaller, larger), np.where(above, larger, smaller), error

    def _tail(self, inversion: Inversion, y: Array) -> tuple[Array, Array]:
        return inversion.log_tail(y)

    def _with_atom(
        self, inversion: Inversion, y: Array, logs: Array, bounds: Array, held: NDArray[np.bool_]
    ) -> tuple[Array, Array]:
        """Tails with the atom in them; beside it a tiny continuous part may have a large relative error."""
        both = np.where(held, np.logaddexp(logs, self.transform.log_atom), logs)
        loose = held & ~(bounds < 1e-12)
        with np.errstate(over="ignore"):
            shared = np.where(held, bounds * np.exp(np.minimum(logs - both, 0.0)), bounds)
            if loose.any():
                _, lost = inversion.log_tail_and_error(y[loose])
                shared[loose] = np.exp(np.minimum(lost - both[loose], 700.0))
        return both, np.where(np.isnan(shared), np.inf, shared) + 4 * EPS * held

    def _log_density(self, x: Array) -> tuple[Array, Array]:
        y = (x - self.offset) / self.unit
        logs, error = np.full(len(y), -np.inf), np.zeros(len(y))
        spike = y == 0 if self.decay <= 1 else np.zeros(len(y), dtype=bool)
        for side, inversion, sign in self._sides(y):
            chosen = side & ~spike
            there = np.abs(y[chosen]) if self.transform.symmetric else sign * y[chosen]
            logs[chosen], error[chosen] = self._density(inversion, there)
        logs[spike] = np.inf
        return in_unit(logs, error, self.unit)

    def _density(self, inversion: Inversion, y: Array) -> tuple[Array, Array]:
        return inversion.log_density(y)

    def _transform(self, t: Array) -> tuple[NDArray[np.complex128], Array]:
        s = (1j * t * self.unit).astype(np.complex128)
        power, noise = self.transform.log_mgf(s)
        value = np.exp(power)
        rounding = (8 + noise + np.abs(power) + np.abs(t * self.offset)) * np.abs(value) + 4 * self._atom
        return (value + self._atom) * np.exp(1j * t * self.offset), EPS * rounding + 1e-300


def split(near: NDArray[np.bool_], formula: Formula, inverted: Formula, y: Array) -> tuple[Array, Array]:
    """Logarithms and their errors: by formula where that holds, by inversion elsewhere."""
    if near.all():
        return formula(y)
    if not near.any():
        return inverted(y)
    logs, error = np.empty(len(y)), np.empty(len(y))
    logs[near], error[near] = formula(y[near])
    logs[~near], error[~near] = inverted(y[~near])
    return logs, error


class IntervalProduct(InvertedLaw):
    """One product of a centered normal and a uniform variable on [low, high], low <= 0 <= high.

    P(w x > t) = Phi(-r) - r E_1(r^2 / 2) / sqrt(8 pi), r = t / (std w high), for low = 0; a mixture of
    two such laws for low < 0.
    """

    precision: ClassVar[str] = "closed form"
    method = "formula with the exponential integral"

    def __init__(
        self, transform: Transform, offset: float, unit: float, ends: tuple[float, float], std: float
    ) -> None:
        super().__init__(transform, offset, unit, 1.0)
        length = ends[1] - ends[0]
        self.parts = [(abs(end) / length, std * abs(end)) for end in ends if end]

    def _tail(self, inversion: Inversion, y: Array) -> tuple[Array, Array]:
        near = np.abs(y) < 5 * min(width for _, width in self.parts)
        return split(near, self._near_tail, inversion.log_tail, y)

    def _near_tail(self, y: Array) -> tuple[Array, Array]:
        total, rounding = np.zeros((2, len(y)))
        for share, width in self.parts:
            r = np.abs(y) / width
            first = share * special.ndtr(-r)
            square = np.maximum(r * r / 2, 1e-300)
            total += first - share / math.sqrt(8 * math.pi) * (r * special.exp1(square))
            rounding += 8 * EPS * first * (1 + square)
        return np.log(total), rounding / total

    def _density(self, inversion: Inversion, y: Array) -> tuple[Array, Array]:
        value = np.zeros(len(y))
        for share, width in self.parts:
            r = np.abs(y) / width
            value += share * special.exp1(np.maximum(r * r / 2, 1e-300)) / (width * math.sqrt(8 * math.pi))
        far = value < 1e-280
        logs = np.log(np.where(far, 1.0, value))
        error = 8 * EPS * (1 + np.maximum.reduce([(np.abs(y) / w) ** 2 for _, w in self.parts]))
        logs[far], error[far] = inversion.log_density(y[far])
        return logs, error


class NormalMixture(Law):
    """Finitely many normal laws, each with a probability: normal weights given the input, or rows.

    Args:
        means, stds, chances: of the components; a std may be 0.
        estimated: how far the mixture is from what it stands for, in probability; 0 if it is the law itself.
        rounding: the relative errors of the probabilities.
    """

    method = "mixture of normal laws"

    def __init__(
        self,
        means: Array,
        stds: Array,
        chances: Array,
        estimated: float = 0.0,
        rounding: float | Array = 4 * EPS,
    ) -> None:
        self.means, self.stds, self.chances, self.estimated = means, stds, chances, estimated
        self.rounding = np.broadcast_to(rounding, means.shape)
        self.method = "normal law" if len(means) == 1 else f"mixture of {len(means):,} normal laws"
        self.grain = float(stds[stds > 0].min()) if stds.any() else math.inf
        self.mean = float(chances @ means)
        away = np.abs(means - self.mean)
        top = max(float(stds.max()), float(away.max())) or 1.0
        self.std = top * math.sqrt(float(chances @ ((stds / top) ** 2 + (away / top) ** 2)))

    @property
    def atoms(self) -> tuple[tuple[float, Digits], ...]:
        still = self.stds == 0
        places, index = np.unique(self.means[still], return_inverse=True)
        chances = np.bincount(index, self.chances[still], len(places)) if len(places) else np.empty(0)
        return tuple((float(x), Digits(p, 4 * EPS)) for x, p in zip(places, chances, strict=True))

    def _tails(self, x: Array) -> tuple[Array, Array, Array]:
        up, down, error = np.empty(len(x)), np.empty(len(x)), np.empty(len(x))
        size = max(1, 2**20 // len(self.means))
        for k in range(0, len(x), size):
            part = slice(k, k + size)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                away = x[part, None] - self.means
                scores = np.where(self.stds > 0, away / self.stds, np.where(away >= 0, np.inf, -np.inf))
                scores = np.where(np.isinf(x[part, None]), np.sign(x[part, None]) * np.inf, scores)
                above, below = special.log_ndtr(-scores), special.log_ndtr(scores)
                up[part], down[part] = _log_sum(above, self.chances), _log_sum(below, self.chances)
                smaller = np.where((up[part] < down[part])[:, None], above, below)
                hazard = np.exp(-(scores**2) / 2 - smaller) / math.sqrt(2 * math.pi)
                slips = EPS * (3 * np.abs(scores) + 2 * np.abs(self.means) / self.stds)
                lost = self.rounding + 4 * EPS * np.abs(smaller) + np.nan_to_num(hazard * slips)
                error[part] = _weighted(smaller, self.chances, lost)
        if self.estimated:
            error += self.estimated * np.exp(np.minimum(-np.minimum(up, down), 700))
        larger = complement(np.minimum(up, down))
        return np.where(up < down, up, larger), np.where(up < down, larger, down), error

    def _log_density(self, x: Array) -> tuple[Array, Array]:
        moving = self.stds > 0
        means, stds, chances = self.means[moving], self.stds[moving], self.chances[moving]
        logs, error = np.full(len(x), -np.inf), np.zeros(len(x))
        size = max(1, 2**20 // max(1, len(means)))
        for k in range(0, len(x) if len(means) else 0, size):
            part = slice(k, k + size)
            with np.errstate(over="ignore", invalid="ignore"):
                scores = (x[part, None] - means) / stds
                powers = -(scores**2) / 2 - np.log(stds * math.sqrt(2 * math.pi))
                slips = EPS * (3 * np.abs(scores) + 2 * np.abs(means) / stds)
                lost = self.rounding[moving] + 4 * EPS * (1 + np.abs(powers)) + np.abs(scores) * slips
                logs[part], error[part] = _log_sum(powers, chances), _weighted(powers, chances, lost)
        if self.estimated and len(stds) and stds.min() < 1e-9 * self.std and np.ptp(self.means) == 0:
            logs[x == self.means[0]] = np.inf  # components of every small size: a spike
        return logs, error + 10 * self.estimated

    def _transform(self, t: Array) -> tuple[NDArray[np.complex128], Array]:
        value = np.exp(1j * t[:, None] * self.means - (t[:, None] * self.stds) ** 2 / 2) @ self.chances
        far = np.abs(t) * np.abs(self.means).max()
        return value, EPS * (8 + far) + self.estimated

    @property
    def log_mean(self) -> Digits:
        """E log|z|, the mean over the components: log std + E log|N + mean / std|."""
        if any(place == 0 for place, _ in self.atoms):
            return Digits(-math.inf)
        moving = self.stds > 0
        means, stds = self.means[moving], self.stds[moving]
        with np.errstate(over="ignore"):
            near = np.abs(means / stds) < 1e150
        sizes = np.log(np.where(near, stds, np.abs(means))) + np.where(
            near, log_size(np.where(near, means / stds, 0.0)), 0.0
        )
        value = float(self.chances[moving] @ sizes)
        value += float(self.chances[~moving] @ np.log(np.abs(self.means[~moving])))
        lost = float(np.abs(self.rounding[moving] * self.chances[moving] * sizes).sum())
        return Digits(value, 32 * EPS * (1 + abs(value)) + lost + 50 * self.estimated)

    @property
    def absolute_mean(self) -> Digits:
        """E|z|, the mean over the components of E|N(mean, std^2)|; infinite for heavy tails."""
        value = moment_of(mean_size(self.means, self.stds), self.chances, 1)
        lost = 16 * EPS + float(self.rounding.max()) + 50 * self.estimated
        return Digits(value, lost * value if math.isfinite(value) else 0.0)


def _log_sum(logs: Array, chances: Array) -> Array:
    top = logs.max(axis=1)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        total: Array = top + np.log(np.exp(logs - top[:, None]) @ chances)
    return total


def _weighted(logs: Array, chances: Array, errors: Array) -> Array:
    """The error of the log of a sum, from the relative errors of its parts."""
    top = logs.max(axis=1)
    parts = np.exp(logs - np.where(np.isfinite(top), top, 0.0)[:, None]) * chances
    with np.errstate(invalid="ignore"):
        total: Array = np.where(parts > 0, parts * errors, 0.0).sum(axis=1) / parts.sum(axis=1)
    return 8 * EPS + np.nan_to_num(total)
