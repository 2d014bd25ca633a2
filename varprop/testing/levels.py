"""How an assertion decides: its resolution, error probabilities, budget and seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypedDict

from varprop.errors import ParameterError
from varprop.testing.session import SESSION

__all__ = ["Levels", "Settings", "Undecidedly"]

Undecidedly: TypeAlias = Literal["fail", "discard"]


class Settings(TypedDict, total=False):
    """The keywords of an assertion, as `Levels` explains them."""

    resolution: float
    power: float
    alpha: float
    budget: float
    seed: int | None
    on_inconclusive: Undecidedly


@dataclass(frozen=True)
class Levels:
    """How an assertion decides.

    Args:
        resolution: factor above 1 that must be noticed. For an expected value of zero, resolution - 1 is a
            fraction of the natural scale.
        power: probability with which an error that large is noticed.
        alpha: bound on the probability that a true promise fails, over all looks together.
        budget: seconds, turned into a number of draws by a fixed cost formula and never by a clock.
        seed: any integer; that of the session, 0 or `--varprop-seed`, if None.
        on_inconclusive: "fail", or "discard" the Hypothesis example.

    Raises:
        ParameterError: the budget is no positive number, or `on_inconclusive` is unknown.

    Example:
        >>> Levels(seed=7).resolved_seed
        7
    """

    resolution: float = 1.02
    power: float = 0.999
    alpha: float = 1e-6
    budget: float = 2.0
    seed: int | None = None
    on_inconclusive: Undecidedly = "fail"

    def __post_init__(self) -> None:
        number = isinstance(self.budget, int | float) and not isinstance(self.budget, bool)
        if not (number and 0 < self.budget < math.inf):
            raise ParameterError(
                f"budget={self.budget!r:.40}", "it is no positive number of seconds", "Write budget=2"
            )
        if self.on_inconclusive not in ("fail", "discard"):
            raise ParameterError(
                f"on_inconclusive={self.on_inconclusive!r:.40}", "it is unknown", 'Write "fail" or "discard"'
            )

    @property
    def resolved_seed(self) -> int:
        """The seed, or that of the session."""
        return SESSION.seed if self.seed is None else self.seed
