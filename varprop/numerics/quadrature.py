"""Expectations under normal laws by quadrature, broadcast over many means and standard deviations at once.

Smooth integrands take the trapezoid rule, which converges geometrically for them; all others, and what it
does not settle, take adaptive Gauss-Kronrod panels that are split at the kinks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["FAR", "Integrand", "NotIntegrable", "expectation", "legendre"]

Array: TypeAlias = npt.NDArray[np.float64]
Integrand: TypeAlias = Callable[[Array, npt.NDArray[np.intp]], Array]
"""f(z, row): the integrand at standardized points z, an array with one row for each number of `row`."""

EPSILON = float(np.finfo(np.float64).eps)
NEAR, FAR = 10.0, 38.0
"""The density falls below 1e-22 of its peak at the one, to the end of float64 at the other."""
LEVELS = 4
CHUNK = 400_000
MOST_PANELS = 400
GROWING = 1e-200
"""A weighted value as large as this, 38 deviations out, needs a function that grows like exp(x^2)."""
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
    breaks: Sequence[Array] = (),
    smooth: bool = False,
    rtol: float = 1e-13,
) -> tuple[Array, Array]:
    """E f(Z, row) for a standard normal Z, one number for each row, with error estimates.

    Args:
        f: the integrand; it takes points of shape (r, m) and r row numbers, and gives (r, m) values.
        rows: how many numbers are asked for.
        breaks: arrays of one standardized point per row where panels begin: kinks, the ends of steep parts.
        smooth: whether f is analytic near the real line, so that the trapezoid rule is tried first.
        rtol: the relative error that is aimed at; the estimate says what was reached.

    Returns:
        Values and error estimates, each of shape (rows,).

    Raises:
        NotIntegrable: a value is not finite, or the tails do not fade.

    Example:
        >>> value, error = expectation(lambda z, row: z**4, rows=1, smooth=True)
        >>> bool(abs(value[0] - 3) < 1e-14), bool(error[0] < 1e-13)
        (True, True)
    """
    values, errors = np.zeros(rows), np.full(rows, np.inf)
    settled = np.zeros(rows, dtype=np.bool_)
    waiting = np.arange(rows)
    if smooth:
        for part in _chunks(waiting, int(2 * NEAR * 2 ** (LEVELS + 1))):
            values[part], errors[part], settled[part] = _trapezoid(f, part, rtol)
        waiting = waiting[~settled]
    for part in _chunks(waiting, 21 * 80):
        found, error = _panels(f, part, breaks, rtol)
        better = error < errors[part]
        values[part[better]], errors[part[better]] = found[better], error[better]
    size = np.abs(values)
    return values, errors + 4 * EPSILON * size * np.abs(np.log(np.maximum(size, 1e-300)))


def _chunks(rows: npt.NDArray[np.intp], width: int) -> list[npt.NDArray[np.intp]]:
    size = max(1, CHUNK // width)
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _at(f: Integrand, z: Array, rows: npt.NDArray[np.intp]) -> Array:
    """f times the density, refused where it is not finite."""
    with np.errstate(all="ignore"):
        found = f(z, rows)
        weighted = found * np.exp(-0.5 * z * z) * DENSITY
    bad = ~np.isfinite(found)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise NotIntegrable(int(rows[row]), f"it is {found[row, column]} at {z[row, column]:.3g} deviations")
    return np.asarray(weighted, dtype=np.float64)


def _trapezoid(
    f: Integrand, rows: npt.NDArray[np.intp], rtol: float
) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Halve the step until two sums agree, or differ by rounding only; the error is that of the coarser."""
    step = 0.25
    z = np.arange(-NEAR, NEAR + step / 2, step)
    found = _at(f, np.broadcast_to(z, (len(rows), len(z))), rows)
    total, size = step * found.sum(axis=1), step * np.abs(found).sum(axis=1)
    ends = np.abs(found[:, [0, -1]]).max(axis=1)
    error = np.full(len(rows), np.inf)
    active = np.flatnonzero(ends <= 1e-18 * size)
    settled = np.zeros(len(rows), dtype=np.bool_)
    for _ in range(LEVELS):
        if not len(active):
            break
        middle = np.arange(-NEAR + step / 2, NEAR, step)
        found = _at(f, np.broadcast_to(middle, (len(active), len(middle))), rows[active])
        finer = (total[active] + step * found.sum(axis=1)) / 2
        change = np.abs(finer - total[active])
        total[active] = finer
        error[active] = change + 8 * EPSILON * size[active]
        step /= 2
        close = change <= np.maximum(rtol / 8 * np.abs(finer), 4 * EPSILON * size[active])
        settled[active[close]] = True
        active = active[~close]
    return total, np.where(settled, error, np.inf), settled


def _grid(breaks: Sequence[Array], rows: npt.NDArray[np.intp]) -> Array:
    """The ends of the first panels, sorted along each row."""
    base = np.arange(-NEAR, NEAR + 1, 2.0)
    columns = [np.broadcast_to(base, (len(rows), len(base)))]
    columns += [np.clip(np.asarray(b)[rows], -NEAR, NEAR)[:, None] for b in breaks]
    return np.sort(np.concatenate(columns, axis=1), axis=1)


