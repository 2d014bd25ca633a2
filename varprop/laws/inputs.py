"""Inputs of normal weights: averages of exp(alpha x + beta x^2 / 2) over x, and their round-off."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from varprop.numerics.quadrature import legendre

__all__ = ["Discrete", "Inputs", "Interval", "Precise", "Sided"]

Array: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]
Precise: TypeAlias = tuple[Complex, Array]
"""Values and their errors in rounding units, one of the value itself not counted."""


class Inputs(ABC):
    """The law of x, its size of order 1, as far as averages of exp(alpha x + beta x^2 / 2) need it."""

    atom = 0.0
    moving = 1.0
    """P(x != 0), with its digits also where the atom is all but one."""
    decay = math.inf

    @abstractmethod
    def moments(self, orders: int) -> Array:
        """E x^k for k = 0 ... orders."""

    @abstractmethod
    def log_average(self, s: Complex, mean: float, std: float) -> Precise:
        """log E exp(s mean x + s^2 std^2 x^2 / 2) over x != 0, for s not near 0, and its error."""

    @property
    def widest(self) -> float:
        """E exp(beta x^2 / 2) is finite for beta below 1 / widest^2."""
        return 0.0


@dataclass(frozen=True)
class Discrete(Inputs):
    """Finitely many values."""

    values: tuple[float, ...]
    chances: tuple[float, ...]

    @property
    def atom(self) -> float:  # type: ignore[override]
        return math.fsum(p for x, p in zip(self.values, self.chances, strict=True) if x == 0)

    @property
    def moving(self) -> float:  # type: ignore[override]
        return math.fsum(p for x, p in zip(self.values, self.chances, strict=True) if x != 0)

    def moments(self, orders: int) -> Array:
        x, p = np.array(self.values), np.array(self.chances)
        return np.array([math.fsum(p * x**k) for k in range(orders + 1)])

    def log_average(self, s: Complex, mean: float, std: float) -> Precise:
        x, p = np.array(self.values), np.array(self.chances)
        x, p = x[x != 0], p[x != 0]
        powers = s[:, None] * (mean * x) + (s[:, None] * (std * x)) ** 2 / 2
        return log_sum(powers, p)


@dataclass(frozen=True)
class Interval(Inputs):
    """Uniform on [low, high]."""

    low: float
    high: float

    @property
    def decay(self) -> float:  # type: ignore[override]
        return 1.0 if self.low <= 0 <= self.high else math.inf

    def moments(self, orders: int) -> Array:
        powers = np.array([self.low, self.high])[:, None] ** np.arange(orders + 1)
        sums: Array = np.convolve(*powers)[: orders + 1]
        return sums / np.arange(1, orders + 2)

    def log_average(self, s: Complex, mean: float, std: float) -> Precise:
        """By Gauss's rule where the exponent moves little, else by the Faddeeva function w.

        The antiderivative of exp(alpha x + beta x^2 / 2) is a multiple of exp(alpha x + beta x^2 / 2) w(zeta)
        with zeta = (s std x + mean / std) / sqrt 2.
        """
        if abs(mean) <= std and self.low <= 0 <= self.high:
            return self._by_ends(s, mean, std)
        width = self.high - self.low
        middle, half = (self.low + self.high) / 2, width / 2
        square = (s * std) ** 2
        short = half * (np.abs(s * mean + square * middle) + np.abs(square) * half / 2) < 4
        value, noise = np.empty(s.shape, dtype=np.complex128), np.empty(s.shape)
        nodes, chances = legendre(20)
        x = self.low + width * nodes
        powers = s[short][:, None] * (mean * x) + square[short][:, None] * (x * x / 2)
        value[short], noise[short] = log_sum(powers, chances)
        value[~short], noise[~short] = self._by_ends(s[~short], mean, std)
        return value, noise

    def _by_ends(self, s: Complex, mean: float, std: float) -> Precise:
        upper = s.imag >= 0
        s = np.where(upper, s, s.conj())
        tilt = mean / std
        floor = -tilt * tilt / 2
        # One row per end: reductions over two rows are fast.
        ends = np.array([[self.low], [self.high]])
        scaled = (std * ends) * s
        powers = scaled * scaled / 2
        if mean:
            powers += (mean * ends) * s
        zeta = (scaled + tilt) / math.sqrt(2)
        below = zeta.imag < 0
        top = np.maximum(powers.real.max(axis=0), floor)
        pieces = np.exp(powers - top) * special.wofz(np.where(below, -zeta, zeta))
        lost = (np.abs(pieces) * (_wofz_noise(zeta) + 2 * np.abs(powers))).sum(axis=0)
        if below.any():
            pieces = np.where(below, -pieces, pieces) + 2 * np.exp(floor - top) * (below & ~below.all(axis=0))
        factor = math.sqrt(math.pi / 2) / (self.high - self.low) * 1j / (s * std)
        away = pieces[0] - pieces[1]
        value = top + np.log(away * factor)
        return np.where(upper, value, value.conj()), 8 + lost / np.abs(away)


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
    def moving(self) -> float:  # type: ignore[override]
        return math.fsum(float(special.ndtr(mu)) for _, mu in self._sides())

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
            half = _half_moments(mu, orders)
            total += np.array([value * slope**k for k, value in enumerate(half)])
        return total

    def log_average(self, s: Complex, mean: float, std: float) -> Precise:
        logs, noise = [], np.zeros(s.shape)
        for slope, mu in self._sides():
            root = np.sqrt(1 - (s * (std * slope)) ** 2)
            zeta = (s * (mean * slope) + mu) / (root * math.sqrt(2))
            growing = zeta.real > 0
            side = special.wofz(1j * np.where(growing, zeta, -zeta))
            square = zeta**2
            steep = square.real > 0
            decayed = np.exp(np.where(steep, -square, square))
            whole = np.where(steep, 2.0, 2 * decayed)
            rest = np.where(steep, decayed * side, side)
            grown = np.where(steep, square, 0.0) + np.log(whole - rest)
            logs.append(np.where(growing, grown, np.log(side)) - np.log(2 * root) - mu * mu / 2)
            rounding = _wofz_noise(zeta)
            lost = (2 * np.abs(whole) + rounding * np.abs(rest)) / np.abs(whole - rest) + 3 * np.abs(square)
            noise = np.maximum(noise, np.where(growing, lost, rounding))
        if len(logs) == 1:
            return logs[0], 4 + noise
        value, lost = log_sum(np.stack(logs, axis=1), np.ones(len(logs)))
        return value, lost * (1 + noise / 8)


def _half_moments(mu: float, orders: int) -> list[float]:
    """E h^k 1(h > 0) of h ~ N(mu, 1): int_0^oo x^k exp(-(x - mu)^2 / 2) dx / sqrt(2 pi).

    By recurrence where its terms are positive, else by the trapezoidal rule in log x.
    """
    density = math.exp(-mu * mu / 2) / math.sqrt(2 * math.pi)
    if mu < 0:
        u = np.arange(-900, 90) * 0.05
        x = np.exp(u)
        powers = np.arange(1, orders + 2)[:, None] * u - x * x / 2 + mu * x
        sums: list[float] = (np.exp(powers).sum(axis=1) * (0.05 * density)).tolist()
        return sums
    chance = float(special.ndtr(mu))
    half = [chance, mu * chance + density]
    for k in range(2, orders + 1):
        half.append(mu * half[-1] + (k - 1) * half[-2])
    return half[: orders + 1]


def _wofz_noise(zeta: Complex) -> Array:
    """The relative error of SciPy's Faddeeva function in rounding units, as found against forty digits.

    It grows like |zeta|^2 up to the 10 from where on another method is used.
    """
    size = np.abs(zeta)
    return np.where(size < 10, 8 + 2.5 * size * size, 24.0)


def log_sum(powers: Complex, chances: Array) -> Precise:
    top = powers.real.max(axis=1)
    parts = np.exp(powers - top[:, None]) * chances
    total = parts.sum(axis=1)
    lost = (np.abs(parts) * (8 + np.abs(powers))).sum(axis=1)
    return top + np.log(total), lost / np.abs(total)
