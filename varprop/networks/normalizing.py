"""Layers that divide by the size of all units: what they give, and what they do to gradients."""

from __future__ import annotations

from typing import NoReturn, TypeAlias

import numpy as np
import sympy as sp
from mpmath import mp
from numpy.typing import NDArray

from varprop.errors import DerivationError
from varprop.model.distributions import Normal
from varprop.networks.layers import LayerNorm, RMSNorm
from varprop.networks.maps import Number, is_zero, like, root
from varprop.networks.samples import sampled
from varprop.networks.states import State
from varprop.networks.unit_laws import NormalUnit, Sample

__all__ = ["directions_left", "normalize", "normalized_gradient", "sharp_or_normal"]

Array: TypeAlias = NDArray[np.float64]


def normalize(layer: LayerNorm | RMSNorm, s: State) -> State:
    """(h - mean) / std or h / rms: its mean square is 1 at every width, if it is not 0 / 0.

    Raises:
        DerivationError: all units have one value, or are 0.
    """
    one = like(s.second, sp.S.One)
    centered = isinstance(layer, LayerNorm)
    if isinstance(s.law, Sample):
        return sampled(s.law.mapped(lambda rows: _split(layer, rows)[0]), s.shape, s.seen)
    shift, other = (s.mean, s.pair_mean) if centered else (0 * one, 0 * one)
    size = s.second - shift**2
    by_row = isinstance(size, np.ndarray)
    if (by_row and not size.all()) or is_zero(size):
        _no_size(layer)
    pair = pair_mean = pair_second = None
    if s.pair is not None and s.pair_second is not None and not by_row:
        pair_second, other_size = one, s.pair_second - other**2
        pair = (s.pair - shift * other) / root(size * other_size)
        pair_mean = 0 * one if centered else s.pair_mean / root(other_size)
    mean = 0 * one if centered else s.mean / root(size)
    one = size / size  # for each row, if there are any
    law = NormalUnit(mean, one) if isinstance(s.law, NormalUnit) else None
    exact = s.alive and isinstance(s.law, NormalUnit)
    return s.after(
        {"mean": centered or (s.symmetric and exact), "second": exact, "pair": False, "cross": False},
        mean=mean,
        second=one,
        fourth=None,
        coincident=None,
        pair=pair,
        pair_second=pair_second,
        pair_mean=pair_mean,
        cross=mean**2,
        rows_flip=s.rows_flip and not centered,
        law=law,
        independent=False,
    )


def _no_size(layer: LayerNorm | RMSNorm) -> NoReturn:
    raise DerivationError(
        f"{layer} of what comes in here", "all units have one value: 0 / 0", "Give inputs that differ."
    )


def _split(layer: LayerNorm | RMSNorm, rows: Array) -> tuple[Array, list[Number]]:
    """Rows of numbers, normalized, and the mean square that each was divided by the root of."""
    rows = rows - rows.mean(axis=1, keepdims=True) if isinstance(layer, LayerNorm) else rows
    largest = np.abs(rows).max(axis=1, keepdims=True)
    if not largest.all():
        _no_size(layer)
    squares = np.mean((rows / largest) ** 2, axis=1, keepdims=True)
    sizes = [mp.mpf(a) ** 2 * b for a, b in zip(largest.flat, squares.flat, strict=True)]
    return np.asarray(rows / largest / np.sqrt(squares)), sizes


def directions_left(layer: LayerNorm | RMSNorm, s: State) -> sp.Expr:
    """In how many directions the result can move: not along itself, nor in its mean if that is taken off."""
    return s.shape[0] - (2 if isinstance(layer, LayerNorm) else 1)


def sharp_or_normal(layer: LayerNorm | RMSNorm, s: State) -> bool:
    """Whether the mean inverse square of the size is known: of rows, and of independent normal units."""
    if isinstance(s.law, Sample):
        return True
    if not s.independent or not isinstance(s.law, NormalUnit | Normal):
        return False
    left = directions_left(layer, s)
    normal = isinstance(s.law, Normal) or s.law.exact
    centered = isinstance(layer, LayerNorm) or is_zero(s.mean)
    return normal and centered and bool(left.is_Integer) and left != 1


def normalized_gradient(layer: LayerNorm | RMSNorm, s: State, g: Number) -> Number:
    """E (dy/dh)^2 below, from that above: it loses the directions in which the result cannot move.

    The slopes of h / rms are (1 - u u') / rms, u = h / |h|. Of n units k = n - 1 directions are left, n - 2
    if the mean is taken off; a gradient that is alike in all directions keeps k / n of its square. For given
    rows this and the mean of 1 / rms^2 are exact. For independent normal units of variance v it is
    k / (k - 1) / v in all, since E 1 / |h|^2 over k + 1 directions is 1 / ((k - 1) v); for k = 1 that mean is
    infinite. Elsewhere it is 1 / v, the limit of wide layers. With no direction left it is 0.
    """
    left = directions_left(layer, s)
    if left == 0:
        return 0 * g
    if isinstance(s.law, Sample):
        _, sizes = _split(layer, s.law.rows)
        inverse = np.array([1 / size for size in sizes], dtype=object)
        each = isinstance(g, np.ndarray)
        return g * like(s.second, left / s.shape[0]) * (inverse if each else inverse.mean())
    shift = s.mean if isinstance(layer, LayerNorm) else 0 * s.mean
    below = g / (s.second - shift**2)
    return below * like(s.second, left / (left - 1)) if sharp_or_normal(layer, s) else below
