"""Three verdicts at planned looks: limits from block results alone, never from the formula under test."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from varprop.errors import SamplingError
from varprop.simulation.premises import Asymptotic, Premise, over
from varprop.simulation.units import power_of, spread, times

__all__ = [
    "FIRST_LOOK",
    "ROUNDING",
    "Band",
    "Look",
    "Plan",
    "Resolution",
    "Verdict",
    "decide",
    "overflow",
]

Array = NDArray[np.float64]
Verdict = Literal["agrees", "disagrees", "inconclusive"]

FIRST_LOOK = 256
"""Block results at the first look: below it, big blocks can hide a heavy tail from the alarms."""

ROUNDING = 1e-11
"""What rounding may move a block result by, as a fraction of the sides."""

ZERO_ERRORS = 4.0
"""Standard errors from which a side is told from zero."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What "agrees" excludes: a truth off by the factor or more, but for a probability of 1 - power.

    For a claim equal to zero, and for sides of unknown sign of which none can be told from zero, there is no
    factor: `relative_to` names what the error is measured by, and `factor - 1` is its fraction.

    Args:
        factor: above 1.
        power: between 0 and 1.
        relative_to: "the claim", or "the natural scale".
    """

    factor: float
    power: float
    relative_to: str = "the claim"

    def __str__(self) -> str:
        return f"factor {self.factor:g} of {self.relative_to} at power {self.power:g}"


@dataclass(frozen=True, slots=True)
class Plan:
    """When to look, and how much error each look may spend; fixed before the first block.

    Args:
        looks: rising numbers of block results.
        alpha: bound on P(disagrees | claim true), over all looks together.
        power: 1 - bound on P(agrees | claim off by the factor or more), over all looks together.
        factor: resolution, above 1.

    Raises:
        SamplingError: a number is out of range.

    Example:
        >>> Plan.doubling(3000).looks
        (256, 512, 1024, 2048)
    """

    looks: tuple[int, ...]
    alpha: float = 1e-6
    power: float = 0.999
    factor: float = 1.02

    def __post_init__(self) -> None:
        for name, value, bound in (("alpha", self.alpha, 1), ("power", self.power, 1)):
            if not 0 < value < bound:
                raise SamplingError(f"{name}={value!r}", "it is a probability", f"Choose 0 < {name} < 1.")
        if not (self.factor > 1 and math.isfinite(self.factor)):
            raise SamplingError(
                f"resolution={self.factor!r}",
                "it is a factor off the claim",
                "Choose a number above 1, for example 1.02 for two percent.",
            )
        rising = all(a < b for a, b in zip(self.looks, self.looks[1:], strict=False))
        if not rising or any(look < 1 for look in self.looks):
            raise SamplingError(
                f"looks {self.looks!r}", "looks are rising numbers of blocks", "Use Plan.doubling."
            )

    @classmethod
    def doubling(
        cls,
        blocks: int,
        *,
        first: int = FIRST_LOOK,
        alpha: float = 1e-6,
        power: float = 0.999,
        factor: float = 1.02,
    ) -> Plan:
        """Looks at first, 2 first, 4 first, ... as far as the number of blocks reaches; perhaps none."""
        looks = []
        while first <= blocks:
            looks.append(first)
            first *= 2
        return cls(tuple(looks), alpha, power, factor)

    @property
    def alarm_tail(self) -> float:
        """One-sided tail of the limits that may say "disagrees" at one look."""
        return self.alpha / max(1, len(self.looks)) / 2

    @property
    def agree_tail(self) -> float:
        """One-sided tail of the limits that may say "agrees" at one look."""
        return (1 - self.power) / max(1, len(self.looks))


@dataclass(frozen=True, slots=True)
class Band:
    """Which errors are small enough for "agrees".

    A factor band holds left / right in [1/f, f], as two linear conditions on the block results, so that the
    size of the right side need not be known. A zero band holds |left - right| below a fixed width.

    Args:
        width: None for a factor band, else the width of a zero band.
        near_zero: whether the width counts only as long as no side can be told from zero.
    """

    width: float | None = None
    near_zero: bool = False

    def over(self, power: int) -> Band:
        """The band of numbers over 2^power."""
        return self if self.width is None else replace(self, width=times(self.width, -power))

    def at(self, left: Array, right: Array | float) -> Band:
        """The band that holds for these block results."""
        if not self.near_zero:
            return self
        power = power_of(left, right)
        sides = [np.ldexp(side, -power) for side in (left, right)]
        rounding = ROUNDING * sum(float(np.abs(side).mean()) for side in sides)
        return Band() if any(_off_zero(side, rounding) for side in sides) else self


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a prefix of the block results says.

    Args:
        blocks: number of block results.
        verdict: the decision at this look.
        left: estimate of the left side.
        right: estimate of the right side, or the claimed number.
        standard_error: of the difference of the sides.
        low: lower limit of the difference at level alpha.
        high: upper limit of the difference at level alpha.
        factor: the smallest factor the "agrees" limits would have allowed; inf if none.
        alarm: the alarm that forbade a decision; may be empty.
    """

    blocks: int
    verdict: Verdict
    left: float
    right: float
    standard_error: float
    low: float
    high: float
    factor: float
    alarm: str = ""

    def times(self, power: int) -> Look:
        """The look of numbers over 2^power, in their own units."""
        return replace(
            self,
            left=times(self.left, power),
            right=times(self.right, power),
            standard_error=times(self.standard_error, power),
            low=times(self.low, power),
            high=times(self.high, power),
        )


