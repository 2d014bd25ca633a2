"""Nonlinearities: one frozen class for each, holding value, derivatives, kinks and exact facts."""

from __future__ import annotations

from varprop.model.activations.base import Activation, Transformed
from varprop.model.activations.custom import polynomial
from varprop.model.activations.formula import Formula, slope_of
from varprop.model.activations.homogeneous import (
    HomogeneousActivation,
    abs_,
    identity,
    leaky_relu,
    prelu,
    relu,
    relu2,
    step,
)
from varprop.model.activations.kinked import (
    celu,
    elu,
    hardsigmoid,
    hardswish,
    hardtanh,
    relu6,
    selu,
    softsign,
)
from varprop.model.activations.registry import NAMED, REGISTERED, activation
from varprop.model.activations.smooth import (
    cos,
    erf,
    exp,
    gelu,
    gelu_tanh,
    mish,
    sigmoid,
    silu,
    sin,
    softplus,
    square,
    tanh,
)

__all__ = [
    "NAMED",
    "REGISTERED",
    "Activation",
    "Formula",
    "HomogeneousActivation",
    "Transformed",
    "abs_",
    "activation",
    "celu",
    "cos",
    "elu",
    "erf",
    "exp",
    "gelu",
    "gelu_tanh",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "identity",
    "leaky_relu",
    "mish",
    "polynomial",
    "prelu",
    "relu",
    "relu2",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "sin",
    "softplus",
    "slope_of",
    "softsign",
    "square",
    "step",
    "tanh",
]
