"""The same network with everything wider: what a claim about the limit of wide layers is tried on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from varprop.model.distributions import Distribution
from varprop.networks.layers import Layer, Shape

__all__ = ["wider"]


@dataclass(frozen=True)
class Shrunk:
    """A distribution whose draws are divided by a number.

    Args:
        law: the distribution.
        divisor: the number.
    """

    law: Distribution
    divisor: float

    def draw(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Independent samples."""
        return self.law.draw(rng, shape) / self.divisor


class Wide:
    """A layer of which every width is `factor` times as large, its weights smaller by the root of it.

    Sums over units then keep their second moments, whatever the weights were drawn from.
    """

    def __init__(self, layer: Any, factor: sp.Rational) -> None:
        self._layer, self._factor = layer, factor

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._layer, name)
        if name in ("fan_out", "channels"):
            return value * self._factor
        if name in ("branch", "layers"):
            return wider(value, self._factor)
        if name == "branches":
            return tuple(wider(branch, self._factor) for branch in value)
        if name == "layer":
            return Wide(value, self._factor)
        return value

    def law(self, shape: Shape) -> Shrunk:
        """What a weight is drawn from."""
        return Shrunk(self._layer.law(self._narrow(shape)), float(np.sqrt(float(self._factor))))

    def _narrow(self, shape: Shape) -> Shape:
        return (sp.Integer(shape[0]) / self._factor, *shape[1:])

    def shape_after(self, shape: Shape) -> Shape:
        """The sizes of what it gives."""
        after = self._layer.shape_after(self._narrow(shape))
        return (after[0] * self._factor, *after[1:])


def wider(layers: Iterable[Layer], factor: sp.Rational) -> tuple[Any, ...]:
    """The layers as a specification for brute force, everything `factor` times as wide.

    Args:
        layers: the layers.
        factor: above 0; below 1 everything is narrower.
    """
    return tuple(layers) if factor == 1 else tuple(Wide(layer, factor) for layer in layers)
