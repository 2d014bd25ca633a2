"""Small models shared by the examples and witnesses of the rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy as sp

from varprop.errors import MomentError
from varprop.model.axes import Axis
from varprop.model.distributions import Array, Distribution, Exponential, Normal, Uniform
from varprop.model.expressions import Expression
from varprop.model.joint import Empirical, Joint, Place
from varprop.model.variables import RandomVariable, RandomVector

__all__ = ["TABLE", "axis", "normal", "skewed", "table_row", "uneven_weights", "uniform", "variable"]

TABLE = Empirical([[1, 2, 0, 4], [0, 1, 3, 5], [2, 0, 1, 9], [1, 1, 2, 7]])


def axis(name: str = "i", size: int = 4) -> Axis:
    """Return a small axis."""
    return Axis(name, sp.Integer(size))


def variable(name: str, law: Distribution, *axes: Axis) -> RandomVariable:
    """Return a random variable along the axes."""
    return RandomVariable(name, law, axes)


def normal(name: str, *axes: Axis, mean: object = 0, variance: object = 1) -> RandomVariable:
    """Return a normal variable."""
    return variable(name, Normal(mean=mean, variance=variance), *axes)


def uniform(name: str, *axes: Axis) -> RandomVariable:
    """Return a variable uniform on [0, 1]: skewed against zero, with mean 1/2."""
    return variable(name, Uniform(0, 1), *axes)


def skewed(name: str, *axes: Axis) -> Expression:
    """Return a centered exponential: mean zero, variance one, not symmetric."""
    return variable(name, Exponential(mean=1), *axes) - 1


def table_row(name: str) -> RandomVariable:
    """Return one row of a small table, whose columns differ."""
    return RandomVector(name, TABLE)


@dataclass(frozen=True)
class UnevenSigns(Joint):
    """Independent random signs of different sizes: centered and uncorrelated, but of different variances."""

    sizes: tuple[int, ...] = (1, 2, 3)

    @property
    def shape(self) -> tuple[sp.Expr, ...]:
        return (sp.Integer(len(self.sizes)),)

    @property
    def alike(self) -> bool:
        return False

    @property
    def uncorrelated(self) -> bool:
        return True

    @property
    def entry_mean(self) -> sp.Expr:
        return sp.S.Zero

    def moment_exists(self, k: int) -> bool:
        return True

    def entry_moment(self, k: int, place: Place | None = None) -> sp.Expr:
        (column,) = place if isinstance(place, tuple) else (place,)
        if not isinstance(column, int):
            raise MomentError(f"E x_i^{k} of {self}", "its entries differ", "Name a place.")
        return sp.S.Zero if k % 2 else sp.Integer(self.sizes[column]) ** k

    def draw(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
        lead = (shape,) if isinstance(shape, int) else shape
        signs: Array = rng.choice([-1.0, 1.0], (*lead, len(self.sizes)))
        signs *= np.array(self.sizes)
        return signs


def uneven_weights(name: str) -> RandomVariable:
    """Return weights of mean zero, uncorrelated, but of different variances."""
    return RandomVector(name, UnevenSigns())
