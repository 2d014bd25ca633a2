"""Gradients at two positions of one channel: their products are 0, until a pool is met."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from mpmath import mp

from varprop.errors import DerivationError
from varprop.model.activations import Activation, identity
from varprop.networks import maps
from varprop.networks.convolving import conv_gradient_products, places_of
from varprop.networks.layers import Activate, Layer, Noise, Shape
from varprop.networks.maps import Number
from varprop.networks.pooling import pool_gradient_products
from varprop.networks.positions import AveragePool, Conv
from varprop.networks.spatial import Array, Found, Spatial, flat, of_independent, scaled, summed, unit_of
from varprop.networks.spatial_units import slopes
from varprop.networks.states import State
from varprop.networks.unit_laws import Sample

__all__ = ["below_activation", "products_below", "together"]


def products_below(
    layer: Layer, s: State, after: State, g: tuple[Number, Number], above: Spatial | None
) -> Spatial | None:
    """E of the products of gradients at every two positions that a layer reads; None if they are 0.

    Gradients are taken to be independent of the layer, as in `backward`. A dense layer and `Flatten` read all
    positions with weights of their own, and leave no products.

    Args:
        layer: any that is no block.
        s, after: what it reads and gives.
        g: E (dy/dh)^2 of both, by position.
        above: the products of the gradients behind it.
    """
    if len(s.shape) == 1 or s.independent or isinstance(s.law, Sample):  # no weights are left below
        return None
    if isinstance(layer, AveragePool):
        return pool_gradient_products(s, after.shape, g[1], above)
    if above is None:
        return None
    if isinstance(layer, Activate):
        return below_activation(layer.activation, s, above, g[0])
    if isinstance(layer, Noise):
        mean = maps.noisy(layer.distribution, 1)
        return scaled(above, mean(mean(mp.mpf(1))), g[0])
    return conv_gradient_products(layer, s, above, g[0]) if isinstance(layer, Conv) else None


def below_activation(phi: Activation, s: State, above: Spatial, before: Number) -> Spatial:
    """The products below an activation: those above it times E phi'(h_p) phi'(h_q)."""
    if phi == identity:
        return above
    factors, unit = slopes(phi, s, mp.mpf(1)), unit_of(before)
    if factors is None:
        raise DerivationError(
            f"gradients of weights below {phi} and a pool over positions",
            "how its arguments at two positions depend on each other is not known",
            "Put a convolution in front of it.",
        )

    def make(values: Array, each: Array) -> Found:
        made = float(above.unit / unit) * values * each
        np.fill_diagonal(made, flat(before, unit, above.places))
        return made, "closed form"

    return Spatial(above.places, unit, make, (above, factors))


def together(parts: Sequence[tuple[Spatial | None, Number]], shape: Shape) -> Spatial | None:
    """The products of a sum of gradients that have nothing to do with each other.

    Args:
        parts: the products of each, None if they are 0, and E (dy/dh)^2 by position.
        shape: of what reads it.
    """
    if all(products is None for products, _ in parts):
        return None
    places = math.prod(places_of(shape))
    known = [of_independent(mp.mpf(0), g, places) if one is None else one for one, g in parts]
    return summed(known, [mp.mpf(1)] * len(known))
