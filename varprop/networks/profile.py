"""A profile: what is known of every layer of a network, forward and backward."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import sympy as sp
from mpmath import mp

from varprop.errors import ParameterError, SamplingError
from varprop.evidence.sampled import NumericClaim
from varprop.networks.convolving import average
from varprop.networks.layers import Shape
from varprop.networks.maps import Number
from varprop.networks.network import Input, Network
from varprop.networks.simulations import NetworkSimulation, refuse_symbols
from varprop.networks.states import LIMIT, State

__all__ = ["Profile", "Row", "Value", "row_of", "shown_number"]

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

GROWTH = 4
"""How many times wider the second network of a check is, for what holds in the limit of wide layers."""

SMALLEST, LARGEST = mp.mpf(10) ** -290, mp.mpf(10) ** 290


def settled(value: Number | None) -> Value:
    """A number as users get it."""
    if value is None or isinstance(value, sp.Basic):
        return value
    return float(value) if value == 0 or SMALLEST < abs(value) < LARGEST else value


@dataclass(frozen=True, slots=True)
class Row:
    """One place of a network: what a layer gives. All numbers are per unit, over weights and input.

    Attributes:
        path: the number of the layer, 0 for the input; inside blocks also branch and number there.
        label: the layer.
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
        size = mp.sqrt(s.second)
    numbers = (s.mean, s.second, s.fourth, s.pair, correlation, gradient[0], weights[0], size)
    mean, second, fourth, pair, close, slope, weight, size = map(settled, numbers)
    return Row(
        path,
        label,
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


@dataclass(frozen=True, eq=False)
class Profile:
    """What `propagate` found: one row per layer, forward and backward.

    Attributes:
        network: the network, repetitions written out where their number is known.
        input: what it is fed.
        rows: the input, then every layer in order; what is inside blocks follows its block.
        names: the numbers that a check looks at.
        places: the layers that a check looks at; None for all.
    """

    network: Network
    input: Input
    rows: tuple[Row, ...]
    names: tuple[str, ...] = ("mean", "second_moment", "pair", "gradient", "weight_gradient")
    places: frozenset[int] | None = None

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Row:
        return self.rows[place]

    @property
    def validity(self) -> str:
        """ "exact", or the worst of the rows."""
        return LIMIT if any(row.limits for row in self.rows) else "exact"

    def only(self, *names: str, layers: Iterable[int] | None = None) -> Profile:
        """The profile with claims about fewer numbers, for a check that is to look at these alone.

        Args:
            names: of "mean", "second_moment", "fourth_moment", "pair", "gradient", "weight_gradient".
            layers: numbers of layers, 0 for the input; all if not given.

        Raises:
            ParameterError: no such name.
        """
        unknown = [name for name in names if name not in CLAIMED]
        if unknown:
            raise ParameterError(
                f"only({unknown[0]!r})",
                "a profile states no such number",
                f"Choose from {', '.join(CLAIMED)}.",
            )
        chosen = self.places if layers is None else frozenset(layers)
        return replace(self, names=names or self.names, places=chosen)

    def numeric_claims(self) -> tuple[NumericClaim, ...]:
        """What `check` tests: the moments of every layer against networks that are drawn.

        Raises:
            SamplingError: a size or a parameter is a symbol, or a number is beyond the range of floats.
        """
        refuse_symbols(self.network, self.input)
        columns = self.simulation("own", 1.0).columns
        claims = []
        for row in self.rows:
            if self.places is not None and row.path[0] not in self.places:
                continue
            for name in self.names:
                value, column = getattr(row, name), columns.get((row.path, name))
                if value is None or column is None:
                    continue
                if not isinstance(value, float):
                    raise SamplingError(
                        f"check of {row.label}",
                        f"its {name.replace('_', ' ')} is {shown_number(value)}, beyond the range of floats",
                        "Check a network that is less deep.",
                    )
                squares = {"gradient": "gradient", "weight_gradient": "weight_gradient"}.get(
                    name, "second_moment"
                )
                limit = row.validity_of(name) != "exact"
                text = f"{CLAIMED[name]} at {'.'.join(map(str, row.path))}, {row.label}"
                claims.append(NumericClaim(text, value, column, columns[row.path, squares], limit))
        return tuple(claims)

    def simulation(self, size: Literal["own", "larger"], nanoseconds: float) -> NetworkSimulation:
        """The network to be drawn, or one with all widths four times as large."""
        return NetworkSimulation(self.network, self.input, GROWTH if size == "larger" else 1, nanoseconds)
