"""Averages over windows of positions: behind a convolution the positions depend on each other."""

from __future__ import annotations

import math

import numpy as np
import sympy as sp

from varprop.errors import DerivationError
from varprop.networks import maps
from varprop.networks.convolving import places_of, spread
from varprop.networks.layers import Shape
from varprop.networks.maps import Number, like
from varprop.networks.positions import AveragePool
from varprop.networks.spatial import Array, Found, Spatial, of_independent, widened, windows
from varprop.networks.states import State
from varprop.networks.sum_laws import with_bias
from varprop.networks.unit_laws import NormalUnit, SharedBias, UnitLaw

__all__ = ["pool_gradient", "pool_gradient_products", "pool_positions", "window_size"]


def window_size(before: Shape, after: Shape) -> sp.Expr:
    """How many units, or positions, one window holds."""
    return sp.Mul(*before[1:]) / sp.Mul(*after[1:]) if len(before) > 1 else before[0] / after[0]


def _counts(before: Shape, after: Shape) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Positions along each direction before a pool and behind it."""
    places = places_of(before)
    return places, places_of(after) or (1,) * len(places)


def pool_positions(layer: AveragePool, s: State, shape: Shape) -> State:
    """The mean over windows of positions, for every channel.

    Args:
        layer: the pool.
        s: what comes in.
        shape: of what it gives.

    Raises:
        DerivationError: the products of one channel at two positions are not known.
    """
    asked = f"{layer} over positions"
    if isinstance(s.second, sp.Basic):
        raise DerivationError(asked, "positions are counted one by one", "Give numbers for all symbols.")
    if s.spatial is None:
        raise DerivationError(
            asked,
            "units at different positions of one channel depend on each other, and how is not followed here",
            "Pool behind a convolution, or behind one activation of it.",
        )
    before, after = _counts(s.shape, shape)
    count, size = math.prod(after), math.prod(before) // math.prod(after)
    values = windows(s.spatial.values, before, after).reshape(count, count) / size**2
    unit, kind = s.spatial.unit, s.spatial.kind
    mean: Number = windows(spread(s.mean, before), before, after) / size
    second: Number = np.array([unit * max(float(one), 0.0) for one in np.diag(values)], dtype=object)
    spatial: Spatial | None = Spatial(count, unit, lambda: (values, kind))
    if len(shape) == 1:
        mean, second, spatial = np.ravel(mean)[0], second[0], None
    else:
        second = second.reshape(after)
    return s.after(
        {"second": s.exact("spatial")},
        shape=shape,
        mean=mean,
        second=second,
        fourth=None,
        coincident=None,
        pair=None,
        pair_second=None,
        pair_mean=None,
        cross=None,
        spatial=spatial,
        law=_pooled_law(s.law, mean, second),
        alive=False,
        precision=maps.worst(s.precision, kind),
    )


def _pooled_law(law: UnitLaw, mean: Number, second: Number) -> UnitLaw:
    """The law of an average of normal units, and of the bias that they share."""
    if isinstance(law, SharedBias):
        return with_bias(law.bias, second, law.exact)
    return NormalUnit(mean, second, law.exact) if isinstance(law, NormalUnit) else None


def pool_gradient(before: Shape, after: Shape, g: Number) -> Number:
    """E (dy/dh)^2 of what a pool reads: all units, or positions, of a window share its gradient.

    Args:
        before: of what it reads.
        after: of what it gives.
        g: E (dy/dh)^2 of what it gives.
    """
    g = g / like(g, window_size(before, after)) ** 2
    return widened(g, places_of(before)) if isinstance(g, np.ndarray) and len(before) > 1 else g


def pool_gradient_products(shapes: tuple[Shape, Shape], g: Number, above: Spatial | None) -> Spatial:
    """E of the products of gradients at every two positions that a pool reads.

    Args:
        shapes: of what it reads and gives.
        g: E (dy/dh)^2 of what it gives.
        above: the products of the gradients behind it; None if they are 0 at two different positions.
    """
    before, after = _counts(*shapes)
    above = of_independent(like(g, sp.S.Zero), g, math.prod(after)) if above is None else above
    size = math.prod(before) // math.prod(after)
    window = widened(np.arange(math.prod(after)).reshape(after), before).ravel()

    def make(values: Array) -> Found:
        return values[np.ix_(window, window)], "closed form"

    return Spatial(math.prod(before), above.unit / size**2, make, (above,))
