"""Block results of drawn arrays: unbiased whatever the entries of one array have to do with each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from varprop.testing.draws import Draws

__all__ = ["Blocks", "Kind"]

Array: TypeAlias = NDArray[np.float64]
Kind: TypeAlias = Literal["mean", "second moment", "variance"]

SMALL = 64
"""Entries that a block has at least: blocks as small as vectorize keep a heavy tail visible."""
CALL_COST, ENTRY_COST = 3e4, 15.0
"""Nanoseconds: of a call of draw, of an entry."""


@dataclass
class Blocks:
    """Independent unbiased estimates of one quantity of a drawn entry.

    A block holds `group` arrays. With a_d the mean of array d and b_d that of its squares, a block of the
    variance is mean_d(b_d) minus the mean of a_d a_d' over d != d': entries of one array may depend on each
    other as they like. Entries that are declared independent are cut into blocks instead.

    Args:
        draws: the arrays.
        kind: "mean", "second moment" or "variance".
        independent: whether the entries of one array are independent of each other.
        of: what an array is turned into first.
        entry_cost: nanoseconds per entry.
        exponent: entries are counted in units of 2**exponent, so that their squares stay within floats.

    Example:
        >>> draws = Draws(lambda seed: np.random.default_rng(seed).normal(size=100))
        >>> abs(Blocks(draws, "variance").first(256).mean() - 1) < 0.05
        np.True_
    """

    draws: Draws
    kind: Kind
    independent: bool = False
    of: Callable[[Array, int], Array] | None = None
    entry_cost: float = ENTRY_COST
    exponent: int = 0

    def __post_init__(self) -> None:
        self.size = math.prod(self.draws.shape)
        least = 2 if self.kind == "variance" else 1
        self.group = max(least, -(-SMALL // self.size))
        self.cut = self.size // SMALL if self.independent else 0
        self._done: list[Array] = []
        self.drawn = 0

    @property
    def cost(self) -> float:
        """Nanoseconds per block, by a fixed formula."""
        call = CALL_COST + self.entry_cost * self.size
        return call / self.cut if self.cut else call * self.group

    def first(self, count: int) -> Array:
        """The first block results; what was computed before stays as it was."""
        have = sum(map(len, self._done))
        while have < count:
            self._done.append(self._cut() if self.cut else np.array([self._block()]))
            have += len(self._done[-1])
        self._done = [np.concatenate(self._done)]
        return self._done[0][:count]

    @property
    def degree(self) -> int:
        """Of the quantity in the entries: 1 for a mean, 2 for a variance or a second moment."""
        return 1 if self.kind == "mean" else 2

    def entries(self, number: int) -> Array:
        """The entries of an array, in units of 2**exponent."""
        drawn = self.draws[number]
        entries = drawn.ravel() if self.of is None else self.of(drawn, number + 1).ravel()
        return np.ldexp(entries, -self.exponent) if self.exponent else entries

    def _next(self) -> Array:
        self.drawn += 1
        return self.entries(self.drawn - 1)

    def _block(self) -> Array:
        means, squares = np.empty(self.group), np.empty(self.group)
        for k in range(self.group):
            entries = self._next()
            means[k], squares[k] = entries.mean(), np.square(entries).mean()
        if self.kind == "mean":
            return np.asarray(means.mean())
        if self.kind == "second moment":
            return np.asarray(squares.mean())
        crossed = (means.sum() ** 2 - np.square(means).sum()) / (self.group * (self.group - 1))
        return np.asarray(squares.mean() - crossed)

    def _cut(self) -> Array:
        entries = self._next()[: self.cut * SMALL].reshape(self.cut, SMALL)
        if self.kind == "mean":
            return np.asarray(entries.mean(axis=1))
        if self.kind == "second moment":
            return np.asarray(np.square(entries).mean(axis=1))
        return np.asarray(entries.var(axis=1, ddof=1))
