"""Tails and densities of variables without a moment generating function, along two rays from the origin."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["RayInversion"]

Array: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]

EPS = float(np.finfo(np.float64).eps)
TILT = math.pi / 8
WITHIN = 37.0
LOWEST, HIGHEST = -46.0, 46.0
CHUNK = 256
RANGE = 6.0


@dataclass(frozen=True)
class RayInversion:
    """P(X > x) and the density, with bounds on their absolute errors.

    With s = exp(u + i theta), theta = pi/2 - tilt, P(X > x) = (1/pi) Im int (exp(K(s) - s x) - exp(-s)) du
    for x > 0; for x < 0 the ray leans to the left.

    Args:
        log_mgf: K(s) = log E exp(s X), analytic within 45 degrees of the imaginary axis; X of a size of
            about 1.
        atom: P(X = 0).
        tilt: between the rays and the imaginary axis; the bound looks up to twice as far.

    Example:
        >>> cauchy = RayInversion(lambda s: np.where(s.imag >= 0, 1j, -1j) * s)
        >>> tail, error = cauchy.tail(np.array([1.0]))
        >>> round(float(tail[0]), 12), bool(error[0] < 1e-13)
        (0.25, True)

    Source: Gil-Pelaez, Note on the inversion theorem, 1951; Trefethen, Weideman, 2014, theorem 5.1 (bound).
    """

    log_mgf: Callable[[Complex], Complex]
    atom: float = 0.0
    tilt: float = TILT

    def fitted(self) -> RayInversion:
        """Rays at the widest angle, down from pi/8, at which the transform stays small enough for a bound.

        That of a normal weight with a mean grows like exp(mean^2 / std^2) and more towards 45 degrees.
        """
        best, least = self, math.inf
        for halvings in range(5):
            steeper = replace(self, tilt=self.tilt / 2**halvings)
            error = float(np.nan_to_num(steeper.tail(np.array([0.01, -0.01]))[1], nan=np.inf).max())
            if error < least:
                best, least = steeper, error
            if least < 1e-12:
                break
        return best

    def tail(self, x: Array) -> tuple[Array, Array]:
        """P(X > x, X != 0) and a bound on its error."""
        return self._integrated(x, tail=True)

    def density(self, x: Array) -> tuple[Array, Array]:
        """The density beside an atom at 0, and a bound on its error."""
        return self._integrated(x, tail=False)

    def _integrated(self, x: Array, tail: bool) -> tuple[Array, Array]:
        value, error = np.empty(len(x)), np.empty(len(x))
        decades = RANGE * np.floor(np.log10(np.maximum(np.abs(x), 1.0)) / RANGE)
        if decades.any():  # far out X / c is inverted: the nodes reach no lower than 1e-20
            for decade in np.unique(decades):
                there = decades == decade
                c = 10.0**decade
                scaled = self if c == 1 else self._scaled(c)
                value[there], error[there] = scaled._integrated(x[there] / c, tail)
                if not tail:
                    value[there], error[there] = value[there] / c, error[there] / c
            return value, error
        for right in (True, False):
            side = np.flatnonzero((x >= 0) == right)
            lines = self._right if right else self._left
            for k in range(0, len(side), CHUNK):
                part = side[k : k + CHUNK]
                sums = [self._sum(line, x[part], right, tail) for line in lines]
                total, size, last = sums[0]
                value[part] = total / math.pi + (0.0 if right or not tail else 1 - self.atom)
                between = 2 * (sums[1][1] + sums[2][1]) / math.expm1(WITHIN)
                error[part] = (between + 16 * EPS * size + last) / math.pi + EPS
        return value, error

    def _scaled(self, c: float) -> RayInversion:
        if c not in self._others:
            self._others[c] = replace(self, log_mgf=lambda s: self.log_mgf(s / c))
        return self._others[c]

    @cached_property
    def _others(self) -> dict[float, RayInversion]:
        return {}

    @property
    def _strip(self) -> float:
        return 0.98 * self.tilt

    @property
    def _step(self) -> float:
        return 2 * math.pi * self._strip / WITHIN

    @cached_property
    def _right(self) -> list[tuple[Complex, Complex]]:
        return [self._line(True, shift) for shift in (0.0, self._strip, -self._strip)]

    @cached_property
    def _left(self) -> list[tuple[Complex, Complex]]:
        return [self._line(False, shift) for shift in (0.0, self._strip, -self._strip)]

    def _nodes(self, right: bool, shift: float) -> Complex:
        u = np.arange(math.floor(LOWEST / self._step), math.ceil(HIGHEST / self._step) + 1) * self._step
        angle = math.pi / 2 + (-self.tilt if right else self.tilt) + shift
        nodes: Complex = np.exp(u + 1j * angle)
        return nodes

    def _line(self, right: bool, shift: float) -> tuple[Complex, Complex]:
        nodes = self._nodes(right, shift)
        with np.errstate(all="ignore"):
            return nodes, self.log_mgf(nodes)

    def _sum(
        self, line: tuple[Complex, Complex], x: Array, right: bool, tail: bool
    ) -> tuple[Array, Array, Array]:
        s, logs = line
        with np.errstate(all="ignore"):
            moved = s * x[:, None]
            values = np.exp(logs - moved)
            rounded = np.abs(values)
            if self.atom:
                still = self.atom * np.exp(-moved)
                values, rounded = values - still, rounded + np.abs(still)
            if tail:
                values = values - (1 - self.atom) * np.exp(-s if right else s)
            else:
                values, rounded = values * s, rounded * np.abs(s)
            values = np.where(np.isfinite(values), values, 0.0)
            rounded = np.where(np.isfinite(rounded), rounded, 0.0)
        sizes = np.abs(values) * self._step
        lost = EPS * np.minimum(rounded * self._step, 1e300).sum(axis=1) if self.atom or not tail else 0.0
        # Beyond the first and the last node the terms fall at least geometrically.
        last = 2 * (sizes[:, 0] + sizes[:, -1]) / (1 - math.exp(-self._step))
        return values.imag.sum(axis=1) * self._step, sizes.sum(axis=1), last + 4 * lost
