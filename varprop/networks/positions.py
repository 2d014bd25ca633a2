"""Layers that know positions: convolutions, pools, and the step back to plain units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import sympy as sp

from varprop.model.axes import as_size
from varprop.networks.layers import Layer, Misfit, Shape

__all__ = ["AveragePool", "Flatten"]


@dataclass(frozen=True, init=False)
class AveragePool(Layer):
    """The mean of groups of `size` units; of windows of positions, if there are positions.

    Args:
        size: units (or positions along each direction) that are averaged; None averages all of them.

    Example:
        >>> AveragePool(2).shape_after((sp.Integer(6),))
        (3,)
    """

    kind: ClassVar[str] = "pool"
    size: sp.Expr | None

    def __init__(self, size: object = None) -> None:
        object.__setattr__(self, "size", None if size is None else as_size(size, "size"))

    def shape_after(self, shape: Shape) -> Shape:
        kept, along = (shape[:1], shape[1:]) if len(shape) > 1 else ((), shape)
        after = tuple(sp.S.One if self.size is None else length / self.size for length in along)
        for length, groups in zip(along, after, strict=True):
            if groups.is_number and not groups.is_Integer:
                raise Misfit(
                    f"{length} cannot be split into groups of {self.size}", f"Pool by a divisor of {length}."
                )
        return kept if len(shape) > 1 and self.size is None else (*kept, *after)

    @property
    def label(self) -> str:
        return f"AveragePool({'' if self.size is None else self.size})"


@dataclass(frozen=True)
class Flatten(Layer):
    """Channels and positions as one row of units."""

    kind: ClassVar[str] = "flatten"

    def shape_after(self, shape: Shape) -> Shape:
        return (sp.Mul(*shape),)

    @property
    def label(self) -> str:
        return "Flatten()"
