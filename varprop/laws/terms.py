"""Independent addends of a result: normal weight times an input, each with its moment generating function.

Given the input x, a term w x with w ~ N(m, v) is normal, so E exp(s w x) = E exp(s m x + s^2 v x^2 / 2): an
average over x of the exponential of a quadratic, known in closed form for the inputs below.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from varprop.numerics.inversion import Transform

__all__ = [
    "Discrete",
    "Interval",
    "NormalTerm",
    "ProductTerm",
    "Sided",
    "Term",
    "WeightedTerm",
    "transform_of",
]

Array: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]

ORDERS = 24
NEAR = 0.15
"""Below this, in units of the growth of its moments, a term's transform is summed from its moments."""


class Term(ABC):
    """One addend: moment generating function, mean, variance, P(term = 0)."""

    atom = 0.0
    decay = math.inf
    """The power of 1/|t| with which the characteristic function falls, beside the atom."""

    @abstractmethod
    def log_mgf(self, s: Complex) -> Complex:
        """log E exp(s X), up to multiples of 2 pi i."""

    @abstractmethod
    def scaled(self, factor: float) -> Term:
        """The term times a positive or negative number."""

    @property
    @abstractmethod
    def mean(self) -> float:
        """E X."""

    @property
    @abstractmethod
    def variance(self) -> float:
        """Var X."""

    @property
    def reach(self) -> float:
        """E exp(s X) is finite for |Re s| below this."""
        return math.inf

    def noise(self, s: Complex) -> Array:
        """The absolute error of `log_mgf` in rounding units, beyond one of the value itself."""
        return np.zeros(s.shape)


@dataclass(frozen=True)
class NormalTerm(Term):
    """A normal variable."""

    mean: float = 0.0
    variance: float = 1.0

    def log_mgf(self, s: Complex) -> Complex:
        return s * self.mean + s * s * (self.variance / 2)

    def scaled(self, factor: float) -> NormalTerm:
        return NormalTerm(self.mean * factor, self.variance * factor * factor)


@dataclass(frozen=True)
class ProductTerm(Term):
    """w x of two independent normal variables; a = E w E x, p = std w std x, q^2 = the rest of the variance.

    E exp(s w x) = exp((s a + s^2 q^2 / 2) / (1 - s^2 p^2)) / sqrt(1 - s^2 p^2).

    Source: Craig, On the frequency function of xy, 1936.
    """

    a: float
    p: float
    q: float
    decay = 1.0

    def log_mgf(self, s: Complex) -> Complex:
        square = (s * self.p) ** 2
        value: Complex = -0.5 * special.log1p(-square)
        if self.a or self.q:
            value = value + (s * self.a + (s * self.q) ** 2 / 2) / (1 - square)
        return value

    def scaled(self, factor: float) -> ProductTerm:
        return ProductTerm(self.a * factor, self.p * abs(factor), self.q * abs(factor))

    @property
    def mean(self) -> float:
        return self.a

    @property
    def variance(self) -> float:
        return self.p**2 + self.q**2

    @property
    def reach(self) -> float:
        return 1 / self.p


class Inputs(ABC):
    """The law of x, its size of order 1, as far as averages of exp(alpha x + beta x^2 / 2) need it."""

    atom = 0.0
    decay = math.inf

    @abstractmethod
    def moments(self, orders: int) -> Array:
        """E x^k for k = 0 ... orders."""

    @abstractmethod
    def log_average(self, s: Complex, mean: float, std: float) -> Complex:
        """log E exp(s mean x + s^2 std^2 x^2 / 2) for s not near 0."""

    @property
    def widest(self) -> float:
        """E exp(beta x^2 / 2) is finite for beta below 1 / widest^2."""
        return 0.0


