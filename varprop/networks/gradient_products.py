"""Gradients at two positions of one channel: their products are 0, until a pool is met."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from mpmath import mp

from varprop.model.activations import Activation, identity
from varprop.networks import maps
from varprop.networks.convolving import conv_gradient_products, places_of
from varprop.networks.layers import Activate, Layer, Noise
from varprop.networks.maps import Number
from varprop.networks.pooling import pool_gradient_products
from varprop.networks.positions import AveragePool, Conv
from varprop.networks.spatial import Array, Found, Spatial, flat, of_independent, scaled, summed, unit_of
from varprop.networks.spatial_units import slopes
from varprop.networks.states import State
from varprop.networks.unit_laws import Sample, Several

__all__ = ["Products", "below_activation", "multiple", "products_below", "together"]

Products: TypeAlias = "Spatial | tuple[Products, ...] | None"
"""Of all channels, or of groups of channels side by side; None if the products are 0."""


def products_below(layer: Layer, s: State, after: State, g: tuple[Any, Any], above: Products) -> Products:
    """E of the products of gradients at every two positions that a layer reads; None if they are 0.

    Gradients are taken to be independent of the layer, as in `backward`. A dense layer and `Flatten` read all
    positions with weights of their own, and leave no products.

    Args:
        layer: any that is no block.
        s, after: what it reads and gives.
        g: E (dy/dh)^2 of both, by position; tuples for groups of channels.
        above: the products of the gradients behind it.
    """
    if len(s.shape) == 1 or s.independent or isinstance(s.law, Sample):  # no weights are left below
        return None
    if isinstance(s.law, Several) and isinstance(layer, AveragePool | Activate):
        return _of_groups(layer, after, g, above, s.law)
    assert not isinstance(above, tuple), "groups stand behind pools and activations alone"
    if isinstance(layer, AveragePool):
        return pool_gradient_products((s.shape, after.shape), g[1], above)
    if above is None:
        return None
    if isinstance(layer, Activate):
        return below_activation(layer.activation, s, above, g[0])
    if isinstance(layer, Noise):
        mean = maps.noisy(layer.distribution, 1)
        return scaled(above, mean(mean(mp.mpf(1))), g[0])
    return conv_gradient_products(layer, s, above, g[0]) if isinstance(layer, Conv) else None


def _of_groups(layer: Layer, after: State, g: tuple[Any, Any], above: Products, law: Several) -> Products:
    """What lies below a layer that groups of channels pass separately."""
    count = len(law.states)
    parts = above if isinstance(above, tuple) else (above,) * count
    sizes = (each if isinstance(each, tuple) else (each,) * count for each in g)
    made = tuple(
        products_below(layer, group, after, pair, part)
        for group, part, pair in zip(law.states, parts, zip(*sizes, strict=True), strict=True)
    )
    return made if any(made) else None


def below_activation(phi: Activation, s: State, above: Spatial, before: Number) -> Spatial:
    """The products below an activation: those above it times E phi'(h_p) phi'(h_q)."""
    if phi == identity:
        return above
    factors, unit = slopes(phi, s, mp.mpf(1)), unit_of(before)
    assert factors is not None, "the pool above has asked for the products of its units"

    def make(values: Array, each: Array) -> Found:
        made = float(above.unit / unit) * values * each
        np.fill_diagonal(made, flat(before, unit, above.places))
        return made, "closed form"

    return Spatial(above.places, unit, make, (above, factors))


def multiple(products: Products, factor: Number) -> Products:
    """The products of gradients that are multiplied by the root of a factor."""
    return summed([products], [factor]) if isinstance(products, Spatial) else None


def together(parts: Sequence[tuple[Products, Any]], s: State) -> Products:
    """The products of a sum of gradients that have nothing to do with each other.

    Args:
        parts: the products of each, None if they are 0, and E (dy/dh)^2 by position; tuples for groups.
        s: what reads the sum.
    """
    if all(products is None for products, _ in parts):
        return None
    groups = next((len(products) for products, _ in parts if isinstance(products, tuple)), 0)
    if groups:
        apart = [[each if isinstance(each, tuple) else (each,) * groups for each in part] for part in parts]
        each = zip(*(zip(*pair, strict=True) for pair in apart), strict=True)
        return tuple(together(group, s) for group in each)
    known = [
        products
        if isinstance(products, Spatial)
        else of_independent(mp.mpf(0), g, math.prod(places_of(s.shape)))
        for products, g in parts
    ]
    return summed(known, [mp.mpf(1)] * len(known))
