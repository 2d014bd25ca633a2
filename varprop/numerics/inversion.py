"""Tail probabilities and densities from a moment generating function, by the trapezoidal rule on a hyperbola.

P(X > x) = (1/2 pi i) int exp(K(s) - s x) ds / s over any curve that keeps 0 on its left, K = log E exp(s X).
The curve goes through the saddle point of K(s) - s x: the terms of the sum have the size of the result, which
keeps relative accuracy in the far tail. It bends away from the axis, so that exp(-s x) makes the terms small
where E exp(s X) alone would fall slowly. Where many x lie together, the sum is a polynomial up to round-off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from varprop.numerics.chebyshev import RADII, distance, evaluated, fewest, lebesgue, points, semiaxes
from varprop.numerics.hyperbolas import BLOCK, EPS, Curves, Transform, chord

__all__ = ["Inversion", "Transform"]

Array: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.intp]

TRIES = ((8, 2.0), (16, 1.0), (32, 0.5), (64, 0.25), (128, 0.25))
"""Angles of the far curve from the vertical, as a part of pi, and how many standard deviations of the tilted
variable the x of one curve span, in the order tried; the strip stays within 45 degrees."""
GOOD = 1e-11
"""A larger relative error is worth a second try, with a curve that bends less and more terms."""
CHUNK = 2**14
NUMBERS = 2**17
SMALL = 1e-20
"""Terms below this share of the sum are left out, and counted in the bound."""
FEWEST = 24
"""So many x in a panel may share a polynomial."""
FARTHEST, MOST = 1e4, 2000
"""Saddle points of x within so many standard deviations are looked for closely, but no more than so many."""
NEAR = 80
"""So many of the saddle points serve x within some ten standard deviations."""
LN2 = math.log(2)


@dataclass(frozen=True)
class Inversion:
    """Upper tail and density of the variable of a transform, for x not below its mean.

    Every result comes with a bound on its relative error: the discretization by the theorem of Trefethen and
    Weideman, whose constant (the integral of the modulus along the edges of a strip) is computed by the same
    rule and doubled; the part that is cut off by the decay of the last terms; round-off; and, where many x
    share a polynomial, its distance by the largest modulus on an ellipse around them.

    Args:
        transform: of the variable.

    Example:
        >>> normal = Transform(lambda s: (s * s / 2, 0 * s.real), -math.inf, math.inf, 0.0, 1.0)
        >>> log_tail, error = Inversion(normal).log_tail(np.array([38.0]))
        >>> round(float(log_tail[0]), 9), bool(error[0] < 1e-11)
        (-726.557216019, True)

    Source: Trefethen, Weideman, The exponentially convergent trapezoidal rule, 2014, theorem 5.1 (the bound);
    Daniels, Saddlepoint approximations in statistics, 1954 (the curve).
    """

    transform: Transform

    def _saddles(self, most: float) -> tuple[Array, Array, Array, Array]:
        """Places on the real axis, the x they are saddle points for, curvatures of K, a count of widths.

        Args:
            most: the largest x that is asked for.
        """
        return self._near if most < self._near[1][-2] else self._all

    @cached_property
    def _near(self) -> tuple[Array, Array, Array, Array]:
        return self._mapped(slice(NEAR))

    @cached_property
    def _all(self) -> tuple[Array, Array, Array, Array]:
        return self._mapped(slice(None))

    def _mapped(self, part: slice) -> tuple[Array, Array, Array, Array]:
        right, std = self.transform.right, self.transform.std
        steps = np.geomspace(0.02, 1e12 if math.isfinite(right) else 1e7, 250)[part]
        if math.isfinite(right):
            steps = steps / (std * right)
            places = right * steps / (1 + steps)
            places = places[places < right * (1 - 1e-13)]
        else:
            places = steps / std
        slope = self._slopes(places)
        while True:
            gap = np.diff(places)
            mean = np.diff(slope) / gap
            change = np.abs(np.diff(mean, prepend=mean[0], append=mean[-1]))
            # Where the curvature changes, a line between two saddle points misses those between.
            missed = gap * np.maximum(change[1:], change[:-1]) / np.sqrt(np.maximum(mean, 1e-300))
            jumps = np.flatnonzero((missed > 1) & (gap > 1e-4 * places[1:]) & (slope[1:] < FARTHEST * std))
            if not len(jumps) or len(places) > MOST:
                break
            between = (places[jumps] + places[jumps + 1]) / 2
            places = np.insert(places, jumps + 1, between)
            slope = np.insert(slope, jumps + 1, self._slopes(between))
        curvature = np.gradient(slope, places)
        good = np.isfinite(slope) & (curvature > 0)
        good &= np.cumsum(~good) == 0
        places, slope, curvature = places[good], np.maximum.accumulate(slope[good]), curvature[good]
        wide = np.sqrt(curvature) * np.gradient(places)
        return places, slope, curvature, np.cumsum(wide)

    def _slopes(self, places: Array) -> Array:
        """K', by the imaginary part of K a step beside the axis."""
        shifted = np.asarray(places * (1 + 1e-7j), dtype=np.complex128)
        slope: Array = self.transform.log_mgf(shifted)[0].imag / (places * 1e-7)
        return slope

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
        with np.errstate(all="ignore"):
            found = self._tried(x, tail, *TRIES[0])
            for part, width in TRIES[1:]:
                waiting = np.flatnonzero(~(found[1] < GOOD * (1 + 1e-3 * np.abs(found[0]))))
                if not len(waiting):
                    break
                again = self._tried(x[waiting], tail, part, width)
                better = again[2] < found[2, waiting]
                found[:, waiting[better]] = again[:, better]
        return found[0], found[1], found[2]

    def _tried(self, x: Array, tail: bool, part: int, width: float) -> Array:
        """The log of the result, a bound on its error, the log of one on the error of the result itself."""
        chunks = [x[k : k + CHUNK] for k in range(0, len(x), CHUNK)]
        parts = [np.stack(self._chunk(chunk, tail, math.pi / part, width)) for chunk in chunks]
        return np.concatenate(parts, axis=1) if parts else np.empty((3, 0))

    def _chunk(self, x: Array, tail: bool, tilt: float, width: float) -> tuple[Array, Array, Array]:
        curves = Curves.through(self.transform, self._saddles(float(np.abs(x).max())), x, tail, tilt, width)
        total, absolute = _Sums(curves, x).found()
        base, shift = curves.base[curves.of], curves.level[curves.of] * x
        value = np.log(total) + base - shift
        absolute = absolute + 4 * EPS * (np.abs(base) + np.abs(shift)) * np.abs(total)
        error = absolute / np.abs(total)
        bound = np.where(error < 0.5, -np.log1p(-np.minimum(error, 0.5)), np.inf)
        lost_log = np.where(np.isnan(absolute), np.inf, np.log(absolute) + base - shift)
        lost = ~((total > 0) & (total < np.inf)) | np.isnan(bound)
        if not tail:
            return np.where(lost, -np.inf, value), np.where(lost, np.inf, bound), lost_log
        # Where all digits are lost, the tail lies between 0 and the end of its interval, and below
        # Chernoff's bound exp(K(s) - s x).
        most = np.fmin(base - shift, np.log(np.maximum(total, 0.0) + absolute) + base - shift)
        lost |= bound > 1
        return np.where(lost, most - LN2, value), np.where(lost, 1.0, bound), np.where(lost, most, lost_log)


