"""What an estimate of a planned size finds, and by which method."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["METHODS", "Method", "Numbers"]

Method: TypeAlias = Literal["plain", "crossed", "quasi-random", "shared signs", "sign average"]
METHODS: tuple[Method, ...] = ("plain", "crossed", "quasi-random", "shared signs", "sign average")


@dataclass(frozen=True)
class Numbers:
    """What an estimate of a planned size found.

    Args:
        value: the estimate.
        standard_error: its standard error.
        interval: limits that hold it with 95 %; infinite where an alarm says that the samples do not tell.
        alarm: why there is no interval; may be empty.
        method: how it was estimated.
        reason: why so, in one line.
        samples: values of the expression behind it.
        entries: array entries alive at once, at most.
        interrupted: whether it was stopped before its planned size.
    """

    value: float
    standard_error: float
    interval: tuple[float, float]
    alarm: str
    method: Method
    reason: str
    samples: int
    entries: int
    interrupted: bool

    @classmethod
    def nothing(cls, method: Method, reason: str, entries: int, interrupted: bool) -> Numbers:
        """What a run without a single result found."""
        everywhere = (-math.inf, math.inf)
        return cls(math.nan, math.inf, everywhere, "no samples", method, reason, 0, entries, interrupted)
