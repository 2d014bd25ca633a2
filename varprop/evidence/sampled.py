"""Checks of objects that bring their own simulation: one run answers all of their claims at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from varprop.evidence.report import ClaimEvidence
from varprop.evidence.trend import shrinking
from varprop.simulation.sequential import FIRST_LOOK, Band, Look, Plan, Resolution, Verdict, decide
from varprop.simulation.streams import Streams

__all__ = ["NumericClaim", "Simulated", "Simulation", "tried_at_once"]

MOST_BLOCKS = 2**16
MOST_SHARES = 16
"""A run that answers several claims may take the budget of that many."""


@dataclass(frozen=True)
class NumericClaim:
    """A number that a simulation can estimate.

    Args:
        text: what is claimed, in words.
        value: the number.
        column: where the block results hold its estimate.
        scale: where they hold the mean square that measures the error of a claim equal to zero.
        in_limit: whether it holds in the limit of larger sizes only.
    """

    text: str
    value: float
    column: int
    scale: int
    in_limit: bool = False


class Simulation(Protocol):
    """Draws block results: one row per block, one column per quantity."""

    @property
    def relied(self) -> tuple[str, ...]:
        """What it relies on, in words."""
        ...

    @property
    def cost(self) -> float:
        """Nanoseconds per block, by a fixed formula."""
        ...

    @property
    def samples(self) -> int:
        """Samples in one block."""
        ...

    def results(self, streams: Streams, chunk: int) -> NDArray[np.float64]:
        """The block results of one chunk; every chunk holds as many."""
        ...


class Simulated(Protocol):
    """An object that states numbers and can be simulated by brute force."""

    def numeric_claims(self) -> Sequence[NumericClaim]:
        """The numbers it states."""
        ...

    @property
    def other_size(self) -> Literal["larger", "smaller"]:
        """The size at which what holds in a limit is tried too."""
        ...

    @property
    def growth(self) -> int:
        """How many times larger the one size is than the other."""
        ...

    def simulation(self, size: Literal["own", "larger", "smaller"], nanoseconds: float) -> Simulation:
        """A simulation of it, or of the same at other sizes, whose first look costs about so much."""
        ...


@dataclass
class _Run:
    """Block results as they grow, and the looks at them."""

    simulation: Simulation
    streams: Streams
    plan: Plan
    chunks: list[NDArray[np.float64]]
    looks: list[Look | None]

    def prefix(self, count: int) -> NDArray[np.float64]:
        while sum(map(len, self.chunks)) < count:
            self.chunks.append(self.simulation.results(self.streams, len(self.chunks)))
        self.chunks = [np.concatenate(self.chunks)] if len(self.chunks) > 64 else self.chunks
        return np.concatenate(self.chunks)[:count]


def tried_at_once(
    claims: Sequence[NumericClaim],
    thing: Simulated,
    alpha: float,
    power: float,
    resolution: float,
    budget: float,
    streams: Streams,
    watch: Callable[[str, Look], None] | None = None,
) -> list[ClaimEvidence]:
    """Put all numbers that an object states to the test of one simulation, two sizes where one is a limit.

    An exact number is judged like any claim; one that holds in a limit by its relative errors at both sizes,
    which have to be `shrinking`.

    Args:
        claims: the numbers.
        thing: what states them.
        alpha: bound on P(disagrees | all true), over all claims and looks.
        power: as for `check`.
        resolution: factor above 1.
        budget: seconds per claim; all claims of a run share those of at most 16.
        streams: where to draw from.
        watch: called with the text of a claim and each of its looks.
    """
    limits = any(claim.in_limit for claim in claims)
    total = 1e9 * budget * min(len(claims), MOST_SHARES)
    runs = []
    sizes: tuple[Literal["own", "larger", "smaller"], ...] = ("own", thing.other_size) if limits else ("own",)
    shares = _shares(total, [thing.simulation(size, 0.0).cost for size in sizes])
    for key, (size, share) in enumerate(zip(sizes, shares, strict=True)):
        simulation = thing.simulation(size, share / MOST_SHARES)
        blocks = round(min(MOST_BLOCKS, share / simulation.cost))
        level = alpha / len(claims) / (2 if limits else 1)
        plan = Plan.doubling(blocks, alpha=level, power=power, factor=resolution)
        runs.append(_Run(simulation, streams.at(key), plan, [], [None] * len(claims)))
    verdicts: list[Verdict] = ["inconclusive"] * len(claims)
    interrupted = False
    try:
        for number in range(max(len(run.plan.looks) for run in runs)):
            _look(runs, number, claims, verdicts, watch)
            for place, claim in enumerate(claims):
                looks = [run.looks[place] for run in runs]
                ordered = looks[::-1] if sizes[-1] == "smaller" else looks
                verdicts[place] = (
                    _trend(ordered, thing.growth, resolution) if claim.in_limit else _exact(looks[0])
                )
            if "inconclusive" not in verdicts:
                break
    except KeyboardInterrupt:
        interrupted = True
    return [
        _reported(claim, verdict, runs, place, resolution, power, interrupted)
        for place, (claim, verdict) in enumerate(zip(claims, verdicts, strict=True))
    ]


def _shares(total: float, costs: Sequence[float]) -> list[float]:
    """Return equal shares of a budget, but no less than one look for the dearer run where both can have one.

    Example:
        >>> _shares(1000.0, [1.0, 1.0])
        [500.0, 500.0]
        >>> _shares(1100.0, [1.0, 3.0])
        [332.0, 768.0]
    """
    equal, look = total / len(costs), FIRST_LOOK * max(costs)
    if not equal < look <= total - FIRST_LOOK * min(costs):
        return [equal] * len(costs)
    return [look if cost == max(costs) else total - look for cost in costs]


def _look(
    runs: Sequence[_Run],
    number: int,
    claims: Sequence[NumericClaim],
    verdicts: Sequence[Verdict],
    watch: Callable[[str, Look], None] | None,
) -> None:
    """Look once more at the claims that are not yet decided."""
    for key, run in enumerate(runs):
        waiting = [
            place
            for place, claim in enumerate(claims)
            if verdicts[place] == "inconclusive" and (claim.in_limit or key == 0)
        ]
        if number >= len(run.plan.looks) or not waiting:
            continue
        values = run.prefix(run.plan.looks[number])
        for place in waiting:
            look = _judged(claims[place], values, run.plan)
            run.looks[place] = look
            if watch is not None:
                watch(claims[place].text, look)


def _judged(claim: NumericClaim, values: NDArray[np.float64], plan: Plan) -> Look:
    """One look at one number, all block results divided by a scale, so that no square leaves the floats."""
    column = values[:, claim.column]
    if claim.value != 0:
        return decide(column / claim.value, 1.0, plan)
    natural = math.sqrt(float(values[:, claim.scale].mean()))
    if natural == 0:
        return decide(column, 0.0, plan, band=Band(0.0))
    return decide(column / natural, 0.0, plan, band=Band(plan.factor - 1))


def _exact(look: Look | None) -> Verdict:
    return look.verdict if look is not None else "inconclusive"


def _trend(looks: Sequence[Look | None], growth: float, resolution: float) -> Verdict:
    """The verdict on what holds in a limit, from looks at the smaller and at the larger size."""
    small, large = looks[0], looks[-1]
    if small is None or large is None or small.alarm or large.alarm:
        return "inconclusive"
    return shrinking(_errors(small), _errors(large), growth, resolution)


def _errors(look: Look) -> tuple[float, float]:
    """Limits of the relative error."""
    nearest = 0.0 if look.low <= 0 <= look.high else min(abs(look.low), abs(look.high))
    return nearest, max(abs(look.low), abs(look.high))


def _reported(
    claim: NumericClaim,
    verdict: Verdict,
    runs: Sequence[_Run],
    place: int,
    resolution: float,
    power: float,
    interrupted: bool,
) -> ClaimEvidence:
    run = runs[0]
    look = run.looks[place]
    unit = claim.value
    blocks = sum(map(len, run.chunks))
    if unit == 0 and blocks:
        natural = float(np.concatenate(run.chunks)[:, claim.scale].mean())
        unit = math.sqrt(natural) if natural > 0 else 1.0
    note = ""
    if claim.in_limit and all(one.looks[place] is not None for one in runs):
        errors = [_errors(one.looks[place]) for one in runs]  # type: ignore[arg-type]
        note = "limit: relative error " + ", at the other size ".join(
            f"{low:.2g} to {high:.2g}" for low, high in errors
        )
    size = abs(unit)
    return ClaimEvidence(
        claim=claim.text,
        verdict=verdict,
        estimate=look.left * unit if look else math.nan,
        claimed=claim.value,
        numeric=True,
        low=look.low * size if look else -math.inf,
        high=look.high * size if look else math.inf,
        standard_error=look.standard_error * size if look else math.inf,
        factor=look.factor if look else math.inf,
        look=run.plan.looks.index(look.blocks) + 1 if look else 0,
        looks=len(run.plan.looks),
        blocks=blocks,
        samples=blocks * run.simulation.samples,
        alarm=look.alarm if look else "",
        resolution=Resolution(resolution, power, "the claim" if claim.value else "the natural scale"),
        relied=run.simulation.relied,
        interrupted=interrupted,
        note=note,
    )
