"""A profile: what is known of every layer of a network, forward and backward."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import sympy as sp

from varprop.errors import ParameterError, SamplingError
from varprop.evidence.sampled import NumericClaim
from varprop.model.distributions import Distribution
from varprop.model.scalars import scalar, symbol
from varprop.networks import showing
from varprop.networks.branches import Repeat
from varprop.networks.network import Input, Network
from varprop.networks.outlook import Outlook, outlook_of
from varprop.networks.premises import GRADIENT_INDEPENDENCE, PICTURES_ALIKE, WIDE_LAYERS, Premise
from varprop.networks.rows import CLAIMED, LARGEST, SMALLEST, Row, shown_number
from varprop.networks.scaling import scaled
from varprop.networks.simulations import NetworkSimulation, refuse_symbols
from varprop.networks.states import LIMIT
from varprop.networks.unit_laws import Sample
from varprop.render import Block, Bullets, Document, Documented, Text

__all__ = ["Profile"]

GROWTH, GROWTH_OF_NARROW, NARROW = 4, 16, 8
"""How many times wider a network is tried too, and how many times one whose layers are all narrow."""
"""How many times wider the second network of a check is, for what holds in the limit of wide layers."""
WIDE = 128
"""From this width on, the second network is narrower instead."""


@dataclass(frozen=True, eq=False)
class Profile(Documented):
    """What `propagate` found: one row per layer, forward and backward.

    Attributes:
        network: the network, repetitions written out where their number is known.
        input: what it is fed.
        rows: the input, then every layer in order; what is inside a block comes before it.
        again: the profile of another network for the same input.
        names: the numbers that a check looks at.
        places: the layers that a check looks at; None for all.

    Example:
        >>> from varprop import Dense, Network, Normal, propagate, relu, repeat
        >>> net = Network(repeat("L", [Dense("n", weights="lecun_normal"), relu]), fan_in="n")
        >>> propagate(net, input=Normal())[-1].second_moment
        2**(-L)
    """

    network: Network
    input: Input
    rows: tuple[Row, ...]
    again: Callable[[Network], Profile] = field(repr=False)
    names: tuple[str, ...] = ("mean", "second_moment", "pair", "gradient", "weight_gradient")
    places: frozenset[int] | None = None

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Row:
        return self.rows[place]

    def row(self, *path: int) -> Row:
        """The row of a layer by its number, and inside a block by branch and number there.

        Raises:
            ParameterError: there is no such place.
        """
        for row in self.rows:
            if row.path == path:
                return row
        raise ParameterError(f"row{path}", "no such place", "See the first column of profile.table().")

    @property
    def validity(self) -> str:
        """ "exact", or the worst of the rows."""
        return LIMIT if any(row.limits for row in self.rows) else "exact"

    @property
    def premises(self) -> tuple[Premise, ...]:
        """The premises that numbers marked as limits rest on; none if everything holds at every width."""
        used = frozenset().union(*(row.limits for row in self.rows))
        slopes = {"gradient", "weight_gradient"}
        forward: tuple[Premise, ...] = (WIDE_LAYERS,) if used - slopes - {"typical"} else ()
        table = isinstance(self.input.law, Sample) and not self.input.law.fixed
        if used - {"typical"} and table and any(row.kind == "conv" for row in self.rows):
            forward += (PICTURES_ALIKE,)
        return forward + ((GRADIENT_INDEPENDENCE,) if used & slopes else ())

    @cached_property
    def outlook(self) -> Outlook:
        """Whether activations and gradients vanish, stay or explode, how fast, and what repairs it."""
        return outlook_of(self.network, self.rows, lambda c: self.again(scaled(self.network, c)).rows)

    def at(self, values: Mapping[Any, Any]) -> Profile:
        """The profile in numbers: its formulas at values of their symbols.

        Args:
            values: numbers by symbol or name.

        Raises:
            ParameterError: a symbol is left, or a value is out of its domain.
        """
        exact = {symbol(s) if isinstance(s, str) else s: scalar(v, str(s)) for s, v in values.items()}
        left = (self.network.free_symbols | self.input.free_symbols) - exact.keys()
        if left:
            names = ", ".join(sorted(map(str, left)))
            raise ParameterError(f"values for {names}", "they are missing", f"Give at={{'{names}': ...}}.")
        places = dict(self._places(exact))
        rows = tuple(row.at(exact, places[row.path]) for row in self.rows if row.path in places)
        return replace(self, network=self.network.at(exact).expanded(), input=self.input.at(exact), rows=rows)

    def _places(self, values: Mapping[Any, Any]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Where every row stands once repetitions of a symbolic number are written out."""
        starts, gone = {0: (0, 0, 0)}, 0
        for number, layer in enumerate(self.network.layers, 1):
            count = block = 0
            if isinstance(layer, Repeat):
                count, block = int(layer.count.xreplace(dict(values))), len(layer.layers)
                gone += count * block - 1
            starts[number] = (number + gone, count, block)
        for row in self.rows:
            place, count, block = starts[row.path[0]]
            if not block:
                yield row.path, (place, *row.path[1:])
            elif len(row.path) == 1:
                yield row.path, (place,)
            elif row.path[1] == 2 or count > 1:
                first = place - count * block if row.path[1] == 1 else place - block
                if (row.path[1], row.path[2]) != (2, block) or len(row.path) > 3:
                    yield row.path, (first + row.path[2], *row.path[3:])

    def document(self) -> Document:
        """The outlook and the table."""
        blocks: list[Block] = [*showing.head(self), *self.outlook.document().blocks]
        if self.premises:
            blocks += [Text(f"Numbers with {showing.MARK} rest on:"), Bullets(map(str, self.premises))]
        lost = next((row.label for row in self.rows if row.pair is None), None)
        if lost and isinstance(self.input.law, Sample) and self.input.law.other is not None:
            blocks.append(Text(f"The correlation of the two inputs is not followed from {lost} on."))
        return Document([*blocks, showing.table(self.rows)])

    def table(self) -> Document:
        """A table with one line per place; a mark stands at numbers that hold for wide layers."""
        return Document([showing.table(self.rows)])

    def plot(self) -> Any:
        """Draw second moments and gradients over the layers, as a figure of matplotlib.

        Raises:
            ParameterError: the numbers are symbols, or matplotlib is missing.
        """
        return showing.figure(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain Python objects; numbers beyond the range of floats as decimal text."""
        return showing.record(self) | {"outlook": self.outlook.to_dict()}

    def to_json(self, indent: int | None = None) -> str:
        """Everything as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    def __str__(self) -> str:
        return self.to_text()

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
                        f"its {name.replace('_', ' ')} is {shown_number(value)}, "
                        f"and what can be drawn is {SMALLEST:g} to {LARGEST:g}",
                        "Take variances of inputs and weights nearer to 1, or fewer layers.",
                    )
                squares = {"gradient": "gradient", "weight_gradient": "weight_gradient"}.get(
                    name, "second_moment"
                )
                limit = row.validity_of(name) != "exact"
                text = f"{CLAIMED[name]} at {'.'.join(map(str, row.path))}, {row.label}"
                claims.append(NumericClaim(text, value, column, columns[row.path, squares], limit))
        return tuple(claims)

    @property
    def other_size(self) -> Literal["larger", "smaller"]:
        """Whether a limit is tried on a wider network too, or for a wide one on a narrower one."""
        widths = [row.shape[0] for row in self.rows]
        divide = all(width % GROWTH == 0 and width >= WIDE for width in widths)
        return "smaller" if divide and isinstance(self.input.law, Distribution) else "larger"

    @property
    def growth(self) -> int:
        """How many times wider the wider network is."""
        widths = [row.shape[0] for row in self.rows]
        narrow = all(width.is_number and width <= NARROW for width in widths)
        return GROWTH_OF_NARROW if narrow else GROWTH

    def simulation(self, size: Literal["own", "larger", "smaller"], nanoseconds: float) -> NetworkSimulation:
        """The network to be drawn, or one with all widths `growth` times as large or as small."""
        growth = sp.Integer(self.growth)
        factor = {"own": sp.S.One, "larger": growth, "smaller": 1 / growth}[size]
        return NetworkSimulation(self.network, self.input, factor, nanoseconds)
