"""What confidence limits of a mean rest on: every one of them needs some premise about the tails."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from varprop.errors import SamplingError
from varprop.simulation.units import times

__all__ = ["Asymptotic", "Bounded", "KurtosisBound", "Limits", "Premise", "Summary"]

Array = NDArray[np.float64]

SCALE_SHARE = 0.05
"""The share of its error probability that `KurtosisBound` spends on its bound of the variance."""
FIRST_SEGMENT = 64
"""Values whose spread is used before any influence function is: the scale comes before the data it is for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Confidence limits of the mean of block results, and the alarm that forbids to use them, if any.

    Args:
        low: lower limit.
        high: upper limit.
        alarm: why no decision may rest on them; empty if it may.
    """

    low: float
    high: float
    alarm: str = ""


class Premise(Protocol):
    """What limits rest on."""

    @property
    def name(self) -> str:
        """The premise in words, as Evidence reports it."""
        ...

    @property
    def proven(self) -> bool:
        """Whether limits hold whatever was drawn, so that no alarm about unseen values is needed."""
        ...

    def limits(self, values: Array, tail: float, rounding: float = 0.0) -> Limits:
        """Limits of the mean, each missing it with probability at most `tail`."""
        ...


@dataclass(frozen=True, slots=True)
class Summary:
    """What limits of `Asymptotic` are made of.

    Args:
        count: how many values.
        mean: their mean.
        squares: sum of (y - mean)^2.
        skewness: of the sample; 0 where nothing varies.
        share: the largest part that one value has in the sum of squares.
    """

    count: int
    mean: float
    squares: float
    skewness: float
    share: float

    @classmethod
    def of(cls, values: Array) -> Summary:
        """The summary of block results."""
        mean = float(values.mean())
        away = values - mean
        squares = away * away
        total, count = float(squares.sum()), values.size
        if not total > 0:
            return cls(count, mean, total, 0.0, 0.0)
        third = float((squares * away).sum())
        return cls(count, mean, total, third / count / (total / count) ** 1.5, float(squares.max()) / total)


@dataclass(frozen=True, slots=True)
class Asymptotic:
    """Student limits corrected for skewness, with two alarms on what the sample has met.

    With T = sqrt(B) (mean - truth) / sd and s = skewness / (3 sqrt(B)), the variable
    T + s T^2 + s^2 T^3 / 3 + s / 2 is close to Student's; the cubic is monotone and inverted by one cube
    root. Let x be the quantile used. No decision while |skewness| x^3 / (3 sqrt(B)) > 1 (the log of the error
    of an uncorrected tail), nor while one block carries more than max(1 / (2 x^2), 3 ln B / B) of the sum of
    squares.

    Args:
        correct: whether to correct for skewness.
        alarms: whether to raise alarms.
        share: the number 3 above; larger for a few replicates, each of many samples.
        carried: the number 1 / 2 above; smaller at the low quantile of a single interval, where heavy tails
            that a sample has not met would pass.

    Example:
        >>> limits = Asymptotic().limits(np.arange(256.0), 0.025)
        >>> round(limits.low, 1), round(limits.high, 1), limits.alarm
        (118.4, 136.6, '')

    Source:
        P. Hall, "On the removal of skewness by transformation", J. R. Stat. Soc. B 54, 1992.
    """

    correct: bool = True
    alarms: bool = True
    share: float = 3.0
    carried: float = 0.5

    @property
    def name(self) -> str:
        """The premise in words."""
        return "asymptotic"

    @property
    def proven(self) -> bool:
        """False: the alarms see only what was drawn."""
        return False

    def limits(self, values: Array, tail: float, rounding: float = 0.0) -> Limits:
        """Limits of the mean of iid values.

        Args:
            values: block results.
            tail: probability, one-sided.
            rounding: what rounding alone may have moved each value.
        """
        return self.limits_of(Summary.of(values), tail, rounding)

    def limits_of(self, found: Summary, tail: float, rounding: float = 0.0) -> Limits:
        """The same limits from a summary of the values."""
        count, center = found.count, found.mean
        if count < 2:
            return Limits(-math.inf, math.inf, "a single block")
        if found.squares <= count * rounding * rounding:
            return Limits(center - rounding, center + rounding)
        quantile = -float(stdtrit(count - 1, tail))
        error = math.sqrt(found.squares / (count - 1)) / math.sqrt(count)
        skewness = found.skewness / math.sqrt(count) if self.correct else 0.0
        low, high = self.corrected(center, error, quantile, skewness)
        alarm = ""
        if self.alarms:
            skewness = found.skewness / math.sqrt(count)
            alarm = alarm_of(skewness, found.share, quantile, self.share, count, carried=self.carried)
        return Limits(low - rounding, high + rounding, alarm)

    @staticmethod
    def corrected(mean: float, error: float, quantile: float, skewness: float) -> tuple[float, float]:
        """Limits from a mean, its standard error, and its own skewness: that of a value over sqrt(B)."""
        bend = skewness / 3
        return mean - error * _unbend(quantile, bend), mean - error * _unbend(-quantile, bend)


def alarm_of(
    skewness: float,
    share: float,
    quantile: float,
    factor: float,
    count: int,
    unit: str = "block",
    carried: float = 0.5,
) -> str:
    """Why no decision may rest on limits at a quantile; empty if it may.

    Args:
        skewness: of the mean: that of a value over sqrt(B).
        share: the largest part that one unit has in the sum of squares.
        quantile: of the limits.
        factor: the share that raises an alarm, over log(count) / count.
        count: how many units there are.
        unit: what they are, in words.
        carried: the share that raises an alarm, over 1 / quantile^2; the larger of both does.
    """
    if abs(skewness) * quantile**3 > 3:
        return "skewness"
    if share > max(carried / quantile**2, factor * math.log(count) / count):
        return f"one {unit} carries the estimate"
    return ""


def _unbend(value: float, bend: float) -> float:
    """Solve T + s T^2 + s^2 T^3 / 3 + s / 2 = value for T."""
    if abs(bend) < 1e-9:
        return value
    return (math.cbrt(1 + 3 * bend * (value - bend / 2)) - 1) / bend


@dataclass(frozen=True, slots=True)
class KurtosisBound:
    """The premise that no block result has a kurtosis above K; its limits hold at every number of blocks.

    With U the mean of (y - y')^2 / 2 over pairs and e^2 = (K + 3) L / pairs, the variance is at most
    U / (1 - e) but for a probability exp(-L). A mean c is refused if sum_b psi(s_b (y_b - c)) exceeds
    sum_b s_b^2 variance / 2 + log(1 / tail), with psi(x) = sign(x) log(1 + |x| + x^2 / 2) and every s_b fixed
    by earlier blocks alone.

    A mean of several independent results has no larger kurtosis than one of them if K is at least 3.

    Args:
        kurtosis: the bound K on E (y - E y)^4 / Var(y)^2, at least 1; a normal variable has 3.

    Raises:
        SamplingError: K is no finite number of at least 1.

    Example:
        >>> values = 1 + np.random.default_rng(1).normal(size=4096)
        >>> limits = KurtosisBound(5).limits(values, 0.005)
        >>> limits.low < 1 < limits.high, limits.high - limits.low < 0.12
        (True, True)

    Source:
        O. Catoni, "Challenging the empirical mean and empirical variance: a deviation study", 2012; H. Wang,
        A. Ramdas, "Catoni-style confidence sequences for heavy-tailed mean estimation", 2023.
    """

    kurtosis: float

    def __post_init__(self) -> None:
        value = self.kurtosis
        if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < math.inf:
            raise SamplingError(
                f"KurtosisBound({value!r:.40})",
                "a kurtosis is a number of at least 1",
                "Write KurtosisBound(15), for example.",
            )

    @property
    def name(self) -> str:
        """The premise in words."""
        return f"kurtosis <= {self.kurtosis!r}"

    @property
    def proven(self) -> bool:
        """True: they hold for every law of the class."""
        return True

    def limits(self, values: Array, tail: float, rounding: float = 0.0) -> Limits:
        """Limits of the mean of iid values.

        Args:
            values: block results, in the order they were drawn.
            tail: probability, one-sided.
            rounding: what rounding alone may have moved each value.
        """
        count = values.size
        needed = math.log(1 / (SCALE_SHARE * tail))
        pairs = count // 2
        loss = math.sqrt((self.kurtosis + 3) * needed / pairs) if pairs else math.inf
        if loss > 0.9 or count <= FIRST_SEGMENT:
            return Limits(-math.inf, math.inf, "too few blocks for this kurtosis")
        gaps = values[: 2 * pairs : 2] - values[1 : 2 * pairs : 2]
        halves = gaps * gaps / 2
        variance = float(halves.mean()) / (1 - loss) + rounding * rounding
        if variance <= rounding * rounding:
            return Limits(values[0] - rounding, values[0] + rounding)
        unlikely = math.log(1 / ((1 - SCALE_SHARE) * tail))
        scales = np.zeros(count)
        start = FIRST_SEGMENT
        while start < count:  # what is known before a block is drawn sets its scale
            known = float(halves[: start // 2].mean())
            scales[start : 2 * start] = math.sqrt(2 * unlikely / (count * known)) if known > 0 else 0.0
            start *= 2
        bound = unlikely + float((scales * scales).sum()) * variance / 2
        return Limits(
            _crossing(values, scales, bound) - rounding, _crossing(values, scales, -bound) + rounding
        )


def _influence(values: Array, scales: Array, center: float) -> float:
    x = scales * (values - center)
    size = np.abs(x)
    return float((np.sign(x) * np.log1p(size + size * size / 2)).sum())


def _crossing(values: Array, scales: Array, bound: float) -> float:
    """Where the falling sum of influences crosses the bound, rounded away from the middle of the values."""
    middle, step = float(values.mean()), float(values.std()) or 1.0
    side = -1.0 if bound > 0 else 1.0
    inner, outer = 0.0, step / math.sqrt(values.size)
    while side * (bound - _influence(values, scales, middle + side * outer)) < 0:
        inner, outer = outer, 2 * outer
        if outer > 1e9 * step:
            return side * math.inf
    if side * (bound - _influence(values, scales, middle)) > 0:  # the mean itself is refused: look across it
        inner = -outer
        while side * (bound - _influence(values, scales, middle + side * inner)) > 0:
            inner *= 2
    for _ in range(24):
        between = (inner + outer) / 2
        inside = side * (bound - _influence(values, scales, middle + side * between)) < 0
        inner, outer = (between, outer) if inside else (inner, between)
    return middle + side * outer


@dataclass(frozen=True, slots=True)
class Bounded:
    """The premise that every block result lies in an interval; its limits hold at every number of blocks.

    |mean - truth| <= sqrt(2 V log(2 / tail) / B) + 7 width log(2 / tail) / (3 (B - 1)), on each side, with V
    the sample variance.

    Args:
        width: the length of the interval; None to have it worked out from the supports of the variables.

    Raises:
        SamplingError: the width is no positive finite number.

    Example:
        >>> limits = Bounded(1.0).limits(np.random.default_rng(1).random(4096), 0.005)
        >>> limits.low < 0.5 < limits.high, limits.high - limits.low < 0.05
        (True, True)

    Source:
        A. Maurer, M. Pontil, "Empirical Bernstein bounds and sample variance penalization", 2009, theorem 4.
    """

    width: float | None = None

    def __post_init__(self) -> None:
        value = self.width
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise SamplingError(
                f"Bounded({value!r:.40})",
                "it is the length of a finite interval",
                "Leave it out to use the supports of the variables.",
            )

    @property
    def name(self) -> str:
        """The premise in words."""
        return "bounded" if self.width is None else f"bounded, width {self.width!r}"

    @property
    def proven(self) -> bool:
        """True: they hold for every law on the interval."""
        return True

    def limits(self, values: Array, tail: float, rounding: float = 0.0) -> Limits:
        """Limits of the mean of iid values.

        Args:
            values: block results.
            tail: probability, one-sided.
            rounding: what rounding alone may have moved each value.
        """
        if self.width is None:
            raise SamplingError(
                "limits of bounded block results",
                "the interval that holds them is not known",
                "Write Bounded(width=...), or use `check`, which reads the supports.",
            )
        count = values.size
        if count < 2:
            return Limits(-math.inf, math.inf, "a single block")
        unlikely = math.log(2 / tail)
        center, variance = float(values.mean()), float(values.var(ddof=1))
        reach = math.sqrt(2 * variance * unlikely / count) + 7 * self.width * unlikely / (3 * (count - 1))
        return Limits(center - reach - rounding, center + reach + rounding)


def over(premise: Premise, power: int) -> Premise:
    """The premise on block results over 2^power."""
    if isinstance(premise, Bounded) and premise.width is not None:
        return Bounded(min(times(premise.width, -power), sys.float_info.max))
    return premise
