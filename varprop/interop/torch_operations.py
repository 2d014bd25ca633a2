"""Single operations of a torch model as layers: by what they are, and weights by their law."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
import sympy as sp

from varprop.errors import ParameterError
from varprop.model.activations import activation
from varprop.model.distributions import Distribution, Dropout
from varprop.networks.layers import Activate, Dense, Layer, LayerNorm, Noise, RMSNorm
from varprop.networks.positions import AveragePool, Conv, Flatten

__all__ = ["BatchNorm", "Unread", "layer_of"]

BatchNorm: TypeAlias = Literal["running", "batch", "refuse"]


class Unread(Exception):
    """An operation that no layer stands for."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


_ACTIVATIONS = {
    "ReLU": "relu",
    "ReLU6": "relu6",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "CELU": "celu",
    "SELU": "selu",
    "GELU": "gelu",
    "SiLU": "silu",
    "Mish": "mish",
    "Softplus": "softplus",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Hardtanh": "hardtanh",
    "Hardswish": "hardswish",
    "Hardsigmoid": "hardsigmoid",
    "Softsign": "softsign",
}
_FUNCTIONS = {*_ACTIVATIONS.values(), "sin", "cos", "erf", "exp", "abs", "square"}
# What torch lets a caller set, in the order of its arguments, and what it is if nobody does.
_PARAMETERS: dict[str, dict[str, Any]] = {
    "leaky_relu": {"negative_slope": 0.01},
    "elu": {"alpha": 1.0},
    "celu": {"alpha": 1.0},
    "gelu": {"approximate": "none"},
    "softplus": {"beta": 1.0, "threshold": 20.0},
    "hardtanh": {"min_val": -1.0, "max_val": 1.0},
}


EPS = 1e-4
"""What a normalization may add to a variance of about one unnoticed."""


def layer_of(
    node: Any, traced: Any, before: Any, laws: Mapping[str, Distribution], batch_norm: BatchNorm
) -> Layer | None:
    """The layer of one operation that reads one tensor; None if it changes nothing.

    Raises:
        Unread: no layer stands for it.
        ParameterError: a part that is fixed at initialization has moved.
    """
    if node.op == "call_module":
        module = traced.get_submodule(node.target)
        if module._forward_hooks or module._forward_pre_hooks:
            raise Unread("its hooks are not read")
        return _module(module, node, before, laws, batch_norm)
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return _function(name, node, before)


def _shape(node: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in node.meta["tensor_meta"].shape[1:])


def _module(
    module: Any, node: Any, before: Any, laws: Mapping[str, Distribution], batch_norm: BatchNorm
) -> Layer | None:
    kind = type(module).__name__
    if kind == "Identity":
        return None
    if kind in _ACTIVATIONS:
        name = _ACTIVATIONS[kind]
        return _activate(name, {part: getattr(module, part) for part in _PARAMETERS.get(name, {})})
    made: Callable[[], Layer | None] | None = {
        "Linear": lambda: _dense(module, node, before, laws),
        "Dropout": lambda: _dropout(module.p, module.training),
        "Conv1d": lambda: _convolution(module, node, laws),
        "Conv2d": lambda: _convolution(module, node, laws),
        "Flatten": lambda: _reshaped(node, before),
        "LayerNorm": lambda: _norm(module, before, LayerNorm()),
        "RMSNorm": lambda: _norm(module, before, RMSNorm()),
        "AvgPool2d": lambda: _pool(module, before),
        "AdaptiveAvgPool2d": lambda: _adaptive(module, before),
    }.get(kind)
    if made is not None:
        return made()
    if kind.startswith("BatchNorm"):
        return _batch_norm(module, node, batch_norm)
    raise Unread(f"{kind} is not read")


def _function(name: str, node: Any, before: Any) -> Layer | None:
    if name.removesuffix("_") in _FUNCTIONS:
        name = name.removesuffix("_")
        parts = _PARAMETERS.get(name, {})
        return _activate(name, parts | dict(zip(parts, node.args[1:], strict=False)) | node.kwargs)
    if name in ("flatten", "view", "reshape"):
        return _reshaped(node, before)
    if name == "dropout":
        given = {"p": 0.5, "training": True} | dict(zip(("p", "training"), node.args[1:], strict=False))
        given |= node.kwargs
        return _dropout(given["p"], given["training"])
    if name in ("contiguous", "clone"):
        return None
    raise Unread(f"{name or node.target} is not read")


