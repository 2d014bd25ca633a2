"""Activations given by formulas between their kinks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np
import sympy as sp

from varprop.errors import ParameterError
from varprop.model.activations.base import Activation, Array, X
from varprop.model.activations.closed import normal_expectation, special, terms_of
from varprop.model.activations.finding import stencil, stencil_doubt
from varprop.model.activations.homogeneous import HomogeneousActivation
from varprop.model.decimals import short, within_floats
from varprop.model.distributions import Distribution, Normal
from varprop.model.domains import Parameter
from varprop.model.sizes import substitute

__all__ = ["Formula", "Slope", "normal_moment", "slope_of"]


@dataclass(frozen=True)
class Formula(Activation):
    """An activation with a formula between any two kinks, analytic there; a subclass for each.

    A subclass gives `label`, `growth`, `pieces` (and `kinks`, if any) as SymPy expressions, and the hooks
    `_value`, `_first` and `_second`: the same function and its derivatives in NumPy, without loss of digits
    for any argument. Tests hold the ones against the others.

    Example:
        >>> from varprop import tanh
        >>> tanh.pieces, tanh.kinks, float(tanh.derivative(0.0))
        ((tanh(x),), (), 1.0)
    """

    label: ClassVar[str] = ""
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    symmetry: ClassVar[str] = "neither"
    only_zero: ClassVar[bool] = False
    growth: ClassVar[int | None] = 1
    majorants: ClassVar[tuple[int, int] | None] = None
    """(C, C'), for proofs: |phi(x)| <= C (1 + |x|)^growth, |phi'(x)| <= C' (1 + |x|)^max(growth - 1, 0)."""

    def __post_init__(self) -> None:
        for parameter in self.parameters:
            value = parameter.validate(getattr(self, parameter.name), self.label)
            what = f"{self.label}: {parameter.name}"
            object.__setattr__(self, parameter.name, within_floats(value, what))

    def _value(self, x: Array) -> Any:
        raise NotImplementedError  # pragma: no cover

    def _first(self, x: Array) -> Any:
        raise NotImplementedError  # pragma: no cover

    def _second(self, x: Array) -> Any:
        raise NotImplementedError  # pragma: no cover

    @property
    def arguments(self) -> tuple[sp.Expr, ...]:
        """Its parameters, in order."""
        return tuple(getattr(self, parameter.name) for parameter in self.parameters)

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """Its parameters as floats."""
        return tuple(float(value) for value in self.arguments)

    @property
    def name(self) -> str:
        defaults = tuple(sp.sympify(field.default) for field in dataclasses.fields(self))
        if self.arguments == defaults:
            return self.label
        return f"{self.label}({', '.join(map(short, self.arguments))})"

    @property
    def parity(self) -> str:
        return self.symmetry

    @property
    def vanishes_only_at_zero(self) -> bool:
        return self.only_zero

    def value(self, x: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(self._value(np.asarray(x, dtype=np.float64)), dtype=np.float64)

    def derivative(self, x: Array) -> Array:
        x = np.asarray(x, dtype=np.float64)
        with np.errstate(all="ignore"):
            found = np.asarray(self._first(x), dtype=np.float64)
        if self.pieces is None:
            return found
        low, high = self.sides(1)
        for kink, left, right in zip(self.breaks, low, high, strict=True):
            if left != right:
                found = np.where(x == kink, 0.0, found)
        return found

    def second_derivative(self, x: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(self._second(np.asarray(x, dtype=np.float64)), dtype=np.float64)

    @cached_property
    def breaks(self) -> Array:
        return np.array([float(kink) for kink in self.kinks])

    @cached_property
    def _sides(self) -> tuple[tuple[Array, Array], ...]:
        found = []
        for order in (0, 1):
            pieces = [sp.diff(piece, X, order) for piece in self.pieces or ()]
            ends = [
                [self._limit(side, kink) for side in (pieces[k], pieces[k + 1])]
                for k, kink in enumerate(self.kinks)
            ]
            found.append((np.array([low for low, _ in ends]), np.array([high for _, high in ends])))
        return tuple(found)

    def _limit(self, piece: sp.Expr, kink: sp.Expr) -> float:
        found = piece.subs(X, kink)
        if found.is_finite is False or found is sp.nan:
            missing = f"it or its slope has no limit at {kink}"
            raise ParameterError(
                f"activation {self.name}", missing, "Give one of bounded slope at its kinks."
            )
        return float(found)

    def sides(self, order: int) -> tuple[Array, Array]:
        return super().sides(order) if self.pieces is None else self._sides[order]

    def side_doubts(self, order: int) -> tuple[Array, Array]:
        exact = np.zeros(len(self.breaks))
        return super().side_doubts(order) if self.pieces is None else (exact, exact)

    def moment(self, power: int, distribution: Distribution, times: int = 0) -> sp.Expr:
        if isinstance(distribution, Normal):
            found = normal_moment(self, power, times, distribution.mean, distribution.variance)
        else:
            found = self._polynomial_moment(power, distribution, times)
        if found is None:
            return super().moment(power, distribution, times)
        return found

    def _polynomial_moment(self, power: int, law: Distribution, times: int) -> sp.Expr | None:
        terms = terms_of(self.pieces[0] ** power * X**times) if self.pieces and not self.kinks else None
        if terms is None or any(term.rate != 0 or term.bend != 0 for term in terms):
            return None
        return sp.Add(*(term.coefficient * law.moment(term.power) for term in terms))

    @property
    def majorant(self) -> tuple[sp.Expr, int] | None:
        """(C, d) with |phi(x)| <= C (1 + |x|)^d for every x."""
        if self.majorants is None or self.growth is None:
            return None
        return sp.Integer(self.majorants[0]), self.growth

    @property
    def slope(self) -> Slope:
        """Its derivative as an activation."""
        return Slope(self)

    def at(self, values: Mapping[Any, Any]) -> Activation:
        if not any(value.free_symbols & set(values) for value in self.arguments):
            return self
        return type(self)(*(substitute(value, values) for value in self.arguments))


@dataclass(frozen=True)
class Slope(Formula):
    """The derivative of an activation, as an activation of its own.

    Args:
        of: the activation.

    Example:
        >>> from varprop import tanh
        >>> print(tanh.slope, float(tanh.slope(0.0)))
        tanh' 1.0
    """

    of: Activation

    @property
    def name(self) -> str:
        return f"{self.of.name}'"

    @property
    def doubtful(self) -> bool:
        return True

    def doubt(self, x: Array, order: int) -> Array:
        if order < 2:
            return self.of.doubt(x, order + 1)
        return stencil_doubt(self.of.second_derivative, np.asarray(x, dtype=np.float64), self.breaks, 1)

    @property
    def parity(self) -> str:
        return {"odd": "even", "even": "odd"}.get(self.of.parity, "neither")

    @property
    def growth(self) -> int | None:  # type: ignore[override]
        if not isinstance(self.of, Formula) or self.of.growth is None:
            return None
        return max(self.of.growth - 1, 0)

    @property
    def majorant(self) -> tuple[sp.Expr, int] | None:
        if not isinstance(self.of, Formula) or self.of.majorants is None or self.growth is None:
            return None
        return sp.Integer(self.of.majorants[1]), self.growth

    @property
    def kinks(self) -> tuple[sp.Expr, ...]:
        return self.of.kinks

    @property
    def pieces(self) -> tuple[sp.Expr, ...] | None:
        of = self.of.pieces
        return None if of is None else tuple(sp.diff(piece, X) for piece in of)

    def _value(self, x: Array) -> Any:
        return self.of.derivative(x)

    def _first(self, x: Array) -> Any:
        return self.of.second_derivative(x)

    def _second(self, x: Array) -> Any:
        return stencil(self.of.second_derivative, x, self.breaks, 1)

    def at(self, values: Mapping[Any, Any]) -> Activation:
        of = self.of.at(values)
        return self if of is self.of else Slope(of)


def slope_of(phi: Activation) -> Activation | None:
    """Return phi', where it exists, as an activation; None if it is 0 almost everywhere.

    Example:
        >>> from varprop import gelu, relu, step
        >>> print(slope_of(relu), slope_of(gelu), slope_of(step))
        relu' gelu' None
    """
    if isinstance(phi, HomogeneousActivation):
        return phi.slope if phi.degree else None
    return Slope(phi)


@lru_cache(maxsize=4096)
def normal_moment(
    phi: Activation, power: int, times: int, mean: sp.Expr, variance: sp.Expr, everywhere: bool = False
) -> sp.Expr | None:
    """E phi(X)^power X^times for X of N(mean, variance), in closed form; None where none is known.

    Unless `everywhere`, also None where SymPy finds no digits of it.

    Example:
        >>> from varprop import gelu, tanh
        >>> normal_moment(gelu, 1, 0, sp.S.Zero, sp.S.One), normal_moment(tanh, 2, 0, sp.S.Zero, sp.S.One)
        (1/(2*sqrt(pi)), None)
    """
    if phi.pieces is None:
        return None
    found = special(phi.pieces[0], power, times, mean, variance) if len(phi.pieces) == 1 else None
    if found is None:
        found = normal_expectation(phi.pieces, phi.kinks, mean, variance, power, times, everywhere)
    return found
