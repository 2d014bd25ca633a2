"""Before the first look: how the work is shared out, and how large the sides would be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from varprop.model.variables import Variable
from varprop.simulation.blocks import Estimand, SideSampler, Term
from varprop.simulation.layout import Design, Law
from varprop.simulation.sampling import Program
from varprop.simulation.sequential import overflow
from varprop.simulation.streams import Streams
from varprop.simulation.units import power_of, times

__all__ = ["at_least", "natural_scale", "shared_out"]

Array = NDArray[np.float64]

MOST_REPEATS = 64
SURE = 3.0
"""Standard errors by which a scale is taken smaller than it looks: too wide a band would let errors pass."""
PRECISE = 0.05
"""The relative error of E |e|^k from which a scale needs no more samples."""
FEWEST, FIRST, MOST = 64, 2**11, 2**17
"""Samples that a scale rests on: at least, at first, and at most."""
SCALE_DRAWS, SCALE_ENTRIES = 2**21, 2**22
"""Random numbers drawn for it, and array entries alive at once."""


def shared_out(
    sides: Sequence[SideSampler], pilots: Sequence[Sequence[Array]], limit: float
) -> list[SideSampler]:
    """Give every part of a claim the work that makes the difference of the sides most precise.

    Estimates are repeated in proportion to spread / sqrt(cost), rounded to a power of two, where the spread
    is that of the part's contribution: |coefficient| * its standard deviation * root mean squares of the
    other factors.

    Args:
        sides: the sides, nothing repeated.
        pilots: for each side a few block results of every part, from streams of their own.
        limit: nanoseconds that one block may cost in all.

    Source:
        J. Neyman, "On the two different aspects of the representative method", 1934 (optimum allocation).
    """
    wanted: list[float] = []
    for side, values in zip(sides, pilots, strict=True):
        sizes = [_root_mean_square(part) for part in values]
        spreads = [_root_mean_square(part - part.mean()) for part in values]
        first = 0
        for term in side.terms:
            last = first + len(term.estimands)
            for key in range(first, last):
                others = math.prod(sizes[other] for other in range(first, last) if other != key)
                part = side.all_parts[key]
                cost = part.cost + part.overhead / side.chunk_blocks
                wanted.append(abs(term.coefficient) * spreads[key] * others / math.sqrt(cost))
            first = last
    if not all(map(math.isfinite, wanted)):
        raise overflow()
    least = min((want for want in wanted if want > 0), default=1.0)
    repeats = [min(MOST_REPEATS, 2 ** round(math.log2(want / least))) if want > 0 else 1 for want in wanted]
    while max(repeats, default=1) > 1:
        given = iter(repeats)
        shared = [side.repeated([next(given) for _ in side.all_parts]) for side in sides]
        if sum(side.cost for side in shared) <= limit:
            return shared
        repeats = [max(1, repeat // 2) for repeat in repeats]
    return list(sides)


def natural_scale(terms: Iterable[Term], laws: Mapping[Variable, Law], streams: Streams) -> float:
    """The size a side would have if its signs did not cancel: its largest term, hardly ever overestimated.

    A mean counts as sqrt(E e^2), a variance as itself, a covariance as the product of the standard
    deviations, a central moment or cumulant of order k as E |e - mean|^k; each of these is a lower limit.

    Args:
        terms: the side.
        laws: samplers that stand in for distributions.
        streams: streams that no estimate of the claim uses.
    """
    largest, key = 0.0, 0
    for term in terms:
        size = abs(term.coefficient)
        for estimand in term.estimands:
            size *= _scale_of(estimand, laws, streams.at(key))
            key += 1
        largest = max(largest, size)
    return largest


def at_least(values: Array) -> float:
    """The mean of non-negative values, less 3 standard errors; 0 where so few of them carry it.

    Example:
        >>> at_least(np.full(64, 2.0)), at_least(np.array([0.0] * 63 + [64.0]))
        (2.0, 0.0)
    """
    return max(0.0, float(values.mean()) - SURE * _error(values))


def _error(values: Array) -> float:
    return float(values.std(ddof=1)) / math.sqrt(values.size)


def _scale_of(estimand: Estimand, laws: Mapping[Variable, Law], streams: Streams) -> float:
    """From as many samples as make it precise, if memory and time allow."""
    centered = not estimand.is_mean
    rooted = not centered or estimand.kind == "covariance"
    order = 2 if rooted or estimand.kind == "variance" else estimand.order
    program = Program(estimand.expressions, laws)
    most = min(MOST, max(FEWEST, SCALE_DRAWS // max(1, program.draws())))
    wanted = min(most, FIRST)
    rows = min(wanted, max(16, SCALE_ENTRIES // program.work(Design(1)).entries))
    chunks: list[list[Array]] = []
    while True:
        while len(chunks) * rows < wanted:
            chunks.append(program.run(streams, chunk=len(chunks), blocks=1, design=Design(rows)))
        drawn = [np.concatenate(parts, axis=1).ravel() for parts in zip(*chunks, strict=True)]
        spreads = [np.abs(values - values.mean()) if centered else values for values in drawn]
        units = [power_of(values) for values in spreads]
        powers = [np.ldexp(v, -unit) ** order for v, unit in zip(spreads, units, strict=True)]
        if wanted == most or all(0 < float(each.mean()) >= _error(each) / PRECISE for each in powers):
            break
        wanted = min(most, 4 * wanted)
    sizes = [at_least(each) for each in powers]
    if rooted:
        return math.prod(times(math.sqrt(size), unit) for size, unit in zip(sizes, units, strict=True))
    return times(sizes[0], order * units[0])


def _root_mean_square(values: Array) -> float:
    """sqrt(mean v^2), of values of any size."""
    power = power_of(values)
    return times(math.sqrt(float((np.ldexp(values, -power) ** 2).mean())), power)
