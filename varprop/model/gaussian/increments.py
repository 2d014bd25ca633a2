"""Differences of an activation from its value at a point, with all digits where they are small."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import sympy as sp

from varprop.model.activations.base import Activation, Array, X
from varprop.numerics.quadrature import legendre

__all__ = ["even_increment", "increment", "is_near", "lost_share", "narrow_curvature"]

WHOLE, ROUGH = legendre(10), legendre(3)
"""Nodes and weights along a way; what is doubted needs few."""
HERMITE = [
    (float(z), float(w)) for z, w in zip(*np.polynomial.hermite_e.hermegauss(24), strict=True) if z > 0
]
NEAR = 0.25
"""Below this times the distance to the nearest bend, a difference is the integral of the slope."""
SMALL = 0.1
"""A difference below this share of its terms loses digits."""


def _reach(phi: Activation, mean: Array) -> Array:
    centers = np.array([*phi.breaks, 0.0])
    return np.asarray(np.maximum(1.0, np.abs(mean[:, None] - centers).min(axis=1) / 2))


def is_near(phi: Activation, mean: Array, std: Array, order: int = 0) -> npt.NDArray[np.bool_]:
    """Whether a law is so narrow that differences by subtraction would lose digits.

    And integrals of the derivative of this order keep them, which is not so where it is much in doubt.
    """
    near = np.asarray(std < 0.1 * _reach(phi, mean))
    if order and phi.doubtful and near.any():
        lost = np.maximum(phi.doubt(mean - std, 0), phi.doubt(mean + std, 0))
        near &= std**order * phi.doubt(mean, order) <= 4 * lost
    return near


def lost_share(phi: Activation, mean: Array, std: Array) -> Array:
    """A bound on how likely a near law takes a step too long to be the integral of the slope."""
    steps = NEAR * _reach(phi, mean) / std
    return np.asarray(np.exp(-(steps**2) / 2))


def _edges(phi: Activation, mean: Array, h: Array) -> Array:
    """Where the way from mean to mean + h meets kinks, as fractions, with 0 and 1; along a new last axis."""
    with np.errstate(all="ignore"):
        parts = (phi.breaks - mean[..., None]) / h[..., None]
    parts = np.clip(np.where(np.isnan(parts), 0.0, parts), 0.0, 1.0)
    ends = np.zeros((*h.shape, 1))
    return np.sort(np.concatenate([ends, parts, ends + 1], axis=-1), axis=-1)


def increment(
    phi: Activation, mean: Array, h: Array, near: npt.NDArray[np.bool_], doubt: bool = False
) -> Array:
    """phi(mean + h) - phi(mean) for h of shape (rows, points).

    Args:
        phi: the activation, continuous where `near` holds.
        mean: one point per row.
        h: the steps.
        near: for which rows short steps are integrals of phi'.
        doubt: whether to return how far it may be off, by what phi doubts.
    """
    center = np.broadcast_to(mean[:, None], h.shape)
    start, end = _beside(phi, mean, 0 * h), _beside(phi, mean, h)
    found = end - start
    small = np.abs(found) < SMALL * np.maximum(np.abs(start), np.abs(end))
    short = small & near[:, None] & (np.abs(h) < NEAR * _reach(phi, mean)[:, None])
    if doubt:
        found = phi.doubt(center, 0) + phi.doubt(center + h, 0)
    if short.any():
        slope = partial(phi.doubt, order=1) if doubt else phi.derivative
        step = np.abs(h[short]) if doubt else h[short]
        found[short] = step * _along(phi, slope, center[short], h[short], ROUGH if doubt else WHOLE)
    return np.asarray(found)


def even_increment(phi: Activation, mean: Array, h: Array, doubt: bool = False) -> Array:
    """phi(mean + h) + phi(mean - h) - 2 phi(mean), phi continuous, for h of shape (rows, points).

    Arguments as for `increment`.
    """
    h = np.abs(h)
    center = np.broadcast_to(mean[:, None], h.shape)
    start, right, left = (_beside(phi, mean, step) for step in (0 * h, h, -h))
    found = right + left - 2 * start
    small = np.abs(found) < SMALL * np.maximum(np.abs(start), np.maximum(np.abs(right), np.abs(left)))
    short = small & (h < NEAR * _reach(phi, mean)[:, None])
    if doubt:
        found = phi.doubt(center + h, 0) + phi.doubt(center - h, 0) + 2 * phi.doubt(center, 0)
    if short.any():
        bend = partial(phi.doubt, order=2) if doubt else phi.second_derivative
        m, step = center[short], h[short]
        rule = ROUGH if doubt else WHOLE
        total = step**2 * sum(_along(phi, bend, m, way, rule, remaining=True) for way in (step, -step))
        low, high = phi.side_doubts(1) if doubt else phi.sides(1)
        for kink, below, above in zip(phi.breaks, low, high, strict=True):
            jump = above + below if doubt else above - below
            total += jump * np.maximum(step - np.abs(kink - m), 0.0)
        found[short] = total
    return np.asarray(found)


def _beside(phi: Activation, mean: Array, h: Array) -> Array:
    """phi(mean + h), less the limit on the side where the mean is."""
    return phi.beside_limit(mean[:, None] + h, (mean > 0)[:, None])


def _along(
    phi: Activation,
    function: Callable[[Array], Array],
    m: Array,
    step: Array,
    rule: tuple[Array, Array],
    remaining: bool = False,
) -> Array:
    """The mean of a function over the way from m to m + step, weighted with what remains of it if asked."""
    nodes, weights = rule
    edges = _edges(phi, m, step)
    total = np.zeros(len(step))
    for k in range(edges.shape[-1] - 1):
        width = edges[:, k + 1] - edges[:, k]
        t = edges[:, k, None] + width[:, None] * nodes
        found = function(m[:, None] + step[:, None] * t)
        total += width * ((((1 - t) * found) if remaining else found) @ weights)
    return total


@lru_cache(maxsize=64)
def _product(piece: sp.Expr) -> Callable[..., Any]:
    return sp.lambdify(X, piece * sp.diff(piece, X, 2), "mpmath")  # type: ignore[no-any-return]


def narrow_curvature(piece: sp.Expr, mean: float, std: float) -> float:
    """E phi phi'' of a law that is narrow against phi: the odd part cancels in pairs, with digits to spare.

    Example:
        >>> round(narrow_curvature(X + X**2 / 2, 0.0, 1e-9) * 1e19, 12)
        5.0
    """
    g = _product(piece)
    with mpmath.workdps(40 + 2 * max(0, -int(np.log10(std)))):
        m, s = mpmath.mpf(mean), mpmath.mpf(std)
        total = mpmath.fsum(w * (g(m + s * z) + g(m - s * z)) for z, w in HERMITE)
        return float(total / (2 * mpmath.fsum(w for _, w in HERMITE)))
