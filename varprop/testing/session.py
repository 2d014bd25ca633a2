"""The seed of a test session and a count of what it has claimed; light enough for every pytest run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SESSION", "Session"]


@dataclass
class Session:
    """What one run of a test suite shares.

    Args:
        seed: where assertions without a seed of their own start.
        claims: how many were tested.
        alpha: the sum of their levels: a bound on the probability that any true one of them failed.

    Example:
        >>> session = Session(seed=3)
        >>> session.count(1e-6)
        >>> session.claims, session.alpha
        (1, 1e-06)
    """

    seed: int = 0
    claims: int = 0
    alpha: float = 0.0

    def count(self, alpha: float) -> None:
        """Note one more claim, tested at this level."""
        self.claims += 1
        self.alpha += alpha


SESSION = Session()
"""The session of this process."""