def _far_grid(breaks: Sequence[Array], rows: npt.NDArray[np.intp]) -> tuple[Array, Array]:
    base = np.arange(NEAR, FAR + 0.5)
    sides = []
    for low, high, ends in ((-FAR, -NEAR, -base[::-1]), (NEAR, FAR, base)):
        columns = [np.broadcast_to(ends, (len(rows), len(ends)))]
        columns += [np.clip(np.asarray(b)[rows], low, high)[:, None] for b in breaks]
        sides.append(np.sort(np.concatenate(columns, axis=1), axis=1))
    return sides[0], sides[1]


def _panels(
    f: Integrand, rows: npt.NDArray[np.intp], breaks: Sequence[Array], rtol: float
) -> tuple[Array, Array]:
    """Gauss-Kronrod on panels, the worst ones halved until the sum of their errors is small."""
    grid = _grid(breaks, rows)
    owner, low, high = _intervals(grid)
    value, error = _kronrod_sums(f, rows, owner, low, high)
    total = np.bincount(owner, value, len(rows))
    tails = np.arange(NEAR, FAR + 0.5)
    tails = np.concatenate([-tails[::-1], tails])
    outer = np.abs(_at(f, np.broadcast_to(tails, (len(rows), len(tails))), rows))
    size = np.maximum(np.bincount(owner, np.abs(value), len(rows)), outer.max(axis=1))
    ends = outer[:, [0, -1]].max(axis=1)
    growing = (ends > 1e-3 * size) & (ends > GROWING)
    if growing.any():
        raise NotIntegrable(int(rows[np.argmax(growing)]), "its tails do not fade")
    needy = np.flatnonzero(outer.max(axis=1) > 1e-18 * np.abs(total))
    if len(needy):
        for side in _far_grid(breaks, rows[needy]):
            more = _intervals(side)
            where = needy[more[0]]
            found = _kronrod_sums(f, rows, where, more[1], more[2])
            owner = np.concatenate([owner, where])
            low, high = np.concatenate([low, more[1]]), np.concatenate([high, more[2]])
            value, error = np.concatenate([value, found[0]]), np.concatenate([error, found[1]])
    for _ in range(MOST_PANELS // 8):
        total, spread = np.bincount(owner, value, len(rows)), np.bincount(owner, error, len(rows))
        size = np.bincount(owner, np.abs(value), len(rows))
        bad = spread > np.maximum(rtol / 4 * np.abs(total), 4 * EPSILON * size)
        counts = np.bincount(owner, minlength=len(rows))
        bad &= counts < MOST_PANELS
        share = spread[owner] / np.maximum(counts[owner], 1)
        split = bad[owner] & (error > np.maximum(share / 2, 0)) & (high - low > 1e-14 * (1 + np.abs(low)))
        if not split.any():
            break
        middle = (low[split] + high[split]) / 2
        new_owner = np.concatenate([owner[split], owner[split]])
        new_low = np.concatenate([low[split], middle])
        new_high = np.concatenate([middle, high[split]])
        found = _kronrod_sums(f, rows, new_owner, new_low, new_high)
        owner = np.concatenate([owner[~split], new_owner])
        low, high = np.concatenate([low[~split], new_low]), np.concatenate([high[~split], new_high])
        value = np.concatenate([value[~split], found[0]])
        error = np.concatenate([error[~split], found[1]])
    total, spread = np.bincount(owner, value, len(rows)), np.bincount(owner, error, len(rows))
    size = np.bincount(owner, np.abs(value), len(rows))
    return np.asarray(total, dtype=np.float64), np.asarray(spread + 8 * EPSILON * size)


def _intervals(grid: Array) -> tuple[npt.NDArray[np.intp], Array, Array]:
    low, high = grid[:, :-1], grid[:, 1:]
    keep = high > low
    owner = np.broadcast_to(np.arange(len(grid))[:, None], low.shape)
    return owner[keep], low[keep], high[keep]


def _kronrod_sums(
    f: Integrand, rows: npt.NDArray[np.intp], owner: npt.NDArray[np.intp], low: Array, high: Array
) -> tuple[Array, Array]:
    """The 21-point sum of each panel, and QUADPACK's estimate of its error."""
    if not len(owner):
        return np.zeros(0), np.zeros(0)
    half = (high - low) / 2
    z = (low + half)[:, None] + half[:, None] * NODES
    found = _at(f, z, rows[owner])
    value = half * (found @ KRONROD)
    change = np.abs(value - half * (found @ GAUSS))
    mean = value / np.maximum(2 * half, 1e-320)
    around = half * (np.abs(found - mean[:, None]) @ KRONROD)
    with np.errstate(all="ignore"):
        ratio = np.where(around > 0, (200 * change / np.maximum(around, 1e-320)) ** 1.5, 0.0)
    return value, np.where(around > 0, around * np.minimum(1.0, ratio), change)
