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

__all__ = ["natural_scale", "shared_out"]

Array = NDArray[np.float64]

MOST_REPEATS = 64


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


def natural_scale(
    terms: Iterable[Term], laws: Mapping[Variable, Law], streams: Streams, samples: int = 2048
) -> float:
    """The size a side would have if its signs did not cancel: its largest term.

    A mean counts as sqrt(E e^2), a variance as itself, a covariance as the product of the standard
    deviations, a central moment or cumulant of order k as E |e - mean|^k.

    Args:
        terms: the side.
        laws: samplers that stand in for distributions.
        streams: streams that no estimate of the claim uses.
        samples: how many, if memory allows.
    """
    largest, key = 0.0, 0
    for term in terms:
        size = abs(term.coefficient)
        for estimand in term.estimands:
            size *= _scale_of(estimand, laws, streams.at(key), samples)
            key += 1
        largest = max(largest, size)
    return largest


def _scale_of(estimand: Estimand, laws: Mapping[Variable, Law], streams: Streams, samples: int) -> float:
    program = Program(estimand.expressions, laws)
    entries = program.work(Design(1)).entries
    rows = max(16, min(samples, 2**22 // entries))
    drawn = program.run(streams, chunk=0, blocks=1, design=Design(rows))
    if estimand.kind == "mean" or (estimand.kind == "cumulant" and estimand.order == 1):
        return _root_mean_square(drawn[0])
    spreads = [np.abs(values - values.mean()) for values in drawn]
    if estimand.kind == "covariance":
        return _root_mean_square(spreads[0]) * _root_mean_square(spreads[-1])
    return float(np.mean(spreads[0] ** (2 if estimand.kind == "variance" else estimand.order)))


def _root_mean_square(values: Array) -> float:
    """sqrt(mean v^2), of values of any size."""
    power = power_of(values)
    return times(math.sqrt(float((np.ldexp(values, -power) ** 2).mean())), power)
