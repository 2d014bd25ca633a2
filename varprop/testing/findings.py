"""What an assertion found, and the two ways in which it fails."""

from __future__ import annotations

from dataclasses import dataclass

from varprop.evidence import Evidence
from varprop.simulation.sequential import Look, Plan, Verdict

__all__ = ["Disagreement", "Finding", "Undecided", "found"]


@dataclass(frozen=True)
class Finding:
    """The verdict on a claim about drawn arrays, and all that is needed to repeat it.

    Args:
        claim: the claim, in words.
        verdict: "agrees", "disagrees" or "inconclusive".
        estimate: what was measured.
        expected: what was claimed.
        low: lower limit of what was measured, at level alpha.
        high: upper limit, at level alpha.
        draws: arrays drawn.
        shape: of each.
        alpha: bound on P(disagrees | claim true), over all looks together.
        power: 1 - bound on P(agrees | claim off by the factor or more).
        factor: the resolution.
        premise: what the limits rest on.
        alarm: why no decision was allowed, if so.
        causes: what would explain a disagreement, the likeliest first.
        repeat: a line that repeats the test.
    """

    claim: str
    verdict: Verdict
    estimate: float
    expected: float
    low: float
    high: float
    draws: int
    shape: tuple[int, ...]
    alpha: float
    power: float
    factor: float
    premise: str
    alarm: str = ""
    causes: tuple[str, ...] = ()
    repeat: str = ""

    def __str__(self) -> str:
        size = "x".join(map(str, self.shape)) or "one number"
        lines = [
            f"{self.claim}: {self.verdict}" + (f" (alarm: {self.alarm})" if self.alarm else ""),
            f"  measured  {self.estimate:.6g}, between {self.low:.6g} and {self.high:.6g}",
            f"  from      {self.draws:,} draws of {size}",
            f"  meaning   a true claim fails with probability <= {self.alpha:g}; one off by the factor"
            f" {self.factor:g} passes with probability <= {1 - self.power:.3g} (premise {self.premise})",
            *(f"  looks like {cause}" for cause in self.causes),
            *([f"  repeat    {self.repeat}"] if self.repeat else []),
        ]
        return "\n".join(lines)


class _Failure(AssertionError):
    def __init__(self, finding: Finding | Evidence) -> None:
        self.finding = finding
        super().__init__(str(finding))

    def __reduce__(self) -> tuple[type, tuple[Finding | Evidence]]:
        return type(self), (self.finding,)


class Disagreement(_Failure):
    """A claim is outside the limits of what was drawn.

    Args:
        finding: what was found.
    """


class Undecided(_Failure):
    """The budget did not suffice, or an alarm forbade a decision: neither agreement nor disagreement.

    A class of its own, so that Hypothesis does not shrink a disagreement into it.

    Args:
        finding: what was found.
    """


def found(
    claim: str,
    look: Look | None,
    plan: Plan,
    expected: float,
    *,
    estimate: float,
    limits: tuple[float, float],
    draws: int,
    shape: tuple[int, ...],
    premise: str,
    repeat: str,
) -> Finding:
    """The finding of the last look; without one nothing is decided."""
    return Finding(
        claim,
        look.verdict if look else "inconclusive",
        estimate,
        expected,
        *limits,
        draws,
        shape,
        plan.alpha,
        plan.power,
        plan.factor,
        premise,
        look.alarm if look else "the budget allows no look",
        (),
        repeat,
    )
