"""Claims that hold in a limit: the error has to shrink as the sizes grow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from varprop.simulation.engine import Engine
from varprop.simulation.sequential import Look, Verdict
from varprop.simulation.streams import Streams
from varprop.simulation.trials import Outcome, Trial

__all__ = ["GROWTH", "Trend", "shrinking", "trend"]

GROWTH = 16
"""How many times larger the sizes of the second trial are."""


@dataclass(frozen=True)
class Trend:
    """What two sizes say about a limit.

    Args:
        verdict: as `shrinking` says.
        small: the trial at the smaller size.
        large: the trial at the larger size.
        note: the relative errors in words.
    """

    verdict: Verdict
    small: Outcome
    large: Outcome
    note: str


def shrinking(
    small: tuple[float, float], large: tuple[float, float], growth: float, resolution: float
) -> Verdict:
    """The verdict on a limit from the relative errors at two sizes, as far as they are known.

    Errors of central limits fall at least like one over the root of the size, so that at the larger size at
    most error / sqrt(growth) may be left.

    Args:
        small: limits of the error at the smaller size.
        large: limits of the error at the larger size.
        growth: how many times larger it is.
        resolution: factor above 1 below which an error does not count.

    Returns:
        "agrees" if the error at the larger size is below the resolution or has fallen so far, proven by the
        limits; "disagrees" if it is proven to be neither.

    Example:
        >>> shrinking((0.2, 0.25), (0.03, 0.04), growth=16, resolution=1.02)
        'agrees'
        >>> shrinking((0.2, 0.25), (0.1, 0.11), growth=16, resolution=1.02)
        'disagrees'

    Source: Berry 1941; Esseen 1942.
    """
    root = math.sqrt(growth)
    if large[1] <= max(resolution - 1, small[0] / root):
        return "agrees"
    return "disagrees" if large[0] > max(resolution - 1, small[1] / root) else "inconclusive"


def trend(
    small: Trial,
    large: Trial,
    streams: Streams,
    resolution: float,
    on_look: Callable[[Look], None] | None = None,
    engine: Engine | None = None,
) -> Trend:
    """Run a claim at two sizes and judge its relative error at both.

    Args:
        small: the trial at the smaller size.
        large: the trial at the larger size.
        streams: where to draw from.
        resolution: factor above 1 below which an error does not count.
        on_look: called after every look.
        engine: who computes; this process by default.
    """

    def narrow(look: Look) -> bool:
        return not look.alarm and look.high - look.low <= (resolution - 1) * abs(look.right)

    first = small.run(streams.at(0), on_look, narrow, engine)
    second = large.run(streams.at(1), on_look, narrow, engine)
    (low, high), (low_large, high_large) = _errors(first.look), _errors(second.look)
    silent = all(outcome.look is not None and not outcome.look.alarm for outcome in (first, second))
    verdict: Verdict = "inconclusive"
    if silent:
        verdict = shrinking((low, high), (low_large, high_large), GROWTH, resolution)
    note = (
        f"limit: relative error {low:.2g} to {high:.2g}, at {GROWTH} times the size "
        f"{low_large:.2g} to {high_large:.2g}"
    )
    return Trend(verdict, first, second, note)


def _errors(look: Look | None) -> tuple[float, float]:
    """Limits of |left - right| / |right|."""
    if look is None or look.right == 0:
        return 0.0, float("inf")
    size = abs(look.right)
    nearest = 0.0 if look.low <= 0 <= look.high else min(abs(look.low), abs(look.high))
    return nearest / size, max(abs(look.low), abs(look.high)) / size
