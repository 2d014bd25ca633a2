"""The verdict on a limit, from the relative errors at two sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest

from varprop.evidence.trend import trend
from varprop.simulation.sequential import Look
from varprop.simulation.streams import Streams
from varprop.simulation.trials import Outcome, Trial


@dataclass
class Told:
    """A trial that ends with the look it was told."""

    look: Look | None
    narrow_enough: bool | None = None

    def run(
        self, streams: object, on_look: object, narrow: Callable[[Look], bool], engine: object
    ) -> Outcome:
        self.narrow_enough = None if self.look is None else narrow(self.look)
        return Outcome(self.look, cast(Any, None), cast(Any, None), 0, 0, 0, 0, 0, False, ())


def look(low: float, high: float, right: float = 10.0, alarm: str = "") -> Look:
    return Look(256, "inconclusive", right, right, 0.1, low, high, 1.1, alarm)


@pytest.mark.parametrize(
    ("small", "large", "verdict"),
    [
        (look(4, 5), look(0.5, 1), "agrees"),  # 40 % to at most 10 %, 1/sqrt(16) of it
        (look(-5, -4), look(-1, -0.5), "agrees"),
        (look(4, 5), look(-1, 1), "agrees"),
        (look(4, 5), look(-1.1, 1), "inconclusive"),
        (look(4, 5), look(1.3, 1.5), "disagrees"),  # half of it is not enough
        (look(-0.1, 0.1), look(-0.1, 0.2), "agrees"),  # below the resolution at both
        (look(4, 5), look(3, 4), "disagrees"),
        (look(4, 5), look(-4, -3), "disagrees"),
        (look(4, 5, right=-10.0), look(3, 4, right=-10.0), "disagrees"),
        (look(4, 5), look(1.2, 3), "inconclusive"),  # perhaps a fourth of 5
        (look(-5, 5), look(-4, 4), "inconclusive"),
        (look(4, 5), look(0.5, 1, alarm="one block"), "inconclusive"),
        (look(4, 5, alarm="one block"), look(3, 4), "inconclusive"),
        (look(4, 5), None, "inconclusive"),
        (None, look(3, 4), "inconclusive"),
        (look(4, 5), look(3, 4, right=0.0), "inconclusive"),
    ],
)
def test_the_error_has_to_fall_like_the_root_of_the_size(
    small: Look | None, large: Look | None, verdict: str
) -> None:
    found = trend(cast(Trial, Told(small)), cast(Trial, Told(large)), Streams(0), resolution=1.02)
    assert found.verdict == verdict
    assert (found.small.look, found.large.look) == (small, large)


def test_the_note_shows_both_errors() -> None:
    found = trend(cast(Trial, Told(look(4, 5))), cast(Trial, Told(look(-1, -0.5))), Streams(0), 1.02)
    assert found.note == "limit: relative error 0.4 to 0.5, at 16 times the size 0.05 to 0.1"


@pytest.mark.parametrize(
    ("seen", "enough"),
    [(look(4.0, 4.19), True), (look(4.0, 4.21), False), (look(4.0, 4.1, alarm="one block"), False)],
)
def test_a_trial_ends_once_its_limits_are_as_narrow_as_the_resolution(seen: Look, enough: bool) -> None:
    told = Told(seen)
    trend(cast(Trial, told), cast(Trial, told), Streams(0), resolution=1.02)
    assert told.narrow_enough is enough
