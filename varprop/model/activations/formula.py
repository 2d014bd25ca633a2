"""Activations given by formulas between their kinks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import sympy as sp

from varprop.model.activations.base import Activation, Array, X
from varprop.model.domains import Parameter

__all__ = ["Formula"]


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

    def __post_init__(self) -> None:
        for parameter in self.parameters:
            value = parameter.validate(getattr(self, parameter.name), self.label)
            object.__setattr__(self, parameter.name, value)

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
        return f"{self.label}({', '.join(map(str, self.arguments))})"

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
                [float(side.subs(X, kink)) for side in (pieces[k], pieces[k + 1])]
                for k, kink in enumerate(self.kinks)
            ]
            found.append((np.array([low for low, _ in ends]), np.array([high for _, high in ends])))
        return tuple(found)

    def sides(self, order: int) -> tuple[Array, Array]:
        return self._sides[order]

    def at(self, values: Mapping[Any, Any]) -> Activation:
        if not any(value.free_symbols & set(values) for value in self.arguments):
            return self
        return type(self)(*(value.xreplace(dict(values)) for value in self.arguments))
