"""Moments move forward: one step per kind of layer, each by a map that was derived."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from varprop.errors import MomentError
from varprop.model.activations import Activation
from varprop.model.distributions import Distribution, Normal
from varprop.networks import maps
from varprop.networks.layers import Activate, Dense, Layer, Noise
from varprop.networks.maps import Number, is_zero, like
from varprop.networks.states import NormalUnit, Sample, State

__all__ = ["Trace", "step"]

Found = tuple[Number, bool, str]
"""A moment, whether it holds at every width, and the kind of number it is."""


@dataclass(frozen=True)
class Trace:
    """One layer with what it gave; blocks hold the traces of their branches.

    Args:
        layer: the specification.
        before: what came in.
        after: what it gave.
        branches: the traces inside.
    """

    layer: Layer
    before: State
    after: State
    branches: tuple[tuple[Trace, ...], ...] = ()


def dense(layer: Dense, s: State) -> State:
    """sum_i W_ji h_i + b_j: exact whatever the units are, since the weights are centered."""
    fans = tuple(like(s.second, size) for size in (s.shape[0], layer.fan_out))
    mean, second = (maps.dense(layer.weights, layer.bias, k)(*fans, s.mean, s.second) for k in (1, 2))
    pairs = maps.pairs(layer.weights, layer.bias)
    both = tuple(None if moment is None else pairs(*fans, moment) for moment in (s.pair, s.pair_second))
    fourth, coincident = dense_fourth(layer, s, fans)
    flips = layer.weights.symmetric is True and (layer.bias is None or layer.bias.symmetric is True)
    normal_bias = layer.bias is None or isinstance(layer.bias, Normal) or hasattr(layer.bias, "value")
    given = isinstance(s.law, Sample) and s.law.fixed and isinstance(layer.weights, Normal)
    return s.after(
        {"mean": True, "cross": True},
        shape=(layer.fan_out,),
        mean=mean,
        second=second,
        fourth=fourth,
        coincident=coincident,
        pair=both[0],
        pair_second=both[1],
        cross=mean**2,
        symmetric=flips,
        rows_flip=flips,
        law=NormalUnit(mean, second, given) if normal_bias else None,
        independent=False,
    )


def dense_fourth(layer: Dense, s: State, fans: tuple[Number, ...]) -> tuple[Number | None, Number | None]:
    """E z_j^4 and E z_j^2 z_k^2, where they are known of the units that come in."""
    if layer.bias is not None or s.fourth is None or layer.weights.moment_exists(4) is not True:
        return None, None
    if s.coincident is None and s.shape[0] != 1:
        return None, None
    known = (s.fourth, s.fourth if s.coincident is None else s.coincident)
    if is_zero(known[0]):
        return known
    four, two = (maps.dense_fourth(layer.weights, coincident)(*fans, *known) for coincident in (False, True))
    return four, two


def unit_moment(phi: Activation, s: State, power: int) -> Found:
    """E phi(h)^power of one unit.

    Raises:
        DerivationError: neither the law of the unit nor its symmetry gives it.
    """
    if s.symmetric and (found := maps.symmetric_unit(phi, power)) is not None:
        return found(s.second), s.exact("second"), "closed form"
    if isinstance(s.law, Sample):
        return s.law.applied(phi).moment(power), True, "closed form"
    if isinstance(s.law, Distribution):
        return like(s.second, phi.moment(power, s.law)), True, "closed form"
    if isinstance(s.law, NormalUnit):
        value, precision = maps.normal_moment(phi, s.law.mean, s.law.second, power)
        return value, s.law.exact, precision
    return maps.no_law(str(phi))


def activate(layer: Activate, s: State) -> State:
    """phi(h), unit by unit."""
    phi = layer.activation
    if phi.name == "identity":
        return s
    mean, mean_exact, kind = unit_moment(phi, s, 1)
    second, second_exact, kind_of_second = unit_moment(phi, s, 2)
    fourth, coincident = activated_fourth(phi, s, second)
    pair, pair_second, pair_exact = paired(phi, s)
    odd = s.symmetric and phi.parity == "odd"
    law = s.law
    return s.after(
        {"mean": mean_exact, "second": second_exact, "pair": pair_exact, "cross": s.independent},
        mean=mean,
        second=second,
        fourth=fourth,
        coincident=coincident,
        pair=pair,
        pair_second=pair_second,
        cross=mean**2,
        symmetric=odd,
        rows_flip=odd and s.rows_flip,
        law=phi(law)
        if isinstance(law, Distribution)
        else law.applied(phi)
        if isinstance(law, Sample)
        else None,
        precision=maps.worst(s.precision, kind, kind_of_second),
    )


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


def paired(phi: Activation, s: State) -> tuple[Number | None, Number | None, bool]:
    """E phi(h) phi(h') and E phi(h')^2 for two inputs, and whether they are exact."""
    return None, None, True


def noise(layer: Noise, s: State) -> State:
    """d_j h_j with independent draws d_j."""
    law = layer.distribution
    mean, second, square = (maps.noisy(law, k) for k in (1, 2, 2))
    return s.after(
        {},
        mean=mean(s.mean),
        second=second(s.second),
        fourth=None if s.fourth is None else maps.noisy(law, 4)(s.fourth),
        coincident=None if s.coincident is None else maps.noisy_pair(law)(s.coincident),
        pair=None if s.pair is None else mean(mean(s.pair)),
        pair_second=None if s.pair_second is None else square(s.pair_second),
        cross=None if s.cross is None else mean(mean(s.cross)),
        law=None,
    )


_STEPS: dict[str, Callable[..., State]] = {"dense": dense, "activation": activate, "noise": noise}


def step(layer: Layer, s: State) -> Trace:
    """What a layer makes of a state."""
    return Trace(layer, s, _STEPS[layer.kind](layer, s))
