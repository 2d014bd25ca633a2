"""Trials whose numbers lie near the ends of float64, run in units of a power of two."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from varprop.simulation.blocks import Side, SideSampler
from varprop.simulation.premises import Bounded, Premise
from varprop.simulation.sequential import Look
from varprop.simulation.streams import Streams

__all__ = ["in_units", "look_of", "premise_in", "times", "unit_of"]

SAFE = 200
"""Powers of two between which the third powers behind limits stay far within float64."""
FEW_BLOCKS = 2


def unit_of(sides: Iterable[SideSampler], streams: Streams) -> int:
    """The power of two near the size of the sides; 0 where numbers are of usual size, or none was seen.

    Args:
        sides: the sides of a claim.
        streams: streams that no estimate of the claim uses.
    """
    largest = 0.0
    for key, side in enumerate(sides):
        if not side.all_parts:
            continue
        with np.errstate(all="ignore"):
            size = float(np.abs(side.first(streams.at(key), FEW_BLOCKS)).max())
        largest = max(largest, size) if math.isfinite(size) else largest
    power = math.frexp(largest)[1]
    return power if abs(power) > SAFE else 0


def in_units(side: Side, power: int) -> Side:
    """The side over 2^power, exactly."""
    return tuple(replace(term, coefficient=math.ldexp(term.coefficient, -power)) for term in side)


def premise_in(premise: Premise, power: int) -> Premise:
    """The premise on block results over 2^power."""
    if isinstance(premise, Bounded) and premise.width is not None:
        return Bounded(math.ldexp(premise.width, -power))
    return premise


def look_of(look: Look, power: int) -> Look:
    """The look of numbers over 2^power, in their own units."""
    return replace(
        look,
        left=times(look.left, power),
        right=times(look.right, power),
        standard_error=times(look.standard_error, power),
        low=times(look.low, power),
        high=times(look.high, power),
    )


def times(value: float, power: int) -> float:
    """A number times 2^power; infinite where that is beyond float64."""
    try:
        return math.ldexp(value, power)
    except OverflowError:
        return math.copysign(math.inf, value)
