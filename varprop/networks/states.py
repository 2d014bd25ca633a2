"""What is known of the units at one place of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from mpmath import mp
from numpy.typing import NDArray

from varprop.model.activations import Activation
from varprop.model.distributions import Distribution
from varprop.networks.layers import Shape
from varprop.networks.maps import Number

__all__ = ["LIMIT", "MOMENTS", "NormalUnit", "Sample", "State"]

LIMIT = "limit, width -> oo"
"""The validity of what holds as all widths grow together."""

MOMENTS = ("mean", "second", "fourth", "coincident", "pair", "cross")


@dataclass(frozen=True)
class NormalUnit:
    """One unit that is N(mean, second - mean^2): exactly, or in the limit of wide layers.

    Args:
        mean: E h.
        second: E h^2.
        exact: whether it is normal at every width.
    """

    mean: Number
    second: Number
    exact: bool = False


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of numbers that the input is drawn from; a single row is a fixed input.

    Args:
        rows: one input per row.
    """

    rows: NDArray[np.float64]

    @property
    def fixed(self) -> bool:
        """Whether there is just one input."""
        return len(self.rows) == 1

    def moment(self, power: int) -> Number:
        """The mean of h^power over rows and columns, whatever its size."""
        largest = float(np.abs(self.rows).max())
        if largest == 0:
            return mp.mpf(0)
        return mp.mpf(largest) ** power * float(np.mean((self.rows / largest) ** power))

    def slope_moment(self, activation: Activation) -> Number:
        """The mean of phi'(h)^2 over rows and columns."""
        return mp.mpf(float(np.mean(activation.derivative(self.rows) ** 2)))

    def applied(self, activation: Activation) -> Sample:
        """The rows after an activation."""
        return Sample(activation.value(self.rows))


@dataclass(frozen=True)
class State:
    """Moments of the units at one place, per unit, over weights and input.

    Args:
        shape: (units,), or (channels, positions, ...).
        mean: E h.
        second: E h^2.
        fourth: E h^4, where it is known exactly.
        coincident: E h_j^2 h_k^2 of two units, where it is known exactly.
        pair: E h h' of one unit under two inputs.
        pair_second: E h'^2 under the second input.
        cross: E h_j h_k of two units.
        symmetric: whether h and -h have one law, at every width.
        rows_flip: whether every unit may change its sign by itself.
        law: the law of one unit: a distribution, a sample of the input, or normal; None if it is neither.
        independent: whether the units are independent of each other.
        limits: the moments that hold in the limit of wide layers only.
        precision: the kind of number all of them are.
    """

    shape: Shape
    mean: Number
    second: Number
    fourth: Number | None = None
    coincident: Number | None = None
    pair: Number | None = None
    pair_second: Number | None = None
    cross: Number | None = None
    symmetric: bool = False
    rows_flip: bool = False
    law: Distribution | NormalUnit | Sample | None = None
    independent: bool = False
    limits: frozenset[str] = field(default=frozenset())
    precision: str = "closed form"

    def exact(self, name: str) -> bool:
        """Whether a moment holds at every width."""
        return name not in self.limits

    def after(self, exact: Mapping[str, bool], **changed: Any) -> State:
        """The state with other moments, each exact or not."""
        limits = (self.limits - exact.keys()) | {name for name, holds in exact.items() if not holds}
        return replace(self, limits=frozenset(limits), **changed)
