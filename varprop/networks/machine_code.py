"""Recursions of closed forms as machine code, which numba makes: for many courses of one activation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from varprop.errors import ParameterError
from varprop.networks.unrolled import LAYERS, Unrolled

__all__ = ["PairCourse", "TurnCourse", "compiled", "pair_course", "turn_course"]

Array: TypeAlias = NDArray[np.float64]
PairCourse: TypeAlias = Callable[..., tuple[Array, int]]
"""From q, r, c, the coefficients of both maps and the depth: (3, depth + 1), and how many are known."""
TurnCourse: TypeAlias = Callable[..., tuple[Array, int]]
"""From c, its two coefficients and the depth: (depth + 1,), and how many are known."""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of floats as machine code, which is made at its first call.

    Raises:
        ParameterError: numba is not installed.
    """
    try:
        from numba import njit  # noqa: PLC0415
    except ImportError:
        raise ParameterError(
            "a course with compiled=True",
            "numba is not installed",
            "Run pip install 'varprop[compiled]', or leave compiled out.",
        ) from None
    made: Callable[..., Any] = njit(error_model="numpy", nogil=True)(function)
    return made


def pair_course(step: Unrolled, turn: Unrolled, low: float, high: float) -> PairCourse:
    """Return the course of two lengths and a correlation, up to where digits would be lost.

    Args:
        step: one layer, from both lengths and E z y.
        turn: one layer from E z y alone, where lengths stand still.
        low: the smallest length at which closed forms keep their digits.
        high: the largest.
    """

    def course(
        q: float, r: float, c: float,
        constant: float, below: float, inside: float, shared: float, kept: float, mixed: float,
        depth: int,
    ) -> tuple[Array, int]:  # fmt: skip
        found = np.empty((3, depth + 1))
        found[0, 0], found[1, 0], found[2, 0] = q, r, c
        if not (low <= q <= high and low <= r <= high):
            return found, 1
        product, still = c * math.sqrt(q) * math.sqrt(r), False
        for layer in range(1, depth + 1):
            long, wide = q, r
            if still:
                (both,) = turn(product, q, r, constant, below, inside, shared, kept, mixed)
            else:
                long, wide, both = step(
                    q, r, product, constant, below, inside, shared, kept, mixed
                )  # fmt: skip
            if not (low <= long <= high and low <= wide <= high and abs(both) < math.inf):
                return found, layer
            found[0, layer], found[1, layer] = long, wide
            found[2, layer] = min(max(both / math.sqrt(long * wide), -1.0), 1.0)
            if both == product and long == q and wide == r:
                found[:, layer:] = found[:, layer : layer + 1]
                break
            still = still or (layer % LAYERS == 0 and long == q and wide == r)
            q, r, product = long, wide, both
        return found, depth + 1

    return course


def turn_course(step: Unrolled) -> TurnCourse:
    """Return the course of a correlation that does not depend on the lengths, while it is in [-1, 1].

    Args:
        step: one layer.
    """

    def course(c: float, kept: float, mixed: float, depth: int) -> tuple[Array, int]:
        found = np.empty(depth + 1)
        found[0] = c
        for layer in range(1, depth + 1):
            (turned,) = step(c, kept, mixed)
            if not -1 <= turned <= 1:
                return found, layer
            found[layer] = turned
            if turned == c:
                found[layer:] = turned
                break
            c = turned
        return found, depth + 1

    return course
