"""E phi(h_p) phi(h_q), and E phi'(h_p) phi'(h_q), of one channel at every two positions."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from mpmath import mp
from numpy.typing import NDArray

from varprop.errors import DerivationError
from varprop.model import gaussian
from varprop.model.activations import Activation
from varprop.networks import maps
from varprop.networks.kernels import kernel
from varprop.networks.maps import Number
from varprop.networks.spatial import Found, Spatial, flat, of_independent, summed, unit_of
from varprop.networks.states import State
from varprop.networks.unit_laws import NormalMixture, NormalUnit, Several

__all__ = ["activated", "beside", "slopes"]

Array: TypeAlias = NDArray[np.float64]

MOST_PAIRS = 100_000
"""Pairs of positions that are not alike, for one activation."""
BITS = 2.0**45
"""Numbers that agree to so many binary digits are one number."""
LITTLE, MUCH = 1e-140, 1e140


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
    if isinstance(law, NormalMixture):
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
        if isinstance(law, NormalMixture):
            means = np.zeros(below.places)
            products = size * values - float(weights @ shifts**2)
        else:
            means = flat(s.mean, mp.mpf(1), below.places) if not centered else np.zeros(below.places)
            products = size * values - np.outer(means, means)
        total, kind = np.zeros_like(values), "closed form" if len(shifts) == 1 else "estimate"
        for weight, shift in zip(weights, shifts, strict=True):
            part, of_part = _products(phi, means + shift, products, slope)
            total, kind = total + weight * part, maps.worst(kind, of_part)
        total *= float(outer / unit)
        np.fill_diagonal(total, flat(second, unit, below.places))
        return total, kind

    return Spatial(below.places, unit, make, (below,))


def _alike(values: Array) -> NDArray[np.intp]:
    """The number of the class of every number; those that agree to nearly all digits are one class."""
    mantissa, exponent = np.frexp(values)
    _, where = np.unique(np.ldexp(np.round(mantissa * BITS), exponent), return_inverse=True)
    return np.asarray(where).ravel()


def _products(phi: Activation, means: Array, covariance: Array, slope: bool) -> Found:
    """E phi(X_p) phi(X_q) of normal variables off the diagonal; every kind of pair is asked for once.

    Raises:
        DerivationError: there are too many pairs.
    """
    variances = np.maximum(np.diag(covariance), 0.0)
    bounds = np.sqrt(variances)
    p, q = np.triu_indices(len(means), 1)
    between = np.clip(covariance[p, q], -bounds[p] * bounds[q], bounds[p] * bounds[q])
    kinds = _alike(means) * len(means) + _alike(variances)
    low, high = np.minimum(kinds[p], kinds[q]), np.maximum(kinds[p], kinds[q])
    _, places = np.unique(low * len(means) ** 2 + high, return_inverse=True)
    _, first, where = np.unique(
        np.asarray(places).ravel() * len(p) + _alike(between), return_index=True, return_inverse=True
    )
    if len(first) > MOST_PAIRS:
        raise DerivationError(
            f"the products of {phi} at two of {len(means)} positions",
            f"{len(first)} pairs of positions are not alike, more than {MOST_PAIRS}",
            "Give fewer positions: a smaller input, or a larger stride.",
        )
    pairs = np.stack([p[first], q[first]], axis=1)
    each, kind = _of_pairs(phi, means[pairs], variances[pairs], between[first], slope)
    made = np.zeros_like(covariance)
    made[p, q] = made[q, p] = each[np.asarray(where).ravel()]
    return made, kind


def _of_pairs(phi: Activation, means: Array, variances: Array, between: Array, slope: bool) -> Found:
    """E phi(X) phi(Y) of some normal pairs."""
    value, kind = np.empty(len(means)), "closed form"
    usual = ((variances > LITTLE) & (variances < MUCH)).all(axis=1)
    plain = np.asarray(usual & ~means.any(axis=1) & (not slope))
    if plain.any():
        one = kernel(phi)
        roots = np.sqrt(variances[plain]).prod(axis=1)
        correlations = np.clip(between[plain] / roots, -1.0, 1.0)
        value[plain] = [
            one.cross(*map(float, row)) for row in np.column_stack([variances[plain], correlations])
        ]
        kind = "closed form" if one.crosses_closed else "estimate"
    rest = ~plain
    if rest.any():
        matrices = np.empty((int(rest.sum()), 2, 2))
        matrices[:, 0, 0], matrices[:, 1, 1] = variances[rest].T
        matrices[:, 0, 1] = matrices[:, 1, 0] = between[rest]
        ask: Any = gaussian.slope_cross_moment if slope else gaussian.cross_moment
        found = ask(phi, means[rest], matrices)
        value[rest], kind = found.value, maps.worst(kind, found.precision)
    return value, kind
