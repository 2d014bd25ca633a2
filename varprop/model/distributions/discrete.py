"""Distributions on one or two points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy as sp

from varprop.model.distributions.base import Array, Distribution, Shape, known
from varprop.model.domains import Parameter
from varprop.model.scalars import ScalarLike

__all__ = ["Bernoulli", "Constant", "Dropout", "Rademacher"]


@dataclass(frozen=True, init=False, repr=False)
class Constant(Distribution):
    """One value with probability one, such as a constant bias.

    Args:
        value: the value.

    Example:
        >>> Constant("c").moment(3), Constant("c").variance
        (c**3, 0)
    """

    parameters = (Parameter("value", "c", typical=(-2, 2)),)
    value: sp.Expr

    def __init__(self, value: ScalarLike) -> None:
        self._set(value=value)

    def _moment(self, k: int) -> sp.Expr:
        return self.value**k

    def _central_moment(self, k: int) -> sp.Expr:
        return sp.Integer(0)

    def _positive_part_moment(self, k: int) -> sp.Expr:
        return sp.Max(self.value, 0) ** k

    def _positive_probability(self) -> sp.Expr:
        self._refuse_moment("P(X > 0)", "the sign of the value is not known", "Declare it on the symbol.")

    @property
    def symmetric(self) -> bool | None:
        return known(self.value.is_zero)

    @property
    def atom_at_zero(self) -> bool | None:
        return known(self.value.is_zero)

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        return self.value, self.value

    @property
    def atoms(self) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
        return ((self.value, sp.S.One),)

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        (value,) = self._numbers()
        return np.full(shape, value)

    def latex(self) -> str:
        """The value itself."""
        return str(sp.latex(self.value))


@dataclass(frozen=True, repr=False)
class Rademacher(Distribution):
    """A fair sign: -1 or 1, each with probability 1/2.

    Example:
        >>> Rademacher().variance, Rademacher().moment(3)
        (1, 0)
    """

    def _moment(self, k: int) -> sp.Expr:
        return sp.Integer(1 - k % 2)

    def _positive_part_moment(self, k: int) -> sp.Expr:
        return sp.Rational(1, 2)

    @property
    def symmetric(self) -> bool:
        return True

    @property
    def atom_at_zero(self) -> bool:
        return False

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        return sp.Integer(-1), sp.Integer(1)

    @property
    def atoms(self) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
        return ((sp.S.NegativeOne, sp.S.Half), (sp.S.One, sp.S.Half))

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        return rng.choice([-1.0, 1.0], shape)


@dataclass(frozen=True, init=False, repr=False)
class Bernoulli(Distribution):
    """1 with probability p, otherwise 0.

    Args:
        p: the probability of 1.

    Raises:
        ParameterError: p is not in [0, 1].

    Example:
        >>> Bernoulli("p").moment(7), Bernoulli("p").variance
        (p, -p**2 + p)
    """

    parameters = (Parameter("p", "p", low=0, high=1, typical=(0.1, 0.9)),)
    p: sp.Expr

    def __init__(self, p: ScalarLike) -> None:
        self._set(p=p)

    def _moment(self, k: int) -> sp.Expr:
        return self.p

    def _positive_probability(self) -> sp.Expr:
        return self.p

    @property
    def symmetric(self) -> bool | None:
        return known(self.p.is_zero)

    @property
    def atom_at_zero(self) -> bool | None:
        return known((1 - self.p).is_positive)

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        return sp.Integer(0), sp.Integer(1)

    @property
    def atoms(self) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
        return ((sp.S.Zero, 1 - self.p), (sp.S.One, self.p))

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        (p,) = self._numbers()
        return (rng.random(shape) < p).astype(np.float64)


@dataclass(frozen=True, init=False, repr=False)
class Dropout(Distribution):
    """The inverted dropout mask: 1/keep with probability keep, otherwise 0; its mean is 1.

    Args:
        keep: the probability to keep a unit.

    Raises:
        ParameterError: keep is not in (0, 1].

    Example:
        >>> Dropout("1/2").moment(2), Dropout("k").mean
        (2, 1)

    Source: Srivastava et al., Dropout, 2014, section 10 (the mask multiplied by 1/keep in training).
    """

    parameters = (Parameter("keep", "p", low=0, high=1, low_open=True, typical=(0.2, 0.9)),)
    keep: sp.Expr

    def __init__(self, keep: ScalarLike) -> None:
        self._set(keep=keep)

    def _moment(self, k: int) -> sp.Expr:
        return self.keep ** (1 - k)

    def _positive_probability(self) -> sp.Expr:
        return self.keep

    @property
    def symmetric(self) -> bool:
        return False

    @property
    def atom_at_zero(self) -> bool | None:
        return known((1 - self.keep).is_positive)

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        return sp.Integer(0), 1 / self.keep

    @property
    def atoms(self) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
        return ((sp.S.Zero, 1 - self.keep), (1 / self.keep, self.keep))

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        (keep,) = self._numbers()
        return np.where(rng.random(shape) < keep, 1 / keep, 0.0)
