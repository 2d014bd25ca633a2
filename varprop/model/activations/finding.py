"""What can be learned of a callable from its values: whether it is vectorized, its kinks, its derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from varprop.errors import ParameterError
from varprop.model.activations.base import Array
from varprop.numerics.quadrature import EPSILON

__all__ = ["find_kinks", "probe", "stencil", "stencil_doubt"]

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
    """Where a function or its first derivative seems to jump, between -10 and 10.

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
        with np.errstate(all="ignore"):
            scale = 1e-7 * (1 + abs(float(np.asarray(function(np.array(place))))))
        if slope > 0.5 * first and slope * STEPS[-1] > scale * 1e-3:
            found.append(_refined(function, float(place)))
    kinks = tuple(sorted(dict.fromkeys(kink + 0.0 for kink in found)))
    if len(kinks) > MOST_KINKS:
        raise ParameterError("kinks of an activation", f"more than {MOST_KINKS} were found", "Give kinks=.")
    return kinks


def _refined(function: Callable[[Array], Any], place: float) -> float:
    """A kink as the meeting point of the lines on its two sides; a jump by bisection."""
    for h in (1e-4, 1e-6):
        with np.errstate(all="ignore"):
            points = place + h * np.array([-2.0, -1.0, 1.0, 2.0])
            before, left, right, after = np.asarray(function(points), dtype=np.float64).tolist()
        gap, bend = (2 * left - before) - (2 * right - after), ((after - right) - (left - before)) / h
        if abs(gap) <= h * abs(bend) / 2:
            place += gap / bend if bend else 0.0
        elif abs(gap) > 1e-9 * (1 + abs(left)):
            place = _jump(function, place - h, place + h)
            break
    near = round(place, 9) + 0.0
    return near if abs(near - place) < 1e-11 else place


def _jump(function: Callable[[Array], Any], low: float, high: float) -> float:
    below, above = (float(np.asarray(function(np.array(end)))) for end in (low, high))
    for _ in range(50):
        middle = (low + high) / 2
        value = float(np.asarray(function(np.array(middle))))
        low, high = (low, middle) if abs(value - above) < abs(value - below) else (middle, high)
    return high


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


def stencil(
    function: Callable[[Array], Array], x: Array, kinks: Array, order: int, part: Array | float = 1.0
) -> Array:
    """A derivative by five points that lie on one side of every kink, in a part of the usual steps.

    Example:
        >>> stencil(np.abs, np.array([-1e-5, 2.0]), np.array([0.0]), 1).round(9).tolist()
        [-1.0, 1.0]
    """
    return _differences(function, x, kinks, order, part)[0]


def stencil_doubt(function: Callable[[Array], Array], x: Array, kinks: Array, order: int) -> Array:
    """How far `stencil` may be off: by rounding, and by what other steps change.

    Twice the change to a quarter of the step, the whole error if that falls like the root of the step or
    faster. Beyond their rounding also the changes to steps that do not grow with x, which see what oscillates
    far out; to steps that shrink with the way to 0 and to the kinks, which see a slope without bound there;
    and to short steps to one side, which see a kink that nobody told of.

    Example:
        >>> doubt = stencil_doubt(lambda x: np.sin(5 * x), np.array([1.0, 1e4]), np.zeros(0), 1)
        >>> bool(1e-12 < doubt[0] < 1e-10), bool(doubt[1] > 1)
        (True, True)
    """
    found, rounding = _differences(function, x, kinks, order)
    apart = np.abs(found - _differences(function, x, kinks, order, 0.25)[0])
    size = 1 + np.abs(x)
    way = np.min([np.abs(x), *(np.abs(x - kink) for kink in kinks)], axis=0)
    others = [(1 / size, 0), (np.where(way > 0, way, size) / size, 0), (0.125, -1), (0.125, 1)]
    for part, usual in others:
        other, lost = _differences(function, x, kinks, order, part, usual)
        apart = np.maximum(apart, np.abs(found - other) - lost)
    return np.asarray(2 * apart + rounding)


def _differences(
    function: Callable[[Array], Array],
    x: Array,
    kinks: Array,
    order: int,
    part: Array | float = 1.0,
    usual: int = 0,
) -> tuple[Array, Array]:
    """A derivative, and what the rounding of the values, of their sum and of their places makes of it.

    Away from kinks the points lie on both sides of x, or on the `usual` side.
    """
    h = part * (2.5e-4 if order == 1 else 4e-3) * (1 + np.abs(x))
    side = np.full(x.shape, float(usual))
    for kink in kinks:
        close = np.abs(x - kink) < 2 * h
        side = np.where(close, np.where(x >= kink, 1.0, -1.0), side)
    middle = function(x)
    total, size, change = np.zeros((3, *x.shape))
    for place in range(5):
        offset = np.where(side == 0, place - 2, side * place)
        mirrored = FORWARD[order][place] * (np.where(side < 0, -1.0, 1.0) if order == 1 else 1.0)
        weight = np.where(side == 0, CENTRAL[order][place], mirrored)
        found = function(x + offset * h)
        total = total + weight * found
        size = size + np.abs(weight * found)
        change = change + np.abs(weight * (found - middle))
    return np.asarray(total / h**order), EPSILON * (4 * size + np.abs(x) / h * change) / h**order
