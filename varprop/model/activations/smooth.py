"""Analytic activations: sigmoids, their products with x, sin, cos, exp, powers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import special

from varprop.model.activations.base import Array, X
from varprop.model.activations.closed import ERF, GELU
from varprop.model.activations.formula import Formula

__all__ = [
    "cos",
    "erf",
    "exp",
    "gelu",
    "gelu_tanh",
    "mish",
    "sigmoid",
    "silu",
    "sin",
    "softplus",
    "square",
    "tanh",
]


def _density(x: Array) -> Array:
    return np.asarray(np.exp(-x * x / 2) / math.sqrt(2 * math.pi))


def _sigmoid_slope(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    return np.asarray(small / (1 + small) ** 2)


def _sigmoid_curvature(x: Array) -> Array:
    return -_sigmoid_slope(x) * np.tanh(x / 2)


@dataclass(frozen=True)
class Tanh(Formula):
    """The hyperbolic tangent."""

    label = "tanh"
    majorants = (1, 1)
    growth = 0
    symmetry = "odd"
    only_zero = True
    pieces = (sp.tanh(X),)

    def _value(self, x: Array) -> Any:
        return np.tanh(x)

    def _first(self, x: Array) -> Any:
        return 4 * _sigmoid_slope(2 * x)

    def _second(self, x: Array) -> Any:
        return 8 * _sigmoid_curvature(2 * x)

    def beside_limit(self, x: Array, above: NDArray[np.bool_]) -> Array:
        sign = np.where(above, -1.0, 1.0)
        return np.asarray(2 * sign * special.expit(2 * sign * x))


@dataclass(frozen=True)
class Sigmoid(Formula):
    """The logistic function, 1 / (1 + exp(-x))."""

    label = "sigmoid"
    majorants = (1, 1)
    growth = 0
    only_zero = True
    pieces = (1 / (1 + sp.exp(-X)),)

    def beside_limit(self, x: Array, above: NDArray[np.bool_]) -> Array:
        sign = np.where(above, -1.0, 1.0)
        return np.asarray(sign * special.expit(sign * x))

    def _value(self, x: Array) -> Any:
        return special.expit(x)

    def _first(self, x: Array) -> Any:
        return _sigmoid_slope(x)

    def _second(self, x: Array) -> Any:
        return _sigmoid_curvature(x)


@dataclass(frozen=True)
class Silu(Formula):
    """x times the logistic function, also called swish.

    Source: Elfwing, Uchibe, Doya 2018; Ramachandran, Zoph, Le 2017.
    """

    label = "silu"
    majorants = (1, 2)
    only_zero = True
    pieces = (X / (1 + sp.exp(-X)),)

    def _value(self, x: Array) -> Any:
        return x * special.expit(x)

    def _first(self, x: Array) -> Any:
        return special.expit(x) + x * _sigmoid_slope(x)

    def _second(self, x: Array) -> Any:
        return 2 * _sigmoid_slope(x) + x * _sigmoid_curvature(x)


@dataclass(frozen=True)
class Gelu(Formula):
    """x times the normal distribution function.

    Source: Hendrycks, Gimpel 2016.
    """

    label = "gelu"
    majorants = (1, 2)
    only_zero = True
    pieces = (GELU,)

    def _value(self, x: Array) -> Any:
        return x * special.ndtr(x)

    def _first(self, x: Array) -> Any:
        return special.ndtr(x) + x * _density(x)

    def _second(self, x: Array) -> Any:
        return _density(x) * (2 - x * x)


@dataclass(frozen=True)
class GeluTanh(Formula):
    """The approximation of GELU by tanh.

    Source: Hendrycks, Gimpel 2016, section 2.
    """

    label = "gelu_tanh"
    majorants = (1, 2)
    only_zero = True
    pieces = (X / (1 + sp.exp(-2 * sp.sqrt(2 / sp.pi) * (X + sp.Rational(44715, 1000000) * X**3))),)

    @staticmethod
    def _gate(x: Array) -> tuple[Array, Array, Array]:
        """The argument of the logistic function, and its derivatives; beyond 50 it is 0 or 1."""
        x = np.clip(x, -50, 50)
        c = 2 * math.sqrt(2 / math.pi)
        return c * (x + 0.044715 * x**3), c * (1 + 3 * 0.044715 * x**2), c * 6 * 0.044715 * x

    def _value(self, x: Array) -> Any:
        return x * special.expit(self._gate(x)[0])

    def _first(self, x: Array) -> Any:
        u, slope, _ = self._gate(x)
        return special.expit(u) + x * _sigmoid_slope(u) * slope

    def _second(self, x: Array) -> Any:
        u, slope, bend = self._gate(x)
        return 2 * slope * _sigmoid_slope(u) + x * (
            _sigmoid_curvature(u) * slope**2 + _sigmoid_slope(u) * bend
        )


@dataclass(frozen=True)
class Mish(Formula):
    """x tanh(log(1 + exp(x))), written without a logarithm.

    Source: Misra 2019.
    """

    label = "mish"
    majorants = (1, 2)
    only_zero = True
    pieces = (X - 2 * X / ((1 + sp.exp(X)) ** 2 + 1),)

    @staticmethod
    def _gate(x: Array) -> tuple[Array, Array]:
        """tanh(softplus(x)) and 1 minus its square."""
        e = np.exp(-np.abs(x))
        above, below = 1 + 2 * e + 2 * e * e, e * e + 2 * e + 2
        gate = np.where(x > 0, (1 + 2 * e) / above, e * (e + 2) / below)
        return gate, np.where(x > 0, 4 * e**2 * (1 + e) ** 2 / above**2, 4 * (1 + e) ** 2 / below**2)

    def _value(self, x: Array) -> Any:
        return x * self._gate(x)[0]

    def _first(self, x: Array) -> Any:
        gate, rest = self._gate(x)
        return gate + x * rest * special.expit(x)

    def _second(self, x: Array) -> Any:
        gate, rest = self._gate(x)
        slope = special.expit(x)
        return 2 * rest * slope + x * (_sigmoid_slope(x) - 2 * gate * slope**2) * rest


@dataclass(frozen=True)
class Softplus(Formula):
    """log(1 + exp(x))."""

    label = "softplus"
    majorants = (1, 1)
    only_zero = True
    pieces = (sp.log(1 + sp.exp(X)),)

    def _value(self, x: Array) -> Any:
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    def _first(self, x: Array) -> Any:
        return special.expit(x)

    def _second(self, x: Array) -> Any:
        return _sigmoid_slope(x)


@dataclass(frozen=True)
class Erf(Formula):
    """The error function."""

    label = "erf"
    majorants = (1, 2)
    growth = 0
    symmetry = "odd"
    only_zero = True
    pieces = (ERF,)

    def _value(self, x: Array) -> Any:
        return special.erf(x)

    def _first(self, x: Array) -> Any:
        return 2 / math.sqrt(math.pi) * np.exp(-x * x)

    def _second(self, x: Array) -> Any:
        return -2 * x * self._first(x)

    def beside_limit(self, x: Array, above: NDArray[np.bool_]) -> Array:
        sign = np.where(above, -1.0, 1.0)
        return np.asarray(sign * special.erfc(-sign * x))


@dataclass(frozen=True)
class Sin(Formula):
    """The sine."""

    label = "sin"
    majorants = (1, 1)
    growth = 0
    symmetry = "odd"
    pieces = (sp.sin(X),)

    def _value(self, x: Array) -> Any:
        return np.sin(x)

    def _first(self, x: Array) -> Any:
        return np.cos(x)

    def _second(self, x: Array) -> Any:
        return -np.sin(x)


@dataclass(frozen=True)
class Cos(Formula):
    """The cosine."""

    label = "cos"
    majorants = (1, 1)
    growth = 0
    symmetry = "even"
    pieces = (sp.cos(X),)

    def _value(self, x: Array) -> Any:
        return np.cos(x)

    def _first(self, x: Array) -> Any:
        return -np.sin(x)

    def _second(self, x: Array) -> Any:
        return -np.cos(x)


@dataclass(frozen=True)
class Exp(Formula):
    """The exponential function."""

    label = "exp"
    growth = None
    only_zero = True
    pieces = (sp.exp(X),)

    def _value(self, x: Array) -> Any:
        return np.exp(x)

    def _first(self, x: Array) -> Any:
        return np.exp(x)

    def _second(self, x: Array) -> Any:
        return np.exp(x)


@dataclass(frozen=True)
class Square(Formula):
    """The square."""

    label = "square"
    growth = 2
    symmetry = "even"
    only_zero = True
    pieces = (X**2,)

    def _value(self, x: Array) -> Any:
        return x * x

    def _first(self, x: Array) -> Any:
        return 2 * x

    def _second(self, x: Array) -> Any:
        return np.full(np.shape(x), 2.0)


tanh, sigmoid, silu, gelu, gelu_tanh, mish = Tanh(), Sigmoid(), Silu(), Gelu(), GeluTanh(), Mish()
softplus, erf, sin, cos, exp, square = Softplus(), Erf(), Sin(), Cos(), Exp(), Square()
