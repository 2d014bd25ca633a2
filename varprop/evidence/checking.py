"""`check`: what an object claims, put to the test of simulation."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import sympy as sp

from varprop.derivation.proofs import Derivation, Step
from varprop.derivation.quantities import Equal, Quantity
from varprop.errors import CheckError, ExpressionError, SamplingError, brief
from varprop.evidence.cases import Case, Reach, cases_of, tried, untested
from varprop.evidence.report import ClaimEvidence, Evidence
from varprop.evidence.sampled import tried_at_once
from varprop.evidence.settings import PremiseLike, premise_of, seconds, validated, watched
from varprop.evidence.values import completed
from varprop.model.calls import explained
from varprop.model.expressions import Expression
from varprop.model.scalars import scalar
from varprop.model.variables import variables
from varprop.simulation.checkpoint import Checkpoint
from varprop.simulation.engine import Engine
from varprop.simulation.fingerprint import fingerprint
from varprop.simulation.panel import COUPLINGS, Coupling
from varprop.simulation.premises import Asymptotic
from varprop.simulation.sequential import Look, Resolution, Verdict
from varprop.simulation.streams import Streams

__all__ = ["Checkable", "check"]


SMALLEST = 1e-304
"""A side of a claim below this, or above its inverse, leaves no digits for limits."""


class Checkable(Protocol):
    """Anything that states equations: a derivation, a step, an Equal."""

    def claims(self) -> Sequence[Equal]:
        """The equations it states."""
        ...


@explained
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
    panel: Reach = "full",
    premise: PremiseLike = "asymptotic",
    on_look: Callable[[str, Look], None] | None = None,
    progress: Callable[[float], None] | None = None,
    executor: Executor | None = None,
    executor_factory: Callable[[], Executor] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    deadline: float = math.inf,
) -> Evidence:
    """Put what an object claims to the test of simulation, along a path that shares no formula with it.

    Each side of each claim is estimated from streams of its own, products of quantities by products of
    independent unbiased estimates. "disagrees": the claim is outside limits of level alpha. "agrees":
    one-sided limits of level 1 - power lie within the factor `resolution` of the claim, so a claim that is
    off by it or more is called "agrees" with probability at most 1 - power. All else is "inconclusive". An
    error below the resolution may get any verdict.

    Args:
        x: an Equal, a quantity together with `equals`, or anything with `claims()`: a derivation or a step;
            or the profile of a network, which is drawn and run by brute force.
        equals: what a quantity is claimed to be.
        at: values of symbols. Missing sizes become 8, 6, 10, ..., or what places need; other symbols get
            distinct generic values inside their usual range. `Evidence.at` reports them.
        seed: any integer; without it a hash of the claims and their values.
        resolution: factor above 1, at most 1.5. For a claim equal to zero, for two sides of unknown sign of
            which none can be told from zero, and where terms of a side may cancel, resolution - 1 is a
            fraction of the natural scale: the size that the largest term would have without canceling.
        power: probability that "agrees" is withheld from a claim that is off by the resolution.
        alpha: bound on the probability that true claims are called "disagrees", over all of them together.
        budget: seconds per claim, turned into a number of blocks by a fixed cost formula, never by a clock.
        couplings: how the places of a variable known by its moments only may depend on each other:
            "independent", "all equal", "alternating". By default all three where a claim says that their
            dependence does not matter, as the steps of a derivation do, else the first.
        panel: for such variables, "full" tries every shape of distribution in every coupling; "short" tries
            every shape once, the couplings taking turns.
        premise: what confidence limits rest on: "asymptotic", with alarms that see only what was drawn;
            KurtosisBound(K) or Bounded(), which hold at every number of samples.
        on_look: called with the text of the claim and each look.
        progress: called with the share that is done of all that is planned, from 0 to 1.
        executor: who computes: any executor of concurrent.futures, such as `client.get_executor()` of dask.
            The result does not depend on it. It is not shut down.
        executor_factory: makes an executor where there is none or the one there was broke; without it the
            missing chunks are computed in this process.
        checkpoint: a file of chunk results; an interrupted or killed check, called again, goes on from it to
            the same bits.
        deadline: seconds of the clock after which the check ends like an interrupted one: with the last
            complete look.

    Raises:
        CheckError: there is no claim, or one that simulation cannot test.
        SamplingError: an expression cannot be sampled at these values, the executor takes no tasks, or the
            checkpoint is of another run, damaged or cannot be written.

    Example:
        >>> from varprop.derivation.quantities import Variance
        >>> from varprop.model.variables import RandomVariable
        >>> x = RandomVariable("x", "Uniform(0, 6)")
        >>> check(Variance(x), equals=3).verdict
        'agrees'
        >>> check(Variance(x), equals=3.3).verdict
        'disagrees'
    """
    validated(resolution, power, alpha, COUPLINGS if couplings is None else couplings)
    watched(panel, progress=progress, on_look=on_look)
    resolution, power, alpha = float(resolution), float(power), float(alpha)
    budget, deadline = seconds(budget, "check", "budget"), seconds(deadline, "check", "deadline", math.inf)
    chosen = premise_of(premise)
    if callable(getattr(x, "numeric_claims", None)) and equals is None:
        if chosen.name != "asymptotic" or (executor, executor_factory, checkpoint, deadline) != (
            None,
            None,
            None,
            math.inf,
        ):
            raise CheckError(
                f"check of {x!s:.60} under another premise or on another engine",
                "it brings its own simulation, which runs here and rests on asymptotic limits",
                "Leave out premise, executor, executor_factory, checkpoint and deadline.",
            )
        thing: Any = x
        return _at_once(thing, at, seed, alpha, power, resolution, budget, on_look)
    claims = _claims(x, equals)
    values, sizes = completed(claims, at, spare=isinstance(x, Step))
    seed = _hash(claims, values) if seed is None else seed
    streams = Streams(seed)
    limits = _in_limit(x)
    prepared: list[Case | ClaimEvidence] = []
    for claim in claims:
        try:
            prepared.extend(cases_of(claim, values, sizes, couplings, panel, claim in limits))
        except (CheckError, ExpressionError, SamplingError) as refused:
            if len(claims) == 1:
                raise
            prepared.append(untested(claim, refused, resolution, power))
    count = sum(isinstance(case, Case) for case in prepared)
    settings = {"alpha": alpha / max(1, count), "power": power, "budget": budget, "premise": chosen}
    again: dict[str, Any] = {"at": {str(name): str(value) for name, value in values.items()}, "seed": seed}
    again |= {"resolution": resolution, "power": power, "alpha": alpha, "budget": budget}
    again |= {"couplings": None if couplings is None else list(couplings), "panel": panel}
    again |= {"premise": chosen.name}
    engine = _engine(
        executor,
        executor_factory,
        checkpoint,
        deadline,
        f"{again}\n" + _text(claims, values),
    )
    found: list[ClaimEvidence] = []
    for key, case in enumerate(prepared):
        if isinstance(case, Case):
            watch = None if on_look is None else partial(on_look, str(case.claim))
            try:
                with np.errstate(over="ignore", invalid="ignore", under="ignore"):
                    share = None if progress is None else partial(_reported, progress, key, len(prepared))
                    outcome = tried(
                        case, settings, resolution, streams.at(key), watch, replace(engine, progress=share)
                    )
                if not (outcome.interrupted or _representable(outcome, case.claim)):
                    raise _out_of_range(case.claim)
                found.append(outcome)
            except (SamplingError, ArithmeticError) as error:
                problem = error if isinstance(error, SamplingError) else _out_of_range(case.claim)
                if len(claims) == 1:
                    raise problem from (None if problem is error else error)
                found.append(untested(case.claim, problem, resolution, power))
        else:
            found.append(case)
        if found[-1].interrupted:
            break
    relative = sorted({claim.resolution.relative_to for claim in found})
    about = Resolution(
        resolution, power, relative[0] if len(relative) == 1 else "each claim or its natural scale"
    )
    return Evidence(
        _overall(found, len(found) == len(prepared)),
        tuple(found),
        again["at"],
        seed,
        alpha,
        chosen.name,
        about,
        fingerprint(),
        again,
        partial(check, x if equals is None else claims[0], **again),
    )


def _at_once(
    thing: Any,
    at: Mapping[Any, Any] | None,
    seed: int | None,
    alpha: float,
    power: float,
    resolution: float,
    budget: float,
    on_look: Callable[[str, Look], None] | None,
) -> Evidence:
    """The check of an object that brings its own simulation, such as the profile of a network."""
    thing = thing.at(at) if at else thing
    claims = tuple(thing.numeric_claims())
    if not claims:
        raise CheckError(f"check of {thing!s:.60}", "it claims no number", "Give it something to state.")
    if seed is None:
        text = "\n".join(f"{claim.text} = {claim.value!r}" for claim in claims)
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
    found = tried_at_once(claims, thing, alpha, power, resolution, budget, Streams(seed), on_look)
    about = Resolution(resolution, power, "each claim or its natural scale")
    values = {str(name): str(value) for name, value in (at or {}).items()}
    return Evidence(
        _overall(found, True), tuple(found), values, seed, alpha, Asymptotic().name, about, fingerprint()
    )


def _engine(
    executor: Executor | None,
    factory: Callable[[], Executor] | None,
    path: str | os.PathLike[str] | None,
    deadline: float,
    identity: str,
) -> Engine:
    stored = None if path is None else Checkpoint(path, identity)
    return Engine(executor, factory, stored, time.monotonic() + deadline)


def _reported(progress: Callable[[float], None], done: int, count: int, share: float) -> None:
    progress((done + share) / count)


def _representable(found: ClaimEvidence, claim: Equal) -> bool:
    """Whether both sides, and limits some digits off them, are numbers of float64."""
    sizes = (abs(found.estimate), abs(found.claimed))
    if found.numeric and found.claimed == 0 and claim.right.is_zero is False:
        return False
    return all(size == 0 or SMALLEST < size < 1 / SMALLEST for size in sizes)


def _out_of_range(claim: Equal) -> SamplingError:
    return SamplingError(
        f"check of {claim!s:.60}", "its numbers leave the range of float64", "Rescale the variables."
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
            f"check of {brief(x, 60)}",
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
    return int.from_bytes(hashlib.sha256(_text(claims, values).encode()).digest()[:6], "big")


def _text(claims: Iterable[Equal], values: Mapping[sp.Symbol, sp.Expr]) -> str:
    """What the claims say, of which variables, at which values."""
    text = [str(claim) for claim in claims] + [f"{name}={value}" for name, value in values.items()]
    for claim in claims:
        expressions = [
            e for side in (claim.left, claim.right) for noun in side.atoms(Quantity) for e in noun.expressions
        ]
        text += sorted({f"{variable.name} ~ {variable.distribution}" for variable in variables(*expressions)})
    return "\n".join(text)


def _in_limit(x: object) -> frozenset[Equal]:
    """The claims of a derivation or a step that hold in a limit only."""
    steps = x.steps if isinstance(x, Derivation) else (x,) if isinstance(x, Step) else ()
    return frozenset(claim for step in steps if step.rule.limit for claim in step.claims)


def _overall(found: Sequence[ClaimEvidence], complete: bool) -> Verdict:
    verdicts = {claim.verdict for claim in found}
    if "disagrees" in verdicts:
        return "disagrees"
    return "agrees" if complete and verdicts == {"agrees"} else "inconclusive"
