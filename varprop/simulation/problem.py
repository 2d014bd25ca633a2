"""What an estimate is about, and what every way to make one shares: a pilot, runs of chunks, an interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from varprop.model.expressions import Expression
from varprop.model.variables import Variable
from varprop.simulation.crossing import CARRIED, FEW
from varprop.simulation.engine import Engine, Run, Sampler
from varprop.simulation.functionals import Functional, Scaling, not_finite
from varprop.simulation.layout import Design, Law
from varprop.simulation.lost import MOST_LOST, ROUNDED, Rounding, rounding
from varprop.simulation.methods import CHUNK_ENTRIES, Blocks
from varprop.simulation.numbers import Method, Numbers
from varprop.simulation.premises import Asymptotic
from varprop.simulation.rare import ENOUGH, EQUAL, HARDLY, single_valued
from varprop.simulation.sampling import Program
from varprop.simulation.schedule import first_group
from varprop.simulation.streams import Streams
from varprop.simulation.units import over_largest

__all__ = ["FIRST", "MAIN", "PILOT", "SMALLEST", "TAIL", "Pilot", "Problem", "Request"]

Array = NDArray[np.float64]

PILOT, MAIN, FIRST = 0, 1, 2
PILOT_ROWS = 1024
PILOT_COST = 3e8
RESULT_ENTRIES = 8
"""Array entries alive per result while pseudo-values are made of all."""
SMALLEST = 8
"""The fewest rows and columns from which a spread is estimated."""
TAIL = 0.025


@lru_cache(maxsize=8)
def _compiled(expressions: tuple[Expression, ...]) -> tuple[Program, frozenset[Variable]]:
    """The program of expressions and its row variables, kept: it is the same with every seed and budget."""
    rows = first_group(*expressions)
    return Program(expressions, first_group=rows), rows


@lru_cache(maxsize=8)
def _rounding(expressions: tuple[Expression, ...]) -> Rounding:
    return rounding(expressions, {}, Streams(0))


@dataclass(frozen=True)
class Request:
    """How a number is to be estimated.

    Args:
        method: which way.
        reason: why, to be reported.
        engine: who computes.
        error: standard error over the size of the estimate to aim at; None to use up the budget.
        nanoseconds: what the chunks may cost, by the cost formula.
    """

    method: Method
    reason: str
    engine: Engine
    error: float | None
    nanoseconds: float


@dataclass(frozen=True)
class Pilot:
    """A few plain samples.

    Args:
        samples: of every expression, (1, samples).
        scaling: their center and size.
        entries: array entries alive while they are drawn.
    """

    samples: list[Array]
    scaling: Scaling
    entries: int


@dataclass
class Problem:
    """A number to be estimated: a functional of the joint law of expressions.

    Args:
        functional: what is estimated.
        expressions: one, or the two of a covariance; every size and symbol in them is a number.
        streams: where to draw from.
        laws: samplers that stand in for distributions.

    Raises:
        SamplingError: the expression cannot be sampled.
    """

    functional: Functional
    expressions: tuple[Expression, ...]
    streams: Streams
    laws: Mapping[Variable, Law] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.laws:
            self.rows = first_group(*self.expressions)
            self.program = Program(self.expressions, self.laws, self.rows)
        else:
            self.program, self.rows = _compiled(self.expressions)

    def pilot(self, nanoseconds: float = PILOT_COST) -> Pilot:
        """As many samples as may cost so much, from streams of their own."""
        one = self.program.work(Design(1))
        most = min(PILOT_ROWS, int(nanoseconds / max(1.0, one.cost)), 2 * CHUNK_ENTRIES // one.entries)
        design = Design(max(16, most))
        samples = self.program.run(self.streams.at(PILOT), chunk=0, blocks=1, design=design)
        scaling = Scaling.of(self.functional.seen(samples))
        return Pilot(samples, scaling, self.program.work(design).entries)

    def run(
        self,
        engine: Engine,
        sampler: Sampler,
        chunks: int,
        needed: Callable[[list[Array]], int] = lambda found: 0,
        key: int = MAIN,
    ) -> tuple[list[Array], bool]:
        """The planned chunks, and once more as many as these say are needed; whether it was interrupted."""
        with Run(engine, [sampler], [self.streams.at(key)], planned=chunks) as run:
            try:
                found = run.prefix([chunks])[0]
                if (more := needed(found)) > chunks:
                    run.planned = more
                    found = run.prefix([more])[0]
                return found, False
            except KeyboardInterrupt:
                return run.complete()[0], True

    def streamed(self, request: Request, blocks: Blocks, samples: float) -> Numbers:
        """So many samples, or a few more, in independent blocks."""
        sampler = blocks.chunked(samples)
        size = sampler.design.samples * sampler.pieces
        chunks = max(1, math.ceil(samples / sampler.chunk_samples))
        parts, interrupted = self.run(request.engine, sampler, chunks)
        features = np.concatenate(parts) if parts else np.empty((0, 1))
        count = len(features)
        chances = count * sampler.pieces * sampler.program.rarest(sampler.design)
        doubt = self.doubt(features, chances, count * size)
        entries = max(sampler.entries, RESULT_ENTRIES * features.size)
        return self.found(request, blocks.scaling, features, count * size, entries, doubt, interrupted)

    def found(
        self,
        request: Request,
        scaling: Scaling,
        features: Array,
        samples: int,
        entries: int,
        doubt: str,
        interrupted: bool,
    ) -> Numbers:
        """An estimate and its interval from the features of independent blocks or replicates."""
        method, reason = request.method, request.reason
        if not len(features):
            return Numbers.nothing(method, reason, entries, interrupted)
        pseudo = self.functional.pseudo_values(features, scaling)
        if not np.isfinite(pseudo).all():
            raise not_finite()
        scaled, size = over_largest(pseudo)
        asymptotic = Asymptotic(share=FEW if method == "quasi-random" else 3.0, carried=CARRIED)
        rounding = self.functional.rounding(scaling) / size if features.any() else 0.0
        limits = asymptotic.limits(scaled, TAIL, rounding)
        error = size * float(scaled.std(ddof=1)) / math.sqrt(len(pseudo)) if len(pseudo) > 1 else math.inf
        alarm = limits.alarm or doubt
        interval = (-math.inf, math.inf) if alarm else (size * limits.low, size * limits.high)
        value = size * float(scaled.mean())
        return Numbers(value, error, interval, alarm, method, reason, samples, entries, interrupted)

    def unless_lost(self, numbers: Numbers) -> Numbers:
        """The numbers, without their interval where it may rest on the rounding of samples."""
        low, high = numbers.interval
        if numbers.alarm or (low == high and self.is_constant):
            return numbers
        found = (
            rounding(self.expressions, self.laws, Streams(0)) if self.laws else _rounding(self.expressions)
        )
        if not self.functional.lost(found, numbers.value) > MOST_LOST * (high - low):
            return numbers
        return replace(numbers, interval=(-math.inf, math.inf), alarm=ROUNDED)

    def doubt(self, features: Array, chances: float, samples: int) -> str:
        """Why so many samples may have missed something; empty if they have not."""
        if chances < ENOUGH:
            return HARDLY
        return EQUAL if self._unseen(features, samples) else ""

    def _unseen(self, features: Array, samples: int) -> bool:
        """Whether so many samples show no spread, and other values may have stayed away."""
        equal = len(features) > 0 and float(np.ptp(features, axis=0).max()) == 0
        rare = samples * self.program.rarest_outcome < ENOUGH
        return equal and rare and not self.is_constant

    @property
    def is_constant(self) -> bool:
        """Whether the expressions have but one possible value."""
        return single_valued(self.expressions, self.laws)

    def relative(self, scaling: Scaling, features: Array, samples: int) -> float:
        """The spread of results over the size of their mean, at any size; infinite where all are zero yet."""
        pseudo = self.functional.pseudo_values(features, scaling)
        if not np.isfinite(pseudo).all():
            raise not_finite()
        if not pseudo.any():
            return math.inf if self._unseen(features, samples) else 0.0
        scaled, _ = over_largest(pseudo)
        mean = abs(float(scaled.mean()))
        return float(scaled.std(ddof=1)) / mean if mean > 0 else math.inf