def _activate(name: str, parts: Mapping[str, Any]) -> Layer:
    """The layer of an activation under torch's name for it and its parameters."""
    if name in ("leaky_relu", "elu", "celu"):
        name += f"({next(parts[part] for part in _PARAMETERS[name])!r})"
    elif name == "gelu" and parts["approximate"] != "none":
        name = "gelu_tanh"
    elif name == "softplus" and (parts["beta"] != 1 or parts["threshold"] < 20):
        raise Unread("softplus with another beta or a low threshold is not read")
    elif name == "hardtanh" and (parts["min_val"], parts["max_val"]) != (-1, 1):
        raise Unread("hardtanh with other limits is not read")
    return Activate(activation(name))


def _dropout(p: float, training: bool) -> Layer | None:
    if training and p == 1:
        raise Unread("dropout of every unit is not read")
    return Noise(Dropout(1 - sp.Rational(str(p)))) if training and p else None


def _reshaped(node: Any, before: Any) -> Layer | None:
    old, new = _shape(before), _shape(node)
    if old == new:
        return None
    if len(new) == 1 and new[0] == np.prod(old):
        return Flatten()
    raise Unread(f"a change of shape from {old} to {new} is not read")


def _dense(module: Any, node: Any, before: Any, laws: Mapping[str, Distribution]) -> Layer:
    if len(_shape(before)) > 1:
        raise Unread("a linear map along the last of several axes is not read")
    weights, bias = laws[f"{node.target}.weight"], laws.get(f"{node.target}.bias")
    return Dense(module.out_features, weights=weights, bias=bias)


def _convolution(module: Any, node: Any, laws: Mapping[str, Distribution]) -> Layer:
    if module.groups != 1 or set(module.dilation) != {1} or len(set(module.stride)) > 1:
        raise Unread("a convolution with groups, dilation or unequal strides is not read")
    if module.padding == "same" and any(size % 2 == 0 for size in module.kernel_size):
        raise Unread("an even kernel that keeps all positions is not read")
    if module.padding_mode != "zeros":
        raise Unread(f"padding with {module.padding_mode} is not read")
    weights, bias = laws[f"{node.target}.weight"], laws.get(f"{node.target}.bias")
    return Conv(
        module.out_channels,
        kernel=module.kernel_size,
        stride=module.stride[0],
        padding=module.padding,
        weights=weights,
        bias=bias,
    )


def _norm(module: Any, before: Any, layer: Layer) -> Layer:
    if len(_shape(before)) > 1 or len(module.normalized_shape) > 1:
        raise Unread("a normalization along some of several axes is not read")
    _negligible(module.eps)
    _untouched(module, layer.label)
    return layer


def _negligible(eps: float | None) -> None:
    if eps is not None and eps > EPS:
        raise Unread(f"an eps of {eps:g}, more than {EPS:g}, is not read")


def _untouched(module: Any, name: str) -> None:
    """Gains are one and shifts are zero at initialization."""
    for part, value in (("weight", 1.0), ("bias", 0.0)):
        given = getattr(module, part, None)
        if given is not None and not bool((given == value).all()):
            raise ParameterError(
                f"read {name}", f"its {part} is not {value:g} throughout", "Give a model with fresh weights."
            )


def _batch_norm(module: Any, node: Any, mode: BatchNorm) -> Layer | None:
    _untouched(module, str(node.target))
    if mode == "running":
        mean, variance = module.running_mean, module.running_var
        if mean is None:
            raise Unread("a batch normalization without running statistics is not read")
        if bool((mean != 0).any()) or bool((variance != 1).any()):
            raise ParameterError(
                f"read {node.target}", "its running statistics have moved", "Give a model with fresh weights."
            )
        _negligible(module.eps)
        return None
    if mode == "batch":
        raise Unread("the statistics of a batch are not read")
    raise Unread('batch normalization: say batch_norm="running" or "batch"')


def _pool(module: Any, before: Any) -> Layer:
    size = module.kernel_size if isinstance(module.kernel_size, int) else module.kernel_size[0]
    stride = module.stride if isinstance(module.stride, int) else module.stride[0]
    square = isinstance(module.kernel_size, int) or len(set(module.kernel_size)) == 1
    if not square or stride != size or module.padding not in (0, (0, 0)):
        raise Unread("a pool whose windows overlap or reach over the border is not read")
    if any(length % size for length in _shape(before)[1:]):
        raise Unread("a pool that leaves positions out is not read")
    return AveragePool(size)


def _adaptive(module: Any, before: Any) -> Layer | None:
    wanted = module.output_size
    if wanted in (1, (1, 1)):
        return AveragePool()
    if tuple(np.broadcast_to(wanted, 2)) == _shape(before)[1:]:
        return None
    raise Unread("an adaptive pool to several positions is not read")
