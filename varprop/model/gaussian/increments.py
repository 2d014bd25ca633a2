"""Differences of an activation from its value at a point, with all digits where they are small."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import sympy as sp

from varprop.model.activations.base import Activation, Array, X
from varprop.numerics.quadrature import legendre

__all__ = ["even_increment", "increment", "is_near", "lost_share", "narrow_curvature"]

NODES, WEIGHTS = legendre(10)
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


def is_near(phi: Activation, mean: Array, std: Array) -> npt.NDArray[np.bool_]:
    """Whether a law is so narrow that differences by subtraction would lose digits."""
    return np.asarray(std < 0.1 * _reach(phi, mean))


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


def increment(phi: Activation, mean: Array, h: Array, near: npt.NDArray[np.bool_]) -> Array:
    """phi(mean + h) - phi(mean) for h of shape (rows, points).

    Args:
        phi: the activation, continuous where `near` holds.
        mean: one point per row.
        h: the steps.
        near: for which rows short steps are integrals of phi'.
    """
    center = np.broadcast_to(mean[:, None], h.shape)
    above = (mean > 0)[:, None]
    start, end = phi.beside_limit(mean[:, None], above), phi.beside_limit(center + h, above)
    found = end - start
    small = np.abs(found) < SMALL * np.maximum(np.abs(start), np.abs(end))
    short = small & near[:, None] & (np.abs(h) < NEAR * _reach(phi, mean)[:, None])
    if short.any():
        m, step = center[short], h[short]
        edges = _edges(phi, m, step)
        total = np.zeros(len(step))
        for k in range(edges.shape[-1] - 1):
            width = edges[:, k + 1] - edges[:, k]
            at = m[:, None] + step[:, None] * (edges[:, k, None] + width[:, None] * NODES)
            total += width * (phi.derivative(at) @ WEIGHTS)
        found[short] = step * total
    return np.asarray(found)


def even_increment(phi: Activation, mean: Array, h: Array) -> Array:
    """phi(mean + h) + phi(mean - h) - 2 phi(mean), phi continuous, for h of shape (rows, points)."""
    h = np.abs(h)
    center = np.broadcast_to(mean[:, None], h.shape)
    above = (mean > 0)[:, None]
    start = phi.beside_limit(mean[:, None], above)
    right, left = phi.beside_limit(center + h, above), phi.beside_limit(center - h, above)
    found = right + left - 2 * start
    small = np.abs(found) < SMALL * np.maximum(np.abs(start), np.maximum(np.abs(right), np.abs(left)))
    short = small & (h < NEAR * _reach(phi, mean)[:, None])
    if short.any():
        m, step = center[short], h[short]
        low, high = phi.sides(1)
        total = np.zeros(len(step))
        for sign in (1, -1):
            edges = _edges(phi, m, sign * step)
            for k in range(edges.shape[-1] - 1):
                width = edges[:, k + 1] - edges[:, k]
                t = edges[:, k, None] + width[:, None] * NODES
                bend = phi.second_derivative(m[:, None] + sign * step[:, None] * t)
                total += width * (((1 - t) * bend) @ WEIGHTS)
        total *= step**2
        for kink, below, above in zip(phi.breaks, low, high, strict=True):
            total += (above - below) * np.maximum(step - np.abs(kink - m), 0.0)
        found[short] = total
    return np.asarray(found)


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
