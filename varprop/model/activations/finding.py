"""What can be learned of a callable from its values: whether it is vectorized, its kinks, its derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from varprop.errors import ParameterError
from varprop.model.activations.base import Array

__all__ = ["find_kinks", "probe", "stencil"]

REACH = 10.0
COARSE = 2001
STEPS = (1e-2, 1e-3, 1e-4, 1e-5)
MOST_KINKS = 64
REMEDY = (
    "Give a function of an array such as numpy.tanh; numpy.vectorize makes one of a function of a number."
)


def probe(function: Callable[[Array], Any], asked: str) -> None:
    """Refuse a callable that is not vectorized, or whose values are not finite real numbers.

    Raises:
        ParameterError: with what was wrong.
    """
    points = np.linspace(-4, 4, 12) + 0.0123
    results = []
    for shape in ((12,), (3, 4), ()):
        given = points[:1].reshape(()) if shape == () else points.reshape(shape)
        before = given.copy()
        try:
            with np.errstate(all="ignore"):
                found = np.asarray(function(given))
        except Exception as error:  # whatever a callable of a user raises
            why = f"it fails on an array of shape {shape}: {type(error).__name__}: {error}"
            raise ParameterError(asked, why[:160], REMEDY) from error
        if found.shape != shape:
            why = f"it returns shape {found.shape} for an array of shape {shape}"
            raise ParameterError(asked, why, REMEDY)
        if found.dtype.kind not in "biuf":
            raise ParameterError(asked, f"it returns {found.dtype}, not real numbers", REMEDY)
        if not np.isfinite(found.astype(np.float64)).all():
            where = before[~np.isfinite(found.astype(np.float64))].ravel()[0]
            raise ParameterError(
                asked, f"at {where:.4g} it is {found[~np.isfinite(found)].ravel()[0]}", "It must be finite"
            )
        if not np.array_equal(given, before):
            raise ParameterError(asked, "it changes the array it is given", "Work on a copy.")
        results.append(found.astype(np.float64))
    if not np.allclose(results[0].reshape(3, 4), results[1], rtol=1e-12, atol=0):
        raise ParameterError(asked, "the values depend on the shape of the array", REMEDY)


def find_kinks(function: Callable[[Array], Any]) -> tuple[float, ...]:
    """Where a function or its first derivative seems to jump, between -10 and 10, to five places.

    A second difference of width h is h^2 phi'' where phi is smooth, h times the jump of phi' at a kink.

    Raises:
        ParameterError: there are more than 64.

    Example:
        >>> find_kinks(lambda x: np.clip(x, -1, 2.5))
        (-1.0, 2.5)
    """

    def bend(x: Array, h: float) -> Array:
        with np.errstate(all="ignore"):
            parts = [np.asarray(function(x + side * h), dtype=np.float64) for side in (-1, 0, 1)]
        return np.asarray(np.abs(parts[0] - 2 * parts[1] + parts[2]))

    grid = np.linspace(-REACH, REACH, COARSE)
    spacing = float(grid[1] - grid[0])
    found = []
    for center in _peaks(grid, bend(grid, spacing)):
        place, first = center, 0.0
        for h in STEPS:
            width = spacing if h == STEPS[0] else 10 * h
            around = place + np.linspace(-width, width, 81)
            sizes = bend(around, h)
            place = float(around[np.argmax(sizes)])
            slope = float(sizes.max()) / h
            if h == STEPS[0]:
                first = slope
        scale = 1e-7 * (1 + abs(float(np.asarray(function(np.array(place))))))
        if slope > 0.5 * first and slope * STEPS[-1] > scale * 1e-3:
            near = round(place, 3)
            found.append(near if abs(near - place) < 5e-5 else round(place, 5))
    kinks = tuple(sorted(dict.fromkeys(kink + 0.0 for kink in found)))
    if len(kinks) > MOST_KINKS:
        raise ParameterError("kinks of an activation", f"more than {MOST_KINKS} were found", "Give kinks=.")
    return kinks


def _peaks(grid: Array, sizes: Array) -> Array:
    """Points whose second difference stands out from those around it."""
    padded = np.pad(sizes, 6, mode="edge")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, 13), axis=1)
    largest = np.lib.stride_tricks.sliding_window_view(np.pad(sizes, 1, mode="edge"), 3).max(axis=1)
    level = 1e-9 * (1 + float(np.median(np.abs(sizes))))
    return np.asarray(grid[(sizes > 4 * around) & (sizes > level) & (sizes == largest)])


FORWARD = {
    1: np.array([-25, 48, -36, 16, -3]) / 12,
    2: np.array([35, -104, 114, -56, 11]) / 12,
}
CENTRAL = {1: np.array([1, -8, 0, 8, -1]) / 12, 2: np.array([-1, 16, -30, 16, -1]) / 12}


def stencil(function: Callable[[Array], Array], x: Array, kinks: Array, order: int) -> Array:
    """A derivative by five points that lie on one side of every kink.

    Example:
        >>> stencil(np.abs, np.array([-1e-5, 2.0]), np.array([0.0]), 1).round(9).tolist()
        [-1.0, 1.0]
    """
    h = (1e-3 if order == 1 else 4e-3) * (1 + np.abs(x))
    side = np.zeros(x.shape)
    for kink in kinks:
        close = np.abs(x - kink) < 2 * h
        side = np.where(close, np.where(x >= kink, 1.0, -1.0), side)
    total = np.zeros(x.shape)
    for place in range(5):
        offset = np.where(side == 0, place - 2, side * place)
        mirrored = FORWARD[order][place] * (np.where(side < 0, -1.0, 1.0) if order == 1 else 1.0)
        total = total + np.where(side == 0, CENTRAL[order][place], mirrored) * function(x + offset * h)
    return np.asarray(total / h**order)
