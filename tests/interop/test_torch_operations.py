"""Single operations of torch: what is read is what torch computes, or nothing is read."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import varprop as vp
from varprop.errors import ParameterError

if importlib.util.find_spec("torch") is None and not os.environ.get("VARPROP_FRAMEWORKS"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch import nn
from torch.nn import functional as f

MODULES = [
    nn.ReLU(),
    nn.ReLU6(),
    nn.LeakyReLU(),
    nn.LeakyReLU(0.2),
    nn.ELU(2.0),
    nn.CELU(1.5),
    nn.SELU(),
    nn.GELU(),
    nn.GELU("tanh"),
    nn.SiLU(),
    nn.Mish(),
    nn.Softplus(),
    nn.Tanh(),
    nn.Sigmoid(),
    nn.Hardtanh(),
    nn.Hardswish(),
    nn.Hardsigmoid(),
    nn.Softsign(),
]
FUNCTIONS: list[Callable[[Any], Any]] = [
    lambda x: f.relu(x, True),
    lambda x: x.relu_(),
    torch.relu,
    lambda x: f.leaky_relu(x, 0.3),
    lambda x: f.leaky_relu(x, negative_slope=0.3, inplace=True),
    f.leaky_relu,
    lambda x: f.elu(x, alpha=3.0),
    lambda x: f.celu(x, 0.5),
    f.gelu,
    lambda x: f.gelu(x, approximate="tanh"),
    f.softplus,
    f.hardtanh,
    torch.sin,
    torch.erf,
    lambda x: x.abs(),
    torch.square,
]


class Function(nn.Module):
    """A linear map before a function."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(self.linear(x))


def read(function: Callable[[Any], Any], shape: int | tuple[int, ...] = 4) -> vp.Layer:
    reading = vp.read(Function(function), shape)
    assert reading.unsupported == ()
    layer: vp.Layer = reading.network.layers[1]
    return layer


def told(model: nn.Module, shape: int | tuple[int, ...], **more: Any) -> str:
    (unread,) = vp.read(model, shape, **more).unsupported
    return unread.why


@pytest.mark.parametrize("function", [*MODULES, *FUNCTIONS])
def test_an_activation_is_the_one_that_torch_computes(function: Callable[[Any], Any]) -> None:
    x = np.linspace(-7, 7, 57)
    phi = read(function).activation  # type: ignore[attr-defined]
    np.testing.assert_allclose(phi(x), function(torch.tensor(x)).numpy(), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (nn.Hardtanh(-2, 2), "hardtanh with other limits"),
        (lambda x: f.hardtanh(x, -2.0, 2.0), "hardtanh with other limits"),
        (lambda x: f.hardtanh(x, max_val=0.5), "hardtanh with other limits"),
        (nn.Softplus(beta=2), "softplus with another beta"),
        (lambda x: f.softplus(x, 1.0, 1.0), "a low threshold"),
        (lambda x: f.softplus(x, beta=3), "softplus with another beta"),
        (lambda x: torch.cumsum(x, 1), "cumsum is not read"),
    ],
)
def test_another_function_is_not_taken_for_the_usual_one(function: Callable[[Any], Any], why: str) -> None:
    assert why in vp.read(Function(function), 4).unsupported[0].why


def test_dropout_by_its_mode() -> None:
    def off(x: Any) -> Any:
        return f.dropout(x, 0.25, False)

    def unchanged(x: Any) -> Any:
        return x.clone().contiguous().reshape(-1, 4)

    assert str(read(nn.Dropout(0.25))) == str(read(lambda x: f.dropout(x, 0.25, True)))
    assert str(read(lambda x: f.dropout(x, p=0.25))) == str(read(nn.Dropout(0.25)))
    assert "Dropout(keep=1/2)" in str(read(f.dropout))
    for function in (off, nn.Dropout(0.0), nn.Dropout(0.5).eval(), nn.Identity(), unchanged):
        reading = vp.read(Function(function), 4)
        assert reading.unsupported == ()
        assert len(reading.network.layers) == 1


CONVOLUTIONS = [
    (nn.Conv2d(4, 4, 3, groups=2), "groups, dilation or unequal strides"),
    (nn.Conv2d(4, 4, 3, dilation=2), "groups, dilation or unequal strides"),
    (nn.Conv2d(4, 4, 3, stride=(1, 2)), "groups, dilation or unequal strides"),
    (nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), "padding with circular"),
    (nn.Linear(8, 4), "along the last of several axes"),
    (nn.Flatten(2), r"a change of shape from (4, 8, 8) to (4, 64)"),
    (nn.AvgPool2d(3, stride=2), "windows overlap or reach over the border"),
    (nn.AvgPool2d((2, 1)), "windows overlap or reach over the border"),
    (nn.AvgPool2d(2, padding=1), "windows overlap or reach over the border"),
    (nn.AvgPool2d(3), "leaves positions out"),
    (nn.AdaptiveAvgPool2d(2), "an adaptive pool to several positions"),
    (nn.LayerNorm(8), "along some of several axes"),
]


@pytest.mark.parametrize(("module", "why"), CONVOLUTIONS)
def test_what_no_layer_over_positions_stands_for(module: nn.Module, why: str) -> None:
    assert why in told(module, (4, 8, 8))


def test_pools_and_strides_that_are_read() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv1d(2, 4, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
    )
    convolution, *rest = vp.read(model, (2, 16)).network.layers
    assert [str(layer) for layer in rest] == ["relu", "Flatten()"]
    assert (convolution.stride, convolution.padding) == (2, (1,))
    pooled = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.AvgPool2d((2, 2), stride=(2, 2)))
    (halved,) = vp.read(nn.AvgPool2d(2), (4, 8, 8)).network.layers
    assert vp.read(pooled, (2, 8, 8)).network.layers[1] == halved
    whole = [vp.read(nn.AdaptiveAvgPool2d(size), (4, 8, 8)).network.layers[0] for size in (1, (1, 1))]
    assert whole[0] == whole[1]
    kept = vp.read(nn.Sequential(nn.AdaptiveAvgPool2d(8), nn.ReLU()), (4, 8, 8))
    assert [str(layer) for layer in kept.network.layers] == ["relu"]


def test_normalizations() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 8), nn.RMSNorm(8))
    assert [type(layer).__name__ for layer in vp.read(model, 8).network.layers] == [
        "Dense",
        "LayerNorm",
        "Dense",
        "RMSNorm",
    ]
    assert 'say batch_norm="running" or "batch"' in told(nn.BatchNorm2d(4), (4, 8, 8), batch_norm="refuse")


def test_constant_and_unknown_biases() -> None:
    torch.manual_seed(0)
    model = nn.Linear(16, 16)
    with torch.no_grad():
        model.bias.fill_(0.01)
    (dense,) = vp.read(model, 16).network.layers
    assert dense.bias == vp.Constant(vp.parse_scalar("1/100"))
    with torch.no_grad():
        model.bias.copy_(torch.linspace(3, 4, 16))
    with pytest.raises(ParameterError, match="neither constant nor uniform"):
        vp.read(model, 16)
    with torch.no_grad():
        model.weight.zero_()
        model.bias.zero_()
    (dense,) = vp.read(model, 16).network.layers
    assert dense.weights == vp.Constant(0)
