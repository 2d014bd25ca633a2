"""E phi(X_p) phi(X_q) of many normal variables at once: all pairs that are alike are one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from varprop.errors import DerivationError
from varprop.model import gaussian
from varprop.model.activations import Activation
from varprop.networks import maps
from varprop.networks.kernels import kernel
from varprop.networks.mehler import ENOUGH, LARGEST, REACH, Conditional, hermite

__all__ = ["LITTLE", "MUCH", "pair_products"]

Array: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.intp]

MOST_PAIRS = 5_000
"""Pairs that are not alike, of which every one takes a quadrature of its own."""
LOW_BITS = 8
"""Last binary digits of 53, in which numbers that are one number may differ."""
MOST_AT_ONCE = 2**18
"""Pairs that are sorted at once: few enough for the caches of a processor."""
LITTLE, MUCH = 1e-140, 1e140
"""Variances between which products of floats are safe."""


class _Pairs(NamedTuple):
    """Pairs of variables, each by its class: the first, the second, their covariance."""

    first: Places
    second: Places
    between: Array

    def only(self, chosen: NDArray[np.bool_]) -> _Pairs:
        return _Pairs(self.first[chosen], self.second[chosen], self.between[chosen])


def pair_products(
    phi: Activation, means: Array, covariance: Array, shifts: tuple[Array, Array], slope: bool
) -> tuple[Array, str]:
    """E phi(X_p + a) phi(X_q + a), or of phi', for p != q, and the kind of number.

    Args:
        phi: the activation.
        means, covariance: of the X_p.
        shifts: probabilities and values of a, which all of them share.
        slope: whether phi' is asked for.

    Raises:
        DerivationError: there are too many pairs.
    """
    variances = np.maximum(np.diag(covariance), 0.0)
    kinds = _ranks(means) * len(means) + _ranks(variances)
    _, heads, kinds = np.unique(kinds, return_index=True, return_inverse=True)
    pairs, blocks = _pairs_of(np.asarray(kinds).ravel(), covariance, np.sqrt(variances))
    total, kind, spent = np.zeros(len(pairs.first)), "closed form" if len(shifts[0]) == 1 else "estimate", 0
    for weight, shift in zip(*shifts, strict=True):
        each, of_each, count = _of_pairs(phi, means[heads] + shift, variances[heads], pairs, slope, spent)
        total, kind, spent = total + weight * each, maps.worst(kind, of_each), spent + count
    made = np.zeros_like(covariance)
    for start, stop, where in blocks:
        above = _above(start, stop, len(means))
        made[start:stop, start:][above] = total[where]
        made[start:, start:stop].T[above] = total[where]
    return made, kind


def _above(start: int, stop: int, count: int) -> NDArray[np.bool_]:
    """Which places of some rows of a matrix, from the diagonal of the first on, are above its diagonal."""
    return np.arange(start, count) > np.arange(start, stop)[:, None]


def _pairs_of(
    kinds: Places, covariance: Array, bounds: Array
) -> tuple[_Pairs, list[tuple[int, int, NDArray[np.int32]]]]:
    """Pairs that differ, and for blocks of rows the number of each pair above the diagonal."""
    count = len(kinds)
    step = max(1, MOST_AT_ONCE // count)
    found, blocks, known = [], [], 0
    for start in range(0, count, step):
        stop = min(start + step, count)
        above = _above(start, stop, count)
        limit = bounds[start:stop, None] * bounds[start:]
        between = np.clip(covariance[start:stop, start:], -limit, limit)[above]
        low = np.minimum(kinds[start:stop, None], kinds[start:])[above]
        high = np.maximum(kinds[start:stop, None], kinds[start:])[above]
        each, where = _unlike(_Pairs(low, high, between))
        found.append(each)
        blocks.append((start, stop, where + known))
        known += len(each.first)
    first, second = (np.concatenate([each[end] for each in found]) for end in (0, 1))
    pairs, number = _unlike(_Pairs(first, second, np.concatenate([each.between for each in found])))
    return pairs, [(start, stop, number[where].astype(np.int32)) for start, stop, where in blocks]


def _unlike(pairs: _Pairs) -> tuple[_Pairs, Places]:
    """Pairs that differ, and which of them each pair is."""
    classes = pairs.first * (pairs.second.max(initial=0) + 1) + pairs.second
    keys = _ranks(pairs.between)
    if classes.min(initial=0) != classes.max(initial=0):
        classes = np.unique(classes, return_inverse=True)[1]
        keys = classes.ravel() * (keys.max(initial=0) + 1) + keys
    _, first, where = np.unique(keys, return_index=True, return_inverse=True)
    return _Pairs(pairs.first[first], pairs.second[first], pairs.between[first]), np.asarray(where).ravel()


def _ranks(values: Array) -> Places:
    """The place of each number among those that differ; those that agree to nearly all digits are one."""
    half = 1 << (LOW_BITS - 1)
    digits = ((values + 0.0).view(np.int64) + half) >> LOW_BITS  # adding 0 makes one zero of both
    return np.asarray(np.unique(digits, return_inverse=True)[1]).ravel()


def _of_pairs(
    phi: Activation, means: Array, variances: Array, pairs: _Pairs, slope: bool, spent: int
) -> tuple[Array, str, int]:
    """E phi(X) phi(Y) of pairs of classes, the kind of number, and how many took a quadrature."""
    value, kind = np.full(len(pairs.first), np.nan), "closed form"
    usual = (variances > LITTLE) & (variances < MUCH)
    formula = getattr(phi, "slope", None) if slope else phi
    centered = usual & (means == 0)
    plain = centered[pairs.first] & centered[pairs.second]
    if not isinstance(formula, Activation) or not kernel(formula).crosses_closed:
        plain[:] = False
    elif plain.any():
        value[plain] = _centered(formula, variances, pairs.only(plain))
    if not plain.all():
        left, kind = pairs.only(~plain), "estimate"
        fast = kernel(formula).quick if isinstance(formula, Activation) else None
        value[~plain] = each = _expanded(phi, means, variances, left, slope)
        if isinstance(fast, Conditional):
            value[~plain] = np.where(np.isnan(each), _conditional(fast, means, variances, left), each)
    rest = np.isnan(value)
    count = int(rest.sum())
    if spent + count > MOST_PAIRS:
        raise DerivationError(
            f"the products of {phi} at every two positions",
            f"{spent + count} pairs that are not alike take a quadrature each, more than {MOST_PAIRS}",
            "Give fewer positions: a smaller input, or a larger stride.",
        )
    if count:
        left = pairs.only(rest)
        matrices = np.empty((count, 2, 2))
        matrices[:, 0, 0], matrices[:, 1, 1] = variances[left.first], variances[left.second]
        matrices[:, 0, 1] = matrices[:, 1, 0] = left.between
        ask: Any = gaussian.slope_cross_moment if slope else gaussian.cross_moment
        found = ask(phi, np.stack([means[left.first], means[left.second]], axis=1), matrices)
        value[rest], kind = found.value, maps.worst(kind, found.precision)
    return value, kind, count


def _centered(phi: Activation, variances: Array, pairs: _Pairs) -> Array:
    """By the closed form of two centered variables."""
    cross = kernel(phi).cross
    a, b = variances[pairs.first], variances[pairs.second]
    rows = zip(a.tolist(), b.tolist(), _correlation(a, b, pairs.between).tolist(), strict=True)
    return np.array([cross(*row) for row in rows])


def _conditional(fast: Conditional, means: Array, variances: Array, pairs: _Pairs) -> Array:
    """By an integral of the conditional mean; nan where that is not enough."""
    ends = (pairs.first, pairs.second)
    a, b = ([each[end] for end in ends] for each in (means, variances))
    with np.errstate(all="ignore"):
        return fast.crosses((a[0], a[1]), (b[0], b[1]), _correlation(b[0], b[1], pairs.between))


def _correlation(a: Array, b: Array, between: Array) -> Array:
    return np.asarray(np.clip(between / (np.sqrt(a) * np.sqrt(b)), -1.0, 1.0))


def _expanded(phi: Activation, means: Array, variances: Array, pairs: _Pairs, slope: bool) -> Array:
    """sum_k a_k b_k c^k with the Hermite coefficients of phi(X) and phi(Y); nan where that is not enough.

    The points are enough where kinks are out of sight and they give E phi(X)^2, the terms where Cauchy and
    Schwarz bound the rest.

    Source:
        Mehler, 1866; Daniely, Frostig, Singer, Toward deeper understanding of neural networks, 2016.
    """
    function: Callable[[Array], Array] = phi.derivative if slope else phi.value
    ask: Any = gaussian.slope_second_moment if slope else gaussian.second_moment
    points, weights, rows = hermite()
    stds = np.sqrt(variances)
    with np.errstate(all="ignore"):
        values = function(means[:, None] + stds[:, None] * points)
        coefficients, seconds = values @ rows.T, values**2 @ weights
    exact = ask(phi, means, stds).value
    away = np.abs(phi.breaks - means[:, None]) > REACH * stds[:, None]
    good = away.all(axis=1) | phi.analytic
    good &= (variances > LITTLE) & (variances <= LARGEST) & (np.abs(seconds - exact) <= 10 * ENOUGH * exact)
    left = np.maximum(seconds - (coefficients**2).sum(axis=1), 1e-15 * seconds)
    found = np.full(len(pairs.first), np.nan)
    usable = good[pairs.first] & good[pairs.second]
    a, b, between = pairs.only(usable)
    c = _correlation(variances[a], variances[b], between)
    columns = coefficients.T
    total = np.zeros(len(a))
    for column in columns[::-1]:
        total = total * c + column[a] * column[b]
    rest = np.abs(c) ** len(columns) * np.sqrt(left[a] * left[b])
    found[usable] = np.where(rest <= ENOUGH * np.sqrt(seconds[a] * seconds[b]), total, np.nan)
    return found
