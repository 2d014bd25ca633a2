"""Activations with kinks: the exponential units, the hard ones, softsign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from varprop.errors import ParameterError
from varprop.model.activations.base import Array, X, is_argument
from varprop.model.activations.formula import Formula
from varprop.model.calls import explained
from varprop.model.domains import Parameter

__all__ = ["celu", "elu", "hardsigmoid", "hardswish", "hardtanh", "relu6", "selu", "softsign"]

_HALF = sp.erfc(1 / sp.sqrt(2))
SELU_ALPHA = -sp.sqrt(2 / sp.pi) / (_HALF * sp.exp(sp.Rational(1, 2)) - 1)
SELU_SCALE = (
    (1 - _HALF * sp.exp(sp.Rational(1, 2)))
    * sp.sqrt(2 * sp.pi)
    / sp.sqrt(
        2 * sp.erfc(sp.sqrt(2)) * sp.exp(2)
        + sp.pi * _HALF**2 * sp.E
        - 2 * (2 + sp.pi) * _HALF * sp.exp(sp.Rational(1, 2))
        + sp.pi
        + 2
    )
)
ALPHA = Parameter("alpha", r"\alpha", low=0, low_open=True, typical=(0.5, 2))


@dataclass(frozen=True)
class Exponential(Formula):
    """scale x above 0, scale alpha (exp(x / width) - 1) below."""

    @property
    def kinks(self) -> tuple[sp.Expr, ...]:
        return (sp.S.Zero,)

    only_zero = True

    @property
    def shape(self) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
        """scale, alpha and width."""
        raise NotImplementedError  # pragma: no cover

    @cached_property
    def _floats(self) -> tuple[float, float, float]:
        scale, alpha, width = (float(sp.N(part, 30)) for part in self.shape)
        return scale, alpha, width

    @property
    def pieces(self) -> tuple[sp.Expr, ...]:
        scale, alpha, width = self.shape
        return scale * alpha * (sp.exp(X / width) - 1), scale * X

    def _value(self, x: Array) -> Any:
        scale, alpha, width = self._floats
        return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / width))

    def _first(self, x: Array) -> Any:
        scale, alpha, width = self._floats
        return scale * np.where(x > 0, 1.0, alpha / width * np.exp(np.minimum(x, 0) / width))

    def _second(self, x: Array) -> Any:
        scale, alpha, width = self._floats
        return scale * np.where(x > 0, 0.0, alpha / width / width * np.exp(np.minimum(x, 0) / width))

    def beside_limit(self, x: Array, above: NDArray[np.bool_]) -> Array:
        scale, alpha, width = self._floats
        below = np.where(x > 0, x + alpha, alpha * np.exp(np.minimum(x, 0) / width))
        return np.where(above, self.value(x), scale * below)


@dataclass(frozen=True)
class Elu(Exponential):
    """x above 0, alpha (exp(x) - 1) below.

    Source: Clevert, Unterthiner, Hochreiter 2016.
    """

    label = "elu"
    parameters = (ALPHA,)
    alpha: sp.Expr = sp.S.One

    @property
    def shape(self) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
        return sp.S.One, self.alpha, sp.S.One


@dataclass(frozen=True)
class Celu(Exponential):
    """x above 0, alpha (exp(x / alpha) - 1) below; its slope is continuous.

    Source: Barron 2017.
    """

    label = "celu"
    parameters = (ALPHA,)
    alpha: sp.Expr = sp.S.One

    @property
    def shape(self) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
        return sp.S.One, self.alpha, self.alpha


@dataclass(frozen=True)
class Selu(Exponential):
    """The ELU, scaled so that mean 0 and variance 1 are a fixed point.

    Source: Klambauer, Unterthiner, Mayr, Hochreiter 2017, equation (14).
    """

    label = "selu"

    @property
    def shape(self) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
        return SELU_SCALE, SELU_ALPHA, sp.S.One


@dataclass(frozen=True)
class Clipped(Formula):
    """x between two bounds, and the nearer bound outside."""

    @property
    def bounds(self) -> tuple[sp.Expr, sp.Expr]:
        raise NotImplementedError  # pragma: no cover

    @property
    def kinks(self) -> tuple[sp.Expr, ...]:
        return self.bounds

    @property
    def pieces(self) -> tuple[sp.Expr, ...]:
        low, high = self.bounds
        return low, X, high

    @cached_property
    def _floats(self) -> tuple[float, float]:
        low, high = map(float, self.bounds)
        return low, high

    def _value(self, x: Array) -> Any:
        low, high = self._floats
        return np.clip(x, low, high)

    def _first(self, x: Array) -> Any:
        low, high = self._floats
        return np.where(np.isnan(x), np.nan, (x > low) & (x < high))

    def _second(self, x: Array) -> Any:
        return np.where(np.isnan(x), np.nan, 0.0)


@dataclass(frozen=True)
class Hardtanh(Clipped):
    """x, clipped to [low, high]."""

    label = "hardtanh"
    growth = 0
    parameters = (Parameter("low", "a", typical=(-2, -0.5)), Parameter("high", "b", typical=(0.5, 2)))
    low: sp.Expr = sp.S.NegativeOne
    high: sp.Expr = sp.S.One

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.high - self.low).is_positive:
            raise ParameterError(
                f"hardtanh({self.low}, {self.high})",
                "low is not known to be below high",
                "Numbers are its bounds; hardtanh()(x) clips x",
            )

    @property
    def bounds(self) -> tuple[sp.Expr, sp.Expr]:
        return self.low, self.high

    @property
    def parity(self) -> str:
        return "odd" if self.low == -self.high else "neither"

    @property
    def vanishes_only_at_zero(self) -> bool:
        return bool(self.low.is_negative and self.high.is_positive)


@dataclass(frozen=True)
class Relu6(Clipped):
    """x, clipped to [0, 6].

    Source: Howard et al. 2017.
    """

    label = "relu6"
    growth = 0

    @property
    def bounds(self) -> tuple[sp.Expr, sp.Expr]:
        return sp.S.Zero, sp.Integer(6)

    @property
    def gates(self) -> bool:
        return True


@dataclass(frozen=True)
class Hardsigmoid(Formula):
    """(x + 3) / 6, clipped to [0, 1].

    Source: Howard et al. 2019.
    """

    label = "hardsigmoid"
    growth = 0
    kinks = (sp.Integer(-3), sp.Integer(3))
    pieces = (sp.S.Zero, (X + 3) / 6, sp.S.One)

    def _value(self, x: Array) -> Any:
        return np.clip(x + 3, 0, 6) / 6

    def _first(self, x: Array) -> Any:
        return np.where(np.isnan(x), np.nan, (np.abs(x) < 3) / 6)

    def _second(self, x: Array) -> Any:
        return np.where(np.isnan(x), np.nan, 0.0)


@dataclass(frozen=True)
class Hardswish(Formula):
    """x times the hard sigmoid.

    Source: Howard et al. 2019.
    """

    label = "hardswish"
    kinks = (sp.Integer(-3), sp.Integer(3))
    pieces = (sp.S.Zero, X * (X + 3) / 6, X)

    def _value(self, x: Array) -> Any:
        return x * (np.clip(x + 3, 0, 6) / 6)

    def _first(self, x: Array) -> Any:
        return np.where(np.isnan(x), np.nan, np.where(np.abs(x) < 3, x / 3 + 0.5, x >= 3))

    def _second(self, x: Array) -> Any:
        return np.where(np.isnan(x), np.nan, (np.abs(x) < 3) / 3)


@dataclass(frozen=True)
class Softsign(Formula):
    """x / (1 + |x|)."""

    label = "softsign"
    majorants = (1, 1)
    growth = 0
    symmetry = "odd"
    only_zero = True
    kinks = (sp.S.Zero,)
    pieces = (X / (1 - X), X / (1 + X))

    def _value(self, x: Array) -> Any:
        return x / (1 + np.abs(x))

    def _first(self, x: Array) -> Any:
        return 1 / (1 + np.abs(x)) ** 2

    def _second(self, x: Array) -> Any:
        return -2 * np.sign(x) / (1 + np.abs(x)) ** 3

    def beside_limit(self, x: Array, above: NDArray[np.bool_]) -> Array:
        sign = np.where(above, 1.0, -1.0)
        x = sign * x
        return np.asarray(-sign * (1 + 2 * np.maximum(-x, 0)) / (1 + np.abs(x)))


def _made(family: Callable[..., Formula], given: Any, rest: tuple[object, ...] = ()) -> Any:
    """The member of a family, or its default member applied to what is random or an array."""
    if is_argument(given):
        return family()(given)
    return family(given, *rest)


@explained
def elu(alpha: Any = 1) -> Any:
    """Return the exponential linear unit: x for x > 0, alpha (exp(x) - 1) for x < 0.

    Args:
        alpha: a positive number, a symbol or text. An Expression, a Distribution or an
            array is what elu() is applied to.

    Raises:
        ParameterError: alpha is no positive number.

    Example:
        >>> print(elu(2), elu()(-1.0).round(6))
        elu(2) -0.632121
    """
    return _made(Elu, alpha)


@explained
def celu(alpha: Any = 1) -> Any:
    """Return the continuously differentiable ELU: x for x > 0, alpha (exp(x / alpha) - 1) for x < 0.

    Args:
        alpha: a positive number, a symbol or text. An Expression, a Distribution or an
            array is what celu() is applied to.

    Raises:
        ParameterError: alpha is no positive number.

    Example:
        >>> print(celu(2), celu())
        celu(2) celu
    """
    return _made(Celu, alpha)


@explained
def hardtanh(low: Any = -1, high: Any = 1) -> Any:
    """Return x clipped to [low, high].

    Args:
        low: the lower bound; an Expression, a Distribution or an array is what hardtanh() is applied to.
        high: the upper bound.

    Raises:
        ParameterError: the bounds are no numbers with low < high.

    Example:
        >>> print(hardtanh(-2, 2), hardtanh())
        hardtanh(-2, 2) hardtanh
    """
    return _made(Hardtanh, low, (high,))


selu, relu6, hardsigmoid, hardswish, softsign = Selu(), Relu6(), Hardsigmoid(), Hardswish(), Softsign()
