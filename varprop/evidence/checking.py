"""`check`: what an object claims, put to the test of simulation."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import sympy as sp

from varprop.derivation.quantities import Equal, Quantity
from varprop.errors import CheckError
from varprop.evidence.report import ClaimEvidence, Evidence
from varprop.evidence.translation import Question, question
from varprop.evidence.values import completed
from varprop.model.distributions import Unknown
from varprop.model.expressions import Expression
from varprop.model.scalars import scalar
from varprop.model.variables import Variable, variables
from varprop.simulation.blocks import Side, Term
from varprop.simulation.panel import COUPLINGS, Coupled, Coupling, panel
from varprop.simulation.sequential import Asymptotic, Look, Resolution, Verdict
from varprop.simulation.streams import Streams
from varprop.simulation.trials import Outcome, Trial

__all__ = ["Checkable", "check"]

SIGN_KEY = 1_000_000


class Checkable(Protocol):
    """Anything that states equations: a derivation, a step, an Equal."""

    def claims(self) -> Sequence[Equal]:
        """The equations it states."""
        ...


def check(
    x: object,
    *,
    equals: object = None,
    at: Mapping[Any, Any] | None = None,
    seed: int | None = None,
    resolution: float = 1.02,
    power: float = 0.999,
    alpha: float = 1e-6,
    budget: float = 2.0,
    couplings: Sequence[Coupling] | None = None,
    on_look: Callable[[str, Look], None] | None = None,
) -> Evidence:
    """Put what an object claims to the test of simulation, along a path that shares no formula with it.

    Each side of each claim is estimated from streams of its own, products of quantities by products of
    independent unbiased estimates. "disagrees": the claim is outside limits of level alpha. "agrees":
    one-sided limits of level 1 - power lie within the factor `resolution` of the claim, so a claim that is
    off by it or more is called "agrees" with probability at most 1 - power. All else is "inconclusive". An
    error below the resolution may get any verdict.

    Args:
        x: an Equal, a quantity together with `equals`, or anything with `claims()`: a derivation or a step.
        equals: what a quantity is claimed to be.
        at: values of symbols. Missing sizes become 8, 6, 10, ..., or what places need; other symbols get
            distinct generic values inside their usual range. `Evidence.at` reports them.
        seed: any integer; without it a hash of the claims and their values.
        resolution: factor above 1. For a claim equal to zero, resolution - 1 is a fraction of the natural
            scale.
        power: probability that "agrees" is withheld from a claim that is off by the resolution.
        alpha: bound on the probability that true claims are called "disagrees", over all of them together.
        budget: seconds per claim, turned into a number of blocks by a fixed cost formula, never by a clock.
        couplings: how the places of a variable known by its moments only may depend on each other:
            "independent", "all equal", "alternating". By default all three where a claim says that their
            dependence does not matter, as the steps of a derivation do, else the first.
        on_look: called with the text of the claim and each look.

    Raises:
        CheckError: there is no claim, or one that simulation cannot test.
        SamplingError: an expression cannot be sampled at these values.

    Example:
        >>> from varprop.derivation.quantities import Variance
        >>> from varprop.model.variables import RandomVariable
        >>> x = RandomVariable("x", "Uniform(0, 6)")
        >>> check(Variance(x), equals=3).verdict
        'agrees'
        >>> check(Variance(x), equals=3.3).verdict
        'disagrees'
    """
    _settings(resolution, power, alpha, COUPLINGS if couplings is None else couplings)
    claims = _claims(x, equals)
    values = completed(claims, at)
    seed = _hash(claims, values) if seed is None else seed
    streams = Streams(seed)
    cases = [
        (str(claim), ask, laws)
        for claim in claims
        for ask in (question(claim, values),)
        for laws in _laws(ask, couplings or (COUPLINGS if claim.any_dependence else COUPLINGS[:1]))
    ]
    found: list[ClaimEvidence] = []
    for key, (text, ask, laws) in enumerate(cases):
        settings = {"laws": laws, "alpha": alpha / len(cases), "power": power, "budget": budget}
        report = None if on_look is None else _named(on_look, text)
        found.append(_tried(text, ask, settings, resolution, streams.at(key), report))
        if found[-1].interrupted:
            break
    relative = sorted({claim.resolution.relative_to for claim in found})
    about = Resolution(
        resolution, power, relative[0] if len(relative) == 1 else "each claim or its natural scale"
    )
    return Evidence(
        _overall(found, len(found) == len(cases)),
        tuple(found),
        {str(name): str(value) for name, value in values.items()},
        seed,
        alpha,
        Asymptotic().name,
        about,
    )


def _settings(resolution: float, power: float, alpha: float, couplings: Sequence[Coupling]) -> None:
    for name, value in (("resolution", resolution), ("power", power), ("alpha", alpha)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise CheckError(
                f"check with {name}={value!r:.40}",
                "it is no finite number",
                f"Leave out {name}, or give one.",
            )
    if resolution <= 1:
        raise CheckError(
            f"check with resolution={resolution:g}",
            "it is a factor off the claim, so it is above 1",
            "Write 1.02 for two percent.",
        )
    for name, value in (("power", power), ("alpha", alpha)):
        if not 0 < value < 1:
            raise CheckError(f"check with {name}={value:g}", "it is a probability", f"Choose 0 < {name} < 1.")
    if (
        isinstance(couplings, str)
        or not couplings
        or any(coupling not in COUPLINGS for coupling in couplings)
    ):
        raise CheckError(
            f"check with couplings={couplings!r:.60}",
            "it is no tuple of known couplings",
            f"Choose from {', '.join(map(repr, COUPLINGS))}.",
        )


def _claims(x: object, equals: object) -> tuple[Equal, ...]:
    if isinstance(x, sp.Expr) and x.has(Quantity):
        if equals is None:
            raise CheckError(f"check of {x}", "it claims nothing", "Say what it is: equals=...")
        return (Equal(x, equals if isinstance(equals, sp.Expr) else scalar(equals, "equals")),)
    if equals is not None:
        raise CheckError(
            f"check of {x!s:.60} with equals=",
            "only a quantity can be said to equal something",
            "Write check(Variance(z), equals=...).",
        )
    if isinstance(x, Expression):
        raise CheckError(
            f"check of {x!s:.60}",
            "a random expression claims nothing",
            "Write check(Variance(z), equals=...).",
        )
    if not callable(getattr(x, "claims", None)):
        raise CheckError(
            f"check of {x!r:.60}",
            "it has no claims",
            "Give a derivation, a step, an Equal, or a quantity with equals=...",
        )
    claims: tuple[Equal, ...] = tuple(dict.fromkeys(x.claims()))  # type: ignore[attr-defined]
    if not claims:
        raise CheckError(
            f"check of {x!s:.60}", "it claims nothing that can be tested", "Check the whole derivation."
        )
    return claims


def _hash(claims: Iterable[Equal], values: Mapping[sp.Symbol, sp.Expr]) -> int:
    """A seed that repeats with the claims and their values."""
    text = [str(claim) for claim in claims] + [f"{name}={value}" for name, value in values.items()]
    for claim in claims:
        expressions = [
            e for side in (claim.left, claim.right) for noun in side.atoms(Quantity) for e in noun.expressions
        ]
        text += sorted({f"{variable.name} ~ {variable.distribution}" for variable in variables(*expressions)})
    return int.from_bytes(hashlib.sha256("\n".join(text).encode()).digest()[:6], "big")


def _random(side: Side) -> tuple[Variable, ...]:
    return variables(*(e for term in side for estimand in term.estimands for e in estimand.expressions))


def _laws(ask: Question, couplings: Sequence[Coupling]) -> list[dict[Variable, Coupled]]:
    """Samplers for variables known by moments only: every member of each panel takes part."""
    unknown = {
        variable: panel(variable.distribution, couplings if variable.axes else ("independent",))
        for variable in dict.fromkeys(_random(ask.left) + _random(ask.right))
        if isinstance(variable.distribution, Unknown)
    }
    if not unknown:
        return [{}]
    count = max(map(len, unknown.values()))
    return [
        {variable: laws[(case + shift) % len(laws)] for shift, (variable, laws) in enumerate(unknown.items())}
        for case in range(count)
    ]


def _named(on_look: Callable[[str, Look], None], text: str) -> Callable[[Look], None]:
    return lambda look: on_look(text, look)


def _tried(
    text: str,
    ask: Question,
    settings: Mapping[str, Any],
    resolution: float,
    streams: Streams,
    on_look: Callable[[Look], None] | None,
) -> ClaimEvidence:
    """Run the trial of one claim, and of its sign where both sides were squared."""
    trial = Trial(ask.left, ask.right, factor=resolution**ask.exponent, **settings)
    outcome = trial.run(streams, on_look)
    evidence = _reported(text, trial, outcome, settings["laws"], resolution)
    if ask.sign and evidence.verdict == "agrees":
        signed = Trial(ask.sign, (Term(0.0),), factor=resolution, **settings).run(
            streams.at(SIGN_KEY), on_look
        )
        positive = signed.look is not None and signed.look.low > 0
        negative = signed.look is not None and signed.look.high < 0
        verdict: Verdict = "agrees" if positive else "disagrees" if negative else "inconclusive"
        evidence = replace(
            evidence,
            verdict=verdict,
            samples=evidence.samples + signed.samples,
            interrupted=signed.interrupted,
            alarm="" if positive else "the sign of the left side",
        )
    return evidence


def _reported(
    text: str, trial: Trial, outcome: Outcome, laws: Mapping[Variable, Coupled], resolution: float
) -> ClaimEvidence:
    look = outcome.look
    drawn = dict.fromkeys(itertools.chain.from_iterable(side.variables for side in trial.sides))
    relied = [f"{v.name} ~ {laws[v].name if v in laws else v.distribution}" for v in drawn]
    return ClaimEvidence(
        claim=text,
        verdict=outcome.verdict,
        estimate=look.left if look else outcome.left,
        claimed=look.right if look else outcome.right,
        numeric=trial.claimed is not None,
        low=look.low if look else -math.inf,
        high=look.high if look else math.inf,
        standard_error=look.standard_error if look else outcome.standard_error,
        factor=look.factor if look else math.inf,
        look=trial.plan.looks.index(look.blocks) + 1 if look else 0,
        looks=len(trial.plan.looks),
        blocks=outcome.blocks,
        samples=outcome.samples,
        alarm=look.alarm if look else "",
        resolution=replace(outcome.resolution, factor=resolution),
        relied=("independent draws: " + ", ".join(relied), *outcome.layout),
        interrupted=outcome.interrupted,
    )


def _overall(found: Sequence[ClaimEvidence], complete: bool) -> Verdict:
    verdicts = {claim.verdict for claim in found}
    if "disagrees" in verdicts:
        return "disagrees"
    return "agrees" if complete and verdicts == {"agrees"} else "inconclusive"
