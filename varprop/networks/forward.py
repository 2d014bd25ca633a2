"""Moments move forward: one step per kind of layer, each by a map that was derived."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import sympy as sp
from mpmath import mp
from numpy.typing import NDArray

from varprop.errors import MomentError
from varprop.model import gaussian
from varprop.model.activations import Activation, identity
from varprop.model.distributions import Distribution, Normal
from varprop.networks import maps
from varprop.networks.convolving import conv, flatten
from varprop.networks.kernels import kernel
from varprop.networks.layers import GLU, Activate, Dense, Layer, LayerNorm, Noise, RMSNorm
from varprop.networks.maps import Number, is_zero, like
from varprop.networks.normalizing import normalize
from varprop.networks.positions import Conv, Flatten
from varprop.networks.samples import MOST_ROWS, row_squares, sampled
from varprop.networks.spatial import scaled
from varprop.networks.spatial_units import activated, beside
from varprop.networks.states import State
from varprop.networks.sum_laws import sum_law
from varprop.networks.unit_laws import (
    Activated,
    NormalMixture,
    NormalUnit,
    Sample,
    Several,
    SharedBias,
    UnitLaw,
    law_moment,
    normal_moment,
)

__all__ = ["activate", "dense", "glu", "noise"]

Array: TypeAlias = NDArray[np.float64]

Found = tuple[Number, bool, str]
"""A moment, whether it holds at every width, and the kind of number it is."""


def dense(layer: Dense | GLU, s: State) -> State:
    """sum_i W_ji h_i + b_j: exact whatever the units are, since the weights are centered."""
    weights, bias = layer.weights, layer.bias
    fans = tuple(like(s.second, size) for size in (s.shape[0], layer.fan_out))
    squares = row_squares(s.law) if isinstance(s.law, Sample) and len(s.shape) == 1 else None
    below = s.second if squares is None else squares
    grouped = isinstance(s.law, Sample) and len(s.law.rows) > MOST_ROWS
    mean, second = (maps.dense(weights, bias, k)(*fans, s.mean, below) for k in (1, 2))
    pairs = maps.pairs(weights, bias)
    pair, pair_second = (None if known is None else pairs(*fans, known) for known in (s.pair, s.pair_second))
    pair_mean = None if pair is None else mean
    fourth, coincident = dense_fourth(layer, s, fans)
    flips = weights.symmetric is True and (bias is None or bias.symmetric is True)
    return s.after(
        {"mean": True, "cross": True},
        shape=(layer.fan_out,),
        mean=mean,
        second=second,
        fourth=fourth,
        coincident=coincident,
        pair=pair,
        pair_second=pair_second,
        pair_mean=pair_mean,
        cross=mean**2,
        symmetric=flips,
        rows_flip=flips,
        law=dense_law(layer, s, mean, second, grouped),
        independent=isinstance(s.law, Sample) and s.law.fixed,
        alike=True,
        alive=(s.alive and weights.atomless) or (bias is not None and bias.atomless),
        precision="estimate" if grouped else s.precision,
    )


def dense_law(layer: Dense | GLU, s: State, mean: Number, second: Number, grouped: bool) -> UnitLaw:
    """The law of a pre-activation: normal, a normal plus a bias of another law, or unknown."""
    given = isinstance(s.law, Sample) and not grouped and isinstance(layer.weights, Normal)
    return sum_law(layer.bias, mean, second, given)


def dense_fourth(
    layer: Dense | GLU, s: State, fans: tuple[Number, ...]
) -> tuple[Number | None, Number | None]:
    """E z_j^4 and E z_j^2 z_k^2, where they are known of the units that come in."""
    if layer.bias is not None or s.fourth is None or layer.weights.moment_exists(4) is not True:
        return None, None
    if s.coincident is None and s.shape[0] != 1:
        return None, None
    known = (s.fourth, s.fourth if s.coincident is None else s.coincident)
    if is_zero(known[0]):
        return known
    four, two = (maps.dense_fourth(layer.weights, both)(*fans, *known) for both in (False, True))
    return four, two


def unit_moment(phi: Activation, s: State, power: int) -> Found:
    """E phi(h)^power of one unit.

    Raises:
        DerivationError: neither the law of the unit nor its symmetry gives it.
    """
    if s.symmetric and (found := maps.symmetric_unit(phi, power)) is not None:
        return found(s.second), s.exact("second"), "closed form"
    law = s.law
    if isinstance(law, Several):
        parts = [unit_moment(phi, group, power) for group in law.states]
        total = sum((share * part[0] for share, part in zip(law.shares, parts, strict=True)), 0 * s.second)
        return total, all(part[1] for part in parts), maps.worst(*(part[2] for part in parts))
    if isinstance(law, Sample):
        return law.mapped(phi.value).moment(power), True, "closed form"
    if isinstance(law, Normal):
        value, kind = normal_moment(phi, s.mean, s.second, power)
        return value, True, kind
    if isinstance(law, Distribution):
        try:
            return like(s.second, phi.moment(power, law)), True, "closed form"
        except MomentError:
            value, kind = law_moment(phi, law, power)
            return value, True, kind
    if isinstance(law, NormalUnit):
        value, kind = normal_moment(phi, law.mean, law.second, power)
        return value, law.exact, kind
    if isinstance(law, Activated):
        law = law.discrete
    if isinstance(law, NormalMixture | SharedBias):
        return law.moment(phi, power), law.exact, "estimate"
    return maps.no_law(str(phi))


def activate(phi: Activation, s: State) -> State:
    """phi(h), unit by unit."""
    if phi == identity:
        return s
    if isinstance(s.law, Sample):
        return sampled(s.law.mapped(phi.value), s.shape, s.seen)
    mean, mean_exact, kind = unit_moment(phi, s, 1)
    second, second_exact, kind_of_second = unit_moment(phi, s, 2)
    fourth, coincident = activated_fourth(phi, s, second)
    pair, pair_mean, pair_second, pair_exact, kind_of_pair = paired(phi, s)
    odd = s.symmetric and phi.parity == "odd"
    law = activated_law(phi, s.law)
    normal = isinstance(s.law, NormalUnit | SharedBias) and s.law.exact
    exact = {"mean": mean_exact, "second": second_exact, "pair": pair_exact, "cross": s.independent}
    return s.after(
        exact | {"spatial": s.exact("spatial") and (s.independent or normal)},
        mean=mean,
        second=second,
        fourth=fourth,
        coincident=coincident,
        pair=pair,
        pair_second=pair_second,
        pair_mean=pair_mean,
        cross=mean**2,
        spatial=beside(law) if isinstance(law, Several) else activated(phi, s, mean, second),
        symmetric=odd,
        rows_flip=odd and s.rows_flip,
        law=law,
        alive=s.alive and phi.vanishes_only_at_zero,
        precision=maps.worst(s.precision, kind, kind_of_second, kind_of_pair),
    )


def activated_law(phi: Activation, law: UnitLaw) -> UnitLaw:
    """The law of phi(h)."""
    if isinstance(law, Distribution):
        return phi(law)
    if isinstance(law, NormalUnit | NormalMixture | SharedBias):
        return Activated(phi, law)
    if isinstance(law, Several):
        return Several(law.shares, tuple(activate(phi, group) for group in law.states))
    return None


def activated_fourth(phi: Activation, s: State, second: Number) -> tuple[Number | None, Number | None]:
    """E phi(h)^4 and E phi(h_j)^2 phi(h_k)^2, where they are known exactly."""
    if s.independent and isinstance(s.law, Distribution):
        try:
            return like(second, phi.moment(4, s.law)), second**2
        except MomentError:
            return None, None
    four = maps.symmetric_unit(phi, 4) if s.symmetric and s.fourth is not None else None
    if four is None:
        return None, None
    two = maps.symmetric_pair(phi) if s.rows_flip and s.coincident is not None else None
    return four(s.fourth), None if two is None else two(s.coincident)


def paired(phi: Activation, s: State) -> tuple[Number | None, Number | None, Number | None, bool, str]:
    """E phi(h) phi(h'), E phi(h') and E phi(h')^2, whether they are exact, and the kind of number."""
    unknown = (None, None, None, True, "closed form")
    if s.pair is None or s.pair_second is None or isinstance(s.second, sp.Basic):
        return unknown
    if isinstance(s.law, Distribution) and s.independent:  # two draws of the input are independent
        mean, second = (unit_moment(phi, s, k) for k in (1, 2))
        return mean[0] ** 2, mean[0], second[0], True, maps.worst(mean[2], second[2])
    law = s.law
    if isinstance(law, Several):
        parts = [paired(phi, group) for group in law.states]
        if any(part[0] is None for part in parts):
            return unknown
        first, mean, second = (
            sum((share * part[k] for share, part in zip(law.shares, parts, strict=True)), 0 * s.second)
            for k in range(3)
        )
        return first, mean, second, all(p[3] for p in parts), maps.worst(*(p[4] for p in parts))
    if not isinstance(law, NormalUnit) or not isinstance(s.second, mp.mpf):
        return unknown
    (other_mean, kind_of_mean), (other, kind) = (
        normal_moment(phi, s.pair_mean, s.pair_second, k) for k in (1, 2)
    )
    kind = maps.worst(kind, kind_of_mean)
    variances = (s.second - law.mean**2, s.pair_second - s.pair_mean**2)
    centered = is_zero(law.mean) and is_zero(s.pair_mean)
    scale = variances[0] if centered and getattr(phi, "degree", 0) == 1 else mp.mpf(1)
    numbers = [float(value / scale) for value in (*variances, s.pair - law.mean * s.pair_mean)]
    if min(numbers[:2]) <= 0 or not all(abs(number) < 1e140 for number in numbers):
        return unknown
    bound = numbers[0] ** 0.5 * numbers[1] ** 0.5
    between = max(-bound, min(bound, numbers[2]))
    if between == 0:  # uncorrelated normal units are independent
        mean, kind_of_own = normal_moment(phi, law.mean, s.second, 1)
        return mean * other_mean, other_mean, other, law.exact, maps.worst(kind, kind_of_own)
    matrix = [[numbers[0], between], [between, numbers[1]]]
    if centered:
        value, doubt = kernel(phi).cross(numbers[0], numbers[1], between / bound), kind
    else:
        found = gaussian.cross_moment(phi, [float(law.mean), float(s.pair_mean)], matrix)
        value, doubt = float(found.value), maps.worst(kind, found.precision)
    return mp.mpf(value) * scale, other_mean, other, law.exact, doubt


def noise(layer: Noise, s: State) -> State:
    """d_j h_j with independent draws d_j."""
    law = layer.distribution
    mean, second = maps.noisy(law, 1), maps.noisy(law, 2)
    return s.after(
        {},
        mean=mean(s.mean),
        second=second(s.second),
        fourth=None if s.fourth is None else maps.noisy(law, 4)(s.fourth),
        coincident=None if s.coincident is None else maps.noisy_pair(law)(s.coincident),
        pair=None if s.pair is None else mean(mean(s.pair)),
        pair_second=None if s.pair_second is None else second(s.pair_second),
        pair_mean=None if s.pair_mean is None else mean(s.pair_mean),
        cross=None if s.cross is None else mean(mean(s.cross)),
        spatial=None if s.spatial is None else scaled(s.spatial, mean(mean(mp.mpf(1))), second(s.second)),
        law=None,
        alive=False,
    )


def glu(layer: GLU, s: State) -> State:
    """(W h + b) phi(V h + c): in the limit of wide layers both sides are independent."""
    side = dense(layer, s)
    gate = activate(layer.activation, side)
    times = maps.gated()
    pair = None if side.pair is None or gate.pair is None else side.pair * gate.pair
    other = None if gate.pair_second is None else times(side.pair_second, gate.pair_second)
    return side.after(
        {"mean": is_zero(side.mean), "second": False, "pair": False, "cross": is_zero(side.mean)},
        mean=side.mean * gate.mean,
        second=times(side.second, gate.second),
        fourth=None,
        coincident=None,
        pair=pair,
        pair_second=other,
        pair_mean=None if pair is None else side.pair_mean * gate.pair_mean,
        cross=(side.mean * gate.mean) ** 2,
        law=None,
        alive=False,
        precision=gate.precision,
    )


def basic(layer: Layer, s: State) -> State:
    """What a layer that is no block makes of a state."""
    if isinstance(layer, Dense):
        return dense(layer, s)
    if isinstance(layer, Activate):
        return activate(layer.activation, s)
    if isinstance(layer, Noise):
        return noise(layer, s)
    if isinstance(layer, GLU):
        return glu(layer, s)
    if isinstance(layer, Conv):
        return conv(layer, s)
    if isinstance(layer, Flatten):
        return flatten(layer, s)
    assert isinstance(layer, LayerNorm | RMSNorm)
    return normalize(layer, s)
