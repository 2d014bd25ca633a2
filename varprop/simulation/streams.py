"""Keyed independent random streams: one seed, a key, a chunk number."""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np

from varprop.errors import SamplingError

__all__ = ["Streams", "seed_words"]

_WORD = 2**32


def _words(value: int) -> Iterator[int]:
    while True:
        value, word = divmod(value, _WORD)
        yield word
        if not value:
            return


def seed_words(seed: Any, key: tuple[int, ...] = ()) -> list[int]:
    """Spell a seed and a key as 32-bit words, so that no two pairs share a spelling.

    Args:
        seed: any integer, also a negative or a very long one.
        key: non-negative integers.

    Raises:
        SamplingError: the seed is no integer, or a key is negative.

    Example:
        >>> seed_words(-7, (3,))
        [1, 1, 7, 1, 1, 3, 1]
    """
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
        raise SamplingError(f"seed {seed!r}", "a seed is an integer", "Pass an int, for example seed=7.")
    if any(part < 0 for part in key):
        raise SamplingError(f"stream key {key!r}", "the parts of a key are not negative", "Count from 0.")
    size = list(_words(abs(int(seed))))
    spelled = [int(seed < 0), len(size), *size, len(key)]
    for part in key:
        digits = list(_words(int(part)))
        spelled += [len(digits), *digits]
    return [*spelled, 1]  # SeedSequence pads with zeros, so the last word must not be one


class Streams:
    """Independent generators of one seed, each found again from its key and chunk number alone.

    The generators are counter-based (Philox) and built from a seed sequence, so `rng.spawn` works on them.

    Args:
        seed: any integer.
        key: the part of the key that all streams of this object share.

    Raises:
        SamplingError: the seed is no integer.

    Example:
        >>> streams = Streams(7)
        >>> streams.generator(2, chunk=5).integers(100) == streams.at(2).generator(chunk=5).integers(100)
        np.True_

    Source:
        J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
        2011.
    """

    __slots__ = ("_key", "_seed")

    def __init__(self, seed: int, *key: int) -> None:
        seed_words(seed, key)
        self._seed, self._key = int(seed), key

    @property
    def seed(self) -> int:
        """The seed as it was given."""
        return self._seed

    @property
    def key(self) -> tuple[int, ...]:
        """The part of the key that all streams of this object share."""
        return self._key

    def at(self, *key: int) -> Streams:
        """The streams whose keys begin with this key."""
        return Streams(self._seed, *self._key, *key)

    def generator(self, *key: int, chunk: int) -> np.random.Generator:
        """The generator of one key and one chunk number.

        Args:
            key: what the stream is for, for example the position of a variable.
            chunk: the number of the chunk of blocks.
        """
        words = seed_words(self._seed, (*self._key, *key, chunk))
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(words)))

    def __repr__(self) -> str:
        return f"Streams({', '.join(map(str, (self._seed, *self._key)))})"
