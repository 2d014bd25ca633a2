"""One claim put to the test: a plan from a budget, chunks in order, looks at complete prefixes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from varprop.errors import SamplingError
from varprop.model.variables import Variable
from varprop.simulation.blocks import Side, SideSampler
from varprop.simulation.costs import within_reach
from varprop.simulation.engine import Engine, Run
from varprop.simulation.layout import Law
from varprop.simulation.lost import MOST_LOST, ROUNDED, lost
from varprop.simulation.pilot import natural_scale, shared_out
from varprop.simulation.premises import Asymptotic, Premise
from varprop.simulation.sequential import (
    FIRST_LOOK,
    ROUNDING,
    Band,
    Look,
    Plan,
    Resolution,
    Verdict,
    decide,
    overflow,
)
from varprop.simulation.streams import Streams
from varprop.simulation.units import spread

__all__ = ["Outcome", "Trial"]

Array = NDArray[np.float64]

LEFT, RIGHT, PILOT, SCALE, LOST = range(5)
MOST_BLOCKS = 2**20
MOST_SECONDS = 1e9
PILOT_BLOCKS = 32


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial found.

    Args:
        look: the look that decided, or the last complete one; None if the budget reached none.
        plan: the looks and levels that were fixed before.
        resolution: what "agrees" excludes.
        left: estimate of the left side from all blocks, also those beyond the look.
        right: the same for the right side, or the claimed number.
        standard_error: of the difference of these two.
        blocks: block results computed.
        samples: samples of expressions drawn for them.
        interrupted: whether the run was stopped before its plan was complete.
        layout: how the blocks were laid out.
    """

    look: Look | None
    plan: Plan
    resolution: Resolution
    left: float
    right: float
    standard_error: float
    blocks: int
    samples: int
    interrupted: bool
    layout: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """ "agrees", "disagrees" or "inconclusive"."""
        return self.look.verdict if self.look else "inconclusive"


