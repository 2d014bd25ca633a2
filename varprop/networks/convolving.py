"""Moments through convolutions: every position by the number of terms that it really sums."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import sympy as sp
from mpmath import mp
from numpy.typing import NDArray

from varprop.errors import DerivationError
from varprop.model.distributions import Normal
from varprop.networks import maps
from varprop.networks.maps import Number, like
from varprop.networks.positions import Conv, Flatten
from varprop.networks.samples import sampled
from varprop.networks.spatial import Spatial, unit_of
from varprop.networks.states import State
from varprop.networks.sum_laws import sum_law
from varprop.networks.unit_laws import Sample

__all__ = [
    "average",
    "conv",
    "conv_gradient",
    "conv_gradient_products",
    "conv_weights",
    "flatten",
    "places_of",
    "spread",
]

Array: TypeAlias = NDArray[Any]


def average(value: Number | Array | None) -> Number | None:
    """The mean over positions."""
    return sum(value.flat, mp.mpf(0)) / value.size if isinstance(value, np.ndarray) else value


def spread(value: Number | Array, places: tuple[int, ...]) -> Array:
    """A number at every position."""
    if isinstance(value, np.ndarray):
        return value
    made = np.empty(places, dtype=object)
    made.fill(value)
    return made


def places_of(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """The number of positions along each direction."""
    return tuple(int(length) for length in shape[1:])


def taps(layer: Conv, shape: tuple[Any, ...]) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Yield for each place of the kernel which outputs read which inputs, as slices."""
    before, after = places_of(shape), places_of(layer.shape_after(shape))
    sides = layer.sides(shape)
    for offsets in product(*(range(size) for size, _ in sides)):
        outs, ins = [], []
        for offset, (_, padding), length, count in zip(offsets, sides, before, after, strict=True):
            shift = offset - padding
            first = max(0, -(shift // layer.stride) if shift < 0 else 0)
            last = min(count - 1, (length - 1 - shift) // layer.stride)
            stop = max(first, last + 1)
            outs.append(slice(first, stop))
            start = first * layer.stride + shift
            ins.append(
                slice(start, start + layer.stride * max(stop - first - 1, 0) + (stop > first), layer.stride)
            )
        yield tuple(outs), tuple(ins)


def _summed(layer: Conv, shape: tuple[Any, ...], value: Array) -> tuple[Array, Array]:
    """For each output the sum over what it reads, and how many it reads."""
    after = places_of(layer.shape_after(shape))
    total, count = np.full(after, mp.mpf(0), dtype=object), np.zeros(after, dtype=int)
    for outs, ins in taps(layer, shape):
        total[outs] += value[ins]
        count[outs] += 1
    return total, count


def _summed_products(layer: Conv, shape: tuple[Any, ...], values: Array, back: bool = False) -> Array:
    """For every two outputs the sum of products over what they read at one place of the kernel.

    Args:
        layer, shape: as above.
        values: the products of every two inputs.
        back: from products of outputs to those of inputs instead.
    """
    before, after = places_of(shape), places_of(layer.shape_after(shape))
    given, made = (after, before) if back else (before, after)
    both = values.reshape(*given, *given)
    total = np.zeros((*made, *made))
    for outs, ins in taps(layer, shape):
        to, of = (ins, outs) if back else (outs, ins)
        total[(*to, *to)] += both[(*of, *of)]
    return total.reshape(math.prod(made), -1)


def conv_products(layer: Conv, s: State, second: Array) -> Spatial | None:
    """E z_p z_q: Var(w) times the sum over taps and channels of E h_p+t h_q+t, and E b^2 of their bias."""
    below = s.spatial
    if below is None:
        return None
    law, unit = layer.law(s.shape), unit_of(second)
    fans = like(below.unit, s.shape[0]), like(below.unit, layer.channels)
    factor = float(maps.pairs(law, None)(*fans, below.unit) / unit)
    shift = float(maps.pairs(law, layer.bias)(*fans, mp.mpf(0)) / unit)

    def make(values: Any) -> tuple[Any, str]:
        made = _summed_products(layer, s.shape, values)
        made *= factor
        made += shift
        return made, "closed form"

    return Spatial(second.size, unit, make, (below,))


def conv_gradient_products(layer: Conv, s: State, above: Spatial, before: Array) -> Spatial:
    """E of the product of gradients at every two positions of what a convolution reads."""
    unit = unit_of(before)
    fans = like(above.unit, s.shape[0]), like(above.unit, layer.channels)
    factor = float(maps.dense_gradient(layer.law(s.shape))(*fans, above.unit) / unit)

    def make(values: Any) -> tuple[Any, str]:
        return factor * _summed_products(layer, s.shape, values, back=True), "closed form"

    return Spatial(before.size, unit, make, (above,))


def conv(layer: Conv, s: State) -> State:
    """A convolution, position by position."""
    if isinstance(s.second, sp.Basic):
        raise DerivationError(f"{layer} in symbols", "positions are counted one by one", "Give numbers.")
    places, channels = places_of(s.shape), like(s.second, s.shape[0])
    law, bias, out = layer.law(s.shape), layer.bias, like(s.second, layer.channels)

    def through(value: Number | None, power: int) -> Array | None:
        if value is None:
            return None
        total, count = _summed(layer, s.shape, spread(value, places))
        chosen = maps.pairs(law, bias) if power == 0 else maps.dense(law, bias, power)
        zero = mp.mpf(0)
        made = np.empty(total.shape, dtype=object)
        for place in np.ndindex(total.shape):
            terms = int(count[place])
            each = total[place] / terms if terms else zero
            ends = (each,) if power == 0 else (zero, each)
            made[place] = chosen(channels * terms, out, *ends)
        return made

    second = through(s.second, 2)
    mean = spread(maps.dense(law, bias, 1)(channels, out, mp.mpf(0), mp.mpf(1)), second.shape)  # type: ignore[union-attr]
    flips = law.symmetric is True and (bias is None or bias.symmetric is True)
    given = isinstance(s.law, Sample) and s.law.fixed and isinstance(law, Normal)
    return s.after(
        {"mean": True, "cross": True},
        shape=layer.shape_after(s.shape),
        mean=mean,
        second=second,
        fourth=None,
        coincident=None,
        pair=through(s.pair, 0),
        pair_second=through(s.pair_second, 0),
        pair_mean=None if s.pair is None else mean,
        cross=None,
        spatial=conv_products(layer, s, second),  # type: ignore[arg-type]
        alike=True,
        symmetric=flips,
        rows_flip=flips,
        law=sum_law(bias, mean, second, given),
        independent=False,
        alive=False,
    )


def conv_gradient(layer: Conv, s: State, g: Number | Array) -> Array:
    """E (dy/dh)^2 of what a convolution reads, position by position."""
    after, places = places_of(layer.shape_after(s.shape)), places_of(s.shape)
    above = spread(g, after)
    total, count = np.full(places, mp.mpf(0), dtype=object), np.zeros(places, dtype=int)
    for outs, ins in taps(layer, s.shape):
        total[ins] += above[outs]
        count[ins] += 1
    chosen = maps.dense_gradient(layer.law(s.shape))
    channels, out = like(s.second, s.shape[0]), like(s.second, layer.channels)
    made = np.empty(places, dtype=object)
    for place in np.ndindex(places):
        terms = int(count[place])
        made[place] = chosen(channels, out * terms, total[place] / terms) if terms else mp.mpf(0)
    return made


def conv_weights(layer: Conv, s: State, g: Number | Array, above: Spatial | None) -> Number:
    """E (dy/dW)^2 of one weight: the sum over all positions where it is used, averaged over the kernel.

    Args:
        layer: the convolution.
        s: what it reads.
        g: E (dy/dz)^2 of what it gives, by position.
        above: E of the products of these gradients at every two positions; None if that is 0.
    """
    if above is not None:
        below = s.spatial
        assert below is not None, "a pool has asked for it"
        gradients, units = above.values, below.values
        after, places = places_of(layer.shape_after(s.shape)), places_of(s.shape)
        g_both, h_both = gradients.reshape(*after, *after), units.reshape(*places, *places)
        both = [(g_both[(*outs, *outs)], h_both[(*ins, *ins)]) for outs, ins in taps(layer, s.shape)]
        total = sum(float((g_part * h_part).sum()) for g_part, h_part in both)
        return above.unit * below.unit * (total / len(both))
    slopes = spread(g, places_of(layer.shape_after(s.shape)))
    second = spread(s.second, places_of(s.shape))
    sums = [(slopes[outs] * second[ins]).sum() for outs, ins in taps(layer, s.shape)]
    return sum(sums, mp.mpf(0)) / len(sums)


def flatten(layer: Flatten, s: State) -> State:
    """Channels and positions as plain units: averages over positions remain."""
    if isinstance(s.law, Sample):
        return sampled(s.law, layer.shape_after(s.shape), s.seen)
    uneven = isinstance(s.second, np.ndarray)
    return s.after(
        {},
        shape=layer.shape_after(s.shape),
        **{
            name: average(getattr(s, name)) for name in ("mean", "second", "pair", "pair_mean", "pair_second")
        },
        cross=None if uneven else s.cross,
        alike=s.alike and not uneven,
        law=None if uneven else s.law,
    )