@dataclass(frozen=True)
class WeightedTerm(Term):
    """w x with w ~ N(w_mean, w_std^2) and an input x."""

    w_mean: float
    w_std: float
    inputs: Inputs

    def scaled(self, factor: float) -> WeightedTerm:
        return WeightedTerm(self.w_mean * factor, self.w_std * abs(factor), self.inputs)

    @property
    def atom(self) -> float:  # type: ignore[override]
        return self.inputs.atom

    @property
    def decay(self) -> float:  # type: ignore[override]
        return self.inputs.decay

    @property
    def reach(self) -> float:
        return 1 / (self.w_std * self.inputs.widest) if self.inputs.widest else math.inf

    @cached_property
    def _moments(self) -> Array:
        """E (w x)^k."""
        weights = [1.0, self.w_mean]
        for k in range(2, ORDERS + 1):
            weights.append(self.w_mean * weights[-1] + (k - 1) * self.w_std**2 * weights[-2])
        return np.array(weights) * self.inputs.moments(ORDERS)

    @cached_property
    def _series(self) -> tuple[Array, float]:
        """The coefficients of E exp(s X) - 1 in s / growth, highest first, and the growth of the moments."""
        orders = np.arange(1, ORDERS + 1)
        logs = special.gammaln(orders + 1)
        with np.errstate(divide="ignore"):
            sizes = (np.log(np.abs(self._moments[1:])) - logs) / orders
        growth = math.exp(float(sizes.max()))
        series = self._moments[1:] * np.exp(-logs - orders * math.log(growth))
        return series[::-1], growth

    @property
    def mean(self) -> float:
        return float(self._moments[1])

    @property
    def variance(self) -> float:
        return float(self._moments[2] - self._moments[1] ** 2)

    def log_mgf(self, s: Complex) -> Complex:
        coefficients, growth = self._series
        value = np.empty(s.shape, dtype=np.complex128)
        near = np.abs(s) * growth <= NEAR
        small = s[near] * growth
        value[near] = special.log1p(np.polyval(coefficients, small) * small)
        if not near.all():
            with np.errstate(all="ignore"):
                value[~near] = self.inputs.log_average(s[~near], self.w_mean, self.w_std)
        return value

    def noise(self, s: Complex) -> Array:
        return np.where(np.abs(s) * self._series[1] <= NEAR, 0.0, 8.0)


@dataclass(frozen=True)
class Discrete(Inputs):
    """Finitely many values."""

    values: tuple[float, ...]
    chances: tuple[float, ...]

    @property
    def atom(self) -> float:  # type: ignore[override]
        return math.fsum(p for x, p in zip(self.values, self.chances, strict=True) if x == 0)

    def moments(self, orders: int) -> Array:
        x, p = np.array(self.values), np.array(self.chances)
        return np.array([math.fsum(p * x**k) for k in range(orders + 1)])

    def log_average(self, s: Complex, mean: float, std: float) -> Complex:
        x, p = np.array(self.values), np.array(self.chances)
        powers = s[:, None] * (mean * x) + (s[:, None] * (std * x)) ** 2 / 2
        return _log_sum(powers, p)


@dataclass(frozen=True)
class Interval(Inputs):
    """Uniform on [low, high]."""

    low: float
    high: float

    @property
    def decay(self) -> float:  # type: ignore[override]
        return 1.0 if self.low <= 0 <= self.high else math.inf

    def moments(self, orders: int) -> Array:
        a, b = self.low, self.high
        return np.array(
            [math.fsum(a**j * b ** (k - j) for j in range(k + 1)) / (k + 1) for k in range(orders + 1)]
        )

    def log_average(self, s: Complex, mean: float, std: float) -> Complex:
        """By the Faddeeva function w: the antiderivative of exp(alpha x + beta x^2 / 2) is a multiple of
        exp(alpha x + beta x^2 / 2) w(zeta), zeta = (s std x + mean / std) / sqrt 2."""
        upper = s.imag >= 0
        s = np.where(upper, s, s.conj())
        tilt = mean / std
        floor = -tilt * tilt / 2
        ends = np.array([self.low, self.high])
        powers = s[:, None] * (mean * ends) + (s[:, None] * (std * ends)) ** 2 / 2
        zeta = (s[:, None] * (std * ends) + tilt) / math.sqrt(2)
        below = zeta.imag < 0
        top = np.maximum(powers.real.max(axis=1), floor)[:, None]
        pieces = np.exp(powers - top) * special.wofz(np.where(below, -zeta, zeta))
        pieces = np.where(below, 2 * np.exp(floor - top) - pieces, pieces)
        factor = math.sqrt(math.pi / 2) / (self.high - self.low) * 1j / (s * std)
        value = top[:, 0] + np.log((pieces[:, 0] - pieces[:, 1]) * factor)
        result: Complex = np.where(upper, value, value.conj())
        return result


