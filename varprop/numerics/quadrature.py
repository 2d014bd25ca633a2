"""Expectations under normal laws by quadrature, broadcast over many means and standard deviations at once.

Smooth integrands take the trapezoid rule, which converges geometrically for them; all others, and what it
does not settle, take adaptive Gauss-Kronrod panels that are split at the kinks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["FAR", "LAST", "Integrand", "NotIntegrable", "Points", "expectation", "legendre"]

Array: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.intp]


class Points(NamedTuple):
    """Where an integrand is asked for.

    Attributes:
        z: standardized points, of shape (r, m).
        rows: the r numbers that they belong to.
        anchor: for each of the r, the number of the anchor that is nearest; 0 if that is z = 0.
        place: where that anchor is.
        offset: z - place, which keeps its digits beside an anchor far out.
    """

    z: Array
    rows: Rows
    anchor: Rows
    place: Array
    offset: Array

    def along(self, start: Array, step: Array, own: int) -> Array:
        """start + step z, given one of each for every row, where it is 0 at the anchor of number `own`."""
        begin, slope = start[self.rows], step[self.rows]
        base = np.where(self.anchor == own, 0.0, begin + slope * self.place)
        return np.asarray(base[:, None] + slope[:, None] * self.offset)


Integrand: TypeAlias = Callable[[Points], Array]
"""The integrand at points, of their shape."""

EPSILON = float(np.finfo(np.float64).eps)
NEAR, FAR = 10.0, 38.0
"""The density falls below 1e-22 of its peak at the one, to the end of float64 at the other."""
LEVELS = 4
CHUNK = 400_000
MOST_PANELS = 400
GROWING = 1e-200
"""A weighted value as large as this, 38 deviations out, needs a function that grows like exp(x^2)."""
LEAST = 1e-290
"""Sums below this come from far out, or from nowhere."""
LAST = 2.0**-1064
"""What is lost where float64 ends."""
DENSITY = 1 / np.sqrt(2 * np.pi)


class NotIntegrable(Exception):
    """The integrand is not finite, or outgrows the normal density."""

    def __init__(self, row: int, why: str) -> None:
        self.row, self.why = row, why
        super().__init__(why)


@cache
def legendre(count: int) -> tuple[Array, Array]:
    """Nodes and weights of Gauss and Legendre on [0, 1], each to its last digits.

    The outer weights of NumPy are wrong by some hundred rounding units; Newton's steps in extended
    precision leave one.

    Example:
        >>> x, weights = legendre(20)
        >>> float(abs(weights @ x**39 - 1 / 40)) < 1e-16
        True
    """
    x = np.asarray(np.polynomial.legendre.leggauss(count)[0], dtype=np.longdouble)
    for _ in range(2):
        before, value = np.ones_like(x), x
        for k in range(1, count):
            after = (np.longdouble(2 * k + 1) * x * value - np.longdouble(k) * before) / np.longdouble(k + 1)
            before, value = value, after
        slope = np.longdouble(count) * (x * value - before) / (x * x - 1)
        x = x - value / slope
    weights = 1 / ((1 - x * x) * slope * slope)
    return ((1 + x) / 2).astype(np.float64), weights.astype(np.float64)


def _kronrod() -> tuple[Array, Array, Array]:
    """Nodes of the 21-point rule on [-1, 1], its weights, and those of the 10-point rule inside it.

    Source: Piessens, de Doncker-Kapenga, Ueberhuber, Kahaner, QUADPACK, 1983.
    """
    half = np.array(
        [
            0.995657163025808080735527280689003,
            0.973906528517171720077964012084452,
            0.930157491355708226001207180059508,
            0.865063366688984510732096688423493,
            0.780817726586416897063717578345042,
            0.679409568299024406234327365114874,
            0.562757134668604683339000099272694,
            0.433395394129247190799265943165784,
            0.294392862701460198131126603103866,
            0.148874338981631210884826001129720,
        ]
    )
    kronrod = np.array(
        [
            0.011694638867371874278064396062192,
            0.032558162307964727478818972459390,
            0.054755896574351996031381300244580,
            0.075039674810919952767043140916190,
            0.093125454583697605535065465083366,
            0.109387158802297641899210590325805,
            0.123491976262065851077958109585166,
            0.134709217311473325928054001771707,
            0.142775938577060080797094273138717,
            0.147739104901338491374841515972068,
        ]
    )
    gauss = np.zeros(10)
    gauss[1::2] = np.polynomial.legendre.leggauss(10)[1][:5]
    center = 0.149445554002916905664936468389821
    nodes = np.concatenate([-half, [0.0], half[::-1]])
    return (
        nodes,
        np.concatenate([kronrod, [center], kronrod[::-1]]),
        np.concatenate([gauss, [0.0], gauss[::-1]]),
    )


NODES, KRONROD, GAUSS = _kronrod()


def expectation(
    f: Integrand,
    rows: int,
    breaks: Array | None = None,
    places: Sequence[Array] = (),
    looks: Array | None = None,
    smooth: npt.NDArray[np.bool_] | bool = False,
    rtol: float = 1e-13,
    least: Array | float = 0.0,
    doubt: Integrand | None = None,
) -> tuple[Array, Array]:
    """E f(Z, row) for a standard normal Z, one number for each row, with error estimates.

    Args:
        f: the integrand at points of shape (r, m).
        rows: how many numbers are asked for.
        breaks: where panels begin: the ends of steep parts; of shape (1 + anchors, rows, breaks): the
            standardized points, and their offsets from the anchors.
        places: the anchors, arrays of one standardized point per row.
        looks: where else f may stand out in the tails; points as in `breaks`, none where they are infinite.
        smooth: whether f is analytic near the real line, so that the trapezoid rule is tried first; for all
            rows, or for each.
        rtol: the relative error that is aimed at; the estimate says what was reached.
        least: an absolute error that is small enough; for all rows, or for each.
        doubt: how far a value of f may be off; its expectation by the panels of f joins the error, so that it
            is met where f is. No row is smooth then.

    Returns:
        Values and error estimates, each of shape (rows,).

    Raises:
        NotIntegrable: a value is not finite, or the tails do not fade.

    Example:
        >>> value, error = expectation(lambda points: points.z**4, rows=1, smooth=True)
        >>> bool(abs(value[0] - 3) < 1e-14), bool(error[0] < 1e-13)
        (True, True)
    """
    values, errors, small = np.zeros(rows), np.full(rows, np.inf), np.broadcast_to(least, rows)
    settled = np.zeros(rows, dtype=np.bool_)
    for part in _chunks(np.flatnonzero(np.broadcast_to(smooth, rows)), int(2 * NEAR * 2 ** (LEVELS + 1))):
        values[part], errors[part], settled[part] = _trapezoid(f, part, rtol, small[part])
    waiting = np.flatnonzero(~settled)
    for part in _chunks(waiting, 21 * 80):
        found, error = _Panels(f, part, places, breaks, looks).sums(rtol, small[part], doubt)
        better = error < errors[part]
        values[part[better]], errors[part[better]] = found[better], error[better]
    size = np.abs(values)
    return values, errors + 4 * EPSILON * size * np.abs(np.log(np.maximum(size, 1e-300))) + LAST


def _chunks(rows: Rows, width: int) -> list[Rows]:
    size = max(1, CHUNK // width)
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _at(f: Integrand, points: Points) -> Array:
    """f times the density, refused where it is not finite."""
    z, rows = points.z, points.rows
    with np.errstate(all="ignore"):
        found = f(points)
        weighted = found * np.exp(-0.5 * z * z) * DENSITY
    bad = ~np.isfinite(found)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise NotIntegrable(int(rows[row]), f"it is {found[row, column]} at {z[row, column]:.3g} deviations")
    return np.asarray(weighted, dtype=np.float64)


def _everywhere(z: Array, rows: Rows) -> Points:
    """The same points for all rows."""
    z = np.broadcast_to(z, (len(rows), len(z)))
    return Points(z, rows, np.zeros(len(rows), dtype=np.intp), np.zeros(len(rows)), z)


def _trapezoid(
    f: Integrand, rows: Rows, rtol: float, least: Array
) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Halve the step until two sums agree, or differ by rounding only; the error is that of the coarser."""
    step = 0.25
    z = np.arange(-NEAR, NEAR + step / 2, step)
    found = _at(f, _everywhere(z, rows))
    total, size = step * found.sum(axis=1), step * np.abs(found).sum(axis=1)
    ends = np.abs(found[:, [0, -1]]).max(axis=1)
    error = np.full(len(rows), np.inf)
    active = np.flatnonzero((ends <= 1e-18 * size) & (size > LEAST))
    settled = np.zeros(len(rows), dtype=np.bool_)
    for _ in range(LEVELS):
        if not len(active):
            break
        middle = np.arange(-NEAR + step / 2, NEAR, step)
        found = _at(f, _everywhere(middle, rows[active]))
        finer = (total[active] + step * found.sum(axis=1)) / 2
        change = np.abs(finer - total[active])
        total[active] = finer
        error[active] = change + 8 * EPSILON * size[active]
        step /= 2
        goal = np.maximum(rtol / 8 * np.abs(finer), 4 * EPSILON * size[active])
        close = change <= np.maximum(goal, least[active])
        settled[active[close]] = True
        active = active[~close]
    return total, np.where(settled, error, np.inf), settled


