"""Laws whose moment generating function does not exist: products of many normals, and sums of such."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from varprop.laws.closed import complement, in_unit
from varprop.laws.digits import Digits
from varprop.laws.law import EPS, Array, Law
from varprop.laws.moments import LN_N, graded, refined
from varprop.numerics.inversion import Inversion, Transform
from varprop.numerics.rays import RayInversion

__all__ = ["ChainLaw", "RayLaw", "chain_log_mgf"]

Complex: TypeAlias = NDArray[np.complex128]


def chain_log_mgf(factors: int) -> Callable[[Complex], Complex]:
    """log E exp(s z) for a product z of at least three standard normals, s near the imaginary axis.

    E cos(t z) = (1/2 pi i) int Gamma(w) cos(pi w / 2) E|z|^(-w) t^(-w) dw along Re w = 1/2; along
    Re w = -3.4 the same integral gives E cos(t z) - 1 + t^2 E z^2 / 2, which keeps the digits of small t.

    Source: Springer, The Algebra of Random Variables, 1979, chapter 4 (Mellin transforms of products).
    """
    mellin = _Mellin(factors)
    tau = np.arange(-420, 421) * 0.08
    tables = []
    for level in (0.5, -3.4):
        w = level + 1j * tau
        logs = special.loggamma(w) + np.log(np.cos(math.pi * w / 2)) + mellin(-w)
        tables.append((w, np.exp(logs) * 0.08 / (2 * math.pi)))

    def log_mgf(s: Complex) -> Complex:
        t = np.where(s.imag >= 0, -1j, 1j) * s
        shape, t = t.shape, t.ravel()
        value = np.empty(t.shape, dtype=np.complex128)
        small = np.abs(t) < 0.3
        for (w, table), chosen in zip(tables, (~small, small), strict=True):
            at = t[chosen]
            total = np.empty(at.shape, dtype=np.complex128)
            for k in range(0, len(at), 2048):
                part = at[k : k + 2048]
                total[k : k + 2048] = np.exp(-np.log(np.where(part == 0, 1, part))[:, None] * w) @ table
            if chosen is small:
                value[chosen] = special.log1p(np.where(at == 0, 0, total) - at * at / 2)
            else:
                value[chosen] = np.log(total)
        return value.reshape(shape)

    return log_mgf


class RayLaw(Law):
    """offset + unit y for a y without moment generating function; absolute accuracy, no far tails.

    Args:
        inversion: of y.
        transform: log E exp(s y).
        moments: mean and std of z; nan and inf where they do not exist.
        spike: whether the density is infinite at the offset.
        estimated: how far the transform may be off, by the quadrature of an input.
    """

    precision: ClassVar[str] = "enclosure"
    reach = 40.0
    method = "inversion of the characteristic function"

    def __init__(
        self,
        inversion: RayInversion,
        offset: float,
        unit: float,
        moments: tuple[float, float],
        spike: bool,
        estimated: float = 0.0,
    ) -> None:
        self.inversion, self.offset, self.unit, self.spike = inversion, offset, unit, spike
        self.mean, self.std = moments
        self.estimated = 10 * estimated

    @property
    def atoms(self) -> tuple[tuple[float, Digits], ...]:
        p = self.inversion.atom
        return ((self.offset, Digits(p, 8 * EPS)),) if p else ()

    def _tails(self, x: Array) -> tuple[Array, Array, Array]:
        y = (x - self.offset) / self.unit
        up, bound = self.inversion.tail(np.where(np.isfinite(y), y, 0.0))
        bound = np.minimum(np.nan_to_num(bound + self.estimated, nan=1.0), 1.0)
        up = np.nan_to_num(up) + self.inversion.atom * (y < 0)
        up = np.clip(up, bound / 2, 1 - bound / 2)  # what is lost in the error is somewhere in [0, bound]
        up = np.where(np.isposinf(y), 0.0, np.where(np.isneginf(y), 1.0, up))
        with np.errstate(all="ignore"):
            return np.log(up), np.log1p(-up), bound / np.minimum(up, 1 - up)

    def _log_density(self, x: Array) -> tuple[Array, Array]:
        y = (x - self.offset) / self.unit
        value, bound = self.inversion.density(np.where(np.isfinite(y), y, 0.0))
        bound = bound + self.estimated
        value = np.where(np.isfinite(y), np.maximum(value, bound / 2), 0.0)
        with np.errstate(all="ignore"):
            logs, error = in_unit(np.log(value), bound / value, self.unit)
            return np.where((y == 0) & self.spike, np.inf, logs), error

    def _transform(self, t: Array) -> tuple[NDArray[np.complex128], Array]:
        value = np.exp(
            self.inversion.log_mgf((1j * t * self.unit).astype(np.complex128)) + 1j * t * self.offset
        )
        return value, EPS * (16 + np.abs(t * self.offset)) + self.estimated

    def _sizes(self) -> tuple[float, list[float], float]:
        places = [x for x in (self.mean, self.offset) if x and math.isfinite(x)]
        size = max([self.unit, *map(abs, places)])
        return size, [abs(x) / size for x in places], self.unit / size

    @property
    def absolute_mean(self) -> Digits:
        """E|z|; infinite where the mean does not exist.

        For z = c + y, E|y| = (2/pi) int_0^oo (1 - Re E exp(i t y)) / t^2 dt, and E|c + y| is that and the
        integral of P(y > -a) - P(y < -a) over a from 0 to c: absolute accuracy of tails is enough.
        """
        if math.isnan(self.mean):
            return Digits(math.inf)

        def centered(count: int) -> tuple[float, float]:
            u = np.linspace(-90.0, 45.0, count + 1)
            with np.errstate(all="ignore"):
                lost = -np.expm1(self.inversion.log_mgf(1j * np.exp(u))).real
            lost = np.nan_to_num(lost, nan=1.0)  # where the transform vanishes
            total = float((lost * np.exp(-u)).sum() * (u[1] - u[0])) * 2 / math.pi
            return total, 100 * self.estimated

        value = refined(centered, (128, 256, 512, 1024))
        if not self.offset:
            return Digits(value * self.unit, value.error * self.unit)
        away, size = math.copysign(1.0, self.offset), abs(self.offset)
        moved = refined(lambda count: self._moved(away, size, count))
        return Digits(value * self.unit + moved * size, value.error * self.unit + moved.error * size)

    def _moved(self, away: float, size: float, count: int) -> tuple[float, float]:
        """(E|c + y| - E|y|) / |c|, c = away size, and a bound on what the tails lose."""
        x, weights = graded([1.0], 1.0, 0.0, count)
        x, weights = x[x <= 1], weights[x <= 1]
        above, bound = self.inversion.tail(-away * size / self.unit * x)
        above = above + self.inversion.atom * (away > 0)
        return float(away * (2 * above - 1) @ weights), float(2 * (bound + self.estimated) @ weights)


@dataclass(frozen=True)
class _Mellin:
    """log E |z|^s of a product of L standard normals."""

    factors: int

    def __call__(self, s: Any) -> Any:
        return self.factors * (s * (math.log(2) / 2) + special.loggamma((1 + s) / 2) - math.log(math.pi) / 2)


class ChainLaw(Law):
    """unit times a product of L standard normals: E|z|^s = (2^(s/2) Gamma((1+s)/2) / sqrt(pi))^L.

    Source: Springer, Thompson, The distribution of products of independent random variables, 1966.
    """

    precision: ClassVar[str] = "enclosure"
    method = "inversion of the Mellin transform"

    def __init__(self, factors: int, unit: float) -> None:
        self.factors, self.unit = factors, unit
        self.mean, self.std = 0.0, unit

    @cached_property
    def _logs(self) -> tuple[Inversion, Inversion, float]:
        mean, std = self.factors * LN_N, math.sqrt(self.factors * math.pi**2 / 8)
        mellin = _Mellin(self.factors)
        transform = Transform(
            lambda s: (mellin(s), self.factors * (4 + np.abs(s))), -1.0, math.inf, mean, std, bend=-1
        )
        return Inversion(transform), Inversion(transform.reflected()), mean

    def _part(self, x: Array, density: bool) -> tuple[Array, Array, Array]:
        """log P(|z| > x) or the log density of log|z|; the log of the other tail; errors."""
        above, below, mean = self._logs
        with np.errstate(divide="ignore"):
            y = np.log(np.abs(x) / self.unit)
        logs, other, error = np.full(len(y), -np.inf), np.full(len(y), -np.inf), np.zeros(len(y))
        for side, inversion, sign in ((y >= mean, above, 1.0), (y < mean, below, -1.0)):
            finite = side & np.isfinite(y)
            if density:
                logs[finite], error[finite] = inversion.log_density(sign * y[finite])
                continue
            tail, bound = inversion.log_tail(sign * y[finite])
            smaller, larger = (logs, other) if sign > 0 else (other, logs)
            smaller[finite], larger[finite], error[finite] = tail, complement(tail), bound
        if not density:
            logs[np.isneginf(y)], other[np.isposinf(y)] = 0.0, 0.0
        return logs, other, error

    def _tails(self, x: Array) -> tuple[Array, Array, Array]:
        logs, _, error = self._part(x, density=False)
        outer = logs - math.log(2)
        inner = complement(outer)
        return np.where(x >= 0, outer, inner), np.where(x >= 0, inner, outer), error + EPS

    def _log_density(self, x: Array) -> tuple[Array, Array]:
        logs, _, error = self._part(x, density=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.log(np.abs(x))
            rounding = np.where(np.isfinite(logs + size), EPS * (np.abs(logs) + np.abs(size)), 0.0)
            return np.where(x == 0, np.inf, logs - math.log(2) - size), error + 4 * EPS + rounding

    def _transform(self, t: Array) -> tuple[NDArray[np.complex128], Array]:
        value = np.exp(chain_log_mgf(self.factors)((1j * t * self.unit).astype(np.complex128)))
        return value, np.full(len(t), 64 * EPS * self.factors)

    @property
    def absolute_mean(self) -> Digits:
        """E|z| = unit (2/pi)^(L/2)."""
        value = math.exp(math.log(self.unit) + self.factors * math.log(2 / math.pi) / 2)
        return Digits(value, 4 * EPS * (1 + abs(math.log(self.unit)) + self.factors) * value)

    @property
    def log_mean(self) -> Digits:
        """E log|z| = log unit - L (gamma + log 2) / 2."""
        value = math.log(self.unit) + self.factors * LN_N
        return Digits(value, 4 * EPS * (1 + abs(math.log(self.unit)) + self.factors))