@dataclass(frozen=True)
class Trial:
    """The claim that two sums of products of estimands are equal.

    Args:
        left: one side.
        right: the other; a single term without estimands is a claimed number.
        laws: samplers that stand in for the distributions of some variables.
        alpha: bound on P(disagrees | claim true).
        power: 1 - bound on P(agrees | claim off by the factor or more).
        factor: resolution.
        budget: seconds, turned into a number of blocks by a fixed cost formula and never by a clock.
        premise: what the limits rest on.

    Raises:
        SamplingError: the budget is no positive number, or a block does not fit into memory.

    Example:
        >>> from varprop.model.variables import RandomVariable
        >>> from varprop.simulation.blocks import Estimand, Term
        >>> variance = Term(1.0, (Estimand("variance", (RandomVariable("x", "Uniform(0, 6)"),)),))
        >>> Trial((variance,), (Term(3.0),)).run(Streams(7)).verdict
        'agrees'
    """

    left: Side
    right: Side
    laws: Mapping[Variable, Law] = field(default_factory=dict)
    alpha: float = 1e-6
    power: float = 0.999
    factor: float = 1.02
    budget: float = 2.0
    premise: Premise = field(default_factory=Asymptotic)
    sides: tuple[SideSampler, SideSampler] = field(init=False)

    def __post_init__(self) -> None:
        known = isinstance(self.budget, int | float) and not isinstance(self.budget, bool)
        if not (known and 0 < self.budget <= MOST_SECONDS):
            raise SamplingError(
                f"budget={self.budget!r:.40}",
                "it is a number of seconds",
                "Choose a positive number, for example budget=2.",
            )
        parts = sum(len(term.estimands) for term in self.left + self.right)
        limit = max(1e4, self._nanoseconds / (4 * FIRST_LOOK * max(1, parts)))
        left, right = (SideSampler(side, self.laws, limit) for side in (self.left, self.right))
        object.__setattr__(self, "sides", (left, right))

    @property
    def _nanoseconds(self) -> float:
        return 1e9 * self.budget

    @property
    def cost(self) -> float:
        """Nanoseconds per block, before the pilot shares out the work."""
        return sum(side.cost for side in self.sides)

    @property
    def claimed(self) -> float | None:
        """The number on the right, if it is one."""
        return _number(self.right)

    def run(
        self,
        streams: Streams,
        on_look: Callable[[Look], None] | None = None,
        until: Callable[[Look], bool] = lambda look: look.verdict != "inconclusive",
        engine: Engine | None = None,
    ) -> Outcome:
        """Draw blocks until a look decides or the plan is exhausted.

        An interrupt (KeyboardInterrupt) or the deadline of the engine ends the run; the last complete look
        keeps its verdict, blocks beyond it enter the estimate only.

        Args:
            streams: where to draw from.
            on_look: called after every look.
            until: when to stop, if not after the first decision; limits hold at every look.
            engine: who computes the chunks; this process by default.

        Raises:
            SamplingError: a block result is not finite, or a block costs too much.
        """
        sides: Sequence[SideSampler] = self.sides
        try:
            pilots = self._pilots(streams)
            band = held = self._band(streams)
        except KeyboardInterrupt:
            empty = Plan((), self.alpha, self.power, self.factor)
            return self._outcome(sides, empty, None, Band(), {}, interrupted=True)
        if pilots:
            sides = shared_out(self.sides, pilots, self._nanoseconds / (2 * FIRST_LOOK))
        cost = sum(side.cost for side in sides)
        blocks = MOST_BLOCKS if cost <= 0 else int(min(MOST_BLOCKS, self._nanoseconds / cost))
        within_reach(cost, self._nanoseconds)
        plan = Plan.doubling(blocks, alpha=self.alpha, power=self.power, factor=self.factor)
        random = [key for key, side in enumerate(sides) if _number(side.terms) is None]
        look: Look | None = None
        interrupted = False
        drawn = [sides[key] for key in random]
        with Run(engine or Engine(), drawn, [streams.at(key) for key in random]) as run:
            counts = plan.looks or (max(2, blocks),)
            run.planned = sum(-(-counts[-1] // side.chunk_blocks) for side in drawn)
            try:
                for count, following in zip(counts, (*counts[1:], counts[-1]), strict=True):
                    results = self._prefix(run, dict(zip(random, drawn, strict=True)), count, following)
                    if not plan.looks:
                        break
                    doubt = "" if self.premise.proven else _doubt(sides, results)
                    held = band.at(*results)
                    look = decide(*results, plan, band=held, premise=self.premise, doubt=doubt)
                    if look.verdict != "inconclusive":
                        look = self._unless_lost(look, streams)
                    if on_look is not None:
                        on_look(look)
                    if until(look):
                        break
            except KeyboardInterrupt:
                interrupted = True
            found = dict(zip(random, run.complete(), strict=True))
        return self._outcome(sides, plan, look, held, found, interrupted)

    def _unless_lost(self, look: Look, streams: Streams) -> Look:
        """The look, without its verdict where rounding of the samples may have brought it about."""
        if look.low == look.high == 0:
            return look
        sides = [(side, streams.at(LOST, key)) for key, side in enumerate(self.sides)]
        moved = sum(lost(side, self.laws, stream) for side, stream in sides if side.all_parts)
        far = look.verdict == "disagrees" and max(look.low, -look.high) > moved
        if far or moved < MOST_LOST * (look.high - look.low):
            return look
        return replace(look, verdict="inconclusive", alarm=ROUNDED)

    def _prefix(
        self, run: Run, drawn: Mapping[int, SideSampler], count: int, following: int
    ) -> tuple[Array, Array | float]:
        """The first block results of both sides; those up to the following look may be drawn meanwhile."""
        chunks = run.prefix(
            [-(-count // side.chunk_blocks) for side in drawn.values()],
            [-(-following // side.chunk_blocks) for side in drawn.values()],
        )
        sides: dict[int, Array] = {
            key: np.concatenate(parts)[:count] for key, parts in zip(drawn, chunks, strict=True)
        }
        claimed = self.claimed
        left = sides[LEFT] if LEFT in sides else np.full(count, _number(self.left))
        return left, sides[RIGHT] if claimed is None else claimed

    def _pilots(self, streams: Streams) -> list[list[Array]]:
        """A few block results of every part, if there are several parts and they are cheap; else nothing."""
        several = sum(len(side.all_parts) for side in self.sides) > 1
        if not several or PILOT_BLOCKS * self.cost > self._nanoseconds / 4:
            return []
        found = [side.pilot(streams.at(PILOT, key), PILOT_BLOCKS) for key, side in enumerate(self.sides)]
        if not all(np.isfinite(part).all() for parts in found for part in parts):
            raise overflow()
        return found

    def _band(self, streams: Streams) -> Band:
        """How near is near enough.

        Where terms of a side may cancel, a fraction of the largest term of the line. Where a side is zero, or
        as long as no side of unknown sign can be told from zero, a fraction of the natural scale. Else a
        factor.
        """
        numbers = [_number(side.terms) for side in self.sides]
        if any(_cancels(side.terms) for side in self.sides):
            return Band((self.factor - 1) * max(self._scales(streams)))
        sure = any(number is not None for number in numbers) or any(_signed(s.terms) for s in self.sides)
        if sure and 0.0 not in numbers:
            return Band()
        scales = self._scales(streams)
        least = min((scale for scale in scales if scale > ROUNDING * max(scales)), default=0.0)
        return Band((self.factor - 1) * least, near_zero=not sure)

    def _scales(self, streams: Streams) -> list[float]:
        """The natural scales of the sides that are no numbers."""
        return [
            natural_scale(side.terms, self.laws, streams.at(SCALE, key))
            for key, side in enumerate(self.sides)
            if _number(side.terms) is None
        ]

    def _outcome(
        self,
        sides: Sequence[SideSampler],
        plan: Plan,
        look: Look | None,
        band: Band,
        results: Mapping[int, Sequence[Array]],
        interrupted: bool,
    ) -> Outcome:
        series = [np.concatenate(chunks) if (chunks := results.get(key)) else None for key in (LEFT, RIGHT)]
        count = min(
            (len(values) for values in series if values is not None), default=look.blocks if look else 0
        )
        if look and not interrupted:
            count = look.blocks  # what workers drew beyond the look that decided is dropped
        means, error = [], 0.0
        for side, values in zip(sides, series, strict=True):
            number = _number(side.terms)
            means.append(
                number if number is not None else math.nan if values is None else float(values[:count].mean())
            )
            if number is None:
                drawn = values[:count] if values is not None else np.empty(0)
                error = math.hypot(error, spread(drawn) / math.sqrt(count) if drawn.size > 1 else math.inf)
        relative_to = "the claim" if band.width is None else "the natural scale"
        layout = tuple(dict.fromkeys(text for side in sides for text in side.describe()))
        return Outcome(
            look,
            plan,
            Resolution(self.factor, self.power, relative_to),
            means[0],
            means[1],
            error,
            count,
            count * sum(side.samples for side in sides),
            interrupted,
            layout,
        )


def _doubt(sides: Sequence[SideSampler], results: Sequence[Array | float]) -> str:
    """Why the block results may have missed something, if they may."""
    sizes = [float(np.abs(values).mean()) for values in results]
    for side, values in zip(sides, results, strict=True):
        if isinstance(values, np.ndarray) and (found := side.doubt(values, ROUNDING * sum(sizes))):
            return found
    return ""


def _number(side: Side) -> float | None:
    """The value of a side that holds no estimand."""
    if any(term.estimands for term in side):
        return None
    return math.fsum(term.coefficient for term in side)


def _signed(side: Side) -> bool:
    """Whether every term has the same sign, whatever is sampled."""
    return all(term.positive for term in side) and len({term.coefficient > 0 for term in side}) == 1


def _cancels(side: Side) -> bool:
    """Whether terms of both signs are added, so that the side may be small against its terms."""
    return len({term.coefficient > 0 for term in side if term.coefficient}) > 1
