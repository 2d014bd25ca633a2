"""Estimates of a planned size: a method chosen from structure and a pilot, a standard error, an interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from varprop.errors import SamplingError
from varprop.model.expressions import Expression
from varprop.model.variables import Variable
from varprop.simulation.costs import within_reach
from varprop.simulation.crossing import CARRIED, FEW, enough, in_range, layout_of, two_way
from varprop.simulation.engine import Engine, Run, Sampler
from varprop.simulation.functionals import Functional, Scaling, not_finite
from varprop.simulation.layout import CROSS_FROM, Design, Law
from varprop.simulation.methods import CHUNK_ENTRIES, FEATURE_COST, MOST_RESULTS, Blocks, Quasi
from varprop.simulation.numbers import Method, Numbers
from varprop.simulation.premises import Asymptotic
from varprop.simulation.quasi import DIMENSIONS
from varprop.simulation.rare import ENOUGH, EQUAL, HARDLY, single_valued
from varprop.simulation.sampling import Program
from varprop.simulation.schedule import first_group
from varprop.simulation.signs import averaged, sign_times_magnitude
from varprop.simulation.streams import Streams
from varprop.simulation.twoway import Crossed, Signed, is_one_sum

__all__ = ["Problem"]

Array = NDArray[np.float64]

PILOT, MAIN, FIRST = 0, 1, 2
LEAST_SAMPLES, PILOT_ROWS = 4096, 1024
PILOT_COST, CENTER_COST = 3e8, 1e6  # nanoseconds; crossed blocks need no more than a center and a size
REPLICATES, PILOT_REPLICATES = 64, 16
PILOT_SHAPE, SIGNED_SHAPE = (80, 80), (320, 48)
FIRST_SIDE, FIRST_ERROR = 224, 0.0075
"""Rows and columns of a first block that may be enough for a relative error of so much, or more."""
MOST_BLOCKS = 2**13
RESULT_ENTRIES = 8
"""Array entries alive per result while pseudo-values are made of all."""
MOST_BITS = 17
SIGNS = 16
SMALLEST = 8
"""The fewest rows and columns from which a spread is estimated."""
TAIL = 0.025


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
    pilot_cost: float = field(default=PILOT_COST, init=False)

    def __post_init__(self) -> None:
        self.program = Program(self.expressions, self.laws)
        self.rows = first_group(*self.expressions)

    @cached_property
    def pilot(self) -> list[Array]:
        """A few plain samples of every expression."""
        return self.program.run(self.streams.at(PILOT), chunk=0, blocks=1, design=self.pilot_design)

    @cached_property
    def pilot_design(self) -> Design:
        """How many there are."""
        one = self.program.work(Design(1))
        most = min(PILOT_ROWS, int(self.pilot_cost / max(1.0, one.cost)), 2 * CHUNK_ENTRIES // one.entries)
        return Design(max(16, most))

    @cached_property
    def scaling(self) -> Scaling:
        """Center and size of the samples."""
        return Scaling.of(self.functional.seen(self.pilot))

    # ---- the choice

    def choose(self) -> tuple[Method, str]:
        """A method, and why, from the structure of the expression alone."""
        draws = self.program.draws()
        if Quasi.suits(self.program) and not self.functional.logarithm:
            return "quasi-random", f"quasi-random points: only {draws} random numbers behind a sample"
        crossed = self._crossable()
        if not crossed:
            by_rows = self.program.draws(self.rows)
            return "crossed", (
                f"crossed blocks: {by_rows} random numbers behind a row and {draws - by_rows} behind a "
                "column are each used many times"
            )
        return "plain", f"plain samples: {crossed}, and quasi-random points need at most {DIMENSIONS} numbers"

    def _crossable(self) -> str:
        """Why crossed blocks do not fit; empty if they do."""
        if self.functional.statistic not in ("mean", "variance", "covariance"):
            return f"crossed blocks do not give a {self.functional.statistic}"
        if not self.rows:
            return "the variables do not split into rows and columns"
        by_rows = self.program.draws(self.rows)
        if min(by_rows, self.program.draws() - by_rows) < CROSS_FROM:
            return "the sums are too short for crossed blocks"
        return ""

    def refuse(self, method: Method) -> None:
        """Refuse a method that does not fit.

        Raises:
            SamplingError: it does not.
        """
        why = ""
        if method in ("crossed", "shared signs"):
            why = self._crossable() if self.functional.degree > 2 or not self.rows else ""
        if method == "shared signs":
            for variable in self.rows:
                if not why and (variable in self.laws or not sign_times_magnitude(variable)):
                    why = (
                        f"{variable.name} ~ {variable.distribution} is not drawn as a sign times a magnitude"
                    )
        if method == "sign average" and (self.functional.statistic != "variance" or self._averaged() is None):
            why = "it needs the variance of a sum of weights, drawn as signs times magnitudes, times the rest"
        if method == "quasi-random" and not Quasi.suits(self.program):
            why = (
                f"they need at most {DIMENSIONS} random numbers behind a sample, "
                "all with a known inverse distribution function"
            )
        if why:
            raise SamplingError(f"method={method!r}", why, 'Choose "plain", or leave it out.')

    def _averaged(self) -> Expression | None:
        return None if self.laws else averaged(self.expressions[0])

    # ---- the three ways

    def solve(
        self, method: Method, reason: str, engine: Engine, error: float | None, nanoseconds: float
    ) -> Numbers:
        """Estimate by a method.

        Args:
            method: which.
            reason: why, to be reported.
            engine: who computes.
            error: standard error over the size of the estimate to aim at; None to use up the budget.
            nanoseconds: what the chunks may cost, by the cost formula.
        """
        if method == "sign average":
            square = self._averaged()
            assert square is not None
            inner = Problem(Functional("mean"), (square,), self.streams)
            way = inner.choose()[0]
            return replace(inner.solve(way, reason, engine, error, nanoseconds), method=method)
        with np.errstate(all="ignore"):
            try:
                if method in ("crossed", "shared signs"):
                    self.pilot_cost = CENTER_COST
                    found = self._crossed(method, reason, engine, error, nanoseconds)
                else:
                    way_of = self._quasi if method == "quasi-random" else self._plain
                    found = way_of(reason, engine, error, nanoseconds)
            except KeyboardInterrupt:  # in the pilot; a run keeps what it has
                return self._found(method, reason, np.empty((0, 1)), 0, 0, "", True)
        before = self.program.work(self.pilot_design).entries if "pilot" in vars(self) else 0
        return replace(found, entries=max(found.entries, before))

    def _plain(self, reason: str, engine: Engine, error: float | None, nanoseconds: float) -> Numbers:
        each = self.program.work(Design(1))
        within_reach(SMALLEST * each.cost, nanoseconds)
        singles = self.functional.features([values.reshape(-1, 1) for values in self.pilot], self.scaling)
        relative = self._relative(singles, len(singles))
        affordable = nanoseconds / (each.cost + FEATURE_COST * self.functional.degree)
        wanted = affordable if error is None else min(affordable, (relative / error) ** 2)
        if not math.isfinite(wanted):
            wanted = affordable
        samples = max(min(LEAST_SAMPLES, max(64.0, affordable)), wanted)
        rows = 8
        while samples / rows > MOST_BLOCKS and self.program.work(Design(2 * rows)).entries <= CHUNK_ENTRIES:
            rows *= 2
        blocks = Blocks(self.program, self.functional, self.scaling, Design(rows), 1)
        return self._streamed("plain", reason, engine, blocks, samples)

    def _streamed(
        self, method: Method, reason: str, engine: Engine, blocks: Blocks, samples: float
    ) -> Numbers:
        """So many samples, or a few more, in independent blocks."""
        sampler = blocks.chunked(samples)
        size = sampler.design.samples * sampler.pieces
        chunks = max(1, math.ceil(samples / sampler.chunk_samples))
        parts, interrupted = self._run(engine, sampler, chunks)
        features = np.concatenate(parts) if parts else np.empty((0, 1))
        count = len(features)
        chances = count * sampler.pieces * sampler.program.rarest(sampler.design)
        doubt = self._doubt(features, chances, count * size)
        entries = max(sampler.entries, RESULT_ENTRIES * features.size)
        return self._found(method, reason, features, count * size, entries, doubt, interrupted)

    def _quasi(self, reason: str, engine: Engine, error: float | None, nanoseconds: float) -> Numbers:
        bits = 7
        parts = self._sets(bits, PILOT_REPLICATES).results(self.streams.at(PILOT, 1), chunk=0)
        relative = self._relative(parts, len(parts) * 2**bits) / math.sqrt(REPLICATES)
        if error is not None and relative > error:
            bits += math.ceil(math.log2(min(1e9, relative / error)) / 0.75)
            bits = min(MOST_BITS, bits)
        if error is None:
            bits = MOST_BITS
        sampler = self._sets(bits, REPLICATES)
        while bits > 4 and REPLICATES // sampler.sets * sampler.chunk_cost > nanoseconds:
            bits -= 1
            sampler = self._sets(bits, REPLICATES)
        found, interrupted = self._run(engine, sampler, REPLICATES // sampler.sets)
        features = np.concatenate(found) if found else np.empty((0, 1))
        doubt = self._doubt(
            features, len(features) * self.program.rarest(Design(2**bits)), len(features) * 2**bits
        )
        return self._found(
            "quasi-random", reason, features, len(features) * 2**bits, sampler.entries, doubt, interrupted
        )

    def _sets(self, bits: int, replicates: int) -> Quasi:
        return Quasi.of(self.program, self.functional, self.scaling, bits, replicates)

    def _found(
        self,
        method: Method,
        reason: str,
        features: Array,
        samples: int,
        entries: int,
        doubt: str,
        interrupted: bool,
    ) -> Numbers:
        if not len(features):
            return Numbers.nothing(method, reason, entries, interrupted)
        pseudo = self.functional.pseudo_values(features, self.scaling)
        if not np.isfinite(pseudo).all():
            raise not_finite()
        size = float(np.abs(pseudo).max()) or 1.0
        scaled = pseudo / size  # squares of values near the ends of float64 would leave it
        asymptotic = Asymptotic(share=FEW if method == "quasi-random" else 3.0, carried=CARRIED)
        rounding = self.functional.rounding(self.scaling) / size if features.any() else 0.0
        limits = asymptotic.limits(scaled, TAIL, rounding)
        error = size * float(scaled.std(ddof=1)) / math.sqrt(len(pseudo)) if len(pseudo) > 1 else math.inf
        alarm = limits.alarm or doubt
        interval = (-math.inf, math.inf) if alarm else (size * limits.low, size * limits.high)
        value = size * float(scaled.mean())
        return Numbers(value, error, interval, alarm, method, reason, samples, entries, interrupted)

    def _doubt(self, features: Array, chances: float, samples: int) -> str:
        if chances < ENOUGH:
            return HARDLY
        return EQUAL if self._unseen(features, samples) else ""

    def _unseen(self, features: Array, samples: int) -> bool:
        """Whether so many samples show no spread, and other values may have stayed away."""
        equal = len(features) > 0 and float(np.ptp(features, axis=0).max()) == 0
        rare = samples * self.program.rarest_outcome < ENOUGH
        return equal and rare and not single_valued(self.expressions, self.laws)

    def _relative(self, features: Array, samples: int) -> float:
        """The spread of results over the size of their mean, at any size; infinite where all are zero yet."""
        pseudo = self.functional.pseudo_values(features, self.scaling)
        size = float(np.abs(pseudo).max())
        if not math.isfinite(size):
            raise not_finite()
        if size == 0:
            return math.inf if self._unseen(features, samples) else 0.0
        scaled = pseudo / size
        mean = abs(float(scaled.mean()))
        return float(scaled.std(ddof=1)) / mean if mean > 0 else math.inf

    def _crossed(
        self,
        method: Method,
        reason: str,
        engine: Engine,
        error: float | None,
        nanoseconds: float,
        units: tuple[float, ...] = (),
    ) -> Numbers:
        laws, cluster = dict(self.laws), 1
        if method == "shared signs":
            cluster = SIGNS
            laws |= {variable: Signed(variable.distribution, cluster) for variable in self.rows}
        program = self.program.with_laws(laws, self.rows)
        single = self.functional.above is None and all(map(is_one_sum, self.expressions))
        shape = PILOT_SHAPE if cluster == 1 else SIGNED_SHAPE
        base = Crossed(program, self.functional, *shape, cluster, units=units, single=single)
        least = max(2 * cluster, SMALLEST)
        within_reach(base.shaped(least, SMALLEST).chunk_cost, nanoseconds)
        first = base.shaped(FIRST_SIDE, FIRST_SIDE)
        if error and error >= FIRST_ERROR and cluster == 1 and first.chunk_cost <= nanoseconds / 4:
            parts, interrupted = self._run(engine, first, 1, key=FIRST + len(units))
            if not parts:
                return self._of_crossed(method, reason, first, parts, interrupted)
            pilot, seen = first, parts[0][0]
        else:
            share = math.sqrt(min(1.0, nanoseconds / 8 / max(1.0, base.chunk_cost)))
            side = max(least, int(shape[0] * share) // cluster * cluster)
            pilot = base.shaped(side, max(SMALLEST, int(shape[1] * share)))
            if pilot.chunk_cost > nanoseconds / 2:
                pilot, seen = base.shaped(least, SMALLEST), None
            else:
                seen = pilot.results(self.streams.at(PILOT, 2), chunk=0)[0]
        rows, columns, blocks = pilot.rows, pilot.columns, 1
        if seen is not None and not units and not in_range(seen):
            powers = tuple(2.0 ** round(math.log2(size)) for size in self.scaling.sizes)
            return self._crossed(method, reason, engine, error, nanoseconds, powers)
        if seen is not None:
            if not np.isfinite(seen).all():
                raise not_finite()
            done = seen[0] != 0 or single_valued(self.expressions, self.laws)  # a rare event may come
            if pilot is first and done and error and enough(seen, error):
                return self._of_crossed(method, reason, first, parts, interrupted)
            small = Blocks(program, self.functional, self.scaling, replace(base.design, rows=8, columns=8), 1)
            plan = layout_of(base, small, (rows, columns), seen, error, nanoseconds)
            if plan.small is not None:
                numbers = self._streamed(method, reason, engine, plan.small, plan.samples)
                return replace(numbers, entries=max(numbers.entries, pilot.entries))
            rows, columns, blocks = plan.rows, plan.columns, plan.blocks
        sampler = base.shaped(rows, columns)
        while blocks / sampler.pieces > MOST_RESULTS:
            sampler = replace(sampler, pieces=2 * sampler.pieces)
        chunks = math.ceil(blocks / sampler.pieces)
        most = max(1, int(nanoseconds / sampler.chunk_cost))

        def needed(parts: list[Array]) -> int:
            mean = np.concatenate(parts).mean(axis=0)
            if not error or enough(mean, error, len(parts) * sampler.pieces):
                return 0
            estimate, variance = (float(value) for value in mean[:2])
            return min(most, math.ceil(variance / (error * estimate) ** 2 / sampler.pieces))

        key = MAIN if not units else FIRST + len(units) + len(self.expressions)
        found, interrupted = self._run(engine, sampler, chunks, needed, key)
        numbers = self._of_crossed(method, reason, sampler, found, interrupted)
        return replace(numbers, entries=max(numbers.entries, pilot.entries))

    def _of_crossed(
        self, method: Method, reason: str, sampler: Crossed, found: list[Array], interrupted: bool
    ) -> Numbers:
        rows, columns = sampler.rows, sampler.columns
        blocks = len(found) * sampler.pieces
        samples = rows * columns * blocks
        if not found:
            return self._found(method, reason, np.empty((0, 1)), 0, sampler.entries, "", interrupted)
        table = np.concatenate(found)
        if not np.isfinite(table).all():
            raise not_finite()
        chances = blocks * sampler.program.rarest(sampler.design)
        doubt = HARDLY if chances < ENOUGH else ""
        if float(table[:, 1].sum()) == 0 and not single_valued(self.expressions, self.laws):
            doubt = doubt or EQUAL
        value = float(table[:, 0].mean())
        limits, sd = two_way(table, blocks, rows // sampler.cluster, columns, TAIL)
        alarm = limits.alarm or doubt
        unit = sampler.unit
        interval = (-math.inf, math.inf) if alarm else (unit * limits.low, unit * limits.high)
        if not math.isfinite(unit * limits.high - unit * limits.low):
            raise not_finite()
        return Numbers(
            unit * value, unit * sd, interval, alarm, method, reason, samples, sampler.entries, interrupted
        )

    def _run(
        self,
        engine: Engine,
        sampler: Sampler,
        chunks: int,
        needed: Callable[[list[Array]], int] = lambda found: 0,
        key: int = MAIN,
    ) -> tuple[list[Array], bool]:
        """The planned chunks, and once more as many as these say are needed."""
        with Run(engine, [sampler], [self.streams.at(key)], planned=chunks) as run:
            try:
                found = run.prefix([chunks])[0]
                if (more := needed(found)) > chunks:
                    run.planned = more
                    found = run.prefix([more])[0]
                return found, False
            except KeyboardInterrupt:
                return run.complete()[0], True
