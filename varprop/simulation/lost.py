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
from varprop.simulation.blocks import SideSampler
from varprop.simulation.layout import Design, Drawn, Law, Source
from varprop.simulation.sampling import Program
from varprop.simulation.schedule import number
from varprop.simulation.streams import Streams

__all__ = ["MOST_LOST", "ROUNDED", "Rounding", "lost", "rounding"]

Array = NDArray[np.float64]

SAMPLES, FEWEST, MOST = 32, 4, 2**22
"""Samples that tell a spread, the fewest of them, and the numbers that may stand behind all."""
MOST_LOST = 0.5
"""What rounding may move a number by, over the width of its limits."""
ROUNDED = "rounding of the samples may be all that is seen"


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


@dataclass(frozen=True, slots=True)
class Rounding:
    """A few samples of every expression, and how far rounding moves them.

    Args:
        sizes: the largest samples.
        spreads: their standard deviations.
        off: how far a sample moved.
    """

    sizes: tuple[float, ...]
    spreads: tuple[float, ...]
    off: tuple[float, ...]

    def size(self) -> tuple[float, float]:
        """The size of a mean, and the same with what rounding may add."""
        return self.sizes[0], self.sizes[0] + self.off[0]

    def spread(self, order: int) -> tuple[float, float]:
        """The size of a moment about the mean, and the same with what rounding may add."""
        times = order if len(self.spreads) == 1 else 1
        exact = more = 1.0
        for spread, away in zip(self.spreads * times, self.off * times, strict=True):
            exact, more = exact * spread, more * (spread + away)
        return exact, more


def rounding(expressions: Sequence[Expression], laws: Mapping[Variable, Law], streams: Streams) -> Rounding:
    """How far rounding moves samples: drawn twice, the second time with every last digit moved.

    Args:
        expressions: what is sampled.
        laws: samplers that stand in for distributions.
        streams: where both are drawn from.

    Source:
        D. S. Parker, "Monte Carlo arithmetic: exploiting randomness in floating-point arithmetic", 1997.
    """
    program = Program(expressions, laws)
    other = Moved(expressions, laws, streams.generator(len(program.sources), chunk=0))
    each = program.work(Design(1))
    design = Design(max(FEWEST, min(SAMPLES, MOST // max(each.entries, each.draws))))
    drawn, moved = (each.run(streams, chunk=0, blocks=1, design=design) for each in (program, other))
    return Rounding(
        tuple(float(np.abs(values).max()) for values in drawn),
        tuple(float(values.std()) for values in drawn),
        tuple(float(np.abs(a - b).max()) for a, b in zip(drawn, moved, strict=True)),
    )


def lost(side: SideSampler, laws: Mapping[Variable, Law], streams: Streams) -> float:
    """How far rounding may move the block results of a side.

    With s the size of an estimand's samples and d what rounding moves them by, its estimate of degree k
    moves by (s + d)^k - s^k, where s is the standard deviation of the samples for all but means.

    Args:
        side: a side of a claim.
        laws: samplers that stand in for distributions.
        streams: streams that no estimate of the claim uses.
    """
    total, key = 0.0, 0
    for term in side.terms:
        exact = moved = abs(term.coefficient)
        for estimand in term.estimands:
            found = rounding(estimand.expressions, laws, streams.at(key))
            order = 2 if estimand.kind in ("variance", "covariance") else estimand.order
            size, more = found.size() if estimand.is_mean else found.spread(order)
            exact, moved, key = exact * size, moved * more, key + 1
        total += moved - exact
    return total