def decide(
    left: Array,
    right: Array | float,
    plan: Plan,
    *,
    band: Band | None = None,
    premise: Premise | None = None,
    doubt: str = "",
) -> Look:
    """Judge the claim "mean of left = mean of right" from a planned prefix of block results.

    The claim disagrees if 0 lies outside the alpha limits of left - right. It agrees if it does not disagree
    and, with f the factor, the one-sided limits of left - right / f and of right f - left lie above 0 (signs
    reversed for negative sides); for a zero band, if the limits of left - right lie within the width. An
    alarm forbids either.

    Args:
        left: block results of the left side.
        right: block results of the right side from streams of their own, or the claimed number.
        plan: the levels; how many looks share them.
        band: a factor band by default.
        premise: what the limits rest on; `Asymptotic()` by default.
        doubt: why the blocks may have missed something; forbids a decision like an alarm.

    Raises:
        SamplingError: a block result is not finite.

    Example:
        >>> values = 1 + np.random.default_rng(1).normal(size=1024) / 4
        >>> decide(values, 1.0, Plan((1024,), factor=1.1)).verdict
        'agrees'
        >>> decide(values, 1.2, Plan((1024,))).verdict
        'disagrees'
    """
    premise = premise or Asymptotic()
    band = band or Band()
    if power := power_of(left, right):
        near, other = np.ldexp(left, -power), np.ldexp(right, -power)
        look = decide(near, other, plan, band=band.over(power), premise=over(premise, power), doubt=doubt)
        return look.times(power)
    other = np.broadcast_to(np.asarray(right, dtype=np.float64), left.shape)
    difference = left - other
    if not np.isfinite(difference).all():
        raise overflow()
    left_mean, right_mean = float(left.mean()), float(right) if np.ndim(right) == 0 else float(other.mean())
    rounding = ROUNDING * float(np.abs(left).mean() + np.abs(other).mean())
    limits = premise.limits(difference, plan.alarm_tail, rounding)
    error = float(difference.std(ddof=1)) / math.sqrt(left.size) if left.size > 1 else math.inf
    verdict: Verdict = "inconclusive"
    alarm, factor = limits.alarm or doubt, math.inf
    outside = limits.low > 0 or limits.high < 0
    if outside:
        verdict = "inconclusive" if alarm else "disagrees"
    else:
        factor, alarm = _agreement(left, other, plan, band, premise, rounding)
        alarm = alarm or doubt
        if factor <= plan.factor and not alarm:
            verdict = "agrees"
    return Look(left.size, verdict, left_mean, right_mean, error, limits.low, limits.high, factor, alarm)


def _off_zero(values: Array, rounding: float) -> bool:
    """Whether block results are told from zero."""
    error = ZERO_ERRORS * spread(values) / math.sqrt(values.size)
    return abs(float(values.mean())) > error + rounding


def overflow() -> SamplingError:
    """The error of block results that left float64."""
    return SamplingError(
        "a block result that is not finite",
        "the samples overflow, or hold a nan",
        "Choose smaller values for the symbols, or a lower moment.",
    )


def _agreement(
    left: Array, right: Array, plan: Plan, band: Band, premise: Premise, rounding: float
) -> tuple[float, str]:
    """The smallest factor that "agrees" would have allowed, and the alarm at the factor of the plan."""
    tail = plan.agree_tail
    if band.width is not None:
        limits = premise.limits(left - right, tail, rounding)
        reach = max(abs(limits.low), abs(limits.high))
        if reach == 0:
            return 1.0, limits.alarm
        return 1 + (plan.factor - 1) * reach / band.width if band.width > 0 else math.inf, limits.alarm
    sign = 1.0 if float(left.mean()) + float(right.mean()) >= 0 else -1.0

    def inside(factor: float) -> tuple[bool, str]:
        below = premise.limits(sign * (left - right / factor), tail, rounding)
        above = premise.limits(sign * (right * factor - left), tail, rounding)
        return below.low > 0 and above.low > 0, below.alarm or above.alarm

    fits, alarm = inside(plan.factor)
    if not fits:
        return math.inf, alarm
    low, high = 1.0, plan.factor
    for _ in range(7):
        middle = (low + high) / 2
        low, high = (low, middle) if inside(middle)[0] else (middle, high)
    return high, alarm
