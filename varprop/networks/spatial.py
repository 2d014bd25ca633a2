"""E h_p h_q of one channel at every two positions: kept as a recipe, computed where a pool asks for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from mpmath import mp
from numpy.typing import NDArray

from varprop.errors import DerivationError
from varprop.networks import maps
from varprop.networks.maps import Number

__all__ = [
    "Array",
    "Found",
    "Spatial",
    "flat",
    "of_independent",
    "of_rows",
    "scaled",
    "summed",
    "unit_of",
    "widened",
    "windows",
]

Array: TypeAlias = NDArray[np.float64]
Found: TypeAlias = tuple[Array, str]
"""A matrix, and the kind of number it holds."""

MOST_NUMBERS = 60_000_000
"""Numbers of all matrices that one pool asks for."""


@dataclass(eq=False)
class Spatial:
    """The products of one channel at every two positions, E h_p h_q, in a unit of their own.

    Args:
        places: the number of positions.
        unit: what the numbers of the matrix are multiples of; it may be beyond the range of floats.
        make: the matrix from those of `below`, and the kind of number it holds.
        below: what it is made of.
    """

    places: int
    unit: Number
    make: Callable[..., Found]
    below: tuple[Spatial, ...] = ()
    _found: Found | None = field(default=None, repr=False)

    @property
    def values(self) -> Array:
        """The matrix, positions in a row, in multiples of the unit."""
        return self._known()[0]

    @property
    def kind(self) -> str:
        """The kind of number."""
        return self._known()[1]

    def _known(self) -> Found:
        if self._found is None:
            waiting = self._unknown()
            count = sum(one.places**2 for one in waiting)
            if count > MOST_NUMBERS:
                raise DerivationError(
                    f"an average over {max(one.places for one in waiting)} positions",
                    f"the products of every two positions, layer by layer, are {count} numbers, more than "
                    f"{MOST_NUMBERS}",
                    "Give fewer positions: a smaller input, or a larger stride.",
                )
            for one in waiting:
                parts = [below._found for below in one.below if below._found is not None]
                values, kind = one.make(*(part[0] for part in parts))
                one._found = values, maps.worst(kind, *(part[1] for part in parts))
        assert self._found is not None
        return self._found

    def _unknown(self) -> list[Spatial]:
        """What is not computed yet, in an order in which it can be."""
        ordered: dict[int, Spatial] = {}
        stack = [(self, False)]
        while stack:
            one, ready = stack.pop()
            if one._found is not None or id(one) in ordered:
                continue
            if ready:
                ordered[id(one)] = one
            else:
                stack += [(one, True), *((below, False) for below in one.below)]
        return list(ordered.values())


def unit_of(second: Number) -> Number:
    """The largest of some second moments, 1 if all are 0."""
    largest = max(second.flat) if isinstance(second, np.ndarray) else second
    return largest if largest > 0 else mp.mpf(1)


def flat(value: Number, unit: Number, places: int) -> Array:
    """Numbers at all positions as multiples of a unit, in a row."""
    if not isinstance(value, np.ndarray):
        return np.full(places, float(value / unit))
    return np.array([float(one / unit) for one in value.flat])


def of_independent(mean: Number, second: Number, places: int) -> Spatial:
    """The products of positions that are independent of each other."""
    unit = unit_of(second)

    def make() -> Found:
        shift = flat(mean, mp.sqrt(unit), places)
        values = np.outer(shift, shift)
        np.fill_diagonal(values, flat(second, unit, places))
        return values, "closed form"

    return Spatial(places, unit, make)


def of_rows(rows: Array, places: int) -> Spatial:
    """The mean products over rows of numbers, channel after channel."""
    size = float(np.abs(rows).max()) or 1.0

    def make() -> Found:
        scaled = rows.reshape(-1, places) / size
        return scaled.T @ scaled / len(scaled), "closed form"

    return Spatial(places, mp.mpf(size) ** 2, make)


def summed(parts: Sequence[Spatial], shares: Sequence[Number]) -> Spatial:
    """A sum of multiples of products."""
    sizes = [share * part.unit for share, part in zip(shares, parts, strict=True)]
    unit = unit_of(np.array(sizes, dtype=object))

    def make(*values: Array) -> Found:
        each = [float(size / unit) * one for size, one in zip(sizes, values, strict=True)]
        return np.sum(each, axis=0), "closed form"

    return Spatial(parts[0].places, unit, make, tuple(parts))


def scaled(part: Spatial, factor: Number, diagonal: Number) -> Spatial:
    """A multiple of products of two positions, with second moments of their own."""
    unit = unit_of(diagonal)

    def make(values: Array) -> Found:
        made = float(factor * part.unit / unit) * values
        np.fill_diagonal(made, flat(diagonal, unit, part.places))
        return made, "closed form"

    return Spatial(part.places, unit, make, (part,))


def windows(values: NDArray[Any], before: tuple[int, ...], after: tuple[int, ...]) -> NDArray[Any]:
    """Sums over windows of positions, which stand along one direction of an array after the other.

    Args:
        values: with as many numbers as positions before, or their products with those of a second position.
        before, after: positions along each direction, and windows.
    """
    split = [size for count, length in zip(after, before, strict=True) for size in (count, length // count)]
    times = 1 if values.size == math.prod(before) else 2
    sums = values.reshape(split * times).sum(axis=tuple(range(1, times * len(split), 2)))
    return np.asarray(sums)


def widened(values: NDArray[Any], before: tuple[int, ...]) -> NDArray[Any]:
    """The number of every window at all of its positions."""
    for axis, length in enumerate(before):
        values = values.repeat(length // values.shape[axis], axis=axis)
    return values