@dataclass(frozen=True)
class Sided(Inputs):
    """above max(h, 0) + below max(-h, 0) for h ~ N(mu, 1): ReLU, leaky ReLU, modulus."""

    mu: float
    above: float
    below: float

    @property
    def atom(self) -> float:  # type: ignore[override]
        return float(special.ndtr(self.mu) * (self.above == 0) + special.ndtr(-self.mu) * (self.below == 0))

    @property
    def decay(self) -> float:  # type: ignore[override]
        return 1.0

    @property
    def widest(self) -> float:
        return max(abs(self.above), abs(self.below))

    def _sides(self) -> list[tuple[float, float]]:
        return [(slope, mu) for slope, mu in ((self.above, self.mu), (self.below, -self.mu)) if slope]

    def moments(self, orders: int) -> Array:
        total = np.zeros(orders + 1)
        total[0] = self.atom
        for slope, mu in self._sides():
            density = math.exp(-mu * mu / 2) / math.sqrt(2 * math.pi)
            half = [float(special.ndtr(mu)), mu * float(special.ndtr(mu)) + density]
            for k in range(2, orders + 1):
                half.append(mu * half[-1] + (k - 1) * half[-2])
            total += np.array([value * slope**k for k, value in enumerate(half)])
        return total

    def log_average(self, s: Complex, mean: float, std: float) -> Complex:
        logs, chances = [], []
        if self.atom:
            logs.append(np.zeros(s.shape, dtype=np.complex128))
            chances.append(self.atom)
        for slope, mu in self._sides():
            root = np.sqrt(1 - (s * (std * slope)) ** 2)
            zeta = (s * (mean * slope) + mu) / (root * math.sqrt(2))
            growing = zeta.real > 0
            side = special.wofz(1j * np.where(growing, zeta, -zeta))
            square = zeta**2
            steep = square.real > 0
            decayed = np.exp(np.where(steep, -square, square))
            grown = np.where(steep, square + np.log(2 - decayed * side), np.log(2 * decayed - side))
            logs.append(np.where(growing, grown, np.log(side)) - np.log(2 * root) - mu * mu / 2)
            chances.append(1.0)
        return _log_sum(np.stack(logs, axis=1), np.array(chances))


def _log_sum(powers: Complex, chances: Array) -> Complex:
    top = powers.real.max(axis=1)
    total: Complex = top + np.log((np.exp(powers - top[:, None]) * chances).sum(axis=1))
    return total


def transform_of(parts: Sequence[tuple[int, Term]]) -> Transform:
    """The transform of a sum of independent terms, each so many times, scaled to variance 1 by the caller."""
    parts = tuple(parts)

    def log_mgf(s: Complex) -> Complex:
        total = np.zeros(np.shape(s), dtype=np.complex128)
        for count, term in parts:
            total = total + count * term.log_mgf(s)
        return total

    def noise(s: Complex) -> Array:
        total = np.zeros(s.shape)
        for count, term in parts:
            total = total + count * term.noise(s)
        return total

    reach = min(term.reach for _, term in parts)
    atoms = [count * math.log(term.atom) if term.atom else -math.inf for count, term in parts]
    mean = math.fsum(count * term.mean for count, term in parts)
    std = math.sqrt(math.fsum(count * term.variance for count, term in parts))
    return Transform(
        log_mgf, -reach, reach, mean, std, math.fsum(atoms) if -math.inf not in atoms else -math.inf, noise
    )
