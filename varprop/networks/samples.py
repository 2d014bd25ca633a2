"""Moments of inputs that are given as rows of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp

from varprop.model.axes import Token
from varprop.networks.layers import Shape
from varprop.networks.spatial import of_rows
from varprop.networks.states import State
from varprop.networks.unit_laws import Sample

__all__ = ["MOST_ROWS", "row_squares", "sampled"]

MOST_ROWS = 512
"""Up to so many rows are followed one by one, more of them in as many groups."""


def row_squares(sample: Sample) -> np.ndarray[Any, Any] | None:
    """The mean square of every row; of very many in ascending groups of one weight; None of a fixed input.

    Width does not make rows alike: what stands above them is followed for each.
    """
    if sample.fixed:
        return None
    size = max(float(np.abs(sample.rows).max()), np.finfo(np.float64).tiny)
    squares = np.mean((sample.rows / size) ** 2, axis=1)
    if (count := len(squares)) > MOST_ROWS:
        edges = np.linspace(0, count, MOST_ROWS + 1)
        sums = np.interp(edges, np.arange(count + 1), np.append(0.0, np.cumsum(np.sort(squares))))
        squares = np.diff(sums) * (MOST_ROWS / count)
    made = np.empty(len(squares), dtype=object)
    made[:] = [mp.mpf(size) ** 2 * float(square) for square in squares]
    return made


def sampled(sample: Sample, shape: Shape, seen: frozenset[Token] = frozenset()) -> State:
    """The moments of rows of numbers; all of them are exact.

    Args:
        sample: the rows, and a second input if there is one.
        shape: of one row.
        seen: as in `State`.
    """
    rows, other = sample.rows, None if sample.other is None else Sample(sample.other)
    size = max(float(np.abs(rows).max()), np.finfo(np.float64).tiny)
    scaled, count = rows / size, rows.shape[1]
    squares = scaled**2
    alive = bool(rows.any(axis=1).all())

    def apart(values: np.ndarray[Any, Any], own: np.ndarray[Any, Any], power: int) -> Any:
        """The mean of a product over two different columns."""
        if count == 1:
            return None
        pairs = (values.sum(axis=1) ** 2 - own.sum(axis=1)).mean() / (count * (count - 1))
        return mp.mpf(size) ** power * float(pairs)

    pair = mp.mpf(size) ** 2 * float((scaled.mean(axis=0) ** 2).mean())
    pair_mean, pair_second = sample.moment(1), sample.moment(2)
    if sample.fixed:
        pair = None if other is None else mp.mpf(size) * float((scaled * other.rows).mean())
        pair_mean, pair_second = (None if other is None else other.moment(k) for k in (1, 2))
    if len(shape) > 1:
        lengths = tuple(int(length) for length in shape)
        means, mean_squares = (_by_place((scaled**k).reshape(len(rows), *lengths), size, k) for k in (1, 2))
        spatial = of_rows(rows, means.size)
        return State(
            shape, means, mean_squares, spatial=spatial, law=sample, alike=False, seen=seen, alive=alive
        )
    return State(
        shape,
        sample.moment(1),
        sample.moment(2),
        sample.moment(4),
        apart(squares, squares**2, 4),
        pair,
        pair_second,
        pair_mean,
        apart(scaled, squares, 2),
        law=sample,
        alike=False,
        seen=seen,
        alive=alive,
    )


def _by_place(values: np.ndarray[Any, Any], size: float, power: int) -> Any:
    """Means over rows and channels at every position, scaled back."""
    means = values.mean(axis=(0, 1))
    made = np.empty(means.shape, dtype=object)
    for place in np.ndindex(means.shape):
        made[place] = mp.mpf(size) ** power * float(means[place])
    return made
