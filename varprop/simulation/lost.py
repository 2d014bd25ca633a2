"""What rounding moves: samples of a program against the same with every value moved within its last digit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from varprop.model.variables import Variable
from varprop.simulation.blocks import Estimand, SideSampler
from varprop.simulation.layout import Design, Law
from varprop.simulation.sampling import Program
from varprop.simulation.streams import Streams

__all__ = ["lost"]

SAMPLES, ENTRIES = 32, 2**22


class Moved(Program):
    """A program that moves every value it computes by up to one unit in its last place."""

    moves: np.random.Generator

    def _leaf(self, *given: Any) -> Any:
        return self._moved(super()._leaf(*given))

    def _value(self, *given: Any) -> Any:
        return self._moved(super()._value(*given))

    def _moved(self, part: Any) -> Any:
        unit = np.spacing(np.abs(part.data))
        return replace(part, data=part.data + unit * self.moves.integers(-1, 2, part.data.shape))


def lost(side: SideSampler, laws: Mapping[Variable, Law], streams: Streams) -> float:
    """How far rounding may move the block results of a side.

    With s the size of an estimand's samples and d what rounding moves them by, its estimate of degree k
    moves by (s + d)^k - s^k, where s is the standard deviation of the samples for all but means.

    Args:
        side: a side of a claim.
        laws: samplers that stand in for distributions.
        streams: streams that no estimate of the claim uses.

    Source:
        D. S. Parker, "Monte Carlo arithmetic: exploiting randomness in floating-point arithmetic", 1997.
    """
    total, key = 0.0, 0
    for term in side.terms:
        exact = moved = abs(term.coefficient)
        for estimand in term.estimands:
            size, more = _sizes(estimand, laws, streams.at(key))
            exact, moved, key = exact * size, moved * more, key + 1
        total += moved - exact
    return total


def _sizes(estimand: Estimand, laws: Mapping[Variable, Law], streams: Streams) -> tuple[float, float]:
    """The size of an estimate, and the same with what rounding may add."""
    program = Program(estimand.expressions, laws)
    other = Moved(estimand.expressions, laws)
    design = Design(max(2, min(SAMPLES, ENTRIES // program.work(Design(1)).entries)))
    other.moves = streams.generator(len(program.sources), chunk=0)
    drawn, moved = (each.run(streams, chunk=0, blocks=1, design=design) for each in (program, other))
    off = [float(np.abs(a - b).max()) for a, b in zip(drawn, moved, strict=True)]
    if estimand.is_mean:
        size = float(np.abs(drawn[0]).max())
        return size, size + off[0]
    spreads = [float(values.std()) for values in drawn]
    order = 2 if estimand.kind in ("variance", "covariance") else estimand.order
    if len(spreads) == 1:
        spreads, off = spreads * order, off * order
    exact = more = 1.0
    for spread, away in zip(spreads, off, strict=True):
        exact, more = exact * spread, more * (spread + away)
    return exact, more