class _Sums:
    """The sums along curves at the x they serve, in panels of x that shrink towards 0."""

    def __init__(self, curves: Curves, x: Array) -> None:
        self.curves, self.x, self.of = curves, x, curves.of
        self.main, self.edges = curves.main(), curves.edges()
        self.logs, self.phases = np.log(self.main.sizes), np.angle(self.main.value)

    def found(self) -> tuple[Array, Array]:
        """The sums, and bounds on their errors."""
        x = self.x
        panel, order, starts = self._panels()
        rows = self.of[order[starts]]
        low, high = np.minimum.reduceat(x[order], starts), np.maximum.reduceat(x[order], starts)
        kept, whole, rounding = self._rounding(rows, low, high)
        share = np.where(high > low, 1 / (high - low), 0.0)[panel] * (x - low[panel])
        bound = self._outer(self.of, x) + chord(share, rounding[panel, 0], rounding[panel, 1])
        sums, alone = np.empty(len(x)), np.ones(len(x), dtype=bool)
        counts = np.diff(np.append(starts, len(x)))
        for k in np.flatnonzero((counts >= FEWEST) & (high > low)):
            there = order[starts[k] : starts[k] + counts[k]]
            middle, half = (low[k] + high[k]) / 2, (high[k] - low[k]) / 2
            largest = self._largest(int(rows[k]), middle, half)
            count = fewest(largest, EPS / 16 * whole[k].min())
            if count > 0.8 * counts[k]:
                continue
            values = self._values(middle + half * points(count), int(rows[k]), kept[k])
            size = max(abs(low[k]), abs(high[k]))
            sums[there], error = evaluated(values, (x[there] - middle) / half, 2 * size / half)
            worst = float((bound[there]).max())
            bound[there] = lebesgue(count) * worst + distance(largest, count) + error
            alone[there] = False
        self._alone(np.flatnonzero(alone), kept[panel], sums)
        return sums, bound

    def _panels(self) -> tuple[Places, Places, Places]:
        """The panel of each x, an order by panels, and where each panel starts in it."""
        keys = self.of * 1024
        if not self.curves.transform.bend:
            far, reach = np.abs(self.curves.far), np.abs(self.main.away).max(axis=1)
            ratio = np.minimum(far[self.of] / np.abs(self.x), np.maximum(far * reach, 1.0)[self.of])
            keys += np.nan_to_num(np.log2(ratio) / 2, nan=0.0).astype(np.intp)
        order = np.argsort(keys, kind="stable")
        fresh = np.diff(keys[order], prepend=-1) != 0
        panel = np.empty(len(keys), dtype=np.intp)
        panel[order] = np.cumsum(fresh) - 1
        return panel, order, np.flatnonzero(fresh)

    def _outer(self, of: Places, x: Array) -> Array:
        """A bound on what lies between the nodes and beyond the last one."""
        curves, n = self.curves, len(self.curves.level)
        edges = self.edges.whole[:, :n] + self.edges.whole[:, n:]
        lost = 2 * edges / np.expm1(2 * math.pi * curves.strip / curves.step) + self.main.cut
        share = np.where(curves.far != curves.near, 1 / (curves.far - curves.near), 0.0)
        return chord(share[of] * (x - curves.near[of]), lost[0, of], lost[1, of])

    def _rounding(self, rows: Places, low: Array, high: Array) -> tuple[Places, Array, Array]:
        """Per panel: how many terms count, and at both ends their moduli and rounding errors in all."""
        main = self.main
        moved = np.stack([low, high], axis=1) - self.curves.near[rows][:, None]
        fallen = np.exp(-main.away.real[rows][:, None] * moved[:, :, None])
        sizes = main.sizes[rows][:, None] * fallen
        whole = sizes.sum(axis=2)
        far = np.minimum(np.abs(main.away)[rows] * np.maximum(np.abs(low), np.abs(high))[:, None], 1e6)
        rounding = (main.rounds[rows][:, None] * fallen + sizes * far[:, None]).sum(axis=2)
        counts = sizes.max(axis=1) > SMALL * whole.max(axis=1)[:, None]
        length = counts.shape[1]
        lost = length * SMALL * whole.max(axis=1)[:, None]
        return length - np.argmax(counts[:, ::-1], axis=1), whole, EPS * rounding + lost

    def _largest(self, row: int, middle: float, half: float) -> Array:
        """Bounds on the modulus on ellipses around a panel, one per radius, along either edge; doubled."""
        rows = [row, row + len(self.curves.level)]
        along, across = (half * axis[:, None, None] for axis in semiaxes(RADII))
        away, sizes = self.edges.away[rows], self.edges.sizes[rows]
        grown = np.sqrt((along * away.real) ** 2 + (across * away.imag) ** 2) - away.real * (
            middle - self.curves.near[row]
        )
        parts = np.exp(grown) * sizes
        whole = parts.sum(axis=2)
        for k, stop in enumerate(self.edges.stops[rows]):
            last = parts[:, k, stop - BLOCK : stop].sum(axis=1)
            whole[~(last < 0.01 * whole[:, k]), k] = np.inf
        largest: Array = 2 * whole.min(axis=1)
        return largest

    def _alone(self, places: Places, kept: Places, sums: Array) -> None:
        """The sums at the given x one by one, those of similar length together."""
        lengths = np.ceil(np.log2(kept[places])).astype(int)
        for length in np.unique(lengths):
            chosen = places[lengths == length]
            most = int(kept[chosen].max())
            size = max(1, NUMBERS // most)
            for k in range(0, len(chosen), size):
                part = chosen[k : k + size]
                sums[part] = self._values(self.x[part], self.of[part], most)

    def _values(self, x: Array, row: Any, count: int) -> Array:
        """The sum of so many terms at each x: of one curve, or each of its own."""
        moved = (x - self.curves.near[row])[:, None]
        away = self.main.away[row, :count]
        parts = np.exp(self.logs[row, :count] - away.real * moved)
        parts *= np.cos(self.phases[row, :count] - away.imag * moved)
        total: Array = parts.sum(axis=1)
        if not np.isfinite(total).all():
            total = np.where(np.isnan(parts), 0.0, parts).sum(axis=1)
        return total
