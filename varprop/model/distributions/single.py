"""Uniform and normal variables in float32, from whole words: several times as fast as in float64."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["fits_single", "in_single", "narrowed", "normals", "uniforms"]

Single = NDArray[np.float32]

PIECE = 2**15
"""Numbers made at a time: their arrays stay in the cache."""
LEAST, MOST = 1e-12, 1e12
"""The size that a factor may have: products of a few stay in range."""
HALF, MINUS_TWO = np.float32(0.5), np.float32(-2)
UNIT, TURN = np.float32(2.0**-32), np.float32(2 * math.pi * 2.0**-32)


def in_single(center: float, spread: float) -> bool:
    """Whether numbers about a center keep their law in float32: no end and no mean moves by its rounding.

    Example:
        >>> in_single(3.0, 1.0), in_single(1e8, 1.0), in_single(0.0, 1e-30)
        (True, False, False)
    """
    moved = abs(center - float(np.float32(center))) if abs(center) < MOST else math.inf
    return LEAST < spread < MOST and abs(center) <= 8 * spread and moved <= 1e-7 * spread


def fits_single(values: NDArray[Any]) -> bool:
    """Whether the largest of some factors is well within the range of float32.

    Example:
        >>> fits_single(np.array([1.0, 1e-40])), fits_single(np.array([-1e40]))
        (True, False)
    """
    return LEAST < max(float(values.max(initial=0)), -float(values.min(initial=0))) < MOST


def narrowed(values: NDArray[Any]) -> NDArray[Any]:
    """Factors of a product in float32, where they are well within its range; else as they are.

    Example:
        >>> narrowed(np.array([1.0, 2.0])).dtype, narrowed(np.array([1e-40, 1e-41])).dtype
        (dtype('float32'), dtype('float64'))
    """
    return values.astype(np.float32, copy=False) if fits_single(values) else values


def _words(rng: np.random.Generator, count: int) -> Iterator[tuple[int, NDArray[np.uint32]]]:
    """Random words of 32 bits, an even number at a time, and where they begin."""
    for start in range(0, count, PIECE):
        pairs = (min(PIECE, count - start) + 1) // 2
        yield start, rng.integers(0, 2**64 - 1, pairs, dtype=np.uint64, endpoint=True).view(np.uint32)


def uniforms(rng: np.random.Generator, count: int) -> Single:
    """Draw variables uniform on [0, 1] in float32.

    Args:
        rng: a generator.
        count: how many.

    Example:
        >>> drawn = uniforms(np.random.default_rng(1), 10**5)
        >>> bool(abs(drawn.mean() - 0.5) < 0.005)
        True
    """
    drawn = np.empty(count + count % 2, dtype=np.float32)
    for start, words in _words(rng, count):
        part = drawn[start : start + words.size]
        np.copyto(part, words, casting="unsafe")
        part += HALF
        part *= UNIT
    return drawn[:count]


def normals(rng: np.random.Generator, count: int, mean: float = 0.0, std: float = 1.0) -> Single:
    """Draw normal variables in float32: two words give the radius and the angle of a pair.

    sqrt(-2 log u) cos(2 pi v) and sqrt(-2 log u) sin(2 pi v). The values end at 6.8 standard deviations and
    lie on a grid as fine as float32.

    Args:
        rng: a generator.
        count: how many.
        mean: their mean.
        std: their standard deviation.

    Example:
        >>> drawn = normals(np.random.default_rng(1), 10**5, mean=2, std=3)
        >>> bool(abs(drawn.mean() - 2) < 0.05 and abs(drawn.std() - 3) < 0.05)
        True

    Source:
        G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates", 1958.
    """
    drawn = np.empty(count + count % 2, dtype=np.float32)
    scratch = np.empty((2, min(PIECE, drawn.size) // 2), dtype=np.float32)
    for start, words in _words(rng, count):
        size = words.size // 2
        radius, angle = scratch[:, :size]
        np.copyto(radius, words[:size], casting="unsafe")
        radius += HALF
        radius *= UNIT
        np.log(radius, out=radius)
        radius *= MINUS_TWO
        np.sqrt(radius, out=radius)
        radius *= np.float32(std)
        np.copyto(angle, words[size:], casting="unsafe")
        angle *= TURN
        pairs = drawn[start : start + words.size].reshape(2, size)
        np.cos(angle, out=pairs[0])
        np.sin(angle, out=pairs[1])
        pairs *= radius
    if mean:
        drawn += np.float32(mean)
    return drawn[:count]
