"""Sums of exponentials along hyperbolas: what the inversion of a moment generating function adds up.

Many x share one curve. Its terms are c_j exp(-a_j (x - near)), `near` the x of the curve where they are
largest: their moduli, and with them every bound, are sums of positive exponentials of x, so that their
logarithm is convex and known to lie below the chord between two x.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Curves", "Terms", "Transform", "chord"]

Array: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]
Places: TypeAlias = NDArray[np.intp]

EPS = float(np.finfo(np.float64).eps)
BLOCK = 16
FARTHEST = 280.0
"""Largest parameter of a curve; its points then are about 1e121."""
DEEP = 43.0
"""Terms this much smaller, as a logarithm, are looked for no further."""
OPEN = 0.98
"""The strip reaches to this share of the tilt on both sides."""


@dataclass(frozen=True)
class Transform:
    """The moment generating function of a random variable, as a logarithm.

    It must be analytic in the strip left < Re s < right, and in the sectors within 45 degrees of the
    imaginary axis beyond it, where it stays bounded up to the growth that the strip shows.

    Args:
        log_mgf: K(s) = log E exp(s X) over X != 0, up to multiples of 2 pi i, and a bound on its error in
            rounding units, beyond those of K(s) itself.
        left: the left end of the strip, negative.
        right: the right end of the strip, positive.
        mean: E X.
        std: the size of X where it is not 0, a standard deviation of X over the root of P(X != 0).
        log_atom: log P(X = 0).
        bend: the side to which the curve bends: 1 right, -1 left, 0 where exp(-s x) falls.
        symmetric: whether X and -X have one law.
    """

    log_mgf: Callable[[Complex], tuple[Complex, Array]]
    left: float
    right: float
    mean: float
    std: float
    log_atom: float = -math.inf
    bend: int = 0
    symmetric: bool = False

    def reflected(self) -> Transform:
        """The transform of -X."""
        log_mgf = self.log_mgf
        return Transform(
            lambda s: log_mgf(-s),
            -self.right,
            -self.left,
            -self.mean,
            self.std,
            self.log_atom,
            -self.bend,
            self.symmetric,
        )


@dataclass(frozen=True)
class Terms:
    """Terms c_j exp(-a_j (x - near)) along curves, one row per curve; rows that end early go on with zeros.

    Args:
        away: a_j.
        value: c_j.
        sizes: their moduli.
        rounds: the rounding errors of c_j in rounding units, without those of a_j x.
        cut: a bound on the moduli beyond the last one, at both ends of the x of a curve.
        whole: the sum of the moduli at both ends.
        stops: how many terms there are.
    """

    away: Complex
    value: Complex
    sizes: Array
    rounds: Array
    cut: Array
    whole: Array
    stops: Places


@dataclass(frozen=True)
class Curves:
    """Hyperbolas s(u) = level + reach (bend sin(tilt) (cosh u - 1) + i cos(tilt) sinh u), for x nearby.

    Args:
        transform: of the variable.
        of: the curve of each x.
        tail: whether the terms are those of P(X > x), or of the density.
        tilt: the angle of the far curve from the vertical.
        level, reach, bend: of each curve.
        step: of the trapezoidal rule on it.
        strip: half the width of the strip of u where the terms are analytic.
        base: K(level).
        near, far: the x of the curve where its terms are largest, and smallest.
        first: a guess how many terms count.
    """

    transform: Transform
    of: Places
    tail: bool
    tilt: float
    level: Array
    reach: Array
    bend: Array
    step: Array
    strip: Array
    base: Array
    near: Array
    far: Array
    first: int

    @classmethod
    def through(
        cls, of: Transform, saddles: tuple[Array, ...], x: Array, tail: bool, tilt: float, width: float
    ) -> Curves:
        """The curves through the saddle points of the x, as few as serve them all.

        One curve serves x that span `width` standard deviations of the tilted variable; steps shrink with it.
        """
        places, slopes, curvatures, widths = saddles
        lowest = min(0.6 / of.std, 0.5 * of.right)
        start = float(np.interp(lowest, places, widths))
        wide = np.interp(np.maximum(np.interp(x, slopes, places), lowest), places, widths)
        bend = np.full(len(x), of.bend) if of.bend else np.where(x >= 0, 1, -1)
        keys, index = np.unique(bend * (1 + np.rint((wide - start) / width)), return_inverse=True)
        bend, count = np.sign(keys), len(keys)
        narrowest, widest = _ends(wide, index, count)
        level: Array = np.interp((narrowest + widest) / 2, widths, places)
        reach: Array = np.minimum(level, of.right - level)
        narrow = 1 / np.sqrt(np.interp(level, places, curvatures)) / reach
        base = of.log_mgf(level.astype(np.complex128))[0].real
        step = np.minimum(2 * math.pi * OPEN * tilt / 37, 0.35 * width * narrow)
        strip = np.minimum(OPEN * tilt, 4.3 * width * narrow)
        low, high = _ends(x, index, count)
        near, far = np.where(bend > 0, low, high), np.where(bend > 0, high, low)
        by_x = np.arccosh(1 + DEEP / (reach * math.sin(tilt) * np.abs(near)))
        guess = np.arcsinh(10 * narrow / math.cos(tilt)) / step
        if not of.bend:
            guess = np.minimum(np.maximum(guess, 0.7 * by_x / step), by_x / step)
        first = 2 * BLOCK * math.ceil(min(float(np.nan_to_num(guess, nan=99.0).max()), 512) / (2 * BLOCK))
        return cls(of, index, tail, tilt, level, reach, bend, step, strip, base, near, far, max(32, first))

    def main(self) -> Terms:
        """The terms of the curves themselves."""
        every = np.arange(len(self.level))
        return self._along(every, np.zeros(len(every)), 1, 1e-18)

    def edges(self) -> Terms:
        """The terms along both edges of the strip, first all upper ones; only their moduli matter."""
        every = np.arange(len(self.level))
        shift = np.concatenate([self.strip, -self.strip])
        return self._along(np.concatenate([every, every]), shift, 2, 1e-4)

    def _along(self, rows: Places, shift: Array, stride: int, floor: float) -> Terms:
        """Terms along the given curves, until their last block is small beside the sum at both ends."""
        active, start = np.arange(len(rows)), 0
        count = max(2 * BLOCK, self.first // stride)
        span = (self.far - self.near)[rows]
        whole, cut = np.zeros((2, len(rows))), np.zeros((2, len(rows)))
        stops = np.zeros(len(rows), dtype=np.intp)
        pieces: list[tuple[Places, tuple[Complex, Complex, Array, Array]]] = []
        while len(active):
            found = self._terms(rows[active], shift[active], np.arange(start, start + count), stride)
            pieces.append((active, found))
            away, _, sizes, _ = found
            fallen = sizes * np.exp(-away.real * span[active][:, None])
            blocks = np.stack([sizes, np.where(np.isnan(fallen), 0.0, fallen)])
            blocks = blocks.reshape(2, len(active), -1, BLOCK).sum(axis=3)
            whole[:, active] += blocks.sum(axis=2)
            before, last = blocks[:, :, -2], blocks[:, :, -1]
            ratio = np.where(before > 0, last / before, 0.0)
            beyond = np.where(ratio < 1, last * ratio / (1 - np.minimum(ratio, 1 - EPS)), np.inf)
            cut[:, active] = np.where(last == 0, 0.0, beyond)
            going = (last > floor * whole[:, active]).any(axis=0) & np.isfinite(whole[:, active]).all(axis=0)
            start += count
            stops[active] = start
            active = active[going & (start * stride * self.step[rows[active]] < FARTHEST)]
            count = start
        away, value, sizes, rounds = pieces[0][1] if len(pieces) == 1 else _joined(pieces, len(rows), start)
        return Terms(away, value, sizes, rounds, cut, whole, stops)

    def _terms(
        self, rows: Places, shift: Array, order: Places, stride: int
    ) -> tuple[Complex, Complex, Array, Array]:
        """Per curve and node s(u + i shift): a_j, c_j, the modulus of c_j, its rounding error."""
        level, reach, bend, base, near, step = (
            part[rows][:, None]
            for part in (self.level, self.reach, self.bend, self.base, self.near, self.step)
        )
        grown = np.exp(order * (stride * step))
        sinh, cosh = (grown - 1 / grown) / 2, (grown + 1 / grown) / 2
        sine, cosine = bend * math.sin(self.tilt), math.cos(self.tilt)
        turned, leaned = np.cos(shift)[:, None], np.sin(shift)[:, None]
        upward = sine * leaned + cosine * turned
        forward = sine * turned - cosine * leaned
        away = np.asarray(reach * (cosh * forward - sine + 1j * (sinh * upward)), dtype=np.complex128)
        slope = reach * (cosh * upward - 1j * (sinh * forward))
        factor = np.asarray(slope * (stride * step / math.pi), dtype=np.complex128)
        factor[:, order == 0] /= 2
        s = level + away
        if self.tail:
            factor = factor / s
        logs, noise = self.transform.log_mgf(s)
        power = logs - base
        value: Complex = np.exp(power - away * near) * factor
        sizes = _sizes(value)
        rounds: Array = np.where(sizes > 0, np.abs(logs) + 8 + noise, 0.0) * sizes
        value[sizes == 0] = 0.0
        return away, value, sizes, rounds


def _joined(
    pieces: list[tuple[Places, tuple[Complex, Complex, Array, Array]]], rows: int, length: int
) -> tuple[Complex, Complex, Array, Array]:
    """Pieces of some rows each, one after the other; zeros where a row has ended."""
    away, value = (np.zeros((rows, length), dtype=np.complex128) for _ in range(2))
    sizes, rounds = np.zeros((rows, length)), np.zeros((rows, length))
    begin = 0
    for places, parts in pieces:
        end = begin + parts[0].shape[1]
        for target, part in zip((away, value, sizes, rounds), parts, strict=True):
            target[places, begin:end] = part
        begin = end
    return away, value, sizes, rounds


def _ends(x: Array, index: Places, count: int) -> tuple[Array, Array]:
    """The smallest and the largest x of each group."""
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, index, x)
    np.maximum.at(high, index, x)
    return low, high


def chord(share: Array, start: Array, end: Array) -> Array:
    """A bound on a sum of positive exponentials between two places where bounds are known.

    Args:
        share: how far from start to end, from 0 to 1.
        start, end: the bounds there.

    Example:
        >>> float(chord(np.array([0.5]), np.array([4.0]), np.array([9.0]))[0])
        6.0
    """
    with np.errstate(all="ignore"):
        low, high = (np.log(np.clip(bound, 1e-300, 1e300)) for bound in (start, end))
        value: Array = np.exp(low + share * (high - low))
    return np.where(np.isfinite(start) & np.isfinite(end), value, np.inf)


def _sizes(values: NDArray[Any]) -> Array:
    """Moduli; infinite ones stay, so that an overflow shows in the bound. What is no number has vanished."""
    with np.errstate(all="ignore"):
        sizes = np.where(np.isinf(values.real) | np.isinf(values.imag), np.inf, np.abs(values))
    return np.where(np.isnan(sizes), 0.0, sizes)
