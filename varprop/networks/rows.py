"""One row of a profile: what is known of one place of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

import numpy as np
import sympy as sp
from mpmath import mp

from varprop.networks.convolving import average
from varprop.networks.layers import Shape
from varprop.networks.maps import Number, number
from varprop.networks.states import LIMIT, State

__all__ = ["CLAIMED", "LARGEST", "SMALLEST", "Row", "Value", "log10_of", "row_of", "settled", "shown_number"]

Value: TypeAlias = Any
"""A float; an mpmath float where that would be 0 or infinite; a SymPy expression where there are symbols."""

CLAIMED = {
    "mean": "E h",
    "second_moment": "E h^2",
    "fourth_moment": "E h^4",
    "pair": "E h h'",
    "gradient": "E (dy/dh)^2",
    "weight_gradient": "E (dy/dW)^2",
}
"""What a profile states of a layer, by name."""

SMALLEST, LARGEST = 1e-290, 1e290


def settled(value: Number | None) -> Value:
    """A number as users get it."""
    if isinstance(value, sp.Basic):
        grows = any(power.exp.free_symbols for power in value.atoms(sp.Pow))
        return sp.simplify(value) if grows else value
    if value is None:
        return None
    near = float(value)  # 0 or infinite beyond the range of floats
    return near if SMALLEST < abs(near) < LARGEST or value == 0 else value


@dataclass(frozen=True, slots=True)
class Row:
    """One place of a network: what a layer gives. All numbers are per unit, over weights and input.

    Attributes:
        path: the number of the layer, 0 for the input; inside blocks also branch and number there.
        label: the layer.
        kind: what kind of layer it is.
        shape: its units, or channels and positions.
        mean: E h.
        second_moment: E h^2.
        fourth_moment: E h^4 where it is known exactly, else None.
        pair: E h h' of one unit under two inputs.
        correlation: E h h' over the root of E h^2 E h'^2.
        gradient: E (dy/dh)^2 for a readout y = sum_j v_j h_j of the output with fresh v_j of variance 1.
        weight_gradient: E (dy/dW)^2 of one weight of the layer, None if it has none.
        typical: the typical size of a unit: the root mean square of the layer in a typical net.
        limits: the names of the numbers that hold in the limit of wide layers only.
        precision: the kind of number: "closed form", "enclosure" or "estimate".
    """

    path: tuple[int, ...]
    label: str
    kind: str
    shape: Shape
    mean: Value
    second_moment: Value
    fourth_moment: Value
    pair: Value
    correlation: Value
    gradient: Value
    weight_gradient: Value
    typical: Value
    limits: frozenset[str]
    precision: str

    @property
    def variance(self) -> Value:
        """E h^2 - (E h)^2."""
        return self.second_moment - self.mean**2

    def at(self, values: Mapping[sp.Symbol, sp.Expr], path: tuple[int, ...]) -> Row:
        """The row in numbers, at the place it has once all repetitions are written out."""
        changed = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, sp.Basic):
                changed[field.name] = settled(number(value.xreplace(dict(values))))
        return replace(self, path=path, **changed)

    @property
    def validity(self) -> str:
        """That of the second moment: "exact", or the limit in which it holds."""
        return self.validity_of("second_moment")

    def validity_of(self, name: str) -> str:
        """ "exact" for a number that holds at every width, else the limit in which it holds."""
        if name in ("variance", "correlation"):
            parts = {"variance": ("mean", "second_moment"), "correlation": ("pair", "second_moment")}[name]
            return LIMIT if self.limits & set(parts) else "exact"
        return LIMIT if name in self.limits else "exact"


NAMES = {"mean": "mean", "second": "second_moment", "fourth": "fourth_moment", "pair": "pair"}


def row_of(
    path: tuple[int, ...],
    label: str,
    kind: str,
    s: State,
    gradient: tuple[Number, bool],
    weights: tuple[Number | None, bool],
    typical: tuple[Number, bool],
    precision: str,
) -> Row:
    """The row of a state, with what is known of the gradient there."""
    limits = {NAMES[name] for name in s.limits if name in NAMES}
    for name, (_, exact) in (("gradient", gradient), ("weight_gradient", weights), ("typical", typical)):
        if not exact:
            limits.add(name)
    if isinstance(s.second, np.ndarray):
        names = ("mean", "second", "pair", "pair_second")
        s = s.after({}, **{name: average(getattr(s, name)) for name in names})
    correlation = None
    if s.pair is not None and s.pair_second is not None:
        root = sp.sqrt if isinstance(s.second, sp.Basic) else mp.sqrt
        size = root(s.second * s.pair_second)
        correlation = None if size == 0 else s.pair / size
    weights = (average(weights[0]), weights[1])
    gradient = (average(gradient[0]), gradient[1])
    size = typical[0]
    if isinstance(size, np.ndarray):
        size = mp.sqrt(average(size**2))
    numbers = (s.mean, s.second, s.fourth, s.pair, correlation, gradient[0], weights[0], size)
    mean, second, fourth, pair, close, slope, weight, size = map(settled, numbers)
    return Row(
        path,
        label,
        kind,
        s.shape,
        mean,
        second,
        fourth,
        pair,
        close,
        slope,
        weight,
        size,
        frozenset(limits),
        precision,
    )


def shown_number(value: Value, digits: int = 4) -> str:
    """A number in few characters, beyond the range of floats too."""
    if value is None:
        return ""
    if isinstance(value, (float, int)):
        return f"{value:.{digits}g}"
    return str(value) if isinstance(value, sp.Basic) else mp.nstr(value, digits)


def log10_of(value: Value) -> float:
    """The decimal logarithm of the size of a number of any size; minus infinity for 0."""
    return float(mp.log10(abs(value))) if value else float("-inf")
