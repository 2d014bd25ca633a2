"""Tail probabilities and densities from a moment generating function, by the trapezoidal rule on a hyperbola.

P(X > x) = (1/2 pi i) int exp(K(s) - s x) ds / s over any curve that keeps 0 on its left, K = log E exp(s X).
The curve goes through the saddle point of K(s) - s x: the terms of the sum have the size of the result, which
keeps relative accuracy in the far tail. It bends away from the axis, so that exp(-s x) makes the terms small
where E exp(s X) alone would fall slowly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Inversion", "Transform"]

Array: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]

EPS = float(np.finfo(np.float64).eps)
TILTS = (math.pi / 8, math.pi / 16, math.pi / 32, math.pi / 64, math.pi / 128)
"""Angles of the far curve from the vertical, in the order tried; the strip stays within 45 degrees."""
GOOD = 1e-11
"""A larger relative error is worth a second try, with a curve that bends less and more terms."""
BLOCK = 16
FARTHEST = 280.0
"""Largest parameter of the curve; its points then are about 1e121."""
CHUNK = 4096
LN2 = math.log(2)


@dataclass(frozen=True)
class Transform:
    """The moment generating function of a random variable, as a logarithm.

    It must be analytic in the strip left < Re s < right, and in the sectors within 45 degrees of the
    imaginary axis beyond it, where it stays bounded up to the growth that the strip shows.

    Args:
        log_mgf: K(s) = log E exp(s X), up to multiples of 2 pi i.
        left: the left end of the strip, negative.
        right: the right end of the strip, positive.
        mean: E X.
        std: the standard deviation of X.
        log_atom: log P(X = 0).
        noise: a bound on the absolute error of K(s) at each s, in units of the rounding unit.
        bend: the side to which the curve bends: 1 right, -1 left, 0 where exp(-s x) falls.
    """

    log_mgf: Callable[[Complex], Complex]
    left: float
    right: float
    mean: float
    std: float
    log_atom: float = -math.inf
    noise: Callable[[Complex], Array] | None = None
    bend: int = 0

    def reflected(self) -> Transform:
        """The transform of -X."""
        log_mgf, noise = self.log_mgf, self.noise
        mirrored = None if noise is None else lambda s: noise(-s)
        return Transform(
            lambda s: log_mgf(-s),
            -self.right,
            -self.left,
            -self.mean,
            self.std,
            self.log_atom,
            mirrored,
            -self.bend,
        )


@dataclass(frozen=True)
class Inversion:
    """Upper tail and density of the variable of a transform, for x not below its mean.

    Every result comes with a bound on its relative error: the discretization by the theorem of Trefethen and
    Weideman, whose constant (the integral of the modulus along the edges of a strip) is computed by the same
    rule and doubled; the part that is cut off by the decay of the last terms; and round-off.

    Args:
        transform: of the variable.

    Example:
        >>> normal = Transform(lambda s: s * s / 2, -math.inf, math.inf, 0.0, 1.0)
        >>> log_tail, error = Inversion(normal).log_tail(np.array([38.0]))
        >>> round(float(log_tail[0]), 9), bool(error[0] < 1e-11)
        (-726.557216019, True)

    Source: Trefethen, Weideman, The exponentially convergent trapezoidal rule, 2014, theorem 5.1 (the bound);
    Daniels, Saddlepoint approximations in statistics, 1954 (the curve).
    """

    transform: Transform

    @cached_property
    def _saddles(self) -> tuple[Array, Array, Array, Array]:
        """Places on the real axis, the x they are saddle points for, curvatures of K, a count of widths."""
        right, std = self.transform.right, self.transform.std
        steps = np.geomspace(0.02, 1e12 if math.isfinite(right) else 1e7, 500)
        if math.isfinite(right):
            steps = steps / (std * right)
            places = right * steps / (1 + steps)
            places = places[places < right * (1 - 1e-13)]
        else:
            places = steps / std
        with np.errstate(all="ignore"):
            slope = self.transform.log_mgf((places * (1 + 1e-7j)).astype(np.complex128)).imag / (
                places * 1e-7
            )
            curvature = np.gradient(slope, places)
        good = np.isfinite(slope) & (curvature > 0)
        good &= np.cumsum(~good) == 0
        places, slope, curvature = places[good], np.maximum.accumulate(slope[good]), curvature[good]
        wide = np.sqrt(curvature) * np.gradient(places)
        return places, slope, curvature, np.cumsum(wide)

    def log_tail(self, x: Array) -> tuple[Array, Array]:
        """log P(X > x, X != 0) and a bound on its absolute error, which is relative in the tail itself."""
        return self._inverted(np.asarray(x, dtype=np.float64), tail=True)[:2]

    def log_tail_and_error(self, x: Array) -> tuple[Array, Array]:
        """log P(X > x, X != 0), and the log of a bound on the error of the probability itself."""
        value, _, lost = self._inverted(np.asarray(x, dtype=np.float64), tail=True)
        return value, lost

    def log_density(self, x: Array) -> tuple[Array, Array]:
        """The log of the density beside an atom at 0, and a bound on its absolute error."""
        return self._inverted(np.asarray(x, dtype=np.float64), tail=False)[:2]

    def _inverted(self, x: Array, tail: bool) -> tuple[Array, Array, Array]:
        found = np.stack([np.full(len(x), -np.inf), np.full(len(x), np.inf), np.full(len(x), np.inf)])
        waiting = np.arange(len(x))
        for tilt in TILTS:
            for k in range(0, len(waiting), CHUNK):
                part = waiting[k : k + CHUNK]
                again = np.stack(self._chunk(x[part], tail, tilt))
                better = again[2] < found[2, part]
                found[:, part[better]] = again[:, better]
            waiting = waiting[~(found[1, waiting] < GOOD * (1 + 1e-3 * np.abs(found[0, waiting])))]
            if not len(waiting):
                break
        return found[0], found[1], found[2]

    def _chunk(self, x: Array, tail: bool, tilt: float) -> tuple[Array, Array, Array]:
        curves = _Curves.through(self.transform, self._saddles, x, tail, tilt)
        total, size, rounding, cut = curves.summed()
        edges = curves.edge(1.0) + curves.edge(-1.0)
        with np.errstate(all="ignore"):
            strip, step = curves.strip[curves.of], curves.step[curves.of]
            between = 2 * edges / np.expm1(2 * math.pi * strip / step)
            base, shift = curves.base[curves.of], curves.level[curves.of] * x
            value = np.log(total) + base - shift
            rounding = rounding + EPS * size + 4 * EPS * (np.abs(base) + np.abs(shift)) * np.abs(total)
            absolute = between + cut + rounding
            error = absolute / np.abs(total)
            bound = np.where(error < 0.5, -np.log1p(-np.minimum(error, 0.5)), np.inf)
            lost_log = np.where(np.isnan(absolute), np.inf, np.log(absolute) + base - shift)
        lost = ~(total > 0) | np.isnan(bound)
        if not tail:
            return np.where(lost, -np.inf, value), np.where(lost, np.inf, bound), lost_log
        # Chernoff: P(X > x) <= exp(K(s) - s x), so where all digits are lost it lies between 0 and this.
        most = base - shift
        lost |= bound > 1
        return np.where(lost, most - LN2, value), np.where(lost, 1.0, bound), np.where(lost, most, lost_log)


@dataclass(frozen=True)
class _Curves:
    """Hyperbolas s(u) = level + reach (bend sin(tilt) (cosh u - 1) + i cos(tilt) sinh u), for x nearby."""

    transform: Transform
    x: Array
    of: NDArray[np.intp]
    tail: bool
    tilt: float
    level: Array
    reach: Array
    bend: Array
    step: Array
    strip: Array
    base: Array

    @classmethod
    def through(cls, of: Transform, saddles: tuple[Array, ...], x: Array, tail: bool, tilt: float) -> _Curves:
        places, slopes, curvatures, widths = saddles
        level = np.maximum(np.interp(x, slopes, places), min(0.6 / of.std, 0.5 * of.right))
        level = np.interp(np.round(2 * np.interp(level, places, widths)) / 2, widths, places)
        keys, index = np.unique(level * (of.bend or np.where(x >= 0, 1, -1)), return_inverse=True)
        level, bend = np.abs(keys), np.sign(keys)
        reach = np.minimum(level, of.right - level) if math.isfinite(of.right) else level
        narrow = 1 / np.sqrt(np.interp(level, places, curvatures)) / reach
        base = of.log_mgf(level.astype(np.complex128)).real
        widest = 0.98 * tilt
        step = np.minimum(2 * math.pi * widest / 37, 0.7 * narrow)
        strip = np.minimum(widest, 8.6 * narrow)
        return cls(of, x, index, tail, tilt, level, reach, bend, step, strip, base)

    def _nodes(self, chosen: Any, u: Array, shift: Array | float) -> tuple[Complex, Complex, Complex, Array]:
        """Per node of a curve: s - level, K(s) - K(level), the factor of exp, and what rounds."""
        level, reach, bend, base = (
            part[chosen][:, None] for part in (self.level, self.reach, self.bend, self.base)
        )
        grown, turned = np.cosh(u + 1j * shift), np.sinh(u + 1j * shift)
        sine, cosine = bend * math.sin(self.tilt), 1j * math.cos(self.tilt)
        away = reach * (sine * (grown - 1) + cosine * turned)
        s = level + away
        factor = reach * (sine * turned + cosine * grown) / 2j / math.pi
        with np.errstate(all="ignore"):
            power = self.transform.log_mgf(s) - base
            noise = np.zeros(s.shape) if self.transform.noise is None else self.transform.noise(s)
        return away, power, factor / s if self.tail else factor, noise

    def _blocks(self, shift: Array | float, stride: int) -> Generator[tuple[Any, ...], Any, None]:
        """Blocks of nodes; the receiver sends back which x go on."""
        active, start = np.arange(len(self.x)), 0
        while len(active):
            curves, local = np.unique(self.of[active], return_inverse=True)
            steps = stride * self.step[curves]
            u = np.arange(start, start + BLOCK) * steps[:, None]
            side = shift if isinstance(shift, float) else shift[curves][:, None]
            away, power, factor, noise = self._nodes(curves, u, side)
            weights = np.full(BLOCK, 2.0)
            weights[0] -= start == 0
            factor = factor * weights * steps[:, None]
            start += BLOCK
            going = yield active, curves, local, away, power, factor, noise
            active = active[going & (start * steps[local] < FARTHEST)]

    def _values(self, active: Any, local: Any, away: Complex, power: Complex, factor: Complex) -> Complex:
        x = self.x[active][:, None]
        with np.errstate(all="ignore"):
            values: Complex = power[local] - away[local] * x
            np.exp(values, out=values)
            if self.transform.log_atom > -math.inf:
                base = self.base[self.of[active]][:, None]
                values -= np.exp(self.transform.log_atom - base - away[local] * x)
            values *= factor[local]
        return values

    def summed(self) -> tuple[Array, Array, Array, Array]:
        """The sum along the curve, of its moduli, of their rounding errors, and a bound on what is cut."""
        total, size, rounding, last, before = (np.zeros(len(self.x)) for _ in range(5))
        blocks = self._blocks(0.0, 1)
        going: Any = None
        # Beside an atom a term is a difference, whose rounding never falls below that of the atom.
        floor = 1e-18 if self.transform.log_atom == -math.inf else 4e-15
        while True:
            try:
                active, _, local, away, power, factor, noise = blocks.send(going)
            except StopIteration:
                break
            values = self._values(active, local, away, power, factor)
            sizes = _sizes(values)
            values[sizes == 0] = 0.0
            with np.errstate(all="ignore"):
                total[active] += values.real.sum(axis=1)
            known, far = np.minimum(np.abs(power), 1e3) + noise + 4, np.abs(away)
            rounds = known[local] + far[local] * np.abs(self.x[active])[:, None]
            with np.errstate(all="ignore"):
                rounding[active] += EPS * (sizes * np.minimum(rounds, 1e6 + known[local])).sum(axis=1)
                before[active], last[active] = last[active], sizes.sum(axis=1)
                size[active] += last[active]
            going = (last[active] > floor * size[active]) & np.isfinite(size[active])
        with np.errstate(all="ignore"):
            ratio = np.where(before > 0, last / before, 0.0)
            cut = np.where(ratio < 1, last * ratio / (1 - np.minimum(ratio, 1 - EPS)), np.inf)
        return total, size, rounding, np.where(last == 0, 0.0, cut)

    def edge(self, side: float) -> Array:
        """The integral of the modulus along one edge of the strip."""
        size = np.zeros(len(self.x))
        blocks = self._blocks(side * self.strip, 2)
        going: Any = None
        while True:
            try:
                active, _, local, away, power, factor, _ = blocks.send(going)
            except StopIteration:
                return size
            with np.errstate(all="ignore"):
                if self.transform.log_atom > -math.inf:
                    block = _sizes(self._values(active, local, away, power, factor)).sum(axis=1)
                else:
                    x = self.x[active][:, None]
                    moduli = np.exp(power.real[local] - away.real[local] * x) * np.abs(factor)[local]
                    block = _sizes(moduli).sum(axis=1)
                size[active] += block
            going = (block > 1e-3 * size[active]) & np.isfinite(size[active])


def _sizes(values: NDArray[Any]) -> Array:
    """Moduli; infinite ones stay, so that an overflow shows in the bound. What is no number has vanished."""
    with np.errstate(all="ignore"):
        sizes = np.where(np.isinf(values.real) | np.isinf(values.imag), np.inf, np.abs(values))
    return np.where(np.isnan(sizes), 0.0, sizes)
