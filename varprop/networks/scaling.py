"""The same network with the variance of all weights multiplied by a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from varprop.errors import DerivationError
from varprop.model.distributions import Distribution, Normal, Uniform
from varprop.networks.branches import Concatenate, Repeat, Residual, Tied
from varprop.networks.layers import GLU, Dense, Layer
from varprop.networks.network import Network
from varprop.networks.positions import Conv

__all__ = ["scaled"]


def _law(law: Distribution, factor: sp.Expr) -> Distribution:
    if isinstance(law, Normal):
        return Normal(variance=factor * law.variance)
    if isinstance(law, Uniform):
        return Uniform(sp.sqrt(factor) * law.low, sp.sqrt(factor) * law.high)
    raise DerivationError(f"{law} times a number", "how it scales is not known", "Use normal weights.")


def _layers(layers: Sequence[Layer], factor: sp.Expr) -> tuple[Layer, ...]:
    return tuple(_layer(layer, factor) for layer in layers)


def _layer(layer: Layer, factor: sp.Expr) -> Layer:
    if isinstance(layer, Dense):
        return Dense(layer.fan_out, _law(layer.weights, factor), layer.bias)
    if isinstance(layer, GLU):
        return GLU(layer.fan_out, layer.activation, _law(layer.weights, factor), layer.bias)
    if isinstance(layer, Conv):
        law = _law(layer.weights, factor)
        return Conv(layer.channels, layer.kernel, layer.stride, layer.padding, law, layer.bias)
    if isinstance(layer, Residual):
        return Residual(_layers(layer.branch, factor), layer.multiplier, layer.post)
    if isinstance(layer, Concatenate):
        return Concatenate(*(_layers(branch, factor) for branch in layer.branches))
    if isinstance(layer, Repeat):
        return replace(layer, layers=_layers(layer.layers, factor))
    if isinstance(layer, Tied):
        return replace(layer, layer=_layer(layer.layer, factor))
    return layer


def scaled(network: Network, factor: Any) -> Network:
    """The network with the variance of all weights multiplied by a number.

    Args:
        network: the layers.
        factor: above 0.

    Raises:
        DerivationError: weights of a distribution that is not known to scale.

    Example:
        >>> scaled(Network([Dense(2, "Normal(variance=1/2)")], fan_in=3), 4).layers[0].weights
        Normal(variance=2)
    """
    return Network(_layers(network.layers, sp.nsimplify(factor, rational=True)), network.fan_in)
