"""What rounding moves: samples of a program against the same with every value moved within its last digit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from varprop.model.expressions import Expression, Product
from varprop.model.variables import Variable
from varprop.simulation.blocks import Estimand, SideSampler
from varprop.simulation.layout import Design, Drawn, Law, Source
from varprop.simulation.sampling import Program
from varprop.simulation.schedule import number
from varprop.simulation.streams import Streams

__all__ = ["lost"]

Array = NDArray[np.float64]

SAMPLES, ENTRIES = 32, 2**22


@dataclass(frozen=True, slots=True)
class MovedSource(Source):
    """A variable whose draws are moved, the same wherever they are read."""

    move: Callable[[Drawn], Array]

    def draw(self, *given: Any) -> Array:
        """The same draws, moved."""
        return self.move(Source.draw(self, *given))


class Moved(Program):
    """A program that moves every value it draws or computes by up to one unit in its last place.

    Numbers of at most 24 binary digits and products with powers of two stay: they are not rounded, and jumps
    may stand exactly there.
    """

    def __init__(
        self, roots: Sequence[Expression], laws: Mapping[Variable, Law], moves: np.random.Generator
    ) -> None:
        super().__init__(roots, laws)
        self.moves = moves
        self.sources = [
            MovedSource(
                **{each.name: getattr(source, each.name) for each in fields(Source)}, move=self._moved
            )
            for source in self.sources
        ]
        self.source_of = {node: self.sources[source.key] for node, source in self.source_of.items()}

    def _value(self, node: Expression, *given: Any) -> Any:
        part = super()._value(node, *given)
        exact = (
            isinstance(node, Product)
            and [power for _, power in node.factors] == [1]
            and math.frexp(abs(number(node.coefficient)))[0] == 0.5
        )
        return part if exact else replace(part, data=self._moved(part.data))

    def _moved(self, values: Drawn) -> Array:
        with np.errstate(over="ignore"):
            rounded = values != values.astype(np.float32)
        steps = self.moves.integers(-1, 2, values.shape)
        return np.asarray(values + rounded * np.spacing(np.abs(values)) * steps)


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
    other = Moved(estimand.expressions, laws, streams.generator(len(program.sources), chunk=0))
    design = Design(max(2, min(SAMPLES, ENTRIES // program.work(Design(1)).entries)))
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
