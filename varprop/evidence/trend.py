"""Claims that hold in a limit: the error has to shrink as the sizes grow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from varprop.simulation.engine import Engine
from varprop.simulation.sequential import Look, Verdict
from varprop.simulation.streams import Streams
from varprop.simulation.trials import Outcome, Trial

__all__ = ["GROWTH", "Trend", "trend"]

GROWTH = 16
"""How many times larger the sizes of the second trial are."""


@dataclass(frozen=True)
class Trend:
    """What two sizes say about a limit.

    Args:
        verdict: "agrees" if the relative error at the larger size is below the resolution or at most half of
            that at the smaller one, both proven by the limits; "disagrees" if it is proven to be neither.
        small: the trial at the smaller size.
        large: the trial at the larger size.
        note: the relative errors in words.
    """

    verdict: Verdict
    small: Outcome
    large: Outcome
    note: str


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
    if silent and (high_large <= resolution - 1 or high_large <= low / 2):
        verdict = "agrees"
    elif silent and low_large > max(resolution - 1, high / 2):
        verdict = "disagrees"
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
