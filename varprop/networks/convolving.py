"""Moments through convolutions: every position by the number of terms that it really sums."""

from __future__ import annotations

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
from varprop.networks.states import State
from varprop.networks.unit_laws import NormalUnit, Sample

__all__ = ["average", "conv", "conv_gradient", "conv_weights", "flatten"]

Array: TypeAlias = NDArray[Any]


def average(value: Number | Array | None) -> Number | None:
    """The mean over positions."""
    return sum(value.flat, mp.mpf(0)) / value.size if isinstance(value, np.ndarray) else value


def _spread(value: Number | Array, places: tuple[int, ...]) -> Array:
    """A number at every position."""
    if isinstance(value, np.ndarray):
        return value
    made = np.empty(places, dtype=object)
    made.fill(value)
    return made


def _places(shape: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(int(length) for length in shape[1:])


def taps(layer: Conv, shape: tuple[Any, ...]) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Yield for each place of the kernel which outputs read which inputs, as slices."""
    before, after = _places(shape), _places(layer.shape_after(shape))
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
    after = _places(layer.shape_after(shape))
    total, count = np.full(after, mp.mpf(0), dtype=object), np.zeros(after, dtype=int)
    for outs, ins in taps(layer, shape):
        total[outs] += value[ins]
        count[outs] += 1
    return total, count


def conv(layer: Conv, s: State) -> State:
    """A convolution, position by position."""
    if isinstance(s.second, sp.Basic):
        raise DerivationError(f"{layer} in symbols", "positions are counted one by one", "Give numbers.")
    places, channels = _places(s.shape), like(s.second, s.shape[0])
    law, bias, out = layer.law(s.shape), layer.bias, like(s.second, layer.channels)

    def through(value: Number | None, power: int) -> Array | None:
        if value is None:
            return None
        total, count = _summed(layer, s.shape, _spread(value, places))
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
    mean = _spread(maps.dense(law, bias, 1)(channels, out, mp.mpf(0), mp.mpf(1)), second.shape)  # type: ignore[union-attr]
    flips = law.symmetric is True and (bias is None or bias.symmetric is True)
    normal_bias = bias is None or isinstance(bias, Normal) or hasattr(bias, "value")
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
        alike=True,
        symmetric=flips,
        rows_flip=flips,
        law=NormalUnit(mean, second, given) if normal_bias else None,
        independent=False,
        alive=False,
    )


def conv_gradient(layer: Conv, s: State, g: Number | Array) -> Array:
    """E (dy/dh)^2 of what a convolution reads, position by position."""
    after, places = _places(layer.shape_after(s.shape)), _places(s.shape)
    spread = _spread(g, after)
    total, count = np.full(places, mp.mpf(0), dtype=object), np.zeros(places, dtype=int)
    for outs, ins in taps(layer, s.shape):
        total[ins] += spread[outs]
        count[ins] += 1
    chosen = maps.dense_gradient(layer.law(s.shape))
    channels, out = like(s.second, s.shape[0]), like(s.second, layer.channels)
    made = np.empty(places, dtype=object)
    for place in np.ndindex(places):
        terms = int(count[place])
        made[place] = chosen(channels, out * terms, total[place] / terms) if terms else mp.mpf(0)
    return made


def conv_weights(layer: Conv, s: State, g: Number | Array) -> Number:
    """E (dy/dW)^2 of one weight: the sum over all positions where it is used, averaged over the kernel."""
    spread = _spread(g, _places(layer.shape_after(s.shape)))
    second = _spread(s.second, _places(s.shape))
    sums = [(spread[outs] * second[ins]).sum() for outs, ins in taps(layer, s.shape)]
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
