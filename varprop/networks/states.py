"""What is known of the units at one place of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from varprop.model.axes import Token
from varprop.networks.layers import Layer, Shape
from varprop.networks.maps import Number
from varprop.networks.spatial import Spatial
from varprop.networks.unit_laws import UnitLaw

__all__ = ["LIMIT", "MOMENTS", "State", "Trace"]

LIMIT = "limit, width -> oo"
"""The validity of what holds as all widths grow together."""

MOMENTS = ("mean", "second", "fourth", "coincident", "pair", "cross", "spatial")


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
        pair_mean: E h' under the second input, wherever `pair` is known.
        pair_second: E h'^2 under the second input.
        cross: E h_j h_k of two units.
        spatial: E h_p h_q of one channel at every two positions, where there are positions.
        symmetric: whether h and -h have one law, at every width.
        rows_flip: whether every unit may change its sign by itself.
        law: the law of one unit: a distribution, a sample of the input, or normal; None if it is neither.
        independent: whether the units are independent of each other.
        alike: whether all units have one law.
        alive: whether it is known that the units are not all zero.
        seen: identities of the tied layers that stand below.
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
    pair_mean: Number = None
    cross: Number | None = None
    spatial: Spatial | None = None
    symmetric: bool = False
    rows_flip: bool = False
    law: UnitLaw = None
    independent: bool = False
    alike: bool = True
    alive: bool = False
    seen: frozenset[Token] = frozenset()
    limits: frozenset[str] = frozenset()
    precision: str = "closed form"

    def exact(self, name: str) -> bool:
        """Whether a moment holds at every width."""
        return name not in self.limits

    def after(self, exact: Mapping[str, bool], **changed: Any) -> State:
        """The state with other moments, each exact or not; what is not given for positions is dropped."""
        limits = (self.limits - exact.keys()) | {name for name, holds in exact.items() if not holds}
        return replace(self, limits=frozenset(limits), **{"spatial": None, **changed})

    def all_limits(self) -> State:
        """The state with nothing known at every width."""
        return replace(self, limits=frozenset(MOMENTS), symmetric=False, rows_flip=False)


@dataclass(frozen=True, slots=True)
class Trace:
    """One layer with what it gave; blocks hold the traces of their branches.

    Args:
        layer: the specification.
        before: what came in.
        after: what it gave.
        branches: the traces inside.
        middle: what an activation of the whole block was applied to.
    """

    layer: Layer
    before: State
    after: State
    branches: tuple[tuple[Trace, ...], ...] = ()
    middle: State | None = None
