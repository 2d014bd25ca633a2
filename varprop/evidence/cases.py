"""The cases of a check: each claim under each choice of samplers, tried and reported."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import sympy as sp

from varprop.derivation.quantities import Equal, Quantity
from varprop.derivation.validation import validated
from varprop.errors import CheckError
from varprop.evidence.ranges import width
from varprop.evidence.report import ClaimEvidence
from varprop.evidence.translation import Question, question
from varprop.evidence.trend import GROWTH, trend
from varprop.model.distributions import Unknown
from varprop.model.variables import RandomVariable, Variable, variables
from varprop.model.walks import walk
from varprop.simulation.blocks import Side, Term
from varprop.simulation.engine import Engine
from varprop.simulation.panel import COUPLINGS, Coupled, Coupling, panel
from varprop.simulation.premises import Bounded
from varprop.simulation.sequential import Look, Resolution, Verdict
from varprop.simulation.streams import Streams
from varprop.simulation.trials import Outcome, Trial

__all__ = ["Case", "Laws", "Reach", "cases_of", "tried", "untested"]

Laws: TypeAlias = Mapping[Variable, Coupled]
Reach: TypeAlias = Literal["full", "short"]
Watch: TypeAlias = Callable[[Look], None] | None

SIGN_KEY = 1_000_000


@dataclass(frozen=True)
class Case:
    """One claim under one choice of samplers.

    Args:
        claim: the equation.
        ask: what simulation is asked.
        laws: samplers of the variables known by their moments only.
        larger: the same claim at larger sizes, for a claim that holds in a limit.
    """

    claim: Equal
    ask: Question
    laws: Laws
    larger: Question | None = None


def cases_of(
    claim: Equal,
    values: Mapping[sp.Symbol, sp.Expr],
    sizes: frozenset[sp.Symbol],
    couplings: Sequence[Coupling] | None,
    reach: Reach,
    in_limit: bool,
) -> Iterator[Case]:
    """The cases of one claim.

    Args:
        claim: the equation.
        values: a number for every symbol.
        sizes: the symbols that grow in a limit.
        couplings: couplings to try, or None for those the claim allows.
        reach: "full" tries every shape in every coupling, "short" every shape and every coupling once.
        in_limit: whether the claim holds in a limit only.

    Raises:
        CheckError: simulation cannot test the claim.
        ExpressionError: a quantity is ambiguous, such as that of an arbitrary column of a table.
        SamplingError: the declared moments of a variable admit no sampler.
    """
    for side in (claim.left, claim.right):
        if side.has(Quantity):
            validated(side)
    ask = question(claim, values)
    larger = None
    if in_limit:
        if not sizes:
            raise CheckError(
                f"check of {claim}",
                "it holds in a limit, and no size in it is a symbol that could grow",
                "Write the size as a name, such as 'n'.",
            )
        larger = question(claim, {**values, **{size: values[size] * GROWTH for size in sizes}})
    chosen = tuple(couplings or (COUPLINGS if claim.any_dependence else COUPLINGS[:1]))
    for laws in _laws(ask, chosen, reach):
        yield Case(claim, ask, laws, larger)


def _random(ask: Question) -> tuple[Variable, ...]:
    sides: Side = ask.left + ask.right
    return variables(*(e for term in sides for estimand in term.estimands for e in estimand.expressions))


def _laws(ask: Question, couplings: Sequence[Coupling], reach: Reach) -> Iterator[dict[Variable, Coupled]]:
    """Samplers for variables known by moments only: every member of each panel takes part."""
    members: dict[Variable, tuple[Coupled, ...]] = {}
    for variable in _random(ask):
        if isinstance(variable.distribution, Unknown):
            met = couplings if _meets_itself(ask, variable) else couplings[:1]
            if reach == "short":
                shapes = panel(variable.distribution, ("independent",))
                count = max(len(shapes), len(met))
                members[variable] = tuple(
                    replace(shapes[k % len(shapes)], coupling=met[(k + 1) % len(met)]) for k in range(count)
                )
            else:
                members[variable] = panel(variable.distribution, met)
    for case in range(max(map(len, members.values()), default=1)):
        yield {v: laws[(case + shift) % len(laws)] for shift, (v, laws) in enumerate(members.items())}


def _meets_itself(ask: Question, variable: Variable) -> bool:
    """Whether an expression holds a variable at more than one place."""
    for term in ask.left + ask.right:
        for estimand in term.estimands:
            found = [
                node
                for node in walk(*estimand.expressions)
                if isinstance(node, RandomVariable) and node.variable == variable
            ]
            if len(found) > 1 or any(slot.is_bound for node in found for slot in node.slots):
                return True
    return False


def tried(
    case: Case,
    settings: Mapping[str, Any],
    resolution: float,
    streams: Streams,
    watch: Watch,
    engine: Engine | None = None,
) -> ClaimEvidence:
    """Run the trial of one case: twice the size for a limit, and the sign too where both sides were squared.

    Args:
        case: what to try.
        settings: alpha, power, budget and premise.
        resolution: factor above 1.
        streams: where to draw from.
        watch: called after every look.
        engine: who computes; this process by default.
    """
    factor = resolution**case.ask.exponent
    if case.larger is not None or case.ask.sign:
        settings = {**settings, "alpha": settings["alpha"] / 2}  # two trials share the level
    trial = _trial(case.ask.left, case.ask.right, case.laws, factor, settings)
    if case.larger is not None:
        large = _trial(case.larger.left, case.larger.right, case.laws, factor, settings)
        found = trend(trial, large, streams, factor, watch, engine)
        evidence = _reported(case, large, found.large, resolution)
        return replace(
            evidence,
            verdict=found.verdict,
            samples=found.small.samples + found.large.samples,
            interrupted=found.small.interrupted or found.large.interrupted,
            note=found.note,
        )
    evidence = _reported(case, trial, trial.run(streams, watch, engine=engine), resolution)
    if not case.ask.sign or evidence.verdict != "agrees":
        return evidence
    sign = _trial(case.ask.sign, (Term(0.0),), case.laws, factor, settings)
    signed = sign.run(streams.at(SIGN_KEY), watch, engine=engine)
    verdict, addition = _same_sign(signed.look)
    return replace(
        evidence,
        verdict=verdict,
        samples=evidence.samples + signed.samples,
        interrupted=signed.interrupted,
        note=f"both sides squared{addition}",
    )


def _same_sign(look: Look | None) -> tuple[Verdict, str]:
    """What the limits of the product of the unsquared sides say on a claim whose squares agree."""
    if look is None or look.alarm or look.low <= 0 <= look.high:
        return "inconclusive", ", and their sign is open"
    return ("agrees", "") if look.low > 0 else ("disagrees", ", and of different sign")


def _trial(left: Side, right: Side, laws: Laws, factor: float, settings: Mapping[str, Any]) -> Trial:
    """The trial, with the range of its block results if the premise needs it."""
    trial = Trial(left, right, laws=laws, factor=factor, **settings)
    if trial.premise == Bounded():
        return replace(trial, premise=Bounded(width(trial.sides, laws, factor)))
    return trial


def untested(claim: Equal, problem: Exception, resolution: float, power: float) -> ClaimEvidence:
    """The evidence on a claim that simulation cannot test: none.

    Args:
        claim: the equation.
        problem: why.
        resolution: factor above 1.
        power: as asked.
    """
    return ClaimEvidence(
        str(claim),
        "inconclusive",
        math.nan,
        math.nan,
        False,
        -math.inf,
        math.inf,
        math.inf,
        math.inf,
        0,
        0,
        0,
        0,
        "",
        Resolution(resolution, power),
        (),
        note=f"not tested: {problem}",
    )


def _reported(case: Case, trial: Trial, outcome: Outcome, resolution: float) -> ClaimEvidence:
    look = outcome.look
    drawn = dict.fromkeys(itertools.chain.from_iterable(side.variables for side in trial.sides))
    relied = [f"{v.name} ~ {case.laws[v].name if v in case.laws else v.distribution}" for v in drawn]
    return ClaimEvidence(
        claim=str(case.claim),
        verdict=outcome.verdict,
        estimate=look.left if look else outcome.left,
        claimed=look.right if look else outcome.right,
        numeric=trial.claimed is not None,
        low=look.low if look else -math.inf,
        high=look.high if look else math.inf,
        standard_error=look.standard_error if look else outcome.standard_error,
        factor=look.factor if look else math.inf,
        look=outcome.plan.looks.index(look.blocks) + 1 if look else 0,
        looks=len(outcome.plan.looks),
        blocks=outcome.blocks,
        samples=outcome.samples,
        alarm=look.alarm if look else "",
        resolution=replace(outcome.resolution, factor=resolution),
        relied=("independent draws: " + ", ".join(relied), *outcome.layout),
        interrupted=outcome.interrupted,
        plan=outcome.plan.looks,
        chunks=tuple(side.chunk_blocks for side in trial.sides if side.all_parts),
    )