PARTS = ("owner", "anchor", "low", "high", "value", "error", "rounding")


class _Panels:
    """Gauss-Kronrod on panels, the worst ones halved until the sum of their errors is small.

    The ends of a panel are offsets from the nearest anchor.
    """

    def __init__(
        self,
        f: Integrand,
        rows: Rows,
        places: Sequence[Array],
        breaks: Array | None,
        looks: Array | None,
    ) -> None:
        self.f, self.rows = f, rows
        self.places = np.array([np.zeros(len(rows)), *(np.asarray(place)[rows] for place in places)])
        self.breaks = np.zeros((len(self.places), len(rows), 0)) if breaks is None else breaks[:, rows]
        self.looks = None if looks is None else looks[:2, rows]
        self.owner, self.anchor = (np.zeros(0, dtype=np.intp) for _ in range(2))
        self.low, self.high, self.value, self.error, self.rounding = np.zeros((5, 0))

    def sums(self, rtol: float, least: Array, doubt: Integrand | None) -> tuple[Array, Array]:
        every = np.arange(len(self.rows))
        self.add(*self.between(np.arange(-NEAR, NEAR + 1, 2.0), every))
        needy = np.flatnonzero(self.reaches_far())
        if len(needy):
            ends = np.arange(NEAR, FAR + 0.5)
            for side in (-ends[::-1], ends):
                self.add(*self.between(side, needy))
        for _ in range(MOST_PANELS // 8):
            if not self.halved(rtol, least):
                break
        spread = self.per_row(self.error + EPSILON * self.rounding)
        if doubt is not None:
            some = np.flatnonzero(GAUSS)  # a rough number is enough
            for part in _chunks(np.arange(len(self.owner)), len(some)):
                owner, half = self.owner[part], (self.high[part] - self.low[part]) / 2
                points = self.points(owner, self.anchor[part], self.low[part], self.high[part], some)
                found = np.abs(_at(doubt, points)) @ GAUSS[some]
                spread += np.bincount(owner, half * found, len(self.rows))
        return self.per_row(self.value), spread + 8 * EPSILON * self.per_row(np.abs(self.value))

    def per_row(self, parts: Array) -> Array:
        return np.bincount(self.owner, parts, len(self.rows)).astype(np.float64)

    def reaches_far(self) -> npt.NDArray[np.bool_]:
        """Where the tails count, or something steep lies in them."""
        tails = np.arange(NEAR, FAR + 0.5)
        outer = np.abs(_at(self.f, _everywhere(np.concatenate([-tails[::-1], tails]), self.rows)))
        most = outer.max(axis=1)
        size, ends = np.maximum(self.per_row(np.abs(self.value)), most), outer[:, [0, -1]].max(axis=1)
        growing = (ends > 1e-3 * size) & (ends > GROWING)
        if growing.any():
            raise NotIntegrable(int(self.rows[np.argmax(growing)]), "its tails do not fade")
        if self.looks is not None:
            z, offset = self.looks
            far = (np.abs(z) > NEAR - 1) & (np.abs(z) < FAR)
            some = np.flatnonzero(far.any(axis=1))
            if len(some):
                place = self.places[1][some]
                z, offset, far = z[some], offset[some], far[some]
                z, offset = np.where(far, z, NEAR), np.where(far, offset, NEAR - place[:, None])
                one = np.ones(len(some), dtype=np.intp)
                found = np.abs(_at(self.f, Points(z, self.rows[some], one, place, offset)))
                most[some] = np.maximum(most[some], found.max(axis=1))
        return np.asarray(most > 1e-18 * np.abs(self.per_row(self.value)))

    def between(self, ends: Array, which: Rows) -> tuple[Rows, Rows, Array, Array]:
        """Panels between the ends, and breaks: their rows and anchors, where they begin and end."""
        places = self.places[:, which]
        count = 1 + int(np.flatnonzero((np.abs(places) <= 2 * FAR).any(axis=1)).max())
        places = places[:count]  # anchors farther out are nearest to nothing
        fixed = ends - places[:, :, None]
        here = self.breaks[:count, which]
        inside = (here[0] > ends[0]) & (here[0] < ends[-1])
        some = inside.any(axis=0)
        grid = np.concatenate([fixed, np.where(inside, here, fixed[:, :, :1])[:, :, some]], axis=2)
        order = np.argsort(grid[0], axis=1) if count == 1 else np.lexsort(grid[::-1], axis=1)
        grid = np.take_along_axis(grid, order[None], axis=2)
        low, high = grid[0, :, :-1], grid[0, :, 1:]
        anchor = np.zeros(low.shape, dtype=np.intp)
        nearest = np.abs(low + high)
        for k in range(1, count):
            begin, end = grid[k, :, :-1], grid[k, :, 1:]
            distance = np.abs(begin + end)
            nearer = distance < nearest
            anchor[nearer] = k
            low, high = np.where(nearer, begin, low), np.where(nearer, end, high)
            nearest = np.where(nearer, distance, nearest)
        keep = high > low
        owner = np.broadcast_to(which[:, None], low.shape)
        return owner[keep], anchor[keep], low[keep], high[keep]

    def halved(self, rtol: float, least: Array) -> bool:
        """Halve the panels that are worst; False if all are good, or nothing helps."""
        spread, size = self.per_row(self.error), self.per_row(np.abs(self.value))
        counts = np.bincount(self.owner, minlength=len(self.rows))
        goal = np.maximum(rtol / 4 * np.abs(self.per_row(self.value)), 4 * EPSILON * size)
        bad = spread > np.maximum(goal, least)
        bad &= counts < MOST_PANELS
        owner, low, high = self.owner, self.low, self.high
        share = spread[owner] / np.maximum(counts[owner], 1)
        wide = high - low > 1e-14 * np.maximum(np.abs(low), np.abs(high))
        split = bad[owner] & (self.error > share / 2) & wide
        if not split.any():
            return False
        middle = (low[split] + high[split]) / 2
        parts = (
            np.concatenate([owner[split], owner[split]]),
            np.concatenate([self.anchor[split], self.anchor[split]]),
            np.concatenate([low[split], middle]),
            np.concatenate([middle, high[split]]),
        )
        for name in PARTS:
            setattr(self, name, getattr(self, name)[~split])
        self.add(*parts)
        return True

    def points(
        self, owner: Rows, anchor: Rows, low: Array, high: Array, some: Rows | slice = slice(None)
    ) -> Points:
        """The 21 nodes of every panel, or some of them."""
        half = (high - low) / 2
        offset = (low + half)[:, None] + half[:, None] * NODES[some]
        place = self.places[anchor, owner]
        z = place[:, None] + offset if anchor.any() else offset
        return Points(z, self.rows[owner], anchor, place, offset)

    def add(self, owner: Rows, anchor: Rows, low: Array, high: Array) -> None:
        """The 21-point sums of panels, QUADPACK's estimates of their errors, rounding of densities."""
        if not len(owner):
            return
        half, points = (high - low) / 2, self.points(owner, anchor, low, high)
        found = _at(self.f, points)
        value = half * (found @ KRONROD)
        change = np.abs(value - half * (found @ GAUSS))
        mean = value / np.maximum(2 * half, 1e-320)
        around = half * (np.abs(found - mean[:, None]) @ KRONROD)
        with np.errstate(all="ignore"):
            ratio = np.where(around > 0, (200 * change / np.maximum(around, 1e-320)) ** 1.5, 0.0)
        error = np.where(around > 0, around * np.minimum(1.0, ratio), change)
        rounding = np.abs(value) * points.z[:, 10] ** 2
        for name, part in zip(PARTS, (owner, anchor, low, high, value, error, rounding), strict=True):
            setattr(self, name, np.concatenate([getattr(self, name), part]))
