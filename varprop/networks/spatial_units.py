"""E phi(h_p) phi(h_q), and E phi'(h_p) phi'(h_q), of one channel at every two positions."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from mpmath import mp
from numpy.typing import NDArray

from varprop.errors import DerivationError
from varprop.model.activations import Activation
from varprop.networks import maps
from varprop.networks.maps import Number
from varprop.networks.pair_products import LITTLE, MUCH, pair_products
from varprop.networks.spatial import Found, Spatial, flat, of_independent, summed, unit_of
from varprop.networks.states import State
from varprop.networks.unit_laws import NormalUnit, Several, SharedBias

__all__ = ["activated", "beside", "slopes"]

Array: TypeAlias = NDArray[np.float64]


def activated(phi: Activation, s: State, mean: Number, second: Number) -> Spatial | None:
    """The products E phi(h_p) phi(h_q), None where they are not known.

    Positions are taken as a normal pair, given the bias that they share: in the limit of many channels, or at
    every width where the input is fixed and all weights are normal.

    Args:
        phi: the activation.
        s: what comes in.
        mean, second: E phi(h) and E phi(h)^2, by position.
    """
    if s.spatial is None:
        return None
    if s.independent:
        return of_independent(mean, second, s.spatial.places)
    return _pairs(phi, s, second, slope=False)


def beside(law: Several) -> Spatial | None:
    """The products of groups of channels side by side, averaged over all channels."""
    known = [group.spatial for group in law.states if group.spatial is not None]
    return summed(known, law.shares) if len(known) == len(law.states) else None


def slopes(phi: Activation, s: State, second: Number) -> Spatial | None:
    """The products E phi'(h_p) phi'(h_q), as `activated`, from E phi'(h)^2 by position."""
    return _pairs(phi, s, second, slope=True)


def _pairs(phi: Activation, s: State, second: Number, slope: bool) -> Spatial | None:
    law, below = s.law, s.spatial
    assert below is not None
    if isinstance(law, SharedBias):
        weights, shifts = law.weights, law.places
    elif isinstance(law, NormalUnit):
        weights, shifts = np.ones(1), np.zeros(1)
    else:
        return None
    unit, centered = unit_of(second), maps.is_zero(s.mean) and not shifts.any()
    homogeneous = centered and getattr(phi, "degree", None) == 1
    inner = below.unit if homogeneous else mp.mpf(1)
    outer = mp.mpf(1) if slope else inner

    def make(values: Array) -> Found:
        size = float(below.unit / inner)
        if not (homogeneous or LITTLE < size < MUCH):
            raise DerivationError(
                f"the products of {phi} at two positions",
                f"second moments of about {mp.nstr(below.unit, 3)} are beyond the range of floats",
                "Give an input, or weights, of another size.",
            )
        if isinstance(law, SharedBias):
            means = np.zeros(below.places)
            products = size * values
            products -= float(weights @ shifts**2)
        elif centered:
            means, products = np.zeros(below.places), size * values
        else:
            means, products = flat(s.mean, mp.mpf(1), below.places), size * values
            products -= np.outer(means, means)
        total, kind = pair_products(phi, means, products, (weights, shifts), slope)
        total *= float(outer / unit)
        np.fill_diagonal(total, flat(second, unit, below.places))
        return total, kind

    return Spatial(below.places, unit, make, (below,))
